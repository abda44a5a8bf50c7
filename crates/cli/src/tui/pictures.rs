//! Pictures between the lines: two pixels a cell, the upper as the letter's colour and the lower as its ground. First
//! the preview that came with the message, then the picture, once it is here.

use crate::picture::Pixels;
use crate::tui::chat::Chat;
use crate::tui::event::Action;
use crate::tui::theme::Theme;
use client::files::{Attachment, AttachmentId, AttachmentState};
use ratatui::style::Style;
use ratatui::text::Span;
use std::collections::BTreeMap;

/// Cells of a picture at most.
const COLUMNS_MAX: u32 = 40;
/// Rows of a picture at most, each two pixels high.
const ROWS_MAX: u32 = 12;
/// Pictures that are kept at most; then all are drawn anew as they are seen.
const KEPT_MAX: usize = 200;

/// A picture that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Drawn {
    /// The picture itself was asked for, not only its preview.
    is_sharp: bool,
    /// Until there are any, its place stays empty.
    pixels: Option<Pixels>,
}

/// The pictures of this screen.
#[derive(Debug, Default)]
pub struct Pictures {
    drawn: BTreeMap<AttachmentId, Drawn>,
}

/// What is to be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Of which file.
    pub id: AttachmentId,
    /// The picture, if its copy can be opened; else its preview.
    pub is_sharp: bool,
    /// Its preview.
    pub thumbhash: Vec<u8>,
    /// Pixels that it may have.
    pub sides: (u32, u32),
}

impl Pictures {
    /// What is seen of a conversation and was not asked for yet.
    pub fn wanted(&mut self, chat: &Chat, height: usize) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut last = None;
        for row in chat.seen(height) {
            if last.replace(row.entry) == Some(row.entry) {
                continue;
            }
            for file in chat.entries.get(row.entry).map_or(&[][..], |entry| &entry.files) {
                let is_sharp = matches!(file.state, AttachmentState::Here | AttachmentState::Uploaded);
                let is_known = self.drawn.get(&file.id).is_some_and(|drawn| drawn.is_sharp >= is_sharp);
                let Some((columns, rows)) = cells(file, usize::MAX).filter(|_| !is_known) else { continue };
                if self.drawn.len() >= KEPT_MAX {
                    self.drawn.clear();
                }
                let before = self.drawn.remove(&file.id).and_then(|drawn| drawn.pixels);
                self.drawn.insert(file.id, Drawn { is_sharp, pixels: before });
                let (thumbhash, sides) = (file.look.thumbhash.to_vec(), (columns, rows * 2));
                actions.push(Action::Draw(Wanted { id: file.id, is_sharp, thumbhash, sides }));
            }
        }
        actions
    }

    /// Takes what was drawn; nothing is drawn twice that failed.
    pub fn take(&mut self, id: AttachmentId, is_sharp: bool, pixels: Option<Pixels>) {
        if let Some(drawn) = self.drawn.get_mut(&id)
            && drawn.is_sharp == is_sharp
            && pixels.is_some()
        {
            drawn.pixels = pixels;
        }
    }

    /// The rows of a file's picture, as wide as it may be; none where it is no picture or nothing may have a colour.
    pub fn lines(&self, file: &Attachment, width: usize, theme: Theme) -> Vec<Vec<Span<'static>>> {
        let Some((columns, rows)) = cells(file, width).filter(|_| theme.has_colours()) else { return Vec::new() };
        let pixels = self.drawn.get(&file.id).and_then(|drawn| drawn.pixels.as_ref());
        let line = |row: u32| match pixels {
            None => vec![Span::raw(" ".repeat(columns as usize))],
            Some(pixels) => {
                (0..columns).map(|column| half_blocks(pixels, (columns, rows), (column, row), theme)).collect()
            }
        };
        (0..rows).map(line).collect()
    }
}

