//! The account: new, whoami, receipts.

use crate::args::Args;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::{FETCH_WAIT, Session, Waited, generate_phrase};
use crate::text;
use protocol::event::{Intent, Outcome};
use protocol::identity::address::account_text;
use protocol::identity::{Address, NodeUrl, RecoveryPhrase};
use serde_json::json;
use std::io::Read;
use zeroize::Zeroizing;

/// Words in a row for people.
const WORDS_A_ROW: usize = 6;

pub async fn new(args: &Args, output: &Output, node: &str, name: &str, recovers: bool) -> Result<(), Failure> {
    let node_url = NodeUrl::parse(node)
        .map_err(|error| Failure::usage(text::say_with("cli-failed-node-url", "why", error.to_string())))?;
    let phrase = if recovers { read_phrase()? } else { generate_phrase()? };
    let mut session = Session::create(args, node_url, name.into(), &phrase)?;
    let address = address(&session);
    let me = session.runner.engine().me();
    let mut object = json!({
        "type": "account",
        "address": address,
        "account": account_text(&me.account),
        "device": me.device.to_hex(),
        "name": name,
    });
    let words: Vec<&str> = phrase.words().collect();
    if !recovers {
        object["words"] = json!(words);
    }
    // The words come once: before anything that may take long or fail.
    output.put(&object, || {
        let mut lines = format!("{}\n  {address}", text::say("cli-address-title"));
        if !recovers {
            lines.push_str(&format!("\n\n{}\n", text::say("cli-words-title")));
            for (row, words) in words.chunks(WORDS_A_ROW).enumerate() {
                let numbered = words.iter().enumerate();
                let row: Vec<String> =
                    numbered.map(|(index, word)| format!("{:>2} {word:<9}", row * WORDS_A_ROW + index + 1)).collect();
                lines.push_str(&format!("  {}\n", row.join(" ").trim_end()));
            }
        }
        lines
    });
    session.runner.start()?;
    match session.wait_for_idle(FETCH_WAIT).await? {
        Waited::Done => {}
        Waited::Timeout | Waited::Unreachable => output.warn(&text::say("cli-node-unreachable")),
    }
    Ok(())
}

fn read_phrase() -> Result<RecoveryPhrase, Failure> {
    let mut typed = Zeroizing::new(String::new());
    std::io::stdin().read_to_string(&mut typed).map_err(|_| Failure::usage(text::say("cli-bad-input")))?;
    RecoveryPhrase::parse(&typed).map_err(|error| Failure::usage(text::bad_words(&error)))
}

fn address(session: &Session) -> String {
    let device = session.runner.engine().device();
    Address { account_id: device.account_id(), node_url: device.node_url().clone() }.to_string()
}

pub async fn whoami(session: &mut Session, output: &Output, name: Option<&str>) -> Result<(), Failure> {
    if let Some(name) = name {
        // Stored at once; invites and knocks carry it from now on.
        session.runner.start()?;
        let id = session.runner.intend(Intent::SetName { name: name.into() })?;
        if let Some(outcome) = session.runner.take_outcome(id) {
            let (Outcome::Done | Outcome::Asked | Outcome::Conversation(_) | Outcome::Link(_)) = outcome?;
        }
        tell_name(session, name)?;
        session.wait_for_idle(FETCH_WAIT).await?;
    }
    let address = address(session);
    let device = session.runner.engine().device();
    let me = session.runner.engine().me();
    let object = json!({
        "type": "account",
        "address": address,
        "account": account_text(&me.account),
        "device": me.device.to_hex(),
        "name": device.name(),
        "node": device.node_url().as_str(),
    });
    output.put(&object, || {
        let name = if device.name().is_empty() { text::say("cli-no-name") } else { device.name().to_owned() };
        format!("{name}\n{address}")
    });
    Ok(())
}

/// Tells every conversation the new name.
fn tell_name(session: &mut Session, name: &str) -> Result<(), Failure> {
    use protocol::content::Kind;
    use protocol::event::ConversationState;
    for summary in session.runner.engine().timeline().conversations()? {
        if summary.state == ConversationState::Active {
            session.runner.send(summary.id, Kind::Profile { name: name.into(), picture: None })?;
        }
    }
    Ok(())
}

pub fn receipts(session: &mut Session, output: &Output, is_on: bool) -> Result<(), Failure> {
    session.runner.engine_mut().set_read_receipts(is_on)?;
    output.put(&json!({"type": "setting", "name": "read_receipts", "value": is_on}), || text::say("cli-done"));
    Ok(())
}
