//! `promoter init`: a pipeline for a tree that is there, so that nothing that runs changes by it.
//!
//! Decides nothing that the tree says: `find` looks for environments, `order` puts them one after another, `text` writes
//! the files. What is written is proven first: every environment renders the same bytes before and after.

mod find;
mod order;
mod proof;
mod text;

use super::render::HelmOptions;
use super::repository::git;
use crate::edge::{self, Outcome};
use crate::files::write_texts;
use crate::table::columns;
use crate::tree::InRepository;
use clap::{Args, ValueEnum};
use promoter_core::pipeline::{PIPELINE_FILE, read_on};
use promoter_core::{CommitId, Diagnosis, GitUrl, LOCK_FILE, Name};
use promoter_kustomize::Files as _;
use promoter_render::SourceKind;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use find::Wanted;
use order::Step;

pub(super) use order::is_production;

#[derive(Args)]
#[command(after_help = "\
Environments are found in `envs`, `overlays` or `environments` below DIR, else in folders of DIR that are called like
environments (dev, test, qa, staging, pre-prod, prod …), each with a kustomization, a chart or manifests.

Examples:
  promoter init apps/guestbook --layout folders
  promoter init --layout branches --environments dev,staging,prod
  promoter init gitops-repo --layout folders --name myapp --dry-run
  promoter init gitops-repo --from-dirs")]
pub(crate) struct Arguments {
    /// Directory of the app
    #[arg(default_value = ".", value_name = "DIR")]
    directory: PathBuf,
    /// Where lockfiles will lie: on a branch for each environment, or in the folders of the environments
    #[arg(long, value_enum, required_unless_present = "from_dirs")]
    layout: Option<Layout>,
    /// Take folders of DIR that are called like environments, whatever else is there; the layout is `branches` then,
    /// unless `--layout` says otherwise
    #[arg(long)]
    from_dirs: bool,
    /// Name of the pipeline; by default that of the directory, or of the only app in it
    #[arg(long)]
    name: Option<Name>,
    /// Environments in their order, each after the one before; by default all that are found, ordered by their names
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    environments: Vec<Name>,
    /// Address under which the controller reaches the repository; by default that of `origin`
    #[arg(long, value_name = "URL", env = "PROMOTER_REPO")]
    repo: Option<String>,
    /// Only print what would be written
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    helm: HelmOptions,
    #[command(flatten)]
    bases: crate::bases::BaseOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Layout {
    /// A branch for each environment with lock and rendered manifests
    Branches,
    /// Each lock in the folder of its environment, on the branch that people write
    Folders,
}

impl Arguments {
    /// The layout that was asked for.
    fn layout(&self) -> Layout {
        self.layout.unwrap_or(Layout::Branches)
    }
}

impl Layout {
    fn word(self) -> &'static str {
        match self {
            Self::Branches => "branches",
            Self::Folders => "folders",
        }
    }
}

/// What is committed where one stands.
struct Committed {
    head: CommitId,
    branch: String,
}

/// Finds, proves, writes.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Diagnosis> {
    let place = InRepository::of(&arguments.directory)?;
    if place.dot_git.is_none() {
        let cause = format!("`{}` is in no git repository", arguments.directory.display());
        return Err(Diagnosis::input("repo-missing", cause)
            .hint("run `git init`, then commit what is there: a lock pins a commit"));
    }
    let committed = committed(&arguments.directory)?;
    let wanted = Wanted {
        app: arguments.name.as_ref(),
        environments: &arguments.environments,
        from_dirs: arguments.from_dirs,
    };
    let found = find::find(&place.files, &place.directory, &wanted)?;
    let name = match arguments.name.clone().or(found.app.clone()) {
        Some(name) => name,
        None => find::name(&named(&arguments.directory)?)?,
    };
    let steps = order::order(found.environments, !arguments.environments.is_empty());
    let pipeline_text = text::pipeline(&name, arguments.layout().word(), &steps);
    let pipeline_path = find::join(&place.directory, PIPELINE_FILE);
    // Read as the controller will read it, which is also where two environments for one folder would be seen.
    let pipelines = read_on(&committed.branch, &pipeline_path, &pipeline_text);
    let pipeline = pipelines.map_err(|error| error.diagnosis())?.remove(0);
    let url = repository(arguments)?;
    let locks = text::locks(&pipeline, &url, &committed.head)?;
    let mut files = BTreeMap::from([(PIPELINE_FILE.to_owned(), pipeline_text)]);
    if arguments.layout() == Layout::Folders {
        let path = |it: &Step| format!("{}/{LOCK_FILE}", it.found.folder);
        files.extend(steps.iter().zip(&locks).map(|(step, lock)| (path(step), lock.emit())));
    }
    for path in files.keys() {
        if place.files.kind(&find::join(&place.directory, path)).is_some() {
            let cause = format!("`{}` is there already", arguments.directory.join(path).display());
            return Err(Diagnosis::input("init-exists", cause)
                .hint("init sets up a pipeline once; one more app of the directory is one more YAML document in promoter.yaml"));
        }
    }
    let counts = proof::prove(&place, &pipeline, &locks, arguments)?;
    edge::result(&report(arguments, &name, &steps, &counts, &committed))?;
    if !arguments.dry_run {
        write_texts(&arguments.directory, &files)?;
    }
    edge::result(&written(arguments, &files))?;
    edge::result(&next(arguments, &name, &steps, &url, &committed))?;
    Ok(Outcome::Done)
}

