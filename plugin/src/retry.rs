//! Whether something that failed is tried again, and when.
//!
//! Argo CD keeps an error for up to an hour after the third attempt, so a fault that passes by itself must not become one
//! while there is time. Only faults of others are tried again; what a person must mend is told at once.

use std::time::Duration;

use promoter_core::{Diagnosis, Fault, UnixSeconds};

/// The first pause; each further one is twice as long.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Tries of one request, the first one included.
const TRIES_MAX: u32 = 16;
/// Time that the next try must have at least, besides its pause.
const TRY_MIN: Duration = Duration::from_millis(250);
/// Passing faults that another try within seconds does not mend: our own limits, and this machine's disk and files.
const NOT_AGAIN: [&str; 8] = [
    "chart-cache",
    "git-access-credentials",
    "git-cache",
    "helm-machine",
    "helm-timeout",
    "plugin-cancelled",
    "registry-cache",
    "runtime",
];

/// The tries of one request.
#[derive(Debug, Clone, Default)]
pub struct Retries {
    failed: u32,
    spent: Duration,
}

impl Retries {
    /// The pause before the next try, after one that took `took`; `None` when there is none. `left` is the time until the
    /// answer is due: a try that could not end in it is not begun. `now` is for servers that said when to come back.
    pub fn pause(
        &mut self,
        error: &Diagnosis,
        took: Duration,
        left: Duration,
        now: UnixSeconds,
    ) -> Option<Duration> {
        if error.fault != Fault::Upstream || NOT_AGAIN.contains(&error.code) {
            return None;
        }
        self.failed += 1;
        self.spent += took;
        let doubled = PAUSE_FIRST.saturating_mul(1 << (self.failed - 1).min(8)).min(PAUSE_MAX);
        let asked = error.not_before.map(|it| Duration::from_secs(it.0.saturating_sub(now.0).max(0) as u64));
        let pause = asked.map_or(doubled, |it| it.max(doubled));
        let fits = pause.saturating_add(took.max(TRY_MIN)) <= left;
        (self.failed < TRIES_MAX && fits).then(|| {
            self.spent += pause;
            pause
        })
    }

    /// How often it was tried in vain.
    pub fn failed(&self) -> u32 {
        self.failed
    }

    /// The error as it is told in the end: it says how often and how long it was tried, and how to ask again.
    #[must_use]
    pub fn told(&self, error: Diagnosis) -> Diagnosis {
        let tries = match self.failed {
            _ if error.fault != Fault::Upstream => return error,
            0 => return error,
            1 => String::new(),
            tries => format!("; {tries} tries in {:.1} s", self.spent.as_secs_f64()),
        };
        let hint =
            error.hint.unwrap_or_else(|| "Argo CD keeps errors; Hard Refresh asks again at once".into());
        Diagnosis { cause: format!("{}{tries}", error.cause), hint: Some(hint), ..error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);
    const SHORT: Duration = Duration::from_millis(10);

    fn unreachable() -> Diagnosis {
        Diagnosis::upstream("git-unreachable", "`u` did not answer as it should: 503")
    }

    fn pause(retries: &mut Retries, error: &Diagnosis, left: Duration) -> Option<u128> {
        retries.pause(error, SHORT, left, UnixSeconds(100)).map(|it| it.as_millis())
    }

    #[test]
    fn pauses_grow_and_tries_are_bounded() {
        let mut retries = Retries::default();
        let pauses: Vec<u128> = std::iter::from_fn(|| pause(&mut retries, &unreachable(), LONG)).collect();
        assert_eq!(pauses[..7], [250, 500, 1000, 2000, 4000, 5000, 5000]);
        assert_eq!(pauses.len() as u32, TRIES_MAX - 1);
        let told = retries.told(unreachable()).to_string();
        let wanted = "`u` did not answer as it should: 503; 16 tries in 57.9 s; hint: Argo CD keeps errors; Hard Refresh \
                      asks again at once [git-unreachable]";
        assert_eq!(told, wanted);
    }

    #[test]
    fn what_does_not_fit_before_the_deadline_is_not_begun() {
        let long = Duration::from_secs(3);
        assert_eq!(pause(&mut Retries::default(), &unreachable(), Duration::from_millis(499)), None);
        assert_eq!(pause(&mut Retries::default(), &unreachable(), Duration::from_millis(500)), Some(250));
        let again = |left| Retries::default().pause(&unreachable(), long, left, UnixSeconds(0));
        assert_eq!(again(Duration::from_secs(3)), None);
        assert!(again(Duration::from_secs(4)).is_some());
    }

    #[test]
    fn nothing_definite_is_tried_again() {
        let definite = [
            Diagnosis::input("git-denied", "no"),
            Diagnosis::bug("plugin-render-died", "no"),
            Diagnosis::upstream("helm-timeout", "no"),
        ];
        for error in definite {
            let mut retries = Retries::default();
            assert_eq!(pause(&mut retries, &error, LONG), None, "{error}");
            assert_eq!(retries.told(error.clone()), error);
        }
    }

    #[test]
    fn a_server_is_asked_when_it_said_so() {
        let later = Diagnosis::upstream("git-later", "no").not_before(UnixSeconds(103));
        assert_eq!(pause(&mut Retries::default(), &later, LONG), Some(3000));
        assert_eq!(pause(&mut Retries::default(), &later, Duration::from_secs(3)), None);
    }
}
