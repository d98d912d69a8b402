//! How registries are reached, as the options of every program say it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use promoter_core::Diagnosis;
use promoter_core::registries::{self, RegistrySettings};

/// docker's name for the file with credentials.
const CREDENTIALS_FILE: &str = "config.json";
/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where what is known of registries stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, clap::Args)]
pub struct RegistryOptions {
    /// File (`kind: Registries`) that says how registries are reached: mirrors, authorities, plain http, bounds
    #[arg(long, value_name = "FILE", env = "PROMOTER_REGISTRIES_FILE", hide_env_values = true)]
    pub registries_file: Option<PathBuf>,
    /// Directory with docker's `config.json`, which holds credentials of registries or names helpers that know them
    #[arg(long, value_name = "DIR", env = "DOCKER_CONFIG", hide_env_values = true)]
    pub registry_config: Option<PathBuf>,
}

impl RegistryOptions {
    /// Reads the file about registries. The one with credentials is read when they are asked for.
    ///
    /// Errors: `registries-file`, it cannot be read; `registries-wrong`, it says something else than it may.
    pub fn config(&self) -> Result<RegistryConfig, Diagnosis> {
        let settings = match &self.registries_file {
            None => RegistrySettings::default(),
            Some(path) => {
                let name = path.display().to_string();
                let text = read_text(path).map_err(|why| {
                    Diagnosis::input("registries-file", format!("the registries file `{name}` {why}"))
                        .hint("check `--registries-file` and the file's rights")
                })?;
                registries::read(&name, &text).map_err(|it| it.diagnosis())?
            }
        };
        let credentials_file = self.registry_config.as_ref().map(|it| it.join(CREDENTIALS_FILE));
        Ok(RegistryConfig { settings, credentials_file, ..RegistryConfig::default() })
    }
}

/// All that a client of registries is told.
#[derive(Clone)]
pub struct RegistryConfig {
    /// How hosts are reached.
    pub settings: RegistrySettings,
    /// docker's file with credentials, read whenever some are needed. It need not be there.
    pub credentials_file: Option<PathBuf>,
    /// So long one attempt to get one answer may take, body and all; 60 s by default.
    pub attempt_timeout: Duration,
    /// What time it is, for `Retry-After` and the age of tokens.
    pub clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
}

impl Default for RegistryConfig {
    fn default() -> Self {
        Self {
            settings: RegistrySettings::default(),
            credentials_file: None,
            attempt_timeout: Duration::from_secs(60),
            clock: Arc::new(SystemTime::now),
        }
    }
}

impl std::fmt::Debug for RegistryConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistryConfig")
            .field("settings", &self.settings)
            .field("credentials_file", &self.credentials_file)
            .field("attempt_timeout", &self.attempt_timeout)
            .finish_non_exhaustive()
    }
}

/// The text of a small file; `Err` says why not, as the rest of a sentence.
pub(super) fn read_text(path: &Path) -> Result<String, String> {
    use std::io::Read as _;
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(cannot)?;
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(cannot)?;
    match text.len() as u64 > FILE_BYTES_MAX {
        true => Err(format!("is larger than {FILE_BYTES_MAX} bytes")),
        false => Ok(text),
    }
}
