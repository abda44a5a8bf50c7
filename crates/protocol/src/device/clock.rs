//! A clock that is believed: what is deleted for good by its age is not deleted because a clock jumped.
//!
//! The device's clock is believed while it goes on in small steps, or once it has kept to a jump for two weeks of its
//! own time; back it is believed at once. Decision 16.

use crate::group::{Cx, DeviceError};
use crate::storage::{self, Space};
use serde::{Deserialize, Serialize};

const DAY_MS: u64 = 86_400_000;
/// A step that is believed at once.
const STEP_MS: u64 = 2 * DAY_MS;
/// A jump is believed when the clock has gone on for so long after it.
const DOUBT_MS: u64 = 14 * DAY_MS;
/// A device may be off for so long between two looks that speak for the same jump.
const PAUSE_MS: u64 = 40 * DAY_MS;
/// What is believed is written down when it has moved by so much.
const WRITE_MS: u64 = 3_600_000;

const KEY: &[u8] = b"clock";

/// What is believed, and what the clock says beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Believed {
    now_ms: u64,
    doubt: Option<Doubt>,
}

/// A jump: where the clock was after it, and where it was last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Doubt {
    from_ms: u64,
    last_ms: u64,
}

impl Believed {
    fn at(now_ms: u64) -> Self {
        Self { now_ms, doubt: None }
    }

    /// After a look at the clock.
    fn look(self, clock_ms: u64) -> Self {
        if clock_ms <= self.now_ms.saturating_add(STEP_MS) {
            return Self::at(clock_ms);
        }
        let fresh = Some(Doubt { from_ms: clock_ms, last_ms: clock_ms });
        match self.doubt {
            Some(Doubt { from_ms, last_ms }) if clock_ms >= from_ms && clock_ms <= last_ms.saturating_add(PAUSE_MS) => {
                let kept_ms = clock_ms - from_ms;
                if kept_ms < DOUBT_MS {
                    Self { doubt: Some(Doubt { from_ms, last_ms: clock_ms }), ..self }
                } else if kept_ms <= DOUBT_MS + STEP_MS {
                    Self::at(clock_ms)
                } else {
                    Self { now_ms: from_ms, doubt: fresh }
                }
            }
            _ => Self { doubt: fresh, ..self },
        }
    }

    /// Whether it is worth a write.
    fn is_news(&self, known: &Self) -> bool {
        let is_other = |a: u64, b: u64| a.abs_diff(b) >= WRITE_MS;
        match (self.doubt, known.doubt) {
            (None, None) => is_other(self.now_ms, known.now_ms),
            (Some(now), Some(then)) => now.from_ms != then.from_ms || is_other(now.last_ms, then.last_ms),
            _ => true,
        }
    }
}

/// The time that irrevocable deletions go by, milliseconds; never later than the clock.
pub(super) fn believed_ms(cx: &Cx<'_>) -> Result<u64, DeviceError> {
    let known: Option<Believed> = storage::get(cx.storage, Space::Device, KEY, "clock")?;
    let believed = known.map_or(Believed::at(cx.now_ms), |known| known.look(cx.now_ms));
    if known.is_none_or(|known| believed.is_news(&known)) {
        storage::put(cx.storage, Space::Device, KEY, &believed)?;
    }
    Ok(believed.now_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_MS: u64 = 1_800_000_000_000;
    const YEARS_MS: u64 = 3 * 365 * DAY_MS;

    fn at(now_ms: u64) -> Believed {
        Believed::at(now_ms)
    }

    #[test]
    fn small_steps_are_believed() {
        let believed = at(START_MS).look(START_MS + STEP_MS);
        assert_eq!(believed, at(START_MS + STEP_MS));
        assert_eq!(believed.look(START_MS + STEP_MS + DAY_MS), at(START_MS + STEP_MS + DAY_MS));
    }

    #[test]
    fn jump_ahead_is_not_believed_and_the_way_back_is() {
        let jumped = at(START_MS).look(START_MS + YEARS_MS);
        assert_eq!(jumped.now_ms, START_MS);
        let later = jumped.look(START_MS + YEARS_MS + DOUBT_MS - 1);
        assert_eq!(later.now_ms, START_MS);
        assert_eq!(later.look(START_MS + DAY_MS), at(START_MS + DAY_MS));
        assert_eq!(at(START_MS).look(START_MS - YEARS_MS), at(START_MS - YEARS_MS));
    }

    #[test]
    fn jump_that_the_clock_keeps_to_for_two_weeks_is_believed() {
        let jumped = at(START_MS).look(START_MS + YEARS_MS);
        let half = jumped.look(START_MS + YEARS_MS + DOUBT_MS / 2);
        assert_eq!(half.now_ms, START_MS);
        assert_eq!(half.look(START_MS + YEARS_MS + DOUBT_MS), at(START_MS + YEARS_MS + DOUBT_MS));
    }

    #[test]
    fn device_that_is_on_once_a_month_lags_by_a_month() {
        let mut believed = at(START_MS);
        for month in 1..10u64 {
            let clock_ms = START_MS + month * 30 * DAY_MS;
            believed = believed.look(clock_ms);
            assert!(clock_ms - believed.now_ms <= 60 * DAY_MS, "month {month}");
        }
    }

    #[test]
    fn two_jumps_in_a_row_are_not_believed() {
        let once = at(START_MS).look(START_MS + YEARS_MS);
        let twice = once.look(START_MS + 2 * YEARS_MS);
        assert_eq!(twice.now_ms, START_MS);
        assert_eq!(twice.look(START_MS + YEARS_MS).now_ms, START_MS);
        assert_eq!(twice.look(START_MS + DAY_MS), at(START_MS + DAY_MS));
    }

    #[test]
    fn what_hardly_changed_is_not_written() {
        assert!(!at(START_MS + WRITE_MS - 1).is_news(&at(START_MS)));
        assert!(at(START_MS + WRITE_MS).is_news(&at(START_MS)));
        let jumped = at(START_MS).look(START_MS + YEARS_MS);
        assert!(jumped.is_news(&at(START_MS)));
        assert!(!jumped.look(START_MS + YEARS_MS + 1).is_news(&jumped));
    }
}
