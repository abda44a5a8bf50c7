//! A call's MLS group (CALLS.md s.4): made by the caller, joined by the answerer, forgotten as soon as both have what
//! follows from it. It never touches the device's store. The group of a call of many goes on: [`group`].

pub mod group;
mod room;

pub use group::{CallGroup, Changed, Ground, GroupKeys, MadeChange};

use crate::contact::key_package::{
    CheckedKeyPackage, KeyPackageUse, SUITE, build_key_package, capabilities, check_leaf, lifetime,
};
use crate::identity::{DeviceIdentity, DeviceKey};
use crate::mls::Provider;
use crate::mls::SuiteCrypto;
use crate::storage::MemoryStorage;
use openmls::prelude::{
    CredentialWithKey, GroupId, LeafNodeIndex, MlsGroup, MlsGroupJoinConfig, PURE_PLAINTEXT_WIRE_FORMAT_POLICY,
    PreSharedKeyProposal, Proposal, RatchetTreeIn, StagedWelcome, Welcome,
};
use openmls::schedule::{ExternalPsk, PreSharedKeyId, Psk};
use openmls_traits::OpenMlsProvider;
use rand_core::CryptoRng;
use tls_codec::{Deserialize as _, Serialize as _};
use wire::id::CallId;
use wire::limit::{CALL_KEY_PACKAGE_BYTES_MAX, CALL_WELCOME_BYTES_MAX};
use zeroize::Zeroizing;

/// The exporter's label of the conversation's part in a call's key.
const PSK_LABEL: &str = "sottovoce call psk 1";
/// RFC 9605 s.5.2.
const SFRAME_LABEL: &str = "SFrame 1.0 Base Key";
const WORDS_LABEL: &str = "sottovoce call words 1";
/// Words that people compare.
pub const CALL_WORDS: usize = 5;
const WORD_BITS: usize = 11;
/// A KeyPackage of a call is used at once or never: its time is that of no door.
const GOOD_UNTIL_S: u64 = 0;

/// What the conversation's epoch gives to a call that was answered in it. Erased on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct CallPsk(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for CallPsk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CallPsk(..)")
    }
}

/// A device of the other account as the conversation's group knows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Peer {
    /// Who.
    pub identity: DeviceIdentity,
    /// The key of its leaf.
    pub signature_key: Vec<u8>,
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Peer(..)")
    }
}

/// A KeyPackage for one call with its private parts, in memory alone.
pub struct Invitee {
    storage: Erased,
    key_package: Vec<u8>,
}

impl std::fmt::Debug for Invitee {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Invitee(..)")
    }
}

impl Invitee {
    /// The KeyPackage, to be said with *ringing*.
    pub fn key_package(&self) -> &[u8] {
        &self.key_package
    }

    fn into_storage(self) -> Erased {
        self.storage
    }
}

/// What a call's group gives to media. Erased on drop.
#[derive(Clone)]
pub struct CallKeys {
    /// SFrame's base key of the epoch.
    pub base_key: Zeroizing<[u8; 32]>,
    /// The group's epoch.
    pub epoch: u64,
    /// Our leaf.
    pub own_leaf: u32,
    /// The leaf of whom we talk to.
    pub peer_leaf: u32,
    /// To be compared by voice.
    pub words: [&'static str; CALL_WORDS],
}

impl std::fmt::Debug for CallKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CallKeys(..)")
    }
}

/// What the caller has when it took the answerer in.
#[derive(Debug)]
pub struct CallMade {
    /// The caller's keys.
    pub keys: CallKeys,
    /// An MLS Welcome, for *keys*.
    pub welcome: Vec<u8>,
    /// The ratchet tree, for *keys*.
    pub tree: Vec<u8>,
}

/// Why a call has no keys: then it has no media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The device is not, or no longer, in the conversation.
    #[error("the device is not in the conversation")]
    NoMember,
    /// The KeyPackage does not parse, or is another device's.
    #[error("the KeyPackage for the call is not of the device that rang")]
    KeyPackage,
    /// The Welcome does not open: another call's, another conversation's, a replaced KeyPackage.
    #[error("the call's keys do not open")]
    Welcome,
    /// Another change of the epoch came first, or it is not what it says.
    #[error("the change of the call's group does not count")]
    Change,
    /// The group is not one of caller and answerer.
    #[error("the call's group has other members")]
    Members,
    /// The library broke an own rule.
    #[error("internal error: {0}")]
    Bug(&'static str),
}

