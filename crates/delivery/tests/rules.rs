//! The node's rules N1 to N8 of LANE.md s.3, by name; `limits.rs` has the others.
#![allow(clippy::unwrap_used, missing_docs, dead_code)]

mod world;

use delivery::Policy;
use wire::id::{Hash, ReadCap, WriteCap};
use wire::lane::{CellKind, GEN_ANY, LaneClass, head_next, head_zero};
use wire::node::{Append, Event, Open, Refusal, Request};
use world::{DAY_S, Fault, World, app, body, handshake, keys};

fn world() -> World {
    World::new(Policy::default())
}

#[test]
fn n1_first_event_is_hello_with_key_nonce_bits_and_limits() {
    let mut world = world();
    let conn = world.node.connect(world.now_ms, [9; 32]).unwrap();
    let events = world.events(conn);
    let [(0, Event::Hello(hello))] = &events[..] else { panic!("{events:?}") };
    assert_eq!((hello.version, hello.node_key, hello.nonce), (1, world.node_key(), [9; 32]));
    assert_eq!((hello.claim_bits, hello.knock_bits), (18, 20));
    assert_eq!((hello.limits.lanes, hello.limits.appends_unanswered), (2_048, 256));
}

#[test]
fn n2_unknown_lane_opens_empty_with_both_caps_and_is_stored_at_its_first_append() {
    let mut world = world();
    let (conn, lane) = (world.connect(), keys(LaneClass::Group, 1));
    let (handle, page) = world.open(conn, lane.open(0));
    assert_eq!((page.first_seq, page.next_seq, page.gen_now, page.cells.len()), (1, 1, 0, 0));
    assert_eq!(page.receipt, None);
    assert_eq!(world.storage.lanes_stored(), 0);
    world.append(conn, app(handle, 0, 0, 1)).unwrap();
    assert_eq!(world.storage.lanes_stored(), 1);
}

#[test]
fn n2_both_caps_must_recompute_the_id_and_one_must_match_a_stored_lane() {
    let mut world = world();
    let (conn, lane) = (world.connect(), keys(LaneClass::Group, 1));
    let wrong = Open { write_cap: Some(WriteCap([3; 32])), ..lane.open(0) };
    assert_eq!(world.refused(conn, Request::Open(wrong.clone())), Refusal::Denied);
    let other_class = Open { class: LaneClass::Door, ..lane.open(0) };
    assert_eq!(world.refused(conn, Request::Open(other_class)), Refusal::Denied);
    let reader = Open { write_cap: None, ..lane.open(0) };
    let writer = Open { read_cap: None, ..lane.open(0) };
    // Not stored, though another connection holds it open: the same answer as to a wrong capability.
    let (handle, _) = world.open(conn, lane.open(0));
    let stranger = world.connect();
    assert_eq!(world.refused(stranger, Request::Open(reader.clone())), Refusal::Denied);
    world.append(conn, app(handle, 0, 0, 1)).unwrap();
    let bad_reader = Open { read_cap: Some(ReadCap([3; 32])), ..reader.clone() };
    assert_eq!(world.refused(stranger, Request::Open(bad_reader)), Refusal::Denied);
    assert_eq!(world.refused(stranger, Request::Open(wrong)), Refusal::Denied, "both shown, both must fit");
    let none = Open { write_cap: None, ..writer.clone() };
    assert_eq!(world.refused(stranger, Request::Open(none)), Refusal::Malformed);
    let (read_handle, page) = world.open(stranger, reader);
    assert_eq!(page.cells.len(), 1);
    assert_eq!(world.append(stranger, app(read_handle, 0, 0, 2)), Err(Refusal::Denied), "read does not grant write");
    let (same, _) = world.open(stranger, writer);
    assert_eq!(same, read_handle, "a lane has one handle on a connection");
    world.append(stranger, app(same, 0, 0, 2)).unwrap();
}

#[test]
fn n2_writer_without_read_gets_no_cells_from_its_open() {
    let mut world = world();
    let (conn, lane) = (world.connect(), keys(LaneClass::Group, 1));
    let (handle, _) = world.open(conn, lane.open(0));
    world.append(conn, app(handle, 0, 0, 1)).unwrap();
    let writer = world.connect();
    let (handle, page) = world.open(writer, Open { read_cap: None, ..lane.open(0) });
    assert_eq!((page.cells.len(), page.next_seq), (0, 2));
    assert_eq!(world.refused(writer, Request::Read { handle, after: 0 }), Refusal::Denied);
    world.append(conn, app(1, 1, 0, 2)).unwrap();
    assert_eq!(world.events(writer), [], "and no pushes");
}

