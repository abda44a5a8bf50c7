//! Dialogs.

use super::{cursor_at, paint, put, sides};
use crate::tui::areas;
use crate::tui::dialog::{Ask, Confirm, Dialog, Invite, Pick, Search, Tell, Told};
use crate::tui::model::Model;
use crate::tui::{qr, safe, says, words, wrap};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::border;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Clear, Widget};

/// Cells of a dialog with words in it.
const WIDTH: u16 = 64;
/// Rows of a list at most.
const ITEMS_MAX: usize = 16;

/// The frame of the uppermost dialog.
pub fn area(model: &Model) -> Option<Rect> {
    model.dialogs.last().map(|dialog| frame_of(model, dialog))
}

fn inner_width(model: &Model) -> usize {
    usize::from(areas::dialog(model, (WIDTH, 1)).width).saturating_sub(4)
}

fn frame_of(model: &Model, dialog: &Dialog) -> Rect {
    let width = inner_width(model);
    let lines = |text: &str| if text.is_empty() { 0 } else { wrap::wrap(text, width, usize::MAX).len() };
    let rows = match dialog {
        Dialog::Pick(pick) => above_items(pick, width) + pick.items.len().clamp(1, ITEMS_MAX) + 2,
        Dialog::Ask(_) => 4,
        Dialog::Tell(tell) => told(model, tell, width).len() + 2,
        Dialog::Confirm(confirm) => lines(&confirm.body) + 4,
        Dialog::Search(_) => usize::from(model.size.1).saturating_sub(3),
        Dialog::Invite(invite) => return invite_frame(model, invite),
    };
    areas::dialog(model, (WIDTH, u16::try_from(rows + 2).unwrap_or(u16::MAX)))
}

/// Rows of a list above its items.
fn above_items(pick: &Pick, width: usize) -> usize {
    let body: usize = pick.body.iter().map(|text| wrap::wrap(text, width, usize::MAX).len()).sum();
    body + usize::from(!pick.body.is_empty()) + if pick.filter.is_some() { 2 } else { 0 }
}

/// Draws the uppermost dialog; where the cursor is.
pub fn draw(model: &Model, dialog: &Dialog, buffer: &mut Buffer) -> Option<Position> {
    let area = frame_of(model, dialog).intersection(buffer.area);
    Clear.render(area, buffer);
    paint(buffer, area, Style::reset());
    let title = match dialog {
        Dialog::Pick(pick) => pick.title.clone(),
        Dialog::Ask(ask) => ask.title.clone(),
        Dialog::Tell(tell) => tell.title.clone(),
        Dialog::Confirm(confirm) => confirm.title.clone(),
        Dialog::Search(search) => match &search.within {
            Some((_, title)) => says::search_within(title),
            None => String::from(words::SEARCH),
        },
        Dialog::Invite(_) => String::from(words::INVITE_TITLE),
    };
    let title = format!(" {} ", safe::fit(&title, usize::from(area.width).saturating_sub(6)));
    let voice = model.theme.voice().add_modifier(Modifier::BOLD);
    let block = Block::new()
        .borders(Borders::ALL)
        .border_set(border::ROUNDED)
        .border_style(model.theme.lamp())
        .title(Line::styled(title, Style::reset().patch(voice)));
    let inner = block.inner(area);
    block.render(area, buffer);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    match dialog {
        Dialog::Pick(pick) => draw_pick(model, pick, inner, buffer),
        Dialog::Ask(ask) => draw_ask(model, ask, inner, buffer),
        Dialog::Tell(tell) => draw_tell(model, tell, inner, buffer),
        Dialog::Confirm(confirm) => draw_confirm(model, confirm, inner, buffer),
        Dialog::Search(search) => draw_search(model, search, inner, buffer),
        Dialog::Invite(invite) => draw_invite(model, invite, inner, buffer),
    }
}

fn keys(model: &Model, area: Rect, text: &str, buffer: &mut Buffer) {
    let text = safe::fit(text, usize::from(area.width));
    put(buffer, area, area.height.saturating_sub(1), Line::styled(text, model.theme.aside()));
}

