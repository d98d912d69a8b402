//! Whether the dry head renders differently from the newest freight's commit: the question behind new freight.

use std::collections::BTreeMap;

use promoter_core::pipeline::{Environment, Pipeline};
use promoter_core::record::{FreightRecord, Records};
use promoter_core::{
    Artifact, CommitId, Content, Diagnosis, Digest, Fault, Freight, LOCK_FILE, LockVersion, Name,
    PromotionLock, Render,
};
use promoter_render::{Limits, Mode, Pins, hydrated};

use crate::repository::Repository;

/// Digests of renders that were made, for the heads that are compared now.
#[derive(Debug, Default)]
pub(super) struct Renders {
    of: BTreeMap<Name, Compared>,
}

#[derive(Debug)]
struct Compared {
    head: CommitId,
    newest: Option<Freight>,
    answer: Answer,
}

/// True when at least one environment renders differently.
pub(super) type Answer = Result<bool, Box<Broken>>;

/// An environment that does not render at the dry head.
#[derive(Debug, Clone)]
pub(super) struct Broken {
    pub(super) environment: Name,
    pub(super) why: Diagnosis,
}

impl Renders {
    /// Compares the renders of every environment at `head` with those of the newest freight.
    pub(super) fn compare(
        &mut self,
        repository: &Repository,
        pipeline: &Pipeline,
        head: &CommitId,
        records: &Records,
    ) -> Answer {
        // Without a readable newest freight the planner makes none, whatever is answered here.
        let newest = records.newest().ok().flatten().map(|it: &FreightRecord| it.freight.clone());
        if let Some(known) = self.of.get(&pipeline.name)
            && known.head == *head
            && known.newest == newest
        {
            return known.answer.clone();
        }
        let answer = compare(repository, pipeline, head, newest.as_ref());
        // A render that an upstream fault stopped is tried again on the next look.
        if answer.as_ref().err().is_none_or(|it| it.why.fault == Fault::Input) {
            let compared = Compared { head: head.clone(), newest, answer: answer.clone() };
            self.of.insert(pipeline.name.clone(), compared);
        }
        answer
    }
}

fn compare(
    repository: &Repository,
    pipeline: &Pipeline,
    head: &CommitId,
    newest: Option<&Freight>,
) -> Answer {
    let Some(subscription) = pipeline.git_subscription() else {
        return Ok(false);
    };
    let content = Content::Git { url: repository.url.clone(), commit: head.clone() };
    let artifact = Artifact { name: subscription.clone(), content };
    let at_head = match newest {
        Some(freight) => freight.clone().with(artifact),
        None => Freight::new(vec![artifact])
            .map_err(|error| broken(&pipeline.name, Diagnosis::bug("dry-freight", error)))?,
    };
    // Right after the newest freight was made it is compared with itself, and one render of each is enough.
    let before = newest.filter(|it| **it != at_head);
    let mut differs = newest.is_none();
    for environment in &pipeline.environments {
        let now = digest(repository, pipeline, environment, &at_head)
            .map_err(|why| broken(&environment.name, why))?;
        // What the newest freight gave is only a comparison: if it no longer renders, the head differs from it.
        let then = before.filter(|_| !differs).map(|it| digest(repository, pipeline, environment, it));
        differs |= then.is_some_and(|then| then.ok() != Some(now));
    }
    Ok(differs)
}

fn broken(environment: &Name, why: Diagnosis) -> Box<Broken> {
    Box::new(Broken { environment: environment.clone(), why })
}

fn digest(
    repository: &Repository,
    pipeline: &Pipeline,
    environment: &Environment,
    freight: &Freight,
) -> Result<Digest, Diagnosis> {
    let lock = PromotionLock {
        version: LockVersion::default(),
        pipeline: pipeline.name.clone(),
        environment: environment.name.clone(),
        freight: freight.clone(),
        render: Render {
            source: environment.source.clone(),
            allow_empty: environment.render.allow_empty,
            allow_secrets: environment.render.allow_secrets.clone(),
            ..Render::default()
        },
        promotion: None,
        hold: None,
    };
    let pins = Pins::of(lock, LOCK_FILE.to_owned(), Mode::Live).map_err(|error| error.diagnosis())?;
    let (_, hydrated) = hydrated(&pins, &Limits::default(), repository).map_err(|error| error.diagnosis())?;
    Ok(hydrated.digest)
}
