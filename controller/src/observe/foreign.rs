//! Who else writes to an environment's branch, said beside what is wrong with it.
//!
//! What others commit is judged by what it leaves: a lock with the manifests that it names is as good from a person's
//! pull request or from GitOps Promoter's merge as from us. Only where that is broken somebody has to be named. Nothing is
//! written back: whoever wrote it would write it again.

use promoter_core::{CommitId, Diagnosis, Fault, Name, one_line};
use promoter_kustomize::Files as _;
use promoter_render::hydrate::{METADATA_FILE, Metadata, Trailer};
use promoter_sources::git::CommitInfo;

use super::folders::Folders;
use crate::repository::Repository;

/// How far back the commit is searched.
const COMMITS_MAX: usize = 64;

/// What is wrong with the head of a branch, with the commit that brought it where that is not promoter's: its id, its
/// author, and what to do if it is another hydrator's.
pub(super) fn named(repository: &Repository, head: &CommitId, pipeline: &Name, why: Diagnosis) -> Diagnosis {
    let is_content = why.fault == Fault::Input;
    // What cannot be read adds nothing to what is said already.
    let Some(foreign) = is_content.then(|| brought(repository, head, pipeline)).flatten() else {
        return why;
    };
    let short = foreign.id.as_str().get(..10).unwrap_or_default();
    let author = one_line(&format!("{} <{}>", foreign.author.name, foreign.author.email));
    let cause = format!("{}, since commit `{short}` by {author}", why.cause);
    let folder = why.at.as_ref().and_then(|it| it.path.rsplit_once('/')).map_or("", |(folder, _)| folder);
    if why.code != "manifest-tampered" || !is_of_another_hydrator(repository, head, folder) {
        return Diagnosis { cause, ..why };
    }
    let cause = format!("another hydrator writes `{pipeline}` too: {cause}");
    let found = Diagnosis::input("branch-of-two-writers", cause).hint(format!(
        "give Argo CD's `sourceHydrator` another branch or path, then revert `{short}`; promoter stands still until then"
    ));
    match why.at {
        Some(at) => found.at(at),
        None => found,
    }
}

/// The commit that made the pipeline's folder what it is, if it is not promoter's.
fn brought(repository: &Repository, head: &CommitId, pipeline: &Name) -> Option<CommitInfo> {
    let log = repository.cache.first_parent_log(head, COMMITS_MAX).ok()?;
    // What stands for the folder; none where it cannot be read.
    let folder =
        |it: &CommitInfo| Folders::own(repository, &it.id, pipeline).ok().flatten().map(|(_, id)| id);
    let now = folder(log.first()?);
    let same = log.into_iter().take_while(|it| folder(it) == now);
    let prefix = format!("{}: ", Trailer::FREIGHT);
    same.last().filter(|it| !it.message.lines().any(|line| line.starts_with(&prefix)))
}

/// True when the metadata beside the lock is not promoter's: people do not change it, hydrators do.
fn is_of_another_hydrator(repository: &Repository, head: &CommitId, folder: &str) -> bool {
    let path = format!("{folder}/{METADATA_FILE}");
    let text = repository.cache.tree(head, "").ok().and_then(|it| it.read(&path).ok());
    let text = text.map(|it| String::from_utf8_lossy(&it).into_owned());
    text.and_then(|it| Metadata::read(&it, &path).ok()).is_some_and(|it| it.promoter.is_none())
}
