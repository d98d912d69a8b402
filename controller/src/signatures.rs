//! Who signed what is on the branches: reads commits and the files with trusted keys, and asks what each is worth.
//!
//! Reads only. What a signature is worth is decided by `promoter-signatures`, what follows from it by the caller.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use promoter_core::{CommitId, Diagnosis, UnixSeconds};
use promoter_signatures::{Trusted, Verdict};
use promoter_sources::git::CommitInfo;

use crate::repository::Repository;

/// The largest file with trusted keys that is read.
const TRUST_BYTES_MAX: u64 = 16 << 20;

/// A commit, and what its signature is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The commit.
    pub commit: CommitInfo,
    /// What its signature is worth.
    pub verdict: Verdict,
}

/// Judges a commit and its first parents, newest first, at most `most` of them.
pub fn judge_history(
    repository: &Repository,
    head: &CommitId,
    most: usize,
    trusted: &Trusted,
    now: UnixSeconds,
) -> Result<Vec<Judged>, Diagnosis> {
    let log = repository.cache.first_parent_log(head, most).map_err(|error| error.diagnosis())?;
    let judged = log.into_iter().map(|commit| {
        let bytes = repository.cache.commit_object(&commit.id).map_err(|error| error.diagnosis())?;
        Ok(Judged { verdict: trusted.judge(&bytes, now), commit })
    });
    judged.collect()
}

/// Reads trusted keys: a file like git's `gpg.ssh.allowedSignersFile`, a file with armored OpenPGP keys, or both.
pub fn trusted(allowed_signers: Option<&Path>, keyring: Option<&Path>) -> Result<Trusted, Diagnosis> {
    let mut trusted = Trusted::default();
    let read = |file| read_text(file, TRUST_BYTES_MAX).map_err(|why| Diagnosis::input("trust-file", why));
    if let Some(file) = allowed_signers {
        let added = trusted.add_allowed_signers(&read(file)?, &file.display().to_string());
        added.map_err(|error| error.diagnosis())?;
    }
    if let Some(file) = keyring {
        let added = trusted.add_keyring(&read(file)?, &file.display().to_string());
        added.map_err(|error| error.diagnosis())?;
    }
    Ok(trusted)
}

/// Reads a file of a bounded size; the error says what is wrong with it.
pub(crate) fn read_text(file: &Path, bytes_max: u64) -> Result<String, String> {
    let path = file.display();
    let mut text = String::new();
    let opened = File::open(file).and_then(|it| it.take(bytes_max + 1).read_to_string(&mut text));
    opened.map_err(|error| format!("`{path}` cannot be read: {error}"))?;
    match text.len() as u64 > bytes_max {
        true => Err(format!("`{path}` is larger than {bytes_max} bytes")),
        false => Ok(text),
    }
}
