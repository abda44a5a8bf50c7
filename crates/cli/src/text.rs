//! What the commands say by themselves, from `locales/*/cli.ftl`.

use crate::language::{self, Value};
pub use crate::tui::says::{duration, refusal};
use client::files::{AttachmentState, Problem};
use client::timeline::{CallEntry, CallOutcome, EntryKind, MessageState, Notice};
use protocol::event::ConversationState;
use protocol::identity::PhraseError;

/// A message.
pub fn say(id: &str) -> String {
    language::say(id, &[])
}

/// A message with one value.
pub fn say_with<'a>(id: &str, name: &str, value: impl Into<Value<'a>>) -> String {
    language::say(id, &[(name, value.into())])
}

/// What is wrong with the words of a recovery phrase.
pub fn bad_words(error: &PhraseError) -> String {
    match error {
        PhraseError::WordCount { found } => language::say("error-words-count", &[("found", (*found).into())]),
        PhraseError::UnknownWord { position } => {
            language::say("error-words-unknown", &[("position", (*position).into())])
        }
        PhraseError::Checksum => say("error-words-checksum"),
    }
}

/// The node did not answer in time.
pub fn not_reached(why: Option<String>, consequence: &str) -> String {
    let why = why.unwrap_or_else(|| say("cli-node-silent"));
    format!("{why}; {consequence}")
}

/// A state for people.
pub fn state(state: MessageState) -> String {
    match state {
        MessageState::Pending => say("cli-state-pending"),
        MessageState::Stored => say("cli-state-stored"),
        MessageState::Delivered => say("cli-state-delivered"),
        MessageState::Read => say("cli-state-read"),
        MessageState::Failed => say("cli-state-failed"),
        MessageState::Received => String::new(),
    }
}

/// What a conversation's state means for its user; nothing where all is well.
pub fn conversation_state(state: ConversationState) -> String {
    match state {
        ConversationState::Active => String::new(),
        ConversationState::Suspect => say("cli-conversation-suspect"),
        ConversationState::Rejoining => say("cli-conversation-rejoining"),
        ConversationState::Disputed => say("cli-conversation-disputed"),
        ConversationState::Leaving => say("cli-conversation-leaving"),
        ConversationState::Left => say("cli-conversation-left"),
        ConversationState::Restarted => say("cli-conversation-restarted"),
    }
}

/// The word of a conversation's state for programs.
pub fn conversation_state_code(state: ConversationState) -> &'static str {
    match state {
        ConversationState::Active => "active",
        ConversationState::Suspect => "suspect",
        ConversationState::Rejoining => "rejoining",
        ConversationState::Disputed => "disputed",
        ConversationState::Leaving => "leaving",
        ConversationState::Left => "left",
        ConversationState::Restarted => "restarted",
    }
}

/// Where a file stands; nothing where it just is.
pub fn attachment_state(state: AttachmentState) -> String {
    match state {
        AttachmentState::Remote | AttachmentState::Uploaded | AttachmentState::Here => String::new(),
        AttachmentState::Uploading => say("cli-file-uploading"),
        AttachmentState::Fetching => say("cli-file-fetching"),
        AttachmentState::UploadPaused | AttachmentState::FetchPaused => say("cli-file-paused"),
        AttachmentState::UploadFailed | AttachmentState::FetchFailed => say("cli-file-failed"),
    }
}

/// Why a file does not move.
pub fn problem(problem: Problem) -> String {
    match problem {
        Problem::Network => say("cli-problem-network"),
        Problem::Busy => say("cli-problem-busy"),
        Problem::Changed => say("cli-problem-changed"),
        Problem::Unreadable => say("cli-problem-unreadable"),
        Problem::TooLarge => say("cli-problem-too-large"),
        Problem::NodeFull => say("cli-problem-node-full"),
        Problem::Refused => say("cli-problem-refused"),
        Problem::Gone => say("cli-problem-gone"),
        Problem::Damaged => say("cli-problem-damaged"),
        Problem::Dishonest => say("cli-problem-dishonest"),
        Problem::DiskFull => say("cli-failed-disk-full"),
        Problem::Unwritable => say("cli-problem-unwritable"),
        Problem::NotYet => say("cli-problem-not-yet"),
    }
}

/// A size for people, in powers of 1,000 as file managers count.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1_000.0;
        unit += 1;
    }
    if unit == 0 || value >= 99.95 {
        format!("{value:.0} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// What became of a call.
fn call(call: &CallEntry) -> String {
    let id = match (call.outcome, call.is_outgoing) {
        (CallOutcome::Talked, _) if call.group.is_some() => "cli-entry-call-group",
        _ if call.group.is_some() => "cli-entry-call-group-missed",
        (CallOutcome::Talked, _) => "cli-entry-call-talked",
        (CallOutcome::Elsewhere, _) => "cli-entry-call-elsewhere",
        (CallOutcome::Unanswered, true) => "cli-entry-call-unanswered",
        (CallOutcome::Unanswered, false) => "cli-entry-call-missed",
        (CallOutcome::Declined, true) => "cli-entry-call-declined",
        (CallOutcome::Declined, false) => "cli-entry-call-declined-you",
        (CallOutcome::Busy, _) => "cli-entry-call-busy",
        (CallOutcome::Failed, _) => "cli-entry-call-failed",
    };
    let line = say_with(id, "duration", duration(call.shown_seconds()));
    if call.text.is_empty() { line } else { format!("{line} “{}”", call.text) }
}

/// An entry's text for people; `who` names the account that a notice is about.
pub fn entry(kind: &EntryKind, who: &str) -> String {
    match kind {
        EntryKind::Text(text) | EntryKind::Files(text) => text.clone(),
        EntryKind::Unknown => say("cli-entry-unknown"),
        EntryKind::Timer(0) => say("cli-entry-timer-off"),
        EntryKind::Timer(seconds) => say_with("cli-entry-timer", "duration", duration(*seconds)),
        EntryKind::Deleted => say("cli-entry-deleted"),
        EntryKind::Call(entry) => call(entry),
        EntryKind::Notice(Notice::Began) => say("cli-entry-began"),
        EntryKind::Notice(Notice::Added(_)) => say_with("cli-entry-added", "who", who),
        EntryKind::Notice(Notice::Removed(_)) => say_with("cli-entry-removed", "who", who),
        EntryKind::Notice(Notice::BecameAdmin(_)) => say_with("cli-entry-became-admin", "who", who),
        EntryKind::Notice(Notice::NoLongerAdmin(_)) => say_with("cli-entry-no-longer-admin", "who", who),
        EntryKind::Notice(Notice::Renamed(title)) => say_with("cli-entry-renamed", "title", title.as_str()),
        EntryKind::Notice(Notice::Ended) => say("cli-entry-ended"),
        EntryKind::Notice(Notice::Restarted) => say("cli-entry-restarted"),
    }
}
