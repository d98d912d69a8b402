//! The messages about slips that people make: testdata/errors/kustomize.yaml.

use std::collections::BTreeMap;
use std::fs;

use promoter_kustomize::MemoryFiles;
use promoter_testkit::{Kustomize, golden};

use crate::support::ours;

#[derive(serde::Deserialize)]
struct Case {
    errors: Vec<Slip>,
}

#[derive(serde::Deserialize)]
struct Slip {
    what: String,
    files: BTreeMap<String, String>,
    #[serde(default)]
    at: String,
}

#[test]
fn slips() {
    let kustomize = Kustomize::installed();
    golden("errors/kustomize.yaml", |case: Case| {
        let line = |slip: &Slip| {
            let mut files = MemoryFiles::new();
            files.insert_directory(&slip.at).unwrap();
            for (path, text) in &slip.files {
                files.insert(path, text.clone().into_bytes()).unwrap();
            }
            let refused = ours(&files, &slip.at).refused.unwrap_or_else(|| panic!("{}: no error", slip.what));
            assert!(
                kustomize.as_ref().is_none_or(|it| refuses(it, slip)),
                "{}: kustomize builds it",
                slip.what
            );
            format!("{}:\n  {refused}", slip.what)
        };
        case.errors.iter().map(line).collect()
    });
}

fn refuses(kustomize: &Kustomize, slip: &Slip) -> bool {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join(&slip.at)).unwrap();
    for (path, text) in &slip.files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    kustomize.build(&folder.path().join(&slip.at)).is_err()
}
