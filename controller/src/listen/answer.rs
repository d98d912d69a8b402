//! What is answered to which request.
//!
//! Nothing of a request's body, query or headers is ever logged or answered: secrets travel in all of them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, Response, StatusCode, Version};
use tokio::time::timeout;

use super::ListenLimits;
use super::rate::Rate;
use super::webhook::{Message, Received, Receivers};
use crate::run::now;
use crate::signal::{Sender, Signal};
use crate::watch::{Watch, WebhookResult};

/// The media type of the OpenMetrics text format.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Messages that did not prove themselves are said so often at most; all are counted.
const UNPROVEN_PAUSE: Duration = Duration::from_secs(60);

type Answer = Response<Full<Bytes>>;

/// Answers requests.
#[derive(Debug)]
pub(super) struct Answers {
    receivers: Option<Arc<Receivers>>,
    limits: ListenLimits,
    watch: Watch,
    signals: Sender,
    rate: Rate,
    /// When a message that did not prove itself was last said.
    unproven: Mutex<Option<Instant>>,
}

impl Answers {
    pub(super) fn new(
        receivers: Option<Receivers>,
        limits: ListenLimits,
        watch: Watch,
        signals: Sender,
    ) -> Self {
        let rate = Rate::new(limits.requests_per_second, limits.requests_burst, Instant::now());
        let receivers = receivers.map(Arc::new);
        Self { receivers, limits, watch, signals, rate, unproven: Mutex::default() }
    }

    /// Answers one request within its time.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Answer {
        let is_webhook = request.uri().path().starts_with(WEBHOOK);
        let closes = request.version() < Version::HTTP_2;
        if !self.rate.takes(request.uri().path(), Instant::now()) {
            if is_webhook {
                self.watch.webhook(UNKNOWN, WebhookResult::Limited);
            }
            let mut answer = line(StatusCode::TOO_MANY_REQUESTS, "too many requests");
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            return answer;
        }
        match timeout(self.limits.request_timeout, self.route(request)).await {
            Ok(answer) => answer,
            Err(_) => {
                if is_webhook {
                    self.watch.webhook(UNKNOWN, WebhookResult::Refused);
                }
                let mut answer = line(StatusCode::REQUEST_TIMEOUT, "the request did not come in time");
                if closes {
                    // Else the connection waits for the rest of the body.
                    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                answer
            }
        }
    }

    async fn route(&self, request: Request<Incoming>) -> Answer {
        let path = request.uri().path().to_owned();
        if let Some(name) = path.strip_prefix(WEBHOOK) {
            return match (&self.receivers, request.method()) {
                (None, _) => line(StatusCode::NOT_FOUND, "there are no webhooks here"),
                (Some(receivers), &Method::POST) => self.webhook(receivers, name, request).await,
                (Some(_), _) => only("POST"),
            };
        }
        if !matches!(path.as_str(), "/healthz" | "/readyz" | "/metrics") {
            return line(StatusCode::NOT_FOUND, "there is nothing here");
        }
        if !matches!(request.method(), &Method::GET | &Method::HEAD) {
            return only("GET, HEAD");
        }
        match path.as_str() {
            "/metrics" => with_type(StatusCode::OK, self.watch.metrics(now()), OPEN_METRICS),
            "/readyz" => match self.watch.ready() {
                Ok(()) => line(StatusCode::OK, "ok"),
                Err(why) => line(StatusCode::SERVICE_UNAVAILABLE, why),
            },
            _ => line(StatusCode::OK, "ok"),
        }
    }

    async fn webhook(&self, receivers: &Arc<Receivers>, name: &str, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let too_large = || {
            self.watch.webhook(UNKNOWN, WebhookResult::Refused);
            let text = format!("a body holds {} bytes at most", self.limits.body_bytes_max);
            line(StatusCode::PAYLOAD_TOO_LARGE, text)
        };
        let body_bytes_max = self.limits.body_bytes_max;
        if usize::try_from(body.size_hint().lower()).is_ok_and(|it| it > body_bytes_max) {
            return too_large();
        }
        let body = match Limited::new(body, body_bytes_max).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return too_large(),
            Err(_) => {
                self.watch.webhook(UNKNOWN, WebhookResult::Refused);
                return line(StatusCode::BAD_REQUEST, "the body did not come whole");
            }
        };
        // Secrets lie on a disk, which may be slow.
        let (receivers, to) = (receivers.clone(), name.to_owned());
        let received = tokio::task::spawn_blocking(move || {
            let query = head.uri.query().unwrap_or_default();
            receivers.receive(&to, &Message { headers: &head.headers, query, body: &body })
        });
        match received.await {
            Ok(received) => self.received(name, received),
            Err(_) => line(StatusCode::INTERNAL_SERVER_ERROR, "the message could not be read"),
        }
    }

    fn received(&self, name: &str, received: Received) -> Answer {
        let kind = received.kind.unwrap_or(UNKNOWN);
        let result = match &received.sooner {
            None => WebhookResult::Unauthorized,
            Some(it) if it.is_everything() => WebhookResult::Everything,
            Some(it) if it.is_nothing() => WebhookResult::Nothing,
            Some(_) => WebhookResult::Named,
        };
        self.watch.webhook(kind, result);
        let Some(sooner) = received.sooner else {
            self.say_unproven(name, kind);
            let mut answer = line(StatusCode::UNAUTHORIZED, "the message does not prove where it comes from");
            // One word for all, so that it says nothing of who is asked for what.
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Webhook"));
            return answer;
        };
        if sooner.is_nothing() {
            return line(StatusCode::OK, "nothing to look at");
        }
        tracing::info!(webhook = name, r#type = kind, "may have moved: {}", sooner.words());
        self.signals.send(Signal::Look(sooner));
        line(StatusCode::ACCEPTED, "looking sooner")
    }

    fn say_unproven(&self, name: &str, kind: &str) {
        let mut said = self.unproven.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if said.is_some_and(|it| now.duration_since(it) < UNPROVEN_PAUSE) {
            return;
        }
        *said = Some(now);
        // Strangers choose the path.
        let name = if Receivers::is_name(name) { name } else { "?" };
        tracing::warn!(webhook = name, r#type = kind, "a message did not prove where it comes from");
    }
}

/// How paths of webhooks begin.
const WEBHOOK: &str = "/webhook/";
/// The type of what nobody knows.
const UNKNOWN: &str = "unknown";

fn only(methods: &'static str) -> Answer {
    let mut answer = line(StatusCode::METHOD_NOT_ALLOWED, format!("only {methods}"));
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    answer
}

fn line(status: StatusCode, text: impl Into<String>) -> Answer {
    with_type(status, text.into() + "\n", "text/plain; charset=utf-8")
}

fn with_type(status: StatusCode, text: String, media_type: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
