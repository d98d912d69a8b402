//! The tags of a repository: what a server lists of them, and what they say.

use gix::objs::Kind;
use promoter_core::{CommitId, UnixSeconds};

use super::objects::{object_id, parse_tag};
use super::{CommitInfo, GitCache, GitError, RemoteRefs, Signature};

const PREFIX: &str = "refs/tags/";

/// A tag as a server lists it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TagRef {
    /// Its name, without `refs/tags/`.
    pub name: String,
    /// What it leads to: nearly always a commit.
    pub target: CommitId,
    /// The tag object of an annotated tag.
    pub object: Option<CommitId>,
}

/// A tag, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagInfo {
    /// The commit that it leads to.
    pub commit: CommitInfo,
    /// Who made an annotated tag, and when; `None` for others, and for some very old ones.
    pub tagger: Option<Signature>,
    /// The message of an annotated tag; what is no UTF-8 in it is replaced.
    pub message: Option<String>,
}

impl TagInfo {
    /// When it was made: the time of its tagger, else that of the commit.
    pub fn created(&self) -> UnixSeconds {
        self.tagger.as_ref().map_or(self.commit.committer.at, |it| it.at)
    }
}

impl RemoteRefs {
    /// The tags, in the order of their names.
    pub fn tags(&self) -> impl Iterator<Item = TagRef> {
        let tags = self.tips.range(PREFIX.to_owned()..).take_while(|(name, _)| name.starts_with(PREFIX));
        tags.map(|(name, target)| TagRef {
            name: name[PREFIX.len()..].to_owned(),
            target: target.clone(),
            object: self.tag_objects.get(name).cloned(),
        })
    }
}

impl GitCache {
    /// What tags say, in their order; `None` for one that leads to no commit. Asks the server once for all that are not
    /// here.
    pub fn tags(&self, tags: &[TagRef]) -> Result<Vec<Option<TagInfo>>, GitError> {
        let wanted: Vec<CommitId> =
            tags.iter().map(|it| it.object.as_ref().unwrap_or(&it.target).clone()).collect();
        self.ensure(&wanted)?;
        tags.iter().map(|it| self.tag(it)).collect()
    }

    fn tag(&self, tag: &TagRef) -> Result<Option<TagInfo>, GitError> {
        let target = self.object(&object_id(&tag.target)?, &tag.target)?;
        if target.kind != Kind::Commit {
            return Ok(None);
        }
        let commit = self.as_commit(&tag.target, &target)?;
        let Some(id) = &tag.object else {
            return Ok(Some(TagInfo { commit, tagger: None, message: None }));
        };
        let object = self.object(&object_id(id)?, id)?;
        if object.kind != Kind::Tag {
            let what = format!("a {}", object.kind);
            return Err(GitError::WrongObject { id: id.to_string(), what });
        }
        let (tagger, message) = parse_tag(&object.bytes);
        Ok(Some(TagInfo { commit, tagger, message: Some(message) }))
    }
}
