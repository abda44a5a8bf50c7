//! Applies message contents: what each kind does to the tables.

use crate::db::DatabaseError;
use crate::files::table::Table;
use crate::timeline::entry::{KIND_DELETED, KIND_FILES, KIND_TEXT, KIND_TIMER, KIND_UNKNOWN};
use crate::timeline::{Change, Changes, EntryId, MessageState, OwedKind, PENDING_PLACE, Timeline, millis};
use protocol::content::{Content, Files, Kind};
use protocol::event::{ConversationId, SendState};
use sqlite::rusqlite::{OptionalExtension, params};
use wire::id::{AccountId, DeviceId, MsgId};

/// Edits and deletions kept for messages that have not come yet, a conversation; beyond it the oldest go.
const EARLY_MAX: i64 = 256;

/// A message as it came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incoming<'a> {
    pub(super) msg_id: &'a MsgId,
    pub(super) account: &'a AccountId,
    pub(super) device: &'a DeviceId,
    pub(super) message: &'a [u8],
    pub(super) at_ms: u64,
}

/// What goes into a row of its own.
struct Row<'a> {
    msg_id: &'a MsgId,
    account: &'a AccountId,
    device: &'a DeviceId,
    place: i64,
    sent_ms: u64,
    at_ms: u64,
    kind: i64,
    text: Option<&'a str>,
    reply_to: Option<&'a MsgId>,
    raw: Option<&'a [u8]>,
    number: Option<u32>,
    state: MessageState,
    is_unread: bool,
    timer_s: u32,
    is_forwarded: bool,
    expires_ms: Option<i64>,
}

