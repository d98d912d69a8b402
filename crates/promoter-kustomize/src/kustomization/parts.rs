//! The entries of a kustomization's lists.

use std::collections::BTreeMap;

use promoter_yaml::Node;

use super::reader::{At, Reader};
use crate::error::Result;
use crate::field::FieldSpec;
use crate::patch::selector::SelectorSpec;

/// One entry of `labels`.
#[derive(Debug, Clone, Default)]
pub(crate) struct LabelSet {
    /// The labels.
    pub(crate) pairs: BTreeMap<String, String>,
    /// Set them in selectors and templates too.
    pub(crate) include_selectors: bool,
    /// Set them in templates too.
    pub(crate) include_templates: bool,
    /// More fields to set them in.
    pub(crate) fields: Vec<FieldSpec>,
}

impl LabelSet {
    pub(super) fn read(reader: Reader<'_>, node: &Node) -> Result<Self> {
        let mut this = Self::default();
        let fields = &["pairs", "includeSelectors", "includeTemplates", "fields"];
        reader.object(node, fields, |field, value| {
            match field {
                "pairs" => this.pairs = reader.string_map(value)?,
                "includeSelectors" => this.include_selectors = reader.bool(value)?,
                "includeTemplates" => this.include_templates = reader.bool(value)?,
                _ => this.fields = reader.list(value, |it| read_field_spec(reader, it))?,
            }
            Ok(())
        })?;
        Ok(this)
    }
}

/// Reads a field spec: group, version, kind, path, create.
pub(crate) fn read_field_spec(reader: Reader<'_>, node: &Node) -> Result<FieldSpec> {
    let mut spec = FieldSpec::new("", "", "", "", false);
    reader.object(node, &["group", "version", "kind", "path", "create"], |field, value| {
        match field {
            "group" => spec.group = reader.string(value)?.into(),
            "version" => spec.version = reader.string(value)?.into(),
            "kind" => spec.kind = reader.string(value)?.into(),
            "path" => spec.path = reader.string(value)?.into(),
            _ => spec.create = reader.bool(value)?,
        }
        Ok(())
    })?;
    Ok(spec)
}

/// Reads `metadata`, which means nothing but must be well formed.
pub(super) fn read_metadata(reader: Reader<'_>, node: &Node) -> Result<()> {
    reader.object(node, &["name", "namespace", "labels", "annotations"], |field, value| match field {
        "name" | "namespace" => reader.string(value).map(drop),
        _ => reader.string_map(value).map(drop),
    })
}

/// Reads a selector.
pub(crate) fn read_selector(reader: Reader<'_>, node: &Node) -> Result<SelectorSpec> {
    let mut spec = SelectorSpec::default();
    let fields = &["group", "version", "kind", "name", "namespace", "labelSelector", "annotationSelector"];
    reader.object(node, fields, |field, value| {
        let text = reader.string(value)?;
        match field {
            "group" => spec.group = text,
            "version" => spec.version = text,
            "kind" => spec.kind = text,
            "name" => spec.name = text,
            "namespace" => spec.namespace = text,
            "labelSelector" => spec.label_selector = text,
            _ => spec.annotation_selector = text,
        }
        Ok(())
    })?;
    Ok(spec)
}

/// `options` of a patch.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PatchOptions {
    /// `allowNameChange`.
    pub(crate) allow_name_change: bool,
    /// `allowKindChange`.
    pub(crate) allow_kind_change: bool,
}

/// One entry of `patches` or `patchesJson6902`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patch {
    /// The file, empty when the patch is inline.
    pub(crate) path: String,
    /// The patch itself.
    pub(crate) patch: String,
    /// The line of the file's name, or the one before the inline text.
    pub(crate) line: u32,
    /// What it is for.
    pub(crate) target: Option<SelectorSpec>,
    /// What it may change.
    pub(crate) options: PatchOptions,
}

