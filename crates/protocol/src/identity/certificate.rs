//! Device certificates: the root's statement that a device and its key belong to the account.

use crate::identity::device_identity::DeviceIdentity;
use crate::identity::device_key::DevicePublicKey;
use crate::identity::root::{
    ED25519_PK_BYTES, ED25519_SIG_BYTES, HybridError, HybridSignature, MLDSA65_PK_BYTES, MLDSA65_SIG_BYTES, RootKeys,
    RootPublic,
};
use bytes::Bytes;
use std::fmt;
use wire::Malformed;
use wire::id::{AccountId, DeviceId};

/// Bytes of an encoded certificate.
pub const CERTIFICATE_BYTES: usize = SIGNED_BYTES + ED25519_SIG_BYTES + MLDSA65_SIG_BYTES;
/// The version this code writes and reads.
pub const CERTIFICATE_VERSION: u8 = 1;
/// `not_after` of a certificate without an end.
pub const NOT_AFTER_NEVER: u64 = u64::MAX;

const SIGNED_BYTES: usize = 1 + AccountId::LEN + DeviceId::LEN + 32 + 8 + ED25519_PK_BYTES + MLDSA65_PK_BYTES;
const LABEL: &[u8] = b"sottovoce device certificate 1";

/// A certificate whose layout is right and whose signatures nobody has checked.
#[derive(Clone)]
pub struct UnverifiedCertificate {
    fields: Fields,
    root: RootPublic,
    signature: HybridSignature,
    bytes: Bytes,
}

/// A verified certificate.
#[derive(Clone)]
pub struct Certificate {
    fields: Fields,
    root: RootPublic,
    bytes: Bytes,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Fields {
    identity: DeviceIdentity,
    device_pk: DevicePublicKey,
    not_after_s: u64,
}

/// Why bytes are no valid certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The bytes have another length.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A version from the future.
    #[error("certificate version {version} needs a newer program")]
    Unsupported {
        /// The version found.
        version: u8,
    },
    /// The account id is not the hash of the root keys.
    #[error("the account id is not that of the root keys")]
    WrongAccount,
    /// A root signature does not hold.
    #[error(transparent)]
    Signature(#[from] HybridError),
}

impl UnverifiedCertificate {
    /// Splits the bytes into fields.
    ///
    /// # Errors
    /// [`CertificateError::Malformed`], [`CertificateError::Unsupported`].
    pub fn parse(bytes: &[u8]) -> Result<Self, CertificateError> {
        match bytes.first() {
            Some(&CERTIFICATE_VERSION) | None => {}
            Some(&version) => return Err(CertificateError::Unsupported { version }),
        }
        if bytes.len() != CERTIFICATE_BYTES {
            return Err(
                Malformed::Length { field: "certificate", expected: CERTIFICATE_BYTES, found: bytes.len() }.into()
            );
        }
        let mut rest = &bytes[1..];
        let account_id = AccountId::parse(take(&mut rest, AccountId::LEN))?;
        let device_id = DeviceId::parse(take(&mut rest, DeviceId::LEN))?;
        let device_pk = DevicePublicKey::parse(take(&mut rest, 32))?;
        let not_after_s = u64::from_be_bytes(array(&mut rest));
        let root = RootPublic::parse(take(&mut rest, ED25519_PK_BYTES), take(&mut rest, MLDSA65_PK_BYTES))?;
        let signature = HybridSignature { ed25519: array(&mut rest), mldsa65: Box::new(array(&mut rest)) };
        let fields = Fields { identity: DeviceIdentity { account_id, device_id }, device_pk, not_after_s };
        Ok(Self { fields, root, signature, bytes: Bytes::copy_from_slice(bytes) })
    }

    /// Checks account id and both signatures: a pure function of the bytes, the same at any wall clock.
    ///
    /// # Errors
    /// [`CertificateError::WrongAccount`], [`CertificateError::Signature`].
    pub fn verify(self) -> Result<Certificate, CertificateError> {
        if self.root.account_id() != self.fields.identity.account_id {
            return Err(CertificateError::WrongAccount);
        }
        self.root.verify(&signed_message(&self.bytes[..SIGNED_BYTES]), &self.signature)?;
        Ok(Certificate { fields: self.fields, root: self.root, bytes: self.bytes })
    }

    /// As [`Self::verify`], but takes bytes equal to `known` for good: those that this device verified and stored.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn verify_unless_known(self, known: Option<&[u8]>) -> Result<Certificate, CertificateError> {
        if known.is_some_and(|known| known == self.bytes) {
            return Ok(Certificate { fields: self.fields, root: self.root, bytes: self.bytes });
        }
        self.verify()
    }

    /// The device it claims to be of, for looking it up among verified ones before the costly check.
    pub fn claimed_identity(&self) -> &DeviceIdentity {
        &self.fields.identity
    }

    /// The encoded certificate.
    pub fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The key it claims, for a cheap check of what that key signed before [`Self::verify`].
    pub fn claimed_device_pk(&self) -> &DevicePublicKey {
        &self.fields.device_pk
    }
}

