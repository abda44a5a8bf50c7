//! What this device hands out: its door, its invites and reply lanes, its KeyPackages (LANE.md s.7).

use super::Parts;
use crate::contact::door::seal_door_key_package;
use crate::contact::key_package::build_key_package;
use crate::contact::{
    CheckedKeyPackage, DoorRecord, IntroKey, InviteBundle, InviteKind, InviteLink, InviteSecret, KeyPackageUse,
    KnockLane, derive_door_id,
};
use crate::event::{
    Alert, BlobFailure, ConversationId, Effect, IntentError, IntentId, InviteState, Link, LinkKind, Outcome, Record,
};
use crate::group::{Cx, DeviceError};
use crate::identity::NodeUrl;
use crate::link::{Asked, LaneAsk, Owner};
use crate::mls::SuiteCrypto;
use crate::storage::{self, Space, Storage, StorageError};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wire::id::{AccountId, BlobId, Hash, NodeKey, ReadCap, WriteCap};
use wire::lane::{Cell, LaneClass, Seq};
use wire::limit::INVITE_DAYS_MAX;
use wire::node::{DoorPut, Event, Handle, Open, Page, Request};

const DAY_MS: u64 = 86_400_000;
/// Knocks that were taken leave their lane by so many, or it would be full for those to come.
const TRIM_EVERY: u64 = 16;
/// Waits before a step that failed is tried again.
const RETRY_MS: u64 = 5_000;
/// Single-use KeyPackages that a door holds when it is full.
const DOOR_FULL: u32 = 50;
/// A door is filled up again below this.
const DOOR_LOW: u32 = 20;
/// A KeyPackage is good for 30 days, a last-resort one for 7.
const GOOD_MS: u64 = 30 * DAY_MS;
const LAST_RESORT_GOOD_MS: u64 = 7 * DAY_MS;
/// Private parts live so long past `good_until`.
const PRIVATE_PAST_S: u64 = 14 * 86_400;
/// Our door's lane is kept open so long ahead.
const DOOR_AHEAD_S: u64 = 30 * 86_400;
/// An invite's lane is read for so long after its end: knocks that came in time may still be there.
const INVITE_PAST_MS: u64 = DAY_MS;
/// KeyPackages at the door are replaced before they grow old.
const DOOR_REPLACE_MS: u64 = 20 * DAY_MS;

#[derive(Clone, Serialize, Deserialize)]
struct LaneRecord {
    read_cap: [u8; 32],
    write_cap: [u8; 32],
    intro_seed: [u8; 32],
}

impl LaneRecord {
    fn of(lane: &KnockLane) -> Self {
        Self { read_cap: lane.read_cap.0, write_cap: lane.write_cap.0, intro_seed: *lane.intro.to_seed() }
    }

