//! What is said between this program and the process that decodes: an answer as bytes, read without trust.
//!
//! | bytes | holds |
//! |---|---|
//! | 1 | 0 done, 1 no picture, 2 too large |
//! | 1 | what follows: 0 nothing, 1 JPEG, 2 WebP, 3 pixels (RGB, 3 bytes each, rows from the top) |
//! | 1 | 1 metadata, 2 a place in it |
//! | 4, 4 | width, height, big-endian |
//! | 1, n | bytes of the thumbhash, the thumbhash |
//! | rest | the picture |

use super::PICTURE_BYTES_MAX;
use wire::limit::THUMBHASH_BYTES_MAX;

const HEAD_BYTES: usize = 12;
/// Bytes of an answer at most.
pub(super) const ANSWER_BYTES_MAX: usize = HEAD_BYTES + THUMBHASH_BYTES_MAX + PICTURE_BYTES_MAX;

/// Why a picture is not shown or not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// It cannot be decoded, or took its decoder down.
    #[error("no picture that can be decoded")]
    Bad,
    /// More pixels, bytes or time than a picture may take.
    #[error("a picture that is too large to be decoded")]
    TooLarge,
    /// The process that decodes cannot be started.
    #[error("pictures cannot be decoded here")]
    Unavailable,
}

/// What a camera wrote beside the pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found {
    /// There is some: camera, software, time, text.
    pub has_any: bool,
    /// It names a place.
    pub has_place: bool,
}

/// The encoding of a picture that was encoded anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Without transparency.
    Jpeg,
    /// With transparency, or smaller so; nothing is lost.
    Webp,
}

/// Size and preview of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// Pixels, as it is shown.
    pub width: u32,
    /// Pixels, as it is shown.
    pub height: u32,
    /// At most 32 bytes.
    pub thumbhash: Vec<u8>,
    /// What is beside the pixels.
    pub found: Found,
}

/// A picture that was encoded anew: pixels and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Size and preview; what was found is what the original had.
    pub measured: Measured,
    /// What it is.
    pub encoding: Encoding,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Pixels for a screen: rows from the top, red, green and blue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Pixels of a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// 3 bytes for each.
    pub rgb: Vec<u8>,
}

/// What is in an answer beside sizes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Body {
    Nothing,
    Encoded(Encoding, Vec<u8>),
    Rgb(Vec<u8>),
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) measured: Measured,
    pub(super) body: Body,
}

/// As it goes through the pipe.
pub(super) fn encode(answer: &Result<Answer, PictureError>) -> Vec<u8> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(PictureError::TooLarge) => return vec![2],
        Err(PictureError::Bad | PictureError::Unavailable) => return vec![1],
    };
    let (kind, data): (u8, &[u8]) = match &answer.body {
        Body::Nothing => (0, &[]),
        Body::Encoded(Encoding::Jpeg, data) => (1, data),
        Body::Encoded(Encoding::Webp, data) => (2, data),
        Body::Rgb(data) => (3, data),
    };
    let Measured { width, height, thumbhash, found } = &answer.measured;
    let flags = u8::from(found.has_any) | (u8::from(found.has_place) << 1);
    let mut bytes = vec![0, kind, flags];
    bytes.extend_from_slice(&width.to_be_bytes());
    bytes.extend_from_slice(&height.to_be_bytes());
    bytes.push(u8::try_from(thumbhash.len()).unwrap_or(0));
    bytes.extend_from_slice(thumbhash);
    bytes.extend_from_slice(data);
    bytes
}

/// Reads what came out of the pipe.
pub(super) fn parse(bytes: &[u8]) -> Result<Answer, PictureError> {
    match bytes.first() {
        Some(0) => {}
        Some(2) => return Err(PictureError::TooLarge),
        _ => return Err(PictureError::Bad),
    }
    parse_done(bytes).ok_or(PictureError::Bad)
}

fn parse_done(bytes: &[u8]) -> Option<Answer> {
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
    let number = |at: usize| head.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    let (width, height) = (number(3)?, number(7)?);
    let hash_bytes = usize::from(head[11]);
    let (thumbhash, data) = rest.split_at_checked(hash_bytes)?;
    let is_sound = width > 0 && height > 0 && thumbhash.len() <= THUMBHASH_BYTES_MAX && head[2] <= 3;
    let body = match head[1] {
        0 if data.is_empty() => Body::Nothing,
        1 => Body::Encoded(Encoding::Jpeg, data.to_vec()),
        2 => Body::Encoded(Encoding::Webp, data.to_vec()),
        3 if u64::from(width).checked_mul(u64::from(height))?.checked_mul(3)? == data.len() as u64 => {
            Body::Rgb(data.to_vec())
        }
        _ => return None,
    };
    let found = Found { has_any: head[2] & 1 != 0, has_place: head[2] & 2 != 0 };
    is_sound.then(|| Answer { measured: Measured { width, height, thumbhash: thumbhash.to_vec(), found }, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: Body) -> Answer {
        let found = Found { has_any: true, has_place: false };
        Answer { measured: Measured { width: 2, height: 3, thumbhash: vec![1, 2, 3, 4, 5], found }, body }
    }

    #[test]
    fn answers_come_back_as_they_were() {
        for body in [Body::Nothing, Body::Encoded(Encoding::Webp, vec![9; 40]), Body::Rgb(vec![7; 18])] {
            let answer = Ok(answer(body));
            assert_eq!(parse(&encode(&answer)), answer);
        }
        for error in [PictureError::Bad, PictureError::TooLarge] {
            assert_eq!(parse(&encode(&Err(error))), Err(error));
        }
    }

    #[test]
    fn answer_that_does_not_hold_together_is_none() {
        let good = encode(&Ok(answer(Body::Rgb(vec![7; 18]))));
        for length in 0..good.len() {
            assert_eq!(parse(&good[..length]), Err(PictureError::Bad), "{length}");
        }
        for (at, value) in [(0, 9), (1, 4), (2, 4), (3, 255), (7, 255), (11, 33)] {
            let mut bad = good.clone();
            bad[at] = value;
            assert_eq!(parse(&bad), Err(PictureError::Bad), "{at}");
        }
    }
}
