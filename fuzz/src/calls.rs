//! Calls: sealed frames from whoever is on the way.

use crate::Seed;
use ::calls::sframe::{BaseKey, Codec, Header, Receiver, Sender, StreamId, Suite};

const FRAME: &[u8] = b"\x11\x02\x03 a frame of a camera";

fn key() -> BaseKey {
    BaseKey::new(Suite::Aes256Gcm, &[7; 32]).expect("32 bytes")
}

fn sealed() -> Vec<u8> {
    let mut sender = Sender::new(Suite::Aes256Gcm);
    sender.enter(300, 700, &key()).expect("the first epoch");
    let mut sealed = Vec::new();
    sender.seal_frame(Codec::Vp8, 1, FRAME, &mut sealed).expect("short");
    sealed
}

/// A header reads as what would be written, or not at all.
pub fn header(bytes: &[u8]) -> bool {
    let Ok((header, length)) = Header::parse(bytes) else { return false };
    assert!(header.encode().as_bytes() == &bytes[..length], "a header has one encoding");
    true
}

/// A frame opens only if it is the one that was sealed, and once.
pub fn frame(bytes: &[u8]) -> bool {
    let mut receiver = Receiver::new(Suite::Aes256Gcm);
    receiver.enter(0, 300, &key(), &[]).expect("the first epoch");
    let stream = StreamId::new(700, 1).expect("in range");
    let mut open = || {
        let mut frame = bytes.to_vec();
        receiver.open_frame(0, Codec::Vp8, stream, &mut frame).map(|()| frame)
    };
    let Ok(opened) = open() else { return false };
    assert!(bytes == sealed() && opened == FRAME, "a frame opens that was not sealed");
    assert!(open().is_err(), "a frame opens twice");
    true
}

/// Headers of each form.
pub fn header_seeds() -> Vec<Seed> {
    let of = |name, key_id, counter| Seed::new(name, Header { key_id, counter }.encode().as_bytes().to_vec());
    vec![of("inline", 7, 7), of("short", 8, 300), of("long", u64::MAX, u64::MAX), of("mixed", 3, 1 << 40)]
}

/// A frame.
pub fn frame_seeds() -> Vec<Seed> {
    vec![Seed::new("sealed", sealed())]
}
