//! An engine in memory: the reference for every other, for tests and the simulator. Nothing survives the process.

use crate::blobs::{BlobInfo, Blobs, check_size};
use crate::lanes::{CellMark, CommitOutcome, Expired, LaneBatch, Lanes};
use crate::record::{BodyPrefix, LaneRecord, StoredCell};
use crate::registers::{Change, RegisterKey, Registers, SwapOutcome, check_changes};
use crate::{SCAN_MAX, StoreError};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use wire::id::{BlobId, LaneId};
use wire::lane::Seq;

/// An engine in memory.
#[derive(Debug, Default)]
pub struct Memory {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    lanes: BTreeMap<LaneId, Lane>,
    registers: BTreeMap<RegisterKey, Bytes>,
    blobs: BTreeMap<BlobId, (Bytes, u64)>,
}

#[derive(Debug)]
struct Lane {
    record: LaneRecord,
    cells: BTreeMap<Seq, (StoredCell, u64)>,
    by_prefix: BTreeMap<BodyPrefix, Seq>,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is complete before the lock is released, whatever panicked elsewhere.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    /// Drops the oldest cell and accounts for it.
    fn drop_first(&mut self) {
        if let Some((seq, (stored, _))) = self.cells.pop_first() {
            self.record.stored_bytes = self.record.stored_bytes.saturating_sub(stored.cell.body.len() as u64);
            self.record.first_seq = seq + 1;
            if self.by_prefix.get(&stored.body_prefix) == Some(&seq) {
                self.by_prefix.remove(&stored.body_prefix);
            }
        }
    }

    fn first_expires_s(&self) -> Option<u64> {
        self.cells.first_key_value().map(|(_, (_, expires_s))| *expires_s)
    }
}

impl Lanes for Memory {
    fn record(&self, lane: &LaneId) -> Result<Option<LaneRecord>, StoreError> {
        Ok(self.state().lanes.get(lane).map(|lane| lane.record.clone()))
    }

    fn commit(&self, batch: &LaneBatch) -> Result<Vec<CommitOutcome>, StoreError> {
        batch.check()?;
        let mut state = self.state();
        for commit in &batch.commits {
            commit.follows(state.lanes.get(&commit.record.lane_id).map(|lane| &lane.record))?;
        }
        let mut outcomes = Vec::with_capacity(batch.commits.len());
        for commit in &batch.commits {
            let stored = state.lanes.get(&commit.record.lane_id).map(|lane| &lane.record);
            if !commit.follows(stored)? {
                outcomes.push(CommitOutcome::Conflict { stored: stored.cloned() });
                continue;
            }
            let lane = state.lanes.entry(commit.record.lane_id).or_insert_with(|| Lane {
                record: commit.record.clone(),
                cells: BTreeMap::new(),
                by_prefix: BTreeMap::new(),
            });
            lane.record = commit.record.clone();
            for stored in &commit.cells {
                lane.by_prefix.insert(stored.body_prefix, stored.cell.seq);
                lane.cells.insert(stored.cell.seq, (stored.clone(), commit.cells_expire_s));
            }
            outcomes.push(CommitOutcome::Stored);
        }
        Ok(outcomes)
    }

    fn read(
        &self,
        lane: &LaneId,
        after: Seq,
        max_cells: usize,
        max_bytes: usize,
    ) -> Result<Vec<StoredCell>, StoreError> {
        let state = self.state();
        let (Some(lane), Some(first)) = (state.lanes.get(lane), after.checked_add(1)) else { return Ok(Vec::new()) };
        if !lane.cells.contains_key(&first) {
            return Ok(Vec::new());
        }
        let mut bytes = 0;
        let mut page = Vec::new();
        for (stored, _) in lane.cells.range(first..).map(|(_, value)| value).take(max_cells) {
            bytes += stored.cell.body.len();
            if bytes > max_bytes && !page.is_empty() {
                break;
            }
            page.push(stored.clone());
        }
        Ok(page)
    }

    fn find(&self, lane: &LaneId, prefix: &BodyPrefix) -> Result<Option<CellMark>, StoreError> {
        let state = self.state();
        let Some(lane) = state.lanes.get(lane) else { return Ok(None) };
        let cell = lane.by_prefix.get(prefix).and_then(|seq| lane.cells.get(seq));
        Ok(cell.map(|(stored, _)| CellMark::from(stored)))
    }

    fn trim(&self, lane: &LaneId, through: Seq) -> Result<Option<LaneRecord>, StoreError> {
        let mut state = self.state();
        let Some(lane) = state.lanes.get_mut(lane) else { return Ok(None) };
        let first_seq = lane.record.first_seq;
        while lane.cells.first_key_value().is_some_and(|(seq, _)| *seq <= through) {
            lane.drop_first();
        }
        if lane.record.first_seq != first_seq {
            lane.record.revision += 1;
        }
        Ok(Some(lane.record.clone()))
    }

