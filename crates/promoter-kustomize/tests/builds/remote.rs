//! Bases in git repositories. Fetching is a matter of the crates that have effects; here trees in memory take the
//! place of repositories, filled with the files that the real kustomize fetches from a repository of the real git.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use promoter_kustomize::{
    BuildError, ChartRequest, Externals, Files, LoadRestrictor, MemoryFiles, NoExternals, Options, build,
    build_repository,
};
use promoter_testkit::Kustomize;
use promoter_testkit::git::TestRepo;

/// Trees by URL and commit.
#[derive(Default)]
struct Repositories(BTreeMap<(String, String), Arc<dyn Files>>);

impl Repositories {
    fn with(mut self, url: &str, commit: &str, files: &[(&str, &str)]) -> Self {
        self.0.insert((url.into(), commit.into()), Arc::new(memory(files)));
        self
    }
}

impl Externals for Repositories {
    fn template(&self, _: &dyn Files, _: &ChartRequest) -> Result<String, BuildError> {
        Err(BuildError::new("kustomize-helm", "there is no helm here"))
    }

    fn repository(&self, url: &str, commit: &str) -> Result<Arc<dyn Files>, BuildError> {
        let found = self.0.get(&(url.to_owned(), commit.to_owned())).cloned();
        found.ok_or_else(|| BuildError::new("git-no-commit", format!("`{url}` has no `{commit}`")))
    }
}

fn memory(files: &[(&str, &str)]) -> MemoryFiles {
    let mut memory = MemoryFiles::new();
    for (path, text) in files {
        match text.strip_prefix("-> ") {
            Some(target) => memory.insert_link(path, target).unwrap(),
            None => memory.insert(path, text.as_bytes().to_vec()).unwrap(),
        }
    }
    memory
}

const POD: &str =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: a, image: a}]}\n";

/// A repository with a base at its root and others below, one of which reaches over to another.
const BASE: [(&str, &str); 7] = [
    ("kustomization.yaml", "resources: [web.yaml]\nnamePrefix: root-\n"),
    ("web.yaml", POD),
    (
        "eu/kustomization.yaml",
        "resources: [../shared]\nnamespace: eu\nconfigMapGenerator: [{name: made, files: [a.txt]}]\n",
    ),
    ("eu/a.txt", "a\n"),
    ("shared/kustomization.yml", "resources: [cm.yaml]\ntransformers: [suffix.yaml]\n"),
    ("shared/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared}\n"),
    (
        "shared/suffix.yaml",
        "apiVersion: builtin\nkind: SuffixTransformer\nmetadata: {name: it}\nsuffix: -x\nfieldSpecs: [{path: metadata/name}]\n",
    ),
];

/// Builds an overlay with both, `URL` and `REF` in it replaced. The bytes must be the same.
fn same_as_kustomize(repo: &TestRepo, commit: &str, base: &[(&str, &str)], overlay: &str) -> String {
    let overlay = overlay.replace("URL", &repo.url()).replace("REF", commit);
    let repositories = Repositories::default().with(&repo.url(), commit, base);
    let built = build(&memory(&[("kustomization.yaml", &overlay)]), "", &Options::default(), &repositories);
    let ours = built.unwrap().to_yaml().unwrap();
    if let Some(kustomize) = Kustomize::installed() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("kustomization.yaml"), &overlay).unwrap();
        assert_eq!(Ok(&ours), kustomize.build(directory.path()).as_ref(), "{overlay}");
    }
    ours
}

#[test]
fn pinned_bases_are_built_as_kustomize_builds_them() {
    let repo = TestRepo::new();
    let commit = repo.commit("main", &BASE);
    let metadata = "buildMetadata: [originAnnotations, transformerAnnotations]\n";
    for resources in [
        "resources: ['URL?ref=REF', 'URL//eu?ref=REF&timeout=60']\nnameSuffix: -here\n",
        "resources: ['URL/eu/?version=REF&submodules=false', 'git::URL//eu/..?ref=REF']\n",
        "bases: ['URL//shared?ref=REF']\nnamespace: here\n",
    ] {
        let plain = same_as_kustomize(&repo, &commit, &BASE, resources);
        let noted = same_as_kustomize(&repo, &commit, &BASE, &format!("{metadata}{resources}"));
        assert!(noted.contains(&format!("ref: {commit}")) && !plain.contains("ref: "), "{noted}");
    }
}

#[test]
fn pinned_components_and_plugin_files_are_built_as_kustomize_builds_them() {
    let repo = TestRepo::new();
    let base = [
        (
            "part/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [web.yaml]\ncommonLabels: {a: b}\n",
        ),
        ("part/web.yaml", POD),
        ("plugins/kustomization.yaml", "resources: [suffix.yaml]\n"),
        ("plugins/suffix.yaml", BASE[6].1),
    ];
    let commit = repo.commit("main", &base);
    let overlay = "components: ['URL//part?ref=REF']\ntransformers: ['URL//plugins?ref=REF']\n\
                   buildMetadata: [originAnnotations, transformerAnnotations]\n";
    same_as_kustomize(&repo, &commit, &base, overlay);
}

