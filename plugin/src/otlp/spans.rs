//! A finished request as spans: one for the request, and below it one for each stretch of time in a phase.
//!
//! Pure: what happened, when, and all ids are arguments. Names of attributes are Argo CD's own and those of OpenTelemetry's
//! conventions where they mean the same; the rest begins with `promoter.`. They are a promise, as the fields of the log.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use tonic::Code;

use crate::cmp::report::{Ended, Facts, word};
use crate::phases::{Course, Interval};

/// Bytes of one attribute. Most texts come with the request, and a batch must stay below what collectors take.
const ATTRIBUTE_BYTES_MAX: usize = 1024;

/// Where in which trace a request's span belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TraceContext {
    pub(crate) trace_id: TraceId,
    /// The caller's span; invalid where there is none.
    pub(crate) parent: SpanId,
    pub(crate) state: TraceState,
}

impl TraceContext {
    fn context(&self, span_id: SpanId) -> SpanContext {
        SpanContext::new(self.trace_id, span_id, TraceFlags::SAMPLED, false, self.state.clone())
    }
}

/// The spans of a request that began at `begun`, its own first. `next` gives their ids.
pub(crate) fn spans(
    facts: &Facts,
    ended: &Ended<'_>,
    course: &Course,
    begun: SystemTime,
    trace: &TraceContext,
    mut next: impl FnMut() -> SpanId,
) -> Vec<SpanData> {
    let own = next();
    let scope =
        InstrumentationScope::builder("promoter-plugin").with_version(env!("CARGO_PKG_VERSION")).build();
    let span = |context, name: Cow<'static, str>, from, to| SpanData {
        span_context: context,
        parent_span_id: own,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name,
        start_time: begun + from,
        end_time: begun + to,
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: scope.clone(),
    };
    let request = SpanData {
        parent_span_id: trace.parent,
        parent_span_is_remote: trace.parent != SpanId::INVALID,
        span_kind: SpanKind::Server,
        attributes: attributes(facts, ended, course),
        status: match ended {
            Ended::Failed { status, .. } => Status::error(status.message().to_owned()),
            Ended::Answered(_) | Ended::Left => Status::Unset,
        },
        ..span(trace.context(own), rpc(facts).into(), Duration::ZERO, course.elapsed)
    };
    // The phase that a request fails in is the one where it ends.
    let failed = if matches!(ended, Ended::Failed { .. }) { course.intervals.len() } else { 0 };
    let phases = course.intervals.iter().enumerate().map(|(index, Interval { phase, from, to })| SpanData {
        status: if index + 1 == failed { Status::error("") } else { Status::Unset },
        ..span(trace.context(next()), phase.word().into(), *from, *to)
    });
    std::iter::once(request).chain(phases).collect()
}

/// The full name of the method, as otelgrpc writes it.
fn rpc(facts: &Facts) -> String {
    format!("plugin.ConfigManagementPluginService/{}", facts.method)
}

