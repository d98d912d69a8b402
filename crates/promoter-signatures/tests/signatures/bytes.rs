//! Whatever stands where a signature, a key or a list of keys should: an answer, never a panic.

use promoter_signatures::{SigningKey, State, Trusted, insert_signature, split};
use proptest::prelude::*;

use super::{AT, Stage};

const HEAD: &str =
    "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n";
const KINDS: [&str; 3] = ["SSH SIGNATURE", "PGP SIGNATURE", "PGP PUBLIC KEY BLOCK"];

/// Bytes in the armor of a kind.
fn armored(kind: &str, bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut body = String::new();
    for three in bytes.chunks(3) {
        let number = three.iter().fold(0_u32, |sum, it| sum << 8 | u32::from(*it)) << (8 * (3 - three.len()));
        let digit = |at: usize| char::from(DIGITS[(number >> (18 - 6 * at)) as usize & 63]);
        body.extend((0..4).map(|at| if at <= three.len() { digit(at) } else { '=' }));
    }
    let lines: Vec<&str> = body.as_bytes().chunks(64).map(|it| std::str::from_utf8(it).unwrap()).collect();
    format!("-----BEGIN {kind}-----\n\n{}\n-----END {kind}-----\n", lines.join("\n"))
}

fn judged(trusted: &Trusted, commit: &[u8]) -> State {
    trusted.judge(commit, AT).state
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400), kind in 0..3_usize) {
        let trusted = Trusted::default();
        let commit = insert_signature(&format!("{HEAD}\nm\n"), &armored(KINDS[kind], &bytes));
        prop_assert_ne!(judged(&trusted, commit.as_bytes()), State::Good);
        judged(&trusted, &bytes);
        let mut raw = format!("{HEAD}gpgsig -----BEGIN PGP SIGNATURE-----\n ").into_bytes();
        raw.extend_from_slice(&bytes);
        prop_assert_ne!(judged(&trusted, &raw), State::Good);
        let text = String::from_utf8_lossy(&bytes);
        let _ = Trusted::default().add_allowed_signers(&text, "f");
        let _ = Trusted::default().add_keyring(&armored(KINDS[2], &bytes), "f");
        for kind in ["OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"] {
            prop_assert!(SigningKey::read(&armored(kind, &bytes), Some("x"), "f", AT).is_err());
        }
    }

    #[test]
    fn what_is_put_in_comes_out(message in "[ -~\n]{0,80}", signature in "[!-~]{1,20}(\n[ -~]{0,20}){0,5}\n-") {
        let commit = format!("{HEAD}\n{message}");
        let parts = split(insert_signature(&commit, &signature).as_bytes());
        prop_assert_eq!(parts.payload, commit.as_bytes());
        prop_assert_eq!(String::from_utf8(parts.signatures.concat()).unwrap(), format!("{signature}\n"));
    }
}

/// Real signatures with one byte changed, left out or doubled are never taken for good.
#[test]
fn changed_signatures() {
    let stage = Stage::new();
    stage.run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", "key"]);
    let key = SigningKey::read(&stage.text("key"), None, "key", AT).unwrap();
    let mut trusted = Trusted::default();
    trusted.add_allowed_signers(&format!("a {}", stage.text("key.pub")), "f").unwrap();
    let signed = stage.signed(&key, "x").into_bytes();
    assert_eq!(judged(&trusted, &signed), State::Good);
    let good = |commit: &[u8]| judged(&trusted, commit) == State::Good;
    let whole = split(&signed);
    for at in 0..signed.len() {
        for new in [b'A', b'\n', 0xff] {
            let mut other = signed.clone();
            other[at] = new;
            // Where the armor breaks its lines is no part of what it says.
            assert!(!good(&other) || split(&other).payload == whole.payload, "byte {at} became {new}");
        }
        assert!(!good(&signed[..at]), "cut off at {at}");
    }
}
