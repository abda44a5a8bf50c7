//! Keys outside of dialogs.

use crate::tui::areas::areas;
use crate::tui::chat::{Mode, Place};
use crate::tui::command::{self, Command};
use crate::tui::dialog;
use crate::tui::event::Action;
use crate::tui::model::{Focus, ListItem, Model};
use crate::tui::update::{edit_line, send, typed};
use crate::tui::words;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key that was pressed.
pub fn key(model: &mut Model, key: KeyEvent) -> Vec<Action> {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    if is_control && matches!(key.code, KeyCode::Char('c' | 'q')) {
        return command::run(model, Command::Quit);
    }
    if is_control && key.code == KeyCode::Char('l') {
        return vec![Action::Redraw];
    }
    if !model.dialogs.is_empty() {
        return dialog::key(model, key);
    }
    if let Some(command) = anywhere(key) {
        return command::run(model, command);
    }
    if key.modifiers.contains(KeyModifiers::ALT) && matches!(key.code, KeyCode::Up | KeyCode::Down) {
        return neighbour(model, key.code == KeyCode::Down);
    }
    match key.code {
        KeyCode::Tab => turn(model, true),
        KeyCode::BackTab => turn(model, false),
        KeyCode::PageUp | KeyCode::PageDown if model.focus != Focus::List => page(model, key.code),
        _ => match model.focus {
            Focus::List => return list_key(model, key),
            Focus::Timeline => return timeline_key(model, key),
            Focus::Composer => return composer_key(model, key),
        },
    }
    Vec::new()
}

/// What works wherever the keys go.
fn anywhere(key: KeyEvent) -> Option<Command> {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::F(1) => Some(Command::Help),
        KeyCode::Char('k') if is_control => Some(Command::GoTo),
        KeyCode::Char('f') if is_control => Some(Command::Search { is_here: false }),
        KeyCode::Char('n') if is_control => Some(Command::Begin),
        KeyCode::Char('o') if is_control => Some(Command::Conversation),
        _ => None,
    }
}

fn turn(model: &mut Model, is_forward: bool) {
    if model.chat.is_none() {
        return;
    }
    model.focus = match (model.focus, is_forward) {
        (Focus::List, true) | (Focus::Timeline, false) => Focus::Composer,
        (Focus::Composer, true) | (Focus::List, false) => Focus::Timeline,
        (Focus::Timeline, true) | (Focus::Composer, false) => Focus::List,
    };
    if model.focus == Focus::Timeline {
        choose_newest(model);
    }
}

/// On coming to the messages the newest one that is seen is chosen.
fn choose_newest(model: &mut Model) {
    let height = usize::from(areas(model).timeline.height);
    if let Some(chat) = model.chat.as_mut()
        && chat.selected.is_none()
    {
        chat.choose(false, height);
    }
}

fn page(model: &mut Model, code: KeyCode) {
    let height = usize::from(areas(model).timeline.height);
    let rows = isize::try_from(height.saturating_sub(2).max(1)).unwrap_or(1);
    if let Some(chat) = model.chat.as_mut() {
        chat.scroll(if code == KeyCode::PageUp { -rows } else { rows }, height);
    }
}

