//! What a user wants of calls of many, and what the shell tells of the room.

use super::hear::{RING_ACCOUNTS_MAX, random};
use super::own::Own;
use super::{GroupCallView, Item, Known, UnderWayView, media_of, room};
use crate::calls::hear::{Turn, say};
use crate::calls::{CallRefusal, Calls};
use crate::engine::{Engine, EngineError, Output};
use crate::timeline::{ConversationSummary, KeptGroupCall};
use calls::many::{EndReason, Intent, Machine, Present};
use protocol::call::GroupKeys;
use protocol::content::{Call, CallSignal, Kind, RoomSecret};
use protocol::event::{ConversationId, ConversationState, Link, LinkKind};
use protocol::identity::NodeUrl;
use wire::id::{AccountId, CallId, DeviceId};
use wire::room::{ROOM_SDP_BYTES_MAX, RoomPerson};

type Done = Result<Output, EngineError>;

fn may_be_called(summary: &ConversationSummary) -> bool {
    !summary.is_direct && matches!(summary.state, ConversationState::Active | ConversationState::Suspect)
}

impl Engine {
    /// Is in a group's call from now on: opens one where there is none.
    ///
    /// # Errors
    /// [`EngineError::Call`]: nothing was changed.
    pub fn group_call_join(
        &mut self,
        now_ms: u64,
        conversation: ConversationId,
        has_video: bool,
    ) -> Result<(CallId, Output), EngineError> {
        let summary = self.timeline().conversation(&conversation)?.ok_or(CallRefusal::NotReachable)?;
        if summary.is_direct {
            return Err(CallRefusal::NotGroup.into());
        }
        let node_url = NodeUrl::parse(&summary.node_url).ok().filter(|_| may_be_called(&summary));
        let node_url = node_url.ok_or(CallRefusal::NotReachable)?;
        if self.calls.session.is_some() || self.calls.many.own.is_some() {
            return Err(CallRefusal::InCall.into());
        }
        let link = Link { node_url, kind: LinkKind::Room };
        let output = self.turn(now_ms, |calls, turn| {
            let many = &mut calls.many;
            many.known(turn.device.identity().device_id, conversation);
            many.ended = None;
            many.own = Some(Own::new(conversation, CallId(random(turn)), has_video, link));
            many.open(turn, conversation, media_of(has_video));
            many.follow(turn, conversation);
            turn.deeds.is_changed = true;
        })?;
        let call_id = self.calls.many.own.as_ref().map(|own| own.call_id).ok_or(CallRefusal::NotReachable)?;
        Ok((call_id, output))
    }

    /// Is in the call no longer. A call that is over already is no error.
    ///
    /// # Errors
    /// What the database says.
    pub fn group_call_leave(&mut self, now_ms: u64, call_id: CallId) -> Done {
        let Some(conversation) = self.own_group_call(call_id) else { return Ok(Output::default()) };
        self.group_turn(now_ms, conversation, |known, now_ms| known.machine.want(now_ms, Intent::Leave))
    }

    /// Rings no more for a group's call, on this device.
    ///
    /// # Errors
    /// What the database says.
    pub fn group_call_silence(&mut self, now_ms: u64, call_id: CallId) -> Done {
        let found = self.group_calls().into_iter().find(|call| call.call_id == call_id);
        let Some(UnderWayView { conversation, .. }) = found else { return Ok(Output::default()) };
        self.group_turn(now_ms, conversation, |known, now_ms| known.machine.want(now_ms, Intent::Silence))
    }

    /// Offers the room this device's media; the answer is in [`GroupCallView::answer`] under the same number. `room` is
    /// the one that the offer is for: one for a room that was left changes nothing.
    ///
    /// # Errors
    /// [`CallRefusal::Over`]; [`EngineError::Content`] over 128 KiB.
    pub fn group_call_offer(&mut self, now_ms: u64, call_id: CallId, room: u32, offer: u32, sdp: String) -> Done {
        let (limit, found) = (ROOM_SDP_BYTES_MAX, sdp.len());
        if found > limit {
            return Err(wire::Malformed::TooLong { field: "sdp", limit, found }.into());
        }
        self.own_group_call(call_id).ok_or(CallRefusal::Over)?;
        self.turn(now_ms, |calls, turn| {
            let many = &mut calls.many;
            let Some(own) = many.own.as_mut().filter(|own| own.room.number == room) else { return };
            let Some(secret) = many.known.get(&own.conversation).and_then(|known| known.secret.as_ref()) else {
                return;
            };
            let label = secret.seal_label(&call_id, turn.device.identity().device_id, turn.rng);
            own.room.answer = None;
            own.room.offer = Some((offer, Some(room::join(secret.key(&call_id), sdp, label, own.room.resume))));
            turn.deeds.is_changed = true;
        })
    }

