//! Files as the worker moves them: classes that seal and open, orders, reports. Keys and secrets of opening stay here.

use crate::browser::{Core, millis, object, rng, thrown};
use crate::face::Face;
use crate::file::{Sealing, parse_problem};
use crate::refusal::Refusal;
use client::engine::Outgoing;
use client::files::movie::{self, Movie, MovieError};
use client::files::{AttachmentId, DirectOrder, FileEvent};
use data_encoding::HEXLOWER;
use js_sys::{Function, Uint8Array};
use protocol::direct::Role;
use protocol::file::Opener;
use protocol::identity::NodeUrl;
use wasm_bindgen::prelude::*;
use wire::file::{FileWork, file_path, parse_challenge};
use wire::id::{FileId, Hash};

fn url(node: &NodeUrl, file: &FileId) -> String {
    format!("{}{}", node.as_str().trim_end_matches('/'), file_path(file))
}

fn text(text: &str) -> JsValue {
    JsValue::from_str(text)
}

/// An order about a file as an object with `kind` `upload`, `fetch`, `stop-file` or `discard`.
pub fn file_object(outgoing: Outgoing) -> JsValue {
    match outgoing {
        Outgoing::Upload(order) => object(&[
            ("kind", text("upload")),
            ("id", JsValue::from_f64(order.id.0 as f64)),
            ("file", text(&order.file.to_hex())),
            ("node", text(order.node_url.as_str().trim_end_matches('/'))),
            ("url", text(&url(&order.node_url, &order.file))),
            ("owner", text(&HEXLOWER.encode(&order.owner.0))),
            ("ownerHash", text(&Hash::of(&[&order.owner.0]).to_hex())),
            ("sealed", JsValue::from_f64(order.shape.sealed_bytes() as f64)),
            ("total", JsValue::from_f64(order.shape.blob_bytes() as f64)),
        ]),
        Outgoing::Fetch(order) => {
            // The engine names the node of every order.
            let node = order.reference.node_url.as_ref().map(|node| url(node, &order.reference.file_id));
            object(&[
                ("kind", text("fetch")),
                ("id", JsValue::from_f64(order.id.0 as f64)),
                ("file", text(&order.reference.file_id.to_hex())),
                ("url", text(&node.unwrap_or_default())),
                ("mayDirect", JsValue::from_bool(order.may_direct)),
            ])
        }
        Outgoing::StopFile(id) => object(&[("kind", text("stop-file")), ("id", JsValue::from_f64(id.0 as f64))]),
        Outgoing::Discard(order) => object(&[
            ("kind", text("discard")),
            ("order", JsValue::from_f64(order.id as f64)),
            ("id", JsValue::from_f64(order.attachment.0 as f64)),
            ("file", text(&order.file.to_hex())),
            ("url", text(&url(&order.node_url, &order.file))),
            ("owner", order.owner.map_or(JsValue::NULL, |owner| text(&HEXLOWER.encode(&owner.0)))),
            ("keepsCopy", JsValue::from_bool(order.keeps_copy)),
        ]),
        Outgoing::Direct(DirectOrder::Give { attempt, id, file, size, path }) => object(&[
            ("kind", text("give")),
            ("attempt", text(&attempt.to_hex())),
            ("id", JsValue::from_f64(id.0 as f64)),
            ("file", text(&file.to_hex())),
            ("size", JsValue::from_f64(size as f64)),
            ("sdp", text(&path.to_sdp(Role::Ask))),
        ]),
        Outgoing::Direct(DirectOrder::Connect { attempt, path }) => object(&[
            ("kind", text("connect-direct")),
            ("attempt", text(&attempt.to_hex())),
            ("sdp", text(&path.to_sdp(Role::Answer))),
        ]),
        _ => JsValue::UNDEFINED,
    }
}

fn id_of(id: f64) -> AttachmentId {
    // Row numbers are whole and far below 2^53.
    AttachmentId(id as i64)
}

/// What a camera wrote into a movie, found and covered.
#[wasm_bindgen]
pub struct FileMovie(Movie);

#[wasm_bindgen]
impl FileMovie {
    /// Looks through a movie of so many bytes; `read` gives the bytes at an offset, so many of them.
    ///
    /// # Errors
    /// Throws `file-unreadable`, `movie-unknown`.
    #[wasm_bindgen(constructor)]
    pub fn new(size: f64, read: &Function) -> Result<FileMovie, JsValue> {
        let mut read = |at: u64, length: usize| {
            let bytes = read.call2(&JsValue::NULL, &(at as f64).into(), &(length as f64).into()).ok()?;
            let bytes = bytes.dyn_into::<Uint8Array>().ok()?.to_vec();
            (bytes.len() == length).then_some(bytes)
        };
        let movie = movie::look(size as u64, &mut read).map_err(|error| match error {
            MovieError::Unreadable => Refusal::new("file-unreadable"),
            MovieError::Unknown => Refusal::new("movie-unknown"),
        });
        movie.map(Self).map_err(thrown)
    }