/// The conversation above or below in the list.
fn neighbour(model: &mut Model, is_down: bool) -> Vec<Action> {
    let open = model.chat.as_ref().and_then(|chat| model.index_of(&chat.row.summary.id));
    let from = open.unwrap_or(model.cursor);
    let next = if is_down { from + 1 } else { from.saturating_sub(1).max(model.requests.len()) };
    match model.item(next) {
        Some(ListItem::Conversation(row)) if Some(next) != open => {
            let conversation = model.rows.get(row).map(|row| row.summary.id);
            conversation.map(|id| command::run(model, Command::Open(id))).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// Opens the chosen item of the list.
pub fn open_item(model: &mut Model) -> Vec<Action> {
    let command = match model.item(model.cursor) {
        Some(ListItem::Request(index)) => model.requests.get(index).map(|one| Command::Request(one.request)),
        Some(ListItem::Conversation(index)) => model.rows.get(index).map(|row| Command::Open(row.summary.id)),
        None => Some(Command::Begin),
    };
    command.map(|command| command::run(model, command)).unwrap_or_default()
}

fn list_key(model: &mut Model, key: KeyEvent) -> Vec<Action> {
    let last = model.items().saturating_sub(1);
    match key.code {
        KeyCode::Up | KeyCode::Char('k') => model.cursor = model.cursor.saturating_sub(1),
        KeyCode::Down | KeyCode::Char('j') => model.cursor = (model.cursor + 1).min(last),
        KeyCode::PageUp => model.cursor = model.cursor.saturating_sub(8),
        KeyCode::PageDown => model.cursor = (model.cursor + 8).min(last),
        KeyCode::Home => model.cursor = 0,
        KeyCode::End => model.cursor = last,
        KeyCode::Enter | KeyCode::Right => return open_item(model),
        KeyCode::Char('/') => return command::run(model, Command::Search { is_here: false }),
        KeyCode::Char('n') => return command::run(model, Command::Begin),
        KeyCode::Char('?') => return command::run(model, Command::Help),
        KeyCode::Char('q') => return command::run(model, Command::Quit),
        KeyCode::Esc if model.chat.is_some() => model.focus = Focus::Composer,
        _ => {}
    }
    Vec::new()
}

fn timeline_key(model: &mut Model, key: KeyEvent) -> Vec<Action> {
    let height = usize::from(areas(model).timeline.height);
    let Some(chat) = model.chat.as_mut() else { return Vec::new() };
    let command = match key.code {
        KeyCode::Up | KeyCode::Char('k') => {
            chat.choose(false, height);
            return Vec::new();
        }
        KeyCode::Down | KeyCode::Char('j') => {
            chat.choose(true, height);
            return Vec::new();
        }
        KeyCode::Home => {
            chat.show_from(0, height);
            return Vec::new();
        }
        KeyCode::End => return newest(model),
        KeyCode::Esc => {
            chat.selected = None;
            model.focus = Focus::Composer;
            return Vec::new();
        }
        KeyCode::Enter => {
            let folded = chat.selected.filter(|selected| !chat.unfolded.contains(selected));
            let is_long =
                |row: &crate::tui::blocks::Row| row.line.spans.iter().any(|span| span.content == words::FOLDED.text());
            let index = folded.and_then(|selected| chat.index(selected));
            if let (Some(entry), true) =
                (folded, chat.layout.rows.iter().any(|row| Some(row.entry) == index && is_long(row)))
            {
                chat.unfolded.insert(entry);
                chat.layout_key = None;
                return Vec::new();
            }
            Command::Message
        }
        KeyCode::Char('r') => Command::Reply,
        KeyCode::Char('+' | 'x') => Command::React,
        KeyCode::Char('e') => Command::Edit,
        KeyCode::Char('c' | 'y') => Command::CopyText,
        KeyCode::Char('s') => Command::Save,
        KeyCode::Char('i') => Command::Info,
        KeyCode::Char('g') => Command::ToOriginal,
        KeyCode::Delete | KeyCode::Char('d') => Command::Delete(false),
        KeyCode::Char('/') => Command::Search { is_here: true },
        KeyCode::Char('n') => Command::Begin,
        KeyCode::Char('?') => Command::Help,
        KeyCode::Char('q') => Command::Quit,
        _ => return Vec::new(),
    };
    command::run(model, command)
}

/// Goes to the newest entry.
pub fn newest(model: &mut Model) -> Vec<Action> {
    let Some(chat) = model.chat.as_mut() else { return Vec::new() };
    chat.place = Place::Following;
    chat.selected = None;
    if !chat.has_newer {
        return Vec::new();
    }
    chat.is_loading = true;
    vec![Action::Load(chat.row.summary.id, chat.windows(1))]
}

fn composer_key(model: &mut Model, key: KeyEvent) -> Vec<Action> {
    let width = usize::from(areas(model).composer.width);
    let height = usize::from(areas(model).timeline.height);
    let Some(chat) = model.chat.as_mut() else {
        model.focus = Focus::List;
        return Vec::new();
    };
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    let makes_line = key.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SHIFT);
    match key.code {
        KeyCode::Enter if makes_line => chat.editor.insert("\n"),
        KeyCode::Char('j') if is_control => chat.editor.insert("\n"),
        KeyCode::Enter => return send(model),
        KeyCode::Esc if chat.mode != Mode::Plain => chat.leave_mode(),
        KeyCode::Esc => model.focus = Focus::List,
        KeyCode::Up if is_control => {
            model.focus = Focus::Timeline;
            choose_newest(model);
        }
        KeyCode::Up if chat.editor.is_empty() && chat.mode == Mode::Plain => {
            let own = chat.last_own().map(|entry| (entry.msg_id, entry.text().unwrap_or_default().to_owned()));
            match own {
                Some((msg_id, text)) => command::begin_edit(chat, msg_id, &text),
                None => model.say(words::NOTHING_TO_EDIT),
            }
        }
        KeyCode::Up => {
            chat.editor.vertical(width, false);
        }
        KeyCode::Down => {
            chat.editor.vertical(width, true);
        }
        KeyCode::End if chat.editor.is_empty() => return newest(model),
        KeyCode::Char('r') if is_control => {
            let other = chat.entries.iter().rev().find(|entry| !entry.is_own() && crate::tui::blocks::is_bubble(entry));
            chat.selected = other.map(|entry| entry.id);
            if let Some(entry) = chat.selected {
                chat.reveal(entry, height);
                return command::run(model, Command::Reply);
            }
        }
        _ => {
            if edit_line(&mut chat.editor, key) {
                return typed(model);
            }
        }
    }
    Vec::new()
}
