//! Golden tests: a case is a file below `testdata/`, its answer the `.snap` of the same name beside it.
//!
//! Decides where cases and answers lie. What a case means and how its answer is worded is the harness's business.

use serde::de::DeserializeOwned;
use std::path::Path;

/// Runs `run` on every `testdata/<pattern>`, read as YAML, and compares with the `.snap` beside it.
///
/// Panics when a case cannot be read, no file fits the pattern, or an answer differs (after all cases ran).
pub fn golden<Case: DeserializeOwned>(pattern: &str, run: impl Fn(Case) -> String) {
    golden_text(pattern, |path, text| {
        let case = serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        run(case)
    });
}

/// Runs `run` on the path and text of every `testdata/<pattern>` and compares with the `.snap` beside it.
///
/// Panics when no file fits the pattern or an answer differs (after all cases ran).
pub fn golden_text(pattern: &str, run: impl Fn(&Path, &str) -> String) {
    insta::glob!("../../../testdata", pattern, |path| {
        let text = std::fs::read_to_string(path).expect("the pattern found a readable file");
        let name = path.file_stem().expect("a file has a stem").to_string_lossy().into_owned();
        insta::with_settings!({
            snapshot_path => path.parent().expect("a file has a directory"),
            snapshot_suffix => "",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(name, run(path, &text));
        });
    });
}
