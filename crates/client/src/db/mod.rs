//! One encrypted SQLite file: opening, transactions, and what goes wrong, by blame.
//!
//! The database has one writer, the engine. Every inbound cell and every intent is one transaction
//! ([`Database::write`]); what arrives in one batch shares a transaction, each part in a savepoint of its own
//! ([`savepoint`]), so that one bad part costs only itself.

mod kv;
mod schema;

pub use kv::KvStore;
pub use schema::SCHEMA_VERSION;
#[cfg(target_arch = "wasm32")]
pub use sqlite::opfs;

use sqlite::rusqlite::{self, Connection, ErrorCode, OpenFlags, TransactionBehavior};
#[cfg(not(target_arch = "wasm32"))]
use std::path::Path;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Prepared statements kept; more than the crate has.
const STATEMENTS_KEPT: usize = 128;
/// The smallest page that SQLite knows.
#[cfg(not(target_arch = "wasm32"))]
const PAGE_BYTES_MIN: u64 = 512;
/// "Stvc": marks the file as ours once it is decrypted.
const APPLICATION_ID: i64 = 0x5374_7663;

/// The database's name in a browser.
#[cfg(target_arch = "wasm32")]
const OPFS_NAME: &str = "sottovoce.db";

/// The key of a database, 32 random bytes.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DatabaseKey([u8; 32]);

impl DatabaseKey {
    /// Takes 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be wrapped or put into a keyring.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for DatabaseKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DatabaseKey(secret)")
    }
}

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// There is none at this place.
    #[error("there is no database here")]
    Missing,
    /// There is one already.
    #[error("there is a database here already")]
    Exists,
    /// The first page does not open.
    #[error("the database does not open: the key is another one, or the file is damaged; restore it from a copy")]
    WrongKey,
    /// Written by a later version of this program.
    #[error("the database has schema {found}, this version knows {supported}: install the newer version again")]
    Newer {
        /// The schema found.
        found: i64,
        /// The latest schema known here.
        supported: i64,
    },
    /// A page does not authenticate, or the tree is broken.
    #[error("the database is damaged; restore it from a copy, or recover the account with its 24 words")]
    Corrupt,
    /// Another connection holds it.
    #[error("the database is in use by another program")]
    Busy,
    /// The disk has no room left.
    #[error("the disk is full: make room and try again")]
    DiskFull,
    /// A stored value is not what this version writes.
    #[error("a stored {0} does not parse")]
    Value(&'static str),
    /// Anything else that the engine says; names no stored value.
    #[error("database: {0}")]
    Engine(String),
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::WrongKey,
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            // A browser without room writes less than it was given: the pool's VFS knows no better word for that.
            Some(ErrorCode::SystemIoFailure) if is_failed_write(&error) => Self::DiskFull,
            Some(ErrorCode::CannotOpen) => Self::Missing,
            Some(code) => Self::Engine(format!("{code:?}")),
            // The other variants may quote a value or a statement's text: the name is enough.
            None => Self::Engine(variant_name(&error).into()),
        }
    }
}

/// Whether a write, a flush or a change of a file's length failed, in a browser: natively a full disk says so itself.
fn is_failed_write(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_IOERR_FSYNC, SQLITE_IOERR_TRUNCATE, SQLITE_IOERR_WRITE};
    cfg!(target_arch = "wasm32")
        && error.sqlite_error().is_some_and(|error| {
            [SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC, SQLITE_IOERR_TRUNCATE].contains(&error.extended_code)
        })
}

fn variant_name(error: &rusqlite::Error) -> &'static str {
    match error {
        rusqlite::Error::QueryReturnedNoRows => "no row",
        rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..) => "type of a column",
        rusqlite::Error::IntegralValueOutOfRange(..) => "number out of range",
        _ => "unexpected answer",
    }
}

/// The encrypted database of one profile.
pub struct Database {
    connection: Connection,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Database(..)")
    }
}

