//! Cipher suites of RFC 9605 s.4.5, and how keys, salts and nonces are derived (s.4.4.2, s.4.4.3).

use super::header::HEADER_BYTES_MAX;
use super::{METADATA_BYTES_MAX, Misuse};
use aes::Aes128;
use aes::cipher::{KeyIvInit, StreamCipher};
use aes_gcm::aead::AeadInPlace;
use aes_gcm::{Aes128Gcm, Aes256Gcm, KeyInit, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac};
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// The label of the MLS exporter whose value is an epoch's base key; its context is empty (s.5.2).
pub const EXPORTER_LABEL: &str = "SFrame 1.0 Base Key";

const KEY_LABEL: &[u8] = b"SFrame 1.0 Secret key ";
const SALT_LABEL: &[u8] = b"SFrame 1.0 Secret salt ";
/// N_n of every suite.
const NONCE_BYTES: usize = 12;
/// N_t at most.
pub(super) const TAG_BYTES_MAX: usize = 16;
const AES_CTR_KEY_BYTES: usize = 16;
const KEY_BYTES_MAX: usize = 48;

/// A cipher suite; the number is IANA's. Calls of this project use [`Suite::Aes256Gcm`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Suite {
    /// AES_128_CTR_HMAC_SHA256_80
    Aes128CtrTag80 = 1,
    /// AES_128_CTR_HMAC_SHA256_64
    Aes128CtrTag64 = 2,
    /// AES_128_CTR_HMAC_SHA256_32
    Aes128CtrTag32 = 3,
    /// AES_128_GCM_SHA256_128
    Aes128Gcm = 4,
    /// AES_256_GCM_SHA512_128
    Aes256Gcm = 5,
}

impl Suite {
    /// N_k: bytes of a key, and of the base key that MLS exports.
    pub const fn key_bytes(self) -> usize {
        match self {
            Self::Aes128CtrTag80 | Self::Aes128CtrTag64 | Self::Aes128CtrTag32 => KEY_BYTES_MAX,
            Self::Aes128Gcm => 16,
            Self::Aes256Gcm => 32,
        }
    }

    /// N_t: bytes of a tag.
    pub const fn tag_bytes(self) -> usize {
        match self {
            Self::Aes128CtrTag80 => 10,
            Self::Aes128CtrTag64 => 8,
            Self::Aes128CtrTag32 => 4,
            Self::Aes128Gcm | Self::Aes256Gcm => 16,
        }
    }
}

/// An epoch's base key. Erased on drop.
pub struct BaseKey {
    suite: Suite,
    bytes: Zeroizing<Vec<u8>>,
}

impl BaseKey {
    /// What MLS exported with [`EXPORTER_LABEL`] and no context.
    ///
    /// # Errors
    /// `KeyBytes` if it has not [`Suite::key_bytes`] bytes.
    pub fn new(suite: Suite, bytes: &[u8]) -> Result<Self, Misuse> {
        if bytes.len() != suite.key_bytes() {
            return Err(Misuse::KeyBytes { expected: suite.key_bytes(), found: bytes.len() });
        }
        Ok(Self { suite, bytes: Zeroizing::new(bytes.to_vec()) })
    }

    /// Its suite.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    pub(super) fn secret(&self) -> Secret {
        Secret::extract(self.suite, &self.bytes)
    }
}

impl std::fmt::Debug for BaseKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("BaseKey").field("suite", &self.suite).finish_non_exhaustive()
    }
}

/// `sframe_secret`: what the keys of an epoch are expanded from.
pub(super) struct Secret {
    suite: Suite,
    /// The pseudorandom key of the suite's hash.
    prk: Zeroizing<Vec<u8>>,
}

impl Secret {
    fn extract(suite: Suite, base_key: &[u8]) -> Self {
        let prk = match suite {
            Suite::Aes256Gcm => Hkdf::<Sha512>::extract(None, base_key).0.to_vec(),
            _ => Hkdf::<Sha256>::extract(None, base_key).0.to_vec(),
        };
        Self { suite, prk: Zeroizing::new(prk) }
    }

    fn expand(&self, label: &[u8], key_id: u64, output: &mut [u8]) {
        let info = [label, &key_id.to_be_bytes(), &(self.suite as u16).to_be_bytes()];
        let expanded = match self.suite {
            Suite::Aes256Gcm => Hkdf::<Sha512>::from_prk(&self.prk)
                .map_err(|_| ())
                .and_then(|hkdf| hkdf.expand_multi_info(&info, output).map_err(|_| ())),
            _ => Hkdf::<Sha256>::from_prk(&self.prk)
                .map_err(|_| ())
                .and_then(|hkdf| hkdf.expand_multi_info(&info, output).map_err(|_| ())),
        };
        expanded.expect("the secret is as long as its hash, and no key longer than 255 hashes");
    }

