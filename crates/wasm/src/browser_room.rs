//! A call of many in the worker of its media: frames of any leaf, and what is said on the room's channel.

use crate::browser::{Core, millis, object, thrown};
use crate::refusal::Refusal;
use calls::sframe::{BaseKey, Codec, OpenError, Receiver, Sender, Suite};
use js_sys::{Array, Uint8Array};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use wasm_bindgen::prelude::*;
use wire::id::CallId;
use wire::room::{RoomSay, RoomSlot, RoomTell};

/// Contexts of a device's streams (CALLS.md s.9): microphone, camera, screen, the screen's sound.
const CONTEXT_MICROPHONE: u8 = 0;

/// The keys of one call of many, epoch after epoch. One object for as long as the call is.
#[wasm_bindgen]
pub struct GroupFrames {
    sender: Sender,
    receiver: Receiver,
    leaves: BTreeSet<u32>,
    marks: u8,
}

impl Default for GroupFrames {
    fn default() -> Self {
        Self::new()
    }
}

/// A frame that was opened, or why it was not.
#[wasm_bindgen]
pub struct Opened {
    frame: Option<Vec<u8>>,
    leaf: u32,
    context: u8,
    marks: i32,
    is_early: bool,
}

#[wasm_bindgen]
impl Opened {
    /// The codec's frame; undefined: it must not be shown.
    #[wasm_bindgen(js_name = takeFrame)]
    pub fn take_frame(&mut self) -> Option<Vec<u8>> {
        self.frame.take()
    }

    /// Whose it is.
    #[wasm_bindgen(getter)]
    pub fn leaf(&self) -> u32 {
        self.leaf
    }

    /// Which of that device's streams.
    #[wasm_bindgen(getter)]
    pub fn context(&self) -> u8 {
        self.context
    }

    /// What came with a microphone's frame; -1: nothing.
    #[wasm_bindgen(getter)]
    pub fn marks(&self) -> i32 {
        self.marks
    }

    /// Its epoch is not known here: the next one's key may be on its way.
    #[wasm_bindgen(getter, js_name = isEarly)]
    pub fn is_early(&self) -> bool {
        self.is_early
    }
}

fn codec(has_picture: bool) -> Codec {
    if has_picture { Codec::Vp8 } else { Codec::Opus }
}

#[wasm_bindgen]
impl GroupFrames {
    /// Without keys: nothing is sealed, nothing opens.
    #[wasm_bindgen(constructor)]
    pub fn new() -> GroupFrames {
        let suite = Suite::Aes256Gcm;
        Self { sender: Sender::new(suite), receiver: Receiver::new(suite), leaves: BTreeSet::new(), marks: 0 }
    }

    /// Takes an epoch's key. `leaves` are those in it, `gone` those that it put out.
    ///
    /// # Errors
    /// Throws for an epoch that is not later than the one before.
    pub fn enter(
        &mut self,
        now_ms: f64,
        epoch: f64,
        own_leaf: u32,
        leaves: Vec<u32>,
        gone: Vec<u32>,
        base_key: &[u8],
    ) -> Result<(), JsValue> {
        let epoch = epoch as u64;
        let key = BaseKey::new(Suite::Aes256Gcm, base_key).map_err(|_| thrown(Refusal::input()))?;
        self.sender.enter(epoch, own_leaf, &key).map_err(|_| thrown(Refusal::input()))?;
        self.receiver.enter(millis(now_ms), epoch, &key, &gone).map_err(|_| thrown(Refusal::input()))?;
        self.leaves = leaves.into_iter().collect();
        Ok(())
    }

    /// What goes with every frame of the microphone: bit 0 muted, bit 1 the hand is up. The others' workers tell it.
    #[wasm_bindgen(js_name = setMarks)]
    pub fn set_marks(&mut self, marks: u8) {
        self.marks = marks;
    }

    /// A frame as it may leave this device; undefined: it must not leave.
    pub fn seal(&mut self, context: u8, has_picture: bool, frame: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = Vec::new();
        if context == CONTEXT_MICROPHONE && !has_picture {
            let marked = [frame, &[self.marks]].concat();
            self.sender.seal_frame(codec(has_picture), context, &marked, &mut sealed).ok()?;
        } else {
            self.sender.seal_frame(codec(has_picture), context, frame, &mut sealed).ok()?;
        }
        Some(sealed)
    }

