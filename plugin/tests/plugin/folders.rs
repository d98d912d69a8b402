//! The layout `folders` as Argo CD asks for it: `targetRevision: main`, the Application's path is the environment's folder,
//! and the lock in it says which commit is rendered.

use std::path::Path;
use std::process::Command;

use promoter_core::{Artifact, Content, Freight};
use promoter_plugin::cmp::client::{Archive, Client};

use crate::common::{PLUGIN, Served, git, request};

/// A kustomization over a base, and a folder of plain YAML.
const ENVIRONMENTS: [&str; 2] = ["apps/myapp/envs/prod", "apps/myapp/envs/edge"];

/// A clone of main.
struct Clone {
    directory: tempfile::TempDir,
}

impl Clone {
    fn new() -> Self {
        let clone = Self { directory: tempfile::tempdir().unwrap() };
        git(clone.path(), &["init", "--quiet"]);
        clone.write("apps/myapp/envs/prod/kustomization.yaml", "resources: [../../base]\n");
        clone.write("apps/myapp/base/kustomization.yaml", "resources: [map.yaml]\n");
        clone.edit("first");
        for path in ENVIRONMENTS {
            clone.promote(path);
        }
        clone
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn commit(&self) {
        git(self.path(), &["add", "."]);
        git(self.path(), &["commit", "--quiet", "--message", "change"]);
    }

    /// People edit the base, and the plain folder.
    fn edit(&self, value: &str) {
        let map =
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: a }}\ndata: {{ key: {value} }}\n");
        self.write("apps/myapp/base/map.yaml", &map);
        self.write("apps/myapp/envs/edge/map.yaml", &map);
        self.commit();
    }

    /// The lock of an environment takes in what is committed.
    fn promote(&self, path: &str) {
        let (url, commit) =
            ("https://git.example.com/acme/deploy.git", git(self.path(), &["rev-parse", "HEAD"]));
        let content = Content::Git { url: url.parse().unwrap(), commit: commit.parse().unwrap() };
        let freight = Freight::new(vec![Artifact { name: "config".parse().unwrap(), content }]).unwrap();
        let environment = path.rsplit('/').next().unwrap();
        let lock = format!(
            "apiVersion: promoter.dev/v1alpha1\nkind: PromotionLock\npipeline: myapp\nenvironment: {environment}\n\
             freight:\n  id: {}\n  artifacts:\n    - {{ name: config, git: \"{url}\", commit: {commit} }}\n\
             render:\n  source: {path}\n",
            freight.id()
        );
        self.write(&format!("{path}/promotion.lock.yaml"), &lock);
        self.commit();
    }

    /// What the native sidecar answers, asked with the history beside the tree.
    async fn served(&self, client: &Client) -> [Vec<String>; 2] {
        let mut answers = [const { Vec::new() }; 2];
        for (answer, path) in answers.iter_mut().zip(ENVIRONMENTS) {
            let mut request = request(Archive::of_directory(self.path(), true).unwrap());
            request.app_path = path.into();
            *answer = client.generate(&request).await.unwrap();
        }
        answers
    }

    /// What the command behind the stock server prints.
    fn generated(&self, path: &str) -> String {
        let mut command = Command::new(PLUGIN);
        command.arg("generate").current_dir(self.path().join(path));
        command.env("ARGOCD_APP_SOURCE_PATH", path).env("ARGOCD_APP_PARAMETERS", "null");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn object(value: &str) -> Vec<String> {
    vec![format!(
        r#"{{"apiVersion":"v1","data":{{"key":"{value}"}},"kind":"ConfigMap","metadata":{{"name":"a"}}}}"#
    )]
}

#[tokio::test]
async fn an_edit_on_main_changes_nothing_and_a_promotion_does() {
    let (clone, served) = (Clone::new(), Served::start(&[]));
    let client = served.client().await;
    assert_eq!(clone.served(&client).await, [object("first"), object("first")]);
    let before = ENVIRONMENTS.map(|it| clone.generated(it));
    assert!(before[0].contains("key: first"), "{before:?}");

    clone.edit("second");
    assert_eq!(clone.served(&client).await, [object("first"), object("first")]);
    assert_eq!(ENVIRONMENTS.map(|it| clone.generated(it)), before);

    clone.promote(ENVIRONMENTS[0]);
    assert_eq!(clone.served(&client).await, [object("second"), object("first")]);
    clone.promote(ENVIRONMENTS[1]);
    assert_eq!(clone.served(&client).await, [object("second"), object("second")]);
    for path in ENVIRONMENTS {
        assert!(clone.generated(path).contains("key: second"), "{path}");
    }
}