#[test]
fn n2_invite_with_an_expiry_is_stored_at_open_and_lives_thirty_days_at_most() {
    for (asked_days, kept_days) in [(1, 1), (30, 30), (31, 30)] {
        let mut world = world();
        let (conn, lane) = (world.connect(), keys(LaneClass::Invite, 1));
        let expires_s = world.now_s() + asked_days * DAY_S;
        let (handle, _) = world.open(conn, Open { expires_s, ..lane.open(0) });
        assert_eq!(world.storage.lanes_stored(), 1);
        // Stored: one capability suffices now.
        let guest = world.connect();
        let (guest_handle, _) = world.open(guest, Open { read_cap: None, ..lane.open(0) });
        world.now_ms += (kept_days * DAY_S - 1) * 1_000;
        world.append(guest, app(guest_handle, 0, 0, 1)).unwrap();
        world.now_ms += 1_000;
        assert_eq!(world.append(guest, app(guest_handle, 1, 0, 2)), Err(Refusal::Closed));
        assert_eq!(world.append(conn, app(handle, 0, 0, 3)), Err(Refusal::Closed));
    }
}

#[test]
fn n2_group_lane_is_not_stored_by_an_expiry() {
    let mut world = world();
    let (conn, lane) = (world.connect(), keys(LaneClass::Group, 1));
    let expires_s = world.now_s() + DAY_S;
    world.open(conn, Open { expires_s, ..lane.open(0) });
    assert_eq!(world.storage.lanes_stored(), 0);
}

#[test]
fn n2_each_open_brings_its_first_page() {
    let mut world = world();
    let conn = world.connect();
    let lanes = [1, 2, 3].map(|name| keys(LaneClass::Group, name));
    for lane in &lanes {
        let (handle, _) = world.open(conn, lane.open(0));
        for nth in 0..3 {
            world.append(conn, app(handle, nth, 0, nth)).unwrap();
        }
    }
    let again = world.connect();
    let ids = lanes.clone().map(|lane| world.send(again, Request::Open(lane.open(1))));
    let events = world.events(again);
    for ((id, lane), (answers, event)) in ids.iter().zip(&lanes).zip(&events) {
        let Event::Opened { page, .. } = event else { panic!("{event:?}") };
        assert_eq!((answers, page.cells.len(), page.cells[0].seq), (id, 2, 2));
        let receipt = page.receipt.as_ref().unwrap();
        assert_eq!((receipt.seq, receipt.size), (3, 3), "one signature for all");
        world.verify(receipt, &lane.id);
    }
}

#[test]
fn n3_order_of_checks_is_a_to_g() {
    // Each append breaks its own rule and all that come after it; the refusal names the first.
    let policy = Policy { lane_bytes_max: 3 * 1_024, ..Policy::default() };
    let mut world = World::new(policy);
    let (conn, lane) = (world.connect(), keys(LaneClass::Group, 1));
    let (handle, _) = world.open(conn, lane.open(0));
    world.append(conn, handshake(handle, 0, 0, 0)).unwrap();
    world.append(conn, app(handle, 1, 1, 1)).unwrap();
    world.append(conn, app(handle, 2, 1, 2)).unwrap();
    let (bad_gen, bad_blob) = (0, Hash([1; 32]));
    let reader = world.connect();
    let (read_handle, _) = world.open(reader, Open { write_cap: None, ..lane.open(0) });
    let all_wrong = Append { attach: bad_blob, ..app(handle, 9, bad_gen, 1) };
    assert_eq!(world.append(reader, Append { handle: read_handle, ..all_wrong.clone() }), Err(Refusal::Denied), "a");
    assert_eq!(world.append(conn, all_wrong.clone()), Err(Refusal::OutOfOrder), "c before d");
    let repeated = world.append(conn, Append { nth: 3, ..all_wrong.clone() }).unwrap();
    assert_eq!(repeated.seq, 2, "d before e, f and g");
    let fresh = Append { nth: 4, body: body(77), ..all_wrong };
    assert_eq!(world.append(conn, fresh.clone()), Err(Refusal::Full { retry_after_ms: 60_000 }), "e before f");
    let kind_one = Append { kind: CellKind::Handshake, ..fresh };
    let stale = Refusal::Stale { gen_now: 1, next_seq: 4 };
    assert_eq!(world.append(conn, kind_one.clone()), Err(stale), "f before g");
    assert_eq!(world.append(conn, Append { if_gen: 1, ..kind_one.clone() }), Err(Refusal::NoBlob), "g");
    let receipt = world.append(conn, Append { if_gen: 1, attach: Hash::ZERO, ..kind_one }).unwrap();
    assert_eq!((receipt.seq, receipt.gen_before), (4, 1));
}

