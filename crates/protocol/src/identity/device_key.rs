//! A device's signature key: Ed25519, the leaf's key in every MLS group.

use ed25519_dalek::Signer as _;
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::SignatureScheme;
use rand_core::CryptoRng;
use std::fmt;
use wire::Malformed;
use zeroize::Zeroizing;

/// The private key of one device. Wiped when dropped.
#[derive(Clone)]
pub struct DeviceKey(ed25519_dalek::SigningKey);

/// The public key of one device, as certified.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DevicePublicKey(pub [u8; 32]);

impl DeviceKey {
    /// Makes a fresh key from 32 bytes of `rng`.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut seed = Zeroizing::new([0u8; 32]);
        rng.fill_bytes(seed.as_mut());
        Self::from_seed(&seed)
    }

    /// The key of a stored seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The seed, to be stored encrypted.
    pub fn to_seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public half.
    pub fn public(&self) -> DevicePublicKey {
        DevicePublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs `message`; callers put a label of their own in front. Deterministic.
    pub fn sign_labelled(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl Signer for DeviceKey {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.sign_labelled(payload).to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

impl DevicePublicKey {
    /// Reads exactly 32 bytes; whether they are a key shows in [`Self::verifies`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        bytes.try_into().map(Self).map_err(|_| Malformed::Length {
            field: "device_pk",
            expected: 32,
            found: bytes.len(),
        })
    }

    /// Whether `signature` is this key's over `message` (strict rules).
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        ed25519_dalek::VerifyingKey::from_bytes(&self.0)
            .and_then(|key| key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)))
            .is_ok()
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceKey(secret)")
    }
}

impl fmt::Debug for DevicePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DevicePublicKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    #[test]
    fn rfc_8032_vector_holds() {
        let seed = HEXLOWER.decode(b"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
        let key = DeviceKey::from_seed(seed.as_slice().try_into().unwrap());
        assert_eq!(
            HEXLOWER.encode(key.public().as_bytes()),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        );
        assert_eq!(
            HEXLOWER.encode(&key.sign_labelled(b"")),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        );
    }

    #[test]
    fn only_the_own_signature_verifies() {
        let (key, other) = (DeviceKey::from_seed(&[1; 32]), DeviceKey::from_seed(&[2; 32]));
        let mut signature = key.sign_labelled(b"m");
        assert!(key.public().verifies(b"m", &signature));
        assert!(!key.public().verifies(b"n", &signature));
        assert!(!other.public().verifies(b"m", &signature));
        signature[0] ^= 1;
        assert!(!key.public().verifies(b"m", &signature));
        assert!(!DevicePublicKey([0; 32]).verifies(b"", &[0; 64]), "a small-order key verifies nothing");
    }

    #[test]
    fn second_encoding_of_a_signature_is_refused() {
        // S + L: the same scalar, not reduced.
        let order = HEXLOWER.decode(b"edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
        let key = DeviceKey::from_seed(&[1; 32]);
        let mut signature = key.sign_labelled(b"m");
        let mut carry = 0u16;
        for (byte, addend) in signature[32..].iter_mut().zip(order) {
            carry += u16::from(*byte) + u16::from(addend);
            *byte = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        assert_eq!(carry, 0);
        assert!(!key.public().verifies(b"m", &signature));
    }

    #[test]
    fn seed_survives_storage_and_stays_out_of_debug() {
        let key = DeviceKey::from_seed(&[3; 32]);
        assert_eq!(DeviceKey::from_seed(&key.to_seed()).public(), key.public());
        assert_eq!(format!("{key:?} {:?}", key.public()), "DeviceKey(secret) DevicePublicKey(..)");
    }
}
