//! Lays the entries of a conversation out as rows of a width: day lines, runs of one sender, bubbles, notices.

use crate::text;
use crate::tui::chat::Chat;
use crate::tui::model::Model;
use crate::tui::theme::Theme;
use crate::tui::{clock, safe, says, words, wrap};
use client::files::Attachment;
use client::timeline::{Entry, EntryKind, MessageState};
use protocol::event::ConversationState;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// Messages of one sender within this time stand together.
const RUN_MS: u64 = 4 * 60_000;
/// Lines of a text that are shown before it is folded.
const FOLD_LINES: usize = 12;
/// Lines of an unfolded text at most.
const LINES_MAX: usize = 4_000;
/// Cells of a bubble at most.
const BUBBLE_MAX: usize = 76;
/// From this width on own messages stand on the right.
const SIDES_MIN: usize = 46;
/// Reactions shown at most.
const REACTIONS_MAX: usize = 6;

/// One row of the timeline.
#[derive(Debug, Clone)]
pub struct Row {
    /// What it shows.
    pub line: Line<'static>,
    /// The place of its entry among those loaded.
    pub entry: usize,
    /// It is the message itself, not what stands above it.
    pub is_body: bool,
}

/// Rows, and where each entry begins.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// All rows.
    pub rows: Vec<Row>,
    /// The first row of each entry.
    pub starts: Vec<usize>,
}

/// What the rows of one conversation have in common.
struct Page<'a> {
    model: &'a Model,
    chat: &'a Chat,
    theme: Theme,
    width: usize,
    /// The newest own message, whose mark is said in words.
    last_own: Option<usize>,
}

/// Lays a conversation out.
pub fn lay_out(model: &Model, chat: &Chat, width: usize) -> Layout {
    let last_own = chat.entries.iter().rposition(|entry| entry.is_own() && is_bubble(entry));
    let page = Page { model, chat, theme: model.theme, width: width.max(8), last_own };
    let mut layout = Layout::default();
    let mut before: Option<&Entry> = None;
    let mut day = None;
    for (index, entry) in chat.entries.iter().enumerate() {
        layout.starts.push(layout.rows.len());
        let mut rows = Vec::new();
        let here = clock::day(&model.zone, shown_ms(entry));
        let is_new_day = day.is_none_or(|day| here > day);
        if is_new_day {
            if !layout.rows.is_empty() {
                rows.push(Line::default());
            }
            rows.push(page.middle(&says::day(&model.zone, shown_ms(entry), model.now_ms), page.theme.voice()));
            day = Some(here);
        }
        let is_unread_line = chat.unread_from == Some(entry.id);
        if is_unread_line {
            rows.push(page.unread_line());
        }
        let runs_on = !is_new_day && !is_unread_line && before.is_some_and(|before| runs_on(before, entry));
        let is_first = layout.rows.is_empty() && rows.is_empty();
        if !runs_on && !is_first {
            rows.push(Line::default());
        }
        if !runs_on && is_bubble(entry) && !entry.is_own() && !chat.row.summary.is_direct {
            rows.push(page.name(entry));
        }
        layout.rows.extend(rows.into_iter().map(|line| Row { line, entry: index, is_body: false }));
        let body = page.body(index, entry);
        layout.rows.extend(body.into_iter().map(|line| Row { line, entry: index, is_body: true }));
        before = Some(entry);
    }
    layout
}

/// What came from people, not from the conversation itself.
pub fn is_bubble(entry: &Entry) -> bool {
    matches!(entry.kind, EntryKind::Text(_) | EntryKind::Files(_) | EntryKind::Unknown | EntryKind::Deleted)
}

/// The sender's time, but never later than ours.
pub fn shown_ms(entry: &Entry) -> u64 {
    entry.sent_ms.min(entry.received_ms)
}

fn runs_on(before: &Entry, entry: &Entry) -> bool {
    let is_close = shown_ms(entry).saturating_sub(shown_ms(before)) < RUN_MS;
    match (is_bubble(before), is_bubble(entry)) {
        (true, true) => before.sender == entry.sender && is_close,
        (false, false) => true,
        (true, false) | (false, true) => false,
    }
}

