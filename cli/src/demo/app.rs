//! The files of the demo's app: a base and three overlays, in the tree that docs and tests use as their example.

/// How long freight soaks in dev before staging takes it, in the demo.
pub(super) const SOAK: &str = "3s";

macro_rules! example {
    ($path:literal) => {
        ($path, include_str!(concat!("../../../testdata/examples/myapp/", $path)))
    };
}

const FILES: [(&str, &str); 6] = [
    example!("promoter.yaml"),
    example!("base/kustomization.yaml"),
    example!("base/deployment.yaml"),
    example!("envs/dev/kustomization.yaml"),
    example!("envs/staging/kustomization.yaml"),
    example!("envs/prod/kustomization.yaml"),
];

/// The folder of the app in the repository.
pub(super) const FOLDER: &str = "apps/myapp";

/// Paths and texts; the example's address and soak are replaced by those of the demo.
pub(super) fn files(address: &str) -> Vec<(String, String)> {
    let fit =
        |text: &str| text.replace("127.0.0.1:8080", address).replace("soak: 30m", &format!("soak: {SOAK}"));
    FILES.iter().map(|(path, text)| (format!("{FOLDER}/{path}"), fit(text))).collect()
}
