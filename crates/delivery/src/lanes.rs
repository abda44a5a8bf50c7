//! The lanes that someone holds open or that have work: found by id, counted by slot.
//!
//! A lane without recent appends costs its slot alone; what an append needs is loaded then and let go again.

use crate::batch::Accepted;
use crate::budget::Bucket;
use crate::policy::Policy;
use crate::slab::{NONE, Slab};
use crate::storage::{BodyPrefix, LaneRecord, Storage, StorageFailed};
use hashbrown::HashTable;
use std::collections::VecDeque;
use std::sync::Arc;
use wire::id::{Hash, LaneId};
use wire::lane::{Gen, LaneClass, Seq};

/// A lane's slot.
pub(crate) type LaneIx = u32;

#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) id: LaneId,
    /// The first of the lane's subscriptions.
    pub(crate) first_sub: u32,
    pub(crate) state: State,
}

#[derive(Debug)]
pub(crate) enum State {
    /// Whatever is known is in the store.
    Cold,
    /// Opened with both capabilities, not known to be stored.
    Unstored(Box<Unstored>),
    /// Loaded.
    Hot(Box<Hot>),
}

/// What the first append of a lane needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unstored {
    pub(crate) class: LaneClass,
    pub(crate) read_hash: Hash,
    pub(crate) write_hash: Hash,
}

/// Where the lane will be when all that waits is durable.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tip {
    pub(crate) next_seq: Seq,
    pub(crate) gen_now: Gen,
    pub(crate) last_gen: Gen,
    pub(crate) head: Hash,
    /// Bytes of bodies that wait.
    pub(crate) pending_bytes: u64,
    pub(crate) expires_s: u64,
    pub(crate) is_closed: bool,
}

#[derive(Debug)]
pub(crate) struct Hot {
    /// As it is durable; revision 0: not stored.
    pub(crate) record: LaneRecord,
    pub(crate) tip: Tip,
    /// Accepted and not yet durable, by position; the first `in_flight` are in the batch being committed.
    pub(crate) pending: VecDeque<Arc<Accepted>>,
    /// The same cells' prefixes, close together for the search.
    pub(crate) prefixes: VecDeque<BodyPrefix>,
    pub(crate) in_flight: usize,
    /// It is in the list of lanes of the next batch.
    pub(crate) is_dirty: bool,
    /// It is in the batch being committed.
    pub(crate) is_committing: bool,
    pub(crate) appends: Bucket,
    pub(crate) handshakes: Bucket,
    pub(crate) handshake_bytes: Bucket,
    /// The next Attest is allowed from then on.
    pub(crate) attest_from_ms: u64,
}

impl Hot {
    fn new(record: LaneRecord, now_ms: u64, policy: &Policy) -> Self {
        Self {
            tip: Tip::of(&record),
            record,
            pending: VecDeque::new(),
            prefixes: VecDeque::new(),
            in_flight: 0,
            is_dirty: false,
            is_committing: false,
            appends: Bucket::full(now_ms, policy.lane_appends),
            handshakes: Bucket::full(now_ms, policy.lane_handshakes),
            handshake_bytes: Bucket::full(now_ms, policy.lane_handshake_bytes),
            attest_from_ms: 0,
        }
    }

    /// The waiting cell with this body.
    pub(crate) fn find_pending(&self, prefix: &BodyPrefix) -> Option<&Arc<Accepted>> {
        let (front, back) = self.prefixes.as_slices();
        let at = front
            .iter()
            .position(|known| known == prefix)
            .or_else(|| back.iter().position(|known| known == prefix).map(|at| at + front.len()))?;
        self.pending.get(at)
    }

    /// Cells that wait in the lane, durable or about to be.
    pub(crate) fn queued(&self) -> u64 {
        self.tip.next_seq.saturating_sub(self.record.first_seq)
    }

    fn may_cool(&mut self, now_ms: u64, policy: &Policy) -> bool {
        self.pending.is_empty()
            && !self.is_dirty
            && !self.is_committing
            && self.attest_from_ms <= now_ms
            && self.appends.is_full(now_ms, policy.lane_appends)
            && self.handshakes.is_full(now_ms, policy.lane_handshakes)
            && self.handshake_bytes.is_full(now_ms, policy.lane_handshake_bytes)
    }
}

impl Tip {
    pub(crate) fn of(record: &LaneRecord) -> Self {
        Self {
            next_seq: record.next_seq,
            gen_now: record.gen_now,
            last_gen: record.last_gen,
            head: record.head,
            pending_bytes: 0,
            expires_s: record.expires_s,
            is_closed: record.is_closed,
        }
    }
}

/// The table of lanes.
#[derive(Debug)]
pub(crate) struct Lanes {
    slots: Slab<Lane>,
    by_id: HashTable<LaneIx>,
    /// Keeps strangers from choosing ids that collide.
    seed: [u64; 2],
    hot: usize,
    sweep_at: LaneIx,
}

fn hash_of(seed: [u64; 2], id: &LaneId) -> u64 {
    let half = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| id.0[at + i]));
    let product = u128::from(half(0) ^ seed[0]) * u128::from(half(8) ^ seed[1] | 1);
    (product as u64) ^ ((product >> 64) as u64)
}

