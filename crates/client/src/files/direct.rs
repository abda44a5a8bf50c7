//! What the engine decides about files that go from device to device (FILES.md s.7): whom to ask, whom to answer, and
//! how long an upload waits for it. A shell makes the connections.

use crate::db::DatabaseError;
use crate::engine::{Collected, Engine, EngineError, Outgoing, Output, Parts};
use crate::files::table::{Table, Told};
use crate::files::{AttachmentId, AttachmentState, Progress};
use crate::timeline::{Change, Changes};
use protocol::content::{Content, Direct, DirectSignal, Kind, is_direct};
use protocol::direct::Path;
use protocol::event::{ConversationId, Record};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use wire::id::{AttemptId, DeviceId, FileId};

/// A smaller file is with the node before a connection stands.
pub const DIRECT_BYTES_MIN: u64 = 4 << 20;
/// Files that are given at the same time at most.
pub const GIVING_MAX: usize = 3;
/// Asks that are answered in an hour at most.
pub const ANSWERS_AN_HOUR: usize = 60;
/// "0": nothing goes from device to device.
const DIRECT_SETTING: &str = "direct";
/// An ask older than this is from somebody who is gone.
const ASK_AGE_MS: u64 = 30_000;
/// A file is asked for so long after its message; then its sender has other things to do.
const ASKED_FOR_MS: u64 = 3_600_000;
/// A file is asked for so often before the node alone is tried again.
const TRIES_MAX: u32 = 3;
/// How long an upload waits for an ask, and then for the file to move.
pub(super) const HOLD_MS: u64 = 3_000;
/// How long an upload may take; then what was announced early does not come any more.
pub(super) const EARLY_MS: u64 = 7 * 86_400_000;
/// An attempt that came to nothing is forgotten.
const ATTEMPT_MS: u64 = 60_000;
const HOUR_MS: u64 = 3_600_000;

/// What a shell is to do.
#[derive(Debug)]
pub enum DirectOrder {
    /// Answer whoever asked, and give it the file's sealed copy.
    Give {
        /// Which attempt.
        attempt: AttemptId,
        /// Which file.
        id: AttachmentId,
        /// Names its copy.
        file: FileId,
        /// Bytes of the file.
        size: u64,
        /// The end that asked.
        path: Path,
    },
    /// The other end answered.
    Connect {
        /// Which attempt.
        attempt: AttemptId,
        /// The end that gives.
        path: Path,
    },
}

#[derive(Debug)]
struct Asked {
    id: AttachmentId,
    giver: DeviceId,
    at_ms: u64,
}

/// What the engine knows of files from device to device beside the database; lost with the process.
#[derive(Debug, Default)]
pub(crate) struct Directly {
    /// The shell can make connections.
    is_on: bool,
    asked: BTreeMap<AttemptId, Asked>,
    giving: BTreeMap<AttemptId, (AttachmentId, u64)>,
    answered_ms: VecDeque<u64>,
    given: BTreeMap<AttachmentId, Progress>,
    /// Devices that have all of an own early file.
    have: BTreeMap<AttachmentId, BTreeSet<DeviceId>>,
}

impl Directly {
    /// Whether an upload waits because its file moves directly.
    pub(super) fn is_held(&self, id: AttachmentId, now_ms: u64) -> bool {
        let is_asked = self.giving.values().any(|(of, at_ms)| *of == id && now_ms < at_ms.saturating_add(HOLD_MS));
        is_asked || self.given.get(&id).is_some_and(|given| now_ms < given.at_ms.saturating_add(HOLD_MS))
    }

    fn may_answer(&mut self, now_ms: u64) -> bool {
        self.giving.retain(|_, (id, at_ms)| {
            let moved_ms = self.given.get(id).map_or(0, |given| given.at_ms);
            now_ms < moved_ms.max(*at_ms).saturating_add(ATTEMPT_MS)
        });
        while self.answered_ms.front().is_some_and(|at_ms| now_ms >= at_ms.saturating_add(HOUR_MS)) {
            self.answered_ms.pop_front();
        }
        self.giving.len() < GIVING_MAX && self.answered_ms.len() < ANSWERS_AN_HOUR
    }

    /// How an own file moves to another device just now.
    pub(super) fn progress(&self, id: AttachmentId) -> Option<Progress> {
        self.giving.values().any(|(of, _)| *of == id).then(|| self.given.get(&id).copied()).flatten()
    }

    pub(super) fn note_given(&mut self, now_ms: u64, id: AttachmentId, done_bytes: u64, total_bytes: u64) -> bool {
        if !self.giving.values().any(|(of, _)| *of == id) {
            return false;
        }
        let given = self.given.entry(id).or_insert(Progress {
            done_bytes,
            total_bytes,
            since_ms: now_ms,
            before_bytes: 0,
            at_ms: now_ms,
            is_direct: true,
        });
        *given = Progress { done_bytes, total_bytes, at_ms: now_ms, ..*given };
        true
    }
}

