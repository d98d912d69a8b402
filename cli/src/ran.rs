//! What an environment ran, as its branch tells: one entry for each commit that changed the pipeline's lock.

use promoter_controller::observe::Seen;
use promoter_controller::repository::Repository;
use promoter_core::pipeline::{Environment, Pipeline};
use promoter_core::{CommitId, Diagnosis, FreightId, LOCK_FILE, PromotionLock, UnixSeconds};
use promoter_sources::git::CommitInfo;

/// How far back a branch is searched.
const COMMITS_MAX: usize = 10_000;

/// A commit that changed what the environment runs, and its lock.
pub(crate) struct Ran {
    pub(crate) commit: CommitInfo,
    /// The lock says what ran, whoever wrote the commit; `None` when it cannot be read.
    pub(crate) lock: Option<PromotionLock>,
}

impl Ran {
    pub(crate) fn freight(&self) -> Option<FreightId> {
        self.lock.as_ref().map(|it| it.freight.id())
    }

    /// When the stay was decided; the distant past when nothing says.
    pub(crate) fn promoted_at(&self) -> UnixSeconds {
        let promotion = self.lock.as_ref().and_then(|it| it.promotion.as_ref());
        promotion.map_or(UnixSeconds(0), |it| it.at)
    }
}

/// The latest `most` entries, newest first.
///
/// Errors: the environment has no branch yet, or its history cannot be read.
pub(crate) fn ran(
    repository: &Repository,
    seen: &Seen,
    pipeline: &Pipeline,
    environment: &Environment,
    most: usize,
) -> Result<Vec<Ran>, Diagnosis> {
    let Some(head) = seen.refs.branch(&environment.active_branch) else {
        let cause = format!("nothing was promoted to `{}` of `{}` yet", environment.name, pipeline.name);
        return Err(Diagnosis::input("environment-empty", cause).hint("run the controller first"));
    };
    let commits = repository.cache.first_parent_log(head, COMMITS_MAX).map_err(|error| error.diagnosis())?;
    let lock_of = |commit: &CommitInfo| lock_in(repository, environment, &commit.id);
    let mut entries = Vec::new();
    let mut lock = commits.first().map(lock_of).transpose()?.flatten();
    for pair in commits.windows(2) {
        // A commit is about this pipeline when it changed its lock; the branch may belong to several.
        let before = lock_of(&pair[1])?;
        if let Some(lock) =
            lock.as_ref().filter(|it| before.as_ref().is_none_or(|before| differs(before, it)))
        {
            let lock = PromotionLock::parse(&lock.1, LOCK_FILE).ok();
            entries.push(Ran { commit: pair[0].clone(), lock });
        }
        if entries.len() == most {
            break;
        }
        lock = before;
    }
    Ok(entries)
}

/// A lock's path and text.
type Lock<'a> = (&'a str, String);

/// The lock of an environment in a commit: that of the first part that has one.
fn lock_in<'a>(
    repository: &Repository,
    environment: &'a Environment,
    commit: &CommitId,
) -> Result<Option<Lock<'a>>, Diagnosis> {
    for part in environment.parts.iter() {
        if let Some(text) = repository.lock_text(commit, &part.lock_path)? {
            return Ok(Some((&part.lock_path, text)));
        }
    }
    Ok(None)
}

/// True when something else ran. The locks of two apps differ in their render alone.
fn differs(before: &Lock<'_>, lock: &Lock<'_>) -> bool {
    let parse = |it: &Lock<'_>| PromotionLock::parse(&it.1, it.0).ok();
    match (before.0 == lock.0, parse(before), parse(lock)) {
        (false, Some(before), Some(lock)) => before.differs_from(&lock).is_some(),
        _ => before.1 != lock.1,
    }
}
