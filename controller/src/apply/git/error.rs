//! Why something was not written, and who can mend it.

use promoter_core::{CommitId, Diagnosis};
use promoter_signatures::SignError;
use promoter_sources::git::GitError;

/// Why new objects could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// What is built upon could not be read.
    #[error(transparent)]
    Read(#[from] GitError),
    /// The key was found fit, and does not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The path is none that git takes.
    #[error("`{0}` is no path in a git tree")]
    Path(String),
    /// A file is where a directory is needed, or the other way round.
    #[error("`{path}` is {what} in commit `{commit}`, so nothing can be written there")]
    InTheWay {
        /// The path.
        path: String,
        /// What is there.
        what: &'static str,
        /// In which commit, or `a new tree`.
        commit: String,
    },
}

impl DraftError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Read(error) => error.diagnosis(),
            Self::Sign(_) => Diagnosis::bug("signing-failed", self),
            Self::Path(_) => Diagnosis::bug("write-path", self),
            Self::InTheWay { .. } => Diagnosis::input("write-in-the-way", self).hint(
                "the hydrated branches are promoter's: remove what stands there, or choose another folder",
            ),
        }
    }
}

/// Why refs were not moved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// A ref is not where it was seen: somebody else wrote meanwhile. Nothing was changed.
    #[error("`{name}` of `{url}` has moved: {} was expected, {} was found", shown(.expected), shown(.found))]
    Stale {
        /// The repository.
        url: String,
        /// The ref.
        name: String,
        /// What it was to replace; `None` for nothing.
        expected: Option<CommitId>,
        /// What is there.
        found: Option<CommitId>,
    },
    /// The server refuses the change: a hook, a protection of the branch, missing rights.
    #[error("`{url}` refuses to change `{name}`: {why}")]
    Rejected {
        /// The repository.
        url: String,
        /// The ref.
        name: String,
        /// The server's words.
        why: String,
        /// Every ref that it refuses for a reason of its own, this one among them.
        refused: Vec<String>,
    },
    /// The server took none of the objects: one of them is malformed to it, or they are too large together.
    #[error("`{url}` did not answer as it should: it could not unpack the objects: {why}")]
    NotUnpacked {
        /// The repository.
        url: String,
        /// The server's words.
        why: String,
    },
    /// The server moves refs one by one. Nothing was sent.
    #[error("`{url}` cannot move several refs together")]
    Apart {
        /// The repository.
        url: String,
    },
    /// The answer was lost, and it could not be found out whether the change was made.
    #[error("`{url}` may have taken the change or not: {why}")]
    AnswerLost {
        /// The repository.
        url: String,
        /// What happened.
        why: String,
    },
    /// Nothing was changed for a reason that reading has too.
    #[error(transparent)]
    Git(#[from] GitError),
}

fn shown(commit: &Option<CommitId>) -> String {
    commit.as_ref().map_or_else(|| "nothing".into(), |it| format!("`{it}`"))
}

impl PushError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Stale { .. } => Diagnosis::upstream("push-stale", self),
            Self::Rejected { why, .. } => Diagnosis::input("push-rejected", self).hint(way_out(why)),
            Self::AnswerLost { .. } => Diagnosis::upstream("push-answer-lost", self),
            Self::Git(error @ GitError::Denied { .. }) => error
                .diagnosis()
                .hint("check user name and token, and that they may write to this repository"),
            Self::NotUnpacked { url, why } => {
                let why = format!("it could not unpack the objects: {why}");
                GitError::Unreachable { url: url.clone(), why }.diagnosis()
            }
            Self::Apart { .. } => Diagnosis::bug("push-apart", self),
            Self::Git(error) => error.diagnosis(),
        }
    }
}

/// What the hosts call the way through their protections, by the words with which they refuse.
const WAYS_OUT: &[(&[&str], &str)] = &[
    (
        &["GH006", "GH013", "protected branch hook declined", "repository rule violations"],
        "in GitHub's branch protection or ruleset, let promoter's user or app bypass the rule for this branch",
    ),
    (
        &["GitLab:"],
        "in GitLab's Settings, Repository, Protected branches, let promoter's user push to this branch",
    ),
    (
        &["Gitea:", "Forgejo:", "Not allowed to push to protected branch"],
        "in the branch protection of Gitea or Forgejo, put promoter's user on the whitelist for pushing",
    ),
    (
        &["branch permissions", "branch restrictions", "only be modified through pull requests"],
        "in Bitbucket's branch permissions, let promoter's user write to this branch",
    ),
    (
        &["TF402455", "TF401027"],
        "in the permissions of the branch in Azure Repos, let promoter's user contribute and bypass policies",
    ),
    (
        &["exceeds maximum allowed size", "larger than", "GH001"],
        "what is written is larger than the server allows: raise its limit",
    ),
];

fn way_out(why: &str) -> &'static str {
    let known = WAYS_OUT.iter().find(|(words, _)| words.iter().any(|it| why.contains(it)));
    known.map_or(
        "let promoter's user write this branch, or change the rule or hook that refuses it",
        |(_, way)| way,
    )
}
