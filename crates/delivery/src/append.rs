//! Append, Trim, Close and Whisper (LANE.md N3, N4, N8, N14).

use crate::batch::{Accepted, Pin, Then, Trim};
use crate::connection::ConnId;
use crate::lanes::{Hot, LaneIx};
use crate::node::{CROWDED_RETRY_MS, Ctx, Node, cells_expire_s};
use crate::outbox::Out;
use crate::policy::{DAY_S, RETRY_MS_MAX};
use crate::storage::{BodyPrefix, CellMark};
use bytes::Bytes;
use std::sync::Arc;
use wire::id::{BlobId, Hash};
use wire::lane::{Cell, CellKind, LaneClass, Seq, head_next};
use wire::node::{Append, Event, Handle, Refusal, RequestId};
use wire::work::{Puzzle, is_done};

/// A cell that is in the lane already.
enum Known {
    Durable(CellMark),
    Pending(Arc<Accepted>),
}

/// What a connection brings to the checks of one append.
struct Sender {
    hello_nonce: [u8; 32],
    unanswered: u32,
}

/// A blob must outlive the check by this much, so that it is not dropped before it is pinned.
const BLOB_MARGIN_S: u64 = 600;

impl Node {
    pub(crate) fn append(
        &mut self,
        ctx: Ctx<'_>,
        conn: ConnId,
        id: RequestId,
        append: Append,
        body_hash: &Hash,
    ) -> Result<Option<Out>, Refusal> {
        // (a) write granted; (b) well formed: parsing refused what is not.
        let sub = self.sub(conn, append.handle).filter(|sub| sub.may_write).ok_or(Refusal::Denied)?;
        let (lane, nth) = (sub.lane, sub.nth);
        // (c) nothing that was sent behind a refusal slips past it.
        if append.nth != nth {
            return Err(Refusal::OutOfOrder);
        }
        let connection = self.connection(conn).ok_or(Refusal::Denied)?;
        let sender = Sender { hello_nonce: connection.hello_nonce, unanswered: connection.unanswered };
        // (d) known: the original's receipt, nothing stored.
        let mut prefix: BodyPrefix = [0; 16];
        prefix.copy_from_slice(&body_hash.0[..16]);
        if let Some(known) = self.find_known(ctx, lane, &prefix)? {
            return self.answer_known(conn, id, lane, append.handle, known, &sender);
        }
        // (e) Closed, Full, Busy.
        self.check_room(ctx, conn, lane, &append, body_hash, &sender)?;
        // (f) Stale.
        let hot = self.lanes.hot_mut(lane).ok_or(Refusal::Storage)?;
        let is_any = append.if_gen == wire::lane::GEN_ANY && append.kind == CellKind::Handshake;
        if append.if_gen != hot.tip.gen_now && !is_any {
            let stale = Refusal::Stale { gen_now: hot.tip.gen_now, next_seq: hot.tip.next_seq };
            if hot.pending.is_empty() {
                return Err(stale);
            }
            // What made it stale is not durable yet: said with it, it can be read.
            self.answer_later(conn, id, lane, Then::Say(Out::event(id, Event::Refused(stale))));
            return Ok(None);
        }
        // (g) attach not durable here.
        let blob_bytes = self.check_blob(ctx, &append.attach)?;
        self.accept_append(ctx, conn, id, lane, append, body_hash, prefix, blob_bytes)
    }

    fn find_known(&mut self, ctx: Ctx<'_>, lane: LaneIx, prefix: &BodyPrefix) -> Result<Option<Known>, Refusal> {
        if self.lanes.hot_len() >= self.policy.hot_lanes_max as usize && self.lanes.hot_mut(lane).is_none() {
            return Err(Refusal::Busy { retry_after_ms: 1_000 });
        }
        let hot = self.lanes.load(lane, ctx.now_ms, &self.policy, ctx.storage)?.ok_or(Refusal::Denied)?;
        if let Some(accepted) = hot.find_pending(prefix) {
            return Ok(Some(Known::Pending(Arc::clone(accepted))));
        }
        if hot.record.revision == 0 || hot.record.first_seq == hot.record.next_seq {
            return Ok(None);
        }
        Ok(ctx.storage.find(&hot.record.lane_id, prefix)?.map(Known::Durable))
    }

