//! What a signature is worth.

/// The four answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// A trusted key signed exactly this commit, and might when it did.
    Good,
    /// Not this commit was signed, or the key might not: expired, revoked, for something else.
    Bad,
    /// Signed by a key that is not among the trusted ones, or in a way that is not supported.
    Unknown,
    /// Not signed.
    None,
}

impl State {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Unknown => "unknown",
            Self::None => "none",
        }
    }
}

/// The answer for one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The answer.
    pub state: State,
    /// Whose key it is: the principals of an SSH key, the user ids of an OpenPGP key. Only for [`State::Good`].
    pub signers: Vec<String>,
    /// The key: `SHA256:…` for SSH, a fingerprint or key id in hexadecimal digits for OpenPGP. Empty when it is not known.
    pub key: String,
    /// Why it is not good; empty when it is.
    pub why: String,
}

impl Verdict {
    pub(crate) fn good(key: impl Into<String>, signers: Vec<String>) -> Self {
        Self { state: State::Good, signers, key: key.into(), why: String::new() }
    }

    pub(crate) fn bad(key: impl Into<String>, why: impl Into<String>) -> Self {
        Self { state: State::Bad, signers: Vec::new(), key: key.into(), why: why.into() }
    }

    pub(crate) fn unknown(key: impl Into<String>, why: impl Into<String>) -> Self {
        Self { state: State::Unknown, signers: Vec::new(), key: key.into(), why: why.into() }
    }

    pub(crate) fn none() -> Self {
        let why = "it is not signed".into();
        Self { state: State::None, signers: Vec::new(), key: String::new(), why }
    }

    /// True when it is good.
    pub fn is_good(&self) -> bool {
        self.state == State::Good
    }
}
