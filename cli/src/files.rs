//! Small files that commands read and write, with errors that name them.

use promoter_core::Diagnosis;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// The largest file that a command reads as a whole.
const BYTES_MAX: u64 = 64 << 20;

/// The text of a file, or of stdin for `-`.
pub(crate) fn read_text(path: &Path) -> Result<String, Diagnosis> {
    let bytes = read_bytes(path)?;
    String::from_utf8(bytes).map_err(|_| failed(path, "read", &"it is not UTF-8 text"))
}

/// The bytes of a file, or of stdin for `-`.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, Diagnosis> {
    let mut bytes = Vec::new();
    let read = match path.as_os_str() == "-" {
        true => std::io::stdin().lock().take(BYTES_MAX + 1).read_to_end(&mut bytes),
        false => std::fs::File::open(path).and_then(|it| it.take(BYTES_MAX + 1).read_to_end(&mut bytes)),
    };
    read.map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            Diagnosis::input("file-failed", format!("`{}` does not exist", path.display()))
        }
        _ => failed(path, "read", &error),
    })?;
    match bytes.len() as u64 > BYTES_MAX {
        true => Err(failed(path, "read", &format!("it is larger than {BYTES_MAX} bytes"))),
        false => Ok(bytes),
    }
}

/// Replaces a file as a whole: a reader sees the old bytes or the new ones, never half of them.
pub(crate) fn write_text(path: &Path, text: &str) -> Result<(), Diagnosis> {
    // The kind alone: the error itself may name the temporary file, which means nothing to anyone.
    replace(path, text).map_err(|error| match error.kind() {
        ErrorKind::NotFound => failed(path, "written", &"its directory does not exist"),
        kind => failed(path, "written", &kind),
    })
}

/// Writes files into a directory that is there. Those of other names stay; when one cannot be written, none is.
pub(crate) fn write_texts(directory: &Path, texts: &BTreeMap<String, String>) -> Result<(), Diagnosis> {
    let failed = |name: &str, error: std::io::Error| failed(&directory.join(name), "written", &error.kind());
    let mut new = Vec::with_capacity(texts.len());
    for (name, text) in texts {
        new.push((name, prepared(&directory.join(name), text).map_err(|error| failed(name, error))?));
    }
    new.into_iter().try_for_each(|(name, (file, path))| {
        file.persist(path).map_err(|error| failed(name, error.error)).map(drop)
    })
}

fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let (new, real) = prepared(path, text)?;
    new.persist(real)?;
    Ok(())
}

/// The new bytes in a temporary file, and the path that it is to take.
fn prepared(path: &Path, text: &str) -> std::io::Result<(NamedTempFile, PathBuf)> {
    // Through a link, so that the file behind it changes and the link stays.
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let directory = real.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut new = NamedTempFile::new_in(directory)?;
    new.write_all(text.as_bytes())?;
    if let Ok(found) = real.metadata() {
        if found.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        new.as_file().set_permissions(found.permissions())?;
    } else {
        new.as_file().set_permissions(readable())?;
    }
    new.as_file().sync_all()?;
    Ok((new, real))
}

/// A new file is made readable for all; temporary files are not.
fn readable() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::Permissions::from_mode(0o644)
}

fn failed(path: &Path, what: &str, reason: &dyn std::fmt::Display) -> Diagnosis {
    Diagnosis::input("file-failed", format!("`{}` cannot be {what}: {reason}", path.display()))
}
