//! The virtual world: one queue of happenings on one clock, and everything that happens.

use crate::book::Book;
use crate::dice::Dice;
use crate::network::Conn;
use crate::phone::{Bug, Flaky, LinkStatus, Phone};
use crate::server::Server;
use bytes::Bytes;
use delivery::ConnId;
use protocol::Context;
use protocol::event::{BlobFailure, Effect, Input, Intent, IntentError, IntentId, Link, LinkKind, Outcome, Record};
use protocol::identity::NodeUrl;
use protocol::storage::Batch;
use std::collections::{BTreeMap, BTreeSet};
use wire::id::BlobId;
use wire::node::Event;

/// The world begins here: milliseconds since the Unix epoch.
pub const START_MS: u64 = 1_800_000_000_000;

/// How rough the world is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    /// Inputs in a thousand after which the device's process dies.
    pub crashes: u64,
    /// Inputs in a thousand at which the device's disk fails.
    pub disk_errors: u64,
    /// Frames in a thousand at which a connection breaks.
    pub breaks: u64,
    /// Batches in a thousand at which the node's process dies.
    pub node_crashes: u64,
    /// Batches in a thousand that the node's disk refuses.
    pub node_disk_errors: u64,
    /// The longest latency of one way, milliseconds.
    pub latency_ms: u64,
}

/// What happens at a time.
#[derive(Debug)]
pub(crate) enum Happening {
    Dial { phone: usize, life: u32, link: Link },
    ToNode { conn: usize, nth: u64, frame: Bytes },
    ToPhone { conn: usize, frame: Bytes },
    NodeEnd { conn: usize },
    Learn { phone: usize, life: u32, link: Link },
    Commit { server: usize, side: usize, life: u32 },
    NodeStart { server: usize, side: usize },
    PhoneStart { phone: usize },
    Blob { phone: usize, life: u32, input: Input },
    BlobAtNode { phone: usize, life: u32, url: NodeUrl, id: BlobId, blob: Bytes, ttl_s: u64 },
    Solved { phone: usize, life: u32, job: u64, nonce: u64 },
    Wake { phone: usize, timer: u64 },
}

/// Everything.
pub struct World {
    /// The true time.
    pub now_ms: u64,
    /// Chance.
    pub dice: Dice,
    /// How rough it is now.
    pub weather: Weather,
    /// Clients.
    pub phones: Vec<Phone>,
    /// Nodes.
    pub servers: Vec<Server>,
    /// What must be true.
    pub book: Book,
    /// Connections that ever were.
    pub(crate) conns: Vec<Conn>,
    /// Phones that a forking node shows its second history.
    pub astray: BTreeSet<usize>,
    /// Phones to which a node shows no new cells.
    pub kept_in_the_dark: BTreeSet<usize>,
    /// Connections that do not come about: of which phone, of which kind.
    pub shut: BTreeSet<(usize, LinkKind)>,
    /// Blobs are said not to be there.
    pub hides_blobs: bool,
    /// Connections that belong to no phone, and what they heard.
    pub(crate) strangers: BTreeMap<(usize, ConnId), Vec<Event>>,
    /// Every line of what happened, if asked for.
    pub log: Option<Vec<String>>,
    /// A hash over everything that was logged, without key bytes.
    pub trace: u64,
    queue: BTreeMap<(u64, u64), Happening>,
    ticket: u64,
}

impl World {
    /// A calm world.
    pub fn new(seed: u64, servers: Vec<Server>, phones: Vec<Phone>) -> Self {
        let book = Book::new(phones.iter().map(|phone| phone.account).collect());
        Self {
            now_ms: START_MS,
            dice: Dice::new(seed),
            weather: Weather { latency_ms: 40, ..Weather::default() },
            phones,
            servers,
            book,
            conns: Vec::new(),
            astray: BTreeSet::new(),
            kept_in_the_dark: BTreeSet::new(),
            shut: BTreeSet::new(),
            hides_blobs: false,
            strangers: BTreeMap::new(),
            log: None,
            trace: 0xcbf2_9ce4_8422_2325,
            queue: BTreeMap::new(),
            ticket: 0,
        }
    }

