//! The shapes of `apps/web/src/platform/engine.ts`, field by field.

use serde::Serialize;

/// Whose engine it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Me {
    pub account: String,
    pub address: String,
    pub name: String,
    pub picture: Option<String>,
    pub node: String,
}

/// A conversation in the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ConversationRow {
    pub id: String,
    pub is_direct: bool,
    pub title: String,
    pub peer: Option<String>,
    pub picture: Option<String>,
    pub state: &'static str,
    pub member_count: usize,
    pub unread: usize,
    pub is_marked_unread: bool,
    pub is_pinned: bool,
    pub is_archived: bool,
    pub muted_until_ms: Option<u64>,
    pub forbids_direct: bool,
    pub is_blocked: bool,
    pub is_verified: bool,
    pub timer_seconds: u32,
    pub last_ms: u64,
    pub last: Option<Entry>,
    pub draft: Option<String>,
    pub typing: Vec<String>,
}

/// A member of a conversation.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Member {
    pub account: String,
    pub name: String,
    pub picture: Option<String>,
    pub is_admin: bool,
    pub is_self: bool,
    pub is_verified: bool,
    pub is_contact: bool,
}

/// A conversation with all that belongs to it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ConversationDetail {
    pub row: ConversationRow,
    pub members: Vec<Member>,
    pub is_admin: bool,
    pub node: String,
    pub restarts: Option<String>,
    pub alert: Option<Alert>,
    pub invites: Vec<Invite>,
}

/// What an entry says.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum EntryBody {
    Text {
        text: String,
    },
    Files {
        files: Vec<FileItem>,
        caption: String,
    },
    Unknown,
    Timer {
        seconds: u32,
    },
    Notice {
        notice: &'static str,
        account: Option<String>,
        name: Option<String>,
        title: Option<String>,
    },
    Deleted,
    #[serde(rename_all = "camelCase")]
    Call {
        is_outgoing: bool,
        has_video: bool,
        sentence: &'static str,
        seconds: u32,
        text: String,
    },
}

/// One file of a message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct FileItem {
    pub index: usize,
    pub name: String,
    pub kind: &'static str,
    pub media_type: String,
    pub bytes: u64,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub duration_ms: Option<u64>,
    pub thumbhash: Option<String>,
    pub waveform: Option<String>,
    pub is_unsafe: bool,
    pub transfer: Transfer,
}

/// How far a file has come.
#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[allow(missing_docs)]
pub enum Transfer {
    Away,
    Queued { done: u64 },
    Moving { done: u64, bytes_per_second: Option<u64>, seconds_left: Option<u64>, way: &'static str },
    Paused { done: u64, reason: &'static str },
    Failed { done: u64, code: &'static str },
    Here,
}

/// A file with where it was said.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct MediaRow {
    pub entry: i64,
    pub sent_ms: u64,
    pub sender_name: String,
    pub is_own: bool,
    pub file: FileItem,
}

/// What the files of a conversation take.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct StorageRow {
    pub conversation: String,
    pub title: String,
    pub peer: Option<String>,
    pub is_direct: bool,
    pub bytes: u64,
    pub files: u64,
}

/// A large file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct LargeRow {
    #[serde(flatten)]
    pub row: MediaRow,
    pub conversation: String,
    pub title: String,
}

/// What files take on this device.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Storage {
    pub rows: Vec<StorageRow>,
    pub largest: Vec<LargeRow>,
}

/// What an entry answers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Reply {
    pub message: String,
    pub entry: Option<i64>,
    pub sender: String,
    pub sender_name: String,
    pub text: Option<String>,
}

/// One emoji under an entry.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Reaction {
    pub emoji: String,
    pub accounts: Vec<String>,
    pub names: Vec<String>,
    pub is_mine: bool,
}

/// One line of a conversation.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Entry {
    pub id: i64,
    pub message: String,
    pub conversation: String,
    pub sender: String,
    pub sender_name: String,
    pub is_own: bool,
    pub sent_ms: u64,
    pub received_ms: u64,
    pub body: EntryBody,
    pub reply: Option<Reply>,
    pub delivery: &'static str,
    pub is_unread: bool,
    pub edited_ms: Option<u64>,
    pub expires_ms: Option<u64>,
    pub is_forwarded: bool,
    pub reactions: Vec<Reaction>,
}

/// A part of a conversation.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Timeline {
    pub entries: Vec<Entry>,
    pub has_older: bool,
    pub has_newer: bool,
    pub first_unread: Option<i64>,
}

/// Somebody who knocks.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Request {
    pub id: String,
    pub account: String,
    pub name: String,
    pub note: String,
    pub kind: &'static str,
    pub conversation: Option<String>,
    pub conversation_title: Option<String>,
    pub at_ms: u64,
}

/// A link of ours.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Invite {
    pub id: String,
    pub link: Option<String>,
    pub conversation: Option<String>,
    pub needs_approval: bool,
    pub is_used: bool,
    pub expires_ms: Option<u64>,
    pub at_ms: u64,
}

/// Something that the user must know.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Alert {
    pub id: i64,
    pub conversation: Option<String>,
    pub code: String,
    pub name: Option<String>,
    pub has_evidence: bool,
    pub at_ms: u64,
    pub is_seen: bool,
}

/// Somebody whom we met.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Contact {
    pub account: String,
    pub name: String,
    pub own_name: String,
    pub picture: Option<String>,
    pub address: Option<String>,
    pub is_verified: bool,
    pub is_blocked: bool,
    pub conversation: Option<String>,
}

/// What the database knows of the settings; the worker adds what the browser knows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Settings {
    pub sends_read_receipts: bool,
    pub sends_typing: bool,
    pub allows_direct: bool,
    pub are_words_kept: bool,
}

/// A message that was found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct SearchHit {
    pub entry: Entry,
    pub conversation_title: String,
    pub snippet: String,
    pub highlights: Vec<(usize, usize)>,
}
