//! What a shell is asked to do with files, and what it reports. A shell moves bytes and decides nothing.

use crate::files::{AttachmentId, Problem};
use protocol::file::{FileKey, Leaves, Look, Reference, Root, Shape};
use protocol::identity::NodeUrl;
use wire::id::FileId;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The secret of a blob's sender: appends and deletes.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Owner(pub [u8; 32]);

impl std::fmt::Debug for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Owner(secret)")
    }
}

/// A file that is to be sent.
#[derive(Clone)]
pub struct NewFile {
    /// Where its bytes are.
    pub origin: Origin,
    /// Bytes.
    pub size: u64,
    /// The name that others see.
    pub name: String,
    /// Type and subtype, or empty.
    pub media_type: String,
    /// How it looks before it is there.
    pub look: Look,
}

impl std::fmt::Debug for NewFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewFile(..)")
    }
}

/// Where the bytes of an own file are.
#[derive(Clone)]
pub enum Origin {
    /// A file outside, read again after an interruption.
    Path(OwnPath),
    /// Sealed already, in the profile: it came from a stream.
    Sealed(SealedCopy),
}

impl Origin {
    /// The sealed copy, where there is one.
    pub fn copy(&self) -> Option<&SealedCopy> {
        match self {
            Self::Path(_) => None,
            Self::Sealed(copy) => Some(copy),
        }
    }
}

/// A file outside of the profile.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnPath {
    /// The path's bytes.
    pub path: Vec<u8>,
    /// When it was changed last, as its file system says.
    pub stamp: i64,
    /// It is a movie, read without what its camera wrote into it.
    pub is_covered: bool,
}

impl std::fmt::Debug for OwnPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnPath(..)")
    }
}

/// A sealed copy in the profile, under its id.
#[derive(Clone)]
pub struct SealedCopy {
    /// Names it.
    pub file: FileId,
    /// Opens it.
    pub key: FileKey,
    /// All of its leaves.
    pub leaves: Leaves,
}

/// Send a file to a node.
pub struct Upload {
    /// Which.
    pub id: AttachmentId,
    /// Where to.
    pub node_url: NodeUrl,
    /// Under which id.
    pub file: FileId,
    /// Seals it.
    pub key: FileKey,
    /// Owns the blob.
    pub owner: Owner,
    /// Sizes.
    pub shape: Shape,
    /// The file to read; none: the sealed copy.
    pub source: Option<OwnPath>,
    /// The leaves that are stored: from the first group on, without a gap.
    pub leaves: Leaves,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Upload({})", self.id.0)
    }
}

/// Fetch a file from a node.
#[derive(Clone)]
pub struct Fetch {
    /// Which.
    pub id: AttachmentId,
    /// What is known of it; its node is always named.
    pub reference: Reference,
    /// The path to save it to; none: keep a sealed copy.
    pub target: Option<Vec<u8>>,
    /// A sealed copy is here.
    pub is_here: bool,
    /// The sender's device may be asked as well ([`crate::engine::Engine::ask_directly`]).
    pub may_direct: bool,
}

impl std::fmt::Debug for Fetch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fetch({})", self.id.0)
    }
}

/// Remove a file whose message is gone: first the copy here, then the blob at the node.
#[derive(Clone)]
pub struct Discard {
    /// Names the order.
    pub id: i64,
    /// The file that may still be moving: stop it.
    pub attachment: AttachmentId,
    /// Its id.
    pub file: FileId,
    /// Where it is.
    pub node_url: NodeUrl,
    /// Deletes it at the node; none where we may not, or where another message of ours needs it.
    pub owner: Option<Owner>,
    /// Another message here has the same file: leave the copy.
    pub keeps_copy: bool,
}

impl std::fmt::Debug for Discard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Discard({})", self.id)
    }
}

/// What a shell reports of a file.
#[derive(Debug)]
pub enum FileEvent {
    /// These groups are sealed. **Their bytes stay here until this is stored.**
    Sealed {
        /// Which file.
        id: AttachmentId,
        /// The group of the first leaf.
        first: u64,
        /// Their leaves.
        leaves: Leaves,
    },
    /// Bytes have moved.
    Moved {
        /// Which file.
        id: AttachmentId,
        /// So many are there by now.
        done_bytes: u64,
        /// Of so many.
        total_bytes: u64,
    },
    /// Bytes have moved between two devices.
    MovedDirectly {
        /// Which file.
        id: AttachmentId,
        /// So many are there by now.
        done_bytes: u64,
        /// Of so many.
        total_bytes: u64,
    },
    /// The node has all of it, durably.
    Uploaded {
        /// Which file.
        id: AttachmentId,
        /// The root of its leaves.
        root: Root,
    },
    /// It is saved, or its sealed copy is complete.
    Fetched {
        /// Which file.
        id: AttachmentId,
    },
    /// It does not go on.
    Stopped {
        /// Which file.
        id: AttachmentId,
        /// Why.
        problem: Problem,
    },
    /// An order to remove was carried out, or has to wait.
    Discarded {
        /// Which order.
        id: i64,
        /// Nothing is left of it.
        is_done: bool,
    },
}
