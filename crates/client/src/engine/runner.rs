//! Carries the engine's effects out with sockets, HTTP and threads, in one task of tokio.

mod files;

use crate::calls::talk::Talks;
use crate::engine::{Engine, EngineError, Outgoing, Output, SendResult};
use crate::timeline::{Changes, EntryId};
use crate::transport::blob;
use crate::transport::socket::{self, LinkEvent, LinkFailure, Requests};
use crate::transport::stream::{Target, Tls};
use files::FileTasks;
use protocol::content::Kind;
use protocol::event::{ConversationId, Input, Intent, IntentError, IntentId, Link, Outcome, Work};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use wire::id::MsgId;

/// Frames of all links that wait for the engine at most; then the sockets stop reading.
const EVENTS_MAX: usize = 64;
/// Blobs and work under way at most before their tasks wait to report.
const RESULTS_MAX: usize = 64;
/// Inputs in one transaction, give or take a frame.
const INPUTS_MAX: usize = 1_024;
/// Nonces tried between two looks at whether the work is still wanted.
const TRIES: u64 = 1 << 16;

/// Milliseconds since the Unix epoch.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Keeps a link's task, which ends with it.
struct LinkTask {
    task: JoinHandle<()>,
    requests: Option<mpsc::Sender<Requests>>,
}

impl Drop for LinkTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An engine with its connections.
pub struct Runner {
    engine: Engine,
    tls: Tls,
    links: BTreeMap<Link, LinkTask>,
    events_tx: mpsc::Sender<LinkEvent>,
    events: mpsc::Receiver<LinkEvent>,
    results_tx: mpsc::Sender<Input>,
    results: mpsc::Receiver<Input>,
    under_way: usize,
    is_over: Arc<AtomicBool>,
    changes: Changes,
    outcomes: BTreeMap<IntentId, Result<Outcome, IntentError>>,
    failures: u32,
    last_failure: Option<LinkFailure>,
    files: FileTasks,
    has_begun_files: bool,
    pub(crate) talks: Talks,
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Runner({} links)", self.links.len())
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

impl Runner {
    /// Takes an engine; nothing happens on the network before [`Self::start`].
    pub fn new(engine: Engine, tls: Tls) -> Self {
        let (events_tx, events) = mpsc::channel(EVENTS_MAX);
        let (results_tx, results) = mpsc::channel(RESULTS_MAX);
        Self {
            engine,
            tls,
            links: BTreeMap::new(),
            events_tx,
            events,
            results_tx,
            results,
            under_way: 0,
            is_over: Arc::default(),
            changes: Changes::new(),
            outcomes: BTreeMap::new(),
            failures: 0,
            last_failure: None,
            files: FileTasks::default(),
            has_begun_files: false,
            talks: Talks::default(),
        }
    }

    /// Begins to connect and to do what waits.
    ///
    /// # Errors
    /// What the engine says.
    pub fn start(&mut self) -> Result<(), EngineError> {
        self.take(vec![Input::Wake])?;
        self.begin_files()
    }

    /// The engine, to read.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The engine, for what needs no network.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Sets an intent in motion; its outcome comes with [`Self::take_outcome`].
    ///
    /// # Errors
    /// What the engine says.
    pub fn intend(&mut self, intent: Intent) -> Result<IntentId, EngineError> {
        let id = self.engine.new_intent();
        self.take(vec![Input::Intent(id, intent)])?;
        Ok(id)
    }

    /// Writes a message down and sends it as soon as the network allows.
    ///
    /// # Errors
    /// What the engine says; then nothing was written.
    pub fn send(&mut self, conversation: ConversationId, kind: Kind) -> Result<(MsgId, Option<EntryId>), EngineError> {
        let mut sent = self.send_all([(conversation, kind)])?;
        sent.pop().ok_or(EngineError::Intent(IntentError::NoConversation))?
    }

