//! What the embedded engine costs: durable batches of 1 KiB cells, pages, opening. One JSON line for each figure.
//!
//! `cargo bench -p store --bench engine -- [FOLDER [LANES [CELLS]]]`: 1,000 lanes and 200,000 cells by default, in a
//! temporary folder. CPU is user and system time of this process, all threads. Linux only.

#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use bytes::Bytes;
use std::path::Path;
use std::time::Instant;
use store::{BodyPrefix, CommitOutcome, Disk, DiskOptions, LaneBatch, LaneCommit, LaneRecord, Lanes, StoredCell};
use wire::id::{Hash, LaneId};
use wire::lane::{Cell, CellKind, LaneClass};

const BODY_BYTES: usize = 1_024;

/// SplitMix64: repeatable, and cheap beside what is measured.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

fn lane_id(number: u64) -> LaneId {
    let mut random = Random(number ^ 0x5eed);
    let mut id = [0; 32];
    for part in id.chunks_mut(8) {
        part.copy_from_slice(&random.next().to_be_bytes());
    }
    LaneId(id)
}

/// One entry of a lane that has `next_seq`; hashes are drawn, not computed: they are not the store's work.
fn entry(lane: u64, next_seq: &mut u64, cells: u64, body: &Bytes, random: &mut Random) -> LaneCommit {
    let mut record = LaneRecord::new(lane_id(lane), LaneClass::Group, Hash([1; 32]), Hash([2; 32]));
    let mut stored = Vec::with_capacity(cells as usize);
    for seq in *next_seq..*next_seq + cells {
        let mut prefix = [0; 16];
        prefix[..8].copy_from_slice(&random.next().to_be_bytes());
        prefix[8..].copy_from_slice(&random.next().to_be_bytes());
        let mut head = [0; 32];
        head[..16].copy_from_slice(&prefix);
        let cell = Cell { seq, gen_before: 0, kind: CellKind::App, attach: Hash::ZERO, body: body.clone() };
        stored.push(StoredCell { cell, head: Hash(head), body_prefix: BodyPrefix(prefix) });
        record.head = Hash(head);
    }
    *next_seq += cells;
    record.next_seq = *next_seq;
    record.stored_bytes = (*next_seq - 1) * BODY_BYTES as u64;
    record.forget_s = 1_000_000_000;
    LaneCommit { record, cells: stored, cells_expire_s: 900_000_000 }
}

fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("procfs");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("a command").split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("ticks");
    (ticks(11) + ticks(12)) / 100.0
}

fn status_mib(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
    let line = status.lines().find(|line| line.starts_with(field)).expect("the field");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") / 1_024
}

struct Bench {
    disk: Disk,
    next_seqs: Vec<u64>,
    revisions: Vec<u64>,
    body: Bytes,
    random: Random,
}

impl Bench {
    /// Stores `batches` batches of `size` cells, each of a random lane, every one looked up first.
    fn store(&mut self, size: usize, batches: usize) {
        let (mut waits_ms, mut spent_s) = (Vec::new(), 0.0);
        let begin = Instant::now();
        for _ in 0..batches {
            let mut by_lane = std::collections::BTreeMap::<u64, u64>::new();
            for _ in 0..size {
                *by_lane.entry(self.random.next() % self.next_seqs.len() as u64).or_default() += 1;
            }
            let commits = by_lane.into_iter().map(|(lane, cells)| {
                let at = lane as usize;
                let mut commit = entry(lane, &mut self.next_seqs[at], cells, &self.body, &mut self.random);
                self.revisions[at] += 1;
                commit.record.revision = self.revisions[at];
                commit
            });
            let batch = LaneBatch { commits: commits.collect() };
            let (wait, cpu) = (Instant::now(), cpu_s());
            for commit in &batch.commits {
                for cell in &commit.cells {
                    assert!(self.disk.find(&commit.record.lane_id, &cell.body_prefix).expect("finds").is_none());
                }
            }
            let outcomes = self.disk.commit(&batch).expect("stores");
            assert!(outcomes.iter().all(|outcome| *outcome == CommitOutcome::Stored));
            waits_ms.push(wait.elapsed().as_secs_f64() * 1e3);
            spent_s += cpu_s() - cpu;
        }
        let seconds = begin.elapsed().as_secs_f64();
        waits_ms.sort_by(f64::total_cmp);
        let cells = (size * batches) as f64;
        println!(
            r#"{{"figure":"store","lanes":{},"batch":{size},"cells":{cells},"cells_per_s":{:.0},"p50_ms":{:.2},"p99_ms":{:.2},"max_ms":{:.1},"cpu_us_per_cell":{:.2},"rss_mib":{}}}"#,
            self.next_seqs.len(),
            cells / seconds,
            waits_ms[batches / 2],
            waits_ms[batches * 99 / 100],
            waits_ms[batches - 1],
            spent_s / cells * 1e6,
            status_mib("VmRSS"),
        );
    }