impl Patch {
    pub(crate) fn read(reader: Reader<'_>, node: &Node) -> Result<Self> {
        let mut this = Self { line: node.mark.line, ..Self::default() };
        reader.object(node, &["path", "patch", "target", "options"], |field, value| {
            match field {
                "path" => (this.path, this.line) = (reader.string(value)?, value.mark.line),
                "patch" => (this.patch, this.line) = (reader.string(value)?, value.mark.line),
                "target" => this.target = Some(read_selector(reader, value)?),
                _ => this.options = read_patch_options(reader, value)?,
            }
            Ok(())
        })?;
        Ok(this)
    }
}

fn read_patch_options(reader: Reader<'_>, node: &Node) -> Result<PatchOptions> {
    let mut options = PatchOptions::default();
    reader.object(node, &["allowNameChange", "allowKindChange"], |field, value| {
        let flag = reader.bool(value)?;
        match field {
            "allowNameChange" => options.allow_name_change = flag,
            _ => options.allow_kind_change = flag,
        }
        Ok(())
    })?;
    Ok(options)
}

/// One entry of `images`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Image {
    /// Which images, a regular expression.
    pub(crate) name: At<String>,
    /// New repository.
    pub(crate) new_name: String,
    /// Text behind the tag.
    pub(crate) tag_suffix: String,
    /// New tag.
    pub(crate) new_tag: String,
    /// New digest.
    pub(crate) digest: String,
}

impl Image {
    pub(crate) fn read(reader: Reader<'_>, node: &Node) -> Result<Self> {
        let mut this = Self::default();
        this.name.line = node.mark.line;
        reader.object(node, &["name", "newName", "tagSuffix", "newTag", "digest"], |field, value| {
            let text = reader.string(value)?;
            match field {
                "name" => this.name = At { value: text, line: value.mark.line },
                "newName" => this.new_name = text,
                "tagSuffix" => this.tag_suffix = text,
                "newTag" => this.new_tag = text,
                _ => this.digest = text,
            }
            Ok(())
        })?;
        Ok(this)
    }
}

/// One entry of `replicas`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Replica {
    /// Name of the workload, present or earlier.
    pub(crate) name: At<String>,
    /// How many.
    pub(crate) count: i64,
}

impl Replica {
    pub(crate) fn read(reader: Reader<'_>, node: &Node) -> Result<Self> {
        let mut this = Self::default();
        this.name.line = node.mark.line;
        reader.object(node, &["name", "count"], |field, value| {
            match field {
                "name" => this.name = reader.located(value)?,
                _ => this.count = reader.int(value)?,
            }
            Ok(())
        })?;
        Ok(this)
    }
}

/// One entry of `vars`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Variable {
    /// Its name.
    pub(crate) name: At<String>,
    /// Group of the resource it reads.
    pub(crate) group: String,
    /// Version of that resource.
    pub(crate) version: String,
    /// Kind of that resource.
    pub(crate) kind: String,
    /// Name of that resource.
    pub(crate) object: String,
    /// Namespace of that resource, empty for any.
    pub(crate) namespace: String,
    /// The field it reads.
    pub(crate) field_path: String,
}

impl Variable {
    pub(super) fn read(reader: Reader<'_>, node: &Node) -> Result<Self> {
        let mut this = Self { field_path: "metadata.name".to_owned(), ..Self::default() };
        this.name.line = node.mark.line;
        reader.object(node, &["name", "objref", "fieldref"], |field, value| match field {
            "name" => {
                this.name = reader.located(value)?;
                Ok(())
            }
            "objref" => this.read_object(reader, value),
            _ => reader.object(value, &["fieldPath"], |_, path| {
                let path = reader.string(path)?;
                if !path.is_empty() {
                    this.field_path = path;
                }
                Ok(())
            }),
        })?;
        Ok(this)
    }

