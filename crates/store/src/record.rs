//! What is stored of a lane: its record and its cells, with their persisted layouts.

use crate::StoreError;
use bytes::Bytes;
use wire::id::{Hash, LaneId};
use wire::lane::{Cell, CellKind, Gen, LaneClass, Seq};

/// `H(body)[0..16]`, by which a repeated append is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BodyPrefix(pub [u8; 16]);

impl BodyPrefix {
    /// The first half of `H(body)`.
    pub fn of(body_hash: &Hash) -> Self {
        let mut prefix = [0; 16];
        prefix.copy_from_slice(&body_hash.0[..16]);
        Self(prefix)
    }
}

impl std::fmt::Debug for BodyPrefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BodyPrefix(..)")
    }
}

/// A lane as the node knows it (LANE.md s.2), and what storing it needs besides.
#[derive(Clone, PartialEq, Eq)]
pub struct LaneRecord {
    /// The lane.
    pub lane_id: LaneId,
    /// What it is for.
    pub class: LaneClass,
    /// `H(read_cap)`.
    pub read_hash: Hash,
    /// `H(write_cap)`.
    pub write_hash: Hash,
    /// The position of the next cell; 1 in a lane that never had one.
    pub next_seq: Seq,
    /// Handshake cells accepted so far.
    pub gen_now: Gen,
    /// The head after the last cell; `head(0)` before the first.
    pub head: Hash,
    /// Bytes of the bodies now stored, kept right by the store in `trim` and `expire`.
    pub stored_bytes: u64,
    /// When the lane ends; 0 for lanes that do not. Only `delivery` gives it a meaning.
    pub expires_s: u64,
    /// The oldest position kept; `next_seq` when no cell is.
    pub first_seq: Seq,
    /// The `gen` before the last cell: with `head` and `next_seq - 1` the leaf of a receipt, even when the cell
    /// itself is gone. 0 before the first cell.
    pub last_gen: Gen,
    /// Counts the changes of this record. A commit carries the stored one plus one, 1 for a new lane.
    pub revision: u64,
    /// From then on a record without cells may be removed.
    pub forget_s: u64,
    /// No cell is ever accepted again.
    pub is_closed: bool,
}

const FLAG_CLOSED: u8 = 1;

impl LaneRecord {
    /// The layout's version, its first byte.
    pub const VERSION: u8 = 1;
    /// Bytes of the layout.
    ///
    /// | bytes | field |
    /// |---|---|
    /// | 1 | version |
    /// | 157 | LANE.md s.2: lane_id 32, class 1, read_hash 32, write_hash 32, next_seq 8, gen 4, head 32, stored 8, expires 8 |
    /// | 8 | first_seq |
    /// | 4 | last_gen |
    /// | 8 | revision |
    /// | 8 | forget_s |
    /// | 1 | flags: 1 closed, others 0 |
    pub const LEN: usize = 187;

    /// A lane that never had a cell, as its first commit carries it: revision 1.
    pub fn new(lane_id: LaneId, class: LaneClass, read_hash: Hash, write_hash: Hash) -> Self {
        Self {
            lane_id,
            class,
            read_hash,
            write_hash,
            next_seq: 1,
            gen_now: 0,
            head: wire::lane::head_zero(&lane_id),
            stored_bytes: 0,
            expires_s: 0,
            first_seq: 1,
            last_gen: 0,
            revision: 1,
            forget_s: 0,
            is_closed: false,
        }
    }

    /// Cells now stored.
    pub fn cell_count(&self) -> u64 {
        self.next_seq.saturating_sub(self.first_seq)
    }

    /// The persisted layout.
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            out[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(&[Self::VERSION]);
        put(&self.lane_id.0);
        put(&[self.class as u8]);
        put(&self.read_hash.0);
        put(&self.write_hash.0);
        put(&self.next_seq.to_be_bytes());
        put(&self.gen_now.to_be_bytes());
        put(&self.head.0);
        put(&self.stored_bytes.to_be_bytes());
        put(&self.expires_s.to_be_bytes());
        put(&self.first_seq.to_be_bytes());
        put(&self.last_gen.to_be_bytes());
        put(&self.revision.to_be_bytes());
        put(&self.forget_s.to_be_bytes());
        put(&[if self.is_closed { FLAG_CLOSED } else { 0 }]);
        out
    }

