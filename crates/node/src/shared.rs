//! What all tasks and the writer share: the machine behind one lock, the store, the key, counters.

use crate::push::Queue;
use crate::storage::Engine;
use delivery::{ConnId, Counts, Leave, Node, Policy};
use ed25519_dalek::{Signer, SigningKey};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{SystemTime, UNIX_EPOCH};
use wire::id::NodeKey;
use wire::node::Refusal;

/// The machine and who is to be woken when it has something for them.
pub struct Inner {
    /// What decides.
    pub node: Node,
    slots: Vec<Slot>,
    /// The writer sleeps and must be told of work.
    writer_sleeps: bool,
    /// No request is handled any more.
    pub is_stopping: bool,
    /// All that was handled is durable and in its outbox.
    pub is_drained: bool,
    wakes: Vec<ConnId>,
}

/// The shell's side of a connection's slot.
#[derive(Default)]
struct Slot {
    waker: Option<Waker>,
    heard_s: u64,
    call: Call,
}

/// What the keeper asks of a connection that was silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Call {
    /// Nothing.
    #[default]
    None,
    /// Send a ping.
    Ping,
    /// Give up.
    End,
}

/// Seconds of silence before a ping.
const PING_AFTER_S: u64 = 60;
/// Seconds of silence before a connection is given up.
const END_AFTER_S: u64 = 150;

/// Counters for `/metrics`.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections ever taken in.
    pub connections: AtomicU64,
    /// Requests handled.
    pub requests: AtomicU64,
    /// Cells made durable.
    pub cells: AtomicU64,
    /// Batches made durable.
    pub batches: AtomicU64,
    /// Microseconds that the writer spent on batches.
    pub batch_us: AtomicU64,
    /// Frames written.
    pub frames: AtomicU64,
    /// Bytes written to sockets.
    pub bytes_out: AtomicU64,
    /// Blobs stored.
    pub blobs: AtomicU64,
    /// Files that became complete.
    pub files: AtomicU64,
    /// Files removed, their time being over or their owner wanting it.
    pub files_removed: AtomicU64,
    /// Bytes of files made durable.
    pub file_bytes_in: AtomicU64,
    /// Bytes of files handed to readers.
    pub file_bytes_out: AtomicU64,
    /// Uploads that are begun and not finished, now.
    pub files_open: AtomicU64,
    /// Complete files, now.
    pub files_kept: AtomicU64,
    /// Bytes of files, now; those whose deletion is under way too.
    pub file_bytes_stored: AtomicU64,
    /// Connections closed for what they sent.
    pub closed_malformed: AtomicU64,
    /// Push messages that a push service took.
    pub pushes: AtomicU64,
    /// Push messages that none took.
    pub pushes_failed: AtomicU64,
}

/// Everything that is shared.
pub struct Shared {
    inner: Mutex<Inner>,
    writer: Condvar,
    /// The store.
    pub engine: Engine,
    key: SigningKey,
    /// The limits.
    pub policy: Policy,
    /// Counters.
    pub counters: Counters,
    /// Bytes of unfinished messages of all connections together.
    inbound_bytes: AtomicUsize,
    inbound_bytes_max: usize,
    /// The disk takes no more app cells and blobs.
    pub is_disk_full: AtomicBool,
    /// Bells to ring.
    pub pushes: Queue,
}

