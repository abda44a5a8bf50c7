//! What makes a commit valid, and a group joinable: pure functions of group state and bytes (LANE.md C5).

use super::DeviceError;
use crate::contact::key_package::{check_leaf, lifetime};
use crate::identity::{Certificate, DeviceIdentity};
use crate::policy::{Policy, PolicyError};
use crate::storage::{Space, Storage};
use openmls::prelude::{
    LeafNodeIndex, MlsGroup, Proposal, ProposalOrRefType, PublicGroup, QueuedProposal, Sender, StagedCommit,
};
use openmls::treesync::LeafNode;
use std::collections::{BTreeMap, BTreeSet};
use tls_codec::Serialize as _;
use wire::id::{AccountId, Hash};
use wire::limit::{ACCOUNT_LEAVES_MAX, GROUP_LEAVES_MAX};

/// Why a group or a commit is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// The policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A leaf's credential, capabilities or key.
    #[error("a leaf is malformed")]
    Leaf,
    /// A leaf without a valid certificate that covers it.
    #[error("a leaf has no valid certificate")]
    Certificate,
    /// A proposal that is not allowed here.
    #[error("a proposal of a kind that is not allowed")]
    Proposal,
    /// Not an admin.
    #[error("only an admin may commit this")]
    NotAdmin,
    /// The committer changed who it is.
    #[error("the committer's credential or key changed")]
    Committer,
    /// More than 1,024 leaves, more than 6 of one account, or no admin left.
    #[error("the member list breaks a bound")]
    Members,
    /// The library refused it.
    #[error("not a valid MLS object")]
    Mls,
    /// The group is known, and nothing allows to replace it.
    #[error("a group of this id is known")]
    Known,
    /// The group is known and living: its Welcome may be right once this device has read its removal.
    #[error("this device is a member of a group of this id")]
    Living {
        /// The group.
        group: [u8; 16],
        /// The epoch that the Welcome leads to, as it says.
        epoch: u64,
    },
    /// The Welcome is for a KeyPackage whose private part is gone.
    #[error("the KeyPackage was used already")]
    KeyPackageUsed,
}

/// The members, by leaf.
pub(crate) fn members_of(mls: &MlsGroup) -> Vec<(u32, DeviceIdentity)> {
    leaves(mls.public_group())
        .filter_map(|(index, leaf)| Some((index, DeviceIdentity::from_credential(leaf.credential()).ok()?)))
        .collect()
}

/// The leaves of some devices, and the hash of each: it changes with every update of its owner's.
pub(crate) fn leaf_hashes(
    mls: &MlsGroup,
    is_wanted: impl Fn(&DeviceIdentity) -> bool,
) -> Vec<(u32, DeviceIdentity, [u8; 32])> {
    let mut found = Vec::new();
    for (index, leaf) in leaves(mls.public_group()) {
        if let Ok(identity) = DeviceIdentity::from_credential(leaf.credential())
            && is_wanted(&identity)
            && let Ok(bytes) = leaf.tls_serialize_detached()
        {
            found.push((index, identity, Hash::of(&[&bytes]).0));
        }
    }
    found
}

/// How many leaves the group has.
pub(crate) fn leaf_count(mls: &MlsGroup) -> u32 {
    leaves(mls.public_group()).count() as u32
}

fn leaves(group: &PublicGroup) -> impl Iterator<Item = (u32, &LeafNode)> {
    group.treesync().full_leaves().map(|(index, leaf)| (index.u32(), leaf))
}

/// Who owns a leaf.
pub(crate) fn identity_at(mls: &MlsGroup, leaf: LeafNodeIndex) -> Option<DeviceIdentity> {
    DeviceIdentity::from_credential(mls.public_group().leaf(leaf)?.credential()).ok()
}

/// Certificates at hand: those that came along, over those that were verified before.
pub(crate) struct Certificates<'a> {
    fresh: BTreeMap<Vec<u8>, Certificate>,
    storage: &'a dyn Storage,
}

