//! Claims about building and checking KeyPackages.

use super::*;
use openmls::prelude::{
    Capabilities, CredentialType, CredentialWithKey, Extension, ExtensionType, Extensions, KeyPackage,
    KeyPackageBuilder, Lifetime, ProtocolVersion, UnknownExtension,
};
use openmls::storage::OpenMlsProvider;
use openmls_traits::types::Ciphersuite;
use tls_codec::{Deserialize as _, Serialize as _};

use crate::contact::key_package::{
    GOOD_UNTIL_EXTENSION, KEY_PACKAGE_BYTES_MAX, POLICY_EXTENSION, capabilities, check_leaf, good_until, lifetime,
};

/// Builds a KeyPackage that differs from ours in what `change` does.
fn built(person: &Person, suite: Ciphersuite, change: impl FnOnce(KeyPackageBuilder) -> KeyPackageBuilder) -> Vec<u8> {
    build_with_credential(person, suite, person.certificate.identity().to_credential(), change)
}

fn build_with_credential(
    person: &Person,
    suite: Ciphersuite,
    credential: openmls::prelude::Credential,
    change: impl FnOnce(KeyPackageBuilder) -> KeyPackageBuilder,
) -> Vec<u8> {
    let builder = KeyPackage::builder()
        .key_package_lifetime(lifetime())
        .key_package_extensions(good_until_extension(&[0; 8]))
        .leaf_node_capabilities(capabilities());
    let key = CredentialWithKey { credential, signature_key: person.key.public().as_bytes().as_slice().into() };
    let bundle = change(builder).build(suite, &person.provider, &person.key, key).unwrap();
    bundle.key_package().tls_serialize_detached().unwrap()
}

fn good_until_extension(value: &[u8]) -> Extensions<KeyPackage> {
    Extensions::single(Extension::Unknown(GOOD_UNTIL_EXTENSION, UnknownExtension(value.to_vec()))).unwrap()
}

fn parse(person: &Person, bytes: &[u8]) -> Result<CheckedKeyPackage, KeyPackageError> {
    CheckedKeyPackage::parse(person.provider.crypto(), bytes)
}

#[test]
fn built_key_package_passes_and_says_what_it_is() {
    let ada = Person::new(1);
    for usage in [KeyPackageUse::Once, KeyPackageUse::LastResort] {
        let checked = ada.key_package(usage);
        let read = parse(&ada, checked.as_bytes()).unwrap();
        assert_eq!(read, checked);
        assert_eq!(read.identity(), ada.certificate.identity());
        assert_eq!(read.usage(), usage);
        assert_eq!(good_until(read.key_package()), Ok(1_800_000_000));
        assert_eq!(check_leaf(read.key_package().leaf_node()), Ok(*ada.certificate.identity()));
        assert!(read.is_good_at(1_800_000_000) && !read.is_good_at(1_800_000_001));
        assert!(read.is_of(&ada.certificate) && !read.is_of(&Person::new(2).certificate));
        assert!(read.as_bytes().len() <= KEY_PACKAGE_BYTES_MAX, "{} bytes", read.as_bytes().len());
    }
}

#[test]
fn committed_key_package_is_still_read() {
    let bytes = data_encoding::HEXLOWER.decode(include_str!("../vectors/key_package.hex").trim().as_bytes()).unwrap();
    let read = parse(&Person::new(1), &bytes).unwrap();
    assert_eq!(read.identity(), Person::new(1).certificate.identity());
    assert_eq!((read.good_until_s(), read.usage()), (1_800_000_000, KeyPackageUse::LastResort));
    assert!(read.is_of(&Person::new(1).certificate));
}

#[test]
fn private_parts_lie_in_storage_under_the_reference() {
    let ada = Person::new(1);
    let bundle =
        build_key_package(&ada.provider, &ada.key, ada.certificate.identity(), 0, KeyPackageUse::Once).unwrap();
    let reference = bundle.key_package().hash_ref(ada.provider.crypto()).unwrap();
    assert!(has_key_package(&ada.provider, &reference));
}

fn has_key_package<P: OpenMlsProvider>(provider: &P, reference: &openmls::prelude::KeyPackageRef) -> bool {
    use openmls_traits::storage::StorageProvider as _;
    let found: Option<openmls::prelude::KeyPackageBundle> = provider.storage().key_package(reference).unwrap();
    found.is_some()
}

#[test]
fn capabilities_name_what_groups_need_and_no_more() {
    let found = capabilities();
    assert_eq!(found.versions(), [ProtocolVersion::Mls10]);
    assert_eq!(found.ciphersuites(), [SUITE.into()]);
    assert_eq!(
        found.extensions(),
        [
            ExtensionType::LastResort,
            ExtensionType::Unknown(POLICY_EXTENSION),
            ExtensionType::Unknown(GOOD_UNTIL_EXTENSION)
        ]
    );
    assert!(found.proposals().is_empty());
    assert_eq!(found.credentials(), [CredentialType::Basic]);
    assert_eq!(u16::from(SUITE), 0x004E);
}

#[test]
fn every_flipped_byte_is_rejected() {
    let ada = Person::new(1);
    let good = ada.key_package(KeyPackageUse::Once).as_bytes().to_vec();
    for index in 0..good.len() {
        let mut changed = good.clone();
        changed[index] ^= 0x08;
        assert!(parse(&ada, &changed).is_err(), "byte {index}");
    }
}

