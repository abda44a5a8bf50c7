//! Case `fanout`: one lane, a thousand subscribers.

use crate::drive::Driver;
use crate::peer::{Lane, NodeLink, Random, append};
use crate::process::{Server, data_folder, node_binary};
use crate::report::{Latencies, Measurement, Subject};
use crate::{STALL, Scale};
use anyhow::{Context, bail};
use std::collections::VecDeque;
use std::path::Path;
use std::time::Instant;
use wire::node::{Event, Handle};

const SUBSCRIBERS: u64 = 1_000;
/// Cells appended; a lane's burst is 2,048.
const CELLS: u64 = 500;
/// Appends whose delivery to everybody is awaited at once.
const WINDOW: u64 = 16;

/// Appends and counts what everybody gets.
pub fn run(scale: &Scale) -> anyhow::Result<()> {
    for round in 1..=scale.rounds {
        let folder = data_folder()?;
        let server = Server::start_node_in(&node_binary()?, folder.path(), &[])?;
        one_round(&server, scale, round, folder.path())?;
        server.stop()?;
    }
    Ok(())
}

fn open(driver: &mut Driver, server: &Server, lane: &Lane) -> anyhow::Result<(NodeLink, Handle)> {
    let mut link = NodeLink::connect(driver, server.address, None)?;
    let handles = link.open(driver, vec![lane.open(0)])?;
    Ok((link, *handles.first().context("no handle")?))
}

fn one_round(server: &Server, scale: &Scale, round: u32, folder: &Path) -> anyhow::Result<()> {
    let (subscribers, cells) = (scale.of(SUBSCRIBERS), scale.of(CELLS));
    let (mut random, mut driver) = (Random::new(), Driver::new()?);
    let lane = Lane::new(&mut random);
    let (mut sender, handle) = open(&mut driver, server, &lane)?;
    let mut links = Vec::new();
    for _ in 0..subscribers {
        links.push(open(&mut driver, server, &lane)?.0);
    }
    let stored_before = folder_bytes(folder)?;
    let (started, cpu) = (Instant::now(), server.cpu_seconds()?);
    let mut latencies = Latencies::default();
    let mut sent_at: Vec<Instant> = Vec::new();
    let mut got = vec![0_usize; links.len()];
    let (mut deliveries, mut receipts, mut ready) = (0, 0, Vec::new());
    let mut frame_bytes = 0;
    while deliveries < cells * subscribers || receipts < cells {
        let whole = deliveries / subscribers;
        let mut next: VecDeque<_> = VecDeque::new();
        // Several at once only as far as everybody has the ones before.
        while (sent_at.len() as u64) < cells && (sent_at.len() as u64) < whole + WINDOW {
            next.push_back(append(handle, sent_at.len() as u32, random.body()));
            sent_at.push(Instant::now());
        }
        if !next.is_empty() {
            let count = next.len();
            frame_bytes = sender.request(&mut driver, next) / count;
            driver.flush(sender.id)?;
        }
        driver.poll(STALL, &mut ready)?;
        if ready.is_empty() {
            bail!("nothing arrived; {deliveries} deliveries so far");
        }
        for &at in &ready {
            if at == sender.id {
                while let Some(events) = sender.events(&mut driver)? {
                    receipts += events.iter().filter(|event| matches!(event, Event::Receipt(_))).count() as u64;
                }
                continue;
            }
            let (link, got) = (&mut links[at - 1], &mut got[at - 1]);
            while let Some(events) = link.events(&mut driver)? {
                for event in events {
                    let Event::Push { cell, .. } = event else { bail!("unexpected {event:?}") };
                    *got += 1;
                    if cell.seq != *got as u64 {
                        bail!("pushed out of order");
                    }
                    latencies.add(sent_at[*got - 1].elapsed());
                    deliveries += 1;
                }
            }
        }
    }
    let core_seconds = server.cpu_seconds()? - cpu;
    let mut measurement = Measurement::new("fanout", Subject::Node)
        .with_work(deliveries, started.elapsed().as_secs_f64(), core_seconds)
        .with_latencies(&mut latencies)
        .with("subscribers", subscribers)
        .with("cells", cells)
        .with("folder_growth_bytes", folder_bytes(folder)?.saturating_sub(stored_before));
    measurement.round = Some(round);
    measurement.frame_bytes = Some(frame_bytes as u64);
    measurement.rss_bytes = Some(server.rss_bytes()?);
    measurement.print()
}

/// Bytes that a folder takes on disk, blocks counted.
pub fn folder_bytes(folder: &Path) -> anyhow::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // What the server removes meanwhile counts nothing.
        let Ok(metadata) = entry.metadata() else { continue };
        bytes += if metadata.is_dir() { folder_bytes(&entry.path())? } else { metadata.blocks() * 512 };
    }
    Ok(bytes)
}
