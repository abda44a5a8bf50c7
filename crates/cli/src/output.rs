//! Lines for people, JSON objects for programs (docs/cli.md).

use crate::failure::Failure;
use crate::text;
use client::files::{Attachment, Problem};
use client::timeline::{
    ConversationSummary, Entry, EntryKind, MemberSummary, Notice, Person, SearchHit, StoredAlert, Timeline,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use protocol::event::{ContactRequest, RequestKind};
use protocol::identity::address::account_text;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::process::ExitCode;
use wire::id::AccountId;

/// Hexadecimal digits of a message id that people see.
const ID_DIGITS: usize = 8;

/// Where results go.
#[derive(Debug)]
pub struct Output {
    is_json: bool,
}

impl Output {
    /// JSON for programs, or lines for people.
    pub fn new(is_json: bool) -> Self {
        Self { is_json }
    }

    /// For programs.
    pub fn is_json(&self) -> bool {
        self.is_json
    }

    /// A result in both forms; the lines are made only if people read them.
    pub fn put(&self, object: &Value, lines: impl FnOnce() -> String) {
        let text = if self.is_json { object.to_string() } else { clean(&lines()) };
        let mut out = std::io::stdout().lock();
        // A reader that went away is no failure of ours.
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    }

    /// A line for people only.
    pub fn say(&self, line: &str) {
        if !self.is_json {
            let mut out = std::io::stdout().lock();
            let _ = writeln!(out, "{}", clean(line)).and_then(|()| out.flush());
        }
    }

    /// Something that people should know beside the result.
    pub fn warn(&self, line: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{}", clean(line));
    }

    /// Says why a command failed, and its exit status.
    pub fn failure(&self, failure: &Failure) -> ExitCode {
        if self.is_json {
            self.put(&json!({"type": "error", "status": failure.status, "text": failure.text}), String::new);
        } else {
            self.warn(&format!("sottovoce: {}", failure.text));
        }
        ExitCode::from(failure.status)
    }
}

/// Text from others as a terminal may show it: no escape sequences, no reordering.
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' | '\t' => character,
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => '\u{fffd}',
            _ if character.is_control() => '\u{fffd}',
            _ => character,
        })
        .collect()
}

/// A time for programs: RFC 3339 in UTC with milliseconds.
pub fn rfc3339(at_ms: u64) -> String {
    timestamp(at_ms).map_or_else(String::new, |time| format!("{time:.3}"))
}

/// A time for people.
fn local(at_ms: u64) -> String {
    timestamp(at_ms)
        .map_or_else(String::new, |time| time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string())
}

fn timestamp(at_ms: u64) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(at_ms).ok()?).ok()
}

fn short(id: &str) -> String {
    id.chars().take(ID_DIGITS).collect()
}

/// A message's id begins with its time and is told from others by its end.
fn short_message(id: &str) -> String {
    id.chars().skip(id.chars().count().saturating_sub(ID_DIGITS)).collect()
}

/// An entry as an object of the contract. `event` is its `type`.
pub fn entry_json(timeline: &Timeline<'_>, entry: &Entry, event: &str) -> Result<Value, Failure> {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| object.insert(name.into(), value);
    let conversation = entry.conversation.to_hex();
    if let EntryKind::Notice(notice) = &entry.kind {
        put("type", json!("notice"));
        put("id", json!(entry.msg_id.to_hex()));
        put("conversation", json!(conversation));
        let (code, account) = notice_parts(notice);
        put("notice", json!(code));
        if let Some(account) = account {
            put("account", json!(account_text(&account)));
            put("account_name", json!(timeline.display_name(&account)?));
        }
        if let Notice::Renamed(title) = notice {
            put("title", json!(title));
        }
        put("at", json!(rfc3339(entry.received_ms)));
        return Ok(Value::Object(object));
    }
    put("type", json!(event));
    put("id", json!(entry.msg_id.to_hex()));
    put("conversation", json!(conversation));
    put("sender", json!(account_text(&entry.sender)));
    put("sender_name", json!(timeline.display_name(&entry.sender)?));
    put("kind", json!(kind_code(&entry.kind)));
    put("text", json!(entry.text()));
    put("sent_at", json!(rfc3339(entry.sent_ms)));
    put("state", json!(entry.state.name()));
    if let EntryKind::Timer(seconds) = entry.kind {
        put("seconds", json!(seconds));
    }
    if let EntryKind::Call(call) = &entry.kind {
        put("outcome", json!(call.outcome.name()));
        put("seconds", json!(call.seconds));
        put("is_outgoing", json!(call.is_outgoing));
        put("has_video", json!(call.has_video));
        put("is_group", json!(call.group.is_some()));
        put("text", json!(Some(call.text.as_str()).filter(|text| !text.is_empty())));
    }
    if let Some(reply_to) = entry.reply_to {
        put("reply_to", json!(reply_to.to_hex()));
    }
    if let Some(edited_ms) = entry.edited_ms {
        put("edited_at", json!(rfc3339(edited_ms)));
    }
    if let Some(expires_ms) = entry.expires_ms {
        put("expires_at", json!(rfc3339(expires_ms)));
    }
    if entry.is_forwarded {
        put("is_forwarded", json!(true));
    }
    if !entry.files.is_empty() {
        put("files", (1..).zip(&entry.files).map(|(number, file)| file_json(file, number)).collect());
    }
    if !entry.reactions.is_empty() {
        let reactions: Vec<Value> = entry
            .reactions
            .iter()
            .map(|reaction| json!({"account": account_text(&reaction.account), "emoji": reaction.emoji}))
            .collect();
        put("reactions", Value::Array(reactions));
    }
    Ok(Value::Object(object))
}

