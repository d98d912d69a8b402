//! The entries of `replacements` and `vars`: values of one resource, put into others.

use std::rc::Rc;

use promoter_yaml::Node;

use super::parts::read_selector;
use super::reader::{At, Reader};
use crate::error::Result;
use crate::patch::selector::SelectorSpec;

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
                "group" => this.object.group = reader.embedded().string(value)?,
                "version" => this.object.version = reader.embedded().string(value)?,
                "kind" => this.object.kind = reader.embedded().string(value)?,
                "name" => this.object.name = reader.embedded().string(value)?,
                "namespace" => this.object.namespace = reader.embedded().string(value)?,
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
    /// The file that holds the entry.
    pub(crate) file: Rc<str>,
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
    /// Reads an entry of a file of replacements.
    pub(crate) fn read(reader: Reader<'_>, node: &Node) -> Result<Self> {
        Self::read_with(reader, reader, node)
    }

    /// Reads an entry of a kustomization or a plugin file, to which all fields but `path` come by embedding.
    pub(crate) fn read_entry(reader: Reader<'_>, node: &Node) -> Result<Self> {
        Self::read_with(reader, reader.embedded(), node)
    }

    fn read_with(reader: Reader<'_>, inner: Reader<'_>, node: &Node) -> Result<Self> {
        let mut this = Self { file: Rc::from(reader.file), line: node.mark.line, ..Self::default() };
        reader.object(node, &["path", "source", "sourceValue", "targets"], |field, value| {
            match field {
                "path" => this.path = reader.string(value)?,
                "source" => this.source = Some(SourceSelector::read(inner, value)?),
                "sourceValue" => this.source_value = Some(inner.string(value)?),
                _ => this.targets = Some(inner.list(value, |it| TargetSelector::read(inner, it))?),
            }
            Ok(())
        })?;
        Ok(this)
    }
}
