//! Reads an own file and seals it ahead of the network, in a thread of its own.

use crate::files::folder::{Folder, path_of, stamp};
use crate::files::movie::{self, Movie};
use crate::files::{Problem, Upload};
use bytes::Bytes;
use protocol::file::{GROUP_BYTES, Leaves, SealError, Sealer, Shape};
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::sync::mpsc as sync;
use tokio::sync::mpsc;

/// Groups that are sealed, stored and sent together: 4 MiB.
const BATCH_GROUPS: u64 = 16;
/// Batches in memory at once: one is sealed while others are stored and sent.
const BATCHES: usize = 4;

/// Sealed groups, one behind the other.
pub(super) struct Batch {
    /// The ciphertext; its memory goes back to the pool.
    pub(super) bytes: Bytes,
    /// The first group.
    pub(super) first: u64,
    /// Leaves of groups that were never sealed before: to be stored before `bytes` leave. They follow the stored ones.
    pub(super) new_leaves: Leaves,
}

/// Memory that is used again when whoever sends it has sent it.
struct Pooled {
    bytes: Vec<u8>,
    back: sync::Sender<Vec<u8>>,
}

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        // The thread may be over.
        let _ = self.back.send(std::mem::take(&mut self.bytes));
    }
}

/// Begins to seal from a group on. The channel ends after the last group, or with a problem.
pub(super) fn start(order: &Upload, folder: &Folder, from: u64) -> mpsc::Receiver<Result<Batch, Problem>> {
    let (tx, rx) = mpsc::channel(1);
    let path = match &order.source {
        Some(source) => path_of(&source.path),
        None => folder.copy(&order.file),
    };
    let is_covered = order.source.as_ref().is_some_and(|source| source.is_covered);
    let mut reader = Reader {
        sealer: Sealer::new(&order.key, order.shape),
        stamp: order.source.as_ref().map(|source| source.stamp),
        leaves: order.leaves.clone(),
        shape: order.shape,
        movie: Movie::default(),
    };
    tokio::task::spawn_blocking(move || {
        let result = File::open(path).map_err(|_| Problem::Unreadable).and_then(|mut file| {
            if is_covered {
                // What was a movie and is none has changed.
                reader.movie = movie::look_at(&mut file, reader.shape.size()).map_err(|_| Problem::Changed)?;
            }
            reader.run(file, from, &tx)
        });
        if let Err(problem) = result {
            let _ = tx.blocking_send(Err(problem));
        }
    });
    rx
}

struct Reader {
    sealer: Sealer,
    /// The source's last change; none for a sealed copy.
    stamp: Option<i64>,
    leaves: Leaves,
    shape: Shape,
    /// What the source is covered with.
    movie: Movie,
}

impl Reader {
    fn run(self, mut file: File, from: u64, tx: &mpsc::Sender<Result<Batch, Problem>>) -> Result<(), Problem> {
        self.check(&file)?;
        let at = if self.stamp.is_some() { self.shape.chunk_start(from) } else { self.shape.group_start(from) };
        file.seek(SeekFrom::Start(at)).map_err(|_| Problem::Unreadable)?;
        let (back, free) = sync::channel();
        let mut made = 0;
        let mut first = from;
        while first < self.shape.groups() {
            let end = (first + BATCH_GROUPS).min(self.shape.groups());
            let mut bytes = match free.try_recv() {
                Ok(bytes) => bytes,
                Err(_) if made < BATCHES => {
                    made += 1;
                    Vec::new()
                }
                // As long as this function runs there is a sender: its own.
                Err(_) => free.recv().map_err(|_| Problem::Unreadable)?,
            };
            let length = (self.shape.group_start(end) - self.shape.group_start(first)) as usize;
            bytes.resize(length, 0);
            let mut new_leaves = Leaves::default();
            for (group, buffer) in (first..end).zip(bytes.chunks_mut(GROUP_BYTES)) {
                self.read(&mut file, group, buffer, &mut new_leaves)?;
            }
            if end == self.shape.groups() {
                // What was read last must still be what was read first.
                self.check(&file)?;
            }
            let bytes = Bytes::from_owner(Pooled { bytes, back: back.clone() });
            if tx.blocking_send(Ok(Batch { bytes, first, new_leaves })).is_err() {
                return Ok(());
            }
            first = end;
        }
        Ok(())
    }

    /// Whether the source is still the file that was begun.
    fn check(&self, file: &File) -> Result<(), Problem> {
        let found = file.metadata().map_err(|_| Problem::Unreadable)?;
        match self.stamp {
            Some(at) if found.len() != self.shape.size() || stamp(&found) != at => Err(Problem::Changed),
            Some(_) => Ok(()),
            None if found.len() != self.shape.blob_bytes() => Err(Problem::Changed),
            None => Ok(()),
        }
    }

    fn read(&self, file: &mut File, group: u64, buffer: &mut [u8], new: &mut Leaves) -> Result<(), Problem> {
        let own = if self.stamp.is_some() { self.shape.chunk_bytes(group) } else { buffer.len() };
        file.read_exact(&mut buffer[..own]).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => Problem::Changed,
            _ => Problem::Unreadable,
        })?;
        self.movie.cover(self.shape.chunk_start(group), &mut buffer[..own]);
        let stored = self.leaves.get(group);
        if self.stamp.is_none() {
            // Sealed already: the node checks nothing, so that a damaged copy would be found by others only.
            let is_same = stored.is_some_and(|leaf| leaf == self.sealer.leaf(group, buffer));
            return if is_same { Ok(()) } else { Err(Problem::Changed) };
        }
        match stored {
            Some(leaf) => self.sealer.seal_again(group, buffer, &leaf).map_err(problem),
            None => {
                new.push(self.sealer.seal(group, buffer).map_err(problem)?);
                Ok(())
            }
        }
    }
}

fn problem(error: SealError) -> Problem {
    match error {
        SealError::Changed => Problem::Changed,
        SealError::TooLarge(_) => Problem::TooLarge,
        SealError::WrongGroup { .. } => Problem::Unreadable,
    }
}
