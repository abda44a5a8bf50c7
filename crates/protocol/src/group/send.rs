//! The outbox and the wire (LANE.md C9, C14, s.4 Attest).

use super::record::{Item, ItemState};
use super::{Cx, DeviceError, Group, members_of};
use crate::content::{AppContent, Content, Kind, Seen};
use crate::event::{ConversationState, IntentError, Record};
use crate::lane::{Plaintext, SealedCell, open_whisper, seal_cell, seal_whisper};
use crate::link::{Asked, GroupAsk, Owner};
use bytes::Bytes;
use wire::id::{Hash, LaneId, MsgId};
use wire::lane::{CellKind, Gen, LaneClass};
use wire::limit::{SEALS_AHEAD_MAX, SMALL_GROUP_LEAVES};
use wire::node::{Append, Event, Open, Refusal, Request};
use wire::receipt::Receipt;

/// First wait after a refusal that names none.
const BACKOFF_MS: u64 = 500;
/// Longest wait.
const BACKOFF_MS_MAX: u64 = 60_000;
/// A receipt is asked for after so many cells without one, or after ten minutes.
const ATTEST_CELLS: u32 = 64;
const ATTEST_MS: u64 = 600_000;

impl Group {
    /// Queues a message; it leaves when its turn comes.
    pub(crate) fn send(
        &mut self,
        cx: &mut Cx<'_>,
        msg_id: MsgId,
        message: &Bytes,
        is_shown: bool,
    ) -> Result<Result<(), IntentError>, DeviceError> {
        if !self.is_active() || self.record.state == ConversationState::Leaving {
            return Ok(Err(IntentError::NotActive));
        }
        if self.out.holds(&msg_id) {
            return Ok(Ok(()));
        }
        if is_shown {
            self.update_before_send(cx)?;
        }
        self.queue(cx, msg_id, message.to_vec(), is_shown)?;
        self.save(cx)?;
        self.pump(cx)?;
        Ok(Ok(()))
    }

    /// Queues a message of the protocol's own.
    pub(super) fn send_control(&mut self, cx: &mut Cx<'_>, kind: Kind) -> Result<(), DeviceError> {
        let content = Content { sent_ms: cx.now_ms, timer_s: 0, kind };
        let message = content.encode().map_err(|_| DeviceError::Bug("own content is within its limits"))?;
        let msg_id = MsgId(cx.random());
        self.queue(cx, msg_id, message, false)
    }

    fn queue(&mut self, cx: &mut Cx<'_>, msg_id: MsgId, message: Vec<u8>, is_shown: bool) -> Result<(), DeviceError> {
        let index = self.record.next_index;
        self.record.next_index += 1;
        let item = Item { msg_id: msg_id.0, message, is_shown, is_stored: false, state: ItemState::Intent };
        self.out.push(cx.storage, index, item)?;
        Ok(())
    }

    /// Says that we leave, and stops; the last admin must appoint another first (LANE.md C12).
    pub(crate) fn leave(&mut self, cx: &mut Cx<'_>) -> Result<Result<(), IntentError>, DeviceError> {
        if !self.is_active() {
            return Ok(Err(IntentError::NotActive));
        }
        let policy = self.policy()?;
        let me = cx.me.identity.account_id;
        let others: Vec<_> = members_of(&self.mls).into_iter().filter(|(_, who)| who.account_id != me).collect();
        let has_other_admin = others.iter().any(|(_, who)| policy.is_admin(&who.account_id));
        if !others.is_empty() && policy.is_admin(&me) && !has_other_admin {
            return Ok(Err(IntentError::LastAdmin));
        }
        if others.is_empty() {
            return self.left(cx).map(|_| Ok(()));
        }
        self.send_control(cx, Kind::Leave)?;
        self.record.state = ConversationState::Leaving;
        // "Stops": whoever leaves commits nothing more, or the admins who see the leave might be gone by then.
        self.drop_plans(cx)?;
        self.announce(cx)?;
        self.save(cx)?;
        self.pump(cx)?;
        Ok(Ok(()))
    }

