//! What is wrong with what environments render to: nothing, a Secret that everybody could read, images that move.

use super::Finding;
use super::ground::Ground;
use promoter_core::pipeline::{Environment, Layout, Part, Pipeline, SubscriptionOrigin};
use promoter_core::{Diagnosis, ImageRef, Place};
use promoter_render::{
    Cluster, Limits, Manifests, RenderError, Rules, Sources, Verified, images_of, render, verify,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Images that no lock pins, with the environments that have them, and the first place.
type Mutable = BTreeMap<String, (Vec<String>, Place)>;

pub(super) fn findings(ground: &Ground) -> Vec<Finding> {
    ground.pipelines.iter().flat_map(|it| of_pipeline(ground, it)).collect()
}

fn of_pipeline(ground: &Ground, pipeline: &Pipeline) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut mutable = Mutable::new();
    for environment in &pipeline.environments {
        for part in environment.parts.iter() {
            match rendered(ground, pipeline, environment, part) {
                Ok(manifests) => note_images(pipeline, environment, &manifests, &mut mutable),
                Err(error) => findings.extend(refused(pipeline, environment, part, &error.diagnosis())),
            }
        }
    }
    let of_image = |(image, (environments, at)): (String, (Vec<String>, Place))| {
        let cause = format!(
            "image `{image}` of {} in `{}` is not pinned: what it names may change without a promotion",
            environments.join(", "),
            pipeline.name
        );
        let hint =
            "subscribe to it with `image` in promoter.yaml, or write its digest behind it (`…@sha256:…`)";
        Finding::warning(Diagnosis::input("lint-mutable-image", cause).at(at).hint(hint))
    };
    findings.extend(mutable.into_iter().map(of_image));
    findings
}

/// Renders as the first promotion would, but for the pins that only freight has.
fn rendered(
    ground: &Ground,
    pipeline: &Pipeline,
    environment: &Environment,
    part: &Part,
) -> Result<Verified<Manifests>, RenderError> {
    let rules = Rules {
        allow_empty: environment.render.allow_empty,
        allow_secrets: environment.render.allow_secrets.clone(),
        release_name: pipeline.name.to_string(),
        ..Rules::default()
    };
    let limits = Limits::default();
    let sources = Sources::at(Arc::clone(&ground.files), &part.source, rules)?;
    let manifests = verify(render(&sources, &Cluster::default(), &limits, &*ground.world)?, &limits)?;
    if pipeline.layout == Layout::Branches {
        manifests.to_hydrated()?;
    }
    Ok(manifests)
}

fn refused(pipeline: &Pipeline, environment: &Environment, part: &Part, why: &Diagnosis) -> Option<Finding> {
    let has_chart = pipeline.subscriptions.iter().any(|it| matches!(it.origin, SubscriptionOrigin::Chart(_)));
    if has_chart && why.code == "chart-not-pinned" {
        // Freight will bring it.
        return None;
    }
    let cause =
        format!("environment `{}` of `{}`: {}{}", environment.name, pipeline.name, part.words(), why.cause);
    let at = why.at.clone().or_else(|| Some(environment.at.clone()));
    Some(Finding::error(Diagnosis { cause, at, ..why.clone() }))
}

fn note_images(pipeline: &Pipeline, environment: &Environment, manifests: &Manifests, mutable: &mut Mutable) {
    for object in &manifests.objects {
        for text in images_of(&object.node) {
            // A text that is no reference is the cluster's to judge.
            let Ok(image) = text.parse::<ImageRef>() else { continue };
            let subscribed = |it: &SubscriptionOrigin| matches!(it, SubscriptionOrigin::Image(it) if it.repository == image.repository);
            if image.digest.is_some() || pipeline.subscriptions.iter().any(|it| subscribed(&it.origin)) {
                continue;
            }
            let at = object.at.clone().unwrap_or_else(|| environment.at.clone());
            let known = mutable.entry(text).or_insert_with(|| (Vec::new(), at));
            let name = format!("`{}`", environment.name);
            if !known.0.contains(&name) {
                known.0.push(name);
            }
        }
    }
}
