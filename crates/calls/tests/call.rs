//! Calls between two accounts with two devices each, over one lane that reaches every device late.

#![allow(clippy::unwrap_used, reason = "a test says with a panic what it found")]

use calls::call::machine::{BUSY_MS, CONNECT_MS, ENDED_MAX, OFFER_AGE_MS_MAX, RING_MS, RING_MS_MAX};
use calls::call::{Claim, Effect, EndReason, Intent, Machine, Media, Outcome, RefusalReason, Sender, Signal, State};
use proptest::prelude::*;
use std::collections::BTreeMap;
use wire::id::{CallId, DeviceId};

/// Devices 0 and 1 are Ann's, 2 and 3 are Ben's.
const DEVICES: usize = 4;

fn device(at: usize) -> DeviceId {
    DeviceId([at as u8 + 1; 16])
}

fn call(number: u8) -> CallId {
    CallId([number; 16])
}

fn is_anns(at: usize) -> bool {
    at < 2
}

struct World {
    now_ms: u64,
    machines: Vec<Machine>,
    lane: Vec<(usize, CallId, Signal, u64)>,
    cursors: [usize; DEVICES],
    effects: Vec<(usize, Effect)>,
    /// Who set up media with whom, now.
    media: BTreeMap<(usize, [u8; 16]), usize>,
}

impl World {
    fn new() -> Self {
        Self {
            now_ms: 1_000_000,
            machines: (0..DEVICES).map(|at| Machine::new(device(at))).collect(),
            lane: Vec::new(),
            cursors: [0; DEVICES],
            effects: Vec::new(),
            media: BTreeMap::new(),
        }
    }

    fn settle(&mut self, at: usize) {
        for effect in self.machines[at].take_effects() {
            match &effect {
                Effect::Say(id, signal) => self.lane.push((at, *id, *signal, self.now_ms)),
                Effect::Connect(id, with) => {
                    let with = (0..DEVICES).find(|other| device(*other) == *with).unwrap();
                    assert_ne!(is_anns(with), is_anns(at), "media with one's own account");
                    assert_eq!(self.media.insert((at, id.0), with), None, "connected twice");
                }
                Effect::Disconnect(id) => assert!(self.media.remove(&(at, id.0)).is_some()),
                Effect::Ring(..) | Effect::Silence(_) | Effect::Note(_) => {}
            }
            self.effects.push((at, effect));
        }
    }

    fn want(&mut self, at: usize, intent: Intent) {
        self.machines[at].want(self.now_ms, intent);
        self.settle(at);
    }

    fn call(&mut self, at: usize, number: u8) {
        self.want(at, Intent::Call { call: call(number), media: Media::Video });
    }

    /// The next signal reaches a device; whether there was one.
    fn step(&mut self, at: usize) -> bool {
        let Some((from, id, signal, sent_ms)) = self.lane.get(self.cursors[at]).copied() else { return false };
        self.cursors[at] += 1;
        let side = if is_anns(from) == is_anns(at) { Claim::Ours } else { Claim::Theirs };
        let sender = Sender { device: device(from), side };
        self.machines[at].hear(self.now_ms, sender, id, signal, self.now_ms - sent_ms, false);
        self.settle(at);
        true
    }

    fn deliver(&mut self) {
        while (0..DEVICES).map(|at| self.step(at)).fold(false, |any, stepped| any | stepped) {}
    }

    /// Media flows wherever both ends set it up.
    fn connect_media(&mut self) {
        for ((at, id), with) in self.media.clone() {
            if self.media.get(&(with, id)) == Some(&at) {
                self.machines[at].media_connected(CallId(id));
            }
        }
    }

    fn advance(&mut self, ms: u64) {
        self.now_ms += ms;
        for at in 0..DEVICES {
            self.machines[at].tick(self.now_ms);
            self.settle(at);
        }
    }

    fn state(&self, at: usize) -> Option<State> {
        self.machines[at].state().map(|(_, state)| state)
    }

    fn outcome(&self, at: usize, number: u8) -> Option<Outcome> {
        let mut notes = self.effects.iter().filter_map(|(device, effect)| match effect {
            Effect::Note(record) if *device == at && record.call == call(number) => Some(record.outcome),
            _ => None,
        });
        let outcome = notes.next();
        assert_eq!(notes.next(), None, "noted twice");
        outcome
    }
}

#[test]
fn a_call_rings_on_both_devices_and_one_picks_up() {
    let mut world = World::new();
    world.call(0, 1);
    world.deliver();
    assert_eq!((world.state(2), world.state(3)), (Some(State::Ringing), Some(State::Ringing)));
    assert_eq!(world.state(1), Some(State::Elsewhere));
    world.want(2, Intent::Accept);
    world.deliver();
    assert_eq!(world.state(0), Some(State::Connecting(device(2))));
    assert_eq!(world.state(2), Some(State::Connecting(device(0))));
    assert_eq!((world.outcome(3, 1), world.outcome(1, 1)), (Some(Outcome::Elsewhere), Some(Outcome::Elsewhere)));
    world.connect_media();
    assert_eq!(world.state(0), Some(State::Talking(device(2))));
    world.advance(5_000);
    world.want(2, Intent::HangUp);
    world.deliver();
    for at in [0, 2] {
        assert_eq!(world.outcome(at, 1), Some(Outcome::Talked { ms: 5_000 }));
        assert_eq!(world.state(at), None);
    }
    assert!(world.media.is_empty());
}