impl Engine {
    /// The shell can connect to other devices from now on.
    pub fn begin_direct(&mut self) {
        self.files.direct.is_on = true;
    }

    /// Whether files may go from device to device.
    ///
    /// # Errors
    /// What the database says.
    pub fn allows_direct(&self) -> Result<bool, EngineError> {
        Ok(self.timeline().setting(DIRECT_SETTING)?.as_deref() != Some("0"))
    }

    /// Lets files go from device to device, or nowhere but through nodes.
    ///
    /// # Errors
    /// What the database says.
    pub fn allow_direct(&mut self, is_on: bool) -> Result<(), EngineError> {
        self.edit_timeline(|timeline| timeline.set_setting(DIRECT_SETTING, if is_on { "1" } else { "0" }))
    }

    /// Asks the sender's device for a file that is being fetched; none where that is not wanted (any more).
    ///
    /// # Errors
    /// What the database says.
    pub fn ask_directly(
        &mut self,
        now_ms: u64,
        id: AttachmentId,
        path: Path,
    ) -> Result<(Option<AttemptId>, Output), EngineError> {
        let is_moving = self.files.is_fetching(id);
        let (output, attempt) = self.transact(now_ms, |parts, collected| {
            let Some(told) = Table::new(parts.connection).told(id)?.filter(|_| is_moving) else { return Ok(None) };
            if !parts.may_ask(&told)? {
                return Ok(None);
            }
            let mut attempt = AttemptId([0; 16]);
            parts.rng.fill_bytes(&mut attempt.0);
            parts.direct.asked.retain(|_, asked| asked.id != id && now_ms < asked.at_ms.saturating_add(ATTEMPT_MS));
            parts.direct.asked.insert(attempt, Asked { id, giver: told.device, at_ms: now_ms });
            let is_said = parts.say(&told, DirectSignal::Ask(attempt, path), collected)?;
            Ok(is_said.then_some(attempt))
        })?;
        Ok((attempt, output))
    }

    /// Tells whoever asked where to connect to.
    ///
    /// # Errors
    /// What the database says.
    pub fn answer_directly(&mut self, now_ms: u64, attempt: AttemptId, path: Path) -> Result<Output, EngineError> {
        let Some((id, _)) = self.files.direct.giving.get(&attempt).copied() else { return Ok(Output::default()) };
        self.transact(now_ms, |parts, collected| {
            if let Some(told) = Table::new(parts.connection).told(id)? {
                parts.say(&told, DirectSignal::Answer(attempt, path), collected)?;
            }
            Ok(())
        })
        .map(|(output, ())| output)
    }

    /// A connection is over, or never stood. An upload that waited for it goes on soon.
    ///
    /// # Errors
    /// What the database says.
    pub fn end_direct(&mut self, now_ms: u64, attempt: AttemptId) -> Result<Output, EngineError> {
        let direct = &mut self.files.direct;
        direct.asked.remove(&attempt);
        let Some((id, _)) = direct.giving.remove(&attempt) else { return Ok(Output::default()) };
        if !direct.giving.values().any(|(of, _)| *of == id) {
            direct.given.remove(&id);
        }
        self.transact(now_ms, |parts, collected| {
            if let Some(place) = Table::new(parts.connection).place(id)? {
                collected.output.changes.insert(Change::Updated(place.conversation, place.entry));
            }
            Ok(())
        })
        .map(|(output, ())| output)
    }

    pub(super) fn note_given(
        &mut self,
        now_ms: u64,
        id: AttachmentId,
        (done_bytes, total_bytes): (u64, u64),
        changes: &mut Changes,
    ) -> Result<(), EngineError> {
        if self.files.direct.note_given(now_ms, id, done_bytes, total_bytes)
            && let Some(place) = Table::new(self.database.read()).place(id)?
        {
            changes.insert(Change::Updated(place.conversation, place.entry));
        }
        Ok(())
    }
}

