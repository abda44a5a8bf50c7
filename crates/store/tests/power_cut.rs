//! Power cuts: whatever the last, unacknowledged write left on the disk, everything acknowledged is there.
//!
//! A cut is an image of the folder, made of what was there before a write and any part of what the write was about
//! to change. The log is the only file that is written to in place; the index only ever adds files and then renames
//! one, which is what its images rely on.

use bytes::Bytes;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use store::conformance::LaneDriver;
use store::{
    Blobs, BodyPrefix, Change, CommitOutcome, Disk, DiskOptions, Expect, LaneBatch, Lanes, RegisterKey, Registers,
    StoreError,
};
use tempfile::TempDir;
use wire::id::BlobId;

const HOUR: u64 = 3_600;

/// A few writes to a flush, a few flushes to a segment.
fn tiny() -> DiskOptions {
    DiskOptions { segment_bytes: 64 << 10, flush_bytes: 24 << 10, ..DiskOptions::default() }
}

/// A folder in memory where there is one: a cut is simulated, so nothing needs a real disk.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a temporary folder")
}

type Image = BTreeMap<PathBuf, Vec<u8>>;

/// What the folder holds at one moment. The compactor may add and remove tables meanwhile, so a picture counts only
/// if the same names and lengths were there before it and after it.
fn image_of(folder: &Path) -> Image {
    loop {
        let before = listing_of(folder);
        let read = |name: &PathBuf| std::fs::read(folder.join(name)).map(|bytes| (name.clone(), bytes));
        let image: std::io::Result<Image> = before.keys().map(read).collect();
        match image {
            Ok(image) if listing_of(folder) == before => return image,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => panic!("an image of the folder: {error}"),
        }
    }
}

/// The names of all files with their lengths, as far as they stay there while they are looked at.
fn listing_of(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let mut listing = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("lists") {
            let entry = entry.expect("an entry");
            let path = entry.path();
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => folders.push(path),
                Ok(meta) => {
                    let name = path.strip_prefix(folder).expect("inside").to_path_buf();
                    listing.insert(name, meta.len());
                }
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}"),
            }
        }
    }
    listing
}

