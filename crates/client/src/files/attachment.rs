//! A file of a message as views see it.

use protocol::file::{Look, ShownName, show_name};

/// Names a file of a message on this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttachmentId(pub i64);

/// A file of a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Names it here.
    pub id: AttachmentId,
    /// As its sender has it; see [`Self::shown_name`].
    pub name: String,
    /// What its sender says that it is; may be empty.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// How it looks before it is there.
    pub look: Look,
    /// Where it stands.
    pub state: AttachmentState,
    /// Why it stopped, or why it waits.
    pub problem: Option<Problem>,
    /// Bytes that are where they are to be, as of the last report that was stored.
    pub done_bytes: u64,
}

impl std::fmt::Debug for Attachment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Attachment({}, {:?})", self.id.0, self.state)
    }
}

impl Attachment {
    /// The name as it may be shown.
    pub fn shown_name(&self) -> ShownName {
        show_name(&self.name)
    }
}

/// Where a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttachmentState {
    /// At the node only.
    Remote,
    /// On its way to the node, or waiting for its turn or the network.
    Uploading,
    /// The user stopped it.
    UploadPaused,
    /// An own one that the node has.
    Uploaded,
    /// It cannot be sent.
    UploadFailed,
    /// On its way here, or waiting for its turn or the network.
    Fetching,
    /// The user stopped it.
    FetchPaused,
    /// A sealed copy is here.
    Here,
    /// It cannot be had.
    FetchFailed,
}

impl AttachmentState {
    const ALL: [Self; 9] = [
        Self::Remote,
        Self::Uploading,
        Self::UploadPaused,
        Self::Uploaded,
        Self::UploadFailed,
        Self::Fetching,
        Self::FetchPaused,
        Self::Here,
        Self::FetchFailed,
    ];

    pub(crate) fn code(self) -> i64 {
        match self {
            Self::Remote => 0,
            Self::Uploading => 1,
            Self::UploadPaused => 2,
            Self::Uploaded => 3,
            Self::UploadFailed => 4,
            Self::Fetching => 5,
            Self::FetchPaused => 6,
            Self::Here => 7,
            Self::FetchFailed => 8,
        }
    }

    pub(super) fn parse(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// The word of the command line's JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Remote => "remote",
            Self::Uploading => "uploading",
            Self::UploadPaused => "upload_paused",
            Self::Uploaded => "uploaded",
            Self::UploadFailed => "upload_failed",
            Self::Fetching => "fetching",
            Self::FetchPaused => "fetch_paused",
            Self::Here => "here",
            Self::FetchFailed => "fetch_failed",
        }
    }
}

/// Why a file stopped or waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Problem {
    /// The network or the node is away: it goes on by itself.
    #[error("the node cannot be reached; it goes on by itself")]
    Network,
    /// The node has too much to do: it goes on by itself.
    #[error("the node is busy; it goes on by itself")]
    Busy,
    /// The source is another file than the one that was begun.
    #[error("the file has changed while it was sent; send it again")]
    Changed,
    /// The source cannot be read.
    #[error("the file cannot be read")]
    Unreadable,
    /// Longer than the node takes.
    #[error("the file is larger than the node takes")]
    TooLarge,
    /// The node has no room.
    #[error("the node has no room for it")]
    NodeFull,
    /// The node does not do what it is asked for another reason.
    #[error("the node refuses it")]
    Refused,
    /// The node does not have it, or no longer.
    #[error("the node does not have the file any more")]
    Gone,
    /// The node gives other bytes than were announced.
    #[error("what the node gives is not the file that was announced")]
    Damaged,
    /// The sender announced what does not open.
    #[error("the file was not made as the protocol says; its sender's program is broken")]
    Dishonest,
    /// The disk here is full.
    #[error("the disk is full: make room and try again")]
    DiskFull,
    /// The file cannot be written here.
    #[error("the file cannot be written here")]
    Unwritable,
    /// The node does not have it yet, and its sender is not there: it goes on by itself.
    #[error("it has not come to the node yet; it goes on when its sender is there")]
    NotYet,
}

