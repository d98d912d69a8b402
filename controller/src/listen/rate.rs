//! How often a path may be asked.
//!
//! Paths share a fixed number of counters by a hash that strangers cannot foresee: memory is bounded, and whether a path
//! exists does not show in when it is refused.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Counters. Two paths that share one are counted as one.
const COUNTERS: usize = 256;

/// How often each path was asked of late.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: f64,
    burst: f64,
    hash: RandomState,
    counters: Mutex<Vec<Counter>>,
}

#[derive(Debug, Clone)]
struct Counter {
    /// Requests that may come now.
    left: f64,
    at: Instant,
}

impl Rate {
    pub(super) fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        let counter = Counter { left: f64::from(burst), at: now };
        let (per_second, burst) = (f64::from(per_second), f64::from(burst));
        let counters = Mutex::new(vec![counter; COUNTERS]);
        Self { per_second, burst, hash: RandomState::new(), counters }
    }

    /// Counts a request; false when it is one too many.
    pub(super) fn takes(&self, path: &str, now: Instant) -> bool {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let index = self.hash.hash_one(path) as usize % counters.len();
        let Some(counter) = counters.get_mut(index) else { return false };
        let elapsed = now.saturating_duration_since(counter.at).as_secs_f64();
        counter.left = (counter.left + elapsed * self.per_second).min(self.burst);
        counter.at = now;
        let takes = counter.left >= 1.0;
        if takes {
            counter.left -= 1.0;
        }
        takes
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_path_may_be_asked_at_its_rate_after_a_burst() {
        let start = Instant::now();
        let rate = Rate::new(2, 3, start);
        let taken = |seconds| {
            (0..10).filter(|_| rate.takes("/webhook/shop", start + Duration::from_secs(seconds))).count()
        };
        assert_eq!([taken(0), taken(0), taken(1), taken(100)], [3, 0, 2, 3]);
    }
}
