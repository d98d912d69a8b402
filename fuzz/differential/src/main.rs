//! Builds random kustomizations with our engine and with the real kustomize, and compares the bytes.
//!
//! A case is made from a seed and its number, so every run can be repeated and every case made again. A difference is
//! shrunk and written as a folder that testdata/kustomize/ could hold. `make fuzz-kustomize` runs it.

mod case;
mod coverage;
mod dice;
mod generate;
mod mutate;
mod pairs;
mod print;
mod report;
mod shrink;
mod value;
mod verdict;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Parser;

use case::{Case, Reading};
use dice::Dice;
use generate::Templates;
use mutate::Stock;
use report::Report;
use verdict::{Judge, Verdict};

/// Builds random kustomizations with promoter's engine and with the real kustomize, and compares.
#[derive(Parser)]
struct Arguments {
    /// Where randomness begins: the same seed makes the same cases
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long to run
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Stop after so many cases
    #[arg(long)]
    cases: Option<u64>,
    /// How many kustomizes run at a time
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Make only the case of this number
    #[arg(long)]
    only: Option<u64>,
    /// Write the case of `--only` to the findings whether it differs or not
    #[arg(long, requires = "only")]
    keep: bool,
    /// Change the kustomizations below this directory instead of making new ones
    #[arg(long, value_name = "DIR")]
    mutate: Option<PathBuf>,
    /// Instead of making random cases, count through every form of a value and every pair of changes
    #[arg(long, conflicts_with_all = ["mutate", "replay"])]
    pairs: bool,
    /// Judge the findings below this directory again instead of making cases
    #[arg(long, value_name = "DIR", conflicts_with = "mutate")]
    replay: Option<PathBuf>,
    /// Where differences are written
    #[arg(long, default_value = "target/fuzz-kustomize")]
    findings: PathBuf,
    /// Stop after so many differences
    #[arg(long, default_value_t = 10)]
    differences_max: u64,
    /// The real kustomize [default: that of `make tools`]
    #[arg(long)]
    kustomize: Option<PathBuf>,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let kustomize = match &arguments.kustomize {
        Some(path) => path.clone(),
        None => installed()?,
    };
    anyhow::ensure!(kustomize.exists(), "kustomize is not installed: run `make tools`");
    if let Some(directory) = &arguments.replay {
        return replay(directory, &Judge::new(&kustomize)?);
    }
    let source = match &arguments.mutate {
        Some(directory) => Source::Trees(Stock::read(directory)?),
        None if arguments.pairs => Source::Pairs,
        None => Source::Templates(Templates::read()?),
    };
    let run = Run {
        source: &source,
        kustomize: &kustomize,
        next: AtomicU64::new(arguments.only.unwrap_or(0)),
        end: arguments.only.map(|it| it + 1).or(arguments.cases).unwrap_or(u64::MAX).min(source.cases()),
        until: Instant::now() + Duration::from_secs_f64(arguments.minutes * 60.0),
        report: Mutex::new(Report::new(arguments.seed)),
        arguments: &arguments,
    };
    std::thread::scope(|scope| {
        let jobs: Vec<_> = (0..arguments.jobs.max(1)).map(|_| scope.spawn(|| run.work())).collect();
        jobs.into_iter().try_for_each(|it| it.join().unwrap_or_else(|_| anyhow::bail!("a job panicked")))
    })?;
    let report = run.report.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.finish()?;
    Ok(if report.differences() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Judges stored findings: folders with an `input/`.
fn replay(directory: &Path, judge: &Judge) -> Result<ExitCode> {
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(directory)?.map(|it| Ok(it?.path())).collect::<Result<_>>()?;
    folders.retain(|it| it.join("input").is_dir());
    folders.sort();
    let mut code = ExitCode::SUCCESS;
    for folder in folders {
        let Some(case) = Case::read(&folder.join("input"), Reading::Bytes)? else { continue };
        let verdict = judge.judge(&case)?;
        if matches!(verdict, Verdict::Differs(_)) {
            code = ExitCode::FAILURE;
        }
        report::say(&format!("{}: {verdict:?}", folder.display()))?;
    }
    Ok(code)
}

/// The kustomize that `make tools` installs.
fn installed() -> Result<PathBuf> {
    let tools = match std::env::var_os("PROMOTER_TOOLS") {
        Some(tools) => PathBuf::from(tools),
        None => {
            Path::new(&std::env::var_os("HOME").context("HOME is not set")?).join(".cache/promoter-tools")
        }
    };
    Ok(tools.join("kustomize-v5.8.1/kustomize"))
}

/// Where cases come from.
enum Source {
    Templates(Templates),
    Trees(Stock),
    Pairs,
}

impl Source {
    fn case(&self, seed: u64, number: u64) -> Case {
        let mut dice = Dice::new(seed, number);
        match self {
            Self::Templates(templates) => generate::generate(templates, &mut dice),
            Self::Trees(stock) => stock.mutate(&mut dice),
            Self::Pairs => pairs::case(number),
        }
    }

    /// How many different cases there are.
    fn cases(&self) -> u64 {
        match self {
            Self::Templates(_) | Self::Trees(_) => u64::MAX,
            Self::Pairs => pairs::count(),
        }
    }
}

/// What the jobs share.
struct Run<'a> {
    arguments: &'a Arguments,
    source: &'a Source,
    kustomize: &'a Path,
    next: AtomicU64,
    end: u64,
    until: Instant,
    report: Mutex<Report>,
}

impl Run<'_> {
    /// Takes cases until the time, the cases or the differences are used up.
    fn work(&self) -> Result<()> {
        let judge = Judge::new(self.kustomize)?;
        while Instant::now() < self.until && self.report().differences() < self.arguments.differences_max {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.end {
                break;
            }
            self.one(&judge, number).with_context(|| format!("case {number}"))?;
        }
        Ok(())
    }

