//! Objects that are being made: in memory until they are pushed.
//!
//! Moves bytes to objects with the ids that git itself would give them. Decides nothing about their content.

use std::collections::BTreeMap;
use std::sync::Arc;

use gix::ObjectId;
use promoter_core::CommitId;
use promoter_signatures::SigningKey;
use promoter_sources::git::{GitCache, GitError, ObjectKind, Signature, TreeId};

use super::folder::{Change, Folder};
use super::{DraftError, notes};

/// A commit to be made.
#[derive(Debug, Clone)]
pub struct NewCommit<'a> {
    /// Its tree.
    pub tree: &'a TreeId,
    /// Its parents, in order.
    pub parents: &'a [CommitId],
    /// Who wrote it.
    pub author: &'a Signature,
    /// Who commits it.
    pub committer: &'a Signature,
    /// The message; it gets exactly one line end at its end.
    pub message: &'a str,
}

/// New objects for one repository, gone unless they are pushed. The same input gives the same ids.
#[derive(Debug)]
pub struct Draft {
    pub(super) cache: GitCache,
    objects: BTreeMap<ObjectId, usize>,
    /// In the order of their making: each after those that it names.
    pub(super) made: Vec<(ObjectKind, Vec<u8>)>,
    /// The trees of the commits made here.
    trees: BTreeMap<CommitId, TreeId>,
    /// What every commit made here is signed with.
    signer: Option<Arc<SigningKey>>,
}

impl Draft {
    /// Begins without any.
    pub fn new(cache: &GitCache) -> Self {
        Self {
            cache: cache.clone(),
            objects: BTreeMap::new(),
            made: Vec::new(),
            trees: BTreeMap::new(),
            signer: None,
        }
    }

    /// Signs every commit from here on, those of notes too; `None` signs none.
    #[must_use]
    pub fn signed_by(self, signer: Option<Arc<SigningKey>>) -> Self {
        Self { signer, ..self }
    }

    /// Makes the tree of `base` (or the empty one) with some paths changed, in their order. All else stays as it is.
    pub fn edit(&mut self, base: Option<&CommitId>, changes: &[Change]) -> Result<TreeId, DraftError> {
        let mut root = match base {
            Some(base) => Folder::of_commit(self, base)?,
            None => Folder::empty(),
        };
        for change in changes {
            root.apply(self, change)?;
        }
        root.write(self)
    }

    /// Makes a commit.
    pub fn commit(&mut self, commit: &NewCommit<'_>) -> Result<CommitId, DraftError> {
        let mut text = format!("tree {}\n", commit.tree);
        for parent in commit.parents {
            text.push_str(&format!("parent {parent}\n"));
        }
        text.push_str(&format!("author {}\n", signature(commit.author)));
        text.push_str(&format!("committer {}\n\n", signature(commit.committer)));
        text.push_str(commit.message.trim_end());
        text.push('\n');
        if let Some(signer) = &self.signer {
            text = signer.sign(&text, commit.committer.at)?;
        }
        let id = self.add(ObjectKind::Commit, text.into_bytes())?;
        let id: CommitId = id.to_string().parse().map_err(|_| DraftError::Path(id.to_string()))?;
        self.trees.insert(id.clone(), commit.tree.clone());
        Ok(id)
    }

    /// Makes the commit that puts notes on commits, on top of the tip of the notes ref. `None` when all of them are
    /// there already.
    pub fn notes(
        &mut self,
        tip: Option<&CommitId>,
        new: &BTreeMap<CommitId, String>,
        by: &Signature,
    ) -> Result<Option<CommitId>, DraftError> {
        let mut root = match tip {
            Some(tip) => Folder::of_commit(self, tip)?,
            None => Folder::empty(),
        };
        for (commit, text) in new {
            notes::put(self, &mut root, commit, text)?;
        }
        let tree = root.write(self)?;
        if let Some(tip) = tip
            && self.tree_of(tip)? == tree
        {
            return Ok(None);
        }
        let parents: Vec<CommitId> = tip.into_iter().cloned().collect();
        let message = "Notes added by promoter";
        self.commit(&NewCommit { tree: &tree, parents: &parents, author: by, committer: by, message })
            .map(Some)
    }

    /// The tree of a commit, made here or read.
    pub fn tree_of(&self, commit: &CommitId) -> Result<TreeId, DraftError> {
        match self.trees.get(commit) {
            Some(tree) => Ok(tree.clone()),
            None => Ok(self.cache.commit(commit)?.tree),
        }
    }

    /// Adds an object, once.
    pub(super) fn add(&mut self, kind: ObjectKind, bytes: Vec<u8>) -> Result<ObjectId, DraftError> {
        let id = object_id(kind, &bytes)?;
        if !self.objects.contains_key(&id) {
            self.objects.insert(id, self.made.len());
            self.made.push((kind, bytes));
        }
        Ok(id)
    }

    /// The bytes of a tree that was made here.
    pub(super) fn made_tree(&self, id: &ObjectId) -> Option<&[u8]> {
        self.objects.get(id).and_then(|at| self.made.get(*at)).map(|(_, bytes)| bytes.as_slice())
    }
}

/// The id that git gives to an object.
pub(super) fn object_id(kind: ObjectKind, bytes: &[u8]) -> Result<ObjectId, DraftError> {
    gix::objs::compute_hash(gix::hash::Kind::Sha1, kind, bytes).map_err(|it| {
        // The hasher refuses content that was made to collide; no such object may be written.
        DraftError::Read(GitError::WrongObject { id: "content".into(), what: it.to_string() })
    })
}

/// `Name <mail> seconds offset`, without the characters that would end a part early.
fn signature(who: &Signature) -> String {
    let clean = |text: &str| text.replace(['<', '>', '\n', '\r', '\0'], "").trim().to_owned();
    let email = clean(&who.email);
    let name = match clean(&who.name) {
        name if name.is_empty() => email.clone(),
        name => name,
    };
    let sign = if who.offset_minutes < 0 { '-' } else { '+' };
    let offset = who.offset_minutes.abs();
    format!("{name} <{email}> {} {sign}{:02}{:02}", who.at.0.max(0), offset / 60, offset % 60)
}
