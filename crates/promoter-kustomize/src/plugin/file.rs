//! One configuration of a built-in transformer, read field by field.

use std::collections::BTreeMap;

use promoter_yaml::{Dialect, Limits, Node, parse_first};

use crate::accumulate::Target;
use crate::error::{BuildError, Result};
use crate::field::FieldSpec;
use crate::kustomization::reader::{At, Reader};
use crate::kustomization::{Image, Patch, Replacement, Replica, read_field_spec, read_selector};
use crate::loader::text;
use crate::patch::selector::{Selector, SelectorSpec};
use crate::resource::Resource;
use crate::transform::{ImagePattern, NamespaceChange, Side, Subjects, Transform, ValueAdd, ValueTarget};

/// One configuration being read.
pub(super) struct PluginFile<'p, 'a> {
    /// The kustomization that names it; files are looked for from there.
    pub(super) target: &'p Target<'a>,
    /// The manifest.
    pub(super) plugin: &'p Resource,
    /// Reads the manifest.
    pub(super) reader: Reader<'p>,
}

type Pairs = BTreeMap<String, String>;

impl PluginFile<'_, '_> {
    fn node(&self) -> &Node {
        &self.plugin.node
    }

    fn specs(&self) -> Result<Option<Vec<FieldSpec>>> {
        let mut specs = None;
        self.reader.object(self.node(), &["fieldSpecs"], |_, value| {
            specs = Some(self.reader.list(value, |it| read_field_spec(self.reader, it))?);
            Ok(())
        })?;
        Ok(specs)
    }

    /// Labels or annotations, and where they go.
    pub(super) fn pairs(&self, field: &'static str) -> Result<(Pairs, Vec<FieldSpec>)> {
        let mut pairs = Pairs::new();
        self.reader.object(self.node(), &[field], |_, value| {
            pairs = self.reader.string_map(value)?;
            Ok(())
        })?;
        Ok((pairs, self.specs()?.unwrap_or_default()))
    }

    /// ImageTagTransformer.
    pub(super) fn image(&self) -> Result<Transform> {
        let mut image = Image::default();
        self.reader.object(self.node(), &["imageTag"], |_, value| {
            image = Image::read(self.reader, value)?;
            Ok(())
        })?;
        Ok(Transform::Images(ImagePattern::new(image)?, self.specs()?.unwrap_or_default()))
    }

    /// NamespaceTransformer.
    pub(super) fn namespace(&self) -> Result<Transform> {
        let mut change = NamespaceChange {
            namespace: self.plugin.namespace().to_owned(),
            specs: self.specs()?.unwrap_or_default(),
            ..NamespaceChange::default()
        };
        self.reader.object(self.node(), &["unsetOnly", "setRoleBindingSubjects"], |field, value| {
            if field == "unsetOnly" {
                change.unset_only = self.reader.bool(value)?;
                return Ok(());
            }
            change.subjects = match self.reader.string(value)?.as_str() {
                "" | "defaultOnly" => Subjects::NamedDefault,
                "allServiceAccounts" => Subjects::ServiceAccounts,
                "none" => Subjects::Nobody,
                other => {
                    let message = format!(
                        "setRoleBindingSubjects is `{other}`, defaultOnly, allServiceAccounts or none is wanted"
                    );
                    return Err(BuildError::new("kustomize-value", message).line(value.mark.line));
                }
            };
            Ok(())
        })?;
        Ok(Transform::Namespace(change))
    }

    /// PatchJson6902Transformer.
    pub(super) fn json_patch(&self) -> Result<Transform> {
        let mut patch = Patch { line: self.node().mark.line, ..Patch::default() };
        self.reader.object(self.node(), &["target", "path", "jsonOp"], |field, value| {
            match field {
                "target" => patch.target = Some(read_selector(self.reader, value)?),
                "path" => patch.path = self.reader.string(value)?,
                _ => (patch.patch, patch.line) = (self.reader.string(value)?, value.mark.line),
            }
            Ok(())
        })?;
        self.target.old_json_patch(&patch, &self.plugin.source).map(Transform::Patch)
    }

