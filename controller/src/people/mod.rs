//! What people do: each is a commit that says who and why, and nothing here promotes anything by itself.
//!
//! Decides what a person's word becomes on the state branch or in a lock. What follows from it is the planner's decision
//! on the controller's next pass.

mod choose;
mod look_up;
mod pause;
mod status;
mod withdraw;

use promoter_core::discovery::known_about;
use promoter_core::pipeline::Pipeline;
use promoter_core::plan::{RecordAction, Removed};
use promoter_core::record::{
    Approvals, Discovered, FreightRecord, Record, Records, Rejection, Request, RequestAction, Reverification,
    Statement,
};
use promoter_core::{CommitId, Diagnosis, FreightId, Hold, Name, Setting, UnixSeconds, one_line};

use crate::apply::{Applied, HoldChange, change_hold, record};
use crate::observe::{Observer, Seen, UnderPolicy};
use crate::people::choose::{
    Target, assemble, check_ran, find_pipeline, known_state, named_or_proposed, previous, records,
};
pub use crate::people::choose::{Where, find_freight};
pub use crate::people::status::Report;
pub use crate::people::withdraw::Word;
use crate::repository::{Refs, Repository};

/// How often a write is tried again when somebody else moved the branch meanwhile.
const TRIES_MAX: usize = 5;

/// A person at work on one repository.
#[derive(Debug)]
pub struct Person {
    observer: Observer,
}

impl Person {
    /// Acts under the identity of the repository's settings.
    pub fn new(repository: Repository) -> Self {
        Self { observer: Observer::new(repository, false) }
    }

    /// Looks at the repository.
    pub fn observe(&mut self) -> Result<Seen, Diagnosis> {
        self.observer.observe()
    }

