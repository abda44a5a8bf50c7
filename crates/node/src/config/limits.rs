//! Every limit that an operator may set, with its bounds.

use super::Config;
use wire::limit::FILE_PART_BYTES;

type Set = fn(&mut Config, u64);
type Get = fn(&Config) -> u64;

/// A limit: its name, what it may be, and where it lives.
pub struct Limit {
    /// Its key in the file's `[limits]`.
    pub name: &'static str,
    /// What it bounds.
    pub about: &'static str,
    /// The least that is allowed.
    pub min: u64,
    /// The most that is allowed.
    pub max: u64,
    pub(super) set: Set,
    pub(super) get: Get,
}

impl Limit {
    /// Its value unless set.
    pub fn default_value(&self) -> u64 {
        (self.get)(&Config::default())
    }
}

macro_rules! limit {
    ($name:literal, $about:literal, $min:expr, $max:expr, $($path:ident).+ as $type:ty) => {
        Limit {
            name: $name,
            about: $about,
            min: $min,
            max: $max,
            set: |config, value| config.$($path).+ = <$type>::try_from(value).unwrap_or(<$type>::MAX),
            get: |config| u64::try_from(config.$($path).+).unwrap_or(u64::MAX),
        }
    };
}

const TERA: u64 = 1 << 40;

