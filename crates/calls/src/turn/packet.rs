//! Data in both directions. Nothing here is answered: what may not pass is dropped.

use super::allocation::State;
use super::table::{Client, Link, RelayId, Table};
use crate::stun::{Class, Message, Method, TransactionId, address, attribute, message};
use core::net::SocketAddr;
use core::ops::Range;

/// Bytes before the payload of a packet to a client at most: a header, an IPv6 peer, the head of DATA.
pub const HEAD_BYTES_MAX: usize = 48;
/// Bytes of a payload at most: UDP's, less a Data indication's.
pub const PAYLOAD_BYTES_MAX: usize = 65_507 - HEAD_BYTES_MAX - 3;

/// What becomes of a client's packet.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is dropped, or an answer comes later.
    Nothing,
    /// Send this back.
    Answer(Vec<u8>),
    /// Send the payload from a relay's socket to a peer.
    Relay {
        /// Whose socket.
        relay: RelayId,
        /// To whom.
        peer: SocketAddr,
        /// Where in the packet.
        payload: Range<usize>,
    },
    /// The peer is another client of ours: send the payload to it, no socket in between.
    Forward {
        /// To whom and how.
        forward: Forward,
        /// Where in the packet.
        payload: Range<usize>,
    },
    /// A stream carried what is no message: end it.
    End,
}

/// How a payload goes to a client: head ‖ payload ‖ zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// To whom.
    pub to: Client,
    head: [u8; HEAD_BYTES_MAX],
    head_bytes: usize,
    /// Zero bytes behind the payload.
    pub padding: usize,
}

impl Forward {
    /// What goes before the payload.
    pub fn head(&self) -> &[u8] {
        &self.head[..self.head_bytes]
    }
}

impl Table {
    /// Takes a packet of a client: of a stream one message, as `framing` cuts them.
    pub fn from_client(&mut self, now_ms: u64, client: Client, packet: &[u8]) -> Verdict {
        match packet.first() {
            Some(first) if message::is_stun(*first) => match Message::parse(packet) {
                Ok(message) if !message.is_fingerprint_right() => Verdict::Nothing,
                Ok(message) if message.class == Class::Request => self.request(now_ms, client, &message),
                Ok(message) if (message.class, message.method) == (Class::Indication, Method::Send) => {
                    let verdict = self.send_indication(now_ms, client, &message);
                    self.count_dropped(verdict)
                }
                Ok(_) => Verdict::Nothing,
                Err(_) if matches!(client.link, Link::Stream(_)) => Verdict::End,
                Err(_) => Verdict::Nothing,
            },
            Some(0x40..=0x7F) => {
                let verdict = self.channel_data(now_ms, client, packet);
                self.count_dropped(verdict)
            }
            _ => Verdict::Nothing,
        }
    }

    fn count_dropped(&mut self, verdict: Verdict) -> Verdict {
        self.dropped_packets = self.dropped_packets.wrapping_add(u64::from(verdict == Verdict::Nothing));
        verdict
    }

    /// Takes a packet that came to a relay's socket, by its length.
    pub fn from_peer(
        &mut self,
        now_ms: u64,
        relay: RelayId,
        peer: SocketAddr,
        payload_bytes: usize,
    ) -> Option<Forward> {
        let forward = self.pass_from_peer(now_ms, relay, peer, payload_bytes);
        self.dropped_packets = self.dropped_packets.wrapping_add(u64::from(forward.is_none()));
        forward
    }

    fn pass_from_peer(
        &mut self,
        now_ms: u64,
        relay: RelayId,
        peer: SocketAddr,
        payload_bytes: usize,
    ) -> Option<Forward> {
        let client = *self.relays.get(&relay)?;
        let allocation = self.allocations.get_mut(&client)?;
        let is_open = matches!(allocation.state, State::Open(_)) && now_ms < allocation.ends_ms;
        if !is_open || payload_bytes > PAYLOAD_BYTES_MAX || !allocation.is_permitted(now_ms, &peer.ip()) {
            return None;
        }
        let bytes = payload_bytes as u64;
        if !allocation.bucket.take(now_ms, bytes) || !self.bucket.take(now_ms, bytes) {
            return None;
        }
        self.relayed_bytes = self.relayed_bytes.wrapping_add(bytes);
        self.relayed_packets = self.relayed_packets.wrapping_add(1);
        Some(match allocation.number(now_ms, &peer) {
            Some(number) => channel_forward(client, number, payload_bytes),
            None => {
                self.indications = self.indications.wrapping_add(1);
                data_forward(client, self.indications, &peer, payload_bytes)
            }
        })
    }

