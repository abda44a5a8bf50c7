//! Ciphertext from anywhere to verified plaintext (FILES.md s.3).

use crate::file::key::{FileKey, GroupCipher};
use crate::file::reference::Reference;
use crate::file::seal::{SealError, Sealer};
use crate::file::shape::{Shape, TAG_BYTES, TooLarge};
use crate::file::tree::{Leaf, Leaves, Root};
use subtle::ConstantTimeEq;

/// What is wrong with a file that came; names the part that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The message claims more than a file may have.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The key is not the one that the message commits to: whoever sent it says two things at once.
    #[error("the key does not belong to this file")]
    WrongKey,
    /// Too few or too many leaves, or none that give the root.
    #[error("the file's leaves are not those that were announced")]
    WrongLeaves,
    /// A group of another length: cut, or not of this file.
    #[error("part {group} of the file has the wrong length")]
    WrongLength {
        /// The group.
        group: u64,
    },
    /// These are not the bytes that were announced: take them from another source.
    #[error("part {group} of the file is damaged")]
    Damaged {
        /// The group.
        group: u64,
    },
    /// The announced bytes do not open, or something is written in the padding: the sender's fault.
    #[error("part {group} of the file was not made as the protocol says")]
    Dishonest {
        /// The group.
        group: u64,
    },
}

/// Checks and opens the groups of one file, in any order, from any source.
pub struct Opener {
    key: FileKey,
    cipher: GroupCipher,
    shape: Shape,
    leaves: Leaves,
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opener(..)")
    }
}

impl Opener {
    /// Checks the key against its commitment and the leaves against the root.
    ///
    /// # Errors
    /// [`OpenError::WrongKey`], [`OpenError::WrongLeaves`], [`OpenError::TooLarge`].
    pub fn new(reference: &Reference, leaves: Leaves) -> Result<Self, OpenError> {
        let shape = Shape::of(reference.size)?;
        if !bool::from(reference.key.commit().0.ct_eq(&reference.commit.0)) {
            return Err(OpenError::WrongKey);
        }
        if leaves.len() != shape.groups() || leaves.root() != Some(reference.root) {
            return Err(OpenError::WrongLeaves);
        }
        Ok(Self { key: reference.key.clone(), cipher: GroupCipher::new(&reference.key), shape, leaves })
    }

    /// For a file of one group: its leaf is the root, so nothing else is needed.
    ///
    /// # Errors
    /// As [`Self::new`]; [`OpenError::WrongLeaves`] for a file of more groups.
    pub fn of_one_group(reference: &Reference) -> Result<Self, OpenError> {
        let mut leaves = Leaves::default();
        let Root(root) = reference.root;
        leaves.push(Leaf(root));
        Self::new(reference, leaves)
    }

    /// The file's shape.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The leaves, which are those of the root.
    pub fn leaves(&self) -> &Leaves {
        &self.leaves
    }

    /// Whether these bytes are the announced ones; they stay sealed.
    ///
    /// # Errors
    /// [`OpenError::WrongLength`], [`OpenError::Damaged`].
    pub fn check(&self, group: u64, ciphertext: &[u8]) -> Result<(), OpenError> {
        let expected = self.leaves.get(group).ok_or(OpenError::WrongLength { group })?;
        if ciphertext.len() != self.shape.group_bytes(group) {
            return Err(OpenError::WrongLength { group });
        }
        if Leaf::of(group, self.shape.groups() == 1, ciphertext) != expected {
            return Err(OpenError::Damaged { group });
        }
        Ok(())
    }

    /// Checks a group, opens it in place, and returns the file's bytes in it: none of a group that is padding alone.
    ///
    /// # Errors
    /// As [`Self::check`], and [`OpenError::Dishonest`]. The buffer then holds nothing to be shown.
    pub fn open<'a>(&self, group: u64, bytes: &'a mut [u8]) -> Result<&'a [u8], OpenError> {
        self.check(group, bytes)?;
        let number = u32::try_from(group).map_err(|_| OpenError::WrongLength { group })?;
        self.cipher.open(number, self.shape.is_last(group), bytes).map_err(|_| OpenError::Dishonest { group })?;
        let text = &bytes[..bytes.len() - TAG_BYTES];
        let (own, padding) = text.split_at(self.shape.chunk_bytes(group));
        if padding.iter().any(|byte| *byte != 0) {
            return Err(OpenError::Dishonest { group });
        }
        Ok(own)
    }

    /// Whether plaintext that lies here, perhaps since an earlier run, is the file's in this group. `bytes` is a
    /// buffer as long as the group that begins with it; it is overwritten.
    pub fn is_plaintext(&self, group: u64, bytes: &mut [u8]) -> bool {
        let sealer = Sealer::new(&self.key, self.shape);
        let is_same = match (sealer.seal(group, bytes), self.leaves.get(group)) {
            (Ok(leaf), Some(expected)) => leaf == expected,
            (Ok(_) | Err(SealError::WrongGroup { .. } | SealError::TooLarge(_) | SealError::Changed), _) => false,
        };
        // Another text under the same nonce must not leave this function.
        bytes.fill(0);
        is_same
    }
}
