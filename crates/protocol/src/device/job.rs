//! Work that reaches over several round trips and restarts: claims at doors, knocks (LANE.md s.7).
//!
//! A job is on disk from its first step. Its connection-bound progress is not: after a reconnect or a restart the
//! stage begins again. A sealed knock keeps its bytes, so that the node recognises a repeated one.

use super::Parts;
use super::deliver::Parcel;
use super::pool::Invite;
use crate::contact::door::open_door_key_package;
use crate::contact::{
    DoorRecord, IntroPublic, InviteBundle, InviteKind, InviteLink, JoinRequest, Knock, KnockKind, KnockLane, Readd,
    SealKnockError, derive_door_id, seal_knock,
};
use crate::event::{
    BlobFailure, ConversationId, Effect, IntentError, IntentId, Link, LinkKind, Outcome, Record, Work, WorkBound,
};
use crate::group::{Cx, DeviceError, Group, Joiner, Plan, ReaddWish, Route, Target};
use crate::identity::NodeUrl;
use crate::link::{Asked, LaneAsk};
use crate::policy::Policy;
use crate::storage::{self, Space, Storage, StorageError};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wire::id::{AccountId, BlobId, Hash, LaneId, WriteCap};
use wire::lane::{CellKind, LaneClass, derive_lane_id};
use wire::node::{Append, DoorClaim, Event, Handle, Open, Refusal, Request};

/// How long a blob of a Welcome stays at the node.
const WELCOME_BLOB_S: u64 = 30 * 86_400;
/// Waits between tries of a stage that failed, milliseconds; doubled each time for a bundle that does not come.
const RETRY_MS: u64 = 5_000;
/// The longest such wait.
const RETRY_MS_MAX: u64 = 60_000;

/// Knocks on one lane over one connection at most.
const KNOCKS_ON_A_LANE_MAX: u32 = 64;

/// What a job is for.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum Purpose {
    /// Following an invite link.
    Accept { link: String, note: String },
    /// A conversation by address.
    Add { note: String },
    /// A member for a group.
    Member { group: [u8; 16] },
    /// A Welcome, once the door's record is known.
    Welcome { parcel: Box<Parcel> },
    /// To be added again.
    Readd { group: [u8; 16], suspect_leaf: Option<u32> },
    /// A sealed knock on its way; nothing follows.
    Knock,
    /// A sealed knock with a Welcome: whom it lets into which conversation.
    WelcomeKnock { group: [u8; 16], account: [u8; 32] },
    /// A sealed knock at a group's invite. It goes once the lane for its answer stands, or the answer finds no lane.
    Join { reply: [u8; 32] },
}

/// Where a job stands.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum Stage {
    /// The invite's bundle is wanted.
    Fetch { node_url: NodeUrl, blob_id: [u8; 32] },
    /// A door's record is wanted, with a KeyPackage or without.
    Claim { node_url: NodeUrl, account: [u8; 32], is_record_only: bool },
    /// A knock is to be appended; the blob that it points to first, if it has one. Once it was sent, the node may
    /// have it although no receipt came.
    Append { target: Target, body: Vec<u8>, blob: Option<[u8; 32]>, is_sent: bool },
}

