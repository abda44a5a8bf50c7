//! One device's view of the calls of many of one conversation.

use super::line::{Due, Line};
use crate::call::Media;
use std::collections::{BTreeSet, VecDeque};
use wire::id::{CallId, DeviceId};

/// How long it rings.
pub const RING_MS: u64 = 30_000;
/// A call that was opened longer ago by its opener's clock does not ring.
pub const OPEN_AGE_MS_MAX: u64 = 30_000;
/// How long a device waits to be taken in before it says that nobody is there.
pub const JOIN_MS: u64 = 20_000;
/// How long whoever is in it has to say so, when somebody said that nobody is.
pub const DOUBT_MS: u64 = 8_000;
/// Whoever stands first says again that the call is under way.
pub const RESTATE_MS: u64 = 600_000;
/// A call of which nothing was heard for so long is over.
pub const QUIET_MS_MAX: u64 = 1_800_000;
/// How long media may take, at first and whenever it broke.
pub const LOST_MS: u64 = 60_000;
/// How often a device that was put out joins again by itself.
const REJOINS_MAX: u32 = 3;
/// Calls that are remembered as over.
const ENDED_MAX: usize = 32;

/// What the user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// Open a call; the id is fresh and random.
    Open {
        /// The new call's name.
        call: CallId,
        /// With what.
        media: Media,
    },
    /// Be in the call that is under way.
    Join,
    /// Be in it no longer.
    Leave,
    /// Ring no more.
    Silence,
}

/// What was heard, in lane order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// A call is under way; the first of its id opens it.
    UnderWay {
        /// With what.
        media: Media,
        /// Since when, by its opener's clock.
        since_ms: u64,
        /// Who is in it.
        line: Vec<DeviceId>,
    },
    /// The sender wants to be in it.
    Join,
    /// A change that counts.
    Change {
        /// Who was taken in.
        added: Vec<DeviceId>,
        /// Who was put out.
        removed: Vec<DeviceId>,
    },
    /// The sender is no longer in it.
    Leave,
    /// The sender waited in vain.
    Over,
}

/// When and how something was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// By this device's clock.
    pub now_ms: u64,
    /// By the sender's clock.
    pub sent_ms: u64,
    /// How old it is, as far as that is known.
    pub age_ms: u64,
    /// Who said it.
    pub sender: DeviceId,
    /// The sender is a device of this account.
    pub is_ours: bool,
    /// It may ring: the group is small, not silenced, and this device is free.
    pub may_ring: bool,
}

/// What the shell does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Ring.
    Ring(CallId),
    /// Say that it is under way.
    SayUnderWay(CallId),
    /// Say that this device joins, with a fresh KeyPackage.
    SayJoin(CallId),
    /// Say that this device leaves.
    SayLeave(CallId),
    /// Say that nobody is there.
    SayOver(CallId),
    /// Make a change; it is pending until [`Machine::changed`], [`Machine::dropped`] or the next that counts.
    Change(CallId, Due),
    /// The call ended before this device was in it: open another in its place.
    Reopen(CallId, Media),
    /// The call that this device opened is none: it joins the one that was opened before.
    Switch(CallId),
    /// This device is no longer in it: forget its keys and its room.
    Out(CallId, EndReason),
    /// Show what became of a call.
    Note(Record),
}

/// Why this device is no longer in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// It left.
    Left,
    /// It was put out, or out of the conversation.
    Removed,
    /// Nobody took it in.
    NobodyThere,
    /// There was no way to the room, or it broke.
    Lost,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Which one.
    pub call: CallId,
    /// With what.
    pub media: Media,
    /// From the first to the last, by their clocks.
    pub ms: u64,
    /// A device of this account was in it.
    pub was_ours: bool,
}

/// Where this device stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not in it.
    Out,
    /// It said so, or is about to; its keys are not there yet.
    Joining,
    /// In it.
    In,
}

/// The call that is under way, as it is kept over a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Which one.
    pub call: CallId,
    /// With what.
    pub media: Media,
    /// Since when, by its opener's clock.
    pub since_ms: u64,
    /// Who is in it, longest first.
    pub line: Vec<DeviceId>,
    /// A device of this account was in it.
    pub was_ours: bool,
}

