//! What a render of the plugin may read: the history in the request, the object cache, and charts.
//!
//! A pinned commit is taken from the request's `.git` if it is there, else from the object cache. Its id names its
//! content, so it does not matter which of the two had it; the error names both. Bases that kustomizations pin in other
//! repositories come from the object cache.

use std::sync::Arc;

use promoter_core::{CommitId, Diagnosis, GitUrl};
use promoter_kustomize::Files;
use promoter_render::{ChartCall, PinnedSource, World};
use promoter_sources::git::{GitTree, Limits};
use promoter_sources::helm::Helm;

use crate::engine::{Question, RequestGit};
use crate::git_access::GitAccess;

/// The world of one request.
pub(crate) struct PluginWorld<'a> {
    pub(crate) git: &'a GitAccess,
    pub(crate) helm: &'a Helm,
    pub(crate) question: Question<'a>,
}

impl World for PluginWorld<'_> {
    fn tree(&self, source: &PinnedSource) -> Result<Arc<dyn Files>, Diagnosis> {
        self.question.stop.check()?;
        let in_request = match self.request_tree(&source.commit) {
            Ok(tree) => return Ok(tree),
            Err(why) => why,
        };
        self.question.stop.check()?;
        self.git.tree(source, self.question.environment).map_err(|cache| Diagnosis {
            cause: format!(
                "the pinned commit is in neither place: {in_request}; from elsewhere, {}",
                cache.cause
            ),
            ..cache
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
            false => self.git.tree(source, self.question.environment),
        }
    }

    fn template(&self, call: &ChartCall<'_>) -> Result<String, Diagnosis> {
        self.question.stop.check()?;
        self.helm.template(call)
    }
}

impl PluginWorld<'_> {
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
