//! Signatures and attestations with a certificate for a moment.

use super::change::bent;
use super::{IDENTITY, ISSUER, SLSA, by_root, case, keyless, requirement, root, text};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use promoter_signatures::image::SigstoreRoot;
use serde_json::{Value, json};

const SIGNATURES: [&str; 3] = ["keyless-simple", "keyless-bundle", "keyless-bundle-rekor2"];
const ATTESTATIONS: [&str; 3] =
    ["keyless-attestation", "keyless-attestation-bundle", "keyless-attestation-rekor2"];

/// The root of trust, changed.
fn root_with(change: impl Fn(&mut Value)) -> SigstoreRoot {
    let mut json: Value = serde_json::from_str(&text("trusted_root.json")).unwrap();
    change(&mut json);
    SigstoreRoot::read(&json.to_string(), "trusted_root.json").unwrap()
}

#[test]
fn every_form_counts() {
    let who = keyless(ISSUER, IDENTITY);
    for name in SIGNATURES {
        assert_eq!(
            by_root(&case(name), &root(), &requirement(&who, None)),
            Ok(format!("{IDENTITY} by {ISSUER}")),
            "{name}"
        );
    }
    for name in ATTESTATIONS {
        let wanted = requirement(
            &who,
            Some((SLSA, "'predicate.runDetails.builder.id == \"https://example.com/ci\"'")),
        );
        assert_eq!(by_root(&case(name), &root(), &wanted), Ok(format!("{IDENTITY} by {ISSUER}")), "{name}");
        let other = requirement(&who, Some(("https://spdx.dev/Document", "")));
        assert_eq!(by_root(&case(name), &root(), &other), Err(format!("there is none, only {SLSA}")));
    }
}

#[test]
fn the_owner_must_be_accepted() {
    let found = case("keyless-bundle");
    let asks = |issuer: &str, identity: &str| {
        by_root(&found, &root(), &requirement(&keyless(issuer, identity), None))
    };
    assert!(asks(ISSUER, "https://github.com/acme/web/.github/workflows/release.yaml@refs/tags/*").is_ok());
    assert!(asks("https://token.actions.*", "https://github.com/acme/*").is_ok());
    let wrong = asks(ISSUER, "https://github.com/acme/web/.github/workflows/release.yaml@refs/heads/*");
    assert!(wrong.unwrap_err().starts_with(&format!("it is signed by {IDENTITY} and not by ")));
    let wrong = asks("https://accounts.example.com", IDENTITY);
    assert_eq!(
        wrong,
        Err(format!(
            "it is signed by {IDENTITY}, for whom {ISSUER} vouches and not https://accounts.example.com"
        ))
    );
    let regex = |text: &str| {
        let signer = format!("keyless: {{ issuer: \"{ISSUER}\", identity: {{ regex: '{text}' }} }}");
        by_root(&found, &root(), &requirement(&signer, None))
    };
    assert!(regex(r"https://github\.com/acme/web/.*@refs/tags/v[0-9.]+").is_ok());
    // The whole identity has to match.
    assert!(regex(r"acme/web").is_err());
}

#[test]
fn another_image_is_not_signed() {
    let who = keyless(ISSUER, IDENTITY);
    for name in SIGNATURES {
        let said = by_root(&case(name).of_another(), &root(), &requirement(&who, None));
        assert!(said.unwrap_err().contains("another digest"), "{name}");
    }
}

