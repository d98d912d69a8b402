//! A tree as text: `-- path --` opens a file, `-- path -> target --` is a link.
//!
//! The form of Go's txtar, so that a seed is a case that a person can read and write. Every text is some tree: lines
//! before the first file and entries that cannot be are passed over.

use promoter_kustomize::MemoryFiles;

/// True when the bytes begin with the line of an entry.
pub(crate) fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(b"-- ")
}

/// The tree of an archive.
pub(crate) fn tree(bytes: &[u8]) -> MemoryFiles {
    let mut files = MemoryFiles::new();
    let mut open: Option<(&str, Vec<u8>)> = None;
    for line in bytes.split_inclusive(|it| *it == b'\n') {
        let Some(entry) = entry(line) else {
            if let Some((_, content)) = &mut open {
                content.extend_from_slice(line);
            }
            continue;
        };
        close(&mut files, open.take());
        match entry.split_once(" -> ") {
            // A name that is taken, or leaves the tree, makes no entry.
            Some((path, target)) => drop(files.insert_link(path, target)),
            None => open = Some((entry, Vec::new())),
        }
    }
    close(&mut files, open);
    files
}

fn close(files: &mut MemoryFiles, open: Option<(&str, Vec<u8>)>) {
    if let Some((path, content)) = open {
        drop(files.insert(path, content));
    }
}

fn entry(line: &[u8]) -> Option<&str> {
    let line = std::str::from_utf8(line).ok()?.trim_end();
    line.strip_prefix("-- ")?.strip_suffix(" --")
}

#[cfg(test)]
mod tests {
    use promoter_kustomize::Files;

    use super::*;

    #[test]
    fn files_links_and_what_cannot_be() {
        let files = tree(b"-- a/x --\none\n---\n-- b -> a/x --\n-- ../out --\nlost\n-- empty --\n");
        assert_eq!(&*files.read("a/x").unwrap(), b"one\n---\n");
        assert_eq!(&*files.read("b").unwrap(), b"one\n---\n");
        assert_eq!(files.list("").unwrap(), ["a", "b", "empty"]);
    }
}
