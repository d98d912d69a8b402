//! `promoter lock fmt`: lockfiles in their canonical form.

use super::file::LockFile;
use super::set::DIGEST_REMOVED;
use crate::edge::{self, Outcome};
use crate::files::write_text;
use clap::Args;
use promoter_core::{Diagnosis, Found, LOCK_FILE, PromotionLock};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Lockfiles, directories that hold one, or `-` for stdin to stdout
    #[arg(default_value = LOCK_FILE)]
    files: Vec<PathBuf>,
    /// Change nothing; name the files that would change and end with exit code 1 if there are any
    #[arg(long)]
    check: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Diagnosis> {
    let mut outcome = Outcome::Done;
    for path in &arguments.files {
        let file = LockFile::read(path)?;
        let formatted = PromotionLock::format(&file.text, &file.shown).map_err(|it| it.diagnosis())?;
        let differs = formatted != file.text;
        match (arguments.check, file.is_stdin()) {
            (true, _) if differs => {
                outcome = Outcome::Found;
                edge::result(&format!("{}\n", file.shown))?;
            }
            (false, true) => edge::result(&formatted)?,
            (false, false) if differs => {
                write_text(&file.path, &formatted)?;
                let names_manifests = |it: &Found| it.lock.render.digest.is_some();
                let after = PromotionLock::read(&formatted, &file.shown).map_err(|it| it.diagnosis())?;
                if names_manifests(&file.found()?) && !names_manifests(&after) {
                    edge::say(&DIGEST_REMOVED);
                }
                edge::result(&format!("{}\n", file.shown))?;
            }
            _ => {}
        }
    }
    Ok(outcome)
}
