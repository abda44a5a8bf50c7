//! Moves files beside the engine: a thread of its own sends and receives, so that no commit stops a stream.

use super::{Runner, now_ms};
use crate::engine::{EngineError, Outgoing, Queued};
use crate::files::folder::Folder;
use crate::files::upload::{Report, Shell};
use crate::files::{AttachmentId, Discard, FileEvent, FileMessage, Problem, Turn, download, upload};
use crate::timeline::EntryId;
use crate::transport::file::Session;
use crate::transport::stream::{Target, Tls};
use protocol::event::ConversationId;
use std::collections::BTreeMap;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// Reports that wait for the engine at most; then files wait.
const REPORTS_MAX: usize = 64;

/// The files that move.
pub(super) struct FileTasks {
    folder: Option<Folder>,
    runtime: Option<Runtime>,
    tasks: BTreeMap<AttachmentId, (u64, AbortHandle)>,
    runs: u64,
    reports_tx: mpsc::Sender<Report>,
    pub(super) reports: mpsc::Receiver<Report>,
}

impl Default for FileTasks {
    fn default() -> Self {
        let (reports_tx, reports) = mpsc::channel(REPORTS_MAX);
        Self { folder: None, runtime: None, tasks: BTreeMap::new(), runs: 0, reports_tx, reports }
    }
}

impl Drop for FileTasks {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl FileTasks {
    /// Does what the engine asks of files.
    pub(super) fn perform(&mut self, outgoing: Outgoing, tls: &Tls) {
        match outgoing {
            Outgoing::Upload(order) => {
                let id = order.id;
                self.spawn(id, tls, |shell| upload::run(*order, shell));
            }
            Outgoing::Fetch(order) => {
                let id = order.id;
                self.spawn(id, tls, |shell| download::run(*order, shell));
            }
            Outgoing::StopFile(id) => self.stop(id),
            Outgoing::Discard(order) => {
                self.stop(order.attachment);
                let run = 0;
                if let (Some(shell), Some(runtime)) = (self.shell(tls, run), self.runtime()) {
                    runtime.spawn(discard(order, shell));
                }
            }
            Outgoing::Connect(_)
            | Outgoing::Hangup(_)
            | Outgoing::Send(..)
            | Outgoing::PutBlob(..)
            | Outgoing::GetBlob(..)
            | Outgoing::Direct(_)
            | Outgoing::Solve(_) => {}
        }
    }

    fn shell(&self, tls: &Tls, run: u64) -> Option<Shell> {
        let folder = self.folder.clone()?;
        Some(Shell { tls: tls.clone(), folder, reports: self.reports_tx.clone(), run })
    }

    fn runtime(&mut self) -> Option<&Runtime> {
        if self.runtime.is_none() {
            self.runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name("files")
                .enable_all()
                .build()
                .ok();
        }
        self.runtime.as_ref()
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        id: AttachmentId,
        tls: &Tls,
        work: impl FnOnce(Shell) -> F,
    ) {
        self.stop(id);
        self.runs += 1;
        let run = self.runs;
        let task = self.shell(tls, run).map(work);
        match (task, self.runtime()) {
            (Some(task), Some(runtime)) => {
                let handle = runtime.spawn(task).abort_handle();
                self.tasks.insert(id, (run, handle));
            }
            _ => {
                // No thread, or nowhere to keep files: it begins again when the program does.
                self.tasks.remove(&id);
            }
        }
    }

    fn stop(&mut self, id: AttachmentId) {
        if let Some((_, task)) = self.tasks.remove(&id) {
            task.abort();
        }
    }