    fn expire(&self, now_s: u64, limit: usize) -> Result<Expired, StoreError> {
        let mut state = self.state();
        let mut expired = Expired::default();
        let mut left = limit.max(1);
        for lane in state.lanes.values_mut() {
            let dropped_before = expired.cells;
            while left > 0 && lane.first_expires_s().is_some_and(|expires_s| expires_s <= now_s) {
                lane.drop_first();
                expired.cells += 1;
                left -= 1;
            }
            if expired.cells != dropped_before {
                lane.record.revision += 1;
                expired.changed.push(lane.record.clone());
            }
        }
        let is_due = |lane: &Lane| lane.cells.is_empty() && lane.record.forget_s <= now_s;
        let due: Vec<LaneId> =
            state.lanes.iter().filter(|(_, lane)| is_due(lane)).map(|(id, _)| *id).take(left).collect();
        for id in &due {
            state.lanes.remove(id);
        }
        expired.changed.retain(|record| !due.contains(&record.lane_id));
        expired.removed = due;
        expired.is_more = state
            .lanes
            .values()
            .any(|lane| is_due(lane) || lane.first_expires_s().is_some_and(|expires_s| expires_s <= now_s));
        Ok(expired)
    }
}

impl Registers for Memory {
    fn get(&self, key: &RegisterKey) -> Result<Option<Bytes>, StoreError> {
        Ok(self.state().registers.get(key).cloned())
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&RegisterKey>,
        limit: usize,
    ) -> Result<Vec<(RegisterKey, Bytes)>, StoreError> {
        let state = self.state();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let registers = state.registers.range::<RegisterKey, _>((start, Bound::Unbounded));
        Ok(registers
            .skip_while(|(key, _)| key.as_bytes() < prefix)
            .take_while(|(key, _)| key.as_bytes().starts_with(prefix))
            .take(limit.min(SCAN_MAX))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }

    fn swap(&self, changes: &[Change]) -> Result<SwapOutcome, StoreError> {
        check_changes(changes)?;
        let mut state = self.state();
        for (index, change) in changes.iter().enumerate() {
            if !change.expect.is_met(state.registers.get(&change.key).map(AsRef::as_ref)) {
                return Ok(SwapOutcome::Conflict { index });
            }
        }
        for change in changes {
            match &change.value {
                Some(value) => state.registers.insert(change.key.clone(), value.clone()),
                None => state.registers.remove(&change.key),
            };
        }
        Ok(SwapOutcome::Done)
    }
}

impl Blobs for Memory {
    fn put_blob(&self, id: &BlobId, bytes: &[u8], keep_until_s: u64) -> Result<(), StoreError> {
        check_size(bytes)?;
        let mut state = self.state();
        let (_, until_s) = state.blobs.entry(*id).or_insert_with(|| (Bytes::copy_from_slice(bytes), keep_until_s));
        *until_s = keep_until_s.max(*until_s);
        Ok(())
    }

    fn blob_info(&self, id: &BlobId) -> Result<Option<BlobInfo>, StoreError> {
        let state = self.state();
        let blob = state.blobs.get(id);
        Ok(blob.map(|(bytes, until_s)| BlobInfo { size: bytes.len() as u64, keep_until_s: *until_s }))
    }

    fn read_blob(&self, id: &BlobId, offset: u64, max_bytes: usize) -> Result<Option<Bytes>, StoreError> {
        let state = self.state();
        let Some((bytes, _)) = state.blobs.get(id) else { return Ok(None) };
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let end = start.saturating_add(max_bytes).min(bytes.len());
        Ok(Some(bytes.slice(start..end)))
    }

    fn keep_blob(&self, id: &BlobId, keep_until_s: u64) -> Result<bool, StoreError> {
        let mut state = self.state();
        let Some((_, until_s)) = state.blobs.get_mut(id) else { return Ok(false) };
        *until_s = keep_until_s.max(*until_s);
        Ok(true)
    }

    fn expire_blobs(&self, now_s: u64, limit: usize) -> Result<bool, StoreError> {
        let mut state = self.state();
        let due: Vec<BlobId> =
            state.blobs.iter().filter(|(_, (_, until_s))| *until_s <= now_s).map(|(id, _)| *id).collect();
        for id in due.iter().take(limit.max(1)) {
            state.blobs.remove(id);
        }
        Ok(due.len() > limit.max(1))
    }
}
