//! Gathering: the actions of one round become as few commits and pushes as can be.
//!
//! Decides what goes together and what is left out. One push for all records, which come first as they do in a plan; then
//! one for everything else: every proposal, each active branch moved once, and one commit of notes. A push moves all of
//! its refs or none, each from the value that was seen. Nothing of that is weaker than one push an action:
//!
//! - **Stale**: where a branch has moved, the actions on it are left out for the next look, and the rest is pushed.
//! - **Refused**: when the server refuses, what it names is tried apart from the rest, else halves are, down to the one
//!   action that it refuses; that one is reported, and stops no other.
//! - **Notes** judge nothing and have many writers: when only their ref moved, they are put on top of what is there now.
//! - A server that cannot move several refs together gets one push an action.
//! - A push is bounded in bytes; more becomes several.

use std::collections::{BTreeMap, BTreeSet};

use promoter_core::plan::Action;
use promoter_core::{CommitId, Diagnosis, UnixSeconds};
use promoter_sources::git::GitError;

use super::base::Bases;
use super::commit::Moves;
use super::git::PushError;
use super::hold::HoldStep;
use super::merge::MergeStep;
use super::ready::{Due, Prepared, Ready};
use super::{Applied, HoldChange, hold, merge, propose, record};
use crate::parallel;
use crate::repository::{NOTES_REF, Refs, Repository, cover};

/// So many bytes of new files and directories make a push, before they are packed. They are in memory until then.
const PUSH_BYTES_MAX: usize = 48 << 20;
/// So many proposals are rendered before it is looked at how large they are.
const RENDERS_AT_ONCE: usize = 32;
/// How often notes are put on top of somebody else's before the actions wait for the next look.
const NOTES_TRIES_MAX: usize = 5;

/// Carries out the actions of one round, planned from one look whose refs are `refs`, and moves the heads in `refs` as it
/// moved them in the repository. Answers in the order of `due`; each error is that of its action.
pub fn apply_all<'a>(
    repository: &'a Repository,
    refs: &'a mut Refs,
    due: &[Due<'a>],
    now: UnixSeconds,
) -> Vec<Result<Applied, Diagnosis>> {
    let observed = refs.clone();
    let bases = Bases::default();
    let prepare = |due: Due<'a>| prepare(repository, &observed, due, &bases, now);
    let mut gather = Gather::new(repository, refs, now, due.len());
    let numbered = || due.iter().copied().enumerate();
    let is_record = |it: &Due<'a>| matches!(it.action, Action::Record(_));
    let is_render = |it: &Due<'a>| matches!(it.action, Action::Propose(_));

    gather.take(numbered().filter(|(_, it)| is_record(it)).map(|(at, it)| (at, prepare(it))).collect());
    gather.flush();
    let light: Vec<_> = numbered().filter(|(_, it)| !is_record(it) && !is_render(it)).collect();
    gather.take(parallel::each(light, |(at, it)| (at, prepare(it))));
    let renders: Vec<_> = numbered().filter(|(_, it)| is_render(it)).collect();
    for some in renders.chunks(RENDERS_AT_ONCE) {
        gather.take(parallel::each(some.to_vec(), |(at, it)| (at, prepare(it))));
        if gather.bytes() >= PUSH_BYTES_MAX {
            gather.flush();
        }
    }
    gather.flush();
    gather.outcomes()
}

/// Carries out one step that is no action of a plan.
pub(super) fn alone<'a>(
    repository: &Repository,
    refs: &mut Refs,
    now: UnixSeconds,
    prepare: impl FnOnce(&Refs) -> Prepared<'a>,
) -> Result<Applied, Diagnosis> {
    let prepared = prepare(refs);
    let mut gather = Gather::new(repository, refs, now, 1);
    gather.take(vec![(0, prepared)]);
    gather.flush();
    gather.outcomes().pop().unwrap_or(Ok(Applied::Nothing))
}

fn prepare<'a>(
    repository: &Repository,
    observed: &Refs,
    due: Due<'a>,
    bases: &Bases,
    now: UnixSeconds,
) -> Prepared<'a> {
    let pipeline = due.pipeline;
    match due.action {
        Action::Record(it) => record::prepare(observed, pipeline, it),
        Action::Propose(it) => propose::prepare(repository, observed, pipeline, it, bases, now),
        Action::Withdraw(it) => propose::prepare_withdrawal(repository, observed, pipeline, it, bases),
        Action::Merge(it) => merge::prepare(repository, observed, pipeline, it, bases),
        Action::SetHold(it) => {
            let change = HoldChange {
                environment: &it.environment,
                expect_active: &it.expect_active,
                expect_lock: &it.expect_lock,
                hold: Some(&it.hold),
            };
            hold::prepare(repository, observed, pipeline, &change)
        }
        Action::Measure(_) => Err(Applied::Nothing.into()),
    }
}