impl Problem {
    const ALL: [Self; 13] = [
        Self::Network,
        Self::Busy,
        Self::Changed,
        Self::Unreadable,
        Self::TooLarge,
        Self::NodeFull,
        Self::Refused,
        Self::Gone,
        Self::Damaged,
        Self::Dishonest,
        Self::DiskFull,
        Self::Unwritable,
        Self::NotYet,
    ];

    /// It goes away by itself.
    pub fn is_passing(self) -> bool {
        matches!(self, Self::Network | Self::Busy | Self::NotYet)
    }

    pub(super) fn code(self) -> i64 {
        match self {
            Self::Network => 0,
            Self::Busy => 1,
            Self::Changed => 2,
            Self::Unreadable => 3,
            Self::TooLarge => 4,
            Self::NodeFull => 5,
            Self::Refused => 6,
            Self::Gone => 7,
            Self::Damaged => 8,
            Self::Dishonest => 9,
            Self::DiskFull => 10,
            Self::Unwritable => 11,
            Self::NotYet => 12,
        }
    }

    pub(super) fn parse(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|problem| problem.code() == code)
    }

    /// The word of the command line's JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Busy => "busy",
            Self::Changed => "changed",
            Self::Unreadable => "unreadable",
            Self::TooLarge => "too_large",
            Self::NodeFull => "node_full",
            Self::Refused => "refused",
            Self::Gone => "gone",
            Self::Damaged => "damaged",
            Self::Dishonest => "dishonest",
            Self::DiskFull => "disk_full",
            Self::Unwritable => "unwritable",
            Self::NotYet => "not_yet",
        }
    }
}

/// How a file moves just now; kept in memory only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that have moved, as far as this end can tell.
    pub done_bytes: u64,
    /// Bytes in all, padding and leaves included.
    pub total_bytes: u64,
    /// When this run began, by our clock.
    pub since_ms: u64,
    /// What had moved before it.
    pub before_bytes: u64,
    /// When it was reported last.
    pub at_ms: u64,
    /// Between two devices, not through the node.
    pub is_direct: bool,
}

impl Progress {
    /// The speed of this run; none before a tenth of a second.
    pub fn bytes_per_s(&self) -> Option<u64> {
        let millis = self.at_ms.saturating_sub(self.since_ms);
        let moved = self.done_bytes.saturating_sub(self.before_bytes);
        if millis < 100 { None } else { Some(moved.saturating_mul(1_000) / millis) }
    }

    /// Milliseconds that are left at this speed.
    pub fn left_ms(&self) -> Option<u64> {
        let left = self.total_bytes.saturating_sub(self.done_bytes);
        self.bytes_per_s().filter(|speed| *speed > 0).map(|speed| left.saturating_mul(1_000) / speed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back() {
        for state in AttachmentState::ALL {
            assert_eq!(AttachmentState::parse(state.code()), Some(state));
        }
        for problem in Problem::ALL {
            assert_eq!(Problem::parse(problem.code()), Some(problem));
        }
        assert_eq!((AttachmentState::parse(9), Problem::parse(13)), (None, None));
    }

    #[test]
    fn speed_is_that_of_this_run() {
        let progress = Progress {
            done_bytes: 3_000,
            total_bytes: 9_000,
            since_ms: 500,
            before_bytes: 1_000,
            at_ms: 1_500,
            is_direct: false,
        };
        assert_eq!((progress.bytes_per_s(), progress.left_ms()), (Some(2_000), Some(3_000)));
        assert_eq!(Progress { at_ms: 550, ..progress }.bytes_per_s(), None);
        assert_eq!(Progress { done_bytes: 1_000, ..progress }.left_ms(), None);
    }
}
