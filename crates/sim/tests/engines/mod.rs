//! Client engines that talk over a node in virtual time.

#![allow(dead_code, reason = "each test uses its own part")]

use client::db::Database;
use client::engine::{Engine, EngineError, Outgoing, Output};
use delivery::{ConnId, Prepared};
use protocol::event::{BlobFailure, Input, IntentError, Link, Outcome};
use protocol::identity::RecoveryPhrase;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sim::disk::Disk;
use sim::server::Server;
use std::collections::BTreeMap;
use wire::node::{encode_requests, parse_events, parse_requests};
use wire::relay::RelayTerms;

const NODE: &str = "https://node.example";
/// Rounds until nothing moves; a meeting takes some dozens.
const ROUNDS_MAX: usize = 100_000;

pub struct World {
    pub server: Server,
    pub engines: Vec<Option<Engine>>,
    pub conns: BTreeMap<(usize, Link), ConnId>,
    pub outgoing: Vec<(usize, Outgoing)>,
    pub outcomes: Vec<Outcome>,
    pub refusals: Vec<IntentError>,
    pub now_ms: u64,
    /// How far an engine's clock is ahead.
    pub ahead_ms: BTreeMap<usize, u64>,
}

fn rng(seed: u64) -> Box<ChaCha20Rng> {
    Box::new(ChaCha20Rng::seed_from_u64(seed))
}

impl World {
    /// So many people, each with one device.
    pub fn new(count: usize) -> Self {
        let mut server = Server::new(NODE, [9; 32], Disk::default());
        server.sides[0].node.set_relay(Box::new(|_, _| RelayTerms {
            urls: vec!["turn:node.example".into()],
            username: "1:a".into(),
            password: "b".into(),
            expires_s: 1,
        }));
        let now_ms = 1_800_000_000_000;
        let engines = (0..count)
            .map(|number| {
                let phrase = RecoveryPhrase::from_entropy(&[number as u8 + 1; 32]);
                let database = Database::in_memory().unwrap();
                let name = format!("person {number}");
                let seed = number as u64;
                Some(Engine::create(database, rng(seed), &phrase, server.url.clone(), name, now_ms).unwrap())
            })
            .collect();
        let mut world = Self {
            server,
            engines,
            conns: BTreeMap::new(),
            outgoing: Vec::new(),
            outcomes: Vec::new(),
            refusals: Vec::new(),
            now_ms,
            ahead_ms: BTreeMap::new(),
        };
        for at in 0..count {
            world.feed(at, Input::Wake);
        }
        world.settle();
        world
    }

    /// What time it is for somebody.
    pub fn clock_ms(&self, at: usize) -> u64 {
        self.now_ms + self.ahead_ms.get(&at).copied().unwrap_or(0)
    }

    pub fn engine(&self, at: usize) -> &Engine {
        self.engines[at].as_ref().unwrap()
    }

    pub fn take(&mut self, at: usize, output: Output) {
        self.outgoing.extend(output.outgoing.into_iter().map(|outgoing| (at, outgoing)));
        for (_, outcome) in output.outcomes {
            match outcome {
                Ok(outcome) => self.outcomes.push(outcome),
                Err(error) => self.refusals.push(error),
            }
        }
    }

    pub fn feed(&mut self, at: usize, input: Input) {
        let now_ms = self.clock_ms(at);
        let Some(engine) = self.engines[at].as_mut() else { return };
        let output = engine.handle(now_ms, vec![input]).unwrap();
        self.take(at, output);
    }

    pub fn does(&mut self, at: usize, work: impl FnOnce(&mut Engine, u64) -> Result<Output, EngineError>) {
        let now_ms = self.clock_ms(at);
        let output = work(self.engines[at].as_mut().unwrap(), now_ms).unwrap();
        self.take(at, output);
    }

