//! Smart HTTP: each request is one POST, after one GET that lists what the server has.
//!
//! Decides when credentials are sent, which redirects are followed (none to another host, so that credentials stay where
//! they belong) and what a status means. Source: gitprotocol-http(5).

use std::io::Read;
use std::time::SystemTime;

use reqwest::blocking::{RequestBuilder, Response};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER, USER_AGENT};
use reqwest::{StatusCode, Url};

use super::bounded::{Bounded, Deadline};
use super::client::{client, not_sent};
use super::{AGENT, Remote, Service};
use crate::git::{Credentials, GitError, Scheme, Secret};
use crate::quiet;

const REDIRECTS_MAX: usize = 5;
/// What is read of the words of a refusal.
const WORDS_BYTES_MAX: u64 = 1 << 10;

/// One conversation with one service of one repository over HTTP.
pub(super) struct HttpWire {
    /// The repository's URL, moved when the first request was redirected.
    base: String,
    service: Service,
    login: Option<Secret>,
    deadline: Deadline,
}

impl HttpWire {
    /// Asks for the service and gives the body of the answer.
    pub(super) fn open(
        remote: &Remote,
        service: Service,
        deadline: Deadline,
    ) -> Result<(Self, Box<dyn Read + Send>), GitError> {
        let login = remote.credentials.header(&remote.url)?;
        let mut wire = Self { base: remote.url.to_string(), service, login, deadline };
        let response = match (wire.ask(remote)?, &remote.credentials) {
            (refused, Credentials::Helper(helper)) if refused.status() == StatusCode::UNAUTHORIZED => {
                // What worked before works no more, or nobody was asked yet.
                helper.reject(&remote.url, deadline);
                wire.login = helper.fill(&remote.url, deadline)?;
                if wire.login.is_none() {
                    let answer = "and git's credential helpers know nothing for it".to_owned();
                    return Err(GitError::Denied { url: remote.url.to_string(), answer });
                }
                wire.ask(remote)?
            }
            (response, _) => response,
        };
        if let Credentials::Helper(helper) = &remote.credentials {
            match response.status() {
                StatusCode::UNAUTHORIZED => helper.reject(&remote.url, deadline),
                status if status.is_success() => helper.approve(&remote.url, deadline),
                _ => {}
            }
        }
        let response = wire.succeeded(remote, response)?;
        check_type(remote, &response, &format!("application/x-{}-advertisement", service.name()))?;
        let body = Bounded::new(response, remote.limits.answer_bytes_max, deadline);
        Ok((wire, Box::new(body)))
    }

    /// Sends one request and gives the body of the answer.
    pub(super) fn request(&self, remote: &Remote, body: Vec<u8>) -> Result<Box<dyn Read + Send>, GitError> {
        let name = self.service.name();
        let request = client(remote)?
            .post(format!("{}/{name}", self.base))
            .header(CONTENT_TYPE, format!("application/x-{name}-request"))
            .header(ACCEPT, format!("application/x-{name}-result"))
            .body(body);
        let response = self.send(remote, request)?;
        let response = self.succeeded(remote, response)?;
        check_type(remote, &response, &format!("application/x-{name}-result"))?;
        Ok(Box::new(Bounded::new(response, remote.limits.answer_bytes_max, self.deadline)))
    }

    /// The first request, sent on as far as the server's own redirects lead.
    fn ask(&mut self, remote: &Remote) -> Result<Response, GitError> {
        let tail = format!("/info/refs?service={}", self.service.name());
        for _ in 0..=REDIRECTS_MAX {
            let response = self.send(remote, client(remote)?.get(format!("{}{tail}", self.base)))?;
            match moved(&response, &tail) {
                Some(base) => self.base = base,
                None => return Ok(response),
            }
        }
        let answer = format!("it sends us on more than {REDIRECTS_MAX} times");
        Err(GitError::NoRepository { url: remote.url.to_string(), answer })
    }

    fn send(&self, remote: &Remote, request: RequestBuilder) -> Result<Response, GitError> {
        let url = remote.url.to_string();
        if let Some((until, answer)) = quiet::asked(&server(remote), SystemTime::now()) {
            return Err(GitError::Later { url, answer, until });
        }
        let left = self.deadline.left().map_err(|it| remote.unreachable(it.to_string()))?;
        let mut request = request.timeout(left).header(USER_AGENT, AGENT);
        if self.service == Service::UploadPack {
            request = request.header("Git-Protocol", "version=2");
        }
        if let Some(login) = &self.login {
            if !remote.url.keeps_secrets() && !remote.transport.allow_clear_text {
                return Err(GitError::ClearText { url });
            }
            let wrong =
                |_| GitError::Denied { url, answer: "they hold signs that no header can hold".into() };
            let mut header = HeaderValue::from_str(login.expose()).map_err(wrong)?;
            header.set_sensitive(true);
            request = request.header(AUTHORIZATION, header);
        }
        remote.count_request();
        request.send().map_err(|it| not_sent(remote, &it))
    }

