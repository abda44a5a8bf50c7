//! The client of a relay: one allocation (RFC 8656), and where a STUN server sees us. No socket, no clock.
//!
//! The shell brings what the server said to [`Relayed::receive`], sends what [`Relayed::take_outgoing`] gives, and
//! calls [`Relayed::tick`] when [`Relayed::wake_ms`] has come. Peers are spoken to in channels, which carry their
//! permission with them; packets that are too early for their channel wait, a few of them.

use crate::stun::message::is_stun;
use crate::stun::{Class, LongTermKey, Message, Method, TransactionId, Writer, attribute};
use core::net::SocketAddr;
use core::ops::Range;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// How long the first try of a request may take over datagrams (RFC 8489 s.6.2.1), in milliseconds.
const RTO_MS: u64 = 400;
/// Tries of a request over datagrams.
const TRIES_MAX: u32 = 6;
/// How long a request may take over a stream.
const STREAM_MS: u64 = 8_000;
/// How often a request may be asked for another nonce.
const NONCES_MAX: u32 = 3;
/// Peers of an allocation at most.
pub const PEERS_MAX: usize = 32;
/// Packets to a peer that wait for its channel at most.
pub const WAITING_MAX: usize = 8;
/// A channel is bound anew so often: its permission lasts five minutes.
const BIND_MS: u64 = 240_000;
/// An allocation lasts so long where the server does not say, in seconds.
const LIFETIME_S: u32 = 600;
/// The shortest lifetime that is believed.
const LIFETIME_S_MIN: u32 = 20;
/// UDP's number in REQUESTED-TRANSPORT.
const UDP: u32 = 17 << 24;
const CHANNEL_FIRST: u16 = 0x4000;
/// RFC 8656 s.12.
const CHANNEL_LAST: u16 = 0x4FFF;
const CHANNEL_HEAD_BYTES: usize = 4;

/// Why there is no relayed address (any more).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RelayedError {
    /// Nothing came back.
    #[error("the relay does not answer")]
    Silent,
    /// The credential is not good, or not any more.
    #[error("the relay does not know the credential")]
    Denied,
    /// Another refusal, by its code.
    #[error("the relay refused with {code}")]
    Refused {
        /// ERROR-CODE
        code: u16,
    },
}

/// What came from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// An answer, or nothing of ours.
    Nothing,
    /// A peer's packet.
    Data {
        /// Who sent it.
        peer: SocketAddr,
        /// Where in the bytes.
        payload: Range<usize>,
    },
}

/// Makes transactions' ids that nobody guesses.
struct Ids {
    seed: [u8; 32],
    next: u64,
}

impl Ids {
    fn next(&mut self) -> TransactionId {
        let hash = Sha256::new().chain_update(self.seed).chain_update(self.next.to_be_bytes()).finalize();
        self.next += 1;
        TransactionId(core::array::from_fn(|at| hash[at]))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Allocate,
    Refresh,
    Release,
    Bind(SocketAddr),
}

struct Request {
    what: What,
    bytes: Vec<u8>,
    tries: u32,
    nonces: u32,
    due_ms: u64,
}

struct Peer {
    channel: u16,
    is_bound: bool,
    /// The server will have none of it.
    is_refused: bool,
    bind_ms: u64,
    waiting: Vec<Vec<u8>>,
}

struct Known {
    realm: Vec<u8>,
    nonce: Vec<u8>,
    key: LongTermKey,
}

/// One allocation at one server, from our side.
pub struct Relayed {
    ids: Ids,
    username: String,
    password: String,
    is_stream: bool,
    known: Option<Known>,
    requests: BTreeMap<TransactionId, Request>,
    peers: BTreeMap<SocketAddr, Peer>,
    next_channel: u16,
    address: Option<SocketAddr>,
    mapped: Option<SocketAddr>,
    refresh_ms: u64,
    failure: Option<RelayedError>,
    outgoing: Vec<Vec<u8>>,
}

impl core::fmt::Debug for Relayed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Relayed({} peers)", self.peers.len())
    }
}

