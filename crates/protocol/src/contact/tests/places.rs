//! Claims about where knocks lead from: links, bundles, doors, Welcome blobs.

use super::*;
use crate::contact::door::SealDoorError;
use crate::contact::invite::{BUNDLE_BYTES, LINK_FRAGMENT_CHARS, SealBundleError};
use crate::identity::{HybridError, NodeUrlError};
use proptest::prelude::*;

fn link() -> InviteLink {
    InviteLink {
        node_url: NodeUrl::parse("https://node.example/chat").unwrap(),
        secret: InviteSecret([1; 32]),
        bundle_id: BlobId([2; 32]),
    }
}

const LINK: &str = "https://node.example/chat/i#\
    AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI";

fn bundle(from: &Person) -> InviteBundle {
    InviteBundle {
        certificate: from.certificate.clone(),
        target: from.lane(LaneClass::Invite).target(),
        node_pk: NodeKey([4; 32]),
        name: "Ada".to_owned(),
        expires_s: 1_800_000_000,
        kind: InviteKind::Person { key_package: Box::new(from.key_package(KeyPackageUse::Once)) },
    }
}

fn open_bundle(bundle: &InviteBundle) -> Result<InviteBundle, OpenBundleError> {
    let secret = InviteSecret::generate(&mut rng(1));
    let blob = bundle.seal(&secret, &mut rng(2)).unwrap();
    assert_eq!(blob.ciphertext.len(), BUNDLE_BYTES);
    let link = InviteLink { secret, bundle_id: blob.id, ..link() };
    InviteBundle::open(Person::new(9).provider.crypto(), &link, &blob.ciphertext)
}

#[test]
fn link_is_golden() {
    assert_eq!(link().to_text().as_str(), LINK);
    assert_eq!(InviteLink::parse(&format!(" {LINK}\n")), Ok(link()));
    assert_eq!(LINK.split_once('#').map(|(_, fragment)| fragment.len()), Some(LINK_FRAGMENT_CHARS));
}

#[test]
fn each_broken_link_is_named() {
    use InviteLinkError::*;
    let (url, fragment) = LINK.split_once('#').unwrap();
    let future = format!("Ag{}", &fragment[2..]);
    for (text, expected) in [
        (String::new(), NoFragment),
        (url.to_owned(), NoFragment),
        (format!("https://node.example/chat#{fragment}"), NotAnInvite),
        (format!("https://node.example/chat/i/#{fragment}"), NotAnInvite),
        (format!("http://node.example/i#{fragment}"), Node(NodeUrlError::Insecure)),
        (format!("/i#{fragment}"), Node(NodeUrlError::Scheme)),
        (format!("{url}#"), Length { found: 0 }),
        (format!("{url}#{}", &fragment[..86]), Length { found: 86 }),
        (format!("{url}#{fragment}."), Length { found: 88 }),
        (format!("{url}#{}=", &fragment[..86]), Encoding),
        (format!("{url}#{}+", &fragment[..86]), Encoding),
        (format!("{url}#{}é", &fragment[..86]), Encoding),
        (format!("{url}#{}J", &fragment[..86]), Encoding),
        (format!("{url}#{future}"), Unsupported { version: 2 }),
    ] {
        assert_eq!(InviteLink::parse(&text), Err(expected), "{text}");
    }
}

#[test]
fn bundles_of_both_kinds_come_back() {
    let ada = Person::new(1);
    let person = bundle(&ada);
    assert!(open_bundle(&person) == Ok(person.clone()));
    let group = InviteBundle { kind: InviteKind::Group { title: "t".repeat(NAME_BYTES_MAX) }, ..person };
    assert!(open_bundle(&group) == Ok(group));
}

