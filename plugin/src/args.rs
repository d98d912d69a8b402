//! The arguments of the command line. Where the stock `argocd-cmp-server` reads an environment variable for the same
//! thing, its name is taken, so that deployments made for it keep working.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use promoter_core::Diagnosis;
use promoter_plugin::cmp::archive::ArchiveLimits;
use promoter_plugin::cmp::service::ServiceLimits;
use promoter_plugin::engine::Engine;
use promoter_plugin::git_access::{GitAccess, GitOptions};
use promoter_plugin::otlp::OtlpOptions;
use promoter_plugin::requests::KeepOptions;
use promoter_plugin::server::ServeOptions;
use promoter_render::Limits;
use promoter_sources::clients::RegistryAccess;
use promoter_sources::git::{Limits as GitLimits, Transport};
use promoter_sources::helm::{Helm, HelmLimits};
use promoter_sources::registry::RegistryOptions;
use tracing_subscriber::filter::LevelFilter;

/// Argo CD config management plugin: renders what an environment's lockfile pins
#[derive(Debug, Parser)]
#[command(name = "promoter-plugin", version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the plugin socket of repo-server
    Serve(Box<ServeArgs>),
    /// Print the manifests of the Application in the working directory, behind the stock argocd-cmp-server
    Generate {
        #[command(flatten)]
        engine: EngineArgs,
        #[command(flatten)]
        patience: PatienceArgs,
        /// Form of the manifests
        #[arg(long, value_enum, default_value_t = Output::Yaml)]
        output: Output,
    },
    /// Print the parameters of the Application in the working directory, behind the stock argocd-cmp-server
    Parameters,
    /// Run a request that `serve --keep-requests` kept, and print the manifests or the error
    Replay(ReplayArgs),
    /// Ask the plugin at the socket whether it serves
    Healthcheck(HealthArgs),
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Output {
    /// A YAML stream
    Yaml,
    /// One JSON object a line
    Json,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    socket: SocketArgs,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    #[command(flatten)]
    pub(crate) log: LogArgs,
    /// Mode of the socket, octal; 660 asks for a group shared with repo-server
    #[arg(long, env = "PROMOTER_SOCKET_MODE", default_value = "666", value_parser = octal)]
    socket_mode: u32,
    /// Renders at once; by default the number of cores
    #[arg(long, env = "PROMOTER_RENDERS", value_parser = clap::value_parser!(u16).range(1..))]
    renders: Option<u16>,
    /// Archives received or held at once; by default eight for each core
    #[arg(long, env = "PROMOTER_ARCHIVES", value_parser = clap::value_parser!(u16).range(1..))]
    archives: Option<u16>,
    /// Requests that wait for either; more are refused
    #[arg(long, env = "PROMOTER_WAITING_MAX", default_value_t = ServiceLimits::default().waiting_max)]
    waiting_max: usize,
    /// Bytes that an archive may inflate to
    #[arg(long, env = "PROMOTER_ARCHIVE_BYTES_MAX", default_value_t = ArchiveLimits::default().inflated_bytes_max)]
    archive_bytes_max: u64,
    /// Entries that an archive may hold
    #[arg(long, env = "PROMOTER_ARCHIVE_ENTRIES_MAX", default_value_t = ArchiveLimits::default().entries_max)]
    archive_entries_max: usize,
    /// MiB of one message in either direction
    #[arg(long, env = "ARGOCD_GRPC_MAX_SIZE_MB", default_value_t = 100)]
    message_mib_max: usize,
    /// Seconds that running requests are waited for at the end; keep it below the pod's grace period
    #[arg(long, env = "PROMOTER_DRAIN_SECONDS", default_value_t = 20)]
    drain_seconds: u64,
    /// Keep what Argo CD sends in this directory, for `promoter-plugin replay`; credentials are left out
    #[arg(long, value_name = "DIR", env = "PROMOTER_KEEP_REQUESTS")]
    keep_requests: Option<PathBuf>,
    /// Requests that are kept; the oldest go
    #[arg(long, value_name = "N", env = "PROMOTER_KEEP_REQUESTS_MAX", default_value_t = 20)]
    keep_requests_max: usize,
    /// Bytes that all kept requests may take
    #[arg(long, value_name = "BYTES", env = "PROMOTER_KEEP_REQUESTS_BYTES_MAX", default_value_t = 256 << 20)]
    keep_requests_bytes_max: u64,
    #[command(flatten)]
    otlp: OtlpOptions,
}

