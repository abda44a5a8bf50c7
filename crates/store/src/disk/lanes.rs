//! Lanes on disk.

use super::book::plan_drop;
use super::frame::{CELL_LENGTH_LEN, CELL_OVERHEAD, parse_cell};
use super::index::CellPlace;
use super::table::{LaneState, LaneTable, fingerprint};
use super::{Disk, Shared, Writer, locked};
use crate::StoreError;
use crate::lanes::{CellMark, CommitOutcome, Expired, LaneBatch, LaneCommit, Lanes};
use crate::record::{BodyPrefix, LaneRecord, StoredCell};
use bytes::Bytes;
use std::collections::HashSet;
use wire::id::LaneId;
use wire::lane::Seq;

/// Bytes read from the log at once at most, unless one cell is larger.
const READ_BYTES_MAX: usize = 256 << 10;

impl Lanes for Disk {
    fn record(&self, lane: &LaneId) -> Result<Option<LaneRecord>, StoreError> {
        if let Some(state) = self.shared.lanes().get(lane) {
            return Ok(state.record.clone());
        }
        Ok(self.shared.index.lane(lane)?.map(|entry| entry.record))
    }

    fn commit(&self, batch: &LaneBatch) -> Result<Vec<CommitOutcome>, StoreError> {
        batch.check()?;
        let shared = &*self.shared;
        let mut writer = locked(&shared.writer);
        shared.load_all(&mut writer, batch.commits.iter().map(|commit| &commit.record.lane_id))?;
        let outcomes = shared.judge(batch, &mut writer)?;
        if writer.frame.is_empty() {
            return Ok(outcomes);
        }
        let begin = shared.append(&mut writer)?;
        let Writer { frame, book, .. } = &mut *writer;
        let mut lanes = shared.lanes_mut();
        let mut placed = frame.cells();
        for (commit, outcome) in batch.commits.iter().zip(&outcomes) {
            if *outcome == CommitOutcome::Stored {
                let (cells, rest) = placed.split_at(commit.cells.len());
                placed = rest;
                book.change_lane(&mut lanes, commit.record.clone(), cells, begin, commit.cells_expire_s);
            }
        }
        drop(lanes);
        shared.flush_if_due(&mut writer);
        Ok(outcomes)
    }

    fn read(
        &self,
        lane: &LaneId,
        after: Seq,
        max_cells: usize,
        max_bytes: usize,
    ) -> Result<Vec<StoredCell>, StoreError> {
        let Some(first) = after.checked_add(1) else { return Ok(Vec::new()) };
        let shared = &*self.shared;
        let places = shared.places(lane, first, max_cells, max_bytes)?;
        match shared.cells(first, &places) {
            // The cells, and the segment with them, may have been dropped after their places were looked up.
            Err(StoreError::Corrupt { .. }) if shared.is_dropped(lane, first)? => Ok(Vec::new()),
            cells => cells,
        }
    }

    fn find(&self, lane: &LaneId, prefix: &BodyPrefix) -> Result<Option<CellMark>, StoreError> {
        let shared = &*self.shared;
        let at_once = shared.lanes().get(lane).and_then(|state| state.may_hold(prefix));
        let may_hold = match at_once {
            Some(may_hold) => may_hold,
            None => shared.load_and_look(lane, prefix)?,
        };
        if may_hold { shared.find_exact(lane, prefix) } else { Ok(None) }
    }

    fn trim(&self, lane: &LaneId, through: Seq) -> Result<Option<LaneRecord>, StoreError> {
        let shared = &*self.shared;
        let mut writer = locked(&shared.writer);
        shared.load_all(&mut writer, [lane].into_iter())?;
        let Some(old) = shared.lanes().get(lane).and_then(|state| state.record.clone()) else { return Ok(None) };
        let first_seq = through.saturating_add(1).min(old.next_seq);
        if first_seq <= old.first_seq {
            return Ok(Some(old));
        }
        let record = shared.trimmed(old, first_seq)?;
        writer.frame.clear();
        writer.frame.lane(&LaneCommit { record: record.clone(), cells: Vec::new(), cells_expire_s: 0 });
        shared.append_trims(&mut writer, std::slice::from_ref(&record), &[])?;
        Ok(Some(record))
    }

    fn expire(&self, now_s: u64, limit: usize) -> Result<Expired, StoreError> {
        self.shared.expire(now_s, limit)
    }
}