impl Database {
    /// Makes a new database at a place where there is none.
    ///
    /// # Errors
    /// [`DatabaseError::Exists`] where there is a file; the file is untouched.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn create(path: &Path, key: &DatabaseKey) -> Result<Self, DatabaseError> {
        if path.exists() {
            return Err(DatabaseError::Exists);
        }
        Self::connect(Connection::open_with_flags(path, flags() | OpenFlags::SQLITE_OPEN_CREATE)?, key)
    }

    /// Opens the database and brings its schema up to date.
    ///
    /// # Errors
    /// [`DatabaseError::Missing`], [`DatabaseError::WrongKey`], [`DatabaseError::Newer`], [`DatabaseError::Corrupt`];
    /// the file is as it was.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open(path: &Path, key: &DatabaseKey) -> Result<Self, DatabaseError> {
        // SQLite takes a file without a whole page for a new database.
        if std::fs::metadata(path).is_ok_and(|file| file.len() < PAGE_BYTES_MIN) {
            return Err(DatabaseError::Corrupt);
        }
        Self::connect(Connection::open_with_flags(path, flags())?, key)
    }

    /// Makes a new database among the files of a browser's worker.
    ///
    /// # Errors
    /// [`DatabaseError::Exists`] where there is one.
    #[cfg(target_arch = "wasm32")]
    pub fn create_in(pool: &opfs::Pool, key: &DatabaseKey) -> Result<Self, DatabaseError> {
        if Self::is_in(pool)? {
            return Err(DatabaseError::Exists);
        }
        Self::connect(
            Connection::open_with_flags_and_vfs(OPFS_NAME, flags() | OpenFlags::SQLITE_OPEN_CREATE, opfs::VFS)?,
            key,
        )
    }

    /// Opens the database among the files of a browser's worker and brings its schema up to date.
    ///
    /// # Errors
    /// As [`Self::open`].
    #[cfg(target_arch = "wasm32")]
    pub fn open_in(pool: &opfs::Pool, key: &DatabaseKey) -> Result<Self, DatabaseError> {
        if !Self::is_in(pool)? {
            return Err(DatabaseError::Missing);
        }
        Self::connect(Connection::open_with_flags_and_vfs(OPFS_NAME, flags(), opfs::VFS)?, key)
    }

    /// Whether there is a database among the files of a browser's worker.
    ///
    /// # Errors
    /// [`DatabaseError::Engine`] while the files are not held.
    #[cfg(target_arch = "wasm32")]
    pub fn is_in(pool: &opfs::Pool) -> Result<bool, DatabaseError> {
        pool.has(OPFS_NAME).map_err(|error| DatabaseError::Engine(error.to_string()))
    }

    /// Makes a database in memory, for tests and simulations, and where a browser gives no storage.
    ///
    /// # Errors
    /// What the engine says.
    pub fn in_memory() -> Result<Self, DatabaseError> {
        Self::prepare(Connection::open_in_memory_with_flags(flags())?)
    }

    fn connect(connection: Connection, key: &DatabaseKey) -> Result<Self, DatabaseError> {
        set_key(&connection, key)?;
        Self::prepare(connection)
    }

    fn prepare(connection: Connection) -> Result<Self, DatabaseError> {
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        // One program owns the file: no shared memory file, and a second one is refused. Said before anything is read:
        // in a browser there is no shared memory, and a log that a killed worker left is to be read without it.
        connection.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |_| Ok(()))?;
        // The first read decrypts the first page: here a wrong key shows.
        let _: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        for pragma in [
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            // Pages: one that is written again and again is moved to the file less often.
            "PRAGMA wal_autocheckpoint = 4000",
            "PRAGMA secure_delete = ON",
            "PRAGMA foreign_keys = ON",
            "PRAGMA temp_store = MEMORY",
            // KiB: every page that is not kept is decrypted again. The default, 2 MiB, is less than a week's index.
            "PRAGMA cache_size = -16384",
            "PRAGMA trusted_schema = OFF",
            "PRAGMA cell_size_check = ON",
        ] {
            let mut statement = connection.prepare(pragma)?;
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
        }
        let mut database = Self { connection };
        schema::migrate(&mut database.connection, APPLICATION_ID)?;
        Ok(database)
    }

    /// Reads outside a transaction.
    pub fn read(&self) -> &Connection {
        &self.connection
    }

    /// Runs `work` in one transaction and commits it durably; an error rolls everything back.
    ///
    /// # Errors
    /// What `work` says, or what the commit says. After either the database is as before the call.
    pub fn write<T, E: From<DatabaseError>>(&mut self, work: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| E::from(error.into()))?;
        let value = work(&transaction)?;
        schema::index_words(&transaction).map_err(E::from)?;
        transaction.commit().map_err(|error| E::from(error.into()))?;
        Ok(value)
    }

    /// Moves the log into the file and empties it: what was deleted is then gone from both.
    ///
    /// # Errors
    /// What the engine says; nothing is lost.
    pub fn checkpoint(&self) -> Result<(), DatabaseError> {
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }

    /// Reads every page and checks the tree.
    ///
    /// # Errors
    /// [`DatabaseError::Corrupt`] where a page does not authenticate or the tree is broken.
    pub fn verify(&self) -> Result<(), DatabaseError> {
        let answer: String = self.connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if answer == "ok" { Ok(()) } else { Err(DatabaseError::Corrupt) }
    }

    /// Encrypts the whole file with another key.
    ///
    /// # Errors
    /// What the engine says; the file then still has the old key.
    pub fn change_key(&mut self, key: &DatabaseKey) -> Result<(), DatabaseError> {
        self.checkpoint()?;
        // The cipher is not changed while a write-ahead log is in use.
        self.connection.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
        let mut sql = format!("PRAGMA rekey = \"raw:{}\"", hex(key));
        let result = self.connection.execute_batch(&sql);
        sql.zeroize();
        self.connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        Ok(result?)
    }
}

