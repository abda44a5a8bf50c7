//! One client's relayed address: who may send to it, and under which numbers.

use super::policy::{CHANNEL_MS, PERMISSION_MS, Policy};
use super::table::RelayId;
use crate::bucket::Bucket;
use crate::stun::{LongTermKey, TransactionId};
use core::net::{IpAddr, SocketAddr};
use std::collections::BTreeMap;

/// Whether its socket is open yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The shell was asked for a socket.
    Opening,
    /// The address that peers see.
    Open(SocketAddr),
}

#[derive(Debug)]
pub(super) struct Allocation {
    pub(super) username: Vec<u8>,
    pub(super) key: LongTermKey,
    pub(super) transaction: TransactionId,
    pub(super) relay: RelayId,
    pub(super) state: State,
    /// The number of the address family.
    pub(super) family: u8,
    pub(super) lifetime_s: u32,
    pub(super) ends_ms: u64,
    pub(super) bucket: Bucket,
    pub(super) reservation: Option<[u8; 8]>,
    permissions: BTreeMap<IpAddr, u64>,
    channels: BTreeMap<u16, Channel>,
    numbers: BTreeMap<SocketAddr, u16>,
}

#[derive(Debug, Clone, Copy)]
struct Channel {
    peer: SocketAddr,
    ends_ms: u64,
}

/// Why a channel is not bound.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BindError {
    /// The number is another peer's, or the peer has another number.
    Taken,
    /// There are too many.
    Full,
}

impl Allocation {
    pub(super) fn new(
        now_ms: u64,
        policy: &Policy,
        relay: RelayId,
        username: Vec<u8>,
        key: LongTermKey,
        transaction: TransactionId,
    ) -> Self {
        Self {
            username,
            key,
            transaction,
            relay,
            state: State::Opening,
            family: 0,
            lifetime_s: 0,
            ends_ms: now_ms,
            bucket: Bucket::new(now_ms, policy.allocation_bytes_per_s),
            reservation: None,
            permissions: BTreeMap::new(),
            channels: BTreeMap::new(),
            numbers: BTreeMap::new(),
        }
    }

    /// Lets these addresses send; all of them or, where they are too many, none.
    pub(super) fn permit(&mut self, now_ms: u64, ips: &[IpAddr], policy: &Policy) -> Result<(), BindError> {
        self.permissions.retain(|_, ends_ms| now_ms < *ends_ms);
        let new = ips.iter().filter(|ip| !self.permissions.contains_key(ip)).count();
        if self.permissions.len().saturating_add(new) > policy.permissions_max {
            return Err(BindError::Full);
        }
        for ip in ips {
            self.permissions.insert(*ip, now_ms.saturating_add(PERMISSION_MS));
        }
        Ok(())
    }

    pub(super) fn is_permitted(&self, now_ms: u64, ip: &IpAddr) -> bool {
        self.permissions.get(ip).is_some_and(|ends_ms| now_ms < *ends_ms)
    }

    /// Gives a peer a number, or the same one for longer, and permits its address.
    pub(super) fn bind(
        &mut self,
        now_ms: u64,
        number: u16,
        peer: SocketAddr,
        policy: &Policy,
    ) -> Result<(), BindError> {
        self.channels.retain(|_, channel| now_ms < channel.ends_ms);
        let channels = &self.channels;
        self.numbers.retain(|_, number| channels.contains_key(number));
        let is_other_peers = self.channels.get(&number).is_some_and(|channel| channel.peer != peer);
        let has_other_number = self.numbers.get(&peer).is_some_and(|known| *known != number);
        if is_other_peers || has_other_number {
            return Err(BindError::Taken);
        }
        if !self.channels.contains_key(&number) && self.channels.len() >= policy.channels_max {
            return Err(BindError::Full);
        }
        self.permit(now_ms, &[peer.ip()], policy)?;
        self.channels.insert(number, Channel { peer, ends_ms: now_ms.saturating_add(CHANNEL_MS) });
        self.numbers.insert(peer, number);
        Ok(())
    }

    /// The peer of a number.
    pub(super) fn peer(&self, now_ms: u64, number: u16) -> Option<SocketAddr> {
        self.channels.get(&number).filter(|channel| now_ms < channel.ends_ms).map(|channel| channel.peer)
    }

    /// The number of a peer.
    pub(super) fn number(&self, now_ms: u64, peer: &SocketAddr) -> Option<u16> {
        let number = *self.numbers.get(peer)?;
        self.peer(now_ms, number).map(|_| number)
    }
}
