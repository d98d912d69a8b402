//! `promoter lock verify`: is a lockfile sound, and are the manifests beside it those that it names?
//!
//! Looks at bytes only; rendering again and comparing is `promoter verify`.

use super::file::LockFile;
use crate::edge::{self, Outcome};
use crate::files::read_bytes;
use clap::Args;
use promoter_core::{Diagnosis, Digest, LOCK_FILE, LockError, PromotionLock};
use promoter_render::MANIFEST_FILE;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Lockfiles, or directories that hold one
    #[arg(default_value = LOCK_FILE)]
    files: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Diagnosis> {
    let mut outcome = Outcome::Done;
    for path in &arguments.files {
        let file = LockFile::read(path)?;
        match verdict(&file)? {
            Ok(sound) => edge::result(&sound)?,
            Err(finding) => {
                outcome = Outcome::Found;
                edge::say(&finding);
            }
        }
    }
    Ok(outcome)
}

/// The outer error is a file that is no lock at all, the inner one what the check found.
fn verdict(file: &LockFile) -> Result<Result<String, Diagnosis>, Diagnosis> {
    let lock = match PromotionLock::parse(&file.text, &file.shown) {
        Ok(lock) => lock,
        Err(stale @ LockError::Stale(_)) => return Ok(Err(stale.diagnosis())),
        Err(error) => return Err(error.diagnosis()),
    };
    let id = lock.freight.id();
    let sound = format!("{}: freight {} {id} fits", file.shown, id.alias());
    let Some(locked) = lock.render.digest.filter(|_| !file.is_stdin()) else {
        return Ok(Ok(format!("{sound}\n")));
    };
    let path = file.path.with_file_name(MANIFEST_FILE);
    let bytes = match read_bytes(&path) {
        Ok(bytes) => bytes,
        Err(missing) => return Ok(Err(missing)),
    };
    let found = Digest::of(&bytes);
    Ok(match found == locked {
        true => Ok(format!("{sound}, {} fits\n", path.display())),
        false => Err(Diagnosis::input(
            "manifest-tampered",
            format!("`{}` has digest `{found}`, the lock says `{locked}`", path.display()),
        )
        .hint("revert the commit that changed it by hand; to change what runs, change its source")),
    })
}