fn kind_code(kind: &EntryKind) -> &'static str {
    match kind {
        EntryKind::Text(_) => "text",
        EntryKind::Files(_) => "files",
        EntryKind::Unknown => "unknown",
        EntryKind::Timer(_) => "timer",
        EntryKind::Notice(_) => "notice",
        EntryKind::Deleted => "deleted",
        EntryKind::Call(_) => "call",
    }
}

/// A file of a message for programs; `number` counts from 1.
pub fn file_json(file: &Attachment, number: u32) -> Value {
    let shown = file.shown_name();
    json!({
        "file": number,
        "name": shown.text,
        "media_type": file.media_type,
        "bytes": file.size,
        "width": file.look.width,
        "height": file.look.height,
        "state": file.state.name(),
        "problem": file.problem.map(Problem::name),
        "is_executable": shown.is_executable,
    })
}

/// A file of a message for people.
fn file_line(file: &Attachment) -> String {
    let shown = file.shown_name();
    let mut line = format!("\n    ▤ {}  {}", shown.text, text::bytes(file.size));
    let state = text::attachment_state(file.state);
    if !state.is_empty() {
        line.push_str(&format!("  [{state}]"));
    }
    if let Some(problem) = file.problem {
        line.push_str(&format!("  ({})", text::problem(problem)));
    }
    if shown.is_executable {
        line.push_str(&format!("  ! {}", text::say("cli-file-executable")));
    }
    line
}

fn notice_parts(notice: &Notice) -> (&'static str, Option<AccountId>) {
    match notice {
        Notice::Began => ("began", None),
        Notice::Added(account) => ("added", Some(*account)),
        Notice::Removed(account) => ("removed", Some(*account)),
        Notice::BecameAdmin(account) => ("became_admin", Some(*account)),
        Notice::NoLongerAdmin(account) => ("no_longer_admin", Some(*account)),
        Notice::Renamed(_) => ("renamed", None),
        Notice::Ended => ("ended", None),
        Notice::Restarted => ("restarted", None),
    }
}

/// An entry as a line for people.
pub fn entry_line(timeline: &Timeline<'_>, entry: &Entry) -> Result<String, Failure> {
    let when = local(entry.sent_ms);
    if let EntryKind::Notice(notice) = &entry.kind {
        let who = match notice_parts(notice).1 {
            Some(account) => timeline.display_name(&account)?,
            None => String::new(),
        };
        return Ok(format!("{when}  — {}", text::entry(&entry.kind, &who)));
    }
    let who = if entry.is_own() { text::say("cli-you") } else { timeline.display_name(&entry.sender)? };
    let mut line = format!("{when}  {who}: {}", text::entry(&entry.kind, &who).replace('\n', "\n    "));
    line.extend(entry.files.iter().map(file_line));
    if entry.edited_ms.is_some() {
        line.push_str(&format!(" ({})", text::say("cli-edited")));
    }
    for reaction in &entry.reactions {
        line.push_str(&format!(" {}", reaction.emoji));
    }
    let state = text::state(entry.state);
    if !state.is_empty() {
        line.push_str(&format!("  [{state}]"));
    }
    line.push_str(&format!("  ·{}", short_message(&entry.msg_id.to_hex())));
    Ok(line)
}

/// A conversation for programs.
pub fn conversation_json(summary: &ConversationSummary) -> Value {
    json!({
        "type": "conversation",
        "id": summary.id.to_hex(),
        "title": summary.title,
        "is_direct": summary.is_direct,
        "peer": summary.peer.as_ref().map(account_text),
        "members": summary.members,
        "unread": summary.unread,
        "state": text::conversation_state_code(summary.state),
        "timer_seconds": summary.timer_s,
        "last_at": rfc3339(summary.last_ms),
        "node": summary.node_url,
        "restarts": summary.restarts.map(|id| id.to_hex()),
    })
}

