//! The embedded engine: everything a node stores, in one folder, by one process.
//!
//! | path | holds |
//! |---|---|
//! | `FORMAT` | the version of all of this, and the salt of its checksums |
//! | `LOCK` | held by the process that has the folder open |
//! | `log/` | segments: every change, appended and synced before it is acknowledged; cells live here and nowhere else |
//! | `index/` | an LSM tree that says where in the log things are, up to the last flush |
//! | `blobs/` | one file for each blob |
//!
//! A commit is one write and one sync of the log, then a change in memory. When enough has gathered, a flush
//! writes what changed to the index as one sorted, durable step that also names the log position it reaches; opening
//! replays the log from there. Segments go when none of their cells is needed any more.
//!
//! Lock order: `blob_files` by number, `writer`, `lanes`, `overlay`. Nothing is written to the disk under the last two.

mod blobs;
mod book;
mod expiry;
mod frame;
mod index;
mod io;
mod lanes;
mod log;
mod registers;
mod table;

use crate::StoreError;
use book::{Book, replay};
use frame::{FrameWriter, Salt};
use index::{Entries, Index, LaneEntry, Run, due_hour, due_key};
use log::{Log, Position, Segments};
use std::fs::{DirBuilder, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;
use table::LaneTable;

/// What an operator or a test may change.
#[derive(Debug, Clone, Copy)]
pub struct DiskOptions {
    /// A new segment is begun at the first flush past this size. Expired cells take disk space until all cells
    /// of their segment have expired.
    pub segment_bytes: u64,
    /// The index is flushed after this many bytes of log: what opening has to replay at most, but for one batch.
    pub flush_bytes: u64,
    /// The index is flushed when so many lanes have changed, and at most half as many stay in memory after it.
    pub lanes_in_memory: usize,
    /// Hashes of cells in memory at most, over all lanes, by which repeated appends are known.
    pub known_cells: usize,
    /// Bytes of the index's block cache.
    pub cache_bytes: u64,
}

impl Default for DiskOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            flush_bytes: 48 << 20,
            lanes_in_memory: 16_384,
            known_cells: 1 << 20,
            cache_bytes: 16 << 20,
        }
    }
}

/// The version of the folder's layout.
const FORMAT_VERSION: u32 = 1;
/// Bytes of registers and other small values that wait for a flush at most.
const OVERLAY_BYTES_MAX: usize = 8 << 20;
/// Runs of tables at which a flush merges some itself, because the compactor fell behind.
const BACKLOG_MAX: usize = 24;
/// Runs of tables that the compactor leaves alone.
const BACKLOG_CALM: usize = 8;
/// A segment is closed when it is so old, so that its expired cells leave the disk in time.
const SEGMENT_SECONDS_MAX: u64 = 86_400;

/// The embedded engine.
pub struct Disk {
    shared: Arc<Shared>,
    wake: Option<SyncSender<()>>,
    compactor: Option<JoinHandle<()>>,
    _lock: File,
}

struct Shared {
    options: DiskOptions,
    folder: PathBuf,
    index: Index,
    segments: Segments,
    writer: Mutex<Writer>,
    lanes: RwLock<LaneTable>,
    overlay: RwLock<Entries>,
    blob_files: [Mutex<()>; blobs::LOCKS],
}

struct Writer {
    log: Log,
    frame: FrameWriter,
    book: Book,
    segment_since_s: Option<u64>,
    wake: SyncSender<()>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The log refuses everything after a failed write, so a panic elsewhere leaves nothing half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk {
    /// Opens or creates the store in a folder.
    ///
    /// # Errors
    /// `InUse` while another process has it open, `Unsupported` if a newer program wrote it, `Corrupt` if
    /// acknowledged data is damaged; the folder is left as it was.
    pub fn open(folder: &Path, options: DiskOptions) -> Result<Self, StoreError> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
        // Places in a segment are kept in 32 bits.
        let options = DiskOptions {
            segment_bytes: options.segment_bytes.min(1 << 30),
            flush_bytes: options.flush_bytes.min(1 << 30),
            ..options
        };
        let lock = File::create(folder.join("LOCK"))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::InUse,
            TryLockError::Error(error) => error.into(),
        })?;
        let salt = open_format(folder, &builder)?;
        let (shared, woken) = Shared::open(folder, salt, options)?;
        let shared = Arc::new(shared);
        let wake = locked(&shared.writer).wake.clone();
        let for_compactor = Arc::clone(&shared);
        let compactor = std::thread::Builder::new()
            .name("store-compactor".into())
            .spawn(move || for_compactor.compact_when_woken(&woken))?;
        Ok(Self { shared, wake: Some(wake), compactor: Some(compactor), _lock: lock })
    }

    /// Brings the index up to date, so that the next opening replays nothing. Never needed for durability.
    pub fn flush(&self) -> Result<(), StoreError> {
        let mut writer = locked(&self.shared.writer);
        self.shared.flush(&mut writer, false)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.wake = None;
        // The compactor ends when nobody can wake it: the writer's end has to go too.
        let (dead_end, _) = sync_channel(1);
        locked(&self.shared.writer).wake = dead_end;
        if let Some(compactor) = self.compactor.take() {
            // A panic there was a bug in a merge; the merge itself is undone by the next opening.
            let _ = compactor.join();
        }
    }
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Disk(..)")
    }
}