fn attributes(facts: &Facts, ended: &Ended<'_>, course: &Course) -> Vec<KeyValue> {
    let text = |key, value: Option<&str>| value.map(|it| KeyValue::new(key, cut(it)));
    let number =
        |key, value: Option<u64>| value.map(|it| KeyValue::new(key, i64::try_from(it).unwrap_or(i64::MAX)));
    let size = match ended {
        Ended::Answered(size) => Some(size),
        Ended::Failed { .. } | Ended::Left => None,
    };
    let error = match ended {
        Ended::Failed { diagnosis, .. } => Some(diagnosis),
        Ended::Answered(_) | Ended::Left => None,
    };
    let about = &facts.about;
    let mode = about.mode.map(|it| it.to_string());
    let all = [
        text("rpc.system.name", Some("grpc")),
        text("rpc.method", Some(&rpc(facts))),
        text("rpc.response.status_code", Some(status_code(ended))),
        text("error.type", error.map(|it| it.code)),
        text("argocd.app.name", facts.app.as_deref()),
        text("argocd.app.project", facts.project.as_deref()),
        text("argocd.resolved_revision", facts.revision.as_deref()),
        text("promoter.destination_namespace", facts.namespace.as_deref()),
        text("promoter.request", Some(&facts.id)),
        text("promoter.environment", about.environment.as_deref()),
        text("promoter.freight", about.freight.as_deref()),
        text("promoter.alias", about.alias.as_deref()),
        text("promoter.mode", mode.as_deref()),
        number("promoter.archive_bytes", Some(facts.archive_bytes)),
        number("promoter.objects", size.map(|it| it.objects as u64)),
        number("promoter.bytes", size.map(|it| it.bytes as u64)),
        number("promoter.tries", facts.tries.map(u64::from)),
        text("promoter.fault", error.map(|it| word(it.fault))),
        number("promoter.phases_left_out", Some(course.left_out as u64).filter(|it| *it > 0)),
    ];
    all.into_iter().flatten().collect()
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(ATTRIBUTE_BYTES_MAX)].to_owned()
}