    fn read_object(&mut self, reader: Reader<'_>, node: &Node) -> Result<()> {
        let mut api_version = String::new();
        let fields = &["apiVersion", "group", "version", "kind", "name", "namespace"];
        reader.object(node, fields, |field, value| {
            let text = reader.string(value)?;
            match field {
                "apiVersion" => api_version = text,
                "group" => self.group = text,
                "version" => self.version = text,
                "kind" => self.kind = text,
                "name" => self.object = text,
                _ => self.namespace = text,
            }
            Ok(())
        })?;
        match api_version.split('/').collect::<Vec<_>>()[..] {
            [""] => {}
            [version] => self.version = version.to_owned(),
            [group, version] => (self.group, self.version) = (group.to_owned(), version.to_owned()),
            _ => {}
        }
        Ok(())
    }
}

/// `sortOptions`.
#[derive(Debug, Clone, Default)]
pub(crate) struct SortOptions {
    /// `legacy` or `fifo`.
    pub(crate) order: At<String>,
    /// `legacySortOptions`: kinds that come first, kinds that come last.
    pub(crate) legacy: Option<(Vec<String>, Vec<String>)>,
}

impl SortOptions {
    pub(super) fn read(reader: Reader<'_>, node: &Node) -> Result<Self> {
        let mut this = Self::default();
        this.order.line = node.mark.line;
        reader.object(node, &["order", "legacySortOptions"], |field, value| {
            if field == "order" {
                this.order = reader.located(value)?;
                return Ok(());
            }
            let (mut first, mut last) = (Vec::new(), Vec::new());
            reader.object(value, &["orderFirst", "orderLast"], |field, value| {
                match field {
                    "orderFirst" => first = reader.strings(value)?,
                    _ => last = reader.strings(value)?,
                }
                Ok(())
            })?;
            this.legacy = Some((first, last));
            Ok(())
        })?;
        Ok(this)
    }
}

/// Where a generator's keys and values come from.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyValueSources {
    /// `key=value`.
    pub(crate) literals: Vec<At<String>>,
    /// `[key=]path`.
    pub(crate) files: Vec<At<String>>,
    /// Files of lines `key=value`.
    pub(crate) envs: Vec<At<String>>,
}

/// One entry of `configMapGenerator` or `secretGenerator`.
#[derive(Debug, Clone, Default)]
pub(crate) struct GeneratorArgs {
    /// The line of the entry.
    pub(crate) line: u32,
    /// Name before prefixes and hash.
    pub(crate) name: String,
    /// Namespace, empty for none.
    pub(crate) namespace: String,
    /// `create`, `merge`, `replace`.
    pub(crate) behavior: String,
    /// `type` of a Secret, empty for `Opaque`.
    pub(crate) secret_type: String,
    /// The data.
    pub(crate) sources: KeyValueSources,
    /// `options`.
    pub(crate) options: Option<GeneratorOptions>,
}

const GENERATOR_FIELDS: &[&str] =
    &["namespace", "name", "behavior", "literals", "files", "envs", "env", "options", "type"];

impl GeneratorArgs {
    pub(crate) fn read(reader: Reader<'_>, node: &Node, is_secret: bool) -> Result<Self> {
        let mut this = Self { line: node.mark.line, ..Self::default() };
        let mut env = None;
        let fields =
            if is_secret { GENERATOR_FIELDS } else { &GENERATOR_FIELDS[..GENERATOR_FIELDS.len() - 1] };
        reader.object(node, fields, |field, value| {
            match field {
                "namespace" => this.namespace = reader.string(value)?,
                "name" => this.name = reader.string(value)?,
                "behavior" => this.behavior = reader.string(value)?,
                "literals" => this.sources.literals = reader.located_strings(value)?,
                "files" => this.sources.files = reader.located_strings(value)?,
                "envs" => this.sources.envs = reader.located_strings(value)?,
                "env" => env = Some(reader.located(value)?).filter(|it| !it.value.is_empty()),
                "options" => this.options = Some(GeneratorOptions::read(reader, value)?),
                _ => this.secret_type = reader.string(value)?,
            }
            Ok(())
        })?;
        this.sources.envs.extend(env);
        Ok(this)
    }
}

