//! A tap on the wire: a proxy on loopback that records every byte both ways, or only counts them.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A running proxy.
pub struct Tap {
    port: u16,
    record: Arc<Record>,
}

/// What went by.
struct Record {
    count: AtomicU64,
    /// None: nothing is kept.
    bytes: Option<Mutex<Vec<u8>>>,
}

impl Record {
    fn take(&self, bytes: &[u8]) {
        self.count.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if let Some(kept) = &self.bytes {
            kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        }
    }
}

impl Tap {
    /// Listens on a port of its own and forwards to another on loopback.
    pub fn start(to_port: u16) -> Self {
        Self::over(to_port, Some(Mutex::default()))
    }

    /// The same, but what goes by is counted and not kept.
    pub fn counting(to_port: u16) -> Self {
        Self::over(to_port, None)
    }

    fn over(to_port: u16, bytes: Option<Mutex<Vec<u8>>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let all = Arc::new(Record { count: AtomicU64::new(0), bytes });
        let record = all.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", to_port)) else { continue };
                let (Ok(client_too), Ok(server_too)) = (client.try_clone(), server.try_clone()) else { continue };
                let (there, back) = (record.clone(), record.clone());
                thread::spawn(move || forward(client, server, &there));
                thread::spawn(move || forward(server_too, client_too, &back));
            }
        });
        Self { port, record: all }
    }

    /// The address that clients use.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many bytes went by so far.
    pub fn passed(&self) -> u64 {
        self.record.count.load(Ordering::Relaxed)
    }

    /// Everything that went by so far; empty where it was only counted.
    pub fn recorded(&self) -> Vec<u8> {
        let bytes = self.record.bytes.as_ref();
        bytes.map(|bytes| bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, record: &Record) {
    let mut buffer = vec![0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        record.take(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}
