//! A plugin process at a socket of its own, and the trees that are sent to it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use promoter_core::{Artifact, Content, Digest, Freight};
use promoter_kustomize::MemoryFiles;
use promoter_plugin::cmp::client::{Archive, Client, Request};
use promoter_yaml::{Dialect, Limits, Node, parse_first};

pub(crate) const PLUGIN: &str = env!("CARGO_BIN_EXE_promoter-plugin");
/// Long enough for a machine under load; nothing waits for it to pass.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// `promoter-plugin serve` and what it logs.
pub(crate) struct Served {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) socket: PathBuf,
    child: Child,
    log: mpsc::Receiver<serde_json::Value>,
}

impl Served {
    /// Starts it and waits until it says that it is ready.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), args)
    }

    pub(crate) fn start_in(directory: tempfile::TempDir, args: &[&str]) -> Self {
        Self::start_with(directory, args, &[])
    }

    /// The same with variables.
    pub(crate) fn start_with(
        directory: tempfile::TempDir,
        args: &[&str],
        variables: &[(&str, String)],
    ) -> Self {
        let mut command = Command::new(PLUGIN);
        command.arg("serve").arg("--socket-dir").arg(directory.path()).args(args);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, log) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let value =
                    serde_json::from_str(&line).unwrap_or_else(|_| panic!("not a JSON log line: {line}"));
                let _ = sender.send(value);
            }
        });
        let socket = directory.path().join("promoter.sock");
        let served = Self { directory, socket, child, log };
        served.logged("ready");
        served
    }

    /// The next log line with this message; those before it are dropped.
    pub(crate) fn logged(&self, message: &str) -> serde_json::Value {
        self.log_line(|line| line["message"] == message)
    }

    /// The next log line that passes; those before it are dropped.
    pub(crate) fn log_line(&self, wanted: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        loop {
            let line = self.log.recv_timeout(PATIENCE).expect("the plugin says nothing more");
            if wanted(&line) {
                return line;
            }
        }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.socket, PATIENCE).await.unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn terminate(&self) {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) const MANIFEST: &str = "apiVersion: v1\ndata:\n  key: value\nkind: ConfigMap\nmetadata:\n  name: a\n---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: b\n";
pub(crate) const OBJECTS: [&str; 2] = [
    r#"{"apiVersion":"v1","data":{"key":"value"},"kind":"ConfigMap","metadata":{"name":"a"}}"#,
    r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"b"}}"#,
];

/// A lock for environment `prod` whose source is `envs/prod` in a commit.
pub(crate) fn lock(url: &str, commit: &str, digest: Option<&str>) -> String {
    let content = Content::Git { url: url.parse().unwrap(), commit: commit.parse().unwrap() };
    let freight = Freight::new(vec![Artifact { name: "config".parse().unwrap(), content }]).unwrap();
    let digest = digest.map(|it| format!("  digest: {it}\n")).unwrap_or_default();
    format!(
        "apiVersion: promoter.dev/v1alpha1\nkind: PromotionLock\npipeline: guestbook\nenvironment: prod\nfreight:\n  \
         id: {}\n  artifacts:\n    - {{ name: config, git: \"{url}\", commit: {commit} }}\nrender:\n  \
         source: envs/prod\n{digest}",
        freight.id()
    )
}

/// A tree with hydrated manifests in `guestbook`.
pub(crate) fn hydrated_tree() -> MemoryFiles {
    let digest = Digest::of(MANIFEST.as_bytes()).to_string();
    let lock = lock("https://git.example.com/acme/deploy.git", &"ab".repeat(20), Some(&digest));
    let mut files = MemoryFiles::new();
    files.insert("guestbook/promotion.lock.yaml", lock.into_bytes()).unwrap();
    files.insert("guestbook/manifest.yaml", MANIFEST.as_bytes()).unwrap();
    files
}

/// A request for the Application in `guestbook`.
pub(crate) fn request(archive: Archive) -> Request {
    let env = [
        ("ARGOCD_APP_NAME", "guestbook-prod"),
        ("ARGOCD_APP_PARAMETERS", "null"),
        ("KUBE_VERSION", "1.36.0"),
    ];
    Request {
        app_path: "guestbook".into(),
        env: env.map(|(name, value)| (name.into(), value.into())).to_vec(),
        archive,
        timeout: PATIENCE,
    }
}

pub(crate) fn hydrated_request() -> Request {
    request(Archive::of_files(&hydrated_tree()).unwrap())
}

/// A command of argocd/sidecar-exec/plugin.yaml, with our build of the binary in place of the installed one; and as the stock
/// server shows it in errors.
pub(crate) fn command_of(keys: &[&str]) -> (Command, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../argocd/sidecar-exec/plugin.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let plugin = parse_first(&text, Dialect::Own, &Limits::default()).unwrap().unwrap();
    let words = |key: &str| -> Vec<String> {
        let list = plugin.path(keys).unwrap().get(key).and_then(Node::as_seq).unwrap_or_default();
        list.iter().map(|it| it.as_str().unwrap().to_owned()).collect()
    };
    let words = [words("command"), words("args")].concat();
    assert_eq!(words[0].rsplit('/').next().unwrap(), "promoter-plugin");
    let mut command = Command::new(PLUGIN);
    command.args(&words[1..]);
    (command, words.join(" "))
}

/// Runs git in a directory and returns what it prints.
pub(crate) fn git(directory: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]);
    let output = command.args(args).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A recorded conversation of grpc-go.
pub(crate) const RECORDED: &[u8] =
    include_bytes!("../../../testdata/cmp/grpc-go-1.83.0-named-plugin-flow.h2.bin");

/// Sends half of the recorded conversation, up to the middle of its archive, and waits until that request runs.
pub(crate) fn begin_request(served: &Served) -> UnixStream {
    let mut stream = UnixStream::connect(&served.socket).unwrap();
    stream.write_all(&RECORDED[..RECORDED.len() / 2]).unwrap();
    served.logged("begun");
    stream
}
