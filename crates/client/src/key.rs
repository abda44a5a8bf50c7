//! The database key outside the database: in the clear or wrapped with a passphrase, as JSON.
//!
//! Natively this is `key.json` of a profile ([`crate::profile`]); in a browser it is what the browser's own key seals.

use crate::db::DatabaseKey;
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

/// Why a key file does not give its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It does not parse, or is of a later version.
    #[error("the key file is damaged or newer than this program")]
    Damaged,
    /// The key is wrapped with a passphrase, and none was given.
    #[error("the key is wrapped with a passphrase")]
    PassphraseNeeded,
    /// The passphrase does not unwrap the key.
    #[error("the passphrase is wrong")]
    PassphraseWrong,
    /// The system's randomness failed.
    #[error("the system gives no random numbers")]
    Random,
}

/// The key, or the wrapped key, or where it is.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
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

impl std::fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyFile(secret)")
    }
}

impl KeyFile {
    /// Holds a key, wrapped if there is a passphrase.
    ///
    /// # Errors
    /// [`KeyError::Random`].
    pub fn new(key: &DatabaseKey, passphrase: Option<&str>) -> Result<Self, KeyError> {
        let (argon2id, secret) = match passphrase {
            Some(passphrase) => {
                let salt: [u8; 16] = random()?;
                let wrap = Wrap { salt: HEXLOWER.encode(&salt), memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES };
                let sealed = seal(&*wrap.derive(passphrase).ok_or(KeyError::Random)?, key)?;
                (Some(wrap), Zeroizing::new(sealed))
            }
            None => (None, Zeroizing::new(key.as_bytes().to_vec())),
        };
        Ok(Self { version: VERSION, keyring: None, argon2id, key: Some(SecretText(HEXLOWER.encode(&secret))) })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`KeyError::Damaged`].
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyError> {
        let file: Self = serde_json::from_slice(bytes).map_err(|_| KeyError::Damaged)?;
        let is_whole = file.version == VERSION && file.key.is_some() != file.keyring.is_some();
        if is_whole { Ok(file) } else { Err(KeyError::Damaged) }
    }

    /// The file.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        // Strings and numbers always have a JSON form.
        Zeroizing::new(serde_json::to_vec_pretty(self).unwrap_or_default())
    }

    /// The keyring's entry that holds the text of [`Self::secret`]; none: the file does.
    pub fn keyring(&self) -> Option<&str> {
        self.keyring.as_deref()
    }

    /// The key or the wrapped key in hexadecimal; none where a keyring holds it.
    pub fn secret(&self) -> Option<&str> {
        self.key.as_ref().map(|text| text.0.as_str())
    }

    /// The file without its secret, which a keyring's entry holds from now on.
    #[must_use]
    pub fn in_keyring(self, entry: String) -> Self {
        Self { keyring: Some(entry), key: None, ..self }
    }

    /// The key, from [`Self::secret`] or what a keyring gave in its place.
    ///
    /// # Errors
    /// [`KeyError`] says what is missing.
    pub fn open(&self, secret: &str, passphrase: Option<&str>) -> Result<DatabaseKey, KeyError> {
        let secret = Zeroizing::new(HEXLOWER.decode(secret.as_bytes()).map_err(|_| KeyError::Damaged)?);
        let Some(wrap) = &self.argon2id else {
            return Ok(DatabaseKey::new(secret.as_slice().try_into().map_err(|_| KeyError::Damaged)?));
        };
        let passphrase = passphrase.ok_or(KeyError::PassphraseNeeded)?;
        let wrapping = wrap.derive(passphrase).ok_or(KeyError::Damaged)?;
        if secret.len() != NONCE + 32 + TAG {
            return Err(KeyError::Damaged);
        }
        open(&wrapping, &secret).ok_or(KeyError::PassphraseWrong)
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

/// Random bytes of the system.
///
/// # Errors
/// [`KeyError::Random`].
pub fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| KeyError::Random)?;
    Ok(bytes)
}

fn seal(wrapping: &[u8; 32], key: &DatabaseKey) -> Result<Vec<u8>, KeyError> {
    let nonce: [u8; NONCE] = random()?;
    let sealed = XChaCha20Poly1305::new(&Key::from(*wrapping))
        .encrypt(&XNonce::from(nonce), Payload { msg: key.as_bytes(), aad: AAD })
        .map_err(|_| KeyError::Random)?;
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
        let file = KeyFile::new(&DatabaseKey::new([7; 32]), None).unwrap();
        let text = String::from_utf8(file.encode().to_vec()).unwrap();
        assert!(KeyFile::parse(text.as_bytes()).is_ok());
        for changed in [("\"version\": 1", "\"version\": 2"), ("\"version\": 1", "\"version\": 1, \"x\": 1")] {
            let text = text.replace(changed.0, changed.1);
            assert_eq!(KeyFile::parse(text.as_bytes()).unwrap_err(), KeyError::Damaged);
        }
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

    #[test]
    fn passphrase_opens_the_file_and_nothing_else_does() {
        let key = DatabaseKey::new([7; 32]);
        let file = KeyFile::parse(&KeyFile::new(&key, Some("correct horse")).unwrap().encode()).unwrap();
        let secret = file.secret().unwrap();
        assert_eq!(file.open(secret, Some("correct horse")).unwrap().as_bytes(), key.as_bytes());
        assert_eq!(file.open(secret, Some("battery staple")).unwrap_err(), KeyError::PassphraseWrong);
        assert_eq!(file.open(secret, None).unwrap_err(), KeyError::PassphraseNeeded);
    }
}
