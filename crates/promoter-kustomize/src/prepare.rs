//! From the fields of a kustomization to transformers that are ready to run, in kustomize's order.

use std::rc::Rc;

use promoter_yaml::{Dialect, Limits, parse_first};

use crate::accumulate::Target;
use crate::config::{Config, Table, merge_specs};
use crate::error::{BuildError, Result};
use crate::field::FieldSpec;
use crate::kustomization::reader::{At, Reader};
use crate::kustomization::{LabelSet, Patch, Replacement};
use crate::loader::text;
use crate::patch::selector::Selector;
use crate::patch::strategic::Allow;
use crate::transform::{
    ImagePattern, NamespaceChange, PatchContent, PatchEntry, Side, Transform, read_json, read_strategic,
};

/// Transformers of one kustomization. Each keeps its specs and patterns until all have run.
const TRANSFORMERS_MAX: usize = 10_000;

/// Replacements of one kustomization, those in files counted each time.
const REPLACEMENTS_MAX: usize = 100_000;

impl Target<'_> {
    /// The transformers that the fields of the kustomization ask for.
    pub(crate) fn transforms(&self, config: &Config) -> Result<Vec<Transform>> {
        let k = &self.kustomization;
        let lists =
            [k.patches.len(), k.patches_json6902.len(), k.labels.len(), k.images.len(), k.replicas.len()];
        check_entries(lists.iter().sum(), &k.file)?;
        let mut list = Vec::new();
        if !k.patches_strategic_merge.is_empty() {
            list.push(self.old_strategic_merges(&k.patches_strategic_merge, &k.file)?);
        }
        for patch in &k.patches {
            list.push(Transform::Patch(self.patch(patch, &k.file)?));
        }
        if !k.namespace.is_empty() {
            let (namespace, specs) = (k.namespace.clone(), config.specs(Table::Namespace).to_vec());
            list.push(Transform::Namespace(NamespaceChange {
                namespace,
                specs,
                ..NamespaceChange::default()
            }));
        }
        let affixes = [
            (Side::Prefix, &k.name_prefix, Table::NamePrefix),
            (Side::Suffix, &k.name_suffix, Table::NameSuffix),
        ];
        for (side, affix, table) in affixes.into_iter().filter(|(_, affix, _)| !affix.is_empty()) {
            list.push(Transform::Name(side, affix.clone(), config.specs(table).to_vec()));
        }
        self.push_labels(config, &mut list)?;
        for patch in &k.patches_json6902 {
            list.push(Transform::Patch(self.old_json_patch(patch, &k.file)?));
        }
        for replica in &k.replicas {
            list.push(Transform::Replicas(replica.clone(), config.specs(Table::Replicas).to_vec()));
        }
        for image in &k.images {
            let pattern = ImagePattern::new(image.clone()).map_err(|error| error.at(&k.file, 0))?;
            list.push(Transform::Images(pattern, config.specs(Table::Images).to_vec()));
        }
        if !k.replacements.is_empty() {
            list.push(self.replacements(&k.replacements, &k.file)?);
        }
        Ok(list)
    }

    fn push_labels(&self, config: &Config, list: &mut Vec<Transform>) -> Result<()> {
        let k = &self.kustomization;
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
        Ok(())
    }

    /// `patchesStrategicMerge`: an entry is tried as a patch, then as a file. `file` holds the entries.
    pub(crate) fn old_strategic_merges(&self, entries: &[At<String>], file: &Rc<str>) -> Result<Transform> {
        let mut patches = Vec::new();
        for entry in entries {
            let is_text = entry.value.contains('\n');
            let inline = (is_text || !self.loader.has_file(&entry.value))
                .then(|| read_strategic(&entry.value, file, entry.line));
            patches.extend(match inline {
                Some(Ok(patches)) => patches,
                Some(Err(error)) if is_text => return Err(error),
                _ => {
                    let (path, bytes) = self.loader.read(entry, file)?;
                    read_strategic(text(&path, &bytes)?, &path, 0)?
                }
            });
        }
        if patches.is_empty() {
            let line = entries.first().map_or(0, |it| it.line);
            let message = "no entry of `patchesStrategicMerge` holds a patch";
            return Err(BuildError::new("kustomize-patch", message)
                .at(file, line)
                .hint("take the field out, or name files with patches"));
        }
        Ok(Transform::Patch(PatchEntry {
            content: PatchContent::OldStrategic(patches),
            target: None,
            allow: Allow::default(),
            named_at: (Rc::clone(file), 0),
            source: Rc::clone(file),
            lines_before: 0,
        }))
    }

    /// An entry of `patches`. `file` holds it.
    pub(crate) fn patch(&self, patch: &Patch, file: &Rc<str>) -> Result<PatchEntry> {
        let (source, text, lines_before) = self.patch_text(patch, file)?;
        // What is in place loses the blanks around it; in patchesJson6902 they can be the end of a value.
        let text = if patch.path.is_empty() { text.trim() } else { text.as_str() };
        let content = PatchContent::read(text, &source, lines_before)?;
        let allow = Allow {
            name_change: patch.options.allow_name_change,
            kind_change: patch.options.allow_kind_change,
            ..Allow::default()
        };
        let named_at = (Rc::clone(file), patch.line);
        // kustomize never looks at the target of a patch that holds nothing.
        let target = if content.is_empty() { None } else { selector(patch, file)? };
        Ok(PatchEntry { content, target, allow, named_at, source, lines_before })
    }

    /// An entry of `patchesJson6902`. `file` holds it.
    pub(crate) fn old_json_patch(&self, patch: &Patch, file: &Rc<str>) -> Result<PatchEntry> {
        let wrong = |message: &str| Err(BuildError::new("kustomize-patch", message).at(file, patch.line));
        if patch.target.as_ref().is_none_or(|it| it.name.is_empty()) {
            return wrong("an entry of patchesJson6902 needs a target with a name");
        }
        let (source, text, lines_before) = self.patch_text(patch, file)?;
        let operations = read_json(&text, &source, lines_before)?;
        if operations.is_empty() {
            return wrong("an entry of patchesJson6902 holds no operation");
        }
        let content = PatchContent::OldJson(operations);
        let (target, named_at) = (selector(patch, file)?, (Rc::clone(file), patch.line));
        Ok(PatchEntry { content, target, allow: Allow::default(), named_at, source, lines_before })
    }

    /// Where a patch stands, its text, and how many lines of the file come before it.
    fn patch_text(&self, patch: &Patch, file: &Rc<str>) -> Result<(Rc<str>, String, u32)> {
        let wrong = |message: &str, hint: &str| {
            Err(BuildError::new("kustomize-patch", message).at(file, patch.line).hint(hint))
        };
        match (patch.patch.trim(), patch.path.as_str()) {
            ("", "") => wrong(
                "a patch has neither `patch` nor `path`",
                "name its file by `path`, or write it below `patch: |`",
            ),
            ("", path) => {
                let path = At { value: path.to_owned(), line: patch.line };
                let (path, bytes) = self.loader.read(&path, file)?;
                let content = text(&path, &bytes)?.to_owned();
                Ok((path, content, 0))
            }
            (_, "") => Ok((Rc::clone(file), patch.patch.clone(), patch.line.saturating_sub(1))),
            _ => wrong("a patch has both `patch` and `path`", "keep one of them"),
        }
    }

    /// `replacements`, those in files read. `file` holds the entries.
    pub(crate) fn replacements(&self, entries: &[Replacement], file: &Rc<str>) -> Result<Transform> {
        let mut list = Vec::new();
        for entry in entries {
            // An empty list of targets does not survive the way into kustomize's transformer.
            let targets = entry.targets.clone().filter(|it| !it.is_empty());
            if entry.path.is_empty() {
                list.push(Replacement { targets, ..entry.clone() });
                continue;
            }
            if entry.source.is_some() || targets.is_some() {
                let message = "a replacement has both `path` and its own source or targets";
                return Err(BuildError::new("kustomize-value", message).at(file, entry.line));
            }
            let path = At { value: entry.path.clone(), line: entry.line };
            let (path, bytes) = self.loader.read(&path, file)?;
            list.extend(read_replacements(&path, text(&path, &bytes)?)?);
            if list.len() > REPLACEMENTS_MAX {
                let message = format!("there are more than {REPLACEMENTS_MAX} replacements");
                return Err(BuildError::new("kustomize-limit", message).at(file, entry.line));
            }
        }
        Ok(Transform::Replacements(list))
    }
}

