//! Applying patches. The merging itself is `patch`'s.
//!
//! Decides what becomes of a resource besides, such as the names that it had, and what an entry may hold. Leaves reading
//! the text to `read`, and to `target` which resources a patch is for.

mod read;
mod target;

use std::collections::HashSet;
use std::rc::Rc;

use promoter_yaml::{Map, Node};

use crate::error::{BuildError, Result};
use crate::field_path::untyped;
use crate::patch::json6902::{JsonPatch, Notes};
use crate::patch::schema::Schema;
use crate::patch::selector::Selector;
use crate::patch::strategic::{self, Allow};
use crate::resmap::{ResMap, charge, spend};
use crate::resource::{Resource, raw_text};
use crate::shared::is_replacement;
use crate::size::Size;

use target::{find_target, selected};

pub(crate) use read::{read_json, read_strategic};
pub(super) use target::candidate;

/// A patch with more operations is counted by the size of what it changes: each looks through mappings and lists.
const LONG_PATCH: usize = 100;

/// About what one operation looks through in a step.
const BYTES_A_STEP: usize = 1_000;

/// A patch that is ready to be applied.
#[derive(Debug)]
pub(crate) struct PatchEntry {
    /// What it does.
    pub(crate) content: PatchContent,
    /// What it is for; a strategic merge without one is for the resource that it names itself.
    pub(crate) target: Option<Selector>,
    /// What a strategic merge may change besides content.
    pub(crate) allow: Allow,
    /// Where the entry stands, for messages: file and line.
    pub(crate) named_at: (Rc<str>, u32),
    /// The file that holds the text: that of the entry, or one of its own.
    pub(crate) source: Rc<str>,
    /// Lines of `source` before the text of an inline patch.
    pub(crate) lines_before: u32,
}

/// What a patch does.
#[derive(Debug)]
pub(crate) enum PatchContent {
    /// Strategic merges from an entry of `patches`.
    Strategic(Vec<Resource>),
    /// Strategic merges from `patchesStrategicMerge`.
    OldStrategic(Vec<Resource>),
    /// Operations from an entry of `patches`.
    Json(JsonPatch),
    /// Operations from `patchesJson6902`.
    OldJson(JsonPatch),
}

impl PatchContent {
    /// True when there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Strategic(patches) | Self::OldStrategic(patches) => patches.is_empty(),
            Self::Json(patch) | Self::OldJson(patch) => patch.is_empty(),
        }
    }
}

