//! Every word that the chat says by itself and that needs nothing to say it: the ids of `locales/*/tui.ftl`.

use crate::language;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::OnceLock;

/// Something to say, in the user's language; it reads as a `str`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word(&'static str);

impl Word {
    /// The words.
    pub fn text(self) -> &'static str {
        static SAID: OnceLock<BTreeMap<&'static str, String>> = OnceLock::new();
        let said = SAID.get_or_init(|| ALL.iter().map(|id| (*id, language::say(&format!("tui-{id}"), &[]))).collect());
        said.get(self.0).map_or(self.0, String::as_str)
    }
}

impl Deref for Word {
    type Target = str;

    fn deref(&self) -> &str {
        self.text()
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

impl From<Word> for String {
    fn from(word: Word) -> Self {
        word.text().to_owned()
    }
}

impl From<Word> for Cow<'static, str> {
    fn from(word: Word) -> Self {
        Cow::Borrowed(word.text())
    }
}

macro_rules! words {
    ($($name:ident = $id:literal)*) => {
        $(pub const $name: Word = Word($id);)*
        const ALL: &[&str] = &[$($id),*];
    };
}

words! {
    APP = "app"
    QUIET = "quiet"
    NOBODY = "nobody"
    NOBODY_KEYS = "nobody-keys"
    CHOOSE = "choose"
    YOU = "you"
    DELETED = "deleted"
    NEEDS_NEWER = "needs-newer"
    QUOTE_GONE = "quote-gone"
    FOLDED = "folded"
    EDITED = "edited"
    DRAFT = "draft"
    OFFLINE = "offline"
    CONNECTING = "connecting"
    WRITE = "write"
    EDITING = "editing"
    ESC_LEAVES = "esc-leaves"
    TOO_SMALL = "too-small"
    NO_TERMINAL = "no-terminal"
    REQUEST_ACCEPT = "request-accept"
    REQUEST_DELETE = "request-delete"
    REQUEST_BLOCK = "request-block"
    REQUEST_SAFE = "request-safe"
    COPIED = "copied"
    DONE = "done"
    NOT_DONE = "not-done"
    ASKED = "asked"
    NOT_TEXT = "not-text"
    NO_FILES = "no-files"
    SAVING = "saving"
    SAVE = "save"
    SHOW_PICTURE = "show-picture"
    PAUSE = "pause"
    GO_ON = "go-on"
    CANCEL_FILES = "cancel-files"
    NOTHING_CHOSEN = "nothing-chosen"
    NOTHING_TO_EDIT = "nothing-to-edit"
    TOO_LONG = "too-long"
    NO_CONTACTS = "no-contacts"
    NOTHING_FOUND = "nothing-found"
    NO_ALERTS = "no-alerts"
    WAIT = "wait"
    BLOCKED = "blocked"
    RECEIPTS_ARE_ON = "receipts-are-on"
    RECEIPTS_ARE_OFF = "receipts-are-off"
    GO_TO = "go-to"
    GO_TO_HINT = "go-to-hint"
    SEARCH = "search"
    SEARCH_HINT = "search-hint"
    SEARCH_HERE = "search-here"
    HELP = "help"
    ALERTS = "alerts"
    BEGIN = "begin"
    INVITE = "invite"
    INVITE_TITLE = "invite-title"
    INVITE_ONE = "invite-one"
    INVITE_GROUP = "invite-group"
    INVITE_GROUP_OPEN = "invite-group-open"
    INVITE_GROUP_ASK = "invite-group-ask"
    NO_QR = "no-qr"
    ACCEPT = "accept"
    ACCEPT_FIELD = "accept-field"
    ACCEPT_VERB = "accept-verb"
    ADD = "add"
    ADD_FIELD = "add-field"
    ADD_VERB = "add-verb"
    NEW_GROUP = "new-group"
    GROUP_FIELD = "group-field"
    GROUP_VERB = "group-verb"
    RENAME = "rename"
    RENAME_VERB = "rename-verb"
    OWN_NAME = "own-name"
    OWN_NAME_FIELD = "own-name-field"
    OWN_NAME_VERB = "own-name-verb"
    OWN_ADDRESS = "own-address"
    RECEIPTS_ON = "receipts-on"
    RECEIPTS_OFF = "receipts-off"
    QUIT = "quit"
    CONVERSATION = "conversation"
    DIRECT = "direct"
    MESSAGE = "message"
    REPLY = "reply"
    REACT = "react"
    REACT_OTHER = "react-other"
    REACT_FIELD = "react-field"
    REACT_BACK = "react-back"
    COPY = "copy"
    EDIT = "edit"
    SEND_AGAIN = "send-again"
    TO_ORIGINAL = "to-original"
    DELETE = "delete"
    DELETE_BODY = "delete-body"
    INFO = "info"
    TIMER = "timer"
    TIMER_BODY = "timer-body"
    TIMER_OFF = "timer-off"
    SAFETY = "safety"
    SAFETY_BODY = "safety-body"
    PEOPLE = "people"
    ADD_PEOPLE = "add-people"
    REMOVE = "remove"
    MAKE_ADMIN = "make-admin"
    NO_ADMIN = "no-admin"
    ADMIN = "admin"
    BLOCK = "block"
    BLOCK_BODY = "block-body"
    LEAVE = "leave"
    LEAVE_TITLE = "leave-title"
    DELETE_TITLE = "delete-title"
    LEAVE_BODY = "leave-body"
    RESTART = "restart"
    EXPORT = "export"
    CANCEL = "cancel"
    KEYS_LIST = "keys-list"
    KEYS_TIMELINE = "keys-timeline"
    KEYS_COMPOSER = "keys-composer"
    KEYS_PICK = "keys-pick"
    KEYS_TELL = "keys-tell"
    KEYS_COPY = "keys-copy"
    KEYS_ADD = "keys-add"
}

/// The sheet of keys: a key's message and what it does.
pub const KEY_SHEET: &[(&str, &str)] = &[
    ("key-round", "does-round"),
    ("key-go-to", "does-go-to"),
    ("key-search", "does-search"),
    ("key-begin", "does-begin"),
    ("key-more", "does-more"),
    ("key-next", "does-next"),
    ("key-send", "does-send"),
    ("key-line", "does-line"),
    ("key-edit", "does-edit"),
    ("key-words", "does-words"),
    ("key-ends", "does-ends"),
    ("key-pages", "does-pages"),
    ("key-reply", "does-reply"),
    ("key-message", "does-message"),
    ("key-back", "does-back"),
    ("key-redraw", "does-redraw"),
    ("key-leave", "does-leave"),
    ("key-mouse", "does-mouse"),
];

/// Back to the list.
pub const BACK: &str = "‹";
