//! Leaves and root: BLAKE3 over the ciphertext, cut where the groups end (FILES.md s.3).

use crate::file::shape::GROUP_BYTES;
use blake3::Hasher;
use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};
use wire::Malformed;

/// Bytes of a leaf.
pub const LEAF_BYTES: usize = 32;

/// What one group is checked against: its chaining value at its place, or the root where it is the only group.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Leaf(pub [u8; LEAF_BYTES]);

/// BLAKE3 of the whole ciphertext.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Root(pub [u8; 32]);

impl Root {
    /// Reads exactly 32 bytes.
    ///
    /// # Errors
    /// [`Malformed::Length`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let array =
            bytes.try_into().map_err(|_| Malformed::Length { field: "root", expected: 32, found: bytes.len() })?;
        Ok(Self(array))
    }
}

impl Leaf {
    /// The leaf of a group; `is_only` where there is no other.
    pub(super) fn of(group: u64, is_only: bool, ciphertext: &[u8]) -> Self {
        let mut hasher = Hasher::new();
        // Nothing is no subtree; no group is empty.
        if is_only || ciphertext.is_empty() {
            return Self(hasher.update(ciphertext).finalize().into());
        }
        Self(hasher.set_input_offset(group.wrapping_mul(GROUP_BYTES as u64)).update(ciphertext).finalize_non_root())
    }
}

impl std::fmt::Debug for Leaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Leaf(..)")
    }
}

impl std::fmt::Debug for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Root(..)")
    }
}

/// The leaves of a file, one behind the other as they stand in the blob.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Leaves(Vec<ChainingValue>);

impl Leaves {
    /// Reads leaves; their number is the caller's to check.
    ///
    /// # Errors
    /// [`Malformed::Value`] where they are not a multiple of 32 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let (leaves, rest) = bytes.as_chunks::<LEAF_BYTES>();
        if rest.is_empty() { Ok(Self(leaves.to_vec())) } else { Err(Malformed::Value { field: "leaves" }) }
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The leaf of a group.
    pub fn get(&self, group: u64) -> Option<Leaf> {
        self.0.get(usize::try_from(group).ok()?).copied().map(Leaf)
    }

    /// Adds the next one.
    pub fn push(&mut self, leaf: Leaf) {
        self.0.push(leaf.0);
    }

    /// The bytes, as they stand in the blob.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_flattened()
    }

    /// BLAKE3 of what they are the leaves of; none without leaves.
    pub fn root(&self) -> Option<Root> {
        match self.0.as_slice() {
            [] => None,
            [only] => Some(Root(*only)),
            leaves => {
                let (left, right) = halves(leaves);
                Some(Root(merge_subtrees_root(&subtree(left), &subtree(right), Mode::Hash).into()))
            }
        }
    }
}

impl std::fmt::Debug for Leaves {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Leaves({})", self.0.len())
    }
}

/// The left one is the largest power of two that leaves at least one to the right.
fn halves(leaves: &[ChainingValue]) -> (&[ChainingValue], &[ChainingValue]) {
    leaves.split_at(leaves.len().div_ceil(2).next_power_of_two())
}

/// As deep as the logarithm of the number of leaves.
fn subtree(leaves: &[ChainingValue]) -> ChainingValue {
    match leaves {
        [] => [0; LEAF_BYTES],
        [leaf] => *leaf,
        leaves => {
            let (left, right) = halves(leaves);
            merge_subtrees_non_root(&subtree(left), &subtree(right), Mode::Hash)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(bytes: usize) -> Vec<u8> {
        (0..bytes).map(|at| (at % 251) as u8).collect()
    }

    /// Leaves of any size that is a power of two of BLAKE3's chunks give the same root.
    fn root_by(block: usize, input: &[u8]) -> Option<Root> {
        let mut leaves = Leaves::default();
        for (at, bytes) in input.chunks(block).enumerate() {
            let mut hasher = Hasher::new();
            hasher.set_input_offset((at * block) as u64).update(bytes);
            leaves.push(Leaf(if input.len() <= block { hasher.finalize().into() } else { hasher.finalize_non_root() }));
        }
        leaves.root()
    }

    #[test]
    fn published_vectors_of_blake3_come_out_of_our_tree() {
        // github.com/BLAKE3-team/BLAKE3, test_vectors/test_vectors.json, the first 32 bytes of `hash`.
        for (bytes, hash) in [
            (1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"),
            (1_023, "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11"),
            (1_024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"),
            (1_025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"),
            (2_048, "e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a"),
            (2_049, "5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030"),
            (3_072, "b98cb0ff3623be03326b373de6b9095218513e64f1ee2edd2525c7ad1e5cffd2"),
            (3_073, "7124b49501012f81cc7f11ca069ec9226cecb8a2c850cfe644e327d22d3e1cd3"),
            (4_096, "015094013f57a5277b59d8475c0501042c0b642e531b0a1c8f58d2163229e969"),
            (4_097, "9b4052b38f1c5fc8b1f9ff7ac7b27cd242487b3d890d15c96a1c25b8aa0fb995"),
            (5_120, "9cadc15fed8b5d854562b26a9536d9707cadeda9b143978f319ab34230535833"),
            (5_121, "628bd2cb2004694adaab7bbd778a25df25c47b9d4155a55f8fbd79f2fe154cff"),
            (6_144, "3e2e5b74e048f3add6d21faab3f83aa44d3b2278afb83b80b3c35164ebeca205"),
            (6_145, "f1323a8631446cc50536a9f705ee5cb619424d46887f3c376c695b70e0f0507f"),
            (7_168, "61da957ec2499a95d6b8023e2b0e604ec7f6b50e80a9678b89d2628e99ada77a"),
            (7_169, "a003fc7a51754a9b3c7fae0367ab3d782dccf28855a03d435f8cfe74605e7817"),
        ] {
            let found = root_by(1_024, &input(bytes)).map(|root| data_encoding::HEXLOWER.encode(&root.0));
            assert_eq!(found.as_deref(), Some(hash), "{bytes}");
        }
    }

    #[test]
    fn leaves_of_groups_give_the_hash_of_the_whole() {
        for groups in 1..=9 {
            for less in [0, 1, 1_024, GROUP_BYTES - 1] {
                let input = input(groups * GROUP_BYTES - less);
                let expected = Root(blake3::hash(&input).into());
                let mut leaves = Leaves::default();
                for (at, bytes) in input.chunks(GROUP_BYTES).enumerate() {
                    leaves.push(Leaf::of(at as u64, groups == 1, bytes));
                }
                assert_eq!(leaves.root(), Some(expected), "{groups} groups less {less}");
                assert_eq!(Leaves::parse(leaves.as_bytes()), Ok(leaves));
            }
        }
        assert_eq!(Leaves::default().root(), None);
        assert_eq!(Leaves::parse(&[0; 33]), Err(Malformed::Value { field: "leaves" }));
    }
}