impl Relayed {
    /// Asks for an allocation. `seed` is random and used for nothing else; `is_stream`: over TCP or TLS.
    pub fn new(now_ms: u64, seed: [u8; 32], username: String, password: String, is_stream: bool) -> Self {
        let mut this = Self {
            ids: Ids { seed, next: 0 },
            username,
            password,
            is_stream,
            known: None,
            requests: BTreeMap::new(),
            peers: BTreeMap::new(),
            next_channel: CHANNEL_FIRST,
            address: None,
            mapped: None,
            refresh_ms: u64::MAX,
            failure: None,
            outgoing: Vec::new(),
        };
        this.ask(now_ms, What::Allocate, 0);
        this
    }

    /// The address at which peers reach us, once there is one.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address.filter(|_| self.failure.is_none())
    }

    /// Where the server sees us.
    pub fn mapped(&self) -> Option<SocketAddr> {
        self.mapped
    }

    /// Why it is over.
    pub fn failure(&self) -> Option<RelayedError> {
        self.failure
    }

    /// What is to be sent to the server, in order: datagrams, or messages of the stream.
    pub fn take_outgoing(&mut self) -> Vec<Vec<u8>> {
        core::mem::take(&mut self.outgoing)
    }

    /// When [`Self::tick`] has something to do.
    pub fn wake_ms(&self) -> Option<u64> {
        if self.failure.is_some() {
            return None;
        }
        let binds = self.peers.values().filter(|peer| peer.is_bound).map(|peer| peer.bind_ms);
        let requests = self.requests.values().map(|request| request.due_ms);
        let refresh = Some(self.refresh_ms).filter(|due_ms| *due_ms < u64::MAX);
        requests.chain(binds).chain(refresh).min()
    }

    /// Tries again what was not answered, and renews what would end.
    pub fn tick(&mut self, now_ms: u64) {
        if self.failure.is_some() {
            return;
        }
        let due: Vec<TransactionId> =
            self.requests.iter().filter(|(_, request)| request.due_ms <= now_ms).map(|(id, _)| *id).collect();
        for id in due {
            self.try_again(now_ms, id);
        }
        if now_ms >= self.refresh_ms {
            self.refresh_ms = u64::MAX;
            self.ask(now_ms, What::Refresh, 0);
        }
        let bind: Vec<SocketAddr> = self
            .peers
            .iter_mut()
            .filter(|(_, peer)| peer.is_bound && peer.bind_ms <= now_ms)
            .map(|(address, peer)| {
                peer.bind_ms = now_ms.saturating_add(BIND_MS);
                *address
            })
            .collect();
        for peer in bind {
            self.ask(now_ms, What::Bind(peer), 0);
        }
    }

    /// Sends to a peer. What is over a limit is dropped, as a network drops it.
    pub fn send(&mut self, now_ms: u64, to: SocketAddr, payload: &[u8]) {
        if self.address().is_none() || u16::try_from(payload.len()).is_err() {
            return;
        }
        if !self.peers.contains_key(&to) {
            if self.peers.len() >= PEERS_MAX || self.next_channel > CHANNEL_LAST {
                return;
            }
            let channel = self.next_channel;
            // No number is for two peers, not even one after the other.
            self.next_channel = self.next_channel.saturating_add(1);
            let peer = Peer { channel, is_bound: false, is_refused: false, bind_ms: 0, waiting: Vec::new() };
            self.peers.insert(to, peer);
            self.ask(now_ms, What::Bind(to), 0);
        }
        let Some(peer) = self.peers.get_mut(&to) else { return };
        if peer.is_bound {
            let packet = channel_data(peer.channel, payload, self.is_stream);
            self.outgoing.push(packet);
        } else if !peer.is_refused && peer.waiting.len() < WAITING_MAX {
            peer.waiting.push(payload.to_vec());
        }
    }

    /// Gives the allocation back. There is no answer to wait for.
    pub fn release(&mut self, now_ms: u64) {
        if self.address.take().is_some() && self.failure.is_none() {
            self.requests.clear();
            self.ask(now_ms, What::Release, 0);
        }
    }

    /// Takes a datagram of the server, or a message of its stream.
    pub fn receive(&mut self, now_ms: u64, bytes: &[u8]) -> Received {
        match bytes.first() {
            Some(first) if is_stun(*first) => self.receive_message(now_ms, bytes),
            Some(_) => self.receive_channel(bytes),
            None => Received::Nothing,
        }
    }

    fn receive_channel(&self, bytes: &[u8]) -> Received {
        let Some(head) = bytes.first_chunk::<CHANNEL_HEAD_BYTES>() else { return Received::Nothing };
        let (channel, length) = (u16::from_be_bytes([head[0], head[1]]), u16::from_be_bytes([head[2], head[3]]));
        let payload = CHANNEL_HEAD_BYTES..CHANNEL_HEAD_BYTES + usize::from(length);
        let peer = self.peers.iter().find(|(_, peer)| peer.channel == channel);
        match peer {
            Some((peer, _)) if payload.end <= bytes.len() => Received::Data { peer: *peer, payload },
            _ => Received::Nothing,
        }
    }

    fn receive_message(&mut self, now_ms: u64, bytes: &[u8]) -> Received {
        let Ok(message) = Message::parse(bytes) else { return Received::Nothing };
        match message.class {
            Class::Indication if message.method == Method::Data => {
                match (message.peers().next(), message.data) {
                    // Permissions are by address: behind some NATs a peer has another port. Nobody else is passed.
                    (Some(peer), Some((at, length))) if self.peers.keys().any(|known| known.ip() == peer.ip()) => {
                        Received::Data { peer, payload: at..at + length }
                    }
                    _ => Received::Nothing,
                }
            }
            Class::Success | Class::Error => {
                self.take_answer(now_ms, &message);
                Received::Nothing
            }
            Class::Indication | Class::Request => Received::Nothing,
        }
    }

    fn take_answer(&mut self, now_ms: u64, message: &Message<'_>) {
        if !self.requests.contains_key(&message.transaction) || self.failure.is_some() {
            return;
        }
        let is_success = message.class == Class::Success;
        // Nobody but the server ends or grants anything: only the first refusal comes without a key.
        if is_success && !self.known.as_ref().is_some_and(|known| message.is_authentic(&known.key)) {
            return;
        }
        let Some(request) = self.requests.remove(&message.transaction) else { return };
        if is_success {
            return self.granted(now_ms, request.what, message);
        }
        let code = message.error_code.unwrap_or(500);
        let may_learn = (code == 401 && self.known.is_none()) || code == 438;
        if may_learn && request.nonces < NONCES_MAX && self.learn(message) {
            return self.ask(now_ms, request.what, request.nonces + 1);
        }
        self.refused(request.what, code);
    }

    /// The realm and the nonce that the server wants to hear.
    fn learn(&mut self, message: &Message<'_>) -> bool {
        let (Some(realm), Some(nonce)) = (message.realm, message.nonce) else { return false };
        let key = LongTermKey::derive(self.username.as_bytes(), realm, self.password.as_bytes());
        self.known = Some(Known { realm: realm.to_vec(), nonce: nonce.to_vec(), key });
        true
    }

    fn granted(&mut self, now_ms: u64, what: What, message: &Message<'_>) {
        match what {
            What::Allocate | What::Refresh => {
                if what == What::Allocate {
                    (self.address, self.mapped) = (message.relayed, message.mapped);
                    if self.address.is_none() {
                        self.failure = Some(RelayedError::Refused { code: 500 });
                    }
                }
                let lifetime_s = message.lifetime_s.unwrap_or(LIFETIME_S).max(LIFETIME_S_MIN);
                self.refresh_ms = now_ms.saturating_add(u64::from(lifetime_s) * 500);
            }
            What::Bind(address) => {
                let Some(peer) = self.peers.get_mut(&address) else { return };
                if !peer.is_bound {
                    (peer.is_bound, peer.bind_ms) = (true, now_ms.saturating_add(BIND_MS));
                    for payload in core::mem::take(&mut peer.waiting) {
                        self.outgoing.push(channel_data(peer.channel, &payload, self.is_stream));
                    }
                }
            }
            What::Release => {}
        }
    }

    fn refused(&mut self, what: What, code: u16) {
        match what {
            What::Bind(address) => {
                if let Some(peer) = self.peers.get_mut(&address) {
                    peer.is_refused = true;
                    peer.waiting.clear();
                }
            }
            What::Allocate | What::Refresh if matches!(code, 401 | 403) => self.failure = Some(RelayedError::Denied),
            What::Allocate | What::Refresh => self.failure = Some(RelayedError::Refused { code }),
            What::Release => {}
        }
    }

    fn try_again(&mut self, now_ms: u64, id: TransactionId) {
        let Some(request) = self.requests.get_mut(&id) else { return };
        if !self.is_stream && request.tries < TRIES_MAX {
            request.due_ms = now_ms.saturating_add(RTO_MS << request.tries);
            request.tries += 1;
            self.outgoing.push(request.bytes.clone());
            return;
        }
        let Some(request) = self.requests.remove(&id) else { return };
        match request.what {
            What::Allocate | What::Refresh => self.failure = Some(RelayedError::Silent),
            // Whoever has something to say to the peer asks again.
            What::Bind(address) => {
                self.peers.remove(&address);
            }
            What::Release => {}
        }
    }

    fn ask(&mut self, now_ms: u64, what: What, nonces: u32) {
        let id = self.ids.next();
        let method = match what {
            What::Allocate => Method::Allocate,
            What::Refresh | What::Release => Method::Refresh,
            What::Bind(_) => Method::ChannelBind,
        };
        let mut writer = Writer::new(Class::Request, method, id);
        writer = match what {
            What::Allocate => writer.put_u32(attribute::REQUESTED_TRANSPORT, UDP),
            What::Refresh => writer,
            What::Release => writer.put_u32(attribute::LIFETIME, 0),
            What::Bind(address) => {
                let channel = self.peers.get(&address).map_or(CHANNEL_FIRST, |peer| peer.channel);
                writer
                    .put_u32(attribute::CHANNEL_NUMBER, u32::from(channel) << 16)
                    .put_address(attribute::XOR_PEER_ADDRESS, &address)
            }
        };
        let bytes = match &self.known {
            Some(known) => writer
                .put(attribute::USERNAME, self.username.as_bytes())
                .put(attribute::REALM, &known.realm)
                .put(attribute::NONCE, &known.nonce)
                .finish_with(&known.key),
            None => writer.finish(),
        };
        self.outgoing.push(bytes.clone());
        let wait_ms = if self.is_stream { STREAM_MS } else { RTO_MS };
        let request = Request { what, bytes, tries: 1, nonces, due_ms: now_ms.saturating_add(wait_ms) };
        self.requests.insert(id, request);
    }
}