    /// Sends a hint that is never stored; dropped silently where it cannot go (LANE.md C14).
    pub(crate) fn whisper(&mut self, cx: &mut Cx<'_>, content: &[u8]) {
        let Some(handle) = self.wire.handle else { return };
        if !self.is_active() || self.record.leaves as usize > SMALL_GROUP_LEAVES {
            return;
        }
        if let Ok(body) = seal_whisper(&self.record.whisper_key, &self.lane_id(), content, cx.rng) {
            self.ask(cx, GroupAsk::Whisper, Request::Whisper { handle, body: body.into() });
        }
    }

    /// A whisper came: only a hint, any member could have made it.
    pub(crate) fn on_whisper(&self, cx: &mut Cx<'_>, body: &[u8]) {
        let Ok(content) = open_whisper(&self.record.whisper_key, &self.lane_id(), body) else { return };
        let Ok(whisper) = crate::content::WhisperContent::parse(&content) else { return };
        let is_member = members_of(&self.mls).iter().any(|(_, who)| who.device_id == whisper.device_id);
        if is_member && whisper.device_id != cx.me.identity.device_id {
            let conversation = self.id();
            cx.record(Record::Whispered { conversation, device: whisper.device_id, content: content.into() });
        }
    }

    /// Queues a request on the conversation's connection; false while there is none.
    pub(super) fn ask(&self, cx: &mut Cx<'_>, ask: GroupAsk, request: Request) -> bool {
        cx.links.ask(&self.link(), Asked::Group(self.id(), self.lane_id(), ask), request)
    }

    pub(super) fn append(&mut self, cx: &mut Cx<'_>, ask: GroupAsk, cell: &SealedCell, if_gen: Gen) -> bool {
        let Some(handle) = self.wire.handle else { return false };
        let request = Request::Append(Append {
            handle,
            nth: self.wire.nth.wrapping_add(self.wire.flight.len() as u32),
            kind: cell.kind(),
            if_gen,
            attach: Hash(cell.attach),
            body: cell.body.clone().into(),
            work: 0,
        });
        self.ask(cx, ask, request)
    }

    /// Does whatever can be done now: opens, commits, seals, appends.
    pub(crate) fn pump(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        if !self.is_active() || self.record.state == ConversationState::Rejoining {
            return Ok(());
        }
        let members = self.record.leaves;
        if members > 1 {
            let link = self.link();
            cx.links.want(&link);
            if !self.may_use(cx) {
                return Ok(());
            }
            if cx.now_ms < self.wire.retry_at_ms {
                return Ok(());
            }
            self.wire.retry_at_ms = 0;
            if self.wire.handle.is_none() {
                self.open(cx);
                return Ok(());
            }
            if self.wire.is_draining {
                if !self.wire.flight.is_empty() {
                    return Ok(());
                }
                self.wire.is_draining = false;
            }
            self.read_on(cx);
            let is_behind = self.record.cursor < self.wire.need;
            if is_behind || self.wire.waiting.is_some() || self.wire.probe.is_some() {
                return Ok(());
            }
        }
        if self.pending.is_some() {
            if !self.wire.is_commit_sent {
                // Nothing more is sealed until what is in flight has landed and the commit can go.
                if self.wire.flight.is_empty() {
                    self.append_commit(cx)?;
                }
                return Ok(());
            }
        } else if self.record.suspect.is_none() && self.has_plan(cx)? {
            if !self.wire.flight.is_empty() {
                return Ok(());
            }
            self.begin_commit(cx)?;
            if self.pending.is_some() || self.has_plan(cx)? || self.wire.handle.is_none() {
                return self.pump_again(cx);
            }
        }
        if self.wire.is_held || members < 2 {
            return Ok(());
        }
        self.append_sealed(cx);
        self.seal_more(cx)
    }

    fn pump_again(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        // A lone member's commit merges at once; the next plan or the fresh lane follows.
        if self.pending.is_some() {
            if !self.wire.is_commit_sent && self.wire.flight.is_empty() && self.wire.handle.is_some() {
                self.append_commit(cx)?;
            }
            return Ok(());
        }
        self.pump(cx)
    }

