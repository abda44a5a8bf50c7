//! Evidence proves equivocation when two signed statements of one lane cannot both be true, and never otherwise.

use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use wire::Malformed;
use wire::id::{Hash, LaneId, NodeKey};
use wire::lane::{CellKind, head_next, head_zero};
use wire::limit::{EVIDENCE_LINKS_MAX, PATH_HASHES_MAX};
use wire::receipt::{BatchTree, Evidence, Link, Receipt, leaf, signed_bytes};

const LANE: LaneId = LaneId([2; 32]);

fn key() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn node_key() -> NodeKey {
    NodeKey(key().verifying_key().to_bytes())
}

/// A statement signed alone, or as the second of a batch of three.
fn signed(seq: u64, gen_before: u32, head: Hash, is_batched: bool) -> Receipt {
    let own = leaf(&LANE, seq, gen_before, &head);
    let (leaves, index) = if is_batched { (vec![Hash([8; 32]), own, Hash([9; 32])], 1) } else { (vec![own], 0) };
    let tree = BatchTree::new(leaves).expect("one or three leaves");
    let sig = key().sign(&signed_bytes(tree.size(), &tree.root())).to_bytes();
    Receipt { seq, gen_before, head, index, size: tree.size(), path: tree.path(index), sig }
}

fn link(at: u64) -> Link {
    let kind = if at.is_multiple_of(3) { CellKind::Handshake } else { CellKind::App };
    Link { kind, attach: Hash::ZERO, body_hash: Hash::of(&[&at.to_be_bytes()]) }
}

fn fold(mut head: Hash, mut seq: u64, links: &[Link]) -> Hash {
    for link in links {
        seq += 1;
        head = head_next(&head, seq, link.kind, &link.attach, &link.body_hash);
    }
    head
}

/// `a` at `seq`; `b` `distance` later, over a history in which another head stood at `seq`.
fn forked(seq: u64, distance: u64) -> Evidence {
    let prior_head = Hash([5; 32]);
    let links: Vec<Link> = (0..distance).map(link).collect();
    let b_head = fold(prior_head, seq, &links);
    Evidence {
        node_key: node_key(),
        lane_id: LANE,
        a: signed(seq, 3, Hash([6; 32]), true),
        b: signed(seq + distance, 4, b_head, false),
        prior_head,
        links,
    }
}

fn same_place(head: Hash, gen_before: u32) -> Evidence {
    Evidence {
        node_key: node_key(),
        lane_id: LANE,
        a: signed(9, 3, Hash([6; 32]), false),
        b: signed(9, gen_before, head, true),
        prior_head: Hash::ZERO,
        links: Vec::new(),
    }
}

#[test]
fn two_heads_or_two_gens_at_one_position_are_proof() {
    assert!(same_place(Hash([7; 32]), 3).is_proof());
    assert!(same_place(Hash([6; 32]), 4).is_proof());
}

#[test]
fn one_statement_signed_twice_is_no_proof() {
    assert!(!same_place(Hash([6; 32]), 3).is_proof());
}

#[test]
fn a_later_head_over_another_history_is_proof() {
    for distance in [1, 2, 7, EVIDENCE_LINKS_MAX as u64] {
        assert!(forked(9, distance).is_proof(), "{distance}");
    }
}

#[test]
fn more_links_than_the_limit_are_no_proof() {
    assert!(!forked(9, EVIDENCE_LINKS_MAX as u64 + 1).is_proof());
}

#[test]
fn an_honest_lane_gives_no_proof() {
    let start = head_zero(&LANE);
    let links: Vec<Link> = (0..5).map(link).collect();
    let a_head = fold(start, 0, &links[..2]);
    let honest = Evidence {
        node_key: node_key(),
        lane_id: LANE,
        a: signed(2, 0, a_head, false),
        b: signed(5, 1, fold(start, 0, &links), false),
        prior_head: a_head,
        links: links[2..].to_vec(),
    };
    assert!(!honest.is_proof());
    for prior_head in [start, Hash::ZERO] {
        assert!(!Evidence { prior_head, ..honest.clone() }.is_proof(), "the links do not lead there");
    }
}

