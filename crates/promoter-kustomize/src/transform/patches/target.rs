//! Which resources a patch is for: the one that it names itself, or those that a selector selects.

use std::collections::HashSet;

use crate::error::{BuildError, Result};
use crate::patch::selector::{Candidate, Selector};
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::suggest::instead_of;

/// The one resource whose name, present or earlier, a patch carries.
pub(super) fn find_target(resources: &ResMap, patch: &Resource) -> Result<usize> {
    let id = patch.original_id();
    match resources.positions_by_any_id(|it| it.equals(&id)).as_slice() {
        [at] => Ok(*at),
        found => {
            let (many, hint) = match found {
                [] => ("no resource is", instead_of(&id, resources)),
                _ => ("several resources are", "say with `target` which of them are meant".to_owned()),
            };
            let message = format!("{many} called `{id}`, which a patch is for");
            Err(BuildError::new("kustomize-target", message)
                .at(&patch.source, patch.node.mark.line)
                .hint(hint))
        }
    }
}

/// The positions of the resources that a selector selects.
pub(super) fn selected(resources: &ResMap, selector: &Selector) -> HashSet<usize> {
    let matches = resources.list.iter().enumerate().filter(|(_, it)| selector.matches(&candidate(it)));
    let ids: HashSet<_> = matches.map(|(_, it)| it.id().key()).collect();
    if ids.is_empty() {
        return HashSet::new();
    }
    resources
        .list
        .iter()
        .enumerate()
        .filter(|(_, it)| ids.contains(&it.id().key()))
        .map(|(at, _)| at)
        .collect()
}

/// What selectors see of a resource.
pub(in crate::transform) fn candidate(resource: &Resource) -> Candidate<'_> {
    let (now, original) = (resource.id(), resource.original_id());
    Candidate {
        group: now.gvk.group,
        version: now.gvk.version,
        kind: now.gvk.kind,
        name: now.name,
        namespace: now.effective_namespace(),
        original_name: original.name,
        original_namespace: original.effective_namespace(),
        labels: resource.labels(),
        annotations: resource.annotations(),
    }
}
