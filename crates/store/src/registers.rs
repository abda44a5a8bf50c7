//! Registers: linearizable compare-and-swap of small values, for doors and the node's own state.

use crate::{REGISTER_KEY_BYTES_MAX, REGISTER_VALUE_BYTES_MAX, SWAP_CHANGES_MAX, StoreError};
use bytes::Bytes;

/// Small values by key, changed only by comparing first.
///
/// All operations behave as if they happened one after the other at some moment between call and return.
pub trait Registers: Send + Sync + 'static {
    /// The value, or `None` if there is none. What it returns is durable.
    fn get(&self, key: &RegisterKey) -> Result<Option<Bytes>, StoreError>;

    /// Keys that begin with `prefix` and come after `after`, in byte order, with their values; at most
    /// `limit` and [`crate::SCAN_MAX`]. What it returns is durable.
    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&RegisterKey>,
        limit: usize,
    ) -> Result<Vec<(RegisterKey, Bytes)>, StoreError>;

    /// Compares every change's expectation with what is stored; if all hold, makes all changes as one durable
    /// unit, else none. Whoever gets `Done` for a change from a value to none is the only one who ever does:
    /// that is how a KeyPackage is claimed.
    ///
    /// # Errors
    /// `Misuse` over a limit or for one key twice: nothing was stored. Any other error: whether the changes
    /// persisted is unknown, but they did so as a whole or not at all.
    fn swap(&self, changes: &[Change]) -> Result<SwapOutcome, StoreError>;
}

/// A register's name: 1 to [`REGISTER_KEY_BYTES_MAX`] bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegisterKey(Bytes);

impl RegisterKey {
    /// Joins the parts.
    ///
    /// # Errors
    /// `Misuse` for an empty or too long key.
    pub fn new(parts: &[&[u8]]) -> Result<Self, StoreError> {
        let key = parts.concat();
        if key.is_empty() || key.len() > REGISTER_KEY_BYTES_MAX {
            return Err(StoreError::Misuse("a register's key is empty or too long"));
        }
        Ok(Self(Bytes::from(key)))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for RegisterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RegisterKey(..)")
    }
}

/// What must be stored for a change to be made.
#[derive(Clone, PartialEq, Eq)]
pub enum Expect {
    /// Whatever is there.
    Any,
    /// No value.
    Absent,
    /// Exactly these bytes.
    Value(Bytes),
}

impl Expect {
    /// Whether `stored` is as expected.
    pub fn is_met(&self, stored: Option<&[u8]>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => stored.is_none(),
            Self::Value(value) => stored == Some(value.as_ref()),
        }
    }
}

/// One register's part of a swap.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// Which register.
    pub key: RegisterKey,
    /// What it must hold.
    pub expect: Expect,
    /// What it holds afterwards; `None` removes it.
    pub value: Option<Bytes>,
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let to = self.value.as_ref().map_or(0, Bytes::len);
        write!(f, "Change(to {to} bytes)")
    }
}

/// Whether a swap was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwapOutcome {
    /// Made and durable.
    Done,
    /// Nothing was changed.
    Conflict {
        /// The first change whose expectation did not hold.
        index: usize,
    },
}

/// Checks the limits of a swap; engines call it before they store anything.
///
/// # Errors
/// `Misuse` names what is wrong.
pub fn check_changes(changes: &[Change]) -> Result<(), StoreError> {
    if changes.len() > SWAP_CHANGES_MAX {
        return Err(StoreError::Misuse("too many changes in a swap"));
    }
    if changes.iter().any(|change| change.value.as_ref().is_some_and(|value| value.len() > REGISTER_VALUE_BYTES_MAX)) {
        return Err(StoreError::Misuse("a register's value is too long"));
    }
    let mut keys: Vec<&RegisterKey> = changes.iter().map(|change| &change.key).collect();
    keys.sort_unstable();
    if keys.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(StoreError::Misuse("one register twice in a swap"));
    }
    Ok(())
}
