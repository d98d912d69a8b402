//! How a request is told apart from others: an id of our own, and the caller's trace.
//!
//! Argo CD sends `traceparent` once its tracing is on. Source: W3C Trace Context, "traceparent Header".

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tonic::metadata::MetadataMap;

static REQUESTS: AtomicU64 = AtomicU64::new(0);

/// An id for the next request: the time of its arrival in milliseconds and a number, so that ids sort by time. For people
/// and file names; nothing is decided by it.
pub(crate) fn request_id() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    format!("{now:012x}-{:04x}", REQUESTS.fetch_add(1, Ordering::Relaxed) & 0xffff)
}

/// Bytes of a `tracestate` that are taken along, as the standard asks at least; a longer one is left out.
const STATE_BYTES_MAX: usize = 512;

/// The span of the caller that a request belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trace {
    /// 32 lower-case hexadecimal digits.
    pub(crate) trace_id: String,
    /// The caller's span, 16 digits.
    pub(crate) span_id: String,
    /// Whether the caller exports its spans.
    pub(crate) sampled: bool,
    /// The `tracestate` beside it, or nothing.
    pub(crate) state: String,
}

impl Trace {
    /// What the headers of a call say; `None` without a valid `traceparent`.
    pub(crate) fn of(metadata: &MetadataMap) -> Option<Self> {
        let trace = Self::parse(metadata.get("traceparent")?.to_str().ok()?)?;
        let states = metadata.get_all("tracestate").iter().filter_map(|it| it.to_str().ok());
        let state = states.collect::<Vec<_>>().join(",");
        Some(if state.len() <= STATE_BYTES_MAX { Self { state, ..trace } } else { trace })
    }

    /// `version-trace-span-flags`; later versions may add fields behind these.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let version = hex(parts.next()?, 2)?;
        let (trace_id, span_id) = (hex(parts.next()?, 32)?, hex(parts.next()?, 16)?);
        let flags = u8::from_str_radix(hex(parts.next()?, 2)?, 16).ok()?;
        let known = match version {
            "ff" => false,
            "00" => parts.next().is_none(),
            _ => true,
        };
        let named = |it: &str| it.bytes().any(|it| it != b'0');
        (known && named(trace_id) && named(span_id)).then(|| Self {
            trace_id: trace_id.into(),
            span_id: span_id.into(),
            sampled: flags & 1 == 1,
            state: String::new(),
        })
    }
}

fn hex(text: &str, digits: usize) -> Option<&str> {
    let fits = text.len() == digits && text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
    fits.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_as_the_standard_says() {
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let read = |text: &str| Trace::parse(text).map(|it| (it.trace_id, it.span_id));
        let whole = Some((trace.to_owned(), span.to_owned()));
        assert_eq!(read(&format!("00-{trace}-{span}-01")), whole);
        assert_eq!(read(&format!("01-{trace}-{span}-01-more")), whole);
        for (flags, sampled) in [("00", false), ("01", true), ("02", false), ("ff", true)] {
            let read = Trace::parse(&format!("00-{trace}-{span}-{flags}"));
            assert_eq!(read.map(|it| it.sampled), Some(sampled), "{flags}");
        }
        let zeros = "0".repeat(32);
        for wrong in [
            format!("00-{trace}-{span}-01-more"),
            format!("ff-{trace}-{span}-01"),
            format!("00-{zeros}-{span}-01"),
            format!("00-{trace}-{}-01", &zeros[..16]),
            format!("00-{}-{span}-01", trace.to_uppercase()),
            format!("00-{trace}-{span}"),
            String::from("00"),
            String::new(),
        ] {
            assert_eq!(read(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_state_is_taken_along_if_it_is_not_too_long() {
        let with = |states: &[&str]| {
            let mut metadata = MetadataMap::new();
            let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
            metadata.insert("traceparent", parent.parse().unwrap());
            for state in states {
                metadata.append("tracestate", state.parse().unwrap());
            }
            Trace::of(&metadata).unwrap().state
        };
        assert_eq!(with(&[]), "");
        assert_eq!(with(&["a=1", "b=2"]), "a=1,b=2");
        assert_eq!(with(&[&format!("a={}", "1".repeat(STATE_BYTES_MAX))]), "");
    }

    #[test]
    fn ids_differ_and_sort_by_time() {
        let (first, second) = (request_id(), request_id());
        assert!(first < second, "{first} {second}");
    }
}
