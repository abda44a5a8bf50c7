//! Entering an epoch: merges, the move to a fresh lane, the end (LANE.md C4).

use super::commit::Pending;
use super::record::{self, PreviousLane, derive_epoch_keys, derive_lane};
use super::validate::Judgement;
use super::{Cx, DeviceError, Flow, Group, Provider};
use crate::event::{ConversationState, Outcome, Record, SendState};
use crate::mls::MlsStore;
use crate::storage::{self, Space};
use openmls::prelude::StagedCommit;
use wire::id::{Hash, NodeKey};
use wire::lane::Cell;

/// What is kept of a lane that was left, is kept so long.
const PREVIOUS_MS: u64 = 30 * 24 * 3_600_000;

impl Group {
    /// Merges the pending commit: it was read back, or the group has one leaf.
    pub(super) fn merge_own(&mut self, cx: &mut Cx<'_>, cell: Option<&Cell>) -> Result<Flow, DeviceError> {
        let pending: Pending = storage::get(cx.storage, Space::Pending, &self.record.id, "pending commit")?
            .ok_or(DeviceError::Bug("a pending commit is stored"))?;
        let is_move = self.mls.pending_commit().is_some_and(|staged| staged.queued_proposals().next().is_some());
        let provider = Provider::new(cx.crypto, &mut *cx.rng, cx.storage);
        self.mls.merge_pending_commit(&provider).map_err(|_| DeviceError::Bug("a pending commit merges"))?;
        let plan = self.plans.get(&pending.plan).cloned();
        self.drop_plan(cx, pending.plan, Ok(Outcome::Done))?;
        self.record.last_commit_ms = cx.now_ms;
        self.schedule_update(cx);
        let flow = self.entered(cx, is_move, cell)?;
        if let (Some(plan), Some(welcome)) = (plan, pending.welcome) {
            self.send_welcomes(cx, &plan, &welcome)?;
        }
        Ok(flow)
    }

    /// Merges another member's commit.
    pub(super) fn merge_other(
        &mut self,
        cx: &mut Cx<'_>,
        cell: &Cell,
        staged: StagedCommit,
        judgement: &Judgement,
    ) -> Result<Flow, DeviceError> {
        let provider = Provider::new(cx.crypto, &mut *cx.rng, cx.storage);
        self.mls.merge_staged_commit(&provider, staged).map_err(|_| DeviceError::Bug("a valid commit merges"))?;
        if self.record.is_direct {
            self.record.last_commit_ms = cx.now_ms;
        }
        self.entered(cx, judgement.is_move, Some(cell))
    }

    /// A new epoch began: keys change, the outbox goes back to intents, and with proposals the lane moves.
    fn entered(&mut self, cx: &mut Cx<'_>, is_move: bool, cell: Option<&Cell>) -> Result<Flow, DeviceError> {
        self.pending = None;
        cx.storage.delete(Space::Pending, &self.record.id)?;
        if !self.mls.is_active() {
            return self.left(cx);
        }
        let authenticator = self.mls.epoch_authenticator().as_slice().to_vec();
        if authenticator == self.record.authenticator {
            return Err(DeviceError::Bug("a merge changes the epoch authenticator"));
        }
        self.record.authenticator = authenticator;
        self.record.epoch = self.mls.epoch().as_u64();
        if is_move {
            self.record.leaves = super::validate::leaf_count(&self.mls);
        }
        self.record.epoch_start = self.record.cursor;
        self.record.sealed_in_epoch = 0;
        self.record.suspect = None;
        self.record.unreadable.clear();
        let was_suspect = self.record.state == ConversationState::Suspect;
        if was_suspect {
            self.record.state = ConversationState::Active;
        }
        self.out.next_epoch(cx.storage)?;
        self.wire.acked.clear();
        (self.wire.is_held, self.wire.is_commit_sent, self.wire.stale_tries) = (false, false, 0);
        if is_move {
            self.move_lane(cx, cell)?;
        }
        let (cell_key, whisper_key) = derive_epoch_keys(cx.crypto, &self.mls, &self.lane_id())?;
        (self.record.cell_key, self.record.whisper_key) = (cell_key, whisper_key);
        self.replan(cx)?;
        if is_move || was_suspect {
            self.announce(cx)?;
        }
        self.save(cx)?;
        Ok(if is_move { Flow::Stop } else { Flow::Next })
    }

