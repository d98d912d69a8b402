//! What is said about an entry that leads nowhere, or in a circle: the words look around in the tree for what may be meant.

use crate::FileError;
use crate::error::BuildError;
use crate::suggest::nearest;

use super::file::NAMES;
use super::{Loader, or_dot};

impl Loader<'_> {
    /// A hint for a directory without a kustomization.
    pub(super) fn instead_of_kustomization(&self) -> String {
        let there = self.files().list(self.root()).unwrap_or_default();
        if let Some(near) = there.iter().find(|it| it.to_ascii_lowercase().starts_with("kustomiz")) {
            return format!("rename `{near}` to `kustomization.yaml`");
        }
        let has_one = |it: &&String| NAMES.iter().any(|name| self.has_file(&format!("{it}/{name}")));
        match there.iter().find(has_one).and_then(|it| self.path_of(it)) {
            Some(below) => format!("`{}` has one", self.shown(below)),
            None => "name its files one by one, or write a kustomization.yaml that does".to_owned(),
        }
    }

    /// `full`, written as `path`, is not there.
    pub(super) fn missing(&self, path: &str, full: &str) -> BuildError {
        if let Err(FileError::Outside(_)) = self.files().real_path(full) {
            let message =
                format!("`{}` is a link that leads out of the repository", self.shown(full.to_owned()));
            return BuildError::new("kustomize-outside", message)
                .hint("put the file itself there; links may lead anywhere inside the repository");
        }
        let (directory, name) = full.rsplit_once('/').unwrap_or(("", full));
        let error =
            BuildError::new("kustomize-missing", format!("`{}` does not exist", self.shown(full.to_owned())));
        let Ok(there) = self.files().list(directory) else {
            return error
                .hint(format!("there is no directory `{}` either", self.shown(directory.to_owned())));
        };
        match nearest(name, there.iter().map(String::as_str)) {
            Some(near) => {
                error.hint(format!("did you mean `{}{near}`?", path.strip_suffix(name).unwrap_or("")))
            }
            None => error.hint("paths count from the directory of the file that names them"),
        }
    }

    /// The entry `path` leads back: `far` directories up is the one that is, or lies in, `root`.
    pub(super) fn cycle(&self, path: &str, root: &str, far: usize) -> BuildError {
        let way = self.roots[..=far].iter().rev().map(|it| &*it.shown).chain([root]);
        let shown: Vec<String> = way.map(|it| format!("`{}`", or_dot(it))).collect();
        let message = format!("`{path}` goes round in a circle: {}", shown.join(" → "));
        BuildError::new("kustomize-cycle", message)
            .hint("no kustomization may name itself, or one that leads to it")
    }
}
