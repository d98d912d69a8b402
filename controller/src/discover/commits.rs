//! Which commit of a repository a rule chooses, on a branch or among tags.
//!
//! Decides what is read of a repository, and what counts as a change: what differs between the commit that freight holds and
//! the one that would take its place, by their directories. How candidates rank, and what is chosen of them, is core's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use promoter_core::discovery::{CommitFacts, Found, LookedUp, Ordered};
use promoter_core::pipeline::{GitRule, GitStrategy, PathFilter, PathPattern};
use promoter_core::{CommitId, GitUrl};
use promoter_sources::git::{CommitInfo, Counts, GitCache, GitError, Paths, Signature, TagInfo, TagRef};

/// So many commits of a branch are held against an expression.
const COMMITS_MAX: usize = 1_000;
/// So many tags are looked at where only what is behind them tells which is newest.
const TAGS_MAX: usize = 20_000;

/// What a rule chooses among.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Among {
    /// The commits of a branch, by its head.
    Branch(CommitId),
    /// Tags.
    Tags(Arc<BTreeSet<TagRef>>),
}

/// What a rule chooses. `held` is the commit that the newest freight holds.
///
/// Errors: something could not be read, so that nothing may be decided.
pub(crate) fn choose(
    cache: &GitCache,
    url: &GitUrl,
    rule: &GitRule,
    among: &Among,
    held: Option<&CommitId>,
) -> Result<Found, GitError> {
    match among {
        Among::Branch(head) => on_branch(cache, url, rule, head, held),
        Among::Tags(tags) => among_tags(cache, url, rule, tags, held),
    }
}

fn on_branch(
    cache: &GitCache,
    url: &GitUrl,
    rule: &GitRule,
    head: &CommitId,
    held: Option<&CommitId>,
) -> Result<Found, GitError> {
    let wanted = rule.discovery_limit as usize + 1;
    let most = if rule.expression.is_some() { COMMITS_MAX } else { wanted };
    let mut fitting = 0;
    let log = cache.first_parents_until(head, most, |commit| {
        fitting += usize::from(fits(rule, &facts(commit, None)));
        fitting >= wanted
    })?;
    let is_cut = log.len() == most;
    let commits = log.iter().map(|it| Ok(facts(it, None))).collect();
    let commits = without_what_stays(cache, rule, commits, held, None)?;
    let mut found = rule.choose(url, &Ordered::default(), commits);
    if found.chosen.is_none() && is_cut {
        found.notes.push(format!("only the newest {most} commits were looked at"));
    }
    Ok(found)
}

fn among_tags(
    cache: &GitCache,
    url: &GitUrl,
    rule: &GitRule,
    tags: &BTreeSet<TagRef>,
    held: Option<&CommitId>,
) -> Result<Found, GitError> {
    let by_name: BTreeMap<&str, &TagRef> = tags.iter().map(|it| (it.name.as_str(), it)).collect();
    let ordered = rule.order(by_name.keys().copied());
    let by_time = rule.strategy == GitStrategy::NewestTag;
    if by_time && ordered.names.len() > TAGS_MAX {
        let what = "the number of tags that the rule takes";
        return Err(GitError::TooLarge { what, url: url.to_string(), limit: TAGS_MAX as u64 });
    }
    let most = if by_time { TAGS_MAX } else { rule.discovery_limit as usize + 1 };
    let asked = ordered.names.iter().take(most).filter_map(|it| by_name.get(it).copied());
    let asked: Vec<TagRef> = asked.cloned().collect();
    let read = cache.tags(&asked)?;
    let mut commits: Vec<LookedUp<CommitFacts>> = asked.iter().zip(&read).map(of_tag).collect();
    if by_time {
        // What cannot be read stands at the end, where it is in nobody's way.
        commits.sort_by(|a, b| {
            let key = |it: &LookedUp<CommitFacts>| it.as_ref().ok().map(|it| (it.date, it.tag.clone()));
            key(b).cmp(&key(a))
        });
    }
    let tag = tags.iter().filter(|it| Some(&it.target) == held).map(|it| it.name.as_str()).next_back();
    let commits = without_what_stays(cache, rule, commits, held, tag)?;
    Ok(rule.choose(url, &ordered, commits))
}

fn of_tag((tag, read): (&TagRef, &Option<TagInfo>)) -> LookedUp<CommitFacts> {
    let info = read.as_ref().ok_or_else(|| format!("`{}` leads to no commit", tag.name))?;
    Ok(CommitFacts { date: info.created(), ..facts(&info.commit, Some(&tag.name)) })
}

