//! The cryptography of the one suite (X-Wing, AES-256-GCM, SHA-384, Ed25519) as OpenMLS asks for it.
//!
//! Every primitive is a library's; here is only which one is meant. OpenMLS's own collection carries every suite that it
//! knows: three more curves, two more ciphers and six more signatures, which no compiler can see to be unused, and a
//! second generation of what the rest of this crate stands on. What does not belong to the suite is refused.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use core::fmt;
use ed25519_dalek::Signer as _;
use getrandom::SysRng;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hpke_rs::{Hpke, HpkeError, Mode};
use hpke_rs_crypto::error::Error as HpkeCryptoError;
use hpke_rs_crypto::types::{AeadAlgorithm, KdfAlgorithm, KemAlgorithm};
use hpke_rs_crypto::{HpkeCrypto, HpkeTestRng};
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::types::{
    AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeAeadType, HpkeCiphertext, HpkeConfig,
    HpkeKdfType, HpkeKemType, HpkeKeyPair, KemOutput, SignatureScheme,
};
use rand_core::{TryCryptoRng, TryRng, UnwrapErr};
use sha2::{Digest as _, Sha384};
use tls_codec::SecretVLBytes;
use x_wing::{Decapsulate as _, Decapsulator as _, Encapsulate as _, KeyExport as _, TryKeyInit as _};

/// The suite (0x004E).
const SUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;
/// Bytes of AES-GCM's nonce.
const NONCE_BYTES: usize = 12;

/// The primitives of the suite. It keeps nothing; what it draws comes from the operating system or the browser.
#[derive(Debug, Default, Clone, Copy)]
pub struct SuiteCrypto;

fn seal(key: &[u8], nonce: &[u8], aad: &[u8], msg: &[u8]) -> Option<Vec<u8>> {
    let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
    Aes256Gcm::new_from_slice(key).ok()?.encrypt(&nonce.into(), Payload { msg, aad }).ok()
}

fn open(key: &[u8], nonce: &[u8], aad: &[u8], msg: &[u8]) -> Option<Vec<u8>> {
    let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
    Aes256Gcm::new_from_slice(key).ok()?.decrypt(&nonce.into(), Payload { msg, aad }).ok()
}

fn extract(salt: &[u8], ikm: &[u8]) -> Vec<u8> {
    Hkdf::<Sha384>::extract(Some(salt), ikm).0.to_vec()
}

fn expand(prk: &[u8], info: &[u8], bytes: usize) -> Option<Vec<u8>> {
    let mut out = vec![0; bytes];
    Hkdf::<Sha384>::from_prk(prk).ok()?.expand(info, &mut out).ok()?;
    Some(out)
}

fn check_hash(hash: HashType) -> Result<(), CryptoError> {
    match hash {
        HashType::Sha2_384 => Ok(()),
        HashType::Sha2_256 | HashType::Sha2_512 => Err(CryptoError::UnsupportedHashAlgorithm),
    }
}

fn check_aead(aead: AeadType) -> Result<(), CryptoError> {
    match aead {
        AeadType::Aes256Gcm => Ok(()),
        AeadType::Aes128Gcm | AeadType::ChaCha20Poly1305 => Err(CryptoError::UnsupportedAeadAlgorithm),
    }
}

fn check_signature(scheme: SignatureScheme) -> Result<(), CryptoError> {
    if scheme == SignatureScheme::ED25519 { Ok(()) } else { Err(CryptoError::UnsupportedSignatureScheme) }
}

fn hpke(config: &HpkeConfig) -> Result<Hpke<SuiteHpke>, CryptoError> {
    match config {
        HpkeConfig(HpkeKemType::XWingKemDraft6, HpkeKdfType::HkdfSha384, HpkeAeadType::AesGcm256) => {
            Ok(Hpke::new(Mode::Base, KemAlgorithm::XWingDraft06, KdfAlgorithm::HkdfSha384, AeadAlgorithm::Aes256Gcm))
        }
        _ => Err(CryptoError::UnsupportedCiphersuite),
    }
}