    /// Writes messages down in one transaction and sends them as soon as the network allows; each with its own result.
    ///
    /// # Errors
    /// What the engine says; then nothing was written, and the connections are made anew.
    pub fn send_all(
        &mut self,
        messages: impl IntoIterator<Item = (ConversationId, Kind)>,
    ) -> Result<Vec<SendResult>, EngineError> {
        let (result, sent) = match self.engine.send_all(now_ms(), messages) {
            Ok((output, sent)) => (Ok(output), sent),
            Err(error) => (Err(error), Vec::new()),
        };
        self.settle(result)?;
        Ok(sent)
    }

    /// Marks what came up to an entry, or all, as read. What changed by it is returned, not kept: whoever reads knows.
    ///
    /// # Errors
    /// What the engine says.
    pub fn mark_read(&mut self, conversation: ConversationId, up_to: Option<EntryId>) -> Result<Changes, EngineError> {
        let mut output = self.engine.mark_read(now_ms(), conversation, up_to)?;
        let changes = std::mem::take(&mut output.changes);
        self.perform(output);
        Ok(changes)
    }

    /// How an intent went, once.
    pub fn take_outcome(&mut self, id: IntentId) -> Option<Result<Outcome, IntentError>> {
        self.outcomes.remove(&id)
    }

    /// What changed since the last call.
    pub fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    /// Failed attempts to connect since the last connection stood.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Why the last connection failed.
    pub fn last_failure(&self) -> Option<&LinkFailure> {
        self.last_failure.as_ref()
    }

    /// Whether every wanted connection stands, every request is answered, and no blob or work is under way.
    pub fn is_idle(&self) -> bool {
        self.under_way == 0
            && self.events.is_empty()
            && self.results.is_empty()
            && !self.engine.device().is_waiting()
            && self.links.values().all(|link| link.requests.is_some())
    }

    /// Waits for one thing to happen and handles it with all that has happened meanwhile; false at the deadline.
    ///
    /// # Errors
    /// What the engine says. The connections are then made anew; the caller may go on.
    pub async fn step(&mut self, deadline: Instant) -> Result<bool, EngineError> {
        let wake = self
            .engine
            .wake_at_ms()
            .map(|at_ms| Instant::now() + Duration::from_millis(at_ms.saturating_sub(now_ms()).min(24 * 3_600_000)));
        let (mut inputs, mut reports, mut said) = (Vec::new(), Vec::new(), None);
        tokio::select! {
            biased;
            Some(event) = self.events.recv() => self.note(event, &mut inputs),
            Some(input) = self.results.recv() => {
                self.under_way = self.under_way.saturating_sub(1);
                inputs.push(input);
            }
            news = self.talks.next() => said = Some(news),
            Some(report) = self.files.reports.recv() => reports.push(report),
            () = tokio::time::sleep_until(wake.unwrap_or(deadline)), if wake.is_some() => {}
            () = tokio::time::sleep_until(deadline) => return Ok(false),
        }
        while inputs.len() < INPUTS_MAX {
            if let Ok(event) = self.events.try_recv() {
                self.note(event, &mut inputs);
            } else if let Ok(input) = self.results.try_recv() {
                self.under_way = self.under_way.saturating_sub(1);
                inputs.push(input);
            } else {
                break;
            }
        }
        while let Ok(report) = self.files.reports.try_recv() {
            reports.push(report);
        }
        if let Some(news) = said {
            self.take_news(news)?;
        }
        if !inputs.is_empty() {
            self.take(inputs)?;
        }
        if !reports.is_empty() {
            self.take_reports(reports)?;
        }
        if self.engine.wake_at_ms().is_some_and(|at_ms| at_ms <= now_ms()) {
            let result = self.engine.tick(now_ms());
            self.settle(result)?;
        }
        self.follow_call()?;
        Ok(true)
    }

    /// What the media of a call work with.
    pub(crate) fn for_talk(&mut self) -> (&mut Engine, &mut Talks, &Tls) {
        (&mut self.engine, &mut self.talks, &self.tls)
    }