    /// Whether the connection stands and leads to the node that the group names.
    fn may_use(&self, cx: &mut Cx<'_>) -> bool {
        let key = self.record.node_key;
        cx.links
            .ready(&self.link())
            .is_some_and(|state| state.hello.as_ref().is_some_and(|hello| hello.node_key.0 == key))
    }

    fn open(&mut self, cx: &mut Cx<'_>) {
        if self.wire.is_opening {
            return;
        }
        let lane = &self.record.lane;
        let request = Request::Open(Open {
            class: LaneClass::Group,
            lane_id: lane.id(),
            read_cap: Some(lane.read_cap()),
            write_cap: Some(lane.write_cap()),
            after: self.record.cursor,
            expires_s: 0,
        });
        self.wire.is_opening = self.ask(cx, GroupAsk::Open, request);
        self.open_previous(cx);
    }

    fn append_sealed(&mut self, cx: &mut Cx<'_>) {
        let on_their_way = self.wire.acked.len() + self.wire.flight.iter().flatten().count();
        if on_their_way == self.out.sealed_count() {
            return;
        }
        for index in self.out.sealed_indexes() {
            let is_on_its_way = self.wire.acked.contains_key(&index) || self.wire.flight.contains(&Some(index));
            if !is_on_its_way && !self.append_item(cx, index) {
                break;
            }
        }
    }

    fn append_item(&mut self, cx: &mut Cx<'_>, index: u64) -> bool {
        let Some(body) = self.out.sealed_body(index) else { return false };
        let cell = SealedCell { is_handshake: false, attach: [0; 32], body: body.to_vec(), blob: None };
        let is_sent = self.append(cx, GroupAsk::Item(index), &cell, self.record.gen_now);
        if is_sent {
            self.wire.flight.push_back(Some(index));
        }
        is_sent
    }

    /// Seals in order, at most 64 ahead of what was read back.
    fn seal_more(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        let room = SEALS_AHEAD_MAX.saturating_sub(self.out.sealed_count());
        let waiting = self.out.next_intents(room, self.record.suspect.is_some());
        if waiting.is_empty() {
            return Ok(());
        }
        for index in waiting {
            if self.record.sealed_in_epoch as usize >= wire::limit::SEALS_PER_EPOCH_MAX {
                self.update_before_send(cx)?;
                break;
            }
            self.seal(cx, index)?;
            if !self.append_item(cx, index) {
                break;
            }
        }
        self.save(cx)?;
        if self.pending.is_none() && self.wire.flight.is_empty() && self.has_plan(cx)? {
            self.begin_commit(cx)?;
            return self.pump_again(cx);
        }
        Ok(())
    }

    fn seal(&mut self, cx: &mut Cx<'_>, index: u64) -> Result<(), DeviceError> {
        let seen =
            Seen { seq: self.record.cursor, head: Hash(self.record.head), prev: Hash(self.record.previous_head) };
        let lane_id = self.lane_id();
        let Some(item) = self.out.intent(index) else { return Ok(()) };
        let content = AppContent { msg_id: MsgId(item.msg_id), seen, message: item.message.clone().into() };
        let provider = super::Provider::new(cx.crypto, &mut *cx.rng, cx.storage);
        let message = self
            .mls
            .create_message(&provider, &cx.me.key, &content.encode())
            .map_err(|_| DeviceError::Bug("an active group without proposals seals"))?;
        let mls = message.to_bytes().map_err(|_| DeviceError::Bug("a message encodes"))?;
        let plaintext = Plaintext { mls, certificates: Vec::new() };
        let cell = seal_cell(&self.record.cell_key, &lane_id, CellKind::App, &plaintext, cx.rng)
            .map_err(|_| DeviceError::Bug("content is within its limits"))?;
        if cell.blob.is_some() {
            return Err(DeviceError::Bug("content fits a cell"));
        }
        let body_hash = cell.body_hash().0;
        self.out.seal(cx.storage, index, cell.body, body_hash)?;
        self.record.sealed_in_epoch += 1;
        Ok(())
    }

