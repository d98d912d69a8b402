//! `helmCharts` through the real helm, beside kustomize with the same helm.

use crate::{promoter, same, write};
use promoter_testkit::tool;
use std::path::PathBuf;
use tempfile::TempDir;

/// A chart that shows everything it is given.
const CHART: [(&str, &str); 6] = [
    ("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.2.3\n"),
    ("values.yaml", "tag: chart\ndeep: {a: 1, b: 2}\nlist: [1, 2]\nnone: null\n"),
    (
        "crds/widgets.yaml",
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.com}\n",
    ),
    (
        "templates/shown.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n  namespace: {{ .Release.Namespace }}\n\
         data:\n  values: {{ toJson .Values | quote }}\n  kube: {{ .Capabilities.KubeVersion.Version }}\n  \
         has: {{ .Capabilities.APIVersions.Has \"example.com/v1\" | quote }}\n",
    ),
    (
        "templates/hook.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: hook\n  annotations: {helm.sh/hook: pre-install}\n",
    ),
    (
        "templates/test.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: check\n  annotations: {helm.sh/hook: test}\n",
    ),
];

/// A directory with the chart and files of values, and the installed helm.
fn prepared() -> Option<(TempDir, PathBuf)> {
    let helm = tool("helm-v4.2.4", "helm")?;
    let directory = tempfile::tempdir().unwrap();
    for home in ["charts/web", "mine/web", "mine/web-1.2.3/web"] {
        CHART.iter().for_each(|(path, text)| write(directory.path(), &[(&format!("{home}/{path}"), text)]));
    }
    write(
        directory.path(),
        &[
            ("mine.yaml", "tag: file\ndeep: {b: 3, c: 4}\nlist: [9]\n"),
            ("more.yaml", "more: 1\ndeep: {d: null}\n"),
            (
                "chart.yaml",
                "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: it}\nname: web\n\
                 releaseName: rel\nchartHome: mine\nvaluesInline: {tag: plugin}\n",
            ),
        ],
    );
    Some((directory, helm))
}

#[test]
fn charts_are_rendered_as_kustomize_has_them_rendered() {
    let Some((directory, helm)) = prepared() else {
        return;
    };
    let flags = ["--enable-helm", "--helm-command", helm.to_str().unwrap()];
    let inline = "valuesInline: {tag: inline, deep: {a: null, x: {y: 1}}, list: [3]}";
    let mut kustomizations = vec![
        "namespace: shop\nhelmCharts: [{name: web, releaseName: rel}]\n".to_owned(),
        "namePrefix: p-\nhelmCharts: [{name: web, releaseName: rel, namespace: own}]\n".into(),
        "helmCharts: [{name: web, releaseName: rel, additionalValuesFiles: [more.yaml, mine.yaml]}]\n".into(),
        "helmCharts: [{name: web, releaseName: rel, includeCRDs: true, skipHooks: true}]\n".into(),
        "helmCharts: [{name: web, releaseName: rel, skipTests: true, devel: true, debug: true}]\n".into(),
        "helmCharts: [{name: web, releaseName: rel, apiVersions: [example.com/v1], kubeVersion: 1.30.0}]\n".into(),
        "helmGlobals: {chartHome: mine, configHome: conf}\nhelmCharts: [{name: web, releaseName: rel}]\n".into(),
        "helmGlobals: {chartHome: mine}\nhelmCharts: [{name: web, releaseName: rel, version: 1.2.3, repo: 'https://charts.invalid'}]\n".into(),
        "generators: [chart.yaml]\nbuildMetadata: [originAnnotations]\n".into(),
        "helmChartInflationGenerator: [{chartName: web, releaseName: rel, values: mine.yaml, valuesLocal: {tag: old}}]\n".into(),
    ];
    for merge in ["", ", valuesMerge: merge", ", valuesMerge: override", ", valuesMerge: replace"] {
        for file in
            ["", ", valuesFile: mine.yaml", ", valuesFile: mine.yaml, additionalValuesFiles: [more.yaml]"]
        {
            let values = format!("helmCharts: [{{name: web, releaseName: rel, {inline}{merge}{file}}}]\n");
            kustomizations.push(values);
        }
    }
    for kustomization in &kustomizations {
        write(directory.path(), &[("kustomization.yaml", kustomization)]);
        same(directory.path(), &flags);
    }
    // The command line speaks where the kustomization is silent.
    let cluster = ["--helm-kube-version", "1.31.0", "--helm-api-versions", "example.com/v1", "--helm-debug"];
    let all: Vec<&str> = flags.iter().chain(&cluster).copied().collect();
    for kustomization in [&kustomizations[0], &kustomizations[5]] {
        write(directory.path(), &[("kustomization.yaml", kustomization)]);
        same(directory.path(), &all);
    }
}

#[test]
fn charts_that_cannot_be_rendered_say_why() {
    let Some((directory, helm)) = prepared() else {
        return;
    };
    let with_helm = ["kustomize", "build", "--enable-helm", "--helm-command", helm.to_str().unwrap()];
    for (kustomization, arguments, words) in [
        ("helmCharts: [{name: web, releaseName: rel}]\n", &with_helm[..2], "build with --enable-helm"),
        ("helmCharts: [{name: web}]\n", &with_helm, "gets a random release name"),
        ("helmCharts: [{name: web, nameTemplate: x}]\n", &with_helm, "and no `nameTemplate`"),
        ("helmCharts: [{name: api, releaseName: rel}]\n", &with_helm, "is not in the tree and has no `repo`"),
        ("helmCharts: [{name: web, releaseName: rel, valuesFile: ../out.yaml}]\n", &with_helm, "out.yaml"),
        (
            "helmCharts: [{name: web, releaseName: rel, valuesInline: {a: b}, valuesMerge: mix}]\n",
            &with_helm,
            "merge, override or replace",
        ),
    ] {
        write(directory.path(), &[("kustomization.yaml", kustomization)]);
        let said = promoter(directory.path(), arguments);
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{kustomization}");
        assert!(said.stderr.contains(words) && said.stderr.contains("kustomization.yaml:1"), "{said:?}");
    }
}