/// The head that a lock will pin. Errors: no commit yet, or changes below the directory that are not in it.
fn committed(directory: &Path) -> Result<Committed, Diagnosis> {
    let directory = directory.to_string_lossy();
    let ask = |arguments: &[&str]| git(&[&["-C", &directory], arguments].concat());
    let head = ask(&["rev-parse", "--verify", "--quiet", "HEAD"]).and_then(|it| it.parse().ok());
    let nothing = || {
        Diagnosis::input("init-not-committed", "nothing is committed yet")
            .hint("commit what is there: a lock can only pin a commit")
    };
    let head = head.ok_or_else(nothing)?;
    // With a line about the branch, so that an answer without changes is none without an answer.
    let status = ask(&["status", "--porcelain", "--branch", "--untracked-files=all", "--", "."]);
    let status = status.ok_or_else(|| Diagnosis::upstream("init-git", "`git status` gives no answer"))?;
    let changes: Vec<&str> = status.lines().filter(|it| !it.starts_with("## ")).collect();
    if let Some(first) = changes.first() {
        let more = match changes.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        let cause =
            format!("`{}`{more} below `{directory}` is not committed", first.get(3..).unwrap_or(first));
        return Err(Diagnosis::input("init-not-committed", cause)
            .hint("commit or stash it: a lock can only pin what is committed"));
    }
    let branch = ask(&["symbolic-ref", "--quiet", "--short", "HEAD"]).unwrap_or_else(|| "main".into());
    Ok(Committed { head, branch })
}

/// The last part of a directory's real path.
fn named(directory: &Path) -> Result<String, Diagnosis> {
    let real = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    real.file_name().map(|it| it.to_string_lossy().into_owned()).ok_or_else(|| {
        Diagnosis::input("init-environments", "the directory has no name")
            .hint("give the pipeline one with `--name`")
    })
}

/// The address that freight names.
fn repository(arguments: &Arguments) -> Result<GitUrl, Diagnosis> {
    let directory = arguments.directory.to_string_lossy();
    let origin = || git(&["-C", &directory, "config", "--get", "remote.origin.url"]);
    let text = arguments.repo.clone().or_else(origin).ok_or_else(|| {
        Diagnosis::input("init-no-remote", "the repository has no remote `origin`")
            .hint("name the address that the controller will use with `--repo URL`: locks hold it")
    })?;
    text.parse().map_err(|error| Diagnosis::input("git-url", error))
}

/// What was found, and that it renders.
fn report(
    arguments: &Arguments,
    name: &Name,
    steps: &[Step],
    counts: &[usize],
    committed: &Committed,
) -> String {
    let mut rows =
        vec![["ENVIRONMENT", "FOLDER", "KIND", "OBJECTS", "AFTER", "PROMOTION"].map(String::from).to_vec()];
    for (step, count) in steps.iter().zip(counts) {
        let after: Vec<&str> = step.after.iter().map(Name::as_str).collect();
        let kind = match step.found.kind {
            SourceKind::Kustomize => "kustomization",
            SourceKind::Chart => "chart",
            SourceKind::Plain => "manifests",
        };
        let after = if after.is_empty() { "-".into() } else { after.join(", ") };
        rows.push(vec![
            step.found.name.to_string(),
            step.found.folder.clone(),
            kind.into(),
            count.to_string(),
            after,
            step.promotion().words().into(),
        ]);
    }
    let short = committed.head.as_str().get(..10).unwrap_or_default();
    let proven = match arguments.layout() {
        Layout::Folders => format!("with its lock at commit {short} as it does without"),
        Layout::Branches => format!("from commit {short} as it does from the disk"),
    };
    let charts = steps.iter().any(|it| it.found.kind == SourceKind::Chart);
    let release = match charts {
        true => format!(
            "Charts get the release name `{name}`; give the pipeline the Application's with `--name`.\n"
        ),
        false => String::new(),
    };
    format!("{}\nEvery environment renders {proven}, byte for byte.\n{release}", columns(&rows))
}

fn written(arguments: &Arguments, files: &BTreeMap<String, String>) -> String {
    let verb = if arguments.dry_run { "would write" } else { "wrote" };
    let line = |path: &String| format!("{verb} {}\n", shown(&arguments.directory, path));
    format!("\n{}", files.keys().map(line).collect::<String>())
}

/// The commands that go on from here.
fn next(arguments: &Arguments, name: &Name, steps: &[Step], url: &GitUrl, committed: &Committed) -> String {
    let last = steps.last().map_or("prod", |it| it.found.name.as_str());
    let folder = steps.last().map_or("", |it| &it.found.folder);
    let directory = arguments.directory.display();
    let (revision, path) = match arguments.layout() {
        Layout::Folders => (committed.branch.clone(), shown(&arguments.directory, folder)),
        Layout::Branches => (format!("environment/{last}"), name.to_string()),
    };
    format!(
        "\nNext:\n  git add {directory}\n  git commit -m 'Set up promoter for {name}'\n  git push\n  \
         promoter-controller --once --repo {url}\n  promoter status\n\
         An Application of Argo CD for `{last}` then has\n  \
         source: {{ repoURL: {url}, targetRevision: {revision}, path: {path}, plugin: {{ name: promoter }} }}\n"
    )
}

/// A path as a person would type it.
fn shown(directory: &Path, path: &str) -> String {
    directory.strip_prefix(".").unwrap_or(directory).join(path).display().to_string()
}
