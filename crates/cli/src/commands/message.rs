//! Messages: send, reply, react, edit, delete, timer.

use crate::failure::Failure;
use crate::output::{Output, entry_json, entry_line};
use crate::session::{SEND_WAIT, Session, Waited};
use crate::text;
use client::timeline::{Entry, EntryId, EntryKind, MessageState};
use protocol::content::Kind;
use protocol::event::ConversationId;
use serde_json::json;
use std::io::Read;
use std::time::Duration;
use wire::limit::TEXT_BYTES_MAX;

/// How long a message may take to reach the node's disk.
pub const MESSAGE_WAIT: Duration = SEND_WAIT;

/// The text that was typed, or standard input for `-`.
fn read_text(typed: &str) -> Result<String, Failure> {
    let mut text = String::new();
    if typed == "-" {
        // One byte past the limit is enough to refuse it.
        let limit = u64::try_from(TEXT_BYTES_MAX + 2).unwrap_or(u64::MAX);
        std::io::stdin()
            .take(limit)
            .read_to_string(&mut text)
            .map_err(|_| Failure::usage(text::say("cli-bad-input")))?;
        if text.ends_with('\n') {
            text.pop();
        }
    } else {
        text.push_str(typed);
    }
    if text.is_empty() { Err(Failure::usage(text::say("cli-empty-text"))) } else { Ok(text) }
}

pub async fn send(session: &mut Session, output: &Output, word: &str, typed: &str) -> Result<(), Failure> {
    let conversation = session.runner.engine().timeline().find_conversation(word)?;
    let text = read_text(typed)?;
    deliver(session, output, conversation, Kind::Text { text, reply_to: None, is_forwarded: false }).await
}

pub async fn reply(session: &mut Session, output: &Output, word: &str, typed: &str) -> Result<(), Failure> {
    let found = session.runner.engine().timeline().find_message(word)?;
    let text = read_text(typed)?;
    deliver(session, output, found.conversation, Kind::Text { text, reply_to: Some(found.msg_id), is_forwarded: false })
        .await
}

/// Passes a message on; the bytes of its files stay where they are.
pub async fn forward(session: &mut Session, output: &Output, word: &str, to: &str) -> Result<(), Failure> {
    let timeline = session.runner.engine().timeline();
    let (found, to) = (timeline.find_message(word)?, timeline.find_conversation(to)?);
    let entry = session.runner.forward(found.entry, to)?;
    session.runner.start()?;
    delivered(session, output, entry).await
}

pub async fn react(session: &mut Session, output: &Output, word: &str, emoji: Option<&str>) -> Result<(), Failure> {
    let found = session.runner.engine().timeline().find_message(word)?;
    let emoji = emoji.filter(|emoji| !emoji.is_empty()).map(Into::into);
    deliver(session, output, found.conversation, Kind::Reaction { msg_id: found.msg_id, emoji }).await
}

/// A message of ours with a text or files: only those can be changed.
fn own(session: &Session, word: &str) -> Result<Entry, Failure> {
    let timeline = session.runner.engine().timeline();
    let found = timeline.find_message(word)?;
    match timeline.entry(found.entry)? {
        Some(entry) if entry.is_own() && matches!(entry.kind, EntryKind::Text(_) | EntryKind::Files(_)) => Ok(entry),
        _ => Err(Failure::refused(text::say("cli-text-only"))),
    }
}

pub async fn edit(session: &mut Session, output: &Output, word: &str, typed: &str) -> Result<(), Failure> {
    let found = own(session, word)?;
    let text = read_text(typed)?;
    deliver(session, output, found.conversation, Kind::Edit { msg_id: found.msg_id, text }).await
}

pub async fn delete(session: &mut Session, output: &Output, word: &str) -> Result<(), Failure> {
    let found = own(session, word)?;
    if let (MessageState::Pending, Some(file)) = (found.state, found.files.first()) {
        // Nobody has heard of it yet.
        session.runner.cancel_file(file.id)?;
        session.runner.start()?;
        output.put(&json!({"type": "done"}), || text::say("cli-done"));
        return Ok(());
    }
    deliver(session, output, found.conversation, Kind::Delete { msg_id: found.msg_id }).await
}

pub async fn timer(session: &mut Session, output: &Output, word: &str, duration: &str) -> Result<(), Failure> {
    let conversation = session.runner.engine().timeline().find_conversation(word)?;
    let seconds = parse_duration(duration).ok_or_else(|| Failure::usage(text::say("cli-bad-duration")))?;
    deliver(session, output, conversation, Kind::Timer { seconds }).await
}

/// A number with a unit, or `off`; within 5 s and 1 year.
fn parse_duration(text: &str) -> Option<u32> {
    if text == "off" || text == "0" {
        return Some(0);
    }
    let (number, unit) = text.split_at(text.find(|character: char| !character.is_ascii_digit())?);
    let unit: u32 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        "y" => 31_536_000,
        _ => return None,
    };
    let seconds = number.parse::<u32>().ok()?.checked_mul(unit)?;
    (seconds != 0 && protocol::content::check_timer("duration", seconds).is_ok()).then_some(seconds)
}

/// Sends and waits until the node has it on disk.
async fn deliver(
    session: &mut Session,
    output: &Output,
    conversation: ConversationId,
    kind: Kind,
) -> Result<(), Failure> {
    // Written down first: whatever happens to the network, it is not lost.
    let (msg_id, entry) = session.runner.send(conversation, kind)?;
    session.runner.start()?;
    if let Some(entry) = entry {
        return delivered(session, output, entry).await;
    }
    let waited = session.wait_for_idle(SEND_WAIT).await?;
    let state = if waited == Waited::Done { MessageState::Stored } else { MessageState::Pending };
    let object = json!({
        "type": "sent",
        "id": msg_id.to_hex(),
        "conversation": conversation.to_hex(),
        "state": state.name(),
    });
    output.put(&object, || text::say("cli-done"));
    outcome(session, state)
}

/// Waits until the node has an own entry on disk.
async fn delivered(session: &mut Session, output: &Output, entry: EntryId) -> Result<(), Failure> {
    session
        .wait_for(SEND_WAIT, |runner| {
            let state = runner.engine().timeline().entry(entry)?.map(|entry| entry.state);
            Ok(state != Some(MessageState::Pending))
        })
        .await?;
    let timeline = session.runner.engine().timeline();
    // Gone in the meantime: somebody deleted it.
    let Some(entry) = timeline.entry(entry)? else { return Ok(()) };
    let object = entry_json(&timeline, &entry, "message")?;
    let line = entry_line(&timeline, &entry)?;
    output.put(&object, || line);
    outcome(session, entry.state)
}

fn outcome(session: &Session, state: MessageState) -> Result<(), Failure> {
    match state {
        MessageState::Pending => Err(session.not_reached(&text::say("cli-queued"))),
        MessageState::Failed => {
            Err(Failure::refused(text::conversation_state(protocol::event::ConversationState::Left)))
        }
        MessageState::Stored | MessageState::Delivered | MessageState::Read | MessageState::Received => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_within_their_limits() {
        for (text, seconds) in [
            ("off", Some(0)),
            ("5s", Some(5)),
            ("4s", None),
            ("5m", Some(300)),
            ("1y", Some(31_536_000)),
            ("2y", None),
            ("0s", None),
            ("", None),
            ("5", None),
            ("s", None),
            ("99999999999s", None),
            ("-5s", None),
            ("5 m", None),
        ] {
            assert_eq!(parse_duration(text), seconds, "{text}");
        }
    }
}