impl Shared {
    /// Brings lanes into memory, where all of them stay at least until the writer's lock is released.
    pub(super) fn load_all<'a>(
        &self,
        _writer: &mut Writer,
        lanes: impl Iterator<Item = &'a LaneId> + Clone,
    ) -> Result<(), StoreError> {
        let missing = |table: &LaneTable| lanes.clone().filter(|lane| table.get(lane).is_none()).count();
        let to_load = missing(&self.lanes());
        // Changed lanes stay until the next flush; the others are only a cache.
        if to_load > 0 && self.lanes().len() + to_load > 2 * self.options.lanes_in_memory {
            self.lanes_mut().evict_clean();
        }
        for lane in lanes {
            self.load(lane)?;
        }
        Ok(())
    }

    /// Brings a lane into memory.
    fn load(&self, lane: &LaneId) -> Result<(), StoreError> {
        loop {
            let evictions = {
                let table = self.lanes();
                if table.get(lane).is_some() {
                    return Ok(());
                }
                table.evictions()
            };
            let entry = self.index.lane(lane)?;
            let mut table = self.lanes_mut();
            // A lane not in memory is as the index has it, unless it came, changed and went since we looked.
            if table.evictions() == evictions {
                table.load(*lane, entry);
                return Ok(());
            }
        }
    }

    /// Says which entries are taken, and puts those into the writer's frame.
    fn judge(&self, batch: &LaneBatch, writer: &mut Writer) -> Result<Vec<CommitOutcome>, StoreError> {
        writer.frame.clear();
        let lanes = self.lanes();
        let mut outcomes = Vec::with_capacity(batch.commits.len());
        for commit in &batch.commits {
            let stored = lanes.get(&commit.record.lane_id).and_then(|state| state.record.as_ref());
            if commit.follows(stored)? {
                writer.frame.lane(commit);
                outcomes.push(CommitOutcome::Stored);
            } else {
                outcomes.push(CommitOutcome::Conflict { stored: stored.cloned() });
            }
        }
        Ok(outcomes)
    }

    /// Where the cells of a page are.
    fn places(
        &self,
        lane: &LaneId,
        first: Seq,
        max_cells: usize,
        max_bytes: usize,
    ) -> Result<Vec<CellPlace>, StoreError> {
        let mut page = PagePlaces { max_cells, max_bytes, bytes: 0, places: Vec::new() };
        let page_of = |record: &Option<LaneRecord>, tail_first: Seq, tail: &mut dyn Iterator<Item = &CellPlace>| {
            let skipped = usize::try_from(first.saturating_sub(tail_first)).unwrap_or(usize::MAX);
            (record.clone(), tail_first, tail.skip(skipped).take(max_cells).copied().collect::<Vec<_>>())
        };
        let in_memory =
            (self.lanes().get(lane)).map(|state| page_of(&state.record, state.tail_first(), &mut state.tail.iter()));
        let (record, tail_first, tail) = match in_memory {
            Some(found) => found,
            None => {
                let state = LaneState::of(self.index.lane(lane)?);
                page_of(&state.record, state.tail_first(), &mut state.tail.iter())
            }
        };
        let Some(record) = record else { return Ok(Vec::new()) };
        if first < record.first_seq || first >= record.next_seq {
            return Ok(Vec::new());
        }
        if first < tail_first {
            let last = first.saturating_add(max_cells as u64).min(tail_first) - 1;
            for run in self.index.runs(lane, first, last)? {
                let run = run?;
                for (seq, place) in (run.first..).zip(&run.places) {
                    if seq >= first && seq < tail_first && !page.take(place) {
                        return Ok(page.places);
                    }
                }
            }
            if page.places.len() as u64 != tail_first - first && page.places.len() < max_cells {
                return Err(StoreError::Corrupt { what: "the index" });
            }
        }
        for place in &tail {
            if !page.take(place) {
                break;
            }
        }
        Ok(page.places)
    }

    /// Reads the cells at `places`, the first at position `first`: neighbours in the log at once.
    fn cells(&self, first: Seq, places: &[CellPlace]) -> Result<Vec<StoredCell>, StoreError> {
        let mut cells = Vec::with_capacity(places.len());
        let stored_len = |place: &CellPlace| CELL_OVERHEAD + place.body_len as usize;
        let mut at = 0;
        while at < places.len() {
            let begin = places[at];
            let (mut end, mut len) = (at + 1, stored_len(&begin));
            while let Some(next) = places.get(end)
                && next.segment == begin.segment
                && u64::from(next.offset) == u64::from(begin.offset) + (len + CELL_LENGTH_LEN) as u64
                && len + stored_len(next) <= READ_BYTES_MAX
            {
                len += CELL_LENGTH_LEN + stored_len(next);
                end += 1;
            }
            let bytes = Bytes::from(self.segments.read(begin.segment, u64::from(begin.offset), len)?);
            for place in &places[at..end] {
                let from = (place.offset - begin.offset) as usize;
                let seq = first + cells.len() as u64;
                cells.push(parse_cell(bytes.slice(from..from + stored_len(place)), seq)?);
            }
            at = end;
        }
        Ok(cells)
    }

    fn is_dropped(&self, lane: &LaneId, seq: Seq) -> Result<bool, StoreError> {
        let record = match self.lanes().get(lane) {
            Some(state) => state.record.clone(),
            None => self.index.lane(lane)?.map(|entry| entry.record),
        };
        Ok(record.is_none_or(|record| seq < record.first_seq))
    }

    /// Brings a lane into memory, and its cells' hashes if it has many, and says whether a prefix may be stored.
    fn load_and_look(&self, lane: &LaneId, prefix: &BodyPrefix) -> Result<bool, StoreError> {
        loop {
            self.load(lane)?;
            let mut known = HashSet::new();
            let (record, tail_first) = {
                let lanes = self.lanes();
                let Some(state) = lanes.get(lane) else { continue };
                if let Some(may_hold) = state.may_hold(prefix) {
                    return Ok(may_hold);
                }
                known.extend(state.tail.iter().map(|place| fingerprint(&place.body_prefix)));
                let Some(record) = &state.record else { return Ok(false) };
                (record.clone(), state.tail_first())
            };
            if record.first_seq < tail_first {
                for run in self.index.runs(lane, record.first_seq, tail_first - 1)? {
                    known.extend(run?.places.iter().map(|place| fingerprint(&place.body_prefix)));
                }
            }
            let may_hold = known.contains(&fingerprint(prefix));
            // If the lane has changed since, what was gathered is of no use.
            if self.lanes_mut().set_known(&record, known, self.options.known_cells) {
                return Ok(may_hold);
            }
        }
    }

    /// Looks through a lane for a whole prefix. Only called when its fingerprint is there.
    fn find_exact(&self, lane: &LaneId, prefix: &BodyPrefix) -> Result<Option<CellMark>, StoreError> {
        let look = |state: &LaneState| {
            let found = (state.tail_first()..)
                .zip(&state.tail)
                .find(|(_, place)| place.body_prefix == *prefix)
                .map(|(seq, place)| (seq, *place));
            state.record.as_ref().map(|record| (record.first_seq, state.tail_first(), found))
        };
        let in_memory = self.lanes().get(lane).map(look);
        let looked = match in_memory {
            Some(looked) => looked,
            None => look(&LaneState::of(self.index.lane(lane)?)),
        };
        let Some((first, tail_first, mut found)) = looked else { return Ok(None) };
        if found.is_none() && first < tail_first {
            for run in self.index.runs(lane, first, tail_first - 1)? {
                let run = run?;
                let place = run.places.iter().position(|place| place.body_prefix == *prefix);
                if let Some(at) = place {
                    found = Some((run.first + at as u64, run.places[at])).filter(|(seq, _)| *seq >= first);
                    break;
                }
            }
        }
        let Some((seq, place)) = found else { return Ok(None) };
        match self.cells(seq, &[place]) {
            Err(StoreError::Corrupt { .. }) if self.is_dropped(lane, seq)? => Ok(None),
            cells => Ok(cells?.first().map(CellMark::from)),
        }
    }

    /// A lane's record without the cells below `first_seq`.
    pub(super) fn trimmed(&self, record: LaneRecord, first_seq: Seq) -> Result<LaneRecord, StoreError> {
        let dropped = plan_drop(&self.index, &self.lanes(), &record.lane_id, first_seq)?;
        Ok(LaneRecord {
            first_seq,
            stored_bytes: record.stored_bytes.saturating_sub(dropped.bytes),
            revision: record.revision.saturating_add(1),
            ..record
        })
    }

    /// Appends the writer's frame, which says that these records have lost cells and those lanes are unknown.
    pub(super) fn append_trims(
        &self,
        writer: &mut Writer,
        trimmed: &[LaneRecord],
        forgotten: &[LaneId],
    ) -> Result<(), StoreError> {
        self.load_all(writer, trimmed.iter().map(|record| &record.lane_id))?;
        let begin = self.append(writer)?;
        for record in trimmed {
            let dropped = plan_drop(&self.index, &self.lanes(), &record.lane_id, record.first_seq)?;
            let mut lanes = self.lanes_mut();
            writer.book.drop_cells(&dropped, &mut self.overlay_mut());
            writer.book.change_lane(&mut lanes, record.clone(), &[], begin, 0);
        }
        for lane in forgotten {
            writer.book.forget_lane(&mut self.lanes_mut(), *lane);
        }
        self.flush_if_due(writer);
        Ok(())
    }
}

/// Collects places up to a page's limits.
struct PagePlaces {
    max_cells: usize,
    max_bytes: usize,
    bytes: usize,
    places: Vec<CellPlace>,
}

impl PagePlaces {
    /// Adds a place; `false` when the page is full without it.
    fn take(&mut self, place: &CellPlace) -> bool {
        self.bytes = self.bytes.saturating_add(place.body_len as usize);
        let fits = self.places.len() < self.max_cells && (self.places.is_empty() || self.bytes <= self.max_bytes);
        if fits {
            self.places.push(*place);
        }
        fits
    }
}
