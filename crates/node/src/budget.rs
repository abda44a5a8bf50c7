//! Bytes an hour, of all clients together.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A budget that fills evenly and holds an hour's worth.
#[derive(Debug)]
pub struct Budget {
    per_h: u64,
    /// Bytes left, and when it was last filled.
    left: Mutex<(u64, Instant)>,
}

impl Budget {
    /// Full.
    pub fn new(per_h: u64) -> Self {
        Self { per_h, left: Mutex::new((per_h, Instant::now())) }
    }

    /// Takes `bytes`, or says how many seconds to wait.
    ///
    /// # Errors
    /// The seconds, at most 3,600.
    pub fn spend(&self, bytes: u64) -> Result<(), u32> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed_ms = u64::try_from(left.1.elapsed().as_millis()).unwrap_or(u64::MAX);
        let gain = u128::from(self.per_h) * u128::from(elapsed_ms) / 3_600_000;
        if gain > 0 {
            let gain = u64::try_from(gain).unwrap_or(u64::MAX);
            *left = (left.0.saturating_add(gain).min(self.per_h), Instant::now());
        }
        match left.0.checked_sub(bytes) {
            Some(rest) => {
                left.0 = rest;
                Ok(())
            }
            None => {
                let missing = u128::from(bytes - left.0) * 3_600 / u128::from(self.per_h.max(1));
                Err(u32::try_from(missing).unwrap_or(3_600).clamp(1, 3_600))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budget_is_spent_once_and_says_when_there_is_more() {
        let budget = Budget::new(3_600);
        assert_eq!(budget.spend(3_000), Ok(()));
        let wait_s = budget.spend(3_600).expect_err("not so much");
        assert!((2_900..=3_000).contains(&wait_s), "{wait_s}");
        assert_eq!(budget.spend(600), Ok(()));
        assert_eq!(Budget::new(1).spend(u64::MAX), Err(3_600));
    }
}
