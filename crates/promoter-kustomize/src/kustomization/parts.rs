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
            "group" => spec.group = reader.embedded().string(value)?.into(),
            "version" => spec.version = reader.embedded().string(value)?.into(),
            "kind" => spec.kind = reader.embedded().string(value)?.into(),
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
        let text = match field {
            "labelSelector" | "annotationSelector" => reader.string(value)?,
            _ => reader.embedded().string(value)?,
        };
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
