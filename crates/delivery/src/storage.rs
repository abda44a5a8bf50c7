//! What a node needs of its storage. The shell adapts an engine to this; the guarantees are the engine's.

use crate::batch::LaneWrite;
use bytes::Bytes;
use wire::id::{BlobId, Hash, LaneId};
use wire::lane::{Cell, Gen, LaneClass, Seq, head_zero};

/// `H(body)[0..16]`, by which a repeated append is known.
pub type BodyPrefix = [u8; 16];

/// A lane as it is stored (LANE.md s.2).
#[derive(Clone, PartialEq, Eq)]
pub struct LaneRecord {
    /// The lane.
    pub lane_id: LaneId,
    /// What it is for.
    pub class: LaneClass,
    /// `H(read_cap)`.
    pub read_hash: Hash,
    /// `H(write_cap)`.
    pub write_hash: Hash,
    /// The position of the next cell.
    pub next_seq: Seq,
    /// Handshake cells accepted so far.
    pub gen_now: Gen,
    /// The head after the last cell.
    pub head: Hash,
    /// Bytes of bodies now stored.
    pub stored_bytes: u64,
    /// When the lane ends, seconds since the Unix epoch; 0: it does not.
    pub expires_s: u64,
    /// The oldest position kept.
    pub first_seq: Seq,
    /// The `gen` before the last cell.
    pub last_gen: Gen,
    /// Counts the changes of this record; a write carries the stored one plus one.
    pub revision: u64,
    /// From then on a record without cells may be removed.
    pub forget_s: u64,
    /// No cell is accepted any more.
    pub is_closed: bool,
}

impl std::fmt::Debug for LaneRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LaneRecord({:?}, cells {}..{}, gen {})", self.class, self.first_seq, self.next_seq, self.gen_now)
    }
}

impl LaneRecord {
    /// A lane that was never stored: revision 0.
    pub fn unstored(lane_id: LaneId, class: LaneClass, read_hash: Hash, write_hash: Hash) -> Self {
        Self {
            lane_id,
            class,
            read_hash,
            write_hash,
            next_seq: 1,
            gen_now: 0,
            head: head_zero(&lane_id),
            stored_bytes: 0,
            expires_s: 0,
            first_seq: 1,
            last_gen: 0,
            revision: 0,
            forget_s: 0,
            is_closed: false,
        }
    }

    /// The leaf of the last cell, if there ever was one.
    pub fn last_mark(&self) -> Option<CellMark> {
        let seq = self.next_seq.checked_sub(1).filter(|seq| *seq > 0)?;
        Some(CellMark { seq, gen_before: self.last_gen, head: self.head })
    }
}

/// What a receipt states about a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellMark {
    /// Its position.
    pub seq: Seq,
    /// Handshakes accepted before it.
    pub gen_before: Gen,
    /// The head after it.
    pub head: Hash,
}

/// What is known of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobInfo {
    /// Its length in bytes.
    pub size: u64,
    /// Kept at least until then, seconds since the Unix epoch.
    pub keep_until_s: u64,
}

/// Whether a lane's write was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    /// Stored and durable.
    Stored,
    /// Somebody else changed the lane: nothing of this write was stored.
    Conflict,
}

/// Whether a swap of registers was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwapOutcome {
    /// Made and durable.
    Done,
    /// An expectation did not hold: nothing was changed.
    Conflict,
}

/// One register's part of a swap: all happen or none.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// Which register.
    pub key: Bytes,
    /// What it must hold; `None`: nothing.
    pub expect: Option<Bytes>,
    /// What it holds afterwards; `None`: nothing.
    pub value: Option<Bytes>,
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Change(..)")
    }
}

/// The storage failed. Whether a write persisted is unknown; nothing is acknowledged. The shell keeps the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the storage failed")]
pub struct StorageFailed;

/// The storage of a node. What a read returns is durable. One thread writes (`commit`, `trim`, `keep_blob`,
/// `swap`); any may read.
pub trait Storage {
    /// The lane's record, or `None` if it is unknown.
    fn record(&self, lane: &LaneId) -> Result<Option<LaneRecord>, StorageFailed>;

    /// The stored cell whose body's hash begins with `prefix`.
    fn find(&self, lane: &LaneId, prefix: &BodyPrefix) -> Result<Option<CellMark>, StorageFailed>;

    /// Contiguous cells from `after + 1` on: at most `max_cells`, and `max_bytes` of bodies but at least one cell;
    /// none if that position is not stored.
    fn read(&self, lane: &LaneId, after: Seq, max_cells: usize, max_bytes: usize) -> Result<Vec<Cell>, StorageFailed>;

    /// What is known of a blob, if it is durable here.
    fn blob(&self, blob: &BlobId) -> Result<Option<BlobInfo>, StorageFailed>;

    /// Keeps a blob at least until then, durably; whether it is here.
    fn keep_blob(&self, blob: &BlobId, keep_until_s: u64) -> Result<bool, StorageFailed>;

    /// Stores the writes as one durable unit; an outcome for each.
    fn commit(&self, writes: &[LaneWrite]) -> Result<Vec<WriteOutcome>, StorageFailed>;

    /// Drops a lane's cells up to `through`, durably; the record afterwards.
    fn trim(&self, lane: &LaneId, through: Seq) -> Result<Option<LaneRecord>, StorageFailed>;

    /// A register's value.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StorageFailed>;

    /// Registers whose keys begin with `prefix`, in order, at most `limit`.
    fn scan(&self, prefix: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StorageFailed>;

    /// Makes all changes as one durable unit if every expectation holds.
    fn swap(&self, changes: &[Change]) -> Result<SwapOutcome, StorageFailed>;
}
