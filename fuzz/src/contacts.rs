//! First contact and groups: links, bundles, doors, knocks, KeyPackages, Welcomes, policies.
//!
//! What is sealed or signed is sealed and signed here around the fuzzed bytes, as a stranger with a certificate of
//! his own can do it; without that nothing behind the signature would be reached.

use crate::Seed;
use bytes::Bytes;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use openmls_traits::crypto::OpenMlsCrypto;
use prost::Message;
use protocol::contact::door::{derive_door_id, open_door_key_package};
use protocol::contact::key_package::{SUITE, build_key_package};
use protocol::contact::knock::KNOCK_BODY_BYTES;
use protocol::contact::x_wing::X_WING_ENC_BYTES;
use protocol::contact::{
    BlobKey, BlobReference, CheckedKeyPackage, DoorRecord, IntroKey, InviteBundle, InviteLink, InviteSecret,
    KeyPackageUse, KnockLane, WelcomePackage, open_knock,
};
use protocol::identity::{Certificate, DeviceKey, NodeUrl, RecoveryPhrase, RootKeys};
use protocol::mls::{Provider, SuiteCrypto};
use protocol::policy::{Policy, Previous};
use protocol::storage::MemoryStorage;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::Sha256;
use std::sync::LazyLock;
use wire::id::{AccountId, BlobId, DeviceId, Hash, LaneId, NodeKey};
use wire::lane::LaneClass;
use wire::proto::contact as proto;

const LANE: LaneId = LaneId([2; 32]);
const KEY: [u8; 32] = [3; 32];

/// Somebody with a certificate, an intro key and a KeyPackage.
struct Person {
    key: DeviceKey,
    certificate: Certificate,
    intro: IntroKey,
    target: protocol::contact::KnockTarget,
    key_package: CheckedKeyPackage,
}

static CRYPTO: LazyLock<SuiteCrypto> = LazyLock::new(SuiteCrypto::default);

static ADA: LazyLock<Person> = LazyLock::new(|| {
    let root = RootKeys::derive(&RecoveryPhrase::from_entropy(&[4; 32]));
    let key = DeviceKey::from_seed(&[5; 32]);
    let certificate = Certificate::issue(&root, DeviceId([6; 16]), key.public(), u64::MAX);
    let mut rng = ChaCha20Rng::from_seed([7; 32]);
    let lane = KnockLane::generate(&*CRYPTO, LaneClass::Door, &mut rng).expect("the provider knows X-Wing");
    let storage = MemoryStorage::default();
    let provider = Provider::new(&CRYPTO, &mut rng, &storage);
    let bundle = build_key_package(&provider, &key, certificate.identity(), 1_900_000_000, KeyPackageUse::Once)
        .expect("storage in memory does not fail");
    let key_package = CheckedKeyPackage::check(bundle.into_key_package()).expect("as we build it");
    Person { key, certificate, target: lane.target(), intro: lane.intro, key_package }
});

/// version 1 ‖ length u32 ‖ content ‖ zeros to `size`; longer contents are cut, as nobody can send them.
fn frame(content: &[u8], size: usize) -> Vec<u8> {
    let content = &content[..content.len().min(size - 5)];
    let mut framed = vec![1];
    framed.extend_from_slice(&(content.len() as u32).to_be_bytes());
    framed.extend_from_slice(content);
    framed.resize(size, 0);
    framed
}

/// nonce 24 ‖ XChaCha20-Poly1305(key, aad, frame), `size` bytes.
fn seal(key: &[u8; 32], aad: &[u8], content: &[u8], size: usize) -> Vec<u8> {
    let nonce = [0; 24];
    let sealed = XChaCha20Poly1305::new(&Key::from(*key))
        .encrypt(&XNonce::from(nonce), Payload { msg: &frame(content, size - 40), aad })
        .expect("any plaintext of this size can be sealed");
    [&nonce[..], &sealed].concat()
}

fn expand(secret: &[u8; 32], label: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    let hkdf = Hkdf::<Sha256>::from_prk(secret).expect("as long as the hash");
    hkdf.expand(label, &mut key).expect("as long as the hash");
    key
}

/// The text of an invite link.
pub fn invite_link(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(link) = InviteLink::parse(text) else { return false };
    assert!(InviteLink::parse(&link.to_text()) == Ok(link), "a link does not read back");
    true
}

/// The content of a bundle, sealed with the link's secret by whoever made the link.
pub fn invite_bundle(content: &[u8]) -> bool {
    let blob = seal(&expand(&KEY, b"invite bundle 1"), &[], content, 16_384);
    let link = InviteLink { node_url: node_url(), secret: InviteSecret(KEY), bundle_id: BlobId(Hash::of(&[&blob]).0) };
    InviteBundle::open(&*CRYPTO, &link, &blob).is_ok()
}

