//! A writer is killed again and again: everything it acknowledged is there, nothing is half there.

use bytes::Bytes;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use store::conformance::LaneDriver;
use store::{Change, CommitOutcome, Disk, DiskOptions, Expect, LaneBatch, Lanes, RegisterKey, Registers};

const WRITER: &str = "STORE_TEST_WRITER";
const LANES: u64 = 30;
const KILLS: u64 = 40;

fn options() -> DiskOptions {
    DiskOptions { segment_bytes: 512 << 10, flush_bytes: 128 << 10, ..DiskOptions::default() }
}

fn counter_key() -> RegisterKey {
    RegisterKey::new(&[b"counter"]).expect("a good key")
}

fn counter(disk: &Disk) -> u64 {
    let value = disk.get(&counter_key()).expect("reads");
    value.map_or(0, |value| u64::from_be_bytes(value[..].try_into().expect("eight bytes")))
}

/// Goes on where the store ends and prints every acknowledgement, until it is killed.
fn write_until_killed(folder: &Path, run: u64) {
    let disk = Disk::open(folder, options()).expect("opens");
    let mut lanes: Vec<LaneDriver> = (0..LANES).map(LaneDriver::new).collect();
    for lane in &mut lanes {
        if let Some(record) = disk.record(&lane.id()).expect("reads") {
            lane.record = record;
        }
    }
    let mut count = counter(&disk);
    let mut state = run;
    let mut draw = |limit: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit
    };
    let mut out = std::io::stdout();
    loop {
        let mut line = "ack".to_string();
        if draw(8) == 0 {
            count += 1;
            let value = Some(Bytes::from(count.to_be_bytes().to_vec()));
            disk.swap(&[Change { key: counter_key(), expect: Expect::Any, value }]).expect("swaps");
            line.push_str(&format!(" counter={count}"));
        } else {
            let mut commits = Vec::new();
            for (number, lane) in lanes.iter_mut().enumerate() {
                if draw(3) == 0 {
                    commits.push(lane.append(&vec![1_024; 1 + draw(4) as usize], u64::MAX / 2));
                    line.push_str(&format!(" {number}={}", lane.record.next_seq));
                }
            }
            let outcomes = disk.commit(&LaneBatch { commits }).expect("stores");
            assert!(outcomes.iter().all(|outcome| *outcome == CommitOutcome::Stored));
        }
        line.push('\n');
        if out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

#[test]
fn what_a_killed_writer_acknowledged_is_there() {
    if let Ok(writer) = std::env::var(WRITER) {
        let (run, folder) = writer.split_once(' ').expect("a run and a folder");
        return write_until_killed(Path::new(folder), run.parse().expect("a number"));
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut acknowledged = vec![1_u64; LANES as usize];
    let (mut count, mut lines) = (0, 0);
    for run in 0..KILLS {
        let mut writer = Command::new(std::env::current_exe().expect("a path"))
            .args(["--exact", "what_a_killed_writer_acknowledged_is_there", "--nocapture"])
            .env(WRITER, format!("{run} {}", folder.path().display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let kill_after = 1 + run * 7 % 23;
        let mut seen = 0;
        // The pipe is read to its end, so acknowledgements that were on their way when the writer died count too.
        for line in BufReader::new(writer.stdout.take().expect("a pipe")).lines() {
            let line = line.expect("reads");
            let Some(at) = line.find("ack ") else { continue };
            for field in line[at + 4..].split_whitespace() {
                let Some((name, value)) = field.split_once('=') else { continue };
                match (name, value.parse::<u64>()) {
                    ("counter", Ok(value)) => count = value,
                    (lane, Ok(value)) => acknowledged[lane.parse::<usize>().expect("a lane")] = value,
                    _ => {}
                }
            }
            lines += 1;
            seen += 1;
            if seen == kill_after {
                writer.kill().expect("kills");
            }
        }
        writer.wait().expect("ends");
        assert!(seen >= kill_after, "run {run}: the writer ended by itself");
        let disk = Disk::open(folder.path(), options()).expect("opens");
        assert!(counter(&disk) >= count, "run {run}");
        for (number, next_seq) in acknowledged.iter().enumerate() {
            let mut lane = LaneDriver::new(number as u64);
            let Some(record) = disk.record(&lane.id()).expect("reads") else {
                assert_eq!(*next_seq, 1, "run {run}");
                continue;
            };
            assert!(record.next_seq >= *next_seq, "run {run} lane {number}");
            lane.append(&vec![1_024; (record.next_seq - 1) as usize], u64::MAX / 2);
            assert_eq!(record.head, lane.record.head, "run {run} lane {number}");
            let cells = disk.read(&lane.id(), 0, usize::MAX, usize::MAX).expect("reads");
            assert_eq!(cells, lane.cells, "run {run} lane {number}");
        }
    }
    assert!(lines > 300, "{lines} acknowledgements");
}
