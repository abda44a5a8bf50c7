//! Reading, disappearing, and the receipts that we owe.

use crate::db::DatabaseError;
use crate::files::table::Table;
use crate::timeline::{Change, Changes, EntryId, Timeline, millis, unsigned};
use protocol::event::ConversationId;
use sqlite::rusqlite::{OptionalExtension, params};
use wire::id::MsgId;
use wire::limit::RECEIPT_IDS_MAX;

/// Delivery receipts go out 2 to 10 s after the message came (LANE.md C15).
pub const RECEIPT_DELAY_MS: std::ops::RangeInclusive<u64> = 2_000..=10_000;

/// By the index of what was not read: what was read is not looked at.
const READ_UP_TO: &str = "UPDATE messages SET is_unread = 0,
       expires_ms = CASE WHEN timer_s > 0 THEN ?3 + timer_s * 1000 ELSE expires_ms END
     WHERE conversation = ?1 AND is_unread = 1 AND place <= coalesce((SELECT place FROM messages WHERE id = ?2), ?4)
     RETURNING id, msg_id";

/// What is owed to a conversation as one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwedBatch {
    /// Where.
    pub conversation: ConversationId,
    /// What.
    pub kind: OwedKind,
    /// What receipts are for, at most 256.
    pub msg_ids: Vec<MsgId>,
}

/// What is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwedKind {
    /// Delivery receipts.
    Delivered,
    /// Read receipts.
    Read,
    /// Our display name, to a group with newcomers.
    Profile,
}

impl OwedKind {
    fn code(self) -> i64 {
        match self {
            Self::Delivered => 0,
            Self::Read => 1,
            Self::Profile => 2,
        }
    }

    fn parse(code: i64) -> Option<Self> {
        [Self::Delivered, Self::Read, Self::Profile].into_iter().find(|kind| kind.code() == code)
    }
}

