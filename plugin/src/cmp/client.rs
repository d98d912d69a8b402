//! The other end of the plugin socket: asks a plugin as Argo CD's repo-server does.
//!
//! Decides nothing. Used by `healthcheck`, by `promoter demo`, by measurements and by tests.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::write::GzEncoder;
use hyper_util::rt::TokioIo;
use promoter_core::Diagnosis;
use promoter_kustomize::{FileError, FileKind, Files};
use prost::bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::net::UnixStream;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

pub use super::proto::CheckPluginConfigurationResponse as Configuration;
use super::proto::app_stream_request::Request as Part;
use super::proto::config_management_plugin_service_client::ConfigManagementPluginServiceClient;
use super::proto::{AppStreamRequest, EnvEntry, File, ManifestRequestMetadata};
pub use super::repository::ParameterAnnouncement;

/// Bytes of one piece of the archive, as repo-server sends by default.
const CHUNK_BYTES: usize = 1024;
/// Bytes of one message, as Argo CD allows by default.
const MESSAGE_BYTES_MAX: usize = 100 << 20;

/// Why a plugin gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers at the socket.
    #[error("no plugin answers at `{}`: {source}", socket.display())]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// What the connection said.
        source: tonic::transport::Error,
    },
    /// The plugin answered with an error.
    #[error("the plugin answered {:?}: {}", .0.code(), .0.message())]
    Refused(Box<Status>),
    /// The tree could not be packed.
    #[error("cannot pack the tree: {0}")]
    Pack(String),
}

impl ClientError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Unreachable { .. } => Diagnosis::upstream("plugin-unreachable", self)
                .hint("see whether `promoter-plugin serve` runs and listens on this socket"),
            Self::Refused(status) => match status.code() {
                Code::InvalidArgument => Diagnosis::input("plugin-refused", self),
                _ => Diagnosis::upstream("plugin-refused", self),
            },
            Self::Pack(_) => Diagnosis::input("plugin-pack", self),
        }
    }

    /// The gRPC code and message, if the plugin answered.
    pub fn status(&self) -> Option<(Code, &str)> {
        match self {
            Self::Refused(status) => Some((status.code(), status.message())),
            _ => None,
        }
    }
}

impl From<Status> for ClientError {
    fn from(status: Status) -> Self {
        Self::Refused(Box::new(status))
    }
}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        Self::Pack(error.to_string())
    }
}

impl From<FileError> for ClientError {
    fn from(error: FileError) -> Self {
        Self::Pack(error.to_string())
    }
}

/// A gzipped tar with its checksum, as the stream carries it.
#[derive(Debug, Clone)]
pub struct Archive {
    tgz: Bytes,
    checksum: String,
}

impl Archive {
    /// Takes bytes that are an archive already (or are not, in a test).
    pub fn from_bytes(tgz: impl Into<Bytes>) -> Self {
        use std::fmt::Write as _;
        let tgz = tgz.into();
        let mut checksum = String::with_capacity(64);
        for byte in Sha256::digest(&tgz) {
            let _ = write!(checksum, "{byte:02x}");
        }
        Self { tgz, checksum }
    }

    /// Packs a directory: regular files, directories and links, in the order of a walk. `.git` is left out unless wanted.
    pub fn of_directory(directory: &Path, with_git: bool) -> Result<Self, ClientError> {
        let mut tar = packer();
        append_directory(&mut tar, directory, "", with_git)?;
        Self::finish(tar)
    }

    /// Packs a tree; links in it arrive as what they lead to.
    pub fn of_files(files: &dyn Files) -> Result<Self, ClientError> {
        let mut tar = packer();
        append_files(&mut tar, files, "")?;
        Self::finish(tar)
    }

    /// The packed bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.tgz
    }

    fn finish(tar: Packer) -> Result<Self, ClientError> {
        Ok(Self::from_bytes(tar.into_inner()?.finish()?))
    }
}

/// What is asked of a plugin.
#[derive(Debug, Clone)]
pub struct Request {
    /// The Application's path below the archive's root; `.` for the root.
    pub app_path: String,
    /// The environment, names as they arrive (`ARGOCD_ENV_…`).
    pub env: Vec<(String, String)>,
    /// The tree.
    pub archive: Archive,
    /// How long the answer may take.
    pub timeout: Duration,
}

/// One connection to a plugin.
#[derive(Debug, Clone)]
pub struct Client {
    channel: Channel,
    traceparent: Option<AsciiMetadataValue>,
}

impl Client {
    /// Connects to a plugin's socket; `timeout` bounds the connecting.
    pub async fn connect(socket: &Path, timeout: Duration) -> Result<Self, ClientError> {
        let unreachable = |source| ClientError::Unreachable { socket: socket.to_owned(), source };
        let path = socket.to_owned();
        let connector = tower::service_fn(move |_: Uri| {
            let path = path.clone();
            async move { Ok::<_, io::Error>(TokioIo::new(UnixStream::connect(path).await?)) }
        });
        let endpoint = Endpoint::from_static("http://localhost").connect_timeout(timeout);
        let channel = endpoint.connect_with_connector(connector).await.map_err(unreachable)?;
        Ok(Self { channel, traceparent: None })
    }

