//! Indexes, digests and archives on the disk.
//!
//! A cache, never truth: what is not as we write it is as good as none, and deleting all of it costs requests.
//!
//! `<dir>/charts-1/<hash of the address>/` holds `known` (JSON: address, validators, name and size of the file) and the file
//! that it names; `<dir>/charts-1/digests/<hash of what it is of>` one digest; `<dir>/charts-1/archives/<digest>` an archive that
//! a lock pins. Files come by a rename, and `known` after its file, so that it never speaks of another one. Several processes may
//! write at the same time. Beyond a number of bytes what was written first goes.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use promoter_core::Digest;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::{NamedTempFile, TempDir};

use super::ChartError;
use super::archive::ARCHIVE_BYTES_MAX;
use crate::registry::download::Validators;

/// The folder of this version; another version leaves it alone.
const FOLDER: &str = "charts-1";
const DIGESTS: &str = "digests";
const ARCHIVES: &str = "archives";
const KNOWN: &str = "known";
/// Of all indexes.
const BYTES_MAX: u64 = 1 << 30;
const DIGESTS_MAX: usize = 10_000;
/// Of all archives.
const ARCHIVES_BYTES_MAX: u64 = 256 << 20;
/// The largest `known` that is read.
const KNOWN_BYTES_MAX: u64 = 64 << 10;

/// Where they lie.
#[derive(Debug)]
pub(super) struct Store {
    root: PathBuf,
    /// Holds the directory for the client's life, where no other was given.
    _own: Option<TempDir>,
}

/// An index on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) file: PathBuf,
    pub(super) validators: Validators,
}

impl Store {
    pub(super) fn open(dir: Option<PathBuf>) -> Result<Self, ChartError> {
        let (root, own) = match dir {
            Some(dir) => (dir.join(FOLDER), None),
            None => {
                let own = tempfile::Builder::new().prefix("promoter-charts-").tempdir();
                let own = own.map_err(|error| cannot(&std::env::temp_dir(), &error))?;
                (own.path().to_owned(), Some(own))
            }
        };
        for folder in [DIGESTS, ARCHIVES] {
            fs::create_dir_all(root.join(folder)).map_err(|error| cannot(&root, &error))?;
        }
        sweep(&root);
        Ok(Self { root, _own: own })
    }

    /// What is known of an index from before.
    pub(super) fn index(&self, url: &str) -> Option<Kept> {
        let folder = self.root.join(hash(url));
        let path = folder.join(KNOWN);
        fs::metadata(&path).ok().filter(|it| it.len() <= KNOWN_BYTES_MAX)?;
        let known: Value = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
        let name = known["file"].as_str().filter(|it| is_file_name(it))?;
        let file = folder.join(name);
        let bytes = fs::metadata(&file).ok().filter(fs::Metadata::is_file)?.len();
        let text = |key: &str| known[key].as_str().map(str::to_owned);
        let validators = Validators { etag: text("etag"), last_modified: text("lastModified") };
        (known["url"] == url && known["bytes"] == bytes).then_some(Kept { file, validators })
    }

    /// A file that an index is written to.
    pub(super) fn incoming(&self, url: &str) -> io::Result<NamedTempFile> {
        let folder = self.root.join(hash(url));
        fs::create_dir_all(&folder).and_then(|()| NamedTempFile::new_in(&folder))
    }

    /// Puts it in the place of the one before.
    pub(super) fn keep_index(
        &self,
        url: &str,
        incoming: NamedTempFile,
        validators: Validators,
    ) -> Result<Kept, ChartError> {
        self.put_index(url, incoming, validators).map_err(|error| self.failed(&error))
    }

