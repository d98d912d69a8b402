//! Finding and reading lockfiles of the working tree.

use crate::files::read_text;
use promoter_core::{Diagnosis, Found, LOCK_FILE, LockError, Name, PromotionLock};
use std::path::{Path, PathBuf};

/// How deep below the current directory an environment's lockfile is looked for.
const DEPTH_MAX: usize = 12;
/// How many directories are looked into.
const DIRECTORIES_MAX: usize = 50_000;

/// A lockfile with its text.
pub(super) struct LockFile {
    pub(super) path: PathBuf,
    /// The path as messages show it.
    pub(super) shown: String,
    pub(super) text: String,
}

impl LockFile {
    /// Reads a lockfile; of a directory the one in it, of `-` stdin.
    pub(super) fn read(path: &Path) -> Result<Self, Diagnosis> {
        let path = if path.is_dir() { path.join(LOCK_FILE) } else { path.to_owned() };
        let text = read_text(&path)?;
        Ok(Self { shown: path.display().to_string(), path, text })
    }

    /// The lock, which must be sound.
    pub(super) fn parse(&self) -> Result<PromotionLock, Diagnosis> {
        PromotionLock::parse(&self.text, &self.shown).map_err(|it| it.diagnosis())
    }

    /// The lock, which may be stale.
    pub(super) fn found(&self) -> Result<Found, Diagnosis> {
        PromotionLock::read(&self.text, &self.shown).map_err(|it: LockError| it.diagnosis())
    }

    pub(super) fn is_stdin(&self) -> bool {
        self.path.as_os_str() == "-"
    }
}

/// The lockfile that `--env` means: a file, a directory with one, or the environment of a lockfile below the
/// current directory.
pub(super) fn of_environment(env: &str) -> Result<PathBuf, Diagnosis> {
    let path = Path::new(env);
    if path.exists() || env.contains('/') || env.ends_with(".yaml") || env.ends_with(".yml") {
        return Ok(path.to_owned());
    }
    let name: Name = env.parse().map_err(|it| Diagnosis::input("lock-not-found", it))?;
    let found = locks_below(Path::new("."))?;
    let mut broken = None;
    let mut matching =
        found.into_iter().filter(|path| match LockFile::read(path).and_then(|it| it.found()) {
            Ok(found) => found.lock.environment == name,
            Err(_) => {
                broken.get_or_insert(path.display().to_string());
                false
            }
        });
    match (matching.next(), matching.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => {
            let hint = match &broken {
                Some(path) => format!("`{path}` cannot be read, see `promoter lock verify {path}`"),
                None => "give the lockfile's path with `--env`, or change to the folder above it".into(),
            };
            let cause = format!("no `{LOCK_FILE}` below the current directory is for environment `{name}`");
            Err(Diagnosis::input("lock-not-found", cause).hint(hint))
        }
        (Some(first), Some(second)) => Err(Diagnosis::input(
            "lock-not-found",
            format!("`{}` and `{}` are both for environment `{name}`", first.display(), second.display()),
        )
        .hint("give the lockfile's path with `--env`")),
    }
}

/// Every lockfile below a directory, in the order of paths. Hidden directories and links are not entered.
fn locks_below(root: &Path) -> Result<Vec<PathBuf>, Diagnosis> {
    let mut found = Vec::new();
    let mut directories = vec![(root.to_owned(), 0)];
    let mut seen = 0;
    while let Some((directory, depth)) = directories.pop() {
        seen += 1;
        if seen > DIRECTORIES_MAX {
            let cause = format!("more than {DIRECTORIES_MAX} directories below the current one");
            return Err(
                Diagnosis::input("lock-not-found", cause).hint("give the lockfile's path with `--env`")
            );
        }
        // A directory that cannot be listed holds no lockfile that could be changed.
        let Ok(entries) = std::fs::read_dir(&directory) else {
            continue;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let hidden = name.to_string_lossy().starts_with('.');
            let is_directory = entry.file_type().is_ok_and(|it| it.is_dir());
            let path = directory.strip_prefix(".").unwrap_or(&directory).join(&name);
            if is_directory && !hidden && depth < DEPTH_MAX {
                directories.push((path, depth + 1));
            } else if name == LOCK_FILE {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
