//! What the words of a server, of `git` or of `ssh` mean. There are no codes, so the words are all there is.

use crate::git::GitError;

/// How many lines of what was said are repeated.
const LINES_MAX: usize = 3;

/// The error that the words stand for; `None` when nothing was said.
pub(super) fn explain(url: &str, words: &str) -> Option<GitError> {
    let (url, answer) = (url.to_owned(), last_lines(words));
    if answer.is_empty() {
        return None;
    }
    let words = words.to_ascii_lowercase();
    let has = |phrases: &[&str]| phrases.iter().any(|it| words.contains(it));
    if has(&["remote host identification has changed", "host key for "]) && has(&["has changed"]) {
        let why = "it shows another host key than the known one".into();
        return Some(GitError::HostKey { url, why });
    }
    if has(&["host key verification failed", "host key is known for"]) {
        return Some(GitError::HostKey { url, why: "its host key is not among the known ones".into() });
    }
    // `git daemon` says both at once, and means that there is none.
    if has(&["not exported"]) {
        return Some(GitError::NoRepository { url, answer });
    }
    if has(&[
        "permission denied",
        "authentication failed",
        "too many authentication failures",
        "access denied",
        "don't have permission",
        "deploy key",
        "marked as read only",
    ]) {
        return Some(GitError::Denied { url, answer });
    }
    if has(&[
        "does not appear to be a git",
        "not found",
        "could not be found",
        "does not exist",
        "no such repository",
    ]) && !has(&["command not found"])
    {
        return Some(GitError::NoRepository { url, answer });
    }
    if has(&["unknown repository extension", "repo version is"]) {
        return Some(GitError::Unsupported {
            url,
            what: format!("is of a format that the git there does not know ({answer})"),
        });
    }
    Some(GitError::Unreachable { url, why: answer })
}

/// The last lines that hold words, on one line. Hosts frame theirs with lines of signs, and put `remote:` before them.
fn last_lines(words: &str) -> String {
    let lines = words.lines().map(|it| it.trim().trim_start_matches("remote:").trim());
    let lines: Vec<&str> = lines.filter(|it| it.contains(char::is_alphanumeric)).collect();
    lines[lines.len().saturating_sub(LINES_MAX)..].join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_frame_their_words() {
        let gitlab = "remote: \nremote: =====\nremote: \nremote: ERROR: The project you were looking for could not be \
                      found or you don't have permission to view it.\nremote: \nremote: =====\n";
        let Some(GitError::Denied { answer, .. }) = explain("u", gitlab) else { panic!("{gitlab}") };
        assert!(answer.starts_with("ERROR: The project"), "{answer}");
        let github = explain("u", "ERROR: Repository not found.\n");
        assert!(matches!(github, Some(GitError::NoRepository { .. })), "{github:?}");
        let shell = explain("u", "bash: git-upload-pack: command not found");
        assert!(matches!(shell, Some(GitError::Unreachable { .. })), "{shell:?}");
        assert_eq!(explain("u", "\n ---\n"), None);
    }
}
