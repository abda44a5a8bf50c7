//! Pictures are decoded in a process of their own: this program again, with one job, little memory, no files.
//!
//! | module | holds |
//! |---|---|
//! | `ask` | starts that process, and does not believe what it says |
//! | `child` | what the process may do, and its one job |
//! | `codec` | decodes, turns, shrinks, encodes: pixels and nothing else come out |
//! | `metadata` | what a camera wrote beside the pixels |
//! | `message` | what the two say to each other |
//!
//! A decoder is the largest attack surface of a messenger. One that is taken over has no file, no socket, no other
//! process and no key; one that dies or hangs costs a picture and nothing else.

mod ask;
mod child;
mod codec;
mod message;
mod metadata;
#[cfg(test)]
mod tests;

use client::files::movie::is_movie;

pub use ask::{blur, draw, measure, prepare};
pub use child::{WORD, run};
pub use message::{Encoding, Found, Measured, PictureError, Pixels, Prepared};

/// Bytes of a picture that is decoded at all; more is a file like others.
pub const PICTURE_BYTES_MAX: usize = 96 << 20;
/// The first bytes that say what a file is.
pub const HEAD_BYTES: usize = 16;

/// What the first bytes of a file say that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// JPEG, PNG or WebP: encoded anew before it leaves.
    Photo,
    /// GIF: it goes as it is, for it moves and its cameras write nothing.
    Animation,
    /// A picture that can carry a place and that nobody here decodes: HEIF, AVIF, TIFF and what cameras make of it.
    Foreign,
    /// MP4, QuickTime and 3GPP: it goes without what its camera wrote into it.
    Movie,
    /// Anything else.
    Other,
}

/// What a file is, by its first bytes: its name may lie.
pub fn kind_of(head: &[u8]) -> Kind {
    let brand = head.get(8..12);
    match head {
        [0xff, 0xd8, 0xff, ..] | [0x89, b'P', b'N', b'G', ..] => Kind::Photo,
        [b'R', b'I', b'F', b'F', ..] if brand == Some(b"WEBP") => Kind::Photo,
        [b'G', b'I', b'F', b'8', ..] => Kind::Animation,
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Kind::Foreign,
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => match brand {
            Some(b"heic" | b"heix" | b"hevc" | b"heim" | b"heis" | b"mif1" | b"msf1" | b"avif" | b"avis" | b"crx ") => {
                Kind::Foreign
            }
            _ if is_movie(head) => Kind::Movie,
            _ => Kind::Other,
        },
        _ if is_movie(head) => Kind::Movie,
        _ => Kind::Other,
    }
}
