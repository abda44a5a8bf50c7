//! A model with people and messages, and a screen to look at.

use crate::tui::event::{Action, Event, Loaded, Opened};
use crate::tui::model::{ConversationRow, Model, Own};
use crate::tui::theme::Theme;
use crate::tui::{update, view};
use client::timeline::{ConversationSummary, Entry, EntryId, EntryKind, MemberSummary, MessageState, Snapshot, Window};
use jiff::tz::TimeZone;
use protocol::event::{ConversationId, ConversationState};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use std::collections::BTreeMap;
use wire::id::{AccountId, DeviceId, MsgId};

pub const ME: AccountId = AccountId([1; 32]);
pub const IDA: AccountId = AccountId([0x1d; 32]);
pub const BOB: AccountId = AccountId([0xb0; 32]);
pub const WITH_IDA: ConversationId = ConversationId([1; 16]);
pub const CHOIR: ConversationId = ConversationId([2; 16]);
/// 15 January 2027, 08:00 UTC.
pub const NOW_MS: u64 = 1_800_000_000_000;
pub const MINUTE_MS: u64 = 60_000;

pub fn summary(id: ConversationId, title: &str) -> ConversationSummary {
    ConversationSummary {
        id,
        is_direct: id == WITH_IDA,
        title: title.into(),
        peer: (id == WITH_IDA).then_some(IDA),
        state: ConversationState::Active,
        node_url: "http://localhost:1".into(),
        restarts: None,
        members: if id == WITH_IDA { 2 } else { 3 },
        unread: 0,
        timer_s: 0,
        last_ms: NOW_MS - MINUTE_MS,
        last: None,
        draft: None,
        is_pinned: false,
        is_archived: false,
        is_marked_unread: false,
        muted_until_ms: None,
        forbids_direct: false,
        is_blocked: false,
        is_verified: false,
        picture_id: None,
    }
}

pub fn row(id: ConversationId, title: &str) -> ConversationRow {
    ConversationRow { summary: summary(id, title), typing: Vec::new(), in_call: Vec::new() }
}

pub fn entry(id: i64, sender: AccountId, text: &str) -> Entry {
    let mut msg_id = [0; 16];
    msg_id[..8].copy_from_slice(&id.to_be_bytes());
    let at_ms = NOW_MS - 600 * MINUTE_MS + u64::try_from(id).unwrap() * 1_000;
    Entry {
        id: EntryId(id),
        conversation: WITH_IDA,
        msg_id: MsgId(msg_id),
        sender,
        device: DeviceId([sender.0[0]; 16]),
        sent_ms: at_ms,
        received_ms: at_ms,
        kind: EntryKind::Text(text.into()),
        reply_to: None,
        state: if sender == ME { MessageState::Stored } else { MessageState::Received },
        is_unread: false,
        edited_ms: None,
        timer_s: 0,
        expires_ms: None,
        is_forwarded: false,
        reactions: Vec::new(),
        files: Vec::new(),
    }
}

pub fn member(account: AccountId, name: &str) -> MemberSummary {
    MemberSummary { account, name: name.into(), is_admin: account == ME, is_self: account == ME }
}

/// A screen with a model behind it, and a history that the model loads windows of.
pub struct World {
    pub model: Model,
    pub history: Vec<Entry>,
    pub asked: Vec<Action>,
}

impl World {
    /// Two conversations, none open.
    pub fn new(width: u16, height: u16) -> Self {
        let own = Own {
            account: ME,
            name: "Ada".into(),
            address: "svc1ada@http://localhost:1".into(),
            sends_receipts: false,
        };
        let theme = Theme::of(|name| (name == "NO_COLOR").then(|| "1".into()));
        let model = Model::new(own, theme, TimeZone::UTC, (width, height), NOW_MS);
        let mut world = Self { model, history: Vec::new(), asked: Vec::new() };
        world.take(Event::Names(BTreeMap::from([(ME, "Ada".into()), (IDA, "Ida".into()), (BOB, "Bob".into())])));
        world.take(Event::List(vec![row(WITH_IDA, "Ida"), row(CHOIR, "Choir")]));
        world
    }

    /// With the conversation with Ida open, holding a history.
    pub fn open(width: u16, height: u16, history: Vec<Entry>) -> Self {
        let mut world = Self::new(width, height);
        world.history = history;
        world.enter(row(WITH_IDA, "Ida"), Window::Latest(150));
        world
    }

