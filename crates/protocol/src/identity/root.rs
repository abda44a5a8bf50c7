//! Root keys: what the recovery words derive.

use crate::identity::phrase::RecoveryPhrase;
use ed25519_dalek::Signer as _;
use hkdf::Hkdf;
use ml_dsa::{KeyExport as _, MlDsa65};
use sha2::Sha512;
use std::fmt;
use wire::Malformed;
use wire::id::{AccountId, DoorOwner, Hash};
use zeroize::{Zeroize, Zeroizing};

/// Bytes of an Ed25519 public key.
pub const ED25519_PK_BYTES: usize = 32;
/// Bytes of an Ed25519 signature.
pub const ED25519_SIG_BYTES: usize = 64;
/// Bytes of an ML-DSA-65 public key.
pub const MLDSA65_PK_BYTES: usize = 1_952;
/// Bytes of an ML-DSA-65 signature.
pub const MLDSA65_SIG_BYTES: usize = 3_309;

const SALT: &[u8] = b"sottovoce account 1";
const LABEL_ED25519: &[u8] = b"root ed25519";
const LABEL_MLDSA65: &[u8] = b"root ml-dsa-65";
const LABEL_RECOVERY: &[u8] = b"recovery key";
const LABEL_BLOB_OWNER: &[u8] = b"blob owner";
const LABEL_DOOR_OWNER: &[u8] = b"door owner";
const LABEL_ACCOUNT: &[u8] = b"acct/1";

/// The root key pair of an account and the secrets beside it. Wiped when dropped.
///
/// Needed to found an account and to certify a device; a device at work does not hold it.
pub struct RootKeys {
    ed25519: ed25519_dalek::SigningKey,
    mldsa65: Box<ml_dsa::SigningKey<MlDsa65>>,
    recovery: Zeroizing<[u8; 32]>,
    blob_owner: Zeroizing<[u8; 32]>,
    door_owner: DoorOwner,
}

/// The public half of [`RootKeys`]: what an account id is the hash of.
#[derive(Clone, PartialEq, Eq)]
pub struct RootPublic {
    /// Ed25519, compressed.
    pub ed25519: [u8; ED25519_PK_BYTES],
    /// ML-DSA-65, as encoded by FIPS 204.
    pub mldsa65: Box<[u8; MLDSA65_PK_BYTES]>,
}

/// Both root signatures over one message.
#[derive(Clone, PartialEq, Eq)]
pub struct HybridSignature {
    /// Ed25519.
    pub ed25519: [u8; ED25519_SIG_BYTES],
    /// ML-DSA-65, deterministic variant, empty context.
    pub mldsa65: Box<[u8; MLDSA65_SIG_BYTES]>,
}

/// A hybrid signature that does not hold. Both halves must.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HybridError {
    /// The Ed25519 key is no point, or the signature does not verify (strict rules).
    #[error("the Ed25519 signature does not verify")]
    Ed25519,
    /// The ML-DSA-65 signature does not decode or does not verify.
    #[error("the ML-DSA-65 signature does not verify")]
    Mldsa65,
}

impl RootKeys {
    /// Derives everything from the words: HKDF-SHA-512(salt "sottovoce account 1", seed64).
    pub fn derive(phrase: &RecoveryPhrase) -> Self {
        let seed = phrase.to_seed();
        let hkdf = Hkdf::<Sha512>::new(Some(SALT), seed.as_ref());
        let expand = |label: &[u8]| {
            let mut output = Zeroizing::new([0u8; 32]);
            hkdf.expand(label, output.as_mut()).expect("32 bytes are within HKDF's bound");
            output
        };
        let mut mldsa_seed = ml_dsa::Seed::default();
        mldsa_seed.copy_from_slice(expand(LABEL_MLDSA65).as_ref());
        let mldsa65 = Box::new(ml_dsa::SigningKey::<MlDsa65>::from_seed(&mldsa_seed));
        mldsa_seed.as_mut_slice().zeroize();
        Self {
            ed25519: ed25519_dalek::SigningKey::from_bytes(&expand(LABEL_ED25519)),
            mldsa65,
            recovery: expand(LABEL_RECOVERY),
            blob_owner: expand(LABEL_BLOB_OWNER),
            door_owner: DoorOwner(*expand(LABEL_DOOR_OWNER)),
        }
    }

