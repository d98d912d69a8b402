//! Signatures of commits: made with a private key, judged by the keys that one trusts.
//!
//! Pure: keys, commits and trusted keys are texts, and `now` is an argument. Decides what a signature is worth; leaves to
//! others where keys lie ([`SigningKey::read`] takes the text of a file) and what follows from a [`Verdict`]. Owns the
//! foreign crates: ssh-key in `ssh.rs`, pgp in `openpgp/`. The plugin does not depend on this crate, so nothing
//! of it reaches the sidecar.

mod allowed;
mod commit;
mod error;
pub mod image;
mod key;
mod openpgp;
mod ssh;
mod trust;
mod verdict;

pub use commit::{Parts, insert_signature, split};
pub use error::{KeyError, TrustError};
pub use key::{SignError, SigningKey};
pub use trust::Trusted;
pub use verdict::{State, Verdict};

/// The largest signature that is looked at, in bytes. Those of today's algorithms have some hundred.
const SIGNATURE_BYTES_MAX: usize = 64 << 10;