#[test]
fn n3c_nothing_pipelined_behind_a_refusal_slips_past_it() {
    let mut world = world();
    let (conn, lane) = (world.connect(), keys(LaneClass::Group, 1));
    let (handle, _) = world.open(conn, lane.open(0));
    for (nth, if_gen) in [(0, 0), (1, 5), (2, 0), (3, 0)] {
        world.send(conn, Request::Append(app(handle, nth, if_gen, nth)));
    }
    world.commit();
    let answers: Vec<Event> = world.events(conn).into_iter().map(|(_, event)| event).collect();
    assert!(matches!(&answers[0], Event::Refused(Refusal::OutOfOrder)), "{answers:?}");
    let receipts = answers.iter().filter(|event| matches!(event, Event::Receipt(_))).count();
    let out_of_order = answers.iter().filter(|event| **event == Event::Refused(Refusal::OutOfOrder)).count();
    let stale = answers.iter().filter(|event| matches!(event, Event::Refused(Refusal::Stale { .. }))).count();
    assert_eq!((receipts, stale, out_of_order), (1, 1, 2));
}

#[test]
fn n3d_repeated_body_gets_the_originals_position_and_stores_nothing() {
    let mut world = world();
    let (conn, lane) = (world.connect(), keys(LaneClass::Group, 1));
    let (handle, _) = world.open(conn, lane.open(0));
    let original = world.append(conn, app(handle, 0, 0, 7)).unwrap();
    world.append(conn, handshake(handle, 1, 0, 8)).unwrap();
    world.restart();
    let conn = world.connect();
    let (handle, _) = world.open(conn, lane.open(2));
    // Another kind, gen and attach do not matter: one body is at most once in a lane.
    let again = world.append(conn, handshake(handle, 0, 0, 7)).unwrap();
    assert_eq!((again.seq, again.gen_before, again.head), (1, 0, original.head));
    world.verify(&again, &lane.id);
    let next = world.append(conn, app(handle, 1, 1, 9)).unwrap();
    assert_eq!(next.seq, 3, "the repeated append counted for nth");
    let other = keys(LaneClass::Group, 2);
    let (other_handle, _) = world.open(conn, other.open(0));
    assert_eq!(world.append(conn, app(other_handle, 0, 0, 7)).unwrap().seq, 1, "another lane is another matter");
}

#[test]
fn n3d_body_repeated_before_it_is_durable_gets_one_position() {
    let mut world = world();
    let lane = keys(LaneClass::Group, 1);
    let conns = [world.connect(), world.connect()];
    let handles = conns.map(|conn| world.open(conn, lane.open(0)).0);
    let first = world.send(conns[0], Request::Append(app(handles[0], 0, 0, 7)));
    let second = world.send(conns[1], Request::Append(app(handles[1], 0, 0, 7)));
    world.commit();
    for (conn, id) in [(conns[0], first), (conns[1], second)] {
        let events = world.events(conn);
        let receipt = events.iter().find_map(|(answers, event)| match event {
            Event::Receipt(receipt) if *answers == id => Some(receipt),
            _ => None,
        });
        assert_eq!(receipt.unwrap().seq, 1);
        world.verify(receipt.unwrap(), &lane.id);
    }
    let (_, page) = world.open(conns[0], lane.open(0));
    assert_eq!(page.next_seq, 2);
}

