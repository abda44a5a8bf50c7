//! Many client engines in a group's call over a node in virtual time (CALLS.md s.9).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its functions too")]

mod engines;

use calls::sframe::{BaseKey, Codec, OpenError, Receiver, Sender, Suite};
use client::calls::CallRefusal;
use client::calls::many::{GroupCallEnd, UnderWayView};
use client::engine::EngineError;
use client::timeline::{CallEntry, CallOutcome, EntryKind, Window};
use engines::World;
use protocol::call::GroupKeys;
use protocol::event::{ConversationId, Input, Intent, Outcome};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use wire::id::{CallId, RoomId};
use wire::room::{RoomDoes, RoomPerson, RoomTold};

const ADA: usize = 0;
const BOB: usize = 1;
const CYD: usize = 2;
const DAN: usize = 3;

type Rooms = Arc<Mutex<BTreeMap<RoomId, Vec<RoomPerson>>>>;

struct Group {
    world: World,
    room: ConversationId,
    rooms: Rooms,
    next_intent: u64,
}

impl std::ops::Deref for Group {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl std::ops::DerefMut for Group {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

impl Group {
    /// A group of so many, and so many others who are not in it.
    fn new(count: usize, others: usize) -> Self {
        let mut world = World::new(count + others);
        let rooms = Rooms::default();
        let kept = Arc::clone(&rooms);
        world.server.sides[0].node.set_rooms(Box::new(move |ask| {
            let mut rooms = kept.lock().unwrap();
            let people = rooms.entry(ask.key.room_id()).or_default();
            let own = people.len() as u32 + 1;
            let mut sdp = String::new();
            if let RoomDoes::Join { sdp: offer, label, .. } = ask.does {
                people.push(RoomPerson { number: own, label });
                sdp = format!("answer to {offer}");
            }
            Ok(RoomTold { people: people.clone(), own, sdp })
        }));
        world.feed(ADA, Input::Intent(1, Intent::NewGroup { title: "friends".into() }));
        world.settle();
        let room = world.outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Conversation(id) => Some(*id),
            _ => None,
        });
        let mut group = Self { world, room: room.unwrap(), rooms, next_intent: 2 };
        for at in 1..count {
            group.admit(at);
        }
        group
    }

    fn intend(&mut self, at: usize, intent: Intent) {
        let id = self.next_intent;
        self.next_intent += 1;
        self.feed(at, Input::Intent(id, intent));
        self.settle();
    }