    /// The same connection, asking on behalf of a span, as repo-server does once its tracing is on. Takes what is no
    /// header for none.
    #[must_use]
    pub fn traced(self, traceparent: &str) -> Self {
        Self { traceparent: traceparent.parse().ok(), ..self }
    }

    /// Asks how the plugin wants to be asked, as repo-server does first.
    pub async fn check(&self) -> Result<Configuration, ClientError> {
        Ok(self.service().check_plugin_configuration(()).await?.into_inner())
    }

    /// Asks for manifests: one JSON object each.
    pub async fn generate(&self, request: &Request) -> Result<Vec<String>, ClientError> {
        Ok(self.service().generate_manifest(self.stream(request)).await?.into_inner().manifests)
    }

    /// Asks for the parameters that the plugin understands.
    pub async fn announce(&self, request: &Request) -> Result<Vec<ParameterAnnouncement>, ClientError> {
        let answer = self.service().get_parameters_announcement(self.stream(request)).await?;
        Ok(answer.into_inner().parameter_announcements)
    }

    /// Asks the health service: true when it says SERVING.
    pub async fn healthy(&self) -> Result<bool, ClientError> {
        let answer = HealthClient::new(self.channel.clone()).check(HealthCheckRequest::default()).await?;
        Ok(answer.into_inner().status() == ServingStatus::Serving)
    }

    fn service(&self) -> ConfigManagementPluginServiceClient<Channel> {
        ConfigManagementPluginServiceClient::new(self.channel.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    fn stream(
        &self,
        request: &Request,
    ) -> tonic::Request<impl futures::Stream<Item = AppStreamRequest> + Send + use<>> {
        let mut stream = stream(request);
        if let Some(traceparent) = &self.traceparent {
            stream.metadata_mut().insert("traceparent", traceparent.clone());
        }
        stream
    }
}

fn stream(request: &Request) -> tonic::Request<impl futures::Stream<Item = AppStreamRequest> + Send + use<>> {
    let archive = request.archive.clone();
    let metadata = ManifestRequestMetadata {
        app_name: request.app_path.rsplit('/').next().unwrap_or_default().to_owned(),
        app_rel_path: request.app_path.clone(),
        checksum: archive.checksum.clone(),
        size: archive.tgz.len() as i64,
        env: request
            .env
            .iter()
            .map(|(name, value)| EnvEntry { name: name.clone(), value: value.clone() })
            .collect(),
    };
    let offsets = (0..archive.tgz.len()).step_by(CHUNK_BYTES);
    let chunks = offsets.map(move |start| {
        let end = archive.tgz.len().min(start + CHUNK_BYTES);
        Part::File(File { chunk: archive.tgz.slice(start..end) })
    });
    let parts = std::iter::once(Part::Metadata(metadata)).chain(chunks);
    let messages = parts.map(|part| AppStreamRequest { request: Some(part) });
    let mut stream = tonic::Request::new(tokio_stream::iter(messages));
    stream.set_timeout(request.timeout);
    stream
}

type Packer = tar::Builder<GzEncoder<Vec<u8>>>;

fn packer() -> Packer {
    tar::Builder::new(GzEncoder::new(Vec::new(), flate2::Compression::new(6)))
}

fn append_directory(tar: &mut Packer, root: &Path, path: &str, with_git: bool) -> Result<(), ClientError> {
    append_entry(tar, path, tar::EntryType::Directory, &[])?;
    let mut entries: Vec<_> = std::fs::read_dir(root.join(path))?.collect::<Result<_, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let name = name
            .to_str()
            .ok_or_else(|| ClientError::Pack(format!("`{}` is not UTF-8", entry.path().display())))?;
        if name == ".git" && !with_git {
            continue;
        }
        let path = join(path, name);
        let kind = entry.file_type()?;
        if kind.is_dir() {
            append_directory(tar, root, &path, with_git)?;
        } else if kind.is_file() {
            append_entry(tar, &path, tar::EntryType::Regular, &std::fs::read(entry.path())?)?;
        } else if kind.is_symlink() {
            let mut header = header(tar::EntryType::Symlink, 0);
            tar.append_link(&mut header, &path, std::fs::read_link(entry.path())?)?;
        }
    }
    Ok(())
}

fn append_files(tar: &mut Packer, files: &dyn Files, path: &str) -> Result<(), ClientError> {
    append_entry(tar, path, tar::EntryType::Directory, &[])?;
    for name in files.list(path)? {
        let path = join(path, &name);
        match files.kind(&path) {
            Some(FileKind::Directory) => append_files(tar, files, &path)?,
            Some(FileKind::File) => append_entry(tar, &path, tar::EntryType::Regular, &files.read(&path)?)?,
            None => {}
        }
    }
    Ok(())
}

fn append_entry(tar: &mut Packer, path: &str, kind: tar::EntryType, bytes: &[u8]) -> Result<(), ClientError> {
    let mut header = header(kind, bytes.len() as u64);
    let path = if path.is_empty() { "." } else { path };
    Ok(tar.append_data(&mut header, path, bytes)?)
}

fn header(kind: tar::EntryType, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(if kind.is_dir() { 0o755 } else { 0o644 });
    header.set_size(size);
    header
}

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}
