//! A client shell in the virtual world: a device, its disk, its timeline, its connections.

use protocol::event::{
    Alert, Contact, ContactRequest, Conversation, ConversationId, IntentError, IntentId, InviteState, Link, Outcome,
    Record, SendState,
};
use protocol::identity::NodeUrl;
use protocol::storage::{MemoryStorage, Pairs, Space, Storage, StorageError};
use protocol::{Context, Device};
use rand_chacha::ChaCha20Rng;
use std::cell::Cell;
use std::collections::BTreeMap;
use wire::id::{AccountId, DeviceId, Hash, MsgId};

/// A message in a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its sender's id for it.
    pub msg_id: MsgId,
    /// Who.
    pub account: AccountId,
    /// Which device.
    pub device: DeviceId,
    /// The content.
    pub message: Vec<u8>,
}

/// What a shell keeps in its tables: changed in the device's transactions only.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    /// Conversations as they were last announced.
    pub conversations: BTreeMap<ConversationId, Conversation>,
    /// Others' messages, in the order in which they were shown.
    pub shown: BTreeMap<ConversationId, Vec<Shown>>,
    /// Own messages.
    pub sent: BTreeMap<MsgId, SendState>,
    /// Knocks that wait for the user.
    pub requests: BTreeMap<Hash, ContactRequest>,
    /// Invite links.
    pub invites: BTreeMap<Hash, InviteState>,
    /// Contacts.
    pub contacts: BTreeMap<AccountId, Contact>,
    /// What intents led to.
    pub outcomes: BTreeMap<IntentId, Result<Outcome, IntentError>>,
    /// What the user was told.
    pub alerts: Vec<(Option<ConversationId>, Alert)>,
    /// Whispers shown.
    pub whispers: u64,
    /// The node of its door.
    pub home: Option<NodeUrl>,
}

impl Timeline {
    /// Writes one record.
    pub fn write(&mut self, record: &Record) {
        match record.clone() {
            Record::Conversation(conversation) => {
                self.conversations.insert(conversation.id, conversation);
            }
            Record::Contact(contact) => {
                self.contacts.insert(contact.account, contact);
            }
            Record::Received { conversation, msg_id, account, device, message, .. } => {
                let shown = Shown { msg_id, account, device, message: message.to_vec() };
                self.shown.entry(conversation).or_default().push(shown);
            }
            Record::Sent { msg_id, state, .. } => {
                self.sent.insert(msg_id, state);
            }
            Record::Call(_) => {}
            Record::Whispered { .. } => self.whispers += 1,
            Record::Request(request) => {
                self.requests.insert(request.request, request);
            }
            Record::RequestGone(request) => {
                self.requests.remove(&request);
            }
            Record::Invite { invite, state } => {
                self.invites.insert(invite, state);
            }
            Record::Alert { conversation, alert } => self.alerts.push((conversation, alert)),
            Record::Outcome(intent, outcome) => {
                self.outcomes.insert(intent, outcome);
            }
        }
    }
}

/// A mistake that a client may make, for a test of the checkers: none may pass unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// It never notes which messages it showed.
    ForgetsWhatItShowed,
    /// Its sealed commit is not on disk.
    LosesItsCommit,
    /// A sealed commit stays on disk after its merge.
    KeepsItsCommit,
    /// What waits to be sent is in memory only.
    LosesItsOutbox,
    /// It notes where it stands too seldom.
    ForgetsItsPlace,
    /// A left epoch's MLS secrets stay in some corner.
    KeepsEpochSecrets,
    /// The user reads no alert.
    HidesAlerts,
    /// The user sees no message.
    HidesMessages,
}

/// A disk whose n-th operation fails, under a client that may have a bug.
pub struct Flaky<'a> {
    base: &'a MemoryStorage,
    left: Cell<u32>,
    bug: Option<Bug>,
}

impl<'a> Flaky<'a> {
    /// Fails at the operation of this number; never for 0.
    pub fn new(base: &'a MemoryStorage, fails_at: u32, bug: Option<Bug>) -> Self {
        Self { base, left: Cell::new(fails_at), bug }
    }

