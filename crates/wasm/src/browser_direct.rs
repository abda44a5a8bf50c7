//! Files from device to device, as the worker moves them: both ends of a channel, and what is said about it.

use crate::browser::{Core, millis, object, thrown};
use crate::refusal::Refusal;
use client::files::{AttachmentId, FileEvent};
use js_sys::{Array, Uint8Array};
use protocol::direct::{DirectError, Fetching, Path, Serving, Taken, Want};
use protocol::file::{Leaves, Shape};
use wasm_bindgen::prelude::*;
use wire::id::AttemptId;

fn attempt_of(text: &str) -> Result<AttemptId, JsValue> {
    AttemptId::from_hex(text).map_err(|_| thrown(Refusal::input()))
}

fn path_of(sdp: &str) -> Result<Path, JsValue> {
    Path::of_sdp(sdp).map_err(|_| over(DirectError::Malformed))
}

fn over(error: DirectError) -> JsValue {
    let code = match error {
        DirectError::Malformed => "direct-malformed",
        DirectError::Damaged => "direct-damaged",
        DirectError::Stalled => "direct-stalled",
        DirectError::Greedy => "direct-greedy",
        DirectError::Absent => "direct-absent",
    };
    thrown(Refusal::new(code))
}

fn message(bytes: Option<Vec<u8>>) -> Option<Uint8Array> {
    bytes.map(|bytes| Uint8Array::from(bytes.as_slice()))
}

/// The end that wants a file.
#[wasm_bindgen]
pub struct DirectFetching(Fetching);

#[wasm_bindgen]
impl DirectFetching {
    /// The channel is open: what to say; nothing where the leaves are known.
    pub fn open(&mut self, now_ms: f64) -> Option<Uint8Array> {
        message(self.0.open(millis(now_ms)))
    }

    /// Begins to ask for groups from `first` to before `end`; what to say.
    pub fn begin(&mut self, now_ms: f64, first: f64, end: f64) -> Option<Uint8Array> {
        message(self.0.begin(millis(now_ms), first as u64, end as u64))
    }

    /// What to say so that more comes.
    pub fn ask(&mut self) -> Option<Uint8Array> {
        message(self.0.ask())
    }

    /// Takes a message: nothing, `true` once the leaves are known, or the bytes of the next group.
    ///
    /// # Errors
    /// Throws `direct-…`: the channel is to be closed.
    pub fn take(&mut self, now_ms: f64, bytes: &[u8]) -> Result<JsValue, JsValue> {
        Ok(match self.0.take(millis(now_ms), bytes).map_err(over)? {
            Taken::More => JsValue::UNDEFINED,
            Taken::Leaves => JsValue::TRUE,
            Taken::Group(_, bytes) => Uint8Array::from(bytes).into(),
        })
    }

    /// The leaves, once they are known.
    pub fn leaves(&self) -> Option<Vec<u8>> {
        self.0.opener().map(|opener| opener.leaves().as_bytes().to_vec())
    }

    /// Whether everything that was wanted is here.
    #[wasm_bindgen(js_name = isDone)]
    pub fn is_done(&self) -> bool {
        self.0.is_done()
    }

    /// Whether nothing came for too long.
    #[wasm_bindgen(js_name = isStalled)]
    pub fn is_stalled(&self, now_ms: f64) -> bool {
        self.0.check(millis(now_ms)).is_err()
    }
}

/// The end that has a file.
#[wasm_bindgen]
pub struct DirectServing {
    serving: Serving,
    want: Option<Want>,
}

#[wasm_bindgen]
impl DirectServing {
    /// For a file of so many bytes.
    ///
    /// # Errors
    /// Throws `file-too-large`.
    #[wasm_bindgen(constructor)]
    pub fn new(size: f64) -> Result<DirectServing, JsValue> {
        let shape = Shape::of(size as u64).map_err(|_| thrown(Refusal::new("file-too-large")))?;
        Ok(Self { serving: Serving::new(shape), want: None })
    }

