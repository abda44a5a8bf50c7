//! When something is wrong: Suspect, OutOfStep, Disputed, Rewind (LANE.md s.6, C4, C10, C11).

use super::record::{self, ItemState, Suspect};
use super::{Cx, DeviceError, Group, Plan, members_of};
use crate::content::{AppContent, Kind};
use crate::event::{Alert, ConversationState, Record};
use crate::identity::DeviceIdentity;
use crate::link::{Asked, GroupAsk};
use std::ops::Bound;
use wire::id::{AccountId, Hash, NodeKey};
use wire::lane::{CellKind, GEN_ANY, LaneClass, Seq};
use wire::node::{Append, Event, Open, Page, Refusal, Request};
use wire::receipt::{Evidence, Receipt};

/// Text is held so long while a commit is suspected.
pub(super) const SUSPECT_MS: u64 = 30_000;
/// A device asks to be added again at most once a day.
pub(super) const READD_MS: u64 = 86_400_000;
/// Unreadable cells within ten minutes that make us ask.
const UNREADABLE_ASK: usize = 8;
const UNREADABLE_ASK_MS: u64 = 600_000;
/// Unreadable cells within an hour that make a flood.
const UNREADABLE_FLOOD: usize = 100;
const UNREADABLE_FLOOD_MS: u64 = 3_600_000;
/// After a cell in our own name: at most one update in ten minutes.
const RESTORED_MS: u64 = 600_000;
/// Commits of one leaf within an hour that are too many.
const COMMITS_MAX: u32 = 60;
const COMMITS_SPAN_MS: u64 = 3_600_000;

impl Group {
    /// Counts a cell that does not open, whoever made it.
    pub(super) fn count_unreadable(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        self.record.unreadable.push_back(cx.now_ms);
        while self.record.unreadable.len() > UNREADABLE_FLOOD
            || self.record.unreadable.front().is_some_and(|at| at.saturating_add(UNREADABLE_FLOOD_MS) < cx.now_ms)
        {
            self.record.unreadable.pop_front();
        }
        if self.record.unreadable.len() == UNREADABLE_FLOOD {
            self.record.unreadable.clear();
            cx.record(Record::Alert { conversation: Some(self.id()), alert: Alert::Flooding });
            return Ok(());
        }
        let recent =
            self.record.unreadable.iter().filter(|at| at.saturating_add(UNREADABLE_ASK_MS) >= cx.now_ms).count();
        if self.record.suspect.is_some() && recent >= UNREADABLE_ASK {
            return self.out_of_step(cx, None);
        }
        Ok(())
    }

    /// A signed commit broke here: stay in the epoch, ping, and hold text until another leaf's cell opens.
    pub(super) fn begin_suspect(
        &mut self,
        cx: &mut Cx<'_>,
        committer: &DeviceIdentity,
        leaf: u32,
    ) -> Result<(), DeviceError> {
        if self.record.suspect.is_some() {
            return self.count_unreadable(cx);
        }
        self.record.suspect =
            Some(Suspect { until_ms: cx.now_ms.saturating_add(SUSPECT_MS), account: committer.account_id.0, leaf });
        self.record.state = ConversationState::Suspect;
        let alert = Alert::BrokenUpdate { account: committer.account_id };
        cx.record(Record::Alert { conversation: Some(self.id()), alert });
        self.send_control(cx, Kind::Ping)?;
        self.announce(cx)
    }

    /// Nobody's cell opened in time: the others moved on.
    pub(super) fn suspect_due(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        if let Some(suspect) = self.record.suspect.take_if(|suspect| suspect.until_ms <= cx.now_ms) {
            return self.out_of_step(cx, Some(suspect.leaf));
        }
        Ok(())
    }

    /// Our state is not the group's: hold sends and ask to be added again (READD), once a day.
    pub(super) fn out_of_step(&mut self, cx: &mut Cx<'_>, suspect_leaf: Option<u32>) -> Result<(), DeviceError> {
        if self.record.state == ConversationState::Rejoining {
            return Ok(());
        }
        self.record.state = ConversationState::Rejoining;
        self.record.suspect = None;
        cx.record(Record::Alert { conversation: Some(self.id()), alert: Alert::Gap });
        self.announce(cx)?;
        self.save(cx)?;
        if cx.now_ms >= self.record.last_readd_ms.saturating_add(READD_MS) || self.record.last_readd_ms == 0 {
            self.record.last_readd_ms = cx.now_ms;
            self.save(cx)?;
            cx.readds.push(super::ReaddWish { group: self.record.id, suspect_leaf });
        }
        Ok(())
    }