struct Call {
    id: CallId,
    media: Media,
    since_ms: u64,
    line: Line,
    /// Where this device stands.
    state: State,
    /// Until when it waits to be taken in.
    join_until_ms: u64,
    rejoins: u32,
    rings_until_ms: Option<u64>,
    /// Somebody said that nobody is there.
    doubt_until_ms: Option<u64>,
    /// Since when somebody may not know of the call.
    restate_since_ms: Option<u64>,
    heard_ms: u64,
    stated_ms: u64,
    is_change_pending: bool,
    /// Media has so long.
    media_until_ms: Option<u64>,
    was_ours: bool,
    sees_room: bool,
}

/// See the module's page.
pub struct Machine {
    me: DeviceId,
    call: Option<Call>,
    /// Opened here, not heard yet.
    opening: Option<(CallId, Media)>,
    ended: VecDeque<CallId>,
    effects: Vec<Effect>,
}

impl Machine {
    /// A device in a conversation without a call.
    pub fn new(me: DeviceId) -> Self {
        Self { me, call: None, opening: None, ended: VecDeque::new(), effects: Vec::new() }
    }

    /// A device that starts while a call is under way. It is in none: its keys are gone.
    pub fn restored(me: DeviceId, now_ms: u64, present: Present) -> Self {
        let mut machine = Self::new(me);
        let mut call = Call::new(now_ms, &present);
        call.line.leave(now_ms, me);
        machine.call = Some(call);
        machine
    }

    /// What is to be done, in order.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// The call that is under way.
    pub fn present(&self) -> Option<Present> {
        self.call.as_ref().map(|call| Present {
            call: call.id,
            media: call.media,
            since_ms: call.since_ms,
            line: call.line.people().collect(),
            was_ours: call.was_ours,
        })
    }

    /// Which call this device is in, or about to be, and where it stands.
    pub fn own(&self) -> Option<(CallId, State)> {
        match (&self.call, self.opening) {
            (Some(call), _) if call.state != State::Out => Some((call.id, call.state)),
            (_, Some((id, _))) => Some((id, State::Joining)),
            (_, None) => None,
        }
    }

    /// Whether it rings here.
    pub fn rings(&self) -> bool {
        self.call.as_ref().is_some_and(|call| call.rings_until_ms.is_some())
    }

    /// When [`Self::tick`] has something to do.
    pub fn wake_ms(&self) -> Option<u64> {
        let call = self.call.as_ref()?;
        let mut due = vec![call.heard_ms.saturating_add(QUIET_MS_MAX)];
        due.extend(call.rings_until_ms);
        due.extend(call.doubt_until_ms);
        match call.state {
            State::Out => {}
            State::Joining if call.doubt_until_ms.is_none() => due.push(call.join_until_ms),
            State::Joining => {}
            State::In => {
                due.extend(call.media_until_ms);
                due.extend(call.restate_ms(self.me));
                if !call.is_change_pending {
                    due.extend(call.line.wake_ms(self.me, call.sees_room));
                }
            }
        }
        due.into_iter().min()
    }

    /// Takes what the user wants; what makes no sense now changes nothing.
    pub fn want(&mut self, now_ms: u64, intent: Intent) {
        match (intent, &mut self.call) {
            (Intent::Open { call, media }, None) if self.opening.is_none() => {
                self.opening = Some((call, media));
                self.effects.push(Effect::SayUnderWay(call));
            }
            (Intent::Open { .. } | Intent::Join, Some(call)) if call.state == State::Out => {
                call.rejoins = 0;
                self.join(now_ms);
            }
            (Intent::Leave, _) => self.leave(now_ms, EndReason::Left),
            (Intent::Silence, Some(call)) => call.rings_until_ms = None,
            (Intent::Open { .. } | Intent::Join | Intent::Silence, _) => {}
        }
    }

    /// Takes a signal in lane order, this device's own ones too.
    pub fn hear(&mut self, heard: Heard, id: CallId, signal: Signal) {
        match signal {
            Signal::UnderWay { media, since_ms, line } => {
                let present = Present { call: id, media, since_ms, line, was_ours: false };
                self.hear_under_way(heard, present);
            }
            other => self.hear_other(heard, id, other),
        }
        self.act(heard.now_ms);
    }