#[test]
fn altered_proof_is_no_proof() {
    for proof in [forked(9, 3), same_place(Hash([7; 32]), 3)] {
        assert!(proof.is_proof());
        let refused = |what: &str, change: &dyn Fn(&mut Evidence)| {
            let mut altered = proof.clone();
            change(&mut altered);
            assert!(!altered.is_proof(), "{what}");
        };
        refused("another node", &|altered| altered.node_key = NodeKey([9; 32]));
        refused("another lane", &|altered| altered.lane_id = LaneId([9; 32]));
        refused("a not signed", &|altered| altered.a.sig[0] ^= 1);
        refused("b not signed", &|altered| altered.b.sig[0] ^= 1);
        refused("a's head", &|altered| altered.a.head.0[0] ^= 1);
        refused("b's gen", &|altered| altered.b.gen_before += 1);
        refused("a link more", &|altered| altered.links.push(link(0)));
    }
    let refused = |what: &str, change: &dyn Fn(&mut Evidence)| {
        let mut altered = forked(9, 3);
        change(&mut altered);
        assert!(!altered.is_proof(), "{what}");
    };
    refused("a link less", &|altered| altered.links.truncate(2));
    refused("links in another order", &|altered| altered.links.reverse());
    refused("another kind", &|altered| altered.links[1].kind = CellKind::Handshake);
    refused("another blob", &|altered| altered.links[1].attach = Hash([1; 32]));
    refused("another prior head", &|altered| altered.prior_head = Hash([1; 32]));
    refused("later before earlier", &|altered| std::mem::swap(&mut altered.a, &mut altered.b));
}

#[test]
fn the_last_position_of_all_is_judged_without_overflow() {
    assert!(forked(u64::MAX - 2, 2).is_proof());
}

#[test]
fn evidence_has_one_encoding_and_ends_where_it_ends() {
    for evidence in [forked(9, 3), same_place(Hash([7; 32]), 3), forked(9, EVIDENCE_LINKS_MAX as u64)] {
        let encoded = evidence.encode().unwrap();
        assert_eq!(Evidence::parse(&encoded).unwrap(), evidence);
        let longer = [&encoded[..], &[0]].concat();
        assert!(Evidence::parse(&longer).is_err());
        assert!(Evidence::parse(&encoded[..encoded.len() - 1]).is_err());
    }
}

#[test]
fn a_cut_evidence_is_an_error_at_every_length_but_between_links() {
    let encoded = forked(9, 3).encode().unwrap();
    let before_links = encoded.len() - 3 * 65;
    for length in 0..encoded.len() {
        let is_between_links = length >= before_links && (length - before_links).is_multiple_of(65);
        match Evidence::parse(&encoded[..length]) {
            Ok(shorter) => assert!(is_between_links && !shorter.is_proof(), "cut at {length}"),
            Err(_) => assert!(!is_between_links, "cut at {length}"),
        }
    }
}

#[test]
fn limits_of_evidence_hold_at_the_limit_and_one_past_it() {
    let mut evidence = forked(9, 1);
    evidence.links = vec![link(0); EVIDENCE_LINKS_MAX];
    evidence.a.path = vec![Hash::ZERO; PATH_HASHES_MAX];
    let encoded = evidence.encode().unwrap();
    assert_eq!(Evidence::parse(&encoded).unwrap(), evidence);

    let one_link_more = [&encoded[..], &encoded[encoded.len() - 65..]].concat();
    assert!(matches!(Evidence::parse(&one_link_more), Err(Malformed::TooLong { field: "links", .. })));
    evidence.links.push(link(0));
    assert!(matches!(evidence.encode(), Err(Malformed::TooLong { field: "links", found: 4_097, .. })));
    evidence.links.clear();
    evidence.a.path.push(Hash::ZERO);
    assert!(matches!(evidence.encode(), Err(Malformed::TooLong { field: "path", found: 17, .. })));
    // The count of a's path stands after 65 bytes of header and 52 of the receipt.
    let mut long_path = encoded;
    long_path[65 + 52] = 17;
    assert!(matches!(Evidence::parse(&long_path), Err(Malformed::TooLong { field: "path", found: 17, .. })));
}

#[test]
fn another_version_and_another_kind_are_refused() {
    let mut encoded = forked(9, 1).encode().unwrap();
    for version in [0, 2, 255] {
        encoded[0] = version;
        assert_eq!(Evidence::parse(&encoded), Err(Malformed::Value { field: "version" }));
    }
    encoded[0] = 1;
    let kind_at = encoded.len() - 65;
    encoded[kind_at] = 2;
    assert_eq!(Evidence::parse(&encoded), Err(Malformed::Value { field: "kind" }));
}

proptest! {
    #[test]
    fn any_bytes_parse_to_what_encodes_to_them(bytes in proptest::collection::vec(any::<u8>(), 0..1_500)) {
        if let Ok(evidence) = Evidence::parse(&bytes) {
            prop_assert_eq!(evidence.encode().unwrap(), bytes);
        }
    }

    #[test]
    fn an_altered_byte_never_keeps_a_proof(at in 0usize..2_000, flip in 1u8..=255) {
        let proof = forked(9, 3);
        let mut encoded = proof.encode().unwrap();
        let at = at % encoded.len();
        encoded[at] ^= flip;
        if let Ok(evidence) = Evidence::parse(&encoded) {
            prop_assert!(!evidence.is_proof(), "byte {}", at);
        }
    }
}