impl Parts<'_> {
    /// Whether addresses may be shown to the other side of a conversation: the user wrote there, and forbids it nowhere.
    fn allows_direct(&self, conversation: &ConversationId) -> Result<bool, DatabaseError> {
        let timeline = self.timeline();
        Ok(self.direct.is_on
            && timeline.setting(DIRECT_SETTING)?.as_deref() != Some("0")
            && timeline.allows_direct(conversation)?)
    }

    fn may_ask(&self, told: &Told) -> Result<bool, DatabaseError> {
        let is_young = self.now_ms < told.sent_ms.saturating_add(if told.is_early { EARLY_MS } else { ASKED_FOR_MS });
        Ok(is_young
            && told.size >= DIRECT_BYTES_MIN
            && told.tries < TRIES_MAX
            && told.device != self.me().device
            && self.allows_direct(&told.conversation)?)
    }

    /// Whether a shell that fetches a file is to ask its sender's device as well.
    pub(super) fn may_fetch_directly(&self, id: AttachmentId) -> Result<bool, DatabaseError> {
        match Table::new(self.connection).told(id)? {
            Some(told) => self.may_ask(&told),
            None => Ok(false),
        }
    }

    /// Whether a message may be announced before the node has its files.
    pub(super) fn may_be_early(&self, conversation: &ConversationId, bytes: u64) -> Result<bool, DatabaseError> {
        // Who never wrote here does not ask.
        Ok(bytes >= DIRECT_BYTES_MIN
            && self.allows_direct(conversation)?
            && self.timeline().is_answered(conversation)?)
    }

    /// Says something about a file; false where the conversation is over.
    pub(super) fn say(
        &mut self,
        told: &Told,
        signal: DirectSignal,
        collected: &mut Collected,
    ) -> Result<bool, EngineError> {
        let kind = Kind::Direct(Direct { msg_id: told.msg_id, index: told.index, signal });
        let msg_id = self.new_msg_id();
        match self.send_as(msg_id, told.conversation, kind, collected) {
            Ok(_) => Ok(true),
            Err(EngineError::Intent(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Hears a signal among what was received.
    pub(crate) fn hear_direct(&mut self, record: &Record, collected: &mut Collected) -> Result<(), EngineError> {
        let Record::Received { conversation, device, message, .. } = record else { return Ok(()) };
        if !is_direct(message) {
            return Ok(());
        }
        let Ok(Content { sent_ms, kind: Kind::Direct(direct), .. }) = Content::parse(message) else { return Ok(()) };
        match direct.signal.clone() {
            DirectSignal::Ask(attempt, path) => {
                if self.now_ms.abs_diff(sent_ms) > ASK_AGE_MS {
                    return Ok(());
                }
                let Some(told) = self.own_told(conversation, &direct)? else { return Ok(()) };
                self.give(attempt, path, &told, collected)
            }
            DirectSignal::Answer(attempt, path) => {
                if self.direct.asked.get(&attempt).is_some_and(|asked| asked.giver == *device) {
                    self.direct.asked.remove(&attempt);
                    let order = DirectOrder::Connect { attempt, path };
                    collected.output.outgoing.push(Outgoing::Direct(order));
                }
                Ok(())
            }
            DirectSignal::Complete => match self.own_told(conversation, &direct)? {
                Some(told) => self.note_complete(&told, *device, collected),
                None => Ok(()),
            },
            DirectSignal::Stored => {
                let found = Table::new(self.connection).told_of(conversation, &direct.msg_id, device, direct.index)?;
                if let Some(told) = found {
                    Table::new(self.connection).set_stored(told.id, self.now_ms)?;
                }
                Ok(())
            }
            DirectSignal::Unknown => Ok(()),
        }
    }

    fn own_told(&self, conversation: &ConversationId, direct: &Direct) -> Result<Option<Told>, DatabaseError> {
        Table::new(self.connection).told_of(conversation, &direct.msg_id, &self.me().device, direct.index)
    }

    fn give(
        &mut self,
        attempt: AttemptId,
        path: Path,
        told: &Told,
        collected: &mut Collected,
    ) -> Result<(), EngineError> {
        use AttachmentState as State;
        let has_copy = told.has_copy && matches!(told.state, State::Uploading | State::UploadPaused | State::Uploaded);
        if !has_copy || self.direct.giving.contains_key(&attempt) || !self.allows_direct(&told.conversation)? {
            return Ok(());
        }
        if self.direct.may_answer(self.now_ms) {
            self.direct.giving.insert(attempt, (told.id, self.now_ms));
            self.direct.answered_ms.push_back(self.now_ms);
            let (id, file, size) = (told.id, told.file, told.size);
            let order = DirectOrder::Give { attempt, id, file, size, path };
            collected.output.outgoing.push(Outgoing::Direct(order));
        }
        Ok(())
    }

    /// Another device has all of an own file: where each has it, the node need not.
    fn note_complete(&mut self, told: &Told, by: DeviceId, collected: &mut Collected) -> Result<(), EngineError> {
        let is_waiting = matches!(told.state, AttachmentState::Uploading | AttachmentState::UploadPaused);
        if !told.is_early || !is_waiting {
            return Ok(());
        }
        let others = self.timeline().other_devices(&told.conversation)?;
        let have = self.direct.have.entry(told.id).or_default();
        have.insert(by);
        let table = Table::new(self.connection);
        if have.len() >= others {
            self.direct.have.remove(&told.id);
            table.call_off(told.id)?;
            collected.output.outgoing.push(Outgoing::StopFile(told.id));
            collected.called_off.push(told.id);
            if let Some(place) = table.place(told.id)? {
                collected.output.changes.insert(Change::Updated(place.conversation, place.entry));
            }
        }
        Ok(())
    }
}