    /// Whether a device may have a leaf in the call's group, as far as was heard.
    pub fn knows(&self, device: DeviceId) -> bool {
        self.call.as_ref().is_some_and(|call| call.line.knows(device))
    }

    /// A change took this device in: it has the keys. `line` is what the change says of who is in it.
    pub fn entered(&mut self, now_ms: u64, line: &[DeviceId]) {
        if let Some(call) = self.call.as_mut().filter(|call| call.state == State::Joining) {
            if !line.is_empty() {
                call.line.set(line);
            }
            call.state = State::In;
            call.was_ours = true;
            call.media_until_ms = Some(now_ms.saturating_add(LOST_MS));
        }
        self.act(now_ms);
    }

    /// This device was taken in, or was in it, and has no keys: it joins again, unless that happens too often.
    pub fn fell_out(&mut self, now_ms: u64) {
        let Some(call) = self.call.as_mut().filter(|call| call.state != State::Out) else { return };
        call.is_change_pending = false;
        call.sees_room = false;
        call.line.present(now_ms, None);
        if call.rejoins == REJOINS_MAX {
            let id = call.id;
            call.state = State::Out;
            self.effects.push(Effect::Out(id, EndReason::Removed));
            return;
        }
        call.rejoins += 1;
        self.join(now_ms);
    }

    /// An own change came to nothing: it may be made again.
    pub fn changed(&mut self, now_ms: u64) {
        if let Some(call) = &mut self.call {
            call.is_change_pending = false;
        }
        self.act(now_ms);
    }

    /// These devices' KeyPackages are none.
    pub fn refused(&mut self, devices: &[DeviceId]) {
        for device in devices {
            if let Some(call) = &mut self.call {
                call.line.refuse(*device);
            }
        }
    }

    /// A change could not be made: none of it will be asked for again.
    pub fn dropped(&mut self, now_ms: u64, due: &Due) {
        self.refused(&due.joins);
        if let Some(call) = &mut self.call {
            call.is_change_pending = false;
            call.line.change(now_ms, &[], &due.removed);
        }
    }

    /// The conversation's members are these devices now. `is_grown`: some may not know of the call.
    pub fn moved(&mut self, now_ms: u64, members: &BTreeSet<DeviceId>, is_grown: bool) {
        let me = self.me;
        let Some(call) = &mut self.call else { return };
        let gone: Vec<_> =
            call.line.people().chain(call.line.waiting()).filter(|device| !members.contains(device)).collect();
        for device in gone {
            call.line.leave(now_ms, device);
        }
        if is_grown {
            call.restate_since_ms = Some(now_ms);
        }
        if !members.contains(&me) {
            let is_in = call.state != State::Out;
            call.state = State::Out;
            let id = call.id;
            if is_in {
                self.effects.push(Effect::Out(id, EndReason::Removed));
            }
        }
        self.end_if_empty(now_ms);
        self.act(now_ms);
    }

    /// Who is in the room; none: this device does not see it.
    pub fn saw(&mut self, now_ms: u64, present: Option<&BTreeSet<DeviceId>>) {
        if let Some(call) = self.call.as_mut().filter(|call| call.state == State::In) {
            call.sees_room = present.is_some();
            call.line.present(now_ms, present);
        }
        self.act(now_ms);
    }

    /// The call goes on in another room: who is there is not known yet.
    pub fn room_moved(&mut self) {
        if let Some(call) = &mut self.call {
            call.sees_room = false;
            call.line.forget_room();
        }
    }

