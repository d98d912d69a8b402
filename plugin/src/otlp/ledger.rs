//! The account of spans that are on their way, and of those that were lost.
//!
//! Decides whether there is room for a request's spans, and when the log is told of losses: at once, then once in a while.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

/// Spans that wait or are under way; more are given up. Some hundred requests, about 1 MB.
pub(super) const QUEUE_SPANS_MAX: usize = 4096;
/// Time between two lines of the log about spans that were lost.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// An exporter whose batches are entered in the ledger.
#[derive(Debug)]
pub(super) struct Booked<E> {
    pub(super) exporter: E,
    pub(super) ledger: Arc<Ledger>,
}

impl<E: SpanExporter> SpanExporter for Booked<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let exported = self.exporter.export(batch).await;
        self.ledger.leave(spans);
        if let Err(error) = &exported {
            self.ledger.lost(spans, &error.to_string());
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }
}

/// How many spans are queued or under way, and how many were lost since the log last said so.
#[derive(Debug)]
pub(super) struct Ledger {
    collector: String,
    queued: AtomicUsize,
    losses: Mutex<Losses>,
}

impl Ledger {
    pub(super) fn new(collector: String) -> Self {
        Self { collector, queued: AtomicUsize::new(0), losses: Mutex::default() }
    }

    /// True if there was room. What finds none is lost.
    pub(super) fn enter(&self, spans: usize) -> bool {
        let more = |queued: usize| Some(queued + spans).filter(|it| *it <= QUEUE_SPANS_MAX);
        let entered = self.queued.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        if !entered {
            self.lost(spans, "the queue is full");
        }
        entered
    }

    fn leave(&self, spans: usize) {
        self.queued.fetch_sub(spans, Ordering::Relaxed);
    }

    fn lost(&self, spans: usize, why: &str) {
        let told = self.losses().add(spans, why, Instant::now());
        self.tell(told);
    }

    /// Says what was not said yet, and nothing from then on. What is still queued counts as lost if the collector was not
    /// done with it in time; a call under way fails with the process, which would count it again.
    pub(super) fn close(&self, done: bool) {
        let queued = if done { 0 } else { self.queued.load(Ordering::Relaxed) };
        let told = self.losses().close(queued, "the collector did not take them before the end");
        self.tell(told);
    }

    fn tell(&self, told: Option<(usize, String)>) {
        if let Some((spans, error)) = told {
            tracing::warn!(spans, error, collector = self.collector, "spans were not exported");
        }
    }

    /// How many are on their way, and how many losses the log does not know of.
    #[cfg(test)]
    pub(super) fn shown(&self) -> (usize, usize) {
        (self.queued.load(Ordering::Relaxed), self.losses().spans)
    }

    fn losses(&self) -> MutexGuard<'_, Losses> {
        self.losses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the log does not know yet.
#[derive(Debug, Default)]
struct Losses {
    spans: usize,
    /// Why the last of them were lost.
    why: String,
    told: Option<Instant>,
    closed: bool,
}

impl Losses {
    fn note(&mut self, spans: usize, why: &str) {
        if spans > 0 && !self.closed {
            self.spans += spans;
            why.clone_into(&mut self.why);
        }
    }

    /// Notes them; what to tell, if it is time to.
    fn add(&mut self, spans: usize, why: &str, now: Instant) -> Option<(usize, String)> {
        self.note(spans, why);
        if self.told.is_some_and(|it| now.duration_since(it) < TOLD_AGAIN) {
            return None;
        }
        self.told = Some(now);
        self.take()
    }

    /// Notes the last ones; what to tell.
    fn close(&mut self, spans: usize, why: &str) -> Option<(usize, String)> {
        self.note(spans, why);
        self.closed = true;
        self.take()
    }

    fn take(&mut self) -> Option<(usize, String)> {
        (self.spans > 0).then(|| (std::mem::take(&mut self.spans), std::mem::take(&mut self.why)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_told_once_in_a_while() {
        let mut losses = Losses::default();
        let begun = Instant::now();
        let mut add =
            |spans, seconds| losses.add(spans, "no", begun + Duration::from_secs(seconds)).map(|it| it.0);
        assert_eq!(
            [add(3, 0), add(4, 1), add(5, 59), add(6, 60), add(7, 61)],
            [Some(3), None, None, Some(15), None]
        );
        assert_eq!(losses.close(2, "too late"), Some((9, "too late".into())));
        assert_eq!(losses.add(9, "no", begun + Duration::from_secs(999)), None);
    }
}
