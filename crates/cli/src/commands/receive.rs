//! Receive: show what is new, once.

use crate::failure::Failure;
use crate::output::{
    Output, alert_json, alert_line, conversation_json, conversation_line, entry_json, entry_line, request_json,
    request_line,
};
use crate::session::{FETCH_WAIT, QUIET, Session};
use crate::text;
use client::engine::runner::Runner;
use client::timeline::{Change, EntryKind};
use protocol::event::ConversationId;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Unread entries shown before they are marked as read.
const UNREAD_MAX: u32 = 256;
/// "Until interrupted": a year.
const FOREVER: Duration = Duration::from_secs(365 * 86_400);

/// Shows unread messages, and marks them as read once they are out; how many.
fn show_unread(runner: &mut Runner, output: &Output) -> Result<usize, Failure> {
    let mut shown = 0;
    loop {
        let entries = runner.engine().timeline().unread(UNREAD_MAX)?;
        if entries.is_empty() {
            return Ok(shown);
        }
        let mut read = BTreeMap::new();
        let mut titles: BTreeMap<ConversationId, String> = BTreeMap::new();
        for entry in &entries {
            let timeline = runner.engine().timeline();
            let object = entry_json(&timeline, entry, "message")?;
            if !output.is_json() && !titles.contains_key(&entry.conversation) {
                let title = timeline.conversation(&entry.conversation)?.map(|summary| summary.title);
                titles.insert(entry.conversation, title.unwrap_or_default());
            }
            let line = entry_line(&timeline, entry)?;
            output.put(&object, || format!("{} | {line}", titles.get(&entry.conversation).map_or("", String::as_str)));
            read.insert(entry.conversation, entry.id);
        }
        shown += entries.len();
        for (conversation, entry) in read {
            runner.mark_read(conversation, Some(entry))?;
        }
    }
}

/// Shows what else changed.
fn show_changes(runner: &mut Runner, output: &Output) -> Result<(), Failure> {
    let changes = runner.take_changes();
    let timeline = runner.engine().timeline();
    for change in changes {
        match change {
            // Unread ones are shown by themselves; own ones are known.
            Change::Added(_, id) => {
                if let Some(entry) = timeline.entry(id)?
                    && matches!(entry.kind, EntryKind::Notice(_) | EntryKind::Timer(_))
                    && (!entry.is_own() || matches!(entry.kind, EntryKind::Notice(_)))
                {
                    let object = entry_json(&timeline, &entry, "message")?;
                    let line = entry_line(&timeline, &entry)?;
                    output.put(&object, || line);
                }
            }
            Change::Updated(_, id) if output.is_json() => {
                if let Some(entry) = timeline.entry(id)? {
                    output.put(&entry_json(&timeline, &entry, "updated")?, String::new);
                }
            }
            Change::Removed(conversation, id) if output.is_json() => {
                let object = json!({"type": "removed", "conversation": conversation.to_hex(), "entry": id.0});
                output.put(&object, String::new);
            }
            Change::Conversation(id) if output.is_json() => {
                if let Some(summary) = timeline.conversation(&id)? {
                    output.put(&conversation_json(&summary), || conversation_line(&summary));
                }
            }
            Change::Typing(id) if output.is_json() => {
                let devices = runner.engine().typing().devices(&id);
                let devices: Vec<String> = devices.iter().map(|device| device.to_hex()).collect();
                output.put(&json!({"type": "typing", "conversation": id.to_hex(), "devices": devices}), String::new);
            }
            Change::Alert(id) => {
                if let Some(alert) = timeline.alert(id)? {
                    output.put(&alert_json(&alert), || alert_line(&alert));
                }
            }
            Change::Requests => {
                for request in timeline.requests()? {
                    output.put(&request_json(&request), || request_line(&request));
                }
            }
            Change::Call if output.is_json() => {
                for call in runner.engine().group_calls() {
                    let devices: Vec<String> = call.line.iter().map(|device| device.to_hex()).collect();
                    let object = json!({
                        "type": "group_call", "conversation": call.conversation.to_hex(), "call": call.call_id.to_hex(),
                        "has_video": call.has_video, "devices": devices,
                    });
                    output.put(&object, String::new);
                }
            }
            Change::Updated(..)
            | Change::Removed(..)
            | Change::Conversation(_)
            | Change::Typing(_)
            | Change::List
            | Change::Person
            | Change::Invites
            | Change::Bell
            | Change::Call => {}
        }
    }
    Ok(())
}

pub async fn receive(
    session: &mut Session,
    output: &Output,
    follows: bool,
    timeout_s: Option<u64>,
) -> Result<(), Failure> {
    session.runner.start()?;
    let wait = match (timeout_s, follows) {
        (Some(seconds), _) => Duration::from_secs(seconds).min(FOREVER),
        (None, true) => FOREVER,
        (None, false) => FETCH_WAIT,
    };
    let deadline = Instant::now() + wait;
    let mut shown = show_unread(&mut session.runner, output)?;
    let mut was_idle = false;
    loop {
        let is_idle = session.runner.is_idle();
        was_idle |= is_idle;
        if !follows && session.gives_up() {
            return Err(session.not_reached(&text::say("cli-shown-was-here")));
        }
        // With a timeout the first message is waited for; without one, what is there is enough.
        let is_enough = !follows && is_idle && (shown > 0 || timeout_s.is_none());
        let until = if is_enough { deadline.min(Instant::now() + QUIET) } else { deadline };
        let has_stepped = session.runner.step(until).await?;
        shown += show_unread(&mut session.runner, output)?;
        show_changes(&mut session.runner, output)?;
        if !has_stepped {
            break;
        }
    }
    if !was_idle && !follows {
        return Err(session.not_reached(&text::say("cli-shown-was-here")));
    }
    if shown == 0 && !follows {
        output.say(&text::say("cli-no-messages"));
    }
    Ok(())
}