    /// Nobody added us again within a day: ask once more.
    pub(super) fn readd_due(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        let is_due = cx.now_ms >= self.record.last_readd_ms.saturating_add(READD_MS);
        if self.record.state == ConversationState::Rejoining && is_due {
            self.record.last_readd_ms = cx.now_ms;
            self.save(cx)?;
            cx.readds.push(super::ReaddWish { group: self.record.id, suspect_leaf: None });
        }
        Ok(())
    }

    /// A device of the group asks to be added again: an admin's client does it, once a day for each leaf.
    pub(crate) fn serve_readd(
        &mut self,
        cx: &mut Cx<'_>,
        device: &DeviceIdentity,
        suspect_leaf: Option<u32>,
        joiner: super::Joiner,
    ) -> Result<bool, DeviceError> {
        let members = members_of(&self.mls);
        let is_member = members.iter().any(|(_, who)| who == device);
        self.record.readd_served.retain(|(_, at)| at.saturating_add(READD_MS) > cx.now_ms);
        let was_served = self.record.readd_served.iter().any(|(id, _)| *id == device.device_id.0);
        if !is_member || was_served || !self.may_admin(cx)? || !self.is_active() {
            return Ok(false);
        }
        self.record.readd_served.push((device.device_id.0, cx.now_ms));
        let suspect =
            suspect_leaf.and_then(|leaf| members.iter().find(|(at, _)| *at == leaf)).map(|(_, who)| who.account_id);
        let alert = Alert::MemberRejoins { account: device.account_id, suspect };
        cx.record(Record::Alert { conversation: Some(self.id()), alert });
        self.plan(
            cx,
            Plan::Readd { account: device.account_id.0, device: device.device_id.0, joiner: Box::new(joiner) },
        )?;
        self.pump(cx)?;
        Ok(true)
    }

    /// Takes over what the replaced group had not delivered.
    pub(crate) fn adopt(&mut self, cx: &mut Cx<'_>, old: &mut Self) -> Result<(), DeviceError> {
        self.record.last_readd_ms = old.record.last_readd_ms;
        for item in old.out.unagreed() {
            if item.is_shown {
                let index = self.record.next_index;
                self.record.next_index += 1;
                self.out.push(cx.storage, index, record::Item { state: ItemState::Intent, ..item })?;
            }
        }
        self.save(cx)?;
        Ok(())
    }

    /// A blob that a cell waits for did not come: the node's fault; ask again later, never skip (LANE.md C5).
    pub(crate) fn blob_missed(
        &mut self,
        cx: &mut Cx<'_>,
        failure: crate::event::BlobFailure,
    ) -> Result<(), DeviceError> {
        if failure == crate::event::BlobFailure::NotFound && !self.wire.is_withheld_told {
            self.wire.is_withheld_told = true;
            cx.record(Record::Alert { conversation: Some(self.id()), alert: Alert::Withholds });
        }
        self.wire.waiting = None;
        self.back_off(cx, 0);
        Ok(())
    }

    /// The node dropped cells that we have not read.
    pub(super) fn on_gone(&mut self, cx: &mut Cx<'_>, _first_seq: Seq) -> Result<(), DeviceError> {
        let kept_ms = u64::from(wire::limit::RETENTION_DAYS) * 86_400_000;
        if cx.now_ms < self.record.lane_since_ms.saturating_add(kept_ms) {
            cx.record(Record::Alert { conversation: Some(self.id()), alert: Alert::Withholds });
        }
        self.out_of_step(cx, None)
    }

