//! What the engine decides about files: what moves now, what is tried again, when a message goes out.

use crate::engine::{Collected, Engine, EngineError, Output, Parts, Queued};
use crate::files::direct::{Directly, EARLY_MS, HOLD_MS};
use crate::files::order::Owner;
use crate::files::table::{DISCARDS_MAX, Table, Told};
use crate::files::{AttachmentId, AttachmentState, Fetch, FileEvent, NewFile, Origin, Problem, Progress, SealedCopy};
use crate::timeline::{Change, Changes, Entry, EntryId, EntryKind, MessageState};
use protocol::content::{Content, DirectSignal, Files, Kind};
use protocol::event::{ConversationId, IntentError};
use protocol::file::{FileKey, Reference, Root};
use std::collections::{BTreeMap, BTreeSet};
use wire::id::{FileId, MsgId};

/// Files that move at the same time at most.
pub const MOVING_MAX: usize = 3;
/// The first wait after a failed attempt, milliseconds; it doubles.
const WAIT_FIRST_MS: u64 = 500;
/// The longest wait between attempts, milliseconds.
const WAIT_MOST_MS: u64 = 30_000;

/// What the engine knows of files beside the database.
#[derive(Debug, Default)]
pub(crate) struct Moving {
    /// The shell can move files.
    pub(crate) is_on: bool,
    /// Which move.
    moving: BTreeSet<AttachmentId>,
    /// How.
    progress: BTreeMap<AttachmentId, Progress>,
    /// From device to device.
    pub(crate) direct: Directly,
}

impl Moving {
    pub(crate) fn room(&self) -> usize {
        if self.is_on { MOVING_MAX.saturating_sub(self.moving.len()) } else { 0 }
    }

    pub(super) fn is_fetching(&self, id: AttachmentId) -> bool {
        self.moving.contains(&id)
    }

    pub(crate) fn begun(&mut self, ids: Vec<AttachmentId>) {
        self.moving.extend(ids);
    }

    pub(crate) fn stop(&mut self, id: AttachmentId) -> bool {
        self.progress.remove(&id);
        self.moving.remove(&id)
    }
}

/// A message with files.
#[derive(Debug)]
pub struct FileMessage {
    /// Where.
    pub conversation: ConversationId,
    /// 1 to 32.
    pub files: Vec<NewFile>,
    /// What is said of them; may be empty.
    pub caption: String,
    /// The message that they answer.
    pub reply_to: Option<MsgId>,
}

/// What is asked of a file that moves or waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Stop until it is asked to go on.
    Pause,
    /// Go on, or try again what failed.
    Resume,
}

/// How long to wait after so many failures in a row: doubling, with a share that is drawn.
fn wait_ms(tries: u32, draw: u64) -> u64 {
    let most = WAIT_FIRST_MS.checked_shl(tries.min(16)).unwrap_or(WAIT_MOST_MS).min(WAIT_MOST_MS);
    most / 2 + draw % (most / 2 + 1)
}

impl Engine {
    /// The shell moves files from now on. Without it they wait.
    ///
    /// # Errors
    /// What the database says.
    pub fn begin_files(&mut self, now_ms: u64) -> Result<Output, EngineError> {
        self.files.is_on = true;
        self.transact(now_ms, |parts, _| Ok(Table::new(parts.connection).rest()?)).map(|(output, ())| output)
    }

    /// How a file moves just now.
    pub fn progress(&self, id: AttachmentId) -> Option<Progress> {
        self.files.progress.get(&id).copied().or_else(|| self.files.direct.progress(id))
    }

    /// Whether any file moves just now.
    pub fn is_moving(&self) -> bool {
        !self.files.moving.is_empty()
    }

    /// What opens a file and where it lies, for a shell that saves it by itself.
    ///
    /// # Errors
    /// What the database says.
    pub fn file_reference(&self, id: AttachmentId) -> Result<Option<Reference>, EngineError> {
        Ok(Table::new(self.database.read()).reference(id)?)
    }

