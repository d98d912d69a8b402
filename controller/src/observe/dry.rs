//! Whether the dry head renders differently from the newest freight's commit: the question behind new freight.
//!
//! A render is made once. At another commit it counts as made when every question that it asked of its tree has the same
//! answer there, so that a head that changes one app renders that app only.

use std::collections::BTreeMap;
use std::sync::Arc;

use promoter_core::pipeline::{Environment, Layout, Part, Pipeline};
use promoter_core::record::{FreightRecord, Records};
use promoter_core::{
    Artifact, CommitId, Content, Diagnosis, Digest, Fault, Freight, LOCK_FILE, LockVersion, Name,
    PromotionLock, Render,
};
use promoter_kustomize::Files;
use promoter_render::{ChartCall, Cluster, Limits, Mode, PinnedSource, Pins, RenderError, World, live};
use promoter_sources::git::GitTree;

use super::reads::{Asked, Reads};
use crate::parallel;
use crate::parts::of_part;
use crate::repository::Repository;

/// Digests of renders that were made, for the heads that are compared now.
#[derive(Debug, Default)]
pub(super) struct Renders {
    of: BTreeMap<Name, Compared>,
}

/// What is known of one pipeline.
#[derive(Debug, Default)]
struct Compared {
    /// The last answer, with what it is about.
    answer: Option<(Question, Compare)>,
    /// What the digests are of depends on it.
    layout: Option<Layout>,
    rendered: BTreeMap<Name, Vec<Rendered>>,
}

/// What an answer is about.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Question {
    head: CommitId,
    newest: Option<Freight>,
    /// The charts that the newest freight lacks.
    charts: Vec<Artifact>,
}

/// A render that was made.
#[derive(Debug)]
struct Rendered {
    lock: PromotionLock,
    /// The freight that renders like this: that of the lock, and with other commits that hold the same.
    freight: Vec<Freight>,
    reads: Reads,
    digest: Digest,
}

/// What is to be compared, for one pipeline.
pub(super) struct Due<'a> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) records: &'a Records,
    /// The commit that is compared.
    pub(super) head: &'a CommitId,
    /// What active locks hold. In the layout `folders` it stands in for the newest freight while none is recorded, as after
    /// a state branch was lost.
    pub(super) locked: Vec<Freight>,
    /// What chart subscriptions give now.
    pub(super) charts: Vec<Artifact>,
}

/// What came of comparing.
#[derive(Debug, Clone)]
pub(super) struct Compare {
    pub(super) answer: Answer,
    /// The commit that freight of this head pins.
    pub(super) pin: CommitId,
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
    /// Compares the renders of every environment at the head with those of the newest freight, for several pipelines.
    pub(super) fn compare(&mut self, repository: &Repository, due: Vec<Due<'_>>) -> BTreeMap<Name, Compare> {
        let mut compares = BTreeMap::new();
        let mut open = Vec::new();
        for it in due {
            // Without a readable newest freight the planner makes none, whatever is answered here.
            let newest = it.records.newest().ok().flatten().map(|it: &FreightRecord| it.freight.clone());
            let name = &it.pipeline.name;
            let mut known = self.of.remove(name).unwrap_or_default();
            if known.layout.replace(it.pipeline.layout) != Some(it.pipeline.layout) {
                known = Compared { layout: known.layout, ..Compared::default() };
            }
            let charts = lacking(newest.as_ref(), &it.charts);
            let question = Question { head: it.head.clone(), newest, charts };
            match known.answer.as_ref().filter(|(asked, _)| *asked == question) {
                Some((_, compare)) => {
                    compares.insert(name.clone(), compare.clone());
                    self.of.insert(name.clone(), known);
                }
                None => open.push((it, question, known)),
            }
        }
        if open.is_empty() {
            return compares;
        }
        // Pipelines that share a head share what is read of its directories.
        let mut trees: BTreeMap<CommitId, Option<GitTree>> = BTreeMap::new();
        for (due, ..) in &open {
            // What cannot be opened cannot be rendered either, which says why.
            trees.entry(due.head.clone()).or_insert_with(|| repository.cache.tree(due.head, "").ok());
        }
        let compared = parallel::each(open, |(due, question, mut known)| {
            let (head, at_head) = (due.head, trees.get(due.head).and_then(Option::as_ref));
            let Question { newest, charts, .. } = &question;
            let street = Street { repository, pipeline: due.pipeline, head, at_head, charts };
            let answer = street.compare(newest.as_ref(), &mut known.rendered);
            let pin = street.pin(newest.as_ref(), &due.locked, &answer, &mut known.rendered);
            let compare = Compare { answer, pin };
            // A render that an upstream fault stopped is tried again on the next look.
            let stands = compare.answer.as_ref().err().is_none_or(|it| it.why.fault == Fault::Input);
            known.answer = stands.then(|| (question, compare.clone()));
            (due.pipeline.name.clone(), known, compare)
        });
        for (name, known, compare) in compared {
            self.of.insert(name.clone(), known);
            compares.insert(name, compare);
        }
        compares
    }

