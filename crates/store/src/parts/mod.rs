//! Parts: immutable pieces of files by name, durable on return.
//!
//! A file at a node is a chain of parts; which of them belong to it, and where each ends, lies in
//! [`Registers`](crate::Registers). A part that no register speaks of is an orphan of a crash and may go.

mod faulty;
mod object;

pub use faulty::{FaultyParts, PartOperation};
pub use object::ObjectParts;

use crate::StoreError;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

/// Bytes of one part at most.
pub const PART_BYTES_MAX: usize = 16 << 20;

/// What a store of parts has begun to do.
pub type Pending<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Immutable pieces of files by name.
///
/// Unlike the other traits this one is asynchronous: its engines may be far away.
pub trait Parts: Send + Sync + 'static {
    /// Stores 1 to [`PART_BYTES_MAX`] bytes. A reader sees the whole part or none of it; when this returns `Ok` it
    /// survives a power cut, its name too. The caller uses a name once and never for other bytes.
    ///
    /// Dropping the future may or may not stop it: as after an error, what the name holds is then unknown.
    ///
    /// # Errors
    /// `Misuse` for a wrong size: nothing was stored. Any other error: whether it persisted is unknown; a half part is
    /// never seen.
    fn put_part(&self, name: PartName, bytes: Bytes) -> Pending<'_, ()>;

    /// Exactly `bytes` bytes from `from` on, or `None` if the part is not here.
    ///
    /// # Errors
    /// `Corrupt` if the part is shorter.
    fn read_part(&self, name: PartName, from: u64, bytes: usize) -> Pending<'_, Option<Bytes>>;

    /// Drops a part; no error if it is not here. It may come back after a power cut.
    fn delete_part(&self, name: PartName) -> Pending<'_, ()>;

    /// The names of all parts whose folder begins with `shard`, in no order: those that were there all along, and of
    /// those that came or went meanwhile any.
    fn list_parts(&self, shard: u8) -> BoxStream<'_, Result<PartName, StoreError>>;

    /// Bytes that are best read at once: enough that the way there does not matter.
    fn read_bytes(&self) -> usize;
}

/// A part's name: the folder of a file, where in the file the part begins, and a tag that no two attempts share.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartName {
    /// Random, one for each upload: what parts of one file have in common.
    pub folder: [u8; 16],
    /// The first byte's position in the file.
    pub start: u64,
    /// Random, one for each run of attempts.
    pub tag: u64,
}

impl PartName {
    /// The list that it is in.
    pub fn shard(&self) -> u8 {
        self.folder[0]
    }

    /// As an object's name: 32, 16 and 16 hexadecimal digits.
    pub(crate) fn to_text(self) -> String {
        format!("{:032x}-{:016x}-{:016x}", u128::from_be_bytes(self.folder), self.start, self.tag)
    }

    /// Reads what [`PartName::to_text`] wrote and nothing else.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let mut fields = text.split('-');
        let folder = u128::from_str_radix(fields.next()?, 16).ok()?.to_be_bytes();
        let start = u64::from_str_radix(fields.next()?, 16).ok()?;
        let tag = u64::from_str_radix(fields.next()?, 16).ok()?;
        Some(Self { folder, start, tag }).filter(|name| name.to_text() == text)
    }
}

impl std::fmt::Debug for PartName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PartName(..)")
    }
}

/// Checks a part's size; engines call it before they store anything.
///
/// # Errors
/// `Misuse` for none and for too many.
pub fn check_part(bytes: &Bytes) -> Result<(), StoreError> {
    if bytes.is_empty() || bytes.len() > PART_BYTES_MAX {
        return Err(StoreError::Misuse("a part of no or too many bytes"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_reads_back_and_nothing_else_is_a_name() {
        let name = PartName { folder: [0xab; 16], start: 4 << 20, tag: u64::MAX };
        let text = name.to_text();
        assert_eq!(text, "abababababababababababababababab-0000000000400000-ffffffffffffffff");
        assert_eq!(PartName::from_text(&text), Some(name));
        let upper = text.to_uppercase();
        for other in
            ["", "ab-0-f", &text[1..], &upper, &format!("{text}-0"), &format!("{text}#1"), &text.replace("00", "+0")]
        {
            assert_eq!(PartName::from_text(other), None, "{other}");
        }
    }
}