    /// The files whose sealed copies may stay in the profile.
    ///
    /// # Errors
    /// What the database says.
    pub fn known_files(&self) -> Result<Vec<FileId>, EngineError> {
        Ok(Table::new(self.database.read()).files()?)
    }

    /// Writes a message with files down. It shows at once, its files go to the node, and then it goes out by itself.
    ///
    /// # Errors
    /// [`EngineError::Intent`] and [`EngineError::Content`]: nothing was written.
    pub fn send_files(&mut self, now_ms: u64, message: FileMessage) -> Result<Queued, EngineError> {
        let (output, (msg_id, entry)) = self.transact(now_ms, |parts, collected| {
            let msg_id = parts.new_msg_id();
            Ok((msg_id, parts.begin_message(msg_id, message, collected)?))
        })?;
        Ok(Queued { msg_id, entry: Some(entry), output })
    }

    /// Passes the text or the files of an entry on to another conversation; no bytes move.
    ///
    /// # Errors
    /// As [`Engine::send`]; [`IntentError::Refused`] for what cannot be passed on, such as what is not sent yet.
    pub fn forward(&mut self, now_ms: u64, entry: EntryId, to: ConversationId) -> Result<Queued, EngineError> {
        let found = self.timeline().entry(entry)?.ok_or(IntentError::Refused)?;
        let is_sent = !matches!(found.state, MessageState::Pending | MessageState::Failed);
        let kind = match found.kind {
            EntryKind::Text(text) => Kind::Text { text, reply_to: None, is_forwarded: true },
            EntryKind::Files(caption) if is_sent => {
                let table = Table::new(self.database.read());
                let (files, early) = (table.references(entry)?, table.early_of(entry)?);
                if !early.is_empty() {
                    return self.forward_early(now_ms, to, files, caption, early);
                }
                Kind::Files(Files { files, caption, reply_to: None, is_forwarded: true, is_early: false })
            }
            _ => return Err(IntentError::Refused.into()),
        };
        self.send(now_ms, to, kind)
    }

    /// Passes files on that the node does not have: they are sent to it from the copies here, and then the message.
    fn forward_early(
        &mut self,
        now_ms: u64,
        to: ConversationId,
        files: Vec<Reference>,
        caption: String,
        early: Vec<(FileId, bool)>,
    ) -> Result<Queued, EngineError> {
        if early.iter().any(|(_, is_here)| !is_here) {
            return Err(IntentError::Refused.into());
        }
        let (output, (msg_id, entry)) = self.transact(now_ms, |parts, collected| {
            let msg_id = parts.new_msg_id();
            let timer_s = parts.timeline().conversation_timer(&to)?.ok_or(IntentError::NoConversation)?;
            let kind = Kind::Files(Files { files, caption, reply_to: None, is_forwarded: true, is_early: false });
            let content = Content { sent_ms: parts.now_ms, timer_s, kind };
            content.encode()?;
            let changes = &mut collected.output.changes;
            let entry = parts.timeline().own(&to, &msg_id, &content, parts.now_ms, changes)?;
            let entry = entry.ok_or(IntentError::NoConversation)?;
            parts.timeline().hold(entry)?;
            for (file, _) in &early {
                let mut owner = Owner([0; 32]);
                parts.rng.fill_bytes(&mut owner.0);
                Table::new(parts.connection).set_upload_again(entry, file, &owner)?;
            }
            Ok((msg_id, entry))
        })?;
        Ok(Queued { msg_id, entry: Some(entry), output })
    }

