//! Plans and commits (LANE.md C6, C7, C12, C13).

use super::record::{self};
use super::validate::{Certificates, judge, leaf_hashes, members_of};
use super::welcome::Joiner;
use super::{Cx, DeviceError, Group, Provider};
use crate::event::{ConversationState, IntentError, IntentId, Outcome, Record};
use crate::identity::DeviceIdentity;
use crate::lane::{Plaintext, SealedCell, seal_cell};
use crate::link::GroupAsk;
use crate::policy::Policy;
use crate::storage::{self, Space, Storage, StorageError};
use openmls::prelude::{LeafNodeIndex, Sender};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use tls_codec::Serialize as _;
use wire::id::{AccountId, Hash};
use wire::lane::CellKind;
use wire::limit::{GROUP_LEAVES_MAX, SEALS_PER_EPOCH_MAX, SMALL_GROUP_LEAVES};

const HOUR_MS: u64 = 3_600_000;
/// The first update after joining comes within a day.
pub(super) const FIRST_UPDATE_MS: u64 = 23 * HOUR_MS;
/// No update is due later than this after the one before.
pub(super) const UPDATE_MS_MAX: u64 = 8 * 24 * HOUR_MS;
/// A lane is rotated after 7 days.
pub(super) const ROTATE_MS: u64 = 7 * 24 * HOUR_MS;
/// A lane is rotated after 32 MiB.
const ROTATE_BYTES: u64 = 32 << 20;
/// In a conversation of two a change of turns heals, at most so often.
const TURN_UPDATE_MS: u64 = 600_000;

/// A change that waits for its commit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Plan {
    /// A fresh path: heals the group.
    Update,
    /// A restated policy: a fresh lane.
    Rotate,
    /// Devices to add.
    Add { joiners: Vec<Joiner>, intents: Vec<IntentId> },
    /// An account to remove with all its devices.
    Remove { account: [u8; 32], intent: Option<IntentId> },
    /// A device of this leaf to remove and to add again.
    Readd { account: [u8; 32], device: [u8; 16], joiner: Box<Joiner> },
    /// Another title.
    Title { title: String, intent: Option<IntentId> },
    /// An admin more or less.
    Admin { account: [u8; 32], is_admin: bool, intent: Option<IntentId> },
    /// A member that never came: goes if its leaf is still as it was added.
    Unreached { account: [u8; 32], leaf_hash: [u8; 32] },
}

impl Plan {
    /// The member that asked to be removed itself. Every member remembers it, so that whoever is an admin later
    /// removes it (LANE.md C12).
    fn leaver(&self) -> Option<[u8; 32]> {
        match self {
            Self::Remove { account, intent: None } => Some(*account),
            _ => None,
        }
    }

    /// Whose outcomes it decides.
    fn intents(&self) -> &[IntentId] {
        match self {
            Self::Update | Self::Rotate | Self::Readd { .. } | Self::Unreached { .. } => &[],
            Self::Add { intents, .. } => intents,
            Self::Remove { intent, .. } | Self::Title { intent, .. } | Self::Admin { intent, .. } => intent.as_slice(),
        }
    }
}

/// A commit that was sealed and not yet read back, as it is stored.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) cell: SealedCell,
    pub(super) mls_hash: [u8; 32],
    pub(super) plan: u64,
    pub(super) welcome: Option<Vec<u8>>,
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

