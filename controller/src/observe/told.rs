//! What the process tells the observer between looks: what the repository does not hold. All of it may be lost without harm.

use std::collections::BTreeMap;

use promoter_core::pipeline::{Pipeline, SubscriptionOrigin};
use promoter_core::verification::{About, Measurement};
use promoter_core::{Artifact, Diagnosis, FreightId, GitUrl, Name};

use super::Observer;
use crate::discover::{Artifacts, Images};
use crate::signal::Sooner;

/// Measurements that are kept of one environment: enough for every count and limit of its checks.
const MEASUREMENTS_MAX: usize = 1_000;

impl Observer {
    /// Remembers that freight does not render in an environment, until the dry branch moves: with it, the rules may.
    pub fn refuse(&mut self, pipeline: &Name, environment: &Name, freight: FreightId, why: Diagnosis) {
        self.refused.entry((pipeline.clone(), environment.clone())).or_default().insert(freight, why);
        self.looked.entry(pipeline.clone()).and_modify(|it| it.fresh = false);
    }

    /// Remembers a measurement.
    pub fn measured(&mut self, pipeline: &Name, environment: &Name, measurement: Measurement) {
        let kept = self.measurements.entry((pipeline.clone(), environment.clone())).or_default();
        let same = |a: &About, b: &About| {
            matches!(
                (a, b),
                (About::Stay { .. }, About::Stay { .. }) | (About::Proposal(_), About::Proposal(_))
            )
        };
        // What was measured of an earlier stay or proposal is no more of use.
        let about = &measurement.of.about;
        kept.retain(|it| it.of.about == *about || !same(&it.of.about, about));
        kept.push(measurement);
        let surplus = kept.len().saturating_sub(MEASUREMENTS_MAX);
        kept.drain(..surplus);
        self.looked.entry(pipeline.clone()).and_modify(|it| it.fresh = false);
    }

    /// Remembers what the subscriptions of pipelines gave. True when any of it is new, so that another look is worth it.
    pub fn discovered(&mut self, given: BTreeMap<Name, Artifacts>) -> bool {
        let mut is_new = false;
        for (name, artifacts) in &given {
            if self.discovered.get(name).is_some_and(|it| it == artifacts) {
                continue;
            }
            is_new |= !artifacts.is_empty();
            self.looked.entry(name.clone()).and_modify(|it| it.fresh = false);
        }
        self.discovered = given;
        is_new
    }

    /// What chart subscriptions of a pipeline give now.
    pub(super) fn charts(&self, pipeline: &Pipeline) -> Vec<Artifact> {
        let charts =
            pipeline.subscriptions.iter().filter(|it| matches!(it.origin, SubscriptionOrigin::Chart(_)));
        let chosen = charts.filter_map(|it| {
            let discovered = self.discovered.get(&pipeline.name)?.get(&it.name)?;
            let content = discovered.found.as_ref().ok()?.chosen.as_ref()?.content.clone();
            Some(Artifact { name: it.name.clone(), content })
        });
        chosen.collect()
    }

    /// Remembers what is known of the signatures of what a pipeline proposes. True when any of it is new, so that another look
    /// is worth it.
    pub fn judged(&mut self, pipeline: &Name, images: Images) -> bool {
        if self.images.get(pipeline).map_or(images.is_empty(), |it| *it == images) {
            return false;
        }
        self.images.insert(pipeline.clone(), images);
        self.looked.entry(pipeline.clone()).and_modify(|it| it.fresh = false);
        true
    }

    /// Whether news is about something that a look reads: the repository itself, or the one that holds the policy.
    pub fn is_concerned(&self, sooner: &Sooner) -> bool {
        let policy = self.repository.settings().policy.repo.as_ref();
        let policy = policy.and_then(|it| it.to_string().parse::<GitUrl>().ok());
        policy.iter().chain([&self.repository.url]).any(|it| sooner.names_git(it))
    }
}