    /// Whether there is any.
    #[wasm_bindgen(getter, js_name = hasMetadata)]
    pub fn has_metadata(&self) -> bool {
        self.0.has_metadata
    }

    /// Whether it names a place.
    #[wasm_bindgen(getter, js_name = hasPlace)]
    pub fn has_place(&self) -> bool {
        self.0.has_place
    }
}

/// A file being sealed.
#[wasm_bindgen]
pub struct FileSealing(Sealing);

#[wasm_bindgen]
impl FileSealing {
    /// Begins a file of so many bytes, with a key of its own.
    ///
    /// # Errors
    /// Throws `file-too-large`.
    #[wasm_bindgen(constructor)]
    pub fn new(size: f64) -> Result<FileSealing, JsValue> {
        let sealing = rng().and_then(|mut rng| Sealing::new(size as u64, &mut rng)).map_err(thrown)?;
        Ok(Self(sealing))
    }

    /// Leaves out what was found in the movie that is sealed.
    pub fn cover(&mut self, movie: FileMovie) {
        self.0.cover(movie.0);
    }

    /// Names the copy.
    pub fn file(&self) -> String {
        self.0.file().to_hex()
    }

    /// Groups in all.
    pub fn groups(&self) -> f64 {
        self.0.shape().groups() as f64
    }

    /// Bytes of a sealed group.
    #[wasm_bindgen(js_name = groupBytes)]
    pub fn group_bytes(&self, group: f64) -> u32 {
        self.0.shape().group_bytes(group as u64) as u32
    }

    /// Bytes of the file that a group holds.
    #[wasm_bindgen(js_name = chunkBytes)]
    pub fn chunk_bytes(&self, group: f64) -> u32 {
        self.0.shape().chunk_bytes(group as u64) as u32
    }

    /// Seals the next group in place.
    ///
    /// # Errors
    /// Throws `file-unreadable` for a group of another length.
    #[wasm_bindgen(js_name = sealNext)]
    pub fn seal_next(&mut self, bytes: &mut [u8]) -> Result<(), JsValue> {
        self.0.seal_next(bytes).map_err(thrown)
    }

    /// What lies behind the last group.
    pub fn leaves(&self) -> Vec<u8> {
        self.0.leaves().to_vec()
    }
}

/// What checks and opens a file's groups.
#[wasm_bindgen]
pub struct FileOpening(Opener);

#[wasm_bindgen]
impl FileOpening {
    /// Groups in all.
    pub fn groups(&self) -> f64 {
        self.0.shape().groups() as f64
    }

    /// Bytes of a sealed group.
    #[wasm_bindgen(js_name = groupBytes)]
    pub fn group_bytes(&self, group: f64) -> u32 {
        self.0.shape().group_bytes(group as u64) as u32
    }

    /// Where a sealed group begins.
    #[wasm_bindgen(js_name = groupStart)]
    pub fn group_start(&self, group: f64) -> f64 {
        self.0.shape().group_start(group as u64) as f64
    }

    /// Where a group's share of the file begins.
    #[wasm_bindgen(js_name = chunkStart)]
    pub fn chunk_start(&self, group: f64) -> f64 {
        self.0.shape().chunk_start(group as u64) as f64
    }

    /// The group that holds a byte of the file.
    #[wasm_bindgen(js_name = groupOf)]
    pub fn group_of(&self, offset: f64) -> f64 {
        self.0.shape().group_of(offset as u64) as f64
    }

    /// The file's bytes.
    pub fn size(&self) -> f64 {
        self.0.shape().size() as f64
    }

    /// Whether sealed bytes are this group.
    pub fn check(&self, group: f64, bytes: &[u8]) -> bool {
        self.0.check(group as u64, bytes).is_ok()
    }

    /// The file's bytes of a group.
    ///
    /// # Errors
    /// Throws `file-damaged`; `file-dishonest` where the sender made it wrong.
    pub fn open(&self, group: f64, mut bytes: Vec<u8>) -> Result<Vec<u8>, JsValue> {
        use protocol::file::OpenError;
        match self.0.open(group as u64, &mut bytes) {
            Ok(text) => Ok(text.to_vec()),
            Err(OpenError::Dishonest { .. }) => Err(thrown(Refusal::new("file-dishonest"))),
            Err(_) => Err(thrown(Refusal::new("file-damaged"))),
        }
    }
}

