//! The machine: connections and lanes, requests in, outboxes and batches out.

use crate::batch::{Accepted, Answer, Pin, Then, Trim};
use crate::bell::Bells;
use crate::budget::Bucket;
use crate::connection::{ConnId, Connection, Sub, SubRates};
use crate::door::DoorJob;
use crate::lanes::{LaneIx, Lanes};
use crate::outbox::{Out, Outbox};
use crate::policy::{DAY_S, Policy};
use crate::relay::Relay;
use crate::room::Rooms;
use crate::slab::Slab;
use crate::storage::{LaneRecord, Storage};
use std::sync::Arc;
use wire::Malformed;
use wire::id::{Hash, NodeKey};
use wire::lane::{LaneClass, Seq};
use wire::limit::PROTOCOL_VERSION;
use wire::node::{Event, Handle, Hello, ParsedRequest, Refusal, Request, RequestId};

/// Answers that wait for one batch at most.
const ANSWERS_MAX: usize = wire::limit::BATCH_LEAVES_MAX;
/// When to try again while too much waits for the disk.
pub(crate) const CROWDED_RETRY_MS: u32 = 200;

/// A request with what can be computed before the machine is asked.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub(crate) id: RequestId,
    pub(crate) request: Result<Request, Malformed>,
    /// `H(body)` of an append.
    pub(crate) body_hash: Hash,
}

impl Prepared {
    /// Hashes what needs hashing.
    pub fn new((id, request): ParsedRequest) -> Self {
        let body_hash = match &request {
            Ok(Request::Append(append)) => Hash::of(&[&append.body]),
            _ => Hash::ZERO,
        };
        Self { id, request, body_hash }
    }
}

/// The caller's clock with what a decision reads.
#[derive(Clone, Copy)]
pub(crate) struct Ctx<'a> {
    pub(crate) now_ms: u64,
    pub(crate) storage: &'a dyn Storage,
}

impl Ctx<'_> {
    pub(crate) fn now_s(&self) -> u64 {
        self.now_ms / 1_000
    }
}

/// The next batch while it forms.
#[derive(Debug, Default)]
pub(crate) struct Forming {
    /// Lanes with waiting cells or a changed record, in the order in which they got them.
    pub(crate) lanes: Vec<LaneIx>,
    pub(crate) cells: usize,
    pub(crate) bytes: usize,
    pub(crate) pins: Vec<Pin>,
    pub(crate) trims: Vec<Trim>,
    pub(crate) doors: Vec<DoorJob>,
    pub(crate) answers: Vec<Answer>,
}

/// What the node holds, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Connections.
    pub connections: usize,
    /// Open lanes of all connections.
    pub subscriptions: usize,
    /// Lanes held open or with work.
    pub lanes: usize,
    /// Lanes loaded.
    pub lanes_hot: usize,
    /// Cells that wait for the next batch.
    pub cells_forming: usize,
    /// Connections that ended and left a bell.
    pub bells: usize,
}

/// What a node decides; see the crate's page.
#[derive(Debug)]
pub struct Node {
    pub(crate) policy: Policy,
    node_key: NodeKey,
    pub(crate) lanes: Lanes,
    pub(crate) subs: Slab<Sub>,
    pub(crate) connections: Slab<Connection>,
    generations: u32,
    pub(crate) forming: Forming,
    pub(crate) is_committing: bool,
    pub(crate) is_disk_full: bool,
    /// Bytes that wait in all outboxes.
    pub(crate) outbound_bytes: usize,
    wakes: Vec<ConnId>,
    pub(crate) bells: Bells,
    pub(crate) relay: Relay,
    pub(crate) rooms: Rooms,
}

impl Node {
    /// A node without connections. `seed` is secret and random: it keeps strangers from slowing the tables.
    pub fn new(policy: Policy, node_key: NodeKey, seed: [u64; 2]) -> Self {
        Self {
            policy,
            node_key,
            lanes: Lanes::new(seed),
            subs: Slab::new(),
            connections: Slab::new(),
            generations: 0,
            forming: Forming::default(),
            is_committing: false,
            is_disk_full: false,
            outbound_bytes: 0,
            wakes: Vec::new(),
            bells: Bells::default(),
            relay: Relay::default(),
            rooms: Rooms::default(),
        }
    }