    fn note(&mut self, event: LinkEvent, inputs: &mut Vec<Input>) {
        match event {
            LinkEvent::Connected(link, requests) => {
                let Some(task) = self.links.get_mut(&link) else { return };
                task.requests = Some(requests);
                self.failures = 0;
                inputs.push(Input::Connected(link));
            }
            LinkEvent::Events(link, events) if self.links.contains_key(&link) => {
                inputs.extend(events.into_iter().map(|(id, event)| Input::Event(link.clone(), id, event)));
            }
            LinkEvent::Disconnected(link, failure) => {
                let Some(task) = self.links.get_mut(&link) else { return };
                task.requests = None;
                self.failures = self.failures.saturating_add(1);
                self.last_failure = Some(failure);
                inputs.push(Input::Disconnected(link));
            }
            // A link that was hung up meanwhile.
            LinkEvent::Events(..) => {}
        }
    }

    fn take(&mut self, inputs: Vec<Input>) -> Result<(), EngineError> {
        let result = self.engine.handle(now_ms(), inputs);
        self.settle(result)
    }

    pub(crate) fn settle(&mut self, result: Result<Output, EngineError>) -> Result<(), EngineError> {
        match result {
            Ok(output) => {
                self.perform(output);
                Ok(())
            }
            Err(error) => {
                self.engine.after_failure();
                // Without a queue the sockets hang up and report it, and the device begins again.
                self.links.values_mut().for_each(|link| link.requests = None);
                Err(error)
            }
        }
    }

    fn perform(&mut self, output: Output) {
        self.changes.extend(output.changes);
        self.outcomes.extend(output.outcomes);
        for outgoing in output.outgoing {
            match outgoing {
                Outgoing::Connect(link) => {
                    let run = socket::run(link.clone(), self.tls.clone(), self.events_tx.clone());
                    self.links.insert(link, LinkTask { task: tokio::spawn(run), requests: None });
                }
                Outgoing::Hangup(link) => {
                    self.links.remove(&link);
                }
                Outgoing::Send(link, requests) => {
                    if let Some(task) = self.links.get_mut(&link)
                        && task.requests.as_ref().is_some_and(|queue| queue.try_send(requests).is_err())
                    {
                        // Gone or too slow: the socket reports it, and the device sends again.
                        task.requests = None;
                    }
                }
                Outgoing::PutBlob(node_url, blob_id, blob, ttl_s) => {
                    let (tls, target) = (self.tls.clone(), Target::of(&node_url));
                    self.spawn(async move {
                        let result = blob::put(&target, &tls, &blob_id, blob, ttl_s).await;
                        Input::BlobPut(node_url, blob_id, result)
                    });
                }
                Outgoing::GetBlob(node_url, blob_id) => {
                    let (tls, target) = (self.tls.clone(), Target::of(&node_url));
                    self.spawn(async move {
                        let result = blob::get(&target, &tls, &blob_id).await;
                        Input::BlobGot(node_url, blob_id, result)
                    });
                }
                Outgoing::Solve(work) => self.solve(work),
                outgoing
                @ (Outgoing::Upload(_) | Outgoing::Fetch(_) | Outgoing::StopFile(_) | Outgoing::Discard(_)) => {
                    self.files.perform(outgoing, &self.tls)
                }
                // Natively no connections to devices are made: `Engine::begin_direct` is not called.
                Outgoing::Direct(_) => {}
            }
        }
    }

    fn spawn(&mut self, work: impl Future<Output = Input> + Send + 'static) {
        self.under_way += 1;
        let results = self.results_tx.clone();
        tokio::spawn(async move {
            // Nobody waits for it once the runner is gone.
            let _ = results.send(work.await).await;
        });
    }

    fn solve(&mut self, work: Work) {
        self.under_way += 1;
        let (results, is_over) = (self.results_tx.clone(), self.is_over.clone());
        tokio::task::spawn_blocking(move || {
            let mut start = 0_u64;
            while !is_over.load(Ordering::Relaxed) {
                let found = wire::work::search(&work.hello_nonce, work.bound.puzzle(), work.bits, start, TRIES);
                if let Some(nonce) = found {
                    let _ = results.blocking_send(Input::Solved { job: work.job, nonce });
                    return;
                }
                let Some(next) = start.checked_add(TRIES) else { return };
                start = next;
            }
        });
    }
}
