//! Case `restart`: a node with a million lanes and ten million cells opens its port again.

use crate::Scale;
use crate::fanout::folder_bytes;
use crate::peer::{Lane, Random};
use crate::process::{Server, node_binary, target_folder};
use crate::report::{Measurement, Subject, median, rounded};
use anyhow::{Context, ensure};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use store::{BodyPrefix, CommitOutcome, Disk, DiskOptions, LaneBatch, LaneCommit, LaneRecord, Lanes, StoredCell};
use wire::id::Hash;
use wire::lane::{Cell, CellKind, LaneClass, derive_lane_id, head_next};

const LANES: u64 = 1_000_000;
const CELLS_EACH: u64 = 10;
/// Lanes of one commit while the folder is built: 40 MiB of bodies.
const LANES_AT_ONCE: u64 = 4_096;
const STARTS: u32 = 5;
/// Lies in a finished folder; its content is what the folder holds.
const MARK: &str = "BENCH-COMPLETE";
/// Retention of the cells and of the records.
const DAYS_30_S: u64 = 30 * 86_400;

/// Starts over the big folder, which is built once and kept below the target folder.
pub fn run(scale: &Scale) -> anyhow::Result<()> {
    let lanes = scale.of(LANES);
    let folder = target_folder()?.join(format!("bench-data/restart-{lanes}"));
    if std::fs::read_to_string(folder.join(MARK)).ok().as_deref() != Some(store_version()) {
        build(&folder, lanes)?;
    }
    let binary = node_binary()?;
    // The first start makes the node's key and whatever else it keeps besides the store.
    Server::start_node_in(&binary, &folder, &[])?.stop()?;
    let (mut serving_ms, mut rss) = (Vec::new(), Vec::new());
    for _ in 0..if scale.is_tiny { 1 } else { STARTS } {
        let started = Instant::now();
        let server = Server::start_node_in(&binary, &folder, &[])?;
        wait_until_healthy(server.address)?;
        serving_ms.push(started.elapsed().as_secs_f64() * 1_000.0);
        std::thread::sleep(Duration::from_millis(300));
        rss.push(server.rss_bytes()? as f64);
        server.stop()?;
    }
    let slowest = serving_ms.iter().copied().fold(0.0, f64::max);
    let mut measurement = Measurement::new("restart", Subject::Node)
        .with("lanes", lanes)
        .with("cells", lanes * CELLS_EACH)
        .with("folder_bytes", folder_bytes(&folder)?)
        .with("serving_ms", median(serving_ms).map(rounded))
        .with("slowest_serving_ms", rounded(slowest));
    measurement.rss_bytes = median(rss).map(|rss| rss as u64);
    measurement.print()
}

/// Another layout of the store makes the cached folder useless.
fn store_version() -> &'static str {
    "disk 1, records 1, cells 1"
}

fn wait_until_healthy(address: SocketAddr) -> anyhow::Result<()> {
    let asked = Instant::now();
    loop {
        let mut stream = TcpStream::connect(address)?;
        write!(stream, "GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        if answer.starts_with("HTTP/1.1 200") {
            return Ok(());
        }
        ensure!(asked.elapsed() < crate::STALL, "the node is not healthy: {answer}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn store_folder(folder: &Path) -> PathBuf {
    folder.join("store")
}

fn build(folder: &Path, lanes: u64) -> anyhow::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let disk = Disk::open(&store_folder(folder), DiskOptions::default())?;
    let mut random = Random::new();
    let mut built = 0;
    while built < lanes {
        let count = LANES_AT_ONCE.min(lanes - built);
        let commits = (0..count).map(|_| filled_lane(&mut random, now_s)).collect();
        let outcomes = disk.commit(&LaneBatch { commits })?;
        ensure!(outcomes.iter().all(|outcome| *outcome == CommitOutcome::Stored), "a new lane conflicts");
        built += count;
    }
    drop(disk);
    std::fs::write(folder.join(MARK), store_version()).context("the finished folder's mark")
}

fn filled_lane(random: &mut Random, now_s: u64) -> LaneCommit {
    let lane = Lane::new(random);
    let (read_hash, write_hash) = (lane.read.hash(), lane.write.hash());
    let lane_id = derive_lane_id(LaneClass::Group, &read_hash, &write_hash);
    let mut record = LaneRecord::new(lane_id, LaneClass::Group, read_hash, write_hash);
    let mut cells = Vec::new();
    for seq in 1..=CELLS_EACH {
        let body = random.body();
        let body_hash = Hash::of(&[&body]);
        record.head = head_next(&record.head, seq, CellKind::App, &Hash::ZERO, &body_hash);
        record.stored_bytes += body.len() as u64;
        let cell = Cell { seq, gen_before: 0, kind: CellKind::App, attach: Hash::ZERO, body };
        cells.push(StoredCell { cell, head: record.head, body_prefix: BodyPrefix::of(&body_hash) });
    }
    record.next_seq = CELLS_EACH + 1;
    record.forget_s = now_s + 7 * DAYS_30_S;
    LaneCommit { record, cells, cells_expire_s: now_s + DAYS_30_S }
}
