//! Claims about knocks: what comes back, what is refused, at which limit.

use super::*;
use openmls_traits::types::{HpkeAeadType, HpkeCiphertext, HpkeConfig, HpkeKdfType};

fn kinds(from: &Person) -> Vec<KnockKind> {
    let lane = from.lane(LaneClass::Invite);
    let (group_id, authenticator) = (Bytes::from_static(&[5; 64]), [6; 48]);
    let welcome = |content, purpose| KnockKind::Welcome(WelcomeKnock { content, purpose });
    let blob = BlobReference { id: BlobId([8; 32]), key: BlobKey([9; 32]) };
    vec![
        welcome(WelcomeContent::Inline(package(&[from], 1_000)), WelcomePurpose::New),
        welcome(WelcomeContent::Inline(package(&[], 1)), WelcomePurpose::Readd),
        welcome(
            WelcomeContent::Apart { welcome: vec![1; 1_300].into(), rest: blob },
            WelcomePurpose::Reboot { group_id: group_id.clone() },
        ),
        KnockKind::Join(Box::new(JoinRequest {
            key_package: from.key_package(KeyPackageUse::Once),
            reply: lane.target(),
        })),
        KnockKind::Readd(Box::new(Readd {
            group_id,
            epoch: u64::MAX,
            authenticator,
            key_package: from.key_package(KeyPackageUse::LastResort),
            suspect_leaf: Some(0),
            evidence: Some(vec![1; KNOCK_EVIDENCE_BYTES_MAX].into()),
        })),
    ]
}

/// Seals any bytes as a knock's content, rightly signed: what a hostile client can do.
fn seal_raw(from: &Person, lane: &KnockLane, content: &[u8]) -> Vec<u8> {
    let to = lane.intro.public();
    let hash = Hash::of(&[to.as_bytes()]);
    let message = [b"sottovoce knock signature 1", &lane.lane_id().0[..], &hash.0, content].concat();
    seal_plaintext(from, lane, &[&from.key.sign_labelled(&message)[..], content].concat(), 1)
}

fn seal_plaintext(from: &Person, lane: &KnockLane, signed: &[u8], version: u8) -> Vec<u8> {
    let mut plaintext = vec![version];
    plaintext.extend_from_slice(&(signed.len() as u32).to_be_bytes());
    plaintext.extend_from_slice(signed);
    plaintext.resize(16_384 - 1_120 - 16, 0);
    let info = [b"sottovoce knock 1", &lane.lane_id().0[..]].concat();
    let sealed = from
        .provider
        .crypto()
        .hpke_seal(SUITE.hpke_config(), lane.intro.public().as_bytes(), &info, &[], &plaintext)
        .unwrap();
    [sealed.kem_output.as_slice(), sealed.ciphertext.as_slice()].concat()
}

fn message(from: &Person) -> proto::Knock {
    proto::Knock {
        certificate: from.certificate.as_bytes().clone(),
        kind: Some(proto::knock::Kind::Welcome(proto::Welcome {
            welcome: Bytes::from_static(b"w"),
            tree: Bytes::from_static(b"t"),
            ..proto::Welcome::default()
        })),
        ..proto::Knock::default()
    }
}

#[test]
fn every_kind_fills_one_cell_and_comes_back() {
    let (ada, bob) = (Person::new(1), Person::new(2));
    for class in [LaneClass::Invite, LaneClass::Door] {
        let lane = bob.lane(class);
        for kind in kinds(&ada) {
            let knock = ada.knock(kind);
            let body = ada.seal(&lane, &knock).unwrap();
            assert_eq!(body.len(), 16_384);
            assert!(bob.open(&lane, &body) == Ok(knock));
        }
    }
}

#[test]
fn committed_knock_is_still_opened() {
    let (ada, bob) = (Person::new(1), Person::new(2));
    let crypto = bob.provider.crypto();
    let body = data_encoding::BASE64.decode(include_str!("../vectors/knock.base64").trim().as_bytes()).unwrap();
    let intro = IntroKey::from_seed(crypto, &[4; 32]).unwrap();
    let knock = open_knock(crypto, &LaneId([5; 32]), &intro, &body).unwrap();
    assert!(knock == ada.small());
}

