//! The encrypted ways, against a real TLS server and a real sshd: what is trusted, and what is said where it is not.

use std::path::Path;
use std::time::{Duration, Instant};

use promoter_core::Fault as Mends;
use promoter_sources::git::wire::Remote;
use promoter_sources::git::{Credentials, GitCache, GitError, Limits, RemoteRefs, Transport};
use promoter_testkit::git::{Authority, Break, Door, GitDaemon, GitHttp, GitSsh, Line, TestRepo};
use tempfile::TempDir;

use super::{everything, expected, head_of, noise, sample};

/// Opens a repository whose server is reached in a way of its own.
fn over(root: &Path, url: &str, transport: &Transport, seconds: u64) -> GitCache {
    let limits = Limits { deadline: Duration::from_secs(seconds), ..Limits::default() };
    let remote = Remote::new(&url.parse().unwrap(), Credentials::None, limits).over(transport);
    GitCache::of(root, "", remote).unwrap()
}

fn list(url: &str, transport: &Transport) -> Result<RemoteRefs, GitError> {
    let root = TempDir::new().unwrap();
    over(root.path(), url, transport, 20).ls_refs(&["refs/heads/"])
}

/// Lists and fetches, and compares with what the git program says.
fn read_all(repo: &TestRepo, url: &str, transport: &Transport) {
    let root = TempDir::new().unwrap();
    let cache = over(root.path(), url, transport, 20);
    let refs = cache.ls_refs(&["refs/heads/"]).unwrap();
    assert_eq!(refs.tips["refs/heads/main"], head_of(repo, "main"), "{url}");
    assert_eq!(refs.default_branch.as_deref(), Some("refs/heads/main"), "{url}");
    let tree = cache.tree(&head_of(repo, "main"), "").unwrap();
    assert_eq!(everything(&tree), expected(repo, "main"), "{url}");
    assert_eq!(cache.first_parent_log(&head_of(repo, "main"), 10).unwrap().len(), 3, "{url}");
}

fn fails(url: &str, transport: &Transport) -> (&'static str, Mends, String) {
    let diagnosis = list(url, transport).unwrap_err().diagnosis();
    (diagnosis.code, diagnosis.fault, diagnosis.to_string())
}

fn trusting(file: impl Into<std::path::PathBuf>) -> Transport {
    Transport { ca_file: Some(file.into()), ..Transport::default() }
}

fn https(repo: &TestRepo, certificate: &promoter_testkit::git::Identity) -> GitHttp {
    GitHttp::start_behind(repo, Door { certificate: Some(certificate), ..Door::default() })
}

#[test]
fn a_server_with_a_certificate_of_our_own_authority_is_read() {
    let (repo, files, ours) = (sample(), TempDir::new().unwrap(), Authority::new());
    let server = https(&repo, &ours.certify(&["localhost", "127.0.0.1"]));
    let trust = trusting(ours.write(files.path()));
    read_all(&repo, &server.url_at("localhost", server.port()), &trust);
    read_all(&repo, &server.url(), &trust);
}

#[test]
fn a_certificate_that_is_not_to_be_trusted_is_a_matter_for_people() {
    let (repo, files, ours) = (sample(), TempDir::new().unwrap(), Authority::new());
    let trust = trusting(ours.write(files.path()));
    let theirs = Authority::new();
    for (certificate, words) in [
        (theirs.certify(&["127.0.0.1"]), "UnknownIssuer"),
        (ours.certify(&["git.example.com"]), "git.example.com"),
        (ours.certify_in_the_past(&["127.0.0.1"]), "expired"),
    ] {
        let server = https(&repo, &certificate);
        let (code, mends, text) = fails(&server.url(), &trust);
        assert_eq!((code, mends), ("git-certificate", Mends::Input), "{text}");
        assert!(text.contains(words) && text.contains("--ca-file"), "{text}");
        assert_eq!(server.take_log(), [""; 0], "nothing was asked");
    }
    let server = https(&repo, &ours.certify(&["127.0.0.1"]));
    let (code, mends, text) = fails(&server.url(), &Transport::default());
    assert_eq!((code, mends), ("git-certificate", Mends::Input), "{text}");
    for (text, words) in [("", "no certificate"), ("-----BEGIN CERTIFICATE-----\n%\n", "PEM")] {
        let broken = files.path().join("broken.pem");
        std::fs::write(&broken, text).unwrap();
        let (code, mends, text) = fails(&server.url(), &trusting(&broken));
        assert_eq!((code, mends), ("git-access-file", Mends::Input), "{text}");
        assert!(text.contains(words) && text.contains("broken.pem"), "{text}");
    }
    // The file is read anew, so that a renewed authority needs no restart.
    let renewed = files.path().join("renewed.pem");
    std::fs::copy(theirs.write(files.path()), &renewed).unwrap();
    assert_eq!(fails(&server.url(), &trusting(&renewed)).0, "git-certificate");
    std::fs::copy(ours.write(files.path()), &renewed).unwrap();
    assert!(list(&server.url(), &trusting(&renewed)).is_ok());
}

