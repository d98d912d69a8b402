//! `promoter kustomize`: a drop-in for the kustomize command.

use crate::bases::BaseOptions;
use crate::edge::{self, Outcome};
use crate::files::{write_text, write_texts};
use crate::tree::{Shown, whole_disk};
use clap::{ArgAction, Args, Subcommand, ValueEnum};
use promoter_core::Diagnosis;
use promoter_kustomize::{
    Build, BuildError, ChartRequest, Externals, Files, LoadRestrictor, Options, Reorder, build,
    build_repository, names_repository,
};
use promoter_render::{PinnedSource, build_diagnosis, build_error};
use promoter_sources::clients::RegistryAccess;
use promoter_sources::helm::{Helm, HelmLimits};
use std::ffi::{OsStr, OsString};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print what a kustomization makes, byte for byte as kustomize v5.8.1.
    Build(Box<BuildArguments>),
    /// The same without any flag.
    #[command(skip)]
    Plain(PathBuf),
}

impl Command {
    /// Reads `kustomize build [DIR]`, which needs no parser: laying one out takes longer than building a small
    /// kustomization. `None` for every line that says more, or that has to be refused.
    pub(crate) fn plain(words: &[OsString]) -> Option<Self> {
        let directory = match words {
            [group, command] if group == "kustomize" && command == "build" => OsStr::new("."),
            [group, command, directory] if group == "kustomize" && command == "build" => directory,
            _ => return None,
        };
        let is_value = !directory.is_empty() && !directory.as_encoded_bytes().starts_with(b"-");
        is_value.then(|| Self::Plain(directory.into()))
    }
}

#[derive(Args)]
#[command(args_override_self = true)]
pub(crate) struct BuildArguments {
    /// Directory of the kustomization, or one in a git repository like `https://host/org/repo//DIR?ref=<commit>`
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// Write to a file instead of stdout, or to a file for each resource in a directory that is there
    #[arg(short, long, value_name = "FILE|DIR")]
    output: Option<PathBuf>,
    /// Which files a kustomization may name
    #[arg(long, value_enum, ignore_case = true, default_value_t = Restrictor::LoadRestrictionsRootOnly)]
    load_restrictor: Restrictor,
    /// Allow `helmCharts`
    #[arg(long)]
    enable_helm: bool,
    /// The helm to run: a name in PATH, or a path
    #[arg(long, value_name = "COMMAND", env = "PROMOTER_HELM", hide_env_values = true, default_value = HELM)]
    helm_command: PathBuf,
    /// API versions that charts are told of, where the kustomization names none
    #[arg(long, value_name = "VERSION")]
    helm_api_versions: Vec<String>,
    /// Kubernetes version that charts are told of, where the kustomization names none
    #[arg(long, value_name = "VERSION")]
    helm_kube_version: Option<String>,
    #[command(flatten)]
    bases: BaseOptions,
    #[command(flatten)]
    other: OtherFlags,
}

/// Flags of kustomize that say what is said better elsewhere, that change nothing here, or that are refused.
#[derive(Args)]
struct OtherFlags {
    /// Order of the result; `sortOptions` in the kustomization says it better
    #[arg(long, value_enum, hide = true)]
    reorder: Option<Order>,
    /// Label everything with the builder; `buildMetadata` in the kustomization says it better
    #[arg(long, hide = true)]
    enable_managedby_label: bool,
    /// Changes nothing: what helm says when it fails is shown in any case
    #[arg(long, hide = true)]
    helm_debug: bool,
    /// Changes nothing, like the other settings of containers: none is run
    #[arg(long, hide = true)]
    network: bool,
    #[arg(long, hide = true)]
    network_name: Option<String>,
    #[arg(long, hide = true, action = ArgAction::Append)]
    mount: Vec<String>,
    #[arg(short, long, hide = true, action = ArgAction::Append)]
    env: Vec<String>,
    #[arg(long, hide = true)]
    as_current_user: bool,
    /// Refused: plugins are programs, and a build runs none but helm
    #[arg(long, hide = true)]
    enable_alpha_plugins: bool,
    /// Refused for the same reason
    #[arg(long, hide = true)]
    enable_exec: bool,
    /// Refused for the same reason
    #[arg(long, hide = true)]
    enable_star: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "verbatim")]
