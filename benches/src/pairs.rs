//! Cases `pair16`, `pair` and `open`: the node beside the floor, in alternating rounds of one run.

use crate::drive::Driver;
use crate::peer::{BODY_BYTES, FloorPairs, NodePairs, Pairs, SenderOpens};
use crate::process::{Server, node_binary};
use crate::report::{Latencies, Measurement, Subject, median, rounded};
use crate::{STALL, Scale};
use anyhow::bail;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The frame of the figures that the floor was first measured with.
const SMALL_FRAME_BYTES: usize = 256;
/// An append of [`BODY_BYTES`] as it is sent alone: 17 bytes of protobuf and 8 of WebSocket more. The floor gets the same.
const FRAME_BYTES: usize = BODY_BYTES + 25;
/// Messages a second of the open loop, in all.
const OPEN_PER_SECOND: u64 = 1_000;

/// One subject with everything connected.
struct Run {
    subject: Subject,
    server: Server,
    driver: Driver,
    pairs: Box<dyn Pairs>,
    lanes: Vec<Lane>,
    /// The first failure is the run's.
    frame_bytes: u64,
}

/// A pair's messages under way.
#[derive(Default)]
struct Lane {
    /// When each message that did not arrive yet was (to be) sent.
    started: VecDeque<Instant>,
    unacknowledged: u32,
}

impl Lane {
    /// Neither acknowledged nor delivered counts as under way.
    fn under_way(&self) -> u32 {
        self.unacknowledged.max(self.started.len() as u32)
    }
}

#[derive(Default)]
struct Outcome {
    messages: u64,
    seconds: f64,
    core_seconds: f64,
    latencies: Latencies,
}

impl Run {
    fn floor(frame_bytes: usize, pairs: usize) -> anyhow::Result<Self> {
        Self::new(Subject::Floor, Server::start_floor()?, Box::new(FloorPairs::new(frame_bytes)), pairs)
    }

    fn node(pairs: usize, sender_opens: SenderOpens) -> anyhow::Result<Self> {
        let server = Server::start_node(&node_binary()?, &[])?;
        Self::new(Subject::Node, server, Box::new(NodePairs::new(sender_opens)), pairs)
    }

    fn new(subject: Subject, server: Server, mut pairs: Box<dyn Pairs>, count: usize) -> anyhow::Result<Self> {
        let mut driver = Driver::new()?;
        pairs.connect(&mut driver, server.address, count)?;
        let lanes = std::iter::repeat_with(Lane::default).take(count).collect();
        Ok(Self { subject, server, driver, pairs, lanes, frame_bytes: 0 })
    }

    fn send(&mut self, pair: usize, count: u32, at: Instant) -> anyhow::Result<()> {
        let bytes = self.pairs.send(&mut self.driver, pair, count)?;
        self.frame_bytes = bytes as u64 / u64::from(count.max(1));
        let lane = &mut self.lanes[pair];
        lane.unacknowledged += count;
        lane.started.extend(std::iter::repeat_n(at, count as usize));
        Ok(())
    }

    /// Takes what a link received; the latencies of what was delivered.
    fn receive(&mut self, link: usize, latencies: &mut Latencies) -> anyhow::Result<u64> {
        let came = self.pairs.receive(&mut self.driver, link)?;
        let lane = &mut self.lanes[link / 2];
        let now = Instant::now();
        if came.acknowledged > lane.unacknowledged || came.delivered as usize > lane.started.len() {
            bail!("more arrived than was sent");
        }
        lane.unacknowledged -= came.acknowledged;
        for started in lane.started.drain(..came.delivered as usize) {
            latencies.add(now.saturating_duration_since(started));
        }
        Ok(u64::from(came.delivered))
    }

    /// Keeps `window` messages of each pair under way, until `messages` arrived after a warm-up.
    fn closed_loop(&mut self, window: u32, warm_up: u64, messages: u64) -> anyhow::Result<Outcome> {
        for pair in 0..self.lanes.len() {
            self.send(pair, window, Instant::now())?;
        }
        let (mut arrived, mut is_warm, mut ready) = (0, false, Vec::new());
        let mut outcome = Outcome::default();
        let (mut started, mut cpu) = (Instant::now(), 0.0);
        while arrived < messages {
            self.driver.poll(STALL, &mut ready)?;
            if ready.is_empty() {
                bail!("nothing arrived for {} s", STALL.as_secs());
            }
            for &link in &ready {
                arrived += self.receive(link, &mut outcome.latencies)?;
                let free = window.saturating_sub(self.lanes[link / 2].under_way());
                if free > 0 {
                    self.send(link / 2, free, Instant::now())?;
                }
            }
            if !is_warm && arrived >= warm_up {
                (is_warm, arrived, started) = (true, 0, Instant::now());
                cpu = self.server.cpu_seconds()?;
                outcome.latencies = Latencies::default();
            }
        }
        outcome.core_seconds = self.server.cpu_seconds()? - cpu;
        outcome.seconds = started.elapsed().as_secs_f64();
        outcome.messages = arrived;
        self.settle()?;
        Ok(outcome)
    }

