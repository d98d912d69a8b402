//! The exec mode: what the stock `argocd-cmp-server` starts in the Application's directory of an unpacked tree.
//!
//! Decides where the tree's root is. Everything else is as behind the socket.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use promoter_core::Diagnosis;
use promoter_sources::disk::{DiskFiles, DiskLimits};

use crate::cmp::client::ParameterAnnouncement;
use crate::cmp::environment::Environment;
use crate::engine::{Answer, Engine, Question, RequestGit};
use crate::parameters;
use crate::phases::Phases;
use crate::place::Place;
use crate::stop::Stop;

/// The directory in which the stock server unpacks, one directory below it for each request.
const STOCK_WORK_DIRECTORY: &str = "_cmp_server";

/// An unpacked tree and the Application's place in it.
#[derive(Debug)]
pub struct Unpacked {
    files: DiskFiles,
    dot_git: Option<PathBuf>,
    app_path: String,
}

impl Unpacked {
    /// Finds the tree around a directory.
    pub fn around(directory: &Path, environment: &Environment) -> Result<Self, Diagnosis> {
        let (root, app_path) = root(directory, environment);
        let files = DiskFiles::open(root, DiskLimits::default())
            .map_err(|error| Diagnosis::input("exec-directory", error))?;
        let dot_git = Some(root.join(".git")).filter(|it| it.is_dir());
        Ok(Self { files, dot_git, app_path })
    }

    /// The manifests. The stock server tells nobody how long its caller waits, so `patience` bounds the further tries.
    pub fn generate(&self, engine: &Engine, environment: &Environment, patience: Duration) -> Answer {
        let question = Question {
            files: &self.files,
            git: self.dot_git.as_deref().map_or(RequestGit::Absent, RequestGit::Disk),
            app_path: &self.app_path,
            environment,
            stop: &Stop::default(),
            place: &Place::default(),
            phases: &Phases::default(),
        };
        engine.answer_patiently(&question, patience)
    }

    /// The parameters.
    pub fn announce(&self, environment: &Environment) -> Vec<ParameterAnnouncement> {
        parameters::announce(&self.files, Ok(&self.app_path), environment)
    }
}

/// The root of the tree around a directory, and the directory's path below it: what the stock server unpacked into,
/// else what the Application's path leaves of the directory, else the nearest directory with a `.git`, else itself.
fn root<'a>(directory: &'a Path, environment: &Environment) -> (&'a Path, String) {
    let stock =
        || directory.ancestors().find(|it| it.parent().is_some_and(|it| it.ends_with(STOCK_WORK_DIRECTORY)));
    let by_path = || {
        let app_path = Path::new(environment.get("ARGOCD_APP_SOURCE_PATH")?);
        let normal: PathBuf = app_path.components().filter(|it| *it != Component::CurDir).collect();
        directory.ends_with(&normal).then(|| directory.ancestors().nth(normal.components().count()))?
    };
    let by_git = || directory.ancestors().find(|it| it.join(".git").exists());
    let root = stock().or_else(by_path).or_else(by_git).unwrap_or(directory);
    let below = directory.strip_prefix(root).unwrap_or(Path::new(""));
    (root, below.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root_of(directory: &str, app_path: Option<&str>) -> (String, String) {
        let entry = app_path.map(|it| ("ARGOCD_APP_SOURCE_PATH".to_owned(), it.to_owned()));
        let (root, below) = root(Path::new(directory), &entry.into_iter().collect());
        (root.display().to_string(), below)
    }

    #[test]
    fn the_root_is_found_without_git() {
        let pair = |root: &str, below: &str| (root.to_owned(), below.to_owned());
        // What is unpacked may begin below the repository's root, so the path may not fit.
        let stock = "/nowhere/_cmp_server/0b1c/envs/prod";
        assert_eq!(
            root_of(stock, Some("apps/guestbook/envs/prod")),
            pair("/nowhere/_cmp_server/0b1c", "envs/prod")
        );
        assert_eq!(root_of("/nowhere/_cmp_server/0b1c", Some(".")), pair("/nowhere/_cmp_server/0b1c", ""));
        assert_eq!(root_of("/nowhere/r/apps/x", Some("./apps/x/")), pair("/nowhere/r", "apps/x"));
        assert_eq!(root_of("/nowhere/r", Some(".")), pair("/nowhere/r", ""));
        assert_eq!(root_of("/nowhere/r/apps/x", None), pair("/nowhere/r/apps/x", ""));
    }
}
