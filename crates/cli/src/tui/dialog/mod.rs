//! What lies over the conversation: a few shapes that everything is asked and said with.

mod keys;

pub use keys::{key, paste, wheel};

use crate::tui::command::Command;
use crate::tui::editor::Editor;
use crate::tui::event::Hit;
use protocol::event::ConversationId;
use wire::id::AccountId;

/// Something over the conversation.
#[derive(Debug)]
pub enum Dialog {
    /// One or several of a list.
    Pick(Pick),
    /// Something to fill in.
    Ask(Ask),
    /// Something to read.
    Tell(Tell),
    /// Are you sure.
    Confirm(Confirm),
    /// Messages to find.
    Search(Search),
    /// A link and its code.
    Invite(Invite),
}

/// A list to choose from.
#[derive(Debug, Default)]
pub struct Pick {
    /// In the frame.
    pub title: String,
    /// Above the list.
    pub body: Vec<String>,
    /// What narrows the list, with what to type there.
    pub filter: Option<(Editor, String)>,
    /// All there is.
    pub items: Vec<Item>,
    /// The chosen one among those shown.
    pub cursor: usize,
    /// Several can be chosen, for this group.
    pub adds_to: Option<ConversationId>,
    /// The keys, if they are others than usual.
    pub keys: Option<String>,
}

/// One of a list.
#[derive(Debug, Clone)]
pub struct Item {
    /// What it is.
    pub label: String,
    /// More about it.
    pub detail: String,
    /// What choosing it does.
    pub command: Command,
    /// It is chosen, where several can be.
    pub is_marked: bool,
}

impl Item {
    /// Something to choose.
    pub fn new(label: impl Into<String>, command: Command) -> Self {
        Self { label: label.into(), detail: String::new(), command, is_marked: false }
    }

    /// With more about it.
    pub fn with(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

impl Pick {
    /// A list without a filter.
    pub fn of(title: impl Into<String>, items: Vec<Item>) -> Self {
        Self { title: title.into(), items, ..Self::default() }
    }

    /// The places of the items that the filter lets through.
    pub fn shown(&self) -> Vec<usize> {
        let wanted = self.filter.as_ref().map(|(editor, _)| editor.text().trim().to_lowercase()).unwrap_or_default();
        let fits = |item: &Item| {
            let label = item.label.to_lowercase();
            wanted.split_whitespace().all(|word| label.contains(word))
        };
        let mut shown: Vec<usize> = (0..self.items.len()).filter(|index| fits(&self.items[*index])).collect();
        if !wanted.is_empty() {
            // What begins so comes first.
            shown.sort_by_key(|index| !self.items[*index].label.to_lowercase().starts_with(&wanted));
        }
        shown
    }

    /// The chosen item.
    pub fn chosen(&self) -> Option<usize> {
        self.shown().get(self.cursor).copied()
    }

    /// The accounts that are marked, else the chosen one.
    pub fn accounts(&self) -> Vec<AccountId> {
        let account = |item: &Item| match item.command {
            Command::Person(account) => Some(account),
            _ => None,
        };
        let marked: Vec<AccountId> = self.items.iter().filter(|item| item.is_marked).filter_map(account).collect();
        if marked.is_empty() {
            return self.chosen().and_then(|index| account(&self.items[index])).into_iter().collect();
        }
        marked
    }
}

/// Fields to fill in.
#[derive(Debug)]
pub struct Ask {
    /// In the frame.
    pub title: String,
    /// What to write where.
    pub field: String,
    /// What was written.
    pub editor: Editor,
    /// What Enter does, as a word.
    pub verb: String,
    /// What Enter does.
    pub submit: Submit,
}

/// What a filled field is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submit {
    /// Follow a link.
    Accept,
    /// Ask the owner of an address.
    Add,
    /// Make a group.
    Group,
    /// Rename a group.
    Rename(ConversationId),
    /// Our own name.
    OwnName,
    /// An emoji for the chosen message.
    Reaction,
}

/// Something to read.
#[derive(Debug, Default)]
pub struct Tell {
    /// In the frame.
    pub title: String,
    /// Paragraphs.
    pub lines: Vec<Told>,
    /// Rows that are scrolled away.
    pub scroll: usize,
    /// The keys, if they are others than usual.
    pub keys: Option<String>,
    /// What `c` copies.
    pub copies: Option<String>,
    /// What `x` exports.
    pub exports: Option<i64>,
}

/// A paragraph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// The app's words.
    Voice(String),
    /// Something said or known.
    Talk(String),
    /// Figures that stand apart.
    Figures(String),
    /// A key and what it does.
    Key(String, String),
    /// Something wrong.
    Alarm(String),
    /// Air.
    Air,
}

/// Are you sure.
#[derive(Debug)]
pub struct Confirm {
    /// The question.
    pub title: String,
    /// What follows.
    pub body: String,
    /// The deed.
    pub verb: String,
    /// The deed.
    pub command: Command,
}

/// A search over messages.
#[derive(Debug, Default)]
pub struct Search {
    /// The words.
    pub editor: Editor,
    /// Only here, with its title.
    pub within: Option<(ConversationId, String)>,
    /// The words that were answered.
    pub answered: Option<String>,
    /// What was found.
    pub hits: Vec<Hit>,
    /// The chosen one.
    pub cursor: usize,
}

/// A link and its code.
#[derive(Debug)]
pub struct Invite {
    /// Whom it is for.
    pub body: String,
    /// The link, once it is made.
    pub link: Option<String>,
}
