//! Plans, commits, merges, Welcomes (LANE.md C4, C6 to C8, C12, C13).

use super::record::{self, PreviousLane, derive_epoch_keys, derive_lane};
use super::validate::{Certificates, GroupError, Judgement, check_group, judge, members_of};
use super::{Cx, DeviceError, Flow, Group, Provider};
use crate::contact::CheckedKeyPackage;
use crate::contact::key_package::{SUITE, capabilities, lifetime};
use crate::event::{ConversationState, IntentError, IntentId, Outcome, Record, SendState};
use crate::identity::{Certificate, DeviceIdentity, NodeUrl};
use crate::lane::{Plaintext, SealedCell, seal_cell};
use crate::link::GroupAsk;
use crate::policy::Policy;
use crate::storage::{self, Space, Storage, StorageError};
use openmls::prelude::{
    CredentialWithKey, GroupId, KeyPackage, LeafNodeIndex, MlsGroup, MlsGroupJoinConfig, MlsMessageBodyIn,
    MlsMessageIn, PURE_PLAINTEXT_WIRE_FORMAT_POLICY, RatchetTreeIn, Sender, SenderRatchetConfiguration, StagedCommit,
    StagedWelcome, Welcome, WelcomeError,
};
use openmls_rust_crypto::RustCrypto;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use tls_codec::{Deserialize as _, Serialize as _};
use wire::id::{AccountId, DeviceId, Hash, NodeKey};
use wire::lane::{Cell, CellKind};
use wire::limit::{GROUP_LEAVES_MAX, SEALS_PER_EPOCH_MAX, SMALL_GROUP_LEAVES};

const HOUR_MS: u64 = 3_600_000;
/// The first update after joining comes within a day.
pub(super) const FIRST_UPDATE_MS: u64 = 23 * HOUR_MS;
/// A lane is rotated after 7 days.
pub(super) const ROTATE_MS: u64 = 7 * 24 * HOUR_MS;
/// A lane is rotated after 32 MiB.
const ROTATE_BYTES: u64 = 32 << 20;
/// In a conversation of two a change of turns heals, at most so often.
const TURN_UPDATE_MS: u64 = 600_000;
/// What is kept of a lane that was left, is kept so long.
const PREVIOUS_MS: u64 = 30 * 24 * HOUR_MS;

/// Where to knock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Target {
    pub(crate) node_url: NodeUrl,
    pub(crate) is_door: bool,
    pub(crate) write_cap: [u8; 32],
    pub(crate) read_hash: [u8; 32],
    pub(crate) intro_pk: Vec<u8>,
}

/// How a joiner's Welcome reaches it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Route {
    /// The door of an account, to be asked for its record first.
    Door { account: [u8; 32], node_url: NodeUrl },
    /// A lane that is known: an invite's, a reply lane, or a door's after a claim.
    Known(Target),
}

/// A device to add.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Joiner {
    key_package: Vec<u8>,
    certificate: Vec<u8>,
    account: [u8; 32],
    device: [u8; 16],
    reference: Vec<u8>,
    route: Route,
    note: String,
}

impl Joiner {
    /// A joiner with a KeyPackage that was checked against its certificate.
    pub(crate) fn new(
        crypto: &RustCrypto,
        key_package: &CheckedKeyPackage,
        certificate: &Certificate,
        route: Route,
        note: String,
    ) -> Result<Self, DeviceError> {
        let reference =
            key_package.key_package().hash_ref(crypto).map_err(|_| DeviceError::Bug("a KeyPackage hashes"))?;
        Ok(Self {
            key_package: key_package.as_bytes().to_vec(),
            certificate: certificate.as_bytes().to_vec(),
            account: certificate.account_id().0,
            device: certificate.device_id().0,
            reference: reference.as_slice().to_vec(),
            route,
            note,
        })
    }

    fn key_package(&self, crypto: &RustCrypto) -> Option<KeyPackage> {
        CheckedKeyPackage::parse(crypto, &self.key_package).ok().map(CheckedKeyPackage::into_key_package)
    }

    fn identity(&self) -> DeviceIdentity {
        DeviceIdentity { account_id: AccountId(self.account), device_id: DeviceId(self.device) }
    }
}