/// The first item that is shown, so that the chosen one is among them.
fn first_item(cursor: usize, rows: usize) -> usize {
    (cursor + 1).saturating_sub(rows.max(1))
}

fn draw_pick(model: &Model, pick: &Pick, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let theme = model.theme;
    let width = usize::from(area.width);
    let mut row = 0;
    let mut cursor = None;
    for text in &pick.body {
        for range in wrap::wrap(text, width, usize::MAX) {
            put(buffer, area, row, Line::styled(text.get(range).unwrap_or("").to_owned(), theme.voice()));
            row += 1;
        }
    }
    row += u16::from(!pick.body.is_empty());
    if let Some((editor, hint)) = &pick.filter {
        cursor = field(model, editor, hint, Rect { y: area.y + row, height: 1, ..area }, buffer);
        row += 2;
    }
    let rows = area.height.saturating_sub(row + 2);
    let shown = pick.shown();
    let first = first_item(pick.cursor, usize::from(rows));
    for (place, index) in (0..rows).zip(shown.iter().skip(first)) {
        let item = &pick.items[*index];
        let mut left = vec![Span::raw(" ")];
        if pick.adds_to.is_some() {
            left.push(Span::styled(if item.is_marked { "◉ " } else { "○ " }, theme.lamp()));
        }
        left.push(Span::styled(item.label.clone(), theme.talk()));
        let right = vec![Span::styled(format!(" {} ", safe::fit(&item.detail, width / 2)), theme.aside())];
        let line = Rect { y: area.y + row + place, height: 1, ..area };
        put(buffer, line, 0, sides(left, right, width));
        if first + usize::from(place) == pick.cursor {
            paint(buffer, line, theme.chosen());
        }
    }
    if shown.is_empty() {
        put(buffer, area, row, Line::styled(words::NOTHING_FOUND, theme.aside()));
    }
    keys(model, area, pick.keys.as_deref().unwrap_or(&words::KEYS_PICK), buffer);
    cursor
}

