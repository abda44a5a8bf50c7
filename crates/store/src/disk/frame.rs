//! The log's bytes: frames of operations.
//!
//! One frame is one durable unit: it counts as a whole or not at all. Integers are big-endian.
//!
//! | frame | bytes |
//! |---|---|
//! | magic `SVF1` | 4 |
//! | payload length | 4 |
//! | number, one more than the frame's before | 8 |
//! | XXH3-64 of the payload, seeded by salt and number | 8 |
//! | XXH3-64 of the 24 bytes before, seeded by salt | 8 |
//! | payload: operations | n |
//!
//! | operation | bytes |
//! |---|---|
//! | lane | 1, record 187, cells_expire_s 8, count 4, cells |
//! | cell | body length 4, XXH3-64 of the rest 8, header 94, body |
//! | forget | 2, lane_id 32 |
//! | put | 3, key length 2, value length 4 (`0xFFFFFFFF`: removed), key, value |
//!
//! The salt is random, one for each store, so that nothing a client has stored can pass for a frame.

use crate::record::{BodyPrefix, LaneRecord, StoredCell};
use crate::{LaneCommit, StoreError};
use bytes::Bytes;
use wire::id::LaneId;
use wire::lane::Seq;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Bytes before a frame's payload.
pub const FRAME_HEADER_LEN: usize = 32;
/// Bytes of a payload at most: the largest batch with all its headers.
pub const FRAME_PAYLOAD_MAX: usize = 128 << 20;
/// The first bytes of every frame.
pub const MAGIC: [u8; 4] = *b"SVF1";
/// Bytes of a stored cell before its body: checksum and header.
pub const CELL_OVERHEAD: usize = 8 + StoredCell::HEADER_LEN;
/// Bytes of a cell's length field, which lies between two neighbours.
pub const CELL_LENGTH_LEN: usize = 4;

const OP_LANE: u8 = 1;
const OP_FORGET: u8 = 2;
const OP_PUT: u8 = 3;
const REMOVED: u32 = u32::MAX;

/// What all of a store's checksums are seeded with.
#[derive(Clone, Copy)]
pub struct Salt(pub u64);

/// A frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// Bytes of the payload.
    pub payload_len: u32,
    /// The frame's number.
    pub number: u64,
    /// The payload's checksum.
    pub payload_sum: u64,
}

impl FrameHeader {
    /// Reads a header; `None` if these bytes are none.
    pub fn parse(bytes: &[u8; FRAME_HEADER_LEN], salt: Salt) -> Option<Self> {
        let (fields, sum) = bytes.split_first_chunk::<24>()?;
        if fields[..4] != MAGIC || *sum != xxh3_64_with_seed(fields, salt.0).to_be_bytes() {
            return None;
        }
        let payload_len = u32::from_be_bytes(*fields[4..].first_chunk()?);
        if payload_len as usize > FRAME_PAYLOAD_MAX {
            return None;
        }
        let number = u64::from_be_bytes(*fields[8..].first_chunk()?);
        let payload_sum = u64::from_be_bytes(*fields[16..].first_chunk()?);
        Some(Self { payload_len, number, payload_sum })
    }

    /// Whether these are the bytes that the header announces.
    pub fn is_of(&self, payload: &[u8], salt: Salt) -> bool {
        payload.len() == self.payload_len as usize && payload_sum(payload, self.number, salt) == self.payload_sum
    }
}

fn payload_sum(payload: &[u8], number: u64, salt: Salt) -> u64 {
    xxh3_64_with_seed(payload, salt.0 ^ number.rotate_left(32))
}

/// Where in its frame a cell begins, with what its lane remembers of it.
#[derive(Debug, Clone, Copy)]
pub struct PlacedCell {
    /// Bytes from the frame's first byte to the cell's checksum.
    pub offset: u32,
    /// Bytes of the body.
    pub body_len: u32,
    /// `H(body)[0..16]`.
    pub body_prefix: BodyPrefix,
}

