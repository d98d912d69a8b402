//! One request to one host: in its turn, within its time and size, and what its answer means.
//!
//! Decides what is tried again (questions whose connection broke, twice), when a host is left alone, and where redirects
//! may lead: anywhere by https, but without credentials to another server than the one that was asked.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url};

use super::counters::{Counting, RequestKind};
use super::host::Host;
use super::options::RegistryConfig;
use super::{RegistryError, host};
use crate::git::Secret;

/// So many times a question is asked whose connection breaks.
const ATTEMPTS_MAX: u32 = 3;
pub(super) const REDIRECTS_MAX: usize = 5;
/// What is read of the words of a refusal.
const WORDS_BYTES_MAX: usize = 16 << 10;
/// Beyond so many hosts (registries send us on to many), those are forgotten that nobody is asking.
const HOSTS_MAX: usize = 1_000;

/// A question.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) kind: RequestKind,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    /// A form; without one nothing is sent.
    pub(super) form: Option<Secret>,
    pub(super) body_bytes_max: usize,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// True when the body is longer than what was read of it.
    pub(super) cut: bool,
    /// Who gave it, after redirects.
    pub(super) host: Arc<Host>,
    pub(super) url: Url,
}

/// The hosts, and how they are asked.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) config: RegistryConfig,
    pub(super) counting: Counting,
    hosts: Mutex<BTreeMap<String, Arc<Host>>>,
}

impl Question {
    /// Asks for what is at a URL.
    pub(super) fn get(kind: RequestKind, url: Url, body_bytes_max: usize) -> Self {
        Self { kind, method: Method::GET, url, headers: HeaderMap::new(), form: None, body_bytes_max }
    }

    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}

impl Answer {
    /// A header, if it is text.
    pub(super) fn header(&self, name: impl reqwest::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|it| it.to_str().ok())
    }

    /// All headers of a name that are text.
    pub(super) fn all(&self, name: HeaderName) -> impl Iterator<Item = &str> {
        self.headers.get_all(name).into_iter().filter_map(|it| it.to_str().ok())
    }

    /// The registry's own code of an error, such as `MANIFEST_UNKNOWN`. Its further words may be anything and are not
    /// repeated.
    pub(super) fn code(&self) -> Option<String> {
        let body: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        let code = body["errors"][0]["code"].as_str()?;
        let is_code =
            (1..=40).contains(&code.len()) && code.bytes().all(|it| it.is_ascii_uppercase() || it == b'_');
        is_code.then(|| code.to_owned())
    }

    /// The status, with the code of the error if there is one.
    pub(super) fn said(&self) -> String {
        match self.code() {
            Some(code) => format!("{}, {code}", self.status),
            None => self.status.to_string(),
        }
    }
}

impl Wire {
    pub(super) fn new(config: RegistryConfig) -> Self {
        Self { config, counting: Counting::default(), hosts: Mutex::default() }
    }

    pub(super) fn now(&self) -> SystemTime {
        (self.config.clock)()
    }

