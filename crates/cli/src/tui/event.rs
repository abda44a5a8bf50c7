//! What comes into the model and what it asks for.

use crate::picture::Pixels;
use crate::tui::model::{ConversationRow, Quote};
use crate::tui::pictures::Wanted;
use client::files::{AttachmentId, Progress, Turn};
use client::timeline::{EntryId, MemberSummary, Person, SearchHit, Snapshot, StoredAlert, Window};
use protocol::content::Kind;
use protocol::event::{ContactRequest, ConversationId, Intent, Outcome};
use ratatui::crossterm::event::{KeyEvent, MouseEvent};
use std::collections::BTreeMap;
use wire::id::{AccountId, MsgId};

/// What comes in: from the user, from the clock, from the engine.
#[derive(Debug)]
pub enum Event {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has another size.
    Resize(u16, u16),
    /// The terminal is looked at, or not.
    Focused(bool),
    /// Time went on.
    Tick(u64),
    /// All names.
    Names(BTreeMap<AccountId, String>),
    /// The list of conversations.
    List(Vec<ConversationRow>),
    /// The requests that wait.
    Requests(Vec<ContactRequest>),
    /// A conversation was opened.
    Opened(Box<Opened>),
    /// A part of the open conversation.
    Loaded(ConversationId, Loaded),
    /// Who types in the open conversation.
    Typing(ConversationId, Vec<String>),
    /// What a search found, with the words that were searched.
    Found(String, Vec<Hit>),
    /// Everybody whom we met.
    People(Vec<Person>),
    /// The newest alerts.
    Alerts(Vec<StoredAlert>),
    /// How an intent went.
    Outcome(Purpose, Result<Outcome, String>),
    /// A message could not be written down, and why.
    Refused(ConversationId, Kind, String),
    /// Something did not work.
    Failed(String),
    /// How the network is.
    Network(Network),
    /// A file's picture was drawn, itself or its preview; none: it cannot be.
    Drawn(AttachmentId, bool, Option<Pixels>),
}

/// A conversation as it opens.
#[derive(Debug)]
pub struct Opened {
    /// Its row.
    pub row: ConversationRow,
    /// Its members.
    pub members: Vec<MemberSummary>,
    /// The part to show first.
    pub loaded: Loaded,
    /// The entry to jump to.
    pub at: Option<EntryId>,
    /// Who types.
    pub typing: Vec<String>,
}

/// A part of a conversation with what its replies quote.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The entries.
    pub snapshot: Snapshot,
    /// The messages that they answer.
    pub quotes: BTreeMap<MsgId, Quote>,
    /// The members, if they may have changed.
    pub members: Option<Vec<MemberSummary>>,
    /// How its files move.
    pub moving: BTreeMap<AttachmentId, Progress>,
}

/// A message that was found.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The message.
    pub hit: SearchHit,
    /// Its conversation's title.
    pub title: String,
}

/// What an intent is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// To show a link.
    Invite,
    /// To be in the conversation that it leads to.
    Enter,
    /// Its effect shows by itself; the words say that it is done.
    Change(String),
}

/// How the network is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Network {
    /// Not there yet.
    #[default]
    Connecting,
    /// Nothing waits.
    Online,
    /// The node does not answer.
    Offline,
}

/// What the model asks for.
#[derive(Debug, Clone)]
pub enum Action {
    /// Open a conversation, perhaps at an entry.
    Open(ConversationId, Option<EntryId>),
    /// Read the first of these windows that still has entries.
    Load(ConversationId, Vec<Window>),
    /// Send a message.
    Send(ConversationId, Kind),
    /// Mark what came up to an entry as read.
    Read(ConversationId, EntryId),
    /// Keep a text that was begun.
    Draft(ConversationId, String, Option<MsgId>),
    /// Say that we type, or stopped.
    Typing(ConversationId, bool),
    /// Search everywhere, or in one conversation.
    Search(String, Option<ConversationId>),
    /// Do what the user wants.
    Intend(Purpose, Box<Intent>),
    /// Read everybody whom we met.
    People,
    /// Read the newest alerts.
    Alerts,
    /// Write an alert's proof to a file.
    Export(i64),
    /// Save the files of an entry.
    Save(EntryId),
    /// Fetch the files of an entry, to show them.
    Fetch(EntryId),
    /// Let the files of an entry pause, or go on.
    Turn(EntryId, Turn),
    /// Drop an entry whose files are not sent yet, or end their fetching.
    Cancel(EntryId),
    /// Draw a picture.
    Draw(Wanted),
    /// Change the name that others see.
    Name(String),
    /// Send read receipts, or not.
    Receipts(bool),
    /// Give the terminal a text for the clipboard.
    Copy(String),
    /// Draw everything anew.
    Redraw,
    /// End.
    Quit,
}
