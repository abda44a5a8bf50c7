//! Sizes: how a file of so many bytes lies in its blob (FILES.md s.1).

use std::ops::Range;
use wire::limit::CELL_SIZES;

/// Bytes of ciphertext in a group: one AEAD chunk with its tag, one subtree of the BLAKE3 tree.
pub const GROUP_BYTES: usize = 256 << 10;
/// Bytes of an AEAD tag.
pub const TAG_BYTES: usize = 16;
/// Bytes of plaintext in a group.
pub const CHUNK_BYTES: usize = GROUP_BYTES - TAG_BYTES;
/// Bytes of a file at most: 2^40.
pub const FILE_BYTES_MAX: u64 = 1 << 40;

const GROUP: u64 = GROUP_BYTES as u64;
const CHUNK: u64 = CHUNK_BYTES as u64;
const TAG: u64 = TAG_BYTES as u64;
const LEAF: u64 = super::LEAF_BYTES as u64;

/// A file over [`FILE_BYTES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a file has at most {FILE_BYTES_MAX} bytes")]
pub struct TooLarge;

/// How a file lies in its blob. All of it follows from the file's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    size: u64,
    sealed: u64,
}

impl Shape {
    /// The shape of a file of `size` bytes.
    ///
    /// # Errors
    /// [`TooLarge`] over 2^40 bytes.
    pub fn of(size: u64) -> Result<Self, TooLarge> {
        if size > FILE_BYTES_MAX {
            return Err(TooLarge);
        }
        let natural = size + TAG * size.div_ceil(CHUNK).max(1);
        let cell = CELL_SIZES.iter().map(|bytes| *bytes as u64).find(|bytes| *bytes >= natural);
        Ok(Self { size, sealed: cell.unwrap_or_else(|| padme(natural)) })
    }

    /// Bytes of the file itself.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of ciphertext, tags and padding included; where the leaves begin in the blob.
    pub fn sealed_bytes(&self) -> u64 {
        self.sealed
    }

    /// Groups, at least one.
    pub fn groups(&self) -> u64 {
        self.sealed.div_ceil(GROUP)
    }

    /// Bytes of the leaves behind the ciphertext.
    pub fn leaves_bytes(&self) -> u64 {
        self.groups() * LEAF
    }

    /// Bytes of the whole blob.
    pub fn blob_bytes(&self) -> u64 {
        self.sealed + self.leaves_bytes()
    }

    /// Where a group begins in the blob.
    pub fn group_start(&self, group: u64) -> u64 {
        group.saturating_mul(GROUP).min(self.sealed)
    }

    /// Bytes of ciphertext in a group; 0 behind the last.
    pub fn group_bytes(&self, group: u64) -> usize {
        (self.group_start(group.saturating_add(1)) - self.group_start(group)) as usize
    }

    /// Whether it is the last group.
    pub fn is_last(&self, group: u64) -> bool {
        group + 1 == self.groups()
    }

    /// Where a group's plaintext begins in the file; the file's size for one that is padding alone.
    pub fn chunk_start(&self, group: u64) -> u64 {
        group.saturating_mul(CHUNK).min(self.size)
    }

    /// Bytes of the file in a group; the rest of its plaintext is padding.
    pub fn chunk_bytes(&self, group: u64) -> usize {
        (self.chunk_start(group.saturating_add(1)) - self.chunk_start(group)) as usize
    }

    /// The group that holds a byte of the file.
    pub fn group_of(&self, offset: u64) -> u64 {
        offset / CHUNK
    }

    /// The groups that hold a range of the file; none for an empty range or one behind its end.
    pub fn groups_of(&self, range: &Range<u64>) -> Range<u64> {
        let end = range.end.min(self.size);
        if range.start >= end {
            return 0..0;
        }
        range.start / CHUNK..end.div_ceil(CHUNK)
    }

    /// Groups that hold something of the file; behind them is padding alone. At least one.
    pub fn filled_groups(&self) -> u64 {
        self.size.div_ceil(CHUNK).max(1)
    }
}

/// Padmé: keeps as many leading bits as a size needs to say its own magnitude; adds at most 12 %.
fn padme(size: u64) -> u64 {
    let exponent = size.ilog2();
    let kept = exponent.checked_ilog2().map_or(0, |bits| bits + 1);
    let mask = (1u64 << exponent.saturating_sub(kept)) - 1;
    (size + mask) & !mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_those_of_the_specification() {
        let (group, chunk) = (GROUP, CHUNK);
        for (size, sealed, groups) in [
            (0, 1_024, 1),
            (1, 1_024, 1),
            (1_008, 1_024, 1),
            (1_009, 4_096, 1),
            (65_520, 65_536, 1),
            (65_521, 67_584, 1),
            (chunk - 1, group, 1),
            (chunk, group, 1),
            (chunk + 1, group + 8_192, 2),
            (64 << 20, (64 << 20) + (2 << 20), 264),
        ] {
            let shape = Shape::of(size).unwrap();
            assert_eq!((shape.sealed_bytes(), shape.groups()), (sealed, groups), "{size}");
            assert_eq!(shape.blob_bytes(), sealed + 32 * groups);
        }
        assert!(Shape::of(FILE_BYTES_MAX).is_ok());
        assert_eq!(Shape::of(FILE_BYTES_MAX + 1), Err(TooLarge));
    }

    proptest! {
        #[test]
        fn every_group_holds_its_tag_and_together_they_hold_the_file(
            size in prop_oneof![0..=FILE_BYTES_MAX, 0..=4 * GROUP, (0..5_000_000u64).prop_map(|n| n * CHUNK)]
        ) {
            let shape = Shape::of(size.min(FILE_BYTES_MAX)).unwrap();
            let last = shape.groups() - 1;
            prop_assert!(shape.group_bytes(last) > TAG_BYTES);
            prop_assert_eq!(shape.group_start(last) + shape.group_bytes(last) as u64, shape.sealed_bytes());
            prop_assert_eq!(shape.group_bytes(last + 1), 0);
            prop_assert!(shape.filled_groups() <= shape.groups());
            prop_assert!(shape.sealed_bytes() - TAG * shape.groups() >= shape.size());
            for group in [0, shape.filled_groups() - 1, last] {
                prop_assert!(shape.chunk_bytes(group) + TAG_BYTES <= shape.group_bytes(group));
            }
            prop_assert_eq!(
                shape.chunk_start(shape.filled_groups() - 1) + shape.chunk_bytes(shape.filled_groups() - 1) as u64,
                shape.size()
            );
            prop_assert!(size <= CHUNK || shape.sealed_bytes() as f64 <= 1.12 * size as f64 + 64.0);
            prop_assert!(size <= CHUNK || shape.sealed_bytes().is_multiple_of(8_192));
        }

        #[test]
        fn groups_of_a_range_hold_it(size in 0..=9 * CHUNK, start in 0..=9 * CHUNK, bytes in 0..=3 * CHUNK) {
            let shape = Shape::of(size).unwrap();
            let groups = shape.groups_of(&(start..start + bytes));
            if start >= size || bytes == 0 {
                prop_assert!(groups.is_empty());
            } else {
                prop_assert!(shape.chunk_start(groups.start) <= start);
                prop_assert!(shape.chunk_start(groups.start + 1) > start);
                prop_assert!(shape.chunk_start(groups.end) >= (start + bytes).min(size));
                prop_assert_eq!(groups.start, shape.group_of(start));
            }
        }
    }
}
