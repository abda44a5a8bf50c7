//! Every limit of a frame holds at the limit and fails one past it.

use bytes::Bytes;
use prost::Message;
use wire::Malformed;
use wire::id::{DoorId, Hash, LaneId, ReadCap};
use wire::lane::{CellKind, LaneClass, check_body};
use wire::limit::{
    CELL_SIZES, DOOR_KEY_PACKAGE_BYTES_MAX, DOOR_KEY_PACKAGES_MAX, DOOR_RECORD_BYTES_MAX, FRAME_BYTES_MAX,
    FRAME_EVENTS_MAX, FRAME_REQUESTS_MAX, PAGE_CELLS_MAX, PATH_HASHES_MAX, WHISPER_BYTES,
};
use wire::node::{Event, Request, encode_events, encode_requests, parse_events, parse_requests};
use wire::proto::node as raw;
use wire::work::{Puzzle, is_done, leading_zero_bits, search};

fn zeros(length: usize) -> Bytes {
    vec![0; length].into()
}

/// Parses one request of the wire.
fn parse_one(op: raw::request::Op) -> Result<Request, Malformed> {
    let frame = raw::ClientFrame { requests: vec![raw::Request { id: 1, op: Some(op) }] };
    parse_requests(frame.encode_to_vec().into())?.remove(0).1
}

/// Parses one event of the wire, beside one batch.
fn parse_one_event(op: raw::event::Op) -> Result<Event, Malformed> {
    let frame = raw::NodeFrame {
        events: vec![raw::Event { id: 1, op: Some(op) }],
        batches: vec![raw::Batch { size: 1, sig: zeros(64) }],
    };
    parse_events(frame.encode_to_vec().into()).map(|mut events| events.remove(0).1)
}

fn append() -> raw::Append {
    raw::Append { handle: 1, nth: 0, kind: 0, if_gen: 0, attach: Bytes::new(), body: zeros(1_024), work: 0 }
}

fn door_put() -> raw::DoorPut {
    raw::DoorPut { door_id: zeros(32), owner: zeros(32), ..Default::default() }
}

fn receipt(path: usize) -> raw::Receipt {
    raw::Receipt { seq: 1, head: zeros(32), path: zeros(path), ..Default::default() }
}

fn cell() -> raw::Cell {
    raw::Cell { seq: 1, body: zeros(1_024), ..Default::default() }
}

fn is_too_long<T>(result: &Result<T, Malformed>, named: &str) -> bool {
    matches!(result, Err(Malformed::TooLong { field, .. }) if *field == named)
}

#[test]
fn a_frame_of_2_mib_parses_and_one_byte_more_does_not() {
    // An unknown field fills the frame: tag 15, its length in three bytes, then zeros.
    let frame = |length: usize| {
        let mut bytes = vec![0x7A];
        prost::encoding::encode_varint((length - 4) as u64, &mut bytes);
        assert_eq!(bytes.len(), 4);
        bytes.resize(length, 0);
        Bytes::from(bytes)
    };
    assert_eq!(parse_requests(frame(FRAME_BYTES_MAX)), Ok(Vec::new()));
    assert_eq!(parse_events(frame(FRAME_BYTES_MAX)), Ok(Vec::new()));
    assert!(is_too_long(&parse_requests(frame(FRAME_BYTES_MAX + 1)), "ClientFrame"));
    assert!(is_too_long(&parse_events(frame(FRAME_BYTES_MAX + 1)), "NodeFrame"));
}

#[test]
fn a_frame_of_4096_requests_parses_and_one_more_does_not() {
    let frame = |count: usize| encode_requests((0..count).map(|_| (1, Request::Attest { handle: 1 })).collect());
    assert_eq!(parse_requests(frame(FRAME_REQUESTS_MAX)).unwrap().len(), FRAME_REQUESTS_MAX);
    assert!(is_too_long(&parse_requests(frame(FRAME_REQUESTS_MAX + 1)), "items"));
}

#[test]
fn a_frame_of_16384_events_parses_and_one_more_does_not() {
    let frame = |count: usize| encode_events((0..count).map(|_| (1, Event::Done)).collect());
    assert_eq!(parse_events(frame(FRAME_EVENTS_MAX)).unwrap().len(), FRAME_EVENTS_MAX);
    assert!(is_too_long(&parse_events(frame(FRAME_EVENTS_MAX + 1)), "items"));
}

