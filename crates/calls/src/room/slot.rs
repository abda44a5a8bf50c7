//! Where somebody receives: one media of theirs, in which streams of others come in turn. To the receiver it is one
//! stream: numbers, times and pictures go on without a break, whoever is shown and in whichever layer.

use super::person::PersonId;
use std::time::Instant;
use str0m::format::Codec;
use str0m::media::{MediaKind, Mid, Pt};
use str0m::rtp::{RtpPacket, Vp8Descriptor, Vp8Patch};

/// A number that jumps further is another beginning: a receiver would not follow it.
const JUMP_MAX: u64 = 1_000;
/// The range of VP8's picture numbers (RFC 7741 s.4.2).
const PICTURES: u16 = 1 << 15;

/// What comes in a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Feed {
    /// Whose.
    pub(super) person: PersonId,
    /// The number by which others know them.
    pub(super) number: u32,
    /// Which of theirs, of those of its kind.
    pub(super) nth: u32,
    /// Which of all of theirs.
    pub(super) source: usize,
    /// The layer that is sent; none before its first key frame.
    pub(super) layer: Option<usize>,
    /// The layer that is to be sent; none: paused.
    pub(super) target: Option<usize>,
    /// The largest that is wanted.
    pub(super) layer_max: usize,
}

/// One media of a receiver.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) mid: Mid,
    pub(super) kind: MediaKind,
    pub(super) feed: Option<Feed>,
    /// When the layer was last raised.
    pub(super) raised_at: Option<Instant>,
    /// Since when the connection is too narrow for its smallest layer.
    pub(super) short_since: Option<Instant>,
    /// When what comes in it changed.
    pub(super) since: Option<Instant>,
    /// The sender's payload type, and the receiver's for the same codec.
    pub(super) pts: Option<(Pt, Pt)>,
    renumber: Renumber,
}

/// What becomes of a packet.
pub(super) struct Outgoing {
    pub(super) seq: u64,
    pub(super) time: u32,
    pub(super) patch: Option<Vp8Patch>,
}

impl Slot {
    pub(super) fn new(mid: Mid, kind: MediaKind) -> Self {
        let renumber = Renumber::default();
        Self { mid, kind, feed: None, raised_at: None, short_since: None, since: None, pts: None, renumber }
    }

    /// Takes another feed, or none.
    pub(super) fn set_feed(&mut self, now: Instant, feed: Option<Feed>) {
        self.feed = feed;
        self.pts = None;
        self.raised_at = None;
        self.short_since = None;
        self.since = Some(now);
    }

    /// What of its source's packet goes out; none: it stays here.
    pub(super) fn pass(
        &mut self,
        now: Instant,
        layer: usize,
        codec: Codec,
        packet: &RtpPacket,
        clock_hz: u32,
    ) -> Option<Outgoing> {
        let feed = self.feed.as_mut()?;
        let target = feed.target?;
        let pictures = (codec == Codec::Vp8).then(|| Vp8Descriptor::parse(&packet.payload).ok()).flatten();
        let mut is_begin = false;
        if feed.layer != Some(layer) {
            if target != layer || !may_begin(codec, pictures.as_ref(), &packet.payload) {
                return None;
            }
            feed.layer = Some(layer);
            is_begin = true;
        }
        let (seq_in, time_in) = (*packet.seq_no, packet.header.timestamp);
        if is_begin || self.renumber.is_far(seq_in) {
            self.renumber.begin(now, seq_in, time_in, clock_hz, pictures.as_ref());
        }
        let (seq, time) = self.renumber.number(now, seq_in, time_in)?;
        let patch = pictures.and_then(|pictures| self.renumber.pictures(&pictures));
        Some(Outgoing { seq, time, patch })
    }
}

/// Whether a receiver can begin with this packet. What is not VP8 or VP9 cannot be told from a key frame: it begins at
/// once, and the receiver waits.
fn may_begin(codec: Codec, pictures: Option<&Vp8Descriptor>, payload: &[u8]) -> bool {
    match codec {
        Codec::Vp8 => pictures.is_some_and(|pictures| pictures.starts_keyframe(payload)),
        // RFC 9628 s.4.2: not predicted, begins a frame.
        Codec::Vp9 => payload.first().is_some_and(|first| first & 0x40 == 0 && first & 0x08 != 0),
        _ => true,
    }
}

/// From a sender's numbers to a receiver's.
#[derive(Debug, Default)]
struct Renumber {
    /// The first of the feed's numbers.
    first_in: u64,
    highest_in: u64,
    /// What the first became.
    first_out: u64,
    highest_out: u64,
    time_offset: u32,
    time_out: u32,
    sent_at: Option<Instant>,
    picture_offset: u16,
    picture_out: u16,
    tl0_offset: u8,
    tl0_out: u8,
    key_offset: u8,
    key_out: u8,
}

impl Renumber {
    fn is_far(&self, seq_in: u64) -> bool {
        seq_in > self.highest_in.saturating_add(JUMP_MAX)
    }