    fn one(&self, judge: &Judge, number: u64) -> Result<()> {
        let case = self.source.case(self.arguments.seed, number);
        if self.arguments.keep {
            case.write(&self.arguments.findings.join(format!("case-{number}")))?;
        }
        let verdict = judge.judge(&case)?;
        let features = coverage::features(&case);
        if let Verdict::Differs(difference) = &verdict {
            let small = shrink::shrink(case, |it| judge.shows(it, difference))?;
            let folder = self.arguments.findings.join(format!("seed-{}-case-{number}", self.arguments.seed));
            report::write_finding(&folder, judge, &small, difference)?;
            self.report().found(number, difference, &folder)?;
        }
        self.report().count(features, &verdict)
    }

    fn report(&self) -> std::sync::MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cases of these numbers that differ, and how many were built.
    fn judge(source: &Source, numbers: impl Iterator<Item = u64>) -> Result<Option<(Vec<u64>, usize)>> {
        let Some(kustomize) = promoter_testkit::tool("kustomize-v5.8.1", "kustomize") else {
            return Ok(None);
        };
        let judge = Judge::new(&kustomize)?;
        let (mut differing, mut built) = (Vec::new(), 0);
        for number in numbers {
            match judge.judge(&source.case(1, number))? {
                Verdict::Differs(_) => differing.push(number),
                Verdict::Built => built += 1,
                _ => {}
            }
        }
        Ok(Some((differing, built)))
    }

    #[test]
    fn a_few_random_cases_do_not_differ() -> Result<()> {
        let Some((differing, built)) = judge(&Source::Templates(Templates::read()?), 0..40)? else {
            return Ok(());
        };
        assert_eq!(differing, [0; 0], "see `make fuzz-kustomize FUZZ='--only NUMBER'`");
        assert!(built > 15, "most cases should build");
        Ok(())
    }

    #[test]
    fn a_few_pairs_do_not_differ() -> Result<()> {
        // A step that shares no factor with the parts of a number meets all of them.
        let Some((differing, built)) = judge(&Source::Pairs, (0..pairs::count()).step_by(617))? else {
            return Ok(());
        };
        assert_eq!(differing, [0; 0], "see `make fuzz-kustomize FUZZ='--pairs --only NUMBER'`");
        assert!(built > 15, "most cases should build");
        Ok(())
    }
}