    /// The host that images call so.
    pub(super) fn host(&self, name: &str) -> Result<Arc<Host>, RegistryError> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.get(name) {
            return Ok(host.clone());
        }
        if hosts.len() >= HOSTS_MAX {
            hosts.retain(|_, it| Arc::strong_count(it) > 1);
        }
        let host = Arc::new(Host::new(name, &self.config.settings)?);
        hosts.insert(name.to_owned(), host.clone());
        Ok(host)
    }

    /// The host of a URL that a server gave us; `None` when what it is asked would travel in clear text, which only those
    /// hosts are asked so of whom the settings say it.
    pub(super) fn host_of(&self, url: &Url) -> Result<Option<Arc<Host>>, RegistryError> {
        let host = self.host(&host::Host::name_of(url))?;
        Ok((host.base.scheme() == url.scheme() || url.scheme() == "https").then_some(host))
    }

    /// Asks, and goes where redirects lead. `pass` is the header `Authorization`, for the host's own server only.
    pub(super) async fn ask(
        &self,
        host: &Arc<Host>,
        question: &Question,
        pass: Option<&Secret>,
    ) -> Result<Answer, RegistryError> {
        let (mut host, mut question, mut pass) = (host.clone(), question.clone(), pass);
        for _ in 0..=REDIRECTS_MAX {
            let answer = self.ask_here(&host, &question, pass).await?;
            let location = answer.header(LOCATION).filter(|_| answer.status.is_redirection());
            let Some(location) = location else { return Ok(answer) };
            let target =
                question.url.join(location).map_err(|_| host.protocol("it sends us on to no URL"))?;
            if target.origin() != question.url.origin() {
                let next = self.host_of(&target)?;
                let name = host::Host::name_of(&target);
                let clear = || host.protocol(format!("it sends us on to `{name}` in clear text"));
                host = next.ok_or_else(clear)?;
                pass = None;
            }
            question.url = target;
        }
        Err(host.protocol(format!("it sends us on more than {REDIRECTS_MAX} times")))
    }

    /// Asks one host, with no redirect. Questions whose connection breaks are asked again.
    pub(super) async fn ask_here(
        &self,
        host: &Arc<Host>,
        question: &Question,
        pass: Option<&Secret>,
    ) -> Result<Answer, RegistryError> {
        let repeatable = matches!(question.method, Method::GET | Method::HEAD);
        let mut attempt = 1;
        loop {
            host.may_be_asked(self.now())?;
            let turn = host.pace.turn().await;
            // Meanwhile it may have said that it wants no more.
            host.may_be_asked(self.now())?;
            self.counting.count(&host.name, question.kind);
            let sent = self.send(host, question, pass);
            let answer = tokio::time::timeout(self.config.attempt_timeout, sent).await;
            drop(turn);
            let error = match answer {
                Err(_) => Unsent::Silent("no answer in time".into()),
                Ok(Ok(answer)) => return self.judge(host, answer),
                Ok(Err(error)) => error,
            };
            if let Unsent::Silent(why) = &error {
                // Whoever comes next need not wait for the same.
                let _ = host.leave_alone(None, why.clone(), self.now());
            }
            let broken = matches!(error, Unsent::Broken(_));
            if !(broken && repeatable && attempt < ATTEMPTS_MAX) {
                return Err(error.error(host));
            }
            tracing::debug!(host = host.name, attempt, "a connection broke, asking again");
            attempt += 1;
        }
    }

    async fn send(
        &self,
        host: &Arc<Host>,
        question: &Question,
        pass: Option<&Secret>,
    ) -> Result<Answer, Unsent> {
        let client = host.client().map_err(Unsent::Error)?;
        let mut request =
            client.request(question.method.clone(), question.url.clone()).headers(question.headers.clone());
        if let Some(form) = &question.form {
            let kind = "application/x-www-form-urlencoded";
            request = request.header(reqwest::header::CONTENT_TYPE, kind).body(form.expose().to_owned());
        }
        if let Some(pass) = pass {
            let mut value = HeaderValue::from_str(pass.expose())
                .map_err(|_| Unsent::Error(host.protocol("its credentials or tokens fit no header")))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let mut response = request.send().await.map_err(|it| Unsent::of(&it))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let limit = if status.is_success() { question.body_bytes_max } else { WORDS_BYTES_MAX };
        let (mut body, mut cut) = (Vec::new(), false);
        while let Some(chunk) = response.chunk().await.map_err(|it| Unsent::of(&it))? {
            let fits = chunk.len().min(limit - body.len());
            body.extend_from_slice(&chunk[..fits]);
            if fits < chunk.len() {
                cut = true;
                break;
            }
        }
        Ok(Answer { status, headers, body, cut, host: host.clone(), url: question.url.clone() })
    }

    /// Keeps in mind what a host wants that wants to be left alone.
    fn judge(&self, host: &Host, answer: Answer) -> Result<Answer, RegistryError> {
        let later = answer.header(RETRY_AFTER);
        let wants_peace = match answer.status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => true,
            // Some say so of who asks too often.
            StatusCode::FORBIDDEN => later.is_some(),
            _ => false,
        };
        if wants_peace {
            return Err(host.leave_alone(later, answer.said(), self.now()));
        }
        if !answer.status.is_server_error() {
            host.is_well();
        }
        Ok(answer)
    }
}

/// Why there is no answer.
pub(super) enum Unsent {
    /// The connection broke, or the answer ended too early.
    Broken(String),
    /// It cannot be asked, or does not answer.
    Silent(String),
    /// The certificate is not trusted.
    Untrusted(String),
    /// Known already.
    Error(RegistryError),
}

impl Unsent {
    pub(super) fn of(error: &reqwest::Error) -> Self {
        let chain = std::iter::successors(Some(error as &dyn Error), |it: &&dyn Error| (*it).source());
        // The words of the cause at the bottom; the URL is not among them.
        let why = chain.last().map(ToString::to_string).unwrap_or_default();
        if let Some(why) = why.strip_prefix("invalid peer certificate: ") {
            Self::Untrusted(why.to_owned())
        } else if error.is_timeout() {
            Self::Silent("no answer in time".into())
        } else if error.is_connect() {
            Self::Silent(why)
        } else {
            Self::Broken(why)
        }
    }

    pub(super) fn error(self, host: &Host) -> RegistryError {
        match self {
            Self::Broken(why) | Self::Silent(why) => host.unreachable(why),
            Self::Untrusted(why) => RegistryError::Certificate { host: host.name.clone(), why },
            Self::Error(error) => error,
        }
    }
}
