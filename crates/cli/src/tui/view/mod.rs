//! Draws the model. Nothing here changes it.

mod dialog;
mod list;
mod page;

pub use dialog::{area as dialog_area, item_at as dialog_item_at};
pub use page::first_composer_line;

use crate::tui::areas::{Areas, areas};
use crate::tui::dialog::Dialog;
use crate::tui::event::Network;
use crate::tui::model::{Focus, Model};
use crate::tui::{safe, words};
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// Draws everything.
pub fn view(model: &Model, frame: &mut Frame<'_>) {
    let screen = frame.area();
    let areas = areas(model);
    if areas.foot.height == 0 {
        let text = safe::fit(&words::TOO_SMALL, usize::from(screen.width));
        put(frame.buffer_mut(), screen, 0, Line::styled(text, model.theme.voice()));
        return;
    }
    list::draw(model, &areas, frame.buffer_mut());
    let mut cursor = page::draw(model, &areas, frame.buffer_mut());
    foot(model, &areas, frame.buffer_mut());
    if let Some(dialog) = model.dialogs.last() {
        cursor = dialog::draw(model, dialog, frame.buffer_mut());
    }
    if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
}

/// Draws a line in a row of an area, if that row is there and on the screen.
fn put(buffer: &mut Buffer, area: Rect, row: u16, line: impl Into<Line<'static>>) {
    let area = area.intersection(buffer.area);
    if row < area.height {
        buffer.set_line(area.x, area.y + row, &line.into(), area.width);
    }
}

/// Left and right with air between; what is on the left gives way.
fn sides(left: Vec<Span<'static>>, right: Vec<Span<'static>>, width: usize) -> Line<'static> {
    let cells = |spans: &[Span<'_>]| spans.iter().map(|span| safe::width(&span.content)).sum::<usize>();
    let right_cells = cells(&right);
    let room = width.saturating_sub(right_cells);
    let mut line = Vec::new();
    let mut used = 0;
    for span in left {
        let text = safe::fit(&span.content, room.saturating_sub(used));
        used += safe::width(&text);
        line.push(Span::styled(text, span.style));
        if used >= room {
            break;
        }
    }
    line.push(Span::raw(" ".repeat(room.saturating_sub(used))));
    line.extend(right);
    Line::from(line)
}

fn paint(buffer: &mut Buffer, area: Rect, style: Style) {
    buffer.set_style(area.intersection(buffer.area), style);
}

fn foot(model: &Model, areas: &Areas, buffer: &mut Buffer) {
    let theme = model.theme;
    let width = usize::from(areas.foot.width);
    let (text, style) = match (&model.toast, &model.network) {
        (Some(toast), _) => (safe::line(&toast.text), theme.lamp().patch(theme.voice())),
        (None, Network::Offline) => (String::from(words::OFFLINE), theme.voice()),
        (None, Network::Connecting | Network::Online) => {
            let keys = match (model.dialogs.last(), model.focus) {
                (Some(Dialog::Search(_)), _) => words::KEYS_PICK.text(),
                (Some(_), _) => "",
                (None, Focus::List) => words::KEYS_LIST.text(),
                (None, Focus::Timeline) => words::KEYS_TIMELINE.text(),
                (None, Focus::Composer) => words::KEYS_COMPOSER.text(),
            };
            (keys_that_fit(keys, width.saturating_sub(2)), theme.aside())
        }
    };
    let left = vec![Span::raw(" "), Span::styled(text, style)];
    put(buffer, areas.foot, 0, sides(left, Vec::new(), width));
}

/// As many hints as fit whole.
fn keys_that_fit(keys: &str, width: usize) -> String {
    let mut fitting = String::new();
    for key in keys.split(" · ") {
        let more = if fitting.is_empty() { key.to_owned() } else { format!("{fitting} · {key}") };
        if safe::width(&more) > width {
            break;
        }
        fitting = more;
    }
    fitting
}

/// The terminal's own cursor, where somebody writes.
fn cursor_at(area: Rect, row: usize, cell: usize) -> Option<Position> {
    let row = u16::try_from(row).ok().filter(|row| *row < area.height)?;
    let cell = u16::try_from(cell).unwrap_or(u16::MAX).min(area.width.saturating_sub(1));
    Some(Position::new(area.x + cell, area.y + row))
}
