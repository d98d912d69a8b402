//! A proxy before a registry that counts, pages and breaks.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;

use super::serve::{Body, Passed, Running, serve_faulty};
use crate::git::Identity;

/// What goes wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryFault {
    /// This answer and nothing else: status, headers, body.
    Says(u16, Vec<(&'static str, String)>, String),
    /// So many bytes of the body, then the connection is closed.
    Cut(usize),
    /// One bit of the body is another one on the way.
    Flip(usize),
    /// The connection is closed without an answer.
    NoAnswer,
    /// Never an answer.
    Hang,
    /// The answer without a header.
    Without(&'static str),
    /// The client is sent to the same path of another server (`http://127.0.0.1:4711`).
    Moved(String),
    /// A body of so many bytes, none of them meant.
    Huge(usize),
    /// A page of tags that always names a next one.
    EndlessPages,
    /// Lists have an `ETag`, and are not sent to who has them.
    Etags,
}

/// How a link to the next page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkStyle {
    /// `/v2/…/tags/list?last=…`
    Relative,
    /// `http://127.0.0.1:4711/v2/…/tags/list?last=…`
    Absolute,
    /// `?next_page=…`, with a word that means something to the server only.
    Opaque,
}

/// How many requests came, by what they ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RegistryRequests {
    /// Pages of tags.
    pub tags: u64,
    /// HEAD of manifests.
    pub heads: u64,
    /// GET of manifests.
    pub manifests: u64,
    /// GET of blobs.
    pub blobs: u64,
    /// All others.
    pub others: u64,
    /// How many of all of them were answered by 304 ([`RegistryFault::Etags`]).
    pub unchanged: u64,
}

impl RegistryRequests {
    /// All of them.
    pub fn all(self) -> u64 {
        self.tags + self.heads + self.manifests + self.blobs + self.others
    }
}

/// A server before a registry. Ends with the value.
pub struct RegistryProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    _running: Running,
}

struct Shared {
    upstream: String,
    address: Mutex<String>,
    client: Client<HttpConnector, Full<Bytes>>,
    fault: Mutex<Option<Broken>>,
    page_by: Mutex<Option<usize>>,
    paginate: Mutex<Option<(usize, LinkStyle)>>,
    slow: Mutex<Duration>,
    log: Mutex<Vec<String>>,
    logins: Mutex<Vec<Option<String>>>,
    counts: Mutex<RegistryRequests>,
    now: AtomicUsize,
    most: AtomicUsize,
    pages: AtomicU64,
}

struct Broken {
    part: String,
    fault: RegistryFault,
    left: u64,
}

impl RegistryProxy {
    /// Starts one that speaks http, before the registry of this address.
    pub fn start(upstream: &str) -> Self {
        Self::start_behind(upstream, None)
    }

    /// The same over https, if there is a certificate to show.
    pub fn start_behind(upstream: &str, certificate: Option<&Identity>) -> Self {
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            address: Mutex::default(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            fault: Mutex::default(),
            page_by: Mutex::default(),
            paginate: Mutex::default(),
            slow: Mutex::default(),
            log: Mutex::default(),
            logins: Mutex::default(),
            counts: Mutex::default(),
            now: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            pages: AtomicU64::new(0),
        });
        let serving = shared.clone();
        let tls = certificate.map(|it| TlsAcceptor::from(it.server(None)));
        let (address, running) = serve_faulty(tls, move |request| pass(request, serving.clone()));
        *shared.address.lock().expect("a lock") = address.to_string();
        Self { address, shared, _running: running }
    }

    /// Its address, as images name it: `127.0.0.1:4711`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// How many requests came so far.
    pub fn requests(&self) -> RegistryRequests {
        *self.shared.counts.lock().expect("a lock")
    }

    /// How many requests came since the last call.
    pub fn take_requests(&self) -> RegistryRequests {
        std::mem::take(&mut self.shared.counts.lock().expect("a lock"))
    }

    /// The requests since the last call, each as `METHOD path?query`.
    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.log.lock().expect("a lock"))
    }

    /// The `Authorization` headers since the last call, one a request.
    pub fn take_logins(&self) -> Vec<Option<String>> {
        std::mem::take(&mut self.shared.logins.lock().expect("a lock"))
    }

    /// How many requests were here at one time, at most, since the last call.
    pub fn take_most_at_once(&self) -> usize {
        self.shared.most.swap(0, Ordering::Relaxed)
    }

    /// From now on, requests whose `METHOD path?query` contains `part` have the fault.
    pub fn break_at(&self, part: &str, fault: RegistryFault) {
        self.break_times(part, fault, u64::MAX);
    }

    /// The same for the next so many of them.
    pub fn break_times(&self, part: &str, fault: RegistryFault, times: u64) {
        *self.shared.fault.lock().expect("a lock") = Some(Broken { part: part.into(), fault, left: times });
    }

    /// Ends the fault.
    pub fn heal(&self) {
        *self.shared.fault.lock().expect("a lock") = None;
    }

    /// From now on a registry that pages is asked for pages of so many tags, whatever the client asks for.
    pub fn page_by(&self, tags: usize) {
        *self.shared.page_by.lock().expect("a lock") = Some(tags);
    }

    /// From now on the proxy itself makes pages of so many tags, for a registry that makes none.
    pub fn paginate(&self, tags: usize, style: LinkStyle) {
        *self.shared.paginate.lock().expect("a lock") = Some((tags, style));
    }

    /// From now on each answer takes so much longer, as if the way were long.
    pub fn slow_down(&self, time: Duration) {
        *self.shared.slow.lock().expect("a lock") = time;
    }
}

