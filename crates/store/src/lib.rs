//! Server storage by guarantee, not by entity.
//!
//! | module | holds |
//! |---|---|
//! | [`lanes`] | [`Lanes`]: per-lane order, append with compare-and-set, pages, expiry |
//! | [`registers`] | [`Registers`]: linearizable compare-and-swap of small values |
//! | [`blobs`] | [`Blobs`]: immutable, durable on return |
//! | [`parts`] | [`Parts`]: immutable pieces of files, durable on return; local files or S3 |
//! | [`record`] | [`LaneRecord`] and [`StoredCell`], with their persisted layouts |
//! | [`disk`] | [`Disk`]: the embedded engine |
//! | [`faulty`] | [`Faulty`]: any engine, failing when told to |
//! | [`conformance`] | what every engine passes |
//! | [`memory`] | [`Memory`]: an engine that forgets, for tests and the simulator |
//! | [`error`] | [`StoreError`] |
//!
//! Every trait but [`Parts`] is blocking; all may be called from many threads. Times are seconds since the Unix epoch and come
//! in as arguments: a store reads no clock. Retention is `delivery`'s decision: a store is told when a cell, a
//! record or a blob may go and does nothing before.

pub mod blobs;
pub mod conformance;
pub mod disk;
pub mod error;
pub mod faulty;
pub mod lanes;
pub mod memory;
pub mod parts;
pub mod record;
pub mod registers;

pub use blobs::{BlobInfo, Blobs};
pub use disk::{Disk, DiskOptions};
pub use error::StoreError;
pub use faulty::{Fault, Faulty};
pub use lanes::{CellMark, CommitOutcome, Expired, LaneBatch, LaneCommit, Lanes};
pub use memory::Memory;
pub use parts::{FaultyParts, ObjectParts, PartName, Parts};
pub use record::{BodyPrefix, LaneRecord, StoredCell};
pub use registers::{Change, Expect, RegisterKey, Registers, SwapOutcome};

/// Everything that a node stores. Implemented for whatever offers the three guarantees.
pub trait Store: Lanes + Registers + Blobs {}

impl<T: Lanes + Registers + Blobs> Store for T {}

/// Bytes of a register's key at most.
pub const REGISTER_KEY_BYTES_MAX: usize = 128;
/// Bytes of a register's value at most.
pub const REGISTER_VALUE_BYTES_MAX: usize = 64 << 10;
/// Changes in one swap at most.
pub const SWAP_CHANGES_MAX: usize = 256;
/// Registers that one scan returns at most.
pub const SCAN_MAX: usize = 1_024;
/// Lanes in one batch at most.
pub const BATCH_LANES_MAX: usize = 65_536;
/// Cells in one batch at most.
pub const BATCH_CELLS_MAX: usize = 65_536;
/// Bytes of bodies in one batch at most.
pub const BATCH_BYTES_MAX: usize = 64 << 20;
