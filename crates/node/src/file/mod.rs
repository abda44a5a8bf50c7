//! Files at the node (FILES.md s.5): resumable uploads, downloads by range, and their end.
//!
//! | module | holds |
//! |---|---|
//! | [`http`] | the routes: what is asked, what is answered |
//! | [`refusal`] | what is answered when it is not done |
//! | [`terms`] | challenges, and the work that pays for an upload |
//! | [`upload`] | from a request's body to durable parts |
//! | [`turn`] | one writer for each file |
//! | [`download`] | from parts to an answer's body |
//! | [`range`](mod@range) | the header field `range` |
//! | [`collect`] | what goes when its time is over, and orphans |
//! | [`ledger`] | the records of all files in the store's registers |
//! | [`s3`], [`connector`] | parts in an S3-compatible store, and the way there |
//! | [`record`] | one file's record, and where its parts end |
//!
//! What an upload's bytes go through: the request's body fills a buffer of one part, as many as `file_upload_bytes`
//! allows in all; the full buffer becomes a durable part (`store::Parts`) while the next one fills; a swap of the
//! record counts it. Whatever ends an upload ends it between two swaps.

pub mod collect;
pub mod connector;
pub mod download;
pub mod http;
pub mod ledger;
pub mod range;
pub mod record;
pub mod refusal;
pub mod s3;
pub mod terms;
pub mod turn;
pub mod upload;

#[cfg(test)]
mod tests;

use crate::budget::Budget;
use crate::shared::Shared;
use anyhow::Context as _;
use ledger::Ledger;
use s3::S3Config;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use store::{ObjectParts, Parts, StoreError};
use terms::Challenges;
use tokio::sync::{Notify, Semaphore, watch};
use turn::Turns;
use wire::limit::FILE_PART_BYTES;

/// A permit for memory stands for so many bytes.
const MEMORY_GRAIN: usize = 64 << 10;
/// Where parts are in the data folder.
const FOLDER: &str = "files";

/// How long files wait for their clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// An upload may be silent for so long.
    pub idle: Duration,
    /// One may fill a buffer for so long while others wait for memory.
    pub share: Duration,
    /// A reader may take so long for a chunk.
    pub stall: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { idle: seconds(30), share: seconds(10), stall: seconds(60) }
    }
}

/// What files may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLimits {
    /// Bytes stored, of all files.
    pub bytes_total_max: u64,
    /// Bytes stored an hour.
    pub bytes_per_h: u64,
    /// Bytes of uploads held in memory at once.
    pub upload_bytes_max: usize,
    /// Uploads that are begun and not finished.
    pub uploads_open_max: u32,
    /// Downloads at once.
    pub downloads_max: u32,
    /// Seconds that a file is kept at most.
    pub ttl_s_max: u64,
    /// Bits of work for a file of up to 16 MiB.
    pub work_bits: u32,
    /// How long they wait for their clients.
    pub patience: Patience,
}

/// Where the bytes are, and what limits them.
#[derive(Debug, Clone)]
pub struct Place {
    /// The data folder.
    pub data: PathBuf,
    /// Free bytes of its disk below which nothing more is taken.
    pub disk_free_bytes: u64,
    /// Where the parts are, if not in the data folder.
    pub s3: Option<S3Config>,
}

/// Files' share of the node.
pub struct Files {
    shared: Arc<Shared>,
    limits: FileLimits,
    parts: Arc<dyn Parts>,
    ledger: Ledger,
    challenges: Challenges,
    turns: Arc<Turns>,
    budget: Budget,
    memory: Arc<Semaphore>,
    /// Uploads that wait for memory.
    waiting: AtomicUsize,
    downloads: Arc<Semaphore>,
    place: Place,
    stop: watch::Receiver<bool>,
    /// There is something to collect.
    trash: Notify,
}

impl Files {
    /// Opens the files of a node. Blocks: reads all records once.
    ///
    /// # Errors
    /// If the store or the place of the parts cannot be used.
    pub fn open(
        shared: Arc<Shared>,
        limits: FileLimits,
        place: Place,
        stop: watch::Receiver<bool>,
    ) -> anyhow::Result<Arc<Self>> {
        let ledger = Ledger::open(Arc::clone(&shared)).context("cannot read the files' records")?;
        let parts = match &place.s3 {
            Some(s3) => s3.open(ledger.instance()?)?,
            None => ObjectParts::local(&place.data.join(FOLDER)).context("cannot open the folder of files")?,
        };
        Self::over(Arc::new(parts), ledger, shared, limits, place, stop)
    }

    /// The same over any store of parts.
    ///
    /// # Errors
    /// Without randomness.
    pub fn over(
        parts: Arc<dyn Parts>,
        ledger: Ledger,
        shared: Arc<Shared>,
        limits: FileLimits,
        place: Place,
        stop: watch::Receiver<bool>,
    ) -> anyhow::Result<Arc<Self>> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).context("no randomness")?;
        let turns = Turns::new(getrandom::u64().context("no randomness")?);
        let grains = (limits.upload_bytes_max / MEMORY_GRAIN).max(FILE_PART_BYTES / MEMORY_GRAIN);
        Ok(Arc::new(Self {
            shared,
            parts,
            ledger,
            challenges: Challenges::new(&key),
            turns,
            budget: Budget::new(limits.bytes_per_h),
            memory: Arc::new(Semaphore::new(grains.min(Semaphore::MAX_PERMITS))),
            waiting: AtomicUsize::new(0),
            downloads: Arc::new(Semaphore::new(limits.downloads_max as usize)),
            limits,
            place,
            stop,
            trash: Notify::new(),
        }))
    }

    fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Whether `bytes` more may be stored: the quota and the disk.
    fn has_room(&self, bytes: u64) -> bool {
        if self.shared.is_disk_full.load(Ordering::Relaxed) {
            return false;
        }
        let stored = self.shared.counters.file_bytes_stored.load(Ordering::Relaxed);
        if stored.saturating_add(bytes) > self.limits.bytes_total_max {
            return false;
        }
        if self.place.s3.is_some() {
            return true;
        }
        // The keeper looks every few seconds: an upload fills a disk faster.
        let free = rustix::fs::statvfs(&self.place.data).map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize));
        free.is_ok_and(|free| free >= self.place.disk_free_bytes.saturating_add(bytes))
    }

    /// Runs what blocks where it may.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        call: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let files = Arc::clone(self);
        match tokio::task::spawn_blocking(move || call(&files)).await {
            Ok(result) => result,
            Err(_) => Err(StoreError::Stopped),
        }
    }
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Files(..)")
    }
}

/// Waits until the node stops.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Without a sender nobody will ask for anything any more either.
    let _ = stop.wait_for(|stops| *stops).await.is_ok();
}

/// Seconds rounded up to a whole hour: when a file goes tells no more of when it came.
fn whole_hour(seconds: u64) -> u64 {
    seconds.div_ceil(3_600).saturating_mul(3_600)
}