    fn lane(&self, crypto: &SuiteCrypto, class: LaneClass) -> Result<KnockLane, StorageError> {
        let intro = IntroKey::from_seed(crypto, &self.intro_seed).map_err(|_| StorageError::Corrupt("intro key"))?;
        Ok(KnockLane { class, read_cap: ReadCap(self.read_cap), write_cap: WriteCap(self.write_cap), intro })
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct DoorState {
    lane: LaneRecord,
    cursor: Seq,
    filled_ms: u64,
    last_resort_ms: u64,
}

/// Our door.
pub(super) struct Door {
    state: DoorState,
    pub(super) lane: KnockLane,
    pub(super) handle: Option<Handle>,
    is_full_told: bool,
    /// The node refused something of the door; it is tried again at this time; 0: nothing.
    retry_at_ms: u64,
}

const DOOR_KEY: &[u8] = b"door";

impl Door {
    pub(super) fn generate(crypto: &SuiteCrypto, rng: &mut dyn CryptoRng) -> Result<Self, DeviceError> {
        let lane =
            KnockLane::generate(crypto, LaneClass::Door, rng).map_err(|_| DeviceError::Bug("a fresh key generates"))?;
        let state = DoorState { lane: LaneRecord::of(&lane), cursor: 0, filled_ms: 0, last_resort_ms: 0 };
        Ok(Self { state, lane, handle: None, is_full_told: false, retry_at_ms: 0 })
    }

    pub(super) fn load(crypto: &SuiteCrypto, storage: &dyn Storage) -> Result<Self, StorageError> {
        let state: DoorState =
            storage::get(storage, Space::Device, DOOR_KEY, "door")?.ok_or(StorageError::Corrupt("door"))?;
        let lane = state.lane.lane(crypto, LaneClass::Door)?;
        Ok(Self { state, lane, handle: None, is_full_told: false, retry_at_ms: 0 })
    }

    pub(super) fn save(&self, storage: &dyn Storage) -> Result<(), StorageError> {
        storage::put(storage, Space::Device, DOOR_KEY, &self.state)
    }
}

/// What a lane of ours is for.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum InviteKindRecord {
    /// One person, who knocks with a Welcome.
    Person,
    /// A group, into which whoever knocks is let.
    Group { group: [u8; 16], needs_approval: bool },
    /// The answer to our own knock at a group's invite, from this account.
    Reply { inviter: [u8; 32] },
}

#[derive(Clone, Serialize, Deserialize)]
struct InviteRecord {
    intent: Option<IntentId>,
    lane: LaneRecord,
    node_url: NodeUrl,
    kind: InviteKindRecord,
    link: String,
    bundle: Option<Vec<u8>>,
    bundle_id: [u8; 32],
    expires_s: u64,
    cursor: Seq,
    is_used: bool,
}

/// An invite link or a reply lane.
pub(super) struct Invite {
    record: InviteRecord,
    pub(super) lane: KnockLane,
    handle: Option<Handle>,
    is_asked: bool,
    /// A step failed and is tried again at this time; 0: none.
    retry_at_ms: u64,
    /// The user was told that it is over by this device's clock.
    is_told_over: bool,
}

impl Invite {
    pub(super) fn load_all(crypto: &SuiteCrypto, storage: &dyn Storage) -> Result<BTreeMap<Hash, Self>, StorageError> {
        let mut all = BTreeMap::new();
        for (key, value) in storage.scan(Space::Invites, &[])? {
            let record: InviteRecord = storage::decode(1, &value, "invite")?;
            let lane = record.lane.lane(crypto, LaneClass::Invite)?;
            let key = Hash::parse(&key).map_err(|_| StorageError::Corrupt("invite"))?;
            all.insert(key, Self { record, lane, handle: None, is_asked: false, retry_at_ms: 0, is_told_over: false });
        }
        Ok(all)
    }

    pub(super) fn kind(&self) -> &InviteKindRecord {
        &self.record.kind
    }

    pub(super) fn node_url(&self) -> &NodeUrl {
        &self.record.node_url
    }

    /// Whether its lane stands at the node.
    pub(super) fn is_open(&self) -> bool {
        self.handle.is_some()
    }

    /// Whether it is over by this device's clock; by then no node takes a knock for it.
    fn is_over(&self, now_ms: u64) -> bool {
        self.record.expires_s.saturating_mul(1_000) <= now_ms
    }

    pub(super) fn is_used(&self) -> bool {
        self.record.is_used
    }

    pub(super) fn link(&self) -> Link {
        Link { node_url: self.record.node_url.clone(), kind: LinkKind::Door }
    }

