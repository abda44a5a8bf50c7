//! The class that JavaScript sees. Refusals are thrown as JSON text: `{ code, values }`.

use crate::act::answered_value;
use crate::browser_file::file_object;
use crate::face::{Face, link_name, parse_link};
use crate::preview;
use crate::refusal::Refusal;
use bytes::Bytes;
use client::db::opfs::Pool;
use client::db::{Database, DatabaseKey};
use client::engine::{BellState, Outgoing};
use client::key::{KeyError, KeyFile};
use client::timeline::Change;
use client::transport::backoff::Backoff;
use client::transport::frames::{Frames, socket_url};
use js_sys::{Array, Object, Reflect, Uint8Array};
use protocol::event::BlobFailure;
use protocol::identity::NodeUrl;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::{Value, json};
use wasm_bindgen::prelude::*;
use wire::bell::Bell;
use wire::id::BlobId;
use wire::node::blob_path;

pub(crate) fn thrown(refusal: Refusal) -> JsValue {
    // A code and numbers always have a JSON form.
    JsValue::from_str(&serde_json::to_string(&refusal).unwrap_or_default())
}

pub(crate) fn rng() -> Result<ChaCha20Rng, Refusal> {
    let mut seed = zeroize::Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut()).map_err(|_| Refusal::new("random"))?;
    Ok(ChaCha20Rng::from_seed(*seed))
}

fn key_of(bytes: &[u8]) -> Result<DatabaseKey, Refusal> {
    Ok(DatabaseKey::new(bytes.try_into().map_err(|_| Refusal::input())?))
}

pub(crate) fn millis(now_ms: f64) -> u64 {
    // The clock of a browser is positive and far below 2^53; a broken one reads as the epoch.
    now_ms as u64
}

pub(crate) fn object(fields: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in fields {
        // A plain object takes every property.
        let _ = Reflect::set(&object, &JsValue::from_str(name), value);
    }
    object.into()
}

/// The engine in its worker.
#[wasm_bindgen]
pub struct Core {
    pool: Option<Pool>,
    face: Option<Face>,
}

#[wasm_bindgen]
impl Core {
    /// Takes the files of a folder of the origin's private file system.
    ///
    /// # Errors
    /// Throws `storage-refused`.
    pub async fn mount(folder: String) -> Result<Core, JsValue> {
        match Pool::open(&folder).await {
            Ok(pool) => Ok(Self { pool: Some(pool), face: None }),
            Err(error) => Err(thrown(Refusal::with_detail("storage-refused", error.to_string()))),
        }
    }

    /// Goes on in memory.
    pub fn volatile() -> Core {
        Self { pool: None, face: None }
    }

    /// Whether there is a database.
    ///
    /// # Errors
    /// Throws while the files are not held.
    #[wasm_bindgen(js_name = hasDatabase)]
    pub fn has_database(&self) -> Result<bool, JsValue> {
        match &self.pool {
            Some(pool) => Database::is_in(pool).map_err(|error| thrown(error.into())),
            None => Ok(false),
        }
    }

    /// Makes an account.
    ///
    /// # Errors
    /// Throws what [`Face::create`] says.
    pub fn create(
        &mut self,
        key: &[u8],
        node: &str,
        name: &str,
        words: Option<String>,
        now_ms: f64,
    ) -> Result<(), JsValue> {
        let face = (|| {
            let database = match &self.pool {
                Some(pool) if Database::is_in(pool)? => Database::open_in(pool, &key_of(key)?)?,
                Some(pool) => Database::create_in(pool, &key_of(key)?)?,
                None => Database::in_memory()?,
            };
            Face::create(database, rng()?, node, name, words.as_deref(), millis(now_ms))
        })();
        self.face = Some(face.map_err(thrown)?);
        Ok(())
    }

