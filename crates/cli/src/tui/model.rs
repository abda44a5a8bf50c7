//! What the screen shows, as plain state: no clock, no terminal, no engine.

use crate::tui::chat::Chat;
use crate::tui::dialog::Dialog;
use crate::tui::event::Network;
use crate::tui::pictures::Pictures;
use crate::tui::safe;
use crate::tui::theme::Theme;
use client::timeline::{ConversationSummary, EntryId, StoredAlert};
use jiff::tz::TimeZone;
use protocol::event::{ContactRequest, ConversationId};
use std::collections::BTreeMap;
use wire::id::AccountId;

/// Milliseconds that a toast stays.
const TOAST_MS: u64 = 6_000;

/// A conversation in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationRow {
    /// What the timeline says.
    pub summary: ConversationSummary,
    /// Who types there.
    pub typing: Vec<String>,
    /// Who is in the call that is under way there.
    pub in_call: Vec<String>,
}

/// The message that a reply answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Where to jump.
    pub entry: EntryId,
    /// Who said it.
    pub sender: AccountId,
    /// It is ours.
    pub is_own: bool,
    /// What was said; none: it is deleted or not a text.
    pub text: Option<String>,
}

/// Where keys go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Focus {
    /// The list of conversations.
    #[default]
    List,
    /// The messages.
    Timeline,
    /// The text.
    Composer,
}

/// Requests stand above conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListItem {
    /// A request, by its place.
    Request(usize),
    /// A conversation, by its place.
    Conversation(usize),
}

/// A short word that goes away by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    /// The words.
    pub text: String,
    /// Until when, milliseconds.
    pub until_ms: u64,
}

/// Who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// Our account.
    pub account: AccountId,
    /// The name that others see.
    pub name: String,
    /// `account@node`.
    pub address: String,
    /// Read receipts are sent.
    pub sends_receipts: bool,
}

/// The whole state of the screen.
#[derive(Debug)]
pub struct Model {
    /// Now, milliseconds.
    pub now_ms: u64,
    /// Where the user is.
    pub zone: TimeZone,
    /// Columns and rows.
    pub size: (u16, u16),
    /// Colours.
    pub theme: Theme,
    /// Who we are.
    pub own: Own,
    /// Names to show.
    pub names: BTreeMap<AccountId, String>,
    /// Who wants something.
    pub requests: Vec<ContactRequest>,
    /// All conversations.
    pub rows: Vec<ConversationRow>,
    /// The chosen item of the list.
    pub cursor: usize,
    /// The first item that the list shows.
    pub top: usize,
    /// The open conversation.
    pub chat: Option<Chat>,
    /// Where keys go.
    pub focus: Focus,
    /// What lies over it, the last one on top.
    pub dialogs: Vec<Dialog>,
    /// How the network is.
    pub network: Network,
    /// A short word.
    pub toast: Option<Toast>,
    /// The terminal is looked at.
    pub is_focused: bool,
    /// The newest alerts.
    pub alerts: Vec<StoredAlert>,
    /// When we last said that we type.
    pub typed_ms: u64,
    /// The pictures that were drawn.
    pub pictures: Pictures,
}

impl Model {
    /// An empty screen.
    pub fn new(own: Own, theme: Theme, zone: TimeZone, size: (u16, u16), now_ms: u64) -> Self {
        Self {
            now_ms,
            zone,
            size,
            theme,
            own,
            names: BTreeMap::new(),
            requests: Vec::new(),
            rows: Vec::new(),
            cursor: 0,
            top: 0,
            chat: None,
            focus: Focus::List,
            dialogs: Vec::new(),
            network: Network::default(),
            toast: None,
            is_focused: true,
            alerts: Vec::new(),
            typed_ms: 0,
            pictures: Pictures::default(),
        }
    }

    /// A name as it may be shown.
    pub fn name(&self, account: &AccountId) -> String {
        self.names.get(account).map_or_else(String::new, |name| safe::line(name))
    }

    /// Items of the list.
    pub fn items(&self) -> usize {
        self.requests.len() + self.rows.len()
    }

    /// An item of the list.
    pub fn item(&self, index: usize) -> Option<ListItem> {
        match index.checked_sub(self.requests.len()) {
            None => Some(ListItem::Request(index)),
            Some(row) => (row < self.rows.len()).then_some(ListItem::Conversation(row)),
        }
    }

    /// The place of a conversation among the items.
    pub fn index_of(&self, conversation: &ConversationId) -> Option<usize> {
        let row = self.rows.iter().position(|row| row.summary.id == *conversation)?;
        Some(self.requests.len() + row)
    }

    /// A conversation's row.
    pub fn row(&self, conversation: &ConversationId) -> Option<&ConversationRow> {
        self.rows.iter().find(|row| row.summary.id == *conversation)
    }

    /// Messages not read yet, over all.
    pub fn unread(&self) -> usize {
        self.rows.iter().map(|row| row.summary.unread).sum()
    }

    /// Says something short.
    pub fn say(&mut self, text: impl Into<String>) {
        self.toast = Some(Toast { text: text.into(), until_ms: self.now_ms.saturating_add(TOAST_MS) });
    }

    /// The title of the terminal's window.
    pub fn title(&self) -> String {
        match self.unread() {
            0 => "Sottovoce".into(),
            unread => format!("({unread}) Sottovoce"),
        }
    }
}
