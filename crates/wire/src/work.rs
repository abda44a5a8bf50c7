//! Proof of work for claims and knocks (LANE.md N13).

use crate::id::{DoorId, Hash, LaneId};

/// What the work is bound to.
#[derive(Debug, Clone, Copy)]
pub enum Puzzle<'a> {
    /// A claim: the door and the claims so far on this connection.
    Claim(&'a DoorId, u32),
    /// A knock: the lane and the hash of its body.
    Knock(&'a LaneId, &'a Hash),
}

/// The hash whose leading zeros count.
pub fn digest(hello_nonce: &[u8; 32], puzzle: Puzzle<'_>, nonce: u64) -> Hash {
    let nonce = nonce.to_be_bytes();
    match puzzle {
        Puzzle::Claim(door, counter) => Hash::of(&[hello_nonce, &door.0, &counter.to_be_bytes(), &nonce]),
        Puzzle::Knock(lane, body_hash) => Hash::of(&[hello_nonce, &lane.0, &body_hash.0, &nonce]),
    }
}

/// Leading zero bits of a hash.
pub fn leading_zero_bits(hash: &Hash) -> u32 {
    let mut bits = 0;
    for byte in hash.0 {
        bits += byte.leading_zeros();
        if byte != 0 {
            break;
        }
    }
    bits
}

/// Whether `nonce` does at least `bits` of work.
pub fn is_done(hello_nonce: &[u8; 32], puzzle: Puzzle<'_>, nonce: u64, bits: u32) -> bool {
    leading_zero_bits(&digest(hello_nonce, puzzle, nonce)) >= bits
}

/// Tries `tries` nonces from `start`; the first that does the work.
pub fn search(hello_nonce: &[u8; 32], puzzle: Puzzle<'_>, bits: u32, start: u64, tries: u64) -> Option<u64> {
    (start..start.saturating_add(tries)).find(|nonce| is_done(hello_nonce, puzzle, *nonce, bits))
}
