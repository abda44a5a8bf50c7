//! The end that wants a file: asks for groups in order, a window ahead, and checks what comes.

use crate::direct::{DirectError, Frame, PART_BYTES};
use crate::file::{GROUP_BYTES, Leaves, Opener, Reference, Shape};

/// Without a byte that was asked for so long, milliseconds, the other end is given up.
pub const STALL_MS: u64 = 3_000;
/// Groups that are asked for and not here yet at most: 4 MiB.
pub const WINDOW_GROUPS: u32 = 16;

/// What a message led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken<'a> {
    /// A part of something.
    More,
    /// The leaves are here, and are those of the root: say where to begin with [`Fetching::begin`].
    Leaves,
    /// A group that is what was announced, sealed as it came.
    Group(u64, &'a [u8]),
}

/// Fetches one file over one channel, which keeps the order of messages and loses none.
pub struct Fetching {
    reference: Reference,
    shape: Shape,
    opener: Option<Opener>,
    leaves: Vec<u8>,
    /// The group that comes, or is awaited.
    group: u64,
    /// Behind the last one that was asked for.
    asked: u64,
    end: u64,
    buffer: Vec<u8>,
    has_begun: bool,
    progress_ms: u64,
}

impl std::fmt::Debug for Fetching {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fetching({} of {})", self.group, self.end)
    }
}

impl Fetching {
    /// For a file whose leaves may be known.
    ///
    /// # Errors
    /// [`DirectError::Damaged`] for leaves that are not the file's, and for a file that cannot be.
    pub fn new(reference: Reference, leaves: Option<Leaves>, now_ms: u64) -> Result<Self, DirectError> {
        let shape = Shape::of(reference.size).map_err(|_| DirectError::Damaged)?;
        let opener = match leaves {
            Some(leaves) => Some(Opener::new(&reference, leaves).map_err(|_| DirectError::Damaged)?),
            None if shape.groups() == 1 => Some(Opener::of_one_group(&reference).map_err(|_| DirectError::Damaged)?),
            None => None,
        };
        Ok(Self {
            reference,
            shape,
            opener,
            leaves: Vec::new(),
            group: 0,
            asked: 0,
            end: 0,
            buffer: Vec::new(),
            has_begun: false,
            progress_ms: now_ms,
        })
    }

    /// The file's shape.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// What checks and opens the groups, once the leaves are known.
    pub fn opener(&self) -> Option<&Opener> {
        self.opener.as_ref()
    }

    /// The channel is open: what to say. Nothing where the leaves are known; then call [`Self::begin`].
    pub fn open(&mut self, now_ms: u64) -> Option<Vec<u8>> {
        self.progress_ms = now_ms;
        self.opener.is_none().then(|| Frame::AskLeaves.encode())
    }

    /// Begins to ask for the groups from `first` to before `end`; what to say, if anything is wanted.
    pub fn begin(&mut self, now_ms: u64, first: u64, end: u64) -> Option<Vec<u8>> {
        self.end = end.min(self.shape.groups());
        (self.group, self.asked) = (first, first);
        self.buffer.clear();
        (self.has_begun, self.progress_ms) = (true, now_ms);
        self.ask()
    }

    /// What to say so that more comes; nothing while enough is on its way. Call it after each group.
    pub fn ask(&mut self) -> Option<Vec<u8>> {
        let window = u64::from(WINDOW_GROUPS);
        let until = self.group.saturating_add(window).min(self.end);
        let count = until.saturating_sub(self.asked);
        // Half a window at once, or the rest.
        if count == 0 || (count < window / 2 && until < self.end) {
            return None;
        }
        let (first, count) = (u32::try_from(self.asked).ok()?, u32::try_from(count).ok()?);
        self.asked = until;
        Some(Frame::Ask { first, count }.encode())
    }

    /// Whether everything that was wanted is here.
    pub fn is_done(&self) -> bool {
        self.has_begun && self.group >= self.end
    }

    /// Takes a message.
    ///
    /// # Errors
    /// [`DirectError`]: the channel is to be closed, what came before it is good.
    pub fn take(&mut self, now_ms: u64, message: &[u8]) -> Result<Taken<'_>, DirectError> {
        match Frame::parse(message)? {
            Frame::Leaves { offset, bytes } if self.opener.is_none() => self.take_leaves(now_ms, offset, bytes),
            Frame::Part { group, offset, bytes } if u64::from(group) == self.group && self.group < self.asked => {
                self.take_part(now_ms, offset, bytes)
            }
            Frame::Absent => Err(DirectError::Absent),
            // What nobody asked for, or out of its order.
            Frame::Leaves { .. } | Frame::Part { .. } | Frame::Ask { .. } | Frame::AskLeaves => {
                Err(DirectError::Malformed)
            }
        }
    }

    fn take_leaves(&mut self, now_ms: u64, offset: u32, bytes: &[u8]) -> Result<Taken<'_>, DirectError> {
        let wanted = usize::try_from(self.shape.leaves_bytes()).map_err(|_| DirectError::Malformed)?;
        let left = wanted.saturating_sub(self.leaves.len());
        if offset as usize != self.leaves.len() || bytes.len() != left.min(PART_BYTES) {
            return Err(DirectError::Malformed);
        }
        self.progress_ms = now_ms;
        self.leaves.extend_from_slice(bytes);
        if self.leaves.len() < wanted {
            return Ok(Taken::More);
        }
        let leaves = Leaves::parse(&std::mem::take(&mut self.leaves)).map_err(|_| DirectError::Damaged)?;
        self.opener = Some(Opener::new(&self.reference, leaves).map_err(|_| DirectError::Damaged)?);
        Ok(Taken::Leaves)
    }

    fn take_part(&mut self, now_ms: u64, offset: u32, bytes: &[u8]) -> Result<Taken<'_>, DirectError> {
        let wanted = self.shape.group_bytes(self.group);
        if offset == 0 {
            // The group before was handed out.
            self.buffer.clear();
        }
        let left = wanted.saturating_sub(self.buffer.len());
        if offset as usize != self.buffer.len() || bytes.len() != left.min(PART_BYTES) {
            return Err(DirectError::Malformed);
        }
        self.buffer.reserve_exact(GROUP_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() < wanted {
            self.progress_ms = now_ms;
            return Ok(Taken::More);
        }
        let opener = self.opener.as_ref().ok_or(DirectError::Malformed)?;
        opener.check(self.group, &self.buffer).map_err(|_| DirectError::Damaged)?;
        self.progress_ms = now_ms;
        let group = self.group;
        self.group += 1;
        Ok(Taken::Group(group, &self.buffer))
    }

    /// When to call [`Self::check`] at the latest.
    pub fn check_at_ms(&self) -> u64 {
        self.progress_ms.saturating_add(STALL_MS)
    }

    /// Looks whether anything moves.
    ///
    /// # Errors
    /// [`DirectError::Stalled`] where it does not.
    pub fn check(&self, now_ms: u64) -> Result<(), DirectError> {
        if !self.is_done() && now_ms >= self.check_at_ms() { Err(DirectError::Stalled) } else { Ok(()) }
    }
}
