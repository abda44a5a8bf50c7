//! The client engine: one encrypted database, observable timelines, transports, and the loop around the device.
//!
//! | module | holds |
//! |---|---|
//! | [`calls`] | calls of two: signals, keys, what became of them |
//! | [`db`] | the encrypted file, its schema and migrations, the device's key-value storage |
//! | [`engine`] | the loop around the device: persist before send |
//! | [`files`] | files: sent, fetched and saved over any interruption |
//! | [`key`] | the database key outside the database, perhaps wrapped with a passphrase |
//! | [`timeline`] | conversations and messages as a user sees them; changes to observe; search |
//! | [`profile`] | a folder with a lock, a key and a database (not in a browser) |
//! | [`transport`] | backoff; sockets and blobs (not in a browser) |

pub mod calls;
pub mod db;
pub mod engine;
pub mod files;
pub mod key;
#[cfg(not(target_arch = "wasm32"))]
pub mod profile;
pub mod timeline;
pub mod transport;
