//! What a node reads back from its disk.

use crate::Seed;
use bytes::Bytes;
use store::{BodyPrefix, LaneRecord, StoredCell};
use wire::id::{Hash, LaneId};
use wire::lane::{Cell, CellKind, LaneClass};

/// A lane's record has one encoding.
pub fn lane_record(bytes: &[u8]) -> bool {
    let Ok(record) = LaneRecord::parse(bytes) else { return false };
    assert!(record.encode()[..] == *bytes, "a second encoding");
    true
}

/// A stored cell has one encoding.
pub fn stored_cell(bytes: &[u8]) -> bool {
    let Ok(cell) = StoredCell::parse(Bytes::copy_from_slice(bytes)) else { return false };
    assert!([&cell.encode_header()[..], &cell.cell.body].concat() == bytes, "a second encoding");
    true
}

/// A new lane, and one with a history.
pub fn lane_record_seeds() -> Vec<Seed> {
    let new = LaneRecord::new(LaneId([1; 32]), LaneClass::Group, Hash([2; 32]), Hash([3; 32]));
    let old = LaneRecord {
        class: LaneClass::Door,
        next_seq: 300,
        gen_now: 4,
        stored_bytes: 99_000,
        expires_s: 1_900_000_000,
        first_seq: 250,
        last_gen: 3,
        revision: 310,
        forget_s: 1_950_000_000,
        is_closed: true,
        ..new.clone()
    };
    vec![Seed::new("new", new.encode()), Seed::new("old", old.encode())]
}

/// A handshake with a blob.
pub fn stored_cell_seeds() -> Vec<Seed> {
    let body: Bytes = vec![6; 1_024].into();
    let cell = Cell { seq: 7, gen_before: 1, kind: CellKind::Handshake, attach: Hash([5; 32]), body };
    let stored = StoredCell { head: Hash([4; 32]), body_prefix: BodyPrefix::of(&cell.body_hash()), cell };
    vec![Seed::new("handshake", [&stored.encode_header()[..], &stored.cell.body].concat())]
}