/// Builds one frame.
#[derive(Default)]
pub struct FrameWriter {
    bytes: Vec<u8>,
    cells: Vec<PlacedCell>,
}

/// A writer keeps no larger buffer than this from one frame to the next.
const BUFFER_KEPT_BYTES: usize = 4 << 20;

impl FrameWriter {
    /// Begins an empty frame.
    pub fn clear(&mut self) {
        if self.bytes.capacity() > BUFFER_KEPT_BYTES {
            self.bytes = Vec::new();
        }
        self.bytes.clear();
        self.bytes.resize(FRAME_HEADER_LEN, 0);
        self.cells.clear();
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.bytes.len() <= FRAME_HEADER_LEN
    }

    /// Adds a lane's new record and its new cells.
    pub fn lane(&mut self, commit: &LaneCommit) {
        self.bytes.push(OP_LANE);
        self.bytes.extend_from_slice(&commit.record.encode());
        self.bytes.extend_from_slice(&commit.cells_expire_s.to_be_bytes());
        self.bytes.extend_from_slice(&(commit.cells.len() as u32).to_be_bytes());
        for stored in &commit.cells {
            let body_len = stored.cell.body.len() as u32;
            self.bytes.extend_from_slice(&body_len.to_be_bytes());
            let offset = self.bytes.len();
            self.bytes.extend_from_slice(&[0; 8]);
            self.bytes.extend_from_slice(&stored.encode_header());
            self.bytes.extend_from_slice(&stored.cell.body);
            let sum = xxh3_64(&self.bytes[offset + 8..]);
            self.bytes[offset..offset + 8].copy_from_slice(&sum.to_be_bytes());
            self.cells.push(PlacedCell { offset: offset as u32, body_len, body_prefix: stored.body_prefix });
        }
    }

    /// Adds the end of a lane's record.
    pub fn forget(&mut self, lane: &LaneId) {
        self.bytes.push(OP_FORGET);
        self.bytes.extend_from_slice(&lane.0);
    }

    /// Adds a key's new value, or its removal.
    pub fn put(&mut self, key: &[u8], value: Option<&[u8]>) {
        self.bytes.push(OP_PUT);
        self.bytes.extend_from_slice(&(key.len() as u16).to_be_bytes());
        let value_len = value.map_or(REMOVED, |value| value.len() as u32);
        self.bytes.extend_from_slice(&value_len.to_be_bytes());
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value.unwrap_or_default());
    }

    /// Completes the header and returns the whole frame.
    pub fn finish(&mut self, number: u64, salt: Salt) -> &[u8] {
        let payload = &self.bytes[FRAME_HEADER_LEN..];
        let (len, sum) = (payload.len() as u32, payload_sum(payload, number, salt));
        self.bytes[..4].copy_from_slice(&MAGIC);
        self.bytes[4..8].copy_from_slice(&len.to_be_bytes());
        self.bytes[8..16].copy_from_slice(&number.to_be_bytes());
        self.bytes[16..24].copy_from_slice(&sum.to_be_bytes());
        let header_sum = xxh3_64_with_seed(&self.bytes[..24], salt.0);
        self.bytes[24..32].copy_from_slice(&header_sum.to_be_bytes());
        &self.bytes
    }

    /// The cells added, in order.
    pub fn cells(&self) -> &[PlacedCell] {
        &self.cells
    }
}

/// One operation as it is replayed.
pub enum Op {
    /// A lane's new record and cells.
    Lane {
        /// The record.
        record: Box<LaneRecord>,
        /// When the cells may be dropped.
        cells_expire_s: u64,
        /// The cells, `offset` counted from the frame's first byte.
        cells: Vec<PlacedCell>,
    },
    /// A lane is unknown from here on.
    Forget(LaneId),
    /// A key's new value, or its removal.
    Put(Vec<u8>, Option<Bytes>),
}

