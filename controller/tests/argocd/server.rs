//! A real Kubernetes API server for custom resources: etcd and apiextensions-apiserver, with Argo CD's own CRD.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use promoter_testkit::tool;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    PKCS_ECDSA_P256_SHA256,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long it may take to come up; some ten seconds as a rule.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// The server; both processes end with it.
pub(crate) struct Server {
    directory: TempDir,
    address: SocketAddr,
    processes: Vec<Child>,
    client: reqwest::blocking::Client,
}

impl Server {
    /// Starts it; `None`, said on stderr, where its programs are not installed.
    pub(crate) fn start() -> Option<Self> {
        let program = tool("apiextensions-apiserver-v0.36.1", "apiextensions-apiserver")?;
        let crd = tool("argo-cd-crds-v3.5.7", "application-crd.yaml")?;
        if Command::new("etcd").arg("--version").output().is_err() {
            promoter_testkit::say_skipped("etcd");
            return None;
        }
        promoter_sources::install_tls();
        let directory = TempDir::new().unwrap();
        let client = certificates(directory.path());
        let [etcd, peer, address] = free();
        let mut server = Self { directory, address, processes: Vec::new(), client };
        server.run_etcd(etcd, peer);
        server.run_api(&program, etcd);
        // Its own view of being ready waits for informers that there is no core API for.
        server.wait("/apis/apiextensions.k8s.io/v1/customresourcedefinitions");
        server.define(&crd);
        Some(server)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn run_etcd(&mut self, client: SocketAddr, peer: SocketAddr) {
        let mut command = Command::new("etcd");
        command.args(["--name", "t", "--unsafe-no-fsync", "--log-level", "warn", "--data-dir"]);
        command.arg(self.path("etcd"));
        for kind in ["--listen-client-urls", "--advertise-client-urls"] {
            command.args([kind, &format!("http://{client}")]);
        }
        for kind in ["--listen-peer-urls", "--initial-advertise-peer-urls"] {
            command.args([kind, &format!("http://{peer}")]);
        }
        command.args(["--initial-cluster", &format!("t=http://{peer}")]);
        self.spawn(command);
    }

    fn run_api(&mut self, program: &Path, etcd: SocketAddr) {
        let nowhere = self.path("nowhere.yaml");
        std::fs::write(&nowhere, kubeconfig("http://127.0.0.1:1", "", "")).unwrap();
        let nowhere = nowhere.display();
        let mut command = Command::new(program);
        command.args([
            format!("--etcd-servers=http://{etcd}"),
            "--bind-address=127.0.0.1".into(),
            format!("--secure-port={}", self.address.port()),
            format!("--tls-cert-file={}", self.path("server.pem").display()),
            format!("--tls-private-key-file={}", self.path("server-key.pem").display()),
            format!("--client-ca-file={}", self.path("ca.pem").display()),
            format!("--kubeconfig={nowhere}"),
            format!("--authentication-kubeconfig={nowhere}"),
            format!("--authorization-kubeconfig={nowhere}"),
            "--authentication-skip-lookup".into(),
            "--disable-admission-plugins=NamespaceLifecycle,MutatingAdmissionWebhook,ValidatingAdmissionWebhook,\
             MutatingAdmissionPolicy,ValidatingAdmissionPolicy"
                .into(),
            "--enable-priority-and-fairness=false".into(),
        ]);
        self.spawn(command);
    }

    fn spawn(&mut self, mut command: Command) {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let log = std::fs::File::create(self.path(&format!("{}.log", self.processes.len()))).unwrap();
        self.processes.push(command.stderr(log).spawn().unwrap());
    }

    /// A kubeconfig with one context, `local`.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        let path = self.path("kubeconfig.yaml");
        let cluster = format!("certificate-authority: {}", self.path("ca.pem").display());
        let user = format!(
            "client-certificate: {}, client-key: {}",
            self.path("client.pem").display(),
            self.path("client-key.pem").display()
        );
        std::fs::write(&path, kubeconfig(&format!("https://{}", self.address), &cluster, &user)).unwrap();
        path
    }

    fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    /// Waits until the server says that something is there.
    fn wait(&self, path: &str) {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let answer = self.client.get(self.url(path)).send();
            let text = match answer {
                Ok(answer) if answer.status().is_success() => return,
                Ok(answer) => answer.text().unwrap_or_default(),
                Err(error) => format!("{error:?}"),
            };
            let log = || std::fs::read_to_string(self.path("1.log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "{path} is not there: {text}\n{}", log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn define(&self, crd: &Path) {
        let text = std::fs::read_to_string(crd).unwrap();
        let crd: Value = serde_yaml::from_str(&text).unwrap();
        self.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &crd);
        self.wait("/apis/argoproj.io/v1alpha1/namespaces/argocd/applications");
    }

    /// Defines a kind that keeps whatever it is given, with a status of its own.
    pub(crate) fn define_open(&self, group: &str, plural: &str, kind: &str) {
        let schema = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
        let version = json!({
            "name": "v1", "served": true, "storage": true,
            "subresources": { "status": {} }, "schema": { "openAPIV3Schema": schema },
        });
        let crd = json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            // Groups of Kubernetes' own are taken with this only.
            "metadata": {
                "name": format!("{plural}.{group}"),
                "annotations": { "api-approved.kubernetes.io": "unapproved, for a test" },
            },
            "spec": {
                "group": group, "scope": "Namespaced", "versions": [version],
                "names": { "plural": plural, "singular": kind.to_lowercase(), "kind": kind },
            },
        });
        self.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &crd);
        self.wait(&format!("/apis/{group}/v1/namespaces/checks/{plural}"));
    }

    /// Sends requests on as the administrator: method, path, media type and body; gives status and body.
    pub(crate) fn forwarder(&self) -> impl Fn(&str, &str, &str, String) -> (u16, String) + Send + use<> {
        let (client, base) = (self.client.clone(), self.url(""));
        move |method, path, kind, body| {
            let request = client.request(method.parse().unwrap(), format!("{base}{path}"));
            let answer = request.header("content-type", kind).body(body).send().unwrap();
            (answer.status().as_u16(), answer.text().unwrap())
        }
    }

    fn create(&self, path: &str, object: &Value) {
        let answer = self.client.post(self.url(path)).json(object).send().unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().unwrap());
    }

    /// Makes an Application with a status; the server checks both against the CRD.
    pub(crate) fn application(&self, name: &str, labels: &Value, status: &Value) {
        let source = json!({ "repoURL": "https://git.example.com/acme/deploy.git", "path": "guestbook" });
        let object = json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": { "name": name, "namespace": "argocd", "labels": labels },
            "spec": { "project": "default", "source": source, "destination": { "namespace": "dev" } },
            "status": status,
        });
        self.create(
            "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications?fieldValidation=Strict",
            &object,
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for process in self.processes.iter_mut().rev() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn kubeconfig(server: &str, cluster: &str, user: &str) -> String {
    let cluster = if cluster.is_empty() { String::new() } else { format!(", {cluster}") };
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: local\n\
         clusters: [{{ name: local, cluster: {{ server: \"{server}\"{cluster} }} }}]\n\
         users: [{{ name: local, user: {{ {user} }} }}]\n\
         contexts: [{{ name: local, context: {{ cluster: local, user: local }} }}]\n"
    )
}

/// Ports that are free now.
fn free<const N: usize>() -> [SocketAddr; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|it| it.local_addr().unwrap())
}

/// Writes an authority, the server's certificate and that of an administrator; gives a client that shows the latter.
fn certificates(directory: &Path) -> reqwest::blocking::Client {
    let write = |name: &str, text: &str| std::fs::write(directory.join(name), text).unwrap();
    let key = || KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_key = key();
    let ca = params.self_signed(&ca_key).unwrap();
    write("ca.pem", &ca.pem());
    let issuer = Issuer::new(params, ca_key);

    let server_key = key();
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    write("server.pem", &server.signed_by(&server_key, &issuer).unwrap().pem());
    write("server-key.pem", &server_key.serialize_pem());

    let client_key = key();
    let mut client = CertificateParams::default();
    client.distinguished_name.push(DnType::OrganizationName, "system:masters");
    client.distinguished_name.push(DnType::CommonName, "admin");
    client.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
    let client = client.signed_by(&client_key, &issuer).unwrap().pem();
    write("client.pem", &client);
    write("client-key.pem", &client_key.serialize_pem());

    let identity =
        reqwest::Identity::from_pem(format!("{client}{}", client_key.serialize_pem()).as_bytes()).unwrap();
    let trusted = reqwest::Certificate::from_pem(ca.pem().as_bytes()).unwrap();
    reqwest::blocking::Client::builder().tls_certs_only([trusted]).identity(identity).build().unwrap()
}