fn bug<T>(what: &'static str) -> impl FnOnce(T) -> CallError {
    move |_| CallError::Bug(what)
}

/// The conversation's part in the key of a call that is answered in this epoch.
pub(crate) fn derive_psk(crypto: &SuiteCrypto, conversation: &MlsGroup, call_id: &CallId) -> Option<CallPsk> {
    let secret = Zeroizing::new(conversation.export_secret(crypto, PSK_LABEL, &call_id.0, 32).ok()?);
    Some(CallPsk(Zeroizing::new(secret.as_slice().try_into().ok()?)))
}

/// This device in a call's group.
pub(crate) struct Maker<'a> {
    pub(crate) crypto: &'a SuiteCrypto,
    pub(crate) key: &'a DeviceKey,
    pub(crate) identity: &'a DeviceIdentity,
}

impl Maker<'_> {
    /// Makes a KeyPackage for one call.
    pub(crate) fn invitee(&self, rng: &mut dyn CryptoRng) -> Result<Invitee, CallError> {
        let storage = Erased(MemoryStorage::default());
        let provider = Provider::new(self.crypto, rng, &storage.0);
        let bundle = build_key_package(&provider, self.key, self.identity, GOOD_UNTIL_S, KeyPackageUse::Once)
            .map_err(bug("an own KeyPackage builds"))?;
        let key_package = bundle.key_package().tls_serialize_detached().map_err(bug("a KeyPackage encodes"))?;
        if key_package.len() > CALL_KEY_PACKAGE_BYTES_MAX {
            return Err(CallError::Bug("a KeyPackage fits its signal"));
        }
        Ok(Invitee { storage, key_package })
    }

    /// Makes the group and takes the answerer in.
    pub(crate) fn make(
        &self,
        rng: &mut dyn CryptoRng,
        call_id: &CallId,
        psk: &CallPsk,
        peer: &Peer,
        key_package: &[u8],
    ) -> Result<CallMade, CallError> {
        let invited = CheckedKeyPackage::parse(self.crypto, key_package).map_err(|_| CallError::KeyPackage)?;
        let signature_key = invited.key_package().leaf_node().signature_key().as_slice();
        if *invited.identity() != peer.identity || signature_key != peer.signature_key {
            return Err(CallError::KeyPackage);
        }
        let storage = Erased(MemoryStorage::default());
        let provider = Provider::new(self.crypto, rng, &storage.0);
        let psk_id = store_psk(&provider, call_id, psk)?;
        let credential_with_key = CredentialWithKey {
            credential: self.identity.to_credential(),
            signature_key: self.key.public().as_bytes().as_slice().into(),
        };
        let mut mls = MlsGroup::builder()
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
        let built = mls
            .commit_builder()
            .consume_proposal_store(false)
            .propose_adds([invited.into_key_package()])
            .add_proposal(Proposal::PreSharedKey(Box::new(PreSharedKeyProposal::new(psk_id))))
            .load_psks(provider.storage())
            .map_err(bug("the call's PSK loads"))?
            .create_group_info(true)
            .use_ratchet_tree_extension(false)
            .build(provider.rand(), provider.crypto(), self.key, |_| true)
            .map_err(bug("a call's commit builds"))?;
        let bundle = built.stage_commit(&provider).map_err(bug("a call's commit stages"))?;
        let welcome = bundle.into_welcome().ok_or(CallError::Bug("a commit with an Add has a Welcome"))?;
        let welcome = welcome.tls_serialize_detached().map_err(bug("a Welcome encodes"))?;
        mls.merge_pending_commit(&provider).map_err(bug("an own commit merges"))?;
        let tree = mls.export_ratchet_tree().tls_serialize_detached().map_err(bug("a tree encodes"))?;
        if welcome.len().max(tree.len()) > CALL_WELCOME_BYTES_MAX {
            return Err(CallError::Bug("a group of two fits its signal"));
        }
        let keys = self.keys_of(&mls, call_id, peer)?;
        Ok(CallMade { keys, welcome, tree })
    }

    /// Joins the group that the caller made.
    pub(crate) fn join(
        &self,
        rng: &mut dyn CryptoRng,
        call_id: &CallId,
        psk: &CallPsk,
        peer: &Peer,
        invitee: &Invitee,
        (welcome, tree): (&[u8], &[u8]),
    ) -> Result<CallKeys, CallError> {
        let welcome = Welcome::tls_deserialize_exact(welcome).map_err(|_| CallError::Welcome)?;
        let tree = RatchetTreeIn::tls_deserialize_exact(tree).map_err(|_| CallError::Welcome)?;
        let provider = Provider::new(self.crypto, rng, &invitee.storage.0);
        let psk_id = store_psk(&provider, call_id, psk)?;
        let config = MlsGroupJoinConfig::builder()
            .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .max_past_epochs(0)
            .number_of_resumption_psks(0)
            .use_ratchet_tree_extension(false)
            .build();
        let builder = StagedWelcome::build_from_welcome(&provider, &config, welcome).map_err(|_| CallError::Welcome)?;
        // Without the conversation's part the Welcome would open for whoever got hold of the KeyPackage's signature.
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
        self.keys_of(&mls, call_id, peer)
    }

    fn keys_of(&self, mls: &MlsGroup, call_id: &CallId, peer: &Peer) -> Result<CallKeys, CallError> {
        let own_leaf = mls.own_leaf_index();
        let mut others = mls.members().filter(|member| member.index != own_leaf);
        let (Some(other), None) = (others.next(), others.next()) else { return Err(CallError::Members) };
        if !is_peer(mls, other.index, peer) {
            return Err(CallError::Members);
        }
        let export = |label: &str, context: &[u8]| -> Result<Zeroizing<[u8; 32]>, CallError> {
            let secret =
                Zeroizing::new(mls.export_secret(self.crypto, label, context, 32).map_err(bug("a group exports"))?);
            Ok(Zeroizing::new(secret.as_slice().try_into().map_err(bug("the exporter returns 32 bytes"))?))
        };
        let words = words_of(&*export(WORDS_LABEL, &call_id.0)?);
        Ok(CallKeys {
            base_key: export(SFRAME_LABEL, b"")?,
            epoch: mls.epoch().as_u64(),
            own_leaf: own_leaf.u32(),
            peer_leaf: other.index.u32(),
            words,
        })
    }
}

