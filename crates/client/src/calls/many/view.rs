//! What views see of calls of many.

use super::{Many, RoomAnswer, RoomRefusal};
use crate::calls::Relay;
use calls::call::Media;
use calls::many::State;
use protocol::call::GroupKeys;
use protocol::event::ConversationId;
use std::collections::BTreeMap;
use wire::id::{AccountId, CallId, DeviceId};

/// A call that is under way in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderWayView {
    /// Where.
    pub conversation: ConversationId,
    /// Which.
    pub call_id: CallId,
    /// Opened with pictures.
    pub has_video: bool,
    /// Since when, by its opener's clock, milliseconds.
    pub since_ms: u64,
    /// Who opened it, where that is known.
    pub opener: Option<AccountId>,
    /// The devices in it, longest first.
    pub line: Vec<DeviceId>,
    /// It rings here.
    pub is_ringing: bool,
    /// This device is in it, or about to be.
    pub is_here: bool,
}

/// The call of many that this device is in, as views and media see it.
#[derive(Debug)]
pub struct GroupCallView<'a> {
    /// The call.
    pub under_way: UnderWayView,
    /// This device has keys.
    pub is_in: bool,
    /// This device came with its camera.
    pub has_video: bool,
    /// The epoch's keys, once there are any.
    pub keys: Option<&'a GroupKeys>,
    /// Who is in the room under which number.
    pub numbers: BTreeMap<DeviceId, u32>,
    /// Counts the rooms: another number is another room, to which the shell is to connect anew.
    pub room: u32,
    /// Relays; none inside: the node relays nothing; none: not known yet.
    pub relay: &'a Relay,
    /// What the room said to our last offer.
    pub answer: Option<&'a Result<RoomAnswer, RoomRefusal>>,
}

impl Many {
    pub(in crate::calls) fn under_way(&self) -> Vec<UnderWayView> {
        self.known
            .iter()
            .filter_map(|(conversation, known)| {
                let present = known.machine.present()?;
                Some(UnderWayView {
                    conversation: *conversation,
                    call_id: present.call,
                    has_video: present.media == Media::Video,
                    since_ms: present.since_ms,
                    opener: known.opener,
                    line: present.line,
                    is_ringing: known.machine.rings(),
                    is_here: known.machine.own().is_some(),
                })
            })
            .collect()
    }

    pub(in crate::calls) fn own_view(&self) -> Option<GroupCallView<'_>> {
        let own = self.own.as_ref()?;
        let known = self.known.get(&own.conversation)?;
        let state = known.machine.own().map(|(_, state)| state);
        let present = self.under_way().into_iter().find(|call| call.call_id == own.call_id);
        // Opened here, and not read back yet.
        let under_way = present.unwrap_or_else(|| UnderWayView {
            conversation: own.conversation,
            call_id: own.call_id,
            has_video: own.has_video,
            since_ms: 0,
            opener: known.opener,
            line: Vec::new(),
            is_ringing: false,
            is_here: true,
        });
        Some(GroupCallView {
            under_way,
            is_in: state == Some(State::In) && own.keys.is_some(),
            has_video: own.has_video,
            keys: own.keys.as_ref(),
            numbers: self.numbers(),
            room: own.room.number,
            relay: &own.room.relay,
            answer: own.room.answer.as_ref(),
        })
    }

    /// Who is in the room, by their labels.
    pub(super) fn numbers(&self) -> BTreeMap<DeviceId, u32> {
        let Some(own) = &self.own else { return BTreeMap::new() };
        let Some(secret) = self.known.get(&own.conversation).and_then(|known| known.secret.as_ref()) else {
            return BTreeMap::new();
        };
        let people = own.room.people.iter().flatten();
        people.filter_map(|person| Some((secret.open_label(&own.call_id, &person.label)?, person.number))).collect()
    }
}
