//! Who is told our secrets: the server that they are for, over a way on which nobody listens, and nobody else.

use std::process::Command;

use promoter_core::Fault as Mends;
use promoter_sources::git::wire::Remote;
use promoter_sources::git::{CredentialHelper, Credentials, GitCache, GitError, Limits, Transport};
use promoter_testkit::git::{Authority, Door, Fault, GitHttp, TestRepo};
use tempfile::TempDir;

use super::sample;

/// `ada:s3cret`.
const ADA: &str = "Basic YWRhOnMzY3JldA==";

fn list(url: &str, credentials: &Credentials, transport: &Transport) -> Result<usize, GitError> {
    let root = TempDir::new().unwrap();
    let remote = Remote::new(&url.parse().unwrap(), credentials.clone(), Limits::default()).over(transport);
    let refs = GitCache::of(root.path(), "", remote)?.ls_refs(&["refs/heads/"])?;
    Ok(refs.tips.len())
}

fn code(found: Result<usize, GitError>) -> (&'static str, Mends, String) {
    let diagnosis = found.unwrap_err().diagnosis();
    (diagnosis.code, diagnosis.fault, diagnosis.to_string())
}

/// A server over https that lets in whoever sends a header.
struct Guarded {
    repo: TestRepo,
    files: TempDir,
    server: GitHttp,
    transport: Transport,
}

impl Guarded {
    fn by(authorization: &str) -> Self {
        let (repo, files, authority) = (sample(), TempDir::new().unwrap(), Authority::new());
        let certificate = authority.certify(&["localhost", "127.0.0.1"]);
        let (authorization, certificate) = (Some(authorization), Some(&certificate));
        let server = GitHttp::start_behind(&repo, Door { authorization, certificate, ..Door::default() });
        let transport = Transport { ca_file: Some(authority.write(files.path())), ..Transport::default() };
        Self { repo, files, server, transport }
    }

    fn list(&self, credentials: &Credentials) -> Result<usize, GitError> {
        list(&self.server.url(), credentials, &self.transport)
    }