fn write_image(image: &Image) -> TempDir {
    let folder = folder();
    for part in ["log", "index", "blobs"] {
        std::fs::create_dir(folder.path().join(part)).expect("makes");
    }
    for (name, bytes) in image {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("makes");
        std::fs::write(path, bytes).expect("writes");
    }
    folder
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

/// What has been acknowledged.
#[derive(Clone)]
struct Acknowledged {
    lanes: Vec<LaneDriver>,
    counter: u8,
}

fn counter_key() -> RegisterKey {
    RegisterKey::new(&[b"counter"]).expect("a good key")
}

impl Acknowledged {
    fn nothing() -> Self {
        Self { lanes: (0..5).map(LaneDriver::new).collect(), counter: 0 }
    }

    /// Does one write and returns what is acknowledged after it.
    fn step(&self, disk: &Disk, random: &mut Random) -> Self {
        let mut next = self.clone();
        match random.below(8) {
            0 => {
                let lane = &mut next.lanes[random.below(5)];
                let through = lane.record.first_seq + random.below(4) as u64;
                if let Some(record) = disk.trim(&lane.id(), through).expect("trims") {
                    lane.record = record;
                }
            }
            1 => {
                next.counter = next.counter.wrapping_add(1);
                let value = Some(Bytes::from(vec![next.counter]));
                disk.swap(&[Change { key: counter_key(), expect: Expect::Any, value }]).expect("swaps");
            }
            _ => {
                let mut commits = Vec::new();
                for lane in &mut next.lanes {
                    if random.below(2) == 0 {
                        commits.push(lane.append(&vec![1_024; 1 + random.below(3)], HOUR));
                    }
                }
                let outcomes = disk.commit(&LaneBatch { commits }).expect("stores");
                assert!(outcomes.iter().all(|outcome| *outcome == CommitOutcome::Stored));
            }
        }
        next
    }

    fn assert_in(&self, disk: &Disk, context: &str) {
        for lane in &self.lanes {
            let record = disk.record(&lane.id()).expect("reads");
            assert_eq!(record.is_some(), lane.record.revision > 0, "{context}");
            assert!(record.is_none_or(|record| record == lane.record), "{context}");
            let after = lane.record.first_seq - 1;
            let cells = disk.read(&lane.id(), after, usize::MAX, usize::MAX).expect("reads");
            assert_eq!(cells, lane.cells[after as usize..], "{context}");
            if let Some(cell) = cells.last() {
                assert!(disk.find(&lane.id(), &cell.body_prefix).expect("finds").is_some(), "{context}");
            }
            assert_eq!(disk.find(&lane.id(), &BodyPrefix([7; 16])).expect("finds"), None);
        }
        let counter = disk.get(&counter_key()).expect("reads").map_or(0, |value| value[0]);
        assert_eq!(counter, self.counter, "{context}");
    }
}

/// Opens an image, finds exactly what was acknowledged, goes on writing and opens again.
fn assert_recovers(image: &Image, expected: &Acknowledged, random: &mut Random, context: &str) {
    let folder = write_image(image);
    let disk = Disk::open(folder.path(), tiny()).unwrap_or_else(|error| panic!("{context}: {error}"));
    expected.assert_in(&disk, context);
    let next = expected.step(&disk, random);
    drop(disk);
    let disk = Disk::open(folder.path(), tiny()).unwrap_or_else(|error| panic!("{context}, again: {error}"));
    next.assert_in(&disk, context);
}

/// What a torn write of `frame` may leave behind the end of a file.
fn torn(frame: &[u8], random: &mut Random) -> Vec<Vec<u8>> {
    let len = frame.len();
    let mut left: Vec<Vec<u8>> =
        [0, 1, 24, 31, 32, 33, len / 2, len - 1, random.below(len)].map(|cut| frame[..cut].to_vec()).into();
    // The length reached the disk, some blocks did not.
    let with_zeros = |from: usize, to: usize| {
        let mut bytes = frame.to_vec();
        bytes[from..to.min(len)].fill(0);
        bytes
    };
    let block = random.below(len) / 512 * 512;
    left.push(with_zeros(0, len));
    left.push(with_zeros(0, 32));
    left.push(with_zeros(32, len));
    left.push(with_zeros(random.below(len - 40), len));
    left.push(with_zeros(block, block + 512));
    left.push(with_zeros(0, len - 16));
    let mut garbled = frame.to_vec();
    garbled[random.below(len)] ^= 1 << random.below(8);
    left.push(garbled);
    left
}

#[test]
fn no_torn_write_loses_what_was_acknowledged() {
    let mut images = 0;
    // STORE_TEST_SEEDS=30 for a soak.
    let seeds = std::env::var("STORE_TEST_SEEDS").map_or(3, |seeds| seeds.parse().expect("a number"));
    for seed in 0..seeds {
        let mut random = Random(seed);
        let folder = folder();
        let disk = Disk::open(folder.path(), tiny()).expect("opens");
        let mut acknowledged = Acknowledged::nothing();
        for step in 0..55 {
            let before = image_of(folder.path());
            let next = acknowledged.step(&disk, &mut random);
            let after = image_of(folder.path());
            // The frame went to the end of the segment that was the last one before.
            let segment = before.keys().rfind(|name| name.starts_with("log")).expect("a segment");
            let old_len = before[segment].len();
            let frame = after.get(segment).map_or(&[][..], |bytes| &bytes[old_len..]);
            if frame.is_empty() {
                continue;
            }
            for (kind, tail) in torn(frame, &mut random).into_iter().enumerate() {
                let mut image = before.clone();
                image.entry(segment.clone()).or_default().extend_from_slice(&tail);
                assert_recovers(&image, &acknowledged, &mut random, &format!("seed {seed} step {step} kind {kind}"));
                images += 1;
            }
            let mut whole = before.clone();
            whole.insert(segment.clone(), after[segment].clone());
            assert_recovers(&whole, &next, &mut random, &format!("seed {seed} step {step} whole"));
            acknowledged = next;
        }
    }
    assert!(images > 2_000, "{images} images");
}

#[test]
fn a_flush_cut_short_is_as_if_it_had_not_begun() {
    let mut cut_short = 0;
    let mut random = Random(9);
    let folder = folder();
    let disk = Disk::open(folder.path(), DiskOptions { flush_bytes: 1 << 30, ..tiny() }).expect("opens");
    let mut acknowledged = Acknowledged::nothing();
    for round in 0..12 {
        for _ in 0..4 {
            acknowledged = acknowledged.step(&disk, &mut random);
        }
        let before = image_of(folder.path());
        disk.flush().expect("flushes");
        let after = image_of(folder.path());
        let is_new = |name: &&PathBuf| name.starts_with("index") && !before.contains_key(*name);
        let new: Vec<&PathBuf> = after.keys().filter(is_new).collect();
        assert!(!new.is_empty(), "round {round}");
        for kind in 0..8 {
            let mut image = before.clone();
            for name in &new {
                let bytes = &after[*name];
                match (kind + random.below(3)) % 4 {
                    0 => drop(image.insert((*name).clone(), bytes.clone())),
                    1 => drop(image.insert((*name).clone(), bytes[..random.below(bytes.len() + 1)].to_vec())),
                    2 => drop(image.insert((*name).clone(), vec![0; bytes.len()])),
                    _ => {}
                }
            }
            assert_recovers(&image, &acknowledged, &mut random, &format!("round {round} kind {kind}"));
            cut_short += 1;
        }
        assert_recovers(&after, &acknowledged, &mut random, &format!("round {round} whole"));
    }
    assert!(cut_short > 90);
}

/// A store with a few flushes and segments behind it and some frames after the last flush.
fn a_store() -> (Image, Acknowledged) {
    let folder = folder();
    let disk = Disk::open(folder.path(), tiny()).expect("opens");
    let mut acknowledged = Acknowledged::nothing();
    let mut random = Random(4);
    for _ in 0..40 {
        acknowledged = acknowledged.step(&disk, &mut random);
    }
    disk.flush().expect("flushes");
    for lane in &mut acknowledged.lanes {
        for _ in 0..2 {
            let commits = vec![lane.append(&[1_024], HOUR)];
            disk.commit(&LaneBatch { commits }).expect("stores");
        }
    }
    drop(disk);
    (image_of(folder.path()), acknowledged)
}

#[test]
fn damage_before_the_last_frame_is_refused_not_cut_off() {
    let (image, _) = a_store();
    let segment = image.keys().rfind(|name| name.starts_with("log")).expect("a segment").clone();
    let len = image[&segment].len();
    for back in [1_400, 2_800, 5_000, 9_000] {
        let mut damaged = image.clone();
        damaged.entry(segment.clone()).or_default()[len - back] ^= 1;
        let before = damaged.clone();
        let folder = write_image(&damaged);
        let error = Disk::open(folder.path(), tiny()).map(drop).expect_err("refused");
        assert!(matches!(error, StoreError::Corrupt { what: "the log" }), "{back}: {error}");
        assert_eq!(image_of(folder.path())[&segment], before[&segment], "nothing was cut off");
    }
}

#[test]
fn a_missing_or_shortened_segment_is_refused() {
    let (image, _) = a_store();
    let segment = image.keys().rfind(|name| name.starts_with("log")).expect("a segment").clone();
    let mut missing = image.clone();
    missing.remove(&segment);
    let mut short = image;
    short.insert(segment, Vec::new());
    for damaged in [missing, short] {
        let folder = write_image(&damaged);
        let error = Disk::open(folder.path(), tiny()).map(drop).expect_err("refused");
        assert!(matches!(error, StoreError::Corrupt { what: "the log" }), "{error}");
    }
}

#[test]
fn a_damaged_cell_is_refused_when_it_is_read() {
    let (mut image, acknowledged) = a_store();
    let names: Vec<PathBuf> = image.keys().filter(|name| name.starts_with("log")).cloned().collect();
    for name in &names[..names.len() - 1] {
        for byte in image.get_mut(name).expect("it is there").iter_mut().skip(40).step_by(500) {
            *byte ^= 1;
        }
    }
    let folder = write_image(&image);
    let disk = Disk::open(folder.path(), tiny()).expect("the flushed position lies behind the damage");
    let lane = &acknowledged.lanes[0];
    let error = disk.read(&lane.id(), lane.record.first_seq - 1, 64, 1 << 20).expect_err("refused");
    assert!(matches!(error, StoreError::Corrupt { what: "a cell" }), "{error}");
}

#[test]
fn a_damaged_index_is_refused_or_answers_right() {
    let (image, acknowledged) = a_store();
    let names: Vec<&PathBuf> = image.keys().filter(|name| name.starts_with("index")).collect();
    let mut refused = 0;
    for (at, name) in names.iter().enumerate() {
        for cut in [false, true] {
            let mut damaged = image.clone();
            let bytes = damaged.get_mut(*name).expect("it is there");
            if cut {
                bytes.truncate(bytes.len() / 2);
            } else {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 0x10;
            }
            let folder = write_image(&damaged);
            let context = format!("file {at} {} cut {cut}", name.display());
            let result = Disk::open(folder.path(), tiny()).and_then(|disk| {
                for lane in &acknowledged.lanes {
                    // A table that nothing reads any more may be damaged unseen; a wrong answer never passes.
                    let record = disk.record(&lane.id())?;
                    assert_eq!(record.as_ref(), Some(&lane.record), "{context}");
                    let after = lane.record.first_seq - 1;
                    let cells = disk.read(&lane.id(), after, usize::MAX, usize::MAX)?;
                    assert_eq!(cells, lane.cells[after as usize..], "{context}");
                }
                Ok(())
            });
            if let Err(error) = result {
                let is_typed = matches!(error, StoreError::Corrupt { .. } | StoreError::Unsupported { .. });
                assert!(is_typed, "{context}: {error}");
                refused += 1;
            }
        }
    }
    assert!(refused >= names.len() / 3, "{refused} of {} damages were noticed", 2 * names.len());
}

#[test]
fn a_newer_or_foreign_folder_is_refused_and_left_alone() {
    let (image, _) = a_store();
    type Case<'a> = (&'a [u8], fn(&StoreError) -> bool);
    let cases: [Case<'_>; 5] = [
        (b"sottovoce-store 2 0011223344556677\n", |error| {
            matches!(error, StoreError::Unsupported { found: 2, newest: 1, .. })
        }),
        (b"sottovoce-store 1\n", |error| matches!(error, StoreError::Corrupt { .. })),
        (b"sottovoce-store 1 zz\n", |error| matches!(error, StoreError::Corrupt { .. })),
        (b"something else", |error| matches!(error, StoreError::Corrupt { .. })),
        (b"\xff\xfe", |error| matches!(error, StoreError::Corrupt { .. })),
    ];
    for (format, is_expected) in cases {
        let mut foreign = image.clone();
        foreign.insert("FORMAT".into(), format.to_vec());
        let folder = write_image(&foreign);
        let error = Disk::open(folder.path(), tiny()).map(drop).expect_err("refused");
        assert!(is_expected(&error), "{error}");
        assert_eq!(image_of(folder.path()), foreign);
    }
    let mut lost = image;
    lost.remove(Path::new("FORMAT"));
    let folder = write_image(&lost);
    assert!(matches!(Disk::open(folder.path(), tiny()).map(drop), Err(StoreError::Corrupt { .. })));
}

