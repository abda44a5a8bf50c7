//! What sender and receiver do to each other, and what a node between them can not do.

#![allow(clippy::unwrap_used, reason = "a test says with a panic what it found")]

use calls::sframe::receiver::{EPOCHS_MAX, STREAMS_MAX};
use calls::sframe::{
    BaseKey, Codec, Header, HeaderError, Misuse, OLD_EPOCH_MS, OpenError, Receiver, SealError, Sender, StreamId, Suite,
};
use proptest::prelude::*;

const SUITE: Suite = Suite::Aes256Gcm;

fn key(epoch: u64) -> BaseKey {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&epoch.to_be_bytes());
    BaseKey::new(SUITE, &bytes).unwrap()
}

fn stream(leaf: u32, context: u8) -> StreamId {
    StreamId::new(leaf, context).unwrap()
}

fn sender(epoch: u64, leaf: u32) -> Sender {
    let mut sender = Sender::new(SUITE);
    sender.enter(epoch, leaf, &key(epoch)).unwrap();
    sender
}

fn receiver(epoch: u64) -> Receiver {
    let mut receiver = Receiver::new(SUITE);
    receiver.enter(0, epoch, &key(epoch), &[]).unwrap();
    receiver
}

fn seal(sender: &mut Sender, context: u8, frame: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::new();
    sender.seal(context, b"meta", frame, &mut sealed).unwrap();
    sealed
}

fn open(receiver: &mut Receiver, now_ms: u64, stream: StreamId, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let mut sealed = sealed.to_vec();
    let body = receiver.open(now_ms, stream, b"meta", &mut sealed)?;
    Ok(sealed[body].to_vec())
}

#[test]
fn frames_open_in_any_order_and_each_of_them_once() {
    let (mut sender, mut receiver) = (sender(1, 3), receiver(1));
    let frames: Vec<Vec<u8>> = (0..50_u8).map(|at| seal(&mut sender, 0, &[at])).collect();
    for at in [0, 9, 5, 49, 1] {
        assert_eq!(open(&mut receiver, 0, stream(3, 0), &frames[at]), Ok(vec![at as u8]));
        assert_eq!(open(&mut receiver, 0, stream(3, 0), &frames[at]), Err(OpenError::Replayed));
    }
    assert_eq!(open(&mut receiver, 0, stream(3, 0), &seal(&mut sender, 0, b"")), Ok(Vec::new()));
}

#[test]
fn a_node_that_swaps_streams_or_senders_is_found_out() {
    let mut receiver = receiver(1);
    let (mut one, mut two) = (sender(1, 1), sender(1, 2));
    let microphone = seal(&mut one, 0, b"from one");
    assert_eq!(open(&mut receiver, 0, stream(1, 1), &microphone), Err(OpenError::WrongStream));
    assert_eq!(open(&mut receiver, 0, stream(2, 0), &microphone), Err(OpenError::WrongStream));
    // It writes the other's KID over it.
    let (header, header_bytes) = Header::parse(&microphone).unwrap();
    let other = Header::parse(&seal(&mut two, 0, b"")).unwrap().0;
    let forged = Header { key_id: other.key_id, ..header }.encode();
    let forged = [forged.as_bytes(), &microphone[header_bytes..]].concat();
    assert_eq!(open(&mut receiver, 0, stream(2, 0), &forged), Err(OpenError::Rejected));
    assert_eq!(open(&mut receiver, 0, stream(1, 0), &microphone), Ok(b"from one".to_vec()));
}

#[test]
fn plain_frames_short_frames_and_other_metadata_are_refused() {
    let mut receiver = receiver(1);
    let at = stream(0, 0);
    assert_eq!(open(&mut receiver, 0, at, &[]), Err(OpenError::Malformed(HeaderError::CutOff)));
    assert_eq!(open(&mut receiver, 0, at, &[1, 2, 3]), Err(OpenError::Length { bytes: 3 }));
    assert!(open(&mut receiver, 0, at, &[0x78; 400]).is_err(), "an Opus frame that nobody sealed");
    let mut sealed = seal(&mut sender(1, 0), 0, b"frame");
    assert_eq!(receiver.open(0, at, b"other", &mut sealed.clone()), Err(OpenError::Rejected));
    let long = vec![0; 65];
    assert_eq!(receiver.open(0, at, &long, &mut sealed), Err(OpenError::Metadata { bytes: 65 }));
}

