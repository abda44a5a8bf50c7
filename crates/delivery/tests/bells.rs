//! N15: bells ring once for whoever went away, and nobody else.
#![allow(clippy::unwrap_used, missing_docs, dead_code)]

mod world;

use delivery::{ConnId, Leave, Policy};
use wire::bell::Bell;
use wire::lane::LaneClass;
use wire::node::{Event, Open, Refusal, Request};
use world::{DAY_S, World, app, keys};

fn bell(name: u8) -> Bell {
    Bell::parse(format!("https://push.example/{name}").as_bytes(), &[4; 65], &[name; 16]).unwrap()
}

fn set(world: &mut World, conn: ConnId, name: u8) {
    assert_eq!(world.ask(conn, Request::Bell(Some(Box::new(bell(name))))), Event::Done);
}

fn rings(world: &mut World) -> Vec<Bell> {
    let mut rings = Vec::new();
    world.node.take_rings(&mut rings);
    rings
}

/// A writer of lane 1 with its handle, and a reader that went away and left bell 1.
fn with_dozing(policy: Policy) -> (World, ConnId, u32) {
    let mut world = World::new(policy);
    let lane = keys(LaneClass::Group, 1);
    let (writer, reader) = (world.connect(), world.connect());
    let (handle, _) = world.open(writer, lane.open(0));
    world.open(reader, lane.open(0));
    set(&mut world, reader, 1);
    world.node.leave(world.now_ms, reader, Leave::Heard);
    (world, writer, handle)
}

#[test]
fn n15_first_cell_after_a_reader_left_rings_its_bell_once() {
    let (mut world, writer, handle) = with_dozing(Policy::default());
    assert_eq!((world.node.counts().connections, world.node.counts().bells), (1, 1));
    assert_eq!(rings(&mut world), []);
    world.append(writer, app(handle, 0, 0, 1)).unwrap();
    assert_eq!(rings(&mut world), [bell(1)]);
    assert_eq!((world.node.counts().connections, world.node.counts().bells), (1, 0));
    assert_eq!(world.node.counts().subscriptions, 1);
    world.append(writer, app(handle, 1, 0, 2)).unwrap();
    assert_eq!(rings(&mut world), [], "one wake is enough until the device was back");
}

#[test]
fn n15_bell_is_silent_while_its_owner_is_connected_and_after_it_is_taken_back() {
    let mut world = World::new(Policy::default());
    let lane = keys(LaneClass::Group, 1);
    let (writer, reader) = (world.connect(), world.connect());
    let (handle, _) = world.open(writer, lane.open(0));
    world.open(reader, lane.open(0));
    set(&mut world, reader, 1);
    world.append(writer, app(handle, 0, 0, 1)).unwrap();
    assert_eq!(world.ask(reader, Request::Bell(None)), Event::Done);
    world.node.leave(world.now_ms, reader, Leave::Unheard);
    world.append(writer, app(handle, 1, 0, 2)).unwrap();
    assert_eq!(rings(&mut world), []);
    assert_eq!(world.node.counts().bells, 0);
}

#[test]
fn n15_device_that_is_back_is_not_rung_for_its_former_self() {
    let (mut world, writer, handle) = with_dozing(Policy::default());
    let again = world.connect();
    set(&mut world, again, 1);
    assert_eq!(world.node.counts().bells, 0);
    world.append(writer, app(handle, 0, 0, 1)).unwrap();
    assert_eq!(rings(&mut world), []);
}

#[test]
fn n15_reader_that_may_have_missed_something_is_rung_at_once() {
    let mut world = World::new(Policy::default());
    let reader = world.connect();
    world.open(reader, keys(LaneClass::Group, 1).open(0));
    set(&mut world, reader, 1);
    world.node.leave(world.now_ms, reader, Leave::Unheard);
    assert_eq!(rings(&mut world), [bell(1)]);
    assert_eq!((world.node.counts().bells, world.node.counts().subscriptions), (0, 0));
}

