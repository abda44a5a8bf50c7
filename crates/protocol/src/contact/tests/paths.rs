//! Claims about the keys in a commit's path.

use super::*;
use crate::contact::key_package::{capabilities, lifetime};
use crate::contact::path_keys::{PathKeysError, check_path_keys, path_keys};
use crate::contact::x_wing::X_WING_PK_BYTES;
use openmls::prelude::{
    CredentialWithKey, Extension, ExtensionType, Extensions, LeafNodeParameters, MlsGroup, MlsMessageOut,
    PURE_PLAINTEXT_WIRE_FORMAT_POLICY, RequiredCapabilitiesExtension,
};
use tls_codec::Serialize as _;

/// A group that Ada made and to which she added as many others.
pub(super) fn group(ada: &Person, others: u8) -> MlsGroup {
    let required = RequiredCapabilitiesExtension::new(
        &[ExtensionType::Unknown(crate::contact::key_package::POLICY_EXTENSION)],
        &[],
        &[openmls::prelude::CredentialType::Basic],
    );
    let mut group = MlsGroup::builder()
        .ciphersuite(SUITE)
        .with_wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .with_capabilities(capabilities())
        .lifetime(lifetime())
        .with_group_context_extensions(Extensions::single(Extension::RequiredCapabilities(required)).unwrap())
        .build(
            &ada.provider,
            &ada.key,
            CredentialWithKey {
                credential: ada.certificate.identity().to_credential(),
                signature_key: ada.key.public().as_bytes().as_slice().into(),
            },
        )
        .unwrap();
    for seed in 2..2 + others {
        let other = Person::new(seed).key_package(KeyPackageUse::Once).into_key_package();
        group.add_members_without_update(&ada.provider, &ada.key, &[other]).unwrap();
        group.merge_pending_commit(&ada.provider).unwrap();
    }
    group
}

fn update(ada: &Person, group: &mut MlsGroup) -> Vec<u8> {
    let bundle = group.self_update(&ada.provider, &ada.key, LeafNodeParameters::default()).unwrap();
    encoded(bundle.commit())
}

fn encoded(message: &MlsMessageOut) -> Vec<u8> {
    message.tls_serialize_detached().unwrap()
}

/// Where the keys of a path stand in the bytes.
fn key_offsets(bytes: &[u8]) -> Vec<usize> {
    let keys = path_keys(bytes).expect("a commit");
    assert!(keys.iter().all(|key| key.len() == X_WING_PK_BYTES));
    keys.iter().map(|key| key.as_ptr() as usize - bytes.as_ptr() as usize).collect()
}

#[test]
fn each_key_of_a_path_is_checked() {
    let ada = Person::new(1);
    for (others, expected) in [(1, 2), (3, 3)] {
        let bytes = update(&ada, &mut group(&ada, others));
        assert_eq!(check_path_keys(&bytes), Ok(()));
        let offsets = key_offsets(&bytes);
        assert_eq!(offsets.len(), expected, "leaf and parents with {others} others");
        for offset in offsets {
            let mut changed = bytes.clone();
            changed[offset..offset + 3].fill(0xff);
            assert_eq!(check_path_keys(&changed), Err(PathKeysError::EncryptionKey));
        }
    }
}

#[test]
fn commit_without_a_path_passes() {
    let ada = Person::new(1);
    let mut group = group(&ada, 1);
    let other = Person::new(9).key_package(KeyPackageUse::Once).into_key_package();
    let (commit, _, _) = group.add_members_without_update(&ada.provider, &ada.key, &[other]).unwrap();
    assert_eq!(check_path_keys(&encoded(&commit)), Ok(()));
}

#[test]
fn what_is_no_public_commit_is_malformed() {
    let ada = Person::new(1);
    let mut group = group(&ada, 1);
    let bytes = update(&ada, &mut group);
    for at in 0..4 {
        let mut changed = bytes.clone();
        changed[at] ^= 2;
        assert_eq!(check_path_keys(&changed), Err(PathKeysError::Malformed));
    }
    let end_of_path = key_offsets(&bytes)[1] + X_WING_PK_BYTES;
    for length in (0..end_of_path).step_by(13) {
        assert_eq!(check_path_keys(&bytes[..length]), Err(PathKeysError::Malformed), "first {length}");
    }
    assert_eq!(check_path_keys(ada.key_package(KeyPackageUse::Once).as_bytes()), Err(PathKeysError::Malformed));
}

proptest::proptest! {
    #[test]
    fn any_bytes_pass_or_are_refused(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        let head = [&[0, 1, 0, 1, 1, 7][..], &[0; 8], &[1, 0, 0, 0, 0, 0, 3, 0, 1]].concat();
        let _ = check_path_keys(&bytes).is_ok();
        let _ = check_path_keys(&[&head[..], &bytes].concat()).is_ok();
    }
}
