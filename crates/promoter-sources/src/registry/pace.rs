//! How fast one host is asked: so many requests at one time, so many in a second.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use promoter_core::registries::RequestBound;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// The turns of one host.
#[derive(Debug)]
pub(super) struct Pace {
    in_flight: Semaphore,
    rate: Mutex<Rate>,
}

/// When the next request may start: a bucket that holds a second's worth of requests and fills steadily.
#[derive(Debug)]
struct Rate {
    interval: Duration,
    burst: Duration,
    /// When the bucket would be full again.
    full_at: Option<Instant>,
}

impl Pace {
    pub(super) fn new(bound: RequestBound) -> Self {
        let rate = Mutex::new(Rate::new(bound.per_second));
        Self { in_flight: Semaphore::new(bound.in_flight.max(1) as usize), rate }
    }

    /// Waits for a turn. It is over when the permit is dropped. `None`, which never is, should the host be gone.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let permit = self.in_flight.acquire().await.ok()?;
        let start = self.rate.lock().unwrap_or_else(PoisonError::into_inner).reserve(Instant::now());
        tokio::time::sleep_until(start).await;
        Some(permit)
    }
}

impl Rate {
    fn new(per_second: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self { interval, burst: interval * (per_second.max(1) - 1), full_at: None }
    }

    /// Takes the next place and says when it begins.
    fn reserve(&mut self, now: Instant) -> Instant {
        let full_at = self.full_at.map_or(now, |it| it.max(now));
        self.full_at = Some(full_at + self.interval);
        now.max(full_at.checked_sub(self.burst).unwrap_or(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_given_at_once_and_the_rest_evenly() {
        let (mut rate, start) = (Rate::new(10), Instant::now() + Duration::from_secs(100));
        let waits: Vec<u128> = (0..13).map(|_| (rate.reserve(start) - start).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 200, 300]);
        let later = start + Duration::from_secs(60);
        assert_eq!(rate.reserve(later), later, "a pause fills it again");
    }

    #[test]
    fn one_a_second_is_one_a_second() {
        let (mut rate, start) = (Rate::new(1), Instant::now());
        let waits: Vec<u128> = (0..3).map(|_| (rate.reserve(start) - start).as_millis()).collect();
        assert_eq!(waits, [0, 1_000, 2_000]);
    }
}
