//! A database file on the browser's origin private file system, in a dedicated worker.
//!
//! The pool takes exclusive handles on a few files of one folder; SQLite sees them through a VFS of its own, and
//! the cipher's VFS lies above it, so that pages and journals are encrypted before they reach the pool.

use sqlite_wasm_rs::vfs::VfsFilesManager;
use sqlite_wasm_vfs::sahpool::{OpfsSAHPoolCfgBuilder, OpfsSAHPoolUtil, install};
use std::ffi::CStr;

/// The pool's VFS.
const POOL_VFS: &str = "sottovoce";
/// The cipher's VFS above the pool's; it makes itself known by this name when it is first opened.
pub const VFS: &CStr = c"multipleciphers-sottovoce";
/// Files at once: a database, its journal or log, and what a transaction over several files would need.
const SLOTS: usize = 4;

/// Why the browser gives no storage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the browser gives no storage: {0}")]
pub struct OpfsError(pub String);

/// The files of one folder, held by this worker alone.
#[derive(Clone)]
pub struct Pool(OpfsSAHPoolUtil);

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pool(..)")
    }
}

impl Pool {
    /// Takes the folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`OpfsError`] where the browser refuses, or another worker holds the folder.
    pub async fn open(folder: &str) -> Result<Self, OpfsError> {
        let options = OpfsSAHPoolCfgBuilder::new().vfs_name(POOL_VFS).directory(folder).initial_capacity(SLOTS).build();
        let pool = install::<sqlite_wasm_rs::WasmOsCallback>(&options, false).await;
        Ok(Self(pool.map_err(|error| OpfsError(error.to_string()))?))
    }

    /// Whether there is a file of this name.
    ///
    /// # Errors
    /// [`OpfsError`] while the folder is not held.
    pub fn has(&self, name: &str) -> Result<bool, OpfsError> {
        self.0.contains(name).map_err(|error| OpfsError(error.to_string()))
    }

    /// Removes every file; none may be open.
    ///
    /// # Errors
    /// [`OpfsError`] where a file is open, or the browser refuses.
    pub fn clear(&self) -> Result<(), OpfsError> {
        self.0.clear().map_err(|error| OpfsError(error.to_string()))
    }
}
