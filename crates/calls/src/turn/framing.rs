//! Messages on a byte stream (RFC 8656 s.12.5, RFC 8489 s.6.2.2): over TCP and TLS.

use crate::stun::HEADER_BYTES;
use crate::stun::message::is_stun;

/// Bytes of a message at most: a header and 64 KiB.
pub const FRAME_BYTES_MAX: usize = HEADER_BYTES + 65_535;

/// The stream carries neither STUN nor ChannelData; there is no finding back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither STUN nor ChannelData")]
pub struct NotFramed;

/// How many bytes the first message has, padding included; `None` while too little came to tell.
///
/// # Errors
/// [`NotFramed`].
pub fn frame_bytes(bytes: &[u8]) -> Result<Option<usize>, NotFramed> {
    let [first, _, length @ ..] = bytes else { return Ok(None) };
    if !is_stun(*first) && !matches!(first, 0x40..=0x7F) {
        return Err(NotFramed);
    }
    let Some([high, low]) = length.first_chunk::<2>() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if !is_stun(*first) {
        return Ok(Some(4 + length.next_multiple_of(4)));
    }
    if length % 4 != 0 { Err(NotFramed) } else { Ok(Some(HEADER_BYTES + length)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_and_channel_data_are_as_long_as_they_say() {
        assert_eq!(frame_bytes(&[]), Ok(None));
        assert_eq!(frame_bytes(&[0, 1, 0]), Ok(None));
        assert_eq!(frame_bytes(&[0, 1, 0, 8]), Ok(Some(28)));
        assert_eq!(frame_bytes(&[0x40, 1, 0, 5]), Ok(Some(12)));
        let longest = frame_bytes(&[0x7F, 1, 0xFF, 0xFF]);
        assert!(matches!(longest, Ok(Some(65_540..=FRAME_BYTES_MAX))));
        assert_eq!(frame_bytes(&[0, 1, 0, 7]), Err(NotFramed));
        assert_eq!(frame_bytes(&[0x80, 0, 0, 0]), Err(NotFramed));
    }
}
