//! Open, Release, and what a lane says about itself: Read and Attest (LANE.md N2, N5, N7).

use crate::batch::Then;
use crate::connection::{ConnId, Sub};
use crate::lanes::{LaneIx, State, Unstored};
use crate::node::{Ctx, Node, check_kept};
use crate::outbox::{Out, PagePlan};
use crate::policy::DAY_S;
use crate::slab::NONE;
use crate::storage::{LaneRecord, StorageFailed};
use wire::id::Hash;
use wire::lane::{LaneClass, Seq, derive_lane_id};
use wire::node::{Event, Handle, Open, Refusal, RequestId};

impl From<StorageFailed> for Refusal {
    fn from(StorageFailed: StorageFailed) -> Self {
        Self::Storage
    }
}

/// What an Open's capabilities grant.
struct Grant {
    may_read: bool,
    may_write: bool,
    /// Both hashes, if both capabilities were shown.
    both: Option<(Hash, Hash)>,
}

/// A page of this record after `after`.
pub(crate) fn page_plan(id: RequestId, opened: Option<Handle>, record: &LaneRecord, after: Seq) -> Out {
    Out::Page(Box::new(PagePlan {
        id,
        opened,
        lane_id: record.lane_id,
        after,
        first_seq: record.first_seq,
        next_seq: record.next_seq,
        gen_now: record.gen_now,
        last: record.last_mark(),
    }))
}

impl Node {
    pub(crate) fn open(
        &mut self,
        ctx: Ctx<'_>,
        conn: ConnId,
        id: RequestId,
        open: &Open,
    ) -> Result<Option<Out>, Refusal> {
        let known = self.lanes.find(&open.lane_id);
        let record = match known {
            Some(at) => self.lanes.record(at, ctx.storage)?,
            None => ctx.storage.record(&open.lane_id)?,
        };
        let grant = check_grant(open, record.as_ref())?;
        // Granted: what follows may speak of the lane.
        let record = match (record, grant.both) {
            (Some(record), _) => record,
            (None, Some((read, write))) => LaneRecord::unstored(open.lane_id, open.class, read, write),
            (None, None) => return Err(Refusal::Denied),
        };
        // Who may not read gets the page at the end: no cells.
        let after = if grant.may_read { open.after } else { record.next_seq.saturating_sub(1) };
        check_kept(after, &record)?;
        let lane = self.lanes.find_or_insert(&open.lane_id);
        let handle = match self.subscribe(conn, lane, &grant) {
            Ok(handle) => handle,
            Err(refusal) => {
                self.lanes.release(lane);
                return Err(refusal);
            }
        };
        if record.revision == 0
            && let Some(slot) = self.lanes.get_mut(lane)
            && matches!(slot.state, State::Cold)
        {
            let (class, read_hash, write_hash) = (record.class, record.read_hash, record.write_hash);
            slot.state = State::Unstored(Box::new(Unstored { class, read_hash, write_hash }));
        }
        let page = page_plan(id, Some(handle), &record, after);
        if grant.both.is_some() && self.sets_expiry(ctx, lane, open, &record)? {
            self.answer_later(conn, id, lane, Then::Say(page));
            return Ok(None);
        }
        Ok(Some(page))
    }

    /// Stores the lane's end if the Open brings a new one: an invite's once, a door's whenever it is later.
    fn sets_expiry(&mut self, ctx: Ctx<'_>, lane: LaneIx, open: &Open, record: &LaneRecord) -> Result<bool, Refusal> {
        let days_max = match open.class {
            LaneClass::Group => return Ok(false),
            LaneClass::Invite => self.policy.invite_days_max,
            LaneClass::Door => self.policy.lane_record_days,
        };
        let expires_s = open.expires_s.min(ctx.now_s().saturating_add(u64::from(days_max) * DAY_S));
        // A door's owner comes by daily; a day's worth of moving is not worth a write.
        let is_later = expires_s >= record.expires_s.saturating_add(DAY_S);
        let is_new = match open.class {
            LaneClass::Group => false,
            LaneClass::Invite => record.expires_s == 0,
            LaneClass::Door => record.expires_s == 0 || is_later,
        };
        let is_wanted = is_new && expires_s > ctx.now_s() && !record.is_closed;
        if !is_wanted {
            return Ok(false);
        }
        let Some(hot) = self.lanes.load(lane, ctx.now_ms, &self.policy, ctx.storage)? else { return Ok(false) };
        hot.tip.expires_s = expires_s;
        self.mark_dirty(lane);
        Ok(true)
    }

