//! The HTTP clients of this process: one pool of connections for every way in which servers are trusted.
//!
//! Decides whom we trust and when a proxy is used. Trusted are the authorities of the machine (or those that
//! `SSL_CERT_FILE` and `SSL_CERT_DIR` name in their place) and those of [`Transport`](crate::git::Transport). Proxies are
//! those of `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, or their names in small letters.

use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::blocking::{Client, ClientBuilder};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Identity};

use super::Remote;
use crate::git::{GitError, Scheme, transport};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// So many are kept: more only come when certificates are renewed.
const CLIENTS_MAX: usize = 8;

static CLIENTS: Mutex<Vec<(Trust, Client)>> = Mutex::new(Vec::new());

/// What makes clients differ.
#[derive(Clone, PartialEq, Eq)]
struct Trust {
    authorities: Option<Vec<u8>>,
    identity: Option<Vec<u8>>,
    proxied: bool,
}

/// The client for a repository.
///
/// Errors: `AccessFile`, a file that the transport names is of no use.
pub(super) fn client(remote: &Remote) -> Result<Client, GitError> {
    let authorities = remote.transport.authorities()?;
    let identity = remote.transport.identity()?;
    let trust = Trust {
        authorities: authorities.as_ref().map(|(_, pem)| pem.clone()),
        identity: identity.as_ref().map(|(_, pem)| pem.clone()),
        // In clear text credentials stay on this machine, and a proxy would be another one.
        proxied: !(remote.url.scheme() == Scheme::Http && remote.url.is_loopback()),
    };
    let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, client)) = clients.iter().find(|(it, _)| *it == trust) {
        return Ok(client.clone());
    }
    crate::install_tls();
    // Redirects are followed by the conversation itself, which knows to whom the credentials may go.
    let mut builder = Client::builder().connect_timeout(CONNECT_TIMEOUT).redirect(Policy::none());
    if let Some((path, pem)) = &authorities {
        const WHAT: &str = "file of authorities";
        let unusable = |why: String| transport::unusable(WHAT, path, why);
        let trusted = Certificate::from_pem_bundle(pem)
            .map_err(|it| unusable(format!("is no PEM: {}", bottom(&it))))?;
        if trusted.is_empty() {
            return Err(unusable("holds no certificate".into()));
        }
        builder = builder.tls_certs_merge(trusted);
    }
    if let Some((path, pem)) = &identity {
        let unusable = |it: reqwest::Error| {
            transport::unusable("client certificate", path, format!("cannot be used: {}", bottom(&it)))
        };
        builder = builder.identity(Identity::from_pem(pem).map_err(unusable)?);
    }
    let client = build(builder, trust.proxied).map_err(|it| remote.unreachable(bottom(&it)))?;
    clients.truncate(CLIENTS_MAX - 1);
    clients.insert(0, (trust, client.clone()));
    Ok(client)
}

fn build(builder: ClientBuilder, proxied: bool) -> reqwest::Result<Client> {
    if proxied { builder.build() } else { builder.no_proxy().build() }
}

/// What the error means. Certificates, keys and passwords are mended by people, all else by time. The client gives no
/// kinds, so the words of rustls and of its tunnel decide.
pub(super) fn not_sent(remote: &Remote, error: &reqwest::Error) -> GitError {
    let (url, why) = (remote.url.to_string(), bottom(error));
    if let Some(why) = why.strip_prefix("invalid peer certificate: ") {
        return GitError::Certificate { url, why: why.into() };
    }
    if let Some(alert) = why.strip_prefix("received fatal alert: ")
        && ["Certificate", "UnknownCA", "AccessDenied"].iter().any(|it| alert.contains(it))
    {
        return GitError::Denied { url, answer: format!("it does not take our client certificate: {alert}") };
    }
    let tunnel = chain(error).find_map(|it| it.to_string().strip_prefix("tunnel error: ").map(str::to_owned));
    match tunnel.as_deref() {
        Some("proxy authorization required") => {
            GitError::Proxy { url, why: "it wants user and password".into() }
        }
        Some("unsuccessful") => remote.unreachable("the proxy refuses to connect to it, or cannot"),
        Some(_) => remote.unreachable(format!("the proxy: {why}")),
        None => remote.unreachable(why),
    }
}

/// The words of the cause at the bottom, without the URL (the message names the repository already).
fn bottom(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".into();
    }
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

fn chain(error: &reqwest::Error) -> impl Iterator<Item = &dyn Error> {
    std::iter::successors(Some(error as &dyn Error), |it: &&dyn Error| (*it).source())
}
