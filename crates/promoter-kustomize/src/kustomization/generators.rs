//! The entries of `configMapGenerator` and `secretGenerator`.

use std::collections::BTreeMap;

use promoter_yaml::Node;

use super::reader::{At, Reader};
use crate::error::Result;

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
    /// Reads an entry of a kustomization.
    pub(crate) fn read(reader: Reader<'_>, node: &Node, is_secret: bool) -> Result<Self> {
        let (mut this, env) = Self::read_with_env(reader, node, is_secret)?;
        this.sources.envs.extend(env);
        Ok(this)
    }

    /// Reads a plugin file, in which the old field `env` means nothing.
    pub(crate) fn read_plugin(reader: Reader<'_>, node: &Node, is_secret: bool) -> Result<Self> {
        Self::read_with_env(reader, node, is_secret).map(|(this, _)| this)
    }

    fn read_with_env(reader: Reader<'_>, node: &Node, is_secret: bool) -> Result<(Self, Option<At<String>>)> {
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
        Ok((this, env))
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