/// A change that waits for its commit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Plan {
    /// A fresh path: heals the group.
    Update,
    /// A restated policy: a fresh lane.
    Rotate,
    /// Devices to add.
    Add { joiners: Vec<Joiner>, intent: Option<IntentId> },
    /// An account to remove with all its devices.
    Remove { account: [u8; 32], intent: Option<IntentId> },
    /// A device of this leaf to remove and to add again.
    Readd { account: [u8; 32], device: [u8; 16], joiner: Box<Joiner> },
    /// Another title.
    Title { title: String, intent: Option<IntentId> },
    /// An admin more or less.
    Admin { account: [u8; 32], is_admin: bool, intent: Option<IntentId> },
}

impl Plan {
    fn intent(&self) -> Option<IntentId> {
        match self {
            Self::Update | Self::Rotate | Self::Readd { .. } => None,
            Self::Add { intent, .. }
            | Self::Remove { intent, .. }
            | Self::Title { intent, .. }
            | Self::Admin { intent, .. } => *intent,
        }
    }
}

/// A commit that was sealed and not yet read back, as it is stored.
#[derive(Clone, Serialize, Deserialize)]
struct Pending {
    cell: SealedCell,
    mls_hash: [u8; 32],
    plan: u64,
    welcome: Option<Vec<u8>>,
}

/// What is looked at for every cell.
pub(crate) struct PendingMeta {
    pub(super) attach: Hash,
    pub(super) body_hash: Hash,
    pub(super) mls_hash: Hash,
}

impl PendingMeta {
    pub(super) fn load(storage: &dyn Storage, id: &[u8; 16]) -> Result<Option<Self>, StorageError> {
        Ok(storage::get::<Pending>(storage, Space::Pending, id, "pending commit")?.as_ref().map(Self::of))
    }

    fn of(pending: &Pending) -> Self {
        Self {
            attach: Hash(pending.cell.attach),
            body_hash: pending.cell.body_hash(),
            mls_hash: Hash(pending.mls_hash),
        }
    }
}

/// Welcomes that are ready to go out, for the device to knock with.
#[derive(Clone)]
pub(crate) struct Delivery {
    /// An encoded ratchet tree and the members' certificates, for all joiners.
    pub(crate) tree: Vec<u8>,
    pub(crate) certificates: Vec<Vec<u8>>,
    pub(crate) joiners: Vec<JoinerWelcome>,
    pub(crate) is_readd: bool,
    pub(crate) restarts: Option<[u8; 16]>,
}

/// What one joiner gets.
#[derive(Clone)]
pub(crate) struct JoinerWelcome {
    pub(crate) route: Route,
    pub(crate) note: String,
    /// An MLS Welcome for this joiner alone.
    pub(crate) welcome: Vec<u8>,
}

fn join_config() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .max_past_epochs(0)
        .number_of_resumption_psks(0)
        .use_ratchet_tree_extension(false)
        .sender_ratchet_configuration(SenderRatchetConfiguration::new(32, 1_000))
        .build()
}

impl Group {
    /// A new group with this device alone in it.
    pub(crate) fn create(cx: &mut Cx<'_>, id: [u8; 16], policy: &Policy) -> Result<Self, DeviceError> {
        let credential_with_key = CredentialWithKey {
            credential: cx.me.identity.to_credential(),
            signature_key: cx.me.key.public().as_bytes().as_slice().into(),
        };
        let me = cx.me;
        let provider = cx.provider();
        let mls = MlsGroup::builder()
            .with_group_id(GroupId::from_slice(&id))
            .ciphersuite(SUITE)
            .with_wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .max_past_epochs(0)
            .number_of_resumption_psks(0)
            .use_ratchet_tree_extension(false)
            .sender_ratchet_configuration(SenderRatchetConfiguration::new(32, 1_000))
            .lifetime(lifetime())
            .with_capabilities(capabilities())
            .with_group_context_extensions(policy.to_extensions())
            .build(&provider, &me.key, credential_with_key)
            .map_err(|_| DeviceError::Bug("a new group builds"))?;
        Self::begin(cx, mls, policy)
    }

