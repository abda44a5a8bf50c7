//! Two client engines call each other over a node in virtual time (CALLS.md s.2 to s.5).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its functions too")]

use client::calls::{CallRefusal, CallState, Want};
use client::db::Database;
use client::engine::{Engine, EngineError, Outgoing, Output};
use client::timeline::{CallEntry, CallOutcome, EntryKind, Window};
use delivery::{ConnId, Prepared};
use protocol::content::{Call, CallSignal, Description, Kind};
use protocol::event::{BlobFailure, ConversationId, Input, Intent, Link, Outcome};
use protocol::identity::RecoveryPhrase;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sim::disk::Disk;
use sim::server::Server;
use std::collections::BTreeMap;
use wire::id::{CallId, DeviceId};
use wire::node::{encode_requests, parse_events, parse_requests};
use wire::relay::RelayTerms;

const NODE: &str = "https://node.example";
/// Rounds until nothing moves; a meeting takes some dozens.
const ROUNDS_MAX: usize = 10_000;
const ADA: usize = 0;
const BOB: usize = 1;

struct Pair {
    server: Server,
    engines: Vec<Option<Engine>>,
    conns: BTreeMap<(usize, Link), ConnId>,
    outgoing: Vec<(usize, Outgoing)>,
    outcomes: Vec<Outcome>,
    now_ms: u64,
}

fn rng(seed: u64) -> Box<ChaCha20Rng> {
    Box::new(ChaCha20Rng::seed_from_u64(seed))
}

fn description(text: &str) -> Description {
    Description { has_video: true, may_direct: true, sdp: format!("v=0\r\ns={text}\r\n") }
}