#[test]
fn a_repository_may_name_another_and_is_opened_once() {
    let (inner, outer) = (TestRepo::new(), TestRepo::new());
    let inner_commit = inner.commit("main", &BASE);
    let names_inner = format!("resources: ['{}//eu?ref={inner_commit}', more]\n", inner.url());
    let files = [
        ("top/kustomization.yaml", names_inner.as_str()),
        ("top/more/kustomization.yaml", "resources: [web.yaml]\n"),
        ("top/more/web.yaml", POD),
    ];
    let outer_commit = outer.commit("main", &files);
    let repositories = Repositories::default().with(&inner.url(), &inner_commit, &BASE).with(
        &outer.url(),
        &outer_commit,
        &files,
    );
    let overlay = format!(
        "resources: ['{}//top?ref={outer_commit}']\nbuildMetadata: [originAnnotations]\n",
        outer.url()
    );
    let ours = build(&memory(&[("kustomization.yaml", &overlay)]), "", &Options::default(), &repositories);
    let ours = ours.unwrap().to_yaml().unwrap();
    let address = format!("{}//top?ref={outer_commit}", outer.url());
    let top = build_repository(&address, &Options::default(), &repositories).unwrap().to_yaml().unwrap();
    if let Some(kustomize) = Kustomize::installed() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("kustomization.yaml"), &overlay).unwrap();
        assert_eq!(Ok(ours), kustomize.build(directory.path()));
        assert_eq!(Ok(top), kustomize.build(address.as_ref()));
    }
}

const ID: &str = "1111111111111111111111111111111111111111";

/// What is said to an overlay of one field, given a repository with these files.
fn refused(field: &str, base: &[(&str, &str)]) -> String {
    let repositories = Repositories::default().with("https://h.example.com/a/b", ID, base);
    let files = memory(&[("over/kustomization.yaml", &field.replace("REF", ID)), ("base/web.yaml", POD)]);
    let options = Options::default().with_load_restrictor(LoadRestrictor::None);
    build(&files, "over", &options, &repositories).unwrap_err().to_string()
}

#[test]
fn a_repository_reaches_nothing_outside_of_itself() {
    let app = "resources: ['https://h.example.com/a/b//app?ref=REF']\n";
    for (kustomization, wanted) in [
        // Also when everything may be read: that holds for the own tree only.
        (
            "resources: [../web.yaml]\n",
            "`../web.yaml` is not in or below `https://h.example.com/a/b@111111111111//app`",
        ),
        ("resources: [../../base]\n", "`../../base` leads out of the repository"),
        ("resources: [/base]\n", "`/base` leads out of the repository"),
        ("resources: [../app]\n", "goes round in a circle"),
        ("resources: ['https://h.example.com/a/b//app?ref=REF']\n", "goes round in a circle"),
        ("resources: ['https://h.example.com/a/b?ref=REF']\n", "goes round in a circle"),
        ("resources: ['https://h.example.com/a/c?ref=REF']\n", "`https://h.example.com/a/c` has no `1111"),
    ] {
        let kustomization = kustomization.replace("REF", ID);
        let said = refused(app, &[("app/kustomization.yaml", &kustomization), ("web.yaml", POD)]);
        assert!(said.contains(wanted), "{said}");
        assert!(
            said.contains("(https://h.example.com/a/b@111111111111//app/kustomization.yaml:1)"),
            "{said}"
        );
    }
    let linked = [("out/kustomization.yaml", "-> ../../../base/web.yaml"), ("in", "-> /base")];
    assert!(
        refused("resources: ['https://h.example.com/a/b//in?ref=REF']\n", &linked)
            .contains("`in` of the repository")
    );
    assert!(
        refused("resources: ['https://h.example.com/a/b//out?ref=REF']\n", &linked)
            .contains("no kustomization.yaml")
    );
}

#[test]
fn what_is_wrong_in_a_repository_is_said_with_its_place_there() {
    let said = refused(
        "resources: ['https://h.example.com/a/b//app?ref=REF']\n",
        &[("app/kustomization.yaml", "resources:\n- web.yaml\n"), ("app/web.yaml", "kind: Pod\n")],
    );
    assert!(said.contains("(https://h.example.com/a/b@111111111111//app/web.yaml:1)"), "{said}");
    let missing = refused("resources:\n- https://h.example.com/a/b//no?ref=REF\n", &[("x", "")]);
    assert!(missing.contains("does not exist (over/kustomization.yaml:2)"), "{missing}");
    let file = refused("resources:\n- https://h.example.com/a/b//x?ref=REF\n", &[("x", "")]);
    assert!(file.contains("is a file, a directory is wanted (over/kustomization.yaml:2)"), "{file}");
}

#[test]
fn files_of_the_web_are_refused_in_every_field() {
    for field in [
        "resources: [https://h.example.com/install.yaml]",
        "resources: [https://raw.example.com/a/b/main/install.yaml]",
        "patches: [{path: \"https://h.example.com/a/b/p.yaml?ref=REF\"}]",
        "patchesStrategicMerge: [\"https://h.example.com/a/b/p.yaml?ref=REF\"]",
        "configMapGenerator: [{name: a, files: [https://h.example.com/a/b/p.yaml]}]",
        "configMapGenerator: [{name: a, envs: [https://h.example.com/a/b/p.env]}]",
        "crds: [https://h.example.com/a/b/p.json]",
        "configurations: [https://h.example.com/a/b/p.yaml]",
        "openapi: {path: https://h.example.com/a/b/p.yaml}",
        "replacements: [{path: https://h.example.com/a/b/p.yaml}]",
        "transformers: [https://h.example.com/a/b/p.yaml]",
    ] {
        let said = refused(&format!("{field}\n"), &[]);
        assert!(said.contains("is a file on the web, which can change (over/kustomization.yaml"), "{said}");
        assert!(said.ends_with("[kustomize-remote]"), "{said}");
    }
}

#[test]
fn a_build_that_stays_offline_says_so() {
    let files =
        memory(&[("kustomization.yaml", &format!("resources: ['https://h.example.com/a/b?ref={ID}']\n"))]);
    let error = build(&files, "", &Options::default(), &NoExternals).unwrap_err();
    assert!(error.message.contains("would be fetched") && error.line == 1, "{error:?}");
}