impl Group {
    /// Queues a change; it is committed when its turn comes.
    pub(crate) fn plan(&mut self, cx: &mut Cx<'_>, plan: Plan) -> Result<(), DeviceError> {
        if !self.is_active() {
            // Asked for while the conversation ended.
            for intent in plan.intents() {
                cx.record(Record::Outcome(*intent, Err(IntentError::NotActive)));
            }
            return Ok(());
        }
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

    fn unreached(&self, account: &[u8; 32], leaf_hash: &[u8; 32]) -> Vec<u32> {
        let leaves = leaf_hashes(&self.mls, |who| who.account_id.0 == *account);
        leaves.into_iter().filter(|(_, _, key)| key == leaf_hash).map(|(leaf, ..)| leaf).collect()
    }

    fn leaves_of(&self, account: &AccountId) -> Vec<u32> {
        members_of(&self.mls).into_iter().filter(|(_, who)| who.account_id == *account).map(|(leaf, _)| leaf).collect()
    }

    /// Drops plans that are done already or can no longer be done, and answers their intents.
    pub(super) fn replan(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        let policy = self.policy()?;
        let is_admin = policy.is_admin(&cx.me.identity.account_id);
        if self.plans.is_empty() {
            return Ok(());
        }
        let members: BTreeSet<DeviceIdentity> = members_of(&self.mls).into_iter().map(|(_, who)| who).collect();
        let leavers: BTreeSet<[u8; 32]> = self.plans.values().filter_map(Plan::leaver).collect();
        let unreached: BTreeSet<u64> = self
            .plans
            .iter()
            .filter(|(_, plan)| match plan {
                Plan::Unreached { account, leaf_hash } => !self.unreached(account, leaf_hash).is_empty(),
                _ => false,
            })
            .map(|(index, _)| *index)
            .collect();
        let mut gone = Vec::new();
        let mut changed = Vec::new();
        for (index, plan) in &mut self.plans {
            let done = match plan {
                Plan::Update | Plan::Rotate => None,
                _ if plan.leaver().is_none() && !is_admin => Some(Err(IntentError::NotAdmin)),
                Plan::Add { joiners, .. } => {
                    let before = joiners.len();
                    // Whoever leaves goes first and may come back after that.
                    joiners.retain(|joiner| {
                        let who = joiner.identity();
                        !members.contains(&who) || leavers.contains(&who.account_id.0)
                    });
                    if joiners.len() != before {
                        changed.push(*index);
                    }
                    joiners.is_empty().then_some(Ok(Outcome::Done))
                }
                Plan::Remove { account, .. } => {
                    members.iter().all(|who| who.account_id.0 != *account).then_some(Ok(Outcome::Done))
                }
                Plan::Unreached { .. } => (!unreached.contains(index)).then_some(Ok(Outcome::Done)),
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

    pub(super) fn drop_plan(
        &mut self,
        cx: &mut Cx<'_>,
        index: u64,
        outcome: Result<Outcome, IntentError>,
    ) -> Result<(), DeviceError> {
        if let Some(plan) = self.plans.remove(&index) {
            record::delete_plan(cx.storage, &self.record.id, index)?;
            for intent in plan.intents() {
                cx.record(Record::Outcome(*intent, outcome.clone()));
            }
        }
        Ok(())
    }

    /// Drops all plans: this device commits nothing more here.
    pub(super) fn drop_plans(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        for index in self.plans.keys().copied().collect::<Vec<_>>() {
            self.drop_plan(cx, index, Err(IntentError::NotActive))?;
        }
        Ok(())
    }

    /// Whether a change of this intent waits for its commit.
    pub(crate) fn has_intent(&self, intent: IntentId) -> bool {
        self.plans.values().any(|plan| plan.intents().contains(&intent))
    }

    /// Whether a change waits for a commit that this device may make.
    pub(super) fn has_plan(&self, cx: &Cx<'_>) -> Result<bool, DeviceError> {
        Ok(self.next_plan(cx)?.is_some())
    }

    /// The change to commit next. Whoever leaves goes before anything else: no admin that knows of it may make another
    /// admin, who does not, and be gone.
    fn next_plan(&self, cx: &Cx<'_>) -> Result<Option<u64>, DeviceError> {
        if self.plans.is_empty() {
            return Ok(None);
        }
        let is_admin = self.may_admin(cx)?;
        let find = |is_leave: bool| self.plans.iter().find(|(_, plan)| plan.leaver().is_some() == is_leave);
        let leave = if is_admin { find(true) } else { None };
        Ok(leave.or_else(|| find(false)).map(|(index, _)| *index))
    }

    /// Builds the next plan's commit, stores it sealed, and leaves it to be appended (LANE.md C6).
    ///
    /// A group of one leaf merges at once; its lane is never used.
    pub(super) fn begin_commit(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        self.replan(cx)?;
        let Some(index) = self.next_plan(cx)? else { return Ok(()) };
        let Some(plan) = self.plans.get(&index).cloned() else { return Ok(()) };
        let (merged, absorbed) = self.merge_adds(index, &plan);
        let mut built = self.build_commit(cx, index, &merged)?;
        if built.is_err() && !absorbed.is_empty() {
            // One of them spoils it for all: each by itself.
            built = self.build_commit(cx, index, &plan)?;
        } else if built.is_ok() && !absorbed.is_empty() {
            for other in absorbed {
                self.plans.remove(&other);
                record::delete_plan(cx.storage, &self.record.id, other)?;
            }
            record::put_plan(cx.storage, &self.record.id, index, &merged)?;
            self.plans.insert(index, merged);
        }
        match built {
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

    /// An Add together with those that wait right behind it, as far as the group has room: one commit, one lane, one
    /// tree for all of their joiners. With the plans that it stands for besides its own.
    fn merge_adds(&self, index: u64, first: &Plan) -> (Plan, Vec<u64>) {
        let mut absorbed = Vec::new();
        let Plan::Add { mut joiners, mut intents } = first.clone() else { return (first.clone(), absorbed) };
        let mut devices: BTreeSet<DeviceIdentity> = joiners.iter().map(Joiner::identity).collect();
        for (other, plan) in self.plans.range(index + 1..) {
            let Plan::Add { joiners: more, intents: wanted } = plan else { break };
            let has_room = self.record.leaves as usize + joiners.len() + more.len() <= GROUP_LEAVES_MAX;
            if !has_room || more.iter().any(|joiner| !devices.insert(joiner.identity())) {
                break;
            }
            joiners.extend_from_slice(more);
            let fresh: Vec<IntentId> = wanted.iter().filter(|intent| !intents.contains(intent)).copied().collect();
            intents.extend(fresh);
            absorbed.push(*other);
        }
        (Plan::Add { joiners, intents }, absorbed)
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
                    certificates.push(joiner.verified_certificate(cx.storage)?);
                }
            }
            Plan::Remove { account, .. } => removes = self.leaves_of(&AccountId(*account)),
            Plan::Unreached { account, leaf_hash } => removes = self.unreached(account, leaf_hash),
            Plan::Readd { account, device, joiner } => {
                let members = members_of(&self.mls);
                removes.extend(
                    members
                        .iter()
                        .filter(|(_, who)| (who.account_id.0, who.device_id.0) == (*account, *device))
                        .map(|(leaf, _)| *leaf),
                );
                adds.extend(joiner.key_package(cx.crypto));
                certificates.push(joiner.verified_certificate(cx.storage)?);
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

    pub(super) fn schedule_update(&mut self, cx: &mut Cx<'_>) {
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

    /// Before a message of ours: heal on a change of turns, and never leave 500 seals of an epoch undelivered.
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

    /// A member said that it leaves: the client of whoever is an admin by then commits the Remove (LANE.md C12).
    pub(super) fn member_leaves(&mut self, cx: &mut Cx<'_>, who: &DeviceIdentity) -> Result<(), DeviceError> {
        let account = who.account_id.0;
        let is_known = self.plans.values().any(|plan| plan.leaver() == Some(account));
        if is_known || who.account_id == cx.me.identity.account_id {
            return Ok(());
        }
        self.plan(cx, Plan::Remove { account, intent: None })
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
