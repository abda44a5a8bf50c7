//! Every word that the terminal chat says by itself.

use crate::text;
use crate::tui::clock;
use client::timeline::{MessageState, Notice};
use jiff::ToSpan;
use jiff::tz::TimeZone;
use protocol::event::{ContactRequest, ConversationState, RequestKind};
use wire::id::AccountId;

pub const APP: &str = "Sottovoce";
pub const QUIET: &str = "Say it softly. Only they will hear.";
pub const NOBODY: &str = "Nobody here yet. Send one person your link.";
pub const NOBODY_KEYS: &str = "Press n to begin.";
pub const CHOOSE: &str = "Choose a conversation.";
pub const YOU: &str = "you";
pub const DELETED: &str = "deleted";
pub const NEEDS_NEWER: &str = "this message needs a newer version";
pub const QUOTE_GONE: &str = "a message that is not here";
pub const FOLDED: &str = "… Enter shows all of it";
pub const EDITED: &str = "edited";
pub const DRAFT: &str = "Draft: ";
pub const OFFLINE: &str = "No network. You can read and write; it leaves later.";
pub const CONNECTING: &str = "connecting…";
pub const BACK: &str = "‹";
pub const WRITE: &str = "Write a message";
pub const REPLYING: &str = "Reply to";
pub const EDITING: &str = "Edit your message";
pub const ESC_LEAVES: &str = "Esc leaves";
pub const NEWEST: &str = "End: newest";
pub const TOO_SMALL: &str = "A little more room, please.";
pub const COPIED: &str = "Copied.";
pub const DONE: &str = "Done.";
pub const NO_TERMINAL: &str = "the chat needs a terminal; the other commands do not";
pub const NOT_DONE: &str = "This did not work";
pub const ASKED: &str = "Asked. When they answer, the conversation appears by itself.";
pub const NOT_TEXT: &str = "This is no text of yours.";
pub const NOTHING_CHOSEN: &str = "Choose a message first: Tab, then the arrows.";
pub const NOTHING_TO_EDIT: &str = "You have not written here yet.";
pub const TOO_LONG: &str = "This is too long for one message. Send it in parts.";
pub const NO_CONTACTS: &str = "Nobody yet whom you could add. Invite somebody first.";
pub const NOTHING_FOUND: &str = "Nothing found.";
pub const NO_ALERTS: &str = "Nothing went wrong.";
pub const WAIT: &str = "One moment…";