#[test]
fn knock_opens_only_with_its_key_on_its_lane() {
    let (ada, bob) = (Person::new(1), Person::new(2));
    let lane = bob.lane(LaneClass::Door);
    let body = ada.seal(&lane, &ada.small()).unwrap();
    let sealed = Some(OpenKnockError::Sealed(OpenSealedError::Sealed));
    let crypto = bob.provider.crypto();
    let other = IntroKey::from_seed(crypto, &[1; 32]).unwrap();
    assert_eq!(open_knock(crypto, &lane.lane_id(), &other, &body).err(), sealed);
    assert_eq!(open_knock(crypto, &LaneId([0; 32]), &lane.intro, &body).err(), sealed);
    assert_eq!(bob.open(&KnockLane { class: LaneClass::Invite, ..lane }, &body).err(), sealed);
}

#[test]
fn every_flipped_region_and_other_length_is_refused() {
    let (ada, bob) = (Person::new(1), Person::new(2));
    let lane = bob.lane(LaneClass::Door);
    let body = ada.seal(&lane, &ada.small()).unwrap();
    for index in (0..body.len()).step_by(131).chain([1_119, 1_120, 16_383]) {
        let mut changed = body.to_vec();
        changed[index] ^= 1;
        let expected = OpenKnockError::Sealed(OpenSealedError::Sealed);
        assert_eq!(bob.open(&lane, &changed).err(), Some(expected), "byte {index}");
    }
    for found in [0, 1_119, 1_120, 1_136, 16_383, 16_385] {
        let other = vec![0; found];
        let length = Malformed::Length { field: "body", expected: 16_384, found };
        assert_eq!(bob.open(&lane, &other).err(), Some(length.into()));
    }
}

#[test]
fn receiver_cannot_pass_a_knock_on_to_another_key() {
    let (ada, bob, eve) = (Person::new(1), Person::new(2), Person::new(3));
    let (eves, bobs) = (eve.lane(LaneClass::Door), bob.lane(LaneClass::Door));
    // The same lane, as if Eve's record had named Bob's; her own key.
    let intro = IntroKey::from_seed(eve.provider.crypto(), &[7; 32]).unwrap();
    let trap = KnockLane { intro, ..bobs.clone() };
    let opened = eve.open(&trap, &ada.seal(&trap, &ada.small()).unwrap()).unwrap();
    assert_eq!(eves.lane_id(), bobs.lane_id(), "same seed, same lane");
    let hash = Hash::of(&[trap.intro.public().as_bytes()]);
    let content = message_of(&opened);
    let message = [b"sottovoce knock signature 1", &bobs.lane_id().0[..], &hash.0, &content].concat();
    let signature = ada.key.sign_labelled(&message);
    let forwarded = seal_plaintext(&eve, &bobs, &[&signature[..], &content].concat(), 1);
    assert_eq!(bob.open(&bobs, &forwarded).err(), Some(OpenKnockError::Signature));
}

fn message_of(knock: &Knock) -> Vec<u8> {
    proto::Knock {
        certificate: knock.certificate.as_bytes().clone(),
        note: knock.note.clone(),
        name: knock.name.clone(),
        node_url: "https://node.example".to_owned(),
        kind: Some(knock.kind.to_proto()),
    }
    .encode_to_vec()
}

#[test]
fn stolen_certificate_signs_nothing() {
    let (ada, bob, eve) = (Person::new(1), Person::new(2), Person::new(3));
    let lane = bob.lane(LaneClass::Door);
    let thief = Person { certificate: ada.certificate.clone(), ..eve };
    assert_eq!(thief.seal(&lane, &ada.small()).err(), Some(SealKnockError::WrongSigner));
    let body = seal_raw(&thief, &lane, &message(&ada).encode_to_vec());
    assert_eq!(bob.open(&lane, &body).err(), Some(OpenKnockError::Signature));
}

#[test]
fn forged_certificate_is_named() {
    let (ada, bob) = (Person::new(1), Person::new(2));
    let lane = bob.lane(LaneClass::Door);
    let mut bytes = ada.certificate.as_bytes().to_vec();
    bytes[40] ^= 1;
    let forged = proto::Knock { certificate: bytes.into(), ..message(&ada) };
    let found = bob.open(&lane, &seal_raw(&ada, &lane, &forged.encode_to_vec())).err();
    assert!(matches!(found, Some(OpenKnockError::Certificate(CertificateError::Signature(_)))));
}

