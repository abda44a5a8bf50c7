//! A call's frames in the worker of its media: sealed and opened here, and nowhere else.

use crate::browser::{Core, millis, object, thrown};
use crate::refusal::Refusal;
use calls::sframe::{BaseKey, Codec, Receiver, Sender, StreamId, Suite};
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use wire::id::CallId;

/// What the page's two streams are: their contexts and codecs (CALLS.md s.4).
const CONTEXT_AUDIO: u8 = 0;
const CONTEXT_VIDEO: u8 = 1;

/// The keys of one call. One object for as long as the call is: it knows which counters are used.
#[wasm_bindgen]
pub struct Frames {
    sender: Sender,
    receiver: Receiver,
    peer_leaf: Option<u32>,
}

impl Default for Frames {
    fn default() -> Self {
        Self::new()
    }
}

fn stream(has_picture: bool) -> (u8, Codec) {
    if has_picture { (CONTEXT_VIDEO, Codec::Vp8) } else { (CONTEXT_AUDIO, Codec::Opus) }
}

#[wasm_bindgen]
impl Frames {
    /// Without keys: nothing is sealed, nothing opens.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Frames {
        let suite = Suite::Aes256Gcm;
        Self { sender: Sender::new(suite), receiver: Receiver::new(suite), peer_leaf: None }
    }

    /// Takes an epoch's key.
    ///
    /// # Errors
    /// Throws for an epoch that is not later than the one before.
    pub fn enter(
        &mut self,
        now_ms: f64,
        epoch: f64,
        own_leaf: u32,
        peer_leaf: u32,
        base_key: &[u8],
    ) -> Result<(), JsValue> {
        let epoch = epoch as u64;
        let key = BaseKey::new(Suite::Aes256Gcm, base_key).map_err(|_| thrown(Refusal::input()))?;
        self.sender.enter(epoch, own_leaf, &key).map_err(|_| thrown(Refusal::input()))?;
        self.receiver.enter(millis(now_ms), epoch, &key, &[]).map_err(|_| thrown(Refusal::input()))?;
        self.peer_leaf = Some(peer_leaf);
        Ok(())
    }

    /// A frame as it may leave this device; none: it must not leave.
    pub fn seal(&mut self, has_picture: bool, frame: &[u8]) -> Option<Vec<u8>> {
        let (context, codec) = stream(has_picture);
        let mut sealed = Vec::new();
        self.sender.seal_frame(codec, context, frame, &mut sealed).ok()?;
        Some(sealed)
    }

    /// A frame of the other side as its codec made it; none: it must not be shown.
    pub fn open(&mut self, now_ms: f64, has_picture: bool, mut frame: Vec<u8>) -> Option<Vec<u8>> {
        let (context, codec) = stream(has_picture);
        let stream = StreamId::new(self.peer_leaf?, context).ok()?;
        self.receiver.open_frame(millis(now_ms), codec, stream, &mut frame).ok()?;
        Some(frame)
    }
}

#[wasm_bindgen]
impl Core {
    /// The keys of a call, for the worker of its media alone; undefined where there are none.
    ///
    /// # Errors
    /// Throws `no-account`, and `internal` for what is no call.
    #[wasm_bindgen(js_name = callKeys)]
    pub fn call_keys(&self, call: &str) -> Result<JsValue, JsValue> {
        let call = CallId::from_hex(call).map_err(|_| thrown(Refusal::input()))?;
        let Some(keys) = self.face()?.engine().call_keys(call) else { return Ok(JsValue::UNDEFINED) };
        Ok(object(&[
            ("epoch", (keys.epoch as f64).into()),
            ("ownLeaf", keys.own_leaf.into()),
            ("peerLeaf", keys.peer_leaf.into()),
            ("baseKey", Uint8Array::from(keys.base_key.as_slice()).into()),
        ]))
    }
}