    /// The node's answer to something that this conversation asked. What was asked of a lane that was left since says
    /// nothing about the present one.
    pub(crate) fn on_answer(
        &mut self,
        cx: &mut Cx<'_>,
        lane: &LaneId,
        ask: GroupAsk,
        event: Event,
    ) -> Result<(), DeviceError> {
        let is_present = match ask {
            GroupAsk::PreviousOpen | GroupAsk::PreviousAppend => {
                self.previous.as_ref().is_some_and(|previous| previous.lane.id() == *lane)
            }
            _ => self.lane_id() == *lane,
        };
        if !is_present {
            return Ok(());
        }
        match (ask, event) {
            (GroupAsk::Open, Event::Opened { handle, page }) => self.on_opened(cx, handle, page),
            (GroupAsk::Open, Event::Refused(refusal)) => {
                self.wire.is_opening = false;
                self.on_refused_read(cx, refusal)
            }
            (GroupAsk::Read, Event::Page(page)) => self.on_page(cx, page),
            (GroupAsk::Read, Event::Refused(refusal)) => {
                self.wire.is_reading = false;
                self.on_refused_read(cx, refusal)
            }
            (GroupAsk::Commit, Event::Receipt(receipt)) => self.on_append_receipt(cx, None, &receipt),
            (GroupAsk::Item(index), Event::Receipt(receipt)) => self.on_append_receipt(cx, Some(index), &receipt),
            (GroupAsk::Commit, Event::Refused(refusal)) => self.on_append_refused(cx, None, refusal),
            (GroupAsk::Item(index), Event::Refused(refusal)) => self.on_append_refused(cx, Some(index), refusal),
            (GroupAsk::Attest, Event::Receipt(receipt)) => {
                self.on_receipt(cx, &receipt)?;
                self.read_on(cx);
                self.save(cx)?;
                Ok(())
            }
            (GroupAsk::PreviousOpen | GroupAsk::PreviousAppend, event) => self.on_previous(cx, ask, event),
            // Whatever else a node says is no answer to the question: its own fault, and nothing to act on.
            (GroupAsk::Attest | GroupAsk::Whisper, _) | (_, _) => Ok(()),
        }
    }

    fn on_opened(
        &mut self,
        cx: &mut Cx<'_>,
        handle: wire::node::Handle,
        page: wire::node::Page,
    ) -> Result<(), DeviceError> {
        self.wire.is_opening = false;
        self.wire.handle = Some(handle);
        self.wire.attest_at_ms = cx.now_ms.saturating_add(ATTEST_MS);
        let link = self.link();
        if let Some(state) = cx.links.ready(&link) {
            state.owners.insert(handle, Owner::Group(self.id()));
        }
        self.on_page(cx, page)
    }

    fn on_refused_read(&mut self, cx: &mut Cx<'_>, refusal: Refusal) -> Result<(), DeviceError> {
        match refusal {
            Refusal::Gone { first_seq } => self.on_gone(cx, first_seq),
            Refusal::Busy { retry_after_ms } | Refusal::Full { retry_after_ms } => {
                self.back_off(cx, retry_after_ms);
                Ok(())
            }
            _ => {
                self.back_off(cx, 0);
                Ok(())
            }
        }
    }

    fn on_append_receipt(&mut self, cx: &mut Cx<'_>, index: Option<u64>, receipt: &Receipt) -> Result<(), DeviceError> {
        self.wire.nth = self.wire.nth.wrapping_add(1);
        self.landed(index);
        self.wire.backoff = 0;
        if let Some(index) = index
            && self.out.sealed_body(index).is_some()
        {
            if receipt.seq <= self.record.cursor {
                // The cursor has passed it and it was not ours there: the same bytes again (LANE.md C9).
                self.wire.is_draining = true;
            } else {
                self.wire.acked.insert(index, receipt.seq);
            }
            if receipt.gen_before <= self.record.gen_now
                && cx.verified.check(receipt, &wire::id::NodeKey(self.record.node_key), &self.lane_id())
            {
                self.mark_stored(cx, index)?;
            }
        }
        self.on_receipt(cx, receipt)?;
        self.read_own(cx, index, receipt)?;
        self.read_on(cx);
        self.save(cx)?;
        self.pump(cx)
    }

