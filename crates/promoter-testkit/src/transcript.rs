//! Transcripts: commands as people type them, and what they work on.

use std::path::Path;

/// Words as a shell splits them, with single quotes.
pub fn words(command: &str) -> Vec<String> {
    let quoted = command.split('\'').enumerate();
    let parts = quoted.flat_map(|(index, part)| match index % 2 {
        0 => part.split_whitespace().map(String::from).collect::<Vec<_>>(),
        _ => vec![part.to_owned()],
    });
    parts.collect()
}

/// The files below `testdata/<folder>` with their texts, sorted, by their paths there; answers (`.snap`) are left out.
///
/// Panics when there is none, or one is no text.
pub fn texts_below(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(folder);
    let mut found = Vec::new();
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).expect("testdata is readable") {
            let path = entry.expect("testdata is readable").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_none_or(|it| it != "snap") {
                found.push((below(&root, &path), std::fs::read_to_string(&path).expect("a text")));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "nothing is below {}", root.display());
    found
}

fn below(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).expect("found below it").to_str().expect("a path in UTF-8").to_owned()
}
