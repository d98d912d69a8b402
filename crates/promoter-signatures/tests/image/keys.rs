//! Signatures and attestations by a key.

use super::change::bent;
use super::{BY_KEY, IDENTITY, ISSUER, SLSA, by_key, by_root, case, key, keyless, requirement, root};
use promoter_signatures::image::PublicKey;
use serde_json::json;

#[test]
fn every_kind_of_key_signs() {
    let wanted = requirement(BY_KEY, None);
    for kind in ["p256", "p384", "rsa", "ed25519"] {
        let (found, own) = (case(&format!("key-simple-{kind}")), key(kind));
        assert_eq!(by_key(&found, &own, &wanted), Ok(own.name().to_owned()), "{kind}");
        assert_eq!(
            by_key(&found, &key("other"), &wanted),
            Err(format!("it is not signed with {}", key("other").name()))
        );
        assert_eq!(
            by_key(&found.of_another(), &own, &wanted),
            Err("it is a signature of another digest".into())
        );
        let other = found.with(|it| it["optional"] = json!({ "note": "added" }));
        assert_eq!(
            by_key(&other, &own, &wanted),
            Err(format!("it is not signed with {}", own.name())),
            "{kind}"
        );
    }
}

#[test]
fn bundles_count_as_the_older_form_does() {
    let (wanted, own) = (requirement(BY_KEY, None), key("p256"));
    let found = case("key-bundle");
    assert_eq!(by_key(&found, &own, &wanted), Ok(own.name().to_owned()));
    assert!(
        by_key(&found, &key("other"), &wanted).unwrap_err().starts_with("it is not signed with key SHA256:")
    );
    assert_eq!(by_key(&found.of_another(), &own, &wanted), Err("it is about another digest".into()));
    let bad = found.with(|it| {
        it["dsseEnvelope"]["signatures"][0]["sig"] = bent(&it["dsseEnvelope"]["signatures"][0]["sig"]);
    });
    assert!(by_key(&bad, &own, &wanted).is_err());
    let two = found.with(|it| {
        let first = it["dsseEnvelope"]["signatures"][0].clone();
        it["dsseEnvelope"]["signatures"].as_array_mut().unwrap().push(first);
    });
    assert_eq!(
        by_key(&two, &own, &wanted),
        Err("the attestation's envelope has more than one signature".into())
    );
    let newer = found.with(|it| it["mediaType"] = json!("application/vnd.dev.sigstore.bundle.v0.9+json"));
    assert_eq!(by_key(&newer, &own, &wanted), Err("the bundle is of a version that is not known".into()));
}

#[test]
fn attestations_are_told_by_kind_and_predicate() {
    let own = key("p256");
    for name in ["key-attestation", "key-attestation-bundle"] {
        let found = case(name);
        let asks = |kind: &str, expression: &str| {
            by_key(&found, &own, &requirement(BY_KEY, Some((kind, expression))))
        };
        assert_eq!(asks(SLSA, ""), Ok(own.name().to_owned()), "{name}");
        let good = "'predicate.buildDefinition.buildType == \"https://example.com/build/v1\"'";
        assert_eq!(asks(SLSA, good), Ok(own.name().to_owned()));
        let bad = "'predicate.runDetails.builder.id == \"me\"'";
        assert_eq!(asks(SLSA, bad), Err("`predicate.runDetails.builder.id == \"me\"` is false".into()));
        assert!(asks(SLSA, "'predicate.buildTyp == \"\"'").unwrap_err().contains("cannot be evaluated"));
        let vuln = "https://cosign.sigstore.dev/attestation/vuln/v1";
        assert_eq!(asks(vuln, ""), Err(format!("there is none, only {SLSA}")));
        // An attestation is no signature, whoever made it.
        let signature = by_key(&found, &own, &requirement(BY_KEY, None));
        assert_eq!(signature, Err(format!("there is none, only {SLSA}")));
        assert_eq!(
            by_key(&found.of_another(), &own, &requirement(BY_KEY, Some((SLSA, "")))),
            Err("it is about another digest".into())
        );
    }
    let simple = by_key(&case("key-simple-p256"), &own, &requirement(BY_KEY, Some((SLSA, ""))));
    assert_eq!(simple, Err("there is none, only a signature".into()));
}

#[test]
fn one_that_counts_is_enough_and_none_is_said() {
    let own = key("p256");
    let several = case("several");
    assert_eq!(by_key(&several, &own, &requirement(BY_KEY, None)), Ok(own.name().to_owned()));
    let who = keyless(ISSUER, IDENTITY);
    assert!(by_root(&several, &root(), &requirement(&who, None)).is_ok());
    assert!(by_root(&several, &root(), &requirement(&who, Some((SLSA, "")))).is_ok());
    // The statement of somebody else does not speak for the key.
    assert!(by_key(&several, &own, &requirement(BY_KEY, Some((SLSA, "")))).is_err());
    assert_eq!(by_key(&case("unsigned"), &own, &requirement(BY_KEY, None)), Err("there is none".into()));
    assert!(
        by_root(&case("key-bundle"), &root(), &requirement(&who, None))
            .unwrap_err()
            .contains("no certificate")
    );
}

#[test]
fn what_is_no_key_is_refused() {
    let said = |text: &str| PublicKey::read(text).unwrap_err().to_string();
    assert_eq!(said("cosign.pub"), "it is no public key that signs images: it is no `PUBLIC KEY` in PEM");
    let k1 = "-----BEGIN PUBLIC KEY-----\nMFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEeb5mfvncu6xVoGKVzocLBwKb/NstzijZ\nWfKBWxb4F5hIOtp3JqPEZV2k+/wOEQio/Re0SKaFVBmcR9CP+xDUuA==\n-----END PUBLIC KEY-----\n";
    assert!(said(k1).contains("of the curves only P-256 and P-384 are known"));
}