    /// PatchStrategicMergeTransformer.
    pub(super) fn strategic_merges(&self) -> Result<Transform> {
        let mut entries = Vec::new();
        self.reader.object(self.node(), &["paths", "patches"], |field, value| {
            match field {
                "paths" => entries.extend(self.reader.located_strings(value)?),
                _ => entries.push(self.reader.located(value)?),
            }
            Ok(())
        })?;
        self.target.old_strategic_merges(&entries, &self.plugin.source)
    }

    /// PrefixTransformer or SuffixTransformer.
    pub(super) fn affix(&self, side: Side) -> Result<Transform> {
        let field = if side == Side::Prefix { "prefix" } else { "suffix" };
        let mut affix = String::new();
        self.reader.object(self.node(), &[field], |_, value| {
            affix = self.reader.string(value)?;
            Ok(())
        })?;
        match self.specs()? {
            Some(specs) => Ok(Transform::Name(side, affix, specs)),
            None => Err(BuildError::new("kustomize-value", "the transformer needs `fieldSpecs`")),
        }
    }

    /// ReplicaCountTransformer.
    pub(super) fn replicas(&self) -> Result<Transform> {
        let mut replica = Replica::default();
        self.reader.object(self.node(), &["replica"], |_, value| {
            replica = Replica::read(self.reader, value)?;
            Ok(())
        })?;
        Ok(Transform::Replicas(replica, self.specs()?.unwrap_or_default()))
    }

    /// ReplacementTransformer.
    pub(super) fn replacements(&self) -> Result<Transform> {
        let mut list = Vec::new();
        self.reader.object(self.node(), &["replacements"], |_, value| {
            list = self.reader.list(value, |it| Replacement::read_entry(self.reader, it))?;
            Ok(())
        })?;
        self.target.replacements(&list, &self.plugin.source)
    }

    /// ValueAddTransformer.
    pub(super) fn value_add(&self) -> Result<Transform> {
        let mut value = String::new();
        let mut targets = Vec::new();
        let mut file = None;
        self.reader.object(self.node(), &["value", "targets", "targetFilePath"], |field, node| {
            match field {
                "value" => value = self.reader.string(node)?.trim().to_owned(),
                "targets" => targets = self.reader.list(node, |it| read_value_target(self.reader, it))?,
                _ => file = Some(self.reader.located(node)?),
            }
            Ok(())
        })?;
        if let Some(file) = file.filter(|it| !it.value.is_empty()) {
            targets.extend(self.value_targets_of(&file)?);
        }
        if targets.is_empty() {
            return Err(BuildError::new("kustomize-value", "the transformer needs `targets`"));
        }
        if value.is_empty() {
            value = self.target.loader.base_name().to_owned();
        }
        Ok(Transform::ValueAdd(ValueAdd { value, targets }))
    }

    fn value_targets_of(&self, file: &At<String>) -> Result<Vec<ValueTarget>> {
        let (path, bytes) = self.target.loader.read(file, &self.plugin.source)?;
        let text = text(&path, &bytes)?;
        let document = parse_first(text, Dialect::Config, &Limits::default())
            .map_err(|error| BuildError::syntax(&path, text, &error))?;
        let reader = Reader::plugin(&path);
        let mut targets = Vec::new();
        reader.object(&document.unwrap_or_else(Node::null), &["targets"], |_, value| {
            targets = reader.list(value, |it| read_value_target(reader, it))?;
            Ok(())
        })?;
        Ok(targets)
    }
}

fn read_value_target(reader: Reader<'_>, node: &Node) -> Result<ValueTarget> {
    let mut selector: Option<SelectorSpec> = None;
    let mut target = ValueTarget { selector: None, field_path: String::new(), position: 0 };
    reader.object(node, &["selector", "fieldPath", "filePathPosition"], |field, value| {
        match field {
            "selector" => selector = Some(read_selector(reader, value)?),
            "fieldPath" => target.field_path = reader.string(value)?,
            _ => {
                let position = reader.int(value)?;
                target.position =
                    usize::try_from(position).map_err(|_| reader.wrong(value, "a position from 0"))?;
            }
        }
        Ok(())
    })?;
    if target.field_path.is_empty() {
        return Err(reader.wrong(node, "a target with a `fieldPath`"));
    }
    let compiled = selector.as_ref().map(Selector::compile).transpose();
    target.selector = compiled.map_err(|error| {
        BuildError::new("kustomize-selector", error.to_string()).at(reader.file, node.mark.line)
    })?;
    Ok(target)
}
