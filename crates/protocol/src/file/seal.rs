//! Plaintext to ciphertext, group by group, in place, with the leaf of each.

use crate::file::key::{Commit, FileKey, GroupCipher};
use crate::file::shape::{GROUP_BYTES, Shape, TAG_BYTES, TooLarge};
use crate::file::tree::{Leaf, Leaves};

/// Why a group was not sealed; the buffer then holds no ciphertext.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The file is longer than a file may be.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// There is no such group, or the buffer is not as long as the group.
    #[error("group {group} does not have this length")]
    WrongGroup {
        /// The group.
        group: u64,
    },
    /// Another ciphertext than the one that was sealed for this place before: what is read has changed.
    #[error("the file has changed while it was sent")]
    Changed,
}

/// Seals the groups of a file whose size is known, in any order.
///
/// **A group is sealed twice only from the same plaintext**: after an interruption use [`Self::seal_again`], which
/// destroys what differs.
pub struct Sealer {
    cipher: GroupCipher,
    commit: Commit,
    shape: Shape,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(..)")
    }
}

impl Sealer {
    /// Seals a file of this shape.
    pub fn new(key: &FileKey, shape: Shape) -> Self {
        Self { cipher: GroupCipher::new(key), commit: key.commit(), shape }
    }

    /// The file's shape.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// What the reference says of the key.
    pub fn commit(&self) -> Commit {
        self.commit
    }

    /// Seals a group in place. `bytes` is as long as the group ([`Shape::group_bytes`]) and begins with the file's
    /// bytes of this group ([`Shape::chunk_bytes`]); what is behind them is overwritten.
    ///
    /// # Errors
    /// [`SealError::WrongGroup`]; the buffer is as it was.
    pub fn seal(&self, group: u64, bytes: &mut [u8]) -> Result<Leaf, SealError> {
        let number = u32::try_from(group).map_err(|_| SealError::WrongGroup { group })?;
        if bytes.len() != self.shape.group_bytes(group) || bytes.len() <= TAG_BYTES {
            return Err(SealError::WrongGroup { group });
        }
        bytes[self.shape.chunk_bytes(group)..].fill(0);
        self.cipher.seal(number, self.shape.is_last(group), bytes);
        Ok(self.leaf(group, bytes))
    }

    /// The leaf of a group that is sealed already.
    pub fn leaf(&self, group: u64, ciphertext: &[u8]) -> Leaf {
        Leaf::of(group, self.shape.groups() == 1, ciphertext)
    }

    /// Seals a group once more and compares it with what was sealed before.
    ///
    /// # Errors
    /// [`SealError::Changed`] where the plaintext is another one: the buffer is then zeros, for the same nonce must
    /// not protect two texts.
    pub fn seal_again(&self, group: u64, bytes: &mut [u8], before: &Leaf) -> Result<(), SealError> {
        if self.seal(group, bytes)? == *before {
            return Ok(());
        }
        bytes.fill(0);
        Err(SealError::Changed)
    }
}

/// Seals a file whose size is not known yet: whole groups in order, then [`Self::finish`].
///
/// It must not be asked for the last group of the file: who reads a stream holds one chunk back until more comes.
pub struct GrowingSealer {
    key: FileKey,
    cipher: GroupCipher,
    leaves: Leaves,
}

impl std::fmt::Debug for GrowingSealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GrowingSealer(..)")
    }
}

impl GrowingSealer {
    /// Begins.
    pub fn new(key: &FileKey) -> Self {
        Self { key: key.clone(), cipher: GroupCipher::new(key), leaves: Leaves::default() }
    }

    /// Seals the next group in place: [`super::CHUNK_BYTES`] of the file and room for the tag.
    ///
    /// # Errors
    /// [`SealError::WrongGroup`] where the buffer is no whole group; [`SealError::TooLarge`].
    pub fn seal_next(&mut self, bytes: &mut [u8]) -> Result<(), SealError> {
        let group = self.leaves.len();
        Shape::of((group + 1) * super::CHUNK_BYTES as u64)?;
        let number = u32::try_from(group).map_err(|_| SealError::WrongGroup { group })?;
        if bytes.len() != GROUP_BYTES {
            return Err(SealError::WrongGroup { group });
        }
        self.cipher.seal(number, false, bytes);
        // More groups follow, else it would be the last: it is not the only one.
        self.leaves.push(Leaf::of(group, false, bytes));
        Ok(())
    }

    /// The size is known: what remains, from group [`Leaves::len`] on, is sealed with the sealer that comes back.
    ///
    /// # Errors
    /// [`SealError::WrongGroup`] where so many groups are sealed that the last one is among them.
    pub fn finish(self, size: u64) -> Result<(Sealer, Leaves), SealError> {
        let shape = Shape::of(size)?;
        let group = self.leaves.len();
        if group >= shape.filled_groups() || shape.chunk_start(group) != group * super::CHUNK_BYTES as u64 {
            return Err(SealError::WrongGroup { group });
        }
        Ok((Sealer::new(&self.key, shape), self.leaves))
    }
}