impl Timeline<'_> {
    /// Marks what came up to an entry, or all, as read. Disappearing messages begin to count down.
    ///
    /// Owes read receipts where `sends_receipts`; they are jittered like delivery receipts.
    ///
    /// # Errors
    /// What the database says.
    pub fn mark_read(
        &self,
        conversation: &ConversationId,
        up_to: Option<EntryId>,
        sends_receipts: bool,
        now_ms: u64,
        changes: &mut Changes,
    ) -> Result<usize, DatabaseError> {
        let Some(row) = self.row_of(conversation)? else {
            return Ok(0);
        };
        let read: Vec<(i64, [u8; 16])> = self
            .connection
            .prepare_cached(READ_UP_TO)?
            .query_map(params![row, up_to.map(|entry| entry.0), millis(now_ms), i64::MAX], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect::<Result<_, _>>()?;
        let owes = sends_receipts && !read.is_empty() && self.owes_receipts(row)?;
        for (id, msg_id) in &read {
            changes.insert(Change::Updated(*conversation, EntryId(*id)));
            if owes {
                self.owe(row, &MsgId(*msg_id), OwedKind::Read, now_ms)?;
            }
        }
        if !read.is_empty() {
            changes.insert(Change::Conversation(*conversation));
        }
        Ok(read.len())
    }

    /// Deletes what has disappeared by `now_ms`, with everything that hangs on it; when to call again.
    ///
    /// # Errors
    /// What the database says.
    pub fn expire(&self, now_ms: u64, changes: &mut Changes) -> Result<Option<u64>, DatabaseError> {
        let table = Table::new(self.connection);
        let before = table.last_discarded()?;
        let gone: Vec<(i64, i64, [u8; 16])> = self
            .connection
            .prepare_cached("DELETE FROM messages WHERE expires_ms <= ?1 RETURNING id, conversation, msg_id")?
            .query_map([millis(now_ms)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        if !gone.is_empty() {
            table.leave_at_node(before, now_ms)?;
        }
        for (id, row, msg_id) in gone {
            self.connection
                .prepare_cached("DELETE FROM reactions WHERE conversation = ?1 AND msg_id = ?2")?
                .execute(params![row, msg_id])?;
            let conversation: [u8; 16] = self
                .connection
                .prepare_cached("SELECT conversation FROM conversations WHERE id = ?1")?
                .query_row([row], |row| row.get(0))?;
            changes.insert(Change::Removed(ConversationId(conversation), EntryId(id)));
            changes.insert(Change::List);
        }
        self.next_expiry_ms()
    }

    /// When the next message disappears.
    ///
    /// # Errors
    /// What the database says.
    pub fn next_expiry_ms(&self) -> Result<Option<u64>, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached("SELECT min(expires_ms) FROM messages WHERE expires_ms IS NOT NULL")?
            .query_row([], |row| row.get::<_, Option<i64>>(0))?
            .map(unsigned))
    }

    /// Notes a receipt to send; the delay is drawn from the message's id, which is random.
    pub(super) fn owe(&self, row: i64, msg_id: &MsgId, kind: OwedKind, at_ms: u64) -> Result<(), DatabaseError> {
        let (least, most) = RECEIPT_DELAY_MS.into_inner();
        let draw = u64::from(u16::from_be_bytes([msg_id.0[14], msg_id.0[15]]));
        let due_ms = at_ms.saturating_add(least + draw % (most - least + 1));
        self.connection
            .prepare_cached(
                "INSERT INTO owed (conversation, msg_id, kind, due_ms) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (conversation, msg_id, kind) DO NOTHING",
            )?
            .execute(params![row, msg_id.0, kind.code(), millis(due_ms)])?;
        Ok(())
    }

    /// Notes that a group with newcomers is to learn our name; once, however many come.
    pub(super) fn owe_profile(&self, row: i64, at_ms: u64) -> Result<(), DatabaseError> {
        let mut mark = [0; 16];
        // The delay is drawn from the account and the group, so that not all members speak at once.
        mark[14] = self.me.account.0[0];
        mark[15] = self.me.account.0[1].wrapping_add(row.to_le_bytes()[0]);
        self.owe(row, &MsgId(mark), OwedKind::Profile, at_ms)
    }

    /// Takes a batch of receipts that are due: all of the conversation's go along once its first is due.
    ///
    /// # Errors
    /// What the database says.
    pub fn take_owed(&self, now_ms: u64) -> Result<Option<OwedBatch>, DatabaseError> {
        let due: Option<(i64, [u8; 16], i64)> = self
            .connection
            .prepare_cached(
                "SELECT o.conversation, c.conversation, o.kind FROM owed o
                 JOIN conversations c ON c.id = o.conversation WHERE o.due_ms <= ?1 ORDER BY o.due_ms LIMIT 1",
            )?
            .query_row([millis(now_ms)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let Some((row, conversation, code)) = due else {
            return Ok(None);
        };
        let kind = OwedKind::parse(code).ok_or(DatabaseError::Value("receipt"))?;
        let limit = i64::try_from(RECEIPT_IDS_MAX).unwrap_or(1);
        let msg_ids = self
            .connection
            .prepare_cached(
                "DELETE FROM owed WHERE conversation = ?1 AND kind = ?2 AND msg_id IN
                   (SELECT msg_id FROM owed WHERE conversation = ?1 AND kind = ?2 ORDER BY due_ms LIMIT ?3)
                 RETURNING msg_id",
            )?
            .query_map(params![row, code, limit], |row| Ok(MsgId(row.get(0)?)))?
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Some(OwedBatch { conversation: ConversationId(conversation), kind, msg_ids }))
    }

    /// When the next receipt is due.
    ///
    /// # Errors
    /// What the database says.
    pub fn next_owed_ms(&self) -> Result<Option<u64>, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached("SELECT due_ms FROM owed ORDER BY due_ms LIMIT 1")?
            .query_row([], |row| row.get::<_, i64>(0))
            .optional()?
            .map(unsigned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::testing::{ADA, BOB, ME, ROOM, World, conversation, device, text};
    use protocol::content::Kind;
    use protocol::event::Record;

    fn read(world: &mut World, now_ms: u64) -> usize {
        let mut changes = Changes::new();
        world.timeline().mark_read(&ROOM, None, false, now_ms, &mut changes).unwrap()
    }

    fn expire(world: &World, now_ms: u64) -> Option<u64> {
        world.timeline().expire(now_ms, &mut Changes::new()).unwrap()
    }

    #[test]
    fn received_message_disappears_after_it_was_read_and_own_after_it_was_sent() {
        let mut world = World::new();
        world.own_with_timer(1, text("mine"), 1_000, 5);
        world.received_with_timer(ADA, 2, text("theirs"), 1_000, 5);
        assert_eq!(expire(&world, 5_999), Some(6_000));
        assert_eq!(world.texts(), ["theirs", "mine"]);
        assert_eq!(expire(&world, 6_000), None);
        assert_eq!(world.texts(), ["theirs"], "not read yet");
        assert_eq!(read(&mut world, 60_000), 1);
        assert_eq!(expire(&world, 64_999), Some(65_000));
        assert_eq!(expire(&world, 65_000), None);
        assert!(world.texts().is_empty());
    }

    #[test]
    fn what_disappeared_is_in_no_table_and_no_index() {
        let mut world = World::new();
        world.received_with_timer(ADA, 1, text("xylophone"), 1_000, 5);
        world.received(BOB, 2, Kind::Reaction { msg_id: MsgId([1; 16]), emoji: Some("👍".into()) }, 1_001);
        read(&mut world, 2_000);
        expire(&world, 7_000);
        assert!(world.timeline().search("xylophone", None, 5).unwrap().is_empty());
        for table in ["reactions", "receipts"] {
            let count: i64 = world
                .database
                .read()
                .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
                .unwrap();
            assert_eq!(count, 0, "{table}");
        }
        // The index's own segments hold no trace of the word either.
        let traces: i64 = world
            .database
            .read()
            .query_row("SELECT count(*) FROM words_data WHERE instr(block, 'xylophone')", [], |row| row.get(0))
            .unwrap();
        assert_eq!(traces, 0);
    }

    #[test]
    fn reading_up_to_an_entry_leaves_later_ones_unread() {
        let mut world = World::new();
        for id in 1..=3 {
            world.received(ADA, id, text("x"), 10);
        }
        let entries = world.entries();
        let mut changes = Changes::new();
        let count = world.timeline().mark_read(&ROOM, Some(entries[2].id), false, 20, &mut changes).unwrap();
        assert_eq!(count, 2);
        assert_eq!(world.timeline().conversation(&ROOM).unwrap().unwrap().unread, 1);
        assert_eq!(read(&mut world, 21), 1);
        assert_eq!(read(&mut world, 22), 0);
    }

    #[test]
    fn reading_looks_at_nothing_that_was_read() {
        let plan = World::new().plan(READ_UP_TO, params![1, 1, 1, 1]);
        assert!(plan[0].contains("messages_unread"), "{plan:?}");
    }

    #[test]
    fn delivery_receipts_are_owed_once_in_batches_within_the_delay() {
        let mut world = World::new();
        for number in 0..300_u16 {
            let mut id = [7; 16];
            id[14..].copy_from_slice(&number.to_be_bytes());
            let message = protocol::content::Content { sent_ms: 0, timer_s: 0, kind: text("x") }.encode().unwrap();
            world.record(
                Record::Received {
                    conversation: ROOM,
                    msg_id: MsgId(id),
                    account: ADA,
                    device: device(ADA),
                    message: message.into(),
                    at_ms: 100_000,
                },
                100_000,
            );
        }
        let timeline = world.timeline();
        let first = timeline.next_owed_ms().unwrap().unwrap();
        assert!((102_000..=110_000).contains(&first), "{first}");
        assert_eq!(timeline.take_owed(first - 1).unwrap(), None);
        let batch = timeline.take_owed(first).unwrap().unwrap();
        assert_eq!((batch.msg_ids.len(), batch.kind, batch.conversation), (RECEIPT_IDS_MAX, OwedKind::Delivered, ROOM));
        assert_eq!(timeline.take_owed(110_000).unwrap().unwrap().msg_ids.len(), 300 - RECEIPT_IDS_MAX);
        assert_eq!(timeline.take_owed(u64::MAX).unwrap(), None);
    }

    #[test]
    fn read_receipts_are_owed_only_if_wanted() {
        let mut world = World::new();
        world.received(ADA, 1, text("x"), 10);
        let mut changes = Changes::new();
        world.timeline().mark_read(&ROOM, None, true, 20, &mut changes).unwrap();
        let mut owed = Vec::new();
        while let Some(batch) = world.timeline().take_owed(1_000_000).unwrap() {
            owed.push(batch.kind.code());
        }
        owed.sort_unstable();
        assert_eq!(owed, [0, 1]);
        world.received(ADA, 2, text("y"), 30);
        world.timeline().mark_read(&ROOM, None, false, 40, &mut changes).unwrap();
        assert_eq!(world.timeline().take_owed(1_000_000).unwrap().unwrap().kind, OwedKind::Delivered);
        assert_eq!(world.timeline().take_owed(1_000_000).unwrap(), None);
    }

    #[test]
    fn group_with_newcomers_learns_our_name_once() {
        let mut world = World::unsettled();
        let batch = world.timeline().take_owed(1_000_000).unwrap().unwrap();
        assert_eq!(batch.kind, OwedKind::Profile, "it began");
        world.record(Record::Conversation(conversation(&[ME.account, ADA, BOB])), 2);
        assert_eq!(world.timeline().take_owed(1_000_000).unwrap(), None, "nobody came");
        let newcomers = [ME.account, ADA, BOB, wire::id::AccountId([7; 32]), wire::id::AccountId([8; 32])];
        world.record(Record::Conversation(conversation(&newcomers)), 3);
        assert_eq!(world.timeline().take_owed(1_000_000).unwrap().unwrap().kind, OwedKind::Profile);
        assert_eq!(world.timeline().take_owed(1_000_000).unwrap(), None);
    }

    #[test]
    fn group_of_more_than_32_devices_owes_no_receipts() {
        let mut world = World::new();
        let accounts: Vec<_> =
            std::iter::once(ME.account).chain((100..131).map(|n| wire::id::AccountId([n; 32]))).collect();
        assert_eq!(accounts.len(), 32);
        world.record(Record::Conversation(conversation(&accounts)), 2);
        world.received(accounts[1], 1, text("x"), 10);
        while world.timeline().take_owed(u64::MAX >> 1).unwrap().is_some_and(|batch| batch.kind != OwedKind::Delivered)
        {
        }
        assert_eq!(world.timeline().take_owed(u64::MAX >> 1).unwrap(), None);
        let more: Vec<_> = accounts.into_iter().chain([wire::id::AccountId([200; 32])]).collect();
        world.record(Record::Conversation(conversation(&more)), 3);
        world.received(more[1], 2, text("y"), 11);
        assert_eq!(world.timeline().take_owed(u64::MAX >> 1).unwrap(), None);
    }
}
