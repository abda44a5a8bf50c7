//! The device's key-value storage inside a transaction of the engine.

use protocol::storage::{Pairs, Space, Storage, StorageError};
use sqlite::rusqlite::{Connection, OptionalExtension, params};

/// [`Storage`] over the table `kv` of the transaction that is open.
#[derive(Clone, Copy)]
pub struct KvStore<'a>(&'a Connection);

impl<'a> KvStore<'a> {
    /// Works in whatever transaction is open on `connection`.
    pub fn new(connection: &'a Connection) -> Self {
        Self(connection)
    }
}

fn engine(error: sqlite::rusqlite::Error) -> StorageError {
    StorageError::Engine(crate::db::DatabaseError::from(error).to_string())
}

/// The least key above every key that begins with `prefix`; none where there is no such key.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut bound = prefix.get(..=last)?.to_vec();
    *bound.last_mut()? += 1;
    Some(bound)
}

impl Storage for KvStore<'_> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.0
            .prepare_cached("SELECT value FROM kv WHERE space = ?1 AND key = ?2")
            .and_then(|mut statement| statement.query_row(params![space as u8, key], |row| row.get(0)).optional())
            .map_err(engine)
    }

    fn put(&self, space: Space, key: &[u8], value: &[u8]) -> Result<(), StorageError> {
        self.0
            .prepare_cached(
                "INSERT INTO kv (space, key, value) VALUES (?1, ?2, ?3)
                 ON CONFLICT (space, key) DO UPDATE SET value = excluded.value",
            )
            .and_then(|mut statement| statement.execute(params![space as u8, key, value]))
            .map_err(engine)?;
        Ok(())
    }

    fn delete(&self, space: Space, key: &[u8]) -> Result<(), StorageError> {
        self.0
            .prepare_cached("DELETE FROM kv WHERE space = ?1 AND key = ?2")
            .and_then(|mut statement| statement.execute(params![space as u8, key]))
            .map_err(engine)?;
        Ok(())
    }

    fn scan(&self, space: Space, prefix: &[u8]) -> Result<Pairs, StorageError> {
        let pair = |row: &sqlite::rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let pairs = match successor(prefix) {
            Some(bound) => self
                .0
                .prepare_cached("SELECT key, value FROM kv WHERE space = ?1 AND key >= ?2 AND key < ?3 ORDER BY key")
                .and_then(|mut statement| statement.query_map(params![space as u8, prefix, bound], pair)?.collect()),
            None => self
                .0
                .prepare_cached("SELECT key, value FROM kv WHERE space = ?1 AND key >= ?2 ORDER BY key")
                .and_then(|mut statement| statement.query_map(params![space as u8, prefix], pair)?.collect()),
        };
        pairs.map_err(engine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Database;
    use proptest::prelude::*;
    use protocol::storage::MemoryStorage;

    #[derive(Debug, Clone)]
    enum Step {
        Put(u8, Vec<u8>, Vec<u8>),
        Delete(u8, Vec<u8>),
        Scan(u8, Vec<u8>),
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(0xfe), Just(0xff)], 0..4)
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..2_u8, bytes(), bytes()).prop_map(|(space, key, value)| Step::Put(space, key, value)),
            (0..2_u8, bytes()).prop_map(|(space, key)| Step::Delete(space, key)),
            (0..2_u8, bytes()).prop_map(|(space, prefix)| Step::Scan(space, prefix)),
        ]
    }

    fn run(storage: &dyn Storage, step: &Step) -> Pairs {
        let space = |number: u8| if number == 0 { Space::Device } else { Space::Mls };
        match step {
            Step::Put(number, key, value) => {
                storage.put(space(*number), key, value).unwrap();
                vec![(key.clone(), storage.get(space(*number), key).unwrap().unwrap())]
            }
            Step::Delete(number, key) => {
                storage.delete(space(*number), key).unwrap();
                assert_eq!(storage.get(space(*number), key).unwrap(), None);
                vec![]
            }
            Step::Scan(number, prefix) => storage.scan(space(*number), prefix).unwrap(),
        }
    }

    proptest! {
        #[test]
        fn table_behaves_as_the_store_in_memory(steps in proptest::collection::vec(step(), 1..40)) {
            let database = Database::in_memory().unwrap();
            let table = KvStore::new(database.read());
            let memory = MemoryStorage::default();
            for step in steps {
                prop_assert_eq!(run(&table, &step), run(&memory, &step));
            }
        }
    }
}
