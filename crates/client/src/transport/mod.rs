//! What carries frames and blobs between the engine and nodes.
//!
//! The engine knows none of it: it takes what happened on a [`protocol::event::Link`] and gives requests to send.
//! Natively [`socket`] keeps one WebSocket for each link and [`blob`] and [`file`] move blobs and files over HTTP; in a browser the
//! platform does both.

pub mod backoff;
#[cfg(not(target_arch = "wasm32"))]
pub mod blob;
#[cfg(not(target_arch = "wasm32"))]
pub mod file;
pub mod frames;
#[cfg(not(target_arch = "wasm32"))]
pub mod socket;
#[cfg(not(target_arch = "wasm32"))]
pub mod stream;
