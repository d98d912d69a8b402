//! Reads by object id, for those who compare ids rather than contents: what has the same id is the same.

use gix::ObjectId;
use promoter_core::CommitId;

use super::objects::Kind;
use super::{CommitInfo, GitCache, GitError};

impl GitCache {
    /// The commit if it is here; asks no server.
    pub fn known_commit(&self, id: &CommitId) -> Result<Option<CommitInfo>, GitError> {
        self.commit_here(id)
    }

    /// The bytes of the root directory of a commit, fetching it if need be. [`TreeEntries`](super::TreeEntries) reads
    /// them.
    pub fn root(&self, commit: &CommitId) -> Result<Vec<u8>, GitError> {
        let tree = self.commit(commit)?.tree;
        self.tree_object(&tree, commit)
    }

    /// The bytes of a directory or a file that a commit reaches.
    pub fn bytes(&self, id: &ObjectId, kind: Kind, commit: &CommitId) -> Result<Vec<u8>, GitError> {
        let object = self.object(id, commit)?;
        match object.kind {
            found if found == kind => Ok(object.bytes),
            found => Err(GitError::WrongObject { id: id.to_string(), what: format!("a {found}") }),
        }
    }
}
