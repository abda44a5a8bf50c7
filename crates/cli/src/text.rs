//! Every word that a user reads, in one place: translations begin here.

use client::timeline::{EntryKind, MessageState, Notice};
use protocol::event::ConversationState;

pub const WORDS_TITLE: &str =
    "These 24 words are your account. Write them down and keep them safe: nobody can give them back to you.";
pub const ADDRESS_TITLE: &str = "Your address:";
pub const NODE_UNREACHABLE: &str =
    "The node does not answer yet. Your account is made; run `sottovoce receive` once the node is there.";
pub const INVITE_HINT: &str = "Send this link to one person, by a way you trust:";
pub const INVITE_GROUP_HINT: &str = "Whoever has this link can ask to come into the group:";
pub const ASKED: &str = "Asked. When they answer, the conversation appears by itself.";
pub const NO_REQUESTS: &str = "Nobody asks.";
pub const NO_CONVERSATIONS: &str =
    "No conversations yet. Make a link with `sottovoce invite`, or follow one with `accept`.";
pub const NO_CONTACTS: &str = "Nobody yet.";
pub const NO_ALERTS: &str = "Nothing went wrong.";
pub const NOTHING_FOUND: &str = "Nothing found.";
pub const NO_MESSAGES: &str = "No new messages.";
pub const DONE: &str = "Done.";
pub const EMPTY_TEXT: &str = "there is no text to send";
pub const BAD_INPUT: &str = "standard input is not UTF-8 text";
pub const BAD_DURATION: &str = "give a duration of 5s to 1y, such as 30s, 5m, 8h, 7d, 4w, 1y, or off";
pub const TEXT_ONLY: &str = "this is no text message of yours";
pub const NO_DATA_FOLDER: &str = "this system has no data folder; name one with --profile";
pub const NO_EVIDENCE: &str = "there is no proof with this alert";
pub const QUEUED: &str =
    "the message is queued and goes out with the next `sottovoce receive` or `send` that reaches the node";
pub const IN_PROGRESS: &str = "it goes on with the next `sottovoce receive` that reaches the node";

/// The node did not answer in time.
pub fn not_reached(why: Option<String>, consequence: &str) -> String {
    let why = why.unwrap_or_else(|| "the node does not answer".into());
    format!("{why}; {consequence}")
}

/// A state for people.
pub fn state(state: MessageState) -> &'static str {
    match state {
        MessageState::Pending => "waiting",
        MessageState::Stored => "sent",
        MessageState::Delivered => "delivered",
        MessageState::Read => "read",
        MessageState::Failed => "not sent",
        MessageState::Received => "",
    }
}

/// What a conversation's state means for its user; nothing where all is well.
pub fn conversation_state(state: ConversationState) -> &'static str {
    match state {
        ConversationState::Active => "",
        ConversationState::Suspect => "an update failed here; waiting for the others",
        ConversationState::Rejoining => "out of step; rejoining",
        ConversationState::Disputed => "the node contradicts itself; an admin can restart it",
        ConversationState::Leaving => "leaving",
        ConversationState::Left => "you are no longer in it",
        ConversationState::Restarted => "restarted elsewhere",
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

/// An entry's text for people; `who` names the account that a notice is about.
pub fn entry(kind: &EntryKind, who: &str) -> String {
    match kind {
        EntryKind::Text(text) => text.clone(),
        EntryKind::Unknown => "(this message needs a newer version)".into(),
        EntryKind::Timer(0) => "turned disappearing messages off".into(),
        EntryKind::Timer(seconds) => format!("lets messages disappear {} after reading", duration(*seconds)),
        EntryKind::Deleted => "(deleted)".into(),
        EntryKind::Notice(Notice::Began) => "the conversation begins".into(),
        EntryKind::Notice(Notice::Added(_)) => format!("{who} came in"),
        EntryKind::Notice(Notice::Removed(_)) => format!("{who} is no longer here"),
        EntryKind::Notice(Notice::BecameAdmin(_)) => format!("{who} is an admin now"),
        EntryKind::Notice(Notice::NoLongerAdmin(_)) => format!("{who} is no admin any longer"),
        EntryKind::Notice(Notice::Renamed(title)) => format!("the name is now {title}"),
        EntryKind::Notice(Notice::Ended) => "you are no longer in this conversation".into(),
        EntryKind::Notice(Notice::Restarted) => "the conversation goes on elsewhere".into(),
    }
}

/// Seconds in the largest unit that fits.
pub fn duration(seconds: u32) -> String {
    const UNITS: [(u32, &str); 6] =
        [(31_536_000, "year"), (604_800, "week"), (86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let unit = UNITS.into_iter().find(|(length, _)| seconds >= *length && seconds.is_multiple_of(*length));
    let (length, name) = unit.unwrap_or((1, "second"));
    let count = seconds / length;
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        for (seconds, text) in [
            (5, "5 seconds"),
            (60, "1 minute"),
            (90, "90 seconds"),
            (3_600, "1 hour"),
            (604_800, "1 week"),
            (31_536_000, "1 year"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }
}
