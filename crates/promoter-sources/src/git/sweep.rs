//! Keeps all object caches below one root within a bound: the least recently used ones go.
//!
//! Decides what goes and in which order. A cache that a process has open stays, and so does one that is being written to.
//! The contract stands at the top of [`super`].

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::generation;
use super::store::{last_use, try_lock};

/// Directories that are on their way out begin so. What a killed process left of them goes with the next sweep.
const GONE: &str = "gone-";
/// The length of a cache's name, in hexadecimal digits.
const NAME_DIGITS: usize = 40;

/// One cache below the root.
struct Found {
    directory: PathBuf,
    used: SystemTime,
    bytes: u64,
}

/// Removes caches until the rest is within the bound. Whatever cannot be read or removed stays: the next one tries again.
pub(super) fn sweep(root: &Path, bytes_max: u64) {
    let mut caches = Vec::new();
    // Caches lie below the root, or below a folder for each owner.
    collect(root, 1, &mut caches);
    let mut total: u64 = caches.iter().map(|it| it.bytes).sum();
    caches.sort_by_key(|it| it.used);
    for cache in caches {
        if total <= bytes_max {
            return;
        }
        if let Ok(true) = remove(&cache.directory) {
            tracing::info!(cache = %cache.directory.display(), bytes = cache.bytes, "object cache was not used for longest, removed");
            total = total.saturating_sub(cache.bytes);
        }
    }
}

/// Finds the caches in a directory and so many levels of folders; removes what is on its way out.
fn collect(directory: &Path, levels: usize, caches: &mut Vec<Found>) {
    for directory in directories(directory) {
        match Kind::of(&directory) {
            Kind::Cache => {
                let (used, bytes) = (last_use(&directory), bytes_below(&directory));
                caches.push(Found { directory, used, bytes });
            }
            Kind::Gone => drop(fs::remove_dir_all(directory)),
            Kind::Other if levels > 0 => collect(&directory, levels - 1, caches),
            Kind::Other => {}
        }
    }
}

/// What a directory below the root is.
enum Kind {
    Cache,
    Gone,
    Other,
}

impl Kind {
    fn of(directory: &Path) -> Self {
        let name = directory.file_name().and_then(|it| it.to_str()).unwrap_or_default();
        let is_name = |it: &str| it.len() == NAME_DIGITS && it.bytes().all(|it| it.is_ascii_hexdigit());
        match name.strip_prefix(GONE) {
            Some(name) if is_name(name) => Self::Gone,
            None if is_name(name) => Self::Cache,
            _ => Self::Other,
        }
    }
}

/// Removes a cache unless somebody uses it. At any moment it is there whole or not at all.
fn remove(directory: &Path) -> io::Result<bool> {
    let Some(_lock) = try_lock(directory)? else {
        return Ok(false);
    };
    let mut claimed = Vec::new();
    for generation in generation::all(directory)? {
        match generation::claim(&generation) {
            Some(unused) => claimed.push(unused),
            None => return Ok(false),
        }
    }
    let name = directory.file_name().and_then(|it| it.to_str()).unwrap_or_default();
    let gone = directory.with_file_name(format!("{GONE}{name}"));
    fs::rename(directory, &gone)?;
    fs::remove_dir_all(gone)?;
    Ok(true)
}

fn directories(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    entries.filter(|it| it.file_type().is_ok_and(|it| it.is_dir())).map(|it| it.path()).collect()
}

fn bytes_below(directory: &Path) -> u64 {
    let mut bytes = 0;
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        bytes += match entry.metadata() {
            Ok(found) if found.is_dir() => bytes_below(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        };
    }
    bytes
}