    /// The public half.
    pub fn public(&self) -> RootPublic {
        let mut mldsa65 = Box::new([0u8; MLDSA65_PK_BYTES]);
        let key: &ml_dsa::VerifyingKey<MlDsa65> = (*self.mldsa65).as_ref();
        mldsa65.copy_from_slice(&key.to_bytes());
        RootPublic { ed25519: self.ed25519.verifying_key().to_bytes(), mldsa65 }
    }

    /// Signs with both keys. Deterministic.
    pub fn sign(&self, message: &[u8]) -> HybridSignature {
        let mut mldsa65 = Box::new([0u8; MLDSA65_SIG_BYTES]);
        let signature: ml_dsa::Signature<MlDsa65> = ml_dsa::Signer::sign(&*self.mldsa65, message);
        mldsa65.copy_from_slice(&signature.encode());
        HybridSignature { ed25519: self.ed25519.sign(message).to_bytes(), mldsa65 }
    }

    /// RK, under which backups will be sealed.
    pub fn recovery_key(&self) -> &Zeroizing<[u8; 32]> {
        &self.recovery
    }

    /// The preimage that will own the account's own blobs.
    pub fn blob_owner(&self) -> &Zeroizing<[u8; 32]> {
        &self.blob_owner
    }

    /// The preimage that owns the account's door (LANE.md N12): the same on every device and after recovery.
    pub fn door_owner(&self) -> &DoorOwner {
        &self.door_owner
    }
}

impl fmt::Debug for RootKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKeys(secret)")
    }
}

impl RootPublic {
    /// Reads both encoded keys.
    pub fn parse(ed25519: &[u8], mldsa65: &[u8]) -> Result<Self, Malformed> {
        let length = |field, expected, found| Malformed::Length { field, expected, found };
        Ok(Self {
            ed25519: ed25519.try_into().map_err(|_| length("root_ed_pk", ED25519_PK_BYTES, ed25519.len()))?,
            mldsa65: Box::new(
                mldsa65.try_into().map_err(|_| length("root_mldsa65_pk", MLDSA65_PK_BYTES, mldsa65.len()))?,
            ),
        })
    }

    /// `account_id` = SHA-256("acct/1" ‖ root_ed_pk ‖ root_mldsa65_pk).
    pub fn account_id(&self) -> AccountId {
        AccountId(Hash::of(&[LABEL_ACCOUNT, &self.ed25519, self.mldsa65.as_ref()]).0)
    }

    /// Checks both signatures; a pure function of its arguments.
    ///
    /// # Errors
    /// The half that does not hold, Ed25519 first.
    pub fn verify(&self, message: &[u8], signature: &HybridSignature) -> Result<(), HybridError> {
        ed25519_dalek::VerifyingKey::from_bytes(&self.ed25519)
            .and_then(|key| key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(&signature.ed25519)))
            .map_err(|_| HybridError::Ed25519)?;
        let encoded_key: &ml_dsa::EncodedVerifyingKey<MlDsa65> = (&*self.mldsa65).into();
        let key = ml_dsa::VerifyingKey::<MlDsa65>::decode(encoded_key);
        let encoded_signature: &ml_dsa::EncodedSignature<MlDsa65> = (&*signature.mldsa65).into();
        let signature = ml_dsa::Signature::<MlDsa65>::decode(encoded_signature).ok_or(HybridError::Mldsa65)?;
        if key.verify_with_context(message, &[], &signature) { Ok(()) } else { Err(HybridError::Mldsa65) }
    }
}

