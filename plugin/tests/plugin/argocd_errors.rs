//! What a user of Argo CD reads for each of the likeliest mistakes, natively and behind the stock server: the cases of
//! testdata/argocd-errors, and docs/troubleshooting.md, which has to know all of them.
//!
//! The words around ours are Argo CD's (controller, repo-server, and for the command its argocd-cmp-server).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use promoter_core::{Digest, LockError, PromotionLock, Stale};
use promoter_plugin::cmp::client::{Archive, Request};
use promoter_testkit::git::{Fault, GitHttp, GitSsh, TestRepo};
use promoter_testkit::{golden_text, tool};
use serde::Deserialize;

use crate::common::{MANIFEST, PATIENCE, Served, command_of};

const APP: &str = "guestbook-prod";
const URL: &str = "https://git.example.com/acme/deploy.git";
/// A lock without a slip.
const LOCK: &str = r#"apiVersion: promoter.dev/v1alpha1
kind: PromotionLock
pipeline: guestbook
environment: prod
freight:
  id: FREIGHT
  artifacts:
    - { name: config, git: "URL", commit: COMMIT }
render:
  source: envs/prod
"#;
const LOCK_PATH: &str = "guestbook/promotion.lock.yaml";
const MANIFEST_PATH: &str = "guestbook/manifest.yaml";

/// A request that goes wrong. What is not said is sound: a lock in `guestbook` that pins a commit with one object.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// In words; the heading of the page's section.
    mistake: String,
    /// The Application's path.
    #[serde(default = "guestbook")]
    path: String,
    /// Variables.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// Something in the lock that is wrong: `FREIGHT`, `URL` and `COMMIT` stand for what is right.
    slip: Option<Slip>,
    /// Manifests lie beside the lock.
    #[serde(default)]
    hydrated: bool,
    /// Files of the tree besides the lock.
    #[serde(default)]
    tree: BTreeMap<String, String>,
    /// Files of the tree that are not there.
    #[serde(default)]
    without: Vec<String>,
    /// Files of the pinned commit.
    #[serde(default)]
    committed: BTreeMap<String, String>,
    /// Links in it.
    #[serde(default)]
    links: BTreeMap<String, String>,
    /// The tree comes with its history.
    #[serde(default = "yes")]
    git: bool,
    /// Where the lock's repository is: on no server, or one that is `open`, wants a `login` or a key (`ssh`), answers `503`
    /// or never (`hang`).
    server: Option<String>,
    /// Options of both ways of running the plugin.
    #[serde(default)]
    engine: Vec<String>,
    /// Options of `serve`.
    #[serde(default)]
    serve: Vec<String>,
    /// How long Argo CD waits.
    seconds: Option<u64>,
    /// The mistake is told behind the stock server too.
    #[serde(default = "yes")]
    exec: bool,
    /// A program without which the case says something else.
    needs: Option<String>,
}

#[derive(Deserialize)]
struct Slip {
    from: String,
    to: String,
}

fn guestbook() -> String {
    "guestbook".into()
}

fn yes() -> bool {
    true
}

/// The server of a case and what is put in place of its address.
enum Server {
    None,
    Http(GitHttp),
    Ssh(GitSsh),
}

impl Server {
    fn start(kind: Option<&str>, repository: &TestRepo) -> Option<Self> {
        let http = |fault: Option<Fault>| {
            let server = GitHttp::start(repository);
            fault.into_iter().for_each(|it| server.break_at("", it));
            Some(Self::Http(server))
        };
        match kind {
            None => Some(Self::None),
            Some("open") => http(None),
            Some("503") => http(Some(Fault::Status(503))),
            Some("hang") => http(Some(Fault::Hang)),
            Some("login") => Some(Self::Http(GitHttp::start_with_login(repository, "ada", "s3cret"))),
            Some("ssh") => GitSsh::start(repository, true).map(Self::Ssh),
            Some(other) => panic!("there is no server `{other}`"),
        }
    }

    fn url(&self) -> String {
        match self {
            Self::None => URL.into(),
            Self::Http(server) => server.url(),
            Self::Ssh(server) => server.url(),
        }
    }

    /// Options by which the server is reached.
    fn options(&self, cache: &Path) -> Vec<String> {
        let path = |it: &Path| it.to_str().unwrap().to_owned();
        match self {
            Self::None => Vec::new(),
            Self::Http(_) => vec!["--cache-dir".into(), path(cache)],
            Self::Ssh(server) => {
                let known = path(&server.file("known_hosts"));
                vec!["--cache-dir".into(), path(cache), "--ssh-known-hosts-file".into(), known]
            }
        }
    }
}

