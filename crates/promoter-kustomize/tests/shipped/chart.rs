//! The Helm chart beside the kustomizations: each switch gives the objects of the component of that name.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use promoter_testkit::tool;
use serde_json::Value;

use crate::place::{Place, id, objects};

const REPOSITORY: &str = "repositories={https://git.example.com/acme/deploy.git}";

/// What is set in the chart, and the components that give the same.
const SWITCHES: [(&[&str], &[&str]); 11] = [
    (&[], &[]),
    (&["argocd.enabled=true"], &["argocd-namespace"]),
    (&["argocd.enabled=true", "argocd.clusterWide=true"], &["argocd-cluster"]),
    (&["argocd.enabled=true", "argocd.refresh=true"], &["argocd-namespace", "argocd-refresh"]),
    (&["jobs.enabled=true"], &["jobs"]),
    (&["webhooks.enabled=true"], &["webhooks"]),
    (&["registries.credentialsSecret=promoter-registries"], &["registry-credentials"]),
    (&["registries.config=a: 1"], &["registries"]),
    (&["signing.enabled=true"], &["signing"]),
    (&["highAvailability.enabled=true"], &["ha"]),
    (&["serviceMonitor.enabled=true"], &["servicemonitor"]),
];

/// Every switch at once, and what kustomize has no component for.
pub(crate) const EVERYTHING: [&str; 12] = [
    REPOSITORY,
    "argocd.enabled=true",
    "argocd.refresh=true",
    "jobs.enabled=true",
    "webhooks.enabled=true",
    "webhooks.ingress.className=nginx",
    "registries.credentialsSecret=promoter-registries",
    "registries.config=a: 1",
    "signing.enabled=true",
    "highAvailability.enabled=true",
    "serviceMonitor.enabled=true",
    "extraEnv[0].name=PROMOTER_LOG,extraEnv[0].value=debug",
];

/// What the real helm makes of the chart; `None` where there is no helm.
pub(crate) fn rendered(place: &Path, release: &str, set: &[&str]) -> Option<Result<String, String>> {
    let helm = tool("helm-v4.2.4", "helm")?;
    let mut command = Command::new(helm);
    command.args(["template", release, "manifests/chart", "--namespace", release]);
    command.args(["--kube-version", "1.35.0"]).args(set.iter().flat_map(|it| ["--set", it]));
    let output = command.env_clear().env("HOME", place).current_dir(place).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Some(output.status.success().then(|| text(&output.stdout)).ok_or_else(|| text(&output.stderr)))
}

/// What the chart makes of a value, and users of the component make themselves.
const REGISTRIES_FILE: &str = "ConfigMap promoter/promoter-registries";

/// Objects by what they are called, without what only Helm writes, and lists of named things by name.
fn compared(text: &str) -> BTreeMap<String, Value> {
    let of_helm = ["helm.sh/chart", "app.kubernetes.io/managed-by", "app.kubernetes.io/version"];
    let objects = objects(text).into_iter().filter(|it| id(it) != REGISTRIES_FILE).map(|mut object| {
        if let Some(pod) = object.pointer_mut("/spec/template/metadata").and_then(Value::as_object_mut)
            && pod
                .get("annotations")
                .is_some_and(|it| it.as_object().unwrap().keys().eq(["checksum/registries"]))
        {
            // A new file is a new pod; kustomize's generators see to that by the name.
            pod.remove("annotations");
        }
        let labels = object["metadata"]["labels"].as_object_mut().unwrap();
        of_helm.iter().for_each(|it| drop(labels.remove(*it)));
        sort(&mut object);
        (id(&object), object)
    });
    objects.collect()
}

fn sort(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(sort);
            if items.iter().all(|it| it["name"].is_string()) {
                items.sort_by_key(|it| it["name"].as_str().map(str::to_owned));
            }
        }
        Value::Object(fields) => fields.values_mut().for_each(sort),
        _ => {}
    }
}

#[test]
fn the_chart_gives_the_objects_of_the_kustomizations() {
    let mut place = Place::new();
    for (set, components) in SWITCHES {
        let set = [&[REPOSITORY], set].concat();
        let Some(chart) = rendered(place.path(), "promoter", &set) else { return };
        let components: Vec<String> =
            components.iter().map(|it| format!("manifests/components/{it}")).collect();
        let components: Vec<&str> = components.iter().map(String::as_str).collect();
        let kustomized = match components.is_empty() {
            true => place.build("manifests/base"),
            false => place.build_with("manifests/base", &components),
        };
        assert_eq!(compared(&chart.unwrap()), compared(&kustomized), "{set:?}");
    }
}

#[test]
fn every_component_has_its_switch() {
    let place = Place::new();
    let components = place.folders("Component").into_iter();
    for component in components.filter_map(|it| it.strip_prefix("manifests/components/").map(str::to_owned)) {
        assert!(SWITCHES.iter().any(|(_, it)| it.contains(&component.as_str())), "{component}");
    }
}

#[test]
fn one_switch_installs_nothing() {
    let place = Place::new();
    let set = [&EVERYTHING[..], &["enabled=false"]].concat();
    let Some(chart) = rendered(place.path(), "promoter", &set) else { return };
    assert_eq!(objects(&chart.unwrap()), [] as [Value; 0]);
    // Nobody who leaves it out has to say which repositories.
    assert!(rendered(place.path(), "promoter", &["enabled=false"]).unwrap().is_ok());
}

#[test]
fn another_release_shares_no_name_and_no_selector() {
    let place = Place::new();
    let Some(chart) = rendered(place.path(), "shop", &EVERYTHING) else { return };
    for object in objects(&chart.unwrap()).iter().filter(|it| it["kind"] != "Namespace") {
        let name = object["metadata"]["name"].as_str().unwrap();
        assert!(name.starts_with("shop-promoter-"), "{}", id(object));
        let text = object.to_string();
        assert!(!text.contains("\"promoter-controller\",\"namespace\""), "{text}");
        assert!(!text.contains("instance\":\"promoter\""), "{text}");
        assert!(!text.contains("\"namespace\":\"promoter\""), "{text}");
    }
}

#[test]
fn slips_in_values_are_refused() {
    let place = Place::new();
    for (set, words) in [
        (&["author.name=x"][..], "set `repositories`"),
        (&[REPOSITORY, "highavailability.enabled=true"], "'highavailability' not allowed"),
        (&[REPOSITORY, "webhooks.enabled=yes"], "got string, want boolean"),
        (&[REPOSITORY, "image.digest=sha256:12"], "does not match pattern"),
        (&[REPOSITORY, "highAvailability.replicas=1"], "minimum"),
    ] {
        let Some(chart) = rendered(place.path(), "promoter", set) else { return };
        let refused = chart.unwrap_err();
        assert!(refused.contains(words), "{set:?}: {refused}");
    }
}

#[test]
fn a_digest_goes_before_the_tag() {
    let place = Place::new();
    let digest = format!("image.digest=sha256:{}", "1".repeat(64));
    let Some(chart) = rendered(place.path(), "promoter", &[REPOSITORY, "image.tag=2.0.0", &digest]) else {
        return;
    };
    let image = format!("image: \"ghcr.io/promoter-dev/promoter-controller@sha256:{}\"", "1".repeat(64));
    assert!(chart.unwrap().contains(&image));
}
