//! What client and node send each other; receipts and evidence.

use crate::Seed;
use bytes::Bytes;
use ed25519_dalek::{Signer, SigningKey};
use wire::id::{DoorId, DoorOwner, Hash, LaneId, NodeKey, ReadCap, WriteCap};
use wire::lane::{Cell, CellKind, GEN_ANY, LaneClass, head_next};
use wire::limit::{BATCH_LEAVES_MAX, PATH_HASHES_MAX};
use wire::node::{
    Append, DoorClaim, DoorPut, Event, Hello, Limits, Open, Page, Refusal, Request, encode_events, encode_requests,
    parse_events, parse_requests,
};
use wire::receipt::{BatchTree, Evidence, Link, Receipt, fold_path, leaf, signed_bytes};

/// A frame at the node: what was parsed encodes to a frame that parses to the same.
pub fn client_frame(bytes: &[u8]) -> bool {
    let Ok(parsed) = parse_requests(Bytes::copy_from_slice(bytes)) else { return false };
    let accepted: Vec<_> = parsed.into_iter().filter_map(|(id, request)| Some((id, request.ok()?))).collect();
    let again = parse_requests(encode_requests(accepted.clone())).expect("an encoded frame parses");
    let again: Vec<_> = again.into_iter().map(|(id, request)| (id, request.expect("and so do its requests"))).collect();
    assert!(again == accepted, "a frame changed on its way");
    !accepted.is_empty()
}

/// A frame at the client; receipts in it are judged too.
pub fn node_frame(bytes: &[u8]) -> bool {
    let Ok(events) = parse_events(Bytes::copy_from_slice(bytes)) else { return false };
    for (_, event) in &events {
        if let Event::Receipt(receipt) = event {
            // Whoever made the bytes does not have the key.
            assert!(receipt.verify(&NodeKey([9; 32]), &LANE).is_err());
        }
    }
    let again = parse_events(encode_events(events.clone())).expect("an encoded frame parses");
    assert!(again == events, "a frame changed on its way");
    !events.is_empty()
}

/// Evidence from a member: one encoding, judged without panic.
pub fn evidence(bytes: &[u8]) -> bool {
    let Ok(evidence) = Evidence::parse(bytes) else { return false };
    evidence.is_proof();
    assert!(evidence.encode().expect("within limits, for it parsed") == bytes, "a second encoding");
    true
}

/// Index, size and path of a receipt: index 4, size 4, path.
pub fn receipt_path(bytes: &[u8]) -> bool {
    let Some((index, rest)) = bytes.split_first_chunk() else { return false };
    let Some((size, rest)) = rest.split_first_chunk() else { return false };
    let path: Vec<Hash> = rest.as_chunks().0.iter().copied().map(Hash).collect();
    let (index, size) = (u32::from_be_bytes(*index), u32::from_be_bytes(*size));
    let folds = fold_path(Hash::ZERO, index, size, &path).is_ok();
    if folds {
        assert!(index < size && size as usize <= BATCH_LEAVES_MAX && path.len() <= PATH_HASHES_MAX);
    }
    folds
}

const LANE: LaneId = LaneId([2; 32]);

fn body(size: usize) -> Bytes {
    vec![0x5A; size].into()
}

/// One frame with each request, and one with all.
pub fn client_frame_seeds() -> Vec<Seed> {
    let requests = vec![
        Request::Open(Open {
            class: LaneClass::Group,
            lane_id: LANE,
            read_cap: Some(ReadCap([3; 32])),
            write_cap: Some(WriteCap([4; 32])),
            after: 17,
            expires_s: 0,
        }),
        Request::Append(Append {
            handle: 1,
            nth: 2,
            kind: CellKind::Handshake,
            if_gen: GEN_ANY,
            attach: Hash([5; 32]),
            body: body(1_024),
            work: 6,
        }),
        Request::Read { handle: 1, after: 7 },
        Request::Attest { handle: 1 },
        Request::Trim { handle: 1, through: 7 },
        Request::Close { handle: 1 },
        Request::Release { handle: 1 },
        Request::Whisper { handle: 1, body: body(1_024) },
        Request::DoorPut(DoorPut {
            door_id: DoorId([6; 32]),
            owner: DoorOwner([7; 32]),
            record: Some(body(40)),
            key_packages: vec![body(10), body(11)],
            last_resort: Some(body(12)),
            replace: true,
        }),
        Request::DoorClaim(DoorClaim { door_id: DoorId([6; 32]), counter: 1, work: 8, record_only: false }),
    ];
    let names = ["open", "append", "read", "attest", "trim", "close", "release", "whisper", "door_put", "door_claim"];
    let one = |request: &Request| encode_requests(vec![(1, request.clone())]);
    let mut seeds: Vec<Seed> =
        names.into_iter().zip(&requests).map(|(name, request)| Seed::new(name, one(request))).collect();
    seeds.push(Seed::new("all", encode_requests((1..).zip(requests).collect())));
    seeds
}

