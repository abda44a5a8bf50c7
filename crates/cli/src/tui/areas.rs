//! Where everything stands: one place for what is drawn and what is clicked.

use crate::tui::chat::Mode;
use crate::tui::model::{Focus, Model};
use ratatui::layout::Rect;

/// Below this there is one pane: the list or the conversation.
pub const WIDE_MIN: u16 = 84;
/// Below this nothing can be shown.
pub const SIZE_MIN: (u16, u16) = (24, 8);
/// Below this height an item of the list takes one row.
const TALL_MIN: u16 = 18;
/// Rows of the composer at most.
const COMPOSER_ROWS_MAX: u16 = 8;

/// The parts of the screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Areas {
    /// The whole list with its head.
    pub list: Option<Rect>,
    /// The items of the list.
    pub items: Rect,
    /// The whole conversation with its frame.
    pub page: Option<Rect>,
    /// Who it is with, where the frame does not say it.
    pub head: Rect,
    /// The messages.
    pub timeline: Rect,
    /// What sending does, if it is not a plain message.
    pub mode: Rect,
    /// The text that is being written.
    pub composer: Rect,
    /// Keys and short words.
    pub foot: Rect,
}

/// Rows of an item of the list.
pub fn item_rows(model: &Model) -> u16 {
    if model.size.1 < TALL_MIN { 1 } else { 2 }
}

/// Whether list and conversation stand side by side.
pub fn is_wide(model: &Model) -> bool {
    model.size.0 >= WIDE_MIN
}

/// The parts of the screen.
pub fn areas(model: &Model) -> Areas {
    let (width, height) = model.size;
    if width < SIZE_MIN.0 || height < SIZE_MIN.1 {
        return Areas::default();
    }
    let mut areas = Areas { foot: Rect::new(0, height - 1, width, 1), ..Areas::default() };
    let body = height - 1;
    let is_wide = is_wide(model);
    let shows_page = is_wide || model.focus != Focus::List;
    let list_width = match (is_wide, shows_page) {
        (true, _) => (width * 3 / 10).clamp(26, 38),
        (false, true) => 0,
        (false, false) => width,
    };
    if list_width > 0 {
        areas.list = Some(Rect::new(0, 0, list_width, body));
        areas.items = Rect::new(0, 2, list_width, body - 2);
    }
    if shows_page {
        place_page(model, &mut areas, Rect::new(list_width, 0, width - list_width, body), is_wide);
    }
    areas
}

fn place_page(model: &Model, areas: &mut Areas, page: Rect, is_framed: bool) {
    areas.page = Some(page);
    // A frame takes a cell on each side; without one a line stands for it above and nothing at the sides.
    let side = u16::from(is_framed);
    let inner = Rect::new(page.x + side, page.y + 1, page.width - 2 * side, page.height - 1 - side);
    areas.head = Rect::new(page.x, page.y, page.width, 1);
    let Some(chat) = &model.chat else {
        areas.timeline = inner;
        return;
    };
    let text_width = inner.width.saturating_sub(2);
    let lines = u16::try_from(chat.editor.lines(usize::from(text_width)).len()).unwrap_or(u16::MAX);
    let rows = lines.clamp(1, COMPOSER_ROWS_MAX.min(inner.height / 3).max(1));
    let mode = u16::from(chat.mode != Mode::Plain);
    // A line parts what was said from what is being written.
    let timeline = inner.height.saturating_sub(rows + mode + 1);
    areas.timeline = Rect::new(inner.x, inner.y, inner.width, timeline);
    areas.mode = Rect::new(inner.x, inner.y + timeline + 1, inner.width, mode);
    areas.composer = Rect::new(inner.x + 2, inner.y + timeline + 1 + mode, text_width, rows);
}

/// The cells of a dialog: as large as it wants to be, within the screen.
pub fn dialog(model: &Model, wanted: (u16, u16)) -> Rect {
    let (width, height) = model.size;
    let margin = if width < 60 { 0 } else { 2 };
    let width_here = wanted.0.min(width.saturating_sub(2 * margin)).max(1);
    let height_here = wanted.1.min(height.saturating_sub(1)).max(1);
    Rect::new((width - width_here) / 2, (height.saturating_sub(height_here)) / 3, width_here, height_here)
}
