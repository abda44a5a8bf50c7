//! One account on one device: identity, MLS groups over lanes, messages, first contact.
//!
//! Pure: no I/O, no clock, no global randomness. Time, randomness and storage come in as arguments.

pub mod call;
pub mod contact;
pub mod content;
mod device;
pub mod direct;
pub mod event;
pub mod file;
mod group;
pub mod identity;
pub mod lane;
mod link;
pub mod mls;
pub mod policy;
pub mod storage;

pub use device::{CallOf, Context, Device};
#[cfg(feature = "inspect")]
pub use device::{Glance, Inspection};
pub use group::DeviceError;
#[cfg(feature = "inspect")]
pub use group::measure;
