//! Blobs: immutable bytes by id, durable on return.

use crate::StoreError;
use bytes::Bytes;
use wire::id::BlobId;

/// Immutable bytes by id.
pub trait Blobs: Send + Sync + 'static {
    /// Stores 1 to [`wire::limit::BLOB_BYTES_MAX`] bytes, to be kept at least until `keep_until_s`. A reader sees
    /// the whole blob or none of it; when this returns `Ok` it survives a power cut. The caller has checked that
    /// the id is the hash of the bytes, so an id that is already here holds them: then only the time moves, later.
    ///
    /// # Errors
    /// `Misuse` for a wrong size: nothing was stored. Any other error: whether it persisted is unknown; a half
    /// blob is never seen.
    fn put_blob(&self, id: &BlobId, bytes: &[u8], keep_until_s: u64) -> Result<(), StoreError>;

    /// Size and time of a blob, or `None` if it is not here.
    fn blob_info(&self, id: &BlobId) -> Result<Option<BlobInfo>, StoreError>;

    /// At most `max_bytes` from `offset` on; empty at or past the end; `None` if the blob is not here.
    fn read_blob(&self, id: &BlobId, offset: u64, max_bytes: usize) -> Result<Option<Bytes>, StoreError>;

    /// Keeps a blob at least until `keep_until_s`, durably, and says whether it is here. A cell's blob is pinned so
    /// *before* the cell is committed: a pin without a cell is harmless, a cell without its blob is not.
    fn keep_blob(&self, id: &BlobId, keep_until_s: u64) -> Result<bool, StoreError>;

    /// Drops at most `limit` blobs whose time is at most `now_s`; `true` if more are due. They may stay up to
    /// [`crate::lanes::EXPIRY_GRAIN_S`] longer.
    fn expire_blobs(&self, now_s: u64, limit: usize) -> Result<bool, StoreError>;
}

/// What is known of a blob without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobInfo {
    /// Its length in bytes.
    pub size: u64,
    /// Kept at least until then, seconds since the Unix epoch.
    pub keep_until_s: u64,
}

/// Checks a blob's size; engines call it before they store anything.
///
/// # Errors
/// `Misuse` for none and for too many.
pub fn check_size(bytes: &[u8]) -> Result<(), StoreError> {
    if bytes.is_empty() || bytes.len() > wire::limit::BLOB_BYTES_MAX {
        return Err(StoreError::Misuse("a blob of no or too many bytes"));
    }
    Ok(())
}