    /// Opens the account that is there.
    ///
    /// # Errors
    /// Throws `no-account`, and what the database says.
    pub fn open(&mut self, key: &[u8], now_ms: f64) -> Result<(), JsValue> {
        let face = (|| {
            let pool = self.pool.as_ref().ok_or(Refusal::new("no-account"))?;
            Face::open(Database::open_in(pool, &key_of(key)?)?, rng()?, millis(now_ms))
        })();
        self.face = Some(face.map_err(thrown)?);
        Ok(())
    }

    /// Closes the database.
    pub fn close(&mut self) {
        self.face = None;
    }

    /// Closes the database and removes every file.
    ///
    /// # Errors
    /// Throws `storage-refused` where the browser does not do it.
    pub fn erase(&mut self) -> Result<(), JsValue> {
        self.face = None;
        match &self.pool {
            Some(pool) => {
                pool.clear().map_err(|error| thrown(Refusal::with_detail("storage-refused", error.to_string())))
            }
            None => Ok(()),
        }
    }

    pub(crate) fn face(&self) -> Result<&Face, JsValue> {
        self.face.as_ref().ok_or_else(|| thrown(Refusal::new("no-account")))
    }

    pub(crate) fn face_mut(&mut self) -> Result<&mut Face, JsValue> {
        self.face.as_mut().ok_or_else(|| thrown(Refusal::new("no-account")))
    }

    /// A topic's snapshot as JSON.
    ///
    /// # Errors
    /// Throws what [`Face::query`] says.
    pub fn query(&self, topic: &str, key: &str) -> Result<String, JsValue> {
        self.face()?.query(topic, key).map_err(thrown)
    }

    /// A picture by its id.
    ///
    /// # Errors
    /// Throws what the database says.
    pub fn picture(&self, id: &str) -> Result<Option<Vec<u8>>, JsValue> {
        self.face()?.picture(id).map_err(thrown)
    }

    /// An invite by its link, as JSON.
    ///
    /// # Errors
    /// Throws what the database says.
    #[wasm_bindgen(js_name = inviteByLink)]
    pub fn invite_by_link(&self, link: &str) -> Result<String, JsValue> {
        let found = self.face()?.invite_by_link(link).map_err(thrown)?;
        serde_json::to_string(&found).map_err(|_| thrown(Refusal::input()))
    }

    /// Does what the user wants; JSON with `value`, or `intent` and perhaps its `outcome` or `refusal`.
    ///
    /// # Errors
    /// Throws the refusal.
    pub fn act(&mut self, now_ms: f64, act: &str, action: &str, input: &str) -> Result<String, JsValue> {
        let acted = self.face_mut()?.act(millis(now_ms), act, action, input).map_err(thrown)?;
        Ok(Value::from(acted).to_string())
    }

    /// Does several wishes to say something in one transaction ([`Face::say_all`]); JSON: for each in order an object with
    /// its `value` or `refusal`.
    ///
    /// # Errors
    /// Throws what the database says; then none was done.
    #[wasm_bindgen(js_name = sayAll)]
    pub fn say_all(&mut self, now_ms: f64, wishes: &str) -> Result<String, JsValue> {
        let answers = self.face_mut()?.say_all(millis(now_ms), wishes).map_err(thrown)?;
        let object = |answer| match answer {
            Ok(value) => json!({ "value": value }),
            Err(refusal) => json!({ "refusal": refusal }),
        };
        Ok(Value::from(answers.into_iter().map(object).collect::<Vec<_>>()).to_string())
    }

    /// A connection stands.
    ///
    /// # Errors
    /// Throws `bad-input` for what is no connection.
    pub fn connected(&mut self, link: &str) -> Result<(), JsValue> {
        let link = parse_link(link).map_err(thrown)?;
        self.face_mut()?.connected(link);
        Ok(())
    }

    /// A connection is gone or could not be made.
    ///
    /// # Errors
    /// Throws `bad-input` for what is no connection.
    pub fn disconnected(&mut self, link: &str) -> Result<(), JsValue> {
        let link = parse_link(link).map_err(thrown)?;
        self.face_mut()?.disconnected(link);
        Ok(())
    }

