//! Finds what a user means: an id, a name, or an unambiguous beginning of either.

use crate::db::DatabaseError;
use crate::timeline::{EntryId, Timeline};
use protocol::event::ConversationId;
use protocol::identity::address::account_text;
use sqlite::rusqlite::params;
use wire::id::{AccountId, Hash, MsgId};

/// Candidates listed where a word is ambiguous.
const CANDIDATES_MAX: usize = 8;
/// Hexadecimal digits of an id that can be given for it at least.
const PREFIX_DIGITS_MIN: usize = 4;

/// Why a word names nothing.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// Nothing fits.
    #[error("no {what} is called {word:?}")]
    None {
        /// What was looked for.
        what: &'static str,
        /// The word.
        word: String,
    },
    /// More than one fits.
    #[error("{word:?} fits more than one {what}: {}", candidates.join(", "))]
    Ambiguous {
        /// What was looked for.
        what: &'static str,
        /// The word.
        word: String,
        /// Some that fit, each with its id.
        candidates: Vec<String>,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// A message that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub conversation: ConversationId,
    /// Its id.
    pub msg_id: MsgId,
    /// Its entry.
    pub entry: EntryId,
}

/// One thing that a word may mean.
struct Candidate<T> {
    value: T,
    /// Full id, in the form in which a user gives it.
    id: String,
    name: String,
}

/// How well a word names a candidate, 0 best: its id; its whole name, exactly, then without case; a beginning of
/// either. `folded` is the word in lower case.
fn rank<T>(candidate: &Candidate<T>, word: &str, folded: &str) -> Option<u8> {
    let name = candidate.name.to_lowercase();
    if word.is_empty() {
        None
    } else if candidate.id == folded {
        Some(0)
    } else if candidate.name == word {
        Some(1)
    } else if name == folded {
        Some(2)
    } else if name.starts_with(folded) || (folded.len() >= PREFIX_DIGITS_MIN && candidate.id.starts_with(folded)) {
        Some(3)
    } else {
        None
    }
}

/// The one candidate that a word names best.
fn choose<T>(what: &'static str, word: &str, candidates: Vec<Candidate<T>>) -> Result<T, FindError> {
    let folded = word.to_lowercase();
    let mut ranked: Vec<(u8, Candidate<T>)> =
        candidates.into_iter().filter_map(|one| Some((rank(&one, word, &folded)?, one))).collect();
    let best = ranked.iter().map(|(rank, _)| *rank).min();
    ranked.retain(|(rank, _)| Some(*rank) == best);
    if ranked.len() > 1 {
        let described = ranked.iter().take(CANDIDATES_MAX);
        let candidates = described.map(|(_, one)| format!("{} ({})", one.name, short(&one.id))).collect();
        return Err(FindError::Ambiguous { what, word: word.into(), candidates });
    }
    ranked.pop().map(|(_, one)| one.value).ok_or(FindError::None { what, word: word.into() })
}

fn short(id: &str) -> String {
    id.chars().take(12).collect()
}