    /// Notes what happens: for the trace, and for a person.
    pub(crate) fn note(&mut self, line: impl FnOnce() -> String) {
        if self.log.is_none() {
            return;
        }
        let line = line();
        for byte in line.bytes().chain(self.now_ms.to_be_bytes()) {
            self.trace = (self.trace ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if let Some(log) = &mut self.log {
            log.push(format!("{:>9} {line}", self.now_ms.saturating_sub(START_MS)));
        }
    }

    pub(crate) fn at(&mut self, time_ms: u64, happening: Happening) {
        self.ticket += 1;
        self.queue.insert((time_ms.max(self.now_ms), self.ticket), happening);
    }

    /// Lets a span of time pass.
    pub fn run_for(&mut self, span_ms: u64) {
        let end_ms = self.now_ms + span_ms;
        while let Some(((time_ms, ticket), happening)) = self.queue.pop_first() {
            if time_ms > end_ms {
                self.queue.insert((time_ms, ticket), happening);
                break;
            }
            self.now_ms = time_ms;
            self.happen(happening);
        }
        self.now_ms = end_ms;
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Dial { phone, life, link } if self.is_life(phone, life) => self.dial(phone, link),
            Happening::ToNode { conn, nth, frame } => self.at_node(conn, nth, frame),
            Happening::ToPhone { conn, frame } => self.at_phone(conn, frame),
            Happening::NodeEnd { conn } => self.end_at_node(conn),
            Happening::Learn { phone, life, link } if self.is_life(phone, life) => {
                self.feed(phone, Input::Disconnected(link.clone()));
                self.dial_later(phone, &link);
            }
            Happening::Commit { server, side, life } => self.node_commit(server, side, life),
            Happening::NodeStart { server, side } => {
                self.note(|| format!("node {server}.{side} starts"));
                self.servers[server].start(side);
            }
            Happening::PhoneStart { phone } => self.start(phone),
            Happening::Blob { phone, life, input } if self.is_life(phone, life) => {
                self.feed(phone, input);
            }
            Happening::BlobAtNode { phone, life, url, id, blob, ttl_s } => {
                self.blob_at_node(phone, life, url, id, blob, ttl_s);
            }
            Happening::Solved { phone, life, job, nonce } if self.is_life(phone, life) => {
                self.feed(phone, Input::Solved { job, nonce });
            }
            Happening::Wake { phone, timer } if self.phones[phone].timer == timer => {
                self.feed(phone, Input::Wake);
            }
            Happening::Dial { .. }
            | Happening::Learn { .. }
            | Happening::Blob { .. }
            | Happening::Solved { .. }
            | Happening::Wake { .. } => {}
        }
    }

    fn is_life(&self, phone: usize, life: u32) -> bool {
        self.phones[phone].life == life && self.phones[phone].device.is_some()
    }

    /// The user wants something; the intent's number.
    pub fn intend(&mut self, phone: usize, intent: Intent) -> IntentId {
        let id = self.phones[phone].next_intent;
        self.phones[phone].next_intent += 1;
        self.note(|| format!("phone {phone} intends {}", intent_name(&intent)));
        if !self.feed(phone, Input::Intent(id, intent)) {
            // The shell could not take it; the user sees that at once.
            self.phones[phone].timeline.outcomes.insert(id, Err(IntentError::Offline));
        }
        id
    }

    /// Lets time pass until an intent has its outcome, at most a minute.
    pub fn outcome(&mut self, phone: usize, intent: IntentId) -> Option<Result<Outcome, IntentError>> {
        for _ in 0..600 {
            if let Some(outcome) = self.phones[phone].timeline.outcomes.get(&intent) {
                return Some(outcome.clone());
            }
            self.run_for(100);
        }
        None
    }

    /// The shell's turn: transaction, records, commit, then effects in order. Whether it was committed.
    pub fn feed(&mut self, at: usize, input: Input) -> bool {
        if self.phones[at].device.is_none() {
            return false;
        }
        let fails_at = if self.dice.chance(self.weather.disk_errors) { 1 + self.dice.below(60) as u32 } else { 0 };
        let fails_commit = fails_at > 0 && self.dice.chance(200);
        let dies = self.dice.chance(self.weather.crashes);
        let dies_before = dies && self.dice.chance(500);
        let now_ms = self.now_ms;
        let name = if self.log.is_some() { input_name(&input) } else { String::new() };
        let phone = &mut self.phones[at];
        let clock_ms = phone.clock_ms(now_ms);
        let Some(device) = phone.device.as_mut() else { return false };
        let bug = phone.bug;
        let flaky = Flaky::new(&phone.storage, if fails_commit { 0 } else { fails_at }, bug);
        let transaction = Batch::new(&flaky);
        let context = Context { now_ms: clock_ms, rng: &mut phone.rng, storage: &transaction };
        let handled = device.handle(context, input);
        flaky.heal();
        let effects = match handled {
            Ok(_) if fails_commit => {
                device.forget_cache();
                Err("commit failed".to_owned())
            }
            Ok(effects) => Ok(effects),
            Err(error) => Err(error.to_string()),
        };
        match effects {
            Err(error) => {
                self.note(|| format!("phone {at} {name}: {error}"));
                if fails_at == 0 {
                    self.book.wrong(format!("phone {at}: an input failed: {name} {error}"));
                    self.stop(at);
                    return false;
                }
                self.disk_failed(at);
                false
            }
            Ok(_) if dies_before => {
                self.note(|| format!("phone {at} {name}: dies before the commit"));
                self.crash(at);
                false
            }
            Ok(effects) => {
                transaction.flush().expect("a virtual disk commits");
                let mut rest = Vec::new();
                for effect in effects {
                    match effect {
                        Effect::Record(record) if !hides(bug, &record) => {
                            self.note(|| format!("phone {at} {name}: {}", record_name(&record)));
                            self.phones[at].timeline.write(&record);
                            self.book.record(at, &record);
                        }
                        Effect::Record(_) => {}
                        effect => rest.push(effect),
                    }
                }
                self.note(|| {
                    let shown = rest.iter().map(effect_name).collect::<Vec<_>>().join(", ");
                    format!("phone {at} {name} -> {shown}")
                });
                self.book.look(at, &self.phones[at]);
                if dies {
                    self.note(|| format!("phone {at} {name}: dies after the commit"));
                    self.crash(at);
                } else {
                    rest.into_iter().for_each(|effect| self.carry_out(at, effect));
                }
                true
            }
        }
    }

    /// After a failed transaction every connection is closed and the device told, as its manual asks.
    fn disk_failed(&mut self, at: usize) {
        self.book.counts.disk_errors += 1;
        let links: Vec<Link> = self.phones[at].links.keys().cloned().collect();
        for link in &links {
            self.break_link(at, link);
        }
        let weather = self.weather;
        self.weather.disk_errors = 0;
        self.weather.crashes = 0;
        for link in links {
            self.feed(at, Input::Disconnected(link.clone()));
            self.dial_later(at, &link);
        }
        self.feed(at, Input::Wake);
        self.weather = weather;
    }

    fn carry_out(&mut self, at: usize, effect: Effect) {
        let life = self.phones[at].life;
        match effect {
            Effect::Record(_) => {}
            Effect::Connect(link) => {
                self.phones[at].links.entry(link.clone()).or_default();
                self.dial_later(at, &link);
            }
            Effect::Hangup(link) => {
                self.break_link(at, &link);
                self.phones[at].links.remove(&link);
            }
            Effect::Send(link, requests) => self.send(at, &link, requests),
            Effect::PutBlob(url, id, blob, ttl_s) => {
                let delay = self.latency();
                let happening = Happening::BlobAtNode { phone: at, life, url, id, blob, ttl_s };
                self.at(self.now_ms + delay, happening);
            }
            Effect::GetBlob(url, id) => {
                let delay = self.latency() + self.latency();
                let result = self.blob_of(at, &url, id);
                let input = Input::BlobGot(url, id, result);
                self.at(self.now_ms + delay, Happening::Blob { phone: at, life, input });
            }
            Effect::Solve(work) => {
                let nonce = wire::work::search(&work.hello_nonce, work.bound.puzzle(), work.bits, 0, 1 << 20)
                    .expect("a few bits are found");
                let delay = 1 + self.dice.below(500);
                self.at(self.now_ms + delay, Happening::Solved { phone: at, life, job: work.job, nonce });
            }
            Effect::WakeAt(due_ms) => {
                let clock_ms = self.phones[at].clock_ms(self.now_ms);
                self.phones[at].timer += 1;
                let timer = self.phones[at].timer;
                let wait_ms = due_ms.saturating_sub(clock_ms);
                self.at(self.now_ms.saturating_add(wait_ms), Happening::Wake { phone: at, timer });
            }
        }
    }

    /// The device's process dies and starts again after a while.
    pub fn crash(&mut self, at: usize) {
        let away_ms = 1 + self.dice.below(5_000);
        self.stop(at);
        self.at(self.now_ms + away_ms, Happening::PhoneStart { phone: at });
    }

    /// The device's process dies.
    pub fn stop(&mut self, at: usize) {
        if self.phones[at].device.take().is_none() {
            return;
        }
        self.book.counts.crashes += 1;
        self.phones[at].timer += 1;
        let links: Vec<Link> = self.phones[at].links.keys().cloned().collect();
        for link in &links {
            self.break_link(at, link);
        }
        self.phones[at].links.clear();
    }

    /// The device's process starts.
    pub fn start(&mut self, at: usize) {
        if self.phones[at].device.is_some() {
            return;
        }
        self.note(|| format!("phone {at} starts"));
        self.phones[at].open(self.now_ms);
        self.feed(at, Input::Wake);
    }

    pub(crate) fn latency(&mut self) -> u64 {
        1 + self.dice.below(self.weather.latency_ms)
    }

    /// The server behind a URL.
    pub(crate) fn server_of(&self, url: &NodeUrl) -> Option<usize> {
        self.servers.iter().position(|server| server.url == *url)
    }

    /// Which history a phone is shown.
    pub(crate) fn side_of(&self, server: usize, phone: usize) -> usize {
        let is_astray = self.astray.contains(&phone) && self.servers[server].sides.len() > 1;
        usize::from(is_astray)
    }

    fn blob_of(&mut self, at: usize, url: &NodeUrl, id: BlobId) -> Result<Bytes, BlobFailure> {
        let Some(server) = self.server_of(url) else { return Err(BlobFailure::Network) };
        let side = &self.servers[server].sides[self.side_of(server, at)];
        if self.phones[at].is_cut_off || !side.is_up {
            return Err(BlobFailure::Network);
        }
        if self.hides_blobs {
            return Err(BlobFailure::NotFound);
        }
        side.disk.blobs.borrow().get(&id).map(|(blob, _)| blob.clone()).ok_or(BlobFailure::NotFound)
    }

    fn blob_at_node(&mut self, phone: usize, life: u32, url: NodeUrl, id: BlobId, blob: Bytes, ttl_s: u64) {
        let result = match self.server_of(&url) {
            Some(server) if !self.phones[phone].is_cut_off => {
                let side = self.side_of(server, phone);
                let side = &self.servers[server].sides[side];
                if side.is_up {
                    side.disk.put_blob(id, blob, self.now_ms / 1_000 + ttl_s);
                    Ok(())
                } else {
                    Err(BlobFailure::Network)
                }
            }
            _ => Err(BlobFailure::Network),
        };
        let delay = self.latency();
        self.at(self.now_ms + delay, Happening::Blob { phone, life, input: Input::BlobPut(url, id, result) });
    }

    /// Whether a phone's link is wanted and has no connection.
    pub(crate) fn link_status(&mut self, at: usize, link: &Link) -> Option<&mut LinkStatus> {
        self.phones[at].links.get_mut(link)
    }
}

/// Whether a client with this bug keeps a record from its user.
fn hides(bug: Option<Bug>, record: &Record) -> bool {
    match record {
        Record::Alert { .. } => bug == Some(Bug::HidesAlerts),
        Record::Received { .. } => bug == Some(Bug::HidesMessages),
        _ => false,
    }
}

fn intent_name(intent: &Intent) -> &'static str {
    match intent {
        Intent::Invite { .. } => "an invite",
        Intent::RevokeInvite { .. } => "to revoke an invite",
        Intent::Accept { .. } => "to accept",
        Intent::Add { .. } => "to add",
        Intent::Answer { .. } => "to answer",
        Intent::Send { .. } => "to send",
        Intent::Whisper { .. } => "to whisper",
        Intent::NewGroup { .. } => "a group",
        Intent::AddMembers { .. } => "to add members",
        Intent::RemoveMembers { .. } => "to remove members",
        Intent::Rename { .. } => "to rename",
        Intent::SetAdmin { .. } => "to set an admin",
        Intent::Leave { .. } => "to leave",
        Intent::Reboot { .. } => "to reboot",
        Intent::SetName { .. } => "a name",
        Intent::Block { .. } => "to block",
    }
}

