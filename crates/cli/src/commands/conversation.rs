//! What is on this device: conversations, history, search, alerts.

use crate::failure::Failure;
use crate::output::{
    Output, alert_json, alert_line, conversation_json, conversation_line, entry_json, entry_line, hit_line,
};
use crate::session::Session;
use crate::text;
use client::timeline::Window;
use serde_json::json;
use std::path::Path;

/// Alerts shown.
const ALERTS_MAX: u32 = 50;

pub fn list(session: &Session, output: &Output) -> Result<(), Failure> {
    let conversations = session.runner.engine().timeline().conversations()?;
    for summary in &conversations {
        output.put(&conversation_json(summary), || conversation_line(summary));
    }
    if conversations.is_empty() {
        output.say(&text::say("cli-no-conversations"));
    }
    Ok(())
}

pub fn history(session: &Session, output: &Output, word: &str, limit: usize) -> Result<(), Failure> {
    let timeline = session.runner.engine().timeline();
    let conversation = timeline.find_conversation(word)?;
    let mut entries = Vec::new();
    let mut window = Window::Latest(limit);
    loop {
        let mut snapshot = timeline.snapshot(&conversation, window)?;
        let Some(first) = snapshot.entries.first().map(|entry| entry.id) else { break };
        snapshot.entries.append(&mut entries);
        entries = snapshot.entries;
        if !snapshot.has_older || entries.len() >= limit {
            break;
        }
        window = Window::Before(first, limit - entries.len());
    }
    for entry in &entries {
        let object = entry_json(&timeline, entry, "message")?;
        let line = entry_line(&timeline, entry)?;
        output.put(&object, || line);
    }
    Ok(())
}

pub fn search(session: &Session, output: &Output, words: &str, limit: usize) -> Result<(), Failure> {
    let timeline = session.runner.engine().timeline();
    let hits = timeline.search(words, None, limit)?;
    for hit in &hits {
        let title = timeline.conversation(&hit.entry.conversation)?.map(|summary| summary.title).unwrap_or_default();
        let mut object = entry_json(&timeline, &hit.entry, "message")?;
        object["snippet"] = json!(hit.snippet);
        let line = hit_line(&timeline, hit, &title)?;
        output.put(&object, || line);
    }
    if hits.is_empty() {
        output.say(&text::say("cli-nothing-found"));
    }
    Ok(())
}

pub fn alerts(session: &Session, output: &Output, export: Option<(i64, &Path)>) -> Result<(), Failure> {
    let timeline = session.runner.engine().timeline();
    if let Some((id, file)) = export {
        let evidence = timeline.alert(id)?.and_then(|alert| alert.evidence);
        let evidence = evidence.ok_or_else(|| Failure::usage(text::say("cli-no-evidence")))?;
        std::fs::write(file, &evidence).map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
        output.put(&json!({"type": "evidence", "alert": id, "bytes": evidence.len()}), || text::say("cli-done"));
        return Ok(());
    }
    let alerts = timeline.alerts(ALERTS_MAX)?;
    for alert in alerts.iter().rev() {
        output.put(&alert_json(alert), || alert_line(alert));
    }
    if alerts.is_empty() {
        output.say(&text::say("cli-no-alerts"));
    }
    Ok(())
}
