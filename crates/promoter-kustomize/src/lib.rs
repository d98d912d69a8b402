//! kustomize as a pure function: a tree of files in, resources out, byte for byte as kustomize v5.8.1.
//!
//! Decides what a kustomization means. Leaves to others where files come from ([`Files`]) and how helm is run
//! and other repositories are fetched ([`Externals`]). Knows no promoter words.
//!
//! What kustomize builds, this builds to the same bytes, or refuses with a reason: what can change without a change of
//! the tree (bases in other repositories that are not pinned by commit, files on the web), a program or a container
//! (functions), a random name (charts without `releaseName`), or what leaves the tree (absolute paths). A ConfigMap
//! file that begins with a tab, on which kustomize fails by accident, is built, and where its own output is not the
//! same every time, this one is.
//!
//! ```
//! use promoter_kustomize::{MemoryFiles, NoExternals, Options, build};
//!
//! let files = MemoryFiles::from_entries([
//!     ("base/kustomization.yaml", "resources: [web.yaml]"),
//!     ("base/web.yaml", "{apiVersion: v1, kind: Service, metadata: {name: web}}"),
//!     ("prod/kustomization.yaml", "{resources: [../base], namespace: shop, nameSuffix: -prod}"),
//! ])?;
//! let built = build(&files, "prod", &Options::default(), &NoExternals)?;
//! assert_eq!(
//!     built.to_yaml()?,
//!     "apiVersion: v1\nkind: Service\nmetadata:\n  name: web-prod\n  namespace: shop\n"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A tree that is not in memory implements [`Files`]; `examples/build.rs` does so for the disk. What a build cannot do,
//! it says in one line with file, line and what to do:
//!
//! ```
//! # use promoter_kustomize::{MemoryFiles, NoExternals, Options, build};
//! let files = MemoryFiles::from_entries([("kustomization.yaml", "resources:\n- web.yaml\n")])?;
//! let error = build(&files, "", &Options::default(), &NoExternals).unwrap_err();
//! assert_eq!((error.code, error.path.as_deref(), error.line), ("kustomize-missing", Some("kustomization.yaml"), 2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! No input makes it panic, and none makes it run without end: sizes, depths and the work of copying are bounded.
//!
//! The street: `loader` finds files, `kustomization` reads them, `accumulate` works through one kustomization after the
//! other (`generate`, `prepare`, `transform`, `plugin`), `finish` does what must wait until everything is together.

mod accumulate;
mod config;
mod configuration;
mod error;
mod field;
mod field_path;
mod files;
mod finish;
mod generate;
mod id;
mod kustomization;
mod loader;
mod memory;
mod name_reference;
mod number;
mod order;
mod origin;
mod output;
mod patch;
mod pattern;
mod plugin;
mod prepare;
mod read;
mod repository;
mod resmap;
mod resource;
mod shared;
mod size;
mod suggest;
mod tables;
mod transform;
mod tree;
mod variables;

pub use error::BuildError;
pub use files::{FileError, FileKind, Files, normalise};
pub use memory::MemoryFiles;

use std::sync::Arc;

use promoter_yaml::Node;

use accumulate::{Accumulator, Shared, Target};
use loader::Loader;
use output::Sources;
use patch::schema::{Builtin, Schema};
use repository::Repository;

/// Which files a kustomization may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum LoadRestrictor {
    /// Only files in or below its own directory (directories may be anywhere in the tree).
    #[default]
    RootOnly,
    /// Any file of the tree.
    None,
}

/// How the result is ordered when the top kustomization does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Reorder {
    /// kustomize's own order of kinds.
    #[default]
    Legacy,
    /// The order of appearance.
    None,
}

/// What the command line of `kustomize build` can say. `Options::default()` is a command line without flags.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Options {
    /// `--load-restrictor`.
    pub load_restrictor: LoadRestrictor,
    /// `--reorder`.
    pub reorder: Reorder,
    /// `--enable-helm`.
    pub enable_helm: bool,
    /// `--enable-managedby-label`, as `managedByLabel` in `buildMetadata` of the top kustomization.
    pub managed_by_label: bool,
}

impl Options {
    /// The same with `--load-restrictor`.
    #[must_use]
    pub fn with_load_restrictor(mut self, load_restrictor: LoadRestrictor) -> Self {
        self.load_restrictor = load_restrictor;
        self
    }

    /// The same with `--reorder`.
    #[must_use]
    pub fn with_reorder(mut self, reorder: Reorder) -> Self {
        self.reorder = reorder;
        self
    }

