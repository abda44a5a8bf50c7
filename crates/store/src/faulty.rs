//! Any engine, failing when told to: in the two ways in which storage fails.

use crate::StoreError;
use crate::blobs::{BlobInfo, Blobs};
use crate::lanes::{CellMark, CommitOutcome, Expired, LaneBatch, Lanes};
use crate::record::{BodyPrefix, LaneRecord, StoredCell};
use crate::registers::{Change, RegisterKey, Registers, SwapOutcome};
use bytes::Bytes;
use std::sync::{Mutex, PoisonError};
use wire::id::{BlobId, LaneId};
use wire::lane::Seq;

/// What happens to an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is carried out.
    None,
    /// It fails and did not persist.
    Lost,
    /// It fails but persisted. For a read the same as `Lost`.
    Kept,
}

/// What is about to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `record`, `read`, `find`, `get`, `scan`, `blob_info`, `read_blob`.
    Read,
    /// `commit`.
    Commit,
    /// `trim`.
    Trim,
    /// `expire`, `expire_blobs`.
    Expire,
    /// `swap`.
    Swap,
    /// `put_blob`, `keep_blob`.
    Blob,
}

type Plan = Box<dyn FnMut(Operation) -> Fault + Send>;

/// An engine with a plan of faults.
pub struct Faulty<E> {
    inner: E,
    plan: Mutex<Plan>,
}

impl<E> Faulty<E> {
    /// Asks `plan` before every operation.
    pub fn new(inner: E, plan: impl FnMut(Operation) -> Fault + Send + 'static) -> Self {
        Self { inner, plan: Mutex::new(Box::new(plan)) }
    }

    /// Fails about `per_mille` of the writes, half of them `Lost`, half `Kept`: the same ones for the same seed.
    pub fn seeded(inner: E, seed: u64, per_mille: u64) -> Self {
        let mut random = SplitMix(seed);
        Self::new(inner, move |operation| {
            let draw = random.next();
            if operation == Operation::Read || draw % 1_000 >= per_mille {
                Fault::None
            } else if draw & (1 << 40) == 0 {
                Fault::Lost
            } else {
                Fault::Kept
            }
        })
    }

    /// The engine inside, which does not fail.
    pub fn inner(&self) -> &E {
        &self.inner
    }

    fn run<T>(&self, operation: Operation, call: impl FnOnce(&E) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let fault = (self.plan.lock().unwrap_or_else(PoisonError::into_inner))(operation);
        match fault {
            Fault::None => call(&self.inner),
            Fault::Lost => Err(injected()),
            Fault::Kept => {
                call(&self.inner)?;
                Err(injected())
            }
        }
    }
}

pub(crate) fn injected() -> StoreError {
    StoreError::Io(std::io::Error::other("injected"))
}

impl<E> std::fmt::Debug for Faulty<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Faulty(..)")
    }
}

impl<E: Lanes> Lanes for Faulty<E> {
    fn record(&self, lane: &LaneId) -> Result<Option<LaneRecord>, StoreError> {
        self.run(Operation::Read, |inner| inner.record(lane))
    }

    fn commit(&self, batch: &LaneBatch) -> Result<Vec<CommitOutcome>, StoreError> {
        self.run(Operation::Commit, |inner| inner.commit(batch))
    }

    fn read(
        &self,
        lane: &LaneId,
        after: Seq,
        max_cells: usize,
        max_bytes: usize,
    ) -> Result<Vec<StoredCell>, StoreError> {
        self.run(Operation::Read, |inner| inner.read(lane, after, max_cells, max_bytes))
    }

    fn find(&self, lane: &LaneId, prefix: &BodyPrefix) -> Result<Option<CellMark>, StoreError> {
        self.run(Operation::Read, |inner| inner.find(lane, prefix))
    }

    fn trim(&self, lane: &LaneId, through: Seq) -> Result<Option<LaneRecord>, StoreError> {
        self.run(Operation::Trim, |inner| inner.trim(lane, through))
    }

    fn expire(&self, now_s: u64, limit: usize) -> Result<Expired, StoreError> {
        self.run(Operation::Expire, |inner| inner.expire(now_s, limit))
    }
}

impl<E: Registers> Registers for Faulty<E> {
    fn get(&self, key: &RegisterKey) -> Result<Option<Bytes>, StoreError> {
        self.run(Operation::Read, |inner| inner.get(key))
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&RegisterKey>,
        limit: usize,
    ) -> Result<Vec<(RegisterKey, Bytes)>, StoreError> {
        self.run(Operation::Read, |inner| inner.scan(prefix, after, limit))
    }

    fn swap(&self, changes: &[Change]) -> Result<SwapOutcome, StoreError> {
        self.run(Operation::Swap, |inner| inner.swap(changes))
    }
}

impl<E: Blobs> Blobs for Faulty<E> {
    fn put_blob(&self, id: &BlobId, bytes: &[u8], keep_until_s: u64) -> Result<(), StoreError> {
        self.run(Operation::Blob, |inner| inner.put_blob(id, bytes, keep_until_s))
    }

    fn blob_info(&self, id: &BlobId) -> Result<Option<BlobInfo>, StoreError> {
        self.run(Operation::Read, |inner| inner.blob_info(id))
    }

    fn read_blob(&self, id: &BlobId, offset: u64, max_bytes: usize) -> Result<Option<Bytes>, StoreError> {
        self.run(Operation::Read, |inner| inner.read_blob(id, offset, max_bytes))
    }

    fn keep_blob(&self, id: &BlobId, keep_until_s: u64) -> Result<bool, StoreError> {
        self.run(Operation::Blob, |inner| inner.keep_blob(id, keep_until_s))
    }

    fn expire_blobs(&self, now_s: u64, limit: usize) -> Result<bool, StoreError> {
        self.run(Operation::Expire, |inner| inner.expire_blobs(now_s, limit))
    }
}

/// SplitMix64: repeatable numbers for tests, nothing secret.
pub(crate) struct SplitMix(pub(crate) u64);

impl SplitMix {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
