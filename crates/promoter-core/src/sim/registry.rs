//! Registries in the simulated world: tags that come, move and vanish, and what is found of them.

use super::World;
use crate::discovery::{Found, ImageFacts};
use crate::observation::{Fact, Unread};
use crate::pipeline::SubscriptionOrigin;
use crate::{Digest, Name};
use std::collections::BTreeMap;

impl World {
    /// A build pushes a tag, over one that is there as well: then `content` has to be another.
    pub fn publish(&mut self, subscription: &Name, tag: &str, content: &str) {
        let digest = Digest::of(format!("{subscription} {content}").as_bytes());
        self.registry.entry(subscription.clone()).or_default().insert(tag.to_owned(), digest);
    }

    /// A tag vanishes from the registry.
    pub fn unpublish(&mut self, subscription: &Name, tag: &str) {
        if let Some(tags) = self.registry.get_mut(subscription) {
            tags.remove(tag);
        }
    }

    /// What every registry that is asked answers; `fails` where none does.
    pub(super) fn artifacts(&self, fails: bool) -> BTreeMap<Name, Fact<Found>> {
        let facts = ImageFacts::default();
        let found = |(name, tags): (&Name, &BTreeMap<String, Digest>)| {
            let found = match self.pipeline.subscription(name).map(|it| &it.origin) {
                _ if fails => Err(Unread::new(format!("the registry of {name}"), "connection refused")),
                Some(SubscriptionOrigin::Image(own)) => {
                    let ordered = own.order(tags.keys().map(String::as_str));
                    let digest = |tag: &str| tags.get(tag)?.as_str().parse().ok();
                    let looked_up =
                        ordered.names.iter().filter_map(|it| Some((*it, Ok((digest(it)?, &facts)))));
                    Ok(own.choose(&ordered, looked_up))
                }
                Some(SubscriptionOrigin::Chart(own)) => {
                    let ordered = own.order(tags.keys().map(String::as_str));
                    let looked_up =
                        ordered.names.iter().filter_map(|it| Some((*it, Ok((tags.get(*it)?.clone(), None)))));
                    Ok(own.choose(&ordered, looked_up))
                }
                _ => return None,
            };
            Some((name.clone(), found))
        };
        self.registry.iter().filter_map(found).collect()
    }
}
