//! Receipts: leaves, the batch tree, signatures, evidence (LANE.md s.4; tree as in RFC 9162 s.2.1).

use crate::Malformed;
use crate::id::{Hash, LaneId, NodeKey};
use crate::lane::{CellKind, Gen, Seq, head_next};
use crate::limit::{BATCH_LEAVES_MAX, EVIDENCE_LINKS_MAX, PATH_HASHES_MAX};

/// The node's signature over a batch of accepted cells, with this cell's inclusion path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The cell's position.
    pub seq: Seq,
    /// Handshakes accepted before it.
    pub gen_before: Gen,
    /// The head after it.
    pub head: Hash,
    /// The leaf's index in the batch.
    pub index: u32,
    /// Leaves in the batch.
    pub size: u32,
    /// Siblings from the leaf to the root.
    pub path: Vec<Hash>,
    /// Ed25519 over `"sottovoce receipt 1" ‖ size ‖ root`.
    pub sig: [u8; 64],
}

/// Why a receipt is no statement of this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Index, size and path do not fit each other.
    #[error("the receipt's path does not fit its batch")]
    Path,
    /// The signature is not the node's.
    #[error("the receipt's signature is not the node's")]
    Signature,
}

/// `H(0x00 ‖ lane_id ‖ seq ‖ gen ‖ head)`.
pub fn leaf(lane_id: &LaneId, seq: Seq, gen_before: Gen, head: &Hash) -> Hash {
    Hash::of(&[&[0], &lane_id.0, &seq.to_be_bytes(), &gen_before.to_be_bytes(), &head.0])
}

/// `H(0x01 ‖ left ‖ right)`.
pub fn node(left: &Hash, right: &Hash) -> Hash {
    Hash::of(&[&[1], &left.0, &right.0])
}

/// The bytes that a node signs for a batch.
pub fn signed_bytes(size: u32, root: &Hash) -> Vec<u8> {
    [b"sottovoce receipt 1".as_slice(), &size.to_be_bytes(), &root.0].concat()
}

/// The tree over one batch's leaves; every level kept, so that a path is a lookup.
#[derive(Debug)]
pub struct BatchTree {
    levels: Vec<Vec<Hash>>,
}

impl BatchTree {
    /// Builds the tree of 1 to 65,536 leaves; `None` for none or more.
    pub fn new(leaves: Vec<Hash>) -> Option<Self> {
        if leaves.is_empty() || leaves.len() > BATCH_LEAVES_MAX {
            return None;
        }
        let mut levels = vec![leaves];
        while let Some(last) = levels.last()
            && last.len() > 1
        {
            // RFC 9162's tree over n leaves equals pairing neighbours and carrying an odd last one up.
            let next = last
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => node(left, right),
                    [odd] => *odd,
                    _ => unreachable!("chunks of two"),
                })
                .collect();
            levels.push(next);
        }
        Some(Self { levels })
    }

    /// The number of leaves.
    pub fn size(&self) -> u32 {
        self.levels[0].len() as u32
    }

    /// The root.
    pub fn root(&self) -> Hash {
        self.levels[self.levels.len() - 1][0]
    }

    /// The inclusion path of the leaf at `index`, which must be below `size`.
    pub fn path(&self, index: u32) -> Vec<Hash> {
        self.siblings(index).copied().collect()
    }

    /// The same path, in place.
    pub fn siblings(&self, index: u32) -> Siblings<'_> {
        let mut siblings = Siblings { levels: &self.levels[..self.levels.len() - 1], at: index as usize, left: 0 };
        siblings.left = siblings.clone().count();
        siblings
    }
}

/// The siblings of a leaf and of what is above it, from the leaf to the root.
#[derive(Debug, Clone)]
pub struct Siblings<'a> {
    levels: &'a [Vec<Hash>],
    at: usize,
    left: usize,
}

impl<'a> Iterator for Siblings<'a> {
    type Item = &'a Hash;

