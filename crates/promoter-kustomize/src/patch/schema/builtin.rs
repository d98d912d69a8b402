//! The kinds of Kubernetes 1.21.2, reduced to the lists that a strategic merge merges and the way down to them.
//!
//! Source: the `x-kubernetes-patch-strategy`, `x-kubernetes-patch-merge-key` and `x-kubernetes-list-map-keys` of the
//! OpenAPI document that kustomize v5.8.1 carries. Lists that are replaced end the way, because a merge never looks
//! into them; so do mappings below which nothing merges.

/// A field on the way to a list that merges, or such a list itself.
#[derive(Debug)]
pub(super) struct Field {
    /// The name of the field.
    pub(super) name: &'static str,
    /// The merge keys of a list that merges; empty ones unite scalars.
    pub(super) keys: Option<&'static [&'static str]>,
    /// The fields of the mapping, or of the elements of the list.
    pub(super) fields: Fields,
}

/// The fields of one type.
pub(super) type Fields = &'static [Field];

/// The fields of a kind; `None` for a kind that Kubernetes 1.21.2 does not have.
pub(super) fn fields_of(api_version: &str, kind: &str) -> Option<Fields> {
    let merging = MERGING.iter().find(|it| it.0 == api_version && it.1.contains(&kind)).map(|it| it.2);
    let plain = || PLAIN.iter().any(|it| it.0 == api_version && it.1.contains(&kind)).then_some(META_ONLY);
    merging.or_else(plain)
}

/// The fields of a definition that documents of others refer to; `None` for those in which nothing merges.
pub(super) fn definition(name: &str) -> Option<Fields> {
    match name.strip_prefix("io.k8s.")? {
        "apimachinery.pkg.apis.meta.v1.ObjectMeta" => Some(META),
        "api.core.v1.Container" => Some(CONTAINER),
        "api.core.v1.EphemeralContainer" => Some(EPHEMERAL_CONTAINER),
        "api.core.v1.PersistentVolumeClaim" => Some(WITH_CONDITIONS),
        "api.core.v1.PersistentVolumeClaimTemplate" => Some(META_ONLY),
        "api.core.v1.PodSpec" => Some(POD_SPEC),
        "api.core.v1.PodTemplateSpec" => Some(POD_TEMPLATE_SPEC),
        "api.core.v1.ServiceSpec" => Some(SERVICE_SPEC),
        "api.core.v1.Volume" => Some(VOLUME),
        "api.batch.v1.JobSpec"
        | "api.apps.v1.DaemonSetSpec"
        | "api.apps.v1.DeploymentSpec"
        | "api.apps.v1.ReplicaSetSpec"
        | "api.apps.v1.StatefulSetSpec" => Some(WORKLOAD_SPEC),
        "api.batch.v1.JobTemplateSpec" => Some(JOB_TEMPLATE_SPEC),
        _ => None,
    }
}

const fn map(name: &'static str, fields: Fields) -> Field {
    Field { name, keys: None, fields }
}

