//! One conversation: its MLS group, its lane, its outbox (LANE.md s.5, s.6).
//!
//! | file | rules |
//! |---|---|
//! | `record` | what is kept |
//! | `receive` | C1 to C5, C10, C11: cells in, one by one |
//! | `validate` | C5: what makes a commit valid |
//! | `commit` | C6, C7, C12, C13: plans and commits |
//! | `merge` | C4: a new epoch, a fresh lane, the end |
//! | `welcome` | C8, s.7: creating, joining, letting join |
//! | `outbox`, `send` | C9, C14: the outbox and the wire |
//! | `measure` | a member without a node, to be timed |
//! | `recover` | s.6: Suspect, OutOfStep, Disputed, Rewind |

mod commit;
#[cfg(feature = "inspect")]
pub mod measure;
mod merge;
mod outbox;
mod receive;
mod record;
mod recover;
mod send;
mod validate;
mod welcome;

pub(crate) use commit::Plan;
pub(crate) use receive::forget_old_shown;
pub(crate) use record::GroupRecord;
pub(crate) use validate::{GroupError, leaf_hashes, members_of};
pub(crate) use welcome::{Delivery, Joiner, JoinerWelcome, Route, Target};

use crate::event::{ConversationId, Effect, Link, LinkKind, Record};
use crate::identity::{Certificate, DeviceIdentity, DeviceKey, NodeUrl};
use crate::link::Links;
use crate::mls::Provider;
use crate::mls::SuiteCrypto;
use crate::policy::Policy;
use crate::storage::{self, Space, Storage, StorageError};
use bytes::Bytes;
use openmls::prelude::{GroupId, MlsGroup};
use rand_core::CryptoRng;
use record::Wire;
use std::collections::{BTreeMap, VecDeque};
use wire::id::{AccountId, Hash, LaneId, NodeKey};
use wire::lane::{Cell, CellKind, Seq, head_zero};
use wire::receipt::Receipt;

/// Why a call failed as a whole: the transaction is rolled back and the cache dropped.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The library or this crate broke an own rule; nothing was changed.
    #[error("internal error: {0}")]
    Bug(&'static str),
}

/// This device.
pub(crate) struct Me {
    pub(crate) key: DeviceKey,
    pub(crate) certificate: Certificate,
    pub(crate) identity: DeviceIdentity,
    pub(crate) node_url: NodeUrl,
    /// The key that the node answered with at first; another one is another node.
    pub(crate) node_key: Option<NodeKey>,
    pub(crate) name: String,
}

/// What one call works with.
pub(crate) struct Cx<'a> {
    pub(crate) now_ms: u64,
    pub(crate) rng: &'a mut dyn CryptoRng,
    pub(crate) storage: &'a dyn Storage,
    pub(crate) crypto: &'a SuiteCrypto,
    pub(crate) me: &'a Me,
    pub(crate) links: &'a mut Links,
    pub(crate) verified: &'a mut Verified,
    pub(crate) effects: Vec<Effect>,
    /// Welcomes to deliver: taken over by the device after the group's turn.
    pub(crate) welcomes: Vec<welcome::Delivery>,
    /// Conversations that ask to be added to again: likewise.
    pub(crate) readds: Vec<ReaddWish>,
}

/// A conversation whose state is not the group's any more.
pub(crate) struct ReaddWish {
    pub(crate) group: [u8; 16],
    pub(crate) suspect_leaf: Option<u32>,
}

impl<'a> Cx<'a> {
    pub(crate) fn provider(&mut self) -> Provider<'_> {
        Provider::new(self.crypto, &mut *self.rng, self.storage)
    }

    pub(crate) fn record(&mut self, record: Record) {
        self.effects.push(Effect::Record(record));
    }

    pub(crate) fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.rng.fill_bytes(&mut out);
        out
    }

    /// A uniform number below `bound`.
    pub(crate) fn jitter(&mut self, bound: u64) -> u64 {
        u64::from_be_bytes(self.random()) % bound.max(1)
    }
}

