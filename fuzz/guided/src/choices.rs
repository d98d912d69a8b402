//! A tree made of choices: every byte picks a field, an object or a word, so that most trees are nearly valid.
//!
//! Texts with holes (`<word>`, `<path>`, …) stand for what a person would write; what fills a hole comes from a short
//! list or, now and then, is any text at all. Two fields of one name come out too: that is a tree like any other.

use arbitrary::{Result, Unstructured};
use promoter_kustomize::MemoryFiles;
use promoter_yaml::{Node, emit_json};

const DIRECTORIES: &[&str] = &["", "base/", "base/deep/", "part/"];

const PATHS: &[&str] = &[
    "a.yaml",
    "b.yaml",
    "base",
    "base/deep",
    "deep",
    "part",
    "link",
    "../base",
    "../part",
    "..",
    ".",
    "../a.yaml",
];

const WORDS: &[&str] =
    &["a", "b", "web", "a-b", "prod", "default", "ConfigMap", "Deployment", "v1", "x=y", ""];

const PATTERNS: &[&str] = &["a", ".*", "a|b", "^a$", "(a+)+$", "[a-z]{1,100}", "Deployment|Service", ""];

const FIELD_PATHS: &[&str] = &[
    "metadata.name",
    "data.k",
    "data.json.a",
    "spec.template.spec.containers.*.image",
    "spec.template.spec.containers.[name=a].image",
    "spec.template.spec.containers.0.image",
    "metadata.annotations.a\\.b",
    "spec.ports.[port=1].name",
    "*.*.*",
    "spec.-",
];

const POINTERS: &[&str] =
    &["/metadata/labels/a", "/spec", "/data/k", "/spec/ports/0", "/spec/ports/-", "/spec/ports/99", ""];

const VALUES: &[&str] = &[
    "1",
    "null",
    "true",
    "{a: b}",
    "[1, 2]",
    "{$patch: delete}",
    "{$patch: replace, a: b}",
    "'$(A) $$(A)'",
    "0x1F",
    "-1",
];

const FIELDS: &[&str] = &[
    "resources: [a.yaml, <path>]",
    "resources: [<path>, <path>]",
    "components: [<path>]",
    "namePrefix: <word>",
    "nameSuffix: <word>",
    "namespace: <word>",
    "commonLabels: {<word>: <word>}",
    "labels: [{pairs: {<word>: <word>}, includeSelectors: true}]",
    "labels: [{pairs: {<word>: <word>}, fields: [{path: <word>, create: true}]}]",
    "commonAnnotations: {<word>: <word>}",
    "configMapGenerator: [{name: <word>, literals: [<word>], files: [<path>], behavior: <word>}]",
    "secretGenerator: [{name: <word>, envs: [<path>], options: {disableNameSuffixHash: true, labels: {a: <word>}}}]",
    "generatorOptions: {labels: {a: <word>}, immutable: true}",
    "images: [{name: <pattern>, newName: <word>, newTag: <word>, digest: <word>, tagSuffix: <word>}]",
    "replicas: [{name: <word>, count: 3}]",
    "patches: [{path: <path>, target: {kind: <pattern>, name: <pattern>, labelSelector: <word>}}]",
    "patches: [{target: {kind: <pattern>}, patch: '[{\"op\": \"add\", \"path\": \"<pointer>\", \"value\": <value>}]'}]",
    "patches: [{target: {kind: <pattern>}, patch: '[{\"op\": \"copy\", \"from\": \"<pointer>\", \"path\": \"<pointer>\"}]'}]",
    "patches: [{target: {kind: <pattern>}, patch: \"{kind: a, metadata: {name: a}, spec: <value>}\", options: {allowNameChange: true}}]",
    "patchesStrategicMerge: [<path>]",
    "patchesJson6902: [{path: <path>, target: {version: v1, kind: <word>, name: <word>}}]",
    "replacements: [{source: {kind: <word>, fieldPath: <field>}, targets: [{select: {name: <pattern>}, fieldPaths: [<field>], options: {create: true}}]}]",
    "replacements: [{source: {name: <word>, options: {delimiter: '-', index: 1}}, targets: [{select: {kind: <pattern>}, fieldPaths: [<field>], options: {delimiter: '-', index: -1}}]}]",
    "replacements: [{sourceValue: <word>, targets: [{select: {}, reject: [{name: <pattern>}], fieldPaths: [<field>, <field>]}]}]",
    "vars: [{name: A, objref: {apiVersion: v1, kind: <word>, name: <word>}, fieldref: {fieldpath: <field>}}]",
    "configurations: [<path>]",
    "crds: [<path>]",
    "openapi: {path: <path>}",
    "transformers: [<path>]",
    "generators: [<path>]",
    "validators: [<path>]",
    "helmCharts: [{name: <word>, releaseName: <word>, repo: <word>, valuesInline: <value>}]",
    "sortOptions: {order: <word>, legacySortOptions: {orderFirst: [<word>], orderLast: [<word>]}}",
    "buildMetadata: [originAnnotations, transformerAnnotations, managedByLabel]",
    "kind: Component",
];

