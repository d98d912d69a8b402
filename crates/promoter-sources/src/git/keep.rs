//! Keeps what was pushed in the object cache, so that it need not be fetched.

use std::collections::HashSet;
use std::io;

use gix::ObjectId;
use gix::hash::Kind as HashKind;
use gix::objs::CommitRefIter;
use promoter_core::CommitId;

use super::cache::Place;
use super::generation::Shape;
use super::objects::{Kind, Objects, object_id};
use super::tree_entries::{Entries, Mode};
use super::{GitCache, GitError};

/// More objects than these are kept as the pack that was pushed: files of their own would take longer than the push.
const LOOSE_MAX: usize = 100;
/// So many heads of one push are offered to the server later, the first and the last. Only the latest are offered at all,
/// and a push of many would put those out that were fetched, such as the dry head.
const OFFERED_MAX: usize = 16;

impl GitCache {
    /// Takes the objects of commits that the server has by now. `pack` holds them, none as a difference.
    ///
    /// To be given in an order in which each object comes after those that it names. Takes nothing when a directory or file
    /// that they name is not here (files may be missing in a partial cache), and for a repository on this machine, which has
    /// them.
    pub fn keep(
        &self,
        commits: &[CommitId],
        objects: &[(Kind, Vec<u8>)],
        pack: &[u8],
    ) -> Result<(), GitError> {
        let Place::Cached(store) = &self.inner.place else {
            return Ok(());
        };
        let failed = |it: gix::Error| store.failed(&io::Error::other(it.to_string()));
        let lock = store.lock()?;
        store.make_room(&lock)?;
        let generation = store.current();
        let files_too = generation.shape == Shape::Whole;
        let Some(cut) = cut(&generation.objects, objects, files_too).map_err(failed)? else {
            return Ok(());
        };
        if objects.len() > LOOSE_MAX {
            generation.take_pack(&mut &*pack, &self.inner.remote.limits, &lock).map_err(failed)?;
        } else {
            for (kind, bytes) in objects {
                generation.put(*kind, bytes).map_err(failed)?;
            }
        }
        let mut known = generation.known();
        for (place, commit) in commits.iter().enumerate() {
            let offered = place < OFFERED_MAX / 2 || commits.len() - place <= OFFERED_MAX / 2;
            if offered && generation.objects.contains(&object_id(commit)?) {
                known.haves.push(commit.clone());
            }
        }
        known.boundaries.extend(cut);
        generation.set_known(&known, &lock).map_err(|it| store.failed(&it))
    }
}

/// The commits among new objects whose parents are not all here; `None` when a directory is missing, or with `files_too`
/// a file.
fn cut(
    here: &Objects,
    new: &[(Kind, Vec<u8>)],
    files_too: bool,
) -> Result<Option<Vec<CommitId>>, gix::Error> {
    // Directories share most of their entries, so each is looked for once.
    let mut known: HashSet<ObjectId> = HashSet::new();
    let mut cut = Vec::new();
    for (kind, bytes) in new {
        let id = gix::objs::compute_hash(HashKind::Sha1, *kind, bytes)?;
        let mut is_here = |it: &ObjectId| known.contains(it) || here.contains(it) && known.insert(*it);
        let whole = match kind {
            Kind::Tree => {
                let counts = |mode| mode == Mode::Directory || (files_too && mode != Mode::Submodule);
                let entries = Entries::new(bytes).flatten().filter(|it| counts(it.mode));
                entries.map(|it| it.id).all(|it| is_here(&it))
            }
            Kind::Commit => {
                let mut ids = CommitRefIter::from_bytes(bytes, HashKind::Sha1);
                let tree = ids.tree_id().is_ok_and(|it| is_here(&it));
                let parents = CommitRefIter::from_bytes(bytes, HashKind::Sha1).parent_ids();
                if !parents.into_iter().all(|it| is_here(&it)) {
                    cut.extend(super::objects::commit_id(&id));
                }
                tree
            }
            Kind::Blob | Kind::Tag => true,
        };
        if !whole {
            return Ok(None);
        }
        known.insert(id);
    }
    Ok(Some(cut))
}
