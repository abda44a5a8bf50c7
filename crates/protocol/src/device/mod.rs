//! The device machine: every conversation, invite, request and job of one account on one device.
//!
//! | file | holds |
//! |---|---|
//! | `call` | the keys of a call |
//! | `clock` | the time that irrevocable deletions go by |
//! | `deliver` | Welcomes on their way, and those that find nobody |
//! | `early` | Welcomes that came before the removal that they follow |
//! | `ghost` | members that were let in and never came |
//! | `intent` | what the user wants |
//! | `job` | work that reaches over several round trips: claims and knocks |
//! | `knock` | what others knock with |
//! | `pool` | our door, our invites, our KeyPackages |
//! | `restart` | a new group in the place of a broken one |

mod call;
mod clock;
mod deliver;
mod early;
mod ghost;
#[cfg(feature = "inspect")]
mod inspect;
mod intent;
mod job;
mod knock;
mod pool;
mod restart;

pub use call::CallOf;
#[cfg(feature = "inspect")]
pub use inspect::{Glance, Inspection};

use crate::event::{Alert, ConversationId, Effect, Input, IntentId, Link, LinkKind, Record};
use crate::group::{Cx, DeviceError, Group, Me, Verified};
use crate::identity::{Certificate, DeviceIdentity, DeviceKey, NodeUrl, RecoveryPhrase, RootKeys};
use crate::link::{Asked, Links, Owner};
use crate::mls::SuiteCrypto;
use crate::storage::{self, Batch, Space, Storage, StorageError};
use early::Early;
use job::Job;
use pool::{Door, Invite};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use wire::id::{AccountId, DeviceId, DoorOwner, Hash, NodeKey};
use wire::node::{Event, RequestId};
use zeroize::Zeroize;

/// The key of the device's own record.
const SELF_KEY: &[u8] = b"self";

/// What a device keeps of itself.
#[derive(Serialize, Deserialize)]
struct SelfRecord {
    device_seed: [u8; 32],
    certificate: Vec<u8>,
    node_url: NodeUrl,
    node_key: Option<[u8; 32]>,
    name: String,
    door_owner: [u8; 32],
    next_job: u64,
}

impl Drop for SelfRecord {
    fn drop(&mut self) {
        self.device_seed.zeroize();
        self.door_owner.zeroize();
    }
}

/// Time, randomness and storage of one call.
pub struct Context<'a> {
    /// Milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// Cryptographic randomness.
    pub rng: &'a mut dyn CryptoRng,
    /// The store, inside the caller's transaction.
    pub storage: &'a dyn Storage,
}

/// One account on one device.
pub struct Device {
    crypto: SuiteCrypto,
    me: Me,
    door_owner: DoorOwner,
    next_job: u64,
    is_loaded: bool,
    groups: BTreeMap<ConversationId, Group>,
    jobs: BTreeMap<u64, Job>,
    invites: BTreeMap<Hash, Invite>,
    early: BTreeMap<Hash, Early>,
    closing: BTreeSet<ConversationId>,
    ghosts_due_s: u64,
    door: Door,
    links: Links,
    verified: Verified,
    wake_at_ms: u64,
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Device({} conversations)", self.groups.len())
    }
}

impl Device {
    /// Makes a new device of the account that the phrase stands for, and stores it.
    ///
    /// The root keys sign its certificate and are forgotten; they come back with the phrase alone.
    pub fn create(
        context: Context<'_>,
        phrase: &RecoveryPhrase,
        node_url: NodeUrl,
        name: String,
    ) -> Result<Self, DeviceError> {
        let root = RootKeys::derive(phrase);
        let key = DeviceKey::generate(context.rng);
        let mut device_id = DeviceId([0; 16]);
        context.rng.fill_bytes(&mut device_id.0);
        let certificate =
            Certificate::issue(&root, device_id, key.public(), crate::identity::certificate::NOT_AFTER_NEVER);
        let record = SelfRecord {
            device_seed: *key.to_seed(),
            certificate: certificate.as_bytes().to_vec(),
            node_url,
            node_key: None,
            name,
            door_owner: root.door_owner().0,
            next_job: 1,
        };
        storage::put(context.storage, Space::Device, SELF_KEY, &record)?;
        context.storage.put(Space::Certificates, &certificate.identity().to_bytes(), certificate.as_bytes())?;
        let crypto = SuiteCrypto;
        let door = Door::generate(&crypto, context.rng)?;
        door.save(context.storage)?;
        Self::open(context)?.ok_or(DeviceError::Bug("what was stored is there"))
    }