#[test]
fn a_server_that_wants_a_certificate_gets_ours() {
    let (repo, files, ours) = (sample(), TempDir::new().unwrap(), Authority::new());
    let certificate = ours.certify(&["127.0.0.1"]);
    let door = Door { certificate: Some(&certificate), clients: Some(&ours), ..Door::default() };
    let server = GitHttp::start_behind(&repo, door);
    let trust = trusting(ours.write(files.path()));
    let (code, mends, text) = fails(&server.url(), &trust);
    assert_eq!((code, mends), ("git-denied", Mends::Input), "{text}");
    let with = |authority: &Authority| {
        let (certificate, key) = authority.certify(&["promoter"]).write(files.path());
        Transport { client_cert_file: Some(certificate), client_key_file: Some(key), ..trust.clone() }
    };
    read_all(&repo, &server.url(), &with(&ours));
    let (code, mends, text) = fails(&server.url(), &with(&Authority::new()));
    assert_eq!((code, mends), ("git-denied", Mends::Input), "{text}");
}

fn ssh_with(server: &GitSsh, key: &str, hosts: &str) -> Transport {
    Transport {
        ssh_key_file: Some(server.file(key)),
        ssh_known_hosts_file: Some(server.file(hosts)),
        ..Transport::default()
    }
}

#[test]
fn sshd_is_read_in_both_versions_of_the_protocol() {
    for newer in [true, false] {
        let repo = sample();
        let Some(server) = GitSsh::start(&repo, newer) else { return };
        read_all(&repo, &server.url(), &ssh_with(&server, "user", "known_hosts"));
    }
}

#[test]
fn ssh_believes_known_servers_only_and_says_who_is_not_let_in() {
    let repo = sample();
    let Some(server) = GitSsh::start(&repo, true) else { return };
    for (key, hosts, code, words) in [
        ("user", "no_hosts", "git-host-key", "not among the known ones"),
        ("user", "wrong_hosts", "git-host-key", "another host key"),
        ("stranger", "known_hosts", "git-denied", "Permission denied"),
        ("broken", "known_hosts", "git-denied", "Permission denied"),
        ("no-such-key", "known_hosts", "git-access-file", "the ssh key"),
        ("user", "no-such-hosts", "git-access-file", "known ssh hosts"),
    ] {
        let before = std::fs::read(server.file(hosts)).ok();
        let (found, mends, text) = fails(&server.url(), &ssh_with(&server, key, hosts));
        assert_eq!((found, mends), (code, Mends::Input), "{key} {hosts}: {text}");
        assert!(text.contains(words), "{key} {hosts}: {text}");
        assert_eq!(std::fs::read(server.file(hosts)).ok(), before, "nothing is believed from now on");
    }
    let trust = ssh_with(&server, "user", "known_hosts");
    let gone = fails(&server.url().replace("repo.git", "gone.git"), &trust);
    assert_eq!((gone.0, gone.1), ("git-no-repository", Mends::Input), "{}", gone.2);
    let closed = fails("ssh://git@127.0.0.1:1/repo.git", &trust);
    assert_eq!((closed.0, closed.1), ("git-unreachable", Mends::Upstream), "{}", closed.2);
}

/// A way to a server: its URL behind a port, and what it takes to get in.
type Way<'a> = (Box<dyn Fn(u16) -> String + 'a>, u16, Transport);

