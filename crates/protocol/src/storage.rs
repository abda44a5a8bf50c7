//! What a device keeps: a synchronous, ordered key-value store inside one transaction of the caller.
//!
//! The caller opens a transaction, hands it to [`crate::Device::handle`], and commits it durably before
//! it carries out the effects. [`Batch`] keeps a call's writes together until the call has succeeded,
//! so a failed call leaves the store as it was.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// Why the store failed; the text is the engine's and names no key and no value.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StorageError {
    /// The engine failed. The transaction must be rolled back and the device reloaded.
    #[error("storage: {0}")]
    Engine(String),
    /// A stored value does not parse: a damaged or newer database.
    #[error("storage: a stored {0} does not parse")]
    Corrupt(&'static str),
}

/// Key spaces; the numbers are persisted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Space {
    /// The device's own record, keys and counters.
    Device = 1,
    /// OpenMLS state.
    Mls = 2,
    /// One record for each conversation.
    Group = 3,
    /// Heads of lanes in chunks.
    Heads = 4,
    /// Held receipts.
    Receipts = 5,
    /// What waits to be sent, and what was sent lately.
    Outbox = 6,
    /// Messages shown, for the once-only check.
    Shown = 7,
    /// Verified certificates of other devices.
    Certificates = 8,
    /// A pending commit's sealed cell, blob and Welcomes.
    Pending = 9,
    /// Our invite links and reply lanes.
    Invites = 10,
    /// Knocks that wait for the user.
    Requests = 11,
    /// Work that survives a restart: accepting, adding, knocking.
    Jobs = 12,
    /// Our KeyPackages and where they are.
    KeyPackages = 13,
    /// Blocked accounts.
    Blocked = 14,
    /// Membership changes that wait for their commit.
    Plans = 15,
    /// Contacts: accounts that were accepted.
    Contacts = 16,
    /// The lanes that conversations left, with the cell that moved them.
    Previous = 17,
    /// Blobs that knocks point to, until they are at the node.
    Blobs = 18,
}

impl Space {
    /// All spaces, in order.
    pub const ALL: [Self; 18] = [
        Self::Device,
        Self::Mls,
        Self::Group,
        Self::Heads,
        Self::Receipts,
        Self::Outbox,
        Self::Shown,
        Self::Certificates,
        Self::Pending,
        Self::Invites,
        Self::Requests,
        Self::Jobs,
        Self::KeyPackages,
        Self::Blocked,
        Self::Plans,
        Self::Contacts,
        Self::Previous,
        Self::Blobs,
    ];
}

/// Keys and values of a scan, in key order.
pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// An ordered key-value store inside one transaction.
pub trait Storage {
    /// The value of a key.
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError>;
    /// Writes a value over any former one.
    fn put(&self, space: Space, key: &[u8], value: &[u8]) -> Result<(), StorageError>;
    /// Removes a key; nothing happens where there is none.
    fn delete(&self, space: Space, key: &[u8]) -> Result<(), StorageError>;
    /// All pairs whose key begins with `prefix`, in key order.
    fn scan(&self, space: Space, prefix: &[u8]) -> Result<Pairs, StorageError>;
}

type Map = BTreeMap<(Space, Vec<u8>), Vec<u8>>;
type Writes = BTreeMap<(Space, Vec<u8>), Option<Vec<u8>>>;

/// A store in memory: for tests and the simulator, whose disks it stands for.
#[derive(Debug, Default, Clone)]
pub struct MemoryStorage {
    map: RefCell<Map>,
}

impl MemoryStorage {
    /// Every value, for a search of the "disk" for bytes that must not be there.
    pub fn values(&self) -> Vec<Vec<u8>> {
        self.map.borrow().values().cloned().collect()
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.map.borrow().len()
    }

    /// Overwrites and forgets every value.
    pub fn erase(&self) {
        let mut map = self.map.borrow_mut();
        map.values_mut().for_each(zeroize::Zeroize::zeroize);
        map.clear();
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.map.borrow().is_empty()
    }
}