impl PatchEntry {
    /// The name of kustomize's plugin.
    pub(super) fn plugin(&self) -> &'static str {
        match self.content {
            PatchContent::Strategic(_) | PatchContent::Json(_) => "PatchTransformer",
            PatchContent::OldStrategic(_) => "PatchStrategicMergeTransformer",
            PatchContent::OldJson(_) => "PatchJson6902Transformer",
        }
    }

    /// Applies the patch.
    pub(super) fn run(&self, resources: &mut ResMap, schema: &Schema) -> Result<()> {
        match &self.content {
            PatchContent::Strategic(patches) => self.run_strategic(patches, resources, schema),
            PatchContent::OldStrategic(patches) => patches.iter().try_for_each(|patch| {
                let target = find_target(resources, patch)?;
                let chosen = HashSet::from([target]);
                self.merge_into(&chosen, patch, resources, schema)
            }),
            PatchContent::Json(patch) => self.run_json(patch, resources, true),
            PatchContent::OldJson(patch) => self.run_json(patch, resources, false),
        }
    }

    fn run_strategic(&self, patches: &[Resource], resources: &mut ResMap, schema: &Schema) -> Result<()> {
        let Some(target) = &self.target else {
            let allow = Allow { api_version_change: true, ..self.allow };
            return patches.iter().try_for_each(|patch| {
                let at = find_target(resources, patch)?;
                let mut node = patch.node.clone();
                if allow.name_change || allow.kind_change {
                    // kustomize notes that on the patch, in an annotation, and so makes texts of the others.
                    stringify(&mut node, "annotations");
                }
                self.merge_one(&mut resources.list[at], node, patch, schema, allow)
            });
        };
        match patches {
            [] => Ok(()),
            [patch] => self.merge_into(&selected(resources, target), patch, resources, schema),
            _ => Err(self.blame_entry(BuildError::new(
                "kustomize-patch",
                "an entry with a target holds one strategic merge patch, here are several",
            ))),
        }
    }

    /// Merges one patch into several resources. Labels and annotations of the patch become text first, as kustomize
    /// copies them so.
    fn merge_into(
        &self,
        chosen: &HashSet<usize>,
        patch: &Resource,
        resources: &mut ResMap,
        schema: &Schema,
    ) -> Result<()> {
        let mut template = patch.node.clone();
        for field in ["labels", "annotations"] {
            stringify(&mut template, field);
        }
        charge(&mut resources.copied, Size::of(&template).bytes.saturating_mul(chosen.len()))?;
        for (at, resource) in resources.list.iter_mut().enumerate() {
            if chosen.contains(&at) {
                self.merge_one(resource, template.clone(), patch, schema, self.allow)?;
                // kustomize gives the patch the version of the resource first, even none.
                let is_flow = resource.node.is_flow;
                if patch.node.get("$patch").is_none()
                    && let Some(map) =
                        resource.node.as_map_mut().filter(|it| !it.is_empty() && !it.contains("apiVersion"))
                {
                    let mut version = untyped("");
                    if is_flow {
                        version.put_in_flow();
                    }
                    map.insert("apiVersion", version);
                }
            }
        }
        resources.drop_empties();
        resources.check_unique("by a patch")
    }

    fn merge_one(
        &self,
        resource: &mut Resource,
        node: Node,
        patch: &Resource,
        schema: &Schema,
        allow: Allow,
    ) -> Result<()> {
        if allow.name_change || allow.kind_change {
            resource.remember();
        }
        // A patch that stands in the place of all leaves the resource as it is, or nothing of it.
        let replaces_all = is_replacement(&node);
        let loses_notes = !replaces_all && replaces_annotations(&node);
        if !replaces_all {
            resource.unshare_replaced(&node);
        }
        match strategic::apply(&mut resource.node, node, schema, allow) {
            Ok(_) => {
                if loses_notes {
                    resource.forget();
                }
                resource.settle();
                Ok(())
            }
            Err(error) => {
                let message = format!("the patch does not fit `{}`: {error}", resource.id());
                let line = error.mark().line;
                Err(BuildError::new("kustomize-patch", message).at(&patch.source, line))
            }
        }
    }

    fn run_json(&self, patch: &JsonPatch, resources: &mut ResMap, remember: bool) -> Result<()> {
        if patch.is_empty() {
            return Ok(());
        }
        let Some(target) = &self.target else {
            return Err(self.blame_entry(
                BuildError::new("kustomize-patch", "a JSON patch needs a target")
                    .hint("say which resources it is for: `target: {kind: …, name: …}`"),
            ));
        };
        let chosen = selected(resources, target);
        let ResMap { list, copied, steps } = resources;
        charge(copied, patch.bytes().saturating_mul(chosen.len()))?;
        let long = patch.len() > LONG_PATCH;
        for (_, resource) in list.iter_mut().enumerate().filter(|(at, _)| chosen.contains(at)) {
            if long {
                let effort = Size::of(&resource.node).bytes / BYTES_A_STEP;
                spend(steps, effort.saturating_mul(patch.len()))?;
            }
            let notes = if remember || resource.has_notes() { Notes::Taken } else { Notes::None };
            if remember {
                resource.remember();
            }
            let applied = patch.apply(&mut resource.node, notes).map_err(|error| {
                let message = format!("the patch does not fit `{}`: {}", resource.id(), error.message);
                let found = BuildError::new("kustomize-patch", message).line(error.mark.line);
                found.behind(self.lines_before).at(&self.source, 0)
            });
            charge(copied, applied?)?;
            resource.shared.clear();
        }
        Ok(())
    }

    fn blame_entry(&self, error: BuildError) -> BuildError {
        let (file, line) = &self.named_at;
        error.at(file, *line)
    }
}

/// True for a patch that takes all annotations away or puts others in their place. kustomize's notes are among them.
fn replaces_annotations(patch: &Node) -> bool {
    let annotations = patch.path(&["metadata", "annotations"]);
    patch.get("metadata").is_some_and(is_replacement)
        || annotations.is_some_and(|it| is_replacement(it) || it.is_null())
}

/// Makes every value of a map in `metadata` a text, and takes away what is none or empty.
fn stringify(node: &mut Node, field: &str) {
    let Some(metadata) = node.get_mut("metadata").and_then(Node::as_map_mut) else {
        return;
    };
    let Some(map) = metadata.get(field).and_then(Node::as_map).filter(|it| !it.is_empty()) else {
        metadata.remove(field);
        return;
    };
    let texts: Map = map.iter().map(|(key, value)| (key.into(), Node::str(raw_text(value)))).collect();
    metadata.insert(field, Node::map(texts));
}
