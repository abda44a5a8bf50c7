//! What others knock with, and whom we know (LANE.md s.6, s.7).

use super::Parts;
use super::pool::InviteKindRecord;
use crate::contact::{
    BlobKey, BlobReference, CheckedKeyPackage, IntroKey, JoinRequest, Knock, KnockKind, Readd, WelcomeContent,
    WelcomePackage, WelcomePurpose, open_knock,
};
use crate::event::{
    Alert, Answer, BlobFailure, Contact, ContactRequest, ConversationId, ConversationState, Effect, IntentError,
    Outcome, Record, RequestKind,
};
use crate::group::{Cx, DeviceError, Group, GroupError, Joiner, Plan, Route, Target, members_of};
use crate::identity::{Certificate, DeviceIdentity, NodeUrl};
use crate::storage::{self, Batch, Space, Storage, StorageError};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wire::id::{AccountId, BlobId, Hash, LaneId};
use wire::lane::LaneClass;

/// By which lane a knock came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Source {
    /// Our door.
    Door,
    /// An invite or reply lane of ours.
    #[serde(with = "hash_bytes")]
    Invite(Hash),
}

mod hash_bytes {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use wire::id::Hash;

    pub(super) fn serialize<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
        hash.0.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hash, D::Error> {
        <[u8; 32]>::deserialize(deserializer).map(Hash)
    }
}

/// A contact on disk.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ContactRecord {
    pub(super) account: [u8; 32],
    pub(super) node_url: NodeUrl,
    pub(super) name: String,
}

/// Every contact, by account.
pub(super) fn contacts(storage: &dyn Storage) -> Result<BTreeMap<[u8; 32], ContactRecord>, StorageError> {
    let rows = storage.scan(Space::Contacts, &[])?;
    rows.iter()
        .map(|(_, value)| {
            storage::decode::<ContactRecord>(1, value, "contact").map(|contact| (contact.account, contact))
        })
        .collect()
}

/// One contact.
pub(super) fn contact(storage: &dyn Storage, account: &AccountId) -> Result<Option<ContactRecord>, StorageError> {
    storage::get(storage, Space::Contacts, &account.0, "contact")
}

/// Remembers an account that was accepted, or what is new about it.
pub(super) fn put_contact(
    cx: &mut Cx<'_>,
    account: AccountId,
    node_url: &NodeUrl,
    name: &str,
) -> Result<(), DeviceError> {
    let record = ContactRecord { account: account.0, node_url: node_url.clone(), name: name.to_owned() };
    storage::put(cx.storage, Space::Contacts, &account.0, &record)?;
    cx.record(Record::Contact(Contact { account, node_url: node_url.clone(), name: name.to_owned() }));
    Ok(())
}

/// A knock that waits: for its blob, or for the user.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct RequestRecord {
    pub(super) source: Source,
    pub(super) certificate: Vec<u8>,
    pub(super) name: String,
    pub(super) note: String,
    pub(super) node_url: Option<NodeUrl>,
    pub(super) at_ms: u64,
    pub(super) wish: Wish,
    pub(super) is_asked: bool,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) enum Wish {
    /// A Welcome whose blob is wanted.
    Blob { welcome: Vec<u8>, node_url: NodeUrl, blob_id: [u8; 32], blob_key: [u8; 32], purpose: Why },
    /// A Welcome.
    Welcome { welcome: Vec<u8>, tree: Vec<u8>, certificates: Vec<Vec<u8>>, purpose: Why },
    /// To be let into a group.
    Enter { group: [u8; 16], key_package: Vec<u8>, reply: Target },
    /// A Welcome into a group of which this device still is a member: its epoch, and the wish itself.
    Early { group: [u8; 16], epoch: u64, welcome: Box<Wish> },
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) enum Why {
    New,
    Readd,
    Reboot([u8; 16]),
}