    pub fn enter(&mut self, row: ConversationRow, window: Window) {
        let at = match window {
            Window::Around(entry, _) => Some(entry),
            _ => None,
        };
        let members = vec![member(ME, "Ada"), member(IDA, "Ida"), member(BOB, "Bob")];
        let members = if row.summary.is_direct { members[..2].to_vec() } else { members };
        let loaded = Loaded { snapshot: self.snapshot(window), ..Loaded::default() };
        self.take(Event::Opened(Box::new(Opened { row, members, loaded, at, typing: Vec::new() })));
    }

    /// What the timeline would answer.
    pub fn snapshot(&self, window: Window) -> Snapshot {
        let place = |entry: EntryId| self.history.iter().position(|one| one.id == entry);
        let length = self.history.len();
        let (from, to) = match window {
            Window::Latest(count) => (length.saturating_sub(count), length),
            Window::Around(entry, count) => match place(entry) {
                Some(at) => (at.saturating_sub(count), (at + count + 1).min(length)),
                None => return Snapshot::default(),
            },
            Window::Before(..) | Window::After(..) => panic!("the chat asks for neither"),
        };
        Snapshot { entries: self.history[from..to].to_vec(), has_older: from > 0, has_newer: to < length }
    }

    /// Gives the model an event, and answers what it asks of the timeline.
    pub fn take(&mut self, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            for action in update::update(&mut self.model, event) {
                if let Action::Load(conversation, windows) = &action {
                    let found = windows.iter().map(|window| self.snapshot(*window)).find(|one| !one.entries.is_empty());
                    let snapshot = found.unwrap_or_default();
                    events.push(Event::Loaded(*conversation, Loaded { snapshot, ..Loaded::default() }));
                }
                self.asked.push(action);
            }
        }
    }

    /// The history changed: what is open is read again, as the shell does it.
    pub fn refresh(&mut self) {
        let height = usize::from(crate::tui::areas::areas(&self.model).timeline.height);
        let windows = self.model.chat.as_ref().unwrap().windows(height);
        let snapshot = windows.iter().map(|window| self.snapshot(*window)).find(|one| !one.entries.is_empty());
        let snapshot = snapshot.unwrap_or_default();
        self.take(Event::Loaded(WITH_IDA, Loaded { snapshot, ..Loaded::default() }));
    }

    pub fn press(&mut self, code: KeyCode) {
        self.press_with(code, KeyModifiers::NONE);
    }

    pub fn press_with(&mut self, code: KeyCode, modifiers: KeyModifiers) {
        self.take(Event::Key(KeyEvent::new(code, modifiers)));
    }

    pub fn control(&mut self, letter: char) {
        self.press_with(KeyCode::Char(letter), KeyModifiers::CONTROL);
    }

    pub fn write(&mut self, text: &str) {
        for character in text.chars() {
            self.press(KeyCode::Char(character));
        }
    }

    pub fn click(&mut self, column: u16, row: u16) {
        let kind = MouseEventKind::Down(MouseButton::Left);
        self.take(Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
    }

    pub fn wheel(&mut self, column: u16, row: u16, is_down: bool) {
        let kind = if is_down { MouseEventKind::ScrollDown } else { MouseEventKind::ScrollUp };
        self.take(Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
    }

    /// What was asked for since the last call.
    pub fn asked(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.asked)
    }

    /// The rows of the screen.
    pub fn screen(&self) -> Vec<String> {
        let (width, height) = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view::view(&self.model, frame)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        (0..height)
            .map(|y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned())
            .collect()
    }

    /// Asserts that a row of the screen holds a text; the row's place.
    #[track_caller]
    pub fn sees(&self, text: &str) -> usize {
        let screen = self.screen();
        let found = screen.iter().position(|row| row.contains(text));
        found.unwrap_or_else(|| panic!("{text:?} is not on the screen:\n{}", screen.join("\n")))
    }

    #[track_caller]
    pub fn sees_not(&self, text: &str) {
        let screen = self.screen();
        assert!(!screen.iter().any(|row| row.contains(text)), "{text:?} is on the screen:\n{}", screen.join("\n"));
    }
}
