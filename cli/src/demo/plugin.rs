//! A running `promoter-plugin serve`, asked over its socket as Argo CD's repo-server asks.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use promoter_core::{CommitId, Diagnosis};
use promoter_kustomize::Files;
use promoter_plugin::cmp::client::{Archive, Client, Request};

/// The plugin's name, and so that of its socket.
const NAME: &str = "promoter";
/// For starting, and for each answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The child process; it is ended with this value.
pub(super) struct Plugin {
    child: Child,
    /// Its socket.
    pub(super) socket: PathBuf,
}

/// What Argo CD would apply.
pub(super) struct Answer {
    /// One JSON object each.
    pub(super) manifests: Vec<String>,
    /// From the first byte of the request to the answer.
    pub(super) took: Duration,
}

impl Plugin {
    /// Starts the program that was built beside this one.
    pub(super) async fn start(directory: &Path) -> Result<Self, Diagnosis> {
        let program = beside_us("promoter-plugin")?;
        let socket = directory.join(format!("{NAME}.sock"));
        let log = std::fs::File::create(directory.join("plugin.log")).map_err(|error| {
            Diagnosis::upstream("demo-plugin", format!("its log cannot be written: {error}"))
        })?;
        let child = Command::new(&program)
            .arg("serve")
            .arg("--socket-dir")
            .arg(directory)
            .args(["--name", NAME])
            .env("PROMOTER_CACHE_DIR", directory.join("plugin-cache"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| {
                Diagnosis::input("demo-plugin", format!("`{}` cannot be started: {error}", program.display()))
                    .hint("build all binaries: `cargo build --release`")
            })?;
        let mut plugin = Self { child, socket };
        plugin.wait().await?;
        Ok(plugin)
    }

    async fn wait(&mut self) -> Result<(), Diagnosis> {
        let started = Instant::now();
        loop {
            let Err(error) = Client::connect(&self.socket, PATIENCE).await else {
                return Ok(());
            };
            let ended = self.child.try_wait().ok().flatten();
            if started.elapsed() > PATIENCE || ended.is_some() {
                return Err(error.diagnosis().hint("its log is plugin.log in the demo's folder"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Asks for the manifests of the folder `app` in a tree.
    pub(super) async fn ask(
        &self,
        files: &dyn Files,
        repo: &str,
        branch: &str,
        commit: &CommitId,
        app: &str,
    ) -> Result<Answer, Diagnosis> {
        let archive = Archive::of_files(files).map_err(|error| error.diagnosis())?;
        let env = [
            ("ARGOCD_APP_NAME", app),
            ("ARGOCD_APP_SOURCE_REPO_URL", repo),
            ("ARGOCD_APP_SOURCE_TARGET_REVISION", branch),
            ("ARGOCD_APP_SOURCE_PATH", app),
            ("ARGOCD_APP_REVISION", commit.as_str()),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let request = Request { app_path: app.to_owned(), env, archive, timeout: PATIENCE };
        let started = Instant::now();
        let client = Client::connect(&self.socket, PATIENCE).await.map_err(|error| error.diagnosis())?;
        client.check().await.map_err(|error| error.diagnosis())?;
        let manifests = client.generate(&request).await.map_err(|error| error.diagnosis())?;
        Ok(Answer { manifests, took: started.elapsed() })
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing is left running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn beside_us(name: &str) -> Result<PathBuf, Diagnosis> {
    let us = std::env::current_exe().map_err(|error| {
        Diagnosis::upstream("demo-plugin", format!("this program's place is unknown: {error}"))
    })?;
    Ok(us.with_file_name(name))
}