    /// Whether a report is of a run that nobody stopped.
    pub(super) fn is_current(&mut self, report: &Report) -> bool {
        let id = match &report.event {
            FileEvent::Discarded { .. } => return true,
            FileEvent::Sealed { id, .. }
            | FileEvent::Moved { id, .. }
            | FileEvent::MovedDirectly { id, .. }
            | FileEvent::Uploaded { id, .. }
            | FileEvent::Fetched { id }
            | FileEvent::Stopped { id, .. } => *id,
        };
        let is_current = self.tasks.get(&id).is_some_and(|(run, _)| *run == report.run);
        let is_last = !matches!(
            report.event,
            FileEvent::Sealed { .. } | FileEvent::Moved { .. } | FileEvent::MovedDirectly { .. }
        );
        if is_current && is_last {
            self.tasks.remove(&id);
        }
        is_current
    }
}

/// First the copy here, then the blob at the node.
async fn discard(order: Discard, shell: Shell) {
    let is_removed = order.keeps_copy || shell.folder.remove(&order.file).is_ok();
    let is_deleted = match (&order.owner, is_removed) {
        (_, false) => false,
        (None, true) => true,
        (Some(owner), true) => {
            let delete = async {
                let mut session = Session::open(&Target::of(&order.node_url), &shell.tls).await?;
                session.delete(&order.file, owner).await
            };
            // What a node refuses for good is not asked again; the blob expires.
            !delete.await.is_err_and(Problem::is_passing)
        }
    };
    shell.say(FileEvent::Discarded { id: order.id, is_done: is_deleted }).await;
}

impl Runner {
    /// Moves files, with sealed copies in this folder.
    pub fn with_files(mut self, folder: Folder) -> Self {
        self.files.folder = Some(folder);
        self
    }

    /// The folder of sealed copies.
    pub fn files_folder(&self) -> Option<&Folder> {
        self.files.folder.as_ref()
    }

    /// TLS, for what a caller fetches by itself.
    pub fn tls(&self) -> &Tls {
        &self.tls
    }

    /// Lets files that wait move.
    pub(super) fn begin_files(&mut self) -> Result<(), EngineError> {
        let Some(folder) = self.files.folder.clone().filter(|_| !self.has_begun_files) else {
            return Ok(());
        };
        self.has_begun_files = true;
        // A copy that stays for a while harms nobody: it is sealed, and its key is gone.
        let _ = folder.sweep(&self.engine.known_files()?);
        let result = self.engine.begin_files(now_ms());
        self.settle(result)
    }

    /// Stores what files' tasks report, and lets them go on.
    pub(super) fn take_reports(&mut self, reports: Vec<Report>) -> Result<(), EngineError> {
        let (mut events, mut stored) = (Vec::new(), Vec::new());
        for report in reports {
            if self.files.is_current(&report) {
                events.push(report.event);
                stored.extend(report.stored);
            }
        }
        let result = self.engine.take_file_events(now_ms(), events);
        self.settle(result)?;
        for answer in stored {
            // A task that was stopped does not wait.
            let _ = answer.send(());
        }
        Ok(())
    }

    /// Writes a message with files down: it shows at once, and goes out when the node has its files.
    ///
    /// # Errors
    /// What the engine says; then nothing was written.
    pub fn send_files(&mut self, message: FileMessage) -> Result<EntryId, EngineError> {
        let queued = self.engine.send_files(now_ms(), message)?;
        self.queued(queued)
    }

    /// Passes an entry on to another conversation.
    ///
    /// # Errors
    /// What the engine says; then nothing was written.
    pub fn forward(&mut self, entry: EntryId, to: ConversationId) -> Result<EntryId, EngineError> {
        let queued = self.engine.forward(now_ms(), entry, to)?;
        self.queued(queued)
    }

    fn queued(&mut self, queued: Queued) -> Result<EntryId, EngineError> {
        self.perform(queued.output);
        queued.entry.ok_or(EngineError::Intent(protocol::event::IntentError::Refused))
    }

    /// Lets a file pause, or go on.
    ///
    /// # Errors
    /// What the engine says.
    pub fn turn_file(&mut self, id: AttachmentId, turn: Turn) -> Result<(), EngineError> {
        let result = self.engine.turn_file(now_ms(), id, turn);
        self.settle(result)
    }

    /// Drops a message whose files are not sent yet, or ends the fetching of a file.
    ///
    /// # Errors
    /// What the engine says.
    pub fn cancel_file(&mut self, id: AttachmentId) -> Result<(), EngineError> {
        let result = self.engine.cancel_file(now_ms(), id);
        self.settle(result)
    }

    /// Fetches a file: to a path, or as a sealed copy.
    ///
    /// # Errors
    /// What the engine says.
    pub fn fetch_file(&mut self, id: AttachmentId, target: Option<Vec<u8>>) -> Result<(), EngineError> {
        let result = self.engine.fetch_file(now_ms(), id, target);
        self.settle(result)
    }
}
