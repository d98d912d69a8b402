//! What makes resources: ConfigMaps and Secrets here, charts and accounts in files of their own.

pub(crate) mod hash;
pub(crate) mod helm;
pub(crate) mod iam;
mod key_values;
mod run;

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use promoter_yaml::{Map, Node};

use crate::error::{BuildError, Result};
use crate::field::made_text;
use crate::kustomization::{GeneratorArgs, GeneratorOptions};
use crate::loader::Loader;
use crate::resource::{Behavior, Resource};
use crate::transform::check_keys;

/// What a generator makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }

    /// The name of kustomize's plugin.
    pub(crate) fn plugin(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMapGenerator",
            Self::Secret => "SecretGenerator",
        }
    }
}

/// Base64 is broken into lines of this length, as kustomize does; the hash covers the breaks.
const BASE64_LINE: usize = 70;

/// Makes one ConfigMap or Secret. `general` are the kustomization's `generatorOptions`; `file` names the sources.
///
/// Errors: no name, a source that is missing or malformed, a key that is there twice.
pub(crate) fn generate(
    kind: Kind,
    args: &GeneratorArgs,
    general: Option<&GeneratorOptions>,
    loader: &Loader<'_>,
    file: &Rc<str>,
) -> Result<Resource> {
    if args.name.is_empty() {
        let message = format!("a {} needs a name", kind.plugin());
        return Err(BuildError::new("kustomize-value", message).at(file, args.line));
    }
    let options = match (args.options.clone(), general) {
        (own, Some(general)) => Some(own.unwrap_or_default().over(general)),
        (own, None) => own,
    };
    for pairs in options.iter().flat_map(|it| [&it.labels, &it.annotations]) {
        check_keys(pairs).map_err(|error| error.at(file, args.line))?;
    }
    let data = key_values::load(&args.sources, loader, file)?;
    let mut map = Map::new();
    map.insert("apiVersion", Node::str("v1"));
    map.insert("kind", Node::str(kind.name()));
    map.insert("metadata", metadata(args, options.as_ref()));
    match kind {
        Kind::ConfigMap => insert_texts(&mut map, data),
        Kind::Secret => insert_secrets(&mut map, &args.secret_type, data),
    }
    if options.as_ref().is_some_and(|it| it.immutable) {
        map.insert("immutable", Node::bool(true));
    }
    let mut resource = Resource::new(Node::map(map), Rc::clone(file));
    resource.node.mark.line = args.line;
    resource.needs_hash = !options.is_some_and(|it| it.disable_name_suffix_hash);
    resource.behavior = Behavior::from_word(&args.behavior);
    Ok(resource)
}

fn metadata(args: &GeneratorArgs, options: Option<&GeneratorOptions>) -> Node {
    let mut metadata = Map::new();
    metadata.insert("name", made_text(&args.name));
    if !args.namespace.is_empty() {
        metadata.insert("namespace", made_text(&args.namespace));
    }
    let Some(options) = options else {
        return Node::map(metadata);
    };
    for (field, pairs) in [("labels", &options.labels), ("annotations", &options.annotations)] {
        if !pairs.is_empty() {
            let pairs = pairs.iter().map(|(key, value)| (key.as_str().into(), Node::str(value.as_str())));
            metadata.insert(field, Node::map(pairs.collect()));
        }
    }
    Node::map(metadata)
}

fn insert_texts(map: &mut Map, data: Vec<(String, Vec<u8>)>) {
    let (mut texts, mut binaries) = (Vec::new(), Vec::new());
    for (key, bytes) in data {
        match String::from_utf8(bytes) {
            Ok(text) => texts.push((key.into(), made_text(&text))),
            Err(error) => binaries.push((key.into(), made_text(&base64_lines(error.as_bytes())))),
        }
    }
    for (field, entries) in [("data", texts), ("binaryData", binaries)] {
        if !entries.is_empty() {
            map.insert(field, Node::map(entries.into_iter().collect()));
        }
    }
}

fn insert_secrets(map: &mut Map, secret_type: &str, data: Vec<(String, Vec<u8>)>) {
    map.insert("type", Node::str(if secret_type.is_empty() { "Opaque" } else { secret_type }));
    let texts = data.into_iter().map(|(key, bytes)| (key.into(), Node::str(base64_lines(&bytes))));
    map.insert("data", Node::map(texts.collect()));
}

fn base64_lines(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    if text.len() < BASE64_LINE {
        return text;
    }
    let mut lines = String::with_capacity(text.len() + text.len() / BASE64_LINE + 1);
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(BASE64_LINE));
        lines.push_str(line);
        lines.push('\n');
        rest = after;
    }
    lines
}
