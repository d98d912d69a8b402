//! Charts through the real `helm template`, as a child process with nothing of our environment.
//!
//! Decides helm's arguments and what of its words reaches a person. Leaves to the render which charts may be asked
//! for, to the caller which binary is run, and to [`crate::charts`] how the archive that a lock pins is had. A render is cached
//! by everything that it is a function of. Blocks.

mod cache;
mod chart;
mod error;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use promoter_core::Diagnosis;
use promoter_kustomize::{BuildError, ChartRequest, Externals, Files};
use promoter_render::{ChartCall, ChartPin, build_error};
use sha2::{Digest as _, Sha256};

use crate::child::{Child, Outcome};
use crate::clients::RegistryAccess;
use cache::{Cache, Key};
use chart::ChartFile;
pub use error::HelmError;

/// Variables that reach helm when it talks to a repository, and never otherwise.
const NETWORK_VARIABLES: [&str; 8] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
];

/// Bounds of one run of helm, and of the cache.
#[derive(Debug, Clone, Copy)]
pub struct HelmLimits {
    /// For one run, start to end.
    pub timeout: Duration,
    /// Bytes of the rendered chart.
    pub output_bytes_max: usize,
    /// Bytes of an unpacked chart or an archive.
    pub chart_bytes_max: usize,
    /// Files of an unpacked chart.
    pub chart_files_max: usize,
    /// Bytes kept of earlier renders and archives.
    pub cache_bytes_max: usize,
}

impl Default for HelmLimits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            output_bytes_max: 64 << 20,
            chart_bytes_max: 64 << 20,
            chart_files_max: 10_000,
            cache_bytes_max: 128 << 20,
        }
    }
}

/// A helm binary with a cache of what it gave.
#[derive(Debug)]
pub struct Helm {
    binary: PathBuf,
    /// Where the binary is, once it was needed.
    program: OnceLock<PathBuf>,
    limits: HelmLimits,
    access: RegistryAccess,
    cache: Mutex<Cache>,
}

/// An archive, or why there is none.
pub type Fetched = Result<Arc<[u8]>, Diagnosis>;

/// What is done around a fetch.
pub type Around<'a> = dyn Fn(&dyn Fn() -> Fetched) -> Fetched + 'a;

/// Where a chart comes from.
enum Chart<'a> {
    /// A directory of a tree.
    Files(Vec<ChartFile>),
    /// The archive that a lock pins.
    Pinned(&'a ChartPin),
    /// Whatever its repository has.
    Repository,
}

impl Helm {
    /// Runs this binary (a name without `/` is looked up in `PATH`), helm 3 or 4. Whether it is there shows with the
    /// first chart. Archives that locks pin are had by `access`.
    pub fn new(binary: impl Into<PathBuf>, limits: HelmLimits, access: RegistryAccess) -> Self {
        Self {
            binary: binary.into(),
            program: OnceLock::new(),
            limits,
            access,
            cache: Mutex::new(Cache::new(limits.cache_bytes_max)),
        }
    }

    /// Renders a chart of the tree, or the one that a lock pins, to a YAML stream: what `World::template` asks for.
    pub fn template(&self, call: &ChartCall<'_>) -> Result<String, Diagnosis> {
        self.template_fetching(call, &|fetch| fetch())
    }

    /// The same for callers that have to know when something is fetched: it is, whenever `around` calls what it is given.
    pub fn template_fetching(&self, call: &ChartCall<'_>, around: &Around<'_>) -> Result<String, Diagnosis> {
        let asked = call.archive.ok_or_else(|| HelmError::NoChart(call.chart.name.clone()));
        let chart = match &call.chart.directory {
            Some(directory) => chart::read(call.files, directory, &self.limits).map(Chart::Files),
            None => asked.map(Chart::Pinned),
        };
        chart.and_then(|it| self.render(call.chart, &it, call.run, around)).map_err(|error| error.diagnosis())
    }

    fn render(
        &self,
        request: &ChartRequest,
        chart: &Chart<'_>,
        run: u8,
        around: &Around<'_>,
    ) -> Result<String, HelmError> {
        let key = key(request, chart, run);
        // Without a pin the repository may answer differently tomorrow.
        let cacheable = !matches!(chart, Chart::Repository);
        if cacheable && let Some(found) = self.cached(&key) {
            return text(&request.name, found.to_vec());
        }
        let directory = tempfile::Builder::new().prefix("promoter-helm-").tempdir()?;
        let place = match chart {
            Chart::Files(files) => chart::write(files, &directory.path().join("chart"))?,
            Chart::Pinned(pin) => {
                let path = directory.path().join("chart.tgz");
                std::fs::write(&path, self.archive(pin, around)?)?;
                path
            }
            Chart::Repository => self.pull(request, directory.path())?,
        };
        let mut arguments = arguments(request);
        for (index, values) in request.values.iter().enumerate() {
            let file = directory.path().join(format!("values-{index}.yaml"));
            std::fs::write(&file, values)?;
            arguments.push("--values".into());
            arguments.push(file.into());
        }
        arguments.extend(["--".into(), OsString::from(&request.release_name), place.into()]);
        let output = self.run(&request.name, &arguments, directory.path(), &[])?;
        if cacheable {
            self.keep(key, output.as_slice().into());
        }
        text(&request.name, output)
    }

    /// The archive that a lock pins, from the cache or from its repository.
    fn archive(&self, pin: &ChartPin, around: &Around<'_>) -> Result<Arc<[u8]>, HelmError> {
        let key = Key::from(Sha256::digest(format!("archive {}", pin.digest)));
        if let Some(bytes) = self.cached(&key) {
            return Ok(bytes);
        }
        let fetched = around(&|| {
            let clients = self.access.clients()?;
            let answer = clients.charts.archive(&pin.url, &pin.version, &pin.digest);
            clients.wait(answer).map_err(|error| error.diagnosis())
        });
        let bytes = fetched.map_err(|why| HelmError::Unfetched {
            chart: pin.url.to_string(),
            version: pin.version.to_string(),
            why: Box::new(why),
        })?;
        self.keep(key, Arc::clone(&bytes));
        Ok(bytes)
    }