/// Reads the folder's version and salt, or writes them if the folder is new.
fn open_format(folder: &Path, builder: &DirBuilder) -> Result<Salt, StoreError> {
    let what = "the data folder";
    match std::fs::read_to_string(folder.join("FORMAT")) {
        Ok(text) => {
            let mut words = text.split_whitespace();
            if words.next() != Some("sottovoce-store") {
                return Err(StoreError::Corrupt { what });
            }
            let version: u32 = words.next().and_then(|word| word.parse().ok()).ok_or(StoreError::Corrupt { what })?;
            if version > FORMAT_VERSION {
                return Err(StoreError::Unsupported { what, found: version, newest: FORMAT_VERSION });
            }
            let salt = words.next().and_then(|word| u64::from_str_radix(word, 16).ok());
            match salt {
                Some(salt) if version == FORMAT_VERSION => Ok(Salt(salt)),
                _ => Err(StoreError::Corrupt { what }),
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            for part in ["log", "index", "blobs"] {
                builder.create(folder.join(part))?;
            }
            if !log::list_segments(&folder.join("log"))?.is_empty() {
                return Err(StoreError::Corrupt { what });
            }
            let salt = getrandom::u64().map_err(std::io::Error::other)?;
            let text = format!("sottovoce-store {FORMAT_VERSION} {salt:016x}\n");
            io::write_atomically(folder, "FORMAT", "FORMAT.new", text.as_bytes())?;
            Ok(Salt(salt))
        }
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Err(StoreError::Corrupt { what }),
        Err(error) => Err(error.into()),
    }
}

impl Shared {
    fn open(folder: &Path, salt: Salt, options: DiskOptions) -> Result<(Self, Receiver<()>), StoreError> {
        let log_folder = folder.join("log");
        let index = Index::open(&folder.join("index"), options.cache_bytes)?;
        let flushed = index.get(index::FLUSHED)?.map(|value| index::parse_position(&value)).transpose()?;
        let mut book = Book { flushed, ..Book::default() };
        for entry in index.range(&index::segment_key(0), &index::segment_key(u32::MAX)) {
            let (key, value) = entry?;
            let parsed = (key[1..].try_into().ok()).zip(value[..].try_into().ok());
            let (segment, live) = parsed.ok_or(StoreError::Corrupt { what: "the index" })?;
            book.live.insert(u32::from_be_bytes(segment), u64::from_be_bytes(live));
        }
        let (mut lanes, mut overlay) = (LaneTable::default(), Entries::new());
        let from = flushed.unwrap_or(Position::START);
        let log = Log::recover(&log_folder, salt, from, |position, payload| {
            replay(position, payload, &index, &mut lanes, &mut overlay, &mut book)
        })?;
        for segment in log::list_segments(&log_folder)? {
            if segment < from.segment && book.live.get(&segment).copied().unwrap_or(0) == 0 {
                log::remove_segment(&log_folder, segment)?;
            }
        }
        let (wake, woken) = sync_channel(1);
        let segments = Segments::new(&log_folder);
        let writer = Writer { log, frame: FrameWriter::default(), book, segment_since_s: None, wake };
        let shared = Self {
            options,
            folder: folder.to_path_buf(),
            index,
            segments,
            writer: Mutex::new(writer),
            lanes: RwLock::new(lanes),
            overlay: RwLock::new(overlay),
            blob_files: std::array::from_fn(|_| Mutex::new(())),
        };
        Ok((shared, woken))
    }

    fn compact_when_woken(&self, woken: &Receiver<()>) {
        while woken.recv().is_ok() {
            // One merge at least, for the deeper levels; then until the newest level is calm.
            for _ in 0..BACKLOG_MAX {
                if self.index.compact().is_err() || self.index.backlog() <= BACKLOG_CALM {
                    break;
                }
            }
        }
    }

    fn lanes(&self) -> std::sync::RwLockReadGuard<'_, LaneTable> {
        self.lanes.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn lanes_mut(&self) -> std::sync::RwLockWriteGuard<'_, LaneTable> {
        self.lanes.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn overlay(&self) -> std::sync::RwLockReadGuard<'_, Entries> {
        self.overlay.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn overlay_mut(&self) -> std::sync::RwLockWriteGuard<'_, Entries> {
        self.overlay.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends the writer's frame and accounts for it.
    fn append(&self, writer: &mut Writer) -> Result<Position, StoreError> {
        let begin = writer.log.append(&mut writer.frame)?;
        writer.book.bytes += writer.log.end().offset - begin.offset;
        Ok(begin)
    }

    /// Flushes if enough has gathered. The caller's change is durable, so a failure here is not its
    /// failure: it stops the store.
    fn flush_if_due(&self, writer: &mut Writer) {
        let book = &writer.book;
        let is_due = book.bytes >= self.options.flush_bytes
            || book.changed_lanes >= self.options.lanes_in_memory
            || book.overlay_bytes >= OVERLAY_BYTES_MAX;
        if is_due && self.flush(writer, false).is_err() {
            writer.log.stop();
        }
    }

    /// Writes what changed to the index, together with the log position that this reaches.
    fn flush(&self, writer: &mut Writer, closes_segment: bool) -> Result<(), StoreError> {
        if writer.log.end().offset >= self.options.segment_bytes || closes_segment {
            let closed = writer.log.end().segment;
            writer.log.rotate()?;
            writer.segment_since_s = None;
            writer.book.live.entry(closed).or_default();
            writer.book.live_changed.insert(closed);
        }
        let end = writer.log.end();
        if writer.book.flushed == Some(end) && self.overlay().is_empty() {
            return Ok(());
        }
        let mut entries = self.overlay().clone();
        for (lane, state) in self.lanes().dirty() {
            let Some(record) = &state.record else {
                entries.insert(index::lane_key(lane), None);
                continue;
            };
            if !state.has_due {
                // Nothing of it is in a run yet, so the first cell, if there is one, is in the tail.
                let hour = state.tail.front().map_or(due_hour(record.forget_s), |first| first.due_hour);
                entries.insert(due_key(index::LANES_DUE, hour, &lane.0), Some(Vec::new()));
            }
            let entry = if state.is_tail_long() {
                for (first, places) in state.runs() {
                    entries.insert(index::run_key(lane, first), Some(Run::encode(&places)));
                }
                LaneEntry::encode(record, [].iter())
            } else {
                LaneEntry::encode(record, state.tail.iter())
            };
            entries.insert(index::lane_key(lane), Some(entry));
        }
        for segment in &writer.book.live_changed {
            let live = writer.book.live.get(segment).copied().unwrap_or(0);
            entries.insert(index::segment_key(*segment), Some(live.to_be_bytes().to_vec()));
        }
        entries.insert(index::FLUSHED.to_vec(), Some(index::encode_position(end)));
        self.index.write(entries)?;
        self.lanes_mut().settle(self.options.lanes_in_memory / 2);
        self.overlay_mut().clear();
        let live = std::mem::take(&mut writer.book.live);
        writer.book = Book { flushed: Some(end), live, ..Book::default() };
        self.remove_dead_segments(writer)?;
        // Full means that the compactor is about to look anyway.
        let _ = writer.wake.try_send(());
        while self.index.backlog() > BACKLOG_MAX {
            self.index.compact()?;
        }
        Ok(())
    }

    /// Removes segments before the flushed position of which no cell is needed.
    fn remove_dead_segments(&self, writer: &mut Writer) -> Result<(), StoreError> {
        let end = writer.log.end().segment;
        let dead: Vec<u32> =
            writer.book.live.range(..end).filter(|(_, live)| **live == 0).map(|(segment, _)| *segment).collect();
        for segment in dead {
            log::remove_segment(&self.folder.join("log"), segment)?;
            self.segments.forget(segment);
            writer.book.live.remove(&segment);
            self.overlay_mut().insert(index::segment_key(segment), None);
        }
        Ok(())
    }
}
