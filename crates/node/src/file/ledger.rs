//! The records of all files in the store's registers, and sums over them.
//!
//! | register | holds |
//! |---|---|
//! | `file/` id | a [`FileRecord`] |
//! | `file-due/` when u64 ‖ id | nothing: when the record may go |
//! | `file-folder/` folder | the id whose parts these are |
//! | `file-trash/` folder | the record of a removed file whose parts are still to be deleted |
//!
//! Everything here blocks.

use crate::file::record::FileRecord;
use crate::shared::Shared;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::{Change, Expect, RegisterKey, SCAN_MAX, StoreError, SwapOutcome};
use wire::id::FileId;

const RECORDS: &[u8] = b"file/";
const DUES: &[u8] = b"file-due/";
const FOLDERS: &[u8] = b"file-folder/";
const TRASH: &[u8] = b"file-trash/";
/// Where the node's own number among those that share an object store is.
const INSTANCE: &[u8] = b"file-instance";

/// The records of all files.
pub struct Ledger {
    shared: Arc<Shared>,
}

/// How often a sum is read and written at once: never so that it matters which comes first.
const ORDER: Ordering = Ordering::Relaxed;

fn record_key(id: &FileId) -> Result<RegisterKey, StoreError> {
    RegisterKey::new(&[RECORDS, &id.0])
}

fn due_key(record: &FileRecord, id: &FileId) -> Result<RegisterKey, StoreError> {
    RegisterKey::new(&[DUES, &record.keep_until_s.to_be_bytes(), &id.0])
}

fn change(key: RegisterKey, expect: Expect, value: Option<Vec<u8>>) -> Change {
    Change { key, expect, value: value.map(Bytes::from) }
}

fn holds(record: &FileRecord) -> Expect {
    Expect::Value(record.encode().into())
}

fn subtract(sum: &AtomicU64, less: u64) {
    // Never below zero, whatever was counted before an error.
    let _ = sum.fetch_update(ORDER, ORDER, |sum| Some(sum.saturating_sub(less)));
}

impl Ledger {
    /// Reads all records once, for the sums.
    ///
    /// # Errors
    /// If the store fails or holds what is no record.
    pub fn open(shared: Arc<Shared>) -> Result<Self, StoreError> {
        let ledger = Self { shared };
        let counters = &ledger.shared.counters;
        for prefix in [RECORDS, TRASH] {
            let mut after = None;
            loop {
                let page = ledger.shared.engine.store().scan(prefix, after.as_ref(), SCAN_MAX)?;
                for (_, value) in &page {
                    let record = FileRecord::parse(value)?;
                    counters.file_bytes_stored.fetch_add(record.offset, ORDER);
                    counters.files_open.fetch_add(u64::from(prefix == RECORDS && !record.is_complete), ORDER);
                    counters.files_kept.fetch_add(u64::from(prefix == RECORDS && record.is_complete), ORDER);
                }
                let Some((last, _)) = page.into_iter().last() else { break };
                after = Some(last);
            }
        }
        Ok(ledger)
    }

    /// The node's number among those that may share an object store: random, chosen once.
    ///
    /// # Errors
    /// If the store fails.
    pub fn instance(&self) -> Result<[u8; 8], StoreError> {
        let key = RegisterKey::new(&[INSTANCE])?;
        let store = self.shared.engine.store();
        if store.get(&key)?.is_none() {
            let mut random = vec![0; 8];
            getrandom::fill(&mut random).map_err(std::io::Error::other)?;
            store.swap(&[change(key.clone(), Expect::Absent, Some(random))])?;
        }
        let stored = store.get(&key)?.and_then(|stored| stored[..].try_into().ok());
        stored.ok_or(StoreError::Corrupt { what: "the node's number at its object store" })
    }

    /// A file's record.
    ///
    /// # Errors
    /// If the store fails or holds something else.
    pub fn get(&self, id: &FileId) -> Result<Option<FileRecord>, StoreError> {
        let value = self.shared.engine.store().get(&record_key(id)?)?;
        value.map(|value| FileRecord::parse(&value)).transpose()
    }

    /// Begins a file; `false` if there is one already.
    ///
    /// # Errors
    /// If the store fails; whether it was begun is then unknown.
    pub fn create(&self, id: &FileId, record: &FileRecord) -> Result<bool, StoreError> {
        let changes = [
            change(record_key(id)?, Expect::Absent, Some(record.encode())),
            change(due_key(record, id)?, Expect::Any, Some(Vec::new())),
            change(RegisterKey::new(&[FOLDERS, &record.folder])?, Expect::Absent, Some(id.0.to_vec())),
        ];
        let is_done = self.swap(&changes)?;
        self.shared.counters.files_open.fetch_add(u64::from(is_done), ORDER);
        Ok(is_done)
    }