/// Milliseconds since the Unix epoch.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Shared {
    /// A node without connections.
    pub fn new(engine: Engine, key: SigningKey, policy: Policy, inbound_bytes_max: usize, seed: [u64; 2]) -> Self {
        let node_key = NodeKey(key.verifying_key().to_bytes());
        let inner = Inner {
            node: Node::new(policy.clone(), node_key, seed),
            slots: Vec::new(),
            writer_sleeps: false,
            is_stopping: false,
            is_drained: false,
            wakes: Vec::new(),
        };
        Self {
            inner: Mutex::new(inner),
            writer: Condvar::new(),
            engine,
            key,
            policy,
            counters: Counters::default(),
            inbound_bytes: AtomicUsize::new(0),
            inbound_bytes_max,
            is_disk_full: AtomicBool::new(false),
            pushes: Queue::default(),
        }
    }

    /// Holds the machine.
    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while holding it would be a bug of ours; the state is still one that a next request may meet.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signs with the node's key.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }

    /// Lets go of the machine, wakes whose outboxes got something except `own`, and the writer if it has work.
    pub fn unlock(&self, mut inner: MutexGuard<'_, Inner>, own: Option<ConnId>, wakers: &mut Vec<Waker>) {
        let Inner { node, slots, wakes, .. } = &mut *inner;
        node.take_wakes(wakes);
        for conn in wakes.drain(..) {
            let waker = slots.get(conn.slot as usize).and_then(|slot| slot.waker.as_ref());
            if let Some(waker) = waker.filter(|_| Some(conn) != own) {
                wakers.push(waker.clone());
            }
        }
        let wakes_writer = inner.writer_sleeps && inner.node.has_batch();
        if wakes_writer {
            inner.writer_sleeps = false;
        }
        drop(inner);
        if wakes_writer {
            self.writer.notify_one();
        }
        wakers.drain(..).for_each(Waker::wake);
    }

    /// Waits, as the writer, until there may be work or `timeout` is over.
    pub fn wait_for_work<'a>(
        &self,
        mut inner: MutexGuard<'a, Inner>,
        timeout: std::time::Duration,
    ) -> MutexGuard<'a, Inner> {
        inner.writer_sleeps = true;
        let (mut inner, _) = self.writer.wait_timeout(inner, timeout).unwrap_or_else(PoisonError::into_inner);
        inner.writer_sleeps = false;
        inner
    }

    /// Tells the writer to look.
    pub fn wake_writer(&self) {
        self.writer.notify_one();
    }

    /// Takes a connection in.
    ///
    /// # Errors
    /// `Busy` over the limit or while stopping.
    pub fn connect(&self, hello_nonce: [u8; 32]) -> Result<ConnId, Refusal> {
        let mut inner = self.lock();
        if inner.is_stopping {
            return Err(Refusal::Busy { retry_after_ms: 1_000 });
        }
        let now_ms = now_ms();
        let conn = inner.node.connect(now_ms, hello_nonce)?;
        let at = conn.slot as usize;
        if inner.slots.len() <= at {
            inner.slots.resize_with(at + 1, Slot::default);
        }
        inner.slots[at] = Slot { heard_s: now_ms / 1_000, ..Slot::default() };
        self.counters.connections.fetch_add(1, Ordering::Relaxed);
        Ok(conn)
    }

    /// Lets go of a connection that ended.
    pub fn leave(&self, conn: ConnId, how: Leave) {
        let mut inner = self.lock();
        inner.node.leave(now_ms(), conn, how);
        let mut rings = Vec::new();
        inner.node.take_rings(&mut rings);
        self.pushes.put(&mut rings);
        if let Some(slot) = inner.slots.get_mut(conn.slot as usize) {
            slot.waker = None;
        }
    }

    /// Stops handling requests; connections end once all is durable and said.
    pub fn stop(&self) {
        let mut inner = self.lock();
        inner.is_stopping = true;
        drop(inner);
        self.wake_writer();
        self.wake_all();
    }

    /// Wakes every connection.
    pub fn wake_all(&self) {
        let inner = self.lock();
        let wakers: Vec<Waker> = inner.slots.iter().filter_map(|slot| slot.waker.clone()).collect();
        drop(inner);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Asks silent connections for a sign of life, and ends those that gave none.
    pub fn call_silent(&self, now_s: u64) {
        let mut inner = self.lock();
        let mut wakers = Vec::new();
        for slot in &mut inner.slots {
            let Some(waker) = &slot.waker else { continue };
            let silent_s = now_s.saturating_sub(slot.heard_s);
            let call = match silent_s {
                END_AFTER_S.. => Call::End,
                PING_AFTER_S.. => Call::Ping,
                _ => continue,
            };
            slot.call = call;
            wakers.push(waker.clone());
        }
        drop(inner);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Counts bytes that a connection began to hold of an unfinished message; `false`: there is no room.
    pub fn hold_inbound(&self, bytes: usize) -> bool {
        let held = self.inbound_bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if held > self.inbound_bytes_max {
            self.release_inbound(bytes);
            return false;
        }
        true
    }

    /// Counts bytes that a connection no longer holds.
    pub fn release_inbound(&self, bytes: usize) {
        self.inbound_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// What the machine holds.
    pub fn counts(&self) -> Counts {
        self.lock().node.counts()
    }
}

impl Inner {
    /// Notes how to wake the connection, and returns what the keeper asks of it.
    pub fn attend(&mut self, conn: ConnId, waker: &Waker, heard: bool) -> Call {
        let Some(slot) = self.slots.get_mut(conn.slot as usize) else { return Call::None };
        if heard {
            slot.heard_s = now_ms() / 1_000;
        }
        if !slot.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            slot.waker = Some(waker.clone());
        }
        std::mem::take(&mut slot.call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::task::Wake;

    #[derive(Default)]
    struct Woken(AtomicU64);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn shared() -> Shared {
        let engine = Engine::new(Arc::new(store::Memory::default()));
        Shared::new(engine, SigningKey::from_bytes(&[1; 32]), Policy::default(), 1_000, [1, 2])
    }

    #[test]
    fn silent_connection_is_asked_for_a_sign_of_life_and_then_given_up() {
        let shared = shared();
        let conn = shared.connect([7; 32]).expect("room");
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        assert_eq!(shared.lock().attend(conn, &waker, true), Call::None);
        let heard_s = now_ms() / 1_000;
        let call_after = |silent_s: u64| {
            shared.call_silent(heard_s + silent_s);
            shared.lock().attend(conn, &waker, false)
        };
        assert_eq!(call_after(PING_AFTER_S - 2), Call::None);
        assert_eq!(call_after(PING_AFTER_S + 2), Call::Ping);
        assert_eq!(call_after(END_AFTER_S + 2), Call::End);
        assert_eq!(woken.0.load(Ordering::Relaxed), 2);
        assert_eq!(shared.lock().attend(conn, &waker, true), Call::None);
        assert_eq!(call_after(PING_AFTER_S - 2), Call::None, "heard again");
    }

    #[test]
    fn unfinished_messages_share_a_bounded_room() {
        let shared = shared();
        assert!(shared.hold_inbound(600));
        assert!(!shared.hold_inbound(401));
        assert!(shared.hold_inbound(400));
        shared.release_inbound(600);
        assert!(shared.hold_inbound(600));
    }
}