#[test]
fn note_and_name_end_at_their_limits() {
    let (ada, bob) = (Person::new(1), Person::new(2));
    let lane = bob.lane(LaneClass::Door);
    let at = Knock { note: "n".repeat(NOTE_BYTES_MAX), name: "m".repeat(NAME_BYTES_MAX), ..ada.small() };
    assert!(bob.open(&lane, &ada.seal(&lane, &at).unwrap()) == Ok(at.clone()));
    let note = Malformed::TooLong { field: "note", limit: 500, found: 501 };
    let name = Malformed::TooLong { field: "name", limit: 128, found: 129 };
    let long = Knock { note: "n".repeat(501), ..ada.small() };
    assert_eq!(ada.seal(&lane, &long).err(), Some(SealKnockError::Misuse(note)));
    let long = Knock { name: "m".repeat(129), ..ada.small() };
    assert_eq!(ada.seal(&lane, &long).err(), Some(SealKnockError::Misuse(name)));
    let long = proto::Knock { note: "n".repeat(501), ..message(&ada) };
    assert_eq!(bob.open(&lane, &seal_raw(&ada, &lane, &long.encode_to_vec())).err(), Some(note.into()));
    let long = proto::Knock { name: "m".repeat(129), ..message(&ada) };
    assert_eq!(bob.open(&lane, &seal_raw(&ada, &lane, &long.encode_to_vec())).err(), Some(name.into()));
}

#[test]
fn largest_welcome_fits_and_one_byte_more_does_not() {
    let (ada, bob) = (Person::new(1), Person::new(2));
    let lane = bob.lane(LaneClass::Door);
    let with = |bytes: usize| {
        let package = WelcomePackage { tree: vec![2; bytes].into(), ..package(&[], 100) };
        let content = WelcomeContent::Inline(package);
        ada.knock(KnockKind::Welcome(WelcomeKnock { content, purpose: WelcomePurpose::New }))
    };
    let fixed = message_of(&with(9_000)).len() - 9_000;
    let most = KNOCK_CONTENT_BYTES_MAX - fixed;
    let largest = with(most);
    assert!(bob.open(&lane, &ada.seal(&lane, &largest).unwrap()) == Ok(largest));
    let expected = SealError::TooLarge { limit: KNOCK_CONTENT_BYTES_MAX, found: KNOCK_CONTENT_BYTES_MAX + 1 };
    assert_eq!(ada.seal(&lane, &with(most + 1)).err(), Some(expected.into()));
}

#[test]
fn foreign_key_package_is_refused_on_both_sides() {
    let (ada, bob, eve) = (Person::new(1), Person::new(2), Person::new(3));
    let lane = bob.lane(LaneClass::Door);
    let join = JoinRequest { key_package: eve.key_package(KeyPackageUse::Once), reply: lane_target(&ada) };
    let knock = ada.knock(KnockKind::Join(Box::new(join)));
    let expected = Malformed::Value { field: "key_package" };
    assert_eq!(ada.seal(&lane, &knock).err(), Some(SealKnockError::Misuse(expected)));
    let body = seal_raw(&ada, &lane, &message_of(&knock));
    assert_eq!(bob.open(&lane, &body).err(), Some(OpenKnockError::NotTheirs));
}

fn lane_target(person: &Person) -> KnockTarget {
    person.lane(LaneClass::Invite).target()
}

#[test]
fn what_is_no_knock_inside_the_seal_is_named() {
    let (ada, bob) = (Person::new(1), Person::new(2));
    let lane = bob.lane(LaneClass::Door);
    let open = |body: Vec<u8>| bob.open(&lane, &body).err();
    let content = message(&ada).encode_to_vec();
    assert_eq!(
        open(seal_plaintext(&ada, &lane, &content, 2)),
        Some(OpenKnockError::Sealed(OpenSealedError::Unsupported { version: 2 }))
    );
    assert_eq!(open(seal_plaintext(&ada, &lane, &[0; 63], 1)), Some(Malformed::Missing { field: "signature" }.into()));
    assert_eq!(open(seal_raw(&ada, &lane, &[0xff; 9])), Some(Malformed::Protobuf { field: "knock" }.into()));
    let without = proto::Knock { kind: None, ..message(&ada) };
    assert_eq!(open(seal_raw(&ada, &lane, &without.encode_to_vec())), Some(OpenKnockError::Unsupported));
    let url = proto::Knock { node_url: "gopher://x".to_owned(), ..message(&ada) };
    assert!(matches!(open(seal_raw(&ada, &lane, &url.encode_to_vec())), Some(OpenKnockError::Node(_))));
}

