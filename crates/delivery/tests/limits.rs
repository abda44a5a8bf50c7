//! The node's rules N9 to N14 of LANE.md s.3 and the limits of s.8, by name, at the limit and one past it.
#![allow(clippy::unwrap_used, missing_docs, dead_code)]

mod world;

use bytes::Bytes;
use delivery::storage::BlobInfo;
use delivery::{Policy, Rate};
use wire::id::{BlobId, DoorOwner, Hash};
use wire::lane::{GEN_ANY, LaneClass};
use wire::node::{Append, DoorClaim, DoorPut, Event, Open, Refusal, Request};
use wire::work::{Puzzle, search};
use world::{DAY_S, World, app, body, door, handshake, keys};

fn world() -> World {
    World::new(Policy::default())
}

#[test]
fn n9_cells_expire_by_age_and_the_record_outlives_them_by_180_days() {
    let mut world = world();
    let conn = world.connect();
    let classes = [(LaneClass::Group, 30), (LaneClass::Invite, 30), (LaneClass::Door, 14)];
    for (class, days) in classes {
        let lane = keys(class, 1);
        let (handle, _) = world.open(conn, lane.open(0));
        let append = app(handle, 0, 0, 1);
        let work = knock(&world, &lane, &append.body, 20);
        world.send(conn, Request::Append(Append { work, ..append }));
        let batch = world.node.take_batch(world.now_ms).unwrap();
        let [write] = batch.writes() else { panic!("one lane") };
        assert_eq!(write.cells_expire_s, world.now_s() + days * DAY_S, "{class:?}");
        assert!(write.record.forget_s >= write.cells_expire_s + 180 * DAY_S, "{class:?}");
        world.node.committed(batch, Err(delivery::StorageFailed));
        world.events(conn);
    }
}

#[test]
fn n10_lane_takes_its_burst_and_refuses_one_more_until_the_budget_refills() {
    let policy = Policy { lane_appends: Rate { burst: 10, refill: 4, per_ms: 1_000 }, ..Policy::default() };
    let mut world = World::new(policy);
    let (conn, lane) = (world.connect(), keys(LaneClass::Group, 1));
    let (handle, _) = world.open(conn, lane.open(0));
    for nth in 0..10 {
        world.append(conn, app(handle, nth, 0, nth)).unwrap();
    }
    assert_eq!(world.append(conn, app(handle, 10, 0, 10)), Err(Refusal::Busy { retry_after_ms: 250 }));
    world.now_ms += 250;
    world.append(conn, app(handle, 10, 0, 10)).unwrap();
    let other = keys(LaneClass::Group, 2);
    let (handle, _) = world.open(conn, other.open(0));
    world.append(conn, app(handle, 0, 0, 1)).unwrap();
}

#[test]
fn n10_handshakes_keep_their_budget_when_apps_spent_theirs_and_the_lane_is_full() {
    let policy = Policy { lane_appends: Rate::per(3, 1_000), lane_bytes_max: 3 * 1_024, ..Policy::default() };
    let mut world = World::new(policy);
    let (conn, lane) = (world.connect(), keys(LaneClass::Group, 1));
    let (handle, _) = world.open(conn, lane.open(0));
    for nth in 0..3 {
        world.append(conn, app(handle, nth, 0, nth)).unwrap();
    }
    world.now_ms += 1_000;
    assert!(matches!(world.append(conn, app(handle, 3, 0, 3)), Err(Refusal::Full { .. })));
    world.node.set_disk_full(true);
    world.append(conn, handshake(handle, 3, 0, 4)).unwrap();
}

#[test]
fn n10_one_connection_gets_a_fifth_of_a_lanes_handshakes() {
    let mut world = world();
    let lane = keys(LaneClass::Group, 1);
    for name in 0..5_u32 {
        let conn = world.connect();
        let (handle, _) = world.open(conn, lane.open(0));
        for nth in 0..6 {
            world.append(conn, handshake(handle, nth, GEN_ANY, name * 100 + nth)).unwrap();
        }
        let refused = world.append(conn, handshake(handle, 6, GEN_ANY, name * 100 + 6));
        assert!(matches!(refused, Err(Refusal::Busy { .. })), "{refused:?}");
    }
    // All thirty are spent: nobody gets one until the lane's budget refills, two seconds each.
    let conn = world.connect();
    let (handle, _) = world.open(conn, lane.open(0));
    let append = handshake(handle, 0, GEN_ANY, 999);
    assert_eq!(world.append(conn, append.clone()), Err(Refusal::Busy { retry_after_ms: 2_000 }));
    world.now_ms += 2_000;
    world.append(conn, append).unwrap();
}

