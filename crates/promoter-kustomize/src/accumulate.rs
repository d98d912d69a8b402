//! One kustomization after the other: resources, generators, components, transformers, in kustomize's order.
//!
//! An [`Accumulator`] is what a kustomization hands up to the one that names it. What must wait until everything is
//! together (hashes, references, vars, the order) is `finish`'s.

use std::path::Path;
use std::rc::Rc;

use crate::config::{Config, Table, merge_specs};
use crate::error::{BuildError, Result};
use crate::field::FieldSpec;
use crate::generate::{self, Kind};
use crate::kustomization::reader::At;
use crate::kustomization::{Kustomization, LabelSet, Patch, Variable};
use crate::loader::{Entry, Loader, text};
use crate::origin::Origin;
use crate::patch::schema::Schema;
use crate::patch::selector::Selector;
use crate::patch::strategic::Allow;
use crate::resmap::ResMap;
use crate::transform::{
    ImagePattern, NamespaceChange, PatchContent, PatchEntry, Side, Transform, read_json, read_strategic,
};
use crate::{Externals, Options, read};

/// What a kustomization hands up.
#[derive(Default)]
pub(crate) struct Accumulator {
    /// Its resources.
    pub(crate) resources: ResMap,
    /// The field specs in force, those of its bases among them.
    pub(crate) config: Config,
    /// Its vars and those of its bases.
    pub(crate) variables: Vec<Variable>,
}

/// What all kustomizations of a build share.
pub(crate) struct Shared<'a> {
    /// The command line.
    pub(crate) options: &'a Options,
    /// Helm.
    pub(crate) externals: &'a dyn Externals,
    /// Lines for stderr.
    pub(crate) warnings: Vec<String>,
    /// What is known about kinds.
    pub(crate) schema: Schema,
    /// True when `buildMetadata` of the top kustomization asks for anything.
    pub(crate) track_origin: bool,
}

/// A kustomization being worked on.
pub(crate) struct Target<'a> {
    pub(crate) loader: Loader<'a>,
    pub(crate) kustomization: Kustomization,
    /// Its directory relative to the top one, as the entries on the way spell it.
    origin_path: String,
    /// The namespace that charts get when nothing closer says one.
    helm_namespace: String,
}

impl Accumulator {
    /// Takes in what a base handed up.
    fn merge(&mut self, base: Self) -> Result<()> {
        self.resources.append_all(base.resources.list)?;
        self.config.merge(&base.config)?;
        base.variables.into_iter().try_for_each(|it| self.add_variable(it))
    }

    fn add_variable(&mut self, variable: Variable) -> Result<()> {
        if self.variables.iter().any(|it| it.name.value == variable.name.value) {
            let message = format!("the var `{}` is there twice", variable.name.value);
            return Err(BuildError::new("kustomize-conflict", message).line(variable.name.line));
        }
        self.variables.push(variable);
        Ok(())
    }
}

impl<'a> Target<'a> {
    /// Opens the top kustomization.
    pub(crate) fn top(loader: Loader<'a>, shared: &mut Shared<'_>) -> Result<Self> {
        let this = Self::load(loader, String::new(), String::new(), shared)?;
        shared.track_origin = !this.kustomization.build_metadata.is_empty();
        Ok(this)
    }

    fn load(
        loader: Loader<'a>,
        origin_path: String,
        helm_namespace: String,
        shared: &mut Shared<'_>,
    ) -> Result<Self> {
        let (file, node) = loader.kustomization()?;
        let kustomization = Kustomization::read(node.as_ref(), &file)?;
        shared.warnings.extend(kustomization.warnings.iter().map(|it| (*it).to_owned()));
        let this = Self { loader, kustomization, origin_path, helm_namespace };
        this.refuse_unbuilt()?;
        Ok(this)
    }

    /// Works through the kustomization. `sum` is empty, or for a component what its parent has so far.
    pub(crate) fn accumulate(&self, sum: Accumulator, shared: &mut Shared<'_>) -> Result<Accumulator> {
        let mut sum = sum;
        let k = &self.kustomization;
        self.accumulate_resources(&mut sum, &k.resources, shared)?;
        self.run_generators(&mut sum, shared)?;
        for component in &k.components {
            let loader = self.loader.directory(component, &k.file)?;
            sum = self.accumulate_directory(sum, component, loader, true, shared)?;
        }
        self.run_transforms(&mut sum, shared)?;
        self.add_variables(&mut sum)?;
        Ok(sum)
    }