    /// Lets a file pause, or go on.
    ///
    /// # Errors
    /// What the database says.
    pub fn turn_file(&mut self, now_ms: u64, id: AttachmentId, turn: Turn) -> Result<Output, EngineError> {
        use AttachmentState as State;
        let was_moving = turn == Turn::Pause && self.files.stop(id);
        self.transact(now_ms, |parts, collected| {
            let table = Table::new(parts.connection);
            let Some(place) = table.place(id)? else {
                return Ok(());
            };
            let next = match (turn, place.state) {
                (Turn::Pause, State::Uploading) => State::UploadPaused,
                (Turn::Pause, State::Fetching) => State::FetchPaused,
                (Turn::Resume, State::UploadPaused | State::UploadFailed) => State::Uploading,
                (Turn::Resume, State::FetchPaused | State::FetchFailed) => State::Fetching,
                _ => return Ok(()),
            };
            table.set_state(id, next, None, (turn == Turn::Resume).then_some(0))?;
            table.set_tries(id, 0, None)?;
            if was_moving {
                collected.output.outgoing.push(crate::engine::Outgoing::StopFile(id));
            }
            collected.output.changes.insert(Change::Updated(place.conversation, place.entry));
            Ok(())
        })
        .map(|(output, ())| output)
    }

    /// Drops a message whose files are not sent yet, or ends the fetching of a file.
    ///
    /// # Errors
    /// What the database says.
    pub fn cancel_file(&mut self, now_ms: u64, id: AttachmentId) -> Result<Output, EngineError> {
        let was_moving = self.files.stop(id);
        self.transact(now_ms, |parts, collected| {
            let table = Table::new(parts.connection);
            let Some(place) = table.place(id)? else {
                return Ok(());
            };
            if was_moving {
                collected.output.outgoing.push(crate::engine::Outgoing::StopFile(id));
            }
            let changes = &mut collected.output.changes;
            use AttachmentState as State;
            match place.state {
                State::Uploading | State::UploadPaused | State::UploadFailed => {
                    match table.told(id)?.filter(|told| told.is_early) {
                        // Others know of it already.
                        Some(told) => parts.take_back(&told, collected)?,
                        None => parts.timeline().delete_here(place.entry, changes)?,
                    }
                }
                State::Fetching | State::FetchPaused | State::FetchFailed => {
                    table.set_state(id, State::Remote, None, None)?;
                    changes.insert(Change::Updated(place.conversation, place.entry));
                }
                State::Uploaded if is_pending(parts, place.entry)? => {
                    parts.timeline().delete_here(place.entry, changes)?;
                }
                State::Remote | State::Uploaded | State::Here => {}
            }
            Ok(())
        })
        .map(|(output, ())| output)
    }

    /// Fetches a file: to a path, or as a sealed copy in the profile. It goes on over interruptions until it is there.
    ///
    /// # Errors
    /// What the database says.
    pub fn fetch_file(
        &mut self,
        now_ms: u64,
        id: AttachmentId,
        target: Option<Vec<u8>>,
    ) -> Result<Output, EngineError> {
        let is_moving = self.files.moving.contains(&id);
        use AttachmentState as State;
        self.transact(now_ms, |parts, collected| {
            let table = Table::new(parts.connection);
            let Some(place) = table.place(id)? else {
                return Ok(());
            };
            match place.state {
                State::Uploading | State::UploadPaused | State::UploadFailed => return Ok(()),
                State::Fetching if is_moving => return Ok(()),
                State::Here if target.is_none() => return Ok(()),
                State::Here => table.set_tries(id, 0, Some(place.size))?,
                State::Remote | State::Uploaded | State::Fetching | State::FetchPaused | State::FetchFailed => {
                    table.set_tries(id, 0, Some(0))?;
                }
            }
            table.set_target(id, target.as_deref())?;
            table.set_state(id, State::Fetching, None, Some(0))?;
            collected.output.changes.insert(Change::Updated(place.conversation, place.entry));
            Ok(())
        })
        .map(|(output, ())| output)
    }

    /// Counts the sealed copies of these files as gone; a shell removes them after that.
    ///
    /// # Errors
    /// What the database says.
    pub fn drop_copies(&mut self, now_ms: u64, ids: &[AttachmentId]) -> Result<Output, EngineError> {
        self.transact(now_ms, |parts, collected| {
            let table = Table::new(parts.connection);
            for id in ids {
                for place in table.drop_copy(*id)? {
                    collected.output.changes.insert(Change::Updated(place.conversation, place.entry));
                }
            }
            Ok(())
        })
        .map(|(output, ())| output)
    }

