//! `promoter-plugin serve` against what the stock server does with the same archive: unpack, `kustomize build`, remove.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use promoter_plugin::cmp::client::{Archive, Client, Request};

use crate::measure::{compare, in_turn, output};
use crate::{Programs, many, tree};

const ROUNDS: usize = 21;
const FILES: usize = 1_500;
const BYTES: usize = 2_000_000;

/// Measures single requests, many at once, and memory. The many at once are `many`'s.
pub(crate) fn measure(programs: &Programs) -> Result<Vec<String>> {
    let place = tempfile::tempdir()?;
    let repository = place.path().join("repository");
    let commit = write_repository(&repository)?;
    write_lock(&repository, &commit)?;
    let plugin = Plugin::start(programs, place.path())?;
    let idle = plugin.resident_kib()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let archive = Archive::of_directory(&repository, false)?;
    let tgz = place.path().join("archive.tgz");
    std::fs::write(&tgz, archive.bytes())?;
    let request = Request {
        app_path: format!("{}/envs/prod", tree::APP),
        env: vec![("ARGOCD_APP_NAME".into(), "shop".into())],
        archive,
        timeout: Duration::from_secs(60),
    };
    let socket = plugin.socket.clone();
    let ask = || -> Result<()> {
        runtime.block_on(async {
            let client = Client::connect(&socket, Duration::from_secs(5)).await?;
            let manifests = client.generate(&request).await?;
            anyhow::ensure!(manifests.len() == 10, "10 objects are wanted, {} came", manifests.len());
            Ok(())
        })
    };
    let unpacked = place.path().join("unpacked");
    let stock = || -> Result<()> {
        std::fs::create_dir(&unpacked)?;
        output(
            Path::new("tar"),
            &[OsStr::new("-xzf"), tgz.as_os_str(), OsStr::new("-C"), unpacked.as_os_str()],
        )?;
        let app = unpacked.join(tree::APP).join("envs/prod");
        output(&programs.kustomize, &[OsStr::new("build"), app.as_os_str()])?;
        Ok(std::fs::remove_dir_all(&unpacked)?)
    };
    let (ours, peer) = in_turn(ROUNDS, ask, stock)?;
    let mut report = vec![format!(
        "plugin, one request of {FILES} files, {:.1} MB ({} KiB packed), 10 objects rendered live from the pinned commit",
        BYTES as f64 / 1e6,
        request.archive.bytes().len() / 1024
    )];
    report.push(compare("request to answer", &ours, &peer, "tar + kustomize build + rm"));
    report.push(format!("{:<44} {:>9.1} MB", "resident memory, idle", idle as f64 / 1024.0));
    report.extend(many::measure(
        programs,
        &many::Subject { plugin: &plugin, place: place.path(), tgz: &tgz, app_path: &request.app_path },
    )?);
    Ok(report)
}

/// Writes the repository with the app in it and commits it with the real git.
fn write_repository(root: &Path) -> Result<String> {
    tree::write_app(root)?;
    tree::write_neighbours(root, FILES - 15, BYTES)?;
    let git = |arguments: &[&str]| -> Result<String> {
        let output = Command::new("git")
            .current_dir(root)
            .args(["-c", "user.name=bench", "-c", "user.email=bench@example.com"])
            .args(arguments)
            .output()?;
        anyhow::ensure!(output.status.success(), "git: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    };
    git(&["init", "--quiet", "--initial-branch=main"])?;
    git(&["add", "."])?;
    git(&["commit", "--quiet", "--message", "all"])?;
    git(&["rev-parse", "HEAD"])
}

/// Writes a lock beside the overlay that pins the commit, so that the plugin renders it live.
fn write_lock(root: &Path, commit: &str) -> Result<()> {
    use promoter_core::{Artifact, Content, Freight, LockVersion, PromotionLock, Render};
    let content = Content::Git { url: root.display().to_string().parse()?, commit: commit.parse()? };
    let lock = PromotionLock {
        version: LockVersion::default(),
        pipeline: "shop".parse()?,
        environment: "prod".parse()?,
        freight: Freight::new(vec![Artifact { name: "config".parse()?, content }])?,
        render: Render { source: format!("{}/envs/prod", tree::APP), ..Render::default() },
        promotion: None,
        hold: None,
    };
    tree::write(root, &format!("{}/envs/prod/promotion.lock.yaml", tree::APP), &lock.emit())
}

/// A running plugin.
pub(crate) struct Plugin {
    child: Child,
    /// Its socket.
    pub(crate) socket: std::path::PathBuf,
}

impl Plugin {
    fn start(programs: &Programs, place: &Path) -> Result<Self> {
        let child = Command::new(programs.our("promoter-plugin"))
            .args(["serve", "--local-repositories", "--name", "promoter", "--socket-dir"])
            .arg(place)
            .env("PROMOTER_CACHE_DIR", place.join("cache"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("promoter-plugin cannot be started")?;
        let plugin = Self { child, socket: place.join("promoter.sock") };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let deadline = Instant::now() + Duration::from_secs(10);
        while let Err(error) = runtime.block_on(Client::connect(&plugin.socket, Duration::from_secs(1))) {
            anyhow::ensure!(Instant::now() < deadline, "the plugin does not answer: {error}");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(plugin)
    }

    /// Resident memory of the process now.
    pub(crate) fn resident_kib(&self) -> Result<u64> {
        self.status("VmRSS:")
    }

    /// The most that it held since [`Self::reset_peak`].
    pub(crate) fn peak_kib(&self) -> Result<u64> {
        self.status("VmHWM:")
    }

    /// Begins to count the most memory anew; without the right to, the figure is that of the whole life.
    pub(crate) fn reset_peak(&self) {
        let _ = std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5");
    }

    fn status(&self, field: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line =
            status.lines().find_map(|it| it.strip_prefix(field)).with_context(|| format!("no {field}"))?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        // It is not needed any more; whether it ended by itself does not matter.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
