//! Input that means harm: it ends with an error, soon, and never with a panic.

use promoter_kustomize::{Files, MemoryFiles};
use proptest::prelude::*;

use super::support::{Said, folders, ours, tree};

fn files<'a>(entries: impl IntoIterator<Item = (&'a str, String)>) -> MemoryFiles {
    let mut files = MemoryFiles::new();
    for (path, text) in entries {
        files.insert(path, text.into_bytes()).unwrap();
    }
    files
}

fn code(said: &Said) -> Option<&str> {
    said.refused.as_deref()?.trim_end().rsplit_once('[').map(|(_, code)| code.trim_end_matches(']'))
}

/// Each level names the one below twice, under two prefixes: two to the power of levels.
#[test]
fn doubling_bases_end() {
    let mut tree = MemoryFiles::new();
    for level in 0..40 {
        let text = |prefix: &str, below: &str| format!("namePrefix: {prefix}\nresources: {below}\n");
        for prefix in ["a", "b"] {
            let path = format!("{level}{prefix}/kustomization.yaml");
            let below = format!("[../{0}a, ../{0}b]", level + 1);
            tree.insert(&path, text(prefix, &below).into_bytes()).unwrap();
        }
    }
    for prefix in ["a", "b"] {
        let path = format!("40{prefix}/kustomization.yaml");
        let text = format!("namePrefix: {prefix}\nconfigMapGenerator: [{{name: x}}]\n");
        tree.insert(&path, text.into_bytes()).unwrap();
    }
    assert_eq!(code(&ours(&tree, "0a")), Some("kustomize-limit"));
}

#[test]
fn a_long_chain_of_bases_ends() {
    let mut tree = MemoryFiles::new();
    for level in 0..5_000 {
        let text = format!("resources: [../{}]\n", level + 1);
        tree.insert(&format!("{level}/kustomization.yaml"), text.into_bytes()).unwrap();
    }
    assert_eq!(code(&ours(&tree, "0")), Some("kustomize-limit"));
}

#[test]
fn deep_documents_end() {
    let deep = format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {}", "[".repeat(100_000));
    let tree = files([("kustomization.yaml", "resources: [a.yaml]\n".to_owned()), ("a.yaml", deep)]);
    assert_eq!(code(&ours(&tree, "")), Some("kustomize-syntax"));
}

#[test]
fn aliases_that_multiply_end() {
    let mut text = "kind: Pod\nmetadata: {name: a}\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let below = format!("*a{}", level - 1);
        text += &format!("a{level}: &a{level} [{}]\n", [below.as_str(); 10].join(", "));
    }
    let tree = files([("kustomization.yaml", "resources: [a.yaml]\n".to_owned()), ("a.yaml", text)]);
    assert_eq!(code(&ours(&tree, "")), Some("kustomize-syntax"));
}

#[test]
fn a_type_that_contains_itself_ends() {
    let types = r##"{"x.A": {"Schema": {"properties": {"kind": {}, "apiVersion": {}, "metadata": {},
        "self": {"$ref": "x.A"}}}}}"##;
    let tree = files([
        ("kustomization.yaml", "crds: [types.json]\nresources: [a.yaml]\n".to_owned()),
        ("types.json", types.to_owned()),
        ("a.yaml", "kind: A\nmetadata: {name: a}\n".to_owned()),
    ]);
    assert_eq!(code(&ours(&tree, "")), Some("kustomize-limit"));
}

/// So many ConfigMaps.
fn config_maps(n: usize) -> String {
    (0..n).map(|it| format!("---\nkind: ConfigMap\nmetadata: {{name: c{it}}}\n")).collect()
}

/// What a kustomization over a thousand ConfigMaps says to more fields of its own.
fn over_a_thousand(fields: &str, more: &[(&str, String)]) -> Said {
    let kustomization = ("kustomization.yaml", format!("resources: [a.yaml]\n{fields}"));
    let entries = [kustomization, ("a.yaml", config_maps(1_000))];
    ours(&files(entries.into_iter().chain(more.iter().cloned())), "")
}

#[test]
fn paths_of_fields_deeper_than_any_tree_end() {
    for part in ["a/", "a\\\\/"] {
        let config = format!("commonLabels: [{{path: \"{}b\", create: true}}]\n", part.repeat(100_000));
        let fields = "commonLabels: {a: b}\nconfigurations: [c.yaml]\n";
        assert_eq!(code(&over_a_thousand(fields, &[("c.yaml", config)])), Some("kustomize-limit"));
    }
}