#[test]
fn a_line_that_breaks_or_falls_silent_is_noticed_in_time() {
    let (repo, files, ours) = (TestRepo::new(), TempDir::new().unwrap(), Authority::new());
    // Noise, so that it cannot be packed and every cut below falls into the pack.
    let noise = noise(1, 60_000);
    repo.on("main").file("noise", &noise).commit();
    let http = https(&repo, &ours.certify(&["127.0.0.1"]));
    let (daemon, ssh) = (GitDaemon::start(&repo), GitSsh::start(&repo, true));
    let trust = trusting(ours.write(files.path()));
    let mut ways: Vec<Way<'_>> = vec![
        (Box::new(|port| http.url_at("127.0.0.1", port)), http.port(), trust),
        (
            Box::new(|port| daemon.url().replace(&daemon.port().to_string(), &port.to_string())),
            daemon.port(),
            Transport::default(),
        ),
    ];
    if let Some(ssh) = &ssh {
        ways.push((Box::new(|port| ssh.url_at(port)), ssh.port(), ssh_with(ssh, "user", "known_hosts")));
    }
    for (url, port, transport) in &ways {
        let root = TempDir::new().unwrap();
        let head = head_of(&repo, "main");
        // A line of its own each time: the connections of one that broke may still be kept for the next request.
        let over_line = |fault, seconds| {
            let line = Line::to(*port);
            line.break_by(fault);
            if let Some(ssh) = &ssh {
                ssh.know_at(line.port());
            }
            (over(root.path(), &url(line.port()), transport, seconds), line)
        };
        for fault in [Break::Cut(20_000), Break::Cut(40_000), Break::Silence(20_000)] {
            let seconds = if matches!(fault, Break::Silence(_)) { 3 } else { 20 };
            let started = Instant::now();
            let (cache, _line) = over_line(Some(fault), seconds);
            let error = cache.commit(&head).unwrap_err().diagnosis();
            assert_eq!((error.code, error.fault), ("git-unreachable", Mends::Upstream), "{fault:?}: {error}");
            assert!(started.elapsed() < Duration::from_secs(18), "{fault:?}");
        }
        let (cache, _line) = over_line(None, 20);
        assert_eq!(everything(&cache.tree(&head, "").unwrap())["noise"], noise);
    }
}

#[test]
fn an_answer_beyond_the_limit_is_refused_over_every_transport() {
    let (repo, files, ours) = (sample(), TempDir::new().unwrap(), Authority::new());
    let http = https(&repo, &ours.certify(&["127.0.0.1"]));
    let daemon = GitDaemon::start(&repo);
    let ssh = GitSsh::start(&repo, true);
    let mut ways =
        vec![(http.url(), trusting(ours.write(files.path()))), (daemon.url(), Transport::default())];
    ways.extend(ssh.as_ref().map(|it| (it.url(), ssh_with(it, "user", "known_hosts"))));
    for (url, transport) in ways {
        let root = TempDir::new().unwrap();
        let limits = Limits { answer_bytes_max: 400, ..Limits::default() };
        let remote = Remote::new(&url.parse().unwrap(), Credentials::None, limits).over(&transport);
        let error =
            GitCache::of(root.path(), "", remote).unwrap().commit(&head_of(&repo, "main")).unwrap_err();
        assert_eq!(error.diagnosis().code, "git-too-large", "{url}: {error}");
    }
}

#[test]
fn repositories_of_other_formats_are_named() {
    let directory = TempDir::new().unwrap();
    let git = |arguments: &[&str]| {
        let mut command = std::process::Command::new("git");
        command.current_dir(directory.path()).args(arguments).output().unwrap()
    };
    assert!(git(&["init", "--quiet", "--bare", "--object-format=sha256", "repo.git"]).status.success());
    let daemon = GitDaemon::start_in(directory.path());
    let local = directory.path().join("repo.git").display().to_string();
    let root = TempDir::new().unwrap();
    let opened = GitCache::open(root.path(), &local.parse().unwrap(), Credentials::None, Limits::default());
    for error in [opened.unwrap_err(), list(&daemon.url(), &Transport::default()).unwrap_err()] {
        let diagnosis = error.diagnosis();
        assert_eq!((diagnosis.code, diagnosis.fault), ("git-unsupported", Mends::Input), "{diagnosis}");
        assert!(diagnosis.cause.contains("sha256"), "{diagnosis}");
    }
    // A repository with a reftable is asked through the installed git: it knows the format, or says that it does not.
    let made = git(&["init", "--quiet", "--bare", "--ref-format=reftable", "table.git"]).status.success();
    let table = directory.path().join("table.git");
    if !made {
        assert!(git(&["init", "--quiet", "--bare", "table.git"]).status.success());
        let config = table.join("config");
        let text = std::fs::read_to_string(&config).unwrap();
        let text = text.replace("repositoryformatversion = 0", "repositoryformatversion = 1");
        std::fs::write(&config, text + "[extensions]\n\trefStorage = reftable\n").unwrap();
    }
    let url = table.display().to_string().parse().unwrap();
    let cache = GitCache::open(root.path(), &url, Credentials::None, Limits::default()).unwrap();
    match cache.ls_refs(&["refs/"]) {
        Ok(refs) => assert!(made && refs.default_branch.is_some(), "{refs:?}"),
        Err(error) => {
            let diagnosis = error.diagnosis();
            assert_eq!((diagnosis.code, diagnosis.fault), ("git-unsupported", Mends::Input), "{diagnosis}");
            assert!(!made && diagnosis.cause.contains("refstorage"), "{diagnosis}");
        }
    }
}