impl<'a> Certificates<'a> {
    /// Verifies what came along; one that was verified before costs a comparison.
    pub(crate) fn new(storage: &'a dyn Storage, bytes: &[Vec<u8>]) -> Result<Self, DeviceError> {
        let mut fresh = BTreeMap::new();
        for bytes in bytes {
            let Ok(unverified) = crate::identity::UnverifiedCertificate::parse(bytes) else { continue };
            let key = unverified.claimed_identity().to_bytes().to_vec();
            let known = storage.get(Space::Certificates, &key)?;
            if let Ok(certificate) = unverified.verify_unless_known(known.as_deref()) {
                fresh.insert(key, certificate);
            }
        }
        Ok(Self { fresh, storage })
    }

    /// Whether a valid certificate covers this leaf; remembers it if it is new.
    pub(crate) fn cover(&self, identity: &DeviceIdentity, leaf: &LeafNode) -> Result<bool, DeviceError> {
        let key = identity.to_bytes();
        let signature_key = leaf.signature_key().as_slice();
        if let Some(certificate) = self.fresh.get(key.as_slice())
            && certificate.covers(identity, signature_key)
        {
            self.storage.put(Space::Certificates, &key, certificate.as_bytes())?;
            return Ok(true);
        }
        let Some(bytes) = self.storage.get(Space::Certificates, &key)? else { return Ok(false) };
        let known = crate::identity::UnverifiedCertificate::parse(&bytes)
            .map_err(|_| crate::storage::StorageError::Corrupt("certificate"))?;
        Ok(known.claimed_identity() == identity && known.claimed_device_pk().as_bytes().as_slice() == signature_key)
    }
}

/// Checks a whole group: policy, every leaf, bounds.
pub(crate) fn check_group(
    group: &PublicGroup,
    certificates: &Certificates<'_>,
) -> Result<Result<Policy, GroupError>, DeviceError> {
    let policy = match Policy::from_extensions(group.group_context().extensions()) {
        Ok(policy) => policy,
        Err(error) => return Ok(Err(error.into())),
    };
    let mut accounts = BTreeMap::new();
    for (_, leaf) in leaves(group) {
        let Ok(identity) = check_leaf(leaf) else { return Ok(Err(GroupError::Leaf)) };
        if !certificates.cover(&identity, leaf)? {
            return Ok(Err(GroupError::Certificate));
        }
        *accounts.entry(identity.account_id).or_insert(0usize) += 1;
    }
    Ok(check_bounds(&policy, &accounts).map(|()| policy))
}

fn check_bounds(policy: &Policy, accounts: &BTreeMap<AccountId, usize>) -> Result<(), GroupError> {
    let leaves: usize = accounts.values().sum();
    let has_admin = policy.admins.iter().any(|admin| accounts.contains_key(admin));
    let is_bounded = leaves <= GROUP_LEAVES_MAX
        && accounts.values().all(|count| *count <= ACCOUNT_LEAVES_MAX)
        && (!policy.is_direct || accounts.len() <= 2);
    if is_bounded && has_admin { Ok(()) } else { Err(GroupError::Members) }
}

/// What a valid commit does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// It has a proposal: the group moves to a fresh lane.
    pub(crate) is_move: bool,
    /// Who committed.
    pub(crate) committer: DeviceIdentity,
    /// Members or policy changed: the user sees it.
    pub(crate) is_visible: bool,
    /// It lets somebody in and takes nobody out.
    pub(crate) is_growth: bool,
}

