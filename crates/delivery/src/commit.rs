//! From what waits to what is durable, and what is said then (LANE.md N4, N6).

use crate::batch::{Answer, Batch, LaneWrite, Performed, Then};
use crate::connection::ConnId;
use crate::lanes::{LaneIx, Tip};
use crate::node::{Forming, Node, cells_expire_s};
use crate::outbox::Out;
use crate::policy::DAY_S;
use crate::slab::NONE;
use crate::storage::{LaneRecord, StorageFailed, WriteOutcome};
use bytes::Bytes;
use wire::id::LaneId;
use wire::node::{Event, Refusal};

/// What may wait for one reader while too much waits for all: a few cells, so that prompt readers notice nothing.
const CROWDED_OUTBOX_BYTES: usize = 16 << 10;

impl Node {
    /// Whether [`Self::take_batch`] would give one now.
    pub fn has_batch(&self) -> bool {
        let Forming { lanes, trims, doors, answers, .. } = &self.forming;
        let is_empty = answers.is_empty() && lanes.is_empty() && trims.is_empty() && doors.is_empty();
        !self.is_committing && !is_empty
    }

    /// What must become durable now as one unit, or `None`: nothing waits, or the batch before is still out.
    /// Perform it and call [`Self::committed`].
    pub fn take_batch(&mut self, now_ms: u64) -> Option<Batch> {
        if !self.has_batch() {
            return None;
        }
        let Forming { lanes, pins, trims, doors, answers, .. } = std::mem::take(&mut self.forming);
        let writes = lanes.into_iter().filter_map(|at| self.write_of(at, now_ms / 1_000)).collect();
        for trim in &trims {
            if let Some(hot) = self.lanes.hot_mut(trim.lane) {
                hot.is_committing = true;
            }
        }
        self.is_committing = true;
        let door_key_packages_max = self.policy.door_key_packages_max;
        Some(Batch { pins, writes, trims, doors, answers, door_key_packages_max })
    }

    fn write_of(&mut self, at: LaneIx, now_s: u64) -> Option<LaneWrite> {
        let Self { lanes, policy, .. } = self;
        let hot = lanes.hot_mut(at)?;
        let (tip, durable) = (hot.tip, &hot.record);
        let cells_expire_s = cells_expire_s(policy, durable.class, tip.expires_s, now_s);
        let record = LaneRecord {
            next_seq: tip.next_seq,
            gen_now: tip.gen_now,
            head: tip.head,
            last_gen: tip.last_gen,
            stored_bytes: durable.stored_bytes.saturating_add(tip.pending_bytes),
            expires_s: tip.expires_s,
            is_closed: tip.is_closed,
            revision: durable.revision.saturating_add(1),
            forget_s: durable
                .forget_s
                .max(cells_expire_s.max(tip.expires_s).saturating_add(u64::from(policy.lane_record_days) * DAY_S)),
            ..durable.clone()
        };
        hot.tip.pending_bytes = 0;
        hot.in_flight = hot.pending.len();
        hot.is_dirty = false;
        hot.is_committing = true;
        Some(LaneWrite { record, cells: hot.pending.iter().cloned().collect(), cells_expire_s, lane: at })
    }

    /// Takes in what became of the batch: answers first, then pushes. After a failure everything that waited is
    /// refused and the lanes are read again before anything else is decided in them.
    pub fn committed(&mut self, batch: Batch, result: Result<Performed, StorageFailed>) {
        self.is_committing = false;
        match result {
            Ok(performed) => self.committed_well(batch, performed),
            Err(StorageFailed) => {
                let lanes = batch.writes.iter().map(|write| write.lane).collect::<Vec<_>>();
                let doors = batch.doors.iter().map(|job| (job.conn, job.id)).collect::<Vec<_>>();
                let refused = Refusal::Storage;
                self.refuse_answers(batch.answers, refused);
                for (conn, id) in doors {
                    self.say(conn, Out::event(id, Event::Refused(refused)));
                }
                for trim in &batch.trims {
                    self.reload(trim.lane, refused);
                }
                for lane in lanes {
                    self.reload(lane, refused);
                }
            }
        }
    }

    fn committed_well(&mut self, batch: Batch, performed: Performed) {
        let conflicts = batch.conflicts(&performed.outcomes);
        let Batch { writes, trims, doors, answers, .. } = batch;
        for (write, outcome) in writes.iter().zip(&performed.outcomes) {
            match outcome {
                WriteOutcome::Stored => self.settle(write),
                WriteOutcome::Conflict => self.reload(write.lane, Refusal::Busy { retry_after_ms: 500 }),
            }
        }
        for (trim, trimmed) in trims.iter().zip(performed.trimmed) {
            match trimmed {
                Some(record) => self.settle_trim(trim.lane, &record),
                None => self.reload(trim.lane, Refusal::Storage),
            }
        }
        let (lost, kept) = answers.into_iter().partition::<Vec<_>, _>(|answer| conflicts.contains(&answer.lane));
        self.refuse_answers(lost, Refusal::Busy { retry_after_ms: 500 });
        let mut index = 0;
        for Answer { conn, id, then, .. } in kept {
            match then {
                Then::Say(out) => self.say(conn, out),
                Then::Receipt { accepted, .. } => {
                    if let Some(connection) = self.connection_mut(conn) {
                        connection.unanswered = connection.unanswered.saturating_sub(1);
                    }
                    if let Some(batch) = performed.signed.clone() {
                        self.say(conn, Out::Receipt { id, accepted, index, batch });
                    }
                    index += 1;
                }
            }
        }
        for (job, event) in doors.into_iter().zip(performed.doors) {
            self.door_done(&job, &event);
            self.say(job.conn, Out::event(job.id, event));
        }
        for (write, outcome) in writes.iter().zip(&performed.outcomes) {
            if *outcome == WriteOutcome::Stored {
                self.push(write);
            }
        }
    }

