//! `vars`: `$(NAME)` in certain fields, replaced by a field of some resource once all names are final.

use std::collections::{BTreeMap, BTreeSet};

use promoter_yaml::{Data, Form, Node, Scalar, Tag};

use crate::config::{Config, Table};
use crate::error::{BuildError, Result};
use crate::field::{Leaf, wrong_type};
use crate::field_path::{lookup, split};
use crate::id::{Gvk, Id};
use crate::kustomization::Variable;
use crate::number;
use crate::resmap::{ResMap, charge};
use crate::suggest::instead_of;

/// Notes which resource each var reads.
///
/// Errors: several resources fit.
pub(crate) fn note_readers(resources: &mut ResMap, variables: &[Variable]) -> Result<()> {
    for variable in variables {
        let gvk = Gvk { group: &variable.group, version: &variable.version, kind: &variable.kind };
        let wanted =
            Id { gvk, name: &variable.object, namespace: &variable.namespace, cluster_scoped: false };
        let exact = !variable.namespace.is_empty();
        let matches = resources.positions_by_any_id(|id| {
            if exact { id.equals(&wanted) } else { id.name == wanted.name && id.gvk == gvk }
        });
        match matches.as_slice() {
            [] => {}
            [at] => resources.list[*at].variables.push(variable.name.value.as_str().into()),
            several => {
                let message = format!(
                    "the var `{}` could read any of {} resources",
                    variable.name.value,
                    several.len()
                );
                return Err(BuildError::new("kustomize-reference", message)
                    .line(variable.name.line)
                    .hint("say `namespace` and `apiVersion` in its `objref`"));
            }
        }
    }
    Ok(())
}

/// Replaces all vars. Gives a line for stderr about those that nothing used.
pub(crate) fn resolve(
    resources: &mut ResMap,
    variables: &[Variable],
    config: &Config,
) -> Result<Option<String>> {
    if variables.is_empty() {
        return Ok(None);
    }
    resources.spend(variables.len())?;
    let mut values = BTreeMap::new();
    for variable in variables {
        values.insert(variable.name.value.as_str(), value_of(resources, variable)?);
    }
    let ResMap { list, copied, .. } = resources;
    let mut replacer = Replacer { values, used: BTreeSet::new(), copied };
    for resource in list {
        for spec in config.specs(Table::VarReference) {
            spec.apply(resource, Leaf::Existing, &mut |node| replacer.replace(node))?;
            // A value that is shared is met again in its other fields, and replaced again.
            resource.settle();
        }
    }
    let unused: Vec<&str> =
        replacer.values.keys().copied().filter(|it| !replacer.used.contains(it)).collect();
    let warning = format!("well-defined vars that were never replaced: {}", unused.join(","));
    Ok((!unused.is_empty()).then_some(warning))
}

fn value_of(resources: &ResMap, variable: &Variable) -> Result<Node> {
    let name = variable.name.value.as_str();
    let reader = resources.list.iter().find(|it| it.variables.iter().any(|var| **var == *name));
    let Some(resource) = reader else {
        let gvk = Gvk { group: &variable.group, version: &variable.version, kind: &variable.kind };
        let wanted =
            Id { gvk, name: &variable.object, namespace: &variable.namespace, cluster_scoped: false };
        let message = format!("the var `{name}` reads `{wanted}`, which is not there");
        return Err(BuildError::new("kustomize-reference", message)
            .line(variable.name.line)
            .hint(instead_of(&wanted, resources)));
    };
    let refused = |message| resource.blame(BuildError::new("kustomize-reference", message));
    let Ok(Some(found)) = lookup(&resource.node, &with_indices(&variable.field_path)) else {
        let message =
            format!("the var `{name}` reads the field `{}`, which is not there", variable.field_path);
        return Err(refused(message));
    };
    let mut value = found.clone();
    if let Data::Scalar(scalar) = &mut value.data
        && !through_go(scalar)
    {
        let message =
            format!("the var `{name}` reads `{}`, which is no number in decimal digits", scalar.text);
        return Err(refused(message).hint("write it so, or quote it to have the text as it stands"));
    }
    Ok(value)
}

/// Spells a number or boolean as Go prints it. False when Go cannot read it.
fn through_go(scalar: &mut Scalar) -> bool {
    let text = match scalar.tag {
        Tag::Int => number::parse_int(&scalar.text).map(|it| it.to_string()),
        Tag::Float => number::parse_float(&scalar.text).map(number::shortest),
        Tag::Bool => scalar.as_bool().map(|it| it.to_string()),
        Tag::Null | Tag::Timestamp | Tag::Str => return true,
    };
    let is_read = text.is_some();
    if let Some(text) = text {
        scalar.text = text.into();
    }
    is_read
}

