//! Combinations of key values: what an element is known by.

use std::rc::Rc;

use promoter_yaml::Node;

/// The values of all merge keys of an element, empty where it has none.
pub(super) type Tuple = Vec<Rc<str>>;

/// The values of one element. The key `""` stands for the element itself.
pub(super) fn tuple_of(node: &Node, keys: &[&str]) -> Tuple {
    keys.iter().map(|key| Rc::from(key_value(node, key))).collect()
}

/// Makes combinations that differ only where one of them is empty the same.
pub(super) fn unify(tuples: &mut [Tuple]) {
    for i in 0..tuples.len() {
        // As it was before this round changes it.
        let one = tuples[i].clone();
        for j in 0..tuples.len() {
            if let Some(both) = united(&one, &tuples[j]) {
                tuples[i].clone_from(&both);
                tuples[j] = both;
            }
        }
    }
}

fn united(one: &[Rc<str>], other: &[Rc<str>]) -> Option<Tuple> {
    let agree = one.iter().zip(other).any(|(a, b)| a == b);
    let fit = one.iter().zip(other).all(|(a, b)| a == b || a.is_empty() || b.is_empty());
    let filled = |(a, b): (&Rc<str>, &Rc<str>)| Rc::clone(if a.is_empty() { b } else { a });
    (agree && fit).then(|| one.iter().zip(other).map(filled).collect())
}

/// The text of a scalar as written; empty for a value that is not there, for mappings and lists.
pub(super) fn raw(node: &Node) -> &str {
    node.as_scalar().filter(|it| !it.is_nothing()).map_or("", |it| &it.text)
}

/// The text of a key of an element; the key `""` stands for the element itself.
pub(super) fn key_value<'n>(node: &'n Node, key: &str) -> &'n str {
    if key.is_empty() {
        return raw(node);
    }
    node.get(key).and_then(Node::text).unwrap_or("")
}

/// An element in a path: `[name=web]`, `[containerPort=80,protocol=TCP]`, `[=finalizer]`.
pub(super) fn step(keys: &[&str], values: &[Rc<str>]) -> String {
    let pairs: Vec<String> = keys.iter().zip(values).map(|(key, value)| format!("{key}={value}")).collect();
    format!("[{}]", pairs.join(","))
}