    fn save(&self, storage: &dyn Storage, key: &Hash) -> Result<(), StorageError> {
        storage::put(storage, Space::Invites, &key.0, &self.record)
    }
}

/// Whether something lies so far back, or in a future that only a clock which was wrong then can have seen.
fn is_past(now_ms: u64, then_ms: u64, age_ms: u64) -> bool {
    now_ms >= then_ms.saturating_add(age_ms) || then_ms > now_ms.saturating_add(DAY_MS)
}

#[derive(Serialize, Deserialize)]
struct KeyPackageRecord {
    good_until_s: u64,
}

/// Builds a KeyPackage of ours; its private part is in the store from now on.
pub(super) fn make_key_package(cx: &mut Cx<'_>, usage: KeyPackageUse) -> Result<CheckedKeyPackage, DeviceError> {
    let good = if usage == KeyPackageUse::LastResort { LAST_RESORT_GOOD_MS } else { GOOD_MS };
    let good_until_s = cx.now_ms.saturating_add(good) / 1_000;
    let me = cx.me;
    let provider = cx.provider();
    let bundle = build_key_package(&provider, &me.key, &me.identity, good_until_s, usage)
        .map_err(|_| DeviceError::Bug("an own KeyPackage builds"))?;
    let key_package = bundle.key_package().clone();
    let reference = key_package.hash_ref(cx.crypto).map_err(|_| DeviceError::Bug("a KeyPackage hashes"))?;
    let record = KeyPackageRecord { good_until_s };
    let key = postcard::to_stdvec(&reference).map_err(|_| StorageError::Corrupt("KeyPackage"))?;
    storage::put(cx.storage, Space::KeyPackages, &key, &record)?;
    CheckedKeyPackage::check(key_package).map_err(|_| DeviceError::Bug("an own KeyPackage is valid"))
}

/// Deletes the private parts of KeyPackages that nobody may use any more, by the clock that is believed.
pub(super) fn forget_old_key_packages(cx: &mut Cx<'_>) -> Result<(), DeviceError> {
    let now_s = super::clock::believed_ms(cx)? / 1_000;
    for (reference, value) in cx.storage.scan(Space::KeyPackages, &[])? {
        let record: KeyPackageRecord = storage::decode(1, &value, "KeyPackage")?;
        if record.good_until_s.saturating_add(PRIVATE_PAST_S) < now_s {
            cx.storage.delete(Space::KeyPackages, &reference)?;
            let hash = postcard::from_bytes::<openmls::prelude::KeyPackageRef>(&reference)
                .map_err(|_| StorageError::Corrupt("KeyPackage"))?;
            let provider = cx.provider();
            let store = openmls_traits::OpenMlsProvider::storage(&provider);
            openmls_traits::storage::StorageProvider::delete_key_package(store, &hash)?;
        }
    }
    Ok(())
}

impl Parts<'_> {
    /// Makes an invite link; it is told when bundle and lane are durable at the node.
    pub(super) fn make_invite(
        &mut self,
        cx: &mut Cx<'_>,
        intent: IntentId,
        group: Option<(ConversationId, bool)>,
        valid_s: u64,
    ) -> Result<Option<IntentError>, DeviceError> {
        let link = self.door_link(cx);
        let Some(node_key) = cx.links.ready(&link).and_then(|state| state.hello.as_ref().map(|hello| hello.node_key))
        else {
            // The bundle names the node's key: it waits for the connection.
            self.wait_for_invite(cx, intent, group, valid_s)?;
            return Ok(None);
        };
        self.build_invite(cx, Some(intent), group, valid_s, node_key)
    }

    fn wait_for_invite(
        &mut self,
        cx: &mut Cx<'_>,
        intent: IntentId,
        group: Option<(ConversationId, bool)>,
        valid_s: u64,
    ) -> Result<(), DeviceError> {
        let key = [b"invite wait ".as_slice(), &intent.to_be_bytes()].concat();
        let wish = (intent, group.map(|(id, approval)| (id.0, approval)), valid_s);
        storage::put(cx.storage, Space::Device, &key, &wish)?;
        Ok(())
    }

    fn waiting_invites(&mut self, cx: &mut Cx<'_>, node_key: NodeKey) -> Result<(), DeviceError> {
        for (key, value) in cx.storage.scan(Space::Device, b"invite wait ")? {
            let (intent, group, valid_s): (IntentId, Option<([u8; 16], bool)>, u64) =
                storage::decode(1, &value, "invite wish")?;
            cx.storage.delete(Space::Device, &key)?;
            let group = group.map(|(id, approval)| (ConversationId(id), approval));
            if let Some(error) = self.build_invite(cx, Some(intent), group, valid_s, node_key)? {
                cx.record(Record::Outcome(intent, Err(error)));
            }
        }
        Ok(())
    }

