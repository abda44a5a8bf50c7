//! Cells in, one by one, in the lane's order (LANE.md C1 to C5, C10, C11).

use super::record::{self, Probe, Step};
use super::validate::{Certificates, Judgement, identity_at, judge};
use super::{Cx, DeviceError, Flow, Group, is_handshake};
use crate::contact::check_path_keys;
use crate::content::{AppContent, Call, CallSignal, Content, Kind};
use crate::event::{Alert, CallHeard, ConversationState, Effect, Record, SendState};
use crate::identity::DeviceIdentity;
use crate::lane::{Opened, Plaintext, open_cell, open_cell_blob};
use crate::storage::Space;
use openmls::group::StageCommitError;
use openmls::prelude::{
    MlsMessageBodyIn, MlsMessageIn, ProcessMessageError, ProcessedMessageContent, ProtocolMessage, Sender, StagedCommit,
};
use std::collections::BTreeMap;
use tls_codec::Deserialize as _;
use wire::id::{BlobId, Hash};
use wire::lane::{Cell, Seq};
use wire::node::Page;
use wire::receipt::Receipt;

/// Why an opened cell does not count.
enum Ignored {
    /// Not for this epoch, not valid, or seen before: skipped by everybody alike.
    Invalid,
    /// A signed commit whose public part is valid; only our part of its path fails.
    Broken { committer: DeviceIdentity, leaf: u32 },
    /// A commit from our own leaf that is not the pending one.
    OwnCommit,
    /// A cell in our own name that we never made.
    OwnApp,
}

/// What an opened cell turned out to be.
enum Read {
    App { sender: DeviceIdentity, content: Vec<u8> },
    Commit { staged: Box<StagedCommit>, judgement: Judgement, leaf: u32 },
    Ignored(Ignored),
}

impl Group {
    /// A page of the present lane.
    pub(crate) fn on_page(&mut self, cx: &mut Cx<'_>, page: Page) -> Result<(), DeviceError> {
        self.wire.is_reading = false;
        if self.wire.probe.is_some() {
            return self.probe_page(cx, page);
        }
        let last = page.next_seq.saturating_sub(1);
        let is_shorter = last < self.record.cursor || self.held_beyond(cx, last)?;
        if is_shorter {
            return self.diverged(cx);
        }
        if page.first_seq > self.record.cursor + 1 && last > self.record.cursor {
            return self.on_gone(cx, page.first_seq);
        }
        if !self.continues(cx, &page) {
            return self.diverged(cx);
        }
        self.wire.need = self.wire.need.max(last);
        let lane = self.lane_id();
        for cell in &page.cells {
            if cell.seq == self.record.cursor + 1 && self.receive(cx, cell)? == Flow::Stop {
                break;
            }
        }
        if self.lane_id() == lane {
            if let Some(receipt) = page.receipt {
                self.on_receipt(cx, &receipt)?;
            }
            self.read_on(cx);
        }
        self.save(cx)?;
        self.pump(cx)
    }

    /// A pushed cell of the present lane: a hint, used when it is the next one.
    pub(crate) fn on_push(&mut self, cx: &mut Cx<'_>, cell: &Cell) -> Result<(), DeviceError> {
        self.wire.need = self.wire.need.max(cell.seq);
        if self.wire.probe.is_some() || self.wire.waiting.is_some() {
            return Ok(());
        }
        if cell.seq == self.record.cursor + 1 {
            self.wire.is_pushed = true;
            let received = self.receive(cx, cell);
            self.wire.is_pushed = false;
            received?;
            self.save(cx)?;
        }
        self.read_on(cx);
        self.pump(cx)
    }

    /// Cells were not pushed.
    pub(crate) fn on_lag(&mut self, cx: &mut Cx<'_>, next_seq: Seq) -> Result<(), DeviceError> {
        self.wire.need = self.wire.need.max(next_seq.saturating_sub(1));
        self.read_on(cx);
        Ok(())
    }

    /// Asks for the next page if there is one to ask for.
    pub(super) fn read_on(&mut self, cx: &mut Cx<'_>) {
        let is_behind = self.record.cursor < self.wire.need;
        if let Some(handle) = self.wire.handle
            && is_behind
            && !self.wire.is_reading
            && self.wire.waiting.is_none()
            && self.wire.probe.is_none()
        {
            let request = wire::node::Request::Read { handle, after: self.record.cursor };
            self.wire.is_reading = self.ask(cx, crate::link::GroupAsk::Read, request);
        }
    }