    fn answer_known(
        &mut self,
        conn: ConnId,
        id: RequestId,
        lane: LaneIx,
        handle: Handle,
        known: Known,
        sender: &Sender,
    ) -> Result<Option<Out>, Refusal> {
        let is_pending = matches!(known, Known::Pending(_));
        if is_pending && sender.unanswered >= self.policy.connection_appends_max {
            return Err(Refusal::Busy { retry_after_ms: CROWDED_RETRY_MS });
        }
        let lane_id = self.lanes.get(lane).ok_or(Refusal::Denied)?.id;
        if let Some(sub) = self.sub_mut(conn, handle) {
            sub.nth = sub.nth.saturating_add(1);
        }
        match known {
            Known::Durable(mark) => Ok(Some(Out::Attest { id, leaf: Box::new((lane_id, mark)) })),
            Known::Pending(accepted) => {
                if let Some(connection) = self.connection_mut(conn) {
                    connection.unanswered = connection.unanswered.saturating_add(1);
                }
                self.answer_later(conn, id, lane, Then::Receipt { handle, accepted });
                Ok(None)
            }
        }
    }

    /// N3 (e) and N13: `Closed`, `Full`, the work, `Busy`.
    fn check_room(
        &mut self,
        ctx: Ctx<'_>,
        conn: ConnId,
        lane: LaneIx,
        append: &Append,
        body_hash: &Hash,
        sender: &Sender,
    ) -> Result<(), Refusal> {
        let Self { lanes, policy, .. } = self;
        let hot = lanes.hot_mut(lane).ok_or(Refusal::Storage)?;
        let is_ended = hot.tip.expires_s != 0 && hot.tip.expires_s <= ctx.now_s();
        if hot.tip.is_closed || is_ended {
            return Err(Refusal::Closed);
        }
        let queue_max = match hot.record.class {
            LaneClass::Group => None,
            LaneClass::Invite => Some(policy.invite_cells_max),
            LaneClass::Door => Some(policy.door_cells_max),
        };
        let stored_bytes = hot.record.stored_bytes.saturating_add(hot.tip.pending_bytes);
        let is_app = append.kind == CellKind::App;
        let is_over = stored_bytes.saturating_add(append.body.len() as u64) > policy.lane_bytes_max;
        if queue_max.is_some_and(|max| hot.queued() >= max) || (is_app && (is_over || self.is_disk_full)) {
            return Err(Refusal::Full { retry_after_ms: RETRY_MS_MAX });
        }
        if hot.record.class == LaneClass::Door {
            let bits = policy.knock_bits_for(hot.queued());
            let puzzle = Puzzle::Knock(&hot.record.lane_id, body_hash);
            if !is_done(&sender.hello_nonce, puzzle, append.work, bits) {
                return Err(Refusal::Work { bits });
            }
        }
        let waits = &self.forming;
        let is_crowded = waits.cells >= policy.batch_cells_max
            || waits.bytes.saturating_add(append.body.len()) > policy.batch_bytes_max;
        if is_crowded || sender.unanswered >= policy.connection_appends_max {
            return Err(Refusal::Busy { retry_after_ms: CROWDED_RETRY_MS });
        }
        let busy = |retry_after_ms| Refusal::Busy { retry_after_ms };
        let connection = self.connections.get_mut(conn.slot).ok_or(Refusal::Denied)?;
        connection.append_bytes.check(ctx.now_ms, policy.connection_append_bytes).map_err(busy)?;
        match append.kind {
            CellKind::App => hot.appends.check(ctx.now_ms, policy.lane_appends).map_err(busy),
            CellKind::Handshake => {
                hot.handshakes.check(ctx.now_ms, policy.lane_handshakes).map_err(busy)?;
                hot.handshake_bytes.check(ctx.now_ms, policy.lane_handshake_bytes).map_err(busy)?;
                let rates = self.sub_rates();
                let sub = self.sub_mut(conn, append.handle).ok_or(Refusal::Denied)?;
                let budgets = sub.budgets(ctx.now_ms, rates);
                budgets.handshakes.check(ctx.now_ms, rates.handshakes).map_err(busy)?;
                budgets.handshake_bytes.check(ctx.now_ms, rates.handshake_bytes).map_err(busy)
            }
        }
    }

