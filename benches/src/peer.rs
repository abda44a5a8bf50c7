//! What the load generator says to each subject: the floor's frames, the node's protocol.

use crate::drive::{Driver, Link, LinkId};
use crate::{floor, socket};
use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use std::net::SocketAddr;
use std::sync::Arc;
use wire::id::{Hash, ReadCap, WriteCap};
use wire::lane::{CellKind, LaneClass, Seq, derive_lane_id_from_caps};
use wire::node::{Append, Event, Handle, Open, Request, encode_requests, parse_events};

/// Bytes of a cell's body in every case.
pub const BODY_BYTES: usize = 1_024;

/// Cheap unique bodies: SplitMix64, seeded by the clock; nothing secret depends on it.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// Seeds from the clock.
    pub fn new() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self(now.map_or(1, |now| now.as_nanos() as u64))
    }

    /// The next word.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// Fills with random bytes; whole words only.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for eight in bytes.as_chunks_mut().0 {
            *eight = self.word().to_ne_bytes();
        }
    }

    /// A random body.
    pub fn body(&mut self) -> Bytes {
        let mut body = vec![0; BODY_BYTES];
        self.fill(&mut body);
        body.into()
    }

    /// A random capability's bytes.
    pub fn capability(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.fill(&mut bytes);
        bytes
    }
}

/// A lane that the generator made up.
#[derive(Debug, Clone)]
pub struct Lane {
    /// Opens it for reading.
    pub read: ReadCap,
    /// Opens it for appending.
    pub write: WriteCap,
}

impl Lane {
    /// A fresh one.
    pub fn new(random: &mut Random) -> Self {
        Self { read: ReadCap(random.capability()), write: WriteCap(random.capability()) }
    }

    /// Opens it with both capabilities.
    pub fn open(&self, after: Seq) -> Request {
        self.open_with(Some(self.read.clone()), after)
    }

    /// Opens it for appending alone: it has to be stored.
    pub fn open_write_only(&self) -> Request {
        self.open_with(None, 0)
    }

    fn open_with(&self, read_cap: Option<ReadCap>, after: Seq) -> Request {
        Request::Open(Open {
            class: LaneClass::Group,
            lane_id: derive_lane_id_from_caps(LaneClass::Group, &self.read, &self.write),
            read_cap,
            write_cap: Some(self.write.clone()),
            after,
            expires_s: 0,
        })
    }
}

/// One connection to the node.
#[derive(Debug)]
pub struct NodeLink {
    /// Its place in the driver.
    pub id: LinkId,
    incoming: socket::Incoming,
    last_request: u32,
    mask: u32,
}

impl NodeLink {
    /// Connects, upgrades and reads the hello; blocks meanwhile.
    pub fn connect(
        driver: &mut Driver,
        address: SocketAddr,
        tls: Option<&Arc<rustls::ClientConfig>>,
    ) -> anyhow::Result<Self> {
        let mut link = Link::connect(address, tls)?;
        socket::upgrade(&mut link, address)?;
        let mut incoming = socket::Incoming::default();
        let hello = loop {
            if let Some(frame) = incoming.next(&mut link)? {
                break frame;
            }
            let before = link.input().len();
            link.exchange(&[], |input| input.len() > before)?;
        };
        let events = parse_events(hello)?;
        ensure!(matches!(events[..], [(0, Event::Hello(_))]), "the node did not say hello first");
        Ok(Self { id: driver.add(link)?, incoming, last_request: 0, mask: 0x6A09_E667 })
    }

    /// Queues one frame of requests; its bytes on the wire. [`Driver::flush`] sends it.
    pub fn request(&mut self, driver: &mut Driver, requests: impl IntoIterator<Item = Request>) -> usize {
        let requests = requests
            .into_iter()
            .map(|request| {
                self.last_request = self.last_request.wrapping_add(1).max(1);
                (self.last_request, request)
            })
            .collect();
        self.mask = self.mask.wrapping_mul(0x9E37_79B1).wrapping_add(1);
        socket::push_frame(driver.link(self.id), &encode_requests(requests), self.mask)
    }

