//! What the fuzz targets share: bytes to a tree of files, as text that seeds are written in or as choices.

mod archive;
mod choices;

use promoter_kustomize::MemoryFiles;

/// The tree that the bytes stand for: an archive when they begin like one, else choices among what kustomize knows.
pub fn tree(bytes: &[u8]) -> MemoryFiles {
    match archive::is_one(bytes) {
        true => archive::tree(bytes),
        false => choices::tree(bytes),
    }
}
