//! Everything that decides: freight, locks, pipelines, gates, observation and plan. Pure: no clock, disk or network.

mod alias;
mod diagnosis;
pub mod discovery;
pub mod eligibility;
pub mod expression;
pub mod facts;
mod fields;
mod freight;
pub mod gate;
pub mod history;
mod id;
mod image;
mod line;
mod lock;
pub mod observation;
pub mod pipeline;
pub mod plan;
pub mod policy;
pub mod record;
pub mod registries;
mod seconds;
mod setting;
pub mod signature;
pub mod sim;
mod url;
pub mod verification;
pub mod window;

pub use diagnosis::{Diagnosis, Fault, Place};
pub use freight::{Artifact, Change, Content, Freight, FreightError, FreightId, Origin};
pub use id::{ChartVersion, CommitId, Digest, ImageDigest, ImageTag, Name, NotA, UnixSeconds};
pub use image::{ImageError, ImageRef, PinnedImage, Repository};
pub use line::one_line;
pub use lock::{Found, Hold, LOCK_FILE, LockError, LockVersion, Promotion, PromotionLock, Render, Stale};
pub use seconds::Seconds;
pub use setting::{Setting, SettingError};
pub use url::{ChartUrl, GitUrl, UrlError};