fn hpke_blame(error: HpkeError) -> CryptoError {
    match error {
        HpkeError::InvalidInput => CryptoError::InvalidLength,
        _ => CryptoError::CryptoLibraryError,
    }
}

impl OpenMlsCrypto for SuiteCrypto {
    fn supports(&self, ciphersuite: Ciphersuite) -> Result<(), CryptoError> {
        if ciphersuite == SUITE { Ok(()) } else { Err(CryptoError::UnsupportedCiphersuite) }
    }

    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        vec![SUITE]
    }

    fn hkdf_extract(&self, hash: HashType, salt: &[u8], ikm: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        check_hash(hash)?;
        Ok(extract(salt, ikm).into())
    }

    fn hmac(&self, hash: HashType, key: &[u8], message: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        check_hash(hash)?;
        let mut hmac = Hmac::<Sha384>::new_from_slice(key).map_err(|_| CryptoError::InvalidLength)?;
        hmac.update(message);
        Ok(hmac.finalize().into_bytes().to_vec().into())
    }

    fn hkdf_expand(
        &self,
        hash: HashType,
        prk: &[u8],
        info: &[u8],
        okm_bytes: usize,
    ) -> Result<SecretVLBytes, CryptoError> {
        check_hash(hash)?;
        expand(prk, info, okm_bytes).map(Into::into).ok_or(CryptoError::HkdfOutputLengthInvalid)
    }

    fn hash(&self, hash: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        check_hash(hash)?;
        Ok(Sha384::digest(data).to_vec())
    }

    fn aead_encrypt(
        &self,
        aead: AeadType,
        key: &[u8],
        data: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        check_aead(aead)?;
        seal(key, nonce, aad, data).ok_or(CryptoError::CryptoLibraryError)
    }

    fn aead_decrypt(
        &self,
        aead: AeadType,
        key: &[u8],
        ct_tag: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        check_aead(aead)?;
        open(key, nonce, aad, ct_tag).ok_or(CryptoError::AeadDecryptionError)
    }

    /// Signature keys are the device's own (`identity::device_key`): OpenMLS makes none.
    fn signature_key_gen(&self, _: SignatureScheme) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        Err(CryptoError::UnsupportedSignatureScheme)
    }

    fn verify_signature(
        &self,
        scheme: SignatureScheme,
        data: &[u8],
        pk: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        check_signature(scheme)?;
        let key = ed25519_dalek::VerifyingKey::try_from(pk).map_err(|_| CryptoError::CryptoLibraryError)?;
        let signature = ed25519_dalek::Signature::from_slice(signature).map_err(|_| CryptoError::CryptoLibraryError)?;
        key.verify_strict(data, &signature).map_err(|_| CryptoError::InvalidSignature)
    }

    fn sign(&self, scheme: SignatureScheme, data: &[u8], key: &[u8]) -> Result<Vec<u8>, CryptoError> {
        check_signature(scheme)?;
        let key = ed25519_dalek::SigningKey::try_from(key).map_err(|_| CryptoError::CryptoLibraryError)?;
        Ok(key.sign(data).to_bytes().to_vec())
    }

    fn hpke_seal(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        aad: &[u8],
        ptxt: &[u8],
    ) -> Result<HpkeCiphertext, CryptoError> {
        let (kem_output, ciphertext) =
            hpke(&config)?.seal(&pk_r.into(), info, aad, ptxt, None, None, None).map_err(hpke_blame)?;
        Ok(HpkeCiphertext { kem_output: kem_output.into(), ciphertext: ciphertext.into() })
    }

    fn hpke_open(
        &self,
        config: HpkeConfig,
        input: &HpkeCiphertext,
        sk_r: &[u8],
        info: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let (enc, ciphertext) = (input.kem_output.as_slice(), input.ciphertext.as_slice());
        hpke(&config)?
            .open(enc, &sk_r.into(), info, aad, ciphertext, None, None, None)
            .map_err(|_| CryptoError::HpkeDecryptionError)
    }

    fn hpke_setup_sender_and_export(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_bytes: usize,
    ) -> Result<(KemOutput, ExporterSecret), CryptoError> {
        let (kem_output, context) = hpke(&config)?
            .setup_sender(&pk_r.into(), info, None, None, None)
            .map_err(|_| CryptoError::SenderSetupError)?;
        let secret = context.export(exporter_context, exporter_bytes).map_err(|_| CryptoError::ExporterError)?;
        Ok((kem_output, secret.into()))
    }

    fn hpke_setup_receiver_and_export(
        &self,
        config: HpkeConfig,
        enc: &[u8],
        sk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_bytes: usize,
    ) -> Result<ExporterSecret, CryptoError> {
        let context = hpke(&config)?
            .setup_receiver(enc, &sk_r.into(), info, None, None, None)
            .map_err(|_| CryptoError::ReceiverSetupError)?;
        let secret = context.export(exporter_context, exporter_bytes).map_err(|_| CryptoError::ExporterError)?;
        Ok(secret.into())
    }

    fn derive_hpke_keypair(&self, config: HpkeConfig, ikm: &[u8]) -> Result<HpkeKeyPair, CryptoError> {
        let (private, public) = hpke(&config)?.derive_key_pair(ikm).map_err(hpke_blame)?.into_keys();
        Ok(HpkeKeyPair { private: private.as_slice().into(), public: public.as_slice().into() })
    }
}

