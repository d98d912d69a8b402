//! What is looked at: the files of one tree with its pipelines, wherever the tree is.

use super::walk::{self, Walked};
use crate::bases::BaseOptions;
use crate::commands::render::Local;
use crate::commands::repository::{RepositoryOptions, git};
use crate::tree::InRepository;
use promoter_controller::check;
use promoter_controller::repository::Repository;
use promoter_core::pipeline::{Layout, Pipeline, check_together, read_beside};
use promoter_core::{Diagnosis, GitUrl};
use promoter_kustomize::Files;
use promoter_render::World;
use promoter_sources::disk::{DiskFiles, DiskLimits};
use std::path::Path;
use std::sync::Arc;

/// One tree.
pub(super) struct Ground {
    /// Its files, from the root of the repository.
    pub(super) files: Arc<dyn Files>,
    /// What renders take from the world.
    pub(super) world: Box<dyn World>,
    /// The branch that people write.
    pub(super) dry_branch: String,
    /// The repository that Applications name, where it is known.
    pub(super) repository: Option<GitUrl>,
    /// The pipelines under the policy, as far as the policy is known.
    pub(super) pipelines: Vec<Pipeline>,
    /// What is wrong with the pipelines' files.
    pub(super) findings: Vec<Diagnosis>,
    /// Applications and overrides.
    pub(super) walked: Walked,
}

impl Ground {
    /// The dry branch of a repository, and the folders that its environments run.
    pub(super) fn of_repository(options: &RepositoryOptions) -> Result<Self, Diagnosis> {
        let mut person = options.person()?;
        let seen = person.observe_unrendered()?;
        let repository: Repository = person.repository().clone();
        let (dry_branch, head) = seen.refs.dry.clone().ok_or_else(|| {
            Diagnosis::input("dry-branch-missing", "there is no dry branch")
                .hint("push a first commit, or name another branch with `--branch`")
        })?;
        let files: Arc<dyn Files> =
            Arc::new(repository.cache.tree(&head, "").map_err(|error| error.diagnosis())?);
        let mut walked = walk::walk(&*files, "");
        let pipelines: Vec<Pipeline> = seen.pipelines.iter().map(|(it, _)| (**it).clone()).collect();
        for environment in
            pipelines.iter().filter(|it| it.layout == Layout::Branches).flat_map(|it| &it.environments)
        {
            let Some(head) = seen.refs.branch(&environment.active_branch) else { continue };
            for part in environment.parts.iter() {
                // A branch that cannot be read is a finding of the look already.
                if let Ok(tree) = repository.cache.tree(head, part.folder()) {
                    walked.overrides.extend(walk::overrides(
                        &tree,
                        part.folder(),
                        &environment.active_branch,
                    ));
                }
            }
        }
        let url = repository.url.clone();
        Ok(Self {
            files,
            world: Box::new(repository),
            dry_branch,
            repository: Some(url),
            pipelines,
            findings: seen.findings,
            walked,
        })
    }

    /// A directory of this machine. Asks no server.
    pub(super) fn of_directory(directory: &Path, options: &RepositoryOptions) -> Result<Self, Diagnosis> {
        let place = InRepository::of(directory)?;
        let (files, top): (Arc<dyn Files>, &str) = match &place.dot_git {
            Some(_) => (Arc::<DiskFiles>::clone(&place.files), &place.directory),
            None => (Arc::new(alone(directory)?), ""),
        };
        let walked = walk::walk(&*files, top);
        let dry_branch = options.branch().map_or_else(|| branch_of(directory), str::to_owned);
        let (mut pipelines, mut findings) = (Vec::new(), Vec::new());
        for path in &walked.pipelines {
            match read(&*files, &dry_branch, path) {
                Ok(read) => pipelines.extend(read),
                Err(diagnosis) => findings.push(diagnosis),
            }
        }
        if let Err(error) = check_together(&pipelines) {
            findings.push(error.diagnosis());
        }
        findings.extend(pipelines.iter().flat_map(check::findings));
        let bases = BaseOptions::of_environment()?;
        let world = Local::new(options.helm(), place.dot_git, bases, options.registries()?);
        let origin = git(&["-C", &directory.to_string_lossy(), "config", "--get", "remote.origin.url"]);
        let repository = origin.and_then(|it| it.parse().ok());
        Ok(Self { files, world: Box::new(world), dry_branch, repository, pipelines, findings, walked })
    }

    /// True when an Application's source is in this repository, or may be.
    pub(super) fn is_own(&self, url: &str) -> bool {
        let (Some(own), Ok(url)) = (&self.repository, url.parse::<GitUrl>()) else { return true };
        // Where a repository lies on this machine, Applications know it by another address.
        let own = own.normal();
        own.starts_with('/') || own == url.normal()
    }
}

/// A directory that is in no repository: nothing else of the disk is looked at.
fn alone(directory: &Path) -> Result<DiskFiles, Diagnosis> {
    DiskFiles::open(directory, DiskLimits::default()).map_err(|error| {
        Diagnosis::input("file-failed", format!("`{}` cannot be read: {error}", directory.display()))
    })
}

fn read(files: &dyn Files, dry_branch: &str, path: &str) -> Result<Vec<Pipeline>, Diagnosis> {
    let text = |path: &str| {
        let bytes = files.read(path).map_err(|error| error.to_string())?;
        String::from_utf8(bytes.to_vec()).map_err(|_| "is not UTF-8".to_owned())
    };
    let own = text(path)
        .map_err(|why| Diagnosis::input("file-failed", format!("`{path}` cannot be read: {why}")))?;
    read_beside(dry_branch, path, &own, &|path| text(path)).map_err(|error| error.diagnosis())
}

/// The branch that people write: what the remote says, or the one that is checked out where there is no remote.
fn branch_of(directory: &Path) -> String {
    let directory = directory.to_string_lossy();
    let ask = |arguments: &[&str]| git(&[&["-C", &directory], arguments].concat());
    let remote = ask(&["symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"]);
    let remote = remote.and_then(|it| it.strip_prefix("origin/").map(str::to_owned));
    let own = || {
        let has_origin = ask(&["config", "--get", "remote.origin.url"]).is_some();
        ask(&["symbolic-ref", "--quiet", "--short", "HEAD"]).filter(|_| !has_origin)
    };
    remote.or_else(own).unwrap_or_else(|| "main".into())
}
