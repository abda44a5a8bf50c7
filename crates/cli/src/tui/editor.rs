//! A text that is being written: cursor, words, lines.

use crate::tui::{safe, wrap};
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// Text with a cursor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Editor {
    text: String,
    /// A byte between two graphemes.
    cursor: usize,
}

impl Editor {
    /// With a text, the cursor at its end.
    pub fn with(text: &str) -> Self {
        Self { text: text.into(), cursor: text.len() }
    }

    /// What was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Nothing was written.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Where the cursor is, in bytes.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Gives the text away.
    pub fn take(&mut self) -> String {
        self.cursor = 0;
        std::mem::take(&mut self.text)
    }

    /// Inserts text at the cursor, as text only.
    pub fn insert(&mut self, text: &str) {
        let text = safe::typed(text);
        self.text.insert_str(self.cursor, &text);
        self.cursor += text.len();
    }

    /// Inserts one line: what was broken is joined by spaces.
    pub fn insert_line(&mut self, text: &str) {
        self.insert(&safe::typed(text).replace(['\n', '\t'], " "));
    }

    fn before(&self) -> &str {
        self.text.get(..self.cursor).unwrap_or("")
    }

    fn after(&self) -> &str {
        self.text.get(self.cursor..).unwrap_or("")
    }

    fn previous(&self) -> usize {
        self.before().grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn next(&self) -> usize {
        self.cursor + self.after().graphemes(true).next().map_or(0, str::len)
    }

    fn word_before(&self) -> usize {
        let is_word = |part: &str| part.chars().any(char::is_alphanumeric);
        let found = self.before().split_word_bound_indices().rev().find(|(_, part)| is_word(part));
        found.map_or(0, |(at, _)| at)
    }

    fn word_after(&self) -> usize {
        let is_word = |part: &str| part.chars().any(char::is_alphanumeric);
        let found = self.after().split_word_bound_indices().find(|(_, part)| is_word(part));
        found.map_or(self.text.len(), |(at, part)| self.cursor + at + part.len())
    }

    fn line_start(&self) -> usize {
        self.before().rfind('\n').map_or(0, |at| at + 1)
    }

    fn line_end(&self) -> usize {
        self.after().find('\n').map_or(self.text.len(), |at| self.cursor + at)
    }

    /// One grapheme to the left.
    pub fn left(&mut self) {
        self.cursor = self.previous();
    }

    /// One grapheme to the right.
    pub fn right(&mut self) {
        self.cursor = self.next();
    }

    /// To the beginning of the word before.
    pub fn word_left(&mut self) {
        self.cursor = self.word_before();
    }

    /// To the end of the word after.
    pub fn word_right(&mut self) {
        self.cursor = self.word_after();
    }

    /// To the beginning of the line.
    pub fn home(&mut self) {
        self.cursor = self.line_start();
    }

    /// To the end of the line.
    pub fn end(&mut self) {
        self.cursor = self.line_end();
    }

    /// One shown line up or down; false at the first or the last one.
    pub fn vertical(&mut self, width: usize, is_down: bool) -> bool {
        let lines = self.lines(width);
        let (line, cell) = wrap::place(&self.text, &lines, self.cursor);
        let wanted = if is_down { line.checked_add(1) } else { line.checked_sub(1) };
        let Some(range) = wanted.and_then(|wanted| lines.get(wanted)) else { return false };
        self.cursor = wrap::byte_at(&self.text, range, cell);
        true
    }

    /// Puts the cursor where somebody clicked.
    pub fn click(&mut self, width: usize, line: usize, cell: usize) {
        let lines = self.lines(width);
        if let Some(range) = lines.get(line).or(lines.last()) {
            self.cursor = wrap::byte_at(&self.text, range, cell);
        }
    }

    fn cut(&mut self, range: Range<usize>) {
        self.cursor = range.start;
        self.text.replace_range(range, "");
    }

    /// Deletes the grapheme before.
    pub fn backspace(&mut self) {
        self.cut(self.previous()..self.cursor);
    }

    /// Deletes the grapheme after.
    pub fn delete(&mut self) {
        self.cut(self.cursor..self.next());
    }

    /// Deletes back to the beginning of a word.
    pub fn delete_word(&mut self) {
        self.cut(self.word_before()..self.cursor);
    }

    /// Deletes to the end of a word.
    pub fn delete_word_after(&mut self) {
        self.cut(self.cursor..self.word_after());
    }

    /// Deletes back to the beginning of the line.
    pub fn delete_to_start(&mut self) {
        self.cut(self.line_start()..self.cursor);
    }

    /// The lines as they are shown in a width.
    pub fn lines(&self, width: usize) -> Vec<Range<usize>> {
        // One cell stays free for the cursor at the end of a line.
        wrap::wrap(&self.text, width.saturating_sub(1).max(1), usize::MAX)
    }

    /// Line and cell of the cursor.
    pub fn place(&self, width: usize) -> (usize, usize) {
        wrap::place(&self.text, &self.lines(width), self.cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graphemes_are_never_cut() {
        let mut editor = Editor::with("ab👩\u{200d}💻");
        editor.backspace();
        assert_eq!(editor.text(), "ab");
        editor.insert("e\u{301}");
        editor.left();
        editor.insert("x");
        assert_eq!(editor.text(), "abxe\u{301}");
        editor.delete();
        assert_eq!(editor.text(), "abx");
    }

    #[test]
    fn words_are_passed_and_deleted() {
        let mut editor = Editor::with("flour and, butter");
        editor.word_left();
        assert_eq!(editor.cursor(), 11);
        editor.word_left();
        assert_eq!(editor.cursor(), 6);
        editor.word_right();
        assert_eq!(editor.cursor(), 9);
        editor.delete_word();
        assert_eq!(editor.text(), "flour , butter");
        editor.delete_word_after();
        assert_eq!(editor.text(), "flour ");
        editor.delete_to_start();
        assert!(editor.is_empty());
        editor.backspace();
        editor.delete();
        editor.left();
        editor.right();
        assert!(editor.is_empty(), "nothing happens where nothing is");
    }

    #[test]
    fn lines_are_climbed_as_they_are_shown() {
        let mut editor = Editor::with("one two three\nx");
        assert!(!editor.vertical(9, true), "the last line");
        assert!(editor.vertical(9, false));
        assert!(editor.vertical(9, false));
        assert!(!editor.vertical(9, false), "the first line");
        editor.end();
        assert_eq!(editor.place(9), (1, 5));
        editor.home();
        assert_eq!(editor.place(9), (0, 0));
        editor.click(9, 1, 2);
        editor.insert("-");
        assert_eq!(editor.text(), "one two th-ree\nx");
    }

    #[test]
    fn what_is_pasted_into_one_line_stays_one_line() {
        let mut editor = Editor::default();
        editor.insert_line("a\r\nb\u{1b}[31m");
        assert_eq!(editor.text(), "a b[31m");
    }
}
