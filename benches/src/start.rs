//! Case `binary`: what the node costs before anybody uses it.

use crate::Scale;
use crate::process::{Server, data_folder, node_binary};
use crate::report::{Measurement, Subject, median, rounded};
use std::time::Duration;

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