#[test]
fn a_left_epoch_opens_frames_for_ten_seconds_and_not_a_moment_longer() {
    let (mut old, mut receiver) = (sender(1, 0), receiver(1));
    let frames: Vec<Vec<u8>> = (0..3).map(|_| seal(&mut old, 0, b"old")).collect();
    receiver.enter(5_000, 2, &key(2), &[]).unwrap();
    assert_eq!(receiver.wake_ms(), Some(5_000 + OLD_EPOCH_MS));
    assert!(open(&mut receiver, 5_000, stream(0, 0), &frames[0]).is_ok());
    assert!(open(&mut receiver, 4_999 + OLD_EPOCH_MS, stream(0, 0), &frames[1]).is_ok());
    assert_eq!(open(&mut receiver, 5_000 + OLD_EPOCH_MS, stream(0, 0), &frames[2]), Err(OpenError::UnknownEpoch));
    assert_eq!(receiver.wake_ms(), None);
    assert!(open(&mut receiver, 60_000, stream(0, 0), &seal(&mut sender(2, 0), 0, b"new")).is_ok());
}

#[test]
fn who_was_removed_is_not_heard_a_moment_longer() {
    let (mut removed, mut staying, mut receiver) = (sender(1, 4), sender(1, 5), receiver(1));
    let before = seal(&mut removed, 0, b"hi");
    assert!(open(&mut receiver, 0, stream(4, 0), &before).is_ok());
    receiver.enter(100, 2, &key(2), &[4]).unwrap();
    assert_eq!(open(&mut receiver, 100, stream(4, 0), &seal(&mut removed, 0, b"hi")), Err(OpenError::Gone));
    assert!(open(&mut receiver, 100, stream(5, 0), &seal(&mut staying, 0, b"hi")).is_ok());
    // Somebody else has the leaf now.
    assert!(open(&mut receiver, 100, stream(4, 0), &seal(&mut sender(2, 4), 0, b"hi")).is_ok());
}

#[test]
fn who_joins_later_opens_nothing_from_before() {
    let earlier = seal(&mut sender(1, 0), 0, b"before");
    assert_eq!(open(&mut receiver(2), 0, stream(0, 0), &earlier), Err(OpenError::UnknownEpoch));
    // Even where the low bits are the same.
    assert_eq!(open(&mut receiver(257), 0, stream(0, 0), &earlier), Err(OpenError::Rejected));
}

#[test]
fn epochs_only_go_up_and_few_are_held() {
    let mut receiver = receiver(1);
    assert_eq!(receiver.enter(0, 1, &key(1), &[]), Err(Misuse::Epoch { current: 1, found: 1 }));
    let first = seal(&mut sender(1, 0), 0, b"first");
    for epoch in 2..=EPOCHS_MAX as u64 {
        receiver.enter(0, epoch, &key(epoch), &[]).unwrap();
    }
    assert!(open(&mut receiver, 0, stream(0, 0), &first).is_ok(), "at the limit");
    let next = EPOCHS_MAX as u64 + 1;
    receiver.enter(0, next, &key(next), &[]).unwrap();
    assert_eq!(open(&mut receiver, 0, stream(0, 0), &first), Err(OpenError::UnknownEpoch), "one past it");
    assert_eq!(receiver.epoch(), Some(next));
}

#[test]
fn an_epoch_with_the_same_low_bits_takes_the_place_of_the_older() {
    let (mut old, mut receiver) = (sender(1, 0), receiver(1));
    receiver.enter(0, 257, &key(257), &[]).unwrap();
    assert_eq!(open(&mut receiver, 1, stream(0, 0), &seal(&mut old, 0, b"old")), Err(OpenError::Rejected));
    assert!(open(&mut receiver, 1, stream(0, 0), &seal(&mut sender(257, 0), 0, b"new")).is_ok());
}

