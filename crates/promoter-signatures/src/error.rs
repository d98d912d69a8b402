//! Why a key is of no use, and what to do.

use promoter_core::{Diagnosis, Place};

/// Why a private key cannot sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is none of the two formats.
    #[error("`{path}` holds no private key that promoter reads: {why}")]
    Format {
        /// The file.
        path: String,
        /// What is wrong.
        why: String,
        /// What to type.
        hint: &'static str,
    },
    /// It is protected, and no passphrase was given.
    #[error("the key in `{path}` is protected by a passphrase")]
    PassphraseMissing {
        /// The file.
        path: String,
    },
    /// The passphrase does not open it.
    #[error("the passphrase does not open the key in `{path}`")]
    PassphraseWrong {
        /// The file.
        path: String,
    },
    /// It is a key, and cannot sign commits.
    #[error("the key in `{path}` cannot sign: {why}")]
    Unusable {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
}

impl KeyError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Format { hint, .. } => Diagnosis::input("signing-key-format", self).hint(*hint),
            Self::PassphraseMissing { .. } => Diagnosis::input("signing-key-passphrase", self)
                .hint("name a file that holds it with `--signing-key-passphrase-file`"),
            Self::PassphraseWrong { .. } => Diagnosis::input("signing-key-passphrase", self).hint(
                "check the file of `--signing-key-passphrase-file`: it holds the passphrase and nothing else",
            ),
            Self::Unusable { .. } => Diagnosis::input("signing-key-unusable", self)
                .hint("make one for promoter: `ssh-keygen -t ed25519 -f KEY`"),
        }
    }
}

/// Why a file with trusted keys cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// A line of an `allowed_signers` file.
    #[error("{why}")]
    AllowedSigners {
        /// The file.
        path: String,
        /// The line, from 1.
        line: u32,
        /// What is wrong.
        why: String,
    },
    /// A file with OpenPGP keys.
    #[error("`{path}` holds no OpenPGP public keys: {why}")]
    Keyring {
        /// The file.
        path: String,
        /// What is wrong.
        why: String,
    },
}

impl TrustError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::AllowedSigners { path, line, .. } => Diagnosis::input("trust-allowed-signers", self)
                .at(Place::new(path, *line))
                .hint("write lines like `ada@example.com namespaces=\"git\" ssh-ed25519 AAAA…`"),
            Self::Keyring { .. } => {
                Diagnosis::input("trust-keyring", self).hint("write it with `gpg --armor --export KEY…`")
            }
        }
    }
}
