//! What is asked of helm for `helmCharts`. Helm itself runs in the crates that have effects; here its place is taken by
//! one that answers with the request.

use promoter_kustomize::{BuildError, ChartRequest, Externals, Files, MemoryFiles, Options, build};

/// Answers with a ConfigMap that holds the values, and a Pod in the release's namespace.
struct Echo;

impl Externals for Echo {
    fn template(&self, _: &dyn Files, request: &ChartRequest) -> Result<String, BuildError> {
        let mut text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {}, namespace: {}}}\n---\n",
            request.release_name,
            request.namespace.as_deref().unwrap_or("none")
        );
        text += "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: values}\ndata:\n";
        for (number, values) in request.values.iter().enumerate() {
            text += &format!("  v{number}: {:?}\n", values);
        }
        text += &format!("  from: {:?}\n", request.directory);
        Ok(text)
    }
}

fn render(chart: &str) -> Result<String, String> {
    let mut files = MemoryFiles::new();
    let kustomization =
        format!("namespace: shop\nnamePrefix: eu-\nhelmCharts:\n- name: web\n  releaseName: rel\n{chart}");
    for (path, text) in [
        ("kustomization.yaml", kustomization.as_str()),
        ("charts/web/values.yaml", "tag: chart\nnone: null\n"),
        ("mine.yaml", "tag: file\ndeep: {a: 1, b: 2}\ngone: null\n"),
        ("more.yaml", "more: 1\n"),
    ] {
        files.insert(path, text.as_bytes().to_vec()).unwrap();
    }
    let options = Options::default().with_helm(true);
    build(&files, "", &options, &Echo).and_then(|it| it.to_yaml()).map_err(|error| error.message)
}

#[test]
fn values_meet_as_values_merge_says() {
    let inline = "  valuesInline: {tag: inline, deep: {a: null, c: 3}}\n";
    for (merge, wanted) in [
        ("", "{deep: {a: 1, b: 2}, gone: null, tag: file}"),
        ("override", "{deep: {b: 2, c: 3}, gone: null, tag: inline}"),
        ("merge", "{deep: {a: 1, b: 2, c: 3}, tag: file}"),
        ("replace", "{deep: {a: null, c: 3}, tag: inline}"),
    ] {
        let entry = match merge {
            "" => "  valuesFile: mine.yaml\n".to_owned(),
            _ => format!("  valuesFile: mine.yaml\n{inline}  valuesMerge: {merge}\n"),
        };
        let printed = render(&entry).unwrap();
        assert_eq!(flat(&first_value(&printed)), wanted, "{merge}");
    }
}

/// The first values document that the echo printed.
fn first_value(printed: &str) -> String {
    let documents = promoter_yaml::parse_all(printed, promoter_yaml::Dialect::Resource, &Default::default());
    let documents = documents.unwrap();
    let map = documents.iter().find(|it| it.get("data").is_some()).unwrap();
    map.path(&["data", "v0"]).and_then(promoter_yaml::Node::as_str).unwrap().to_owned()
}

/// A values document on one line, keys in order.
fn flat(values: &str) -> String {
    let mut out = String::new();
    let parsed =
        promoter_yaml::parse_first(values, promoter_yaml::Dialect::Resource, &Default::default()).unwrap();
    promoter_yaml::emit_json(&parsed.unwrap(), false, &mut out).unwrap();
    out.replace('"', "").replace(':', ": ").replace(',', ", ")
}

#[test]
fn a_chart_takes_the_namespace_and_is_not_moved_again() {
    let printed = render("  additionalValuesFiles: [more.yaml]\n").unwrap();
    assert!(printed.contains("name: eu-rel\n  namespace: shop\n"), "{printed}");
    assert!(printed.contains("v0: |\n    more: 1\n"), "{printed}");
    let elsewhere = render("  namespace: elsewhere\n").unwrap();
    assert!(elsewhere.contains("name: eu-rel\n  namespace: elsewhere\n"), "{elsewhere}");
}

#[test]
fn what_would_differ_from_run_to_run_is_refused() {
    assert!(render("  nameTemplate: x-{{ randAlpha 3 }}\n").unwrap_err().contains("random release name"));
}
