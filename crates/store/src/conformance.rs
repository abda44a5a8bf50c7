//! What every engine passes. Each function panics where the engine breaks its contract.
//!
//! [`all`] runs everything that needs no restart; [`agrees_with_memory`] also reopens the engine as it goes;
//! [`survives_faults`] needs an engine inside [`Faulty`].

use crate::faulty::SplitMix;
use crate::lanes::{CellMark, CommitOutcome, LaneBatch, LaneCommit, Lanes};
use crate::memory::Memory;
use crate::record::{BodyPrefix, LaneRecord, StoredCell};
use crate::registers::{Change, Expect, RegisterKey, Registers, SwapOutcome};
use crate::{Blobs, Faulty, REGISTER_KEY_BYTES_MAX, REGISTER_VALUE_BYTES_MAX, SCAN_MAX, Store, StoreError};
use bytes::Bytes;
use std::sync::atomic::{AtomicUsize, Ordering};
use wire::id::{BlobId, Hash, LaneId};
use wire::lane::{Cell, CellKind, LaneClass, Seq, head_next};
use wire::limit::BLOB_BYTES_MAX;

/// An hour: expiry may be that coarse.
const HOUR: u64 = crate::lanes::EXPIRY_GRAIN_S;
/// Enough for every cell of a test.
const PLENTY: usize = 1 << 20;

/// A lane as `delivery` would hold it: makes the next entry.
#[derive(Debug, Clone)]
pub struct LaneDriver {
    /// As the store should have it.
    pub record: LaneRecord,
    /// Every cell ever accepted.
    pub cells: Vec<StoredCell>,
}

impl LaneDriver {
    /// A lane that the store does not know; different for every `number`.
    pub fn new(number: u64) -> Self {
        let (read, write) = (Hash::of(&[b"r", &number.to_be_bytes()]), Hash::of(&[b"w", &number.to_be_bytes()]));
        let lane_id = wire::lane::derive_lane_id(LaneClass::Group, &read, &write);
        let record = LaneRecord { revision: 0, ..LaneRecord::new(lane_id, LaneClass::Group, read, write) };
        Self { record, cells: Vec::new() }
    }

    /// The lane's id.
    pub fn id(&self) -> LaneId {
        self.record.lane_id
    }

    /// The entry that appends cells with bodies of these sizes.
    pub fn append(&mut self, sizes: &[usize], cells_expire_s: u64) -> LaneCommit {
        let mut cells = Vec::new();
        for size in sizes {
            let record = &mut self.record;
            let seq = record.next_seq;
            let body = body_of(&record.lane_id, seq, *size);
            let body_hash = Hash::of(&[&body]);
            let kind = if seq.is_multiple_of(5) { CellKind::Handshake } else { CellKind::App };
            let attach = if seq.is_multiple_of(7) { Hash([7; 32]) } else { Hash::ZERO };
            record.head = head_next(&record.head, seq, kind, &attach, &body_hash);
            record.last_gen = record.gen_now;
            let cell = Cell { seq, gen_before: record.gen_now, kind, attach, body };
            record.gen_now += u32::from(kind == CellKind::Handshake);
            record.next_seq += 1;
            record.stored_bytes += *size as u64;
            cells.push(StoredCell { cell, head: record.head, body_prefix: BodyPrefix::of(&body_hash) });
        }
        self.record.revision += 1;
        self.record.forget_s = self.record.forget_s.max(cells_expire_s + 10 * HOUR);
        self.cells.extend_from_slice(&cells);
        LaneCommit { record: self.record.clone(), cells, cells_expire_s }
    }
}

fn body_of(lane: &LaneId, seq: Seq, size: usize) -> Bytes {
    let block = Hash::of(&[b"body", &lane.0, &seq.to_be_bytes()]).0;
    Bytes::from(block.repeat(size.div_ceil(32)))
}

fn batch(commits: Vec<LaneCommit>) -> LaneBatch {
    LaneBatch { commits }
}

fn stored(store: &impl Lanes, commit: LaneCommit) {
    let outcomes = store.commit(&batch(vec![commit])).expect("the engine stores");
    assert_eq!(outcomes, [CommitOutcome::Stored]);
}

fn read_all(store: &impl Lanes, lane: &LaneId, after: Seq) -> Vec<StoredCell> {
    store.read(lane, after, PLENTY, usize::MAX).expect("the engine reads")
}