    fn build_invite(
        &mut self,
        cx: &mut Cx<'_>,
        intent: Option<IntentId>,
        group: Option<(ConversationId, bool)>,
        valid_s: u64,
        node_pk: NodeKey,
    ) -> Result<Option<IntentError>, DeviceError> {
        let kind = match group {
            None => {
                let key_package = make_key_package(cx, KeyPackageUse::Once)?;
                InviteKind::Person { key_package: Box::new(key_package) }
            }
            Some((id, _)) => {
                let Some(group) = self.groups.get(&id) else { return Ok(Some(IntentError::NoConversation)) };
                InviteKind::Group { title: group.policy()?.title }
            }
        };
        let lane = KnockLane::generate(cx.crypto, LaneClass::Invite, cx.rng)
            .map_err(|_| DeviceError::Bug("a fresh key generates"))?;
        let valid_s = valid_s.min(u64::from(INVITE_DAYS_MAX) * 86_400 - 3_600);
        let expires_s = (cx.now_ms / 1_000).saturating_add(valid_s);
        let bundle = InviteBundle {
            certificate: cx.me.certificate.clone(),
            target: lane.target(),
            node_pk,
            name: cx.me.name.clone(),
            expires_s,
            kind,
        };
        let secret = InviteSecret::generate(cx.rng);
        let sealed = bundle.seal(&secret, cx.rng).map_err(|_| DeviceError::Bug("an own bundle seals"))?;
        let node_url = cx.me.node_url.clone();
        let link = InviteLink { node_url: node_url.clone(), secret, bundle_id: sealed.id };
        let record = InviteRecord {
            intent,
            lane: LaneRecord::of(&lane),
            node_url: node_url.clone(),
            kind: match group {
                None => InviteKindRecord::Person,
                Some((id, needs_approval)) => InviteKindRecord::Group { group: id.0, needs_approval },
            },
            link: link.to_text().to_string(),
            bundle: Some(sealed.ciphertext.to_vec()),
            bundle_id: sealed.id.0,
            expires_s,
            cursor: 0,
            is_used: false,
        };
        let key = Hash(lane.lane_id().0);
        let invite = Invite { record, lane, handle: None, is_asked: false, retry_at_ms: 0, is_told_over: false };
        invite.save(cx.storage, &key)?;
        self.invites.insert(key, invite);
        self.advance_invite(cx, key)?;
        Ok(None)
    }

    /// Opens a lane for the answer to our own knock.
    pub(super) fn open_reply_lane(
        &mut self,
        cx: &mut Cx<'_>,
        lane: KnockLane,
        node_url: &NodeUrl,
        inviter: AccountId,
    ) -> Result<(), DeviceError> {
        let record = InviteRecord {
            intent: None,
            lane: LaneRecord::of(&lane),
            node_url: node_url.clone(),
            kind: InviteKindRecord::Reply { inviter: inviter.0 },
            link: String::new(),
            bundle: None,
            bundle_id: [0; 32],
            expires_s: cx.now_ms / 1_000 + u64::from(INVITE_DAYS_MAX) * 86_400 - 3_600,
            cursor: 0,
            is_used: false,
        };
        let key = Hash(lane.lane_id().0);
        let invite = Invite { record, lane, handle: None, is_asked: false, retry_at_ms: 0, is_told_over: false };
        invite.save(cx.storage, &key)?;
        let link = invite.link();
        self.invites.insert(key, invite);
        cx.links.want(&link);
        self.advance_invite(cx, key)
    }

    /// Puts the bundle, then opens the lane, then tells the link.
    fn advance_invite(&mut self, cx: &mut Cx<'_>, key: Hash) -> Result<(), DeviceError> {
        let Some(invite) = self.invites.get_mut(&key) else { return Ok(()) };
        if invite.is_asked || invite.handle.is_some() || cx.now_ms < invite.retry_at_ms {
            return Ok(());
        }
        invite.retry_at_ms = 0;
        let now_s = cx.now_ms / 1_000;
        if let Some(bundle) = &invite.record.bundle {
            invite.is_asked = true;
            let ttl_s = invite.record.expires_s.saturating_sub(now_s).max(1);
            let blob_id = BlobId(invite.record.bundle_id);
            cx.effects.push(Effect::PutBlob(invite.record.node_url.clone(), blob_id, bundle.clone().into(), ttl_s));
            return Ok(());
        }
        let link = invite.link();
        let request = Request::Open(Open {
            class: LaneClass::Invite,
            lane_id: invite.lane.lane_id(),
            read_cap: Some(invite.lane.read_cap.clone()),
            write_cap: Some(invite.lane.write_cap.clone()),
            after: invite.record.cursor,
            expires_s: invite.record.expires_s,
        });
        invite.is_asked = cx.links.ask(&link, Asked::Invite(key, LaneAsk::Open), request);
        Ok(())
    }