    /// A frame came; false where no node says such a thing.
    ///
    /// # Errors
    /// Throws `bad-input` for what is no connection.
    pub fn frame(&mut self, link: &str, frame: Vec<u8>) -> Result<bool, JsValue> {
        let link = parse_link(link).map_err(thrown)?;
        Ok(self.face_mut()?.frame(&link, Bytes::from(frame)))
    }

    /// A blob is durable at the node (0), or not: 1 not found, 2 refused, 3 no answer.
    ///
    /// # Errors
    /// Throws `bad-input`.
    #[wasm_bindgen(js_name = blobPut)]
    pub fn blob_put(&mut self, node: &str, id: &str, status: u8) -> Result<(), JsValue> {
        let (node_url, blob_id) = parse_blob(node, id).map_err(thrown)?;
        self.face_mut()?.blob_put(node_url, blob_id, failure(status).map_or(Ok(()), Err));
        Ok(())
    }

    /// A blob came (0), or not: as [`Self::blob_put`].
    ///
    /// # Errors
    /// Throws `bad-input`.
    #[wasm_bindgen(js_name = blobGot)]
    pub fn blob_got(&mut self, node: &str, id: &str, status: u8, blob: Vec<u8>) -> Result<(), JsValue> {
        let (node_url, blob_id) = parse_blob(node, id).map_err(thrown)?;
        self.face_mut()?.blob_got(node_url, blob_id, failure(status).map_or_else(|| Ok(Bytes::from(blob)), Err));
        Ok(())
    }

    /// Leaves a push subscription with the home node; without one, takes it back.
    ///
    /// # Errors
    /// Throws `push-unsupported` for what is no subscription.
    #[wasm_bindgen(js_name = setBell)]
    pub fn set_bell(&mut self, endpoint: Option<String>, key: &[u8], auth: &[u8]) -> Result<(), JsValue> {
        let bell = endpoint.map(|endpoint| Bell::parse(endpoint.as_bytes(), key, auth)).transpose();
        self.face_mut()?.set_bell(bell.map_err(|_| thrown(Refusal::new("push-unsupported")))?);
        Ok(())
    }

    /// How push stands: `off`, `on`, or `unsupported` where the node takes no bell.
    pub fn push(&self) -> String {
        let state = self.face.as_ref().map_or(BellState::Silent, |face| face.engine().bell());
        match state {
            BellState::Silent => "off",
            BellState::Waiting | BellState::Left => "on",
            BellState::Refused => "unsupported",
        }
        .into()
    }

    /// Things that wait for [`Self::run`].
    pub fn waiting(&self) -> usize {
        self.face.as_ref().map_or(0, Face::waiting)
    }

    /// Takes all that waits in one transaction, and does what is due.
    ///
    /// # Errors
    /// Throws what the database says; every connection must then be closed.
    pub fn run(&mut self, now_ms: f64) -> Result<(), JsValue> {
        self.face_mut()?.run(millis(now_ms)).map_err(thrown)
    }

    /// Searches on for proof of work; false when there is none to search for.
    pub fn solve(&mut self, tries: u32) -> bool {
        self.face.as_mut().is_some_and(|face| face.solve(u64::from(tries)))
    }

    /// When to run again, milliseconds since the epoch; not a number: never.
    #[wasm_bindgen(js_name = wakeAt)]
    pub fn wake_at(&self) -> f64 {
        let at_ms = self.face.as_ref().and_then(|face| face.engine().wake_at_ms());
        at_ms.map_or(f64::NAN, |at_ms| at_ms as f64)
    }

    /// Cells of the catch-up that came, and how many there are, as JSON.
    pub fn progress(&self) -> String {
        let progress = self.face.as_ref().map(Face::progress).unwrap_or_default();
        json!([progress.done, progress.total]).to_string()
    }

    /// All that was there has been read.
    #[wasm_bindgen(js_name = caughtUp)]
    pub fn caught_up(&mut self) {
        if let Some(face) = &mut self.face {
            face.caught_up();
        }
    }

