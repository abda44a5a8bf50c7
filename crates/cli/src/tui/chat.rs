//! The open conversation: what is loaded of it, what of that is seen, and what is being written.

use crate::tui::blocks::{Layout, Row};
use crate::tui::editor::Editor;
use crate::tui::event::{Action, Loaded, Opened};
use crate::tui::model::{ConversationRow, Quote};
use client::files::{AttachmentId, Progress};
use client::timeline::{Entry, EntryId, EntryKind, MemberSummary, Window};
use std::collections::{BTreeMap, BTreeSet};
use wire::id::MsgId;

/// Entries that are loaded on each side of what is seen.
const PAGE: usize = 150;
/// With fewer entries left on a side more are loaded.
const MARGIN: usize = 40;

/// What the top of the timeline holds on to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The newest entry stands at the bottom.
    Following,
    /// The first row is so many rows below the first one of an entry.
    At(EntryId, usize),
    /// An entry stands in the middle, as soon as it is laid out.
    Centred(EntryId),
}

/// What sending does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// A message.
    Plain,
    /// An answer.
    Reply(EntryId, MsgId),
    /// Another text for an own message; what was being written comes back after.
    Edit(MsgId, Editor),
}

/// The open conversation.
#[derive(Debug)]
pub struct Chat {
    /// Its row.
    pub row: ConversationRow,
    /// Its members.
    pub members: Vec<MemberSummary>,
    /// What is loaded, oldest first.
    pub entries: Vec<Entry>,
    /// What replies quote.
    pub quotes: BTreeMap<MsgId, Quote>,
    /// How its files move.
    pub moving: BTreeMap<AttachmentId, Progress>,
    /// There are older ones.
    pub has_older: bool,
    /// There are newer ones.
    pub has_newer: bool,
    /// The rows of what is loaded.
    pub layout: Layout,
    /// What the rows were made for: width and minute.
    pub layout_key: Option<(usize, u64)>,
    /// What is seen.
    pub place: Place,
    /// The chosen message.
    pub selected: Option<EntryId>,
    /// Where unread ones began when it was opened.
    pub unread_from: Option<EntryId>,
    /// How many they were.
    pub unread_count: usize,
    /// Long texts that are shown whole.
    pub unfolded: BTreeSet<EntryId>,
    /// What is being written.
    pub editor: Editor,
    /// What sending does.
    pub mode: Mode,
    /// The draft that is kept already.
    pub saved_draft: String,
    /// Who types.
    pub typing: Vec<String>,
    /// A part was asked for.
    pub is_loading: bool,
}

impl Chat {
    /// A conversation that was opened.
    pub fn new(opened: Opened) -> Self {
        let entries = opened.loaded.snapshot.entries;
        let unread_from = entries.iter().find(|entry| entry.is_unread).map(|entry| entry.id);
        let place = match (opened.at, unread_from) {
            (Some(entry), _) => Place::Centred(entry),
            // What was not read yet is read from its beginning.
            (None, Some(entry)) => Place::At(entry, 0),
            (None, None) => Place::Following,
        };
        let draft = opened.row.summary.draft.clone().unwrap_or_default();
        Self {
            unread_count: opened.row.summary.unread,
            row: opened.row,
            members: opened.members,
            entries,
            quotes: opened.loaded.quotes,
            moving: opened.loaded.moving,
            has_older: opened.loaded.snapshot.has_older,
            has_newer: opened.loaded.snapshot.has_newer,
            layout: Layout::default(),
            layout_key: None,
            place,
            selected: opened.at,
            unread_from,
            unfolded: BTreeSet::new(),
            editor: Editor::with(&draft),
            mode: Mode::Plain,
            saved_draft: draft,
            typing: opened.typing,
            is_loading: false,
        }
    }