#[test]
fn long_texts_that_every_resource_is_given_end() {
    let long = "x".repeat(200 << 10);
    for fields in [
        format!("namePrefix: {long}\n"),
        format!("nameSuffix: {long}\n"),
        format!("namespace: {long}\n"),
        format!("commonLabels: {{a: {long}}}\n"),
        format!("commonAnnotations: {{a: {long}}}\n"),
        format!("images: [{{name: a, newTag: {long}}}]\n"),
    ] {
        assert_eq!(code(&over_a_thousand(&fields, &[])), Some("kustomize-limit"), "{}", &fields[..20]);
    }
}

#[test]
fn fields_without_number_over_many_resources_end() {
    let test = r#"[{"op": "test", "path": "/x", "value": "y"}]"#;
    for (field, entry) in [
        ("images", &(|it| format!("{{name: a{it}, newTag: b}}")) as &dyn Fn(usize) -> String),
        ("replicas", &|it| format!("{{name: a{it}, count: 1}}")),
        ("labels", &|it| format!("{{pairs: {{a{it}: b}}}}")),
        ("patches", &|it| format!("{{target: {{name: a{it}}}, patch: '{test}'}}")),
    ] {
        let entries: String = (0..8_000).map(|it| format!("- {}\n", entry(it))).collect();
        let said = over_a_thousand(&format!("{field}:\n{entries}"), &[]);
        assert_eq!(code(&said), Some("kustomize-limit"), "{field}: {:?}", said.refused);
    }
}

#[test]
fn expressions_without_measure_end() {
    let patch = r#"[{"op": "test", "path": "/x", "value": "y"}]"#;
    let entry = |name: &str| format!("- {{target: {{name: '{name}'}}, patch: '{patch}'}}\n");
    let said = over_a_thousand(&format!("patches:\n{}", entry(r"\pL{900}")), &[]);
    assert_eq!(code(&said), Some("kustomize-selector"));
    let said = over_a_thousand(&format!("patches:\n{}", entry("[a-z]{900}x").repeat(10_001)), &[]);
    assert_eq!(code(&said), Some("kustomize-limit"));
}

/// Components may be named any number of times: each level names the one below twice.
#[test]
fn doubling_components_end() {
    let head = "kind: Component\n";
    let mut entries: Vec<(String, String)> = (0..30)
        .map(|it| {
            (format!("c{it}/kustomization.yaml"), format!("{head}components: [../c{0}, ../c{0}]\n", it + 1))
        })
        .collect();
    entries.push(("c30/kustomization.yaml".into(), format!("{head}namePrefix: a\n")));
    entries.push(("kustomization.yaml".into(), "resources: [a.yaml]\ncomponents: [c0]\n".into()));
    entries.push(("a.yaml".into(), config_maps(100)));
    let entries = entries.iter().map(|(path, text)| (path.as_str(), text.clone()));
    assert_eq!(code(&ours(&files(entries), "")), Some("kustomize-limit"));
}

#[test]
fn a_large_file_that_is_read_again_and_again_ends() {
    let patches = "- {path: p.yaml, target: {kind: Pod}}\n".repeat(100);
    let patch = format!("kind: Pod\nmetadata: {{name: a}}\n# {}\n", "x".repeat(1 << 20));
    let said = over_a_thousand(&format!("patches:\n{patches}"), &[("p.yaml", patch)]);
    assert!(said.refused.unwrap().starts_with("the build reads more than 128 MiB"));
}

#[test]
fn a_long_patch_of_a_large_resource_ends() {
    let data: String = (0..30_000).map(|it| format!("  k{it}: v\n")).collect();
    let large = format!("kind: Pod\nmetadata: {{name: a}}\nspec:\n{data}");
    let patch: String =
        (0..30_000).map(|it| format!("- {{op: replace, path: /spec/k{it}, value: w}}\n")).collect();
    let fields = "patches: [{path: p.yaml, target: {kind: Pod}}]\n";
    let entries = [
        ("kustomization.yaml", format!("resources: [large.yaml]\n{fields}")),
        ("large.yaml", large),
        ("p.yaml", patch),
    ];
    assert_eq!(code(&ours(&files(entries), "")), Some("kustomize-limit"));
}

