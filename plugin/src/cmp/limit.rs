//! Bounds what runs at once, and for how long: permits with a queue, the caller's deadline, and the news that it left.
//!
//! Argo CD bounds nothing here: its parallelism limit is released once the archive is packed. Refusing is the last
//! resort, because repo-server counts a refusal as a failed render; waiting is free as long as the deadline allows it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use promoter_core::Diagnosis;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tonic::Code;
use tonic::metadata::MetadataMap;

use crate::phases::{Phase, Phases};

/// How much earlier than the caller we stop, so that our answer still reaches it.
const MARGIN: Duration = Duration::from_millis(100);

/// Why a request was given up before it had an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GivenUp {
    /// More requests wait than is useful.
    #[error("{0} requests wait already")]
    Overloaded(usize),
    /// The caller's time is over.
    #[error("the request's {:.1} seconds ran out while it was {}{}", allowed.as_secs_f64(), phase.doing(), in_brackets(spent))]
    Deadline {
        /// What it was going through.
        phase: Phase,
        /// What took the time, in words.
        spent: String,
        /// What the caller allowed.
        allowed: Duration,
    },
    /// The caller is gone; nobody reads this.
    #[error("the caller left")]
    Cancelled,
}

impl GivenUp {
    /// The error as a person reads it.
    pub(crate) fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Overloaded(_) => Diagnosis::upstream("plugin-overloaded", self)
                .hint("add repo-server replicas, or raise the plugin's `--renders`"),
            Self::Deadline { phase, .. } => Diagnosis::upstream("plugin-deadline", self).hint(match phase {
                Phase::Wait | Phase::Receive => {
                    "exclude `.git` from the archive, or raise `controller.repo.server.timeout.seconds`"
                }
                Phase::Queue => "add repo-server replicas, or raise the plugin's `--renders`",
                _ => "raise `controller.repo.server.timeout.seconds`; Hard Refresh asks again at once",
            }),
            Self::Cancelled => Diagnosis::upstream("plugin-cancelled", self),
        }
    }

    /// The code of the answer.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Overloaded(_) => Code::ResourceExhausted,
            Self::Deadline { .. } => Code::DeadlineExceeded,
            Self::Cancelled => Code::Cancelled,
        }
    }
}

fn in_brackets(spent: &str) -> String {
    if spent.is_empty() { String::new() } else { format!(" ({spent})") }
}

/// A number of permits, and a queue of bounded length before them.
#[derive(Debug)]
pub(crate) struct Limit {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_max: usize,
}

impl Limit {
    /// Lets `at_once` run and `waiting_max` wait.
    pub(crate) fn new(at_once: usize, waiting_max: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(at_once)), waiting: AtomicUsize::new(0), waiting_max }
    }

    /// Waits for a permit, in order of arrival.
    pub(crate) async fn enter(
        &self,
        deadline: &Deadline,
        phases: &Phases,
    ) -> Result<OwnedSemaphorePermit, GivenUp> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        let waiting = Counted::join(&self.waiting);
        if waiting.others >= self.waiting_max {
            return Err(GivenUp::Overloaded(waiting.others));
        }
        let permit = deadline.bound(phases, Arc::clone(&self.permits).acquire_owned()).await?;
        permit.map_err(|_| GivenUp::Cancelled)
    }
}

/// One among several, until dropped.
pub(crate) struct Counted<'a> {
    count: &'a AtomicUsize,
    /// How many there were before.
    pub(crate) others: usize,
}

impl<'a> Counted<'a> {
    /// Joins the others.
    pub(crate) fn join(count: &'a AtomicUsize) -> Self {
        Self { count, others: count.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// When a request must have its answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Instant,
    allowed: Duration,
}

impl Deadline {
    /// What `grpc-timeout` leaves, less a margin; never later than `allowed_max` from now.
    pub(crate) fn of(metadata: &MetadataMap, now: Instant, allowed_max: Duration) -> Self {
        let asked = metadata.get("grpc-timeout").and_then(|it| it.to_str().ok()).and_then(parse_timeout);
        let allowed = asked.unwrap_or(allowed_max).min(allowed_max);
        Self { at: now + allowed.saturating_sub(MARGIN), allowed }
    }

    /// Bounds a step.
    pub(crate) async fn bound<T>(
        &self,
        phases: &Phases,
        step: impl Future<Output = T>,
    ) -> Result<T, GivenUp> {
        tokio::time::timeout_at(self.at, step).await.map_err(|_| self.passed(phases))
    }

    /// The error of a step that found the deadline passed by itself: it names the phase that it was in, and what each took.
    pub(crate) fn passed(&self, phases: &Phases) -> GivenUp {
        GivenUp::Deadline { phase: phases.current(), spent: phases.summary(), allowed: self.allowed }
    }

    /// The time until then.
    pub(crate) fn left(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// True when it has passed.
    pub(crate) fn has_passed(&self) -> bool {
        Instant::now() >= self.at
    }
}

/// `8 digits and a unit`, as in the gRPC protocol over HTTP/2.
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

/// Tells work on another thread that its caller left: set when the call's future is dropped.
#[derive(Debug, Default)]
pub(crate) struct CancelOnDrop(Arc<AtomicBool>);

impl CancelOnDrop {
    /// What the work looks at.
    pub(crate) fn signal(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deadline(milliseconds: u64) -> Deadline {
        let mut metadata = MetadataMap::new();
        metadata.insert("grpc-timeout", format!("{milliseconds}m").parse().unwrap());
        Deadline::of(&metadata, Instant::now(), Duration::from_secs(600))
    }

    #[test]
    fn timeouts_are_read_in_every_unit() {
        let cases =
            [("1H", 3_600_000), ("2M", 120_000), ("59S", 59_000), ("250m", 250), ("99999999u", 99_999)];
        for (text, milliseconds) in cases {
            assert_eq!(parse_timeout(text).unwrap().as_millis(), milliseconds, "{text}");
        }
        for text in ["", "S", "1", "1s", "123456789S", "-1S", "1.5S", "1\u{e9}"] {
            assert_eq!(parse_timeout(text), None, "{text}");
        }
    }

    #[tokio::test]
    async fn one_waits_and_the_next_is_refused() {
        let limit = Arc::new(Limit::new(1, 1));
        let phases = Phases::default();
        let running = limit.enter(&deadline(60_000), &phases).await.unwrap();
        let second = tokio::spawn({
            let limit = Arc::clone(&limit);
            async move { limit.enter(&deadline(60_000), &Phases::default()).await.map(drop) }
        });
        while limit.waiting.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(limit.enter(&deadline(60_000), &phases).await, Err(GivenUp::Overloaded(1))));
        drop(running);
        assert_eq!(second.await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn the_deadline_ends_the_wait_and_leaves_the_queue() {
        let (limit, phases) = (Limit::new(1, 1), Phases::default());
        phases.enter(Phase::Queue);
        let _running = limit.enter(&deadline(60_000), &phases).await.unwrap();
        let error = limit.enter(&deadline(120), &phases).await.unwrap_err().to_string();
        let wanted = "the request's 0.1 seconds ran out while it was queued for a render";
        assert!(error.starts_with(wanted), "{error}");
        assert_eq!(limit.waiting.load(Ordering::Relaxed), 0);
    }
}