/// Searches for the work of storing a file, `tries` nonces from `start`: the header field, or nothing.
///
/// # Errors
/// Throws where the challenge or the id is none.
#[wasm_bindgen(js_name = fileWork)]
pub fn file_work(
    challenge: &str,
    file: &str,
    length: f64,
    work_bits: u32,
    start: f64,
    tries: u32,
) -> Result<Option<String>, JsValue> {
    let input = || thrown(Refusal::input());
    let challenge = parse_challenge(challenge).map_err(|_| input())?;
    let file = FileId::from_hex(file).map_err(|_| input())?;
    let found = FileWork::search(&challenge, &file, length as u64, work_bits, start as u64, u64::from(tries));
    Ok(found.map(|work| work.to_text()))
}

#[wasm_bindgen]
impl Core {
    /// The worker moves files from now on; the names of copies that may stay.
    ///
    /// # Errors
    /// Throws what the database says.
    #[wasm_bindgen(js_name = beginFiles)]
    pub fn begin_files(&mut self, now_ms: f64) -> Result<Vec<String>, JsValue> {
        let known = self.face_mut()?.begin_files(millis(now_ms)).map_err(thrown)?;
        Ok(known.iter().map(FileId::to_hex).collect())
    }

    /// Keeps what opens a sealed copy until its message is written.
    ///
    /// # Errors
    /// Throws `file-unreadable`, `busy`.
    #[wasm_bindgen(js_name = keepSealed)]
    pub fn keep_sealed(&mut self, sealing: FileSealing) -> Result<(), JsValue> {
        self.face_mut()?.keep_sealed(sealing.0).map_err(thrown)
    }

    /// Forgets a copy that nothing came of.
    #[wasm_bindgen(js_name = dropSealed)]
    pub fn drop_sealed(&mut self, file: &str) {
        if let (Ok(face), Ok(file)) = (self.face_mut(), FileId::from_hex(file)) {
            face.drop_sealed(&file);
        }
    }

    /// What checks and opens a file; without leaves one of a single group.
    ///
    /// # Errors
    /// Throws `no-message`, `file-damaged`.
    pub fn opening(&self, id: f64, leaves: Option<Vec<u8>>) -> Result<FileOpening, JsValue> {
        Ok(FileOpening(self.face()?.opener(id_of(id), leaves.as_deref()).map_err(thrown)?))
    }

    /// Where a file lies, and how long its parts are, as JSON.
    ///
    /// # Errors
    /// Throws `no-message`, and what the database says.
    #[wasm_bindgen(js_name = fileWhere)]
    pub fn file_where(&self, id: f64) -> Result<String, JsValue> {
        Ok(self.face()?.file_where(id_of(id)).map_err(thrown)?.to_string())
    }

    /// Bytes have moved.
    ///
    /// # Errors
    /// Throws what the database says.
    #[wasm_bindgen(js_name = fileMoved)]
    pub fn file_moved(&mut self, now_ms: f64, id: f64, done: f64, total: f64) -> Result<(), JsValue> {
        let event = FileEvent::Moved { id: id_of(id), done_bytes: done as u64, total_bytes: total as u64 };
        self.face_mut()?.file_event(millis(now_ms), event).map_err(thrown)
    }

    /// The node has all of an own file, durably; its leaves.
    ///
    /// # Errors
    /// Throws `file-damaged`, and what the database says.
    #[wasm_bindgen(js_name = fileUploaded)]
    pub fn file_uploaded(&mut self, now_ms: f64, id: f64, leaves: &[u8]) -> Result<(), JsValue> {
        let event = FileEvent::Uploaded { id: id_of(id), root: Face::root_of(leaves).map_err(thrown)? };
        self.face_mut()?.file_event(millis(now_ms), event).map_err(thrown)
    }

    /// The sealed copy is complete.
    ///
    /// # Errors
    /// Throws what the database says.
    #[wasm_bindgen(js_name = fileFetched)]
    pub fn file_fetched(&mut self, now_ms: f64, id: f64) -> Result<(), JsValue> {
        self.face_mut()?.file_event(millis(now_ms), FileEvent::Fetched { id: id_of(id) }).map_err(thrown)
    }

    /// It does not go on; the problem's code.
    ///
    /// # Errors
    /// Throws what the database says.
    #[wasm_bindgen(js_name = fileStopped)]
    pub fn file_stopped(&mut self, now_ms: f64, id: f64, code: &str) -> Result<(), JsValue> {
        let event = FileEvent::Stopped { id: id_of(id), problem: parse_problem(code) };
        self.face_mut()?.file_event(millis(now_ms), event).map_err(thrown)
    }

    /// An order to remove was carried out, or has to wait.
    ///
    /// # Errors
    /// Throws what the database says.
    #[wasm_bindgen(js_name = fileDiscarded)]
    pub fn file_discarded(&mut self, now_ms: f64, order: f64, is_done: bool) -> Result<(), JsValue> {
        let event = FileEvent::Discarded { id: order as i64, is_done };
        self.face_mut()?.file_event(millis(now_ms), event).map_err(thrown)
    }
}