impl Stage {
    pub(super) fn append(target: Target, body: Vec<u8>, blob: Option<[u8; 32]>) -> Self {
        Self::Append { target, body, blob, is_sent: false }
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct JobRecord {
    intent: Option<IntentId>,
    purpose: Purpose,
    stage: Stage,
}

/// What a job did on the present connection.
#[derive(Default)]
struct Progress {
    is_asked: bool,
    handle: Option<Handle>,
    counter: u32,
    /// Knocks that this connection appended to the same lane before.
    nth: u32,
    work: u64,
    retry_at_ms: u64,
    /// Tries of this stage that failed.
    tries: u32,
    /// The knock went out over this connection.
    is_sent: bool,
    /// It went out over another one before, and no answer came: the node may have it.
    is_doubtful: bool,
}

/// One job.
pub(super) struct Job {
    record: JobRecord,
    progress: Progress,
}

impl Job {
    pub(super) fn load_all(storage: &dyn Storage) -> Result<BTreeMap<u64, Self>, StorageError> {
        let rows = storage.scan(Space::Jobs, &[])?;
        rows.iter()
            .map(|(key, value)| {
                let id = key.as_slice().try_into().map(u64::from_be_bytes).map_err(|_| StorageError::Corrupt("job"))?;
                Ok((id, Self { record: storage::decode(1, value, "job")?, progress: Progress::default() }))
            })
            .collect()
    }

    pub(super) fn intent(&self) -> Option<IntentId> {
        self.record.intent
    }

    /// Notes that the knock goes out, or that the node surely did not take it.
    fn note_sent(&mut self, cx: &Cx<'_>, id: u64, now_sent: bool) -> Result<(), DeviceError> {
        if let Stage::Append { is_sent, .. } = &mut self.record.stage {
            self.progress.is_doubtful |= now_sent && *is_sent && !self.progress.is_sent;
            self.progress.is_sent = now_sent;
            if *is_sent != now_sent {
                *is_sent = now_sent;
                storage::put(cx.storage, Space::Jobs, &id.to_be_bytes(), &self.record)?;
            }
        }
        Ok(())
    }

    /// Whether the node may have taken the knock although it refuses it now.
    fn may_have_arrived(&self) -> bool {
        let was_sent = matches!(&self.record.stage, Stage::Append { is_sent: true, .. });
        was_sent && (self.progress.is_doubtful || !self.progress.is_sent)
    }

    fn link(&self) -> Option<Link> {
        let node_url = match &self.record.stage {
            Stage::Fetch { .. } => return None,
            Stage::Claim { node_url, .. } => node_url.clone(),
            Stage::Append { target, .. } => target.node_url.clone(),
        };
        Some(Link { node_url, kind: LinkKind::Knock })
    }
}

fn lane_of(target: &Target) -> LaneId {
    let class = if target.is_door { LaneClass::Door } else { LaneClass::Invite };
    derive_lane_id(class, &Hash(target.read_hash), &WriteCap(target.write_cap).hash())
}

fn target_of(node_url: &NodeUrl, target: &crate::contact::KnockTarget) -> Target {
    Target {
        node_url: node_url.clone(),
        is_door: target.class == LaneClass::Door,
        write_cap: target.write_cap.0,
        read_hash: target.read_hash.0,
        intro_pk: target.intro_pk.as_bytes().to_vec(),
    }
}

impl Parts<'_> {
    pub(super) fn new_job(
        &mut self,
        cx: &mut Cx<'_>,
        intent: Option<IntentId>,
        purpose: Purpose,
        stage: Stage,
    ) -> Result<(), DeviceError> {
        let id = *self.next_job;
        *self.next_job += 1;
        let record = JobRecord { intent, purpose, stage };
        storage::put(cx.storage, Space::Jobs, &id.to_be_bytes(), &record)?;
        self.jobs.insert(id, Job { record, progress: Progress::default() });
        self.advance_job(cx, id)
    }

    pub(super) fn accept(
        &mut self,
        cx: &mut Cx<'_>,
        intent: IntentId,
        link: &str,
        note: String,
    ) -> Result<Option<IntentError>, DeviceError> {
        let parsed = match InviteLink::parse(link) {
            Ok(parsed) => parsed,
            Err(error) => return Ok(Some(IntentError::BadLink(error.to_string()))),
        };
        let stage = Stage::Fetch { node_url: parsed.node_url, blob_id: parsed.bundle_id.0 };
        self.new_job(cx, Some(intent), Purpose::Accept { link: link.to_owned(), note }, stage)?;
        Ok(None)
    }

    pub(super) fn add(
        &mut self,
        cx: &mut Cx<'_>,
        intent: IntentId,
        account: AccountId,
        node_url: NodeUrl,
        note: String,
    ) -> Result<(), DeviceError> {
        let stage = Stage::Claim { node_url, account: account.0, is_record_only: false };
        self.new_job(cx, Some(intent), Purpose::Add { note }, stage)
    }

    pub(super) fn add_member(
        &mut self,
        cx: &mut Cx<'_>,
        intent: IntentId,
        group: ConversationId,
        account: AccountId,
        node_url: NodeUrl,
    ) -> Result<(), DeviceError> {
        let stage = Stage::Claim { node_url, account: account.0, is_record_only: false };
        self.new_job(cx, Some(intent), Purpose::Member { group: group.0 }, stage)
    }

    /// Asks an admin of the group, by its door, to be added again.
    pub(super) fn ask_readd(&mut self, cx: &mut Cx<'_>, wish: &ReaddWish) -> Result<(), DeviceError> {
        let Some(group) = self.groups.get(&ConversationId(wish.group)) else { return Ok(()) };
        let policy = group.policy()?;
        let contacts = super::knock::contacts(cx.storage)?;
        let me = cx.me.identity.account_id;
        let admin = policy.admins.iter().filter(|admin| **admin != me).find_map(|admin| contacts.get(&admin.0));
        let fallback = policy.admins.iter().find(|admin| **admin != me);
        let (account, node_url) = match (admin, fallback) {
            (Some(contact), _) => (AccountId(contact.account), contact.node_url.clone()),
            (None, Some(admin)) => (*admin, group.record.node_url.clone()),
            (None, None) => return Ok(()),
        };
        let stage = Stage::Claim { node_url, account: account.0, is_record_only: true };
        let purpose = Purpose::Readd { group: wish.group, suspect_leaf: wish.suspect_leaf };
        self.new_job(cx, None, purpose, stage)
    }

    /// Seals a knock; none if it does not fit the cell, or the target's key is none.
    pub(super) fn seal(
        &self,
        cx: &mut Cx<'_>,
        target: &Target,
        kind: KnockKind,
        note: &str,
    ) -> Result<Option<Vec<u8>>, DeviceError> {
        let Ok(to) = IntroPublic::parse(&target.intro_pk) else { return Ok(None) };
        let knock = Knock {
            certificate: cx.me.certificate.clone(),
            note: note.to_owned(),
            name: cx.me.name.clone(),
            node_url: Some(cx.me.node_url.clone()),
            kind,
        };
        match seal_knock(cx.crypto, &lane_of(target), &to, &cx.me.key, &knock) {
            Ok(body) => Ok(Some(body.to_vec())),
            Err(SealKnockError::TooLarge(_)) => Ok(None),
            Err(SealKnockError::Misuse(_) | SealKnockError::WrongSigner | SealKnockError::Provider(_)) => {
                Err(DeviceError::Bug("an own knock seals"))
            }
        }
    }

    pub(super) fn advance_jobs_on(&mut self, cx: &mut Cx<'_>, link: &Link) -> Result<(), DeviceError> {
        let ids: Vec<u64> =
            self.jobs.iter().filter(|(_, job)| job.link().as_ref() == Some(link)).map(|(id, _)| *id).collect();
        for id in ids {
            self.advance_job(cx, id)?;
        }
        Ok(())
    }

    /// Does a job's next step, if it can be done now.
    pub(super) fn advance_job(&mut self, cx: &mut Cx<'_>, id: u64) -> Result<(), DeviceError> {
        let Some(job) = self.jobs.get_mut(&id) else { return Ok(()) };
        if job.progress.is_asked || cx.now_ms < job.progress.retry_at_ms {
            return Ok(());
        }
        match (&job.record.stage, job.link()) {
            (Stage::Fetch { node_url, blob_id }, _) => {
                job.progress.is_asked = true;
                cx.effects.push(Effect::GetBlob(node_url.clone(), BlobId(*blob_id)));
            }
            (Stage::Claim { account, .. }, Some(link)) => {
                cx.links.want(&link);
                let door_id = derive_door_id(&AccountId(*account));
                let Some(state) = cx.links.ready(&link) else { return Ok(()) };
                let Some(hello) = &state.hello else { return Ok(()) };
                job.progress.is_asked = true;
                job.progress.counter = state.claims;
                state.claims += 1;
                let bound = WorkBound::Claim(door_id, job.progress.counter);
                let work = Work { job: id, hello_nonce: hello.nonce, bound, bits: hello.claim_bits };
                cx.effects.push(Effect::Solve(work));
            }
            (Stage::Append { blob: Some(blob_id), target, .. }, _) => {
                job.progress.is_asked = true;
                let (node_url, blob_id) = (target.node_url.clone(), *blob_id);
                let is_on_its_way = self.jobs.iter().any(|(other, job)| {
                    let is_same = matches!(&job.record.stage, Stage::Append { blob: Some(blob), target, .. }
                        if *blob == blob_id && target.node_url == node_url);
                    *other != id && is_same && job.progress.is_asked
                });
                if let Some(blob) = cx.storage.get(Space::Blobs, &blob_id)?
                    && !is_on_its_way
                {
                    cx.effects.push(Effect::PutBlob(node_url, BlobId(blob_id), blob.into(), WELCOME_BLOB_S));
                }
            }
            (Stage::Append { target, .. }, Some(link)) => {
                cx.links.want(&link);
                if let Purpose::Join { reply } = &job.record.purpose
                    && !self.invites.get(&Hash(*reply)).is_some_and(Invite::is_open)
                {
                    return Ok(());
                }
                let class = if target.is_door { LaneClass::Door } else { LaneClass::Invite };
                let request = Request::Open(Open {
                    class,
                    lane_id: lane_of(target),
                    read_cap: None,
                    write_cap: Some(WriteCap(target.write_cap)),
                    after: 0,
                    expires_s: 0,
                });
                job.progress.is_asked = cx.links.ask(&link, Asked::Job(id, LaneAsk::Open), request);
            }
            (Stage::Claim { .. } | Stage::Append { .. }, None) => {}
        }
        Ok(())
    }

    pub(super) fn on_solved(&mut self, cx: &mut Cx<'_>, id: u64, nonce: u64) -> Result<(), DeviceError> {
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.progress.is_asked) else { return Ok(()) };
        let Some(link) = job.link() else { return Ok(()) };
        match (&job.record.stage, job.progress.handle) {
            (Stage::Claim { account, is_record_only, .. }, _) => {
                let request = Request::DoorClaim(DoorClaim {
                    door_id: derive_door_id(&AccountId(*account)),
                    counter: job.progress.counter,
                    work: nonce,
                    record_only: *is_record_only,
                });
                cx.links.ask(&link, Asked::Job(id, LaneAsk::Claim), request);
            }
            (Stage::Append { body, .. }, Some(handle)) => {
                job.progress.work = nonce;
                let request = append_knock(handle, body, job.progress.nth, nonce);
                cx.links.ask(&link, Asked::Job(id, LaneAsk::Append), request);
                job.note_sent(cx, id, true)?;
            }
            (Stage::Fetch { .. } | Stage::Append { .. }, _) => {}
        }
        Ok(())
    }

