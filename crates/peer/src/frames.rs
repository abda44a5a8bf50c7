//! A call's frames: sealed before they leave, opened when they come (CALLS.md s.4).

use calls::sframe::{BaseKey, Codec, Receiver, Sender, StreamId, Suite};
use zeroize::Zeroizing;

/// The call's two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Sound: Opus.
    Audio,
    /// A picture: VP8.
    Video,
}

impl Kind {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Audio, Self::Video];

    /// Ticks of its clock in a second.
    pub fn clock(self) -> u64 {
        match self {
            Self::Audio => 48_000,
            Self::Video => 90_000,
        }
    }

    /// Its place in a pair.
    pub fn index(self) -> usize {
        usize::from(self.context())
    }

    /// Which stream of a leaf it is.
    fn context(self) -> u8 {
        match self {
            Self::Audio => 0,
            Self::Video => 1,
        }
    }

    fn codec(self) -> Codec {
        match self {
            Self::Audio => Codec::Opus,
            Self::Video => Codec::Vp8,
        }
    }
}

/// The keys of a call's epoch. Erased on drop.
#[derive(Clone)]
pub struct Keys {
    /// SFrame's base key.
    pub base_key: Zeroizing<[u8; 32]>,
    /// The epoch.
    pub epoch: u64,
    /// Our leaf.
    pub own_leaf: u32,
    /// Theirs.
    pub peer_leaf: u32,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(..)")
    }
}

/// Seals and opens. One object for as long as the call is: it knows which counters are used.
pub struct Frames {
    sender: Sender,
    receiver: Receiver,
    peer_leaf: Option<u32>,
}

impl Default for Frames {
    fn default() -> Self {
        let suite = Suite::Aes256Gcm;
        Self { sender: Sender::new(suite), receiver: Receiver::new(suite), peer_leaf: None }
    }
}

impl Frames {
    /// Takes an epoch's keys; false where they are of no later epoch.
    pub fn enter(&mut self, now_ms: u64, keys: &Keys) -> bool {
        let Ok(base_key) = BaseKey::new(Suite::Aes256Gcm, keys.base_key.as_slice()) else { return false };
        let is_new = self.sender.enter(keys.epoch, keys.own_leaf, &base_key).is_ok()
            && self.receiver.enter(now_ms, keys.epoch, &base_key, &[]).is_ok();
        if is_new {
            self.peer_leaf = Some(keys.peer_leaf);
        }
        is_new
    }

    /// Whether there are keys.
    pub fn is_keyed(&self) -> bool {
        self.peer_leaf.is_some()
    }

    /// A frame as it may leave; none: it must not leave.
    pub fn seal(&mut self, kind: Kind, frame: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = Vec::new();
        self.sender.seal_frame(kind.codec(), kind.context(), frame, &mut sealed).ok()?;
        Some(sealed)
    }

    /// The other side's frame as its codec made it; none: it must not be used.
    pub fn open(&mut self, now_ms: u64, kind: Kind, mut frame: Vec<u8>) -> Option<Vec<u8>> {
        let stream = StreamId::new(self.peer_leaf?, kind.context()).ok()?;
        self.receiver.open_frame(now_ms, kind.codec(), stream, &mut frame).ok()?;
        Some(frame)
    }
}