impl Pair {
    /// Two people with a conversation of two.
    fn met() -> (Self, ConversationId) {
        let mut server = Server::new(NODE, [9; 32], Disk::default());
        server.sides[0].node.set_relay(Box::new(|_, _| RelayTerms {
            urls: vec!["turn:node.example".into()],
            username: "1:a".into(),
            password: "b".into(),
            expires_s: 1,
        }));
        let now_ms = 1_800_000_000_000;
        let engines = (0..2_u8)
            .map(|number| {
                let phrase = RecoveryPhrase::from_entropy(&[number + 1; 32]);
                let database = Database::in_memory().unwrap();
                let name = format!("person {number}");
                let seed = u64::from(number);
                Some(Engine::create(database, rng(seed), &phrase, server.url.clone(), name, now_ms).unwrap())
            })
            .collect();
        let mut pair =
            Self { server, engines, conns: BTreeMap::new(), outgoing: Vec::new(), outcomes: Vec::new(), now_ms };
        for at in [ADA, BOB] {
            pair.feed(at, Input::Wake);
        }
        pair.settle();
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

    fn engine(&self, at: usize) -> &Engine {
        self.engines[at].as_ref().unwrap()
    }

    fn take(&mut self, at: usize, output: Output) {
        self.outgoing.extend(output.outgoing.into_iter().map(|outgoing| (at, outgoing)));
        self.outcomes.extend(output.outcomes.into_iter().filter_map(|(_, outcome)| outcome.ok()));
    }

    fn feed(&mut self, at: usize, input: Input) {
        let now_ms = self.now_ms;
        let Some(engine) = self.engines[at].as_mut() else { return };
        let output = engine.handle(now_ms, vec![input]).unwrap();
        self.take(at, output);
    }

    fn does(&mut self, at: usize, work: impl FnOnce(&mut Engine, u64) -> Result<Output, EngineError>) {
        let now_ms = self.now_ms;
        let output = work(self.engines[at].as_mut().unwrap(), now_ms).unwrap();
        self.take(at, output);
    }

    fn start(&mut self, at: usize, room: ConversationId) -> CallId {
        let now_ms = self.now_ms;
        let (call, output) = self.engines[at].as_mut().unwrap().call_start(now_ms, room, true).unwrap();
        self.take(at, output);
        call
    }

    fn describe(&mut self, at: usize, call: CallId, want: Want, text: &str) {
        self.does(at, |engine, now_ms| engine.call_describe(now_ms, call, want, description(text)));
        self.settle();
    }

    /// Carries out what was asked until nothing moves, in no time.
    fn settle(&mut self) {
        for _ in 0..ROUNDS_MAX {
            let mut is_still = true;
            for (at, outgoing) in std::mem::take(&mut self.outgoing) {
                is_still = false;
                self.perform(at, outgoing);
            }
            let now_ms = self.now_ms;
            while let Some(batch) = self.server.sides[0].node.take_batch(now_ms) {
                self.server.sides[0].batch = Some(batch);
                self.server.commit(0);
            }
            for ((at, link), conn) in self.conns.clone() {
                for frame in self.server.drain(0, conn) {
                    is_still = false;
                    for (id, event) in parse_events(frame).unwrap() {
                        self.feed(at, Input::Event(link.clone(), id, event));
                    }
                }
            }
            if is_still {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    fn perform(&mut self, at: usize, outgoing: Outgoing) {
        let now_ms = self.now_ms;
        match outgoing {
            Outgoing::Connect(link) => {
                let conn = self.server.sides[0].node.connect(now_ms, [3; 32]).unwrap();
                self.conns.insert((at, link.clone()), conn);
                self.feed(at, Input::Connected(link));
            }
            Outgoing::Hangup(link) => {
                if let Some(conn) = self.conns.remove(&(at, link)) {
                    self.server.sides[0].node.disconnect(conn);
                }
            }
            Outgoing::Send(link, requests) => {
                let Some(conn) = self.conns.get(&(at, link)).copied() else { return };
                let side = &mut self.server.sides[0];
                for request in parse_requests(encode_requests(requests)).unwrap() {
                    side.node.handle(now_ms, &side.disk, conn, Prepared::new(request));
                }
            }
            Outgoing::PutBlob(url, id, blob, ttl_s) => {
                self.server.sides[0].disk.put_blob(id, blob, now_ms / 1_000 + ttl_s);
                self.feed(at, Input::BlobPut(url, id, Ok(())));
            }
            Outgoing::GetBlob(url, id) => {
                let found = self.server.sides[0].disk.blobs.borrow().get(&id).map(|(blob, _)| blob.clone());
                self.feed(at, Input::BlobGot(url, id, found.ok_or(BlobFailure::NotFound)));
            }
            Outgoing::Solve(work) => {
                let puzzle = work.bound.puzzle();
                let nonce = wire::work::search(&work.hello_nonce, puzzle, work.bits, 0, 1 << 20).unwrap();
                self.feed(at, Input::Solved { job: work.job, nonce });
            }
            Outgoing::Upload(_)
            | Outgoing::Fetch(_)
            | Outgoing::StopFile(_)
            | Outgoing::Discard(_)
            | Outgoing::Direct(_) => {}
        }
    }

    /// Lets time pass, with all that is due meanwhile.
    fn pass(&mut self, ms: u64) {
        let end_ms = self.now_ms + ms;
        loop {
            self.settle();
            let due_ms = self.engines.iter().flatten().filter_map(Engine::wake_at_ms).min();
            match due_ms.filter(|due_ms| *due_ms <= end_ms) {
                Some(due_ms) => self.now_ms = self.now_ms.max(due_ms),
                None => break,
            }
            for at in [ADA, BOB] {
                let now_ms = self.now_ms;
                let Some(engine) = self.engines[at].as_mut() else { continue };
                if engine.wake_at_ms().is_some_and(|due_ms| due_ms <= now_ms) {
                    let output = engine.tick(now_ms).unwrap();
                    self.take(at, output);
                    let next_ms = self.engine(at).wake_at_ms();
                    assert!(next_ms.is_none_or(|next_ms| next_ms > now_ms), "what is due is done");
                }
            }
        }
        self.now_ms = end_ms;
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

    /// The process dies and starts again.
    fn restart(&mut self, at: usize) {
        let database = self.engines[at].take().unwrap().into_database();
        let links: Vec<_> = self.conns.keys().filter(|(of, _)| *of == at).cloned().collect();
        for key in links {
            let conn = self.conns.remove(&key).unwrap();
            self.server.sides[0].node.disconnect(conn);
        }
        self.outgoing.retain(|(of, _)| *of != at);
        self.engines[at] = Some(Engine::open(database, rng(77), self.now_ms).unwrap());
        self.feed(at, Input::Wake);
        self.settle();
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
