//! The text of a commit and the signature in it.
//!
//! Source: git's commit.c, `add_header_signature` and `parse_signed_commit`: the signature covers the commit without its
//! signature headers, and stands behind all other headers with a space before each further line.

/// The header of the signature over the SHA-1 form of a commit.
const HEADER: &str = "gpgsig";
/// The header of the signature over the SHA-256 form; it is covered by none.
const OTHER_HEADER: &str = "gpgsig-sha256";

/// A commit, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// What is signed: the commit without its signatures.
    pub payload: Vec<u8>,
    /// The signatures, armored: none, one, or more than git ever writes.
    pub signatures: Vec<Vec<u8>>,
}

/// Takes a commit apart.
pub fn split(commit: &[u8]) -> Parts {
    let mut parts = Parts { payload: Vec::with_capacity(commit.len()), signatures: Vec::new() };
    let mut rest = commit;
    let mut inside = Inside::Payload;
    loop {
        let end = rest.iter().position(|it| *it == b'\n').map_or(rest.len(), |it| it + 1);
        let (line, after) = rest.split_at(end);
        if line.is_empty() || line == b"\n" {
            // The message, with the empty line before it.
            parts.payload.extend_from_slice(rest);
            return parts;
        }
        rest = after;
        let content = match line.strip_prefix(b" ") {
            Some(continued) => continued,
            None => {
                inside = Inside::of(line);
                if inside == Inside::Signature {
                    parts.signatures.push(Vec::new());
                }
                line.get(HEADER.len() + 1..).unwrap_or_default()
            }
        };
        match inside {
            Inside::Payload => parts.payload.extend_from_slice(line),
            Inside::Other => {}
            Inside::Signature => {
                if let Some(signature) = parts.signatures.last_mut() {
                    signature.extend_from_slice(content);
                }
            }
        }
    }
}

/// Which header a line belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Payload,
    Signature,
    Other,
}

impl Inside {
    fn of(line: &[u8]) -> Self {
        let is = |name: &str| line.strip_prefix(name.as_bytes()).is_some_and(|it| it.starts_with(b" "));
        match (is(HEADER), is(OTHER_HEADER)) {
            (true, _) => Self::Signature,
            (_, true) => Self::Other,
            _ => Self::Payload,
        }
    }
}

/// Puts an armored signature into a commit that has none, behind its headers.
pub fn insert_signature(commit: &str, signature: &str) -> String {
    let head = commit.find("\n\n").map_or(commit.len(), |it| it + 1);
    let (head, message) = commit.split_at(head);
    let mut text = String::with_capacity(commit.len() + signature.len() + 64);
    text.push_str(head);
    for (index, line) in signature.trim_end().lines().enumerate() {
        if index == 0 {
            text.push_str(HEADER);
        }
        text.push(' ');
        text.push_str(line);
        text.push('\n');
    }
    text.push_str(message);
    text
}

/// The committer's date in seconds since 1970; `None` when it cannot be read.
pub(crate) fn committed_at(payload: &[u8]) -> Option<i64> {
    let lines = payload.split(|it| *it == b'\n').take_while(|it| !it.is_empty());
    let line = lines.filter_map(|it| it.strip_prefix(b"committer ")).next()?;
    let behind = line.rsplit(|it| *it == b'>').next()?;
    std::str::from_utf8(behind).ok()?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str =
        "tree a\nparent b\nauthor A <a@b> 1 +0000\ncommitter C <c@d> 1700000000 +0100\n\nSay\n\ngpgsig no\n";
    const SIGNATURE: &str = "-----BEGIN X-----\n\nAAAA\n-----END X-----\n";

    #[test]
    fn what_is_put_in_comes_out_and_leaves_the_rest() {
        let signed = insert_signature(COMMIT, SIGNATURE);
        let head = "committer C <c@d> 1700000000 +0100\ngpgsig -----BEGIN X-----\n \n AAAA\n -----END X-----\n\nSay\n";
        assert!(signed.contains(head), "{signed}");
        let parts = split(signed.as_bytes());
        assert_eq!(parts.payload, COMMIT.as_bytes());
        assert_eq!(parts.signatures, [SIGNATURE.as_bytes()]);
        assert_eq!(committed_at(&parts.payload), Some(1_700_000_000));
    }

    #[test]
    fn other_headers_are_signed_and_other_signatures_are_not() {
        let commit = "tree a\nmergetag object x\n gpgsig inside\ngpgsig-sha256 one\n two\nencoding x\n\nm";
        let parts = split(commit.as_bytes());
        assert_eq!(parts.payload, b"tree a\nmergetag object x\n gpgsig inside\nencoding x\n\nm");
        assert_eq!(parts.signatures, [b""; 0]);
        assert_eq!(split(b"gpgsig a\ngpgsig b\n c").signatures, [&b"a\n"[..], b"b\nc"]);
        assert_eq!(committed_at(b"tree a\n\ncommitter C <c@d> 1 +0000\n"), None);
    }
}
