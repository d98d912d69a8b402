//! kustomize as a pure function: a tree of files in, resources out, byte for byte as kustomize v5.8.1.
//!
//! Decides what a kustomization means. Leaves to others where files come from ([`Files`]) and how helm is run
//! ([`Externals`]). Knows no promoter words.

mod files;
mod memory;
pub mod patch;

pub use files::{FileError, FileKind, Files, normalise};
pub use memory::MemoryFiles;
use promoter_yaml::Node;

/// Which files a kustomization may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LoadRestrictor {
    /// Only files in or below its own directory (directories may be anywhere in the tree).
    #[default]
    RootOnly,
    /// Any file of the tree.
    None,
}

/// How the result is ordered when the top kustomization does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reorder {
    /// kustomize's own order of kinds.
    #[default]
    Legacy,
    /// The order of appearance.
    None,
}

/// What the command line of `kustomize build` can say.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `--load-restrictor`.
    pub load_restrictor: LoadRestrictor,
    /// `--reorder`.
    pub reorder: Reorder,
    /// `--enable-helm`.
    pub enable_helm: bool,
}

/// One chart to render, as `helmCharts` asks for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChartRequest {
    /// Chart name; with `repo` the name in that repository.
    pub name: String,
    /// Directory of the unpacked chart in the tree, if it is there.
    pub directory: Option<String>,
    /// Repository URL.
    pub repo: Option<String>,
    /// Version.
    pub version: Option<String>,
    /// Release name.
    pub release_name: String,
    /// Release namespace.
    pub namespace: Option<String>,
    /// Values documents, later ones win.
    pub values: Vec<String>,
    /// Renders CRDs too.
    pub include_crds: bool,
    /// `--api-versions`.
    pub api_versions: Vec<String>,
    /// `--kube-version`.
    pub kube_version: Option<String>,
    /// Leaves hooks out.
    pub skip_hooks: bool,
    /// Leaves tests out.
    pub skip_tests: bool,
}

/// What the engine asks of the outside besides files.
pub trait Externals {
    /// Renders a chart to a YAML stream. The error is one line for the user.
    fn template(&self, files: &dyn Files, request: &ChartRequest) -> Result<String, String>;
}

/// Why a build failed: one line, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BuildError {
    /// What is wrong, cause first, values in backticks.
    pub message: String,
    /// The file in the tree, if one is to blame.
    pub path: Option<String>,
    /// Its line from 1, or 0.
    pub line: u32,
    /// What to do.
    pub hint: Option<String>,
    /// True when the store below the tree failed, so that trying again may help.
    pub upstream: bool,
}

/// What a build gives.
#[derive(Debug, Clone, Default)]
pub struct Build {
    /// The resources in their final order.
    pub resources: Vec<Node>,
    /// Lines for stderr, as kustomize words them.
    pub warnings: Vec<String>,
}

/// Builds the kustomization in `directory` of the tree.
pub fn build(
    files: &dyn Files,
    directory: &str,
    options: &Options,
    externals: &dyn Externals,
) -> Result<Build, BuildError> {
    let _ = (files, directory, options, externals);
    todo!("engine")
}
