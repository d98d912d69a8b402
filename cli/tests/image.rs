//! The images of the Dockerfile, built without Docker from the programs of this build, and started as they run in a pod: as user 999, on
//! a read-only root, with a `/tmp` of their own.
//!
//! Needs buildah and root; says so and is skipped without. What the images of optimised programs take is printed by `make image`.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use promoter_testkit::say_skipped;
use serde_json::{Value, json};
use tempfile::TempDir;

const TARGETS: [&str; 2] = ["plugin-helm", "controller"];

/// Puts an image's root in place of the machine's, read-only but for /tmp, and becomes the user of pods.
const AS_IN_A_POD: &str = "mount --bind \"$0\" \"$0\" && mount --bind \"$1\" \"$0/tmp\" && mount -o remount,bind,ro \"$0\" \
    && shift && exec chroot --userspec=999:999 --groups=999 \"$0\" \"$@\"";

/// Images in a store of their own.
struct Images {
    store: TempDir,
    /// What is mounted at /tmp of every container.
    tmp: TempDir,
    /// What each takes, for people.
    sizes: String,
}

impl Images {
    /// Builds them; `None`, said on stderr, where that cannot be done.
    fn built() -> Option<Self> {
        let binaries = Path::new(env!("CARGO_BIN_EXE_promoter")).parent().unwrap();
        for program in ["promoter-plugin", "promoter-controller"] {
            if !binaries.join(program).is_file() {
                say_skipped(&format!("{program} of this build (cargo build --workspace)"));
                return None;
            }
        }
        // In memory where there is room: buildah copies each layer, and waits for the disk each time.
        let store = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let mut images = Self { store, tmp: tempfile::tempdir().unwrap(), sizes: String::new() };
        fs::set_permissions(images.tmp.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        let mount = "mount --bind \"$0\" \"$0\" && chroot --userspec=0:0 / /bin/true";
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "sh", "-c", mount]).arg(images.tmp.path());
        let works = |command: &mut Command| command.output().is_ok_and(|it| it.status.success());
        if !works(&mut unshare) || !works(images.buildah().args(["from", "--name", "probe", "scratch"])) {
            say_skipped("buildah, with the rights to mount and chroot");
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/image.sh");
        let output =
            Command::new(script).arg(images.store.path()).arg(binaries).args(TARGETS).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let sizes = text(&output.stdout);
        assert_eq!(sizes.lines().count(), TARGETS.len(), "{sizes}");
        images.sizes = sizes;
        Some(images)
    }

    fn buildah(&self) -> Command {
        let mut command = Command::new("buildah");
        let part = |name: &str| self.store.path().join(name);
        command.arg("--root").arg(part("root")).arg("--runroot").arg(part("run"));
        command.args(["--storage-driver", "vfs"]);
        command
    }

    fn asked(&self, arguments: &[&str]) -> String {
        let output = self.buildah().args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The root file system of a target's image.
    fn root(&self, target: &str) -> PathBuf {
        let image = format!("localhost/promoter:{target}");
        let container = self.asked(&["from", "--pull-never", &image]);
        self.asked(&["mount", &container]).into()
    }

    fn config(&self, target: &str) -> Value {
        let image = format!("localhost/promoter:{target}");
        let inspected: Value =
            serde_json::from_str(&self.asked(&["inspect", "--type", "image", &image])).unwrap();
        inspected["OCIv1"]["config"].clone()
    }

    /// A command in a container.
    fn inside(&self, root: &Path, words: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", AS_IN_A_POD]).arg(root).arg(self.tmp.path()).args(words);
        command
    }

    fn run(&self, root: &Path, words: &[&str]) -> Output {
        self.inside(root, words).output().unwrap()
    }
}

/// Ends with the test.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn base_images_are_pinned_and_versions_are_those_of_the_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let (dockerfile, toolchain, tools) =
        (read("Dockerfile"), read("rust-toolchain.toml"), read("scripts/tools.sh"));
    let of = |text: &str, before: &str| {
        text.split_once(before).unwrap().1.split_whitespace().next().unwrap().to_owned()
    };
    for image in
        dockerfile.lines().filter_map(|it| it.strip_prefix("ARG ")).map(|it| it.split_once('=').unwrap().1)
    {
        let digest = image.split_once("@sha256:").unwrap().1;
        assert!(digest.len() == 64 && digest.bytes().all(|it| it.is_ascii_hexdigit()), "{image}");
    }
    for base in dockerfile.lines().filter_map(|it| it.strip_prefix("FROM ")) {
        let base = base.split_whitespace().next().unwrap();
        assert!(
            ["${RUST}", "${GO}", "scratch", "plugin", "controller"].contains(&base),
            "`{base}` is not pinned"
        );
    }
    let rust = of(&toolchain, "channel = ").replace('"', "");
    assert!(dockerfile.contains(&format!("library/rust:{rust}-")), "{rust}");
    assert_eq!(of(&dockerfile, "helm.sh/helm/v4/cmd/helm@"), of(&tools, "go_tool helm "));
}