impl Certificate {
    /// Issues a certificate. Deterministic.
    pub fn issue(root: &RootKeys, device_id: DeviceId, device_pk: DevicePublicKey, not_after_s: u64) -> Self {
        let public = root.public();
        let account_id = public.account_id();
        let mut bytes = Vec::with_capacity(CERTIFICATE_BYTES);
        bytes.push(CERTIFICATE_VERSION);
        bytes.extend_from_slice(&account_id.0);
        bytes.extend_from_slice(&device_id.0);
        bytes.extend_from_slice(&device_pk.0);
        bytes.extend_from_slice(&not_after_s.to_be_bytes());
        bytes.extend_from_slice(&public.ed25519);
        bytes.extend_from_slice(public.mldsa65.as_ref());
        let signature = root.sign(&signed_message(&bytes));
        bytes.extend_from_slice(&signature.ed25519);
        bytes.extend_from_slice(signature.mldsa65.as_ref());
        let fields = Fields { identity: DeviceIdentity { account_id, device_id }, device_pk, not_after_s };
        Self { fields, root: public, bytes: bytes.into() }
    }

    /// Parses and verifies.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CertificateError> {
        UnverifiedCertificate::parse(bytes)?.verify()
    }

    /// Reads one that this device verified before it stored it: signatures are checked once, where bytes come in.
    pub(crate) fn stored(bytes: &[u8]) -> Result<Self, CertificateError> {
        UnverifiedCertificate::parse(bytes)?.verify_unless_known(Some(bytes))
    }

    /// The encoded certificate.
    pub fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Account and device.
    pub fn identity(&self) -> &DeviceIdentity {
        &self.fields.identity
    }

    /// The account.
    pub fn account_id(&self) -> &AccountId {
        &self.fields.identity.account_id
    }

    /// The device.
    pub fn device_id(&self) -> &DeviceId {
        &self.fields.identity.device_id
    }

    /// The certified MLS signature key.
    pub fn device_pk(&self) -> &DevicePublicKey {
        &self.fields.device_pk
    }

    /// Seconds since the Unix epoch; data only: no validity rule reads a clock (LANE.md C5).
    pub fn not_after_s(&self) -> u64 {
        self.fields.not_after_s
    }

    /// The root keys that signed.
    pub fn root(&self) -> &RootPublic {
        &self.root
    }

    /// Whether a leaf with this identity and signature key is the certified device's.
    pub fn covers(&self, identity: &DeviceIdentity, signature_key: &[u8]) -> bool {
        self.fields.identity == *identity && self.fields.device_pk.0 == *signature_key
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Certificate {}

impl PartialEq for UnverifiedCertificate {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for UnverifiedCertificate {}

impl From<Certificate> for UnverifiedCertificate {
    fn from(certificate: Certificate) -> Self {
        Self::parse(&certificate.bytes).expect("a verified certificate has the right layout")
    }
}

impl fmt::Debug for UnverifiedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnverifiedCertificate(..)")
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate(..)")
    }
}

fn signed_message(fields: &[u8]) -> Vec<u8> {
    [LABEL, fields].concat()
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, left) = rest.split_at(length);
    *rest = left;
    taken
}

