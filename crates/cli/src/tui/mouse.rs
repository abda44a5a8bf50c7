//! Clicks and the wheel.

use crate::tui::areas::{areas, item_rows};
use crate::tui::dialog::{self, Dialog};
use crate::tui::event::Action;
use crate::tui::model::{Focus, Model};
use crate::tui::{keys, view};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

/// Rows that one turn of the wheel passes.
const WHEEL: isize = 3;

/// The mouse did something.
pub fn mouse(model: &mut Model, mouse: MouseEvent) -> Vec<Action> {
    let at = Position::new(mouse.column, mouse.row);
    match mouse.kind {
        MouseEventKind::ScrollDown => wheel(model, at, true),
        MouseEventKind::ScrollUp => wheel(model, at, false),
        MouseEventKind::Down(MouseButton::Left) => return click(model, at),
        _ => {}
    }
    Vec::new()
}

fn wheel(model: &mut Model, at: Position, is_down: bool) {
    if !model.dialogs.is_empty() {
        dialog::wheel(model, is_down);
        return;
    }
    let areas = areas(model);
    if areas.list.is_some_and(|list| list.contains(at)) {
        let last = model.items().saturating_sub(1);
        model.cursor = if is_down { (model.cursor + 1).min(last) } else { model.cursor.saturating_sub(1) };
    } else if let Some(chat) = model.chat.as_mut() {
        chat.scroll(if is_down { WHEEL } else { -WHEEL }, usize::from(areas.timeline.height));
    }
}

fn click(model: &mut Model, at: Position) -> Vec<Action> {
    if !model.dialogs.is_empty() {
        return click_dialog(model, at);
    }
    let areas = areas(model);
    if areas.items.contains(at) {
        let index = model.top + usize::from((at.y - areas.items.y) / item_rows(model));
        if index < model.items() {
            model.cursor = index;
            return keys::open_item(model);
        }
        model.focus = Focus::List;
        return Vec::new();
    }
    if areas.page.is_some() && areas.list.is_none() && areas.head.contains(at) && at.x < 3 {
        model.focus = Focus::List;
        return Vec::new();
    }
    let Some(chat) = model.chat.as_mut() else { return Vec::new() };
    if areas.head.contains(at) {
        return crate::tui::command::run(model, crate::tui::command::Command::Conversation);
    }
    if areas.composer.contains(at) {
        model.focus = Focus::Composer;
        let width = usize::from(areas.composer.width);
        let first = view::first_composer_line(&chat.editor, areas.composer);
        let (line, cell) = (usize::from(at.y - areas.composer.y), usize::from(at.x - areas.composer.x));
        chat.editor.click(width, first + line, cell);
        return Vec::new();
    }
    if areas.timeline.contains(at) {
        let height = usize::from(areas.timeline.height);
        let is_below = chat.is_away(height) && at.y + 1 == areas.timeline.bottom();
        if is_below {
            return keys::newest(model);
        }
        let rows = chat.seen(height).len();
        let blank = height - rows;
        let row = usize::from(at.y - areas.timeline.y).checked_sub(blank);
        let clicked = row.and_then(|row| chat.seen(height).get(row)).filter(|row| row.is_body).map(|row| row.entry);
        let entry = clicked.and_then(|index| chat.entries.get(index)).map(|entry| entry.id);
        let is_again = entry.is_some() && chat.selected == entry;
        chat.selected = entry;
        model.focus = Focus::Timeline;
        if is_again {
            return keys::key(model, KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE));
        }
    }
    Vec::new()
}

fn click_dialog(model: &mut Model, at: Position) -> Vec<Action> {
    let Some(area) = view::dialog_area(model) else { return Vec::new() };
    if !area.contains(at) {
        model.dialogs.pop();
        return Vec::new();
    }
    let index = view::dialog_item_at(model, at);
    let is_chosen = match (model.dialogs.last_mut(), index) {
        (Some(Dialog::Pick(pick)), Some(index)) => {
            pick.cursor = index;
            true
        }
        (Some(Dialog::Search(search)), Some(index)) => {
            search.cursor = index;
            true
        }
        _ => false,
    };
    let is_multiple = matches!(model.dialogs.last(), Some(Dialog::Pick(pick)) if pick.adds_to.is_some());
    match (is_chosen, is_multiple) {
        (true, true) => dialog::key(model, KeyEvent::new(KeyCode::Char(' '), KeyModifiers::NONE)),
        (true, false) => dialog::key(model, KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE)),
        (false, _) => Vec::new(),
    }
}
