//! Patches, held against the real kustomize: the cases below testdata/kustomize-patch/, which `support` describes, and random
//! merges that are put to the installed kustomize.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap here is a failed test")]

mod limits;
mod merges;
#[path = "../support/mod.rs"]
mod support;

use promoter_kustomize::MemoryFiles;

#[test]
fn cases() {
    support::built_as_stored("kustomize-patch");
}

#[test]
fn kustomize_agrees_with_the_stored_answers() {
    support::stored_as_kustomize_prints("kustomize-patch");
}

/// What promoter prints for the root of a tree, or what it says.
fn ours(files: &MemoryFiles) -> Result<String, String> {
    let said = support::ours(files, "");
    said.printed.ok_or(said.refused.unwrap_or_default())
}