    /// Loads the device that is stored; none in an empty store.
    pub fn open(context: Context<'_>) -> Result<Option<Self>, DeviceError> {
        let Some(record) = storage::get::<SelfRecord>(context.storage, Space::Device, SELF_KEY, "device")? else {
            return Ok(None);
        };
        let certificate =
            Certificate::from_bytes(&record.certificate).map_err(|_| StorageError::Corrupt("certificate"))?;
        let crypto = SuiteCrypto;
        let door = Door::load(&crypto, context.storage)?;
        let me = Me {
            key: DeviceKey::from_seed(&record.device_seed),
            identity: *certificate.identity(),
            certificate,
            node_url: record.node_url.clone(),
            node_key: record.node_key.map(NodeKey),
            name: record.name.clone(),
        };
        Ok(Some(Self {
            crypto,
            me,
            door_owner: DoorOwner(record.door_owner),
            next_job: record.next_job,
            is_loaded: false,
            groups: BTreeMap::new(),
            jobs: BTreeMap::new(),
            invites: BTreeMap::new(),
            early: BTreeMap::new(),
            closing: BTreeSet::new(),
            ghosts_due_s: u64::MAX,
            door,
            links: Links::default(),
            verified: Verified::default(),
            wake_at_ms: u64::MAX,
        }))
    }

    /// Who this device is.
    pub fn identity(&self) -> DeviceIdentity {
        self.me.identity
    }

    /// The account.
    pub fn account_id(&self) -> AccountId {
        self.me.identity.account_id
    }

    /// The node with this account's door.
    pub fn node_url(&self) -> &NodeUrl {
        &self.me.node_url
    }

    /// The display name.
    pub fn name(&self) -> &str {
        &self.me.name
    }

    /// Whether a node's answer is still to come: a wanted connection without its Hello, or a request without answer.
    pub fn is_waiting(&self) -> bool {
        self.links.is_waiting()
    }

    /// The MLS epoch and its authenticator, for comparison between members: tests, support.
    pub fn epoch(&self, conversation: ConversationId) -> Option<(u64, &[u8])> {
        let group = self.groups.get(&conversation)?;
        Some((group.record.epoch, &group.record.authenticator))
    }

    /// Every conversation as the user sees it.
    pub fn conversations(&self) -> Result<Vec<crate::event::Conversation>, DeviceError> {
        self.groups.values().map(|group| group.view(&self.me)).collect()
    }

    /// Drops what is held in memory after a failed transaction; the next call loads it again. Connections are to be
    /// closed by the caller, and told with [`Input::Disconnected`].
    pub fn forget_cache(&mut self) {
        self.is_loaded = false;
        self.groups.clear();
        self.jobs.clear();
        self.invites.clear();
        self.early.clear();
        self.closing.clear();
        // Effects that were lost with the call are asked for again: connections, and the next time to wake.
        self.links = Links::default();
        self.wake_at_ms = u64::MAX;
    }

    /// Takes one input; returns the effects in order. On an error nothing was written, and the caller rolls back.
    ///
    /// # Errors
    /// The store's, or a bug; bad input from outside is never an error here but a [`Record::Alert`] or nothing.
    pub fn handle(&mut self, context: Context<'_>, input: Input) -> Result<Vec<Effect>, DeviceError> {
        let base = context.storage;
        let batch = Batch::new(base);
        let outcome = self.handle_in(Context { now_ms: context.now_ms, rng: context.rng, storage: &batch }, input);
        match outcome.and_then(|effects| batch.flush().map(|()| effects).map_err(Into::into)) {
            Ok(effects) => Ok(effects),
            Err(error) => {
                self.forget_cache();
                Err(error)
            }
        }
    }