/// Everything that needs no restart. `make` gives an empty store each time.
pub fn all<S: Store>(make: impl Fn() -> S) {
    a_cell_is_read_and_found_as_it_was_stored(&make());
    a_page_keeps_its_limits(&make());
    an_entry_with_another_revision_conflicts_alone(&make());
    a_batch_of_a_wrong_shape_is_misuse_and_stores_nothing(&make());
    a_trimmed_cell_is_gone_and_accounted_for(&make());
    cells_and_then_records_expire(&make());
    expiry_goes_in_bounded_steps(&make());
    a_large_batch_is_stored_at_once(&make());
    reads_go_on_beside_writes(&make());
    a_register_changes_only_as_expected(&make());
    a_swap_is_made_as_a_whole_or_not_at_all(&make());
    a_scan_gives_keys_in_order(&make());
    each_value_is_claimed_by_one(&make());
    a_blob_is_kept_until_its_time(&make());
    a_blob_keeps_its_limits(&make());
    for seed in 0..4 {
        agrees_with_memory(seed, 120, make(), |store| store);
    }
}

fn a_cell_is_read_and_found_as_it_was_stored(store: &impl Lanes) {
    let mut lane = LaneDriver::new(1);
    assert_eq!(store.record(&lane.id()).expect("reads"), None);
    assert_eq!(read_all(store, &lane.id(), 0), []);
    stored(store, lane.append(&[1_024, 65_536, 4_096], HOUR));
    stored(store, lane.append(&[16_384], HOUR));
    assert_eq!(store.record(&lane.id()).expect("reads").as_ref(), Some(&lane.record));
    assert_eq!(read_all(store, &lane.id(), 0), lane.cells);
    assert_eq!(read_all(store, &lane.id(), 2), lane.cells[2..]);
    assert_eq!(read_all(store, &lane.id(), 4), []);
    assert_eq!(read_all(store, &lane.id(), Seq::MAX), []);
    for cell in &lane.cells {
        let found = store.find(&lane.id(), &cell.body_prefix).expect("finds");
        assert_eq!(found, Some(CellMark::from(cell)));
    }
    assert_eq!(store.find(&lane.id(), &BodyPrefix([9; 16])).expect("finds"), None);
    let other = LaneDriver::new(2);
    assert_eq!(store.find(&other.id(), &lane.cells[0].body_prefix).expect("finds"), None, "another lane");
    let half = BodyPrefix({
        let mut prefix = lane.cells[0].body_prefix.0;
        prefix[15] ^= 1;
        prefix
    });
    assert_eq!(store.find(&lane.id(), &half).expect("finds"), None, "all sixteen bytes count");
}

fn a_page_keeps_its_limits(store: &impl Lanes) {
    let mut lane = LaneDriver::new(1);
    stored(store, lane.append(&[1_024; 200], HOUR));
    let page = |after, cells, bytes| store.read(&lane.id(), after, cells, bytes).expect("reads");
    assert_eq!(page(0, 64, 1 << 20), lane.cells[..64]);
    assert_eq!(page(190, 64, 1 << 20), lane.cells[190..]);
    assert_eq!(page(10, 64, 3_000), lane.cells[10..12]);
    assert_eq!(page(10, 64, 3_072), lane.cells[10..13]);
    assert_eq!(page(10, 64, 0), lane.cells[10..11], "at least one");
    assert_eq!(page(10, 0, 1 << 20), []);
}

fn an_entry_with_another_revision_conflicts_alone(store: &impl Lanes) {
    let (mut one, mut two) = (LaneDriver::new(1), LaneDriver::new(2));
    stored(store, one.append(&[1_024], HOUR));
    let mut rival = one.clone();
    stored(store, one.append(&[1_024], HOUR));
    rival.record.class = LaneClass::Door;
    let outcomes = store.commit(&batch(vec![rival.append(&[4_096], HOUR), two.append(&[1_024], HOUR)]));
    let conflict = CommitOutcome::Conflict { stored: Some(one.record.clone()) };
    assert_eq!(outcomes.expect("stores"), [conflict, CommitOutcome::Stored]);
    assert_eq!(store.record(&one.id()).expect("reads").as_ref(), Some(&one.record));
    assert_eq!(read_all(store, &one.id(), 0), one.cells);
    assert_eq!(read_all(store, &two.id(), 0), two.cells);
    let mut unknown = LaneDriver::new(3);
    unknown.record.revision = 4;
    let outcomes = store.commit(&batch(vec![unknown.append(&[1_024], HOUR)])).expect("stores");
    assert_eq!(outcomes, [CommitOutcome::Conflict { stored: None }]);
    assert_eq!(store.record(&unknown.id()).expect("reads"), None);
}