    /// Carries out what was asked until nothing moves, in no time.
    pub fn settle(&mut self) {
        for _ in 0..ROUNDS_MAX {
            let mut is_still = true;
            for (at, outgoing) in std::mem::take(&mut self.outgoing) {
                is_still = false;
                self.perform(at, outgoing);
            }
            let now_ms = self.now_ms;
            while let Some(batch) = self.server.sides[0].node.take_batch(now_ms) {
                self.server.sides[0].batch = Some(batch);
                self.server.commit(0);
            }
            for ((at, link), conn) in self.conns.clone() {
                for frame in self.server.drain(0, conn) {
                    is_still = false;
                    for (id, event) in parse_events(frame).unwrap() {
                        self.feed(at, Input::Event(link.clone(), id, event));
                    }
                }
            }
            if is_still {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    pub fn perform(&mut self, at: usize, outgoing: Outgoing) {
        let now_ms = self.now_ms;
        match outgoing {
            Outgoing::Connect(link) => {
                let conn = self.server.sides[0].node.connect(now_ms, [3; 32]).unwrap();
                self.conns.insert((at, link.clone()), conn);
                self.feed(at, Input::Connected(link));
            }
            Outgoing::Hangup(link) => {
                if let Some(conn) = self.conns.remove(&(at, link)) {
                    self.server.sides[0].node.disconnect(conn);
                }
            }
            Outgoing::Send(link, requests) => {
                let Some(conn) = self.conns.get(&(at, link)).copied() else { return };
                let side = &mut self.server.sides[0];
                for request in parse_requests(encode_requests(requests)).unwrap() {
                    side.node.handle(now_ms, &side.disk, conn, Prepared::new(request));
                }
            }
            Outgoing::PutBlob(url, id, blob, ttl_s) => {
                self.server.sides[0].disk.put_blob(id, blob, now_ms / 1_000 + ttl_s);
                self.feed(at, Input::BlobPut(url, id, Ok(())));
            }
            Outgoing::GetBlob(url, id) => {
                let found = self.server.sides[0].disk.blobs.borrow().get(&id).map(|(blob, _)| blob.clone());
                self.feed(at, Input::BlobGot(url, id, found.ok_or(BlobFailure::NotFound)));
            }
            Outgoing::Solve(work) => {
                let puzzle = work.bound.puzzle();
                let nonce = wire::work::search(&work.hello_nonce, puzzle, work.bits, 0, 1 << 20).unwrap();
                self.feed(at, Input::Solved { job: work.job, nonce });
            }
            Outgoing::Upload(_)
            | Outgoing::Fetch(_)
            | Outgoing::StopFile(_)
            | Outgoing::Discard(_)
            | Outgoing::Direct(_) => {}
        }
    }

    /// Lets time pass, with all that is due meanwhile.
    pub fn pass(&mut self, ms: u64) {
        let end_ms = self.now_ms + ms;
        loop {
            self.settle();
            let due = |(at, engine): (usize, &Option<Engine>)| {
                Some(engine.as_ref()?.wake_at_ms()?.saturating_sub(self.ahead_ms.get(&at).copied().unwrap_or(0)))
            };
            let due_ms = self.engines.iter().enumerate().filter_map(due).min();
            match due_ms.filter(|due_ms| *due_ms <= end_ms) {
                Some(due_ms) => self.now_ms = self.now_ms.max(due_ms),
                None => break,
            }
            for at in 0..self.engines.len() {
                let now_ms = self.clock_ms(at);
                let Some(engine) = self.engines[at].as_mut() else { continue };
                if engine.wake_at_ms().is_some_and(|due_ms| due_ms <= now_ms) {
                    let output = engine.tick(now_ms).unwrap();
                    self.take(at, output);
                    let next_ms = self.engine(at).wake_at_ms();
                    assert!(next_ms.is_none_or(|next_ms| next_ms > now_ms), "what is due is done");
                }
            }
        }
        self.now_ms = end_ms;
        self.settle();
    }

    /// The process dies and starts again.
    pub fn restart(&mut self, at: usize) {
        let database = self.engines[at].take().unwrap().into_database();
        let links: Vec<_> = self.conns.keys().filter(|(of, _)| *of == at).cloned().collect();
        for key in links {
            let conn = self.conns.remove(&key).unwrap();
            self.server.sides[0].node.disconnect(conn);
        }
        self.outgoing.retain(|(of, _)| *of != at);
        let engine = Engine::open(database, rng(77), self.clock_ms(at)).unwrap();
        self.engines[at] = Some(engine);
        self.feed(at, Input::Wake);
        self.settle();
    }
}