#[test]
fn what_the_log_says_must_be_about_this() {
    let wanted = requirement(&keyless(ISSUER, IDENTITY), None);
    let found = case("keyless-bundle");
    let asks = |change: &dyn Fn(&mut Value)| by_root(&found.with(change), &root(), &wanted).unwrap_err();
    let other = case("keyless-bundle-other").bundle();

    let entry = "tlogEntries";
    let said = asks(&|it| it["verificationMaterial"][entry] = other["verificationMaterial"][entry].clone());
    assert_eq!(said, "its entry of the log is about something else");
    let said = asks(&|it| it["verificationMaterial"][entry] = json!([]));
    assert_eq!(said, "it came with no entry of a log");
    // Without the log's promise nobody says when it was.
    let said = asks(&|it| {
        it["verificationMaterial"][entry][0].as_object_mut().unwrap().remove("inclusionPromise");
    });
    assert_eq!(said, "nothing proves when it was signed: no promise of a log, no timestamp");
    let said = asks(&|it| {
        let entry = it["verificationMaterial"][entry][0].as_object_mut().unwrap();
        entry.remove("inclusionPromise");
        entry.remove("inclusionProof");
    });
    assert_eq!(said, "its entry of the log comes without promise or proof");
    let said = asks(&|it| it["verificationMaterial"][entry][0]["integratedTime"] = json!("1700000000"));
    assert_eq!(said, "the promise of its log is not signed by the log");
    let said = asks(&|it| it["verificationMaterial"][entry][0]["logId"]["keyId"] = json!("AAAA"));
    assert_eq!(said, "its entry is of no log of the root of trust");
    let said = asks(&|it| {
        let root = &mut it["verificationMaterial"][entry][0]["inclusionProof"]["rootHash"];
        *root = bent(root);
    });
    assert_eq!(said, "the proof of its log leads to another tree");
    let said = asks(&|it| {
        let note = &mut it["verificationMaterial"][entry][0]["inclusionProof"]["checkpoint"]["envelope"];
        *note = json!(note.as_str().unwrap().replacen("Timestamp: ", "Timestamp: 1", 1));
    });
    assert_eq!(said, "the checkpoint of its log is not signed by the log");
    // The same for what was said and who said it.
    let said = asks(&|it| {
        it["verificationMaterial"]["certificate"] = other["verificationMaterial"]["certificate"].clone();
    });
    assert_eq!(said, "its entry of the log is about another signer");
    let said = asks(&|it| {
        let signature = &mut it["dsseEnvelope"]["signatures"][0]["sig"];
        *signature = bent(signature);
    });
    assert_eq!(said, "its entry of the log is about another signature");
}

#[test]
fn the_same_holds_for_the_older_form() {
    let wanted = requirement(&keyless(ISSUER, IDENTITY), None);
    let found = case("keyless-simple");
    let bundle = "dev.sigstore.cosign/bundle";
    let said = |it| by_root(&it, &root(), &wanted).unwrap_err();
    assert_eq!(said(found.annotated(bundle, |_| None)), "it came with no entry of a log");
    let late = |text: &str| {
        let mut json: Value = serde_json::from_str(text).unwrap();
        json["Payload"]["integratedTime"] = json!(1);
        Some(json.to_string())
    };
    assert_eq!(said(found.annotated(bundle, late)), "the promise of its log is not signed by the log");
    let certificate = "dev.sigstore.cosign/certificate";
    assert!(said(found.annotated(certificate, |_| None)).starts_with("it came with no certificate"));
    assert_eq!(
        said(found.annotated(certificate, |it| Some(it.replacen("MII", "M!!", 1)))),
        "its certificate is no PEM"
    );
    let other = found.with(|it| it["optional"] = json!({ "note": "added" }));
    assert_eq!(said(other), "its entry of the log is about something else");
}

#[test]
fn the_certificate_must_have_been_valid_then() {
    let wanted = requirement(&keyless(ISSUER, IDENTITY), None);
    let found = case("keyless-bundle");
    let made = &found.bundle()["verificationMaterial"]["tlogEntries"][0]["integratedTime"];
    let made: u64 = made.as_str().unwrap().parse().unwrap();
    // A log of our own promises other times.
    let (log, root) = OwnLog::trusted();
    let asks = |at: u64| by_root(&found.with(|it| log.takes(it, at)), &root, &wanted);
    assert_eq!(asks(made), Ok(format!("{IDENTITY} by {ISSUER}")));
    assert_eq!(asks(made + 3_600), Err("its certificate had expired when it was signed".into()));
    assert_eq!(asks(made - 3_600), Err("its certificate was not valid yet when it was signed".into()));
}

/// A log whose key a test has.
struct OwnLog {
    key: ring::signature::EcdsaKeyPair,
    id: Vec<u8>,
}

