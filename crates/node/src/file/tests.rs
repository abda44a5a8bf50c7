//! Files over stores that fail, forget and are left in the middle.

use super::*;
use crate::file::record::FileRecord;
use crate::file::upload::{Append, Why, append};
use crate::shared::now_ms;
use axum::body::{Body, Bytes};
use delivery::Policy;
use ed25519_dalek::SigningKey;
use futures_util::{StreamExt, TryStreamExt};
use http_body_util::BodyExt;
use store::parts::PartOperation;
use store::{Fault, FaultyParts, Memory, PartName};
use wire::file::PIECES_MAX;
use wire::id::{FileId, Hash};

const PART: usize = FILE_PART_BYTES;
const ID: FileId = FileId([5; 32]);

struct World {
    files: Arc<Files>,
    store: Arc<dyn store::Store>,
    _stop: watch::Sender<bool>,
}

fn limits() -> FileLimits {
    crate::config::Config::default().files
}

/// A node's files over a store and parts that outlive it.
fn open(store: Arc<dyn store::Store>, parts: Arc<dyn Parts>) -> World {
    open_with(store, parts, limits())
}

fn open_with(store: Arc<dyn store::Store>, parts: Arc<dyn Parts>, limits: FileLimits) -> World {
    let engine = crate::storage::Engine::new(Arc::clone(&store));
    let key = SigningKey::from_bytes(&[1; 32]);
    let shared = Arc::new(Shared::new(engine, key, Policy::default(), 1 << 20, [1, 2]));
    let (stop, stopped) = watch::channel(false);
    let ledger = Ledger::open(Arc::clone(&shared)).expect("records");
    let place = Place { data: std::env::temp_dir(), disk_free_bytes: 0, s3: None };
    let files = Files::over(parts, ledger, shared, limits, place, stopped).expect("opened");
    World { files, store, _stop: stop }
}

fn world() -> World {
    open(Arc::new(Memory::new()), Arc::new(ObjectParts::memory()))
}

/// With other limits than a node has.
fn world_with(change: impl FnOnce(&mut FileLimits)) -> World {
    let mut limits = limits();
    change(&mut limits);
    open_with(Arc::new(Memory::new()), Arc::new(ObjectParts::memory()), limits)
}

/// A body that stays open, and where it comes from.
fn pipe() -> (tokio::sync::mpsc::Sender<Bytes>, Body) {
    let (tx, rx) = tokio::sync::mpsc::channel(1);
    let stream = futures_util::stream::unfold(rx, async |mut rx: tokio::sync::mpsc::Receiver<Bytes>| {
        rx.recv().await.map(|bytes| (Ok::<_, std::io::Error>(bytes), rx))
    });
    (tx, Body::from_stream(stream))
}

fn noise(length: usize) -> Bytes {
    (0..length).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect::<Vec<u8>>().into()
}

impl World {
    fn create(&self, id: &FileId, length: usize, keep_until_s: u64) -> FileRecord {
        let record = FileRecord {
            length: length as u64,
            owner: Hash([1; 32]),
            folder: Hash::of(&[&id.0, &now_ms().to_be_bytes()]).0[..16].try_into().expect("sixteen"),
            offset: 0,
            is_complete: false,
            keep_until_s,
            ttl_s: 86_400,
            runs: Vec::new(),
        };
        assert!(self.files.ledger.create(id, &record).expect("created"));
        record
    }

    fn record(&self, id: &FileId) -> Option<FileRecord> {
        self.files.ledger.get(id).expect("read")
    }

    async fn append(&self, id: &FileId, bytes: Bytes, completes: bool) -> Result<(), Why> {
        self.append_body(id, Body::from(bytes), completes).await
    }

    async fn append_body(&self, id: &FileId, body: Body, completes: bool) -> Result<(), Why> {
        let claim = self.files.turns.take(id).await.expect("a turn");
        let record = self.record(id).expect("begun");
        append(Arc::clone(&self.files), Append { id: *id, record, claim, body, completes }).await.1
    }