    /// Adds what each entry names, file or directory.
    fn accumulate_resources(
        &self,
        sum: &mut Accumulator,
        paths: &[At<String>],
        shared: &mut Shared<'_>,
    ) -> Result<()> {
        for path in paths {
            match self.loader.open(path, &self.kustomization.file)? {
                Entry::File(file, bytes) => {
                    let mut resources = read::resources(&file, &bytes)?;
                    if shared.track_origin {
                        let origin = Origin { path: self.origin_of(&path.value), ..Origin::default() };
                        resources.iter_mut().for_each(|it| it.origin = Some(origin.clone()));
                    }
                    sum.resources.append_all(resources)?;
                }
                Entry::Directory(loader) => {
                    let base =
                        self.accumulate_directory(Accumulator::default(), path, loader, false, shared)?;
                    sum.merge(base).map_err(|error| error.at(&self.kustomization.file, path.line))?;
                }
            }
        }
        Ok(())
    }

    fn accumulate_directory(
        &self,
        sum: Accumulator,
        path: &At<String>,
        loader: Loader<'a>,
        as_component: bool,
        shared: &mut Shared<'_>,
    ) -> Result<Accumulator> {
        let own = &self.kustomization.namespace;
        let helm_namespace = if own.is_empty() { self.helm_namespace.clone() } else { own.clone() };
        let target = Self::load(loader, self.origin_of(&path.value), helm_namespace, shared)?;
        if target.kustomization.is_component != as_component {
            let wanted = if as_component { "a component" } else { "a resource" };
            let found = if as_component { "no component" } else { "a component" };
            let message = format!("`{}` is named as {wanted} but is {found}", path.value);
            let list = if as_component { "resources" } else { "components" };
            return Err(BuildError::new("kustomize-value", message)
                .at(&self.kustomization.file, path.line)
                .hint(format!("name it below `{list}`")));
        }
        target.accumulate(sum, shared)
    }

    fn origin_of(&self, path: &str) -> String {
        let joined = Path::new(&self.origin_path).join(path);
        let mut parts: Vec<&str> = Vec::new();
        for part in joined.to_str().unwrap_or(path).split('/') {
            match (part, parts.last()) {
                ("" | ".", _) => {}
                ("..", Some(last)) if *last != ".." => drop(parts.pop()),
                _ => parts.push(part),
            }
        }
        parts.join("/")
    }

    fn run_generators(&self, sum: &mut Accumulator, shared: &Shared<'_>) -> Result<()> {
        let k = &self.kustomization;
        let kinds = [(Kind::ConfigMap, &k.config_maps), (Kind::Secret, &k.secrets)];
        for (kind, args) in kinds.into_iter().flat_map(|(kind, list)| list.iter().map(move |it| (kind, it))) {
            let general = k.generator_options.as_ref();
            let mut resource = generate::generate(kind, args, general, &self.loader, &k.file)?;
            resource.origin = shared.track_origin.then(|| self.origin_by_builtin(kind.plugin()));
            sum.resources.absorb_all(vec![resource])?;
        }
        Ok(())
    }

    fn origin_by_builtin(&self, plugin: &str) -> Origin {
        let file = self.kustomization.file.rsplit('/').next().unwrap_or_default();
        Origin {
            configured_in: self.origin_of(file),
            configured_by: ["builtin".to_owned(), plugin.to_owned(), String::new(), String::new()],
            ..Origin::default()
        }
    }

    fn run_transforms(&self, sum: &mut Accumulator, shared: &Shared<'_>) -> Result<()> {
        for transform in self.transforms(&sum.config)? {
            transform
                .run(&mut sum.resources, &shared.schema)
                .map_err(|error| error.at(&self.kustomization.file, 0))?;
            if shared.track_origin {
                note_change(&mut sum.resources, &self.origin_by_builtin(transform.plugin()));
            }
            sum.resources.drop_empties();
        }
        Ok(())
    }

