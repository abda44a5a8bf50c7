//! WebSocket framing for the server's side of binary messages (RFC 6455 s.5), over buffers that others own: an idle
//! connection holds none.

use bytes::Bytes;
use wire::limit::FRAME_BYTES_MAX;

/// Bytes of the longest header that a server writes.
pub const HEADER_BYTES_MAX: usize = 10;
/// Frames that one message may be cut into.
const FRAGMENTS_MAX: usize = 1_024;

/// Why a connection is closed (RFC 6455 s.7.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum CloseCode {
    /// Nothing more to say.
    Normal = 1_000,
    /// The node stops.
    Away = 1_001,
    /// The framing is broken.
    Protocol = 1_002,
    /// Text, where only binary messages are spoken.
    Unsupported = 1_003,
    /// A message that is no frame of requests.
    Malformed = 1_007,
    /// A message over the limit.
    TooLong = 1_009,
    /// No room now.
    TryLater = 1_013,
}

/// What a client sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Message {
    /// A whole binary message.
    Binary(Bytes),
    /// To be answered with the same bytes.
    Ping(Vec<u8>),
    /// A sign of life.
    Pong,
    /// The client closes.
    Close,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opcode {
    Continuation,
    Binary,
    Close,
    Ping,
    Pong,
}

struct Header {
    is_final: bool,
    opcode: Opcode,
    mask: [u8; 4],
    bytes: usize,
    payload_bytes: usize,
}

/// The parts of a message that have come so far.
#[derive(Debug, Default)]
pub struct Fragments {
    payload: Option<(Vec<u8>, usize)>,
}

/// Parses the header at the start of `bytes`; `None` while it is not whole.
fn parse_header(bytes: &[u8]) -> Result<Option<Header>, CloseCode> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    if first & 0x70 != 0 || second & 0x80 == 0 {
        return Err(CloseCode::Protocol);
    }
    let is_final = first & 0x80 != 0;
    let opcode = match first & 0x0f {
        0 => Opcode::Continuation,
        1 => return Err(CloseCode::Unsupported),
        2 => Opcode::Binary,
        8 => Opcode::Close,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        _ => return Err(CloseCode::Protocol),
    };
    let (length, rest, length_bytes) = match second & 0x7f {
        126 => {
            let Some((length, rest)) = rest.split_first_chunk::<2>() else { return Ok(None) };
            (u64::from(u16::from_be_bytes(*length)), rest, 2)
        }
        127 => {
            let Some((length, rest)) = rest.split_first_chunk::<8>() else { return Ok(None) };
            (u64::from_be_bytes(*length), rest, 8)
        }
        short => (u64::from(short), rest, 0),
    };
    let is_control = matches!(opcode, Opcode::Close | Opcode::Ping | Opcode::Pong);
    if is_control && (!is_final || length > 125) {
        return Err(CloseCode::Protocol);
    }
    let payload_bytes = usize::try_from(length).map_err(|_| CloseCode::TooLong)?;
    if payload_bytes > FRAME_BYTES_MAX {
        return Err(CloseCode::TooLong);
    }
    let Some(mask) = rest.first_chunk::<4>() else { return Ok(None) };
    Ok(Some(Header { is_final, opcode, mask: *mask, bytes: 6 + length_bytes, payload_bytes }))
}

/// Bytes of the frame at the start of `bytes`, as far as its header tells.
pub fn frame_bytes(bytes: &[u8]) -> Option<usize> {
    let header = parse_header(bytes).ok()??;
    Some(header.bytes + header.payload_bytes)
}

