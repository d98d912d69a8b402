//! What a pipeline's parts say about each other: names, order, branches.

use super::{Environment, GateRule, Layout, Pipeline, PipelineError, SubscriptionOrigin};
use crate::fields::is_slip;
use crate::record::{BY_LOCK, BY_PROMOTER, STATE_BRANCH};
use crate::{Name, Place};
use std::collections::{BTreeMap, BTreeSet};

/// Checks one pipeline.
pub(super) fn check(pipeline: &Pipeline) -> Result<(), PipelineError> {
    let subscriptions = pipeline.subscriptions.iter().map(|it| (&it.name, &it.at));
    unique("subscription", subscriptions)?;
    unique("environment", pipeline.environments.iter().map(|it| (&it.name, &it.at)))?;
    let dry = pipeline.subscriptions.iter().filter(|it| it.origin.is_dry());
    if dry.count() != 1 {
        let message = "a pipeline needs exactly one subscription to this repository: `git` without `repoURL`";
        return Err(rules(message, "it pins the commit of the manifests", &pipeline.at));
    }
    subscriptions_of(pipeline)?;
    if pipeline.environments.is_empty() {
        return Err(rules("a pipeline needs at least one environment", "add one", &pipeline.at));
    }
    for it in &pipeline.environments {
        known_after(it, pipeline)?;
        let soaks = it.gates.iter().any(|gate| matches!(gate.rule, GateRule::Soak(_)));
        if soaks && it.after.environments.is_empty() {
            let message = format!("`{}` has a gate `soak` and no `after`", it.name);
            return Err(rules(message, "soak is the time in the environments of `after`: name them", &it.at));
        }
    }
    pipeline.environments.iter().try_for_each(gates)?;
    acyclic(pipeline)?;
    branches([pipeline])
}

/// Checks pipelines of one repository against each other: names are unique, branches do not get in each other's way.
pub fn check_together(pipelines: &[Pipeline]) -> Result<(), PipelineError> {
    unique("pipeline", pipelines.iter().map(|it| (&it.name, &it.at)))?;
    branches(pipelines)
}

fn rules(message: impl Into<String>, hint: impl Into<String>, at: &Place) -> PipelineError {
    PipelineError::Rules { message: message.into(), hint: hint.into(), at: at.clone() }
}

/// The artifact that renders take for the commit of the manifests where freight pins several repositories.
const MANIFESTS: &str = "config";
/// How many patterns of tags and paths a pipeline may hold: each is compiled, and kept so.
const PATTERNS_MAX: usize = 200;
/// What stands for something else where records say how freight came to be.
const TAKEN: [&str; 2] = [BY_LOCK, BY_PROMOTER];

/// Checks what a render could not tell apart: each image repository and each chart has one pin, and where freight pins
/// commits of several repositories, the one with the manifests has a name of its own.
fn subscriptions_of(pipeline: &Pipeline) -> Result<(), PipelineError> {
    let mut seen: BTreeMap<String, &Name> = BTreeMap::new();
    for it in &pipeline.subscriptions {
        if TAKEN.contains(&it.name.as_str()) {
            let message = format!("a subscription cannot be called `{}`", it.name);
            return Err(rules(
                message,
                "records say that of freight that nobody discovered: name it otherwise",
                &it.at,
            ));
        }
        let address = match &it.origin {
            SubscriptionOrigin::Dry(_) | SubscriptionOrigin::Git(_) => continue,
            SubscriptionOrigin::Image(own) => own.repository.to_string(),
            SubscriptionOrigin::Chart(own) => own.url.normal(),
        };
        if let Some(first) = seen.insert(address.clone(), &it.name) {
            let message = format!("`{first}` and `{}` both subscribe to {address}", it.name);
            let hint =
                "a render pins it once: keep one, and let `constraint` or `allowTags` say what it takes";
            return Err(rules(message, hint, &it.at));
        }
    }
    let patterns = pipeline.subscriptions.iter().map(|it| it.origin.patterns()).sum::<usize>();
    if patterns > PATTERNS_MAX {
        let message = format!("the subscriptions hold {patterns} patterns");
        return Err(rules(message, format!("write at most {PATTERNS_MAX} in one pipeline"), &pipeline.at));
    }
    let mut git = pipeline.subscriptions.iter().filter(|it| matches!(it.origin, SubscriptionOrigin::Git(_)));
    let dry = pipeline.subscriptions.iter().find(|it| it.origin.is_dry());
    match (git.next(), dry) {
        (Some(_), Some(dry)) if dry.name.as_str() != MANIFESTS => {
            let message = format!("the subscription to this repository is called `{}`", dry.name);
            let hint = format!(
                "beside other git repositories, call it `{MANIFESTS}`: renders find the manifests by it"
            );
            Err(rules(message, hint, &dry.at))
        }
        _ => Ok(()),
    }
}

fn unique<'a>(what: &str, names: impl Iterator<Item = (&'a Name, &'a Place)>) -> Result<(), PipelineError> {
    let mut seen: BTreeMap<&Name, &Place> = BTreeMap::new();
    for (name, at) in names {
        if let Some(first) = seen.insert(name, at) {
            let message = format!("{what} `{name}` is there twice, first at {first}");
            return Err(rules(message, "give one another name", at));
        }
    }
    Ok(())
}

