//! Lane ids, the hash chain, cells (LANE.md s.1, s.2).

use crate::Malformed;
use crate::id::{Hash, LaneId, ReadCap, WriteCap};
use crate::limit::CELL_SIZES;
use bytes::Bytes;

/// A lane position; the first cell is 1.
pub type Seq = u64;
/// The number of handshake cells accepted before a point of the lane.
pub type Gen = u32;
/// `if_gen` that matches any `gen`; for handshakes only.
pub const GEN_ANY: Gen = u32::MAX;

/// What a lane is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum LaneClass {
    /// A conversation.
    Group = 0,
    /// An invite link's knocks, or a joiner's reply lane.
    Invite = 1,
    /// Knocks by address.
    Door = 2,
}

impl LaneClass {
    /// Reads the byte of the wire.
    pub fn parse(value: u32) -> Result<Self, Malformed> {
        match value {
            0 => Ok(Self::Group),
            1 => Ok(Self::Invite),
            2 => Ok(Self::Door),
            _ => Err(Malformed::Value { field: "class" }),
        }
    }
}

/// Whether a cell may end an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum CellKind {
    /// Application data.
    App = 0,
    /// A commit, or what claims to be one.
    Handshake = 1,
}

impl CellKind {
    /// Reads the byte of the wire.
    pub fn parse(value: u32) -> Result<Self, Malformed> {
        match value {
            0 => Ok(Self::App),
            1 => Ok(Self::Handshake),
            _ => Err(Malformed::Value { field: "kind" }),
        }
    }
}

/// Derives a lane's id from the hashes of its capabilities.
pub fn derive_lane_id(class: LaneClass, read_hash: &Hash, write_hash: &Hash) -> LaneId {
    LaneId(Hash::of(&[b"sottovoce lane id 1", &[class as u8], &read_hash.0, &write_hash.0]).0)
}

/// Derives a lane's id from its capabilities.
pub fn derive_lane_id_from_caps(class: LaneClass, read: &ReadCap, write: &WriteCap) -> LaneId {
    derive_lane_id(class, &read.hash(), &write.hash())
}

/// `head(0)`.
pub fn head_zero(lane_id: &LaneId) -> Hash {
    Hash::of(&[b"sottovoce head 0", &lane_id.0])
}

/// `head(n)` from `head(n-1)` and the cell at `seq` = n; `attach` is zero for none.
pub fn head_next(head: &Hash, seq: Seq, kind: CellKind, attach: &Hash, body_hash: &Hash) -> Hash {
    Hash::of(&[b"sottovoce head n", &head.0, &seq.to_be_bytes(), &[kind as u8], &attach.0, &body_hash.0])
}

/// One padded ciphertext record at its position.
#[derive(Clone, PartialEq, Eq)]
pub struct Cell {
    /// Its position.
    pub seq: Seq,
    /// Handshakes accepted before it.
    pub gen_before: Gen,
    /// App or handshake.
    pub kind: CellKind,
    /// `H(blob)`, or zero.
    pub attach: Hash,
    /// One of [`CELL_SIZES`].
    pub body: Bytes,
}

impl Cell {
    /// `H(body)`.
    pub fn body_hash(&self) -> Hash {
        Hash::of(&[&self.body])
    }

    /// The head after this cell.
    pub fn head_after(&self, head: &Hash) -> Hash {
        head_next(head, self.seq, self.kind, &self.attach, &self.body_hash())
    }
}

impl std::fmt::Debug for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cell(seq {}, {:?}, {} bytes)", self.seq, self.kind, self.body.len())
    }
}

/// Checks that a body has one of the four sizes.
pub fn check_body(body: &[u8]) -> Result<(), Malformed> {
    if CELL_SIZES.contains(&body.len()) { Ok(()) } else { Err(Malformed::Value { field: "body" }) }
}
