//! What one side encodes, the other parses to the same value; what does not parse is an error, never a panic.

use bytes::Bytes;
use proptest::prelude::*;
use wire::bell::Bell;
use wire::id::{DoorId, DoorOwner, Hash, LaneId, MsgId, NodeKey, ReadCap, RoomHost, RoomMember, WriteCap};
use wire::lane::{Cell, CellKind, LaneClass};
use wire::limit::{
    CELL_SIZES, DOOR_KEY_PACKAGE_BYTES_MAX, DOOR_RECORD_BYTES_MAX, FRAME_BYTES_MAX, PATH_HASHES_MAX, WHISPER_BYTES,
};
use wire::node::{
    Append, DoorClaim, DoorPut, Event, Hello, Limits, Open, Page, Refusal, Request, encode_events, encode_requests,
    parse_events, parse_requests, request_bytes,
};
use wire::receipt::Receipt;
use wire::relay::RelayTerms;
use wire::room::{ROOM_LABEL_BYTES_MAX, RoomAsk, RoomDoes, RoomHostKey, RoomKey, RoomPerson, RoomTold};

fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash)
}

fn class() -> impl Strategy<Value = LaneClass> {
    prop::sample::select(vec![LaneClass::Group, LaneClass::Invite, LaneClass::Door])
}

fn kind() -> impl Strategy<Value = CellKind> {
    prop::sample::select(vec![CellKind::App, CellKind::Handshake])
}

fn body() -> impl Strategy<Value = Bytes> {
    (prop::sample::select(CELL_SIZES.to_vec()), any::<u8>()).prop_map(|(size, byte)| vec![byte; size].into())
}

fn whisper() -> impl Strategy<Value = Bytes> {
    any::<u8>().prop_map(|byte| vec![byte; WHISPER_BYTES].into())
}

/// Present bytes are not empty: on the wire, empty is absent.
fn present(bytes_max: usize) -> impl Strategy<Value = Bytes> {
    (1..=bytes_max, any::<u8>()).prop_map(|(size, byte)| vec![byte; size].into())
}

fn request() -> impl Strategy<Value = Request> {
    let open = (class(), any::<[u8; 32]>(), any::<Option<[u8; 32]>>(), any::<Option<[u8; 32]>>(), any::<(u64, u64)>())
        .prop_map(|(class, lane_id, read, write, (after, expires_s))| {
            let (read_cap, write_cap) = (read.map(ReadCap), write.map(WriteCap));
            Request::Open(Open { class, lane_id: LaneId(lane_id), read_cap, write_cap, after, expires_s })
        });
    let append = (any::<(u32, u32, u32, u64)>(), kind(), hash(), body()).prop_map(|(numbers, kind, attach, body)| {
        let (handle, nth, if_gen, work) = numbers;
        Request::Append(Append { handle, nth, kind, if_gen, attach, body, work })
    });
    let key_packages = prop::collection::vec(present(DOOR_KEY_PACKAGE_BYTES_MAX), 0..4);
    let record = prop::option::of(present(DOOR_RECORD_BYTES_MAX));
    let last_resort = prop::option::of(present(DOOR_KEY_PACKAGE_BYTES_MAX));
    let door_put = (any::<([u8; 32], [u8; 32])>(), record, key_packages, last_resort, any::<bool>()).prop_map(
        |((door_id, owner), record, key_packages, last_resort, replace)| {
            let (door_id, owner) = (DoorId(door_id), DoorOwner(owner));
            Request::DoorPut(DoorPut { door_id, owner, record, key_packages, last_resort, replace })
        },
    );
    let door_claim = any::<([u8; 32], u32, u64, bool)>().prop_map(|(door_id, counter, work, record_only)| {
        Request::DoorClaim(DoorClaim { door_id: DoorId(door_id), counter, work, record_only })
    });
    let bell = (any::<bool>(), "https://[a-z]{1,40}/[a-z0-9?=&_-]{0,200}", any::<u8>(), any::<[u8; 16]>());
    let bell = bell.prop_map(|(is_some, endpoint, key, auth)| {
        let bell = Bell::parse(endpoint.as_bytes(), &[key; 65], &auth).expect("a bell");
        Request::Bell(is_some.then(|| Box::new(bell)))
    });
    prop_oneof![
        open,
        append,
        any::<(u32, u64)>().prop_map(|(handle, after)| Request::Read { handle, after }),
        any::<u32>().prop_map(|handle| Request::Attest { handle }),
        any::<(u32, u64)>().prop_map(|(handle, through)| Request::Trim { handle, through }),
        any::<u32>().prop_map(|handle| Request::Close { handle }),
        any::<u32>().prop_map(|handle| Request::Release { handle }),
        (any::<u32>(), whisper()).prop_map(|(handle, body)| Request::Whisper { handle, body }),
        door_put,
        door_claim,
        bell,
        Just(Request::Relay),
        room_ask().prop_map(|ask| Request::Room(Box::new(ask))),
    ]
}

