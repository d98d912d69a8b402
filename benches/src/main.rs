//! Measures promoter against its peers in one run and prints what was measured. `make bench` builds all binaries first.
//!
//! `ONLY=git` leaves out all but git, `ONLY=plan` all but the planner, and so on. Wall times are of whole operations as a user would time them. Nothing is asserted: the figures are for reading.

mod git;
mod library;
mod many;
mod measure;
mod pass;
mod plan;
mod registry;
mod scale;
mod serve;
mod tree;
mod whole;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Where the programs are that are measured.
struct Programs {
    /// The folder with our binaries: that of this one.
    ours: PathBuf,
    kustomize: PathBuf,
    /// The conformance corpus, if it is there.
    corpus: Option<PathBuf>,
}

impl Programs {
    fn find() -> Result<Self> {
        let us = std::env::current_exe()?;
        let ours = us.parent().context("this program lies nowhere")?.to_owned();
        let tools = match std::env::var_os("PROMOTER_TOOLS") {
            Some(tools) => PathBuf::from(tools),
            None => {
                Path::new(&std::env::var_os("HOME").context("HOME is not set")?).join(".cache/promoter-tools")
            }
        };
        let kustomize = tools.join("kustomize-v5.8.1/kustomize");
        anyhow::ensure!(kustomize.exists(), "kustomize is not installed: run `make tools`");
        let corpus = std::env::var_os("CORPUS").map(PathBuf::from).filter(|it| it.exists());
        Ok(Self { ours, kustomize, corpus })
    }

    fn our(&self, name: &str) -> PathBuf {
        self.ours.join(name)
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [git::SUBJECT, subject @ ..] = &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        return git::subject(subject);
    }
    match std::env::var("ONLY").as_deref() {
        Ok("git") => return git::measure(tell),
        Ok("plan") => return plan::measure(tell),
        Ok("registry") => return registry::measure(tell),
        Ok("plugin") => return print(&serve::measure(&Programs::find()?)?),
        Ok("scale") => return scale::measure(&scale::APPS, tell),
        _ => {}
    }
    let programs = Programs::find()?;
    let mut report = Vec::new();
    report.push("binaries (stripped)".to_owned());
    for name in ["promoter", "promoter-plugin", "promoter-controller"] {
        let bytes = std::fs::metadata(programs.our(name))?.len();
        report.push(format!("{name:<44} {:>9.1} MB", bytes as f64 / 1e6));
    }
    print(&report)?;
    let place = tempfile::tempdir()?;
    let cases = whole::cases(&programs, place.path())?;
    whole::measure(&programs, &cases, tell)?;
    // The system counts the memory of this process as held by its children too, so that whole processes come first.
    git::measure(tell)?;
    print(&library::measure(&cases)?)?;
    print(&serve::measure(&programs)?)?;
    print(&pass::measure()?)?;
    plan::measure(tell)?;
    registry::measure(tell)?;
    scale::measure(&scale::APPS, tell)
}

fn print(lines: &[String]) -> Result<()> {
    lines.iter().try_for_each(|line| tell(line))?;
    tell("")
}

fn tell(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}