fn channel_data(channel: u16, payload: &[u8], is_stream: bool) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("its length was checked");
    let mut packet = Vec::with_capacity(CHANNEL_HEAD_BYTES + payload.len().next_multiple_of(4));
    packet.extend_from_slice(&channel.to_be_bytes());
    packet.extend_from_slice(&length.to_be_bytes());
    packet.extend_from_slice(payload);
    if is_stream {
        packet.resize(packet.len().next_multiple_of(4), 0);
    }
    packet
}

/// Asks a STUN server where it sees us (RFC 8489 s.7): a Binding request, a few times.
#[derive(Debug)]
pub struct Lookup {
    id: TransactionId,
    tries: u32,
    due_ms: Option<u64>,
}

impl Lookup {
    /// A request that [`Self::tick`] sends. `seed` is random.
    pub fn new(now_ms: u64, seed: [u8; 32]) -> Self {
        Self { id: Ids { seed, next: 0 }.next(), tries: 0, due_ms: Some(now_ms) }
    }

    /// When [`Self::tick`] has something to do; none once it is over.
    pub fn wake_ms(&self) -> Option<u64> {
        self.due_ms
    }

    /// The request, where it is time for it.
    pub fn tick(&mut self, now_ms: u64) -> Option<Vec<u8>> {
        self.due_ms.filter(|due_ms| *due_ms <= now_ms)?;
        if self.tries >= TRIES_MAX / 2 {
            self.due_ms = None;
            return None;
        }
        self.due_ms = Some(now_ms.saturating_add(RTO_MS << self.tries));
        self.tries += 1;
        Some(Writer::new(Class::Request, Method::Binding, self.id).finish())
    }

    /// The address, if this is the answer.
    pub fn receive(&mut self, bytes: &[u8]) -> Option<SocketAddr> {
        let message = Message::parse(bytes).ok().filter(|message| message.transaction == self.id)?;
        let is_answer = message.class == Class::Success && message.method == Method::Binding;
        let mapped = message.mapped.filter(|_| is_answer)?;
        self.due_ms = None;
        Some(mapped)
    }
}
