//! What is asked of the signatures and attestations of an image, and the answer.
//!
//! Values only. `read` turns a file's words into a [`Requirement`]; whether a signature meets it is decided in
//! `promoter-signatures`, where it is looked for by the sources, and what follows by discovery and by the gates.

mod question;
mod read;
mod words;

pub use question::{asked_by_gates, asked_by_subscription};
pub(crate) use read::{read_predicate_type, read_rules, read_signer};

use crate::expression::{Expression, Given};
use crate::pipeline::SecretPath;
use crate::{Digest, ImageDigest, Name, Place, Repository};
use regex::Regex;
use serde_json::Value;

/// The variable of the expression over an attestation.
pub(crate) const PREDICATE: &str = "predicate";

/// Something that must be there on the digest of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// What.
    pub wanted: Wanted,
    /// By whom it must be signed.
    pub signer: Signer,
}

/// A signature, or an attestation of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// A signature of the image, as `cosign sign` makes it.
    Signature,
    /// A signed statement about the image, as `cosign attest` makes it.
    Attestation {
        /// Its kind, a URI such as `https://slsa.dev/provenance/v1`.
        predicate_type: String,
        /// What its predicate must satisfy; one statement that does is enough.
        expression: Option<Expression>,
    },
}

/// Who must have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// Whoever has the private key of this public key.
    Key(KeySource),
    /// Somebody to whom Fulcio, or a private one like it, gave a certificate for a moment.
    Keyless(Keyless),
}

/// Where a public key in PEM is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// In the file that asks for it.
    Inline(String),
    /// In a file below the controller's directory of secrets.
    File(SecretPath),
}

/// What the certificate must say of its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyless {
    /// Who vouched for the owner: the address of an OIDC issuer.
    pub issuer: Accepted,
    /// The owner: a mail address or URI.
    pub identity: Accepted,
}

/// Texts that are accepted. Prints as it was written.
#[derive(Debug, Clone)]
pub struct Accepted {
    written: String,
    how: How,
}

#[derive(Debug, Clone)]
enum How {
    /// The text, in which each `*` stands for any letters.
    Stars(crate::policy::Pattern),
    /// The whole text must match.
    Regex(Regex),
}

impl Accepted {
    /// True when a text is one of them.
    pub fn fits(&self, text: &str) -> bool {
        match &self.how {
            How::Stars(pattern) => pattern.fits(text),
            How::Regex(regex) => regex.is_match(text),
        }
    }
}

impl PartialEq for Accepted {
    /// What is written says all.
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Accepted {}

/// A requirement of a subscription, with where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureRule {
    /// Where it stands.
    pub at: Place,
    /// What must be there.
    pub requirement: Requirement,
    /// The rule of the policy that it comes from; `None` for the pipeline's own.
    pub policy: Option<Name>,
}

/// A requirement of an environment: a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageGate {
    /// The images that it is about.
    pub about: Images,
    /// What they must have.
    pub requirement: Requirement,
}

/// Images of freight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Images {
    /// The artifact of a name, which must be there.
    Artifact(Name),
    /// Every image of these repositories, in which `*` stands for any letters. There may be none.
    Of(Vec<crate::policy::Pattern>),
}

/// Tells requirements apart that ask for something else; a key in a file counts by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequirementId(Digest);

impl Requirement {
    /// Its id.
    pub fn id(&self) -> RequirementId {
        let Self { wanted, signer } = self;
        let expression = match wanted {
            Wanted::Attestation { expression: Some(it), .. } => it.to_string(),
            _ => String::new(),
        };
        RequirementId(Digest::of(format!("{wanted}\n{expression}\n{signer:?}").as_bytes()))
    }
}

/// A digest of which something must be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Where the image is kept; what is signed elsewhere does not count.
    pub repository: Repository,
    /// The image.
    pub digest: ImageDigest,
    /// What must be there.
    pub requirement: Requirement,
}

/// By what answers are found again.
pub type QuestionKey = (Repository, ImageDigest, RequirementId);

impl Question {
    /// By what its answer is found again.
    pub fn key(&self) -> QuestionKey {
        (self.repository.clone(), self.digest.clone(), self.requirement.id())
    }
}

/// The answer, when everything could be read that there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is there.
    Met {
        /// By whom: `key SHA256:…`, or identity and issuer.
        by: String,
    },
    /// It is not, or what is there does not count. It may come later.
    Unmet {
        /// Why, of each thing that was found: goes on after what is wanted.
        why: String,
    },
}

/// Why a predicate does not satisfy an expression; `None` when it does.
pub fn refuses(expression: &Expression, predicate: Value) -> Option<String> {
    match expression.judge([(PREDICATE, Given::Json(predicate))]) {
        Ok(true) => None,
        Ok(false) => Some(format!("`{expression}` is false")),
        Err(why) => Some(format!("`{expression}` {why}")),
    }
}
