//! The MLS group of a call of many (CALLS.md s.9): one epoch after the other, each with the conversation's part. In
//! memory alone.

use super::{
    CALL_WORDS, CallError, CallPsk, Erased, Invitee, Maker, Peer, SFRAME_LABEL, WORDS_LABEL, bug, store_psk, words_of,
};
use crate::contact::check_path_keys;
use crate::contact::key_package::{CheckedKeyPackage, SUITE, capabilities, check_leaf, lifetime};
use crate::content::CallChange;
use crate::identity::DeviceIdentity;
use crate::mls::{MlsStore, Provider};
use crate::storage::MemoryStorage;
use bytes::Bytes;
use openmls::prelude::{
    CredentialWithKey, GroupId, LeafNodeIndex, MlsGroup, MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn,
    PURE_PLAINTEXT_WIRE_FORMAT_POLICY, PreSharedKeyProposal, ProcessedMessageContent, Proposal, ProposalOrRefType,
    RatchetTreeIn, Sender, StagedCommit, StagedWelcome, Welcome,
};
use openmls::treesync::LeafNode;
use openmls_traits::OpenMlsProvider;
use rand_core::CryptoRng;
use std::collections::BTreeSet;
use tls_codec::{Deserialize as _, Serialize as _};
use wire::id::{CallId, DeviceId};
use wire::limit::CALL_PEOPLE_MAX;
use zeroize::Zeroizing;

/// The group of one call of many.
pub struct CallGroup {
    storage: Erased,
    mls: MlsGroup,
    call_id: CallId,
    /// An own commit that was not read back yet.
    pending: Option<Bytes>,
}

impl std::fmt::Debug for CallGroup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CallGroup(..)")
    }
}

/// What an epoch of a call of many gives to media. The key is erased on drop.
#[derive(Clone)]
pub struct GroupKeys {
    /// SFrame's base key.
    pub base_key: Zeroizing<[u8; 32]>,
    /// The epoch.
    pub epoch: u64,
    /// Our leaf.
    pub own_leaf: u32,
    /// Whose leaf is whose, ours too.
    pub leaves: Vec<(u32, DeviceIdentity)>,
    /// To be compared by voice.
    pub words: [&'static str; CALL_WORDS],
}

impl std::fmt::Debug for GroupKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GroupKeys(..)")
    }
}

/// An own change, to be said; it counts once it is read back.
#[derive(Debug)]
pub struct MadeChange {
    /// Without room and line.
    pub change: CallChange,
    /// Whose KeyPackage is none for this: they are not taken in.
    pub refused: Vec<DeviceId>,
}

/// What a change that was heard came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// A new epoch, with us.
    Entered,
    /// A new epoch, without us: the group is to be dropped.
    PutOut,
}

/// What the conversation gives to a change: its part in the key, and its members, both of the epoch in which the
/// change stands.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// See [`CallPsk`].
    pub psk: &'a CallPsk,
    /// The devices in it.
    pub members: &'a [Peer],
}

impl CallGroup {
    /// The epoch.
    pub fn epoch(&self) -> u64 {
        self.mls.epoch().as_u64()
    }

    /// The devices that have a leaf.
    pub fn devices(&self) -> Vec<DeviceId> {
        self.identities().into_iter().map(|(_, identity)| identity.device_id).collect()
    }

    /// Whether this is the own change that waits to be read back.
    pub fn awaits(&self, change: &CallChange) -> bool {
        self.pending.as_ref() == Some(&change.commit)
    }

    fn identities(&self) -> Vec<(u32, DeviceIdentity)> {
        let identity = |member: openmls::prelude::Member| {
            Some((member.index.u32(), DeviceIdentity::from_credential(&member.credential).ok()?))
        };
        self.mls.members().filter_map(identity).collect()
    }

    fn leaf_of(&self, device: DeviceId) -> Option<LeafNodeIndex> {
        let found = self.identities().into_iter().find(|(_, identity)| identity.device_id == device);
        found.map(|(leaf, _)| LeafNodeIndex::new(leaf))
    }
}

