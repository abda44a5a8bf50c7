//! Why a store did not do it.

/// Why a store did not do it, by blame.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Written by a newer version of this program: upgrade the program, nothing was changed.
    #[error("{what} has format version {found}, this program knows up to {newest}: use a newer program")]
    Unsupported {
        /// What was being read.
        what: &'static str,
        /// The version found.
        found: u32,
        /// The newest version known here.
        newest: u32,
    },
    /// Stored bytes are not what was written. The store refuses rather than guesses.
    #[error("{what} is damaged on disk")]
    Corrupt {
        /// What was being read.
        what: &'static str,
    },
    /// Another process has the folder open.
    #[error("another process uses this data folder")]
    InUse,
    /// The caller broke the contract; nothing was stored.
    #[error("misuse: {0}")]
    Misuse(&'static str),
    /// The operating system or the medium failed. Whether the write persisted is unknown: the caller
    /// acknowledges nothing and reads again before it decides anything.
    #[error("storage failed: {0}")]
    Io(#[from] std::io::Error),
    /// An earlier write failed in a way after which nothing may be promised: reopen the store.
    #[error("the store stopped after a failed write")]
    Stopped,
}
