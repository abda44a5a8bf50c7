//! Two client engines call each other over a node in virtual time (CALLS.md s.2 to s.5).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its functions too")]

mod engines;

use client::calls::{CallRefusal, CallState, Want};
use client::engine::EngineError;
use client::timeline::{CallEntry, CallOutcome, EntryKind, Window};
use engines::World;
use protocol::content::{Call, CallSignal, Description, Kind};
use protocol::event::{ConversationId, Input, Intent, Outcome};
use wire::id::{CallId, DeviceId};

const ADA: usize = 0;
const BOB: usize = 1;

type Pair = World;

fn description(text: &str) -> Description {
    Description { has_video: true, may_direct: true, sdp: format!("v=0\r\ns={text}\r\n") }
}

impl World {
    /// Two people with a conversation of two.
    fn met() -> (Self, ConversationId) {
        let mut pair = Self::new(2);
        pair.feed(ADA, Input::Intent(1, Intent::Invite { group: None, needs_approval: false, valid_s: 86_400 }));
        pair.settle();
        let link = pair.outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Link(link) => Some(link.clone()),
            _ => None,
        });
        pair.feed(BOB, Input::Intent(2, Intent::Accept { link: link.unwrap(), note: String::new() }));
        for _ in 0..30 {
            pair.settle();
            pair.pass(1_000);
        }
        let room = pair.engine(ADA).timeline().conversations().unwrap()[0].id;
        assert_eq!(pair.engine(BOB).timeline().conversations().unwrap()[0].id, room);
        (pair, room)
    }

    fn start(&mut self, at: usize, room: ConversationId) -> CallId {
        let now_ms = self.clock_ms(at);
        let (call, output) = self.engines[at].as_mut().unwrap().call_start(now_ms, room, true).unwrap();
        self.take(at, output);
        call
    }

    fn describe(&mut self, at: usize, call: CallId, want: Want, text: &str) {
        self.does(at, |engine, now_ms| engine.call_describe(now_ms, call, want, description(text)));
        self.settle();
    }

    fn state(&self, at: usize) -> Option<CallState> {
        self.engine(at).call().map(|call| call.state)
    }

    fn want(&self, at: usize) -> Option<Want> {
        self.engine(at).call().and_then(|call| call.want)
    }

    fn records(&self, at: usize, room: ConversationId) -> Vec<CallEntry> {
        let entries = self.engine(at).timeline().snapshot(&room, Window::Latest(50)).unwrap().entries;
        entries
            .into_iter()
            .filter_map(|entry| match entry.kind {
                EntryKind::Call(call) => Some(call),
                _ => None,
            })
            .collect()
    }

    fn outcomes_of(&self, at: usize, room: ConversationId) -> Vec<CallOutcome> {
        self.records(at, room).iter().map(|call| call.outcome).collect()
    }

    /// Ada calls, it rings at Bob's.
    fn ring(&mut self, room: ConversationId) -> CallId {
        let call = self.start(ADA, room);
        self.settle();
        self.describe(ADA, call, Want::Offer, "offer");
        assert_eq!((self.state(ADA), self.state(BOB)), (Some(CallState::RingingThere), Some(CallState::Ringing)));
        call
    }

    /// Ada and Bob talk.
    fn talk(&mut self, room: ConversationId) -> CallId {
        let call = self.ring(room);
        self.does(BOB, |engine, now_ms| engine.call_accept(now_ms, call));
        self.settle();
        self.describe(BOB, call, Want::Answer, "answer");
        for at in [ADA, BOB] {
            self.does(at, |engine, now_ms| engine.call_media(now_ms, call, true));
        }
        self.settle();
        call
    }
}

