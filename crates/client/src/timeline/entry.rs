//! Entries of a conversation, and windows onto them.

use crate::db::DatabaseError;
use crate::files::Attachment;
use crate::files::table::Table;
use crate::timeline::call::parse_call;
use crate::timeline::{CallEntry, Timeline, unsigned};
use protocol::event::ConversationId;
use sqlite::rusqlite::{self, OptionalExtension, Row, params};
use wire::id::{AccountId, DeviceId, MsgId};

/// Entries in one snapshot at most.
const WINDOW_MAX: usize = 1_000;

/// Names an entry on this device; it stays the same while the entry moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub i64);

/// One line of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Names it here.
    pub id: EntryId,
    /// Where it is.
    pub conversation: ConversationId,
    /// The sender's id for it; made here for a notice.
    pub msg_id: MsgId,
    /// Who; all zeros for a notice.
    pub sender: AccountId,
    /// Which device; all zeros for a notice.
    pub device: DeviceId,
    /// By the sender's clock, milliseconds.
    pub sent_ms: u64,
    /// By our clock, milliseconds.
    pub received_ms: u64,
    /// What it is.
    pub kind: EntryKind,
    /// The message that it answers.
    pub reply_to: Option<MsgId>,
    /// Where it stands.
    pub state: MessageState,
    /// Not read yet.
    pub is_unread: bool,
    /// When the sender changed the text last.
    pub edited_ms: Option<u64>,
    /// The disappearing timer that it was sent with, seconds; 0 is off.
    pub timer_s: u32,
    /// When it disappears.
    pub expires_ms: Option<u64>,
    /// The sender passed it on from another conversation.
    pub is_forwarded: bool,
    /// One an account, in the order of accounts.
    pub reactions: Vec<Reaction>,
    /// Its files, in order; of [`EntryKind::Files`] only.
    pub files: Vec<Attachment>,
}

impl Entry {
    /// Sent from this account.
    pub fn is_own(&self) -> bool {
        self.state != MessageState::Received
    }

    /// The text, if it has one.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            EntryKind::Text(text) => Some(text),
            EntryKind::Files(caption) => Some(caption.as_str()).filter(|caption| !caption.is_empty()),
            EntryKind::Unknown
            | EntryKind::Timer(_)
            | EntryKind::Notice(_)
            | EntryKind::Deleted
            | EntryKind::Call(_) => None,
        }
    }
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A text.
    Text(String),
    /// Files, with a caption that may be empty.
    Files(String),
    /// "Needs a newer version": kept, and shown after an upgrade.
    Unknown,
    /// The sender set the disappearing timer, seconds; 0 is off.
    Timer(u32),
    /// Something about the conversation itself.
    Notice(Notice),
    /// Deleted for everyone by its sender.
    Deleted,
    /// What became of a call.
    Call(CallEntry),
}

/// What happened to a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// It began here.
    Began,
    /// A member came.
    Added(AccountId),
    /// A member is gone.
    Removed(AccountId),
    /// A member is an admin now.
    BecameAdmin(AccountId),
    /// A member is no admin any longer.
    NoLongerAdmin(AccountId),
    /// The title changed.
    Renamed(String),
    /// We are no longer a member.
    Ended,
    /// Another conversation goes on in its place.
    Restarted,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageState {
    /// It waits for the network.
    Pending,
    /// The node has it on disk.
    Stored,
    /// Every other member has it.
    Delivered,
    /// Every other member read it.
    Read,
    /// It cannot be sent.
    Failed,
    /// It is not ours.
    Received,
}

impl MessageState {
    /// The word of the command line's JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Stored => "stored",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
            Self::Received => "received",
        }
    }

    pub(super) fn code(self) -> i64 {
        match self {
            Self::Pending => 0,
            Self::Stored => 1,
            Self::Delivered => 2,
            Self::Read => 3,
            Self::Failed => 4,
            Self::Received => 5,
        }
    }

    fn parse(code: i64) -> Option<Self> {
        [Self::Pending, Self::Stored, Self::Delivered, Self::Read, Self::Failed, Self::Received]
            .into_iter()
            .find(|state| state.code() == code)
    }
}

/// A member's reaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// Who.
    pub account: AccountId,
    /// What.
    pub emoji: String,
}

/// Which part of a conversation a view shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// The last so many.
    Latest(usize),
    /// So many before an entry.
    Before(EntryId, usize),
    /// So many after an entry.
    After(EntryId, usize),
    /// An entry with so many on each side.
    Around(EntryId, usize),
}

/// A part of a conversation, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// The entries.
    pub entries: Vec<Entry>,
    /// There are older ones.
    pub has_older: bool,
    /// There are newer ones.
    pub has_newer: bool,
}