/// Where the best candidate holds the same as `held` in all paths that count, nothing is new, whatever came and went in
/// between: those that rank before the held commit are no candidates then.
fn without_what_stays(
    cache: &GitCache,
    rule: &GitRule,
    mut commits: Vec<LookedUp<CommitFacts>>,
    held: Option<&CommitId>,
    tag: Option<&str>,
) -> Result<Vec<LookedUp<CommitFacts>>, GitError> {
    let Some(held) = held.filter(|_| !rule.paths.is_empty()) else {
        return Ok(commits);
    };
    let best = commits.iter().flatten().find(|it| fits(rule, it)).map(|it| it.id.clone());
    let Some(best) = best.filter(|it| it != held) else {
        return Ok(commits);
    };
    let before = match cache.commit(held) {
        Ok(commit) => facts(&commit, tag),
        // What is no longer to be had cannot be held against anything.
        Err(GitError::NoCommit { .. }) => return Ok(commits),
        Err(error) => return Err(error),
    };
    if !fits(rule, &before) || cache.differ(held, &best, &Filter(&rule.paths))? {
        return Ok(commits);
    }
    let place = commits.iter().position(|it| it.as_ref().is_ok_and(|it| it.id == *held));
    let before_it = place.unwrap_or(commits.len());
    for commit in commits[..before_it].iter_mut().flatten() {
        // Others are told for what they do not fulfil.
        commit.touches = !fits(rule, commit);
    }
    if place.is_none() {
        commits.push(Ok(before));
    }
    Ok(commits)
}

fn fits(rule: &GitRule, commit: &CommitFacts) -> bool {
    rule.judge(commit) == Ok(true)
}

fn facts(commit: &CommitInfo, tag: Option<&str>) -> CommitFacts {
    let person = |it: &Signature| format!("{} <{}>", it.name, it.email);
    CommitFacts {
        id: commit.id.clone(),
        tag: tag.map(str::to_owned),
        author: person(&commit.author),
        committer: person(&commit.committer),
        subject: commit.message.lines().next().unwrap_or_default().trim().to_owned(),
        message: commit.message.clone(),
        date: commit.committer.at,
        touches: true,
    }
}

/// The paths of a rule, for directories too.
struct Filter<'a>(&'a PathFilter);

impl Paths for Filter<'_> {
    fn file(&self, path: &str) -> bool {
        self.0.takes(path)
    }

    fn directory(&self, path: &str) -> Counts {
        let whole = |it: &PathPattern| matches!(it, PathPattern::Below(_)) && it.matches(path);
        let in_part = |it: &PathPattern| match it {
            PathPattern::Below(inner) => inner.strip_prefix(path).is_some_and(|it| it.starts_with('/')),
            PathPattern::Matching(_) => true,
        };
        let PathFilter { include, exclude } = self.0;
        if exclude.iter().any(whole) {
            return Counts::Nothing;
        }
        let included = include.is_empty() || include.iter().any(whole);
        match () {
            () if !included && !include.iter().any(in_part) => Counts::Nothing,
            () if included && !exclude.iter().any(in_part) => Counts::All,
            () => Counts::Some,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_looked_into_only_where_a_part_of_them_counts() {
        let patterns = |texts: &[&str]| texts.iter().map(|it| PathPattern::parse(it).unwrap()).collect();
        let directory = |include: &[&str], exclude: &[&str], path: &str| {
            let paths = PathFilter { include: patterns(include), exclude: patterns(exclude) };
            Filter(&paths).directory(path)
        };
        use Counts::{All, Nothing, Some};
        for (include, exclude, path, expected) in [
            (&["src/app"][..], &[][..], "src", Some),
            (&["src/app"], &[], "src/app", All),
            (&["src/app"], &[], "src/app/deep", All),
            (&["src/app"], &[], "src/apps", Nothing),
            (&["src/app"], &[], "sr", Nothing),
            (&["src"], &["src/docs"], "src", Some),
            (&["src"], &["src/docs"], "src/docs", Nothing),
            (&["src"], &["src/docs"], "src/docs/deep", Nothing),
            (&["src"], &["src/docs"], "src/app", All),
            (&[], &["docs"], "src", All),
            (&[], &["docs"], "docs", Nothing),
            (&["glob:**/*.yaml"], &[], "anything", Some),
            (&["src"], &["glob:**/*.md"], "src", Some),
            (&["src"], &["glob:**/*.md"], "docs", Nothing),
        ] {
            assert_eq!(directory(include, exclude, path), expected, "{include:?} {exclude:?} {path}");
        }
    }
}
