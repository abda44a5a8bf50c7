//! The client engine for a browser's worker: conversions only, no decisions.
//!
//! | module | holds |
//! |---|---|
//! | [`face`] | the engine with what waits for it and what it wants done |
//! | [`heard`] | what nodes say that views show: progress, pauses |
//! | [`query`] | what views show, as JSON |
//! | [`act`] | what the user does, from JSON |
//! | [`call`] | calls: what is shown, what media tells |
//! | [`file`] | files: what is shown and asked, what seals and opens them |
//! | [`direct`] | files from device to device |
//! | [`preview`] | what an invite link says before it is followed |
//! | [`shape`] | the JSON's shapes (`apps/web/src/platform/engine.ts`) |
//! | [`refusal`] | errors as stable codes with values |
//! | `browser` | the class that JavaScript sees (only in a browser) |

pub mod act;
#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(target_arch = "wasm32")]
mod browser_call;
#[cfg(target_arch = "wasm32")]
mod browser_direct;
#[cfg(target_arch = "wasm32")]
mod browser_file;
#[cfg(target_arch = "wasm32")]
mod browser_room;
pub mod call;
pub mod direct;
pub mod face;
pub mod file;
pub mod group_call;
pub mod heard;
pub mod preview;
pub mod query;
pub mod refusal;
pub mod shape;