    /// Lets somebody into the group.
    fn admit(&mut self, at: usize) {
        let group = Some(self.room);
        self.outcomes.clear();
        self.intend(ADA, Intent::Invite { group, needs_approval: false, valid_s: 86_400 });
        let link = self.outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Link(link) => Some(link.clone()),
            _ => None,
        });
        self.intend(at, Intent::Accept { link: link.unwrap(), note: String::new() });
        for _ in 0..60 {
            if self.is_member(at) {
                return;
            }
            self.pass(1_000);
        }
        panic!("nobody let {at} in");
    }

    fn is_member(&self, at: usize) -> bool {
        self.engine(at).timeline().conversation(&self.room).unwrap().is_some()
    }

    fn join(&mut self, at: usize) -> CallId {
        let (now_ms, room) = (self.clock_ms(at), self.room);
        let (call, output) = self.engines[at].as_mut().unwrap().group_call_join(now_ms, room, true).unwrap();
        self.take(at, output);
        call
    }

    /// Joins, and goes into the room.
    fn enter(&mut self, at: usize) -> CallId {
        let call = self.join(at);
        self.pass(2_000);
        self.go(at);
        call
    }

    /// Goes into the room, as a page does when it is there or another.
    fn go(&mut self, at: usize) {
        let view = self.engine(at).group_call().unwrap();
        let (call, room) = (view.under_way.call_id, view.room);
        self.does(at, |engine, now_ms| engine.group_call_offer(now_ms, call, room, room, "offer".into()));
        self.settle();
        self.does(at, |engine, now_ms| engine.group_call_media(now_ms, call, true));
    }

    /// Tells those who are there whom the room sees.
    fn look(&mut self, viewers: &[usize], people: &[usize]) {
        for at in viewers {
            let view = self.engine(*at).group_call().unwrap();
            let (call, room) = (view.under_way.call_id, view.room);
            let told = self.people(people);
            self.does(*at, |engine, now_ms| engine.group_call_people(now_ms, call, room, Some(told)));
        }
        self.settle();
    }

    /// Those of the one room who went in at these places.
    fn people(&self, of: &[usize]) -> Vec<RoomPerson> {
        let rooms = self.rooms.lock().unwrap();
        let people = rooms.values().next().into_iter().flatten();
        people.filter(|person| of.contains(&(person.number as usize - 1))).cloned().collect()
    }

    fn leave(&mut self, at: usize) {
        let call = self.engine(at).group_call().unwrap().under_way.call_id;
        self.does(at, |engine, now_ms| engine.group_call_leave(now_ms, call));
        self.settle();
    }

    fn keys(&self, at: usize) -> Option<GroupKeys> {
        let view = self.engine(at).group_call()?;
        let call = view.under_way.call_id;
        view.is_in.then(|| self.engine(at).group_call_keys(call).unwrap().0.clone())
    }

    /// All of these have the same key, words and leaves, and nobody else is in it.
    fn agree(&self, of: &[usize]) -> GroupKeys {
        let keys: Vec<_> = of.iter().map(|at| self.keys(*at).unwrap_or_else(|| panic!("{at} is not in it"))).collect();
        for one in &keys {
            assert_eq!((&one.base_key, one.epoch, one.words), (&keys[0].base_key, keys[0].epoch, keys[0].words));
            assert_eq!(one.leaves, keys[0].leaves);
        }
        let devices: BTreeSet<_> = keys[0].leaves.iter().map(|(_, identity)| identity.device_id).collect();
        let expected: BTreeSet<_> = of.iter().map(|at| self.engine(*at).me().device).collect();
        assert_eq!(devices, expected);
        keys[0].clone()
    }

    /// What somebody sees of the group's call.
    fn seen(&self, at: usize) -> Option<UnderWayView> {
        self.engine(at).group_calls().into_iter().find(|call| call.conversation == self.room)
    }

    fn line(&self, at: usize) -> Vec<usize> {
        let line = self.seen(at).map_or_else(Vec::new, |seen| seen.line);
        let of = |device| (0..self.engines.len()).find(|at| self.engine(*at).me().device == device).unwrap();
        line.into_iter().map(of).collect()
    }

    fn records(&self, at: usize) -> Vec<CallEntry> {
        let entries = self.engine(at).timeline().snapshot(&self.room, Window::Latest(100)).unwrap().entries;
        entries
            .into_iter()
            .filter_map(|entry| match entry.kind {
                EntryKind::Call(call) => Some(call),
                _ => None,
            })
            .collect()
    }
}

fn sender(keys: &GroupKeys) -> Sender {
    let mut sender = Sender::new(Suite::Aes256Gcm);
    let key = BaseKey::new(Suite::Aes256Gcm, keys.base_key.as_slice()).unwrap();
    sender.enter(keys.epoch, keys.own_leaf, &key).unwrap();
    sender
}

fn receiver(keys: &GroupKeys) -> Receiver {
    let mut receiver = Receiver::new(Suite::Aes256Gcm);
    let key = BaseKey::new(Suite::Aes256Gcm, keys.base_key.as_slice()).unwrap();
    receiver.enter(0, keys.epoch, &key, &[]).unwrap();
    receiver
}

