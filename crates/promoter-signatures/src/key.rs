//! A private key that signs what promoter writes, whatever its format.

use std::fmt;

use promoter_core::UnixSeconds;

use crate::commit::insert_signature;
use crate::error::KeyError;
use crate::{openpgp, ssh};

/// A private key, opened and found fit to sign. `Debug` prints `***`.
pub struct SigningKey(Kind);

enum Kind {
    Ssh(Box<ssh::Key>),
    OpenPgp(Box<openpgp::Key>),
}

/// A signature could not be made with a key that was found fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the commit could not be signed: {0}")]
pub struct SignError(pub(crate) String);

impl SigningKey {
    /// Reads a private key: OpenSSH's own format, or an armored OpenPGP secret key. `path` is for messages.
    ///
    /// Errors: no such key, a passphrase that is missing or wrong, an algorithm that is not supported, a key that is
    /// expired or revoked.
    pub fn read(
        text: &str,
        passphrase: Option<&str>,
        path: &str,
        now: UnixSeconds,
    ) -> Result<Self, KeyError> {
        let format = |why: &str, hint| Err(KeyError::Format { path: path.into(), why: why.into(), hint });
        let armor = text.lines().map(str::trim).find_map(|it| it.strip_prefix("-----BEGIN "));
        match armor.and_then(|it| it.strip_suffix("-----")) {
            Some("OPENSSH PRIVATE KEY") => {
                ssh::Key::read(text, passphrase, path).map(|it| Self(Kind::Ssh(Box::new(it))))
            }
            Some("PGP PRIVATE KEY BLOCK") => {
                openpgp::Key::read(text, passphrase, path, now).map(|it| Self(Kind::OpenPgp(Box::new(it))))
            }
            Some("PGP PUBLIC KEY BLOCK") => format(
                "it is a public key",
                "write the secret one with `gpg --armor --export-secret-keys KEY`",
            ),
            Some(other) if other.ends_with("PRIVATE KEY") => format(
                &format!("`{other}` is another format"),
                "rewrite a copy of it in OpenSSH's own format: `ssh-keygen -p -f FILE`",
            ),
            _ if text.starts_with("ssh-") || text.starts_with("ecdsa-") || text.starts_with("sk-") => {
                format("it is a public key", "name the file without `.pub`")
            }
            _ => format(
                "it is neither an OpenSSH private key nor an armored OpenPGP secret key",
                "make one with `ssh-keygen -t ed25519 -f FILE`",
            ),
        }
    }

    /// Signs a commit that has no signature yet and gives it with one. `at` is the time that the signature states, where
    /// its format does: the committer's. The same key, commit and time give the same signature.
    pub fn sign(&self, commit: &str, at: UnixSeconds) -> Result<String, SignError> {
        let signature = match &self.0 {
            Kind::Ssh(key) => key.sign(commit.as_bytes()),
            Kind::OpenPgp(key) => key.sign(commit.as_bytes(), at),
        }?;
        Ok(insert_signature(commit, &signature))
    }

    /// Its public name: `SHA256:…` for SSH, the fingerprint for OpenPGP.
    pub fn fingerprint(&self) -> String {
        match &self.0 {
            Kind::Ssh(key) => key.fingerprint(),
            Kind::OpenPgp(key) => key.fingerprint(),
        }
    }

    /// True when forges can tie the key to a committer with this mail address: an SSH key says nothing about it, an
    /// OpenPGP key has to have it in one of its user ids.
    pub fn may_speak_for(&self, email: &str) -> bool {
        match &self.0 {
            Kind::Ssh(_) => true,
            Kind::OpenPgp(key) => key.users().iter().any(|it| address(it).eq_ignore_ascii_case(email)),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The mail address in a user id: `Name (comment) <address>`, or the whole of it.
fn address(user: &str) -> &str {
    let inside = user.rsplit_once('<').and_then(|(_, it)| it.split_once('>'));
    inside.map_or(user, |(it, _)| it).trim()
}