#[test]
fn bundle_key_is_golden() {
    // A group's bundle holds nothing random beyond what the two generators give.
    let ada = Person::new(1);
    let group = InviteBundle { kind: InviteKind::Group { title: "Tea".to_owned() }, ..bundle(&ada) };
    let blob = group.seal(&InviteSecret([1; 32]), &mut rng(2)).unwrap();
    assert_eq!(blob.id.to_hex(), "e0a592f14517ef9038db0b8f49a012e13738c83eab088ef5ea27eae6845f7f26");
}

#[test]
fn substituted_bundle_is_refused_even_if_it_opens() {
    let (ada, eve) = (Person::new(1), Person::new(3));
    let secret = InviteSecret([1; 32]);
    let good = bundle(&ada).seal(&secret, &mut rng(2)).unwrap();
    let other = bundle(&eve).seal(&secret, &mut rng(3)).unwrap();
    let link = InviteLink { secret, bundle_id: good.id, ..link() };
    let open = |bytes: &[u8]| InviteBundle::open(ada.provider.crypto(), &link, bytes).err();
    assert_eq!(open(&good.ciphertext), None);
    assert_eq!(open(&other.ciphertext), Some(OpenBundleError::Substituted));
    assert_eq!(open(&[]), Some(OpenBundleError::Substituted));
    let wrong = InviteLink { secret: InviteSecret([2; 32]), ..link };
    assert_eq!(
        InviteBundle::open(ada.provider.crypto(), &wrong, &good.ciphertext).err(),
        Some(OpenBundleError::Sealed(OpenSealedError::Sealed))
    );
}

#[test]
fn bundle_limits_hold_on_both_sides() {
    let ada = Person::new(1);
    let seal = |bundle: InviteBundle| bundle.seal(&InviteSecret([1; 32]), &mut rng(2)).err();
    let long = |field| Malformed::TooLong { field, limit: 128, found: 129 };
    assert_eq!(
        seal(InviteBundle { name: "n".repeat(129), ..bundle(&ada) }),
        Some(SealBundleError::Misuse(long("name")))
    );
    let title = InviteKind::Group { title: "t".repeat(129) };
    assert_eq!(seal(InviteBundle { kind: title, ..bundle(&ada) }), Some(SealBundleError::Misuse(long("title"))));
    let target = ada.lane(LaneClass::Door).target();
    assert_eq!(
        seal(InviteBundle { target, ..bundle(&ada) }),
        Some(SealBundleError::Misuse(Malformed::Value { field: "class" }))
    );
    let key_package = Box::new(Person::new(3).key_package(KeyPackageUse::Once));
    assert_eq!(
        seal(InviteBundle { kind: InviteKind::Person { key_package }, ..bundle(&ada) }),
        Some(SealBundleError::Misuse(Malformed::Value { field: "key_package" }))
    );
    let at = InviteBundle { name: "n".repeat(128), ..bundle(&ada) };
    assert!(open_bundle(&at) == Ok(at));
}