    /// Joins by a Welcome. On a refusal nothing may be kept: the caller drops the batch's writes of this join
    /// by running it on a storage of its own.
    pub(crate) fn join(
        cx: &mut Cx<'_>,
        welcome: &[u8],
        tree: &[u8],
        certificates: &[Vec<u8>],
        replaces: bool,
    ) -> Result<Result<Self, GroupError>, DeviceError> {
        let Some(welcome) = parse_welcome(welcome) else { return Ok(Err(GroupError::Mls)) };
        let Ok(tree) = RatchetTreeIn::tls_deserialize_exact(tree) else { return Ok(Err(GroupError::Mls)) };
        let certificates = Certificates::new(cx.storage, certificates)?;
        let provider = Provider::new(cx.crypto, &mut *cx.rng, cx.storage);
        let builder = match StagedWelcome::build_from_welcome(&provider, &join_config(), welcome) {
            Ok(builder) => builder.with_ratchet_tree(tree).skip_lifetime_validation(),
            Err(WelcomeError::NoMatchingKeyPackage) => return Ok(Err(GroupError::KeyPackageUsed)),
            Err(WelcomeError::StorageError(error)) => return Err(error.into()),
            Err(_) => return Ok(Err(GroupError::Mls)),
        };
        let builder = if replaces {
            let id = builder.processed_welcome().unverified_group_info().group_id().clone();
            if let Some(mut old) = MlsGroup::load(openmls_traits::OpenMlsProvider::storage(&provider), &id)? {
                old.delete(openmls_traits::OpenMlsProvider::storage(&provider))?;
            }
            for space in [Space::Heads, Space::Receipts, Space::Outbox, Space::Pending, Space::Plans, Space::Previous] {
                storage::clear(cx.storage, space, id.as_slice())?;
            }
            builder.replace_old_group()
        } else {
            builder
        };
        let mls = match builder.build().and_then(|staged| staged.into_group(&provider)) {
            Ok(mls) => mls,
            Err(WelcomeError::StorageError(error)) => return Err(error.into()),
            Err(_) => return Ok(Err(GroupError::Mls)),
        };
        let policy = match check_group(mls.public_group(), &certificates)? {
            Ok(policy) => policy,
            Err(error) => return Ok(Err(error)),
        };
        if mls.group_id().as_slice().len() != 16 || mls.ciphersuite() != SUITE {
            return Ok(Err(GroupError::Mls));
        }
        Self::begin(cx, mls, &policy).map(Ok)
    }

    /// Queues a change; it is committed when its turn comes.
    pub(crate) fn plan(&mut self, cx: &mut Cx<'_>, plan: Plan) -> Result<(), DeviceError> {
        let is_queued = matches!(plan, Plan::Update)
            && self.plans.values().any(|queued| matches!(queued, Plan::Update))
            || matches!(plan, Plan::Rotate) && self.plans.values().any(|queued| matches!(queued, Plan::Rotate));
        if !is_queued {
            let index = self.record.next_index;
            self.record.next_index += 1;
            record::put_plan(cx.storage, &self.record.id, index, &plan)?;
            self.plans.insert(index, plan);
            self.save(cx)?;
        }
        Ok(())
    }

    /// Whether this account may change members and policy.
    pub(crate) fn may_admin(&self, cx: &Cx<'_>) -> Result<bool, DeviceError> {
        Ok(self.policy()?.is_admin(&cx.me.identity.account_id))
    }

    fn leaves_of(&self, account: &AccountId) -> Vec<u32> {
        members_of(&self.mls).into_iter().filter(|(_, who)| who.account_id == *account).map(|(leaf, _)| leaf).collect()
    }

    /// Drops plans that are done already or can no longer be done, and answers their intents.
    fn replan(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        let policy = self.policy()?;
        let is_admin = policy.is_admin(&cx.me.identity.account_id);
        if self.plans.is_empty() {
            return Ok(());
        }
        let members: BTreeSet<DeviceIdentity> = members_of(&self.mls).into_iter().map(|(_, who)| who).collect();
        let mut gone = Vec::new();
        let mut changed = Vec::new();
        for (index, plan) in &mut self.plans {
            let done = match plan {
                Plan::Update | Plan::Rotate => None,
                _ if !is_admin => Some(Err(IntentError::NotAdmin)),
                Plan::Add { joiners, .. } => {
                    let before = joiners.len();
                    joiners.retain(|joiner| !members.contains(&joiner.identity()));
                    if joiners.len() != before {
                        changed.push(*index);
                    }
                    joiners.is_empty().then_some(Ok(Outcome::Done))
                }
                Plan::Remove { account, .. } => {
                    members.iter().all(|who| who.account_id.0 != *account).then_some(Ok(Outcome::Done))
                }
                Plan::Readd { account, device, .. } => members
                    .iter()
                    .all(|who| (who.account_id.0, who.device_id.0) != (*account, *device))
                    .then_some(Ok(Outcome::Done)),
                Plan::Title { title, .. } => (policy.title == *title).then_some(Ok(Outcome::Done)),
                Plan::Admin { account, is_admin, .. } => {
                    (policy.is_admin(&AccountId(*account)) == *is_admin).then_some(Ok(Outcome::Done))
                }
            };
            if let Some(outcome) = done {
                gone.push((*index, outcome));
            }
        }
        for index in changed {
            record::put_plan(cx.storage, &self.record.id, index, &self.plans[&index])?;
        }
        for (index, outcome) in gone {
            self.drop_plan(cx, index, outcome)?;
        }
        Ok(())
    }

