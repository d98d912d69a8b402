//! Finds in a tree what lint looks at: pipelines, Applications, and files by which Argo CD changes Applications.

use super::read::{Application, applications};
use promoter_core::Place;
use promoter_core::pipeline::PIPELINE_FILE;
use promoter_kustomize::{FileKind, Files};

/// How deep the search goes, and how many files are looked at.
const DEPTH_MAX: usize = 32;
const FILES_MAX: usize = 200_000;
/// Applications are small; what is larger is something else.
const BYTES_MAX: usize = 1 << 20;
/// How the files begin by which Argo CD, and Image Updater with it, changes an Application's source.
const OVERRIDE: &str = ".argocd-source";

/// What was found.
#[derive(Default)]
pub(super) struct Walked {
    /// Paths of promoter.yaml files.
    pub(super) pipelines: Vec<String>,
    /// Applications and ApplicationSets, in the order of their files.
    pub(super) applications: Vec<Application>,
    /// Override files.
    pub(super) overrides: Vec<Override>,
}

/// A file by which Argo CD changes an Application's source.
pub(super) struct Override {
    /// Where it lies, with the branch in front where that is not the dry one.
    pub(super) at: Place,
    /// The directory.
    pub(super) folder: String,
    /// The branch, if it is not the dry one.
    pub(super) branch: Option<String>,
}

/// Walks a directory. Hidden directories are passed over.
pub(super) fn walk(files: &dyn Files, top: &str) -> Walked {
    let mut walked = Walked::default();
    let mut directories = vec![(top.to_owned(), 0)];
    let mut looked_at = 0;
    while let Some((directory, depth)) = directories.pop() {
        let Ok(names) = files.list(&directory) else { continue };
        let mut below = Vec::new();
        for name in names {
            let path = join(&directory, &name);
            if name.starts_with(OVERRIDE) {
                walked.overrides.push(Override {
                    at: Place::new(path, 0),
                    folder: directory.clone(),
                    branch: None,
                });
                continue;
            }
            if files.kind(&path) == Some(FileKind::Directory) {
                if depth < DEPTH_MAX && !name.starts_with('.') {
                    below.push((path, depth + 1));
                }
                continue;
            }
            looked_at += 1;
            if looked_at > FILES_MAX {
                return walked;
            }
            if name == PIPELINE_FILE {
                walked.pipelines.push(path);
            } else if [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end)) {
                walked.applications.extend(read(files, &path));
            }
        }
        directories.extend(below.into_iter().rev());
    }
    walked
}

/// The override files of one folder of a branch.
pub(super) fn overrides(tree: &dyn Files, folder: &str, branch: &str) -> Vec<Override> {
    let names = tree.list("").unwrap_or_default().into_iter().filter(|it| it.starts_with(OVERRIDE));
    let one = |name: String| Override {
        at: Place::new(format!("{branch}:{}", join(folder, &name)), 0),
        folder: folder.to_owned(),
        branch: Some(branch.to_owned()),
    };
    names.map(one).collect()
}

fn read(files: &dyn Files, path: &str) -> Vec<Application> {
    let Ok(bytes) = files.read(path) else { return Vec::new() };
    // Most files are none: they are told without a parser.
    let mentions = |word: &[u8]| bytes.windows(word.len()).any(|it| it == word);
    if bytes.len() > BYTES_MAX || !mentions(b"argoproj.io/") || !mentions(b"Application") {
        return Vec::new();
    }
    std::str::from_utf8(&bytes).map(|text| applications(path, text)).unwrap_or_default()
}

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}