fn a_batch_of_a_wrong_shape_is_misuse_and_stores_nothing(store: &impl Lanes) {
    let mut lane = LaneDriver::new(1);
    stored(store, lane.append(&[1_024, 1_024], HOUR));
    let good = lane.clone().append(&[1_024, 4_096], HOUR);
    let spoilers: [fn(&mut LaneCommit); 7] = [
        |commit| commit.cells[0].cell.seq += 1,
        |commit| commit.cells[0].cell.body = Bytes::from_static(b"odd size"),
        |commit| commit.cells[1].head = Hash([1; 32]),
        |commit| commit.record.next_seq += 1,
        |commit| commit.record.first_seq += 1,
        |commit| commit.record.first_seq = 0,
        |commit| drop(commit.cells.remove(0)),
    ];
    for (at, spoil) in spoilers.iter().enumerate() {
        let mut bad = good.clone();
        spoil(&mut bad);
        let mut other = LaneDriver::new(2);
        let result = store.commit(&batch(vec![other.append(&[1_024], HOUR), bad]));
        assert!(matches!(result, Err(StoreError::Misuse(_))), "spoiler {at}");
        assert_eq!(store.record(&other.id()).expect("reads"), None, "spoiler {at}");
    }
    let twice = store.commit(&batch(vec![good.clone(), good.clone()]));
    assert!(matches!(twice, Err(StoreError::Misuse(_))));
    assert_eq!(store.record(&lane.id()).expect("reads").as_ref(), Some(&lane.record));
    stored(store, good);
}

fn a_trimmed_cell_is_gone_and_accounted_for(store: &impl Lanes) {
    let mut lane = LaneDriver::new(1);
    assert_eq!(store.trim(&lane.id(), 3).expect("trims"), None);
    stored(store, lane.append(&[1_024; 100], HOUR));
    stored(store, lane.append(&[4_096; 100], HOUR));
    let trimmed = store.trim(&lane.id(), 110).expect("trims").expect("known");
    lane.record =
        LaneRecord { first_seq: 111, stored_bytes: 90 * 4_096, revision: lane.record.revision + 1, ..lane.record };
    assert_eq!(trimmed, lane.record);
    assert_eq!(store.trim(&lane.id(), 110).expect("trims").as_ref(), Some(&lane.record), "nothing to drop");
    assert_eq!(store.trim(&lane.id(), 0).expect("trims").as_ref(), Some(&lane.record), "nothing to drop");
    assert_eq!(read_all(store, &lane.id(), 0), []);
    assert_eq!(read_all(store, &lane.id(), 109), []);
    assert_eq!(read_all(store, &lane.id(), 110), lane.cells[110..]);
    assert_eq!(store.find(&lane.id(), &lane.cells[109].body_prefix).expect("finds"), None);
    assert!(store.find(&lane.id(), &lane.cells[110].body_prefix).expect("finds").is_some());
    let emptied = store.trim(&lane.id(), Seq::MAX).expect("trims").expect("known");
    assert_eq!((emptied.first_seq, emptied.next_seq, emptied.stored_bytes), (201, 201, 0));
    lane.record = emptied;
    stored(store, lane.append(&[1_024], HOUR));
    assert_eq!(read_all(store, &lane.id(), 200), lane.cells[200..]);
}

