//! Calls: what a device does with frames and what a node does with packets, without a socket or a clock.
//!
//! | module | holds | feature |
//! |---|---|---|
//! | [`call`] | a call of two: who rings, who answered, when it is over | `endpoint` |
//! | [`many`] | a call of many: who is in it, who takes others in | `endpoint` |
//! | [`relayed`] | what a device says to a relay to be reached there | `stun` |
//! | [`room`] | who gets whose packets in a call of many | `relay` |
//! | [`sframe`] | frames sealed end to end (RFC 9605) | `endpoint` |
//! | [`stun`] | STUN messages (RFC 8489) | `stun` |
//! | [`turn`] | who relays what to whom (RFC 8656) | `relay`; how messages lie on a stream: `stun` |
//!
//! A node is built with `relay` alone: it cannot even name a key of a frame.

#[cfg(feature = "relay")]
mod bucket;
#[cfg(feature = "endpoint")]
pub mod call;
#[cfg(feature = "endpoint")]
pub mod many;
#[cfg(feature = "stun")]
pub mod relayed;
#[cfg(feature = "relay")]
pub mod room;
#[cfg(feature = "endpoint")]
pub mod sframe;
#[cfg(feature = "stun")]
pub mod stun;
#[cfg(feature = "stun")]
pub mod turn;