    /// Reads the persisted layout.
    ///
    /// # Errors
    /// `Unsupported` for a newer version, `Corrupt` for anything else that `encode` does not produce.
    pub fn parse(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut fields = Fields { rest: bytes, what: "a lane record" };
        let [version] = fields.take()?;
        if version > Self::VERSION {
            let (found, newest) = (u32::from(version), u32::from(Self::VERSION));
            return Err(StoreError::Unsupported { what: "a lane record", found, newest });
        }
        let record = Self {
            lane_id: LaneId(fields.take()?),
            class: LaneClass::parse(u32::from(fields.take::<1>()?[0])).map_err(|_| fields.corrupt())?,
            read_hash: Hash(fields.take()?),
            write_hash: Hash(fields.take()?),
            next_seq: u64::from_be_bytes(fields.take()?),
            gen_now: u32::from_be_bytes(fields.take()?),
            head: Hash(fields.take()?),
            stored_bytes: u64::from_be_bytes(fields.take()?),
            expires_s: u64::from_be_bytes(fields.take()?),
            first_seq: u64::from_be_bytes(fields.take()?),
            last_gen: u32::from_be_bytes(fields.take()?),
            revision: u64::from_be_bytes(fields.take()?),
            forget_s: u64::from_be_bytes(fields.take()?),
            is_closed: match fields.take()? {
                [0] => false,
                [FLAG_CLOSED] => true,
                _ => return Err(fields.corrupt()),
            },
        };
        let is_sane = version == Self::VERSION
            && fields.rest.is_empty()
            && record.first_seq >= 1
            && record.first_seq <= record.next_seq
            && record.revision >= 1;
        if is_sane { Ok(record) } else { Err(fields.corrupt()) }
    }
}

impl std::fmt::Debug for LaneRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "LaneRecord({:?}, cells {}..{}, gen {}, {} bytes, revision {}{})",
            self.class,
            self.first_seq,
            self.next_seq,
            self.gen_now,
            self.stored_bytes,
            self.revision,
            if self.is_closed { ", closed" } else { "" }
        )
    }
}

/// A cell with what the node keeps beside it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredCell {
    /// Position, kind, attach and body.
    pub cell: Cell,
    /// The head after it.
    pub head: Hash,
    /// `H(body)[0..16]`.
    pub body_prefix: BodyPrefix,
}

impl StoredCell {
    /// Bytes before the body in the persisted layout.
    ///
    /// | bytes | field |
    /// |---|---|
    /// | 1 | version |
    /// | 1 | kind |
    /// | 8 | seq |
    /// | 4 | gen before it |
    /// | 32 | head after it |
    /// | 32 | attach, zero for none |
    /// | 16 | `H(body)[0..16]` |
    /// | rest | body |
    pub const HEADER_LEN: usize = 94;
    /// The layout's version, its first byte.
    pub const VERSION: u8 = 1;

    /// The persisted layout up to the body, which follows it.
    pub fn encode_header(&self) -> [u8; Self::HEADER_LEN] {
        let mut out = [0; Self::HEADER_LEN];
        out[0] = Self::VERSION;
        out[1] = self.cell.kind as u8;
        out[2..10].copy_from_slice(&self.cell.seq.to_be_bytes());
        out[10..14].copy_from_slice(&self.cell.gen_before.to_be_bytes());
        out[14..46].copy_from_slice(&self.head.0);
        out[46..78].copy_from_slice(&self.cell.attach.0);
        out[78..94].copy_from_slice(&self.body_prefix.0);
        out
    }

    /// Reads the persisted layout; the body shares the memory of `bytes`.
    ///
    /// # Errors
    /// `Unsupported` for a newer version, `Corrupt` for what cannot have been written.
    pub fn parse(bytes: Bytes) -> Result<Self, StoreError> {
        let mut fields = Fields { rest: &bytes, what: "a cell" };
        let [version] = fields.take()?;
        if version > Self::VERSION {
            let (found, newest) = (u32::from(version), u32::from(Self::VERSION));
            return Err(StoreError::Unsupported { what: "a cell", found, newest });
        }
        let kind = CellKind::parse(u32::from(fields.take::<1>()?[0])).map_err(|_| fields.corrupt())?;
        let seq = u64::from_be_bytes(fields.take()?);
        let gen_before = u32::from_be_bytes(fields.take()?);
        let head = Hash(fields.take()?);
        let attach = Hash(fields.take()?);
        let body_prefix = BodyPrefix(fields.take()?);
        if version != Self::VERSION || seq == 0 || fields.rest.is_empty() {
            return Err(fields.corrupt());
        }
        let body = bytes.slice(Self::HEADER_LEN..);
        Ok(Self { cell: Cell { seq, gen_before, kind, attach, body }, head, body_prefix })
    }
}