/// Batches whose signature was checked lately: receipts of one batch share it.
#[derive(Debug, Default)]
pub(crate) struct Verified(VecDeque<(NodeKey, u32, Hash)>);

impl Verified {
    const KEPT: usize = 64;

    /// Checks a receipt, skipping the signature of a batch that was checked before.
    pub(crate) fn check(&mut self, receipt: &Receipt, key: &NodeKey, lane_id: &LaneId) -> bool {
        let leaf = wire::receipt::leaf(lane_id, receipt.seq, receipt.gen_before, &receipt.head);
        let Ok(root) = wire::receipt::fold_path(leaf, receipt.index, receipt.size, &receipt.path) else { return false };
        let batch = (*key, receipt.size, root);
        if self.0.contains(&batch) {
            return true;
        }
        if receipt.verify(key, lane_id).is_err() {
            return false;
        }
        if self.0.len() == Self::KEPT {
            self.0.pop_front();
        }
        self.0.push_back(batch);
        true
    }
}

/// A conversation in memory; everything but [`Wire`] is on disk too.
pub(crate) struct Group {
    pub(crate) record: GroupRecord,
    pub(crate) mls: MlsGroup,
    out: outbox::Outbox,
    plans: BTreeMap<u64, Plan>,
    pending: Option<commit::PendingMeta>,
    /// The lane that was left, for 30 days; apart from the record because its cell is large.
    previous: Option<record::PreviousLane>,
    /// The latest receipts of the present lane, beside those on disk.
    recent: BTreeMap<Seq, Receipt>,
    /// When each leaf's commits began to be counted, and how many there were since.
    commits: BTreeMap<u32, (u64, u32)>,
    wire: Wire,
}

impl Group {
    pub(crate) fn id(&self) -> ConversationId {
        ConversationId(self.record.id)
    }

    pub(crate) fn link(&self) -> Link {
        Link { node_url: self.record.node_url.clone(), kind: LinkKind::Lanes }
    }

    pub(crate) fn lane_id(&self) -> LaneId {
        self.record.lane.id()
    }

    pub(crate) fn policy(&self) -> Result<Policy, DeviceError> {
        Policy::from_extensions(self.mls.extensions()).map_err(|_| DeviceError::Bug("a joined group has a policy"))
    }

    /// Every conversation that is stored.
    pub(crate) fn load_all(cx: &mut Cx<'_>) -> Result<Vec<Self>, DeviceError> {
        let rows = cx.storage.scan(Space::Group, &[])?;
        let mut groups = Vec::with_capacity(rows.len());
        for (_, bytes) in rows {
            let record: GroupRecord = storage::decode(1, &bytes, "conversation")?;
            let provider = cx.provider();
            let mls =
                MlsGroup::load(openmls_traits::OpenMlsProvider::storage(&provider), &GroupId::from_slice(&record.id))?
                    .ok_or(StorageError::Corrupt("MLS group"))?;
            let pending = commit::PendingMeta::load(cx.storage, &record.id)?;
            let out = outbox::Outbox::load(cx.storage, record.id)?;
            let plans = record::load_plans(cx.storage, &record.id)?;
            let previous = storage::get(cx.storage, Space::Previous, &record.id, "previous lane")?;
            groups.push(Self {
                record,
                mls,
                out,
                plans,
                pending,
                previous,
                recent: BTreeMap::new(),
                commits: BTreeMap::new(),
                wire: Wire::default(),
            });
        }
        Ok(groups)
    }

