//! The order of the output: kustomize's own ("legacy"), the order of appearance, or what `sortOptions` says.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::id::{Gvk, Id};
use crate::resmap::ResMap;
use crate::resource::Resource;

/// The kinds that come first, in this order.
const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// The kinds that come last.
const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// Sorts by the fixed list of kinds.
pub(crate) fn sort_legacy(resources: &mut ResMap) {
    sort_by_kinds(resources, &FIRST, &LAST);
}

/// Sorts by lists of kinds; what neither names comes between, by group, version, kind, namespace and name.
pub(crate) fn sort_by_kinds<S: AsRef<str>>(resources: &mut ResMap, first: &[S], last: &[S]) {
    let ranks = ranks(first, last);
    let list = std::mem::take(&mut resources.list);
    let mut keyed: Vec<(SortKey, Resource)> =
        list.into_iter().map(|it| (SortKey::of(&it.id(), &ranks), it)).collect();
    keyed.sort_by(|(a, _), (b, _)| a.compare(b));
    resources.list = keyed.into_iter().map(|(_, resource)| resource).collect();
}

/// The order of kinds alone, as kustomize sorts its tables.
pub(crate) fn kind_order(a: Gvk<'_>, b: Gvk<'_>) -> Ordering {
    let rank = |kind: &str| -> isize {
        let place = |list: &[&str]| list.iter().position(|it| *it == kind).map(isize::try_from);
        match (place(&FIRST), place(&LAST)) {
            (Some(Ok(at)), _) => at - isize::MAX,
            (_, Some(Ok(at))) => at + 1,
            _ => 0,
        }
    };
    rank(a.kind).cmp(&rank(b.kind)).then_with(|| sort_text(a).cmp(&sort_text(b)))
}

fn ranks<'a, S: AsRef<str>>(first: &'a [S], last: &'a [S]) -> HashMap<&'a str, i64> {
    let ahead = first.iter().rev().zip(1_i64..).map(|(kind, far)| (kind.as_ref(), -far));
    let behind = last.iter().zip(1_i64..).map(|(kind, far)| (kind.as_ref(), far));
    // The last mention of a kind wins, so the ones of `first` are entered from the front.
    ahead.collect::<Vec<_>>().into_iter().rev().chain(behind).collect()
}

/// What the place of one resource depends on.
struct SortKey {
    rank: i64,
    namespace_kind: bool,
    core: bool,
    kind: String,
    place: String,
}

impl SortKey {
    fn of(id: &Id<'_>, ranks: &HashMap<&str, i64>) -> Self {
        let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
        Self {
            rank: ranks.get(id.gvk.kind).copied().unwrap_or(0),
            namespace_kind: id.gvk.kind == "Namespace",
            core: id.gvk.group.is_empty(),
            kind: sort_text(id.gvk),
            place: or(id.namespace, "~X") + "|" + &or(id.name, "~N"),
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank).then_with(|| {
            let order = self.kind.cmp(&other.kind);
            // Core namespaces come before the namespaces of other groups.
            let turned = self.namespace_kind && other.namespace_kind && (self.core || other.core);
            (if turned { order.reverse() } else { order }).then_with(|| self.place.cmp(&other.place))
        })
    }
}

/// `group_version_kind`, with `~G` for the core group, so that it sorts behind named ones.
fn sort_text(gvk: Gvk<'_>) -> String {
    let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
    format!("{}_{}_{}", or(gvk.group, "~G"), or(gvk.version, "~V"), or(gvk.kind, "~K"))
}
