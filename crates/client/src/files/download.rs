//! Fetches a file, checks and opens every group, and writes it: to a path, to a stream, or sealed into the profile.
//!
//! What an interrupted run has written is checked before it is built upon: plaintext is sealed again and compared with
//! its leaf, ciphertext is hashed. So nothing is trusted because it lies on a disk.

use crate::files::folder::{Folder, path_of, sync_folder_of, write_problem};
use crate::files::upload::Shell;
use crate::files::{Fetch, FileEvent, Problem};
use crate::transport::file::Session;
use crate::transport::stream::{Target, Tls};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use protocol::file::{GROUP_BYTES, Leaves, OpenError, Opener, Reference, Shape};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc as sync;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Groups that are handed to the disk at once: 512 KiB. What is in memory comes again after a kill.
const BATCH_GROUPS: u64 = 2;
/// Batches in memory at once.
const BATCHES: usize = 4;
/// Without a byte for so long the connection is given up.
const STALL: Duration = Duration::from_secs(60);
/// How often progress is reported.
const REPORT: Duration = Duration::from_millis(200);
/// Bytes that a file may lack on the disk while it comes.
const UNSYNCED_BYTES: u64 = 64 << 20;

/// Where a file goes.
#[derive(Debug, Clone)]
enum Sink {
    /// Plaintext at a path, which has no file yet.
    Path(PathBuf),
    /// The sealed blob in the profile.
    Copy,
    /// Plaintext to standard output.
    Stdout,
}

/// Fetches a file to its end and reports how it went.
pub async fn run(order: Fetch, shell: Shell) {
    let id = order.id;
    let event = match fetch(&order, &shell).await {
        Ok(()) => FileEvent::Fetched { id },
        Err(problem) => FileEvent::Stopped { id, problem },
    };
    shell.say(event).await;
}

/// Writes a file to standard output; `progress` learns of bytes and of how many there are in all.
///
/// # Errors
/// [`Problem`]: what was written before is part of the file.
pub async fn to_stdout(reference: &Reference, tls: &Tls, progress: impl FnMut(u64, u64)) -> Result<(), Problem> {
    let mut session = open_session(reference, tls).await?;
    let opener = opener(reference, &mut session).await?;
    transfer(reference, session, opener, Sink::Stdout, None, progress).await
}

async fn fetch(order: &Fetch, shell: &Shell) -> Result<(), Problem> {
    let sink = match &order.target {
        Some(target) => Sink::Path(path_of(target)),
        None => Sink::Copy,
    };
    if let Sink::Path(path) = &sink {
        if path.exists() {
            return Err(Problem::Unwritable);
        }
        if order.is_here && from_copy(&order.reference, &shell.folder, path.clone()).await? {
            return Ok(());
        }
    }
    let mut session = open_session(&order.reference, &shell.tls).await?;
    let opener = opener(&order.reference, &mut session).await?;
    let (id, reports, run) = (order.id, shell.reports.clone(), shell.run);
    let progress = move |done_bytes, total_bytes| {
        let event = FileEvent::Moved { id, done_bytes, total_bytes };
        // A shell that does not keep up misses a number.
        let _ = reports.try_send(crate::files::upload::Report { run, event, stored: None });
    };
    transfer(&order.reference, session, opener, sink, Some(shell.folder.clone()), progress).await
}

async fn open_session(reference: &Reference, tls: &Tls) -> Result<Session, Problem> {
    let node_url = reference.node_url.as_ref().ok_or(Problem::Gone)?;
    Session::open(&Target::of(node_url), tls).await
}

