//! The rows of files: what is known of them, what is to move, what is to be removed.

use crate::db::DatabaseError;
use crate::files::order::Owner;
use crate::files::{
    Attachment, AttachmentId, AttachmentState, Discard, Fetch, NewFile, Origin, OwnPath, Problem, Upload,
};
use crate::timeline::EntryId;
use protocol::content::Files;
use protocol::event::ConversationId;
use protocol::file::{Commit, FileKey, Leaves, Look, Reference, Root, Shape};
use protocol::identity::NodeUrl;
use sqlite::rusqlite::{self, Connection, OptionalExtension, Row, params};
use wire::id::{DeviceId, FileId, MsgId};

/// Orders to remove under way at most.
pub(super) const DISCARDS_MAX: usize = 4;
/// An order that was not carried out is dropped after so many attempts: the blob expires by itself.
const DISCARD_TRIES_MAX: i64 = 32;

/// How long a blob stays at the node when its sender's time is over: as long as its message may wait there.
const LEFT_MS: u64 = wire::limit::RETENTION_DAYS as u64 * 86_400_000;

/// The tables of files within the transaction that is open.
#[derive(Clone, Copy)]
pub(crate) struct Table<'a> {
    connection: &'a Connection,
}

/// Whose file it is, to tell views.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) conversation: ConversationId,
    pub(super) entry: EntryId,
    pub(super) state: AttachmentState,
    pub(super) size: u64,
    pub(super) tries: u32,
}

/// A file with what its message says, for signals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub(super) id: AttachmentId,
    pub(super) conversation: ConversationId,
    pub(super) msg_id: MsgId,
    pub(super) device: DeviceId,
    pub(super) index: u32,
    pub(super) sent_ms: u64,
    pub(super) size: u64,
    pub(super) tries: u32,
    pub(super) file: FileId,
    pub(super) state: AttachmentState,
    /// An own one is sealed in the profile, not read from a path.
    pub(super) has_copy: bool,
    pub(super) is_early: bool,
}

const TOLD: &str = "SELECT a.id, c.conversation, m.msg_id, m.device, a.position, m.sent_ms, a.size, a.tries, a.file,
    a.state, a.source IS NULL, a.is_early
    FROM attachments a JOIN messages m ON m.id = a.message JOIN conversations c ON c.id = m.conversation";
const VIEW: &str =
    "id, name, media_type, size, width, height, duration_ms, thumbhash, waveform, is_voice, state, problem,
    done_bytes";
const REFERENCE: &str = "file, node_url, key, key_commit, root, size, name, media_type, width, height, duration_ms,
    thumbhash, waveform, is_voice";

impl<'a> Table<'a> {
    pub(crate) fn new(connection: &'a Connection) -> Self {
        Self { connection }
    }

    /// Nothing moves while a program begins.
    pub(crate) fn rest(&self) -> Result<(), DatabaseError> {
        self.connection.prepare_cached("UPDATE attachments SET due_ms = 0 WHERE state IN (1, 5)")?.execute([])?;
        let again = "UPDATE discarded SET due_ms = 0 WHERE due_ms IS NULL OR tries > 0";
        self.connection.prepare_cached(again)?.execute([])?;
        Ok(())
    }