/// What HPKE (RFC 9180) asks for. X-Wing's private key is its seed of 32 bytes.
#[derive(Debug)]
struct SuiteHpke;

/// Draws from the operating system or the browser.
struct SystemRng;

impl TryRng for SystemRng {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        UnwrapErr(SysRng).try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        UnwrapErr(SysRng).try_next_u64()
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        UnwrapErr(SysRng).try_fill_bytes(out)
    }
}

impl TryCryptoRng for SystemRng {}

impl zeroize::Zeroize for SystemRng {
    fn zeroize(&mut self) {}
}

/// There is no randomness but the system's, in tests neither.
#[derive(Debug)]
struct NoTestRng;

impl fmt::Display for NoTestRng {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("no randomness for tests")
    }
}

impl HpkeTestRng for SystemRng {
    type Error = NoTestRng;

    fn try_fill_test_bytes(&mut self, _: &mut [u8]) -> Result<(), NoTestRng> {
        Err(NoTestRng)
    }

    fn seed(&mut self, _: &[u8]) {}
}

fn check_kem(kem: KemAlgorithm) -> Result<(), HpkeCryptoError> {
    if kem == KemAlgorithm::XWingDraft06 { Ok(()) } else { Err(HpkeCryptoError::UnknownKemAlgorithm) }
}

fn check_kdf(kdf: KdfAlgorithm) -> Result<(), HpkeCryptoError> {
    if kdf == KdfAlgorithm::HkdfSha384 { Ok(()) } else { Err(HpkeCryptoError::UnknownKdfAlgorithm) }
}

fn check_hpke_aead(aead: AeadAlgorithm) -> Result<(), HpkeCryptoError> {
    if aead == AeadAlgorithm::Aes256Gcm { Ok(()) } else { Err(HpkeCryptoError::UnknownAeadAlgorithm) }
}

fn decapsulation_key(seed: &[u8]) -> Result<x_wing::DecapsulationKey, HpkeCryptoError> {
    let seed: [u8; x_wing::DECAPSULATION_KEY_SIZE] =
        seed.try_into().map_err(|_| HpkeCryptoError::KemInvalidSecretKey)?;
    Ok(seed.into())
}

impl HpkeCrypto for SuiteHpke {
    type HpkePrng = SystemRng;

    fn name() -> String {
        "one suite".to_owned()
    }

    fn supports_kdf(kdf: KdfAlgorithm) -> Result<(), HpkeCryptoError> {
        check_kdf(kdf)
    }

    fn supports_kem(kem: KemAlgorithm) -> Result<(), HpkeCryptoError> {
        check_kem(kem)
    }