enum Restrictor {
    /// Files in or below the kustomization's own directory
    #[value(alias = "")]
    LoadRestrictionsRootOnly,
    /// Any file
    LoadRestrictionsNone,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Order {
    /// Namespaces first, webhooks last
    Legacy,
    /// As they appear
    None,
}

/// The helm that is run if nothing else is said.
const HELM: &str = "helm";
/// The variable by which kustomize takes `--enable-managedby-label`, set to `on`.
const MANAGED_BY_VARIABLE: &str = "KUSTOMIZE_ENABLE_MANAGEDBY_LABEL";

pub(crate) fn run(command: Command) -> Result<Outcome, Diagnosis> {
    match command {
        Command::Build(arguments) => run_build(&arguments),
        Command::Plain(directory) => {
            let options = Options::default().with_managed_by_label(labels_by_variable());
            let outside = ManuallyDrop::new(Outside::default());
            print(&directory, &options, &outside, None)
        }
    }
}

fn run_build(arguments: &BuildArguments) -> Result<Outcome, Diagnosis> {
    arguments.other.check()?;
    let options = Options::default()
        .with_load_restrictor(match arguments.load_restrictor {
            Restrictor::LoadRestrictionsRootOnly => LoadRestrictor::RootOnly,
            Restrictor::LoadRestrictionsNone => LoadRestrictor::None,
        })
        .with_reorder(match arguments.other.reorder {
            Some(Order::None) => Reorder::None,
            Some(Order::Legacy) | None => Reorder::Legacy,
        })
        .with_helm(arguments.enable_helm)
        .with_managed_by_label(arguments.other.labels_builder());
    print(&arguments.directory, &options, &Outside::of(arguments), arguments.output.as_deref())
}

fn print(
    directory: &Path,
    options: &Options,
    outside: &Outside,
    output: Option<&Path>,
) -> Result<Outcome, Diagnosis> {
    match directory.to_str().filter(|it| names_repository(it)) {
        Some(address) => deliver(build_repository(address, options, outside), &Shown::of(""), output),
        None => {
            let (files, directory) = whole_disk(directory)?;
            let files = ManuallyDrop::new(files);
            deliver(build(&*files, &directory, options, outside), &Shown::of(&directory), output)
        }
    }
}

/// Prints or writes a build. Nothing is written before all of it is there.
fn deliver(
    built: Result<Build, BuildError>,
    shown: &Shown,
    output: Option<&Path>,
) -> Result<Outcome, Diagnosis> {
    let failed = |error: BuildError| shown.diagnosis(build_diagnosis(&error));
    let built = built.map_err(failed)?;
    for warning in &built.warnings {
        edge::say(warning);
    }
    match output.filter(|it| !it.as_os_str().is_empty()) {
        Some(directory) if directory.is_dir() => {
            write_texts(directory, &built.to_files().map_err(failed)?)?;
        }
        Some(file) => write_text(file, &built.to_yaml().map_err(failed)?)?,
        None => edge::result(&built.to_yaml().map_err(failed)?)?,
    }
    // The process ends here: to free a large tree piece by piece takes a tenth of the whole build. Of a short one the code that
    // frees would be a tenth of its memory, so that what else it holds is not dropped either.
    std::mem::forget(built);
    Ok(Outcome::Done)
}

fn labels_by_variable() -> bool {
    std::env::var_os(MANAGED_BY_VARIABLE).is_some_and(|it| it == "on")
}

impl OtherFlags {
    fn labels_builder(&self) -> bool {
        self.enable_managedby_label || labels_by_variable()
    }

    /// Refuses what would run programs, and says what is old, as kustomize says it.
    fn check(&self) -> Result<(), Diagnosis> {
        if self.enable_alpha_plugins || self.enable_exec || self.enable_star {
            let cause = "plugins and functions that are programs or containers are not run";
            return Err(Diagnosis::input("kustomize-plugins", cause)
                .hint("leave the flag out; built-in generators and transformers need none"));
        }
        let old = [
            (
                self.reorder.is_some(),
                "--reorder",
                "use the new 'sortOptions' field in kustomization.yaml instead.",
            ),
            (
                self.enable_managedby_label,
                "--enable-managedby-label",
                "The flag `enable-managedby-label` has been deprecated. \
                 Use the `managedByLabel` option in the `buildMetadata` field instead.",
            ),
        ];
        for (_, flag, instead) in old.iter().filter(|it| it.0) {
            edge::say(&format!("Flag {flag} has been deprecated, {instead}"));
        }
        Ok(())
    }
}

/// Helm with what the command line says about the cluster, and the way to other repositories.
struct Outside {
    /// Made with the first chart: most builds have none, and a short one would feel it.
    helm: OnceLock<Helm>,
    helm_command: PathBuf,
    /// `None`: those of the environment, read when they are needed.
    bases: Option<BaseOptions>,
    api_versions: Vec<String>,
    kube_version: Option<String>,
}

impl Outside {
    fn of(arguments: &BuildArguments) -> Self {
        Self {
            helm_command: arguments.helm_command.clone(),
            helm: OnceLock::new(),
            bases: Some(arguments.bases.clone()),
            api_versions: arguments.helm_api_versions.clone(),
            kube_version: arguments.helm_kube_version.clone(),
        }
    }
}

impl Default for Outside {
    fn default() -> Self {
        Self {
            helm: OnceLock::new(),
            helm_command: HELM.into(),
            bases: None,
            api_versions: Vec::new(),
            kube_version: None,
        }
    }
}

impl Externals for Outside {
    fn template(&self, files: &dyn Files, request: &ChartRequest) -> Result<String, BuildError> {
        let mut request = request.clone();
        if request.api_versions.is_empty() {
            request.api_versions.clone_from(&self.api_versions);
        }
        request.kube_version = request.kube_version.or_else(|| self.kube_version.clone());
        // Nothing is pinned here, so that no registry is asked by us.
        let helm = self
            .helm
            .get_or_init(|| Helm::new(&self.helm_command, HelmLimits::default(), RegistryAccess::default()));
        Externals::template(helm, files, &request)
    }

    fn repository(&self, url: &str, commit: &str) -> Result<Arc<dyn Files>, BuildError> {
        let bases = self.bases.clone().map_or_else(BaseOptions::of_environment, Ok);
        let tree = bases.and_then(|it| it.tree(&PinnedSource::base(url, commit)?));
        tree.map_err(|error| build_error(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_line_without_flags_needs_no_parser() {
        let read = |line: &[&str]| {
            let words: Vec<OsString> = line.iter().map(Into::into).collect();
            match Command::plain(&words) {
                Some(Command::Plain(directory)) => Some(directory),
                _ => None,
            }
        };
        assert_eq!(read(&["kustomize", "build"]), Some(".".into()));
        assert_eq!(read(&["kustomize", "build", "a b"]), Some("a b".into()));
        for line in [
            &["kustomize", "build", ""][..],
            &["kustomize", "build", "-h"],
            &["kustomize", "build", "--"],
            &["kustomize", "build", "a", "b"],
            &["kustomize"],
            &["render", "build"],
            &[],
        ] {
            assert_eq!(read(line), None, "{line:?}");
        }
    }
}
