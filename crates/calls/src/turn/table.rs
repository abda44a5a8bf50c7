//! The table: clients, allocations, reserved ports, and what their sockets are to do.

use super::allocation::{Allocation, State};
use super::credential::CredentialSecret;
use super::policy::{Policy, RESERVATION_MS, is_public};
use crate::bucket::Bucket;
use crate::stun::{Class, Method, Writer, attribute};
use core::net::{IpAddr, SocketAddr};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// How a client's packets come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// As datagrams.
    Udp,
    /// On a byte stream of this number: TCP, or TLS over it. A number is never used twice.
    Stream(u64),
}

/// Who sent a packet: the 5-tuple, the node having one address for each link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Client {
    /// Its address as the node sees it.
    pub address: SocketAddr,
    /// How its packets come.
    pub link: Link,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // No address in any log.
        formatter.debug_struct("Client").field("link", &self.link).finish_non_exhaustive()
    }
}

/// A socket for relaying, by the table's own number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayId(pub u64);

/// What the shell is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Open a UDP socket and say so with [`Table::opened`].
    Open {
        /// Its number.
        relay: RelayId,
        /// Whether it is for IPv6.
        is_ipv6: bool,
        /// Whether its port must be even.
        is_even: bool,
        /// The number of a second socket, at the port above, if one is asked for.
        next: Option<RelayId>,
    },
    /// Close it.
    Shut {
        /// Its number.
        relay: RelayId,
    },
}

/// Sockets that the shell opened: the addresses that peers are to send to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Of the socket.
    pub address: SocketAddr,
    /// Of the second one.
    pub next: Option<SocketAddr>,
}

/// A message for a client.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// To whom.
    pub to: Client,
    /// The message.
    pub bytes: Vec<u8>,
}

/// A port that waits for a second allocation.
pub(super) struct Reservation {
    pub(super) relay: RelayId,
    pub(super) address: SocketAddr,
    pub(super) ends_ms: u64,
    pub(super) username: Vec<u8>,
}

/// All allocations of a node.
pub struct Table {
    pub(super) policy: Policy,
    pub(super) realm: String,
    pub(super) secret: CredentialSecret,
    nonce_key: Zeroizing<[u8; 32]>,
    /// The addresses that peers of relays see.
    own: Vec<IpAddr>,
    /// Where the rooms of this node are: the one address behind our own that may be sent to.
    rooms: Vec<SocketAddr>,
    pub(super) allocations: BTreeMap<Client, Allocation>,
    pub(super) relays: BTreeMap<RelayId, Client>,
    pub(super) addresses: BTreeMap<SocketAddr, RelayId>,
    pub(super) reservations: BTreeMap<[u8; 8], Reservation>,
    pub(super) by_user: BTreeMap<Vec<u8>, u32>,
    pub(super) by_address: BTreeMap<IpAddr, u32>,
    next_relay: u64,
    pub(super) effects: Vec<Effect>,
    pub(super) bucket: Bucket,
    pub(super) open_answers: Bucket,
    pub(super) indications: u64,
    pub(super) relayed_bytes: u64,
    pub(super) relayed_packets: u64,
    pub(super) dropped_packets: u64,
    pub(super) refusals: u64,
}

/// What a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Allocations, now.
    pub allocations: usize,
    /// Payload bytes relayed so far.
    pub relayed_bytes: u64,
    /// Payloads relayed so far.
    pub relayed_packets: u64,
    /// Payloads dropped so far: not permitted, or over a limit.
    pub dropped_packets: u64,
    /// Requests refused so far; the first one of each client is among them, for it learns the nonce so.
    pub refusals: u64,
}

