//! A call of two: who rings, who answered first, when it is over (docs/spec/CALLS.md s.3).
//!
//! Signals travel in the conversation's lane, which gives all devices of both accounts one order. The machine of each
//! device hears all of them in that order, its own ones too, and so all come to the same end without asking each
//! other.
//!
//! | module | holds |
//! |---|---|
//! | [`signal`] | what devices say to each other, as far as it matters here |
//! | [`machine`] | one device's view of the calls of one conversation |

pub mod machine;
pub mod signal;

pub use machine::{Effect, Intent, Machine, Outcome, Record, State};
pub use signal::{Claim, EndReason, Media, RefusalReason, Sender, Signal};
