//! What a log signs from time to time: how many entries it has, and the root of their tree.
//!
//! Source: the signed note format of Go's checksum database, and the checkpoint format of the transparency-dev project.

use super::json;
use super::key::PublicKey;

/// The longest checkpoint, with the signatures of witnesses.
const BYTES_MAX: usize = 64 << 10;
/// How many signatures are tried.
const SIGNATURES_MAX: usize = 64;

/// A tree.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub(super) size: u64,
    pub(super) root: Vec<u8>,
}

/// Reads a checkpoint that a log signed.
pub(super) fn read(text: &str, key: &PublicKey) -> Result<Checkpoint, String> {
    let broken = || "the checkpoint of its log cannot be read".to_owned();
    if text.len() > BYTES_MAX {
        return Err(broken());
    }
    let (note, signatures) = text.split_once("\n\n").ok_or_else(broken)?;
    let note = format!("{note}\n");
    let mut lines = note.lines().skip(1);
    let size = lines.next().and_then(|it| it.parse().ok()).ok_or_else(broken)?;
    let root = lines.next().and_then(json::unbase64).ok_or_else(broken)?;
    let signed = signatures.lines().take(SIGNATURES_MAX).any(|line| {
        // `— name base64`, of which the first four bytes only hint at the key.
        let made = line.strip_prefix("\u{2014} ").and_then(|it| it.rsplit_once(' '));
        let made = made.and_then(|(_, it)| json::unbase64(it));
        made.is_some_and(|it| it.get(4..).is_some_and(|it| key.verify(note.as_bytes(), it).is_ok()))
    });
    match signed {
        true => Ok(Checkpoint { size, root }),
        false => Err("the checkpoint of its log is not signed by the log".into()),
    }
}