    /// Takes the next cell of the lane. The caller has checked its position and saves the record.
    pub(super) fn receive(&mut self, cx: &mut Cx<'_>, cell: &Cell) -> Result<Flow, DeviceError> {
        let body_hash = cell.body_hash();
        let is_own_commit = self.pending.as_ref().is_some_and(|pending| {
            is_handshake(cell) && pending.attach == cell.attach && pending.body_hash == body_hash
        });
        let own_item = self.sealed_item(cell, &body_hash);
        let mut plaintext = None;
        if !is_own_commit && own_item.is_none() {
            plaintext = match open_cell(&self.record.cell_key, &self.lane_id(), cell.kind, &cell.attach, &cell.body) {
                Ok(Opened::Here(plaintext)) => Some(plaintext),
                Ok(Opened::InBlob { key, len }) if is_handshake(cell) => match self.wire.blob.take() {
                    Some((attach, blob)) if attach == cell.attach => {
                        open_cell_blob(&key, &self.lane_id(), len, &blob).ok()
                    }
                    _ => {
                        // Withheld or on its way: wait, never skip (LANE.md C5).
                        self.wire.waiting = Some(cell.clone());
                        cx.effects.push(Effect::GetBlob(self.record.node_url.clone(), BlobId(cell.attach.0)));
                        return Ok(Flow::Stop);
                    }
                },
                Ok(Opened::InBlob { .. }) | Err(_) => None,
            };
        }
        self.advance(cx, cell, body_hash)?;
        if is_own_commit {
            return self.merge_own(cx, Some(cell));
        }
        if let Some(index) = own_item {
            self.delivered(cx, index, cell.seq)?;
            return Ok(Flow::Next);
        }
        match plaintext {
            Some(plaintext) => self.take_plaintext(cx, cell, &plaintext),
            None => {
                self.count_unreadable(cx)?;
                Ok(Flow::Next)
            }
        }
    }

    /// Extends head and gen, keeps the step, and checks held receipts against it.
    fn advance(&mut self, cx: &mut Cx<'_>, cell: &Cell, body_hash: Hash) -> Result<(), DeviceError> {
        let head = wire::lane::head_next(&Hash(self.record.head), cell.seq, cell.kind, &cell.attach, &body_hash);
        let gen_before = self.record.gen_now;
        self.record.cursor = cell.seq;
        self.record.head = head.0;
        self.record.gen_now = gen_before.saturating_add(u32::from(is_handshake(cell)));
        self.record.lane_bytes = self.record.lane_bytes.saturating_add(cell.body.len() as u64);
        self.wire.cells_since_receipt = self.wire.cells_since_receipt.saturating_add(1);
        record::put_step(cx.storage, &self.record.id, cell.seq, &Step::of(cell, head, gen_before, body_hash))?;
        Ok(())
    }

    fn sealed_item(&self, cell: &Cell, hash: &Hash) -> Option<u64> {
        if is_handshake(cell) || cell.attach != Hash::ZERO {
            return None;
        }
        self.out.sealed_as(&hash.0)
    }

    fn delivered(&mut self, cx: &mut Cx<'_>, index: u64, seq: Seq) -> Result<(), DeviceError> {
        self.wire.acked.remove(&index);
        let own = self.out.sealed_quiet(index).and_then(|message| Content::parse(message).ok());
        if let Some(Content { sent_ms, kind: Kind::Call(call), .. }) = own {
            self.hear_call(cx, cx.me.identity, sent_ms, call);
        }
        self.mark_stored(cx, index)?;
        self.out.deliver(cx.storage, index, seq)?;
        self.record.sealed_in_epoch = self.record.sealed_in_epoch.saturating_sub(1);
        self.record.last_sender_is_self = true;
        Ok(())
    }

    /// Tells once that the node has an own message on disk.
    pub(super) fn mark_stored(&mut self, cx: &mut Cx<'_>, index: u64) -> Result<(), DeviceError> {
        if let Some(msg_id) = self.out.mark_stored(cx.storage, index)? {
            let conversation = self.id();
            cx.record(Record::Sent { conversation, msg_id, state: SendState::Stored });
        }
        Ok(())
    }