    /// The receipt of an own cell that is next in the lane stands for reading it back: the node's signature says
    /// that the log continues with exactly these bytes, as a pushed cell would.
    fn read_own(&mut self, cx: &mut Cx<'_>, index: Option<u64>, receipt: &Receipt) -> Result<(), DeviceError> {
        if receipt.seq != self.record.cursor + 1 || self.wire.probe.is_some() || self.wire.waiting.is_some() {
            return Ok(());
        }
        let own = match index {
            None => self.pending_cell(cx)?.map(|cell| (cell.kind(), Hash(cell.attach), cell.body)),
            Some(index) => self.out.sealed_body(index).map(|body| (CellKind::App, Hash::ZERO, body.to_vec())),
        };
        let Some((kind, attach, body)) = own else { return Ok(()) };
        let cell =
            wire::lane::Cell { seq: receipt.seq, gen_before: receipt.gen_before, kind, attach, body: body.into() };
        let is_next =
            receipt.gen_before == self.record.gen_now && cell.head_after(&Hash(self.record.head)) == receipt.head;
        if is_next {
            self.receive(cx, &cell)?;
        }
        Ok(())
    }

    fn landed(&mut self, index: Option<u64>) {
        if let Some(at) = self.wire.flight.iter().position(|flying| *flying == index) {
            self.wire.flight.remove(at);
        }
    }

    fn on_append_refused(&mut self, cx: &mut Cx<'_>, index: Option<u64>, refusal: Refusal) -> Result<(), DeviceError> {
        self.landed(index);
        self.wire.is_draining = true;
        if index.is_none() {
            self.commit_refused(matches!(refusal, Refusal::Stale { .. }));
        }
        match refusal {
            Refusal::Stale { next_seq, .. } => {
                self.wire.need = self.wire.need.max(next_seq.saturating_sub(1));
                if index.is_none() {
                    let step = 500u64 << self.wire.backoff.min(6);
                    self.wire.backoff += 1;
                    self.wire.retry_at_ms = cx.now_ms.saturating_add(cx.jitter(step));
                }
                self.read_on(cx);
            }
            Refusal::OutOfOrder => {}
            Refusal::NoBlob => (self.wire.is_blob_durable, self.wire.is_blob_put) = (false, false),
            Refusal::Busy { retry_after_ms } => self.back_off(cx, retry_after_ms),
            Refusal::Full { retry_after_ms } => {
                self.back_off(cx, retry_after_ms);
                self.plan(cx, super::Plan::Rotate)?;
            }
            _ => self.back_off(cx, 0),
        }
        self.save(cx)?;
        self.pump(cx)
    }

    /// Waits before the next try: as long as the node asked, else longer each time, with full jitter.
    pub(super) fn back_off(&mut self, cx: &mut Cx<'_>, retry_after_ms: u32) {
        let step = (BACKOFF_MS << self.wire.backoff.min(7)).min(BACKOFF_MS_MAX);
        self.wire.backoff = self.wire.backoff.saturating_add(1);
        let wait = u64::from(retry_after_ms).max(1 + cx.jitter(step));
        self.wire.retry_at_ms = cx.now_ms.saturating_add(wait);
    }

    /// Asks for a receipt when there was none for 64 cells or ten minutes.
    pub(super) fn attest_due(&mut self, cx: &mut Cx<'_>) {
        let Some(handle) = self.wire.handle else { return };
        if cx.now_ms < self.wire.attest_at_ms && self.wire.cells_since_receipt < ATTEST_CELLS {
            return;
        }
        self.wire.attest_at_ms = cx.now_ms.saturating_add(ATTEST_MS);
        if self.wire.cells_since_receipt > 0 {
            self.wire.cells_since_receipt = 0;
            self.ask(cx, GroupAsk::Attest, Request::Attest { handle });
        }
    }
}