    /// Sends on a fixed schedule, whatever arrives; latency counts from the scheduled time.
    fn open_loop(&mut self, per_second: u64, seconds: u64) -> anyhow::Result<Outcome> {
        let mut outcome = Outcome::default();
        let cpu = self.server.cpu_seconds()?;
        let (started, total, mut sent) = (Instant::now(), per_second * seconds, 0);
        let due = |number: u64| started + Duration::from_nanos(number * 1_000_000_000 / per_second);
        let mut ready = Vec::new();
        while outcome.messages < total {
            while sent < total && due(sent) <= Instant::now() {
                let pair = sent as usize % self.lanes.len();
                self.send(pair, 1, due(sent))?;
                sent += 1;
            }
            let wait = if sent < total { due(sent).saturating_duration_since(Instant::now()) } else { STALL };
            self.driver.poll(wait, &mut ready)?;
            if ready.is_empty() && sent == total {
                bail!("nothing arrived for {} s", STALL.as_secs());
            }
            for &link in &ready {
                outcome.messages += self.receive(link, &mut outcome.latencies)?;
            }
        }
        outcome.core_seconds = self.server.cpu_seconds()? - cpu;
        outcome.seconds = started.elapsed().as_secs_f64();
        self.settle()?;
        Ok(outcome)
    }

    /// Waits until nothing is under way.
    fn settle(&mut self) -> anyhow::Result<()> {
        let (mut ready, mut late) = (Vec::new(), Latencies::default());
        while self.lanes.iter().any(|lane| lane.under_way() > 0) {
            self.driver.poll(STALL, &mut ready)?;
            if ready.is_empty() {
                bail!("messages were lost");
            }
            for &link in &ready {
                self.receive(link, &mut late)?;
            }
        }
        Ok(())
    }

    fn measurement(&self, case: &'static str, round: u32, outcome: &mut Outcome) -> anyhow::Result<Measurement> {
        let mut measurement = Measurement::new(case, self.subject)
            .with_work(outcome.messages, outcome.seconds, outcome.core_seconds)
            .with_latencies(&mut outcome.latencies)
            .with("per_second", (outcome.messages as f64 / outcome.seconds).round());
        measurement.round = Some(round);
        measurement.frame_bytes = Some(self.frame_bytes);
        measurement.rss_bytes = Some(self.server.rss_bytes()?);
        Ok(measurement)
    }
}

fn ratio(of: Option<f64>, to: Option<f64>) -> Option<f64> {
    Some(rounded(of? / to.filter(|&to| to > 0.0)?))
}

/// `pair16` and `pair`: messages per core-second with a window in each pair.
pub fn closed(case: &'static str, window: u32, scale: &Scale) -> anyhow::Result<()> {
    let pairs = scale.of(500) as usize;
    // Below a lane's burst of 2,048 appends, so that no budget is what gets measured.
    let messages = scale.of(if window > 1 { 600_000 } else { 60_000 });
    let warm_up = messages / 6;
    let (mut ratios, mut speeds) = (Vec::new(), Vec::new());
    for round in 1..=scale.rounds {
        let mut floor_speed = None;
        for frame_bytes in [SMALL_FRAME_BYTES, FRAME_BYTES] {
            let mut run = Run::floor(frame_bytes, pairs)?;
            let mut outcome = run.closed_loop(window, warm_up, messages)?;
            let measurement = run.measurement(case, round, &mut outcome)?;
            floor_speed = measurement.per_core_second;
            measurement.print()?;
            run.server.stop()?;
        }
        if !scale.with_node {
            continue;
        }
        for sender_opens in [SenderOpens::Both, SenderOpens::WriteOnly] {
            let mut run = Run::node(pairs, sender_opens)?;
            let mut outcome = run.closed_loop(window, warm_up, messages)?;
            let mut measurement = run.measurement(case, round, &mut outcome)?;
            measurement.ratio_to_floor = ratio(measurement.per_core_second, floor_speed);
            run.server.stop()?;
            if sender_opens == SenderOpens::Both {
                ratios.extend(measurement.ratio_to_floor);
                speeds.extend(measurement.per_core_second);
            } else {
                measurement = measurement.with("sender_opens", "write_only");
            }
            measurement.print()?;
        }
    }
    let mut summary = Measurement::new(case, Subject::Node).with("rounds", scale.rounds);
    summary.per_core_second = median(speeds);
    summary.ratio_to_floor = median(ratios);
    if scale.with_node { summary.print() } else { Ok(()) }
}

/// `open`: latency at a fixed rate; node and floor take turns within one run.
pub fn open(scale: &Scale) -> anyhow::Result<()> {
    let pairs = scale.of(500) as usize;
    let seconds = scale.of(5);
    let mut floor = Run::floor(FRAME_BYTES, pairs)?;
    let mut node = if scale.with_node { Some(Run::node(pairs, SenderOpens::Both)?) } else { None };
    let (mut floor_all, mut node_all) = (Latencies::default(), Latencies::default());
    for round in 1..=2 * scale.rounds {
        for (run, all) in [(Some(&mut floor), &mut floor_all), (node.as_mut(), &mut node_all)] {
            let Some(run) = run else { continue };
            let mut outcome = run.open_loop(OPEN_PER_SECOND, seconds)?;
            all.merge(&outcome.latencies);
            run.measurement("open", round, &mut outcome)?.print()?;
        }
    }
    let of_floor = Measurement::new("open", Subject::Floor).with_latencies(&mut floor_all);
    of_floor.clone().with("rounds", 2 * scale.rounds).print()?;
    if node.is_none() {
        return Ok(());
    }
    let of_node = Measurement::new("open", Subject::Node).with_latencies(&mut node_all);
    let p50 = ratio(of_node.p50_ms, of_floor.p50_ms);
    let p99 = ratio(of_node.p99_ms, of_floor.p99_ms);
    of_node.with("rounds", 2 * scale.rounds).with("p50_ratio_to_floor", p50).with("p99_ratio_to_floor", p99).print()
}