fn find<'a>(members: &'a [Peer], leaf: &LeafNode) -> Option<&'a Peer> {
    let identity = check_leaf(leaf).ok()?;
    members.iter().find(|peer| peer.identity == identity && peer.signature_key == leaf.signature_key().as_slice())
}

impl Maker<'_> {
    /// Makes the group of a call that this device opens.
    pub(crate) fn open(&self, rng: &mut dyn CryptoRng, call_id: &CallId) -> Result<CallGroup, CallError> {
        let storage = Erased(MemoryStorage::default());
        let provider = Provider::new(self.crypto, rng, &storage.0);
        let credential_with_key = CredentialWithKey {
            credential: self.identity.to_credential(),
            signature_key: self.key.public().as_bytes().as_slice().into(),
        };
        let mls = MlsGroup::builder()
            .with_group_id(GroupId::from_slice(&call_id.0))
            .ciphersuite(SUITE)
            .with_wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .max_past_epochs(0)
            .number_of_resumption_psks(0)
            .use_ratchet_tree_extension(false)
            .lifetime(lifetime())
            .with_capabilities(capabilities())
            .build(&provider, self.key, credential_with_key)
            .map_err(bug("a call's group builds"))?;
        Ok(CallGroup { storage, mls, call_id: *call_id, pending: None })
    }

    /// Takes in and puts out. `joins` are devices with the KeyPackages that they said; whoever is put out and joins is
    /// another leaf.
    pub(crate) fn change(
        &self,
        rng: &mut dyn CryptoRng,
        group: &mut CallGroup,
        ground: Ground<'_>,
        joins: &[(DeviceId, Bytes)],
        removed: &[DeviceId],
    ) -> Result<MadeChange, CallError> {
        if group.pending.is_some() {
            return Err(CallError::Bug("one change at a time"));
        }
        let provider = Provider::new(self.crypto, rng, &group.storage.0);
        let (mut added, mut refused, mut key_packages) = (Vec::new(), Vec::new(), Vec::new());
        for (device, bytes) in joins {
            let checked = CheckedKeyPackage::parse(self.crypto, bytes).ok().filter(|checked| {
                checked.identity().device_id == *device
                    && find(ground.members, checked.key_package().leaf_node()).is_some()
                    && (group.leaf_of(*device).is_none() || removed.contains(device))
            });
            match checked {
                Some(checked) => {
                    added.push(*device);
                    key_packages.push(checked.into_key_package());
                }
                None => refused.push(*device),
            }
        }
        let removed: Vec<_> = removed.iter().copied().filter(|device| group.leaf_of(*device).is_some()).collect();
        let leaves: Vec<_> = removed.iter().filter_map(|device| group.leaf_of(*device)).collect();
        if leaves.contains(&group.mls.own_leaf_index()) || (leaves.is_empty() && added.is_empty()) {
            return Err(CallError::Change);
        }
        let psk_id = store_psk(&provider, &group.call_id, ground.psk)?;
        let built = group
            .mls
            .commit_builder()
            .consume_proposal_store(false)
            .propose_adds(key_packages)
            .propose_removals(leaves)
            .add_proposal(Proposal::PreSharedKey(Box::new(PreSharedKeyProposal::new(psk_id))))
            .load_psks(provider.storage())
            .map_err(bug("the call's PSK loads"))?
            .create_group_info(true)
            .use_ratchet_tree_extension(false)
            .build(provider.rand(), provider.crypto(), self.key, |_| true)
            .map_err(bug("a call's commit builds"))?;
        let bundle = built.stage_commit(&provider).map_err(bug("a call's commit stages"))?;
        let (commit, welcome, _) = bundle.into_contents();
        let commit = Bytes::from(commit.to_bytes().map_err(bug("a commit encodes"))?);
        let mut change =
            CallChange { commit: commit.clone(), added, removed, epoch: group.epoch(), ..CallChange::default() };
        if let Some(welcome) = welcome {
            change.welcome = welcome.tls_serialize_detached().map_err(bug("a Welcome encodes"))?.into();
            // The tree after the commit, which is not merged before it is read back.
            let staged = group.mls.pending_commit().ok_or(CallError::Bug("an own commit is pending"))?;
            let tree = staged
                .export_ratchet_tree(self.crypto, group.mls.export_ratchet_tree())
                .map_err(bug("a pending commit's tree exports"))?
                .ok_or(CallError::Bug("a member's commit has a tree"))?;
            change.tree = tree.tls_serialize_detached().map_err(bug("a tree encodes"))?.into();
        }
        group.pending = Some(commit);
        Ok(MadeChange { change, refused })
    }

    /// Takes a change where it stands in the conversation's lane.
    ///
    /// [`CallError::Change`]: it does not count for anybody. [`CallError::Welcome`]: it counts, but not for us alone:
    /// the group is of no more use here.
    pub(crate) fn hear(
        &self,
        rng: &mut dyn CryptoRng,
        group: &mut CallGroup,
        ground: Ground<'_>,
        sender: DeviceId,
        change: &CallChange,
    ) -> Result<Changed, CallError> {
        let provider = Provider::new(self.crypto, rng, &group.storage.0);
        if sender == self.identity.device_id && group.pending.as_ref() == Some(&change.commit) {
            group.mls.merge_pending_commit(&provider).map_err(bug("an own commit merges"))?;
            group.pending = None;
            return Ok(Changed::Entered);
        }
        check_path_keys(&change.commit).map_err(|_| CallError::Change)?;
        let message = MlsMessageIn::tls_deserialize_exact(change.commit.as_ref()).map_err(|_| CallError::Change)?;
        let MlsMessageBodyIn::PublicMessage(public) = message.extract() else { return Err(CallError::Change) };
        if public.epoch() != group.mls.epoch() || public.group_id() != group.mls.group_id() {
            return Err(CallError::Change);
        }
        // What its public part tells comes first: it is the same for everybody.
        let judged = group.mls.public_group().process_message(self.crypto, public.clone());
        let judged = judged.map_err(|_| CallError::Change)?;
        let by = judged.sender().clone();
        let ProcessedMessageContent::StagedCommitMessage(staged) = judged.into_content() else {
            return Err(CallError::Change);
        };
        judge(group, &by, &staged, (sender, ground.members), change)?;
        store_psk(&provider, &group.call_id, ground.psk)?;
        let processed = group.mls.process_message(&provider, public).map_err(|_| CallError::Welcome)?;
        let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else {
            return Err(CallError::Welcome);
        };
        let is_put_out = staged.self_removed();
        group.mls.merge_staged_commit(&provider, *staged).map_err(bug("a good commit merges"))?;
        group.pending = None;
        Ok(if is_put_out { Changed::PutOut } else { Changed::Entered })
    }

    /// An own change was read back where it does not count: another may be made.
    pub(crate) fn give_up(&self, group: &mut CallGroup) -> Result<(), CallError> {
        group.pending = None;
        group.mls.clear_pending_commit(&MlsStore(&group.storage.0)).map_err(bug("a store in memory stores"))
    }

    /// Joins a group by the Welcome of a change.
    pub(crate) fn enter(
        &self,
        rng: &mut dyn CryptoRng,
        call_id: &CallId,
        ground: Ground<'_>,
        invitee: Invitee,
        change: &CallChange,
    ) -> Result<CallGroup, CallError> {
        let welcome = Welcome::tls_deserialize_exact(change.welcome.as_ref()).map_err(|_| CallError::Welcome)?;
        let tree = RatchetTreeIn::tls_deserialize_exact(change.tree.as_ref()).map_err(|_| CallError::Welcome)?;
        let storage = invitee.into_storage();
        let provider = Provider::new(self.crypto, rng, &storage.0);
        let psk_id = store_psk(&provider, call_id, ground.psk)?;
        let config = MlsGroupJoinConfig::builder()
            .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .max_past_epochs(0)
            .number_of_resumption_psks(0)
            .use_ratchet_tree_extension(false)
            .build();
        let builder = StagedWelcome::build_from_welcome(&provider, &config, welcome).map_err(|_| CallError::Welcome)?;
        if !matches!(builder.processed_welcome().psks(), [one] if one.psk() == psk_id.psk()) {
            return Err(CallError::Welcome);
        }
        let mls = builder
            .with_ratchet_tree(tree)
            .skip_lifetime_validation()
            .build()
            .and_then(|staged| staged.into_group(&provider))
            .map_err(|_| CallError::Welcome)?;
        if mls.group_id().as_slice() != call_id.0 || mls.ciphersuite() != SUITE {
            return Err(CallError::Welcome);
        }
        let mut devices = BTreeSet::new();
        for (_, leaf) in mls.public_group().treesync().full_leaves() {
            let peer = find(ground.members, leaf).ok_or(CallError::Members)?;
            if !devices.insert(peer.identity.device_id) {
                return Err(CallError::Members);
            }
        }
        if devices.len() > CALL_PEOPLE_MAX {
            return Err(CallError::Members);
        }
        Ok(CallGroup { storage, mls, call_id: *call_id, pending: None })
    }

    /// What the group's epoch gives to media.
    pub(crate) fn group_keys(&self, group: &CallGroup) -> Result<GroupKeys, CallError> {
        let export = |label: &str, context: &[u8]| -> Result<Zeroizing<[u8; 32]>, CallError> {
            let secret = group.mls.export_secret(self.crypto, label, context, 32);
            let secret = Zeroizing::new(secret.map_err(bug("a group exports"))?);
            Ok(Zeroizing::new(secret.as_slice().try_into().map_err(bug("the exporter returns 32 bytes"))?))
        };
        Ok(GroupKeys {
            base_key: export(SFRAME_LABEL, b"")?,
            epoch: group.epoch(),
            own_leaf: group.mls.own_leaf_index().u32(),
            leaves: group.identities(),
            words: words_of(&*export(WORDS_LABEL, &group.call_id.0)?),
        })
    }
}

