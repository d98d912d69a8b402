//! `promoter verify`: proves that what environment branches hold is what their locks render to.

use super::repository::RepositoryOptions;
use crate::edge::{self, Outcome};
use clap::Args;
use promoter_controller::repository::Repository;
use promoter_core::{CommitId, Diagnosis, Fault, LOCK_FILE, PromotionLock};
use promoter_kustomize::{FileKind, Files};
use promoter_render::{
    Cluster, Limits, MANIFEST_FILE, Mode, Parameters, Pins, answer, first_difference, hydrated,
};

#[derive(Args)]
#[command(after_help = "Exit code 1: a branch holds something else than its lock renders to.")]
pub(crate) struct VerifyArguments {
    /// Branches, such as environment/prod
    #[arg(required = true, value_name = "BRANCH")]
    branches: Vec<String>,
    #[command(flatten)]
    repository: RepositoryOptions,
}

/// Renders every folder with a lock again and compares it with the manifests beside the lock.
pub(crate) fn run(arguments: &VerifyArguments) -> Result<Outcome, Diagnosis> {
    let repository = arguments.repository.open()?;
    let names: Vec<String> = arguments.branches.iter().map(|it| format!("refs/heads/{it}")).collect();
    let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    let refs = repository.cache.ls_refs(&wanted).map_err(|error| error.diagnosis())?;
    let mut outcome = Outcome::Done;
    for (branch, name) in arguments.branches.iter().zip(&names) {
        let head = refs.tips.get(name).ok_or_else(|| {
            Diagnosis::input("branch-missing", format!("there is no branch `{branch}`"))
                .hint("environment branches are called like `environment/prod`")
        })?;
        if verify(&repository, branch, head)? == Outcome::Found {
            outcome = Outcome::Found;
        }
    }
    Ok(outcome)
}

fn verify(repository: &Repository, branch: &str, head: &CommitId) -> Result<Outcome, Diagnosis> {
    let tree = repository.cache.tree(head, "").map_err(|error| error.diagnosis())?;
    let folders = folders(&tree)?;
    if folders.is_empty() {
        return Err(Diagnosis::input("branch-without-lock", format!("`{branch}` holds no {LOCK_FILE}")));
    }
    let mut outcome = Outcome::Done;
    for folder in folders {
        let parameters = Parameters { render: Mode::Verify, ..Parameters::default() };
        match answer(&tree, &folder, &parameters, &Cluster::default(), &Limits::default(), repository) {
            Ok(manifests) => {
                let count = manifests.objects.len();
                edge::result(&format!(
                    "{branch} {folder}: {count} objects, byte for byte what the lock renders to\n"
                ))?;
            }
            Err(error) => {
                let diagnosis = error.diagnosis();
                if diagnosis.fault != Fault::Input {
                    return Err(diagnosis);
                }
                let tampered = diagnosis.code == "manifest-tampered";
                let line = tampered.then(|| difference(repository, &tree, &folder)).flatten();
                let diagnosis = line.unwrap_or(diagnosis);
                edge::result(&format!("{branch} {folder}: {diagnosis}\n"))?;
                outcome = Outcome::Found;
            }
        }
    }
    Ok(outcome)
}

/// The first line of changed manifests that is not what the lock renders to; `None` when it cannot be told.
fn difference(repository: &Repository, tree: &dyn Files, folder: &str) -> Option<Diagnosis> {
    let (lock, path) = (format!("{folder}/{LOCK_FILE}"), format!("{folder}/{MANIFEST_FILE}"));
    let text = String::from_utf8(tree.read(&lock).ok()?.to_vec()).ok()?;
    let pins = Pins::of(PromotionLock::parse(&text, &lock).ok()?, lock, Mode::Live).ok()?;
    let (_, rendered) = hydrated(&pins, &Limits::default(), repository).ok()?;
    first_difference(&path, &tree.read(&path).ok()?, &rendered.bytes).err().map(|it| it.diagnosis())
}

/// The folders at the root of a branch that hold a lock.
fn folders(files: &dyn Files) -> Result<Vec<String>, Diagnosis> {
    let names = files.list("").map_err(|error| Diagnosis::upstream("git-unreadable-file", error))?;
    let has_lock = |folder: &String| files.kind(&format!("{folder}/{LOCK_FILE}")) == Some(FileKind::File);
    Ok(names.into_iter().filter(has_lock).collect())
}