pub(super) const KIND_TEXT: i64 = 0;
pub(super) const KIND_UNKNOWN: i64 = 1;
pub(super) const KIND_TIMER: i64 = 2;
pub(super) const KIND_NOTICE: i64 = 3;
pub(super) const KIND_DELETED: i64 = 4;
pub(super) const KIND_FILES: i64 = 5;
pub(super) const KIND_CALL: i64 = 6;

impl Notice {
    /// The code, account and text that are stored.
    pub(super) fn parts(&self) -> (i64, Option<AccountId>, Option<&str>) {
        match self {
            Self::Began => (0, None, None),
            Self::Added(account) => (1, Some(*account), None),
            Self::Removed(account) => (2, Some(*account), None),
            Self::BecameAdmin(account) => (3, Some(*account), None),
            Self::NoLongerAdmin(account) => (4, Some(*account), None),
            // A title is not searched: it is kept beside the text.
            Self::Renamed(title) => (5, None, Some(title)),
            Self::Ended => (6, None, None),
            Self::Restarted => (7, None, None),
        }
    }

    fn parse(code: i64, account: Option<AccountId>, title: Option<String>) -> Option<Self> {
        Some(match (code, account) {
            (0, _) => Self::Began,
            (1, Some(account)) => Self::Added(account),
            (2, Some(account)) => Self::Removed(account),
            (3, Some(account)) => Self::BecameAdmin(account),
            (4, Some(account)) => Self::NoLongerAdmin(account),
            (5, _) => Self::Renamed(title?),
            (6, _) => Self::Ended,
            (7, _) => Self::Restarted,
            _ => return None,
        })
    }
}

/// The columns of [`Timeline::entry_of`], in order.
pub(super) const COLUMNS: &str = "m.id, c.conversation, m.msg_id, m.sender, m.device, m.sent_ms, m.received_ms, m.kind,
    m.text, m.raw, m.number, m.subject, m.reply_to, m.state, m.is_unread, m.edited_ms, m.timer_s, m.expires_ms, m.is_forwarded";