    /// Drops what is known of pipelines that are gone.
    pub(super) fn keep(&mut self, is_there: impl Fn(&Name) -> bool) {
        self.of.retain(|name, _| is_there(name));
    }
}

/// The charts that the next freight brings, of those that subscriptions give: a head may need one that the newest freight does
/// not hold, or has of another repository.
fn lacking(newest: Option<&Freight>, charts: &[Artifact]) -> Vec<Artifact> {
    let place = |content: &Content| match content {
        Content::Chart { url, .. } => Some(url.normal()),
        Content::Git { .. } | Content::Image(_) => None,
    };
    let held = |name: &Name| newest.and_then(|it| it.get(name)).and_then(place);
    charts.iter().filter(|it| held(&it.name) != place(&it.content)).cloned().collect()
}

/// One comparison.
struct Street<'a> {
    repository: &'a Repository,
    pipeline: &'a Pipeline,
    head: &'a CommitId,
    at_head: Option<&'a GitTree>,
    charts: &'a [Artifact],
}

impl Street<'_> {
    fn compare(&self, newest: Option<&Freight>, rendered: &mut BTreeMap<Name, Vec<Rendered>>) -> Answer {
        let Some(subscription) = self.pipeline.git_subscription() else {
            return Ok(false);
        };
        let content = Content::Git { url: self.repository.url.clone(), commit: self.head.clone() };
        let artifact = Artifact { name: subscription.clone(), content };
        let at_head = match newest {
            Some(freight) => freight.clone().with(artifact),
            None => Freight::new(vec![artifact])
                .map_err(|error| broken(&self.pipeline.name, Diagnosis::bug("dry-freight", error)))?,
        };
        let at_head = self.charts.iter().cloned().fold(at_head, Freight::with);
        // Right after the newest freight was made it is compared with itself, and one render of each is enough.
        let before = newest.filter(|it| **it != at_head);
        let mut differs = newest.is_none();
        for environment in &self.pipeline.environments {
            let known = rendered.entry(environment.name.clone()).or_default();
            for part in environment.parts.iter() {
                // What the newest freight gave is only a comparison: if it no longer renders, the head differs from it.
                // It is asked for first, since its render is known and may be that of the head.
                let then = before.filter(|_| !differs).map(|it| self.digest(environment, part, it, known));
                let now = self.digest(environment, part, &at_head, known);
                let now = now.map_err(|why| broken(&environment.name, of_part(part, why)))?;
                differs |= then.is_some_and(|then| then.ok() != Some(now));
            }
        }
        for known in rendered.values_mut() {
            // Nothing else is asked for again.
            known.iter_mut().for_each(|it| it.freight.retain(|it| Some(it) == newest || *it == at_head));
            known.retain(|it| !it.freight.is_empty());
        }
        rendered.retain(|name, _| self.pipeline.environment(name).is_some());
        Ok(differs)
    }

    /// The commit that freight of the head pins: in the layout `folders`, where promotions are commits of the dry branch
    /// themselves, that of earlier freight which renders the same.
    fn pin(
        &self,
        newest: Option<&Freight>,
        locked: &[Freight],
        answer: &Answer,
        rendered: &mut BTreeMap<Name, Vec<Rendered>>,
    ) -> CommitId {
        let pin = match (self.pipeline.layout, newest, answer) {
            (Layout::Folders, Some(newest), Ok(false)) => self.pinned(newest),
            (Layout::Folders, None, Ok(true)) => {
                let mut renders_same = |it: &&Freight| matches!(self.compare(Some(it), rendered), Ok(false));
                locked.iter().find(|it| renders_same(it)).and_then(|it| self.pinned(it))
            }
            _ => None,
        };
        pin.unwrap_or(self.head).clone()
    }

    /// The commit of the manifests in freight.
    fn pinned<'f>(&self, freight: &'f Freight) -> Option<&'f CommitId> {
        match freight.get(self.pipeline.git_subscription()?) {
            Some(Content::Git { commit, .. }) => Some(commit),
            _ => None,
        }
    }

    /// The digest of a render: one that is known, or a new one, which is known then.
    fn digest(
        &self,
        environment: &Environment,
        part: &Part,
        freight: &Freight,
        known: &mut Vec<Rendered>,
    ) -> Result<Digest, Diagnosis> {
        let lock = lock(self.pipeline, environment, part, freight);
        if let Some(found) = known.iter_mut().find(|it| self.is_same(it, &lock)) {
            if !found.freight.contains(freight) {
                found.freight.push(freight.clone());
            }
            return Ok(found.digest.clone());
        }
        let pins = Pins::of(lock.clone(), LOCK_FILE.to_owned(), Mode::Live).map_err(|it| it.diagnosis())?;
        let world = Watched { repository: self.repository, source: &pins.source, asked: Asked::default() };
        let digest = self.rendered(&pins, &world).map_err(|error| error.diagnosis())?;
        if let Some(reads) = world.asked.reads() {
            let freight = vec![freight.clone()];
            known.push(Rendered { lock, freight, reads, digest: digest.clone() });
        }
        Ok(digest)
    }

    fn rendered(&self, pins: &Pins, world: &dyn World) -> Result<Digest, RenderError> {
        let manifests = live(pins, &Cluster::default(), &Limits::default(), world)?;
        Ok(match self.pipeline.layout {
            Layout::Branches => manifests.to_hydrated()?.digest,
            // Nothing is written anywhere, so that Secrets stay where people put them.
            Layout::Folders => Digest::of(manifests.to_yaml()?.as_bytes()),
        })
    }

    /// True when a lock renders as a known one did: its freight is known to, or differs in the commit alone, and that one
    /// holds the same where the render looked.
    fn is_same(&self, known: &Rendered, lock: &PromotionLock) -> bool {
        let with = |freight: Freight| PromotionLock { freight, ..known.lock.clone() };
        if with(lock.freight.clone()) != *lock {
            return false;
        }
        if known.freight.contains(&lock.freight) {
            return true;
        }
        let pinned = lock.freight.artifacts().iter().find(|it| match &it.content {
            Content::Git { commit, .. } => commit == self.head,
            _ => false,
        });
        let (Some(tree), Some(pinned)) = (self.at_head, pinned) else {
            return false;
        };
        known.lock.freight.clone().with(pinned.clone()) == lock.freight && known.reads.hold_in(tree)
    }
}