    /// A page of a Rewind: the longest common prefix, then the node's own receipt must fit.
    pub(super) fn probe_page(&mut self, cx: &mut Cx<'_>, page: Page) -> Result<(), DeviceError> {
        let Some(mut probe) = self.wire.probe.take() else { return Ok(()) };
        for cell in &page.cells {
            if cell.seq != probe.at + 1 {
                break;
            }
            let gen_before = probe.gen_now;
            let step = record::Step::of(cell, cell.head_after(&probe.head), gen_before, cell.body_hash());
            probe.at = cell.seq;
            probe.head = step.head;
            probe.gen_now += u32::from(cell.kind == CellKind::Handshake);
            if probe.steps.len() < wire::limit::EVIDENCE_LINKS_MAX {
                probe.steps.insert(cell.seq, step.clone());
            }
            let ours = record::step_at(cx.storage, &self.record.id, cell.seq)?;
            let is_same = cell.seq <= self.record.cursor && ours.is_some_and(|ours| ours.head == step.head);
            if is_same && !probe.is_parted {
                probe.agreed = Some((probe.at, probe.head, probe.gen_now));
            } else {
                probe.is_parted = true;
            }
        }
        let last = page.next_seq.saturating_sub(1);
        if probe.at < last && !page.cells.is_empty() {
            let after = probe.at;
            self.wire.probe = Some(probe);
            if let Some(handle) = self.wire.handle {
                self.ask(cx, GroupAsk::Read, Request::Read { handle, after });
            }
            return Ok(());
        }
        let fits = match &page.receipt {
            Some(receipt) => {
                probe.at == last
                    && receipt.seq == last
                    && receipt.head == probe.head
                    && cx.verified.check(receipt, &NodeKey(self.record.node_key), &self.lane_id())
            }
            None => last == 0 || probe.at == last,
        };
        let proof = match &page.receipt {
            Some(receipt) if fits => self.prove(cx, &probe, receipt)?,
            _ => None,
        };
        match probe.agreed {
            Some((seq, head, gen_now)) if fits && page.first_seq <= self.record.epoch_start + 1 => {
                self.rewind(cx, seq, head, gen_now, last)?;
            }
            // Parted before the present epoch began: nothing of ours can be set back.
            _ => {
                self.disputed(cx, None)?;
                return self.out_of_step(cx, None);
            }
        }
        if proof.is_some() { self.disputed(cx, proof) } else { Ok(()) }
    }

    /// A receipt of ours that the node's present log, signed by its last receipt, contradicts.
    fn prove(&self, cx: &Cx<'_>, probe: &record::Probe, last: &Receipt) -> Result<Option<Evidence>, DeviceError> {
        for held in self.held_receipts(cx)?.into_iter().filter(|held| held.seq <= last.seq) {
            let Some(theirs) = probe.steps.get(&held.seq) else { continue };
            if theirs.head == held.head && theirs.gen_before == held.gen_before {
                continue;
            }
            let between = (Bound::Excluded(held.seq), Bound::Included(last.seq));
            let links = probe.steps.range(between).map(|(_, step)| step.link.clone()).collect();
            let evidence = Evidence {
                node_key: NodeKey(self.record.node_key),
                lane_id: self.lane_id(),
                a: held,
                b: last.clone(),
                prior_head: theirs.head,
                links,
            };
            if evidence.is_proof() {
                return Ok(Some(evidence));
            }
        }
        Ok(None)
    }

    /// Sets the cursor back to where the node's log still is ours, and sends again what it lost.
    fn rewind(&mut self, cx: &mut Cx<'_>, seq: Seq, head: Hash, gen_now: u32, last: Seq) -> Result<(), DeviceError> {
        if seq == self.record.cursor && last >= self.record.cursor && !self.held_beyond_last(cx, last)? {
            // The log is ours after all: the node's other statement was the lie.
            return self.disputed(cx, None);
        }
        record::forget_chain(cx.storage, &self.record.id, seq)?;
        self.recent.retain(|at, _| *at <= seq);
        (self.record.cursor, self.record.head, self.record.gen_now) = (seq, head.0, gen_now);
        let (resent, lost) = self.out.rewind(cx.storage, seq)?;
        self.record.sealed_in_epoch = self.record.sealed_in_epoch.saturating_add(lost);
        let handle = self.wire.handle;
        let nth = self.wire.nth;
        let flight = std::mem::take(&mut self.wire.flight);
        self.wire = record::Wire {
            handle,
            nth,
            flight,
            is_draining: true,
            is_rewound: true,
            need: last,
            ..record::Wire::default()
        };
        cx.record(Record::Alert { conversation: Some(self.id()), alert: Alert::LostItems { resent } });
        self.save(cx)?;
        self.read_on(cx);
        self.pump(cx)
    }

    fn held_beyond_last(&self, cx: &Cx<'_>, last: Seq) -> Result<bool, DeviceError> {
        let held = self.held_receipts(cx)?;
        Ok(held.iter().any(|receipt| receipt.seq > last))
    }

