//! Opens what others send: whatever was replayed, swapped, altered or sealed with an old key is refused.

use super::cipher::{Aad, BaseKey, Secret, StreamKey, Suite};
use super::stream::{KeyId, StreamId, epoch_low};
use super::window::Window;
use super::{FRAME_BYTES_MAX, Header, HeaderError, Misuse, OLD_EPOCH_MS};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;

/// Epochs whose keys are held at a time: the current one, and those left within [`OLD_EPOCH_MS`].
pub const EPOCHS_MAX: usize = 16;
/// Streams whose keys are held in an epoch at most.
pub const STREAMS_MAX: usize = 512;

/// Why a frame is dropped. None of it ends a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It does not begin with a header.
    #[error("no SFrame header: {0}")]
    Malformed(#[from] HeaderError),
    /// It is shorter than header and tag, or longer than any frame.
    #[error("{bytes} bytes are no sealed frame")]
    Length {
        /// What came.
        bytes: usize,
    },
    /// The metadata is longer than any.
    #[error("{bytes} bytes of metadata are too many")]
    Metadata {
        /// What came.
        bytes: usize,
    },
    /// Its epoch is unknown: one that was left too long ago, or that is yet to come.
    #[error("sealed in an epoch whose key is not held")]
    UnknownEpoch,
    /// It is of another sender or another of the sender's streams than it came as.
    #[error("the frame is of another stream")]
    WrongStream,
    /// Its sender is no longer in the call.
    #[error("its sender has left")]
    Gone,
    /// A frame of this number came before, or may have.
    #[error("the frame came before, or is too old to tell")]
    Replayed,
    /// The tag is wrong: it was altered, or sealed by nobody of this call.
    #[error("the frame is not authentic")]
    Rejected,
    /// [`STREAMS_MAX`] streams are open.
    #[error("too many streams")]
    TooManyStreams,
}

/// The keys of everybody in a call.
pub struct Receiver {
    suite: Suite,
    /// The newest last.
    epochs: VecDeque<Epoch>,
}

struct Epoch {
    number: u64,
    /// When the keys are erased; `None` for the current epoch.
    ends_ms: Option<u64>,
    secret: Secret,
    streams: BTreeMap<StreamId, Stream>,
    /// Leaves that are not in a later epoch.
    gone: BTreeSet<u32>,
}

struct Stream {
    key: StreamKey,
    window: Window,
}

impl Receiver {
    /// A receiver without a key.
    pub fn new(suite: Suite) -> Self {
        Self { suite, epochs: VecDeque::new() }
    }

    /// Takes an epoch's key. Those before open frames for [`OLD_EPOCH_MS`] more, except frames of the leaves that
    /// are `gone`: they were removed or left with this epoch.
    ///
    /// # Errors
    /// `Epoch` unless it is later than the one before; `Suite`.
    pub fn enter(&mut self, now_ms: u64, epoch: u64, base_key: &BaseKey, gone: &[u32]) -> Result<(), Misuse> {
        if let Some(current) = self.epochs.back().map(|current| current.number).filter(|current| epoch <= *current) {
            return Err(Misuse::Epoch { current, found: epoch });
        }
        if base_key.suite() != self.suite {
            return Err(Misuse::Suite);
        }
        if let Some(left) = self.epochs.back_mut() {
            left.ends_ms = Some(now_ms.saturating_add(OLD_EPOCH_MS));
        }
        self.expire(now_ms);
        // RFC 9605 s.5.2: an epoch with the same low bits must go.
        self.epochs.retain(|held| epoch_low(held.number) != epoch_low(epoch));
        if self.epochs.len() == EPOCHS_MAX {
            self.epochs.pop_front();
        }
        for held in &mut self.epochs {
            held.gone.extend(gone);
        }
        self.epochs.push_back(Epoch {
            number: epoch,
            ends_ms: None,
            secret: base_key.secret(),
            streams: BTreeMap::new(),
            gone: BTreeSet::new(),
        });
        Ok(())
    }

