//! Why something was not written, and who can mend it.

use promoter_core::{CommitId, Diagnosis};
use promoter_sources::git::GitError;

/// Why new objects could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// What is built upon could not be read.
    #[error(transparent)]
    Read(#[from] GitError),
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
            Self::Rejected { .. } => Diagnosis::input("push-rejected", self)
                .hint("let promoter's user write this branch, or change the rule or hook that refuses it"),
            Self::AnswerLost { .. } => Diagnosis::upstream("push-answer-lost", self),
            Self::NotUnpacked { url, why } => {
                let why = format!("it could not unpack the objects: {why}");
                GitError::Unreachable { url: url.clone(), why }.diagnosis()
            }
            Self::Apart { .. } => Diagnosis::bug("push-apart", self),
            Self::Git(error) => error.diagnosis(),
        }
    }
}
