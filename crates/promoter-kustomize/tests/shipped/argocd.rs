//! The sidecars over Argo CD's own installations, and the values for its Helm chart beside them.

use serde_json::{Value, json};

use crate::place::{ARGO_CD, Place, id, list, objects, root};

/// The two without Argo CD's resource definitions, and their whole once.
const INSTALLATIONS: [(&str, &[usize]); 3] =
    [("namespace-install", &[0, 1, 2]), ("ha/namespace-install", &[0, 2]), ("cluster-install", &[0])];
const REPO_SERVER: &str = "Deployment /argocd-repo-server";

/// Sidecar, and the list of containers that it is in.
const SIDECARS: [(&str, &str); 3] = [
    ("argocd/sidecar-native", "initContainers"),
    ("argocd/sidecar-container", "containers"),
    ("argocd/sidecar-exec", "containers"),
];

fn named<'a>(items: &'a [Value], name: &str) -> &'a Value {
    let found: Vec<&Value> = items.iter().filter(|it| it["name"] == name).collect();
    assert_eq!(found.len(), 1, "{name} in {items:?}");
    found[0]
}

#[test]
fn argo_cd_takes_each_sidecar_and_nothing_else_of_it_changes() {
    let Some(mut place) = Place::with_argo_cd() else { return };
    for (installation, sidecars) in INSTALLATIONS {
        let installation = format!("{ARGO_CD}/{installation}");
        let before = objects(&place.build(&installation));
        for (sidecar, containers) in sidecars.iter().map(|it| SIDECARS[*it]) {
            let after = objects(&place.build_with(&installation, &[sidecar]));
            let others = |objects: &[Value]| -> Vec<Value> {
                let ours = |it: &&Value| id(it) != REPO_SERVER && !id(it).contains("/promoter-plugin-");
                objects.iter().filter(ours).cloned().collect()
            };
            assert_eq!(others(&before), others(&after), "{sidecar}");
            let deployment = after.iter().find(|it| id(it) == REPO_SERVER).unwrap();
            let pod = &deployment["spec"]["template"]["spec"];
            let promoter = named(pod[containers].as_array().unwrap(), "promoter");
            let repo_server = named(list(pod, "/containers"), "argocd-repo-server");
            let socket = |it: &Value| named(list(it, "/env"), "ARGOCD_ASK_PASS_SOCK")["value"].clone();
            assert_eq!(socket(promoter), socket(repo_server));
            for volume in ["promoter-askpass", "plugins"] {
                let mount = |it: &Value| named(list(it, "/volumeMounts"), volume)["mountPath"].clone();
                assert_eq!(mount(promoter), mount(repo_server), "{sidecar}: {volume}");
            }
            let directory = named(list(promoter, "/volumeMounts"), "promoter-askpass")["mountPath"].clone();
            assert!(socket(promoter).as_str().unwrap().starts_with(directory.as_str().unwrap()));
            // Nothing else is shared: what one container writes to /tmp the other would trust.
            let of = |it: &Value| named_at(it, "/tmp");
            assert_ne!(of(promoter), of(repo_server));
        }
    }
}

/// The volume that is mounted at a path.
fn named_at(container: &Value, path: &str) -> Value {
    let mount = list(container, "/volumeMounts").iter().find(|it| it["mountPath"] == path);
    mount.unwrap()["name"].clone()
}

#[test]
fn git_can_be_left_out_of_what_plugins_are_sent() {
    let Some(mut place) = Place::with_argo_cd() else { return };
    let installation = format!("{ARGO_CD}/namespace-install");
    let after = objects(&place.build_with(&installation, &["argocd/sidecar-native", "argocd/exclude-git"]));
    let settings = after.iter().find(|it| id(it) == "ConfigMap /argocd-cmd-params-cm").unwrap();
    assert_eq!(settings["data"], json!({ "reposerver.plugin.tar.exclusions": ".git" }));
    let pod = &after.iter().find(|it| id(it) == REPO_SERVER).unwrap()["spec"]["template"]["spec"];
    // The key is one that this Argo CD reads.
    let read = list(&pod["containers"][0], "/env")
        .iter()
        .find(|it| it["valueFrom"]["configMapKeyRef"]["key"] == "reposerver.plugin.tar.exclusions");
    assert!(read.is_some());
}

/// What mounts credentials of registries into a sidecar, by the list that its container is in.
fn credentials(containers: &str) -> &'static str {
    match containers {
        "initContainers" => "argocd/registry-credentials",
        _ => "argocd/registry-credentials-container",
    }
}