    /// The connection's handle of the lane: the one it has, with more rights, or a new one.
    fn subscribe(&mut self, conn: ConnId, lane: LaneIx, grant: &Grant) -> Result<Handle, Refusal> {
        let Some(connection) = self.connections.get(conn.slot) else { return Err(Refusal::Denied) };
        for at in &connection.subs {
            if let Some(sub) = self.subs.get_mut(*at)
                && sub.lane == lane
            {
                sub.may_read |= grant.may_read;
                sub.may_write |= grant.may_write;
                return Ok(sub.handle);
            }
        }
        if connection.subs.len() >= self.policy.connection_lanes_max as usize {
            return Err(Refusal::TooMany);
        }
        let handle = connection.next_handle;
        let Some(next_handle) = handle.checked_add(1) else { return Err(Refusal::TooMany) };
        while self.subs.len() >= self.policy.subscriptions_max as usize {
            // Who is awake goes before who dozes.
            if self.forget_oldest_bell() {
                continue;
            }
            return Err(Refusal::Busy { retry_after_ms: 10_000 });
        }
        let first = self.lanes.get(lane).map_or(NONE, |lane| lane.first_sub);
        let at = self.subs.insert(Sub {
            handle,
            conn: conn.slot,
            lane,
            nth: 0,
            next: first,
            prev: NONE,
            may_read: grant.may_read,
            may_write: grant.may_write,
            budgets: None,
        });
        if let Some(next) = self.subs.get_mut(first) {
            next.prev = at;
        }
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.first_sub = at;
        }
        if let Some(connection) = self.connections.get_mut(conn.slot) {
            connection.subs.push(at);
            connection.next_handle = next_handle;
        }
        Ok(handle)
    }

    pub(crate) fn read(
        &mut self,
        ctx: Ctx<'_>,
        conn: ConnId,
        id: RequestId,
        handle: Handle,
        after: Seq,
    ) -> Result<Option<Out>, Refusal> {
        let sub = self.sub(conn, handle).filter(|sub| sub.may_read).ok_or(Refusal::Denied)?;
        let record = self.lanes.record(sub.lane, ctx.storage)?.ok_or(Refusal::Denied)?;
        check_kept(after, &record)?;
        Ok(Some(page_plan(id, None, &record, after)))
    }

    pub(crate) fn attest(
        &mut self,
        ctx: Ctx<'_>,
        conn: ConnId,
        id: RequestId,
        handle: Handle,
    ) -> Result<Option<Out>, Refusal> {
        let lane = self.sub(conn, handle).ok_or(Refusal::Denied)?.lane;
        let attest_ms = self.policy.attest_ms;
        let hot = self.lanes.load(lane, ctx.now_ms, &self.policy, ctx.storage)?.ok_or(Refusal::Denied)?;
        let mark = hot.record.last_mark().ok_or(Refusal::Malformed)?;
        let wait_ms = hot.attest_from_ms.saturating_sub(ctx.now_ms).min(attest_ms);
        if wait_ms > 0 {
            return Err(Refusal::Busy { retry_after_ms: u32::try_from(wait_ms).unwrap_or(u32::MAX) });
        }
        hot.attest_from_ms = ctx.now_ms.saturating_add(attest_ms);
        Ok(Some(Out::Attest { id, leaf: Box::new((hot.record.lane_id, mark)) }))
    }

    pub(crate) fn release(&mut self, conn: ConnId, id: RequestId, handle: Handle) -> Result<Option<Out>, Refusal> {
        self.sub(conn, handle).ok_or(Refusal::Denied)?;
        self.drop_sub(conn, handle);
        Ok(Some(Out::event(id, Event::Done)))
    }
}

/// N2: both capabilities must recompute the id; one must match a stored lane. Whatever is wrong looks alike.
fn check_grant(open: &Open, record: Option<&LaneRecord>) -> Result<Grant, Refusal> {
    let read = open.read_cap.as_ref().map(|cap| cap.hash());
    let write = open.write_cap.as_ref().map(|cap| cap.hash());
    let stored = record.filter(|record| record.revision > 0 && record.class == open.class);
    let is_granted = match (&read, &write) {
        (None, None) => return Err(Refusal::Malformed),
        (Some(read), Some(write)) => derive_lane_id(open.class, read, write) == open.lane_id,
        (Some(read), None) => stored.is_some_and(|record| record.read_hash == *read),
        (None, Some(write)) => stored.is_some_and(|record| record.write_hash == *write),
    };
    if !is_granted {
        return Err(Refusal::Denied);
    }
    Ok(Grant { may_read: read.is_some(), may_write: write.is_some(), both: read.zip(write) })
}