    fn next(&mut self) -> Option<&'a Hash> {
        while let [level, rest @ ..] = self.levels {
            let sibling = level.get(self.at ^ 1);
            self.levels = rest;
            self.at /= 2;
            if sibling.is_some() {
                self.left = self.left.saturating_sub(1);
                return sibling;
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Siblings<'_> {}

/// Recomputes the root from a leaf and its path.
pub fn fold_path(leaf: Hash, index: u32, size: u32, path: &[Hash]) -> Result<Hash, ReceiptError> {
    if index >= size || size as usize > BATCH_LEAVES_MAX || path.len() > PATH_HASHES_MAX {
        return Err(ReceiptError::Path);
    }
    let (mut at, mut last, mut hash) = (index, size - 1, leaf);
    let mut path = path.iter();
    while last > 0 {
        if at % 2 == 1 {
            hash = node(path.next().ok_or(ReceiptError::Path)?, &hash);
        } else if at < last {
            hash = node(&hash, path.next().ok_or(ReceiptError::Path)?);
        }
        at /= 2;
        last /= 2;
    }
    if path.next().is_some() { Err(ReceiptError::Path) } else { Ok(hash) }
}

impl Receipt {
    /// Checks that `node_key` signed this statement about `lane_id`.
    pub fn verify(&self, node_key: &NodeKey, lane_id: &LaneId) -> Result<(), ReceiptError> {
        let leaf = leaf(lane_id, self.seq, self.gen_before, &self.head);
        let root = fold_path(leaf, self.index, self.size, &self.path)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(&node_key.0).map_err(|_| ReceiptError::Signature)?;
        let signature = ed25519_dalek::Signature::from_bytes(&self.sig);
        key.verify_strict(&signed_bytes(self.size, &root), &signature).map_err(|_| ReceiptError::Signature)
    }
}

/// One step of the chain inside an [`Evidence`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// App or handshake.
    pub kind: CellKind,
    /// `H(blob)`, or zero.
    pub attach: Hash,
    /// `H(body)`.
    pub body_hash: Hash,
}

/// Two receipts of one lane that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Who signed.
    pub node_key: NodeKey,
    /// About which lane.
    pub lane_id: LaneId,
    /// The earlier receipt.
    pub a: Receipt,
    /// The later one, or one at the same position.
    pub b: Receipt,
    /// The head at `a.seq` from which the links lead to `b.head`.
    pub prior_head: Hash,
    /// The cells after `a.seq` up to `b.seq`; none if both are at one position.
    pub links: Vec<Link>,
}

impl Evidence {
    /// Whether it proves that the node equivocated.
    pub fn is_proof(&self) -> bool {
        let signed = self.a.verify(&self.node_key, &self.lane_id).is_ok()
            && self.b.verify(&self.node_key, &self.lane_id).is_ok();
        if !signed || self.a.seq > self.b.seq || self.links.len() > EVIDENCE_LINKS_MAX {
            return false;
        }
        if self.a.seq == self.b.seq {
            return self.links.is_empty() && (self.a.head != self.b.head || self.a.gen_before != self.b.gen_before);
        }
        if self.links.len() as u64 != self.b.seq - self.a.seq || self.prior_head == self.a.head {
            return false;
        }
        let (mut head, mut seq) = (self.prior_head, self.a.seq);
        for link in &self.links {
            // No overflow: the links end at `b.seq`.
            seq += 1;
            head = head_next(&head, seq, link.kind, &link.attach, &link.body_hash);
        }
        head == self.b.head
    }

