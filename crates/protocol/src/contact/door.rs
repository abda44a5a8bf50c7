//! Doors: where an account can be found by whoever knows its address (LANE.md N12, s.7).

use crate::contact::intro::KnockTarget;
use crate::contact::key_package::{CheckedKeyPackage, KeyPackageError};
use crate::contact::knock::check_text;
use crate::contact::sealed::{self, OpenSealedError, SealError};
use crate::identity::{Certificate, CertificateError, DeviceKey, UnverifiedCertificate};
use bytes::Bytes;
use hkdf::Hkdf;
use openmls_traits::crypto::OpenMlsCrypto;
use prost::Message as _;
use rand_core::CryptoRng;
use sha2::Sha256;
use std::fmt;
use wire::Malformed;
use wire::id::{AccountId, DoorId, Hash};
use wire::lane::LaneClass;
use wire::limit::{DOOR_KEY_PACKAGE_BYTES_MAX, DOOR_RECORD_BYTES_MAX, NAME_BYTES_MAX};
use wire::proto::contact as proto;
use zeroize::Zeroizing;

const ID_LABEL: &[u8] = b"sottovoce door 1";
const KEY_LABEL: &[u8] = b"door record 1";
const SIGNATURE_LABEL: &[u8] = b"sottovoce door record signature 1";
const SIGNATURE_BYTES: usize = 64;

/// What a door says about its account.
#[derive(Clone, PartialEq, Eq)]
pub struct DoorRecord {
    /// The account's device, verified.
    pub certificate: Certificate,
    /// Where to knock; door class.
    pub target: KnockTarget,
    /// The display name, at most 128 bytes.
    pub name: String,
}

