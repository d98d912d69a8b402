//! What a render is asked: the closed list of parameters, the cluster's versions, the limits.

use std::fmt;
use std::str::FromStr;

use promoter_core::{Name, NotA};

/// Which manifests answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// The hydrated manifests if the lock has their digest, else a live render.
    #[default]
    Auto,
    /// A render of the pinned commit.
    Live,
    /// The manifests beside the lock.
    Hydrated,
    /// The manifests beside the lock, if a live render gives the same bytes.
    Verify,
}

/// The words of [`Mode`], for help texts and announcements.
pub const MODES: [&str; 4] = ["auto", "live", "hydrated", "verify"];

impl FromStr for Mode {
    type Err = NotA;

    fn from_str(text: &str) -> Result<Self, NotA> {
        match text {
            "auto" => Ok(Self::Auto),
            "live" => Ok(Self::Live),
            "hydrated" => Ok(Self::Hydrated),
            "verify" => Ok(Self::Verify),
            _ => Err(NotA {
                text: text.into(),
                wanted: "a render mode (`auto`, `live`, `hydrated`, `verify`)",
            }),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Live => "live",
            Self::Hydrated => "hydrated",
            Self::Verify => "verify",
        })
    }
}

/// What an Application may say about its render.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parameters {
    /// The environment that the lock must be for; unset takes what the lock says.
    pub environment: Option<Name>,
    /// The lock's path relative to the Application's path; unset is `promotion.lock.yaml`.
    pub lockfile: Option<String>,
    /// Which manifests answer.
    pub render: Mode,
}

/// What charts may ask about the cluster. Empty in the controller, so that hydrated output does not depend on one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cluster {
    /// `1.33.2`, without `v`.
    pub kube_version: Option<String>,
    /// `group/version` and `group/version/Kind`.
    pub api_versions: Vec<String>,
}

/// Bounds of one render.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of the output in any form.
    pub output_bytes_max: usize,
    /// Objects in the output.
    pub objects_max: usize,
    /// Bounds of each YAML text that is read.
    pub yaml: promoter_yaml::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self { output_bytes_max: 64 << 20, objects_max: 50_000, yaml: promoter_yaml::Limits::default() }
    }
}