    async fn read(&self, record: &FileRecord, first: u64, end: u64) -> Option<Bytes> {
        let permit = Arc::clone(&self.files.downloads).acquire_owned().await.expect("room");
        let body = download::body(&self.files, record.clone(), first, end, permit);
        body.collect().await.ok().map(|body| body.to_bytes())
    }

    async fn sweep_all(&self) -> u64 {
        let mut count = 0;
        for shard in 0..=255 {
            count += self.files.sweep(shard).await.expect("swept");
        }
        count
    }

    async fn all_parts(&self) -> Vec<PartName> {
        let mut all = Vec::new();
        for shard in 0..=255 {
            all.extend(self.files.parts.list_parts(shard).try_collect::<Vec<_>>().await.expect("lists"));
        }
        all.sort();
        all
    }

    fn counts(&self) -> [u64; 3] {
        let counters = &self.files.shared.counters;
        [&counters.files_open, &counters.files_kept, &counters.file_bytes_stored]
            .map(|count| count.load(Ordering::Relaxed))
    }
}

#[tokio::test]
async fn upload_over_parts_that_fail_ends_whole_and_leaves_no_orphan_behind() {
    for seed in 0..4_u32 {
        let mut calls = seed;
        // Each fourth change or so fails, by turns before and after it was made.
        let parts = FaultyParts::new(ObjectParts::memory(), move |operation| {
            calls = calls.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            match (operation, calls >> 29) {
                (PartOperation::Read, _) => Fault::None,
                (PartOperation::Put | PartOperation::Delete, 0) => Fault::Lost,
                (PartOperation::Put | PartOperation::Delete, 1) => Fault::Kept,
                (PartOperation::Put | PartOperation::Delete, _) => Fault::None,
            }
        });
        let world = open(Arc::new(Memory::new()), Arc::new(parts));
        let bytes = noise(5 * PART + 123);
        world.create(&ID, bytes.len(), u64::MAX);
        let mut tries = 0;
        loop {
            let at = world.record(&ID).expect("kept").offset as usize;
            match world.append(&ID, bytes.slice(at..), true).await {
                Ok(()) => break,
                Err(why) => assert_eq!(why, Why::Storage),
            }
            tries += 1;
            assert!(tries < 1_000, "it goes on");
        }
        let record = world.record(&ID).expect("kept");
        assert!(record.is_complete);
        assert!(world.read(&record, 0, record.length).await.as_ref() == Some(&bytes), "seed {seed}");
        let mut needed: Vec<PartName> = record.parts().map(|part| part.name).collect();
        needed.sort();
        // A deletion may fail too: another round finds what is left.
        while world.all_parts().await != needed {
            for shard in 0..=255 {
                let _ = world.files.sweep(shard).await;
            }
        }
        assert_eq!(world.counts(), [0, 1, bytes.len() as u64]);
    }
}

#[tokio::test]
async fn orphan_is_removed_but_never_what_a_live_upload_is_about_to_count() {
    let world = world();
    let record = world.create(&ID, 3 * PART, u64::MAX);
    world.append(&ID, noise(PART), false).await.expect("appended");
    let uncounted = PartName { folder: record.folder, start: PART as u64, tag: 99 };
    let claim = world.files.turns.take(&ID).await.expect("a turn");
    world.files.parts.put_part(uncounted, noise(5)).await.expect("stored");
    let stranger = PartName { folder: [9; 16], start: 0, tag: 1 };
    world.files.parts.put_part(stranger, noise(5)).await.expect("stored");
    let there = world.all_parts().await.len();
    assert_eq!(world.sweep_all().await, 1, "that of no file; the upload is alive");
    assert_eq!(world.all_parts().await.len(), there - 1);
    drop(claim);
    assert_eq!(world.sweep_all().await, 1, "the crashed attempt's");
    assert_eq!(world.sweep_all().await, 0);
    world.append(&ID, noise(2 * PART), true).await.expect("the upload was not harmed");
    let record = world.record(&ID).expect("kept");
    assert!(world.read(&record, 0, PART as u64).await == Some(noise(PART)));
}

