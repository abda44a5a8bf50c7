//! Lanes in memory: those with changes that the index does not know yet, and those lately used.

use super::index::{CellPlace, LaneEntry, RUN_CELLS_MAX, TAIL_CELLS_MAX};
use crate::record::{BodyPrefix, LaneRecord};
use std::collections::{HashMap, HashSet, VecDeque};
use wire::id::LaneId;
use wire::lane::Seq;

/// A lane in memory. Its cells before [`LaneState::tail_first`] are in the index's runs.
#[derive(Default)]
pub struct LaneState {
    /// As it is now; `None` for an unknown lane.
    pub record: Option<LaneRecord>,
    /// The last cells, in no run yet; the last one is at `next_seq - 1`.
    pub tail: VecDeque<CellPlace>,
    /// One number for each stored cell's hash: what is not here is not in the lane. Filled at the first look-up in a
    /// lane that has more than a short tail.
    pub known: Option<HashSet<u64>>,
    /// The index holds something else.
    pub is_dirty: bool,
    /// The index has a time for this lane.
    pub has_due: bool,
    /// Used since the last flush.
    pub is_used: bool,
}

/// Cells that are looked through one by one rather than by their numbers.
const SCAN_CELLS_MAX: usize = 2 * TAIL_CELLS_MAX;

/// The number by which a lane knows a cell's hash.
pub fn fingerprint(prefix: &BodyPrefix) -> u64 {
    let mut half = [0; 8];
    half.copy_from_slice(&prefix.0[..8]);
    u64::from_be_bytes(half)
}

impl LaneState {
    /// As the index has it.
    pub fn of(entry: Option<LaneEntry>) -> Self {
        let Some(LaneEntry { record, tail }) = entry else { return Self { is_used: true, ..Self::default() } };
        Self { record: Some(record), tail: tail.into(), has_due: true, is_used: true, ..Self::default() }
    }

    /// The position of the first cell that is in no run.
    pub fn tail_first(&self) -> Seq {
        self.record.as_ref().map_or(1, |record| record.next_seq.saturating_sub(self.tail.len() as u64))
    }

    /// Whether a cell with this prefix may be stored; `None` if its hashes have to be loaded to tell.
    pub fn may_hold(&self, prefix: &BodyPrefix) -> Option<bool> {
        let Some(record) = &self.record else { return Some(false) };
        match &self.known {
            Some(known) => Some(known.contains(&fingerprint(prefix))),
            None if self.tail.len() <= SCAN_CELLS_MAX && record.first_seq >= self.tail_first() => {
                Some(self.tail.iter().any(|place| place.body_prefix == *prefix))
            }
            None => None,
        }
    }

    /// Whether the tail has become so long that the next flush makes runs of it.
    pub fn is_tail_long(&self) -> bool {
        self.tail.len() > TAIL_CELLS_MAX
    }

    /// Takes a record and new cells over. Cells below the record's `first_seq` are gone.
    pub fn apply(&mut self, record: LaneRecord, places: impl Iterator<Item = CellPlace>) {
        let dropped = record.first_seq.saturating_sub(self.tail_first()).min(self.tail.len() as u64);
        self.tail.drain(..dropped as usize);
        if self.record.as_ref().is_some_and(|old| old.first_seq != record.first_seq) {
            self.known = None;
        }
        for place in places {
            if let Some(known) = &mut self.known {
                known.insert(fingerprint(&place.body_prefix));
            }
            self.tail.push_back(place);
        }
        self.record = Some(record);
        self.is_dirty = true;
        self.is_used = true;
    }

    /// The lane is unknown from here on.
    pub fn forget(&mut self) {
        *self = Self { is_dirty: true, is_used: true, ..Self::default() };
    }

    /// The tail as runs: neighbours of one hour, at most a page each.
    pub fn runs(&self) -> Vec<(Seq, Vec<CellPlace>)> {
        let mut runs: Vec<(Seq, Vec<CellPlace>)> = Vec::new();
        for (seq, place) in (self.tail_first()..).zip(&self.tail) {
            match runs.last_mut() {
                Some((_, run)) if run.len() < RUN_CELLS_MAX && run[0].due_hour == place.due_hour => run.push(*place),
                _ => runs.push((seq, vec![*place])),
            }
        }
        runs
    }
}

/// All lanes in memory.
#[derive(Default)]
pub struct LaneTable {
    lanes: HashMap<LaneId, LaneState>,
    known_cells: usize,
    evictions: u64,
}

impl LaneTable {
    /// A lane, if it is in memory.
    pub fn get(&self, lane: &LaneId) -> Option<&LaneState> {
        self.lanes.get(lane)
    }

    /// A lane, in memory from now on: unknown if it was not.
    pub fn entry(&mut self, lane: LaneId) -> &mut LaneState {
        self.lanes.entry(lane).or_default()
    }

    /// Lanes in memory.
    pub fn len(&self) -> usize {
        self.lanes.len()
    }

    /// Brings a lane into memory as the index has it, unless it is there.
    pub fn load(&mut self, lane: LaneId, entry: Option<LaneEntry>) {
        self.lanes.entry(lane).or_insert_with(|| LaneState::of(entry));
    }

    /// Lanes that the index does not have as they are.
    pub fn dirty(&self) -> impl Iterator<Item = (&LaneId, &LaneState)> {
        self.lanes.iter().filter(|(_, state)| state.is_dirty)
    }

    /// Counts the times that lanes left memory.
    pub fn evictions(&self) -> u64 {
        self.evictions
    }

    /// Remembers the hashes of a lane's cells, if the lane is still as `record` says; `false` if not. Over `limit` in
    /// all, other lanes' are forgotten.
    pub fn set_known(&mut self, record: &LaneRecord, known: HashSet<u64>, limit: usize) -> bool {
        if self.lanes.get(&record.lane_id).and_then(|state| state.record.as_ref()) != Some(record) {
            return false;
        }
        self.known_cells += known.len();
        if self.known_cells > limit {
            for state in self.lanes.values_mut() {
                state.known = None;
            }
            self.known_cells = known.len();
        }
        if let Some(state) = self.lanes.get_mut(&record.lane_id) {
            state.known = Some(known);
        }
        true
    }

    /// The index has everything now: keeps at most `limit` lanes, of those used since the last time.
    pub fn settle(&mut self, limit: usize) {
        self.evictions += 1;
        let mut kept = 0;
        self.lanes.retain(|_, state| {
            let is_kept = state.is_used && state.record.is_some() && kept < limit;
            kept += usize::from(is_kept);
            is_kept
        });
        self.known_cells = 0;
        for state in self.lanes.values_mut() {
            if state.is_tail_long() {
                state.tail = VecDeque::new();
            }
            state.is_dirty = false;
            state.has_due = true;
            state.is_used = false;
            self.known_cells += state.known.as_ref().map_or(0, HashSet::len);
        }
        self.lanes.shrink_to_fit();
    }

    /// Drops lanes that the index has as they are.
    pub fn evict_clean(&mut self) {
        self.evictions += 1;
        self.lanes.retain(|_, state| state.is_dirty);
        self.lanes.shrink_to_fit();
        self.known_cells = self.lanes.values().map(|state| state.known.as_ref().map_or(0, HashSet::len)).sum();
    }
}
