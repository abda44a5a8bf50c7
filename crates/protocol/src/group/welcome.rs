//! Creating, joining, and the Welcomes that let others join (LANE.md C8, s.7; RFC 9420 s.12.4.3).

use super::commit::Plan;
use super::validate::{Certificates, GroupError, check_group, members_of};
use super::{Cx, DeviceError, Group, GroupRecord, Provider};
use crate::contact::CheckedKeyPackage;
use crate::contact::key_package::{SUITE, capabilities, lifetime};
use crate::event::ConversationState;
use crate::identity::{Certificate, DeviceIdentity, NodeUrl};
use crate::mls::SuiteCrypto;
use crate::policy::Policy;
use crate::storage::{self, Space, Storage, StorageError};
use openmls::prelude::{
    CredentialWithKey, GroupId, KeyPackage, MlsGroup, MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn,
    PURE_PLAINTEXT_WIRE_FORMAT_POLICY, RatchetTreeIn, SenderRatchetConfiguration, StagedWelcome, Welcome, WelcomeError,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tls_codec::{Deserialize as _, Serialize as _, VLBytes};
use wire::id::{AccountId, DeviceId};

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
    pub(super) certificate: Vec<u8>,
    account: [u8; 32],
    device: [u8; 16],
    reference: Vec<u8>,
    route: Route,
    note: String,
}

impl Joiner {
    /// A joiner with a KeyPackage that was checked against its certificate.
    pub(crate) fn new(
        crypto: &SuiteCrypto,
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

    pub(super) fn key_package(&self, crypto: &SuiteCrypto) -> Option<KeyPackage> {
        CheckedKeyPackage::parse(crypto, &self.key_package).ok().map(CheckedKeyPackage::into_key_package)
    }

    /// Its certificate, which was verified before there was a joiner: kept as such, so that a commit takes it for good.
    pub(super) fn verified_certificate(&self, storage: &dyn Storage) -> Result<Vec<u8>, StorageError> {
        storage.put(Space::Certificates, &self.identity().to_bytes(), &self.certificate)?;
        Ok(self.certificate.clone())
    }

    pub(super) fn identity(&self) -> DeviceIdentity {
        DeviceIdentity { account_id: AccountId(self.account), device_id: DeviceId(self.device) }
    }
}

/// Welcomes that are ready to go out, for the device to knock with.
#[derive(Clone)]
pub(crate) struct Delivery {
    pub(crate) group: [u8; 16],
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
    pub(crate) account: [u8; 32],
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
        may_replace: &dyn Fn(&[u8]) -> bool,
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
        let claimed = builder.processed_welcome().unverified_group_info();
        let (id, epoch) = (claimed.group_id().clone(), claimed.epoch().as_u64());
        let known: Option<GroupRecord> = storage::get(cx.storage, Space::Group, id.as_slice(), "conversation")?;
        let is_known = known.is_some();
        if let Some(known) = &known
            && !may_replace(id.as_slice())
        {
            let is_later = epoch > known.epoch;
            let living = GroupError::Living { group: known.id, epoch };
            return Ok(Err(if is_later { living } else { GroupError::Known }));
        }
        let builder = if is_known {
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
        // An older invitation to what we left since leads nowhere.
        let is_stale = known
            .is_some_and(|known| known.state != ConversationState::Rejoining && mls.epoch().as_u64() <= known.epoch);
        if is_stale {
            return Ok(Err(GroupError::Known));
        }
        let policy = match check_group(mls.public_group(), &certificates)? {
            Ok(policy) => policy,
            Err(error) => return Ok(Err(error)),
        };
        if mls.group_id().as_slice().len() != 16 || mls.ciphersuite() != SUITE {
            return Ok(Err(GroupError::Mls));
        }
        Self::begin(cx, mls, &policy).map(Ok)
    }

    pub(super) fn send_welcomes(&mut self, cx: &mut Cx<'_>, plan: &Plan, welcome: &[u8]) -> Result<(), DeviceError> {
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
        let parts = WelcomeParts::parse(welcome).ok_or(DeviceError::Bug("an own Welcome parses"))?;
        let mut welcomes = Vec::with_capacity(joiners.len());
        for joiner in joiners {
            let welcome = parts.of(&joiner.reference).ok_or(DeviceError::Bug("a Welcome names each joiner"))?;
            welcomes.push(JoinerWelcome {
                account: joiner.account,
                route: joiner.route.clone(),
                note: joiner.note.clone(),
                welcome,
            });
        }
        let (group, restarts) = (self.record.id, self.record.restarts);
        cx.welcomes.push(Delivery { group, tree, certificates, joiners: welcomes, is_readd, restarts });
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

/// A Welcome by its joiners (RFC 9420 s.12.4.3.1): suite ‖ secrets ‖ encrypted group info.
struct WelcomeParts<'a> {
    suite: &'a [u8],
    /// Each joiner's encrypted secrets, by the reference of its KeyPackage.
    secrets: BTreeMap<Vec<u8>, Vec<u8>>,
    group_info: Vec<u8>,
}

impl<'a> WelcomeParts<'a> {
    fn parse(welcome: &'a [u8]) -> Option<Self> {
        let (suite, mut rest) = welcome.split_at_checked(2)?;
        let list = VLBytes::tls_deserialize(&mut rest).ok()?;
        let group_info = rest.to_vec();
        let mut list = list.as_slice();
        let mut secrets = BTreeMap::new();
        while !list.is_empty() {
            let start = list;
            let reference = VLBytes::tls_deserialize(&mut list).ok()?;
            let _kem_output = VLBytes::tls_deserialize(&mut list).ok()?;
            let _ciphertext = VLBytes::tls_deserialize(&mut list).ok()?;
            secrets.insert(reference.into(), start.get(..start.len() - list.len())?.to_vec());
        }
        Some(Self { suite, secrets, group_info })
    }

    /// The Welcome for one joiner alone.
    fn of(&self, reference: &[u8]) -> Option<Vec<u8>> {
        let one = VLBytes::new(self.secrets.get(reference)?.clone());
        Some([self.suite, &one.tls_serialize_detached().ok()?, &self.group_info].concat())
    }
}
