//! Every named bound (LANE.md s.8). What an operator may change is a default here.

/// The protocol version that a node announces and a group's policy names.
pub const PROTOCOL_VERSION: u16 = 1;

/// The four sizes of a cell's body in bytes.
pub const CELL_SIZES: [usize; 4] = [1_024, 4_096, 16_384, 65_536];
/// Bytes of a whisper's body.
pub const WHISPER_BYTES: usize = 1_024;
/// Bytes of a pinned blob at most.
pub const BLOB_BYTES_MAX: usize = 16 << 20;
/// Bytes of a file's blob that a node takes by default: 16 GiB of file, padded, with its leaves.
pub const FILE_BYTES_MAX: u64 = 17 << 30;
/// Bytes of one durable part of a file's blob at a node.
pub const FILE_PART_BYTES: usize = 4 << 20;
/// Days that a file's blob is kept by default and at most.
pub const FILE_DAYS: u32 = 45;
/// Days after which an upload that was never finished is removed.
pub const FILE_UNFINISHED_DAYS: u32 = 7;
/// Leading zero bits of the work for a file of up to 16 MiB.
pub const FILE_WORK_BITS: u32 = 14;
/// Bytes of one WebSocket frame at most.
pub const FRAME_BYTES_MAX: usize = 2 << 20;
/// Requests in one frame at most.
pub const FRAME_REQUESTS_MAX: usize = 4_096;
/// Events and batches in one frame at most, together.
pub const FRAME_EVENTS_MAX: usize = 16_384;
/// Cells in a page at most.
pub const PAGE_CELLS_MAX: usize = 64;
/// Bytes of bodies in a page at most.
pub const PAGE_BYTES_MAX: usize = 1 << 20;
/// Leaves in a receipt batch at most.
pub const BATCH_LEAVES_MAX: usize = 65_536;
/// Hashes in an inclusion path at most.
pub const PATH_HASHES_MAX: usize = 16;
/// Links in an evidence at most.
pub const EVIDENCE_LINKS_MAX: usize = 4_096;
/// Bytes of a door's sealed record at most.
pub const DOOR_RECORD_BYTES_MAX: usize = 16 << 10;
/// Bytes of one sealed KeyPackage at a door at most.
pub const DOOR_KEY_PACKAGE_BYTES_MAX: usize = 4 << 10;
/// Single-use KeyPackages stored at a door at most.
pub const DOOR_KEY_PACKAGES_MAX: usize = 100;

/// Bytes of a push subscription's URL at most.
pub const BELL_ENDPOINT_BYTES_MAX: usize = 1_024;

/// Bytes of a text at most.
pub const TEXT_BYTES_MAX: usize = 60 << 10;
/// Files in one message at most.
pub const FILES_MAX: usize = 32;
/// Bytes of an encoded `Files` at most, its caption included: a cell holds it.
pub const FILES_BYTES_MAX: usize = 60 << 10;
/// Bytes of a file's name at most.
pub const FILE_NAME_BYTES_MAX: usize = 255;
/// Bytes of a media type at most.
pub const MEDIA_TYPE_BYTES_MAX: usize = 127;
/// Bytes of a thumbhash at most.
pub const THUMBHASH_BYTES_MAX: usize = 32;
/// Moments of a waveform at most, a byte each.
pub const WAVEFORM_BYTES_MAX: usize = 128;
/// Bytes of a call's description (SDP) at most.
pub const CALL_DESCRIPTION_BYTES_MAX: usize = 32 << 10;
/// ICE candidates in one signal at most.
pub const CALL_CANDIDATES_MAX: usize = 32;
/// Bytes of an ICE candidate at most.
pub const CALL_CANDIDATE_BYTES_MAX: usize = 512;
/// Bytes of a KeyPackage for a call's group at most.
pub const CALL_KEY_PACKAGE_BYTES_MAX: usize = 4 << 10;
/// Bytes of a Welcome, and of a tree, of a call's group at most.
pub const CALL_WELCOME_BYTES_MAX: usize = 16 << 10;
/// Devices in a call of many at most: as many as a room takes.
pub const CALL_PEOPLE_MAX: usize = crate::room::ROOM_PEOPLE_MAX;
/// Bytes of one part of a change of a call's group at most: a cell holds it.
pub const CALL_CHANGE_PART_BYTES_MAX: usize = 48 << 10;
/// Parts of such a change at most.
pub const CALL_CHANGE_PARTS_MAX: usize = 16;
/// Bytes of an ICE user name fragment or password at most (RFC 8839 s.5.4).
pub const ICE_WORD_BYTES_MAX: usize = 256;
/// Addresses of one end of a direct connection at most.
pub const PATH_ADDRESSES_MAX: usize = 8;
/// Bytes of one such address at most.
pub const PATH_HOST_BYTES_MAX: usize = 64;
/// Bytes of a display name or title at most.
pub const NAME_BYTES_MAX: usize = 128;
/// Bytes of a reaction at most.
pub const EMOJI_BYTES_MAX: usize = 64;
/// Bytes of a profile picture at most.
pub const PICTURE_BYTES_MAX: usize = 32 << 10;
/// Bytes of a knock's note at most.
pub const NOTE_BYTES_MAX: usize = 500;
/// Bytes of a node's URL at most.
pub const NODE_URL_BYTES_MAX: usize = 255;
/// Message ids in one delivery or read receipt at most.
pub const RECEIPT_IDS_MAX: usize = 256;
/// Shortest disappearing timer in seconds.
pub const TIMER_SECONDS_MIN: u32 = 5;
/// Longest disappearing timer in seconds: one year.
pub const TIMER_SECONDS_MAX: u32 = 31_536_000;