impl Parts<'_> {
    /// A cell of a lane that takes knocks. What does not open is nobody's business and is dropped.
    pub(super) fn on_knock(
        &mut self,
        cx: &mut Cx<'_>,
        source: Source,
        lane_id: &LaneId,
        intro: &IntroKey,
        lane_node: &NodeUrl,
        body: &[u8],
    ) -> Result<(), DeviceError> {
        let Ok(knock) = open_knock(cx.crypto, lane_id, intro, body) else { return Ok(()) };
        let account = *knock.certificate.account_id();
        let is_blocked = cx.storage.get(Space::Blocked, &account.0)?.is_some();
        if is_blocked || account == cx.me.identity.account_id {
            return Ok(());
        }
        let request = Hash::of(&[body]);
        // A sender that got no answer appends the same bytes again, perhaps after this lane was trimmed.
        let seen = [b"knock".as_slice(), &request.0].concat();
        if cx.storage.get(Space::Shown, &seen)?.is_some() {
            return Ok(());
        }
        cx.storage.put(Space::Shown, &seen, &cx.now_ms.to_be_bytes())?;
        let Knock { certificate, note, name, node_url, kind } = knock;
        match kind {
            KnockKind::Welcome(welcome) => {
                let purpose = match &welcome.purpose {
                    WelcomePurpose::New => Why::New,
                    WelcomePurpose::Readd => Why::Readd,
                    WelcomePurpose::Reboot { group_id } => match group_id[..].try_into() {
                        Ok(group_id) => Why::Reboot(group_id),
                        Err(_) => return Ok(()),
                    },
                };
                let wish = match welcome.content {
                    WelcomeContent::Inline(package) => wish_of(package, purpose),
                    WelcomeContent::Apart { welcome, rest } => Wish::Blob {
                        welcome: welcome.to_vec(),
                        node_url: lane_node.clone(),
                        blob_id: rest.id.0,
                        blob_key: rest.key.0,
                        purpose,
                    },
                };
                let certificate = certificate.as_bytes().to_vec();
                let at_ms = cx.now_ms;
                let record = RequestRecord { source, certificate, name, note, node_url, at_ms, wish, is_asked: false };
                self.take_request(cx, request, record)
            }
            KnockKind::Join(join) => self.on_join(cx, source, request, &certificate, name, note, node_url, *join),
            KnockKind::Readd(readd) => self.on_readd(cx, &certificate, node_url, *readd),
        }
    }

    /// A Welcome: fetch what is missing, then join, or ask the user.
    fn take_request(&mut self, cx: &mut Cx<'_>, request: Hash, record: RequestRecord) -> Result<(), DeviceError> {
        if let Wish::Blob { node_url, blob_id, .. } = &record.wish {
            let (node_url, blob_id) = (node_url.clone(), BlobId(*blob_id));
            storage::put(cx.storage, Space::Requests, &request.0, &record)?;
            cx.effects.push(Effect::GetBlob(node_url, blob_id));
            return Ok(());
        }
        let Ok(certificate) = Certificate::stored(&record.certificate) else { return Ok(()) };
        if self.may_join_unasked(cx, &record, &certificate)? {
            return self.join_by(cx, request, &record).map(|_| ());
        }
        self.ask_user(cx, request, record, &certificate)
    }

    fn may_join_unasked(
        &self,
        cx: &Cx<'_>,
        record: &RequestRecord,
        certificate: &Certificate,
    ) -> Result<bool, DeviceError> {
        let account = certificate.account_id();
        let Wish::Welcome { purpose, .. } = &record.wish else { return Ok(false) };
        match purpose {
            Why::Readd => {
                for group in self.groups.values() {
                    if group.record.state == ConversationState::Rejoining && group.policy()?.is_admin(account) {
                        return Ok(true);
                    }
                }
            }
            Why::Reboot(group_id) => {
                if let Some(old) = self.groups.get(&ConversationId(*group_id)) {
                    return Ok(old.policy()?.is_admin(account));
                }
            }
            Why::New => {}
        }
        match record.source {
            Source::Invite(key) => Ok(self.invites.get(&key).is_some_and(|invite| match invite.kind() {
                InviteKindRecord::Person => !invite.is_used(),
                InviteKindRecord::Reply { inviter } => *inviter == account.0,
                InviteKindRecord::Group { .. } => false,
            })),
            Source::Door => Ok(contact(cx.storage, account)?.is_some()),
        }
    }

    fn ask_user(
        &mut self,
        cx: &mut Cx<'_>,
        request: Hash,
        record: RequestRecord,
        certificate: &Certificate,
    ) -> Result<(), DeviceError> {
        let kind = match &record.wish {
            Wish::Enter { group, .. } => RequestKind::EnterGroup(ConversationId(*group)),
            Wish::Welcome { .. } | Wish::Blob { .. } | Wish::Early { .. } => RequestKind::Talk,
        };
        cx.record(Record::Request(ContactRequest {
            request,
            account: *certificate.account_id(),
            name: record.name.clone(),
            note: record.note.clone(),
            kind,
            at_ms: record.at_ms,
        }));
        storage::put(cx.storage, Space::Requests, &request.0, &RequestRecord { is_asked: true, ..record })?;
        Ok(())
    }

    /// Joins; a failed join leaves nothing behind.
    pub(super) fn join_by(
        &mut self,
        cx: &mut Cx<'_>,
        request: Hash,
        record: &RequestRecord,
    ) -> Result<Result<ConversationId, IntentError>, DeviceError> {
        self.forget_early(cx, &request)?;
        let Wish::Welcome { welcome, tree, certificates, purpose } = &record.wish else {
            return Ok(Err(IntentError::NoRequest));
        };
        let Ok(certificate) = Certificate::stored(&record.certificate) else { return Ok(Err(IntentError::Forged)) };
        let account = *certificate.account_id();
        let may_replace = |id: &[u8]| id.try_into().is_ok_and(|id| self.may_replace(&ConversationId(id), &account));
        // Verified when the knock was opened; the join takes it for good.
        cx.storage.put(Space::Certificates, &certificate.identity().to_bytes(), &record.certificate)?;
        let certificates = [certificates.as_slice(), std::slice::from_ref(&record.certificate)].concat();
        let joined = join_apart(cx, welcome, tree, &certificates, &may_replace)?;
        let group = match joined {
            Ok(group) => group,
            Err(GroupError::Living { group, epoch }) => {
                self.hold_early(cx, request, record, ConversationId(group), epoch)?;
                return Ok(Ok(ConversationId(group)));
            }
            Err(error) => {
                if error == GroupError::KeyPackageUsed {
                    cx.record(Record::Alert { conversation: None, alert: Alert::KeyPackageReused });
                }
                return Ok(Err(IntentError::Forged));
            }
        };
        self.take_group(cx, group, record, &certificate, purpose)
    }

    /// Whether a Welcome of this account may replace a group of ours. One that is over for us may begin again; a living
    /// one is replaced only when we asked for it, and by its admin. Whoever is leaving may be let in anew before it
    /// reads that it is out.
    pub(super) fn may_replace(&self, id: &ConversationId, account: &AccountId) -> bool {
        self.groups.get(id).is_some_and(|group| match group.record.state {
            ConversationState::Left | ConversationState::Leaving | ConversationState::Restarted => true,
            ConversationState::Rejoining => group.policy().is_ok_and(|policy| policy.is_admin(account)),
            ConversationState::Active | ConversationState::Suspect | ConversationState::Disputed => false,
        })
    }

    fn is_way_back(&self, id: &ConversationId, account: &AccountId) -> Result<bool, DeviceError> {
        let Some(old) = self.groups.get(id) else { return Ok(false) };
        let is_open = matches!(old.record.state, ConversationState::Leaving | ConversationState::Rejoining);
        Ok(is_open && old.policy()?.is_admin(account))
    }

    fn take_group(
        &mut self,
        cx: &mut Cx<'_>,
        mut group: Group,
        record: &RequestRecord,
        certificate: &Certificate,
        purpose: &Why,
    ) -> Result<Result<ConversationId, IntentError>, DeviceError> {
        let id = group.id();
        let old_id = match purpose {
            Why::Reboot(old) if self.is_restart(cx, &group, ConversationId(*old), certificate.account_id())? => {
                Some(ConversationId(*old))
            }
            Why::Readd => Some(id),
            // What was written before we said that we leave, or fell out of step, still goes out: to the group that an
            // admin of it leads us back into.
            Why::New if self.is_way_back(&id, certificate.account_id())? => Some(id),
            Why::Reboot(_) | Why::New => {
                if let Some(old) = self.groups.get_mut(&id) {
                    old.fail_undelivered(cx)?;
                }
                None
            }
        };
        if let Some(old_id) = old_id
            && let Some(mut old) = self.groups.remove(&old_id)
        {
            group.adopt(cx, &mut old)?;
            if old_id != id {
                old.restarted(cx)?;
                self.groups.insert(old_id, old);
            }
        }
        let restarted = old_id.filter(|old_id| *old_id != id);
        let account = *certificate.account_id();
        if let Some(node_url) = &record.node_url {
            put_contact(cx, account, node_url, &record.name)?;
        }
        group.announce(cx)?;
        group.pump(cx)?;
        self.groups.insert(id, group);
        if let Some(old_id) = restarted {
            self.note_restart(cx, old_id, id)?;
        }
        match record.source {
            Source::Invite(key) => self.use_invite(cx, key)?,
            Source::Door => self.count_door(cx)?,
        }
        Ok(Ok(id))
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one knock")]
    fn on_join(
        &mut self,
        cx: &mut Cx<'_>,
        source: Source,
        request: Hash,
        certificate: &Certificate,
        name: String,
        note: String,
        node_url: Option<NodeUrl>,
        join: JoinRequest,
    ) -> Result<(), DeviceError> {
        let Source::Invite(key) = source else { return Ok(()) };
        let Some(invite) = self.invites.get(&key) else { return Ok(()) };
        let InviteKindRecord::Group { group, needs_approval } = invite.kind().clone() else { return Ok(()) };
        let reply = Target {
            node_url: invite.node_url().clone(),
            is_door: join.reply.class == LaneClass::Door,
            write_cap: join.reply.write_cap.0,
            read_hash: join.reply.read_hash.0,
            intro_pk: join.reply.intro_pk.as_bytes().to_vec(),
        };
        let record = RequestRecord {
            source,
            certificate: certificate.as_bytes().to_vec(),
            name,
            note,
            node_url,
            at_ms: cx.now_ms,
            wish: Wish::Enter { group, key_package: join.key_package.as_bytes().to_vec(), reply },
            is_asked: false,
        };
        if needs_approval {
            return self.ask_user(cx, request, record, certificate);
        }
        self.let_in(cx, &record).map(|_| ())
    }

    fn let_in(
        &mut self,
        cx: &mut Cx<'_>,
        record: &RequestRecord,
    ) -> Result<Result<ConversationId, IntentError>, DeviceError> {
        let Wish::Enter { group, key_package, reply } = &record.wish else { return Ok(Err(IntentError::NoRequest)) };
        let id = ConversationId(*group);
        if let (Ok(certificate), Some(node_url)) = (Certificate::stored(&record.certificate), &record.node_url) {
            put_contact(cx, *certificate.account_id(), node_url, &record.name)?;
        }
        let Some(group) = self.groups.get(&id).filter(|group| group.is_active()) else {
            return Ok(Err(IntentError::NotActive));
        };
        if !group.may_admin(cx)? {
            return Ok(Err(IntentError::NotAdmin));
        }
        let (Ok(certificate), Ok(checked)) =
            (Certificate::stored(&record.certificate), CheckedKeyPackage::parse(cx.crypto, key_package))
        else {
            return Ok(Err(IntentError::Forged));
        };
        let joiner = Joiner::new(cx.crypto, &checked, &certificate, Route::Known(reply.clone()), String::new())?;
        let identity = *certificate.identity();
        // A member whose first Welcome was lost asks again.
        let plan = if self.is_ghost(cx, id, &identity)? {
            let (account, device) = (identity.account_id.0, identity.device_id.0);
            Plan::Readd { account, device, joiner: Box::new(joiner) }
        } else {
            Plan::Add { joiners: vec![joiner], intents: Vec::new() }
        };
        self.with_group(cx, id, |group, cx| {
            group.plan(cx, plan)?;
            group.pump(cx)
        })?;
        Ok(Ok(id))
    }

    fn on_readd(
        &mut self,
        cx: &mut Cx<'_>,
        certificate: &Certificate,
        node_url: Option<NodeUrl>,
        readd: Readd,
    ) -> Result<(), DeviceError> {
        let Ok(group_id) = readd.group_id[..].try_into() else { return Ok(()) };
        let Some(node_url) = node_url else { return Ok(()) };
        let identity: DeviceIdentity = *certificate.identity();
        let route = Route::Door { account: identity.account_id.0, node_url };
        let joiner = Joiner::new(cx.crypto, &readd.key_package, certificate, route, String::new())?;
        self.with_group(cx, ConversationId(group_id), |group, cx| {
            group.serve_readd(cx, &identity, readd.suspect_leaf, joiner).map(|_| ())
        })
    }

    /// The user's answer to a request.
    pub(super) fn answer(
        &mut self,
        cx: &mut Cx<'_>,
        request: Hash,
        answer: Answer,
    ) -> Result<Result<Outcome, IntentError>, DeviceError> {
        let Some(record) = storage::get::<RequestRecord>(cx.storage, Space::Requests, &request.0, "request")? else {
            return Ok(Err(IntentError::NoRequest));
        };
        if let Wish::Early { group, .. } = &record.wish
            && answer == Answer::Accept
        {
            return Ok(Ok(Outcome::Conversation(ConversationId(*group))));
        }
        let Ok(certificate) = Certificate::stored(&record.certificate) else {
            return Err(StorageError::Corrupt("request").into());
        };
        cx.record(Record::RequestGone(request));
        self.forget_early(cx, &request)?;
        match answer {
            Answer::Accept => {
                let outcome = match &record.wish {
                    Wish::Enter { .. } => self.let_in(cx, &record)?,
                    Wish::Welcome { .. } | Wish::Blob { .. } => self.join_by(cx, request, &record)?,
                    Wish::Early { group, .. } => Ok(ConversationId(*group)),
                };
                Ok(outcome.map(Outcome::Conversation))
            }
            Answer::Delete => Ok(Ok(Outcome::Done)),
            Answer::Block => {
                self.block(cx, *certificate.account_id(), true)?;
                Ok(Ok(Outcome::Done))
            }
        }
    }

    /// Blocks an account: its knocks are dropped from now on, its waiting ones at once.
    pub(super) fn block(&mut self, cx: &mut Cx<'_>, account: AccountId, is_blocked: bool) -> Result<(), DeviceError> {
        if !is_blocked {
            cx.storage.delete(Space::Blocked, &account.0)?;
            return Ok(());
        }
        cx.storage.put(Space::Blocked, &account.0, &[1])?;
        for (key, value) in cx.storage.scan(Space::Requests, &[])? {
            let record: RequestRecord = storage::decode(1, &value, "request")?;
            let is_theirs = Certificate::stored(&record.certificate).is_ok_and(|who| *who.account_id() == account);
            if is_theirs {
                cx.storage.delete(Space::Requests, &key)?;
                if let Ok(request) = Hash::parse(&key) {
                    self.early.remove(&request);
                    cx.record(Record::RequestGone(request));
                }
            }
        }
        Ok(())
    }

    /// A blob came for somebody: a conversation's cell, an invite's bundle, a Welcome.
    pub(super) fn on_blob_got(
        &mut self,
        cx: &mut Cx<'_>,
        node_url: &NodeUrl,
        blob_id: BlobId,
        result: Result<Bytes, BlobFailure>,
    ) -> Result<(), DeviceError> {
        // What a node returns under an id is checked once, here, whoever asked for it.
        let result = result
            .and_then(|blob| if Hash::of(&[&blob]).0 == blob_id.0 { Ok(blob) } else { Err(BlobFailure::NotFound) });
        self.on_bundle(cx, node_url, blob_id, result.as_ref().map_err(|failure| *failure))?;
        let attach = Hash(blob_id.0);
        let waiting: Vec<ConversationId> =
            self.groups.values().filter(|group| group.waits_for(&attach)).map(Group::id).collect();
        for id in waiting {
            match &result {
                Ok(blob) => self.with_group(cx, id, |group, cx| group.blob_came(cx, attach, blob.clone()))?,
                Err(failure) => self.with_group(cx, id, |group, cx| group.blob_missed(cx, *failure))?,
            }
        }
        for (key, value) in cx.storage.scan(Space::Requests, &[])? {
            let record: RequestRecord = storage::decode(1, &value, "request")?;
            let Wish::Blob { welcome, blob_id: id, blob_key, purpose, .. } = &record.wish else { continue };
            if *id != blob_id.0 {
                continue;
            }
            let Ok(request) = Hash::parse(&key) else { continue };
            let reference = BlobReference { id: blob_id, key: BlobKey(*blob_key) };
            let opened = match &result {
                Ok(blob) => WelcomePackage::open_rest(welcome.clone().into(), &reference, blob).ok(),
                Err(BlobFailure::Network) => continue,
                Err(BlobFailure::NotFound | BlobFailure::Refused) => None,
            };
            cx.storage.delete(Space::Requests, &key)?;
            if let Some(package) = opened {
                let wish = wish_of(package, purpose.clone());
                self.take_request(cx, request, RequestRecord { wish, ..record })?;
            }
        }
        Ok(())
    }

    pub(super) fn on_blob_put(
        &mut self,
        cx: &mut Cx<'_>,
        node_url: &NodeUrl,
        blob_id: BlobId,
        result: Result<(), BlobFailure>,
    ) -> Result<(), DeviceError> {
        self.on_invite_blob_put(cx, blob_id, result)?;
        self.on_job_blob_put(cx, node_url, blob_id, result.is_ok())?;
        let attach = Hash(blob_id.0);
        for group in self.groups.values_mut().filter(|group| group.record.node_url == *node_url) {
            group.blob_stored(cx, &attach, result.is_ok())?;
        }
        Ok(())
    }

    /// Asks again for blobs of Welcomes that did not come for want of a network.
    pub(super) fn fetch_requests(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        for (_, value) in cx.storage.scan(Space::Requests, &[])? {
            let record: RequestRecord = storage::decode(1, &value, "request")?;
            if let Wish::Blob { node_url, blob_id, .. } = record.wish {
                cx.effects.push(Effect::GetBlob(node_url, BlobId(blob_id)));
            }
        }
        Ok(())
    }

    /// The members of a conversation that are not this account.
    pub(super) fn others(&self, cx: &Cx<'_>, group: &Group) -> Vec<AccountId> {
        let me = cx.me.identity.account_id;
        let mut accounts: Vec<AccountId> = members_of(&group.mls).into_iter().map(|(_, who)| who.account_id).collect();
        accounts.retain(|account| *account != me);
        accounts.sort();
        accounts.dedup();
        accounts
    }
}

fn wish_of(package: WelcomePackage, purpose: Why) -> Wish {
    Wish::Welcome {
        welcome: package.welcome.to_vec(),
        tree: package.tree.to_vec(),
        certificates: package.certificates.iter().map(|certificate| certificate.as_bytes().to_vec()).collect(),
        purpose,
    }
}

/// Joins over a batch of its own, whose writes are kept only if the join succeeds.
fn join_apart(
    cx: &mut Cx<'_>,
    welcome: &[u8],
    tree: &[u8],
    certificates: &[Vec<u8>],
    may_replace: &dyn Fn(&[u8]) -> bool,
) -> Result<Result<Group, GroupError>, DeviceError> {
    let apart = Batch::new(cx.storage);
    let joined = {
        let mut inner = Cx {
            now_ms: cx.now_ms,
            rng: &mut *cx.rng,
            storage: &apart,
            crypto: cx.crypto,
            me: cx.me,
            links: &mut *cx.links,
            verified: &mut *cx.verified,
            effects: Vec::new(),
            welcomes: Vec::new(),
            readds: Vec::new(),
        };
        Group::join(&mut inner, welcome, tree, certificates, may_replace)?
    };
    if joined.is_ok() {
        apart.flush()?;
    }
    Ok(joined)
}
