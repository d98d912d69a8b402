//! kustomization.yaml as a value: every field kustomize v5.8.1 knows, read strictly, with the line of what may be to
//! blame later.
//!
//! Decides what a file says. Leaves to `accumulate` what is done about it.

mod generators;
mod helm;
mod parts;
pub(crate) mod reader;
mod replacements;

use std::collections::BTreeMap;
use std::rc::Rc;

use promoter_yaml::Node;

use crate::error::{BuildError, Result};
pub(crate) use generators::{GeneratorArgs, GeneratorOptions, KeyValueSources};
pub(crate) use helm::{HelmChart, HelmGlobals};
pub(crate) use parts::{Image, LabelSet, Patch, Replica, SortOptions, read_field_spec, read_selector};
use reader::{At, Reader};
pub(crate) use replacements::{FieldOptions, Replacement, SourceSelector, TargetSelector, Variable};

/// What a kustomization file says. Lists that were not there are empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kustomization {
    /// The file, for messages.
    pub(crate) file: Rc<str>,
    /// `kind: Component`.
    pub(crate) is_component: bool,
    /// `openapi`: `path`, or `version`.
    pub(crate) openapi: BTreeMap<String, String>,
    /// `namePrefix`.
    pub(crate) name_prefix: String,
    /// `nameSuffix`.
    pub(crate) name_suffix: String,
    /// `namespace`.
    pub(crate) namespace: String,
    /// `commonLabels`.
    pub(crate) common_labels: BTreeMap<String, String>,
    /// `labels`.
    pub(crate) labels: Vec<LabelSet>,
    /// `commonAnnotations`.
    pub(crate) common_annotations: BTreeMap<String, String>,
    /// `patchesStrategicMerge`: each a file or the patch itself.
    pub(crate) patches_strategic_merge: Vec<At<String>>,
    /// `patchesJson6902`.
    pub(crate) patches_json6902: Vec<Patch>,
    /// `patches`.
    pub(crate) patches: Vec<Patch>,
    /// `images`, then `imageTags`.
    pub(crate) images: Vec<Image>,
    /// `replacements`: each a file or the replacement itself.
    pub(crate) replacements: Vec<Replacement>,
    /// `replicas`.
    pub(crate) replicas: Vec<Replica>,
    /// `vars`.
    pub(crate) vars: Vec<Variable>,
    /// `sortOptions`.
    pub(crate) sort_options: Option<SortOptions>,
    /// `resources`, then `bases`.
    pub(crate) resources: Vec<At<String>>,
    /// `components`.
    pub(crate) components: Vec<At<String>>,
    /// `crds`.
    pub(crate) crds: Vec<At<String>>,
    /// `configMapGenerator`.
    pub(crate) config_maps: Vec<GeneratorArgs>,
    /// `secretGenerator`.
    pub(crate) secrets: Vec<GeneratorArgs>,
    /// `generatorOptions`.
    pub(crate) generator_options: Option<GeneratorOptions>,
    /// `helmGlobals`.
    pub(crate) helm_globals: HelmGlobals,
    /// `helmCharts`, then `helmChartInflationGenerator`.
    pub(crate) helm_charts: Vec<HelmChart>,
    /// `configurations`.
    pub(crate) configurations: Vec<At<String>>,
    /// `generators`: each a path or a manifest.
    pub(crate) generators: Vec<At<String>>,
    /// `transformers`: each a path or a manifest.
    pub(crate) transformers: Vec<At<String>>,
    /// `validators`: each a path or a manifest.
    pub(crate) validators: Vec<At<String>>,
    /// `buildMetadata`.
    pub(crate) build_metadata: Vec<String>,
    /// Lines for stderr about deprecated fields.
    pub(crate) warnings: Vec<&'static str>,
}

/// The group of kustomization files.
const GROUP: &str = "kustomize.config.k8s.io/";

