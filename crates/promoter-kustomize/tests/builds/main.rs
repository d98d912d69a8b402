//! Whole builds, held against the real kustomize: the cases below testdata/kustomize/, which `support` describes.

#![expect(clippy::unwrap_used, reason = "a failed unwrap here is a failed test")]

mod charts;
mod hostile;
mod remote;
mod slips;
#[path = "../support/mod.rs"]
mod support;

#[test]
fn cases() {
    support::built_as_stored("kustomize");
}

#[test]
fn kustomize_agrees_with_the_stored_answers() {
    support::stored_as_kustomize_prints("kustomize");
}
