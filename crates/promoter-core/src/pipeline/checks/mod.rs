//! Checks: what is asked of an environment after a merge, or of a proposal before it, and how often.
//!
//! Here is what a check is. `read` turns text into it. Who asks is the controller's business, and what the answers mean
//! is decided in [`crate::verification`].

mod read;

pub(super) use read::{ObjectName, address_error, below, check, checks, is_token, word_hint};

use super::JobProbe;
use super::analysis::{AnalysisProbe, BrokenProbe};
use crate::{Digest, Name, Place, Seconds};

/// One question, repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Where it stands.
    pub at: Place,
    /// What words call it; its kind when it has none.
    pub name: Option<Name>,
    /// Tells it from every check that asks something else, or at another pace.
    pub id: CheckId,
    /// How often it is asked.
    pub pace: Pace,
    /// What is asked.
    pub probe: Probe,
}

impl Check {
    pub(super) fn new(at: Place, name: Option<Name>, pace: Pace, probe: Probe) -> Self {
        let id = CheckId(Digest::of(format!("{name:?} {pace:?} {probe:?}").as_bytes()));
        Self { at, name, id, pace, probe }
    }

    /// Its name, or its kind.
    pub fn title(&self) -> &str {
        self.name.as_ref().map_or(self.probe.kind(), Name::as_str)
    }
}

/// Tells checks apart within one process: what was measured belongs to the check as it was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CheckId(Digest);

/// How often a check is asked, and how many answers count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// Time between two measurements; `10s` by default.
    pub interval: Seconds,
    /// Passes in a row that make the check pass; 1 by default.
    pub count: u32,
    /// Failures in a row that it bears; one more makes it fail. 0 by default.
    pub failure_limit: u32,
    /// For one measurement; `10s` by default.
    pub timeout: Seconds,
    /// Time between the promotion, or the proposal, and the first measurement; none by default.
    pub initial_delay: Seconds,
    /// Which answers are counted.
    pub counting: Counting,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            interval: Seconds(10),
            count: 1,
            failure_limit: 0,
            timeout: Seconds(10),
            initial_delay: Seconds(0),
            counting: Counting::InARow,
        }
    }
}

/// Which answers of a check are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Counting {
    /// `count` passes in a row pass, more than `failure_limit` failures in a row fail.
    #[default]
    InARow,
    /// As one run of Argo Rollouts' analysis counts: of the last `count` answers no more than `failure_limit` may be
    /// failures.
    OfLast,
    /// None: it is measured, and decides nothing.
    Never,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// A URL.
    Http(HttpProbe),
    /// A Prometheus server.
    Prometheus(PrometheusProbe),
    /// A program on the controller's machine.
    Command(CommandProbe),
    /// Argo CD's Applications.
    ArgoCd(ArgoCdProbe),
    /// A metric of an AnalysisTemplate of Argo Rollouts.
    Analysis(Box<AnalysisProbe>),
    /// A Job of Kubernetes.
    Job(Box<JobProbe>),
    /// Nothing: what it names cannot be used.
    Broken(BrokenProbe),
}

impl Probe {
    /// The word for it in promoter.yaml.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Prometheus(_) => "prometheus",
            Self::Command(_) => "command",
            Self::ArgoCd(_) => "argocd",
            Self::Analysis(_) => "analysisTemplate",
            Self::Job(_) => "job",
            Self::Broken(probe) => probe.kind,
        }
    }

    /// The expression that judges its answer, where there is one, and the variables that it may use.
    pub fn expectation(&self) -> Option<(&str, &'static [&'static str])> {
        match self {
            Self::Http(probe) => Some((&probe.expect, &["status", "headers", "json"])),
            Self::Prometheus(probe) => Some((&probe.expect, &["value", "values", "empty"])),
            Self::Command(_) | Self::ArgoCd(_) | Self::Analysis(_) | Self::Job(_) | Self::Broken(_) => None,
        }
    }
}

/// An HTTP server, and what it wants to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `http://` or `https://`.
    pub url: String,
    /// Names and values in the order of the file.
    pub headers: Vec<(String, String)>,
    /// Headers with values that nobody may read here.
    pub headers_from: Vec<SecretHeader>,
    /// Certificates that are trusted besides the system's: a file below the controller's directory of secrets.
    pub ca_file: Option<SecretPath>,
}

/// A header whose value is a file's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretHeader {
    /// The header's name.
    pub name: String,
    /// The file with its value.
    pub file: SecretPath,
    /// What stands before the value, such as `Bearer `.
    pub prefix: String,
}

/// A file below the directory of secrets that the controller was started with: relative, and leading nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretPath(String);

impl SecretPath {
    /// The path, relative to the directory.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for SecretPath {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let sound = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(char::is_control);
        match text.split('/').all(sound) {
            true => Ok(Self(text.into())),
            false => Err("it is no path below the directory of secrets"),
        }
    }
}

/// One HTTP request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpProbe {
    /// Whom it asks.
    pub endpoint: Endpoint,
    /// `GET` by default.
    pub method: String,
    /// What is sent; nothing by default.
    pub body: Option<String>,
    /// A CEL expression over `status`, `headers` and `json`; evaluated elsewhere. `status == 200` by default.
    pub expect: String,
}

/// One instant query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrometheusProbe {
    /// The server: what stands before `/api/v1/query`.
    pub endpoint: Endpoint,
    /// PromQL.
    pub query: String,
    /// A CEL expression over `value`, `values` and `empty`; evaluated elsewhere.
    pub expect: String,
}

/// One run of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandProbe {
    /// The program and its arguments; no shell reads them. Not empty.
    pub run: Vec<String>,
    /// Variables besides those that promoter sets.
    pub variables: Vec<(String, String)>,
}

/// Argo CD's Applications that run an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgoCdProbe {
    /// A label selector as Kubernetes reads it; absent where a name is given.
    pub selector: Option<String>,
    /// The name of one Application.
    pub name: Option<String>,
    /// Their namespace; `argocd` by default.
    pub namespace: String,
    /// The context of the controller's kubeconfig that leads to Argo CD's cluster; its current one by default.
    pub cluster: Option<String>,
}
