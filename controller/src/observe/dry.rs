//! Whether the dry head renders differently from the newest freight's commit: the question behind new freight.

use std::collections::BTreeMap;

use promoter_core::pipeline::{Environment, Layout, Pipeline};
use promoter_core::record::{FreightRecord, Records};
use promoter_core::{
    Artifact, CommitId, Content, Diagnosis, Digest, Fault, Freight, LOCK_FILE, LockVersion, Name,
    PromotionLock, Render,
};
use promoter_render::{Cluster, Limits, Mode, Pins, RenderError, live};

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
    pin: CommitId,
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
    /// Compares the renders of every environment at `head` with those of the newest freight, and gives the commit that
    /// freight of this head pins.
    ///
    /// `locked` is what active locks hold. In the layout `folders` it stands in for the newest freight while none is
    /// recorded, as after a state branch was lost.
    pub(super) fn compare(
        &mut self,
        repository: &Repository,
        pipeline: &Pipeline,
        head: &CommitId,
        records: &Records,
        locked: &[Freight],
    ) -> (Answer, CommitId) {
        // Without a readable newest freight the planner makes none, whatever is answered here.
        let newest = records.newest().ok().flatten().map(|it: &FreightRecord| it.freight.clone());
        if let Some(known) = self.of.get(&pipeline.name)
            && known.head == *head
            && known.newest == newest
        {
            return (known.answer.clone(), known.pin.clone());
        }
        let answer = compare(repository, pipeline, head, newest.as_ref());
        let pin = match (pipeline.layout, &newest, &answer) {
            (Layout::Folders, Some(newest), Ok(false)) => pinned(pipeline, newest),
            (Layout::Folders, None, Ok(true)) => {
                let is_same =
                    |it: &&Freight| matches!(compare(repository, pipeline, head, Some(it)), Ok(false));
                locked.iter().find(is_same).and_then(|it| pinned(pipeline, it))
            }
            _ => None,
        };
        let pin = pin.unwrap_or(head).clone();
        // A render that an upstream fault stopped is tried again on the next look.
        if answer.as_ref().err().is_none_or(|it| it.why.fault == Fault::Input) {
            let compared = Compared { head: head.clone(), newest, answer: answer.clone(), pin: pin.clone() };
            self.of.insert(pipeline.name.clone(), compared);
        }
        (answer, pin)
    }
}

/// The commit of the manifests in freight.
fn pinned<'a>(pipeline: &Pipeline, freight: &'a Freight) -> Option<&'a CommitId> {
    match freight.get(pipeline.git_subscription()?) {
        Some(Content::Git { commit, .. }) => Some(commit),
        _ => None,
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
    let digest = live(&pins, &Cluster::default(), &Limits::default(), repository).and_then(|manifests| {
        Ok(match pipeline.layout {
            Layout::Branches => manifests.to_hydrated()?.digest,
            // Nothing is written anywhere, so that Secrets stay where people put them.
            Layout::Folders => Digest::of(manifests.to_yaml()?.as_bytes()),
        })
    });
    digest.map_err(|error: RenderError| error.diagnosis())
}