    /// Takes a message.
    ///
    /// # Errors
    /// Throws `direct-…`: the channel is to be closed.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), JsValue> {
        self.serving.take(bytes).map_err(over)
    }

    /// What to read of the copy next, from `from` to before `to`; nothing while nothing is asked for.
    pub fn next(&mut self) -> JsValue {
        self.want = self.serving.next_want();
        match &self.want {
            None => JsValue::UNDEFINED,
            Some(want) => {
                let range = want.range();
                object(&[("from", JsValue::from_f64(range.start as f64)), ("to", JsValue::from_f64(range.end as f64))])
            }
        }
    }

    /// The messages that give what was read.
    pub fn frames(&mut self, bytes: &[u8]) -> Array {
        let frames = self.want.take();
        frames.iter().flat_map(|want| want.frames(bytes)).map(|frame| Uint8Array::from(frame.as_slice())).collect()
    }

    /// Bytes that were given.
    #[wasm_bindgen(js_name = givenBytes)]
    pub fn given_bytes(&self) -> f64 {
        self.serving.given_bytes() as f64
    }
}

#[wasm_bindgen]
impl Core {
    /// This browser can connect to other devices.
    ///
    /// # Errors
    /// Throws while there is no account.
    #[wasm_bindgen(js_name = beginDirect)]
    pub fn begin_direct(&mut self) -> Result<(), JsValue> {
        self.face_mut()?.begin_direct();
        Ok(())
    }

    /// Asks for a file; the attempt's name, or nothing where it is not wanted.
    ///
    /// # Errors
    /// Throws `direct-malformed` for a description that says nothing, and what the database says.
    #[wasm_bindgen(js_name = askDirectly)]
    pub fn ask_directly(&mut self, now_ms: f64, id: f64, sdp: &str) -> Result<Option<String>, JsValue> {
        let path = path_of(sdp)?;
        let attempt = self.face_mut()?.ask_directly(millis(now_ms), AttachmentId(id as i64), path).map_err(thrown)?;
        Ok(attempt.map(|attempt| attempt.to_hex()))
    }

    /// Tells whoever asked where to connect to.
    ///
    /// # Errors
    /// As [`Self::ask_directly`].
    #[wasm_bindgen(js_name = answerDirectly)]
    pub fn answer_directly(&mut self, now_ms: f64, attempt: &str, sdp: &str) -> Result<(), JsValue> {
        let (attempt, path) = (attempt_of(attempt)?, path_of(sdp)?);
        self.face_mut()?.answer_directly(millis(now_ms), attempt, path).map_err(thrown)
    }

    /// A connection is over.
    ///
    /// # Errors
    /// Throws what the database says.
    #[wasm_bindgen(js_name = endDirect)]
    pub fn end_direct(&mut self, now_ms: f64, attempt: &str) -> Result<(), JsValue> {
        let attempt = attempt_of(attempt)?;
        self.face_mut()?.end_direct(millis(now_ms), attempt).map_err(thrown)
    }

    /// Bytes have moved between two devices.
    ///
    /// # Errors
    /// Throws what the database says.
    #[wasm_bindgen(js_name = fileMovedDirectly)]
    pub fn file_moved_directly(&mut self, now_ms: f64, id: f64, done: f64, total: f64) -> Result<(), JsValue> {
        let (id, done_bytes, total_bytes) = (AttachmentId(id as i64), done as u64, total as u64);
        let event = FileEvent::MovedDirectly { id, done_bytes, total_bytes };
        self.face_mut()?.file_event(millis(now_ms), event).map_err(thrown)
    }

    /// The end that wants a file, with its leaves where they are known.
    ///
    /// # Errors
    /// Throws `no-message`, `file-damaged`.
    #[wasm_bindgen(js_name = directFetching)]
    pub fn direct_fetching(&self, now_ms: f64, id: f64, leaves: Option<Vec<u8>>) -> Result<DirectFetching, JsValue> {
        let damaged = || thrown(Refusal::new("file-damaged"));
        let reference = self.face()?.reference(AttachmentId(id as i64)).map_err(thrown)?;
        let leaves = leaves.map(|bytes| Leaves::parse(&bytes)).transpose().map_err(|_| damaged())?;
        Ok(DirectFetching(Fetching::new(reference, leaves, millis(now_ms)).map_err(|_| damaged())?))
    }
}
