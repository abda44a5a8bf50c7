//! Keys in dialogs.

use super::{Ask, Confirm, Dialog, Invite, Pick, Search, Submit, Tell};
use crate::tui::command::{self, Command};
use crate::tui::editor::Editor;
use crate::tui::event::{Action, Purpose};
use crate::tui::model::Model;
use crate::tui::{update, words};
use protocol::event::Intent;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Rows that a page key passes.
const PAGE: usize = 8;

/// What a key in a dialog led to.
enum Led {
    /// It stays.
    Stay(Vec<Action>),
    /// It closes.
    Close(Vec<Action>),
    /// All close, and this is done.
    Do(Command),
}

/// A key for the uppermost dialog.
pub fn key(model: &mut Model, key: KeyEvent) -> Vec<Action> {
    if key.code == KeyCode::Esc {
        model.dialogs.pop();
        return Vec::new();
    }
    let Some(dialog) = model.dialogs.last_mut() else { return Vec::new() };
    let led = match dialog {
        Dialog::Pick(pick) => pick_key(pick, key),
        Dialog::Ask(ask) => ask_key(ask, key),
        Dialog::Tell(tell) => tell_key(tell, key),
        Dialog::Confirm(confirm) => confirm_key(confirm, key),
        Dialog::Search(search) => search_key(search, key),
        Dialog::Invite(invite) => invite_key(invite, key),
    };
    follow(model, led)
}

fn follow(model: &mut Model, led: Led) -> Vec<Action> {
    match led {
        Led::Stay(actions) => {
            if actions.iter().any(|action| matches!(action, Action::Copy(_))) {
                model.say(words::COPIED);
            }
            actions
        }
        Led::Close(actions) => {
            model.dialogs.pop();
            for action in &actions {
                if let Action::Name(name) = action {
                    model.own.name = name.clone();
                }
            }
            actions
        }
        Led::Do(command) => {
            model.dialogs.clear();
            command::run(model, command)
        }
    }
}

/// Text that was pasted into the uppermost dialog.
pub fn paste(model: &mut Model, text: &str) -> Vec<Action> {
    match model.dialogs.last_mut() {
        Some(Dialog::Pick(Pick { filter: Some((editor, _)), cursor, .. })) => {
            editor.insert_line(text);
            *cursor = 0;
        }
        Some(Dialog::Ask(ask)) => ask.editor.insert_line(text.trim()),
        Some(Dialog::Search(search)) => {
            search.editor.insert_line(text);
            return ask_engine(search);
        }
        Some(Dialog::Pick(_) | Dialog::Tell(_) | Dialog::Confirm(_) | Dialog::Invite(_)) | None => {}
    }
    Vec::new()
}

/// The wheel over the uppermost dialog.
pub fn wheel(model: &mut Model, is_down: bool) {
    match model.dialogs.last_mut() {
        Some(Dialog::Pick(pick)) => pick.cursor = step(pick.cursor, 1, pick.shown().len(), is_down),
        Some(Dialog::Search(search)) => search.cursor = step(search.cursor, 1, search.hits.len(), is_down),
        Some(Dialog::Tell(tell)) => tell.scroll = moved(tell.scroll, 2, is_down),
        Some(Dialog::Ask(_) | Dialog::Confirm(_) | Dialog::Invite(_)) | None => {}
    }
}

fn step(cursor: usize, by: usize, count: usize, is_down: bool) -> usize {
    moved(cursor, by, is_down).min(count.saturating_sub(1))
}

fn moved(at: usize, by: usize, is_down: bool) -> usize {
    if is_down { at.saturating_add(by) } else { at.saturating_sub(by) }
}

/// How far a key moves in a list; whether down.
fn motion(key: KeyEvent) -> Option<(usize, bool)> {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Up | KeyCode::BackTab => Some((1, false)),
        KeyCode::Down | KeyCode::Tab => Some((1, true)),
        KeyCode::PageUp => Some((PAGE, false)),
        KeyCode::PageDown => Some((PAGE, true)),
        KeyCode::Char('p') if is_control => Some((1, false)),
        KeyCode::Char('n') if is_control => Some((1, true)),
        _ => None,
    }
}