#[test]
fn n3e_closed_lane_takes_nothing_more() {
    let mut world = world();
    let (conn, lane) = (world.connect(), keys(LaneClass::Invite, 1));
    let (handle, _) = world.open(conn, lane.open(0));
    world.append(conn, app(handle, 0, 0, 1)).unwrap();
    assert_eq!(world.ask(conn, Request::Close { handle }), Event::Done);
    assert_eq!(world.append(conn, app(handle, 1, 0, 2)), Err(Refusal::Closed));
    world.restart();
    let conn = world.connect();
    let (handle, page) = world.open(conn, lane.open(1));
    assert_eq!((page.first_seq, page.next_seq), (2, 2), "its cells are gone, its record is not");
    assert_eq!(world.append(conn, app(handle, 0, 0, 3)), Err(Refusal::Closed));
}

#[test]
fn n3f_any_gen_is_for_handshakes_only() {
    let mut world = world();
    let (conn, lane) = (world.connect(), keys(LaneClass::Group, 1));
    let (handle, _) = world.open(conn, lane.open(0));
    assert_eq!(world.append(conn, app(handle, 0, GEN_ANY, 1)), Err(Refusal::Stale { gen_now: 0, next_seq: 1 }));
    assert_eq!(world.append(conn, handshake(handle, 0, GEN_ANY, 1)).unwrap().gen_before, 0);
    assert_eq!(world.append(conn, handshake(handle, 1, GEN_ANY, 2)).unwrap().gen_before, 1);
}

#[test]
fn n3f_stale_is_said_once_what_made_it_stale_can_be_read() {
    let mut world = world();
    let lane = keys(LaneClass::Group, 1);
    let conns = [world.connect(), world.connect()];
    let handles = conns.map(|conn| world.open(conn, lane.open(0)).0);
    world.send(conns[0], Request::Append(handshake(handles[0], 0, 0, 1)));
    let loser = world.send(conns[1], Request::Append(handshake(handles[1], 0, 0, 2)));
    assert_eq!(world.events(conns[1]), []);
    world.commit();
    let events = world.events(conns[1]);
    assert_eq!(events[0], (loser, Event::Refused(Refusal::Stale { gen_now: 1, next_seq: 2 })));
    assert!(matches!(&events[1].1, Event::Push { cell, .. } if cell.seq == 1));
}

#[test]
fn n4_accepting_extends_the_head_and_counts_handshakes() {
    let mut world = world();
    let (conn, lane) = (world.connect(), keys(LaneClass::Group, 1));
    let (handle, _) = world.open(conn, lane.open(0));
    let mut head = head_zero(&lane.id);
    let mut gen_now = 0;
    for nth in 0..6_u32 {
        let is_handshake = nth % 2 == 0;
        let append = if is_handshake { handshake(handle, nth, gen_now, nth) } else { app(handle, nth, gen_now, nth) };
        head = head_next(&head, u64::from(nth) + 1, append.kind, &Hash::ZERO, &Hash::of(&[&append.body]));
        let receipt = world.append(conn, append).unwrap();
        assert_eq!((receipt.seq, receipt.gen_before, receipt.head), (u64::from(nth) + 1, gen_now, head));
        world.verify(&receipt, &lane.id);
        gen_now += u32::from(is_handshake);
    }
    let (_, page) = world.open(conn, lane.open(6));
    let last = page.receipt.unwrap();
    assert_eq!((page.gen_now, last.seq, last.gen_before, last.head), (3, 6, 3, head));
}

#[test]
fn n4_nothing_is_said_before_it_is_durable() {
    let mut world = world();
    let lane = keys(LaneClass::Group, 1);
    let (writer, reader) = (world.connect(), world.connect());
    let (handle, _) = world.open(writer, lane.open(0));
    world.open(reader, lane.open(0));
    world.send(writer, Request::Append(app(handle, 0, 0, 1)));
    let batch = world.node.take_batch(world.now_ms).unwrap();
    assert_eq!((world.events(writer), world.events(reader)), (vec![], vec![]));
    let (_, page) = world.open(reader, lane.open(0));
    assert_eq!((page.next_seq, page.cells.len()), (1, 0), "no page shows it either");
    assert!(world.node.take_batch(world.now_ms).is_none(), "one batch is out at a time");
    let result = batch.perform(&world.storage, &|bytes| ed25519_dalek::Signer::sign(&world.key, bytes).to_bytes());
    world.node.committed(batch, result);
    assert!(matches!(&world.events(writer)[..], [(_, Event::Receipt(_)), (0, Event::Push { .. })]));
    assert!(matches!(&world.events(reader)[..], [(0, Event::Push { .. })]));
}