fn cells_and_then_records_expire(store: &impl Lanes) {
    let (mut old, mut young) = (LaneDriver::new(1), LaneDriver::new(2));
    stored(store, old.append(&[1_024; 70], 2 * HOUR));
    stored(store, old.append(&[1_024; 70], 4 * HOUR));
    stored(store, young.append(&[1_024], 9 * HOUR));
    assert_eq!(store.expire(HOUR, PLENTY).expect("expires"), crate::Expired::default());
    let first = store.expire(3 * HOUR, PLENTY).expect("expires");
    old.record =
        LaneRecord { first_seq: 71, stored_bytes: 70 * 1_024, revision: old.record.revision + 1, ..old.record };
    assert_eq!((first.changed, first.removed, first.cells), (vec![old.record.clone()], vec![], 70));
    assert_eq!(read_all(store, &old.id(), 70), old.cells[70..]);
    assert_eq!(read_all(store, &old.id(), 0), []);
    assert_eq!(store.find(&old.id(), &old.cells[0].body_prefix).expect("finds"), None);
    let second = store.expire(5 * HOUR, PLENTY).expect("expires");
    assert_eq!((second.cells, second.removed), (70, vec![]));
    let kept = store.record(&old.id()).expect("reads").expect("a record outlives its cells");
    assert_eq!((kept.first_seq, kept.next_seq, kept.head), (141, 141, old.record.head));
    let third = store.expire(old.record.forget_s + HOUR, PLENTY).expect("expires");
    assert_eq!((third.removed, third.cells), (vec![old.id()], 1), "and the young lane's cell");
    assert_eq!(store.record(&old.id()).expect("reads"), None);
    let mut again = LaneDriver::new(1);
    stored(store, again.append(&[1_024; 3], 100 * HOUR));
    assert_eq!(read_all(store, &again.id(), 0), again.cells, "a forgotten lane begins anew");
}

fn expiry_goes_in_bounded_steps(store: &impl Lanes) {
    let mut lanes: Vec<LaneDriver> = (0..20).map(LaneDriver::new).collect();
    for lane in &mut lanes {
        stored(store, lane.append(&[1_024; 130], HOUR));
    }
    let (mut cells, mut steps) = (0, 0);
    loop {
        let step = store.expire(2 * HOUR, 100).expect("expires");
        assert!(step.cells <= 100 + 64, "about the limit, not {}", step.cells);
        cells += step.cells;
        steps += 1;
        if !step.is_more {
            break;
        }
        assert!(steps < 1_000, "an end");
    }
    assert_eq!(cells, 20 * 130);
}

fn a_large_batch_is_stored_at_once(store: &impl Lanes) {
    let mut lanes: Vec<LaneDriver> = (0..3_000).map(LaneDriver::new).collect();
    for round in 0..2 {
        let commits = lanes.iter_mut().map(|lane| lane.append(&[1_024], HOUR)).collect();
        let outcomes = store.commit(&batch(commits)).expect("stores");
        assert!(outcomes.iter().all(|outcome| *outcome == CommitOutcome::Stored), "round {round}");
    }
    for lane in lanes.iter().step_by(97) {
        assert_eq!(read_all(store, &lane.id(), 0), lane.cells);
    }
}

fn reads_go_on_beside_writes(store: &impl Lanes) {
    const CELLS: u64 = 240;
    let expected: Vec<LaneDriver> = (0..8)
        .map(|number| {
            let mut lane = LaneDriver::new(number);
            lane.append(&vec![1_024; CELLS as usize], HOUR);
            lane
        })
        .collect();
    let read_until_full = |seed: u64| {
        let mut random = SplitMix(seed);
        let mut full = 0;
        while full < 50 {
            let lane = &expected[random.below(8) as usize];
            let Some(record) = store.record(&lane.id()).expect("reads") else { continue };
            full += u64::from(record.next_seq == CELLS + 1);
            let after = random.below(record.next_seq);
            let page = store.read(&lane.id(), after, 64, PLENTY).expect("reads");
            assert_eq!(page, lane.cells[after as usize..][..page.len()]);
            assert!(page.len() as u64 >= (record.next_seq - 1 - after).min(64), "what the record tells is there");
            if let Some(cell) = page.last() {
                let found = store.find(&lane.id(), &cell.body_prefix).expect("finds");
                assert_eq!(found, Some(CellMark::from(cell)));
            }
        }
    };
    std::thread::scope(|scope| {
        for seed in 0..3 {
            scope.spawn({
                let read_until_full = &read_until_full;
                move || read_until_full(seed)
            });
        }
        let mut lanes: Vec<LaneDriver> = (0..8).map(LaneDriver::new).collect();
        for round in 0..CELLS / 2 {
            for half in [0, 4] {
                let some = &mut lanes[half..half + 4];
                let commits = some.iter_mut().map(|lane| lane.append(&[1_024; 2], HOUR)).collect();
                let outcomes = store.commit(&batch(commits)).expect("stores");
                assert!(outcomes.iter().all(|outcome| *outcome == CommitOutcome::Stored), "round {round}");
            }
        }
    });
}

fn key(text: &str) -> RegisterKey {
    RegisterKey::new(&[text.as_bytes()]).expect("a good key")
}

fn change(name: &str, expect: Expect, value: Option<&'static str>) -> Change {
    Change { key: key(name), expect, value: value.map(|text| Bytes::from_static(text.as_bytes())) }
}