#[test]
fn streams_are_bounded_and_forged_frames_take_no_room() {
    let mut receiver = receiver(1);
    for leaf in 0..1_024 {
        let mut forged = seal(&mut sender(1, leaf), 0, b"x");
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(open(&mut receiver, 0, stream(leaf, 0), &forged), Err(OpenError::Rejected));
    }
    let mut frame = |leaf: u32| open(&mut receiver, 0, stream(leaf, 0), &seal(&mut sender(1, leaf), 0, b"x"));
    for leaf in 0..STREAMS_MAX as u32 {
        assert!(frame(leaf).is_ok());
    }
    assert_eq!(frame(STREAMS_MAX as u32), Err(OpenError::TooManyStreams));
}

#[test]
fn a_vp8_frame_keeps_what_a_packetiser_reads_and_nothing_more() {
    let (mut sender, mut receiver) = (sender(1, 0), receiver(1));
    let key_frame: Vec<u8> = [&[0x10, 2, 3, 0x9D, 1, 0x2A, 0x80, 2, 0xE0, 1][..], &[0xAA; 90]].concat();
    let delta_frame: Vec<u8> = [&[0x11, 2, 3][..], &[0xBB; 97]].concat();
    for (frame, clear) in [(key_frame, 10), (delta_frame, 3), (vec![0x11, 1, 2], 3)] {
        let mut sealed = Vec::new();
        sender.seal_frame(Codec::Vp8, 1, &frame, &mut sealed).unwrap();
        assert_eq!(sealed[..clear], frame[..clear]);
        if frame.len() > clear {
            assert!(!sealed.windows(8).any(|eight| eight == &frame[frame.len() - 8..]));
        }
        let mut altered = sealed.clone();
        altered[1] ^= 1;
        assert!(receiver.open_frame(0, Codec::Vp8, stream(0, 1), &mut altered).is_err());
        receiver.open_frame(0, Codec::Vp8, stream(0, 1), &mut sealed).unwrap();
        assert_eq!(sealed, frame);
    }
    for cut_off in [&[0x10, 2, 3][..], &[0x11, 2], &[]] {
        let mut output = Vec::new();
        assert_eq!(sender.seal_frame(Codec::Vp8, 1, cut_off, &mut output), Err(SealError::CutOff));
        let opened = receiver.open_frame(0, Codec::Vp8, stream(0, 1), &mut cut_off.to_vec());
        assert_eq!(opened, Err(OpenError::Length { bytes: cut_off.len() }));
    }
    for codec in [Codec::Opus, Codec::Vp9] {
        assert_eq!(codec.clear_bytes(&[0x10; 20]), Some(0));
    }
}

proptest! {
    #[test]
    fn any_frame_of_any_suite_round_trips_and_no_altered_one_does(
        frame in proptest::collection::vec(any::<u8>(), 0..300),
        metadata in proptest::collection::vec(any::<u8>(), 0..64),
        number in 0_usize..5,
        at in any::<prop::sample::Index>(),
        bit in 0_u32..8,
    ) {
        let suite = [
            Suite::Aes128CtrTag80, Suite::Aes128CtrTag64, Suite::Aes128CtrTag32, Suite::Aes128Gcm, Suite::Aes256Gcm,
        ][number];
        let key = BaseKey::new(suite, &vec![3; suite.key_bytes()]).unwrap();
        let (mut sender, mut receiver) = (Sender::new(suite), Receiver::new(suite));
        sender.enter(9, 1, &key).unwrap();
        receiver.enter(0, 9, &key, &[]).unwrap();
        let mut sealed = Vec::new();
        sender.seal(2, &metadata, &frame, &mut sealed).unwrap();
        let mut altered = sealed.clone();
        altered[at.index(sealed.len())] ^= 1 << bit;
        prop_assert!(receiver.open(0, stream(1, 2), &metadata, &mut altered).is_err());
        let body = receiver.open(0, stream(1, 2), &metadata, &mut sealed).unwrap();
        prop_assert_eq!(&sealed[body], &frame[..]);
    }
}