/// A conversation for people.
pub fn conversation_line(summary: &ConversationSummary) -> String {
    let mut line = format!("{}  {}", short(&summary.id.to_hex()), summary.title);
    if !summary.is_direct {
        line.push_str(&format!("  ({})", text::say_with("cli-members", "count", summary.members)));
    }
    if summary.unread > 0 {
        line.push_str(&format!("  {}", text::say_with("cli-new", "count", summary.unread)));
    }
    if summary.timer_s > 0 {
        let duration = text::duration(summary.timer_s);
        line.push_str(&format!("  {}", text::say_with("cli-disappearing", "duration", duration)));
    }
    let state = text::conversation_state(summary.state);
    if !state.is_empty() {
        line.push_str(&format!("  [{state}]"));
    }
    line
}

/// A member for programs.
pub fn member_json(member: &MemberSummary) -> Value {
    json!({
        "type": "member",
        "account": account_text(&member.account),
        "name": member.name,
        "is_admin": member.is_admin,
        "is_self": member.is_self,
    })
}

/// A member for people.
pub fn member_line(member: &MemberSummary) -> String {
    let role = if member.is_admin { format!("  ({})", text::say("cli-admin")) } else { String::new() };
    let own = if member.is_self { format!("  ({})", text::say("cli-you")) } else { String::new() };
    format!("  {}{role}{own}  {}", member.name, account_text(&member.account))
}

/// A contact for programs.
pub fn person_json(person: &Person) -> Value {
    json!({
        "type": "contact",
        "account": account_text(&person.account),
        "name": person.display_name(),
        "address": person.address,
    })
}

/// A contact for people.
pub fn person_line(person: &Person) -> String {
    format!("{}  {}", person.display_name(), person.address.clone().unwrap_or_else(|| account_text(&person.account)))
}

/// A request for programs.
pub fn request_json(request: &ContactRequest) -> Value {
    let (kind, group) = match &request.kind {
        RequestKind::Talk => ("talk", None),
        RequestKind::JoinGroup => ("join_group", None),
        RequestKind::EnterGroup(group) => ("enter_group", Some(group.to_hex())),
    };
    json!({
        "type": "request",
        "id": request.request.to_hex(),
        "account": account_text(&request.account),
        "name": request.name,
        "note": request.note,
        "kind": kind,
        "conversation": group,
        "at": rfc3339(request.at_ms),
    })
}

/// A request for people.
pub fn request_line(request: &ContactRequest) -> String {
    let wish = match &request.kind {
        RequestKind::Talk => text::say("cli-wants-to-talk"),
        RequestKind::JoinGroup => text::say("cli-invites-to-group"),
        RequestKind::EnterGroup(_) => text::say("cli-asks-to-enter"),
    };
    let note = if request.note.is_empty() { String::new() } else { format!("\n    {}", request.note) };
    let id = short(&request.request.to_hex());
    format!("{id}  {} {wish}  {}{note}", request.name, account_text(&request.account))
}

/// An alert for programs.
pub fn alert_json(alert: &StoredAlert) -> Value {
    json!({
        "type": "alert",
        "id": alert.id,
        "code": alert.code,
        "text": alert.text,
        "conversation": alert.conversation.map(|id| id.to_hex()),
        "has_evidence": alert.evidence.is_some(),
        "at": rfc3339(alert.at_ms),
    })
}

/// An alert for people.
pub fn alert_line(alert: &StoredAlert) -> String {
    let proof = if alert.evidence.is_some() {
        format!("  ({}: alerts --export {})", text::say("cli-proof"), alert.id)
    } else {
        String::new()
    };
    format!("{}  ! {}{proof}", local(alert.at_ms), alert.text)
}

/// A found message for people: the words between brackets.
pub fn hit_line(timeline: &Timeline<'_>, hit: &SearchHit, title: &str) -> Result<String, Failure> {
    let mut snippet = String::new();
    let mut end = 0;
    for range in &hit.highlights {
        snippet.push_str(hit.snippet.get(end..range.start).unwrap_or(""));
        snippet.push_str(&format!("[{}]", hit.snippet.get(range.clone()).unwrap_or("")));
        end = range.end;
    }
    snippet.push_str(hit.snippet.get(end..).unwrap_or(""));
    let who = if hit.entry.is_own() { text::say("cli-you") } else { timeline.display_name(&hit.entry.sender)? };
    let (when, id) = (local(hit.entry.sent_ms), short_message(&hit.entry.msg_id.to_hex()));
    Ok(format!("{when}  {title}  {who}: {snippet}  ·{id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_cannot_steer_a_terminal() {
        assert_eq!(clean("a\u{1b}[31mb\rc\u{202e}d\ne\t"), "a\u{fffd}[31mb\u{fffd}c\u{fffd}d\ne\t");
    }

    #[test]
    fn times_for_programs_are_utc_with_milliseconds() {
        assert_eq!(rfc3339(1_800_000_000_123), "2027-01-15T08:00:00.123Z");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(u64::MAX), "");
    }
}
