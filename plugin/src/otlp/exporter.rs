//! Brings spans to the collector, in the background: the batches, tries and wire of OpenTelemetry's SDK, between a bounded
//! queue and a bounded end.
//!
//! Decides which requests are exported (the caller's word holds, and where there is none, the ratio) and how long
//! anything may take. A request whose spans find no room in the `ledger` loses all of them, never a part. The SDK itself
//! says nothing in the log.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanId, SpanKind, TraceId, TraceState};
use opentelemetry_otlp::{RetryPolicy, WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, IdGenerator as _, RandomIdGenerator, Sampler, SamplingDecision,
    ShouldSample as _, SpanData, SpanExporter, SpanProcessor as _,
};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};

use super::ledger::{Booked, Ledger, QUEUE_SPANS_MAX};
use super::options::{OtlpError, OtlpOptions, Settings};
use super::spans::TraceContext;
use crate::cmp::trace::Trace;

/// Spans of one call.
const BATCH_SPANS_MAX: usize = 512;
/// Time after which spans leave that did not fill a batch.
const BATCH_PAUSE: Duration = Duration::from_secs(1);
/// Time for a connection, and again for TLS on it.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Time for one call, as the specification of OTLP exporters has it.
const CALL_MAX: Duration = Duration::from_secs(10);
/// Time for what is queued at the end.
const FLUSH_MAX: Duration = Duration::from_secs(3);

/// The way to the collector. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Exporter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    processor: BatchSpanProcessor,
    ledger: Arc<Ledger>,
    sampler: Sampler,
    ids: RandomIdGenerator,
}

impl Exporter {
    /// Begins to export, if the options ask for it. Within a runtime, but it does not wait for the collector.
    pub(crate) fn start(options: &OtlpOptions) -> Result<Option<Self>, OtlpError> {
        let Some(settings) = options.settings()? else {
            return Ok(None);
        };
        let failed = |error: &dyn std::error::Error| OtlpError::Exporter {
            address: settings.address.clone(),
            why: whole(error),
        };
        let channel = channel(&settings).map_err(|it| failed(&it))?;
        let mut exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_tonic()
            .with_channel(channel)
            .with_timeout(CALL_MAX)
            .with_metadata(settings.headers.clone())
            .with_retry_policy(RetryPolicy::recommended())
            .build()
            .map_err(|it| failed(&it))?;
        exporter.set_resource(&resource(&settings));
        let Settings { address, tls, ratio, .. } = settings;
        tracing::info!(collector = address, tls, ratio, "spans are exported");
        Ok(Some(Self::through(exporter, address, ratio)))
    }

    fn through(exporter: impl SpanExporter + 'static, collector: String, ratio: f64) -> Self {
        let ledger = Arc::new(Ledger::new(collector));
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE_SPANS_MAX)
            .with_max_export_batch_size(BATCH_SPANS_MAX)
            .with_scheduled_delay(BATCH_PAUSE);
        let booked = Booked { exporter, ledger: Arc::clone(&ledger) };
        let processor = BatchSpanProcessor::builder(booked).with_batch_config(config.build()).build();
        let sampler = Sampler::TraceIdRatioBased(ratio);
        Self(Arc::new(Inner { processor, ledger, sampler, ids: RandomIdGenerator::default() }))
    }

    /// Where the spans of a request belong, if it has any: the caller's word holds.
    pub(crate) fn trace(&self, caller: Option<&Trace>) -> Option<TraceContext> {
        let Some(caller) = caller else {
            let trace_id = self.0.ids.new_trace_id();
            let trace = TraceContext { trace_id, parent: SpanId::INVALID, state: TraceState::default() };
            return self.chosen(trace_id).then_some(trace);
        };
        caller.sampled.then_some(())?;
        Some(TraceContext {
            trace_id: TraceId::from_hex(&caller.trace_id).ok()?,
            parent: SpanId::from_hex(&caller.span_id).ok()?,
            state: caller.state.parse().unwrap_or_default(),
        })
    }

    fn chosen(&self, trace_id: TraceId) -> bool {
        let result = self.0.sampler.should_sample(None, trace_id, "", &SpanKind::Server, &[], &[]);
        result.decision == SamplingDecision::RecordAndSample
    }

    /// An id for a new span.
    pub(crate) fn span_id(&self) -> SpanId {
        self.0.ids.new_span_id()
    }

    /// Takes the spans of one request along, or none of them. Never waits.
    pub(crate) fn hand_in(&self, spans: Vec<SpanData>) {
        if self.0.ledger.enter(spans.len()) {
            spans.into_iter().for_each(|it| self.0.processor.on_end(it));
        }
    }

    /// Sends what is queued, as long as there is time.
    pub(crate) async fn stop(self) {
        self.stop_within(FLUSH_MAX).await;
    }

    async fn stop_within(self, time: Duration) {
        let inner = Arc::clone(&self.0);
        let flushed = tokio::task::spawn_blocking(move || inner.processor.shutdown_with_timeout(time)).await;
        self.0.ledger.close(matches!(flushed, Ok(Ok(()))));
    }
}