impl Table {
    /// An empty table. `own`: the addresses at which peers reach relays. `nonce_key`: random, for this process alone.
    pub fn new(
        now_ms: u64,
        policy: Policy,
        realm: String,
        secret: CredentialSecret,
        own: Vec<IpAddr>,
        nonce_key: [u8; 32],
    ) -> Self {
        Self {
            bucket: Bucket::new(now_ms, policy.bytes_per_s),
            open_answers: Bucket::new(now_ms, policy.open_answers_per_s),
            policy,
            realm,
            secret,
            nonce_key: Zeroizing::new(nonce_key),
            own,
            rooms: Vec::new(),
            allocations: BTreeMap::new(),
            relays: BTreeMap::new(),
            addresses: BTreeMap::new(),
            reservations: BTreeMap::new(),
            by_user: BTreeMap::new(),
            by_address: BTreeMap::new(),
            next_relay: 0,
            effects: Vec::new(),
            indications: 0,
            relayed_bytes: 0,
            relayed_packets: 0,
            dropped_packets: 0,
            refusals: 0,
        }
    }

    /// Lets clients reach the rooms of this node through it.
    pub fn set_rooms(&mut self, rooms: Vec<SocketAddr>) {
        self.rooms = rooms;
    }

    /// What the shell is to do, in order. Never more than a few for each packet.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Whether there is anything to do.
    pub fn has_effects(&self) -> bool {
        !self.effects.is_empty()
    }

    /// Whether a client has an allocation.
    pub fn has(&self, client: &Client) -> bool {
        self.allocations.contains_key(client)
    }

    /// What it holds.
    pub fn counts(&self) -> Counts {
        Counts {
            allocations: self.allocations.len(),
            relayed_bytes: self.relayed_bytes,
            relayed_packets: self.relayed_packets,
            dropped_packets: self.dropped_packets,
            refusals: self.refusals,
        }
    }

    /// Says that the sockets of an [`Effect::Open`] are open, or that there are none to be had.
    pub fn opened(&mut self, now_ms: u64, relay: RelayId, opened: Option<Opened>) -> Option<Answer> {
        let to = self.relays.get(&relay).copied();
        let allocation = to.and_then(|to| self.allocations.get_mut(&to));
        let (Some(to), Some(allocation)) = (to, allocation) else {
            // The client is gone already.
            self.effects.push(Effect::Shut { relay });
            if opened.is_some_and(|opened| opened.next.is_some()) {
                self.effects.push(Effect::Shut { relay: RelayId(relay.0 + 1) });
            }
            return None;
        };
        let Some(opened) = opened else {
            let refusal = Writer::new(Class::Error, Method::Allocate, allocation.transaction)
                .put_error(508, "Insufficient Capacity");
            let bytes = refusal.finish_with(&allocation.key);
            self.remove(&to);
            return Some(Answer { to, bytes });
        };
        allocation.state = State::Open(opened.address);
        allocation.ends_ms = now_ms.saturating_add(u64::from(allocation.lifetime_s) * 1_000);
        self.addresses.insert(opened.address, relay);
        if let Some(address) = opened.next {
            let token = token(&self.nonce_key, relay);
            allocation.reservation = Some(token);
            let reservation = Reservation {
                relay: RelayId(relay.0 + 1),
                address,
                ends_ms: now_ms.saturating_add(RESERVATION_MS),
                username: allocation.username.clone(),
            };
            self.reservations.insert(token, reservation);
        }
        Some(Answer { to, bytes: allocated(&to, allocation, opened.address) })
    }

    /// Ends what a closed stream had.
    pub fn gone(&mut self, client: &Client) {
        self.remove(client);
    }

    /// Ends what is over.
    pub fn tick(&mut self, now_ms: u64) {
        let over = |(client, allocation): (&Client, &Allocation)| {
            let is_over = now_ms >= allocation.ends_ms && allocation.state != State::Opening;
            is_over.then_some(*client)
        };
        let ended: Vec<Client> = self.allocations.iter().filter_map(over).collect();
        ended.iter().for_each(|client| self.remove(client));
        let effects = &mut self.effects;
        self.reservations.retain(|_, reservation| {
            let is_kept = now_ms < reservation.ends_ms;
            if !is_kept {
                effects.push(Effect::Shut { relay: reservation.relay });
            }
            is_kept
        });
    }