/// Fails when a kustomization has more transformers, its entries of `patches`, `images` and so on, than any real one.
pub(crate) fn check_entries(count: usize, file: &str) -> Result<()> {
    if count > TRANSFORMERS_MAX {
        let message =
            format!("more than {TRANSFORMERS_MAX} patches, labels, images, replicas or transformers");
        return Err(BuildError::new("kustomize-limit", message).at(file, 0));
    }
    Ok(())
}

fn read_replacements(path: &Rc<str>, text: &str) -> Result<Vec<Replacement>> {
    let document = parse_first(text, Dialect::Config, &Limits::default())
        .map_err(|error| BuildError::syntax(path, text, &error))?;
    let reader = Reader::plugin(path);
    match document {
        Some(node) if node.as_seq().is_some() => reader.list(&node, |it| Replacement::read(reader, it)),
        Some(node) if node.as_map().is_some() => Ok(vec![Replacement::read(reader, &node)?]),
        _ => Err(BuildError::new("kustomize-value", "the file holds no replacements").at(path, 0)),
    }
}

fn selector(patch: &Patch, file: &str) -> Result<Option<Selector>> {
    let compiled = patch.target.as_ref().map(Selector::compile).transpose();
    compiled.map_err(|error| BuildError::new("kustomize-selector", error.to_string()).at(file, patch.line))
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
