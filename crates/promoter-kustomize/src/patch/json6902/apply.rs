//! Operations on a tree.

use std::borrow::Cow;

use json_patch::jsonptr::Pointer;
use promoter_yaml::{Data, Form, Map, Node, Number, Scalar, Tag, is_written_plain};

use super::{JsonPatchError, Notes, Operation, Step, parse};
use crate::number::shortest;
use crate::size::{COPIED_BYTES_MAX, DEPTH_MAX, Size};

/// Keys of a mapping that a message lists.
const LISTED_KEYS_MAX: usize = 8;

/// Applies the steps in order; how many bytes were copied inside the resource.
pub(super) fn patch(steps: &[Step], target: &mut Node, notes: Notes) -> Result<usize, JsonPatchError> {
    let Some(last) = steps.last() else {
        return Ok(0);
    };
    let whole = |message| JsonPatchError { message, mark: last.mark };
    // Most patches test nothing, and then no number's text is ever asked for.
    let tests = steps.iter().any(|it| matches!(it.operation, Ok(Operation::Test(..))));
    let numbers = if tests { Numbers::AsText } else { Numbers::AsFloats };
    through_json(target, numbers).map_err(whole)?;
    if notes == Notes::Taken
        && let Some(metadata) = target.get_mut("metadata").and_then(Node::as_map_mut)
    {
        metadata.get_or_insert_with("annotations", || Node::map(Map::new()));
    }
    let mut copied = 0;
    for (index, step) in steps.iter().enumerate() {
        let done = step
            .operation
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|it| run(it, target, numbers, &mut copied));
        done.map_err(|reason| JsonPatchError {
            message: format!("operation {} (`{}`) does not apply: {reason}", index + 1, step.name),
            mark: step.mark,
        })?;
    }
    if numbers == Numbers::AsText {
        numbers_from_json(target);
    }
    open_braces(target);
    annotations_as_text(target);
    for path in [&["kind"][..], &["metadata", "name"]] {
        if target.path(path).and_then(Node::text).is_none_or(str::is_empty) {
            return Err(whole(format!("the patch leaves the resource without `{}`", path.join("."))));
        }
    }
    Ok(copied)
}

/// How numbers stand in a resource while it is patched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Numbers {
    /// With their text in JSON.
    AsText,
    /// As what they become in the end.
    AsFloats,
}

fn run(operation: &Operation, root: &mut Node, numbers: Numbers, copied: &mut usize) -> Result<(), String> {
    let value_of = |value: &Node| {
        let mut value = value.clone();
        if numbers == Numbers::AsFloats {
            numbers_from_json(&mut value);
        }
        value
    };
    match operation {
        Operation::Add(path, value) => add(root, path, value_of(value)),
        Operation::Remove(path) => remove(root, path).map(drop),
        Operation::Replace(path, value) => replace(root, path, value_of(value)),
        Operation::Test(path, value) => test(root, path, value),
        Operation::Move { from, path } => {
            let moved = remove(root, from)?;
            add(root, path, moved)
        }
        Operation::Copy { from, path } => {
            let found = get(root, from)?;
            *copied += found.map_or(0, |it| Size::of(it).bytes);
            if *copied > COPIED_BYTES_MAX {
                return Err(format!("the patch copies more than {} MiB", COPIED_BYTES_MAX >> 20));
            }
            let value = found.cloned().unwrap_or_else(Node::null);
            add(root, path, value)
        }
    }
}

fn add(root: &mut Node, path: &Pointer, value: Node) -> Result<(), String> {
    if path.count() + Size::of(&value).depth > DEPTH_MAX {
        return Err(format!("the value would be more than {DEPTH_MAX} levels deep"));
    }
    let (parent, key) = parent(root, path)?;
    match &mut parent.data {
        Data::Map(map) => {
            map.insert(key, value);
        }
        Data::Seq(items) if key == "-" => items.push(value),
        // One place more than there are elements: the end.
        Data::Seq(items) => items.insert(index(&key, items.len(), items.len() + 1)?, value),
        Data::Scalar(_) => {}
    }
    Ok(())
}

fn remove(root: &mut Node, path: &Pointer) -> Result<Node, String> {
    let (parent, key) = parent(root, path)?;
    match &mut parent.data {
        Data::Map(map) => map.remove(&key).ok_or_else(|| no_key(&key, map)),
        Data::Seq(items) => Ok(items.remove(index(&key, items.len(), items.len())?)),
        Data::Scalar(_) => Ok(Node::null()),
    }
}

