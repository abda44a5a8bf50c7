//! What every engine of [`Parts`] passes.

use crate::parts::{PART_BYTES_MAX, PartName, Parts};
use crate::{Fault, StoreError};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, future};
use std::collections::BTreeSet;

fn name(folder: u8, start: u64, tag: u64) -> PartName {
    PartName { folder: [folder; 16], start, tag }
}

fn bytes(seed: u8, length: usize) -> Bytes {
    (0..length).map(|at| seed.wrapping_add((at / 3) as u8)).collect::<Vec<u8>>().into()
}

async fn listed(parts: &impl Parts, shard: u8) -> BTreeSet<PartName> {
    parts.list_parts(shard).try_collect().await.expect("lists")
}

/// Everything; `parts` is empty.
pub async fn parts(parts: &impl Parts) {
    a_part_is_read_as_it_was_stored(parts).await;
    a_part_keeps_its_limits(parts).await;
    lists_name_what_is_there(parts).await;
    many_parts_are_stored_at_once(parts).await;
}

async fn a_part_is_read_as_it_was_stored(parts: &impl Parts) {
    let (one, none) = (name(1, 0, 7), name(1, 0, 8));
    let stored = bytes(5, 700_000);
    parts.put_part(one, stored.clone()).await.expect("stores");
    let read = async |from, bytes| parts.read_part(one, from, bytes).await.expect("reads");
    assert_eq!(read(0, 700_000).await, Some(stored.clone()));
    assert_eq!(read(10, 5).await, Some(stored.slice(10..15)));
    assert_eq!(read(699_999, 1).await, Some(stored.slice(699_999..)));
    assert_eq!(read(3, 0).await.as_deref(), Some(&b""[..]));
    assert_eq!(parts.read_part(none, 0, 5).await.expect("reads"), None, "another tag is another part");
    for (from, bytes) in [(700_000, 1), (699_999, 2), (1 << 40, 1)] {
        let error = parts.read_part(one, from, bytes).await;
        assert!(matches!(error, Err(StoreError::Corrupt { .. })), "{error:?}");
    }
    assert!(matches!(parts.read_part(one, u64::MAX, 1).await, Err(StoreError::Misuse(_))));
    parts.put_part(one, stored.clone()).await.expect("stores the same again");
    assert_eq!(read(0, 700_000).await, Some(stored));
    parts.delete_part(one).await.expect("deletes");
    assert_eq!(parts.read_part(one, 0, 5).await.expect("reads"), None);
    parts.delete_part(one).await.expect("no error for what is gone");
    parts.delete_part(none).await.expect("no error for what never was");
}

async fn a_part_keeps_its_limits(parts: &impl Parts) {
    let one = name(2, 0, 0);
    assert!(matches!(parts.put_part(one, Bytes::new()).await, Err(StoreError::Misuse(_))));
    assert!(matches!(parts.put_part(one, bytes(1, PART_BYTES_MAX + 1)).await, Err(StoreError::Misuse(_))));
    assert_eq!(parts.read_part(one, 0, 1).await.expect("reads"), None);
    parts.put_part(one, bytes(1, PART_BYTES_MAX)).await.expect("stores");
    assert_eq!(parts.read_part(one, 0, PART_BYTES_MAX).await.expect("reads"), Some(bytes(1, PART_BYTES_MAX)));
    parts.delete_part(one).await.expect("deletes");
}

async fn lists_name_what_is_there(parts: &impl Parts) {
    assert!(listed(parts, 0xfe).await.is_empty(), "a list of which nothing was ever stored");
    let mut all: BTreeSet<PartName> = (0..30).map(|start| name(0xab, start * 1_000, u64::MAX - start)).collect();
    for part in &all {
        parts.put_part(*part, bytes(3, 10)).await.expect("stores");
    }
    parts.put_part(name(0xac, 0, 0), bytes(3, 10)).await.expect("stores");
    assert_eq!(listed(parts, 0xab).await, all);
    assert_eq!(listed(parts, 0xac).await, [name(0xac, 0, 0)].into());
    let gone = all.pop_first().expect("thirty");
    parts.delete_part(gone).await.expect("deletes");
    assert_eq!(listed(parts, 0xab).await, all);
    for part in all.into_iter().chain([name(0xac, 0, 0)]) {
        parts.delete_part(part).await.expect("deletes");
    }
    assert!(listed(parts, 0xab).await.is_empty());
}

async fn many_parts_are_stored_at_once(parts: &impl Parts) {
    let names: Vec<PartName> = (0..40_u8).map(|folder| name(folder % 4, u64::from(folder), 1)).collect();
    let put = |part: &PartName| parts.put_part(*part, bytes(part.start as u8, 20_000));
    future::try_join_all(names.iter().map(put)).await.expect("stores");
    for part in &names {
        let read = parts.read_part(*part, 0, 20_000).await.expect("reads");
        assert_eq!(read, Some(bytes(part.start as u8, 20_000)));
    }
    future::try_join_all(names.iter().map(|part| parts.delete_part(*part))).await.expect("deletes");
}

/// What an acknowledged part holds is read, whatever failed before and after it; `parts` fails about a fifth of the
/// time.
pub async fn parts_survive_faults<E: Parts>(parts: &crate::FaultyParts<E>, steps: u64) {
    let mut acknowledged = BTreeSet::new();
    let mut failed = 0;
    for step in 0..steps {
        let part = name(step as u8 % 8, step, step);
        match parts.put_part(part, bytes(step as u8, 3_000)).await {
            Ok(()) => _ = acknowledged.insert(part),
            Err(_) => failed += 1,
        }
        if step % 5 == 4
            && let Some(oldest) = acknowledged.pop_first()
            && parts.delete_part(oldest).await.is_ok()
        {
            assert_eq!(parts.inner().read_part(oldest, 0, 1).await.expect("reads"), None, "gone once it says so");
        }
    }
    assert!(failed > 0 && !acknowledged.is_empty(), "{:?} happened", Fault::Lost);
    for part in acknowledged {
        let read = parts.inner().read_part(part, 0, 3_000).await.expect("reads");
        assert_eq!(read, Some(bytes(part.start as u8, 3_000)));
    }
    for shard in 0..8 {
        let half = parts.inner().list_parts(shard).map(|part| part.expect("lists"));
        let whole: Vec<PartName> = half.collect().await;
        for part in whole {
            let read = parts.inner().read_part(part, 0, 3_000).await.expect("what is listed is whole");
            assert!(read.is_some());
        }
    }
}
