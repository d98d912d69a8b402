//! What Applications run: each list is read once for all checks that ask for it, and revisions are compared in Git.

use std::collections::BTreeMap;
use std::time::Duration;

use promoter_core::pipeline::{ArgoCdProbe, Environment};
use promoter_core::verification::Answer;
use promoter_core::verification::argocd::{Application, Holds, judge, worst};
use promoter_core::{CommitId, Diagnosis};
use promoter_sources::checks::{Applications, ApplicationsAsked};

use crate::repository::Repository;

/// Lists that are read at the same time.
const READ_MAX: usize = 16;

/// What was read, by what was asked for.
pub(super) type Lists = BTreeMap<ApplicationsAsked, Result<Vec<Application>, String>>;

/// Reads every list once; of several times that checks give it, the longest holds.
pub(super) async fn read(
    reader: &dyn Applications,
    asked: impl Iterator<Item = (ApplicationsAsked, Duration)>,
) -> Lists {
    use futures::StreamExt as _;
    let mut lists: BTreeMap<ApplicationsAsked, Duration> = BTreeMap::new();
    for (asked, timeout) in asked {
        let longest = lists.entry(asked).or_default();
        *longest = timeout.max(*longest);
    }
    let reads = lists.into_iter().map(|(asked, timeout)| async move {
        let read = reader.applications(&asked, timeout).await;
        (asked, read)
    });
    futures::stream::iter(reads).buffer_unordered(READ_MAX).collect().await
}

/// What the Applications of a check say of an environment at the head of its branch.
pub(super) fn answer(
    repository: &Repository,
    environment: &Environment,
    head: &CommitId,
    probe: &ArgoCdProbe,
    lists: &Lists,
) -> Answer {
    let asked = ApplicationsAsked::of(probe);
    let applications = match lists.get(&asked) {
        Some(Ok(applications)) => applications,
        Some(Err(why)) => return Answer::Waiting(format!("Applications could not be read: {why}")),
        None => return Answer::Waiting("Applications were not read".into()),
    };
    let holds = |revision: &str| holds(repository, environment, head, revision);
    let judged = applications.iter().map(|it| (it.name.clone(), judge(it, &repository.url, holds)));
    worst(judged.collect(), asked.nothing())
}

/// True of a commit that holds the lock of the head: a later one that only brought something to others, or an earlier one
/// after which nothing came for this environment. The lock names the digest of the manifests beside it, and when it was
/// promoted, so that no two stays have the same.
fn holds(repository: &Repository, environment: &Environment, head: &CommitId, revision: &str) -> Holds {
    if revision == head.as_str() {
        return Holds::Yes;
    }
    // A branch or a version is what Argo CD was told, not what it found.
    let Ok(commit) = revision.parse::<CommitId>() else {
        return Holds::No;
    };
    match locks(repository, environment, head)
        .and_then(|head| Ok((head, locks(repository, environment, &commit)?)))
    {
        Ok((promoted, found)) if is_same(&promoted, &found) => Holds::Yes,
        Ok(_) => Holds::No,
        Err(why) => Holds::Unknown(why.to_string()),
    }
}

/// The lock of each part.
fn locks(
    repository: &Repository,
    environment: &Environment,
    commit: &CommitId,
) -> Result<Vec<Option<String>>, Diagnosis> {
    repository.cache.ensure(std::slice::from_ref(commit)).map_err(|error| error.diagnosis())?;
    environment.parts.iter().map(|it| repository.lock_text(commit, &it.lock_path)).collect()
}

/// True when what was found is promoted, as far as it was there: an app that joined a group later changed nothing for the
/// others.
fn is_same(promoted: &[Option<String>], found: &[Option<String>]) -> bool {
    let is_there = found.iter().any(Option::is_some);
    is_there && promoted.iter().zip(found).all(|(promoted, found)| found.is_none() || promoted == found)
}
