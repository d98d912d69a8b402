//! One generation of an object cache: a directory of objects that only grows, and what may be promised to the server of it.
//!
//! The contract stands at the top of [`super`].

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use gix::odb::pack::Bundle;
use promoter_core::CommitId;

use super::Limits;
use super::objects::{Kind, Objects};
use super::store::WriteLock;

/// How many of the latest commits are offered to the server as what is here.
const HAVES_MAX: usize = 256;

/// What may be offered to the server as present.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Commits that are here with what belongs to them (see [`Shape`]) and, down to the boundaries, their history. Oldest
    /// fetch first.
    pub(super) haves: Vec<CommitId>,
    /// Commits that are here while their parents may not be.
    pub(super) boundaries: BTreeSet<CommitId>,
}

/// One object database. It only grows; when it is damaged or too large, a new one takes its place.
#[derive(Debug)]
pub(super) struct Generation {
    pub(super) directory: PathBuf,
    pub(super) shape: Shape,
    pub(super) objects: Arc<Objects>,
}

/// What belongs to a commit that is here. Fixed for the life of a generation, so that it never has to be guessed whether
/// something was lost or did not come yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// All of its directories and files. A missing object is damage.
    Whole,
    /// All of its directories. A missing file did not come yet, and is fetched by its id.
    Partial,
}

impl Generation {
    /// Takes a pack from the server: proves it, completes it from what is here, and makes it readable at once. Gives its
    /// size in bytes.
    pub(super) fn take_pack(
        &self,
        pack: &mut dyn Read,
        limits: &Limits,
        _lock: &WriteLock,
    ) -> Result<u64, gix::Error> {
        let directory = self.directory.join("objects/pack");
        let options = gix::odb::pack::bundle::write::Options {
            thread_limit: Some(2),
            alloc_limit_bytes: usize::try_from(limits.answer_bytes_max).ok(),
            ..Default::default()
        };
        let written = Bundle::write_to_directory(
            &mut BufReader::with_capacity(64 << 10, pack),
            Some(&directory),
            &mut gix::progress::Discard,
            &AtomicBool::new(false),
            Some(self.objects.handle()),
            gix::hash::Kind::Sha1,
            options,
        )?;
        if let Some(keep) = written.keep_path {
            // It guards against other programs' clean-up, and there is none in here.
            let _ = fs::remove_file(keep);
        }
        let size = |it: Option<PathBuf>| it.and_then(|it| it.metadata().ok()).map_or(0, |it| it.len());
        Ok(size(written.data_path) + size(written.index_path))
    }

    /// Writes objects of our own. Each appears whole or not at all.
    pub(super) fn put(&self, kind: Kind, bytes: &[u8]) -> Result<(), gix::Error> {
        use gix::objs::Write as _;
        self.objects.handle().write_buf(kind, bytes).map(drop)
    }

    /// What may be offered to the server. A file that cannot be read is no knowledge, which costs time only.
    pub(super) fn known(&self) -> Known {
        let mut known = Known::default();
        let text = fs::read_to_string(self.directory.join("fetched")).unwrap_or_default();
        for line in text.lines() {
            match line.split_once(' ').map(|(word, id)| (word, id.parse())) {
                Some(("have", Ok(id))) => known.haves.push(id),
                Some(("boundary", Ok(id))) => drop(known.boundaries.insert(id)),
                // A have without its boundary would promise too much.
                _ => return Known::default(),
            }
        }
        known
    }

    /// Notes what was fetched. To be called when the objects are here.
    pub(super) fn set_known(&self, known: &Known, _lock: &WriteLock) -> io::Result<()> {
        let mut text = String::new();
        for id in &known.boundaries {
            text.push_str(&format!("boundary {id}\n"));
        }
        for id in &known.haves[known.haves.len().saturating_sub(HAVES_MAX)..] {
            text.push_str(&format!("have {id}\n"));
        }
        replace(&self.directory.join("fetched"), text.as_bytes())
    }

    /// About how many objects lie in files of their own, told from one directory out of 256 as git itself does.
    pub(super) fn loose(&self) -> usize {
        fs::read_dir(self.directory.join("objects/17")).map_or(0, |it| it.count() * 256)
    }

    /// The packs and their sizes in bytes; removes what a killed process left half-written.
    pub(super) fn packs(&self) -> io::Result<Vec<(PathBuf, u64)>> {
        let mut packs = Vec::new();
        for entry in fs::read_dir(self.directory.join("objects/pack"))? {
            let entry = entry?;
            match entry.path().extension().and_then(|it| it.to_str()) {
                Some("pack") => packs.push((entry.path(), entry.metadata()?.len())),
                Some("idx") => {}
                _ => fs::remove_file(entry.path())?,
            }
        }
        Ok(packs)
    }
}

/// Opens a generation and says that it is in use, for as long as its objects are.
pub(super) fn open(directory: &Path, limits: &Limits) -> io::Result<Arc<Generation>> {
    let in_use = in_use(directory)?;
    in_use.lock_shared()?;
    let shape = if directory.join("partial").exists() { Shape::Partial } else { Shape::Whole };
    let objects = Objects::open(&directory.join("objects"), limits.file_bytes_max, in_use)?;
    Ok(Arc::new(Generation { directory: directory.to_owned(), shape, objects: Arc::new(objects) }))
}

/// Makes an empty generation and opens it.
pub(super) fn make(directory: &Path, shape: Shape, limits: &Limits) -> io::Result<Arc<Generation>> {
    // The shape of a bare repository, so that people can look into it with git.
    for part in ["objects/pack", "objects/info", "refs"] {
        fs::create_dir_all(directory.join(part))?;
    }
    fs::write(directory.join("HEAD"), "ref: refs/heads/main\n")?;
    fs::write(directory.join("config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n")?;
    if shape == Shape::Partial {
        fs::write(directory.join("partial"), "files come when they are read\n")?;
    }
    open(directory, limits)
}

/// The directories of all generations of a cache, in use or not.
pub(super) fn all(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_name) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// True for `g-<number>`.
pub(super) fn is_name(name: &str) -> bool {
    name.strip_prefix("g-").is_some_and(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit()))
}

/// Removes a generation unless a process reads it; what stays goes the next time.
pub(super) fn remove_unused(directory: &Path) {
    if let Some(_unused) = claim(directory) {
        let _ = fs::remove_dir_all(directory);
    }
}

/// Takes a generation that nobody reads, so that nobody begins to; `None` when somebody does.
pub(super) fn claim(directory: &Path) -> Option<File> {
    let file = in_use(directory).ok()?;
    file.try_lock().ok().map(|()| file)
}

fn in_use(directory: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).open(directory.join("in-use"))
}

/// Writes a file so that readers see the old or the new content.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix("new-").tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.persist(path).map_err(|it| it.error)?;
    Ok(())
}