    /// `sframe_key` and `sframe_salt` of a KID.
    pub(super) fn derive_stream_key(&self, key_id: u64) -> StreamKey {
        let mut key = Zeroizing::new([0_u8; KEY_BYTES_MAX]);
        let key = &mut key[..self.suite.key_bytes()];
        self.expand(KEY_LABEL, key_id, key);
        let mut salt = [0; NONCE_BYTES];
        self.expand(SALT_LABEL, key_id, &mut salt);
        StreamKey { cipher: Cipher::new(self.suite, key), salt }
    }
}

/// The key and salt of one KID.
pub(super) struct StreamKey {
    cipher: Cipher,
    salt: [u8; NONCE_BYTES],
}

enum Cipher {
    Ctr { encryption: Zeroizing<[u8; AES_CTR_KEY_BYTES]>, authentication: Zeroizing<[u8; 32]>, tag_bytes: usize },
    Gcm128(Box<Aes128Gcm>),
    Gcm256(Box<Aes256Gcm>),
}

/// A tag that is not that of the frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WrongTag;

/// What is authenticated beside the ciphertext: header ‖ metadata.
pub(super) struct Aad {
    bytes: [u8; HEADER_BYTES_MAX + METADATA_BYTES_MAX],
    length: usize,
}

impl Aad {
    /// `None` over [`METADATA_BYTES_MAX`].
    pub(super) fn new(header: &[u8], metadata: &[u8]) -> Option<Self> {
        if header.len() > HEADER_BYTES_MAX || metadata.len() > METADATA_BYTES_MAX {
            return None;
        }
        let length = header.len() + metadata.len();
        let mut bytes = [0; HEADER_BYTES_MAX + METADATA_BYTES_MAX];
        bytes[..header.len()].copy_from_slice(header);
        bytes[header.len()..length].copy_from_slice(metadata);
        Some(Self { bytes, length })
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Cipher {
    fn new(suite: Suite, key: &[u8]) -> Self {
        const CHECKED: &str = "the slice is as long as the suite's key";
        match suite {
            Suite::Aes128CtrTag80 | Suite::Aes128CtrTag64 | Suite::Aes128CtrTag32 => {
                let (encryption, authentication) = key.split_at(AES_CTR_KEY_BYTES);
                Self::Ctr {
                    encryption: Zeroizing::new(encryption.try_into().expect(CHECKED)),
                    authentication: Zeroizing::new(authentication.try_into().expect(CHECKED)),
                    tag_bytes: suite.tag_bytes(),
                }
            }
            Suite::Aes128Gcm => Self::Gcm128(Box::new(Aes128Gcm::new_from_slice(key).expect(CHECKED))),
            Suite::Aes256Gcm => Self::Gcm256(Box::new(Aes256Gcm::new_from_slice(key).expect(CHECKED))),
        }
    }

    /// Encrypts in place; the tag's bytes, and how many of them count.
    fn seal(&self, nonce: &[u8; NONCE_BYTES], aad: &[u8], buffer: &mut [u8]) -> ([u8; TAG_BYTES_MAX], usize) {
        const SHORT: &str = "a frame is shorter than 2^36 bytes";
        let nonce_gcm = Nonce::from_slice(nonce);
        match self {
            Self::Ctr { encryption, authentication, tag_bytes } => {
                apply_ctr(encryption, nonce, buffer);
                let mac = ctr_mac(authentication, *tag_bytes, nonce, aad, buffer);
                let mut tag = [0; TAG_BYTES_MAX];
                tag[..*tag_bytes].copy_from_slice(&mac[..*tag_bytes]);
                (tag, *tag_bytes)
            }
            Self::Gcm128(gcm) => {
                (gcm.encrypt_in_place_detached(nonce_gcm, aad, buffer).expect(SHORT).into(), TAG_BYTES_MAX)
            }
            Self::Gcm256(gcm) => {
                (gcm.encrypt_in_place_detached(nonce_gcm, aad, buffer).expect(SHORT).into(), TAG_BYTES_MAX)
            }
        }
    }

    /// Decrypts in place, once the tag is found right; else the buffer stays as it is.
    fn open(&self, nonce: &[u8; NONCE_BYTES], aad: &[u8], buffer: &mut [u8], tag: &[u8]) -> Result<(), WrongTag> {
        let nonce_gcm = Nonce::from_slice(nonce);
        match self {
            Self::Ctr { encryption, authentication, tag_bytes } => {
                let mac = ctr_mac(authentication, *tag_bytes, nonce, aad, buffer);
                if !bool::from(mac[..*tag_bytes].ct_eq(tag)) {
                    return Err(WrongTag);
                }
                apply_ctr(encryption, nonce, buffer);
                Ok(())
            }
            Self::Gcm128(gcm) => {
                let tag: [u8; TAG_BYTES_MAX] = tag.try_into().map_err(|_| WrongTag)?;
                gcm.decrypt_in_place_detached(nonce_gcm, aad, buffer, &tag.into()).map_err(|_| WrongTag)
            }
            Self::Gcm256(gcm) => {
                let tag: [u8; TAG_BYTES_MAX] = tag.try_into().map_err(|_| WrongTag)?;
                gcm.decrypt_in_place_detached(nonce_gcm, aad, buffer, &tag.into()).map_err(|_| WrongTag)
            }
        }
    }
}

impl StreamKey {
    /// The salt, with the counter in its last eight bytes (s.4.4.3: salt XOR CTR).
    fn nonce(&self, counter: u64) -> [u8; NONCE_BYTES] {
        let mut nonce = self.salt;
        for (byte, counter) in nonce[NONCE_BYTES - 8..].iter_mut().zip(counter.to_be_bytes()) {
            *byte ^= counter;
        }
        nonce
    }

    /// Encrypts in place; the tag's bytes, and how many of them count.
    pub(super) fn seal(&self, counter: u64, aad: &Aad, buffer: &mut [u8]) -> ([u8; TAG_BYTES_MAX], usize) {
        self.cipher.seal(&self.nonce(counter), aad.as_bytes(), buffer)
    }

    /// Decrypts in place.
    pub(super) fn open(&self, counter: u64, aad: &Aad, buffer: &mut [u8], tag: &[u8]) -> Result<(), WrongTag> {
        self.cipher.open(&self.nonce(counter), aad.as_bytes(), buffer, tag)
    }
}

impl Drop for StreamKey {
    fn drop(&mut self) {
        self.salt.zeroize();
    }
}

/// AES-CTR with the initial counter nonce ‖ 0 (s.4.5.1).
fn apply_ctr(key: &[u8; AES_CTR_KEY_BYTES], nonce: &[u8; NONCE_BYTES], buffer: &mut [u8]) {
    let mut counter = [0; 16];
    counter[..NONCE_BYTES].copy_from_slice(nonce);
    ctr::Ctr32BE::<Aes128>::new(key.into(), &counter.into()).apply_keystream(buffer);
}

/// HMAC over the three lengths, nonce, associated data and ciphertext (s.4.5.1).
fn ctr_mac(key: &[u8; 32], tag_bytes: usize, nonce: &[u8; NONCE_BYTES], aad: &[u8], ciphertext: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    for length in [aad.len(), ciphertext.len(), tag_bytes] {
        mac.update(&(length as u64).to_be_bytes());
    }
    mac.update(nonce);
    mac.update(aad);
    mac.update(ciphertext);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::super::Header;
    use super::*;
    use data_encoding::HEXLOWER;
    use serde_json::Value;

    fn vectors(name: &str) -> Vec<Value> {
        let vectors: Value = serde_json::from_str(include_str!("../../vectors/rfc9605.json")).unwrap();
        vectors[name].as_array().unwrap().clone()
    }

    fn bytes(vector: &Value, name: &str) -> Vec<u8> {
        HEXLOWER.decode(vector[name].as_str().unwrap().as_bytes()).unwrap()
    }

    fn suite(vector: &Value) -> Suite {
        use Suite::{Aes128CtrTag32, Aes128CtrTag64, Aes128CtrTag80, Aes128Gcm, Aes256Gcm};
        let number = vector["cipher_suite"].as_u64().unwrap();
        *[Aes128CtrTag80, Aes128CtrTag64, Aes128CtrTag32, Aes128Gcm, Aes256Gcm]
            .iter()
            .find(|suite| **suite as u64 == number)
            .unwrap()
    }

    #[test]
    fn vectors_of_rfc_9605_appendix_c_2() {
        let vectors = vectors("aes_ctr_hmac");
        assert_eq!(vectors.len(), 3);
        for vector in vectors {
            let suite = suite(&vector);
            let cipher = Cipher::new(suite, &bytes(&vector, "key"));
            let nonce = bytes(&vector, "nonce").try_into().unwrap();
            let (aad, plaintext, sealed) = (bytes(&vector, "aad"), bytes(&vector, "pt"), bytes(&vector, "ct"));
            let mut buffer = plaintext.clone();
            let (tag, tag_bytes) = cipher.seal(&nonce, &aad, &mut buffer);
            assert_eq!([&buffer, &tag[..tag_bytes]].concat(), sealed, "{suite:?}");
            cipher.open(&nonce, &aad, &mut buffer, &tag[..tag_bytes]).unwrap();
            assert_eq!(buffer, plaintext);
        }
    }

    #[test]
    fn vectors_of_rfc_9605_appendix_c_3() {
        let vectors = vectors("sframe");
        assert_eq!(vectors.len(), 5);
        for vector in vectors {
            let suite = suite(&vector);
            let key_id = vector["kid"].as_u64().unwrap();
            let counter = vector["ctr"].as_u64().unwrap();
            let secret = Secret::extract(suite, &bytes(&vector, "base_key"));
            assert_eq!(*secret.prk, bytes(&vector, "sframe_secret"));
            let mut key = vec![0; suite.key_bytes()];
            secret.expand(KEY_LABEL, key_id, &mut key);
            assert_eq!(key, bytes(&vector, "sframe_key"));
            let key = secret.derive_stream_key(key_id);
            assert_eq!(key.salt.to_vec(), bytes(&vector, "sframe_salt"));
            assert_eq!(key.nonce(counter).to_vec(), bytes(&vector, "nonce"));
            let header = Header { key_id, counter }.encode();
            let aad = Aad::new(header.as_bytes(), &bytes(&vector, "metadata")).unwrap();
            assert_eq!(aad.as_bytes(), bytes(&vector, "aad"));
            let plaintext = bytes(&vector, "pt");
            let mut buffer = plaintext.clone();
            let (tag, tag_bytes) = key.seal(counter, &aad, &mut buffer);
            let sealed = [header.as_bytes(), &buffer, &tag[..tag_bytes]].concat();
            assert_eq!(sealed, bytes(&vector, "ct"), "{suite:?}");
            key.open(counter, &aad, &mut buffer, &tag[..tag_bytes]).unwrap();
            assert_eq!(buffer, plaintext);
        }
    }

    #[test]
    fn a_changed_bit_anywhere_is_found_and_nothing_is_decrypted() {
        for suite in [Suite::Aes128CtrTag80, Suite::Aes128CtrTag32, Suite::Aes128Gcm, Suite::Aes256Gcm] {
            let key = BaseKey::new(suite, &vec![7; suite.key_bytes()]).unwrap().secret().derive_stream_key(9);
            let aad = Aad::new(&[1, 2], &[3]).unwrap();
            let mut sealed = *b"a frame";
            let (tag, tag_bytes) = key.seal(5, &aad, &mut sealed);
            let tag = &tag[..tag_bytes];
            assert_eq!(tag_bytes, suite.tag_bytes());
            for bit in 0..sealed.len() * 8 {
                let mut changed = sealed;
                changed[bit / 8] ^= 1 << (bit % 8);
                let before = changed;
                assert_eq!(key.open(5, &aad, &mut changed, tag), Err(WrongTag));
                assert_eq!(changed, before);
            }
            assert_eq!(key.open(6, &aad, &mut sealed.clone(), tag), Err(WrongTag), "another counter");
            let other = Aad::new(&[1, 2], &[4]).unwrap();
            assert_eq!(key.open(5, &other, &mut sealed.clone(), tag), Err(WrongTag), "other metadata");
            assert_eq!(key.open(5, &aad, &mut sealed.clone(), &tag[1..]), Err(WrongTag), "a shorter tag");
            assert_eq!(key.open(5, &aad, &mut sealed, tag), Ok(()));
            assert_eq!(&sealed, b"a frame");
        }
    }

    #[test]
    fn a_base_key_of_another_length_is_refused() {
        assert_eq!(BaseKey::new(Suite::Aes256Gcm, &[0; 16]).unwrap_err(), Misuse::KeyBytes { expected: 32, found: 16 });
        assert!(!format!("{:?}", BaseKey::new(Suite::Aes256Gcm, &[0x5A; 32]).unwrap()).contains("90"));
    }
}