/// Every limit.
pub static LIMITS: [Limit; 64] = [
    limit!("connections", "connections at once", 1, 4_000_000, policy.connections_max as u32),
    limit!(
        "connections_per_address",
        "connections from one address; loopback is not counted",
        1,
        4_000_000,
        shell.connections_per_address as u32
    ),
    limit!("subscriptions", "open lanes of all connections together", 1, 100_000_000, policy.subscriptions_max as u32),
    limit!(
        "hot_lanes",
        "lanes with recent appends that are held in memory",
        1_024,
        100_000_000,
        policy.hot_lanes_max as u32
    ),
    limit!("connection_lanes", "open lanes of one connection", 1, 65_536, policy.connection_lanes_max as u32),
    limit!(
        "connection_appends",
        "unanswered appends of one connection",
        1,
        65_536,
        policy.connection_appends_max as u32
    ),
    limit!(
        "connection_outbound_bytes",
        "bytes that wait for one slow reader",
        131_072,
        1 << 30,
        policy.connection_outbound_bytes_max as usize
    ),
    limit!(
        "outbound_bytes",
        "bytes that wait for all readers together; over it, pushes become Lags sooner",
        1 << 20,
        TERA,
        policy.outbound_bytes_max as usize
    ),
    limit!(
        "connection_requests_per_s",
        "requests a second of one connection",
        1,
        10_000_000,
        policy.connection_requests.refill as u64
    ),
    limit!(
        "connection_requests_burst",
        "requests of one connection in a burst",
        1,
        10_000_000,
        policy.connection_requests.burst as u64
    ),
    limit!(
        "connection_append_bytes_per_s",
        "bytes of cells a second that one connection appends",
        65_536,
        TERA,
        policy.connection_append_bytes.refill as u64
    ),
    limit!(
        "connection_append_bytes_burst",
        "the same in a burst",
        65_536,
        TERA,
        policy.connection_append_bytes.burst as u64
    ),
    limit!(
        "inbound_bytes",
        "bytes of unfinished and unhandled messages of all connections together",
        4 << 20,
        TERA,
        shell.inbound_bytes as usize
    ),
    limit!("lane_bytes", "bytes stored in a lane", 65_536, TERA, policy.lane_bytes_max as u64),
    limit!("lane_appends_per_s", "app cells a second in a lane", 1, 10_000_000, policy.lane_appends.refill as u64),
    limit!("lane_appends_burst", "app cells of a lane in a burst", 1, 10_000_000, policy.lane_appends.burst as u64),
    limit!(
        "lane_handshakes_per_min",
        "handshakes a minute in a lane",
        1,
        1_000_000,
        policy.lane_handshakes.refill as u64
    ),
    limit!(
        "lane_handshakes_burst",
        "handshakes of a lane in a burst; one connection gets a fifth",
        5,
        1_000_000,
        policy.lane_handshakes.burst as u64
    ),
    limit!(
        "lane_handshake_bytes_per_h",
        "bytes an hour of a lane's handshakes and their blobs",
        65_536,
        TERA,
        policy.lane_handshake_bytes.refill as u64
    ),
    limit!(
        "lane_handshake_bytes_burst",
        "the same in a burst; one connection gets a fifth",
        65_536,
        TERA,
        policy.lane_handshake_bytes.burst as u64
    ),
    limit!("door_cells", "cells that wait in a door's lane", 1, 1_000_000, policy.door_cells_max as u64),
    limit!("invite_cells", "cells that wait in an invite's lane", 1, 1_000_000, policy.invite_cells_max as u64),
    limit!("door_key_packages", "KeyPackages at a door", 1, 100, policy.door_key_packages_max as usize),
    limit!("retention_days", "days that cells of groups are kept", 1, 36_500, policy.retention_days as u32),
    limit!("door_retention_days", "days that cells of doors are kept", 1, 36_500, policy.door_retention_days as u32),
    limit!("invite_days", "days that an invite lives at most", 1, 36_500, policy.invite_days_max as u32),
    limit!(
        "lane_record_days",
        "days that a lane's record outlives its last cell",
        1,
        36_500,
        policy.lane_record_days as u32
    ),
    limit!("claim_bits", "bits of work for a KeyPackage", 0, 40, policy.claim_bits as u32),
    limit!("knock_bits", "bits of work for a knock at an empty door", 0, 40, policy.knock_bits as u32),
    limit!("knock_bits_max", "bits of work for a knock at a crowded door", 0, 40, policy.knock_bits_max as u32),
    limit!(
        "whispers_per_s",
        "whispers a second of one connection in one lane",
        1,
        1_000,
        policy.whispers.refill as u64
    ),
    limit!("whispers_burst", "the same in a burst", 1, 1_000, policy.whispers.burst as u64),
    limit!("attest_ms", "milliseconds between two Attests of a lane", 0, 3_600_000, policy.attest_ms as u64),
    limit!("batch_cells", "cells that wait for one flush", 1, 65_536, policy.batch_cells_max as usize),
    limit!("batch_bytes", "bytes of cells that wait for one flush", 65_536, 64 << 20, policy.batch_bytes_max as usize),
    limit!("blob_bytes", "bytes of a blob", 65_536, 16 << 20, policy.blob_bytes_max as u64),
    limit!("blob_upload_bytes", "bytes of uploads in memory at once", 17 << 20, TERA, blobs.upload_bytes_max as usize),
    limit!("blob_bytes_per_h", "bytes of blobs stored an hour", 17 << 20, 1 << 50, blobs.bytes_per_h as u64),
    limit!(
        "file_bytes",
        "bytes of a file as it is stored, sealed and padded; 0 takes none",
        0,
        1 << 41,
        policy.file_bytes_max as u64
    ),
    limit!("file_bytes_total", "bytes stored of all files", 0, 1 << 60, files.bytes_total_max as u64),
    limit!("file_bytes_per_h", "bytes of files stored an hour", 17 << 20, 1 << 50, files.bytes_per_h as u64),
    limit!(
        "file_upload_bytes",
        "bytes of uploads of files in memory at once; over it, they wait",
        FILE_PART_BYTES as u64,
        TERA,
        files.upload_bytes_max as usize
    ),
    limit!("file_uploads", "uploads of files begun and not finished", 1, 10_000_000, files.uploads_open_max as u32),
    limit!("file_downloads", "downloads of files at once", 1, 1_000_000, files.downloads_max as u32),
    limit!("file_ttl_s", "seconds that a file is kept at most", 3_600, 10 * 365 * 86_400, files.ttl_s_max as u64),
    limit!("file_work_bits", "bits of work for a file of up to 16 MiB", 0, 40, files.work_bits as u32),
    limit!(
        "disk_free_bytes",
        "free bytes on disk below which app cells, blobs and files are refused",
        0,
        1 << 50,
        shell.disk_free_bytes as u64
    ),
    limit!("store_cache_bytes", "bytes of the store's cache", 1 << 20, TERA, shell.store_cache_bytes as u64),
    limit!("bells", "ended connections that left a bell; 0 takes none", 0, 100_000_000, policy.bells_max as u32),
    limit!("bell_days", "days that a bell is kept", 1, 365, policy.bell_days as u32),
    limit!("pushes_per_min", "push messages a minute, in all", 1, 10_000_000, shell.pushes_per_min as u32),
    limit!("relay_allocations", "relayed addresses at once", 1, 30_000, relay.policy.allocations_max as usize),
    limit!(
        "relay_allocations_per_address",
        "relayed addresses of clients at one address",
        1,
        30_000,
        relay.policy.allocations_per_address_max as u32
    ),
    limit!(
        "relay_allocation_bytes_per_s",
        "bytes a second of one relayed address, both directions together",
        1_024,
        TERA,
        relay.policy.allocation_bytes_per_s as u64
    ),
    limit!("relay_bytes_per_s", "bytes a second that are relayed in all", 1_024, TERA, relay.policy.bytes_per_s as u64),
    limit!("relay_credential_s", "seconds that a credential is good", 60, 30 * 86_400, relay.credential_s as u64),
    limit!("rooms", "rooms at once", 1, 1_000_000, relay.rooms.rooms_max as usize),
    limit!("room_people", "people of one room", 1, 100, relay.rooms.people_max as usize),
    limit!("room_people_total", "people of all rooms", 1, 100_000, relay.rooms.people_total_max as usize),
    limit!("room_joins_per_s", "joins a second, of all rooms", 1, 10_000, relay.rooms.joins_per_s as u64),
    limit!(
        "room_person_bytes_per_s",
        "bytes a second that one person in a room sends",
        1_024,
        TERA,
        relay.rooms.person_bytes_per_s as u64
    ),
    limit!(
        "room_person_packets_per_s",
        "packets a second that one person in a room sends",
        10,
        1_000_000,
        relay.rooms.person_packets_per_s as u64
    ),
    limit!(
        "room_bytes_per_s",
        "bytes a second that people in all rooms send",
        1_024,
        TERA,
        relay.rooms.bytes_per_s as u64
    ),
    limit!("drain_s", "seconds that connections get to end at SIGTERM", 0, 3_600, shell.drain_s as u64),
];
