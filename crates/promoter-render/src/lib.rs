//! Pins in, verified manifests out: `resolve → load → render → verify`, used by the plugin, the controller and the
//! command alike.
//!
//! Decides which lock holds for an Application, what is in its source, how pins reach the manifests and what is
//! refused. Pure given a [`World`], the only door to commits and charts; kustomize itself is `promoter-kustomize`.

mod error;
pub mod hydrate;
mod images;
mod manifests;
mod pins;
mod plain;
mod render;
mod request;
mod served;
mod source;
mod verify;
mod without_locks;
mod world;

pub use error::{PinsError, RenderError, SourceError, VerifyError, build_diagnosis, build_error};
pub use images::images_of;
pub use manifests::{Manifests, Object};
pub use pins::{Chosen, Pins, Rules, resolve};
pub use render::{answer, answer_pins, hydrated, live, render};
pub use request::{Cluster, Limits, MODES, Mode, Parameters};
pub use served::{MANIFEST_FILE, first_difference, read_manifest, serve};
pub use source::{SourceKind, Sources, load};
pub use verify::{Hydrated, Verified, verify};
pub use world::{ChartCall, ChartPin, PinnedSource, Step, World};

/// The renderer's name and version as a lock's `render.engine` says it.
pub const ENGINE: &str = concat!("promoter/", env!("CARGO_PKG_VERSION"));