/// Takes one frame from the start of `bytes`; `Ok(None)` while it is not whole. Returns how many bytes it took, and
/// the message that it completed, if it did.
///
/// # Errors
/// How the connection must be closed.
pub fn parse_frame(bytes: &[u8], fragments: &mut Fragments) -> Result<Option<(usize, Option<Message>)>, CloseCode> {
    let Some(header) = parse_header(bytes)? else { return Ok(None) };
    let taken = header.bytes + header.payload_bytes;
    let Some(masked) = bytes.get(header.bytes..taken) else { return Ok(None) };
    let message = match header.opcode {
        Opcode::Binary if fragments.payload.is_some() => return Err(CloseCode::Protocol),
        Opcode::Binary if header.is_final => {
            let mut payload = Vec::with_capacity(masked.len());
            unmask_into(masked, header.mask, &mut payload);
            Some(Message::Binary(payload.into()))
        }
        Opcode::Binary => {
            let mut payload = Vec::with_capacity(masked.len());
            unmask_into(masked, header.mask, &mut payload);
            fragments.payload = Some((payload, 1));
            None
        }
        Opcode::Continuation => {
            let (payload, count) = fragments.payload.as_mut().ok_or(CloseCode::Protocol)?;
            *count += 1;
            if payload.len() + masked.len() > FRAME_BYTES_MAX || *count > FRAGMENTS_MAX {
                return Err(CloseCode::TooLong);
            }
            unmask_into(masked, header.mask, payload);
            if header.is_final {
                fragments.payload.take().map(|(payload, _)| Message::Binary(payload.into()))
            } else {
                None
            }
        }
        Opcode::Ping => {
            let mut payload = Vec::with_capacity(masked.len());
            unmask_into(masked, header.mask, &mut payload);
            Some(Message::Ping(payload))
        }
        Opcode::Pong => Some(Message::Pong),
        Opcode::Close => Some(Message::Close),
    };
    Ok(Some((taken, message)))
}

impl Fragments {
    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.payload.as_ref().map_or(0, |(payload, _)| payload.capacity())
    }
}

