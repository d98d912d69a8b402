//! What a run says: progress, differences with their folders, and in the end what the cases used.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::case::Case;
use crate::coverage::Coverage;
use crate::verdict::{Difference, Judge, Verdict, ours};

/// How often progress is told.
const EVERY: Duration = Duration::from_secs(15);

/// The counts of a run.
pub(crate) struct Report {
    seed: u64,
    start: Instant,
    told: Instant,
    built: u64,
    refused: u64,
    undecided: u64,
    known: u64,
    differences: u64,
    coverage: Coverage,
}

impl Report {
    /// Nothing counted yet.
    pub(crate) fn new(seed: u64) -> Self {
        let now = Instant::now();
        Self {
            seed,
            start: now,
            told: now,
            built: 0,
            refused: 0,
            undecided: 0,
            known: 0,
            differences: 0,
            coverage: Coverage::default(),
        }
    }

    /// How many cases differed.
    pub(crate) fn differences(&self) -> u64 {
        self.differences
    }

    /// Counts a case.
    pub(crate) fn count(&mut self, features: BTreeSet<String>, verdict: &Verdict) -> Result<()> {
        let count = match verdict {
            Verdict::Built => &mut self.built,
            Verdict::Refused => &mut self.refused,
            Verdict::Undecided => &mut self.undecided,
            Verdict::Known => &mut self.known,
            Verdict::Differs(_) => &mut self.differences,
        };
        *count += 1;
        self.coverage.add(features, *verdict == Verdict::Built);
        if self.told.elapsed() > EVERY {
            self.told = Instant::now();
            say(&self.line())?;
        }
        Ok(())
    }

    /// Tells of a difference.
    pub(crate) fn found(&self, number: u64, difference: &Difference, folder: &Path) -> Result<()> {
        let what = match difference {
            Difference::Bytes => "other bytes".to_owned(),
            Difference::Warnings => "other warnings".to_owned(),
            Difference::WeRefuse(code) => format!("we refuse, kustomize builds [{code}]"),
            Difference::TheyRefuse(end) => format!("we build, kustomize refuses (… {end})"),
        };
        say(&format!("difference in case {number} of seed {}: {what}: {}", self.seed, folder.display()))
    }

    /// Tells what the cases used.
    pub(crate) fn finish(&self) -> Result<()> {
        say(&self.coverage.table())?;
        say(&self.line())
    }

    fn line(&self) -> String {
        let cases = self.built + self.refused + self.undecided + self.known + self.differences;
        let seconds = self.start.elapsed().as_secs_f64();
        format!(
            "seed {}, {seconds:.0} s: {cases} cases, {:.1} a second; built by both {}, refused by both {}, \
             kustomize against itself or crashed {}, known differences {}, differences {}",
            self.seed,
            cases as f64 / seconds,
            self.built,
            self.refused,
            self.undecided,
            self.known,
            self.differences
        )
    }
}

/// Writes a case as testdata/kustomize/ holds cases, and what we say to it beside it.
pub(crate) fn write_finding(
    folder: &Path,
    judge: &Judge,
    case: &Case,
    difference: &Difference,
) -> Result<()> {
    drop(std::fs::remove_dir_all(folder));
    case.write(&folder.join("input"))?;
    let texts = [("expected", judge.theirs(case)?), ("ours", Some(ours(case)?))];
    for (name, said) in texts {
        let Some(said) = said else { continue };
        let (end, text) = match &said.manifests {
            Ok(text) => ("yaml", text),
            Err(error) => ("error.txt", error),
        };
        std::fs::write(folder.join(format!("{name}.{end}")), text)?;
        if *difference == Difference::Warnings {
            std::fs::write(folder.join(format!("{name}.warnings.txt")), said.warnings.join("\n"))?;
        }
    }
    Ok(())
}

/// One line for people.
pub(crate) fn say(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}
