//! Which fields hold the names of which kinds: the defaults of kustomize v5.8.1.
//!
//! Targets stand in kustomize's order of kinds, because a field that two targets share is looked at in that order.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::config::NameReference;
use crate::field::FieldSpec;

/// A kind with a pod spec: kind, version (empty for any), where the pod spec is.
type Holder = (&'static str, &'static str, &'static str);

/// One kind of target: group, version, kind; paths below the pod specs of holders; other fields, as group, version,
/// kind and path.
struct Row {
    target: [&'static str; 3],
    holders: &'static [Holder],
    in_pods: &'static [&'static str],
    elsewhere: &'static [[&'static str; 4]],
}

/// Where names of ConfigMaps and Secrets are looked for.
const CONFIG_HOLDERS: &[Holder] = &[
    ("Pod", "v1", "spec"),
    ("PodTemplate", "", "template/spec"),
    ("Deployment", "", "spec/template/spec"),
    ("ReplicaSet", "", "spec/template/spec"),
    ("DaemonSet", "", "spec/template/spec"),
    ("StatefulSet", "", "spec/template/spec"),
    ("Job", "", "spec/template/spec"),
    ("CronJob", "", "spec/jobTemplate/spec/template/spec"),
];

/// Where names of everything else are looked for.
const OTHER_HOLDERS: &[Holder] = &[
    ("Pod", "", "spec"),
    ("StatefulSet", "", "spec/template/spec"),
    ("Deployment", "", "spec/template/spec"),
    ("ReplicationController", "", "spec/template/spec"),
    ("CronJob", "", "spec/jobTemplate/spec/template/spec"),
    ("Job", "", "spec/template/spec"),
    ("DaemonSet", "", "spec/template/spec"),
];

