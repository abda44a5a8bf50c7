//! What a user interface asks for, once: a page that does not know whether its wish was heard asks again.
//!
//! An act is named by 16 random bytes of whoever asks. What it did is written down in the transaction that does it,
//! and an intent's outcome in the transaction that brings it, so that a repeated wish finds its answer.

use crate::db::DatabaseError;
use crate::engine::{Collected, Engine, EngineError, Output, Parts, SendResult, each_its_own};
use crate::timeline::{Changes, EntryId, EntryKind, InviteTerms, MessageState, Timeline};
use protocol::content::Kind;
use protocol::event::{Answer, ConversationId, Input, Intent, IntentError, IntentId, Outcome};
use serde::{Deserialize, Serialize};
use sqlite::rusqlite::{Connection, OptionalExtension, params};
use wire::id::{AccountId, Hash, MsgId};

/// How long an answer is kept, milliseconds: a page asks again within seconds.
const KEPT_MS: u64 = 24 * 3_600_000;
/// Answers kept at most; beyond it the oldest go.
const KEPT_MAX: i64 = 4_096;
/// Old answers that go with each new one at most: more than one, so that they become fewer.
const FORGOTTEN_MAX: i64 = 8;

/// Names an act: 16 random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActId(pub [u8; 16]);

impl ActId {
    /// The message that it sends, if it sends one.
    pub fn msg_id(&self) -> MsgId {
        MsgId(self.0)
    }
}

/// How an act stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Done, with nothing to wait for.
    Done,
    /// An intent was set in motion.
    Intended(IntentId, Option<Result<Outcome, IntentError>>),
}

/// What is stored of an outcome: enough to answer again.
#[derive(Serialize, Deserialize)]
enum Stored {
    Done,
    Conversation([u8; 16]),
    Link(String),
    Asked,
    Refused,
}

impl Stored {
    fn of(outcome: &Result<Outcome, IntentError>) -> Self {
        match outcome {
            Ok(Outcome::Done) => Self::Done,
            Ok(Outcome::Conversation(id)) => Self::Conversation(id.0),
            Ok(Outcome::Link(link)) => Self::Link(link.clone()),
            Ok(Outcome::Asked) => Self::Asked,
            Err(_) => Self::Refused,
        }
    }

    fn outcome(self) -> Result<Outcome, IntentError> {
        match self {
            Self::Done => Ok(Outcome::Done),
            Self::Conversation(id) => Ok(Outcome::Conversation(ConversationId(id))),
            Self::Link(link) => Ok(Outcome::Link(link)),
            Self::Asked => Ok(Outcome::Asked),
            Self::Refused => Err(IntentError::Refused),
        }
    }
}

/// Writes down that an act is done in this transaction, or waits for an intent.
fn note(connection: &Connection, act: &ActId, intent: Option<IntentId>, now_ms: u64) -> Result<(), DatabaseError> {
    let now_ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
    let oldest_ms = now_ms.saturating_sub_unsigned(KEPT_MS);
    connection
        .prepare_cached(
            "DELETE FROM acts WHERE rowid IN (SELECT rowid FROM acts ORDER BY rowid LIMIT ?3)
               AND (at_ms < ?1 OR rowid <= (SELECT max(rowid) FROM acts) - ?2)",
        )?
        .execute([oldest_ms, KEPT_MAX, FORGOTTEN_MAX])?;
    connection
        .prepare_cached("INSERT INTO acts (act, intent, outcome, at_ms) VALUES (?1, ?2, NULL, ?3)")?
        .execute(params![act.0, intent.map(u64::cast_signed), now_ms])?;
    Ok(())
}

/// Keeps an intent's outcome for whoever asks again, and gives a new link its terms.
pub(super) fn settle(
    connection: &Connection,
    timeline: Timeline<'_>,
    intent: IntentId,
    outcome: &Result<Outcome, IntentError>,
    changes: &mut Changes,
) -> Result<(), DatabaseError> {
    let bytes = serde_json::to_vec(&Stored::of(outcome)).map_err(|_| DatabaseError::Value("outcome"))?;
    connection
        .prepare_cached("UPDATE acts SET outcome = ?2 WHERE intent = ?1")?
        .execute(params![intent.cast_signed(), bytes])?;
    let link = match outcome {
        Ok(Outcome::Link(link)) => Some(link.as_str()),
        Ok(_) | Err(_) => None,
    };
    timeline.settle_terms(intent, link, changes)
}

