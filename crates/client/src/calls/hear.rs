//! Signals in, in lane order; what the machine decides out.

use super::session::{CANDIDATES_HELD_MAX, RINGING_MAX, Session};
use super::{Calls, Deeds, Want};
use crate::timeline::{CallEntry, CallOutcome};
use calls::call::{Claim, Effect, EndReason, Media, Outcome, Record, RefusalReason, Sender, Signal, State};
use protocol::call::CallPsk;
use protocol::content::{Call, CallSignal, DeclineReason, Description, HangUpReason, Kind};
use protocol::event::{CallHeard, ConversationId, Link};
use protocol::{CallOf, Device};
use rand_core::CryptoRng;
use wire::id::{CallId, DeviceId};
use wire::limit::CALL_CANDIDATES_MAX;

/// What one turn works with.
pub(super) struct Turn<'a> {
    pub(super) now_ms: u64,
    pub(super) device: &'a Device,
    pub(super) rng: &'a mut dyn CryptoRng,
    pub(super) deeds: Deeds,
}

/// Where the signal was heard, as far as a new session needs it.
pub(super) struct Place {
    pub(super) conversation: ConversationId,
    pub(super) link: Link,
}

/// What came with the signal that the machine has just heard.
#[derive(Default)]
struct Came {
    description: Option<Description>,
    psk: Option<CallPsk>,
}

pub(super) fn say(call_id: CallId, conversation: ConversationId, signal: CallSignal) -> (CallId, ConversationId, Kind) {
    (call_id, conversation, Kind::Call(Call { call_id, signal }))
}

fn media_of(description: &Description) -> Media {
    if description.has_video { Media::Video } else { Media::Audio }
}

impl Calls {
    /// Takes a signal of a conversation of two.
    pub(super) fn hear(&mut self, turn: &mut Turn<'_>, place: &Place, heard: CallHeard) {
        let CallHeard { conversation, sender, sent_ms, call, psk, is_live, epoch: _, members: _ } = heard;
        let Call { call_id, signal } = call;
        let me = turn.device.identity();
        let side = if sender.account_id == me.account_id { Claim::Ours } else { Claim::Theirs };
        let speaker = Sender { device: sender.device_id, side };
        let mut came = Came { description: None, psk };
        let is_present = self.session.as_ref().is_some_and(|session| session.call_id == call_id);
        let session = self.session.as_mut().filter(|session| session.call_id == call_id);
        let is_peers = session.as_ref().is_some_and(|session| session.peer == Some(sender.device_id));
        let signal = match signal {
            CallSignal::Offer(description) => {
                if let Some(session) = session.filter(|_| is_peers) {
                    // They talk already, and describe themselves anew.
                    session.described(description);
                    session.want = Some(Want::Answer);
                    turn.deeds.is_changed = true;
                    return;
                }
                let media = media_of(&description);
                came.description = Some(description);
                Signal::Offer { media }
            }
            CallSignal::Answer(description) => {
                if let Some(session) = session.filter(|_| is_peers) {
                    session.described(description);
                    // If both offered at once, theirs is not to be answered any more.
                    session.want = None;
                    turn.deeds.is_changed = true;
                    return;
                }
                came.description = Some(description);
                Signal::Answer
            }
            CallSignal::Ringing { key_package } => {
                if let Some(session) = session.filter(|session| session.is_outgoing && side == Claim::Theirs)
                    && session.key_packages.len() < RINGING_MAX
                {
                    session.key_packages.insert(sender.device_id, key_package);
                    turn.deeds.is_changed = true;
                }
                Signal::Ringing
            }
            CallSignal::Candidates { to, candidates, .. } => {
                if let Some(session) = session.filter(|_| is_peers && to == me.device_id) {
                    let room = CANDIDATES_HELD_MAX.saturating_sub(session.candidates.len());
                    session.candidates.extend(candidates.into_iter().take(room));
                    turn.deeds.is_changed = true;
                }
                return;
            }
            CallSignal::Keys { to, welcome, tree } => {
                if is_peers && to == me.device_id {
                    self.join(turn, &welcome, &tree);
                }
                return;
            }
            CallSignal::Decline { reason, text } => {
                if let Some(session) = session.filter(|_| reason == DeclineReason::Declined) {
                    session.text = text;
                }
                Signal::Decline(match reason {
                    DeclineReason::Declined => RefusalReason::Declined,
                    DeclineReason::Busy => RefusalReason::Busy,
                    DeclineReason::Unable => RefusalReason::Unable,
                })
            }
            CallSignal::HangUp { reason } => Signal::HangUp(match reason {
                HangUpReason::HungUp => EndReason::HungUp,
                HangUpReason::NoAnswer => EndReason::NoAnswer,
                HangUpReason::Lost => EndReason::Lost,
            }),
            CallSignal::UnderWay(_)
            | CallSignal::Join { .. }
            | CallSignal::Commit(_)
            | CallSignal::Leave
            | CallSignal::Over
            | CallSignal::Unknown => return,
        };
        let is_elsewhere = self.session.as_ref().is_some_and(|session| session.conversation != conversation);
        let is_elsewhere_busy = !is_present && (is_elsewhere || self.many.own.is_some());
        // What the node has just pushed was said just now, whatever either clock says.
        let age_ms = if is_live { 0 } else { turn.now_ms.saturating_sub(sent_ms) };
        let machine = self.machine(me.device_id, conversation);
        machine.hear(turn.now_ms, speaker, call_id, signal, age_ms, is_elsewhere_busy);
        self.follow(turn, place, came);
    }