    /// Takes a connection in and puts its Hello into its outbox (N1). `hello_nonce` is fresh and random.
    ///
    /// # Errors
    /// `Busy` over the limit: say so and close.
    pub fn connect(&mut self, now_ms: u64, hello_nonce: [u8; 32]) -> Result<ConnId, Refusal> {
        if self.connections.len().saturating_sub(self.bells.len()) >= self.policy.connections_max as usize {
            return Err(Refusal::Busy { retry_after_ms: 10_000 });
        }
        self.generations = self.generations.wrapping_add(1);
        let generation = self.generations;
        let slot = self.connections.insert(Connection {
            generation,
            hello_nonce,
            subs: Vec::new(),
            next_handle: 1,
            unanswered: 0,
            claims_next: 0,
            requests: Bucket::full(now_ms, self.policy.connection_requests),
            append_bytes: Bucket::full(now_ms, self.policy.connection_append_bytes),
            outbox: Outbox::default(),
            is_woken: false,
            is_dozing: false,
            bell: None,
        });
        let conn = ConnId { slot, generation };
        let hello = Hello {
            version: u32::from(PROTOCOL_VERSION),
            node_key: self.node_key,
            nonce: hello_nonce,
            claim_bits: self.policy.claim_bits,
            knock_bits: self.policy.knock_bits,
            limits: self.policy.announced(),
        };
        self.say(conn, Out::event(0, Event::Hello(hello)));
        Ok(conn)
    }

    /// Forgets a connection. What it appended is committed all the same.
    pub fn disconnect(&mut self, conn: ConnId) {
        if self.connection(conn).is_none() {
            return;
        }
        let Some(gone) = self.connections.remove(conn.slot) else { return };
        if let Some(bell) = gone.bell.filter(|_| gone.is_dozing) {
            self.forget_bell(conn, &bell);
        }
        self.outbound_bytes = self.outbound_bytes.saturating_sub(gone.outbox.bytes());
        for sub in gone.subs {
            self.unlink(sub);
        }
    }

    /// Whether the connection's outbox has room for more answers; while not, handle no request of it.
    pub fn may_handle(&self, conn: ConnId) -> bool {
        let limit = self.policy.connection_outbound_bytes_max;
        self.connection(conn).is_some_and(|connection| connection.outbox.bytes() < limit)
    }

    /// Decides one request. Answers go to outboxes, at once or when the batch is durable.
    pub fn handle(&mut self, now_ms: u64, storage: &dyn Storage, conn: ConnId, prepared: Prepared) {
        let Prepared { id, request, body_hash } = prepared;
        let Some(connection) = self.connection_mut(conn) else { return };
        let mut requests = connection.requests;
        let allowed = requests.check(now_ms, self.policy.connection_requests);
        requests.spend(1);
        let ctx = Ctx { now_ms, storage };
        // What waits for the disk is bounded, whatever it is.
        let is_crowded = self.forming.answers.len() >= ANSWERS_MAX;
        let allowed = if is_crowded { allowed.and(Err(CROWDED_RETRY_MS)) } else { allowed };
        let result = match (allowed, request) {
            (_, Err(_)) => Err(Refusal::Malformed),
            (Err(retry_after_ms), Ok(_)) => Err(Refusal::Busy { retry_after_ms }),
            (Ok(()), Ok(request)) => {
                if let Some(connection) = self.connection_mut(conn) {
                    connection.requests = requests;
                }
                self.decide(ctx, conn, id, request, &body_hash)
            }
        };
        match result {
            Ok(Some(out)) => self.say(conn, out),
            Ok(None) => {}
            Err(refusal) => self.say(conn, Out::event(id, Event::Refused(refusal))),
        }
    }