fn input_name(input: &Input) -> String {
    match input {
        Input::Intent(id, intent) => format!("intent {id} {}", intent_name(intent)),
        Input::Connected(link) => format!("connected {:?}", link.kind),
        Input::Event(link, id, event) => format!("{:?} #{id} {}", link.kind, event_name(event)),
        Input::Disconnected(link) => format!("disconnected {:?}", link.kind),
        Input::BlobPut(_, _, result) => format!("blob put {result:?}"),
        Input::BlobGot(_, _, result) => format!("blob got {:?}", result.as_ref().map(Bytes::len)),
        Input::Solved { job, .. } => format!("solved {job}"),
        Input::Wake => "wake".into(),
    }
}

fn event_name(event: &wire::node::Event) -> String {
    use wire::node::Event;
    match event {
        Event::Hello(_) => "hello".into(),
        Event::Opened { handle, page } => format!("opened {handle} cells {} next {}", page.cells.len(), page.next_seq),
        Event::Receipt(receipt) => format!("receipt {} gen {}", receipt.seq, receipt.gen_before),
        Event::Page(page) => format!("page cells {} next {}", page.cells.len(), page.next_seq),
        Event::Push { handle, cell } => format!("push {handle} {cell:?}"),
        Event::DoorStored { key_packages } => format!("door stored {key_packages}"),
        Event::DoorClaimed { key_package, .. } => format!("door claimed {}", key_package.is_some()),
        other => format!("{other:?}").chars().take(60).collect(),
    }
}

