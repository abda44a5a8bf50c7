//! Rooms for calls of many: asked about on any connection, kept by whoever has the sockets.

use crate::node::Node;
use crate::outbox::Out;
use wire::node::{Event, Refusal, RequestId};
use wire::room::{RoomAsk, RoomTold};

/// Answers what is asked about rooms.
pub type RoomKeeper = Box<dyn Fn(RoomAsk) -> Result<RoomTold, Refusal> + Send>;

/// Who keeps the rooms.
#[derive(Default)]
pub(crate) struct Rooms(Option<RoomKeeper>);

impl Node {
    /// Lets it answer for rooms; without a keeper it has none and says so.
    pub fn set_rooms(&mut self, keeper: RoomKeeper) {
        self.rooms.0 = Some(keeper);
    }

    pub(crate) fn ask_room(&mut self, id: RequestId, ask: RoomAsk) -> Result<Option<Out>, Refusal> {
        let keeper = self.rooms.0.as_ref().ok_or(Refusal::Denied)?;
        Ok(Some(Out::event(id, Event::Room(Box::new(keeper(ask)?)))))
    }
}

impl std::fmt::Debug for Rooms {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Rooms").field("is_kept", &self.0.is_some()).finish()
    }
}
