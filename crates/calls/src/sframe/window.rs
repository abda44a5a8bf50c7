//! Which counters of a stream were seen: a sliding window, as RFC 3711 s.3.3.2 has for SRTP.

/// Counters that are remembered: at least 16 s of any stream of 60 frames a second.
pub const WINDOW_COUNTERS: u64 = 1_024;
const WORDS: usize = WINDOW_COUNTERS as usize / 64;

/// Counters that were seen, the newest [`WINDOW_COUNTERS`] of them one by one.
#[derive(Default)]
pub struct Window {
    /// The highest counter seen; `None` for nothing seen.
    highest: Option<u64>,
    /// Bit `counter % WINDOW_COUNTERS`.
    seen: [u64; WORDS],
}

impl Window {
    /// Whether a counter is new; one that is too old to tell is not.
    pub fn is_new(&self, counter: u64) -> bool {
        match self.highest {
            None => true,
            Some(highest) if counter > highest => true,
            Some(highest) => highest - counter < WINDOW_COUNTERS && !self.has(counter),
        }
    }

    /// Notes a counter for which [`Self::is_new`] held, once its frame is authenticated.
    pub fn note(&mut self, counter: u64) {
        let highest = self.highest.unwrap_or(counter);
        if counter > highest {
            if counter - highest >= WINDOW_COUNTERS {
                self.seen = [0; WORDS];
            } else {
                (highest + 1..=counter).for_each(|passed| self.set(passed, false));
            }
        }
        self.set(counter, true);
        self.highest = Some(highest.max(counter));
    }

    fn has(&self, counter: u64) -> bool {
        let (word, bit) = place(counter);
        self.seen[word] & bit != 0
    }

    fn set(&mut self, counter: u64, value: bool) {
        let (word, bit) = place(counter);
        if value {
            self.seen[word] |= bit;
        } else {
            self.seen[word] &= !bit;
        }
    }
}

fn place(counter: u64) -> (usize, u64) {
    let at = (counter % WINDOW_COUNTERS) as usize;
    (at / 64, 1 << (at % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn take(window: &mut Window, counter: u64) -> bool {
        let is_new = window.is_new(counter);
        if is_new {
            window.note(counter);
        }
        is_new
    }

    #[test]
    fn the_oldest_counter_of_the_window_is_known_and_one_older_refused() {
        let mut window = Window::default();
        assert!(take(&mut window, 5_000));
        assert!(take(&mut window, 5_000 - WINDOW_COUNTERS + 1));
        assert!(!take(&mut window, 5_000 - WINDOW_COUNTERS + 1));
        assert!(!take(&mut window, 5_000 - WINDOW_COUNTERS));
        assert!(take(&mut window, u64::MAX));
        assert!(!take(&mut window, 5_001));
        assert!(!take(&mut window, u64::MAX));
    }

    proptest! {
        #[test]
        fn nothing_is_taken_twice_and_nothing_recent_refused(
            steps in proptest::collection::vec((0_u64..4_000, 0_u64..1_500), 1..300),
        ) {
            let (mut window, mut taken, mut highest) = (Window::default(), BTreeSet::new(), 0);
            let mut base = 0;
            for (offset, forward) in steps {
                base += forward;
                let counter = base + offset;
                let is_recent = taken.is_empty() || counter + WINDOW_COUNTERS > highest;
                prop_assert_eq!(take(&mut window, counter), is_recent && !taken.contains(&counter));
                if is_recent {
                    taken.insert(counter);
                }
                highest = highest.max(counter);
            }
        }
    }
}
