//! The files and the message of a hydrated commit, byte for byte as Argo CD's hydrator and GitOps Promoter expect
//! them, with promoter's own facts beside theirs.
//!
//! Decides every byte that is written to an environment's branch. Leaves trees, parents, notes and pushes to the
//! controller.

mod check;
mod dry;
mod message;
mod metadata;

use std::collections::BTreeMap;

use promoter_core::{LOCK_FILE, LockError, PromotionLock, UnixSeconds};

pub use check::{Checked, Difference, Wrong, check, check_apps, check_root};
pub use dry::{DryCommit, Reference};
pub use message::{Trailer, commit_message, note, trailers_of};
pub use metadata::{METADATA_FILE, Metadata, PromoterKey, readme};

use crate::{ENGINE, Hydrated, MANIFEST_FILE};

/// The file at the root of a branch that says which files are generated.
pub const GIT_ATTRIBUTES_FILE: &str = ".gitattributes";

/// The README beside the manifests.
const README_FILE: &str = "README.md";
/// The files of the folder of a pipeline, or of an app of a group.
pub const FILES: [&str; 4] = [LOCK_FILE, MANIFEST_FILE, METADATA_FILE, README_FILE];

/// Marks generated files, so that forges fold them in reviews. Without a final newline, as Argo CD writes it.
const GIT_ATTRIBUTES: &str =
    "**/README.md linguist-generated=true\n**/hydrator.metadata linguist-generated=true";

/// A file of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HydratedFile {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The mode of the file if it is new; one that exists keeps its mode. Argo CD creates `manifest.yaml` executable
    /// (100755), and a branch that both write must not flip.
    pub executable: bool,
}

/// Everything that a hydrated commit is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hydration {
    /// The files by path from the root of the branch.
    pub files: BTreeMap<String, HydratedFile>,
    /// The lock as it is in them, with digest and engine.
    pub lock: PromotionLock,
    /// What `hydrator.metadata` says, for the commit's message.
    pub metadata: Metadata,
}

/// What is hydrated.
#[derive(Debug, Clone)]
pub struct Inputs<'a> {
    /// The lock to write; its digest and engine are filled in.
    pub lock: &'a PromotionLock,
    /// The folder of the lock: the pipeline's own, or that of one app in it.
    pub folder: &'a str,
    /// The lock's text on the active branch, if one is there: what does not change keeps its bytes.
    pub found_lock: Option<&'a str>,
    /// The manifests.
    pub manifests: &'a Hydrated,
    /// The pinned commit.
    pub dry: &'a DryCommit,
    /// The address of the dry repository, as people may clone it.
    pub repo_url: &'a str,
    /// When this was decided.
    pub now: UnixSeconds,
    /// The `date` of the branch's `hydrator.metadata`, if it has one.
    pub last_date: Option<UnixSeconds>,
}

/// Makes the files of an environment's branch: the pipeline's folder, or that of one of its apps, and the two files at the
/// root.
///
/// `README.md` keeps Argo CD's text: the file is theirs on branches that both write, and what people want to see of a
/// promotion (alias, artifacts, where it comes from) stands in the lock beside it, which is also what a review shows.
///
/// Errors: the found lock cannot be read.
pub fn hydrate(inputs: &Inputs<'_>) -> Result<Hydration, LockError> {
    let mut lock = inputs.lock.clone();
    lock.render.digest = Some(inputs.manifests.digest.clone());
    lock.render.engine = Some(ENGINE.into());
    let folder = inputs.folder;
    let lock_path = format!("{folder}/{LOCK_FILE}");
    let lock_text = match inputs.found_lock {
        Some(found) => lock.edit(found, &lock_path)?,
        None => lock.emit(),
    };
    let metadata = Metadata::of(inputs, &lock);
    // GitOps Promoter reads the file of the folder (its activePath) with all fields, and that of the root without one.
    let json = metadata.to_json();
    let readme = readme(&metadata, metadata.promoter.as_ref().and_then(|it| it.commit.as_deref()));
    let file = |bytes: Vec<u8>, executable| HydratedFile { bytes, executable };
    let files = BTreeMap::from([
        (lock_path, file(lock_text.into_bytes(), false)),
        (format!("{folder}/{MANIFEST_FILE}"), file(inputs.manifests.bytes.clone(), true)),
        (format!("{folder}/{METADATA_FILE}"), file(json.clone().into_bytes(), false)),
        (format!("{folder}/{README_FILE}"), file(readme.into_bytes(), false)),
        (METADATA_FILE.into(), file(json.into_bytes(), false)),
        (GIT_ATTRIBUTES_FILE.into(), file(GIT_ATTRIBUTES.into(), false)),
    ]);
    Ok(Hydration { files, lock, metadata })
}