    fn check_blob(&self, ctx: Ctx<'_>, attach: &Hash) -> Result<u64, Refusal> {
        if *attach == Hash::ZERO {
            return Ok(0);
        }
        let info = ctx.storage.blob(&BlobId(attach.0))?;
        let kept = info.filter(|info| info.keep_until_s > ctx.now_s().saturating_add(BLOB_MARGIN_S));
        kept.map(|info| info.size).ok_or(Refusal::NoBlob)
    }

    /// N4: the next position, `gen` + 1 iff a handshake, the head extended, the blob pinned for the cell's life.
    #[expect(clippy::too_many_arguments, reason = "what the checks before found")]
    fn accept_append(
        &mut self,
        ctx: Ctx<'_>,
        conn: ConnId,
        id: RequestId,
        lane: LaneIx,
        append: Append,
        body_hash: &Hash,
        body_prefix: BodyPrefix,
        blob_bytes: u64,
    ) -> Result<Option<Out>, Refusal> {
        let Append { handle, kind, attach, body, .. } = append;
        let body_bytes = body.len() as u64;
        let cost_bytes = blob_bytes.saturating_add(body_bytes);
        let hot = self.lanes.hot_mut(lane).ok_or(Refusal::Storage)?;
        if hot.tip.expires_s == 0 && hot.record.class != LaneClass::Group {
            // Stored by its first append, without an end of its own: it gets the longest.
            let days = match hot.record.class {
                LaneClass::Invite => self.policy.invite_days_max,
                LaneClass::Door | LaneClass::Group => self.policy.lane_record_days,
            };
            hot.tip.expires_s = ctx.now_s().saturating_add(u64::from(days) * DAY_S);
        }
        let accepted = Arc::new(extend(hot, kind, attach, body, body_hash, body_prefix)?);
        match kind {
            CellKind::App => hot.appends.spend(1),
            CellKind::Handshake => {
                hot.handshakes.spend(1);
                hot.handshake_bytes.spend(cost_bytes);
            }
        }
        if attach != Hash::ZERO {
            // A margin, so that the blob is never dropped before the cell: the store keeps time in coarse steps.
            let expires_s = cells_expire_s(&self.policy, hot.record.class, hot.tip.expires_s, ctx.now_s());
            let keep_until_s = expires_s.saturating_add(DAY_S);
            self.forming.pins.push(Pin { blob: BlobId(attach.0), keep_until_s });
        }
        self.accept(lane, &accepted);
        let rates = self.sub_rates();
        if let Some(sub) = self.sub_mut(conn, handle) {
            sub.nth = sub.nth.saturating_add(1);
            if kind == CellKind::Handshake {
                let budgets = sub.budgets(ctx.now_ms, rates);
                budgets.handshakes.spend(1);
                budgets.handshake_bytes.spend(cost_bytes);
            }
        }
        if let Some(connection) = self.connection_mut(conn) {
            connection.unanswered = connection.unanswered.saturating_add(1);
            connection.append_bytes.spend(body_bytes);
        }
        self.answer_later(conn, id, lane, Then::Receipt { handle, accepted });
        Ok(None)
    }

    pub(crate) fn trim(
        &mut self,
        ctx: Ctx<'_>,
        conn: ConnId,
        id: RequestId,
        handle: Handle,
        through: Seq,
    ) -> Result<Option<Out>, Refusal> {
        let lane = self.owned_lane(ctx, conn, handle)?;
        let hot = self.lanes.hot_mut(lane).ok_or(Refusal::Storage)?;
        // Only what is durable: what was never readable is not yet anybody's to drop.
        let through = through.min(hot.record.next_seq.saturating_sub(1));
        let lane_id = hot.record.lane_id;
        if through < hot.record.first_seq {
            return Ok(Some(Out::event(id, Event::Done)));
        }
        self.forming.trims.push(Trim { lane, lane_id, through });
        self.answer_later(conn, id, lane, Then::Say(Out::event(id, Event::Done)));
        Ok(None)
    }

