//! Clients over TCP and TLS, on the port of HTTP: a first byte that no request of HTTP begins with tells them apart.

use super::packets::After;
use super::{Relay, hold};
use crate::listen::{Guard, Stream};
use calls::turn::framing::frame_bytes;
use calls::turn::{Client, Link};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, ReadHalf};
use tokio::sync::{mpsc, watch};

/// Packets that wait for a slow stream; more are dropped, as datagrams would be.
const WAITING_MAX: usize = 512;
/// Bytes that wait for a slow stream.
const WAITING_BYTES_MAX: usize = 1 << 20;
/// Bytes read at once.
const READ_BYTES: usize = 16 << 10;
/// How often a silent stream is asked whether it still has an allocation; without one it is ended.
const SILENCE: Duration = Duration::from_secs(60);
/// How long a slow stream may take for what is being written.
const WRITE_MAX: Duration = Duration::from_secs(20);

/// What waits to be written to a stream.
pub struct Outbox {
    packets: mpsc::Sender<Vec<u8>>,
    bytes: Arc<AtomicUsize>,
}

impl Outbox {
    pub(super) fn push(&self, packet: Vec<u8>) {
        let bytes = packet.len();
        if self.bytes.fetch_add(bytes, Ordering::Relaxed) > WAITING_BYTES_MAX || self.packets.try_send(packet).is_err()
        {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

/// Whether what comes is STUN: waits for its first byte and leaves it there.
///
/// # Errors
/// If the stream ends or fails first.
pub async fn is_stun(stream: &mut Stream) -> std::io::Result<bool> {
    let first = match stream {
        Stream::Plain(tcp) => {
            let mut first = [0];
            match tcp.peek(&mut first).await? {
                0 => None,
                _ => Some(first[0]),
            }
        }
        Stream::Tls(tls) => tls.fill_buf().await?.first().copied(),
    };
    let first = first.ok_or(std::io::ErrorKind::UnexpectedEof)?;
    // A stream begins with a request, never with ChannelData, whose first bytes are letters of HTTP too.
    Ok(calls::stun::message::is_stun(first))
}

impl Relay {
    /// Serves a client's stream until it ends.
    pub async fn serve_stream(
        self: Arc<Self>,
        stream: Stream,
        address: SocketAddr,
        guard: Guard,
        mut stop: watch::Receiver<bool>,
    ) {
        let number = self.next_stream();
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        let client = Client { address, link: Link::Stream(number) };
        let (packets, mut waiting) = mpsc::channel::<Vec<u8>>(WAITING_MAX);
        let bytes = Arc::new(AtomicUsize::new(0));
        hold(&self.streams).insert(number, Outbox { packets, bytes: Arc::clone(&bytes) });
        let (reading, mut writing) = tokio::io::split(stream);
        let write = async {
            while let Some(packet) = waiting.recv().await {
                bytes.fetch_sub(packet.len(), Ordering::Relaxed);
                match tokio::time::timeout(WRITE_MAX, writing.write_all(&packet)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) | Err(_) => return,
                }
                // TLS holds what was written until it is flushed.
                if waiting.is_empty() && writing.flush().await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = write => {}
            () = self.read_stream(client, reading) => {}
            _ = stop.wait_for(|is_stopping| *is_stopping) => {}
        }
        hold(&self.streams).remove(&number);
        hold(&self.table).gone(&client);
        self.carry_out();
        drop(guard);
    }

    async fn read_stream(self: &Arc<Self>, client: Client, mut reading: ReadHalf<Stream>) {
        let mut inbound: Vec<u8> = Vec::new();
        let mut chunk = vec![0; READ_BYTES];
        loop {
            let bytes = match tokio::time::timeout(SILENCE, reading.read(&mut chunk)).await {
                Ok(Ok(0) | Err(_)) => return,
                Ok(Ok(bytes)) => bytes,
                Err(_) if hold(&self.table).has(&client) => continue,
                Err(_) => return,
            };
            inbound.extend_from_slice(&chunk[..bytes]);
            let mut at = 0;
            loop {
                match frame_bytes(&inbound[at..]) {
                    Ok(Some(length)) if inbound.len() - at >= length => {
                        if self.take_from_stream(client, &inbound[at..at + length]) == After::End {
                            return;
                        }
                        at += length;
                    }
                    Ok(_) => break,
                    Err(_) => return,
                }
            }
            inbound.drain(..at);
        }
    }
}