#[test]
fn n10_large_commit_overdraws_the_budget_and_is_late_never_lost() {
    let mut world = world();
    let lane = keys(LaneClass::Group, 1);
    let blob = BlobId([1; 32]);
    let info = BlobInfo { size: 16 << 20, keep_until_s: world.now_s() + 365 * DAY_S };
    world.storage.blobs.borrow_mut().insert(blob, info);
    let conn = world.connect();
    let (handle, _) = world.open(conn, lane.open(0));
    let large = |nth, name| Append { attach: Hash(blob.0), ..handshake(handle, nth, GEN_ANY, name) };
    world.append(conn, large(0, 0)).unwrap();
    assert_eq!(world.append(conn, large(1, 1)), Err(Refusal::Busy { retry_after_ms: 60_000 }));
    world.now_ms += 3_600_000;
    world.append(conn, large(1, 1)).unwrap();
}

#[test]
fn n10_pending_appends_of_a_connection_are_bounded() {
    let mut world = world();
    let (conn, lane) = (world.connect(), keys(LaneClass::Group, 1));
    let (handle, _) = world.open(conn, lane.open(0));
    for nth in 0..257 {
        world.send(conn, Request::Append(app(handle, nth, 0, nth)));
    }
    let events = world.events(conn);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].1, Event::Refused(Refusal::Busy { retry_after_ms: 200 }));
    world.commit();
    assert_eq!(world.events(conn).iter().filter(|(_, event)| matches!(event, Event::Receipt(_))).count(), 256);
}

#[test]
fn connection_holds_its_lanes_and_not_one_more() {
    let policy = Policy { connection_lanes_max: 3, ..Policy::default() };
    let mut world = World::new(policy);
    let conn = world.connect();
    let lanes = [1, 2, 3, 4].map(|name| keys(LaneClass::Group, name));
    for lane in &lanes[..3] {
        world.open(conn, lane.open(0));
    }
    world.open(conn, lanes[0].open(0));
    assert_eq!(world.refused(conn, Request::Open(lanes[3].open(0))), Refusal::TooMany);
    assert_eq!(world.ask(conn, Request::Release { handle: 1 }), Event::Done);
    world.open(conn, lanes[3].open(0));
}

#[test]
fn node_holds_its_connections_and_not_one_more() {
    let policy = Policy { connections_max: 2, ..Policy::default() };
    let mut world = World::new(policy);
    let first = world.connect();
    world.connect();
    let refused = world.node.connect(world.now_ms, [0; 32]);
    assert_eq!(refused, Err(Refusal::Busy { retry_after_ms: 10_000 }));
    world.node.disconnect(first);
    let next = world.connect();
    assert_eq!(next.slot, first.slot);
    assert_ne!(next, first, "a late answer to the first never reaches the next");
}

#[test]
fn requests_of_a_connection_are_bounded_by_rate() {
    let policy = Policy { connection_requests: Rate::per(3, 1_000), ..Policy::default() };
    let mut world = World::new(policy);
    let (conn, lane) = (world.connect(), keys(LaneClass::Group, 1));
    for _ in 0..3 {
        world.open(conn, lane.open(0));
    }
    let refused = world.refused(conn, Request::Open(lane.open(0)));
    assert!(matches!(refused, Refusal::Busy { retry_after_ms: 334 }), "{refused:?}");
    world.now_ms += 334;
    world.open(conn, lane.open(0));
}

