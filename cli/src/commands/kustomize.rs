//! `promoter kustomize`: a drop-in for the kustomize command.

use crate::edge::{self, Outcome};
use crate::files::write_text;
use clap::{Args, Subcommand, ValueEnum};
use promoter_core::{Diagnosis, Place};
use promoter_kustomize::{
    BuildError, ChartRequest, Externals, Files, LoadRestrictor, Options, Reorder, build,
};
use promoter_render::build_diagnosis;
use promoter_sources::disk::{DiskFiles, DiskLimits};
use promoter_sources::helm::{Helm, HelmLimits};
use std::path::{Path, PathBuf};

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
    let (files, directory) = opened(&arguments.directory)?;
    let options = Options {
        load_restrictor: match arguments.load_restrictor {
            Restrictor::LoadRestrictionsRootOnly => LoadRestrictor::RootOnly,
            Restrictor::LoadRestrictionsNone => LoadRestrictor::None,
        },
        reorder: match arguments.reorder {
            Order::None => Reorder::None,
            Order::Unspecified | Order::Legacy => Reorder::Legacy,
        },
        enable_helm: arguments.enable_helm,
    };
    let shown = Shown::of(&directory);
    let built =
        build(&files, &directory, &options, &Charts::of(arguments)).map_err(|it| shown.diagnosis(&it))?;
    for warning in &built.warnings {
        edge::say(warning);
    }
    let text = built.to_yaml().map_err(|it| shown.diagnosis(&it))?;
    match &arguments.output {
        Some(path) => write_text(path, &text)?,
        None => edge::result(&text)?,
    }
    Ok(Outcome::Done)
}

/// The whole disk as the tree, as kustomize sees it, and the directory in it: bases may lie anywhere.
pub(super) fn opened(directory: &Path) -> Result<(DiskFiles, String), Diagnosis> {
    let failed = |error: &dyn std::fmt::Display| {
        Diagnosis::input("file-failed", format!("`{}` cannot be read: {error}", directory.display()))
    };
    let real = match directory.canonicalize() {
        Ok(real) => real,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let cause = format!("directory `{}` does not exist", directory.display());
            return Err(Diagnosis::input("file-failed", cause));
        }
        Err(error) => return Err(failed(&error)),
    };
    let text = real.to_str().ok_or_else(|| failed(&"its path is not UTF-8"))?;
    let files = DiskFiles::open(Path::new("/"), DiskLimits::default()).map_err(|it| failed(&it))?;
    Ok((files, text.trim_start_matches('/').to_owned()))
}

/// How paths of the tree, whose root is that of the disk, are shown: relative to where the person stands.
pub(super) struct Shown {
    /// The current directory as the tree has it.
    here: String,
    /// The first part of the path of what is built.
    top: String,
}

impl Shown {
    /// For messages about a directory of the tree.
    pub(super) fn of(directory: &str) -> Self {
        let here = std::env::current_dir().unwrap_or_default();
        let top = directory.split('/').next().unwrap_or_default();
        Self { here: here.display().to_string().trim_matches('/').to_owned(), top: top.to_owned() }
    }

    pub(super) fn diagnosis(&self, error: &BuildError) -> Diagnosis {
        let Diagnosis { code, fault, cause, at, hint } = build_diagnosis(error);
        Diagnosis {
            code,
            fault,
            cause: self.text(&cause),
            at: at.map(|it| Place::new(self.path(&it.path), it.line)),
            hint: hint.map(|it| self.text(&it)),
        }
    }

    fn path(&self, path: &str) -> String {
        match path.strip_prefix(&self.here) {
            Some("") => ".".into(),
            Some(below) if below.starts_with('/') && !self.here.is_empty() => below[1..].into(),
            _ => format!("/{path}"),
        }
    }

    /// Paths in a message stand in backticks.
    fn text(&self, message: &str) -> String {
        let mut text = message.to_owned();
        if !self.here.is_empty() {
            let here = format!("`{}", self.here);
            text = text.replace(&format!("{here}/"), "`").replace(&format!("{here}`"), "`.`");
        }
        match self.top.is_empty() {
            true => text,
            false => text.replace(&format!("`{}/", self.top), &format!("`/{}/", self.top)),
        }
    }
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
