//! What the two engines say to a case, and whether they differ.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result};
use promoter_kustomize::{LoadRestrictor, NoExternals, Options, build};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::runtime::{Builder, Runtime};

use crate::case::Case;

/// How long the real kustomize may take for one case.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How much it may print.
const PRINTED_BYTES_MAX: u64 = 32 << 20;
/// How often it is asked before a difference counts: it orders some things at random.
const TIMES_ASKED: usize = 4;

/// What one engine says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    /// The manifests, or why there are none.
    pub(crate) manifests: Result<String, String>,
    /// Warnings about old fields, sorted.
    pub(crate) warnings: Vec<String>,
}

/// How the two sides differ.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Difference {
    /// Both build, to other bytes.
    Bytes,
    /// Both build to the same bytes, and warn of other things.
    Warnings,
    /// We refuse what kustomize builds, with the code of our error.
    WeRefuse(String),
    /// We build what kustomize refuses, with the end of its message.
    TheyRefuse(String),
}

/// The outcome of one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Both build, to the same bytes.
    Built,
    /// Both refuse.
    Refused,
    /// The real kustomize does not agree with itself, crashed or ran out of time.
    Undecided,
    /// They differ in a way that docs/kustomize.md names.
    Known,
    /// They differ.
    Differs(Difference),
}

/// Asks both sides.
pub(crate) struct Judge {
    kustomize: PathBuf,
    /// A folder in memory, if the machine has one.
    folder: tempfile::TempDir,
    runtime: Runtime,
}

impl Judge {
    /// A judge that asks the program at this path.
    pub(crate) fn new(kustomize: &Path) -> Result<Self> {
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        Ok(Self {
            kustomize: kustomize.to_owned(),
            folder: tempfile::Builder::new().prefix("fuzz-kustomize").tempdir_in(place)?,
            runtime: Builder::new_current_thread().enable_all().build()?,
        })
    }

    /// Builds a case with both and compares.
    pub(crate) fn judge(&self, case: &Case) -> Result<Verdict> {
        let ours = ours(case)?;
        let first = verdict(&ours, self.theirs(case)?.as_ref());
        if !matches!(first, Verdict::Differs(_)) {
            return Ok(first);
        }
        for _ in 1..TIMES_ASKED {
            let again = verdict(&ours, self.theirs(case)?.as_ref());
            if again != first {
                return Ok(Verdict::Undecided);
            }
        }
        Ok(first)
    }

