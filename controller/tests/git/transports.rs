//! Writing over the encrypted ways, to servers that send us on, that break off, and that want to be left alone.

use std::path::Path;

use promoter_controller::apply::git::{Draft, PushError, Pushed};
use promoter_core::Fault as Mends;
use promoter_sources::git::wire::Remote;
use promoter_sources::git::{Credentials, GitCache, Limits, Transport};
use promoter_testkit::git::{Authority, Break, Door, Fault, GitDaemon, GitHttp, GitSsh, Line, TestRepo};
use tempfile::TempDir;

use super::push::{NEXT, sample};
use super::{commit_on, tip, update, write};

/// `ada:s3cret`.
const ADA: &str = "Basic YWRhOnMzY3JldA==";
const RECEIVE: &str = "POST /repo.git/git-receive-pack";

fn cache(root: &Path, url: &str, credentials: &Credentials, transport: &Transport) -> GitCache {
    let remote = Remote::new(&url.parse().unwrap(), credentials.clone(), Limits::default());
    GitCache::of(root, "", remote.over(transport)).unwrap()
}

/// Pushes a commit that builds upon nothing, so that nothing is read before.
fn push(
    repo: &TestRepo,
    url: &str,
    credentials: &Credentials,
    transport: &Transport,
) -> Result<Pushed, PushError> {
    let root = TempDir::new().unwrap();
    let mut draft = Draft::new(&cache(root.path(), url, credentials, transport));
    let seen = tip(repo, NEXT);
    let content = format!("{seen:?}");
    let made = commit_on(&mut draft, &[], &[write("guestbook/manifest.yaml", &content)], "promote");
    draft.push(&[update(NEXT, seen, &made)])
}

/// Pushes, and holds that nothing was changed.
fn refused(
    repo: &TestRepo,
    url: &str,
    credentials: &Credentials,
    transport: &Transport,
) -> (&'static str, Mends, String) {
    let before = repo.git(&["for-each-ref"]);
    let diagnosis = push(repo, url, credentials, transport).unwrap_err().diagnosis();
    assert_eq!(repo.git(&["for-each-ref"]), before, "{diagnosis}");
    (diagnosis.code, diagnosis.fault, diagnosis.to_string())
}

fn ada() -> Credentials {
    Credentials::basic("ada", "s3cret")
}

#[test]
fn https_with_our_own_authority_is_written_to() {
    let (repo, files, ours) = (sample(), TempDir::new().unwrap(), Authority::new());
    let certificate = ours.certify(&["127.0.0.1"]);
    let door = Door { authorization: Some(ADA), certificate: Some(&certificate), ..Door::default() };
    let server = GitHttp::start_behind(&repo, door);
    let trust = Transport { ca_file: Some(ours.write(files.path())), ..Transport::default() };
    let url = server.url();
    assert_eq!(push(&repo, &url, &ada(), &trust), Ok(Pushed::Reported));
    let (code, mends, text) = refused(&repo, &url, &ada(), &Transport::default());
    assert_eq!((code, mends), ("git-certificate", Mends::Input), "{text}");
    let (code, mends, text) = refused(&repo, &url, &Credentials::basic("ada", "wr0ng"), &trust);
    assert_eq!((code, mends), ("git-denied", Mends::Input), "{text}");
    assert!(text.contains("may write") && !text.contains("wr0ng"), "{text}");
    repo.fsck();
}

#[test]
fn sshd_is_written_to_by_those_it_lets_in() {
    let repo = sample();
    let Some(server) = GitSsh::start(&repo, true) else { return };
    let with = |key: &str, hosts: &str| Transport {
        ssh_key_file: Some(server.file(key)),
        ssh_known_hosts_file: Some(server.file(hosts)),
        ..Transport::default()
    };
    let (url, none) = (server.url(), Credentials::None);
    assert_eq!(push(&repo, &url, &none, &with("user", "known_hosts")), Ok(Pushed::Reported));
    assert_eq!(push(&repo, &url, &none, &with("user", "known_hosts")), Ok(Pushed::Reported));
    for (key, hosts, expected) in [
        ("stranger", "known_hosts", "git-denied"),
        ("user", "no_hosts", "git-host-key"),
        ("user", "wrong_hosts", "git-host-key"),
    ] {
        let (code, mends, text) = refused(&repo, &url, &none, &with(key, hosts));
        assert_eq!((code, mends), (expected, Mends::Input), "{text}");
    }
    repo.hook("update", "echo 'GitLab: You are not allowed to push code to protected branches' >&2; exit 1");
    let (code, mends, text) = refused(&repo, &url, &none, &with("user", "known_hosts"));
    assert_eq!((code, mends), ("push-rejected", Mends::Input), "{text}");
    assert!(text.contains("Protected branches, let promoter's user push"), "{text}");
    // The server's side is killed when it has moved the refs: no report comes.
    repo.hook("update", "");
    repo.hook("post-receive", "kill -9 $PPID");
    assert_eq!(push(&repo, &url, &none, &with("user", "known_hosts")), Ok(Pushed::Found));
    repo.hook("pre-receive", "kill -9 $PPID");
    let (code, mends, text) = refused(&repo, &url, &none, &with("user", "known_hosts"));
    assert_eq!((code, mends), ("git-unreachable", Mends::Upstream), "{text}");
    repo.fsck();
}

