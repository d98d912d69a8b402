//! Small input that copies itself large, or deep. The real kustomize has no bounds here, so it is not asked.

use promoter_kustomize::MemoryFiles;

use crate::ours;

const RESOURCE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nx: {y: z}\n";

fn said(kustomization: &str, patch: &str) -> String {
    built(kustomization, RESOURCE, patch).unwrap_err()
}

fn built(kustomization: &str, resource: &str, patch: &str) -> Result<String, String> {
    let mut files = MemoryFiles::new();
    let kustomization = format!("resources: [resources.yaml]\n{kustomization}");
    for (name, text) in
        [("kustomization.yaml", kustomization.as_str()), ("resources.yaml", resource), ("patch.yaml", patch)]
    {
        files.insert(name, text.as_bytes()).unwrap();
    }
    ours(&files)
}

const PATCHED: &str = "patches: [{path: patch.yaml, target: {kind: ConfigMap}}]\n";

#[test]
fn a_patch_that_doubles_the_resource() {
    let patch: String = (0..40).map(|it| format!("- {{op: copy, from: /x, path: /x/c{it}}}\n")).collect();
    let said = said(PATCHED, &patch);
    assert!(said.contains("the patch copies more than 128 MiB"), "{said}");
}

#[test]
fn a_patch_that_goes_ever_deeper() {
    let below: String = "/d".repeat(200);
    let down: String =
        (1..=200).map(|it| format!("- {{op: add, path: /x{}, value: {{}}}}\n", "/d".repeat(it))).collect();
    let copies: String = (0..10).map(|_| format!("- {{op: copy, from: /x, path: /x{below}/d}}\n")).collect();
    let said = said(PATCHED, &(down + &copies));
    assert!(said.contains("more than 500 levels deep"), "{said}");
}

#[test]
fn a_path_that_makes_a_tree_without_end() {
    let path = "a.".repeat(100_000);
    let entry = format!(
        "- sourceValue: v\n  targets: [{{select: {{name: a}}, fieldPaths: [{path}b], options: {{create: true}}}}]\n"
    );
    let said = said(&format!("replacements:\n{entry}"), "");
    assert!(said.contains("more than 500 levels deep"), "{}", &said[said.len() - 200..]);
}

#[test]
fn lists_without_keys_of_their_own() {
    let patched = |ports: &str, patch: &str| {
        let resource =
            format!("apiVersion: v1\nkind: Service\nmetadata: {{name: a}}\nspec: {{ports: [{ports}]}}\n");
        built("patches: [{path: patch.yaml}]\n", &resource, patch)
    };
    let patch = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {type: NodePort}\n";
    let ports: String = (0..5_001).map(|it| format!("{{port: {it}}}, ")).collect();
    let said = patched(&ports, patch).unwrap_err();
    assert!(said.contains("more than 5000 elements with several, doubled or missing keys"), "{said}");
}

const VARS: &str =
    "vars: [{name: A, objref: {apiVersion: v1, kind: Pod, name: a}, fieldref: {fieldpath: spec.hostname}}]\n";

fn pod(hostname: &str, argument: &str) -> String {
    let container = format!("{{name: a, args: [\"{argument}\"]}}");
    let spec = format!("spec: {{hostname: {hostname}, containers: [{container}]}}\n");
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\n{spec}")
}

#[test]
fn a_long_var_that_is_named_often() {
    let said = built(VARS, &pod(&"x".repeat(10_000), &"$(A)".repeat(100_000)), "").unwrap_err();
    assert!(said.contains("copy more than 128 MiB"), "{said}");
}

#[test]
fn names_of_vars_that_never_close() {
    let names = "$(".repeat(300_000);
    assert!(built(VARS, &pod("x", &names), "").unwrap().contains(&names));
    assert!(built(VARS, &pod("x", "$(A)-$(B)-$(A"), "").unwrap().contains("- x-$(B)-$(A\n"));
}

#[test]
fn replacements_that_double_the_resource() {
    let entry = |at: u32| {
        format!(
            "- source: {{kind: ConfigMap, fieldPath: x}}\n  targets: [{{select: {{name: a}}, fieldPaths: [x.c{at}], \
             options: {{create: true}}}}]\n"
        )
    };
    let entries: String = (0..40).map(entry).collect();
    let said = said(&format!("replacements:\n{entries}"), "");
    assert!(said.contains("copy more than 128 MiB"), "{said}");
}

/// Large mappings are merged by an index, small ones by looking through them: what comes out is the same.
#[test]
fn many_keys_merge_as_few() {
    let data = |count: usize, value: &str| -> String {
        (0..count).map(|it| format!("  k{:03}: {value}\n", it * 2)).collect()
    };
    let head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n";
    for count in [5, 500] {
        let patch = format!("{head}{}  k000: null\n  new: x\n", &data(count, "new")["  k000: new\n".len()..]);
        let said =
            built("patches: [{path: patch.yaml}]\n", &format!("{head}{}", data(count + 1, "old")), &patch);
        let said = said.unwrap();
        assert_eq!((said.matches(": new\n").count(), said.matches(": old\n").count()), (count - 1, 1));
        assert!(said.contains("  new: x\n") && !said.contains("k000"), "{said}");
    }
}