/// The content of a door's record, signed by the door's own device.
pub fn door_record(content: &[u8]) -> bool {
    let account_id = ADA.certificate.account_id();
    let door_id = derive_door_id(account_id);
    let content = &content[..content.len().min(16_384 - 45 - 64)];
    let signature = ADA.key.sign_labelled(&[b"sottovoce door record signature 1", &door_id.0[..], content].concat());
    let aad = [&door_id.0[..], &[0]].concat();
    let signed = [&signature[..], content].concat();
    let key = expand(&account_id.0, b"door record 1");
    DoorRecord::open(account_id, &seal(&key, &aad, &signed, 16_384)).is_ok()
}

/// A KeyPackage, bare and as a door hands it out.
pub fn key_package(bytes: &[u8]) -> bool {
    let account_id = ADA.certificate.account_id();
    let aad = [&derive_door_id(account_id).0[..], &[1]].concat();
    let sealed = seal(&expand(&account_id.0, b"door record 1"), &aad, bytes, 4_096);
    let record = DoorRecord { certificate: ADA.certificate.clone(), target: ADA.target.clone(), name: String::new() };
    let claimed = open_door_key_package(&*CRYPTO, &record, &sealed);
    let Ok(parsed) = CheckedKeyPackage::parse(&*CRYPTO, bytes) else { return false };
    assert!(*parsed.as_bytes() == bytes, "a second encoding");
    assert_eq!(claimed.is_ok(), parsed.is_of(&ADA.certificate), "a door hands out its own KeyPackages alone");
    true
}

/// The content of a knock, signed by a certified device and sealed to the intro key.
pub fn knock(content: &[u8]) -> bool {
    let plaintext_bytes = KNOCK_BODY_BYTES - X_WING_ENC_BYTES - 16;
    let content = &content[..content.len().min(plaintext_bytes - 5 - 64)];
    let intro_pk = ADA.intro.public().as_bytes();
    let signed = [b"sottovoce knock signature 1", &LANE.0[..], &Hash::of(&[intro_pk]).0, content].concat();
    let signature = ADA.key.sign_labelled(&signed);
    let plaintext = frame(&[&signature[..], content].concat(), plaintext_bytes);
    let info = [b"sottovoce knock 1", &LANE.0[..]].concat();
    let sealed =
        CRYPTO.hpke_seal(SUITE.hpke_config(), intro_pk, &info, &[], &plaintext).expect("the provider knows X-Wing");
    let body = [sealed.kem_output.as_slice(), sealed.ciphertext.as_slice()].concat();
    open_knock(&*CRYPTO, &LANE, &ADA.intro, &body).is_ok()
}

/// The body of a knock as a stranger sends it, unsealed by nobody's key.
pub fn knock_body(bytes: &[u8]) -> bool {
    let mut body = bytes.to_vec();
    body.resize(KNOCK_BODY_BYTES, 0);
    assert!(open_knock(&*CRYPTO, &LANE, &ADA.intro, &body).is_err(), "nobody sealed this");
    open_knock(&*CRYPTO, &LANE, &ADA.intro, bytes).is_ok() || bytes.len() >= X_WING_ENC_BYTES
}

/// The content of the blob that a Welcome names.
pub fn welcome_blob(content: &[u8]) -> bool {
    let blob = seal(&KEY, b"sottovoce welcome rest 1", content, 65_536);
    let reference = BlobReference { id: BlobId(Hash::of(&[&blob]).0), key: BlobKey(KEY) };
    WelcomePackage::open_rest(bytes_of(&[13; 300]), &reference, &blob).is_ok()
}

/// A group's policy has one encoding.
pub fn policy(bytes: &[u8]) -> bool {
    let Ok(policy) = Policy::parse(bytes) else { return false };
    assert!(policy.encode() == bytes, "a second encoding");
    true
}

fn node_url() -> NodeUrl {
    NodeUrl::parse("https://node.example").expect("a good URL")
}

/// A link to a node by name, and one to a port of this machine.
pub fn invite_link_seeds() -> Vec<Seed> {
    let link = |url: &str| {
        let node_url = NodeUrl::parse(url).expect("a good URL");
        InviteLink { node_url, secret: InviteSecret(KEY), bundle_id: BlobId([8; 32]) }.to_text().as_bytes().to_vec()
    };
    vec![Seed::new("https", link("https://node.example")), Seed::new("loopback", link("http://127.0.0.1:8750"))]
}