impl Shared {
    fn note(&self, line: &str, login: Option<String>) {
        self.log.lock().expect("a lock").push(line.to_owned());
        self.logins.lock().expect("a lock").push(login);
        let mut counts = self.counts.lock().expect("a lock");
        let count = if line.contains("/tags/list") {
            &mut counts.tags
        } else if line.starts_with("HEAD ") && line.contains("/manifests/") {
            &mut counts.heads
        } else if line.contains("/manifests/") {
            &mut counts.manifests
        } else if line.contains("/blobs/") {
            &mut counts.blobs
        } else {
            &mut counts.others
        };
        *count += 1;
    }

    fn fault(&self, line: &str) -> Option<RegistryFault> {
        let mut broken = self.fault.lock().expect("a lock");
        let broken = broken.as_mut().filter(|it| it.left > 0 && line.contains(&it.part))?;
        broken.left -= 1;
        Some(broken.fault.clone())
    }
}

async fn pass(request: Request<Incoming>, shared: Arc<Shared>) -> Passed {
    let line = format!("{} {}", request.method(), request.uri());
    let login = request.headers().get("authorization").and_then(|it| it.to_str().ok()).map(ToOwned::to_owned);
    shared.note(&line, login);
    let now = shared.now.fetch_add(1, Ordering::Relaxed) + 1;
    shared.most.fetch_max(now, Ordering::Relaxed);
    let slow = *shared.slow.lock().expect("a lock");
    if !slow.is_zero() {
        tokio::time::sleep(slow).await;
    }
    let answer = faulty(request, &line, &shared).await;
    shared.now.fetch_sub(1, Ordering::Relaxed);
    answer
}