#[test]
fn call_rings_is_answered_and_both_have_the_same_key_and_words() {
    let (mut pair, room) = Pair::met();
    let call = pair.ring(room);
    assert_eq!(pair.engine(BOB).call().unwrap().remote.unwrap().0, &description("offer"));
    pair.does(ADA, |engine, now_ms| engine.call_candidates(now_ms, call, vec!["candidate:early".into()], false));
    pair.does(BOB, |engine, now_ms| engine.call_accept(now_ms, call));
    pair.settle();
    assert_eq!((pair.state(BOB), pair.want(BOB)), (Some(CallState::Answering), Some(Want::Answer)));
    pair.describe(BOB, call, Want::Answer, "answer");
    pair.does(BOB, |engine, now_ms| engine.call_candidates(now_ms, call, vec!["candidate:late".into()], true));
    pair.settle();
    for at in [ADA, BOB] {
        let view = pair.engine(at).call().unwrap();
        assert_eq!(view.state, CallState::Connecting);
        assert!(view.may_direct);
        assert!(matches!(view.relay, Some(Some(terms)) if terms.urls == ["turn:node.example"]));
    }
    assert_eq!(pair.engine(ADA).call().unwrap().remote.unwrap().0, &description("answer"));
    assert_eq!(pair.engine(ADA).call().unwrap().candidates, ["candidate:late"]);
    assert_eq!(pair.engine(BOB).call().unwrap().candidates, ["candidate:early"]);
    let (adas, bobs) = (pair.engine(ADA).call_keys(call).unwrap(), pair.engine(BOB).call_keys(call).unwrap());
    assert_eq!((&adas.base_key, adas.words, adas.epoch), (&bobs.base_key, bobs.words, bobs.epoch));
    assert_eq!((adas.own_leaf, adas.peer_leaf), (bobs.peer_leaf, bobs.own_leaf));
    for at in [ADA, BOB] {
        pair.does(at, |engine, now_ms| engine.call_media(now_ms, call, true));
    }
    pair.pass(61_000);
    assert_eq!(pair.state(BOB), Some(CallState::Talking));
    pair.does(BOB, |engine, now_ms| engine.call_hang_up(now_ms, call));
    pair.settle();
    for at in [ADA, BOB] {
        assert_eq!(pair.state(at), None);
        assert!(pair.engine(at).call_keys(call).is_none(), "forgotten with the call");
        let [record] = pair.records(at, room).try_into().unwrap();
        assert_eq!((record.outcome, record.seconds, record.is_outgoing), (CallOutcome::Talked, 61, at == ADA));
    }
}

#[test]
fn refusal_with_a_word_reaches_the_caller() {
    let (mut pair, room) = Pair::met();
    let call = pair.ring(room);
    pair.does(BOB, |engine, now_ms| engine.call_decline(now_ms, call, "in ten minutes".into()));
    pair.settle();
    for at in [ADA, BOB] {
        let [record] = pair.records(at, room).try_into().unwrap();
        assert_eq!((record.outcome, record.text.as_str()), (CallOutcome::Declined, "in ten minutes"));
    }
}

#[test]
fn nobody_picks_up_and_it_is_missed_there() {
    let (mut pair, room) = Pair::met();
    pair.ring(room);
    pair.pass(61_000);
    assert_eq!((pair.state(ADA), pair.state(BOB)), (None, None));
    assert_eq!(pair.outcomes_of(ADA, room), [CallOutcome::Unanswered]);
    assert_eq!(pair.outcomes_of(BOB, room), [CallOutcome::Unanswered]);
    assert_eq!(pair.engine(BOB).timeline().conversation(&room).unwrap().unwrap().unread, 1, "a missed call is news");
}

#[test]
fn both_call_at_once_and_one_call_comes_of_it() {
    let (mut pair, room) = Pair::met();
    let calls = [pair.start(ADA, room), pair.start(BOB, room)];
    for at in [ADA, BOB] {
        let call = calls[at];
        pair.does(at, |engine, now_ms| engine.call_describe(now_ms, call, Want::Offer, description("offer")));
    }
    pair.settle();
    let kept = calls[0].min(calls[1]);
    let loser = if calls[0] == kept { BOB } else { ADA };
    assert_eq!(pair.engine(loser).call().unwrap().call_id, kept);
    assert_eq!(pair.want(loser), Some(Want::Answer), "it has picked up");
    pair.describe(loser, kept, Want::Answer, "answer");
    for at in [ADA, BOB] {
        assert_eq!(pair.state(at), Some(CallState::Connecting));
        assert!(pair.engine(at).call_keys(kept).is_some());
        assert!(pair.records(at, room).is_empty(), "the crossed call is not shown");
    }
}

#[test]
fn blocked_person_does_not_ring_and_strangers_signals_change_nothing() {
    let (mut pair, room) = Pair::met();
    let ada = pair.engine(ADA).me().account;
    pair.does(BOB, |engine, now_ms| engine.block(now_ms, ada, true));
    let call = pair.start(ADA, room);
    pair.settle();
    pair.describe(ADA, call, Want::Offer, "offer");
    assert_eq!((pair.state(ADA), pair.state(BOB)), (Some(CallState::Calling), None));
    let refused = pair.engines[BOB].as_mut().unwrap().call_start(1, room, false).map(|_| ());
    assert!(matches!(refused, Err(EngineError::Call(CallRefusal::NotReachable))));
    pair.does(BOB, |engine, now_ms| engine.block(now_ms, ada, false));
    pair.does(ADA, |engine, now_ms| engine.call_hang_up(now_ms, call));
    pair.settle();
    // Late and unknown ones, and one for another device.
    let signals = [
        CallSignal::Answer(description("late")),
        CallSignal::Keys { to: DeviceId([1; 16]), welcome: vec![1].into(), tree: vec![1].into() },
        CallSignal::Candidates { to: DeviceId([1; 16]), candidates: vec!["x".into()], is_complete: true },
        CallSignal::HangUp { reason: protocol::content::HangUpReason::Lost },
    ];
    let before = pair.records(BOB, room);
    for signal in signals {
        let kind = Kind::Call(Call { call_id: call, signal });
        pair.does(ADA, |engine, now_ms| engine.send(now_ms, room, kind).map(|queued| queued.output));
        pair.settle();
    }
    assert_eq!(pair.state(BOB), None);
    assert_eq!(pair.records(BOB, room), before);
}