/// Judges a commit that OpenMLS accepted, by its public part alone (LANE.md C5).
pub(crate) fn judge(
    group: &PublicGroup,
    sender: &Sender,
    staged: &StagedCommit,
    certificates: &Certificates<'_>,
) -> Result<Result<Judgement, GroupError>, DeviceError> {
    let Sender::Member(committer_leaf) = sender else { return Ok(Err(GroupError::Proposal)) };
    let (Some(committer_node), Ok(before)) =
        (group.leaf(*committer_leaf), Policy::from_extensions(group.group_context().extensions()))
    else {
        return Ok(Err(GroupError::Committer));
    };
    let Ok(committer) = check_leaf(committer_node) else { return Ok(Err(GroupError::Leaf)) };
    if let Some(fresh) = staged.update_path_leaf_node() {
        let is_same = fresh.credential() == committer_node.credential()
            && fresh.signature_key() == committer_node.signature_key();
        if !is_same || check_leaf(fresh).is_err() {
            return Ok(Err(GroupError::Committer));
        }
    }
    let mut accounts = BTreeMap::new();
    for (_, leaf) in leaves(group) {
        let Ok(identity) = DeviceIdentity::from_credential(leaf.credential()) else { return Ok(Err(GroupError::Leaf)) };
        *accounts.entry(identity.account_id).or_insert(0usize) += 1;
    }
    let mut after = before.clone();
    let (mut is_move, mut is_visible, mut needs_admin, mut has_joiners) = (false, false, false, false);
    let mut removed = BTreeSet::new();
    for queued in staged.queued_proposals() {
        is_move = true;
        if queued.proposal_or_ref_type() != ProposalOrRefType::Proposal || queued.sender() != sender {
            return Ok(Err(GroupError::Proposal));
        }
        match judge_proposal(group, queued, certificates, &mut accounts)? {
            Ok(Change::Members) => (needs_admin, is_visible, has_joiners) = (true, true, true),
            Ok(Change::Removed(leaf)) => {
                (needs_admin, is_visible) = (true, true);
                removed.insert(leaf);
            }
            Ok(Change::Policy(policy)) => {
                if *policy != before {
                    (needs_admin, is_visible) = (true, true);
                }
                after = *policy;
            }
            Err(error) => return Ok(Err(error)),
        }
    }
    if removed.contains(&committer_leaf.u32()) || needs_admin && !before.is_admin(&committer.account_id) {
        return Ok(Err(GroupError::NotAdmin));
    }
    // A policy may be restated or changed, but never turn into another conversation's.
    if after.is_direct != before.is_direct || after.previous != before.previous {
        return Ok(Err(GroupError::Proposal));
    }
    let is_growth = has_joiners && removed.is_empty();
    Ok(check_bounds(&after, &accounts).map(|()| Judgement { is_move, committer, is_visible, is_growth }))
}

enum Change {
    Members,
    Removed(u32),
    Policy(Box<Policy>),
}

fn judge_proposal(
    group: &PublicGroup,
    queued: &QueuedProposal,
    certificates: &Certificates<'_>,
    accounts: &mut BTreeMap<AccountId, usize>,
) -> Result<Result<Change, GroupError>, DeviceError> {
    Ok(match queued.proposal() {
        Proposal::Add(add) => {
            let leaf = add.key_package().leaf_node();
            let Ok(identity) = check_leaf(leaf) else { return Ok(Err(GroupError::Leaf)) };
            if *add.key_package().life_time() != lifetime() {
                return Ok(Err(GroupError::Leaf));
            }
            if !certificates.cover(&identity, leaf)? {
                return Ok(Err(GroupError::Certificate));
            }
            *accounts.entry(identity.account_id).or_insert(0) += 1;
            Ok(Change::Members)
        }
        Proposal::Remove(remove) => {
            let leaf = group.leaf(remove.removed());
            let Some(identity) = leaf.and_then(|leaf| DeviceIdentity::from_credential(leaf.credential()).ok()) else {
                return Ok(Err(GroupError::Leaf));
            };
            if let Some(count) = accounts.get_mut(&identity.account_id) {
                *count -= 1;
                if *count == 0 {
                    accounts.remove(&identity.account_id);
                }
            }
            Ok(Change::Removed(remove.removed().u32()))
        }
        Proposal::GroupContextExtensions(change) => match Policy::from_extensions(change.extensions()) {
            Ok(policy) => Ok(Change::Policy(Box::new(policy))),
            Err(error) => Err(error.into()),
        },
        Proposal::Update(_)
        | Proposal::PreSharedKey(_)
        | Proposal::ReInit(_)
        | Proposal::ExternalInit(_)
        | Proposal::SelfRemove
        | Proposal::Custom(_) => Err(GroupError::Proposal),
    })
}
