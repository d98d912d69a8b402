//! `promoter render`: the manifests of a directory, as the plugin would answer with them.

use crate::bases::BaseOptions;
use crate::edge::{self, Outcome};
use crate::tree::InRepository;
use clap::{Args, ValueEnum};
use promoter_core::{Diagnosis, LOCK_FILE, Name};
use promoter_kustomize::{FileKind, Files};
use promoter_render::{
    ChartCall, Cluster, Limits, Manifests, Mode, Parameters, PinnedSource, Rules, Sources, Verified, World,
    answer, render, verify,
};
use promoter_sources::clients::RegistryAccess;
use promoter_sources::disk::DiskFiles;
use promoter_sources::git::{self, GitTree};
use promoter_sources::helm::{Helm, HelmLimits};
use promoter_sources::registry::RegistryOptions;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Args)]
#[command(after_help = "\
With a lockfile in DIR, everything is as it pins it: the hydrated manifests beside it if it has their
digest, else a render of its commit, which must be in the repository that one stands in.
Without one, the directory is rendered as it is on disk, and nothing is pinned.")]
pub(crate) struct Arguments {
    /// Directory of the Application: with a lockfile, or with what is to be rendered
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// The form of the output
    #[arg(short, long, value_enum, default_value_t)]
    output: Form,
    /// The lockfile's path, relative to DIR [default: promotion.lock.yaml if it is there]
    #[arg(long, value_name = "FILE")]
    lockfile: Option<String>,
    /// The environment that the lockfile must be for
    #[arg(long, value_name = "ENV")]
    environment: Option<Name>,
    /// Which manifests: `auto`, `live`, `hydrated`, `verify`
    #[arg(long, value_name = "MODE", default_value = "auto")]
    render: Mode,
    /// Render the directory as it is on disk even if there is a lockfile in it
    #[arg(long, conflicts_with_all = ["lockfile", "environment", "render"])]
    unlocked: bool,
    #[command(flatten)]
    helm: HelmOptions,
    /// Kubernetes version that charts are told of
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<String>,
    /// API versions that charts are told of
    #[arg(long, value_name = "VERSION")]
    api_versions: Vec<String>,
    #[command(flatten)]
    registries: RegistryOptions,
    #[command(flatten)]
    bases: BaseOptions,
}

/// Which helm renders charts.
#[derive(Debug, Args)]
pub(super) struct HelmOptions {
    /// The helm to run for charts: a name in PATH, or a path
    #[arg(
        long,
        value_name = "COMMAND",
        env = "PROMOTER_HELM",
        hide_env_values = true,
        default_value = "helm"
    )]
    pub(super) helm_command: PathBuf,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Form {
    /// YAML documents as kustomize prints them
    #[default]
    Yaml,
    /// One JSON object per line, as the plugin answers
    Json,
    /// The bytes of manifest.yaml on an environment's branch
    Hydrated,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Diagnosis> {
    let place = InRepository::of(&arguments.directory)?;
    let manifests = rendered(&place, arguments)?;
    for warning in &manifests.warnings {
        edge::say(warning);
    }
    let text = match arguments.output {
        Form::Yaml => manifests.to_yaml(),
        Form::Json => manifests.to_json_objects().map(|it| it.join("\n") + "\n"),
        Form::Hydrated => manifests.to_hydrated().map(|it| String::from_utf8_lossy(&it.bytes).into_owned()),
    };
    edge::result(&text.map_err(|it| place.shown(it.diagnosis()))?)?;
    Ok(Outcome::Done)
}

fn rendered(place: &InRepository, arguments: &Arguments) -> Result<Verified<Manifests>, Diagnosis> {
    let limits = Limits::default();
    let cluster = Cluster {
        kube_version: arguments.kube_version.clone(),
        api_versions: arguments.api_versions.clone(),
    };
    let registries = RegistryAccess::new(arguments.registries.config()?, arguments.bases.cache_root());
    let world =
        Local::new(&arguments.helm.helm_command, place.dot_git.clone(), arguments.bases.clone(), registries);
    let lock = format!("{}/{LOCK_FILE}", place.directory);
    let has_lock = place.files.kind(lock.trim_start_matches('/')) == Some(FileKind::File);
    if (has_lock && !arguments.unlocked) || arguments.lockfile.is_some() {
        let parameters = Parameters {
            environment: arguments.environment.clone(),
            lockfile: arguments.lockfile.clone(),
            render: arguments.render,
        };
        let answer = answer(&*place.files, &place.directory, &parameters, &cluster, &limits, &world);
        return answer.map_err(|it| place.shown(it.diagnosis()));
    }
    if arguments.environment.is_some() || arguments.render != Mode::Auto {
        let cause = format!("there is no `{LOCK_FILE}` in `{}`", arguments.directory.display());
        return Err(Diagnosis::input("lock-missing", cause).hint(
            "`--environment` and `--render` say something about a lockfile; leave them out without one",
        ));
    }
    let sources = Sources::at(Arc::<DiskFiles>::clone(&place.files), &place.directory, Rules::default());
    let manifests = sources.and_then(|it| render(&it, &cluster, &limits, &world));
    let manifests = manifests.map_err(|it| place.shown(it.diagnosis()))?;
    verify(manifests, &limits).map_err(|it| place.shown(it.diagnosis()))
}

/// The world as far as this machine has it: commits of the repository one stands in, charts through helm. Bases in other
/// repositories and pinned charts may be fetched.
pub(super) struct Local {
    helm: Helm,
    dot_git: Option<PathBuf>,
    bases: BaseOptions,
}

impl Local {
    /// `dot_git` is the directory that holds the repository's objects; without one there are no commits. `registries` have
    /// the charts that a lock pins.
    pub(super) fn new(
        helm_command: &Path,
        dot_git: Option<PathBuf>,
        bases: BaseOptions,
        registries: RegistryAccess,
    ) -> Self {
        Self { helm: Helm::new(helm_command, HelmLimits::default(), registries), dot_git, bases }
    }
}

impl World for Local {
    fn tree(&self, source: &PinnedSource) -> Result<Arc<dyn Files>, Diagnosis> {
        let Some(dot_git) = &self.dot_git else {
            let cause = format!("commit `{}` cannot be read: this is in no git repository", source.commit);
            return Err(Diagnosis::input("render-no-repository", cause)
                .hint(format!("change to a clone of `{}`", source.url)));
        };
        let tree = GitTree::from_dot_git(dot_git, &source.commit, "", &git::Limits::default());
        tree.map(|it| Arc::new(it) as Arc<dyn Files>).map_err(|it| it.diagnosis())
    }

    fn base(&self, source: &PinnedSource) -> Result<Arc<dyn Files>, Diagnosis> {
        self.bases.tree(source)
    }

    fn template(&self, call: &ChartCall<'_>) -> Result<String, Diagnosis> {
        self.helm.template(call)
    }
}
