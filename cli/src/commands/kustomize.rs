//! `promoter kustomize`: a drop-in for the kustomize command.

use crate::edge::{self, Outcome};
use crate::files::write_text;
use crate::tree::{Shown, whole_disk};
use clap::{Args, Subcommand, ValueEnum};
use promoter_core::Diagnosis;
use promoter_kustomize::{ChartRequest, Externals, Files, LoadRestrictor, Options, Reorder, build};
use promoter_render::build_diagnosis;
use promoter_sources::helm::{Helm, HelmLimits};
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print what a kustomization makes, byte for byte as kustomize v5.8.1.
    Build(BuildArguments),
}

#[derive(Args)]
pub(crate) struct BuildArguments {
    /// Directory of the kustomization
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// Write to a file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Which files a kustomization may name
    #[arg(long, value_enum, ignore_case = true, default_value_t = Restrictor::LoadRestrictionsRootOnly)]
    load_restrictor: Restrictor,
    /// Allow `helmCharts`
    #[arg(long)]
    enable_helm: bool,
    /// The helm to run: a name in PATH, or a path
    #[arg(long, value_name = "COMMAND", default_value = "helm")]
    helm_command: PathBuf,
    /// API versions that charts are told of, where the kustomization names none
    #[arg(long, value_name = "VERSION")]
    helm_api_versions: Vec<String>,
    /// Kubernetes version that charts are told of, where the kustomization names none
    #[arg(long, value_name = "VERSION")]
    helm_kube_version: Option<String>,
    /// Order of the result; `sortOptions` in the kustomization says it better
    #[arg(long, value_enum, default_value_t = Order::Unspecified, hide = true)]
    reorder: Order,
    /// Refused: plugins are programs, and a build runs none but helm
    #[arg(long, hide = true)]
    enable_alpha_plugins: bool,
    /// Refused for the same reason
    #[arg(long, hide = true)]
    enable_exec: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "verbatim")]
enum Restrictor {
    /// Files in or below the kustomization's own directory
    LoadRestrictionsRootOnly,
    /// Any file
    LoadRestrictionsNone,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Order {
    /// kustomize's own
    Unspecified,
    /// Namespaces first, webhooks last
    Legacy,
    /// As they appear
    None,
}

pub(crate) fn run(command: Command) -> Result<Outcome, Diagnosis> {
    match command {
        Command::Build(arguments) => run_build(&arguments),
    }
}

fn run_build(arguments: &BuildArguments) -> Result<Outcome, Diagnosis> {
    if arguments.enable_alpha_plugins || arguments.enable_exec {
        let cause = "plugins and functions that are programs or containers are not run";
        return Err(Diagnosis::input("kustomize-plugins", cause)
            .hint("leave the flag out; built-in generators and transformers need none"));
    }
    let (files, directory) = whole_disk(&arguments.directory)?;
    let options = Options::default()
        .with_load_restrictor(match arguments.load_restrictor {
            Restrictor::LoadRestrictionsRootOnly => LoadRestrictor::RootOnly,
            Restrictor::LoadRestrictionsNone => LoadRestrictor::None,
        })
        .with_reorder(match arguments.reorder {
            Order::None => Reorder::None,
            Order::Unspecified | Order::Legacy => Reorder::Legacy,
        })
        .with_helm(arguments.enable_helm);
    let shown = Shown::of(&directory);
    let built = build(&files, &directory, &options, &Charts::of(arguments))
        .map_err(|it| shown.diagnosis(build_diagnosis(&it)))?;
    for warning in &built.warnings {
        edge::say(warning);
    }
    let text = built.to_yaml().map_err(|it| shown.diagnosis(build_diagnosis(&it)))?;
    match &arguments.output {
        Some(path) => write_text(path, &text)?,
        None => edge::result(&text)?,
    }
    // The process ends here: to free a large tree piece by piece takes a tenth of the whole build.
    std::mem::forget(built);
    Ok(Outcome::Done)
}

/// Helm with what the command line says about the cluster.
struct Charts {
    helm: Helm,
    api_versions: Vec<String>,
    kube_version: Option<String>,
}

impl Charts {
    fn of(arguments: &BuildArguments) -> Self {
        Self {
            helm: Helm::new(&arguments.helm_command, HelmLimits::default()),
            api_versions: arguments.helm_api_versions.clone(),
            kube_version: arguments.helm_kube_version.clone(),
        }
    }
}

impl Externals for Charts {
    fn template(&self, files: &dyn Files, request: &ChartRequest) -> Result<String, String> {
        let mut request = request.clone();
        if request.api_versions.is_empty() {
            request.api_versions.clone_from(&self.api_versions);
        }
        request.kube_version = request.kube_version.or_else(|| self.kube_version.clone());
        Externals::template(&self.helm, files, &request)
    }
}