    fn send_indication(&mut self, now_ms: u64, client: Client, message: &Message<'_>) -> Verdict {
        let (Some(peer), Some((at, length)), []) = (message.peers().next(), message.data, message.unknown()) else {
            return Verdict::Nothing;
        };
        self.relay_to(now_ms, client, peer, at..at + length)
    }

    fn channel_data(&mut self, now_ms: u64, client: Client, packet: &[u8]) -> Verdict {
        let Some([high, low, length @ ..]) = packet.first_chunk::<4>() else { return Verdict::Nothing };
        let number = u16::from_be_bytes([*high, *low]);
        let length = usize::from(u16::from_be_bytes(*length));
        // Over UDP it may be padded or not.
        if packet.len() < 4 + length || packet.len() > 4 + length.next_multiple_of(4) {
            return Verdict::Nothing;
        }
        let peer = self.allocations.get(&client).and_then(|allocation| allocation.peer(now_ms, number));
        match peer {
            Some(peer) => self.relay_to(now_ms, client, peer, 4..4 + length),
            None => Verdict::Nothing,
        }
    }

    fn relay_to(&mut self, now_ms: u64, client: Client, peer: SocketAddr, payload: Range<usize>) -> Verdict {
        let may_leave = self.may_send_to(&peer);
        let Some(allocation) = self.allocations.get_mut(&client) else { return Verdict::Nothing };
        let State::Open(own) = allocation.state else { return Verdict::Nothing };
        let may = now_ms < allocation.ends_ms
            && payload.len() <= PAYLOAD_BYTES_MAX
            && allocation.is_permitted(now_ms, &peer.ip());
        if !may {
            return Verdict::Nothing;
        }
        let relay = allocation.relay;
        if let Some(other) = self.addresses.get(&peer).copied() {
            return match self.pass_from_peer(now_ms, other, own, payload.len()) {
                Some(forward) => Verdict::Forward { forward, payload },
                None => Verdict::Nothing,
            };
        }
        let bytes = payload.len() as u64;
        // Behind our own address are other servers of this machine, which nobody meant to open.
        if !may_leave || !allocation.bucket.take(now_ms, bytes) || !self.bucket.take(now_ms, bytes) {
            return Verdict::Nothing;
        }
        self.relayed_bytes = self.relayed_bytes.wrapping_add(bytes);
        self.relayed_packets = self.relayed_packets.wrapping_add(1);
        Verdict::Relay { relay, peer, payload }
    }
}

fn channel_forward(to: Client, number: u16, payload_bytes: usize) -> Forward {
    let mut head = [0; HEAD_BYTES_MAX];
    head[..2].copy_from_slice(&number.to_be_bytes());
    head[2..4].copy_from_slice(&(payload_bytes as u16).to_be_bytes());
    let padding = match to.link {
        Link::Udp => 0,
        Link::Stream(_) => payload_bytes.next_multiple_of(4) - payload_bytes,
    };
    Forward { to, head, head_bytes: 4, padding }
}

fn data_forward(to: Client, nth: u64, peer: &SocketAddr, payload_bytes: usize) -> Forward {
    let mut transaction = [0; 12];
    transaction[4..].copy_from_slice(&nth.to_be_bytes());
    let transaction = TransactionId(transaction);
    let mut value = [0; address::VALUE_BYTES_MAX];
    let value_bytes = address::write(peer, &transaction, &mut value);
    let padding = payload_bytes.next_multiple_of(4) - payload_bytes;
    let head_bytes = crate::stun::HEADER_BYTES + 4 + value_bytes + 4;
    let length = head_bytes - crate::stun::HEADER_BYTES + payload_bytes + padding;
    let mut head = [0; HEAD_BYTES_MAX];
    let parts: [&[u8]; 9] = [
        &message::join_type(Class::Indication, Method::Data).to_be_bytes(),
        &(length as u16).to_be_bytes(),
        &crate::stun::COOKIE.to_be_bytes(),
        &transaction.0,
        &attribute::XOR_PEER_ADDRESS.to_be_bytes(),
        &(value_bytes as u16).to_be_bytes(),
        &value[..value_bytes],
        &attribute::DATA.to_be_bytes(),
        &(payload_bytes as u16).to_be_bytes(),
    ];
    let mut at = 0;
    for part in parts {
        head[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
    Forward { to, head, head_bytes, padding }
}