    /// The events of the next received frame; a refusal fails the case.
    pub fn events(&mut self, driver: &mut Driver) -> anyhow::Result<Option<Vec<Event>>> {
        let Some(frame) = self.incoming.next(driver.link(self.id))? else { return Ok(None) };
        let events = parse_events(frame)?;
        let refusal = events.iter().find_map(|(_, event)| match event {
            Event::Refused(refusal) => Some(*refusal),
            _ => None,
        });
        if let Some(refusal) = refusal {
            bail!("the node refused: {refusal}");
        }
        Ok(Some(events.into_iter().map(|(_, event)| event).collect()))
    }

    /// Sends requests and waits for as many answers; other links' input stays with them.
    pub fn ask(&mut self, driver: &mut Driver, requests: Vec<Request>) -> anyhow::Result<Vec<Event>> {
        let expected = requests.len();
        self.request(driver, requests);
        driver.flush(self.id)?;
        let (mut answers, mut ready) = (Vec::new(), Vec::new());
        while answers.len() < expected {
            match self.events(driver)? {
                Some(events) => answers.extend(events.into_iter().filter(is_answer)),
                None => driver.poll(crate::STALL, &mut ready)?,
            }
        }
        Ok(answers)
    }

    /// Opens lanes; their handles in order.
    pub fn open(&mut self, driver: &mut Driver, opens: Vec<Request>) -> anyhow::Result<Vec<Handle>> {
        self.ask(driver, opens)?.iter().map(opened).collect()
    }
}

/// The handle of an answer to an open.
pub fn opened(event: &Event) -> anyhow::Result<Handle> {
    match event {
        Event::Opened { handle, .. } => Ok(*handle),
        other => bail!("an open was answered with {other:?}"),
    }
}

fn is_answer(event: &Event) -> bool {
    !matches!(event, Event::Push { .. } | Event::Lag { .. } | Event::Whispered { .. } | Event::Hello(_))
}

/// An append of a fresh body.
pub fn append(handle: Handle, nth: u32, body: Bytes) -> Request {
    Request::Append(Append { handle, nth, kind: CellKind::App, if_gen: 0, attach: Hash::ZERO, body, work: 0 })
}

/// What came in on a pair's link.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Came {
    /// Messages of this link that are durable.
    pub acknowledged: u32,
    /// Messages of the other link that arrived.
    pub delivered: u32,
}

/// A relay between pairs of connections: link 2n sends to link 2n + 1.
pub trait Pairs {
    /// Connects everything.
    fn connect(&mut self, driver: &mut Driver, address: SocketAddr, pairs: usize) -> anyhow::Result<()>;
    /// Sends `count` fresh messages; bytes on the wire in all.
    fn send(&mut self, driver: &mut Driver, pair: usize, count: u32) -> anyhow::Result<usize>;
    /// Takes what was read on a link.
    fn receive(&mut self, driver: &mut Driver, link: LinkId) -> anyhow::Result<Came>;
}

/// Pairs over the floor.
#[derive(Debug)]
pub struct FloorPairs {
    frame: Vec<u8>,
    sent: u32,
    random: Random,
}

impl FloorPairs {
    /// Frames of `frame_bytes`, header included.
    pub fn new(frame_bytes: usize) -> Self {
        Self { frame: vec![0; frame_bytes.max(floor::HEADER_BYTES)], sent: 0, random: Random::new() }
    }
}

impl Pairs for FloorPairs {
    fn connect(&mut self, driver: &mut Driver, address: SocketAddr, pairs: usize) -> anyhow::Result<()> {
        for id in 0..2 * pairs {
            let mut link = Link::connect(address, None)?;
            let hello = [4u32.to_be_bytes(), (id as u32).to_be_bytes()].concat();
            link.exchange(&hello, |input| input.len() >= 8)?;
            link.consume(8);
            ensure!(driver.add(link)? == id, "the floor's links come first in their driver");
        }
        Ok(())
    }