fn holds(text: &'static str) -> Expect {
    Expect::Value(Bytes::from_static(text.as_bytes()))
}

fn a_register_changes_only_as_expected(store: &impl Registers) {
    let get = |name| store.get(&key(name)).expect("reads");
    let swap = |change| store.swap(&[change]).expect("swaps");
    assert_eq!(get("a"), None);
    assert_eq!(swap(change("a", holds("x"), Some("y"))), SwapOutcome::Conflict { index: 0 });
    assert_eq!(swap(change("a", Expect::Absent, Some("x"))), SwapOutcome::Done);
    assert_eq!(swap(change("a", Expect::Absent, Some("y"))), SwapOutcome::Conflict { index: 0 });
    assert_eq!(get("a").as_deref(), Some(&b"x"[..]));
    assert_eq!(swap(change("a", holds("x"), Some("y"))), SwapOutcome::Done);
    assert_eq!(swap(change("a", Expect::Any, Some(""))), SwapOutcome::Done);
    assert_eq!(get("a").as_deref(), Some(&b""[..]), "an empty value is a value");
    assert_eq!(swap(change("a", holds(""), None)), SwapOutcome::Done);
    assert_eq!(get("a"), None);
    assert!(RegisterKey::new(&[&[1; REGISTER_KEY_BYTES_MAX]]).is_ok());
    assert!(RegisterKey::new(&[&[1; REGISTER_KEY_BYTES_MAX + 1]]).is_err());
    assert!(RegisterKey::new(&[]).is_err());
    let sized = |size| Change { key: key("size"), expect: Expect::Any, value: Some(Bytes::from(vec![1; size])) };
    assert_eq!(swap(sized(REGISTER_VALUE_BYTES_MAX)), SwapOutcome::Done);
    assert!(matches!(store.swap(&[sized(REGISTER_VALUE_BYTES_MAX + 1)]), Err(StoreError::Misuse(_))));
}

fn a_swap_is_made_as_a_whole_or_not_at_all(store: &impl Registers) {
    let whole = [change("a", Expect::Absent, Some("1")), change("b", Expect::Absent, Some("2"))];
    assert_eq!(store.swap(&whole).expect("swaps"), SwapOutcome::Done);
    let half = [change("c", Expect::Absent, Some("3")), change("b", holds("1"), None)];
    assert_eq!(store.swap(&half).expect("swaps"), SwapOutcome::Conflict { index: 1 });
    assert_eq!(store.get(&key("c")).expect("reads"), None);
    let twice = [change("d", Expect::Any, Some("1")), change("d", Expect::Any, Some("2"))];
    assert!(matches!(store.swap(&twice), Err(StoreError::Misuse(_))));
    assert_eq!(store.swap(&[]).expect("swaps"), SwapOutcome::Done);
}