    /// Opens a frame of whoever it says that it is of, among those in the call.
    pub fn open(&mut self, now_ms: f64, has_picture: bool, mut frame: Vec<u8>) -> Opened {
        let mut opened = Opened { frame: None, leaf: 0, context: 0, marks: -1, is_early: false };
        match self.receiver.open_any_frame(millis(now_ms), codec(has_picture), &mut frame) {
            Ok(stream) => {
                // Pictures and sounds are never taken for each other.
                let is_picture = matches!(stream.context(), 1 | 2);
                if !self.leaves.contains(&stream.leaf()) || is_picture != has_picture {
                    return opened;
                }
                (opened.leaf, opened.context) = (stream.leaf(), stream.context());
                if stream.context() == CONTEXT_MICROPHONE {
                    opened.marks = frame.pop().map_or(-1, i32::from);
                }
                opened.frame = Some(frame);
            }
            Err(OpenError::UnknownEpoch) => opened.is_early = true,
            Err(_) => {}
        }
        opened
    }
}

#[derive(Serialize)]
struct Person {
    number: u32,
    label: String,
}

#[derive(Serialize, Deserialize)]
struct Slot {
    mid: String,
    person: u32,
    source: u32,
    layer: u32,
}

#[derive(Serialize)]
struct Tell {
    people: Vec<Person>,
    slots: Vec<Slot>,
}

/// What the room says on its channel, as JSON; undefined for what no room says.
#[wasm_bindgen(js_name = readRoomTell)]
pub fn read_room_tell(bytes: &[u8]) -> Option<String> {
    let RoomTell { people, slots } = RoomTell::parse(bytes).ok()?;
    let person = |person: wire::room::RoomPerson| Person {
        number: person.number,
        label: data_encoding::HEXLOWER.encode(&person.label),
    };
    let slot = |RoomSlot { mid, person, source, layer }: RoomSlot| Slot { mid, person, source, layer };
    let tell = Tell { people: people.into_iter().map(person).collect(), slots: slots.into_iter().map(slot).collect() };
    serde_json::to_string(&tell).ok()
}

/// What a client says on the room's channel, from JSON `[{ mid, person, source, layer }]`.
///
/// # Errors
/// Throws `bad-input`.
#[wasm_bindgen(js_name = writeRoomSay)]
pub fn write_room_say(want: &str) -> Result<Vec<u8>, JsValue> {
    let want: Vec<Slot> = serde_json::from_str(want).map_err(|_| thrown(Refusal::input()))?;
    let slot = |Slot { mid, person, source, layer }: Slot| RoomSlot { mid, person, source, layer };
    Ok(RoomSay { want: want.into_iter().map(slot).collect() }.encode())
}

fn numbers(all: impl Iterator<Item = u32>) -> JsValue {
    all.map(JsValue::from).collect::<Array>().into()
}

#[wasm_bindgen]
impl Core {
    /// The keys of the call of many that this device is in, for the worker of its media alone; undefined where there
    /// are none.
    ///
    /// # Errors
    /// Throws `no-account`, and `bad-input` for what is no call.
    #[wasm_bindgen(js_name = groupCallKeys)]
    pub fn group_call_keys(&self, call: &str) -> Result<JsValue, JsValue> {
        let call = CallId::from_hex(call).map_err(|_| thrown(Refusal::input()))?;
        let Some((keys, gone)) = self.face()?.engine().group_call_keys(call) else { return Ok(JsValue::UNDEFINED) };
        Ok(object(&[
            ("epoch", (keys.epoch as f64).into()),
            ("ownLeaf", keys.own_leaf.into()),
            ("leaves", numbers(keys.leaves.iter().map(|(leaf, _)| *leaf))),
            ("gone", numbers(gone.iter().copied())),
            ("baseKey", Uint8Array::from(keys.base_key.as_slice()).into()),
        ]))
    }
}
