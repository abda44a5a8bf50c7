//! What the node keeps of a file's blob, and where its parts end: one register, so that every change is one
//! compare-and-swap.

use store::{PartName, StoreError};
use wire::file::PIECES_MAX;
use wire::id::Hash;
use wire::limit::FILE_PART_BYTES;

/// Runs of parts at most: pieces, and as many changes of tag. A record of so many fits a register.
pub const RUNS_MAX: usize = 2 * PIECES_MAX;
const PART: u64 = FILE_PART_BYTES as u64;
const VERSION: u8 = 1;
const HEAD_BYTES: usize = 84;
const RUN_BYTES: usize = 16;

/// Parts in a row: all of them full but for the last, stored with one tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Where the first one begins.
    pub start: u64,
    /// What their names end with.
    pub tag: u64,
}

/// What the node keeps of a blob.
#[derive(Clone, PartialEq, Eq)]
pub struct FileRecord {
    /// Bytes of the whole blob, as its owner said at the beginning.
    pub length: u64,
    /// H(owner).
    pub owner: Hash,
    /// What the names of its parts begin with; random.
    pub folder: [u8; 16],
    /// Bytes that are durable.
    pub offset: u64,
    /// It is whole and may be read.
    pub is_complete: bool,
    /// Removed then; whole hours since the Unix epoch, in seconds.
    pub keep_until_s: u64,
    /// Seconds that it is kept once it is complete.
    pub ttl_s: u64,
    /// Where its parts are, in order.
    pub runs: Vec<Run>,
}

impl std::fmt::Debug for FileRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileRecord(..)")
    }
}

/// A part of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Its name; it begins at `name.start`.
    pub name: PartName,
    /// Where it ends.
    pub end: u64,
}

impl FileRecord {
    /// As it is stored.
    ///
    /// | bytes | holds |
    /// |---|---|
    /// | 1 | version |
    /// | 1 | 1 if complete |
    /// | 8, 8 | length, offset |
    /// | 32, 16 | H(owner), folder |
    /// | 8, 8 | kept until (s), ttl (s) |
    /// | 2 | count of runs |
    /// | 16 each | run: start, tag |
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + RUN_BYTES * self.runs.len());
        bytes.extend_from_slice(&[VERSION, u8::from(self.is_complete)]);
        bytes.extend_from_slice(&self.length.to_be_bytes());
        bytes.extend_from_slice(&self.offset.to_be_bytes());
        bytes.extend_from_slice(&self.owner.0);
        bytes.extend_from_slice(&self.folder);
        bytes.extend_from_slice(&self.keep_until_s.to_be_bytes());
        bytes.extend_from_slice(&self.ttl_s.to_be_bytes());
        // `extended` keeps it below RUNS_MAX.
        bytes.extend_from_slice(&u16::try_from(self.runs.len()).unwrap_or(u16::MAX).to_be_bytes());
        for run in &self.runs {
            bytes.extend_from_slice(&run.start.to_be_bytes());
            bytes.extend_from_slice(&run.tag.to_be_bytes());
        }
        bytes
    }

    /// Reads what [`FileRecord::encode`] wrote.
    ///
    /// # Errors
    /// `Unsupported` for a newer version, `Corrupt` for anything else.
    pub fn parse(bytes: &[u8]) -> Result<Self, StoreError> {
        let what = "a file's record";
        if let Some(found) = bytes.first().filter(|found| **found > VERSION) {
            return Err(StoreError::Unsupported { what, found: u32::from(*found), newest: u32::from(VERSION) });
        }
        parse(bytes).filter(Self::is_sound).ok_or(StoreError::Corrupt { what })
    }

    fn is_sound(&self) -> bool {
        let starts = self.runs.iter().map(|run| run.start);
        let is_ordered = starts.clone().zip(starts.clone().skip(1)).all(|(before, after)| before < after);
        let is_begun = self.runs.first().map_or(self.offset == 0, |run| run.start == 0);
        let is_ended = self.runs.last().is_none_or(|run| run.start < self.offset);
        let is_whole = !self.is_complete || self.offset == self.length;
        is_ordered && is_begun && is_ended && is_whole && self.offset <= self.length && self.runs.len() <= RUNS_MAX
    }

    /// The part that a position below `offset` is in.
    pub fn part_at(&self, position: u64) -> Option<Part> {
        if position >= self.offset {
            return None;
        }
        let after = self.runs.partition_point(|run| run.start <= position);
        let run = self.runs.get(after.checked_sub(1)?)?;
        let run_end = self.runs.get(after).map_or(self.offset, |next| next.start);
        let start = run.start + (position - run.start) / PART * PART;
        let name = PartName { folder: self.folder, start, tag: run.tag };
        Some(Part { name, end: run_end.min(start.saturating_add(PART)) })
    }

    /// All parts in order.
    pub fn parts(&self) -> impl Iterator<Item = Part> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let part = self.part_at(at)?;
            at = part.end;
            Some(part)
        })
    }

    /// Whether the blob has a part of this name.
    pub fn has_part(&self, name: &PartName) -> bool {
        self.part_at(name.start).is_some_and(|part| part.name == *name)
    }

    /// Whether a part that is not full may be added: so many pieces are enough.
    pub fn may_break(&self) -> bool {
        self.runs.len() < PIECES_MAX
    }

    /// The name of the next part with `tag`, and the record once its `bytes` are durable; `None` for more than the
    /// length and for too many runs.
    pub fn extended(&self, tag: u64, bytes: u64) -> Option<(PartName, Self)> {
        let offset = self.offset.checked_add(bytes).filter(|offset| *offset <= self.length)?;
        let mut next = Self { offset, ..self.clone() };
        let follows = |run: &&Run| run.tag == tag && (self.offset - run.start).is_multiple_of(PART);
        if self.runs.last().filter(follows).is_none() {
            next.runs.push(Run { start: self.offset, tag });
        }
        let name = PartName { folder: self.folder, start: self.offset, tag };
        (next.runs.len() <= RUNS_MAX && bytes > 0 && bytes <= PART).then_some((name, next))
    }
}