    fn send(&mut self, driver: &mut Driver, pair: usize, count: u32) -> anyhow::Result<usize> {
        for _ in 0..count {
            self.random.fill(&mut self.frame[floor::HEADER_BYTES..]);
            let length = self.frame.len() as u32 - 4;
            self.frame[..4].copy_from_slice(&length.to_be_bytes());
            self.frame[4..8].copy_from_slice(&(2 * pair as u32 + 1).to_be_bytes());
            self.frame[8..12].copy_from_slice(&self.sent.to_be_bytes());
            self.sent = self.sent.wrapping_add(1);
            driver.link(2 * pair).output().extend_from_slice(&self.frame);
        }
        driver.flush(2 * pair)?;
        Ok(self.frame.len() * count as usize)
    }

    fn receive(&mut self, driver: &mut Driver, link: LinkId) -> anyhow::Result<Came> {
        let link = driver.link(link);
        let (mut came, mut at) = (Came::default(), 0);
        let input = link.input();
        while let Some(&[a, b, c, d]) = input.get(at..at + 4).and_then(|word| word.first_chunk()) {
            let length = u32::from_be_bytes([a, b, c, d]) as usize;
            let Some(frame) = input.get(at + 4..at + 4 + length) else { break };
            if frame.starts_with(&floor::ACK.to_be_bytes()) {
                came.acknowledged += 1;
            } else {
                came.delivered += 1;
            }
            at += 4 + length;
        }
        link.consume(at);
        Ok(came)
    }
}

/// What the senders of pairs open their lanes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SenderOpens {
    /// Reading and appending, as every member does: the node pushes its own cells back to it.
    Both,
    /// Appending alone.
    WriteOnly,
}

/// Pairs over the node: one lane each.
#[derive(Debug)]
pub struct NodePairs {
    sender_opens: SenderOpens,
    links: Vec<NodeLink>,
    handles: Vec<Handle>,
    sent: Vec<u32>,
    random: Random,
}

impl NodePairs {
    /// None yet.
    pub fn new(sender_opens: SenderOpens) -> Self {
        Self { sender_opens, links: Vec::new(), handles: Vec::new(), sent: Vec::new(), random: Random::new() }
    }
}

impl Pairs for NodePairs {
    fn connect(&mut self, driver: &mut Driver, address: SocketAddr, pairs: usize) -> anyhow::Result<()> {
        for _ in 0..pairs {
            let lane = Lane::new(&mut self.random);
            let mut sender = NodeLink::connect(driver, address, None)?;
            let mut handle = *sender.open(driver, vec![lane.open(0)])?.first().context("no handle")?;
            let mut stored = 0;
            if self.sender_opens == SenderOpens::WriteOnly {
                sender.ask(driver, vec![append(handle, 0, self.random.body())])?;
                sender.ask(driver, vec![Request::Release { handle }])?;
                handle = *sender.open(driver, vec![lane.open_write_only()])?.first().context("no handle")?;
                stored = 1;
            }
            let mut receiver = NodeLink::connect(driver, address, None)?;
            let handles = receiver.open(driver, vec![lane.open(stored)])?;
            self.handles.extend([handle, *handles.first().context("no handle")?]);
            self.links.extend([sender, receiver]);
            self.sent.push(0);
        }
        Ok(())
    }

    fn send(&mut self, driver: &mut Driver, pair: usize, count: u32) -> anyhow::Result<usize> {
        let (random, handle, first) = (&mut self.random, self.handles[2 * pair], self.sent[pair]);
        self.sent[pair] += count;
        let requests = (first..first + count).map(|nth| append(handle, nth, random.body()));
        let bytes = self.links[2 * pair].request(driver, requests);
        driver.flush(2 * pair)?;
        Ok(bytes)
    }

    fn receive(&mut self, driver: &mut Driver, link: LinkId) -> anyhow::Result<Came> {
        let mut came = Came::default();
        while let Some(events) = self.links[link].events(driver)? {
            for event in events {
                match event {
                    Event::Receipt(_) => came.acknowledged += 1,
                    // The sender's own cells may come back to it.
                    Event::Push { .. } if link % 2 == 1 => came.delivered += 1,
                    Event::Push { .. } => {}
                    Event::Lag { .. } => bail!("the node lags behind a reader that reads"),
                    other => bail!("unexpected {other:?}"),
                }
            }
        }
        Ok(came)
    }
}
