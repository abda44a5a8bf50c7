//! The index: one LSM tree that says where in the log things are. It has no journal of its own: the log is that.
//!
//! | key | value |
//! |---|---|
//! | 0 | the log position that the last flush reaches: format 1, segment 4, offset 8, frame number 8 |
//! | 1, lane_id 32 | lane record 187, count 1, the last cells, see [`LaneEntry`] |
//! | 2, lane_id 32, seq of the first cell 8 | run of cells, see [`Run`] |
//! | 3, hour 4, lane_id 32 | nothing: the lane has nothing to drop before; one for each lane, or a stale one more |
//! | 4, register key | register value |
//! | 5, blob_id 32 | size 8, keep_until_s 8 |
//! | 6, hour 4, blob_id 32 | nothing: the blob may go then |
//! | 7, segment 4 | cells in it that are still needed 8 |

use super::log::Position;
use crate::StoreError;
use crate::record::{BodyPrefix, LaneRecord};
use lsm_tree::compaction::Leveled;
use lsm_tree::config::{CompressionPolicy, PartitioningPolicy, PinningPolicy};
use lsm_tree::{AbstractTree, AnyTree, Cache, CompressionType, Config, DescriptorTable, Guard, SequenceNumberCounter};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use wire::id::{BlobId, LaneId};
use wire::lane::Seq;

/// What a flush writes: keys with new values, or removed.
pub type Entries = BTreeMap<Vec<u8>, Option<Vec<u8>>>;
/// A key with its value.
pub type Entry = (lsm_tree::Slice, lsm_tree::Slice);

/// The key of the log position that the last flush reaches.
pub const FLUSHED: &[u8] = &[0];
/// The first byte of lane records.
pub const LANES: u8 = 1;
const RUNS: u8 = 2;
/// The first byte of what lanes have to drop.
pub const LANES_DUE: u8 = 3;
/// The first byte of registers.
pub const REGISTERS: u8 = 4;
const BLOBS: u8 = 5;
/// The first byte of what blobs may go.
pub const BLOBS_DUE: u8 = 6;
/// The first byte of segments.
pub const SEGMENTS: u8 = 7;

/// Files of the tree kept open at most.
const TABLES_OPEN_MAX: usize = 128;
/// Runs of tables that gather before they are merged: merging rewrites the level below, looking up asks each.
const L0_RUNS: u8 = 8;
/// Bytes of a table, so that one compaction never holds much.
const TABLE_BYTES: u64 = 32 << 20;

/// The key of a lane's record.
pub fn lane_key(lane: &LaneId) -> Vec<u8> {
    [&[LANES], &lane.0[..]].concat()
}

/// The key of the run whose first cell is at `seq`.
pub fn run_key(lane: &LaneId, seq: Seq) -> Vec<u8> {
    [&[RUNS], &lane.0[..], &seq.to_be_bytes()].concat()
}

/// The key of a lane's or a blob's time.
pub fn due_key(tag: u8, hour: u32, id: &[u8; 32]) -> Vec<u8> {
    [&[tag], &hour.to_be_bytes()[..], &id[..]].concat()
}

/// Reads the id from the key of a lane's or a blob's time.
pub fn parse_due_key(key: &[u8]) -> Result<[u8; 32], StoreError> {
    key.get(5..).and_then(|id| id.try_into().ok()).ok_or(StoreError::Corrupt { what: "the index" })
}

/// The key of a blob.
pub fn blob_key(id: &BlobId) -> Vec<u8> {
    [&[BLOBS], &id.0[..]].concat()
}

/// The key of a segment.
pub fn segment_key(segment: u32) -> Vec<u8> {
    [&[SEGMENTS], &segment.to_be_bytes()[..]].concat()
}

/// The hour at whose beginning something that may go at `at_s` has long gone or goes now.
pub fn due_hour(at_s: u64) -> u32 {
    u32::try_from(at_s.div_ceil(3_600)).unwrap_or(u32::MAX)
}

/// The last hour that has begun.
pub fn hour_of(now_s: u64) -> u32 {
    u32::try_from(now_s / 3_600).unwrap_or(u32::MAX)
}

