//! How the registries of images and charts are reached, as one file says it for a whole installation.
//!
//! Values only. Who opens the file, and what is read from registries, is the business of the sources.

mod read;

pub use read::{RegistriesError, read};

use std::collections::BTreeMap;

/// What is known of registries besides what every client assumes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegistrySettings {
    /// The bound on requests to every host that sets none of its own.
    pub requests: RequestBound,
    /// By host as images name it, with its port: `docker.io`, `registry.example.com:5000`.
    pub hosts: BTreeMap<String, HostSettings>,
}

/// How one host is reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostSettings {
    /// True when it speaks http, so that whoever listens reads what is sent, credentials included.
    pub plain_http: bool,
    /// A file with the certificates (PEM) of authorities that are trusted for it, besides the machine's own.
    pub ca_file: Option<String>,
    /// Who is asked before it, in this order.
    pub mirrors: Vec<Mirror>,
    /// Its own bound on requests.
    pub requests: Option<RequestBound>,
}

/// A registry that holds copies of another one's repositories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// Its host, with its port. How it is reached is said by its own entry.
    pub host: String,
    /// What it puts before the path of each repository; empty for nothing.
    pub path: String,
    /// True when it is believed which tags there are and what they name now; else only what is asked by digest comes
    /// from it.
    pub tags: bool,
}

/// How many requests a host gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestBound {
    /// At one time.
    pub in_flight: u32,
    /// In a second, on average; as many again may come at once after a pause.
    pub per_second: u32,
}

impl Default for RequestBound {
    fn default() -> Self {
        Self { in_flight: 50, per_second: 500 }
    }
}