impl std::fmt::Debug for StoredCell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.cell.fmt(f)
    }
}

/// Takes fixed-size fields off the front.
struct Fields<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let (field, rest) = self.rest.split_first_chunk::<N>().ok_or(StoreError::Corrupt { what: self.what })?;
        self.rest = rest;
        Ok(*field)
    }

    fn corrupt(&self) -> StoreError {
        StoreError::Corrupt { what: self.what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> LaneRecord {
        LaneRecord {
            lane_id: LaneId([1; 32]),
            class: LaneClass::Door,
            read_hash: Hash([2; 32]),
            write_hash: Hash([3; 32]),
            next_seq: 0x0405_0607_0809_0a0b,
            gen_now: 0x0c0d_0e0f,
            head: Hash([0x10; 32]),
            stored_bytes: 0x1112_1314_1516_1718,
            expires_s: 0x191a_1b1c_1d1e_1f20,
            first_seq: 0x0102_0304_0506_0708,
            last_gen: 0x2122_2324,
            revision: 0x2526_2728_292a_2b2c,
            forget_s: 0x2d2e_2f30_3132_3334,
            is_closed: true,
        }
    }

    #[test]
    fn lane_record_has_its_golden_bytes() {
        let golden = [
            "01",
            &"01".repeat(32),
            "02",
            &"02".repeat(32),
            &"03".repeat(32),
            "0405060708090a0b",
            "0c0d0e0f",
            &"10".repeat(32),
            "1112131415161718",
            "191a1b1c1d1e1f20",
            "0102030405060708",
            "21222324",
            "25262728292a2b2c",
            "2d2e2f3031323334",
            "01",
        ]
        .concat();
        let hex: String = record().encode().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, golden);
        assert_eq!(LaneRecord::parse(&record().encode()).unwrap(), record());
    }

    #[test]
    fn lane_record_of_the_next_version_is_refused_by_name() {
        let mut bytes = record().encode();
        bytes[0] = 2;
        let error = LaneRecord::parse(&bytes).unwrap_err();
        assert!(matches!(error, StoreError::Unsupported { found: 2, newest: 1, .. }), "{error}");
    }

    #[test]
    fn lane_record_with_any_wrong_length_class_or_flag_is_corrupt() {
        let good = record().encode();
        for len in 0..good.len() {
            assert!(matches!(LaneRecord::parse(&good[..len]), Err(StoreError::Corrupt { .. })), "{len}");
        }
        assert!(matches!(LaneRecord::parse(&[&good[..], &[0]].concat()), Err(StoreError::Corrupt { .. })));
        for (at, value) in [(0, 0), (33, 3), (LaneRecord::LEN - 1, 2)] {
            let mut bad = good;
            bad[at] = value;
            assert!(matches!(LaneRecord::parse(&bad), Err(StoreError::Corrupt { .. })), "{at}");
        }
    }

    #[test]
    fn cell_has_its_golden_bytes() {
        let cell = StoredCell {
            cell: Cell {
                seq: 0x0102_0304_0506_0708,
                gen_before: 0x090a_0b0c,
                kind: CellKind::Handshake,
                attach: Hash([0x0d; 32]),
                body: Bytes::from_static(b"body"),
            },
            head: Hash([0x0e; 32]),
            body_prefix: BodyPrefix([0x0f; 16]),
        };
        let mut bytes = cell.encode_header().to_vec();
        bytes.extend_from_slice(&cell.cell.body);
        let golden =
            ["0101", "0102030405060708", "090a0b0c", &"0e".repeat(32), &"0d".repeat(32), &"0f".repeat(16), "626f6479"];
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, golden.concat());
        assert_eq!(StoredCell::parse(Bytes::from(bytes.clone())).unwrap(), cell);
        bytes[0] = 2;
        let error = StoredCell::parse(Bytes::from(bytes)).unwrap_err();
        assert!(matches!(error, StoreError::Unsupported { found: 2, .. }), "{error}");
    }
}
