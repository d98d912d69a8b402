//! When a source is asked again: by its interval, after a failure sooner, and never before the time that it asked for.

use promoter_core::{Diagnosis, UnixSeconds};

/// The first wait after a failure; each further one doubles it.
const RETRY_SECONDS: i64 = 30;
/// How long what is known of a source is kept when no pipeline names it any more.
const KEPT_SECONDS: i64 = 24 * 60 * 60;

/// The times of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Schedule {
    /// When it is asked next.
    pub(super) due: UnixSeconds,
    /// When a pipeline last named it.
    pub(super) wanted: UnixSeconds,
    /// How often it failed since it last answered.
    failures: u32,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { due: UnixSeconds(0), wanted: UnixSeconds(0), failures: 0 }
    }
}

impl Schedule {
    /// After an answer, or the first of its failures.
    pub(super) fn asked(&mut self, failure: Option<&Diagnosis>, interval: i64, now: UnixSeconds) {
        let wait = match failure {
            None => {
                self.failures = 0;
                interval
            }
            Some(_) => {
                let doubled = RETRY_SECONDS.saturating_mul(1 << self.failures.min(20));
                self.failures = self.failures.saturating_add(1);
                doubled.min(interval.max(RETRY_SECONDS))
            }
        };
        let due = UnixSeconds(now.0.saturating_add(wait));
        let wished = failure.and_then(|it| it.not_before);
        self.due = wished.map_or(due, |wished| due.max(wished));
    }

    /// False once nobody wanted it for so long that it is forgotten.
    pub(super) fn is_kept(&self, now: UnixSeconds) -> bool {
        now.0.saturating_sub(self.wanted.0) < KEPT_SECONDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_wait_longer_and_longer_and_wishes_are_heard() {
        let at = |seconds: i64| UnixSeconds(1_000 + seconds);
        let broken = Diagnosis::upstream("registry-unreachable", "refused");
        let busy = broken.clone().not_before(at(3_600));
        let mut schedule = Schedule::default();
        let mut asked = |failure: Option<&Diagnosis>| {
            schedule.asked(failure, 300, at(0));
            schedule.due.0 - at(0).0
        };
        let waits: Vec<i64> = (0..6).map(|_| asked(Some(&broken))).collect();
        assert_eq!(waits, [30, 60, 120, 240, 300, 300]);
        assert_eq!((asked(Some(&busy)), asked(None), asked(Some(&broken))), (3_600, 300, 30));
    }
}
