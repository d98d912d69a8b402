//! `promoter-controller`: advances the lockfiles of repositories, in a loop or once.

use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Parser;
use promoter_controller::discover::Discoverer;
use promoter_controller::image_signatures::SigstoreOptions;
use promoter_controller::lease::{Lease, LeaseOptions};
use promoter_controller::listen::{ListenLimits, ListenOptions, Listening, Receivers};
use promoter_controller::options::{AccessOptions, CheckOptions, SigningOptions, cache_root};
use promoter_controller::pass::Controller;
use promoter_controller::repository::Repository;
use promoter_controller::run;
use promoter_controller::settings::Identity;
use promoter_controller::shard::Shard;
use promoter_controller::signal::{Receiver, Sender, Signal, signals};
use promoter_controller::watch::Watch;
use promoter_core::{Diagnosis, Seconds};
use tracing::{error, info, warn};
use tracing_subscriber::EnvFilter;

/// Discovers freight and promotes it from environment to environment. All state is in Git.
#[derive(Debug, Parser)]
#[command(name = "promoter-controller", version)]
struct Arguments {
    /// Repository to look after; may be given several times
    #[arg(long, value_name = "URL", required = true, env = "PROMOTER_REPO", value_delimiter = ' ')]
    repo: Vec<String>,
    /// Does what can be done now, then ends
    #[arg(long)]
    once: bool,
    /// Time between two looks at a repository in which nothing is waited for
    #[arg(long, value_name = "SPAN", default_value = "60s")]
    interval: Seconds,
    /// Share of the pipelines that this controller looks after, by their names; all unless given
    #[arg(long, value_name = "INDEX/COUNT", env = "PROMOTER_SHARD")]
    shard: Option<Shard>,
    /// Form of the log lines
    #[arg(long, value_enum, default_value = "json", env = "PROMOTER_LOG_FORMAT")]
    log_format: LogFormat,
    #[command(flatten)]
    access: AccessOptions,
    #[command(flatten)]
    checks: CheckOptions,
    #[command(flatten)]
    sigstore: SigstoreOptions,
    #[command(flatten)]
    signing: SigningOptions,
    #[command(flatten)]
    listen: ListenOptions,
    #[command(flatten)]
    lease: LeaseOptions,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum LogFormat {
    Json,
    Text,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_log(arguments.log_format);
    match work(&arguments) {
        Ok(code) => code,
        Err(diagnosis) => {
            error!(code = diagnosis.code, "{diagnosis}");
            ExitCode::from(diagnosis.fault.exit_code())
        }
    }
}

fn work(arguments: &Arguments) -> Result<ExitCode, Diagnosis> {
    promoter_sources::install_tls();
    let (sender, receiver) = heard_signals()?;
    let signer = arguments.signing.key(run::now())?.map(Arc::new);
    let cache_root = cache_root(arguments.access.cache_dir.as_deref())?;
    let registries = arguments.access.registries()?;
    let secrets_dir = arguments.checks.secrets_dir.as_deref();
    let discoverer = Discoverer::new(&registries, &arguments.sigstore, secrets_dir, &cache_root)?;
    let discoverer = Arc::new(Mutex::new(discoverer));
    let mut controllers = Vec::new();
    for repo in &arguments.repo {
        let settings = arguments.access.settings(repo, Identity::default(), registries.clone())?;
        let repository = Repository::open(settings)?.signed_by(signer.clone());
        if let Some(doubt) = repository.doubt() {
            warn!(repo = repository.url.as_str(), code = doubt.code, "{doubt}");
        }
        let controller = Controller::asking(repository, &arguments.checks)?;
        controllers.push(controller.discovering(discoverer.clone()).only(arguments.shard));
    }
    if arguments.once {
        let passes = run::once(&mut controllers, &receiver);
        let worst = passes.iter().flat_map(|it| &it.findings).map(|it| it.fault).max();
        return Ok(worst.map_or(ExitCode::SUCCESS, |fault| ExitCode::from(fault.exit_code())));
    }
    let interval = Duration::from_secs(u64::from(arguments.interval.0));
    let watch = Watch::new(controllers.iter().map(|it| it.repository().url.clone()), interval);
    // Ends after the loop: probes are answered until then.
    let _listening = listen(&arguments.listen, &watch, sender)?;
    let lease = arguments
        .lease
        .lease
        .clone()
        .map(|it| Lease::stand_for(it, arguments.checks.kubeconfig.clone(), identity()));
    run::run(controllers, interval, &receiver, &watch, lease.transpose()?.as_ref());
    Ok(ExitCode::SUCCESS)
}

/// A name that no other controller has: that of the machine or pod, for people, and the moment of this process.
fn identity() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "controller".into());
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{host}_{}-{:x}", std::process::id(), since.as_nanos())
}

/// Begins to listen, if that is asked for, and says who may send webhooks.
fn listen(options: &ListenOptions, watch: &Watch, sender: Sender) -> Result<Option<Listening>, Diagnosis> {
    let Some(address) = options.listen else { return Ok(None) };
    let receivers = options.webhook_secrets_dir.as_deref().map(Receivers::open).transpose()?;
    let (found, wrong) = receivers.as_ref().map(Receivers::inspect).unwrap_or_default();
    for doubt in wrong {
        warn!(code = doubt.code, "{doubt}");
    }
    let listening = Listening::start(address, receivers, ListenLimits::default(), watch.clone(), sender)?;
    let webhooks = if found.is_empty() { "none".into() } else { found.join(", ") };
    info!(address = %listening.address(), "listening; webhooks: {webhooks}");
    Ok(Some(listening))
}

/// A channel that hears SIGTERM and SIGINT. The pass under way is finished first: it is bounded, and leaves nothing half done.
fn heard_signals() -> Result<(Sender, Receiver), Diagnosis> {
    use tokio::signal::unix::{SignalKind, signal};
    let broken =
        |error: std::io::Error| Diagnosis::upstream("runtime", format!("no signals can be heard: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(broken)?;
    let (sender, receiver) = signals();
    let (mut term, mut int) = {
        let _guard = runtime.enter();
        (signal(SignalKind::terminate()).map_err(broken)?, signal(SignalKind::interrupt()).map_err(broken)?)
    };
    let stop = sender.clone();
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
        });
        stop.send(Signal::Stop);
    });
    Ok((sender, receiver))
}

fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_env("PROMOTER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    match format {
        LogFormat::Json => log.json().flatten_event(true).init(),
        LogFormat::Text => log.compact().with_ansi(false).init(),
    }
}
