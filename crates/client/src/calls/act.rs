//! What a user wants of calls, and what the shell tells of media.

use super::hear::{Place, Turn, say, say_candidates};
use super::many::Item;
use super::session::{CANDIDATES_HELD_MAX, Session};
use super::{CallRefusal, CallView, Deeds, Want};
use crate::engine::{Engine, EngineError, Output};
use crate::timeline::{CallEntry, CallOutcome, Change, ConversationSummary};
use calls::call::{Intent, Media};
use protocol::call::CallKeys;
use protocol::content::{Call, CallSignal, Description, HangUpReason, Kind};
use protocol::event::{CallHeard, ConversationId, ConversationState, Link, LinkKind};
use protocol::identity::NodeUrl;
use wire::id::CallId;

/// What a session's end, or a turn, is reported by.
type Done = Result<Output, EngineError>;

/// What was heard, with what the conversation says of it.
enum Spoken {
    Direct(Place, Box<CallHeard>),
    Group(bool, Item),
}

fn place_of(summary: &ConversationSummary) -> Option<Place> {
    let node_url = NodeUrl::parse(&summary.node_url).ok()?;
    Some(Place { conversation: summary.id, link: Link { node_url, kind: LinkKind::Lanes } })
}

fn may_call(summary: &ConversationSummary) -> bool {
    summary.is_direct
        && !summary.is_blocked
        && summary.peer.is_some()
        && matches!(summary.state, ConversationState::Active | ConversationState::Suspect)
}

impl Engine {
    /// Calls the other side of a conversation of two. What to say comes with [`Self::call_describe`].
    ///
    /// # Errors
    /// [`EngineError::Call`]: nothing was changed.
    pub fn call_start(
        &mut self,
        now_ms: u64,
        conversation: ConversationId,
        has_video: bool,
    ) -> Result<(CallId, Output), EngineError> {
        let summary = self.timeline().conversation(&conversation)?.ok_or(CallRefusal::NotReachable)?;
        if !summary.is_direct {
            return Err(CallRefusal::NotDirect.into());
        }
        let place = place_of(&summary).filter(|_| may_call(&summary)).ok_or(CallRefusal::NotReachable)?;
        let is_elsewhere = self.calls.machines.get(&conversation).is_some_and(|machine| machine.state().is_some());
        if self.calls.session.is_some() || self.calls.many.own.is_some() || is_elsewhere {
            return Err(CallRefusal::InCall.into());
        }
        let mut call_id = CallId([0; 16]);
        self.rng.fill_bytes(&mut call_id.0);
        let media = if has_video { Media::Video } else { Media::Audio };
        self.calls.session = Some(Session::new(conversation, call_id, true, media, place.link.clone()));
        let output = self.turn(now_ms, |calls, turn| {
            let me = turn.device.identity().device_id;
            calls.machine(me, conversation).want(turn.now_ms, Intent::Call { call: call_id, media });
            calls.follow_own(turn, &place);
        })?;
        Ok((call_id, output))
    }

    /// Picks up what rings.
    ///
    /// # Errors
    /// [`CallRefusal::Over`].
    pub fn call_accept(&mut self, now_ms: u64, call_id: CallId) -> Done {
        self.want(now_ms, call_id, Intent::Accept, String::new())
    }

    /// Refuses what rings, with a word or none.
    ///
    /// # Errors
    /// [`CallRefusal::Over`]; [`EngineError::Content`] for a text over 500 bytes.
    pub fn call_decline(&mut self, now_ms: u64, call_id: CallId, text: String) -> Done {
        let limit = wire::limit::NOTE_BYTES_MAX;
        if text.len() > limit {
            return Err(wire::Malformed::TooLong { field: "text", limit, found: text.len() }.into());
        }
        self.want(now_ms, call_id, Intent::Decline, text)
    }

    /// Says that this device cannot take the call that rings; others may.
    ///
    /// # Errors
    /// [`CallRefusal::Over`].
    pub fn call_unable(&mut self, now_ms: u64, call_id: CallId) -> Done {
        self.want(now_ms, call_id, Intent::Unable, String::new())
    }

    /// Ends the call: hangs up, or refuses what rings.
    ///
    /// # Errors
    /// What the database says. A call that is over already is no error.
    pub fn call_hang_up(&mut self, now_ms: u64, call_id: CallId) -> Done {
        match self.want(now_ms, call_id, Intent::HangUp, String::new()) {
            Err(EngineError::Call(CallRefusal::Over)) => Ok(Output::default()),
            result => result,
        }
    }

