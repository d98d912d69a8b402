//! What people sign, and how they see who signed.

use std::process::Command;

use super::stage::Stage;

/// Makes an SSH key in Ada's home, and the `allowed_signers` file that trusts it.
fn make(stage: &Stage) {
    let made = Command::new("ssh-keygen")
        .current_dir(stage.home.path())
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", "key"])
        .status();
    assert!(made.unwrap().success());
    let public = std::fs::read_to_string(stage.home.path().join("key.pub")).unwrap();
    std::fs::write(stage.home.path().join("signers"), format!("ada@example.com {public}")).unwrap();
}

/// Adds to Ada's git configuration.
fn configure(stage: &Stage, text: &str) {
    let file = stage.home.path().join(".gitconfig");
    let before = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file, format!("{before}{text}")).unwrap();
}

#[test]
fn a_word_is_signed_with_the_key_that_is_named() {
    let stage = Stage::new();
    stage.pass();
    make(&stage);
    let unsigned = stage.run("promoter verify-commit promoter/state --allowed-signers signers");
    assert!(unsigned.contains(" none  -  promoter@localhost  "), "{unsigned}");
    assert!(unsigned.ends_with("  it is not signed\n[1]\n"), "{unsigned}");
    let said = stage.run("promoter approve prod --signing-key-file key");
    assert_eq!(said, "prod: ada@example.com approves freight-1 id-1\n");
    let signed = stage.run("promoter verify-commit promoter/state --allowed-signers signers");
    assert!(signed.contains(" good  ada@example.com  ada@example.com  "), "{signed}");
    assert!(!signed.contains("[1]"), "{signed}");
    let both = stage.run("promoter verify-commit promoter/state -n 2 --allowed-signers signers -o json");
    assert!(both.contains("\"verdict\": \"good\"") && both.contains("\"verdict\": \"none\""), "{both}");
    assert!(both.contains("\"key\": \"SHA256:") && both.ends_with("[1]\n"), "{both}");
    let yaml =
        stage.run("promoter verify-commit refs/heads/promoter/state --allowed-signers signers -o yaml");
    assert!(
        yaml.contains("  verdict: good\n") && yaml.contains("  signers:\n  - ada@example.com\n"),
        "{yaml}"
    );
}

#[test]
fn git_is_asked_for_keys_when_none_are_named() {
    let stage = Stage::new();
    stage.pass();
    make(&stage);
    configure(&stage, "[commit]\n\tgpgsign = true\n");
    let words = "! this commit is not signed, though git is set to sign: its keys are gpg's own (`gpg.format` is \
                 `openpgp`); hint: name a private key with `--signing-key-file` [signing-git-settings]\n";
    let said = stage.run("promoter hold dev --reason look");
    assert!(said.ends_with(words), "{said}");
    configure(&stage, "[gpg]\n\tformat = ssh\n[user]\n\tsigningKey = ~/key.pub\n");
    configure(&stage, "[gpg \"ssh\"]\n\tallowedSignersFile = ~/signers\n");
    let said = stage.run("promoter release dev");
    assert!(!said.contains('!'), "{said}");
    let signed = stage.run("promoter verify-commit environment/dev");
    assert!(signed.contains(" good  ada@example.com  "), "{signed}");
    // A key in an agent is not asked for.
    configure(&stage, "[user]\n\tsigningKey = key::ssh-ed25519 AAAA\n");
    let said = stage.run("promoter hold dev --reason look");
    assert!(said.contains("`user.signingKey` names no private key in a file"), "{said}");
}

#[test]
fn what_cannot_be_judged_is_said() {
    let stage = Stage::new();
    stage.pass();
    make(&stage);
    for (command, words) in [
        ("promoter verify-commit promoter/state", "there are no keys to trust"),
        (
            "promoter verify-commit nowhere --allowed-signers signers",
            "there is no branch, tag or other ref `nowhere`",
        ),
        ("promoter verify-commit promoter/state --allowed-signers gone", "`gone` cannot be read"),
        ("promoter verify-commit promoter/state --keyring signers", "`signers` holds no OpenPGP public keys"),
        (
            "promoter approve prod --signing-key-file key.pub",
            "it is a public key; hint: name the file without",
        ),
    ] {
        let said = stage.run(command);
        assert!(said.contains(words) && said.ends_with("[2]\n"), "{said}");
    }
}
