//! What refills with time: how a rate is held to.

/// Units that refill with time, up to twice what a second brings.
#[derive(Debug)]
pub(crate) struct Bucket {
    per_s: u64,
    left: u64,
    at_ms: u64,
}

impl Bucket {
    /// A full one.
    pub(crate) fn new(now_ms: u64, per_s: u64) -> Self {
        Self { per_s, left: per_s.saturating_mul(2), at_ms: now_ms }
    }

    /// Takes so many, or none where there are too few.
    pub(crate) fn take(&mut self, now_ms: u64, count: u64) -> bool {
        let passed_ms = now_ms.saturating_sub(self.at_ms).min(2_000);
        let refill = self.per_s.saturating_mul(passed_ms) / 1_000;
        if refill > 0 {
            self.left = self.left.saturating_add(refill).min(self.per_s.saturating_mul(2));
            self.at_ms = now_ms;
        }
        let is_enough = self.left >= count;
        if is_enough {
            self.left -= count;
        }
        is_enough
    }
}