/// The connection, made at its first use.
fn channel(settings: &Settings) -> Result<Channel, tonic::transport::Error> {
    let scheme = if settings.tls { "https" } else { "http" };
    let endpoint = Endpoint::from_shared(format!("{scheme}://{}", settings.address))?
        .connect_timeout(CONNECT_MAX)
        .timeout(CALL_MAX);
    let endpoint = if settings.tls {
        endpoint.tls_config(ClientTlsConfig::new().with_native_roots().timeout(CONNECT_MAX))?
    } else {
        endpoint
    };
    Ok(endpoint.connect_lazy())
}

/// What all spans have in common. People's own attributes win, as with the stock server.
fn resource(settings: &Settings) -> Resource {
    let ours = [("service.name", "promoter-plugin"), ("service.version", env!("CARGO_PKG_VERSION"))];
    let theirs = settings.attributes.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    Resource::builder()
        .with_attributes(ours.map(|(key, value)| KeyValue::new(key, value)))
        .with_attributes(theirs)
        .build()
}

/// An error with what is behind it: the outer words of transports say little.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, mpsc};

    use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};

    use super::super::spans::tests::tree;
    use super::*;

    /// Says when a batch comes, and waits with each until it is told how the call ends.
    #[derive(Debug)]
    struct Held {
        came: mpsc::Sender<usize>,
        ends: Mutex<mpsc::Receiver<OTelSdkResult>>,
    }

    impl SpanExporter for Held {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            let _ = self.came.send(batch.len());
            self.ends.lock().unwrap().recv().unwrap_or(Ok(()))
        }
    }

    fn held(ratio: f64) -> (Exporter, mpsc::Receiver<usize>, mpsc::Sender<OTelSdkResult>) {
        let (came, batches) = mpsc::channel();
        let (end, ends) = mpsc::channel();
        (
            Exporter::through(Held { came, ends: Mutex::new(ends) }, "collector:4317".into(), ratio),
            batches,
            end,
        )
    }

    #[test]
    fn requests_that_find_no_room_are_lost_as_a_whole_and_nobody_waits() {
        let (exporter, batches, end) = held(1.0);
        let spans = tree(&exporter.trace(None).unwrap());
        let each = spans.len();
        // The collector holds the first batch from here on; what is under way takes room as well.
        exporter.hand_in(spans.clone());
        let first = batches.recv().unwrap();
        let fit = QUEUE_SPANS_MAX / each;
        for _ in 0..fit + 9 {
            exporter.hand_in(spans.clone());
        }
        // Of ten, the first is told at once.
        assert_eq!(exporter.0.ledger.shown(), (fit * each, 9 * each));
        drop(end);
        assert!(exporter.0.processor.shutdown_with_timeout(Duration::from_secs(60)).is_ok());
        assert_eq!(exporter.0.ledger.shown(), (0, 9 * each));
        assert_eq!(first + batches.iter().sum::<usize>(), fit * each);
    }

    #[test]
    fn what_the_collector_does_not_take_is_counted() {
        let (exporter, batches, end) = held(1.0);
        let spans = tree(&exporter.trace(None).unwrap());
        let each = spans.len();
        let mut refused = Vec::new();
        for requests in 1..=2 {
            exporter.hand_in(spans.clone());
            while refused.iter().sum::<usize>() < requests * each {
                refused.push(batches.recv().unwrap());
                end.send(Err(OTelSdkError::InternalFailure("no".into()))).unwrap();
            }
        }
        assert!(exporter.0.processor.shutdown_with_timeout(Duration::from_secs(60)).is_ok());
        // The first batch is told at once.
        assert_eq!(exporter.0.ledger.shown(), (0, 2 * each - refused[0]));
    }

    #[tokio::test]
    async fn the_end_does_not_wait_for_a_collector_that_holds_a_call() {
        let (exporter, batches, end) = held(1.0);
        exporter.hand_in(tree(&exporter.trace(None).unwrap()));
        batches.recv().unwrap();
        exporter.clone().stop_within(Duration::from_millis(1)).await;
        // All was said, and the call is still held.
        assert_eq!(exporter.0.ledger.shown().1, 0);
        assert!(exporter.0.ledger.shown().0 > 0);
        drop(end);
    }

    #[test]
    fn the_caller_decides_and_else_the_ratio() {
        let caller = |sampled| Trace {
            trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".into(),
            span_id: "00f067aa0ba902b7".into(),
            sampled,
            state: "a=1".into(),
        };
        let (none, all) = (held(0.0).0, held(1.0).0);
        assert_eq!(none.trace(None), None);
        assert_eq!(all.trace(Some(&caller(false))), None);
        let trace = none.trace(Some(&caller(true))).unwrap();
        assert_eq!(
            (trace.trace_id.to_string(), trace.parent.to_string(), trace.state.header()),
            ("4bf92f3577b34da6a3ce929d0e0e4736".into(), "00f067aa0ba902b7".into(), "a=1".into())
        );
        let (first, second) = (all.trace(None).unwrap(), all.trace(None).unwrap());
        assert_eq!(first.parent, SpanId::INVALID);
        assert_ne!(first.trace_id, second.trace_id);
        let half = held(0.5).0;
        let chosen = (0..1000).filter(|_| half.trace(None).is_some()).count();
        assert!((350..650).contains(&chosen), "{chosen} of 1000");
    }
}
