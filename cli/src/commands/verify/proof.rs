//! One folder of one commit, proved or not; and where the objects for that come from.

use promoter_controller::repository::Repository;
use promoter_core::{Content, Diagnosis, PromotionLock};
use promoter_kustomize::Files;
use promoter_render::hydrate::{Checked, DryCommit, check};
use promoter_render::{ChartCall, Limits, PinnedSource, World as RenderWorld};
use promoter_sources::git::{CommitInfo, RepoUrl, Scheme};
use std::sync::Arc;

/// The world of a repository that may be a copy: a bare clone holds the commits that its locks name by the address of
/// the repository that it was cloned from, and is enough where that one cannot be reached.
#[derive(Debug)]
pub(super) struct World<'a> {
    pub(super) repository: &'a Repository,
    /// True when the repository is on this machine, where asking for a commit that it may not have costs nothing.
    is_here: bool,
}

impl<'a> World<'a> {
    pub(super) fn new(repository: &'a Repository) -> Self {
        let is_here = repository.cache.remote().url.scheme() == Scheme::File;
        Self { repository, is_here }
    }

    /// Proves a folder.
    pub(super) fn check(&self, files: &dyn Files, folder: &str) -> Result<Checked, Diagnosis> {
        check(files, folder, |lock| self.dry(lock), &Limits::default(), self)
    }

    /// The commit that the lock pins, as its metadata tells of it.
    fn dry(&self, lock: &PromotionLock) -> Result<DryCommit, Diagnosis> {
        let commits = lock.freight.artifacts().iter().filter_map(|it| match &it.content {
            Content::Git { url, commit } if self.is_here || url.normal() == self.repository.url.normal() => {
                Some(commit)
            }
            _ => None,
        });
        let mut failed = None;
        for commit in commits {
            match self.repository.cache.commit(commit) {
                Ok(info) => return Ok(dry_commit(&info)),
                Err(error) => failed = Some(error.diagnosis()),
            }
        }
        failed.map_or_else(|| Ok(DryCommit::default()), Err)
    }
}

fn dry_commit(info: &CommitInfo) -> DryCommit {
    DryCommit::read(&format!("{} <{}>", info.author.name, info.author.email), &info.message)
}

impl RenderWorld for World<'_> {
    fn tree(&self, source: &PinnedSource) -> Result<Arc<dyn Files>, Diagnosis> {
        if self.is_here && source.url.normal() != self.repository.url.normal() {
            let elsewhere: Option<RepoUrl> = source.url.as_str().parse().ok();
            match self.repository.cache.tree(&source.commit, "") {
                Ok(tree) => return Ok(Arc::new(tree)),
                // Another directory of this machine is not looked into: the commit is simply not here.
                Err(error) if elsewhere.is_some_and(|it| it.scheme() == Scheme::File) => {
                    return Err(error.diagnosis());
                }
                Err(_) => {}
            }
        }
        RenderWorld::tree(self.repository, source)
    }

    fn template(&self, call: &ChartCall<'_>) -> Result<String, Diagnosis> {
        self.repository.template(call)
    }
}