    fn put_index(&self, url: &str, incoming: NamedTempFile, validators: Validators) -> io::Result<Kept> {
        let folder = self.root.join(hash(url));
        let bytes = incoming.as_file().metadata()?.len();
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let name = format!("index-{}-{}", since.as_nanos(), std::process::id());
        let file = folder.join(&name);
        incoming.persist(&file)?;
        let known = json!({
            "url": url, "file": name, "bytes": bytes, "etag": validators.etag, "lastModified": validators.last_modified,
        });
        write(&folder.join(KNOWN), known.to_string().as_bytes())?;
        for other in fs::read_dir(&folder)?.filter_map(Result::ok) {
            let other_name = other.file_name();
            let is_old = other_name.to_str().is_some_and(|it| is_file_name(it) && it != name);
            if is_old {
                // Whoever reads it goes on reading.
                let _ = fs::remove_file(other.path());
            }
        }
        Ok(Kept { file, validators })
    }

    /// A digest that was found before.
    pub(super) fn digest(&self, of: &str) -> Option<Digest> {
        let text = fs::read_to_string(self.root.join(DIGESTS).join(hash(of))).ok()?;
        text.trim_end().parse().ok()
    }

    /// Keeps a digest. One that cannot be written is found again after a restart.
    pub(super) fn keep_digest(&self, of: &str, digest: &Digest) {
        let path = self.root.join(DIGESTS).join(hash(of));
        if let Err(error) = write(&path, format!("{digest}\n").as_bytes()) {
            tracing::warn!(%error, "the cache of charts cannot be written");
        }
    }

    /// An archive that was fetched before; its bytes have the digest.
    pub(super) fn archive(&self, digest: &Digest) -> Option<Vec<u8>> {
        let path = self.root.join(ARCHIVES).join(digest.hex());
        fs::metadata(&path).ok().filter(|it| it.len() <= ARCHIVE_BYTES_MAX as u64)?;
        fs::read(path).ok().filter(|it| Digest::of(it) == *digest)
    }

    /// Keeps an archive, where that outlives the client. One that cannot be written is fetched again after a restart.
    pub(super) fn keep_archive(&self, digest: &Digest, bytes: &[u8]) {
        if self._own.is_some() {
            return;
        }
        let folder = self.root.join(ARCHIVES);
        if let Err(error) = write(&folder.join(digest.hex()), bytes) {
            tracing::warn!(%error, "the cache of charts cannot be written");
        }
        sweep_archives(&folder, ARCHIVES_BYTES_MAX);
    }

    pub(super) fn failed(&self, error: &io::Error) -> ChartError {
        cannot(&self.root, error)
    }
}

fn cannot(path: &Path, error: &io::Error) -> ChartError {
    ChartError::Cache { path: path.display().to_string(), why: error.to_string() }
}

fn is_file_name(text: &str) -> bool {
    text.strip_prefix("index-").is_some_and(|it| it.bytes().all(|it| it.is_ascii_digit() || it == b'-'))
}

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(20).map(|it| format!("{it:02x}")).collect()
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(path.parent().unwrap_or(path))?;
    file.write_all(bytes)?;
    file.persist(path).map(drop).map_err(|it| it.error)
}

