//! Files of web servers, as repositories of charts have them: asked as a registry's host is asked, in its turn and never
//! before its time, and handed on piece by piece.
//!
//! Credentials are those of docker's file for the host, sent unasked as helm does, to no other host than the one that is
//! asked first. Source: RFC 9110 §13 (conditional requests).

use std::io;
use std::time::Duration;

use promoter_core::Repository;
use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED, LOCATION, RETRY_AFTER, TRANSFER_ENCODING,
};
use reqwest::{Response, StatusCode, Url, Version};

use super::counters::RequestKind;
use super::host::Host;
use super::login::Login;
use super::token::basic;
use super::wire::{REDIRECTS_MAX, Unsent};
use super::{Registries, RegistryError};
use crate::git::Secret;

/// So long one file may take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// What a server said of a file, to ask later whether it is still the same. Empty: nothing is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Validators {
    /// `ETag`.
    pub(crate) etag: Option<String>,
    /// `Last-Modified`.
    pub(crate) last_modified: Option<String>,
}

/// A file that is wanted.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) url: &'a Url,
    pub(crate) known: &'a Validators,
    /// True when the host's credentials may be shown.
    pub(crate) with_login: bool,
    /// True when it may be asked in clear text where the settings do not say so of the host, without credentials: what comes
    /// of it is held against a digest.
    pub(crate) clear_text: bool,
    pub(crate) bytes_max: u64,
}

/// What came of asking.
#[derive(Debug)]
pub(crate) enum Downloaded {
    /// It is still what `known` says.
    Unchanged,
    /// All of it was handed on.
    Whole(Validators),
    /// The server does not have it; its status.
    Missing(StatusCode),
    /// It is larger than the bound.
    TooLarge,
}

/// Why there is nothing.
#[derive(Debug)]
pub(crate) enum DownloadError {
    /// The server's.
    Server(RegistryError),
    /// It would be asked in clear text, which the settings do not say of the host.
    ClearText { url: String, host: String },
    /// Whoever takes the pieces could not.
    Taking(io::Error),
}

impl From<RegistryError> for DownloadError {
    fn from(error: RegistryError) -> Self {
        Self::Server(error)
    }
}

impl Registries {
    /// Asks for a file and hands its pieces on in order. Unless all of them came, there is an error.
    pub(crate) async fn download(
        &self,
        wanted: &Wanted<'_>,
        mut take: impl FnMut(&[u8]) -> io::Result<()> + Send,
    ) -> Result<Downloaded, DownloadError> {
        let wire = &self.inner.wire;
        let mut url = wanted.url.clone();
        let mut pass = if wanted.with_login { self.login(&url).await? } else { None };
        for _ in 0..=REDIRECTS_MAX {
            let name = Host::name_of(&url);
            let said = wire.host_of(&url)?;
            let unsaid = || DownloadError::ClearText { url: url.to_string(), host: name.clone() };
            let (host, pass_here) = match &said {
                Some(host) => (host.clone(), pass.as_ref()),
                None if wanted.clear_text => (wire.host(&name)?, None),
                None => return Err(unsaid()),
            };
            let asked = self.ask(&host, &url, wanted, pass_here, &mut take);
            let asked = tokio::time::timeout(TIMEOUT, asked).await;
            match asked.unwrap_or_else(|_| Err(host.unreachable("no answer in time").into())) {
                Ok(Asked::Done(done)) => return Ok(done),
                Ok(Asked::Moved(to)) => {
                    let target = url.join(&to).map_err(|_| host.protocol("it sends us on to no URL"))?;
                    if target.origin() != url.origin() {
                        pass = None;
                    }
                    url = target;
                }
                // It wants credentials, which may not be shown to everybody on the way.
                Err(DownloadError::Server(RegistryError::Denied { .. })) if said.is_none() => {
                    return Err(unsaid());
                }
                Err(error) => return Err(error),
            }
        }
        let host = Host::name_of(&url);
        let why = format!("it sends us on more than {REDIRECTS_MAX} times");
        Err(RegistryError::Protocol { host, why }.into())
    }

    /// User name and password for the host of a URL.
    async fn login(&self, url: &Url) -> Result<Option<Secret>, RegistryError> {
        let path = url.path().trim_matches('/').to_ascii_lowercase();
        let named = |path: &str| format!("{}/{path}", Host::name_of(url)).parse::<Repository>().ok();
        // Paths of the web may hold more than those of images; credentials are mostly the host's.
        let Some(repository) = named(&path).or_else(|| named("index")) else {
            return Ok(None);
        };
        Ok(match self.inner.wire.login(&repository).await? {
            Some(Login::Password(username, password)) => Some(basic(&username, &password)),
            // No web server takes a token of registries.
            Some(Login::Identity(_)) | None => None,
        })
    }

