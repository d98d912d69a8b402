//! A repository on this machine, read where it is.
//!
//! Moves refs and objects straight from its files; copies nothing and starts no program, unless the refs are kept as a
//! reftable. Its configuration is read for the format of the repository only: nothing in it is run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::objects::{Objects, commit_id};
use super::wire::Remote;
use super::{GitError, RemoteRefs, refs};

/// An open repository on this machine.
#[derive(Debug)]
pub(super) struct Local {
    path: PathBuf,
    url: String,
    refs_max: usize,
    objects: Arc<Objects>,
    /// How refs are asked for that do not lie in files of their own: through the installed git.
    through_git: Option<Box<Remote>>,
}

impl Local {
    /// Opens the repository: a bare one, or a work tree with its `.git`.
    pub(super) fn open(path: &Path, remote: &Remote) -> Result<Self, GitError> {
        let url = remote.url.to_string();
        let repository = open(path, url.clone())?;
        let extension = |name: &str| repository.config_snapshot().string(&format!("extensions.{name}"));
        if let Some(format) = extension("objectFormat").filter(|it| *it != "sha1") {
            let what = format!("names its objects by {format}, and only SHA-1 is supported");
            return Err(GitError::Unsupported { url, what });
        }
        let in_files = extension("refStorage").is_none_or(|it| it == "files");
        let directory = repository.common_dir().join("objects");
        let objects = Objects::open(&directory, remote.limits.file_bytes_max, ())
            .map_err(|it| GitError::Cache { path: directory.display().to_string(), why: it.to_string() })?;
        Ok(Self {
            path: path.to_owned(),
            url,
            refs_max: remote.limits.refs_max,
            objects: Arc::new(objects),
            through_git: (!in_files).then(|| Box::new(remote.clone())),
        })
    }

    /// Its objects.
    pub(super) fn objects(&self) -> Arc<Objects> {
        self.objects.clone()
    }

    /// Its refs as they are now. A ref that points to nothing is passed over, as servers do.
    pub(super) fn refs(&self, prefixes: &[&str]) -> Result<RemoteRefs, GitError> {
        if let Some(remote) = &self.through_git {
            return refs::ls_refs(remote, prefixes);
        }
        let repository = open(&self.path, self.url.clone())?;
        let failed = |why: String| GitError::Cache { path: self.path.display().to_string(), why };
        let mut found = RemoteRefs::default();
        let refs = repository.references().map_err(|it| failed(it.to_string()))?;
        for reference in refs.all().map_err(|it| failed(it.to_string()))? {
            let mut reference = reference.map_err(|it| failed(it.to_string()))?;
            let name = reference.name().as_bstr().to_string();
            if !prefixes.iter().any(|it| name.starts_with(it)) {
                continue;
            }
            let object = reference.try_id().and_then(|it| commit_id(&it));
            if let Some(id) = reference.peel_to_id().ok().and_then(|it| commit_id(&it)) {
                if let Some(object) = object.filter(|it| *it != id) {
                    found.tag_objects.insert(name.clone(), object);
                }
                found.tips.insert(name, id);
            }
            if found.tips.len() > self.refs_max {
                let limit = self.refs_max as u64;
                return Err(GitError::TooLarge { what: "the number of refs", url: self.url.clone(), limit });
            }
        }
        let mut head = repository.head().map_err(|it| failed(it.to_string()))?;
        found.default_branch = head.referent_name().map(|it| it.as_bstr().to_string());
        if let Some(id) = head.try_peel_to_id().ok().flatten().and_then(|it| commit_id(&it)) {
            found.tips.insert("HEAD".into(), id);
        }
        Ok(found)
    }
}

fn open(path: &Path, url: String) -> Result<gix::Repository, GitError> {
    let options = gix::open::Options::isolated().strict_config(false);
    gix::open_opts(path, options).map_err(|it| match it.is_unsupported() {
        true => GitError::Unsupported { url, what: format!("is of another format: {}", it.probable_cause()) },
        false => GitError::NoRepository { url, answer: it.to_string() },
    })
}