/// A case on disk: what repo-server sends, and what it takes to answer it.
struct Scene {
    place: tempfile::TempDir,
    server: Server,
    options: Vec<String>,
    /// What the server serves.
    repository: TestRepo,
}

impl Scene {
    /// `None`, said on stderr, where a program is missing.
    fn set(case: &Case) -> Option<Self> {
        let mut options = case.engine.clone();
        if case.needs.as_deref() == Some("helm") {
            options.extend(["--helm".into(), tool("helm-v4.2.4", "helm")?.to_str().unwrap().to_owned()]);
        }
        let repository = TestRepo::new();
        let mut builder = repository.on("main");
        if case.committed.is_empty() {
            builder = builder
                .file("envs/prod/config.yaml", b"apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n");
        }
        builder = case.committed.iter().fold(builder, |it, (path, text)| it.file(path, text.as_bytes()));
        builder = case.links.iter().fold(builder, |it, (path, target)| it.link(path, target));
        let commit = builder.commit();
        let server = Server::start(case.server.as_deref(), &repository)?;
        let place = tempfile::tempdir().unwrap();
        options.extend(server.options(&place.path().join("cache")));
        let scene = Self { place, server, options, repository };
        scene.write_tree(case, &commit);
        if case.git {
            copy(scene.repository.path(), &scene.root().join(".git"));
        }
        Some(scene)
    }

    /// As the stock server unpacks.
    fn root(&self) -> PathBuf {
        self.place.path().join("_cmp_server/0b1c2d3e")
    }

