//! TURN (RFC 8656): a table of allocations that says where each packet goes. Sockets are the shell's.
//!
//! | module | holds |
//! |---|---|
//! | [`credential`] | names and passwords that expire by themselves |
//! | [`policy`] | limits, and which peers may be sent to |
//! | [`framing`] | messages on a byte stream |
//! | [`table`] | clients, allocations, permissions, channels |
//! | [`request`] | what clients ask for |
//! | [`packet`] | data in both directions |
//!
//! The shell gives each packet to [`Table::from_client`] or [`Table::from_peer`], carries out the verdict, then
//! [`Table::take_effects`]; about once a second it calls [`Table::tick`].

#[cfg(feature = "relay")]
mod allocation;
#[cfg(feature = "relay")]
pub mod credential;
pub mod framing;
#[cfg(feature = "relay")]
pub mod packet;
#[cfg(feature = "relay")]
pub mod policy;
#[cfg(feature = "relay")]
pub mod request;
#[cfg(feature = "relay")]
pub mod table;

#[cfg(feature = "relay")]
pub use credential::{Credential, CredentialSecret};
#[cfg(feature = "relay")]
pub use packet::{Forward, Verdict};
#[cfg(feature = "relay")]
pub use policy::Policy;
#[cfg(feature = "relay")]
pub use table::{Answer, Client, Effect, Link, Opened, RelayId, Table};
