//! What is known of the loop from outside: whether it is ready, and its metrics.
//!
//! The loop writes after each pass, the listener reads. Decides what ready means and which series there are; leaves to
//! the listener how they are asked for.

mod metrics;
mod standing;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use promoter_core::{Diagnosis, GitUrl, UnixSeconds};

use metrics::Metrics;
pub use metrics::WebhookResult;
pub use standing::{Standing, State, standing};

use crate::pass::{Controller, Pass};

/// A pass is late when it is so much older than two intervals: passes over large repositories take their time.
const LATE: Duration = Duration::from_secs(5 * 60);

/// What is known of the loop. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Watch(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    metrics: Metrics,
    late: Duration,
    stands_by: AtomicBool,
    repos: Mutex<Vec<Repo>>,
}

/// What is known of one repository.
#[derive(Debug)]
struct Repo {
    url: GitUrl,
    /// The end of the last pass; `None` before the first.
    passed: Option<Instant>,
    is_ok: bool,
    seen: Seen,
}

/// What the last pass found.
#[derive(Debug, Default)]
struct Seen {
    findings: Vec<&'static str>,
    standing: Vec<Standing>,
}

impl Watch {
    /// Watches a loop over these repositories, each of which is passed once an interval at least.
    pub fn new(repos: impl IntoIterator<Item = GitUrl>, interval: Duration) -> Self {
        let repo = |url| Repo { url, passed: None, is_ok: false, seen: Seen::default() };
        Self(Arc::new(Shared {
            metrics: Metrics::default(),
            stands_by: AtomicBool::new(false),
            late: interval.saturating_mul(2).saturating_add(LATE),
            repos: Mutex::new(repos.into_iter().map(repo).collect()),
        }))
    }

    /// Takes in what came of a pass.
    pub fn passed(
        &self,
        controller: &Controller,
        result: &Result<Pass, Diagnosis>,
        took: Duration,
        now: UnixSeconds,
    ) {
        let url = &controller.repository().url;
        let requests = controller.repository().cache.remote().requests();
        // Under the lock that `metrics` takes: who reads of a pass there finds `ready` to know of it too.
        let mut repos = self.repos();
        self.0.metrics.passed(url.as_str(), result, took, requests, now);
        let Some(repo) = repos.iter_mut().find(|it| it.url == *url) else { return };
        repo.passed = Some(Instant::now());
        repo.is_ok = result.is_ok();
        match result {
            Ok(pass) => {
                repo.seen.findings = pass.findings.iter().map(|it| it.code).collect();
                repo.seen.standing = controller.standing();
            }
            // What stood before still stands, as far as anybody knows.
            Err(diagnosis) => repo.seen.findings = vec![diagnosis.code],
        }
    }

    /// Whether another controller works, and this one waits for the Lease.
    pub fn stands_by(&self, waits: bool) {
        self.0.stands_by.store(waits, Ordering::Relaxed);
    }

    /// Counts a request to a webhook.
    pub fn webhook(&self, kind: &'static str, result: WebhookResult) {
        self.0.metrics.webhook(kind, result);
    }

    /// Whether the controller does its work: every repository had its first pass, the last one of each is not late, and
    /// that of one repository at least could be made; or it stands by while another one works. `Err` says what is missing,
    /// one line.
    pub fn ready(&self) -> Result<(), String> {
        if self.0.stands_by.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.ready_at(Instant::now())
    }

    fn ready_at(&self, now: Instant) -> Result<(), String> {
        let repos = self.repos();
        for repo in repos.iter() {
            match repo.passed {
                None => return Err(format!("`{}` had no pass yet", repo.url)),
                Some(passed) if now.saturating_duration_since(passed) > self.0.late => {
                    let seconds = now.saturating_duration_since(passed).as_secs();
                    return Err(format!("the last pass over `{}` ended {seconds}s ago", repo.url));
                }
                Some(_) => {}
            }
        }
        match repos.iter().any(|it| it.is_ok) || repos.is_empty() {
            true => Ok(()),
            false => Err("no repository could be observed".into()),
        }
    }

    /// All metrics in the OpenMetrics text format. What it knew before another one took over, a controller that stands by does
    /// not tell any more: it would be counted twice.
    pub fn metrics(&self, now: UnixSeconds) -> String {
        let works = !self.0.stands_by.load(Ordering::Relaxed);
        let repos = self.repos();
        let seen = repos.iter().filter(|_| works);
        let seen = seen.map(|it| (it.url.as_str(), &it.seen.findings[..], &it.seen.standing[..]));
        self.0.metrics.text(works, seen, now)
    }

    fn repos(&self) -> MutexGuard<'_, Vec<Repo>> {
        self.0.repos.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_after_the_first_pass_and_until_passes_are_late() {
        let urls = ["https://git.example.com/a", "https://git.example.com/b"].map(|it| it.parse().unwrap());
        let watch = Watch::new(urls, Duration::from_secs(60));
        let start = Instant::now();
        let pass = |index: usize, is_ok| {
            let mut repos = watch.repos();
            (repos[index].passed, repos[index].is_ok) = (Some(start), is_ok);
        };
        let why = |seconds| watch.ready_at(start + Duration::from_secs(seconds)).unwrap_err();
        assert_eq!(why(0), "`https://git.example.com/a` had no pass yet");
        pass(0, false);
        assert_eq!(why(0), "`https://git.example.com/b` had no pass yet");
        pass(1, false);
        assert_eq!(why(0), "no repository could be observed");
        pass(1, true);
        assert_eq!(
            watch.ready_at(start + Duration::from_secs(420)),
            Ok(()),
            "two intervals and five minutes"
        );
        assert_eq!(why(421), "the last pass over `https://git.example.com/a` ended 421s ago");
    }
}
