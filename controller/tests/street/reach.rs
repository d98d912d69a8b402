//! The built program reaches a server over https as its options and variables say.

use promoter_testkit::git::{Authority, Door, GitHttp};
use tempfile::TempDir;

use super::program::once_with;
use super::world::World;

/// `ada:s3cret`.
const ADA: &str = "Basic YWRhOnMzY3JldA==";

#[test]
fn options_and_variables_say_how_the_server_is_reached() {
    let (world, files, ours) = (World::at_once(), TempDir::new().unwrap(), Authority::new());
    let certificate = ours.certify(&["127.0.0.1"]);
    let door = Door { authorization: Some(ADA), certificate: Some(&certificate), ..Door::default() };
    let server = GitHttp::start_behind(&world.repo, door);
    let (url, authority) = (server.url(), ours.write(files.path()).display().to_string());
    let token = files.path().join("token");
    std::fs::write(&token, "s3cret\n").unwrap();
    let token = token.display().to_string();
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let arguments: Vec<&str> = ["--repo", &url].iter().chain(arguments).copied().collect();
        let ran = once_with(&arguments, variables, TempDir::new().unwrap().path());
        assert!(!ran.log.contains("s3cret"), "{}", ran.log);
        (ran.code, ran.log)
    };
    let (code, log) = run(&["--git-username=ada", "--git-token-file", &token], &[]);
    assert!(code == Some(2) && log.contains("[git-certificate]"), "{log}");
    let (code, log) = run(&["--ca-file", &authority], &[]);
    assert!(code == Some(2) && log.contains("[git-denied]"), "{log}");
    let (code, log) = run(&["--git-token-file", "no/such/token"], &[]);
    assert!(code == Some(2) && log.contains("[token-file]"), "{log}");
    let (code, log) = run(&["--ca-file", "no/such/file"], &[]);
    assert!(code == Some(2) && log.contains("[git-access-file]"), "{log}");
    assert_eq!(world.runs("staging"), "-");

    let (code, log) = run(
        &[],
        &[
            ("PROMOTER_CA_FILE", &authority),
            ("PROMOTER_GIT_USERNAME", "ada"),
            ("PROMOTER_GIT_TOKEN_FILE", &token),
        ],
    );
    assert_eq!(code, Some(0), "{log}");
    assert_ne!(world.runs("staging"), "-", "{log}");
    // git's own variable for authorities, the token itself, and a line of a credential store.
    let store = files.path().join("store");
    std::fs::write(&store, url.replace("https://", "https://ada:s3cret@")).unwrap();
    let git_variable = ("GIT_SSL_CAINFO", authority.as_str());
    let (code, log) =
        run(&[], &[git_variable, ("PROMOTER_GIT_USERNAME", "ada"), ("PROMOTER_GIT_TOKEN", "s3cret")]);
    assert_eq!(code, Some(0), "{log}");
    let (code, log) = run(&["--git-credentials-file", &store.display().to_string()], &[git_variable]);
    assert_eq!(code, Some(0), "{log}");
}
