//! Limits, and why somebody is refused.

use core::time::Duration;

/// Layers of one video.
pub const LAYERS: usize = 3;
/// Media of each kind that one person sends: camera and screen, microphone and what the screen sounds like.
pub const SOURCES_MAX: usize = 2;
/// Videos that one person receives at a time.
pub const VIDEOS_MAX: usize = 25;
/// Voices that one person receives at a time.
pub const VOICES_MAX: usize = 16;
/// Media of a session description at most.
pub const MEDIA_MAX: usize = 64;
/// Lines of a session description at most.
pub const SDP_LINES_MAX: usize = 8_192;
/// How often layers, voices and lists are looked after.
pub const TICK: Duration = Duration::from_millis(200);
/// A key frame of one layer is asked for this often at most, whoever needs it.
pub const KEY_FRAME_EVERY: Duration = Duration::from_millis(500);
/// Who has not connected by then is out.
pub const CONNECT_WITHIN: Duration = Duration::from_secs(20);
/// Who was not heard for so long gets nothing until heard again.
pub const PAUSE_AFTER: Duration = Duration::from_secs(4);
/// Who was not heard for so long is out.
pub const GONE_AFTER: Duration = Duration::from_secs(20);
/// Rooms that were ended and are remembered.
pub const ENDED_MAX: usize = 1_024;
/// Addresses of one person at most: it moves, or tries several.
pub const ADDRESSES_MAX: usize = 8;
/// Messages of one person on the data channel a second.
pub const SAYS_PER_S: u64 = 20;
/// Bytes that wait on a data channel before nothing more is put there.
pub const CHANNEL_BYTES_MAX: usize = 256 << 10;
/// Packets that are kept of one stream, so that they can be sent again.
pub const RESEND_PACKETS: usize = 256;
/// And for so long: whoever is further away than that sees a key frame sooner.
pub const RESEND_FOR: Duration = Duration::from_millis(750);
/// Of what is sent, this much at most may be what was sent before.
pub const RESEND_SHARE: f32 = 0.15;

/// What an operator may set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomPolicy {
    /// Whether there are rooms at all.
    pub is_on: bool,
    /// Rooms at once.
    pub rooms_max: usize,
    /// People of one room.
    pub people_max: usize,
    /// People of all rooms.
    pub people_total_max: usize,
    /// Joins a second, of all.
    pub joins_per_s: u64,
    /// Bytes a second that one person sends, all layers together.
    pub person_bytes_per_s: u64,
    /// Packets a second that one person sends.
    pub person_packets_per_s: u64,
    /// Bytes a second that all send.
    pub bytes_per_s: u64,
}

impl Default for RoomPolicy {
    fn default() -> Self {
        Self {
            is_on: true,
            rooms_max: 1_000,
            people_max: wire::room::ROOM_PEOPLE_MAX,
            people_total_max: 2_000,
            joins_per_s: 50,
            person_bytes_per_s: 2 << 20,
            person_packets_per_s: 4_000,
            bytes_per_s: 128 << 20,
        }
    }
}

/// Why somebody is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RoomRefusal {
    /// Not a host, or there are no rooms here.
    #[error("not allowed")]
    Denied,
    /// A host ended the room.
    #[error("the room was ended")]
    Ended,
    /// The room, or the node, is full.
    #[error("too many people")]
    Full,
    /// Too many join at once.
    #[error("busy")]
    Busy,
    /// The session description is none, or breaks a limit.
    #[error("the session description is not understood")]
    Malformed,
}
