//! The messages of a channel: a byte that says which, then fixed fields, then bytes.

use crate::direct::DirectError;

/// Bytes of a group or of leaves in one message at most: every implementation takes a message of 64 KiB.
pub const PART_BYTES: usize = 60 << 10;

const ASK: u8 = 0x01;
const ASK_LEAVES: u8 = 0x02;
const PART: u8 = 0x11;
const LEAVES: u8 = 0x12;
const ABSENT: u8 = 0x13;

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Give these groups, in order.
    Ask {
        /// The first.
        first: u32,
        /// How many, at least 1.
        count: u32,
    },
    /// Give the leaves.
    AskLeaves,
    /// A part of a group.
    Part {
        /// Which group.
        group: u32,
        /// Where in it.
        offset: u32,
        /// 1 to [`PART_BYTES`].
        bytes: &'a [u8],
    },
    /// A part of the leaves.
    Leaves {
        /// Where in them.
        offset: u32,
        /// 1 to [`PART_BYTES`].
        bytes: &'a [u8],
    },
    /// The file is not here any more.
    Absent,
}

impl<'a> Frame<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// [`DirectError::Malformed`].
    pub fn parse(message: &'a [u8]) -> Result<Self, DirectError> {
        let (kind, rest) = message.split_first().ok_or(DirectError::Malformed)?;
        let frame = match *kind {
            ASK => {
                let (first, rest) = number(rest)?;
                let (count, rest) = number(rest)?;
                if count == 0 || !rest.is_empty() {
                    return Err(DirectError::Malformed);
                }
                Self::Ask { first, count }
            }
            ASK_LEAVES if rest.is_empty() => Self::AskLeaves,
            PART => {
                let (group, rest) = number(rest)?;
                let (offset, bytes) = number(rest)?;
                Self::Part { group, offset, bytes: some(bytes)? }
            }
            LEAVES => {
                let (offset, bytes) = number(rest)?;
                Self::Leaves { offset, bytes: some(bytes)? }
            }
            ABSENT if rest.is_empty() => Self::Absent,
            _ => return Err(DirectError::Malformed),
        };
        Ok(frame)
    }

    /// The bytes of a message.
    pub fn encode(&self) -> Vec<u8> {
        match *self {
            Self::Ask { first, count } => [&[ASK][..], &first.to_be_bytes(), &count.to_be_bytes()].concat(),
            Self::AskLeaves => vec![ASK_LEAVES],
            Self::Part { group, offset, bytes } => {
                [&[PART][..], &group.to_be_bytes(), &offset.to_be_bytes(), bytes].concat()
            }
            Self::Leaves { offset, bytes } => [&[LEAVES][..], &offset.to_be_bytes(), bytes].concat(),
            Self::Absent => vec![ABSENT],
        }
    }
}

fn number(bytes: &[u8]) -> Result<(u32, &[u8]), DirectError> {
    let (number, rest) = bytes.split_first_chunk().ok_or(DirectError::Malformed)?;
    Ok((u32::from_be_bytes(*number), rest))
}

fn some(bytes: &[u8]) -> Result<&[u8], DirectError> {
    if bytes.is_empty() || bytes.len() > PART_BYTES { Err(DirectError::Malformed) } else { Ok(bytes) }
}