impl Timeline<'_> {
    /// The entries of a window, oldest first; nothing of a conversation that is not there.
    ///
    /// # Errors
    /// What the database says.
    pub fn snapshot(&self, conversation: &ConversationId, window: Window) -> Result<Snapshot, DatabaseError> {
        let Some(row) = self.row_of(conversation)? else {
            return Ok(Snapshot::default());
        };
        match window {
            Window::Latest(count) => self.older(row, (i64::MAX, i64::MAX), count, false),
            Window::Before(entry, count) => match self.place_of(row, entry)? {
                Some(at) => self.older(row, at, count, true),
                None => Ok(Snapshot::default()),
            },
            Window::After(entry, count) => match self.place_of(row, entry)? {
                Some(at) => self.newer(row, at, count),
                None => Ok(Snapshot::default()),
            },
            Window::Around(entry, count) => {
                let Some((place, id)) = self.place_of(row, entry)? else {
                    return Ok(Snapshot::default());
                };
                // The entry itself is the first of what is newer than just before it.
                let mut snapshot = self.older(row, (place, id), count, true)?;
                let newer = self.newer(row, (place, id - 1), count.saturating_add(1))?;
                snapshot.entries.extend(newer.entries);
                snapshot.has_newer = newer.has_newer;
                Ok(snapshot)
            }
        }
    }

    /// One entry.
    ///
    /// # Errors
    /// What the database says.
    pub fn entry(&self, entry: EntryId) -> Result<Option<Entry>, DatabaseError> {
        let found = self
            .connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM messages m JOIN conversations c ON c.id = m.conversation WHERE m.id = ?1"
            ))?
            .query_row([entry.0], |row| self.entry_of(row))
            .optional()?;
        found.map(|entry| self.with_reactions(entry)).transpose()
    }

    /// The entry of a message; the first, should two senders have chosen the same id.
    ///
    /// # Errors
    /// What the database says.
    pub fn entry_by_msg_id(
        &self,
        conversation: &ConversationId,
        msg_id: &MsgId,
    ) -> Result<Option<Entry>, DatabaseError> {
        let found = self
            .connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM messages m JOIN conversations c ON c.id = m.conversation
                 WHERE c.conversation = ?1 AND m.msg_id = ?2 ORDER BY m.place LIMIT 1"
            ))?
            .query_row(params![conversation.0, msg_id.0], |row| self.entry_of(row))
            .optional()?;
        found.map(|entry| self.with_reactions(entry)).transpose()
    }

    fn place_of(&self, row: i64, entry: EntryId) -> Result<Option<(i64, i64)>, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached("SELECT place, id FROM messages WHERE id = ?1 AND conversation = ?2")?
            .query_row([entry.0, row], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?)
    }

    fn older(&self, row: i64, at: (i64, i64), count: usize, has_newer: bool) -> Result<Snapshot, DatabaseError> {
        let mut entries = self.page(row, at, count, "(m.place, m.id) < (?2, ?3) ORDER BY m.place DESC, m.id DESC")?;
        let has_older = entries.len() > count.min(WINDOW_MAX);
        entries.truncate(count.min(WINDOW_MAX));
        entries.reverse();
        Ok(Snapshot { entries, has_older, has_newer })
    }

    fn newer(&self, row: i64, at: (i64, i64), count: usize) -> Result<Snapshot, DatabaseError> {
        let mut entries = self.page(row, at, count, "(m.place, m.id) > (?2, ?3) ORDER BY m.place, m.id")?;
        let has_newer = entries.len() > count.min(WINDOW_MAX);
        entries.truncate(count.min(WINDOW_MAX));
        Ok(Snapshot { entries, has_older: true, has_newer })
    }

    /// The entries between two places, both among them.
    pub(super) fn between(&self, row: i64, low: (i64, i64), high: (i64, i64)) -> Result<Snapshot, DatabaseError> {
        let limit = i64::try_from(WINDOW_MAX).unwrap_or(i64::MAX);
        let entries = self
            .connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM messages m JOIN conversations c ON c.id = m.conversation
                 WHERE m.conversation = ?1 AND (m.place, m.id) >= (?2, ?3) AND (m.place, m.id) <= (?4, ?5)
                 ORDER BY m.place, m.id LIMIT ?6"
            ))?
            .query_map(params![row, low.0, low.1, high.0, high.1, limit], |row| self.entry_of(row))?
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .map(|entry| self.with_reactions(entry))
            .collect::<Result<Vec<_>, _>>()?;
        let is_cut = entries.len() == WINDOW_MAX;
        let has_older = self.has_any(row, low, "(place, id) < (?2, ?3)")?;
        let has_newer = is_cut || self.has_any(row, high, "(place, id) > (?2, ?3)")?;
        Ok(Snapshot { entries, has_older, has_newer })
    }

    fn has_any(&self, row: i64, at: (i64, i64), condition: &str) -> Result<bool, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached(&format!("SELECT 1 FROM messages WHERE conversation = ?1 AND {condition} LIMIT 1"))?
            .exists(params![row, at.0, at.1])?)
    }

    /// One more than `count`, which tells whether there are more.
    fn page(&self, row: i64, at: (i64, i64), count: usize, condition: &str) -> Result<Vec<Entry>, DatabaseError> {
        let limit = i64::try_from(count.min(WINDOW_MAX) + 1).unwrap_or(i64::MAX);
        self.connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM messages m JOIN conversations c ON c.id = m.conversation
                 WHERE m.conversation = ?1 AND {condition} LIMIT ?4"
            ))?
            .query_map(params![row, at.0, at.1, limit], |row| self.entry_of(row))?
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .map(|entry| self.with_reactions(entry))
            .collect()
    }

    /// Reads [`COLUMNS`].
    pub(super) fn entry_of(&self, row: &Row<'_>) -> rusqlite::Result<Entry> {
        let code: i64 = row.get(7)?;
        let text: Option<String> = row.get(8)?;
        let number: Option<i64> = row.get(10)?;
        let kind = match code {
            KIND_TEXT => text.map(EntryKind::Text),
            KIND_FILES => Some(EntryKind::Files(text.unwrap_or_default())),
            KIND_UNKNOWN => Some(EntryKind::Unknown),
            KIND_TIMER => number.and_then(|seconds| u32::try_from(seconds).ok()).map(EntryKind::Timer),
            KIND_NOTICE => {
                let title = row.get::<_, Option<Vec<u8>>>(9)?.and_then(|title| String::from_utf8(title).ok());
                let account = row.get::<_, Option<[u8; 32]>>(11)?.map(AccountId);
                number.and_then(|number| Notice::parse(number, account, title)).map(EntryKind::Notice)
            }
            KIND_DELETED => Some(EntryKind::Deleted),
            KIND_CALL => {
                let raw: Vec<u8> = row.get::<_, Option<Vec<u8>>>(9)?.unwrap_or_default();
                let seconds = number.and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or_default();
                parse_call(&raw, seconds, text).map(EntryKind::Call)
            }
            _ => None,
        };
        Ok(Entry {
            id: EntryId(row.get(0)?),
            conversation: ConversationId(row.get(1)?),
            msg_id: MsgId(row.get(2)?),
            sender: AccountId(row.get(3)?),
            device: DeviceId(row.get(4)?),
            sent_ms: unsigned(row.get(5)?),
            received_ms: unsigned(row.get(6)?),
            kind: kind.ok_or(rusqlite::Error::IntegralValueOutOfRange(7, code))?,
            reply_to: row.get::<_, Option<[u8; 16]>>(12)?.map(MsgId),
            state: MessageState::parse(row.get(13)?).ok_or(rusqlite::Error::IntegralValueOutOfRange(13, code))?,
            is_unread: row.get(14)?,
            edited_ms: row.get::<_, Option<i64>>(15)?.map(unsigned),
            timer_s: row.get(16)?,
            expires_ms: row.get::<_, Option<i64>>(17)?.map(unsigned),
            is_forwarded: row.get(18)?,
            reactions: Vec::new(),
            files: if code == KIND_FILES {
                Table::new(self.connection).of_entry(EntryId(row.get(0)?))?
            } else {
                Vec::new()
            },
        })
    }

    fn with_reactions(&self, mut entry: Entry) -> Result<Entry, DatabaseError> {
        entry.reactions = self
            .connection
            .prepare_cached(
                "SELECT r.account, r.emoji FROM reactions r JOIN conversations c ON c.id = r.conversation
                 WHERE c.conversation = ?1 AND r.msg_id = ?2 ORDER BY r.account",
            )?
            .query_map(params![entry.conversation.0, entry.msg_id.0], |row| {
                Ok(Reaction { account: AccountId(row.get(0)?), emoji: row.get(1)? })
            })?
            .collect::<Result<_, _>>()?;
        Ok(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::testing::{ADA, ROOM, World, text};

    fn ids(snapshot: &Snapshot) -> Vec<u8> {
        snapshot.entries.iter().filter(|entry| entry.text().is_some()).map(|entry| entry.msg_id.0[0]).collect()
    }

    #[test]
    fn windows_cover_a_conversation_without_gap_or_overlap() {
        let mut world = World::new();
        for id in 1..=50 {
            world.received(ADA, id, text("x"), u64::from(id));
        }
        let timeline = world.timeline();
        let latest = timeline.snapshot(&ROOM, Window::Latest(20)).unwrap();
        assert_eq!(ids(&latest), (31..=50).collect::<Vec<_>>());
        assert!(latest.has_older && !latest.has_newer);

        let before = timeline.snapshot(&ROOM, Window::Before(latest.entries[0].id, 20)).unwrap();
        assert_eq!(ids(&before), (11..=30).collect::<Vec<_>>());
        assert!(before.has_older && before.has_newer);

        let first = timeline.snapshot(&ROOM, Window::Before(before.entries[0].id, 20)).unwrap();
        assert_eq!(ids(&first), (1..=10).collect::<Vec<_>>());
        assert!(!first.has_older);

        let after = timeline.snapshot(&ROOM, Window::After(before.entries[19].id, 20)).unwrap();
        assert_eq!(after.entries, latest.entries);
        assert!(!after.has_newer);

        let around = timeline.snapshot(&ROOM, Window::Around(before.entries[9].id, 5)).unwrap();
        assert_eq!(ids(&around), (15..=25).collect::<Vec<_>>());
        assert!(around.has_older && around.has_newer);
    }

    #[test]
    fn snapshot_has_a_limit() {
        let mut world = World::new();
        for number in 0..=WINDOW_MAX {
            world.received_bytes(ADA, 0, vec![], 0);
            let mut id = [0; 16];
            id[..8].copy_from_slice(&(number as u64).to_be_bytes());
            let message = protocol::content::Content { sent_ms: 0, timer_s: 0, kind: text("x") }.encode().unwrap();
            world.record(
                protocol::event::Record::Received {
                    conversation: ROOM,
                    msg_id: MsgId(id),
                    account: ADA,
                    device: crate::timeline::testing::device(ADA),
                    message: message.into(),
                    at_ms: 0,
                },
                0,
            );
        }
        let snapshot = world.timeline().snapshot(&ROOM, Window::Latest(usize::MAX)).unwrap();
        assert_eq!(snapshot.entries.len(), WINDOW_MAX);
        assert!(snapshot.has_older);
    }

    #[test]
    fn unknown_conversation_has_no_entries() {
        let world = World::new();
        let other = ConversationId([0; 16]);
        assert_eq!(world.timeline().snapshot(&other, Window::Latest(5)).unwrap(), Snapshot::default());
    }
}