fn bytes_of(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

/// To a person and to a group.
pub fn invite_bundle_seeds() -> Vec<Seed> {
    let bundle = |is_group: bool| {
        proto::InviteBundle {
            certificate: ADA.certificate.as_bytes().clone(),
            intro_pk: bytes_of(ADA.target.intro_pk.as_bytes()),
            write_cap: bytes_of(&[9; 32]),
            read_hash: bytes_of(&[10; 32]),
            key_package: if is_group { Bytes::new() } else { ADA.key_package.as_bytes().clone() },
            name: "Ada".into(),
            expires_s: 1_900_000_000,
            group: is_group,
            node_pk: bytes_of(&[11; 32]),
            title: if is_group { "Friends".into() } else { String::new() },
        }
        .encode_to_vec()
    };
    vec![Seed::new("person", bundle(false)), Seed::new("group", bundle(true))]
}

/// A record as a door holds it.
pub fn door_record_seeds() -> Vec<Seed> {
    let record = proto::DoorRecord {
        certificate: ADA.certificate.as_bytes().clone(),
        intro_pk: bytes_of(ADA.target.intro_pk.as_bytes()),
        write_cap: bytes_of(&[9; 32]),
        read_hash: bytes_of(&[10; 32]),
        name: "Ada".into(),
    };
    vec![Seed::new("ada", record.encode_to_vec())]
}

/// A KeyPackage as we build it.
pub fn key_package_seeds() -> Vec<Seed> {
    vec![Seed::new("once", ADA.key_package.as_bytes().to_vec())]
}

/// One knock of each kind.
pub fn knock_seeds() -> Vec<Seed> {
    use proto::knock::Kind;
    let group_id = bytes_of(&[12; 16]);
    let welcome = proto::Welcome {
        welcome: bytes_of(&[13; 300]),
        tree: bytes_of(&[14; 200]),
        certificates: vec![ADA.certificate.as_bytes().clone()],
        ..Default::default()
    };
    let in_blob = proto::Welcome {
        welcome: bytes_of(&[13; 300]),
        blob_id: bytes_of(&[15; 32]),
        blob_key: bytes_of(&[16; 32]),
        reboot_of: group_id.clone(),
        ..Default::default()
    };
    let join = proto::JoinRequest {
        key_package: ADA.key_package.as_bytes().clone(),
        reply_write_cap: bytes_of(&[9; 32]),
        reply_read_hash: bytes_of(&[10; 32]),
        reply_intro_pk: bytes_of(ADA.target.intro_pk.as_bytes()),
    };
    let readd = proto::Readd {
        group_id,
        epoch: 7,
        authenticator: bytes_of(&[17; 48]),
        key_package: ADA.key_package.as_bytes().clone(),
        suspect_leaf: Some(3),
        evidence: bytes_of(&[18; 40]),
    };
    [
        ("welcome", Kind::Welcome(welcome)),
        ("welcome_in_blob", Kind::Welcome(in_blob)),
        ("join", Kind::Join(join)),
        ("readd", Kind::Readd(readd)),
    ]
    .into_iter()
    .map(|(name, kind)| {
        let knock = proto::Knock {
            certificate: ADA.certificate.as_bytes().clone(),
            note: "It is me".into(),
            name: "Ada".into(),
            node_url: "https://node.example".into(),
            kind: Some(kind),
        };
        Seed::new(name, knock.encode_to_vec())
    })
    .collect()
}

/// An encapsulation to nobody in particular.
pub fn knock_body_seeds() -> Vec<Seed> {
    vec![Seed::new("noise", vec![0x5A; X_WING_ENC_BYTES + 100])]
}

/// A tree and one certificate.
pub fn welcome_blob_seeds() -> Vec<Seed> {
    let welcome = proto::Welcome {
        tree: bytes_of(&[14; 200]),
        certificates: vec![ADA.certificate.as_bytes().clone()],
        ..Default::default()
    };
    vec![Seed::new("one_member", welcome.encode_to_vec())]
}

/// A conversation of two, a group, and one that restarts another.
pub fn policy_seeds() -> Vec<Seed> {
    let direct = Policy {
        is_direct: true,
        node_url: node_url(),
        node_key: NodeKey([20; 32]),
        title: String::new(),
        admins: vec![AccountId([21; 32]), AccountId([22; 32])],
        previous: None,
    };
    let group = Policy { is_direct: false, title: "Friends".into(), ..direct.clone() };
    let previous = Previous { group_id: [23; 16], epoch: 7, authenticator: Hash([24; 32]) };
    let restarted = Policy { previous: Some(previous), ..group.clone() };
    [("direct", direct), ("group", group), ("restarted", restarted)]
        .into_iter()
        .map(|(name, policy)| Seed::new(name, policy.encode()))
        .collect()
}
