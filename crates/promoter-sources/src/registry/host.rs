//! One host that is asked: a registry, a mirror, a server of tokens, or where blobs lie. Its clients, turns and logins.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use promoter_core::UnixSeconds;
use promoter_core::registries::{HostSettings, RegistrySettings};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Url};

use super::RegistryError;
use super::options::read_text;
use super::pace::Pace;
use super::token::Logins;
use crate::quiet;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Who answers for Docker Hub.
const HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// One host, shared by all that ask it.
#[derive(Debug)]
pub(super) struct Host {
    /// Name and port as it is asked, for messages and counts.
    pub(super) name: String,
    /// Its root.
    pub(super) base: Url,
    pub(super) pace: Pace,
    pub(super) logins: Logins,
    ca_file: Option<String>,
    /// The client, with the authorities that it trusts besides the machine's.
    client: Mutex<Option<(Vec<u8>, Client)>>,
    /// How many times in a row it was in trouble and named no time.
    troubles: AtomicU32,
    quiet_key: String,
}

impl Host {
    /// The host that images call `name`.
    pub(super) fn new(name: &str, settings: &RegistrySettings) -> Result<Self, RegistryError> {
        let own = settings.hosts.get(name).cloned().unwrap_or_default();
        let HostSettings { plain_http, ca_file, requests, .. } = own;
        let name = if name == HUB.0 { HUB.1 } else { name };
        let scheme = if plain_http { "http" } else { "https" };
        let wrong =
            |_| RegistryError::Protocol { host: name.into(), why: "its name makes no URL".to_owned() };
        Ok(Self {
            base: format!("{scheme}://{name}/").parse().map_err(wrong)?,
            pace: Pace::new(requests.unwrap_or(settings.requests)),
            logins: Logins::default(),
            ca_file,
            client: Mutex::default(),
            troubles: AtomicU32::new(0),
            quiet_key: format!("{scheme} {name}"),
            name: name.to_owned(),
        })
    }

    /// What images call the host of a URL.
    pub(super) fn name_of(url: &Url) -> String {
        let host = url.host_str().unwrap_or_default();
        match url.port() {
            Some(port) => format!("{host}:{port}"),
            None if host == HUB.1 => HUB.0.to_owned(),
            None => host.to_owned(),
        }
    }

    /// The client. The file with authorities is read at each use, since it is renewed while we run.
    pub(super) fn client(&self) -> Result<Client, RegistryError> {
        let pem = match &self.ca_file {
            Some(path) => read_text(Path::new(path)).map_err(|why| self.authorities(path, why))?.into_bytes(),
            None => Vec::new(),
        };
        let mut known = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((trusted, client)) = &*known
            && *trusted == pem
        {
            return Ok(client.clone());
        }
        let client = self.build(&pem)?;
        *known = Some((pem, client.clone()));
        Ok(client)
    }

    fn build(&self, pem: &[u8]) -> Result<Client, RegistryError> {
        crate::install_tls();
        // Redirects are followed by hand: who asks knows to whom credentials may go.
        let mut builder = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(Policy::none())
            .user_agent(concat!("promoter/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = &self.ca_file {
            let trusted = Certificate::from_pem_bundle(pem)
                .map_err(|_| self.authorities(path, "holds no certificates in PEM".into()))?;
            if trusted.is_empty() {
                return Err(self.authorities(path, "holds no certificates in PEM".into()));
            }
            builder = builder.tls_certs_merge(trusted);
        }
        if self.base.scheme() == "http" && is_loopback(&self.base) {
            builder = builder.no_proxy();
        }
        builder.build().map_err(|error| self.unreachable(crate::checks::innermost(&error)))
    }

    fn authorities(&self, path: &str, why: String) -> RegistryError {
        RegistryError::Authorities { host: self.name.clone(), path: path.to_owned(), why }
    }

    pub(super) fn unreachable(&self, why: impl Into<String>) -> RegistryError {
        RegistryError::Unreachable { host: self.name.clone(), why: why.into() }
    }

    pub(super) fn protocol(&self, why: impl Into<String>) -> RegistryError {
        RegistryError::Protocol { host: self.name.clone(), why: why.into() }
    }

    /// The error while it wants to be left alone.
    pub(super) fn may_be_asked(&self, now: SystemTime) -> Result<(), RegistryError> {
        match quiet::asked(&self.quiet_key, now) {
            None => Ok(()),
            Some((until, answer)) => Err(self.later(answer, until)),
        }
    }

    /// Leaves it alone as long as it wants, or ever longer when it names no time.
    pub(super) fn leave_alone(
        &self,
        retry_after: Option<&str>,
        answer: String,
        now: SystemTime,
    ) -> RegistryError {
        if let Some(until) = retry_after.and_then(|it| quiet::note(&self.quiet_key, it, &answer, now)) {
            return self.later(answer, until);
        }
        // Questions that were on their way together have one answer.
        if let Some((until, answer)) = quiet::asked(&self.quiet_key, now) {
            return self.later(answer, until);
        }
        let times = self.troubles.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let until = quiet::back_off(&self.quiet_key, times, &answer, now);
        self.later(answer, until)
    }

    /// It answers.
    pub(super) fn is_well(&self) {
        self.troubles.store(0, Ordering::Relaxed);
    }

    fn later(&self, answer: String, until: UnixSeconds) -> RegistryError {
        RegistryError::Later { host: self.name.clone(), answer, until }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host.parse::<std::net::Ipv4Addr>().is_ok_and(|it| it.is_loopback()),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_asked_where_they_answer() {
        let plain = HostSettings { plain_http: true, ..HostSettings::default() };
        let settings = RegistrySettings {
            hosts: [("localhost:5000".to_owned(), plain)].into(),
            ..RegistrySettings::default()
        };
        for (name, base) in [
            ("docker.io", "https://registry-1.docker.io/"),
            ("ghcr.io", "https://ghcr.io/"),
            ("localhost:5000", "http://localhost:5000/"),
            ("localhost:5001", "https://localhost:5001/"),
            ("[::1]:5000", "https://[::1]:5000/"),
        ] {
            let host = Host::new(name, &settings).unwrap();
            assert_eq!(host.base.as_str(), base);
            assert_eq!(Host::name_of(&host.base), name, "settings and turns are found by the URL, too");
        }
    }
}
