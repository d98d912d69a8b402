//! `replicas`: the count of workloads, found by any name they ever had.

use promoter_yaml::{Data, Node};

use crate::error::{BuildError, Result};
use crate::field::{FieldSpec, Leaf, wrong_type};
use crate::kustomization::Replica;
use crate::resmap::ResMap;

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
    let message = format!("replicas: there is no {} of the name `{}`", kinds.join(", "), replica.name.value);
    Err(BuildError::new("kustomize-target", message).line(replica.name.line))
}

fn set_count(node: &mut Node, count: i64) -> Result<()> {
    match node.data {
        Data::Scalar(_) => {
            *node = Node::int(count).at(node.mark);
            Ok(())
        }
        _ => Err(wrong_type(node, "a number")),
    }
}
