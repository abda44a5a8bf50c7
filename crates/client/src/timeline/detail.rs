//! What a user interface asks for beside the entries: ranges, replies, who has a message, what waits.

use crate::db::DatabaseError;
use crate::timeline::{Entry, EntryId, Snapshot, Timeline};
use protocol::event::ConversationId;
use sqlite::rusqlite::{OptionalExtension, params};
use wire::id::{AccountId, DeviceId};

/// By the index of what was not read: what was read is not looked at.
const FIRST_UNREAD: &str = "SELECT m.id FROM messages m JOIN conversations c ON c.id = m.conversation
     WHERE c.conversation = ?1 AND m.is_unread = 1 ORDER BY m.place, m.id LIMIT 1";

/// Who has an own message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageInfo {
    /// Members who read it.
    pub read_by: Vec<AccountId>,
    /// Members who have it and have not said that they read it.
    pub delivered_to: Vec<AccountId>,
    /// The other members now.
    pub waiting_for: Vec<AccountId>,
}

impl Timeline<'_> {
    /// The entries from one to another, both among them; where one is gone, from its next or to its last neighbour
    /// in the order of arrival.
    ///
    /// # Errors
    /// What the database says.
    pub fn range(&self, conversation: &ConversationId, from: EntryId, to: EntryId) -> Result<Snapshot, DatabaseError> {
        let Some(row) = self.row_of(conversation)? else {
            return Ok(Snapshot::default());
        };
        let nearest = |sql: &str, entry: EntryId| -> Result<Option<(i64, i64)>, DatabaseError> {
            Ok(self
                .connection
                .prepare_cached(sql)?
                .query_row(params![row, entry.0], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?)
        };
        let low =
            nearest("SELECT place, id FROM messages WHERE conversation = ?1 AND id >= ?2 ORDER BY id LIMIT 1", from)?;
        let high = nearest(
            "SELECT place, id FROM messages WHERE conversation = ?1 AND id <= ?2 ORDER BY id DESC LIMIT 1",
            to,
        )?;
        let (Some(low), Some(high)) = (low, high) else {
            return Ok(Snapshot::default());
        };
        self.between(row, low.min(high), low.max(high))
    }

    /// The first entry of others that was not read yet.
    ///
    /// # Errors
    /// What the database says.
    pub fn first_unread(&self, conversation: &ConversationId) -> Result<Option<EntryId>, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached(FIRST_UNREAD)?
            .query_row([conversation.0], |row| Ok(EntryId(row.get(0)?)))
            .optional()?)
    }

    /// Who has an own message; nothing of one that is not there.
    ///
    /// # Errors
    /// What the database says.
    pub fn message_info(&self, entry: EntryId) -> Result<MessageInfo, DatabaseError> {
        let mut info = MessageInfo::default();
        let mut statement = self.connection.prepare_cached(
            "SELECT p.account, r.is_read FROM messages m JOIN members p ON p.conversation = m.conversation
             LEFT JOIN receipts r ON r.message = m.id AND r.account = p.account
             WHERE m.id = ?1 AND m.sender = ?2 AND p.account != ?2 ORDER BY p.account",
        )?;
        let found = statement.query_map(params![entry.0, self.me.account.0], |row| {
            Ok((AccountId(row.get(0)?), row.get::<_, Option<bool>>(1)?))
        })?;
        for member in found {
            match member? {
                (account, Some(true)) => info.read_by.push(account),
                (account, Some(false)) => info.delivered_to.push(account),
                (account, None) => info.waiting_for.push(account),
            }
        }
        Ok(info)
    }

    /// Own messages that the node does not have yet.
    ///
    /// # Errors
    /// What the database says.
    pub fn pending_count(&self) -> Result<usize, DatabaseError> {
        let count: u32 = self
            .connection
            .prepare_cached("SELECT count(*) FROM messages WHERE state = 0")?
            .query_row([], |row| row.get(0))?;
        Ok(count as usize)
    }

    /// Whose a device of a conversation is.
    ///
    /// # Errors
    /// What the database says.
    pub fn device_account(
        &self,
        conversation: &ConversationId,
        device: &DeviceId,
    ) -> Result<Option<AccountId>, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT d.account FROM devices d JOIN conversations c ON c.id = d.conversation
                 WHERE c.conversation = ?1 AND d.device = ?2",
            )?
            .query_row(params![conversation.0, device.0], |row| Ok(AccountId(row.get(0)?)))
            .optional()?)
    }

    /// Writes down whose the devices of a conversation are; only the difference is written.
    pub(super) fn record_devices(&self, row: i64, members: &[protocol::event::Member]) -> Result<(), DatabaseError> {
        let now: std::collections::BTreeMap<[u8; 16], [u8; 32]> = members
            .iter()
            .flat_map(|member| member.devices.iter().map(|device| (device.0, member.account.0)))
            .collect();
        let before: std::collections::BTreeMap<[u8; 16], [u8; 32]> = self
            .connection
            .prepare_cached("SELECT device, account FROM devices WHERE conversation = ?1")?
            .query_map([row], |found| Ok((found.get(0)?, found.get(1)?)))?
            .collect::<Result<_, _>>()?;
        for device in before.keys().filter(|device| !now.contains_key(*device)) {
            self.connection
                .prepare_cached("DELETE FROM devices WHERE conversation = ?1 AND device = ?2")?
                .execute(params![row, device])?;
        }
        for (device, account) in now.iter().filter(|(device, account)| before.get(*device) != Some(account)) {
            self.connection
                .prepare_cached(
                    "INSERT INTO devices (conversation, device, account) VALUES (?1, ?2, ?3)
                     ON CONFLICT (conversation, device) DO UPDATE SET account = excluded.account",
                )?
                .execute(params![row, device, account])?;
        }
        Ok(())
    }

    /// The conversation of two with an account, the latest.
    ///
    /// # Errors
    /// What the database says.
    pub fn direct_with(&self, account: &AccountId) -> Result<Option<ConversationId>, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT c.conversation FROM members m JOIN conversations c ON c.id = m.conversation
                 WHERE m.account = ?1 AND c.is_direct = 1 ORDER BY c.state, c.last_ms DESC LIMIT 1",
            )?
            .query_row([account.0], |row| Ok(ConversationId(row.get(0)?)))
            .optional()?)
    }

    /// What an entry answers, if that is here.
    ///
    /// # Errors
    /// What the database says.
    pub fn answered(&self, entry: &Entry) -> Result<Option<Entry>, DatabaseError> {
        match &entry.reply_to {
            Some(msg_id) => self.entry_by_msg_id(&entry.conversation, msg_id),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::testing::{ADA, BOB, ROOM, World, device, text};
    use crate::timeline::{Changes, Window};
    use protocol::content::Kind;
    use wire::id::MsgId;

    fn ids(snapshot: &Snapshot) -> Vec<i64> {
        snapshot.entries.iter().map(|entry| entry.id.0).collect()
    }

    #[test]
    fn range_holds_both_ends_and_survives_their_deletion() {
        let mut world = World::new();
        for id in 1..=5 {
            world.received(ADA, id, text("x"), 10);
        }
        let all = ids(&world.timeline().snapshot(&ROOM, Window::Latest(10)).unwrap());
        let timeline = world.timeline();
        let range = |from: i64, to: i64| timeline.range(&ROOM, EntryId(from), EntryId(to)).unwrap();
        assert_eq!(ids(&range(all[2], all[4])), all[2..=4]);
        assert!(range(all[2], all[4]).has_older && range(all[2], all[4]).has_newer);
        assert!(!range(all[0], all[5]).has_older && !range(all[0], all[5]).has_newer);
        timeline.delete_here(EntryId(all[2]), &mut Changes::new()).unwrap();
        assert_eq!(ids(&range(all[2], all[4])), all[3..=4]);
        timeline.delete_here(EntryId(all[4]), &mut Changes::new()).unwrap();
        assert_eq!(ids(&range(all[2], all[4])), all[3..=3]);
    }

    #[test]
    fn message_info_tells_readers_holders_and_the_rest() {
        let mut world = World::new();
        world.own(1, text("mine"), 10);
        let entry = world.timeline().entry_by_msg_id(&ROOM, &MsgId([1; 16])).unwrap().unwrap().id;
        let info = |world: &World| world.timeline().message_info(entry).unwrap();
        assert_eq!(info(&world).waiting_for, [ADA, BOB]);
        assert_eq!(world.timeline().pending_count().unwrap(), 1);
        world.received(ADA, 2, Kind::Delivered { msg_ids: vec![MsgId([1; 16])] }, 11);
        world.received(BOB, 3, Kind::Read { msg_ids: vec![MsgId([1; 16])] }, 12);
        let now = info(&world);
        assert_eq!((now.delivered_to, now.read_by, now.waiting_for), (vec![ADA], vec![BOB], vec![]));
    }

    #[test]
    fn device_is_its_members() {
        let world = World::new();
        let account = world.timeline().device_account(&ROOM, &device(ADA)).unwrap();
        assert_eq!(account, Some(ADA));
        assert_eq!(world.timeline().device_account(&ROOM, &DeviceId([0x77; 16])).unwrap(), None);
    }

    #[test]
    fn first_unread_is_the_oldest_that_was_not_read() {
        let mut world = World::new();
        assert_eq!(world.timeline().first_unread(&ROOM).unwrap(), None);
        world.received(ADA, 1, text("a"), 10);
        world.received(ADA, 2, text("b"), 11);
        let first = world.timeline().entry_by_msg_id(&ROOM, &MsgId([1; 16])).unwrap().unwrap().id;
        assert_eq!(world.timeline().first_unread(&ROOM).unwrap(), Some(first));
    }

    #[test]
    fn first_unread_is_found_without_a_look_at_what_was_read() {
        let plan = World::new().plan(FIRST_UNREAD, params![ROOM.0]);
        assert!(plan.iter().any(|step| step.contains("messages_unread")), "{plan:?}");
        assert!(plan.iter().all(|step| !step.contains("TEMP B-TREE")), "{plan:?}");
    }
}