fn written(path: &Path) -> SystemTime {
    fs::metadata(path).and_then(|it| it.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
}

fn listed(path: &Path) -> Vec<PathBuf> {
    fs::read_dir(path).map(|it| it.filter_map(|it| Some(it.ok()?.path())).collect()).unwrap_or_default()
}

/// Removes the archives beyond a number of bytes, oldest first.
fn sweep_archives(folder: &Path, bytes_max: u64) {
    let mut archives: Vec<(SystemTime, PathBuf)> =
        listed(folder).into_iter().map(|it| (written(&it), it)).collect();
    archives.sort_by(|a, b| b.cmp(a));
    let mut bytes = 0;
    for (_, archive) in archives {
        bytes += fs::metadata(&archive).map_or(0, |it| it.len());
        if bytes > bytes_max {
            let _ = fs::remove_file(&archive);
        }
    }
}

/// Removes what is too much, oldest first. What cannot be removed stays.
fn sweep(root: &Path) {
    sweep_archives(&root.join(ARCHIVES), ARCHIVES_BYTES_MAX);
    let mut folders: Vec<(SystemTime, PathBuf)> = listed(root)
        .into_iter()
        .filter(|it| !it.ends_with(DIGESTS) && !it.ends_with(ARCHIVES))
        .map(|it| (written(&it.join(KNOWN)), it))
        .collect();
    folders.sort_by(|a, b| b.cmp(a));
    let mut bytes = 0;
    for (_, folder) in folders {
        let size = |it: PathBuf| fs::metadata(it).map_or(0, |it| it.len());
        bytes += listed(&folder).into_iter().map(size).sum::<u64>();
        if bytes > BYTES_MAX {
            let _ = fs::remove_dir_all(&folder);
        }
    }
    let mut digests: Vec<(SystemTime, PathBuf)> =
        listed(&root.join(DIGESTS)).into_iter().map(|it| (written(&it), it)).collect();
    digests.sort_by(|a, b| b.cmp(a));
    for (_, digest) in digests.into_iter().skip(DIGESTS_MAX) {
        let _ = fs::remove_file(digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(store: &Store, url: &str, text: &[u8], etag: &str) -> Kept {
        let mut incoming = store.incoming(url).unwrap();
        incoming.write_all(text).unwrap();
        let validators = Validators { etag: Some(etag.into()), last_modified: None };
        store.keep_index(url, incoming, validators).unwrap()
    }

    #[test]
    fn what_is_kept_is_found_again_and_what_is_broken_is_not() {
        let root = TempDir::new().unwrap();
        let store = Store::open(Some(root.path().to_owned())).unwrap();
        assert_eq!(store.index("https://a/index.yaml"), None);
        let first = kept(&store, "https://a/index.yaml", b"one", "1");
        let second = kept(&store, "https://a/index.yaml", b"two", "2");
        let other = kept(&store, "https://b/index.yaml", b"three", "1");
        assert!(!first.file.exists(), "there is one file");
        let store = Store::open(Some(root.path().to_owned())).unwrap();
        assert_eq!(store.index("https://a/index.yaml"), Some(second.clone()));
        assert_eq!(store.index("https://b/index.yaml"), Some(other.clone()));
        fs::write(&second.file, "cut").unwrap();
        assert_eq!(store.index("https://a/index.yaml"), Some(second.clone()), "of the same size");
        fs::write(&second.file, "cu").unwrap();
        assert_eq!(store.index("https://a/index.yaml"), None, "of another size");
        fs::write(other.file.with_file_name(KNOWN), "{").unwrap();
        assert_eq!(store.index("https://b/index.yaml"), None);
    }

    #[test]
    fn archives_are_those_of_their_digest_and_the_oldest_go() {
        let root = TempDir::new().unwrap();
        let store = Store::open(Some(root.path().to_owned())).unwrap();
        let archives = ["one", "two", "three"].map(|it| (Digest::of(it.as_bytes()), it.as_bytes()));
        let folder = root.path().join(FOLDER).join(ARCHIVES);
        for (number, (digest, bytes)) in archives.iter().enumerate() {
            store.keep_archive(digest, bytes);
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(number as u64);
            fs::File::open(folder.join(digest.hex())).unwrap().set_modified(time).unwrap();
        }
        let store = Store::open(Some(root.path().to_owned())).unwrap();
        let there = || archives.each_ref().map(|(digest, _)| store.archive(digest).is_some());
        assert_eq!(there(), [true; 3]);
        assert_eq!(store.archive(&archives[0].0).unwrap(), archives[0].1);
        sweep_archives(&folder, 8);
        assert_eq!(there(), [false, true, true]);
        fs::write(folder.join(archives[1].0.hex()), "twp").unwrap();
        assert_eq!(there(), [false, false, true]);
        store.keep_archive(&archives[1].0, archives[1].1);
        assert_eq!(there(), [false, true, true], "a broken one is written again");
    }

    #[test]
    fn digests_are_kept() {
        let root = TempDir::new().unwrap();
        let store = Store::open(Some(root.path().to_owned())).unwrap();
        let digest = Digest::of(b"x");
        store.keep_digest("one", &digest);
        assert_eq!((store.digest("one"), store.digest("two")), (Some(digest), None));
        fs::write(root.path().join(FOLDER).join(DIGESTS).join(hash("one")), "sha256:").unwrap();
        assert_eq!(store.digest("one"), None);
    }
}
