//! Hydrated manifests: served when their digest is that of the lock, and compared with a live render.

use promoter_core::{Digest, Place};
use promoter_kustomize::{FileError, Files};

use crate::plain::{read_objects, text};
use crate::{Chosen, Limits, Manifests, Pins, RenderError};

/// The name of the hydrated manifests beside the lock.
pub const MANIFEST_FILE: &str = "manifest.yaml";

/// Reads the manifests beside the lock. Errors: missing, or not the bytes that the lock names.
pub fn serve(files: &dyn Files, pins: &Pins, limits: &Limits) -> Result<Manifests, RenderError> {
    let path = pins.beside(MANIFEST_FILE);
    let (Chosen::Hydrated(digest) | Chosen::Verify(digest)) = &pins.chosen else {
        return Err(RenderError::NotHydrated {
            mode: crate::Mode::Hydrated,
            at: Place::new(&*pins.lock_path, 0),
        });
    };
    let bytes = match files.read(&path) {
        Ok(bytes) => bytes,
        Err(FileError::Missing(_)) => return Err(RenderError::ManifestMissing { at: Place::new(path, 0) }),
        Err(error) => return Err(RenderError::File(error)),
    };
    let found = Digest::of(&bytes);
    if found != *digest {
        return Err(RenderError::Tampered { locked: digest.clone(), found, at: Place::new(path, 0) });
    }
    let objects = read_objects(&path, &text(&path, &bytes)?, limits)?;
    Ok(Manifests { objects, source: path, rules: pins.rules.clone(), warnings: Vec::new() })
}

/// Compares the bytes of a file with those of a live render; the error names the first line that differs.
pub(crate) fn first_difference(path: &str, found: &[u8], rendered: &[u8]) -> Result<(), RenderError> {
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
            return Err(RenderError::Differs { found: shown(a), rendered: shown(b), at });
        }
    }
}