fn a_scan_gives_keys_in_order(store: &impl Registers) {
    for name in ["b/2", "a", "b/1", "b/10", "c", "b"] {
        store.swap(&[change(name, Expect::Absent, Some("v"))]).expect("swaps");
    }
    let scan = |prefix: &str, after: Option<&str>, limit| {
        let found = store.scan(prefix.as_bytes(), after.map(key).as_ref(), limit).expect("scans");
        found.into_iter().map(|(key, _)| String::from_utf8_lossy(key.as_bytes()).into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(scan("b/", None, PLENTY), ["b/1", "b/10", "b/2"]);
    assert_eq!(scan("b/", Some("b/1"), PLENTY), ["b/10", "b/2"]);
    assert_eq!(scan("b/", Some("a"), 1), ["b/1"]);
    assert_eq!(scan("b/", Some("c"), PLENTY), [""; 0]);
    assert_eq!(scan("", None, PLENTY).len(), 6);
    assert_eq!(scan("zzz", None, PLENTY), [""; 0]);
    assert_eq!(scan("", None, 0), [""; 0]);
    for number in 0..SCAN_MAX + 1 {
        let key = RegisterKey::new(&[b"many", &(number as u32).to_be_bytes()]).expect("a good key");
        store.swap(&[Change { key, expect: Expect::Any, value: Some(Bytes::new()) }]).expect("swaps");
    }
    assert_eq!(scan("many", None, PLENTY).len(), SCAN_MAX);
}

fn each_value_is_claimed_by_one(store: &impl Registers) {
    const VALUES: usize = 40;
    for number in 0..VALUES {
        let key = RegisterKey::new(&[b"pool", &[number as u8]]).expect("a good key");
        let value = Some(Bytes::from(vec![number as u8]));
        store.swap(&[Change { key, expect: Expect::Absent, value }]).expect("swaps");
    }
    let claimed: Vec<AtomicUsize> = (0..VALUES).map(|_| AtomicUsize::new(0)).collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((key, value)) = store.scan(b"pool", None, 1).expect("scans").pop() {
                    let number = usize::from(value[0]);
                    let claim = Change { key, expect: Expect::Value(value), value: None };
                    if store.swap(&[claim]).expect("swaps") == SwapOutcome::Done {
                        claimed[number].fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert!(claimed.iter().all(|count| count.load(Ordering::Relaxed) == 1));
}

fn a_blob_is_kept_until_its_time(store: &impl Blobs) {
    let (one, two, none) = (BlobId([1; 32]), BlobId([2; 32]), BlobId([3; 32]));
    let bytes: Vec<u8> = (0..100_000_u32).map(|number| number as u8).collect();
    store.put_blob(&one, &bytes, 2 * HOUR).expect("stores");
    store.put_blob(&two, b"two", 2 * HOUR).expect("stores");
    let info = store.blob_info(&one).expect("reads").expect("here");
    assert_eq!((info.size, info.keep_until_s), (100_000, 2 * HOUR));
    assert_eq!(store.blob_info(&none).expect("reads"), None);
    let read = |id, offset, max| store.read_blob(id, offset, max).expect("reads");
    assert_eq!(read(&one, 0, PLENTY).as_deref(), Some(&bytes[..]));
    assert_eq!(read(&one, 99_990, PLENTY).as_deref(), Some(&bytes[99_990..]));
    assert_eq!(read(&one, 10, 5).as_deref(), Some(&bytes[10..15]));
    assert_eq!(read(&one, 100_000, 5).as_deref(), Some(&b""[..]));
    assert_eq!(read(&one, u64::MAX, 5).as_deref(), Some(&b""[..]));
    assert_eq!(read(&none, 0, 5), None);
    assert!(store.keep_blob(&two, 6 * HOUR).expect("keeps"));
    assert!(store.keep_blob(&two, 4 * HOUR).expect("keeps"), "never shorter");
    assert!(!store.keep_blob(&none, 6 * HOUR).expect("keeps"));
    assert!(!store.expire_blobs(HOUR, PLENTY).expect("expires"));
    assert!(store.blob_info(&one).expect("reads").is_some());
    assert!(!store.expire_blobs(3 * HOUR, PLENTY).expect("expires"));
    assert_eq!(store.blob_info(&one).expect("reads"), None);
    assert_eq!(store.blob_info(&two).expect("reads").map(|info| info.keep_until_s), Some(6 * HOUR));
    store.put_blob(&two, b"two", 8 * HOUR).expect("stores again");
    assert!(!store.expire_blobs(7 * HOUR, PLENTY).expect("expires"));
    assert_eq!(read(&two, 0, 5).as_deref(), Some(&b"two"[..]));
    store.put_blob(&one, &bytes, 20 * HOUR).expect("stores what had gone");
    assert_eq!(read(&one, 0, PLENTY).as_deref(), Some(&bytes[..]));
    for number in 10..20 {
        store.put_blob(&BlobId([number; 32]), b"x", 9 * HOUR).expect("stores");
    }
    assert!(store.expire_blobs(10 * HOUR, 4).expect("expires"), "a bounded step");
    while store.expire_blobs(10 * HOUR, 4).expect("expires") {}
    assert!((10..20).all(|number| store.blob_info(&BlobId([number; 32])).expect("reads").is_none()));
}

fn a_blob_keeps_its_limits(store: &impl Blobs) {
    let id = BlobId([1; 32]);
    assert!(matches!(store.put_blob(&id, &[], HOUR), Err(StoreError::Misuse(_))));
    assert!(matches!(store.put_blob(&id, &vec![1; BLOB_BYTES_MAX + 1], HOUR), Err(StoreError::Misuse(_))));
    assert_eq!(store.blob_info(&id).expect("reads"), None);
    store.put_blob(&id, &vec![1; BLOB_BYTES_MAX], HOUR).expect("stores");
    assert_eq!(store.blob_info(&id).expect("reads").map(|info| info.size), Some(BLOB_BYTES_MAX as u64));
}

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