#[tokio::test]
async fn file_goes_when_its_time_is_over_and_not_before() {
    let world = world();
    let (early, late, open) = (FileId([1; 32]), FileId([2; 32]), FileId([3; 32]));
    for id in [&early, &late] {
        world.create(id, 5_000, 7_200);
        world.append(id, noise(5_000), true).await.expect("stored");
    }
    world.create(&open, 5_000, 7_200);
    world.append(&open, noise(1_000), false).await.expect("stored");
    let until_s = world.record(&early).expect("kept").keep_until_s;
    assert!(until_s.is_multiple_of(3_600), "whole hours");
    let record = world.record(&late).expect("kept");
    let longer = FileRecord { keep_until_s: until_s + 3_600, ..record.clone() };
    assert!(world.files.ledger.replace(&late, &record, &longer).expect("kept longer"));
    world.files.expire(7_199).await.expect("expired");
    assert_eq!(world.counts(), [1, 2, 11_000]);
    world.files.expire(7_200).await.expect("expired");
    assert_eq!((world.record(&open), world.counts()), (None, [0, 2, 11_000]), "the one that was never finished");
    world.files.expire(until_s).await.expect("expired");
    assert_eq!((world.record(&early), world.record(&late)), (None, Some(longer)));
    world.files.empty_trash().await.expect("emptied");
    assert_eq!((world.counts(), world.all_parts().await.len()), ([0, 1, 5_000], 1));
}

#[tokio::test]
async fn removal_is_finished_after_a_restart_and_sums_are_counted_again() {
    let parts = Arc::new(ObjectParts::memory());
    let world = open(Arc::new(Memory::new()), parts.clone());
    let gone = world.create(&ID, 2 * PART, u64::MAX);
    world.append(&ID, noise(2 * PART), true).await.expect("stored");
    let kept = FileId([6; 32]);
    world.create(&kept, 500, u64::MAX);
    world.append(&kept, noise(400), false).await.expect("stored");
    let record = world.record(&ID).expect("kept");
    assert!(world.files.ledger.remove(&ID, &record).expect("removed"));
    assert!(!world.files.ledger.remove(&ID, &record).expect("once"), "once");
    let again = open(Arc::clone(&world.store), parts);
    assert_eq!(again.counts(), [1, 0, 2 * PART as u64 + 400], "its bytes are still there");
    assert_eq!(again.files.ledger.file_of(&gone.folder).expect("read"), None);
    again.files.empty_trash().await.expect("emptied");
    assert_eq!((again.counts(), again.all_parts().await.len()), ([1, 0, 400], 1));
    assert_eq!(again.files.ledger.instance().expect("read"), world.files.ledger.instance().expect("read"));
}

#[tokio::test]
async fn upload_in_too_many_pieces_goes_on_in_whole_parts() {
    let world = world();
    let bytes = noise(PIECES_MAX + PART + 10);
    world.create(&ID, bytes.len(), u64::MAX);
    for at in 0..PIECES_MAX {
        world.append(&ID, bytes.slice(at..=at), false).await.expect("a piece");
    }
    let at = PIECES_MAX;
    assert_eq!(world.append(&ID, bytes.slice(at..at + 10), false).await, Err(Why::Pieces));
    assert_eq!(world.record(&ID).expect("kept").offset, at as u64);
    world.append(&ID, bytes.slice(at..at + PART), false).await.expect("a whole part");
    world.append(&ID, bytes.slice(at + PART..), true).await.expect("the end");
    let record = world.record(&ID).expect("kept");
    assert!(world.read(&record, 0, record.length).await == Some(bytes));
}

#[tokio::test]
async fn removed_file_ends_its_upload_and_its_readers() {
    let world = world();
    world.create(&ID, 3 * PART, u64::MAX);
    world.append(&ID, noise(3 * PART), true).await.expect("stored");
    let record = world.record(&ID).expect("kept");
    let permit = Arc::clone(&world.files.downloads).acquire_owned().await.expect("room");
    let mut body = download::body(&world.files, record.clone(), 0, record.length, permit).into_data_stream();
    assert!(body.next().await.is_some_and(|chunk| chunk.is_ok()));
    assert!(world.files.ledger.remove(&ID, &record).expect("removed"));
    world.files.empty_trash().await.expect("emptied");
    let rest: Result<Vec<Bytes>, _> = body.try_collect().await;
    assert!(rest.is_err(), "a reader is not told that it has all");
}

