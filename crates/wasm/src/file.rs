//! Files: what pages see of them, and what is asked of them. The worker moves bytes (`apps/web/src/worker/files.ts`);
//! keys stay here.

use crate::face::Face;
use crate::refusal::Refusal;
use crate::shape;
use bytes::Bytes;
use client::engine::EngineError;
use client::files::movie::Movie;
use client::files::{
    Attachment, AttachmentId, AttachmentState, FileEvent, FileMessage, NewFile, Origin, Problem, Progress, SealedCopy,
    Turn,
};
use client::timeline::{Entry, EntryId, MediaKind};
use data_encoding::BASE64;
use protocol::event::ConversationId;
use protocol::file::{FileKey, Leaves, Look, Opener, Root, Sealer, Shape};
use rand_core::CryptoRng;
use serde::Deserialize;
use serde_json::{Value, json};
use wire::id::{FileId, MsgId};

/// Sealed copies that wait for their message at most.
const SEALED_MAX: usize = 64;
/// The largest files that the storage page shows.
const LARGEST_MAX: usize = 20;
/// Pictures that every browser draws.
const DRAWN: [&str; 6] = ["image/jpeg", "image/png", "image/webp", "image/gif", "image/avif", "image/bmp"];

/// The root of an own file that is not at the node yet.
const NO_ROOT: Root = Root([0; 32]);

/// A file that is being sealed into the origin's private folder, with a key of its own that never leaves.
pub struct Sealing {
    file: FileId,
    key: FileKey,
    sealer: Sealer,
    leaves: Leaves,
    movie: Movie,
}

impl std::fmt::Debug for Sealing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealing(..)")
    }
}

impl Sealing {
    /// Begins a file of so many bytes.
    ///
    /// # Errors
    /// `file-too-large`.
    pub fn new(size: u64, rng: &mut dyn CryptoRng) -> Result<Self, Refusal> {
        let shape = Shape::of(size).map_err(|_| Refusal::new("file-too-large"))?;
        let mut file = FileId([0; 32]);
        rng.fill_bytes(&mut file.0);
        let key = FileKey::random(rng);
        Ok(Self { file, sealer: Sealer::new(&key, shape), key, leaves: Leaves::default(), movie: Movie::default() })
    }

    /// Seals a movie without what its camera wrote into it.
    pub fn cover(&mut self, movie: Movie) {
        self.movie = movie;
    }

    /// Names the copy.
    pub fn file(&self) -> FileId {
        self.file
    }

    /// Sizes.
    pub fn shape(&self) -> &Shape {
        self.sealer.shape()
    }

    /// Seals the next group in place: its plaintext at the beginning, room for all of it behind.
    ///
    /// # Errors
    /// `file-unreadable` for a group of another length, and past the last.
    pub fn seal_next(&mut self, bytes: &mut [u8]) -> Result<(), Refusal> {
        let group = self.leaves.len();
        if group < self.shape().groups() {
            self.movie.cover(self.shape().chunk_start(group), bytes);
        }
        let leaf = self.sealer.seal(group, bytes).map_err(|_| Refusal::new("file-unreadable"))?;
        self.leaves.push(leaf);
        Ok(())
    }

    /// What lies behind the last group.
    pub fn leaves(&self) -> &[u8] {
        self.leaves.as_bytes()
    }
}

/// One file of a message as the page sends it; its sealed copy is in the folder.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileInput {
    file: String,
    size: u64,
    name: String,
    media_type: String,
    width: Option<u32>,
    height: Option<u32>,
    duration_ms: Option<u64>,
    thumbhash: Option<String>,
    waveform: Option<String>,
    is_voice: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageInput {
    conversation: String,
    files: Vec<FileInput>,
    caption: String,
    reply_to: Option<String>,
}

#[derive(Deserialize)]
struct Place {
    entry: i64,
    #[serde(default)]
    index: usize,
}

fn small(text: Option<&String>) -> Result<Bytes, Refusal> {
    let decoded = text.map(|text| BASE64.decode(text.as_bytes())).transpose().map_err(|_| Refusal::input())?;
    Ok(decoded.unwrap_or_default().into())
}

/// A problem's code for a sentence.
pub fn problem_code(problem: Problem) -> &'static str {
    match problem {
        Problem::Network => "file-network",
        Problem::Busy => "file-busy",
        Problem::Changed => "file-changed",
        Problem::Unreadable => "file-unreadable",
        Problem::TooLarge => "file-too-large",
        Problem::NodeFull => "file-node-full",
        Problem::Refused => "file-refused",
        Problem::Gone => "file-gone",
        Problem::Damaged => "file-damaged",
        Problem::Dishonest => "file-dishonest",
        Problem::DiskFull => "storage-full",
        Problem::Unwritable => "file-unwritable",
        Problem::NotYet => "file-not-yet",
    }
}