    /// The transformers that the fields of the kustomization ask for, in kustomize's order.
    fn transforms(&self, config: &Config) -> Result<Vec<Transform>> {
        let k = &self.kustomization;
        let mut list = Vec::new();
        list.extend(self.old_strategic_merges()?);
        for patch in &k.patches {
            list.push(Transform::Patch(self.patch(patch)?));
        }
        if !k.namespace.is_empty() {
            list.push(Transform::Namespace(NamespaceChange {
                namespace: k.namespace.clone(),
                specs: config.specs(Table::Namespace).to_vec(),
                ..NamespaceChange::default()
            }));
        }
        for (side, text, table) in [
            (Side::Prefix, &k.name_prefix, Table::NamePrefix),
            (Side::Suffix, &k.name_suffix, Table::NameSuffix),
        ] {
            if !text.is_empty() {
                list.push(Transform::Name(side, text.clone(), config.specs(table).to_vec()));
            }
        }
        for labels in &k.labels {
            let specs = label_specs(labels, config).map_err(|error| error.at(&k.file, 0))?;
            list.push(Transform::Labels(labels.pairs.clone(), specs));
        }
        if !k.labels.is_empty() || !k.common_labels.is_empty() {
            let specs = config.specs(Table::CommonLabels).to_vec();
            list.push(Transform::Labels(k.common_labels.clone(), specs));
        }
        if !k.common_annotations.is_empty() {
            let specs = config.specs(Table::CommonAnnotations).to_vec();
            list.push(Transform::Annotations(k.common_annotations.clone(), specs));
        }
        for patch in &k.patches_json6902 {
            list.push(Transform::Patch(self.old_json_patch(patch)?));
        }
        for replica in &k.replicas {
            list.push(Transform::Replicas(replica.clone(), config.specs(Table::Replicas).to_vec()));
        }
        for image in &k.images {
            let pattern = ImagePattern::new(image.clone()).map_err(|error| error.at(&k.file, 0))?;
            list.push(Transform::Images(pattern, config.specs(Table::Images).to_vec()));
        }
        Ok(list)
    }

    /// `patchesStrategicMerge`: an entry is tried as a patch, then as a file.
    fn old_strategic_merges(&self) -> Result<Option<Transform>> {
        let k = &self.kustomization;
        if k.patches_strategic_merge.is_empty() {
            return Ok(None);
        }
        let mut patches = Vec::new();
        for entry in &k.patches_strategic_merge {
            let is_inline = entry.value.contains('\n') || !self.loader.has_file(&entry.value);
            let inline = is_inline.then(|| read_strategic(&entry.value, &k.file, entry.line));
            patches.extend(match inline {
                Some(Ok(patches)) => patches,
                Some(Err(error)) if entry.value.contains('\n') => return Err(error),
                _ => {
                    let (path, bytes) = self.loader.read(entry, &k.file)?;
                    read_strategic(text(&path, &bytes)?, &path, 0)?
                }
            });
        }
        if patches.is_empty() {
            let line = k.patches_strategic_merge.first().map_or(0, |it| it.line);
            let error = BuildError::new("kustomize-patch", "patchesStrategicMerge holds no patch");
            return Err(error.at(&k.file, line));
        }
        Ok(Some(Transform::Patch(PatchEntry {
            content: PatchContent::OldStrategic(patches),
            target: None,
            allow: Allow::default(),
            source: Rc::clone(&k.file),
            line: 0,
            offset: 0,
        })))
    }

    /// An entry of `patches`.
    pub(crate) fn patch(&self, patch: &Patch) -> Result<PatchEntry> {
        let (source, text, offset) = self.patch_text(patch)?;
        let content = PatchContent::read(&text, &source, offset)?;
        let options = patch.options;
        Ok(PatchEntry {
            content,
            target: self.selector(patch)?,
            allow: Allow {
                name_change: options.allow_name_change,
                kind_change: options.allow_kind_change,
                ..Allow::default()
            },
            source,
            line: if offset == 0 { 0 } else { patch.line },
            offset,
        })
    }

