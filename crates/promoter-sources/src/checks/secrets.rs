//! Files with secrets, below one directory that the controller is given. They are read anew each time, since they are
//! renewed while we run, and their content is never printed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use promoter_core::pipeline::SecretPath;
use promoter_kustomize::{FileError, Files as _};

use crate::disk::{DiskFiles, DiskLimits};
use crate::git::Secret;

/// The largest file that is read: a bundle of certificates fits.
const LIMITS: DiskLimits = DiskLimits { file_bytes_max: 1 << 20, names_max: 10_000 };

/// The directory, if there is one.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    root: Option<PathBuf>,
}

impl Secrets {
    /// Those below a directory. Links are followed as long as they lead to what is below it.
    pub fn below(root: Option<&Path>) -> Self {
        Self { root: root.map(Path::to_owned) }
    }

    /// The bytes of a file. `Err` says for people why there are none; it holds nothing of the file.
    pub fn bytes(&self, path: &SecretPath) -> Result<Arc<[u8]>, String> {
        let path = path.as_str();
        let Some(root) = &self.root else {
            return Err(format!("the secret `{path}` is not known: the controller has no `--secrets-dir`"));
        };
        let files = DiskFiles::open(root, LIMITS)
            .map_err(|_| "the directory of secrets cannot be opened".to_owned())?;
        files.read(path).map_err(|error| match error {
            FileError::Missing(_) => format!("the secret `{path}` is not there"),
            FileError::Outside(_) => format!("the secret `{path}` leads out of the directory of secrets"),
            _ => format!("the secret `{path}` cannot be read"),
        })
    }

    /// The one line of a file, without its line end.
    pub fn line(&self, path: &SecretPath) -> Result<Secret, String> {
        let bytes = self.bytes(path)?;
        let text = std::str::from_utf8(&bytes).map(Secret::new);
        match text {
            Ok(text) if text.expose().is_empty() => Err(format!("the secret `{}` is empty", path.as_str())),
            Ok(text) if !text.expose().contains(char::is_control) => Ok(text),
            _ => Err(format!("the secret `{}` is more than one line of text", path.as_str())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_anew_and_only_below_the_directory() {
        let directory = tempfile::tempdir().unwrap();
        let (root, outside) = (directory.path().join("secrets"), directory.path().join("outside"));
        std::fs::create_dir_all(root.join("..2026")).unwrap();
        std::fs::write(&outside, "hidden").unwrap();
        std::fs::write(root.join("..2026/token"), "one\n").unwrap();
        // As Kubernetes mounts a Secret.
        std::os::unix::fs::symlink("..2026", root.join("..data")).unwrap();
        std::os::unix::fs::symlink("..data/token", root.join("token")).unwrap();
        std::os::unix::fs::symlink("../outside", root.join("away")).unwrap();
        let secrets = Secrets::below(Some(&root));
        let line = |name: &str| secrets.line(&name.parse().unwrap()).map(|it| it.expose().to_owned());
        assert_eq!(line("token"), Ok("one".into()));
        std::fs::write(root.join("..2026/token"), "two").unwrap();
        assert_eq!(line("token"), Ok("two".into()));
        std::fs::write(root.join("..2026/token"), "a\nb").unwrap();
        assert_eq!(line("token"), Err("the secret `token` is more than one line of text".into()));
        assert_eq!(line("away"), Err("the secret `away` leads out of the directory of secrets".into()));
        assert_eq!(line("none"), Err("the secret `none` is not there".into()));
        assert!(Secrets::default().line(&"token".parse().unwrap()).unwrap_err().contains("--secrets-dir"));
    }
}
