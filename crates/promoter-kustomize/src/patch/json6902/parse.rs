//! Text to operations: what is read is lenient where kustomize is, and never decides whether an operation applies.

use json_patch::jsonptr::{PointerBuf, Token};
use promoter_yaml::{
    Data, Dialect, Form, Limits, Map, Mark, Node, Scalar, Tag, emit_json, parse_first, parse_json,
};

use super::apply::text;
use super::{JsonPatchError, Operation, Step};

/// Reads a patch. A text that starts with `[` has to be JSON; any other is YAML, first document only.
pub(super) fn patch(text: &str, limits: &Limits) -> Result<Vec<Step>, JsonPatchError> {
    let is_json = text.starts_with('[');
    let document = match is_json {
        true => parse_json(text, limits).map(Some),
        false => parse_first(text, Dialect::Config, limits),
    };
    let items = match document.map_err(|it| error(it.message, it.mark))? {
        None => return Ok(Vec::new()),
        Some(node) if node.is_null() => return Ok(Vec::new()),
        Some(Node { data: Data::Seq(items), .. }) => items,
        Some(node) => {
            return Err(error(format!("no list of operations but {}", node.type_name()), node.mark));
        }
    };
    let steps = items.into_iter().map(|item| match &item.data {
        Data::Map(map) => step(map, is_json, item.mark),
        _ => Err(error(format!("an operation has to be a mapping, this is {}", item.type_name()), item.mark)),
    });
    steps.collect()
}

fn error(message: String, mark: Mark) -> JsonPatchError {
    JsonPatchError { message, mark }
}

fn step(map: &Map, is_json: bool, mark: Mark) -> Result<Step, JsonPatchError> {
    let mut fields = Map::new();
    for (key, value) in map.iter() {
        fields.insert(key, json(value, is_json)?);
    }
    let text = |key: &str| fields.get(key).and_then(Node::as_str);
    let name = format!("{} {}", text("op").unwrap_or("?"), text("path").unwrap_or("?"));
    Ok(Step { name, operation: operation(&mut fields), mark })
}

fn operation(fields: &mut Map) -> Result<Operation, String> {
    // A missing value is null, as it is for the library.
    let value = fields.remove("value").unwrap_or_else(Node::null);
    let Some(op) = fields.get("op").and_then(Node::as_str) else {
        return Err("`op` is missing or no text".to_owned());
    };
    let path = pointer(fields, "path");
    match op {
        "add" => Ok(Operation::Add(path?, value)),
        "remove" => Ok(Operation::Remove(path?)),
        "replace" => Ok(Operation::Replace(path?, value)),
        "test" => Ok(Operation::Test(path?, value)),
        "move" => Ok(Operation::Move { from: pointer(fields, "from")?, path: path? }),
        "copy" => Ok(Operation::Copy { from: pointer(fields, "from")?, path: path? }),
        other => Err(format!("`op: {other}` is none of `add`, `remove`, `replace`, `move`, `copy`, `test`")),
    }
}

/// A path as the library splits it: at every `/`, without what stands before the first one.
fn pointer(fields: &Map, key: &str) -> Result<PointerBuf, String> {
    let Some(text) = fields.get(key).and_then(Node::as_str) else {
        return Err(format!("`{key}` is missing or no text"));
    };
    if text.is_empty() {
        return Ok(PointerBuf::root());
    }
    if !text.contains('/') {
        return Err(format!("`{key}: {text}` does not begin with `/`"));
    }
    Ok(PointerBuf::from_tokens(text.split('/').skip(1).map(|it| Token::new(unescape(it)))))
}

/// `~1` is `/` and `~0` is `~`; any other `~` is itself.
fn unescape(token: &str) -> String {
    let mut out = String::with_capacity(token.len());
    let mut rest = token;
    while let Some(at) = rest.find('~') {
        let (skip, meant) = match rest.as_bytes().get(at + 1) {
            Some(b'1') => (2, '/'),
            Some(b'0') => (2, '~'),
            _ => (1, '~'),
        };
        out.push_str(&rest[..at]);
        out.push(meant);
        rest = &rest[at + skip..];
    }
    out.push_str(rest);
    out
}

/// A tree as JSON: keys sorted, and of a number the text that JSON has, which `test` compares.
fn json(node: &Node, is_json: bool) -> Result<Node, JsonPatchError> {
    let data = match &node.data {
        Data::Seq(items) => Data::Seq(items.iter().map(|it| json(it, is_json)).collect::<Result<_, _>>()?),
        Data::Map(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            let mut sorted = Map::new();
            for (key, value) in entries {
                sorted.insert(key, json(value, is_json)?);
            }
            Data::Map(sorted)
        }
        Data::Scalar(scalar) => {
            let made = json_scalar(scalar, is_json);
            made.ok_or_else(|| error(format!("`{}` cannot be JSON", scalar.text), node.mark))?.data
        }
    };
    Ok(data.into())
}

fn json_scalar(scalar: &Scalar, is_json: bool) -> Option<Node> {
    match scalar.tag {
        Tag::Null => Some(Node::null()),
        Tag::Bool => scalar.as_bool().map(Node::bool),
        Tag::Int | Tag::Float => number(scalar, is_json),
        // go-yaml v2 leaves dates as they were written.
        Tag::Timestamp | Tag::Str => Some(text(&*scalar.text)),
    }
}

/// A number with the text that it has in JSON: as it stands there, or as Go makes JSON of YAML.
pub(super) fn number(scalar: &Scalar, is_json: bool) -> Option<Node> {
    let value = scalar.number()?.to_f64();
    let (is_finite, is_zero) = (value.is_finite(), value == 0.0);
    let mut text = String::new();
    match is_json {
        true => text.push_str(&scalar.text),
        // Go keeps the sign of a float.
        false if scalar.tag == Tag::Float && is_zero && scalar.text.starts_with('-') => text.push_str("-0"),
        false => emit_json(&Data::Scalar(scalar.clone()).into(), false, &mut text).ok()?,
    }
    is_finite.then(|| Data::Scalar(Scalar { text: text.into(), tag: Tag::Float, form: Form::Plain }).into())
}