/// The repository as a render sees it, with an eye on what it asks of the pinned commit. Everything else that it asks
/// for is named by content in there.
struct Watched<'a> {
    repository: &'a Repository,
    source: &'a PinnedSource,
    asked: Asked,
}

impl World for Watched<'_> {
    fn tree(&self, source: &PinnedSource) -> Result<Arc<dyn Files>, Diagnosis> {
        let is_own = source.url.normal() == self.repository.url.normal();
        if !is_own || source.commit != self.source.commit {
            return self.repository.tree(source);
        }
        let tree = self.repository.cache.tree(&source.commit, "").map_err(|error| error.diagnosis())?;
        Ok(self.asked.watch(tree))
    }

    fn template(&self, call: &ChartCall<'_>) -> Result<String, Diagnosis> {
        self.repository.template(call)
    }
}

fn broken(environment: &Name, why: Diagnosis) -> Box<Broken> {
    Box::new(Broken { environment: environment.clone(), why })
}

fn lock(pipeline: &Pipeline, environment: &Environment, part: &Part, freight: &Freight) -> PromotionLock {
    PromotionLock {
        version: LockVersion::default(),
        pipeline: pipeline.name.clone(),
        environment: environment.name.clone(),
        freight: freight.clone(),
        render: Render {
            source: part.source.clone(),
            allow_empty: environment.render.allow_empty,
            allow_secrets: environment.render.allow_secrets.clone(),
            ..Render::default()
        },
        promotion: None,
        hold: None,
    }
}
