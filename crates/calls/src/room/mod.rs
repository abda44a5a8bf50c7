//! Rooms for calls of many: packets of sealed media go from each to those who want to see or hear them (CALLS.md s.8).
//! Sockets and clocks are the shell's; WebRTC itself is str0m's.
//!
//! | module | holds |
//! |---|---|
//! | [`policy`] | limits, refusals |
//! | [`rooms`] | all rooms of a node: who joins, which packet is whose, time |
//! | `person` | one connection and its budgets |
//! | `source` | what somebody sends: layers, their rates, their key frames |
//! | `slot` | where somebody receives: one stream out of several, renumbered |
//! | `seat` | which source goes to which slot, and in which layer |
//!
//! The shell gives each packet to [`Rooms::take`]; after a batch it calls [`Rooms::flush`] and sends what
//! [`Rooms::drain_sent`] gives. It calls [`Rooms::flush`] again at [`Rooms::next_deadline`].

mod person;
pub mod policy;
pub mod rooms;
mod seat;
mod slot;
mod source;

pub use policy::{RoomPolicy, RoomRefusal};
pub use rooms::{RoomCounts, Rooms, Sent};