    /// Whether a case shows this very difference. Asked often while shrinking, so the cheap side is asked first.
    pub(crate) fn shows(&self, case: &Case, difference: &Difference) -> Result<bool> {
        let ours = ours(case)?;
        let possible = match (&ours.manifests, difference) {
            (Err(error), Difference::WeRefuse(code)) => code_of(error) == *code,
            (Err(_), _) | (Ok(_), Difference::WeRefuse(_)) => false,
            (Ok(_), _) => true,
        };
        if !possible {
            return Ok(false);
        }
        let wanted = Verdict::Differs(difference.clone());
        for _ in 0..2 {
            if verdict(&ours, self.theirs(case)?.as_ref()) != wanted {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What the real kustomize says; `None` when it crashed, took too long or printed too much.
    pub(crate) fn theirs(&self, case: &Case) -> Result<Option<Said>> {
        let directory = self.folder.path().join("input");
        case.write(&directory)?;
        let said = self.runtime.block_on(run(&self.kustomize, &directory, case.unrestricted));
        std::fs::remove_dir_all(&directory)?;
        said
    }
}

async fn run(kustomize: &Path, directory: &Path, unrestricted: bool) -> Result<Option<Said>> {
    let restrictor = if unrestricted { "LoadRestrictionsNone" } else { "LoadRestrictionsRootOnly" };
    let mut child = Command::new(kustomize)
        .args(["build", "--load-restrictor", restrictor])
        .arg(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("kustomize does not start")?;
    let stdout = child.stdout.take().context("no stdout")?;
    let stderr = child.stderr.take().context("no stderr")?;
    let (mut printed, mut said) = (Vec::new(), Vec::new());
    let done = tokio::time::timeout(TIMEOUT, async {
        let mut stdout = stdout.take(PRINTED_BYTES_MAX);
        let mut stderr = stderr.take(PRINTED_BYTES_MAX);
        tokio::try_join!(stdout.read_to_end(&mut printed), stderr.read_to_end(&mut said))?;
        child.wait().await
    });
    let Ok(status) = done.await else {
        return Ok(None);
    };
    if printed.len() as u64 == PRINTED_BYTES_MAX {
        return Ok(None);
    }
    let said = String::from_utf8_lossy(&said);
    let warnings = said.lines().filter(|it| it.starts_with("# Warning"));
    let mut warnings: Vec<String> = warnings.map(str::to_owned).collect();
    warnings.sort();
    let rest = said.lines().filter(|it| !it.starts_with("# Warning")).collect::<Vec<_>>().join("\n");
    if rest.contains("goroutine 1 [running]") {
        return Ok(None);
    }
    let manifests =
        if status?.success() { Ok(String::from_utf8(printed).context("not UTF-8")?) } else { Err(rest) };
    Ok(Some(Said { manifests, warnings }))
}

/// What our engine says.
pub(crate) fn ours(case: &Case) -> Result<Said> {
    let restrictor = if case.unrestricted { LoadRestrictor::None } else { LoadRestrictor::RootOnly };
    let options = Options::default().with_load_restrictor(restrictor);
    let built = build(&case.tree()?, "", &options, &NoExternals);
    let mut warnings = Vec::new();
    let manifests = built.and_then(|it| {
        warnings.extend(it.warnings.iter().filter(|it| it.starts_with("# Warning")).cloned());
        it.to_yaml()
    });
    warnings.sort();
    let manifests = manifests.map_err(|error| {
        format!("{error} ({}:{}) [{}]", error.path.as_deref().unwrap_or_default(), error.line, error.code)
    });
    Ok(Said { manifests, warnings })
}

fn verdict(ours: &Said, theirs: Option<&Said>) -> Verdict {
    let Some(theirs) = theirs else {
        return Verdict::Undecided;
    };
    Verdict::Differs(match (&ours.manifests, &theirs.manifests) {
        (Ok(ours_text), Ok(theirs_text)) if ours_text == theirs_text => {
            if ours.warnings == theirs.warnings {
                return Verdict::Built;
            }
            Difference::Warnings
        }
        (Ok(_), Ok(_)) => Difference::Bytes,
        (Err(error), Ok(_)) if is_known(error) => return Verdict::Known,
        (Err(error), Ok(_)) => Difference::WeRefuse(code_of(error)),
        (Ok(_), Err(error)) if is_typed_in_quotes(error) => return Verdict::Known,
        (Ok(_), Err(error)) => Difference::TheyRefuse(end_of(error)),
        (Err(_), Err(_)) => return Verdict::Refused,
    })
}

/// What we refuse and docs/kustomize.md says so, by code and words: text put where a number stands, which something removes
/// later, and a tag that was written before it into the YAML text of a field.
fn is_known(error: &str) -> bool {
    [("kustomize-field-type", " is put where "), ("kustomize-syntax", " does not fit its tag ")]
        .iter()
        .any(|(code, words)| code_of(error) == *code && error.contains(words))
}

/// What kustomize refuses and docs/kustomize.md says that we build: something else put where a number or boolean stands in
/// quotes.
fn is_typed_in_quotes(error: &str) -> bool {
    error.contains(": yaml: cannot decode !!") && error.contains("` as a !!")
}

fn code_of(error: &str) -> String {
    error.rsplit_once('[').map(|(_, code)| code.trim_end_matches(']').to_owned()).unwrap_or_default()
}

/// The last words of a message: they say what is wrong, while the first say where.
fn end_of(error: &str) -> String {
    let words = error.split_whitespace().filter(|it| it.chars().all(|it| it.is_ascii_alphabetic()));
    let mut words: Vec<&str> = words.rev().take(3).collect();
    words.reverse();
    words.join(" ")
}