    fn decide(
        &mut self,
        ctx: Ctx<'_>,
        conn: ConnId,
        id: RequestId,
        request: Request,
        body_hash: &Hash,
    ) -> Result<Option<Out>, Refusal> {
        match request {
            Request::Open(open) => self.open(ctx, conn, id, &open),
            Request::Append(append) => self.append(ctx, conn, id, append, body_hash),
            Request::Read { handle, after } => self.read(ctx, conn, id, handle, after),
            Request::Attest { handle } => self.attest(ctx, conn, id, handle),
            Request::Trim { handle, through } => self.trim(ctx, conn, id, handle, through),
            Request::Close { handle } => self.close(ctx, conn, id, handle),
            Request::Release { handle } => self.release(conn, id, handle),
            Request::Whisper { handle, body } => self.whisper(ctx, conn, id, handle, &body),
            Request::DoorPut(put) => self.door_put(conn, id, put),
            Request::DoorClaim(claim) => self.door_claim(conn, id, &claim),
            Request::Bell(bell) => self.set_bell(conn, id, bell),
            Request::Relay => self.ask_relay(ctx.now_ms, id),
            Request::Room(ask) => self.ask_room(id, *ask),
        }
    }

    /// Moves about `frame_bytes` of the connection's outbox, in order, to `outs`. Call it again once these are
    /// written, until it moves nothing.
    pub fn drain(&mut self, conn: ConnId, frame_bytes: usize, outs: &mut Vec<Out>) {
        let Some(connection) = self.connection_mut(conn) else { return };
        let before = connection.outbox.bytes();
        connection.outbox.drain(frame_bytes, outs);
        connection.is_woken = false;
        let drained = before.saturating_sub(connection.outbox.bytes());
        self.outbound_bytes = self.outbound_bytes.saturating_sub(drained);
    }

    /// Whether the connection's outbox holds anything.
    pub fn has_output(&self, conn: ConnId) -> bool {
        self.connection(conn).is_some_and(|connection| !connection.outbox.is_empty())
    }

    /// Moves the connections whose outboxes got something to `conns`: drain them.
    pub fn take_wakes(&mut self, conns: &mut Vec<ConnId>) {
        conns.append(&mut self.wakes);
    }

    /// Looks at some lanes in turn and lets go of those at rest. Call it every second or so.
    pub fn tick(&mut self, now_ms: u64) {
        const LANES_A_TICK: u32 = 8_192;
        self.lanes.sweep(LANES_A_TICK, now_ms, &self.policy);
        self.expire_bells(now_ms);
    }

    /// While the disk is full app cells are refused; handshakes, doors' owners and trims go on.
    pub fn set_disk_full(&mut self, is_full: bool) {
        self.is_disk_full = is_full;
    }

    /// What the node holds.
    pub fn counts(&self) -> Counts {
        Counts {
            connections: self.connections.len().saturating_sub(self.bells.len()),
            subscriptions: self.subs.len(),
            lanes: self.lanes.len(),
            lanes_hot: self.lanes.hot_len(),
            cells_forming: self.forming.cells,
            bells: self.bells.len(),
        }
    }

    pub(crate) fn sub_rates(&self) -> SubRates {
        SubRates {
            whispers: self.policy.whispers,
            handshakes: self.policy.lane_handshakes.fifth(),
            handshake_bytes: self.policy.lane_handshake_bytes.fifth(),
        }
    }

    pub(crate) fn connection(&self, conn: ConnId) -> Option<&Connection> {
        self.connections.get(conn.slot).filter(|connection| connection.generation == conn.generation)
    }

    pub(crate) fn connection_mut(&mut self, conn: ConnId) -> Option<&mut Connection> {
        self.connections.get_mut(conn.slot).filter(|connection| connection.generation == conn.generation)
    }

    fn sub_at(&self, conn: ConnId, handle: Handle) -> Option<(usize, u32)> {
        let subs = &self.connection(conn)?.subs;
        let handle_of = |at: &u32| self.subs.get(*at).map_or(0, |sub| sub.handle);
        let at = subs.binary_search_by_key(&handle, handle_of).ok()?;
        Some((at, subs[at]))
    }

