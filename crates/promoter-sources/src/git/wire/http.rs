//! Smart HTTP: each request is one POST, after one GET that lists what the server has.
//!
//! Decides which redirects are followed (none to another host, so that credentials stay where they belong) and what a
//! status means. Source: gitprotocol-http(5).

use std::io::Read;
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{StatusCode, Url};

use super::bounded::{Bounded, Deadline};
use super::{AGENT, Remote, Service};
use crate::git::GitError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const REDIRECTS_MAX: usize = 5;

/// One conversation with one service of one repository over HTTP.
pub(super) struct HttpWire {
    /// The repository's URL, moved when the first request was redirected.
    base: String,
    service: Service,
    deadline: Deadline,
}

impl HttpWire {
    /// Asks for the service and gives the body of the answer.
    pub(super) fn open(
        remote: &Remote,
        service: Service,
        deadline: Deadline,
    ) -> Result<(Self, Box<dyn Read + Send>), GitError> {
        let base = remote.url.to_string();
        let tail = format!("/info/refs?service={}", service.name());
        let mut request = client(remote)?.get(format!("{base}{tail}"));
        if service == Service::UploadPack {
            request = request.header("Git-Protocol", "version=2");
        }
        let response = send(remote, request, deadline)?;
        check_type(remote, &response, &format!("application/x-{}-advertisement", service.name()))?;
        let base = response.url().as_str().strip_suffix(&tail).map_or(base, Into::into);
        let body = Bounded::new(response, remote.limits.answer_bytes_max, deadline);
        Ok((Self { base, service, deadline }, Box::new(body)))
    }

    /// Sends one request and gives the body of the answer.
    pub(super) fn request(&self, remote: &Remote, body: Vec<u8>) -> Result<Box<dyn Read + Send>, GitError> {
        let name = self.service.name();
        let mut request = client(remote)?
            .post(format!("{}/{name}", self.base))
            .header(CONTENT_TYPE, format!("application/x-{name}-request"))
            .header(ACCEPT, format!("application/x-{name}-result"))
            .body(body);
        if self.service == Service::UploadPack {
            request = request.header("Git-Protocol", "version=2");
        }
        let response = send(remote, request, self.deadline)?;
        check_type(remote, &response, &format!("application/x-{name}-result"))?;
        Ok(Box::new(Bounded::new(response, remote.limits.answer_bytes_max, self.deadline)))
    }
}

/// The client of this process: one pool of connections and one set of trusted certificates for every repository.
///
/// Certificates are the system's, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name. Proxies come from the usual
/// environment variables.
fn client(remote: &Remote) -> Result<&'static Client, GitError> {
    static CLIENT: OnceLock<Result<Client, String>> = OnceLock::new();
    let made = CLIENT.get_or_init(|| {
        crate::install_tls();
        Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(redirects())
            .build()
            .map_err(|it| causes(&it))
    });
    made.as_ref().map_err(|why| remote.unreachable(why.clone()))
}

fn redirects() -> Policy {
    Policy::custom(|attempt| {
        let stays = attempt.previous().first().is_some_and(|first| same_server(first, attempt.url()));
        if stays && attempt.previous().len() <= REDIRECTS_MAX { attempt.follow() } else { attempt.stop() }
    })
}

/// The same server by the same or a safer way.
fn same_server(from: &Url, to: &Url) -> bool {
    let same_way = from.scheme() == to.scheme() && from.port_or_known_default() == to.port_or_known_default();
    let safer_way = from.scheme() == "http" && to.scheme() == "https";
    from.host_str() == to.host_str() && (same_way || safer_way)
}

fn send(remote: &Remote, request: RequestBuilder, deadline: Deadline) -> Result<Response, GitError> {
    let left = deadline.left().map_err(|it| remote.unreachable(it.to_string()))?;
    let mut request = request.timeout(left).header(USER_AGENT, AGENT);
    if let Some(header) = remote.credentials.header() {
        if !remote.url.keeps_secrets() {
            return Err(GitError::ClearText { url: remote.url.to_string() });
        }
        request = request.header(AUTHORIZATION, header);
    }
    let response = request.send().map_err(|it| not_sent(remote, causes(&it)))?;
    if response.status().is_success() { Ok(response) } else { Err(status_error(remote, &response)) }
}

/// Certificates are mended by people, all else by time. The client gives no kind, so the words of rustls decide.
fn not_sent(remote: &Remote, why: String) -> GitError {
    match why.strip_prefix("invalid peer certificate: ") {
        Some(why) => GitError::Certificate { url: remote.url.to_string(), why: why.into() },
        None => remote.unreachable(why),
    }
}

fn status_error(remote: &Remote, response: &Response) -> GitError {
    let status = response.status();
    let url = remote.url.to_string();
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            GitError::Denied { url, answer: status.to_string() }
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            GitError::NoRepository { url, answer: status.to_string() }
        }
        status if status.is_redirection() => {
            let location =
                response.headers().get("location").and_then(|it| it.to_str().ok()).unwrap_or("elsewhere");
            let location = location.split(['?', '#']).next().unwrap_or(location);
            GitError::NoRepository { url, answer: format!("it moved to {location}") }
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => remote.unreachable(status.to_string()),
        status if status.is_server_error() => remote.unreachable(status.to_string()),
        status => GitError::Protocol { url, why: format!("it answers {status}") },
    }
}

fn check_type(remote: &Remote, response: &Response, wanted: &str) -> Result<(), GitError> {
    let found = response.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or("nothing");
    if found.split(';').next().is_some_and(|it| it.trim() == wanted) {
        return Ok(());
    }
    Err(GitError::Protocol {
        url: remote.url.to_string(),
        why: format!("it answers `{found}`, not `{wanted}`"),
    })
}

/// The error with what is below it, without the URL (the message names the repository already).
fn causes(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".into();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
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