#[test]
fn hostile_bundle_is_named() {
    let (ada, eve) = (Person::new(1), Person::new(3));
    let secret = InviteSecret([1; 32]);
    let open = |change: &dyn Fn(&mut proto::InviteBundle)| {
        let bundle = bundle(&ada);
        let mut message = proto::InviteBundle {
            certificate: ada.certificate.as_bytes().clone(),
            intro_pk: Bytes::copy_from_slice(bundle.target.intro_pk.as_bytes()),
            write_cap: vec![0; 32].into(),
            read_hash: vec![0; 32].into(),
            key_package: ada.key_package(KeyPackageUse::Once).as_bytes().clone(),
            node_pk: vec![0; 32].into(),
            ..Default::default()
        };
        change(&mut message);
        let mut key = [0u8; 32];
        hkdf::Hkdf::<sha2::Sha256>::from_prk(&secret.0).unwrap().expand(b"invite bundle 1", &mut key).unwrap();
        let content = message.encode_to_vec();
        let blob = SealedBlob::new(sealed::seal(&key, &[], &content, BUNDLE_BYTES, &mut rng(2)).unwrap());
        let link = InviteLink { secret: secret.clone(), bundle_id: blob.id, ..link() };
        InviteBundle::open(ada.provider.crypto(), &link, &blob.ciphertext).err()
    };
    assert_eq!(open(&|_| ()), None);
    let length = |field, expected, found| Some(Malformed::Length { field, expected, found }.into());
    assert_eq!(open(&|message| message.write_cap = Bytes::new()), length("write_cap", 32, 0));
    assert_eq!(open(&|message| message.node_pk = vec![0; 33].into()), length("node_pk", 32, 33));
    assert_eq!(open(&|message| message.intro_pk = Bytes::new()), length("intro_pk", 1_216, 0));
    assert_eq!(
        open(&|message| message.key_package = eve.key_package(KeyPackageUse::Once).as_bytes().clone()),
        Some(OpenBundleError::NotTheirs)
    );
    assert_eq!(
        open(&|message| message.key_package = Bytes::new()),
        Some(OpenBundleError::KeyPackage(KeyPackageError::Encoding))
    );
    assert_eq!(
        open(&|message| message.name = "n".repeat(129)),
        Some(Malformed::TooLong { field: "name", limit: 128, found: 129 }.into())
    );
    let forged = |message: &mut proto::InviteBundle| {
        let mut bytes = message.certificate.to_vec();
        bytes[40] ^= 1;
        message.certificate = bytes.into();
    };
    assert_eq!(open(&forged), Some(OpenBundleError::Certificate(HybridError::Ed25519.into())));
}

fn record(person: &Person) -> DoorRecord {
    DoorRecord {
        certificate: person.certificate.clone(),
        target: person.lane(LaneClass::Door).target(),
        name: "Ada".to_owned(),
    }
}

#[test]
fn door_record_comes_back_to_whoever_knows_the_account() {
    let ada = Person::new(1);
    let at = DoorRecord { name: "n".repeat(NAME_BYTES_MAX), ..record(&ada) };
    let sealed = at.seal(&ada.key, &mut rng(1)).unwrap();
    assert_eq!(sealed.len(), 16_384);
    assert!(DoorRecord::open(ada.certificate.account_id(), &sealed) == Ok(at));
    let other = Person::new(3);
    assert_eq!(
        DoorRecord::open(other.certificate.account_id(), &sealed),
        Err(OpenDoorError::Sealed(OpenSealedError::Sealed))
    );
}

#[test]
fn door_is_golden() {
    let ada = Person::new(1);
    assert_eq!(
        derive_door_id(ada.certificate.account_id()).to_hex(),
        "d3eaa5c74c58f73ad86fa11450c3d45e533880916ffad472a992880b43ca5f25"
    );
    let sealed = record(&ada).seal(&ada.key, &mut rng(1)).unwrap();
    assert_eq!(Hash::of(&[&sealed]).to_hex(), "911b3194c82a9bac8b8bd91903308c03625d451f13a921dd3c64d0a5958ceb00");
}

#[test]
fn door_record_by_another_hand_is_refused() {
    let (ada, eve) = (Person::new(1), Person::new(3));
    assert_eq!(record(&ada).seal(&eve.key, &mut rng(1)), Err(SealDoorError::WrongSigner));
    let account_id = ada.certificate.account_id();
    let forged = |certificate: &Certificate, key: &DeviceKey| {
        let record = record(&eve);
        let content = proto::DoorRecord {
            certificate: certificate.as_bytes().clone(),
            intro_pk: Bytes::copy_from_slice(record.target.intro_pk.as_bytes()),
            write_cap: vec![0; 32].into(),
            read_hash: vec![0; 32].into(),
            name: String::new(),
        }
        .encode_to_vec();
        let door_id = derive_door_id(account_id);
        let message = [b"sottovoce door record signature 1", &door_id.0[..], &content].concat();
        let signed = [&key.sign_labelled(&message)[..], &content].concat();
        let mut door_key = [0u8; 32];
        hkdf::Hkdf::<sha2::Sha256>::from_prk(&account_id.0).unwrap().expand(b"door record 1", &mut door_key).unwrap();
        let aad = [&door_id.0[..], &[0]].concat();
        let sealed = sealed::seal(&door_key, &aad, &signed, 16_384, &mut rng(1)).unwrap();
        DoorRecord::open(account_id, &sealed).map(|_| ())
    };
    assert_eq!(forged(&ada.certificate, &ada.key), Ok(()));
    assert_eq!(forged(&ada.certificate, &eve.key), Err(OpenDoorError::Signature), "the node knows the address");
    assert_eq!(forged(&eve.certificate, &eve.key), Err(OpenDoorError::NotTheirs));
}

