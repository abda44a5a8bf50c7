//! Seals what one leaf sends, in all its streams: no counter is used twice under a key.

use super::cipher::{Aad, BaseKey, Secret, StreamKey, Suite};
use super::stream::{CONTEXTS_MAX, KeyId, StreamId};
use super::{FRAME_BYTES_MAX, Header, METADATA_BYTES_MAX, Misuse};
use std::collections::BTreeMap;

/// Frames under one key at most: AES-GCM keeps its margin, and no camera reaches it.
pub const FRAMES_MAX: u64 = 1 << 32;

/// Why a frame is not sealed. It must not leave the device in any other form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No epoch was entered.
    #[error("no key yet")]
    NoKey,
    /// The stream is none that a leaf can have.
    #[error("context {context} is out of range")]
    Context {
        /// What was asked for.
        context: u8,
    },
    /// [`FRAMES_MAX`] frames were sealed: the call needs another epoch.
    #[error("the key was used too often")]
    Exhausted,
    /// The frame ends before the bytes that its codec leaves readable.
    #[error("the frame is cut off")]
    CutOff,
    /// The frame or its metadata is too long.
    #[error("{bytes} bytes are too many")]
    TooLong {
        /// What was asked for.
        bytes: usize,
    },
}

/// The keys of one leaf. One object for as long as the leaf is in the call: it is what knows which counters are used.
pub struct Sender {
    suite: Suite,
    epoch: Option<Epoch>,
}

struct Epoch {
    number: u64,
    leaf: u32,
    secret: Secret,
    streams: BTreeMap<u8, Stream>,
}

struct Stream {
    key_id: u64,
    key: StreamKey,
    next_counter: u64,
}

impl Sender {
    /// A sender without a key.
    pub fn new(suite: Suite) -> Self {
        Self { suite, epoch: None }
    }

    /// Seals under an epoch's key from now on, as the leaf that is ours in it. The keys before are erased.
    ///
    /// # Errors
    /// `Epoch` unless it is later than the one before; `Suite`; `Stream` for a leaf out of range.
    pub fn enter(&mut self, epoch: u64, leaf: u32, base_key: &BaseKey) -> Result<(), Misuse> {
        if let Some(current) = self.epoch.as_ref().map(|current| current.number).filter(|current| epoch <= *current) {
            return Err(Misuse::Epoch { current, found: epoch });
        }
        if base_key.suite() != self.suite {
            return Err(Misuse::Suite);
        }
        StreamId::new(leaf, 0)?;
        self.epoch = Some(Epoch { number: epoch, leaf, secret: base_key.secret(), streams: BTreeMap::new() });
        Ok(())
    }

    /// The epoch whose key seals.
    pub fn epoch(&self) -> Option<u64> {
        self.epoch.as_ref().map(|epoch| epoch.number)
    }

