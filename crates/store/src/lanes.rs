//! Lanes: per-lane order, append with compare-and-set, pages, expiry.

use crate::record::{BodyPrefix, LaneRecord, StoredCell};
use crate::{BATCH_BYTES_MAX, BATCH_CELLS_MAX, BATCH_LANES_MAX, StoreError};
use wire::id::{Hash, LaneId};
use wire::lane::{Gen, Seq, check_body};

/// Lanes and their cells.
///
/// One writer calls `commit`, `trim` and `expire`; any thread may read at any time. What a read returns is
/// durable: a reader never sees a cell or a record that a power cut could still take back.
pub trait Lanes: Send + Sync + 'static {
    /// The lane's record as of the last durable change, or `None` if the lane is unknown.
    fn record(&self, lane: &LaneId) -> Result<Option<LaneRecord>, StoreError>;

    /// Stores a batch as one durable unit and says for each entry, in order, whether it was taken.
    ///
    /// An entry is taken iff its `record.revision` is the stored one plus one (1 for an unknown lane); then its
    /// record replaces the stored one, its cells become readable and findable, all at once. Entries that conflict
    /// change nothing and do not keep the others from being stored. When this returns `Ok`, every taken entry
    /// survives a power cut. The caller has made sure that no body of the entry is in the lane already.
    ///
    /// # Errors
    /// `Misuse` for a batch that [`LaneBatch::check`] refuses: nothing was stored. Any other error: whether the
    /// batch persisted is unknown, but it did so as a whole or not at all.
    fn commit(&self, batch: &LaneBatch) -> Result<Vec<CommitOutcome>, StoreError>;

    /// The cells from position `after + 1` on, contiguous, in order: at most `max_cells`, and at most `max_bytes`
    /// of bodies, but at least one if there is one. Empty when position `after + 1` is not stored: past the end,
    /// or dropped, which the record's `first_seq` tells.
    fn read(
        &self,
        lane: &LaneId,
        after: Seq,
        max_cells: usize,
        max_bytes: usize,
    ) -> Result<Vec<StoredCell>, StoreError>;

    /// The stored cell of the lane whose body's hash begins with `prefix`; `None` also once it was dropped.
    fn find(&self, lane: &LaneId, prefix: &BodyPrefix) -> Result<Option<CellMark>, StoreError>;

    /// Drops the cells up to and including `through`, durably, and returns the record with `first_seq`,
    /// `stored_bytes` and `revision` brought up to date; `None` if the lane is unknown. Dropping nothing changes
    /// nothing. A `through` past the last cell drops them all.
    fn trim(&self, lane: &LaneId, through: Seq) -> Result<Option<LaneRecord>, StoreError>;

    /// Drops cells whose `cells_expire_s` is at most `now_s`, and then records without cells whose `forget_s` is
    /// at most `now_s`. Cells may stay up to [`EXPIRY_GRAIN_S`] longer, and go only in the order of their lane.
    /// A bounded step: at most about `limit` cells and records; call again while `is_more`. Durable on return.
    fn expire(&self, now_s: u64, limit: usize) -> Result<Expired, StoreError>;
}

/// Seconds that an expired cell or record may linger, so that engines may keep time in coarse buckets.
pub const EXPIRY_GRAIN_S: u64 = 3_600;

/// What one group commit stores: at most one entry for each lane.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaneBatch {
    /// The entries.
    pub commits: Vec<LaneCommit>,
}

/// The change of one lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneCommit {
    /// The record after the change; its `revision` is the condition. `first_seq` stays as it was stored (only `trim`
    /// and `expire` move it), `stored_bytes` grows by the new bodies.
    pub record: LaneRecord,
    /// The new cells, contiguous, the last at `record.next_seq - 1`; may be empty.
    pub cells: Vec<StoredCell>,
    /// When these cells may be dropped; not before those that an earlier entry of the lane brought.
    pub cells_expire_s: u64,
}

/// Whether an entry was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitOutcome {
    /// Stored and durable.
    Stored,
    /// The stored record is another one: nothing of the entry was stored.
    Conflict {
        /// The stored record, `None` for an unknown lane.
        stored: Option<LaneRecord>,
    },
}

/// The leaf of a stored cell: what a receipt states about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellMark {
    /// Its position.
    pub seq: Seq,
    /// Handshakes accepted before it.
    pub gen_before: Gen,
    /// The head after it.
    pub head: Hash,
}

impl From<&StoredCell> for CellMark {
    fn from(stored: &StoredCell) -> Self {
        Self { seq: stored.cell.seq, gen_before: stored.cell.gen_before, head: stored.head }
    }
}

/// What one step of expiry did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expired {
    /// Lanes that lost cells, as they are now: a cached copy is stale.
    pub changed: Vec<LaneRecord>,
    /// Lanes that are unknown from now on.
    pub removed: Vec<LaneId>,
    /// Cells dropped.
    pub cells: u64,
    /// There is more to drop now.
    pub is_more: bool,
}

impl LaneBatch {
    /// Checks the limits and every entry's shape; engines call it before they store anything.
    ///
    /// # Errors
    /// `Misuse` names what is wrong.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.commits.len() > BATCH_LANES_MAX {
            return Err(StoreError::Misuse("too many lanes in a batch"));
        }
        let (mut cells, mut bytes) = (0_usize, 0_usize);
        for commit in &self.commits {
            commit.check()?;
            cells += commit.cells.len();
            bytes += commit.cells.iter().map(|stored| stored.cell.body.len()).sum::<usize>();
        }
        if cells > BATCH_CELLS_MAX {
            return Err(StoreError::Misuse("too many cells in a batch"));
        }
        if bytes > BATCH_BYTES_MAX {
            return Err(StoreError::Misuse("too many bytes in a batch"));
        }
        let mut lanes: Vec<&LaneId> = self.commits.iter().map(|commit| &commit.record.lane_id).collect();
        lanes.sort_unstable();
        if lanes.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(StoreError::Misuse("two entries for one lane in a batch"));
        }
        Ok(())
    }
}

impl LaneCommit {
    /// Whether this entry is the next change of a lane whose stored record is `stored`.
    ///
    /// # Errors
    /// `Misuse` if it is, but leaves a gap in the cells or moves `first_seq`.
    pub fn follows(&self, stored: Option<&LaneRecord>) -> Result<bool, StoreError> {
        let (revision, next_seq, first_seq) =
            stored.map_or((0, 1, 1), |record| (record.revision, record.next_seq, record.first_seq));
        if Some(self.record.revision) != revision.checked_add(1) {
            return Ok(false);
        }
        if self.record.first_seq != first_seq
            || self.record.next_seq.checked_sub(self.cells.len() as u64) != Some(next_seq)
        {
            return Err(StoreError::Misuse("an entry that does not go on where its lane ends"));
        }
        Ok(true)
    }

    fn check(&self) -> Result<(), StoreError> {
        let record = &self.record;
        if record.revision == 0 || record.first_seq == 0 || record.first_seq > record.next_seq {
            return Err(StoreError::Misuse("a record that cannot be"));
        }
        let Some(last) = self.cells.last() else { return Ok(()) };
        let first = record.next_seq.saturating_sub(self.cells.len() as u64);
        if first == 0 || first < record.first_seq || last.head != record.head {
            return Err(StoreError::Misuse("cells that do not end at the record"));
        }
        for (seq, stored) in (first..).zip(&self.cells) {
            if stored.cell.seq != seq || check_body(&stored.cell.body).is_err() {
                return Err(StoreError::Misuse("a cell of another position or size"));
            }
        }
        Ok(())
    }
}
