//! Full-text search over decrypted history.

use crate::db::DatabaseError;
use crate::timeline::entry::COLUMNS;
use crate::timeline::{Entry, Timeline};
use protocol::event::ConversationId;
use sqlite::rusqlite::params;
use std::ops::Range;

/// Words of a query that count; the rest is ignored.
pub const SEARCH_WORDS_MAX: usize = 16;
/// Hits at most.
const HITS_MAX: usize = 1_000;
/// Begin and end of a highlight in what SQLite returns; neither can be typed.
const MARKS: [char; 2] = ['\u{2}', '\u{3}'];

/// A message that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchHit {
    /// The message.
    pub entry: Entry,
    /// A part of its text around the words.
    pub snippet: String,
    /// Where the words are, in bytes of the snippet.
    pub highlights: Vec<Range<usize>>,
}

/// The words that count, quoted: nothing that a user types is an operator.
fn quote(words: &str) -> Vec<String> {
    words
        .split_whitespace()
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .take(SEARCH_WORDS_MAX)
        .map(|word| format!("\"{}\"", word.replace('"', "\"\"").replace('\0', "")))
        .collect()
}

fn split_marks(marked: &str) -> (String, Vec<Range<usize>>) {
    let mut text = String::with_capacity(marked.len());
    let mut highlights = Vec::new();
    let mut begin = None;
    for character in marked.chars() {
        if character == MARKS[0] {
            begin = Some(text.len());
        } else if character == MARKS[1] {
            highlights.extend(begin.take().map(|begin| begin..text.len()));
        } else {
            text.push(character);
        }
    }
    (text, highlights)
}

/// The index is read from its end and no further than the limit. In the order of any other table every hit would be
/// fetched, and its snippet made, before the first is known.
fn sql() -> String {
    format!(
        "SELECT {COLUMNS}, snippet(words, 0, ?4, ?5, '…', 16)
         FROM words CROSS JOIN messages m ON m.id = words.rowid CROSS JOIN conversations c ON c.id = m.conversation
         WHERE words MATCH ?1 AND (?2 IS NULL OR c.conversation = ?2)
         ORDER BY words.rowid DESC LIMIT ?3"
    )
}

