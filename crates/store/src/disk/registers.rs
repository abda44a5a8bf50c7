//! Registers on disk.

use super::index::{self, Entries, Index};
use super::{Disk, Shared, Writer, locked};
use crate::registers::{Change, RegisterKey, Registers, SwapOutcome, check_changes};
use crate::{REGISTER_KEY_BYTES_MAX, SCAN_MAX, StoreError};
use bytes::Bytes;

/// A small value with its key.
type Value = (Vec<u8>, Vec<u8>);

fn register_key(key: &RegisterKey) -> Vec<u8> {
    [&[index::REGISTERS], key.as_bytes()].concat()
}

impl Registers for Disk {
    fn get(&self, key: &RegisterKey) -> Result<Option<Bytes>, StoreError> {
        Ok(self.shared.value(&register_key(key))?.map(Bytes::from))
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&RegisterKey>,
        limit: usize,
    ) -> Result<Vec<(RegisterKey, Bytes)>, StoreError> {
        let first = [&[index::REGISTERS], prefix].concat();
        // No key is longer, so nothing with this prefix comes behind.
        let last = [&first[..], &[0xff; REGISTER_KEY_BYTES_MAX + 1]].concat();
        // The first key behind `after` is the same with a zero byte more.
        let behind = after.map(|key| [&register_key(key)[..], &[0]].concat());
        let first = behind.map_or(first.clone(), |behind| behind.max(first));
        if first > last {
            return Ok(Vec::new());
        }
        let entries = self.shared.values(&first, &last, limit.min(SCAN_MAX))?;
        let register = |(key, value): (Vec<u8>, Vec<u8>)| Ok((RegisterKey::new(&[&key[1..]])?, Bytes::from(value)));
        entries.into_iter().map(register).collect()
    }

    fn swap(&self, changes: &[Change]) -> Result<SwapOutcome, StoreError> {
        check_changes(changes)?;
        let shared = &*self.shared;
        let mut writer = locked(&shared.writer);
        let keys: Vec<Vec<u8>> = changes.iter().map(|change| register_key(&change.key)).collect();
        for (index, (change, key)) in changes.iter().zip(&keys).enumerate() {
            if !change.expect.is_met(shared.value(key)?.as_deref()) {
                return Ok(SwapOutcome::Conflict { index });
            }
        }
        let puts = keys.into_iter().zip(changes).map(|(key, change)| (key, change.value.as_ref().map(|v| v.to_vec())));
        shared.put(&mut writer, puts.collect())?;
        Ok(SwapOutcome::Done)
    }
}

impl Shared {
    /// A small value as it is now.
    pub(super) fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(value) = self.overlay().get(key) {
            return Ok(value.clone());
        }
        Ok(self.index.get(key)?.map(|value| value.to_vec()))
    }

    /// At most `limit` small values from `first` to `last`, in order.
    pub(super) fn values(&self, first: &[u8], last: &[u8], limit: usize) -> Result<Vec<Value>, StoreError> {
        let range = (std::ops::Bound::Included(first), std::ops::Bound::Included(last));
        let overlay: Entries =
            self.overlay().range::<[u8], _>(range).map(|(key, value)| (key.clone(), value.clone())).collect();
        merge(&self.index, overlay, first, last, limit)
    }

    /// Changes small values as one durable unit.
    pub(super) fn put(&self, writer: &mut Writer, puts: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Result<(), StoreError> {
        if puts.is_empty() {
            return Ok(());
        }
        writer.frame.clear();
        for (key, value) in &puts {
            writer.frame.put(key, value.as_deref());
        }
        self.append(writer)?;
        let mut overlay = self.overlay_mut();
        for (key, value) in puts {
            writer.book.overlay_bytes += key.len() + value.as_ref().map_or(0, Vec::len);
            overlay.insert(key, value);
        }
        drop(overlay);
        self.flush_if_due(writer);
        Ok(())
    }
}

/// Merges what waits for a flush over what the index holds.
fn merge(
    index: &Index,
    mut overlay: Entries,
    first: &[u8],
    last: &[u8],
    limit: usize,
) -> Result<Vec<Value>, StoreError> {
    let mut merged = Vec::new();
    let mut indexed = index.range(first, last);
    while merged.len() < limit {
        let Some(entry) = indexed.next() else { break };
        let (key, value) = entry?;
        while merged.len() < limit
            && let Some(waiting) = overlay.first_entry()
            && waiting.key()[..] < key[..]
        {
            let (key, value) = waiting.remove_entry();
            merged.extend(value.map(|value| (key, value)));
        }
        match overlay.remove(&key[..]) {
            Some(value) => merged.extend(value.map(|value| (key.to_vec(), value))),
            None => merged.push((key.to_vec(), value.to_vec())),
        }
    }
    merged.extend(overlay.into_iter().filter_map(|(key, value)| value.map(|value| (key, value))));
    merged.truncate(limit);
    Ok(merged)
}
