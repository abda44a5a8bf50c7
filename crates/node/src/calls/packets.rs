//! Packets in, packets out. A packet is read into a buffer of the thread with room before it, so that what goes before
//! its payload is written in place and nothing is copied.

use super::stream::STREAM_FRAME_BYTES_MAX;
use super::{Relay, hold};
use crate::shared::now_ms;
use calls::turn::{Client, Forward, Link, RelayId, Verdict};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use tokio::net::UdpSocket;

/// Room before a packet.
pub const HEADROOM: usize = 64;
/// Packets that are read from one socket before others get their turn.
const BURST: usize = 64;
/// A packet and zeros behind it.
const BUFFER_BYTES: usize = HEADROOM + STREAM_FRAME_BYTES_MAX + 4;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; BUFFER_BYTES].into_boxed_slice());
}

/// What becomes of a stream after its packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// It goes on.
    GoOn,
    /// It is ended.
    End,
}

impl Relay {
    /// Takes what came to the clients' port.
    pub(super) fn read_clients(self: &Arc<Self>) {
        BUFFER.with_borrow_mut(|buffer| {
            for _ in 0..BURST {
                match self.udp.try_recv_from(&mut buffer[HEADROOM..BUFFER_BYTES - 4]) {
                    Ok((bytes, from)) => {
                        let address = SocketAddr::new(from.ip().to_canonical(), from.port());
                        self.take(Client { address, link: Link::Udp }, buffer, HEADROOM..HEADROOM + bytes);
                    }
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                    // A peer that is gone, by ICMP.
                    Err(_) => {}
                }
            }
        });
    }

    /// Takes what came to a relay's socket.
    pub(super) fn read_peers(self: &Arc<Self>, relay: RelayId, socket: &UdpSocket) {
        BUFFER.with_borrow_mut(|buffer| {
            for _ in 0..BURST {
                let (bytes, from) = match socket.try_recv_from(&mut buffer[HEADROOM..BUFFER_BYTES - 4]) {
                    Ok(came) => came,
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                    Err(_) => continue,
                };
                let peer = SocketAddr::new(from.ip().to_canonical(), from.port());
                let forward = hold(&self.table).from_peer(now_ms(), relay, peer, bytes);
                if let Some(forward) = forward {
                    self.forward(&forward, buffer, HEADROOM..HEADROOM + bytes);
                }
            }
        });
    }

    /// Takes one message of a stream.
    pub(super) fn take_from_stream(self: &Arc<Self>, client: Client, message: &[u8]) -> After {
        BUFFER.with_borrow_mut(|buffer| {
            let at = HEADROOM..HEADROOM + message.len();
            buffer[at.clone()].copy_from_slice(message);
            self.take(client, buffer, at)
        })
    }

    fn take(self: &Arc<Self>, client: Client, buffer: &mut [u8], at: Range<usize>) -> After {
        let start = at.start;
        let (verdict, has_effects) = {
            let mut table = hold(&self.table);
            let verdict = table.from_client(now_ms(), client, &buffer[at]);
            (verdict, table.has_effects())
        };
        let within = |payload: Range<usize>| start + payload.start..start + payload.end;
        let mut after = After::GoOn;
        match verdict {
            Verdict::Nothing => {}
            Verdict::Answer(bytes) => self.answer(calls::turn::Answer { to: client, bytes }),
            Verdict::Relay { relay, peer, payload } => {
                let socket = hold(&self.sockets).get(&relay).map(|held| Arc::clone(&held.socket));
                if let Some(socket) = socket {
                    let _ = socket.try_send_to(&buffer[within(payload)], peer);
                }
            }
            Verdict::Forward { forward, payload } => self.forward(&forward, buffer, within(payload)),
            Verdict::End => after = After::End,
        }
        if has_effects {
            self.carry_out();
        }
        after
    }

    /// Sends head ‖ payload ‖ padding, written around the payload where it lies.
    fn forward(&self, forward: &Forward, buffer: &mut [u8], payload: Range<usize>) {
        let head = forward.head();
        let whole = payload.start - head.len()..payload.end + forward.padding;
        buffer[whole.start..payload.start].copy_from_slice(head);
        buffer[payload.end..whole.end].fill(0);
        match forward.to.link {
            Link::Udp => self.send_to_client(&forward.to, &buffer[whole]),
            Link::Stream(number) => self.push_to_stream(number, buffer[whole].to_vec()),
        }
    }
}