#[test]
fn a_body_has_one_of_four_sizes_exactly() {
    for size in CELL_SIZES {
        for (length, fits) in [(size - 1, false), (size, true), (size + 1, false)] {
            assert_eq!(check_body(&vec![0; length]).is_ok(), fits, "{length}");
            let appended = parse_one(raw::request::Op::Append(raw::Append { body: zeros(length), ..append() }));
            assert_eq!(appended.is_ok(), fits, "append of {length}");
            let cell = raw::Cell { body: zeros(length), ..cell() };
            let pushed = parse_one_event(raw::event::Op::Push(raw::Push { handle: 1, cell: Some(cell) }));
            assert_eq!(pushed.is_ok(), fits, "push of {length}");
        }
    }
    assert!(check_body(&[]).is_err());
}

#[test]
fn a_whisper_has_1024_bytes_exactly() {
    for (length, fits) in [(0, false), (WHISPER_BYTES - 1, false), (WHISPER_BYTES, true), (WHISPER_BYTES + 1, false)] {
        let said = parse_one(raw::request::Op::Whisper(raw::Whisper { handle: 1, body: zeros(length) }));
        assert_eq!(said.is_ok(), fits, "{length}");
        let heard = parse_one_event(raw::event::Op::Whispered(raw::Whispered { handle: 1, body: zeros(length) }));
        assert_eq!(heard.is_ok(), fits, "{length}");
    }
}

#[test]
fn a_door_s_record_and_key_packages_hold_at_their_limits_and_not_past_them() {
    let put = |put: raw::DoorPut| parse_one(raw::request::Op::DoorPut(put));
    assert!(put(raw::DoorPut { record: zeros(DOOR_RECORD_BYTES_MAX), ..door_put() }).is_ok());
    assert!(is_too_long(&put(raw::DoorPut { record: zeros(DOOR_RECORD_BYTES_MAX + 1), ..door_put() }), "record"));

    let packages =
        |count: usize, length: usize| raw::DoorPut { key_packages: vec![zeros(length); count], ..door_put() };
    assert!(put(packages(DOOR_KEY_PACKAGES_MAX, DOOR_KEY_PACKAGE_BYTES_MAX)).is_ok());
    assert!(is_too_long(&put(packages(DOOR_KEY_PACKAGES_MAX + 1, 1)), "key_packages"));
    assert!(is_too_long(&put(packages(1, DOOR_KEY_PACKAGE_BYTES_MAX + 1)), "key_package"));
    assert_eq!(put(packages(1, 0)), Err(Malformed::Missing { field: "key_package" }), "empty would read as none left");

    let last = |length: usize| raw::DoorPut { last_resort: zeros(length), ..door_put() };
    assert!(put(last(DOOR_KEY_PACKAGE_BYTES_MAX)).is_ok());
    assert!(is_too_long(&put(last(DOOR_KEY_PACKAGE_BYTES_MAX + 1)), "last_resort"));

    let claimed = |record: usize, key_package: usize| {
        let (record, key_package) = (zeros(record), zeros(key_package));
        parse_one_event(raw::event::Op::DoorClaimed(raw::DoorClaimed { record, key_package, last_resort: false }))
    };
    assert!(claimed(DOOR_RECORD_BYTES_MAX, DOOR_KEY_PACKAGE_BYTES_MAX).is_ok());
    assert!(is_too_long(&claimed(DOOR_RECORD_BYTES_MAX + 1, 1), "record"));
    assert!(is_too_long(&claimed(1, DOOR_KEY_PACKAGE_BYTES_MAX + 1), "key_package"));
}

#[test]
fn a_page_holds_64_cells_and_not_65() {
    let page = |count: usize| {
        let page = raw::Page { first_seq: 1, next_seq: 99, cells: vec![cell(); count], ..Default::default() };
        parse_one_event(raw::event::Op::Page(page))
    };
    assert!(page(PAGE_CELLS_MAX).is_ok());
    assert!(is_too_long(&page(PAGE_CELLS_MAX + 1), "cells"));
}

#[test]
fn a_path_holds_16_whole_hashes_and_not_17() {
    let parse = |path: usize| parse_one_event(raw::event::Op::Receipt(receipt(path)));
    assert!(parse(PATH_HASHES_MAX * 32).is_ok());
    assert!(is_too_long(&parse(PATH_HASHES_MAX * 32 + 1), "path"));
    assert!(is_too_long(&parse((PATH_HASHES_MAX + 1) * 32), "path"));
    assert!(parse(33).is_err(), "a hash and a byte");
}

