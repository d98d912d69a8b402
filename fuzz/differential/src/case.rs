//! One case: a tree of files to build, kept as values so that it can be shrunk.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use promoter_kustomize::MemoryFiles;
use promoter_yaml::{Dialect, Limits, parse_all};

use crate::print::{Look, stream};
use crate::value::Value;

/// The names that a kustomization file can have.
pub(crate) const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// A tree of files whose root is built, and how.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Case {
    /// Files by path.
    pub(crate) files: BTreeMap<String, Content>,
    /// Built with `--load-restrictor LoadRestrictionsNone`.
    pub(crate) unrestricted: bool,
}

/// What is in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// YAML documents.
    Yaml(Vec<Value>, Look),
    /// Anything.
    Bytes(Vec<u8>),
}

/// How files are taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// As they are.
    Bytes,
    /// As values, where they are YAML.
    Values,
}

impl Content {
    /// One document, plainly written.
    pub(crate) fn one(document: Value) -> Self {
        Self::Yaml(vec![document], Look::default())
    }

    /// The bytes of the file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Yaml(documents, look) => stream(documents, *look).into_bytes(),
            Self::Bytes(bytes) => bytes.clone(),
        }
    }
}

impl Case {
    /// The tree in memory.
    pub(crate) fn tree(&self) -> Result<MemoryFiles> {
        let mut tree = MemoryFiles::new();
        for (path, content) in &self.files {
            tree.insert(path, content.bytes()).with_context(|| path.clone())?;
        }
        Ok(tree)
    }

    /// Writes the tree below a directory.
    pub(crate) fn write(&self, directory: &Path) -> Result<()> {
        for (path, content) in &self.files {
            let path = directory.join(path);
            std::fs::create_dir_all(path.parent().context("a path without a directory")?)?;
            std::fs::write(&path, content.bytes())?;
        }
        Ok(())
    }

    /// Reads the tree below a directory; `None` when it holds what a case cannot: links, or names that are no text.
    pub(crate) fn read(directory: &Path, reading: Reading) -> Result<Option<Self>> {
        let mut case = Self::default();
        Ok(case.add(directory, "", reading)?.then_some(case))
    }

    fn add(&mut self, directory: &Path, below: &str, reading: Reading) -> Result<bool> {
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let kind = entry.file_type()?;
            let Some(name) = name.to_str().filter(|_| !kind.is_symlink()) else {
                return Ok(false);
            };
            if kind.is_dir() {
                if !self.add(&entry.path(), &format!("{below}{name}/"), reading)? {
                    return Ok(false);
                }
            } else {
                let bytes = std::fs::read(entry.path())?;
                let content = match reading {
                    Reading::Bytes => Content::Bytes(bytes),
                    Reading::Values => read_content(name, bytes),
                };
                self.files.insert(format!("{below}{name}"), content);
            }
        }
        Ok(true)
    }
}

/// YAML as values where it can be read, everything else as bytes.
fn read_content(name: &str, bytes: Vec<u8>) -> Content {
    let yaml = name.ends_with(".yaml") || name.ends_with(".yml") || NAMES.contains(&name);
    let text = std::str::from_utf8(&bytes).ok().filter(|_| yaml);
    let parsed = text.and_then(|it| parse_all(it, Dialect::Resource, &Limits::default()).ok());
    match parsed {
        Some(documents) if !documents.is_empty() => {
            Content::Yaml(documents.iter().map(Value::from_node).collect(), Look::default())
        }
        _ => Content::Bytes(bytes),
    }
}