async fn faulty(request: Request<Incoming>, line: &str, shared: &Shared) -> Passed {
    let fault = shared.fault(line);
    let uri = request.uri().clone();
    let known = request.headers().get("if-none-match").cloned();
    match &fault {
        Some(RegistryFault::Says(status, headers, body)) => {
            return Ok(says(*status, headers, body.clone().into()));
        }
        Some(RegistryFault::NoAnswer) => return Err(closed()),
        Some(RegistryFault::Hang) => std::future::pending().await,
        Some(RegistryFault::Huge(bytes)) => return Ok(says(200, &[], vec![b' '; *bytes].into())),
        Some(RegistryFault::Moved(base)) => {
            let target = format!("{base}{}", uri.path_and_query().map_or("/", |it| it.as_str()));
            return Ok(says(307, &[("location", target)], Bytes::new()));
        }
        Some(RegistryFault::EndlessPages) => {
            let page = shared.pages.fetch_add(1, Ordering::Relaxed);
            let link = format!("<{}?last={page}>; rel=\"next\"", uri.path());
            let body = json!({ "name": "endless", "tags": [format!("t{page}")] }).to_string();
            return Ok(says(200, &[("link", link)], body.into()));
        }
        _ => {}
    }
    let (mut head, mut body) = ask(request, shared).await?;
    if let Some((size, style)) = *shared.paginate.lock().expect("a lock")
        && uri.path().ends_with("/tags/list")
        && head.status == StatusCode::OK
    {
        let (page, link) = page(&body, &uri, size, style, &shared.address.lock().expect("a lock"));
        head.headers.remove("content-length");
        if let Some(link) = link {
            head.headers.insert("link", link.parse().expect("a header"));
        }
        body = page;
    }
    match fault {
        Some(RegistryFault::Cut(bytes)) => {
            let part = body.slice(..bytes.min(body.len()));
            let frames = [Ok(hyper::body::Frame::data(part)), Err(closed())];
            let body = http_body_util::StreamBody::new(futures::stream::iter(frames));
            return Ok(Response::from_parts(head, BodyExt::boxed_unsync(body)));
        }
        Some(RegistryFault::Flip(place)) => {
            let mut bytes = body.to_vec();
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1;
            }
            body = bytes.into();
        }
        Some(RegistryFault::Without(header)) => {
            head.headers.remove(header);
        }
        Some(RegistryFault::Etags) => {
            let etag = format!("\"{}\"", super::digest_of(&body));
            if known.is_some_and(|it| it == etag.as_str()) {
                shared.counts.lock().expect("a lock").unchanged += 1;
                return Ok(says(304, &[("etag", etag)], Bytes::new()));
            }
            head.headers.insert("etag", etag.parse().expect("a header"));
        }
        _ => {}
    }
    Ok(Response::from_parts(head, full(body)))
}

/// What the registry answers.
async fn ask(
    request: Request<Incoming>,
    shared: &Shared,
) -> Result<(hyper::http::response::Parts, Bytes), std::io::Error> {
    let (mut head, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let mut path = head.uri.path_and_query().map_or("/", |it| it.as_str()).to_owned();
    if head.uri.path().ends_with("/tags/list") {
        let pairs = head.uri.query().unwrap_or_default().split('&').filter_map(|it| it.split_once('='));
        let mut pairs: BTreeMap<&str, String> = pairs.map(|(key, value)| (key, value.to_owned())).collect();
        if let Some(size) = *shared.page_by.lock().expect("a lock") {
            pairs.insert("n", size.to_string());
        }
        if shared.paginate.lock().expect("a lock").is_some() {
            pairs.clear();
        }
        let query: Vec<String> = pairs.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
        path = format!("{}?{}", head.uri.path(), query.join("&"));
    }
    head.uri = format!("http://{}{path}", shared.upstream).parse().map_err(std::io::Error::other)?;
    let request = Request::from_parts(head, Full::new(body));
    let (head, body) = shared.client.request(request).await.map_err(std::io::Error::other)?.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    Ok((head, body))
}

/// One page of all tags, and the link to the next one.
fn page(all: &Bytes, uri: &Uri, size: usize, style: LinkStyle, address: &str) -> (Bytes, Option<String>) {
    let list: Value = serde_json::from_slice(all).expect("a list of tags");
    let tags = list["tags"].as_array().cloned().unwrap_or_default();
    let value = |name: &str| {
        let mut pairs = uri.query().unwrap_or_default().split('&').filter_map(|it| it.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    };
    let from: usize = match (value("last"), value("next_page")) {
        (Some(last), _) => tags.iter().position(|it| *it == last.as_str()).map_or(0, |it| it + 1),
        (_, Some(opaque)) => opaque.trim_start_matches("p").parse().expect("a word of ours"),
        _ => 0,
    };
    let end = (from + size).min(tags.len());
    let here = &tags[from..end];
    let body = json!({ "name": list["name"], "tags": here }).to_string().into();
    let last = here.last().and_then(Value::as_str).unwrap_or_default();
    let path = uri.path();
    let target = match style {
        LinkStyle::Relative => format!("{path}?last={last}"),
        LinkStyle::Absolute => format!("http://{address}{path}?last={last}"),
        LinkStyle::Opaque => format!("?next_page=p{end}"),
    };
    (body, (end < tags.len()).then(|| format!("<{target}>; rel=\"next\"")))
}

fn says(status: u16, headers: &[(&'static str, String)], body: Bytes) -> Response<Body> {
    let mut response = Response::new(full(body));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    for (name, value) in headers {
        response.headers_mut().append(*name, value.parse().expect("a header"));
    }
    response
}

fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

fn closed() -> std::io::Error {
    std::io::Error::other("the connection is closed")
}
