//! Which kinds live outside namespaces: Kubernetes 1.21 and a little more, as kustomize v5.8.1 knows them.
//!
//! A kind that is not listed counts as namespaced, however wrong that is for newer ones: the result must be
//! kustomize's.

use crate::id::Gvk;

/// Group, its versions, and the cluster-scoped kinds that exist in each of them.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

const CLUSTER_SCOPED: &[Row] = &[
    ("", &["v1"], &["ComponentStatus", "Namespace", "Node", "PersistentVolume"]),
    (
        "admissionregistration.k8s.io",
        &["v1", "v1beta1"],
        &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"],
    ),
    ("apiextensions.k8s.io", &["v1", "v1beta1"], &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io", &["v1", "v1beta1"], &["APIService"]),
    ("certificates.k8s.io", &["v1", "v1beta1"], &["CertificateSigningRequest"]),
    ("flowcontrol.apiserver.k8s.io", &["v1beta1"], &["FlowSchema", "PriorityLevelConfiguration"]),
    ("networking.k8s.io", &["v1", "v1beta1"], &["IngressClass"]),
    ("node.k8s.io", &["v1", "v1beta1"], &["RuntimeClass"]),
    ("policy", &["v1beta1"], &["PodSecurityPolicy"]),
    ("rbac.authorization.k8s.io", &["v1", "v1beta1"], &["ClusterRole", "ClusterRoleBinding"]),
    ("scheduling.k8s.io", &["v1", "v1beta1"], &["PriorityClass"]),
    ("storage.k8s.io", &["v1", "v1beta1"], &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"]),
];

/// True for the kinds of the table.
pub(crate) fn is_cluster_scoped(gvk: Gvk<'_>) -> bool {
    CLUSTER_SCOPED.iter().any(|(group, versions, kinds)| {
        *group == gvk.group && kinds.contains(&gvk.kind) && versions.contains(&gvk.version)
    })
}
