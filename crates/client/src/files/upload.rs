//! Reads, seals and sends a file; goes on where the node's offset says.

use crate::files::folder::Folder;
use crate::files::source::{self, Batch};
use crate::files::{FileEvent, Problem, Upload};
use crate::transport::file::{Answer, Created, Outbound, Pipe, Session};
use crate::transport::stream::{Target, Tls};
use protocol::file::{GROUP_BYTES, Root};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use wire::file::FileWork;

/// Bytes that are given to the connection at once.
const SLICE_BYTES: usize = 512 << 10;
/// How often progress is reported.
const REPORT: Duration = Duration::from_millis(200);
/// Without a byte sent for so long, or an answer after the last, the connection is given up.
const STALL: Duration = Duration::from_secs(60);
/// How long a node keeps a file: the most that is asked for.
const TTL_S: u64 = 45 * 86_400;
/// Nonces tried between two looks at whether the work is still wanted.
const TRIES: u64 = 1 << 16;

/// What a file's task says, and where it waits for the answer.
#[derive(Debug)]
pub struct Report {
    /// Which run of the shell says it: a stopped one is not listened to.
    pub run: u64,
    /// What.
    pub event: FileEvent,
    /// Answered once the event is stored.
    pub stored: Option<oneshot::Sender<()>>,
}

/// What a task needs beside its order.
#[derive(Debug, Clone)]
pub struct Shell {
    /// TLS.
    pub tls: Tls,
    /// The sealed copies.
    pub folder: Folder,
    /// Where reports go.
    pub reports: mpsc::Sender<Report>,
    /// This run.
    pub run: u64,
}

impl Shell {
    /// Says what happened; true while somebody listens.
    pub(crate) async fn say(&self, event: FileEvent) -> bool {
        self.reports.send(Report { run: self.run, event, stored: None }).await.is_ok()
    }

    /// Says what happened and waits until it is stored.
    async fn store(&self, event: FileEvent) -> Result<(), Problem> {
        let (stored, answer) = oneshot::channel();
        let report = Report { run: self.run, event, stored: Some(stored) };
        self.reports.send(report).await.map_err(|_| Problem::Network)?;
        answer.await.map_err(|_| Problem::Network)
    }
}

/// Sends a file to its end and reports how it went.
pub async fn run(order: Upload, shell: Shell) {
    let id = order.id;
    let event = match send(order, &shell).await {
        Ok(root) => FileEvent::Uploaded { id, root },
        Err(problem) => FileEvent::Stopped { id, problem },
    };
    shell.say(event).await;
}

async fn send(mut order: Upload, shell: &Shell) -> Result<Root, Problem> {
    let target = Target::of(&order.node_url);
    let total = order.shape.blob_bytes();
    let mut session = Session::open(&target, &shell.tls).await?;
    // Without leaves nothing has left this device: there is nothing at the node.
    let offset = if order.leaves.is_empty() { None } else { session.offset(&order.file, &order.owner).await? };
    let offset = match offset {
        Some(offset) => offset,
        None => {
            let work = work(&order, &mut session).await?;
            let created = Created { length: total, ttl_s: work.1, work: work.0 };
            match session.create(&order.file, &order.owner, &created).await? {
                Answer::Offset(offset) => offset,
                Answer::Begun => session.offset(&order.file, &order.owner).await?.ok_or(Problem::Refused)?,
            }
        }
    };
    if offset > total {
        return Err(Problem::Refused);
    }
    if offset < total || !order.is_sealed() {
        let end = append(&mut order, shell, session, offset).await?;
        if end != total {
            return Err(Problem::Network);
        }
    }
    order.leaves.root().ok_or(Problem::Refused)
}

impl Upload {
    fn is_sealed(&self) -> bool {
        self.leaves.len() == self.shape.groups()
    }
}

/// The work for storing so many bytes, and for how many seconds.
async fn work(order: &Upload, session: &mut Session) -> Result<(FileWork, u64), Problem> {
    let terms = session.terms().await?;
    let length = order.shape.blob_bytes();
    if length > terms.bytes_max {
        return Err(Problem::TooLarge);
    }
    let (file, challenge, bits) = (order.file, terms.challenge, terms.work_bits);
    let (found, wanted) = oneshot::channel();
    tokio::task::spawn_blocking(move || {
        let mut start = 0_u64;
        while !found.is_closed() {
            if let Some(work) = FileWork::search(&challenge, &file, length, bits, start, TRIES) {
                let _ = found.send(work);
                return;
            }
            let Some(next) = start.checked_add(TRIES) else { return };
            start = next;
        }
    });
    Ok((wanted.await.map_err(|_| Problem::Refused)?, terms.ttl_s_max.min(TTL_S)))
}

/// Sends everything from an offset on; the offset that the node then has.
async fn append(order: &mut Upload, shell: &Shell, session: Session, offset: u64) -> Result<u64, Problem> {
    let total = order.shape.blob_bytes();
    let (pipe, body) = Outbound::pipe(total - offset);
    let from = (offset.min(order.shape.sealed_bytes()) / GROUP_BYTES as u64).min(order.shape.groups());
    let batches = source::start(order, &shell.folder, from);
    let (id, file, owner) = (order.id, order.file, order.owner.clone());
    let answer = session.append(&file, &owner, offset, body);
    tokio::pin!(answer);
    let feed = feed(order, shell, batches, pipe.clone(), offset);
    tokio::pin!(feed);
    let mut is_fed = false;
    let mut reported = tokio::time::interval(REPORT);
    let (mut last, mut since) = (0, Instant::now());
    loop {
        tokio::select! {
            answer = &mut answer => return answer,
            result = &mut feed, if !is_fed => {
                // A changed source ends the connection: what was sent of it is worth nothing.
                result?;
                is_fed = true;
            }
            _ = reported.tick() => {
                let sent = pipe.sent();
                if sent != last {
                    (last, since) = (sent, Instant::now());
                    shell.say(FileEvent::Moved { id, done_bytes: offset + sent, total_bytes: total }).await;
                } else if since.elapsed() > STALL {
                    return Err(Problem::Network);
                }
            }
        }
    }
}

/// Stores leaves, then lets the bytes of their groups go; the leaves themselves come last.
async fn feed(
    order: &mut Upload,
    shell: &Shell,
    mut batches: mpsc::Receiver<Result<Batch, Problem>>,
    pipe: Pipe,
    offset: u64,
) -> Result<(), Problem> {
    let sealed = order.shape.sealed_bytes();
    while let Some(batch) = batches.recv().await {
        let Batch { mut bytes, first, new_leaves } = batch?;
        let start = order.shape.group_start(first);
        if !new_leaves.is_empty() {
            let at = order.leaves.len();
            (0..new_leaves.len()).filter_map(|index| new_leaves.get(index)).for_each(|leaf| order.leaves.push(leaf));
            shell.store(FileEvent::Sealed { id: order.id, first: at, leaves: new_leaves }).await?;
        }
        // The first group may be at the node in part.
        let skip = usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX).min(bytes.len());
        let _ = bytes.split_to(skip);
        while !bytes.is_empty() {
            let slice = bytes.split_to(SLICE_BYTES.min(bytes.len()));
            pipe.send(slice).await?;
        }
    }
    if !order.is_sealed() {
        return Err(Problem::Unreadable);
    }
    let leaves = order.leaves.as_bytes();
    let skip = usize::try_from(offset.saturating_sub(sealed)).unwrap_or(usize::MAX).min(leaves.len());
    pipe.send(bytes::Bytes::copy_from_slice(&leaves[skip..])).await
}
