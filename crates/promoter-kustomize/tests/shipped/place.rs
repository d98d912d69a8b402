//! A copy of what is shipped, with Argo CD's own manifests beside it where they were fetched, to which tests add kustomizations.

use std::fs;
use std::path::{Path, PathBuf};

use promoter_kustomize::MemoryFiles;
use promoter_testkit::{Kustomize, tool};
use serde::Deserialize as _;
use serde_json::Value;
use tempfile::TempDir;

use crate::support;

/// The folders with kustomizations that users take.
pub(crate) const SHIPPED: [&str; 2] = ["argocd", "manifests"];

/// Where Argo CD's manifests lie in a [`Place`].
pub(crate) const ARGO_CD: &str = "argo-cd";

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The copy.
pub(crate) struct Place {
    directory: TempDir,
    files: MemoryFiles,
    kustomize: Option<Kustomize>,
}

impl Place {
    /// What is shipped.
    pub(crate) fn new() -> Self {
        let mut files = MemoryFiles::new();
        let directory = tempfile::tempdir().unwrap();
        for folder in [&SHIPPED[..], &["testdata/argocd", "testdata/examples"]].concat() {
            support::add(&mut files, &root().join(folder), &format!("{folder}/"));
            copy(&root().join(folder), &directory.path().join(folder));
        }
        Self { directory, files, kustomize: Kustomize::installed() }
    }

    /// The same with Argo CD's own manifests; `None`, said on stderr, where they were not fetched.
    pub(crate) fn with_argo_cd() -> Option<Self> {
        let crd = tool("argo-cd-manifests-v3.5.7", "crds/application-crd.yaml")?;
        let manifests = crd.parent().unwrap().parent().unwrap();
        let mut place = Self::new();
        support::add(&mut place.files, manifests, &format!("{ARGO_CD}/"));
        copy(manifests, &place.directory.path().join(ARGO_CD));
        Some(place)
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The folders with a kustomization of a kind, `Kustomization` or `Component`.
    pub(crate) fn folders(&self, kind: &str) -> Vec<String> {
        let mut found = Vec::new();
        for folder in SHIPPED {
            self.search(folder, kind, &mut found);
        }
        assert!(found.len() > 2, "too few {kind}s: {found:?}");
        found
    }

    fn search(&self, folder: &str, kind: &str, found: &mut Vec<String>) {
        let file = self.path().join(folder).join("kustomization.yaml");
        if let Ok(text) = fs::read_to_string(file) {
            let [kustomization] = objects(&text).try_into().unwrap();
            found.extend((kustomization["kind"] == kind).then(|| folder.to_owned()));
        }
        let mut below: Vec<_> =
            fs::read_dir(self.path().join(folder)).unwrap().map(|it| it.unwrap()).collect();
        below.sort_by_key(fs::DirEntry::file_name);
        for entry in below.iter().filter(|it| it.file_type().unwrap().is_dir()) {
            self.search(&format!("{folder}/{}", entry.file_name().display()), kind, found);
        }
    }

    /// Builds a folder by promoter and by the real kustomize, if it is there; both give the same bytes.
    pub(crate) fn build(&self, folder: &str) -> String {
        let said = support::ours(&self.files, folder);
        assert_eq!(said.refused, None, "{folder}");
        assert_eq!(said.warned, None, "{folder}");
        let printed = said.printed.unwrap();
        if let Some(kustomize) = &self.kustomize {
            assert_eq!(Ok(&printed), kustomize.build(&self.path().join(folder)).as_ref(), "{folder}");
        }
        printed
    }

    /// Builds components over one resource; all are folders of this place.
    pub(crate) fn build_with(&mut self, resource: &str, components: &[&str]) -> String {
        let list = |folders: &[&str]| folders.iter().map(|it| format!("  - ../{it}\n")).collect::<String>();
        let text = format!("resources:\n{}components:\n{}", list(&[resource]), list(components));
        let folder = "case";
        fs::create_dir_all(self.path().join(folder)).unwrap();
        fs::write(self.path().join(folder).join("kustomization.yaml"), &text).unwrap();
        self.files.insert(&format!("{folder}/kustomization.yaml"), text.into_bytes()).unwrap();
        self.build(folder)
    }
}

/// The objects of a YAML stream, without empty documents.
pub(crate) fn objects(text: &str) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(text).map(|it| Value::deserialize(it).unwrap());
    documents.filter(|it| !it.is_null()).collect()
}

/// Kind, namespace and name of an object, for people.
pub(crate) fn id(object: &Value) -> String {
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    format!("{} {}/{}", text(&object["kind"]), text(&metadata["namespace"]), text(&metadata["name"]))
}

/// The list at a JSON pointer, empty where there is none.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}
