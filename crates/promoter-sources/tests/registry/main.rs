//! The client of registries against real ones, with a proxy before them that counts and breaks.

#![expect(clippy::unwrap_used, reason = "a failed test panics")]

mod attached;
mod hostile;
mod images;
mod listing;
mod logins;
mod mirrors;
mod trouble;
mod ways;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use promoter_core::Repository;
use promoter_core::registries::{HostSettings, RegistrySettings, RequestBound};
use promoter_sources::registry::{ErrorKind, Registries, RegistryConfig, RegistryError};

/// When an image of a test was built.
const BUILT: &str = "2026-03-01T09:00:00Z";
/// The same in seconds.
const BUILT_SECONDS: i64 = 1_772_355_600;

/// A client to be, and its clock.
#[derive(Clone)]
struct Setup {
    config: RegistryConfig,
    seconds: Arc<AtomicU64>,
    cache: Option<PathBuf>,
}

impl Setup {
    /// One that may speak plain http with some hosts, as fast as it can.
    fn new(hosts: &[&str]) -> Self {
        let requests = RequestBound { in_flight: 20, per_second: 10_000 };
        let plain = || HostSettings { plain_http: true, ..HostSettings::default() };
        let hosts: BTreeMap<String, HostSettings> =
            hosts.iter().map(|it| ((*it).to_owned(), plain())).collect();
        let seconds = Arc::new(AtomicU64::new(0));
        let passed = seconds.clone();
        let start = SystemTime::now();
        let config = RegistryConfig {
            settings: RegistrySettings { requests, hosts },
            credentials_file: None,
            attempt_timeout: Duration::from_secs(60),
            clock: Arc::new(move || start + Duration::from_secs(passed.load(Ordering::Relaxed))),
        };
        Self { config, seconds, cache: None }
    }

    fn with_credentials(mut self, file: &Path) -> Self {
        self.config.credentials_file = Some(file.to_owned());
        self
    }

    fn with_cache(mut self, directory: &Path) -> Self {
        self.cache = Some(directory.to_owned());
        self
    }

    /// The settings of a host.
    fn host(&mut self, name: &str) -> &mut HostSettings {
        self.config.settings.hosts.entry(name.to_owned()).or_default()
    }

    /// A client that knows nothing yet.
    fn client(&self) -> Registries {
        Registries::new(self.config.clone(), self.cache.clone()).unwrap()
    }

    /// Time goes on.
    fn pass(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }
}

fn repository(host: &str, path: &str) -> Repository {
    format!("{host}/{path}").parse().unwrap()
}

/// Kind and code of an error.
fn said<T: std::fmt::Debug>(answer: Result<T, RegistryError>) -> (ErrorKind, &'static str) {
    let error = answer.unwrap_err();
    (error.kind(), error.diagnosis().code)
}