/// The answer's status as the conventions spell it.
fn status_code(ended: &Ended<'_>) -> &'static str {
    match ended {
        Ended::Answered(_) => "OK",
        Ended::Left => "CANCELLED",
        Ended::Failed { status, .. } => match status.code() {
            Code::InvalidArgument => "INVALID_ARGUMENT",
            Code::Unavailable => "UNAVAILABLE",
            Code::Internal => "INTERNAL",
            Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Code::Cancelled => "CANCELLED",
            _ => "UNKNOWN",
        },
    }
}

#[cfg(test)]
pub(super) mod tests {
    use promoter_core::Diagnosis;
    use promoter_render::Mode;
    use tonic::Status as Answer;

    use super::*;
    use crate::cmp::report::Size;
    use crate::engine::About;
    use crate::phases::Phase;

    fn facts() -> Facts {
        let mut facts = Facts::new("GenerateManifest", "0193-0001".into(), None);
        facts.app = Some("shop-prod".into());
        facts.project = Some("shop".into());
        facts.namespace = Some("web".into());
        facts.revision = Some("4e1f".into());
        facts.archive_bytes = 900;
        facts.about = About {
            environment: Some("prod".into()),
            freight: Some("sha256:9f2c".into()),
            alias: Some("brave-otter".into()),
            mode: Some(Mode::Live),
        };
        facts
    }

    fn course() -> Course {
        let phases = [Phase::Receive, Phase::Render, Phase::Fetch, Phase::Render];
        let milliseconds = |it: usize| Duration::from_millis(10 * it as u64);
        let intervals = phases.into_iter().enumerate().map(|(index, phase)| Interval {
            phase,
            from: milliseconds(index),
            to: milliseconds(index + 1),
        });
        Course { elapsed: milliseconds(4), intervals: intervals.collect(), left_out: 0 }
    }

    fn trace(parent: u64) -> TraceContext {
        let state = "a=1".parse().unwrap();
        TraceContext { trace_id: TraceId::from(0xabc), parent: SpanId::from(parent), state }
    }

    fn told(facts: &Facts, ended: &Ended<'_>, course: &Course, trace: &TraceContext) -> Vec<SpanData> {
        let mut last = 0_u64;
        spans(facts, ended, course, SystemTime::UNIX_EPOCH, trace, || {
            last += 1;
            SpanId::from(last)
        })
    }

    /// The spans of some request.
    pub(in super::super) fn tree(trace: &TraceContext) -> Vec<SpanData> {
        told(&facts(), &Ended::Answered(Size { objects: 2, bytes: 80 }), &course(), trace)
    }

    fn shown(span: &SpanData) -> String {
        let at = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
        let id = |id: SpanId| u64::from_be_bytes(id.to_bytes());
        let (own, parent) = (id(span.span_context.span_id()), id(span.parent_span_id));
        let (from, to) = (at(span.start_time), at(span.end_time));
        format!("{own} below {parent}: {} {from}-{to} {:?} {:?}", span.name, span.span_kind, span.status)
    }

    fn attribute(span: &SpanData, key: &str) -> Option<String> {
        span.attributes.iter().find(|it| it.key.as_str() == key).map(|it| it.value.to_string())
    }

    #[test]
    fn each_stretch_of_time_is_a_span_below_that_of_the_request() {
        let spans = tree(&trace(77));
        let wanted = [
            "1 below 77: plugin.ConfigManagementPluginService/GenerateManifest 0-40 Server Unset",
            "2 below 1: receive 0-10 Internal Unset",
            "3 below 1: render 10-20 Internal Unset",
            "4 below 1: fetch 20-30 Internal Unset",
            "5 below 1: render 30-40 Internal Unset",
        ];
        assert_eq!(spans.iter().map(shown).collect::<Vec<_>>(), wanted);
        for span in &spans {
            assert_eq!(span.span_context.trace_id(), TraceId::from(0xabc));
            assert_eq!(span.span_context.trace_state().header(), "a=1");
            assert!(span.span_context.is_sampled());
        }
        assert!(spans[0].parent_span_is_remote && !spans[1].parent_span_is_remote);
        let names: Vec<_> = spans[0].attributes.iter().map(|it| format!("{}={}", it.key, it.value)).collect();
        let wanted = [
            "rpc.system.name=grpc",
            "rpc.method=plugin.ConfigManagementPluginService/GenerateManifest",
            "rpc.response.status_code=OK",
            "argocd.app.name=shop-prod",
            "argocd.app.project=shop",
            "argocd.resolved_revision=4e1f",
            "promoter.destination_namespace=web",
            "promoter.request=0193-0001",
            "promoter.environment=prod",
            "promoter.freight=sha256:9f2c",
            "promoter.alias=brave-otter",
            "promoter.mode=live",
            "promoter.archive_bytes=900",
            "promoter.objects=2",
            "promoter.bytes=80",
        ];
        assert_eq!(names, wanted);
        assert!(spans[1..].iter().all(|it| it.attributes.is_empty()));
    }

    #[test]
    fn a_failure_is_told_by_the_request_and_by_the_phase_where_it_ended() {
        let diagnosis = Diagnosis::upstream("git-unreachable", "no answer");
        let status = Answer::unavailable(diagnosis.to_string());
        let failed = Ended::Failed { diagnosis: &diagnosis, status: &status };
        let spans = told(&facts(), &failed, &course(), &trace(0));
        assert_eq!(spans[0].status, Status::error("no answer [git-unreachable]"));
        assert_eq!(spans[4].status, Status::error(""));
        assert!(spans[1..4].iter().all(|it| it.status == Status::Unset));
        assert!(!spans[0].parent_span_is_remote);
        let told = ["error.type", "promoter.fault", "rpc.response.status_code", "promoter.objects"]
            .map(|it| attribute(&spans[0], it).unwrap_or_default());
        assert_eq!(told, ["git-unreachable", "upstream", "UNAVAILABLE", ""]);
    }

    #[test]
    fn a_caller_that_left_is_no_failure() {
        let spans = told(&facts(), &Ended::Left, &course(), &trace(0));
        assert!(spans.iter().all(|it| it.status == Status::Unset));
        assert_eq!(attribute(&spans[0], "rpc.response.status_code").as_deref(), Some("CANCELLED"));
    }

    #[test]
    fn what_goes_beyond_is_counted_and_long_texts_are_cut() {
        let course = Course { left_out: 7, ..course() };
        let mut facts = facts();
        facts.app = Some("ä".repeat(2000));
        let spans = told(&facts, &Ended::Left, &course, &trace(0));
        assert_eq!(attribute(&spans[0], "promoter.phases_left_out").as_deref(), Some("7"));
        assert_eq!(attribute(&spans[0], "argocd.app.name").unwrap().len(), ATTRIBUTE_BYTES_MAX);
    }
}
