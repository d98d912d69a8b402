//! Commits that the controller and people sign, as the real git judges them.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use promoter_controller::pass::Controller;
use promoter_controller::people::Person;
use promoter_controller::repository::Repository;
use promoter_controller::signatures::{judge_history, trusted};
use promoter_signatures::SigningKey;
use tempfile::TempDir;

use super::program::{once, once_with};
use super::world::{ENVIRONMENTS, World, active, at, name, proposed};

/// Makes an SSH key, and an `allowed_signers` file with all keys so far.
fn make(directory: &Path, who: &str) -> Arc<SigningKey> {
    let file = directory.join(who);
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]).arg(&file);
    assert!(command.status().unwrap().success());
    let public = std::fs::read_to_string(file.with_extension("pub")).unwrap();
    let signers = directory.join("signers");
    let before = std::fs::read_to_string(&signers).unwrap_or_default();
    std::fs::write(signers, format!("{before}{who}@example.com {public}")).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    Arc::new(SigningKey::read(&text, None, who, promoter_core::UnixSeconds(0)).unwrap())
}

/// The commits that promoter wrote: those on no dry branch, notes and records too.
fn written(world: &World) -> Vec<String> {
    let listed = world.repo.git(&["rev-list", "--all", "--not", "main"]);
    listed.lines().map(Into::into).collect()
}

/// Whether the real git takes the signature of a commit.
fn git_takes(world: &World, signers: &Path, commit: &str) -> bool {
    let setting = format!("gpg.ssh.allowedSignersFile={}", signers.display());
    world.repo.try_git(&["-c", &setting, "verify-commit", commit], b"").status.success()
}

#[test]
fn everything_that_is_written_is_signed() {
    let (world, keys) = (World::at_once(), TempDir::new().unwrap());
    let signers = keys.path().join("signers");
    let (robot, ada) = (make(keys.path(), "promoter"), make(keys.path(), "ada"));
    let open = |who: &str, key: &Arc<SigningKey>| -> Repository {
        world.open(&world.repo.url(), who).signed_by(Some(key.clone()))
    };
    let mut controller = Controller::new(open("promoter", &robot)).unwrap();
    world.settle(&mut controller);
    let mut person = Person::new(open("ada", &ada));
    person.approve(&at(&name("prod")), None, "", world.now()).unwrap();
    world.settle(&mut controller);
    person.hold(&at(&name("dev")), Some("a look"), world.now()).unwrap();
    world.edit_base("nginx:1.20");
    world.settle(&mut controller);

    let commits = written(&world);
    assert!(commits.len() >= 10, "{commits:?}");
    for commit in &commits {
        assert!(git_takes(&world, &signers, commit), "{}", world.repo.git(&["cat-file", "commit", commit]));
    }
    let branches: Vec<String> = ENVIRONMENTS.iter().flat_map(|it| [active(it), proposed(it)]).collect();
    let refs = branches.iter().map(|it| format!("refs/heads/{it}"));
    let refs = refs.chain(["refs/heads/promoter/state", "refs/notes/hydrator.metadata"].map(Into::into));
    let trusted = trusted(Some(&signers), None).unwrap();
    let reader = world.open(&world.repo.url(), "reader");
    let mut seen = Vec::new();
    for name in refs {
        let head = world.repo.id(&name).unwrap().parse().unwrap();
        for judged in judge_history(&reader, &head, 1_000, &trusted, world.now()).unwrap() {
            let who = judged.commit.committer.email.clone();
            assert_eq!(judged.verdict.signers, [who], "{name}: {judged:?}");
            seen.push(judged.commit.id.to_string());
        }
    }
    assert!(commits.iter().all(|it| seen.contains(it)), "every commit was judged");
    world.repo.fsck();
}

