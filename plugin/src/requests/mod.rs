//! Keeps what Argo CD sent, to look at it or to run it again: one file a request, written only when asked for.
//!
//! Decides how many are kept and who may read them. What is left out of a file is `redact`'s decision, its form `file`'s.

mod file;
mod redact;

use std::fs;
use std::io;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use promoter_core::Diagnosis;

pub use file::{Entry, Header, RequestFileError, read};

use crate::cmp::proto::AppStreamRequest;
use crate::cmp::proto::app_stream_request::Request as Part;

/// What the names of kept requests end in; nothing else in the directory is touched.
const ENDING: &str = ".request.tar";

/// How much is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeepOptions {
    /// Where.
    pub directory: PathBuf,
    /// How many requests.
    pub requests_max: usize,
    /// How many bytes all of them may take. A single one beyond that is not kept.
    pub bytes_max: u64,
}

/// The requests in one directory. The oldest go when there are too many.
#[derive(Debug)]
pub struct Requests {
    options: KeepOptions,
    /// One writer at a time, so that the bounds hold.
    writing: Mutex<()>,
}

impl Requests {
    /// Opens the directory and makes it if need be, for its owner only.
    pub fn open(options: KeepOptions) -> Result<Self, Diagnosis> {
        use std::os::unix::fs::DirBuilderExt as _;
        let directory = &options.directory;
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.and_then(|()| fs::read_dir(directory).map(drop)).map_err(|error| {
            let cause = format!("requests cannot be kept in `{}`: {error}", directory.display());
            Diagnosis::input("keep-requests", cause)
                .hint("give `--keep-requests` a directory that can be written")
        })?;
        Ok(Self { options, writing: Mutex::default() })
    }

    /// Begins to take a request along.
    pub(crate) fn keeping(&self, method: &'static str) -> Keeping {
        Keeping { method, bytes_max: self.options.bytes_max, kept: None, too_large: false }
    }

    /// Writes a request under its id. Failing to is no reason to fail the request, so it is only logged.
    pub(crate) fn keep(&self, id: &str, kept: &Kept) {
        let path = self.options.directory.join(format!("{id}{ENDING}"));
        match self.write(&path, kept) {
            Ok(()) => tracing::info!(request = id, file = %path.display(), "request kept"),
            Err(error) => tracing::warn!(request = id, file = %path.display(), %error, "request not kept"),
        }
    }

    fn write(&self, path: &Path, kept: &Kept) -> io::Result<()> {
        let bytes = file::write(kept)?;
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.make_room(bytes.len() as u64)?;
        // Nobody finds half a file under a name of ours.
        let fresh = path.with_extension("part");
        let mut options = fs::OpenOptions::new();
        let written = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&fresh)
            .and_then(|mut it| it.write_all(&bytes))
            .and_then(|()| fs::rename(&fresh, path));
        if written.is_err() {
            let _ = fs::remove_file(&fresh);
        }
        written
    }

    /// Removes the oldest requests until one more of so many bytes fits.
    fn make_room(&self, bytes: u64) -> io::Result<()> {
        if bytes > self.options.bytes_max {
            return Err(io::Error::other("it is larger than all kept requests may be together"));
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.options.directory)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().ends_with(ENDING) {
                found.push((entry.path(), entry.metadata().map_or(0, |it| it.len())));
            }
        }
        // Their names begin with the time.
        found.sort();
        let mut total: u64 = found.iter().map(|(_, bytes)| bytes).sum();
        let mut count = found.len();
        for (path, size) in found {
            if count < self.options.requests_max && total + bytes <= self.options.bytes_max {
                break;
            }
            fs::remove_file(path)?;
            count -= 1;
            total -= size;
        }
        Ok(())
    }
}

/// A request that is being taken along.
#[derive(Debug)]
pub(crate) struct Keeping {
    method: &'static str,
    bytes_max: u64,
    kept: Option<Kept>,
    too_large: bool,
}

impl Keeping {
    /// Takes the next message of the stream.
    pub(crate) fn hear(&mut self, message: &AppStreamRequest) {
        match (&message.request, &mut self.kept) {
            (Some(Part::Metadata(metadata)), None) => {
                self.kept = Some(Kept { header: Header::of(self.method, metadata), archive: Vec::new() });
            }
            (Some(Part::File(file)), Some(kept)) if !self.too_large => {
                if (kept.archive.len() + file.chunk.len()) as u64 > self.bytes_max {
                    self.too_large = true;
                    kept.archive = Vec::new();
                } else {
                    kept.archive.extend_from_slice(&file.chunk);
                }
            }
            // What does not fit the protocol is told in words; it is not kept.
            _ => {}
        }
    }

    /// The whole; `None` when no metadata came, or it was more than may be kept.
    pub(crate) fn kept(self) -> Option<Kept> {
        if self.too_large {
            tracing::warn!(bytes_max = self.bytes_max, "the request is larger than what may be kept");
            return None;
        }
        self.kept
    }
}

/// One request as it came, without what is secret in its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The metadata.
    pub header: Header,
    /// The archive, byte for byte.
    pub archive: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn kept(archive: &[u8]) -> Kept {
        Kept {
            header: Header { method: "GenerateManifest".into(), ..Header::default() },
            archive: archive.to_vec(),
        }
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> = entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_oldest_go_and_what_is_not_ours_stays() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("kept");
        let options = KeepOptions { directory: directory.clone(), requests_max: 2, bytes_max: 20_000 };
        let requests = Requests::open(options).unwrap();
        fs::write(directory.join("mine.txt"), "x").unwrap();
        for id in ["001", "002", "003"] {
            requests.keep(id, &kept(b"small"));
        }
        assert_eq!(names(&directory), ["002.request.tar", "003.request.tar", "mine.txt"]);
        requests.keep("004", &kept(&[0; 15_000]));
        assert_eq!(names(&directory), ["004.request.tar", "mine.txt"]);
        // Larger than all may be: nothing goes for it.
        requests.keep("005", &kept(&[0; 30_000]));
        assert_eq!(names(&directory), ["004.request.tar", "mine.txt"]);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&directory.join("004.request.tar")), 0o600);
        assert_eq!(mode(&directory), 0o700);
        assert_eq!(read(&directory.join("004.request.tar")).unwrap(), kept(&[0; 15_000]));
    }

    #[test]
    fn a_place_that_cannot_be_written_is_told_at_the_start() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let directory = file.path().join("below-a-file");
        let error = Requests::open(KeepOptions { directory, requests_max: 1, bytes_max: 1 }).unwrap_err();
        assert_eq!(error.code, "keep-requests");
    }
}
