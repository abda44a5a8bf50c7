//! The data folder: one process at a time, and the node's key.

use crate::push::vapid::PushKey;
use anyhow::{Context as _, bail};
use ed25519_dalek::SigningKey;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const LOCK: &str = "node.lock";
const KEY: &str = "node.key";
const PUSH_KEY: &str = "push.key";

/// A data folder that is ours while this lives.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if need be and locks it.
    ///
    /// # Errors
    /// Says that another process uses it, or what the system refused.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("cannot make the data folder {}", path.display()))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join(LOCK))
            .with_context(|| format!("cannot write in the data folder {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.into(), _lock: lock }),
            Err(TryLockError::WouldBlock) => bail!("another process uses the data folder {}", path.display()),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock the data folder {}", path.display()))
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The node's key, made at the first start; readable by its owner alone.
    ///
    /// # Errors
    /// If it cannot be read or made. A damaged one is never replaced: clients know the node by it.
    pub fn key(&self) -> anyhow::Result<SigningKey> {
        let path = self.path.join(KEY);
        if !path.exists() {
            self.make_key(&path, seed).with_context(|| format!("cannot make the node's key {}", path.display()))?;
        }
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read the node's key {}", path.display()))?;
        let Ok(seed) = <[u8; 32]>::try_from(bytes.as_slice()) else {
            bail!("the node's key {} is damaged: restore it from a backup", path.display());
        };
        Ok(SigningKey::from_bytes(&seed))
    }

    /// The key by which push services know the node, made at the first start.
    ///
    /// # Errors
    /// If it cannot be read or made. A damaged one is never replaced: subscriptions are bound to it.
    pub fn push_key(&self, contact: Option<String>) -> anyhow::Result<PushKey> {
        let path = self.path.join(PUSH_KEY);
        if !path.exists() {
            let made = self.make_key(&path, PushKey::generate);
            made.with_context(|| format!("cannot make the push key {}", path.display()))?;
        }
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read the push key {}", path.display()))?;
        PushKey::parse(&bytes, contact).with_context(|| format!("restore {} from a backup", path.display()))
    }

    fn make_key(&self, path: &Path, make: fn() -> anyhow::Result<Vec<u8>>) -> anyhow::Result<()> {
        let key = make()?;
        let new = path.with_extension("new");
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
        file.write_all(&key)?;
        file.sync_all()?;
        std::fs::rename(&new, path)?;
        // The name must survive a power cut too: receipts will be signed with this key.
        File::open(&self.path)?.sync_all()?;
        Ok(())
    }
}

fn seed() -> anyhow::Result<Vec<u8>> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(seed.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn push_key_is_made_once_and_a_damaged_one_is_not_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || Folder::open(folder.path()).expect("opened").push_key(None);
        assert_eq!(open().expect("a key").public(), open().expect("a key").public());
        let path = folder.path().join(PUSH_KEY);
        assert_eq!(std::fs::metadata(&path).expect("the key").permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, b"short").expect("written");
        assert!(format!("{:#}", open().err().expect("damaged")).contains("damaged"));
        assert_eq!(std::fs::read(&path).expect("kept"), b"short");
    }

    #[test]
    fn key_is_made_once_and_readable_by_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("data");
        let first = Folder::open(&path).expect("opened").key().expect("a key");
        let second = Folder::open(&path).expect("opened").key().expect("a key");
        assert_eq!(first.to_bytes(), second.to_bytes());
        let mode = std::fs::metadata(path.join(KEY)).expect("the key").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(path.join(KEY), b"short").expect("written");
        let error = Folder::open(&path).expect("opened").key().expect_err("damaged");
        assert!(error.to_string().contains("damaged"), "{error}");
    }

    #[test]
    fn folder_in_use_is_refused_with_a_clear_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let held = Folder::open(folder.path()).expect("opened");
        let error = Folder::open(folder.path()).expect_err("in use");
        assert!(error.to_string().contains("another process uses the data folder"), "{error}");
        drop(held);
        Folder::open(folder.path()).expect("free again");
    }
}
