//! The lockfile of an environment, `promotion.lock.yaml`: everything that the environment runs, pinned.
//!
//! Here is its shape and what the fields mean. `read` turns text into it (strictly), `write` turns it into the one
//! canonical text, `edit` changes a found text as little as possible. Which freight an environment should hold is
//! the planner's decision, not the lock's.

mod edit;
mod error;
mod format;
mod read;
mod text;
mod write;

pub use error::{LockError, Stale};

// Records read and write freight as locks do.
pub(crate) use read::freight as read_freight;
pub(crate) use write::{artifact as write_artifact, flow, text as scalar};

use crate::{Digest, Freight, FreightId, Name, UnixSeconds};

/// The file's name in the Application's path.
pub const LOCK_FILE: &str = "promotion.lock.yaml";

/// The versions of the format that this build reads. A writer keeps the version that it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LockVersion {
    /// `promoter.dev/v1alpha1`.
    #[default]
    V1Alpha1,
}

impl LockVersion {
    /// The value of `apiVersion`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1Alpha1 => "promoter.dev/v1alpha1",
        }
    }
}

/// What one environment runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromotionLock {
    /// The format that it was read in, or is written in.
    pub version: LockVersion,
    /// The pipeline that it belongs to.
    pub pipeline: Name,
    /// The environment.
    pub environment: Name,
    /// What is pinned.
    pub freight: Freight,
    /// How it is rendered.
    pub render: Render,
    /// How the freight came here; absent in a lock written by hand.
    pub promotion: Option<Promotion>,
    /// Present while the environment stays as it is until a person releases it.
    pub hold: Option<Hold>,
}

impl PromotionLock {
    /// What keeps two locks from being those of apps that are promoted as one: `freight`, `promotion` or `hold`. `None` when
    /// all of it is the same.
    pub fn differs_from(&self, other: &Self) -> Option<&'static str> {
        if self.freight.id() != other.freight.id() {
            return Some("freight");
        }
        if self.promotion != other.promotion {
            return Some("promotion");
        }
        (self.hold != other.hold).then_some("hold")
    }
}

/// How an environment is rendered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Render {
    /// The directory to render in the pinned commit: relative to the repository's root, without `.` and `..`; the
    /// root itself is empty here and `.` in the file.
    pub source: String,
    /// SHA-256 of the bytes of `manifest.yaml` beside the lock; absent when nothing is hydrated.
    pub digest: Option<Digest>,
    /// The renderer that made it, like `promoter/0.1.0`.
    pub engine: Option<String>,
    /// Allows a render without any object.
    pub allow_empty: bool,
    /// Names of Secrets that may stand in the output with data; written sorted.
    pub allow_secrets: Vec<String>,
}

/// How freight came into an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promotion {
    /// The environment where it was before; absent for the first one.
    pub from: Option<Name>,
    /// The freight that this one replaced.
    pub previous: Option<FreightId>,
    /// When it was decided.
    pub at: UnixSeconds,
}

/// Why an environment stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// For people, one line.
    pub reason: String,
    /// Who holds it.
    pub by: String,
    /// Since when; people may leave it out.
    pub at: Option<UnixSeconds>,
}

/// A lock as read, before anyone insists that its id fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What the text says.
    pub lock: PromotionLock,
    /// What in the text no longer fits the rest of it; empty for a sound lock.
    pub stale: Vec<Stale>,
}
