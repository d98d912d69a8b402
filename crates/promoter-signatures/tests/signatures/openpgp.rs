//! OpenPGP keys.

use std::ops::Deref;

use promoter_core::UnixSeconds;
use promoter_signatures::{KeyError, SigningKey, insert_signature};

use super::{AT, Stage, judge, line};

/// A stage whose home has a keyring. The agent that gpg starts for it ends with it.
struct Keyring(Stage);

impl Deref for Keyring {
    type Target = Stage;

    fn deref(&self) -> &Stage {
        &self.0
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        self.0.attempt("gpgconf", &["--kill", "all"]);
    }
}

/// When keys are made unless a test says something else: some days before the commits.
const MADE: &str = "20261101T000000";
/// While the commits are made.
const NOW: &str = "20261120T090000";

impl Keyring {
    fn new() -> Self {
        let stage = Stage::new();
        let home = stage.file(".gnupg");
        std::fs::create_dir(&home).unwrap();
        // Passphrases are stretched for a tenth of a second otherwise, which takes our unoptimised build half a minute.
        std::fs::write(home.join("gpg-agent.conf"), "s2k-count 65536\n").unwrap();
        std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        Self(stage)
    }

    /// Runs gpg at a time, with an empty passphrase.
    fn gpg(&self, at: &str, arguments: &[&str]) -> String {
        self.gpg_with("", at, arguments)
    }

    fn gpg_with(&self, passphrase: &str, at: &str, arguments: &[&str]) -> String {
        let clock = format!("--faked-system-time={at}!");
        let mut all = vec!["--batch", "--quiet", "--no-tty", "--yes", "--pinentry-mode=loopback", &clock];
        all.extend(["--passphrase", passphrase]);
        all.extend(arguments);
        self.run("gpg", &all)
    }

    /// Makes a key and gives its fingerprint.
    fn make(&self, name: &str, algorithm: &str, usage: &str, lasts: &str) -> String {
        let user = format!("{name} <{name}@example.com>");
        self.gpg(MADE, &["--quick-generate-key", &user, algorithm, usage, lasts]);
        self.fingerprints(name)[0].clone()
    }

    /// The fingerprints of a key and its subkeys.
    fn fingerprints(&self, name: &str) -> Vec<String> {
        let listed = self.gpg(NOW, &["--with-colons", "--list-keys", &format!("{name}@example.com")]);
        let prints = listed.lines().filter_map(|it| it.strip_prefix("fpr:"));
        prints.map(|it| it.trim_matches(':').to_owned()).collect()
    }

    fn public(&self, name: &str) -> String {
        self.gpg(NOW, &["--armor", "--export", &format!("{name}@example.com")])
    }

    fn secret(&self, name: &str) -> String {
        self.gpg(NOW, &["--armor", "--export-secret-keys", &format!("{name}@example.com")])
    }

    fn key(&self, name: &str) -> SigningKey {
        SigningKey::read(&self.secret(name), None, name, AT).unwrap()
    }

    /// A commit that gpg signs at a time.
    fn by_gpg(&self, signer: &str, at: &str, options: &[&str]) -> String {
        let payload = self.commit("by gpg");
        std::fs::write(self.file("payload"), &payload).unwrap();
        let mut all = vec!["--armor", "--detach-sign", "--local-user", signer, "--output", "-"];
        all.extend(options);
        all.push("payload");
        insert_signature(&payload, &self.gpg(at, &all))
    }
}

#[test]
fn git_takes_what_we_sign_and_we_take_what_git_signs() {
    let ring = Keyring::new();
    // gpg's clock is the machine's when git calls it, so these keys are made long ago.
    for algorithm in ["ed25519", "rsa2048", "nistp256", "nistp384", "nistp521"] {
        let print = ring.make(algorithm, algorithm, "sign", "0");
        let key = ring.key(algorithm);
        assert_eq!(key.fingerprint(), print);
        let ours = ring.signed(&key, "ours");
        ring.git_says(&ours).unwrap_or_else(|words| panic!("{algorithm}: {words}"));
        // The pgp crate draws random numbers for this curve.
        if algorithm != "nistp521" {
            assert_eq!(ring.signed(&key, "ours"), ours, "{algorithm}: the same again");
        }
        let theirs = ring.by_git(&[&format!("user.signingKey={print}")], "theirs");
        for commit in [&ours, &theirs] {
            let verdict = judge(commit, "", &ring.public(algorithm));
            assert!(verdict.is_good(), "{algorithm}: {verdict:?}");
            assert_eq!(verdict.signers, [format!("{algorithm} <{algorithm}@example.com>")]);
            assert_eq!(verdict.key, print);
        }
        assert!(key.may_speak_for(&format!("{algorithm}@EXAMPLE.com")));
        assert!(!key.may_speak_for("example.com"));
    }
}

