//! SSH keys.

use promoter_signatures::{KeyError, SigningKey, State, insert_signature, split};

use super::{AT, Stage, judge, line};

/// Type and size of the keys that git may be given.
const KINDS: [(&str, &str); 5] =
    [("ed25519", "256"), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"), ("rsa", "2048")];

/// Makes a key without a passphrase, and the line that allows it.
fn make(stage: &Stage, kind: &str, bits: &str, name: &str) -> (SigningKey, String) {
    stage.run("ssh-keygen", &["-q", "-t", kind, "-b", bits, "-N", "", "-C", "", "-f", name]);
    let key = SigningKey::read(&stage.text(name), None, name, AT).unwrap();
    (key, format!("ada@example.com {}", stage.text(&format!("{name}.pub"))))
}

fn allow(stage: &Stage, lines: &str) {
    std::fs::write(stage.file("signers"), lines).unwrap();
}

/// A signature by ssh-keygen itself.
fn by_ssh_keygen(stage: &Stage, key: &str, namespace: &str, payload: &str) -> String {
    std::fs::write(stage.file("payload"), payload).unwrap();
    stage.run("ssh-keygen", &["-q", "-Y", "sign", "-n", namespace, "-f", key, "payload"]);
    let signature = stage.text("payload.sig");
    std::fs::remove_file(stage.file("payload.sig")).unwrap();
    signature
}

#[test]
fn git_takes_what_we_sign_and_we_take_what_git_signs() {
    let stage = Stage::new();
    for (kind, bits) in KINDS {
        let name = format!("{kind}{bits}");
        let (key, line) = make(&stage, kind, bits, &name);
        allow(&stage, &line);
        let ours = stage.signed(&key, "ours");
        stage.git_says(&ours).unwrap_or_else(|words| panic!("{name}: {words}"));
        let setting = format!("user.signingKey={}", stage.file(&name).display());
        let theirs = stage.by_git(&["gpg.format=ssh", &setting], "theirs");
        for commit in [&ours, &theirs] {
            let verdict = judge(commit, &line, "");
            assert!(verdict.is_good(), "{name}: {verdict:?}");
            assert_eq!(verdict.signers, ["ada@example.com"]);
            assert_eq!(verdict.key, key.fingerprint());
            let listed = stage.run("ssh-keygen", &["-l", "-f", &name]);
            assert!(listed.contains(&verdict.key), "{listed}");
        }
    }
}

#[test]
fn a_signature_is_the_bytes_of_ssh_keygen() {
    let stage = Stage::new();
    for (kind, bits) in [("ed25519", "256"), ("rsa", "2048")] {
        let (key, _) = make(&stage, kind, bits, kind);
        let signed = stage.signed(&key, "same");
        let payload = stage.commit("same");
        let theirs = insert_signature(&payload, &by_ssh_keygen(&stage, kind, "git", &payload));
        assert_eq!(split(signed.as_bytes()).payload, payload.as_bytes());
        assert_eq!(decoded(&signed), decoded(&theirs), "{kind}");
        assert_eq!(stage.signed(&key, "same"), signed, "the same again");
    }
}

/// The signature without the line breaks of its armor.
fn decoded(commit: &str) -> String {
    let signature = split(commit.as_bytes()).signatures.concat();
    String::from_utf8(signature).unwrap().split_whitespace().collect()
}

#[test]
fn what_git_refuses_we_refuse_and_say_why() {
    let stage = Stage::new();
    let (key, ada) = make(&stage, "ed25519", "256", "ada");
    let (_, bob) = make(&stage, "ed25519", "256", "bob");
    let signed = stage.signed(&key, "mine");
    let public = ada.split_once(' ').unwrap().1.trim();
    let payload = stage.commit("mine");
    let for_files = insert_signature(&payload, &by_ssh_keygen(&stage, "ada", "file", &payload));
    let tampered = signed.replace("mine", "yours");
    let line_of = |options: &str| format!("ada@example.com {options} {public}\n");
    let cases = [
        (&signed, ada.clone(), "good"),
        (&signed, line_of("valid-after=\"20261120\",valid-before=\"20261121\""), "good"),
        (&signed, line_of("namespaces=\"file,g*\""), "good"),
        (&tampered, ada.clone(), "bad the signature is of something else than this commit"),
        (&tampered, bob.clone(), "bad the signature is of something else than this commit"),
        (&signed, bob, "unknown the key is not among the allowed signers"),
        (
            &signed,
            line_of("valid-before=\"20261120085959Z\""),
            "bad the key was valid before 2026-11-20T08:59:59Z",
        ),
        (
            &signed,
            line_of("valid-after=\"20261120090001Z\""),
            "bad the key is valid after 2026-11-20T09:00:01Z",
        ),
        (&signed, line_of("namespaces=\"file\""), "bad the key may not sign for `git`"),
        (&for_files, ada.clone(), "bad it is a signature for `file`, not for git"),
    ];
    for (commit, signers, wanted) in cases {
        allow(&stage, &signers);
        let verdict = judge(commit, &signers, "");
        assert_eq!(line(&verdict), wanted, "{signers}");
        assert_eq!(
            stage.git_says(commit).is_ok(),
            verdict.is_good(),
            "{signers}: {:?}",
            stage.git_says(commit)
        );
    }
    // One line that allows it is enough.
    let both = format!("{}{}", line_of("namespaces=\"file\""), ada);
    assert!(judge(&signed, &both, "").is_good());
    assert_eq!(judge(&stage.commit("mine"), &ada, "").state, State::None);
}

#[test]
fn keys_behind_a_passphrase_are_opened_once() {
    let stage = Stage::new();
    for cipher in ["aes256-ctr", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-cbc"] {
        let (_, line) = make(&stage, "ed25519", "256", "key");
        stage.run("ssh-keygen", &["-q", "-p", "-a", "2", "-Z", cipher, "-N", "s3cret", "-f", "key"]);
        let text = stage.text("key");
        let key = SigningKey::read(&text, Some("s3cret"), "key", AT).unwrap();
        assert!(judge(&stage.signed(&key, "x"), &line, "").is_good(), "{cipher}");
        assert_eq!(format!("{key:?}"), "***");
        let missing = SigningKey::read(&text, None, "key", AT).unwrap_err();
        assert_eq!(missing, KeyError::PassphraseMissing { path: "key".into() });
        let wrong = SigningKey::read(&text, Some("secret"), "key", AT).unwrap_err();
        assert_eq!(wrong, KeyError::PassphraseWrong { path: "key".into() });
        for name in ["key", "key.pub"] {
            std::fs::remove_file(stage.file(name)).unwrap();
        }
    }
}

#[test]
fn what_is_no_key_is_said_in_one_line() {
    let stage = Stage::new();
    make(&stage, "ed25519", "256", "key");
    stage.run("ssh-keygen", &["-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-f", "old"]);
    let whole = stage.text("key");
    let half = whole.replacen(&whole[60..120], "", 1);
    for (text, code, words) in [
        (
            stage.text("key.pub"),
            "signing-key-format",
            "it is a public key; hint: name the file without `.pub`",
        ),
        (stage.text("old"), "signing-key-format", "`RSA PRIVATE KEY` is another format; hint: rewrite"),
        (half, "signing-key-format", "`key` holds no private key that promoter reads: "),
        (String::new(), "signing-key-format", "it is neither an OpenSSH private key nor an armored OpenPGP"),
    ] {
        let diagnosis = SigningKey::read(&text, None, "key", AT).unwrap_err().diagnosis();
        assert_eq!(diagnosis.code, code);
        assert!(diagnosis.to_string().contains(words), "{diagnosis}");
    }
}