    fn drop_plan(
        &mut self,
        cx: &mut Cx<'_>,
        index: u64,
        outcome: Result<Outcome, IntentError>,
    ) -> Result<(), DeviceError> {
        if let Some(plan) = self.plans.remove(&index) {
            record::delete_plan(cx.storage, &self.record.id, index)?;
            if let Some(intent) = plan.intent() {
                cx.record(Record::Outcome(intent, outcome));
            }
        }
        Ok(())
    }

    /// Whether a change of this intent waits for its commit.
    pub(crate) fn has_intent(&self, intent: IntentId) -> bool {
        self.plans.values().any(|plan| plan.intent() == Some(intent))
    }

    /// Whether a change waits for its commit.
    pub(super) fn has_plan(&self) -> bool {
        !self.plans.is_empty()
    }

    /// Builds the next plan's commit, stores it sealed, and leaves it to be appended (LANE.md C6).
    ///
    /// A group of one leaf merges at once; its lane is never used.
    pub(super) fn begin_commit(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        self.replan(cx)?;
        let Some((index, plan)) = self.plans.first_key_value().map(|(index, plan)| (*index, plan.clone())) else {
            return Ok(());
        };
        match self.build_commit(cx, index, &plan)? {
            Ok(pending) => {
                storage::put(cx.storage, Space::Pending, &self.record.id, &pending)?;
                self.pending = Some(PendingMeta::of(&pending));
                (self.wire.is_blob_durable, self.wire.is_blob_put) = (pending.cell.blob.is_none(), false);
                self.wire.stale_tries = 0;
                if self.record.leaves == 1 {
                    self.merge_own(cx, None)?;
                }
                self.save(cx)?;
                Ok(())
            }
            Err(error) => self.drop_plan(cx, index, Err(error)),
        }
    }