const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";
const SCALE_TARGET: &[[&str; 4]] = &[["", "", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name"]];

const ROWS: &[Row] = &[
    Row {
        target: ["storage.k8s.io", "v1", "StorageClass"],
        holders: &[],
        in_pods: &[],
        elsewhere: &[
            ["", "", "PersistentVolume", "spec/storageClassName"],
            ["", "", "PersistentVolumeClaim", "spec/storageClassName"],
            ["", "", "StatefulSet", "spec/volumeClaimTemplates/spec/storageClassName"],
        ],
    },
    Row {
        target: ["", "v1", "ServiceAccount"],
        holders: OTHER_HOLDERS,
        in_pods: &["serviceAccountName"],
        elsewhere: &[[RBAC, "", "RoleBinding", "subjects"], [RBAC, "", "ClusterRoleBinding", "subjects"]],
    },
    Row {
        target: [RBAC, "", "Role"],
        holders: &[],
        in_pods: &[],
        elsewhere: &[[RBAC, "", "RoleBinding", "roleRef/name"]],
    },
    Row {
        target: [RBAC, "", "ClusterRole"],
        holders: &[],
        in_pods: &[],
        elsewhere: &[
            [RBAC, "", "RoleBinding", "roleRef/name"],
            [RBAC, "", "ClusterRoleBinding", "roleRef/name"],
        ],
    },
    Row {
        target: ["", "v1", "ConfigMap"],
        holders: CONFIG_HOLDERS,
        in_pods: &[
            "volumes/configMap/name",
            "containers/env/valueFrom/configMapKeyRef/name",
            "initContainers/env/valueFrom/configMapKeyRef/name",
            "containers/envFrom/configMapRef/name",
            "initContainers/envFrom/configMapRef/name",
            "volumes/projected/sources/configMap/name",
        ],
        elsewhere: &[
            ["", "", "Node", "spec/configSource/configMap"],
            ["", "", "Role", "rules/resourceNames"],
            ["", "", "ClusterRole", "rules/resourceNames"],
            [
                "",
                "",
                "Ingress",
                r"metadata/annotations/nginx.ingress.kubernetes.io\/fastcgi-params-configmap",
            ],
        ],
    },
    Row {
        target: ["", "v1", "Secret"],
        holders: CONFIG_HOLDERS,
        in_pods: &[
            "volumes/secret/secretName",
            "containers/env/valueFrom/secretKeyRef/name",
            "initContainers/env/valueFrom/secretKeyRef/name",
            "containers/envFrom/secretRef/name",
            "initContainers/envFrom/secretRef/name",
            "imagePullSecrets/name",
            "volumes/projected/sources/secret/name",
        ],
        elsewhere: &[
            ["", "", "Ingress", "spec/tls/secretName"],
            ["", "", "Ingress", r"metadata/annotations/ingress.kubernetes.io\/auth-secret"],
            ["", "", "Ingress", r"metadata/annotations/nginx.ingress.kubernetes.io\/auth-secret"],
            ["", "", "Ingress", r"metadata/annotations/nginx.ingress.kubernetes.io\/auth-tls-secret"],
            ["", "", "ServiceAccount", "imagePullSecrets/name"],
            ["", "", "StorageClass", "parameters/secretName"],
            ["", "", "StorageClass", "parameters/adminSecretName"],
            ["", "", "StorageClass", "parameters/userSecretName"],
            ["", "", "StorageClass", "parameters/secretRef"],
            ["", "", "Role", "rules/resourceNames"],
            ["", "", "ClusterRole", "rules/resourceNames"],
            [
                "serving.knative.dev",
                "v1",
                "Service",
                "spec/template/spec/containers/env/valueFrom/secretKeyRef/name",
            ],
            ["", "", "PersistentVolume", "spec/azureFile/secretName"],
        ],
    },
    Row {
        target: ["", "v1", "Service"],
        holders: &[],
        in_pods: &[],
        elsewhere: &[
            ["apps", "", "StatefulSet", "spec/serviceName"],
            ["", "", "Ingress", "spec/rules/http/paths/backend/serviceName"],
            ["", "", "Ingress", "spec/backend/serviceName"],
            ["", "", "Ingress", "spec/rules/http/paths/backend/service/name"],
            ["", "", "Ingress", "spec/defaultBackend/service/name"],
            ["apiregistration.k8s.io", "", "APIService", "spec/service/name"],
            [ADMISSION, "", "ValidatingWebhookConfiguration", "webhooks/clientConfig/service"],
            [ADMISSION, "", "MutatingWebhookConfiguration", "webhooks/clientConfig/service"],
        ],
    },
    Row {
        target: ["scheduling.k8s.io", "v1", "PriorityClass"],
        holders: OTHER_HOLDERS,
        in_pods: &["priorityClassName"],
        elsewhere: &[],
    },
    Row {
        target: ["", "v1", "PersistentVolume"],
        holders: &[],
        in_pods: &[],
        elsewhere: &[
            ["", "", "PersistentVolumeClaim", "spec/volumeName"],
            ["", "", "ClusterRole", "rules/resourceNames"],
        ],
    },
    Row {
        target: ["", "v1", "PersistentVolumeClaim"],
        holders: OTHER_HOLDERS,
        in_pods: &["volumes/persistentVolumeClaim/claimName"],
        elsewhere: &[],
    },
    Row { target: ["", "", "Deployment"], holders: &[], in_pods: &[], elsewhere: SCALE_TARGET },
    Row { target: ["", "", "StatefulSet"], holders: &[], in_pods: &[], elsewhere: SCALE_TARGET },
    Row {
        target: [ADMISSION, "", "ValidatingAdmissionPolicy"],
        holders: &[],
        in_pods: &[],
        elsewhere: &[[ADMISSION, "", "ValidatingAdmissionPolicyBinding", "spec/policyName"]],
    },
    // kustomize gives a version as part of this group, so the row never matches an IngressClass.
    Row {
        target: ["networking.k8s.io/v1", "v1", "IngressClass"],
        holders: &[],
        in_pods: &[],
        elsewhere: &[["", "", "Ingress", "spec/ingressClassName"]],
    },
    Row { target: ["", "", "ReplicaSet"], holders: &[], in_pods: &[], elsewhere: SCALE_TARGET },
    Row { target: ["", "", "ReplicationController"], holders: &[], in_pods: &[], elsewhere: SCALE_TARGET },
];

/// The rows, spelled out.
pub(crate) static NAME_REFERENCES: LazyLock<Vec<NameReference>> =
    LazyLock::new(|| ROWS.iter().map(spell_out).collect());

fn spell_out(row: &Row) -> NameReference {
    let [group, version, kind] = row.target;
    let in_pods = row.holders.iter().flat_map(|(kind, version, spec)| {
        row.in_pods.iter().map(move |path| FieldSpec {
            path: Cow::Owned(format!("{spec}/{path}")),
            ..FieldSpec::new("", version, kind, "", false)
        })
    });
    let elsewhere = row.elsewhere.iter();
    let elsewhere =
        elsewhere.map(|[group, version, kind, path]| FieldSpec::new(group, version, kind, path, false));
    NameReference {
        group: Cow::Borrowed(group),
        version: Cow::Borrowed(version),
        kind: Cow::Borrowed(kind),
        fields: in_pods.chain(elsewhere).collect(),
    }
}
