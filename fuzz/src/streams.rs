//! What a client's connection carries before it is a frame of requests: WebSocket framing.

use crate::Seed;
use node::websocket::{Fragments, Message, frame_bytes, parse_frame};
use wire::limit::FRAME_BYTES_MAX;

/// A byte stream reads the same in one piece as byte by byte, up to the same end.
pub fn websocket(bytes: &[u8]) -> bool {
    let whole = read(bytes, bytes.len().max(1));
    assert!(whole == read(bytes, 1), "the cut of the stream changed its meaning");
    let (messages, is_broken) = whole;
    for message in &messages {
        match message {
            Message::Binary(payload) => assert!(payload.len() <= FRAME_BYTES_MAX),
            Message::Ping(payload) => assert!(payload.len() <= 125),
            Message::Pong | Message::Close => {}
        }
    }
    !is_broken && !messages.is_empty()
}

/// All messages of a stream that arrives in pieces of `step` bytes, and whether it is broken after them.
fn read(bytes: &[u8], step: usize) -> (Vec<Message>, bool) {
    let (mut fragments, mut messages) = (Fragments::default(), Vec::new());
    let (mut from, mut to) = (0, 0);
    loop {
        match parse_frame(&bytes[from..to], &mut fragments) {
            Ok(Some((taken, message))) => {
                assert!(taken >= 6 && Some(taken) == frame_bytes(&bytes[from..to]), "a frame takes what it says");
                from += taken;
                messages.extend(message);
            }
            Ok(None) if to == bytes.len() => return (messages, false),
            Ok(None) => to = bytes.len().min(to + step),
            Err(_) => return (messages, true),
        }
    }
}

/// A masked frame as a client sends it.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..126 => bytes.push(0x80 | length as u8),
        length @ 126..65_536 => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// Messages of each length coding, in fragments with a ping between, and a close.
pub fn websocket_seeds() -> Vec<Seed> {
    let fragments = [frame(0x02, b"one "), frame(0x89, b"ping"), frame(0x00, b"two "), frame(0x80, b"three")].concat();
    vec![
        Seed::new("short", frame(0x82, b"hello")),
        Seed::new("medium", frame(0x82, &[5; 300])),
        Seed::new("long", frame(0x82, &[6; 66_000])),
        Seed::new("fragments", fragments),
        Seed::new("pong_and_close", [frame(0x8A, b""), frame(0x88, &1_000u16.to_be_bytes())].concat()),
    ]
}
