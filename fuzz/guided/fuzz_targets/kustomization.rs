//! Any tree of files through a whole build.
//!
//! Nothing panics, and the same tree gives the same bytes, or the same error, again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use promoter_kustomize::{MemoryFiles, NoExternals, Options, build};

fuzz_target!(|bytes: &[u8]| {
    let files = promoter_fuzz_guided::tree(bytes);
    assert_eq!(said(&files), said(&files));
});

fn said(files: &MemoryFiles) -> Result<(String, Vec<String>), String> {
    let options = Options::default().with_helm(true);
    let built = build(files, "", &options, &NoExternals).map_err(|it| it.to_string())?;
    Ok((built.to_yaml().map_err(|it| it.to_string())?, built.warnings))
}