#[test]
fn door_record_limits_hold() {
    let ada = Person::new(1);
    let seal = |record: DoorRecord| record.seal(&ada.key, &mut rng(1)).err();
    let long = Malformed::TooLong { field: "name", limit: 128, found: 129 };
    assert_eq!(seal(DoorRecord { name: "n".repeat(129), ..record(&ada) }), Some(SealDoorError::Misuse(long)));
    let target = ada.lane(LaneClass::Invite).target();
    let class = Malformed::Value { field: "class" };
    assert_eq!(seal(DoorRecord { target, ..record(&ada) }), Some(SealDoorError::Misuse(class)));
    for found in [0, 16_383, 16_385] {
        let length = Malformed::Length { field: "record", expected: 16_384, found };
        assert_eq!(DoorRecord::open(ada.certificate.account_id(), &vec![0; found]), Err(length.into()));
    }
}

#[test]
fn door_key_packages_come_back_and_belong_to_the_record() {
    let (ada, eve) = (Person::new(1), Person::new(3));
    let crypto = eve.provider.crypto();
    let record = record(&ada);
    for usage in [KeyPackageUse::Once, KeyPackageUse::LastResort] {
        let key_package = ada.key_package(usage);
        let sealed = seal_door_key_package(&key_package, &mut rng(1)).unwrap();
        assert_eq!(sealed.len(), 4_096);
        assert_eq!(open_door_key_package(crypto, &record, &sealed), Ok(key_package));
    }
    let foreign = seal_door_key_package(&eve.key_package(KeyPackageUse::Once), &mut rng(1)).unwrap();
    assert_eq!(open_door_key_package(crypto, &record, &foreign), Err(OpenDoorError::Sealed(OpenSealedError::Sealed)));
    // Another device of the same account: the record's certificate does not cover it.
    let other = DeviceIdentity { device_id: DeviceId([7; 16]), ..*ada.certificate.identity() };
    let bundle = build_key_package(&ada.provider, &ada.key, &other, 0, KeyPackageUse::Once).unwrap();
    let second = CheckedKeyPackage::check(bundle.into_key_package()).unwrap();
    let sealed = seal_door_key_package(&second, &mut rng(1)).unwrap();
    assert_eq!(open_door_key_package(crypto, &record, &sealed), Err(OpenDoorError::NotTheirs));
    let length = Malformed::Length { field: "key_package", expected: 4_096, found: 4_095 };
    assert_eq!(open_door_key_package(crypto, &record, &sealed[..4_095]), Err(length.into()));
}