    /// Takes what a shell reports of files, in order, in one transaction.
    ///
    /// # Errors
    /// As [`Engine::handle`]: nothing was written, and the bytes of groups that were sealed must not leave.
    pub fn take_file_events(&mut self, now_ms: u64, events: Vec<FileEvent>) -> Result<Output, EngineError> {
        let mut changes = Changes::new();
        let mut stored = Vec::new();
        for event in events {
            match event {
                FileEvent::Moved { id, done_bytes, total_bytes } => {
                    self.note_progress(now_ms, id, (done_bytes, total_bytes), &mut changes)?;
                }
                FileEvent::MovedDirectly { id, done_bytes, total_bytes } if self.files.moving.contains(&id) => {
                    self.note_progress(now_ms, id, (done_bytes, total_bytes), &mut changes)?;
                    self.files.progress.entry(id).and_modify(|progress| progress.is_direct = true);
                }
                FileEvent::MovedDirectly { id, done_bytes, total_bytes } => {
                    self.note_given(now_ms, id, (done_bytes, total_bytes), &mut changes)?;
                }
                FileEvent::Uploaded { id, .. } | FileEvent::Fetched { id } | FileEvent::Stopped { id, .. } => {
                    if self.files.stop(id) {
                        stored.push(event);
                    }
                }
                FileEvent::Sealed { .. } | FileEvent::Discarded { .. } => stored.push(event),
            }
        }
        let mut output = if stored.is_empty() {
            Output::default()
        } else {
            self.transact(now_ms, |parts, collected| {
                stored.into_iter().try_for_each(|event| parts.take_file_event(event, collected))
            })?
            .0
        };
        output.changes.append(&mut changes);
        Ok(output)
    }

    fn note_progress(
        &mut self,
        now_ms: u64,
        id: AttachmentId,
        (done_bytes, total_bytes): (u64, u64),
        changes: &mut Changes,
    ) -> Result<(), EngineError> {
        if !self.files.moving.contains(&id) {
            return Ok(());
        }
        let progress = self.files.progress.entry(id).or_insert(Progress {
            done_bytes,
            total_bytes,
            since_ms: now_ms,
            before_bytes: done_bytes,
            at_ms: now_ms,
            is_direct: false,
        });
        *progress = Progress { done_bytes, total_bytes, at_ms: now_ms, is_direct: false, ..*progress };
        if let Some(place) = Table::new(self.database.read()).place(id)? {
            changes.insert(Change::Updated(place.conversation, place.entry));
        }
        Ok(())
    }
}

fn is_pending(parts: &Parts<'_>, entry: EntryId) -> Result<bool, EngineError> {
    Ok(parts.timeline().entry(entry)?.is_some_and(|entry| entry.state == MessageState::Pending))
}

