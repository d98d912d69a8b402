//! What every container of ours is held to, however it is installed.

use serde_json::{Value, json};

use crate::chart::{EVERYTHING, rendered};
use crate::place::{Place, id, list, objects};

/// Containers of ours, with their pod.
fn ours(text: &str) -> Vec<(Value, Value)> {
    let mut found = Vec::new();
    for object in objects(text) {
        let pod = object["spec"]["template"]["spec"].clone();
        for pointer in ["/containers", "/initContainers"] {
            let is_ours = |it: &&Value| it["image"].as_str().is_some_and(|it| it.contains("promoter"));
            found.extend(list(&pod, pointer).iter().filter(is_ours).map(|it| (it.clone(), pod.clone())));
        }
    }
    found
}

#[test]
fn containers_may_do_nothing_that_they_need_not() {
    let mut place = Place::new();
    let mut texts: Vec<String> = place.folders("Kustomization").iter().map(|it| place.build(it)).collect();
    texts.extend(["native", "container", "exec"].map(|it| place.build(&format!("testdata/argocd/{it}"))));
    texts.extend(rendered(place.path(), "promoter", &EVERYTHING).map(Result::unwrap));
    texts.push(place.build_with("manifests/base", &["manifests/components/jobs"]));
    for text in &texts {
        let containers = ours(text);
        assert!(!containers.is_empty());
        for (container, pod) in containers {
            let bounds = &container["securityContext"];
            assert_eq!(bounds["allowPrivilegeEscalation"], false);
            assert_eq!(bounds["readOnlyRootFilesystem"], true);
            assert_eq!(bounds["capabilities"], json!({ "drop": ["ALL"] }));
            let of_pod =
                |key: &str| if bounds[key].is_null() { &pod["securityContext"][key] } else { &bounds[key] };
            assert_eq!(of_pod("runAsNonRoot"), true);
            assert_eq!(of_pod("runAsUser"), 999);
            assert_eq!(of_pod("seccompProfile"), &json!({ "type": "RuntimeDefault" }));
            assert!(!container["resources"]["limits"]["memory"].is_null());
            assert!(!container["livenessProbe"].is_null());
            for mount in list(&container, "/volumeMounts") {
                assert!(list(&pod, "/volumes").iter().any(|it| it["name"] == mount["name"]), "{mount}");
            }
            // The root file system is read-only, so what is written has a volume.
            assert!(list(&container, "/volumeMounts").iter().any(|it| it["mountPath"] == "/tmp"));
        }
    }
}

#[test]
fn rights_are_no_more_than_the_docs_say() {
    let place = Place::new();
    let Some(chart) = rendered(place.path(), "promoter", &EVERYTHING) else { return };
    let mut rights = Vec::new();
    for object in objects(&chart.unwrap()) {
        for rule in list(&object, "/rules") {
            assert!(!rule.to_string().contains('*'), "{}", id(&object));
            if object["kind"].as_str().unwrap().ends_with("Role") {
                let words = |key: &str| {
                    list(rule, &format!("/{key}"))
                        .iter()
                        .map(|it| it.as_str().unwrap())
                        .collect::<Vec<_>>()
                        .join(",")
                };
                rights.push(format!("{}: {} {}", id(&object), words("resources"), words("verbs")));
            }
        }
    }
    rights.sort();
    assert_eq!(
        rights,
        [
            "Role argocd/promoter-applications: applications get,list",
            "Role argocd/promoter-refresh: applications patch",
            "Role checks/promoter-jobs: jobs get,create",
            "Role promoter/promoter-lease: leases create",
            "Role promoter/promoter-lease: leases get,update,patch",
        ]
    );
    // Without any switch there is none, and no token.
    let base = place.build("manifests/base");
    assert!(!base.contains("kind: Role") && !base.contains("automountServiceAccountToken: true"));
}
