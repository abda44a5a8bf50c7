//! Rings bells (LANE.md N15) by Web Push (RFC 8030): one message without content for whoever went away.
//!
//! | module | holds |
//! |---|---|
//! | this | the queue, and the task that works through it |
//! | [`seal`] | RFC 8291: the payload that says nothing, sealed for the browser |
//! | [`vapid`] | RFC 8292: the node's push key, and what it signs |
//! | [`post`] | where a push service may be, and the request to it |
//!
//! An endpoint is in memory while it waits, and nowhere else; it is never logged.

pub mod post;
pub mod seal;
pub mod vapid;

use crate::shared::Shared;
use post::{Posted, Poster};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, Semaphore, watch};
use wire::bell::Bell;

/// Bells that wait to be sent; more are dropped, for a device that was rung and one that was not look alike to it.
const WAITING_MAX: usize = 4_096;
/// Messages under way at once.
const SENDING_MAX: usize = 64;
/// The least time between two messages to one endpoint.
const REST: Duration = Duration::from_secs(10);
/// Endpoints whose last message is remembered for [`REST`].
const RECENT_MAX: usize = 65_536;
/// Tries of one message, and how long the second and the third wait.
const WAITS: [Duration; 3] = [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(10)];

/// Bells on their way from the machine to the network.
#[derive(Default)]
pub struct Queue {
    waiting: Mutex<VecDeque<Bell>>,
    news: Notify,
}

impl Queue {
    /// Takes bells in; those over the limit are dropped.
    pub fn put(&self, bells: &mut Vec<Bell>) {
        if bells.is_empty() {
            return;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let room = WAITING_MAX.saturating_sub(waiting.len());
        waiting.extend(bells.drain(..).take(room));
        drop(waiting);
        self.news.notify_one();
    }

    fn take(&self) -> Option<Bell> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// When each endpoint had its last message.
#[derive(Default)]
struct Recent {
    by_endpoint: HashMap<String, Instant>,
}

impl Recent {
    /// How long the next message to it must wait, and notes that it is sent then.
    fn wait(&mut self, endpoint: &str, now: Instant) -> Duration {
        if self.by_endpoint.len() >= RECENT_MAX {
            self.by_endpoint.retain(|_, last| now < *last + REST);
        }
        let due = self.by_endpoint.get(endpoint).map_or(now, |last| (*last + REST).max(now));
        self.by_endpoint.insert(endpoint.to_owned(), due);
        due - now
    }
}

/// Messages that may leave in a minute.
struct Minute {
    max: u32,
    left: u32,
    began: Instant,
}

impl Minute {
    fn may_send(&mut self, now: Instant) -> bool {
        if now.duration_since(self.began) >= Duration::from_secs(60) {
            (self.left, self.began) = (self.max, now);
        }
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }
}

/// Sends what is in the queue until the node stops.
pub async fn run(shared: Arc<Shared>, poster: Poster, per_minute: u32, mut stop: watch::Receiver<bool>) {
    let poster = Arc::new(poster);
    let places = Arc::new(Semaphore::new(SENDING_MAX));
    let mut recent = Recent::default();
    let mut minute = Minute { max: per_minute, left: per_minute, began: Instant::now() };
    loop {
        tokio::select! {
            () = shared.pushes.news.notified() => {}
            _ = stop.wait_for(|is_stopping| *is_stopping) => return,
        }
        while let Some(bell) = shared.pushes.take() {
            if !minute.may_send(Instant::now()) {
                shared.counters.pushes_failed.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let wait = recent.wait(bell.endpoint(), Instant::now());
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let (shared, poster) = (Arc::clone(&shared), Arc::clone(&poster));
            tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                send(&shared, &poster, &bell).await;
                drop(place);
            });
        }
    }
}

async fn send(shared: &Shared, poster: &Poster, bell: &Bell) {
    for wait in WAITS {
        tokio::time::sleep(wait).await;
        match poster.post(bell).await {
            Posted::Taken => {
                shared.counters.pushes.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Posted::Gone => {
                shared.lock().node.bell_gone(bell);
                break;
            }
            Posted::Refused => break,
            Posted::Later => {}
        }
    }
    shared.counters.pushes_failed.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bell(name: usize) -> Bell {
        Bell::parse(format!("https://push.example/{name}").as_bytes(), &[4; 65], &[1; 16]).expect("a bell")
    }

    #[test]
    fn queue_takes_as_many_as_its_limit_and_drops_the_rest() {
        let queue = Queue::default();
        queue.put(&mut (0..WAITING_MAX - 1).map(bell).collect());
        queue.put(&mut vec![bell(1), bell(2)]);
        let taken = std::iter::from_fn(|| queue.take()).count();
        assert_eq!(taken, WAITING_MAX);
    }

    #[test]
    fn endpoint_rests_between_messages_and_others_do_not_wait_for_it() {
        let mut recent = Recent::default();
        let now = Instant::now();
        assert_eq!(recent.wait("a", now), Duration::ZERO);
        assert_eq!(recent.wait("a", now), REST);
        assert_eq!(recent.wait("a", now), 2 * REST);
        assert_eq!(recent.wait("b", now), Duration::ZERO);
        assert_eq!(recent.wait("b", now + REST), Duration::ZERO);
    }

    #[test]
    fn minute_lets_its_number_pass_and_the_next_begins_anew() {
        let now = Instant::now();
        let mut minute = Minute { max: 2, left: 2, began: now };
        let passed: Vec<bool> = (0..3).map(|_| minute.may_send(now)).collect();
        assert_eq!(passed, [true, true, false]);
        assert!(!minute.may_send(now + Duration::from_secs(59)));
        assert!(minute.may_send(now + Duration::from_secs(60)));
    }
}