#[test]
fn call_of_an_engine_that_died_is_noted_as_lost_on_both_sides() {
    for dies in [ADA, BOB] {
        let (mut pair, room) = Pair::met();
        pair.talk(room);
        assert_eq!(pair.state(ADA), Some(CallState::Talking));
        pair.restart(dies);
        pair.pass(5_000);
        assert_eq!((pair.state(ADA), pair.state(BOB)), (None, None));
        assert_eq!(pair.outcomes_of(dies, room), [CallOutcome::Failed]);
        assert_eq!(pair.outcomes_of(1 - dies, room), [CallOutcome::Talked]);
        // And the next call works.
        pair.talk(room);
        assert_eq!((pair.state(ADA), pair.state(BOB)), (Some(CallState::Talking), Some(CallState::Talking)));
    }
}

#[test]
fn ringing_device_that_dies_has_missed_the_call() {
    let (mut pair, room) = Pair::met();
    pair.ring(room);
    pair.restart(BOB);
    assert_eq!(pair.outcomes_of(BOB, room), [CallOutcome::Unanswered]);
    pair.pass(61_000);
    assert_eq!(pair.outcomes_of(ADA, room), [CallOutcome::Unanswered]);
}

#[test]
fn broken_media_is_described_anew_and_ends_after_its_time() {
    let (mut pair, room) = Pair::met();
    let call = pair.talk(room);
    pair.does(ADA, |engine, now_ms| engine.call_media(now_ms, call, false));
    pair.describe(ADA, call, Want::Offer, "another way");
    assert_eq!(pair.engine(BOB).call().unwrap().remote, Some((&description("another way"), 2)));
    assert_eq!(pair.want(BOB), Some(Want::Answer));
    pair.describe(BOB, call, Want::Answer, "another answer");
    assert_eq!(pair.engine(ADA).call().unwrap().remote, Some((&description("another answer"), 2)));
    pair.does(ADA, |engine, now_ms| engine.call_media(now_ms, call, true));
    pair.pass(40_000);
    assert_eq!(pair.state(ADA), Some(CallState::Talking));
    pair.does(ADA, |engine, now_ms| engine.call_media(now_ms, call, false));
    pair.pass(31_000);
    assert_eq!((pair.state(ADA), pair.state(BOB)), (None, None));
    assert_eq!(pair.outcomes_of(BOB, room), [CallOutcome::Talked]);
}

#[test]
fn second_call_finds_them_in_one() {
    let (mut pair, room) = Pair::met();
    pair.ring(room);
    let refused = pair.engines[ADA].as_mut().unwrap().call_start(1, room, false).map(|_| ());
    assert!(matches!(refused, Err(EngineError::Call(CallRefusal::InCall))));
    let unknown = pair.engines[BOB].as_mut().unwrap().call_accept(1, CallId([1; 16])).map(|_| ());
    assert!(matches!(unknown, Err(EngineError::Call(CallRefusal::Over))));
}

#[test]
fn clock_that_is_far_ahead_hears_a_call_that_comes_now() {
    let (mut pair, room) = Pair::met();
    pair.ahead_ms.insert(BOB, 600_000);
    let call = pair.ring(room);
    pair.does(BOB, |engine, now_ms| engine.call_decline(now_ms, call, String::new()));
    pair.settle();
    // One that comes late, with what was missed meanwhile, is judged by the clock.
    let links: Vec<_> = pair.conns.keys().filter(|(of, _)| *of == BOB).cloned().collect();
    for (of, link) in links {
        let conn = pair.conns.remove(&(of, link.clone())).unwrap();
        pair.server.sides[0].node.disconnect(conn);
        pair.feed(BOB, Input::Disconnected(link));
    }
    let call = pair.start(ADA, room);
    pair.settle();
    pair.describe(ADA, call, Want::Offer, "offer");
    pair.restart(BOB);
    assert_eq!(pair.state(BOB), None);
    assert_eq!(pair.outcomes_of(BOB, room).last(), Some(&CallOutcome::Unanswered));
}

#[test]
fn device_that_cannot_take_calls_says_so() {
    let (mut pair, room) = Pair::met();
    let call = pair.ring(room);
    pair.does(BOB, |engine, now_ms| engine.call_unable(now_ms, call));
    pair.pass(4_000);
    assert_eq!((pair.state(ADA), pair.state(BOB)), (None, None));
    assert_eq!(pair.outcomes_of(ADA, room), [CallOutcome::Failed]);
}