/// Whether a commit counts: a pure function of the call's group, the conversation's members and the bytes.
fn judge(
    group: &CallGroup,
    by: &Sender,
    staged: &StagedCommit,
    (sender, members): (DeviceId, &[Peer]),
    change: &CallChange,
) -> Result<(), CallError> {
    let Sender::Member(leaf) = by else { return Err(CallError::Change) };
    let public = group.mls.public_group();
    let committer = public.leaf(*leaf).ok_or(CallError::Change)?;
    let is_senders = find(members, committer).is_some_and(|peer| peer.identity.device_id == sender);
    let is_same = staged.update_path_leaf_node().is_none_or(|after| {
        after.credential() == committer.credential()
            && after.signature_key() == committer.signature_key()
            && check_leaf(after).is_ok()
    });
    if !is_senders || !is_same {
        return Err(CallError::Change);
    }
    let (mut added, mut removed, mut psks) = (BTreeSet::new(), BTreeSet::new(), 0);
    for queued in staged.queued_proposals() {
        if queued.proposal_or_ref_type() != ProposalOrRefType::Proposal {
            return Err(CallError::Change);
        }
        match queued.proposal() {
            Proposal::Add(add) => {
                let checked = CheckedKeyPackage::check(add.key_package().clone()).map_err(|_| CallError::Change)?;
                let peer = find(members, checked.key_package().leaf_node()).ok_or(CallError::Change)?;
                if !added.insert(peer.identity.device_id) {
                    return Err(CallError::Change);
                }
            }
            Proposal::Remove(remove) => {
                let leaf = public.leaf(remove.removed()).ok_or(CallError::Change)?;
                let identity = DeviceIdentity::from_credential(leaf.credential()).map_err(|_| CallError::Change)?;
                removed.insert(identity.device_id);
            }
            Proposal::PreSharedKey(psk) if is_calls(psk, &group.call_id) => psks += 1,
            Proposal::PreSharedKey(_)
            | Proposal::Update(_)
            | Proposal::GroupContextExtensions(_)
            | Proposal::ReInit(_)
            | Proposal::ExternalInit(_)
            | Proposal::SelfRemove
            | Proposal::Custom(_) => return Err(CallError::Change),
        }
    }
    // What it says that it does, all others believe.
    let is_as_said = change.added.iter().copied().collect::<BTreeSet<_>>() == added
        && change.removed.iter().copied().collect::<BTreeSet<_>>() == removed;
    let is_unique = added.iter().all(|device| removed.contains(device) || group.leaf_of(*device).is_none());
    let after = (group.identities().len() + added.len()).saturating_sub(removed.len());
    let is_as_said = is_as_said && change.epoch == group.epoch();
    if psks == 1 && is_as_said && is_unique && after <= CALL_PEOPLE_MAX { Ok(()) } else { Err(CallError::Change) }
}