    /// Until when a node asked for a pause, milliseconds since the epoch; not a number: it did not, or it is over.
    #[wasm_bindgen(js_name = pausedUntil)]
    pub fn paused_until(&self, now_ms: f64) -> f64 {
        let until_ms = self.face.as_ref().and_then(|face| face.paused_until_ms(millis(now_ms)));
        until_ms.map_or(f64::NAN, |until_ms| until_ms as f64)
    }

    /// Whether a node's answer is still to come.
    #[wasm_bindgen(js_name = isWaiting)]
    pub fn is_waiting(&self) -> bool {
        self.face.as_ref().is_some_and(|face| face.engine().device().is_waiting())
    }

    /// What is to be done outside, in order: objects with `kind` `connect`, `hangup`, `send`, `put` or `get`.
    #[wasm_bindgen(js_name = takeOutgoing)]
    pub fn take_outgoing(&mut self) -> Array {
        let list = Array::new();
        for outgoing in self.face.as_mut().map(Face::take_outgoing).unwrap_or_default() {
            list.push(&outgoing_object(outgoing));
        }
        list
    }

    /// What changed, as JSON: pairs of a word and an id or null.
    #[wasm_bindgen(js_name = takeChanges)]
    pub fn take_changes(&mut self) -> String {
        let changes = self.face.as_mut().map(Face::take_changes).unwrap_or_default();
        Value::from(changes.into_iter().map(change_value).collect::<Vec<_>>()).to_string()
    }

    /// Intents that are done or cannot be, as JSON.
    #[wasm_bindgen(js_name = takeOutcomes)]
    pub fn take_outcomes(&mut self) -> String {
        let outcomes = self.face.as_mut().map(Face::take_outcomes).unwrap_or_default();
        Value::from(outcomes.into_iter().map(|(id, outcome)| answered_value(id, outcome)).collect::<Vec<_>>())
            .to_string()
    }
}

fn parse_blob(node: &str, id: &str) -> Result<(NodeUrl, BlobId), Refusal> {
    let node_url = NodeUrl::parse(node).map_err(|_| Refusal::input())?;
    Ok((node_url, BlobId::from_hex(id).map_err(|_| Refusal::input())?))
}

fn failure(status: u8) -> Option<BlobFailure> {
    match status {
        0 => None,
        1 => Some(BlobFailure::NotFound),
        2 => Some(BlobFailure::Refused),
        _ => Some(BlobFailure::Network),
    }
}

fn blob_url(node: &NodeUrl, id: &BlobId) -> String {
    format!("{}{}", node.as_str().trim_end_matches('/'), blob_path(id))
}

fn outgoing_object(outgoing: Outgoing) -> JsValue {
    let text = |text: &str| JsValue::from_str(text);
    match outgoing {
        Outgoing::Connect(link) => object(&[
            ("kind", text("connect")),
            ("link", text(&link_name(&link))),
            ("url", text(&socket_url(&link.node_url))),
        ]),
        Outgoing::Hangup(link) => object(&[("kind", text("hangup")), ("link", text(&link_name(&link)))]),
        Outgoing::Send(link, requests) => {
            let mut frames = Frames::default();
            frames.add(requests);
            let list = Array::new();
            for frame in frames.encode() {
                list.push(&Uint8Array::from(frame.as_ref()));
            }
            object(&[("kind", text("send")), ("link", text(&link_name(&link))), ("frames", list.into())])
        }
        Outgoing::PutBlob(node, id, blob, ttl_s) => object(&[
            ("kind", text("put")),
            ("node", text(node.as_str())),
            ("id", text(&id.to_hex())),
            ("url", text(&format!("{}?ttl_s={ttl_s}", blob_url(&node, &id)))),
            ("blob", Uint8Array::from(blob.as_ref()).into()),
        ]),
        Outgoing::GetBlob(node, id) => object(&[
            ("kind", text("get")),
            ("node", text(node.as_str())),
            ("id", text(&id.to_hex())),
            ("url", text(&blob_url(&node, &id))),
        ]),
        Outgoing::Upload(_)
        | Outgoing::Fetch(_)
        | Outgoing::StopFile(_)
        | Outgoing::Discard(_)
        | Outgoing::Direct(_) => file_object(outgoing),
        // Kept by the face, which searches itself.
        Outgoing::Solve(_) => JsValue::UNDEFINED,
    }
}

