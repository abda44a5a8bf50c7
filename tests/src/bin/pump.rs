//! Sends numbered texts as fast as the node stores them: a writer to be killed at any moment.
//!
//! `pump PROFILE CONVERSATION COUNT` prints `stored N` once the node has text N on disk. Started again after a kill it
//! goes on behind the last text that is in its own history, whether that was stored or only queued.

use anyhow::{Context, Result, bail};
use client::engine::Engine;
use client::engine::runner::{Runner, now_ms};
use client::profile::Profile;
use client::timeline::{EntryId, MessageState, Window};
use client::transport::stream::Tls;
use protocol::content::Kind;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;
use tokio::time::Instant;

/// Texts that wait for the node at most.
const AHEAD: usize = 64;
/// The run ends by itself.
const LIMIT: Duration = Duration::from_secs(600);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [profile, conversation, count] = arguments.as_slice() else { bail!("pump PROFILE CONVERSATION COUNT") };
    let count: usize = count.parse().context("COUNT")?;
    let (_profile, database) = Profile::open(std::path::Path::new(profile), None)?;
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).context("randomness")?;
    let engine = Engine::open(database, Box::new(ChaCha20Rng::from_seed(seed)), now_ms())?;
    let conversation = engine.timeline().find_conversation(conversation)?;
    let mut waiting: BTreeMap<EntryId, usize> = BTreeMap::new();
    let mut next = 1;
    // The latest windows hold whatever waits: texts are stored in order.
    let mut window = Window::Latest(4 * AHEAD);
    loop {
        let snapshot = engine.timeline().snapshot(&conversation, window)?;
        for entry in snapshot.entries.iter().filter(|entry| entry.is_own()) {
            let number = entry.text().and_then(|text| text.strip_prefix("text ")?.parse::<usize>().ok());
            let Some(number) = number else { continue };
            next = next.max(number + 1);
            if entry.state == MessageState::Pending {
                waiting.insert(entry.id, number);
            }
        }
        match snapshot.entries.first() {
            Some(first) if snapshot.has_older && next == 1 => window = Window::Before(first.id, 4 * AHEAD),
            _ => break,
        }
    }
    let mut runner = Runner::new(engine, Tls::new()?);
    runner.start()?;
    let deadline = Instant::now() + LIMIT;
    while next <= count || !waiting.is_empty() {
        while next <= count && waiting.len() < AHEAD {
            let (_, entry) = runner
                .send(conversation, Kind::Text { text: format!("text {next}"), reply_to: None, is_forwarded: false })?;
            waiting.insert(entry.context("a text is shown")?, next);
            next += 1;
        }
        if !runner.step(deadline).await? {
            bail!("the node stored {} texts less than were sent", waiting.len());
        }
        for id in waiting.keys().copied().collect::<Vec<_>>() {
            let entry = runner.engine().timeline().entry(id)?.context("a text that was sent is there")?;
            if entry.state != MessageState::Pending
                && let Some(number) = waiting.remove(&id)
            {
                writeln!(std::io::stdout(), "stored {number}")?;
            }
        }
    }
    Ok(())
}