/// Appends `masked` to `payload`, unmasked, eight bytes at a time.
fn unmask_into(masked: &[u8], mask: [u8; 4], payload: &mut Vec<u8>) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (chunks, rest) = masked.as_chunks::<8>();
    payload.reserve(masked.len());
    payload.extend(chunks.iter().flat_map(|chunk| (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes()));
    payload.extend(rest.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

/// Writes the header of a final frame right before its payload: `gap` ends where the payload begins. Returns the
/// bytes that it took.
fn write_header(first: u8, payload_bytes: usize, gap: &mut [u8]) -> usize {
    let mut header = [0; HEADER_BYTES_MAX];
    header[0] = first;
    let header = match payload_bytes {
        0..=125 => {
            header[1] = payload_bytes as u8;
            &header[..2]
        }
        126..=0xffff => {
            header[1] = 126;
            header[2..4].copy_from_slice(&(payload_bytes as u16).to_be_bytes());
            &header[..4]
        }
        _ => {
            header[1] = 127;
            header[2..10].copy_from_slice(&(payload_bytes as u64).to_be_bytes());
            &header[..10]
        }
    };
    let start = gap.len() - header.len();
    gap[start..].copy_from_slice(header);
    header.len()
}

/// Writes a binary message's header into the end of `gap`, which has [`HEADER_BYTES_MAX`] bytes.
pub fn write_binary_header(payload_bytes: usize, gap: &mut [u8]) -> usize {
    write_header(0x82, payload_bytes, gap)
}

fn push_control(first: u8, payload: &[u8], out: &mut Vec<u8>) {
    debug_assert!(payload.len() <= 125, "a control frame is short");
    out.push(first);
    out.push(payload.len() as u8);
    out.extend_from_slice(payload);
}

/// Appends a ping.
pub fn push_ping(out: &mut Vec<u8>) {
    push_control(0x89, &[], out);
}

/// Appends the pong for a ping.
pub fn push_pong(payload: &[u8], out: &mut Vec<u8>) {
    push_control(0x8a, payload, out);
}

/// Appends a close.
pub fn push_close(code: CloseCode, out: &mut Vec<u8>) {
    push_control(0x88, &(code as u16).to_be_bytes(), out);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; 4] = [1, 2, 3, 4];

    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut gap = [0; HEADER_BYTES_MAX];
        let bytes = write_header(first, payload.len(), &mut gap);
        let mut out = gap[HEADER_BYTES_MAX - bytes..].to_vec();
        out[1] |= 0x80;
        out.extend_from_slice(&MASK);
        out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        out
    }

    fn parse(bytes: &[u8]) -> Result<Option<(usize, Option<Message>)>, CloseCode> {
        parse_frame(bytes, &mut Fragments::default())
    }

    #[test]
    fn message_of_every_length_class_is_unmasked_and_every_cut_waits_for_more() {
        for length in [0, 1, 7, 8, 9, 125, 126, 65_535, 65_536, FRAME_BYTES_MAX] {
            let payload: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let frame = masked(0x82, &payload);
            let expected = Some((frame.len(), Some(Message::Binary(payload.into()))));
            assert_eq!(parse(&frame), Ok(expected));
            for cut in (0..frame.len().min(20)).chain([frame.len() - 1]) {
                assert_eq!(parse(&frame[..cut]), Ok(None));
            }
        }
    }

    #[test]
    fn message_one_byte_over_the_limit_is_too_long_before_it_is_read() {
        let frame = masked(0x82, &vec![0; FRAME_BYTES_MAX + 1]);
        assert_eq!(parse(&frame[..14]), Err(CloseCode::TooLong));
        assert_eq!(parse(&[0x82, 0xff, 255, 255, 255, 255, 255, 255, 255, 255]), Err(CloseCode::TooLong));
    }

    #[test]
    fn fragments_join_around_a_ping_and_stay_within_the_limit() {
        let mut fragments = Fragments::default();
        assert_eq!(parse_frame(&masked(0x02, b"ab"), &mut fragments), Ok(Some((8, None))));
        let ping = parse_frame(&masked(0x89, b"p"), &mut fragments);
        assert_eq!(ping, Ok(Some((7, Some(Message::Ping(b"p".to_vec()))))));
        let last = parse_frame(&masked(0x80, b"c"), &mut fragments);
        assert_eq!(last, Ok(Some((7, Some(Message::Binary(Bytes::from_static(b"abc")))))));
        let half = vec![0; FRAME_BYTES_MAX / 2 + 1];
        assert!(parse_frame(&masked(0x02, &half), &mut fragments).is_ok());
        assert_eq!(parse_frame(&masked(0x80, &half), &mut fragments), Err(CloseCode::TooLong));
    }

    #[test]
    fn broken_framing_is_told_apart() {
        assert_eq!(parse(&[0x82, 0x01, 0]), Err(CloseCode::Protocol), "not masked");
        assert_eq!(parse(&masked(0xc2, b"")), Err(CloseCode::Protocol), "a reserved bit");
        assert_eq!(parse(&masked(0x83, b"")), Err(CloseCode::Protocol), "a reserved opcode");
        assert_eq!(parse(&masked(0x80, b"")), Err(CloseCode::Protocol), "nothing to continue");
        assert_eq!(parse(&masked(0x09, b"")), Err(CloseCode::Protocol), "a cut control frame");
        assert_eq!(parse(&masked(0x89, &[0; 126])), Err(CloseCode::Protocol), "a long control frame");
        assert_eq!(parse(&masked(0x81, b"text")), Err(CloseCode::Unsupported));
        let mut fragments = Fragments::default();
        parse_frame(&masked(0x02, b"a"), &mut fragments).expect("a first part");
        assert_eq!(parse_frame(&masked(0x82, b"b"), &mut fragments), Err(CloseCode::Protocol), "two at once");
    }

    /// All messages of a stream that comes in pieces, or how it ends.
    fn messages(stream: &[u8], cuts: &[usize]) -> (Vec<Message>, Option<CloseCode>) {
        let (mut fragments, mut messages, mut held) = (Fragments::default(), Vec::new(), Vec::new());
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).chain([stream.len()]).collect();
        ends.sort_unstable();
        let mut start = 0;
        for end in ends {
            held.extend_from_slice(&stream[start..end]);
            start = end;
            loop {
                match parse_frame(&held, &mut fragments) {
                    Ok(None) => break,
                    Ok(Some((taken, message))) => {
                        held.drain(..taken);
                        messages.extend(message);
                    }
                    Err(code) => return (messages, Some(code)),
                }
            }
        }
        (messages, None)
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_mean_the_same_in_one_piece_and_in_many(
            frames in proptest::collection::vec(
                (proptest::prelude::any::<u8>(), proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)),
                0..8,
            ),
            noise in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40),
            cuts in proptest::collection::vec(proptest::prelude::any::<usize>(), 0..12),
        ) {
            // Mostly frames that parse, then whatever comes.
            let known = [0x82, 0x02, 0x00, 0x80, 0x89, 0x8a, 0x88];
            let first = |byte: u8| if byte < 250 { known[byte as usize % known.len()] } else { byte };
            let mut stream: Vec<u8> = frames.iter().flat_map(|(byte, payload)| masked(first(*byte), payload)).collect();
            stream.extend(noise);
            proptest::prop_assert_eq!(messages(&stream, &[]), messages(&stream, &cuts));
        }
    }
}
