//! A chart on its way to helm: out of a tree into a directory, or, where nothing pins it, by `helm pull`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use promoter_kustomize::{ChartRequest, FileKind, Files};

use super::{HelmError, HelmLimits};

/// A path below the chart's directory and the bytes there.
pub(super) type ChartFile = (String, Arc<[u8]>);

/// Deeper than any chart; ends a walk through links that go round.
const DEPTH_MAX: usize = 32;

/// Reads all files of a chart in the order of their paths. Links are followed inside the tree.
pub(super) fn read(
    files: &dyn Files,
    directory: &str,
    limits: &HelmLimits,
) -> Result<Vec<ChartFile>, HelmError> {
    let mut found = Vec::new();
    let mut bytes_left = limits.chart_bytes_max;
    let mut todo = vec![(directory.to_owned(), String::new(), 0)];
    while let Some((path, relative, depth)) = todo.pop() {
        let join =
            |base: &str, name: &str| if base.is_empty() { name.to_owned() } else { format!("{base}/{name}") };
        for name in files.list(&path)? {
            let (path, relative) = (join(&path, &name), join(&relative, &name));
            if files.kind(&path) == Some(FileKind::Directory) {
                todo.push((path, relative, depth + 1));
                continue;
            }
            let bytes = files.read(&path)?;
            let left = bytes_left.checked_sub(bytes.len());
            let too_large = || HelmError::ChartTooLarge(directory.to_owned());
            bytes_left = left.filter(|_| found.len() < limits.chart_files_max).ok_or_else(too_large)?;
            found.push((relative, bytes));
        }
        if depth > DEPTH_MAX || todo.len() > limits.chart_files_max {
            return Err(HelmError::ChartTooLarge(directory.to_owned()));
        }
    }
    found.sort();
    Ok(found)
}

/// Writes the files of a chart below a directory of our own.
pub(super) fn write(files: &[ChartFile], directory: &Path) -> Result<PathBuf, HelmError> {
    for (relative, bytes) in files {
        let path = directory.join(relative);
        if let Some(above) = path.parent() {
            std::fs::create_dir_all(above)?;
        }
        std::fs::write(path, bytes)?;
    }
    Ok(directory.to_owned())
}

/// The arguments of `helm pull` into a directory.
pub(super) fn pull_arguments(request: &ChartRequest, directory: &Path) -> Result<Vec<OsString>, HelmError> {
    let repository = request.repo.as_deref().ok_or_else(|| HelmError::NoChart(request.name.clone()))?;
    let mut arguments: Vec<OsString> = vec!["pull".into(), "--destination".into(), directory.into()];
    if let Some(version) = &request.version {
        arguments.push(format!("--version={version}").into());
    }
    let chart = if repository.starts_with("oci://") {
        format!("{}/{}", repository.trim_end_matches('/'), request.name)
    } else {
        arguments.push(format!("--repo={repository}").into());
        request.name.clone()
    };
    arguments.extend(["--".into(), chart.into()]);
    Ok(arguments)
}

/// The one archive that `helm pull` left in a directory.
pub(super) fn pulled(chart: &str, directory: &Path, limits: &HelmLimits) -> Result<PathBuf, HelmError> {
    let entries = std::fs::read_dir(directory)?;
    let is_archive = |it: &PathBuf| it.extension().is_some_and(|it| it == "tgz");
    let archive = entries.filter_map(|it| Some(it.ok()?.path())).find(is_archive);
    let archive = archive.ok_or_else(|| HelmError::NoChart(chart.into()))?;
    match std::fs::metadata(&archive)?.len() > limits.chart_bytes_max as u64 {
        true => Err(HelmError::ChartTooLarge(chart.into())),
        false => Ok(archive),
    }
}
