//! The end that has a file: gives the groups that are asked for, in order, and no more than a budget.

use crate::direct::{DirectError, Frame, PART_BYTES};
use crate::file::Shape;
use std::collections::VecDeque;
use std::ops::Range;

/// Wishes that wait at most.
pub const ASKS_MAX: usize = 8;
/// Beside the file itself once more, what a channel may ask for: what was lost when a group was asked for twice.
const SPARE_BYTES: u64 = 4 << 20;

/// What is to be read from the sealed copy and given next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// The leaves.
    Leaves(Range<u64>),
    /// A group, and where it lies in the blob.
    Group(u32, Range<u64>),
}

impl Want {
    /// Where it lies in the blob.
    pub fn range(&self) -> Range<u64> {
        match self {
            Self::Leaves(range) | Self::Group(_, range) => range.clone(),
        }
    }

    /// The messages that give it; `bytes` are those of [`Self::range`].
    pub fn frames<'a>(&self, bytes: &'a [u8]) -> impl Iterator<Item = Vec<u8>> + use<'a> {
        let group = match self {
            Self::Leaves(_) => None,
            Self::Group(group, _) => Some(*group),
        };
        (0_u32..).step_by(PART_BYTES).zip(bytes.chunks(PART_BYTES)).map(move |(offset, bytes)| {
            match group {
                Some(group) => Frame::Part { group, offset, bytes },
                None => Frame::Leaves { offset, bytes },
            }
            .encode()
        })
    }
}

/// Gives one file over one channel.
#[derive(Debug)]
pub struct Serving {
    shape: Shape,
    asks: VecDeque<Option<Range<u64>>>,
    has_given_leaves: bool,
    left_bytes: u64,
    given_bytes: u64,
}

impl Serving {
    /// For a file of this shape, whose sealed copy is here.
    pub fn new(shape: Shape) -> Self {
        let left_bytes = shape.blob_bytes().saturating_mul(2).saturating_add(SPARE_BYTES);
        Self { shape, asks: VecDeque::new(), has_given_leaves: false, left_bytes, given_bytes: 0 }
    }

    /// Takes a message.
    ///
    /// # Errors
    /// [`DirectError::Malformed`], and [`DirectError::Greedy`]: the channel is to be closed.
    pub fn take(&mut self, message: &[u8]) -> Result<(), DirectError> {
        let (ask, bytes) = match Frame::parse(message)? {
            Frame::Ask { first, count } => {
                let (first, end) = (u64::from(first), u64::from(first).saturating_add(u64::from(count)));
                if end > self.shape.groups() {
                    return Err(DirectError::Malformed);
                }
                (Some(first..end), self.shape.group_start(end) - self.shape.group_start(first))
            }
            Frame::AskLeaves if !self.has_given_leaves => {
                self.has_given_leaves = true;
                (None, self.shape.leaves_bytes())
            }
            Frame::AskLeaves => return Err(DirectError::Greedy),
            Frame::Part { .. } | Frame::Leaves { .. } | Frame::Absent => return Err(DirectError::Malformed),
        };
        if self.asks.len() >= ASKS_MAX {
            return Err(DirectError::Greedy);
        }
        self.left_bytes = self.left_bytes.checked_sub(bytes).ok_or(DirectError::Greedy)?;
        self.asks.push_back(ask);
        Ok(())
    }

    /// What to read and to give next; nothing while nothing is asked for.
    pub fn next_want(&mut self) -> Option<Want> {
        let ask = self.asks.front_mut()?;
        let want = match ask {
            None => {
                self.asks.pop_front();
                Want::Leaves(self.shape.sealed_bytes()..self.shape.blob_bytes())
            }
            Some(groups) => {
                let group = groups.next()?;
                if groups.is_empty() {
                    self.asks.pop_front();
                }
                Want::Group(
                    u32::try_from(group).ok()?,
                    self.shape.group_start(group)..self.shape.group_start(group + 1),
                )
            }
        };
        let range = want.range();
        self.given_bytes = self.given_bytes.saturating_add(range.end - range.start);
        Some(want)
    }

    /// Bytes that were given so far.
    pub fn given_bytes(&self) -> u64 {
        self.given_bytes
    }
}
