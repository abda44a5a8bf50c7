//! The ways out of this machine: sockets of its own, and relays. Each has a number, by which a shell knows its socket.

use calls::relayed::{Lookup, Received, Relayed};
use std::net::SocketAddr;
use std::ops::Range;

/// A socket, or a stream, of the shell's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WayId(pub usize);

/// Bytes for a socket.
#[derive(Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Which socket.
    pub way: WayId,
    /// To whom; on a stream to the server at its end.
    pub to: SocketAddr,
    /// What.
    pub bytes: Vec<u8>,
}

pub(crate) enum Way {
    /// A socket of ours, and perhaps a STUN server that says how it looks from outside.
    Host { local: SocketAddr, lookup: Option<(SocketAddr, Lookup)> },
    /// A relay.
    Relay(Box<RelayWay>),
}

pub(crate) struct RelayWay {
    pub(crate) local: SocketAddr,
    pub(crate) server: SocketAddr,
    pub(crate) client: Relayed,
    /// Its address was told.
    pub(crate) is_told: bool,
}

/// What a packet is.
pub(crate) enum Sorted {
    /// One of the connection's: from whom, to which address of ours, where in the bytes.
    Packet(SocketAddr, SocketAddr, Range<usize>),
    /// How a socket of ours looks from outside.
    Mapped(SocketAddr, SocketAddr),
    /// Nothing more to do.
    Nothing,
}

impl Way {
    pub(crate) fn wake_ms(&self) -> Option<u64> {
        match self {
            Self::Host { lookup, .. } => lookup.as_ref().and_then(|(_, lookup)| lookup.wake_ms()),
            Self::Relay(relay) => relay.client.wake_ms(),
        }
    }

    /// Whether what there is to find out is found out, or will not be.
    pub(crate) fn is_settled(&self) -> bool {
        match self {
            Self::Host { lookup, .. } => lookup.as_ref().is_none_or(|(_, lookup)| lookup.wake_ms().is_none()),
            Self::Relay(relay) => relay.is_told || relay.client.failure().is_some(),
        }
    }

    pub(crate) fn tick(&mut self, now_ms: u64) {
        if let Self::Relay(relay) = self {
            relay.client.tick(now_ms);
        }
    }

    /// What this way itself has to say.
    pub(crate) fn take_outgoing(&mut self, id: WayId, now_ms: u64, out: &mut Vec<Parcel>) {
        match self {
            Self::Host { lookup: Some((server, lookup)), .. } => {
                out.extend(lookup.tick(now_ms).map(|bytes| Parcel { way: id, to: *server, bytes }));
            }
            Self::Host { lookup: None, .. } => {}
            Self::Relay(relay) => {
                let to = relay.server;
                out.extend(relay.client.take_outgoing().into_iter().map(|bytes| Parcel { way: id, to, bytes }));
            }
        }
    }

    pub(crate) fn sort(&mut self, now_ms: u64, from: SocketAddr, bytes: &[u8]) -> Sorted {
        match self {
            Self::Host { local, lookup } => {
                let mapped = lookup.as_mut().and_then(|(_, lookup)| lookup.receive(bytes));
                match mapped {
                    Some(mapped) => Sorted::Mapped(mapped, *local),
                    None => Sorted::Packet(from, *local, 0..bytes.len()),
                }
            }
            Self::Relay(relay) if from == relay.server => match relay.client.receive(now_ms, bytes) {
                Received::Data { peer, payload } => match relay.client.address() {
                    Some(address) => Sorted::Packet(peer, address, payload),
                    None => Sorted::Nothing,
                },
                Received::Nothing => Sorted::Nothing,
            },
            // Whoever found the socket of a relay's client by chance is not spoken to.
            Self::Relay(_) => Sorted::Nothing,
        }
    }

    /// Sends from an address of ours, if it is this way's.
    pub(crate) fn send(
        &mut self,
        now_ms: u64,
        id: WayId,
        source: SocketAddr,
        to: SocketAddr,
        bytes: &[u8],
    ) -> Option<Option<Parcel>> {
        match self {
            Self::Host { local, .. } if *local == source => Some(Some(Parcel { way: id, to, bytes: bytes.to_vec() })),
            Self::Relay(relay) if relay.client.address() == Some(source) => {
                relay.client.send(now_ms, to, bytes);
                Some(None)
            }
            Self::Host { .. } | Self::Relay(_) => None,
        }
    }
}