    /// A group around a fresh MLS state: just created, or just joined.
    fn begin(cx: &mut Cx<'_>, mls: MlsGroup, policy: &Policy) -> Result<Self, DeviceError> {
        let id = mls.group_id().as_slice().try_into().map_err(|_| DeviceError::Bug("group ids have 16 bytes"))?;
        let lane = record::derive_lane(cx.crypto, &mls, &policy.node_key)?;
        let lane_id = lane.id();
        let (cell_key, whisper_key) = record::derive_epoch_keys(cx.crypto, &mls, &lane_id)?;
        let jitter = cx.jitter(commit::FIRST_UPDATE_MS);
        let record = GroupRecord {
            id,
            is_direct: policy.is_direct,
            node_url: policy.node_url.clone(),
            node_key: policy.node_key.0,
            head: head_zero(&lane_id).0,
            lane,
            cell_key,
            whisper_key,
            epoch: mls.epoch().as_u64(),
            leaves: validate::leaf_count(&mls),
            authenticator: mls.epoch_authenticator().as_slice().to_vec(),
            cursor: 0,
            gen_now: 0,
            epoch_start: 0,
            lane_since_ms: cx.now_ms,
            lane_bytes: 0,
            previous_head: [0; 32],
            state: crate::event::ConversationState::Active,
            suspect: None,
            next_index: 1,
            sealed_in_epoch: 0,
            last_commit_ms: 0,
            update_due_ms: cx.now_ms + commit::FIRST_UPDATE_MS / 24 + jitter,
            last_sender_is_self: true,
            unreadable: VecDeque::new(),
            last_readd_ms: 0,
            readd_served: Vec::new(),
            restarts: policy.previous.as_ref().map(|previous| previous.group_id),
        };
        let group = Self {
            record,
            mls,
            out: outbox::Outbox::new(id),
            plans: BTreeMap::new(),
            pending: None,
            previous: None,
            recent: BTreeMap::new(),
            commits: BTreeMap::new(),
            wire: Wire::default(),
        };
        group.save(cx)?;
        Ok(group)
    }

    /// Writes the record.
    pub(crate) fn save(&self, cx: &Cx<'_>) -> Result<(), StorageError> {
        storage::put(cx.storage, Space::Group, &self.record.id, &self.record)
    }

    /// The connection stands: open the lane, and the one that was left.
    pub(crate) fn connected(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        self.wire = Wire::default();
        self.doubt_times(cx.now_ms);
        self.pump(cx)
    }

    /// Takes back times that lie in the future because the clock was wrong when they were noted: what is due would
    /// not come for years.
    fn doubt_times(&mut self, now_ms: u64) {
        let record = &mut self.record;
        for noted_ms in [&mut record.lane_since_ms, &mut record.last_commit_ms, &mut record.last_readd_ms] {
            *noted_ms = (*noted_ms).min(now_ms);
        }
        for (_, served_ms) in &mut record.readd_served {
            *served_ms = (*served_ms).min(now_ms);
        }
        record.update_due_ms = record.update_due_ms.min(now_ms.saturating_add(commit::UPDATE_MS_MAX));
        if let Some(suspect) = &mut record.suspect {
            suspect.until_ms = suspect.until_ms.min(now_ms.saturating_add(recover::SUSPECT_MS));
        }
    }

    /// The connection is gone: nothing is in flight any more.
    pub(crate) fn disconnected(&mut self) {
        self.wire = Wire::default();
    }

    /// Announces the conversation as it is now.
    pub(crate) fn announce(&self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        let conversation = self.view(cx.me)?;
        cx.record(Record::Conversation(conversation));
        Ok(())
    }

    /// The conversation as the user sees it.
    pub(crate) fn view(&self, me: &Me) -> Result<crate::event::Conversation, DeviceError> {
        let policy = self.policy()?;
        let mut members: BTreeMap<AccountId, crate::event::Member> = BTreeMap::new();
        if self.mls.is_active() {
            for (_, identity) in members_of(&self.mls) {
                let account = identity.account_id;
                let member = members.entry(account).or_insert_with(|| crate::event::Member {
                    account,
                    devices: Vec::new(),
                    is_admin: policy.is_admin(&account),
                    is_self: account == me.identity.account_id,
                });
                member.devices.push(identity.device_id);
            }
        }
        Ok(crate::event::Conversation {
            id: self.id(),
            is_direct: policy.is_direct,
            title: policy.title,
            members: members.into_values().collect(),
            state: self.record.state,
            node_url: self.record.node_url.clone(),
            epoch: self.record.epoch,
            restarts: self.record.restarts.map(ConversationId),
        })
    }