    fn handle_in(&mut self, context: Context<'_>, input: Input) -> Result<Vec<Effect>, DeviceError> {
        if !self.is_loaded {
            let record = storage::get::<SelfRecord>(context.storage, Space::Device, SELF_KEY, "device")?
                .ok_or(StorageError::Corrupt("device"))?;
            (self.me.name, self.me.node_key) = (record.name.clone(), record.node_key.map(NodeKey));
            self.next_job = record.next_job;
        }
        let is_wake = matches!(input, Input::Wake);
        let mut parts = Parts {
            groups: &mut self.groups,
            jobs: &mut self.jobs,
            invites: &mut self.invites,
            early: &mut self.early,
            closing: &mut self.closing,
            ghosts_due_s: &mut self.ghosts_due_s,
            door: &mut self.door,
            door_owner: &self.door_owner,
            next_job: &mut self.next_job,
            rename: None,
            learned: None,
        };
        let mut cx = Cx {
            now_ms: context.now_ms,
            rng: context.rng,
            storage: context.storage,
            crypto: &self.crypto,
            me: &self.me,
            links: &mut self.links,
            verified: &mut self.verified,
            effects: Vec::new(),
            welcomes: Vec::new(),
            readds: Vec::new(),
        };
        if !self.is_loaded {
            parts.load(&mut cx)?;
            self.is_loaded = true;
        }
        let first_job = *parts.next_job;
        parts.dispatch(&mut cx, input)?;
        parts.settle(&mut cx)?;
        let (is_renamed, is_learned) = (parts.rename.take(), parts.learned.take());
        let is_counted = *parts.next_job != first_job;
        // What was due at a Wake had its turn; if it still waits, then for something else.
        let wake = parts.next_wake_ms(if is_wake { context.now_ms.saturating_add(1) } else { 0 });
        let mut effects = std::mem::take(&mut cx.effects);
        cx.links.drain(&mut effects);
        if is_renamed.is_some() || is_learned.is_some() || is_counted {
            self.me.node_key = self.me.node_key.or(is_learned);
            if let Some(name) = is_renamed {
                self.me.name = name;
            }
            self.save_self(context.storage)?;
        }
        if (wake != self.wake_at_ms || is_wake) && wake != u64::MAX {
            effects.push(Effect::WakeAt(wake));
        }
        self.wake_at_ms = wake;
        Ok(effects)
    }

    fn save_self(&self, storage: &dyn Storage) -> Result<(), StorageError> {
        let record = SelfRecord {
            device_seed: *self.me.key.to_seed(),
            certificate: self.me.certificate.as_bytes().to_vec(),
            node_url: self.me.node_url.clone(),
            node_key: self.me.node_key.map(|key| key.0),
            name: self.me.name.clone(),
            door_owner: self.door_owner.0,
            next_job: self.next_job,
        };
        storage::put(storage, Space::Device, SELF_KEY, &record)
    }
}

/// A device without what a call borrows from it.
struct Parts<'d> {
    groups: &'d mut BTreeMap<ConversationId, Group>,
    jobs: &'d mut BTreeMap<u64, Job>,
    invites: &'d mut BTreeMap<Hash, Invite>,
    early: &'d mut BTreeMap<Hash, Early>,
    closing: &'d mut BTreeSet<ConversationId>,
    ghosts_due_s: &'d mut u64,
    door: &'d mut Door,
    door_owner: &'d DoorOwner,
    next_job: &'d mut u64,
    rename: Option<String>,
    learned: Option<NodeKey>,
}

