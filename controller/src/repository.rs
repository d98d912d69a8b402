//! One repository as the controller sees it: its refs at one moment, and what the commits behind them hold.
//!
//! Reads only. Everything here is a function of object ids, so nothing that was read once grows old.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use promoter_core::observation::Unread;
use promoter_core::pipeline::{Environment, Pipeline};
use promoter_core::record::{Records, STATE_BRANCH};
use promoter_core::{CommitId, Diagnosis, GitUrl, Name, Place, PromotionLock, one_line};
use promoter_kustomize::{FileError, FileKind, Files};
use promoter_render::{ChartCall, MANIFEST_FILE, PinnedSource, World, read_manifest};
use promoter_signatures::SigningKey;
use promoter_sources::git::wire::Remote;
use promoter_sources::git::{Credentials, GitCache, GitError, RemoteRefs, RepoUrl, Scheme, TagRef};
use promoter_sources::helm::{Helm, HelmLimits};

use crate::settings::Settings;

/// The notes of hydrated commits, as Argo CD and GitOps Promoter read them.
pub const NOTES_REF: &str = "refs/notes/hydrator.metadata";

/// The largest lock or record that is read.
const TEXT_BYTES_MAX: usize = 4 << 20;

/// The folder of the caches that discovery fills, below that of the others.
const DISCOVERY_FOLDER: &str = "discovery";

/// A repository and its object cache.
#[derive(Debug, Clone)]
pub struct Repository {
    /// Its objects.
    pub cache: GitCache,
    /// Its address as freight names it.
    pub url: GitUrl,
    settings: Arc<Settings>,
    helm: Arc<Helm>,
    signer: Option<Arc<SigningKey>>,
}

impl Repository {
    /// Opens the repository's cache. Talks to no server.
    pub fn open(settings: Settings) -> Result<Self, Diagnosis> {
        let cache = open(&settings, &settings.url, settings.credentials.clone())
            .map_err(|error| error.diagnosis())?;
        let text = settings.url.to_string();
        let url = text.parse::<GitUrl>().map_err(|error| Diagnosis::input("git-url", error))?;
        let helm =
            Arc::new(Helm::new(settings.helm.clone(), HelmLimits::default(), settings.registries.clone()));
        Ok(Self { cache, url, settings: Arc::new(settings), helm, signer: None })
    }

    /// The same, with a key that signs what is written to it.
    #[must_use]
    pub fn signed_by(self, signer: Option<Arc<SigningKey>>) -> Self {
        Self { signer, ..self }
    }

    /// What signs the commits that are written to it.
    pub fn signer(&self) -> Option<&Arc<SigningKey>> {
        self.signer.as_ref()
    }

    /// What forges will say about the key: they find it by the committer's mail address.
    pub fn doubt(&self) -> Option<Diagnosis> {
        let email = &self.settings.identity.email;
        let key = self.signer.as_ref().filter(|it| !it.may_speak_for(email))?;
        let cause = format!("the key `{}` has no user id with the address `{email}`", key.fingerprint());
        Some(Diagnosis::input("signing-key-identity", cause).hint(
            "forges will not call these commits verified: give the address of the key with `--author-email`, or add a user id",
        ))
    }

    /// As whom, and from which branch.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Credentials belong to one repository; another one gets those that the file, or a helper, has for it.
    fn credentials_elsewhere(&self, url: &RepoUrl) -> Result<Credentials, GitError> {
        let stored = match &self.settings.credentials_file {
            Some(file) => Credentials::stored(file, url)?,
            None => Credentials::None,
        };
        Ok(match (stored, &self.settings.credentials) {
            (Credentials::None, Credentials::Helper(helper)) => Credentials::Helper(helper.afresh()),
            (stored, _) => stored,
        })
    }

    /// The object cache of another repository.
    pub(crate) fn elsewhere(&self, url: &RepoUrl) -> Result<GitCache, GitError> {
        self.credentials_elsewhere(url).and_then(|credentials| open(&self.settings, url, credentials))
    }

    /// The object cache of another repository of which commits and tags are read and hardly any file.
    pub(crate) fn discovered(&self, url: &RepoUrl) -> Result<GitCache, GitError> {
        let credentials = self.credentials_elsewhere(url)?;
        let settings = &self.settings;
        let remote = Remote::new(url, credentials, settings.limits.clone()).over(&settings.transport);
        GitCache::bare(&settings.cache_root, DISCOVERY_FOLDER, remote)
    }