#[test]
fn without_a_key_nothing_is_signed() {
    let (world, keys) = (World::at_once(), TempDir::new().unwrap());
    let trusted = {
        make(keys.path(), "promoter");
        trusted(Some(&keys.path().join("signers")), None).unwrap()
    };
    world.settle(&mut world.controller());
    for commit in written(&world) {
        let output = world.repo.try_git(&["cat-file", "commit", &commit], b"");
        assert!(!String::from_utf8_lossy(&output.stdout).contains("gpgsig"));
    }
    let head = world.repo.id(&active("dev")).unwrap().parse().unwrap();
    let reader = world.open(&world.repo.url(), "reader");
    let judged = judge_history(&reader, &head, 1, &trusted, world.now()).unwrap();
    assert_eq!(judged[0].verdict.state, promoter_signatures::State::None);
}

#[test]
fn the_program_reads_its_key_once_and_complains_at_the_start() {
    let (world, keys, cache) = (World::at_once(), TempDir::new().unwrap(), TempDir::new().unwrap());
    make(keys.path(), "key");
    let (file, url) = (keys.path().join("key").display().to_string(), world.repo.url());
    let run = |options: &[&str]| once_with(&[&["--repo", &url], options].concat(), &[], cache.path());
    let before = world.refs();
    let missing = run(&["--signing-key-file", "nowhere"]);
    assert_eq!(missing.code, Some(2));
    assert!(missing.log.contains("`nowhere` cannot be read"), "{}", missing.log);
    let public = run(&["--signing-key-file", &format!("{file}.pub")]);
    assert!(public.log.contains("it is a public key; hint: name the file without `.pub`"), "{}", public.log);
    assert_eq!(world.refs(), before, "nothing is written without the key that was asked for");
    let signed = run(&["--signing-key-file", &file]);
    assert_eq!(signed.code, Some(0), "{}", signed.log);
    let commits = written(&world);
    assert!(!commits.is_empty());
    let signers = keys.path().join("signers");
    assert!(commits.iter().all(|it| git_takes(&world, &signers, it)));
    // Another controller without the key goes on all the same.
    world.edit_base("nginx:1.20");
    assert_eq!(once(&[&url], cache.path()).code, Some(0));
    assert!(written(&world).iter().any(|it| !git_takes(&world, &signers, it)));
}

/// gpg with the keyring that git uses in the world's repository.
fn gpg(world: &World, arguments: &[&str]) -> String {
    let home = world.repo.parent().join(".gnupg");
    if !home.exists() {
        std::fs::create_dir(&home).unwrap();
        std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    }
    let mut command = Command::new("gpg");
    command.args(["--batch", "--quiet", "--pinentry-mode=loopback", "--passphrase", "", "--homedir"]);
    let output = command.arg(&home).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_openpgp_key_signs_too_and_its_address_is_looked_at() {
    let (world, keys, cache) = (World::at_once(), TempDir::new().unwrap(), TempDir::new().unwrap());
    gpg(&world, &["--quick-generate-key", "promoter <promoter@example.com>", "ed25519", "sign", "0"]);
    let file = keys.path().join("key").display().to_string();
    std::fs::write(&file, gpg(&world, &["--armor", "--export-secret-keys"])).unwrap();
    let url = world.repo.url();
    let options = ["--signing-key-file", &file, "--author-email", "promoter@example.com"];
    let run = |options: &[&str]| once_with(&[&["--repo", &url], options].concat(), &[], cache.path());
    let fitting = run(&options);
    assert_eq!(fitting.code, Some(0), "{}", fitting.log);
    assert!(!fitting.log.contains("signing-key-identity"), "{}", fitting.log);
    world.edit_base("nginx:1.20");
    let other = run(&options[..2]);
    let words = "has no user id with the address `promoter@localhost`";
    assert!(other.log.contains(words) && other.log.contains("[signing-key-identity]"), "{}", other.log);
    assert_eq!(other.code, Some(0), "it is a warning");
    let commits = written(&world);
    assert!(commits.len() > 8, "{commits:?}");
    for commit in &commits {
        let output = world.repo.try_git(&["verify-commit", commit], b"");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let home = world.repo.parent().join(".gnupg");
    Command::new("gpgconf").arg("--homedir").arg(home).args(["--kill", "all"]).status().unwrap();
}