fn scan_map<V: Clone>(map: &BTreeMap<(Space, Vec<u8>), V>, space: Space, prefix: &[u8]) -> Vec<(Vec<u8>, V)> {
    map.range((space, prefix.to_vec())..)
        .take_while(|((at, key), _)| *at == space && key.starts_with(prefix))
        .map(|((_, key), value)| (key.clone(), value.clone()))
        .collect()
}

impl Storage for MemoryStorage {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(self.map.borrow().get(&(space, key.to_vec())).cloned())
    }

    fn put(&self, space: Space, key: &[u8], value: &[u8]) -> Result<(), StorageError> {
        self.map.borrow_mut().insert((space, key.to_vec()), value.to_vec());
        Ok(())
    }

    fn delete(&self, space: Space, key: &[u8]) -> Result<(), StorageError> {
        self.map.borrow_mut().remove(&(space, key.to_vec()));
        Ok(())
    }

    fn scan(&self, space: Space, prefix: &[u8]) -> Result<Pairs, StorageError> {
        Ok(scan_map(&self.map.borrow(), space, prefix))
    }
}

/// A call's writes over a store, applied together by [`Batch::flush`] or not at all.
pub struct Batch<'a> {
    base: &'a dyn Storage,
    writes: RefCell<Writes>,
    /// A library between may swallow an error of the store, or take it for something else.
    failed: RefCell<Option<StorageError>>,
}

impl<'a> Batch<'a> {
    /// Begins with no writes.
    pub fn new(base: &'a dyn Storage) -> Self {
        Self { base, writes: RefCell::default(), failed: RefCell::default() }
    }

    fn note<T>(&self, result: Result<T, StorageError>) -> Result<T, StorageError> {
        if let Err(error) = &result {
            *self.failed.borrow_mut() = Some(error.clone());
        }
        result
    }

    /// Applies the writes to the store, in key order; none of them if any read failed meanwhile.
    ///
    /// # Errors
    /// The store's, now or at any read before.
    pub fn flush(self) -> Result<(), StorageError> {
        if let Some(error) = self.failed.into_inner() {
            return Err(error);
        }
        for ((space, key), value) in self.writes.into_inner() {
            match value {
                Some(value) => self.base.put(space, &key, &value)?,
                None => self.base.delete(space, &key)?,
            }
        }
        Ok(())
    }
}

impl Storage for Batch<'_> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        if let Some(value) = self.writes.borrow().get(&(space, key.to_vec())) {
            return Ok(value.clone());
        }
        self.note(self.base.get(space, key))
    }

    fn put(&self, space: Space, key: &[u8], value: &[u8]) -> Result<(), StorageError> {
        self.writes.borrow_mut().insert((space, key.to_vec()), Some(value.to_vec()));
        Ok(())
    }

    fn delete(&self, space: Space, key: &[u8]) -> Result<(), StorageError> {
        self.writes.borrow_mut().insert((space, key.to_vec()), None);
        Ok(())
    }

    fn scan(&self, space: Space, prefix: &[u8]) -> Result<Pairs, StorageError> {
        let mut merged: BTreeMap<Vec<u8>, Vec<u8>> = self.note(self.base.scan(space, prefix))?.into_iter().collect();
        for (key, value) in scan_map(&self.writes.borrow(), space, prefix) {
            match value {
                Some(value) => merged.insert(key, value),
                None => merged.remove(&key),
            };
        }
        Ok(merged.into_iter().collect())
    }
}

/// Encodes a persisted record: one version byte, then postcard.
pub(crate) fn encode<T: serde::Serialize>(version: u8, value: &T) -> Result<Vec<u8>, StorageError> {
    postcard::to_extend(value, vec![version]).map_err(|_| StorageError::Corrupt("record"))
}

