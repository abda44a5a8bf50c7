//! The open conversation: a frame with its name, the messages, the text that is being written.

use super::{cursor_at, paint, put, sides};
use crate::tui::areas::{Areas, is_wide};
use crate::tui::chat::{Chat, Mode};
use crate::tui::editor::Editor;
use crate::tui::model::{Focus, Model};
use crate::tui::{safe, says, words, wrap};
use protocol::event::ConversationState;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::symbols::border;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Widget};

/// Draws the conversation; where the cursor is.
pub fn draw(model: &Model, areas: &Areas, buffer: &mut Buffer) -> Option<Position> {
    let page = areas.page?;
    let is_lit = model.focus != Focus::List && model.dialogs.is_empty();
    let line = if is_lit { model.theme.lamp() } else { model.theme.soft() };
    if is_wide(model) {
        let block = Block::new().borders(Borders::ALL).border_set(border::ROUNDED).border_style(line);
        block.render(page, buffer);
    }
    let Some(chat) = &model.chat else {
        welcome(model, areas.timeline, buffer);
        return None;
    };
    head(model, chat, areas.head, line, buffer);
    timeline(model, chat, areas.timeline, buffer);
    composer(model, chat, areas, line, buffer)
}

fn welcome(model: &Model, area: Rect, buffer: &mut Buffer) {
    let theme = model.theme;
    let middle = area.height / 2;
    let hint = if model.items() == 0 { words::NOBODY_KEYS } else { words::CHOOSE };
    let lines =
        [(" „ ", theme.lit()), ("", Style::new()), (words::QUIET.text(), theme.voice()), (hint.text(), theme.aside())];
    for (row, (text, style)) in (middle.saturating_sub(3)..).zip(lines) {
        let text = safe::fit(text, usize::from(area.width));
        let left = usize::from(area.width).saturating_sub(safe::width(&text)) / 2;
        put(buffer, area, row, Line::from(vec![Span::raw(" ".repeat(left)), Span::styled(text, style)]));
    }
}

