//! Breaks text into lines of a width, by what is shown of it.

use crate::tui::safe;
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// The lines of a text as ranges of its bytes, at most `lines_max`; without their line breaks. Words stay whole where
/// they can.
pub fn wrap(text: &str, width: usize, lines_max: usize) -> Vec<Range<usize>> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut start = 0;
    let mut used = 0;
    // After the last space of this line, and the cells from there.
    let mut word: Option<(usize, usize)> = None;
    for (at, grapheme) in text.grapheme_indices(true) {
        if lines.len() >= lines_max {
            return lines;
        }
        if safe::is_break(grapheme) {
            lines.push(start..at);
            (start, used, word) = (at + grapheme.len(), 0, None);
            continue;
        }
        let cells = safe::cell(grapheme).1;
        let is_space = grapheme == " " || grapheme == "\t";
        // A space at the end of a line may stand beyond it.
        if used + cells > width && used > 0 && !is_space {
            match word {
                Some((begin, rest)) if begin > start && rest + cells <= width => {
                    lines.push(start..begin);
                    (start, used) = (begin, rest);
                }
                _ => {
                    lines.push(start..at);
                    (start, used) = (at, 0);
                }
            }
            word = None;
        }
        used += cells;
        match &mut word {
            _ if is_space => word = Some((at + grapheme.len(), 0)),
            Some((_, rest)) => *rest += cells,
            None => {}
        }
    }
    if lines.len() < lines_max {
        lines.push(start..text.len());
    }
    lines
}

/// Where `at` stands in lines made by [`wrap`]: line and cells from its left.
pub fn place(text: &str, lines: &[Range<usize>], at: usize) -> (usize, usize) {
    let line = lines.iter().rposition(|range| range.start <= at).unwrap_or(0);
    let start = lines.get(line).map_or(0, |range| range.start);
    (line, safe::width(text.get(start..at).unwrap_or("")))
}

/// The byte nearest to a cell of a line.
pub fn byte_at(text: &str, range: &Range<usize>, cell: usize) -> usize {
    let mut used = 0;
    for (at, grapheme) in text.get(range.clone()).unwrap_or("").grapheme_indices(true) {
        let cells = safe::cell(grapheme).1;
        if used + cells > cell {
            return range.start + at;
        }
        used += cells;
    }
    range.end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, width: usize) -> Vec<&str> {
        wrap(text, width, 100).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn words_stay_whole_where_they_can() {
        assert_eq!(lines("one two three", 8), ["one two ", "three"]);
        assert_eq!(lines("one two three", 7), ["one two ", "three"]);
        assert_eq!(lines("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(lines("a abcdefgh", 4), ["a ", "abcd", "efgh"]);
        assert_eq!(lines("a\n\nb", 4), ["a", "", "b"]);
        assert_eq!(lines("", 4), [""]);
        assert_eq!(lines("日本語", 4), ["日本", "語"]);
        assert_eq!(lines("wide", 0), ["w", "i", "d", "e"]);
    }

    #[test]
    fn every_byte_but_line_breaks_is_in_one_line() {
        let text = "To be, or not to be:\nthat is the questionquestionquestion 日本語 \u{1f469}\u{200d}\u{1f4bb} x";
        for width in 1..40 {
            let joined: String = lines(text, width).concat();
            assert_eq!(joined, text.replace('\n', ""), "{width}");
        }
    }

    #[test]
    fn more_lines_than_asked_for_are_not_made() {
        assert_eq!(wrap(&"word ".repeat(100_000), 10, 3).len(), 3);
        assert_eq!(wrap("a\nb\nc\n", 10, 3).len(), 3);
    }

    #[test]
    fn places_and_bytes_answer_each_other() {
        let text = "one two three\nfour";
        let lines = wrap(text, 8, 100);
        assert_eq!(place(text, &lines, 0), (0, 0));
        assert_eq!(place(text, &lines, 8), (1, 0));
        assert_eq!(place(text, &lines, text.len()), (2, 4));
        for at in 0..text.len() {
            let (line, cell) = place(text, &lines, at);
            assert_eq!(byte_at(text, &lines[line], cell), at);
        }
    }
}
