//! What every engine passes. Each function panics where the engine breaks its contract.
//!
//! [`all`] runs everything that needs no restart; [`agrees_with_memory`] also reopens the engine as it goes;
//! [`survives_faults`] needs an engine inside [`Faulty`](crate::Faulty). [`parts()`] and [`parts_survive_faults`] are
//! the same for [`Parts`](crate::Parts).

mod blobs;
mod lanes;
mod model;
mod parts;
mod registers;

pub use model::{agrees_with_memory, survives_faults};
pub use parts::{parts, parts_survive_faults};

use crate::Store;
use crate::lanes::{CommitOutcome, LaneBatch, LaneCommit, Lanes};
use crate::record::{BodyPrefix, LaneRecord, StoredCell};
use bytes::Bytes;
use wire::id::{Hash, LaneId};
use wire::lane::{Cell, CellKind, LaneClass, Seq, head_next};

/// An hour: expiry may be that coarse.
const HOUR: u64 = crate::lanes::EXPIRY_GRAIN_S;
/// Enough for every cell of a test.
const PLENTY: usize = 1 << 20;

/// A lane as `delivery` would hold it: makes the next entry.
#[derive(Debug, Clone)]
pub struct LaneDriver {
    /// As the store should have it.
    pub record: LaneRecord,
    /// Every cell ever accepted.
    pub cells: Vec<StoredCell>,
}

impl LaneDriver {
    /// A lane that the store does not know; different for every `number`.
    pub fn new(number: u64) -> Self {
        let (read, write) = (Hash::of(&[b"r", &number.to_be_bytes()]), Hash::of(&[b"w", &number.to_be_bytes()]));
        let lane_id = wire::lane::derive_lane_id(LaneClass::Group, &read, &write);
        let record = LaneRecord { revision: 0, ..LaneRecord::new(lane_id, LaneClass::Group, read, write) };
        Self { record, cells: Vec::new() }
    }

    /// The lane's id.
    pub fn id(&self) -> LaneId {
        self.record.lane_id
    }

    /// The entry that appends cells with bodies of these sizes.
    pub fn append(&mut self, sizes: &[usize], cells_expire_s: u64) -> LaneCommit {
        let mut cells = Vec::new();
        for size in sizes {
            let record = &mut self.record;
            let seq = record.next_seq;
            let body = body_of(&record.lane_id, seq, *size);
            let body_hash = Hash::of(&[&body]);
            let kind = if seq.is_multiple_of(5) { CellKind::Handshake } else { CellKind::App };
            let attach = if seq.is_multiple_of(7) { Hash([7; 32]) } else { Hash::ZERO };
            record.head = head_next(&record.head, seq, kind, &attach, &body_hash);
            record.last_gen = record.gen_now;
            let cell = Cell { seq, gen_before: record.gen_now, kind, attach, body };
            record.gen_now += u32::from(kind == CellKind::Handshake);
            record.next_seq += 1;
            record.stored_bytes += *size as u64;
            cells.push(StoredCell { cell, head: record.head, body_prefix: BodyPrefix::of(&body_hash) });
        }
        self.record.revision += 1;
        self.record.forget_s = self.record.forget_s.max(cells_expire_s + 10 * HOUR);
        self.cells.extend_from_slice(&cells);
        LaneCommit { record: self.record.clone(), cells, cells_expire_s }
    }
}

fn body_of(lane: &LaneId, seq: Seq, size: usize) -> Bytes {
    let block = Hash::of(&[b"body", &lane.0, &seq.to_be_bytes()]).0;
    Bytes::from(block.repeat(size.div_ceil(32)))
}

fn batch(commits: Vec<LaneCommit>) -> LaneBatch {
    LaneBatch { commits }
}

fn stored(store: &impl Lanes, commit: LaneCommit) {
    let outcomes = store.commit(&batch(vec![commit])).expect("the engine stores");
    assert_eq!(outcomes, [CommitOutcome::Stored]);
}

fn read_all(store: &impl Lanes, lane: &LaneId, after: Seq) -> Vec<StoredCell> {
    store.read(lane, after, PLENTY, usize::MAX).expect("the engine reads")
}

/// Everything that needs no restart. `make` gives an empty store each time.
pub fn all<S: Store>(make: impl Fn() -> S) {
    lanes::a_cell_is_read_and_found_as_it_was_stored(&make());
    lanes::a_page_keeps_its_limits(&make());
    lanes::an_entry_with_another_revision_conflicts_alone(&make());
    lanes::a_batch_of_a_wrong_shape_is_misuse_and_stores_nothing(&make());
    lanes::a_trimmed_cell_is_gone_and_accounted_for(&make());
    lanes::cells_and_then_records_expire(&make());
    lanes::expiry_goes_in_bounded_steps(&make());
    lanes::a_large_batch_is_stored_at_once(&make());
    lanes::reads_go_on_beside_writes(&make());
    registers::a_register_changes_only_as_expected(&make());
    registers::a_swap_is_made_as_a_whole_or_not_at_all(&make());
    registers::a_scan_gives_keys_in_order(&make());
    registers::each_value_is_claimed_by_one(&make());
    blobs::a_blob_is_kept_until_its_time(&make());
    blobs::a_blob_keeps_its_limits(&make());
    for seed in 0..4 {
        agrees_with_memory(seed, 120, make(), |store| store);
    }
}
