//! A profile: a folder with a lock, a key and a database.
//!
//! | file | holds |
//! |---|---|
//! | `lock` | locked while a program owns the profile; its process id, for the error of the next |
//! | `key.json` | the database key, or where it is; mode 0600 |
//! | `sottovoce.db` | the encrypted database |

mod key;
mod keyring;

pub use key::Place;

use crate::db::{Database, DatabaseError};
use crate::key::KeyFile;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

const LOCK_FILE: &str = "lock";
const KEY_FILE: &str = "key.json";
const DATABASE_FILE: &str = "sottovoce.db";

/// Why a profile does not open.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// There is none in the folder.
    #[error("there is no profile in {}; make one with `new`", .0.display())]
    Missing(PathBuf),
    /// There is one already.
    #[error("there is a profile in {} already; choose another folder with --profile", .0.display())]
    Exists(PathBuf),
    /// Another program owns it.
    #[error(
        "the profile in {} is in use{}; stop that program or choose another folder with --profile",
        folder.display(),
        process.map(|id| format!(" by process {id}")).unwrap_or_default()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The process, if it says so.
        process: Option<u32>,
    },
    /// The key is wrapped with a passphrase, and none was given.
    #[error("this profile has a passphrase; give it in SOTTOVOCE_PASSPHRASE or when asked")]
    PassphraseNeeded,
    /// The passphrase does not unwrap the key.
    #[error("the passphrase is wrong")]
    PassphraseWrong,
    /// The key file does not parse, or is of a later version.
    #[error("the key file {} is damaged or newer than this program: restore it from a copy", .0.display())]
    KeyFile(PathBuf),
    /// The keyring does not give the key.
    #[error("the key of this profile lies in the system's keyring, which {0}: unlock it and try again")]
    Keyring(&'static str),
    /// The file system said no.
    #[error("{}: {error}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// The system's randomness failed.
    #[error("the system gives no random numbers")]
    Random,
    /// The database does not open.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// A folder that this process owns until the value is dropped.
#[derive(Debug)]
pub struct Profile {
    folder: PathBuf,
    _lock: File,
}

impl Profile {
    /// Takes a folder, which is made if it is not there, and makes a profile in it.
    ///
    /// A profile whose making was interrupted before it held an account is begun again by the caller: this returns
    /// its database.
    ///
    /// # Errors
    /// [`ProfileError::Exists`] where there is a database with an account; [`ProfileError::InUse`].
    pub fn create(folder: &Path, place: Place, passphrase: Option<&str>) -> Result<(Self, Database), ProfileError> {
        make_folder(folder)?;
        let profile = Self::lock(folder)?;
        let (key_path, database_path) = (folder.join(KEY_FILE), folder.join(DATABASE_FILE));
        if key_path.exists() && database_path.exists() {
            return Err(ProfileError::Exists(folder.into()));
        }
        // A database without a key file is somebody's loss already; it is not ours to overwrite.
        if database_path.exists() {
            return Err(ProfileError::Exists(folder.into()));
        }
        let (file, key) = key::generate(place, passphrase)?;
        write_private(&key_path, &file.encode())?;
        let database = Database::create(&database_path, &key)?;
        Ok((profile, database))
    }

    /// Takes a folder and opens the profile in it.
    ///
    /// # Errors
    /// [`ProfileError`] says what to do.
    pub fn open(folder: &Path, passphrase: Option<&str>) -> Result<(Self, Database), ProfileError> {
        let (key_path, database_path) = (folder.join(KEY_FILE), folder.join(DATABASE_FILE));
        if !key_path.exists() || !database_path.exists() {
            return Err(ProfileError::Missing(folder.into()));
        }
        let profile = Self::lock(folder)?;
        let text = std::fs::read(&key_path).map_err(|error| ProfileError::File { path: key_path.clone(), error })?;
        let file = KeyFile::parse(&text).map_err(|_| ProfileError::KeyFile(key_path))?;
        let database = Database::open(&database_path, &key::open(&file, passphrase)?)?;
        Ok((profile, database))
    }

    /// Removes what [`Self::create`] made, where the account could not be made after all.
    ///
    /// # Errors
    /// [`ProfileError::File`].
    pub fn discard(self, database: Database) -> Result<(), ProfileError> {
        drop(database);
        for name in [DATABASE_FILE, "sottovoce.db-wal", "sottovoce.db-shm", KEY_FILE] {
            let path = self.folder.join(name);
            match std::fs::remove_file(&path) {
                Ok(()) => (),
                Err(error) if error.kind() == io::ErrorKind::NotFound => (),
                Err(error) => return Err(ProfileError::File { path, error }),
            }
        }
        Ok(())
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn lock(folder: &Path) -> Result<Self, ProfileError> {
        let path = folder.join(LOCK_FILE);
        let failed = |error| ProfileError::File { path: path.clone(), error };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => (),
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Only for the message: whoever holds the lock may be writing just now.
                let _ = file.read_to_string(&mut text);
                return Err(ProfileError::InUse { folder: folder.into(), process: text.trim().parse().ok() });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { folder: folder.into(), _lock: file })
    }
}

fn make_folder(folder: &Path) -> Result<(), ProfileError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| ProfileError::File { path: folder.into(), error })
}

/// Writes a file that only its owner reads, whole or not at all.
fn write_private(path: &Path, bytes: &[u8]) -> Result<(), ProfileError> {
    let temporary = path.with_extension("new");
    let failed = |error| ProfileError::File { path: path.to_path_buf(), error };
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&temporary, path).map_err(failed)?;
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profile_opens_again_and_belongs_to_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        assert!(matches!(Profile::open(&path, None), Err(ProfileError::Missing(_))));
        let first = Profile::create(&path, Place::File, None).unwrap();
        let error = Profile::open(&path, None).unwrap_err();
        let own = std::process::id();
        assert!(matches!(error, ProfileError::InUse { process: Some(id), .. } if id == own), "{error}");
        drop(first);
        assert!(matches!(Profile::create(&path, Place::File, None), Err(ProfileError::Exists(_))));
        Profile::open(&path, None).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn key_file_and_folder_are_the_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profile");
        Profile::create(&path, Place::File, None).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&path.join(KEY_FILE)), 0o600);
    }

    #[test]
    fn passphrase_opens_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profile");
        drop(Profile::create(&path, Place::File, Some("correct horse")).unwrap());
        assert!(matches!(Profile::open(&path, None), Err(ProfileError::PassphraseNeeded)));
        assert!(matches!(Profile::open(&path, Some("battery staple")), Err(ProfileError::PassphraseWrong)));
        Profile::open(&path, Some("correct horse")).unwrap();
    }

    #[test]
    fn damaged_key_file_is_a_typed_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profile");
        drop(Profile::create(&path, Place::File, None).unwrap());
        let whole = std::fs::read(path.join(KEY_FILE)).unwrap();
        for damaged in [b"".to_vec(), b"{}".to_vec(), whole[..whole.len() / 2].to_vec(), vec![0xff; 64]] {
            std::fs::write(path.join(KEY_FILE), damaged).unwrap();
            assert!(matches!(Profile::open(&path, None), Err(ProfileError::KeyFile(_))));
        }
        std::fs::write(path.join(KEY_FILE), whole).unwrap();
        Profile::open(&path, None).unwrap();
    }

    #[test]
    fn discarded_profile_can_be_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let (profile, database) = Profile::create(folder.path(), Place::File, None).unwrap();
        profile.discard(database).unwrap();
        Profile::create(folder.path(), Place::File, None).unwrap();
    }
}
