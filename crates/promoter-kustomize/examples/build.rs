//! Builds a kustomization from disk and prints it: `build DIR [--load-restrictor X] [--reorder none] [--enable-helm]`.
//!
//! For comparing the engine with kustomize without any of promoter around it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example prints")]

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use promoter_kustomize::{FileError, FileKind, Files, LoadRestrictor, NoExternals, Options, Reorder, build};

/// The whole disk; paths are relative to `/`.
struct Disk;

impl Files for Disk {
    fn kind(&self, path: &str) -> Option<FileKind> {
        let found = fs::metadata(absolute(path)).ok()?;
        Some(if found.is_dir() { FileKind::Directory } else { FileKind::File })
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, FileError> {
        let bytes =
            fs::read(absolute(path)).map_err(|error| FileError::Store(path.into(), error.to_string()))?;
        Ok(bytes.into())
    }

    fn list(&self, path: &str) -> Result<Vec<String>, FileError> {
        let entries = fs::read_dir(absolute(path)).map_err(|_| FileError::Missing(path.into()))?;
        let mut names: Vec<String> =
            entries.flatten().map(|it| it.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        Ok(names)
    }

    fn real_path(&self, path: &str) -> Result<String, FileError> {
        let real = fs::canonicalize(absolute(path)).map_err(|_| FileError::Missing(path.into()))?;
        Ok(real.to_string_lossy().trim_start_matches('/').to_owned())
    }
}

fn absolute(path: &str) -> PathBuf {
    PathBuf::from("/").join(path)
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    let mut options = Options::default();
    let mut directory = None;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let (name, value) =
            word.split_once('=').map_or((word.as_str(), None), |(name, it)| (name, Some(it.to_owned())));
        match name {
            "--load-restrictor" => {
                if value.or_else(|| words.next()).as_deref() == Some("LoadRestrictionsNone") {
                    options.load_restrictor = LoadRestrictor::None;
                }
            }
            "--reorder" => {
                if value.or_else(|| words.next()).as_deref() == Some("none") {
                    options.reorder = Reorder::None;
                }
            }
            "--enable-helm" => options.enable_helm = true,
            _ => directory = Some(word),
        }
    }
    let directory =
        fs::canonicalize(directory.ok_or("name a directory")?).map_err(|error| error.to_string())?;
    let directory = directory.to_string_lossy().trim_start_matches('/').to_owned();
    let built = build(&Disk, &directory, &options, &NoExternals).map_err(|error| error.to_string())?;
    let text = built.to_yaml().map_err(|error| error.to_string())?;
    built.warnings.iter().for_each(|it| eprintln!("{it}"));
    print!("{text}");
    Ok(())
}
