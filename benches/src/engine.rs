//! Case `engine`: the whole client path, two engines with encrypted databases on disk over a real node.
//!
//! The lane's budget of appends is raised: a burst of 10,000 in one conversation is over the default on purpose.

use crate::process::{Server, cpu_seconds_of, data_folder, node_binary};
use crate::report::{Measurement, Subject};
use crate::{STALL, Scale};
use anyhow::{Context, bail, ensure};
use client::db::{Database, DatabaseKey};
use client::engine::Engine;
use client::engine::runner::{Runner, now_ms};
use client::files::folder::Folder;
use client::timeline::{EntryId, MessageState};
use client::transport::stream::Tls;
use protocol::content::Kind;
use protocol::event::{ConversationId, ConversationState, Intent, Outcome};
use protocol::identity::{NodeUrl, RecoveryPhrase};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const MESSAGES: u64 = 10_000;
/// Messages written down in one transaction: what a burst leaves waiting.
const TOGETHER: u64 = 256;
/// One step of a runner waits no longer than this.
const STEP: Duration = Duration::from_millis(200);

/// What is looked at in the database is looked at so often at most.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// One person: an engine on disk with its connections.
pub struct Person {
    path: PathBuf,
    key: DatabaseKey,
    pub runner: Runner,
}

impl Person {
    pub fn new(folder: &Path, name: &str, node_url: &NodeUrl) -> anyhow::Result<Self> {
        let mut seed = [0; 32];
        crate::peer::Random::new().fill(&mut seed);
        let mut rng = Box::new(ChaCha20Rng::from_seed(seed));
        let mut key = [0; 32];
        rng.fill_bytes(&mut key);
        let (path, key) = (folder.join(format!("{name}.db")), DatabaseKey::new(key));
        let database = Database::create(&path, &key)?;
        let phrase = RecoveryPhrase::generate(rng.as_mut());
        let engine = Engine::create(database, rng, &phrase, node_url.clone(), name.to_owned(), now_ms())?;
        let mut runner =
            Runner::new(engine, Tls::new()?).with_files(Folder::below(&folder.join(format!("{name}-files"))));
        runner.start()?;
        Ok(Self { path, key, runner })
    }

    /// Goes away.
    fn leave(self) -> (PathBuf, DatabaseKey) {
        (self.path, self.key)
    }

    /// Comes back.
    fn back((path, key): (PathBuf, DatabaseKey)) -> anyhow::Result<Self> {
        let mut seed = [0; 32];
        crate::peer::Random::new().fill(&mut seed);
        let engine = Engine::open(Database::open(&path, &key)?, Box::new(ChaCha20Rng::from_seed(seed)), now_ms())?;
        let mut runner = Runner::new(engine, Tls::new()?);
        runner.start()?;
        Ok(Self { path, key, runner })
    }

    async fn until(&mut self, mut is_done: impl FnMut(&mut Runner) -> anyhow::Result<bool>) -> anyhow::Result<()> {
        let mut last = Instant::now();
        while !is_done(&mut self.runner)? {
            if self.runner.step(tokio::time::Instant::now() + STEP).await? {
                last = Instant::now();
                self.runner.take_changes();
            }
            if last.elapsed() > STALL {
                bail!("a client waits for ever: {:?}", self.runner.last_failure());
            }
        }
        Ok(())
    }

    async fn intend(&mut self, intent: Intent) -> anyhow::Result<Outcome> {
        let id = self.runner.intend(intent)?;
        let mut outcome = None;
        self.until(|runner| {
            outcome = runner.take_outcome(id);
            Ok(outcome.is_some())
        })
        .await?;
        Ok(outcome.context("no outcome")??)
    }

    fn unread(&self) -> anyhow::Result<u64> {
        unread_of(&self.runner)
    }

    /// The first conversation that can be written to.
    fn conversation(&self) -> anyhow::Result<Option<ConversationId>> {
        let conversations = self.runner.engine().timeline().conversations()?;
        let active = conversations.iter().find(|conversation| conversation.state == ConversationState::Active);
        Ok(active.map(|conversation| conversation.id))
    }
}

fn unread_of(runner: &Runner) -> anyhow::Result<u64> {
    let conversations = runner.engine().timeline().conversations()?;
    Ok(conversations.iter().map(|conversation| conversation.unread as u64).sum())
}

fn text(number: u64) -> Kind {
    Kind::Text {
        text: format!("Message {number}: as long as one usually is, about a line of text."),
        reply_to: None,
        is_forwarded: false,
    }
}

