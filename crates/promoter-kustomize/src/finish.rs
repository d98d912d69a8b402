//! What is done once, at the very top: hashes, references, local resources, order, and the annotations that the
//! outside sees.

use promoter_yaml::{Map, Node};

use crate::Reorder;
use crate::accumulate::{Accumulator, Shared};
use crate::error::{BuildError, Result};
use crate::field::wrong_type;
use crate::generate::hash::add_hashes;
use crate::kustomization::{Kustomization, SortOptions};
use crate::origin::{ORIGIN, TRANSFORMATIONS, transformations_annotation};
use crate::resmap::ResMap;
use crate::resource::{INTERNAL_DOMAIN, Resource, raw_text};
use crate::{name_reference, order, variables};

/// Turns what the top kustomization accumulated into what is printed.
pub(crate) fn finish(
    sum: Accumulator,
    top: &Kustomization,
    shared: &mut Shared<'_>,
) -> Result<Vec<Resource>> {
    let Accumulator { mut resources, config, variables } = sum;
    add_hashes(&mut resources)?;
    resources.spend(config.own_references())?;
    name_reference::fix(&mut resources, &config)?;
    let unused = variables::resolve(&mut resources, &variables, &config);
    shared.warnings.extend(unused.map_err(|error| error.at(&top.file, 0))?);
    resources.list.retain(|it| !it.is_empty());
    resources.list.iter().try_for_each(check_named)?;
    resources.check_unique("in the end")?;
    resources.list.retain(|it| !is_local(it));
    sort(&mut resources, top, shared)?;
    let asks = |what: &str| top.build_metadata.iter().any(|it| it == what);
    let shown = Shown {
        managed_by: shared.options.managed_by_label || asks("managedByLabel"),
        origin: asks("originAnnotations"),
        transformations: asks("transformerAnnotations"),
    };
    resources.list.iter_mut().try_for_each(|it| {
        let done = shown.clean_up(it);
        it.blamed(done)
    })?;
    Ok(resources.list)
}

/// Fails when a transformer took kind or name away.
fn check_named(resource: &Resource) -> Result<()> {
    let lost = match (resource.kind(), resource.name()) {
        ("", _) => "kind",
        (kind, "") if !kind.ends_with("List") => "metadata.name",
        _ => return Ok(()),
    };
    let message = format!("a resource has no {lost} in the end");
    Err(resource.blame(BuildError::new("kustomize-not-a-resource", message)))
}

/// True for what is only there for local tools.
fn is_local(resource: &Resource) -> bool {
    let note = resource.annotations().and_then(|it| it.get("config.kubernetes.io/local-config"));
    note.is_some_and(|it| it.text().unwrap_or_default() != "false")
}

fn sort(resources: &mut ResMap, top: &Kustomization, shared: &Shared<'_>) -> Result<()> {
    let Some(SortOptions { order, legacy }) = &top.sort_options else {
        if shared.options.reorder == Reorder::Legacy {
            order::sort_legacy(resources);
        }
        return Ok(());
    };
    match (order.value.as_str(), legacy) {
        ("fifo", None) => {}
        ("legacy", None) => order::sort_legacy(resources),
        ("legacy", Some((first, last))) => order::sort_by_kinds(resources, first, last),
        ("fifo", Some(_)) => {
            let error = BuildError::new("kustomize-value", "legacySortOptions need `order: legacy`");
            return Err(error.at(&top.file, order.line));
        }
        (other, _) => {
            let message = match other {
                "" => "`sortOptions` has no `order`".to_owned(),
                other => format!("there is no order `{other}`"),
            };
            return Err(BuildError::new("kustomize-value", message)
                .at(&top.file, order.line)
                .hint("write `order: legacy` or `order: fifo`"));
        }
    }
    Ok(())
}

/// Which notes of the build the outside sees.
struct Shown {
    managed_by: bool,
    origin: bool,
    transformations: bool,
}

/// Notes outside kustomize's own domain that never reach the output.
const READER_NOTES: [&str; 3] =
    ["config.kubernetes.io/path", "config.kubernetes.io/index", "config.k8s.io/id"];

/// Notes in kustomize's own domain that never reach the output. Others there are somebody else's and stay.
const INTERNAL_NOTES: [&str; 16] = [
    "previousKinds",
    "previousNames",
    "prefixes",
    "suffixes",
    "previousNamespaces",
    "allowNameChange",
    "allowKindChange",
    "refBy",
    "generatorBehavior",
    "needsHashSuffix",
    "path",
    "index",
    "seqindent",
    "id",
    "annotations-migration-resource-id",
    "helm-generated",
];

/// The label of `buildMetadata: [managedByLabel]`.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

impl Shown {
    /// Every annotation becomes text, kustomize's own ones go, an empty map of annotations goes too.
    ///
    /// Errors: something else than a mapping stands where a label goes.
    fn clean_up(&self, resource: &mut Resource) -> Result<()> {
        let origin = resource.origin.take().filter(|_| self.origin);
        let changes = std::mem::take(&mut resource.transformations);
        let Some(metadata) = resource.metadata_mut() else {
            return Ok(());
        };
        let mut annotations = Map::new();
        if let Some(old) = metadata.remove("annotations").and_then(|it| match it.data {
            promoter_yaml::Data::Map(map) => Some(map),
            _ => None,
        }) {
            for entry in old.into_entries().into_iter().filter(|it| !is_note(&it.key)) {
                annotations.insert(entry.key, Node::str(raw_text(&entry.value)));
            }
        }
        if let Some(origin) = origin {
            annotations.insert(ORIGIN, Node::str(origin.annotation()));
        }
        if self.transformations && !changes.is_empty() {
            annotations.insert(TRANSFORMATIONS, Node::str(transformations_annotation(&changes)));
        }
        if !annotations.is_empty() {
            metadata.insert("annotations", Node::map(annotations));
        }
        if self.managed_by {
            let labels = metadata.get_or_insert_with("labels", || Node::map(Map::new()));
            if labels.is_null() {
                *labels = Node::map(Map::new());
            }
            let wrong = wrong_type(labels, "a mapping");
            labels.as_map_mut().ok_or(wrong)?.insert(MANAGED_BY, Node::str("kustomize-v5.8.1"));
        }
        Ok(())
    }
}

fn is_note(key: &str) -> bool {
    key == ORIGIN
        || key == TRANSFORMATIONS
        || READER_NOTES.contains(&key)
        || key.strip_prefix(INTERNAL_DOMAIN).is_some_and(|it| INTERNAL_NOTES.contains(&it))
}