fn cells(line: &[Span<'_>]) -> usize {
    line.iter().map(|span| safe::width(&span.content)).sum()
}

impl Page<'_> {
    fn middle(&self, text: &str, style: Style) -> Line<'static> {
        let text = safe::fit(text, self.width);
        let left = self.width.saturating_sub(safe::width(&text)) / 2;
        Line::from(vec![Span::raw(" ".repeat(left)), Span::styled(text, style)])
    }

    fn unread_line(&self) -> Line<'static> {
        let text = format!(" {} ", says::new_messages(self.chat.unread_count));
        let rule = self.width.saturating_sub(safe::width(&text));
        let style = self.theme.lamp();
        Line::from(vec![
            Span::styled("─".repeat(rule / 2), style),
            Span::styled(text, style.patch(self.theme.voice())),
            Span::styled("─".repeat(rule - rule / 2), style),
        ])
    }

    fn name(&self, entry: &Entry) -> Line<'static> {
        let name = safe::fit(&self.model.name(&entry.sender), self.width.saturating_sub(2));
        let style = self.theme.name(&entry.sender).add_modifier(Modifier::BOLD);
        Line::from(vec![Span::raw("  "), Span::styled(name, style)])
    }

    fn body(&self, index: usize, entry: &Entry) -> Vec<Line<'static>> {
        match &entry.kind {
            EntryKind::Notice(notice) => {
                let text = says::notice(notice, &|account| self.model.name(account), &self.model.own.account);
                self.notice(&text)
            }
            EntryKind::Timer(seconds) => {
                let who = (!entry.is_own()).then(|| self.model.name(&entry.sender));
                self.notice(&says::timer_set(who.as_deref(), *seconds))
            }
            EntryKind::Call(call) => self.notice(&says::call(call)),
            EntryKind::Text(_) | EntryKind::Files(_) | EntryKind::Unknown | EntryKind::Deleted => {
                self.bubble(index, entry)
            }
        }
    }

    fn notice(&self, text: &str) -> Vec<Line<'static>> {
        let lines = wrap::wrap(text, self.width.saturating_sub(2), FOLD_LINES);
        lines.into_iter().map(|range| self.middle(text.get(range).unwrap_or("").trim(), self.theme.aside())).collect()
    }

    /// A file on one line: its name, cut where it must be, its size, and what is the matter with it.
    fn file(&self, file: &Attachment, max: usize) -> Vec<Span<'static>> {
        let shown = file.shown_name();
        let mut about = text::bytes(file.size);
        let state = text::attachment_state(file.state);
        match self.chat.moving.get(&file.id) {
            Some(progress) => about.push_str(&format!(" · {state} {}", says::progress(progress))),
            None if state.is_empty() => {}
            None => about.push_str(&format!(" · {state}")),
        }
        let sign = if shown.is_executable { "! " } else { "▤ " };
        let room = max.saturating_sub(safe::width(&about) + safe::width(sign) + 2).max(4);
        let sign = if shown.is_executable { Span::styled(sign, self.theme.alarm()) } else { Span::raw(sign) };
        let about = Span::styled(safe::fit(&about, max), self.theme.aside());
        vec![sign, Span::raw(safe::fit(&shown.text, room)), Span::raw("  "), about]
    }

    fn bubble(&self, index: usize, entry: &Entry) -> Vec<Line<'static>> {
        let has_sides = self.width >= SIDES_MIN;
        // Bar and space on the speaker's side, one cell of air on the other.
        let room = self.width.saturating_sub(3).max(4);
        let max = if has_sides { (self.width * 78 / 100).min(BUBBLE_MAX).min(room) } else { room };
        let mut lines: Vec<Vec<Span<'static>>> = Vec::new();
        lines.extend(self.quote(entry, max));
        match &entry.kind {
            EntryKind::Text(text) => lines.extend(self.text(entry, text, max)),
            EntryKind::Files(caption) => {
                for file in &entry.files {
                    lines.extend(self.model.pictures.lines(file, max, self.theme));
                    lines.push(self.file(file, max));
                }
                if !caption.is_empty() {
                    lines.extend(self.text(entry, caption, max));
                }
            }
            EntryKind::Deleted => lines.push(vec![Span::styled(words::DELETED, self.theme.aside())]),
            EntryKind::Unknown | EntryKind::Timer(_) | EntryKind::Notice(_) | EntryKind::Call(_) => {
                lines.push(vec![Span::styled(safe::fit(&words::NEEDS_NEWER, max), self.theme.aside())]);
            }
        }
        let foot = self.foot(index, entry);
        let foot_cells = cells(&foot);
        let fits = lines.last().is_some_and(|line| cells(line) + 2 + foot_cells <= max);
        if !fits {
            lines.push(Vec::new());
        }
        if let Some(line) = lines.last() {
            let needed = cells(line) + if line.is_empty() { 0 } else { 2 } + foot_cells;
            let block = lines.iter().map(|line| cells(line)).max().unwrap_or(0).max(needed).min(max);
            if let Some(line) = lines.last_mut() {
                let gap = block.saturating_sub(cells(line) + foot_cells);
                line.push(Span::raw(" ".repeat(gap)));
                line.extend(foot);
            }
        }
        lines.extend(self.reactions(entry));
        if entry.state == MessageState::Failed {
            let why = says::not_sent(self.chat.row.summary.state != ConversationState::Active);
            let ranges = wrap::wrap(&why, max, FOLD_LINES);
            let style = self.theme.alarm().patch(self.theme.voice());
            lines.extend(
                ranges.into_iter().map(|range| vec![Span::styled(why.get(range).unwrap_or("").to_owned(), style)]),
            );
        }
        let block = lines.iter().map(|line| cells(line)).max().unwrap_or(0);
        let is_right = entry.is_own() && has_sides;
        lines.into_iter().map(|line| self.frame(entry, line, block, is_right)).collect()
    }

    /// A bubble's line with its bar on the speaker's side.
    fn frame(&self, entry: &Entry, spans: Vec<Span<'static>>, block: usize, is_right: bool) -> Line<'static> {
        let bar = if entry.is_own() { self.theme.lamp() } else { self.theme.name(&entry.sender) };
        let mut line = Vec::with_capacity(spans.len() + 3);
        if is_right {
            let used = cells(&spans);
            line.push(Span::raw(" ".repeat(self.width.saturating_sub(block + 2))));
            line.extend(spans);
            line.push(Span::raw(" ".repeat(block.saturating_sub(used) + 1)));
            line.push(Span::styled("▐", bar));
        } else {
            line.push(Span::styled("▌", bar));
            line.push(Span::raw(" "));
            line.extend(spans);
        }
        Line::from(line)
    }

    fn quote(&self, entry: &Entry, max: usize) -> Option<Vec<Span<'static>>> {
        let reply_to = entry.reply_to?;
        let soft = self.theme.soft();
        let Some(quote) = self.chat.quotes.get(&reply_to) else {
            return Some(vec![Span::styled("╭ ", soft), Span::styled(words::QUOTE_GONE, self.theme.aside())]);
        };
        let name = if quote.is_own { String::from(words::YOU) } else { self.model.name(&quote.sender) };
        let style = if quote.is_own { self.theme.lamp() } else { self.theme.name(&quote.sender) };
        let name = safe::fit(&name, max.saturating_sub(4) / 2);
        let left = max.saturating_sub(safe::width(&name) + 4);
        let text = match &quote.text {
            Some(text) => Span::styled(safe::fit(text.trim(), left), soft),
            None => Span::styled(safe::fit(&words::DELETED, left), self.theme.aside()),
        };
        Some(vec![Span::styled("╭ ", style), Span::styled(name, style), Span::styled(": ", soft), text])
    }

    fn text(&self, entry: &Entry, text: &str, max: usize) -> Vec<Vec<Span<'static>>> {
        let is_open = self.chat.unfolded.contains(&entry.id);
        let limit = if is_open { LINES_MAX } else { FOLD_LINES + 1 };
        let mut ranges = wrap::wrap(text, max, limit);
        let is_folded = !is_open && ranges.len() > FOLD_LINES;
        if is_folded {
            ranges.truncate(FOLD_LINES);
        }
        let links = links(text);
        let mut lines: Vec<_> = ranges.into_iter().map(|range| self.spans(text, range, &links, max)).collect();
        if is_folded {
            lines.push(vec![Span::styled(words::FOLDED, self.theme.lamp().patch(self.theme.voice()))]);
        }
        lines
    }

    fn spans(&self, text: &str, range: Range<usize>, links: &[Range<usize>], max: usize) -> Vec<Span<'static>> {
        let part = text.get(range.clone()).unwrap_or("");
        let mut spans: Vec<Span<'static>> = Vec::new();
        let mut run = (String::new(), false);
        let mut used = 0;
        for (at, grapheme) in part.grapheme_indices(true) {
            let (shown, cells) = safe::cell(grapheme);
            // Spaces that stand beyond the edge.
            if used + cells > max {
                break;
            }
            used += cells;
            let is_link = links.iter().any(|link| link.contains(&(range.start + at)));
            if is_link != run.1 && !run.0.is_empty() {
                spans.push(self.run(std::mem::take(&mut run.0), run.1));
            }
            run.1 = is_link;
            run.0.push_str(&shown);
        }
        if !run.0.is_empty() {
            spans.push(self.run(run.0, run.1));
        }
        spans
    }

    fn run(&self, text: String, is_link: bool) -> Span<'static> {
        let style = if is_link { self.theme.lamp().add_modifier(Modifier::UNDERLINED) } else { self.theme.talk() };
        Span::styled(text, style)
    }

    /// Edited, disappears, time, mark.
    fn foot(&self, index: usize, entry: &Entry) -> Vec<Span<'static>> {
        let (soft, aside) = (self.theme.soft(), self.theme.aside());
        let mut foot = Vec::new();
        if entry.edited_ms.is_some() && entry.kind != EntryKind::Deleted {
            foot.push(Span::styled(format!("{} ", words::EDITED), aside));
        }
        if let Some(expires_ms) = entry.expires_ms {
            let left = says::left(expires_ms.saturating_sub(self.model.now_ms));
            foot.push(Span::styled(format!("◷ {left} "), aside));
        } else if entry.timer_s > 0 && entry.kind != EntryKind::Deleted {
            foot.push(Span::styled("◷ ", aside));
        }
        foot.push(Span::styled(clock::time(&self.model.zone, shown_ms(entry)), soft));
        if entry.is_own() && entry.kind != EntryKind::Deleted {
            let (mark, style) = mark(entry.state, self.theme);
            foot.push(Span::raw(" "));
            foot.push(Span::styled(mark, style));
            if self.last_own == Some(index) && entry.state != MessageState::Failed {
                foot.push(Span::styled(format!(" {}", says::state(entry.state)), aside));
            }
        }
        foot
    }

    fn reactions(&self, entry: &Entry) -> Option<Vec<Span<'static>>> {
        if entry.reactions.is_empty() {
            return None;
        }
        let mut counted: Vec<(String, usize, bool)> = Vec::new();
        for reaction in &entry.reactions {
            let is_own = reaction.account == self.model.own.account;
            let emoji = safe::fit(&reaction.emoji, 8);
            match counted.iter_mut().find(|(known, ..)| *known == emoji) {
                Some((_, count, mine)) => {
                    *count += 1;
                    *mine |= is_own;
                }
                None => counted.push((emoji, 1, is_own)),
            }
        }
        let more = counted.len().saturating_sub(REACTIONS_MAX);
        let mut spans = Vec::new();
        for (emoji, count, is_own) in counted.into_iter().take(REACTIONS_MAX) {
            let text = if count > 1 { format!("{emoji} {count}") } else { emoji };
            if is_own {
                spans.push(Span::styled(format!("‹{text}›"), self.theme.lamp().add_modifier(Modifier::BOLD)));
            } else {
                spans.push(Span::raw(format!(" {text} ")));
            }
        }
        if more > 0 {
            spans.push(Span::styled(format!(" +{more}"), self.theme.soft()));
        }
        Some(spans)
    }
}