    /// Does what the machine of a conversation decided.
    fn follow(&mut self, turn: &mut Turn<'_>, place: &Place, mut came: Came) {
        let me = turn.device.identity().device_id;
        let effects = self.machine(me, place.conversation).take_effects();
        for effect in effects {
            turn.deeds.is_changed = true;
            match effect {
                Effect::Ring(call_id, media) => {
                    let mut session = Session::new(place.conversation, call_id, false, media, place.link.clone());
                    if let Some(description) = came.description.take() {
                        session.described(description);
                    }
                    self.session = Some(session);
                }
                Effect::Say(call_id, signal) => self.say(turn, place, call_id, signal),
                Effect::Connect(call_id, peer) => self.connect(turn, call_id, peer, std::mem::take(&mut came)),
                Effect::Silence(_) | Effect::Disconnect(_) => {}
                Effect::Note(record) => self.note(turn, place, record),
            }
        }
    }

    /// Follows without a signal: an intent, or time.
    pub(super) fn follow_own(&mut self, turn: &mut Turn<'_>, place: &Place) {
        self.follow(turn, place, Came::default());
    }

    fn say(&mut self, turn: &mut Turn<'_>, place: &Place, call_id: CallId, signal: Signal) {
        let session = self.session.as_mut().filter(|session| session.call_id == call_id);
        let said = match signal {
            // The shell describes these first.
            Signal::Offer { .. } | Signal::Answer => {
                if let Some(session) = session {
                    session.want = Some(if signal == Signal::Answer { Want::Answer } else { Want::Offer });
                }
                return;
            }
            Signal::Ringing => {
                let (Some(session), Ok(invitee)) = (session, turn.device.call_invitee(turn.rng)) else { return };
                let key_package = invitee.key_package().to_vec().into();
                session.invitee = Some(invitee);
                CallSignal::Ringing { key_package }
            }
            Signal::Decline(reason) => CallSignal::Decline {
                reason: match reason {
                    RefusalReason::Declined => DeclineReason::Declined,
                    RefusalReason::Busy => DeclineReason::Busy,
                    RefusalReason::Unable => DeclineReason::Unable,
                },
                text: session.map_or_else(String::new, |session| session.text.clone()),
            },
            Signal::HangUp(reason) => {
                // Nobody heard of a call that was never described.
                if session.is_some_and(|session| session.is_outgoing && !session.is_described) {
                    return;
                }
                CallSignal::HangUp {
                    reason: match reason {
                        EndReason::HungUp => HangUpReason::HungUp,
                        EndReason::NoAnswer => HangUpReason::NoAnswer,
                        EndReason::Lost => HangUpReason::Lost,
                    },
                }
            }
        };
        turn.deeds.says.push(say(call_id, place.conversation, said));
    }

