//! What a conversation keeps on disk, and what it holds only while a connection stands.

use super::DeviceError;
use super::commit::Plan;
use crate::event::ConversationState;
use crate::identity::NodeUrl;
use crate::lane::{LaneKeys, SealKey};
use crate::mls::SuiteCrypto;
use crate::storage::{self, Space, Storage, StorageError};
use bytes::Bytes;
use openmls::prelude::MlsGroup;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use wire::id::{AccountId, Hash, LaneId, NodeKey};
use wire::lane::{Cell, CellKind, Gen, LaneClass, Seq};
use wire::limit::{HEADS_KEPT, RECEIPTS_KEPT};
use wire::node::Handle;
use wire::receipt::{Link as ChainLink, Receipt};

/// A conversation on disk.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct GroupRecord {
    pub(crate) id: [u8; 16],
    pub(crate) is_direct: bool,
    pub(crate) node_url: NodeUrl,
    pub(crate) node_key: [u8; 32],
    pub(crate) lane: LaneKeys,
    pub(crate) cell_key: SealKey,
    pub(crate) whisper_key: SealKey,
    pub(crate) epoch: u64,
    pub(crate) leaves: u32,
    pub(crate) authenticator: Vec<u8>,
    /// The last position processed in this lane.
    pub(crate) cursor: Seq,
    /// Handshake cells up to the cursor.
    pub(crate) gen_now: Gen,
    /// The head at the cursor.
    pub(crate) head: [u8; 32],
    /// The cursor when the epoch began: Rewind goes no further back.
    pub(crate) epoch_start: Seq,
    pub(crate) lane_since_ms: u64,
    pub(crate) lane_bytes: u64,
    /// The head at which the previous lane was left; zero if we joined in this one.
    pub(crate) previous_head: [u8; 32],
    pub(crate) state: ConversationState,
    pub(crate) suspect: Option<Suspect>,
    pub(crate) next_index: u64,
    /// Messages sealed in this epoch that the lane does not hold: so far may a receiver's ratchet have to jump.
    pub(crate) sealed_in_epoch: u32,
    pub(crate) last_commit_ms: u64,
    pub(crate) update_due_ms: u64,
    /// Who spoke last in a conversation of two.
    pub(crate) last_sender_is_self: bool,
    /// When cells of others did not open, milliseconds, the latest 128.
    pub(crate) unreadable: VecDeque<u64>,
    pub(crate) last_readd_ms: u64,
    /// Leaves that were added again on their request, and when: once a day each.
    pub(crate) readd_served: Vec<([u8; 16], u64)>,
    pub(crate) restarts: Option<[u8; 16]>,
}

/// What is kept of a lane that was left (LANE.md C4).
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PreviousLane {
    pub(crate) lane: LaneKeys,
    pub(crate) seq: Seq,
    pub(crate) head_before: [u8; 32],
    pub(crate) head: [u8; 32],
    pub(crate) gen_before: Gen,
    pub(crate) attach: [u8; 32],
    pub(crate) body: Vec<u8>,
    pub(crate) until_ms: u64,
}

/// A signed commit broke for this device alone, perhaps (LANE.md s.6).
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Suspect {
    pub(crate) until_ms: u64,
    pub(crate) account: [u8; 32],
    pub(crate) leaf: u32,
}

/// One message on its way.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) msg_id: [u8; 16],
    pub(crate) message: Vec<u8>,
    pub(crate) is_shown: bool,
    pub(crate) is_stored: bool,
    pub(crate) state: ItemState,
}

/// Where a message stands.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum ItemState {
    /// Not sealed in this epoch.
    Intent,
    /// Sealed for this epoch and lane; the same bytes go out until they are read back.
    Sealed { body: Vec<u8>, body_hash: [u8; 32] },
    /// Read back at this position of the present lane, in the present epoch.
    Delivered { seq: Seq },
}

/// What lives as long as a connection and a lane.
#[derive(Default)]
pub(crate) struct Wire {
    pub(crate) is_opening: bool,
    pub(crate) handle: Option<Handle>,
    /// Appends answered with a receipt on this connection and lane.
    pub(crate) nth: u32,
    /// Unanswered appends: of the commit (none) or of outbox items.
    pub(crate) flight: VecDeque<Option<u64>>,
    /// After a refusal: wait until nothing is in flight.
    pub(crate) is_draining: bool,
    /// The cell that is taken now was pushed, not read.
    pub(crate) is_pushed: bool,
    /// Holds app sends while the commit is on its way.
    pub(crate) is_held: bool,
    pub(crate) is_commit_sent: bool,
    pub(crate) stale_tries: u8,
    pub(crate) is_blob_durable: bool,
    pub(crate) is_blob_put: bool,
    /// The last position that is known to exist.
    pub(crate) need: Seq,
    pub(crate) is_reading: bool,
    /// Items with a receipt that were not read back, and the receipt's position.
    pub(crate) acked: BTreeMap<u64, Seq>,
    pub(crate) retry_at_ms: u64,
    pub(crate) backoff: u32,
    /// A cell whose blob is on its way.
    pub(crate) waiting: Option<Cell>,
    pub(crate) blob: Option<(Hash, Bytes)>,
    /// The user was told that the node has no such blob.
    pub(crate) is_withheld_told: bool,
    /// A Rewind in progress.
    pub(crate) probe: Option<Probe>,
    pub(crate) is_previous_asked: bool,
    pub(crate) attest_at_ms: u64,
    pub(crate) cells_since_receipt: u32,
    pub(crate) posted_receipts: bool,
    /// A Rewind gave up own cells that may still be in the log.
    pub(crate) is_rewound: bool,
    /// Whose `seen` contradicted ours.
    pub(crate) contradicts: Option<AccountId>,
}