const fn list(name: &'static str, keys: &'static [&'static str]) -> Field {
    Field { name, keys: Some(keys), fields: &[] }
}

const fn list_of(name: &'static str, keys: &'static [&'static str], fields: Fields) -> Field {
    Field { name, keys: Some(keys), fields }
}

static META: Fields = &[list("finalizers", &[]), list("ownerReferences", &["uid"])];
static META_ONLY: Fields = &[map("metadata", META)];
static CONDITIONS: Fields = &[list("conditions", &["type"])];
static WITH_CONDITIONS: Fields = &[map("metadata", META), map("status", CONDITIONS)];

static CONTAINER: Fields = &[
    list("env", &["name"]),
    list("ports", &["containerPort", "protocol"]),
    list("volumeDevices", &["devicePath"]),
    list("volumeMounts", &["mountPath"]),
];
static EPHEMERAL_CONTAINER: Fields =
    &[list("env", &["name"]), list("volumeDevices", &["devicePath"]), list("volumeMounts", &["mountPath"])];
static VOLUME: Fields = &[map("ephemeral", &[map("volumeClaimTemplate", META_ONLY)])];
static POD_SPEC: Fields = &[
    list_of("containers", &["name"], CONTAINER),
    list_of("ephemeralContainers", &["name"], EPHEMERAL_CONTAINER),
    list("hostAliases", &["ip"]),
    list("imagePullSecrets", &["name"]),
    list_of("initContainers", &["name"], CONTAINER),
    list("topologySpreadConstraints", &["topologyKey", "whenUnsatisfiable"]),
    list_of("volumes", &["name"], VOLUME),
];
static POD: Fields = &[
    map("metadata", META),
    map("spec", POD_SPEC),
    map("status", &[list("conditions", &["type"]), list("podIPs", &["ip"])]),
];
static POD_TEMPLATE_SPEC: Fields = &[map("metadata", META), map("spec", POD_SPEC)];
static POD_TEMPLATE: Fields = &[map("metadata", META), map("template", POD_TEMPLATE_SPEC)];
static WORKLOAD_SPEC: Fields = &[map("template", POD_TEMPLATE_SPEC)];
static WORKLOAD: Fields = &[map("metadata", META), map("spec", WORKLOAD_SPEC), map("status", CONDITIONS)];
static JOB_TEMPLATE_SPEC: Fields = &[map("metadata", META), map("spec", WORKLOAD_SPEC)];
static CRON_JOB: Fields = &[map("metadata", META), map("spec", &[map("jobTemplate", JOB_TEMPLATE_SPEC)])];
static NODE: Fields = &[
    map("metadata", META),
    map("spec", &[list("podCIDRs", &[])]),
    map("status", &[list("addresses", &["type"]), list("conditions", &["type"])]),
];
static SERVICE_SPEC: Fields = &[list("ports", &["port", "protocol"])];
static SERVICE: Fields = &[map("metadata", META), map("spec", SERVICE_SPEC), map("status", CONDITIONS)];
static SERVICE_ACCOUNT: Fields = &[map("metadata", META), list("secrets", &["name"])];
static COMPONENT_STATUS: Fields = &[list("conditions", &["type"]), map("metadata", META)];
static CSI_NODE: Fields = &[map("metadata", META), map("spec", &[list("drivers", &["name"])])];
static WEBHOOKS: Fields = &[map("metadata", META), list("webhooks", &["name"])];
static KUSTOMIZATION: Fields = &[list("configMapGenerator", &["name"]), list("secretGenerator", &["name"])];

/// Kinds of one API version with one shape.
type Kinds = (&'static str, &'static [&'static str], Fields);

static MERGING: &[Kinds] = &[
    ("apps/v1", &["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"], WORKLOAD),
    ("v1", &["Service"], SERVICE),
    ("v1", &["Pod"], POD),
    ("v1", &["ServiceAccount"], SERVICE_ACCOUNT),
    ("batch/v1", &["Job"], WORKLOAD),
    ("batch/v1", &["CronJob"], CRON_JOB),
    ("batch/v1beta1", &["CronJob"], CRON_JOB),
    ("v1", &["Namespace", "PersistentVolumeClaim"], WITH_CONDITIONS),
    ("v1", &["ReplicationController"], WORKLOAD),
    ("v1", &["PodTemplate"], POD_TEMPLATE),
    ("v1", &["Node"], NODE),
    ("v1", &["ComponentStatus"], COMPONENT_STATUS),
    (
        "admissionregistration.k8s.io/v1",
        &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"],
        WEBHOOKS,
    ),
    (
        "admissionregistration.k8s.io/v1beta1",
        &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"],
        WEBHOOKS,
    ),
    ("apiregistration.k8s.io/v1", &["APIService"], WITH_CONDITIONS),
    ("apiregistration.k8s.io/v1beta1", &["APIService"], WITH_CONDITIONS),
    ("policy/v1", &["PodDisruptionBudget"], WITH_CONDITIONS),
    ("policy/v1beta1", &["PodDisruptionBudget"], WITH_CONDITIONS),
    ("storage.k8s.io/v1", &["CSINode"], CSI_NODE),
    ("storage.k8s.io/v1beta1", &["CSINode"], CSI_NODE),
    ("kustomize.config.k8s.io/v1beta1", &["Kustomization"], KUSTOMIZATION),
];

/// Kinds in which nothing merges but what every `metadata` has.
static PLAIN: &[(&str, &[&str])] = &[
    ("apiextensions.k8s.io/v1", &["CustomResourceDefinition"]),
    ("apiextensions.k8s.io/v1beta1", &["CustomResourceDefinition"]),
    ("apps/v1", &["ControllerRevision"]),
    ("authentication.k8s.io/v1", &["TokenRequest", "TokenReview"]),
    ("authentication.k8s.io/v1beta1", &["TokenReview"]),
    (
        "authorization.k8s.io/v1",
        &[
            "LocalSubjectAccessReview",
            "SelfSubjectAccessReview",
            "SelfSubjectRulesReview",
            "SubjectAccessReview",
        ],
    ),
    (
        "authorization.k8s.io/v1beta1",
        &[
            "LocalSubjectAccessReview",
            "SelfSubjectAccessReview",
            "SelfSubjectRulesReview",
            "SubjectAccessReview",
        ],
    ),
    ("autoscaling/v1", &["HorizontalPodAutoscaler", "Scale"]),
    ("autoscaling/v2beta1", &["HorizontalPodAutoscaler"]),
    ("autoscaling/v2beta2", &["HorizontalPodAutoscaler"]),
    ("certificates.k8s.io/v1", &["CertificateSigningRequest"]),
    ("certificates.k8s.io/v1beta1", &["CertificateSigningRequest"]),
    ("coordination.k8s.io/v1", &["Lease"]),
    ("coordination.k8s.io/v1beta1", &["Lease"]),
    ("discovery.k8s.io/v1", &["EndpointSlice"]),
    ("discovery.k8s.io/v1beta1", &["EndpointSlice"]),
    ("events.k8s.io/v1", &["Event"]),
    ("events.k8s.io/v1beta1", &["Event"]),
    ("extensions/v1beta1", &["Ingress"]),
    ("flowcontrol.apiserver.k8s.io/v1beta1", &["FlowSchema", "PriorityLevelConfiguration"]),
    ("networking.k8s.io/v1", &["Ingress", "IngressClass", "NetworkPolicy"]),
    ("networking.k8s.io/v1beta1", &["Ingress", "IngressClass"]),
    ("node.k8s.io/v1", &["RuntimeClass"]),
    ("node.k8s.io/v1beta1", &["RuntimeClass"]),
    ("policy/v1beta1", &["Eviction", "PodSecurityPolicy"]),
    ("rbac.authorization.k8s.io/v1", &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]),
    ("rbac.authorization.k8s.io/v1beta1", &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]),
    ("scheduling.k8s.io/v1", &["PriorityClass"]),
    ("scheduling.k8s.io/v1beta1", &["PriorityClass"]),
    ("storage.k8s.io/v1", &["CSIDriver", "StorageClass", "VolumeAttachment"]),
    ("storage.k8s.io/v1beta1", &["CSIDriver", "CSIStorageCapacity", "StorageClass", "VolumeAttachment"]),
    (
        "v1",
        &[
            "Binding",
            "ConfigMap",
            "Endpoints",
            "Event",
            "LimitRange",
            "PersistentVolume",
            "ResourceQuota",
            "Secret",
        ],
    ),
];
