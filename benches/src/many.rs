//! 64 Applications refreshed at once: the real grpc-go client against one plugin, and what the stock server does with the same
//! archives (unpack, `kustomize build`, remove), all of them at once too, as nothing bounds it there.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::Programs;
use crate::measure::{millis, output};
use crate::serve::Plugin;

const AT_ONCE: usize = 64;
const ROUNDS: usize = 5;

/// What is asked.
pub(crate) struct Subject<'a> {
    pub(crate) plugin: &'a Plugin,
    /// A directory for what the stock server unpacks.
    pub(crate) place: &'a Path,
    /// The archive.
    pub(crate) tgz: &'a Path,
    /// The Application's path in it.
    pub(crate) app_path: &'a str,
}

/// Both in turn, some rounds; the times of all requests count together.
pub(crate) fn measure(programs: &Programs, subject: &Subject<'_>) -> Result<Vec<String>> {
    let client = promoter_testkit::tool("grpc-go-client", "grpc-go-client");
    let client = client.context("the Go client is not installed: run `make tools`")?;
    let (mut ours, mut stock) = (Vec::new(), Vec::new());
    let (mut our_whole, mut stock_whole) = (Vec::new(), Vec::new());
    subject.plugin.reset_peak();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        ours.extend(ask(&client, subject)?);
        our_whole.push(started.elapsed());
        let started = Instant::now();
        stock.extend(unpack_all(programs, subject)?);
        stock_whole.push(started.elapsed());
    }
    let line = |what: &str, times: &mut Vec<Duration>, whole: &mut Vec<Duration>| {
        times.sort();
        whole.sort();
        let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
        let all = whole[whole.len() / 2];
        let shown = format!(
            "{what:<44} p50 {:>10}  p99 {:>10}  all {:>10}",
            millis(at(50)),
            millis(at(99)),
            millis(all)
        );
        (shown, at(50), at(99), all)
    };
    let (our_line, our_p50, our_p99, our_all) = line("plugin, asked by grpc-go", &mut ours, &mut our_whole);
    let (stock_line, p50, p99, all) =
        line("tar + kustomize build + rm, all at once", &mut stock, &mut stock_whole);
    let times = |ours: Duration, stock: Duration| stock.as_secs_f64() / ours.as_secs_f64();
    Ok(vec![
        format!("{AT_ONCE} requests at once, {ROUNDS} rounds, no error"),
        our_line,
        stock_line,
        format!(
            "{:<44} p50 {:.1}, p99 {:.1}, all {:.1} times less",
            "",
            times(our_p50, p50),
            times(our_p99, p99),
            times(our_all, all)
        ),
        format!(
            "{:<44} {:>9.1} MB",
            "most memory of the plugin meanwhile",
            mebibytes(subject.plugin.peak_kib()?)
        ),
        format!("{:<44} {:>9.1} MB", "resident memory after that", mebibytes(subject.plugin.resident_kib()?)),
    ])
}

fn mebibytes(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

/// All requests from one process of the client, each on a connection of its own; the times from dialing to the answer.
fn ask(client: &Path, subject: &Subject<'_>) -> Result<Vec<Duration>> {
    let count = AT_ONCE.to_string();
    let mut command = Command::new(client);
    command.arg("-socket").arg(&subject.plugin.socket).arg("-tgz").arg(subject.tgz);
    command.args(["-path", subject.app_path, "-case", "many", "-count", &count]);
    let output = command.args(["-env", "ARGOCD_APP_NAME=shop"]).output()?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answers: Vec<Value> = serde_json::from_slice(&output.stdout)?;
    anyhow::ensure!(answers.len() == AT_ONCE, "{} answers came", answers.len());
    let time = |answer: &Value| {
        anyhow::ensure!(answer["code"] == "OK", "{} {}", answer["code"], answer["message"]);
        let objects = answer["manifests"].as_array().map_or(0, Vec::len);
        anyhow::ensure!(objects == 10, "10 objects are wanted, {objects} came");
        let millis = answer["millis"].as_f64().context("the client is an old one: run `make tools`")?;
        Ok(Duration::from_secs_f64(millis / 1e3))
    };
    answers.iter().map(time).collect()
}

fn unpack_all(programs: &Programs, subject: &Subject<'_>) -> Result<Vec<Duration>> {
    std::thread::scope(|scope| {
        let started = |number| scope.spawn(move || unpack(programs, subject, number));
        let running: Vec<_> = (0..AT_ONCE).map(started).collect();
        let ended = running.into_iter().map(|it| it.join().map_err(|_| anyhow::anyhow!("a thread died"))?);
        ended.collect()
    })
}

/// One request as the stock server answers it.
fn unpack(programs: &Programs, subject: &Subject<'_>, number: usize) -> Result<Duration> {
    let started = Instant::now();
    let root = subject.place.join(format!("unpacked-{number}"));
    std::fs::create_dir(&root)?;
    let arguments = [OsStr::new("-xzf"), subject.tgz.as_os_str(), OsStr::new("-C"), root.as_os_str()];
    output(Path::new("tar"), &arguments)?;
    output(&programs.kustomize, &[OsStr::new("build"), root.join(subject.app_path).as_os_str()])?;
    std::fs::remove_dir_all(&root)?;
    Ok(started.elapsed())
}