    fn supports_aead(aead: AeadAlgorithm) -> Result<(), HpkeCryptoError> {
        check_hpke_aead(aead)
    }

    fn prng() -> SystemRng {
        SystemRng
    }

    fn kdf_extract(kdf: KdfAlgorithm, salt: &[u8], ikm: &[u8]) -> Result<Vec<u8>, HpkeCryptoError> {
        check_kdf(kdf)?;
        Ok(extract(salt, ikm))
    }

    fn kdf_expand(kdf: KdfAlgorithm, prk: &[u8], info: &[u8], bytes: usize) -> Result<Vec<u8>, HpkeCryptoError> {
        check_kdf(kdf)?;
        expand(prk, info, bytes).ok_or(HpkeCryptoError::HpkeInvalidOutputLength)
    }

    fn dh(_: KemAlgorithm, _: &[u8], _: &[u8]) -> Result<Vec<u8>, HpkeCryptoError> {
        Err(HpkeCryptoError::UnsupportedKemOperation)
    }

    fn secret_to_public(_: KemAlgorithm, _: &[u8]) -> Result<Vec<u8>, HpkeCryptoError> {
        Err(HpkeCryptoError::UnsupportedKemOperation)
    }

    /// HPKE derives every key pair of this KEM from a seed.
    fn kem_key_gen(_: KemAlgorithm, _: &mut SystemRng) -> Result<(Vec<u8>, Vec<u8>), HpkeCryptoError> {
        Err(HpkeCryptoError::UnsupportedKemOperation)
    }

    fn kem_key_gen_derand(kem: KemAlgorithm, seed: &[u8]) -> Result<(Vec<u8>, Vec<u8>), HpkeCryptoError> {
        check_kem(kem)?;
        let key = decapsulation_key(seed)?;
        Ok((key.encapsulation_key().to_bytes().to_vec(), key.as_bytes().to_vec()))
    }

    fn kem_encaps(kem: KemAlgorithm, pk_r: &[u8], rng: &mut SystemRng) -> Result<(Vec<u8>, Vec<u8>), HpkeCryptoError> {
        check_kem(kem)?;
        let key = x_wing::EncapsulationKey::new_from_slice(pk_r).map_err(|_| HpkeCryptoError::KemInvalidPublicKey)?;
        let (ciphertext, secret) = key.encapsulate_with_rng(rng);
        Ok((secret.to_vec(), ciphertext.to_vec()))
    }

    fn kem_decaps(kem: KemAlgorithm, ciphertext: &[u8], sk_r: &[u8]) -> Result<Vec<u8>, HpkeCryptoError> {
        check_kem(kem)?;
        let key = decapsulation_key(sk_r)?;
        let ciphertext = x_wing::Ciphertext::try_from(ciphertext).map_err(|_| HpkeCryptoError::KemInvalidCiphertext)?;
        Ok(key.decapsulate(&ciphertext).to_vec())
    }

    fn dh_validate_sk(_: KemAlgorithm, _: &[u8]) -> Result<Vec<u8>, HpkeCryptoError> {
        Err(HpkeCryptoError::UnsupportedKemOperation)
    }

    fn aead_seal(
        aead: AeadAlgorithm,
        key: &[u8],
        nonce: &[u8],
        aad: &[u8],
        msg: &[u8],
    ) -> Result<Vec<u8>, HpkeCryptoError> {
        check_hpke_aead(aead)?;
        seal(key, nonce, aad, msg).ok_or(HpkeCryptoError::CryptoLibraryError(String::new()))
    }

