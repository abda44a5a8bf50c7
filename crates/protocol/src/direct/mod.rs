//! A file from device to device: what is said on the channel, and both ends of it (docs/spec/FILES.md s.7).
//!
//! Pure: time comes in as an argument, a shell brings the channel and the bytes. What is received is checked against
//! its leaf here, so that a lie ends the channel and never reaches a disk.
//!
//! | module | holds |
//! |---|---|
//! | `path` | one end of a connection, and SDP from and to it |
//! | `frame` | the messages of the channel |
//! | `fetch` | the end that asks: groups in order, at most a window ahead, a stall or a lie ends it |
//! | `serve` | the end that gives: only what was asked for, no more than a budget |

mod fetch;
mod frame;
mod path;
mod serve;
#[cfg(test)]
mod tests;

pub use fetch::{Fetching, STALL_MS, Taken, WINDOW_GROUPS};
pub use frame::{Frame, PART_BYTES};
pub use path::{Address, CHANNEL_LABEL, Path, Role};
pub use serve::{ASKS_MAX, Serving, Want};

/// Why a channel is given up; the file goes on from another source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DirectError {
    /// No message of this protocol, or one that does not belong here.
    #[error("the other device says what cannot be understood")]
    Malformed,
    /// Bytes that are not the announced ones.
    #[error("what the other device gives is not the file that was announced")]
    Damaged,
    /// Nothing came for too long.
    #[error("the other device does not go on")]
    Stalled,
    /// It asks for more than anybody needs.
    #[error("the other device asks for too much")]
    Greedy,
    /// It does not have the file any more.
    #[error("the other device does not have the file any more")]
    Absent,
}