#[test]
fn types_that_name_each_other_twice_end() {
    let known = r#""kind": {}, "apiVersion": {}, "metadata": {}"#;
    let one = |it: usize| {
        let below = format!(r#"{{"$ref": "x.A{}"}}"#, it + 1);
        format!(r#""x.A{it}": {{"Schema": {{"properties": {{{known}, "a": {below}, "b": {below}}}}}}}"#)
    };
    let types: Vec<String> = (0..40).map(one).collect();
    let types = format!("{{{}}}", types.join(", "));
    assert_eq!(
        code(&over_a_thousand("crds: [types.json]\n", &[("types.json", types)])),
        Some("kustomize-limit")
    );
}

#[test]
fn configurations_without_number_end() {
    let paths: String = (0..3_000).map(|it| format!("- {{path: a/b{it}}}\n")).collect();
    let config = [("c.yaml", format!("namePrefix:\n{paths}"))];
    assert_eq!(code(&over_a_thousand("configurations: [c.yaml]\n", &config)), Some("kustomize-limit"));
}

#[test]
fn a_large_text_with_many_values_to_replace_ends() {
    let keys: Vec<String> = (0..10).map(|it| format!("\"k{it}\": \"{}\"", "v".repeat(100_000))).collect();
    let text = format!("kind: ConfigMap\nmetadata: {{name: a}}\ndata:\n  j: '{{{}}}'\n", keys.join(", "));
    let paths = ["data.j.k0"; 50];
    let fields = format!(
        "replacements: [{{sourceValue: w, targets: [{{select: {{name: a}}, fieldPaths: [{}]}}]}}]\n",
        paths.join(", ")
    );
    let entries = [("kustomization.yaml", format!("resources: [a.yaml]\n{fields}")), ("a.yaml", text)];
    assert_eq!(code(&ours(&files(entries), "")), Some("kustomize-limit"));
}

#[test]
fn a_message_stays_a_line_for_people() {
    let said = ours(&files([("kustomization.yaml", format!("{}: a\n", "x".repeat(100_000).as_str()))]), "");
    assert!(said.refused.unwrap().len() < 3_000);
    let said = over_a_thousand(&format!("namespace: [{}]\nx{}: 1\n", "a", "y".repeat(500)), &[]);
    assert!(said.refused.unwrap().len() < 3_000);
    let missing = format!("components: [{}]\n", "z/".repeat(50_000));
    let said = over_a_thousand(&missing, &[]).refused.unwrap();
    assert!(said.len() < 3_000 && said.contains('…') && said.contains("does not exist"), "{said}");
}

/// Stored cases with bytes put over, taken out or doubled.
fn damaged() -> impl Strategy<Value = (usize, Vec<(prop::sample::Index, prop::sample::Index, u8, u8)>)> {
    let change = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_u8..4, any::<u8>());
    (any::<usize>(), prop::collection::vec(change, 1..4))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_cases_never_panic((case, changes) in damaged()) {
        let folders = folders("kustomize");
        let input = folders[case % folders.len()].join("input");
        let mut tree = tree(&input);
        let paths = regular_files(&tree, "");
        for (file, at, kind, byte) in changes {
            let path = file.get(&paths);
            let mut bytes = tree.read(path).unwrap().to_vec();
            if bytes.is_empty() {
                continue;
            }
            let at = at.index(bytes.len());
            let interesting = b"{}[]:-,&*!|>'\"#%@`\n \t~0.$";
            match kind {
                0 => bytes[at] = interesting[usize::from(byte) % interesting.len()],
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, byte),
                _ => bytes.truncate(at),
            }
            tree.insert(path, bytes).unwrap();
        }
        let said = ours(&tree, "");
        prop_assert!(said.printed.is_some() != said.refused.is_some());
    }
}

fn regular_files(tree: &MemoryFiles, below: &str) -> Vec<String> {
    let mut found = Vec::new();
    for name in tree.list(below).unwrap() {
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        if tree.real_path(&path).ok().as_ref() != Some(&path) {
            continue;
        }
        match tree.kind(&path) {
            Some(promoter_kustomize::FileKind::Directory) => found.extend(regular_files(tree, &path)),
            Some(promoter_kustomize::FileKind::File) => found.push(path),
            None => {}
        }
    }
    found
}