    /// An entry of `patchesJson6902`.
    pub(crate) fn old_json_patch(&self, patch: &Patch) -> Result<PatchEntry> {
        let wrong = |message: &str| {
            Err(BuildError::new("kustomize-patch", message).at(&self.kustomization.file, patch.line))
        };
        if patch.target.as_ref().is_none_or(|it| it.name.is_empty()) {
            return wrong("an entry of patchesJson6902 needs a target with a name");
        }
        let (source, text, offset) = self.patch_text(patch)?;
        let operations = read_json(&text, &source, offset)?;
        if operations.is_empty() {
            return wrong("an entry of patchesJson6902 holds no operation");
        }
        Ok(PatchEntry {
            content: PatchContent::OldJson(operations),
            target: self.selector(patch)?,
            allow: Allow::default(),
            source,
            line: patch.line,
            offset,
        })
    }

    /// Where a patch stands, its text, and how many lines of the file come before it.
    fn patch_text(&self, patch: &Patch) -> Result<(Rc<str>, String, u32)> {
        let file = &self.kustomization.file;
        match (patch.patch.trim(), patch.path.as_str()) {
            ("", "") => Err(BuildError::new("kustomize-patch", "an entry has neither `patch` nor `path`")
                .at(file, patch.line)),
            ("", path) => {
                let path = At { value: path.to_owned(), line: patch.line };
                let (path, bytes) = self.loader.read(&path, file)?;
                let content = text(&path, &bytes)?.to_owned();
                Ok((path, content, 0))
            }
            (inline, "") => Ok((Rc::clone(file), inline.to_owned(), patch.line)),
            _ => Err(BuildError::new("kustomize-patch", "an entry has both `patch` and `path`")
                .at(file, patch.line)),
        }
    }

    fn selector(&self, patch: &Patch) -> Result<Option<Selector>> {
        let compiled = patch.target.as_ref().map(Selector::compile).transpose();
        compiled.map_err(|error| {
            BuildError::new("kustomize-selector", error.to_string()).at(&self.kustomization.file, patch.line)
        })
    }

    /// Notes which resources the vars read, and hands the vars up.
    fn add_variables(&self, sum: &mut Accumulator) -> Result<()> {
        let _ = sum;
        Ok(())
    }

    /// Refuses fields that the engine does not know how to obey.
    fn refuse_unbuilt(&self) -> Result<()> {
        let k = &self.kustomization;
        let refuse = |field: &str, line: u32| {
            let message = format!("the field `{field}` is not supported yet");
            Err(BuildError::new("kustomize-not-supported", message).at(&k.file, line))
        };
        let lists = [
            ("configurations", &k.configurations),
            ("crds", &k.crds),
            ("generators", &k.generators),
            ("transformers", &k.transformers),
            ("validators", &k.validators),
        ];
        for (field, list) in lists {
            if let Some(first) = list.first() {
                return refuse(field, first.line);
            }
        }
        if let Some(first) = k.vars.first() {
            return refuse("vars", first.name.line);
        }
        if let Some(first) = k.replacements.first() {
            return refuse("replacements", first.line);
        }
        if let Some(first) = k.helm_charts.first() {
            return refuse("helmCharts", first.line);
        }
        if !k.openapi.is_empty() {
            return refuse("openapi", 0);
        }
        Ok(())
    }
}

/// Notes what changed the resources.
fn note_change(resources: &mut ResMap, by: &Origin) {
    for resource in &mut resources.list {
        if resource.origin.is_none() {
            resource.origin = Some(by.clone());
        } else {
            resource.transformations.push(by.clone());
        }
    }
}

/// The fields that one entry of `labels` sets.
fn label_specs(labels: &LabelSet, config: &Config) -> Result<Vec<FieldSpec>> {
    let mut specs = labels.fields.clone();
    merge_specs(&mut specs, config.specs(Table::Labels))?;
    if labels.include_selectors {
        merge_specs(&mut specs, config.specs(Table::CommonLabels))?;
        return Ok(specs);
    }
    if labels.include_templates {
        merge_specs(&mut specs, config.specs(Table::TemplateLabels))?;
    }
    merge_specs(&mut specs, &[FieldSpec::new("", "", "", "metadata/labels", true)])?;
    Ok(specs)
}
