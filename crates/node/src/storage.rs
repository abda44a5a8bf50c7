//! The machine's storage over an engine of `store`.

use bytes::Bytes;
use delivery::storage::{BlobInfo, BodyPrefix, CellMark, Change, SwapOutcome, WriteOutcome};
use delivery::{LaneRecord, LaneWrite, Storage, StorageFailed};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::{CommitOutcome, Expect, LaneBatch, LaneCommit, RegisterKey, StoreError, StoredCell};
use wire::id::{BlobId, LaneId};
use wire::lane::{Cell, Seq};

/// An engine, seen by the machine.
pub struct Engine {
    store: Arc<dyn store::Store>,
    is_broken: AtomicBool,
}

fn from_store(record: store::LaneRecord) -> LaneRecord {
    LaneRecord {
        lane_id: record.lane_id,
        class: record.class,
        read_hash: record.read_hash,
        write_hash: record.write_hash,
        next_seq: record.next_seq,
        gen_now: record.gen_now,
        head: record.head,
        stored_bytes: record.stored_bytes,
        expires_s: record.expires_s,
        first_seq: record.first_seq,
        last_gen: record.last_gen,
        revision: record.revision,
        forget_s: record.forget_s,
        is_closed: record.is_closed,
    }
}

fn to_store(record: &LaneRecord) -> store::LaneRecord {
    store::LaneRecord {
        lane_id: record.lane_id,
        class: record.class,
        read_hash: record.read_hash,
        write_hash: record.write_hash,
        next_seq: record.next_seq,
        gen_now: record.gen_now,
        head: record.head,
        stored_bytes: record.stored_bytes,
        expires_s: record.expires_s,
        first_seq: record.first_seq,
        last_gen: record.last_gen,
        revision: record.revision,
        forget_s: record.forget_s,
        is_closed: record.is_closed,
    }
}

impl Engine {
    /// Adapts `store`.
    pub fn new(store: Arc<dyn store::Store>) -> Self {
        Self { store, is_broken: AtomicBool::new(false) }
    }

    /// The engine itself.
    pub fn store(&self) -> &Arc<dyn store::Store> {
        &self.store
    }

    /// A write failed: what was written is unknown, and the process must end and start again.
    pub fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Relaxed)
    }

    /// A write to the store itself failed: the process must end and start again.
    pub fn note_failed_write(&self, error: &StoreError) {
        tracing::error!(%error, "writing to the store failed");
        self.is_broken.store(true, Ordering::Relaxed);
    }

    fn read_failed(error: &StoreError) -> StorageFailed {
        tracing::error!(%error, "reading from the store failed");
        StorageFailed
    }

    fn write_failed(&self, error: &StoreError) -> StorageFailed {
        self.note_failed_write(error);
        StorageFailed
    }
}

impl Storage for Engine {
    fn record(&self, lane: &LaneId) -> Result<Option<LaneRecord>, StorageFailed> {
        let record = self.store.record(lane).map_err(|error| Self::read_failed(&error))?;
        Ok(record.map(from_store))
    }

    fn find(&self, lane: &LaneId, prefix: &BodyPrefix) -> Result<Option<CellMark>, StorageFailed> {
        let found = self.store.find(lane, &store::BodyPrefix(*prefix)).map_err(|error| Self::read_failed(&error))?;
        Ok(found.map(|mark| CellMark { seq: mark.seq, gen_before: mark.gen_before, head: mark.head }))
    }

    fn read(&self, lane: &LaneId, after: Seq, max_cells: usize, max_bytes: usize) -> Result<Vec<Cell>, StorageFailed> {
        let cells = self.store.read(lane, after, max_cells, max_bytes);
        Ok(cells.map_err(|error| Self::read_failed(&error))?.into_iter().map(|stored| stored.cell).collect())
    }

    fn blob(&self, blob: &BlobId) -> Result<Option<BlobInfo>, StorageFailed> {
        let info = self.store.blob_info(blob).map_err(|error| Self::read_failed(&error))?;
        Ok(info.map(|info| BlobInfo { size: info.size, keep_until_s: info.keep_until_s }))
    }

    fn keep_blob(&self, blob: &BlobId, keep_until_s: u64) -> Result<bool, StorageFailed> {
        self.store.keep_blob(blob, keep_until_s).map_err(|error| self.write_failed(&error))
    }

    fn commit(&self, writes: &[LaneWrite]) -> Result<Vec<WriteOutcome>, StorageFailed> {
        let commits = writes.iter().map(lane_commit).collect();
        let outcomes = self.store.commit(&LaneBatch { commits }).map_err(|error| self.write_failed(&error))?;
        let outcome = |outcome: CommitOutcome| match outcome {
            CommitOutcome::Stored => WriteOutcome::Stored,
            CommitOutcome::Conflict { .. } => WriteOutcome::Conflict,
        };
        Ok(outcomes.into_iter().map(outcome).collect())
    }

    fn trim(&self, lane: &LaneId, through: Seq) -> Result<Option<LaneRecord>, StorageFailed> {
        Ok(self.store.trim(lane, through).map_err(|error| self.write_failed(&error))?.map(from_store))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StorageFailed> {
        let got = RegisterKey::new(&[key]).and_then(|key| self.store.get(&key));
        got.map_err(|error| Self::read_failed(&error))
    }

    fn scan(&self, prefix: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StorageFailed> {
        let found = self.store.scan(prefix, None, limit).map_err(|error| Self::read_failed(&error))?;
        Ok(found.into_iter().map(|(key, value)| (Bytes::copy_from_slice(key.as_bytes()), value)).collect())
    }

    fn swap(&self, changes: &[Change]) -> Result<SwapOutcome, StorageFailed> {
        let change = |change: &Change| {
            let expect = change.expect.clone().map_or(Expect::Absent, Expect::Value);
            Ok(store::Change { key: RegisterKey::new(&[&change.key])?, expect, value: change.value.clone() })
        };
        let changes: Result<Vec<_>, StoreError> = changes.iter().map(change).collect();
        match changes.and_then(|changes| self.store.swap(&changes)) {
            Ok(store::SwapOutcome::Done) => Ok(SwapOutcome::Done),
            Ok(store::SwapOutcome::Conflict { .. }) => Ok(SwapOutcome::Conflict),
            Err(error) => Err(self.write_failed(&error)),
        }
    }
}

fn lane_commit(write: &LaneWrite) -> LaneCommit {
    let stored = |accepted: &Arc<delivery::Accepted>| StoredCell {
        cell: accepted.cell.clone(),
        head: accepted.head,
        body_prefix: store::BodyPrefix(accepted.body_prefix),
    };
    LaneCommit {
        record: to_store(&write.record),
        cells: write.cells.iter().map(stored).collect(),
        cells_expire_s: write.cells_expire_s,
    }
}

/// A record as the machine knows it, for what the store changed by itself.
pub fn lane_record(record: store::LaneRecord) -> LaneRecord {
    from_store(record)
}