const FIELDS: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata",
    "openapi",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "commonLabels",
    "labels",
    "commonAnnotations",
    "patchesStrategicMerge",
    "patchesJson6902",
    "patches",
    "images",
    "imageTags",
    "replacements",
    "replicas",
    "vars",
    "sortOptions",
    "resources",
    "components",
    "crds",
    "bases",
    "configMapGenerator",
    "secretGenerator",
    "helmGlobals",
    "helmCharts",
    "helmChartInflationGenerator",
    "generatorOptions",
    "configurations",
    "generators",
    "transformers",
    "validators",
    "buildMetadata",
];

/// kustomize's own words for a deprecated field.
macro_rules! deprecated {
    ($old:literal, $new:literal, $lead:literal) => {
        concat!(
            "# Warning: '",
            $old,
            "' is deprecated. Please use '",
            $new,
            "' instead. ",
            $lead,
            "Run 'kustomize edit fix' to update your Kustomization automatically."
        )
    };
}

/// The deprecated fields and what kustomize writes about them, in the order in which it does.
const DEPRECATED: [(&str, &str); 6] = [
    ("bases", deprecated!("bases", "resources", "")),
    ("commonLabels", deprecated!("commonLabels", "labels", "")),
    ("imageTags", deprecated!("imageTags", "images", "")),
    ("patchesJson6902", deprecated!("patchesJson6902", "patches", "")),
    ("patchesStrategicMerge", deprecated!("patchesStrategicMerge", "patches", "")),
    ("vars", deprecated!("vars", "replacements", "[EXPERIMENTAL] ")),
];

impl Kustomization {
    /// Reads a kustomization file.
    ///
    /// Errors: a field that does not exist, a value of the wrong type, a wrong kind or version, nothing said at all.
    pub(crate) fn read(node: Option<&Node>, file: &Rc<str>) -> Result<Self> {
        let mut this = Self { file: Rc::clone(file), ..Self::default() };
        let reader = Reader::kustomization(file);
        let mut late = Late::default();
        if let Some(node) = node {
            reader
                .object(node, FIELDS, |field, value| {
                    late.says_something |= says_something(field, value);
                    late.seen.push(field);
                    this.take(field, value, reader, &mut late)
                })
                .map_err(|error| of_another_program(node, error))?;
        }
        this.finish(late)
    }

    fn take(&mut self, field: &'static str, value: &Node, reader: Reader<'_>, late: &mut Late) -> Result<()> {
        match field {
            "apiVersion" => late.api_version = reader.located(value)?,
            "kind" => late.kind = reader.located(value)?,
            "metadata" => parts::read_metadata(reader, value)?,
            "openapi" => self.openapi = reader.string_map(value)?,
            "namePrefix" => self.name_prefix = reader.string(value)?,
            "nameSuffix" => self.name_suffix = reader.string(value)?,
            "namespace" => self.namespace = reader.string(value)?,
            "commonLabels" => self.common_labels = reader.string_map(value)?,
            "labels" => self.labels = reader.list(value, |it| LabelSet::read(reader, it))?,
            "commonAnnotations" => self.common_annotations = reader.string_map(value)?,
            "patchesStrategicMerge" => self.patches_strategic_merge = reader.located_strings(value)?,
            "patchesJson6902" => self.patches_json6902 = reader.list(value, |it| Patch::read(reader, it))?,
            "patches" => self.patches = reader.list(value, |it| Patch::read(reader, it))?,
            "images" => self.images = reader.list(value, |it| Image::read(reader, it))?,
            "imageTags" => late.image_tags = reader.list(value, |it| Image::read(reader, it))?,
            "replacements" => {
                self.replacements = reader.list(value, |it| Replacement::read_entry(reader, it))?;
            }
            "replicas" => self.replicas = reader.list(value, |it| Replica::read(reader, it))?,
            "vars" => self.vars = reader.list(value, |it| Variable::read(reader, it))?,
            "sortOptions" => self.sort_options = Some(SortOptions::read(reader, value)?),
            "resources" => self.resources = reader.located_strings(value)?,
            "components" => self.components = reader.located_strings(value)?,
            "crds" => self.crds = reader.located_strings(value)?,
            "bases" => late.bases = reader.located_strings(value)?,
            "configMapGenerator" => {
                self.config_maps = reader.list(value, |it| GeneratorArgs::read(reader, it, false))?;
            }
            "secretGenerator" => {
                self.secrets = reader.list(value, |it| GeneratorArgs::read(reader, it, true))?;
            }
            "generatorOptions" => self.generator_options = Some(GeneratorOptions::read(reader, value)?),
            "helmGlobals" => late.helm_globals = Some(HelmGlobals::read(reader, value)?),
            "helmCharts" => self.helm_charts = reader.list(value, |it| HelmChart::read(reader, it))?,
            "helmChartInflationGenerator" => {
                late.old_charts = reader.list(value, |it| HelmChart::read_old(reader, it))?;
            }
            "configurations" => self.configurations = reader.located_strings(value)?,
            "generators" => self.generators = reader.located_strings(value)?,
            "transformers" => self.transformers = reader.located_strings(value)?,
            "validators" => self.validators = reader.located_strings(value)?,
            "buildMetadata" => self.build_metadata = reader.strings(value)?,
            _ => {}
        }
        Ok(())
    }

