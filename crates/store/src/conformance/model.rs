//! Random histories: beside the engine in memory, and under faults.

use super::{HOUR, LaneDriver, PLENTY, batch, read_all};
use crate::faulty::SplitMix;
use crate::lanes::{CommitOutcome, Lanes};
use crate::memory::Memory;
use crate::record::LaneRecord;
use crate::registers::{Change, Expect, RegisterKey, Registers};
use crate::{Faulty, Store};
use bytes::Bytes;

/// Does the same random things to the engine and to [`Memory`] and compares all answers. Between steps `reopen` may
/// close the engine and open it again, or give it back as it is.
pub fn agrees_with_memory<S: Store>(seed: u64, steps: usize, mut store: S, mut reopen: impl FnMut(S) -> S) {
    let mut random = SplitMix(seed);
    let reference = Memory::new();
    let mut lanes: Vec<LaneDriver> = (0..12).map(LaneDriver::new).collect();
    let mut now_s = 100 * HOUR;
    for step in 0..steps {
        match random.below(10) {
            0..=4 => {
                let mut commits = Vec::new();
                for lane in &mut lanes {
                    if random.below(3) == 0 {
                        let sizes = vec![if random.below(9) == 0 { 4_096 } else { 1_024 }; random.below(40) as usize];
                        commits.push(lane.append(&sizes, now_s + 24 * HOUR));
                    }
                }
                let batch = batch(commits);
                let expected = reference.commit(&batch).expect("memory stores");
                assert_eq!(store.commit(&batch).expect("stores"), expected, "seed {seed} step {step}");
            }
            5 => {
                let lane = &lanes[random.below(12) as usize];
                let through = random.below(lane.record.next_seq + 2);
                let expected = reference.trim(&lane.id(), through).expect("memory trims");
                assert_eq!(store.trim(&lane.id(), through).expect("trims"), expected, "seed {seed} step {step}");
            }
            6 => {
                now_s += random.below(12) * HOUR;
                let (mut expected, mut found) =
                    (reference.expire(now_s, PLENTY).expect("memory"), store.expire(now_s, PLENTY).expect("expires"));
                for expired in [&mut expected, &mut found] {
                    expired.changed.sort_by_key(|record| record.lane_id);
                    expired.removed.sort_unstable();
                }
                assert_eq!(found, expected, "seed {seed} step {step}");
            }
            7 => {
                let name = RegisterKey::new(&[b"k", &[random.below(20) as u8]]).expect("a good key");
                let value = (random.below(3) > 0).then(|| Bytes::from(vec![step as u8; random.below(99) as usize]));
                let expect = if random.below(2) == 0 { Expect::Absent } else { Expect::Any };
                let changes = [Change { key: name, expect, value }];
                let expected = reference.swap(&changes).expect("memory swaps");
                assert_eq!(store.swap(&changes).expect("swaps"), expected, "seed {seed} step {step}");
            }
            _ => store = reopen(store),
        }
        for lane in &mut lanes {
            follow(&reference, lane);
        }
        compare(&store, &reference, &lanes[random.below(12) as usize], &mut random, seed, step);
    }
    for lane in &lanes {
        compare(&store, &reference, lane, &mut random, seed, steps);
    }
}

/// Brings a driver to what the reference holds.
fn follow(reference: &Memory, lane: &mut LaneDriver) {
    match reference.record(&lane.id()).expect("memory reads") {
        Some(record) => lane.record = record,
        None if lane.record.revision > 0 => {
            let (id, record) = (lane.id(), &lane.record);
            let fresh = LaneRecord::new(id, record.class, record.read_hash, record.write_hash);
            *lane = LaneDriver { record: LaneRecord { revision: 0, ..fresh }, cells: Vec::new() };
        }
        None => {}
    }
}

fn compare(store: &impl Store, reference: &Memory, lane: &LaneDriver, random: &mut SplitMix, seed: u64, step: usize) {
    let id = lane.id();
    let context = format!("seed {seed} step {step}");
    assert_eq!(store.record(&id).expect("reads"), reference.record(&id).expect("reads"), "{context}");
    for after in [lane.record.first_seq - 1, random.below(lane.record.next_seq + 1)] {
        let (cells, bytes) = (random.below(100) as usize, random.below(200_000) as usize);
        let expected = reference.read(&id, after, cells, bytes).expect("memory reads");
        assert_eq!(store.read(&id, after, cells, bytes).expect("reads"), expected, "{context}");
    }
    if !lane.cells.is_empty() {
        let prefix = lane.cells[random.below(lane.cells.len() as u64) as usize].body_prefix;
        let expected = reference.find(&id, &prefix).expect("memory finds");
        assert_eq!(store.find(&id, &prefix).expect("finds"), expected, "{context}");
    }
    let after = RegisterKey::new(&[b"k", &[random.below(20) as u8]]).expect("a good key");
    let limit = random.below(30) as usize;
    let expected = reference.scan(b"k", Some(&after), limit).expect("memory scans");
    assert_eq!(store.scan(b"k", Some(&after), limit).expect("scans"), expected, "{context}");
}

/// Appends to lanes and claims from a pool while writes fail, as a careful caller does: after an error it reads what
/// is there before it goes on. Nothing acknowledged may be lost, nothing may be half done or done twice.
pub fn survives_faults<S: Store>(store: &Faulty<S>, seed: u64, steps: usize) {
    let mut random = SplitMix(seed);
    let mut lanes: Vec<LaneDriver> = (0..6).map(LaneDriver::new).collect();
    let mut failures = 0;
    for step in 0..steps {
        let mut tried = lanes.clone();
        let commits = tried.iter_mut().map(|lane| lane.append(&vec![1_024; 1 + random.below(3) as usize], HOUR));
        match store.commit(&batch(commits.collect())) {
            Ok(outcomes) => {
                assert!(outcomes.iter().all(|outcome| *outcome == CommitOutcome::Stored), "seed {seed} step {step}");
                lanes = tried;
            }
            Err(_) => {
                failures += 1;
                let is_kept =
                    |lane: &LaneDriver| store.record(&lane.id()).expect("reads").as_ref() == Some(&lane.record);
                let kept = tried.iter().filter(|lane| is_kept(lane)).count();
                assert!(kept == 0 || kept == tried.len(), "seed {seed} step {step}: half a batch");
                if kept > 0 {
                    lanes = tried;
                }
            }
        }
    }
    for lane in &lanes {
        assert_eq!(read_all(store, &lane.id(), 0), lane.cells, "seed {seed}");
    }
    assert!(steps < 50 || failures > 0, "a plan that never fails proves nothing");
}
