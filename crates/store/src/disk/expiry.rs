//! Expiry on disk: a lane is looked at when the hour of its first cell comes.

use super::index::{self, due_hour, due_key, hour_of};
use super::{SEGMENT_SECONDS_MAX, Shared, Writer, locked};
use crate::StoreError;
use crate::lanes::{Expired, LaneCommit};
use crate::record::LaneRecord;
use std::collections::HashSet;
use wire::id::LaneId;
use wire::lane::Seq;

/// One call of `expire` under way.
struct ExpiryStep {
    hour: u32,
    now_s: u64,
    left: usize,
    expired: Expired,
    done: Vec<Vec<u8>>,
    seen: HashSet<LaneId>,
}

impl Shared {
    /// See [`crate::Lanes::expire`].
    pub(super) fn expire(&self, now_s: u64, limit: usize) -> Result<Expired, StoreError> {
        let mut writer = locked(&self.writer);
        let hour = hour_of(now_s);
        let is_pending_due = writer.book.soonest_due_hour.is_some_and(|soonest| soonest <= hour);
        let is_segment_old = writer.log.end().offset > 0
            && now_s.saturating_sub(*writer.segment_since_s.get_or_insert(now_s)) >= SEGMENT_SECONDS_MAX;
        if is_pending_due || is_segment_old {
            self.flush(&mut writer, is_segment_old)?;
        }
        let mut step = ExpiryStep {
            hour,
            now_s,
            left: limit.max(1),
            expired: Expired::default(),
            done: Vec::new(),
            seen: HashSet::new(),
        };
        writer.frame.clear();
        let dues =
            self.index.range(&due_key(index::LANES_DUE, 0, &[0; 32]), &due_key(index::LANES_DUE, hour, &[0xff; 32]));
        for due in dues {
            let (key, _) = due?;
            if self.overlay().get(&key[..]).is_some_and(Option::is_none) {
                continue;
            }
            if step.left == 0 {
                step.expired.is_more = true;
                break;
            }
            let lane = LaneId(index::parse_due_key(&key)?);
            self.expire_lane(&lane, &mut step, &mut writer)?;
            if !step.expired.is_more {
                step.done.push(key.to_vec());
            }
        }
        if !writer.frame.is_empty() {
            self.append_trims(&mut writer, &step.expired.changed, &step.expired.removed)?;
        }
        let mut overlay = self.overlay_mut();
        for key in step.done {
            writer.book.overlay_bytes += key.len();
            overlay.insert(key, None);
        }
        drop(overlay);
        let removed: HashSet<&LaneId> = step.expired.removed.iter().collect();
        step.expired.changed.retain(|record| !removed.contains(&record.lane_id));
        Ok(step.expired)
    }
    /// Adds to the frame what goes from one lane, and gives the lane its next time.
    fn expire_lane(&self, lane: &LaneId, step: &mut ExpiryStep, writer: &mut Writer) -> Result<(), StoreError> {
        // A lane may have a stale time besides: what the first did in this step is not applied yet.
        if !step.seen.insert(*lane) {
            return Ok(());
        }
        self.load_all(writer, [lane].into_iter())?;
        let Some(old) = self.lanes().get(lane).and_then(|state| state.record.clone()) else { return Ok(()) };
        let (first_seq, next_hour) = self.first_kept(&old, step)?;
        let (is_empty, forget_s) = (first_seq == old.next_seq, old.forget_s);
        step.expired.cells += first_seq - old.first_seq;
        if first_seq > old.first_seq {
            let record = self.trimmed(old, first_seq)?;
            writer.frame.lane(&LaneCommit { record: record.clone(), cells: Vec::new(), cells_expire_s: 0 });
            step.expired.changed.push(record);
        }
        if is_empty && forget_s <= step.now_s {
            writer.frame.forget(lane);
            step.expired.removed.push(*lane);
            step.left = step.left.saturating_sub(1);
        } else if !step.expired.is_more {
            let hour = next_hour.unwrap_or(due_hour(forget_s)).max(step.hour.saturating_add(1));
            self.overlay_mut().insert(due_key(index::LANES_DUE, hour, &lane.0), Some(Vec::new()));
            writer.book.note_due(hour);
        }
        Ok(())
    }

    /// The position of the first cell that a step leaves in a lane, and that cell's hour. Marks the step if cells
    /// are left only because the step is at its limit.
    fn first_kept(&self, record: &LaneRecord, step: &mut ExpiryStep) -> Result<(Seq, Option<u32>), StoreError> {
        let lane = &record.lane_id;
        let mut first_seq = record.first_seq;
        let tail: Vec<u32> =
            self.lanes().get(lane).into_iter().flat_map(|state| &state.tail).map(|place| place.due_hour).collect();
        let tail_first = record.next_seq - tail.len() as u64;
        let mut keeps = |seq: Seq, hour: u32| {
            if hour > step.hour {
                return true;
            }
            step.expired.is_more = step.left == 0;
            step.left = step.left.saturating_sub(1);
            first_seq = seq + 1;
            step.expired.is_more
        };
        if record.first_seq < tail_first {
            for run in self.index.runs(lane, record.first_seq, tail_first - 1)? {
                let run = run?;
                for (seq, place) in (run.first..).zip(&run.places) {
                    if seq >= record.first_seq && keeps(seq, place.due_hour) {
                        return Ok((seq, Some(place.due_hour)));
                    }
                }
            }
        }
        for (seq, hour) in (tail_first..).zip(tail) {
            if seq >= record.first_seq && keeps(seq, hour) {
                return Ok((seq, Some(hour)));
            }
        }
        Ok((first_seq, None))
    }
}