#[test]
fn n4_one_commit_and_one_signature_serve_many_connections() {
    let mut world = world();
    let lanes: Vec<_> = (0..20).map(|name| keys(LaneClass::Group, name)).collect();
    let conns: Vec<_> = lanes.iter().map(|_| world.connect()).collect();
    let opened = conns.iter().zip(&lanes).map(|(conn, lane)| (*conn, world.open(*conn, lane.open(0)).0));
    for (conn, handle) in opened.collect::<Vec<_>>() {
        world.send(conn, Request::Append(app(handle, 0, 0, 1)));
    }
    assert!(world.commit() && !world.commit());
    assert_eq!(world.storage.commits.get(), 1);
    let mut sigs = Vec::new();
    for (conn, lane) in conns.iter().zip(&lanes) {
        let events = world.events(*conn);
        let Event::Receipt(receipt) = &events[0].1 else { panic!("{events:?}") };
        world.verify(receipt, &lane.id);
        assert_eq!(receipt.size, 20);
        sigs.push(receipt.sig);
    }
    sigs.dedup();
    assert_eq!(sigs.len(), 1);
}

#[test]
fn n4_blob_is_pinned_for_the_cells_life() {
    let mut world = world();
    let (conn, lane) = (world.connect(), keys(LaneClass::Group, 1));
    let (handle, _) = world.open(conn, lane.open(0));
    let blob = wire::id::BlobId([5; 32]);
    let info = delivery::storage::BlobInfo { size: 9, keep_until_s: world.now_s() + 3_600 };
    let with_blob = Append { attach: Hash(blob.0), ..app(handle, 0, 0, 1) };
    assert_eq!(world.append(conn, with_blob.clone()), Err(Refusal::NoBlob));
    world.storage.blobs.borrow_mut().insert(blob, info);
    world.append(conn, with_blob).unwrap();
    assert!(world.storage.blobs.borrow()[&blob].keep_until_s >= world.now_s() + 30 * DAY_S);
    let (_, page) = world.open(conn, lane.open(0));
    assert_eq!(page.cells[0].attach, Hash(blob.0));
}

#[test]
fn n4_failed_commit_is_refused_and_the_next_append_starts_from_what_is_stored() {
    for fault in [Fault::FailsAndForgets, Fault::FailsButPersists, Fault::Conflicts] {
        let mut world = world();
        let (conn, lane) = (world.connect(), keys(LaneClass::Group, 1));
        let (handle, _) = world.open(conn, lane.open(0));
        world.append(conn, app(handle, 0, 0, 1)).unwrap();
        world.storage.fault.set(fault);
        world.send(conn, Request::Append(app(handle, 1, 0, 2)));
        let batch = world.node.take_batch(world.now_ms).unwrap();
        // Pipelined behind the batch that will fail: it must not slip past it.
        world.send(conn, Request::Append(app(handle, 2, 0, 3)));
        let result = batch.perform(&world.storage, &|_| panic!("nothing is signed"));
        world.node.committed(batch, result);
        world.storage.fault.set(Fault::None);
        assert!(!world.commit());
        let expected = if fault == Fault::Conflicts { Refusal::Busy { retry_after_ms: 500 } } else { Refusal::Storage };
        let events: Vec<Event> = world.events(conn).into_iter().map(|(_, event)| event).collect();
        assert_eq!(events, [Event::Refused(expected), Event::Refused(expected)]);
        // The same bytes again: stored once, whatever happened before.
        let receipt = world.append(conn, app(handle, 1, 0, 2)).unwrap();
        assert_eq!(receipt.seq, 2);
        world.verify(&receipt, &lane.id);
        let receipt = world.append(conn, app(handle, 2, 0, 3)).unwrap();
        assert_eq!(receipt.seq, 3);
    }
}

#[test]
fn n4_failed_first_commit_of_a_lane_leaves_it_open_and_unstored() {
    let mut world = world();
    let (conn, lane) = (world.connect(), keys(LaneClass::Group, 1));
    let (handle, _) = world.open(conn, lane.open(0));
    world.storage.fault.set(Fault::FailsAndForgets);
    assert_eq!(world.append(conn, app(handle, 0, 0, 1)), Err(Refusal::Storage));
    world.storage.fault.set(Fault::None);
    assert_eq!(world.append(conn, app(handle, 0, 0, 1)).unwrap().seq, 1);
}

