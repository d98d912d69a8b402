//! Hydrated manifests: served when their digest is that of the lock, and compared with a live render.

use std::sync::Arc;

use promoter_core::{Digest, Place};
use promoter_kustomize::{FileError, Files};

use crate::plain::{read_objects, text};
use crate::{Chosen, Limits, Manifests, Mode, Pins, PinsError, RenderError, SourceError, VerifyError};

/// The name of the hydrated manifests beside the lock.
pub const MANIFEST_FILE: &str = "manifest.yaml";

/// Reads the manifests beside the lock. Errors: missing, or not the bytes that the lock names.
pub fn serve(files: &dyn Files, pins: &Pins, limits: &Limits) -> Result<Manifests, RenderError> {
    let path = pins.beside(MANIFEST_FILE);
    let (Chosen::Hydrated(digest) | Chosen::Verify(digest)) = &pins.chosen else {
        let at = Place::new(&*pins.lock_path, 0);
        return Err(PinsError::NotHydrated { mode: Mode::Hydrated, at }.into());
    };
    let bytes = read_manifest(files, &path, digest)?;
    let objects = read_objects(&path, &text(&path, &bytes)?, limits)?;
    Ok(Manifests { objects, source: path, rules: pins.rules.clone(), warnings: Vec::new() })
}

/// Reads hydrated manifests. Errors: missing, or not the bytes that the lock names.
pub fn read_manifest(files: &dyn Files, path: &str, locked: &Digest) -> Result<Arc<[u8]>, RenderError> {
    let at = || Place::new(path, 0);
    let bytes = match files.read(path) {
        Ok(bytes) => bytes,
        Err(FileError::Missing(_)) => return Err(VerifyError::ManifestMissing { at: at() }.into()),
        Err(error) => return Err(SourceError::File(error).into()),
    };
    let found = Digest::of(&bytes);
    if found != *locked {
        return Err(VerifyError::Tampered { locked: locked.clone(), found, at: at() }.into());
    }
    Ok(bytes)
}

/// Compares the bytes of a file with those of a live render; the error names the first line that differs.
pub fn first_difference(path: &str, found: &[u8], rendered: &[u8]) -> Result<(), VerifyError> {
    if found == rendered {
        return Ok(());
    }
    let lines = |bytes| <[u8]>::split(bytes, |it| *it == b'\n');
    let shown = |line: Option<&[u8]>| match line {
        Some(line) => String::from_utf8_lossy(line).chars().take(80).collect(),
        None => String::from("(end of file)"),
    };
    let (mut found, mut rendered) = (lines(found), lines(rendered));
    let mut line = 0;
    loop {
        line += 1;
        let (a, b) = (found.next(), rendered.next());
        if a != b || a.is_none() {
            let at = Place::new(path, line);
            return Err(VerifyError::Differs { found: shown(a), rendered: shown(b), at });
        }
    }
}