    /// The same with `--enable-helm`, or without.
    #[must_use]
    pub fn with_helm(mut self, enable_helm: bool) -> Self {
        self.enable_helm = enable_helm;
        self
    }

    /// The same with `--enable-managedby-label`, or without.
    #[must_use]
    pub fn with_managed_by_label(mut self, managed_by_label: bool) -> Self {
        self.managed_by_label = managed_by_label;
        self
    }
}

/// One chart to render, as `helmCharts` asks for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
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

impl ChartRequest {
    /// Asks for a chart as a release, everything else as the chart has it.
    pub fn new(name: impl Into<String>, release_name: impl Into<String>) -> Self {
        Self { name: name.into(), release_name: release_name.into(), ..Self::default() }
    }
}

/// What the engine asks of the outside besides files.
pub trait Externals {
    /// Renders a chart to a YAML stream. The error is handed up with the place of the entry added; `upstream` in it
    /// says that trying again may help.
    fn template(&self, files: &dyn Files, request: &ChartRequest) -> Result<String, BuildError>;

    /// Opens a git repository at a commit: the whole tree, from the repository's root.
    ///
    /// `url` is what git would be given, in any form that it takes; `commit` is a full id in lower case, of 40 digits or
    /// of the 64 that repositories with SHA-256 have. The answer depends on the id alone, and an entry is never asked
    /// for without one. A build asks once for each repository and commit. The error is handed up with the place of the
    /// entry added; `upstream` in it says that trying again may help.
    ///
    /// Builds that stay offline leave this as it is: it refuses.
    fn repository(&self, url: &str, commit: &str) -> Result<Arc<dyn Files>, BuildError> {
        let message = format!("commit `{commit}` of `{url}` would be fetched, which this build does not do");
        Err(BuildError::new("kustomize-remote", message))
    }
}

/// A world with nothing in it but files: whatever a kustomization asks of it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NoExternals;

impl Externals for NoExternals {
    fn template(&self, _: &dyn Files, _: &ChartRequest) -> Result<String, BuildError> {
        Err(BuildError::new("kustomize-helm", "this build runs no helm"))
    }
}

/// What a build gives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Build {
    /// The resources in their final order.
    pub resources: Vec<Node>,
    /// Lines for stderr, as kustomize words them.
    pub warnings: Vec<String>,
    /// The file that each resource is from.
    sources: Sources,
}

/// Builds the kustomization in `directory` of the tree.
///
/// Errors: everything that kustomize refuses, and what a build that always gives the same cannot do; each names file
/// and line where one is to blame. A path in another repository is written `<url>@<short commit>//<path>`.
pub fn build(
    files: &dyn Files,
    directory: &str,
    options: &Options,
    externals: &dyn Externals,
) -> Result<Build, BuildError> {
    let top = Loader::top(files, options.load_restrictor, directory, externals);
    top.and_then(|it| run(it, options, externals)).map_err(BuildError::clipped)
}

/// Builds the kustomization that an address like `https://host/org/repo//directory?ref=<commit>` names.
///
/// Files are restricted to directories, whatever the options say. Errors: those of [`build`]; an address without the
/// full id of a commit.
pub fn build_repository(
    address: &str,
    options: &Options,
    externals: &dyn Externals,
) -> Result<Build, BuildError> {
    let top = Loader::top_of_repository(address, externals);
    top.and_then(|it| run(it, options, externals)).map_err(BuildError::clipped)
}

/// True for what kustomize takes for a directory of a git repository rather than for a path.
pub fn names_repository(text: &str) -> bool {
    Repository::parse(text).is_some()
}

fn run(loader: Loader<'_>, options: &Options, externals: &dyn Externals) -> Result<Build, BuildError> {
    let mut shared = Shared {
        options,
        externals,
        warnings: Vec::new(),
        schema: Schema::builtin(),
        schema_is_set: false,
        builtin_kinds: Builtin::Absent,
        track_origin: false,
    };
    let top = Target::top(loader, &mut shared)?;
    let sum = top.accumulate(Accumulator::default(), &mut shared)?;
    let resources = finish::finish(sum, &top.kustomization, &mut shared)?;
    let sources = Sources::of(&resources);
    let resources = resources.into_iter().map(|it| it.node).collect();
    Ok(Build { resources, warnings: shared.warnings, sources })
}

/// The example of the README is compiled and run with the others.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