/// `generatorOptions`, or `options` of one generator.
#[derive(Debug, Clone, Default)]
pub(crate) struct GeneratorOptions {
    /// Labels to set.
    pub(crate) labels: BTreeMap<String, String>,
    /// Annotations to set.
    pub(crate) annotations: BTreeMap<String, String>,
    /// No hash at the end of the name.
    pub(crate) disable_name_suffix_hash: bool,
    /// `immutable: true`.
    pub(crate) immutable: bool,
}

impl GeneratorOptions {
    pub(crate) fn read(reader: Reader<'_>, node: &Node) -> Result<Self> {
        let mut this = Self::default();
        let fields = &["labels", "annotations", "disableNameSuffixHash", "immutable"];
        reader.object(node, fields, |field, value| {
            match field {
                "labels" => this.labels = reader.string_map(value)?,
                "annotations" => this.annotations = reader.string_map(value)?,
                "disableNameSuffixHash" => this.disable_name_suffix_hash = reader.bool(value)?,
                _ => this.immutable = reader.bool(value)?,
            }
            Ok(())
        })?;
        Ok(this)
    }

    /// One generator's options with the general ones below them. What the general ones switch on stays on.
    pub(crate) fn over(mut self, general: &Self) -> Self {
        for (mine, theirs) in
            [(&mut self.labels, &general.labels), (&mut self.annotations, &general.annotations)]
        {
            for (key, value) in theirs {
                mine.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        self.disable_name_suffix_hash |= general.disable_name_suffix_hash;
        self.immutable |= general.immutable;
        self
    }
}

/// How a source or a target of a replacement reads or writes a part of a value.
#[derive(Debug, Clone, Default)]
pub(crate) struct FieldOptions {
    /// What parts are separated by; empty for the whole value.
    pub(crate) delimiter: String,
    /// Which part.
    pub(crate) index: i64,
    /// Make a field that is missing.
    pub(crate) create: bool,
}

impl FieldOptions {
    fn read(reader: Reader<'_>, node: &Node) -> Result<Self> {
        let mut this = Self::default();
        reader.object(node, &["delimiter", "index", "encoding", "create"], |field, value| {
            match field {
                "delimiter" => this.delimiter = reader.string(value)?,
                "index" => this.index = reader.int(value)?,
                "encoding" => drop(reader.string(value)?),
                _ => this.create = reader.bool(value)?,
            }
            Ok(())
        })?;
        Ok(this)
    }
}

/// Where a replacement takes its value from.
#[derive(Debug, Clone, Default)]
pub(crate) struct SourceSelector {
    /// The resource, exactly; empty parts match everything.
    pub(crate) object: SelectorSpec,
    /// Its field, empty for `metadata.name`.
    pub(crate) field_path: String,
    /// Which part of it.
    pub(crate) options: FieldOptions,
}

impl SourceSelector {
    fn read(reader: Reader<'_>, node: &Node) -> Result<Self> {
        let mut this = Self::default();
        let fields = &["group", "version", "kind", "name", "namespace", "fieldPath", "options"];
        reader.object(node, fields, |field, value| {
            match field {
                "group" => this.object.group = reader.string(value)?,
                "version" => this.object.version = reader.string(value)?,
                "kind" => this.object.kind = reader.string(value)?,
                "name" => this.object.name = reader.string(value)?,
                "namespace" => this.object.namespace = reader.string(value)?,
                "fieldPath" => this.field_path = reader.string(value)?,
                _ => this.options = FieldOptions::read(reader, value)?,
            }
            Ok(())
        })?;
        Ok(this)
    }
}

/// Where a replacement puts its value.
#[derive(Debug, Clone, Default)]
pub(crate) struct TargetSelector {
    /// The resources.
    pub(crate) select: Option<SelectorSpec>,
    /// Resources that are left out.
    pub(crate) reject: Vec<SelectorSpec>,
    /// Their fields, empty for `metadata.name`.
    pub(crate) field_paths: Vec<String>,
    /// Which part of them.
    pub(crate) options: FieldOptions,
}

impl TargetSelector {
    fn read(reader: Reader<'_>, node: &Node) -> Result<Self> {
        let mut this = Self::default();
        reader.object(node, &["select", "reject", "fieldPaths", "options"], |field, value| {
            match field {
                "select" => this.select = Some(read_selector(reader, value)?),
                "reject" => this.reject = reader.list(value, |it| read_selector(reader, it))?,
                "fieldPaths" => this.field_paths = reader.strings(value)?,
                _ => this.options = FieldOptions::read(reader, value)?,
            }
            Ok(())
        })?;
        Ok(this)
    }
}

/// One entry of `replacements`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Replacement {
    /// The line of the entry.
    pub(crate) line: u32,
    /// A file that holds replacements.
    pub(crate) path: String,
    /// Where the value comes from.
    pub(crate) source: Option<SourceSelector>,
    /// The value itself.
    pub(crate) source_value: Option<String>,
    /// Where it goes; `None` when nothing was said.
    pub(crate) targets: Option<Vec<TargetSelector>>,
}

impl Replacement {
    pub(crate) fn read(reader: Reader<'_>, node: &Node) -> Result<Self> {
        let mut this = Self { line: node.mark.line, ..Self::default() };
        reader.object(node, &["path", "source", "sourceValue", "targets"], |field, value| {
            match field {
                "path" => this.path = reader.string(value)?,
                "source" => this.source = Some(SourceSelector::read(reader, value)?),
                "sourceValue" => this.source_value = Some(reader.string(value)?),
                _ => this.targets = Some(reader.list(value, |it| TargetSelector::read(reader, it))?),
            }
            Ok(())
        })?;
        Ok(this)
    }
}

/// `helmGlobals`.
#[derive(Debug, Clone, Default)]
pub(crate) struct HelmGlobals {
    /// Directory of unpacked charts, empty for `charts`.
    pub(crate) chart_home: String,
    /// Directory of helm's own files.
    pub(crate) config_home: String,
}

impl HelmGlobals {
    pub(crate) fn read(reader: Reader<'_>, node: &Node) -> Result<Self> {
        let mut this = Self::default();
        reader.object(node, &["chartHome", "configHome"], |field, value| {
            match field {
                "chartHome" => this.chart_home = reader.string(value)?,
                _ => this.config_home = reader.string(value)?,
            }
            Ok(())
        })?;
        Ok(this)
    }