#[test]
fn of_two_devices_that_pick_up_the_first_in_the_lane_has_the_call() {
    let mut world = World::new();
    world.call(0, 1);
    world.deliver();
    world.want(3, Intent::Accept);
    world.want(2, Intent::Accept);
    assert_eq!((world.state(2), world.state(3)), (Some(State::Answering), Some(State::Answering)));
    world.deliver();
    assert_eq!(world.state(0), Some(State::Connecting(device(3))));
    assert_eq!((world.state(3), world.state(2)), (Some(State::Connecting(device(0))), None));
    assert_eq!(world.outcome(2, 1), Some(Outcome::Elsewhere));
    // Whoever lost hangs up late: the call goes on.
    world.lane.push((2, call(1), Signal::HangUp(EndReason::HungUp), world.now_ms));
    world.deliver();
    assert_eq!(world.state(0), Some(State::Connecting(device(3))));
}

#[test]
fn when_both_call_at_once_the_lower_id_is_the_call_and_nobody_has_to_pick_up() {
    for (anns, bens) in [(1, 2), (2, 1)] {
        for anns_first in [true, false] {
            let mut world = World::new();
            if anns_first {
                world.call(0, anns);
                world.call(2, bens);
            } else {
                world.call(2, bens);
                world.call(0, anns);
            }
            world.deliver();
            assert_eq!(world.state(0), Some(State::Connecting(device(2))));
            assert_eq!(world.state(2), Some(State::Connecting(device(0))));
            assert_eq!(world.machines[0].state().unwrap().0, call(1));
            assert_eq!((world.state(1), world.state(3)), (None, None));
            for at in 0..DEVICES {
                assert_eq!(world.outcome(at, 2), Some(Outcome::Crossed), "{at}");
            }
        }
    }
}

#[test]
fn nobody_answers_and_both_sides_stop_by_themselves() {
    let mut world = World::new();
    world.call(0, 1);
    world.deliver();
    world.advance(RING_MS - 1);
    assert_eq!(world.state(0), Some(State::Calling));
    world.advance(1);
    world.deliver();
    for at in [0, 2, 3] {
        assert_eq!(world.outcome(at, 1), Some(Outcome::Unanswered), "{at}");
    }
    // Nothing more is heard of the caller.
    world.call(0, 2);
    world.deliver();
    world.cursors = [usize::MAX; DEVICES];
    world.advance(RING_MS_MAX);
    assert_eq!((world.state(2), world.outcome(2, 2)), (None, Some(Outcome::Unanswered)));
}

#[test]
fn a_no_is_for_all_devices_and_a_word_with_it_changes_nothing() {
    let mut world = World::new();
    world.call(0, 1);
    world.deliver();
    world.want(2, Intent::Decline);
    world.deliver();
    for at in [0, 2, 3] {
        assert_eq!(world.outcome(at, 1), Some(Outcome::Declined), "{at}");
    }
    world.want(3, Intent::Accept);
    world.deliver();
    assert_eq!(world.state(3), None, "too late");
}

#[test]
fn a_busy_device_lets_others_ring_and_if_none_does_the_caller_hears_it_soon() {
    let mut world = World::new();
    world.machines[0].want(0, Intent::Call { call: call(1), media: Media::Audio });
    let ben = |at: usize| Sender { device: device(at), side: Claim::Theirs };
    let busy = Signal::Decline(RefusalReason::Busy);
    world.machines[0].hear(100, ben(2), call(1), busy, 0, false);
    world.machines[0].hear(200, ben(3), call(1), Signal::Ringing, 0, false);
    world.machines[0].tick(BUSY_MS + 100);
    assert_eq!(world.state(0), Some(State::Calling), "one rings");
    world.machines[0].hear(300, ben(3), call(1), busy, 0, false);
    world.machines[0].tick(300 + BUSY_MS);
    world.settle(0);
    assert_eq!(world.outcome(0, 1), Some(Outcome::Busy));

    let offer = Signal::Offer { media: Media::Audio };
    world.machines[2].hear(0, Sender { device: device(0), side: Claim::Theirs }, call(9), offer, 0, true);
    world.settle(2);
    assert_eq!(world.outcome(2, 9), Some(Outcome::Busy), "it is in a call of another conversation");
    assert!(world.lane.contains(&(2, call(9), busy, world.now_ms)));
}

#[test]
fn an_old_or_repeated_offer_does_not_ring() {
    let mut world = World::new();
    world.call(0, 1);
    world.now_ms += OFFER_AGE_MS_MAX + 1;
    world.step(2);
    assert_eq!((world.state(2), world.outcome(2, 1)), (None, Some(Outcome::Unanswered)));
    let first = world.lane[0];
    for _ in 0..2 {
        world.lane.push((first.0, first.1, first.2, world.now_ms));
    }
    world.deliver();
    assert_eq!(world.state(2), None, "it was noted once");
}

