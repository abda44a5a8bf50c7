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
    /// A call of many, by whose account it was opened.
    pub group: Option<AccountId>,
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
        if self.group.is_some() {
            return if self.outcome == CallOutcome::Talked { "group" } else { "group-missed" };
        }
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

/// In `messages.raw`: the outcome's number, then 1 for a call of ours, then 1 for pictures; for a call of many the
/// account that opened it, 32 bytes.
pub(super) fn parse_call(raw: &[u8], seconds: u32, text: Option<String>) -> Option<CallEntry> {
    let (&[outcome, is_outgoing, has_video], opener) = raw.split_first_chunk()?;
    Some(CallEntry {
        is_outgoing: is_outgoing == 1,
        has_video: has_video == 1,
        outcome: *CallOutcome::ALL.get(usize::from(outcome))?,
        seconds,
        text: text.unwrap_or_default(),
        group: if opener.is_empty() { None } else { Some(AccountId::parse(opener).ok()?) },
    })
}

/// A call of many that is under way, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptGroupCall {
    /// The call.
    pub call_id: [u8; 16],
    /// With pictures.
    pub has_video: bool,
    /// Since when, by its opener's clock.
    pub since_ms: u64,
    /// The account that opened it.
    pub opener: [u8; 32],
    /// Leads to its room.
    pub room: [u8; 32],
    /// The devices in it, longest first.
    pub line: Vec<[u8; 16]>,
    /// The epoch of its group.
    pub epoch: u64,
    /// A device of this account was in it.
    pub was_ours: bool,
    /// This device is in it.
    pub is_here: bool,
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
/// Settings that hold a call of many begin so; the group follows.
const GROUP_PREFIX: &str = "group_call ";

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
        let sender = match call.group {
            Some(opener) => opener,
            None if call.is_outgoing => self.me.account,
            None => summary.peer.unwrap_or(AccountId([0; 32])),
        };
        let state = if call.is_outgoing { MessageState::Stored } else { MessageState::Received };
        let is_missed = !call.is_outgoing && call.outcome == CallOutcome::Unanswered;
        let place = self.next_place(row, now_ms)?;
        let outcome = CallOutcome::ALL.iter().position(|outcome| *outcome == call.outcome).unwrap_or_default();
        let mut raw = vec![u8::try_from(outcome).unwrap_or_default(), call.is_outgoing.into(), call.has_video.into()];
        raw.extend(call.group.iter().flat_map(|opener| opener.0));
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

    /// Keeps what is known of a call of many in a group, or that there is none.
    ///
    /// # Errors
    /// What the database says.
    pub fn keep_group_call(
        &self,
        conversation: &ConversationId,
        call: Option<&KeptGroupCall>,
    ) -> Result<(), DatabaseError> {
        let name = format!("{GROUP_PREFIX}{}", conversation.to_hex());
        match call {
            Some(call) => {
                let value = serde_json::to_string(call).map_err(|_| DatabaseError::Value("call"))?;
                self.set_setting(&name, &value)
            }
            None => {
                self.connection.prepare_cached("DELETE FROM settings WHERE name = ?1")?.execute([name])?;
                Ok(())
            }
        }
    }

    /// The calls of many that were under way when the program ended.
    ///
    /// # Errors
    /// What the database says.
    pub fn group_calls(&self) -> Result<Vec<(ConversationId, KeptGroupCall)>, DatabaseError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT name, value FROM settings WHERE name LIKE ?1 || '%' ORDER BY name")?;
        let rows: Vec<(String, String)> =
            statement.query_map([GROUP_PREFIX], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        rows.iter()
            .map(|(name, text)| {
                let hex = name.strip_prefix(GROUP_PREFIX).unwrap_or_default();
                let id = data_encoding::HEXLOWER.decode(hex.as_bytes()).ok().and_then(|id| id.try_into().ok());
                let id = id.ok_or(DatabaseError::Value("call"))?;
                Ok((ConversationId(id), serde_json::from_str(text).map_err(|_| DatabaseError::Value("call"))?))
            })
            .collect()
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
            group: None,
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

    #[test]
    fn group_call_is_kept_and_its_record_names_who_opened_it() {
        let world = World::new();
        let kept = KeptGroupCall {
            call_id: [1; 16],
            has_video: true,
            since_ms: 5,
            opener: [2; 32],
            room: [3; 32],
            line: vec![[4; 16]],
            epoch: 6,
            was_ours: false,
            is_here: true,
        };
        world.timeline().keep_group_call(&ROOM, Some(&kept)).unwrap();
        assert_eq!(world.timeline().group_calls().unwrap(), [(ROOM, kept)]);
        world.timeline().keep_group_call(&ROOM, None).unwrap();
        assert!(world.timeline().group_calls().unwrap().is_empty());
        let call = CallEntry {
            is_outgoing: false,
            has_video: true,
            outcome: CallOutcome::Unanswered,
            seconds: 60,
            text: String::new(),
            group: Some(crate::timeline::testing::ADA),
        };
        world.timeline().add_call(&ROOM, &CallId([7; 16]), &call, 5, &mut Changes::new()).unwrap();
        let shown = world.entries().into_iter().find_map(|found| match found.kind {
            EntryKind::Call(call) => Some((found.sender, call)),
            _ => None,
        });
        assert_eq!(shown, Some((crate::timeline::testing::ADA, call.clone())));
        assert_eq!(call.sentence(), "group-missed");
    }
}