    /// Tells of a call's signal, with what this epoch gives to a call that is answered in it.
    fn hear_call(&self, cx: &mut Cx<'_>, sender: DeviceIdentity, sent_ms: u64, call: Call) {
        let is_change = matches!(&call.signal, CallSignal::Commit(commit) if commit.part + 1 == commit.parts);
        let has_psk = is_change || matches!(call.signal, CallSignal::Answer(_));
        cx.record(Record::Call(Box::new(CallHeard {
            conversation: self.id(),
            sender,
            sent_ms,
            psk: has_psk.then(|| crate::call::derive_psk(cx.crypto, &self.mls, &call.call_id)).flatten(),
            epoch: self.record.epoch,
            members: if is_change { self.call_peers() } else { Vec::new() },
            is_live: self.wire.is_pushed,
            call,
        })));
    }

    fn take_plaintext(&mut self, cx: &mut Cx<'_>, cell: &Cell, plaintext: &Plaintext) -> Result<Flow, DeviceError> {
        let holds_pending = self
            .pending
            .as_ref()
            .is_some_and(|pending| is_handshake(cell) && pending.mls_hash == Hash::of(&[&plaintext.mls]));
        if holds_pending {
            return self.merge_own(cx, Some(cell));
        }
        match self.read_plaintext(cx, cell, plaintext)? {
            Read::App { sender, content } => {
                self.take_app(cx, cell, sender, content)?;
                Ok(Flow::Next)
            }
            Read::Commit { staged, judgement, leaf } => {
                self.note_commit(cx, leaf, &judgement);
                self.merge_other(cx, cell, *staged, &judgement)
            }
            Read::Ignored(Ignored::Invalid) => {
                self.count_unreadable(cx)?;
                Ok(Flow::Next)
            }
            Read::Ignored(Ignored::Broken { committer, leaf }) => {
                self.begin_suspect(cx, &committer, leaf)?;
                Ok(Flow::Next)
            }
            Read::Ignored(Ignored::OwnCommit) => {
                cx.record(Record::Alert { conversation: Some(self.id()), alert: Alert::Restored });
                self.out_of_step(cx, None)?;
                Ok(Flow::Stop)
            }
            Read::Ignored(Ignored::OwnApp) => {
                // An own cell that the node repeats, or that a Rewind gave up, is no sign of a second device.
                let is_requeued = self.wire.is_rewound;
                if !is_requeued && !record::is_repeated(cx.storage, &self.record.id, cell.seq, &cell.body_hash())? {
                    self.restored(cx)?;
                }
                Ok(Flow::Next)
            }
        }
    }