fn replace(root: &mut Node, path: &Pointer, value: Node) -> Result<(), String> {
    if path.is_root() {
        if value.as_map().is_none() {
            return Err(format!("a resource cannot become {}", value.type_name()));
        }
        *root = value;
        return Ok(());
    }
    let (parent, key) = parent(root, path)?;
    match &mut parent.data {
        Data::Map(map) => {
            map.insert(key, value);
        }
        Data::Seq(items) => {
            let at = index(&key, items.len(), items.len())?;
            items[at] = value;
        }
        Data::Scalar(_) => {}
    }
    Ok(())
}

fn test(root: &mut Node, path: &Pointer, wanted: &Node) -> Result<(), String> {
    let secret = root.get("kind").and_then(Node::text) == Some("Secret");
    let found = if path.is_root() { Some(&*root) } else { get(root, path)? };
    let same = match found {
        None => wanted.is_null(),
        Some(node) => same(node, wanted),
    };
    if same {
        return Ok(());
    }
    Err(match found.map(|node| (node, node.text())) {
        None => "nothing is there".to_owned(),
        Some((_, Some(text))) if !secret && text.len() <= 60 => format!("`{text}` is there"),
        Some((node, _)) => format!("{} is there, and not what the test wants", node.type_name()),
    })
}

fn get<'n>(root: &'n mut Node, path: &Pointer) -> Result<Option<&'n Node>, String> {
    let (parent, key) = parent(root, path)?;
    match &parent.data {
        Data::Map(map) => Ok(map.get(&key)),
        Data::Seq(items) => Ok(items.get(index(&key, items.len(), items.len())?)),
        Data::Scalar(_) => Ok(None),
    }
}

/// The mapping or list that the last part of a path looks into, and that part.
fn parent<'n>(root: &'n mut Node, path: &Pointer) -> Result<(&'n mut Node, String), String> {
    let Some((above, last)) = path.split_back() else {
        return Err("the path of the whole document is only good for `replace` and `test`".to_owned());
    };
    let mut node = root;
    let mut walked = String::new();
    for token in above.tokens() {
        let key = token.decoded();
        let next = match &mut node.data {
            Data::Map(map) => {
                if !map.contains(&key) {
                    return Err(no_key_at(&key, &walked, map));
                }
                map.get_mut(&key)
            }
            Data::Seq(items) => {
                let len = items.len();
                let at = index(&key, len, len).map_err(|reason| format!("{reason} (`{walked}`)"))?;
                items.get_mut(at)
            }
            Data::Scalar(_) => None,
        };
        walked.push('/');
        walked.push_str(token.encoded());
        node = next.ok_or_else(|| format!("`{walked}` is not there"))?;
        if node.as_scalar().is_some() {
            return Err(format!("`{walked}` is {}, not a mapping or a list", node.type_name()));
        }
    }
    Ok((node, last.decoded().into_owned()))
}

/// The place that an index names: from the start, or from the end of `places` when it is negative.
fn index(key: &str, len: usize, places: usize) -> Result<usize, String> {
    let wrong = || format!("the list has {len} elements and no index `{key}`");
    let number: i64 = key.parse().map_err(|_| wrong())?;
    let at = usize::try_from(number.unsigned_abs()).map_err(|_| wrong())?;
    let at = if number < 0 { places.checked_sub(at) } else { Some(at).filter(|it| *it < places) };
    at.ok_or_else(wrong)
}

fn no_key(key: &str, map: &Map) -> String {
    no_key_at(key, "", map)
}

fn no_key_at(key: &str, path: &str, map: &Map) -> String {
    let mut keys: Vec<String> = map.iter().take(LISTED_KEYS_MAX).map(|(key, _)| format!("`{key}`")).collect();
    if map.len() > LISTED_KEYS_MAX {
        keys.push("…".to_owned());
    }
    let place = if path.is_empty() { "there".to_owned() } else { format!("`{path}`") };
    let there = if keys.is_empty() { "is empty".to_owned() } else { format!("has {}", keys.join(", ")) };
    format!("no key `{key}`: the mapping {place} {there}")
}

/// Brings a tree into the form that it has as JSON.
fn through_json(node: &mut Node, numbers: Numbers) -> Result<(), String> {
    match &mut node.data {
        Data::Map(map) => map.iter_mut().try_for_each(|(_, it)| through_json(it, numbers)),
        Data::Seq(items) => items.iter_mut().try_for_each(|it| through_json(it, numbers)),
        Data::Scalar(scalar) if scalar.tag == Tag::Str => {
            if let Cow::Owned(text) = scalar.written() {
                scalar.text = text.into();
            }
            scalar.form = form(&scalar.text);
            Ok(())
        }
        Data::Scalar(scalar) => {
            node.data = scalar_through_json(scalar, numbers)?.data;
            Ok(())
        }
    }
}