    /// Media flows, or broke.
    pub fn media(&mut self, now_ms: u64, is_flowing: bool) {
        if let Some(call) = self.call.as_mut().filter(|call| call.state == State::In) {
            call.media_until_ms = match (is_flowing, call.media_until_ms) {
                (true, _) => None,
                (false, Some(until_ms)) => Some(until_ms),
                (false, None) => Some(now_ms.saturating_add(LOST_MS)),
            };
            if is_flowing {
                call.rejoins = 0;
            }
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, now_ms: u64) {
        let Some(call) = &mut self.call else { return };
        if call.rings_until_ms.is_some_and(|until_ms| until_ms <= now_ms) {
            call.rings_until_ms = None;
        }
        if call.state == State::In && call.media_until_ms.is_some_and(|until_ms| until_ms <= now_ms) {
            return self.leave(now_ms, EndReason::Lost);
        }
        if call.state == State::Joining && call.doubt_until_ms.is_none() && call.join_until_ms <= now_ms {
            call.doubt_until_ms = Some(now_ms.saturating_add(DOUBT_MS));
            let id = call.id;
            self.effects.push(Effect::SayOver(id));
            return;
        }
        let is_quiet = call.heard_ms.saturating_add(QUIET_MS_MAX) <= now_ms;
        let is_doubted = call.doubt_until_ms.is_some_and(|until_ms| until_ms <= now_ms);
        if is_doubted || (is_quiet && call.state != State::In) {
            let end_ms = call.heard_ms;
            return self.end(end_ms);
        }
        if is_quiet {
            // Alone, or all others are silent: it is not over as long as we are in it.
            call.heard_ms = now_ms;
        }
        self.act(now_ms);
    }

    fn hear_under_way(&mut self, heard: Heard, present: Present) {
        let Heard { now_ms, sender, .. } = heard;
        let is_opening = self.opening.is_some_and(|(id, _)| id == present.call) && sender == self.me;
        match &mut self.call {
            Some(call) if call.id == present.call => {
                (call.heard_ms, call.stated_ms) = (now_ms, now_ms);
                call.restate_since_ms = None;
                if call.doubt_until_ms.take().is_some() && call.state == State::Joining {
                    return self.join(now_ms);
                }
                if call.state == State::Out && call.line.holds(sender) {
                    call.line.set(&present.line);
                }
            }
            // Two were opened at once: the first is the call, and whoever opened the other one joins it.
            Some(_) if is_opening => {
                let media = self.opening.take().map(|(_, media)| media);
                if let (Some(call), Some(media)) = (&mut self.call, media) {
                    call.media = if media == Media::Video { media } else { call.media };
                    self.effects.push(Effect::Switch(call.id));
                    self.join(now_ms);
                }
            }
            Some(_) => {}
            None if self.ended.contains(&present.call) && !is_opening => {}
            None => self.begin(heard, present, is_opening),
        }
    }

    fn begin(&mut self, heard: Heard, present: Present, is_opening: bool) {
        let Heard { now_ms, sender, is_ours, .. } = heard;
        let mut call = Call::new(now_ms, &present);
        call.was_ours = is_ours || is_opening;
        if is_opening {
            self.opening = None;
            call.state = State::In;
            call.media_until_ms = Some(now_ms.saturating_add(LOST_MS));
        } else if present.line == [sender] && heard.may_ring && !is_ours && heard.age_ms <= OPEN_AGE_MS_MAX {
            call.rings_until_ms = Some(now_ms.saturating_add(RING_MS));
            self.effects.push(Effect::Ring(call.id));
        }
        let id = call.id;
        self.call = Some(call);
        if let Some((own, _)) = self.opening.filter(|(own, _)| *own != id) {
            // Ours stands behind it in the lane.
            self.opening = Some((own, present.media));
        }
    }

    fn hear_other(&mut self, heard: Heard, id: CallId, signal: Signal) {
        let Heard { now_ms, sent_ms, sender, is_ours, .. } = heard;
        let me = self.me;
        let Some(call) = self.call.as_mut().filter(|call| call.id == id) else { return };
        call.heard_ms = now_ms;
        match signal {
            Signal::Join => {
                call.line.join(now_ms, sender);
                if is_ours {
                    call.rings_until_ms = None;
                }
            }
            Signal::Change { added, removed } => {
                call.line.change(now_ms, &added, &removed);
                call.is_change_pending = false;
                call.doubt_until_ms = None;
                if call.state == State::In && removed.contains(&me) && !added.contains(&me) {
                    return self.fell_out(now_ms);
                }
            }
            Signal::Leave => call.line.leave(now_ms, sender),
            Signal::Over if call.state == State::In => call.restate_since_ms = Some(now_ms),
            Signal::Over => {
                call.doubt_until_ms.get_or_insert(now_ms.saturating_add(DOUBT_MS));
            }
            Signal::UnderWay { .. } => {}
        }
        self.end_if_empty(sent_ms);
    }

    fn join(&mut self, now_ms: u64) {
        let Some(call) = &mut self.call else { return };
        call.state = State::Joining;
        call.rings_until_ms = None;
        call.join_until_ms = now_ms.saturating_add(JOIN_MS);
        let id = call.id;
        self.effects.push(Effect::SayJoin(id));
    }

    fn leave(&mut self, now_ms: u64, reason: EndReason) {
        if let Some((id, _)) = self.opening.take() {
            // Nobody may have heard of it yet: it is left where it is read back.
            self.effects.extend([Effect::SayLeave(id), Effect::Out(id, reason)]);
        }
        let me = self.me;
        let Some(call) = self.call.as_mut().filter(|call| call.state != State::Out) else { return };
        call.state = State::Out;
        call.is_change_pending = false;
        call.line.leave(now_ms, me);
        let id = call.id;
        self.effects.extend([Effect::SayLeave(id), Effect::Out(id, reason)]);
    }

    fn end_if_empty(&mut self, end_ms: u64) {
        let Some(call) = &self.call else { return };
        if call.line.people().next().is_some() {
            return;
        }
        let (id, state, media) = (call.id, call.state, call.media);
        if state != State::Joining {
            return self.end(end_ms);
        }
        // Whoever was to take us in is gone.
        if let Some(call) = &mut self.call {
            call.state = State::Out;
        }
        self.end(end_ms);
        self.effects.push(Effect::Reopen(id, media));
    }

    fn end(&mut self, end_ms: u64) {
        let Some(call) = self.call.take() else { return };
        if call.state != State::Out {
            self.effects.push(Effect::Out(call.id, EndReason::NobodyThere));
        }
        if self.ended.len() == ENDED_MAX {
            self.ended.pop_front();
        }
        self.ended.push_back(call.id);
        let ms = end_ms.saturating_sub(call.since_ms);
        self.effects.push(Effect::Note(Record { call: call.id, media: call.media, ms, was_ours: call.was_ours }));
    }

    /// What whoever is in it has to do.
    fn act(&mut self, now_ms: u64) {
        let me = self.me;
        let Some(call) = self.call.as_mut().filter(|call| call.state == State::In) else { return };
        let id = call.id;
        if call.restate_ms(me).is_some_and(|due_ms| due_ms <= now_ms) {
            (call.stated_ms, call.restate_since_ms) = (now_ms, None);
            self.effects.push(Effect::SayUnderWay(id));
        }
        if call.is_change_pending {
            return;
        }
        if let Some(due) = call.line.due(now_ms, me, call.sees_room) {
            call.is_change_pending = true;
            self.effects.push(Effect::Change(id, due));
        }
    }
}

impl Call {
    fn new(now_ms: u64, present: &Present) -> Self {
        Self {
            id: present.call,
            media: present.media,
            since_ms: present.since_ms,
            line: Line::new(present.line.clone()),
            state: State::Out,
            join_until_ms: u64::MAX,
            rejoins: 0,
            rings_until_ms: None,
            doubt_until_ms: None,
            restate_since_ms: None,
            heard_ms: now_ms,
            stated_ms: now_ms,
            is_change_pending: false,
            media_until_ms: None,
            was_ours: present.was_ours,
            sees_room: false,
        }
    }

