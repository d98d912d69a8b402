//! What stands in a source directory.

use std::fmt;
use std::sync::Arc;

use promoter_kustomize::{FileKind, Files};

use crate::without_locks::WithoutLocks;
use crate::{PinnedSource, Pins, Rules, SourceError, World};

/// The files that make a directory a kustomization.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// How a source becomes manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// A kustomization file is there.
    Kustomize,
    /// A `Chart.yaml` is there, and no kustomization.
    Chart,
    /// Neither: the folder's own YAML and JSON files.
    Plain,
}

/// The second value of the street: a tree, the directory to render in it, and what holds for the result.
#[derive(Clone)]
pub struct Sources {
    /// The whole tree, without lockfiles: bases may lie outside of the directory.
    pub tree: Arc<dyn Files>,
    /// The directory.
    pub path: String,
    /// What stands in it.
    pub kind: SourceKind,
    /// What holds for the result.
    pub rules: Rules,
}

/// Opens the tree of the pinned commit and looks at what is in the source directory.
pub fn load(pins: &Pins, world: &dyn World) -> Result<Sources, SourceError> {
    let PinnedSource { commit, path, .. } = &pins.source;
    let tree = world.tree(&pins.source).map_err(SourceError::World)?;
    if tree.kind(path) != Some(FileKind::Directory) {
        return Err(SourceError::SourceMissing { path: path.clone(), commit: Some(commit.to_string()) });
    }
    Sources::at(tree, path, pins.rules.clone())
}

impl Sources {
    /// A directory of a tree that is at hand. `rules` is the default for a source without a lock.
    pub fn at(tree: Arc<dyn Files>, path: &str, rules: Rules) -> Result<Self, SourceError> {
        if tree.kind(path) != Some(FileKind::Directory) {
            return Err(SourceError::SourceMissing { path: path.into(), commit: None });
        }
        let kind = kind(&*tree, path);
        let tree = Arc::new(WithoutLocks(tree));
        Ok(Self { tree, path: path.into(), kind, rules })
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("path", &self.path).field("kind", &self.kind).finish_non_exhaustive()
    }
}

fn kind(tree: &dyn Files, path: &str) -> SourceKind {
    let has = |name: &str| {
        let file = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        tree.kind(&file) == Some(FileKind::File)
    };
    if KUSTOMIZATIONS.iter().any(|it| has(it)) {
        SourceKind::Kustomize
    } else if has("Chart.yaml") {
        SourceKind::Chart
    } else {
        SourceKind::Plain
    }
}