    fn build_commit(
        &mut self,
        cx: &mut Cx<'_>,
        index: u64,
        plan: &Plan,
    ) -> Result<Result<Pending, IntentError>, DeviceError> {
        let policy = self.policy()?;
        let (mut adds, mut certificates, mut removes, mut next_policy) = (vec![], vec![], vec![], None);
        match plan {
            Plan::Update => {}
            Plan::Rotate => next_policy = Some(policy),
            Plan::Add { joiners, .. } => {
                for joiner in joiners {
                    adds.extend(joiner.key_package(cx.crypto));
                    certificates.push(joiner.certificate.clone());
                }
            }
            Plan::Remove { account, .. } => removes = self.leaves_of(&AccountId(*account)),
            Plan::Readd { account, device, joiner } => {
                let members = members_of(&self.mls);
                removes.extend(
                    members
                        .iter()
                        .filter(|(_, who)| (who.account_id.0, who.device_id.0) == (*account, *device))
                        .map(|(leaf, _)| *leaf),
                );
                adds.extend(joiner.key_package(cx.crypto));
                certificates.push(joiner.certificate.clone());
            }
            Plan::Title { title, .. } => next_policy = Some(Policy { title: title.clone(), ..policy }),
            Plan::Admin { account, is_admin, .. } => {
                next_policy = Some(policy.with_admin(AccountId(*account), *is_admin))
            }
        }
        if self.record.leaves as usize + adds.len() > GROUP_LEAVES_MAX + removes.len() {
            return Ok(Err(IntentError::TooManyMembers));
        }
        if next_policy.as_ref().is_some_and(|policy| policy.admins.is_empty()) {
            return Ok(Err(IntentError::LastAdmin));
        }
        // What the others will ask of the joiners (LANE.md C5, C6); their certificates are kept from here on.
        let known = Certificates::new(cx.storage, &certificates)?;
        for key_package in &adds {
            let leaf = key_package.leaf_node();
            let Ok(identity) = DeviceIdentity::from_credential(leaf.credential()) else {
                return Ok(Err(IntentError::Forged));
            };
            if !known.cover(&identity, leaf)? {
                return Ok(Err(IntentError::Forged));
            }
        }
        let has_joiners = !adds.is_empty();
        // Adds go without a path: a path over a thousand blank leaves is 1.2 MB, and joiners fill the tree later.
        let needs_path = !has_joiners || !removes.is_empty();
        let me = cx.me;
        let provider = Provider::new(cx.crypto, &mut *cx.rng, cx.storage);
        let mut builder = self
            .mls
            .commit_builder()
            .consume_proposal_store(false)
            .force_self_update(needs_path)
            .propose_removals(removes.into_iter().map(LeafNodeIndex::new))
            .propose_adds(adds);
        if let Some(policy) = next_policy {
            builder = match builder.propose_group_context_extensions(policy.to_extensions()) {
                Ok(builder) => builder,
                Err(_) => return Ok(Err(IntentError::Refused)),
            };
        }
        let storage = openmls_traits::OpenMlsProvider::storage(&provider);
        let built = builder
            .load_psks(storage)
            .map_err(|_| DeviceError::Bug("there are no PSKs to load"))?
            .create_group_info(has_joiners)
            .use_ratchet_tree_extension(false)
            .build(
                openmls_traits::OpenMlsProvider::rand(&provider),
                openmls_traits::OpenMlsProvider::crypto(&provider),
                &me.key,
                |_| true,
            );
        let Ok(built) = built else { return Ok(Err(IntentError::Refused)) };
        let bundle = built.stage_commit(&provider).map_err(|_| DeviceError::Bug("a built commit stages"))?;
        let mls = bundle.commit().to_bytes().map_err(|_| DeviceError::Bug("a commit encodes"))?;
        let welcome = bundle
            .welcome()
            .map(|welcome| welcome.tls_serialize_detached().map_err(|_| DeviceError::Bug("a Welcome encodes")))
            .transpose()?;
        let own = Sender::Member(self.mls.own_leaf_index());
        let judged = match self.mls.pending_commit() {
            Some(staged) => judge(self.mls.public_group(), &own, staged, &known)?,
            None => return Err(DeviceError::Bug("a staged commit is pending")),
        };
        if judged.is_err() {
            // Nobody saw it and nothing of it was kept: only such a commit may be cleared (LANE.md C7).
            let provider = Provider::new(cx.crypto, &mut *cx.rng, cx.storage);
            self.mls
                .clear_pending_commit(openmls_traits::OpenMlsProvider::storage(&provider))
                .map_err(|_| DeviceError::Bug("a pending commit is dropped"))?;
            return Ok(Err(IntentError::Refused));
        }
        let mls_hash = Hash::of(&[&mls]).0;
        let plaintext = Plaintext { mls, certificates };
        match seal_cell(&self.record.cell_key, &self.lane_id(), CellKind::Handshake, &plaintext, cx.rng) {
            Ok(cell) => Ok(Ok(Pending { cell, mls_hash, plan: index, welcome })),
            Err(_) => Err(DeviceError::Bug("a commit of at most 1,024 leaves fits 16 MiB")),
        }
    }

    /// The sealed commit's cell, for appending.
    pub(super) fn pending_cell(&self, cx: &Cx<'_>) -> Result<Option<SealedCell>, DeviceError> {
        let pending: Option<Pending> = storage::get(cx.storage, Space::Pending, &self.record.id, "pending commit")?;
        Ok(pending.map(|pending| pending.cell))
    }

    /// Merges the pending commit: it was read back, or the group has one leaf.
    pub(super) fn merge_own(&mut self, cx: &mut Cx<'_>, cell: Option<&Cell>) -> Result<Flow, DeviceError> {
        let pending: Pending = storage::get(cx.storage, Space::Pending, &self.record.id, "pending commit")?
            .ok_or(DeviceError::Bug("a pending commit is stored"))?;
        let is_move = self.mls.pending_commit().is_some_and(|staged| staged.queued_proposals().next().is_some());
        let provider = Provider::new(cx.crypto, &mut *cx.rng, cx.storage);
        self.mls.merge_pending_commit(&provider).map_err(|_| DeviceError::Bug("a pending commit merges"))?;
        let plan = self.plans.get(&pending.plan).cloned();
        self.drop_plan(cx, pending.plan, Ok(Outcome::Done))?;
        self.record.last_commit_ms = cx.now_ms;
        self.schedule_update(cx);
        let flow = self.entered(cx, is_move, cell)?;
        if let (Some(plan), Some(welcome)) = (plan, pending.welcome) {
            self.send_welcomes(cx, &plan, &welcome)?;
        }
        Ok(flow)
    }