/// One line to write in.
fn field(
    model: &Model,
    editor: &crate::tui::editor::Editor,
    hint: &str,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let theme = model.theme;
    let width = usize::from(area.width).saturating_sub(2);
    put(buffer, area, 0, Line::styled("› ", theme.lamp().add_modifier(Modifier::BOLD)));
    let area = Rect { x: area.x + 2, width: area.width.saturating_sub(2), ..area };
    if editor.is_empty() {
        put(buffer, area, 0, Line::styled(safe::fit(hint, width), theme.aside()));
        return cursor_at(area, 0, 0);
    }
    // The part around the cursor.
    let before = editor.text().get(..editor.cursor()).unwrap_or("");
    let mut start = 0;
    while safe::width(before.get(start..).unwrap_or("")) >= width.max(1) {
        start += before.get(start..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
    }
    put(buffer, area, 0, Line::styled(safe::line(editor.text().get(start..).unwrap_or("")), theme.talk()));
    cursor_at(area, 0, safe::width(before.get(start..).unwrap_or("")))
}

fn draw_ask(model: &Model, ask: &Ask, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    put(buffer, area, 0, Line::styled(ask.field.clone(), model.theme.voice()));
    let cursor = field(model, &ask.editor, "", Rect { y: area.y + 1, height: 1, ..area }, buffer);
    keys(model, area, &says::keys("keys-ask", &ask.verb), buffer);
    cursor
}

fn told(model: &Model, tell: &Tell, width: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let mut lines = Vec::new();
    let mut wrapped = |text: &str, style: Style| {
        for range in wrap::wrap(text, width, usize::MAX) {
            lines.push(Line::styled(safe::line(text.get(range).unwrap_or("")), style));
        }
    };
    for part in &tell.lines {
        match part {
            Told::Voice(text) => wrapped(text, theme.voice()),
            Told::Talk(text) => wrapped(text, theme.talk()),
            Told::Figures(text) => wrapped(text, theme.trust().add_modifier(Modifier::BOLD)),
            Told::Alarm(text) => wrapped(text, theme.alarm()),
            Told::Air => wrapped("", theme.voice()),
            Told::Key(key, does) => {
                let column = if width >= 50 { 24 } else { 16 };
                for (row, range) in wrap::wrap(does, width.saturating_sub(column), 4).into_iter().enumerate() {
                    let key = if row == 0 { safe::fit(key, column - 1) } else { String::new() };
                    let gap = " ".repeat(column - safe::width(&key));
                    lines_key(&mut wrapped, &key, &gap, does.get(range).unwrap_or(""));
                }
            }
        }
    }
    lines
}

/// A key with what it does behind it.
fn lines_key(wrapped: &mut impl FnMut(&str, Style), key: &str, gap: &str, does: &str) {
    wrapped(&format!("{key}{gap}{does}"), Style::new());
}

fn draw_tell(model: &Model, tell: &Tell, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let lines = told(model, tell, usize::from(area.width));
    let rows = area.height.saturating_sub(2);
    let scroll = tell.scroll.min(lines.len().saturating_sub(usize::from(rows)));
    for (row, line) in (0..rows).zip(lines.into_iter().skip(scroll)) {
        put(buffer, area, row, line);
    }
    let usual = if tell.copies.is_some() { words::KEYS_COPY } else { words::KEYS_TELL };
    keys(model, area, tell.keys.as_deref().unwrap_or(&usual), buffer);
    None
}

fn draw_confirm(model: &Model, confirm: &Confirm, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let lines = wrap::wrap(&confirm.body, usize::from(area.width), usize::MAX);
    for (row, range) in (0..).zip(lines) {
        put(buffer, area, row, Line::styled(safe::line(confirm.body.get(range).unwrap_or("")), model.theme.voice()));
    }
    let line = Line::from(vec![
        Span::styled(
            format!(" {} ", says::keys("keys-confirm", &confirm.verb)),
            model.theme.alarm().add_modifier(Modifier::BOLD),
        ),
        Span::styled(format!("  {}", says::keys("keys-cancel", &words::CANCEL)), model.theme.aside()),
    ]);
    put(buffer, area, area.height.saturating_sub(1), line);
    None
}

fn draw_search(model: &Model, search: &Search, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let theme = model.theme;
    let width = usize::from(area.width);
    let cursor = field(model, &search.editor, &words::SEARCH_HINT, Rect { height: 1, ..area }, buffer);
    let rows = area.height.saturating_sub(2) / 2;
    let first = first_item(search.cursor, usize::from(rows));
    for (place, (index, hit)) in (0..rows).zip(search.hits.iter().enumerate().skip(first)) {
        let entry = &hit.hit.entry;
        let at = Rect { y: area.y + 2 + place * 2, height: 2, ..area };
        let who = if entry.is_own() { String::from(words::YOU) } else { model.name(&entry.sender) };
        let style = if entry.is_own() { theme.lamp() } else { theme.name(&entry.sender) };
        let when = says::moment(&model.zone, entry.sent_ms.min(entry.received_ms), model.now_ms);
        let mut head = vec![Span::styled(who, style.add_modifier(Modifier::BOLD))];
        if search.within.is_none() {
            head.push(Span::styled(format!("  {}", safe::line(&hit.title)), theme.aside()));
        }
        put(buffer, at, 0, sides(head, vec![Span::styled(format!(" {when}"), theme.soft())], width));
        let mut line = vec![Span::raw("  ")];
        let mut end = 0;
        for range in &hit.hit.highlights {
            line.push(Span::raw(safe::line(hit.hit.snippet.get(end..range.start).unwrap_or(""))));
            let found = safe::line(hit.hit.snippet.get(range.clone()).unwrap_or(""));
            line.push(Span::styled(found, theme.lamp().add_modifier(Modifier::BOLD)));
            end = range.end;
        }
        line.push(Span::raw(safe::line(hit.hit.snippet.get(end..).unwrap_or(""))));
        put(buffer, at, 1, sides(line, Vec::new(), width));
        if index == search.cursor {
            paint(buffer, at, theme.chosen());
        }
    }
    if search.hits.is_empty() && search.answered.as_deref().is_some_and(|words| !words.trim().is_empty()) {
        put(buffer, area, 2, Line::styled(words::NOTHING_FOUND, theme.aside()));
    }
    cursor
}

/// The code, if it fits with the words.
fn code_of(model: &Model, invite: &Invite) -> Vec<String> {
    let Some(link) = &invite.link else { return Vec::new() };
    let rows = qr::rows(link);
    let width = rows.first().map_or(0, |row| row.chars().count());
    let fits = rows.len() + 8 <= usize::from(model.size.1) && width + 4 <= usize::from(model.size.0);
    if fits { rows } else { Vec::new() }
}

fn invite_frame(model: &Model, invite: &Invite) -> Rect {
    let code = code_of(model, invite);
    let code_width = code.first().map_or(0, |row| row.chars().count());
    let width = u16::try_from(code_width + 4).unwrap_or(u16::MAX).max(WIDTH);
    let inner = usize::from(areas::dialog(model, (width, 1)).width).saturating_sub(4);
    let count = |text: &str| wrap::wrap(text, inner, usize::MAX).len();
    let link = invite.link.as_deref().unwrap_or(&words::WAIT);
    let hint = usize::from(code.is_empty() && invite.link.is_some());
    let rows = count(&invite.body) + count(link) + code.len() + hint + 5;
    areas::dialog(model, (width, u16::try_from(rows).unwrap_or(u16::MAX)))
}

fn draw_invite(model: &Model, invite: &Invite, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let theme = model.theme;
    let width = usize::from(area.width);
    let mut row = 0;
    let mut say = |text: &str, style: Style, buffer: &mut Buffer| {
        for range in wrap::wrap(text, width, usize::MAX) {
            put(buffer, area, row, Line::styled(text.get(range).unwrap_or("").to_owned(), style));
            row += 1;
        }
    };
    say(&invite.body, theme.voice(), buffer);
    let Some(link) = &invite.link else {
        say(&words::WAIT, theme.aside(), buffer);
        return None;
    };
    say(link, theme.lamp(), buffer);
    let code = code_of(model, invite);
    if code.is_empty() {
        say(&words::NO_QR, theme.aside(), buffer);
    }
    let code_width = code.first().map_or(0, |line| line.chars().count());
    let left = width.saturating_sub(code_width) / 2;
    // Always dark on light, whatever the theme: scanners want it so.
    let style = Style::reset().fg(Color::White).bg(Color::Black);
    let style = if theme.has_colours() { style } else { Style::reset() };
    for line in code {
        put(buffer, area, row, Line::from(vec![Span::raw(" ".repeat(left)), Span::styled(line, style)]));
        row += 1;
    }
    keys(model, area, &words::KEYS_COPY, buffer);
    None
}

/// The item of the uppermost dialog at a place on the screen.
pub fn item_at(model: &Model, at: Position) -> Option<usize> {
    let area = area(model)?;
    let row = usize::from(at.y.checked_sub(area.y + 1)?);
    let height = usize::from(area.height.saturating_sub(2));
    match model.dialogs.last()? {
        Dialog::Pick(pick) => {
            let above = above_items(pick, usize::from(area.width).saturating_sub(4));
            let rows = height.saturating_sub(above + 2);
            let place = row.checked_sub(above).filter(|place| *place < rows)?;
            let index = first_item(pick.cursor, rows) + place;
            (index < pick.shown().len()).then_some(index)
        }
        Dialog::Search(search) => {
            let rows = height.saturating_sub(2) / 2;
            let place = row.checked_sub(2)? / 2;
            let index = first_item(search.cursor, rows) + place;
            (place < rows && index < search.hits.len()).then_some(index)
        }
        Dialog::Ask(_) | Dialog::Tell(_) | Dialog::Confirm(_) | Dialog::Invite(_) => None,
    }
}