const OBJECTS: &[&str] = &[
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: <word>, namespace: <word>}, data: {k: <word>, json: '{\"a\": 1}'}}",
    "{apiVersion: v1, kind: Secret, metadata: {name: <word>}, stringData: {k: <value>}}",
    "{apiVersion: apps/v1, kind: Deployment, metadata: {name: <word>}, spec: {template: {spec: {containers: [{name: a, image: <word>, args: [$(A)]}], volumes: [{name: v, configMap: {name: <word>}}]}}}}",
    "{apiVersion: v1, kind: Service, metadata: {name: <word>}, spec: {selector: {a: b}, ports: [{port: 1, name: a}, {port: 1}]}}",
    "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: <word>}, subjects: [{kind: ServiceAccount, name: default}]}",
    "{apiVersion: v1, kind: List, items: [{kind: Pod, metadata: {name: <word>}}, <value>]}",
    "{apiVersion: example.com/v1, kind: Custom, metadata: {name: <word>, annotations: {a.b: <word>}}, spec: <value>}",
    "{apiVersion: builtin, kind: PrefixTransformer, metadata: {name: <word>}, prefix: <word>, fieldSpecs: [{path: <word>}]}",
    "{apiVersion: builtin, kind: ReplacementTransformer, metadata: {name: a}, replacements: [{path: <path>}]}",
    "{apiVersion: builtin, kind: PatchTransformer, metadata: {name: a}, path: <path>, target: {name: <pattern>}}",
    "{apiVersion: builtin, kind: ConfigMapGenerator, metadata: {name: <word>}, literals: [<word>]}",
    "[{op: replace, path: \"<pointer>\", value: <value>}, {op: test, path: \"<pointer>\", value: <value>}]",
    "{nameReference: [{kind: <word>, fieldSpecs: [{path: <word>, kind: <word>}]}], varReference: [{path: data/k}]}",
    "{kind: Pod, metadata: {name: <word>}, $patch: delete}",
    "k=<word>",
];

/// The tree that the bytes choose.
pub(crate) fn tree(bytes: &[u8]) -> MemoryFiles {
    let mut files = MemoryFiles::new();
    // When the bytes are at an end, the tree is what is there.
    let _ = fill(&mut Unstructured::new(bytes), &mut files);
    files
}

fn fill(u: &mut Unstructured<'_>, files: &mut MemoryFiles) -> Result<()> {
    for directory in DIRECTORIES {
        let lines: Vec<String> =
            (0..u.int_in_range(1..=5)?).map(|_| text(u, FIELDS)).collect::<Result<_>>()?;
        let _ =
            files.insert(&format!("{directory}kustomization.yaml"), (lines.join("\n") + "\n").into_bytes());
        for name in ["a.yaml", "b.yaml"] {
            let documents: Vec<String> =
                (0..u.int_in_range(0..=3)?).map(|_| text(u, OBJECTS)).collect::<Result<_>>()?;
            let _ = files.insert(&format!("{directory}{name}"), documents.join("\n---\n").into_bytes());
        }
        if u.ratio(1_u8, 8)? {
            let _ = files.insert_link(&format!("{directory}link"), u.choose(PATHS)?);
        }
    }
    Ok(())
}

/// One of the texts, its holes filled.
fn text(u: &mut Unstructured<'_>, texts: &[&str]) -> Result<String> {
    let mut rest = *u.choose(texts)?;
    let mut filled = String::new();
    while let Some((before, after)) = rest.split_once('<') {
        filled.push_str(before);
        let Some((hole, after)) = after.split_once('>') else {
            break;
        };
        match hole {
            "path" => filled.push_str(u.choose(PATHS)?),
            "pointer" => filled.push_str(u.choose(POINTERS)?),
            "value" => filled.push_str(u.choose(VALUES)?),
            "pattern" => word(u, PATTERNS, &mut filled)?,
            "field" => word(u, FIELD_PATHS, &mut filled)?,
            _ => word(u, WORDS, &mut filled)?,
        }
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// A word of the list or any text, in quotes.
fn word(u: &mut Unstructured<'_>, words: &[&str], out: &mut String) -> Result<()> {
    let text = if u.ratio(1_u8, 16)? { u.arbitrary::<&str>()? } else { u.choose(words)? };
    // A text is JSON, whatever it holds.
    let _ = emit_json(&Node::str(text), false, out);
    Ok(())
}

#[cfg(test)]
mod tests {
    use promoter_kustomize::{NoExternals, Options, build};

    use super::*;

    /// Else the target would only ever see refusals.
    #[test]
    fn some_trees_build() {
        let trees = (0..5_000_u32).map(|seed| {
            let mut state = u64::from(seed) + 1;
            let bytes: Vec<u8> = (0..400)
                .map(|_| {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 56) as u8
                })
                .collect();
            tree(&bytes)
        });
        let built = trees.filter(|it| build(it, "", &Options::default(), &NoExternals).is_ok()).count();
        assert!(built > 50, "{built} of 5000");
    }
}
