//! One device's view of the calls of one conversation.

use super::signal::{Claim, EndReason, Media, RefusalReason, Sender, Signal};
use std::collections::{BTreeSet, VecDeque};
use wire::id::{CallId, DeviceId};

/// How long a caller lets it ring.
pub const RING_MS: u64 = 60_000;
/// How long a device rings, or waits for a call that another device answered, when nothing more is heard.
pub const RING_MS_MAX: u64 = 75_000;
/// An offer that is older by its sender's clock does not ring: it was missed.
pub const OFFER_AGE_MS_MAX: u64 = 90_000;
/// How long a caller waits for a device that rings, once one said that it is busy.
pub const BUSY_MS: u64 = 3_000;
/// How long media may take to connect, at first and after it broke.
pub const CONNECT_MS: u64 = 30_000;
/// Calls that are remembered as ended.
pub const ENDED_MAX: usize = 32;
/// Devices that ring, counted at most.
const RINGING_MAX: usize = 16;

/// What the user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// Call. The id is fresh and random.
    Call {
        /// The new call's name.
        call: CallId,
        /// With what.
        media: Media,
    },
    /// Pick up what rings.
    Accept,
    /// Refuse what rings.
    Decline,
    /// This device cannot take calls; others may.
    Unable,
    /// End the call, whatever became of it.
    HangUp,
}

/// What the shell does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Say this to all.
    Say(CallId, Signal),
    /// Ring for a call that came.
    Ring(CallId, Media),
    /// Ring no more.
    Silence(CallId),
    /// Set up media with a device.
    Connect(CallId, DeviceId),
    /// Take media down.
    Disconnect(CallId),
    /// Show what became of a call. Once for each call.
    Note(Record),
}

/// What became of a call, for the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Which one.
    pub call: CallId,
    /// Who called.
    pub caller: Claim,
    /// With what.
    pub media: Media,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Somebody talked for so long.
    Talked {
        /// Milliseconds since it was answered, as this device heard it.
        ms: u64,
    },
    /// Another device of ours took or made it.
    Elsewhere,
    /// Nobody picked up.
    Unanswered,
    /// Somebody said no.
    Declined,
    /// The other side was in a call.
    Busy,
    /// It was answered, but never connected, or no device was able to.
    Failed,
    /// Both called at once; the other call went on.
    Crossed,
}

/// Where the present call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// This device calls.
    Calling,
    /// This device rings.
    Ringing,
    /// This device was picked up; whether it was the first is not heard yet.
    Answering,
    /// Another device of ours calls or talks.
    Elsewhere,
    /// This device sets up media with another.
    Connecting(DeviceId),
    /// Media flows between this device and another.
    Talking(DeviceId),
}

struct Call {
    id: CallId,
    media: Media,
    caller: Sender,
    state: State,
    /// When patience is over.
    until_ms: u64,
    /// The other side's device that answered, or ours if it rings elsewhere.
    answered: Option<(DeviceId, u64)>,
    ringing: BTreeSet<DeviceId>,
    refusal: Option<RefusalReason>,
    was_connected: bool,
}

/// See the module's page.
pub struct Machine {
    me: DeviceId,
    call: Option<Call>,
    ended: VecDeque<CallId>,
    effects: Vec<Effect>,
}

impl Machine {
    /// A device in a conversation without a call.
    pub fn new(me: DeviceId) -> Self {
        Self { me, call: None, ended: VecDeque::new(), effects: Vec::new() }
    }

    /// What is to be done, in order.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// The present call.
    pub fn state(&self) -> Option<(CallId, State)> {
        self.call.as_ref().map(|call| (call.id, call.state))
    }

    /// When [`Self::tick`] has something to do.
    pub fn wake_ms(&self) -> Option<u64> {
        self.call.as_ref().filter(|call| call.until_ms < u64::MAX).map(|call| call.until_ms)
    }

