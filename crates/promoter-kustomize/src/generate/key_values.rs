//! Keys and values of a generator: environment files, then literals, then files.

use std::collections::HashSet;

use crate::error::{BuildError, Result};
use crate::kustomization::KeyValueSources;
use crate::kustomization::reader::At;
use crate::loader::Loader;
use crate::transform::check_key;

/// The longest line of an environment file; kustomize silently drops the rest of a file that has a longer one.
const LINE_BYTES_MAX: usize = 65_535;

type Pair = (String, Vec<u8>);

/// Reads all sources; `file` is the kustomization that names them.
pub(super) fn load(sources: &KeyValueSources, loader: &Loader<'_>, file: &str) -> Result<Vec<Pair>> {
    let mut pairs: Vec<(Pair, u32)> = Vec::new();
    for env in &sources.envs {
        let (path, bytes) = loader.read(env, file)?;
        pairs.extend(env_pairs(&path, &bytes)?.into_iter().map(|pair| (pair, env.line)));
    }
    for literal in &sources.literals {
        pairs.push((literal_pair(literal, file)?, literal.line));
    }
    for source in &sources.files {
        let (key, path) = key_and_path(source, file)?;
        let (_, bytes) = loader.read(&At { value: path.to_owned(), line: source.line }, file)?;
        pairs.push(((key.to_owned(), bytes.to_vec()), source.line));
    }
    let mut seen = HashSet::new();
    for ((key, _), line) in &pairs {
        if !seen.insert(key.as_str()) {
            let message = format!("the key `{key}` is there twice among `envs`, `literals` and `files`");
            return Err(BuildError::new("kustomize-value", message).at(file, *line));
        }
        check_key(key, "generated data").map_err(|error| error.at(file, *line))?;
    }
    Ok(pairs.into_iter().map(|(pair, _)| pair).collect())
}

fn literal_pair(literal: &At<String>, file: &str) -> Result<Pair> {
    match literal.value.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), unquoted(value).as_bytes().to_vec())),
        _ => {
            let message = format!("the literal `{}` is not of the form key=value", literal.value);
            Err(BuildError::new("kustomize-value", message).at(file, literal.line))
        }
    }
}

/// Takes a pair of quotes away that encloses the whole text.
fn unquoted(text: &str) -> &str {
    let within = |quote: char| text.strip_prefix(quote).and_then(|it| it.strip_suffix(quote));
    within('"').or_else(|| within('\'')).unwrap_or(text)
}

fn key_and_path<'a>(source: &'a At<String>, file: &str) -> Result<(&'a str, &'a str)> {
    let text = source.value.as_str();
    match text.split_once('=') {
        None => Ok((text.trim_end_matches('/').rsplit('/').next().unwrap_or(text), text)),
        Some((key, path)) if !key.is_empty() && !path.is_empty() && !path.contains('=') => Ok((key, path)),
        Some(_) => {
            let message = format!("the file source `{text}` is not of the form path or key=path");
            Err(BuildError::new("kustomize-value", message).at(file, source.line))
        }
    }
}

/// The pairs of an environment file: one a line, `#` for comments, blanks before the key ignored, nothing unquoted.
fn env_pairs(path: &str, bytes: &[u8]) -> Result<Vec<Pair>> {
    let mut pairs = Vec::new();
    for (number, line) in (1_u32..).zip(bytes.split(|it| *it == b'\n')) {
        let wrong = |message: &str| Err(BuildError::new("kustomize-value", message).at(path, number));
        if line.len() > LINE_BYTES_MAX {
            return wrong("a line of an environment file is longer than 65535 bytes");
        }
        let Ok(text) = std::str::from_utf8(line) else {
            return wrong("a line of an environment file is not UTF-8");
        };
        let text = text.strip_suffix('\r').unwrap_or(text);
        let text = if number == 1 { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
        let text = text.trim_start();
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        if !key.is_empty() && !key.starts_with('#') {
            pairs.push((key.to_owned(), value.as_bytes().to_vec()));
        }
    }
    Ok(pairs)
}