impl Timeline<'_> {
    /// The newest messages that hold every word, without regard to case and accents. The last one is still being typed, so
    /// it is a prefix; where nothing holds the others whole, they are prefixes too. (For a prefix the index puts together
    /// the places of all words that begin so: of a common one, half of the history.)
    ///
    /// # Errors
    /// What the database says; no words are no error but no hits.
    pub fn search(
        &self,
        words: &str,
        conversation: Option<&ConversationId>,
        limit: usize,
    ) -> Result<Vec<SearchHit>, DatabaseError> {
        let quoted = quote(words);
        if quoted.is_empty() {
            return Ok(Vec::new());
        }
        let hits = self.matching(&format!("{} *", quoted.join(" ")), conversation, limit)?;
        if quoted.len() == 1 || !hits.is_empty() {
            return Ok(hits);
        }
        self.matching(&format!("{} *", quoted.join(" * ")), conversation, limit)
    }

    fn matching(
        &self,
        query: &str,
        conversation: Option<&ConversationId>,
        limit: usize,
    ) -> Result<Vec<SearchHit>, DatabaseError> {
        let limit = i64::try_from(limit.min(HITS_MAX)).unwrap_or(0);
        self.connection
            .prepare_cached(&sql())?
            .query_map(
                params![
                    query,
                    conversation.map(|conversation| conversation.0),
                    limit,
                    MARKS[0].to_string(),
                    MARKS[1].to_string()
                ],
                |row| {
                    let (snippet, highlights) = split_marks(&row.get::<_, String>(19)?);
                    Ok(SearchHit { entry: self.entry_of(row)?, snippet, highlights })
                },
            )?
            .collect::<Result<_, _>>()
            .map_err(Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::testing::{ADA, ROOM, World, text};
    use proptest::prelude::*;
    use protocol::content::Kind;
    use wire::id::MsgId;

    fn found(world: &World, words: &str) -> Vec<String> {
        let hits = world.timeline().search(words, None, 100).unwrap();
        hits.into_iter().map(|hit| hit.entry.text().unwrap().to_owned()).collect()
    }

    #[test]
    fn words_are_prefixes_without_case_and_accents_and_all_must_be_there() {
        let mut world = World::new();
        world.received(ADA, 1, text("Perché non vieni domani?"), 10);
        world.own(2, text("Domani non posso, dopodomani sì"), 11);
        assert_eq!(found(&world, "perche"), ["Perché non vieni domani?"]);
        assert_eq!(found(&world, "DOMANI non").len(), 2);
        assert_eq!(found(&world, "doma"), ["Domani non posso, dopodomani sì", "Perché non vieni domani?"]);
        assert_eq!(found(&world, "domani ieri"), Vec::<String>::new());
        assert_eq!(found(&world, "doma vie"), ["Perché non vieni domani?"]);
    }

    #[test]
    fn whole_words_come_before_words_that_begin_so() {
        let mut world = World::new();
        world.received(ADA, 1, text("car 50000"), 10);
        world.received(ADA, 2, text("carpet 50000"), 11);
        assert_eq!(found(&world, "car 500"), ["car 50000"]);
        assert_eq!(found(&world, "carp 500"), ["carpet 50000"]);
        assert_eq!(found(&world, "ca 500").len(), 2);
    }

    #[test]
    fn index_follows_edit_and_deletion() {
        let mut world = World::new();
        world.received(ADA, 1, text("apples"), 10);
        world.received(ADA, 2, Kind::Edit { msg_id: MsgId([1; 16]), text: "oranges".into() }, 11);
        assert!(found(&world, "apples").is_empty());
        assert_eq!(found(&world, "oranges"), ["oranges"]);
        world.received(ADA, 3, Kind::Delete { msg_id: MsgId([1; 16]) }, 12);
        assert!(found(&world, "oranges").is_empty());
        world.database.read().execute_batch("INSERT INTO words (words) VALUES ('integrity-check')").unwrap();
    }

    #[test]
    fn newest_are_found_without_sorting_what_else_was() {
        let mut world = World::new();
        for number in 1..=9 {
            world.received(ADA, number, text(&format!("plum {number}")), u64::from(number));
        }
        let hits = world.timeline().search("plum", Some(&ROOM), 2).unwrap();
        let texts: Vec<_> = hits.iter().map(|hit| hit.entry.text().unwrap()).collect();
        assert_eq!(texts, ["plum 9", "plum 8"]);
        let plan = world.plan(&sql(), params!["\"plum\"*", ROOM.0, 2, "a", "b"]);
        assert!(plan[0].contains("words VIRTUAL TABLE INDEX"), "{plan:?}");
        assert!(plan.iter().all(|step| !step.contains("TEMP B-TREE")), "{plan:?}");
    }

    #[test]
    fn snippet_shows_where_the_words_are() {
        let mut world = World::new();
        world.received(ADA, 1, text("the quick brown fox jumps over the lazy dog"), 10);
        let hits = world.timeline().search("fox", Some(&ROOM), 1).unwrap();
        let marked: Vec<_> = hits[0].highlights.iter().map(|range| &hits[0].snippet[range.clone()]).collect();
        assert_eq!(marked, ["fox"]);
        assert!(world.timeline().search("fox", Some(&ConversationId([0; 16])), 1).unwrap().is_empty());
    }

    #[test]
    fn words_beyond_the_limit_are_ignored() {
        let mut world = World::new();
        world.received(ADA, 1, text("word"), 10);
        let within = "word ".repeat(SEARCH_WORDS_MAX);
        assert_eq!(found(&world, &format!("{within} missing")), ["word"]);
        let short = "word ".repeat(SEARCH_WORDS_MAX - 1);
        assert!(found(&world, &format!("{short} missing")).is_empty());
    }

    proptest! {
        #[test]
        fn nothing_that_is_typed_is_an_error(words in "[\"'*():^+\\-a-z \\x00\u{301}ANDORNEAR{}]{0,40}") {
            let mut world = World::new();
            world.received(ADA, 1, text("a b c"), 10);
            prop_assert!(world.timeline().search(&words, None, 10).is_ok());
        }
    }
}
