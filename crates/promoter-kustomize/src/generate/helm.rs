//! `helmCharts`: what is asked of helm, and what becomes of its answer. Running it is [`crate::Externals`]'.

use std::rc::Rc;

use promoter_yaml::{Data, Dialect, Limits, Map, Node, emit_kustomize, parse_first};

use crate::ChartRequest;
use crate::accumulate::Shared;
use crate::error::{BuildError, Result};
use crate::files::{FileKind, normalise};
use crate::kustomization::reader::At;
use crate::kustomization::{HelmChart, HelmGlobals};
use crate::loader::{Loader, text};
use crate::read::resources_from_text;
use crate::resource::Resource;

/// Renders one chart. `file` names it.
///
/// Errors: helm is not switched on, the entry says too little for a render that is always the same, helm fails.
pub(crate) fn generate(
    chart: &HelmChart,
    globals: &HelmGlobals,
    loader: &Loader<'_>,
    file: &Rc<str>,
    shared: &Shared<'_>,
) -> Result<Vec<Resource>> {
    let wrong = |code: &'static str, message: String| BuildError {
        code,
        ..BuildError::new(code, message).at(file, chart.line)
    };
    if !shared.options.enable_helm {
        return Err(wrong("kustomize-helm", "a chart is named but helm is not switched on".to_owned())
            .hint("build with --enable-helm"));
    }
    if chart.name.is_empty() {
        return Err(wrong("kustomize-value", "a chart has no name".to_owned()));
    }
    if chart.release_name.is_empty() || !chart.name_template.is_empty() {
        let message = format!("the chart `{}` gets a random release name", chart.name);
        return Err(wrong("kustomize-helm", message).hint("set `releaseName`, and no `nameTemplate`"));
    }
    let directory = chart_directory(chart, globals, loader);
    if directory.is_none() && chart.repo.is_empty() {
        let message = format!("the chart `{}` is not in the tree and has no `repo`", chart.name);
        return Err(wrong("kustomize-missing", message));
    }
    let some = |text: &String| (!text.is_empty()).then(|| text.clone());
    let request = ChartRequest {
        name: chart.name.clone(),
        values: values(chart, directory.as_deref(), loader, file)?,
        directory,
        repo: some(&chart.repo),
        version: some(&chart.version),
        release_name: chart.release_name.clone(),
        namespace: some(&chart.namespace),
        include_crds: chart.include_crds,
        api_versions: chart.api_versions.clone(),
        kube_version: some(&chart.kube_version),
        skip_hooks: chart.skip_hooks,
        skip_tests: chart.skip_tests,
    };
    let rendered =
        shared.externals.template(loader.files(), &request).map_err(|error| error.at(file, chart.line))?;
    let source: Rc<str> = Rc::from(format!("{file} (chart {})", chart.name));
    let mut resources = resources_from_text(&source, &rendered, 0)?;
    resources.iter_mut().for_each(|it| it.helm_namespaced = true);
    Ok(resources)
}

/// Where the unpacked chart is in the tree, if it is there.
fn chart_directory(chart: &HelmChart, globals: &HelmGlobals, loader: &Loader<'_>) -> Option<String> {
    let home = if globals.chart_home.is_empty() { "charts" } else { &globals.chart_home };
    let home = loader.path_of(home)?;
    let home = match (chart.version.as_str(), chart.repo.as_str()) {
        ("", _) | (_, "") => home,
        (version, _) => normalise(&home, &format!("{}-{version}", chart.name))?,
    };
    let directory = normalise(&home, &chart.name)?;
    (loader.files().kind(&directory) == Some(FileKind::Directory)).then_some(directory)
}

/// The values documents besides the chart's own, later ones win.
fn values(
    chart: &HelmChart,
    directory: Option<&str>,
    loader: &Loader<'_>,
    file: &Rc<str>,
) -> Result<Vec<String>> {
    let read = |path: &str| -> Result<(Rc<str>, String)> {
        let (path, bytes) = loader.read(&At { value: path.to_owned(), line: chart.line }, file)?;
        let content = text(&path, &bytes)?.to_owned();
        Ok((path, content))
    };
    let from_file = match chart.values_file.as_str() {
        "" => None,
        path => Some(read(path)?),
    };
    let inline = chart.values_inline.as_ref().filter(|it| it.as_map().is_some_and(|map| !map.is_empty()));
    let mut documents = Vec::new();
    match inline {
        None => documents.extend(from_file.map(|(_, content)| content)),
        Some(inline) => {
            let from_file = match from_file {
                None if chart.values_merge == "merge" => Some(chart_values(chart, directory, loader, file)?),
                other => other,
            };
            let below = match from_file {
                Some((path, content)) => parse_values(&path, &content)?,
                None => Node::map(Map::new()),
            };
            documents.push(merged_values(chart, inline, below, file)?);
        }
    }
    for path in &chart.additional_values_files {
        documents.push(read(path)?.1);
    }
    Ok(documents)
}

/// Values of a file and values in place, as `valuesMerge` says.
fn merged_values(chart: &HelmChart, inline: &Node, from_file: Node, file: &str) -> Result<String> {
    let (mut below, above) = match chart.values_merge.as_str() {
        "" | "override" => (from_file, inline.clone()),
        "merge" => (inline.clone(), from_file),
        "replace" => (inline.clone(), Node::map(Map::new())),
        other => {
            let message = format!("valuesMerge is `{other}`, merge, override or replace is wanted");
            return Err(BuildError::new("kustomize-value", message).at(file, chart.line));
        }
    };
    lay_over(&mut below, above);
    let mut out = String::new();
    emit_kustomize(&below, &mut out).map_err(|error| BuildError::syntax(file, "", &error))?;
    Ok(out)
}

/// Lays one tree of values over another: mappings are merged, a null takes a key away, anything else is replaced.
fn lay_over(below: &mut Node, above: Node) {
    match (&mut below.data, above.data) {
        (Data::Map(below), Data::Map(above)) => {
            for entry in above.into_entries() {
                if entry.value.is_null() {
                    below.remove(&entry.key);
                } else if let Some(old) = below.get_mut(&entry.key) {
                    lay_over(old, entry.value);
                } else {
                    let mut new = Node::map(Map::new());
                    lay_over(&mut new, entry.value);
                    below.insert(entry.key, new);
                }
            }
        }
        (_, data) => below.data = data,
    }
}

fn parse_values(path: &str, content: &str) -> Result<Node> {
    let parsed = parse_first(content, Dialect::Resource, &Limits::default());
    let parsed = parsed.map_err(|error| BuildError::syntax(path, content, &error))?;
    Ok(parsed.unwrap_or_else(|| Node::map(Map::new())))
}

/// The chart's own values, which can only be read when the chart is in the tree.
fn chart_values(
    chart: &HelmChart,
    directory: Option<&str>,
    loader: &Loader<'_>,
    file: &str,
) -> Result<(Rc<str>, String)> {
    let Some(directory) = directory else {
        let message = "`valuesMerge: merge` needs a valuesFile, or the chart in the tree";
        return Err(BuildError::new("kustomize-helm", message).at(file, chart.line));
    };
    let path = format!("{directory}/values.yaml");
    let bytes = loader.files().read(&path).map_err(|error| BuildError::file(&error, (file, chart.line)))?;
    let path = loader.shown(path);
    let content = text(&path, &bytes)?.to_owned();
    Ok((Rc::from(path), content))
}