/// Why a door cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealDoorError {
    /// It does not fit.
    #[error(transparent)]
    TooLarge(#[from] SealError),
    /// The name is over its limit, or the target is of another class.
    #[error(transparent)]
    Misuse(#[from] Malformed),
    /// The signer is not the certified device.
    #[error("the signing key is not the certified one")]
    WrongSigner,
}

/// Why what a node returned for a door is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OpenDoorError {
    /// Not sealed for this account.
    #[error(transparent)]
    Sealed(#[from] OpenSealedError),
    /// A field is missing or over its limit.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Of another account than was asked for, or a KeyPackage of another device than the record's.
    #[error("the door answers for somebody else")]
    NotTheirs,
    /// The certified device did not sign the record: whoever knows the address can seal one.
    #[error("the door's record is not signed by its owner")]
    Signature,
    /// The KeyPackage.
    #[error(transparent)]
    KeyPackage(#[from] KeyPackageError),
}

/// `door_id` = H("sottovoce door 1" ‖ account_id).
pub fn derive_door_id(account_id: &AccountId) -> DoorId {
    DoorId(Hash::of(&[ID_LABEL, &account_id.0]).0)
}

impl DoorRecord {
    /// Signs and seals the record into exactly 16,384 bytes.
    ///
    /// # Errors
    /// [`SealDoorError`].
    pub fn seal(&self, signer: &DeviceKey, rng: &mut dyn CryptoRng) -> Result<Bytes, SealDoorError> {
        if signer.public() != *self.certificate.device_pk() {
            return Err(SealDoorError::WrongSigner);
        }
        check_text("name", &self.name, NAME_BYTES_MAX)?;
        if self.target.class != LaneClass::Door {
            return Err(Malformed::Value { field: "class" }.into());
        }
        let content = proto::DoorRecord {
            certificate: self.certificate.as_bytes().clone(),
            intro_pk: Bytes::copy_from_slice(self.target.intro_pk.as_bytes()),
            write_cap: Bytes::copy_from_slice(self.target.write_cap.as_bytes()),
            read_hash: Bytes::copy_from_slice(&self.target.read_hash.0),
            name: self.name.clone(),
        }
        .encode_to_vec();
        let door_id = derive_door_id(self.certificate.account_id());
        let signature = signer.sign_labelled(&signed_message(&door_id, &content));
        let signed = [&signature[..], &content].concat();
        let key = door_key(self.certificate.account_id());
        Ok(sealed::seal(&key, &aad(&door_id, Part::Record), &signed, DOOR_RECORD_BYTES_MAX, rng)?.into())
    }

    /// Opens what a node returned for the account's door.
    ///
    /// # Errors
    /// The first [`OpenDoorError`] that applies.
    pub fn open(account_id: &AccountId, sealed: &[u8]) -> Result<Self, OpenDoorError> {
        check_size("record", sealed, DOOR_RECORD_BYTES_MAX)?;
        let door_id = derive_door_id(account_id);
        let signed = sealed::open(&door_key(account_id), &aad(&door_id, Part::Record), sealed)?;
        let (signature, content) =
            signed.split_first_chunk::<SIGNATURE_BYTES>().ok_or(Malformed::Missing { field: "signature" })?;
        let message = proto::DoorRecord::decode(content).map_err(|_| Malformed::Protobuf { field: "door record" })?;
        check_text("name", &message.name, NAME_BYTES_MAX)?;
        let certificate = UnverifiedCertificate::parse(&message.certificate)?;
        if certificate.claimed_identity().account_id != *account_id {
            return Err(OpenDoorError::NotTheirs);
        }
        if !certificate.claimed_device_pk().verifies(&signed_message(&door_id, content), signature) {
            return Err(OpenDoorError::Signature);
        }
        let target = KnockTarget::parse(LaneClass::Door, &message.write_cap, &message.read_hash, &message.intro_pk)?;
        Ok(Self { certificate: certificate.verify()?, target, name: message.name })
    }
}

/// Seals a KeyPackage for the door of its account into exactly 4,096 bytes.
///
/// # Errors
/// None in practice: a checked KeyPackage fits.
pub fn seal_door_key_package(key_package: &CheckedKeyPackage, rng: &mut dyn CryptoRng) -> Result<Bytes, SealError> {
    let account_id = &key_package.identity().account_id;
    let aad = aad(&derive_door_id(account_id), Part::KeyPackage);
    let content = key_package.as_bytes();
    Ok(sealed::seal(&door_key(account_id), &aad, content, DOOR_KEY_PACKAGE_BYTES_MAX, rng)?.into())
}

/// Opens a claimed KeyPackage, which must be of the record's device. The caller compares `good_until` with its clock.
///
/// # Errors
/// The first [`OpenDoorError`] that applies.
pub fn open_door_key_package(
    crypto: &impl OpenMlsCrypto,
    record: &DoorRecord,
    sealed: &[u8],
) -> Result<CheckedKeyPackage, OpenDoorError> {
    check_size("key_package", sealed, DOOR_KEY_PACKAGE_BYTES_MAX)?;
    let account_id = record.certificate.account_id();
    let aad = aad(&derive_door_id(account_id), Part::KeyPackage);
    let key_package = CheckedKeyPackage::parse(crypto, &sealed::open(&door_key(account_id), &aad, sealed)?)?;
    if key_package.is_of(&record.certificate) { Ok(key_package) } else { Err(OpenDoorError::NotTheirs) }
}

impl fmt::Debug for DoorRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DoorRecord(..)")
    }
}

/// What a box at a door holds; keeps one from passing for the other.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Part {
    Record = 0,
    KeyPackage = 1,
}

fn aad(door_id: &DoorId, part: Part) -> [u8; 33] {
    let mut aad = [0u8; 33];
    aad[..32].copy_from_slice(&door_id.0);
    aad[32] = part as u8;
    aad
}

/// `door_key` = HKDF-Expand(account_id, "door record 1", 32).
fn door_key(account_id: &AccountId) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0u8; 32]);
    Hkdf::<Sha256>::from_prk(&account_id.0)
        .and_then(|hkdf| hkdf.expand(KEY_LABEL, key.as_mut()).map_err(|_| hkdf::InvalidPrkLength))
        .expect("an account id is as long as the hash, and so is the key");
    key
}

fn signed_message(door_id: &DoorId, content: &[u8]) -> Vec<u8> {
    [SIGNATURE_LABEL, &door_id.0, content].concat()
}

fn check_size(field: &'static str, sealed: &[u8], expected: usize) -> Result<(), Malformed> {
    let found = sealed.len();
    if found == expected { Ok(()) } else { Err(Malformed::Length { field, expected, found }) }
}
