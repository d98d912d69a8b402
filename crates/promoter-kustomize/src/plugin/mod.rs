//! Plugin files: entries of `transformers`, `generators` and `validators` that configure kustomize's built-in plugins.
//!
//! Only those run. Anything else would be a program, a container or a Go plugin, and is refused by name.

mod file;

use crate::accumulate::{Accumulator, Shared, Target};
use crate::error::{BuildError, Result};
use crate::generate::{self, Kind, helm, iam};
use crate::kustomization::reader::{At, Reader};
use crate::kustomization::{GeneratorArgs, HelmChart, HelmGlobals, Patch};
use crate::origin::Origin;
use crate::read::resources_from_text;
use crate::resmap::TakenIds;
use crate::resource::Resource;
use crate::suggest::nearest;
use crate::transform::{Side, Transform};
use file::PluginFile;

/// The kinds of built-in transformers, for hints.
const TRANSFORMERS: [&str; 14] = [
    "AnnotationsTransformer",
    "HashTransformer",
    "ImageTagTransformer",
    "LabelTransformer",
    "NamespaceTransformer",
    "PatchJson6902Transformer",
    "PatchStrategicMergeTransformer",
    "PatchTransformer",
    "PrefixSuffixTransformer",
    "PrefixTransformer",
    "ReplacementTransformer",
    "ReplicaCountTransformer",
    "SuffixTransformer",
    "ValueAddTransformer",
];

/// The kinds of built-in generators, for hints.
const GENERATORS: [&str; 4] =
    ["ConfigMapGenerator", "HelmChartInflationGenerator", "IAMPolicyGenerator", "SecretGenerator"];

fn unknown_plugin(kind: &str, role: &str, kinds: &[&'static str]) -> BuildError {
    let error = BuildError::new("kustomize-not-supported", format!("`{kind}` is no built-in {role}"));
    match nearest(kind, kinds.iter().copied()) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(format!("there are {}", kinds.join(", "))),
    }
}

impl Target<'_> {
    /// Reads the plugin configurations that entries name: manifests in place first, then files and directories.
    pub(crate) fn plugins(&self, entries: &[At<String>], shared: &mut Shared<'_>) -> Result<Vec<Resource>> {
        let mut sum = Accumulator::default();
        let (mut inline, mut paths) = (Vec::new(), Vec::new());
        for entry in entries {
            match self.inline_plugin(entry, shared) {
                Some(resources) => inline.extend(resources?),
                None => paths.push(entry.clone()),
            }
        }
        shared.meet_kinds(&inline);
        sum.resources.append_all(inline, &mut TakenIds::of(&[]))?;
        self.accumulate_resources(&mut sum, &paths, shared)?;
        Ok(sum.resources.list)
    }

    fn inline_plugin(&self, entry: &At<String>, shared: &Shared<'_>) -> Option<Result<Vec<Resource>>> {
        let file = &self.kustomization.file;
        let found = resources_from_text(file, &entry.value, entry.line.saturating_sub(1));
        if found.is_err() && !entry.value.contains('\n') {
            return None;
        }
        Some(found.map(|mut list| {
            if shared.track_origin {
                let origin = self.own_origin();
                list.iter_mut().for_each(|it| it.origin = Some(origin.clone()));
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
            kind => Err(unknown_plugin(kind, "transformer", &TRANSFORMERS)),
        };
        made.map(|it| vec![it]).map_err(|error| error.at(&plugin.source, plugin.node.mark.line))
    }

    /// What the generator that one configuration asks for makes.
    pub(crate) fn plugin_resources(&self, plugin: &Resource, shared: &Shared<'_>) -> Result<Vec<Resource>> {
        self.check_builtin(plugin)?;
        // All that a generator takes is embedded in it.
        let reader = Reader::plugin(&plugin.source).embedded();
        let of_kind = |kind: Kind| {
            let mut args = GeneratorArgs::read_plugin(reader, &plugin.node, kind == Kind::Secret)?;
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
                let error = unknown_plugin(kind, "generator", &GENERATORS);
                Err(error.at(&plugin.source, plugin.node.mark.line))
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
        configured_in: origin.path.clone(),
        configured_by: by.map(String::from),
        repo: origin.repo.clone(),
        reference: origin.reference.clone(),
        path: String::new(),
    })
}