    /// Takes what the user wants; what makes no sense now (a second call, picking up nothing) changes nothing.
    pub fn want(&mut self, now_ms: u64, intent: Intent) {
        let state = self.call.as_ref().map(|call| call.state);
        match (intent, state) {
            (Intent::Call { call, media }, None) if !self.ended.contains(&call) => {
                let caller = Sender { device: self.me, side: Claim::Ours };
                self.call = Some(Call::new(call, media, caller, State::Calling, now_ms.saturating_add(RING_MS)));
                self.say(Signal::Offer { media });
            }
            (Intent::Accept, Some(State::Ringing)) => self.answer(now_ms),
            (Intent::Decline, Some(State::Ringing)) => {
                self.say(Signal::Decline(RefusalReason::Declined));
                self.end(now_ms, Outcome::Declined);
            }
            (Intent::Unable, Some(State::Ringing)) => {
                self.say(Signal::Decline(RefusalReason::Unable));
                self.end(now_ms, Outcome::Failed);
            }
            (Intent::HangUp, Some(State::Calling)) => {
                self.say(Signal::HangUp(EndReason::HungUp));
                self.end(now_ms, Outcome::Unanswered);
            }
            (Intent::HangUp, Some(State::Answering | State::Connecting(_) | State::Talking(_))) => {
                self.say(Signal::HangUp(EndReason::HungUp));
                self.end_answered(now_ms);
            }
            (Intent::Call { .. } | Intent::Accept | Intent::Decline | Intent::Unable | Intent::HangUp, _) => {}
        }
    }

    /// Takes a signal in lane order, this device's own ones too. `age_ms`: how old it is by its sender's clock.
    /// `is_elsewhere_busy`: this device is in a call of another conversation.
    pub fn hear(
        &mut self,
        now_ms: u64,
        sender: Sender,
        id: CallId,
        signal: Signal,
        age_ms: u64,
        is_elsewhere_busy: bool,
    ) {
        if let Signal::Offer { media } = signal {
            return self.hear_offer(now_ms, sender, Offer { id, media, age_ms, is_elsewhere_busy });
        }
        let Some(call) = self.call.as_mut().filter(|call| call.id == id) else { return };
        let is_callers = sender == call.caller;
        let is_callees = sender.side != call.caller.side;
        match signal {
            Signal::Ringing if is_callees && call.answered.is_none() && call.ringing.len() < RINGING_MAX => {
                call.ringing.insert(sender.device);
                if call.refusal.take().is_some() && call.state == State::Calling {
                    call.until_ms = now_ms.saturating_add(RING_MS);
                }
            }
            Signal::Answer if is_callees && call.answered.is_none() => self.hear_answer(now_ms, sender),
            Signal::Decline(reason) if is_callees && call.answered.is_none() => {
                self.hear_decline(now_ms, sender, reason);
            }
            // Only the two who talk end a call; before, only the caller. A late word of anybody else changes nothing.
            Signal::HangUp(reason) => {
                let is_answerers = call.answered.is_some_and(|(device, _)| is_callees && device == sender.device);
                if is_callers || is_answerers {
                    self.hear_hang_up(now_ms, reason);
                }
            }
            Signal::Offer { .. } | Signal::Ringing | Signal::Answer | Signal::Decline(_) => {}
        }
    }

    /// Media flows.
    pub fn media_connected(&mut self, id: CallId) {
        let Some(call) = self.call.as_mut().filter(|call| call.id == id) else { return };
        if let State::Connecting(with) | State::Talking(with) = call.state {
            call.state = State::Talking(with);
            call.was_connected = true;
            call.until_ms = u64::MAX;
        }
    }

    /// Media broke; it may come back on another network.
    pub fn media_lost(&mut self, now_ms: u64, id: CallId) {
        let Some(call) = self.call.as_mut().filter(|call| call.id == id) else { return };
        if let State::Talking(_) = call.state {
            call.until_ms = now_ms.saturating_add(CONNECT_MS);
        }
    }

    /// Ends what waited too long.
    pub fn tick(&mut self, now_ms: u64) {
        let Some(call) = self.call.as_ref().filter(|call| now_ms >= call.until_ms) else { return };
        match call.state {
            State::Calling => {
                let outcome = match call.refusal {
                    Some(RefusalReason::Busy) => Outcome::Busy,
                    Some(RefusalReason::Unable) => Outcome::Failed,
                    Some(RefusalReason::Declined) | None => Outcome::Unanswered,
                };
                self.say(Signal::HangUp(EndReason::NoAnswer));
                self.end(now_ms, outcome);
            }
            State::Ringing => self.end(now_ms, Outcome::Unanswered),
            State::Elsewhere => self.end(now_ms, Outcome::Elsewhere),
            State::Answering | State::Connecting(_) | State::Talking(_) => {
                self.say(Signal::HangUp(EndReason::Lost));
                self.end_answered(now_ms);
            }
        }
    }