/// The delivery mark: hollow ring, dot, dot in a ring, lit rings, sign.
pub fn mark(state: MessageState, theme: Theme) -> (&'static str, Style) {
    match state {
        MessageState::Pending => ("○", theme.soft()),
        MessageState::Stored => ("•", theme.soft()),
        MessageState::Delivered => ("◉", Style::new()),
        MessageState::Read => ("(◉)", theme.lamp().add_modifier(Modifier::BOLD)),
        MessageState::Failed => ("!", theme.alarm().add_modifier(Modifier::BOLD)),
        MessageState::Received => ("", Style::new()),
    }
}

/// Where links stand in a text: shown as such, never followed.
fn links(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find("http")).map(|at| from + at) {
        let rest = text.get(at..).unwrap_or("");
        let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let link =
            rest.get(..length).unwrap_or("").trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '"', '\'']);
        let host = link.strip_prefix("https://").or_else(|| link.strip_prefix("http://"));
        if host.is_some_and(|host| !host.is_empty()) {
            found.push(at..at + link.len());
        }
        from = at + length.max(4);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_end_where_people_end_them() {
        let text = "see https://a.example/x?y=1, (http://b.example) http:// and httpish";
        let found: Vec<&str> = links(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, ["https://a.example/x?y=1", "http://b.example"]);
        assert_eq!(links("httphttphttp://é").len(), 0);
    }
}
