//! Hears the stream of one request: metadata, then the archive, and what is wrong with either.
//!
//! Takes every message whatever came before, because the sender must be heard to its end; judges once it is.

use promoter_core::Diagnosis;
use promoter_kustomize::normalise;
use promoter_render::Mode;
use tokio::sync::OwnedSemaphorePermit;

use super::archive::{ArchiveLimits, Tree, Unpacker};
use super::environment::Environment;
use super::proto::app_stream_request::Request as Part;
use super::proto::{AppStreamRequest, ManifestRequestMetadata};
use crate::requests::{Keeping, Kept};

/// A request that was heard to its end and is in order.
pub(crate) struct Received {
    pub(crate) tree: Tree,
    /// The Application's path, if it lies in the tree. A page for parameters opens all the same.
    pub(crate) app_path: Result<String, Diagnosis>,
    pub(crate) environment: Environment,
    /// The room that the tree takes up, where that is bounded.
    _room: Option<OwnedSemaphorePermit>,
}

/// What of a stream has been heard. The first fault is kept, and the rest of the stream is heard for nothing.
pub(crate) struct Hearing {
    limits: ArchiveLimits,
    begun: Option<(Metadata, Unpacker)>,
    fault: Option<ProtocolError>,
    archive_bytes: u64,
    keeping: Option<Keeping>,
}

/// The first message, taken apart.
struct Metadata {
    app_path: Option<String>,
    written_app_path: String,
    checksum: String,
    environment: Environment,
}

impl Hearing {
    /// Nothing heard yet. What `keeping` takes along is for [`Self::kept`].
    pub(crate) fn new(limits: ArchiveLimits, keeping: Option<Keeping>) -> Self {
        Self { limits, begun: None, fault: None, archive_bytes: 0, keeping }
    }

    /// Takes the next message.
    pub(crate) fn hear(&mut self, message: AppStreamRequest) {
        if let Some(keeping) = &mut self.keeping {
            keeping.hear(&message);
        }
        match (message.request, &mut self.begun) {
            (Some(Part::Metadata(metadata)), None) if self.fault.is_none() => {
                let metadata = Metadata::from(metadata);
                // An environment that is refused renders nothing, so it needs no history either.
                let keep_git = metadata.environment.parameters().is_ok_and(|it| it.render != Mode::Hydrated);
                self.begun = Some((metadata, Unpacker::new(self.limits, keep_git)));
            }
            (Some(Part::File(file)), Some((_, unpacker))) => {
                self.archive_bytes += file.chunk.len() as u64;
                unpacker.push(&file.chunk);
            }
            (Some(Part::Metadata(_)), _) => self.fail(ProtocolError::SecondMetadata),
            (Some(Part::File(_)), None) => self.fail(ProtocolError::NoMetadata),
            (None, _) => self.fail(ProtocolError::UnknownPart),
        }
    }

    fn fail(&mut self, fault: ProtocolError) {
        self.fault.get_or_insert(fault);
    }

    /// Bytes of the archive that came so far.
    pub(crate) fn archive_bytes(&self) -> u64 {
        self.archive_bytes
    }

    /// The request as it came, if it is kept.
    pub(crate) fn kept(&mut self) -> Option<Kept> {
        self.keeping.take()?.kept()
    }

    /// The variables, once the metadata has come.
    pub(crate) fn environment(&self) -> Option<&Environment> {
        self.begun.as_ref().map(|(metadata, _)| &metadata.environment)
    }

    /// The whole, or the first thing that was wrong with it.
    pub(crate) fn judge(self, room: Option<OwnedSemaphorePermit>) -> Result<Received, Diagnosis> {
        if let Some(fault) = self.fault {
            return Err(fault.diagnosis());
        }
        let (metadata, unpacker) = self.begun.ok_or_else(|| ProtocolError::NoMetadata.diagnosis())?;
        let tree = unpacker.finish(&metadata.checksum).map_err(|it| it.diagnosis())?;
        let outside = || ProtocolError::AppPathOutside(metadata.written_app_path).diagnosis();
        let app_path = metadata.app_path.ok_or_else(outside);
        Ok(Received { tree, app_path, environment: metadata.environment, _room: room })
    }
}

impl From<ManifestRequestMetadata> for Metadata {
    fn from(metadata: ManifestRequestMetadata) -> Self {
        Self {
            app_path: normalise("", &metadata.app_rel_path),
            written_app_path: metadata.app_rel_path,
            checksum: metadata.checksum,
            environment: metadata.env.into_iter().map(|it| (it.name, it.value)).collect(),
        }
    }
}

/// A stream that is not what repo-server sends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ProtocolError {
    #[error("a message of the stream cannot be read: {0}")]
    Malformed(String),
    #[error("the stream has no metadata before its first piece of the archive")]
    NoMetadata,
    #[error("the stream has a second metadata message")]
    SecondMetadata,
    #[error("the stream has a message that is neither metadata nor a piece of the archive")]
    UnknownPart,
    #[error("the Application's path `{0}` leaves the archive")]
    AppPathOutside(String),
}

impl ProtocolError {
    /// The error as a person reads it.
    pub(super) fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::AppPathOutside(_) => Diagnosis::input("path-outside", self)
                .hint("let `path` of the Application be a directory of the repository"),
            _ => Diagnosis::input("plugin-protocol", self),
        }
    }
}
