//! A profile with its engine and connections, and how long a command waits.

use crate::args::Args;
use crate::failure::Failure;
use crate::text;
use client::engine::Engine;
use client::engine::runner::{Runner, now_ms};
use client::files::folder::Folder;
use client::profile::{Place, Profile, ProfileError};
use client::transport::stream::Tls;
use protocol::event::{Intent, Outcome};
use protocol::identity::{NodeUrl, RecoveryPhrase};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// How long a message may take to reach the node's disk.
pub const SEND_WAIT: Duration = Duration::from_secs(15);
/// How long what needs several round trips or work may take.
pub const INTENT_WAIT: Duration = Duration::from_secs(90);
/// How long to wait for the node to have nothing more for us.
pub const FETCH_WAIT: Duration = Duration::from_secs(20);
/// Failed attempts to connect after which a command gives up.
const FAILURES_MAX: u32 = 3;
/// A node that restarts is back within this time.
const PATIENCE: Duration = Duration::from_secs(3);
/// Quiet for so long after the last answer is idle: what is pushed comes right behind.
pub const QUIET: Duration = Duration::from_millis(100);

/// A profile in use.
pub struct Session {
    /// The engine with its connections.
    pub runner: Runner,
    began: Instant,
    _profile: Profile,
}

/// How waiting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// What was waited for is there.
    Done,
    /// Time is over.
    Timeout,
    /// The node cannot be reached.
    Unreachable,
}

fn folder(args: &Args) -> Result<PathBuf, Failure> {
    match &args.profile {
        Some(folder) => Ok(folder.clone()),
        None => directories::ProjectDirs::from("", "", "sottovoce")
            .map(|folders| folders.data_dir().to_path_buf())
            .ok_or_else(|| Failure::usage(text::say("cli-no-data-folder"))),
    }
}

/// A generator with the system's randomness.
pub fn rng() -> Result<Box<ChaCha20Rng>, Failure> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut()).map_err(|error| Failure::internal(error.to_string()))?;
    Ok(Box::new(ChaCha20Rng::from_seed(*seed)))
}

fn passphrase_of_environment() -> Option<Zeroizing<String>> {
    std::env::var("SOTTOVOCE_PASSPHRASE").ok().filter(|text| !text.is_empty()).map(Zeroizing::new)
}

/// A new phrase.
pub fn generate_phrase() -> Result<RecoveryPhrase, Failure> {
    Ok(RecoveryPhrase::generate(rng()?.as_mut()))
}

impl Session {
    /// Makes an account in a new profile.
    pub fn create(args: &Args, node_url: NodeUrl, name: String, phrase: &RecoveryPhrase) -> Result<Self, Failure> {
        let passphrase = passphrase_of_environment();
        let (profile, database) =
            Profile::create(&folder(args)?, Place::KeyringOrFile, passphrase.as_ref().map(|text| text.as_str()))?;
        let engine = Engine::create(database, rng()?, phrase, node_url, name, now_ms())?;
        Self::of(profile, engine)
    }

    /// Opens the profile, and asks for its passphrase if it has one.
    pub fn open(args: &Args) -> Result<Self, Failure> {
        let folder = folder(args)?;
        let passphrase = passphrase_of_environment();
        let opened = match Profile::open(&folder, passphrase.as_ref().map(|text| text.as_str())) {
            Err(ProfileError::PassphraseNeeded) if std::io::stdin().is_terminal() => {
                let typed = rpassword::prompt_password("Passphrase: ").map(Zeroizing::new);
                let typed = typed.map_err(|error| Failure::internal(error.to_string()))?;
                Profile::open(&folder, Some(&typed))
            }
            opened => opened,
        };
        let (profile, database) = opened?;
        let engine = Engine::open(database, rng()?, now_ms())?;
        Self::of(profile, engine)
    }

    fn of(profile: Profile, engine: Engine) -> Result<Self, Failure> {
        let tls = Tls::new().map_err(|error| Failure::internal(error.to_string()))?;
        let folder = Folder::below(profile.folder());
        Ok(Self { runner: Runner::new(engine, tls).with_files(folder), began: Instant::now(), _profile: profile })
    }

    /// Runs until `is_done`, or `wait` is over, or the node cannot be reached.
    pub async fn wait_for(
        &mut self,
        wait: Duration,
        mut is_done: impl FnMut(&mut Runner) -> Result<bool, Failure>,
    ) -> Result<Waited, Failure> {
        let deadline = Instant::now() + wait;
        loop {
            if is_done(&mut self.runner)? {
                return Ok(Waited::Done);
            }
            if self.gives_up() {
                return Ok(Waited::Unreachable);
            }
            if !self.runner.step(deadline).await? {
                return Ok(Waited::Timeout);
            }
        }
    }

    /// Runs until the node has nothing more for us.
    pub async fn wait_for_idle(&mut self, wait: Duration) -> Result<Waited, Failure> {
        let deadline = Instant::now() + wait;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let waited = self.wait_for(left, |runner| Ok(runner.is_idle())).await?;
            if waited != Waited::Done {
                return Ok(waited);
            }
            if !self.runner.step(deadline.min(Instant::now() + QUIET)).await? {
                return Ok(Waited::Done);
            }
        }
    }

    /// Whether the node failed to answer too often, and for longer than it takes to start again.
    pub fn gives_up(&self) -> bool {
        self.runner.failures() >= FAILURES_MAX && self.began.elapsed() >= PATIENCE
    }

    /// Why the node was not reached, with what that means.
    pub fn not_reached(&self, consequence: &str) -> Failure {
        let why = self.runner.last_failure().map(ToString::to_string);
        Failure::network(text::not_reached(why, consequence))
    }

    /// Does what the user wants and waits for its outcome.
    pub async fn intend(&mut self, intent: Intent) -> Result<Outcome, Failure> {
        self.runner.start()?;
        let id = self.runner.intend(intent.clone())?;
        let mut outcome = None;
        let waited = self
            .wait_for(INTENT_WAIT, |runner| {
                outcome = runner.take_outcome(id);
                Ok(outcome.is_some())
            })
            .await?;
        match (outcome, waited) {
            (Some(outcome), _) => Ok(outcome?),
            (None, _) => Err(self.not_reached(&text::say("cli-in-progress"))),
        }
    }

    /// Runs until the home node has answered once: a group names its node's key.
    pub async fn reach_home(&mut self) -> Result<(), Failure> {
        self.runner.start()?;
        match self.wait_for_idle(FETCH_WAIT).await? {
            Waited::Done => Ok(()),
            Waited::Timeout | Waited::Unreachable => Err(self.not_reached(&text::say("cli-in-progress"))),
        }
    }
}