    /// Puts `new` in the place of `old`; `false` if something else is there by now.
    ///
    /// # Errors
    /// If the store fails; which of the two is there is then unknown.
    pub fn replace(&self, id: &FileId, old: &FileRecord, new: &FileRecord) -> Result<bool, StoreError> {
        let mut changes = vec![change(record_key(id)?, holds(old), Some(new.encode()))];
        if old.keep_until_s != new.keep_until_s {
            changes.push(change(due_key(old, id)?, Expect::Any, None));
            changes.push(change(due_key(new, id)?, Expect::Any, Some(Vec::new())));
        }
        let is_done = self.swap(&changes)?;
        if is_done {
            let counters = &self.shared.counters;
            counters.file_bytes_stored.fetch_add(new.offset.saturating_sub(old.offset), ORDER);
            counters.file_bytes_in.fetch_add(new.offset.saturating_sub(old.offset), ORDER);
            if new.is_complete && !old.is_complete {
                subtract(&counters.files_open, 1);
                counters.files_kept.fetch_add(1, ORDER);
                counters.files.fetch_add(1, ORDER);
            }
        }
        Ok(is_done)
    }

    /// Removes a file for every reader; its parts are trash from now on. `false` if something else is there by now.
    ///
    /// # Errors
    /// If the store fails; whether it is gone is then unknown.
    pub fn remove(&self, id: &FileId, old: &FileRecord) -> Result<bool, StoreError> {
        let changes = [
            change(record_key(id)?, holds(old), None),
            change(due_key(old, id)?, Expect::Any, None),
            change(RegisterKey::new(&[FOLDERS, &old.folder])?, Expect::Any, None),
            change(RegisterKey::new(&[TRASH, &old.folder])?, Expect::Any, Some(old.encode())),
        ];
        let is_done = self.swap(&changes)?;
        if is_done {
            let counters = &self.shared.counters;
            counters.files_removed.fetch_add(1, ORDER);
            subtract(if old.is_complete { &counters.files_kept } else { &counters.files_open }, 1);
        }
        Ok(is_done)
    }

    /// At most `limit` files whose time is over.
    ///
    /// # Errors
    /// If the store fails or holds something else.
    pub fn due(&self, now_s: u64, limit: usize) -> Result<Vec<FileId>, StoreError> {
        let mut due = Vec::new();
        for (key, _) in self.shared.engine.store().scan(DUES, None, limit)? {
            let (when, id) = key.as_bytes()[DUES.len()..]
                .split_first_chunk::<8>()
                .ok_or(StoreError::Corrupt { what: "a file's due" })?;
            if u64::from_be_bytes(*when) > now_s {
                break;
            }
            due.push(FileId::parse(id).map_err(|_| StoreError::Corrupt { what: "a file's due" })?);
        }
        Ok(due)
    }

    /// At most `limit` removed files whose parts are still to be deleted.
    ///
    /// # Errors
    /// If the store fails or holds something else.
    pub fn trash(&self, limit: usize) -> Result<Vec<FileRecord>, StoreError> {
        let found = self.shared.engine.store().scan(TRASH, None, limit)?;
        found.into_iter().map(|(_, value)| FileRecord::parse(&value)).collect()
    }

    /// Forgets a removed file whose parts are deleted.
    ///
    /// # Errors
    /// If the store fails.
    pub fn forget_trash(&self, record: &FileRecord) -> Result<(), StoreError> {
        let key = RegisterKey::new(&[TRASH, &record.folder])?;
        if self.swap(&[change(key, holds(record), None)])? {
            subtract(&self.shared.counters.file_bytes_stored, record.offset);
        }
        Ok(())
    }

    /// The file whose parts are in a folder.
    ///
    /// # Errors
    /// If the store fails or holds something else.
    pub fn file_of(&self, folder: &[u8; 16]) -> Result<Option<FileId>, StoreError> {
        let found = self.shared.engine.store().get(&RegisterKey::new(&[FOLDERS, folder])?)?;
        let parse = |id: Bytes| FileId::parse(&id).map_err(|_| StoreError::Corrupt { what: "a file's folder" });
        found.map(parse).transpose()
    }

    fn swap(&self, changes: &[Change]) -> Result<bool, StoreError> {
        let engine = &self.shared.engine;
        match engine.store().swap(changes) {
            Ok(outcome) => Ok(outcome == SwapOutcome::Done),
            Err(error) => {
                engine.note_failed_write(&error);
                Err(error)
            }
        }
    }
}