#[test]
fn a_subkey_signs_when_there_is_one_even_without_the_primary_key() {
    let ring = Keyring::new();
    let primary = ring.make("ada", "ed25519", "cert", "0");
    ring.gpg(MADE, &["--quick-add-key", &primary, "ed25519", "sign", "0"]);
    ring.gpg(MADE, &["--quick-add-key", &primary, "cv25519", "encr", "0"]);
    let sub = ring.fingerprints("ada")[1].clone();
    let whole = ring.secret("ada");
    let only_sub = ring.gpg(NOW, &["--armor", "--export-secret-subkeys", &primary]);
    assert_ne!(whole, only_sub);
    for text in [&whole, &only_sub] {
        let key = SigningKey::read(text, None, "key", AT).unwrap();
        assert_eq!(key.fingerprint(), sub);
        let signed = ring.signed(&key, "x");
        ring.git_says(&signed).unwrap();
        assert_eq!(line(&judge(&signed, "", &ring.public("ada"))), "good");
    }
    // Without the subkey's own agreement, or its binding, a key is nobody's.
    let stranger = ring.make("bob", "ed25519", "sign", "0");
    let unknown = "unknown the key is not in the keyring, or may not sign";
    assert_eq!(line(&judge(&ring.by_gpg(&stranger, NOW, &[]), "", &ring.public("ada"))), unknown);
}

#[test]
fn keys_behind_a_passphrase_are_opened_once() {
    let ring = Keyring::new();
    let user = "ada <ada@example.com>";
    ring.gpg_with("s3cret", MADE, &["--quick-generate-key", user, "ed25519", "sign", "0"]);
    let text = ring.gpg_with("s3cret", NOW, &["--armor", "--export-secret-keys", "ada@example.com"]);
    let key = SigningKey::read(&text, Some("s3cret"), "key", AT).unwrap();
    assert_eq!(line(&judge(&ring.signed(&key, "x"), "", &ring.public("ada"))), "good");
    assert_eq!(format!("{key:?}"), "***");
    let missing = SigningKey::read(&text, None, "key", AT).unwrap_err();
    assert_eq!(missing, KeyError::PassphraseMissing { path: "key".into() });
    let wrong = SigningKey::read(&text, Some("secret"), "key", AT).unwrap_err();
    assert_eq!(wrong, KeyError::PassphraseWrong { path: "key".into() });
}

#[test]
fn tampered_and_unknown() {
    let ring = Keyring::new();
    let (ada, bob) = (ring.make("ada", "ed25519", "sign", "0"), ring.make("bob", "ed25519", "sign", "0"));
    let both = format!("{}{}", ring.public("ada"), ring.public("bob"));
    for (print, name) in [(&ada, "ada"), (&bob, "bob")] {
        let signed = ring.by_gpg(print, NOW, &[]);
        let verdict = judge(&signed, "", &both);
        assert_eq!((line(&verdict), &verdict.key), ("good".into(), print), "{name}");
        let tampered = signed.replace("by gpg", "by me");
        assert!(ring.git_says(&tampered).is_err());
        let wanted = "bad the signature is of something else than this commit";
        assert_eq!(line(&judge(&tampered, "", &both)), wanted);
    }
    let signed = ring.by_gpg(&ada, NOW, &[]);
    let verdict = judge(&signed, "", &ring.public("bob"));
    assert_eq!(line(&verdict), "unknown the key is not in the keyring, or may not sign");
    assert_eq!(verdict.key, ada);
    assert_eq!(line(&judge(&signed, "", "")), "unknown the key is not in the keyring, or may not sign");
    // The same key once more, as a signature of somebody else's name.
    let renamed = signed.replace("Ada <ada@", "Eve <eve@");
    assert!(line(&judge(&renamed, "", &both)).starts_with("bad "));
}