#[test]
fn truncated_and_extended_ones_are_no_key_packages() {
    let ada = Person::new(1);
    let good = ada.key_package(KeyPackageUse::Once).as_bytes().to_vec();
    for length in (0..good.len()).step_by(37) {
        assert_eq!(parse(&ada, &good[..length]), Err(KeyPackageError::Encoding), "first {length}");
    }
    assert_eq!(parse(&ada, &[&good[..], &[0]].concat()), Err(KeyPackageError::Encoding));
    let found = KEY_PACKAGE_BYTES_MAX + 1;
    assert_eq!(parse(&ada, &vec![0; found]), Err(KeyPackageError::TooLong { found }));
    assert_eq!(parse(&ada, &vec![0; KEY_PACKAGE_BYTES_MAX]), Err(KeyPackageError::Encoding));
}

#[test]
fn lifetime_that_depends_on_a_clock_is_refused() {
    let ada = Person::new(1);
    for lifetime in
        [Lifetime::new(1_000), Lifetime::init(0, u64::MAX - 1), Lifetime::init(1, u64::MAX), Lifetime::init(0, 1)]
    {
        let bytes = built(&ada, SUITE, |builder| builder.key_package_lifetime(lifetime));
        assert_eq!(parse(&ada, &bytes), Err(KeyPackageError::Lifetime));
    }
}

#[test]
fn other_suite_is_refused() {
    let ada = Person::new(1);
    let suite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;
    assert_eq!(parse(&ada, &built(&ada, suite, |builder| builder)), Err(KeyPackageError::Suite));
}

#[test]
fn other_credential_is_refused() {
    let ada = Person::new(1);
    let short: openmls::prelude::Credential = openmls::prelude::BasicCredential::new(vec![0; 47]).into();
    let bytes = build_with_credential(&ada, SUITE, short, |builder| builder);
    let length = Malformed::Length { field: "credential", expected: 48, found: 47 };
    assert_eq!(parse(&ada, &bytes), Err(KeyPackageError::Credential(length)));
}

#[test]
fn missing_capability_is_refused() {
    let ada = Person::new(1);
    let needed = capabilities().extensions().to_vec();
    for missing in [ExtensionType::LastResort, ExtensionType::Unknown(POLICY_EXTENSION)] {
        let extensions: Vec<_> = needed.iter().copied().filter(|extension| *extension != missing).collect();
        let short = Capabilities::new(None, Some(&[SUITE]), Some(&extensions), None, None);
        let bytes = built(&ada, SUITE, |builder| builder.leaf_node_capabilities(short));
        assert_eq!(parse(&ada, &bytes), Err(KeyPackageError::Capabilities));
    }
}

#[test]
fn good_until_must_be_there_with_eight_bytes() {
    let ada = Person::new(1);
    let bytes = built(&ada, SUITE, |builder| builder.key_package_extensions(Extensions::empty()));
    assert_eq!(parse(&ada, &bytes), Err(KeyPackageError::GoodUntil));
    for value in [&[0u8; 7][..], &[0u8; 9], &[]] {
        let bytes = built(&ada, SUITE, |builder| builder.key_package_extensions(good_until_extension(value)));
        assert_eq!(parse(&ada, &bytes), Err(KeyPackageError::GoodUntil));
    }
}

/// Changes a single-use KeyPackage at `offset` and signs leaf and KeyPackage anew, as a hostile device can.
fn resigned(person: &Person, offset: usize) -> Vec<u8> {
    const LEAF_START: usize = 4 + 2 + 1_216;
    const SIGNATURE: usize = 2 + 64;
    const EXTENSIONS: usize = 1 + 2 + 1 + 8;
    let mut bytes = person.key_package(KeyPackageUse::Once).as_bytes().to_vec();
    bytes[offset..offset + 3].fill(0xff);
    let sign = |label: &str, content: &[u8]| {
        let label = format!("MLS 1.0 {label}");
        let length = (0x4000 | content.len() as u16).to_be_bytes();
        person.key.sign_labelled(&[&[label.len() as u8][..], label.as_bytes(), &length, content].concat())
    };
    let leaf_end = bytes.len() - SIGNATURE - EXTENSIONS - SIGNATURE;
    let signature = sign("LeafNodeTBS", &bytes[LEAF_START..leaf_end]);
    bytes[leaf_end + 2..leaf_end + SIGNATURE].copy_from_slice(&signature);
    let end = bytes.len() - SIGNATURE;
    let signature = sign("KeyPackageTBS", &bytes[..end]);
    bytes[end + 2..].copy_from_slice(&signature);
    bytes
}

const INIT_KEY: usize = 4 + 2;
const LEAF_KEY: usize = 4 + 2 + 1_216 + 2;

#[test]
fn malformed_keys_are_refused_though_signed() {
    let ada = Person::new(1);
    for offset in [INIT_KEY, LEAF_KEY] {
        assert_eq!(parse(&ada, &resigned(&ada, offset)), Err(KeyPackageError::EncryptionKey));
    }
}

/// Why we check: the day the library does, this fails and the check may go.
#[test]
fn library_takes_a_malformed_leaf_key_and_then_cannot_commit() {
    let (ada, eve) = (Person::new(1), Person::new(3));
    let bytes = resigned(&eve, LEAF_KEY);
    let taken = openmls::prelude::KeyPackageIn::tls_deserialize_exact(&bytes)
        .unwrap()
        .validate(ada.provider.crypto(), ProtocolVersion::Mls10)
        .unwrap();
    let mut group = super::paths::group(&ada, 1);
    group.add_members_without_update(&ada.provider, &ada.key, &[taken]).unwrap();
    group.merge_pending_commit(&ada.provider).unwrap();
    let update = group.self_update(&ada.provider, &ada.key, openmls::prelude::LeafNodeParameters::default());
    assert!(update.is_err());
}

#[test]
fn debug_shows_only_the_use() {
    assert_eq!(format!("{:?}", Person::new(1).key_package(KeyPackageUse::Once)), "CheckedKeyPackage(Once)");
}