// Dialogs: titles, fields, verbs.
pub const GO_TO: &str = "Go to";
pub const GO_TO_HINT: &str = "a person, a conversation, something to do";
pub const SEARCH: &str = "Search";
pub const SEARCH_HINT: &str = "words or their beginnings";
pub const HELP: &str = "Keys";
pub const ALERTS: &str = "What went wrong lately";
pub const BEGIN: &str = "Begin";
pub const INVITE: &str = "Make an invite link";
pub const INVITE_TITLE: &str = "Your invite";
pub const INVITE_ONE: &str = "For one person. Send it by a way you trust; it works for 7 days.";
pub const INVITE_GROUP: &str = "Whoever has this link can ask to come into the group. It works for 7 days.";
pub const INVITE_KEYS: &str = "c copies it · Esc";
pub const INVITE_GROUP_OPEN: &str = "Invite link";
pub const INVITE_GROUP_ASK: &str = "Invite link, ask me first";
pub const ACCEPT: &str = "Follow an invite link";
pub const ACCEPT_FIELD: &str = "The whole link";
pub const ACCEPT_VERB: &str = "Follow";
pub const ADD: &str = "Write to an address";
pub const ADD_FIELD: &str = "account@node";
pub const ADD_VERB: &str = "Ask";
pub const NEW_GROUP: &str = "Make a group";
pub const GROUP_FIELD: &str = "The group's name";
pub const GROUP_VERB: &str = "Make";
pub const RENAME: &str = "Rename the group";
pub const RENAME_VERB: &str = "Rename";
pub const OWN_NAME: &str = "Change your name";
pub const OWN_NAME_FIELD: &str = "What should people call you?";
pub const OWN_NAME_VERB: &str = "Change";
pub const OWN_ADDRESS: &str = "Copy your address";
pub const RECEIPTS_ON: &str = "Send read receipts";
pub const RECEIPTS_OFF: &str = "Send no read receipts";
pub const RECEIPTS_ARE_ON: &str = "Read receipts are sent from now on.";
pub const RECEIPTS_ARE_OFF: &str = "Read receipts are no longer sent.";
pub const QUIT: &str = "Leave Sottovoce";
pub const CONVERSATION: &str = "This conversation";
pub const MESSAGE: &str = "This message";
pub const REPLY: &str = "Reply";
pub const REACT: &str = "React";
pub const REACT_OTHER: &str = "Something else…";
pub const REACT_FIELD: &str = "One emoji";
pub const REACT_BACK: &str = "Take your reaction back";
pub const COPY: &str = "Copy the text";
pub const EDIT: &str = "Edit";
pub const SEND_AGAIN: &str = "Send again";
pub const TO_ORIGINAL: &str = "Go to what it answers";
pub const DELETE: &str = "Delete for everyone";
pub const DELETE_BODY: &str = "It disappears from their devices too, when they next connect.";
pub const INFO: &str = "Who has it";
pub const TIMER: &str = "Disappearing messages";
pub const TIMER_BODY: &str = "How long after reading";
pub const TIMER_OFF: &str = "Off";
pub const SAFETY: &str = "Safety number";
pub const SAFETY_BODY: &str = "Same on both screens? Then nobody stands between you.";
pub const PEOPLE: &str = "People";
pub const ADD_PEOPLE: &str = "Add people";
pub const ADD_PEOPLE_KEYS: &str = "Space chooses · Enter adds";
pub const REMOVE: &str = "Remove from the group";
pub const MAKE_ADMIN: &str = "Make an admin";
pub const NO_ADMIN: &str = "No admin any longer";
pub const BLOCK: &str = "Block";
pub const BLOCK_BODY: &str = "What comes from them is dropped, without a word to them.";
pub const BLOCKED: &str = "Blocked.";
pub const LEAVE: &str = "Leave the group";
pub const LEAVE_BODY: &str = "You no longer read what is written there. What you have stays with you.";
pub const RESTART: &str = "Start again with the same people";
pub const SEARCH_HERE: &str = "Search here";
pub const REQUEST_ACCEPT: &str = "Accept";
pub const REQUEST_DELETE: &str = "Delete";
pub const REQUEST_BLOCK: &str = "Block";
pub const REQUEST_SAFE: &str = "They learn nothing until you accept.";
pub const ADMIN: &str = "admin";
pub const EXPORT: &str = "Write the proof to a file";
pub const CANCEL: &str = "Cancel";
pub const PICK_KEYS: &str = "↑↓ choose · Enter · Esc";
pub const ASK_KEYS: &str = "Enter · Esc";
pub const TELL_KEYS: &str = "↑↓ · Esc";
pub const NO_QR: &str = "A larger window shows a code to scan.";

// The line at the bottom.
pub const KEYS_LIST: &str = "Enter open · n begin · / search · Ctrl-K go to · ? keys · q leave";
pub const KEYS_TIMELINE: &str = "↑↓ choose · r reply · + react · e edit · Del delete · Enter more · ? keys";
pub const KEYS_COMPOSER: &str = "Enter send · Alt-Enter line · ↑ edit · Tab messages · Ctrl-O more · F1 keys";

/// The sheet of keys: what, and what it does.
pub const KEY_SHEET: &[(&str, &str)] = &[
    ("Tab, Shift-Tab", "list, messages, text"),
    ("Ctrl-K", "go to a person, a conversation, something to do"),
    ("Ctrl-F or /", "search all conversations"),
    ("Ctrl-N or n", "begin: invite, link, address, group"),
    ("Ctrl-O", "this conversation: people, timer, safety number"),
    ("Alt-↑, Alt-↓", "next conversation"),
    ("Enter", "send; open what is chosen"),
    ("Alt-Enter, Shift-Enter", "a new line"),
    ("↑ in an empty text", "edit your last message"),
    ("Ctrl-←, Ctrl-→, Ctrl-W", "words: pass, delete"),
    ("Ctrl-A, Ctrl-E, Ctrl-U", "line: begin, end, delete"),
    ("PgUp, PgDn, End", "read back, forth, newest"),
    ("Ctrl-R", "reply to the newest message"),
    ("r + e c i Del", "chosen message: reply, react, edit, copy, who has it, delete"),
    ("Esc", "back"),
    ("Ctrl-L", "draw the screen anew"),
    ("Ctrl-Q, Ctrl-C", "leave; what you wrote is kept"),
    ("Mouse", "click, wheel; Shift selects text for the terminal"),
];

/// New ones since the conversation was opened.
pub fn new_messages(count: usize) -> String {
    match count {
        1 => "1 new message".into(),
        count => format!("{count} new messages"),
    }
}

/// The name of a day.
pub fn day(zone: &TimeZone, at_ms: u64, now_ms: u64) -> String {
    let (at, now) = (clock::zoned(zone, at_ms), clock::zoned(zone, now_ms));
    if at.date() == now.date() {
        return "Today".into();
    }
    if now.date().checked_sub(1.day()).is_ok_and(|yesterday| yesterday == at.date()) {
        return "Yesterday".into();
    }
    let format = if at.date().year() == now.date().year() { "%A, %-d %B" } else { "%-d %B %Y" };
    at.strftime(format).to_string()
}

