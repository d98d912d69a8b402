//! The repository that one stands in, when none is named.

use std::path::Path;
use std::process::Command;

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
