//! From a request's body to durable parts: one buffer fills while the one before it is stored.

use crate::file::record::FileRecord;
use crate::file::turn::Claim;
use crate::file::{Files, MEMORY_GRAIN, stopped, whole_hour};
use crate::shared::now_ms;
use axum::body::HttpBody;
use axum::body::{Body, Bytes};
use bytes::BytesMut;
use http_body_util::BodyExt;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use store::{PartName, StoreError};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use wire::id::FileId;
use wire::limit::FILE_PART_BYTES;

/// A part near the beginning of a blob is no longer than this share of what came before it, so that a kill costs a
/// small share of a small file, too.
const PIECE_SHARE: u64 = 8;
/// And no shorter than this.
const PIECE_BYTES_MIN: u64 = 512 << 10;
/// With more runs than this parts are whole again: a record stays small.
const PIECES_EARLY_MAX: usize = 128;
/// How long an upload waits for memory.
const MEMORY_MAX: Duration = Duration::from_secs(60);
/// How long storing a part may take.
const PUT_MAX: Duration = Duration::from_secs(120);

/// Why an upload ended before its request did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Somebody else writes now.
    Ousted,
    /// The node stops.
    Stopping,
    /// Nothing came for too long.
    Idle,
    /// The connection broke.
    Broken,
    /// The body is longer than the blob has room for, or ended before a blob that it was to complete.
    Length,
    /// No memory came free in time.
    Crowded,
    /// The hour's bytes are used up; try again after so many seconds.
    Budget(u32),
    /// The disk or the quota has no room.
    Full,
    /// The blob came in too many pieces: only whole parts are kept of it now.
    Pieces,
    /// It was removed meanwhile.
    Gone,
    /// The store failed.
    Storage,
}

/// A body to be appended.
pub struct Append {
    /// To which file.
    pub id: FileId,
    /// As it is now.
    pub record: FileRecord,
    /// The turn.
    pub claim: Claim,
    /// The bytes.
    pub body: Body,
    /// The blob is complete with them.
    pub completes: bool,
}

/// Appends a body; the record as it is then, and why not all of it was taken. What came before the end is kept.
///
/// Runs to its end whatever becomes of the connection: the caller spawns it.
pub async fn append(files: Arc<Files>, append: Append) -> (FileRecord, Result<(), Why>) {
    let Append { id, record, claim, body, completes } = append;
    let received = record.offset;
    let stop = files.stop.clone();
    let mut writer = Writer { files, id, record, claim, stop, storing: None, received };
    let mut result = writer.receive(body, completes).await;
    if let Err(why) = writer.settle().await {
        result = result.and(Err(why));
    }
    if result.is_ok() && completes && !writer.record.is_complete {
        result = writer.complete().await;
    }
    (writer.record, result)
}

struct Writer {
    files: Arc<Files>,
    id: FileId,
    record: FileRecord,
    claim: Claim,
    stop: watch::Receiver<bool>,
    /// The part before the one that fills.
    storing: Option<JoinHandle<Result<FileRecord, Why>>>,
    /// Bytes of the blob that came, durable or on their way.
    received: u64,
}

/// Why a buffer is not filled further.
enum Filled {
    Whole,
    Ended,
    Shared,
    Cut(Why),
}

/// What happens next to a body.
enum Next {
    Bytes(Bytes),
    End,
    /// The time for which the buffer is not shared is over.
    Share,
    Cut(Why),
}