/// Reading a lane again from the epoch's start to find where the node's log leaves ours.
pub(crate) struct Probe {
    /// The node's log after the epoch's start, as far as an evidence takes it.
    pub(crate) steps: BTreeMap<Seq, Step>,
    pub(crate) at: Seq,
    pub(crate) head: Hash,
    pub(crate) gen_now: Gen,
    pub(crate) agreed: Option<(Seq, Hash, Gen)>,
    pub(crate) is_parted: bool,
}

fn export<const N: usize>(
    crypto: &SuiteCrypto,
    mls: &MlsGroup,
    label: &str,
    context: &[u8],
) -> Result<[u8; N], DeviceError> {
    let secret =
        mls.export_secret(crypto, label, context, N).map_err(|_| DeviceError::Bug("an active group exports"))?;
    secret.try_into().map_err(|_| DeviceError::Bug("the exporter returns what was asked for"))
}

/// The lane of the group's present epoch, which must be the lane's first (LANE.md s.1).
pub(crate) fn derive_lane(crypto: &SuiteCrypto, mls: &MlsGroup, node_key: &NodeKey) -> Result<LaneKeys, DeviceError> {
    let secret = export::<32>(crypto, mls, "sottovoce lane 1", &node_key.0)?;
    Ok(LaneKeys::derive(LaneClass::Group, &secret))
}

/// `cell_key` and `whisper_key` of the present epoch.
pub(crate) fn derive_epoch_keys(
    crypto: &SuiteCrypto,
    mls: &MlsGroup,
    lane_id: &LaneId,
) -> Result<(SealKey, SealKey), DeviceError> {
    let cell = export(crypto, mls, "sottovoce cell 1", &lane_id.0)?;
    let whisper = export(crypto, mls, "sottovoce whisper 1", &lane_id.0)?;
    Ok((SealKey::new(cell), SealKey::new(whisper)))
}

/// Keeps the lane that was left, or forgets it.
pub(crate) fn put_previous(
    storage: &dyn Storage,
    id: &[u8; 16],
    previous: Option<&PreviousLane>,
) -> Result<(), StorageError> {
    match previous {
        Some(previous) => storage::put(storage, Space::Previous, id, previous),
        None => storage.delete(Space::Previous, id),
    }
}

fn indexed(id: &[u8; 16], index: u64) -> Vec<u8> {
    [id.as_slice(), &index.to_be_bytes()].concat()
}

fn index_of(key: &[u8]) -> Result<u64, StorageError> {
    let tail = key.get(16..).and_then(|tail| tail.try_into().ok());
    tail.map(u64::from_be_bytes).ok_or(StorageError::Corrupt("index"))
}

pub(crate) fn load_outbox(storage: &dyn Storage, id: &[u8; 16]) -> Result<Vec<(u64, Item)>, StorageError> {
    let rows = storage.scan(Space::Outbox, id)?;
    rows.iter().map(|(key, value)| Ok((index_of(key)?, storage::decode(1, value, "outbox item")?))).collect()
}

pub(crate) fn put_item(storage: &dyn Storage, id: &[u8; 16], index: u64, item: &Item) -> Result<(), StorageError> {
    storage::put(storage, Space::Outbox, &indexed(id, index), item)
}

pub(crate) fn delete_item(storage: &dyn Storage, id: &[u8; 16], index: u64) -> Result<(), StorageError> {
    storage.delete(Space::Outbox, &indexed(id, index))
}

pub(crate) fn load_plans(storage: &dyn Storage, id: &[u8; 16]) -> Result<BTreeMap<u64, Plan>, StorageError> {
    let rows = storage.scan(Space::Plans, id)?;
    rows.iter().map(|(key, value)| Ok((index_of(key)?, storage::decode(1, value, "plan")?))).collect()
}

pub(crate) fn put_plan(storage: &dyn Storage, id: &[u8; 16], index: u64, plan: &Plan) -> Result<(), StorageError> {
    storage::put(storage, Space::Plans, &indexed(id, index), plan)
}

pub(crate) fn delete_plan(storage: &dyn Storage, id: &[u8; 16], index: u64) -> Result<(), StorageError> {
    storage.delete(Space::Plans, &indexed(id, index))
}

/// One step of the chain that was processed: head 32 ‖ gen before 4 ‖ kind 1 ‖ attach 32 ‖ body_hash 32.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) head: Hash,
    pub(crate) gen_before: Gen,
    pub(crate) link: ChainLink,
}

