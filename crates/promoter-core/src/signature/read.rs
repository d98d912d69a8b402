//! Reads who must have signed, from promoter.yaml and from policies: `key: …`, or `keyless: { issuer: …, identity: … }`.

use super::{Accepted, How, KeySource, Keyless, Requirement, SignatureRule, Signer, Wanted};
use crate::fields::{FieldError, Fields};
use crate::policy::Pattern;
use promoter_yaml::Node;
use regex::RegexBuilder;

/// The keys that name a signer.
pub(crate) const SIGNER_KEYS: [&str; 2] = ["key", "keyless"];
/// A key in PEM: that of 16,384 bits of RSA has some 3,000 bytes.
const PEM_BYTES_MAX: usize = 8 << 10;
/// Identities are shorter than this.
const PATTERN_BYTES_MAX: usize = 1_000;
/// A compiled regular expression; the crate matches in linear time whatever it is.
const REGEX_BYTES_MAX: usize = 1 << 20;
/// Requirements of one subscription.
const RULES_MAX: usize = 20;

/// Reads `signatures` of a subscription; none without it.
pub(crate) fn read_rules(fields: &Fields<'_>) -> Result<Vec<SignatureRule>, FieldError> {
    let items = fields.items("signatures")?;
    if items.is_empty() && fields.get("signatures").is_some() {
        return Err(fields.wrong("signatures", "it asks for none", "leave it out, or name a `key`"));
    }
    if items.len() > RULES_MAX {
        return Err(fields.wrong("signatures", format!("more than {RULES_MAX}"), "name fewer"));
    }
    let one = |(index, node): (usize, &Node)| {
        let item = Fields::open(
            node,
            format!("{}[{index}]", fields.name("signatures")),
            &SIGNER_KEYS,
            fields.path(),
        )?;
        let requirement = Requirement { wanted: Wanted::Signature, signer: read_signer(&item)? };
        Ok(SignatureRule { at: item.at(), requirement, policy: None })
    };
    items.iter().enumerate().map(one).collect()
}

/// Reads `key` or `keyless`, of which exactly one is there.
pub(crate) fn read_signer(fields: &Fields<'_>) -> Result<Signer, FieldError> {
    match (fields.get("key"), fields.get("keyless")) {
        (Some(_), None) => key(fields).map(Signer::Key),
        (None, Some(_)) => {
            let inner = fields.inner("keyless", &["issuer", "identity"])?;
            let (issuer, identity) = (accepted(&inner, "issuer")?, accepted(&inner, "identity")?);
            Ok(Signer::Keyless(Keyless { issuer, identity }))
        }
        (Some(_), Some(_)) => {
            Err(fields.wrong("keyless", "a `key` is there too", "write one item for each of them"))
        }
        (None, None) => fields.node("key").map(|_| Signer::Key(KeySource::Inline(String::new()))),
    }
}

fn key(fields: &Fields<'_>) -> Result<KeySource, FieldError> {
    let text: String = fields.require("key")?;
    if !text.contains("-----BEGIN") {
        let hint = "write the key itself (`-----BEGIN PUBLIC KEY-----` …), or a file below the controller's `--secrets-dir`";
        return text.trim().parse().map(KeySource::File).map_err(|it| fields.wrong("key", it, hint));
    }
    let wrong = |why: &str, hint: &str| Err(fields.wrong("key", why, hint));
    let text = text.trim();
    if text.contains("PRIVATE KEY-----") {
        return wrong(
            "it is a private key",
            "write the public one, and make a new pair: this one has been shown",
        );
    }
    if text.len() > PEM_BYTES_MAX {
        return wrong("it is too long for a key", "write one public key");
    }
    let whole = text.starts_with("-----BEGIN PUBLIC KEY-----") && text.ends_with("-----END PUBLIC KEY-----");
    match whole && text.matches("-----BEGIN").count() == 1 {
        true => Ok(KeySource::Inline(format!("{text}\n"))),
        false => {
            wrong("it is no public key in PEM", "write what `cosign public-key` prints, as a block: `key: |`")
        }
    }
}

fn accepted(fields: &Fields<'_>, key: &str) -> Result<Accepted, FieldError> {
    let node = fields.node(key)?;
    if node.as_map().is_some() {
        let inner = fields.inner(key, &["regex"])?;
        let text: String = inner.require("regex")?;
        return regex(&text)
            .map_err(|why| inner.wrong("regex", why, "write one like `^https://github\\.com/acme/.*$`"));
    }
    let text: String = fields.require(key)?;
    match pattern(&text) {
        Ok(()) => Ok(Accepted { how: How::Stars(Pattern::new(text.as_str())), written: text }),
        Err(why) => {
            Err(fields.wrong(key, why, format!("write it as certificates have it, like `{}`", example(key))))
        }
    }
}

fn example(key: &str) -> &'static str {
    match key {
        "issuer" => "https://token.actions.githubusercontent.com",
        _ => "https://github.com/acme/web/.github/workflows/release.yaml@refs/tags/*",
    }
}

fn pattern(text: &str) -> Result<(), String> {
    match text {
        _ if text.is_empty() || text.chars().any(char::is_control) => {
            Err("it must be one line of text".into())
        }
        _ if text.len() > PATTERN_BYTES_MAX => Err(format!("it is longer than {PATTERN_BYTES_MAX} bytes")),
        _ if text.chars().all(|it| it == '*') => Err("it accepts everybody".into()),
        _ => Ok(()),
    }
}

/// The whole text has to match, whether or not that is written.
fn regex(text: &str) -> Result<Accepted, String> {
    pattern(text)?;
    let built = RegexBuilder::new(&format!("^(?:{text})$")).size_limit(REGEX_BYTES_MAX).build();
    // The crate's own words take several lines.
    let built = built.map_err(|_| format!("`{text}` is no regular expression, or too large a one"))?;
    match built.is_match("") || text == ".*" || text == ".+" {
        true => Err(format!("`{text}` accepts everybody")),
        false => Ok(Accepted { written: format!("regex {text}"), how: How::Regex(built) }),
    }
}

/// Reads the kind of an attestation.
pub(crate) fn read_predicate_type(fields: &Fields<'_>) -> Result<String, FieldError> {
    let text: String = fields.require("predicateType")?;
    match text.contains(':') && !text.contains(|it: char| it.is_control() || it.is_whitespace()) {
        true => Ok(text),
        false => {
            let hint = match text.as_str() {
                "slsaprovenance" | "slsaprovenance02" => "`cosign` means `https://slsa.dev/provenance/v0.2`",
                "slsaprovenance1" => "`cosign` means `https://slsa.dev/provenance/v1`",
                "spdx" | "spdxjson" => "`cosign` means `https://spdx.dev/Document`",
                "cyclonedx" => "`cosign` means `https://cyclonedx.org/bom`",
                "vuln" => "`cosign` means `https://cosign.sigstore.dev/attestation/vuln/v1`",
                _ => "write the URI, like `https://slsa.dev/provenance/v1`",
            };
            Err(fields.wrong("predicateType", format!("`{text}` is no URI"), hint))
        }
    }
}