/// Splits a path in which `list[0]` is written for an element.
fn with_indices(path: &str) -> Vec<String> {
    let mut parts = Vec::new();
    for part in split(path, '.') {
        let index = part.strip_suffix(']').and_then(|it| it.rsplit_once('['));
        match index.filter(|(_, index)| !index.is_empty() && index.bytes().all(|it| it.is_ascii_digit())) {
            Some((name, index)) => {
                parts.extend((!name.is_empty()).then(|| name.to_owned()));
                parts.push(index.to_owned());
            }
            None => parts.push(part),
        }
    }
    parts
}

/// Makes text of a single value that has no type.
fn take_for_text(node: &mut Node) {
    match &mut node.data {
        Data::Scalar(scalar) if scalar.form == Form::Untyped => {
            (scalar.tag, scalar.form) = (Tag::Str, Form::Plain);
        }
        Data::Scalar(scalar) if scalar.form == Form::Emptied => *node = Node::str("").at(node.mark),
        _ => {}
    }
}

struct Replacer<'a, 'c> {
    values: BTreeMap<&'a str, Node>,
    used: BTreeSet<&'a str>,
    /// Bytes that the build has copied so far.
    copied: &'c mut usize,
}

impl Replacer<'_, '_> {
    fn replace(&mut self, node: &mut Node) -> Result<()> {
        match &mut node.data {
            Data::Scalar(_) => self.replace_text(node),
            Data::Map(map) => map.iter_mut().try_for_each(|(_, value)| self.replace_text(value)),
            Data::Seq(items) => {
                items.iter_mut().for_each(take_for_text);
                if let Some(other) = items.iter().find(|it| it.as_str().is_none()) {
                    return Err(wrong_type(other, "a string"));
                }
                items.iter_mut().try_for_each(|item| self.replace_text(item))
            }
        }
    }

    /// Replaces the vars in a text; a text that is one var and nothing else takes over its type.
    fn replace_text(&mut self, node: &mut Node) -> Result<()> {
        take_for_text(node);
        let Some(text) = node.as_str().filter(|it| it.contains('$')) else {
            // Without a var in it too a text is written anew, as plain as can be.
            if let Data::Scalar(scalar) = &mut node.data
                && scalar.tag == Tag::Str
            {
                scalar.form = Form::Plain;
            }
            return Ok(());
        };
        let mark = node.mark;
        let new = match text.strip_prefix("$(").and_then(|it| it.strip_suffix(')')) {
            Some(name) if !name.contains(')') => self.typed(name)?.unwrap_or_else(|| Node::str(text)),
            _ => Node::str(self.expand(text)?),
        };
        *node = new.at(mark);
        Ok(())
    }

    fn typed(&mut self, name: &str) -> Result<Option<Node>> {
        let Some(mut scalar) = self.value(name)?.cloned() else {
            return Ok(None);
        };
        scalar.form = Form::Plain;
        // Where text has to stand it has no exponent.
        if scalar.tag == Tag::Float
            && let Some(value) = number::parse_float(&scalar.text)
        {
            scalar.text = value.to_string().into();
        }
        Ok(Some(match scalar.tag {
            Tag::Int | Tag::Float | Tag::Bool => Data::Scalar(scalar).into(),
            _ => Node::str(scalar.text),
        }))
    }

    /// The value of a var, which is then used and copied; mappings and lists cannot stand in a text.
    fn value(&mut self, name: &str) -> Result<Option<&Scalar>> {
        let Some((key, node)) = self.values.get_key_value(name) else {
            return Ok(None);
        };
        let Some(scalar) = node.as_scalar() else {
            return Ok(None);
        };
        self.used.insert(key);
        charge(self.copied, scalar.text.len())?;
        Ok(Some(scalar))
    }

    fn expand(&mut self, text: &str) -> Result<String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        // How much of the end begins with the last bracket: behind it no name can close, and none is looked for.
        let closed = text.rfind(')').map(|at| text.len() - at);
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            rest = match after.chars().next() {
                None => {
                    out.push('$');
                    after
                }
                Some('$') => {
                    out.push('$');
                    &after[1..]
                }
                Some('(') => match closed.filter(|it| after.len() >= *it).and_then(|_| after.find(')')) {
                    Some(end) => {
                        let name = &after[1..end];
                        match self.value(name)? {
                            Some(value) => out.push_str(&value.text),
                            None => out.extend(["$(", name, ")"]),
                        }
                        &after[end + 1..]
                    }
                    None => {
                        out.push_str("$(");
                        &after[1..]
                    }
                },
                Some(other) => {
                    out.push('$');
                    out.push(other);
                    &after[other.len_utf8()..]
                }
            };
        }
        out.push_str(rest);
        Ok(out)
    }
}