fn pick_key(pick: &mut Pick, key: KeyEvent) -> Led {
    let count = pick.shown().len();
    if let Some((by, is_down)) = motion(key) {
        pick.cursor = step(pick.cursor, by, count, is_down);
        return Led::Stay(Vec::new());
    }
    let chosen = pick.chosen();
    match (key.code, &mut pick.filter) {
        (KeyCode::Enter, _) => match (pick.adds_to, chosen) {
            (Some(conversation), _) => {
                let accounts = pick.accounts();
                if accounts.is_empty() {
                    return Led::Close(Vec::new());
                }
                let intent = Intent::AddMembers { conversation, accounts };
                Led::Close(vec![Action::Intend(Purpose::Change(words::DONE.into()), Box::new(intent))])
            }
            (None, Some(index)) => Led::Do(pick.items[index].command.clone()),
            (None, None) => Led::Stay(Vec::new()),
        },
        (KeyCode::Char(' '), _) if pick.adds_to.is_some() => {
            if let Some(index) = chosen {
                pick.items[index].is_marked = !pick.items[index].is_marked;
                pick.cursor = step(pick.cursor, 1, count, true);
            }
            Led::Stay(Vec::new())
        }
        (_, Some((editor, _))) => {
            if update::edit_line(editor, key) {
                pick.cursor = 0;
            }
            Led::Stay(Vec::new())
        }
        // Without a filter a letter goes to what begins with it.
        (KeyCode::Char(letter), None) => {
            let begins = |index: &usize| {
                let first = pick.items[*index].label.chars().next();
                first.is_some_and(|first| first.to_lowercase().eq(letter.to_lowercase()))
            };
            let shown = pick.shown();
            let after = shown.iter().skip(pick.cursor + 1).chain(shown.iter().take(pick.cursor + 1));
            if let Some(found) = after.copied().find(begins) {
                pick.cursor = shown.iter().position(|index| *index == found).unwrap_or(0);
            }
            Led::Stay(Vec::new())
        }
        (_, None) => Led::Stay(Vec::new()),
    }
}

fn ask_key(ask: &mut Ask, key: KeyEvent) -> Led {
    if key.code != KeyCode::Enter {
        update::edit_line(&mut ask.editor, key);
        return Led::Stay(Vec::new());
    }
    let text = ask.editor.text().trim().to_owned();
    if text.is_empty() {
        return Led::Stay(Vec::new());
    }
    let (purpose, intent) = match ask.submit.clone() {
        Submit::Accept => (Purpose::Enter, Intent::Accept { link: text, note: String::new() }),
        Submit::Add => (Purpose::Enter, Intent::Add { address: text, note: String::new() }),
        Submit::Group => (Purpose::Enter, Intent::NewGroup { title: text }),
        Submit::Rename(conversation) => {
            (Purpose::Change(words::DONE.into()), Intent::Rename { conversation, title: text })
        }
        Submit::OwnName => return Led::Close(vec![Action::Name(text)]),
        Submit::Reaction => return Led::Do(Command::ReactWith(Some(text))),
    };
    Led::Close(vec![Action::Intend(purpose, Box::new(intent))])
}

fn tell_key(tell: &mut Tell, key: KeyEvent) -> Led {
    if let Some((by, is_down)) = motion(key) {
        tell.scroll = moved(tell.scroll, by, is_down);
        return Led::Stay(Vec::new());
    }
    match (key.code, &tell.copies, tell.exports) {
        (KeyCode::Char('c'), Some(text), _) => Led::Stay(vec![Action::Copy(text.clone())]),
        (KeyCode::Char('x'), _, Some(alert)) => Led::Close(vec![Action::Export(alert)]),
        (KeyCode::Enter | KeyCode::Char('q' | '?'), ..) => Led::Close(Vec::new()),
        _ => Led::Stay(Vec::new()),
    }
}

fn confirm_key(confirm: &mut Confirm, key: KeyEvent) -> Led {
    match key.code {
        KeyCode::Enter => Led::Do(confirm.command.clone()),
        KeyCode::Char('n' | 'q') => Led::Close(Vec::new()),
        _ => Led::Stay(Vec::new()),
    }
}

fn ask_engine(search: &mut Search) -> Vec<Action> {
    search.cursor = 0;
    let within = search.within.as_ref().map(|(conversation, _)| *conversation);
    vec![Action::Search(search.editor.text().to_owned(), within)]
}

fn search_key(search: &mut Search, key: KeyEvent) -> Led {
    if let Some((by, is_down)) = motion(key) {
        search.cursor = step(search.cursor, by, search.hits.len(), is_down);
        return Led::Stay(Vec::new());
    }
    if key.code == KeyCode::Enter {
        return match search.hits.get(search.cursor) {
            Some(hit) => Led::Do(Command::OpenAt(hit.hit.entry.conversation, hit.hit.entry.id)),
            None => Led::Stay(Vec::new()),
        };
    }
    let before = search.editor.text().to_owned();
    update::edit_line(&mut search.editor, key);
    if before == search.editor.text() { Led::Stay(Vec::new()) } else { Led::Stay(ask_engine(search)) }
}

fn invite_key(invite: &mut Invite, key: KeyEvent) -> Led {
    match (key.code, &invite.link) {
        (KeyCode::Char('c'), Some(link)) => Led::Stay(vec![Action::Copy(link.clone())]),
        (KeyCode::Enter | KeyCode::Char('q'), _) => Led::Close(Vec::new()),
        _ => Led::Stay(Vec::new()),
    }
}

impl Ask {
    /// A question with an answer to begin with.
    pub fn new(title: &str, field: &str, verb: &str, submit: Submit, text: &str) -> Self {
        Self { title: title.into(), field: field.into(), editor: Editor::with(text), verb: verb.into(), submit }
    }
}