/// Learns the leaves and checks them. A file of one group needs none.
async fn opener(reference: &Reference, session: &mut Session) -> Result<Opener, Problem> {
    let shape = Shape::of(reference.size).map_err(|_| Problem::Dishonest)?;
    if shape.groups() == 1 {
        return Opener::of_one_group(reference).map_err(problem);
    }
    let mut body = session.range(&reference.file_id, shape.sealed_bytes()..shape.blob_bytes()).await?;
    let mut bytes = Vec::new();
    let limit = usize::try_from(shape.leaves_bytes()).map_err(|_| Problem::Dishonest)?;
    while let Some(data) = next(&mut body).await? {
        if bytes.len() + data.len() > limit {
            return Err(Problem::Damaged);
        }
        bytes.extend_from_slice(&data);
    }
    if bytes.len() < limit {
        return Err(Problem::Network);
    }
    let leaves = Leaves::parse(&bytes).map_err(|_| Problem::Damaged)?;
    Opener::new(reference, leaves).map_err(problem)
}

async fn next(body: &mut Incoming) -> Result<Option<bytes::Bytes>, Problem> {
    loop {
        let frame = tokio::time::timeout(STALL, body.frame()).await.map_err(|_| Problem::Network)?;
        match frame.transpose().map_err(|_| Problem::Network)? {
            None => return Ok(None),
            Some(frame) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

fn problem(error: OpenError) -> Problem {
    match error {
        OpenError::WrongLeaves | OpenError::WrongLength { .. } | OpenError::Damaged { .. } => Problem::Damaged,
        OpenError::TooLarge(_) | OpenError::WrongKey | OpenError::Dishonest { .. } => Problem::Dishonest,
    }
}

/// Moves the groups from where an earlier run ended; the disk works in a thread of its own.
async fn transfer(
    reference: &Reference,
    mut session: Session,
    opener: Opener,
    sink: Sink,
    folder: Option<Folder>,
    mut progress: impl FnMut(u64, u64),
) -> Result<(), Problem> {
    let shape = *opener.shape();
    // Padding is not fetched where nobody keeps it.
    let end = if matches!(sink, Sink::Copy) { shape.groups() } else { shape.filled_groups() };
    let (begun, from) = tokio::sync::oneshot::channel();
    let (tx, rx) = mpsc::channel::<(u64, Vec<u8>)>(1);
    let (back, free) = sync::channel();
    let file_id = reference.file_id;
    let mut writer = tokio::task::spawn_blocking(move || {
        let writer = Writer::open(opener, sink, folder, file_id, end)?;
        let _ = begun.send(writer.next);
        writer.run(rx, &back)
    });
    let first = match from.await {
        Ok(first) => first,
        // It could not even begin.
        Err(_) => return writer.await.map_err(|_| Problem::Unwritable)?,
    };
    let total = shape.group_start(end);
    if first < end {
        let body = session.range(&file_id, shape.group_start(first)..total).await?;
        let pump = pump(body, shape, (first, end), tx, free, |done| progress(done, total));
        tokio::pin!(pump);
        tokio::select! {
            result = &mut pump => if let Err(problem) = result {
                // What came whole is written before another run builds upon it.
                return match writer.await {
                    Ok(Err(own)) if own != Problem::Network => Err(own),
                    _ => Err(problem),
                };
            },
            // The disk is full, or a group is damaged: the rest is not wanted.
            result = &mut writer => return result.map_err(|_| Problem::Unwritable)?,
        }
    } else {
        drop(tx);
    }
    progress(total, total);
    writer.await.map_err(|_| Problem::Unwritable)?
}

/// Fills batches of groups from a body.
async fn pump(
    mut body: Incoming,
    shape: Shape,
    (mut group, end): (u64, u64),
    tx: mpsc::Sender<(u64, Vec<u8>)>,
    free: sync::Receiver<Vec<u8>>,
    mut progress: impl FnMut(u64),
) -> Result<(), Problem> {
    let mut rest = bytes::Bytes::new();
    let (mut made, mut reported) = (0_usize, Instant::now());
    while group < end {
        let stop = (group + BATCH_GROUPS).min(end);
        let length = (shape.group_start(stop) - shape.group_start(group)) as usize;
        let mut batch = match free.try_recv() {
            Ok(batch) => batch,
            Err(_) => {
                made += 1;
                Vec::with_capacity(length)
            }
        };
        debug_assert!(made <= BATCHES, "the channel holds one, the disk one");
        batch.clear();
        while batch.len() < length {
            if rest.is_empty() {
                rest = next(&mut body).await?.ok_or(Problem::Network)?;
            }
            let taken = rest.split_to(rest.len().min(length - batch.len()));
            batch.extend_from_slice(&taken);
        }
        tx.send((group, batch)).await.map_err(|_| Problem::Unwritable)?;
        group = stop;
        if reported.elapsed() > REPORT {
            reported = Instant::now();
            progress(shape.group_start(group));
        }
    }
    Ok(())
}

/// Checks, opens and writes groups in order.
struct Writer {
    opener: Opener,
    out: Out,
    /// The next group.
    next: u64,
    end: u64,
}

enum Out {
    File { file: File, part: PathBuf, target: PathBuf, is_sealed: bool, unsynced: u64 },
    Stdout,
}

impl Writer {
    fn open(
        opener: Opener,
        sink: Sink,
        folder: Option<Folder>,
        file_id: wire::id::FileId,
        end: u64,
    ) -> Result<Self, Problem> {
        let (part, target, is_sealed) = match (sink, folder) {
            (Sink::Stdout, _) => return Ok(Self { opener, out: Out::Stdout, next: 0, end }),
            (Sink::Path(path), _) => (part_of(&path, &file_id), path, false),
            (Sink::Copy, Some(folder)) => {
                folder.make().map_err(|error| write_problem(&error))?;
                (folder.part(&file_id), folder.copy(&file_id), true)
            }
            (Sink::Copy, None) => return Err(Problem::Unwritable),
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&part)
            .map_err(|error| write_problem(&error))?;
        let next = kept(&opener, &mut file, is_sealed, end)?;
        let at = if is_sealed { opener.shape().group_start(next) } else { opener.shape().chunk_start(next) };
        file.set_len(at).and_then(|()| file.seek(SeekFrom::Start(at))).map_err(|error| write_problem(&error))?;
        Ok(Self { opener, out: Out::File { file, part, target, is_sealed, unsynced: 0 }, next, end })
    }

    fn run(mut self, mut batches: mpsc::Receiver<(u64, Vec<u8>)>, back: &sync::Sender<Vec<u8>>) -> Result<(), Problem> {
        while let Some((first, mut batch)) = batches.blocking_recv() {
            for (group, bytes) in (first..).zip(batch.chunks_mut(GROUP_BYTES)) {
                self.write(group, bytes)?;
            }
            // The pump may be over.
            let _ = back.send(batch);
        }
        if self.next == self.end { self.finish() } else { Err(Problem::Network) }
    }

    fn write(&mut self, group: u64, bytes: &mut [u8]) -> Result<(), Problem> {
        match &mut self.out {
            Out::Stdout => {
                let text = self.opener.open(group, bytes).map_err(problem)?;
                std::io::stdout().lock().write_all(text).map_err(|error| write_problem(&error))?;
            }
            Out::File { file, is_sealed, unsynced, .. } => {
                let written = if *is_sealed {
                    self.opener.check(group, bytes).map_err(problem)?;
                    &*bytes
                } else {
                    self.opener.open(group, bytes).map_err(problem)?
                };
                file.write_all(written).map_err(|error| write_problem(&error))?;
                *unsynced += written.len() as u64;
                if *unsynced >= UNSYNCED_BYTES {
                    *unsynced = 0;
                    // Beside the next groups: the last call waits for little.
                    if let Ok(file) = file.try_clone() {
                        std::thread::spawn(move || file.sync_data());
                    }
                }
            }
        }
        self.next = group + 1;
        Ok(())
    }

    fn finish(self) -> Result<(), Problem> {
        let unwritable = |error: std::io::Error| write_problem(&error);
        match self.out {
            Out::Stdout => std::io::stdout().lock().flush().map_err(unwritable),
            Out::File { mut file, part, target, is_sealed, .. } => {
                if is_sealed {
                    file.write_all(self.opener.leaves().as_bytes()).map_err(unwritable)?;
                }
                file.sync_all().map_err(unwritable)?;
                if target.exists() {
                    return Err(Problem::Unwritable);
                }
                std::fs::rename(&part, &target).and_then(|()| sync_folder_of(&target)).map_err(unwritable)
            }
        }
    }
}

/// Where a file lies until it is complete: beside its target, with a name that only this file has.
fn part_of(target: &Path, file_id: &wire::id::FileId) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(format!(".{}.part", &file_id.to_hex()[..8]));
    name.into()
}

/// The first group that an earlier run did not leave whole.
fn kept(opener: &Opener, file: &mut File, is_sealed: bool, end: u64) -> Result<u64, Problem> {
    let shape = opener.shape();
    let found = file.metadata().map_err(|_| Problem::Unwritable)?.len();
    let mut buffer = Vec::new();
    for group in 0..end {
        let (length, stop) = if is_sealed {
            (shape.group_bytes(group), shape.group_start(group + 1))
        } else {
            (shape.chunk_bytes(group), shape.chunk_start(group + 1))
        };
        if found < stop || (found == 0 && length == 0) {
            return Ok(group);
        }
        buffer.clear();
        buffer.resize(shape.group_bytes(group), 0);
        let own = buffer.get_mut(..length).ok_or(Problem::Unwritable)?;
        file.read_exact(own).map_err(|_| Problem::Unwritable)?;
        let is_whole =
            if is_sealed { opener.check(group, &buffer).is_ok() } else { opener.is_plaintext(group, &mut buffer) };
        if !is_whole {
            return Ok(group);
        }
    }
    Ok(end)
}

/// Saves a file from its sealed copy; false where the copy is not whole, which is then removed.
async fn from_copy(reference: &Reference, folder: &Folder, target: PathBuf) -> Result<bool, Problem> {
    let (reference, folder) = (reference.clone(), folder.clone());
    let work = move || -> Result<bool, Problem> {
        let Ok(mut copy) = File::open(folder.copy(&reference.file_id)) else { return Ok(false) };
        let Some(opener) = opener_of_copy(&reference, &mut copy) else { return Ok(false) };
        let shape = *opener.shape();
        let end = shape.filled_groups();
        let mut writer = Writer::open(opener, Sink::Path(target), None, reference.file_id, end)?;
        if copy.seek(SeekFrom::Start(shape.group_start(writer.next))).is_err() {
            return Ok(false);
        }
        let mut buffer = vec![0; GROUP_BYTES];
        for group in writer.next..end {
            let bytes = buffer.get_mut(..shape.group_bytes(group)).ok_or(Problem::Damaged)?;
            if copy.read_exact(bytes).is_err() {
                return Ok(false);
            }
            match writer.write(group, bytes) {
                Ok(()) => {}
                // The copy suffered; the node has another.
                Err(Problem::Damaged) => return Ok(false),
                Err(problem) => return Err(problem),
            }
        }
        writer.finish().map(|()| true)
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| Problem::Unwritable)?
}

pub(super) fn opener_of_copy(reference: &Reference, copy: &mut File) -> Option<Opener> {
    let shape = Shape::of(reference.size).ok()?;
    if copy.metadata().ok()?.len() != shape.blob_bytes() {
        return None;
    }
    copy.seek(SeekFrom::Start(shape.sealed_bytes())).ok()?;
    let mut leaves = vec![0; usize::try_from(shape.leaves_bytes()).ok()?];
    copy.read_exact(&mut leaves).ok()?;
    Opener::new(reference, Leaves::parse(&leaves).ok()?).ok()
}
