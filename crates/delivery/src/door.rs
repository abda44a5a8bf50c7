//! Doors: a sealed record, KeyPackages that are given out once (LANE.md N12, N13).
//!
//! | register | holds |
//! |---|---|
//! | `door 1` ‖ door_id | version 1 u8, owner_hash 32, next u64, record length u32, record, last-resort KeyPackage |
//! | `door key package 1` ‖ door_id ‖ number u64 | a sealed single-use KeyPackage |

use crate::connection::ConnId;
use crate::node::Node;
use crate::outbox::Out;
use crate::storage::{Change, Storage, StorageFailed, SwapOutcome};
use bytes::Bytes;
use wire::id::{DoorId, Hash};
use wire::node::{DoorClaim, DoorPut, Event, Refusal, RequestId};
use wire::work::{Puzzle, is_done};

/// Jobs that wait for the next batch at most: each costs a flush of its own.
const JOBS_MAX: usize = 256;
/// Tries of a swap against others who change the same door.
const SWAP_TRIES: usize = 4;
const VERSION: u8 = 1;

/// What is to be done at a door.
#[derive(Debug)]
pub(crate) enum DoorOp {
    Put(DoorPut),
    Claim(DoorClaim),
}

/// A door request that waits for the next batch.
#[derive(Debug)]
pub(crate) struct DoorJob {
    pub(crate) conn: ConnId,
    pub(crate) id: RequestId,
    pub(crate) op: DoorOp,
}

impl Node {
    pub(crate) fn door_put(&mut self, conn: ConnId, id: RequestId, put: DoorPut) -> Result<Option<Out>, Refusal> {
        if self.is_disk_full {
            return Err(Refusal::Full { retry_after_ms: crate::policy::RETRY_MS_MAX });
        }
        self.door_later(conn, id, DoorOp::Put(put))
    }

    /// N13: the work is bound to this connection and to a counter that only rises.
    pub(crate) fn door_claim(
        &mut self,
        conn: ConnId,
        id: RequestId,
        claim: &DoorClaim,
    ) -> Result<Option<Out>, Refusal> {
        let bits = self.policy.claim_bits;
        let connection = self.connection_mut(conn).ok_or(Refusal::Denied)?;
        let puzzle = Puzzle::Claim(&claim.door_id, claim.counter);
        if claim.counter < connection.claims_next || !is_done(&connection.hello_nonce, puzzle, claim.work, bits) {
            return Err(Refusal::Work { bits });
        }
        let next = claim.counter.checked_add(1).ok_or(Refusal::TooMany)?;
        let out = self.door_later(conn, id, DoorOp::Claim(claim.clone()))?;
        if let Some(connection) = self.connection_mut(conn) {
            connection.claims_next = next;
        }
        Ok(out)
    }

    fn door_later(&mut self, conn: ConnId, id: RequestId, op: DoorOp) -> Result<Option<Out>, Refusal> {
        if self.forming.doors.len() >= JOBS_MAX {
            return Err(Refusal::Busy { retry_after_ms: 500 });
        }
        self.forming.doors.push(DoorJob { conn, id, op });
        Ok(None)
    }

    /// A claim that found no door does not count.
    pub(crate) fn door_done(&mut self, job: &DoorJob, event: &Event) {
        if let (DoorOp::Claim(claim), Event::Refused(_)) = (&job.op, event)
            && let Some(connection) = self.connection_mut(job.conn)
            && connection.claims_next == claim.counter.saturating_add(1)
        {
            connection.claims_next = claim.counter;
        }
    }
}

/// Does a door request in storage; the event answers it.
pub(crate) fn perform(storage: &dyn Storage, op: &DoorOp, key_packages_max: usize) -> Result<Event, StorageFailed> {
    for _ in 0..SWAP_TRIES {
        let done = match op {
            DoorOp::Put(put) => try_put(storage, put, key_packages_max)?,
            DoorOp::Claim(claim) => try_claim(storage, claim)?,
        };
        if let Some(event) = done {
            return Ok(event);
        }
    }
    Ok(Event::Refused(Refusal::Busy { retry_after_ms: 500 }))
}

fn door_key(door: &DoorId) -> Bytes {
    [b"door 1".as_slice(), &door.0].concat().into()
}

fn key_package_prefix(door: &DoorId) -> Vec<u8> {
    [b"door key package 1".as_slice(), &door.0].concat()
}

