//! Plugin files: entries of `transformers`, `generators` and `validators` that configure kustomize's built-in plugins.
//!
//! Only those run. Anything else would be a program, a container or a Go plugin, and is refused by name.

use promoter_yaml::{Dialect, Limits, Node, parse_first};

use crate::accumulate::{Accumulator, Shared, Target};
use crate::error::{BuildError, Result};
use crate::field::FieldSpec;
use crate::generate::{self, Kind, helm, iam};
use crate::kustomization::reader::{At, Reader};
use crate::kustomization::{
    GeneratorArgs, HelmChart, HelmGlobals, Image, Patch, Replacement, Replica, read_field_spec, read_selector,
};
use crate::loader::text;
use crate::origin::Origin;
use crate::patch::selector::{Selector, SelectorSpec};
use crate::read::resources_from_text;
use crate::resource::Resource;
use crate::transform::{ImagePattern, NamespaceChange, Side, Subjects, Transform, ValueAdd, ValueTarget};

impl Target<'_> {
    /// Reads the plugin configurations that entries name: manifests in place first, then files and directories.
    pub(crate) fn plugins(&self, entries: &[At<String>], shared: &mut Shared<'_>) -> Result<Vec<Resource>> {
        let mut sum = Accumulator::default();
        let mut paths = Vec::new();
        for entry in entries {
            match self.inline_plugin(entry, shared) {
                Some(resources) => sum.resources.append_all(resources?)?,
                None => paths.push(entry.clone()),
            }
        }
        self.accumulate_resources(&mut sum, &paths, shared)?;
        Ok(sum.resources.list)
    }

    fn inline_plugin(&self, entry: &At<String>, shared: &Shared<'_>) -> Option<Result<Vec<Resource>>> {
        let file = &self.kustomization.file;
        let found = resources_from_text(file, &entry.value);
        if found.is_err() && !entry.value.contains('\n') {
            return None;
        }
        Some(found.map_err(|error| BuildError { line: error.line + entry.line, ..error }).map(|mut list| {
            if shared.track_origin {
                let path = self.origin_of(file.rsplit('/').next().unwrap_or_default());
                list.iter_mut()
                    .for_each(|it| it.origin = Some(Origin { path: path.clone(), ..Origin::default() }));
            }
            list
        }))
    }

    /// The transformers that one configuration asks for.
    pub(crate) fn plugin_transforms(&self, plugin: &Resource) -> Result<Vec<Transform>> {
        self.check_builtin(plugin)?;
        let config = PluginFile { target: self, plugin, reader: Reader::plugin(&plugin.source) };
        let made = match plugin.kind() {
            "AnnotationsTransformer" => {
                config.pairs("annotations").map(|(it, specs)| Transform::Annotations(it, specs))
            }
            "LabelTransformer" => config.pairs("labels").map(|(it, specs)| Transform::Labels(it, specs)),
            "HashTransformer" => Ok(Transform::Hash),
            "ImageTagTransformer" => config.image(),
            "NamespaceTransformer" => config.namespace(),
            "PatchJson6902Transformer" => config.json_patch(),
            "PatchStrategicMergeTransformer" => config.strategic_merges(),
            "PatchTransformer" => Patch::read(config.reader, &plugin.node)
                .and_then(|patch| self.patch(&patch, &plugin.source).map(Transform::Patch)),
            "PrefixTransformer" => config.affix(Side::Prefix),
            "SuffixTransformer" => config.affix(Side::Suffix),
            "PrefixSuffixTransformer" => {
                return Ok(vec![config.affix(Side::Prefix)?, config.affix(Side::Suffix)?]);
            }
            "ReplicaCountTransformer" => config.replicas(),
            "ReplacementTransformer" => config.replacements(),
            "ValueAddTransformer" => config.value_add(),
            kind => Err(BuildError::new(
                "kustomize-not-supported",
                format!("`{kind}` is no built-in transformer"),
            )),
        };
        made.map(|it| vec![it]).map_err(|error| error.at(&plugin.source, plugin.node.mark.line))
    }

    /// What the generator that one configuration asks for makes.
    pub(crate) fn plugin_resources(&self, plugin: &Resource, shared: &Shared<'_>) -> Result<Vec<Resource>> {
        self.check_builtin(plugin)?;
        let reader = Reader::plugin(&plugin.source);
        let of_kind = |kind: Kind| {
            let mut args = GeneratorArgs::read(reader, &plugin.node, kind == Kind::Secret)?;
            if args.name.is_empty() {
                args.name = plugin.name().to_owned();
            }
            if args.namespace.is_empty() {
                args.namespace = plugin.namespace().to_owned();
            }
            generate::generate(kind, &args, None, &self.loader, &plugin.source).map(|it| vec![it])
        };
        match plugin.kind() {
            "ConfigMapGenerator" => of_kind(Kind::ConfigMap),
            "SecretGenerator" => of_kind(Kind::Secret),
            "IAMPolicyGenerator" => iam::generate(reader, plugin).map(|it| vec![it]),
            "HelmChartInflationGenerator" => {
                let chart = HelmChart::read(reader, &plugin.node)?;
                let globals = HelmGlobals::read(reader, &plugin.node)?;
                helm::generate(&chart, &globals, &self.loader, &plugin.source, shared)
            }
            kind => {
                Err(BuildError::new("kustomize-not-supported", format!("`{kind}` is no built-in generator"))
                    .at(&plugin.source, plugin.node.mark.line))
            }
        }
    }

    fn check_builtin(&self, plugin: &Resource) -> Result<()> {
        if plugin.api_version() == "builtin" {
            return Ok(());
        }
        let message = format!(
            "the plugin `{}` of `{}` would run a program or a container, which a build never does",
            plugin.kind(),
            plugin.api_version()
        );
        Err(BuildError::new("kustomize-not-supported", message)
            .at(&plugin.source, plugin.node.mark.line)
            .hint("render it in CI and commit the result, or use a built-in transformer"))
    }
}

