//! SSH keys and the signatures that `ssh-keygen -Y sign` makes.
//!
//! Source: OpenSSH's PROTOCOL.sshsig. The hash is SHA-512, as ssh-keygen chooses it, so that a signature by the same
//! Ed25519 or RSA key is the same bytes.

use ssh_key::public::KeyData;
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey, PublicKey, SshSig};

use crate::allowed::AllowedSigner;
use crate::error::KeyError;
use crate::key::SignError;
use crate::verdict::Verdict;

/// What git signs for.
pub(crate) const NAMESPACE: &str = "git";

/// How an armored signature begins.
pub(crate) const ARMOR: &str = "-----BEGIN SSH SIGNATURE-----";

/// A private key, decrypted.
pub(crate) struct Key(PrivateKey);

impl Key {
    pub(crate) fn read(text: &str, passphrase: Option<&str>, path: &str) -> Result<Self, KeyError> {
        let path = path.to_owned();
        let key = PrivateKey::from_openssh(text.trim()).map_err(|error| KeyError::Format {
            path: path.clone(),
            why: error.to_string(),
            hint: "check that the file is whole",
        })?;
        let key = match (key.is_encrypted(), passphrase) {
            (false, _) => key,
            (true, None) => return Err(KeyError::PassphraseMissing { path }),
            (true, Some(passphrase)) => {
                key.decrypt(passphrase).map_err(|_| KeyError::PassphraseWrong { path: path.clone() })?
            }
        };
        let unusable = |why: String| KeyError::Unusable { path: path.clone(), why };
        match key.algorithm() {
            Algorithm::Ed25519 | Algorithm::Ecdsa { .. } | Algorithm::Rsa { .. } => {}
            Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256 => {
                return Err(unusable("it lives in a security key, which a person has to touch".into()));
            }
            other => return Err(unusable(format!("`{other}` is not supported"))),
        }
        // A key that does not fit its public part would make signatures that nobody accepts.
        let (key, probe) = (Self(key), b"probe");
        let made = key.sign(probe).map_err(|error| unusable(error.0))?;
        let parsed = SshSig::from_pem(made).map_err(|error| unusable(error.to_string()))?;
        key.0.public_key().verify(NAMESPACE, probe, &parsed).map_err(|error| unusable(error.to_string()))?;
        Ok(key)
    }

    pub(crate) fn sign(&self, payload: &[u8]) -> Result<String, SignError> {
        let signature = self.0.sign(NAMESPACE, HashAlg::Sha512, payload);
        signature.and_then(|it| it.to_pem(LineEnding::LF)).map_err(|error| SignError(error.to_string()))
    }

    pub(crate) fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }
}

/// A public key as a line of an `allowed_signers` file has it: `ssh-ed25519 AAAA…`.
pub(crate) fn public_key(words: &str) -> Result<KeyData, String> {
    PublicKey::from_openssh(words).map(|it| it.key_data().clone()).map_err(|error| error.to_string())
}

/// Judges a signature. `at` is the time at which the key has to be valid: the committer's date.
pub(crate) fn judge(allowed: &[AllowedSigner], armored: &str, payload: &[u8], at: i64) -> Verdict {
    let signature = match SshSig::from_pem(armored.trim()) {
        Ok(signature) => signature,
        Err(error) => return Verdict::bad("", format!("the signature cannot be read: {error}")),
    };
    let public = signature.public_key().clone();
    let key = public.fingerprint(HashAlg::Sha256).to_string();
    if signature.namespace() != NAMESPACE {
        let why = format!("it is a signature for `{}`, not for git", signature.namespace());
        return Verdict::bad(key, why);
    }
    if let Err(error) = PublicKey::from(public.clone()).verify(NAMESPACE, payload, &signature) {
        return match error {
            ssh_key::Error::AlgorithmUnsupported { .. } | ssh_key::Error::AlgorithmUnknown => {
                Verdict::unknown(key, error.to_string())
            }
            _ => Verdict::bad(key, "the signature is of something else than this commit"),
        };
    }
    let lines: Vec<&AllowedSigner> = allowed.iter().filter(|it| it.key == public).collect();
    if lines.is_empty() {
        return Verdict::unknown(key, "the key is not among the allowed signers");
    }
    // As ssh-keygen does, one line that allows it is enough.
    let mut refused = None;
    for line in lines {
        match line.refuses(NAMESPACE, at) {
            None => return Verdict::good(key, line.principals.clone()),
            Some(why) => refused = refused.or(Some(why)),
        }
    }
    Verdict::bad(key, refused.unwrap_or_default())
}
