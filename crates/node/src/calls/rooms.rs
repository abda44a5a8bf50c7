//! Rooms for calls of many, on the clients' port: packets in, packets out, and time.

use super::batch::Outbox;
use super::{Relay, hold};
use calls::room::{RoomCounts, RoomRefusal, Rooms};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wire::node::Refusal;
use wire::room::{RoomAsk, RoomTold};

/// Time moves on in steps of this at least: what is due sooner waits for what is due with it.
const STEP: Duration = Duration::from_millis(1);
/// Without anything due, looked after this often.
const IDLE: Duration = Duration::from_secs(1);
/// When who joins too fast may try again.
const RETRY_MS: u32 = 1_000;

impl Relay {
    /// What the rooms hold.
    pub fn room_counts(&self) -> RoomCounts {
        self.rooms.as_ref().map(|rooms| hold(rooms).counts()).unwrap_or_default()
    }

    /// Answers what a client asks about rooms.
    ///
    /// # Errors
    /// The refusal that the client gets.
    pub fn ask_room(&self, ask: RoomAsk) -> Result<RoomTold, Refusal> {
        let rooms = self.rooms.as_ref().ok_or(Refusal::Denied)?;
        let answered = hold(rooms).ask(Instant::now(), ask);
        // Whoever left is told, and whoever stays.
        self.rooms_due.notify_one();
        answered.map_err(|refusal| match refusal {
            RoomRefusal::Denied => Refusal::Denied,
            RoomRefusal::Ended => Refusal::Closed,
            RoomRefusal::Full => Refusal::TooMany,
            RoomRefusal::Busy => Refusal::Busy { retry_after_ms: RETRY_MS },
            RoomRefusal::Malformed => Refusal::Malformed,
        })
    }

    /// When the rooms are to be looked after next.
    pub(super) fn rooms_at(&self) -> Instant {
        let now = Instant::now();
        let due = self.rooms.as_ref().and_then(|rooms| hold(rooms).next_deadline());
        due.unwrap_or(now + IDLE).clamp(now + STEP, now + IDLE)
    }

    /// Does what time brings.
    pub(super) fn look_after_rooms(self: &Arc<Self>) {
        let Some(rooms) = &self.rooms else { return };
        super::packets::with_outbox(|outbox| self.flush_rooms(&mut hold(rooms), outbox));
    }

    /// Sends what the rooms have to send.
    pub(super) fn flush_rooms(&self, rooms: &mut Rooms, outbox: &mut Outbox) {
        rooms.flush(Instant::now());
        rooms.drain_sent(|sent| outbox.push(&self.udp, sent.to, [&[], &sent.bytes, &[]]));
        outbox.flush();
    }
}
