//! Budgets that refill (LANE.md N10): token buckets on the caller's clock.

use crate::policy::RETRY_MS_MAX;

/// How large a budget is and how fast it refills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Units in a full budget; at least 1.
    pub burst: u64,
    /// Units that come back every `per_ms`; at least 1.
    pub refill: u64,
    /// Milliseconds; at least 1.
    pub per_ms: u64,
}

impl Rate {
    /// `units` every `per_ms`, as many in a burst.
    pub const fn per(units: u64, per_ms: u64) -> Self {
        Self { burst: units, refill: units, per_ms }
    }

    /// A fifth of this rate: what one connection may take of a lane's handshakes.
    pub fn fifth(self) -> Self {
        Self { burst: (self.burst / 5).max(1), refill: self.refill, per_ms: self.per_ms.saturating_mul(5) }
    }
}

/// What is left of a budget. It may be overdrawn by its last spending, so that one large item is late, never lost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    /// Millionths of a unit.
    level: i64,
    at_ms: u64,
}

/// Millionths, so that slow refills lose nothing to rounding.
const UNIT: i64 = 1_000_000;

fn cap(rate: Rate) -> i64 {
    i64::try_from(rate.burst.max(1)).unwrap_or(i64::MAX).saturating_mul(UNIT)
}

impl Bucket {
    pub(crate) fn full(now_ms: u64, rate: Rate) -> Self {
        Self { level: cap(rate), at_ms: now_ms }
    }

    fn refill(&mut self, now_ms: u64, rate: Rate) {
        let elapsed = u128::from(now_ms.saturating_sub(self.at_ms));
        // A clock that was set back starts anew from where it is: no limit is permanent.
        self.at_ms = now_ms;
        let gain = elapsed * u128::from(rate.refill) * UNIT as u128 / u128::from(rate.per_ms.max(1));
        let gain = i64::try_from(gain).unwrap_or(i64::MAX);
        self.level = self.level.saturating_add(gain).min(cap(rate));
    }

    /// Whether at least one unit is there, else the milliseconds until it is.
    pub(crate) fn check(&mut self, now_ms: u64, rate: Rate) -> Result<(), u32> {
        self.refill(now_ms, rate);
        if self.level >= UNIT {
            return Ok(());
        }
        let missing = (i128::from(UNIT) - i128::from(self.level)).unsigned_abs();
        let wait_ms = (missing * u128::from(rate.per_ms)).div_ceil(u128::from(rate.refill.max(1)) * UNIT as u128);
        Err(u32::try_from(wait_ms).unwrap_or(RETRY_MS_MAX).clamp(1, RETRY_MS_MAX))
    }

    pub(crate) fn spend(&mut self, units: u64) {
        let units = i64::try_from(units).unwrap_or(i64::MAX).saturating_mul(UNIT);
        self.level = self.level.saturating_sub(units);
    }

    pub(crate) fn is_full(&mut self, now_ms: u64, rate: Rate) -> bool {
        self.refill(now_ms, rate);
        self.level == cap(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 3, refill: 2, per_ms: 1_000 };

    #[test]
    fn n10_budget_allows_its_burst_and_refuses_one_more_with_the_time_until_the_next() {
        let mut bucket = Bucket::full(0, RATE);
        for _ in 0..3 {
            assert_eq!(bucket.check(0, RATE), Ok(()));
            bucket.spend(1);
        }
        assert_eq!(bucket.check(0, RATE), Err(500));
        assert_eq!(bucket.check(499, RATE), Err(1));
        assert_eq!(bucket.check(500, RATE), Ok(()));
    }

    #[test]
    fn n10_overdrawn_budget_refills() {
        let mut bucket = Bucket::full(0, RATE);
        bucket.spend(1_000);
        assert_eq!(bucket.check(0, RATE), Err(RETRY_MS_MAX));
        assert_eq!(bucket.check(499_000, RATE), Ok(()));
    }

    #[test]
    fn n10_clock_set_back_does_not_stop_the_refill() {
        let mut bucket = Bucket::full(u64::MAX, RATE);
        bucket.spend(3);
        assert_eq!(bucket.check(1_000, RATE), Err(500));
        assert_eq!(bucket.check(1_500, RATE), Ok(()));
    }
}
