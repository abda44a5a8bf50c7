//! The one thread that makes things durable: takes all that waits, commits it as one unit, signs once, lets the
//! machine answer and push. No timer: a batch forms while the one before is being flushed.

use crate::shared::{Shared, now_ms};
use crate::storage::lane_record;
use delivery::Batch;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::{Duration, Instant};

/// How long the writer sleeps at most without work, and how often it looks after lanes at rest.
const TICK: Duration = Duration::from_millis(500);
/// How often expiry is looked after.
const EXPIRY_EVERY: Duration = Duration::from_secs(60);
/// Cells, records or blobs that one step of expiry drops at most, so that appends never wait long for it.
const EXPIRY_STEP: usize = 512;

/// Runs until the node stops and nothing waits any more.
pub fn run(shared: &Arc<Shared>) {
    let mut wakers = Vec::new();
    let mut tick_at = Instant::now() + TICK;
    let mut expiry_at = Instant::now() + EXPIRY_EVERY;
    loop {
        let mut inner = shared.lock();
        if Instant::now() >= tick_at {
            tick_at = Instant::now() + TICK;
            inner.node.set_disk_full(shared.is_disk_full.load(Ordering::Relaxed));
            inner.node.tick(now_ms());
        }
        if let Some(batch) = inner.node.take_batch(now_ms()) {
            drop(inner);
            perform(shared, batch, &mut wakers);
        } else if inner.is_stopping {
            inner.is_drained = true;
            drop(inner);
            shared.wake_all();
            return;
        } else if Instant::now() < expiry_at {
            drop(shared.wait_for_work(inner, TICK));
        } else {
            drop(inner);
        }
        if Instant::now() >= expiry_at {
            let is_more = expire(shared);
            expiry_at = Instant::now() + if is_more { Duration::ZERO } else { EXPIRY_EVERY };
        }
    }
}

fn perform(shared: &Shared, batch: Batch, wakers: &mut Vec<Waker>) {
    let began = Instant::now();
    let result = batch.perform(&shared.engine, &|bytes| shared.sign(bytes));
    let (cells, is_ok) = (batch.cell_count() as u64, result.is_ok());
    let mut inner = shared.lock();
    inner.node.committed(batch, result);
    let mut rings = Vec::new();
    inner.node.take_rings(&mut rings);
    shared.pushes.put(&mut rings);
    shared.unlock(inner, None, wakers);
    if is_ok {
        let counters = &shared.counters;
        counters.cells.fetch_add(cells, Ordering::Relaxed);
        counters.batches.fetch_add(1, Ordering::Relaxed);
        let took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        counters.batch_us.fetch_add(took_us, Ordering::Relaxed);
    }
}

/// One step of expiry, between batches; whether there is more to do now.
fn expire(shared: &Shared) -> bool {
    let now_s = now_ms() / 1_000;
    let store = shared.engine.store();
    let lanes_left = match store.expire(now_s, EXPIRY_STEP) {
        Ok(expired) => {
            let mut inner = shared.lock();
            expired.changed.into_iter().for_each(|record| inner.node.lane_changed(&lane_record(record)));
            expired.removed.iter().for_each(|lane| inner.node.lane_removed(lane));
            expired.is_more
        }
        Err(error) => {
            tracing::error!(%error, "expiry of lanes failed");
            false
        }
    };
    let blobs_left = store.expire_blobs(now_s, EXPIRY_STEP).unwrap_or_else(|error| {
        tracing::error!(%error, "expiry of blobs failed");
        false
    });
    lanes_left || blobs_left
}
