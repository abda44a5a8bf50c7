//! Text from anybody as a terminal may show it: no escape sequence, no reordering, no width that terminals disagree on.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Marks above or below one letter at most: more would climb over other lines.
const MARKS_MAX: usize = 4;
/// What a tab becomes.
const TAB: &str = "    ";
/// What stands for a character that steers.
const HARMLESS: char = '\u{2426}';

/// What a character becomes; none: nothing at all.
fn shown_char(character: char) -> Option<char> {
    match character {
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(character)),
        '\u{7f}' => Some('\u{2421}'),
        // Bidirectional controls, and those of a deprecated kind that nothing needs.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' => Some(HARMLESS),
        // Joiners, presentation, skin tones, tags and soft hyphens: every terminal draws them in its own width.
        '\u{200b}' | '\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ad}' => None,
        '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0000}'..='\u{e0fff}' | '\u{fff9}'..='\u{fffb}' => None,
        '\u{2028}' | '\u{2029}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => Some(' '),
        _ if character.is_control() => Some(HARMLESS),
        _ => Some(character),
    }
}

/// One grapheme as it is shown, and its cells.
pub fn cell(grapheme: &str) -> (String, usize) {
    if let [byte @ b' '..=b'~'] = grapheme.as_bytes() {
        return (char::from(*byte).to_string(), 1);
    }
    if grapheme == "\t" {
        return (TAB.into(), TAB.len());
    }
    let mut shown = String::with_capacity(grapheme.len());
    let mut marks = 0;
    for character in grapheme.chars().filter_map(shown_char) {
        if character.to_string().width() == 0 {
            marks += 1;
            if marks > MARKS_MAX {
                continue;
            }
        }
        shown.push(character);
    }
    let mut width = cells(&shown);
    if width == 0 && !shown.is_empty() {
        shown.insert(0, '\u{25cc}');
        width = cells(&shown);
    }
    (shown, width)
}

/// Cells as the screen's buffer counts them.
fn cells(shown: &str) -> usize {
    shown.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// A line of text as it is shown; line breaks become spaces.
pub fn line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for grapheme in text.graphemes(true) {
        if is_break(grapheme) {
            shown.push(' ');
        } else {
            shown.push_str(&cell(grapheme).0);
        }
    }
    shown
}

/// As much of a line as fits, with an ellipsis where it does not.
pub fn fit(text: &str, width: usize) -> String {
    let mut shown = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        let (part, cells) = if is_break(grapheme) { (" ".into(), 1) } else { cell(grapheme) };
        if used + cells > width {
            while used + 1 > width {
                let Some((at, last)) = shown.grapheme_indices(true).next_back() else { return String::new() };
                used -= last.width();
                shown.truncate(at);
            }
            shown.push('…');
            return shown;
        }
        shown.push_str(&part);
        used += cells;
    }
    shown
}

/// The cells of a line.
pub fn width(text: &str) -> usize {
    text.graphemes(true).map(|grapheme| if is_break(grapheme) { 1 } else { cell(grapheme).1 }).sum()
}

/// A line break, whatever its kind.
pub fn is_break(grapheme: &str) -> bool {
    matches!(grapheme, "\n" | "\r\n" | "\r")
}

/// What is pasted or typed, as text: line breaks of one kind, no other control than the tab.
pub fn typed(text: &str) -> String {
    text.replace("\r\n", "\n")
        .replace('\r', "\n")
        .chars()
        .filter(|character| matches!(character, '\n' | '\t') || !character.is_control())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_shown_steers_a_terminal() {
        let hostile = "a\u{1b}[2Jb\u{7}c\u{9b}31md\u{202e}e\u{2066}f\u{200f}g\u{0}h\u{7f}i\u{61c}j";
        let shown = line(hostile);
        assert_eq!(shown, "a\u{241b}[2Jb\u{2407}c\u{2426}31md\u{2426}e\u{2426}f\u{2426}g\u{2400}h\u{2421}i\u{2426}j");
        assert!(shown.chars().all(|character| !character.is_control()));
    }

    #[test]
    fn marks_do_not_climb() {
        let zalgo = format!("x{}", "\u{301}".repeat(500));
        assert_eq!(cell(&zalgo).0.chars().count(), 1 + MARKS_MAX);
        assert_eq!(cell(&zalgo).1, 1);
        assert_eq!(cell("\u{301}"), ("\u{25cc}\u{301}".into(), 1), "a mark alone stands on a circle");
    }

    #[test]
    fn widths_are_those_that_every_terminal_agrees_on() {
        for (text, shown, cells) in [
            ("❤\u{fe0f}", "❤", 1),
            ("👩\u{200d}💻", "👩💻", 4),
            ("👍\u{1f3fd}", "👍", 2),
            ("🇮🇹", "🇮🇹", 2),
            ("日本", "日本", 4),
            ("\t", "    ", 4),
            ("a\nb", "a b", 3),
        ] {
            assert_eq!(line(text), shown);
            assert_eq!(width(text), cells, "{text:?}");
        }
    }

    #[test]
    fn what_does_not_fit_ends_in_an_ellipsis() {
        assert_eq!(fit("Ida", 3), "Ida");
        assert_eq!(fit("Idaho", 4), "Ida…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("日本", 1), "…");
        assert_eq!(fit("x", 0), "");
    }

    #[test]
    fn pasted_text_is_text_only() {
        assert_eq!(typed("a\r\nb\rc\u{1b}[31m\td\u{9b}"), "a\nb\nc[31m\td");
    }
}
