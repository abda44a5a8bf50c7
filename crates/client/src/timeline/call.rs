//! What became of calls, in the conversation; and the calls that are under way, should the program die meanwhile.

use crate::db::DatabaseError;
use crate::timeline::entry::KIND_CALL;
use crate::timeline::{Change, Changes, EntryId, MessageState, Timeline, millis};
use protocol::event::ConversationId;
use serde::{Deserialize, Serialize};
use sqlite::rusqlite::params;
use wire::id::{AccountId, CallId};

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallEntry {
    /// A device of this account called.
    pub is_outgoing: bool,
    /// With pictures.
    pub has_video: bool,
    /// How it ended.
    pub outcome: CallOutcome,
    /// How long they talked.
    pub seconds: u32,
    /// What was said with a refusal; may be empty.
    pub text: String,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// They talked.
    Talked,
    /// Another device of this account took or made it.
    Elsewhere,
    /// Nobody picked up.
    Unanswered,
    /// Somebody said no.
    Declined,
    /// The other side was in a call.
    Busy,
    /// It never connected, or broke for good.
    Failed,
}

impl CallOutcome {
    const ALL: [Self; 6] = [Self::Talked, Self::Elsewhere, Self::Unanswered, Self::Declined, Self::Busy, Self::Failed];

    /// The word of the command line's JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Talked => "talked",
            Self::Elsewhere => "elsewhere",
            Self::Unanswered => "unanswered",
            Self::Declined => "declined",
            Self::Busy => "busy",
            Self::Failed => "failed",
        }
    }
}

impl CallEntry {
    /// How long they talked, for people: whole minutes from one on.
    pub fn shown_seconds(&self) -> u32 {
        if self.seconds < 60 { self.seconds } else { self.seconds - self.seconds % 60 }
    }

    /// Names the sentence that says what became of it, in every program's words.
    pub fn sentence(&self) -> &'static str {
        match (self.outcome, self.is_outgoing) {
            (CallOutcome::Talked, _) => "talked",
            (CallOutcome::Elsewhere, _) => "elsewhere",
            (CallOutcome::Unanswered, true) => "unanswered",
            (CallOutcome::Unanswered, false) => "missed",
            (CallOutcome::Declined, true) => "declined",
            (CallOutcome::Declined, false) => "declined-you",
            (CallOutcome::Busy, _) => "busy",
            (CallOutcome::Failed, _) => "failed",
        }
    }
}

/// In `messages.raw`: the outcome's number, then 1 for a call of ours, then 1 for pictures.
pub(super) fn parse_call(raw: &[u8], seconds: u32, text: Option<String>) -> Option<CallEntry> {
    let [outcome, is_outgoing, has_video] = *raw else { return None };
    Some(CallEntry {
        is_outgoing: is_outgoing == 1,
        has_video: has_video == 1,
        outcome: *CallOutcome::ALL.get(usize::from(outcome))?,
        seconds,
        text: text.unwrap_or_default(),
    })
}

/// A call that is under way, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCall {
    /// The call.
    pub call_id: [u8; 16],
    /// Where.
    pub conversation: [u8; 16],
    /// We call.
    pub is_outgoing: bool,
    /// With pictures.
    pub has_video: bool,
    /// Somebody picked up.
    pub is_answered: bool,
}

/// Settings that hold a call which is under way begin so.
const OPEN_PREFIX: &str = "open_call ";