#[test]
fn a_receipt_without_its_batch_or_with_a_cut_signature_is_refused() {
    let absent = raw::Receipt { batch: 1, ..receipt(0) };
    assert_eq!(parse_one_event(raw::event::Op::Receipt(absent)), Err(Malformed::Missing { field: "batch" }));
    let frame = raw::NodeFrame {
        events: vec![raw::Event { id: 1, op: Some(raw::event::Op::Receipt(receipt(0))) }],
        batches: vec![raw::Batch { size: 1, sig: zeros(63) }],
    };
    let expected = Malformed::Length { field: "sig", expected: 64, found: 63 };
    assert_eq!(parse_events(frame.encode_to_vec().into()), Err(expected));
}

#[test]
fn ids_and_capabilities_have_exactly_their_lengths() {
    for length in [0, 31, 33] {
        assert!(LaneId::parse(&vec![0; length]).is_err());
        assert!(ReadCap::parse(&vec![0; length]).is_err());
        let open = raw::Open { lane_id: zeros(length), ..Default::default() };
        assert!(parse_one(raw::request::Op::Open(open)).is_err());
    }
    for length in [31, 33] {
        let open = raw::Open { lane_id: zeros(32), read_cap: zeros(length), ..Default::default() };
        assert!(parse_one(raw::request::Op::Open(open)).is_err());
        assert!(parse_one(raw::request::Op::Append(raw::Append { attach: zeros(length), ..append() })).is_err());
    }
    for text in ["", "0", "zz", &"0".repeat(63), &"0".repeat(65), &"ä".repeat(32)] {
        assert!(Hash::from_hex(text).is_err(), "{text}");
    }
}

#[test]
fn classes_and_kinds_past_the_last_are_refused() {
    assert!(LaneClass::parse(2).is_ok() && CellKind::parse(1).is_ok());
    for value in [3, 256, u32::MAX] {
        assert!(LaneClass::parse(value).is_err());
    }
    for value in [2, 256, u32::MAX] {
        assert!(CellKind::parse(value).is_err());
    }
}

#[test]
fn a_request_without_id_or_operation_is_refused_alone() {
    let op = Some(raw::request::Op::Attest(raw::Attest { handle: 1 }));
    let requests =
        vec![raw::Request { id: 0, op: op.clone() }, raw::Request { id: 5, op: None }, raw::Request { id: 6, op }];
    let parsed = parse_requests(raw::ClientFrame { requests }.encode_to_vec().into()).unwrap();
    assert_eq!(parsed[0], (0, Err(Malformed::Value { field: "id" })));
    assert_eq!(parsed[1], (5, Err(Malformed::Missing { field: "op" })));
    assert_eq!(parsed[2], (6, Ok(Request::Attest { handle: 1 })));
}

#[test]
fn work_is_done_at_its_bits_and_not_one_past_them() {
    let (nonce, door) = ([1; 32], DoorId([2; 32]));
    let puzzle = Puzzle::Claim(&door, 3);
    let found = search(&nonce, puzzle, 8, 0, 100_000).unwrap();
    assert!(is_done(&nonce, puzzle, found, 8) && is_done(&nonce, puzzle, found, 0));
    let bits = leading_zero_bits(&wire::work::digest(&nonce, puzzle, found));
    assert!(is_done(&nonce, puzzle, found, bits) && !is_done(&nonce, puzzle, found, bits + 1));
    assert!(!is_done(&[9; 32], puzzle, found, 8), "another connection");
    assert!(!is_done(&nonce, Puzzle::Claim(&door, 4), found, 8), "another claim");
    assert_eq!(search(&nonce, puzzle, 257, 0, 100), None, "no hash has 257 bits");
    assert_eq!(search(&nonce, puzzle, 257, u64::MAX - 1, 100), None, "the last nonces, without overflow");
}

#[test]
fn leading_zero_bits_are_counted_over_the_whole_hash() {
    assert_eq!(leading_zero_bits(&Hash::ZERO), 256);
    for bit in 0..256 {
        let mut hash = Hash::ZERO;
        hash.0[bit / 8] = 0x80 >> (bit % 8);
        assert_eq!(leading_zero_bits(&hash), bit as u32);
        hash.0[31] |= 1;
        assert_eq!(leading_zero_bits(&hash), bit as u32);
    }
}
