//! The encryption keys that a commit's path brings into the tree, read from its bytes.
//!
//! The library does not show the parent nodes of a path. Two members whose leaves are neighbours could put a malformed
//! key above them that nobody else derives, and so nobody else would notice, until a commit has to be sealed to it.

use crate::contact::x_wing::is_x_wing_key;

/// Nodes in a path at most: the height of a tree of 2^31 leaves.
const PATH_NODES_MAX: usize = 32;

/// Why the path of a commit is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathKeysError {
    /// Not an MLSMessage with a PublicMessage that holds a commit.
    #[error("not a commit in a PublicMessage")]
    Malformed,
    /// A key to which nothing can be sealed.
    #[error("a key in the commit's path is malformed")]
    EncryptionKey,
}

/// Checks every encryption key in the path of a commit, its leaf's included; a commit without a path passes.
///
/// `mls_message` is an encoded MLSMessage with a PublicMessage (RFC 9420 s.6, s.12.4). A pure function of the bytes
/// (LANE.md C5); reads them independently of the library.
///
/// # Errors
/// The first [`PathKeysError`] that applies.
pub fn check_path_keys(mls_message: &[u8]) -> Result<(), PathKeysError> {
    let keys = path_keys(mls_message).ok_or(PathKeysError::Malformed)?;
    if keys.iter().all(|key| is_x_wing_key(key)) { Ok(()) } else { Err(PathKeysError::EncryptionKey) }
}

/// The keys, the leaf's first, then the parents' from below.
pub(super) fn path_keys(mls_message: &[u8]) -> Option<Vec<&[u8]>> {
    let mut keys = Vec::new();
    read_path(&mut Reader(mls_message), &mut keys)?;
    Some(keys)
}

/// Walks to the path and collects its keys; `None` where the bytes end or say something else.
fn read_path<'a>(reader: &mut Reader<'a>, keys: &mut Vec<&'a [u8]>) -> Option<()> {
    const MLS10: u64 = 1;
    const PUBLIC_MESSAGE: u64 = 1;
    const MEMBER: u64 = 1;
    const COMMIT: u64 = 3;
    expect(reader.number(2)?, MLS10)?;
    expect(reader.number(2)?, PUBLIC_MESSAGE)?;
    reader.vector()?; // group_id
    reader.take(8)?; // epoch
    expect(reader.number(1)?, MEMBER)?;
    reader.take(4)?; // leaf_index
    reader.vector()?; // authenticated_data
    expect(reader.number(1)?, COMMIT)?;
    reader.vector()?; // proposals
    match reader.number(1)? {
        0 => Some(()),
        1 => read_update_path(reader, keys),
        _ => None,
    }
}

fn read_update_path<'a>(reader: &mut Reader<'a>, keys: &mut Vec<&'a [u8]>) -> Option<()> {
    const BASIC: u64 = 1;
    const SOURCE_COMMIT: u64 = 3;
    keys.push(reader.vector()?); // encryption_key
    reader.vector()?; // signature_key
    expect(reader.number(2)?, BASIC)?;
    reader.vector()?; // identity
    for _capability in ["versions", "cipher_suites", "extensions", "proposals", "credentials"] {
        reader.vector()?;
    }
    expect(reader.number(1)?, SOURCE_COMMIT)?;
    reader.vector()?; // parent_hash
    reader.vector()?; // extensions
    reader.vector()?; // signature
    let mut nodes = Reader(reader.vector()?);
    while !nodes.0.is_empty() {
        if keys.len() > PATH_NODES_MAX {
            return None;
        }
        keys.push(nodes.vector()?); // encryption_key
        nodes.vector()?; // encrypted_path_secret
    }
    Some(())
}

fn expect(found: u64, expected: u64) -> Option<()> {
    (found == expected).then_some(())
}

/// The presentation language of RFC 9420 s.2.1: big-endian numbers, vectors with a variable-size length.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// At most 8 bytes.
    fn number(&mut self, bytes: usize) -> Option<u64> {
        Some(self.take(bytes)?.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    /// `opaque<V>`: the two high bits of the first byte say whether the length has 1, 2 or 4 bytes.
    fn vector(&mut self) -> Option<&'a [u8]> {
        let first = *self.0.first()?;
        let length = match first >> 6 {
            0 => self.number(1)?,
            1 => self.number(2)? & 0x3fff,
            2 => self.number(4)? & 0x3fff_ffff,
            _ => return None,
        };
        self.take(usize::try_from(length).ok()?)
    }
}
