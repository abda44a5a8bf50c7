//! Reads what an older version could not.

use crate::db::DatabaseError;
use crate::files::table::Table;
use crate::timeline::apply::{caption, is_forwarded};
use crate::timeline::entry::{KIND_FILES, KIND_TEXT, KIND_TIMER};
use crate::timeline::{Change, Changes, EntryId, Timeline};
use protocol::content::{Content, Kind};
use protocol::event::ConversationId;
use sqlite::rusqlite::params;
use wire::id::AccountId;

impl Timeline<'_> {
    /// Reads kept bytes of unknown kinds again; to be called once after an upgrade.
    ///
    /// What is known now takes its old place, with its old arrival; what is no entry of its own changes others.
    ///
    /// # Errors
    /// What the database says.
    pub fn reinterpret(&self, changes: &mut Changes) -> Result<usize, DatabaseError> {
        type Kept = (i64, i64, [u8; 16], [u8; 32], [u8; 16], Vec<u8>, i64);
        let kept: Vec<Kept> = self
            .connection
            .prepare_cached(
                "SELECT m.id, m.conversation, c.conversation, m.sender, m.msg_id, m.raw, m.received_ms
                 FROM messages m JOIN conversations c ON c.id = m.conversation
                 WHERE m.kind = 1 AND m.raw IS NOT NULL ORDER BY m.id",
            )?
            .query_map([], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
            })?
            .collect::<Result<_, _>>()?;
        let mut known = 0;
        for (id, row, conversation, sender, _, raw, received_ms) in kept {
            let conversation = ConversationId(conversation);
            let Ok(content) = Content::parse(&raw) else {
                continue;
            };
            let (kind, text, reply_to, number) = match &content.kind {
                Kind::Unknown => continue,
                Kind::Text { text, reply_to, .. } => (KIND_TEXT, Some(text.as_str()), reply_to.as_ref(), None),
                Kind::Files(files) => (KIND_FILES, caption(files), files.reply_to.as_ref(), None),
                Kind::Timer { seconds } => (KIND_TIMER, None, None, Some(*seconds)),
                _ => {
                    let at_ms = crate::timeline::unsigned(received_ms);
                    self.connection.prepare_cached("DELETE FROM messages WHERE id = ?1")?.execute([id])?;
                    self.apply_to_others(row, &conversation, &AccountId(sender), &content, at_ms, changes)?;
                    changes.insert(Change::Removed(conversation, EntryId(id)));
                    known += 1;
                    continue;
                }
            };
            self.connection
                .prepare_cached(
                    "UPDATE messages SET kind = ?2, text = ?3, reply_to = ?4, number = ?5, raw = NULL,
                       is_forwarded = ?6 WHERE id = ?1",
                )?
                .execute(params![
                    id,
                    kind,
                    text,
                    reply_to.map(|msg_id| msg_id.0),
                    number,
                    is_forwarded(&content.kind)
                ])?;
            if let Kind::Files(files) = &content.kind {
                Table::new(self.connection).add(id, files)?;
            }
            changes.insert(Change::Updated(conversation, EntryId(id)));
            known += 1;
        }
        Ok(known)
    }
}
