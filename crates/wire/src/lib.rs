//! Ids, limits and codecs shared by client and node: parse, don't validate.
//!
//! | module | holds |
//! |---|---|
//! | [`id`] | 16- and 32-byte newtypes, capabilities |
//! | [`limit`] | every named bound |
//! | [`lane`] | lane id, hash chain, cells |
//! | [`receipt`] | leaves, inclusion paths, signatures, evidence |
//! | [`work`] | proof of work for claims and knocks |
//! | [`bell`] | push subscriptions |
//! | [`file`] | files at the node: paths, header fields, work |
//! | [`node`] | requests and events between client and node |
//! | [`frame`] | a node's frame, written in place |
//! | [`relay`] | where calls are relayed |
//! | [`room`] | rooms for calls of many |
//! | [`proto`] | the generated protobuf types |

pub mod bell;
pub mod file;
pub mod frame;
pub mod id;
pub mod lane;
pub mod limit;
pub mod node;
pub mod receipt;
pub mod relay;
pub mod room;
pub mod work;

/// Generated from `proto/*.proto`.
#[allow(missing_docs, clippy::all)]
pub mod proto {
    /// Client and node.
    pub mod node {
        include!(concat!(env!("OUT_DIR"), "/sottovoce.node.v1.rs"));
    }
    /// Member and member.
    pub mod content {
        include!(concat!(env!("OUT_DIR"), "/sottovoce.content.v1.rs"));
    }
    /// First contact and recovery.
    pub mod contact {
        include!(concat!(env!("OUT_DIR"), "/sottovoce.contact.v1.rs"));
    }
}

/// Bytes that do not parse: what was expected, where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A fixed-size field has another length.
    #[error("{field}: {found} bytes, expected {expected}")]
    Length {
        /// The field's name in the specification.
        field: &'static str,
        /// Bytes expected.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// A bounded field is too long.
    #[error("{field}: {found} is over the limit of {limit}")]
    TooLong {
        /// The field's name in the specification.
        field: &'static str,
        /// The named limit.
        limit: usize,
        /// What was found.
        found: usize,
    },
    /// A value outside its range.
    #[error("{field}: value not allowed")]
    Value {
        /// The field's name in the specification.
        field: &'static str,
    },
    /// A required field is absent.
    #[error("{field}: missing")]
    Missing {
        /// The field's name in the specification.
        field: &'static str,
    },
    /// Not a protobuf message of this type.
    #[error("{field}: not a valid protobuf message")]
    Protobuf {
        /// The message's name.
        field: &'static str,
    },
}