/// When a conversation was last written in, short.
pub fn moment(zone: &TimeZone, at_ms: u64, now_ms: u64) -> String {
    let (at, now) = (clock::zoned(zone, at_ms), clock::zoned(zone, now_ms));
    if at_ms == 0 {
        return String::new();
    }
    if at.date() == now.date() {
        return clock::time(zone, at_ms);
    }
    let is_near = now.date().checked_sub(6.days()).is_ok_and(|week| week <= at.date());
    at.strftime(if is_near { "%a" } else { "%d.%m.%y" }).to_string()
}

/// A time that is left, short.
pub fn left(ms: u64) -> String {
    let seconds = ms.div_ceil(1_000);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds.div_ceil(60)),
        3_600..86_400 => format!("{} h", seconds.div_ceil(3_600)),
        _ => format!("{} d", seconds.div_ceil(86_400)),
    }
}

/// A delivery state.
pub fn state(state: MessageState) -> &'static str {
    match state {
        MessageState::Pending => "waiting",
        MessageState::Stored => "with the node",
        MessageState::Delivered => "delivered",
        MessageState::Read => "read",
        MessageState::Failed => "not sent",
        MessageState::Received => "",
    }
}

/// Why a message was not sent, and what to do.
pub fn not_sent(is_over: bool) -> String {
    if is_over {
        "Not sent: this conversation is over for you. Copy it (c) and write elsewhere.".into()
    } else {
        "Not sent. Choose it and press Enter to send it again.".into()
    }
}

/// What happened to a conversation.
pub fn notice(notice: &Notice, name: &dyn Fn(&AccountId) -> String, own: &AccountId) -> String {
    let who = |account: &AccountId, you: &str, they: &str| {
        if account == own { you.to_owned() } else { format!("{} {they}", name(account)) }
    };
    match notice {
        Notice::Began => QUIET.into(),
        Notice::Added(account) => who(account, "You came in", "came in"),
        Notice::Removed(account) => who(account, "You are no longer here", "is no longer here"),
        Notice::BecameAdmin(account) => who(account, "You are an admin now", "is an admin now"),
        Notice::NoLongerAdmin(account) => who(account, "You are no admin any longer", "is no admin any longer"),
        Notice::Renamed(title) => format!("The name is now {}", crate::tui::safe::line(title)),
        Notice::Ended => "You are no longer in this conversation".into(),
        Notice::Restarted => "The conversation goes on elsewhere".into(),
    }
}

/// Somebody set the timer; nobody named: we did.
pub fn timer_set(who: Option<&str>, seconds: u32) -> String {
    let subject = who.map_or_else(|| "You".to_owned(), str::to_owned);
    let s = if who.is_some() { "s" } else { "" };
    match seconds {
        0 => format!("{subject} turned disappearing messages off"),
        seconds => format!("{subject} let{s} messages disappear {} after reading", text::duration(seconds)),
    }
}

/// Who types.
pub fn typing(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("{one} is writing…"),
        [one, two] => format!("{one} and {two} are writing…"),
        many => format!("{} are writing…", many.len()),
    }
}

/// Who asks for what.
pub fn request(request: &ContactRequest, name: &str, group: Option<&str>) -> String {
    match (&request.kind, group) {
        (RequestKind::Talk, _) => format!("{name} would like to write to you"),
        (RequestKind::JoinGroup, _) => format!("{name} invites you to a group"),
        (RequestKind::EnterGroup(_), Some(group)) => format!("{name} asks to come into {group}"),
        (RequestKind::EnterGroup(_), None) => format!("{name} asks to come into a group of yours"),
    }
}

/// How many are in a group.
pub fn members(count: usize) -> String {
    if count == 1 { "only you".into() } else { format!("{count} people") }
}

/// What a conversation's state means; nothing where all is well.
pub fn conversation_state(state: ConversationState) -> &'static str {
    text::conversation_state(state)
}

/// A timer in the head of a conversation.
pub fn timer(seconds: u32) -> String {
    format!("◷ {}", text::duration(seconds))
}

/// New ones below what is seen.
pub fn below(count: usize) -> String {
    if count == 0 { NEWEST.into() } else { format!("{} · {NEWEST}", new_messages(count)) }
}

/// Removing a person.
pub fn remove_title(name: &str) -> String {
    format!("Remove {name}?")
}

/// Blocking a person.
pub fn block_title(name: &str) -> String {
    format!("Block {name}?")
}

/// Where a proof was written.
pub fn exported(file: &str) -> String {
    format!("The proof is in {file}.")
}
