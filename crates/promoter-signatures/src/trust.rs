//! The keys that one trusts, and what commits are worth by them.

use promoter_core::UnixSeconds;

use crate::allowed::{self, AllowedSigner};
use crate::commit::{committed_at, split};
use crate::error::TrustError;
use crate::openpgp::{self, Certificate};
use crate::verdict::Verdict;
use crate::{SIGNATURE_BYTES_MAX, ssh};

/// Trusted keys. Without any, every signature is by an unknown key.
#[derive(Debug, Clone, Default)]
pub struct Trusted {
    ssh: Vec<AllowedSigner>,
    openpgp: Vec<Certificate>,
}

impl Trusted {
    /// Adds the SSH keys of a file in the form of git's `gpg.ssh.allowedSignersFile`. `path` is for messages.
    pub fn add_allowed_signers(&mut self, text: &str, path: &str) -> Result<(), TrustError> {
        self.ssh.extend(allowed::parse(text, path)?);
        Ok(())
    }

    /// Adds the OpenPGP keys of an armored file. `path` is for messages.
    pub fn add_keyring(&mut self, text: &str, path: &str) -> Result<(), TrustError> {
        let read = openpgp::read_keyring(text);
        self.openpgp.extend(read.map_err(|why| TrustError::Keyring { path: path.into(), why })?);
        Ok(())
    }

    /// Judges a commit, given as the bytes of its object.
    ///
    /// SSH keys have to be valid at the committer's date, as git has it; OpenPGP keys at the time that the signature
    /// states. So what was good stays good when a key expires or is replaced.
    pub fn judge(&self, commit: &[u8], now: UnixSeconds) -> Verdict {
        let parts = split(commit);
        let armored = match parts.signatures.as_slice() {
            [] => return Verdict::none(),
            [one] if one.len() <= SIGNATURE_BYTES_MAX => String::from_utf8_lossy(one),
            [_] => {
                return Verdict::bad("", format!("the signature is larger than {SIGNATURE_BYTES_MAX} bytes"));
            }
            _ => return Verdict::bad("", "it holds more than one signature"),
        };
        if armored.starts_with(ssh::ARMOR) {
            let Some(at) = committed_at(&parts.payload) else {
                return Verdict::bad("", "the commit has no date");
            };
            ssh::judge(&self.ssh, &armored, &parts.payload, at)
        } else if armored.starts_with(openpgp::ARMOR) {
            openpgp::judge(&self.openpgp, &armored, &parts.payload, now.0)
        } else {
            Verdict::unknown("", "the signature is neither of an SSH nor of an OpenPGP key")
        }
    }
}
