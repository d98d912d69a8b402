//! What digests stand for, kept in memory and on disk.
//!
//! A cache, never truth: a file that is not as we write it is as good as none, and deleting all of them costs requests.
//!
//! `<dir>/facts-1/<two digits>/<digest>` holds a line with a checksum, then JSON; `repositories/<hash>` says that tags of a
//! repository were resolved. Files come by a rename. Beyond a number or bytes the oldest go.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use promoter_core::discovery::Platform;
use promoter_core::{Digest, ImageDigest, Repository, UnixSeconds};
use serde_json::{Value, json};

use super::facts::Node;
use super::manifest::annotations;
use super::options::read_text;

/// The folder of this version; another version leaves it alone.
const FOLDER: &str = "facts-1";
/// Bounds of the folder.
const BOUND: Bound = Bound { files: 100_000, bytes: 256 << 20 };
/// After so many new files the bounds are looked at.
const WRITES_BETWEEN: usize = 1_000;
/// Larger ones are not kept: somebody wrote books into labels.
const FILE_BYTES_MAX: usize = 256 << 10;
/// So many are kept in memory.
const NODES_MAX: usize = 20_000;

#[derive(Debug, Clone, Copy)]
struct Bound {
    files: usize,
    bytes: u64,
}

/// What is known by digest.
#[derive(Debug)]
pub(super) struct FactsCache {
    root: Option<PathBuf>,
    memory: Mutex<HashMap<ImageDigest, Arc<Node>>>,
    writes: AtomicUsize,
}

impl FactsCache {
    /// Makes the folder. `Err` says which could not be made, and why.
    pub(super) fn open(dir: Option<PathBuf>) -> Result<Self, (PathBuf, io::Error)> {
        let root = dir.map(|it| it.join(FOLDER));
        if let Some(root) = &root {
            std::fs::create_dir_all(root).map_err(|error| (root.clone(), error))?;
            sweep(root, BOUND);
        }
        Ok(Self { root, memory: Mutex::default(), writes: AtomicUsize::new(0) })
    }

    /// True when tags of a repository were resolved before, and the facts are most likely here.
    pub(super) fn was_read(&self, repository: &Repository) -> bool {
        self.root.as_ref().is_some_and(|root| mark(root, repository).exists())
    }

    /// Keeps in mind that tags of a repository were resolved.
    pub(super) async fn mark_read(&self, repository: &Repository) {
        let Some(path) = self.root.as_ref().map(|root| mark(root, repository)) else { return };
        // It only saves requests, so that a failure is no news.
        let _ = tokio::task::spawn_blocking(move || write(&path, "")).await;
    }

    /// What is known in memory.
    pub(super) fn known(&self, digest: &ImageDigest) -> Option<Arc<Node>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }

    /// What is known at all.
    pub(super) async fn get(&self, digest: &ImageDigest) -> Option<Arc<Node>> {
        if let Some(node) = self.known(digest) {
            return Some(node);
        }
        let path = path(self.root.as_ref()?, digest);
        let node = tokio::task::spawn_blocking(move || read(&path)).await.ok()??;
        let node = Arc::new(node);
        self.remember(digest, &node);
        Some(node)
    }

    /// Keeps it. What cannot be written is asked for again after a restart.
    pub(super) async fn put(&self, digest: &ImageDigest, node: &Arc<Node>) {
        self.remember(digest, node);
        let Some(root) = self.root.clone() else { return };
        let (path, text) = (path(&root, digest), text(node));
        if text.len() > FILE_BYTES_MAX {
            return;
        }
        let many = self.writes.fetch_add(1, Ordering::Relaxed) % WRITES_BETWEEN == WRITES_BETWEEN - 1;
        let written = tokio::task::spawn_blocking(move || {
            let written = write(&path, &text);
            if many {
                sweep(&root, BOUND);
            }
            written
        });
        match written.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the cache of registries cannot be written"),
            Err(error) => tracing::warn!(%error, "the cache of registries was not written"),
        }
    }

    fn remember(&self, digest: &ImageDigest, node: &Arc<Node>) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.len() >= NODES_MAX {
            // Rare, and what is forgotten is on disk.
            memory.clear();
        }
        memory.insert(digest.clone(), node.clone());
    }
}

fn path(root: &Path, digest: &ImageDigest) -> PathBuf {
    let name = digest.as_str().replace(':', "-");
    let start = name.find('-').map_or(0, |it| it + 1);
    root.join(&name[start..start + 2]).join(name)
}

fn mark(root: &Path, repository: &Repository) -> PathBuf {
    root.join("repositories").join(Digest::of(repository.to_string().as_bytes()).hex())
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path).map(drop).map_err(|it| it.error)
}

fn read(path: &Path) -> Option<Node> {
    let text = read_text(path).ok()?;
    let (checksum, body) = text.split_once('\n')?;
    (checksum == Digest::of(body.as_bytes()).as_str()).then_some(())?;
    node(&serde_json::from_str(body).ok()?)
}

