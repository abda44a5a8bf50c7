//! A tap on the wire: a proxy on loopback that records every byte both ways.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A running proxy.
pub struct Tap {
    port: u16,
    recorded: Arc<Mutex<Vec<u8>>>,
}

impl Tap {
    /// Listens on a port of its own and forwards to another on loopback.
    pub fn start(to_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let recorded = Arc::new(Mutex::new(Vec::new()));
        let record = recorded.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", to_port)) else { continue };
                let (Ok(client_too), Ok(server_too)) = (client.try_clone(), server.try_clone()) else { continue };
                let (there, back) = (record.clone(), record.clone());
                thread::spawn(move || forward(client, server, &there));
                thread::spawn(move || forward(server_too, client_too, &back));
            }
        });
        Self { port, recorded }
    }

    /// The address that clients use.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many bytes went by so far.
    pub fn passed(&self) -> u64 {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).len() as u64
    }

    /// Everything that went by so far.
    pub fn recorded(&self) -> Vec<u8> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, record: &Mutex<Vec<u8>>) {
    let mut buffer = vec![0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        record.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}