#[test]
fn keys_end() {
    let ring = Keyring::new();
    let print = ring.make("ada", "ed25519", "sign", "10d");
    let before = ring.by_gpg(&print, "20261105T000000", &[]);
    assert_eq!(line(&judge(&before, "", &ring.public("ada"))), "good", "what was good stays good");
    // An expired key does not sign with gpg, but with a clock that is wrong by a year.
    let secret = ring.secret("ada");
    let error = SigningKey::read(&secret, None, "key", AT).unwrap_err().diagnosis();
    assert_eq!(error.code, "signing-key-unusable");
    let words = "the key in `key` cannot sign: the key expired at 2026-11-11T00:00:00Z";
    assert!(error.to_string().starts_with(words), "{error}");
    let early = UnixSeconds(AT.0 - 15 * 86_400);
    let key = SigningKey::read(&secret, None, "key", early).unwrap();
    let late = ring.signed(&key, "late");
    assert_eq!(line(&judge(&late, "", &ring.public("ada"))), "bad the key expired at 2026-11-11T00:00:00Z");
    assert!(ring.git_says(&late).is_err(), "gpg says that the key is expired");
    let young = key.sign(&ring.commit("young"), UnixSeconds(AT.0 - 90 * 86_400)).unwrap();
    let wanted = "bad the key was made later, at 2026-11-01T00:00:00Z";
    assert_eq!(line(&judge(&young, "", &ring.public("ada"))), wanted);
    // Its owner prolongs it: the newest self-signature counts.
    ring.gpg("20261106T000000", &["--quick-set-expire", &print, "1y"]);
    assert_eq!(line(&judge(&late, "", &ring.public("ada"))), "good");
}

#[test]
fn subkeys_end_and_signatures_too() {
    let ring = Keyring::new();
    let primary = ring.make("ada", "ed25519", "cert", "0");
    ring.gpg(MADE, &["--quick-add-key", &primary, "ed25519", "sign", "10d"]);
    let early = UnixSeconds(AT.0 - 15 * 86_400);
    let key = SigningKey::read(&ring.secret("ada"), None, "key", early).unwrap();
    let late = ring.signed(&key, "late");
    assert_eq!(line(&judge(&late, "", &ring.public("ada"))), "bad the key expired at 2026-11-11T00:00:00Z");
    let in_time = key.sign(&ring.commit("in time"), early).unwrap();
    assert_eq!(line(&judge(&in_time, "", &ring.public("ada"))), "good");
    let short = ring.by_gpg(
        &format!("{}!", ring.fingerprints("ada")[1]),
        "20261105T000000",
        &["--default-sig-expire=2d"],
    );
    let wanted = "bad the signature expired at 2026-11-07T00:00:00Z";
    assert_eq!(line(&judge(&short, "", &ring.public("ada"))), wanted);
}

#[test]
fn revoked_keys_sign_nothing() {
    let ring = Keyring::new();
    let print = ring.make("ada", "ed25519", "sign", "0");
    let signed = ring.by_gpg(&print, NOW, &[]);
    let before = ring.public("ada");
    // gpg makes a revocation with every key, and keeps it from being used by mistake.
    let path = format!(".gnupg/openpgp-revocs.d/{print}.rev");
    let revocation = ring.text(&path).replace(":-----BEGIN", "-----BEGIN");
    std::fs::write(ring.file("revocation"), revocation).unwrap();
    let secret = ring.secret("ada");
    ring.gpg(NOW, &["--import", "revocation"]);
    assert_eq!(line(&judge(&signed, "", &before)), "good");
    assert_eq!(line(&judge(&signed, "", &ring.public("ada"))), "bad the key is revoked");
    assert!(ring.git_says(&signed).is_err());
    let error = SigningKey::read(&ring.secret("ada"), None, "key", AT).unwrap_err();
    assert!(error.to_string().contains("cannot sign: the key is revoked"), "{error}");
    assert!(SigningKey::read(&secret, None, "key", AT).is_ok());
}

#[test]
fn hashes_that_can_be_forged_are_refused() {
    let ring = Keyring::new();
    let print = ring.make("ada", "rsa2048", "sign", "0");
    let signed = ring.by_gpg(&print, NOW, &["--digest-algo=SHA1", "--allow-weak-digest-algos"]);
    assert_eq!(line(&judge(&signed, "", &ring.public("ada"))), "bad its hash can be forged");
}

#[test]
fn what_is_no_key_is_said_in_one_line() {
    let ring = Keyring::new();
    ring.make("ada", "ed25519", "sign", "0");
    ring.make("carl", "ed25519", "cert", "0");
    let two = ring.gpg(NOW, &["--armor", "--export-secret-keys"]);
    let secret = ring.secret("ada");
    let broken = secret.replacen(&secret[120..180], "", 1);
    for (text, code, words) in [
        (
            ring.public("ada"),
            "signing-key-format",
            "it is a public key; hint: write the secret one with `gpg",
        ),
        (two, "signing-key-format", "it holds more than one key"),
        (ring.secret("carl"), "signing-key-unusable", "none of its keys is for signing"),
        (broken, "signing-key-format", "`key` holds no private key"),
    ] {
        let diagnosis = SigningKey::read(&text, None, "key", AT).unwrap_err().diagnosis();
        assert_eq!(diagnosis.code, code, "{diagnosis}");
        assert!(diagnosis.to_string().contains(words), "{diagnosis}");
    }
}