fn change_value(change: Change) -> Value {
    match change {
        Change::List => json!(["list", null]),
        Change::Conversation(id) => json!(["conversation", id.to_hex()]),
        Change::Added(id, entry) => json!(["added", id.to_hex(), entry.0]),
        Change::Updated(id, entry) => json!(["updated", id.to_hex(), entry.0]),
        Change::Removed(id, entry) => json!(["removed", id.to_hex(), entry.0]),
        Change::Typing(id) => json!(["typing", id.to_hex()]),
        Change::Person => json!(["person", null]),
        Change::Requests => json!(["requests", null]),
        Change::Invites => json!(["invites", null]),
        Change::Alert(id) => json!(["alert", null, id]),
        Change::Bell => json!(["bell", null]),
        Change::Call => json!(["call", null]),
    }
}

/// Where the bundle of an invite link is.
///
/// # Errors
/// Throws `bad-link`, `too-new`.
#[wasm_bindgen(js_name = bundleUrl)]
pub fn bundle_url(link: &str) -> Result<String, JsValue> {
    let link = preview::parse(link).map_err(thrown)?;
    Ok(blob_url(&link.node_url, &link.bundle_id))
}

/// What an invite link says, as JSON; without its bundle only where it leads.
///
/// # Errors
/// Throws `bad-link`, `too-new`, `forged`, `invite-gone`.
#[wasm_bindgen(js_name = previewInvite)]
pub fn preview_invite(link: &str, bundle: Option<Vec<u8>>, now_ms: f64) -> Result<String, JsValue> {
    let preview = preview::preview(link, bundle.as_deref(), millis(now_ms)).map_err(thrown)?;
    serde_json::to_string(&preview).map_err(|_| thrown(Refusal::input()))
}

/// Wraps a database key with a passphrase.
///
/// # Errors
/// Throws `random`.
#[wasm_bindgen(js_name = sealKey)]
pub fn seal_key(key: &[u8], passphrase: &str) -> Result<Vec<u8>, JsValue> {
    let file = key_of(key).and_then(|key| Ok(KeyFile::new(&key, Some(passphrase))?)).map_err(thrown)?;
    Ok(file.encode().to_vec())
}

/// The database key that a passphrase opens.
///
/// # Errors
/// Throws `passphrase-wrong`, `key-damaged`.
#[wasm_bindgen(js_name = unsealKey)]
pub fn unseal_key(sealed: &[u8], passphrase: &str) -> Result<Vec<u8>, JsValue> {
    let opened = (|| {
        let file = KeyFile::parse(sealed)?;
        file.open(file.secret().ok_or(KeyError::Damaged)?, Some(passphrase))
    })();
    Ok(opened.map_err(|error: KeyError| thrown(error.into()))?.as_bytes().to_vec())
}

/// The waits between attempts to connect, shared with the native client.
#[wasm_bindgen]
#[derive(Default)]
pub struct Retry(Backoff);

#[wasm_bindgen]
impl Retry {
    /// No failure yet.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Retry {
        Self::default()
    }

    /// Notes a failure; how long to wait, milliseconds.
    ///
    /// # Errors
    /// Throws where the browser gives no random numbers.
    pub fn failed(&mut self) -> Result<f64, JsValue> {
        Ok(self.0.failed(&mut rng().map_err(thrown)?) as f64)
    }

    /// Notes a success.
    pub fn succeeded(&mut self) {
        self.0.succeeded();
    }
}
