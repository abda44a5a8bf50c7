//! Cases `disk` and `binary`: what the disk gives, and what the node costs before anybody uses it.

use crate::Scale;
use crate::process::{Server, data_folder, node_binary};
use crate::report::{Latencies, Measurement, Subject, median, rounded};
use std::io::Write;
use std::time::{Duration, Instant};

/// Bytes appended before each fdatasync: a batch of 64 cells.
const DISK_BATCH_BYTES: usize = 64 << 10;
const DISK_BATCHES: u64 = 1_000;

/// `disk`: append and fdatasync, the least that an acknowledgement waits for.
pub fn disk(scale: &Scale) -> anyhow::Result<()> {
    let folder = data_folder()?;
    let mut file = std::fs::File::create(folder.path().join("log"))?;
    let mut random = crate::peer::Random::new();
    let mut batch = vec![0; DISK_BATCH_BYTES];
    let mut latencies = Latencies::default();
    let started = Instant::now();
    for _ in 0..scale.of(DISK_BATCHES) {
        random.fill(&mut batch);
        let begun = Instant::now();
        file.write_all(&batch)?;
        file.sync_data()?;
        latencies.add(begun.elapsed());
    }
    let mut measurement =
        Measurement::new("disk", Subject::Machine).with_latencies(&mut latencies).with("batch_bytes", DISK_BATCH_BYTES);
    measurement.messages = Some(scale.of(DISK_BATCHES));
    measurement.seconds = Some(rounded(started.elapsed().as_secs_f64()));
    measurement.print()
}

/// Starts after the first, which makes the data folder.
const STARTS: u32 = 9;

/// `binary`: size, resident bytes at start, time to the open port.
pub fn binary(scale: &Scale) -> anyhow::Result<()> {
    let path = node_binary()?;
    let folder = data_folder()?;
    let first = Server::start_node_in(&path, folder.path(), &[])?;
    let first_ms = first.opened_after.as_secs_f64() * 1_000.0;
    first.stop()?;
    let (mut opened_ms, mut rss) = (Vec::new(), 0);
    for _ in 0..if scale.is_tiny { 1 } else { STARTS } {
        let server = Server::start_node_in(&path, folder.path(), &[])?;
        opened_ms.push(server.opened_after.as_secs_f64() * 1_000.0);
        std::thread::sleep(Duration::from_millis(200));
        rss = rss.max(server.rss_bytes()?);
        server.stop()?;
    }
    let slowest = opened_ms.iter().copied().fold(0.0, f64::max);
    let mut measurement = Measurement::new("binary", Subject::Node)
        .with("binary_bytes", std::fs::metadata(&path)?.len())
        .with("first_open_ms", rounded(first_ms))
        .with("open_ms", median(opened_ms).map(rounded))
        .with("slowest_open_ms", rounded(slowest));
    measurement.rss_bytes = Some(rss);
    measurement.print()
}
