//! What a render of the plugin may read: the history in the request, the object cache, and charts.
//!
//! A pinned commit is taken from the request's `.git` if it is there, else from the object cache. Its id names its
//! content, so it does not matter which of the two had it; the error names both. Bases that kustomizations pin in other
//! repositories come from the object cache.

use std::sync::Arc;

use promoter_core::{CommitId, Diagnosis, GitUrl};
use promoter_kustomize::{FileError, FileKind, Files};
use promoter_render::{ChartCall, PinnedSource, Step, World};
use promoter_sources::git::{GitTree, Limits};
use promoter_sources::helm::{self, Helm};

use crate::engine::{Question, RequestGit};
use crate::git_access::GitAccess;
use crate::phases::{Phase, Phases};
use crate::place::Place;

/// The world of one request.
pub(crate) struct PluginWorld<'a> {
    pub(crate) git: &'a GitAccess,
    pub(crate) helm: &'a Helm,
    pub(crate) question: Question<'a>,
}

impl World for PluginWorld<'_> {
    fn tree(&self, source: &PinnedSource) -> Result<Arc<dyn Files>, Diagnosis> {
        self.question.stop.check()?;
        self.question.phases.through(Phase::Fetch, || {
            let in_request = match self.request_tree(&source.commit) {
                Ok(tree) => return Ok(tree),
                Err(why) => why,
            };
            self.question.stop.check()?;
            self.cached(source).map_err(|cache| Diagnosis {
                cause: format!("{}{}; and {in_request}", not_to_be_had(source, &cache), cache.cause),
                ..cache
            })
        })
    }

    fn base(&self, source: &PinnedSource) -> Result<Arc<dyn Files>, Diagnosis> {
        self.question.stop.check()?;
        // The history in a request is that of the Application's repository. Whoever does not say which one that is may
        // mean this one.
        let application = self.question.environment.get("ARGOCD_APP_SOURCE_REPO_URL");
        let application = application.and_then(|it| it.parse::<GitUrl>().ok());
        match application.is_none_or(|it| it.normal() == source.url.normal()) {
            true => self.tree(source),
            false => self.cached(source),
        }
    }

    fn template(&self, call: &ChartCall<'_>) -> Result<String, Diagnosis> {
        self.question.stop.check()?;
        let Question { phases, place, .. } = self.question;
        let around =
            |fetch: &dyn Fn() -> helm::Fetched| phases.through(Phase::Fetch, || place.waiting(phases, fetch));
        self.helm.template_fetching(call, &around)
    }

    fn begins(&self, step: Step) {
        self.question.phases.enter(match step {
            Step::Render => Phase::Render,
            Step::Verify => Phase::Verify,
        });
    }
}

impl PluginWorld<'_> {
    fn cached(&self, source: &PinnedSource) -> Result<Arc<dyn Files>, Diagnosis> {
        let phases = self.question.phases;
        let place = self.question.place;
        let ask = || place.waiting(phases, || self.git.tree(source, self.question.environment));
        let tree = phases.through(Phase::Fetch, ask)?;
        Ok(Arc::new(Fetched { tree, phases: phases.clone(), place: place.clone() }))
    }

    fn request_tree(&self, commit: &CommitId) -> Result<Arc<dyn Files>, String> {
        let limits = Limits::default();
        let tree = match self.question.git {
            RequestGit::Absent => return Err("the request holds no `.git`".into()),
            RequestGit::Disk(dot_git) => GitTree::from_dot_git(dot_git, commit, "", &limits),
            // For the length of a render; a deployment puts the directory for temporary files in memory.
            RequestGit::Memory(files) => {
                let scratch = std::env::temp_dir();
                GitTree::from_dot_git_files(files, ".git", &scratch, commit, "", &limits)
            }
        };
        match tree {
            Ok(tree) => Ok(Arc::new(tree)),
            Err(error) => Err(format!("in the request, {error}")),
        }
    }
}

/// Which commit it is about, where the cause does not say so itself.
fn not_to_be_had(source: &PinnedSource, cause: &Diagnosis) -> String {
    let commit = source.commit.as_str();
    match cause.cause.contains(commit) {
        true => String::new(),
        false => format!("pinned commit `{}` is not to be had: ", commit.get(..12).unwrap_or(commit)),
    }
}

/// A tree of the object cache: of large repositories files are fetched when they are read.
struct Fetched {
    tree: Arc<dyn Files>,
    phases: Phases,
    place: Place,
}

impl Files for Fetched {
    fn kind(&self, path: &str) -> Option<FileKind> {
        self.tree.kind(path)
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, FileError> {
        let before = self.phases.current();
        self.phases.enter(Phase::Fetch);
        let read = self.place.waiting(&self.phases, || self.tree.read(path));
        // What is not there, or is a directory, ends nothing.
        if !matches!(read, Err(FileError::Store(..))) {
            self.phases.enter(before);
        }
        read
    }

    fn list(&self, path: &str) -> Result<Vec<String>, FileError> {
        self.tree.list(path)
    }

    fn real_path(&self, path: &str) -> Result<String, FileError> {
        self.tree.real_path(path)
    }
}
