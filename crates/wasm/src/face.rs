//! The engine with what waits for it and what it wants done: the part that needs no browser.

use crate::heard::{Heard, Progress};
use crate::refusal::Refusal;
use bytes::Bytes;
use client::db::Database;
use client::engine::{Engine, EngineError, Outgoing, Output};
use client::files::SealedCopy;
use client::timeline::Changes;
use protocol::event::{BlobFailure, Input, IntentError, IntentId, Link, LinkKind, Outcome, Work};
use protocol::identity::{NodeUrl, RecoveryPhrase};
use rand_chacha::ChaCha20Rng;
use std::collections::{BTreeMap, VecDeque};
use wire::bell::Bell;
use wire::id::{BlobId, FileId};
use wire::node::parse_events;

/// Searches for work under way at most; the device asks for one a knock.
const WORK_MAX: usize = 64;

/// How an intent went, and which.
pub type Answered = (IntentId, Result<Outcome, IntentError>);

/// One engine in one worker.
pub struct Face {
    pub(crate) engine: Engine,
    inputs: Vec<Input>,
    outgoing: Vec<Outgoing>,
    changes: Changes,
    outcomes: Vec<Answered>,
    work: VecDeque<(Work, u64)>,
    pub(crate) sealed: BTreeMap<FileId, SealedCopy>,
    heard: Heard,
}

impl std::fmt::Debug for Face {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Face(..)")
    }
}

/// A node and a purpose, as the page names a connection: the purpose's digit, a space, the node's URL.
pub fn link_name(link: &Link) -> String {
    let digit = match link.kind {
        LinkKind::Lanes => 0,
        LinkKind::Door => 1,
        LinkKind::Knock => 2,
        LinkKind::Room => 3,
    };
    format!("{digit} {}", link.node_url)
}

/// Reads [`link_name`].
///
/// # Errors
/// A refusal for what is no name of a connection.
pub fn parse_link(name: &str) -> Result<Link, Refusal> {
    let (digit, url) = name.split_once(' ').ok_or_else(Refusal::input)?;
    let kind = match digit {
        "0" => LinkKind::Lanes,
        "1" => LinkKind::Door,
        "2" => LinkKind::Knock,
        "3" => LinkKind::Room,
        _ => return Err(Refusal::input()),
    };
    Ok(Link { node_url: NodeUrl::parse(url).map_err(|_| Refusal::input())?, kind })
}

impl Face {
    /// Makes an account in an empty database; no words: new ones.
    ///
    /// # Errors
    /// `has-account`, `bad-node`, `words-count` and such, `too-long`.
    pub fn create(
        database: Database,
        mut rng: ChaCha20Rng,
        node: &str,
        name: &str,
        words: Option<&str>,
        now_ms: u64,
    ) -> Result<Self, Refusal> {
        let node_url = NodeUrl::parse(node).map_err(|_| Refusal::new("bad-node"))?;
        let phrase = match words {
            Some(words) => RecoveryPhrase::parse(words)?,
            None => RecoveryPhrase::generate(&mut rng),
        };
        Ok(Self::of(Engine::create(database, Box::new(rng), &phrase, node_url, name.into(), now_ms)?))
    }

    /// Opens the account that the database holds.
    ///
    /// # Errors
    /// `no-account`, and what the database says.
    pub fn open(database: Database, rng: ChaCha20Rng, now_ms: u64) -> Result<Self, Refusal> {
        Ok(Self::of(Engine::open(database, Box::new(rng), now_ms)?))
    }

    fn of(engine: Engine) -> Self {
        Self {
            engine,
            inputs: vec![Input::Wake],
            outgoing: Vec::new(),
            changes: Changes::new(),
            outcomes: Vec::new(),
            work: VecDeque::new(),
            sealed: BTreeMap::new(),
            heard: Heard::default(),
        }
    }

    /// The engine, to read.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// A connection stands.
    pub fn connected(&mut self, link: Link) {
        self.inputs.push(Input::Connected(link));
    }

    /// A connection is gone or could not be made.
    pub fn disconnected(&mut self, link: Link) {
        self.inputs.push(Input::Disconnected(link));
    }

    /// A frame came; false where no node says such a thing.
    pub fn frame(&mut self, link: &Link, frame: Bytes) -> bool {
        let Ok(events) = parse_events(frame) else { return false };
        events.iter().for_each(|(_, event)| self.heard.hear(event));
        self.inputs.extend(events.into_iter().map(|(id, event)| Input::Event(link.clone(), id, event)));
        true
    }