    /// Takes a part that was asked for; nothing moves that is being read.
    pub fn replace(&mut self, loaded: Loaded) {
        self.is_loading = false;
        self.entries = loaded.snapshot.entries;
        self.quotes = loaded.quotes;
        self.moving = loaded.moving;
        self.has_older = loaded.snapshot.has_older;
        self.has_newer = loaded.snapshot.has_newer;
        if let Some(members) = loaded.members {
            self.members = members;
        }
        self.layout_key = None;
        if self.selected.is_some_and(|selected| self.index(selected).is_none()) {
            self.selected = None;
        }
        let is_gone = |entry: EntryId| self.index(entry).is_none();
        match self.place {
            Place::At(entry, _) | Place::Centred(entry) if is_gone(entry) => {
                // What was read has disappeared: what came after it takes its place, else the end.
                self.place = match self.entries.iter().find(|next| next.id > entry) {
                    Some(next) => Place::At(next.id, 0),
                    None => Place::Following,
                };
            }
            Place::At(..) | Place::Centred(_) | Place::Following => {}
        }
    }

    /// Shows an entry in the middle and chooses it.
    pub fn jump(&mut self, entry: EntryId) -> Option<Action> {
        self.place = Place::Centred(entry);
        self.selected = Some(entry);
        self.layout_key = None;
        if self.index(entry).is_some() {
            return None;
        }
        self.is_loading = true;
        Some(Action::Load(self.row.summary.id, vec![Window::Around(entry, PAGE), Window::Latest(PAGE)]))
    }

    /// The windows to read, best first, so that what is seen stays.
    pub fn windows(&self, height: usize) -> Vec<Window> {
        let page = PAGE.max(height.saturating_mul(3));
        match self.place {
            Place::Following => vec![Window::Latest(page)],
            Place::Centred(entry) => vec![Window::Around(entry, page), Window::Latest(page)],
            Place::At(entry, _) => {
                let from = self.index(entry).unwrap_or(0);
                let seen = self.entries.iter().skip(from).take(height.max(1));
                let mut windows: Vec<Window> = seen.map(|entry| Window::Around(entry.id, page)).collect();
                windows.push(Window::Latest(page));
                windows
            }
        }
    }

    /// Whether more should be loaded before the user gets there.
    pub fn wants_more(&self, height: usize) -> bool {
        if self.is_loading || self.entries.is_empty() {
            return false;
        }
        let top = self.top(height);
        let first = self.layout.rows.get(top).map_or(0, |row| row.entry);
        let last = self.layout.rows.get(top + height.saturating_sub(1)).or(self.layout.rows.last());
        let last = last.map_or(0, |row| row.entry);
        let is_anchored = self.place != Place::Following;
        (self.has_older && first < MARGIN && is_anchored)
            || (self.has_newer && last + MARGIN > self.entries.len())
            || (self.has_older && self.layout.rows.len() < height)
    }

    /// The place of an entry among those loaded.
    pub fn index(&self, entry: EntryId) -> Option<usize> {
        self.entries.iter().position(|one| one.id == entry)
    }

    /// An entry that is loaded.
    pub fn entry(&self, entry: EntryId) -> Option<&Entry> {
        self.entries.iter().find(|one| one.id == entry)
    }

    /// The chosen message.
    pub fn selected_entry(&self) -> Option<&Entry> {
        self.selected.and_then(|selected| self.entry(selected))
    }

    /// The first row that is seen.
    pub fn top(&self, height: usize) -> usize {
        let bottom = self.layout.rows.len().saturating_sub(height);
        let start = |entry: EntryId| self.index(entry).and_then(|index| self.layout.starts.get(index).copied());
        match self.place {
            Place::Following => bottom,
            Place::At(entry, offset) => {
                let start = start(entry).unwrap_or(bottom);
                let end = self.end_of(entry).unwrap_or(start + 1);
                (start + offset).min(end.saturating_sub(1)).min(bottom)
            }
            Place::Centred(entry) => {
                let end = self.end_of(entry).unwrap_or(bottom);
                end.saturating_sub(height / 2).min(bottom)
            }
        }
    }