    /// Adds the files of a message; their node is the conversation's where they name none.
    pub(crate) fn add(&self, message: i64, files: &Files) -> Result<(), DatabaseError> {
        for (position, file) in (0_i64..).zip(&files.files) {
            self.connection
                .prepare_cached(
                    "INSERT INTO attachments (message, position, file, node_url, key, key_commit, root, size, name,
                       media_type, width, height, duration_ms, thumbhash, waveform, is_voice, is_early, state)
                     VALUES (?1, ?2, ?3, coalesce(?4, (SELECT c.node_url FROM conversations c JOIN messages m
                       ON m.conversation = c.id WHERE m.id = ?1)), ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, 0)",
                )?
                .execute(params![
                    message,
                    position,
                    file.file_id.0,
                    file.node_url.as_ref().map(NodeUrl::as_str),
                    file.key.as_bytes(),
                    file.commit.0,
                    file.root.0,
                    signed(file.size),
                    file.name,
                    file.media_type,
                    file.look.width,
                    file.look.height,
                    signed(file.look.duration_ms),
                    file.look.thumbhash.as_ref(),
                    file.look.waveform.as_ref(),
                    file.look.is_voice,
                    files.is_early,
                ])?;
        }
        Ok(())
    }

    /// Turns a new row into an upload.
    pub(super) fn set_upload(
        &self,
        entry: EntryId,
        position: usize,
        owner: &Owner,
        file: &NewFile,
    ) -> Result<(), DatabaseError> {
        let source = match &file.origin {
            Origin::Path(source) => Some(source),
            Origin::Sealed(_) => None,
        };
        let id: i64 = self
            .connection
            .prepare_cached(
                "UPDATE attachments SET state = 1, due_ms = 0, owner = ?3, source = ?4, source_stamp = ?5,
                   source_is_covered = ?6
                 WHERE message = ?1 AND position = ?2 RETURNING id",
            )?
            .query_row(
                params![
                    entry.0,
                    i64::try_from(position).unwrap_or(i64::MAX),
                    owner.0,
                    source.map(|source| &source.path),
                    source.map(|source| source.stamp),
                    source.is_some_and(|source| source.is_covered),
                ],
                |row| row.get(0),
            )?;
        if let Origin::Sealed(copy) = &file.origin {
            self.add_leaves(AttachmentId(id), 0, &copy.leaves)?;
        }
        Ok(())
    }

    /// Turns an upload into one of a file that is announced already; it begins later.
    pub(super) fn set_early(
        &self,
        entry: EntryId,
        position: usize,
        root: &Root,
        due_ms: u64,
    ) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached(
                "UPDATE attachments SET is_early = 1, root = ?3, due_ms = ?4 WHERE message = ?1 AND position = ?2",
            )?
            .execute(params![entry.0, i64::try_from(position).unwrap_or(i64::MAX), root.0, signed(due_ms)])?;
        Ok(())
    }

    /// The node has an early file; who waits for it goes on at once.
    pub(super) fn set_stored(&self, id: AttachmentId, now_ms: u64) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached(
                "UPDATE attachments SET is_early = 0,
                   due_ms = CASE WHEN state = 5 AND due_ms IS NOT NULL THEN min(due_ms, ?2) ELSE due_ms END WHERE id = ?1",
            )?
            .execute(params![id.0, signed(now_ms)])?;
        Ok(())
    }

    /// An early file that all others have is not sent to the node.
    pub(super) fn call_off(&self, id: AttachmentId) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached(
                "UPDATE attachments SET state = 3, problem = NULL, due_ms = NULL, done_bytes = size WHERE id = ?1",
            )?
            .execute([id.0])?;
        self.connection.prepare_cached("DELETE FROM leaves WHERE attachment = ?1")?.execute([id.0])?;
        Ok(())
    }

    /// A file that the node does not have is sent to it from the copy here, for another message.
    pub(super) fn set_upload_again(&self, entry: EntryId, file: &FileId, owner: &Owner) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached(
                "UPDATE attachments SET state = 1, due_ms = 0, owner = ?3 WHERE message = ?1 AND file = ?2",
            )?
            .execute(params![entry.0, file.0, owner.0])?;
        Ok(())
    }

    /// The files of a message that the node does not have, each with whether its copy is here.
    pub(super) fn early_of(&self, entry: EntryId) -> Result<Vec<(FileId, bool)>, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached("SELECT file, state IN (3, 7) FROM attachments WHERE message = ?1 AND is_early = 1")?
            .query_map([entry.0], |row| Ok((FileId(row.get(0)?), row.get(1)?)))?
            .collect::<Result<_, _>>()?)
    }

    /// When a file may move.
    pub(super) fn set_due(&self, id: AttachmentId, due_ms: u64) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached("UPDATE attachments SET due_ms = ?2 WHERE id = ?1")?
            .execute(params![id.0, signed(due_ms)])?;
        Ok(())
    }

    /// What was told of a file.
    pub(super) fn told(&self, id: AttachmentId) -> Result<Option<Told>, DatabaseError> {
        Ok(self.connection.prepare_cached(&format!("{TOLD} WHERE a.id = ?1"))?.query_row([id.0], told).optional()?)
    }

    /// What a device told of a file of its message.
    pub(super) fn told_of(
        &self,
        conversation: &ConversationId,
        msg_id: &MsgId,
        device: &DeviceId,
        index: u32,
    ) -> Result<Option<Told>, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached(&format!(
                "{TOLD} WHERE c.conversation = ?1 AND m.msg_id = ?2 AND m.device = ?3 AND a.position = ?4"
            ))?
            .query_row(params![conversation.0, msg_id.0, device.0, index], told)
            .optional()?)
    }

    /// The files of a message, in order; while the message's row is read.
    pub(crate) fn of_entry(&self, entry: EntryId) -> rusqlite::Result<Vec<Attachment>> {
        self.connection
            .prepare_cached(&format!("SELECT {VIEW} FROM attachments WHERE message = ?1 ORDER BY position"))?
            .query_map([entry.0], view)?
            .collect()
    }

    /// One file.
    pub(crate) fn attachment(&self, id: AttachmentId) -> Result<Option<Attachment>, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached(&format!("SELECT {VIEW} FROM attachments WHERE id = ?1"))?
            .query_row([id.0], view)
            .optional()?)
    }

    /// What opens a file and where it lies.
    pub(crate) fn reference(&self, id: AttachmentId) -> Result<Option<Reference>, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached(&format!("SELECT {REFERENCE} FROM attachments WHERE id = ?1"))?
            .query_row([id.0], |row| reference(row, 0))
            .optional()?)
    }

    /// What opens the files of a message, to send it or to pass it on.
    pub(crate) fn references(&self, entry: EntryId) -> Result<Vec<Reference>, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached(&format!("SELECT {REFERENCE} FROM attachments WHERE message = ?1 ORDER BY position"))?
            .query_map([entry.0], |row| reference(row, 0))?
            .collect::<Result<_, _>>()?)
    }

    /// Where a file is, and how it stands.
    pub(super) fn place(&self, id: AttachmentId) -> Result<Option<Place>, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT c.conversation, m.id, a.state, a.size, a.tries FROM attachments a
                 JOIN messages m ON m.id = a.message JOIN conversations c ON c.id = m.conversation WHERE a.id = ?1",
            )?
            .query_row([id.0], |row| {
                Ok(Place {
                    conversation: ConversationId(row.get(0)?),
                    entry: EntryId(row.get(1)?),
                    state: state(row, 2)?,
                    size: unsigned(row.get(3)?),
                    tries: row.get(4)?,
                })
            })
            .optional()?)
    }

    /// Whether every file of a message is at the node.
    pub(super) fn is_complete(&self, entry: EntryId) -> Result<bool, DatabaseError> {
        Ok(!self
            .connection
            .prepare_cached("SELECT 1 FROM attachments WHERE message = ?1 AND state IN (1, 2, 4)")?
            .exists([entry.0])?)
    }

    /// Sets where a file stands; `due_ms` is none for what does not wait.
    pub(super) fn set_state(
        &self,
        id: AttachmentId,
        state: AttachmentState,
        problem: Option<Problem>,
        due_ms: Option<u64>,
    ) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached("UPDATE attachments SET state = ?2, problem = ?3, due_ms = ?4 WHERE id = ?1")?
            .execute(params![id.0, state.code(), problem.map(Problem::code), due_ms.map(signed)])?;
        Ok(())
    }

    /// Sets how often a file was tried in vain since it moved last, and how far it came.
    pub(super) fn set_tries(&self, id: AttachmentId, tries: u32, done_bytes: Option<u64>) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached("UPDATE attachments SET tries = ?2, done_bytes = coalesce(?3, done_bytes) WHERE id = ?1")?
            .execute(params![id.0, tries, done_bytes.map(signed)])?;
        Ok(())
    }

    /// Sets where a file is saved to; none: a sealed copy.
    pub(super) fn set_target(&self, id: AttachmentId, target: Option<&[u8]>) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached("UPDATE attachments SET target = ?2 WHERE id = ?1")?
            .execute(params![id.0, target])?;
        Ok(())
    }

    /// The path that a file was to be saved to.
    pub(super) fn target(&self, id: AttachmentId) -> Result<Option<Vec<u8>>, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached("SELECT target FROM attachments WHERE id = ?1")?
            .query_row([id.0], |row| row.get(0))
            .optional()?
            .flatten())
    }

    /// Stores leaves; those that are there stay as they are.
    pub(super) fn add_leaves(&self, id: AttachmentId, first: u64, leaves: &Leaves) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached(
                "INSERT INTO leaves (attachment, first, leaves) VALUES (?1, ?2, ?3)
                 ON CONFLICT (attachment, first) DO NOTHING",
            )?
            .execute(params![id.0, signed(first), leaves.as_bytes()])?;
        Ok(())
    }

    /// All leaves that are stored, from the first on.
    fn leaves(&self, id: AttachmentId) -> Result<Leaves, DatabaseError> {
        let mut bytes = Vec::new();
        let mut statement =
            self.connection.prepare_cached("SELECT leaves FROM leaves WHERE attachment = ?1 ORDER BY first")?;
        for part in statement.query_map([id.0], |row| row.get::<_, Vec<u8>>(0))? {
            bytes.extend(part?);
        }
        Leaves::parse(&bytes).map_err(|_| DatabaseError::Value("leaf"))
    }

    /// The blob is complete: its root is known, its leaves lie at the node, nothing is read any more.
    pub(super) fn finish_upload(&self, id: AttachmentId, root: &Root) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached(
                "UPDATE attachments SET state = 3, problem = NULL, due_ms = NULL, root = ?2, source = NULL,
                   done_bytes = size WHERE id = ?1",
            )?
            .execute(params![id.0, root.0])?;
        self.connection.prepare_cached("DELETE FROM leaves WHERE attachment = ?1")?.execute([id.0])?;
        Ok(())
    }

    /// Every message's file of this one's bytes is at the node only; where they are.
    pub(super) fn drop_copy(&self, id: AttachmentId) -> Result<Vec<Place>, DatabaseError> {
        let same: Vec<AttachmentId> = self
            .connection
            .prepare_cached(
                "UPDATE attachments SET state = 0, done_bytes = 0
                 WHERE file = (SELECT file FROM attachments WHERE id = ?1) AND state IN (3, 7) RETURNING id",
            )?
            .query_map([id.0], |row| Ok(AttachmentId(row.get(0)?)))?
            .collect::<Result<_, _>>()?;
        same.into_iter().filter_map(|id| self.place(id).transpose()).collect()
    }

    /// What may move now, the longest waiting first; they are marked as moving.
    pub(super) fn take_due(
        &self,
        now_ms: u64,
        limit: usize,
    ) -> Result<Vec<(AttachmentId, AttachmentState)>, DatabaseError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let due: Vec<(AttachmentId, AttachmentState)> = self
            .connection
            .prepare_cached(
                "SELECT id, state FROM attachments WHERE state IN (1, 5) AND due_ms <= ?1 ORDER BY due_ms, id LIMIT ?2",
            )?
            .query_map([signed(now_ms), limit], |row| Ok((AttachmentId(row.get(0)?), state(row, 1)?)))?
            .collect::<Result<_, _>>()?;
        for (id, _) in &due {
            self.connection.prepare_cached("UPDATE attachments SET due_ms = NULL WHERE id = ?1")?.execute([id.0])?;
        }
        Ok(due)
    }

    /// The order to send a file.
    pub(super) fn upload(&self, id: AttachmentId) -> Result<Option<Upload>, DatabaseError> {
        type Found = (Reference, Option<[u8; 32]>, Option<OwnPath>);
        let found: Option<Found> = self
            .connection
            .prepare_cached(&format!(
                "SELECT {REFERENCE}, owner, source, source_stamp, source_is_covered FROM attachments WHERE id = ?1"
            ))?
            .query_row([id.0], |row| Ok((reference(row, 0)?, row.get(14)?, own_path(row, 15)?)))
            .optional()?;
        let Some((reference, Some(owner), source)) = found else {
            return Ok(None);
        };
        let shape = Shape::of(reference.size).map_err(|_| DatabaseError::Value("size of a file"))?;
        Ok(Some(Upload {
            id,
            node_url: reference.node_url.clone().ok_or(DatabaseError::Value("node of a file"))?,
            file: reference.file_id,
            key: reference.key.clone(),
            owner: Owner(owner),
            shape,
            source,
            leaves: self.leaves(id)?,
        }))
    }

    /// The order to fetch a file.
    pub(super) fn fetch(&self, id: AttachmentId) -> Result<Option<Fetch>, DatabaseError> {
        let Some(reference) = self.reference(id)? else {
            return Ok(None);
        };
        Ok(Some(Fetch { id, reference, target: self.target(id)?, is_here: self.is_here(id)?, may_direct: false }))
    }

    /// Whether this row's sealed copy was complete before it was asked to be saved.
    fn is_here(&self, id: AttachmentId) -> Result<bool, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT 1 FROM attachments WHERE id = ?1 AND target IS NOT NULL AND done_bytes = size AND size > 0",
            )?
            .exists([id.0])?)
    }

    /// When something may move or be removed next.
    pub(super) fn next_due_ms(&self, has_room: bool) -> Result<Option<u64>, DatabaseError> {
        let discards = i64::try_from(DISCARDS_MAX).unwrap_or(i64::MAX);
        let mut statement = self.connection.prepare_cached(
            "SELECT min(due_ms) FROM (SELECT min(due_ms) AS due_ms FROM attachments WHERE state IN (1, 5) AND ?1
               UNION ALL SELECT min(due_ms) FROM discarded
                 WHERE (SELECT count(*) FROM discarded WHERE due_ms IS NULL) < ?2)",
        )?;
        Ok(statement.query_row(params![has_room, discards], |row| row.get::<_, Option<i64>>(0))?.map(unsigned))
    }

    /// What is to be removed now; marked as under way. A blob that another message of ours has passes to that one.
    pub(super) fn take_discarded(&self, now_ms: u64, limit: usize) -> Result<Vec<Discard>, DatabaseError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let orders: Vec<Discard> = self
            .connection
            .prepare_cached(
                "SELECT d.id, d.attachment, d.file, d.node_url, d.owner,
                   EXISTS (SELECT 1 FROM attachments a WHERE a.file = d.file)
                 FROM discarded d WHERE d.due_ms <= ?1 ORDER BY d.due_ms, d.id
                 LIMIT max(0, ?2 - (SELECT count(*) FROM discarded WHERE due_ms IS NULL))",
            )?
            .query_map([signed(now_ms), limit], |row| {
                let node_url: String = row.get(3)?;
                let keeps_copy: bool = row.get(5)?;
                let owner: Option<[u8; 32]> = row.get(4)?;
                Ok(Discard {
                    id: row.get(0)?,
                    attachment: AttachmentId(row.get(1)?),
                    file: FileId(row.get(2)?),
                    node_url: parse_url(&node_url, 3)?,
                    owner: owner.filter(|_| !keeps_copy).map(Owner),
                    keeps_copy,
                })
            })?
            .collect::<Result<_, _>>()?;
        for order in &orders {
            if order.keeps_copy {
                self.connection
                    .prepare_cached(
                        "UPDATE attachments SET owner = (SELECT owner FROM discarded WHERE id = ?1)
                         WHERE id = (SELECT min(id) FROM attachments WHERE file = ?2) AND owner IS NULL",
                    )?
                    .execute(params![order.id, order.file.0])?;
            }
            self.connection.prepare_cached("UPDATE discarded SET due_ms = NULL WHERE id = ?1")?.execute([order.id])?;
        }
        Ok(orders)
    }

    /// An order to remove was carried out, or waits; the number of attempts.
    pub(super) fn settle_discarded(
        &self,
        id: i64,
        is_done: bool,
        due_ms: impl FnOnce(u32) -> u64,
    ) -> Result<(), DatabaseError> {
        let tries: Option<i64> = self
            .connection
            .prepare_cached("UPDATE discarded SET tries = tries + 1 WHERE id = ?1 RETURNING tries")?
            .query_row([id], |row| row.get(0))
            .optional()?;
        let Some(tries) = tries else {
            return Ok(());
        };
        if is_done || tries >= DISCARD_TRIES_MAX {
            self.connection.prepare_cached("DELETE FROM discarded WHERE id = ?1")?.execute([id])?;
        } else {
            let due_ms = due_ms(u32::try_from(tries).unwrap_or(u32::MAX));
            self.connection
                .prepare_cached("UPDATE discarded SET due_ms = ?2 WHERE id = ?1")?
                .execute([id, signed(due_ms)])?;
        }
        Ok(())
    }

    /// The last order to remove.
    pub(crate) fn last_discarded(&self) -> Result<i64, DatabaseError> {
        let sql = "SELECT coalesce(max(id), 0) FROM discarded";
        Ok(self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    }

    /// Own files whose time was over go from here now, and from the node once nobody can be waiting for them: the
    /// orders behind `before` become two each.
    pub(crate) fn leave_at_node(&self, before: i64, now_ms: u64) -> Result<(), DatabaseError> {
        let last = self.last_discarded()?;
        self.connection
            .prepare_cached(
                "INSERT INTO discarded (attachment, file, node_url, owner, due_ms)
                 SELECT attachment, file, node_url, owner, ?3 FROM discarded
                 WHERE id > ?1 AND id <= ?2 AND owner IS NOT NULL",
            )?
            .execute(params![before, last, signed(now_ms.saturating_add(LEFT_MS))])?;
        self.connection
            .prepare_cached("UPDATE discarded SET owner = NULL WHERE id > ?1 AND id <= ?2")?
            .execute([before, last])?;
        Ok(())
    }

    /// The ids of all files that a sealed copy may belong to.
    pub(crate) fn files(&self) -> Result<Vec<FileId>, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached("SELECT file FROM attachments UNION SELECT file FROM discarded")?
            .query_map([], |row| Ok(FileId(row.get(0)?)))?
            .collect::<Result<_, _>>()?)
    }
}