impl fmt::Debug for RootPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootPublic(..)")
    }
}

impl fmt::Debug for HybridSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HybridSignature(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    fn root(byte: u8) -> RootKeys {
        RootKeys::derive(&RecoveryPhrase::from_entropy(&[byte; 32]))
    }

    #[test]
    fn derivation_is_golden() {
        let keys = root(0);
        let public = keys.public();
        let found = [
            HEXLOWER.encode(&public.ed25519),
            Hash::of(&[public.mldsa65.as_ref()]).to_hex(),
            public.account_id().to_hex(),
            HEXLOWER.encode(keys.recovery_key().as_ref()),
            HEXLOWER.encode(keys.blob_owner().as_ref()),
            HEXLOWER.encode(keys.door_owner().as_bytes()),
        ];
        assert_eq!(found, GOLDEN);
    }

    /// Of the phrase "abandon … art": root_ed_pk, H(root_mldsa65_pk), account_id, recovery key, blob owner, door owner.
    /// All agree with independent implementations.
    const GOLDEN: [&str; 6] = [
        "1177b28b380b202bd40546beb39b348f651887dcff2b8807bcf056918aa5db6b",
        "e61957e96861d6a8f520d5487c5b4890787d89e9c177546883b61fd7fbeb131e",
        "cf73455cc1bd428508116c2eb48deface96cfaf26acf060ba1c21d71c319421c",
        "e967c4c265591417b8d21766c83405b962ac8ffac6fec280198d4aa52ad2d4db",
        "6361ed43d8bc3b7f95e05dcecdf1203bb91e56719a024e7dc96e953aa85d0043",
        "daa81e80e69cd382b5c020aedf4bce724cd7e6ecfcc69c320f13a43e6fad6f59",
    ];

    #[test]
    fn all_derived_secrets_differ() {
        let keys = root(0);
        let mut found = vec![
            keys.ed25519.to_bytes(),
            (*keys.mldsa65.as_seed()).into(),
            **keys.recovery_key(),
            **keys.blob_owner(),
            *keys.door_owner().as_bytes(),
        ];
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), 5);
    }

    #[test]
    fn another_phrase_is_another_account() {
        assert_ne!(root(0).public().account_id(), root(1).public().account_id());
    }

    #[test]
    fn both_signatures_must_hold() {
        let (keys, others) = (root(0), root(1));
        let (good, wrong) = (keys.sign(b"message"), others.sign(b"message"));
        let public = keys.public();
        assert_eq!(public.verify(b"message", &good), Ok(()));
        assert_eq!(public.verify(b"massage", &good), Err(HybridError::Ed25519));
        let mixed = HybridSignature { ed25519: good.ed25519, mldsa65: wrong.mldsa65.clone() };
        assert_eq!(public.verify(b"message", &mixed), Err(HybridError::Mldsa65));
        let mixed = HybridSignature { ed25519: wrong.ed25519, mldsa65: good.mldsa65.clone() };
        assert_eq!(public.verify(b"message", &mixed), Err(HybridError::Ed25519));
    }

    #[test]
    fn zero_signature_and_zero_key_are_refused() {
        let zero = HybridSignature { ed25519: [0; 64], mldsa65: Box::new([0; MLDSA65_SIG_BYTES]) };
        let public = RootPublic { ed25519: [0; 32], mldsa65: Box::new([0; MLDSA65_PK_BYTES]) };
        assert_eq!(public.verify(b"", &zero), Err(HybridError::Ed25519));
        let public = RootPublic { ed25519: root(0).public().ed25519, ..public };
        let signature = HybridSignature { ed25519: root(0).sign(b"").ed25519, ..zero };
        assert_eq!(public.verify(b"", &signature), Err(HybridError::Mldsa65));
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", root(0)), "RootKeys(secret)");
        assert_eq!(format!("{:?} {:?}", root(0).public(), root(0).sign(b"")), "RootPublic(..) HybridSignature(..)");
    }
}