    /// The files of a folder in a commit; `None` when the commit has no such folder.
    fn folder(&self, commit: &CommitId, folder: &str) -> Result<Option<impl Files + use<>>, GitError> {
        match self.cache.tree(commit, folder) {
            Ok(tree) => Ok(Some(tree)),
            // Something else in its place is no absence: what belongs there may have been lost.
            Err(GitError::NoDirectory { .. }) if self.cache.tree(commit, "")?.kind(folder).is_none() => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The text of the lock at a path in a commit of one of an environment's branches.
    pub fn lock_text(&self, commit: &CommitId, path: &str) -> Result<Option<String>, Diagnosis> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Some(files) = self.folder(commit, folder).map_err(|error| error.diagnosis())? else {
            return Ok(None);
        };
        match files.read(name) {
            Ok(bytes) => String::from_utf8(bytes.to_vec()).map(Some).map_err(|_| {
                Diagnosis::input("lock-not-text", format!("`{path}` in commit `{commit}` is not UTF-8"))
            }),
            Err(FileError::Missing(_)) => Ok(None),
            Err(error) => Err(Diagnosis::upstream("lock-unreadable", format!("`{path}`: {error}"))),
        }
    }

    /// The lock at a path, which the head of an environment's branch holds for a pipeline.
    pub(crate) fn lock(
        &self,
        commit: &CommitId,
        branch: &str,
        pipeline: &Pipeline,
        environment: &Environment,
        path: &str,
    ) -> Result<Option<PromotionLock>, Diagnosis> {
        let on_branch = |it: Diagnosis| Diagnosis { cause: format!("{} on `{branch}`", it.cause), ..it };
        let Some(text) = self.lock_text(commit, path).map_err(on_branch)? else {
            return Ok(None);
        };
        let lock = PromotionLock::parse(&text, path).map_err(|error| on_branch(error.diagnosis()))?;
        if lock.pipeline != pipeline.name || lock.environment != environment.name {
            let cause = format!("the lock is that of `{}` in `{}`", lock.environment, lock.pipeline);
            return Err(on_branch(Diagnosis::input("lock-of-another", cause).at(Place::new(path, 0)))
                .hint("take the commit back that brought it there"));
        }
        self.check_manifests(commit, path, &lock).map_err(on_branch)?;
        Ok(Some(lock))
    }

    /// Holds the manifests beside a lock against its digest. A hand that changed them is reported, not fought: the
    /// environment stands still until a person has looked.
    fn check_manifests(
        &self,
        commit: &CommitId,
        lock_path: &str,
        lock: &PromotionLock,
    ) -> Result<(), Diagnosis> {
        let Some(locked) = &lock.render.digest else {
            return Ok(());
        };
        let tree = self.cache.tree(commit, "").map_err(|error| error.diagnosis())?;
        let path = match lock_path.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/{MANIFEST_FILE}"),
            None => MANIFEST_FILE.to_owned(),
        };
        read_manifest(&tree, &path, locked).map(drop).map_err(|error| error.diagnosis())
    }

    /// Who wrote a commit, by mail; `None` where it cannot be read or does not say.
    pub fn author(&self, commit: &CommitId) -> Option<String> {
        let author = self.cache.commit(commit).ok()?.author.email;
        // Records hold one line.
        Some(one_line(&author)).filter(|it| !it.is_empty())
    }

    /// The records of one pipeline in a commit of the state branch.
    pub fn records(&self, state: &CommitId, pipeline: &Name) -> Result<Records, Unread> {
        let unread = |why: String| Unread::new(STATE_BRANCH, why);
        let mut records = Records::default();
        let folder =
            self.folder(state, pipeline.as_str()).map_err(|error| unread(error.diagnosis().to_string()))?;
        if let Some(files) = folder {
            put_all(&files, "", pipeline, &mut records).map_err(|error| unread(error.to_string()))?;
        }
        Ok(records)
    }
}

fn open(settings: &Settings, url: &RepoUrl, credentials: Credentials) -> Result<GitCache, GitError> {
    let remote = Remote::new(url, credentials, settings.limits.clone()).over(&settings.transport);
    GitCache::of(&settings.cache_root, "", remote)
}

/// The text of a record's file. One that is too large is there and says nothing that can be read.
pub(crate) fn record_text(bytes: &[u8]) -> Cow<'_, str> {
    if bytes.len() > TEXT_BYTES_MAX { "".into() } else { String::from_utf8_lossy(bytes) }
}

fn put_all(
    files: &dyn Files,
    directory: &str,
    pipeline: &Name,
    records: &mut Records,
) -> Result<(), FileError> {
    for name in files.list(directory)? {
        let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
        match files.kind(&path) {
            Some(FileKind::Directory) => put_all(files, &path, pipeline, records)?,
            Some(FileKind::File) => {
                records.put(&format!("{pipeline}/{path}"), &record_text(&files.read(&path)?));
            }
            // A link out of the tree or a submodule: it is there and says nothing that can be read.
            None => records.put(&format!("{pipeline}/{path}"), ""),
        }
    }
    Ok(())
}

impl World for Repository {
    fn tree(&self, source: &PinnedSource) -> Result<Arc<dyn Files>, Diagnosis> {
        let tree = if source.url.normal() == self.url.normal() {
            self.cache.tree(&source.commit, "")
        } else {
            let url: RepoUrl = source.url.as_str().parse().map_err(|error: GitError| error.diagnosis())?;
            if url.scheme() == Scheme::File {
                // A lock is no way to other directories of this machine.
                let cause =
                    format!("`{url}` is a directory of this machine, and not the repository of the pipeline");
                return Err(Diagnosis::input("git-local-elsewhere", cause));
            }
            self.elsewhere(&url).and_then(|cache| cache.tree(&source.commit, ""))
        };
        Ok(Arc::new(tree.map_err(|error| error.diagnosis())?))
    }