fn effect_name(effect: &Effect) -> String {
    match effect {
        Effect::Record(record) => record_name(record),
        Effect::Connect(link) => format!("connect {:?}", link.kind),
        Effect::Hangup(link) => format!("hang up {:?}", link.kind),
        Effect::Send(link, requests) => {
            let names: Vec<String> =
                requests.iter().map(|(id, request)| format!("#{id} {}", request_name(request))).collect();
            format!("send {:?} [{}]", link.kind, names.join(" "))
        }
        Effect::PutBlob(_, _, blob, _) => format!("put blob {}", blob.len()),
        Effect::GetBlob(..) => "get blob".into(),
        Effect::Solve(work) => format!("solve {}", work.bits),
        Effect::WakeAt(due_ms) => format!("wake at {}", due_ms.saturating_sub(START_MS)),
    }
}

fn request_name(request: &wire::node::Request) -> String {
    use wire::node::Request;
    match request {
        Request::Open(open) => format!("open {:?} after {}", open.class, open.after),
        Request::Append(append) => {
            format!(
                "append {} nth {} {:?} if {} len {}",
                append.handle,
                append.nth,
                append.kind,
                append.if_gen,
                append.body.len()
            )
        }
        Request::Read { handle, after } => format!("read {handle} after {after}"),
        Request::Attest { handle } => format!("attest {handle}"),
        Request::Trim { handle, through } => format!("trim {handle} {through}"),
        Request::Close { handle } => format!("close {handle}"),
        Request::Release { handle } => format!("release {handle}"),
        Request::Whisper { handle, .. } => format!("whisper {handle}"),
        Request::DoorPut(put) => format!("door put {}", put.key_packages.len()),
        Request::DoorClaim(claim) => format!("door claim {}", claim.counter),
        Request::Bell(_) => "bell".to_owned(),
        Request::Relay => "relay".to_owned(),
        Request::Room(_) => "room".to_owned(),
    }
}

fn record_name(record: &Record) -> String {
    match record {
        Record::Conversation(conversation) => format!(
            "conversation epoch {} members {} {:?}",
            conversation.epoch,
            conversation.members.len(),
            conversation.state
        ),
        Record::Contact(_) => "contact".into(),
        Record::Received { .. } => "received".into(),
        Record::Call(heard) => format!("call {:?}", heard.call.signal),
        Record::Sent { state, .. } => format!("sent {state:?}"),
        Record::Whispered { .. } => "whispered".into(),
        Record::Request(request) => {
            format!("request {:?}", std::mem::discriminant(&request.kind)).chars().take(9).collect()
        }
        Record::RequestGone(_) => "request gone".into(),
        Record::Invite { .. } => "invite".into(),
        Record::Alert { alert, .. } => format!("ALERT {}", alert.text("somebody")),
        Record::Outcome(intent, outcome) => {
            format!("outcome {intent} {}", if outcome.is_ok() { "ok" } else { "error" })
        }
    }
}