#[test]
fn malformed_fields_of_each_kind_are_named() {
    let (ada, bob) = (Person::new(1), Person::new(2));
    let lane = bob.lane(LaneClass::Door);
    let open = |kind: proto::knock::Kind| {
        let knock = proto::Knock { kind: Some(kind), ..message(&ada) };
        bob.open(&lane, &seal_raw(&ada, &lane, &knock.encode_to_vec())).err()
    };
    let welcome = |message: proto::Welcome| open(proto::knock::Kind::Welcome(message));
    let some = || Bytes::from_static(&[1]);
    assert_eq!(welcome(proto::Welcome::default()), Some(Malformed::Missing { field: "welcome" }.into()));
    let half = proto::Welcome { welcome: some(), ..Default::default() };
    assert_eq!(welcome(half), Some(Malformed::Missing { field: "tree" }.into()));
    let whole = proto::Welcome { welcome: some(), tree: some(), ..Default::default() };
    let both = proto::Welcome { blob_id: vec![0; 32].into(), ..whole.clone() };
    assert_eq!(welcome(both), Some(Malformed::Value { field: "blob_id" }.into()));
    let keyless = proto::Welcome { blob_id: vec![0; 32].into(), welcome: vec![1].into(), ..Default::default() };
    let length = Malformed::Length { field: "blob_key", expected: 32, found: 0 };
    assert_eq!(welcome(keyless), Some(length.into()));
    let torn = proto::Welcome { readd: true, reboot_of: some(), ..whole.clone() };
    assert_eq!(welcome(torn), Some(Malformed::Value { field: "reboot_of" }.into()));
    let long = proto::Welcome { reboot_of: vec![0; 65].into(), ..whole.clone() };
    assert_eq!(welcome(long), Some(Malformed::TooLong { field: "group_id", limit: 64, found: 65 }.into()));
    let bad = proto::Welcome { certificates: vec![some()], ..whole };
    assert!(matches!(welcome(bad), Some(OpenKnockError::Certificate(CertificateError::Malformed(_)))));
    assert!(matches!(
        open(proto::knock::Kind::Join(proto::JoinRequest::default())),
        Some(OpenKnockError::KeyPackage(KeyPackageError::Encoding))
    ));
    let readd = proto::Readd {
        key_package: ada.key_package(KeyPackageUse::Once).as_bytes().clone(),
        group_id: some(),
        authenticator: vec![0; 48].into(),
        ..Default::default()
    };
    let nameless = proto::Readd { group_id: Bytes::new(), ..readd.clone() };
    assert_eq!(open(proto::knock::Kind::Readd(nameless)), Some(Malformed::Missing { field: "group_id" }.into()));
    let short = proto::Readd { authenticator: vec![0; 47].into(), ..readd.clone() };
    let length = Malformed::Length { field: "authenticator", expected: 48, found: 47 };
    assert_eq!(open(proto::knock::Kind::Readd(short)), Some(length.into()));
    let readd = proto::Readd { evidence: vec![0; KNOCK_EVIDENCE_BYTES_MAX + 1].into(), ..readd };
    let long = Malformed::TooLong { field: "evidence", limit: 4_096, found: 4_097 };
    assert_eq!(open(proto::knock::Kind::Readd(readd)), Some(long.into()));
}

/// The first X-Wing vector of draft-ietf-hpke-pq: HKDF-SHA-256, ChaCha20-Poly1305.
#[test]
fn hpke_vector_of_the_draft_opens() {
    let vector = |name: &str| {
        let lines = include_str!("../vectors/hpke_x_wing.txt").lines();
        let (_, value) = lines.filter_map(|line| line.split_once(' ')).find(|(key, _)| *key == name).unwrap();
        data_encoding::HEXLOWER.decode(value.as_bytes()).unwrap()
    };
    let config = || HpkeConfig(SUITE.hpke_config().0, HpkeKdfType::HkdfSha256, HpkeAeadType::ChaCha20Poly1305);
    let input = HpkeCiphertext { kem_output: vector("enc").into(), ciphertext: vector("ct").into() };
    let bob = Person::new(2);
    let open =
        |info: &[u8]| bob.provider.crypto().hpke_open(config(), &input, &vector("sk"), info, &vector("aad")).ok();
    assert_eq!(open(&vector("info")), Some(vector("pt")));
    assert_eq!(open(b"other"), None);
}

#[test]
fn debug_of_a_knock_shows_its_kind_alone() {
    let ada = Person::new(1);
    assert_eq!(format!("{:?}", ada.small()), "Knock(Welcome(WelcomeKnock(..)))");
}