fn array<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let mut taken = [0u8; N];
    taken.copy_from_slice(take(rest, N));
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::device_key::DeviceKey;
    use crate::identity::phrase::RecoveryPhrase;
    use wire::id::Hash;

    const VECTOR: &str = include_str!("vectors/certificate.hex");

    fn root() -> RootKeys {
        RootKeys::derive(&RecoveryPhrase::from_entropy(&[0; 32]))
    }

    fn certificate() -> Certificate {
        Certificate::issue(&root(), DeviceId([2; 16]), DeviceKey::from_seed(&[1; 32]).public(), 1_800_000_000)
    }

    /// Independent implementations of Ed25519 and ML-DSA-65 verify the vector's signatures.
    #[test]
    fn issued_certificate_is_golden() {
        let bytes = data_encoding::HEXLOWER.decode(VECTOR.trim().as_bytes()).unwrap();
        assert!(certificate().as_bytes() == &bytes[..]);
    }

    #[test]
    fn layout_is_as_specified() {
        let certificate = certificate();
        let bytes = certificate.as_bytes();
        assert_eq!(bytes.len(), 5_446);
        assert_eq!(bytes[0], 1);
        assert_eq!(bytes[1..33], root().public().account_id().0);
        assert_eq!(bytes[33..49], [2; 16]);
        assert_eq!(bytes[49..81], DeviceKey::from_seed(&[1; 32]).public().0);
        assert_eq!(bytes[81..89], 1_800_000_000u64.to_be_bytes());
        assert_eq!(bytes[89..121], root().public().ed25519);
        assert_eq!(bytes[121..2_073], root().public().mldsa65[..]);
    }

    #[test]
    fn issued_certificate_verifies_and_keeps_its_fields() {
        let issued = certificate();
        let read = Certificate::from_bytes(issued.as_bytes()).expect("own certificate");
        assert_eq!(read, issued);
        assert_eq!(read.identity(), issued.identity());
        assert_eq!(read.device_pk(), issued.device_pk());
        assert_eq!(read.not_after_s(), 1_800_000_000);
        assert!(read.covers(issued.identity(), issued.device_pk().as_bytes()));
        assert!(!read.covers(issued.identity(), &[0; 32]));
        let other = DeviceIdentity { device_id: DeviceId([3; 16]), ..*issued.identity() };
        assert!(!read.covers(&other, issued.device_pk().as_bytes()));
    }

    #[test]
    fn every_flipped_byte_is_rejected() {
        let bytes = certificate().as_bytes().to_vec();
        // Every byte of the head and of the Ed25519 signature, every 61st of the two long fields.
        let dense = (0..=130).chain(2_060..2_150);
        let sparse = (130..bytes.len()).step_by(61);
        for index in dense.chain(sparse) {
            let mut changed = bytes.clone();
            changed[index] ^= 0x10;
            assert!(Certificate::from_bytes(&changed).is_err(), "byte {index}");
        }
    }

    #[test]
    fn each_length_but_the_right_one_is_malformed() {
        let mut bytes = certificate().as_bytes().to_vec();
        for found in [0, 1, 100, CERTIFICATE_BYTES - 1] {
            assert_eq!(
                UnverifiedCertificate::parse(&bytes[..found]).err(),
                Some(Malformed::Length { field: "certificate", expected: CERTIFICATE_BYTES, found }.into())
            );
        }
        bytes.push(0);
        assert!(matches!(UnverifiedCertificate::parse(&bytes), Err(CertificateError::Malformed(_))));
    }

    #[test]
    fn future_version_is_unsupported_whatever_its_length() {
        assert_eq!(UnverifiedCertificate::parse(&[2, 0, 0]).err(), Some(CertificateError::Unsupported { version: 2 }));
    }

    #[test]
    fn foreign_root_cannot_claim_the_account() {
        let stranger = RootKeys::derive(&RecoveryPhrase::from_entropy(&[9; 32]));
        let mut bytes =
            Certificate::issue(&stranger, DeviceId([2; 16]), *certificate().device_pk(), 0).as_bytes().to_vec();
        bytes[1..33].copy_from_slice(&certificate().account_id().0);
        let signature = stranger.sign(&signed_message(&bytes[..SIGNED_BYTES]));
        bytes[SIGNED_BYTES..SIGNED_BYTES + 64].copy_from_slice(&signature.ed25519);
        bytes[SIGNED_BYTES + 64..].copy_from_slice(signature.mldsa65.as_ref());
        assert_eq!(Certificate::from_bytes(&bytes).err(), Some(CertificateError::WrongAccount));
    }

    #[test]
    fn one_good_half_is_not_enough() {
        let stranger = RootKeys::derive(&RecoveryPhrase::from_entropy(&[9; 32]));
        let good = certificate().as_bytes().to_vec();
        let forged = stranger.sign(&signed_message(&good[..SIGNED_BYTES]));
        let mut bytes = good.clone();
        bytes[SIGNED_BYTES..SIGNED_BYTES + 64].copy_from_slice(&forged.ed25519);
        assert_eq!(Certificate::from_bytes(&bytes).err(), Some(HybridError::Ed25519.into()));
        let mut bytes = good;
        bytes[SIGNED_BYTES + 64..].copy_from_slice(forged.mldsa65.as_ref());
        assert_eq!(Certificate::from_bytes(&bytes).err(), Some(HybridError::Mldsa65.into()));
    }

    #[test]
    fn only_the_very_bytes_that_are_known_are_taken_for_good() {
        let good = certificate();
        let mut forged = good.as_bytes().to_vec();
        forged[40] ^= 1;
        let parse = |bytes: &[u8]| UnverifiedCertificate::parse(bytes).unwrap();
        assert_eq!(parse(good.as_bytes()).verify_unless_known(Some(good.as_bytes())), Ok(good.clone()));
        assert_eq!(parse(good.as_bytes()).verify_unless_known(Some(&forged)), Ok(good.clone()));
        assert_eq!(parse(good.as_bytes()).verify_unless_known(None), Ok(good.clone()));
        assert!(parse(&forged).verify_unless_known(Some(good.as_bytes())).is_err());
        assert!(parse(&forged).verify_unless_known(None).is_err());
        assert!(parse(&forged).verify_unless_known(Some(&forged)).is_ok(), "nothing is computed");
    }

    #[test]
    fn past_not_after_still_verifies() {
        let expired = Certificate::issue(&root(), DeviceId([2; 16]), *certificate().device_pk(), 0);
        assert_eq!(Certificate::from_bytes(expired.as_bytes()), Ok(expired));
    }

    #[test]
    fn debug_shows_nothing() {
        let certificate = certificate();
        let unverified = UnverifiedCertificate::parse(certificate.as_bytes()).unwrap();
        assert_eq!(format!("{certificate:?} {unverified:?}"), "Certificate(..) UnverifiedCertificate(..)");
        assert_ne!(Hash::of(&[certificate.as_bytes()]), Hash::ZERO);
    }
}