    fn begin(&mut self, now: Instant, seq_in: u64, time_in: u32, clock_hz: u32, pictures: Option<&Vp8Descriptor>) {
        (self.first_in, self.highest_in) = (seq_in, seq_in);
        self.first_out = self.highest_out.saturating_add(1);
        self.highest_out = self.first_out;
        let time_out = match self.sent_at {
            None => time_in,
            Some(at) => {
                let passed = now.saturating_duration_since(at).as_micros() * u128::from(clock_hz) / 1_000_000;
                self.time_out.wrapping_add((passed as u32).max(1))
            }
        };
        self.time_offset = time_out.wrapping_sub(time_in);
        self.time_out = time_out;
        let Some(pictures) = pictures else { return };
        if let Some(picture) = pictures.picture_id() {
            self.picture_offset = self.picture_out.wrapping_add(1).wrapping_sub(picture) % PICTURES;
        }
        if let Some(tl0) = pictures.tl0_pic_idx() {
            self.tl0_offset = self.tl0_out.wrapping_add(1).wrapping_sub(tl0);
        }
        if let Some(key) = pictures.key_idx() {
            self.key_offset = self.key_out.wrapping_add(1).wrapping_sub(key);
        }
    }

    fn number(&mut self, now: Instant, seq_in: u64, time_in: u32) -> Option<(u64, u32)> {
        // What came before the beginning belongs to what was left.
        let seq = self.first_out.checked_add(seq_in.checked_sub(self.first_in)?)?;
        let time = time_in.wrapping_add(self.time_offset);
        if seq_in >= self.highest_in {
            (self.highest_in, self.highest_out) = (seq_in, seq);
            (self.time_out, self.sent_at) = (time, Some(now));
        }
        Some((seq, time))
    }

    fn pictures(&mut self, pictures: &Vp8Descriptor) -> Option<Vp8Patch> {
        let mut patch = pictures.patch();
        if let Some(picture) = pictures.picture_id() {
            let out = picture.wrapping_add(self.picture_offset) % PICTURES;
            if out.wrapping_sub(self.picture_out) % PICTURES < PICTURES / 2 {
                self.picture_out = out;
            }
            patch = patch.picture_id(out);
        }
        if let Some(tl0) = pictures.tl0_pic_idx() {
            self.tl0_out = tl0.wrapping_add(self.tl0_offset);
            patch = patch.tl0_pic_idx(self.tl0_out);
        }
        if let Some(key) = pictures.key_idx() {
            self.key_out = key.wrapping_add(self.key_offset) & 0x1F;
            patch = patch.key_idx(self.key_out);
        }
        // A sender with seven bits for pictures is followed as it is.
        patch.build().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn numbers_and_times_go_on_from_feed_to_feed() {
        let start = Instant::now();
        let mut renumber = Renumber::default();
        renumber.begin(start, 40_000, 900, 90_000, None);
        assert_eq!(renumber.number(start, 40_000, 900), Some((1, 900)));
        assert_eq!(renumber.number(start, 40_002, 1_000), Some((3, 1_000)), "a gap stays one: it may be filled");
        assert_eq!(renumber.number(start, 40_001, 950), Some((2, 950)));
        let later = start + Duration::from_millis(100);
        renumber.begin(later, 7, 5, 90_000, None);
        assert_eq!(renumber.number(later, 7, 5), Some((4, 10_000)));
        assert_eq!(renumber.number(later, 6, 4), None, "from before the beginning");
        assert!(!renumber.is_far(7 + JUMP_MAX) && renumber.is_far(8 + JUMP_MAX));
    }

    #[test]
    fn pictures_go_on_from_feed_to_feed() {
        // X, I L T K; a picture number of 15 bits, TL0PICIDX, TID and KEYIDX; a key frame.
        let payload = |picture: u16, tl0: u8, key: u8| {
            [0x90, 0xF0, 0x80 | (picture >> 8) as u8, picture as u8, tl0, 0x20 | key, 0x10, 0]
        };
        let start = Instant::now();
        let mut renumber = Renumber { picture_out: PICTURES - 1, tl0_out: 255, key_out: 31, ..Renumber::default() };
        let first = Vp8Descriptor::parse(&payload(500, 9, 3)).expect("a descriptor");
        renumber.begin(start, 1, 1, 90_000, Some(&first));
        renumber.pictures(&first).expect("a patch");
        assert_eq!((renumber.picture_out, renumber.tl0_out, renumber.key_out), (0, 0, 0), "they wrap");
        let next = Vp8Descriptor::parse(&payload(501, 10, 4)).expect("a descriptor");
        renumber.pictures(&next).expect("a patch");
        assert_eq!((renumber.picture_out, renumber.tl0_out, renumber.key_out), (1, 1, 1));
    }

    #[test]
    fn vp8_begins_at_key_frames_alone() {
        let begins = |payload: &[u8]| {
            let pictures = Vp8Descriptor::parse(payload).ok();
            may_begin(Codec::Vp8, pictures.as_ref(), payload)
        };
        assert!(begins(&[0x10, 0x00, 1, 2]));
        assert!(!begins(&[0x10, 0x01, 1, 2]), "a frame that needs others");
        assert!(!begins(&[0x00, 0x00, 1, 2]), "not the beginning of a frame");
        assert!(!begins(&[]));
    }
}
