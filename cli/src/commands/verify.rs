//! `promoter verify`: proves that what branches hold is what their locks render to.

use super::repository::RepositoryOptions;
use crate::edge::{self, Outcome};
use clap::Args;
use promoter_controller::repository::Repository;
use promoter_core::{CommitId, Diagnosis, Fault, LOCK_FILE, PromotionLock};
use promoter_kustomize::{FileKind, Files};
use promoter_render::{
    Chosen, Cluster, Limits, MANIFEST_FILE, Manifests, Mode, Parameters, Pins, RenderError, Verified, answer,
    first_difference, hydrated, resolve,
};

#[derive(Args)]
#[command(after_help = "Exit code 1: a branch holds something else than its lock renders to.")]
pub(crate) struct VerifyArguments {
    /// Branches: environment/prod, or the dry branch in the layout `folders`
    #[arg(required = true, value_name = "BRANCH")]
    branches: Vec<String>,
    #[command(flatten)]
    repository: RepositoryOptions,
}

/// Renders every folder with a lock again and compares it with the manifests beside the lock, or where there are none with
/// one more render.
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
        match proven(repository, &tree, &folder) {
            Ok((manifests, words)) => {
                let count = manifests.objects.len();
                edge::result(&format!("{branch} {folder}: {count} objects, byte for byte {words}\n"))?;
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

/// The manifests of a folder, and what was proven of them.
fn proven(
    repository: &Repository,
    tree: &dyn Files,
    folder: &str,
) -> Result<(Verified<Manifests>, &'static str), RenderError> {
    let render = |render: Mode| {
        let parameters = Parameters { render, ..Parameters::default() };
        answer(tree, folder, &parameters, &Cluster::default(), &Limits::default(), repository)
    };
    if resolve(tree, folder, &Parameters::default())?.chosen != Chosen::Live {
        return Ok((render(Mode::Verify)?, "what the lock renders to"));
    }
    let (once, again) = (render(Mode::Live)?, render(Mode::Live)?);
    first_difference(folder, once.to_yaml()?.as_bytes(), again.to_yaml()?.as_bytes())?;
    Ok((once, "the same when the lock is rendered again"))
}

/// The first line of changed manifests that is not what the lock renders to; `None` when it cannot be told.
fn difference(repository: &Repository, tree: &dyn Files, folder: &str) -> Option<Diagnosis> {
    let (lock, path) = (format!("{folder}/{LOCK_FILE}"), format!("{folder}/{MANIFEST_FILE}"));
    let text = String::from_utf8(tree.read(&lock).ok()?.to_vec()).ok()?;
    let pins = Pins::of(PromotionLock::parse(&text, &lock).ok()?, lock, Mode::Live).ok()?;
    let (_, rendered) = hydrated(&pins, &Limits::default(), repository).ok()?;
    first_difference(&path, &tree.read(&path).ok()?, &rendered.bytes).err().map(|it| it.diagnosis())
}

/// The folders of a branch that hold a lock. Those whose names begin with a dot are not searched.
fn folders(files: &dyn Files) -> Result<Vec<String>, Diagnosis> {
    let mut found = Vec::new();
    let mut left = vec![String::new()];
    while let Some(folder) = left.pop() {
        let names = files.list(&folder).map_err(|error| Diagnosis::upstream("git-unreadable-file", error))?;
        for name in names {
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            match files.kind(&path) {
                Some(FileKind::File) if name == LOCK_FILE => found.push(folder.clone()),
                // Through a link there may be no end to it.
                Some(FileKind::Directory) if !name.starts_with('.') && is_no_link(files, &path) => {
                    left.push(path);
                }
                _ => {}
            }
        }
    }
    found.sort();
    Ok(found)
}

fn is_no_link(files: &dyn Files, path: &str) -> bool {
    files.real_path(path).is_ok_and(|it| it == path)
}
