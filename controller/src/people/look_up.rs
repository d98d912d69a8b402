//! Tags and versions that people name without a digest: looked up where their subscription looks.

use std::collections::BTreeMap;
use std::sync::Arc;

use promoter_core::discovery::Found;
use promoter_core::pipeline::{Pipeline, SubscriptionOrigin};
use promoter_core::{Diagnosis, ImageTag, Name, Setting, UnixSeconds};

use super::Person;
use super::choose::find_pipeline;
use crate::discover::{Artifacts, Discovered, Discoverer};
use crate::pass::subscriber;

impl Person {
    /// Asks for what these settings name without a digest, so that [`Person::create_freight`] knows what is meant. Nothing is
    /// asked where every setting has its pin.
    ///
    /// Errors: a tag that is not there, a registry that does not answer. What is no tag or version is left to `create_freight`.
    pub fn look_up(
        &mut self,
        pipeline: Option<&Name>,
        settings: &[Setting],
        discoverer: &mut Discoverer,
        now: UnixSeconds,
    ) -> Result<(), Diagnosis> {
        let open: Vec<&Setting> = settings.iter().filter(|it| !it.value.contains('@')).collect();
        if open.is_empty() {
            return Ok(());
        }
        let seen = self.observe_unrendered()?;
        let (pipeline, observation) = find_pipeline(&seen, pipeline)?;
        let named = |name: &Name| open.iter().find(|it| it.name == *name);
        let mut asked: Pipeline = pipeline.clone();
        asked.subscriptions.retain(|it| named(&it.name).is_some());
        let mut artifacts: Artifacts = BTreeMap::new();
        for subscription in &asked.subscriptions {
            if let (SubscriptionOrigin::Image(rule), Some(setting)) =
                (&subscription.origin, named(&subscription.name))
                && let Ok(tag) = setting.value.parse::<ImageTag>()
            {
                let others = vec![discoverer.candidate(rule, &tag)?];
                let discovered =
                    Discovered { found: Ok(Found { others, ..Found::default() }), finding: None };
                artifacts.insert(subscription.name.clone(), Arc::new(discovered));
            }
        }
        asked.subscriptions.retain(|it| !artifacts.contains_key(&it.name));
        discoverer.reach_as(self.repository());
        let subscribers = [subscriber(&asked, observation)].into_iter();
        for (_, found) in discoverer.discover(&self.repository().url, subscribers, now).artifacts {
            artifacts.extend(found);
        }
        if let Some(why) = artifacts.values().find_map(|it| it.finding.clone()) {
            return Err(why);
        }
        self.observer.discovered(BTreeMap::from([(pipeline.name.clone(), artifacts)]));
        Ok(())
    }
}