fn text(node: &Node) -> String {
    let body = match node {
        Node::Index { annotations, images } => json!({
            "annotations": annotations,
            "images": images.iter().map(|(digest, platform)| json!([digest.as_str(), platform.to_string()])).collect::<Vec<_>>(),
        }),
        Node::Image { annotations, platform, created, labels } => json!({
            "annotations": annotations,
            "platform": platform.as_ref().map(ToString::to_string),
            "created": created.map(|it| it.0),
            "labels": labels,
        }),
    };
    let body = body.to_string();
    format!("{}\n{body}", Digest::of(body.as_bytes()))
}

fn node(body: &Value) -> Option<Node> {
    let annotations = |name: &str| -> BTreeMap<String, String> { annotations(&body[name]) };
    if let Some(images) = body.get("images") {
        let image = |it: &Value| {
            let platform: Platform = it[1].as_str()?.parse().ok()?;
            Some((it[0].as_str()?.parse().ok()?, platform))
        };
        let images = images.as_array()?.iter().map(image).collect::<Option<_>>()?;
        return Some(Node::Index { annotations: annotations("annotations"), images });
    }
    let platform = match &body["platform"] {
        Value::Null => None,
        said => Some(said.as_str()?.parse().ok()?),
    };
    Some(Node::Image {
        annotations: annotations("annotations"),
        platform,
        created: body["created"].as_i64().map(UnixSeconds),
        labels: annotations("labels"),
    })
}

/// Removes the oldest files until nine tenths of the bound are left, if there are more than it allows. Whatever cannot be
/// looked at or removed is left.
fn sweep(root: &Path, bound: Bound) {
    let below = |path: &Path| std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut files: Vec<(SystemTime, u64, PathBuf)> = below(root)
        .flat_map(|folder| below(&folder.path()).collect::<Vec<_>>())
        .filter_map(|file| {
            let about = file.metadata().ok()?;
            Some((about.modified().ok()?, about.len(), file.path()))
        })
        .collect();
    let mut bytes: u64 = files.iter().map(|it| it.1).sum();
    let mut left = files.len();
    if left <= bound.files && bytes <= bound.bytes {
        return;
    }
    files.sort();
    for (_, size, path) in files {
        if left <= bound.files / 10 * 9 && bytes <= bound.bytes / 10 * 9 {
            return;
        }
        if std::fs::remove_file(path).is_ok() {
            left -= 1;
            bytes -= size;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(first: char) -> ImageDigest {
        format!("sha256:{first}{}", "0".repeat(63)).parse().unwrap()
    }

    fn nodes() -> [Node; 3] {
        let words = BTreeMap::from([("a".to_owned(), "b\n\"c".to_owned())]);
        let platform: Platform = "linux/arm64/v8".parse().unwrap();
        let images = vec![(digest('1'), platform.clone())];
        [
            Node::Index { annotations: words.clone(), images },
            Node::Image {
                annotations: BTreeMap::new(),
                platform: Some(platform),
                created: Some(UnixSeconds(-5)),
                labels: words,
            },
            Node::Image {
                annotations: BTreeMap::new(),
                platform: None,
                created: None,
                labels: BTreeMap::new(),
            },
        ]
    }

    #[tokio::test]
    async fn what_was_kept_is_there_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let open = || FactsCache::open(Some(directory.path().to_owned())).unwrap();
        for (node, name) in nodes().into_iter().zip(['a', 'b', 'c']) {
            let node = Arc::new(node);
            open().put(&digest(name), &node).await;
            assert_eq!(open().get(&digest(name)).await, Some(node));
        }
        assert_eq!(open().get(&digest('d')).await, None);
    }

    #[tokio::test]
    async fn a_broken_file_is_none_and_is_written_again() {
        let directory = tempfile::tempdir().unwrap();
        let open = || FactsCache::open(Some(directory.path().to_owned())).unwrap();
        let [_, node, _] = nodes().map(Arc::new);
        open().put(&digest('a'), &node).await;
        let path = path(&directory.path().join(FOLDER), &digest('a'));
        let whole = std::fs::read_to_string(&path).unwrap();
        for broken in
            ["", "{}", &whole[..whole.len() - 1], &whole.replace("-5", "-6"), &whole.replace('\n', "")]
        {
            std::fs::write(&path, broken).unwrap();
            assert_eq!(open().get(&digest('a')).await, None, "{broken}");
        }
        open().put(&digest('a'), &node).await;
        assert_eq!(open().get(&digest('a')).await, Some(node));
    }

    #[test]
    fn the_oldest_files_go() {
        let directory = tempfile::tempdir().unwrap();
        let file = |number: u64| directory.path().join(format!("{}", number % 3)).join(number.to_string());
        for number in 0..20_u64 {
            write(&file(number), "0123456789").unwrap();
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(number);
            std::fs::File::open(file(number)).unwrap().set_modified(time).unwrap();
        }
        let left = || (0..20_u64).filter(|it| file(*it).exists()).collect::<Vec<_>>();
        sweep(directory.path(), Bound { files: 20, bytes: 200 });
        assert_eq!(left().len(), 20);
        sweep(directory.path(), Bound { files: 10, bytes: 200 });
        assert_eq!(left(), (11..20).collect::<Vec<_>>());
        sweep(directory.path(), Bound { files: 10, bytes: 50 });
        assert_eq!(left(), (16..20).collect::<Vec<_>>());
    }
}
