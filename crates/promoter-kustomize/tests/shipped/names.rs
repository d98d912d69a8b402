//! Variables that are set are variables that a program reads.

use std::collections::BTreeSet;
use std::path::Path;

use regex::Regex;

use crate::chart::{EVERYTHING, rendered};
use crate::place::{Place, list, objects, root};

/// Names in quotes in the sources below a folder.
fn read(folder: &Path, found: &mut BTreeSet<String>) {
    let name = Regex::new("\"([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)\"").unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.extend(name.captures_iter(&text).map(|it| it[1].to_owned()));
        }
    }
}

#[test]
fn each_variable_is_read_by_its_program() {
    let place = Place::new();
    let mut texts: Vec<String> = place.folders("Kustomization").iter().map(|it| place.build(it)).collect();
    texts.extend(["native", "container", "exec"].map(|it| place.build(&format!("testdata/argocd/{it}"))));
    texts.extend(rendered(place.path(), "promoter", &EVERYTHING).map(Result::unwrap));
    let mut checked = 0;
    for object in texts.iter().flat_map(|it| objects(it)) {
        let pod = &object["spec"]["template"]["spec"];
        for container in ["/containers", "/initContainers"].iter().flat_map(|it| list(pod, it)) {
            let image = container["image"].as_str().unwrap();
            let program = match image.split(':').next().unwrap().rsplit('/').next().unwrap() {
                "promoter-plugin" => "plugin",
                "promoter-controller" => "controller",
                _ => continue,
            };
            let mut known: BTreeSet<String> = BTreeSet::new();
            for folder in [program, "crates/promoter-sources"] {
                read(&root().join(folder).join("src"), &mut known);
            }
            for variable in list(container, "/env") {
                let name = variable["name"].as_str().unwrap();
                assert!(known.contains(name), "`{image}` does not read `{name}`");
                checked += 1;
            }
        }
    }
    assert!(checked > 40, "{checked}");
}
