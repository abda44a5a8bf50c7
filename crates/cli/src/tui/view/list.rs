//! The list: who asks, who is there, what is new.

use super::{paint, put, sides};
use crate::tui::areas::{Areas, item_rows};
use crate::tui::blocks::mark;
use crate::tui::event::Network;
use crate::tui::model::{ConversationRow, Focus, ListItem, Model};
use crate::tui::{safe, says, words};
use client::timeline::EntryKind;
use protocol::event::{ConversationState, RequestKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

pub fn draw(model: &Model, areas: &Areas, buffer: &mut Buffer) {
    let Some(area) = areas.list else { return };
    head(model, area, buffer);
    if model.items() == 0 {
        empty(model, areas.items, buffer);
        return;
    }
    let rows = item_rows(model);
    let shown = usize::from(areas.items.height / rows);
    for place in 0..shown {
        let index = model.top + place;
        let Some(item) = model.item(index) else { break };
        let offset = u16::try_from(place).unwrap_or(0) * rows;
        let area = Rect { y: areas.items.y + offset, height: rows, ..areas.items };
        let lines = match item {
            ListItem::Request(at) => request(model, at, usize::from(area.width)),
            ListItem::Conversation(at) => match model.rows.get(at) {
                Some(row) => conversation(model, row, usize::from(area.width)),
                None => break,
            },
        };
        for (row, line) in (0..rows).zip(lines) {
            put(buffer, area, row, line);
        }
        if index == model.cursor && model.focus == Focus::List && model.dialogs.is_empty() {
            paint(buffer, area, model.theme.chosen());
        }
    }
}

fn head(model: &Model, area: Rect, buffer: &mut Buffer) {
    let theme = model.theme;
    let left = vec![
        Span::raw(" "),
        Span::styled(" „ ", theme.lit().add_modifier(Modifier::BOLD)),
        Span::styled(format!(" {}", words::APP), theme.voice().add_modifier(Modifier::BOLD)),
    ];
    let right = match model.network {
        Network::Connecting => vec![Span::styled(format!("{} ", words::CONNECTING), theme.aside())],
        Network::Offline => vec![Span::styled("○ ", theme.soft())],
        Network::Online => Vec::new(),
    };
    put(buffer, area, 0, sides(left, right, usize::from(area.width)));
}

fn empty(model: &Model, area: Rect, buffer: &mut Buffer) {
    let theme = model.theme;
    let width = usize::from(area.width).saturating_sub(2);
    let mut row = 1;
    for (text, style) in [(words::NOBODY, theme.voice()), (words::NOBODY_KEYS, theme.aside())] {
        for range in crate::tui::wrap::wrap(&text, width, 4) {
            let text = text.get(range).unwrap_or("").to_owned();
            put(buffer, area, row, Line::from(vec![Span::raw(" "), Span::styled(text, style)]));
            row += 1;
        }
        row += 1;
    }
}

fn request(model: &Model, at: usize, width: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let Some(request) = model.requests.get(at) else { return Vec::new() };
    let name = safe::line(&request.name);
    let group = match &request.kind {
        RequestKind::EnterGroup(group) => model.row(group).map(|row| safe::line(&row.summary.title)),
        RequestKind::Talk | RequestKind::JoinGroup => None,
    };
    let title = says::request(request, &name, group.as_deref());
    let lamp = theme.lamp();
    let first =
        vec![Span::styled(" „ ", lamp.add_modifier(Modifier::BOLD)), Span::styled(title, lamp.patch(theme.voice()))];
    let second = vec![Span::raw("   "), Span::styled(safe::line(&request.note), theme.soft())];
    vec![sides(first, Vec::new(), width), sides(second, Vec::new(), width)]
}

fn conversation(model: &Model, row: &ConversationRow, width: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let summary = &row.summary;
    let is_open = model.chat.as_ref().is_some_and(|chat| chat.row.summary.id == summary.id);
    let has_unread = summary.unread > 0;
    let weight = if has_unread { Modifier::BOLD } else { Modifier::empty() };
    let bar = if is_open { Span::styled("▌", theme.lamp()) } else { Span::raw(" ") };
    let when = says::moment(&model.zone, summary.last_ms, model.now_ms);
    let mut badge = Vec::new();
    if has_unread {
        badge.push(Span::styled(format!(" {} ", summary.unread.min(999)), theme.lit().add_modifier(Modifier::BOLD)));
    }
    let mut title =
        vec![bar.clone(), Span::raw(" "), Span::styled(safe::line(&summary.title), Style::new().add_modifier(weight))];
    if item_rows(model) == 1 {
        let mut right = vec![Span::styled(format!(" {when} "), theme.soft())];
        right.extend(badge);
        return vec![sides(title, right, width)];
    }
    if summary.timer_s > 0 {
        title.push(Span::styled(" ◷", theme.soft()));
    }
    let mut second = vec![bar, Span::raw(" ")];
    second.extend(preview(model, row));
    if !badge.is_empty() {
        badge.insert(0, Span::raw(" "));
    }
    badge.push(Span::raw(" "));
    let time = if has_unread { theme.lamp() } else { theme.soft() };
    vec![sides(title, vec![Span::styled(format!(" {when} "), time)], width), sides(second, badge, width)]
}

/// What was last said, or what happens now.
fn preview(model: &Model, row: &ConversationRow) -> Vec<Span<'static>> {
    let theme = model.theme;
    let summary = &row.summary;
    if !row.typing.is_empty() {
        let names: Vec<String> = row.typing.iter().map(|name| safe::line(name)).collect();
        return vec![Span::styled(says::typing(&names), theme.lamp().patch(theme.voice()))];
    }
    if !row.in_call.is_empty() {
        let names: Vec<String> = row.in_call.iter().map(|name| safe::line(name)).collect();
        return vec![Span::styled(says::in_call(&names), theme.lamp())];
    }
    let is_open = model.chat.as_ref().is_some_and(|chat| chat.row.summary.id == summary.id);
    if let (Some(draft), false) = (&summary.draft, is_open) {
        return vec![
            Span::styled(format!("{} ", words::DRAFT), theme.lamp().patch(theme.voice())),
            Span::styled(safe::line(draft.trim()), theme.soft()),
        ];
    }
    if summary.state != ConversationState::Active && summary.state != ConversationState::Restarted {
        return vec![Span::styled(says::conversation_state(summary.state), theme.aside())];
    }
    let Some(last) = &summary.last else { return Vec::new() };
    let mut spans = Vec::new();
    match &last.kind {
        EntryKind::Text(text) | EntryKind::Files(text) => {
            if last.is_own() {
                let (mark, style) = mark(last.state, theme);
                spans.push(Span::styled(format!("{mark} "), style));
            } else if !summary.is_direct {
                spans.push(Span::styled(format!("{}: ", model.name(&last.sender)), theme.name(&last.sender)));
            }
            let names = last.files.iter().map(|file| file.shown_name().text);
            let files: String = names.map(|name| format!("▤ {name} ")).collect();
            let start: String = files.chars().chain(text.trim().chars()).take(160).collect();
            spans.push(Span::styled(safe::line(&start), theme.soft()));
        }
        EntryKind::Deleted => spans.push(Span::styled(words::DELETED, theme.aside())),
        EntryKind::Unknown => spans.push(Span::styled(words::NEEDS_NEWER, theme.aside())),
        EntryKind::Timer(seconds) => {
            let who = (!last.is_own()).then(|| model.name(&last.sender));
            spans.push(Span::styled(says::timer_set(who.as_deref(), *seconds), theme.aside()));
        }
        EntryKind::Call(call) => spans.push(Span::styled(says::call(call), theme.aside())),
        EntryKind::Notice(notice) => {
            let text = says::notice(notice, &|account| model.name(account), &model.own.account);
            spans.push(Span::styled(text, theme.aside()));
        }
    }
    spans
}