const SOON: Duration = Duration::from_millis(50);

#[tokio::test]
async fn upload_that_falls_silent_ends_and_keeps_what_came() {
    let world = world_with(|limits| limits.patience.idle = SOON);
    world.create(&ID, 5_000, u64::MAX);
    let (tx, body) = pipe();
    let bytes = noise(5_000);
    tx.send(bytes.slice(..700)).await.expect("room");
    assert_eq!(world.append_body(&ID, body, true).await, Err(Why::Idle));
    assert_eq!(world.record(&ID).expect("kept").offset, 700);
    world.append(&ID, bytes.slice(700..), true).await.expect("goes on");
    let record = world.record(&ID).expect("whole");
    assert_eq!(world.read(&record, 0, 5_000).await, Some(bytes));
    drop(tx);
}

#[tokio::test]
async fn slow_upload_shares_its_memory_with_who_waits() {
    let world = world_with(|limits| limits.patience.share = SOON);
    let (slow, quick) = (FileId([6; 32]), FileId([7; 32]));
    world.create(&slow, 1_000_000, u64::MAX);
    world.create(&quick, 600_000, u64::MAX);
    // Memory for one buffer of this beginning is left.
    let grains = world.files.memory.available_permits() - (512 << 10) / MEMORY_GRAIN;
    let _others = world.files.memory.try_acquire_many(u32::try_from(grains).expect("few")).expect("free");
    let (tx, body) = pipe();
    tx.send(noise(9)).await.expect("room");
    let finished = async {
        // The slow one has the memory first.
        while world.files.memory.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        world.append(&quick, noise(600_000), true).await
    };
    tokio::select! {
        ended = world.append_body(&slow, body, false) => panic!("the slow one ended: {ended:?}"),
        finished = finished => finished.expect("it got its turn"),
    }
    assert!(world.record(&quick).expect("whole").is_complete);
    assert_eq!(world.record(&slow).expect("begun").offset, 9, "what the slow one had is kept");
    drop(tx);
}

#[tokio::test]
async fn reader_that_stalls_gives_its_place_to_another() {
    let world = world_with(|limits| (limits.downloads_max, limits.patience.stall) = (1, SOON));
    world.create(&ID, 2 << 20, u64::MAX);
    world.append(&ID, noise(2 << 20), true).await.expect("stored");
    let record = world.record(&ID).expect("whole");
    let permit = Arc::clone(&world.files.downloads).try_acquire_owned().expect("a place");
    let stalled = download::body(&world.files, record, 0, 2 << 20, permit);
    assert!(Arc::clone(&world.files.downloads).try_acquire_owned().is_err(), "there is one place");
    let _place = Arc::clone(&world.files.downloads).acquire_owned().await.expect("it is given up");
    let cut = stalled.collect().await.expect("an end").to_bytes();
    assert!(cut.len() < 2 << 20, "who comes back late has not all of it");
}

#[tokio::test]
async fn upload_that_meets_the_quota_at_its_end_goes_on_once_there_is_room() {
    let world = world_with(|limits| limits.bytes_total_max = 3_000_000);
    let other = FileId([8; 32]);
    world.create(&other, 1_900_000, u64::MAX);
    world.append(&other, noise(1_900_000), true).await.expect("stored");
    world.create(&ID, 2_000_000, u64::MAX);
    let bytes = noise(2_000_000);
    assert_eq!(world.append(&ID, bytes.clone(), true).await, Err(Why::Full));
    let record = world.record(&ID).expect("kept");
    assert!(!record.is_complete && record.offset >= 1_000_000, "{}", record.offset);
    let gone = world.record(&other).expect("there");
    assert!(world.files.ledger.remove(&other, &gone).expect("removed"));
    world.files.empty_trash().await.expect("emptied");
    world.append(&ID, bytes.slice(usize::try_from(record.offset).expect("small")..), true).await.expect("goes on");
    let record = world.record(&ID).expect("whole");
    assert_eq!(world.read(&record, 0, 2_000_000).await, Some(bytes));
}