    /// Whether a client with this bug would not write here.
    fn is_left_out(&self, space: Space) -> bool {
        matches!(
            (self.bug, space),
            (Some(Bug::ForgetsWhatItShowed), Space::Shown)
                | (Some(Bug::LosesItsCommit), Space::Pending)
                | (Some(Bug::LosesItsOutbox), Space::Outbox)
                | (Some(Bug::ForgetsItsPlace), Space::Group)
        )
    }

    /// Keeps what a value was before.
    fn keep_aside(&self, space: Space, key: &[u8]) -> Result<(), StorageError> {
        const EPOCH_SECRETS: u8 = 12;
        let is_secret = space == Space::Mls && key.first() == Some(&EPOCH_SECRETS);
        if self.bug == Some(Bug::KeepsEpochSecrets)
            && is_secret
            && let Some(value) = self.base.get(space, key)?
        {
            self.base.put(Space::Blobs, &[b"aside".as_slice(), &value].concat(), &value)?;
        }
        Ok(())
    }

    /// Works from now on.
    pub fn heal(&self) {
        self.left.set(0);
    }

    fn step(&self) -> Result<(), StorageError> {
        match self.left.get() {
            0 => Ok(()),
            1 => Err(StorageError::Engine("virtual disk error".into())),
            left => {
                self.left.set(left - 1);
                Ok(())
            }
        }
    }
}

impl Storage for Flaky<'_> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.step()?;
        self.base.get(space, key)
    }

    fn put(&self, space: Space, key: &[u8], value: &[u8]) -> Result<(), StorageError> {
        self.step()?;
        // The first note of where it stands is written, or there would be no conversation at all.
        if self.is_left_out(space) && (space != Space::Group || self.base.get(space, key)?.is_some()) {
            return Ok(());
        }
        self.keep_aside(space, key)?;
        self.base.put(space, key, value)
    }

    fn delete(&self, space: Space, key: &[u8]) -> Result<(), StorageError> {
        self.step()?;
        if self.bug == Some(Bug::KeepsItsCommit) && space == Space::Pending {
            return Ok(());
        }
        self.base.delete(space, key)
    }

    fn scan(&self, space: Space, prefix: &[u8]) -> Result<Pairs, StorageError> {
        self.step()?;
        self.base.scan(space, prefix)
    }
}

/// What a wanted connection is at.
#[derive(Debug, Clone, Default)]
pub struct LinkStatus {
    /// The connection, if one stands.
    pub conn: Option<usize>,
    /// Tries in a row that failed.
    pub tries: u32,
    /// A try is on its way.
    pub is_dialing: bool,
}

/// One client.
pub struct Phone {
    /// None while it is off.
    pub device: Option<Device>,
    /// Its disk.
    pub storage: MemoryStorage,
    /// Its randomness.
    pub rng: ChaCha20Rng,
    /// Counts its starts.
    pub life: u32,
    /// Connections that the device wants.
    pub links: BTreeMap<Link, LinkStatus>,
    /// What the user sees.
    pub timeline: Timeline,
    /// Its clock is so far from the world's, milliseconds.
    pub clock_off_ms: i64,
    /// Only the latest timer counts.
    pub timer: u64,
    /// The next intent's number.
    pub next_intent: IntentId,
    /// Its account.
    pub account: AccountId,
    /// Cut off from every node.
    pub is_cut_off: bool,
    /// What is wrong with its program.
    pub bug: Option<Bug>,
}

impl Phone {
    /// Its own clock.
    pub fn clock_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_add_signed(self.clock_off_ms)
    }

    /// Starts the process over its disk.
    pub fn open(&mut self, now_ms: u64) {
        let context = Context { now_ms: self.clock_ms(now_ms), rng: &mut self.rng, storage: &self.storage };
        self.device = Device::open(context).expect("a healthy disk opens");
        self.life += 1;
        self.links.clear();
    }
}