#[test]
fn a_moved_repository_is_followed_on_its_server_only() {
    let (repo, other) = (sample(), sample());
    let (server, stranger) = (GitHttp::start_with_login(&repo, "ada", "s3cret"), GitHttp::start(&other));
    let none = Transport::default();
    server.break_at("GET /old.git", Fault::Redirect(server.url()));
    let old = server.url().replace("repo.git", "old.git");
    assert_eq!(push(&repo, &old, &ada(), &none), Ok(Pushed::Reported));
    for part in ["GET", "POST"] {
        for target in [stranger.url(), stranger.url().replace("127.0.0.1", "localhost")] {
            server.break_at(part, Fault::Redirect(target.clone()));
            let (code, mends, text) = refused(&repo, &server.url(), &ada(), &none);
            assert_eq!((code, mends), ("git-no-repository", Mends::Input), "{part} {target}: {text}");
            assert!(text.contains(&format!("it moved to {target}")), "{text}");
        }
    }
    assert_eq!((stranger.take_logins().len(), stranger.take_log().len()), (0, 0));
    assert_eq!(tip(&other, NEXT), None);
}

#[test]
fn a_status_says_who_mends_it() {
    let repo = sample();
    for (status, code, mends) in [
        (401, "git-denied", Mends::Input),
        (403, "git-denied", Mends::Input),
        (404, "git-no-repository", Mends::Input),
        (407, "git-proxy", Mends::Input),
        (429, "git-unreachable", Mends::Upstream),
        (500, "git-unreachable", Mends::Upstream),
        (502, "git-unreachable", Mends::Upstream),
    ] {
        for part in ["GET", RECEIVE] {
            let server = GitHttp::start(&repo);
            server.break_at(part, Fault::Status(status));
            let (found, who, text) = refused(&repo, &server.url(), &Credentials::None, &Transport::default());
            assert_eq!((found, who), (code, mends), "{part} {status}: {text}");
        }
    }
}

#[test]
fn a_server_that_wants_to_be_left_alone_is_not_written_to() {
    let repo = sample();
    let server = GitHttp::start(&repo);
    for status in [429, 503] {
        let server = GitHttp::start(&repo);
        let busy = Fault::Says(status, ("retry-after", "600".to_owned()), String::new());
        server.break_at(RECEIVE, busy);
        let (code, mends, text) = refused(&repo, &server.url(), &Credentials::None, &Transport::default());
        assert_eq!((code, mends), ("git-later", Mends::Upstream), "{text}");
        server.heal();
        server.take_log();
        let again = push(&repo, &server.url(), &Credentials::None, &Transport::default()).unwrap_err();
        assert!(again.diagnosis().not_before.is_some(), "{again}");
        assert_eq!(server.take_log(), [""; 0], "it hears nothing before its time");
    }
    assert_eq!(push(&repo, &server.url(), &Credentials::None, &Transport::default()), Ok(Pushed::Reported));
}

/// The line breaks at every place of the server's answer: what is called done is done, and what broke is for time to mend.
/// A server may finish its work after we saw the line break and looked.
#[test]
fn a_line_that_breaks_in_the_answer_tells_no_lie() {
    let repo = sample();
    let daemon = GitDaemon::start(&repo);
    let line = Line::to(daemon.port());
    let url = daemon.url().replace(&daemon.port().to_string(), &line.port().to_string());
    let (mut found, mut failed, mut reported) = (0, 0, 0);
    for bytes in (40..1_000).step_by(30) {
        let before = tip(&repo, NEXT);
        line.break_once(Break::Cut(bytes));
        let pushed = push(&repo, &url, &Credentials::None, &Transport::default());
        match pushed {
            Ok(Pushed::Found) => found += 1,
            Ok(Pushed::Reported) => reported += 1,
            Err(_) => failed += 1,
        }
        if let Err(error) = &pushed {
            let diagnosis = error.diagnosis();
            assert_eq!(
                (diagnosis.code, diagnosis.fault),
                ("git-unreachable", Mends::Upstream),
                "{bytes}: {diagnosis}"
            );
        } else {
            assert_ne!(tip(&repo, NEXT), before, "{bytes}");
        }
        line.settle();
        // The server's list of refs alone is longer than this, so nothing was sent.
        assert!(bytes >= 200 || tip(&repo, NEXT) == before, "{bytes}");
    }
    assert!(found > 0 && failed > 0 && reported > 0, "{found} {failed} {reported}");
    repo.fsck();
}
