//! Every kustomization of argocd/ and manifests/, and every component over what it is for, builds as the real kustomize builds it.

use crate::place::Place;

#[test]
fn what_is_shipped_builds_as_kustomize_builds_it() {
    let place = Place::new();
    let mut folders = place.folders("Kustomization");
    folders.extend(["native", "container", "exec"].map(|it| format!("testdata/argocd/{it}")));
    folders.extend(["dev", "staging", "prod"].map(|it| format!("testdata/examples/myapp/envs/{it}")));
    for folder in folders {
        place.build(&folder);
    }
}

#[test]
fn each_component_alone_and_all_of_them_build_over_the_base() {
    let mut place = Place::new();
    let components: Vec<String> =
        place.folders("Component").into_iter().filter(|it| it.starts_with("manifests/")).collect();
    let base = place.build("manifests/base");
    for component in &components {
        assert_ne!(place.build_with("manifests/base", &[component]), base, "{component}");
    }
    // One of the two that give rights on Applications.
    let all: Vec<&str> =
        components.iter().map(String::as_str).filter(|it| !it.ends_with("/argocd-cluster")).collect();
    place.build_with("manifests/overlays/plain", &all);
}