    fn file(&self, name: &str, text: &str) -> std::path::PathBuf {
        let path = self.files.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

#[test]
fn password_token_and_files_open_the_door() {
    let guarded = Guarded::by(ADA);
    let path = guarded.file("token", "old\n");
    let token_file = Credentials::TokenFile { username: "ada".into(), path };
    assert_eq!(code(guarded.list(&token_file)).0, "git-denied");
    guarded.file("token", "s3cret\n");
    assert_eq!(guarded.list(&token_file).unwrap(), 3, "the file is read anew");
    let line = guarded.server.url().replace("https://", "https://ada:s3cret@");
    let store = Credentials::Store(guarded.file("store", &line));
    assert_eq!(guarded.list(&store).unwrap(), 3);
    assert_eq!(guarded.list(&Credentials::basic("ada", "s3cret")).unwrap(), 3);
    let bearer = Guarded::by("Bearer t0ken");
    assert_eq!(bearer.list(&Credentials::Bearer(promoter_sources::git::Secret::new("t0ken"))).unwrap(), 3);
    let (found, mends, text) = code(bearer.list(&Credentials::basic("ada", "wr0ng")));
    assert_eq!((found, mends), ("git-denied", Mends::Input));
    assert!(!text.contains("wr0ng"), "{text}");
}

#[test]
fn a_refusal_is_told_in_the_words_of_the_server_without_our_secret() {
    let repo = sample();
    let http = GitHttp::start(&repo);
    let says = |words: &str| {
        let header = ("x-nothing", "x".to_owned());
        http.break_at("", Fault::Says(403, header, words.to_owned()));
        code(list(&http.url(), &Credentials::basic("ada", "s3cret"), &Transport::default())).2
    };
    let text = says("\nremote: Write access to repository not granted.\nmore\n");
    assert!(text.contains("403 Forbidden: remote: Write access to repository not granted.)"), "{text}");
    let text = says("who is YWRhOnMzY3JldA== please");
    assert!(text.contains("(403 Forbidden)"), "{text}");
}

#[test]
fn a_redirect_to_another_place_is_not_followed_and_gets_no_secret() {
    let guarded = Guarded::by(ADA);
    let other = GitHttp::start(&guarded.repo);
    let credentials = Credentials::basic("ada", "s3cret");
    let elsewhere = [
        other.url(),                                               // another port, and in clear text
        other.url().replace("127.0.0.1", "localhost"),             // another host
        guarded.server.url_at("localhost", guarded.server.port()), // another name
        guarded.server.url().replace("https", "http"),             // the same server in clear text
    ];
    for target in elsewhere {
        for part in ["GET", "POST"] {
            guarded.server.break_at(part, Fault::Redirect(target.clone()));
            let (found, mends, text) = code(guarded.list(&credentials));
            assert_eq!((found, mends), ("git-no-repository", Mends::Input), "{target} {part}: {text}");
            assert!(text.contains(&format!("it moved to {target}")), "{target} {part}: {text}");
        }
    }
    assert_eq!(other.take_logins(), [""; 0]);
    assert_eq!(other.take_log(), [""; 0], "nobody else was asked at all");
}

#[test]
fn redirects_in_a_circle_end() {
    let repo = sample();
    let http = GitHttp::start(&repo);
    http.break_at("GET", Fault::Redirect(http.url()));
    let (found, mends, text) = code(list(&http.url(), &Credentials::None, &Transport::default()));
    assert_eq!((found, mends), ("git-no-repository", Mends::Input), "{text}");
    assert!(text.contains("sends us on more than 5 times"), "{text}");
    assert_eq!(http.take_log().len(), 6);
}

#[test]
fn a_server_that_wants_to_be_left_alone_is() {
    let repo = sample();
    let guarded = GitHttp::start(&repo);
    for (status, server) in [(429, &guarded), (503, &GitHttp::start(&repo)), (403, &GitHttp::start(&repo))] {
        server.break_at("", Fault::Says(status, ("retry-after", "3600".to_owned()), String::new()));
        let ask = || list(&server.url(), &Credentials::None, &Transport::default()).unwrap_err().diagnosis();
        let first = ask();
        assert_eq!((first.code, first.fault), ("git-later", Mends::Upstream), "{first}");
        assert!(first.cause.contains(&status.to_string()), "{first}");
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() as i64;
        let wait = first.not_before.unwrap().0 - now;
        assert!((3_500..=3_601).contains(&wait), "{wait}");
        assert_eq!(server.take_log().len(), 1);
        server.heal();
        assert_eq!(ask(), first, "the same moment, however often it is asked");
        assert_eq!(server.take_log(), [""; 0], "the server hears nothing");
    }
    let soon = GitHttp::start(&repo);
    soon.break_at("", Fault::Says(429, ("retry-after", "0".to_owned()), String::new()));
    assert_eq!(code(list(&soon.url(), &Credentials::None, &Transport::default())).0, "git-later");
    soon.heal();
    assert_eq!(list(&soon.url(), &Credentials::None, &Transport::default()).unwrap(), 3);
}

const HELPER: &str = "PROMOTER_TEST_HELPER";

/// Lists at a URL with git's credential helpers, twice over one value; prints what came of it.
#[expect(clippy::print_stdout, reason = "this is how the child of the test below reports")]
fn ask_with_helper(task: &str) {
    let (url, authority) = task.split_once(' ').unwrap();
    let transport = Transport { ca_file: Some(authority.into()), ..Transport::default() };
    let credentials = Credentials::Helper(CredentialHelper::new(None));
    for _ in 0..2 {
        match list(url, &credentials, &transport) {
            Ok(count) => println!("found {count}"),
            Err(error) => println!("failed {}", error.diagnosis()),
        }
    }
}

/// Runs this test's other half with a git configuration of its own; gives what it found and what the helper was told.
fn with_helper(guarded: &Guarded, script: &str) -> (Vec<String>, Vec<String>) {
    let home = TempDir::new().unwrap();
    let log = home.path().join("log");
    let helper = home.path().join("helper");
    let text = format!(
        "#!/bin/sh\n{{ echo \"$1\"; sort; }} | tr '\\n' ' ' >> {0}; echo >> {0}\n{script}\n",
        log.display()
    );
    std::fs::write(&helper, text).unwrap();
    std::fs::set_permissions(&helper, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let config = format!("[credential]\n\thelper = {}\n\tuseHttpPath = true\n", helper.display());
    std::fs::write(home.path().join(".gitconfig"), config).unwrap();
    let authority = guarded.transport.ca_file.as_ref().unwrap().display();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", "logins::git_credential_helpers_are_asked_and_told"]);
    command.env(HELPER, format!("{} {authority}", guarded.server.url())).env("HOME", home.path());
    command.env("XDG_CONFIG_HOME", home.path()).env("GIT_ASKPASS", "/nonexistent/must-not-run");
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    let found = said.lines().filter(|it| it.starts_with("found") || it.starts_with("failed"));
    let told = std::fs::read_to_string(&log).unwrap_or_default();
    // Newer git says what it can, which is nothing to us.
    let of_ours = |it: &&str| !it.starts_with("capability");
    let told = told.lines().map(|it| it.split_whitespace().filter(of_ours).collect::<Vec<_>>().join(" "));
    (found.map(Into::into).collect(), told.collect())
}

#[test]
fn git_credential_helpers_are_asked_and_told() {
    if let Ok(task) = std::env::var(HELPER) {
        return ask_with_helper(&task);
    }
    let guarded = Guarded::by(ADA);
    let host = format!("127.0.0.1:{}", guarded.server.port());

    let right = "test $1 = get && printf 'username=ada\\npassword=s3cret\\n'; exit 0";
    let (found, told) = with_helper(&guarded, right);
    assert_eq!(found, ["found 3", "found 3"]);
    let expected = [
        format!("get host={host} path=repo.git protocol=https"),
        format!("store host={host} password=s3cret path=repo.git protocol=https username=ada"),
    ];
    assert_eq!(told, expected, "asked once, and told once that it was right");

    let wrong = "test $1 = get && printf 'username=ada\\npassword=wr0ng\\n'; exit 0";
    let (found, told) = with_helper(&guarded, wrong);
    assert!(found.iter().all(|it| it.contains("[git-denied]") && !it.contains("wr0ng")), "{found:?}");
    let verbs: Vec<&str> = told.iter().map(|it| it.split(' ').next().unwrap()).collect();
    assert_eq!(verbs, ["get", "erase", "get", "erase"]);

    let (found, _) = with_helper(&guarded, "exit 1");
    assert!(found.iter().all(|it| it.contains("helpers know nothing for it")), "{found:?}");
    let open = Guarded { server: GitHttp::start(&guarded.repo), ..Guarded::by(ADA) };
    let (found, told) = with_helper(&open, right);
    assert_eq!((found.len(), told.len()), (2, 0), "nobody is asked for what everybody may read: {found:?}");
}

#[test]
fn secrets_go_in_clear_text_only_where_that_is_asked_for() {
    let credentials = Credentials::basic("ada", "s3cret");
    let asked = |allow_clear_text| {
        let transport = Transport { allow_clear_text, ..Transport::default() };
        // No such host: what was allowed fails there.
        code(list("http://git.invalid/repo.git", &credentials, &transport)).0
    };
    assert_eq!(asked(false), "git-clear-text");
    assert_eq!(asked(true), "git-unreachable");
}