impl Parts<'_> {
    fn load(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        for group in Group::load_all(cx)? {
            self.groups.insert(group.id(), group);
        }
        *self.door = Door::load(cx.crypto, cx.storage)?;
        *self.jobs = Job::load_all(cx.storage)?;
        *self.invites = Invite::load_all(cx.crypto, cx.storage)?;
        *self.early = Early::load_all(cx.storage)?;
        *self.closing = restart::load_closing(cx.storage)?;
        *self.ghosts_due_s = ghost::first_due_s(cx.storage)?;
        cx.links.want(&self.door_link(cx));
        // Reply lanes are at the inviter's node.
        for invite in self.invites.values() {
            cx.links.want(&invite.link());
        }
        for group in self.groups.values_mut() {
            group.pump(cx)?;
        }
        let ids: Vec<u64> = self.jobs.keys().copied().collect();
        for id in ids {
            self.advance_job(cx, id)?;
        }
        Ok(())
    }

    fn door_link(&self, cx: &Cx<'_>) -> Link {
        Link { node_url: cx.me.node_url.clone(), kind: LinkKind::Door }
    }

    fn dispatch(&mut self, cx: &mut Cx<'_>, input: Input) -> Result<(), DeviceError> {
        match input {
            Input::Intent(id, intent) => {
                if let Some(outcome) = self.intend(cx, id, intent)? {
                    cx.record(Record::Outcome(id, outcome));
                }
                Ok(())
            }
            Input::Connected(link) => {
                cx.links.reset(&link);
                Ok(())
            }
            Input::Event(link, id, event) => self.on_event(cx, &link, id, event),
            Input::Disconnected(link) => {
                cx.links.reset(&link);
                self.on_disconnected(cx, &link)
            }
            Input::BlobPut(node_url, blob_id, result) => self.on_blob_put(cx, &node_url, blob_id, result),
            Input::BlobGot(node_url, blob_id, result) => self.on_blob_got(cx, &node_url, blob_id, result),
            Input::Solved { job, nonce } => self.on_solved(cx, job, nonce),
            Input::Wake => self.on_wake(cx),
        }
    }

    fn on_event(&mut self, cx: &mut Cx<'_>, link: &Link, id: RequestId, event: Event) -> Result<(), DeviceError> {
        match event {
            Event::Hello(hello) => {
                if let Some(state) = cx.links.get(link) {
                    state.hello = Some(hello);
                    return self.on_ready(cx, link);
                }
                Ok(())
            }
            Event::Push { handle, cell } => {
                match cx.links.ready(link).and_then(|state| state.owners.get(&handle).copied()) {
                    Some(Owner::Group(id)) => self.with_group(cx, id, |group, cx| group.on_push(cx, &cell)),
                    Some(Owner::Invite(invite)) => self.on_invite_cell(cx, invite, &cell),
                    Some(Owner::Door) => self.on_door_cell(cx, &cell),
                    None => Ok(()),
                }
            }
            Event::Lag { handle, next_seq } => {
                match cx.links.ready(link).and_then(|state| state.owners.get(&handle).copied()) {
                    Some(Owner::Group(id)) => self.with_group(cx, id, |group, cx| group.on_lag(cx, next_seq)),
                    Some(Owner::Invite(invite)) => self.read_invite(cx, invite),
                    Some(Owner::Door) => self.read_door(cx),
                    None => Ok(()),
                }
            }
            Event::Whispered { handle, body } => {
                if let Some(Owner::Group(id)) =
                    cx.links.ready(link).and_then(|state| state.owners.get(&handle).copied())
                    && let Some(group) = self.groups.get(&id)
                {
                    group.on_whisper(cx, &body);
                }
                Ok(())
            }
            answer => match cx.links.take_asked(link, id) {
                Some(Asked::Group(id, lane, ask)) => {
                    self.with_group(cx, id, |group, cx| group.on_answer(cx, &lane, ask, answer))
                }
                Some(Asked::Invite(invite, ask)) => self.on_invite_answer(cx, invite, ask, answer),
                Some(Asked::Door(ask)) => self.on_door_answer(cx, ask, answer),
                Some(Asked::DoorPut) => self.on_door_stored(cx, answer),
                Some(Asked::Job(job, ask)) => self.on_job_answer(cx, job, ask, answer),
                None => Ok(()),
            },
        }
    }

    fn with_group(
        &mut self,
        cx: &mut Cx<'_>,
        id: ConversationId,
        run: impl FnOnce(&mut Group, &mut Cx<'_>) -> Result<(), DeviceError>,
    ) -> Result<(), DeviceError> {
        match self.groups.get_mut(&id) {
            Some(group) => run(group, cx),
            None => Ok(()),
        }
    }

    fn on_ready(&mut self, cx: &mut Cx<'_>, link: &Link) -> Result<(), DeviceError> {
        match link.kind {
            LinkKind::Lanes => {
                let key = cx.links.ready(link).and_then(|state| state.hello.as_ref()).map(|hello| hello.node_key);
                for group in self.groups.values_mut() {
                    if group.link() == *link {
                        if group.is_active() && key.is_some_and(|key| key.0 != group.record.node_key) {
                            let conversation = Some(group.id());
                            cx.record(Record::Alert { conversation, alert: Alert::WrongNode });
                        }
                        group.connected(cx)?;
                    }
                }
                Ok(())
            }
            LinkKind::Door => {
                let hello = cx.links.ready(link).and_then(|state| state.hello.as_ref().map(|hello| hello.node_key));
                let is_home = *link == self.door_link(cx);
                match (hello, cx.me.node_key) {
                    (Some(found), Some(known)) if is_home && found != known => {
                        // Another node under the old address: it gets nothing, and says nothing that counts.
                        cx.links.reset(link);
                        cx.record(Record::Alert { conversation: None, alert: Alert::WrongNode });
                        return Ok(());
                    }
                    (Some(found), None) if is_home => self.learned = Some(found),
                    _ => {}
                }
                self.door_ready(cx)
            }
            LinkKind::Knock => self.advance_jobs_on(cx, link),
            LinkKind::Room => Ok(()),
        }
    }

    fn on_disconnected(&mut self, cx: &mut Cx<'_>, link: &Link) -> Result<(), DeviceError> {
        match link.kind {
            LinkKind::Lanes => {
                for group in self.groups.values_mut().filter(|group| group.link() == *link) {
                    group.disconnected();
                }
            }
            LinkKind::Door => self.door_gone(),
            LinkKind::Knock => self.jobs_disconnected(cx, link),
            LinkKind::Room => {}
        }
        Ok(())
    }

    fn on_wake(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        for group in self.groups.values_mut() {
            group.wake(cx)?;
        }
        self.jobs_wake(cx)?;
        let believed_ms = clock::believed_ms(cx)?;
        self.forget_old_early(cx, believed_ms)?;
        self.ghosts_due(cx, believed_ms)?;
        self.answers_due(cx)?;
        self.pool_wake(cx)
    }

    fn next_wake_ms(&self, from_ms: u64) -> u64 {
        let groups = self.groups.values().map(|group| group.next_wake_ms(from_ms)).min().unwrap_or(u64::MAX);
        groups.min(self.jobs_wake_ms(from_ms)).min(self.pool_wake_ms(from_ms))
    }

    /// Takes over what groups left for the device: Welcomes to deliver, wishes to be added again. Answers an intent
    /// only when nothing of it is left to do.
    fn settle(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        self.serve_early(cx)?;
        self.leave_outdone(cx)?;
        while !cx.welcomes.is_empty() || !cx.readds.is_empty() {
            for delivery in std::mem::take(&mut cx.welcomes) {
                self.deliver(cx, delivery)?;
            }
            for wish in std::mem::take(&mut cx.readds) {
                self.ask_readd(cx, &wish)?;
            }
        }
        let busy: Vec<IntentId> = self.jobs.values().filter_map(Job::intent).collect();
        let mut answered: Vec<IntentId> = Vec::new();
        let groups = &self.groups;
        cx.effects.retain(|effect| match effect {
            Effect::Record(Record::Outcome(intent, outcome)) => {
                let is_open = outcome.is_ok()
                    && (busy.contains(intent) || groups.values().any(|group| group.has_intent(*intent)));
                let is_first = !answered.contains(intent);
                if !is_open && is_first {
                    answered.push(*intent);
                }
                !is_open && is_first
            }
            _ => true,
        });
        Ok(())
    }
}