/// Checks that the words for each check among the gates are its own: they are the keys of what a merge says of it.
fn gates(environment: &Environment) -> Result<(), PipelineError> {
    let mut titles = BTreeSet::from(["after", "soak", "approvals"]);
    for gate in &environment.gates {
        if let GateRule::Check(check) = &gate.rule
            && !titles.insert(check.title())
        {
            let message = format!("`{}` has two gates that are called `{}`", environment.name, check.title());
            return Err(rules(message, "give each check a `name` of its own", &gate.at));
        }
    }
    Ok(())
}

fn known_after(environment: &Environment, pipeline: &Pipeline) -> Result<(), PipelineError> {
    let names = || pipeline.environments.iter().map(|it| it.name.as_str());
    let mut seen = BTreeSet::new();
    for name in &environment.after.environments {
        if !names().any(|it| it == name.as_str()) {
            let message = format!("`{}` comes after `{name}`, which is no environment", environment.name);
            let hint = match names().find(|it| is_slip(name.as_str(), it)) {
                Some(near) => format!("did you mean `{near}`"),
                None => format!("the pipeline has {}", names().collect::<Vec<_>>().join(", ")),
            };
            return Err(rules(message, hint, &environment.at));
        }
        if !seen.insert(name) {
            let message = format!("`{}` comes after `{name}` twice", environment.name);
            return Err(rules(message, "name it once", &environment.at));
        }
    }
    Ok(())
}

/// Takes environments away whose `after` are all gone; what stays is a cycle.
fn acyclic(pipeline: &Pipeline) -> Result<(), PipelineError> {
    let mut left: Vec<&Environment> = pipeline.environments.iter().collect();
    let mut gone: BTreeSet<&Name> = BTreeSet::new();
    loop {
        let before = left.len();
        left.retain(|it| {
            let free = it.after.environments.iter().all(|name| gone.contains(name));
            if free {
                gone.insert(&it.name);
            }
            !free
        });
        match left.first() {
            None => return Ok(()),
            Some(first) if left.len() == before => {
                let names: Vec<&str> = left.iter().map(|it| it.name.as_str()).collect();
                let message = format!("`after` goes in a circle among {}", names.join(", "));
                return Err(rules(message, "take one `after` out", &first.at));
            }
            Some(_) => {}
        }
    }
}

/// Checks that no two environments write to one place, and that git can hold all branches side by side: none is a
/// directory of another.
fn branches<'a>(pipelines: impl IntoIterator<Item = &'a Pipeline>) -> Result<(), PipelineError> {
    let mut proposed: BTreeMap<&str, String> = BTreeMap::new();
    let mut active: BTreeMap<(&str, &str), String> = BTreeMap::new();
    let mut all: BTreeMap<&str, &Place> = BTreeMap::new();
    for pipeline in pipelines {
        for it in &pipeline.environments {
            let own = format!("{} of {}", it.name, pipeline.name);
            if let Some(other) = proposed.insert(&it.proposed_branch, own.clone()) {
                let message = format!("`{}` and {other} share the branch `{}`", it.name, it.proposed_branch);
                return Err(rules(
                    message,
                    "put `{environment}` and `{pipeline}` into `branches.proposed`",
                    &it.at,
                ));
            }
            for part in it.parts.iter() {
                if let Some(other) = active.insert((&it.active_branch, &part.lock_path), own.clone()) {
                    let message = format!(
                        "`{}` and {other} both write `{}` on `{}`",
                        it.name, part.lock_path, it.active_branch
                    );
                    let hint = match pipeline.layout {
                        Layout::Branches => "put `{environment}` into `branches.active`",
                        Layout::Folders => {
                            "give each environment a `source` of its own, or use `layout: branches`"
                        }
                    };
                    return Err(rules(message, hint, &it.at));
                }
            }
            all.insert(&it.active_branch, &it.at);
            all.insert(&it.proposed_branch, &it.at);
        }
    }
    for (branch, at) in all.iter().map(|(branch, at)| (*branch, *at)) {
        if let Some((proposed, _)) = proposed.get_key_value(branch)
            && active.keys().any(|(active, _)| active == proposed)
        {
            let message = format!("`{branch}` is an active and a proposed branch");
            return Err(rules(message, "change `branches`", at));
        }
        let parents = branch.match_indices('/').map(|(end, _)| &branch[..end]);
        if let Some(parent) = parents.into_iter().find(|it| all.contains_key(it) || *it == STATE_BRANCH) {
            let message = format!("git cannot hold the branches `{parent}` and `{branch}` side by side");
            return Err(rules(message, "change `branches` so that none is a directory of another", at));
        }
        if branch == STATE_BRANCH || STATE_BRANCH.starts_with(&format!("{branch}/")) {
            return Err(rules(format!("`{branch}` is taken by {STATE_BRANCH}"), "change `branches`", at));
        }
    }
    Ok(())
}
