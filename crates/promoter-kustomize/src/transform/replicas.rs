//! `replicas`: the count of workloads, found by any name they ever had.

use promoter_yaml::{Data, Node};

use crate::error::{BuildError, Result};
use crate::field::{FieldSpec, Leaf, set_keeping_quotes, wrong_type};
use crate::kustomization::Replica;
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::suggest::nearest;

/// Sets the count.
///
/// Errors: no workload has the name.
pub(super) fn run(resources: &mut ResMap, replica: &Replica, specs: &[FieldSpec]) -> Result<()> {
    let mut found = false;
    for spec in specs {
        let name = replica.name.value.as_str();
        let matches = resources.positions_by_any_id(|id| id.name == name && id.gvk.matches(spec.gvk()));
        found |= !matches.is_empty();
        for at in matches {
            spec.apply(&mut resources.list[at], Leaf::Scalar, &mut |node| set_count(node, replica.count))?;
        }
    }
    if found {
        return Ok(());
    }
    let kinds: Vec<&str> = specs.iter().map(|it| &*it.kind).collect();
    let name = &replica.name.value;
    let message = format!("there is no {} of the name `{name}`, which `replicas` is for", kinds.join(", "));
    let error = BuildError::new("kustomize-target", message).line(replica.name.line);
    let counted = resources.list.iter().map(Resource::id);
    let counted = counted.filter(|id| specs.iter().any(|spec| id.gvk.matches(spec.gvk())));
    Err(match nearest(name, counted.map(|id| id.name)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("a name is that of a workload, before or after prefixes and suffixes"),
    })
}

fn set_count(node: &mut Node, count: i64) -> Result<()> {
    match node.data {
        Data::Scalar(_) => set_keeping_quotes(node, &count.to_string(), |_| Node::int(count)),
        _ => Err(wrong_type(node, "a number")),
    }
}