impl Timeline<'_> {
    /// The conversation that a word names: id, title, or the name or account of the other.
    ///
    /// # Errors
    /// [`FindError`] lists the candidates where there are several.
    pub fn find_conversation(&self, word: &str) -> Result<ConversationId, FindError> {
        let candidates = self
            .conversations()?
            .into_iter()
            .map(|summary| Candidate { value: summary.id, id: summary.id.to_hex(), name: summary.title })
            .collect();
        match choose("conversation", word, candidates) {
            Err(FindError::None { what, word }) => {
                // The other's account or address means the conversation with it.
                let account = word.split('@').next().unwrap_or(&word).to_lowercase();
                let direct = self
                    .conversations()?
                    .into_iter()
                    .filter_map(|summary| Some((summary.id, account_text(&summary.peer?), summary.title)))
                    .map(|(value, id, name)| Candidate { value, id, name: format!("{name}\u{0}") })
                    .collect();
                choose(what, &account, direct).map_err(|error| match error {
                    FindError::None { what, .. } => FindError::None { what, word },
                    other => other,
                })
            }
            found => found,
        }
    }

    /// The account that a word names: account, address, petname or name of somebody whom we met.
    ///
    /// # Errors
    /// [`FindError`] lists the candidates where there are several.
    pub fn find_person(&self, word: &str) -> Result<AccountId, FindError> {
        let wanted = match word.split_once('@') {
            Some((account, _)) => account,
            None => word,
        };
        let candidates = self
            .people()?
            .into_iter()
            .filter(|person| person.account != self.me.account)
            .map(|person| Candidate {
                value: person.account,
                id: account_text(&person.account),
                name: person.display_name(),
            })
            .collect();
        choose("contact", wanted, candidates)
    }

    /// The request that a word names: id, or name or account of who asks.
    ///
    /// # Errors
    /// [`FindError`] lists the candidates where there are several.
    pub fn find_request(&self, word: &str) -> Result<Hash, FindError> {
        let candidates = self
            .requests()?
            .into_iter()
            .map(|one| Candidate { value: one.request, id: one.request.to_hex(), name: one.name })
            .collect();
        choose("request", word, candidates)
    }

    /// The message whose id begins or ends with a word of at least four hexadecimal digits. It begins with its time, so
    /// that its end tells it from others.
    ///
    /// # Errors
    /// [`FindError`] lists the candidates where there are several.
    pub fn find_message(&self, word: &str) -> Result<Found, FindError> {
        let none = || FindError::None { what: "message", word: word.into() };
        let digits = word.to_lowercase();
        let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !(PREFIX_DIGITS_MIN..=32).contains(&digits.len()) || !is_hexadecimal {
            return Err(none());
        }
        let limit = i64::try_from(CANDIDATES_MAX).unwrap_or(1);
        let found: Vec<Found> = self
            .connection
            .prepare_cached(
                "SELECT c.conversation, m.msg_id, m.id FROM messages m JOIN conversations c ON c.id = m.conversation
                 WHERE (lower(hex(m.msg_id)) LIKE ?1 || '%' OR lower(hex(m.msg_id)) LIKE '%' || ?1) AND m.kind != 3
                 ORDER BY m.id DESC LIMIT ?2",
            )
            .and_then(|mut statement| {
                statement
                    .query_map(params![digits, limit], |row| {
                        Ok(Found {
                            conversation: ConversationId(row.get(0)?),
                            msg_id: MsgId(row.get(1)?),
                            entry: EntryId(row.get(2)?),
                        })
                    })?
                    .collect()
            })
            .map_err(DatabaseError::from)?;
        match found.as_slice() {
            [] => Err(none()),
            [one] => Ok(*one),
            several => Err(FindError::Ambiguous {
                what: "message",
                word: word.into(),
                candidates: several.iter().map(|one| one.msg_id.to_hex()).collect(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::testing::{ADA, BOB, ME, ROOM, World, conversation, text};
    use protocol::content::Content;
    use protocol::event::{Contact, Conversation, Record};
    use protocol::identity::NodeUrl;

    fn meet(world: &mut World, account: AccountId, name: &str) {
        let node_url = NodeUrl::parse("http://localhost:1").unwrap();
        world.record(Record::Contact(Contact { account, node_url, name: name.into() }), 1);
    }

    fn group(world: &mut World, id: u8, title: &str) -> ConversationId {
        let id = ConversationId([id; 16]);
        world.record(Record::Conversation(Conversation { id, title: title.into(), ..conversation(&[ME.account]) }), 1);
        id
    }

    #[test]
    fn conversation_is_found_by_id_name_and_beginnings() {
        let mut world = World::new();
        let roof = group(&mut world, 3, "Roof garden");
        let timeline = world.timeline();
        for word in ["Room", "room", "09090909", &ROOM.to_hex(), "Roo\u{6d}"] {
            assert_eq!(timeline.find_conversation(word).unwrap(), ROOM, "{word}");
        }
        assert_eq!(timeline.find_conversation("roof").unwrap(), roof);
        let error = timeline.find_conversation("Roo").unwrap_err().to_string();
        assert!(error.contains("Room (090909090909)") && error.contains("Roof garden"), "{error}");
        assert!(matches!(timeline.find_conversation("0909x"), Err(FindError::None { .. })));
        assert!(matches!(timeline.find_conversation("090"), Err(FindError::None { .. })), "three digits are too few");
        assert!(matches!(timeline.find_conversation(""), Err(FindError::None { .. })));
    }

    #[test]
    fn whole_name_wins_over_a_longer_one() {
        let mut world = World::new();
        group(&mut world, 3, "Room 2");
        assert_eq!(world.timeline().find_conversation("room").unwrap(), ROOM);
    }

    #[test]
    fn conversation_of_two_is_found_by_the_others_account_and_address() {
        let mut world = World::new();
        let id = ConversationId([4; 16]);
        let direct = Conversation { id, is_direct: true, title: String::new(), ..conversation(&[ME.account, ADA]) };
        world.record(Record::Conversation(direct), 1);
        meet(&mut world, ADA, "Ada");
        let account = account_text(&ADA);
        for word in ["Ada", &account, &format!("{account}@localhost:1"), &account[..12]] {
            assert_eq!(world.timeline().find_conversation(word).unwrap(), id, "{word}");
        }
    }

    #[test]
    fn person_is_found_by_name_account_and_address() {
        let mut world = World::new();
        meet(&mut world, ADA, "Ada");
        meet(&mut world, BOB, "Adam");
        let timeline = world.timeline();
        let account = account_text(&ADA);
        for word in ["Ada", "ada", &account, &format!("{account}@localhost:1")] {
            assert_eq!(timeline.find_person(word).unwrap(), ADA, "{word}");
        }
        assert_eq!(timeline.find_person("adam").unwrap(), BOB);
        assert!(matches!(timeline.find_person("ad"), Err(FindError::Ambiguous { .. })));
    }

    #[test]
    fn message_is_found_by_the_beginning_of_its_id() {
        let mut world = World::new();
        world.received(ADA, 0xab, text("x"), 1);
        world.received(BOB, 0xac, text("y"), 1);
        let timeline = world.timeline();
        assert_eq!(timeline.find_message("ABab").unwrap().msg_id, MsgId([0xab; 16]));
        assert_eq!(timeline.find_message(&"ac".repeat(16)).unwrap().conversation, ROOM);
        for word in ["aba", "", "abacus", &"ab".repeat(17), "%%%%"] {
            assert!(matches!(timeline.find_message(word), Err(FindError::None { .. })), "{word}");
        }
    }

    #[test]
    fn messages_of_one_moment_are_told_apart_by_the_end_of_their_ids() {
        let mut world = World::new();
        let ids = [1, 2].map(|last| {
            let mut id = [0x5a; 16];
            id[15] = last;
            MsgId(id)
        });
        for id in ids {
            let message = Content { sent_ms: 1, timer_s: 0, kind: text("x") }.encode().unwrap();
            world.received_as(id, ADA, message, 1);
        }
        let timeline = world.timeline();
        assert!(matches!(timeline.find_message("5a5a5a5a"), Err(FindError::Ambiguous { .. })));
        assert_eq!(timeline.find_message("5a5a5a01").unwrap().msg_id, ids[0]);
        assert_eq!(timeline.find_message("5a02").unwrap().msg_id, ids[1]);
    }

    #[test]
    fn message_that_two_senders_gave_one_id_is_ambiguous() {
        let mut world = World::new();
        world.received(ADA, 0xab, text("x"), 1);
        world.received(BOB, 0xab, text("y"), 1);
        assert!(matches!(world.timeline().find_message("abab"), Err(FindError::Ambiguous { .. })));
    }
}
