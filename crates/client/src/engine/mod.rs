//! The loop around the device: one writer, one database, any transport.
//!
//! [`Engine::handle`] takes what happened, runs the device and the timeline in one transaction, commits it durably,
//! and only then hands out what is to be sent: *persist before send*. What carries it out is not the engine's
//! business: [`runner`] does it natively with sockets, a browser with its own, a simulator with none.

mod act;
mod bell;
#[cfg(not(target_arch = "wasm32"))]
pub mod runner;

pub use act::{Act, ActId};
pub use bell::BellState;

use crate::calls::many::Item;
use crate::calls::{CallRefusal, Calls};
use crate::db::{Database, DatabaseError, KvStore};
use crate::files::{AttachmentId, DirectOrder, Directly, Discard, Fetch, Moving, Upload};
use crate::timeline::{Change, Changes, EntryId, Mark, Me, OwedKind, Timeline, Typing};
use act::Noted;
use bell::BellRope;
use bytes::Bytes;
use protocol::content::{Content, Kind, WhisperContent, WhisperKind};
use protocol::event::{
    ConversationId, ConversationState, Effect, Input, Intent, IntentError, IntentId, Link, Outcome, Record, Work,
};
use protocol::identity::{NodeUrl, RecoveryPhrase};
use protocol::storage::{Batch, Storage, StorageError};
use protocol::{Context, Device, DeviceError};
use rand_core::CryptoRng;
use sqlite::rusqlite::Connection;
use wire::id::{BlobId, DeviceId, MsgId};
use wire::node::{Request, RequestId};

/// The version of content that this program reads; a lower one in the database makes it read unknown kinds again.
const CONTENT_VERSION: &str = "3";
const CONTENT_SETTING: &str = "content_version";
/// "1": read receipts are sent. Off by default.
pub(crate) const READ_RECEIPTS_SETTING: &str = "read_receipts";
/// Batches of receipts sent in one call at most.
const OWED_BATCHES_MAX: usize = 64;