    /// The earliest time at which something is due, milliseconds.
    pub(crate) fn next_wake_ms(&self, from_ms: u64) -> u64 {
        if !self.is_active() {
            return u64::MAX;
        }
        let retry = if self.wire.retry_at_ms > 0 { self.wire.retry_at_ms } else { u64::MAX };
        let suspect = self.record.suspect.as_ref().map_or(u64::MAX, |suspect| suspect.until_ms);
        let rotate = self.record.lane_since_ms.saturating_add(commit::ROTATE_MS);
        let readd = match self.record.state {
            crate::event::ConversationState::Rejoining => self.record.last_readd_ms.saturating_add(recover::READD_MS),
            _ => u64::MAX,
        };
        let attest = if self.wire.handle.is_some() { self.wire.attest_at_ms } else { u64::MAX };
        let due = [retry, suspect, readd, self.record.update_due_ms, rotate, attest];
        due.into_iter().filter(|due_ms| *due_ms >= from_ms).min().unwrap_or(u64::MAX)
    }

    /// Does what is due.
    pub(crate) fn wake(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        if !self.is_active() {
            return Ok(());
        }
        self.suspect_due(cx)?;
        self.readd_due(cx)?;
        self.updates_due(cx)?;
        self.attest_due(cx);
        self.pump(cx)
    }

    /// Whether we are a member as far as we know.
    pub(crate) fn is_active(&self) -> bool {
        self.mls.is_active()
            && !matches!(
                self.record.state,
                crate::event::ConversationState::Left | crate::event::ConversationState::Restarted
            )
    }

    /// A blob that a cell waits for came.
    pub(crate) fn blob_came(&mut self, cx: &mut Cx<'_>, attach: Hash, blob: Bytes) -> Result<(), DeviceError> {
        let Some(cell) = self.wire.waiting.take_if(|cell| cell.attach == attach) else { return Ok(()) };
        self.wire.blob = Some((attach, blob));
        self.receive(cx, &cell)?;
        self.wire.blob = None;
        self.read_on(cx);
        self.save(cx)?;
        self.pump(cx)
    }

    /// Whether a cell waits for this blob.
    pub(crate) fn waits_for(&self, attach: &Hash) -> bool {
        self.wire.waiting.as_ref().is_some_and(|cell| cell.attach == *attach)
    }
}

/// What waits to go out: for a simulator's eyes.
#[cfg(feature = "inspect")]
pub(crate) struct Outbound {
    pub(crate) has_sealed_commit: bool,
    pub(crate) plans: usize,
    pub(crate) undelivered: usize,
    pub(crate) wire: String,
}

#[cfg(feature = "inspect")]
impl Group {
    /// Whether a sealed commit is stored.
    pub(crate) fn has_sealed_commit(&self) -> bool {
        self.pending.is_some()
    }

    /// What waits to go out.
    pub(crate) fn outbound(&self) -> Outbound {
        let wire = &self.wire;
        let text = format!(
            "handle {:?} opening {} nth {} flight {} draining {} held {} commit sent {} tries {} need {} reading {} \
             waiting {} probe {} retry {} blob {}/{}",
            wire.handle,
            wire.is_opening,
            wire.nth,
            wire.flight.len(),
            wire.is_draining,
            wire.is_held,
            wire.is_commit_sent,
            wire.stale_tries,
            wire.need,
            wire.is_reading,
            wire.waiting.is_some(),
            wire.probe.is_some(),
            wire.retry_at_ms,
            wire.is_blob_put,
            wire.is_blob_durable,
        );
        Outbound {
            has_sealed_commit: self.pending.is_some(),
            plans: self.plans.len(),
            undelivered: self.out.undelivered(),
            wire: text,
        }
    }
}

/// How a cell was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// The next cell of this lane may follow.
    Next,
    /// The lane was left, or nothing more can be read for now.
    Stop,
}

fn is_handshake(cell: &Cell) -> bool {
    cell.kind == CellKind::Handshake
}
