//! Case `offline`: cells stored for lanes that nobody reads now, then all of them fetched.

use crate::drive::Driver;
use crate::peer::{Lane, NodeLink, Random, append, opened};
use crate::process::{Server, node_binary};
use crate::report::{Measurement, Subject};
use crate::{STALL, Scale};
use anyhow::{bail, ensure};
use wire::node::{Event, Handle, Page, Request};

const SENDERS: u64 = 50;
const LANES_PER_SENDER: usize = 20;
const CELLS: u64 = 100_000;
/// Unanswered appends of each sender.
const WINDOW: u64 = 20;

struct Sender {
    link: NodeLink,
    handles: Vec<Handle>,
    sent: u64,
    stored: u64,
}

/// Stores, then drains.
pub fn run(scale: &Scale) -> anyhow::Result<()> {
    for round in 1..=scale.rounds {
        let server = Server::start_node(&node_binary()?, &[])?;
        let mut random = Random::new();
        let senders = scale.of(SENDERS) as usize;
        let lanes: Vec<Lane> =
            std::iter::repeat_with(|| Lane::new(&mut random)).take(senders * LANES_PER_SENDER).collect();
        let cells_per_sender = scale.of(CELLS) / senders as u64;
        let rss_before = store(&server, &lanes, cells_per_sender, &mut random, round)?;
        drain(&server, &lanes, cells_per_sender * senders as u64, rss_before, round)?;
        server.stop()?;
    }
    Ok(())
}

fn store(server: &Server, lanes: &[Lane], each: u64, random: &mut Random, round: u32) -> anyhow::Result<u64> {
    let mut driver = Driver::new()?;
    let mut senders = Vec::new();
    for lanes in lanes.chunks(LANES_PER_SENDER) {
        let mut link = NodeLink::connect(&mut driver, server.address, None)?;
        let handles = link.open(&mut driver, lanes.iter().map(|lane| lane.open(0)).collect())?;
        senders.push(Sender { link, handles, sent: 0, stored: 0 });
    }
    let rss_before = server.rss_bytes()?;
    let (started, cpu) = (std::time::Instant::now(), server.cpu_seconds()?);
    let mut frame_bytes = 0;
    for sender in &mut senders {
        frame_bytes = fill_window(sender, &mut driver, each, random)?;
    }
    let mut ready = Vec::new();
    while senders.iter().any(|sender| sender.stored < each) {
        driver.poll(STALL, &mut ready)?;
        if ready.is_empty() {
            bail!("the node stores nothing");
        }
        for &at in &ready {
            let sender = &mut senders[at];
            while let Some(events) = sender.link.events(&mut driver)? {
                sender.stored += events.iter().filter(|event| matches!(event, Event::Receipt(_))).count() as u64;
            }
            fill_window(sender, &mut driver, each, random)?;
        }
    }
    let core_seconds = server.cpu_seconds()? - cpu;
    let mut measurement = Measurement::new("offline", Subject::Node)
        .with_work(each * senders.len() as u64, started.elapsed().as_secs_f64(), core_seconds)
        .with("part", "store")
        .with("rss_growth_bytes", server.rss_bytes()?.saturating_sub(rss_before));
    measurement.round = Some(round);
    measurement.frame_bytes = Some(frame_bytes);
    measurement.rss_bytes = Some(server.rss_bytes()?);
    measurement.print()?;
    Ok(rss_before)
}

/// Sends up to the window; the bytes of one append sent alone.
fn fill_window(sender: &mut Sender, driver: &mut Driver, each: u64, random: &mut Random) -> anyhow::Result<u64> {
    let free = (each - sender.sent).min(WINDOW - (sender.sent - sender.stored));
    if free == 0 {
        return Ok(0);
    }
    let (first, lanes) = (sender.sent, sender.handles.len() as u64);
    sender.sent += free;
    let handles = &sender.handles;
    let requests = (first..first + free)
        .map(|number| append(handles[(number % lanes) as usize], (number / lanes) as u32, random.body()));
    let bytes = sender.link.request(driver, requests);
    driver.flush(sender.link.id)?;
    Ok(bytes as u64 / free)
}

struct Reader {
    link: NodeLink,
    handle: Handle,
    read: u64,
    is_done: bool,
}

fn drain(server: &Server, lanes: &[Lane], cells: u64, rss_before: u64, round: u32) -> anyhow::Result<()> {
    let mut driver = Driver::new()?;
    let (started, cpu) = (std::time::Instant::now(), server.cpu_seconds()?);
    let mut readers = Vec::new();
    for _ in lanes {
        let link = NodeLink::connect(&mut driver, server.address, None)?;
        readers.push(Reader { link, handle: 0, read: 0, is_done: false });
    }
    let connected_cpu = server.cpu_seconds()?;
    for (reader, lane) in readers.iter_mut().zip(lanes) {
        reader.link.request(&mut driver, [lane.open(0)]);
        driver.flush(reader.link.id)?;
    }
    let mut ready = Vec::new();
    while readers.iter().any(|reader| !reader.is_done) {
        driver.poll(STALL, &mut ready)?;
        if ready.is_empty() {
            bail!("the node sends nothing");
        }
        for &at in &ready {
            take_pages(&mut readers[at], &mut driver)?;
        }
    }
    let total: u64 = readers.iter().map(|reader| reader.read).sum();
    ensure!(total == cells, "{total} of {cells} cells came back");
    let now_cpu = server.cpu_seconds()?;
    let paging = now_cpu - connected_cpu;
    let mut measurement = Measurement::new("offline", Subject::Node)
        .with_work(total, started.elapsed().as_secs_f64(), now_cpu - cpu)
        .with("part", "drain")
        .with("connect_core_seconds", crate::report::rounded(connected_cpu - cpu))
        .with("per_core_second_without_connecting", (total as f64 / paging.max(0.01)).round())
        .with("rss_growth_bytes", server.rss_bytes()?.saturating_sub(rss_before))
        .with("rss_peak_growth_bytes", server.rss_peak_bytes()?.saturating_sub(rss_before));
    measurement.round = Some(round);
    measurement.rss_bytes = Some(server.rss_bytes()?);
    measurement.print()
}

fn take_pages(reader: &mut Reader, driver: &mut Driver) -> anyhow::Result<()> {
    while let Some(events) = reader.link.events(driver)? {
        for event in events {
            if matches!(event, Event::Opened { .. }) {
                reader.handle = opened(&event)?;
            }
            let (Event::Opened { page, .. } | Event::Page(page)) = event else { bail!("unexpected {event:?}") };
            check_page(reader.read, &page)?;
            reader.read += page.cells.len() as u64;
            if reader.read + 1 < page.next_seq {
                reader.link.request(driver, [Request::Read { handle: reader.handle, after: reader.read }]);
                driver.flush(reader.link.id)?;
            } else {
                ensure!(page.receipt.is_some(), "the last page brings a receipt");
                reader.is_done = true;
            }
        }
    }
    Ok(())
}

fn check_page(after: u64, page: &Page) -> anyhow::Result<()> {
    ensure!(!page.cells.is_empty(), "an empty page before the end");
    for (seq, cell) in (after + 1..).zip(&page.cells) {
        ensure!(cell.seq == seq, "cells out of order");
    }
    Ok(())
}
