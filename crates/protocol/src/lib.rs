//! One account on one device: identity, MLS groups over lanes, messages, first contact.
//!
//! Pure: no I/O, no clock, no global randomness. Time, randomness and storage come in as arguments.

pub mod contact;
pub mod content;
pub mod event;
pub mod identity;
pub mod lane;
pub mod mls;
pub mod storage;