/// Reads [`problem_code`]; anything else is the network's doing.
pub fn parse_problem(code: &str) -> Problem {
    const ALL: [Problem; 13] = [
        Problem::Network,
        Problem::Busy,
        Problem::Changed,
        Problem::Unreadable,
        Problem::TooLarge,
        Problem::NodeFull,
        Problem::Refused,
        Problem::Gone,
        Problem::Damaged,
        Problem::Dishonest,
        Problem::DiskFull,
        Problem::Unwritable,
        Problem::NotYet,
    ];
    ALL.into_iter().find(|problem| problem_code(*problem) == code).unwrap_or(Problem::Network)
}

fn kind_of(attachment: &Attachment) -> &'static str {
    let media_type = attachment.media_type.as_str();
    match media_type.split('/').next() {
        _ if attachment.look.is_voice => "voice",
        _ if DRAWN.contains(&media_type) => "photo",
        Some("video") => "video",
        Some("audio") => "audio",
        _ => "file",
    }
}

fn transfer(attachment: &Attachment, progress: Option<Progress>) -> shape::Transfer {
    use AttachmentState as State;
    // Padding and leaves move, too: what is shown is a share of the file.
    let moved = progress.map(|now| {
        let share = u128::from(now.done_bytes) * u128::from(attachment.size) / u128::from(now.total_bytes.max(1));
        u64::try_from(share).unwrap_or(u64::MAX)
    });
    let done = moved.unwrap_or(attachment.done_bytes).min(attachment.size);
    match (attachment.state, progress, attachment.problem) {
        (State::Remote, ..) => shape::Transfer::Away,
        // An own one was sent from its copy here.
        (State::Here | State::Uploaded, ..) => shape::Transfer::Here,
        (State::UploadPaused | State::FetchPaused, ..) => shape::Transfer::Paused { done, reason: "user" },
        (State::UploadFailed | State::FetchFailed, _, Some(Problem::DiskFull)) => {
            shape::Transfer::Paused { done, reason: "no-room" }
        }
        (State::UploadFailed | State::FetchFailed, _, problem) => {
            shape::Transfer::Failed { done, code: problem.map_or("file-refused", problem_code) }
        }
        (State::Uploading | State::Fetching, Some(now), _) => shape::Transfer::Moving {
            done,
            bytes_per_second: now.bytes_per_s(),
            seconds_left: now.left_ms().map(|left_ms| left_ms.div_ceil(1_000)),
            way: if now.is_direct { "direct" } else { "node" },
        },
        (State::Fetching, None, Some(Problem::NotYet)) => shape::Transfer::Paused { done, reason: "sender" },
        (State::Uploading | State::Fetching, None, Some(_)) => shape::Transfer::Paused { done, reason: "network" },
        (State::Uploading | State::Fetching, None, None) => shape::Transfer::Queued { done },
    }
}

impl Face {
    /// The worker moves files from now on; those whose copies may stay.
    ///
    /// # Errors
    /// What the database says.
    pub fn begin_files(&mut self, now_ms: u64) -> Result<Vec<FileId>, Refusal> {
        let result = self.engine.begin_files(now_ms);
        self.settle(result)?;
        Ok(self.engine.known_files()?)
    }

    /// Keeps what opens a sealed copy until its message is written.
    ///
    /// # Errors
    /// `file-unreadable` where groups are missing; `busy` where too many wait.
    pub fn keep_sealed(&mut self, sealing: Sealing) -> Result<(), Refusal> {
        if sealing.leaves.len() != sealing.shape().groups() {
            return Err(Refusal::new("file-unreadable"));
        }
        if self.sealed.len() >= SEALED_MAX {
            return Err(Refusal::new("busy"));
        }
        let Sealing { file, key, leaves, .. } = sealing;
        self.sealed.insert(file, SealedCopy { file, key, leaves });
        Ok(())
    }

    /// Forgets a copy that nothing came of.
    pub fn drop_sealed(&mut self, file: &FileId) {
        self.sealed.remove(file);
    }