    fn end_of(&self, entry: EntryId) -> Option<usize> {
        let index = self.index(entry)?;
        Some(self.layout.starts.get(index + 1).copied().unwrap_or(self.layout.rows.len()))
    }

    /// The rows that are seen.
    pub fn seen(&self, height: usize) -> &[Row] {
        let top = self.top(height);
        let end = (top + height).min(self.layout.rows.len());
        self.layout.rows.get(top..end).unwrap_or(&[])
    }

    /// The last entry of which something is seen.
    pub fn last_seen(&self, height: usize) -> Option<&Entry> {
        self.seen(height).iter().rev().find(|row| row.is_body).and_then(|row| self.entries.get(row.entry))
    }

    /// Whether there is something below what is seen.
    pub fn is_away(&self, height: usize) -> bool {
        self.has_newer || self.top(height) + height < self.layout.rows.len()
    }

    /// Shows from a row on.
    pub fn show_from(&mut self, top: usize, height: usize) {
        let bottom = self.layout.rows.len().saturating_sub(height);
        if top >= bottom && !self.has_newer {
            self.place = Place::Following;
            return;
        }
        let top = top.min(bottom);
        let Some(row) = self.layout.rows.get(top) else { return };
        let start = self.layout.starts.get(row.entry).copied().unwrap_or(top);
        if let Some(entry) = self.entries.get(row.entry) {
            self.place = Place::At(entry.id, top - start);
        }
    }

    /// Moves what is seen by rows.
    pub fn scroll(&mut self, rows: isize, height: usize) {
        let top = self.top(height).saturating_add_signed(rows);
        self.show_from(top, height);
    }

    /// Chooses the next message above or below, and shows it.
    pub fn choose(&mut self, is_down: bool, height: usize) {
        let is_choosable = |entry: &Entry| !matches!(entry.kind, EntryKind::Notice(_));
        let from = match self.selected.and_then(|selected| self.index(selected)) {
            Some(index) => index,
            None => {
                self.selected = self.last_seen(height).filter(|entry| is_choosable(entry)).map(|entry| entry.id);
                if self.selected.is_none() {
                    self.selected = self.entries.iter().rev().find(|entry| is_choosable(entry)).map(|entry| entry.id);
                }
                return;
            }
        };
        let next = if is_down {
            self.entries.iter().skip(from + 1).find(|entry| is_choosable(entry))
        } else {
            self.entries.iter().take(from).rev().find(|entry| is_choosable(entry))
        };
        match next.map(|entry| entry.id) {
            Some(entry) => {
                self.selected = Some(entry);
                self.reveal(entry, height);
            }
            None if is_down => self.scroll(1, height),
            None => self.scroll(-1, height),
        }
    }

    /// Scrolls as little as needed to show an entry whole.
    pub fn reveal(&mut self, entry: EntryId, height: usize) {
        let Some(index) = self.index(entry) else { return };
        let Some(start) = self.layout.starts.get(index).copied() else { return };
        let end = self.end_of(entry).unwrap_or(start + 1);
        let top = self.top(height);
        if start < top {
            self.show_from(start, height);
        } else if end > top + height {
            self.show_from(end.saturating_sub(height).min(start), height);
        }
    }

    /// The newest own text: what Up edits.
    pub fn last_own(&self) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.is_own() && entry.text().is_some())
    }

    /// The draft to keep: what is being written, or what an edit put aside.
    pub fn draft(&self) -> (&str, Option<MsgId>) {
        match &self.mode {
            Mode::Plain => (self.editor.text(), None),
            Mode::Reply(_, msg_id) => (self.editor.text(), Some(*msg_id)),
            Mode::Edit(_, aside) => (aside.text(), None),
        }
    }

    /// Ends a reply or an edit.
    pub fn leave_mode(&mut self) {
        if let Mode::Edit(_, aside) = std::mem::replace(&mut self.mode, Mode::Plain) {
            self.editor = aside;
        }
    }
}
