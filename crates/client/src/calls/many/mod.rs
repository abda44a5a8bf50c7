//! Calls of many: what this device does with their signals, and with the room (CALLS.md s.9).
//!
//! The machine of crate `calls` decides; here its signals get what they carry, the call's MLS group goes from epoch to
//! epoch, and the room is asked on a connection that names nobody.
//!
//! | module | holds |
//! |---|---|
//! | `own` | the call that this device is in |
//! | `hear` | signals and moves in, effects of the machine out |
//! | `act` | what a user or the shell wants |
//! | `room` | the connection to the room's node |
//! | `view` | what views see |

mod act;
mod hear;
mod own;
mod room;
mod view;

pub use room::{RoomAnswer, RoomRefusal};
pub use view::{GroupCallView, UnderWayView};

use crate::engine::Outgoing;
use crate::timeline::KeptGroupCall;
use bytes::Bytes;
use calls::call::Media;
use calls::many::{EndReason, Machine};
use own::Own;
use protocol::content::{CallChange, RoomSecret};
use protocol::event::{CallHeard, ConversationId};
use std::collections::{BTreeMap, BTreeSet};
use wire::id::{AccountId, CallId, DeviceId};
use wire::limit::{CALL_CHANGE_PART_BYTES_MAX, CALL_CHANGE_PARTS_MAX};

/// Groups in which a call was heard of, at most.
const KNOWN_MAX: usize = 256;
/// Changes that come in parts at a time, at most.
const CHANGES_MAX: usize = 8;

/// Why this device is no longer in a call of many.
pub use calls::many::EndReason as GroupCallEnd;

/// Something of a group, in lane order.
pub(crate) enum Item {
    /// A signal.
    Heard(Box<CallHeard>),
    /// The group's members are these devices; none: we are no member.
    Moved(ConversationId, BTreeSet<DeviceId>),
}

/// What is known of the calls of one group.
pub(super) struct Known {
    pub(super) machine: Machine,
    pub(super) secret: Option<RoomSecret>,
    pub(super) opener: Option<AccountId>,
    /// The epoch of the call's group, as far as its changes were heard.
    pub(super) epoch: u64,
    key_packages: BTreeMap<DeviceId, Bytes>,
    parts: BTreeMap<DeviceId, Parts>,
    members: BTreeSet<DeviceId>,
    /// What is written down of it.
    kept: Option<KeptGroupCall>,
}

/// A change of which not all parts came.
struct Parts {
    change_id: [u8; 16],
    next: u32,
    bytes: Vec<u8>,
}

/// The calls of many of one device.
#[derive(Default)]
pub(crate) struct Many {
    pub(super) known: BTreeMap<ConversationId, Known>,
    pub(super) own: Option<Own>,
    pub(super) ended: Option<(CallId, EndReason)>,
    pub(super) outgoing: Vec<Outgoing>,
}

/// A video call is one that anybody opened with pictures.
pub(super) fn media_of(has_video: bool) -> Media {
    if has_video { Media::Video } else { Media::Audio }
}

impl Known {
    fn new(me: DeviceId) -> Self {
        Self {
            machine: Machine::new(me),
            secret: None,
            opener: None,
            epoch: 0,
            key_packages: BTreeMap::new(),
            parts: BTreeMap::new(),
            members: BTreeSet::new(),
            kept: None,
        }
    }

    /// Takes a part of a change; the whole once it is there.
    fn gather(&mut self, sender: DeviceId, commit: &protocol::content::CallCommit) -> Option<CallChange> {
        if commit.part == 0 {
            if self.parts.len() == CHANGES_MAX && !self.parts.contains_key(&sender) {
                self.parts.pop_first();
            }
            self.parts.insert(sender, Parts { change_id: commit.change_id, next: 0, bytes: Vec::new() });
        }
        let parts = self.parts.get_mut(&sender)?;
        let has_room = parts.bytes.len() + commit.data.len() <= CALL_CHANGE_PARTS_MAX * CALL_CHANGE_PART_BYTES_MAX;
        if parts.change_id != commit.change_id || parts.next != commit.part || !has_room {
            self.parts.remove(&sender);
            return None;
        }
        parts.bytes.extend_from_slice(&commit.data);
        parts.next += 1;
        if parts.next < commit.parts {
            return None;
        }
        let whole = self.parts.remove(&sender)?;
        CallChange::parse(&whole.bytes).ok()
    }
}

impl Many {
    /// When a machine has something to do.
    pub(super) fn wake_ms(&self) -> Option<u64> {
        self.known.values().filter_map(|known| known.machine.wake_ms()).min()
    }

    pub(super) fn due(&self, now_ms: u64) -> Vec<ConversationId> {
        let is_due = |known: &Known| known.machine.wake_ms().is_some_and(|due_ms| due_ms <= now_ms);
        self.known.iter().filter(|(_, known)| is_due(known)).map(|(id, _)| *id).collect()
    }

    pub(super) fn known(&mut self, me: DeviceId, conversation: ConversationId) -> &mut Known {
        if self.known.len() >= KNOWN_MAX && !self.known.contains_key(&conversation) {
            self.known.retain(|_, known| known.machine.present().is_some());
        }
        self.known.entry(conversation).or_insert_with(|| Known::new(me))
    }

    /// The group is gone, and its calls with it.
    pub(super) fn forget(&mut self, conversation: ConversationId) {
        self.known.remove(&conversation);
        if self.own.as_ref().is_some_and(|own| own.conversation == conversation) {
            self.end_own(EndReason::Removed);
        }
    }

    pub(super) fn end_own(&mut self, reason: EndReason) {
        if let Some(own) = self.own.take() {
            self.ended = Some((own.call_id, reason));
            self.outgoing.push(Outgoing::Hangup(own.room.link));
        }
    }
}
