//! Messages with files: they show before they go out.

use crate::db::DatabaseError;
use crate::files::table::Table;
use crate::files::{Attachment, AttachmentId};
use crate::timeline::entry::{KIND_FILES, KIND_TEXT};
use crate::timeline::{Change, Changes, EntryId, MessageState, Timeline, millis};
use protocol::event::ConversationId;
use protocol::identity::NodeUrl;
use sqlite::rusqlite::{OptionalExtension, params};

impl Timeline<'_> {
    /// A file of a message.
    ///
    /// # Errors
    /// What the database says.
    pub fn attachment(&self, id: AttachmentId) -> Result<Option<Attachment>, DatabaseError> {
        Table::new(self.connection).attachment(id)
    }

    /// The node of a conversation.
    pub(crate) fn node_url(&self, conversation: &ConversationId) -> Result<Option<NodeUrl>, DatabaseError> {
        let found: Option<String> = self
            .connection
            .prepare_cached("SELECT node_url FROM conversations WHERE conversation = ?1")?
            .query_row([conversation.0], |row| row.get(0))
            .optional()?;
        found.map(|url| NodeUrl::parse(&url).map_err(|_| DatabaseError::Value("node of a conversation"))).transpose()
    }

    /// Whether addresses may be shown to the other side: a conversation of two that is alive, in which the user wrote
    /// something, with nobody blocked, and which is not excepted.
    pub(crate) fn allows_direct(&self, conversation: &ConversationId) -> Result<bool, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT 1 FROM conversations c WHERE c.conversation = ?1 AND c.is_direct = 1 AND c.state = 0
                   AND c.forbids_direct = 0
                   AND EXISTS (SELECT 1 FROM messages m WHERE m.conversation = c.id AND m.sender = ?2 AND m.kind IN (?3, ?4))
                   AND NOT EXISTS (SELECT 1 FROM members x JOIN people p ON p.account = x.account
                     WHERE x.conversation = c.id AND p.is_blocked = 1)",
            )?
            .exists(params![conversation.0, self.me.account.0, KIND_TEXT, KIND_FILES])?)
    }

    /// Whether somebody else wrote something here.
    pub(crate) fn is_answered(&self, conversation: &ConversationId) -> Result<bool, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT 1 FROM messages m JOIN conversations c ON c.id = m.conversation
                 WHERE c.conversation = ?1 AND m.sender != ?2 AND m.kind IN (?3, ?4)",
            )?
            .exists(params![conversation.0, self.me.account.0, KIND_TEXT, KIND_FILES])?)
    }

    /// Devices of a conversation beside this one.
    pub(crate) fn other_devices(&self, conversation: &ConversationId) -> Result<usize, DatabaseError> {
        let devices: Option<u32> = self
            .connection
            .prepare_cached("SELECT devices FROM conversations WHERE conversation = ?1")?
            .query_row([conversation.0], |row| row.get(0))
            .optional()?;
        Ok(devices.map_or(usize::MAX, |devices| devices.saturating_sub(1) as usize))
    }

    /// A message whose files are on their way does not disappear: its time begins when it goes out.
    pub(crate) fn hold(&self, entry: EntryId) -> Result<(), DatabaseError> {
        self.connection.prepare_cached("UPDATE messages SET expires_ms = NULL WHERE id = ?1")?.execute([entry.0])?;
        Ok(())
    }

    /// It goes out now.
    pub(crate) fn release(&self, entry: EntryId, now_ms: u64) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached(
                "UPDATE messages SET sent_ms = ?2,
                   timer_s = (SELECT c.timer_s FROM conversations c WHERE c.id = messages.conversation),
                   expires_ms = (SELECT CASE WHEN c.timer_s > 0 THEN ?2 + c.timer_s * 1000 END FROM conversations c
                     WHERE c.id = messages.conversation)
                 WHERE id = ?1",
            )?
            .execute(params![entry.0, millis(now_ms)])?;
        Ok(())
    }

    /// It cannot go out.
    pub(crate) fn fail(&self, entry: EntryId, changes: &mut Changes) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached("UPDATE messages SET state = ?2 WHERE id = ?1")?
            .execute([entry.0, MessageState::Failed.code()])?;
        if let Some(found) = self.entry(entry)? {
            changes.insert(Change::Updated(found.conversation, entry));
        }
        Ok(())
    }
}