    fn settle(&mut self, write: &LaneWrite) {
        let Some(hot) = self.lanes.hot_mut(write.lane) else { return };
        hot.record = write.record.clone();
        hot.pending.drain(..hot.in_flight);
        hot.prefixes.drain(..hot.in_flight);
        hot.in_flight = 0;
        hot.is_committing = false;
    }

    fn settle_trim(&mut self, lane: LaneIx, record: &LaneRecord) {
        if let Some(hot) = self.lanes.hot_mut(lane) {
            hot.record = record.clone();
            hot.is_committing = false;
        }
    }

    /// Pushes the cells of a durable write to the lane's readers, in order (N6).
    fn push(&mut self, write: &LaneWrite) {
        let bytes_max = self.policy.connection_outbound_bytes_max;
        let mut next = self.lanes.get(write.lane).map_or(NONE, |lane| lane.first_sub);
        let mut dozing = Vec::new();
        while let Some(sub) = self.subs.get(next) {
            next = sub.next;
            if !sub.may_read {
                continue;
            }
            let Some(connection) = self.connections.get_mut(sub.conn) else { continue };
            if connection.is_dozing {
                if !write.cells.is_empty() {
                    dozing.push(ConnId { slot: sub.conn, generation: connection.generation });
                }
                continue;
            }
            let before = connection.outbox.bytes();
            let is_crowded = self.outbound_bytes > self.policy.outbound_bytes_max;
            let bytes_max = if is_crowded { bytes_max.min(CROWDED_OUTBOX_BYTES) } else { bytes_max };
            for accepted in &write.cells {
                connection.outbox.push(sub.handle, accepted, bytes_max);
            }
            self.outbound_bytes = (self.outbound_bytes + connection.outbox.bytes()).saturating_sub(before);
            let conn = ConnId { slot: sub.conn, generation: connection.generation };
            self.wake(conn);
        }
        self.ring_all(&dozing);
    }

    /// Refuses answers whose batch was not stored, and takes their appends out of the count.
    fn refuse_answers(&mut self, answers: Vec<Answer>, refusal: Refusal) {
        for Answer { conn, id, then, .. } in answers {
            let opened = match &then {
                Then::Say(Out::Page(plan)) => plan.opened,
                Then::Say(_) => None,
                Then::Receipt { handle, .. } => {
                    if let Some(connection) = self.connection_mut(conn) {
                        connection.unanswered = connection.unanswered.saturating_sub(1);
                    }
                    if let Some(sub) = self.sub_mut(conn, *handle) {
                        sub.nth = sub.nth.saturating_sub(1);
                    }
                    None
                }
            };
            if let Some(handle) = opened {
                self.drop_sub(conn, handle);
            }
            self.say(conn, Out::event(id, Event::Refused(refusal)));
        }
    }

    /// Forgets what is loaded of a lane, with all that waits for the next batch in it.
    fn reload(&mut self, lane: LaneIx, refusal: Refusal) {
        let Some(hot) = self.lanes.hot_mut(lane) else { return };
        let forming = hot.pending.len().saturating_sub(hot.in_flight);
        let bytes: usize = hot.pending.iter().skip(hot.in_flight).map(|accepted| accepted.cell.body.len()).sum();
        self.forming.cells = self.forming.cells.saturating_sub(forming);
        self.forming.bytes = self.forming.bytes.saturating_sub(bytes);
        self.forming.lanes.retain(|at| *at != lane);
        self.forming.trims.retain(|trim| trim.lane != lane);
        let answers = std::mem::take(&mut self.forming.answers);
        let (lost, kept) = answers.into_iter().partition(|answer| answer.lane == lane);
        self.forming.answers = kept;
        self.refuse_answers(lost, refusal);
        self.lanes.cool(lane);
        self.lanes.release(lane);
    }

    /// Takes in that the store dropped cells or changed a record by itself. Call it between batches: after
    /// [`Self::committed`] and before the next [`Self::take_batch`].
    pub fn lane_changed(&mut self, record: &LaneRecord) {
        let Some(at) = self.lanes.find(&record.lane_id) else { return };
        if let Some(hot) = self.lanes.hot_mut(at) {
            hot.record = record.clone();
        }
    }

    /// Takes in that the store forgot a lane. Call it between batches.
    pub fn lane_removed(&mut self, lane: &LaneId) {
        let Some(at) = self.lanes.find(lane) else { return };
        if let Some(hot) = self.lanes.hot_mut(at) {
            let known = &hot.record;
            let fresh = LaneRecord::unstored(*lane, known.class, known.read_hash, known.write_hash);
            if hot.pending.is_empty() {
                hot.tip = Tip::of(&fresh);
            }
            hot.record = fresh;
        }
    }

    /// Whispers to everybody else who reads the lane now (N14).
    pub(crate) fn whisper_to_readers(&mut self, from: ConnId, lane: LaneIx, body: &Bytes) {
        let bytes_max = self.policy.connection_outbound_bytes_max;
        let mut next = self.lanes.get(lane).map_or(NONE, |lane| lane.first_sub);
        while let Some(sub) = self.subs.get(next) {
            next = sub.next;
            if !sub.may_read || sub.conn == from.slot {
                continue;
            }
            let Some(connection) = self.connections.get_mut(sub.conn).filter(|found| !found.is_dozing) else {
                continue;
            };
            let before = connection.outbox.bytes();
            connection.outbox.whisper(sub.handle, body, bytes_max);
            self.outbound_bytes += connection.outbox.bytes() - before;
            let conn = ConnId { slot: sub.conn, generation: connection.generation };
            self.wake(conn);
        }
    }
}