    /// The node contradicts itself: say so, with proof where there is one, and show the others our receipts.
    pub(super) fn disputed(&mut self, cx: &mut Cx<'_>, evidence: Option<Evidence>) -> Result<(), DeviceError> {
        let is_news = self.record.state == ConversationState::Active || evidence.is_some();
        // A Rewind has forgotten it, and it is what the others can prove the node's lie with.
        let proof = evidence.as_ref().map(|evidence| evidence.a.clone());
        if is_news {
            let evidence = evidence.and_then(|evidence| evidence.encode().ok()).map(bytes::Bytes::from);
            if evidence.is_some() {
                self.record.state = ConversationState::Disputed;
            }
            cx.record(Record::Alert { conversation: Some(self.id()), alert: Alert::TwoHistories { evidence } });
        }
        self.post_receipts(cx, proof)?;
        self.announce(cx)?;
        self.save(cx)?;
        Ok(())
    }

    /// Shows the others our receipts, once on a connection.
    fn post_receipts(&mut self, cx: &mut Cx<'_>, also: Option<Receipt>) -> Result<(), DeviceError> {
        if !self.wire.posted_receipts && self.is_active() && self.record.leaves > 1 {
            let mut receipts = self.held_receipts(cx)?;
            if let Some(receipt) = also.filter(|also| !receipts.contains(also)) {
                receipts.truncate(wire::limit::RECEIPTS_KEPT - 1);
                receipts.insert(0, receipt);
            }
            if !receipts.is_empty() {
                self.wire.posted_receipts = true;
                self.send_control(cx, Kind::Receipts { receipts })?;
            }
        }
        Ok(())
    }

    /// What a member saw must be what we saw (LANE.md C10).
    pub(super) fn check_seen(
        &mut self,
        cx: &mut Cx<'_>,
        position: Seq,
        sender: &DeviceIdentity,
        content: &AppContent,
    ) -> Result<(), DeviceError> {
        let seen = &content.seen;
        let ours = match seen.seq {
            0 => Some(wire::lane::head_zero(&self.lane_id())),
            seq => record::step_at(cx.storage, &self.record.id, seq)?.map(|step| step.head),
        };
        let prev = Hash(self.record.previous_head);
        let is_other_past = seen.prev != Hash::ZERO && prev != Hash::ZERO && seen.prev != prev;
        if seen.seq >= position || ours.is_some_and(|head| head != seen.head) || is_other_past {
            let alert = Alert::MemberContradicts { account: sender.account_id };
            self.wire.contradicts = Some(sender.account_id);
            if seen.seq >= position {
                cx.record(Record::Alert { conversation: Some(self.id()), alert });
            }
            self.disputed(cx, None)?;
        }
        Ok(())
    }

    /// Another member's receipts: one that contradicts our chain proves that the node signed two histories.
    pub(super) fn take_receipts(
        &mut self,
        cx: &mut Cx<'_>,
        sender: &DeviceIdentity,
        receipts: &[Receipt],
    ) -> Result<(), DeviceError> {
        let (lane_id, node_key) = (self.lane_id(), NodeKey(self.record.node_key));
        let held = self.held_receipts(cx)?;
        let mut all_agree = true;
        for theirs in receipts {
            if !cx.verified.check(theirs, &node_key, &lane_id) {
                continue;
            }
            let Some(ours) = record::step_at(cx.storage, &self.record.id, theirs.seq)? else { continue };
            if ours.head == theirs.head && ours.gen_before == theirs.gen_before {
                continue;
            }
            all_agree = false;
            for later in held.iter().filter(|receipt| receipt.seq >= theirs.seq) {
                let steps = (theirs.seq + 1..=later.seq)
                    .map(|seq| record::step_at(cx.storage, &self.record.id, seq))
                    .collect::<Result<Option<Vec<_>>, _>>()?;
                let Some(steps) = steps else { continue };
                let evidence = Evidence {
                    node_key,
                    lane_id,
                    a: theirs.clone(),
                    b: later.clone(),
                    prior_head: ours.head,
                    links: steps.into_iter().map(|step| step.link).collect(),
                };
                if evidence.is_proof() {
                    return self.disputed(cx, Some(evidence));
                }
            }
        }
        if !all_agree {
            return self.disputed(cx, None);
        }
        // Its own receipts agree with us: then what it said that it saw was a lie.
        if self.wire.contradicts == Some(sender.account_id) && !receipts.is_empty() {
            self.wire.contradicts = None;
            let alert = Alert::MemberContradicts { account: sender.account_id };
            cx.record(Record::Alert { conversation: Some(self.id()), alert });
        }
        self.post_receipts(cx, None)
    }