/// Where a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellPlace {
    /// The segment.
    pub segment: u32,
    /// Bytes from its beginning to the cell's checksum.
    pub offset: u32,
    /// Bytes of its body.
    pub body_len: u32,
    /// The hour from which it may be dropped.
    pub due_hour: u32,
    /// `H(body)[0..16]`.
    pub body_prefix: BodyPrefix,
}

/// Cells that a lane's entry holds at most: with more, all go into runs.
pub const TAIL_CELLS_MAX: usize = 15;

/// A lane as the index has it. The last few cells are kept beside the record, so that a lane that is seldom used costs
/// one look-up and one entry: for each cell segment 4, offset 4, body length 4, hour 4, prefix 16.
#[derive(Debug, PartialEq, Eq)]
pub struct LaneEntry {
    /// The record.
    pub record: LaneRecord,
    /// The places of the last cells; those before are in runs.
    pub tail: Vec<CellPlace>,
}

impl LaneEntry {
    /// The value for a lane.
    pub fn encode<'a>(record: &LaneRecord, tail: impl ExactSizeIterator<Item = &'a CellPlace>) -> Vec<u8> {
        let mut value = Vec::with_capacity(LaneRecord::LEN + 1 + 32 * tail.len());
        value.extend_from_slice(&record.encode());
        // At most `TAIL_CELLS_MAX`.
        value.push(tail.len() as u8);
        for place in tail {
            value.extend_from_slice(&place.segment.to_be_bytes());
            value.extend_from_slice(&place.offset.to_be_bytes());
            value.extend_from_slice(&place.body_len.to_be_bytes());
            value.extend_from_slice(&place.due_hour.to_be_bytes());
            value.extend_from_slice(&place.body_prefix.0);
        }
        value
    }

    /// Reads an entry of the index.
    pub fn parse(value: &[u8]) -> Result<Self, StoreError> {
        let corrupt = StoreError::Corrupt { what: "the index" };
        let Some((record, [count, places @ ..])) = value.split_first_chunk::<{ LaneRecord::LEN }>() else {
            return Err(corrupt);
        };
        let record = LaneRecord::parse(record)?;
        let (places, rest) = places.as_chunks::<32>();
        if !rest.is_empty() || places.len() != usize::from(*count) || places.len() as u64 > record.cell_count() {
            return Err(corrupt);
        }
        let tail = places
            .iter()
            .map(|place| CellPlace {
                segment: number(&place[..4]),
                offset: number(&place[4..8]),
                body_len: number(&place[8..12]),
                due_hour: number(&place[12..16]),
                body_prefix: prefix(&place[16..]),
            })
            .collect();
        Ok(Self { record, tail })
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn prefix(bytes: &[u8]) -> BodyPrefix {
    let mut prefix = [0; 16];
    prefix.copy_from_slice(bytes);
    BodyPrefix(prefix)
}

/// Cells at neighbouring positions that may be dropped in the same hour: version 1, hour 4, then for each cell
/// segment 4, offset 4, body length 4, prefix 16.
#[derive(Debug, PartialEq, Eq)]
pub struct Run {
    /// The position of the first.
    pub first: Seq,
    /// Where they are.
    pub places: Vec<CellPlace>,
}

/// Cells in a run at most: a page.
pub const RUN_CELLS_MAX: usize = 64;
const RUN_VERSION: u8 = 1;

impl Run {
    /// The value for cells that share one hour.
    pub fn encode(places: &[CellPlace]) -> Vec<u8> {
        let mut value = Vec::with_capacity(5 + 28 * places.len());
        value.push(RUN_VERSION);
        value.extend_from_slice(&places.first().map_or(0, |place| place.due_hour).to_be_bytes());
        for place in places {
            value.extend_from_slice(&place.segment.to_be_bytes());
            value.extend_from_slice(&place.offset.to_be_bytes());
            value.extend_from_slice(&place.body_len.to_be_bytes());
            value.extend_from_slice(&place.body_prefix.0);
        }
        value
    }

    /// Reads an entry of the index.
    pub fn parse(key: &[u8], value: &[u8]) -> Result<Self, StoreError> {
        let corrupt = || StoreError::Corrupt { what: "the index" };
        let first = key.get(33..).and_then(|seq| seq.try_into().ok()).map(u64::from_be_bytes).ok_or_else(corrupt)?;
        let ([version, hour @ ..], cells) = value.split_first_chunk::<5>().ok_or_else(corrupt)?;
        if *version > RUN_VERSION {
            let (found, newest) = (u32::from(*version), u32::from(RUN_VERSION));
            return Err(StoreError::Unsupported { what: "a run in the index", found, newest });
        }
        let due_hour = u32::from_be_bytes(*hour);
        let (cells, rest) = cells.as_chunks::<28>();
        if !rest.is_empty() || cells.is_empty() || *version != RUN_VERSION {
            return Err(corrupt());
        }
        let places = cells
            .iter()
            .map(|cell| CellPlace {
                segment: number(&cell[..4]),
                offset: number(&cell[4..8]),
                body_len: number(&cell[8..12]),
                due_hour,
                body_prefix: prefix(&cell[12..]),
            })
            .collect();
        Ok(Self { first, places })
    }

    /// The position behind the last.
    pub fn end(&self) -> Seq {
        self.first.saturating_add(self.places.len() as u64)
    }
}

/// The tree.
pub struct Index {
    tree: AnyTree,
    seqno: SequenceNumberCounter,
}

fn index_error(error: lsm_tree::Error) -> StoreError {
    match error {
        lsm_tree::Error::Io(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => StoreError::Io(error),
        _ => StoreError::Corrupt { what: "the index" },
    }
}

impl Index {
    /// Opens or creates the tree in a folder.
    pub fn open(folder: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        let seqno = SequenceNumberCounter::default();
        let mut config = Config::new(folder, seqno.clone(), SequenceNumberCounter::default())
            .use_cache(Arc::new(Cache::with_capacity_bytes(cache_bytes)))
            .use_descriptor_table(Some(Arc::new(DescriptorTable::new(TABLES_OPEN_MAX))))
            .data_block_compression_policy(CompressionPolicy::all(CompressionType::None))
            .index_block_partitioning_policy(PartitioningPolicy::all(true))
            .filter_block_partitioning_policy(PartitioningPolicy::all(true));
        config.index_block_pinning_policy = PinningPolicy::all(false);
        config.filter_block_pinning_policy = PinningPolicy::all(false);
        let tree = config.open().map_err(index_error)?;
        // The tree numbers its writes; the next number must be above all that are in it.
        seqno.fetch_max(tree.get_highest_persisted_seqno().map_or(0, |highest| highest + 1));
        Ok(Self { tree, seqno })
    }

    /// A key's value.
    pub fn get(&self, key: &[u8]) -> Result<Option<lsm_tree::Slice>, StoreError> {
        self.tree.get(key, lsm_tree::SeqNo::MAX).map_err(index_error)
    }

    /// The entries from `first` to `last`, both included.
    pub fn range(
        &self,
        first: &[u8],
        last: &[u8],
    ) -> impl DoubleEndedIterator<Item = Result<Entry, StoreError>> + use<> {
        let range = first.to_vec()..=last.to_vec();
        self.tree.range(range, lsm_tree::SeqNo::MAX, None).map(|guard| guard.into_inner().map_err(index_error))
    }

    /// A lane's entry.
    pub fn lane(&self, lane: &LaneId) -> Result<Option<LaneEntry>, StoreError> {
        self.get(&lane_key(lane))?.map(|value| LaneEntry::parse(&value)).transpose()
    }

    /// The run that holds position `seq`, or begins nearest before it.
    pub fn run_at(&self, lane: &LaneId, seq: Seq) -> Result<Option<Run>, StoreError> {
        let last = self.range(&run_key(lane, 0), &run_key(lane, seq)).next_back().transpose()?;
        last.map(|(key, value)| Run::parse(&key, &value)).transpose()
    }

    /// The runs that hold positions from `first` to `last`, both included, in order.
    pub fn runs(
        &self,
        lane: &LaneId,
        first: Seq,
        last: Seq,
    ) -> Result<impl Iterator<Item = Result<Run, StoreError>> + use<>, StoreError> {
        // Runs never overlap, so the first one begins at `first` or is the nearest before it.
        let begin = self.run_at(lane, first)?.map_or(first, |run| run.first);
        let range = self.range(&run_key(lane, begin), &run_key(lane, last));
        Ok(range.map(|entry| entry.and_then(|(key, value)| Run::parse(&key, &value))))
    }

    /// Writes entries as one durable unit.
    pub fn write(&self, entries: Entries) -> Result<(), StoreError> {
        let mut ingestion = self.tree.ingestion().map_err(index_error)?;
        for (key, value) in entries {
            match value {
                Some(value) => ingestion.write(key, value),
                None => ingestion.write_tombstone(key),
            }
            .map_err(index_error)?;
        }
        ingestion.finish().map_err(index_error)
    }

    /// Merges tables where it pays. May run beside everything else.
    pub fn compact(&self) -> Result<(), StoreError> {
        let strategy = Arc::new(Leveled::default().with_table_target_size(TABLE_BYTES).with_l0_threshold(L0_RUNS));
        self.tree.compact(strategy, self.seqno.get()).map_err(index_error)
    }

    /// Runs of tables that a look-up may have to search one by one.
    pub fn backlog(&self) -> usize {
        self.tree.l0_run_count()
    }
}

/// The value of [`FLUSHED`].
pub fn encode_position(position: Position) -> Vec<u8> {
    let Position { segment, offset, number } = position;
    [&[1], &segment.to_be_bytes()[..], &offset.to_be_bytes(), &number.to_be_bytes()].concat()
}

/// Reads the value of [`FLUSHED`].
pub fn parse_position(value: &[u8]) -> Result<Position, StoreError> {
    let corrupt = StoreError::Corrupt { what: "the index" };
    match value.first() {
        Some(1) => {}
        Some(0) | None => return Err(corrupt),
        Some(newer) => {
            return Err(StoreError::Unsupported { what: "the index", found: u32::from(*newer), newest: 1 });
        }
    }
    let Ok(fields) = <[u8; 20]>::try_from(&value[1..]) else { return Err(corrupt) };
    let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    Ok(Position { segment: number(&fields[..4]) as u32, offset: number(&fields[4..12]), number: number(&fields[12..]) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::id::Hash;
    use wire::lane::LaneClass;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn place(number: u8) -> CellPlace {
        let body_prefix = BodyPrefix([number; 16]);
        CellPlace { segment: 0x0102_0304, offset: 0x0506_0708, body_len: 0x400, due_hour: 0x090a, body_prefix }
    }

    fn record() -> LaneRecord {
        let record = LaneRecord::new(LaneId([1; 32]), LaneClass::Group, Hash([2; 32]), Hash([3; 32]));
        LaneRecord { next_seq: 3, ..record }
    }

    #[test]
    fn entries_have_their_golden_bytes() {
        let place_hex = |prefix: &str| ["010203040506070800000400", &prefix.repeat(16)].concat();
        let run = Run::encode(&[place(0xaa), place(0xbb)]);
        assert_eq!(hex(&run), ["010000090a", &place_hex("aa"), &place_hex("bb")].concat());
        let parsed = Run::parse(&run_key(&LaneId([9; 32]), 7), &run).unwrap();
        assert_eq!(parsed, Run { first: 7, places: vec![place(0xaa), place(0xbb)] });
        assert_eq!(parsed.end(), 9);

        let tail = [place(0xcc)];
        let entry = LaneEntry::encode(&record(), tail.iter());
        let golden = [&hex(&record().encode()), "01", "0102030405060708000004000000090a", &"cc".repeat(16)].concat();
        assert_eq!(hex(&entry), golden);
        assert_eq!(LaneEntry::parse(&entry).unwrap(), LaneEntry { record: record(), tail: tail.to_vec() });

        let position = Position { segment: 1, offset: 2, number: 3 };
        assert_eq!(hex(&encode_position(position)), "010000000100000000000000020000000000000003");
        assert_eq!(parse_position(&encode_position(position)).unwrap(), position);
    }

    #[test]
    fn entries_of_a_newer_version_are_refused_by_name() {
        let mut run = Run::encode(&[place(1)]);
        run[0] = 2;
        let error = Run::parse(&run_key(&LaneId([9; 32]), 7), &run).unwrap_err();
        assert!(matches!(error, StoreError::Unsupported { found: 2, newest: 1, .. }));
        let mut entry = LaneEntry::encode(&record(), [].iter());
        entry[0] = 2;
        assert!(matches!(LaneEntry::parse(&entry), Err(StoreError::Unsupported { found: 2, .. })));
        let mut position = encode_position(Position::START);
        position[0] = 2;
        assert!(matches!(parse_position(&position), Err(StoreError::Unsupported { found: 2, .. })));
    }

    #[test]
    fn entries_of_a_wrong_length_are_corrupt() {
        let (run, key) = (Run::encode(&[place(1)]), run_key(&LaneId([9; 32]), 7));
        let (entry, position) = (LaneEntry::encode(&record(), [place(1)].iter()), encode_position(Position::START));
        for cut in 0..run.len() {
            assert!(matches!(Run::parse(&key, &run[..cut]), Err(StoreError::Corrupt { .. })), "{cut}");
        }
        assert!(matches!(Run::parse(&key[..40], &run), Err(StoreError::Corrupt { .. })));
        for cut in 0..entry.len() {
            assert!(matches!(LaneEntry::parse(&entry[..cut]), Err(StoreError::Corrupt { .. })), "{cut}");
        }
        let too_many = LaneEntry::encode(&record(), [place(1), place(2), place(3)].iter());
        assert!(matches!(LaneEntry::parse(&too_many), Err(StoreError::Corrupt { .. })), "more than the lane holds");
        for cut in 0..position.len() {
            assert!(matches!(parse_position(&position[..cut]), Err(StoreError::Corrupt { .. })), "{cut}");
        }
    }

    #[test]
    fn the_latest_write_wins_over_reopening_and_merging() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..40_u8 {
            let index = Index::open(folder.path(), 1 << 20).unwrap();
            let mut entries = Entries::new();
            for key in 0..50_u8 {
                let value = ((key + round) % 3 > 0).then(|| vec![key, round]);
                entries.insert(vec![key], value);
            }
            index.write(entries).unwrap();
            if round % 5 == 4 {
                index.compact().unwrap();
            }
            for key in 0..50_u8 {
                let expected = ((key + round) % 3 > 0).then(|| vec![key, round]);
                assert_eq!(index.get(&[key]).unwrap().map(|value| value.to_vec()), expected, "round {round}");
            }
            let kept = index.range(&[0], &[49]).collect::<Result<Vec<_>, _>>().unwrap();
            assert!(kept.iter().all(|(_, value)| value[1] == round), "round {round}");
        }
    }

    #[test]
    fn hours_never_come_early() {
        assert_eq!((due_hour(0), due_hour(1), due_hour(3_600), due_hour(3_601)), (0, 1, 1, 2));
        assert_eq!((hour_of(3_599), hour_of(3_600), hour_of(u64::MAX), due_hour(u64::MAX)), (0, 1, u32::MAX, u32::MAX));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_entries_or_refused(bytes in proptest::collection::vec(0_u8.., 0..700), count in 0_u8..20) {
            let _ = (LaneEntry::parse(&bytes), Run::parse(&bytes, &bytes), parse_position(&bytes), parse_due_key(&bytes));
            let key = run_key(&LaneId([9; 32]), u64::MAX);
            if let Ok(run) = Run::parse(&key, &[&[1], &bytes[..]].concat()) {
                proptest::prop_assert!(run.end() >= run.first);
            }
            let _ = LaneEntry::parse(&[&record().encode()[..], &[count], &bytes[..]].concat());
        }
    }
}