    /// Reads lanes from their beginning, page by page.
    fn drain(&self, lanes: usize) {
        let (begin, cpu) = (Instant::now(), cpu_s());
        let mut cells = 0;
        for (lane, next_seq) in self.next_seqs.iter().enumerate().take(lanes) {
            let mut after = 0;
            while after + 1 < *next_seq {
                let page = self.disk.read(&lane_id(lane as u64), after, 64, 1 << 20).expect("reads");
                after += page.len() as u64;
                cells += page.len();
                assert!(!page.is_empty());
            }
        }
        let (seconds, cpu) = (begin.elapsed().as_secs_f64(), cpu_s() - cpu);
        println!(
            r#"{{"figure":"drain","cells":{cells},"cells_per_s":{:.0},"cpu_us_per_cell":{:.2},"rss_mib":{}}}"#,
            cells as f64 / seconds,
            cpu / cells as f64 * 1e6,
            status_mib("VmRSS"),
        );
    }
}

/// Opens a store as a process does that has done nothing before, and reads one lane.
fn open_again(folder: &Path) {
    let (begin, cpu) = (Instant::now(), cpu_s());
    let disk = Disk::open(folder, DiskOptions::default()).expect("opens");
    let page = disk.read(&lane_id(1), 0, 1, 1 << 20).expect("reads");
    println!(
        r#"{{"figure":"open","first_page_cells":{},"ms":{:.0},"cpu_ms":{:.0},"rss_mib":{},"peak_rss_mib":{}}}"#,
        page.len(),
        begin.elapsed().as_secs_f64() * 1e3,
        (cpu_s() - cpu) * 1e3,
        status_mib("VmRSS"),
        status_mib("VmHWM"),
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if let [folder, only] = &arguments[..]
        && only == "open"
    {
        return open_again(Path::new(folder));
    }
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let folder = arguments.first().map_or(temporary.path(), Path::new).to_path_buf();
    let number = |at: usize, default: usize| arguments.get(at).map_or(default, |text| text.parse().expect("a number"));
    let (lanes, cells) = (number(1, 1_000), number(2, 200_000));
    let mut random = Random(42);
    let body: Vec<u8> = (0..BODY_BYTES).map(|_| random.next() as u8).collect();
    let disk = Disk::open(&folder, DiskOptions::default()).expect("opens");
    let (next_seqs, revisions) = (vec![1; lanes], vec![0; lanes]);
    let mut bench = Bench { disk, next_seqs, revisions, body: Bytes::from(body), random };
    for size in [1, 16, 64] {
        bench.store(size, 400);
    }
    bench.store(1_000, (cells / 1_000).max(1));
    bench.drain(lanes.min(20_000));
    drop(bench);
    let this = std::env::current_exe().expect("a path");
    let status = std::process::Command::new(this).arg(&folder).arg("open").status().expect("runs");
    assert!(status.success());
}