/// The origin that a plugin gives to what it makes or changes.
pub(crate) fn plugin_origin(plugin: &Resource) -> Option<Origin> {
    let origin = plugin.origin.as_ref()?;
    let by = [plugin.api_version(), plugin.kind(), plugin.name(), plugin.namespace()];
    Some(Origin {
        path: String::new(),
        configured_in: origin.path.clone(),
        configured_by: by.map(String::from),
    })
}

/// One configuration being read.
struct PluginFile<'p, 'a> {
    target: &'p Target<'a>,
    plugin: &'p Resource,
    reader: Reader<'p>,
}

type Pairs = std::collections::BTreeMap<String, String>;

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

    fn pairs(&self, field: &'static str) -> Result<(Pairs, Vec<FieldSpec>)> {
        let mut pairs = Pairs::new();
        self.reader.object(self.node(), &[field], |_, value| {
            pairs = self.reader.string_map(value)?;
            Ok(())
        })?;
        Ok((pairs, self.specs()?.unwrap_or_default()))
    }

    fn image(&self) -> Result<Transform> {
        let mut image = Image::default();
        self.reader.object(self.node(), &["imageTag"], |_, value| {
            image = Image::read(self.reader, value)?;
            Ok(())
        })?;
        Ok(Transform::Images(ImagePattern::new(image)?, self.specs()?.unwrap_or_default()))
    }

    fn namespace(&self) -> Result<Transform> {
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

    fn json_patch(&self) -> Result<Transform> {
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

    fn strategic_merges(&self) -> Result<Transform> {
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

    fn affix(&self, side: Side) -> Result<Transform> {
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

    fn replicas(&self) -> Result<Transform> {
        let mut replica = Replica::default();
        self.reader.object(self.node(), &["replica"], |_, value| {
            replica = Replica::read(self.reader, value)?;
            Ok(())
        })?;
        Ok(Transform::Replicas(replica, self.specs()?.unwrap_or_default()))
    }

    fn replacements(&self) -> Result<Transform> {
        let mut list = Vec::new();
        self.reader.object(self.node(), &["replacements"], |_, value| {
            list = self.reader.list(value, |it| Replacement::read(self.reader, it))?;
            Ok(())
        })?;
        self.target.replacements(&list, &self.plugin.source)
    }

    fn value_add(&self) -> Result<Transform> {
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
        let document = parse_first(text(&path, &bytes)?, Dialect::Config, &Limits::default())
            .map_err(|error| BuildError::syntax(&path, &error))?;
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