    /// What opens a file, with the leaves that lie behind its ciphertext; none for a file of one group.
    ///
    /// # Errors
    /// `no-message`, `file-damaged`.
    pub fn opener(&self, id: AttachmentId, leaves: Option<&[u8]>) -> Result<Opener, Refusal> {
        let mut reference = self.engine.file_reference(id)?.ok_or(Refusal::new("no-message"))?;
        let opened = match leaves {
            None => Opener::of_one_group(&reference),
            Some(leaves) => {
                let leaves = Leaves::parse(leaves).map_err(|_| Refusal::new("file-damaged"))?;
                // An own one has no root in its row before the node has it: what was sealed here is what it is.
                if reference.root == NO_ROOT {
                    reference.root = leaves.root().ok_or(Refusal::new("file-damaged"))?;
                }
                Opener::new(&reference, leaves)
            }
        };
        opened.map_err(|_| Refusal::new("file-damaged"))
    }

    /// The root that an own copy has, for the report that it is at the node.
    ///
    /// # Errors
    /// `file-damaged` for leaves that are none.
    pub fn root_of(leaves: &[u8]) -> Result<Root, Refusal> {
        let leaves = Leaves::parse(leaves).map_err(|_| Refusal::new("file-damaged"))?;
        leaves.root().ok_or(Refusal::new("file-damaged"))
    }

    /// Takes what the worker reports.
    ///
    /// # Errors
    /// What the database says.
    pub fn file_event(&mut self, now_ms: u64, event: FileEvent) -> Result<(), Refusal> {
        let result = self.engine.take_file_events(now_ms, vec![event]);
        self.settle(result)
    }

    /// Where a file lies, and how long its parts are.
    ///
    /// # Errors
    /// `no-message`, and what the database says.
    pub fn file_where(&self, id: AttachmentId) -> Result<Value, Refusal> {
        let reference = self.engine.file_reference(id)?.ok_or(Refusal::new("no-message"))?;
        let shape = Shape::of(reference.size).map_err(|_| Refusal::new("file-too-large"))?;
        Ok(json!({
            "id": id.0, "file": reference.file_id.to_hex(), "node": reference.node_url.as_ref().map(ToString::to_string),
            "sealed": shape.sealed_bytes(), "total": shape.blob_bytes(), "groups": shape.groups(),
        }))
    }

    fn attachment(&self, place: &Place) -> Result<Attachment, Refusal> {
        let entry = self.engine.timeline().entry(EntryId(place.entry))?;
        entry.and_then(|entry| entry.files.into_iter().nth(place.index)).ok_or(Refusal::new("no-message"))
    }

    /// What is asked of files; none where the action is another.
    ///
    /// # Errors
    /// A refusal with its code; then nothing was done.
    pub(crate) fn act_on_files(&mut self, now_ms: u64, action: &str, input: &Value) -> Result<Option<Value>, Refusal> {
        let place = || -> Result<Place, Refusal> { Ok(serde_json::from_value(input.clone())?) };
        let result = match action {
            "sendFiles" => return self.send_files(now_ms, serde_json::from_value(input.clone())?).map(Some),
            "fileInfo" => {
                let (place, attachment) = (place()?, self.attachment(&place()?)?);
                return Ok(Some(serde_json::to_value(self.file_item(place.index, &attachment))?));
            }
            "fileWhere" => {
                let id = self.attachment(&place()?)?.id;
                return self.file_where(id).map(Some);
            }
            "forwardFiles" => {
                let to = crate::query::conversation_id(input["conversation"].as_str().ok_or_else(Refusal::input)?)?;
                self.engine.forward(now_ms, EntryId(place()?.entry), to).map(|queued| queued.output)
            }
            "fetchFile" => {
                let id = self.attachment(&place()?)?.id;
                self.engine.fetch_file(now_ms, id, None)
            }
            "pauseFile" | "resumeFile" => {
                let turn = if action == "pauseFile" { Turn::Pause } else { Turn::Resume };
                let id = self.attachment(&place()?)?.id;
                self.engine.turn_file(now_ms, id, turn)
            }
            "cancelFile" => {
                let id = self.attachment(&place()?)?.id;
                self.engine.cancel_file(now_ms, id)
            }
            "dropFiles" => {
                let places: Vec<Place> = serde_json::from_value(input["files"].clone())?;
                let ids: Vec<AttachmentId> =
                    places.iter().map(|place| Ok(self.attachment(place)?.id)).collect::<Result<_, Refusal>>()?;
                self.engine.drop_copies(now_ms, &ids)
            }
            _ => return Ok(None),
        };
        self.settle(result)?;
        Ok(Some(Value::Null))
    }

