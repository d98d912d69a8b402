//! The fields that transformers touch unless a configuration adds more: the defaults of kustomize v5.8.1.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::field::FieldSpec;

const fn any(path: &'static str, create: bool) -> FieldSpec {
    FieldSpec::new("", "", "", path, create)
}

const fn of(kind: &'static str, path: &'static str) -> FieldSpec {
    FieldSpec::new("", "", kind, path, true)
}

const fn at(group: &'static str, kind: &'static str, path: &'static str, create: bool) -> FieldSpec {
    FieldSpec::new(group, "", kind, path, create)
}

const fn core(kind: &'static str, path: &'static str) -> FieldSpec {
    FieldSpec::new("", "v1", kind, path, true)
}

const MAKE: bool = true;
const ONLY_IF_THERE: bool = false;

/// `namePrefix`.
pub(crate) static NAME_PREFIX: [FieldSpec; 1] = [any("metadata/name", ONLY_IF_THERE)];

/// `nameSuffix`.
pub(crate) static NAME_SUFFIX: [FieldSpec; 1] = [any("metadata/name", ONLY_IF_THERE)];

/// `namespace`; `metadata/namespace` itself is no field spec but a rule.
pub(crate) static NAMESPACE: [FieldSpec; 3] = [
    of("Namespace", "metadata/name"),
    at("apiregistration.k8s.io", "APIService", "spec/service/namespace", MAKE),
    at(
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        "spec/conversion/webhook/clientConfig/service/namespace",
        ONLY_IF_THERE,
    ),
];

/// `replicas`.
pub(crate) static REPLICAS: [FieldSpec; 4] = [
    of("Deployment", "spec/replicas"),
    of("ReplicationController", "spec/replicas"),
    of("ReplicaSet", "spec/replicas"),
    of("StatefulSet", "spec/replicas"),
];

/// `images`, besides every list named `containers` or `initContainers`.
pub(crate) static IMAGES: [FieldSpec; 6] = [
    any("spec/containers[]/image", MAKE),
    any("spec/initContainers[]/image", MAKE),
    any("spec/volumes[]/image/reference", MAKE),
    any("spec/template/spec/containers[]/image", MAKE),
    any("spec/template/spec/initContainers[]/image", MAKE),
    any("spec/template/spec/volumes[]/image/reference", MAKE),
];

/// `commonAnnotations`.
pub(crate) static COMMON_ANNOTATIONS: [FieldSpec; 9] = [
    any("metadata/annotations", MAKE),
    core("ReplicationController", "spec/template/metadata/annotations"),
    of("Deployment", "spec/template/metadata/annotations"),
    of("ReplicaSet", "spec/template/metadata/annotations"),
    of("DaemonSet", "spec/template/metadata/annotations"),
    of("StatefulSet", "spec/template/metadata/annotations"),
    at("batch", "Job", "spec/template/metadata/annotations", MAKE),
    at("batch", "CronJob", "spec/jobTemplate/metadata/annotations", MAKE),
    at("batch", "CronJob", "spec/jobTemplate/spec/template/metadata/annotations", MAKE),
];

/// `labels` with `includeTemplates`.
pub(crate) static TEMPLATE_LABELS: [FieldSpec; 10] = [
    any("metadata/labels", MAKE),
    core("ReplicationController", "spec/template/metadata/labels"),
    of("Deployment", "spec/template/metadata/labels"),
    of("ReplicaSet", "spec/template/metadata/labels"),
    of("DaemonSet", "spec/template/metadata/labels"),
    at("apps", "StatefulSet", "spec/template/metadata/labels", MAKE),
    at("apps", "StatefulSet", "spec/volumeClaimTemplates[]/metadata/labels", MAKE),
    at("batch", "Job", "spec/template/metadata/labels", MAKE),
    at("batch", "CronJob", "spec/jobTemplate/metadata/labels", MAKE),
    at("batch", "CronJob", "spec/jobTemplate/spec/template/metadata/labels", MAKE),
];

