//! How commands reach a repository, and as whom.

use super::signing::PersonSigning;
use crate::edge;
use clap::Args;
use promoter_controller::observe::Seen;
use promoter_controller::options::AccessOptions;
use promoter_controller::people::{Person, Where};
use promoter_controller::repository::Repository;
use promoter_controller::settings::Identity;
use promoter_core::{Diagnosis, Name};
use promoter_sources::clients::RegistryAccess;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// The repository that a command works on.
#[derive(Debug, Args)]
pub(crate) struct RepositoryOptions {
    /// Repository; by default the `origin` of the one you stand in, or that one itself
    #[arg(long, value_name = "URL", env = "PROMOTER_REPO")]
    repo: Option<String>,
    /// Pipeline, where the repository has several
    #[arg(long, value_name = "NAME")]
    pub(super) pipeline: Option<Name>,
    #[command(flatten)]
    access: AccessOptions,
}

impl RepositoryOptions {
    /// Opens the repository.
    pub(crate) fn open(&self) -> Result<Repository, Diagnosis> {
        promoter_sources::install_tls();
        let repo = match &self.repo {
            Some(repo) => repo.clone(),
            None => here()?,
        };
        let access = self.access.clone().of_a_person();
        Repository::open(access.settings(&repo, identity(), access.registries()?)?)
    }

    /// The dry branch, if it was said.
    pub(crate) fn branch(&self) -> Option<&str> {
        self.access.branch.as_deref()
    }

    /// The helm to run for charts.
    pub(crate) fn helm(&self) -> &Path {
        &self.access.helm
    }

    /// How registries are reached.
    pub(crate) fn registries(&self) -> Result<RegistryAccess, Diagnosis> {
        self.access.registries()
    }

    /// A person at work on it.
    pub(crate) fn person(&self) -> Result<Person, Diagnosis> {
        self.open().map(Person::new)
    }

    /// A person who writes to it.
    pub(crate) fn writer(&self, signing: &PersonSigning) -> Result<Person, Diagnosis> {
        let repository = self.open()?.signed_by(signing.key()?.map(Arc::new));
        if let Some(doubt) = repository.doubt() {
            edge::say(&doubt);
        }
        Ok(Person::new(repository))
    }

    /// An environment of it.
    pub(crate) fn at<'a>(&'a self, environment: &'a Name) -> Where<'a> {
        Where { pipeline: self.pipeline.as_ref(), environment }
    }

    /// Leaves only the pipeline that was asked for, if one was.
    pub(crate) fn only(&self, mut seen: Seen) -> Result<Seen, Diagnosis> {
        if let Some(name) = &self.pipeline {
            seen.pipelines.retain(|(it, _)| it.name == *name);
            if seen.pipelines.is_empty() {
                return Err(Diagnosis::input("pipeline-unknown", format!("there is no pipeline `{name}`"))
                    .hint("`promoter status` lists the pipelines"));
            }
        }
        Ok(seen)
    }
}

/// The repository that one stands in: its `origin`, since that is what Argo CD and the controller see.
fn here() -> Result<String, Diagnosis> {
    let own = git(&["rev-parse", "--absolute-git-dir"]).ok_or_else(|| {
        Diagnosis::input("repo-missing", "this is no git repository").hint("name one with `--repo`")
    })?;
    let Some(origin) = git(&["config", "--get", "remote.origin.url"]) else {
        return Ok(own);
    };
    // A path counts from the top of the work tree, wherever in it one stands.
    let top = git(&["rev-parse", "--show-toplevel"]).unwrap_or(own);
    let path = Path::new(&top).join(&origin).canonicalize();
    Ok(path.map_or(origin, |it| it.display().to_string()))
}

/// Who git says we are; people are named by their mail address.
fn identity() -> Identity {
    let unknown = Identity::default();
    Identity {
        name: git(&["config", "--get", "user.name"]).unwrap_or(unknown.name),
        email: git(&["config", "--get", "user.email"]).unwrap_or(unknown.email),
    }
}

/// What the installed git answers to a question about the repository one stands in, or its configuration; `None` when it
/// has no answer.
pub(super) fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|it| it.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}