/// Reads a frame's operations. The payload's checksum held, so anything odd is `Corrupt`.
pub fn parse_ops(payload: &[u8]) -> Result<Vec<Op>, StoreError> {
    let mut reader = Reader { bytes: payload, at: 0 };
    let mut ops = Vec::new();
    while reader.at < payload.len() {
        let op = match reader.array::<1>()? {
            [OP_LANE] => reader.lane()?,
            [OP_FORGET] => Op::Forget(LaneId(reader.array()?)),
            [OP_PUT] => {
                let key_len = u16::from_be_bytes(reader.array()?);
                let value_len = u32::from_be_bytes(reader.array()?);
                let key = reader.take(usize::from(key_len))?.to_vec();
                let value = if value_len == REMOVED {
                    None
                } else {
                    Some(Bytes::copy_from_slice(reader.take(value_len as usize)?))
                };
                Op::Put(key, value)
            }
            [newer] => {
                let (found, newest) = (u32::from(newer), u32::from(OP_PUT));
                return Err(StoreError::Unsupported { what: "an operation in the log", found, newest });
            }
        };
        ops.push(op);
    }
    Ok(ops)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], StoreError> {
        let end = self.at.checked_add(len).ok_or(StoreError::Corrupt { what: "the log" })?;
        let taken = self.bytes.get(self.at..end).ok_or(StoreError::Corrupt { what: "the log" })?;
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| StoreError::Corrupt { what: "the log" })
    }

    fn lane(&mut self) -> Result<Op, StoreError> {
        let record = Box::new(LaneRecord::parse(self.take(LaneRecord::LEN)?)?);
        let cells_expire_s = u64::from_be_bytes(self.array()?);
        let count = u32::from_be_bytes(self.array()?);
        let mut cells = Vec::new();
        for _ in 0..count {
            let body_len = u32::from_be_bytes(self.array()?);
            let offset = (FRAME_HEADER_LEN + self.at) as u32;
            let stored = self.take(CELL_OVERHEAD + body_len as usize)?;
            let mut body_prefix = [0; 16];
            body_prefix.copy_from_slice(&stored[CELL_OVERHEAD - 16..CELL_OVERHEAD]);
            cells.push(PlacedCell { offset, body_len, body_prefix: BodyPrefix(body_prefix) });
        }
        Ok(Op::Lane { record, cells_expire_s, cells })
    }
}