    fn hear_offer(&mut self, now_ms: u64, caller: Sender, offer: Offer) {
        let Offer { id, media, age_ms, is_elsewhere_busy } = offer;
        let is_known = self.ended.contains(&id) || self.call.as_ref().is_some_and(|call| call.id == id);
        if is_known || caller.device == self.me {
            return;
        }
        if age_ms > OFFER_AGE_MS_MAX {
            let outcome = if caller.side == Claim::Ours { Outcome::Elsewhere } else { Outcome::Unanswered };
            return self.note_without_ringing(Record { call: id, caller: caller.side, media, outcome });
        }
        let crossing = self.call.as_ref().map(|call| (call.id, call.is_open(), call.caller.side, call.state));
        match crossing {
            None => {}
            // Both sides called at once: the lower id is the call, and whoever loses has picked it up already.
            Some((present, true, side, state)) if side != caller.side => {
                if present < id {
                    return self.note_without_ringing(Record {
                        call: id,
                        caller: caller.side,
                        media,
                        outcome: Outcome::Crossed,
                    });
                }
                let was_calling = state == State::Calling;
                self.end(now_ms, Outcome::Crossed);
                self.begin(now_ms, id, media, caller);
                if was_calling {
                    self.answer(now_ms);
                }
                return;
            }
            Some(_) => {
                return self.refuse_second(Record { call: id, caller: caller.side, media, outcome: Outcome::Busy });
            }
        }
        if is_elsewhere_busy && caller.side == Claim::Theirs {
            return self.refuse_second(Record { call: id, caller: caller.side, media, outcome: Outcome::Busy });
        }
        self.begin(now_ms, id, media, caller);
    }

    /// A call comes: it rings, or another device of ours makes it.
    fn begin(&mut self, now_ms: u64, id: CallId, media: Media, caller: Sender) {
        let state = if caller.side == Claim::Ours { State::Elsewhere } else { State::Ringing };
        self.call = Some(Call::new(id, media, caller, state, now_ms.saturating_add(RING_MS_MAX)));
        if state == State::Ringing {
            self.effects.push(Effect::Ring(id, media));
            self.say(Signal::Ringing);
        }
    }

    /// A second call while there is one: this device will not ring, others may.
    fn refuse_second(&mut self, record: Record) {
        if record.caller == Claim::Theirs {
            self.effects.push(Effect::Say(record.call, Signal::Decline(RefusalReason::Busy)));
            return self.note_without_ringing(record);
        }
        self.note_without_ringing(Record { outcome: Outcome::Elsewhere, ..record });
    }

    fn note_without_ringing(&mut self, record: Record) {
        self.remember(record.call);
        self.effects.push(Effect::Note(record));
    }

    fn answer(&mut self, now_ms: u64) {
        self.say(Signal::Answer);
        if let Some(call) = &mut self.call {
            call.state = State::Answering;
            call.until_ms = now_ms.saturating_add(CONNECT_MS);
            self.effects.push(Effect::Silence(call.id));
        }
    }

    /// The first answer in lane order is the answer, for everybody.
    fn hear_answer(&mut self, now_ms: u64, sender: Sender) {
        let me = self.me;
        let Some(call) = &mut self.call else { return };
        call.answered = Some((sender.device, now_ms));
        match call.state {
            State::Calling => {
                call.state = State::Connecting(sender.device);
                call.until_ms = now_ms.saturating_add(CONNECT_MS);
                self.effects.push(Effect::Connect(call.id, sender.device));
            }
            State::Answering if sender.device == me => {
                let with = call.caller.device;
                call.state = State::Connecting(with);
                call.until_ms = now_ms.saturating_add(CONNECT_MS);
                self.effects.push(Effect::Connect(call.id, with));
            }
            // Another device of ours was quicker, or another of ours called and was answered: until it hangs up.
            State::Answering | State::Ringing | State::Elsewhere => {
                if call.state == State::Ringing {
                    self.effects.push(Effect::Silence(call.id));
                }
                call.state = State::Elsewhere;
                call.until_ms = u64::MAX;
                // Nothing here depends on its end: the device is free for other calls.
                self.end(now_ms, Outcome::Elsewhere);
            }
            State::Connecting(_) | State::Talking(_) => {}
        }
    }

