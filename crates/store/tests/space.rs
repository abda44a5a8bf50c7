//! What has expired leaves the disk, and what opening has to replay stays bounded.

use std::path::Path;
use store::conformance::LaneDriver;
use store::{CommitOutcome, Disk, DiskOptions, LaneBatch, Lanes};
use tempfile::TempDir;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

fn tiny() -> DiskOptions {
    DiskOptions { segment_bytes: 64 << 10, flush_bytes: 24 << 10, ..DiskOptions::default() }
}

fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a temporary folder")
}

fn log_bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder.join("log")).expect("lists");
    entries.map(|entry| entry.expect("an entry").metadata().expect("a file").len()).sum()
}

fn append(disk: &Disk, lane: &mut LaneDriver, cells: usize, expires_s: u64) {
    let commits = vec![lane.append(&vec![1_024; cells], expires_s)];
    assert_eq!(disk.commit(&LaneBatch { commits }).expect("stores"), [CommitOutcome::Stored]);
}

fn expire_all(disk: &Disk, now_s: u64) -> u64 {
    let mut cells = 0;
    loop {
        let step = disk.expire(now_s, 50).expect("expires");
        cells += step.cells;
        if !step.is_more {
            return cells;
        }
    }
}

#[test]
fn segments_go_when_their_cells_have_expired() {
    let folder = folder();
    let disk = Disk::open(folder.path(), tiny()).expect("opens");
    let mut lanes: Vec<LaneDriver> = (0..4).map(LaneDriver::new).collect();
    for _ in 0..60 {
        for lane in &mut lanes {
            append(&disk, lane, 2, 30 * DAY);
        }
    }
    assert!(log_bytes(folder.path()) > 480 * 1_024);
    let mut late = LaneDriver::new(9);
    append(&disk, &mut late, 3, 90 * DAY);
    assert_eq!(expire_all(&disk, 30 * DAY - HOUR), 0);
    assert_eq!(expire_all(&disk, 30 * DAY + 2 * HOUR), 480);
    disk.flush().expect("flushes");
    assert!(log_bytes(folder.path()) < 128 << 10, "{} bytes are left", log_bytes(folder.path()));
    assert_eq!(disk.read(&late.id(), 0, 64, 1 << 20).expect("reads"), late.cells);
    drop(disk);
    let disk = Disk::open(folder.path(), tiny()).expect("opens");
    assert_eq!(disk.read(&late.id(), 0, 64, 1 << 20).expect("reads"), late.cells);
    assert!(disk.record(&lanes[0].id()).expect("reads").is_some_and(|record| record.cell_count() == 0));
}

#[test]
fn expired_bytes_leave_a_quiet_store_within_a_day() {
    let folder = folder();
    let disk = Disk::open(folder.path(), DiskOptions::default()).expect("opens");
    let mut lane = LaneDriver::new(1);
    append(&disk, &mut lane, 10, 30 * DAY);
    assert_eq!(expire_all(&disk, DAY), 0);
    assert_eq!(expire_all(&disk, 31 * DAY), 10);
    // Nobody writes any more: only time passes.
    for day in 32..35 {
        assert_eq!(expire_all(&disk, day * DAY), 0);
    }
    disk.flush().expect("flushes");
    assert!(log_bytes(folder.path()) < 10 * 1_024, "{} bytes are left", log_bytes(folder.path()));
}

#[test]
fn opening_replays_no_more_than_the_flush_limit() {
    let folder = folder();
    let disk = Disk::open(folder.path(), tiny()).expect("opens");
    let mut lane = LaneDriver::new(1);
    for _ in 0..250 {
        append(&disk, &mut lane, 2, 30 * DAY);
    }
    drop(disk);
    // What is behind the flushed position is needed only when it is read: opening does not look at it.
    let mut segments: Vec<_> = std::fs::read_dir(folder.path().join("log"))
        .expect("lists")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    segments.sort();
    let kept = segments.split_off(segments.len() - 2);
    assert!(segments.len() > 2, "{} segments", segments.len());
    for segment in &segments {
        std::fs::write(segment, []).expect("writes");
    }
    let disk = Disk::open(folder.path(), tiny()).expect("opens");
    assert_eq!(disk.record(&lane.id()).expect("reads").as_ref(), Some(&lane.record));
    let newest = disk.read(&lane.id(), lane.record.next_seq - 4, 64, 1 << 20).expect("reads");
    assert_eq!(newest, lane.cells[lane.cells.len() - 3..]);
    assert_eq!(kept.len(), 2);
}
