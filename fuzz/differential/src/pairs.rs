//! Every form of a value through every pair of changes: one in a base, the other above it.
//!
//! What a value is after the second change depends on what the first one left: quotes, a type, none. Random cases seldom
//! meet there, so these are counted through. The number of a case says which.

use crate::case::{Case, Content};

/// Values as they are written, those together that the same changes refuse.
const FORMS: [&[&str]; 10] = [
    &["5", "0x10", "007", "1_0"],
    &["5.5", "1e3"],
    &["true", "y"],
    &["null", "~", ""],
    &["2020-01-01"],
    &["x", "x y"],
    &["\"5\"", "\"1e3\"", "'true'", "\"y\"", "\"null\"", "'~'", "\"2020-01-01\""],
    &["\"\"", "\"x\"", "\"# n\"", "\"a: b\"", "\"a\\nb\""],
    &["{a: b}", "{}"],
    &["[a]", "[]"],
];

/// Values that changes put there, as JSON.
const VALUES: [&str; 11] = [
    "5",
    "\"5\"",
    "\"q\"",
    "true",
    "\"true\"",
    "null",
    "\"~\"",
    "\"\"",
    "\"1e3\"",
    "\"a: b\"",
    "\"2020-01-01\"",
];

/// A change of the fields `spec/f0`, `spec/f1`, …
#[derive(Debug, Clone, Copy)]
enum Change {
    Nothing,
    /// A field of a kustomization, to which a table of field specs belongs.
    Specs(&'static str, &'static str),
    /// Lines of a kustomization that name the fields by paths of replacements.
    Paths(&'static str),
    Replacement(&'static str),
    Merge(&'static str),
    MergeElsewhere,
    Operation(&'static str),
    OperationElsewhere,
    ValueAddition(&'static str),
}

/// What a field of a kustomization does, and the table that says where.
const BY_SPECS: [(&str, &str); 9] = [
    ("namePrefix: \"1\"", "namePrefix"),
    ("nameSuffix: \"0\"", "nameSuffix"),
    ("namespace: \"20\"", "namespace"),
    ("namespace: \"2001-01-01\"", "namespace"),
    ("images: [{name: x, newTag: \"5\"}]", "images"),
    ("replicas: [{name: t, count: 7}]", "replicas"),
    ("commonLabels: {a: \"5\"}", "commonLabels"),
    ("commonAnnotations: {a: \"true\"}", "commonAnnotations"),
    ("vars: [{name: V, objref: {apiVersion: example.com/v1, kind: Thing, name: t}}]", "varReference"),
];

/// Replacements, `PATHS` for the fields.
const BY_PATHS: [&str; 2] = [
    "replacements: [{sourceValue: \"5\", targets: [{select: {kind: Thing}, fieldPaths: PATHS, options: {delimiter: \"-\", index: 1}}]}]",
    "replacements: [{source: {kind: Thing, fieldPath: spec.f0}, targets: [{select: {kind: Thing}, fieldPaths: PATHS}]}]",
];

/// How many cases there are.
pub(crate) fn count() -> u64 {
    (FORMS.len() * changes().len().pow(2)) as u64
}

/// The case of a number below [`count`].
pub(crate) fn case(number: u64) -> Case {
    let changes = changes();
    let number = usize::try_from(number).unwrap_or_default();
    let forms = FORMS[number % FORMS.len()];
    let pair = number / FORMS.len() % changes.len().pow(2);
    let (below, above) = (changes[pair / changes.len()], changes[pair % changes.len()]);
    let mut case = Case::default();
    let mut thing = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: t}\nspec:\n".to_owned();
    for (field, form) in forms.iter().enumerate() {
        thing += &format!("  f{field}: {form}\n");
    }
    add(&mut case, "base/thing.yaml", thing);
    kustomization(&mut case, "base/", "thing.yaml", below, forms.len());
    kustomization(&mut case, "", "base", above, forms.len());
    case
}

fn changes() -> Vec<Change> {
    let mut changes = vec![Change::Nothing, Change::MergeElsewhere, Change::OperationElsewhere];
    changes.extend(BY_SPECS.map(|(line, table)| Change::Specs(line, table)));
    changes.extend(BY_PATHS.map(Change::Paths));
    for value in VALUES {
        changes.extend([Change::Replacement(value), Change::Merge(value), Change::Operation(value)]);
    }
    changes.extend(["5", "q"].map(Change::ValueAddition));
    changes
}

fn kustomization(case: &mut Case, directory: &str, resource: &str, change: Change, fields: usize) {
    let list = |each: &dyn Fn(usize) -> String| (0..fields).map(each).collect::<Vec<_>>().join(", ");
    let paths = format!("[{}]", list(&|it| format!("spec.f{it}")));
    let merge = |spec: &str| {
        format!(
            "patches:\n- patch: |\n    apiVersion: example.com/v1\n    kind: Thing\n    metadata: {{name: t}}\n    spec: {{{spec}}}\n"
        )
    };
    let operations = |list: &str| format!("patches:\n- target: {{kind: Thing}}\n  patch: |\n    [{list}]\n");
    let change = match change {
        Change::Nothing => String::new(),
        Change::Specs(line, table) => {
            let specs = list(&|it| format!("{{path: spec/f{it}}}"));
            add(case, &format!("{directory}specs.yaml"), format!("{table}: [{specs}]\n"));
            format!("configurations: [specs.yaml]\n{line}\n")
        }
        Change::Paths(lines) => lines.replace("PATHS", &paths) + "\n",
        Change::Replacement(value) => format!(
            "replacements: [{{sourceValue: {value}, targets: [{{select: {{kind: Thing}}, fieldPaths: {paths}}}]}}]\n"
        ),
        Change::Merge(value) => merge(&list(&|it| format!("f{it}: {value}"))),
        Change::MergeElsewhere => merge("other: z"),
        Change::Operation(value) => operations(&list(&|it| {
            format!("{{\"op\": \"replace\", \"path\": \"/spec/f{it}\", \"value\": {value}}}")
        })),
        Change::OperationElsewhere => {
            operations("{\"op\": \"add\", \"path\": \"/spec/other\", \"value\": 1}")
        }
        Change::ValueAddition(value) => {
            let targets = list(&|it| format!("{{fieldPath: spec/f{it}}}"));
            format!(
                "transformers:\n- |\n  apiVersion: builtin\n  kind: ValueAddTransformer\n  metadata: {{name: v}}\n  value: \"{value}\"\n  targets: [{targets}]\n"
            )
        }
    };
    add(case, &format!("{directory}kustomization.yaml"), format!("resources: [{resource}]\n{change}"));
}

fn add(case: &mut Case, path: &str, text: String) {
    case.files.insert(path.to_owned(), Content::Bytes(text.into_bytes()));
}