impl Parts<'_> {
    fn begin_message(
        &mut self,
        msg_id: MsgId,
        message: FileMessage,
        collected: &mut Collected,
    ) -> Result<EntryId, EngineError> {
        let timer_s = self.timeline().conversation_timer(&message.conversation)?.ok_or(IntentError::NoConversation)?;
        let files = message.files.iter().map(|file| self.reference_of(file)).collect();
        let kind = Kind::Files(Files {
            files,
            caption: message.caption,
            reply_to: message.reply_to,
            is_forwarded: false,
            is_early: false,
        });
        let content = Content { sent_ms: self.now_ms, timer_s, kind };
        // The roots are not known yet; they are as long as the zeros that stand for them.
        content.encode()?;
        let changes = &mut collected.output.changes;
        let entry = self
            .timeline()
            .own(&message.conversation, &msg_id, &content, self.now_ms, changes)?
            .ok_or(IntentError::NoConversation)?;
        // Its time to disappear begins when it goes out.
        self.timeline().hold(entry)?;
        let table = Table::new(self.connection);
        for (position, file) in message.files.iter().enumerate() {
            let mut owner = Owner([0; 32]);
            self.rng.fill_bytes(&mut owner.0);
            table.set_upload(entry, position, &owner, file)?;
        }
        let bytes = message.files.iter().map(|file| file.size).fold(0, u64::saturating_add);
        let copies: Option<Vec<&SealedCopy>> = message.files.iter().map(|file| file.origin.copy()).collect();
        if let Some(copies) = copies
            && self.may_be_early(&message.conversation, bytes)?
        {
            let due_ms = self.now_ms.saturating_add(HOLD_MS);
            for (position, copy) in copies.into_iter().enumerate() {
                let root = copy.leaves.root().ok_or(IntentError::Refused)?;
                table.set_early(entry, position, &root, due_ms)?;
            }
            self.release(entry, collected)?;
        }
        Ok(entry)
    }

    /// Deletes a message for everyone.
    fn take_back(&mut self, told: &Told, collected: &mut Collected) -> Result<(), EngineError> {
        let msg_id = self.new_msg_id();
        match self.send_as(msg_id, told.conversation, Kind::Delete { msg_id: told.msg_id }, collected) {
            Ok(_) | Err(EngineError::Intent(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn reference_of(&mut self, file: &NewFile) -> Reference {
        let (file_id, key) = match &file.origin {
            Origin::Path(_) => {
                let mut file_id = FileId([0; 32]);
                self.rng.fill_bytes(&mut file_id.0);
                (file_id, FileKey::random(&mut *self.rng))
            }
            Origin::Sealed(copy) => (copy.file, copy.key.clone()),
        };
        Reference {
            file_id,
            node_url: None,
            commit: key.commit(),
            key,
            root: Root([0; 32]),
            size: file.size,
            name: file.name.clone(),
            media_type: file.media_type.clone(),
            look: file.look.clone(),
        }
    }

    fn take_file_event(&mut self, event: FileEvent, collected: &mut Collected) -> Result<(), EngineError> {
        let table = Table::new(self.connection);
        match event {
            FileEvent::Sealed { id, first, leaves } => {
                if table.place(id)?.is_some() {
                    table.add_leaves(id, first, &leaves)?;
                }
                Ok(())
            }
            FileEvent::Uploaded { id, root } => {
                let Some(place) = table.place(id)? else {
                    return Ok(());
                };
                let told = table.told(id)?;
                table.finish_upload(id, &root)?;
                collected.output.changes.insert(Change::Updated(place.conversation, place.entry));
                if let Some(told) = told.filter(|told| told.is_early) {
                    table.set_stored(id, self.now_ms)?;
                    return self.say(&told, DirectSignal::Stored, collected).map(drop);
                }
                if table.is_complete(place.entry)? { self.release(place.entry, collected) } else { Ok(()) }
            }
            FileEvent::Fetched { id } => {
                let Some(place) = table.place(id)? else {
                    return Ok(());
                };
                let fetch = table.fetch(id)?;
                let is_here = fetch.is_some_and(|fetch| fetch.target.is_none() || fetch.is_here);
                let state = if is_here { AttachmentState::Here } else { AttachmentState::Remote };
                table.set_state(id, state, None, None)?;
                table.set_tries(id, 0, Some(if is_here { place.size } else { 0 }))?;
                collected.output.changes.insert(Change::Updated(place.conversation, place.entry));
                match table.told(id)?.filter(|told| told.is_early && told.device != self.me().device) {
                    Some(told) => self.say(&told, DirectSignal::Complete, collected).map(drop),
                    None => Ok(()),
                }
            }
            FileEvent::Stopped { id, problem } => {
                let Some(place) = table.place(id)? else {
                    return Ok(());
                };
                let is_upload = place.state == AttachmentState::Uploading;
                let is_early = table
                    .told(id)?
                    .is_some_and(|told| told.is_early && self.now_ms < told.sent_ms.saturating_add(EARLY_MS));
                let problem = match problem {
                    Problem::Gone if is_early && !is_upload => Problem::NotYet,
                    problem => problem,
                };
                let (state, due_ms) = match (problem.is_passing(), is_upload) {
                    (true, _) => (place.state, Some(self.now_ms + wait_ms(place.tries, self.rng.next_u64()))),
                    (false, true) => (AttachmentState::UploadFailed, None),
                    (false, false) => (AttachmentState::FetchFailed, None),
                };
                let table = Table::new(self.connection);
                table.set_state(id, state, Some(problem), due_ms)?;
                table.set_tries(id, place.tries.saturating_add(1), None)?;
                collected.output.changes.insert(Change::Updated(place.conversation, place.entry));
                Ok(())
            }
            FileEvent::Discarded { id, is_done } => {
                let (now_ms, draw) = (self.now_ms, self.rng.next_u64());
                Ok(Table::new(self.connection)
                    .settle_discarded(id, is_done, |tries| now_ms + wait_ms(tries, draw).saturating_mul(20))?)
            }
            // Never stored.
            FileEvent::Moved { .. } | FileEvent::MovedDirectly { .. } => Ok(()),
        }
    }

    /// All files of a message are at the node: it goes out.
    pub(crate) fn release(&mut self, entry: EntryId, collected: &mut Collected) -> Result<(), EngineError> {
        let Some(found) = self.timeline().entry(entry)? else {
            return Ok(());
        };
        let Entry { conversation, msg_id, reply_to, state: MessageState::Pending, .. } = found else {
            return Ok(());
        };
        let EntryKind::Files(caption) = found.kind else {
            return Ok(());
        };
        let mut files = Table::new(self.connection).references(entry)?;
        if let Some(node_url) = self.timeline().node_url(&conversation)? {
            for file in &mut files {
                // The conversation's node needs no name.
                file.node_url = file.node_url.take().filter(|own| *own != node_url);
            }
        }
        let is_early = !Table::new(self.connection).is_complete(entry)?;
        let kind = Kind::Files(Files { files, caption, reply_to, is_forwarded: found.is_forwarded, is_early });
        self.timeline().release(entry, self.now_ms)?;
        match self.send_as(msg_id, conversation, kind, collected) {
            Ok(_) => Ok(()),
            // The conversation is over.
            Err(EngineError::Intent(_)) => Ok(self.timeline().fail(entry, &mut collected.output.changes)?),
            Err(error) => Err(error),
        }
    }

    /// What is to move or to be removed now, what begins by it, and when there is more.
    pub(crate) fn due_files(
        &mut self,
        room: usize,
        collected: &mut Collected,
    ) -> Result<(Vec<AttachmentId>, Option<u64>), EngineError> {
        use crate::engine::Outgoing;
        let table = Table::new(self.connection);
        let mut begun = Vec::new();
        for discard in table.take_discarded(self.now_ms, DISCARDS_MAX)? {
            collected.output.outgoing.push(Outgoing::Discard(discard));
        }
        for (id, state) in table.take_due(self.now_ms, room)? {
            if state == AttachmentState::Uploading && self.direct.is_held(id, self.now_ms) {
                table.set_due(id, self.now_ms.saturating_add(HOLD_MS))?;
                continue;
            }
            let order = match state {
                AttachmentState::Uploading => table.upload(id)?.map(|order| Outgoing::Upload(Box::new(order))),
                _ => {
                    let may_direct = self.may_fetch_directly(id)?;
                    table.fetch(id)?.map(|order| Outgoing::Fetch(Box::new(Fetch { may_direct, ..order })))
                }
            };
            match order {
                Some(order) => {
                    collected.output.outgoing.push(order);
                    begun.push(id);
                }
                None => table.set_state(id, AttachmentState::UploadFailed, Some(Problem::Unreadable), None)?,
            }
        }
        let next_ms = table.next_due_ms(begun.len() < room)?;
        Ok((begun, next_ms))
    }
}