    fn template(&self, call: &ChartCall<'_>) -> Result<String, Diagnosis> {
        self.helm.template(call)
    }
}

/// The refs of a repository that matter here, at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refs {
    /// The dry branch's name and head.
    pub dry: Option<(String, CommitId)>,
    branches: BTreeMap<String, CommitId>,
    /// The head of the notes.
    pub notes: Option<CommitId>,
    /// The tags, where a pipeline chooses among them.
    pub tags: Arc<BTreeSet<TagRef>>,
}

impl Refs {
    /// Picks what matters out of a server's answer.
    pub fn of(remote: RemoteRefs, dry_branch: Option<&str>) -> Self {
        let name = |full: &str| full.strip_prefix("refs/heads/").map(str::to_owned);
        let dry = match dry_branch {
            Some(branch) => {
                remote.tips.get(&format!("refs/heads/{branch}")).map(|head| (branch.to_owned(), head.clone()))
            }
            None => remote.default_branch.as_deref().and_then(|full| {
                let head = remote.tips.get(full).or_else(|| remote.tips.get("HEAD"))?;
                Some((name(full)?, head.clone()))
            }),
        };
        let notes = remote.tips.get(NOTES_REF).cloned();
        let tags = Arc::new(remote.tags().collect());
        let branches =
            remote.tips.into_iter().filter_map(|(full, head)| Some((name(&full)?, head))).collect();
        Self { dry, branches, notes, tags }
    }

    /// Without the branches that nobody asked for.
    pub(crate) fn only(mut self, wanted: impl Fn(&str) -> bool) -> Self {
        let dry = self.dry.as_ref().map(|(name, _)| name.as_str());
        self.branches.retain(|name, _| wanted(name) || name == STATE_BRANCH || dry == Some(name.as_str()));
        self
    }

    /// The head of a branch.
    pub fn branch(&self, name: &str) -> Option<&CommitId> {
        self.branches.get(name)
    }

    /// Takes in that a ref was moved.
    pub(crate) fn moved(&mut self, full_name: &str, head: CommitId) {
        match full_name.strip_prefix("refs/heads/") {
            Some(branch) => {
                if let Some((_, dry)) = self.dry.as_mut().filter(|(name, _)| name == branch) {
                    *dry = head.clone();
                }
                self.branches.insert(branch.to_owned(), head);
            }
            None if full_name == NOTES_REF => self.notes = Some(head),
            None => {}
        }
    }

    /// The head of the state branch.
    pub fn state(&self) -> Option<&CommitId> {
        self.branch(STATE_BRANCH)
    }
}

/// The fewest prefixes that cover the full names of refs. Where one directory holds very many of them it is asked for as a
/// whole, since servers compare every ref with every prefix; others' refs in it are passed over when they come.
pub(crate) fn cover<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_unstable();
    let mut cover = shortest(names);
    let mut at = 0;
    while let Some(name) = cover.get(at) {
        let directory = name.rfind('/').map_or("", |end| &name[..=end]);
        let same = cover[at..].iter().take_while(|it| it.starts_with(directory)).count();
        // The directories of all branches are never asked for as a whole.
        if same > SAME_DIRECTORY_MAX && directory.matches('/').count() > 2 {
            cover.splice(at..at + same, [directory]);
        }
        at += 1;
    }
    shortest(cover)
}

/// So many names of one directory are asked for one by one.
const SAME_DIRECTORY_MAX: usize = 32;

/// Sorted names without those that begin with another.
fn shortest(sorted: Vec<&str>) -> Vec<&str> {
    let mut shortest: Vec<&str> = Vec::new();
    for name in sorted {
        if !shortest.last().is_some_and(|it| name.starts_with(it)) {
            shortest.push(name);
        }
    }
    shortest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_cover_all_names_and_no_directory_of_all_branches() {
        let names: Vec<String> = (0..40)
            .flat_map(|it| [format!("refs/heads/env/dev-next/{it}"), format!("refs/heads/flat-{it}")])
            .chain(["refs/heads/env/dev", "refs/heads/env/dev-next/0/x"].map(Into::into))
            .chain((0..40).map(|it| format!("refs/heads/next/a/{it:02}")))
            .collect();
        let found = cover(names.iter().map(String::as_str));
        assert!(names.iter().all(|name| found.iter().any(|it| name.starts_with(it))), "{found:?}");
        assert!(found.contains(&"refs/heads/env/dev") && found.contains(&"refs/heads/next/a/"), "{found:?}");
        assert!(!found.contains(&"refs/heads/") && !found.contains(&""), "{found:?}");
    }
}