impl Writer {
    async fn receive(&mut self, mut body: Body, completes: bool) -> Result<(), Why> {
        let mut rest = Bytes::new();
        loop {
            let left = self.record.length - self.received;
            if left == 0 {
                return if self.has_ended(&mut body, &mut rest).await? { Ok(()) } else { Err(Why::Length) };
            }
            let said = body.size_hint().upper().unwrap_or(u64::MAX).saturating_add(rest.len() as u64);
            let room = usize::try_from(left.min(said)).unwrap_or(usize::MAX).min(self.part_bytes());
            if room == 0 {
                // The body ended as it said, before the blob does.
                return match self.has_ended(&mut body, &mut rest).await? {
                    true if completes => Err(Why::Length),
                    true => Ok(()),
                    false => continue,
                };
            }
            let permit = self.reserve(room).await?;
            let mut buffer = BytesMut::with_capacity(room);
            let filled = self.fill(&mut buffer, room, &mut rest, &mut body).await;
            let is_last = buffer.len() as u64 == left;
            let is_end = match filled {
                // Known at once when the request said its length: the last part and the completion are one swap.
                Filled::Whole if is_last => self.has_ended(&mut body, &mut rest).await?,
                Filled::Ended => true,
                Filled::Whole | Filled::Shared | Filled::Cut(_) => false,
            };
            let is_kept = buffer.len() == FILE_PART_BYTES || (is_last && is_end) || self.record.may_break();
            let is_lost = !buffer.is_empty() && !is_kept;
            if !buffer.is_empty() && is_kept {
                self.push(buffer.freeze(), permit, completes && is_last && is_end).await?;
            }
            match filled {
                Filled::Cut(why) => return Err(why),
                Filled::Ended if is_lost => return Err(Why::Pieces),
                Filled::Ended if completes && !is_last => return Err(Why::Length),
                Filled::Ended => return Ok(()),
                // A buffer that ends with what the request said.
                Filled::Whole if is_lost => return Err(Why::Pieces),
                Filled::Whole | Filled::Shared => {}
            }
        }
    }

    /// How long the next part may be.
    fn part_bytes(&self) -> usize {
        let is_early = self.files.place.s3.is_none() && self.record.runs.len() < PIECES_EARLY_MAX;
        let piece = (self.received / PIECE_SHARE).max(PIECE_BYTES_MIN);
        usize::try_from(piece).ok().filter(|_| is_early).unwrap_or(FILE_PART_BYTES).min(FILE_PART_BYTES)
    }

    /// Memory for a buffer, bytes from the budget, room where it will be stored.
    async fn reserve(&mut self, bytes: usize) -> Result<OwnedSemaphorePermit, Why> {
        let grains = u32::try_from(bytes.div_ceil(MEMORY_GRAIN).max(1)).unwrap_or(u32::MAX);
        let memory = Arc::clone(&self.files.memory);
        let permit = match Arc::clone(&memory).try_acquire_many_owned(grains) {
            Ok(permit) => permit,
            Err(_) => {
                let _waiting = Waiting::new(&self.files.waiting);
                tokio::select! {
                    permit = memory.acquire_many_owned(grains) => permit.map_err(|_| Why::Stopping)?,
                    () = self.claim.ousted() => return Err(Why::Ousted),
                    () = stopped(&mut self.stop) => return Err(Why::Stopping),
                    () = tokio::time::sleep(MEMORY_MAX) => return Err(Why::Crowded),
                }
            }
        };
        if !self.files.has_room(bytes as u64) {
            return Err(Why::Full);
        }
        self.files.budget.spend(bytes as u64).map_err(Why::Budget)?;
        Ok(permit)
    }

    async fn fill(&mut self, buffer: &mut BytesMut, room: usize, rest: &mut Bytes, body: &mut Body) -> Filled {
        let share = self.files.limits.patience.share;
        let mut share_at = Instant::now() + share;
        loop {
            let taken = rest.split_to(rest.len().min(room - buffer.len()));
            buffer.extend_from_slice(&taken);
            if buffer.len() == room {
                return Filled::Whole;
            }
            match self.next(body, Some(share_at)).await {
                Next::Bytes(bytes) => *rest = bytes,
                Next::End => return Filled::Ended,
                Next::Cut(why) => return Filled::Cut(why),
                Next::Share if self.files.waiting.load(Ordering::Relaxed) > 0 && self.record.may_break() => {
                    return Filled::Shared;
                }
                Next::Share => share_at = Instant::now() + share / 10,
            }
        }
    }

