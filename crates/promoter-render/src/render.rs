//! The street as a whole, and its third step: a source becomes manifests, pins applied.

use std::collections::BTreeSet;

use promoter_kustomize::{ChartRequest, Files, Options};

use crate::images;
use crate::plain::{read_folder, read_objects};
use crate::served::first_difference;
use crate::world::Door;
use crate::{
    Chosen, Cluster, Hydrated, Limits, MANIFEST_FILE, Manifests, Object, Parameters, Pins, RenderError,
    Rules, SourceError, SourceKind, Sources, Step, Verified, World, load, resolve, serve, verify,
};

/// Answers for an Application: the manifests of the lock in `app_path` of the request's tree.
pub fn answer(
    files: &dyn Files,
    app_path: &str,
    parameters: &Parameters,
    cluster: &Cluster,
    limits: &Limits,
    world: &dyn World,
) -> Result<Verified<Manifests>, RenderError> {
    answer_pins(files, &resolve(files, app_path, parameters)?, cluster, limits, world)
}

/// The rest of the way for pins that were resolved from `files`.
pub fn answer_pins(
    files: &dyn Files,
    pins: &Pins,
    cluster: &Cluster,
    limits: &Limits,
    world: &dyn World,
) -> Result<Verified<Manifests>, RenderError> {
    match &pins.chosen {
        Chosen::Live => live(pins, cluster, limits, world),
        Chosen::Hydrated(_) => served(files, pins, limits, world),
        Chosen::Verify(_) => {
            let served = served(files, pins, limits, world)?;
            // As the controller rendered it, without a cluster.
            let rendered = hydrated(pins, limits, world)?.1;
            let path = pins.beside(MANIFEST_FILE);
            first_difference(&path, &files.read(&path).map_err(SourceError::File)?, &rendered.bytes)?;
            Ok(served)
        }
    }
}

fn served(
    files: &dyn Files,
    pins: &Pins,
    limits: &Limits,
    world: &dyn World,
) -> Result<Verified<Manifests>, RenderError> {
    world.begins(Step::Render);
    let manifests = serve(files, pins, limits)?;
    world.begins(Step::Verify);
    Ok(verify(manifests, limits)?)
}

/// Renders what a lock pins as it is written to a branch: without a cluster, Secrets refused.
pub fn hydrated(
    pins: &Pins,
    limits: &Limits,
    world: &dyn World,
) -> Result<(Verified<Manifests>, Hydrated), RenderError> {
    let manifests = live(pins, &Cluster::default(), limits, world)?;
    let hydrated = manifests.to_hydrated()?;
    Ok((manifests, hydrated))
}

/// Renders what a lock pins, whatever is hydrated beside it.
pub fn live(
    pins: &Pins,
    cluster: &Cluster,
    limits: &Limits,
    world: &dyn World,
) -> Result<Verified<Manifests>, RenderError> {
    let sources = load(pins, world)?;
    world.begins(Step::Render);
    let manifests = render(&sources, cluster, limits, world)?;
    world.begins(Step::Verify);
    Ok(verify(manifests, limits)?)
}

/// Renders a source. With a chart in it everything is rendered twice, and a difference is refused: charts may draw
/// random values or look at a cluster.
pub fn render(
    sources: &Sources,
    cluster: &Cluster,
    limits: &Limits,
    world: &dyn World,
) -> Result<Manifests, SourceError> {
    let door = Door::new(world, &sources.rules, cluster, 0);
    let (mut objects, mut warnings) = run(sources, limits, &door)?;
    if door.chart_took_part() {
        let (again, _) = run(sources, limits, &Door::new(world, &sources.rules, cluster, 1))?;
        same(&objects, &again, &sources.path)?;
    }
    let mut used = BTreeSet::new();
    for object in &mut objects {
        images::pin(&mut object.node, &sources.rules.images, &mut used);
    }
    let unused = sources.rules.images.keys().filter(|it| !used.contains(it));
    warnings.extend(unused.map(|it| format!("no container uses the pinned image `{it}`")));
    let unused = sources.rules.charts.iter().filter(|it| !door.took(it));
    warnings.extend(unused.map(|it| format!("nothing uses the pinned chart `{}`", it.url)));
    Ok(Manifests { objects, source: sources.path.clone(), rules: sources.rules.clone(), warnings })
}

fn run(
    sources: &Sources,
    limits: &Limits,
    door: &Door<'_>,
) -> Result<(Vec<Object>, Vec<String>), SourceError> {
    let tree = &*sources.tree;
    match sources.kind {
        SourceKind::Plain => Ok((read_folder(tree, &sources.path, limits)?, Vec::new())),
        SourceKind::Chart => {
            let text = door.render_chart(tree, &own_chart(&sources.path, &sources.rules))?;
            let mut objects = read_objects(&format!("{} as helm renders it", sources.path), &text, limits)?;
            // A line of helm's output is no place where a person can mend anything.
            objects.iter_mut().for_each(|it| it.at = None);
            Ok((objects, Vec::new()))
        }
        SourceKind::Kustomize => {
            let options = Options::default().with_helm(true);
            let built = promoter_kustomize::build(tree, &sources.path, &options, door)
                .map_err(|error| door.take_failure().unwrap_or(SourceError::Build(error)))?;
            let objects = built.resources.into_iter().map(|node| Object { node, at: None });
            Ok((objects.collect(), built.warnings))
        }
    }
}

/// A chart that is the source itself, as Argo CD asks helm for it: with CRDs, hooks and tests.
fn own_chart(path: &str, rules: &Rules) -> ChartRequest {
    let directory_name = path.rsplit('/').next().unwrap_or_default();
    let named = if rules.release_name.is_empty() { directory_name } else { &rules.release_name };
    let release_name = if named.is_empty() { "release" } else { named };
    let mut request = ChartRequest::new(release_name, release_name);
    request.directory = Some(path.into());
    request.include_crds = true;
    request
}

fn same(first: &[Object], second: &[Object], source: &str) -> Result<(), SourceError> {
    let differs = || {
        let pair = first.iter().zip(second).find(|(a, b)| a.node != b.node);
        pair.map_or_else(|| "the number of objects".into(), |(a, _)| format!("`{}`", a.shown()))
    };
    if first.len() == second.len() && first.iter().zip(second).all(|(a, b)| a.node == b.node) {
        return Ok(());
    }
    Err(SourceError::NotRepeatable { what: differs(), source_path: source.into() })
}
