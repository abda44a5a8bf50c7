//! What an operator may set: every limit of LANE.md s.8 with its default.

use crate::budget::Rate;
use wire::limit;

/// Seconds in a day.
pub const DAY_S: u64 = 86_400;
/// Milliseconds that a refusal tells a client to wait at most: its own longest backoff.
pub const RETRY_MS_MAX: u32 = 60_000;

/// The limits of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Connections at once.
    pub connections_max: u32,
    /// Open lanes of all connections together.
    pub subscriptions_max: u32,
    /// Lanes with unflushed or recent appends that are held in memory.
    pub hot_lanes_max: u32,
    /// Open lanes of one connection.
    pub connection_lanes_max: u32,
    /// Unanswered appends of one connection.
    pub connection_appends_max: u32,
    /// Bytes that wait for one slow reader.
    pub connection_outbound_bytes_max: usize,
    /// Bytes that wait for all readers together; over it, pushes become Lags sooner.
    pub outbound_bytes_max: usize,
    /// Requests of one connection.
    pub connection_requests: Rate,
    /// Bytes of bodies that one connection appends.
    pub connection_append_bytes: Rate,
    /// Bytes stored in a lane.
    pub lane_bytes_max: u64,
    /// App cells of a lane.
    pub lane_appends: Rate,
    /// Handshake cells of a lane.
    pub lane_handshakes: Rate,
    /// Bytes of a lane's handshake cells and their blobs.
    pub lane_handshake_bytes: Rate,
    /// Cells that wait in a door's lane.
    pub door_cells_max: u64,
    /// Cells that wait in an invite lane. The node cannot tell a group's invite from a person's.
    pub invite_cells_max: u64,
    /// Days that group cells are kept.
    pub retention_days: u32,
    /// Days that door cells are kept.
    pub door_retention_days: u32,
    /// Days that an invite lane may live.
    pub invite_days_max: u32,
    /// Days that a lane record outlives its last cell, and that a door's lane lives without a visit of its owner.
    pub lane_record_days: u32,
    /// Single-use KeyPackages at a door.
    pub door_key_packages_max: usize,
    /// Bits of work for a claim.
    pub claim_bits: u32,
    /// Bits of work for a knock with an empty queue.
    pub knock_bits: u32,
    /// Bits of work for a knock at most.
    pub knock_bits_max: u32,
    /// Whispers of one connection in one lane.
    pub whispers: Rate,
    /// Ended connections that left a bell; 0: no bell is taken.
    pub bells_max: u32,
    /// Days that a bell is kept.
    pub bell_days: u32,
    /// Milliseconds between two Attests of a lane.
    pub attest_ms: u64,
    /// Bytes of a blob.
    pub blob_bytes_max: u64,
    /// Bytes of a file's blob; 0: no files are taken.
    pub file_bytes_max: u64,
    /// Cells that wait for the next commit.
    pub batch_cells_max: usize,
    /// Bytes of bodies that wait for the next commit.
    pub batch_bytes_max: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            connections_max: 20_000,
            subscriptions_max: 2_000_000,
            hot_lanes_max: 200_000,
            connection_lanes_max: limit::CONNECTION_LANES_MAX as u32,
            connection_appends_max: limit::CONNECTION_APPENDS_MAX as u32,
            connection_outbound_bytes_max: limit::CONNECTION_OUTBOUND_BYTES_MAX,
            outbound_bytes_max: 512 << 20,
            connection_requests: Rate { burst: 16_384, refill: 4_096, per_ms: 1_000 },
            connection_append_bytes: Rate { burst: 64 << 20, refill: 2 << 20, per_ms: 1_000 },
            lane_bytes_max: limit::LANE_BYTES_MAX,
            lane_appends: Rate {
                burst: u64::from(limit::LANE_APPENDS_BURST),
                refill: u64::from(limit::LANE_APPENDS_PER_S),
                per_ms: 1_000,
            },
            lane_handshakes: Rate::per(u64::from(limit::LANE_HANDSHAKES_PER_MIN), 60_000),
            lane_handshake_bytes: Rate::per(limit::LANE_HANDSHAKE_BYTES_PER_H, 3_600_000),
            door_cells_max: limit::DOOR_QUEUE_MAX,
            invite_cells_max: limit::INVITE_GROUP_QUEUE_MAX,
            retention_days: limit::RETENTION_DAYS,
            door_retention_days: limit::DOOR_RETENTION_DAYS,
            invite_days_max: limit::INVITE_DAYS_MAX,
            lane_record_days: limit::LANE_RECORD_DAYS,
            door_key_packages_max: limit::DOOR_KEY_PACKAGES_MAX,
            claim_bits: limit::CLAIM_BITS,
            knock_bits: limit::KNOCK_BITS,
            knock_bits_max: limit::KNOCK_BITS_MAX,
            whispers: Rate::per(u64::from(limit::WHISPERS_PER_S), 1_000),
            bells_max: 100_000,
            bell_days: 30,
            attest_ms: limit::ATTEST_SECONDS * 1_000,
            blob_bytes_max: limit::BLOB_BYTES_MAX as u64,
            file_bytes_max: limit::FILE_BYTES_MAX,
            batch_cells_max: 32_768,
            batch_bytes_max: 48 << 20,
        }
    }
}

impl Policy {
    /// What a connection is told.
    pub fn announced(&self) -> wire::node::Limits {
        wire::node::Limits {
            lanes: self.connection_lanes_max,
            appends_unanswered: self.connection_appends_max,
            blob_bytes: self.blob_bytes_max,
            frame_bytes: limit::FRAME_BYTES_MAX as u64,
            retention_days: self.retention_days,
            file_bytes: self.file_bytes_max,
        }
    }

    /// Bits of work for a knock when `queued` cells wait.
    pub fn knock_bits_for(&self, queued: u64) -> u32 {
        let extra = u32::try_from(queued / 64).unwrap_or(u32::MAX);
        self.knock_bits.saturating_add(extra).min(self.knock_bits_max.max(self.knock_bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n13_knock_bits_rise_by_one_for_each_64_queued_up_to_26() {
        let policy = Policy::default();
        let bits: Vec<u32> = [0, 63, 64, 127, 128, 383, 384, 1_023, u64::MAX].map(|n| policy.knock_bits_for(n)).into();
        assert_eq!(bits, [20, 20, 21, 21, 22, 25, 26, 26, 26]);
    }
}
