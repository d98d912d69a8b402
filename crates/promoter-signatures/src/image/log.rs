//! Whether a transparency log took an entry: by its promise, or by a proof that the entry is in a tree that it signed.
//!
//! Source: Rekor's API for the promise (a signature over canonical JSON), RFC 6962 and RFC 9162 for the proof.

use sha2::{Digest as _, Sha256};

use super::checkpoint;
use super::evidence::{Entry, Proof};
use super::json;
use super::root::{Log, SigstoreRoot};

/// A tree of 2^64 leaves is that high.
const HASHES_MAX: usize = 64;

/// An entry that a log took.
pub(super) struct Taken<'a> {
    log: &'a Log,
    /// The time that its promise proves; that of a proof alone is nobody's word.
    pub(super) at: Option<i64>,
}

impl Taken<'_> {
    /// Checks that the log was trusted at a time.
    pub(super) fn check_at(&self, at: i64) -> Result<(), String> {
        match self.log.valid.holds(at) {
            true => Ok(()),
            false => Err("its log was not trusted yet, or no more, at the time of its entry".into()),
        }
    }
}

/// Checks everything that an entry brings; one of promise and proof must be there.
pub(super) fn check<'a>(entry: &Entry, root: &'a SigstoreRoot) -> Result<Taken<'a>, String> {
    let log = root.logs.iter().find(|it| it.id == entry.log_id || it.key.id() == entry.log_id);
    let Some(log) = log else {
        return Err("its entry is of no log of the root of trust".into());
    };
    if entry.promise.is_none() && entry.proof.is_none() {
        return Err("its entry of the log comes without promise or proof".into());
    }
    if let Some(proof) = &entry.proof {
        included(entry, proof, log)?;
    }
    let Some(promise) = &entry.promise else {
        return Ok(Taken { log, at: None });
    };
    promised(entry, promise, log)?;
    Ok(Taken { log, at: Some(i64::try_from(entry.time).unwrap_or(i64::MAX)) })
}

/// The promise: canonical JSON, whose keys are sorted and whose values need no escapes.
fn promised(entry: &Entry, promise: &[u8], log: &Log) -> Result<(), String> {
    let body = json::base64(&entry.body);
    let (time, index, id) = (entry.time, entry.index, json::hex(&entry.log_id));
    let text =
        format!("{{\"body\":\"{body}\",\"integratedTime\":{time},\"logID\":\"{id}\",\"logIndex\":{index}}}");
    let verified = log.key.verify(text.as_bytes(), promise);
    verified.map_err(|()| "the promise of its log is not signed by the log".into())
}

/// The proof.
fn included(entry: &Entry, proof: &Proof, log: &Log) -> Result<(), String> {
    let root = root_of(&entry.body, proof).ok_or("the proof of its log does not fit its entry")?;
    if root != proof.root {
        return Err("the proof of its log leads to another tree".into());
    }
    let signed = checkpoint::read(&proof.checkpoint, &log.key)?;
    match signed.size == proof.size && signed.root == proof.root {
        true => Ok(()),
        false => Err("the log signed another tree than that of its proof".into()),
    }
}

/// The root of the tree that holds an entry at its place, by the hashes beside the way up.
fn root_of(body: &[u8], proof: &Proof) -> Option<Vec<u8>> {
    let Proof { index, size, hashes, .. } = proof;
    if index >= size || hashes.len() > HASHES_MAX || hashes.iter().any(|it| it.len() != 32) {
        return None;
    }
    let mut at = *index;
    let mut last = size - 1;
    let mut hash = hashed(0, body, &[]);
    for beside in hashes {
        if last == 0 {
            return None;
        }
        if at % 2 == 1 || at == last {
            hash = hashed(1, beside, &hash);
            while at % 2 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = hashed(1, &hash, beside);
        }
        at >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

fn hashed(prefix: u8, left: &[u8], right: &[u8]) -> Vec<u8> {
    Sha256::new().chain_update([prefix]).chain_update(left).chain_update(right).finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The root of a tree by its definition.
    fn tree(leaves: &[Vec<u8>]) -> Vec<u8> {
        match leaves {
            [one] => hashed(0, one, &[]),
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                hashed(1, &tree(&leaves[..split]), &tree(&leaves[split..]))
            }
        }
    }

    /// The hashes beside the way from a leaf to the root, from the leaf on.
    fn way(leaves: &[Vec<u8>], index: usize) -> Vec<Vec<u8>> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let split = leaves.len().next_power_of_two() / 2;
        let (left, right) = leaves.split_at(split);
        let (mut found, beside) = if index < split {
            (way(left, index), tree(right))
        } else {
            (way(right, index - split), tree(left))
        };
        found.push(beside);
        found
    }

    #[test]
    fn proofs_lead_to_the_root() {
        for size in 1..=33_usize {
            let leaves: Vec<Vec<u8>> = (0..size).map(|it| vec![u8::try_from(it).unwrap(); it]).collect();
            for index in 0..size {
                let proof = |index: usize, size: usize| Proof {
                    index: index as u64,
                    size: size as u64,
                    root: Vec::new(),
                    hashes: way(&leaves, index.min(leaves.len() - 1)),
                    checkpoint: String::new(),
                };
                let root = Some(tree(&leaves));
                assert_eq!(root_of(&leaves[index], &proof(index, size)), root, "{index} of {size}");
                assert_ne!(root_of(b"other", &proof(index, size)), root);
                assert_eq!(root_of(&leaves[index], &proof(size, size)), None);
                if size > 1 {
                    let mut short = proof(index, size);
                    short.hashes.pop();
                    assert_ne!(root_of(&leaves[index], &short), root);
                }
                let mut long = proof(index, size);
                long.hashes.push(vec![0; 32]);
                assert_eq!(root_of(&leaves[index], &long), None);
            }
        }
    }
}