    /// Erases the keys of epochs whose time is over. Call it at [`Self::wake_ms`].
    pub fn expire(&mut self, now_ms: u64) {
        self.epochs.retain(|epoch| epoch.ends_ms.is_none_or(|ends_ms| now_ms < ends_ms));
    }

    /// When the next keys are to be erased.
    pub fn wake_ms(&self) -> Option<u64> {
        self.epochs.iter().filter_map(|epoch| epoch.ends_ms).min()
    }

    /// The epoch whose key is the current one.
    pub fn epoch(&self) -> Option<u64> {
        self.epochs.back().map(|epoch| epoch.number)
    }

    /// Opens a frame (header ‖ ciphertext ‖ tag) in place, and tells where in it the plaintext is. `stream` is whose
    /// it must be: what the track that it came on was announced as.
    ///
    /// # Errors
    /// See [`OpenError`]; the frame is to be dropped.
    pub fn open(
        &mut self,
        now_ms: u64,
        stream: StreamId,
        metadata: &[u8],
        frame: &mut [u8],
    ) -> Result<Range<usize>, OpenError> {
        let (header, _) = Header::parse(frame)?;
        if KeyId::parse(header.key_id).is_none_or(|key_id| key_id.stream != stream) {
            // What is too short or too long is that first.
            self.check_length(frame)?;
            return Err(OpenError::WrongStream);
        }
        self.open_any(now_ms, metadata, frame).map(|(_, body)| body)
    }

    fn check_length(&self, frame: &[u8]) -> Result<usize, OpenError> {
        let (_, header_bytes) = Header::parse(frame)?;
        let bytes = frame.len();
        if bytes < header_bytes + self.suite.tag_bytes() || bytes > FRAME_BYTES_MAX + header_bytes + 16 {
            return Err(OpenError::Length { bytes });
        }
        Ok(header_bytes)
    }

    /// Opens a frame of whichever stream its KID names (CALLS.md G7): whose it is, is known by that alone.
    ///
    /// # Errors
    /// See [`OpenError`]; the frame is to be dropped.
    pub fn open_any(
        &mut self,
        now_ms: u64,
        metadata: &[u8],
        frame: &mut [u8],
    ) -> Result<(StreamId, Range<usize>), OpenError> {
        self.expire(now_ms);
        let header_bytes = self.check_length(frame)?;
        let (header, _) = Header::parse(frame)?;
        let bytes = frame.len();
        let key_id = KeyId::parse(header.key_id).ok_or(OpenError::WrongStream)?;
        let stream = key_id.stream;
        let epoch = self.epochs.iter_mut().find(|epoch| epoch_low(epoch.number) == key_id.epoch_low);
        let epoch = epoch.ok_or(OpenError::UnknownEpoch)?;
        if epoch.gone.contains(&stream.leaf()) {
            return Err(OpenError::Gone);
        }
        let aad = Aad::new(&frame[..header_bytes], metadata).ok_or(OpenError::Metadata { bytes: metadata.len() })?;
        let body = header_bytes..bytes - self.suite.tag_bytes();
        let (sealed, tag) = frame[header_bytes..].split_at_mut(body.len());
        let Some(known) = epoch.streams.get_mut(&stream) else {
            if epoch.streams.len() == STREAMS_MAX {
                return Err(OpenError::TooManyStreams);
            }
            // Held only once a frame is authentic: nobody outside the call can fill the table.
            let key = epoch.secret.derive_stream_key(header.key_id);
            key.open(header.counter, &aad, sealed, tag).map_err(|_| OpenError::Rejected)?;
            let mut window = Window::default();
            window.note(header.counter);
            epoch.streams.insert(stream, Stream { key, window });
            return Ok((stream, body));
        };
        if !known.window.is_new(header.counter) {
            return Err(OpenError::Replayed);
        }
        known.key.open(header.counter, &aad, sealed, tag).map_err(|_| OpenError::Rejected)?;
        known.window.note(header.counter);
        Ok((stream, body))
    }
}