/// Whether a PSK is the call's. The library does not show whose it is but in its encoding (RFC 9420 s.8.4): external,
/// its name, a nonce.
fn is_calls(psk: &PreSharedKeyProposal, call_id: &CallId) -> bool {
    const EXTERNAL: u8 = 1;
    let name = [&[EXTERNAL, call_id.0.len() as u8], call_id.0.as_slice()].concat();
    psk.tls_serialize_detached().is_ok_and(|bytes| bytes.starts_with(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::DeviceKey;
    use crate::mls::SuiteCrypto;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;
    use wire::id::AccountId;
    use wire::limit::{CALL_CHANGE_PART_BYTES_MAX, CALL_CHANGE_PARTS_MAX};

    const CALL: CallId = CallId([7; 16]);

    struct Side {
        key: DeviceKey,
        identity: DeviceIdentity,
        rng: ChaCha20Rng,
        group: Option<CallGroup>,
    }

    fn id(number: usize) -> DeviceId {
        DeviceId([number as u8 + 1; 16])
    }

    fn psk(number: u8) -> CallPsk {
        CallPsk(Zeroizing::new([number; 32]))
    }

    impl Side {
        fn new(number: usize) -> Self {
            let mut rng = ChaCha20Rng::seed_from_u64(number as u64);
            let key = DeviceKey::generate(&mut rng);
            let identity = DeviceIdentity { account_id: AccountId([number as u8 + 1; 32]), device_id: id(number) };
            Self { key, identity, rng, group: None }
        }

        fn with<T>(&mut self, work: impl FnOnce(Maker<'_>, &mut ChaCha20Rng, &mut Option<CallGroup>) -> T) -> T {
            let maker = Maker { crypto: &SuiteCrypto, key: &self.key, identity: &self.identity };
            work(maker, &mut self.rng, &mut self.group)
        }

        fn keys(&mut self) -> GroupKeys {
            self.with(|maker, _, group| maker.group_keys(group.as_ref().unwrap())).unwrap()
        }
    }

    struct Room {
        sides: Vec<Side>,
        members: Vec<Peer>,
    }

    impl Room {
        /// People in a conversation; the first opens a call.
        fn new(count: usize) -> Self {
            let mut sides: Vec<_> = (0..count).map(Side::new).collect();
            let members = sides
                .iter()
                .map(|side| Peer { identity: side.identity, signature_key: side.key.public().as_bytes().to_vec() })
                .collect();
            sides[0].with(|maker, rng, group| *group = Some(maker.open(rng, &CALL).unwrap()));
            Self { sides, members }
        }

        fn invitees(&mut self, joins: &[usize]) -> Vec<Invitee> {
            joins.iter().map(|at| self.sides[*at].with(|maker, rng, _| maker.invitee(rng)).unwrap()).collect()
        }

        fn make(&mut self, by: usize, joins: &[(usize, &Invitee)], removed: &[usize], part: u8) -> CallChange {
            let joins: Vec<_> =
                joins.iter().map(|(at, one)| (id(*at), Bytes::copy_from_slice(one.key_package()))).collect();
            let removed: Vec<_> = removed.iter().map(|at| id(*at)).collect();
            let (members, part) = (&self.members, psk(part));
            let ground = Ground { psk: &part, members };
            self.sides[by]
                .with(|maker, rng, group| maker.change(rng, group.as_mut().unwrap(), ground, &joins, &removed))
                .unwrap()
                .change
        }

        fn hear(&mut self, at: usize, by: usize, change: &CallChange, part: u8) -> Result<Changed, CallError> {
            let (members, part) = (&self.members, psk(part));
            let ground = Ground { psk: &part, members };
            self.sides[at].with(|maker, rng, group| maker.hear(rng, group.as_mut().unwrap(), ground, id(by), change))
        }

        fn enter(&mut self, at: usize, invitee: Invitee, change: &CallChange, part: u8) -> Result<(), CallError> {
            let (members, part) = (&self.members, psk(part));
            let ground = Ground { psk: &part, members };
            self.sides[at].with(|maker, rng, group| {
                *group = Some(maker.enter(rng, &CALL, ground, invitee, change)?);
                Ok(())
            })
        }

        /// Takes in and puts out, heard by all who are in it.
        fn turn(&mut self, by: usize, joins: &[usize], removed: &[usize], part: u8) -> CallChange {
            let invitees = self.invitees(joins);
            let pairs: Vec<_> = joins.iter().copied().zip(&invitees).collect();
            let change = self.make(by, &pairs, removed, part);
            for at in 0..self.sides.len() {
                if self.sides[at].group.is_none() {
                    continue;
                }
                let changed = self.hear(at, by, &change, part).unwrap();
                if changed == Changed::PutOut {
                    self.sides[at].group = None;
                }
            }
            for (at, invitee) in joins.iter().zip(invitees) {
                self.enter(*at, invitee, &change, part).unwrap();
            }
            change
        }

        fn agree(&mut self, of: &[usize]) {
            let keys: Vec<_> = of.iter().map(|at| self.sides[*at].keys()).collect();
            for one in &keys {
                assert_eq!((&one.base_key, one.epoch, one.words), (&keys[0].base_key, keys[0].epoch, keys[0].words));
                assert_eq!(one.leaves, keys[0].leaves);
                assert_eq!(one.leaves.len(), of.len());
            }
            let leaves: BTreeSet<_> = keys.iter().map(|one| one.own_leaf).collect();
            assert_eq!(leaves.len(), of.len(), "each its own");
        }
    }

    #[test]
    fn whoever_is_in_has_the_epochs_key_and_who_was_put_out_has_not() {
        let mut room = Room::new(4);
        room.turn(0, &[1, 2], &[], 1);
        room.agree(&[0, 1, 2]);
        let before = room.sides[2].keys();
        room.turn(1, &[3], &[2], 2);
        assert!(room.sides[2].group.is_none());
        room.agree(&[0, 1, 3]);
        assert_ne!(room.sides[0].keys().base_key, before.base_key);
        // Whoever comes back is another leaf of another epoch.
        room.turn(3, &[2, 1], &[1], 3);
        room.agree(&[0, 1, 2, 3]);
    }

    #[test]
    fn first_of_two_changes_counts_and_the_other_is_made_again() {
        let mut room = Room::new(4);
        room.turn(0, &[1], &[], 1);
        let invitees = room.invitees(&[2, 3]);
        let first = room.make(0, &[(2, &invitees[0])], &[], 2);
        let second = room.make(1, &[(3, &invitees[1])], &[], 2);
        for at in [0, 1] {
            assert_eq!(room.hear(at, 0, &first, 2), Ok(Changed::Entered));
            assert_eq!(room.hear(at, 1, &second, 2), Err(CallError::Change), "of an epoch that is over");
        }
        let [of_two, of_three] = invitees.try_into().unwrap();
        room.enter(2, of_two, &first, 2).unwrap();
        let again = room.make(1, &[(3, &of_three)], &[], 3);
        for at in [0, 1, 2] {
            assert_eq!(room.hear(at, 1, &again, 3), Ok(Changed::Entered));
        }
        room.enter(3, of_three, &again, 3).unwrap();
        room.agree(&[0, 1, 2, 3]);
    }

    #[test]
    fn change_that_is_not_what_it_says_counts_for_nobody() {
        let mut room = Room::new(4);
        room.turn(0, &[1, 2], &[], 1);
        let invitees = room.invitees(&[3]);
        let change = room.make(0, &[(3, &invitees[0])], &[2], 2);
        let lies = [
            (0, CallChange { added: vec![id(2)], ..change.clone() }),
            (0, CallChange { removed: Vec::new(), ..change.clone() }),
            (0, CallChange { commit: vec![1; 40].into(), ..change.clone() }),
            (2, change.clone()),
        ];
        for (by, lie) in lies {
            assert_eq!(room.hear(1, by, &lie, 2), Err(CallError::Change));
        }
        // Another conversation's part, or another epoch's: the public part is right, the keys are not.
        assert_eq!(room.hear(1, 0, &change, 9), Err(CallError::Welcome));
        // Somebody who is not in the conversation is not taken in.
        let before = room.members.clone();
        room.members.pop();
        let mut other = Room::new(4);
        other.turn(0, &[1, 2], &[], 1);
        other.members.pop();
        let invitees = other.invitees(&[3]);
        let joins = [(id(3), Bytes::copy_from_slice(invitees[0].key_package()))];
        let part = psk(2);
        let ground = Ground { psk: &part, members: &other.members };
        let made =
            other.sides[0].with(|maker, rng, group| maker.change(rng, group.as_mut().unwrap(), ground, &joins, &[]));
        assert_eq!(made.unwrap_err(), CallError::Change);
        room.members = before;
    }

    #[test]
    fn own_change_that_does_not_count_is_given_up_and_another_is_made() {
        let mut room = Room::new(3);
        room.turn(0, &[1], &[], 1);
        let invitees = room.invitees(&[2]);
        room.make(0, &[(2, &invitees[0])], &[], 2);
        room.sides[0].with(|maker, _, group| maker.give_up(group.as_mut().unwrap())).unwrap();
        room.turn(0, &[2], &[], 3);
        room.agree(&[0, 1, 2]);
    }

    #[test]
    fn welcome_opens_with_the_conversations_part_alone() {
        let mut room = Room::new(3);
        for (part, is_good) in [(9, false), (1, true)] {
            let invitees = room.invitees(&[1]);
            let change = room.make(0, &[(1, &invitees[0])], &[], 1);
            let [invitee] = invitees.try_into().unwrap();
            assert_eq!(room.enter(1, invitee, &change, part).is_ok(), is_good);
            room.sides[0].with(|maker, _, group| maker.give_up(group.as_mut().unwrap())).unwrap();
        }
    }

    #[test]
    fn hundred_devices_fit_the_parts_of_a_change() {
        let mut room = Room::new(CALL_PEOPLE_MAX);
        let all: Vec<usize> = (1..CALL_PEOPLE_MAX).collect();
        // As they come: sixteen at a time. Only who measures what is cut enters.
        let mut most = 0;
        for joins in all.chunks(16) {
            let invitees = room.invitees(joins);
            let pairs: Vec<_> = joins.iter().copied().zip(&invitees).collect();
            let change = room.make(0, &pairs, &[], 1);
            room.hear(0, 0, &change, 1).unwrap();
            most = most.max(change.encode().len());
        }
        // The dearest one: a blank tree, so that the path is sealed to each leaf.
        let change = room.make(0, &[], &[CALL_PEOPLE_MAX - 1], 1);
        most = most.max(change.encode().len());
        assert!(most <= CALL_CHANGE_PARTS_MAX * CALL_CHANGE_PART_BYTES_MAX / 2, "{most} bytes");
    }
}
