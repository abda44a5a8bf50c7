//! What a simulator may look at: positions, keys, what waits. Behind the feature `inspect`; it changes nothing.

use super::Device;
use crate::event::{ConversationId, ConversationState};
use crate::group::Outbound;
use crate::identity::DeviceIdentity;
use wire::id::{Hash, LaneId, ReadCap, WriteCap};
use wire::lane::{Gen, Seq};

/// A conversation's inside.
#[derive(Clone)]
pub struct Inspection {
    /// The present lane.
    pub lane_id: LaneId,
    /// Opens the lane for reading.
    pub read_cap: ReadCap,
    /// Opens the lane for appending.
    pub write_cap: WriteCap,
    /// The last position processed.
    pub cursor: Seq,
    /// Handshakes up to it.
    pub gen_now: Gen,
    /// The head there.
    pub head: Hash,
    /// The MLS epoch.
    pub epoch: u64,
    /// Its authenticator.
    pub authenticator: Vec<u8>,
    /// The epoch's `cell_key`.
    pub cell_key: [u8; 32],
    /// The epoch's `whisper_key`.
    pub whisper_key: [u8; 32],
    /// OpenMLS holds a pending commit.
    pub has_mls_pending: bool,
    /// A sealed commit is stored.
    pub has_sealed_commit: bool,
    /// Changes that wait for their commit.
    pub plans: usize,
    /// Messages that were not read back.
    pub undelivered: usize,
    /// Where the conversation stands.
    pub state: ConversationState,
    /// The members by leaf.
    pub members: Vec<DeviceIdentity>,
    /// What the connection is doing: for a person.
    pub wire: String,
}

/// What changes whenever a conversation's inside does that a checker asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance {
    epoch: u64,
    cursor: Seq,
    state: ConversationState,
    has_mls_pending: bool,
    has_sealed_commit: bool,
    cell_key: [u8; 32],
}

impl Device {
    /// A cheap look at a conversation, while the device is loaded.
    pub fn glance(&self, conversation: ConversationId) -> Option<Glance> {
        let group = self.groups.get(&conversation)?;
        let record = &group.record;
        Some(Glance {
            epoch: record.epoch,
            cursor: record.cursor,
            state: record.state,
            has_mls_pending: group.mls.pending_commit().is_some(),
            has_sealed_commit: group.has_sealed_commit(),
            cell_key: *record.cell_key.as_bytes(),
        })
    }

    /// A conversation's inside, while the device is loaded.
    pub fn inspect(&self, conversation: ConversationId) -> Option<Inspection> {
        let group = self.groups.get(&conversation)?;
        let Outbound { has_sealed_commit, plans, undelivered, wire } = group.outbound();
        let record = &group.record;
        Some(Inspection {
            lane_id: record.lane.id(),
            read_cap: record.lane.read_cap(),
            write_cap: record.lane.write_cap(),
            cursor: record.cursor,
            gen_now: record.gen_now,
            head: Hash(record.head),
            epoch: record.epoch,
            authenticator: record.authenticator.clone(),
            cell_key: *record.cell_key.as_bytes(),
            whisper_key: *record.whisper_key.as_bytes(),
            has_mls_pending: group.mls.pending_commit().is_some(),
            has_sealed_commit,
            plans,
            undelivered,
            state: record.state,
            members: crate::group::members_of(&group.mls).into_iter().map(|(_, who)| who).collect(),
            wire,
        })
    }

    /// The conversations that are loaded, in order.
    pub fn conversation_ids(&self) -> Vec<ConversationId> {
        self.groups.keys().copied().collect()
    }

    /// Jobs and intents that are not done: for a person.
    pub fn waiting(&self) -> usize {
        self.jobs.len()
    }
}