    /// Merges another member's commit.
    pub(super) fn merge_other(
        &mut self,
        cx: &mut Cx<'_>,
        cell: &Cell,
        staged: StagedCommit,
        judgement: &Judgement,
    ) -> Result<Flow, DeviceError> {
        let provider = Provider::new(cx.crypto, &mut *cx.rng, cx.storage);
        self.mls.merge_staged_commit(&provider, staged).map_err(|_| DeviceError::Bug("a valid commit merges"))?;
        if self.record.is_direct {
            self.record.last_commit_ms = cx.now_ms;
        }
        self.entered(cx, judgement.is_move, Some(cell))
    }

    /// A new epoch began: keys change, the outbox goes back to intents, and with proposals the lane moves.
    fn entered(&mut self, cx: &mut Cx<'_>, is_move: bool, cell: Option<&Cell>) -> Result<Flow, DeviceError> {
        self.pending = None;
        cx.storage.delete(Space::Pending, &self.record.id)?;
        if !self.mls.is_active() {
            return self.left(cx);
        }
        let authenticator = self.mls.epoch_authenticator().as_slice().to_vec();
        if authenticator == self.record.authenticator {
            return Err(DeviceError::Bug("a merge changes the epoch authenticator"));
        }
        self.record.authenticator = authenticator;
        self.record.epoch = self.mls.epoch().as_u64();
        if is_move {
            self.record.leaves = super::validate::leaf_count(&self.mls);
        }
        self.record.epoch_start = self.record.cursor;
        self.record.sealed_in_epoch = 0;
        self.record.suspect = None;
        self.record.unreadable.clear();
        let was_suspect = self.record.state == ConversationState::Suspect;
        if was_suspect {
            self.record.state = ConversationState::Active;
        }
        self.out.next_epoch(cx.storage)?;
        self.wire.acked.clear();
        (self.wire.is_held, self.wire.is_commit_sent, self.wire.stale_tries) = (false, false, 0);
        if is_move {
            self.move_lane(cx, cell)?;
        }
        let (cell_key, whisper_key) = derive_epoch_keys(cx.crypto, &self.mls, &self.lane_id())?;
        (self.record.cell_key, self.record.whisper_key) = (cell_key, whisper_key);
        self.replan(cx)?;
        if is_move || was_suspect {
            self.announce(cx)?;
        }
        self.save(cx)?;
        Ok(if is_move { Flow::Stop } else { Flow::Next })
    }

    fn move_lane(&mut self, cx: &mut Cx<'_>, cell: Option<&Cell>) -> Result<(), DeviceError> {
        let policy = self.policy()?;
        let link = self.link();
        if let (Some(handle), Some(state)) = (self.wire.handle, cx.links.ready(&link)) {
            state.owners.remove(&handle);
        }
        self.check_move_receipts(cx)?;
        let is_same_node = policy.node_url == self.record.node_url && policy.node_key.0 == self.record.node_key;
        self.previous = match cell {
            Some(cell) if is_same_node => {
                let seq = self.record.cursor;
                let head_before = match seq - 1 {
                    0 => wire::lane::head_zero(&self.lane_id()),
                    before => {
                        record::step_at(cx.storage, &self.record.id, before)?.map_or(Hash::ZERO, |step| step.head)
                    }
                };
                Some(PreviousLane {
                    lane: self.record.lane.clone(),
                    seq,
                    head_before: head_before.0,
                    head: self.record.head,
                    gen_before: self.record.gen_now.saturating_sub(1),
                    attach: cell.attach.0,
                    body: cell.body.to_vec(),
                    until_ms: cx.now_ms.saturating_add(PREVIOUS_MS),
                })
            }
            _ => None,
        };
        record::put_previous(cx.storage, &self.record.id, self.previous.as_ref())?;
        self.record.previous_head = if cell.is_some() { self.record.head } else { [0; 32] };
        record::forget_chain(cx.storage, &self.record.id, 0)?;
        (self.record.node_url, self.record.node_key) = (policy.node_url, policy.node_key.0);
        self.record.lane = derive_lane(cx.crypto, &self.mls, &NodeKey(self.record.node_key))?;
        (self.record.cursor, self.record.gen_now, self.record.epoch_start) = (0, 0, 0);
        self.record.head = wire::lane::head_zero(&self.lane_id()).0;
        (self.record.lane_since_ms, self.record.lane_bytes) = (cx.now_ms, 0);
        self.wire = record::Wire::default();
        Ok(())
    }