    /// Who is in the room, as its channel tells; none: the channel is closed. What is said of a room that was left changes
    /// nothing.
    ///
    /// # Errors
    /// What the database says.
    pub fn group_call_people(
        &mut self,
        now_ms: u64,
        call_id: CallId,
        room: u32,
        people: Option<Vec<RoomPerson>>,
    ) -> Done {
        let Some(conversation) = self.own_group_call(call_id) else { return Ok(Output::default()) };
        self.turn(now_ms, |calls, turn| {
            let many = &mut calls.many;
            let is_seen = people.is_some();
            let Some(own) = many.own.as_mut().filter(|own| own.room.number == room) else { return };
            own.room.people = people;
            let present = is_seen.then(|| many.numbers().into_keys().collect());
            if let Some(known) = many.known.get_mut(&conversation) {
                known.machine.saw(turn.now_ms, present.as_ref());
            }
            turn.deeds.is_changed = true;
            many.follow(turn, conversation);
        })
    }

    /// Media flows between this device and the room, or broke.
    ///
    /// # Errors
    /// What the database says.
    pub fn group_call_media(&mut self, now_ms: u64, call_id: CallId, is_flowing: bool) -> Done {
        let Some(conversation) = self.own_group_call(call_id) else { return Ok(Output::default()) };
        self.group_turn(now_ms, conversation, |known, now_ms| known.machine.media(now_ms, is_flowing))
    }

    /// The call of many that this device is in, or about to be.
    pub fn group_call(&self) -> Option<GroupCallView<'_>> {
        self.calls.many.own_view()
    }

    /// The calls of many that are under way.
    pub fn group_calls(&self) -> Vec<UnderWayView> {
        self.calls.many.under_way()
    }

    /// How the last call of many that this device was in ended for it; none while there is another.
    pub fn group_call_end(&self) -> Option<(CallId, EndReason)> {
        self.calls.many.ended
    }

    /// The keys of the call of many that this device is in, and the leaves that its epoch put out: for its media alone.
    pub fn group_call_keys(&self, call_id: CallId) -> Option<(&GroupKeys, &[u32])> {
        let own = self.calls.many.own.as_ref().filter(|own| own.call_id == call_id)?;
        Some((own.keys.as_ref()?, &own.gone))
    }

    fn own_group_call(&self, call_id: CallId) -> Option<ConversationId> {
        self.calls.many.own.as_ref().filter(|own| own.call_id == call_id).map(|own| own.conversation)
    }

    fn group_turn(&mut self, now_ms: u64, conversation: ConversationId, work: impl FnOnce(&mut Known, u64)) -> Done {
        self.turn(now_ms, |calls, turn| {
            if let Some(known) = calls.many.known.get_mut(&conversation) {
                work(known, turn.now_ms);
                turn.deeds.is_changed = true;
            }
            calls.many.follow(turn, conversation);
        })
    }

    /// Knows the calls of many again that were under way when the program ended; one that this device was in is left.
    pub(crate) fn know_group_calls(&mut self, now_ms: u64) -> Result<(), EngineError> {
        let me = self.device.identity().device_id;
        for (conversation, kept) in self.timeline().group_calls()? {
            let call_id = CallId(kept.call_id);
            if kept.is_here {
                let call = Call { call_id, signal: CallSignal::Leave };
                self.calls.left.push((conversation, Kind::Call(call)));
            }
            let known = Known::restored(me, now_ms, kept);
            self.calls.many.known.insert(conversation, known);
        }
        Ok(())
    }

    /// Whether what is said in a group may ring.
    pub(crate) fn may_ring(&self, now_ms: u64, item: &Item) -> Result<bool, EngineError> {
        let Item::Heard(heard) = item else { return Ok(false) };
        let timeline = self.timeline();
        let Some(summary) = timeline.conversation(&heard.conversation)? else { return Ok(false) };
        let is_muted = summary.muted_until_ms.is_some_and(|until_ms| until_ms > now_ms);
        let is_small = summary.members <= RING_ACCOUNTS_MAX;
        Ok(may_be_called(&summary) && is_small && !is_muted && !timeline.person(&heard.sender.account_id)?.is_blocked)
    }
}

impl Calls {
    /// What is due in a group.
    pub(in crate::calls) fn tick_group(&mut self, turn: &mut Turn<'_>, conversation: ConversationId) {
        if let Some(known) = self.many.known.get_mut(&conversation) {
            known.machine.tick(turn.now_ms);
        }
        self.many.follow(turn, conversation);
    }

    /// The group is over for this device.
    pub(in crate::calls) fn forget_group(&mut self, turn: &mut Turn<'_>, conversation: ConversationId) {
        if let Some((call_id, _)) = self.many.known.get(&conversation).and_then(|known| known.machine.own()) {
            turn.deeds.says.push(say(call_id, conversation, CallSignal::Leave));
        }
        self.many.forget(conversation);
        turn.deeds.kept.push((conversation, None));
        turn.deeds.is_changed = true;
    }
}

impl Known {
    fn restored(me: DeviceId, now_ms: u64, kept: KeptGroupCall) -> Self {
        let present = Present {
            call: CallId(kept.call_id),
            media: media_of(kept.has_video),
            since_ms: kept.since_ms,
            line: kept.line.iter().copied().map(DeviceId).collect(),
            was_ours: kept.was_ours,
        };
        Self {
            machine: Machine::restored(me, now_ms, present),
            secret: Some(RoomSecret(kept.room)),
            opener: Some(AccountId(kept.opener)),
            epoch: kept.epoch,
            kept: Some(kept),
            ..Self::new(me)
        }
    }
}