#[test]
fn two_are_in_a_groups_call_and_the_third_sees_it_and_its_record() {
    let mut group = Group::new(3, 0);
    let call = group.enter(ADA);
    for at in [BOB, CYD] {
        let seen = group.seen(at).unwrap();
        assert_eq!((seen.call_id, seen.is_ringing, seen.is_here), (call, true, false));
    }
    assert_eq!(group.enter(BOB), call);
    let keys = group.agree(&[ADA, BOB]);
    assert_eq!(group.line(CYD), [ADA, BOB]);
    // A frame of one opens at the other, and is known to be of its leaf.
    let mut sealed = Vec::new();
    let adas = group.keys(ADA).unwrap();
    sender(&adas).seal_frame(Codec::Opus, 0, b"hello", &mut sealed).unwrap();
    let stream = receiver(&group.keys(BOB).unwrap()).open_any_frame(0, Codec::Opus, &mut sealed).unwrap();
    assert_eq!((stream.leaf(), sealed.as_slice()), (adas.own_leaf, b"hello".as_slice()));
    assert_eq!(keys.epoch, 1);
    group.pass(60_000);
    assert!(!group.seen(CYD).unwrap().is_ringing, "for half a minute");
    group.leave(ADA);
    group.pass(3_000);
    group.agree(&[BOB]);
    assert!(group.keys(BOB).unwrap().epoch > keys.epoch);
    group.leave(BOB);
    for at in [ADA, BOB, CYD] {
        assert_eq!((group.seen(at), group.keys(at).map(|keys| keys.epoch)), (None, None));
        let [record] = group.records(at).try_into().unwrap();
        let outcome = if at == CYD { CallOutcome::Unanswered } else { CallOutcome::Talked };
        assert_eq!((record.outcome, record.seconds / 60), (outcome, 1));
        assert_eq!(record.group, Some(group.engine(ADA).me().account));
    }
    assert_eq!(group.engine(BOB).group_call_end(), Some((call, GroupCallEnd::Left)));
}

#[test]
fn room_is_asked_on_a_connection_that_names_nobody_and_its_labels_name_devices() {
    let mut group = Group::new(2, 0);
    group.enter(ADA);
    group.enter(BOB);
    assert_eq!(group.rooms.lock().unwrap().len(), 1, "both found the same room");
    for at in [ADA, BOB] {
        let view = group.engine(at).group_call().unwrap();
        assert!(matches!(view.relay, Some(Some(terms)) if terms.urls == ["turn:node.example"]));
        let answer = view.answer.unwrap().as_ref().unwrap();
        assert_eq!((answer.offer, answer.own, answer.sdp.as_str()), (view.room, at as u32 + 1, "answer to offer"));
    }
    group.look(&[ADA], &[ADA, BOB]);
    let numbers = group.engine(ADA).group_call().unwrap().numbers;
    let expected = [ADA, BOB].map(|at| (group.engine(at).me().device, at as u32 + 1));
    assert_eq!(numbers, BTreeMap::from(expected));
    let rooms: Vec<_> =
        group.conns.keys().filter(|(_, link)| link.kind == protocol::event::LinkKind::Room).cloned().collect();
    assert_eq!(rooms.len(), 2);
    group.leave(ADA);
    assert!(!group.conns.contains_key(&rooms[0]), "it ends with the call");
}

#[test]
fn twenty_five_come_in_few_changes_and_whoever_leaves_changes_the_keys() {
    let mut group = Group::new(25, 0);
    group.enter(ADA);
    for at in 1..25 {
        group.join(at);
    }
    group.pass(10_000);
    let all: Vec<usize> = (0..25).collect();
    let keys = group.agree(&all);
    assert!(keys.epoch <= 4, "{} changes for 24 who came at once", keys.epoch);
    assert!(!group.seen(24).unwrap().is_ringing, "too many to ring");
    for at in 1..25 {
        group.go(at);
    }
    for at in 20..25 {
        group.leave(at);
    }
    group.pass(5_000);
    let rest: Vec<usize> = (0..20).collect();
    assert_ne!(group.agree(&rest).base_key, keys.base_key);
}