#[test]
fn bytes_that_a_connection_appends_are_bounded_by_rate_over_all_its_lanes() {
    let policy = Policy { connection_append_bytes: Rate::per(3 * 1_024, 1_000), ..Policy::default() };
    let mut world = World::new(policy);
    let conn = world.connect();
    let handles = [1, 2, 3, 4].map(|name| world.open(conn, keys(LaneClass::Group, name).open(0)).0);
    for handle in &handles[..3] {
        world.append(conn, app(*handle, 0, 0, 1)).unwrap();
    }
    assert_eq!(world.append(conn, app(handles[3], 0, 0, 1)), Err(Refusal::Busy { retry_after_ms: 1 }));
    let other = world.connect();
    let (handle, _) = world.open(other, keys(LaneClass::Group, 4).open(0));
    world.append(other, app(handle, 0, 0, 2)).unwrap();
    world.now_ms += 1_000;
    world.append(conn, app(handles[3], 0, 0, 1)).unwrap();
}

#[test]
fn invite_lane_holds_its_cells_and_not_one_more() {
    let mut world = world();
    let (conn, lane) = (world.connect(), keys(LaneClass::Invite, 1));
    let (handle, _) = world.open(conn, lane.open(0));
    for nth in 0..100 {
        world.append(conn, app(handle, nth, 0, nth)).unwrap();
    }
    let full = Err(Refusal::Full { retry_after_ms: 60_000 });
    assert_eq!(world.append(conn, app(handle, 100, 0, 100)), full);
    assert_eq!(world.append(conn, handshake(handle, 100, 0, 100)), full);
    assert_eq!(world.ask(conn, Request::Trim { handle, through: 1 }), Event::Done);
    world.append(conn, app(handle, 100, 0, 100)).unwrap();
}

#[test]
fn n6_slow_reader_gets_one_lag_and_then_pushes_again() {
    let policy = Policy { connection_outbound_bytes_max: 4 * (1_024 + 64), ..Policy::default() };
    let mut world = World::new(policy);
    let lane = keys(LaneClass::Group, 1);
    let (writer, reader) = (world.connect(), world.connect());
    let (handle, _) = world.open(writer, lane.open(0));
    world.open(reader, lane.open(0));
    for nth in 0..9 {
        world.append(writer, app(handle, nth, 0, nth)).unwrap();
    }
    let events: Vec<Event> = world.events(reader).into_iter().map(|(_, event)| event).collect();
    assert_eq!(events.len(), 5);
    assert!(events[..4].iter().all(|event| matches!(event, Event::Push { .. })));
    assert_eq!(events[4], Event::Lag { handle: 1, next_seq: 10 });
    world.append(writer, app(handle, 9, 0, 9)).unwrap();
    assert!(matches!(&world.events(reader)[..], [(0, Event::Push { cell, .. })] if cell.seq == 10));
}

#[test]
fn what_waits_for_all_readers_together_is_bounded() {
    let room = 64 << 10;
    let policy = Policy { outbound_bytes_max: room, ..Policy::default() };
    let mut world = World::new(policy);
    let lane = keys(LaneClass::Group, 1);
    let writer = world.connect();
    let (handle, _) = world.open(writer, lane.open(0));
    let readers: Vec<_> = (0..40).map(|_| world.connect()).collect();
    for reader in &readers {
        world.open(*reader, lane.open(0));
    }
    for nth in 0..100 {
        world.append(writer, app(handle, nth, 0, nth)).unwrap();
    }
    let mut pushed = 0;
    for reader in readers {
        let events = world.events(reader);
        let (last, cells) = events.split_last().unwrap();
        assert_eq!(last.1, Event::Lag { handle: 1, next_seq: 101 });
        pushed += cells.len();
    }
    // Each may hold a few cells more than its share of the common room.
    assert!(pushed * 1_088 <= room + 40 * (16 << 10) + 40 * 1_088, "{pushed}");
    assert!(pushed > 0);
}

#[test]
fn full_outbox_stops_the_requests_of_its_connection_alone() {
    let policy = Policy { connection_outbound_bytes_max: 2_048, ..Policy::default() };
    let mut world = World::new(policy);
    let (conn, other, lane) = (world.connect(), world.connect(), keys(LaneClass::Group, 1));
    while world.node.may_handle(conn) {
        world.send(conn, Request::Open(lane.open(0)));
    }
    assert!(world.node.may_handle(other));
    world.events(conn);
    assert!(world.node.may_handle(conn));
}

fn put(name: u8, owner: u8) -> DoorPut {
    DoorPut {
        door_id: door(name),
        owner: DoorOwner([owner; 32]),
        record: None,
        key_packages: Vec::new(),
        last_resort: None,
        replace: false,
    }
}

