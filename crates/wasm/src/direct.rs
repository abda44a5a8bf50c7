//! Files from device to device: what the worker asks of the engine.

use crate::face::Face;
use crate::refusal::Refusal;
use client::files::AttachmentId;
use protocol::direct::Path;
use protocol::file::Reference;
use wire::id::AttemptId;

impl Face {
    /// The worker can connect to other devices.
    pub fn begin_direct(&mut self) {
        self.engine.begin_direct();
    }

    /// What opens a file.
    ///
    /// # Errors
    /// `no-message`, and what the database says.
    pub fn reference(&self, id: AttachmentId) -> Result<Reference, Refusal> {
        self.engine.file_reference(id)?.ok_or(Refusal::new("no-message"))
    }

    /// Asks the sender's device for a file; none where that is not wanted.
    ///
    /// # Errors
    /// What the database says.
    pub fn ask_directly(&mut self, now_ms: u64, id: AttachmentId, path: Path) -> Result<Option<AttemptId>, Refusal> {
        match self.engine.ask_directly(now_ms, id, path) {
            Ok((attempt, output)) => {
                self.take(output);
                Ok(attempt)
            }
            Err(error) => {
                self.settle(Err(error))?;
                Ok(None)
            }
        }
    }

    /// Tells whoever asked where to connect to.
    ///
    /// # Errors
    /// What the database says.
    pub fn answer_directly(&mut self, now_ms: u64, attempt: AttemptId, path: Path) -> Result<(), Refusal> {
        let result = self.engine.answer_directly(now_ms, attempt, path);
        self.settle(result)
    }

    /// A connection is over.
    ///
    /// # Errors
    /// What the database says.
    pub fn end_direct(&mut self, now_ms: u64, attempt: AttemptId) -> Result<(), Refusal> {
        let result = self.engine.end_direct(now_ms, attempt);
        self.settle(result)
    }
}