    pub(crate) fn close(
        &mut self,
        ctx: Ctx<'_>,
        conn: ConnId,
        id: RequestId,
        handle: Handle,
    ) -> Result<Option<Out>, Refusal> {
        let lane = self.owned_lane(ctx, conn, handle)?;
        let hot = self.lanes.hot_mut(lane).ok_or(Refusal::Storage)?;
        if hot.tip.is_closed && !hot.is_dirty && !hot.is_committing {
            return Ok(Some(Out::event(id, Event::Done)));
        }
        hot.tip.is_closed = true;
        let (lane_id, through) = (hot.record.lane_id, hot.tip.next_seq.saturating_sub(1));
        self.mark_dirty(lane);
        self.forming.trims.push(Trim { lane, lane_id, through });
        self.answer_later(conn, id, lane, Then::Say(Out::event(id, Event::Done)));
        Ok(None)
    }

    /// N8: classes 1 and 2 only, with the capability to read. Loads the lane.
    fn owned_lane(&mut self, ctx: Ctx<'_>, conn: ConnId, handle: Handle) -> Result<LaneIx, Refusal> {
        let sub = self.sub(conn, handle).filter(|sub| sub.may_read).ok_or(Refusal::Denied)?;
        let lane = sub.lane;
        if self.forming.trims.len() >= self.policy.batch_cells_max {
            return Err(Refusal::Busy { retry_after_ms: CROWDED_RETRY_MS });
        }
        let hot = self.lanes.load(lane, ctx.now_ms, &self.policy, ctx.storage)?.ok_or(Refusal::Denied)?;
        if hot.record.class == LaneClass::Group {
            return Err(Refusal::Denied);
        }
        Ok(lane)
    }

    /// N14: needs write; to everybody else who holds read on the lane now; never stored.
    pub(crate) fn whisper(
        &mut self,
        ctx: Ctx<'_>,
        conn: ConnId,
        id: RequestId,
        handle: Handle,
        body: &Bytes,
    ) -> Result<Option<Out>, Refusal> {
        let rates = self.sub_rates();
        let sub = self.sub_mut(conn, handle).filter(|sub| sub.may_write).ok_or(Refusal::Denied)?;
        let budgets = sub.budgets(ctx.now_ms, rates);
        let checked = budgets.whispers.check(ctx.now_ms, rates.whispers);
        checked.map_err(|retry_after_ms| Refusal::Busy { retry_after_ms })?;
        budgets.whispers.spend(1);
        let lane = sub.lane;
        self.whisper_to_readers(conn, lane, body);
        Ok(Some(Out::event(id, Event::Done)))
    }
}

/// Gives a body its position at the lane's tip.
fn extend(
    hot: &mut Hot,
    kind: CellKind,
    attach: Hash,
    body: Bytes,
    body_hash: &Hash,
    body_prefix: BodyPrefix,
) -> Result<Accepted, Refusal> {
    let seq = hot.tip.next_seq;
    let gen_before = hot.tip.gen_now;
    let next_seq = seq.checked_add(1).ok_or(Refusal::Closed)?;
    let gen_now = match kind {
        CellKind::App => gen_before,
        // The last value is `GEN_ANY`: no lane lives that long.
        CellKind::Handshake => {
            gen_before.checked_add(1).filter(|g| *g != wire::lane::GEN_ANY).ok_or(Refusal::Closed)?
        }
    };
    let head = head_next(&hot.tip.head, seq, kind, &attach, body_hash);
    hot.tip.next_seq = next_seq;
    hot.tip.gen_now = gen_now;
    hot.tip.last_gen = gen_before;
    hot.tip.head = head;
    hot.tip.pending_bytes = hot.tip.pending_bytes.saturating_add(body.len() as u64);
    let cell = Cell { seq, gen_before, kind, attach, body };
    Ok(Accepted { lane_id: hot.record.lane_id, cell, head, body_prefix })
}
