//! Text to operations: what is read is lenient where kustomize is, and never decides whether an operation applies.

use json_patch::jsonptr::{PointerBuf, Token};
use json_patch::{
    AddOperation, CopyOperation, MoveOperation, PatchOperation, RemoveOperation, ReplaceOperation,
    TestOperation,
};
use promoter_yaml::{Data, Dialect, Limits, Mark, Node, Number, Scalar, Tag, parse_first, parse_json};
use serde_json::Value;

use super::{JsonPatchError, Step};

type Object = serde_json::Map<String, Value>;

/// Reads a patch. A text that starts with `[` has to be JSON; any other is YAML, first document only.
pub(super) fn patch(text: &str, limits: &Limits) -> Result<Vec<Step>, JsonPatchError> {
    let document = match text.starts_with('[') {
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
    let steps = items.into_iter().map(|item| match value(&item)? {
        Value::Object(object) => Ok(step(object, item.mark)),
        _ => Err(error(format!("an operation has to be a mapping, this is {}", item.type_name()), item.mark)),
    });
    steps.collect()
}

fn error(message: String, mark: Mark) -> JsonPatchError {
    JsonPatchError { message, mark }
}

fn step(object: Object, mark: Mark) -> Step {
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    let name = format!("{} {}", text("op").unwrap_or("?"), text("path").unwrap_or("?"));
    Step { name, operation: operation(object), mark }
}

fn operation(object: Object) -> Result<PatchOperation, String> {
    let mut object = object;
    let Some(Value::String(op)) = object.remove("op") else {
        return Err("`op` is missing or no text".to_owned());
    };
    let path = pointer(&object, "path");
    // A missing value is null, as it is for the library.
    let value = object.remove("value").unwrap_or(Value::Null);
    match op.as_str() {
        "add" => Ok(PatchOperation::Add(AddOperation { path: path?, value })),
        "remove" => Ok(PatchOperation::Remove(RemoveOperation { path: path? })),
        "replace" => Ok(PatchOperation::Replace(ReplaceOperation { path: path?, value })),
        "test" => Ok(PatchOperation::Test(TestOperation { path: path?, value })),
        "move" => Ok(PatchOperation::Move(MoveOperation { from: pointer(&object, "from")?, path: path? })),
        "copy" => Ok(PatchOperation::Copy(CopyOperation { from: pointer(&object, "from")?, path: path? })),
        other => Err(format!("`op: {other}` is none of `add`, `remove`, `replace`, `move`, `copy`, `test`")),
    }
}

/// A path as the library splits it: at every `/`, without what stands before the first one.
fn pointer(object: &Object, key: &str) -> Result<PointerBuf, String> {
    let Some(text) = object.get(key).and_then(Value::as_str) else {
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

/// A tree as JSON.
fn value(node: &Node) -> Result<Value, JsonPatchError> {
    match &node.data {
        Data::Scalar(it) => {
            scalar(it).ok_or_else(|| error(format!("`{}` cannot be JSON", it.text), node.mark))
        }
        Data::Seq(items) => items.iter().map(value).collect::<Result<_, _>>().map(Value::Array),
        Data::Map(map) => {
            let entries = map.iter().map(|(key, it)| Ok((key.to_owned(), value(it)?)));
            entries.collect::<Result<_, _>>().map(Value::Object)
        }
    }
}

fn scalar(scalar: &Scalar) -> Option<Value> {
    match scalar.tag {
        Tag::Null => Some(Value::Null),
        Tag::Bool => scalar.as_bool().map(Value::Bool),
        Tag::Int | Tag::Float => match scalar.number()? {
            Number::Int(it) => Some(Value::from(it)),
            Number::UInt(it) => Some(Value::from(it)),
            Number::Float(it) => serde_json::Number::from_f64(it).map(Value::Number),
        },
        // go-yaml v2 leaves dates as they were written.
        Tag::Timestamp | Tag::Str => Some(Value::from(&*scalar.text)),
    }
}
