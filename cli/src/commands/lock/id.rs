//! `promoter lock id`: the freight's id, or the text whose SHA-256 it is.

use super::file::LockFile;
use crate::edge::{self, Outcome};
use clap::Args;
use promoter_core::{Diagnosis, LOCK_FILE};
use std::path::PathBuf;

#[derive(Args)]
#[command(
    after_help = "`promoter lock id --canonical | sha256sum` prints the same digits as `promoter lock id`."
)]
pub(crate) struct Arguments {
    /// Lockfile, a directory that holds one, or `-` for stdin
    #[arg(default_value = LOCK_FILE)]
    file: PathBuf,
    /// Print the canonical text that is hashed
    #[arg(long)]
    canonical: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Diagnosis> {
    let freight = LockFile::read(&arguments.file)?.found()?.lock.freight;
    match arguments.canonical {
        true => edge::result(&freight.canonical())?,
        false => edge::result(&format!("{}\n", freight.id()))?,
    }
    Ok(Outcome::Done)
}
