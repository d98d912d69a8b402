//! `promoter render` with a lock that pins a chart of a private web server.

#![expect(clippy::unwrap_used, reason = "what fails here fails a test")]

use std::path::Path;
use std::process::Command;

use promoter_core::{Artifact, Content, Digest, Freight};
use promoter_testkit::{ChartArchive, WebServer};
use tempfile::TempDir;

fn git(directory: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.com"]).args(arguments);
    let output = command.current_dir(directory).env("GIT_CONFIG_NOSYSTEM", "1").output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A clone whose lock pins the chart of a server.
fn clone(server: &WebServer, archive: &[u8]) -> TempDir {
    let directory = TempDir::new().unwrap();
    let write = |path: &str, text: &str| {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let repository = format!("{}/charts", server.url());
    write(
        "prod/kustomization.yaml",
        &format!("helmCharts: [{{ name: web, repo: \"{repository}\", releaseName: web }}]\n"),
    );
    git(directory.path(), &["init", "--quiet", "--initial-branch", "main"]);
    git(directory.path(), &["add", "."]);
    git(directory.path(), &["commit", "--quiet", "--message", "One chart"]);
    let commit = git(directory.path(), &["rev-parse", "HEAD"]);
    let url = "https://git.example.com/acme/deploy.git";
    let digest = Digest::of(archive);
    let chart = format!("{repository}/web");
    let artifacts = vec![
        Artifact {
            name: "config".parse().unwrap(),
            content: Content::Git { url: url.parse().unwrap(), commit: commit.parse().unwrap() },
        },
        Artifact {
            name: "web".parse().unwrap(),
            content: Content::Chart {
                url: chart.parse().unwrap(),
                version: "1.0.0".parse().unwrap(),
                digest: digest.clone(),
            },
        },
    ];
    let id = Freight::new(artifacts).unwrap().id();
    write(
        "app/promotion.lock.yaml",
        &format!(
            "apiVersion: promoter.dev/v1alpha1\nkind: PromotionLock\npipeline: shop\nenvironment: prod\nfreight:\n  id: {id}\n  artifacts:\n    - {{ name: config, git: \"{url}\", commit: {commit} }}\n    - {{ name: web, chart: \"{chart}\", version: 1.0.0, digest: \"{digest}\" }}\nrender: {{ source: prod }}\n"
        ),
    );
    directory
}

#[test]
fn a_private_chart_is_rendered_with_credentials_and_kept() {
    let Some(chart) = ChartArchive::package("web", "1.0.0") else { return };
    let server = WebServer::start();
    server.put("/charts/index.yaml", "entries:\n  web:\n  - version: 1.0.0\n    urls: [web-1.0.0.tgz]\n");
    server.put("/charts/web-1.0.0.tgz", chart.bytes.as_slice());
    server.require_login("ada", "s3cret");
    let (clone, home) = (clone(&server, &chart.bytes), TempDir::new().unwrap());
    let place = |name: &str| home.path().join(name);
    let registries = format!(
        "apiVersion: promoter.dev/v1alpha1\nkind: Registries\nspec:\n  registries: [{{ host: \"{}\", plainHttp: true }}]\n",
        server.host()
    );
    std::fs::write(place("registries.yaml"), registries).unwrap();
    let config = format!(
        "{{ \"auths\": {{ \"{}\": {{ \"username\": \"ada\", \"password\": \"s3cret\" }} }} }}",
        server.host()
    );
    std::fs::write(place("config.json"), config).unwrap();
    let render = |options: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_promoter"));
        command.args(["render", "app"]).args(options).current_dir(clone.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home.path());
        command.env("PROMOTER_HELM", &chart.helm).env("PROMOTER_REGISTRIES_FILE", place("registries.yaml"));
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, _, said) = render(&[]);
    assert_eq!((code, said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains("no credentials were sent") && said.ends_with("[registry-denied]\n"), "{said}");
    assert_eq!(server.take_log(), ["GET /charts/index.yaml 401"]);
    let credentials = ["--registry-config", home.path().to_str().unwrap()];
    let (code, printed, said) = render(&credentials);
    assert_eq!((code, said.as_str()), (Some(0), ""), "{said}");
    assert!(printed.contains("greeting: hello\n"), "{printed}");
    let log = ["GET /charts/index.yaml 200 with login", "GET /charts/web-1.0.0.tgz 200 with login"];
    assert_eq!(server.take_log(), log);
    assert_eq!(render(&credentials).1, printed);
    assert_eq!(server.take_log(), [""; 0], "the next command finds it in the cache");
    std::fs::write(place("registries.yaml"), "kind: Registries\n").unwrap();
    let (code, _, said) = render(&credentials);
    assert!(code == Some(2) && said.contains("[registries-"), "{said}");
}
