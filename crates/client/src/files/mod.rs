//! Files: what a device sends, fetches and saves, over any interruption.
//!
//! | module | holds |
//! |---|---|
//! | `attachment` | a file of a message as views see it, its states and problems |
//! | `table` | the rows: what is known of files, what is to move, what is to be removed |
//! | `queue` | what the engine decides: what moves now, what is tried again, when a message goes out |
//! | `direct` | what the engine decides about files from device to device |
//! | `media` | media types by name |
//! | [`movie`] | what a camera wrote into a movie, found and covered |
//! | `order` | what a shell is asked to do, and what it reports |
//! | [`peek`] | opens a sealed copy in memory (not in a browser) |
//! | [`folder`] | the sealed copies in a profile, and files being saved (not in a browser) |
//! | [`spool`] | seals a stream, whose size is not known, into the profile (not in a browser) |
//! | `source` | reads and seals ahead of the network (not in a browser) |
//! | [`upload`] | reads, seals and sends (not in a browser) |
//! | [`download`] | fetches, checks, opens and writes (not in a browser) |
//!
//! The order in which things become durable is what makes a kill at any moment harmless: the row before anything is
//! read, leaves before the bytes of their groups leave, the blob at the node before the message that names it. A key
//! is gone before the bytes that it opens.

mod attachment;
mod direct;
#[cfg(test)]
mod direct_tests;
#[cfg(not(target_arch = "wasm32"))]
pub mod download;
#[cfg(not(target_arch = "wasm32"))]
pub mod folder;
#[cfg(test)]
mod lies;
mod media;
pub mod movie;
mod order;
#[cfg(not(target_arch = "wasm32"))]
pub mod peek;
mod queue;
#[cfg(not(target_arch = "wasm32"))]
mod source;
#[cfg(not(target_arch = "wasm32"))]
pub mod spool;
pub(crate) mod table;
#[cfg(test)]
mod tests;
#[cfg(not(target_arch = "wasm32"))]
pub mod upload;

pub use attachment::{Attachment, AttachmentId, AttachmentState, Problem, Progress};
pub(crate) use direct::Directly;
pub use direct::{ANSWERS_AN_HOUR, DIRECT_BYTES_MIN, DirectOrder, GIVING_MAX};
pub use media::media_type_of;
pub use order::{Discard, Fetch, FileEvent, NewFile, Origin, OwnPath, Owner, SealedCopy, Upload};
pub(crate) use queue::Moving;
pub use queue::{FileMessage, MOVING_MAX, Turn};
