//! A profile's key file and the keyring that may hold its secret.

use crate::db::DatabaseKey;
use crate::key::{KeyError, KeyFile, random};
use crate::profile::{ProfileError, keyring};
use data_encoding::HEXLOWER;

/// Where a new key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the system's keyring where there is one, else in the file.
    KeyringOrFile,
    /// In the file.
    File,
}

/// Makes a new key, kept where `place` says.
pub(super) fn generate(place: Place, passphrase: Option<&str>) -> Result<(KeyFile, DatabaseKey), ProfileError> {
    let key = DatabaseKey::new(random()?);
    let file = KeyFile::new(&key, passphrase)?;
    let entry = HEXLOWER.encode(&random::<8>()?);
    let is_in_keyring =
        place == Place::KeyringOrFile && file.secret().is_some_and(|secret| keyring::store(&entry, secret));
    Ok((if is_in_keyring { file.in_keyring(entry) } else { file }, key))
}

/// The key that a file holds or names.
pub(super) fn open(file: &KeyFile, passphrase: Option<&str>) -> Result<DatabaseKey, ProfileError> {
    let opened = match (file.keyring(), file.secret()) {
        (Some(entry), _) => file.open(&keyring::load(entry)?, passphrase),
        (None, Some(secret)) => file.open(secret, passphrase),
        (None, None) => Err(KeyError::Damaged),
    };
    opened.map_err(Into::into)
}

impl From<KeyError> for ProfileError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Damaged => Self::KeyFile("key.json".into()),
            KeyError::PassphraseNeeded => Self::PassphraseNeeded,
            KeyError::PassphraseWrong => Self::PassphraseWrong,
            KeyError::Random => Self::Random,
        }
    }
}