    /// Has helm put a chart that nothing pins into the directory, as kustomize does.
    fn pull(&self, request: &ChartRequest, directory: &Path) -> Result<PathBuf, HelmError> {
        let arguments = chart::pull_arguments(request, directory)?;
        let network: Vec<(&str, OsString)> =
            NETWORK_VARIABLES.iter().filter_map(|it| Some((*it, std::env::var_os(it)?))).collect();
        self.run(&request.name, &arguments, directory, &network).map_err(HelmError::of_a_pull)?;
        chart::pulled(&request.name, directory, &self.limits)
    }

    fn run(
        &self,
        chart: &str,
        arguments: &[OsString],
        home: &Path,
        more: &[(&str, OsString)],
    ) -> Result<Vec<u8>, HelmError> {
        let child = Child {
            program: self.program.get_or_init(|| found_in_path(&self.binary)),
            arguments,
            home,
            variables: more,
            timeout: self.limits.timeout,
            output_bytes_max: self.limits.output_bytes_max,
        };
        let chart = chart.to_owned();
        match child.run() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(HelmError::NotInstalled { chart, program: self.binary.display().to_string() })
            }
            Err(error) => Err(HelmError::Machine(error)),
            Ok(Outcome::Succeeded(output)) => Ok(output),
            Ok(Outcome::Failed(words)) => {
                // The name of our directory differs from run to run and says nothing to anyone.
                let home = home.to_string_lossy();
                let words = words.replace(&format!("{home}/chart/"), "").replace(&*home, "");
                Err(HelmError::Failed { chart, words: last_error(&words) })
            }
            Ok(Outcome::TimedOut) => {
                Err(HelmError::TimedOut { chart, seconds: self.limits.timeout.as_secs() })
            }
            Ok(Outcome::TooLarge) => Err(HelmError::TooLarge { chart, max: self.limits.output_bytes_max }),
        }
    }

    fn cached(&self, key: &Key) -> Option<Arc<[u8]>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(key)
    }

    fn keep(&self, key: Key, bytes: Arc<[u8]>) {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).put(key, bytes);
    }
}

impl Externals for Helm {
    /// For `kustomize build`, where no lock pins anything: a chart of the tree, or what its repository has.
    fn template(&self, files: &dyn Files, request: &ChartRequest) -> Result<String, BuildError> {
        let chart = match &request.directory {
            Some(directory) => chart::read(files, directory, &self.limits).map(Chart::Files),
            None => Ok(Chart::Repository),
        };
        chart
            .and_then(|it| self.render(request, &it, 0, &|fetch| fetch()))
            .map_err(|error| build_error(&error.diagnosis()))
    }
}

/// The program that a name without `/` means. Looked up here because the child has no `PATH`.
fn found_in_path(binary: &Path) -> PathBuf {
    if binary.components().count() > 1 {
        return binary.to_owned();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|it| it.join(binary)).find(|it| it.is_file());
    found.unwrap_or_else(|| binary.to_owned())
}

/// The arguments of `helm template` up to values and names. Values stand behind `=`, so none can become an option.
fn arguments(request: &ChartRequest) -> Vec<OsString> {
    let mut arguments = vec!["template".to_owned()];
    if let Some(namespace) = &request.namespace {
        arguments.push(format!("--namespace={namespace}"));
    }
    if let Some(version) = &request.kube_version {
        arguments.push(format!("--kube-version={version}"));
    }
    arguments.extend(request.api_versions.iter().map(|it| format!("--api-versions={it}")));
    let flags = [
        (request.include_crds, "--include-crds"),
        (request.skip_hooks, "--no-hooks"),
        (request.skip_tests, "--skip-tests"),
    ];
    arguments.extend(flags.iter().filter(|it| it.0).map(|it| it.1.to_owned()));
    arguments.into_iter().map(OsString::from).collect()
}

/// Names a render by everything that it is a function of; every part is preceded by its length.
fn key(request: &ChartRequest, chart: &Chart<'_>, run: u8) -> Key {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(&[run]);
    part(request.release_name.as_bytes());
    let arguments = arguments(request);
    part(&arguments.len().to_be_bytes());
    arguments.iter().for_each(|it| part(it.as_encoded_bytes()));
    part(&request.values.len().to_be_bytes());
    request.values.iter().for_each(|it| part(it.as_bytes()));
    match chart {
        Chart::Pinned(pin) => part(pin.digest.as_str().as_bytes()),
        // Never kept.
        Chart::Repository => {}
        Chart::Files(files) => files.iter().for_each(|(path, bytes)| {
            part(path.as_bytes());
            part(bytes);
        }),
    }
    Key::from(hash.finalize())
}

fn text(chart: &str, bytes: Vec<u8>) -> Result<String, HelmError> {
    String::from_utf8(bytes).map_err(|_| HelmError::NotText(chart.into()))
}

/// helm's own summary: what follows the last `Error:`, else its last line.
fn last_error(words: &str) -> String {
    let words = words.trim();
    let summary = match words.rfind("Error: ") {
        Some(at) => &words[at + "Error: ".len()..],
        None => words.lines().last().unwrap_or("it said nothing"),
    };
    let hint = summary.find("\n\nUse --debug").unwrap_or(summary.len());
    summary[..hint].trim().chars().take(600).collect()
}

#[cfg(test)]
mod tests;