fn room_ask() -> impl Strategy<Value = RoomAsk> {
    let host = any::<(bool, [u8; 32])>().prop_map(|(is_host, host)| match is_host {
        true => RoomHostKey::Host(RoomHost(host)),
        false => RoomHostKey::Hash(Hash(host)),
    });
    let label = prop::collection::vec(any::<u8>(), 0..=ROOM_LABEL_BYTES_MAX).prop_map(Bytes::from);
    let join = ("[ -~]{0,300}", label, any::<[u8; 16]>()).prop_map(|(sdp, label, resume)| RoomDoes::Join {
        sdp,
        label,
        resume,
    });
    let remove = any::<u32>().prop_map(|person| RoomDoes::Remove { person });
    let does = prop_oneof![Just(RoomDoes::Look), join, remove, Just(RoomDoes::End)];
    (any::<[u8; 32]>(), host, does)
        .prop_map(|(member, host, does)| RoomAsk { key: RoomKey { member: RoomMember(member), host }, does })
}

fn room_told() -> impl Strategy<Value = RoomTold> {
    let label = prop::collection::vec(any::<u8>(), 0..=ROOM_LABEL_BYTES_MAX).prop_map(Bytes::from);
    let person = (any::<u32>(), label).prop_map(|(number, label)| RoomPerson { number, label });
    (prop::collection::vec(person, 0..5), any::<u32>(), "[ -~]{0,300}").prop_map(|(people, own, sdp)| RoomTold {
        people,
        own,
        sdp,
    })
}

fn receipt() -> impl Strategy<Value = Receipt> {
    let path = prop::collection::vec(hash(), 0..=PATH_HASHES_MAX);
    // Few sizes and signatures, so that receipts of one frame often share a batch.
    let batch = (1..4u32, 0..3u8);
    (any::<(u64, u32, u32)>(), hash(), path, batch).prop_map(|((seq, gen_before, index), head, path, (size, sig))| {
        Receipt { seq, gen_before, head, index, size, path, sig: [sig; 64] }
    })
}

fn cell() -> impl Strategy<Value = Cell> {
    (any::<(u64, u32)>(), kind(), hash(), body()).prop_map(|((seq, gen_before), kind, attach, body)| Cell {
        seq,
        gen_before,
        kind,
        attach,
        body,
    })
}

fn page() -> impl Strategy<Value = Page> {
    (any::<(u64, u64, u32)>(), prop::collection::vec(cell(), 0..4), prop::option::of(receipt())).prop_map(
        |((first_seq, next_seq, gen_now), cells, receipt)| Page { first_seq, next_seq, gen_now, cells, receipt },
    )
}