    fn want(&mut self, now_ms: u64, call_id: CallId, intent: Intent, text: String) -> Done {
        let place = self.place(call_id)?;
        if let Some(session) = &mut self.calls.session {
            session.text = text;
        }
        self.turn(now_ms, |calls, turn| {
            let me = turn.device.identity().device_id;
            calls.machine(me, place.conversation).want(turn.now_ms, intent);
            calls.follow_own(turn, &place);
        })
    }

    /// Says what this side offers or answers with; also while they talk, when its way changed.
    ///
    /// # Errors
    /// [`CallRefusal::Over`]; [`EngineError::Content`] where it breaks a limit.
    pub fn call_describe(&mut self, now_ms: u64, call_id: CallId, kind: Want, description: Description) -> Done {
        let place = self.place(call_id)?;
        let (signal, may_direct) = (description.clone(), description.may_direct);
        let signal = match kind {
            Want::Offer => CallSignal::Offer(signal),
            Want::Answer => CallSignal::Answer(signal),
        };
        // A description that breaks a limit is refused before anything changes.
        let call = Call { call_id, signal };
        protocol::content::Content { sent_ms: now_ms, timer_s: 0, kind: Kind::Call(call.clone()) }.encode()?;
        let Some(session) = self.calls.session.as_mut() else { return Err(CallRefusal::Over.into()) };
        let is_due = session.want == Some(kind) || (kind == Want::Offer && session.peer.is_some());
        if !is_due {
            return Err(CallRefusal::Over.into());
        }
        session.want = None;
        session.is_described = true;
        session.own_may_direct = may_direct;
        self.turn(now_ms, |_, turn| {
            turn.deeds.is_changed = true;
            turn.deeds.says.push(say(call_id, place.conversation, call.signal));
        })
    }

    /// Says by which ways this side can be reached.
    ///
    /// # Errors
    /// [`CallRefusal::Over`].
    pub fn call_candidates(
        &mut self,
        now_ms: u64,
        call_id: CallId,
        candidates: Vec<String>,
        is_complete: bool,
    ) -> Done {
        self.place(call_id)?;
        self.turn(now_ms, |calls, turn| {
            let Some(session) = &mut calls.session else { return };
            session.is_own_complete |= is_complete;
            if session.peer.is_some() {
                say_candidates(turn, session, candidates, is_complete);
            } else {
                let room = CANDIDATES_HELD_MAX.saturating_sub(session.own_candidates.len());
                session.own_candidates.extend(candidates.into_iter().take(room));
            }
        })
    }

    /// Media flows, or broke.
    ///
    /// # Errors
    /// [`CallRefusal::Over`].
    pub fn call_media(&mut self, now_ms: u64, call_id: CallId, is_flowing: bool) -> Done {
        let place = self.place(call_id)?;
        self.turn(now_ms, |calls, turn| {
            let me = turn.device.identity().device_id;
            let machine = calls.machine(me, place.conversation);
            if is_flowing {
                machine.media_connected(call_id);
            } else {
                machine.media_lost(turn.now_ms, call_id);
            }
            turn.deeds.is_changed = true;
        })
    }