/// A claim with its work done for the latest connection.
fn claim(world: &World, name: u8, counter: u32) -> DoorClaim {
    let door_id = door(name);
    let work = search(&world.nonce(), Puzzle::Claim(&door_id, counter), world.policy.claim_bits, 0, u64::MAX);
    DoorClaim { door_id, counter, work: work.unwrap(), record_only: false }
}

fn knock(world: &World, lane: &world::Keys, body: &Bytes, bits: u32) -> u64 {
    search(&world.nonce(), Puzzle::Knock(&lane.id, &Hash::of(&[body])), bits, 0, u64::MAX).unwrap()
}

fn easy() -> Policy {
    Policy { claim_bits: 4, knock_bits: 3, knock_bits_max: 5, ..Policy::default() }
}

#[test]
fn n12_each_key_package_is_claimed_once_and_the_last_resort_stays() {
    let mut world = World::new(easy());
    let conn = world.connect();
    let packages = [1, 2].map(|name| Bytes::from(vec![name; 2_000]));
    let all = DoorPut {
        record: Some(Bytes::from_static(b"record")),
        key_packages: packages.to_vec(),
        last_resort: Some(Bytes::from_static(b"last")),
        ..put(1, 1)
    };
    assert_eq!(world.ask(conn, Request::DoorPut(all)), Event::DoorStored { key_packages: 2 });
    world.restart();
    let mut claimed = Vec::new();
    for counter in 0..4 {
        let conn = world.connect();
        let request = claim(&world, 1, 0);
        let Event::DoorClaimed { record, key_package, is_last_resort } = world.ask(conn, Request::DoorClaim(request))
        else {
            panic!("claim {counter}")
        };
        assert_eq!(record, &b"record"[..]);
        claimed.push((key_package.unwrap(), is_last_resort));
    }
    let [first, second] = packages;
    let last = Bytes::from_static(b"last");
    assert_eq!(claimed, [(first, false), (second, false), (last.clone(), true), (last, true)]);
}

#[test]
fn n12_door_without_key_packages_gives_its_record_alone() {
    let mut world = World::new(easy());
    let conn = world.connect();
    let record = Some(Bytes::from_static(b"record"));
    world.ask(conn, Request::DoorPut(DoorPut { record, ..put(1, 1) }));
    let request = claim(&world, 1, 0);
    let expected =
        Event::DoorClaimed { record: Bytes::from_static(b"record"), key_package: None, is_last_resort: false };
    assert_eq!(world.ask(conn, Request::DoorClaim(request)), expected);
}

#[test]
fn n12_claim_of_the_record_alone_takes_no_key_package() {
    let mut world = World::new(easy());
    let conn = world.connect();
    let key_packages = vec![Bytes::from_static(b"one")];
    world.ask(conn, Request::DoorPut(DoorPut { key_packages, ..put(1, 1) }));
    let request = DoorClaim { record_only: true, ..claim(&world, 1, 0) };
    let Event::DoorClaimed { key_package: None, .. } = world.ask(conn, Request::DoorClaim(request)) else { panic!() };
    assert_eq!(world.ask(conn, Request::DoorPut(put(1, 1))), Event::DoorStored { key_packages: 1 });
}

#[test]
fn n12_put_needs_the_owners_preimage() {
    let mut world = World::new(easy());
    let conn = world.connect();
    world.ask(conn, Request::DoorPut(put(1, 1)));
    assert_eq!(world.refused(conn, Request::DoorPut(put(1, 2))), Refusal::Denied);
    world.ask(conn, Request::DoorPut(put(2, 2)));
}

#[test]
fn n12_door_holds_a_hundred_key_packages_and_replace_drops_the_old_ones() {
    let mut world = World::new(easy());
    let conn = world.connect();
    let packages = |count: usize| (0..count).map(|name| Bytes::from(vec![name as u8; 10])).collect::<Vec<_>>();
    let with = |count, replace| Request::DoorPut(DoorPut { key_packages: packages(count), replace, ..put(1, 1) });
    assert_eq!(world.ask(conn, with(99, false)), Event::DoorStored { key_packages: 99 });
    assert_eq!(world.ask(conn, with(1, false)), Event::DoorStored { key_packages: 100 });
    assert_eq!(world.refused(conn, with(1, false)), Refusal::TooMany);
    assert_eq!(world.ask(conn, with(100, true)), Event::DoorStored { key_packages: 100 });
    assert_eq!(world.ask(conn, with(2, true)), Event::DoorStored { key_packages: 2 });
}