fn receipt(seq: u64, path: usize) -> Receipt {
    Receipt {
        seq,
        gen_before: 1,
        head: Hash([8; 32]),
        index: 0,
        size: 1 << path,
        path: vec![Hash([9; 32]); path],
        sig: [10; 64],
    }
}

/// One frame with each event, and one with all.
pub fn node_frame_seeds() -> Vec<Seed> {
    let cell = Cell { seq: 17, gen_before: 1, kind: CellKind::App, attach: Hash::ZERO, body: body(1_024) };
    let page =
        Page { first_seq: 1, next_seq: 18, gen_now: 1, cells: vec![cell.clone()], receipt: Some(receipt(17, 2)) };
    let limits = Limits {
        lanes: 2_048,
        appends_unanswered: 256,
        blob_bytes: 1 << 24,
        frame_bytes: 1 << 21,
        retention_days: 30,
        file_bytes: 17 << 30,
    };
    let hello =
        Hello { version: 1, node_key: NodeKey([11; 32]), nonce: [12; 32], claim_bits: 18, knock_bits: 20, limits };
    let events = vec![
        ("hello", Event::Hello(hello)),
        ("opened", Event::Opened { handle: 1, page: page.clone() }),
        ("receipt", Event::Receipt(receipt(17, 3))),
        ("page", Event::Page(page)),
        ("done", Event::Done),
        ("door_stored", Event::DoorStored { key_packages: 50 }),
        ("door_claimed", Event::DoorClaimed { record: body(40), key_package: Some(body(41)), is_last_resort: true }),
        ("stale", Event::Refused(Refusal::Stale { gen_now: 4, next_seq: 20 })),
        ("busy", Event::Refused(Refusal::Busy { retry_after_ms: 500 })),
        ("push", Event::Push { handle: 1, cell }),
        ("lag", Event::Lag { handle: 1, next_seq: 99 }),
        ("whispered", Event::Whispered { handle: 1, body: body(1_024) }),
    ];
    let mut seeds: Vec<Seed> =
        events.iter().map(|(name, event)| Seed::new(name, encode_events(vec![(1, event.clone())]))).collect();
    let all = (1..).zip(events).map(|(id, (_, event))| (id, event)).collect();
    seeds.push(Seed::new("all", encode_events(all)));
    seeds
}

/// A statement about [`LANE`], signed alone.
fn signed(seq: u64, head: Hash) -> Receipt {
    let key = SigningKey::from_bytes(&[1; 32]);
    let tree = BatchTree::new(vec![leaf(&LANE, seq, 1, &head)]).expect("one leaf");
    let sig = key.sign(&signed_bytes(1, &tree.root())).to_bytes();
    Receipt { seq, gen_before: 1, head, index: 0, size: 1, path: Vec::new(), sig }
}

/// A proof with a link, a proof without, and what parses and proves nothing.
pub fn evidence_seeds() -> Vec<Seed> {
    let node_key = NodeKey(SigningKey::from_bytes(&[1; 32]).verifying_key().to_bytes());
    let link = Link { kind: CellKind::App, attach: Hash::ZERO, body_hash: Hash([5; 32]) };
    let later = head_next(&Hash([7; 32]), 10, link.kind, &link.attach, &link.body_hash);
    let linked = Evidence {
        node_key,
        lane_id: LANE,
        a: signed(9, Hash([6; 32])),
        b: signed(10, later),
        prior_head: Hash([7; 32]),
        links: vec![link],
    };
    let same_place =
        Evidence { b: signed(9, Hash([8; 32])), prior_head: Hash::ZERO, links: Vec::new(), ..linked.clone() };
    assert!(linked.is_proof() && same_place.is_proof(), "the seeds are proofs");
    let no_proof = Evidence { a: receipt(9, 4), ..linked.clone() };
    [("linked", linked), ("same_place", same_place), ("no_proof", no_proof)]
        .into_iter()
        .map(|(name, evidence)| Seed::new(name, evidence.encode().expect("within limits")))
        .collect()
}

/// Paths of the first, a middle and the last leaf of batches of several shapes.
pub fn receipt_path_seeds() -> Vec<Seed> {
    let path = |index: u32, size: u32| {
        let tree = BatchTree::new(vec![Hash::ZERO; size as usize]).expect("1 to 65,536 leaves");
        let hashes: Vec<u8> = tree.path(index).iter().flat_map(|hash| hash.0).collect();
        [&index.to_be_bytes()[..], &size.to_be_bytes(), &hashes].concat()
    };
    [("alone", 0, 1), ("first_of_5", 0, 5), ("middle_of_7", 3, 7), ("last_of_300", 299, 300), ("full", 65_535, 65_536)]
        .into_iter()
        .map(|(name, index, size)| Seed::new(name, path(index, size)))
        .collect()
}