    /// We are no longer a member: keys go, what was queued fails.
    fn left(&mut self, cx: &mut Cx<'_>) -> Result<Flow, DeviceError> {
        self.record.state = ConversationState::Left;
        let id = self.id();
        for item in self.out.drain(cx.storage)? {
            if item.is_shown && !item.is_stored {
                let msg_id = wire::id::MsgId(item.msg_id);
                cx.record(Record::Sent { conversation: id, msg_id, state: SendState::Failed });
            }
        }
        for index in self.plans.keys().copied().collect::<Vec<_>>() {
            self.drop_plan(cx, index, Err(IntentError::NotActive))?;
        }
        let link = self.link();
        if let (Some(handle), Some(state)) = (self.wire.handle, cx.links.ready(&link)) {
            state.owners.remove(&handle);
        }
        self.wire = record::Wire::default();
        record::forget_chain(cx.storage, &self.record.id, 0)?;
        self.previous = None;
        record::put_previous(cx.storage, &self.record.id, None)?;
        self.record.lane = crate::lane::LaneKeys::derive(wire::lane::LaneClass::Group, &[0; 32]);
        (self.record.cell_key, self.record.whisper_key) =
            (crate::lane::SealKey::new([0; 32]), crate::lane::SealKey::new([0; 32]));
        self.announce(cx)?;
        self.save(cx)?;
        Ok(Flow::Stop)
    }

    fn send_welcomes(&mut self, cx: &mut Cx<'_>, plan: &Plan, welcome: &[u8]) -> Result<(), DeviceError> {
        let (joiners, is_readd): (&[Joiner], bool) = match plan {
            Plan::Add { joiners, .. } => (joiners, false),
            Plan::Readd { joiner, .. } => (std::slice::from_ref(&**joiner), true),
            _ => return Ok(()),
        };
        let tree =
            self.mls.export_ratchet_tree().tls_serialize_detached().map_err(|_| DeviceError::Bug("a tree encodes"))?;
        for joiner in joiners {
            cx.storage.put(Space::Certificates, &joiner.identity().to_bytes(), &joiner.certificate)?;
        }
        let mut certificates = Vec::new();
        // Ours is in every knock, and a lone joiner has its own: in a conversation of two nothing else is needed.
        let known = [Some(cx.me.identity), joiners.first().filter(|_| joiners.len() == 1).map(Joiner::identity)];
        for (_, identity) in members_of(&self.mls) {
            if !known.contains(&Some(identity)) {
                certificates.extend(cx.storage.get(Space::Certificates, &identity.to_bytes())?);
            }
        }
        let mut welcomes = Vec::with_capacity(joiners.len());
        for joiner in joiners {
            let welcome =
                split_welcome(welcome, &joiner.reference).ok_or(DeviceError::Bug("a Welcome names each joiner"))?;
            welcomes.push(JoinerWelcome { route: joiner.route.clone(), note: joiner.note.clone(), welcome });
        }
        cx.welcomes.push(Delivery { tree, certificates, joiners: welcomes, is_readd, restarts: self.record.restarts });
        Ok(())
    }

    fn schedule_update(&mut self, cx: &mut Cx<'_>) {
        let period = if self.record.leaves as usize <= SMALL_GROUP_LEAVES { 24 * HOUR_MS } else { 7 * 24 * HOUR_MS };
        let jitter = cx.jitter(period / 4);
        self.record.update_due_ms = cx.now_ms + period - period / 8 + jitter;
    }

    /// Plans the updates and rotations whose time has come.
    pub(super) fn updates_due(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        if self.record.leaves < 2 || self.record.state != ConversationState::Active {
            self.record.update_due_ms = self.record.update_due_ms.max(cx.now_ms + HOUR_MS);
            self.record.lane_since_ms = self.record.lane_since_ms.max(cx.now_ms.saturating_sub(ROTATE_MS - HOUR_MS));
            return Ok(());
        }
        let is_old = cx.now_ms >= self.record.lane_since_ms.saturating_add(ROTATE_MS);
        if is_old || self.record.lane_bytes >= ROTATE_BYTES {
            self.record.lane_since_ms = cx.now_ms;
            self.record.lane_bytes = 0;
            self.plan(cx, Plan::Rotate)?;
        }
        if cx.now_ms >= self.record.update_due_ms {
            self.schedule_update(cx);
            self.plan(cx, Plan::Update)?;
        }
        Ok(())
    }

