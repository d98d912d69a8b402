//! The command line of the plugin: what each subcommand needs from arguments and environment, where its output goes.

mod args;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use promoter_core::Diagnosis;
use promoter_plugin::cmp::client::Client;
use promoter_plugin::cmp::environment::Environment;
use promoter_plugin::exec::Unpacked;
use promoter_plugin::replay::Replay;
use promoter_plugin::{parameters, replay, requests, server};
use promoter_render::{Manifests, Verified};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use args::{
    Command, EngineArgs, HealthArgs, LogArgs, LogFormat, Output, PatienceArgs, ReplayArgs, ServeArgs,
};

const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let args = args::Args::parse();
    let done = match args.command {
        Command::Serve(serve_args) => serve(&serve_args),
        Command::Generate { engine, patience, output } => generate(&engine, &patience, output),
        Command::Parameters => announce(),
        Command::Replay(replay_args) => replay(&replay_args),
        Command::Healthcheck(health_args) => healthcheck(&health_args),
    };
    let Err(error) = done else {
        return ExitCode::SUCCESS;
    };
    // stdout belongs to manifests; Argo CD shows stderr as the reason.
    let diagnosis = error.downcast_ref::<Diagnosis>();
    let line = diagnosis.map_or_else(|| format!("{error:#}"), ToString::to_string);
    let _ = writeln!(io::stderr(), "{line}");
    ExitCode::from(diagnosis.map_or(70, |it| it.fault.exit_code()))
}

fn serve(args: &ServeArgs) -> anyhow::Result<()> {
    start_log(&args.log);
    let engine = args.engine.engine()?;
    let workers = std::thread::available_parallelism().map_or(2, usize::from).min(4);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    let served = runtime.block_on(async {
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let stop = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("asked to stop; running requests are answered first");
        };
        let ready = |socket: &std::path::Path| {
            tracing::info!(socket = %socket.display(), version = env!("CARGO_PKG_VERSION"), "ready");
        };
        server::serve(args.options(), engine, ready, stop).await.map_err(|error| error.diagnosis())?;
        anyhow::Ok(())
    });
    // A render that nobody waits for any more does not keep the process.
    runtime.shutdown_background();
    tracing::info!("stopped");
    served
}

fn generate(args: &EngineArgs, patience: &PatienceArgs, output: Output) -> anyhow::Result<()> {
    let environment = process_environment();
    let unpacked = unpacked(&environment)?;
    let answer = unpacked.generate(&args.engine()?, &environment, patience.patience());
    print(&written(&answer.manifests?, output)?)
}

/// Manifests or the error as for Argo CD; what it was about and how long each phase took go to stderr.
fn replay(args: &ReplayArgs) -> anyhow::Result<()> {
    let kept = requests::read(&args.file).map_err(|it| it.diagnosis())?;
    let replayed = replay::replay(kept, &args.variables, &args.engine.engine()?, args.patience.patience());
    replayed.summary().iter().for_each(|line| {
        let _ = writeln!(io::stderr(), "{line}");
    });
    match replayed.answer? {
        Replay::Manifests(manifests) => print(&written(&manifests, args.output)?),
        Replay::Parameters(announcements) => print(&format!("{}\n", parameters::to_json(&announcements))),
    }
}

fn written(manifests: &Verified<Manifests>, output: Output) -> anyhow::Result<String> {
    let text = match output {
        Output::Yaml => manifests.to_yaml(),
        Output::Json => manifests.to_json_objects().map(|it| it.iter().map(|it| format!("{it}\n")).collect()),
    };
    Ok(text.map_err(|error| error.diagnosis())?)
}

fn announce() -> anyhow::Result<()> {
    let environment = process_environment();
    let announcements = unpacked(&environment)?.announce(&environment);
    print(&format!("{}\n", parameters::to_json(&announcements)))
}

fn healthcheck(args: &HealthArgs) -> anyhow::Result<()> {
    let socket = args.socket.path();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let asked = runtime.block_on(async {
        let asked = async { Client::connect(&socket, HEALTH_TIMEOUT).await?.healthy().await };
        tokio::time::timeout(HEALTH_TIMEOUT, asked).await
    });
    let silent =
        || Diagnosis::upstream("plugin-unhealthy", format!("`{}` gave no answer in time", socket.display()));
    let healthy = asked.map_err(|_| silent())?.map_err(|error| error.diagnosis())?;
    if !healthy {
        let cause = format!("the plugin at `{}` is not serving", socket.display());
        return Err(Diagnosis::upstream("plugin-unhealthy", cause).into());
    }
    Ok(())
}

fn unpacked(environment: &Environment) -> anyhow::Result<Unpacked> {
    let directory = std::env::current_dir().context("the working directory cannot be read")?;
    Ok(Unpacked::around(&directory, environment)?)
}

/// Variables that are not UTF-8 are none of ours.
fn process_environment() -> Environment {
    let utf8 = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(utf8).collect()
}

fn print(text: &str) -> anyhow::Result<()> {
    io::stdout().lock().write_all(text.as_bytes()).context("the output cannot be written")
}

/// Of other crates only what went wrong: their debug lines are one for each frame.
fn start_log(args: &LogArgs) {
    let ours = ["promoter_plugin", "promoter_sources"].map(|it| (it, args.level));
    let filter = Targets::new().with_default(args.level.min(LevelFilter::WARN)).with_targets(ours);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_target(false);
    let registry = tracing_subscriber::registry().with(filter);
    match args.format {
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).init(),
        LogFormat::Text => registry.with(lines.with_ansi(false)).init(),
    }
}