/// `None`: somebody else changed the door meanwhile.
fn try_put(storage: &dyn Storage, put: &DoorPut, key_packages_max: usize) -> Result<Option<Event>, StorageFailed> {
    let key = door_key(&put.door_id);
    let stored = storage.get(&key)?;
    let mut door = match &stored {
        Some(bytes) => Door::parse(bytes).ok_or(StorageFailed)?,
        None => Door::new(put.owner.hash()),
    };
    if door.owner_hash != put.owner.hash() {
        return Ok(Some(Event::Refused(Refusal::Denied)));
    }
    let prefix = key_package_prefix(&put.door_id);
    let here = storage.scan(&prefix, key_packages_max.saturating_add(1))?;
    let kept = if put.replace { 0 } else { here.len() };
    let count = kept.saturating_add(put.key_packages.len());
    if count > key_packages_max {
        return Ok(Some(Event::Refused(Refusal::TooMany)));
    }
    let mut changes = Vec::with_capacity(count + 1);
    if put.replace {
        changes.extend(here.into_iter().map(|(key, value)| Change { key, expect: Some(value), value: None }));
    }
    for key_package in &put.key_packages {
        let number = door.next;
        door.next = door.next.checked_add(1).ok_or(StorageFailed)?;
        let key = [prefix.as_slice(), &number.to_be_bytes()].concat().into();
        changes.push(Change { key, expect: None, value: Some(key_package.clone()) });
    }
    if let Some(record) = &put.record {
        door.record = record.clone();
    }
    if let Some(last_resort) = &put.last_resort {
        door.last_resort = last_resort.clone();
    }
    changes.push(Change { key, expect: stored, value: Some(door.encode()) });
    let key_packages = u32::try_from(count).unwrap_or(u32::MAX);
    Ok(match storage.swap(&changes)? {
        SwapOutcome::Done => Some(Event::DoorStored { key_packages }),
        SwapOutcome::Conflict => None,
    })
}

/// `None`: somebody else took the KeyPackage.
fn try_claim(storage: &dyn Storage, claim: &DoorClaim) -> Result<Option<Event>, StorageFailed> {
    let Some(stored) = storage.get(&door_key(&claim.door_id))? else {
        return Ok(Some(Event::Refused(Refusal::NoDoor)));
    };
    let Door { record, last_resort, .. } = Door::parse(&stored).ok_or(StorageFailed)?;
    if claim.record_only {
        return Ok(Some(Event::DoorClaimed { record, key_package: None, is_last_resort: false }));
    }
    let first = storage.scan(&key_package_prefix(&claim.door_id), 1)?.into_iter().next();
    let Some((key, key_package)) = first else {
        let is_last_resort = !last_resort.is_empty();
        let key_package = is_last_resort.then_some(last_resort);
        return Ok(Some(Event::DoorClaimed { record, key_package, is_last_resort }));
    };
    let change = Change { key, expect: Some(key_package.clone()), value: None };
    Ok(match storage.swap(&[change])? {
        SwapOutcome::Done => Some(Event::DoorClaimed { record, key_package: Some(key_package), is_last_resort: false }),
        SwapOutcome::Conflict => None,
    })
}

#[derive(Debug, PartialEq, Eq)]
struct Door {
    owner_hash: Hash,
    /// The number of the next single-use KeyPackage; never goes back, so that none is taken for another.
    next: u64,
    record: Bytes,
    last_resort: Bytes,
}

impl Door {
    fn new(owner_hash: Hash) -> Self {
        Self { owner_hash, next: 0, record: Bytes::new(), last_resort: Bytes::new() }
    }

    fn encode(&self) -> Bytes {
        let record_len = u32::try_from(self.record.len()).unwrap_or(u32::MAX);
        [
            &[VERSION],
            self.owner_hash.0.as_slice(),
            &self.next.to_be_bytes(),
            &record_len.to_be_bytes(),
            &self.record,
            &self.last_resort,
        ]
        .concat()
        .into()
    }

    fn parse(bytes: &Bytes) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (owner_hash, rest) = rest.split_first_chunk::<32>()?;
        let (next, rest) = rest.split_first_chunk::<8>()?;
        let (record_len, rest) = rest.split_first_chunk::<4>()?;
        let (record, last_resort) = rest.split_at_checked(u32::from_be_bytes(*record_len) as usize)?;
        (*version == VERSION).then(|| Self {
            owner_hash: Hash(*owner_hash),
            next: u64::from_be_bytes(*next),
            record: bytes.slice_ref(record),
            last_resort: bytes.slice_ref(last_resort),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_door_reads_back_and_a_cut_or_newer_one_does_not() {
        let door = Door {
            owner_hash: Hash([3; 32]),
            next: 7,
            record: Bytes::from_static(b"record"),
            last_resort: Bytes::from_static(b"last"),
        };
        let bytes = door.encode();
        assert_eq!(bytes[..6], [1, 3, 3, 3, 3, 3]);
        assert_eq!(bytes[33..], *b"\0\0\0\0\0\0\0\x07\0\0\0\x06recordlast");
        assert_eq!(Door::parse(&bytes), Some(door));
        assert_eq!(Door::parse(&bytes.slice(..50)), None);
        assert_eq!(Door::parse(&Bytes::from([&[2], &bytes[1..]].concat())), None);
    }
}