    fn hear_decline(&mut self, now_ms: u64, sender: Sender, reason: RefusalReason) {
        let Some(call) = &mut self.call else { return };
        match (reason, call.state) {
            (RefusalReason::Declined, State::Answering) if sender.device != self.me => {
                // It came before our answer did: no for all of us.
                self.end(now_ms, Outcome::Declined);
            }
            (RefusalReason::Declined, State::Calling | State::Ringing | State::Elsewhere) => {
                let outcome = if call.state == State::Elsewhere { Outcome::Elsewhere } else { Outcome::Declined };
                self.end(now_ms, outcome);
            }
            (RefusalReason::Busy | RefusalReason::Unable, State::Calling) => {
                call.ringing.remove(&sender.device);
                if call.ringing.is_empty() && call.refusal.is_none() {
                    call.until_ms = call.until_ms.min(now_ms.saturating_add(BUSY_MS));
                }
                if call.refusal != Some(RefusalReason::Busy) && call.ringing.is_empty() {
                    call.refusal = Some(reason);
                }
            }
            (RefusalReason::Declined | RefusalReason::Busy | RefusalReason::Unable, _) => {}
        }
    }

    fn hear_hang_up(&mut self, now_ms: u64, reason: EndReason) {
        let Some(call) = &self.call else { return };
        match call.state {
            State::Calling | State::Ringing => self.end(now_ms, Outcome::Unanswered),
            State::Elsewhere => self.end(now_ms, Outcome::Elsewhere),
            State::Answering if reason == EndReason::NoAnswer => self.end(now_ms, Outcome::Unanswered),
            State::Answering | State::Connecting(_) | State::Talking(_) => self.end_answered(now_ms),
        }
    }

    fn end_answered(&mut self, now_ms: u64) {
        let Some(call) = &self.call else { return };
        let outcome = match call.answered {
            Some((_, since_ms)) if call.was_connected => Outcome::Talked { ms: now_ms.saturating_sub(since_ms) },
            Some(_) => Outcome::Failed,
            None => Outcome::Unanswered,
        };
        self.end(now_ms, outcome);
    }

    fn end(&mut self, _now_ms: u64, outcome: Outcome) {
        let Some(call) = self.call.take() else { return };
        match call.state {
            State::Ringing => self.effects.push(Effect::Silence(call.id)),
            State::Connecting(_) | State::Talking(_) => self.effects.push(Effect::Disconnect(call.id)),
            State::Calling | State::Answering | State::Elsewhere => {}
        }
        self.remember(call.id);
        let (caller, media) = (call.caller.side, call.media);
        self.effects.push(Effect::Note(Record { call: call.id, caller, media, outcome }));
    }

    fn remember(&mut self, call: CallId) {
        if self.ended.len() == ENDED_MAX {
            self.ended.pop_front();
        }
        self.ended.push_back(call);
    }

    fn say(&mut self, signal: Signal) {
        if let Some(call) = &self.call {
            self.effects.push(Effect::Say(call.id, signal));
        }
    }
}

/// A call that comes.
struct Offer {
    id: CallId,
    media: Media,
    age_ms: u64,
    is_elsewhere_busy: bool,
}

impl Call {
    fn new(id: CallId, media: Media, caller: Sender, state: State, until_ms: u64) -> Self {
        Self {
            id,
            media,
            caller,
            state,
            until_ms,
            answered: None,
            ringing: BTreeSet::new(),
            refusal: None,
            was_connected: false,
        }
    }

    /// Nobody answered it yet, nor is about to.
    fn is_open(&self) -> bool {
        self.answered.is_none() && self.state != State::Answering
    }
}