    /// Appends header ‖ ciphertext ‖ tag to `output`. The metadata is authenticated, and not appended.
    ///
    /// # Errors
    /// See [`SealError`]; `output` is as it was.
    pub fn seal(
        &mut self,
        context: u8,
        metadata: &[u8],
        plaintext: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        let epoch = self.epoch.as_mut().ok_or(SealError::NoKey)?;
        if context >= CONTEXTS_MAX {
            return Err(SealError::Context { context });
        }
        if plaintext.len() > FRAME_BYTES_MAX {
            return Err(SealError::TooLong { bytes: plaintext.len() });
        }
        if metadata.len() > METADATA_BYTES_MAX {
            return Err(SealError::TooLong { bytes: metadata.len() });
        }
        let stream_id = StreamId::new(epoch.leaf, context).map_err(|_| SealError::Context { context })?;
        let stream = epoch.streams.entry(context).or_insert_with(|| {
            let key_id = KeyId::new(stream_id, epoch.number).to_u64();
            Stream { key_id, key: epoch.secret.derive_stream_key(key_id), next_counter: 0 }
        });
        if stream.next_counter >= FRAMES_MAX {
            return Err(SealError::Exhausted);
        }
        let counter = stream.next_counter;
        stream.next_counter += 1;
        let header = Header { key_id: stream.key_id, counter }.encode();
        let aad = Aad::new(header.as_bytes(), metadata).expect("its length was checked");
        output.reserve(header.as_bytes().len() + plaintext.len() + self.suite.tag_bytes());
        output.extend_from_slice(header.as_bytes());
        let at = output.len();
        output.extend_from_slice(plaintext);
        let (tag, tag_bytes) = stream.key.seal(counter, &aad, &mut output[at..]);
        output.extend_from_slice(&tag[..tag_bytes]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> BaseKey {
        BaseKey::new(Suite::Aes256Gcm, &[1; 32]).unwrap()
    }

    #[test]
    fn without_a_key_nothing_is_sealed() {
        let mut output = Vec::new();
        assert_eq!(Sender::new(Suite::Aes256Gcm).seal(0, &[], b"frame", &mut output), Err(SealError::NoKey));
        assert!(output.is_empty());
    }

    #[test]
    fn each_frame_has_the_next_counter_of_its_stream() {
        let mut sender = Sender::new(Suite::Aes256Gcm);
        sender.enter(300, 2, &key()).unwrap();
        let mut header = |context| {
            let mut output = Vec::new();
            sender.seal(context, &[], b"frame", &mut output).unwrap();
            Header::parse(&output).unwrap().0
        };
        assert_eq!(header(0), Header { key_id: 2 << 8 | 44, counter: 0 });
        assert_eq!(header(0), Header { key_id: 2 << 8 | 44, counter: 1 });
        assert_eq!(header(1), Header { key_id: 1 << 18 | 2 << 8 | 44, counter: 0 });
    }

    #[test]
    fn an_epoch_is_never_entered_twice() {
        let mut sender = Sender::new(Suite::Aes256Gcm);
        sender.enter(5, 0, &key()).unwrap();
        for epoch in [5, 4] {
            assert_eq!(sender.enter(epoch, 0, &key()), Err(Misuse::Epoch { current: 5, found: epoch }));
        }
        assert_eq!(sender.enter(6, 1_024, &key()), Err(Misuse::Stream { leaf: 1_024, context: 0 }));
        let other = BaseKey::new(Suite::Aes128Gcm, &[1; 16]).unwrap();
        assert_eq!(sender.enter(6, 0, &other), Err(Misuse::Suite));
        assert_eq!(sender.epoch(), Some(5));
    }

    #[test]
    fn a_key_ends_after_its_frames() {
        let mut sender = Sender::new(Suite::Aes256Gcm);
        sender.enter(1, 0, &key()).unwrap();
        sender.seal(0, &[], b"", &mut Vec::new()).unwrap();
        let stream = sender.epoch.as_mut().and_then(|epoch| epoch.streams.get_mut(&0)).unwrap();
        stream.next_counter = FRAMES_MAX - 1;
        assert_eq!(sender.seal(0, &[], b"", &mut Vec::new()), Ok(()));
        assert_eq!(sender.seal(0, &[], b"", &mut Vec::new()), Err(SealError::Exhausted));
        sender.enter(2, 0, &key()).unwrap();
        assert_eq!(sender.seal(0, &[], b"", &mut Vec::new()), Ok(()));
    }

    #[test]
    fn lengths_end_at_their_limits() {
        let mut sender = Sender::new(Suite::Aes256Gcm);
        sender.enter(1, 0, &key()).unwrap();
        let mut seal = |metadata: usize, plaintext: usize, context| {
            sender.seal(context, &vec![0; metadata], &vec![0; plaintext], &mut Vec::new())
        };
        assert_eq!(seal(METADATA_BYTES_MAX, FRAME_BYTES_MAX, 63), Ok(()));
        assert_eq!(seal(METADATA_BYTES_MAX + 1, 0, 0), Err(SealError::TooLong { bytes: METADATA_BYTES_MAX + 1 }));
        assert_eq!(seal(0, FRAME_BYTES_MAX + 1, 0), Err(SealError::TooLong { bytes: FRAME_BYTES_MAX + 1 }));
        assert_eq!(seal(0, 0, 64), Err(SealError::Context { context: 64 }));
    }
}
