//! Named worlds: each misdeed of LANE.md s.10 and what the user must be told.

use crate::ground::Ground;
use crate::storm::Report;

/// Plays a scenario; logged or not.
pub type Play = fn(&Ground, bool) -> Report;

/// Every scenario by name.
pub const ALL: &[(&str, Play)] = &[];
