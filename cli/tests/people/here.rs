//! The repository that one stands in, when none is named.

use std::path::Path;
use std::process::Command;

use promoter_testkit::git::{Authority, Door, GitHttp};

use super::stage::Stage;

fn git(directory: &Path, arguments: &[&str]) {
    let done = Command::new("git").current_dir(directory).args(arguments).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_clone_means_its_origin_and_a_bare_repository_itself() {
    let stage = Stage::new();
    stage.pass();
    let home = stage.home.path();
    let bare = stage.repo.path();
    git(home, &["clone", "--quiet", &bare.display().to_string(), "clone"]);
    // Relative to where the clone lies, not to where one stands in it.
    std::os::unix::fs::symlink(bare, home.join("origin.git")).unwrap();
    git(home, &["clone", "--quiet", &bare.display().to_string(), "relative"]);
    git(&home.join("relative"), &["remote", "set-url", "origin", "../origin.git"]);
    let status = |directory: &Path| {
        let output = stage.command(directory).arg("status").output().unwrap();
        stage.answer(&output)
    };
    let wanted = status(bare);
    assert!(wanted.contains("prod  -  -  no  wait, freight-1 has 0 of 1 approvals"), "{wanted}");
    for place in ["clone", "clone/apps/myapp", "relative", "relative/apps"] {
        assert_eq!(status(&home.join(place)), wanted, "{place}");
    }
    let nowhere = status(home);
    assert!(nowhere.contains("this is no git repository") && nowhere.contains("[2]"), "{nowhere}");
}

/// What Ada's git knows, her commands know too: git's own helper `store` has the token.
#[test]
fn credential_helpers_of_git_are_asked_unless_they_are_switched_off() {
    let (stage, authority) = (Stage::new(), Authority::new());
    stage.pass();
    let home = stage.home.path();
    let certificate = authority.certify(&["127.0.0.1"]);
    // `ada:s3cret`.
    let authorization = Some("Basic YWRhOnMzY3JldA==");
    let door = Door { authorization, certificate: Some(&certificate), ..Door::default() };
    let server = GitHttp::start_behind(&stage.repo, door);
    let status = |arguments: &[&str]| {
        let mut command = stage.command(home);
        command.args(["status", "--repo", &server.url()]).args(arguments);
        stage.answer(&command.env("PROMOTER_CA_FILE", authority.write(home)).output().unwrap())
    };
    let unknown = status(&[]);
    assert!(unknown.contains("[git-denied]") && unknown.contains("[2]"), "{unknown}");
    let config = std::fs::read_to_string(home.join(".gitconfig")).unwrap();
    std::fs::write(home.join(".gitconfig"), config + "[credential]\n\thelper = store\n").unwrap();
    let line = server.url().replace("https://", "https://ada:s3cret@").replace("/repo.git", "\n");
    std::fs::write(home.join(".git-credentials"), line).unwrap();
    let known = status(&[]);
    assert!(known.contains("prod  -  -  no  wait, freight-1 has 0 of 1 approvals"), "{known}");
    let off = status(&["--git-credential-helper=false"]);
    assert!(off.contains("[git-denied]") && !off.contains("s3cret"), "{off}");
}