#[test]
fn media_that_breaks_may_come_back_and_else_the_call_ends() {
    let mut world = World::new();
    world.call(0, 1);
    world.deliver();
    world.want(2, Intent::Accept);
    world.deliver();
    world.connect_media();
    world.machines[0].media_lost(world.now_ms, call(1));
    world.advance(CONNECT_MS - 1);
    world.machines[0].media_connected(call(1));
    world.advance(CONNECT_MS);
    assert_eq!(world.state(0), Some(State::Talking(device(2))));
    world.machines[0].media_lost(world.now_ms, call(1));
    world.advance(CONNECT_MS);
    world.deliver();
    for at in [0, 2] {
        assert!(matches!(world.outcome(at, 1), Some(Outcome::Talked { .. })));
    }

    world.call(0, 2);
    world.deliver();
    world.want(3, Intent::Accept);
    world.deliver();
    world.advance(CONNECT_MS);
    world.deliver();
    assert_eq!((world.outcome(0, 2), world.outcome(3, 2)), (Some(Outcome::Failed), Some(Outcome::Failed)));
}

#[test]
fn only_so_many_calls_are_remembered_and_an_intent_that_makes_no_sense_changes_nothing() {
    let mut world = World::new();
    for intent in [Intent::Accept, Intent::Decline, Intent::HangUp] {
        world.want(0, intent);
    }
    assert!(world.effects.is_empty());
    for number in 0..=ENDED_MAX as u8 {
        world.call(0, number);
        world.call(0, 200);
        assert_eq!(world.machines[0].state().unwrap().0, call(number), "one call at a time");
        world.want(0, Intent::HangUp);
    }
    world.call(0, ENDED_MAX as u8);
    assert_eq!(world.state(0), None, "an id is used once");
    world.call(0, 0);
    assert_eq!(world.state(0), Some(State::Calling), "forgotten by now");
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Call(usize),
    Accept(usize),
    Decline(usize),
    HangUp(usize),
    Deliver(usize),
    DeliverAll,
    Media,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..DEVICES).prop_map(Step::Call),
        3 => (0..DEVICES).prop_map(Step::Accept),
        1 => (0..DEVICES).prop_map(Step::Decline),
        1 => (0..DEVICES).prop_map(Step::HangUp),
        8 => (0..DEVICES).prop_map(Step::Deliver),
        1 => Just(Step::DeliverAll),
        2 => Just(Step::Media),
        2 => (0..20_000_u64).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_happens_all_devices_come_to_rest_and_each_call_has_one_pair_and_one_note_a_device(
        steps in proptest::collection::vec((step(), any::<u8>()), 1..120),
    ) {
        let mut world = World::new();
        let mut used = [false; 256];
        for (step, number) in steps {
            match step {
                Step::Call(at) if !used[usize::from(number)] => {
                    let before = world.lane.len();
                    world.call(at, number);
                    used[usize::from(number)] = world.lane.len() > before;
                }
                Step::Call(_) => {}
                Step::Accept(at) => world.want(at, Intent::Accept),
                Step::Decline(at) => world.want(at, Intent::Decline),
                Step::HangUp(at) => world.want(at, Intent::HangUp),
                Step::Deliver(at) => { world.step(at); }
                Step::DeliverAll => world.deliver(),
                Step::Media => world.connect_media(),
                Step::Wait(ms) => world.advance(ms),
            }
        }
        world.deliver();
        // Whoever is talking to somebody who is not hears nothing, and gives up.
        for at in 0..DEVICES {
            if let Some((id, State::Talking(_))) = world.machines[at].state() {
                world.machines[at].media_lost(world.now_ms, id);
            }
        }
        for _ in 0..3 {
            world.advance(RING_MS_MAX.max(CONNECT_MS));
            world.deliver();
        }
        prop_assert!(world.media.is_empty(), "media without a call");
        for at in 0..DEVICES {
            prop_assert_eq!(world.state(at), None);
        }
        for number in 0..=255 {
            if !used[usize::from(number)] {
                continue;
            }
            let pair: Vec<usize> = world.effects.iter().filter_map(|(at, effect)| match effect {
                Effect::Connect(id, _) if *id == call(number) => Some(*at),
                _ => None,
            }).collect();
            prop_assert!(pair.len() <= 2 && (pair.len() < 2 || is_anns(pair[0]) != is_anns(pair[1])), "{pair:?}");
            let rings = |wanted: &dyn Fn(&Effect) -> bool, at: usize| {
                world.effects.iter().filter(|(device, effect)| *device == at && wanted(effect)).count()
            };
            for at in 0..DEVICES {
                prop_assert!(world.outcome(at, number).is_some(), "device {} never noted call {}", at, number);
                let began = rings(&|effect| matches!(effect, Effect::Ring(id, _) if *id == call(number)), at);
                let ended = rings(&|effect| matches!(effect, Effect::Silence(id) if *id == call(number)), at);
                prop_assert!(began <= 1 && ended >= began, "device {} still rings", at);
            }
        }
    }
}