fn refusal() -> impl Strategy<Value = Refusal> {
    prop_oneof![
        Just(Refusal::Denied),
        Just(Refusal::Malformed),
        Just(Refusal::OutOfOrder),
        Just(Refusal::Closed),
        any::<u32>().prop_map(|retry_after_ms| Refusal::Full { retry_after_ms }),
        any::<u32>().prop_map(|retry_after_ms| Refusal::Busy { retry_after_ms }),
        any::<(u32, u64)>().prop_map(|(gen_now, next_seq)| Refusal::Stale { gen_now, next_seq }),
        Just(Refusal::NoBlob),
        any::<u64>().prop_map(|first_seq| Refusal::Gone { first_seq }),
        any::<u32>().prop_map(|bits| Refusal::Work { bits }),
        Just(Refusal::NoDoor),
        Just(Refusal::TooMany),
        Just(Refusal::Storage),
        (14..u32::MAX).prop_map(Refusal::Unknown),
        Just(Refusal::Unknown(0)),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let limits = any::<(u32, u32, u64, u64, u32, u64)>().prop_map(|numbers| {
        let (lanes, appends_unanswered, blob_bytes, frame_bytes, retention_days, file_bytes) = numbers;
        Limits { lanes, appends_unanswered, blob_bytes, frame_bytes, retention_days, file_bytes }
    });
    let hello = (any::<(u32, [u8; 32], [u8; 32], u32, u32)>(), limits).prop_map(|(fields, limits)| {
        let (version, node_key, nonce, claim_bits, knock_bits) = fields;
        Event::Hello(Hello { version, node_key: NodeKey(node_key), nonce, claim_bits, knock_bits, limits })
    });
    let record = present(DOOR_RECORD_BYTES_MAX);
    let key_package = prop::option::of(present(DOOR_KEY_PACKAGE_BYTES_MAX));
    let claimed = (record, key_package, any::<bool>())
        .prop_map(|(record, key_package, is_last_resort)| Event::DoorClaimed { record, key_package, is_last_resort });
    prop_oneof![
        hello,
        (any::<u32>(), page()).prop_map(|(handle, page)| Event::Opened { handle, page }),
        receipt().prop_map(Event::Receipt),
        page().prop_map(Event::Page),
        Just(Event::Done),
        any::<u32>().prop_map(|key_packages| Event::DoorStored { key_packages }),
        claimed,
        refusal().prop_map(Event::Refused),
        (prop::collection::vec("turns?:[a-z]{1,40}", 0..8), "[0-9]{1,9}:[a-f]{0,24}", "[a-z+/=]{0,60}", any::<u64>())
            .prop_map(|(urls, username, password, expires_s)| {
                Event::Relay(Box::new(RelayTerms { urls, username, password, expires_s }))
            },),
        room_told().prop_map(|told| Event::Room(Box::new(told))),
        (any::<u32>(), cell()).prop_map(|(handle, cell)| Event::Push { handle, cell }),
        any::<(u32, u64)>().prop_map(|(handle, next_seq)| Event::Lag { handle, next_seq }),
        (any::<u32>(), whisper()).prop_map(|(handle, body)| Event::Whispered { handle, body }),
    ]
}

proptest! {
    #[test]
    fn requests_arrive_as_they_left(requests in prop::collection::vec((1..u32::MAX, request()), 0..8)) {
        let expected: Vec<_> = requests.iter().map(|(id, request)| (*id, Ok(request.clone()))).collect();
        prop_assert_eq!(parse_requests(encode_requests(requests)).unwrap(), expected);
    }

    #[test]
    fn events_arrive_as_they_left(events in prop::collection::vec((any::<u32>(), event()), 0..8)) {
        prop_assert_eq!(parse_events(encode_events(events.clone())).unwrap(), events);
    }

    #[test]
    fn the_estimate_of_a_request_is_never_more_than_16_bytes_too_low(id in 1..u32::MAX, request in request()) {
        let encoded = encode_requests(vec![(id, request.clone())]).len();
        prop_assert!(request_bytes(&request) + 16 >= encoded, "{} for {}", request_bytes(&request), encoded);
    }

    #[test]
    fn any_bytes_parse_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = parse_requests(bytes.clone().into());
        let _ = parse_events(bytes.into());
    }

    #[test]
    fn a_frame_with_altered_bytes_parses_or_is_refused(
        requests in prop::collection::vec((1..u32::MAX, request()), 1..4),
        events in prop::collection::vec((any::<u32>(), event()), 1..4),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        for frame in [encode_requests(requests), encode_events(events)] {
            let mut altered = frame.to_vec();
            for (at, byte) in &changes {
                let at = at.index(altered.len());
                altered[at] = *byte;
            }
            altered.truncate(cut.index(altered.len() + 1));
            prop_assert!(altered.len() <= FRAME_BYTES_MAX);
            let _ = parse_requests(altered.clone().into());
            let _ = parse_events(altered.into());
        }
    }

    #[test]
    fn ids_read_back_from_hexadecimal_of_either_case(bytes in any::<[u8; 16]>()) {
        let id = MsgId(bytes);
        prop_assert_eq!(MsgId::from_hex(&id.to_hex()), Ok(id));
        prop_assert_eq!(MsgId::from_hex(&id.to_hex().to_uppercase()), Ok(id));
    }
}

#[test]
fn an_event_of_a_newer_node_is_skipped_and_the_others_stay() {
    use prost::Message;
    use wire::proto::node as raw;
    let known = encode_events(vec![(1, Event::Done), (2, Event::Lag { handle: 3, next_seq: 4 })]);
    let mut frame = raw::NodeFrame::decode(known).unwrap();
    // Field 99 of an Event, which this version does not name.
    let newer = raw::Event::decode(&[0x08, 0x05, 0x9A, 0x06, 0x00][..]).unwrap();
    assert_eq!(newer.op, None);
    frame.events.insert(1, newer);
    let events = parse_events(frame.encode_to_vec().into()).unwrap();
    assert_eq!(events, [(1, Event::Done), (2, Event::Lag { handle: 3, next_seq: 4 })]);
}

#[test]
fn receipts_of_one_batch_share_its_signature_on_the_wire() {
    let receipt = |seq: u64, sig: u8| Receipt {
        seq,
        gen_before: 0,
        head: Hash::ZERO,
        index: 0,
        size: 2,
        path: Vec::new(),
        sig: [sig; 64],
    };
    let frame = |sigs: &[u8]| {
        let events = (1..).zip(sigs).map(|(seq, sig)| (seq as u32, Event::Receipt(receipt(seq, *sig)))).collect();
        encode_events(events).len()
    };
    assert!(frame(&[1, 1]) < frame(&[1]) + 64);
    assert!(frame(&[1, 2]) > frame(&[1]) + 64);
}

#[test]
fn secrets_and_ids_stay_out_of_debug_output() {
    let open = Open {
        class: LaneClass::Group,
        lane_id: LaneId([0xAB; 32]),
        read_cap: Some(ReadCap([0xAB; 32])),
        write_cap: Some(WriteCap([0xAB; 32])),
        after: 0,
        expires_s: 0,
    };
    let claim = DoorClaim { door_id: DoorId([0xAB; 32]), counter: 0, work: 0, record_only: false };
    let put = DoorPut {
        door_id: DoorId([0xAB; 32]),
        owner: DoorOwner([0xAB; 32]),
        record: None,
        key_packages: Vec::new(),
        last_resort: None,
        replace: false,
    };
    for shown in [format!("{open:?}"), format!("{claim:?}"), format!("{put:?}")] {
        let lower = shown.to_lowercase();
        assert!(!lower.contains("abab") && !lower.contains("171, 171"), "{shown}");
    }
}