/// A store that is wiped when it goes.
struct Erased(MemoryStorage);

impl Drop for Erased {
    fn drop(&mut self) {
        self.0.erase();
    }
}

fn store_psk(provider: &Provider<'_>, call_id: &CallId, psk: &CallPsk) -> Result<PreSharedKeyId, CallError> {
    let psk_id = Psk::External(ExternalPsk::new(call_id.0.to_vec()));
    let psk_id = PreSharedKeyId::new(SUITE, provider.rand(), psk_id).map_err(bug("randomness never fails here"))?;
    psk_id.store(provider, psk.0.as_slice()).map_err(bug("a store in memory stores"))?;
    Ok(psk_id)
}

fn is_peer(mls: &MlsGroup, leaf: LeafNodeIndex, peer: &Peer) -> bool {
    mls.public_group().leaf(leaf).is_some_and(|leaf| {
        check_leaf(leaf).is_ok_and(|identity| identity == peer.identity)
            && leaf.signature_key().as_slice() == peer.signature_key
    })
}

/// The first words of the BIP 39 list by 11 bits each.
fn words_of(secret: &[u8; 32]) -> [&'static str; CALL_WORDS] {
    let list = bip39::Language::English.word_list();
    std::array::from_fn(|number| {
        let index = (number * WORD_BITS..(number + 1) * WORD_BITS)
            .fold(0_usize, |index, bit| index << 1 | usize::from(secret[bit / 8] >> (7 - bit % 8) & 1));
        list[index]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;
    use wire::id::{AccountId, DeviceId};

    const CALL: CallId = CallId([7; 16]);

    struct Side {
        crypto: SuiteCrypto,
        key: DeviceKey,
        identity: DeviceIdentity,
        rng: ChaCha20Rng,
    }

    impl Side {
        fn new(number: u8) -> Self {
            let mut rng = ChaCha20Rng::seed_from_u64(u64::from(number));
            let key = DeviceKey::generate(&mut rng);
            let identity = DeviceIdentity { account_id: AccountId([number; 32]), device_id: DeviceId([number; 16]) };
            Self { crypto: SuiteCrypto, key, identity, rng }
        }

        fn peer(&self) -> Peer {
            Peer { identity: self.identity, signature_key: self.key.public().as_bytes().to_vec() }
        }

        fn split(&mut self) -> (Maker<'_>, &mut ChaCha20Rng) {
            (Maker { crypto: &self.crypto, key: &self.key, identity: &self.identity }, &mut self.rng)
        }

        fn invitee(&mut self) -> Invitee {
            let (maker, rng) = self.split();
            maker.invitee(rng).unwrap()
        }

        fn make(&mut self, psk: u8, peer: &Peer, key_package: &[u8]) -> Result<CallMade, CallError> {
            let (maker, rng) = self.split();
            maker.make(rng, &CALL, &of(psk), peer, key_package)
        }

        fn join(
            &mut self,
            (call, psk): (CallId, u8),
            peer: &Peer,
            invitee: &Invitee,
            made: &CallMade,
        ) -> Result<CallKeys, CallError> {
            let (maker, rng) = self.split();
            maker.join(rng, &call, &of(psk), peer, invitee, (&made.welcome, &made.tree))
        }
    }

    fn of(psk: u8) -> CallPsk {
        CallPsk(Zeroizing::new([psk; 32]))
    }

    #[test]
    fn both_sides_get_the_same_key_and_words_and_their_own_leaves() {
        let (mut ada, mut bob) = (Side::new(1), Side::new(2));
        let invitee = bob.invitee();
        let made = ada.make(3, &bob.peer(), invitee.key_package()).unwrap();
        let joined = bob.join((CALL, 3), &ada.peer(), &invitee, &made).unwrap();
        assert_eq!(made.keys.base_key, joined.base_key);
        assert_eq!(made.keys.words, joined.words);
        assert_eq!((made.keys.own_leaf, made.keys.peer_leaf), (joined.peer_leaf, joined.own_leaf));
        assert_eq!((made.keys.epoch, joined.epoch), (1, 1));
        // Another call of the same two has another key.
        let again = bob.invitee();
        let other = ada.make(3, &bob.peer(), again.key_package()).unwrap();
        assert_ne!(other.keys.base_key, made.keys.base_key);
        assert_ne!(other.keys.words, made.keys.words);
    }

    #[test]
    fn another_conversations_psk_and_another_call_do_not_join() {
        let (mut ada, mut bob) = (Side::new(1), Side::new(2));
        for (call, psk) in [(CALL, 4), (CallId([8; 16]), 3)] {
            let invitee = bob.invitee();
            let made = ada.make(3, &bob.peer(), invitee.key_package()).unwrap();
            let error = bob.join((call, psk), &ada.peer(), &invitee, &made).unwrap_err();
            assert_eq!(error, CallError::Welcome);
        }
    }

    #[test]
    fn a_replaced_key_package_is_refused_by_the_caller_and_useless_to_the_answerer() {
        let (mut ada, mut bob, mut eve) = (Side::new(1), Side::new(2), Side::new(3));
        let (ringing, foreign) = (bob.invitee(), eve.invitee());
        assert_eq!(ada.make(3, &bob.peer(), foreign.key_package()).unwrap_err(), CallError::KeyPackage);
        // Eve signs with her key in Bob's name.
        eve.identity = bob.identity;
        let forged = eve.invitee();
        assert_eq!(ada.make(3, &bob.peer(), forged.key_package()).unwrap_err(), CallError::KeyPackage);
        assert_eq!(ada.make(3, &bob.peer(), b"").unwrap_err(), CallError::KeyPackage);
        // An earlier one of Bob's own.
        let earlier = bob.invitee();
        let made = ada.make(3, &bob.peer(), earlier.key_package()).unwrap();
        assert_eq!(bob.join((CALL, 3), &ada.peer(), &ringing, &made).unwrap_err(), CallError::Welcome);
    }

    #[test]
    fn a_group_of_somebody_else_than_the_caller_is_refused() {
        let (mut ada, mut bob, mut eve) = (Side::new(1), Side::new(2), Side::new(3));
        let invitee = bob.invitee();
        let made = eve.make(3, &bob.peer(), invitee.key_package()).unwrap();
        assert_eq!(bob.join((CALL, 3), &ada.peer(), &invitee, &made).unwrap_err(), CallError::Members);
        let invitee = bob.invitee();
        let made = ada.make(3, &bob.peer(), invitee.key_package()).unwrap();
        let cut = CallMade { welcome: made.welcome[1..].to_vec(), ..made };
        assert_eq!(bob.join((CALL, 3), &ada.peer(), &invitee, &cut).unwrap_err(), CallError::Welcome);
    }

    #[test]
    fn words_are_the_first_bits_of_the_secret() {
        let mut secret = [0; 32];
        assert_eq!(words_of(&secret), ["abandon"; CALL_WORDS]);
        secret[..2].copy_from_slice(&[0xFF, 0xE0]);
        assert_eq!(words_of(&secret)[..2], ["zoo", "abandon"]);
        assert_eq!(words_of(&[0xFF; 32]), ["zoo"; CALL_WORDS]);
    }
}