#[test]
fn n13_claim_needs_work_bound_to_connection_door_and_counter() {
    let mut world = World::new(Policy { claim_bits: 14, ..easy() });
    let conn = world.connect();
    for name in [1, 2] {
        world.ask(conn, Request::DoorPut(put(name, 1)));
    }
    let first = claim(&world, 1, 0);
    let work = Refusal::Work { bits: 14 };
    let elsewhere = DoorClaim { door_id: door(2), ..first.clone() };
    assert_eq!(world.refused(conn, Request::DoorClaim(elsewhere)), work);
    assert!(matches!(world.ask(conn, Request::DoorClaim(first.clone())), Event::DoorClaimed { .. }));
    assert_eq!(world.refused(conn, Request::DoorClaim(first.clone())), work, "not replayed");
    let other = world.connect();
    assert_eq!(world.refused(other, Request::DoorClaim(first)), work, "not on another connection");
    let next = claim(&world, 3, 0);
    assert_eq!(world.refused(other, Request::DoorClaim(next)), Refusal::NoDoor);
    let next = claim(&world, 1, 0);
    let done = world.ask(other, Request::DoorClaim(next));
    assert!(matches!(done, Event::DoorClaimed { .. }), "a claim that found no door does not count");
}

#[test]
fn n13_knock_needs_work_that_grows_with_the_queue() {
    let policy = Policy { door_cells_max: 70, ..easy() };
    let mut world = World::new(policy);
    let lane = keys(LaneClass::Door, 1);
    let owner = world.connect();
    let expires_s = world.now_s() + 90 * DAY_S;
    world.open(owner, Open { expires_s, ..lane.open(0) });
    let conn = world.connect();
    let (handle, _) = world.open(conn, Open { read_cap: None, ..lane.open(0) });
    let lazy = (0..)
        .map(body)
        .find(|body| !wire::work::is_done(&world.nonce(), Puzzle::Knock(&lane.id, &Hash::of(&[body])), 0, 3));
    let lazy = Append { body: lazy.unwrap(), ..app(handle, 0, 0, 0) };
    assert_eq!(world.append(conn, lazy), Err(Refusal::Work { bits: 3 }));
    for nth in 0..70 {
        let append = app(handle, nth, 0, 10_000 + nth);
        let bits = 3 + nth / 64;
        let work = knock(&world, &lane, &append.body, bits);
        world.append(conn, Append { work, ..append }).unwrap();
    }
    let append = app(handle, 70, 0, 99_999);
    assert_eq!(world.append(conn, append), Err(Refusal::Full { retry_after_ms: 60_000 }), "full before work");
    // The same knock again is known and needs no work.
    let again = world.append(conn, app(handle, 70, 0, 10_000)).unwrap();
    assert_eq!(again.seq, 1);
}

#[test]
fn n13_work_for_one_body_does_not_serve_another() {
    let mut world = World::new(Policy { knock_bits: 14, knock_bits_max: 26, ..easy() });
    let lane = keys(LaneClass::Door, 1);
    let conn = world.connect();
    let (handle, _) = world.open(conn, lane.open(0));
    let append = app(handle, 0, 0, 1);
    let work = knock(&world, &lane, &append.body, 14);
    let other = Append { work, ..app(handle, 0, 0, 2) };
    assert_eq!(world.append(conn, other), Err(Refusal::Work { bits: 14 }));
    world.append(conn, Append { work, ..append }).unwrap();
}

#[test]
fn n14_whisper_needs_write_reaches_readers_and_is_never_stored() {
    let mut world = world();
    let lane = keys(LaneClass::Group, 1);
    let (conn, reader) = (world.connect(), world.connect());
    let (handle, _) = world.open(conn, lane.open(0));
    world.append(conn, app(handle, 0, 0, 1)).unwrap();
    let (read_handle, _) = world.open(reader, Open { write_cap: None, ..lane.open(1) });
    let writer = world.connect();
    let (write_handle, _) = world.open(writer, Open { read_cap: None, ..lane.open(1) });
    let whisper = |handle| Request::Whisper { handle, body: body(5) };
    assert_eq!(world.refused(reader, whisper(read_handle)), Refusal::Denied);
    assert_eq!(world.ask(writer, whisper(write_handle)), Event::Done);
    for (conn, handle) in [(conn, handle), (reader, read_handle)] {
        assert_eq!(world.events(conn), [(0, Event::Whispered { handle, body: body(5) })]);
    }
    assert_eq!(world.events(writer), [], "not to who may not read");
    assert_eq!(world.storage.commits.get(), 1);
    let (_, page) = world.open(conn, lane.open(1));
    assert_eq!(page.next_seq, 2);
}

