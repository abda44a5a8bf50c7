//! A call of many: who is in it, who takes others in, when it is over (docs/spec/CALLS.md s.9).
//!
//! As in a call of two, signals travel in the conversation's lane and all devices hear them in one order. Whoever is in
//! the call knows its MLS group besides, and tells the machine which changes of it count; all others believe what a
//! change says of itself.
//!
//! | module | holds |
//! |---|---|
//! | [`line`] | who is in it, who waits, whose turn it is |
//! | [`machine`] | one device's view of the calls of one conversation |

pub mod line;
pub mod machine;

pub use line::{Due, Line};
pub use machine::{Effect, EndReason, Heard, Intent, Machine, Present, Record, Signal, State};