/// Why the engine did not do what it was asked. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The device's storage failed, or an own rule was broken.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The intent cannot be done.
    #[error(transparent)]
    Intent(#[from] IntentError),
    /// What was to be said breaks a limit.
    #[error("this cannot be sent: {0}")]
    Content(#[from] wire::Malformed),
    /// The database holds no account.
    #[error("this profile holds no account; make one with `new`")]
    NoAccount,
    /// The database holds an account already.
    #[error("this profile holds an account already")]
    HasAccount,
    /// The call cannot be made or answered.
    #[error(transparent)]
    Call(#[from] CallRefusal),
    /// The system's randomness failed.
    #[error("the system gives no random numbers")]
    Random,
}

/// What is to be done outside, in order, after the transaction.
#[derive(Debug)]
pub enum Outgoing {
    /// Keep a connection.
    Connect(Link),
    /// A connection is no longer wanted.
    Hangup(Link),
    /// Requests to send on a connection.
    Send(Link, Vec<(RequestId, Request)>),
    /// A blob to store for so many seconds.
    PutBlob(NodeUrl, BlobId, Bytes, u64),
    /// A blob to fetch.
    GetBlob(NodeUrl, BlobId),
    /// Work to do.
    Solve(Work),
    /// A file to send.
    Upload(Box<Upload>),
    /// A file to fetch.
    Fetch(Box<Fetch>),
    /// A file is not to move any more.
    StopFile(AttachmentId),
    /// A file to remove.
    Discard(Discard),
    /// A connection between two devices.
    Direct(DirectOrder),
}

/// What a call led to.
#[derive(Debug, Default)]
pub struct Output {
    /// What is to be done outside, in order.
    pub outgoing: Vec<Outgoing>,
    /// What views must look at again.
    pub changes: Changes,
    /// Intents that are done or cannot be.
    pub outcomes: Vec<(IntentId, Result<Outcome, IntentError>)>,
}

/// A message that was written down to be sent.
#[derive(Debug)]
pub struct Queued {
    /// Its id.
    pub msg_id: MsgId,
    /// Its entry, if it is shown as one.
    pub entry: Option<EntryId>,
    /// What is to be done outside.
    pub output: Output,
}

/// A message's id, and its entry if it is shown as one; or why it cannot be sent.
pub type SendResult = Result<(MsgId, Option<EntryId>), EngineError>;

/// Each message's own result, in order. A refused one has written nothing; any other failure ends them all.
fn each_its_own(results: impl Iterator<Item = SendResult>) -> Result<Vec<SendResult>, EngineError> {
    results
        .map(|result| match result {
            Ok(_) | Err(EngineError::Intent(_) | EngineError::Content(_)) => Ok(result),
            Err(error) => Err(error),
        })
        .collect()
}

/// One account on one device, with its database.
pub struct Engine {
    pub(crate) database: Database,
    pub(crate) device: Device,
    me: Me,
    typing: Typing,
    bell: BellRope,
    pub(crate) calls: Calls,
    pub(crate) rng: Box<dyn CryptoRng + Send>,
    device_wake_ms: Option<u64>,
    timeline_wake_ms: Option<u64>,
    pub(crate) files: Moving,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine(..)")
    }
}

/// What one transaction collects.
pub(crate) struct Collected {
    pub(crate) output: Output,
    wake_ms: Option<u64>,
    whispers: Vec<(ConversationId, DeviceId, Bytes)>,
    heard: Vec<(ConversationId, DeviceId)>,
    /// Uploads that are not wanted any more.
    pub(crate) called_off: Vec<AttachmentId>,
    calls: Vec<Item>,
}

impl Engine {
    /// Makes an account's device in an empty database.
    ///
    /// # Errors
    /// [`EngineError::HasAccount`] where there is one.
    pub fn create(
        mut database: Database,
        mut rng: Box<dyn CryptoRng + Send>,
        phrase: &RecoveryPhrase,
        node_url: NodeUrl,
        name: String,
        now_ms: u64,
    ) -> Result<Self, EngineError> {
        protocol::content::check_name(&name)?;
        let device = database.write(|tx| {
            let kv = KvStore::new(tx);
            if Device::open(Context { now_ms, rng: rng.as_mut(), storage: &kv })?.is_some() {
                return Err(EngineError::HasAccount);
            }
            let device = Device::create(Context { now_ms, rng: rng.as_mut(), storage: &kv }, phrase, node_url, name)?;
            let me = Me { account: device.account_id(), device: device.identity().device_id };
            Timeline::new(tx, me).keep_words(phrase)?;
            Ok(device)
        })?;
        Self::start(database, rng, device, now_ms)
    }

    /// Opens the account that the database holds.
    ///
    /// # Errors
    /// [`EngineError::NoAccount`] where there is none.
    pub fn open(database: Database, mut rng: Box<dyn CryptoRng + Send>, now_ms: u64) -> Result<Self, EngineError> {
        let device = {
            let kv = KvStore::new(database.read());
            Device::open(Context { now_ms, rng: rng.as_mut(), storage: &kv })?.ok_or(EngineError::NoAccount)?
        };
        Self::start(database, rng, device, now_ms)
    }

    fn start(
        mut database: Database,
        rng: Box<dyn CryptoRng + Send>,
        device: Device,
        now_ms: u64,
    ) -> Result<Self, EngineError> {
        let identity = device.identity();
        let me = Me { account: identity.account_id, device: identity.device_id };
        database.write(|tx| -> Result<(), EngineError> {
            let timeline = Timeline::new(tx, me);
            if timeline.setting(CONTENT_SETTING)?.as_deref() != Some(CONTENT_VERSION) {
                timeline.reinterpret(&mut Changes::new())?;
                timeline.set_setting(CONTENT_SETTING, CONTENT_VERSION)?;
            }
            Ok(timeline.set_own_name(device.name())?)
        })?;
        let mut engine = Self {
            database,
            device,
            me,
            typing: Typing::default(),
            bell: BellRope::default(),
            calls: Calls::new(),
            rng,
            device_wake_ms: None,
            timeline_wake_ms: Some(0),
            files: Moving::default(),
        };
        engine.lose_open_calls(now_ms)?;
        engine.know_group_calls(now_ms)?;
        Ok(engine)
    }

    /// Whose engine it is.
    pub fn me(&self) -> Me {
        self.me
    }

    /// The device, to look at.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The timeline, to read.
    pub fn timeline(&self) -> Timeline<'_> {
        Timeline::new(self.database.read(), self.me)
    }

    /// Who types.
    pub fn typing(&self) -> &Typing {
        &self.typing
    }

    /// Gives the database back, to close or to remove it.
    pub fn into_database(self) -> Database {
        self.database
    }

    /// When to call [`Self::tick`] at the latest, milliseconds; none while there is nothing to wait for.
    pub fn wake_at_ms(&self) -> Option<u64> {
        let calls_ms = self.calls.wake_ms();
        self.device_wake_ms.into_iter().chain(self.timeline_wake_ms).chain(self.typing.next_ms()).chain(calls_ms).min()
    }

    /// An id for an intent; random, for the device remembers intents over restarts.
    pub fn new_intent(&mut self) -> IntentId {
        self.rng.next_u64()
    }

    /// Takes what happened, in order, in one transaction.
    ///
    /// # Errors
    /// [`EngineError::Database`] and [`EngineError::Device`]: nothing was written. The caller closes every connection
    /// and calls [`Self::after_failure`].
    pub fn handle(&mut self, now_ms: u64, mut inputs: Vec<Input>) -> Result<Output, EngineError> {
        let mut changes = Changes::new();
        self.bell.hear(self.device.node_url(), &mut inputs, &mut changes);
        if self.calls.hear_relay(&self.device, &mut inputs) {
            changes.insert(Change::Call);
        }
        let mut output = self.transact_inputs(now_ms, inputs)?;
        self.run_calls(now_ms, &mut output)?;
        output.changes.append(&mut changes);
        Ok(output)
    }

    fn transact_inputs(&mut self, now_ms: u64, inputs: Vec<Input>) -> Result<Output, EngineError> {
        self.transact(now_ms, |parts, collected| {
            inputs.into_iter().try_for_each(|input| parts.take_input(input, collected))
        })
        .map(|(output, ())| output)
    }

    /// Forgets what is held in memory after a failed call.
    pub fn after_failure(&mut self) {
        self.device.forget_cache();
        self.bell.disconnected();
        self.calls.disconnected();
        self.timeline_wake_ms = Some(0);
    }

    /// Writes a message down and hands it to the device.
    ///
    /// # Errors
    /// [`EngineError::Intent`] and [`EngineError::Content`]: nothing was written.
    pub fn send(&mut self, now_ms: u64, conversation: ConversationId, kind: Kind) -> Result<Queued, EngineError> {
        let (output, (msg_id, entry)) =
            self.transact(now_ms, |parts, collected| parts.send(conversation, kind, collected))?;
        Ok(Queued { msg_id, entry, output })
    }

    /// Writes messages down in one transaction and hands them to the device; each with its own result, in order.
    ///
    /// # Errors
    /// As [`Self::handle`]: then nothing was written.
    pub fn send_all(
        &mut self,
        now_ms: u64,
        messages: impl IntoIterator<Item = (ConversationId, Kind)>,
    ) -> Result<(Output, Vec<SendResult>), EngineError> {
        self.transact(now_ms, |parts, collected| {
            each_its_own(messages.into_iter().map(|(conversation, kind)| parts.send(conversation, kind, collected)))
        })
    }

    /// Says that we type, or stopped.
    ///
    /// # Errors
    /// As [`Self::handle`].
    pub fn whisper_typing(
        &mut self,
        now_ms: u64,
        conversation: ConversationId,
        is_active: bool,
    ) -> Result<Output, EngineError> {
        let whisper = WhisperContent { device_id: self.me.device, kind: WhisperKind::Typing { is_active } };
        let intent = Intent::Whisper { conversation, content: whisper.encode().into() };
        let id = self.new_intent();
        self.handle(now_ms, vec![Input::Intent(id, intent)])
    }

    /// Marks what came up to an entry, or all, as read.
    ///
    /// # Errors
    /// What the database says.
    pub fn mark_read(
        &mut self,
        now_ms: u64,
        conversation: ConversationId,
        up_to: Option<EntryId>,
    ) -> Result<Output, EngineError> {
        self.transact(now_ms, |parts, collected| {
            let timeline = parts.timeline();
            let sends = timeline.setting(READ_RECEIPTS_SETTING)?.as_deref() == Some("1");
            timeline.mark_read(&conversation, up_to, sends, now_ms, &mut collected.output.changes)?;
            timeline.mark(&conversation, Mark::Unread(false), &mut collected.output.changes)?;
            Ok(())
        })
        .map(|(output, ())| output)
    }

    /// Sends read receipts from now on, or no longer.
    ///
    /// # Errors
    /// What the database says.
    pub fn set_read_receipts(&mut self, is_on: bool) -> Result<(), EngineError> {
        let me = self.me;
        self.database
            .write(|tx| Ok(Timeline::new(tx, me).set_setting(READ_RECEIPTS_SETTING, if is_on { "1" } else { "0" })?))
    }

    /// Does something small to the timeline: a petname, a draft.
    ///
    /// # Errors
    /// What `work` says.
    pub fn edit_timeline(
        &mut self,
        work: impl FnOnce(Timeline<'_>) -> Result<(), DatabaseError>,
    ) -> Result<(), EngineError> {
        let me = self.me;
        Ok(self.database.write(|tx| work(Timeline::new(tx, me)))?)
    }

    /// Does what is due: wakes the device, lets messages disappear, sends receipts that are owed.
    ///
    /// # Errors
    /// As [`Self::handle`].
    pub fn tick(&mut self, now_ms: u64) -> Result<Output, EngineError> {
        let is_device_due = self.device_wake_ms.is_some_and(|at_ms| at_ms <= now_ms);
        if is_device_due {
            // The device asks again if it wants another.
            self.device_wake_ms = None;
        }
        let (mut output, has_expired) = self.transact(now_ms, |parts, collected| {
            if is_device_due {
                let effects = parts.device_takes(Input::Wake)?;
                parts.apply(effects, collected)?;
            }
            let before = collected.output.changes.len();
            parts.timeline().expire(now_ms, &mut collected.output.changes)?;
            let has_expired = collected.output.changes.len() > before;
            for _ in 0..OWED_BATCHES_MAX {
                let Some(batch) = parts.timeline().take_owed(now_ms)? else { break };
                let kind = match batch.kind {
                    OwedKind::Read => Kind::Read { msg_ids: batch.msg_ids },
                    OwedKind::Delivered => Kind::Delivered { msg_ids: batch.msg_ids },
                    OwedKind::Profile if parts.device.name().is_empty() => continue,
                    OwedKind::Profile => Kind::Profile {
                        name: parts.device.name().into(),
                        picture: parts.timeline().own_picture()?.map(Bytes::from),
                    },
                };
                match parts.send(batch.conversation, kind, collected) {
                    // A conversation that is over owes nothing any more.
                    Ok(_) | Err(EngineError::Intent(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(has_expired)
        })?;
        if has_expired {
            // What disappeared leaves the log, too.
            self.database.checkpoint()?;
        }
        let mut changes = Changes::new();
        self.typing.expire(now_ms, &mut changes);
        self.run_calls(now_ms, &mut output)?;
        output.changes.append(&mut changes);
        Ok(output)
    }

    pub(crate) fn transact<T>(
        &mut self,
        now_ms: u64,
        work: impl FnOnce(&mut Parts<'_>, &mut Collected) -> Result<T, EngineError>,
    ) -> Result<(Output, T), EngineError> {
        let mut collected = Collected {
            output: Output::default(),
            wake_ms: self.device_wake_ms,
            whispers: Vec::new(),
            heard: Vec::new(),
            called_off: Vec::new(),
            calls: Vec::new(),
        };
        let (device, rng, me) = (&mut self.device, self.rng.as_mut(), self.me);
        let (moves_files, room) = (self.files.is_on, self.files.room());
        let direct = &mut self.files.direct;
        let (value, wake_ms, begun) = self.database.write(|tx| -> Result<_, EngineError> {
            let kv = KvStore::new(tx);
            // What many inputs write again and again, a ratchet or a cursor, reaches the table once.
            let batch = Batch::new(&kv);
            let mut parts = Parts { device, rng, me, connection: tx, storage: &batch, now_ms, direct };
            let value = work(&mut parts, &mut collected)?;
            let timeline = parts.timeline();
            let expires_ms = timeline.next_expiry_ms()?;
            let owed_ms = timeline.next_owed_ms()?;
            let (begun, files_ms) =
                if moves_files { parts.due_files(room, &mut collected)? } else { Default::default() };
            let wake_ms = expires_ms.into_iter().chain(owed_ms).chain(files_ms).min();
            batch.flush().map_err(DeviceError::from)?;
            Ok((value, wake_ms, begun))
        })?;
        self.files.begun(begun);
        for id in &collected.called_off {
            self.files.stop(*id);
        }
        for outgoing in &collected.output.outgoing {
            if let Outgoing::Discard(discard) = outgoing {
                self.files.stop(discard.attachment);
            }
        }
        self.device_wake_ms = collected.wake_ms;
        self.timeline_wake_ms = wake_ms;
        let changes = &mut collected.output.changes;
        for (conversation, device, content) in collected.whispers {
            self.typing.whispered(conversation, device, &content, now_ms, changes);
        }
        for (conversation, device) in collected.heard {
            self.typing.stopped(conversation, device, changes);
        }
        self.bell.ride(self.device.node_url(), &mut collected.output.outgoing);
        self.calls.heard.extend(collected.calls);
        self.calls.ride(&mut collected.output.outgoing);
        Ok((collected.output, value))
    }
}

/// The engine within a transaction.
pub(crate) struct Parts<'a> {
    device: &'a mut Device,
    pub(crate) rng: &'a mut (dyn CryptoRng + Send),
    me: Me,
    pub(crate) connection: &'a Connection,
    storage: &'a dyn Storage,
    pub(crate) now_ms: u64,
    pub(crate) direct: &'a mut Directly,
}

impl Parts<'_> {
    pub(crate) fn timeline(&self) -> Timeline<'_> {
        Timeline::new(self.connection, self.me)
    }

    pub(crate) fn me(&self) -> Me {
        self.me
    }

    fn device_takes(&mut self, input: Input) -> Result<Vec<Effect>, EngineError> {
        let context = Context { now_ms: self.now_ms, rng: &mut *self.rng, storage: self.storage };
        Ok(self.device.handle(context, input)?)
    }

    /// The time, which the message names as well, then 80 random bits: the indexes grow at their end.
    pub(crate) fn new_msg_id(&mut self) -> MsgId {
        let mut msg_id = MsgId([0; 16]);
        self.rng.fill_bytes(&mut msg_id.0);
        let (time, _) = msg_id.0.split_at_mut(6);
        time.copy_from_slice(&self.now_ms.to_be_bytes()[2..]);
        msg_id
    }

    /// Gives the device one input and writes down what it says.
    fn take_input(&mut self, input: Input, collected: &mut Collected) -> Result<(), EngineError> {
        let noted = Noted::of(&input, self.now_ms);
        noted.before(self.timeline(), &mut collected.output.changes)?;
        let effects = self.device_takes(input)?;
        self.apply(effects, collected)?;
        if matches!(noted, Noted::Rename) {
            let timeline = self.timeline();
            timeline.set_own_name(self.device.name())?;
            timeline.owe_profile_to_all(self.now_ms)?;
            collected.output.changes.insert(Change::Person);
        }
        Ok(())
    }

    fn send(
        &mut self,
        conversation: ConversationId,
        kind: Kind,
        collected: &mut Collected,
    ) -> Result<(MsgId, Option<EntryId>), EngineError> {
        let msg_id = self.new_msg_id();
        Ok((msg_id, self.send_as(msg_id, conversation, kind, collected)?))
    }

    /// Says something that is not shown.
    pub(crate) fn send_quiet(
        &mut self,
        conversation: ConversationId,
        kind: Kind,
        collected: &mut Collected,
    ) -> Result<(), EngineError> {
        self.send(conversation, kind, collected).map(|_| ())
    }

    pub(crate) fn send_as(
        &mut self,
        msg_id: MsgId,
        conversation: ConversationId,
        kind: Kind,
        collected: &mut Collected,
    ) -> Result<Option<EntryId>, EngineError> {
        let timer_s = self.timeline().conversation_timer(&conversation)?.ok_or(IntentError::NoConversation)?;
        let content = Content { sent_ms: self.now_ms, timer_s, kind };
        let message = content.encode()?.into();
        let id = self.rng.next_u64();
        let is_shown = content.kind.is_shown();
        let mut effects =
            self.device_takes(Input::Intent(id, Intent::Send { conversation, msg_id, message, is_shown }))?;
        let answer =
            effects.iter().position(|effect| matches!(effect, Effect::Record(Record::Outcome(of, _)) if *of == id));
        if let Some(index) = answer
            && let Effect::Record(Record::Outcome(_, Err(error))) = effects.remove(index)
        {
            // When the device wants to be woken is said once.
            self.apply(effects, collected)?;
            return Err(error.into());
        }
        // Before the records, which may say already where it stands.
        let entry =
            self.timeline().own(&conversation, &msg_id, &content, self.now_ms, &mut collected.output.changes)?;
        self.apply(effects, collected)?;
        Ok(entry)
    }

    fn apply(&mut self, effects: Vec<Effect>, collected: &mut Collected) -> Result<(), EngineError> {
        let timeline = Timeline::new(self.connection, self.me);
        for effect in effects {
            match effect {
                Effect::Record(Record::Outcome(id, outcome)) => {
                    act::settle(self.connection, timeline, id, &outcome, &mut collected.output.changes)?;
                    collected.output.outcomes.push((id, outcome));
                }
                Effect::Record(Record::Call(heard)) => collected.calls.push(Item::Heard(heard)),
                Effect::Record(Record::Whispered { conversation, device, content }) => {
                    collected.whispers.push((conversation, device, content));
                }
                Effect::Record(record) => {
                    if let Record::Received { conversation, device, .. } = &record {
                        collected.heard.push((*conversation, *device));
                        self.hear_direct(&record, collected)?;
                    }
                    if let Record::Conversation(moved) = &record
                        && !moved.is_direct
                    {
                        let is_in = matches!(moved.state, ConversationState::Active | ConversationState::Suspect);
                        let devices = moved.members.iter().flat_map(|member| member.devices.iter().copied());
                        let devices = devices.filter(|_| is_in).collect();
                        collected.calls.push(Item::Moved(moved.id, devices));
                    }
                    timeline.record(&record, self.now_ms, &mut collected.output.changes)?;
                }
                Effect::Connect(link) => collected.output.outgoing.push(Outgoing::Connect(link)),
                Effect::Hangup(link) => collected.output.outgoing.push(Outgoing::Hangup(link)),
                Effect::Send(link, mut requests) => match collected.output.outgoing.last_mut() {
                    Some(Outgoing::Send(last, queued)) if *last == link => queued.append(&mut requests),
                    _ => collected.output.outgoing.push(Outgoing::Send(link, requests)),
                },
                Effect::PutBlob(node_url, blob_id, blob, ttl_s) => {
                    collected.output.outgoing.push(Outgoing::PutBlob(node_url, blob_id, blob, ttl_s));
                }
                Effect::GetBlob(node_url, blob_id) => {
                    collected.output.outgoing.push(Outgoing::GetBlob(node_url, blob_id));
                }
                Effect::Solve(work) => collected.output.outgoing.push(Outgoing::Solve(work)),
                Effect::WakeAt(at_ms) => collected.wake_ms = Some(at_ms),
            }
        }
        Ok(())
    }
}

impl From<StorageError> for EngineError {
    fn from(error: StorageError) -> Self {
        Self::Device(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::{EntryKind, MessageState, Window};
    use protocol::event::LinkKind;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    fn rng(seed: u64) -> Box<dyn CryptoRng + Send> {
        Box::new(ChaCha20Rng::seed_from_u64(seed))
    }

    fn create(database: Database) -> Result<Engine, EngineError> {
        let phrase = RecoveryPhrase::from_entropy(&[7; 32]);
        let node_url = NodeUrl::parse("http://localhost:4430").unwrap();
        Engine::create(database, rng(1), &phrase, node_url, "Ada".into(), 1_000)
    }

    #[test]
    fn account_is_made_once_and_found_again() {
        let engine = create(Database::in_memory().unwrap()).unwrap();
        let me = engine.me();
        let database = engine.into_database();
        let engine = Engine::open(database, rng(2), 2_000).unwrap();
        assert_eq!(engine.me(), me);
        assert!(matches!(create(engine.into_database()), Err(EngineError::HasAccount)));
        assert!(matches!(Engine::open(Database::in_memory().unwrap(), rng(3), 1), Err(EngineError::NoAccount)));
    }

    #[test]
    fn own_name_is_shown_and_follows_a_change() {
        let mut engine = create(Database::in_memory().unwrap()).unwrap();
        let name = |engine: &Engine| engine.timeline().display_name(&engine.me().account).unwrap();
        assert_eq!(name(&engine), "Ada");
        engine.handle(2_000, vec![Input::Intent(1, Intent::SetName { name: "Augusta".into() })]).unwrap();
        assert_eq!(name(&engine), "Augusta");
    }

    #[test]
    fn first_call_asks_for_the_home_nodes_door() {
        let mut engine = create(Database::in_memory().unwrap()).unwrap();
        let output = engine.handle(2_000, vec![Input::Wake]).unwrap();
        let links: Vec<_> = output
            .outgoing
            .iter()
            .filter_map(|outgoing| match outgoing {
                Outgoing::Connect(link) => Some(link.kind),
                _ => None,
            })
            .collect();
        assert_eq!(links, [LinkKind::Door]);
    }

    #[test]
    fn message_to_nowhere_is_refused_and_leaves_nothing() {
        let mut engine = create(Database::in_memory().unwrap()).unwrap();
        let kind = Kind::Text { text: "hello".into(), reply_to: None, is_forwarded: false };
        let error = engine.send(2_000, ConversationId([1; 16]), kind).unwrap_err();
        assert!(matches!(error, EngineError::Intent(IntentError::NoConversation)), "{error}");
        assert!(engine.timeline().conversations().unwrap().is_empty());
    }

    /// A conversation that the timeline knows and the device does not: enough for what the engine itself does.
    fn room(engine: &mut Engine) -> ConversationId {
        let me = engine.me();
        let conversation = crate::timeline::testing::conversation(&[me.account, crate::timeline::testing::ADA]);
        engine
            .edit_timeline(|timeline| {
                timeline.record(&Record::Conversation(conversation.clone()), 1, &mut Changes::new())
            })
            .unwrap();
        conversation.id
    }

    #[test]
    fn failed_send_leaves_no_row_behind() {
        let mut engine = create(Database::in_memory().unwrap()).unwrap();
        let room = room(&mut engine);
        let kind = Kind::Text { text: "hello".into(), reply_to: None, is_forwarded: false };
        assert!(engine.send(2_000, room, kind).is_err());
        let entries = engine.timeline().snapshot(&room, Window::Latest(10)).unwrap().entries;
        assert!(entries.iter().all(|entry| entry.state == MessageState::Received));
        assert!(entries.iter().all(|entry| matches!(entry.kind, EntryKind::Notice(_))));
    }

    #[test]
    fn what_is_read_disappears_by_itself() {
        let mut engine = create(Database::in_memory().unwrap()).unwrap();
        let room = room(&mut engine);
        let message = Content {
            sent_ms: 1,
            timer_s: 5,
            kind: Kind::Text { text: "soon gone".into(), reply_to: None, is_forwarded: false },
        };
        let record = Record::Received {
            conversation: room,
            msg_id: MsgId([5; 16]),
            account: crate::timeline::testing::ADA,
            device: DeviceId([5; 16]),
            message: message.encode().unwrap().into(),
            at_ms: 2_000,
        };
        engine.edit_timeline(|timeline| timeline.record(&record, 2_000, &mut Changes::new())).unwrap();
        engine.mark_read(3_000, room, None).unwrap();
        let mut now_ms = 3_000;
        let texts = |engine: &Engine| {
            let entries = engine.timeline().snapshot(&room, Window::Latest(10)).unwrap().entries;
            entries.iter().filter(|entry| entry.text().is_some()).count()
        };
        assert_eq!(texts(&engine), 1);
        while texts(&engine) == 1 {
            now_ms = engine.wake_at_ms().expect("something is due").max(now_ms + 1);
            assert!(now_ms <= 8_001, "{now_ms}");
            engine.tick(now_ms).unwrap();
        }
        assert!(now_ms >= 8_000, "{now_ms}");
    }
}
