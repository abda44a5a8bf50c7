//! A node's disk: what is committed survives the process; a fault fails with or without persisting.

use bytes::Bytes;
use delivery::storage::{BlobInfo, BodyPrefix, CellMark, Change, SwapOutcome, WriteOutcome};
use delivery::{LaneRecord, LaneWrite, Storage, StorageFailed};
use std::cell::{Cell as Slot, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use wire::id::{BlobId, LaneId};
use wire::lane::{Cell, CellKind, LaneClass, Seq, head_zero};

/// What the next commit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// It works.
    #[default]
    None,
    /// It fails and nothing was stored.
    Forgets,
    /// It fails, yet all was stored.
    Persists,
}

/// A lane on disk.
#[derive(Clone)]
pub struct StoredLane {
    /// The record.
    pub record: LaneRecord,
    /// Cells with their marks and prefixes, by position.
    pub cells: BTreeMap<Seq, (Cell, CellMark, BodyPrefix)>,
}

/// A node's disk.
#[derive(Default, Clone)]
pub struct Disk {
    /// Lanes.
    pub lanes: RefCell<BTreeMap<LaneId, StoredLane>>,
    /// Blobs with the time until which they are kept, seconds.
    pub blobs: RefCell<BTreeMap<BlobId, (Bytes, u64)>>,
    /// Registers.
    pub registers: RefCell<BTreeMap<Bytes, Bytes>>,
    /// What the next commit does.
    pub fault: Slot<Fault>,
    /// A lying disk: a swap answers well and changes nothing.
    pub forgets_swaps: Slot<bool>,
    /// What went against a rule of the store.
    pub wrongs: RefCell<Vec<String>>,
}

impl Disk {
    fn store(&self, write: &LaneWrite) {
        let mut lanes = self.lanes.borrow_mut();
        let record = write.record.clone();
        let fresh = StoredLane { record: record.clone(), cells: BTreeMap::new() };
        let lane = lanes.entry(record.lane_id).or_insert(fresh);
        let wrong = |text: &str| self.wrongs.borrow_mut().push(text.to_owned());
        if record.revision != 1 && record.revision != lane.record.revision + 1 {
            wrong("a write over another revision");
        }
        lane.record = record;
        for accepted in &write.cells {
            let Cell { seq, gen_before, .. } = accepted.cell;
            if lane.cells.values().any(|(_, _, known)| *known == accepted.body_prefix) {
                wrong("I14: one body twice in a lane");
            }
            let mark = CellMark { seq, gen_before, head: accepted.head };
            if lane.cells.insert(seq, (accepted.cell.clone(), mark, accepted.body_prefix)).is_some() {
                wrong("I10: a position written twice");
            }
        }
        if lane.cells.len() as u64 != lane.record.next_seq - lane.record.first_seq {
            wrong("cells do not end at the record");
        }
    }

    /// Stores a blob; durable on return.
    pub fn put_blob(&self, id: BlobId, blob: Bytes, keep_until_s: u64) {
        let mut blobs = self.blobs.borrow_mut();
        let kept = blobs.entry(id).or_insert((blob, 0));
        kept.1 = kept.1.max(keep_until_s);
    }

    /// A misdeed: rewrites a lane's cells, with heads, gens and record made to fit.
    pub fn rewrite(&self, lane_id: &LaneId, change: impl FnOnce(&mut Vec<Cell>)) {
        let mut lanes = self.lanes.borrow_mut();
        let Some(lane) = lanes.get_mut(lane_id) else { return };
        let mut cells: Vec<Cell> = lane.cells.values().map(|(cell, ..)| cell.clone()).collect();
        change(&mut cells);
        lane.cells.clear();
        let (mut head, mut gen_now, mut last_gen) = (head_zero(lane_id), 0, 0);
        for (at, mut cell) in cells.into_iter().enumerate() {
            (cell.seq, cell.gen_before) = (at as u64 + 1, gen_now);
            head = cell.head_after(&head);
            last_gen = gen_now;
            gen_now += u32::from(cell.kind == CellKind::Handshake);
            let mut prefix = [0; 16];
            prefix.copy_from_slice(&cell.body_hash().0[..16]);
            let mark = CellMark { seq: cell.seq, gen_before: cell.gen_before, head };
            lane.cells.insert(cell.seq, (cell, mark, prefix));
        }
        let record = &mut lane.record;
        (record.first_seq, record.next_seq) = (1, lane.cells.len() as u64 + 1);
        (record.head, record.gen_now, record.last_gen) = (head, gen_now, last_gen);
        record.stored_bytes = lane.cells.values().map(|(cell, ..)| cell.body.len() as u64).sum();
        record.revision += 1;
    }

