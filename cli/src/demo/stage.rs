//! The parts on the stage: the repository, the controller, a person, the plugin, the app's server.

use std::path::{Path, PathBuf};
use std::process::Command;

use promoter_controller::apply::git::{Change, Draft, NewCommit, NewFile, RefUpdate};
use promoter_controller::observe::Seen;
use promoter_controller::pass::{Controller, Pass};
use promoter_controller::people::Person;
use promoter_controller::repository::Repository;
use promoter_controller::run::now;
use promoter_controller::settings::{Identity, PolicyPlace, Settings};
use promoter_core::{CommitId, Diagnosis, Name, PromotionLock};
use promoter_sources::git::{Credentials, Limits, RepoUrl, Signature, Transport};

use super::app;
use super::plugin::{Answer, Plugin};
use super::server::Server;

/// The pipeline of the demo, and so the folder on the environments' branches.
pub(super) const PIPELINE: &str = "myapp";
const MAIN: &str = "refs/heads/main";

/// Everything that takes part.
pub(super) struct Stage {
    /// The folder that holds it all.
    pub(super) place: PathBuf,
    /// The bare repository.
    pub(super) repo: PathBuf,
    pub(super) controller: Controller,
    pub(super) person: Person,
    pub(super) server: Server,
    pub(super) plugin: Plugin,
    pub(super) runtime: tokio::runtime::Runtime,
    files: Repository,
}

impl Stage {
    /// Makes the folder's contents and starts what runs.
    pub(super) fn build(place: PathBuf) -> Result<Self, Diagnosis> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(
                |error| Diagnosis::upstream("runtime", format!("no runtime can be started: {error}")),
            )?;
        let server = Server::start(&runtime)?;
        let plugin = runtime.block_on(Plugin::start(&place))?;
        let repo = place.join("repo.git");
        init_bare(&repo)?;
        let open = |name: &str, email: &str| Repository::open(settings(&place, &repo, name, email)?);
        let controller = Controller::new(open("promoter", "promoter@example.com")?)?;
        let person = Person::new(open("Ada", "ada@example.com")?);
        // Who writes does not approve.
        let files = open("Bob", "bob@example.com")?;
        let stage = Self { place, repo, controller, person, server, plugin, runtime, files };
        stage.commit("Run myapp in dev, staging and prod", &app::files(&stage.server.address))?;
        Ok(stage)
    }

    /// Commits files to `main` as a person.
    pub(super) fn commit(&self, subject: &str, files: &[(String, String)]) -> Result<CommitId, Diagnosis> {
        let cache = &self.files.cache;
        let head = cache.ls_refs(&[MAIN]).map_err(|error| error.diagnosis())?.tips.remove(MAIN);
        let changes: Vec<Change> = files
            .iter()
            .map(|(path, text)| {
                let file = NewFile { bytes: text.clone().into_bytes(), executable_if_new: false };
                Change::File { path: path.clone(), file }
            })
            .collect();
        let mut draft = Draft::new(cache);
        let tree = draft.edit(head.as_ref(), &changes).map_err(|error| error.diagnosis())?;
        let identity = &self.files.settings().identity;
        let author = Signature {
            name: identity.name.clone(),
            email: identity.email.clone(),
            at: now(),
            offset_minutes: 0,
        };
        let parents: Vec<CommitId> = head.clone().into_iter().collect();
        let new = NewCommit {
            tree: &tree,
            parents: &parents,
            author: &author,
            committer: &author,
            message: subject,
        };
        let commit = draft.commit(&new).map_err(|error| error.diagnosis())?;
        let update = RefUpdate { name: MAIN.to_owned(), expect: head, to: commit.clone() };
        draft.push(&[update]).map_err(|error| error.diagnosis())?;
        Ok(commit)
    }

    /// One pass of the controller.
    pub(super) fn pass(&mut self) -> Result<Pass, Diagnosis> {
        self.controller.pass(now)
    }

    /// A look at the repository.
    pub(super) fn look(&mut self) -> Result<Seen, Diagnosis> {
        self.person.observe()
    }

    /// What an environment runs: the head of its active branch and its lock.
    pub(super) fn active(
        &mut self,
        environment: &Name,
    ) -> Result<Option<(CommitId, PromotionLock)>, Diagnosis> {
        let seen = self.look()?;
        let tip = seen
            .pipelines
            .iter()
            .find_map(|(_, it)| it.environments.get(environment)?.active.clone().ok()?);
        Ok(tip.and_then(|tip| Some((tip.commit, tip.lock.ok()??))))
    }

    /// Asks the plugin for what Argo CD would apply in an environment.
    pub(super) fn ask(&mut self, environment: &Name) -> Result<Answer, Diagnosis> {
        let (commit, _) = self.active(environment)?.ok_or_else(|| {
            Diagnosis::bug("demo-environment", format!("nothing was promoted to `{environment}`"))
        })?;
        let tree = self.files.cache.tree(&commit, "").map_err(|error| error.diagnosis())?;
        let branch = format!("environment/{environment}");
        let repo = self.files.url.to_string();
        self.runtime.block_on(self.plugin.ask(&tree, &repo, &branch, &commit, PIPELINE))
    }
}

fn settings(place: &Path, repo: &Path, name: &str, email: &str) -> Result<Settings, Diagnosis> {
    let url = repo.display().to_string();
    Ok(Settings {
        url: url.parse::<RepoUrl>().map_err(|error| error.diagnosis())?,
        credentials: Credentials::None,
        credentials_file: None,
        transport: Transport::default(),
        cache_root: place.join("cache"),
        dry_branch: None,
        identity: Identity { name: name.to_owned(), email: email.to_owned() },
        helm: "helm".into(),
        registries: Default::default(),
        policy: PolicyPlace::default(),
        limits: Limits::default(),
    })
}

fn init_bare(repo: &Path) -> Result<(), Diagnosis> {
    let output = Command::new("git")
        .args(["init", "--quiet", "--bare", "--initial-branch=main"])
        .arg(repo)
        .output()
        .map_err(|error| {
            Diagnosis::input("demo-git", format!("git cannot be started: {error}")).hint("install git")
        })?;
    if output.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Diagnosis::input("demo-git", format!("git made no repository: {why}"))
        .hint("git 2.28 or newer is needed"))
}