#[test]
fn whoever_comes_late_is_taken_in_and_reads_nothing_from_before() {
    let mut group = Group::new(4, 0);
    group.enter(ADA);
    group.enter(BOB);
    let mut sealed = Vec::new();
    sender(&group.keys(ADA).unwrap()).seal_frame(Codec::Opus, 0, b"before", &mut sealed).unwrap();
    group.pass(300_000);
    group.enter(DAN);
    group.agree(&[ADA, BOB, DAN]);
    let opened = receiver(&group.keys(DAN).unwrap()).open_any_frame(0, Codec::Opus, &mut sealed);
    assert_eq!(opened, Err(OpenError::UnknownEpoch));
}

#[test]
fn two_changes_at_once_are_settled_by_the_lane() {
    let mut group = Group::new(4, 0);
    group.enter(ADA);
    group.enter(BOB);
    // Ada does not see that somebody joins until Bob has lost patience: both make a change at the same time.
    let stalled: Vec<_> = group.conns.keys().filter(|(of, _)| *of == ADA).cloned().collect();
    let mut held = Vec::new();
    for key in stalled {
        held.push((key.clone(), group.conns.remove(&key).unwrap()));
    }
    group.join(CYD);
    group.join(DAN);
    group.settle();
    group.pass(3_500);
    for (key, conn) in held {
        group.conns.insert(key, conn);
    }
    group.pass(6_000);
    group.agree(&[ADA, BOB, CYD, DAN]);
    let mut line = group.line(ADA);
    line.sort_unstable();
    assert_eq!(line, [ADA, BOB, CYD, DAN]);
}

#[test]
fn two_open_a_call_at_once_and_one_comes_of_it() {
    let mut group = Group::new(3, 0);
    let calls = [group.join(ADA), group.join(BOB)];
    assert_ne!(calls[0], calls[1]);
    group.pass(3_000);
    group.agree(&[ADA, BOB]);
    let call = group.seen(CYD).unwrap().call_id;
    assert!(calls.contains(&call));
    for at in [ADA, BOB] {
        assert_eq!(group.engine(at).group_call().unwrap().under_way.call_id, call);
    }
}

#[test]
fn whoever_vanished_from_the_room_is_put_out_by_the_next() {
    let mut group = Group::new(3, 0);
    for at in [ADA, BOB, CYD] {
        group.enter(at);
    }
    group.look(&[ADA, BOB, CYD], &[ADA, BOB, CYD]);
    // The first of the line dies: the second puts it out.
    let before = group.keys(BOB).unwrap();
    let dead = group.engines[ADA].take();
    assert!(dead.is_some());
    group.look(&[BOB, CYD], &[BOB, CYD]);
    group.pass(9_000);
    assert_eq!(group.keys(BOB).unwrap().epoch, before.epoch);
    group.pass(8_000);
    let keys = group.keys(BOB).unwrap();
    assert_eq!(keys.leaves.len(), 2);
    assert_eq!(group.keys(CYD).unwrap().base_key, keys.base_key);
}

#[test]
fn whoever_is_put_out_of_the_group_loses_keys_and_room_at_once() {
    let mut group = Group::new(4, 0);
    for at in [ADA, BOB, CYD] {
        group.enter(at);
    }
    let before = group.agree(&[ADA, BOB, CYD]);
    let account = group.engine(CYD).me().account;
    let room = group.room;
    group.intend(ADA, Intent::RemoveMembers { conversation: room, accounts: vec![account] });
    group.pass(1_500);
    assert!(group.engine(CYD).group_call().is_none());
    assert_eq!(group.engine(CYD).group_call_end().map(|(_, reason)| reason), Some(GroupCallEnd::Removed));
    let after = group.agree(&[ADA, BOB]);
    let mut sealed = Vec::new();
    sender(&after).seal_frame(Codec::Opus, 0, b"after", &mut sealed).unwrap();
    assert_eq!(
        receiver(&before).open_any_frame(0, Codec::Opus, &mut sealed),
        Err(OpenError::UnknownEpoch),
        "what was kept of the epoch before opens nothing"
    );
    for at in [ADA, BOB] {
        assert!(group.engine(at).group_call().unwrap().room > 1);
        group.go(at);
    }
    assert_eq!(group.rooms.lock().unwrap().len(), 2, "both are in another room");
    assert_eq!(group.line(DAN), [ADA, BOB]);
    // Whoever leaves the group leaves the call.
    group.intend(BOB, Intent::Leave { conversation: room });
    group.pass(3_000);
    assert!(group.engine(BOB).group_call().is_none());
    group.agree(&[ADA]);
}

