//! Versions as people tag them.

use semver::{BuildMetadata, Prerelease, Version};

/// The longest text that is read as a version.
const BYTES_MAX: usize = 256;

/// Reads a version: three numbers after one optional `v`. Where it is not `strict`, the last numbers may be missing and
/// numbers may begin with zeros (`1.2`, `v1`, `2024.01.05`); what is missing is zero.
///
/// Source: semver.org 2.0.0; the tolerant form is that of Masterminds/semver v3, which Helm and Kargo read with.
pub fn version(text: &str, strict: bool) -> Option<Version> {
    if text.len() > BYTES_MAX {
        return None;
    }
    let text = text.strip_prefix('v').unwrap_or(text);
    if strict {
        return Version::parse(text).ok();
    }
    let (rest, build) = match text.split_once('+') {
        Some((rest, build)) => (rest, BuildMetadata::new(build).ok().filter(|it| !it.is_empty())?),
        None => (text, BuildMetadata::EMPTY),
    };
    let (numbers, pre) = match rest.split_once('-') {
        Some((numbers, pre)) => (numbers, Prerelease::new(pre).ok().filter(|it| !it.is_empty())?),
        None => (rest, Prerelease::EMPTY),
    };
    let number = |it: &str| it.bytes().all(|it| it.is_ascii_digit()).then(|| it.parse().ok())?;
    let numbers: Vec<u64> = numbers.split('.').map(number).collect::<Option<_>>()?;
    let (major, minor, patch) = match numbers[..] {
        [major] => (major, 0, 0),
        [major, minor] => (major, minor, 0),
        [major, minor, patch] => (major, minor, patch),
        _ => return None,
    };
    Some(Version { major, minor, patch, pre, build })
}
