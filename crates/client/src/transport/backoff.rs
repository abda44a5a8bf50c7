//! Waiting between attempts: 0.5 s doubling to 60 s, full jitter (LANE.md s.8).

use rand_core::Rng;

/// The first wait at most, milliseconds.
pub const FIRST_MS: u64 = 500;
/// Any wait at most, milliseconds.
pub const MOST_MS: u64 = 60_000;

/// Counts failures in a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Notes a failure; how long to wait before the next attempt, milliseconds.
    pub fn failed(&mut self, rng: &mut impl Rng) -> u64 {
        let doubled = FIRST_MS.checked_shl(self.failures.min(32)).unwrap_or(MOST_MS);
        self.failures = self.failures.saturating_add(1);
        // Full jitter: any wait from none to the bound, so that a crowd does not come back at once.
        rng.next_u64() % (doubled.min(MOST_MS) + 1)
    }

    /// Notes a success: the next failure waits briefly again.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn waits_are_jittered_below_a_doubling_bound_of_a_minute() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut longest = [0; 40];
        for _ in 0..2_000 {
            let mut backoff = Backoff::default();
            for longest in &mut longest {
                *longest = backoff.failed(&mut rng).max(*longest);
            }
        }
        let bounds = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000];
        for (longest, bound) in longest.into_iter().zip(bounds) {
            assert!(longest <= bound && longest > bound * 9 / 10, "{longest} of {bound}");
        }
        assert!(longest[39] <= MOST_MS);
    }

    #[test]
    fn success_begins_again() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut backoff = Backoff::default();
        for _ in 0..10 {
            backoff.failed(&mut rng);
        }
        backoff.succeeded();
        assert_eq!(backoff.failures(), 0);
        assert!((0..100).all(|_| {
            backoff.succeeded();
            backoff.failed(&mut rng) <= FIRST_MS
        }));
    }
}
