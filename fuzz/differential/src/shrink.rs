//! Makes a case that shows a difference smaller while it shows it.
//!
//! Every node of every document has a number, counted from the top down, so that what holds much is tried first. A node
//! is taken out or made simpler; what still shows the difference is kept.

use anyhow::Result;

use crate::case::{Case, Content};
use crate::print::Look;
use crate::value::{Scalar, Style, Value};

/// How many times all edits are tried.
const ROUNDS_MAX: usize = 4;

/// The smallest case found that `shows` still holds for.
pub(crate) fn shrink(case: Case, mut shows: impl FnMut(&Case) -> Result<bool>) -> Result<Case> {
    let mut best = case;
    for _ in 0..ROUNDS_MAX {
        let before = best.clone();
        for edit in [Edit::Halve, Edit::Remove, Edit::Unwrap, Edit::Simplify, Edit::Shorten] {
            best = try_nodes(best, edit, &mut shows)?;
        }
        best = try_files(best, &mut shows)?;
        if best == before {
            break;
        }
    }
    Ok(best)
}

/// Something done to one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edit {
    /// Takes out the second half of what is below.
    Halve,
    /// Takes the node out.
    Remove,
    /// Takes off an anchor, braces, brackets, a style.
    Unwrap,
    /// Puts the simplest scalar in its place.
    Simplify,
    /// Takes out half of a text.
    Shorten,
}

fn try_nodes(mut best: Case, edit: Edit, shows: &mut impl FnMut(&Case) -> Result<bool>) -> Result<Case> {
    let mut number = 0;
    loop {
        let mut candidate = best.clone();
        match apply(&mut candidate, edit, number) {
            Applied::NoSuchNode => return Ok(best),
            Applied::Changed if candidate != best && shows(&candidate)? => {
                best = candidate;
                // What was taken out made room for the next node under the same number.
                number += usize::from(!matches!(edit, Edit::Remove | Edit::Halve | Edit::Shorten));
            }
            Applied::Changed | Applied::NotPossible => number += 1,
        }
    }
}

fn try_files(mut best: Case, shows: &mut impl FnMut(&Case) -> Result<bool>) -> Result<Case> {
    let paths: Vec<String> = best.files.keys().cloned().collect();
    for path in paths {
        let mut candidates = Vec::new();
        let mut without = best.clone();
        without.files.remove(&path);
        candidates.push(without);
        let simpler = match best.files.get(&path) {
            Some(Content::Yaml(documents, look)) if *look != Look::default() => {
                Some(Content::Yaml(documents.clone(), Look::default()))
            }
            Some(Content::Bytes(bytes)) if bytes.len() > 4 => {
                Some(Content::Bytes(bytes[..bytes.len() / 2].to_vec()))
            }
            _ => None,
        };
        if let Some(simpler) = simpler {
            let mut candidate = best.clone();
            candidate.files.insert(path, simpler);
            candidates.push(candidate);
        }
        for candidate in candidates {
            if shows(&candidate)? {
                best = candidate;
                break;
            }
        }
    }
    Ok(best)
}

enum Applied {
    NoSuchNode,
    NotPossible,
    Changed,
}

/// Edits the node of this number.
fn apply(case: &mut Case, edit: Edit, number: usize) -> Applied {
    let mut left = number;
    for content in case.files.values_mut() {
        let Content::Yaml(documents, _) = content else { continue };
        if let Some(applied) = apply_below(&mut ListOf::Values(documents), edit, &mut left) {
            return applied;
        }
    }
    Applied::NoSuchNode
}

/// What holds nodes that can be taken out.
enum ListOf<'a> {
    Values(&'a mut Vec<Value>),
    Entries(&'a mut Vec<(Scalar, Value)>),
    One(&'a mut Value),
}

impl ListOf<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Values(list) => list.len(),
            Self::Entries(list) => list.len(),
            Self::One(_) => 1,
        }
    }

    fn at(&mut self, index: usize) -> &mut Value {
        match self {
            Self::Values(list) => &mut list[index],
            Self::Entries(list) => &mut list[index].1,
            Self::One(value) => value,
        }
    }

    fn remove(&mut self, index: usize) -> Applied {
        match self {
            Self::Values(list) => drop(list.remove(index)),
            Self::Entries(list) => drop(list.remove(index)),
            Self::One(_) => return Applied::NotPossible,
        }
        Applied::Changed
    }
}

fn apply_below(list: &mut ListOf<'_>, edit: Edit, left: &mut usize) -> Option<Applied> {
    for index in 0..list.len() {
        if *left == 0 {
            return Some(if edit == Edit::Remove {
                list.remove(index)
            } else {
                apply_here(list.at(index), edit)
            });
        }
        *left -= 1;
        let mut below = match list.at(index) {
            Value::Seq { items, .. } | Value::Embedded(items) => ListOf::Values(items),
            Value::Map { entries, .. } => ListOf::Entries(entries),
            Value::Anchored(_, inner) => ListOf::One(inner),
            Value::Scalar(_) | Value::Alias(_) => continue,
        };
        if let Some(applied) = apply_below(&mut below, edit, left) {
            return Some(applied);
        }
    }
    None
}

fn apply_here(value: &mut Value, edit: Edit) -> Applied {
    match (edit, value) {
        (Edit::Halve, Value::Seq { items, .. } | Value::Embedded(items)) if items.len() > 3 => {
            items.truncate(items.len() / 2);
        }
        (Edit::Halve, Value::Map { entries, .. }) if entries.len() > 3 => entries.truncate(entries.len() / 2),
        (Edit::Unwrap, Value::Seq { flow, .. } | Value::Map { flow, .. }) if *flow => *flow = false,
        (Edit::Unwrap, Value::Scalar(scalar)) if !matches!(scalar.style, Style::Text | Style::Plain) => {
            scalar.style = Style::Text;
        }
        (Edit::Unwrap, value @ Value::Anchored(..)) => {
            if let Value::Anchored(_, inner) = value.clone() {
                *value = *inner;
            }
        }
        (Edit::Simplify, Value::Scalar(scalar)) if scalar.text.len() > 1 => {
            *scalar = Scalar::new("a", Style::Text);
        }
        (Edit::Shorten, Value::Scalar(scalar)) if scalar.text.chars().count() > 3 => {
            let half = scalar.text.chars().count() / 2;
            scalar.text = scalar.text.chars().take(half).collect();
        }
        _ => return Applied::NotPossible,
    }
    Applied::Changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{map, seq, text};

    #[test]
    fn what_does_not_matter_goes() {
        let noise =
            || map([("a", text("x")), ("b", seq([text("needle"), text("y"), text("z")])), ("c", text("w"))]);
        let mut case = Case::default();
        case.files.insert("a.yaml".into(), Content::one(noise()));
        case.files.insert("b.yaml".into(), Content::one(noise()));
        let shows =
            |case: &Case| Ok(case.files.values().any(|it| it.bytes().windows(6).any(|it| it == b"needle")));
        let small = shrink(case, shows).expect("nothing fails");
        let texts: Vec<Vec<u8>> = small.files.values().map(Content::bytes).collect();
        assert_eq!(texts, [b"needle\n".to_vec()].map(|_| b"b:\n- needle\n".to_vec()));
    }
}