#[test]
fn a_half_stored_blob_is_never_seen_and_can_be_stored_again() {
    let folder = folder();
    let (id, bytes) = (BlobId([0xab; 32]), vec![5; 100_000]);
    let disk = Disk::open(folder.path(), tiny()).expect("opens");
    let before = image_of(folder.path());
    disk.put_blob(&id, &bytes, HOUR).expect("stores");
    drop(disk);
    let after = image_of(folder.path());
    let file = after.keys().find(|name| name.starts_with("blobs")).expect("a file").clone();
    let unfinished = file.with_extension("new");
    for cut in [0, 1, 50_000, 100_000] {
        // Its time is in the log, its bytes are not all in the temporary file, which was not renamed.
        let mut image = after.clone();
        image.remove(&file);
        image.insert(unfinished.clone(), bytes[..cut].to_vec());
        let folder = write_image(&image);
        let disk = Disk::open(folder.path(), tiny()).expect("opens");
        assert_eq!(disk.blob_info(&id).expect("reads"), None, "{cut}");
        assert_eq!(disk.read_blob(&id, 0, 10).expect("reads"), None, "{cut}");
        assert!(!disk.keep_blob(&id, 9 * HOUR).expect("keeps"), "{cut}");
        if cut == 1 {
            assert!(!disk.expire_blobs(2 * HOUR, 10).expect("expires"));
            assert!(!image_of(folder.path()).keys().any(|name| name.starts_with("blobs")), "nothing is left behind");
        }
        disk.put_blob(&id, &bytes, HOUR).expect("stores");
        assert_eq!(disk.read_blob(&id, 0, usize::MAX).expect("reads").as_deref(), Some(&bytes[..]), "{cut}");
    }
    let mut shortened = after.clone();
    shortened.insert(file, bytes[1..].to_vec());
    let folder = write_image(&shortened);
    let disk = Disk::open(folder.path(), tiny()).expect("opens");
    assert!(matches!(disk.blob_info(&id), Err(StoreError::Corrupt { what: "a blob" })));
    let folder = write_image(&before);
    let disk = Disk::open(folder.path(), tiny()).expect("opens");
    assert_eq!(disk.blob_info(&id).expect("reads"), None);
}

#[test]
fn a_folder_is_open_once() {
    let folder = folder();
    let first = Disk::open(folder.path(), tiny()).expect("opens");
    assert!(matches!(Disk::open(folder.path(), tiny()).map(drop), Err(StoreError::InUse)));
    drop(first);
    Disk::open(folder.path(), tiny()).expect("opens again");
}