/// The name in the frame's upper line, and what happens now.
fn head(model: &Model, chat: &Chat, area: Rect, line: Style, buffer: &mut Buffer) {
    let theme = model.theme;
    let summary = &chat.row.summary;
    let is_framed = is_wide(model);
    let start = if is_framed { 2 } else { 0 };
    let area = Rect { x: area.x + start, width: area.width.saturating_sub(2 * start), ..area };
    let mut left = Vec::new();
    if !is_framed {
        left.push(Span::styled(format!("{} ", words::BACK), theme.lamp()));
    } else {
        left.push(Span::raw(" "));
    }
    left.push(Span::styled(safe::line(&summary.title), Style::new().add_modifier(Modifier::BOLD)));
    let names: Vec<String> = chat.typing.iter().map(|name| safe::line(name)).collect();
    let listed = model.rows.iter().find(|row| row.summary.id == summary.id).unwrap_or(&chat.row);
    let in_call: Vec<String> = listed.in_call.iter().map(|name| safe::line(name)).collect();
    let state = says::conversation_state(summary.state);
    let (aside, style) = if !names.is_empty() {
        (says::typing(&names), theme.lamp().patch(theme.voice()))
    } else if !state.is_empty() {
        let is_bad = matches!(summary.state, ConversationState::Disputed | ConversationState::Suspect);
        (state.to_owned(), if is_bad { theme.alarm().patch(theme.voice()) } else { theme.aside() })
    } else if !in_call.is_empty() {
        (says::in_call(&in_call), theme.lamp())
    } else if summary.is_direct {
        (String::new(), theme.aside())
    } else {
        (says::members(summary.members), theme.aside())
    };
    if !aside.is_empty() {
        left.push(Span::styled(format!("  {aside}"), style));
    }
    left.push(Span::raw(" "));
    let mut right = Vec::new();
    if summary.timer_s > 0 {
        right.push(Span::styled(format!(" {} ", says::timer(summary.timer_s)), theme.aside()));
    }
    let width = usize::from(area.width);
    let cells = |spans: &[Span<'_>]| spans.iter().map(|span| safe::width(&span.content)).sum::<usize>();
    if is_framed && cells(&left) + cells(&right) < width {
        // The frame's own line shows between.
        put(buffer, area, 0, Line::from(left));
        let right_cells = u16::try_from(cells(&right)).unwrap_or(0);
        let area = Rect { x: area.right().saturating_sub(right_cells), width: right_cells, ..area };
        put(buffer, area, 0, Line::from(right));
    } else {
        put(buffer, area, 0, sides(left, right, width));
    }
    if !is_framed {
        let from = Rect { height: 1, ..area };
        paint(buffer, from, Style::new().add_modifier(Modifier::UNDERLINED).patch(line));
    }
}

fn timeline(model: &Model, chat: &Chat, area: Rect, buffer: &mut Buffer) {
    let height = usize::from(area.height);
    let seen = chat.seen(height);
    let blank = u16::try_from(height - seen.len()).unwrap_or(0);
    let selected = chat.selected.and_then(|selected| chat.index(selected));
    for (row, laid) in (blank..).zip(seen) {
        put(buffer, area, row, laid.line.clone());
        if laid.is_body && Some(laid.entry) == selected && model.focus == Focus::Timeline {
            paint(buffer, Rect { y: area.y + row, height: 1, ..area }, model.theme.chosen());
        }
    }
    if chat.is_away(height) && area.height > 3 {
        let below = chat.entries.iter().filter(|entry| entry.is_unread).count();
        let text = format!(" ▾ {} ", says::below(below));
        let width = u16::try_from(safe::width(&text)).unwrap_or(0).min(area.width);
        let style = model.theme.lit().patch(model.theme.voice());
        let at = Rect { x: area.right() - width, y: area.bottom() - 1, width, height: 1 };
        put(buffer, at, 0, Line::styled(text, style));
    }
}

/// The first line of the text that fits the composer with the cursor in it.
pub fn first_composer_line(editor: &Editor, area: Rect) -> usize {
    let (line, _) = editor.place(usize::from(area.width));
    line.saturating_sub(usize::from(area.height).saturating_sub(1))
}

fn composer(model: &Model, chat: &Chat, areas: &Areas, line: Style, buffer: &mut Buffer) -> Option<Position> {
    let theme = model.theme;
    let page = areas.page?;
    let area = areas.composer;
    let rule = Rect { y: areas.timeline.bottom(), height: 1, ..page };
    let width = usize::from(page.width);
    let text =
        if is_wide(model) { format!("├{}┤", "─".repeat(width.saturating_sub(2))) } else { "─".repeat(width) };
    put(buffer, rule, 0, Line::styled(text, line));
    mode(model, chat, areas.mode, buffer);
    let is_here = model.focus == Focus::Composer && model.dialogs.is_empty();
    let mark = Rect { x: area.x.saturating_sub(2), width: 2, ..area };
    put(
        buffer,
        mark,
        0,
        Line::styled("› ", if is_here { theme.lamp().add_modifier(Modifier::BOLD) } else { theme.soft() }),
    );
    let width = usize::from(area.width);
    if chat.editor.is_empty() {
        put(buffer, area, 0, Line::styled(safe::fit(&words::WRITE, width), theme.aside()));
    } else {
        let first = first_composer_line(&chat.editor, area);
        let lines = chat.editor.lines(width);
        for (row, range) in (0..area.height).zip(lines.iter().skip(first)) {
            let text = safe::line(chat.editor.text().get(range.clone()).unwrap_or(""));
            put(buffer, area, row, Line::styled(text, theme.talk()));
        }
    }
    if !is_here {
        return None;
    }
    let (row, cell) = chat.editor.place(width);
    cursor_at(area, row - first_composer_line(&chat.editor, area).min(row), cell)
}

fn mode(model: &Model, chat: &Chat, area: Rect, buffer: &mut Buffer) {
    let theme = model.theme;
    if area.height == 0 {
        return;
    }
    let voice = theme.lamp().patch(theme.voice());
    let mut left = vec![Span::styled("╭ ", theme.lamp())];
    match &chat.mode {
        Mode::Plain => return,
        Mode::Edit(..) => left.push(Span::styled(words::EDITING, voice)),
        Mode::Reply(entry, _) => {
            let entry = chat.entry(*entry);
            let name = match entry {
                Some(entry) if entry.is_own() => String::from(words::YOU),
                Some(entry) => model.name(&entry.sender),
                None => String::new(),
            };
            left.push(Span::styled(format!("{} ", says::replying(&name)), voice));
            let text = entry.and_then(|entry| entry.text()).unwrap_or_default();
            let line = wrap::wrap(text, 200, 1).first().and_then(|range| text.get(range.clone())).unwrap_or("");
            left.push(Span::styled(safe::line(line), theme.soft()));
        }
    }
    let right = vec![Span::styled(format!(" {} ", words::ESC_LEAVES), theme.aside())];
    put(buffer, area, 0, sides(left, right, usize::from(area.width)));
}
