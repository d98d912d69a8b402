//! Input that means harm: it ends with an error, soon, and never with a panic.

use promoter_kustomize::{Files, MemoryFiles};
use proptest::prelude::*;

use super::support::{Said, ours, tree};

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

/// Stored cases with bytes put over, taken out or doubled.
fn damaged() -> impl Strategy<Value = (usize, Vec<(prop::sample::Index, prop::sample::Index, u8, u8)>)> {
    let change = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_u8..4, any::<u8>());
    (any::<usize>(), prop::collection::vec(change, 1..4))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_cases_never_panic((case, changes) in damaged()) {
        let folders = super::folders();
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