    /// What the policy makes of each pipeline, as of the last look; nothing without a policy.
    pub fn under_policy(&self) -> impl Iterator<Item = UnderPolicy<'_>> {
        self.observer.under_policy()
    }

    /// Looks at the repository without rendering anything.
    pub fn observe_unrendered(&mut self) -> Result<Seen, Diagnosis> {
        self.observer.observe_unrendered()
    }

    /// The repository.
    pub fn repository(&self) -> &Repository {
        self.observer.repository()
    }

    /// The records of a pipeline.
    pub fn records(&mut self, pipeline: Option<&Name>) -> Result<Records, Diagnosis> {
        let seen = self.observer.observe_unrendered()?;
        let (_, observation) = find_pipeline(&seen, pipeline)?;
        records(observation).cloned()
    }

    /// Records freight: the newest artifact of each subscription, with those that are given put in.
    ///
    /// Errors: an artifact of no subscription or of another place than its subscription, a subscription without any.
    pub fn create_freight(
        &mut self,
        pipeline: Option<&Name>,
        settings: &[Setting],
        now: UnixSeconds,
    ) -> Result<(FreightId, String), Diagnosis> {
        let mut made = None;
        let by = self.by();
        // Rendered: which commit the freight pins depends on whether the dry head renders differently.
        let text = self.until_written(Observer::observe, |repository, seen| {
            let (pipeline, observation) = find_pipeline(seen, pipeline)?;
            let state = known_state(observation)?;
            let freight = assemble(pipeline, observation, state, settings, repository)?;
            let id = freight.id();
            made = Some(id.clone());
            if let Some(Ok(known)) = state.records.freight.get(&id) {
                let since = known.discovered.at;
                return Ok(Some(format!("{} {} is known since {since}", id.alias(), id.short())));
            }
            let text = format!("freight {} {} created", id.alias(), id.short());
            let newest = state.records.newest().ok().flatten();
            let about = known_about(&freight, &observation.artifacts, newest);
            let record = FreightRecord {
                pipeline: pipeline.name.clone(),
                about,
                freight,
                discovered: Discovered {
                    at: state.records.next_discovery(now),
                    by: by.clone(),
                    author: observation.dry.as_ref().ok().and_then(|it| it.author.clone()),
                },
            };
            let change = Change::write(Record::Freight(record), text);
            let (pipeline, expect_state) = (pipeline.clone(), state.head.clone());
            write(repository, &mut seen.refs, &pipeline, expect_state, change, now)
        })?;
        made.map(|id| (id, text))
            .ok_or_else(|| Diagnosis::bug("freight-create", "freight was made without an id"))
    }

    /// Asks for freight in an environment.
    ///
    /// Errors: freight that is not known; for a rollback, freight that the environment never ran; a hotfix without a
    /// reason.
    pub fn request(
        &mut self,
        at: &Where<'_>,
        action: RequestAction,
        freight: Option<&str>,
        reason: &str,
        now: UnixSeconds,
    ) -> Result<String, Diagnosis> {
        let requested = self.statement(reason, now);
        if action == RequestAction::Hotfix && requested.reason.is_empty() {
            return Err(no_reason("a hotfix"));
        }
        self.change_at(at, now, |target| {
            let id = match freight {
                Some(text) => find_freight(records(target.seen)?, text)?,
                None => previous(target)?,
            };
            if action == RequestAction::Rollback {
                check_ran(target, &id)?;
            }
            let request = Request {
                pipeline: target.pipeline.name.clone(),
                environment: target.environment.name.clone(),
                action,
                freight: id.clone(),
                requested: requested.clone(),
            };
            let verb = match action {
                RequestAction::Promote => "promote",
                RequestAction::Rollback => "roll back to",
                RequestAction::Hotfix => "hotfix with",
            };
            let text = format!("{}: asked to {verb} {} {}", target.environment.name, id.alias(), id.short());
            Ok(Change::write(Record::Request(request), text))
        })
    }

    /// Agrees to freight in an environment: the one that is proposed, unless another is named.
    pub fn approve(
        &mut self,
        at: &Where<'_>,
        freight: Option<&str>,
        reason: &str,
        now: UnixSeconds,
    ) -> Result<String, Diagnosis> {
        let word = self.statement(reason, now);
        self.change_at(at, now, |target| {
            let id = named_or_proposed(target, freight)?;
            let environment = &target.environment.name;
            let known =
                records(target.seen)?.environments.get(environment).and_then(|it| it.approved.get(&id));
            let mut approvals = match known {
                Some(Ok(known)) => known.approvals.clone(),
                Some(Err(unread)) => return Err(Diagnosis::input("record-unreadable", unread)),
                None => Vec::new(),
            };
            if approvals.iter().any(|it| it.by == word.by) {
                return Ok(Change::none(format!(
                    "{environment}: {} approved {} before",
                    word.by,
                    id.alias()
                )));
            }
            approvals.push(word.clone());
            let text = format!("{environment}: {} approves {} {}", word.by, id.alias(), id.short());
            let record = Approvals {
                pipeline: target.pipeline.name.clone(),
                environment: environment.clone(),
                freight: id,
                approvals,
            };
            Ok(Change::write(Record::Approvals(record), text))
        })
    }

    /// Refuses freight in an environment: automation never proposes it there again.
    pub fn reject(
        &mut self,
        at: &Where<'_>,
        freight: Option<&str>,
        reason: &str,
        now: UnixSeconds,
    ) -> Result<String, Diagnosis> {
        let rejected = self.statement(reason, now);
        self.change_at(at, now, |target| {
            let id = named_or_proposed(target, freight)?;
            let environment = &target.environment.name;
            let text = format!("{environment}: {} rejects {} {}", rejected.by, id.alias(), id.short());
            let record = Rejection {
                pipeline: target.pipeline.name.clone(),
                environment: environment.clone(),
                freight: id,
                rejected: rejected.clone(),
            };
            Ok(Change::write(Record::Rejection(record), text))
        })
    }

    /// Asks for another verification of what an environment runs: what was measured before does not count.
    ///
    /// Errors: an environment that runs nothing.
    pub fn reverify(&mut self, at: &Where<'_>, reason: &str, now: UnixSeconds) -> Result<String, Diagnosis> {
        let word = self.statement(reason, now);
        self.change_at(at, now, |target| {
            let (_, lock) = target.active()?;
            let (id, environment) = (lock.freight.id(), &target.environment.name);
            let known = records(target.seen)?.environments.get(environment);
            let known = known.and_then(|it| it.verified.get(&id)?.as_ref().ok());
            let text = format!("{environment}: {} {} is to be verified again", id.alias(), id.short());
            let record = Reverification {
                pipeline: target.pipeline.name.clone(),
                environment: environment.clone(),
                freight: id,
                requested: Statement { at: Reverification::at(known, now), ..word.clone() },
            };
            Ok(Change::write(Record::Reverification(record), text))
        })
    }

    /// Holds an environment as it is, or releases it: a commit on its active branch that changes the lock's `hold`.
    ///
    /// Errors: an environment that runs nothing; a hold without a reason.
    pub fn hold(
        &mut self,
        at: &Where<'_>,
        reason: Option<&str>,
        now: UnixSeconds,
    ) -> Result<String, Diagnosis> {
        let hold = reason.map(|reason| self.statement(reason, now));
        if hold.as_ref().is_some_and(|it| it.reason.is_empty()) {
            return Err(no_reason("a hold"));
        }
        let hold = hold.map(|it| Hold { reason: it.reason, by: it.by, at: Some(it.at) });
        self.until_written(Observer::observe_unrendered, |repository, seen| {
            let target = at.find(seen)?;
            let (commit, lock) = target.active()?;
            let environment = target.environment.name.clone();
            if lock.hold.is_some() == hold.is_some() {
                let word = if hold.is_some() { "held already" } else { "not held" };
                return Ok(Some(format!("{environment}: {word}")));
            }
            let (commit, freight, pipeline) = (commit.clone(), lock.freight.id(), target.pipeline.clone());
            let change = HoldChange {
                environment: &environment,
                expect_active: &commit,
                expect_lock: &freight,
                hold: hold.as_ref(),
            };
            match change_hold(repository, &mut seen.refs, &pipeline, &change, now)? {
                Applied::Moved(text) => Ok(Some(text)),
                Applied::Stale | Applied::Nothing | Applied::Refused(_) => Ok(None),
            }
        })
    }

    fn statement(&self, reason: &str, at: UnixSeconds) -> Statement {
        // Records and locks hold one line.
        Statement { by: self.by(), at, reason: one_line(reason) }
    }

    fn by(&self) -> String {
        self.observer.repository().settings().identity.email.clone()
    }

    fn change_at(
        &mut self,
        at: &Where<'_>,
        now: UnixSeconds,
        mut decide: impl FnMut(&Target<'_>) -> Result<Change, Diagnosis>,
    ) -> Result<String, Diagnosis> {
        self.until_written(Observer::observe_unrendered, |repository, seen| {
            let target = at.find(seen)?;
            let change = decide(&target)?;
            let (pipeline, expect_state) = (target.pipeline.clone(), known_state(target.seen)?.head.clone());
            write(repository, &mut seen.refs, &pipeline, expect_state, change, now)
        })
    }

    /// Looks and tries to write, until nobody else moved the branch in between.
    fn until_written(
        &mut self,
        look: fn(&mut Observer) -> Result<Seen, Diagnosis>,
        mut attempt: impl FnMut(&Repository, &mut Seen) -> Result<Option<String>, Diagnosis>,
    ) -> Result<String, Diagnosis> {
        for _ in 0..TRIES_MAX {
            let mut seen = look(&mut self.observer)?;
            if let Some(text) = attempt(self.observer.repository(), &mut seen)? {
                return Ok(text);
            }
        }
        Err(Diagnosis::upstream("git-contended", "others kept writing to the same branch")
            .hint("run the command again"))
    }
}