#[test]
fn whoever_comes_into_the_group_sees_the_call_and_joins_it() {
    let mut group = Group::new(2, 1);
    group.enter(ADA);
    group.enter(BOB);
    group.admit(CYD);
    group.pass(3_000);
    assert_eq!(group.line(CYD), [ADA, BOB]);
    assert!(!group.seen(CYD).unwrap().is_ringing);
    group.enter(CYD);
    group.agree(&[ADA, BOB, CYD]);
    assert_eq!(group.rooms.lock().unwrap().len(), 1, "for whom nobody was put out the room stays");
}

#[test]
fn engine_that_starts_again_has_left_and_may_join_again() {
    let mut group = Group::new(3, 0);
    for at in [ADA, BOB] {
        group.enter(at);
    }
    group.restart(CYD);
    assert_eq!(group.line(CYD), [ADA, BOB], "it is remembered");
    group.restart(ADA);
    group.pass(3_000);
    assert!(group.engine(ADA).group_call().is_none());
    group.agree(&[BOB]);
    group.enter(ADA);
    group.enter(CYD);
    group.agree(&[BOB, ADA, CYD]);
    assert_eq!(group.line(BOB), [BOB, ADA, CYD]);
}

#[test]
fn call_in_which_nobody_is_any_more_is_over_for_whoever_waits_in_vain() {
    let mut group = Group::new(3, 0);
    let ghost = group.enter(ADA);
    group.engines[ADA] = None;
    group.join(BOB);
    group.pass(40_000);
    assert!(group.engine(BOB).group_call().is_none(), "{:?}", group.seen(BOB));
    assert_eq!(group.engine(BOB).group_call_end(), Some((ghost, GroupCallEnd::NobodyThere)));
    assert_eq!(group.engine(CYD).group_calls(), []);
    let call = group.enter(BOB);
    assert_ne!(call, ghost);
    group.enter(CYD);
    group.agree(&[BOB, CYD]);
}

#[test]
fn word_that_a_call_is_over_changes_nothing_while_somebody_is_in_it() {
    use protocol::content::{Call, CallSignal, Kind};
    let mut group = Group::new(3, 0);
    let call_id = group.enter(ADA);
    let room = group.room;
    for signal in [CallSignal::Over, CallSignal::Leave, CallSignal::Join { key_package: vec![1; 90].into() }] {
        let kind = Kind::Call(Call { call_id, signal });
        group.does(CYD, |engine, now_ms| engine.send(now_ms, room, kind).map(|queued| queued.output));
        group.pass(15_000);
    }
    for at in [BOB, CYD] {
        assert_eq!(group.seen(at).map(|seen| seen.call_id), Some(call_id));
        assert!(group.records(at).is_empty());
    }
    group.agree(&[ADA]);
    group.enter(BOB);
    group.agree(&[ADA, BOB]);
}

#[test]
fn device_is_in_one_call_at_a_time() {
    let mut group = Group::new(2, 0);
    group.enter(ADA);
    let room = group.room;
    let again = group.engines[ADA].as_mut().unwrap().group_call_join(1, room, true).map(|_| ());
    assert!(matches!(again, Err(EngineError::Call(CallRefusal::InCall))));
    let direct = group.engines[ADA].as_mut().unwrap().call_start(1, room, true).map(|_| ());
    assert!(matches!(direct, Err(EngineError::Call(CallRefusal::NotDirect))));
    group.leave(ADA);
    assert_eq!(group.seen(BOB), None, "the last who leaves ends it");
    group.enter(BOB);
    group.agree(&[BOB]);
}