impl OwnLog {
    /// The log, and a root that trusts it.
    fn trusted() -> (Self, SigstoreRoot) {
        use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
        let random = ring::rand::SystemRandom::new();
        let secret = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, secret.as_ref(), &random).unwrap();
        // The head of a `SubjectPublicKeyInfo` of P-256.
        let mut spki = vec![0x30, 0x59, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8];
        spki.extend([0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7, 3, 0x42, 0]);
        spki.extend(key.public_key().as_ref());
        let id = ring::digest::digest(&ring::digest::SHA256, &spki).as_ref().to_vec();
        let root = root_with(|it| {
            it["tlogs"][0]["publicKey"]["rawBytes"] = json!(STANDARD.encode(&spki));
            it["tlogs"][0]["logId"]["keyId"] = json!(STANDARD.encode(&id));
        });
        (Self { key, id }, root)
    }

    /// Promises the one entry of a bundle for a time.
    fn takes(&self, bundle: &mut Value, at: u64) {
        let entry = &mut bundle["verificationMaterial"]["tlogEntries"][0];
        let index: u64 = entry["logIndex"].as_str().unwrap().parse().unwrap();
        let id: String = self.id.iter().map(|it| format!("{it:02x}")).collect();
        // The names are in order, as canonical JSON has them.
        let text = json!({ "body": entry["canonicalizedBody"], "integratedTime": at, "logID": id, "logIndex": index });
        let promise = self.key.sign(&ring::rand::SystemRandom::new(), text.to_string().as_bytes()).unwrap();
        entry["integratedTime"] = json!(at.to_string());
        entry["logId"]["keyId"] = json!(STANDARD.encode(&self.id));
        entry["inclusionPromise"]["signedEntryTimestamp"] = json!(STANDARD.encode(promise));
        entry.as_object_mut().unwrap().remove("inclusionProof");
    }
}

#[test]
fn a_timestamp_must_be_of_this_signature_and_of_the_authority() {
    let wanted = requirement(&keyless(ISSUER, IDENTITY), None);
    let found = case("keyless-bundle-rekor2");
    let stamps = "timestampVerificationData";
    let asks = |change: &dyn Fn(&mut Value)| by_root(&found.with(change), &root(), &wanted).unwrap_err();
    let said =
        asks(&|it| it["verificationMaterial"].as_object_mut().unwrap().remove(stamps).map(|_| ()).unwrap());
    assert_eq!(said, "nothing proves when it was signed: no promise of a log, no timestamp");
    let other = case("keyless-attestation-rekor2").bundle();
    let said = asks(&|it| it["verificationMaterial"][stamps] = other["verificationMaterial"][stamps].clone());
    assert_eq!(said, "its timestamp is of another signature");
    let said = asks(&|it| {
        let stamp = &mut it["verificationMaterial"][stamps]["rfc3161Timestamps"][0]["signedTimestamp"];
        *stamp = bent(stamp);
    });
    assert_eq!(said, "its timestamp is not signed by an authority of the root of trust");
    let said = asks(&|it| {
        it["verificationMaterial"][stamps]["rfc3161Timestamps"][0]["signedTimestamp"] = json!("MIIB");
    });
    assert_eq!(said, "its timestamp cannot be read");
    let elsewhere = root_with(|it| it["timestampAuthorities"] = json!([]));
    let said = by_root(&found, &elsewhere, &wanted).unwrap_err();
    assert_eq!(said, "nothing proves when it was signed: no promise of a log, no timestamp");
    let other = root_with(|it| it["timestampAuthorities"] = it["certificateAuthorities"].clone());
    let said = by_root(&found, &other, &wanted).unwrap_err();
    assert_eq!(said, "its timestamp is not signed by an authority of the root of trust");
    let late = root_with(|it| it["tlogs"][1]["publicKey"]["validFor"]["end"] = json!("2026-01-02T00:00:00Z"));
    let said = by_root(&found, &late, &wanted).unwrap_err();
    assert_eq!(said, "its log was not trusted yet, or no more, at the time of its entry");
    let early = root_with(|it| {
        it["timestampAuthorities"][0]["validFor"] =
            json!({ "start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z" });
    });
    let said = by_root(&found, &early, &wanted).unwrap_err();
    assert_eq!(said, "of its timestamp, no authority of the root of trust is valid at its time");
}