    fn connect(&mut self, turn: &mut Turn<'_>, call_id: CallId, peer: DeviceId, came: Came) {
        let Some(session) = self.session.as_mut().filter(|session| session.call_id == call_id) else { return };
        session.peer = Some(peer);
        session.answered_ms = Some(turn.now_ms);
        session.psk = came.psk;
        if session.is_outgoing {
            if let Some(description) = came.description {
                session.described(description);
            }
            let of = CallOf {
                call_id,
                conversation: session.conversation,
                peer,
                psk: match &session.psk {
                    Some(psk) => psk,
                    None => return,
                },
            };
            let Some(key_package) = session.key_packages.get(&peer) else { return };
            if let Ok(made) = turn.device.call_make(turn.rng, of, key_package) {
                let keys = CallSignal::Keys { to: peer, welcome: made.welcome.into(), tree: made.tree.into() };
                turn.deeds.says.push(say(call_id, session.conversation, keys));
                session.keys = Some(made.keys);
            }
        }
        session.key_packages.clear();
        let (candidates, is_complete) = (std::mem::take(&mut session.own_candidates), session.is_own_complete);
        say_candidates(turn, session, candidates, is_complete);
    }

    /// The caller takes us into the call's group. Without it media never flows, and the call ends as lost.
    fn join(&mut self, turn: &mut Turn<'_>, welcome: &[u8], tree: &[u8]) {
        let Some(session) = &mut self.session else { return };
        let (Some(peer), Some(psk), Some(invitee), false) =
            (session.peer, &session.psk, session.invitee.take(), session.is_outgoing)
        else {
            return;
        };
        let of = CallOf { call_id: session.call_id, conversation: session.conversation, peer, psk };
        if let Ok(keys) = turn.device.call_join(turn.rng, of, &invitee, welcome, tree) {
            session.keys = Some(keys);
            turn.deeds.is_changed = true;
        }
    }

    fn note(&mut self, turn: &mut Turn<'_>, place: &Place, record: Record) {
        let ended = self.session.take_if(|session| session.call_id == record.call);
        turn.deeds.over.push(record.call);
        let (outcome, ms) = match record.outcome {
            Outcome::Talked { ms } => (CallOutcome::Talked, ms),
            Outcome::Elsewhere => (CallOutcome::Elsewhere, 0),
            Outcome::Unanswered => (CallOutcome::Unanswered, 0),
            Outcome::Declined => (CallOutcome::Declined, 0),
            Outcome::Busy => (CallOutcome::Busy, 0),
            Outcome::Failed => (CallOutcome::Failed, 0),
            // The other one of the two calls is shown.
            Outcome::Crossed => return,
        };
        let entry = CallEntry {
            is_outgoing: record.caller == Claim::Ours,
            has_video: record.media == Media::Video,
            // To whom it came, a call that found them busy is one that they missed.
            outcome: if outcome == CallOutcome::Busy && record.caller == Claim::Theirs {
                CallOutcome::Unanswered
            } else {
                outcome
            },
            seconds: u32::try_from(ms / 1_000).unwrap_or(u32::MAX),
            text: ended.map_or_else(String::new, |session| session.text),
            group: None,
        };
        turn.deeds.notes.push((place.conversation, record.call, entry));
    }

    /// Whether this device is in a call, or rings.
    pub(super) fn present(&self) -> Option<(&Session, State)> {
        let session = self.session.as_ref()?;
        let (_, state) = self.machines.get(&session.conversation)?.state()?;
        Some((session, state))
    }
}

/// Sends our candidates to whom we talk to, as many in a signal as fit.
pub(super) fn say_candidates(turn: &mut Turn<'_>, session: &Session, candidates: Vec<String>, is_complete: bool) {
    let Some(to) = session.peer else { return };
    if candidates.is_empty() && !is_complete {
        return;
    }
    let mut parts: Vec<Vec<String>> = candidates.chunks(CALL_CANDIDATES_MAX).map(<[String]>::to_vec).collect();
    if parts.is_empty() {
        parts.push(Vec::new());
    }
    let last = parts.len();
    for (number, candidates) in (1..).zip(parts) {
        let signal = CallSignal::Candidates { to, candidates, is_complete: is_complete && number == last };
        turn.deeds.says.push(say(session.call_id, session.conversation, signal));
    }
}
