//! Typed reading of kustomization files, configurations and plugin files, by the rules of Go's JSON decoder: field
//! names in any case, null means "not said".

use std::collections::BTreeMap;

use promoter_yaml::{Data, Map, Node, Scalar, Tag, emit_json};

use crate::error::{BuildError, Result};
use crate::suggest::nearest;

/// Fields that kustomize has since v5.8.1.
const LATER_FIELDS: [&str; 2] = ["includeVolumeClaimTemplates", "volumeClaimTemplateLabels"];

/// Fields that a hint lists.
const LISTED_FIELDS_MAX: usize = 12;

/// A value and the line it stands on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct At<T> {
    /// The value.
    pub(crate) value: T,
    /// The line, from 1.
    pub(crate) line: u32,
}

/// Reads values of one file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    /// The file, for messages.
    pub(crate) file: &'a str,
    /// Refuses fields that it does not know.
    strict: bool,
    /// Takes numbers and booleans for text where text is wanted.
    converts: bool,
}

impl<'a> Reader<'a> {
    /// For kustomization files: strict, and nothing is converted.
    pub(crate) fn kustomization(file: &'a str) -> Self {
        Self { file, strict: true, converts: false }
    }

    /// For fields that Go finds in an embedded struct: there it knows no types, and so converts nothing.
    pub(crate) fn embedded(self) -> Self {
        Self { converts: false, ..self }
    }

    /// For files of `configurations`: strict, but converting.
    pub(crate) fn configuration(file: &'a str) -> Self {
        Self { file, strict: true, converts: true }
    }

    /// For plugin files and files of replacements: fields that do not exist are passed over, values converted.
    pub(crate) fn plugin(file: &'a str) -> Self {
        Self { file, strict: false, converts: true }
    }
}

impl Reader<'_> {
    /// Goes through a mapping. `each` gets the name of a field as `fields` spells it and a value that is not null.
    ///
    /// Errors: something else than a mapping; a field that `fields` lacks, when strict.
    pub(crate) fn object(
        self,
        node: &Node,
        fields: &[&'static str],
        mut each: impl FnMut(&'static str, &Node) -> Result<()>,
    ) -> Result<()> {
        if node.is_null() {
            return Ok(());
        }
        let Some(map) = node.as_map() else {
            return Err(self.wrong(node, "a mapping"));
        };
        for entry in map.entries() {
            let exact = fields.iter().find(|it| **it == &*entry.key);
            match exact.or_else(|| fields.iter().find(|it| it.eq_ignore_ascii_case(&entry.key))) {
                Some(_) if entry.value.is_null() || is_beaten(map, &entry.key) => {}
                Some(field) => each(field, &entry.value).map_err(|error| error.below(field))?,
                None if self.strict => return Err(self.unknown(&entry.key, entry.key_mark.line, fields)),
                None => {}
            }
        }
        Ok(())
    }

    fn unknown(self, key: &str, line: u32, fields: &[&'static str]) -> BuildError {
        let error = BuildError::new("kustomize-unknown-field", format!("there is no field `{key}`"))
            .at(self.file, line);
        if LATER_FIELDS.contains(&key) {
            return error.hint("kustomize has it only after v5.8.1, which Argo CD ships");
        }
        match nearest(key, fields.iter().copied()) {
            Some(field) => error.hint(format!("did you mean `{field}`?")),
            None if fields.len() > LISTED_FIELDS_MAX => error.hint("take it out, or put it where it belongs"),
            None => error.hint(format!("known fields are {}", fields.join(", "))),
        }
    }

    /// A text. Dates count as text; numbers and booleans do not.
    pub(crate) fn string(self, node: &Node) -> Result<String> {
        match &node.data {
            // Only plugin files have times and folded blocks by now: kustomize writes them once more before it reads them.
            Data::Scalar(scalar) if scalar.tag == Tag::Str => Ok(scalar.written().into_owned()),
            Data::Scalar(scalar) if scalar.tag == Tag::Timestamp => {
                Ok(scalar.rfc3339().unwrap_or_else(|| scalar.text.to_string()))
            }
            Data::Scalar(scalar) if scalar.tag == Tag::Null => Ok(String::new()),
            Data::Scalar(_) if self.converts => {
                let mut text = String::new();
                emit_json(node, false, &mut text).map_err(|_| self.wrong(node, "a string"))?;
                Ok(text)
            }
            Data::Scalar(scalar) => {
                let text = scalar.text.clone();
                Err(self.wrong(node, "a string").hint(format!("put quotes around it: \"{text}\"")))
            }
            _ => Err(self.wrong(node, "a string")),
        }
    }

    /// A text with its line.
    pub(crate) fn located(self, node: &Node) -> Result<At<String>> {
        Ok(At { value: self.string(node)?, line: node.mark.line })
    }

    /// A boolean.
    pub(crate) fn bool(self, node: &Node) -> Result<bool> {
        node.as_scalar().and_then(Scalar::as_bool).ok_or_else(|| self.wrong(node, "true or false"))
    }

    /// A whole number.
    pub(crate) fn int(self, node: &Node) -> Result<i64> {
        node.as_scalar().and_then(Scalar::as_i64).ok_or_else(|| self.wrong(node, "a whole number"))
    }

    /// A list.
    pub(crate) fn list<T>(self, node: &Node, mut read: impl FnMut(&Node) -> Result<T>) -> Result<Vec<T>> {
        match &node.data {
            Data::Seq(items) => {
                let numbered = items.iter().enumerate();
                numbered.map(|(at, it)| read(it).map_err(|error| error.below(&format!("[{at}]")))).collect()
            }
            _ if node.is_null() => Ok(Vec::new()),
            _ => Err(self.wrong(node, "a list").hint("write each entry on a line that begins with `- `")),
        }
    }

    /// A list of texts.
    pub(crate) fn strings(self, node: &Node) -> Result<Vec<String>> {
        self.list(node, |item| self.string(item))
    }

    /// A list of texts with their lines.
    pub(crate) fn located_strings(self, node: &Node) -> Result<Vec<At<String>>> {
        self.list(node, |item| self.located(item))
    }

    /// A mapping of texts.
    pub(crate) fn string_map(self, node: &Node) -> Result<BTreeMap<String, String>> {
        match &node.data {
            Data::Map(map) => {
                let pair = |(key, value): (&str, &Node)| {
                    let text = self.string(value).map_err(|error| error.below(key))?;
                    Ok((key.to_owned(), text))
                };
                map.iter().map(pair).collect()
            }
            _ if node.is_null() => Ok(BTreeMap::new()),
            _ => Err(self.wrong(node, "a mapping")),
        }
    }

    /// A value of the wrong type.
    pub(crate) fn wrong(self, node: &Node, wanted: &str) -> BuildError {
        BuildError::new("kustomize-value", format!("{} stands where {wanted} is wanted", node.type_name()))
            .at(self.file, node.mark.line)
    }
}

/// True when the same name stands there in another case that comes later in the order of bytes: Go's decoder gets the
/// keys in that order, and the last one wins.
fn is_beaten(map: &Map, key: &str) -> bool {
    map.iter().any(|(other, _)| other > key && other.eq_ignore_ascii_case(key))
}