#[test]
fn n15_bell_without_a_lane_to_read_is_forgotten() {
    let mut world = World::new(Policy::default());
    let lane = keys(LaneClass::Group, 1);
    let (writer, blind, empty) = (world.connect(), world.connect(), world.connect());
    let (handle, _) = world.open(writer, lane.open(0));
    world.append(writer, app(handle, 0, 0, 1)).unwrap();
    world.open(blind, Open { read_cap: None, ..lane.open(0) });
    for (conn, name) in [(blind, 1), (empty, 2)] {
        set(&mut world, conn, name);
        world.node.leave(world.now_ms, conn, Leave::Heard);
    }
    assert_eq!((world.node.counts().bells, world.node.counts().subscriptions), (0, 1));
    world.append(writer, app(handle, 1, 0, 2)).unwrap();
    assert_eq!(rings(&mut world), []);
}

#[test]
fn n15_answer_that_comes_late_and_a_whisper_do_not_reach_who_dozes() {
    let (mut world, writer, handle) = with_dozing(Policy::default());
    let lane = keys(LaneClass::Group, 2);
    let leaver = world.connect();
    let (own, _) = world.open(leaver, lane.open(0));
    set(&mut world, leaver, 2);
    world.send(leaver, Request::Append(app(own, 0, 0, 1)));
    world.node.leave(world.now_ms, leaver, Leave::Heard);
    world.send(writer, Request::Whisper { handle, body: vec![7; 1_024].into() });
    assert_eq!(rings(&mut world), []);
    // The batch brings its own cell back: a lane that grew is a lane that grew.
    world.commit();
    assert_eq!(rings(&mut world), [bell(2)]);
    assert_eq!(world.node.counts().bells, 1, "whispers wake nobody");
}

#[test]
fn n15_bells_end_by_age_and_give_way_to_those_who_are_awake() {
    let policy = Policy { bell_days: 2, subscriptions_max: 3, ..Policy::default() };
    let (mut world, writer, _) = with_dozing(policy.clone());
    world.now_ms += 2 * DAY_S * 1_000 - 1;
    world.node.tick(world.now_ms);
    assert_eq!(world.node.counts().bells, 1);
    world.now_ms += 1;
    world.node.tick(world.now_ms);
    assert_eq!((world.node.counts().bells, world.node.counts().subscriptions), (0, 1));
    drop((world, writer));

    let (mut world, writer, _) = with_dozing(policy);
    world.open(writer, keys(LaneClass::Group, 2).open(0));
    assert_eq!(world.node.counts().bells, 1);
    world.open(writer, keys(LaneClass::Group, 3).open(0));
    assert_eq!(world.node.counts().bells, 0);
    let fourth = world.refused(writer, Request::Open(keys(LaneClass::Group, 4).open(0)));
    assert!(matches!(fourth, Refusal::Busy { .. }), "{fourth:?}");
}

#[test]
fn n15_as_many_doze_as_the_limit_says_and_none_where_bells_are_off() {
    let mut world = World::new(Policy { bells_max: 2, ..Policy::default() });
    for name in 1..=3 {
        let conn = world.connect();
        world.open(conn, keys(LaneClass::Group, name).open(0));
        set(&mut world, conn, name);
        world.node.leave(world.now_ms, conn, Leave::Heard);
    }
    assert_eq!((world.node.counts().bells, world.node.counts().connections), (2, 0));
    let mut world = World::new(Policy { bells_max: 0, ..Policy::default() });
    let conn = world.connect();
    assert_eq!(world.refused(conn, Request::Bell(Some(Box::new(bell(1))))), Refusal::Denied);
}

#[test]
fn n15_endpoint_that_is_gone_is_refused_and_another_taken() {
    let (mut world, writer, handle) = with_dozing(Policy::default());
    world.node.bell_gone(&bell(1));
    world.append(writer, app(handle, 0, 0, 1)).unwrap();
    assert_eq!(rings(&mut world), []);
    assert_eq!(world.refused(writer, Request::Bell(Some(Box::new(bell(1))))), Refusal::Denied);
    set(&mut world, writer, 2);
}

#[test]
fn dozing_do_not_take_the_places_of_connections() {
    let (mut world, _, _) = with_dozing(Policy { connections_max: 2, ..Policy::default() });
    world.connect();
    assert!(world.node.connect(world.now_ms, [9; 32]).is_err());
}