    /// A misdeed: drops a lane's oldest cells.
    pub fn drop_before(&self, lane_id: &LaneId, first_seq: Seq) {
        if let Some(lane) = self.lanes.borrow_mut().get_mut(lane_id) {
            lane.cells.retain(|seq, _| *seq >= first_seq);
            lane.record.first_seq = first_seq.min(lane.record.next_seq);
            lane.record.revision += 1;
        }
    }

    /// Cells of group lanes.
    pub fn group_cells(&self) -> (u64, u64) {
        let lanes = self.lanes.borrow();
        let groups = lanes.values().filter(|lane| lane.record.class == LaneClass::Group);
        groups.fold((0, 0), |(cells, commits), lane| {
            (cells + lane.record.next_seq - 1, commits + u64::from(lane.record.gen_now))
        })
    }

    /// The ids of every group lane.
    pub fn group_lanes(&self) -> BTreeSet<LaneId> {
        let lanes = self.lanes.borrow();
        lanes.values().filter(|lane| lane.record.class == LaneClass::Group).map(|lane| lane.record.lane_id).collect()
    }
}

impl Storage for Disk {
    fn record(&self, lane: &LaneId) -> Result<Option<LaneRecord>, StorageFailed> {
        Ok(self.lanes.borrow().get(lane).map(|lane| lane.record.clone()))
    }

    fn find(&self, lane: &LaneId, prefix: &BodyPrefix) -> Result<Option<CellMark>, StorageFailed> {
        let lanes = self.lanes.borrow();
        let Some(lane) = lanes.get(lane) else { return Ok(None) };
        Ok(lane.cells.values().find(|(_, _, known)| known == prefix).map(|(_, mark, _)| *mark))
    }

    fn read(&self, lane: &LaneId, after: Seq, max_cells: usize, max_bytes: usize) -> Result<Vec<Cell>, StorageFailed> {
        let lanes = self.lanes.borrow();
        let Some(lane) = lanes.get(lane) else { return Ok(Vec::new()) };
        let (mut bytes, mut cells) = (0, Vec::new());
        for (at, (seq, (cell, ..))) in lane.cells.range(after.saturating_add(1)..).enumerate() {
            bytes += cell.body.len();
            if *seq != after + 1 + at as u64 || at >= max_cells || (bytes > max_bytes && at > 0) {
                break;
            }
            cells.push(cell.clone());
        }
        Ok(cells)
    }

    fn blob(&self, blob: &BlobId) -> Result<Option<BlobInfo>, StorageFailed> {
        let blobs = self.blobs.borrow();
        Ok(blobs
            .get(blob)
            .map(|(blob, keep_until_s)| BlobInfo { size: blob.len() as u64, keep_until_s: *keep_until_s }))
    }

    fn keep_blob(&self, blob: &BlobId, keep_until_s: u64) -> Result<bool, StorageFailed> {
        let mut blobs = self.blobs.borrow_mut();
        let Some(kept) = blobs.get_mut(blob) else { return Ok(false) };
        kept.1 = kept.1.max(keep_until_s);
        Ok(true)
    }

    fn commit(&self, writes: &[LaneWrite]) -> Result<Vec<WriteOutcome>, StorageFailed> {
        let fault = self.fault.take();
        if fault == Fault::Forgets {
            return Err(StorageFailed);
        }
        writes.iter().for_each(|write| self.store(write));
        if fault == Fault::Persists { Err(StorageFailed) } else { Ok(vec![WriteOutcome::Stored; writes.len()]) }
    }

    fn trim(&self, lane: &LaneId, through: Seq) -> Result<Option<LaneRecord>, StorageFailed> {
        let mut lanes = self.lanes.borrow_mut();
        let Some(lane) = lanes.get_mut(lane) else { return Ok(None) };
        lane.cells.retain(|seq, _| *seq > through);
        lane.record.first_seq = lane.cells.keys().next().copied().unwrap_or(lane.record.next_seq);
        lane.record.stored_bytes = lane.cells.values().map(|(cell, ..)| cell.body.len() as u64).sum();
        lane.record.revision += 1;
        Ok(Some(lane.record.clone()))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StorageFailed> {
        Ok(self.registers.borrow().get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StorageFailed> {
        let registers = self.registers.borrow();
        let matching = registers.iter().filter(|(key, _)| key.starts_with(prefix)).take(limit);
        Ok(matching.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn swap(&self, changes: &[Change]) -> Result<SwapOutcome, StorageFailed> {
        let mut registers = self.registers.borrow_mut();
        if changes.iter().any(|change| registers.get(&change.key) != change.expect.as_ref()) {
            return Ok(SwapOutcome::Conflict);
        }
        if self.forgets_swaps.get() {
            return Ok(SwapOutcome::Done);
        }
        for Change { key, value, .. } in changes.iter().cloned() {
            match value {
                Some(value) => registers.insert(key, value),
                None => registers.remove(&key),
            };
        }
        Ok(SwapOutcome::Done)
    }
}
