//! The database key: 32 random bytes, in the keyring or in a file, perhaps wrapped with a passphrase.

use crate::db::DatabaseKey;
use crate::profile::{ProfileError, keyring};
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const VERSION: u32 = 1;
const AAD: &[u8] = b"sottovoce database key 1";
const NONCE: usize = 24;
const TAG: usize = 16;
/// Argon2id: 64 MiB, three passes, four lanes (RFC 9106 s.4, second choice).
const MEMORY_KIB: u32 = 64 << 10;
const PASSES: u32 = 3;
const LANES: u32 = 4;
/// A key file that asks for more was not written here: 1 GiB.
const MEMORY_KIB_MAX: u32 = 1 << 20;
const PASSES_MAX: u32 = 64;
const LANES_MAX: u32 = 64;

/// Where a new key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the system's keyring where there is one, else in the file.
    KeyringOrFile,
    /// In the file.
    File,
}

/// What `key.json` says.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyFile {
    version: u32,
    /// The keyring's entry; none: the key is here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keyring: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    argon2id: Option<Wrap>,
    /// The key or the wrapped key in hexadecimal; none in a keyring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<SecretText>,
}

/// Wiped when it is dropped.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
struct SecretText(String);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrap {
    salt: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl KeyFile {
    /// A new key, kept where `place` says.
    pub(super) fn generate(place: Place, passphrase: Option<&str>) -> Result<(Self, DatabaseKey), ProfileError> {
        let key = DatabaseKey::new(random()?);
        let (argon2id, secret) = match passphrase {
            Some(passphrase) => {
                let salt: [u8; 16] = random()?;
                let wrap = Wrap { salt: HEXLOWER.encode(&salt), memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES };
                let sealed = seal(&*wrap.derive(passphrase).ok_or(ProfileError::Random)?, &key)?;
                (Some(wrap), Zeroizing::new(sealed))
            }
            None => (None, Zeroizing::new(key.as_bytes().to_vec())),
        };
        let text = Zeroizing::new(HEXLOWER.encode(&secret));
        let entry = HEXLOWER.encode(&random::<8>()?);
        let is_in_keyring = place == Place::KeyringOrFile && keyring::store(&entry, &text);
        let file = if is_in_keyring {
            Self { version: VERSION, keyring: Some(entry), argon2id, key: None }
        } else {
            Self { version: VERSION, keyring: None, argon2id, key: Some(SecretText(text.to_string())) }
        };
        Ok((file, key))
    }

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let file: Self = serde_json::from_slice(bytes).ok()?;
        (file.version == VERSION && file.key.is_some() != file.keyring.is_some()).then_some(file)
    }

    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        // Strings and numbers always have a JSON form.
        Zeroizing::new(serde_json::to_vec_pretty(self).unwrap_or_default())
    }

    /// The key.
    pub(super) fn unwrap(&self, passphrase: Option<&str>) -> Result<DatabaseKey, ProfileError> {
        let damaged = || ProfileError::KeyFile("key.json".into());
        let text = match (&self.keyring, &self.key) {
            (Some(entry), _) => keyring::load(entry)?,
            (None, Some(text)) => Zeroizing::new(text.0.clone()),
            (None, None) => return Err(damaged()),
        };
        let secret = Zeroizing::new(HEXLOWER.decode(text.as_bytes()).map_err(|_| damaged())?);
        let Some(wrap) = &self.argon2id else {
            return Ok(DatabaseKey::new(secret.as_slice().try_into().map_err(|_| damaged())?));
        };
        let passphrase = passphrase.ok_or(ProfileError::PassphraseNeeded)?;
        let wrapping = wrap.derive(passphrase).ok_or_else(damaged)?;
        if secret.len() != NONCE + 32 + TAG {
            return Err(damaged());
        }
        open(&wrapping, &secret).ok_or(ProfileError::PassphraseWrong)
    }
}

impl Wrap {
    /// The wrapping key; none where the file asks for what is never written.
    fn derive(&self, passphrase: &str) -> Option<Zeroizing<[u8; 32]>> {
        let salt = HEXLOWER.decode(self.salt.as_bytes()).ok().filter(|salt| salt.len() == 16)?;
        if self.memory_kib > MEMORY_KIB_MAX || self.passes > PASSES_MAX || self.lanes > LANES_MAX {
            return None;
        }
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).ok()?;
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), &salt, key.as_mut())
            .ok()?;
        Some(key)
    }
}

fn random<const N: usize>() -> Result<[u8; N], ProfileError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| ProfileError::Random)?;
    Ok(bytes)
}

fn seal(wrapping: &[u8; 32], key: &DatabaseKey) -> Result<Vec<u8>, ProfileError> {
    let nonce: [u8; NONCE] = random()?;
    let sealed = XChaCha20Poly1305::new(&Key::from(*wrapping))
        .encrypt(&XNonce::from(nonce), Payload { msg: key.as_bytes(), aad: AAD })
        .map_err(|_| ProfileError::Random)?;
    Ok([nonce.as_slice(), &sealed].concat())
}

fn open(wrapping: &[u8; 32], secret: &[u8]) -> Option<DatabaseKey> {
    let (nonce, sealed) = secret.split_first_chunk::<NONCE>()?;
    let key = XChaCha20Poly1305::new(&Key::from(*wrapping))
        .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: AAD })
        .ok()?;
    Some(DatabaseKey::new(Zeroizing::new(key).as_slice().try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_of_a_later_version_or_with_more_fields_is_refused() {
        let (file, _) = KeyFile::generate(Place::File, None).unwrap();
        let text = String::from_utf8(file.encode().to_vec()).unwrap();
        assert!(KeyFile::parse(text.as_bytes()).is_some());
        assert!(KeyFile::parse(text.replace("\"version\": 1", "\"version\": 2").as_bytes()).is_none());
        assert!(KeyFile::parse(text.replace("\"version\": 1", "\"version\": 1, \"x\": 1").as_bytes()).is_none());
    }

    #[test]
    fn cost_is_taken_at_the_limit_and_refused_past_it() {
        let wrap = |memory_kib, passes, lanes| Wrap { salt: "00".repeat(16), memory_kib, passes, lanes };
        assert!(wrap(64, PASSES_MAX, 1).derive("x").is_some());
        assert!(wrap(64, PASSES_MAX + 1, 1).derive("x").is_none());
        assert!(wrap(8 * LANES_MAX, 1, LANES_MAX).derive("x").is_some());
        assert!(wrap(8 * (LANES_MAX + 1), 1, LANES_MAX + 1).derive("x").is_none());
        assert!(wrap(MEMORY_KIB_MAX + 1, 1, 1).derive("x").is_none());
    }
}