/// Runs both until each has a conversation with the other.
pub async fn introduce(alice: &mut Person, bob: &mut Person) -> anyhow::Result<ConversationId> {
    alice.until(|runner| Ok(runner.is_idle())).await?;
    bob.until(|runner| Ok(runner.is_idle())).await?;
    let invite = Intent::Invite { group: None, needs_approval: false, valid_s: 86_400 };
    let Outcome::Link(link) = alice.intend(invite).await? else { bail!("an invite without a link") };
    bob.intend(Intent::Accept { link, note: String::new() }).await?;
    let begun = Instant::now();
    loop {
        for person in [&mut *alice, &mut *bob] {
            person.runner.step(tokio::time::Instant::now() + LOOK_EVERY).await?;
        }
        if let (Some(id), Some(_)) = (alice.conversation()?, bob.conversation()?)
            && alice.runner.is_idle()
            && bob.runner.is_idle()
        {
            return Ok(id);
        }
        ensure!(begun.elapsed() < STALL, "two people do not meet");
    }
}

/// Waits until `is_done`, which is asked now and then.
pub async fn wait(person: &mut Person, is_done: impl Fn(&Runner) -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let mut look_at = Instant::now();
    person
        .until(|runner| {
            if Instant::now() < look_at {
                return Ok(false);
            }
            let is_done = is_done(runner)?;
            look_at = Instant::now() + LOOK_EVERY;
            Ok(is_done)
        })
        .await
}

pub fn is_stored(runner: &Runner, entry: EntryId) -> anyhow::Result<bool> {
    let entry = runner.engine().timeline().entry(entry)?.context("a sent message is gone")?;
    Ok(matches!(entry.state, MessageState::Stored | MessageState::Delivered | MessageState::Read))
}

fn print(part: &'static str, messages: u64, started: Instant, cpu: f64) -> anyhow::Result<()> {
    let (seconds, core_seconds) = (started.elapsed().as_secs_f64(), cpu_seconds_of("self")? - cpu);
    Measurement::new("engine", Subject::Client)
        .with_work(messages, seconds, core_seconds)
        .with("part", part)
        .with("per_second", (messages as f64 / seconds).round())
        .print()
}

/// Writes messages down, as many together as wait; the last one's entry.
fn write_down(person: &mut Person, conversation: ConversationId, messages: u64) -> anyhow::Result<EntryId> {
    let mut last = None;
    for first in (0..messages).step_by(TOGETHER as usize) {
        let together = (first..messages.min(first + TOGETHER)).map(|number| (conversation, text(number)));
        for sent in person.runner.send_all(together)? {
            last = sent?.1;
        }
        person.runner.take_changes();
    }
    last.context("a text without an entry")
}

/// A burst of sends to who is away, a catch-up, and a burst to who is there.
async fn measure(messages: u64, server: &Server) -> anyhow::Result<()> {
    let folder = data_folder()?;
    let node_url = NodeUrl::parse(&format!("http://{}", server.address))?;
    let mut alice = Person::new(folder.path(), "alice", &node_url)?;
    let mut bob = Person::new(folder.path(), "bob", &node_url)?;
    let conversation = introduce(&mut alice, &mut bob).await?;
    let before = bob.unread()?;
    let bob = bob.leave();

    let (started, cpu) = (Instant::now(), cpu_seconds_of("self")?);
    let last = write_down(&mut alice, conversation, messages)?;
    print("write_down", messages, started, cpu)?;
    wait(&mut alice, |runner| is_stored(runner, last)).await?;
    print("send", messages, started, cpu)?;

    let (started, cpu) = (Instant::now(), cpu_seconds_of("self")?);
    let mut bob = Person::back(bob)?;
    wait(&mut bob, |runner| Ok(unread_of(runner)? >= before + messages)).await?;
    print("catch_up", messages, started, cpu)?;

    let (started, cpu) = (Instant::now(), cpu_seconds_of("self")?);
    write_down(&mut alice, conversation, messages)?;
    let mut look_at = started;
    loop {
        for person in [&mut alice, &mut bob] {
            person.runner.step(tokio::time::Instant::now()).await?;
            person.runner.take_changes();
        }
        ensure!(started.elapsed() < 2 * STALL, "a burst does not arrive");
        if Instant::now() >= look_at {
            if bob.unread()? >= before + 2 * messages {
                break;
            }
            look_at = Instant::now() + LOOK_EVERY;
        }
        tokio::task::yield_now().await;
    }
    print("both_ways", messages, started, cpu)
}

/// The whole client path.
pub fn run(scale: &Scale) -> anyhow::Result<()> {
    let limits = ["lane_appends_per_s=1000000", "lane_appends_burst=1000000", "connection_requests_burst=1000000"];
    let args: Vec<&OsStr> = limits.iter().flat_map(|limit| [OsStr::new("--limit"), OsStr::new(*limit)]).collect();
    let server = Server::start_node(&node_binary()?, &args)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(scale.of(MESSAGES), &server))?;
    server.stop()
}
