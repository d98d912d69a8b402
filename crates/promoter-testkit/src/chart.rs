//! A chart as the real helm packages it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::tool;

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  chart: {{ .Chart.Version | quote }}\n  greeting: {{ .Values.greeting | quote }}\n";

/// An archive, with the helm that made it.
#[derive(Debug)]
pub struct ChartArchive {
    /// The helm.
    pub helm: PathBuf,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl ChartArchive {
    /// A chart with one ConfigMap, which is called as the release and shows its version and the value `greeting`, `hello` by
    /// default. `None`, said on stderr, when there is no helm.
    pub fn package(name: &str, version: &str) -> Option<Self> {
        let helm = tool("helm-v4.2.4", "helm")?;
        let directory = tempfile::tempdir().expect("a directory");
        let source = directory.path().join(name);
        std::fs::create_dir_all(source.join("templates")).expect("a directory");
        for (path, text) in [
            ("Chart.yaml", format!("apiVersion: v2\nname: {name}\nversion: {version}\n")),
            ("values.yaml", "greeting: hello\n".into()),
            ("templates/map.yaml", MAP.into()),
        ] {
            std::fs::write(source.join(path), text).expect("a file that can be written");
        }
        let mut command = Command::new(&helm);
        command.args(["package", name]).current_dir(directory.path()).stdout(Stdio::null());
        let status = command.env_clear().env("HOME", directory.path()).status().expect("helm runs");
        assert!(status.success(), "helm packages a chart");
        let archive = directory.path().join(format!("{name}-{version}.tgz"));
        Some(Self { helm, bytes: std::fs::read(archive).expect("an archive") })
    }
}
