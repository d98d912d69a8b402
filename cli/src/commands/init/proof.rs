//! Proves that nothing changes: what an environment renders to without promoter, and through its first lock.

use super::{Arguments, Layout};
use crate::commands::render::Local;
use crate::tree::InRepository;
use promoter_core::pipeline::{Environment, Pipeline};
use promoter_core::{Diagnosis, PromotionLock};
use promoter_render::{
    Cluster, Limits, Manifests, Mode, Pins, RenderError, Rules, Sources, Verified, first_difference, live,
    render, verify,
};
use promoter_sources::clients::RegistryAccess;
use promoter_sources::disk::DiskFiles;
use std::sync::Arc;

/// Renders every environment both ways; gives the number of objects of each. Errors: one does not render, or differs.
pub(super) fn prove(
    place: &InRepository,
    pipeline: &Pipeline,
    locks: &[PromotionLock],
    arguments: &Arguments,
) -> Result<Vec<usize>, Diagnosis> {
    // The first lock pins no chart.
    let registries = RegistryAccess::default();
    let world =
        Local::new(&arguments.helm.helm_command, place.dot_git.clone(), arguments.bases.clone(), registries);
    let both = |(environment, lock): (&Environment, &PromotionLock)| {
        let wrong = |error: RenderError| of(environment, error.diagnosis());
        let before = on_disk(place, pipeline, environment, &world).map_err(wrong)?;
        let after = locked(environment, lock, &world).map_err(wrong)?;
        let text = |it: &Verified<Manifests>| it.to_yaml().map_err(|error| wrong(error.into()));
        let (old, new) = (text(&before)?, text(&after)?);
        first_difference(&environment.parts.first.source, old.as_bytes(), new.as_bytes())
            .map_err(|error| differs(environment, &error))?;
        if arguments.layout() == Layout::Branches {
            // Secrets may not go onto a branch.
            after.to_hydrated().map_err(|error| wrong(error.into()))?;
        }
        Ok(after.objects.len())
    };
    pipeline.environments.iter().zip(locks).map(both).collect()
}

fn on_disk(
    place: &InRepository,
    pipeline: &Pipeline,
    environment: &Environment,
    world: &Local,
) -> Result<Verified<Manifests>, RenderError> {
    // A chart gets the release name that it will have.
    let rules = Rules { release_name: pipeline.name.to_string(), ..Rules::default() };
    let sources = Sources::at(Arc::<DiskFiles>::clone(&place.files), &environment.parts.first.source, rules)?;
    let limits = Limits::default();
    Ok(verify(render(&sources, &Cluster::default(), &limits, world)?, &limits)?)
}

fn locked(
    environment: &Environment,
    lock: &PromotionLock,
    world: &Local,
) -> Result<Verified<Manifests>, RenderError> {
    let pins = Pins::of(lock.clone(), environment.lock_path().to_owned(), Mode::Live)?;
    live(&pins, &Cluster::default(), &Limits::default(), world)
}

fn of(environment: &Environment, diagnosis: Diagnosis) -> Diagnosis {
    Diagnosis { cause: format!("environment `{}`: {}", environment.name, diagnosis.cause), ..diagnosis }
}

fn differs(environment: &Environment, why: &promoter_render::VerifyError) -> Diagnosis {
    let detail = match why {
        promoter_render::VerifyError::Differs { found, rendered, .. } => {
            format!(": on disk `{}`, in the commit `{}`", found.trim(), rendered.trim())
        }
        _ => String::new(),
    };
    let cause = format!(
        "environment `{}` renders otherwise from what is committed than from the disk{detail}",
        environment.name
    );
    Diagnosis::input("init-render-differs", cause)
        .hint("commit or stash the changes in what it takes from other folders: a lock can only pin what is committed")
}