#[test]
fn n5_pages_are_contiguous_and_hold_64_cells_at_most_and_the_last_carries_a_receipt() {
    let mut world = world();
    let (conn, lane) = (world.connect(), keys(LaneClass::Group, 1));
    let (handle, _) = world.open(conn, lane.open(0));
    for nth in 0..129 {
        world.append(conn, app(handle, nth, 0, nth)).unwrap();
    }
    let (mut after, mut sizes) = (0, Vec::new());
    loop {
        let Event::Page(page) = world.ask(conn, Request::Read { handle, after }) else { panic!() };
        let seqs: Vec<u64> = page.cells.iter().map(|cell| cell.seq).collect();
        assert_eq!(seqs, (after + 1..=after + seqs.len() as u64).collect::<Vec<_>>());
        sizes.push(page.cells.len());
        after += page.cells.len() as u64;
        let is_last = after == 129;
        assert_eq!(page.receipt.is_some(), is_last);
        if let Some(receipt) = &page.receipt {
            assert_eq!(receipt.seq, 129);
            world.verify(receipt, &lane.id);
        }
        if page.cells.is_empty() {
            break;
        }
        if is_last {
            // At the end there is nothing to read, and still a receipt.
            let Event::Page(end) = world.ask(conn, Request::Read { handle, after }) else { panic!() };
            assert!(end.cells.is_empty() && end.receipt.is_some());
            break;
        }
    }
    assert_eq!(sizes, [64, 64, 1]);
}

#[test]
fn n5_pages_hold_a_mebibyte_at_most() {
    let mut world = world();
    let (conn, lane) = (world.connect(), keys(LaneClass::Group, 1));
    let (handle, _) = world.open(conn, lane.open(0));
    for nth in 0..17_u32 {
        let large = Append { body: vec![nth as u8; 65_536].into(), ..app(handle, nth, 0, 0) };
        world.append(conn, large).unwrap();
    }
    let Event::Page(page) = world.ask(conn, Request::Read { handle, after: 0 }) else { panic!() };
    assert_eq!((page.cells.len(), page.receipt), (16, None));
}

#[test]
fn n5_below_the_first_kept_position_is_gone() {
    let mut world = world();
    let (conn, lane) = (world.connect(), keys(LaneClass::Invite, 1));
    let (handle, _) = world.open(conn, lane.open(0));
    for nth in 0..5 {
        world.append(conn, app(handle, nth, 0, nth)).unwrap();
    }
    assert_eq!(world.ask(conn, Request::Trim { handle, through: 3 }), Event::Done);
    for after in [0, 2] {
        let gone = Refusal::Gone { first_seq: 4 };
        assert_eq!(world.refused(conn, Request::Read { handle, after }), gone);
        assert_eq!(world.refused(conn, Request::Open(lane.open(after))), gone);
    }
    let Event::Page(page) = world.ask(conn, Request::Read { handle, after: 3 }) else { panic!() };
    assert_eq!((page.first_seq, page.cells.len()), (4, 2));
}

#[test]
fn n5_page_of_cells_that_expired_after_the_request_is_gone() {
    let mut world = world();
    let (conn, lane) = (world.connect(), keys(LaneClass::Group, 1));
    let (handle, _) = world.open(conn, lane.open(0));
    world.append(conn, app(handle, 0, 0, 1)).unwrap();
    let id = world.send(conn, Request::Read { handle, after: 0 });
    let record = delivery::Storage::trim(&world.storage, &lane.id, 1).unwrap().unwrap();
    world.node.lane_changed(&record);
    assert_eq!(world.events(conn), [(id, Event::Refused(Refusal::Gone { first_seq: 2 }))]);
    // The record stands: positions go on, and the last leaf is still stated.
    let receipt = world.append(conn, app(handle, 1, 0, 2)).unwrap();
    assert_eq!(receipt.seq, 2);
}

#[test]
fn n6_pushes_come_in_order_to_every_reader_and_begin_after_the_page() {
    let mut world = world();
    let lane = keys(LaneClass::Group, 1);
    let conns = [world.connect(), world.connect(), world.connect()];
    let (handle, _) = world.open(conns[0], lane.open(0));
    world.append(conns[0], app(handle, 0, 0, 0)).unwrap();
    for conn in &conns[1..] {
        assert_eq!(world.open(*conn, lane.open(0)).1.cells.len(), 1);
    }
    for nth in 1..5 {
        world.send(conns[0], Request::Append(app(handle, nth, 0, nth)));
        if nth % 2 == 0 {
            world.commit();
        }
    }
    for conn in conns {
        let pushed = world.events(conn).into_iter().filter_map(|(_, event)| match event {
            Event::Push { cell, .. } => Some(cell.seq),
            _ => None,
        });
        assert_eq!(pushed.collect::<Vec<_>>(), [2, 3, 4, 5], "the sender too: it merges what it reads back");
    }
}