impl Step {
    pub(crate) fn of(cell: &Cell, head: Hash, gen_before: Gen, body_hash: Hash) -> Self {
        Self { head, gen_before, link: ChainLink { kind: cell.kind, attach: cell.attach, body_hash } }
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = self.head.0.to_vec();
        out.extend_from_slice(&self.gen_before.to_be_bytes());
        out.push(self.link.kind as u8);
        out.extend_from_slice(&self.link.attach.0);
        out.extend_from_slice(&self.link.body_hash.0);
        out
    }

    fn decode(bytes: &[u8]) -> Result<Self, StorageError> {
        let corrupt = || StorageError::Corrupt("head");
        let array = |at: usize| Hash::parse(bytes.get(at..at + 32).unwrap_or_default()).map_err(|_| corrupt());
        let gen_before =
            bytes.get(32..36).and_then(|part| part.try_into().ok()).map(u32::from_be_bytes).ok_or_else(corrupt)?;
        let kind = CellKind::parse(u32::from(*bytes.get(36).ok_or_else(corrupt)?)).map_err(|_| corrupt())?;
        let link = ChainLink { kind, attach: array(37)?, body_hash: array(69)? };
        Ok(Self { head: array(0)?, gen_before, link })
    }
}

/// Keeps the step at a position and drops the one that is 1,024 older.
pub(crate) fn put_step(storage: &dyn Storage, id: &[u8; 16], seq: Seq, step: &Step) -> Result<(), StorageError> {
    storage.put(Space::Heads, &indexed(id, seq), &step.encode())?;
    match seq.checked_sub(HEADS_KEPT as u64) {
        Some(old) => storage.delete(Space::Heads, &indexed(id, old)),
        None => Ok(()),
    }
}

/// The step at a position of the present lane, if it is still kept.
pub(crate) fn step_at(storage: &dyn Storage, id: &[u8; 16], seq: Seq) -> Result<Option<Step>, StorageError> {
    storage.get(Space::Heads, &indexed(id, seq))?.map(|bytes| Step::decode(&bytes)).transpose()
}

/// Whether the same body was processed at another position of the present lane, as far as steps are kept.
pub(crate) fn is_repeated(
    storage: &dyn Storage,
    id: &[u8; 16],
    seq: Seq,
    body_hash: &Hash,
) -> Result<bool, StorageError> {
    for (key, value) in storage.scan(Space::Heads, id)? {
        if index_of(&key)? != seq && Step::decode(&value)?.link.body_hash == *body_hash {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A receipt that is held as the node's word.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct HeldReceipt {
    seq: Seq,
    gen_before: Gen,
    head: [u8; 32],
    index: u32,
    size: u32,
    path: Vec<[u8; 32]>,
    sig: Vec<u8>,
}

impl HeldReceipt {
    fn of(receipt: &Receipt) -> Self {
        Self {
            seq: receipt.seq,
            gen_before: receipt.gen_before,
            head: receipt.head.0,
            index: receipt.index,
            size: receipt.size,
            path: receipt.path.iter().map(|hash| hash.0).collect(),
            sig: receipt.sig.to_vec(),
        }
    }

    fn into_receipt(self) -> Result<Receipt, StorageError> {
        Ok(Receipt {
            seq: self.seq,
            gen_before: self.gen_before,
            head: Hash(self.head),
            index: self.index,
            size: self.size,
            path: self.path.into_iter().map(Hash).collect(),
            sig: self.sig.try_into().map_err(|_| StorageError::Corrupt("receipt"))?,
        })
    }
}

/// The receipts held for the present lane, by position.
pub(crate) fn load_receipts(storage: &dyn Storage, id: &[u8; 16]) -> Result<Vec<Receipt>, StorageError> {
    let rows = storage.scan(Space::Receipts, id)?;
    rows.iter().map(|(_, value)| storage::decode::<HeldReceipt>(1, value, "receipt")?.into_receipt()).collect()
}

/// Holds a receipt; of more than 32 the oldest that is behind the cursor goes.
pub(crate) fn hold_receipt(storage: &dyn Storage, id: &[u8; 16], receipt: &Receipt) -> Result<(), StorageError> {
    storage::put(storage, Space::Receipts, &indexed(id, receipt.seq), &HeldReceipt::of(receipt))?;
    let held = storage.scan(Space::Receipts, id)?;
    for (key, _) in held.iter().take(held.len().saturating_sub(RECEIPTS_KEPT)) {
        storage.delete(Space::Receipts, key)?;
    }
    Ok(())
}

/// Forgets heads and receipts of a lane that is left, or from a position on.
pub(crate) fn forget_chain(storage: &dyn Storage, id: &[u8; 16], after: Seq) -> Result<(), StorageError> {
    for space in [Space::Heads, Space::Receipts] {
        let rows = storage.scan(space, id)?;
        let keys: BTreeSet<Vec<u8>> = rows.into_iter().map(|row| row.0).collect();
        for key in keys {
            if index_of(&key)? > after {
                storage.delete(space, &key)?;
            }
        }
    }
    Ok(())
}