impl Timeline<'_> {
    /// Shows what became of a call; once, however often it is told.
    ///
    /// # Errors
    /// What the database says.
    pub fn add_call(
        &self,
        conversation: &ConversationId,
        call_id: &CallId,
        call: &CallEntry,
        now_ms: u64,
        changes: &mut Changes,
    ) -> Result<(), DatabaseError> {
        let (Some(row), Some(summary)) = (self.row_of(conversation)?, self.conversation(conversation)?) else {
            return Ok(());
        };
        let is_known = self
            .connection
            .prepare_cached("SELECT 1 FROM messages WHERE conversation = ?1 AND msg_id = ?2 AND kind = ?3")?
            .exists(params![row, call_id.0, KIND_CALL])?;
        if is_known {
            return Ok(());
        }
        let sender = if call.is_outgoing { self.me.account } else { summary.peer.unwrap_or(AccountId([0; 32])) };
        let state = if call.is_outgoing { MessageState::Stored } else { MessageState::Received };
        let is_missed = !call.is_outgoing && call.outcome == CallOutcome::Unanswered;
        let place = self.next_place(row, now_ms)?;
        let outcome = CallOutcome::ALL.iter().position(|outcome| *outcome == call.outcome).unwrap_or_default();
        let raw = [u8::try_from(outcome).unwrap_or_default(), call.is_outgoing.into(), call.has_video.into()];
        let id = self
            .connection
            .prepare_cached(
                "INSERT INTO messages (conversation, msg_id, sender, device, place, sent_ms, received_ms, kind, text,
                   raw, number, state, is_unread)
                 VALUES (?1, ?2, ?3, zeroblob(16), ?4, ?5, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .insert(params![
                row,
                call_id.0,
                sender.0,
                place,
                millis(now_ms),
                KIND_CALL,
                Some(call.text.as_str()).filter(|text| !text.is_empty()),
                raw,
                call.seconds,
                state.code(),
                is_missed,
            ])?;
        changes.insert(Change::Added(*conversation, EntryId(id)));
        changes.insert(Change::List);
        Ok(())
    }

    /// Keeps that a call is under way.
    ///
    /// # Errors
    /// What the database says.
    pub fn keep_open_call(&self, call: &OpenCall) -> Result<(), DatabaseError> {
        let value = serde_json::to_string(call).map_err(|_| DatabaseError::Value("call"))?;
        self.set_setting(&open_name(&call.call_id), &value)
    }

    /// A call is over.
    ///
    /// # Errors
    /// What the database says.
    pub fn forget_open_call(&self, call_id: &CallId) -> Result<(), DatabaseError> {
        self.connection.prepare_cached("DELETE FROM settings WHERE name = ?1")?.execute([open_name(&call_id.0)])?;
        Ok(())
    }

    /// The calls that were under way when the program ended.
    ///
    /// # Errors
    /// What the database says.
    pub fn open_calls(&self) -> Result<Vec<OpenCall>, DatabaseError> {
        let mut statement =
            self.connection.prepare_cached("SELECT value FROM settings WHERE name LIKE ?1 || '%' ORDER BY name")?;
        let rows: Vec<String> = statement.query_map([OPEN_PREFIX], |row| row.get(0))?.collect::<Result<_, _>>()?;
        rows.iter().map(|text| serde_json::from_str(text).map_err(|_| DatabaseError::Value("call"))).collect()
    }
}

fn open_name(call_id: &[u8; 16]) -> String {
    format!("{OPEN_PREFIX}{}", data_encoding::HEXLOWER.encode(call_id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::EntryKind;
    use crate::timeline::testing::{ROOM, World};

    #[test]
    fn call_is_shown_once_and_a_missed_one_is_unread() {
        let world = World::new();
        let entry = |outcome, is_outgoing| CallEntry {
            is_outgoing,
            has_video: true,
            outcome,
            seconds: 61,
            text: "later".into(),
        };
        let mut changes = Changes::new();
        let calls = CallOutcome::ALL.iter().flat_map(|outcome| [(*outcome, false), (*outcome, true)]);
        for (number, (outcome, is_outgoing)) in (0_u8..).zip(calls.clone()) {
            for _ in 0..2 {
                let call = entry(outcome, is_outgoing);
                world.timeline().add_call(&ROOM, &CallId([number; 16]), &call, 5, &mut changes).unwrap();
            }
        }
        let shown: Vec<_> = world
            .entries()
            .into_iter()
            .filter_map(|found| match found.kind {
                EntryKind::Call(call) => Some((call, found.is_unread)),
                _ => None,
            })
            .collect();
        let expected: Vec<_> = calls
            .map(|(outcome, is_outgoing)| {
                (entry(outcome, is_outgoing), outcome == CallOutcome::Unanswered && !is_outgoing)
            })
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn open_calls_are_kept_until_they_are_forgotten() {
        let world = World::new();
        let open = |number| OpenCall {
            call_id: [number; 16],
            conversation: ROOM.0,
            is_outgoing: true,
            has_video: false,
            is_answered: false,
        };
        world.timeline().keep_open_call(&open(1)).unwrap();
        world.timeline().keep_open_call(&OpenCall { is_answered: true, ..open(2) }).unwrap();
        world.timeline().forget_open_call(&CallId([1; 16])).unwrap();
        assert_eq!(world.timeline().open_calls().unwrap(), [OpenCall { is_answered: true, ..open(2) }]);
    }
}