#[test]
fn n6_released_lane_is_not_pushed() {
    let mut world = world();
    let lane = keys(LaneClass::Group, 1);
    let (conn, other) = (world.connect(), world.connect());
    let (handle, _) = world.open(conn, lane.open(0));
    let (gone, _) = world.open(other, lane.open(0));
    assert_eq!(world.ask(other, Request::Release { handle: gone }), Event::Done);
    world.append(conn, app(handle, 0, 0, 1)).unwrap();
    assert_eq!(world.events(other), []);
    assert_eq!(world.refused(other, Request::Attest { handle: gone }), Refusal::Denied);
    let (again, _) = world.open(other, lane.open(1));
    assert_ne!(again, gone, "handles are not used again");
}

#[test]
fn n7_attest_states_the_last_leaf_once_per_lane_and_five_seconds() {
    let mut world = world();
    let lane = keys(LaneClass::Group, 1);
    let (conn, other) = (world.connect(), world.connect());
    let (handle, _) = world.open(conn, lane.open(0));
    assert_eq!(world.refused(conn, Request::Attest { handle }), Refusal::Malformed, "an empty lane has no leaf");
    let appended = world.append(conn, app(handle, 0, 0, 1)).unwrap();
    let Event::Receipt(receipt) = world.ask(conn, Request::Attest { handle }) else { panic!() };
    assert_eq!((receipt.seq, receipt.head), (1, appended.head));
    world.verify(&receipt, &lane.id);
    let (other_handle, _) = world.open(other, lane.open(1));
    world.now_ms += 4_999;
    let attest = Request::Attest { handle: other_handle };
    assert_eq!(world.refused(other, attest.clone()), Refusal::Busy { retry_after_ms: 1 });
    world.now_ms += 1;
    assert!(matches!(world.ask(other, attest), Event::Receipt(_)));
}

#[test]
fn n8_trim_and_close_are_for_readers_of_invites_and_doors() {
    let mut world = world();
    let conn = world.connect();
    let group = keys(LaneClass::Group, 1);
    let (handle, _) = world.open(conn, group.open(0));
    world.append(conn, app(handle, 0, 0, 1)).unwrap();
    assert_eq!(world.refused(conn, Request::Trim { handle, through: 1 }), Refusal::Denied);
    assert_eq!(world.refused(conn, Request::Close { handle }), Refusal::Denied);
    let invite = keys(LaneClass::Invite, 2);
    let (owner_handle, _) = world.open(conn, invite.open(0));
    world.append(conn, app(owner_handle, 0, 0, 1)).unwrap();
    let guest = world.connect();
    let (handle, _) = world.open(guest, Open { read_cap: None, ..invite.open(0) });
    assert_eq!(world.refused(guest, Request::Trim { handle, through: 1 }), Refusal::Denied);
    assert_eq!(world.refused(guest, Request::Close { handle }), Refusal::Denied);
    assert_eq!(world.ask(conn, Request::Trim { handle: owner_handle, through: 9 }), Event::Done);
    let (_, page) = world.open(conn, invite.open(1));
    assert_eq!((page.first_seq, page.next_seq), (2, 2));
}

#[test]
fn n8_close_behind_an_append_in_one_batch_keeps_the_receipt_and_drops_the_cell() {
    let mut world = world();
    let (conn, lane) = (world.connect(), keys(LaneClass::Invite, 1));
    let (handle, _) = world.open(conn, lane.open(0));
    world.send(conn, Request::Append(app(handle, 0, 0, 1)));
    world.send(conn, Request::Close { handle });
    world.commit();
    let events: Vec<Event> = world.events(conn).into_iter().map(|(_, event)| event).collect();
    assert!(matches!(&events[..], [Event::Receipt(_), Event::Done, Event::Push { .. }]), "{events:?}");
    let (_, page) = world.open(conn, lane.open(1));
    assert_eq!((page.first_seq, page.next_seq), (2, 2));
}