#[test]
fn programs_run_in_their_images_as_an_ordinary_user_on_a_read_only_root() {
    let Some(images) = Images::built() else { return };
    println!("{}", images.sizes);
    let version = concat!(" ", env!("CARGO_PKG_VERSION"), "\n");
    let roots = TARGETS.map(|target| (target, images.root(target)));
    for (target, root) in &roots {
        let config = images.config(target);
        assert_eq!(config["User"], "999:999");
        // The certificates that the environment names are there, and a name for the user.
        let environment = config["Env"].as_array().unwrap();
        let authorities =
            environment.iter().find_map(|it| it.as_str().unwrap().strip_prefix("SSL_CERT_FILE=/")).unwrap();
        assert!(fs::read_to_string(root.join(authorities)).unwrap().contains("BEGIN CERTIFICATE"));
        assert!(fs::read_to_string(root.join("etc/passwd")).unwrap().contains("promoter:x:999:999:"));
        // Nothing to go on with for somebody who got in.
        assert!(!root.join("bin").exists());
        for program in names(&root.join("usr/bin")).iter().filter(|it| *it != "helm") {
            let output = images.run(root, &[&format!("/usr/bin/{program}"), "--version"]);
            let said = String::from_utf8(output.stdout).unwrap();
            assert_eq!(said, format!("{program}{version}"), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
    let [(_, plugin), (_, controller)] = &roots;
    assert_eq!(names(&controller.join("usr/bin")), ["promoter", "promoter-controller"]);
    assert_eq!(images.config("controller")["Entrypoint"], json!(["/usr/bin/promoter-controller"]));
    assert_eq!(images.config("plugin-helm")["Entrypoint"], json!(["/usr/bin/promoter-plugin"]));
    match names(&plugin.join("usr/bin")).as_slice() {
        [helm, _] => {
            let output = images.run(plugin, &[&format!("/usr/bin/{helm}"), "version"]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        _ => say_skipped("helm"),
    }
    the_plugin_serves(&images, plugin);
}

/// The command of the image and the probe of the sidecars, with nothing to write to but the sockets' directory.
fn the_plugin_serves(images: &Images, root: &Path) {
    let probe = ["/usr/bin/promoter-plugin", "healthcheck", "--socket-dir", "/tmp"];
    assert_eq!(images.run(root, &probe).status.code(), Some(3));
    let mut serve = images.inside(root, &["/usr/bin/promoter-plugin", "serve", "--socket-dir", "/tmp"]);
    let mut serving = Serving(serve.stderr(Stdio::piped()).spawn().unwrap());
    let mut said = BufReader::new(serving.0.stderr.take().unwrap()).lines().map_while(Result::ok);
    // It says so, or it ended and says why.
    let mut before = String::new();
    let is_ready = said.any(|line| {
        before.push_str(&line);
        line.contains("\"ready\"")
    });
    assert!(is_ready, "{before}");
    let output = images.run(root, &probe);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
