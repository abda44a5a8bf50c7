//! What every engine of [`Lanes`] passes.

use super::{HOUR, LaneDriver, PLENTY, batch, read_all, stored};
use crate::StoreError;
use crate::faulty::SplitMix;
use crate::lanes::{CellMark, CommitOutcome, LaneCommit, Lanes};
use crate::record::{BodyPrefix, LaneRecord};
use bytes::Bytes;
use wire::id::Hash;
use wire::lane::{LaneClass, Seq};

pub(super) fn a_cell_is_read_and_found_as_it_was_stored(store: &impl Lanes) {
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

pub(super) fn a_page_keeps_its_limits(store: &impl Lanes) {
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

pub(super) fn an_entry_with_another_revision_conflicts_alone(store: &impl Lanes) {
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

pub(super) fn a_batch_of_a_wrong_shape_is_misuse_and_stores_nothing(store: &impl Lanes) {
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

pub(super) fn a_trimmed_cell_is_gone_and_accounted_for(store: &impl Lanes) {
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

pub(super) fn cells_and_then_records_expire(store: &impl Lanes) {
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

pub(super) fn expiry_goes_in_bounded_steps(store: &impl Lanes) {
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

pub(super) fn a_large_batch_is_stored_at_once(store: &impl Lanes) {
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

pub(super) fn reads_go_on_beside_writes(store: &impl Lanes) {
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