/// Reads a cell from its checksum on, and checks it.
pub fn parse_cell(bytes: Bytes, seq: Seq) -> Result<StoredCell, StoreError> {
    let corrupt = StoreError::Corrupt { what: "a cell" };
    let Some((sum, rest)) = bytes.split_first_chunk::<8>() else { return Err(corrupt) };
    if *sum != xxh3_64(rest).to_be_bytes() {
        return Err(corrupt);
    }
    let stored = StoredCell::parse(bytes.slice(8..))?;
    if stored.cell.seq == seq { Ok(stored) } else { Err(corrupt) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::id::Hash;
    use wire::lane::{Cell, CellKind, LaneClass};

    const SALT: Salt = Salt(0x0102_0304_0506_0708);

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn commit() -> LaneCommit {
        let cell = Cell {
            seq: 1,
            gen_before: 0,
            kind: CellKind::App,
            attach: Hash::ZERO,
            body: Bytes::from(vec![0xbb; 1_024]),
        };
        let mut record = LaneRecord::new(LaneId([1; 32]), LaneClass::Group, Hash([2; 32]), Hash([3; 32]));
        (record.next_seq, record.head) = (2, Hash([4; 32]));
        let stored = StoredCell { cell, head: Hash([4; 32]), body_prefix: BodyPrefix([5; 16]) };
        LaneCommit { record, cells: vec![stored], cells_expire_s: 0x0a0b }
    }

    #[test]
    fn frames_have_their_golden_bytes() {
        let mut frame = FrameWriter::default();
        frame.clear();
        assert!(frame.is_empty());
        frame.forget(&LaneId([0x11; 32]));
        frame.put(b"key", Some(b"value"));
        frame.put(b"gone", None);
        let golden = [
            "53564631",
            "0000003b",
            "0000000000000009",
            "d982c498030591e2",
            "56bf9abcac5fde88",
            "02",
            &"11".repeat(32),
            "030003000000056b657976616c7565",
            "030004ffffffff676f6e65",
        ]
        .concat();
        assert_eq!(hex(frame.finish(9, SALT)), golden);
        frame.clear();
        frame.lane(&commit());
        assert_eq!(
            Hash::of(&[frame.finish(9, SALT)]).to_hex(),
            "295f2726c3a6d3908e2633947c198869d16651634e8c8b42db022cea8f158f32"
        );
    }

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        let mut frame = FrameWriter::default();
        frame.clear();
        frame.lane(&commit());
        frame.put(b"key", None);
        let bytes = Bytes::copy_from_slice(frame.finish(9, SALT));
        let header = FrameHeader::parse(bytes.first_chunk().unwrap(), SALT).unwrap();
        assert_eq!((header.number, header.payload_len as usize), (9, bytes.len() - FRAME_HEADER_LEN));
        assert!(header.is_of(&bytes[FRAME_HEADER_LEN..], SALT));
        let ops = parse_ops(&bytes[FRAME_HEADER_LEN..]).unwrap();
        let [Op::Lane { record, cells_expire_s, cells }, Op::Put(key, None)] = &ops[..] else {
            panic!("other operations")
        };
        assert_eq!((&**record, *cells_expire_s, &key[..]), (&commit().record, 0x0a0b, &b"key"[..]));
        let (begin, len) = (cells[0].offset as usize, CELL_OVERHEAD + cells[0].body_len as usize);
        let cell = bytes.slice(begin..begin + len);
        assert_eq!(parse_cell(cell.clone(), 1).unwrap(), commit().cells[0]);
        assert!(matches!(parse_cell(cell.clone(), 2), Err(StoreError::Corrupt { .. })), "another position");
        for at in [0, 8, 9, 50, len - 1] {
            let mut damaged = cell.to_vec();
            damaged[at] ^= 1;
            assert!(matches!(parse_cell(Bytes::from(damaged), 1), Err(StoreError::Corrupt { .. })), "{at}");
        }
    }

    #[test]
    fn a_frame_of_another_salt_number_or_byte_is_none() {
        let mut frame = FrameWriter::default();
        frame.clear();
        frame.put(b"key", None);
        let bytes = frame.finish(9, SALT).to_vec();
        let header = |bytes: &[u8], salt| FrameHeader::parse(bytes.first_chunk().unwrap(), salt);
        assert!(header(&bytes, Salt(1)).is_none());
        for at in 0..FRAME_HEADER_LEN {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(header(&damaged, SALT).is_none(), "{at}");
        }
        let good = header(&bytes, SALT).unwrap();
        let payload = &bytes[FRAME_HEADER_LEN..];
        assert!(!FrameHeader { number: 10, ..good }.is_of(payload, SALT));
        assert!(!good.is_of(&payload[1..], SALT));
        assert!(matches!(parse_ops(&payload[..payload.len() - 1]), Err(StoreError::Corrupt { .. })));
        assert!(matches!(parse_ops(&[4]), Err(StoreError::Unsupported { found: 4, newest: 3, .. })));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_operations_or_refused(bytes in proptest::collection::vec(0_u8.., 0..600), tag in 1_u8..=3) {
            let _ = parse_ops(&bytes);
            let _ = parse_ops(&[&[tag], &bytes[..]].concat());
            let _ = parse_cell(Bytes::from(bytes), 1);
        }

        #[test]
        fn any_change_of_a_payload_is_noticed(at in 0_usize..1_300, bit in 0_u8..8) {
            let mut frame = FrameWriter::default();
            frame.clear();
            frame.lane(&commit());
            let mut bytes = frame.finish(9, SALT).to_vec();
            let header = FrameHeader::parse(bytes.first_chunk().unwrap(), SALT).unwrap();
            let at = FRAME_HEADER_LEN + at % (bytes.len() - FRAME_HEADER_LEN);
            bytes[at] ^= 1 << bit;
            proptest::prop_assert!(!header.is_of(&bytes[FRAME_HEADER_LEN..], SALT));
        }
    }
}