    async fn ask(
        &self,
        host: &Host,
        url: &Url,
        wanted: &Wanted<'_>,
        pass: Option<&Secret>,
        take: &mut (impl FnMut(&[u8]) -> io::Result<()> + Send),
    ) -> Result<Asked, DownloadError> {
        let wire = &self.inner.wire;
        host.may_be_asked(wire.now())?;
        let turn = host.pace.turn().await;
        host.may_be_asked(wire.now())?;
        wire.counting.count(&host.name, RequestKind::File);
        let mut headers = HeaderMap::new();
        let mut say = |name: HeaderName, value: Option<&str>| {
            if let Some(value) = value.and_then(|it| HeaderValue::from_str(it).ok()) {
                headers.insert(name, value);
            }
        };
        say(IF_NONE_MATCH, wanted.known.etag.as_deref());
        say(IF_MODIFIED_SINCE, wanted.known.last_modified.as_deref());
        if let Some(pass) = pass {
            let mut value = HeaderValue::from_str(pass.expose())
                .map_err(|_| host.protocol("its credentials fit no header"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let sent = host.client()?.get(url.clone()).headers(headers).send().await;
        let response = match sent.map_err(|it| Unsent::of(&it)) {
            Ok(response) => response,
            Err(error) => {
                if let Unsent::Silent(why) = &error {
                    let _ = host.leave_alone(None, why.clone(), wire.now());
                }
                return Err(error.error(host).into());
            }
        };
        let judged = self.judge_file(host, wanted, pass.is_some(), &response)?;
        let Judged::Whole(validators) = judged else {
            return Ok(match judged {
                Judged::Moved(to) => Asked::Moved(to),
                Judged::Done(done) => Asked::Done(done),
                Judged::Whole(_) => Asked::Done(Downloaded::Unchanged),
            });
        };
        let done = receive(host, response, wanted.bytes_max, take).await?;
        drop(turn);
        Ok(Asked::Done(if done { Downloaded::Whole(validators) } else { Downloaded::TooLarge }))
    }

    /// What the head of an answer means.
    fn judge_file(
        &self,
        host: &Host,
        wanted: &Wanted<'_>,
        with_pass: bool,
        response: &Response,
    ) -> Result<Judged, RegistryError> {
        let (status, headers) = (response.status(), response.headers());
        let text = |name: HeaderName| headers.get(name).and_then(|it| it.to_str().ok()).map(str::to_owned);
        let later = text(RETRY_AFTER);
        let said = status.to_string();
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                return Err(host.leave_alone(later.as_deref(), said, self.inner.wire.now()));
            }
            StatusCode::FORBIDDEN if later.is_some() => {
                return Err(host.leave_alone(later.as_deref(), said, self.inner.wire.now()));
            }
            status if !status.is_server_error() => host.is_well(),
            _ => {}
        }
        let is_known = *wanted.known != Validators::default();
        Ok(match status {
            StatusCode::NOT_MODIFIED if is_known => Judged::Done(Downloaded::Unchanged),
            StatusCode::NOT_FOUND | StatusCode::GONE => Judged::Done(Downloaded::Missing(status)),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let with = if with_pass { "with our credentials" } else { "and no credentials were sent" };
                return Err(RegistryError::Denied {
                    host: host.name.clone(),
                    repository: wanted.url.to_string(),
                    answer: format!("{said} {with}"),
                });
            }
            status if status.is_redirection() && text(LOCATION).is_some() => {
                Judged::Moved(text(LOCATION).unwrap_or_default())
            }
            StatusCode::OK => {
                // Where nothing says how long an answer is, a part of it looks like the whole.
                let is_marked = response.version() >= Version::HTTP_2
                    || headers.contains_key(CONTENT_LENGTH)
                    || headers.contains_key(TRANSFER_ENCODING);
                if !is_marked {
                    return Err(host.protocol("it does not say where its answer ends"));
                }
                if response.content_length().is_some_and(|it| it > wanted.bytes_max) {
                    return Ok(Judged::Done(Downloaded::TooLarge));
                }
                Judged::Whole(Validators { etag: text(ETAG), last_modified: text(LAST_MODIFIED) })
            }
            status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                return Err(host.unreachable(said));
            }
            _ => return Err(host.protocol(format!("asked for a file, it answers {said}"))),
        })
    }
}

/// What one request gave.
enum Asked {
    Done(Downloaded),
    Moved(String),
}

/// What the head of an answer means.
enum Judged {
    Done(Downloaded),
    Moved(String),
    /// The file follows.
    Whole(Validators),
}

/// Hands the pieces on. False when there are more than `bytes_max`.
async fn receive(
    host: &Host,
    mut response: Response,
    bytes_max: u64,
    take: &mut (impl FnMut(&[u8]) -> io::Result<()> + Send),
) -> Result<bool, DownloadError> {
    let mut bytes = 0;
    while let Some(piece) = response.chunk().await.map_err(|it| Unsent::of(&it).error(host))? {
        bytes += piece.len() as u64;
        if bytes > bytes_max {
            return Ok(false);
        }
        take(&piece).map_err(DownloadError::Taking)?;
    }
    Ok(true)
}