/// Only what holds nothing is in braces or brackets once the JSON is YAML again.
fn open_braces(node: &mut Node) {
    node.is_flow = match &mut node.data {
        Data::Map(map) => {
            map.iter_mut().for_each(|(_, it)| open_braces(it));
            map.is_empty()
        }
        Data::Seq(items) => {
            items.iter_mut().for_each(open_braces);
            items.is_empty()
        }
        Data::Scalar(_) => false,
    };
}

fn scalar_through_json(scalar: &Scalar, numbers: Numbers) -> Result<Node, String> {
    let refused = || format!("`{}` cannot be JSON, through which a JSON patch has to go", scalar.text);
    match scalar.tag {
        Tag::Null if scalar.text.is_empty() => Ok(text("")),
        Tag::Null => Ok(Node::null()),
        Tag::Bool => Ok(Node::bool(scalar.as_bool().ok_or_else(refused)?)),
        Tag::Timestamp => Ok(text(scalar.rfc3339().ok_or_else(refused)?)),
        Tag::Str => Ok(text(scalar.written())),
        Tag::Int | Tag::Float if numbers == Numbers::AsText => {
            parse::number(scalar, false).ok_or_else(refused)
        }
        Tag::Int | Tag::Float => {
            let value = scalar.number().map(Number::to_f64).filter(|it| it.is_finite());
            Ok(Data::Scalar(float(value.ok_or_else(refused)?)).into())
        }
    }
}

pub(super) fn text(text: impl Into<Box<str>>) -> Node {
    let text = text.into();
    let form = form(&text);
    Data::Scalar(Scalar { text, tag: Tag::Str, form }).into()
}

/// How a text stands after kustomize wrote the JSON as YAML: quotes come and go as they are needed. A later merge that
/// puts a number in its place asks for this.
fn form(text: &str) -> Form {
    let is_simple = text.len() > 5
        && text.starts_with(|it: char| it.is_ascii_alphabetic())
        && text.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.' | b'/'));
    if is_simple {
        return Form::Plain;
    }
    if is_written_plain(text) { Form::Plain } else { Form::Quoted }
}

/// Makes of the numbers of JSON what kustomize makes of them: floats, spelled as Go spells them.
fn numbers_from_json(node: &mut Node) {
    match &mut node.data {
        Data::Map(map) => map.iter_mut().for_each(|(_, it)| numbers_from_json(it)),
        Data::Seq(items) => items.iter_mut().for_each(numbers_from_json),
        Data::Scalar(scalar) if scalar.tag == Tag::Float => {
            *scalar = float(scalar.text.parse().unwrap_or_default());
        }
        Data::Scalar(_) => {}
    }
}

fn float(value: f64) -> Scalar {
    let text = shortest(value);
    let tag = if text.contains(['.', 'e']) { Tag::Float } else { Tag::Int };
    Scalar { text: text.into(), tag, form: Form::Plain }
}

fn same(node: &Node, wanted: &Node) -> bool {
    match (&node.data, &wanted.data) {
        (Data::Seq(items), Data::Seq(others)) => {
            items.len() == others.len() && items.iter().zip(others).all(|(item, other)| same(item, other))
        }
        (Data::Map(map), Data::Map(others)) => {
            map.len() == others.len()
                && map.iter().all(|(key, it)| others.get(key).is_some_and(|other| same(it, other)))
        }
        (Data::Scalar(scalar), Data::Scalar(other)) => scalar == other,
        _ => false,
    }
}

/// kustomize rewrites the annotations after a JSON patch: every value becomes text, no annotations no field.
fn annotations_as_text(target: &mut Node) {
    let Some(metadata) = target.get_mut("metadata").and_then(Node::as_map_mut) else {
        return;
    };
    let annotations = metadata.remove("annotations");
    let Some(Node { data: Data::Map(mut map), mark, .. }) = annotations else {
        return;
    };
    if map.is_empty() {
        return;
    }
    for (_, value) in map.iter_mut() {
        let text: Box<str> = value.as_scalar().map_or_else(Box::default, |it| it.text.clone());
        *value = Node::str(text).at(value.mark);
    }
    metadata.insert("annotations", Node::map(map).at(mark));
}