#[test]
fn credentials_of_registries_go_to_the_sidecar_alone() {
    let Some(mut place) = Place::with_argo_cd() else { return };
    let installation = format!("{ARGO_CD}/namespace-install");
    for (sidecar, containers) in SIDECARS {
        let mut deployment = |components: &[&str]| {
            let objects = objects(&place.build_with(&installation, components));
            objects.into_iter().find(|it| id(it) == REPO_SERVER).unwrap()
        };
        let (before, after) = (deployment(&[sidecar]), deployment(&[sidecar, credentials(containers)]));
        let (before, after) = (pod(&before), pod(&after));
        for kind in ["initContainers", "containers"] {
            let others = |pod: &Value| -> Vec<Value> {
                list(pod, &format!("/{kind}")).iter().filter(|it| it["name"] != "promoter").cloned().collect()
            };
            assert_eq!(others(before), others(after), "{sidecar}: {kind}");
        }
        let promoter = named(list(after, &format!("/{containers}")), "promoter");
        assert!(promoter["image"].is_string(), "{sidecar}: it is the sidecar's own container");
        let mount = named(list(promoter, "/volumeMounts"), "promoter-registries");
        assert_eq!(named(list(promoter, "/env"), "DOCKER_CONFIG")["value"], mount["mountPath"]);
        let volume = named(list(after, "/volumes"), "promoter-registries");
        let items = json!([{ "key": ".dockerconfigjson", "path": "config.json" }]);
        // The pod has no group that files could belong to: the mode is Kubernetes' own.
        assert_eq!(volume["secret"], json!({ "secretName": "promoter-registries", "items": items }));
    }
}

/// The lines that the heads of the values name, and those of the components.
#[test]
fn credentials_of_registries_are_the_same_in_argo_cds_chart() {
    for (values, containers) in [("native.yaml", "initContainers"), ("exec.yaml", "containers")] {
        let text = std::fs::read_to_string(root().join(format!("argocd/helm/{values}"))).unwrap();
        let lines: String =
            text.lines().filter_map(|it| it.strip_prefix("#   - ")).map(|it| format!("- {it}\n")).collect();
        let [said] = objects(&lines).try_into().unwrap();
        let component = read(&format!("{}/kustomization.yaml", credentials(containers)));
        let [patch] = objects(component["patches"][0]["patch"].as_str().unwrap()).try_into().unwrap();
        let pod = pod(&patch);
        let promoter = &pod[containers][0];
        let parts = [&promoter["env"][0], &promoter["volumeMounts"][0], &pod["volumes"][0]];
        assert_eq!(said, json!(parts), "{values}");
    }
}

/// The two ordinary ways to run `serve` differ in nothing but the list that they are in.
#[test]
fn native_sidecar_and_container_are_the_same() {
    let patch = |sidecar: &str| read(&format!("{sidecar}/repo-server.yaml"));
    let [native, container] = ["argocd/sidecar-native", "argocd/sidecar-container"].map(patch);
    let (native, container) = (pod(&native), pod(&container));
    let mut promoter = named(list(native, "/initContainers"), "promoter").clone();
    assert_eq!(promoter.as_object_mut().unwrap().remove("restartPolicy"), Some(json!("Always")));
    assert_eq!(&promoter, named(list(container, "/containers"), "promoter"));
    assert_eq!(native["volumes"], container["volumes"]);
}

#[test]
fn values_for_argo_cds_chart_say_what_the_components_say() {
    for (values, sidecar, here, there) in [
        ("native.yaml", "sidecar-native", "initContainers", "initContainers"),
        ("exec.yaml", "sidecar-exec", "extraContainers", "containers"),
    ] {
        let mut values = read(&format!("argocd/helm/{values}"));
        let patch = read(&format!("argocd/{sidecar}/repo-server.yaml"));
        let pod = pod(&patch);
        if sidecar == "sidecar-exec" {
            // The chart makes the config map from the values, under names of its own.
            let plugin = read("argocd/sidecar-exec/plugin.yaml");
            assert_eq!(values["configs"]["cmp"]["plugins"]["promoter"], plugin["spec"]);
            assert_eq!(values["configs"]["cmp"]["create"], true);
            let text = values.to_string().replace("promoter.yaml", "plugin.yaml");
            values = serde_json::from_str(&text.replace("argocd-cmp-cm", "promoter-plugin")).unwrap();
        }
        let of_chart = &values["repoServer"];
        let repo_server = named(list(pod, "/containers"), "argocd-repo-server");
        assert_eq!(of_chart[here].as_array().unwrap().len(), 1);
        assert_eq!(
            named(list(of_chart, &format!("/{here}")), "promoter"),
            named(list(pod, &format!("/{there}")), "promoter")
        );
        assert_eq!(of_chart["volumes"], pod["volumes"], "{sidecar}");
        assert_eq!(of_chart["env"], repo_server["env"]);
        assert_eq!(of_chart["volumeMounts"], repo_server["volumeMounts"]);
    }
}

fn read(path: &str) -> Value {
    let [object] = objects(&std::fs::read_to_string(root().join(path)).unwrap()).try_into().unwrap();
    object
}

fn pod(deployment: &Value) -> &Value {
    &deployment["spec"]["template"]["spec"]
}
