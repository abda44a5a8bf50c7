//! The call of many that this device is in, or about to be.

use super::room::Room;
use protocol::call::{CallGroup, GroupKeys, Invitee};
use protocol::event::{ConversationId, Link};
use std::collections::VecDeque;
use wire::id::CallId;

/// KeyPackages that were said and may still be used, at most.
const INVITEES_MAX: usize = 4;

pub(in crate::calls) struct Own {
    pub(in crate::calls) conversation: ConversationId,
    pub(super) call_id: CallId,
    /// This device shows itself.
    pub(super) has_video: bool,
    pub(super) group: Option<CallGroup>,
    /// The newest last.
    pub(super) invitees: VecDeque<Invitee>,
    pub(super) keys: Option<GroupKeys>,
    /// Leaves that were put out with the epoch of `keys`.
    pub(super) gone: Vec<u32>,
    pub(super) room: Room,
}

impl Own {
    pub(super) fn new(conversation: ConversationId, call_id: CallId, has_video: bool, link: Link) -> Self {
        Self {
            conversation,
            call_id,
            has_video,
            group: None,
            invitees: VecDeque::new(),
            keys: None,
            gone: Vec::new(),
            room: Room::new(link),
        }
    }

    pub(super) fn invite(&mut self, invitee: Invitee) {
        if self.invitees.len() == INVITEES_MAX {
            self.invitees.pop_front();
        }
        self.invitees.push_back(invitee);
    }

    /// An epoch begins: media gets its key, and hears whose frames are to be dropped.
    pub(super) fn enter(&mut self, keys: GroupKeys) {
        let before = self.keys.take().map_or_else(Vec::new, |keys| keys.leaves);
        let gone = before.into_iter().filter(|pair| !keys.leaves.contains(pair)).map(|(leaf, _)| leaf);
        self.gone = gone.collect();
        self.keys = Some(keys);
    }

    /// The keys are worth nothing any more.
    pub(super) fn fall_out(&mut self) {
        self.group = None;
    }
}
