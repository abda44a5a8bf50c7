//! What only this device knows of a conversation or a person: pinned, archived, muted, marked unread, blocked,
//! verified; and entries deleted here alone.

use crate::db::DatabaseError;
use crate::timeline::{Change, Changes, EntryId, Timeline, millis};
use protocol::event::{ContactRequest, ConversationId};
use sqlite::rusqlite::params;
use wire::id::{AccountId, Hash};

/// Something that the user sets on a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Stays at the top of the list.
    Pinned(bool),
    /// Is out of the list until something arrives.
    Archived(bool),
    /// Shown as unread although everything was read.
    Unread(bool),
    /// Nothing is notified until this time, milliseconds; none: not muted.
    MutedUntil(Option<u64>),
    /// Nothing of it goes from device to device.
    NoDirect(bool),
}

impl Timeline<'_> {
    /// Sets a mark; of a conversation that is not there nothing is set.
    ///
    /// # Errors
    /// What the database says.
    pub fn mark(&self, conversation: &ConversationId, mark: Mark, changes: &mut Changes) -> Result<(), DatabaseError> {
        let (sql, value) = match mark {
            Mark::Pinned(is_on) => ("is_pinned", Some(i64::from(is_on))),
            Mark::Archived(is_on) => ("is_archived", Some(i64::from(is_on))),
            Mark::Unread(is_on) => ("is_marked_unread", Some(i64::from(is_on))),
            Mark::NoDirect(is_on) => ("forbids_direct", Some(i64::from(is_on))),
            Mark::MutedUntil(until_ms) => ("muted_until_ms", until_ms.map(millis)),
        };
        let changed = self
            .connection
            .prepare_cached(&format!(
                "UPDATE conversations SET {sql} = ?2 WHERE conversation = ?1 AND {sql} IS NOT ?2"
            ))?
            .execute(params![conversation.0, value])?;
        if changed > 0 {
            changes.insert(Change::Conversation(*conversation));
            changes.insert(Change::List);
        }
        Ok(())
    }

    /// A conversation in which something arrives leaves the archive, unless it is muted.
    pub(super) fn bring_back(&self, row: i64, now_ms: u64) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached(
                "UPDATE conversations SET is_archived = 0
                 WHERE id = ?1 AND is_archived = 1 AND coalesce(muted_until_ms, 0) <= ?2",
            )?
            .execute(params![row, millis(now_ms)])?;
        Ok(())
    }

    /// Notes that an account is blocked, or no longer; the device does the rest.
    ///
    /// # Errors
    /// What the database says.
    pub fn set_blocked(
        &self,
        account: &AccountId,
        is_blocked: bool,
        changes: &mut Changes,
    ) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached(
                "INSERT INTO people (account, is_blocked) VALUES (?1, ?2)
                 ON CONFLICT (account) DO UPDATE SET is_blocked = excluded.is_blocked",
            )?
            .execute(params![account.0, is_blocked])?;
        changes.insert(Change::Person);
        Ok(())
    }

    /// A request that waits.
    ///
    /// # Errors
    /// What the database says.
    pub fn request(&self, id: &Hash) -> Result<Option<ContactRequest>, DatabaseError> {
        Ok(self.requests()?.into_iter().find(|request| request.request == *id))
    }

    /// Notes when the safety number of an account was compared; none: not any longer.
    ///
    /// # Errors
    /// What the database says.
    pub fn set_verified(
        &self,
        account: &AccountId,
        at_ms: Option<u64>,
        changes: &mut Changes,
    ) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached(
                "INSERT INTO people (account, verified_ms) VALUES (?1, ?2)
                 ON CONFLICT (account) DO UPDATE SET verified_ms = excluded.verified_ms",
            )?
            .execute(params![account.0, at_ms.map(millis)])?;
        changes.insert(Change::Person);
        Ok(())
    }

    /// Notes that the user saw an alert.
    ///
    /// # Errors
    /// What the database says.
    pub fn see_alert(&self, id: i64, changes: &mut Changes) -> Result<(), DatabaseError> {
        let seen = self
            .connection
            .prepare_cached("UPDATE alerts SET is_seen = 1 WHERE id = ?1 AND is_seen = 0")?
            .execute([id])?;
        if seen > 0 {
            changes.insert(Change::Alert(id));
        }
        Ok(())
    }

    /// Deletes an entry on this device alone, with everything that hangs on it.
    ///
    /// Its place is kept as known, so that the same message does not come back with the node's next answer: the
    /// device has processed it already and never reports it twice.
    ///
    /// # Errors
    /// What the database says.
    pub fn delete_here(&self, entry: EntryId, changes: &mut Changes) -> Result<(), DatabaseError> {
        let Some(found) = self.entry(entry)? else {
            return Ok(());
        };
        self.connection
            .prepare_cached(
                "DELETE FROM reactions WHERE msg_id = ?2
                 AND conversation = (SELECT id FROM conversations WHERE conversation = ?1)",
            )?
            .execute(params![found.conversation.0, found.msg_id.0])?;
        self.connection.prepare_cached("DELETE FROM messages WHERE id = ?1")?.execute([entry.0])?;
        changes.insert(Change::Removed(found.conversation, entry));
        changes.insert(Change::List);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::testing::{ADA, ROOM, World, text};
    use protocol::content::Kind;
    use wire::id::MsgId;

    fn set(world: &World, mark: Mark) -> Changes {
        let mut changes = Changes::new();
        world.timeline().mark(&ROOM, mark, &mut changes).unwrap();
        changes
    }

    #[test]
    fn marks_are_kept_and_told_once() {
        let world = World::new();
        for mark in [Mark::Pinned(true), Mark::Archived(true), Mark::Unread(true), Mark::MutedUntil(Some(9))] {
            assert!(set(&world, mark).contains(&Change::Conversation(ROOM)), "{mark:?}");
            assert!(set(&world, mark).is_empty(), "{mark:?} again");
        }
        let room = world.timeline().conversation(&ROOM).unwrap().unwrap();
        assert!(room.is_pinned && room.is_archived && room.is_marked_unread);
        assert_eq!(room.muted_until_ms, Some(9));
        set(&world, Mark::MutedUntil(None));
        assert_eq!(world.timeline().conversation(&ROOM).unwrap().unwrap().muted_until_ms, None);
    }

    #[test]
    fn what_arrives_leaves_the_archive_unless_it_is_muted() {
        let mut world = World::new();
        let is_archived = |world: &World| world.timeline().conversation(&ROOM).unwrap().unwrap().is_archived;
        set(&world, Mark::Archived(true));
        set(&world, Mark::MutedUntil(Some(100)));
        world.received(ADA, 1, text("muted"), 99);
        assert!(is_archived(&world));
        world.received(ADA, 2, text("heard"), 100);
        assert!(!is_archived(&world));
    }

    #[test]
    fn person_is_blocked_and_verified_until_that_is_taken_back() {
        let world = World::new();
        let mut changes = Changes::new();
        let timeline = world.timeline();
        timeline.set_blocked(&ADA, true, &mut changes).unwrap();
        timeline.set_verified(&ADA, Some(7), &mut changes).unwrap();
        let ada = timeline.person(&ADA).unwrap();
        assert_eq!((ada.is_blocked, ada.verified_ms), (true, Some(7)));
        timeline.set_blocked(&ADA, false, &mut changes).unwrap();
        timeline.set_verified(&ADA, None, &mut changes).unwrap();
        let ada = timeline.person(&ADA).unwrap();
        assert_eq!((ada.is_blocked, ada.verified_ms), (false, None));
        assert!(changes.contains(&Change::Person));
    }

    #[test]
    fn entry_deleted_here_is_gone_with_its_reactions_and_words() {
        let mut world = World::new();
        world.received(ADA, 1, text("xylophone"), 10);
        world.received(ADA, 2, Kind::Reaction { msg_id: MsgId([1; 16]), emoji: Some("👍".into()) }, 11);
        let entry = world.timeline().entry_by_msg_id(&ROOM, &MsgId([1; 16])).unwrap().unwrap().id;
        let mut changes = Changes::new();
        world.timeline().delete_here(entry, &mut changes).unwrap();
        assert!(changes.contains(&Change::Removed(ROOM, entry)));
        assert!(world.texts().is_empty());
        assert!(world.timeline().search("xylophone", None, 5).unwrap().is_empty());
        let left: i64 =
            world.database.read().query_row("SELECT count(*) FROM reactions", [], |row| row.get(0)).unwrap();
        assert_eq!(left, 0);
        world.timeline().delete_here(entry, &mut Changes::new()).unwrap();
    }
}
