//! Answers about signatures that hold: those that something is there for ever, on disk; those that it is missing for a short
//! while, in memory.
//!
//! `<dir>/signed-1/<key>` holds the question and by whom it was met. The key is a hash of everything that the answer depends
//! on: repository, digest, requirement, and the content of key or root of trust. So a rotated key, another root or another rule
//! asks anew, and a file never has to be found out of date. Files come by a rename; beyond a number the oldest go.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use promoter_core::signature::{Answer, Question};
use promoter_core::{Diagnosis, Digest, UnixSeconds};

/// The folder of this version; another version leaves it alone.
const FOLDER: &str = "signed-1";
/// How many files there may be.
const FILES_MAX: usize = 50_000;
/// How many answers are kept in memory.
const MEMORY_MAX: usize = 10_000;
/// The largest file.
const BYTES_MAX: u64 = 16 << 10;

/// Everything that an answer depends on, in one line and hashed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    text: String,
    hash: String,
}

/// The key of a question; `trusted` names the content of the key or root of trust.
pub(super) fn key(question: &Question, trusted: &str) -> Key {
    let Question { repository, digest, requirement } = question;
    let text = format!("{repository}@{digest} {:?} {trusted}", requirement.id());
    let hash = Digest::of(text.as_bytes()).as_str().trim_start_matches("sha256:").to_owned();
    Key { text, hash }
}

/// What is kept.
#[derive(Debug)]
pub(super) struct Kept {
    directory: Option<PathBuf>,
    /// Answers, with the time until which they hold; `None` for ever.
    memory: Mutex<HashMap<Key, (Answer, Option<UnixSeconds>)>>,
}

impl Kept {
    /// Makes the folder.
    pub(super) fn open(cache_dir: Option<&Path>) -> Result<Self, Diagnosis> {
        let directory = cache_dir.map(|it| it.join(FOLDER));
        if let Some(directory) = &directory {
            std::fs::create_dir_all(directory).map_err(|error| {
                let what =
                    format!("the cache of signatures `{}` cannot be made: {error}", directory.display());
                Diagnosis::upstream("signature-cache", what).hint("check space and rights of the directory")
            })?;
            sweep(directory, FILES_MAX);
        }
        Ok(Self { directory, memory: Mutex::default() })
    }

    /// An answer that holds.
    pub(super) fn get(&self, key: &Key, now: UnixSeconds) -> Option<Answer> {
        let known = self.memory.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        match known {
            Some((answer, until)) if until.is_none_or(|it| now < it) => return Some(answer),
            _ => {}
        }
        let path = self.directory.as_ref()?.join(&key.hash);
        let text = crate::signatures::read_text(&path, BYTES_MAX).ok()?;
        // A file that is not as we write it is as good as none.
        let by = text.strip_prefix(&key.text)?.strip_prefix('\n')?.strip_suffix('\n')?;
        let answer = Answer::Met { by: by.to_owned() };
        self.remember(key, answer.clone(), None);
        Some(answer)
    }

    /// Keeps an answer; `until` is for one that something is missing. What cannot be written is asked for again after a
    /// restart.
    pub(super) fn put(&self, key: &Key, answer: &Answer, until: UnixSeconds) {
        let Answer::Met { by } = answer else {
            return self.remember(key, answer.clone(), Some(until));
        };
        self.remember(key, answer.clone(), None);
        let Some(directory) = &self.directory else { return };
        let (path, text) = (directory.join(&key.hash), format!("{}\n{by}\n", key.text));
        let draft = directory.join(format!("{}.{}", key.hash, std::process::id()));
        let written = std::fs::write(&draft, text).and_then(|()| std::fs::rename(&draft, &path));
        if let Err(error) = written {
            tracing::warn!(%error, path = %path.display(), "an answer about a signature was not kept");
        }
    }

    fn remember(&self, key: &Key, answer: Answer, until: Option<UnixSeconds>) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.len() >= MEMORY_MAX {
            memory.clear();
        }
        memory.insert(key.clone(), (answer, until));
    }
}

/// Removes the oldest files beyond a number.
fn sweep(directory: &Path, most: usize) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    let age = |it: std::fs::DirEntry| Some((it.metadata().ok()?.modified().ok()?, it.path()));
    let mut files: Vec<_> = entries.flatten().filter_map(age).collect();
    files.sort_unstable();
    for (_, path) in files.iter().take(files.len().saturating_sub(most)) {
        let _ = std::fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promoter_core::signature::{KeySource, Requirement, Signer, Wanted};

    fn question(digit: &str) -> Question {
        let signer = Signer::Key(KeySource::File("cosign.pub".parse().unwrap()));
        Question {
            repository: "ghcr.io/acme/web".parse().unwrap(),
            digest: format!("sha256:{}", digit.repeat(64)).parse().unwrap(),
            requirement: Requirement { wanted: Wanted::Signature, signer },
        }
    }

    #[test]
    fn good_answers_stay_and_others_pass() {
        let directory = tempfile::tempdir().unwrap();
        let open = || Kept::open(Some(directory.path())).unwrap();
        let met = Answer::Met { by: "key SHA256:x".into() };
        let unmet = Answer::Unmet { why: "there is none".into() };
        let (one, two) = (key(&question("1"), "key a"), key(&question("2"), "key a"));
        let first = open();
        first.put(&one, &met, UnixSeconds(100));
        first.put(&two, &unmet, UnixSeconds(100));
        assert_eq!(first.get(&one, UnixSeconds(1_000_000)), Some(met.clone()));
        assert_eq!(first.get(&two, UnixSeconds(99)), Some(unmet));
        assert_eq!(first.get(&two, UnixSeconds(100)), None);
        // After a restart, the good one is known; with another key it is another question.
        let second = open();
        assert_eq!(second.get(&one, UnixSeconds(0)), Some(met));
        assert_eq!(second.get(&two, UnixSeconds(0)), None);
        assert_eq!(second.get(&key(&question("1"), "key b"), UnixSeconds(0)), None);
    }

    #[test]
    fn a_file_of_another_question_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let kept = Kept::open(Some(directory.path())).unwrap();
        let (one, two) = (key(&question("1"), "key a"), key(&question("2"), "key a"));
        kept.put(&one, &Answer::Met { by: "x".into() }, UnixSeconds(0));
        let folder = directory.path().join(FOLDER);
        std::fs::copy(folder.join(&one.hash), folder.join(&two.hash)).unwrap();
        assert_eq!(Kept::open(Some(directory.path())).unwrap().get(&two, UnixSeconds(0)), None);
        sweep(&folder, 1);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    }
}