    /// The answer itself, unless its status says what went wrong.
    fn succeeded(&self, remote: &Remote, response: Response) -> Result<Response, GitError> {
        let (status, url) = (response.status(), remote.url.to_string());
        if status.is_success() {
            return Ok(response);
        }
        let later = response.headers().get(RETRY_AFTER).and_then(|it| it.to_str().ok());
        let may_mean_later =
            [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE, StatusCode::FORBIDDEN];
        if let Some(later) = later.filter(|_| may_mean_later.contains(&status)) {
            let answer = status.to_string();
            if let Some(until) = quiet::note(&server(remote), later, &answer, SystemTime::now()) {
                return Err(GitError::Later { url, answer, until });
            }
        }
        Err(match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                GitError::Denied { url, answer: self.with_words(response) }
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                GitError::NoRepository { url, answer: self.with_words(response) }
            }
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => GitError::Proxy { url, why: status.to_string() },
            status if status.is_redirection() => {
                GitError::NoRepository { url, answer: format!("it moved to {}", location(&response)) }
            }
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
                remote.unreachable(status.to_string())
            }
            status if status.is_server_error() => remote.unreachable(status.to_string()),
            status => GitError::Protocol { url, why: format!("it answers {status}") },
        })
    }

    /// The status with the first line that the server says in plain text, without our secret should it repeat it.
    fn with_words(&self, response: Response) -> String {
        let status = response.status();
        let is_plain = content_type(&response).starts_with("text/plain");
        let mut words = Vec::new();
        if is_plain && response.take(WORDS_BYTES_MAX).read_to_end(&mut words).is_err() {
            words.clear();
        }
        let words = String::from_utf8_lossy(&words);
        let line = words.lines().map(str::trim).find(|it| !it.is_empty()).unwrap_or_default();
        let secret = self.login.as_ref().and_then(|it| it.expose().split_once(' ')).map(|(_, secret)| secret);
        match line {
            "" => status.to_string(),
            line if secret.is_some_and(|it| line.contains(it)) => status.to_string(),
            line => format!("{status}: {line}"),
        }
    }
}

/// The server's name and port, as the repository's URL has them.
fn server(remote: &Remote) -> String {
    let port = remote.url.port().map(|it| format!(":{it}")).unwrap_or_default();
    let scheme = if remote.url.scheme() == Scheme::Http { "http" } else { "https" };
    format!("{scheme} {}{port}", remote.url.host())
}

/// Where a redirect moves the repository to, if it stays on its server and keeps what is asked for.
fn moved(response: &Response, tail: &str) -> Option<String> {
    if !response.status().is_redirection() {
        return None;
    }
    let target = response.url().join(response.headers().get(LOCATION)?.to_str().ok()?).ok()?;
    let base = target.as_str().strip_suffix(tail)?.to_owned();
    same_server(response.url(), &target).then_some(base)
}

/// The same server by the same or a safer way.
fn same_server(from: &Url, to: &Url) -> bool {
    let same_way = from.scheme() == to.scheme() && from.port_or_known_default() == to.port_or_known_default();
    let safer_way = from.scheme() == "http" && to.scheme() == "https";
    from.host_str() == to.host_str() && (same_way || safer_way)
}

/// Where a redirect leads, without what may be secret in it.
fn location(response: &Response) -> String {
    let text = response.headers().get(LOCATION).and_then(|it| it.to_str().ok());
    let Some(mut target) = text.and_then(|it| response.url().join(it).ok()) else {
        return "elsewhere".into();
    };
    target.set_query(None);
    target.set_fragment(None);
    let _ = target.set_username("").and_then(|()| target.set_password(None));
    target.as_str().trim_end_matches("/info/refs").to_owned()
}

fn content_type(response: &Response) -> &str {
    response.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or("nothing")
}

fn check_type(remote: &Remote, response: &Response, wanted: &str) -> Result<(), GitError> {
    let found = content_type(response);
    if found.split(';').next().is_some_and(|it| it.trim() == wanted) {
        return Ok(());
    }
    Err(GitError::Protocol {
        url: remote.url.to_string(),
        why: format!("it answers `{found}`, not `{wanted}`"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_stay_on_the_server() {
        let same = |from: &str, to: &str| same_server(&from.parse().unwrap(), &to.parse().unwrap());
        assert!(same("https://a.com/x", "https://a.com:443/y"));
        assert!(same("http://a.com/x", "https://a.com/x"));
        assert!(!same("https://a.com/x", "http://a.com/x"));
        assert!(!same("https://a.com/x", "https://b.com/x"));
        assert!(!same("https://a.com/x", "https://a.com:8443/x"));
    }
}
