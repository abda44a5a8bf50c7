//! The client engine: one encrypted database, observable timelines, transports, and the loop around the device.
//!
//! | module | holds |
//! |---|---|
//! | [`db`] | the encrypted file, its schema and migrations, the device's key-value storage |
//! | [`timeline`] | conversations and messages as a user sees them; changes to observe; search |
//! | [`transport`] | backoff; sockets and blobs (not in a browser) |

pub mod db;
pub mod timeline;
pub mod transport;
