//! From parts to an answer's body: a few chunks ahead of the reader, whatever the length.

use crate::file::Files;
use crate::file::record::FileRecord;
use axum::body::{Body, Bytes};
use futures_util::stream;
use std::io::{Error, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// How long reading a chunk may take.
const READ_MAX: Duration = Duration::from_secs(60);

/// The bytes of a complete blob from `first` to `end`. An error on the way ends the connection: the length that was
/// announced tells the reader that this is not all.
pub fn body(files: &Arc<Files>, record: FileRecord, first: u64, end: u64, permit: OwnedSemaphorePermit) -> Body {
    let (tx, rx) = mpsc::channel(1);
    tokio::spawn(feed(Arc::clone(files), record, first, end, permit, tx));
    Body::from_stream(stream::unfold(rx, async |mut rx| rx.recv().await.map(|chunk| (chunk, rx))))
}

async fn feed(
    files: Arc<Files>,
    record: FileRecord,
    first: u64,
    end: u64,
    _permit: OwnedSemaphorePermit,
    tx: mpsc::Sender<Result<Bytes, Error>>,
) {
    let mut at = first;
    while at < end {
        let chunk = match files.is_stopping() {
            true => Err(Error::from(ErrorKind::ConnectionAborted)),
            false => chunk(&files, &record, at, end).await,
        };
        let (count, is_over) = (chunk.as_ref().map_or(0, Bytes::len), chunk.is_err());
        at += count as u64;
        // A reader that went away, or that is too slow to be served before others.
        if tx.send_timeout(chunk, files.limits.patience.stall).await.is_err() || is_over {
            return;
        }
        files.shared.counters.file_bytes_out.fetch_add(count as u64, Ordering::Relaxed);
    }
}

/// What is best read at once from `at` on.
async fn chunk(files: &Files, record: &FileRecord, at: u64, end: u64) -> Result<Bytes, Error> {
    let part = record.part_at(at).ok_or(ErrorKind::UnexpectedEof)?;
    let count = (part.end.min(end) - at).min(files.parts.read_bytes() as u64);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let read = files.parts.read_part(part.name, at - part.name.start, count);
    match tokio::time::timeout(READ_MAX, read).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        // Removed meanwhile.
        Ok(Ok(None)) => Err(ErrorKind::NotFound.into()),
        Ok(Err(error)) => {
            tracing::error!(%error, "reading a part of a file failed");
            Err(Error::other("the store failed"))
        }
        Err(_) => Err(ErrorKind::TimedOut.into()),
    }
}