    /// Before a message of ours: heal on a change of turns, and never seal more than 500 in an epoch.
    pub(super) fn update_before_send(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        if self.record.leaves < 2 {
            return Ok(());
        }
        let is_turn = self.record.is_direct
            && !self.record.last_sender_is_self
            && cx.now_ms >= self.record.last_commit_ms.saturating_add(TURN_UPDATE_MS);
        if is_turn || self.record.sealed_in_epoch as usize >= SEALS_PER_EPOCH_MAX {
            self.record.last_sender_is_self = true;
            self.plan(cx, Plan::Update)?;
        }
        Ok(())
    }

    /// A member said that it leaves: an admin's client commits the Remove (LANE.md C12).
    pub(super) fn member_leaves(
        &mut self,
        cx: &mut Cx<'_>,
        _leaf: u32,
        who: &DeviceIdentity,
    ) -> Result<(), DeviceError> {
        if self.may_admin(cx)? && who.account_id != cx.me.identity.account_id {
            self.plan(cx, Plan::Remove { account: who.account_id.0, intent: None })?;
        }
        Ok(())
    }

    /// After a refusal of the pending commit: the same body again, the third time whatever the lane's gen.
    pub(super) fn commit_refused(&mut self, is_stale: bool) {
        (self.wire.is_held, self.wire.is_commit_sent) = (false, false);
        if is_stale {
            self.wire.stale_tries = self.wire.stale_tries.saturating_add(1).min(2);
        }
    }

    /// Appends the pending commit when nothing else is in flight; its blob must be durable first.
    pub(super) fn append_commit(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        let Some(cell) = self.pending_cell(cx)? else { return Ok(()) };
        if let Some(blob) = &cell.blob
            && !self.wire.is_blob_durable
        {
            if !self.wire.is_blob_put {
                self.wire.is_blob_put = true;
                let blob_id = wire::id::BlobId(cell.attach);
                let ttl_s = u64::from(wire::limit::RETENTION_DAYS + 1) * 86_400;
                let url = self.record.node_url.clone();
                cx.effects.push(crate::event::Effect::PutBlob(url, blob_id, blob.clone().into(), ttl_s));
            }
            return Ok(());
        }
        let if_gen = if self.wire.stale_tries >= 2 { wire::lane::GEN_ANY } else { self.record.gen_now };
        if self.append(cx, GroupAsk::Commit, &cell, if_gen) {
            (self.wire.is_held, self.wire.is_commit_sent) = (true, true);
            self.wire.flight.push_back(None);
        }
        Ok(())
    }

    /// The pending commit's blob is durable, or is not.
    pub(crate) fn blob_stored(&mut self, cx: &mut Cx<'_>, attach: &Hash, is_durable: bool) -> Result<(), DeviceError> {
        if self.pending.as_ref().is_some_and(|pending| pending.attach == *attach) {
            (self.wire.is_blob_durable, self.wire.is_blob_put) = (is_durable, false);
            if !is_durable {
                self.back_off(cx, 0);
            }
            self.pump(cx)?;
        }
        Ok(())
    }
}

fn parse_welcome(bytes: &[u8]) -> Option<Welcome> {
    // A Welcome travels as its own structure; an MLSMessage around it is accepted too.
    if let Ok(welcome) = Welcome::tls_deserialize_exact(bytes) {
        return Some(welcome);
    }
    match MlsMessageIn::tls_deserialize_exact(bytes).ok()?.extract() {
        MlsMessageBodyIn::Welcome(welcome) => Some(welcome),
        _ => None,
    }
}

/// Cuts a Welcome down to one joiner's secrets (RFC 9420 s.12.4.3.1): suite ‖ secrets ‖ encrypted group info.
fn split_welcome(welcome: &[u8], reference: &[u8]) -> Option<Vec<u8>> {
    let mut rest = welcome.get(2..)?;
    let secrets = tls_codec::VLBytes::tls_deserialize(&mut rest).ok()?;
    let group_info = tls_codec::VLBytes::tls_deserialize(&mut rest).ok()?;
    let mut list = secrets.as_slice();
    while !list.is_empty() {
        let start = list;
        let new_member = tls_codec::VLBytes::tls_deserialize(&mut list).ok()?;
        let _kem_output = tls_codec::VLBytes::tls_deserialize(&mut list).ok()?;
        let _ciphertext = tls_codec::VLBytes::tls_deserialize(&mut list).ok()?;
        if new_member.as_slice() == reference {
            let one = tls_codec::VLBytes::new(start[..start.len() - list.len()].to_vec());
            let mut out = welcome[..2].to_vec();
            out.extend(one.tls_serialize_detached().ok()?);
            out.extend(group_info.tls_serialize_detached().ok()?);
            return Some(out);
        }
    }
    None
}