/// Leaves in a group at most.
pub const GROUP_LEAVES_MAX: usize = 1_024;
/// Leaves of one account in a group at most.
pub const ACCOUNT_LEAVES_MAX: usize = 6;
/// Above this many leaves: no delivery receipts, no whispers.
pub const SMALL_GROUP_LEAVES: usize = 32;

/// Heads that a client keeps for each lane.
pub const HEADS_KEPT: usize = 1_024;
/// Receipts that a client keeps for each lane.
pub const RECEIPTS_KEPT: usize = 32;
/// Cells that a client seals ahead.
pub const SEALS_AHEAD_MAX: usize = 64;
/// Undelivered seals of one epoch before a client updates first.
pub const SEALS_PER_EPOCH_MAX: usize = 500;

/// Days that group cells are kept.
pub const RETENTION_DAYS: u32 = 30;
/// Days that door cells are kept.
pub const DOOR_RETENTION_DAYS: u32 = 14;
/// Days an invite lane may live at most.
pub const INVITE_DAYS_MAX: u32 = 30;
/// Days that a lane record outlives its last cell.
pub const LANE_RECORD_DAYS: u32 = 180;
/// Bytes stored in a lane at most.
pub const LANE_BYTES_MAX: u64 = 256 << 20;
/// Appends a second that a lane's budget refills.
pub const LANE_APPENDS_PER_S: u32 = 256;
/// Appends in a burst to one lane.
pub const LANE_APPENDS_BURST: u32 = 2_048;
/// Handshakes a minute that a lane's budget refills.
pub const LANE_HANDSHAKES_PER_MIN: u32 = 30;
/// Handshake bytes (with blobs) an hour.
pub const LANE_HANDSHAKE_BYTES_PER_H: u64 = 64 << 20;
/// Lanes that one connection may hold.
pub const CONNECTION_LANES_MAX: usize = 2_048;
/// Appends that one connection may have unanswered.
pub const CONNECTION_APPENDS_MAX: usize = 256;
/// Bytes that wait for a slow reader at most.
pub const CONNECTION_OUTBOUND_BYTES_MAX: usize = 1 << 20;
/// Cells that wait in a door's lane at most.
pub const DOOR_QUEUE_MAX: u64 = 1_024;
/// Cells in an invite lane at most, for one person.
pub const INVITE_QUEUE_MAX: u64 = 16;
/// Cells in an invite lane at most, for a group.
pub const INVITE_GROUP_QUEUE_MAX: u64 = 100;
/// Leading zero bits of the work for a claim.
pub const CLAIM_BITS: u32 = 18;
/// Leading zero bits of the work for a knock with an empty queue.
pub const KNOCK_BITS: u32 = 20;
/// Leading zero bits of the work for a knock at most.
pub const KNOCK_BITS_MAX: u32 = 26;
/// Whispers a second for each connection and lane.
pub const WHISPERS_PER_S: u32 = 4;
/// Seconds between two Attests of a lane.
pub const ATTEST_SECONDS: u64 = 5;