impl Engine {
    /// How an act stands; none if it was never asked for, or long ago.
    ///
    /// # Errors
    /// What the database says.
    pub fn act(&self, act: &ActId) -> Result<Option<Act>, EngineError> {
        let found: Option<(Option<i64>, Option<Vec<u8>>)> = self
            .database
            .read()
            .prepare_cached("SELECT intent, outcome FROM acts WHERE act = ?1")
            .map_err(DatabaseError::from)?
            .query_row([act.0], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .map_err(DatabaseError::from)?;
        Ok(match found {
            None => None,
            Some((None, _)) => Some(Act::Done),
            Some((Some(intent), outcome)) => {
                let outcome = outcome
                    .map(|bytes| serde_json::from_slice::<Stored>(&bytes).map(Stored::outcome))
                    .transpose()
                    .map_err(|_| DatabaseError::Value("outcome"))?;
                Some(Act::Intended(intent.cast_unsigned(), outcome))
            }
        })
    }

    /// Sets an intent in motion as an act; asked for again, nothing happens.
    ///
    /// # Errors
    /// As [`Engine::handle`].
    pub fn intend_once(&mut self, now_ms: u64, act: ActId, intent: Intent) -> Result<(IntentId, Output), EngineError> {
        if let Some(Act::Intended(id, _)) = self.act(&act)? {
            return Ok((id, Output::default()));
        }
        let id = self.new_intent();
        let (output, ()) = self.transact(now_ms, |parts, collected| {
            note(parts.connection, &act, Some(id), parts.now_ms)?;
            parts.take_input(Input::Intent(id, intent), collected)
        })?;
        Ok((id, output))
    }

    /// Writes messages down as acts in one transaction and hands them to the device; each with its own result, in
    /// order. For an act that is asked for again the same message answers.
    ///
    /// # Errors
    /// As [`Engine::handle`]: then nothing was written.
    pub fn send_all_once(
        &mut self,
        now_ms: u64,
        messages: impl IntoIterator<Item = (ActId, ConversationId, Kind)>,
    ) -> Result<(Output, Vec<SendResult>), EngineError> {
        self.transact(now_ms, |parts, collected| {
            let send = |(act, conversation, kind)| parts.send_once(&act, conversation, kind, collected);
            each_its_own(messages.into_iter().map(send))
        })
    }

    /// Sends a text that failed once more, in its place; nothing happens with an entry that did not fail.
    ///
    /// # Errors
    /// As [`Engine::send`]; the failed entry then stays.
    pub fn retry(&mut self, now_ms: u64, entry: EntryId) -> Result<Output, EngineError> {
        let Some(found) = self.timeline().entry(entry)?.filter(|entry| entry.state == MessageState::Failed) else {
            return Ok(Output::default());
        };
        let EntryKind::Text(text) = found.kind else {
            return Ok(Output::default());
        };
        let kind = Kind::Text { text, reply_to: found.reply_to, is_forwarded: found.is_forwarded };
        self.transact(now_ms, |parts, collected| {
            parts.timeline().delete_here(entry, &mut collected.output.changes)?;
            parts.send(found.conversation, kind, collected).map(|_| ())
        })
        .map(|(output, ())| output)
    }

    /// Does something small to the timeline: a petname, a draft, a mark; what changed comes back.
    ///
    /// # Errors
    /// What `work` says.
    pub fn edit(
        &mut self,
        now_ms: u64,
        work: impl FnOnce(Timeline<'_>, &mut Changes) -> Result<(), DatabaseError>,
    ) -> Result<Output, EngineError> {
        self.transact(now_ms, |parts, collected| Ok(work(parts.timeline(), &mut collected.output.changes)?))
            .map(|(output, ())| output)
    }

    /// Blocks an account, or no longer: the device drops what comes from it, and the timeline shows it.
    ///
    /// # Errors
    /// As [`Engine::handle`].
    pub fn block(&mut self, now_ms: u64, account: AccountId, is_blocked: bool) -> Result<Output, EngineError> {
        let id = self.new_intent();
        self.handle(now_ms, vec![Input::Intent(id, Intent::Block { account, is_blocked })])
    }
}

impl Parts<'_> {
    fn send_once(
        &mut self,
        act: &ActId,
        conversation: ConversationId,
        kind: Kind,
        collected: &mut Collected,
    ) -> SendResult {
        let msg_id = act.msg_id();
        let is_done = self
            .connection
            .prepare_cached("SELECT 1 FROM acts WHERE act = ?1")
            .and_then(|mut statement| statement.exists([act.0]))
            .map_err(DatabaseError::from)?;
        if is_done {
            let entry = self.timeline().entry_by_msg_id(&conversation, &msg_id)?.map(|entry| entry.id);
            return Ok((msg_id, entry));
        }
        let entry = self.send_as(msg_id, conversation, kind, collected)?;
        note(self.connection, act, None, self.now_ms)?;
        Ok((msg_id, entry))
    }
}

/// What the timeline notes of an intent in the transaction that takes it.
pub(super) enum Noted {
    Nothing,
    Rename,
    Blocked(AccountId, bool),
    BlockedRequest(Hash),
    Terms(IntentId, InviteTerms),
}

impl Noted {
    pub(super) fn of(input: &Input, now_ms: u64) -> Self {
        match input {
            Input::Intent(_, Intent::SetName { .. }) => Self::Rename,
            Input::Intent(_, Intent::Block { account, is_blocked }) => Self::Blocked(*account, *is_blocked),
            Input::Intent(_, Intent::Answer { request, answer: Answer::Block }) => Self::BlockedRequest(*request),
            Input::Intent(id, Intent::Invite { group, needs_approval, valid_s }) => Self::Terms(
                *id,
                InviteTerms {
                    conversation: *group,
                    needs_approval: group.is_some() && *needs_approval,
                    expires_ms: now_ms.saturating_add(valid_s.saturating_mul(1_000)),
                },
            ),
            _ => Self::Nothing,
        }
    }

