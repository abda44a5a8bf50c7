//! Claims that span the modules of first contact.

use crate::contact::door::{open_door_key_package, seal_door_key_package};
use crate::contact::key_package::{SUITE, build_key_package};
use crate::contact::knock::KNOCK_CONTENT_BYTES_MAX;
use crate::contact::knock_kind::KNOCK_EVIDENCE_BYTES_MAX;
use crate::contact::*;
use crate::identity::{Certificate, CertificateError, DeviceIdentity, DeviceKey, NodeUrl, RecoveryPhrase, RootKeys};
use bytes::Bytes;
use openmls_rust_crypto::OpenMlsRustCrypto;
use openmls_traits::OpenMlsProvider as _;
use openmls_traits::crypto::OpenMlsCrypto as _;
use prost::Message as _;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use wire::Malformed;
use wire::id::{BlobId, DeviceId, Hash, LaneId, NodeKey};
use wire::lane::LaneClass;
use wire::limit::{BLOB_BYTES_MAX, GROUP_LEAVES_MAX, NAME_BYTES_MAX, NOTE_BYTES_MAX};
use wire::proto::contact as proto;

/// One account with one device.
struct Person {
    provider: OpenMlsRustCrypto,
    key: DeviceKey,
    certificate: Certificate,
}

impl Person {
    fn new(seed: u8) -> Self {
        let key = DeviceKey::from_seed(&[seed; 32]);
        let root = RootKeys::derive(&RecoveryPhrase::from_entropy(&[seed; 32]));
        let certificate = Certificate::issue(&root, DeviceId([seed; 16]), key.public(), u64::MAX);
        Self { provider: OpenMlsRustCrypto::default(), key, certificate }
    }

    fn key_package(&self, usage: KeyPackageUse) -> CheckedKeyPackage {
        let bundle =
            build_key_package(&self.provider, &self.key, self.certificate.identity(), 1_800_000_000, usage).unwrap();
        CheckedKeyPackage::check(bundle.into_key_package()).unwrap()
    }

    fn lane(&self, class: LaneClass) -> KnockLane {
        KnockLane::generate(self.provider.crypto(), class, &mut rng(9)).unwrap()
    }

    fn knock(&self, kind: KnockKind) -> Knock {
        Knock {
            certificate: self.certificate.clone(),
            note: "hello".to_owned(),
            name: "Ada".to_owned(),
            node_url: Some(NodeUrl::parse("https://node.example").unwrap()),
            kind,
        }
    }

    fn small(&self) -> Knock {
        let content = WelcomeContent::Inline(package(&[], 1));
        self.knock(KnockKind::Welcome(WelcomeKnock { content, purpose: WelcomePurpose::New }))
    }

    fn seal(&self, lane: &KnockLane, knock: &Knock) -> Result<Bytes, SealKnockError> {
        seal_knock(self.provider.crypto(), &lane.lane_id(), lane.intro.public(), &self.key, knock)
    }

    fn open(&self, lane: &KnockLane, body: &[u8]) -> Result<Knock, OpenKnockError> {
        open_knock(self.provider.crypto(), &lane.lane_id(), &lane.intro, body)
    }
}

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

fn package(people: &[&Person], bytes: usize) -> WelcomePackage {
    WelcomePackage {
        welcome: vec![1; bytes].into(),
        tree: vec![2; bytes].into(),
        certificates: people.iter().map(|person| person.certificate.clone().into()).collect(),
    }
}

mod key_packages;
mod knocks;
mod paths;
mod places;