impl Timeline<'_> {
    /// Applies a message of another member. What breaks a limit is ignored: nobody else shows it either.
    pub(super) fn received(
        &self,
        conversation: &ConversationId,
        incoming: Incoming<'_>,
        changes: &mut Changes,
    ) -> Result<(), DatabaseError> {
        let (Some(row), Ok(content)) = (self.row_of(conversation)?, Content::parse(incoming.message)) else {
            return Ok(());
        };
        if content.kind.is_shown() {
            let state = MessageState::Received;
            self.bring_back(row, incoming.at_ms)?;
            if let Some(entry) = self.insert_shown(row, incoming, &content, state, changes, conversation)? {
                changes.insert(Change::Added(*conversation, entry));
                changes.insert(Change::List);
                if self.owes_receipts(row)? {
                    self.owe(row, incoming.msg_id, OwedKind::Delivered, incoming.at_ms)?;
                }
            }
            return Ok(());
        }
        self.apply_to_others(row, conversation, incoming.account, &content, incoming.at_ms, changes)
    }

    /// Writes an own message down before it is sent: shown ones as pending, all others at once.
    ///
    /// # Errors
    /// What the database says.
    pub fn own(
        &self,
        conversation: &ConversationId,
        msg_id: &MsgId,
        content: &Content,
        now_ms: u64,
        changes: &mut Changes,
    ) -> Result<Option<EntryId>, DatabaseError> {
        let Some(row) = self.row_of(conversation)? else {
            return Ok(None);
        };
        if !content.kind.is_shown() {
            self.apply_to_others(row, conversation, &self.me.account, content, now_ms, changes)?;
            return Ok(None);
        }
        let incoming =
            Incoming { msg_id, account: &self.me.account, device: &self.me.device, message: &[], at_ms: now_ms };
        let entry = self.insert_shown(row, incoming, content, MessageState::Pending, changes, conversation)?;
        if let Some(entry) = entry {
            changes.insert(Change::Added(*conversation, entry));
            changes.insert(Change::List);
        }
        Ok(entry)
    }

    /// Takes over where an own message stands; what the node has goes to its place in the lane's order.
    pub(super) fn sent(
        &self,
        conversation: &ConversationId,
        msg_id: &MsgId,
        state: SendState,
        now_ms: u64,
        changes: &mut Changes,
    ) -> Result<(), DatabaseError> {
        let Some(row) = self.row_of(conversation)? else {
            return Ok(());
        };
        let found: Option<(i64, i64)> = self
            .connection
            .prepare_cached(
                "SELECT id, state FROM messages
                 WHERE conversation = ?1 AND msg_id = ?2 AND device = ?3 AND state != 5",
            )?
            .query_row(params![row, msg_id.0, self.me.device.0], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((id, found)) = found else {
            return Ok(());
        };
        let is_waiting = found == MessageState::Pending.code() || found == MessageState::Failed.code();
        let (next, place) = match state {
            SendState::Stored if is_waiting => (MessageState::Stored, self.next_place(row, now_ms)?),
            SendState::Pending if found == MessageState::Failed.code() => {
                (MessageState::Pending, self.pending_place()?)
            }
            SendState::Failed if is_waiting => (MessageState::Failed, self.pending_place()?),
            // Delivered or read already: the receipts know more.
            SendState::Stored | SendState::Pending | SendState::Failed => return Ok(()),
        };
        self.connection
            .prepare_cached("UPDATE messages SET state = ?2, place = ?3 WHERE id = ?1")?
            .execute(params![id, next.code(), place])?;
        changes.insert(Change::Updated(*conversation, EntryId(id)));
        Ok(())
    }

    /// Above every place so far, in the order of sending.
    fn pending_place(&self) -> Result<i64, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached("SELECT ?1 + coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'messages'")?
            .query_row([PENDING_PLACE], |row| row.get(0))
            .optional()?
            .unwrap_or(PENDING_PLACE))
    }

    fn insert_shown(
        &self,
        row: i64,
        incoming: Incoming<'_>,
        content: &Content,
        state: MessageState,
        changes: &mut Changes,
        conversation: &ConversationId,
    ) -> Result<Option<EntryId>, DatabaseError> {
        let is_own = state != MessageState::Received;
        let (kind, text, reply_to, raw, number) = match &content.kind {
            Kind::Text { text, reply_to, .. } => (KIND_TEXT, Some(text.as_str()), reply_to.as_ref(), None, None),
            Kind::Files(files) => (KIND_FILES, caption(files), files.reply_to.as_ref(), None, None),
            Kind::Timer { seconds } => (KIND_TIMER, None, None, None, Some(*seconds)),
            _ => (KIND_UNKNOWN, None, None, Some(incoming.message), None),
        };
        if self.is_known(row, incoming.msg_id, incoming.device)? {
            return Ok(None);
        }
        let place = if is_own {
            // The list is ordered by the latest, own ones too.
            self.next_place(row, incoming.at_ms)?;
            self.pending_place()?
        } else {
            self.next_place(row, incoming.at_ms)?
        };
        // A change of the timer is part of the history, not of what disappears.
        let timer_s = if kind == KIND_TIMER { 0 } else { content.timer_s };
        let id = self.insert(
            row,
            &Row {
                msg_id: incoming.msg_id,
                account: incoming.account,
                device: incoming.device,
                place,
                sent_ms: content.sent_ms,
                at_ms: incoming.at_ms,
                kind,
                text,
                reply_to,
                raw,
                number,
                state,
                is_unread: !is_own && kind != KIND_TIMER,
                timer_s,
                is_forwarded: is_forwarded(&content.kind),
                // Our own disappear from when they were sent, others' from when they are read.
                expires_ms: (is_own && timer_s > 0).then(|| millis(incoming.at_ms + u64::from(timer_s) * 1_000)),
            },
        )?;
        if let Kind::Files(files) = &content.kind {
            Table::new(self.connection).add(id, files)?;
        }
        if let Kind::Timer { seconds } = content.kind {
            self.set_timer(row, seconds)?;
            changes.insert(Change::Conversation(*conversation));
        }
        self.apply_early(row, id, incoming.msg_id, incoming.account)?;
        Ok(Some(EntryId(id)))
    }

    fn is_known(&self, row: i64, msg_id: &MsgId, device: &DeviceId) -> Result<bool, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached("SELECT 1 FROM messages WHERE conversation = ?1 AND msg_id = ?2 AND device = ?3")?
            .exists(params![row, msg_id.0, device.0])?)
    }

    fn insert(&self, conversation: i64, row: &Row<'_>) -> Result<i64, DatabaseError> {
        self.connection
            .prepare_cached(
                "INSERT INTO messages (conversation, msg_id, sender, device, place, sent_ms, received_ms, kind, text,
                   reply_to, raw, number, state, is_unread, timer_s, expires_ms, is_forwarded)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            )?
            .insert(params![
                conversation,
                row.msg_id.0,
                row.account.0,
                row.device.0,
                row.place,
                millis(row.sent_ms),
                millis(row.at_ms),
                row.kind,
                row.text,
                row.reply_to.map(|msg_id| msg_id.0),
                row.raw,
                row.number,
                row.state.code(),
                row.is_unread,
                row.timer_s,
                row.expires_ms,
                row.is_forwarded,
            ])
            .map_err(Into::into)
    }

    fn set_timer(&self, row: i64, seconds: u32) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached("UPDATE conversations SET timer_s = ?2 WHERE id = ?1")?
            .execute(params![row, seconds])?;
        Ok(())
    }

    /// Applies what changes other entries and is none itself.
    pub(super) fn apply_to_others(
        &self,
        row: i64,
        conversation: &ConversationId,
        account: &AccountId,
        content: &Content,
        at_ms: u64,
        changes: &mut Changes,
    ) -> Result<(), DatabaseError> {
        match &content.kind {
            Kind::Reaction { msg_id, emoji } => {
                self.react(row, msg_id, account, emoji.as_deref())?;
                self.note_updated(row, conversation, msg_id, changes)
            }
            Kind::Edit { msg_id, text } => {
                match self.own_row(row, msg_id, account)? {
                    Some(id) => self.edit(id, text, content.sent_ms)?,
                    None => self.keep_early(row, msg_id, account, Some(text), content.sent_ms)?,
                }
                self.note_updated(row, conversation, msg_id, changes)
            }
            Kind::Delete { msg_id } => {
                match self.own_row(row, msg_id, account)? {
                    Some(id) => self.delete_for_everyone(row, id, msg_id)?,
                    None => self.keep_early(row, msg_id, account, None, content.sent_ms)?,
                }
                changes.insert(Change::List);
                self.note_updated(row, conversation, msg_id, changes)
            }
            Kind::Delivered { msg_ids } => self.receipts(row, conversation, account, msg_ids, false, at_ms, changes),
            Kind::Read { msg_ids } => self.receipts(row, conversation, account, msg_ids, true, at_ms, changes),
            Kind::Profile { name, picture } => {
                self.set_profile(account, name, picture.as_deref())?;
                changes.insert(Change::Person);
                Ok(())
            }
            // The device's own business; shown ones have a row of their own.
            Kind::Leave
            | Kind::Ping
            | Kind::Receipts { .. }
            | Kind::Text { .. }
            | Kind::Timer { .. }
            | Kind::Files(_)
            | Kind::Call(_)
            | Kind::Direct(_)
            | Kind::Unknown => Ok(()),
        }
    }

    fn note_updated(
        &self,
        row: i64,
        conversation: &ConversationId,
        msg_id: &MsgId,
        changes: &mut Changes,
    ) -> Result<(), DatabaseError> {
        let mut statement =
            self.connection.prepare_cached("SELECT id FROM messages WHERE conversation = ?1 AND msg_id = ?2")?;
        for id in statement.query_map(params![row, msg_id.0], |row| row.get(0))? {
            changes.insert(Change::Updated(*conversation, EntryId(id?)));
        }
        Ok(())
    }

    fn react(&self, row: i64, msg_id: &MsgId, account: &AccountId, emoji: Option<&str>) -> Result<(), DatabaseError> {
        let is_deleted = self
            .connection
            .prepare_cached("SELECT 1 FROM messages WHERE conversation = ?1 AND msg_id = ?2 AND kind = 4")?
            .exists(params![row, msg_id.0])?;
        match emoji.filter(|_| !is_deleted) {
            Some(emoji) => self
                .connection
                .prepare_cached(
                    "INSERT INTO reactions (conversation, msg_id, account, emoji) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (conversation, msg_id, account) DO UPDATE SET emoji = excluded.emoji",
                )?
                .execute(params![row, msg_id.0, account.0, emoji])?,
            None => self
                .connection
                .prepare_cached("DELETE FROM reactions WHERE conversation = ?1 AND msg_id = ?2 AND account = ?3")?
                .execute(params![row, msg_id.0, account.0])?,
        };
        Ok(())
    }

    /// A message that `account` itself sent: nobody edits or deletes another's.
    fn own_row(&self, row: i64, msg_id: &MsgId, account: &AccountId) -> Result<Option<i64>, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached("SELECT id FROM messages WHERE conversation = ?1 AND msg_id = ?2 AND sender = ?3")?
            .query_row(params![row, msg_id.0, account.0], |row| row.get(0))
            .optional()?)
    }

    fn edit(&self, id: i64, text: &str, sent_ms: u64) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached("UPDATE messages SET text = ?2, edited_ms = ?3 WHERE id = ?1 AND kind IN (0, 5)")?
            .execute(params![id, text, millis(sent_ms)])?;
        Ok(())
    }

    fn delete_for_everyone(&self, row: i64, id: i64, msg_id: &MsgId) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached(
                "UPDATE messages SET kind = ?2, text = NULL, raw = NULL, reply_to = NULL, number = NULL,
                   edited_ms = NULL, is_unread = 0 WHERE id = ?1",
            )?
            .execute([id, KIND_DELETED])?;
        // With them their keys; the bytes follow once this is durable.
        self.connection.prepare_cached("DELETE FROM attachments WHERE message = ?1")?.execute([id])?;
        self.connection
            .prepare_cached("DELETE FROM reactions WHERE conversation = ?1 AND msg_id = ?2")?
            .execute(params![row, msg_id.0])?;
        Ok(())
    }

    fn keep_early(
        &self,
        row: i64,
        msg_id: &MsgId,
        account: &AccountId,
        text: Option<&str>,
        sent_ms: u64,
    ) -> Result<(), DatabaseError> {
        // Another's message is there under this id: the change is not its author's and never will be.
        let is_anothers = self
            .connection
            .prepare_cached("SELECT 1 FROM messages WHERE conversation = ?1 AND msg_id = ?2")?
            .exists(params![row, msg_id.0])?;
        if is_anothers {
            return Ok(());
        }
        self.connection
            .prepare_cached(
                "INSERT INTO early (conversation, msg_id, account, text, sent_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![row, msg_id.0, account.0, text, millis(sent_ms)])?;
        self.connection
            .prepare_cached(
                "DELETE FROM early WHERE id IN (SELECT id FROM early WHERE conversation = ?1
                   ORDER BY id DESC LIMIT -1 OFFSET ?2)",
            )?
            .execute([row, EARLY_MAX])?;
        Ok(())
    }

    /// Applies what came before the message itself, in order.
    fn apply_early(&self, row: i64, id: i64, msg_id: &MsgId, account: &AccountId) -> Result<(), DatabaseError> {
        let kept: Vec<(Option<String>, i64)> = self
            .connection
            .prepare_cached(
                "DELETE FROM early WHERE conversation = ?1 AND msg_id = ?2 AND account = ?3
                 RETURNING text, sent_ms",
            )?
            .query_map(params![row, msg_id.0, account.0], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        for (text, sent_ms) in kept {
            match text {
                Some(text) => self.edit(id, &text, super::unsigned(sent_ms))?,
                None => self.delete_for_everyone(row, id, msg_id)?,
            }
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "one receipt's parts; a struct would be used once")]
    fn receipts(
        &self,
        row: i64,
        conversation: &ConversationId,
        account: &AccountId,
        msg_ids: &[MsgId],
        is_read: bool,
        at_ms: u64,
        changes: &mut Changes,
    ) -> Result<(), DatabaseError> {
        if *account == self.me.account {
            return Ok(());
        }
        for msg_id in msg_ids {
            let Some(id) = self.own_row(row, msg_id, &self.me.account)? else {
                continue;
            };
            self.connection
                .prepare_cached(
                    "INSERT INTO receipts (message, account, is_read, at_ms) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (message, account) DO UPDATE SET is_read = max(is_read, excluded.is_read)",
                )?
                .execute(params![id, account.0, is_read, millis(at_ms)])?;
            if self.take_over_receipts(row, id, at_ms)? {
                changes.insert(Change::Updated(*conversation, EntryId(id)));
            }
        }
        Ok(())
    }

    /// Delivered once every other member has it, read once every other member read it.
    fn take_over_receipts(&self, row: i64, id: i64, at_ms: u64) -> Result<bool, DatabaseError> {
        let (others, delivered, read): (i64, i64, i64) = self
            .connection
            .prepare_cached(
                "SELECT count(*), count(r.account), coalesce(sum(r.is_read), 0)
                 FROM members m LEFT JOIN receipts r ON r.message = ?2 AND r.account = m.account
                 WHERE m.conversation = ?1 AND m.account != ?3",
            )?
            .query_row(params![row, id, self.me.account.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let next = match others {
            0 => return Ok(false),
            _ if read == others => MessageState::Read,
            _ if delivered == others => MessageState::Delivered,
            _ => MessageState::Stored,
        };
        let found: i64 = self
            .connection
            .prepare_cached("SELECT state FROM messages WHERE id = ?1")?
            .query_row([id], |row| row.get(0))?;
        let is_waiting = found == MessageState::Pending.code() || found == MessageState::Failed.code();
        if is_waiting {
            // Somebody has it, so the node had it: only its answer was lost.
            let place = self.next_place(row, at_ms)?;
            self.connection
                .prepare_cached("UPDATE messages SET state = ?2, place = ?3 WHERE id = ?1")?
                .execute(params![id, next.code(), place])?;
            return Ok(true);
        }
        let changed = self
            .connection
            .prepare_cached("UPDATE messages SET state = ?2 WHERE id = ?1 AND state < ?2")?
            .execute(params![id, next.code()])?;
        Ok(changed > 0)
    }
}

/// The words under files, which are searched as a text is; none where nothing is said.
pub(super) fn caption(files: &Files) -> Option<&str> {
    Some(files.caption.as_str()).filter(|caption| !caption.is_empty())
}

pub(super) fn is_forwarded(kind: &Kind) -> bool {
    match kind {
        Kind::Text { is_forwarded, .. } => *is_forwarded,
        Kind::Files(files) => files.is_forwarded,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::testing::{ADA, BOB, ROOM, World, conversation, text};
    use crate::timeline::{Entry, EntryKind};
    use protocol::event::Record;

    fn id(byte: u8) -> MsgId {
        MsgId([byte; 16])
    }

    fn sent(world: &mut World, byte: u8, state: SendState) {
        world.record(Record::Sent { conversation: ROOM, msg_id: id(byte), state }, 50);
    }

    fn entry(world: &World, byte: u8) -> Entry {
        world.timeline().entry_by_msg_id(&ROOM, &id(byte)).unwrap().unwrap()
    }

    #[test]
    fn message_that_comes_twice_shows_once() {
        let mut world = World::new();
        world.received(ADA, 1, text("once"), 10);
        world.received(ADA, 1, text("twice"), 11);
        assert_eq!(world.texts(), ["once"]);
    }

    #[test]
    fn same_id_from_another_device_is_another_message() {
        let mut world = World::new();
        world.received(ADA, 1, text("ada"), 10);
        world.received(BOB, 1, text("bob"), 11);
        assert_eq!(world.texts(), ["ada", "bob"]);
    }

    #[test]
    fn own_messages_are_last_until_the_node_has_them_and_then_take_its_order() {
        let mut world = World::new();
        world.own(1, text("mine 1"), 10);
        world.own(2, text("mine 2"), 11);
        world.received(ADA, 3, text("ada"), 12);
        assert_eq!(world.texts(), ["ada", "mine 1", "mine 2"]);
        sent(&mut world, 1, SendState::Stored);
        world.received(ADA, 4, text("ada again"), 13);
        assert_eq!(world.texts(), ["ada", "mine 1", "ada again", "mine 2"]);
        sent(&mut world, 2, SendState::Stored);
        assert_eq!(world.texts(), ["ada", "mine 1", "ada again", "mine 2"]);
        assert_eq!(entry(&world, 2).state, MessageState::Stored);
        // Told twice: nothing moves.
        sent(&mut world, 1, SendState::Stored);
        assert_eq!(world.texts(), ["ada", "mine 1", "ada again", "mine 2"]);
    }

    #[test]
    fn states_follow_every_other_members_receipts_and_never_go_back() {
        let mut world = World::new();
        world.own(1, text("hello"), 10);
        assert_eq!(entry(&world, 1).state, MessageState::Pending);
        sent(&mut world, 1, SendState::Stored);
        world.received(ADA, 2, Kind::Read { msg_ids: vec![id(1)] }, 20);
        assert_eq!(entry(&world, 1).state, MessageState::Stored);
        world.received(BOB, 3, Kind::Delivered { msg_ids: vec![id(1)] }, 21);
        assert_eq!(entry(&world, 1).state, MessageState::Delivered);
        world.received(BOB, 4, Kind::Read { msg_ids: vec![id(1)] }, 22);
        assert_eq!(entry(&world, 1).state, MessageState::Read);
        world.received(BOB, 5, Kind::Delivered { msg_ids: vec![id(1)] }, 23);
        sent(&mut world, 1, SendState::Stored);
        sent(&mut world, 1, SendState::Failed);
        assert_eq!(entry(&world, 1).state, MessageState::Read);
    }

    #[test]
    fn receipt_for_a_message_of_another_changes_nothing() {
        let mut world = World::new();
        world.received(ADA, 1, text("ada's"), 10);
        world.received(BOB, 2, Kind::Read { msg_ids: vec![id(1), id(77)] }, 11);
        assert_eq!(entry(&world, 1).state, MessageState::Received);
        assert_eq!(world.texts(), ["ada's"]);
    }

    #[test]
    fn delivery_receipt_proves_that_the_node_had_it() {
        let mut world = World::new();
        world.record(Record::Conversation(conversation(&[crate::timeline::testing::ME.account, ADA])), 5);
        world.own(1, text("hello"), 10);
        world.received(ADA, 2, Kind::Delivered { msg_ids: vec![id(1)] }, 20);
        assert_eq!(entry(&world, 1).state, MessageState::Delivered);
        world.received(ADA, 3, text("later"), 21);
        assert_eq!(world.texts(), ["hello", "later"]);
    }

    #[test]
    fn failed_message_can_be_pending_and_stored_after_all() {
        let mut world = World::new();
        world.own(1, text("hello"), 10);
        sent(&mut world, 1, SendState::Failed);
        assert_eq!(entry(&world, 1).state, MessageState::Failed);
        sent(&mut world, 1, SendState::Pending);
        assert_eq!(entry(&world, 1).state, MessageState::Pending);
        sent(&mut world, 1, SendState::Stored);
        assert_eq!(entry(&world, 1).state, MessageState::Stored);
    }

    #[test]
    fn only_the_author_edits_and_the_last_edit_wins() {
        let mut world = World::new();
        world.received(ADA, 1, text("first"), 10);
        world.received(BOB, 2, Kind::Edit { msg_id: id(1), text: "forged".into() }, 11);
        assert_eq!(world.texts(), ["first"]);
        world.received(ADA, 3, Kind::Edit { msg_id: id(1), text: "second".into() }, 12);
        world.received(ADA, 4, Kind::Edit { msg_id: id(1), text: "third".into() }, 13);
        assert_eq!(world.texts(), ["third"]);
        assert_eq!(entry(&world, 1).edited_ms, Some(13));
        assert_eq!(world.entries().len(), 2, "the notice and one text");
    }

    #[test]
    fn only_the_author_deletes_and_nothing_is_left() {
        let mut world = World::new();
        world.received(ADA, 1, text("secret"), 10);
        world.received(BOB, 2, Kind::Reaction { msg_id: id(1), emoji: Some("👍".into()) }, 11);
        world.received(BOB, 3, Kind::Delete { msg_id: id(1) }, 12);
        assert_eq!(world.texts(), ["secret"]);
        world.received(ADA, 4, Kind::Delete { msg_id: id(1) }, 13);
        assert_eq!(world.texts(), ["-"]);
        world.received(ADA, 5, Kind::Edit { msg_id: id(1), text: "back".into() }, 14);
        world.received(BOB, 6, Kind::Reaction { msg_id: id(1), emoji: Some("👍".into()) }, 15);
        assert_eq!(world.texts(), ["-"]);
        let entry = entry(&world, 1);
        assert!(entry.reactions.is_empty() && !entry.is_unread);
        assert!(world.timeline().search("secret", None, 10).unwrap().is_empty());
    }

    #[test]
    fn edit_and_deletion_wait_for_a_later_arrival_of_their_target() {
        let mut world = World::new();
        world.received(ADA, 2, Kind::Edit { msg_id: id(1), text: "edited".into() }, 10);
        world.received(BOB, 3, Kind::Delete { msg_id: id(1) }, 11);
        world.received(ADA, 1, text("first"), 12);
        assert_eq!(world.texts(), ["edited"]);
        world.received(ADA, 5, Kind::Delete { msg_id: id(4) }, 13);
        world.received(ADA, 4, text("never shown"), 14);
        assert_eq!(world.texts(), ["edited", "-"]);
    }

    #[test]
    fn changes_that_wait_are_bounded() {
        let mut world = World::new();
        let mut edit = |target: u16, number: u16| {
            let mut msg_id = [0xee; 16];
            msg_id[..2].copy_from_slice(&number.to_be_bytes());
            let mut at = [0; 16];
            at[..2].copy_from_slice(&target.to_be_bytes());
            let content = Content { sent_ms: 1, timer_s: 0, kind: Kind::Edit { msg_id: MsgId(at), text: "x".into() } };
            world.record(
                Record::Received {
                    conversation: ROOM,
                    msg_id: MsgId(msg_id),
                    account: ADA,
                    device: crate::timeline::testing::device(ADA),
                    message: content.encode().unwrap().into(),
                    at_ms: 1,
                },
                1,
            );
            let count: i64 =
                world.database.read().query_row("SELECT count(*) FROM early", [], |row| row.get(0)).unwrap();
            count
        };
        for number in 0..256 {
            assert_eq!(edit(number, number), i64::from(number) + 1);
        }
        assert_eq!(edit(256, 256), EARLY_MAX);
    }

    #[test]
    fn reactions_are_one_a_member_and_can_be_taken_back() {
        let mut world = World::new();
        world.received(BOB, 2, Kind::Reaction { msg_id: id(1), emoji: Some("🎉".into()) }, 9);
        world.received(ADA, 1, text("news"), 10);
        world.own(3, Kind::Reaction { msg_id: id(1), emoji: Some("👍".into()) }, 11);
        world.own(4, Kind::Reaction { msg_id: id(1), emoji: Some("❤".into()) }, 12);
        let emojis = |world: &World| entry(world, 1).reactions.into_iter().map(|one| one.emoji).collect::<Vec<_>>();
        assert_eq!(emojis(&world), ["❤", "🎉"]);
        world.received(BOB, 5, Kind::Reaction { msg_id: id(1), emoji: None }, 13);
        assert_eq!(emojis(&world), ["❤"]);
    }

    #[test]
    fn unknown_kind_is_kept_and_shown_after_an_upgrade_where_it_was() {
        let mut world = World::new();
        world.received(ADA, 1, text("before"), 10);
        // Field 63: nothing that this version knows.
        let newer = [0x08, 0x01, 0xfa, 0x03, 0x01, 0x00];
        world.received_bytes(ADA, 2, newer.to_vec(), 11);
        world.received(ADA, 3, text("after"), 12);
        assert_eq!(world.texts(), ["before", "?", "after"]);
        assert_eq!(world.timeline().reinterpret(&mut Changes::new()).unwrap(), 0);

        // What an older version kept, this one can read.
        let known = Content { sent_ms: 7, timer_s: 0, kind: text("now readable") }.encode().unwrap();
        world.database.read().execute("UPDATE messages SET raw = ?1 WHERE kind = 1", [known]).unwrap();
        assert_eq!(world.timeline().reinterpret(&mut Changes::new()).unwrap(), 1);
        assert_eq!(world.texts(), ["before", "now readable", "after"]);
        assert_eq!(world.timeline().search("readable", None, 10).unwrap().len(), 1);
    }

    #[test]
    fn kept_bytes_that_turn_out_to_change_another_message_do_so() {
        let mut world = World::new();
        world.received(ADA, 1, text("first"), 10);
        world.received_bytes(ADA, 2, vec![0x08, 0x01, 0xfa, 0x03, 0x01, 0x00], 11);
        let edit = Content { sent_ms: 7, timer_s: 0, kind: Kind::Edit { msg_id: id(1), text: "second".into() } };
        world.database.read().execute("UPDATE messages SET raw = ?1 WHERE kind = 1", [edit.encode().unwrap()]).unwrap();
        assert_eq!(world.timeline().reinterpret(&mut Changes::new()).unwrap(), 1);
        assert_eq!(world.texts(), ["second"]);
    }

    #[test]
    fn timer_is_a_line_of_its_own_and_holds_for_the_conversation() {
        let mut world = World::new();
        world.received(ADA, 1, Kind::Timer { seconds: 60 }, 10);
        assert_eq!(world.texts(), ["timer 60"]);
        assert_eq!(world.timeline().conversation(&ROOM).unwrap().unwrap().timer_s, 60);
        let last = world.entries().pop().unwrap();
        assert_eq!(last.kind, EntryKind::Timer(60));
        assert!(!last.is_unread);
    }

    #[test]
    fn malformed_message_and_unknown_conversation_are_ignored() {
        let mut world = World::new();
        world.received_bytes(ADA, 1, vec![0xff], 10);
        world.record(
            Record::Received {
                conversation: protocol::event::ConversationId([0; 16]),
                msg_id: id(1),
                account: ADA,
                device: crate::timeline::testing::device(ADA),
                message: bytes::Bytes::new(),
                at_ms: 1,
            },
            1,
        );
        assert!(world.texts().is_empty());
    }

    #[test]
    fn profile_sets_name_and_picture() {
        let mut world = World::new();
        let picture = Some(bytes::Bytes::from_static(b"png"));
        world.received(ADA, 1, Kind::Profile { name: "Ada".into(), picture }, 10);
        let person = world.timeline().person(&ADA).unwrap();
        assert_eq!((person.name.as_str(), person.picture.as_deref()), ("Ada", Some(b"png".as_slice())));
    }
}