#[test]
fn n14_four_whispers_a_second_and_not_five() {
    let mut world = world();
    let lane = keys(LaneClass::Group, 1);
    let conn = world.connect();
    let (handle, _) = world.open(conn, lane.open(0));
    let whisper = Request::Whisper { handle, body: body(5) };
    for _ in 0..4 {
        assert_eq!(world.ask(conn, whisper.clone()), Event::Done);
    }
    assert_eq!(world.refused(conn, whisper.clone()), Refusal::Busy { retry_after_ms: 250 });
    world.now_ms += 250;
    assert_eq!(world.ask(conn, whisper), Event::Done);
}

#[test]
fn n14_whispers_are_the_first_thing_dropped_for_a_slow_reader() {
    let room = 4 * (1_024 + 64);
    let policy = Policy { connection_outbound_bytes_max: room, ..Policy::default() };
    let mut world = World::new(policy);
    let lane = keys(LaneClass::Group, 1);
    let (writer, reader) = (world.connect(), world.connect());
    let (handle, _) = world.open(writer, lane.open(0));
    world.open(reader, lane.open(0));
    for _ in 0..2 {
        world.ask(writer, Request::Whisper { handle, body: body(5) });
    }
    for nth in 0..4 {
        world.append(writer, app(handle, nth, 0, nth)).unwrap();
    }
    let events = world.events(reader);
    assert_eq!(events.len(), 4);
    assert!(events.iter().all(|(_, event)| matches!(event, Event::Push { .. })), "{events:?}");
}

#[test]
fn malformed_request_is_refused_alone() {
    let mut world = world();
    let (conn, lane) = (world.connect(), keys(LaneClass::Group, 1));
    let (handle, _) = world.open(conn, lane.open(0));
    let odd = Append { body: Bytes::from_static(b"odd"), ..app(handle, 0, 0, 1) };
    assert_eq!(world.append(conn, odd), Err(Refusal::Malformed));
    world.append(conn, app(handle, 0, 0, 1)).unwrap();
}

#[test]
fn lane_at_rest_is_let_go_and_comes_back_as_it_was() {
    let mut world = world();
    let (conn, lane) = (world.connect(), keys(LaneClass::Group, 1));
    let (handle, _) = world.open(conn, lane.open(0));
    world.append(conn, handshake(handle, 0, 0, 1)).unwrap();
    assert_eq!(world.node.counts().lanes_hot, 1);
    world.node.tick(world.now_ms);
    assert_eq!(world.node.counts().lanes_hot, 1, "its budget is not full again");
    world.now_ms += 3_600_000;
    world.node.tick(world.now_ms);
    assert_eq!(world.node.counts().lanes_hot, 0);
    assert_eq!(world.append(conn, app(handle, 1, 1, 2)).unwrap().seq, 2);
    world.node.disconnect(conn);
    world.now_ms += 3_600_000;
    world.node.tick(world.now_ms);
    assert_eq!((world.node.counts().lanes, world.node.counts().subscriptions), (0, 0));
}

#[test]
fn disconnected_senders_cells_are_committed_and_pushed() {
    let mut world = world();
    let lane = keys(LaneClass::Group, 1);
    let (conn, reader) = (world.connect(), world.connect());
    let (handle, _) = world.open(conn, lane.open(0));
    world.open(reader, lane.open(0));
    world.send(conn, Request::Append(app(handle, 0, 0, 1)));
    world.node.disconnect(conn);
    let next = world.connect();
    world.commit();
    assert_eq!(world.events(next), [], "the slot's next user hears nothing of it");
    assert!(matches!(&world.events(reader)[..], [(0, Event::Push { .. })]));
}
