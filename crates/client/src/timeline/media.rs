//! Files across messages: of a conversation, and what all of them take here.

use crate::db::DatabaseError;
use crate::files::AttachmentState;
use crate::timeline::{EntryId, Timeline, unsigned};
use protocol::event::ConversationId;
use sqlite::rusqlite::{self, Row, params};

/// Which files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    /// Photos and videos.
    Pictures,
    /// Voice notes.
    Voice,
    /// Everything else.
    Files,
}

/// What the files of a conversation take on this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Whose.
    pub conversation: ConversationId,
    /// Their bytes.
    pub bytes: u64,
    /// How many.
    pub files: u64,
}

impl Timeline<'_> {
    /// Files of a conversation, newest first: the entry, and the place in it.
    ///
    /// # Errors
    /// What the database says.
    pub fn media(
        &self,
        id: &ConversationId,
        kind: MediaKind,
        limit: usize,
    ) -> Result<Vec<(EntryId, usize)>, DatabaseError> {
        let kind = match kind {
            MediaKind::Pictures => 0,
            MediaKind::Voice => 1,
            MediaKind::Files => 2,
        };
        let mut statement = self.connection.prepare_cached(
            "SELECT m.id, a.position FROM attachments a
             JOIN messages m ON m.id = a.message JOIN conversations c ON c.id = m.conversation
             WHERE c.conversation = ?1 AND ?2 = CASE
               WHEN a.is_voice THEN 1
               WHEN a.media_type LIKE 'image/%' OR a.media_type LIKE 'video/%' THEN 0
               ELSE 2 END
             ORDER BY m.id DESC, a.position LIMIT ?3",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![id.0, kind, limit], place)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What each conversation's files take here, the most first.
    ///
    /// # Errors
    /// What the database says.
    pub fn storage(&self) -> Result<Vec<Held>, DatabaseError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT c.conversation, sum(a.size), count(*) FROM attachments a
             JOIN messages m ON m.id = a.message JOIN conversations c ON c.id = m.conversation
             WHERE a.state IN (?1, ?2) GROUP BY c.id ORDER BY 2 DESC",
        )?;
        let rows = statement.query_map(here(), |row| {
            Ok(Held {
                conversation: ConversationId(row.get(0)?),
                bytes: unsigned(row.get(1)?),
                files: unsigned(row.get(2)?),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The largest files here: the entry, and the place in it.
    ///
    /// # Errors
    /// What the database says.
    pub fn largest_files(&self, limit: usize) -> Result<Vec<(EntryId, usize)>, DatabaseError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT message, position FROM attachments WHERE state IN (?1, ?2) ORDER BY size DESC, id LIMIT ?3",
        )?;
        let [here, uploaded] = here();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![here, uploaded, limit], place)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn place(row: &Row<'_>) -> rusqlite::Result<(EntryId, usize)> {
    let position: i64 = row.get(1)?;
    Ok((EntryId(row.get(0)?), usize::try_from(position).unwrap_or(0)))
}

/// A sealed copy is here: it came, or it was sent from one.
fn here() -> [i64; 2] {
    [AttachmentState::Here.code(), AttachmentState::Uploaded.code()]
}