/// An action made ready, with its place among the actions of the round.
type Item<'a> = (usize, Ready<'a>);

/// Why a group was not pushed.
enum Failure {
    /// Its commits could not be made.
    Unmade(Diagnosis),
    Push(PushError),
}

struct Gather<'a> {
    repository: &'a Repository,
    refs: &'a mut Refs,
    now: UnixSeconds,
    outcomes: Vec<Result<Applied, Diagnosis>>,
    ready: Vec<Item<'a>>,
    /// False once the server turned out to move refs one by one.
    together: bool,
}

impl<'a> Gather<'a> {
    fn new(repository: &'a Repository, refs: &'a mut Refs, now: UnixSeconds, count: usize) -> Self {
        let outcomes = (0..count).map(|_| Ok(Applied::Nothing)).collect();
        Self { repository, refs, now, outcomes, ready: Vec::new(), together: true }
    }

    fn take(&mut self, prepared: Vec<(usize, Prepared<'a>)>) {
        for (at, prepared) in prepared {
            match prepared {
                Ok(ready) => self.ready.push((at, ready)),
                Err(over) => self.outcomes[at] = over.into(),
            }
        }
    }

    fn bytes(&self) -> usize {
        self.ready.iter().map(|(_, it)| it.bytes()).sum()
    }

    fn outcomes(self) -> Vec<Result<Applied, Diagnosis>> {
        self.outcomes
    }

    fn flush(&mut self) {
        let ready = std::mem::take(&mut self.ready);
        self.push(ready);
    }

    fn end(&mut self, items: &[Item<'_>], outcome: &Result<Applied, Diagnosis>) {
        for (at, _) in items {
            self.outcomes[*at] = outcome.clone();
        }
    }

    /// Pushes what is ready together, and what that does not do in smaller groups.
    fn push(&mut self, items: Vec<Item<'a>>) {
        let (items, moved) = self.current(items);
        self.end(&moved, &Ok(Applied::Stale));
        if items.is_empty() {
            return;
        }
        if !self.together && items.len() > 1 {
            items.into_iter().for_each(|it| self.push(vec![it]));
            return;
        }
        match self.push_once(&items) {
            Ok(()) => {
                for (at, ready) in &items {
                    self.outcomes[*at] = Ok(Applied::Moved(ready.said().to_owned()));
                }
            }
            Err(Failure::Push(PushError::Apart { .. })) => {
                self.together = false;
                self.push(items);
            }
            Err(Failure::Push(PushError::Stale { .. })) => self.push_what_did_not_move(items),
            Err(Failure::Push(PushError::Rejected { refused, .. })) if items.len() > 1 => {
                self.push_apart(items, &refused);
            }
            // Less of it may be taken: it is too large, or one part is malformed.
            Err(
                Failure::Unmade(_)
                | Failure::Push(PushError::NotUnpacked { .. } | PushError::Git(GitError::Protocol { .. })),
            ) if items.len() > 1 => self.push_halves(items),
            Err(Failure::Unmade(why)) => self.end(&items, &Err(why)),
            Err(Failure::Push(error)) => self.end(&items, &Err(error.diagnosis())),
        }
    }

    /// The items whose branches are where they were planned for, and the others.
    fn current(&self, items: Vec<Item<'a>>) -> (Vec<Item<'a>>, Vec<Item<'a>>) {
        items.into_iter().partition(|(_, it)| it.is_current(self.refs))
    }

    /// After somebody else moved a ref: one look at all of them, then once more without what moved.
    fn push_what_did_not_move(&mut self, items: Vec<Item<'a>>) {
        let branches: BTreeSet<&str> =
            items.iter().flat_map(|(_, it)| [Some(it.branch()), it.made_branch()]).flatten().collect();
        let names: Vec<String> = branches.iter().map(|it| format!("refs/heads/{it}")).collect();
        let wanted = names.iter().map(String::as_str).chain([NOTES_REF]);
        let found = match self.repository.cache.ls_refs(&cover(wanted)) {
            Ok(found) => found.tips,
            Err(error) => return self.end(&items, &Err(error.diagnosis())),
        };
        let stands =
            |branch: &str, refs: &Refs| found.get(&format!("refs/heads/{branch}")) == refs.branch(branch);
        let (stand, moved): (Vec<_>, Vec<_>) = items.into_iter().partition(|(_, it)| {
            stands(it.branch(), self.refs) && it.made_branch().is_none_or(|it| stands(it, self.refs))
        });
        self.end(&moved, &Ok(Applied::Stale));
        let notes = found.get(NOTES_REF).cloned();
        if moved.is_empty() && notes == self.refs.notes {
            // It has moved and moved back, or a lock was in the way: the next look tells.
            return self.end(&stand, &Ok(Applied::Stale));
        }
        self.refs.notes = notes;
        self.push(stand);
    }

    /// After a refusal that names refs: what is on them apart from the rest.
    fn push_apart(&mut self, items: Vec<Item<'a>>, refused: &[String]) {
        let names: BTreeSet<&str> = refused.iter().filter_map(|it| it.strip_prefix("refs/heads/")).collect();
        let is_refused = |it: &Ready<'_>| {
            names.contains(it.branch()) || it.made_branch().is_some_and(|it| names.contains(it))
        };
        let (refused, rest): (Vec<_>, Vec<_>) = items.into_iter().partition(|(_, it)| is_refused(it));
        match (refused.is_empty(), rest.is_empty()) {
            (false, false) => {
                self.push(rest);
                self.push(refused);
            }
            _ => self.push_halves(if refused.is_empty() { rest } else { refused }),
        }
    }

    fn push_halves(&mut self, mut items: Vec<Item<'a>>) {
        let other = items.split_off(items.len() / 2);
        self.push(items);
        self.push(other);
    }

    /// Makes the commits and pushes them, on top of somebody else's notes if need be.
    fn push_once(&mut self, items: &[Item<'_>]) -> Result<(), Failure> {
        for _ in 1..NOTES_TRIES_MAX {
            let moves = self.make(items).map_err(Failure::Unmade)?;
            match moves.push(self.refs, items.len() > 1) {
                Err(PushError::Stale { name, found, .. }) if name == NOTES_REF => self.refs.notes = found,
                pushed => return pushed.map_err(Failure::Push),
            }
        }
        let moves = self.make(items).map_err(Failure::Unmade)?;
        moves.push(self.refs, items.len() > 1).map_err(Failure::Push)
    }

    fn make(&self, items: &[Item<'_>]) -> Result<Moves, Diagnosis> {
        let mut moves = Moves::new(self.repository, self.now);
        let (mut records, mut proposals) = (Vec::new(), Vec::new());
        let mut active: BTreeMap<&str, (Vec<&HoldStep<'_>>, Vec<&MergeStep<'_>>)> = BTreeMap::new();
        for (_, ready) in items {
            match ready {
                Ready::Record(it) => records.push(it),
                Ready::Proposal(it) => proposals.push(it),
                Ready::Hold(it) => active.entry(ready.branch()).or_default().0.push(it),
                Ready::Merge(it) => active.entry(ready.branch()).or_default().1.push(it),
            }
        }
        if !records.is_empty() {
            record::commit(&records, self.refs.state(), &mut moves)?;
        }
        for (branch, (holds, merges)) in &active {
            let Some(head) = self.refs.branch(branch) else {
                continue;
            };
            let mut to = head.clone();
            for hold in holds {
                to = hold::commit(hold, &to, &mut moves)?;
            }
            if !merges.is_empty() {
                to = merge::commit(merges, &to, &mut moves)?;
            }
            moves.branch(branch, Some(head), &to);
        }
        let mut made: BTreeMap<&str, CommitId> = BTreeMap::new();
        for proposal in proposals {
            let branch = proposal.environment.active_branch.as_str();
            let on = match (proposal.active, self.refs.branch(branch), made.get(branch)) {
                (Some(_), ..) => None,
                // An earlier push of this round made it.
                (None, Some(head), _) | (None, None, Some(head)) => Some(head.clone()),
                (None, None, None) => {
                    let head = propose::create_active(&mut moves, branch)?;
                    made.insert(branch, head.clone());
                    Some(head)
                }
            };
            propose::commit(proposal, on.as_ref(), &mut moves)?;
        }
        moves.finish(self.refs)?;
        Ok(moves)
    }
}