impl ServeArgs {
    /// What the server is told.
    pub(crate) fn options(&self) -> ServeOptions {
        let defaults = ServiceLimits::default();
        ServeOptions {
            socket_directory: self.socket.socket_dir.clone(),
            name: self.socket.name.clone(),
            socket_mode: self.socket_mode,
            drain: Duration::from_secs(self.drain_seconds),
            message_bytes_max: self.message_mib_max << 20,
            keep: self.keep_requests.clone().map(|directory| KeepOptions {
                directory,
                requests_max: self.keep_requests_max,
                bytes_max: self.keep_requests_bytes_max,
            }),
            otlp: self.otlp.clone(),
            limits: ServiceLimits {
                archive: ArchiveLimits {
                    inflated_bytes_max: self.archive_bytes_max,
                    entries_max: self.archive_entries_max,
                },
                renders: self.renders.map_or(defaults.renders, usize::from),
                archives: self.archives.map_or(defaults.archives, usize::from),
                waiting_max: self.waiting_max,
                ..defaults
            },
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ReplayArgs {
    /// The kept request
    pub(crate) file: PathBuf,
    /// Set a variable of the request to another value; an empty one counts as not set
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) variables: Vec<(String, String)>,
    /// Form of the manifests
    #[arg(short, long, value_enum, default_value_t = Output::Yaml)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    #[command(flatten)]
    pub(crate) patience: PatienceArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PatienceArgs {
    /// Seconds for which what fails for a passing reason is tried again
    #[arg(long, value_name = "SECONDS", env = "PROMOTER_RETRY_SECONDS", default_value_t = 20)]
    retry_seconds: u64,
}

impl PatienceArgs {
    /// The time.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(self.retry_seconds)
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct HealthArgs {
    #[command(flatten)]
    pub(crate) socket: SocketArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SocketArgs {
    /// Directory of the plugins' sockets
    #[arg(long, env = "ARGOCD_PLUGINSOCKFILEPATH", default_value = "/home/argocd/cmp-server/plugins")]
    socket_dir: PathBuf,
    /// Name of the plugin, as Applications write it
    #[arg(long, env = "PROMOTER_PLUGIN_NAME", default_value = "promoter")]
    name: String,
}

impl SocketArgs {
    /// The socket.
    pub(crate) fn path(&self) -> PathBuf {
        self.socket_dir.join(format!("{}.sock", self.name))
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct EngineArgs {
    /// Directory of the object caches, for pinned commits that do not come with the request
    #[arg(long, env = "PROMOTER_CACHE_DIR")]
    cache_dir: Option<PathBuf>,
    /// Bytes that all object caches may take together; the least recently used go
    #[arg(long, value_name = "BYTES", env = "PROMOTER_CACHE_BYTES_MAX", default_value_t = GitLimits::default().caches_bytes_max)]
    cache_bytes_max: u64,
    /// Credentials for git, in the form of git's credential store: lines `https://user:token@host/path`
    #[arg(long, env = "PROMOTER_GIT_CREDENTIALS_FILE")]
    git_credentials_file: Option<PathBuf>,
    /// Take Argo CD's credentials for the Application's repository (`provideGitCreds` of a plugin.yaml)
    #[arg(long, env = "PROMOTER_ARGOCD_GIT_CREDENTIALS")]
    argocd_git_credentials: bool,
    /// How git servers are reached and recognised.
    #[command(flatten)]
    transport: Transport,
    /// The helm to render charts with; a name without `/` is looked up in PATH
    #[arg(long, env = "PROMOTER_HELM", default_value = "helm")]
    helm: PathBuf,
    /// How registries and repositories of charts are reached.
    #[command(flatten)]
    registries: RegistryOptions,
    /// Let lockfiles name repositories on this machine's disk
    #[arg(long, env = "PROMOTER_LOCAL_REPOSITORIES")]
    local_repositories: bool,
}

impl EngineArgs {
    /// The engine that the arguments ask for.
    ///
    /// Errors: the file about registries is of no use.
    pub(crate) fn engine(&self) -> Result<Engine, Diagnosis> {
        let git = GitAccess::new(GitOptions {
            cache_root: self.cache_dir.clone(),
            cache_bytes_max: Some(self.cache_bytes_max),
            credentials_file: self.git_credentials_file.clone(),
            argocd_credentials: self.argocd_git_credentials,
            local_repositories: self.local_repositories,
            transport: self.transport.clone(),
        });
        let registries = RegistryAccess::new(self.registries.config()?, self.cache_dir.clone());
        let helm = Helm::new(&self.helm, HelmLimits::default(), registries);
        Ok(Engine { limits: Limits::default(), git, helm })
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct LogArgs {
    /// Form of the log
    #[arg(
        long = "log-format",
        env = "ARGOCD_CMP_SERVER_LOGFORMAT",
        value_enum,
        ignore_case = true,
        default_value_t = LogFormat::Json
    )]
    pub(crate) format: LogFormat,
    /// Least level that is logged: error, warn, info, debug, trace
    #[arg(long = "log-level", env = "ARGOCD_CMP_SERVER_LOGLEVEL", default_value = "info", value_parser = level)]
    pub(crate) level: LevelFilter,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LogFormat {
    /// One JSON object a line
    Json,
    /// Words
    Text,
}

/// A level by our name or by one of the stock server's (logrus).
fn level(text: &str) -> Result<LevelFilter, String> {
    match text.to_ascii_lowercase().as_str() {
        "off" => Ok(LevelFilter::OFF),
        "panic" | "fatal" | "error" => Ok(LevelFilter::ERROR),
        "warn" | "warning" => Ok(LevelFilter::WARN),
        "info" => Ok(LevelFilter::INFO),
        "debug" => Ok(LevelFilter::DEBUG),
        "trace" => Ok(LevelFilter::TRACE),
        _ => Err("the levels are error, warn, info, debug and trace".into()),
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("a variable is written `NAME=VALUE`".into()),
    }
}

fn octal(text: &str) -> Result<u32, String> {
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|it| *it <= 0o777)
        .ok_or_else(|| format!("`{text}` is not an octal mode up to 777"))
}