    fn read_plaintext(&mut self, cx: &mut Cx<'_>, cell: &Cell, plaintext: &Plaintext) -> Result<Read, DeviceError> {
        let invalid = Ok(Read::Ignored(Ignored::Invalid));
        let Ok(message) = MlsMessageIn::tls_deserialize_exact(plaintext.mls.as_slice()) else { return invalid };
        let protocol: ProtocolMessage = match message.extract() {
            MlsMessageBodyIn::PublicMessage(public) if is_handshake(cell) => public.into(),
            MlsMessageBodyIn::PrivateMessage(private) if !is_handshake(cell) => private.into(),
            _ => return invalid,
        };
        if protocol.epoch() != self.mls.epoch() || protocol.group_id() != self.mls.group_id() {
            return invalid;
        }
        if is_handshake(cell) && check_path_keys(&plaintext.mls).is_err() {
            return invalid;
        }
        let public_copy = is_handshake(cell).then(|| plaintext.mls.clone());
        let provider = super::Provider::new(cx.crypto, &mut *cx.rng, cx.storage);
        let processed = match self.mls.process_message(&provider, protocol) {
            Ok(processed) => processed,
            Err(ProcessMessageError::StorageError(error)) => return Err(error.into()),
            Err(ProcessMessageError::InvalidCommit(error)) => {
                let certificates = Certificates::new(cx.storage, &plaintext.certificates)?;
                return self.read_broken(cx, public_copy.unwrap_or_default(), &error, &certificates);
            }
            Err(_) => return invalid,
        };
        let sender = processed.sender().clone();
        let Sender::Member(leaf) = sender else { return invalid };
        let Some(identity) = identity_at(&self.mls, leaf) else { return invalid };
        match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(message) if !is_handshake(cell) => {
                Ok(Read::App { sender: identity, content: message.into_bytes() })
            }
            ProcessedMessageContent::StagedCommitMessage(staged) if is_handshake(cell) => {
                let certificates = Certificates::new(cx.storage, &plaintext.certificates)?;
                match judge(self.mls.public_group(), &sender, &staged, &certificates)? {
                    Ok(judgement) => Ok(Read::Commit { staged, judgement, leaf: leaf.u32() }),
                    Err(_) => invalid,
                }
            }
            ProcessedMessageContent::OwnPrivateMessage => Ok(Read::Ignored(Ignored::OwnApp)),
            _ => invalid,
        }
    }

    /// A commit that OpenMLS refused for a reason that may be ours alone: judged by its public part.
    fn read_broken(
        &self,
        cx: &Cx<'_>,
        mls: Vec<u8>,
        error: &StageCommitError,
        certificates: &Certificates<'_>,
    ) -> Result<Read, DeviceError> {
        let invalid = Ok(Read::Ignored(Ignored::Invalid));
        let Ok(message) = MlsMessageIn::tls_deserialize_exact(mls.as_slice()) else { return invalid };
        let MlsMessageBodyIn::PublicMessage(public) = message.extract() else { return invalid };
        let Ok(processed) = self.mls.public_group().process_message(cx.crypto, public) else { return invalid };
        let sender = processed.sender().clone();
        let Sender::Member(leaf) = sender else { return invalid };
        let Some(committer) = identity_at(&self.mls, leaf) else { return invalid };
        let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else { return invalid };
        if judge(self.mls.public_group(), &sender, &staged, certificates)?.is_err() {
            return invalid;
        }
        if matches!(error, StageCommitError::OwnCommitMismatch) {
            return Ok(Read::Ignored(Ignored::OwnCommit));
        }
        Ok(Read::Ignored(Ignored::Broken { committer, leaf: leaf.u32() }))
    }

    fn take_app(
        &mut self,
        cx: &mut Cx<'_>,
        cell: &Cell,
        sender: DeviceIdentity,
        content: Vec<u8>,
    ) -> Result<(), DeviceError> {
        // Another leaf's cell opens: the epoch that we stayed in is alive.
        if self.record.suspect.take().is_some() {
            self.record.state = ConversationState::Active;
            self.announce(cx)?;
        }
        let Ok(content) = AppContent::parse(content.into()) else { return Ok(()) };
        self.check_seen(cx, cell.seq, &sender, &content)?;
        let key = [self.record.id.as_slice(), &sender.device_id.0, &content.msg_id.0].concat();
        if cx.storage.get(Space::Shown, &key)?.is_some() {
            return Ok(());
        }
        cx.storage.put(Space::Shown, &key, &cx.now_ms.to_be_bytes())?;
        self.record.last_sender_is_self = false;
        let parsed = Content::parse(&content.message);
        let sent_ms = parsed.as_ref().map_or(0, |content| content.sent_ms);
        match parsed.map(|content| content.kind) {
            Ok(Kind::Call(call)) => self.hear_call(cx, sender, sent_ms, call),
            Ok(Kind::Leave) => self.member_leaves(cx, &sender)?,
            Ok(Kind::Ping) => {}
            Ok(Kind::Receipts { receipts }) => self.take_receipts(cx, &sender, &receipts)?,
            Ok(_) => cx.record(Record::Received {
                conversation: self.id(),
                msg_id: content.msg_id,
                account: sender.account_id,
                device: sender.device_id,
                message: content.message,
                at_ms: cx.now_ms,
            }),
            Err(_) => {}
        }
        Ok(())
    }

    /// A receipt for a position of the present lane (LANE.md s.4).
    pub(super) fn on_receipt(&mut self, cx: &mut Cx<'_>, receipt: &Receipt) -> Result<(), DeviceError> {
        let lane_id = self.lane_id();
        if !cx.verified.check(receipt, &wire::id::NodeKey(self.record.node_key), &lane_id) {
            return self.diverged(cx);
        }
        self.wire.need = self.wire.need.max(receipt.seq);
        self.wire.cells_since_receipt = 0;
        if receipt.seq.is_multiple_of(16) || receipt.seq > self.record.cursor + 16 {
            record::hold_receipt(cx.storage, &self.record.id, receipt)?;
        }
        self.keep_receipt(receipt);
        if receipt.seq > self.record.cursor {
            return Ok(());
        }
        let agrees = if receipt.seq == 0 {
            false
        } else {
            record::step_at(cx.storage, &self.record.id, receipt.seq)?
                .is_none_or(|step| step.head == receipt.head && step.gen_before == receipt.gen_before)
        };
        if agrees { Ok(()) } else { self.diverged(cx) }
    }

    /// Whether a receipt is held for a position that the node's log no longer reaches.
    fn held_beyond(&self, cx: &Cx<'_>, last: Seq) -> Result<bool, DeviceError> {
        let held = self.held_receipts(cx)?;
        Ok(held.iter().any(|receipt| receipt.seq > last))
    }

    /// The receipts held for the present lane, by position: the latest, and those on disk; as many as a message takes.
    pub(super) fn held_receipts(&self, cx: &Cx<'_>) -> Result<Vec<Receipt>, DeviceError> {
        let mut held = self.recent.clone();
        for receipt in record::load_receipts(cx.storage, &self.record.id)? {
            held.entry(receipt.seq).or_insert(receipt);
        }
        while held.len() > wire::limit::RECEIPTS_KEPT {
            held.pop_first();
        }
        Ok(held.into_values().collect())
    }

    /// Whether a page that reaches the lane's end continues our log, by its receipt: known before any of its cells
    /// is processed, so that no commit of another history ends our epoch.
    fn continues(&mut self, cx: &mut Cx<'_>, page: &Page) -> bool {
        let Some(receipt) = &page.receipt else { return true };
        let (mut seq, mut head) = (self.record.cursor, Hash(self.record.head));
        for cell in page.cells.iter().filter(|cell| cell.seq > self.record.cursor) {
            if cell.seq != seq + 1 {
                return true;
            }
            (seq, head) = (cell.seq, cell.head_after(&head));
        }
        let is_signed = cx.verified.check(receipt, &wire::id::NodeKey(self.record.node_key), &self.lane_id());
        if receipt.seq != seq || !is_signed {
            return true;
        }
        if receipt.head == head {
            self.keep_receipt(receipt);
        }
        receipt.head == head
    }

    fn keep_receipt(&mut self, receipt: &Receipt) {
        self.recent.insert(receipt.seq, receipt.clone());
        if self.recent.len() > wire::limit::RECEIPTS_KEPT {
            self.recent.pop_first();
        }
    }

    /// Begins to read again from the epoch's start, to find where the node's log leaves ours.
    pub(super) fn diverged(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        if self.wire.probe.is_some() {
            return Ok(());
        }
        let start = self.record.epoch_start;
        let head = match start {
            0 => Some((wire::lane::head_zero(&self.lane_id()), 0)),
            start => record::step_at(cx.storage, &self.record.id, start)?.map(|step| {
                (
                    step.head,
                    step.gen_before.saturating_add(u32::from(step.link.kind == wire::lane::CellKind::Handshake)),
                )
            }),
        };
        let (Some((head, gen_now)), Some(handle)) = (head, self.wire.handle) else {
            return self.out_of_step(cx, None);
        };
        self.wire.probe = Some(Probe {
            steps: BTreeMap::new(),
            at: start,
            head,
            gen_now,
            agreed: Some((start, head, gen_now)),
            is_parted: false,
        });
        self.ask(cx, crate::link::GroupAsk::Read, wire::node::Request::Read { handle, after: start });
        Ok(())
    }
}

/// A node keeps cells for 30 days by default; twice that is long enough.
const SHOWN_KEPT_MS: u64 = 60 * 86_400_000;

/// Forgets which messages were shown once no node can bring them again.
pub(crate) fn forget_old_shown(cx: &Cx<'_>, now_ms: u64) -> Result<(), DeviceError> {
    for (key, value) in cx.storage.scan(Space::Shown, &[])? {
        let at_ms = value.as_slice().try_into().map_or(0, u64::from_be_bytes);
        if at_ms.saturating_add(SHOWN_KEPT_MS) < now_ms {
            cx.storage.delete(Space::Shown, &key)?;
        }
    }
    Ok(())
}
