//! Which bytes of a codec's frame stay readable, so that packetisers find what they look for (CALLS.md s.4).
//!
//! They are authenticated as SFrame metadata. The receiver finds their number in those bytes themselves.

use super::{OpenError, Receiver, SealError, Sender, StreamId};

/// Bytes before the payload of a VP8 key frame (RFC 6386 s.9.1): frame tag, start code, dimensions.
const VP8_KEY_BYTES: usize = 10;
/// The frame tag of any other VP8 frame.
const VP8_DELTA_BYTES: usize = 3;
/// In the first byte of a VP8 frame: 0 for a key frame.
const VP8_IS_DELTA: u8 = 1;

/// A codec whose frames this project seals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Opus: nothing stays readable.
    Opus,
    /// VP8: the frame tag stays, and in key frames the start code and the dimensions.
    Vp8,
    /// VP9: nothing stays readable; the RTP descriptor tells what a packetiser needs.
    Vp9,
}

impl Codec {
    /// How many bytes at a frame's start stay readable, the same for a frame and for what it was sealed to; `None` for
    /// a frame that is cut off before their end.
    pub fn clear_bytes(self, frame: &[u8]) -> Option<usize> {
        let clear_bytes = match self {
            Self::Opus | Self::Vp9 => 0,
            Self::Vp8 => match frame.first() {
                Some(first) if first & VP8_IS_DELTA == 0 => VP8_KEY_BYTES,
                _ => VP8_DELTA_BYTES,
            },
        };
        (clear_bytes <= frame.len()).then_some(clear_bytes)
    }
}

impl Sender {
    /// Appends a sealed frame to `output`: readable bytes ‖ header ‖ ciphertext ‖ tag.
    ///
    /// # Errors
    /// See [`SealError`]; `output` is as it was.
    pub fn seal_frame(
        &mut self,
        codec: Codec,
        context: u8,
        frame: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        let (clear, secret) = frame.split_at(codec.clear_bytes(frame).ok_or(SealError::CutOff)?);
        let before = output.len();
        output.extend_from_slice(clear);
        let sealed = self.seal(context, clear, secret, output);
        if sealed.is_err() {
            output.truncate(before);
        }
        sealed
    }
}

impl Receiver {
    /// Opens a sealed frame in place and leaves the codec's frame in `frame`.
    ///
    /// # Errors
    /// See [`OpenError`]; `frame` is to be dropped.
    pub fn open_frame(
        &mut self,
        now_ms: u64,
        codec: Codec,
        stream: StreamId,
        frame: &mut Vec<u8>,
    ) -> Result<(), OpenError> {
        let clear_bytes = codec.clear_bytes(frame).ok_or(OpenError::Length { bytes: frame.len() })?;
        let (clear, sealed) = frame.split_at_mut(clear_bytes);
        let body = self.open(now_ms, stream, clear, sealed)?;
        strip(frame, clear_bytes, &body);
        Ok(())
    }

    /// Opens a sealed frame in place, of whichever stream it is, and tells which (CALLS.md G7).
    ///
    /// # Errors
    /// See [`OpenError`]; `frame` is to be dropped.
    pub fn open_any_frame(&mut self, now_ms: u64, codec: Codec, frame: &mut Vec<u8>) -> Result<StreamId, OpenError> {
        let clear_bytes = codec.clear_bytes(frame).ok_or(OpenError::Length { bytes: frame.len() })?;
        let (clear, sealed) = frame.split_at_mut(clear_bytes);
        let (stream, body) = self.open_any(now_ms, clear, sealed)?;
        strip(frame, clear_bytes, &body);
        Ok(stream)
    }
}

/// Leaves the readable bytes and the opened ones.
fn strip(frame: &mut Vec<u8>, clear_bytes: usize, body: &std::ops::Range<usize>) {
    frame.truncate(clear_bytes + body.end);
    frame.drain(clear_bytes..clear_bytes + body.start);
}