/// Runs `work` in a savepoint: its error undoes its own writes and leaves the transaction open.
///
/// The outer error is the engine's, after which the transaction must be rolled back; the inner one is `work`'s.
///
/// # Errors
/// What the engine says.
pub fn savepoint<T, E>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<Result<T, E>, DatabaseError> {
    connection.prepare_cached("SAVEPOINT part")?.execute([])?;
    let result = work(connection);
    if result.is_err() {
        connection.prepare_cached("ROLLBACK TO part")?.execute([])?;
    }
    connection.prepare_cached("RELEASE part")?.execute([])?;
    Ok(result)
}

fn flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn hex(key: &DatabaseKey) -> String {
    key.0.iter().fold(String::with_capacity(64), |mut hex, byte| {
        use std::fmt::Write;
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn set_key(connection: &Connection, key: &DatabaseKey) -> Result<(), DatabaseError> {
    let mut sql = format!("PRAGMA key = \"raw:{}\"", hex(key));
    let result = connection.query_row(&sql, [], |_| Ok(()));
    sql.zeroize();
    match result {
        Ok(()) | Err(rusqlite::Error::QueryReturnedNoRows) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::storage::Storage;

    fn key(byte: u8) -> DatabaseKey {
        DatabaseKey::new([byte; 32])
    }

    fn put(database: &mut Database, value: &str) {
        database
            .write(|tx| -> Result<_, DatabaseError> {
                tx.execute("INSERT INTO settings (name, value) VALUES ('x', ?1)", [value])?;
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn what_was_written_is_there_with_the_key_and_only_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        assert!(matches!(Database::open(&path, &key(1)), Err(DatabaseError::Missing)));
        let mut database = Database::create(&path, &key(1)).unwrap();
        put(&mut database, "value");
        drop(database);
        assert!(matches!(Database::create(&path, &key(1)), Err(DatabaseError::Exists)));
        assert!(matches!(Database::open(&path, &key(2)), Err(DatabaseError::WrongKey)));
        let database = Database::open(&path, &key(1)).unwrap();
        let value: String = database.read().query_row("SELECT value FROM settings", [], |row| row.get(0)).unwrap();
        assert_eq!(value, "value");
        database.verify().unwrap();
    }

    #[test]
    fn another_key_can_be_set() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let mut database = Database::create(&path, &key(1)).unwrap();
        put(&mut database, "value");
        database.change_key(&key(2)).unwrap();
        drop(database);
        assert!(matches!(Database::open(&path, &key(1)), Err(DatabaseError::WrongKey)));
        Database::open(&path, &key(2)).unwrap().verify().unwrap();
    }

    #[test]
    fn newer_schema_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let database = Database::create(&path, &key(1)).unwrap();
        database.read().execute_batch(&format!("PRAGMA user_version = {}", SCHEMA_VERSION + 1)).unwrap();
        drop(database);
        for _ in 0..2 {
            let error = Database::open(&path, &key(1)).unwrap_err();
            assert!(matches!(error, DatabaseError::Newer { found, supported } if found == supported + 1), "{error}");
        }
    }

    #[test]
    fn damaged_file_is_a_typed_error_wherever_the_damage_lies() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let mut database = Database::create(&path, &key(1)).unwrap();
        put(&mut database, &"value".repeat(20_000));
        database.checkpoint().unwrap();
        drop(database);
        let whole = std::fs::read(&path).unwrap();
        let pages = whole.len() / 4_096;
        assert!(pages > 10);
        for page in 0..pages {
            let mut bytes = whole.clone();
            bytes[page * 4_096 + 2_000] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            let error = match Database::open(&path, &key(1)) {
                Ok(database) => database.verify().unwrap_err(),
                Err(error) => error,
            };
            assert!(matches!(error, DatabaseError::WrongKey | DatabaseError::Corrupt), "page {page}: {error:?}");
        }
        for length in [0, 1, 100, 4_095, whole.len() / 2] {
            std::fs::write(&path, &whole[..length]).unwrap();
            match Database::open(&path, &key(1)) {
                Ok(database) => assert!(database.verify().is_err(), "{length} bytes"),
                Err(DatabaseError::WrongKey | DatabaseError::Corrupt) => (),
                Err(error) => panic!("{length} bytes: {error:?}"),
            }
        }
    }

    #[test]
    fn second_opening_is_refused_while_the_first_is_alive() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let database = Database::create(&path, &key(1)).unwrap();
        assert!(matches!(Database::open(&path, &key(1)), Err(DatabaseError::Busy)));
        drop(database);
        Database::open(&path, &key(1)).unwrap();
    }

    #[test]
    fn failed_part_of_a_batch_costs_only_itself() {
        use protocol::storage::Space;
        let mut database = Database::in_memory().unwrap();
        database
            .write(|tx| -> Result<_, DatabaseError> {
                let kv = KvStore::new(tx);
                kv.put(Space::Device, b"a", b"1").unwrap();
                let failed: Result<(), ()> = savepoint(tx, |_| {
                    kv.put(Space::Device, b"a", b"2").unwrap();
                    kv.put(Space::Device, b"b", b"2").unwrap();
                    Err(())
                })?;
                assert!(failed.is_err());
                savepoint(tx, |_| kv.put(Space::Device, b"c", b"3"))?.unwrap();
                Ok(())
            })
            .unwrap();
        let kv = KvStore::new(database.read());
        assert_eq!(
            kv.scan(Space::Device, b"").unwrap(),
            [(b"a".to_vec(), b"1".to_vec()), (b"c".to_vec(), b"3".to_vec())]
        );
    }

    #[test]
    fn failed_transaction_leaves_nothing() {
        let mut database = Database::in_memory().unwrap();
        let result = database.write(|tx| {
            tx.execute("INSERT INTO settings (name, value) VALUES ('x', 'y')", []).map_err(DatabaseError::from)?;
            Err::<(), _>(DatabaseError::Value("test"))
        });
        assert!(matches!(result, Err(DatabaseError::Value("test"))));
        let count: i64 = database.read().query_row("SELECT count(*) FROM settings", [], |row| row.get(0)).unwrap();
        assert_eq!(count, 0);
    }
}