    fn move_lane(&mut self, cx: &mut Cx<'_>, cell: Option<&Cell>) -> Result<(), DeviceError> {
        let policy = self.policy()?;
        let link = self.link();
        if let (Some(handle), Some(state)) = (self.wire.handle, cx.links.ready(&link)) {
            state.owners.remove(&handle);
        }
        self.check_move_receipts(cx)?;
        let is_same_node = policy.node_url == self.record.node_url && policy.node_key.0 == self.record.node_key;
        self.previous = match cell {
            Some(cell) if is_same_node => {
                let seq = self.record.cursor;
                let head_before = match seq - 1 {
                    0 => wire::lane::head_zero(&self.lane_id()),
                    before => {
                        record::step_at(cx.storage, &self.record.id, before)?.map_or(Hash::ZERO, |step| step.head)
                    }
                };
                Some(PreviousLane {
                    lane: self.record.lane.clone(),
                    seq,
                    head_before: head_before.0,
                    head: self.record.head,
                    gen_before: self.record.gen_now.saturating_sub(1),
                    attach: cell.attach.0,
                    body: cell.body.to_vec(),
                    until_ms: cx.now_ms.saturating_add(PREVIOUS_MS),
                })
            }
            _ => None,
        };
        record::put_previous(cx.storage, &self.record.id, self.previous.as_ref())?;
        self.record.previous_head = if cell.is_some() { self.record.head } else { [0; 32] };
        record::forget_chain(cx.storage, &self.record.id, 0)?;
        self.recent.clear();
        (self.record.node_url, self.record.node_key) = (policy.node_url, policy.node_key.0);
        self.record.lane = derive_lane(cx.crypto, &self.mls, &NodeKey(self.record.node_key))?;
        (self.record.cursor, self.record.gen_now, self.record.epoch_start) = (0, 0, 0);
        self.record.head = wire::lane::head_zero(&self.lane_id()).0;
        (self.record.lane_since_ms, self.record.lane_bytes) = (cx.now_ms, 0);
        self.wire = record::Wire::default();
        Ok(())
    }

    /// Ends a conversation that the other side never came to.
    pub(crate) fn end(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        self.left(cx).map(|_| ())
    }

    /// Another group takes this one's place.
    pub(crate) fn restarted(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        self.record.state = ConversationState::Restarted;
        self.forget_keys(cx)?;
        storage::clear(cx.storage, Space::Outbox, &self.record.id)?;
        self.announce(cx)?;
        self.save(cx)?;
        Ok(())
    }

    /// Nothing of this conversation is read or written any more: connection state, keys and secrets go (LANE.md I7).
    fn forget_keys(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        let link = self.link();
        if let (Some(handle), Some(state)) = (self.wire.handle, cx.links.ready(&link)) {
            state.owners.remove(&handle);
        }
        self.wire = record::Wire::default();
        record::forget_chain(cx.storage, &self.record.id, 0)?;
        self.recent.clear();
        self.previous = None;
        record::put_previous(cx.storage, &self.record.id, None)?;
        self.record.lane = crate::lane::LaneKeys::derive(wire::lane::LaneClass::Group, &[0; 32]);
        (self.record.cell_key, self.record.whisper_key) =
            (crate::lane::SealKey::new([0; 32]), crate::lane::SealKey::new([0; 32]));
        // It can come back no more: nothing is read from here on (LANE.md C7).
        if self.mls.pending_commit().is_some() {
            let provider = Provider::new(cx.crypto, &mut *cx.rng, cx.storage);
            self.mls
                .clear_pending_commit(openmls_traits::OpenMlsProvider::storage(&provider))
                .map_err(|_| DeviceError::Bug("a pending commit is dropped"))?;
        }
        self.pending = None;
        cx.storage.delete(Space::Pending, &self.record.id)?;
        MlsStore(cx.storage).forget_secrets(self.mls.group_id())?;
        Ok(())
    }

    /// Gives up what was not sent.
    pub(crate) fn fail_undelivered(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        let conversation = self.id();
        for item in self.out.drain(cx.storage)? {
            if item.is_shown && !item.is_stored {
                let msg_id = wire::id::MsgId(item.msg_id);
                cx.record(Record::Sent { conversation, msg_id, state: SendState::Failed });
            }
        }
        Ok(())
    }

    /// We are no longer a member: keys go, what was queued fails.
    pub(super) fn left(&mut self, cx: &mut Cx<'_>) -> Result<Flow, DeviceError> {
        self.record.state = ConversationState::Left;
        self.fail_undelivered(cx)?;
        self.drop_plans(cx)?;
        self.forget_keys(cx)?;
        self.announce(cx)?;
        self.save(cx)?;
        Ok(Flow::Stop)
    }
}