    /// Writes down what is to be there when the device's answer comes.
    pub(super) fn before(&self, timeline: Timeline<'_>, changes: &mut Changes) -> Result<(), DatabaseError> {
        match self {
            Self::Nothing | Self::Rename => Ok(()),
            Self::Blocked(account, is_blocked) => timeline.set_blocked(account, *is_blocked, changes),
            Self::BlockedRequest(request) => match timeline.request(request)? {
                Some(request) => timeline.set_blocked(&request.account, true, changes),
                None => Ok(()),
            },
            Self::Terms(intent, terms) => timeline.keep_terms(*intent, terms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Database;

    fn kept(database: &Database) -> i64 {
        database.read().query_row("SELECT count(*) FROM acts", [], |row| row.get(0)).unwrap()
    }

    fn note_all(database: &mut Database, numbers: std::ops::Range<i64>, now_ms: u64) {
        database
            .write(|tx| -> Result<(), DatabaseError> {
                for number in numbers {
                    let mut act = [0; 16];
                    act[..8].copy_from_slice(&number.to_be_bytes());
                    note(tx, &ActId(act), None, now_ms)?;
                }
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn answers_are_kept_to_their_number_and_for_a_day() {
        let mut database = Database::in_memory().unwrap();
        note_all(&mut database, 0..KEPT_MAX, 1);
        assert_eq!(kept(&database), KEPT_MAX);
        note_all(&mut database, KEPT_MAX..KEPT_MAX + 100, 1);
        assert_eq!(kept(&database), KEPT_MAX + 1);
        // Those of yesterday go a few with each new one.
        let before = kept(&database);
        note_all(&mut database, 10_000..10_010, 2 + KEPT_MS);
        assert_eq!(kept(&database), before - 10 * (FORGOTTEN_MAX - 1));
    }
}