#[test]
fn welcome_rest_comes_back_with_its_key_only() {
    let (ada, bob) = (Person::new(1), Person::new(2));
    let package = package(&[&ada, &bob], 60_000);
    let (reference, blob) = package.seal_rest(&mut rng(1)).unwrap();
    assert_eq!((reference.id, blob.ciphertext.len()), (blob.id, 71_680));
    let welcome = package.welcome.clone();
    assert!(WelcomePackage::open_rest(welcome.clone(), &reference, &blob.ciphertext) == Ok(package));
    let none = Malformed::Missing { field: "welcome" };
    assert_eq!(WelcomePackage::open_rest(Bytes::new(), &reference, &blob.ciphertext), Err(none.into()));
    let sealed = Err(OpenWelcomeError::Sealed(OpenSealedError::Sealed));
    let wrong = BlobReference { key: BlobKey([0; 32]), ..reference.clone() };
    assert_eq!(WelcomePackage::open_rest(welcome.clone(), &wrong, &blob.ciphertext), sealed);
    let mut changed = blob.ciphertext.to_vec();
    changed[100] ^= 1;
    assert_eq!(WelcomePackage::open_rest(welcome, &reference, &changed), Err(OpenWelcomeError::Substituted));
}

#[test]
fn welcome_blob_ends_at_16_mib() {
    let with = |bytes: usize| WelcomePackage { tree: vec![2; bytes].into(), ..package(&[], 1) };
    let rest = |package: WelcomePackage| proto::Welcome { welcome: Bytes::new(), ..package.to_proto() };
    let overhead = rest(with(1 << 23)).encoded_len() - (1 << 23);
    let most = BLOB_BYTES_MAX - 45 - overhead;
    let (_, blob) = with(most).seal_rest(&mut rng(1)).unwrap();
    assert_eq!(blob.ciphertext.len(), BLOB_BYTES_MAX);
    let limit = BLOB_BYTES_MAX - 45;
    assert_eq!(with(most + 1).seal_rest(&mut rng(1)).err(), Some(SealError::TooLarge { limit, found: limit + 1 }));
    let reference = BlobReference { id: BlobId([0; 32]), key: BlobKey([0; 32]) };
    let found = BLOB_BYTES_MAX + 1;
    assert_eq!(
        WelcomePackage::open_rest(vec![1].into(), &reference, &vec![0; found]),
        Err(OpenWelcomeError::TooLong { found })
    );
}

#[test]
fn welcome_holds_a_full_groups_certificates_and_not_one_more() {
    let ada = Person::new(1);
    let with = |count: usize| package(&vec![&ada; count], 1).to_proto();
    assert!(WelcomePackage::from_proto(with(GROUP_LEAVES_MAX)).is_ok());
    let long = Malformed::TooLong { field: "certificates", limit: 1_024, found: 1_025 };
    assert_eq!(WelcomePackage::from_proto(with(GROUP_LEAVES_MAX + 1)), Err(long.into()));
}

#[test]
fn debug_shows_no_secret() {
    let ada = Person::new(1);
    let (reference, blob) = package(&[&ada], 1).seal_rest(&mut rng(1)).unwrap();
    let found = format!("{:?} {:?} {:?} {:?} {:?}", link(), bundle(&ada), record(&ada), reference, blob);
    assert_eq!(
        found,
        "InviteLink(secret) InviteBundle(Person(..)) DoorRecord(..) BlobReference(secret) SealedBlob(16384 bytes)"
    );
}

proptest! {
    #[test]
    fn every_link_round_trips(secret: [u8; 32], id: [u8; 32]) {
        let link = InviteLink { secret: InviteSecret(secret), bundle_id: BlobId(id), ..link() };
        prop_assert_eq!(InviteLink::parse(&link.to_text()), Ok(link));
    }

    #[test]
    fn any_text_is_a_link_or_refused(text in "(https://a.example/i#)?.{0,120}") {
        let _ = InviteLink::parse(&text).is_ok();
    }

    #[test]
    fn every_welcome_round_trips(welcome in prop::collection::vec(any::<u8>(), 1..2_000), tree in prop::collection::vec(any::<u8>(), 1..2_000)) {
        let package = WelcomePackage { welcome: welcome.into(), tree: tree.into(), certificates: vec![] };
        let (reference, blob) = package.seal_rest(&mut rng(1)).expect("small");
        prop_assert!(WelcomePackage::open_rest(package.welcome.clone(), &reference, &blob.ciphertext) == Ok(package));
    }
}