    fn send_files(&mut self, now_ms: u64, input: MessageInput) -> Result<Value, Refusal> {
        let conversation: ConversationId = crate::query::conversation_id(&input.conversation)?;
        let reply_to = input.reply_to.as_deref().map(MsgId::from_hex).transpose().map_err(|_| Refusal::input())?;
        let mut files = Vec::new();
        for file in &input.files {
            let id = FileId::from_hex(&file.file).map_err(|_| Refusal::input())?;
            let copy = self.sealed.get(&id).ok_or(Refusal::new("file-unreadable"))?;
            files.push(NewFile {
                origin: Origin::Sealed(copy.clone()),
                size: file.size,
                name: file.name.clone(),
                media_type: file.media_type.clone(),
                look: Look {
                    width: file.width.unwrap_or(0),
                    height: file.height.unwrap_or(0),
                    duration_ms: file.duration_ms.unwrap_or(0),
                    thumbhash: small(file.thumbhash.as_ref())?,
                    waveform: small(file.waveform.as_ref())?,
                    is_voice: file.is_voice,
                },
            });
        }
        let message = FileMessage { conversation, files, caption: input.caption, reply_to };
        match self.engine.send_files(now_ms, message) {
            Ok(queued) => {
                for file in &input.files {
                    let _ = FileId::from_hex(&file.file).map(|id| self.sealed.remove(&id));
                }
                self.take(queued.output);
                Ok(json!({ "message": queued.msg_id.to_hex(), "entry": queued.entry.map_or(0, |entry| entry.0) }))
            }
            Err(error @ EngineError::Content(_)) => Err(error.into()),
            Err(error) => {
                self.settle(Err(error))?;
                Err(Refusal::input())
            }
        }
    }

    /// A file as a page sees it.
    pub(crate) fn file_item(&self, index: usize, attachment: &Attachment) -> shape::FileItem {
        let shown = attachment.shown_name();
        let some = |number: u32| Some(number).filter(|number| *number > 0);
        let text = |bytes: &Bytes| Some(BASE64.encode(bytes)).filter(|text| !text.is_empty());
        shape::FileItem {
            index,
            name: shown.text,
            kind: kind_of(attachment),
            media_type: attachment.media_type.clone(),
            bytes: attachment.size,
            width: some(attachment.look.width),
            height: some(attachment.look.height),
            duration_ms: Some(attachment.look.duration_ms).filter(|ms| *ms > 0),
            thumbhash: text(&attachment.look.thumbhash),
            waveform: text(&attachment.look.waveform),
            is_unsafe: shown.is_executable,
            transfer: transfer(attachment, self.engine.progress(attachment.id)),
        }
    }

    pub(crate) fn file_items(&self, entry: &Entry) -> Vec<shape::FileItem> {
        entry.files.iter().enumerate().map(|(index, file)| self.file_item(index, file)).collect()
    }

    /// Files of a conversation, newest first.
    pub(crate) fn media(&self, id: &ConversationId, kind: &str, limit: usize) -> Result<Vec<shape::MediaRow>, Refusal> {
        let kind = match kind {
            "pictures" => MediaKind::Pictures,
            "voice" => MediaKind::Voice,
            "files" => MediaKind::Files,
            _ => return Err(Refusal::input()),
        };
        let places = self.engine.timeline().media(id, kind, limit)?;
        places.into_iter().filter_map(|(entry, index)| self.media_row(entry, index).transpose()).collect()
    }

    fn media_row(&self, entry: EntryId, index: usize) -> Result<Option<shape::MediaRow>, Refusal> {
        let Some(entry) = self.engine.timeline().entry(entry)? else { return Ok(None) };
        let Some(file) = entry.files.get(index).map(|file| self.file_item(index, file)) else { return Ok(None) };
        Ok(Some(shape::MediaRow {
            entry: entry.id.0,
            sent_ms: entry.sent_ms,
            sender_name: self.engine.timeline().display_name(&entry.sender)?,
            is_own: entry.is_own(),
            file,
        }))
    }

    /// What files take on this device.
    pub(crate) fn storage(&self) -> Result<shape::Storage, Refusal> {
        let timeline = self.engine.timeline();
        let mut rows = Vec::new();
        for held in timeline.storage()? {
            let Some(summary) = timeline.conversation(&held.conversation)? else { continue };
            rows.push(shape::StorageRow {
                conversation: summary.id.to_hex(),
                title: summary.title,
                peer: summary.peer.map(|peer| peer.to_hex()),
                is_direct: summary.is_direct,
                bytes: held.bytes,
                files: held.files,
            });
        }
        let mut largest = Vec::new();
        for (entry, index) in timeline.largest_files(LARGEST_MAX)? {
            let Some(conversation) = timeline.entry(entry)?.map(|entry| entry.conversation) else { continue };
            let (Some(row), Some(summary)) = (self.media_row(entry, index)?, timeline.conversation(&conversation)?)
            else {
                continue;
            };
            largest.push(shape::LargeRow { row, conversation: conversation.to_hex(), title: summary.title });
        }
        Ok(shape::Storage { rows, largest })
    }
}