    /// The fixed layout of LANE.md s.4, for export.
    ///
    /// # Errors
    /// More links or path hashes than the limits allow.
    pub fn encode(&self) -> Result<Vec<u8>, Malformed> {
        at_most("links", self.links.len(), EVIDENCE_LINKS_MAX)?;
        let mut bytes = vec![EVIDENCE_VERSION];
        bytes.extend_from_slice(&self.node_key.0);
        bytes.extend_from_slice(&self.lane_id.0);
        self.a.encode_into(&mut bytes)?;
        self.b.encode_into(&mut bytes)?;
        bytes.extend_from_slice(&self.prior_head.0);
        for link in &self.links {
            bytes.push(link.kind as u8);
            bytes.extend_from_slice(&link.attach.0);
            bytes.extend_from_slice(&link.body_hash.0);
        }
        Ok(bytes)
    }

    /// Reads what [`Evidence::encode`] writes, to the last byte; each evidence has one encoding.
    ///
    /// # Errors
    /// Another version, a length that does not fit, a limit exceeded.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader { rest: bytes, field: "evidence", whole: bytes.len() };
        if reader.array::<1>()? != [EVIDENCE_VERSION] {
            return Err(Malformed::Value { field: "version" });
        }
        let node_key = NodeKey(reader.array()?);
        let lane_id = LaneId(reader.array()?);
        let a = Receipt::parse_from(&mut reader)?;
        let b = Receipt::parse_from(&mut reader)?;
        let prior_head = Hash(reader.array()?);
        at_most("links", reader.rest.len() / LINK_BYTES, EVIDENCE_LINKS_MAX)?;
        let mut links = Vec::with_capacity(reader.rest.len() / LINK_BYTES);
        while !reader.rest.is_empty() {
            let [kind] = reader.array()?;
            let kind = CellKind::parse(kind.into())?;
            links.push(Link { kind, attach: Hash(reader.array()?), body_hash: Hash(reader.array()?) });
        }
        Ok(Self { node_key, lane_id, a, b, prior_head, links })
    }
}

/// The version byte of an encoded [`Evidence`].
pub const EVIDENCE_VERSION: u8 = 1;
/// Bytes of a [`Link`]: kind 1, attach 32, body_hash 32.
const LINK_BYTES: usize = 65;

fn at_most(field: &'static str, found: usize, limit: usize) -> Result<(), Malformed> {
    if found > limit { Err(Malformed::TooLong { field, limit, found }) } else { Ok(()) }
}

impl Receipt {
    /// seq 8, gen 4, head 32, index 4, size 4, count 1, path 32 x count, sig 64.
    fn encode_into(&self, bytes: &mut Vec<u8>) -> Result<(), Malformed> {
        at_most("path", self.path.len(), PATH_HASHES_MAX)?;
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(&self.gen_before.to_be_bytes());
        bytes.extend_from_slice(&self.head.0);
        bytes.extend_from_slice(&self.index.to_be_bytes());
        bytes.extend_from_slice(&self.size.to_be_bytes());
        bytes.push(self.path.len() as u8);
        for hash in &self.path {
            bytes.extend_from_slice(&hash.0);
        }
        bytes.extend_from_slice(&self.sig);
        Ok(())
    }

    fn parse_from(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let seq = Seq::from_be_bytes(reader.array()?);
        let gen_before = Gen::from_be_bytes(reader.array()?);
        let head = Hash(reader.array()?);
        let index = u32::from_be_bytes(reader.array()?);
        let size = u32::from_be_bytes(reader.array()?);
        let [count] = reader.array()?;
        at_most("path", count.into(), PATH_HASHES_MAX)?;
        let path = (0..count).map(|_| reader.array().map(Hash)).collect::<Result<_, _>>()?;
        Ok(Self { seq, gen_before, head, index, size, path, sig: reader.array()? })
    }
}

/// Takes fixed-size fields off the front.
struct Reader<'a> {
    rest: &'a [u8],
    field: &'static str,
    whole: usize,
}

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let Some((array, rest)) = self.rest.split_first_chunk() else {
            let expected = self.whole - self.rest.len() + N;
            return Err(Malformed::Length { field: self.field, expected, found: self.whole });
        };
        self.rest = rest;
        Ok(*array)
    }
}