fn parse(bytes: &[u8]) -> Option<FileRecord> {
    let (head, mut rest) = bytes.split_at_checked(HEAD_BYTES)?;
    let number = |at: usize| head.get(at..at + 8)?.try_into().ok().map(u64::from_be_bytes);
    let is_complete = match head[..2] {
        [VERSION, 0] => false,
        [VERSION, 1] => true,
        _ => return None,
    };
    let count = usize::from(u16::from_be_bytes(head[82..84].try_into().ok()?));
    let mut runs = Vec::with_capacity(count.min(RUNS_MAX));
    for _ in 0..count {
        let (run, more) = rest.split_first_chunk::<RUN_BYTES>()?;
        let (start, tag) = run.split_first_chunk::<8>()?;
        runs.push(Run { start: u64::from_be_bytes(*start), tag: u64::from_be_bytes(tag.try_into().ok()?) });
        rest = more;
    }
    let record = FileRecord {
        length: number(2)?,
        offset: number(10)?,
        owner: Hash::parse(&head[18..50]).ok()?,
        folder: head[50..66].try_into().ok()?,
        keep_until_s: number(66)?,
        ttl_s: number(74)?,
        is_complete,
        runs,
    };
    rest.is_empty().then_some(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty(length: u64) -> FileRecord {
        FileRecord {
            length,
            owner: Hash([1; 32]),
            folder: [2; 16],
            offset: 0,
            is_complete: false,
            keep_until_s: 7_200,
            ttl_s: 60,
            runs: Vec::new(),
        }
    }

    fn grown(record: &FileRecord, tag: u64, bytes: u64) -> FileRecord {
        record.extended(tag, bytes).expect("fits").1
    }

    #[test]
    fn record_reads_back_and_any_other_bytes_are_refused() {
        let mut record = grown(&grown(&grown(&empty(3 * PART), 7, PART), 7, 5), 8, 100);
        record.is_complete = true;
        record.length = record.offset;
        let bytes = record.encode();
        assert_eq!(FileRecord::parse(&bytes).expect("parses"), record);
        for length in 0..bytes.len() {
            assert!(FileRecord::parse(&bytes[..length]).is_err(), "{length}");
        }
        assert!(FileRecord::parse(&[&bytes[..], &[0]].concat()).is_err());
        let with = |at: usize, value: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            FileRecord::parse(&bytes)
        };
        assert!(matches!(with(0, 2), Err(StoreError::Unsupported { found: 2, .. })));
        assert!(with(0, 0).is_err() && with(1, 2).is_err(), "version and flag");
        assert!(with(17, 0).is_err(), "complete, but shorter than its length");
        assert!(with(91, 1).is_err(), "the first run does not begin at 0");
    }

    #[test]
    fn record_has_its_golden_bytes() {
        let record = grown(&grown(&empty(0x0102_0304_0506), 7, PART), 0x1122, 5);
        let hex = data_encoding::HEXLOWER.encode(&record.encode());
        let expected = [
            "0100",
            "0000010203040506",
            "0000000000400005",
            &"01".repeat(32),
            &"02".repeat(16),
            "0000000000001c20",
            "000000000000003c",
            "0002",
            "0000000000000000",
            "0000000000000007",
            "0000000000400000",
            "0000000000001122",
        ];
        assert_eq!(hex, expected.concat());
    }

    #[test]
    fn parts_in_a_row_share_a_run_and_a_short_one_ends_it() {
        let mut record = empty(1 << 40);
        for _ in 0..1_000 {
            record = grown(&record, 7, PART);
        }
        assert_eq!(record.runs, [Run { start: 0, tag: 7 }]);
        record = grown(&grown(&grown(&record, 7, 10), 7, PART), 9, PART);
        let starts: Vec<u64> = record.runs.iter().map(|run| run.start - 1_000 * PART.min(run.start)).collect();
        assert_eq!(starts, [0, 10, 10 + PART]);
        let parts: Vec<Part> = record.parts().collect();
        assert_eq!(parts.len(), 1_003);
        assert!(parts.iter().zip(&parts[1..]).all(|(before, after)| before.end == after.name.start));
        assert_eq!(parts[1_002].end, record.offset);
        for part in &parts {
            assert!(record.has_part(&part.name));
            assert_eq!((record.part_at(part.end - 1), record.part_at(part.name.start)), (Some(*part), Some(*part)));
            assert!(!record.has_part(&PartName { tag: 1, ..part.name }));
            assert!(!record.has_part(&PartName { start: part.name.start + 1, ..part.name }));
        }
        assert_eq!(record.part_at(record.offset), None);
    }

    #[test]
    fn record_never_grows_over_its_length_or_a_register() {
        let record = empty(10);
        assert!(record.extended(1, 11).is_none() && record.extended(1, 0).is_none());
        assert!(empty(u64::MAX).extended(1, PART + 1).is_none());
        assert!(grown(&record, 1, 10).extended(1, u64::MAX).is_none());
        let mut record = empty(1 << 30);
        while let Some((_, next)) = record.extended(1, 1) {
            record = next;
            assert_eq!(record.may_break(), record.runs.len() < PIECES_MAX);
        }
        assert_eq!(record.runs.len(), RUNS_MAX);
        assert!(record.encode().len() <= store::REGISTER_VALUE_BYTES_MAX);
        assert_eq!(FileRecord::parse(&record.encode()).expect("parses"), record);
    }
}