    /// The call that is under way.
    pub fn call(&self) -> Option<CallView<'_>> {
        let (session, state) = self.calls.present()?;
        session.view(state)
    }

    /// The keys of the call that is under way: for its media alone.
    pub fn call_keys(&self, call_id: CallId) -> Option<&CallKeys> {
        self.calls.session.as_ref().filter(|session| session.call_id == call_id)?.keys.as_ref()
    }

    fn place(&self, call_id: CallId) -> Result<Place, EngineError> {
        let session = self.calls.session.as_ref().filter(|session| session.call_id == call_id);
        let session = session.ok_or(CallRefusal::Over)?;
        Ok(Place { conversation: session.conversation, link: session.link.clone() })
    }

    /// Notes the calls that were under way when the program ended, and says that they are over.
    pub(crate) fn lose_open_calls(&mut self, now_ms: u64) -> Result<(), EngineError> {
        let lost = self.timeline().open_calls()?;
        if lost.is_empty() {
            return Ok(());
        }
        self.edit(now_ms, |timeline, changes| {
            for open in &lost {
                let (conversation, call_id) = (ConversationId(open.conversation), CallId(open.call_id));
                let outcome = if open.is_answered { CallOutcome::Failed } else { CallOutcome::Unanswered };
                let entry = CallEntry {
                    is_outgoing: open.is_outgoing,
                    has_video: open.has_video,
                    outcome,
                    seconds: 0,
                    text: String::new(),
                    group: None,
                };
                timeline.add_call(&conversation, &call_id, &entry, now_ms, changes)?;
                timeline.forget_open_call(&call_id)?;
            }
            Ok(())
        })?;
        for open in lost.iter().filter(|open| open.is_outgoing || open.is_answered) {
            let signal = CallSignal::HangUp { reason: HangUpReason::Lost };
            let call = Call { call_id: CallId(open.call_id), signal };
            self.calls.left.push((ConversationId(open.conversation), Kind::Call(call)));
        }
        Ok(())
    }

    /// Does what came for calls, and what is due.
    pub(crate) fn run_calls(&mut self, now_ms: u64, output: &mut Output) -> Result<(), EngineError> {
        let heard: Vec<Item> = self.calls.heard.drain(..).collect();
        let mut more = Vec::new();
        if !heard.is_empty() || !self.calls.left.is_empty() {
            let left = std::mem::take(&mut self.calls.left);
            let mut places = Vec::with_capacity(heard.len());
            for item in heard {
                let id = match &item {
                    Item::Heard(heard) => heard.conversation,
                    Item::Moved(conversation, _) => *conversation,
                };
                let summary = self.timeline().conversation(&id)?;
                match (item, summary) {
                    (Item::Heard(heard), Some(summary)) if summary.is_direct => {
                        if let Some(place) = place_of(&summary).filter(|_| may_call(&summary)) {
                            places.push(Spoken::Direct(place, heard));
                        }
                    }
                    (item, Some(summary)) if !summary.is_direct => {
                        places.push(Spoken::Group(self.may_ring(now_ms, &item)?, item));
                    }
                    _ => {}
                }
            }
            more.push(self.turn(now_ms, |calls, turn| {
                let left = left.into_iter().map(|(conversation, kind)| (CallId([0; 16]), conversation, kind));
                turn.deeds.says.extend(left);
                for spoken in places {
                    match spoken {
                        Spoken::Direct(place, heard) => calls.hear(turn, &place, *heard),
                        Spoken::Group(may_ring, item) => calls.take_item(turn, may_ring, item),
                    }
                }
            })?);
        }
        for conversation in self.calls.due(now_ms) {
            let summary = self.timeline().conversation(&conversation)?;
            let Some(place) = summary.as_ref().and_then(place_of) else {
                self.calls.forget(conversation);
                continue;
            };
            more.push(self.turn(now_ms, |calls, turn| {
                let me = turn.device.identity().device_id;
                calls.machine(me, place.conversation).tick(turn.now_ms);
                calls.follow_own(turn, &place);
            })?);
        }
        for conversation in self.calls.many.due(now_ms) {
            let is_known = self.timeline().conversation(&conversation)?.is_some();
            more.push(self.turn(now_ms, |calls, turn| {
                if is_known {
                    calls.tick_group(turn, conversation);
                } else {
                    calls.forget_group(turn, conversation);
                }
            })?);
        }
        output.outgoing.extend(self.calls.many.take_outgoing());
        for part in more {
            output.outgoing.extend(part.outgoing);
            output.changes.extend(part.changes);
            output.outcomes.extend(part.outcomes);
        }
        Ok(())
    }

    /// Lets calls take a turn, and writes down and says in one transaction what came of it.
    pub(super) fn turn(&mut self, now_ms: u64, work: impl FnOnce(&mut super::Calls, &mut Turn<'_>)) -> Done {
        let mut turn = Turn { now_ms, device: &self.device, rng: self.rng.as_mut(), deeds: Deeds::default() };
        work(&mut self.calls, &mut turn);
        let Deeds { mut says, notes, over, kept, is_changed } = turn.deeds;
        // What is over within one turn is not rung for any more.
        says.retain(|(call_id, _, kind)| {
            let is_set_up = matches!(
                kind,
                Kind::Call(Call {
                    signal: CallSignal::Ringing { .. } | CallSignal::Keys { .. } | CallSignal::Candidates { .. },
                    ..
                })
            );
            !(is_set_up && over.contains(call_id))
        });
        let open = self.calls.session.as_ref().map(Session::open_call);
        if says.is_empty() && notes.is_empty() && over.is_empty() && kept.is_empty() && !is_changed {
            return Ok(Output::default());
        }
        let (mut output, ()) = self.transact(now_ms, |parts, collected| {
            for (_, conversation, kind) in says {
                match parts.send_quiet(conversation, kind, collected) {
                    // A conversation that is over has no calls any more.
                    Ok(()) | Err(EngineError::Intent(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            let timeline = parts.timeline();
            for (conversation, call_id, entry) in &notes {
                timeline.add_call(conversation, call_id, entry, now_ms, &mut collected.output.changes)?;
            }
            for call_id in &over {
                timeline.forget_open_call(call_id)?;
            }
            for (conversation, call) in &kept {
                timeline.keep_group_call(conversation, call.as_ref())?;
            }
            if let Some(open) = &open {
                timeline.keep_open_call(open)?;
            }
            Ok(())
        })?;
        output.outgoing.extend(self.calls.many.take_outgoing());
        output.changes.insert(Change::Call);
        Ok(output)
    }
}
