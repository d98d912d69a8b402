//! The form of a kept request: a tar with `request.json` and `archive.tgz`, so that people can look inside without us.
//!
//! Readers take what another version wrote: fields and entries that they do not know are passed over, fields that are
//! absent are empty.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use promoter_core::Diagnosis;
use serde::{Deserialize, Serialize};

use super::Kept;
use super::redact::redact;
use crate::cmp::proto::ManifestRequestMetadata;

const HEADER: &str = "request.json";
const ARCHIVE: &str = "archive.tgz";
/// Bytes of a header; the longest lists of API versions take some tens of KiB.
const HEADER_BYTES_MAX: u64 = 16 << 20;
/// Bytes of an archive that is read back.
const ARCHIVE_BYTES_MAX: u64 = 2 << 30;

/// The metadata of a kept request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Header {
    /// The version of the plugin that kept it.
    pub plugin: String,
    /// The method that was called.
    pub method: String,
    /// The Application's path below the archive's root, as it came.
    pub app_rel_path: String,
    /// The checksum that was announced.
    pub checksum: String,
    /// The variables in their order.
    pub env: Vec<Entry>,
    /// Names of variables whose values were left out because they are, or may hold, secrets.
    pub removed: Vec<String>,
}

/// One variable.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl Header {
    /// What of a request's metadata is kept.
    pub(super) fn of(method: &str, metadata: &ManifestRequestMetadata) -> Self {
        let mut header = Self {
            plugin: env!("CARGO_PKG_VERSION").into(),
            method: method.into(),
            app_rel_path: metadata.app_rel_path.clone(),
            checksum: metadata.checksum.clone(),
            ..Self::default()
        };
        for entry in &metadata.env {
            let value = redact(&entry.name, &entry.value);
            if value.is_none() && !header.removed.contains(&entry.name) {
                header.removed.push(entry.name.clone());
            }
            // The name stays: that a name is not on the list may be what is wrong.
            header.env.push(Entry { name: entry.name.clone(), value: value.unwrap_or_default() });
        }
        header
    }
}

/// Why a file is no kept request.
#[derive(Debug, thiserror::Error)]
pub enum RequestFileError {
    /// It cannot be read.
    #[error("`{}` cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is something else.
    #[error("`{}` is no kept request: {why}", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What is missing or wrong.
        why: String,
    },
}

impl RequestFileError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        Diagnosis::input("request-file", self)
            .hint("`promoter-plugin serve --keep-requests DIR` writes such files")
    }
}

/// The bytes of a file.
pub(super) fn write(kept: &Kept) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::with_capacity(kept.archive.len() + 4096));
    let header = serde_json::to_vec_pretty(&kept.header)?;
    for (name, bytes) in [(HEADER, &header), (ARCHIVE, &kept.archive)] {
        let mut entry = tar::Header::new_gnu();
        entry.set_mode(0o600);
        entry.set_size(bytes.len() as u64);
        tar.append_data(&mut entry, name, bytes.as_slice())?;
    }
    tar.into_inner()
}

/// Reads a file.
pub fn read(path: &Path) -> Result<Kept, RequestFileError> {
    let unreadable = |source| RequestFileError::Unreadable { path: path.to_owned(), source };
    let other = |why: String| RequestFileError::Other { path: path.to_owned(), why };
    let mut tar = tar::Archive::new(File::open(path).map_err(unreadable)?);
    let (mut header, mut archive) = (None, None);
    for entry in tar.entries().map_err(unreadable)? {
        let entry = entry.map_err(|error| other(format!("it is no tar ({error})")))?;
        let name = entry.path_bytes().into_owned();
        let (found, bytes_max) = match name.as_slice() {
            name if name == HEADER.as_bytes() => (&mut header, HEADER_BYTES_MAX),
            name if name == ARCHIVE.as_bytes() => (&mut archive, ARCHIVE_BYTES_MAX),
            _ => continue,
        };
        if entry.size() > bytes_max {
            return Err(other(format!("`{}` in it is too large", String::from_utf8_lossy(&name))));
        }
        let mut bytes = Vec::new();
        entry.take(bytes_max).read_to_end(&mut bytes).map_err(|error| other(error.to_string()))?;
        *found = Some(bytes);
    }
    let header = header.ok_or_else(|| other(format!("there is no `{HEADER}` in it")))?;
    let header = serde_json::from_slice(&header).map_err(|error| other(format!("`{HEADER}`: {error}")))?;
    let archive = archive.ok_or_else(|| other(format!("there is no `{ARCHIVE}` in it")))?;
    Ok(Kept { header, archive })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_bytes(bytes: &[u8]) -> Result<Kept, RequestFileError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        read(file.path())
    }

    fn tar(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, text) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            tar.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap()
    }

    #[test]
    fn what_another_version_wrote_is_read() {
        let later = r#"{"plugin": "9.0.0", "method": "GenerateManifest", "appRelPath": "apps/x", "deadline": "60s",
            "env": [{"name": "A", "value": "b", "origin": "spec"}]}"#;
        let kept = read_bytes(&tar(&[("signature", "x"), (HEADER, later), (ARCHIVE, "tgz")])).unwrap();
        assert_eq!((kept.header.app_rel_path.as_str(), kept.archive.as_slice()), ("apps/x", &b"tgz"[..]));
        assert_eq!(kept.header.env, [Entry { name: "A".into(), value: "b".into() }]);
        assert!(read_bytes(&tar(&[(HEADER, "{}"), (ARCHIVE, "")])).is_ok());
    }

    #[test]
    fn what_is_something_else_is_told() {
        let told = |bytes: &[u8]| read_bytes(bytes).unwrap_err().to_string();
        assert!(told(b"").contains("there is no `request.json`"));
        assert!(told(&[b'x'; 1024]).contains("no tar"));
        assert!(told(&tar(&[(HEADER, "{}")])).contains("there is no `archive.tgz`"));
        assert!(told(&tar(&[(HEADER, "[1]"), (ARCHIVE, "")])).contains("`request.json`"));
        assert_eq!(read(Path::new("nowhere")).unwrap_err().diagnosis().code, "request-file");
    }
}