    /// A blob is durable at the node, or is not.
    pub fn blob_put(&mut self, node_url: NodeUrl, blob_id: BlobId, result: Result<(), BlobFailure>) {
        self.inputs.push(Input::BlobPut(node_url, blob_id, result));
    }

    /// A blob came, or did not; bytes that are not the blob are refused.
    pub fn blob_got(&mut self, node_url: NodeUrl, blob_id: BlobId, result: Result<Bytes, BlobFailure>) {
        let result = result.and_then(|blob| {
            let is_it = wire::id::Hash::of(&[&blob]).0 == blob_id.0;
            if is_it { Ok(blob) } else { Err(BlobFailure::Refused) }
        });
        self.inputs.push(Input::BlobGot(node_url, blob_id, result));
    }

    /// Leaves a bell with the home node from now on, another one, or none.
    pub fn set_bell(&mut self, bell: Option<Bell>) {
        let output = self.engine.set_bell(bell);
        self.take(output);
    }

    /// Things that wait for [`Self::run`].
    pub fn waiting(&self) -> usize {
        self.inputs.len()
    }

    /// Takes all that waits in one transaction, and does what is due.
    ///
    /// # Errors
    /// Nothing was written and what waited is lost: the caller closes every connection, which begins it all anew.
    pub fn run(&mut self, now_ms: u64) -> Result<(), Refusal> {
        self.heard.note(now_ms);
        if !self.inputs.is_empty() {
            let inputs = std::mem::take(&mut self.inputs);
            let result = self.engine.handle(now_ms, inputs);
            self.settle(result)?;
        }
        if self.engine.wake_at_ms().is_some_and(|at_ms| at_ms <= now_ms) {
            let result = self.engine.tick(now_ms);
            self.settle(result)?;
        }
        Ok(())
    }

    /// Keeps what a call of the engine led to; a failed one leaves nothing half done.
    pub(crate) fn settle(&mut self, result: Result<Output, EngineError>) -> Result<(), Refusal> {
        match result {
            Ok(output) => {
                self.take(output);
                Ok(())
            }
            Err(error @ (EngineError::Database(_) | EngineError::Device(_))) => {
                self.engine.after_failure();
                self.inputs.push(Input::Wake);
                Err(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn take(&mut self, mut output: Output) {
        self.changes.append(&mut output.changes);
        self.outcomes.append(&mut output.outcomes);
        for outgoing in output.outgoing {
            match outgoing {
                Outgoing::Solve(work) if self.work.len() < WORK_MAX => self.work.push_back((work, 0)),
                Outgoing::Solve(_) => {}
                outgoing => self.outgoing.push(outgoing),
            }
        }
    }

    /// How far the catch-up is.
    pub fn progress(&self) -> Progress {
        self.heard.progress()
    }

    /// All that was there has been read: the next catch-up counts anew.
    pub fn caught_up(&mut self) {
        self.heard.caught_up();
    }

    /// Until when a node asked for a pause, if it is not over.
    pub fn paused_until_ms(&self, now_ms: u64) -> Option<u64> {
        self.heard.paused_until_ms(now_ms)
    }

    /// Searches on for proof of work; false when there is none to search for.
    pub fn solve(&mut self, tries: u64) -> bool {
        let Some((work, start)) = self.work.pop_front() else { return false };
        match wire::work::search(&work.hello_nonce, work.bound.puzzle(), work.bits, start, tries) {
            Some(nonce) => self.inputs.push(Input::Solved { job: work.job, nonce }),
            None => {
                // A search without an end was never asked for: at the last nonce it is dropped.
                if let Some(next) = start.checked_add(tries) {
                    self.work.push_back((work, next));
                }
            }
        }
        true
    }

    /// What is to be done outside since the last call, in order.
    pub fn take_outgoing(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.outgoing)
    }

    /// What changed since the last call.
    pub fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    /// Intents that are done or cannot be, since the last call.
    pub fn take_outcomes(&mut self) -> Vec<Answered> {
        std::mem::take(&mut self.outcomes)
    }

    /// Gives the database back, to close it.
    pub fn into_database(self) -> Database {
        self.engine.into_database()
    }
}
