//! Blobs on disk: one file for each, its size and time in the index.

use super::index::{self, blob_key, due_hour, due_key, hour_of};
use super::io::{read_exact_at, write_atomically};
use super::{Disk, Shared, locked};
use crate::StoreError;
use crate::blobs::{BlobInfo, Blobs, check_size};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Mutex;
use wire::id::BlobId;

/// Locks over blobs: one upload holds up only what happens to have the same.
pub const LOCKS: usize = 64;

impl Blobs for Disk {
    fn put_blob(&self, id: &BlobId, bytes: &[u8], keep_until_s: u64) -> Result<(), StoreError> {
        check_size(bytes)?;
        let shared = &*self.shared;
        let _lock = locked(shared.blob_lock(id));
        let old = shared.blob_meta(id)?;
        let keep_until_s = old.map_or(keep_until_s, |old| old.keep_until_s.max(keep_until_s));
        // Its time goes first: a file that nobody would ever remove cannot come to be.
        shared.set_blob_meta(id, BlobInfo { size: bytes.len() as u64, keep_until_s })?;
        if shared.has_blob_file(id, bytes.len() as u64)? {
            return Ok(());
        }
        let folder = shared.blob_folder(id);
        if !folder.exists() {
            std::fs::create_dir_all(&folder)?;
            super::io::sync_folder(&shared.folder.join("blobs")).inspect_err(|_| {
                // The next one shall make it, and sync it, again. It is empty: others wait for our lock.
                let _ = std::fs::remove_dir(&folder);
            })?;
        }
        let name = id.to_hex();
        write_atomically(&folder, &name, &format!("{name}.new"), bytes).inspect_err(|_| {
            // It may be there without being durable: nobody shall rely on it. If this fails as well, the file is
            // whole at least, and the disk is what has to be looked after.
            let _ = std::fs::remove_file(shared.blob_path(id));
        })?;
        Ok(())
    }

    fn blob_info(&self, id: &BlobId) -> Result<Option<BlobInfo>, StoreError> {
        let shared = &*self.shared;
        let Some(meta) = shared.blob_meta(id)? else { return Ok(None) };
        Ok(shared.has_blob_file(id, meta.size)?.then_some(meta))
    }

    fn read_blob(&self, id: &BlobId, offset: u64, max_bytes: usize) -> Result<Option<Bytes>, StoreError> {
        let shared = &*self.shared;
        let Some(meta) = shared.blob_meta(id)? else { return Ok(None) };
        let file = match File::open(shared.blob_path(id)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let left = usize::try_from(meta.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; left.min(max_bytes)];
        match read_exact_at(&file, &mut bytes, offset) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(StoreError::Corrupt { what: "a blob" }),
            Err(error) => Err(error.into()),
            Ok(()) => Ok(Some(Bytes::from(bytes))),
        }
    }

    fn keep_blob(&self, id: &BlobId, keep_until_s: u64) -> Result<bool, StoreError> {
        let shared = &*self.shared;
        let _lock = locked(shared.blob_lock(id));
        let Some(meta) = shared.blob_meta(id)? else { return Ok(false) };
        if !shared.has_blob_file(id, meta.size)? {
            return Ok(false);
        }
        if meta.keep_until_s < keep_until_s {
            shared.set_blob_meta(id, BlobInfo { keep_until_s, ..meta })?;
        }
        Ok(true)
    }

    fn expire_blobs(&self, now_s: u64, limit: usize) -> Result<bool, StoreError> {
        let shared = &*self.shared;
        let limit = limit.max(1);
        let (first, last) =
            (due_key(index::BLOBS_DUE, 0, &[0; 32]), due_key(index::BLOBS_DUE, hour_of(now_s), &[0xff; 32]));
        let dues = shared.values(&first, &last, limit + 1)?;
        let due_ids = dues.iter().take(limit).map(|(key, _)| Ok(BlobId(index::parse_due_key(key)?)));
        let due_ids = due_ids.collect::<Result<Vec<BlobId>, StoreError>>()?;
        // Nobody may store or keep one of these until it is gone from the index too.
        let locks: BTreeSet<usize> = due_ids.iter().map(lock_of).collect();
        let _locks: Vec<_> = locks.into_iter().map(|number| locked(&shared.blob_files[number])).collect();
        let mut puts = Vec::new();
        for ((key, _), id) in dues.iter().zip(due_ids) {
            // Kept for longer by now: another due stands for it.
            if shared.blob_meta(&id)?.is_none_or(|meta| meta.keep_until_s <= now_s) {
                match std::fs::remove_file(shared.blob_path(&id)) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                    _ => puts.push((blob_key(&id), None)),
                }
                match std::fs::remove_file(shared.blob_path(&id).with_extension("new")) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                    _ => {}
                }
            }
            puts.push((key.clone(), None));
        }
        shared.put(&mut locked(&shared.writer), puts)?;
        Ok(dues.len() > limit)
    }
}

fn lock_of(id: &BlobId) -> usize {
    usize::from(id.0[0]) % LOCKS
}

impl Shared {
    fn blob_lock(&self, id: &BlobId) -> &Mutex<()> {
        &self.blob_files[lock_of(id)]
    }

    fn blob_folder(&self, id: &BlobId) -> PathBuf {
        self.folder.join("blobs").join(format!("{:02x}", id.0[0]))
    }

    fn blob_path(&self, id: &BlobId) -> PathBuf {
        self.blob_folder(id).join(id.to_hex())
    }

    fn has_blob_file(&self, id: &BlobId, size: u64) -> Result<bool, StoreError> {
        match std::fs::metadata(self.blob_path(id)) {
            Ok(metadata) if metadata.len() == size => Ok(true),
            Ok(_) => Err(StoreError::Corrupt { what: "a blob" }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn blob_meta(&self, id: &BlobId) -> Result<Option<BlobInfo>, StoreError> {
        let Some(value) = self.value(&blob_key(id))? else { return Ok(None) };
        let fields = value.split_first_chunk::<8>().and_then(|(size, rest)| Some((size, rest.first_chunk::<8>()?)));
        let (size, keep) = fields.ok_or(StoreError::Corrupt { what: "the index" })?;
        Ok(Some(BlobInfo { size: u64::from_be_bytes(*size), keep_until_s: u64::from_be_bytes(*keep) }))
    }

    fn set_blob_meta(&self, id: &BlobId, info: BlobInfo) -> Result<(), StoreError> {
        let value = [info.size.to_be_bytes(), info.keep_until_s.to_be_bytes()].concat();
        let due = due_key(index::BLOBS_DUE, due_hour(info.keep_until_s), &id.0);
        let puts = vec![(blob_key(id), Some(value)), (due, Some(Vec::new()))];
        self.put(&mut locked(&self.writer), puts)
    }
}
