//! A controller pass over 100 environments in which nothing changed, against a real git server on loopback.

use std::time::{Duration, Instant};

use anyhow::Result;
use promoter_controller::pass::Controller;
use promoter_controller::repository::Repository;
use promoter_controller::run::now;
use promoter_controller::settings::{Identity, PolicyPlace, Settings};
use promoter_sources::git::{Credentials, Limits, Transport};
use promoter_testkit::git::{GitHttp, TestRepo};

use crate::measure::millis;
use crate::tree;

const ENVIRONMENTS: usize = 100;
const ROUNDS: usize = 21;

/// Measures the first passes and the quiet ones.
pub(crate) fn measure() -> Result<Vec<String>> {
    let repo = TestRepo::new();
    repo.git(&["config", "http.receivepack", "true"]);
    let place = tempfile::tempdir()?;
    let work = place.path().join("work");
    write_repository(&work)?;
    push(&work, &repo)?;
    let server = GitHttp::start(&repo);
    let settings = Settings {
        url: server.url().parse()?,
        credentials: Credentials::None,
        credentials_file: None,
        transport: Transport::default(),
        cache_root: place.path().join("cache"),
        dry_branch: None,
        identity: Identity::default(),
        helm: "helm".into(),
        registries: Default::default(),
        policy: PolicyPlace::default(),
        limits: Limits::default(),
    };
    let repository = Repository::open(settings).map_err(anyhow::Error::new)?;
    let cache = repository.cache.clone();
    let mut controller = Controller::new(repository).map_err(anyhow::Error::new)?;
    let started = Instant::now();
    let first = controller.pass(now).map_err(anyhow::Error::new)?;
    let first_time = started.elapsed();
    anyhow::ensure!(first.findings.is_empty(), "{}", first.findings[0]);
    server.take_log();
    let (mut passes, mut networks) = (Vec::new(), Vec::new());
    let names = branch_names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut requests = 0;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let pass = controller.pass(now).map_err(anyhow::Error::new)?;
        passes.push(started.elapsed());
        anyhow::ensure!(pass.events.is_empty(), "something moved: {}", pass.events[0].text);
        requests = server.take_log().len();
        let started = Instant::now();
        cache.ls_refs(&names)?;
        networks.push(started.elapsed());
        server.take_log();
    }
    let (pass, network) = (median(passes), median(networks));
    Ok(vec![
        format!("controller, {ENVIRONMENTS} environments in one repository over http, median of {ROUNDS}"),
        format!("{:<44} {:>9} ({} events)", "first pass", millis(first_time), first.events.len()),
        format!("{:<44} {:>9} ({requests} requests)", "pass in which nothing changed", millis(pass)),
        format!("{:<44} {:>9}", "  of which one ls-refs alone takes", millis(network)),
        format!("{:<44} {:>9}", "  the rest", millis(pass.saturating_sub(network))),
    ])
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn branch_names() -> Vec<String> {
    let mut names = vec!["refs/heads/promoter/state".to_owned(), "refs/notes/hydrator.metadata".to_owned()];
    for number in 0..ENVIRONMENTS {
        names.push(format!("refs/heads/environment/e{number:03}"));
        names.push(format!("refs/heads/environment/e{number:03}-next/shop"));
    }
    names
}

/// One app in a chain of environments that all promote by themselves.
fn write_repository(work: &std::path::Path) -> Result<()> {
    tree::write_app(work)?;
    let mut pipeline = "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: { name: shop }\nspec:\n  \
                        layout: branches\n  subscriptions:\n    - name: config\n      git: {}\n  environments:\n"
        .to_owned();
    for number in 0..ENVIRONMENTS {
        pipeline
            .push_str(&format!("    - name: e{number:03}\n      source: envs/prod\n      promotion: auto\n"));
    }
    tree::write(work, &format!("{}/promoter.yaml", tree::APP), &pipeline)
}

/// Commits a directory's files and pushes them to a repository.
pub(crate) fn push(work: &std::path::Path, repo: &TestRepo) -> Result<()> {
    let url = repo.url();
    for arguments in [
        &["init", "--quiet", "--initial-branch=main"][..],
        &["add", "."],
        &[
            "-c",
            "user.name=bench",
            "-c",
            "user.email=bench@example.com",
            "commit",
            "--quiet",
            "--message",
            "all",
        ],
        &["push", "--quiet", &url, "main"],
    ] {
        let output = std::process::Command::new("git").current_dir(work).args(arguments).output()?;
        anyhow::ensure!(output.status.success(), "git: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
