//! The book: what a change means for segments, for the index and for the next flush, the same when it is made and
//! when it is replayed.

use super::frame::{FRAME_HEADER_LEN, Op, PlacedCell, parse_ops};
use super::index::{CellPlace, Entries, Index, due_hour, run_key};
use super::log::Position;
use super::table::LaneTable;
use crate::StoreError;
use crate::record::LaneRecord;
use std::collections::{BTreeMap, BTreeSet};
use wire::id::LaneId;

/// What gathers until the next flush.
#[derive(Default)]
pub struct Book {
    /// The log position that the index reaches; `None` before the first flush.
    pub flushed: Option<Position>,
    /// For each segment the cells in it that are still needed.
    pub live: BTreeMap<u32, u64>,
    /// Segments for which the index holds another number.
    pub live_changed: BTreeSet<u32>,
    /// Bytes of small values that the index does not have yet.
    pub overlay_bytes: usize,
    /// Lanes that the index does not have as they are.
    pub changed_lanes: usize,
    /// Bytes of log.
    pub bytes: u64,
    /// The first hour at which something is due that the index does not know of.
    pub soonest_due_hour: Option<u32>,
}

/// Which cells go when a lane's `first_seq` rises.
#[derive(Default)]
pub struct Dropped {
    /// Bytes of their bodies.
    pub bytes: u64,
    /// How many of them each segment loses.
    pub by_segment: BTreeMap<u32, u64>,
    /// Runs that hold nothing else.
    pub run_keys: Vec<Vec<u8>>,
}

/// Does again what a frame of the log did.
pub fn replay(
    position: Position,
    payload: &[u8],
    index: &Index,
    lanes: &mut LaneTable,
    overlay: &mut Entries,
    book: &mut Book,
) -> Result<(), StoreError> {
    book.bytes += (FRAME_HEADER_LEN + payload.len()) as u64;
    for op in parse_ops(payload)? {
        match op {
            Op::Lane { record, cells_expire_s, cells } => {
                let lane = record.lane_id;
                if lanes.get(&lane).is_none() {
                    lanes.load(lane, index.lane(&lane)?);
                }
                let dropped = plan_drop(index, lanes, &lane, record.first_seq)?;
                book.drop_cells(&dropped, overlay);
                book.change_lane(lanes, *record, &cells, position, cells_expire_s);
            }
            Op::Forget(lane) => book.forget_lane(lanes, lane),
            Op::Put(key, value) => {
                book.overlay_bytes += key.len() + value.as_ref().map_or(0, |value| value.len());
                overlay.insert(key, value.map(|value| value.to_vec()));
            }
        }
    }
    Ok(())
}

/// Which cells go if the lane, which is in memory, begins at `first_seq` from now on.
pub fn plan_drop(index: &Index, lanes: &LaneTable, lane: &LaneId, first_seq: u64) -> Result<Dropped, StoreError> {
    let mut dropped = Dropped::default();
    let Some(state) = lanes.get(lane) else { return Ok(dropped) };
    let Some(record) = &state.record else { return Ok(dropped) };
    if first_seq <= record.first_seq {
        return Ok(dropped);
    }
    let tail_first = state.tail_first();
    let mut drop_one = |seq: u64, place: &CellPlace| {
        if seq >= record.first_seq && seq < first_seq {
            dropped.bytes += u64::from(place.body_len);
            *dropped.by_segment.entry(place.segment).or_default() += 1;
        }
    };
    if record.first_seq < tail_first {
        for run in index.runs(lane, record.first_seq, first_seq.min(tail_first) - 1)? {
            let run = run?;
            for (seq, place) in (run.first..).zip(&run.places) {
                drop_one(seq, place);
            }
            if run.end() <= first_seq {
                dropped.run_keys.push(run_key(lane, run.first));
            }
        }
    }
    for (seq, place) in (tail_first..first_seq).zip(&state.tail) {
        drop_one(seq, place);
    }
    Ok(dropped)
}

impl Book {
    /// Accounts for dropped cells, and remembers which runs the index shall lose.
    pub fn drop_cells(&mut self, dropped: &Dropped, overlay: &mut Entries) {
        for (segment, cells) in &dropped.by_segment {
            let live = self.live.entry(*segment).or_default();
            *live = live.saturating_sub(*cells);
            self.live_changed.insert(*segment);
        }
        for key in &dropped.run_keys {
            self.overlay_bytes += key.len();
            overlay.insert(key.clone(), None);
        }
    }

    /// Takes a lane's new record and cells over, whose frame begins at `position`.
    pub fn change_lane(
        &mut self,
        lanes: &mut LaneTable,
        record: LaneRecord,
        cells: &[PlacedCell],
        position: Position,
        cells_expire_s: u64,
    ) {
        let hour = due_hour(cells_expire_s);
        let state = lanes.entry(record.lane_id);
        // The time of a lane without cells is its record's, which may be later than the first new cell's.
        let was_empty = state.record.as_ref().is_none_or(|old| old.cell_count() == 0);
        state.has_due &= !was_empty;
        if !state.has_due {
            self.note_due(if cells.is_empty() { due_hour(record.forget_s) } else { hour });
        }
        if !cells.is_empty() {
            *self.live.entry(position.segment).or_default() += cells.len() as u64;
            self.live_changed.insert(position.segment);
        }
        self.changed_lanes += usize::from(!state.is_dirty);
        let places = cells.iter().map(|cell| CellPlace {
            segment: position.segment,
            // A segment ends at the first flush past its size, and a batch is bounded, so this holds in 32 bits.
            offset: (position.offset as u32).saturating_add(cell.offset),
            body_len: cell.body_len,
            due_hour: hour,
            body_prefix: cell.body_prefix,
        });
        state.apply(record, places);
    }

    /// A lane is unknown from here on.
    pub fn forget_lane(&mut self, lanes: &mut LaneTable, lane: LaneId) {
        let state = lanes.entry(lane);
        self.changed_lanes += usize::from(!state.is_dirty);
        state.forget();
    }

    /// Something is due at `hour` that the index does not know of.
    pub fn note_due(&mut self, hour: u32) {
        self.soonest_due_hour = Some(self.soonest_due_hour.map_or(hour, |soonest| soonest.min(hour)));
    }
}