    /// When this device says again that the call is under way, if none before it in the line does.
    fn restate_ms(&self, me: DeviceId) -> Option<u64> {
        let patience_ms = self.line.patience_ms(me)?;
        let since_ms = self.restate_since_ms.unwrap_or_else(|| self.stated_ms.saturating_add(RESTATE_MS));
        Some(since_ms.saturating_add(patience_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::GONE_MS;
    use super::*;

    const CALL: CallId = CallId([9; 16]);

    fn id(number: u8) -> DeviceId {
        DeviceId([number; 16])
    }

    fn heard(now_ms: u64, sender: u8) -> Heard {
        Heard { now_ms, sent_ms: now_ms, age_ms: 0, sender: id(sender), is_ours: false, may_ring: true }
    }

    fn under_way(line: &[u8]) -> Signal {
        Signal::UnderWay { media: Media::Audio, since_ms: 0, line: line.iter().map(|number| id(*number)).collect() }
    }

    fn change(added: &[u8], removed: &[u8]) -> Signal {
        let ids = |numbers: &[u8]| numbers.iter().map(|number| id(*number)).collect();
        Signal::Change { added: ids(added), removed: ids(removed) }
    }

    /// The first device, in a call that it opened.
    fn opened() -> Machine {
        let mut machine = Machine::new(id(1));
        machine.want(0, Intent::Open { call: CALL, media: Media::Audio });
        assert_eq!(machine.take_effects(), [Effect::SayUnderWay(CALL)]);
        machine.hear(heard(1, 1), CALL, under_way(&[1]));
        assert_eq!(machine.own(), Some((CALL, State::In)));
        machine
    }

    #[test]
    fn whoever_opened_takes_in_and_ends_it_as_the_last() {
        let mut machine = opened();
        machine.hear(heard(2, 2), CALL, Signal::Join);
        let due = Due { joins: vec![id(2)], removed: Vec::new() };
        assert_eq!(machine.take_effects(), [Effect::Change(CALL, due)]);
        machine.hear(heard(3, 3), CALL, Signal::Join);
        assert_eq!(machine.take_effects(), [], "one at a time");
        machine.hear(heard(4, 1), CALL, change(&[2], &[]));
        machine.tick(machine.wake_ms().unwrap());
        let due = Due { joins: vec![id(3)], removed: Vec::new() };
        assert_eq!(machine.take_effects(), [Effect::Change(CALL, due)]);
        machine.want(5_000, Intent::Leave);
        assert_eq!(machine.take_effects(), [Effect::SayLeave(CALL), Effect::Out(CALL, EndReason::Left)]);
        machine.hear(heard(6_000, 2), CALL, Signal::Leave);
        let record = Record { call: CALL, media: Media::Audio, ms: 6_000, was_ours: true };
        assert_eq!(machine.take_effects(), [Effect::Note(record)]);
        assert_eq!((machine.present(), machine.wake_ms()), (None, None));
    }

    #[test]
    fn it_rings_for_half_a_minute_where_it_may() {
        for (may_ring, age_ms, rings) in [(true, 0, true), (false, 0, false), (true, OPEN_AGE_MS_MAX + 1, false)] {
            let mut machine = Machine::new(id(1));
            machine.hear(Heard { may_ring, age_ms, ..heard(5, 2) }, CALL, under_way(&[2]));
            assert_eq!(machine.rings(), rings);
            machine.tick(5 + RING_MS);
            assert!(!machine.rings());
        }
        // Somebody says it again: nobody rings for that.
        let mut machine = Machine::new(id(1));
        machine.hear(heard(5, 2), CALL, under_way(&[2, 3]));
        assert!(!machine.rings());
    }

    #[test]
    fn device_that_waits_in_vain_says_so_and_is_out() {
        let mut machine = Machine::new(id(1));
        machine.hear(heard(0, 2), CALL, under_way(&[2]));
        machine.want(0, Intent::Join);
        machine.take_effects();
        machine.tick(JOIN_MS);
        assert_eq!(machine.take_effects(), [Effect::SayOver(CALL)]);
        machine.hear(heard(JOIN_MS, 1), CALL, Signal::Over);
        machine.tick(JOIN_MS + DOUBT_MS);
        let effects = machine.take_effects();
        assert!(matches!(effects[..], [Effect::Out(CALL, EndReason::NobodyThere), Effect::Note(_)]), "{effects:?}");
    }

    #[test]
    fn whoever_is_in_it_contradicts_and_who_waited_asks_again() {
        let mut inside = opened();
        inside.hear(heard(10, 3), CALL, Signal::Over);
        assert_eq!(inside.take_effects(), [Effect::SayUnderWay(CALL)]);
        let mut waiting = Machine::new(id(2));
        waiting.hear(heard(0, 1), CALL, under_way(&[1]));
        waiting.want(0, Intent::Join);
        waiting.tick(JOIN_MS);
        waiting.take_effects();
        waiting.hear(heard(JOIN_MS + 1, 1), CALL, under_way(&[1]));
        assert_eq!(waiting.take_effects(), [Effect::SayJoin(CALL)]);
    }

    #[test]
    fn call_that_ends_before_somebody_was_taken_in_is_opened_again() {
        let mut machine = Machine::new(id(1));
        machine.hear(heard(0, 2), CALL, under_way(&[2]));
        machine.want(0, Intent::Join);
        machine.take_effects();
        machine.hear(heard(5, 2), CALL, Signal::Leave);
        assert_eq!(machine.take_effects().last(), Some(&Effect::Reopen(CALL, Media::Audio)));
    }

    #[test]
    fn whoever_is_put_out_joins_again_but_not_for_ever() {
        let mut machine = opened();
        machine.hear(heard(2, 2), CALL, change(&[2], &[]));
        let mut joins = 0;
        for round in 0..10 {
            machine.hear(heard(10 + round, 2), CALL, change(&[], &[1]));
            joins += machine.take_effects().iter().filter(|effect| **effect == Effect::SayJoin(CALL)).count();
            machine.hear(heard(10 + round, 2), CALL, change(&[1], &[]));
            machine.entered(10 + round, &[id(2), id(1)]);
        }
        assert_eq!(joins, REJOINS_MAX as usize);
        assert_eq!(machine.own(), None);
    }

    #[test]
    fn members_who_go_are_put_out_at_once_and_those_who_come_hear_of_the_call() {
        let mut machine = opened();
        machine.hear(heard(2, 1), CALL, change(&[2, 3], &[]));
        machine.take_effects();
        machine.moved(5_000, &[id(1), id(3)].into(), false);
        let due = Due { joins: Vec::new(), removed: vec![id(2)] };
        assert_eq!(machine.take_effects(), [Effect::Change(CALL, due)]);
        machine.hear(heard(5_001, 1), CALL, change(&[], &[2]));
        machine.moved(6_000, &[id(1), id(3), id(4)].into(), true);
        assert_eq!(machine.take_effects(), [Effect::SayUnderWay(CALL)]);
        machine.moved(7_000, &[id(3), id(4)].into(), false);
        assert_eq!(machine.take_effects(), [Effect::Out(CALL, EndReason::Removed)]);
    }

    #[test]
    fn second_place_does_it_when_the_first_does_not() {
        let mut machine = Machine::new(id(2));
        machine.hear(heard(0, 1), CALL, under_way(&[1]));
        machine.want(0, Intent::Join);
        machine.hear(heard(1, 2), CALL, Signal::Join);
        machine.hear(heard(2, 1), CALL, change(&[2], &[]));
        machine.entered(2, &[id(1), id(2)]);
        machine.take_effects();
        machine.saw(3, Some(&[id(1), id(2)].into()));
        machine.saw(100, Some(&[id(2)].into()));
        machine.tick(100 + GONE_MS);
        let due = Due { joins: Vec::new(), removed: vec![id(1)] };
        assert_eq!(machine.take_effects(), [Effect::Change(CALL, due.clone())]);
        machine.dropped(100 + GONE_MS, &due);
        machine.hear(heard(20_000, 1), CALL, under_way(&[1]));
        assert_eq!(machine.take_effects(), []);
    }

    #[test]
    fn media_that_stays_away_ends_it() {
        let mut machine = opened();
        machine.media(10, true);
        machine.tick(LOST_MS + 10);
        assert_eq!(machine.own().map(|own| own.1), Some(State::In));
        machine.media(LOST_MS, false);
        machine.tick(2 * LOST_MS);
        assert_eq!(machine.take_effects(), [Effect::SayLeave(CALL), Effect::Out(CALL, EndReason::Lost)]);
    }

    #[test]
    fn quiet_call_is_over_outside_and_not_inside() {
        let (mut inside, mut outside) = (opened(), Machine::new(id(2)));
        outside.hear(heard(0, 1), CALL, under_way(&[1]));
        outside.tick(QUIET_MS_MAX);
        assert_eq!(outside.present(), None);
        inside.media(1, true);
        inside.tick(QUIET_MS_MAX + 1);
        assert!(inside.take_effects().contains(&Effect::SayUnderWay(CALL)));
        assert!(inside.present().is_some());
        assert!(inside.wake_ms() > Some(QUIET_MS_MAX + 1), "what is due is done");
    }
}