    fn write_tree(&self, case: &Case, commit: &str) {
        let mut lock = LOCK.to_owned();
        if case.hydrated {
            lock.push_str(&format!("  digest: {}\n", Digest::of(MANIFEST.as_bytes())));
        }
        if let Some(slip) = &case.slip {
            assert!(lock.contains(&slip.from), "the lock has no `{}`", slip.from);
            lock = lock.replacen(&slip.from, &slip.to, 1);
        }
        let lock = lock.replace("URL", &self.server.url()).replace("COMMIT", commit);
        let mut tree = BTreeMap::from([(LOCK_PATH.to_owned(), with_id(&lock))]);
        if case.hydrated {
            tree.insert(MANIFEST_PATH.into(), MANIFEST.into());
        }
        tree.extend(case.tree.clone());
        for (path, text) in tree.iter().filter(|(path, _)| !case.without.contains(path)) {
            let path = self.root().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    fn variables(&self, case: &Case) -> Vec<(String, String)> {
        let mut all = BTreeMap::from(
            [
                ("ARGOCD_APP_NAME", APP),
                ("ARGOCD_APP_SOURCE_PATH", &case.path),
                ("ARGOCD_APP_SOURCE_REPO_URL", &self.server.url()),
                ("ARGOCD_APP_PARAMETERS", "null"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        all.extend(case.env.clone());
        all.into_iter().collect()
    }

    /// What the plugin's socket says, and what it logs.
    fn native(&self, case: &Case) -> (String, String) {
        let options: Vec<&str> = case.serve.iter().chain(&self.options).map(String::as_str).collect();
        let served = Served::start(&options);
        let request = Request {
            app_path: case.path.clone(),
            env: self.variables(case),
            archive: Archive::of_directory(&self.root(), true).unwrap(),
            timeout: case.seconds.map_or(PATIENCE, Duration::from_secs),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let error = runtime
            .block_on(async { served.client().await.generate(&request).await })
            .expect_err("the mistake is told");
        let (code, message) = error.status().expect("the plugin answers");
        let line = served.log_line(|it| it["code"].is_string());
        let word = |field: &str| line[field].as_str().unwrap().to_owned();
        let logged = format!("{} {} in phase {}", word("fault"), word("code"), word("phase"));
        assert_eq!((line["message"].as_str(), line["app"].as_str()), (Some(message), Some(APP)));
        (format!("rpc error: code = {code:?} desc = {message}"), logged)
    }

    /// What the stock server says of the command.
    fn exec(&self, case: &Case) -> String {
        let (mut command, shown) = command_of(&["spec", "generate"]);
        command.args(&self.options).args(["--retry-seconds", "1"]).current_dir(self.root().join(&case.path));
        let output = command.envs(self.variables(case)).output().unwrap();
        assert!(output.stdout.is_empty(), "stdout belongs to manifests");
        let words = String::from_utf8(output.stderr).unwrap();
        let status = output.status.code().unwrap();
        format!(
            "rpc error: code = Unknown desc = error generating manifests: `{shown}` failed exit status {status}: {}",
            words.trim()
        )
    }

    /// The words without what differs from run to run.
    fn stable(&self, words: &str) -> String {
        let words = match &self.server {
            Server::None => words.to_owned(),
            Server::Http(server) => words
                .replace(&server.url(), URL)
                .replace(&server.url().replace("http://", ""), &URL.replace("https://", ""))
                .replace(&format!("127.0.0.1:{}", server.port()), "git.example.com"),
            Server::Ssh(server) => {
                let url = server.url();
                let login = url.split("://").nth(1).unwrap().split(':').next().unwrap();
                words
                    .replace(&url, "ssh://git@git.example.com/acme/deploy.git")
                    .replace(login, "git@git.example.com")
            }
        };
        let numbers = regex::Regex::new(r"\d+ tries in \d+\.\d s|(\b[a-z]+) \d+\.\d s").unwrap();
        numbers
            .replace_all(&words, |it: &regex::Captures<'_>| match it.get(1) {
                Some(word) => format!("{} N s", word.as_str()),
                None => "N tries in N s".into(),
            })
            .into_owned()
    }
}

/// The lock with the id that its artifacts have. A lock that cannot be read needs none.
fn with_id(lock: &str) -> String {
    let any = format!("sha256:{}", "0".repeat(64));
    match PromotionLock::parse(&lock.replace("FREIGHT", &any), LOCK_PATH) {
        Err(LockError::Stale(Stale::Id { used, .. })) => lock.replace("FREIGHT", &used.to_string()),
        _ => lock.replace("FREIGHT", &any),
    }
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-R").args([from, to]).status().unwrap().success());
}

/// What stands in the Application's conditions.
fn condition(of_plugin: &str) -> String {
    format!(
        "Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unknown desc = CMP \
         processing failed for application \"{APP}\": error generating manifests in cmp: {of_plugin}"
    )
}

#[test]
fn users_read_what_is_wrong_and_what_to_do() {
    golden_text("argocd-errors/*/case.yaml", |path, text| {
        let case: Case =
            serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let Some(scene) = Scene::set(&case) else {
            // Said on stderr; the golden stays as it is.
            return snapshot(path);
        };
        let (native, logged) = scene.native(&case);
        assert!(native.ends_with(']') && !native.contains('\n'), "{native}");
        let mut all = format!("native:\n{}\n\nlogged: {logged}", condition(&scene.stable(&native)));
        if case.exec {
            all.push_str(&format!("\n\nexec:\n{}", condition(&scene.stable(&scene.exec(&case)))));
        }
        all
    });
}

/// The golden as it stands, without the head that insta writes.
fn snapshot(case: &Path) -> String {
    let text = std::fs::read_to_string(case.with_extension("snap")).unwrap_or_default();
    text.splitn(3, "---\n").nth(2).unwrap_or_default().trim_end().to_owned()
}

/// The page has a section for each mistake, headed by it, with the words that the user sees.
#[test]
fn the_page_knows_every_mistake() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = std::fs::read_to_string(root.join("docs/troubleshooting.md")).unwrap();
    let sections: BTreeMap<&str, &str> =
        page.split("\n### ").skip(1).map(|it| it.split_once('\n').unwrap()).collect();
    let mut known = Vec::new();
    for entry in std::fs::read_dir(root.join("testdata/argocd-errors")).unwrap() {
        let path = entry.unwrap().path().join("case.yaml");
        let case: Case = serde_yaml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let golden = snapshot(&path);
        let native = golden.lines().nth(1).unwrap();
        let words = native.rsplit_once(" desc = ").unwrap().1;
        let section = sections.get(case.mistake.as_str());
        let section = section.unwrap_or_else(|| panic!("the page has no section `{}`", case.mistake));
        assert!(section.contains(words), "the section `{}` does not show: {words}", case.mistake);
        known.push(case.mistake);
    }
    let unknown: Vec<_> = sections.keys().filter(|it| !known.iter().any(|known| known == *it)).collect();
    assert!(unknown.is_empty(), "no case shows {unknown:?}");
}
