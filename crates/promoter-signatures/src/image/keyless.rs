//! Signatures without a key of one's own: a certificate for a moment, and a log or timestamp that proves the moment.
//!
//! Source: the sigstore client specification, "Verification".

use promoter_core::signature::Keyless;

use super::certificate::Signer;
use super::chain::{self, Usage};
use super::evidence::{EACH_MAX, Evidence, Signed};
use super::root::SigstoreRoot;
use super::{entry, log, sct, timestamp};

/// Checks everything, and gives who signed: `identity by issuer`.
///
/// In this order: when (by an entry of a log, or by timestamps), that the certificate was valid then and leads to an
/// authority that was trusted then, that it was logged, that its key signed, that the log's entry is about this
/// signature, and that its owner is one of those that are accepted.
pub(super) fn check(
    signed: &Signed,
    evidence: &Evidence,
    root: &SigstoreRoot,
    who: &Keyless,
) -> Result<String, String> {
    let Some(leaf) = &evidence.certificate else {
        return Err("it came with no certificate, as signatures with a key do".into());
    };
    let signer = Signer::read(leaf)?;
    let mut times = Vec::new();
    let mut taken = Vec::new();
    // Where the root names no log, timestamps alone are what there is.
    if !root.logs.is_empty() {
        if evidence.entries.is_empty() {
            return Err("it came with no entry of a log".into());
        }
        for it in evidence.entries.iter().take(EACH_MAX) {
            let entry = log::check(it, root)?;
            times.extend(entry.at);
            taken.push(entry);
            entry::check(it, signed, &signer, leaf)?;
        }
    }
    // Where it names no authority, timestamps are nobody's word.
    let stamps = if root.timestamps.is_empty() { &[][..] } else { evidence.timestamps.as_slice() };
    for it in stamps.iter().take(EACH_MAX) {
        times.push(timestamp::check(it, signed.signature(), &root.timestamps)?);
    }
    if times.is_empty() {
        return Err("nothing proves when it was signed: no promise of a log, no timestamp".into());
    }
    let mut issuer = Vec::new();
    for at in times {
        taken.iter().try_for_each(|it| it.check_at(at))?;
        issuer = chain::check(leaf, &evidence.chain, &root.authorities, Usage::CodeSigning, at)?;
    }
    if !root.certificate_logs.is_empty() {
        sct::check(&signer, &issuer, &root.certificate_logs)?;
    }
    signer
        .key
        .verify(&signed.message(), signed.signature())
        .map_err(|()| "it is not signed with the key of its certificate".to_owned())?;
    signer.check(who)
}