    pub(super) fn on_job_answer(
        &mut self,
        cx: &mut Cx<'_>,
        id: u64,
        ask: LaneAsk,
        event: Event,
    ) -> Result<(), DeviceError> {
        let Some(job) = self.jobs.get_mut(&id) else { return Ok(()) };
        match (ask, event) {
            (LaneAsk::Claim, Event::DoorClaimed { record, key_package, .. }) => {
                self.claimed(cx, id, &record, key_package)
            }
            (LaneAsk::Open, Event::Opened { handle, .. }) => {
                job.progress.handle = Some(handle);
                let (Stage::Append { target, body, .. }, Some(link)) = (&job.record.stage, job.link()) else {
                    return Ok(());
                };
                if !target.is_door {
                    let request = append_knock(handle, body, job.progress.nth, 0);
                    cx.links.ask(&link, Asked::Job(id, LaneAsk::Append), request);
                    return job.note_sent(cx, id, true);
                }
                let bound = WorkBound::Knock(lane_of(target), Hash::of(&[body]));
                let hello = cx.links.ready(&link).and_then(|state| state.hello.clone());
                if let Some(hello) = hello {
                    let work = Work { job: id, hello_nonce: hello.nonce, bound, bits: hello.knock_bits };
                    cx.effects.push(Effect::Solve(work));
                }
                Ok(())
            }
            // The handle stays: another knock at the same lane may hold it, and the last job hangs up.
            (LaneAsk::Append, Event::Receipt(_)) => self.finish_job(cx, id, Ok(Outcome::Asked)),
            (LaneAsk::Append, Event::Refused(Refusal::Work { bits })) => {
                // The queue grew meanwhile: more work for the same knock.
                let (Stage::Append { target, body, .. }, Some(link)) = (&job.record.stage, job.link()) else {
                    return Ok(());
                };
                let bound = WorkBound::Knock(lane_of(target), Hash::of(&[body]));
                if let Some(hello) = cx.links.ready(&link).and_then(|state| state.hello.clone()) {
                    cx.effects.push(Effect::Solve(Work {
                        job: id,
                        hello_nonce: hello.nonce,
                        bound,
                        bits: bits.min(32),
                    }));
                }
                Ok(())
            }
            (LaneAsk::Append, Event::Refused(Refusal::OutOfOrder)) if job.progress.nth < KNOCKS_ON_A_LANE_MAX => {
                job.progress.nth += 1;
                let (Stage::Append { body, .. }, Some(link), Some(handle)) =
                    (&job.record.stage, job.link(), job.progress.handle)
                else {
                    return Ok(());
                };
                let request = append_knock(handle, body, job.progress.nth, job.progress.work);
                cx.links.ask(&link, Asked::Job(id, LaneAsk::Append), request);
                Ok(())
            }
            (LaneAsk::Claim, Event::Refused(Refusal::NoDoor)) => self.give_up_job(cx, id, IntentError::NoDoor),
            (LaneAsk::Open | LaneAsk::Append, Event::Refused(Refusal::Denied | Refusal::Closed)) => {
                self.give_up_job(cx, id, IntentError::InviteGone)
            }
            (_, Event::Refused(refusal)) => {
                let wait = match refusal {
                    Refusal::Busy { retry_after_ms } | Refusal::Full { retry_after_ms } => u64::from(retry_after_ms),
                    _ => 0,
                };
                if ask == LaneAsk::Append && !job.progress.is_doubtful {
                    job.note_sent(cx, id, false)?;
                }
                let jitter = cx.jitter(RETRY_MS);
                job.progress = Progress { retry_at_ms: cx.now_ms + wait.max(500) + jitter, ..Progress::default() };
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn set_stage(&mut self, cx: &mut Cx<'_>, id: u64, purpose: Purpose, stage: Stage) -> Result<(), DeviceError> {
        if let Some(job) = self.jobs.get_mut(&id) {
            job.record.purpose = purpose;
            job.record.stage = stage;
            job.progress = Progress::default();
            storage::put(cx.storage, Space::Jobs, &id.to_be_bytes(), &job.record)?;
        }
        self.advance_job(cx, id)
    }

    fn finish_job(
        &mut self,
        cx: &mut Cx<'_>,
        id: u64,
        outcome: Result<Outcome, IntentError>,
    ) -> Result<(), DeviceError> {
        let Some(job) = self.jobs.remove(&id) else { return Ok(()) };
        cx.storage.delete(Space::Jobs, &id.to_be_bytes())?;
        if let Some(intent) = job.record.intent {
            cx.record(Record::Outcome(intent, outcome));
        }
        if let Some(link) = job.link()
            && self.jobs.values().all(|other| other.link().as_ref() != Some(&link))
        {
            cx.links.drop_link(&link);
            cx.effects.push(Effect::Hangup(link));
        }
        Ok(())
    }

    /// A node refused a job for good. Whoever was to be let in is not, and the user is told (LANE.md s.7).
    fn give_up_job(&mut self, cx: &mut Cx<'_>, id: u64, error: IntentError) -> Result<(), DeviceError> {
        let Some(job) = self.jobs.get(&id) else { return Ok(()) };
        let (purpose, may_have_arrived) = (job.record.purpose.clone(), job.may_have_arrived());
        self.finish_job(cx, id, Err(error))?;
        match purpose {
            Purpose::Welcome { parcel } => self.not_reached(cx, parcel.group(), &parcel.account()),
            Purpose::WelcomeKnock { group, account } if !may_have_arrived => {
                self.not_reached(cx, ConversationId(group), &AccountId(account))
            }
            Purpose::Join { reply } if !may_have_arrived => self.close_invite(cx, Hash(reply), None),
            _ => Ok(()),
        }
    }

    fn jobs_of_reply(&self, key: &Hash) -> Vec<u64> {
        let waits = |job: &Job| matches!(&job.record.purpose, Purpose::Join { reply } if *reply == key.0);
        self.jobs.iter().filter(|(_, job)| waits(job)).map(|(id, _)| *id).collect()
    }

    /// A lane for an answer stands: the knock that waits for it goes.
    pub(super) fn reply_lane_open(&mut self, cx: &mut Cx<'_>, key: &Hash) -> Result<(), DeviceError> {
        for id in self.jobs_of_reply(key) {
            self.advance_job(cx, id)?;
        }
        Ok(())
    }

    /// A lane for an answer is gone: the answer came, or there will be none.
    pub(super) fn reply_lane_gone(&mut self, cx: &mut Cx<'_>, key: &Hash, is_used: bool) -> Result<(), DeviceError> {
        for id in self.jobs_of_reply(key) {
            let outcome = if is_used { Ok(Outcome::Asked) } else { Err(IntentError::InviteGone) };
            self.finish_job(cx, id, outcome)?;
        }
        Ok(())
    }

    /// A door answered: the record, and perhaps a KeyPackage, which stays with the job from here on.
    fn claimed(
        &mut self,
        cx: &mut Cx<'_>,
        id: u64,
        record: &[u8],
        key_package: Option<Bytes>,
    ) -> Result<(), DeviceError> {
        let Some(job) = self.jobs.get(&id) else { return Ok(()) };
        let (Stage::Claim { node_url, account, .. }, purpose, intent) =
            (job.record.stage.clone(), job.record.purpose.clone(), job.record.intent)
        else {
            return Ok(());
        };
        let Ok(record) = DoorRecord::open(&AccountId(account), record) else {
            return self.give_up_job(cx, id, IntentError::Forged);
        };
        let target = target_of(&node_url, &record.target);
        match purpose {
            Purpose::Welcome { parcel } => match self.seal_welcome(cx, &parcel, target)? {
                Some(stage) => self.set_stage(cx, id, parcel.knock(), stage),
                None => self.give_up_job(cx, id, IntentError::Forged),
            },
            Purpose::Readd { group, suspect_leaf } => match self.seal_readd(cx, group, suspect_leaf, &target)? {
                Some(body) => self.set_stage(cx, id, Purpose::Knock, Stage::append(target, body, None)),
                None => self.finish_job(cx, id, Err(IntentError::Forged)),
            },
            Purpose::Add { .. } | Purpose::Member { .. } => {
                let checked = key_package.and_then(|sealed| open_door_key_package(cx.crypto, &record, &sealed).ok());
                let Some(checked) = checked.filter(|checked| checked.is_good_at(cx.now_ms / 1_000)) else {
                    return self.finish_job(cx, id, Err(IntentError::Forged));
                };
                let note = if let Purpose::Add { note } = &purpose { note.clone() } else { String::new() };
                let joiner = Joiner::new(cx.crypto, &checked, &record.certificate, Route::Known(target), note)?;
                super::knock::put_contact(cx, AccountId(account), &node_url, &record.name)?;
                match purpose {
                    Purpose::Member { group } => {
                        self.jobs_intent_moves(cx, id)?;
                        let plan = Plan::Add { joiners: vec![joiner], intents: intent.into_iter().collect() };
                        self.with_group(cx, ConversationId(group), |group, cx| {
                            group.plan(cx, plan)?;
                            group.pump(cx)
                        })
                    }
                    _ => {
                        let key = cx.links.ready(&Link { node_url: node_url.clone(), kind: LinkKind::Knock });
                        let Some(node_key) = key.and_then(|state| state.hello.as_ref().map(|hello| hello.node_key))
                        else {
                            return Ok(());
                        };
                        let conversation = self.new_direct(cx, &node_url, node_key, AccountId(account), joiner)?;
                        self.finish_job(cx, id, Ok(Outcome::Conversation(conversation)))
                    }
                }
            }
            Purpose::Accept { .. } | Purpose::Knock | Purpose::WelcomeKnock { .. } | Purpose::Join { .. } => Ok(()),
        }
    }

    /// Ends a job whose intent lives on in a group's plan.
    fn jobs_intent_moves(&mut self, cx: &mut Cx<'_>, id: u64) -> Result<(), DeviceError> {
        if let Some(job) = self.jobs.get_mut(&id) {
            job.record.intent = None;
        }
        self.finish_job(cx, id, Ok(Outcome::Done))
    }

    /// A conversation of two with us alone in it, and the other's Add, which merges at once.
    fn new_direct(
        &mut self,
        cx: &mut Cx<'_>,
        node_url: &NodeUrl,
        node_key: wire::id::NodeKey,
        peer: AccountId,
        joiner: Joiner,
    ) -> Result<ConversationId, DeviceError> {
        let mut admins = vec![cx.me.identity.account_id, peer];
        admins.sort();
        let policy = Policy {
            is_direct: true,
            node_url: node_url.clone(),
            node_key,
            title: String::new(),
            admins,
            previous: None,
        };
        let group_id = cx.random();
        let mut group = Group::create(cx, group_id, &policy)?;
        group.plan(cx, Plan::Add { joiners: vec![joiner], intents: Vec::new() })?;
        group.pump(cx)?;
        let id = group.id();
        self.groups.insert(id, group);
        Ok(id)
    }

    fn seal_readd(
        &mut self,
        cx: &mut Cx<'_>,
        id: [u8; 16],
        suspect_leaf: Option<u32>,
        target: &Target,
    ) -> Result<Option<Vec<u8>>, DeviceError> {
        let Some(group) = self.groups.get(&ConversationId(id)) else { return Ok(None) };
        let (epoch, authenticator) = (group.record.epoch, group.record.authenticator.clone());
        let Ok(authenticator) = authenticator.try_into() else { return Ok(None) };
        let key_package = super::pool::make_key_package(cx, crate::contact::KeyPackageUse::Once)?;
        let readd =
            Readd { group_id: id.to_vec().into(), epoch, authenticator, key_package, suspect_leaf, evidence: None };
        self.seal(cx, target, KnockKind::Readd(Box::new(readd)), "")
    }

    /// The blob of an invite link came: the bundle says how to reach the inviter.
    pub(super) fn on_bundle(
        &mut self,
        cx: &mut Cx<'_>,
        node_url: &NodeUrl,
        blob_id: BlobId,
        blob: Result<&Bytes, BlobFailure>,
    ) -> Result<(), DeviceError> {
        let ids: Vec<u64> = self
            .jobs
            .iter()
            .filter(|(_, job)| {
                matches!(&job.record.stage, Stage::Fetch { node_url: url, blob_id: id } if url == node_url && *id == blob_id.0)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            match blob {
                Ok(blob) => self.open_bundle(cx, id, blob)?,
                Err(BlobFailure::NotFound) => self.finish_job(cx, id, Err(IntentError::InviteGone))?,
                Err(BlobFailure::Refused | BlobFailure::Network) => {
                    if let Some(job) = self.jobs.get_mut(&id) {
                        let tries = job.progress.tries.saturating_add(1);
                        let wait_ms = (RETRY_MS << tries.min(4)).min(RETRY_MS_MAX);
                        let retry_at_ms = cx.now_ms + wait_ms / 2 + cx.jitter(wait_ms / 2);
                        job.progress = Progress { retry_at_ms, tries, ..Progress::default() };
                    }
                }
            }
        }
        Ok(())
    }

    fn open_bundle(&mut self, cx: &mut Cx<'_>, id: u64, blob: &[u8]) -> Result<(), DeviceError> {
        let Some(job) = self.jobs.get(&id) else { return Ok(()) };
        let Purpose::Accept { link, note } = job.record.purpose.clone() else { return Ok(()) };
        let Ok(link) = InviteLink::parse(&link) else {
            return self.finish_job(cx, id, Err(IntentError::Forged));
        };
        let Ok(bundle) = InviteBundle::open(cx.crypto, &link, blob) else {
            return self.finish_job(cx, id, Err(IntentError::Forged));
        };
        let inviter = *bundle.certificate.account_id();
        if inviter == cx.me.identity.account_id {
            return self.finish_job(cx, id, Err(IntentError::OwnInvite));
        }
        super::knock::put_contact(cx, inviter, &link.node_url, &bundle.name)?;
        let target = target_of(&link.node_url, &bundle.target);
        match bundle.kind {
            InviteKind::Person { key_package } => {
                let joiner = Joiner::new(cx.crypto, &key_package, &bundle.certificate, Route::Known(target), note)?;
                let conversation = self.new_direct(cx, &link.node_url, bundle.node_pk, inviter, joiner)?;
                self.await_answer(cx, conversation, inviter, bundle.expires_s)?;
                self.finish_job(cx, id, Ok(Outcome::Conversation(conversation)))
            }
            InviteKind::Group { .. } => {
                let lane = KnockLane::generate(cx.crypto, LaneClass::Invite, cx.rng)
                    .map_err(|_| DeviceError::Bug("a fresh key generates"))?;
                let key_package = super::pool::make_key_package(cx, crate::contact::KeyPackageUse::Once)?;
                let (reply, key) = (lane.target(), lane.lane_id().0);
                self.open_reply_lane(cx, lane, &link.node_url, inviter)?;
                let join = JoinRequest { key_package, reply };
                match self.seal(cx, &target, KnockKind::Join(Box::new(join)), &note)? {
                    Some(body) => {
                        let purpose = Purpose::Join { reply: key };
                        self.set_stage(cx, id, purpose, Stage::append(target, body, None))
                    }
                    None => self.finish_job(cx, id, Err(IntentError::Forged)),
                }
            }
        }
    }

    /// A knock's blob is durable at a node, or is not.
    pub(super) fn on_job_blob_put(
        &mut self,
        cx: &mut Cx<'_>,
        node: &NodeUrl,
        blob_id: BlobId,
        is_durable: bool,
    ) -> Result<(), DeviceError> {
        let points_to_it =
            |job: &Job| matches!(&job.record.stage, Stage::Append { blob: Some(id), .. } if *id == blob_id.0);
        let is_here = |job: &Job| matches!(&job.record.stage, Stage::Append { target, .. } if target.node_url == *node);
        let ids: Vec<u64> =
            self.jobs.iter().filter(|(_, job)| points_to_it(job) && is_here(job)).map(|(id, _)| *id).collect();
        for id in &ids {
            let Some(job) = self.jobs.get_mut(id) else { continue };
            job.progress = Progress::default();
            if let Stage::Append { blob, .. } = &mut job.record.stage
                && is_durable
            {
                *blob = None;
                storage::put(cx.storage, Space::Jobs, &id.to_be_bytes(), &job.record)?;
            } else {
                job.progress.retry_at_ms = cx.now_ms + RETRY_MS;
            }
        }
        for id in &ids {
            self.advance_job(cx, *id)?;
        }
        let is_wanted = self.jobs.values().any(|job| {
            points_to_it(job)
                || matches!(&job.record.purpose, Purpose::Welcome { parcel } if parcel.points_to(&blob_id))
        });
        if !ids.is_empty() && !is_wanted {
            cx.storage.delete(Space::Blobs, &blob_id.0)?;
        }
        Ok(())
    }

    pub(super) fn jobs_disconnected(&mut self, cx: &mut Cx<'_>, link: &Link) {
        for job in self.jobs.values_mut().filter(|job| job.link().as_ref() == Some(link)) {
            let is_putting = matches!(&job.record.stage, Stage::Append { blob: Some(_), .. });
            if !is_putting {
                job.progress = Progress { retry_at_ms: cx.now_ms, ..Progress::default() };
            }
        }
    }

    pub(super) fn jobs_wake(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        let ids: Vec<u64> = self.jobs.keys().copied().collect();
        for id in ids {
            self.advance_job(cx, id)?;
        }
        Ok(())
    }

    pub(super) fn jobs_wake_ms(&self, from_ms: u64) -> u64 {
        let waiting = self.jobs.values().filter(|job| !job.progress.is_asked && job.progress.retry_at_ms > 0);
        waiting.map(|job| job.progress.retry_at_ms).filter(|due_ms| *due_ms >= from_ms).min().unwrap_or(u64::MAX)
    }
}

fn append_knock(handle: Handle, body: &[u8], nth: u32, work: u64) -> Request {
    Request::Append(Append {
        handle,
        nth,
        kind: CellKind::App,
        if_gen: 0,
        attach: Hash::ZERO,
        body: body.to_vec().into(),
        work,
    })
}
