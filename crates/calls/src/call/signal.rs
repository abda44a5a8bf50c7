//! What devices say to each other about a call. What a signal carries besides (descriptions, candidates, keys) is not
//! looked at here.

use wire::id::DeviceId;

/// What is sent to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// Sound.
    Audio,
    /// Sound and picture.
    Video,
}

/// Who sent a signal, by MLS: it cannot be forged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    /// The device.
    pub device: DeviceId,
    /// Whose it is.
    pub side: Claim,
}

/// On which side of a conversation of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// A device of the machine's own account.
    Ours,
    /// A device of the other account.
    Theirs,
}

/// Why a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalReason {
    /// Somebody said no: for all devices of the account.
    Declined,
    /// This device is in another call; others may ring.
    Busy,
    /// This device cannot take calls: no device, no encryption; others may.
    Unable,
}

/// Why a call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// Somebody hung up.
    HungUp,
    /// Nobody answered.
    NoAnswer,
    /// There was no way to each other, or it broke.
    Lost,
}

/// One signal of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Calls all devices of the other account.
    Offer {
        /// With what.
        media: Media,
    },
    /// A device rings.
    Ringing,
    /// A device was picked up.
    Answer,
    /// A device, or all of them, will not.
    Decline(RefusalReason),
    /// It is over.
    HangUp(EndReason),
}
