//! SFrame: media frames sealed end to end (RFC 9605), keyed from the epochs of a call's MLS group (s.5.2).
//!
//! | module | holds |
//! |---|---|
//! | [`header`] | the header, KID and counter |
//! | [`cipher`] | cipher suites, derivation of keys and nonces |
//! | [`stream`] | whose frames: the KID of an epoch, a leaf and a context |
//! | [`sender`] | seals; no counter is ever used twice |
//! | [`receiver`] | opens; replays, old epochs and foreign streams are refused |
//! | [`media`] | which bytes of a codec's frame stay readable |

pub mod cipher;
pub mod header;
pub mod media;
pub mod receiver;
pub mod sender;
pub mod stream;
mod window;

pub use cipher::{BaseKey, EXPORTER_LABEL, Suite};
pub use header::{Header, HeaderError};
pub use media::Codec;
pub use receiver::{OpenError, Receiver};
pub use sender::{SealError, Sender};
pub use stream::{KeyId, StreamId};

/// Bytes of authenticated, readable metadata at most.
pub const METADATA_BYTES_MAX: usize = 64;
/// Bytes of a frame at most, sealed or not: no encoder makes as much, and no queue grows by more.
pub const FRAME_BYTES_MAX: usize = 4 << 20;
/// How long the keys of an epoch that was left still open frames, in milliseconds.
pub const OLD_EPOCH_MS: u64 = 10_000;

/// What cannot be asked for: the caller's mistake, nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misuse {
    /// A base key has another length than the suite's keys.
    #[error("base key of {found} bytes, expected {expected}")]
    KeyBytes {
        /// Bytes of the suite's key.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// A stream's leaf or context is out of range.
    #[error("leaf {leaf} or context {context} is out of range")]
    Stream {
        /// The leaf given.
        leaf: u32,
        /// The context given.
        context: u8,
    },
    /// Epochs only go up: another base key for the same KIDs would use a nonce twice.
    #[error("epoch {found} does not follow epoch {current}")]
    Epoch {
        /// The epoch that holds.
        current: u64,
        /// The epoch given.
        found: u64,
    },
    /// The base key is of another suite.
    #[error("base key of another suite")]
    Suite,
}