    /// Whether nothing more comes. What comes is kept in `rest`.
    async fn has_ended(&mut self, body: &mut Body, rest: &mut Bytes) -> Result<bool, Why> {
        while rest.is_empty() {
            match self.next(body, None).await {
                Next::Bytes(bytes) => *rest = bytes,
                Next::End => return Ok(true),
                Next::Share => {}
                Next::Cut(why) => return Err(why),
            }
        }
        Ok(false)
    }

    async fn next(&mut self, body: &mut Body, share_at: Option<Instant>) -> Next {
        let idle = self.files.limits.patience.idle;
        let share = async {
            match share_at {
                Some(share_at) => tokio::time::sleep_until(share_at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.claim.ousted() => Next::Cut(Why::Ousted),
            () = stopped(&mut self.stop) => Next::Cut(Why::Stopping),
            frame = tokio::time::timeout(idle, body.frame()) => match frame {
                Err(_) => Next::Cut(Why::Idle),
                Ok(None) => Next::End,
                Ok(Some(Err(_))) => Next::Cut(Why::Broken),
                // Trailers are no bytes.
                Ok(Some(Ok(frame))) => Next::Bytes(frame.into_data().unwrap_or_default()),
            },
            () = share => Next::Share,
        }
    }

    /// Begins to store a part, once the one before it is stored.
    async fn push(&mut self, bytes: Bytes, permit: OwnedSemaphorePermit, completes: bool) -> Result<(), Why> {
        self.settle().await?;
        let count = bytes.len() as u64;
        let (name, mut next) = self.record.extended(self.files.turns.tag(&self.id), count).ok_or(Why::Pieces)?;
        if completes {
            next = completed(next);
        }
        let (files, id, old) = (Arc::clone(&self.files), self.id, self.record.clone());
        self.storing = Some(tokio::spawn(async move {
            let stored = store_part(&files, id, old, next, name, bytes).await;
            drop(permit);
            stored
        }));
        self.received += count;
        Ok(())
    }

    /// Waits until all that was pushed is durable and counted.
    async fn settle(&mut self) -> Result<(), Why> {
        if let Some(storing) = self.storing.take() {
            self.record = storing.await.map_err(|_| Why::Storage)??;
        }
        Ok(())
    }

    /// Says that a blob whose bytes are all durable is complete.
    async fn complete(&mut self) -> Result<(), Why> {
        let (id, old, next) = (self.id, self.record.clone(), completed(self.record.clone()));
        self.record = replace(&self.files, id, old, next).await?;
        Ok(())
    }
}

fn completed(record: FileRecord) -> FileRecord {
    let keep_until_s = whole_hour((now_ms() / 1_000).saturating_add(record.ttl_s));
    FileRecord { is_complete: true, keep_until_s, ..record }
}

async fn store_part(
    files: &Arc<Files>,
    id: FileId,
    old: FileRecord,
    next: FileRecord,
    name: PartName,
    bytes: Bytes,
) -> Result<FileRecord, Why> {
    let put = tokio::time::timeout(PUT_MAX, files.parts.put_part(name, bytes)).await;
    let put = put.unwrap_or_else(|_| Err(StoreError::Io(std::io::ErrorKind::TimedOut.into())));
    if let Err(error) = put {
        tracing::error!(%error, "storing a part of a file failed");
        // It may be there, or come to be there: the next one needs a name of its own.
        files.turns.retag(&id).map_err(|_| Why::Storage)?;
        return Err(match error {
            StoreError::Io(error) if is_full(error.kind()) => Why::Full,
            _ => Why::Storage,
        });
    }
    replace(files, id, old, next).await
}

async fn replace(files: &Arc<Files>, id: FileId, old: FileRecord, next: FileRecord) -> Result<FileRecord, Why> {
    match files.blocking(move |files| Ok(files.ledger.replace(&id, &old, &next)?.then_some(next))).await {
        Ok(Some(next)) => Ok(next),
        Ok(None) => Err(Why::Gone),
        Err(_) => Err(Why::Storage),
    }
}

fn is_full(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

/// Counted while it waits for memory.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