fn told(row: &Row<'_>) -> rusqlite::Result<Told> {
    Ok(Told {
        id: AttachmentId(row.get(0)?),
        conversation: ConversationId(row.get(1)?),
        msg_id: MsgId(row.get(2)?),
        device: DeviceId(row.get(3)?),
        index: row.get(4)?,
        sent_ms: unsigned(row.get(5)?),
        size: unsigned(row.get(6)?),
        tries: row.get(7)?,
        file: FileId(row.get(8)?),
        state: state(row, 9)?,
        has_copy: row.get(10)?,
        is_early: row.get(11)?,
    })
}

fn own_path(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<OwnPath>> {
    let Some(path) = row.get(at)? else { return Ok(None) };
    let stamp: Option<i64> = row.get(at + 1)?;
    Ok(Some(OwnPath { path, stamp: stamp.unwrap_or_default(), is_covered: row.get(at + 2)? }))
}

fn view(row: &Row<'_>) -> rusqlite::Result<Attachment> {
    Ok(Attachment {
        id: AttachmentId(row.get(0)?),
        name: row.get(1)?,
        media_type: row.get(2)?,
        size: unsigned(row.get(3)?),
        look: look(row, 4)?,
        state: state(row, 10)?,
        problem: row.get::<_, Option<i64>>(11)?.and_then(Problem::parse),
        done_bytes: unsigned(row.get(12)?),
    })
}

fn look(row: &Row<'_>, at: usize) -> rusqlite::Result<Look> {
    Ok(Look {
        width: row.get(at)?,
        height: row.get(at + 1)?,
        duration_ms: unsigned(row.get(at + 2)?),
        thumbhash: row.get::<_, Vec<u8>>(at + 3)?.into(),
        waveform: row.get::<_, Vec<u8>>(at + 4)?.into(),
        is_voice: row.get(at + 5)?,
    })
}

/// Reads [`REFERENCE`].
fn reference(row: &Row<'_>, at: usize) -> rusqlite::Result<Reference> {
    let node_url: String = row.get(at + 1)?;
    Ok(Reference {
        file_id: FileId(row.get(at)?),
        node_url: Some(parse_url(&node_url, at + 1)?),
        key: FileKey::new(row.get(at + 2)?),
        commit: Commit(row.get(at + 3)?),
        root: Root(row.get(at + 4)?),
        size: unsigned(row.get(at + 5)?),
        name: row.get(at + 6)?,
        media_type: row.get(at + 7)?,
        look: look(row, at + 8)?,
    })
}

fn state(row: &Row<'_>, at: usize) -> rusqlite::Result<AttachmentState> {
    let code: i64 = row.get(at)?;
    AttachmentState::parse(code).ok_or(rusqlite::Error::IntegralValueOutOfRange(at, code))
}

fn parse_url(text: &str, at: usize) -> rusqlite::Result<NodeUrl> {
    NodeUrl::parse(text).map_err(|_| rusqlite::Error::InvalidColumnIndex(at))
}

/// Sizes are at most 2^40, times far below 2^63.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
