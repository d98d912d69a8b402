//! Signatures and attestations of images: what was found in a registry is judged by a key or by a root of trust.
//!
//! Pure: what was found are bytes, and the time is the one that a log or a timestamp proves, so that the same answer holds
//! for ever. Decides whether a requirement is met; leaves to others where signatures are looked for.
//!
//! Source: cosign's signature and bundle specifications, the sigstore client specification, RFC 6962 (logs), RFC 3161
//! (timestamps), RFC 5280 (certificates).

mod certificate;
mod chain;
mod checkpoint;
mod der;
mod dsse;
mod entry;
mod evidence;
mod found;
mod json;
mod key;
mod keyless;
mod log;
mod root;
mod sct;
mod simple;
mod timestamp;

pub use dsse::SIGN_PREDICATE;
pub use found::{ANNOTATIONS, Found};
pub use key::{ImageKeyError, PublicKey};
pub use root::{RootError, SigstoreRoot};

use promoter_core::ImageDigest;
use promoter_core::signature::{Answer, Keyless, Requirement, Wanted, refuses};

use evidence::Signed;

/// The largest statement, signature or bundle that is looked at, in bytes. A bill of materials takes some megabytes.
pub const FOUND_BYTES_MAX: usize = 16 << 20;
/// How many signatures and attestations of one image are looked at.
pub const FOUND_MAX: usize = 64;
/// How many reasons an answer names.
const REASONS_MAX: usize = 3;

/// By what signatures are judged.
#[derive(Debug, Clone, Copy)]
pub enum Trust<'a> {
    /// The public key that a requirement names.
    Key(&'a PublicKey),
    /// Certificates and logs, and who must be named by them.
    Root(&'a SigstoreRoot, &'a Keyless),
}

/// Judges what was found for a digest. One thing that meets the requirement is enough; the others do no harm.
///
/// `trust` is what the requirement's signer stands for. More than [`FOUND_MAX`] things are not looked at, and the answer
/// says so.
pub fn judge(digest: &ImageDigest, requirement: &Requirement, trust: Trust<'_>, found: &[Found]) -> Answer {
    let mut reasons: Vec<String> = Vec::new();
    let mut others: Vec<String> = Vec::new();
    for it in found.iter().take(FOUND_MAX) {
        match one(digest, &requirement.wanted, trust, it) {
            Ok(by) => return Answer::Met { by },
            Err(Refused::Other(kind)) if !others.contains(&kind) => others.push(kind),
            Err(Refused::Because(why)) if !reasons.contains(&why) => reasons.push(why),
            Err(_) => {}
        }
    }
    let left = reasons.len().saturating_sub(REASONS_MAX);
    reasons.truncate(REASONS_MAX);
    if left > 0 {
        reasons.push(format!("and {left} more"));
    }
    if found.len() > FOUND_MAX {
        reasons.push(format!("only the first {FOUND_MAX} of {} were looked at", found.len()));
    }
    let why = match (reasons.is_empty(), others.is_empty()) {
        (false, _) => reasons.join("; "),
        (true, false) => format!("there is none, only {}", others.join(", ")),
        (true, true) => "there is none".into(),
    };
    Answer::Unmet { why }
}

/// Why one thing does not count.
enum Refused {
    /// It is something else than what is wanted.
    Other(String),
    /// It is what is wanted, and worth nothing.
    Because(String),
}

impl From<String> for Refused {
    fn from(why: String) -> Self {
        Self::Because(why)
    }
}

/// By whom it is signed, when it counts.
fn one(digest: &ImageDigest, wanted: &Wanted, trust: Trust<'_>, found: &Found) -> Result<String, Refused> {
    let (signed, evidence) = found.read()?;
    match (&signed, wanted) {
        (Signed::Simple { payload, .. }, Wanted::Signature) => simple::check(payload, digest)?,
        (Signed::Simple { .. }, Wanted::Attestation { .. }) => {
            return Err(Refused::Other("a signature".into()));
        }
        (Signed::Envelope(envelope), wanted) => {
            let statement = envelope.statement()?;
            let kind = match wanted {
                Wanted::Signature => SIGN_PREDICATE,
                Wanted::Attestation { predicate_type, .. } => predicate_type,
            };
            if statement.predicate_type != kind {
                return Err(Refused::Other(statement.predicate_type));
            }
            statement.check_subject(digest)?;
        }
    }
    let by = match trust {
        Trust::Key(key) => {
            key.verify(&signed.message(), signed.signature())
                .map_err(|()| format!("it is not signed with {}", key.name()))?;
            key.name().to_owned()
        }
        Trust::Root(root, who) => keyless::check(&signed, &evidence, root, who)?,
    };
    // What it says counts only now that it is known who says it.
    if let (Signed::Envelope(envelope), Wanted::Attestation { expression: Some(expression), .. }) =
        (&signed, wanted)
        && let Some(why) = refuses(expression, envelope.statement()?.predicate)
    {
        return Err(Refused::Because(why));
    }
    Ok(by)
}