    /// A receipt past the moving commit whose gen is not past it: the node had another history (LANE.md C4).
    pub(super) fn check_move_receipts(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        let commit_gen = self.record.gen_now.saturating_sub(1);
        let held = self.held_receipts(cx)?;
        if held.iter().any(|receipt| receipt.seq > self.record.cursor && receipt.gen_before <= commit_gen) {
            self.disputed(cx, None)?;
        }
        Ok(())
    }

    /// Opens the lane that was left, to see that the moving commit is still there.
    pub(super) fn open_previous(&mut self, cx: &mut Cx<'_>) {
        let Some(previous) = self.previous.as_ref().filter(|previous| previous.until_ms > cx.now_ms) else { return };
        if self.wire.is_previous_asked {
            return;
        }
        let lane_id = previous.lane.id();
        let request = Request::Open(Open {
            class: LaneClass::Group,
            lane_id,
            read_cap: Some(previous.lane.read_cap()),
            write_cap: Some(previous.lane.write_cap()),
            after: previous.seq - 1,
            expires_s: 0,
        });
        self.wire.is_previous_asked =
            cx.links.ask(&self.link(), Asked::Group(self.id(), lane_id, GroupAsk::PreviousOpen), request);
    }

    /// The answer about the lane that was left.
    pub(super) fn on_previous(&mut self, cx: &mut Cx<'_>, ask: GroupAsk, event: Event) -> Result<(), DeviceError> {
        let Some(previous) = self.previous.clone() else { return Ok(()) };
        let link = self.link();
        let asked = |ask| Asked::Group(self.id(), previous.lane.id(), ask);
        match (ask, event) {
            (GroupAsk::PreviousOpen, Event::Opened { handle, page }) => {
                match page.cells.iter().find(|cell| cell.seq == previous.seq) {
                    Some(cell) => {
                        let is_same = cell.head_after(&Hash(previous.head_before)) == Hash(previous.head);
                        cx.links.ask(&link, asked(GroupAsk::Whisper), Request::Release { handle });
                        if is_same { Ok(()) } else { self.disputed(cx, None) }
                    }
                    None => {
                        // The node lost the commit that moved us: others may not have seen it.
                        let request = Request::Append(Append {
                            handle,
                            nth: 0,
                            kind: CellKind::Handshake,
                            if_gen: GEN_ANY,
                            attach: Hash(previous.attach),
                            body: previous.body.clone().into(),
                            work: 0,
                        });
                        cx.links.ask(&link, asked(GroupAsk::PreviousAppend), request);
                        cx.links.ask(&link, asked(GroupAsk::Whisper), Request::Release { handle });
                        self.disputed(cx, None)
                    }
                }
            }
            (GroupAsk::PreviousOpen, Event::Refused(Refusal::Gone { .. })) => Ok(()),
            _ => Ok(()),
        }
    }

    /// A cell in our own name that we never made: a restored disk, or forgery by a cloned device (LANE.md C11).
    pub(super) fn restored(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        if cx.now_ms >= self.record.last_commit_ms.saturating_add(RESTORED_MS) {
            cx.record(Record::Alert { conversation: Some(self.id()), alert: Alert::Restored });
            self.plan(cx, Plan::Update)?;
        }
        Ok(())
    }

    /// Counts a member's commits within an hour. One for each joiner is what an admin with many guests needs.
    pub(super) fn note_commit(&mut self, cx: &mut Cx<'_>, leaf: u32, judgement: &super::validate::Judgement) {
        if judgement.is_growth {
            return;
        }
        let (since_ms, count) = self.commits.entry(leaf).or_insert((cx.now_ms, 0));
        if since_ms.saturating_add(COMMITS_SPAN_MS) < cx.now_ms {
            (*since_ms, *count) = (cx.now_ms, 0);
        }
        *count += 1;
        if *count == COMMITS_MAX {
            let account: AccountId = judgement.committer.account_id;
            let alert = Alert::ChangesKeysTooOften { account };
            cx.record(Record::Alert { conversation: Some(self.id()), alert });
        }
    }
}