/// Decodes a persisted record of a known version.
pub(crate) fn decode<T: serde::de::DeserializeOwned>(
    version: u8,
    bytes: &[u8],
    what: &'static str,
) -> Result<T, StorageError> {
    match bytes.split_first() {
        Some((found, rest)) if *found == version => postcard::from_bytes(rest).map_err(|_| StorageError::Corrupt(what)),
        _ => Err(StorageError::Corrupt(what)),
    }
}

/// Reads and decodes one record.
pub(crate) fn get<T: serde::de::DeserializeOwned>(
    storage: &dyn Storage,
    space: Space,
    key: &[u8],
    what: &'static str,
) -> Result<Option<T>, StorageError> {
    storage.get(space, key)?.map(|bytes| decode(1, &bytes, what)).transpose()
}

/// Encodes and writes one record.
pub(crate) fn put<T: serde::Serialize>(
    storage: &dyn Storage,
    space: Space,
    key: &[u8],
    value: &T,
) -> Result<(), StorageError> {
    storage.put(space, key, &encode(1, value)?)
}

/// Removes every key of a space that begins with `prefix`.
pub(crate) fn clear(storage: &dyn Storage, space: Space, prefix: &[u8]) -> Result<(), StorageError> {
    for (key, _) in storage.scan(space, prefix)? {
        storage.delete(space, &key)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batch_reads_its_own_writes_and_flushes_them() {
        let base = MemoryStorage::default();
        base.put(Space::Group, b"a1", b"old").unwrap();
        base.put(Space::Group, b"a2", b"gone").unwrap();
        let batch = Batch::new(&base);
        batch.put(Space::Group, b"a1", b"new").unwrap();
        batch.delete(Space::Group, b"a2").unwrap();
        batch.put(Space::Group, b"a3", b"more").unwrap();
        batch.put(Space::Heads, b"a4", b"elsewhere").unwrap();
        assert_eq!(batch.get(Space::Group, b"a1").unwrap().as_deref(), Some(b"new".as_slice()));
        assert_eq!(batch.get(Space::Group, b"a2").unwrap(), None);
        let keys: Vec<_> = batch.scan(Space::Group, b"a").unwrap().into_iter().map(|pair| pair.0).collect();
        assert_eq!(keys, [b"a1".to_vec(), b"a3".to_vec()]);
        assert_eq!(base.get(Space::Group, b"a1").unwrap().as_deref(), Some(b"old".as_slice()));
        batch.flush().unwrap();
        assert_eq!(base.get(Space::Group, b"a1").unwrap().as_deref(), Some(b"new".as_slice()));
        assert_eq!(base.len(), 3);
    }

    /// A store whose every read fails.
    struct Broken;

    impl Storage for Broken {
        fn get(&self, _: Space, _: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
            Err(StorageError::Engine("broken".into()))
        }
        fn put(&self, _: Space, _: &[u8], _: &[u8]) -> Result<(), StorageError> {
            Ok(())
        }
        fn delete(&self, _: Space, _: &[u8]) -> Result<(), StorageError> {
            Ok(())
        }
        fn scan(&self, _: Space, _: &[u8]) -> Result<Pairs, StorageError> {
            Err(StorageError::Engine("broken".into()))
        }
    }

    #[test]
    fn batch_after_a_failed_read_is_not_flushed_even_if_nobody_minded() {
        let reads: [fn(&Batch<'_>) -> bool; 2] =
            [|batch| batch.get(Space::Mls, b"key").is_err(), |batch| batch.scan(Space::Mls, b"").is_err()];
        for read in reads {
            let batch = Batch::new(&Broken);
            batch.put(Space::Group, b"a", b"b").unwrap();
            assert!(read(&batch));
            assert!(matches!(batch.flush(), Err(StorageError::Engine(_))));
        }
    }

    #[test]
    fn record_of_another_version_is_refused() {
        let bytes = encode(2, &7u32).unwrap();
        assert!(decode::<u32>(1, &bytes, "number").is_err());
        assert_eq!(decode::<u32>(2, &bytes, "number").unwrap(), 7);
        assert!(decode::<u32>(1, &[], "number").is_err());
    }
}