fn half_blocks(pixels: &Pixels, (columns, rows): (u32, u32), (column, row): (u32, u32), theme: Theme) -> Span<'static> {
    let colour = |y: u32| {
        let (x, y) = (column * pixels.width / columns.max(1), y * pixels.height / (rows * 2).max(1));
        let at = (y as usize * pixels.width as usize + x as usize) * 3;
        let rgb = pixels.rgb.get(at..at + 3).and_then(|rgb| rgb.try_into().ok()).unwrap_or([0; 3]);
        theme.pixel(rgb)
    };
    Span::styled("▀", Style::new().fg(colour(row * 2)).bg(colour(row * 2 + 1)))
}

/// Columns and rows of a file's picture, from what its sender says of it: they stay when it comes.
fn cells(file: &Attachment, width: usize) -> Option<(u32, u32)> {
    let (wide, high) = (u64::from(file.look.width), u64::from(file.look.height));
    if !file.media_type.starts_with("image/") || wide == 0 || high == 0 {
        return None;
    }
    let columns_max = u64::from(u32::try_from(width).unwrap_or(u32::MAX).min(COLUMNS_MAX));
    let pixels_max = u64::from(ROWS_MAX) * 2;
    // As wide as may be, unless it would be too high then; a cell is as wide as half of its height.
    let (columns, pixels) = match columns_max * high / wide {
        pixels if pixels <= pixels_max => (columns_max, pixels),
        _ => (pixels_max * wide / high, pixels_max),
    };
    let (columns, rows) = (u32::try_from(columns).ok()?.max(1), u32::try_from(pixels.div_ceil(2)).ok()?.max(1));
    Some((columns, rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::file::Look;

    fn file(width: u32, height: u32) -> Attachment {
        Attachment {
            id: AttachmentId(1),
            name: "a.jpg".into(),
            media_type: "image/jpeg".into(),
            size: 9,
            look: Look { width, height, ..Look::default() },
            state: AttachmentState::Here,
            problem: None,
            done_bytes: 9,
        }
    }

    #[test]
    fn picture_keeps_its_shape_within_its_cells() {
        for ((width, height), room, expected) in [
            ((4_000, 3_000), 80, Some((32, 12))),
            ((3_000, 4_000), 80, Some((18, 12))),
            ((4_000, 1_000), 80, Some((40, 5))),
            ((4_000, 1_000), 20, Some((20, 3))),
            ((u32::MAX, 1), 80, Some((40, 1))),
            ((1, u32::MAX), 80, Some((1, 12))),
            ((0, 5), 80, None),
        ] {
            assert_eq!(cells(&file(width, height), room), expected, "{width} by {height}");
        }
        assert_eq!(cells(&Attachment { media_type: "video/mp4".into(), ..file(5, 5) }, 80), None);
    }

    #[test]
    fn upper_pixel_is_the_letter_and_the_lower_its_ground() {
        let theme = Theme::of(|name| (name == "COLORTERM").then(|| "truecolor".into()));
        let picture = file(2, 2);
        let rgb = vec![255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9];
        let pixels = Some(Pixels { width: 2, height: 2, rgb });
        let mut pictures = Pictures::default();
        pictures.drawn.insert(picture.id, Drawn { is_sharp: true, pixels: None });
        assert!(pictures.lines(&picture, 80, theme).iter().flatten().all(|span| span.content.trim().is_empty()));
        pictures.take(picture.id, false, pixels.clone());
        assert!(pictures.drawn[&picture.id].pixels.is_none(), "a preview that comes late");
        pictures.take(picture.id, true, pixels);
        let lines = pictures.lines(&picture, 80, theme);
        assert_eq!((lines.len(), lines[0].len()), (12, 24));
        assert_eq!(lines[0][0].style, Style::new().fg(theme.pixel([255, 0, 0])).bg(theme.pixel([255, 0, 0])));
        assert_eq!(lines[11][0].style.bg, Some(theme.pixel([0, 0, 255])));
        let plain = Theme::of(|name| (name == "NO_COLOR").then(|| "1".into()));
        assert!(pictures.lines(&picture, 80, plain).is_empty());
    }
}