    fn aead_open(
        aead: AeadAlgorithm,
        key: &[u8],
        nonce: &[u8],
        aad: &[u8],
        msg: &[u8],
    ) -> Result<Vec<u8>, HpkeCryptoError> {
        check_hpke_aead(aead)?;
        open(key, nonce, aad, msg).ok_or(HpkeCryptoError::AeadOpenError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openmls_rust_crypto::RustCrypto;

    const HASH: HashType = HashType::Sha2_384;
    const AEAD: AeadType = AeadType::Aes256Gcm;
    const SCHEME: SignatureScheme = SignatureScheme::ED25519;

    fn libraries() -> (SuiteCrypto, RustCrypto) {
        (SuiteCrypto, RustCrypto::default())
    }

    #[test]
    fn every_pure_function_gives_what_the_librarys_gives() {
        let (ours, theirs) = libraries();
        for length in [0, 1, 47, 48, 127, 128, 129, 3_000] {
            let data = vec![7; length];
            assert_eq!(ours.hash(HASH, &data), theirs.hash(HASH, &data));
            assert_eq!(ours.hmac(HASH, &data, b"m"), theirs.hmac(HASH, &data, b"m"));
            let (salt, ikm) = data.split_at(length / 2);
            assert_eq!(ours.hkdf_extract(HASH, salt, ikm), theirs.hkdf_extract(HASH, salt, ikm));
            for bytes in [0, 1, 48, 49, 255 * 48, 255 * 48 + 1] {
                let of = |crypto: &dyn Fn(&[u8]) -> Result<SecretVLBytes, CryptoError>| crypto(&data);
                let mine = of(&|prk| ours.hkdf_expand(HASH, prk, b"info", bytes));
                assert_eq!(mine, of(&|prk| theirs.hkdf_expand(HASH, prk, b"info", bytes)), "{length} {bytes}");
            }
        }
    }

    #[test]
    fn what_either_seals_the_other_opens_and_neither_opens_what_was_changed() {
        let (ours, theirs) = libraries();
        let (key, nonce) = ([3; 32], [4; 12]);
        let sealed = ours.aead_encrypt(AEAD, &key, b"text", &nonce, b"aad").unwrap();
        assert_eq!(sealed, theirs.aead_encrypt(AEAD, &key, b"text", &nonce, b"aad").unwrap());
        assert_eq!(ours.aead_decrypt(AEAD, &key, &sealed, &nonce, b"aad").unwrap(), b"text");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(ours.aead_decrypt(AEAD, &key, &changed, &nonce, b"aad"), Err(CryptoError::AeadDecryptionError));
        }
        assert!(ours.aead_decrypt(AEAD, &key, &sealed, &nonce, b"add").is_err());
        for (key, nonce) in [(&key[..31], &nonce[..]), (&key[..], &nonce[..11]), (&[][..], &[][..])] {
            assert!(ours.aead_encrypt(AEAD, key, b"text", nonce, b"").is_err());
            assert!(ours.aead_decrypt(AEAD, key, &sealed, nonce, b"").is_err());
        }
    }

    #[test]
    fn signatures_are_the_same_and_bad_ones_are_refused() {
        let (ours, theirs) = libraries();
        let seed = [9; 32];
        let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key().to_bytes();
        let signature = ours.sign(SCHEME, b"data", &seed).unwrap();
        assert_eq!(signature, theirs.sign(SCHEME, b"data", &seed).unwrap());
        let mut changed = signature.clone();
        changed[0] ^= 1;
        let short = &signature[..63];
        // The neutral element signs everything, where nobody looks.
        let mut weak = [0; 32];
        weak[0] = 1;
        let mut nothing = vec![0; 64];
        nothing[0] = 1;
        let cases: [(&[u8], &[u8]); 6] = [
            (&public, &signature),
            (&public, &changed),
            (&public, short),
            (&public[..31], &signature),
            (&weak, &nothing),
            (&[], &[]),
        ];
        for (at, (key, signature)) in cases.into_iter().enumerate() {
            let verdict = ours.verify_signature(SCHEME, b"data", key, signature);
            assert_eq!(verdict, theirs.verify_signature(SCHEME, b"data", key, signature), "{at}");
            assert_eq!(verdict.is_ok(), at == 0, "{at}");
        }
    }

    #[test]
    fn hpke_goes_both_ways_with_the_librarys_and_derives_the_same_keys() {
        let (ours, theirs) = libraries();
        let config = || SUITE.hpke_config();
        let pair = ours.derive_hpke_keypair(config(), b"some input key material, long enough").unwrap();
        let same = theirs.derive_hpke_keypair(config(), b"some input key material, long enough").unwrap();
        assert_eq!((&*pair.private, &pair.public), (&*same.private, &same.public));

        let sealed = ours.hpke_seal(config(), &pair.public, b"info", b"aad", b"text").unwrap();
        assert_eq!(theirs.hpke_open(config(), &sealed, &pair.private, b"info", b"aad").unwrap(), b"text");
        let sealed = theirs.hpke_seal(config(), &pair.public, b"info", b"aad", b"text").unwrap();
        assert_eq!(ours.hpke_open(config(), &sealed, &pair.private, b"info", b"aad").unwrap(), b"text");
        assert!(ours.hpke_open(config(), &sealed, &pair.private, b"other", b"aad").is_err());
        let again = ours.hpke_seal(config(), &pair.public, b"info", b"aad", b"text").unwrap();
        assert_ne!(again.kem_output, sealed.kem_output, "an encapsulation is never made twice");

        let (enc, secret) = ours.hpke_setup_sender_and_export(config(), &pair.public, b"info", b"context", 48).unwrap();
        let received = theirs.hpke_setup_receiver_and_export(config(), &enc, &pair.private, b"info", b"context", 48);
        assert_eq!(&*secret, &*received.unwrap());
        let (enc, secret) =
            theirs.hpke_setup_sender_and_export(config(), &pair.public, b"info", b"context", 48).unwrap();
        let received = ours.hpke_setup_receiver_and_export(config(), &enc, &pair.private, b"info", b"context", 48);
        assert_eq!(&*secret, &*received.unwrap());
    }

    #[test]
    fn malformed_keys_and_ciphertexts_are_refused() {
        let ours = SuiteCrypto;
        let config = || SUITE.hpke_config();
        let pair = ours.derive_hpke_keypair(config(), &[1; 32]).unwrap();
        let sealed = ours.hpke_seal(config(), &pair.public, b"", b"", b"text").unwrap();
        for length in [0, 31, 1_215, 1_217] {
            assert!(ours.hpke_seal(config(), &vec![0; length], b"", b"", b"text").is_err());
        }
        for key in [&[][..], &[0; 31], &[0; 33]] {
            assert!(ours.hpke_open(config(), &sealed, key, b"", b"").is_err());
        }
        let cut = HpkeCiphertext { kem_output: vec![0; 1_119].into(), ciphertext: sealed.ciphertext };
        assert!(ours.hpke_open(config(), &cut, &pair.private, b"", b"").is_err());
    }

    #[test]
    fn what_is_not_of_the_suite_is_refused() {
        let ours = SuiteCrypto;
        let other = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;
        assert_eq!(ours.supports(other), Err(CryptoError::UnsupportedCiphersuite));
        assert_eq!(ours.supports(SUITE), Ok(()));
        assert_eq!(ours.supported_ciphersuites(), [SUITE]);
        for hash in [HashType::Sha2_256, HashType::Sha2_512] {
            assert_eq!(ours.hash(hash, b""), Err(CryptoError::UnsupportedHashAlgorithm));
            assert!(ours.hmac(hash, b"k", b"").is_err() && ours.hkdf_extract(hash, b"", b"").is_err());
            assert!(ours.hkdf_expand(hash, &[0; 64], b"", 32).is_err());
        }
        for aead in [AeadType::Aes128Gcm, AeadType::ChaCha20Poly1305] {
            assert!(ours.aead_encrypt(aead, &[0; 32], b"", &[0; 12], b"").is_err());
            assert!(ours.aead_decrypt(aead, &[0; 32], &[0; 16], &[0; 12], b"").is_err());
        }
        assert!(ours.sign(SignatureScheme::ECDSA_SECP256R1_SHA256, b"", &[1; 32]).is_err());
        assert!(ours.verify_signature(SignatureScheme::MLDSA44, b"", &[1; 32], &[0; 64]).is_err());
        assert!(ours.derive_hpke_keypair(other.hpke_config(), &[1; 32]).is_err());
    }
}