/// Writes a change; `None` when somebody else moved the state branch first.
fn write(
    repository: &Repository,
    refs: &mut Refs,
    pipeline: &Pipeline,
    expect_state: Option<CommitId>,
    change: Change,
    now: UnixSeconds,
) -> Result<Option<String>, Diagnosis> {
    if change.write.is_empty() && change.remove.is_empty() {
        return Ok(Some(change.text));
    }
    let action = RecordAction { expect_state, write: change.write, remove: change.remove };
    match record(repository, refs, pipeline, &action, now)? {
        Applied::Moved(_) | Applied::Nothing => Ok(Some(change.text)),
        Applied::Stale => Ok(None),
        Applied::Refused(diagnosis) => Err(diagnosis),
    }
}

/// What a person's word changes, and how it is said.
struct Change {
    write: Vec<Record>,
    remove: Vec<Removed>,
    text: String,
}

impl Change {
    fn none(text: String) -> Self {
        Self { write: Vec::new(), remove: Vec::new(), text }
    }

    fn write(record: Record, text: String) -> Self {
        Self { write: vec![record], ..Self::none(text) }
    }

    /// Takes a record's file away; the commit says what the person is told.
    fn remove(path: String, text: String) -> Self {
        Self { remove: vec![Removed { path, says: text.clone() }], ..Self::none(text) }
    }
}

fn no_reason(what: &str) -> Diagnosis {
    Diagnosis::input("reason-missing", format!("{what} needs a reason"))
        .hint("say why with `--reason`: it is what others see of it")
}
