//! Proxies that the environment names, with a real one in between.

use std::process::Command;

use promoter_sources::git::wire::Remote;
use promoter_sources::git::{Credentials, GitCache, Limits, Transport};
use promoter_testkit::git::{Authority, Door, GitHttp, Proxy};
use tempfile::TempDir;

use super::sample;

const TASK: &str = "PROMOTER_TEST_PROXY";

/// Lists in a process whose environment is only the given one; gives `found N` or the diagnosis.
fn list(url: &str, authority: &str, environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", "proxies::proxies_of_the_environment_are_used"]);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    command.env(TASK, format!("{url} {authority}")).envs(environment.iter().copied());
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    said.lines().find_map(|it| it.strip_prefix("result: ")).unwrap().to_owned()
}

#[expect(clippy::print_stdout, reason = "this is how the child of a test reports")]
fn report(task: &str) {
    let (url, authority) = task.split_once(' ').unwrap();
    let root = TempDir::new().unwrap();
    let transport = Transport { ca_file: Some(authority.into()), ..Transport::default() };
    let remote = Remote::new(&url.parse().unwrap(), Credentials::basic("ada", "s3cret"), Limits::default());
    let found = GitCache::of(root.path(), "", remote.over(&transport)).unwrap().ls_refs(&["refs/heads/"]);
    match found {
        Ok(refs) => println!("result: found {}", refs.tips.len()),
        Err(error) => println!("result: {}", error.diagnosis()),
    }
}

#[test]
fn proxies_of_the_environment_are_used() {
    if let Ok(task) = std::env::var(TASK) {
        return report(&task);
    }
    let Some(proxy) = Proxy::start("pat", "pr0xy") else { return };
    let (repo, files, ours) = (sample(), TempDir::new().unwrap(), Authority::new());
    let certificate = ours.certify(&["localhost", "127.0.0.1"]);
    let server = GitHttp::start_behind(&repo, Door { certificate: Some(&certificate), ..Door::default() });
    let authority = ours.write(files.path()).display().to_string();
    let url = server.url_at("localhost", server.port());
    let (let_in, unknown) = (proxy.url("pat:pr0xy"), proxy.url(""));
    let passed = || proxy.requests().len();
    for (name, is_taken) in
        [("HTTPS_PROXY", true), ("https_proxy", true), ("ALL_PROXY", true), ("HTTP_PROXY", false)]
    {
        let before = passed();
        assert_eq!(list(&url, &authority, &[(name, &let_in)]), "found 3", "{name}");
        assert_eq!(passed() > before, is_taken, "{name}");
    }
    let target = format!("CONNECT localhost:{} HTTP/1.1", server.port());
    assert!(proxy.requests().iter().all(|it| *it == target), "{:?}", proxy.requests());
    let around = [("HTTPS_PROXY", let_in.as_str()), ("NO_PROXY", "localhost")];
    let before = passed();
    assert_eq!(list(&url, &authority, &around), "found 3");
    assert_eq!(passed(), before, "NO_PROXY leads around it");

    let said = list(&url, &authority, &[("HTTPS_PROXY", &unknown)]);
    assert!(said.contains("[git-proxy]"), "{said}");
    // This proxy answers a wrong password as it answers a host that it may not reach.
    let said = list(&url, &authority, &[("HTTPS_PROXY", &proxy.url("pat:wr0ng"))]);
    assert!(
        said.contains("the proxy refuses to connect to it, or cannot") && !said.contains("wr0ng"),
        "{said}"
    );
    let closed = list(&url, &authority, &[("HTTPS_PROXY", "http://pat:pr0xy@127.0.0.1:1")]);
    assert!(closed.contains("[git-unreachable]") && !closed.contains("pr0xy"), "{closed}");

    // In clear text secrets stay on this machine: no proxy hears of them.
    let plain = GitHttp::start_with_login(&repo, "ada", "s3cret");
    let before = passed();
    let everywhere = [("HTTP_PROXY", let_in.as_str()), ("ALL_PROXY", let_in.as_str())];
    assert_eq!(list(&plain.url(), &authority, &everywhere), "found 3");
    assert_eq!(passed(), before);
}
