//! Finds the pipelines of a tree: every `promoter.yaml`, wherever it stands.

use std::sync::Arc;

use promoter_core::pipeline::{self, PIPELINE_FILE, Pipeline};
use promoter_core::{Diagnosis, Place};
use promoter_kustomize::{FileKind, Files};

use crate::check;

/// How deep the search goes; the tree below is left alone.
const DEPTH_MAX: usize = 32;
/// How many directories are looked into.
const DIRECTORIES_MAX: usize = 100_000;

/// The pipelines of one commit, and what is wrong with files that are none.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// In the order of their paths.
    pub pipelines: Vec<Arc<Pipeline>>,
    /// One line for each file that could not be taken.
    pub findings: Vec<Diagnosis>,
}

/// Searches the tree of the dry branch. Directories whose names begin with a dot are not searched.
pub(super) fn find(dry_branch: &str, files: &dyn Files) -> Found {
    let (mut pipelines, mut findings) = (Vec::new(), Vec::new());
    let paths = paths(files);
    for path in &paths {
        match read(dry_branch, files, path) {
            Ok(found) => pipelines.extend(found),
            Err(diagnosis) => findings.push(diagnosis),
        }
    }
    if paths.is_empty() {
        let cause = format!("there is no {PIPELINE_FILE} on the dry branch");
        findings.push(
            Diagnosis::input("pipeline-unknown", cause)
                .hint("commit one, or name another branch with `--branch`"),
        );
    }
    findings.extend(leave_out_contradictions(&mut pipelines));
    findings.extend(pipelines.iter().flat_map(check::findings));
    Found { pipelines: pipelines.into_iter().map(Arc::new).collect(), findings }
}

/// Takes pipelines out that contradict each other: which of them is meant is for a person to say. The others stay.
fn leave_out_contradictions(pipelines: &mut Vec<Pipeline>) -> Vec<Diagnosis> {
    let mut findings = Vec::new();
    if pipeline::check_together(pipelines).is_ok() {
        return findings;
    }
    let mut contradicts = vec![false; pipelines.len()];
    for (index, one) in pipelines.iter().enumerate() {
        for (before, other) in pipelines.iter().enumerate().take(index) {
            if let Err(error) = pipeline::check_together(&[other.clone(), one.clone()]) {
                (contradicts[before], contradicts[index]) = (true, true);
                findings.push(error.diagnosis());
            }
        }
    }
    let mut contradicts = contradicts.into_iter();
    pipelines.retain(|_| !contradicts.next().unwrap_or_default());
    findings
}

fn paths(files: &dyn Files) -> Vec<String> {
    let mut paths = Vec::new();
    let mut directories = vec![(String::new(), 0)];
    let mut looked_into = 0;
    while let Some((directory, depth)) = directories.pop() {
        looked_into += 1;
        if looked_into > DIRECTORIES_MAX {
            break;
        }
        let Ok(names) = files.list(&directory) else {
            continue;
        };
        for name in names {
            let path = if directory.is_empty() { name.clone() } else { format!("{directory}/{name}") };
            if name == PIPELINE_FILE {
                paths.push(path);
            } else if depth < DEPTH_MAX
                && !name.starts_with('.')
                && files.kind(&path) == Some(FileKind::Directory)
            {
                directories.push((path, depth + 1));
            }
        }
    }
    paths.sort();
    paths
}

fn read(dry_branch: &str, files: &dyn Files, path: &str) -> Result<Vec<Pipeline>, Diagnosis> {
    let unreadable = |why: String| Diagnosis::input("pipeline-unreadable", why).at(Place::new(path, 0));
    let bytes = files.read(path).map_err(|error| unreadable(error.to_string()))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| unreadable(format!("`{path}` is not UTF-8")))?;
    pipeline::read_on(dry_branch, path, text).map_err(|error| error.diagnosis())
}