static SELECTORS: [FieldSpec; 12] = [
    core("Service", "spec/selector"),
    core("ReplicationController", "spec/selector"),
    of("Deployment", "spec/selector/matchLabels"),
    of("ReplicaSet", "spec/selector/matchLabels"),
    of("DaemonSet", "spec/selector/matchLabels"),
    at("apps", "StatefulSet", "spec/selector/matchLabels", MAKE),
    at("batch", "Job", "spec/selector/matchLabels", ONLY_IF_THERE),
    at("batch", "CronJob", "spec/jobTemplate/spec/selector/matchLabels", ONLY_IF_THERE),
    at("policy", "PodDisruptionBudget", "spec/selector/matchLabels", ONLY_IF_THERE),
    at("networking.k8s.io", "NetworkPolicy", "spec/podSelector/matchLabels", ONLY_IF_THERE),
    at("networking.k8s.io", "NetworkPolicy", "spec/ingress/from/podSelector/matchLabels", ONLY_IF_THERE),
    at("networking.k8s.io", "NetworkPolicy", "spec/egress/to/podSelector/matchLabels", ONLY_IF_THERE),
];

/// Selectors inside the pod templates of Deployments and StatefulSets.
const SCHEDULING: [&str; 5] = [
    "affinity/podAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector",
    "affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector",
    "affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector",
    "affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector",
    "topologySpreadConstraints/labelSelector",
];

/// `commonLabels`, and `labels` with `includeSelectors`.
pub(crate) static COMMON_LABELS: LazyLock<Vec<FieldSpec>> = LazyLock::new(|| {
    let scheduling = ["Deployment", "StatefulSet"].into_iter().flat_map(|kind| {
        SCHEDULING.into_iter().map(move |path| FieldSpec {
            path: Cow::Owned(format!("spec/template/spec/{path}/matchLabels")),
            ..at("apps", kind, "", ONLY_IF_THERE)
        })
    });
    SELECTORS.iter().cloned().chain(scheduling).chain(TEMPLATE_LABELS.iter().cloned()).collect()
});

/// Kinds with containers, and where their pod spec is.
const POD_SPECS: [(&str, &str); 7] = [
    ("CronJob", "spec/jobTemplate/spec/template/spec"),
    ("DaemonSet", "spec/template/spec"),
    ("Deployment", "spec/template/spec"),
    ("Job", "spec/template/spec"),
    ("Pod", "spec"),
    ("ReplicaSet", "spec/template/spec"),
    ("StatefulSet", "spec/template/spec"),
];

/// The fields of a container in which vars are replaced.
const CONTAINER_TEXTS: [&str; 4] = ["args", "command", "env/value", "volumeMounts/mountPath"];

/// Other fields in which vars are replaced. The path for CronJob volumes is kustomize's, wrong as it is.
const OTHER_TEXTS: [(&str, &str); 16] = [
    ("CronJob", "spec/jobTemplate/spec/template/volumes/nfs/server"),
    ("DaemonSet", "spec/template/spec/volumes/nfs/server"),
    ("Deployment", "spec/template/spec/volumes/nfs/server"),
    ("Deployment", "spec/template/metadata/annotations"),
    ("Ingress", "spec/rules/host"),
    ("Ingress", "spec/tls/hosts"),
    ("Ingress", "spec/tls/secretName"),
    ("Job", "spec/template/spec/volumes/nfs/server"),
    ("PersistentVolume", "spec/nfs/server"),
    ("Pod", "spec/volumes/nfs/server"),
    ("ReplicaSet", "spec/template/spec/volumes/nfs/server"),
    ("Service", "spec/ports/port"),
    ("Service", "spec/ports/targetPort"),
    ("StatefulSet", "spec/volumeClaimTemplates/spec/nfs/server"),
    ("", "metadata/labels"),
    ("", "metadata/annotations"),
];

/// The fields in which vars are replaced.
pub(crate) static VAR_REFERENCE: LazyLock<Vec<FieldSpec>> = LazyLock::new(|| {
    let containers = POD_SPECS.into_iter().flat_map(|(kind, spec)| {
        ["containers", "initContainers"].into_iter().flat_map(move |list| {
            CONTAINER_TEXTS.into_iter().map(move |text| FieldSpec {
                path: Cow::Owned(format!("{spec}/{list}/{text}")),
                ..at("", kind, "", ONLY_IF_THERE)
            })
        })
    });
    let others = OTHER_TEXTS.into_iter().map(|(kind, path)| at("", kind, path, ONLY_IF_THERE));
    containers.chain(others).collect()
});
