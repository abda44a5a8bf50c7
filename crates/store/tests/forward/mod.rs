//! A temporary store is a store.

use super::Temporary;
use bytes::Bytes;
use store::lanes::{CellMark, CommitOutcome, Expired, LaneBatch};
use store::record::{BodyPrefix, LaneRecord, StoredCell};
use store::registers::{Change, RegisterKey, SwapOutcome};
use store::{BlobInfo, Blobs, Lanes, Registers, StoreError};
use wire::id::{BlobId, LaneId};

macro_rules! forward {
    ($trait:ident { $(fn $name:ident($($arg:ident: $type:ty),*) -> $out:ty;)* }) => {
        impl $trait for Temporary {
            $(fn $name(&self, $($arg: $type),*) -> Result<$out, StoreError> {
                self.disk.as_ref().expect("open between steps").$name($($arg),*)
            })*
        }
    };
}

forward!(Lanes {
    fn record(lane: &LaneId) -> Option<LaneRecord>;
    fn commit(batch: &LaneBatch) -> Vec<CommitOutcome>;
    fn read(lane: &LaneId, after: u64, max_cells: usize, max_bytes: usize) -> Vec<StoredCell>;
    fn find(lane: &LaneId, prefix: &BodyPrefix) -> Option<CellMark>;
    fn trim(lane: &LaneId, through: u64) -> Option<LaneRecord>;
    fn expire(now_s: u64, limit: usize) -> Expired;
});

forward!(Registers {
    fn get(key: &RegisterKey) -> Option<Bytes>;
    fn scan(prefix: &[u8], after: Option<&RegisterKey>, limit: usize) -> Vec<(RegisterKey, Bytes)>;
    fn swap(changes: &[Change]) -> SwapOutcome;
});

forward!(Blobs {
    fn put_blob(id: &BlobId, bytes: &[u8], keep_until_s: u64) -> ();
    fn blob_info(id: &BlobId) -> Option<BlobInfo>;
    fn read_blob(id: &BlobId, offset: u64, max_bytes: usize) -> Option<Bytes>;
    fn keep_blob(id: &BlobId, keep_until_s: u64) -> bool;
    fn expire_blobs(now_s: u64, limit: usize) -> bool;
});