    /// What `later` says, over this.
    pub(super) fn or(self, later: &Self) -> Self {
        let pick = |old: String, new: &String| if new.is_empty() { old } else { new.clone() };
        Self {
            chart_home: pick(self.chart_home, &later.chart_home),
            config_home: pick(self.config_home, &later.config_home),
        }
    }
}

/// One entry of `helmCharts`.
#[derive(Debug, Clone, Default)]
pub(crate) struct HelmChart {
    /// The line of the entry.
    pub(crate) line: u32,
    /// Chart name.
    pub(crate) name: String,
    /// Version.
    pub(crate) version: String,
    /// Repository.
    pub(crate) repo: String,
    /// Release name.
    pub(crate) release_name: String,
    /// Release namespace.
    pub(crate) namespace: String,
    /// `--name-template`.
    pub(crate) name_template: String,
    /// A values file in place of the chart's own.
    pub(crate) values_file: String,
    /// More values files.
    pub(crate) additional_values_files: Vec<String>,
    /// Values.
    pub(crate) values_inline: Option<Node>,
    /// `override`, `merge` or `replace`: how `values_inline` meets the values file.
    pub(crate) values_merge: String,
    /// Renders CRDs too.
    pub(crate) include_crds: bool,
    /// Leaves hooks out.
    pub(crate) skip_hooks: bool,
    /// `--api-versions`.
    pub(crate) api_versions: Vec<String>,
    /// `--kube-version`.
    pub(crate) kube_version: String,
    /// Leaves tests out.
    pub(crate) skip_tests: bool,
}

const CHART_FIELDS: &[&str] = &[
    "name",
    "version",
    "repo",
    "releaseName",
    "namespace",
    "additionalValuesFiles",
    "valuesFile",
    "valuesInline",
    "valuesMerge",
    "includeCRDs",
    "skipHooks",
    "apiVersions",
    "kubeVersion",
    "nameTemplate",
    "skipTests",
    "debug",
    "devel",
];

const OLD_CHART_FIELDS: &[&str] = &[
    "chartName",
    "chartVersion",
    "chartRepoUrl",
    "chartHome",
    "chartRepoName",
    "helmBin",
    "helmHome",
    "values",
    "valuesLocal",
    "valuesMerge",
    "releaseName",
    "releaseNamespace",
    "extraArgs",
];

impl HelmChart {
    pub(crate) fn read(reader: Reader<'_>, node: &Node) -> Result<Self> {
        let mut this = Self { line: node.mark.line, ..Self::default() };
        reader.object(node, CHART_FIELDS, |field, value| {
            match field {
                "name" => this.name = reader.string(value)?,
                "version" => this.version = reader.string(value)?,
                "repo" => this.repo = reader.string(value)?,
                "releaseName" => this.release_name = reader.string(value)?,
                "namespace" => this.namespace = reader.string(value)?,
                "additionalValuesFiles" => this.additional_values_files = reader.strings(value)?,
                "valuesFile" => this.values_file = reader.string(value)?,
                "valuesInline" => this.values_inline = Some(value.clone()),
                "valuesMerge" => this.values_merge = reader.string(value)?,
                "includeCRDs" => this.include_crds = reader.bool(value)?,
                "skipHooks" => this.skip_hooks = reader.bool(value)?,
                "apiVersions" => this.api_versions = reader.strings(value)?,
                "kubeVersion" => this.kube_version = reader.string(value)?,
                "nameTemplate" => this.name_template = reader.string(value)?,
                "skipTests" => this.skip_tests = reader.bool(value)?,
                // How helm talks and which versions it may pick; neither changes what an exact version renders.
                _ => drop(reader.bool(value)?),
            }
            Ok(())
        })?;
        Ok(this)
    }

    /// An entry of `helmChartInflationGenerator`, the older form, with the globals it carries.
    pub(super) fn read_old(reader: Reader<'_>, node: &Node) -> Result<(Self, HelmGlobals)> {
        let mut this = Self { line: node.mark.line, ..Self::default() };
        let mut globals = HelmGlobals::default();
        reader.object(node, OLD_CHART_FIELDS, |field, value| {
            match field {
                "chartName" => this.name = reader.string(value)?,
                "chartVersion" => this.version = reader.string(value)?,
                "chartRepoUrl" => this.repo = reader.string(value)?,
                "chartHome" => globals.chart_home = reader.string(value)?,
                "helmHome" => globals.config_home = reader.string(value)?,
                "values" => this.values_file = reader.string(value)?,
                "valuesLocal" => this.values_inline = Some(value.clone()),
                "valuesMerge" => this.values_merge = reader.string(value)?,
                "releaseName" => this.release_name = reader.string(value)?,
                "extraArgs" => drop(reader.strings(value)?),
                // kustomize itself drops these when it turns the entry into the present form.
                _ => drop(reader.string(value)?),
            }
            Ok(())
        })?;
        Ok((this, globals))
    }
}