    pub(super) fn on_invite_blob_put(
        &mut self,
        cx: &mut Cx<'_>,
        blob_id: BlobId,
        result: Result<(), BlobFailure>,
    ) -> Result<(), DeviceError> {
        let key = self
            .invites
            .iter()
            .find(|(_, invite)| invite.record.bundle_id == blob_id.0 && invite.record.bundle.is_some())
            .map(|(key, _)| *key);
        let Some(key) = key else { return Ok(()) };
        let Some(invite) = self.invites.get_mut(&key) else { return Ok(()) };
        invite.is_asked = false;
        match result {
            Ok(()) => {
                invite.record.bundle = None;
                invite.save(cx.storage, &key)?;
                self.advance_invite(cx, key)
            }
            Err(BlobFailure::Refused | BlobFailure::NotFound) => self.close_invite(cx, key, Some(IntentError::Refused)),
            Err(BlobFailure::Network) => {
                invite.retry_at_ms = cx.now_ms + RETRY_MS;
                Ok(())
            }
        }
    }

    pub(super) fn on_invite_answer(
        &mut self,
        cx: &mut Cx<'_>,
        key: Hash,
        ask: LaneAsk,
        event: Event,
    ) -> Result<(), DeviceError> {
        let Some(invite) = self.invites.get_mut(&key) else { return Ok(()) };
        match (ask, event) {
            (LaneAsk::Open, Event::Opened { handle, page }) => {
                (invite.is_asked, invite.handle) = (false, Some(handle));
                let link = invite.link();
                if let Some(state) = cx.links.ready(&link) {
                    state.owners.insert(handle, Owner::Invite(key));
                }
                if !invite.record.link.is_empty() {
                    let text = invite.record.link.clone();
                    let intent = invite.record.intent.take();
                    let is_over = invite.is_over(cx.now_ms);
                    invite.is_told_over = is_over;
                    let state = if is_over { InviteState::Closed } else { InviteState::Ready(text.clone()) };
                    cx.record(Record::Invite { invite: key, state });
                    if let Some(intent) = intent {
                        invite.save(cx.storage, &key)?;
                        cx.record(Record::Outcome(intent, Ok(Outcome::Link(text))));
                    }
                }
                self.reply_lane_open(cx, &key)?;
                self.on_invite_page(cx, key, &page)
            }
            (LaneAsk::Read, Event::Page(page)) => self.on_invite_page(cx, key, &page),
            (LaneAsk::Open, Event::Refused(wire::node::Refusal::Closed | wire::node::Refusal::Denied)) => {
                self.close_invite(cx, key, Some(IntentError::Refused))
            }
            (LaneAsk::Open | LaneAsk::Read, Event::Refused(_)) => {
                (invite.is_asked, invite.retry_at_ms) = (false, cx.now_ms + RETRY_MS);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn on_invite_page(&mut self, cx: &mut Cx<'_>, key: Hash, page: &Page) -> Result<(), DeviceError> {
        if let Some(invite) = self.invites.get_mut(&key) {
            invite.record.cursor = invite.record.cursor.max(page.first_seq.saturating_sub(1));
        }
        let is_for_one =
            self.invites.get(&key).is_some_and(|invite| matches!(invite.record.kind, InviteKindRecord::Person));
        for cell in &page.cells {
            if is_for_one && !self.invites.contains_key(&key) {
                // The first knock won; whoever made this one had the link too.
                cx.record(Record::Alert { conversation: None, alert: Alert::InviteLeaked });
                break;
            }
            self.on_invite_cell(cx, key, cell)?;
        }
        let cursor = self.invites.get(&key).map(|invite| invite.record.cursor);
        if cursor.is_some_and(|cursor| cursor + 1 < page.next_seq) && !page.cells.is_empty() {
            self.read_invite(cx, key)?;
        }
        Ok(())
    }

    pub(super) fn read_invite(&mut self, cx: &mut Cx<'_>, key: Hash) -> Result<(), DeviceError> {
        if let Some(invite) = self.invites.get(&key)
            && let Some(handle) = invite.handle
        {
            let request = Request::Read { handle, after: invite.record.cursor };
            cx.links.ask(&invite.link(), Asked::Invite(key, LaneAsk::Read), request);
        }
        Ok(())
    }

    pub(super) fn on_invite_cell(&mut self, cx: &mut Cx<'_>, key: Hash, cell: &Cell) -> Result<(), DeviceError> {
        let Some(invite) = self.invites.get_mut(&key) else { return Ok(()) };
        if cell.seq <= invite.record.cursor {
            return Ok(());
        }
        if cell.seq > invite.record.cursor + 1 {
            return self.read_invite(cx, key);
        }
        invite.record.cursor = cell.seq;
        invite.save(cx.storage, &key)?;
        let (lane_id, intro) = (invite.lane.lane_id(), invite.lane.intro.clone());
        let node_url = invite.record.node_url.clone();
        if let Some(handle) = invite.handle
            && cell.seq.is_multiple_of(TRIM_EVERY)
        {
            let request = Request::Trim { handle, through: cell.seq };
            cx.links.ask(&invite.link(), Asked::Invite(key, LaneAsk::Trim), request);
        }
        self.on_knock(cx, super::knock::Source::Invite(key), &lane_id, &intro, &node_url, &cell.body)
    }

    /// A link for one person was used: the lane is closed, the first knock won.
    pub(super) fn use_invite(&mut self, cx: &mut Cx<'_>, key: Hash) -> Result<(), DeviceError> {
        if let Some(invite) = self.invites.get_mut(&key) {
            invite.record.is_used = true;
            invite.save(cx.storage, &key)?;
            if !invite.record.link.is_empty() {
                cx.record(Record::Invite { invite: key, state: InviteState::Used });
            }
        }
        self.shut_invite(cx, key)
    }

    /// Ends an invite by the user's hand, by its age, or because the node refused it.
    pub(super) fn close_invite(
        &mut self,
        cx: &mut Cx<'_>,
        key: Hash,
        error: Option<IntentError>,
    ) -> Result<(), DeviceError> {
        if let Some(invite) = self.invites.get_mut(&key) {
            if let (Some(intent), Some(error)) = (invite.record.intent.take(), error) {
                cx.record(Record::Outcome(intent, Err(error)));
            }
            if !invite.record.link.is_empty() && !invite.record.is_used {
                cx.record(Record::Invite { invite: key, state: InviteState::Closed });
            }
        }
        self.shut_invite(cx, key)
    }

    fn shut_invite(&mut self, cx: &mut Cx<'_>, key: Hash) -> Result<(), DeviceError> {
        let mut is_used = false;
        if let Some(invite) = self.invites.remove(&key) {
            is_used = invite.record.is_used;
            let link = invite.link();
            if let Some(handle) = invite.handle {
                cx.links.ask(&link, Asked::Invite(key, LaneAsk::Trim), Request::Close { handle });
                if let Some(state) = cx.links.ready(&link) {
                    state.owners.remove(&handle);
                }
            }
        }
        cx.storage.delete(Space::Invites, &key.0)?;
        self.reply_lane_gone(cx, &key, is_used)
    }

    /// The connection of our door and our invites stands.
    pub(super) fn door_ready(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        forget_old_key_packages(cx)?;
        let now_ms = super::clock::believed_ms(cx)?;
        crate::group::forget_old_shown(cx, now_ms)?;
        let link = self.door_link(cx);
        if let Some(node_key) = cx.links.ready(&link).and_then(|state| state.hello.as_ref().map(|hello| hello.node_key))
        {
            let now_s = cx.now_ms / 1_000;
            let request = Request::Open(Open {
                class: LaneClass::Door,
                lane_id: self.door.lane.lane_id(),
                read_cap: Some(self.door.lane.read_cap.clone()),
                write_cap: Some(self.door.lane.write_cap.clone()),
                after: self.door.state.cursor,
                expires_s: now_s + DOOR_AHEAD_S,
            });
            if self.door.handle.is_none() && cx.links.ask(&link, Asked::Door(LaneAsk::Open), request) {
                let is_old = is_past(cx.now_ms, self.door.state.filled_ms, DOOR_REPLACE_MS);
                let count = if is_old { DOOR_FULL } else { 0 };
                self.put_door(cx, count, is_old)?;
            }
            self.waiting_invites(cx, node_key)?;
        }
        let keys: Vec<Hash> = self.invites.keys().copied().collect();
        for key in keys {
            self.advance_invite(cx, key)?;
        }
        self.fetch_requests(cx)
    }

    fn put_door(&mut self, cx: &mut Cx<'_>, count: u32, replace: bool) -> Result<(), DeviceError> {
        let link = self.door_link(cx);
        let record = DoorRecord {
            certificate: cx.me.certificate.clone(),
            target: self.door.lane.target(),
            name: cx.me.name.clone(),
        };
        let sealed = record.seal(&cx.me.key, cx.rng).map_err(|_| DeviceError::Bug("an own door record seals"))?;
        let mut key_packages = Vec::new();
        for _ in 0..count {
            let key_package = make_key_package(cx, KeyPackageUse::Once)?;
            let sealed =
                seal_door_key_package(&key_package, cx.rng).map_err(|_| DeviceError::Bug("a KeyPackage fits"))?;
            key_packages.push(sealed);
        }
        let is_last_old = is_past(cx.now_ms, self.door.state.last_resort_ms, LAST_RESORT_GOOD_MS - DAY_MS);
        let last_resort = if is_last_old {
            self.door.state.last_resort_ms = cx.now_ms;
            let key_package = make_key_package(cx, KeyPackageUse::LastResort)?;
            Some(seal_door_key_package(&key_package, cx.rng).map_err(|_| DeviceError::Bug("a KeyPackage fits"))?)
        } else {
            None
        };
        if replace {
            self.door.state.filled_ms = cx.now_ms;
        }
        self.door.save(cx.storage)?;
        let request = Request::DoorPut(DoorPut {
            door_id: derive_door_id(&cx.me.identity.account_id),
            owner: self.door_owner.clone(),
            record: Some(sealed),
            key_packages,
            last_resort,
            replace,
        });
        cx.links.ask(&link, Asked::DoorPut, request);
        Ok(())
    }

    /// Somebody came by the door: a KeyPackage is gone, and what is left is counted.
    pub(super) fn count_door(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        if self.door.handle.is_some() { self.put_door(cx, 0, false) } else { Ok(()) }
    }

    pub(super) fn on_door_stored(&mut self, cx: &mut Cx<'_>, event: Event) -> Result<(), DeviceError> {
        if matches!(event, Event::Refused(_)) {
            self.door.retry_at_ms = cx.now_ms + RETRY_MS;
        } else if let Event::DoorStored { key_packages } = event
            && key_packages < DOOR_LOW
        {
            if key_packages == 0 {
                // The last-resort one may have been handed out: no two groups shall rest on it.
                self.door.state.last_resort_ms = 0;
            }
            self.put_door(cx, DOOR_FULL - key_packages, false)?;
        }
        Ok(())
    }

    pub(super) fn on_door_answer(&mut self, cx: &mut Cx<'_>, ask: LaneAsk, event: Event) -> Result<(), DeviceError> {
        match (ask, event) {
            (LaneAsk::Open, Event::Opened { handle, page }) => {
                self.door.handle = Some(handle);
                let link = self.door_link(cx);
                if let Some(state) = cx.links.ready(&link) {
                    state.owners.insert(handle, Owner::Door);
                }
                self.on_door_page(cx, &page)
            }
            (LaneAsk::Read, Event::Page(page)) => self.on_door_page(cx, &page),
            (LaneAsk::Open | LaneAsk::Read, Event::Refused(_)) => {
                self.door.retry_at_ms = cx.now_ms + RETRY_MS;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn on_door_page(&mut self, cx: &mut Cx<'_>, page: &Page) -> Result<(), DeviceError> {
        let waiting = page.next_seq.saturating_sub(page.first_seq);
        if waiting >= wire::limit::DOOR_QUEUE_MAX && !self.door.is_full_told {
            self.door.is_full_told = true;
            cx.record(Record::Alert { conversation: None, alert: Alert::DoorFlooded });
        }
        if page.first_seq > self.door.state.cursor + 1 {
            self.door.state.cursor = page.first_seq - 1;
        }
        for cell in &page.cells {
            self.on_door_cell(cx, cell)?;
        }
        let through = self.door.state.cursor;
        if let Some(handle) = self.door.handle {
            let link = self.door_link(cx);
            if !page.cells.is_empty() {
                cx.links.ask(&link, Asked::Door(LaneAsk::Trim), Request::Trim { handle, through });
            }
            if through + 1 < page.next_seq && !page.cells.is_empty() {
                cx.links.ask(&link, Asked::Door(LaneAsk::Read), Request::Read { handle, after: through });
            }
        }
        Ok(())
    }

    pub(super) fn read_door(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        if let Some(handle) = self.door.handle {
            let link = self.door_link(cx);
            let request = Request::Read { handle, after: self.door.state.cursor };
            cx.links.ask(&link, Asked::Door(LaneAsk::Read), request);
        }
        Ok(())
    }

    pub(super) fn on_door_cell(&mut self, cx: &mut Cx<'_>, cell: &Cell) -> Result<(), DeviceError> {
        if cell.seq <= self.door.state.cursor {
            return Ok(());
        }
        if cell.seq > self.door.state.cursor + 1 {
            return self.read_door(cx);
        }
        self.door.state.cursor = cell.seq;
        self.door.save(cx.storage)?;
        if let Some(handle) = self.door.handle
            && cell.seq.is_multiple_of(TRIM_EVERY)
        {
            let request = Request::Trim { handle, through: cell.seq };
            cx.links.ask(&self.door_link(cx), Asked::Door(LaneAsk::Trim), request);
        }
        let (lane_id, intro) = (self.door.lane.lane_id(), self.door.lane.intro.clone());
        let node_url = cx.me.node_url.clone();
        self.on_knock(cx, super::knock::Source::Door, &lane_id, &intro, &node_url, &cell.body)
    }

    pub(super) fn door_gone(&mut self) {
        self.door.handle = None;
        for invite in self.invites.values_mut() {
            invite.handle = None;
            // A bundle on its way goes by HTTP and is answered by itself.
            invite.is_asked = invite.is_asked && invite.record.bundle.is_some();
        }
    }

    /// Ends invites whose time is over: in words when this device's clock says so, for good when it is believed. The
    /// node alone refuses knocks that come too late, so a clock that jumps ends nothing.
    fn invites_over(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        if !self.invites.values().any(|invite| invite.is_over(cx.now_ms)) {
            return Ok(());
        }
        let believed_ms = super::clock::believed_ms(cx)?;
        let mut over = Vec::new();
        let now_ms = cx.now_ms;
        for (key, invite) in self.invites.iter_mut().filter(|(_, invite)| invite.is_over(now_ms)) {
            if invite.is_over(believed_ms.saturating_sub(INVITE_PAST_MS)) {
                over.push(*key);
            } else if !invite.is_told_over && !invite.record.link.is_empty() {
                cx.record(Record::Invite { invite: *key, state: InviteState::Closed });
            }
            invite.is_told_over = true;
        }
        for key in over {
            self.close_invite(cx, key, Some(IntentError::InviteGone))?;
        }
        Ok(())
    }

    /// Does what is due of invites and the door.
    pub(super) fn pool_wake(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        self.invites_over(cx)?;
        let keys: Vec<Hash> = self.invites.keys().copied().collect();
        for key in keys {
            self.advance_invite(cx, key)?;
            self.read_invite_again(cx, key)?;
        }
        if self.door.retry_at_ms > 0 && cx.now_ms >= self.door.retry_at_ms {
            self.door.retry_at_ms = 0;
            if self.door.handle.is_none() {
                return self.door_ready(cx);
            }
            self.read_door(cx)?;
            return self.put_door(cx, 0, false);
        }
        Ok(())
    }

    /// Reads a lane again whose page was refused.
    fn read_invite_again(&mut self, cx: &mut Cx<'_>, key: Hash) -> Result<(), DeviceError> {
        match self.invites.get_mut(&key) {
            Some(invite) if invite.handle.is_some() && invite.retry_at_ms > 0 && cx.now_ms >= invite.retry_at_ms => {
                invite.retry_at_ms = 0;
                self.read_invite(cx, key)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn pool_wake_ms(&self, from_ms: u64) -> u64 {
        let ends = self.invites.values().map(|invite| invite.record.expires_s.saturating_mul(1_000));
        let expiries = ends.flat_map(|end_ms| [end_ms, end_ms.saturating_add(INVITE_PAST_MS)]);
        let retries = self.invites.values().map(|invite| invite.retry_at_ms).chain([self.door.retry_at_ms]);
        let due = expiries.chain(retries.filter(|due_ms| *due_ms > 0));
        due.filter(|due_ms| *due_ms >= from_ms).min().unwrap_or(u64::MAX)
    }
}