    /// Whether a peer may be given a permission.
    pub(super) fn may_permit(&self, ip: &IpAddr) -> bool {
        self.policy.may_relay_private || self.own.contains(ip) || is_public(ip)
    }

    /// Whether a payload may leave for this address through a socket.
    pub(super) fn may_send_to(&self, peer: &SocketAddr) -> bool {
        let ip = &peer.ip();
        let is_open = self.policy.may_relay_private || self.rooms.contains(peer);
        is_open || (is_public(ip) && !self.own.contains(ip))
    }

    /// Two numbers in a row, so that the second is free for the port above.
    pub(super) fn next_relay(&mut self) -> RelayId {
        self.next_relay += 2;
        RelayId(self.next_relay)
    }

    /// Takes an allocation out and shuts its socket.
    pub(super) fn remove(&mut self, client: &Client) {
        let Some(allocation) = self.allocations.remove(client) else { return };
        self.relays.remove(&allocation.relay);
        if let State::Open(address) = allocation.state {
            self.addresses.remove(&address);
        }
        count_down(&mut self.by_user, &allocation.username);
        count_down(&mut self.by_address, &client.address.ip());
        self.effects.push(Effect::Shut { relay: allocation.relay });
    }

    /// A nonce for a client: when it was made, and a MAC over that and the client.
    pub(super) fn nonce(&self, now_ms: u64, client: &Client) -> String {
        let mac = self.nonce_mac(now_ms, client);
        format!("{now_ms:016x}{}", data_encoding::HEXLOWER.encode(&mac[..12]))
    }

    /// Whether a nonce was made for this client, not too long ago.
    pub(super) fn is_nonce_good(&self, now_ms: u64, client: &Client, nonce: &[u8]) -> bool {
        let made_ms = nonce.get(..16).and_then(|hex| std::str::from_utf8(hex).ok());
        let Some(made_ms) = made_ms.and_then(|hex| u64::from_str_radix(hex, 16).ok()) else { return false };
        let is_young = now_ms.checked_sub(made_ms).is_some_and(|age_ms| age_ms < super::policy::NONCE_MS);
        is_young && subtle::ConstantTimeEq::ct_eq(nonce, self.nonce(made_ms, client).as_bytes()).into()
    }

    fn nonce_mac(&self, made_ms: u64, client: &Client) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.nonce_key).expect("a key of any length");
        mac.update(&made_ms.to_be_bytes());
        match client.address.ip() {
            IpAddr::V4(ip) => mac.update(&ip.octets()),
            IpAddr::V6(ip) => mac.update(&ip.octets()),
        }
        mac.update(&client.address.port().to_be_bytes());
        match client.link {
            Link::Udp => mac.update(&[0]),
            Link::Stream(number) => mac.update(&number.to_be_bytes()),
        }
        mac.finalize().into_bytes().into()
    }
}

/// The success of an Allocate.
pub(super) fn allocated(client: &Client, allocation: &Allocation, relayed: SocketAddr) -> Vec<u8> {
    let mut answer = Writer::new(Class::Success, Method::Allocate, allocation.transaction)
        .put_address(attribute::XOR_RELAYED_ADDRESS, &relayed)
        .put_u32(attribute::LIFETIME, allocation.lifetime_s)
        .put_address(attribute::XOR_MAPPED_ADDRESS, &client.address);
    if let Some(token) = &allocation.reservation {
        answer = answer.put(attribute::RESERVATION_TOKEN, token);
    }
    answer.finish_with(&allocation.key)
}

/// What nobody guesses.
fn token(key: &[u8; 32], relay: RelayId) -> [u8; 8] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(b"reservation");
    mac.update(&relay.0.to_be_bytes());
    let mac: [u8; 32] = mac.finalize().into_bytes().into();
    std::array::from_fn(|at| mac[at])
}

fn count_down<K: Ord + Clone>(counts: &mut BTreeMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}