    pub(crate) fn sub(&self, conn: ConnId, handle: Handle) -> Option<&Sub> {
        self.subs.get(self.sub_at(conn, handle)?.1)
    }

    pub(crate) fn sub_mut(&mut self, conn: ConnId, handle: Handle) -> Option<&mut Sub> {
        let (_, at) = self.sub_at(conn, handle)?;
        self.subs.get_mut(at)
    }

    /// Forgets one handle of a connection.
    pub(crate) fn drop_sub(&mut self, conn: ConnId, handle: Handle) {
        let Some((at, sub)) = self.sub_at(conn, handle) else { return };
        if let Some(connection) = self.connection_mut(conn) {
            connection.subs.remove(at);
        }
        self.unlink(sub);
    }

    fn unlink(&mut self, at: u32) {
        let Some(sub) = self.subs.remove(at) else { return };
        if let Some(next) = self.subs.get_mut(sub.next) {
            next.prev = sub.prev;
        }
        if let Some(prev) = self.subs.get_mut(sub.prev) {
            prev.next = sub.next;
        } else if let Some(lane) = self.lanes.get_mut(sub.lane) {
            lane.first_sub = sub.next;
        }
        self.lanes.release(sub.lane);
    }

    /// Puts something into a connection's outbox.
    pub(crate) fn say(&mut self, conn: ConnId, out: Out) {
        let Some(connection) = self.connections.get_mut(conn.slot) else { return };
        if connection.generation != conn.generation || connection.is_dozing {
            return;
        }
        let before = connection.outbox.bytes();
        connection.outbox.answer(out);
        self.outbound_bytes += connection.outbox.bytes() - before;
        self.wake(conn);
    }

    /// Notes that a connection's outbox may have something.
    pub(crate) fn wake(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.get_mut(conn.slot)
            && !connection.is_woken
            && !connection.outbox.is_empty()
        {
            connection.is_woken = true;
            self.wakes.push(conn);
        }
    }

    /// Marks a loaded lane as part of the next batch.
    pub(crate) fn mark_dirty(&mut self, lane: LaneIx) {
        if let Some(hot) = self.lanes.hot_mut(lane)
            && !hot.is_dirty
        {
            hot.is_dirty = true;
            self.forming.lanes.push(lane);
        }
    }

    /// Lets an answer wait for the next batch.
    pub(crate) fn answer_later(&mut self, conn: ConnId, id: RequestId, lane: LaneIx, then: Then) {
        self.forming.answers.push(Answer { conn, id, lane, then });
    }

    /// Adds an accepted cell to the next batch.
    pub(crate) fn accept(&mut self, lane: LaneIx, accepted: &Arc<Accepted>) {
        if let Some(hot) = self.lanes.hot_mut(lane) {
            hot.pending.push_back(Arc::clone(accepted));
            hot.prefixes.push_back(accepted.body_prefix);
        }
        self.forming.cells += 1;
        self.forming.bytes += accepted.cell.body.len();
        self.mark_dirty(lane);
    }
}

/// When cells accepted now may be dropped (N9).
pub(crate) fn cells_expire_s(policy: &Policy, class: LaneClass, expires_s: u64, now_s: u64) -> u64 {
    let days = match class {
        LaneClass::Group => policy.retention_days,
        LaneClass::Invite => policy.invite_days_max,
        LaneClass::Door => policy.door_retention_days,
    };
    let by_age = now_s.saturating_add(u64::from(days) * DAY_S);
    if class == LaneClass::Invite && expires_s != 0 { by_age.min(expires_s.max(now_s)) } else { by_age }
}

/// A position that a page may begin after.
pub(crate) fn check_kept(after: Seq, record: &LaneRecord) -> Result<(), Refusal> {
    if after.saturating_add(1) < record.first_seq {
        return Err(Refusal::Gone { first_seq: record.first_seq });
    }
    Ok(())
}
