//! A deterministic virtual world: devices and nodes as they are, over virtual time, network and disks.
//!
//! | module | holds |
//! |---|---|
//! | [`world`] | the clock, the queue of happenings, the client shell |
//! | [`network`] | connections, latency, loss, ghosts; the node's shell |
//! | [`phone`], [`server`], [`disk`], [`dice`] | what the world is made of |
//! | [`book`] | what must be true: LANE.md s.9 |
//! | [`secrets`] | where MLS keeps its secrets, for the search of disks |
//! | [`people`], [`ground`] | what users do, step by step; where every run begins |
//! | [`storm`] | a seed's random run |
//! | [`scenario`] | named worlds: every misdeed and its alert |
//!
//! A seed fixes the schedule. HPKE's randomness is the library's own, so key bytes differ from run to run; nothing
//! in the schedule depends on them.

pub mod book;
pub mod dice;
pub mod disk;
pub mod ground;
#[cfg(test)]
mod mutations;
pub mod network;
pub mod people;
pub mod phone;
pub mod scenario;
pub mod secrets;
pub mod server;
pub mod storm;
pub mod world;

pub use book::Book;
pub use world::World;