    /// Folds deprecated fields into the present ones and checks kind and version.
    fn finish(mut self, late: Late) -> Result<Self> {
        let is_seen = |field: &str| late.seen.contains(&field);
        self.warnings =
            DEPRECATED.iter().filter(|(field, _)| is_seen(field)).map(|(_, words)| *words).collect();
        if !late.says_something {
            return Err(BuildError::new("kustomize-empty", "the kustomization says nothing")
                .at(&self.file, 0)
                .hint("name what to build below `resources`"));
        }
        self.is_component = late.kind.value == "Component";
        if !matches!(late.kind.value.as_str(), "" | "Kustomization" | "Component") {
            let message = format!("kind is `{}`, `Kustomization` or `Component` is wanted", late.kind.value);
            return Err(BuildError::new("kustomize-value", message).at(&self.file, late.kind.line));
        }
        let wanted = if self.is_component {
            "kustomize.config.k8s.io/v1alpha1"
        } else {
            "kustomize.config.k8s.io/v1beta1"
        };
        if !late.api_version.value.is_empty() && late.api_version.value != wanted {
            let message = format!("apiVersion is `{}`, `{wanted}` is wanted", late.api_version.value);
            return Err(BuildError::new("kustomize-value", message).at(&self.file, late.api_version.line));
        }
        self.resources.extend(late.bases);
        self.images.extend(late.image_tags);
        let old_globals = late.old_charts.iter().fold(HelmGlobals::default(), |sum, (_, it)| sum.or(it));
        self.helm_globals = late.helm_globals.unwrap_or(old_globals);
        self.helm_charts.extend(late.old_charts.into_iter().map(|(chart, _)| chart));
        Ok(self)
    }
}

/// A field that does not exist is best explained by a file that is not for kustomize.
fn of_another_program(node: &Node, error: BuildError) -> BuildError {
    let api_version = node.get("apiVersion").and_then(Node::as_str).unwrap_or_default();
    if error.code != "kustomize-unknown-field" || api_version.is_empty() || api_version.starts_with(GROUP) {
        return error;
    }
    error.hint(format!("`{api_version}` is read by another program; kustomize reads `{GROUP}v1beta1`"))
}

/// Fields that are folded into others once all are read.
#[derive(Default)]
struct Late {
    says_something: bool,
    seen: Vec<&'static str>,
    api_version: At<String>,
    kind: At<String>,
    bases: Vec<At<String>>,
    image_tags: Vec<Image>,
    helm_globals: Option<HelmGlobals>,
    old_charts: Vec<(HelmChart, HelmGlobals)>,
}

/// True when a field makes a kustomization more than an empty one; an empty list does, unless its field is an old one
/// that is folded into another.
fn says_something(field: &str, value: &Node) -> bool {
    match field {
        "apiVersion" | "kind" => false,
        "bases" | "imageTags" | "helmChartInflationGenerator" => {
            value.as_seq().is_some_and(|it| !it.is_empty())
        }
        _ => value.as_str() != Some(""),
    }
}
