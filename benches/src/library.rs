//! The engine as a library, warm and in memory: how many megabytes of input it builds in a second, and where the time goes.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use promoter_kustomize::{FileError, FileKind, Files, MemoryFiles, NoExternals, Options, build};
use promoter_sources::disk::{DiskFiles, DiskLimits};
use promoter_yaml::{Dialect, Limits, parse_all};

use crate::measure::{alone, millis};
use crate::whole::Case;

const ROUNDS: usize = 15;
/// Smaller cases say more about the clock than about the engine.
const INPUT_BYTES_MIN: usize = 100_000;

/// Measures the cases with much input.
pub(crate) fn measure(cases: &[Case]) -> Result<Vec<String>> {
    let mut report = vec![
        "kustomize build, in process, warm, files in memory".to_owned(),
        format!(
            "{:<44} {:>9} {:>9} {:>11}   {:>5} {:>5} {:>5}",
            "case", "input", "time", "speed", "read", "write", "rest"
        ),
    ];
    for case in cases {
        report.extend(measure_one(case)?);
    }
    Ok(report)
}

fn measure_one(case: &Case) -> Result<Option<String>> {
    let files = Tree::load(&case.root)?;
    let built = || build(&files, &case.target, &Options::default(), &NoExternals);
    let result = built()?;
    let read = std::mem::take(&mut *files.read.lock().unwrap_or_else(PoisonError::into_inner));
    let input: usize = read.iter().map(|it| it.len()).sum();
    if input < INPUT_BYTES_MIN {
        return Ok(None);
    }
    // Files that generators take as they are need not be YAML.
    let is_yaml = |it: &&str| parse_all(it, Dialect::Resource, &Limits::default()).is_ok();
    let texts: Vec<&str> =
        read.iter().filter_map(|it| std::str::from_utf8(it).ok()).filter(is_yaml).collect();
    let whole = alone(ROUNDS, || Ok(built()?.to_yaml().map(drop)?))?.median();
    let reading = alone(ROUNDS, || {
        for text in &texts {
            drop(parse_all(text, Dialect::Resource, &Limits::default())?);
        }
        Ok(())
    })?;
    let writing = alone(ROUNDS, || Ok(result.to_yaml().map(drop)?))?;
    let share = |part: f64| format!("{:.0}%", 100.0 * part / whole.as_secs_f64());
    let (reading, writing) = (reading.median().as_secs_f64(), writing.median().as_secs_f64());
    Ok(Some(format!(
        "{:<44} {:>6.2} MB {:>9} {:>6.1} MB/s   {:>5} {:>5} {:>5}",
        case.name,
        input as f64 / 1e6,
        millis(whole),
        input as f64 / 1e6 / whole.as_secs_f64(),
        share(reading),
        share(writing),
        share(whole.as_secs_f64() - reading - writing),
    )))
}

/// A tree in memory that remembers what was read of it.
struct Tree {
    files: MemoryFiles,
    read: Mutex<Vec<Arc<[u8]>>>,
}

impl Tree {
    fn load(root: &Path) -> Result<Self> {
        let disk = DiskFiles::open(root, DiskLimits::default())?;
        let mut files = MemoryFiles::new();
        let mut directories = vec![String::new()];
        while let Some(directory) = directories.pop() {
            for name in disk.list(&directory)? {
                let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
                match disk.kind(&path) {
                    Some(FileKind::Directory) => directories.push(path),
                    Some(FileKind::File) => files.insert(&path, disk.read(&path)?)?,
                    None => {}
                }
            }
        }
        Ok(Self { files, read: Mutex::default() })
    }
}

impl Files for Tree {
    fn kind(&self, path: &str) -> Option<FileKind> {
        self.files.kind(path)
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, FileError> {
        let bytes = self.files.read(path)?;
        self.read.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&bytes));
        Ok(bytes)
    }

    fn list(&self, path: &str) -> Result<Vec<String>, FileError> {
        self.files.list(path)
    }

    fn real_path(&self, path: &str) -> Result<String, FileError> {
        self.files.real_path(path)
    }
}