#[test]
fn nothing_is_trusted_but_the_root() {
    let wanted = requirement(&keyless(ISSUER, IDENTITY), None);
    let found = case("keyless-bundle");
    let asks = |change: &dyn Fn(&mut Value)| by_root(&found, &root_with(change), &wanted).unwrap_err();
    let authority = "certificateAuthorities";
    let said = asks(&|it| it[authority][0]["certChain"] = it["timestampAuthorities"][0]["certChain"].clone());
    assert_eq!(said, "its certificate is of no authority of the root of trust");
    let said = asks(&|it| {
        it[authority][0]["validFor"] =
            json!({ "start": "2026-01-01T00:00:00.5Z", "end": "2026-01-02T00:00:00Z" });
    });
    assert_eq!(said, "no authority of the root of trust is valid at its time");
    // A log's id with another log's key.
    let said = asks(&|it| it["tlogs"][0]["publicKey"] = it["ctlogs"][0]["publicKey"].clone());
    assert_eq!(said, "the checkpoint of its log is not signed by the log");
    let said = asks(&|it| {
        it["tlogs"][0]["publicKey"]["validFor"] =
            json!({ "start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z" });
    });
    assert_eq!(said, "its log was not trusted yet, or no more, at the time of its entry");
    let said = asks(&|it| it["ctlogs"][0]["publicKey"] = it["tlogs"][0]["publicKey"].clone());
    assert_eq!(said, "no log of the root of trust says that its certificate was logged");
    // Where no log of certificates is named, none is asked for.
    let bare = root_with(|it| it["ctlogs"] = json!([]));
    assert!(by_root(&found, &bare, &wanted).is_ok());
}

#[test]
fn what_is_no_root_is_refused() {
    let said = |text: &str| SigstoreRoot::read(text, "root.json").unwrap_err().diagnosis().to_string();
    assert!(said("{").starts_with("`root.json` is no sigstore root of trust: the file is no JSON"));
    assert!(said("{\"mediaType\": \"x\"}").contains("its version is not known"));
    let mut json: Value = serde_json::from_str(&text("trusted_root.json")).unwrap();
    json["tlogs"] = json!([]);
    json["timestampAuthorities"] = json!([]);
    assert!(said(&json.to_string()).contains("nothing proves a time"));
    json["certificateAuthorities"] = json!([]);
    assert!(said(&json.to_string()).contains("it names no certificate authority"));
}

#[test]
fn no_bytes_make_it_fall_over() {
    // Cut and bent at every few bytes: the answer is always a refusal, never a panic.
    let wanted = requirement(&keyless(ISSUER, IDENTITY), None);
    let (found, root) = (case("keyless-bundle-rekor2"), root());
    let stamp = &found.bundle()["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0]
        ["signedTimestamp"];
    let certificate = &found.bundle()["verificationMaterial"]["certificate"]["rawBytes"];
    for (place, text) in [("stamp", stamp), ("certificate", certificate)] {
        let bytes = STANDARD.decode(text.as_str().unwrap()).unwrap();
        for at in (0..bytes.len()).step_by(7) {
            for bend in [0x01, 0x80] {
                let mut bad = bytes.clone();
                bad[at] ^= bend;
                for bad in [bad, bytes[..at].to_vec()] {
                    let bad = json!(STANDARD.encode(bad));
                    let changed = found.with(|it| {
                        let material = &mut it["verificationMaterial"];
                        match place {
                            "stamp" => material["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"] = bad.clone(),
                            _ => material["certificate"]["rawBytes"] = bad.clone(),
                        }
                    });
                    let said = by_root(&changed, &root, &wanted);
                    // A timestamp has bytes that nobody signs: the status before it and the certificates beside it.
                    assert!(said.is_err() || place == "stamp", "{place} at {at}");
                }
            }
        }
    }
}