impl Lanes {
    pub(crate) fn new(seed: [u64; 2]) -> Self {
        Self { slots: Slab::new(), by_id: HashTable::new(), seed, hot: 0, sweep_at: 0 }
    }

    pub(crate) fn find(&self, id: &LaneId) -> Option<LaneIx> {
        let is_it = |at: &LaneIx| self.slots.get(*at).is_some_and(|lane| lane.id == *id);
        self.by_id.find(hash_of(self.seed, id), is_it).copied()
    }

    pub(crate) fn find_or_insert(&mut self, id: &LaneId) -> LaneIx {
        if let Some(at) = self.find(id) {
            return at;
        }
        let at = self.slots.insert(Lane { id: *id, first_sub: NONE, state: State::Cold });
        let Self { slots, by_id, seed, .. } = self;
        let rehash = |at: &LaneIx| slots.get(*at).map_or(0, |lane| hash_of(*seed, &lane.id));
        by_id.insert_unique(hash_of(*seed, id), at, rehash);
        at
    }

    pub(crate) fn get(&self, at: LaneIx) -> Option<&Lane> {
        self.slots.get(at)
    }

    pub(crate) fn get_mut(&mut self, at: LaneIx) -> Option<&mut Lane> {
        self.slots.get_mut(at)
    }

    /// Lanes held open or with work.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Lanes loaded.
    pub(crate) fn hot_len(&self) -> usize {
        self.hot
    }

    pub(crate) fn hot_mut(&mut self, at: LaneIx) -> Option<&mut Hot> {
        match &mut self.slots.get_mut(at)?.state {
            State::Hot(hot) => Some(hot),
            State::Cold | State::Unstored(_) => None,
        }
    }

    /// The lane's durable record, loaded or not; revision 0 if it is opened but not stored.
    pub(crate) fn record(&self, at: LaneIx, storage: &dyn Storage) -> Result<Option<LaneRecord>, StorageFailed> {
        let Some(lane) = self.slots.get(at) else { return Ok(None) };
        if let State::Hot(hot) = &lane.state {
            return Ok(Some(hot.record.clone()));
        }
        let stored = storage.record(&lane.id)?;
        Ok(stored.or_else(|| lane.unstored_record()))
    }

    /// Loads the lane; `None` if nothing is known of it.
    pub(crate) fn load(
        &mut self,
        at: LaneIx,
        now_ms: u64,
        policy: &Policy,
        storage: &dyn Storage,
    ) -> Result<Option<&mut Hot>, StorageFailed> {
        let Some(lane) = self.slots.get_mut(at) else { return Ok(None) };
        if !matches!(lane.state, State::Hot(_)) {
            let stored = storage.record(&lane.id)?;
            let Some(record) = stored.or_else(|| lane.unstored_record()) else { return Ok(None) };
            lane.state = State::Hot(Box::new(Hot::new(record, now_ms, policy)));
            self.hot += 1;
        }
        Ok(self.hot_mut(at))
    }

    /// Lets go of what was loaded, keeping what cannot be read again.
    pub(crate) fn cool(&mut self, at: LaneIx) {
        let Some(lane) = self.slots.get_mut(at) else { return };
        if let State::Hot(hot) = &lane.state {
            let record = &hot.record;
            let unstored = Unstored { class: record.class, read_hash: record.read_hash, write_hash: record.write_hash };
            lane.state = if record.revision == 0 { State::Unstored(Box::new(unstored)) } else { State::Cold };
            self.hot -= 1;
        }
    }

    /// Forgets a lane that nobody holds open and that has nothing to do.
    pub(crate) fn release(&mut self, at: LaneIx) {
        let Some(lane) = self.slots.get(at) else { return };
        if lane.first_sub != NONE || matches!(lane.state, State::Hot(_)) {
            return;
        }
        let hash = hash_of(self.seed, &lane.id);
        if let Ok(entry) = self.by_id.find_entry(hash, |known| *known == at) {
            entry.remove();
        }
        self.slots.remove(at);
    }

    /// Looks at some lanes, in turn, and lets go of those at rest.
    pub(crate) fn sweep(&mut self, steps: u32, now_ms: u64, policy: &Policy) {
        let is_crowded = self.hot > policy.hot_lanes_max as usize / 2;
        for _ in 0..steps.min(self.slots.slots()) {
            let at = self.sweep_at;
            self.sweep_at = if at + 1 >= self.slots.slots() { 0 } else { at + 1 };
            let Some(hot) = self.hot_mut(at) else { continue };
            let is_at_rest = hot.pending.is_empty() && !hot.is_dirty && !hot.is_committing;
            if hot.may_cool(now_ms, policy) || (is_crowded && is_at_rest) {
                self.cool(at);
                self.release(at);
            }
        }
    }
}

impl Lane {
    fn unstored_record(&self) -> Option<LaneRecord> {
        match &self.state {
            State::Unstored(known) => {
                Some(LaneRecord::unstored(self.id, known.class, known.read_hash, known.write_hash))
            }
            State::Cold | State::Hot(_) => None,
        }
    }
}
