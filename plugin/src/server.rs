//! The socket of the plugin: how it comes, who may speak to it, and how it goes.
//!
//! Decides when an old socket may be replaced and how long running requests are waited for at the end. What is spoken
//! on the socket is `cmp`'s.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use promoter_core::Diagnosis;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

use crate::cmp::proto::config_management_plugin_service_server::ConfigManagementPluginServiceServer;
use crate::cmp::service::{Service, ServiceLimits};
use crate::connection::{Services, serve_connection};
use crate::engine::Engine;
use crate::otlp::{Exporter, OtlpError, OtlpOptions};
use crate::requests::{KeepOptions, Requests};

/// Time for the last answers to leave and for idle connections to say goodbye, once nothing runs any more.
const LINGER: Duration = Duration::from_millis(250);
/// Pause after an accept that failed, which is mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How to serve.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Directory of the sockets of all plugins.
    pub socket_directory: PathBuf,
    /// The plugin's name, as Applications write it; the socket is `<name>.sock`.
    pub name: String,
    /// Mode of the socket. Whoever may write to it may ask for renders.
    pub socket_mode: u32,
    /// How long running requests are waited for at the end.
    pub drain: Duration,
    /// Bytes of one message in either direction.
    pub message_bytes_max: usize,
    /// What the service allows.
    pub limits: ServiceLimits,
    /// Where requests are kept, if they are.
    pub keep: Option<KeepOptions>,
    /// Where spans of requests go, if anywhere.
    pub otlp: OtlpOptions,
}

/// Why nothing can be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A name that is no file name.
    #[error("`{0}` is no name for a plugin")]
    Name(String),
    /// Requests cannot be kept where they should be.
    #[error("{}", .0.cause)]
    Keep(Diagnosis),
    /// Spans cannot be exported as asked.
    #[error(transparent)]
    Otlp(#[from] OtlpError),
    /// Somebody serves there already.
    #[error("another process serves at `{}`", .0.display())]
    Taken(PathBuf),
    /// Something that is no socket is in the way.
    #[error("`{}` is there and is no socket", .0.display())]
    InTheWay(PathBuf),
    /// The socket cannot be made.
    #[error("cannot listen at `{}`: {source}", socket.display())]
    Listen {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl ServeError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Keep(diagnosis) => diagnosis.clone(),
            Self::Otlp(error) => error.diagnosis(),
            Self::Name(_) => Diagnosis::input("plugin-name", self),
            Self::Taken(_) | Self::InTheWay(_) => {
                Diagnosis::input("plugin-socket-taken", self).hint("give this one another `--name`")
            }
            Self::Listen { .. } => Diagnosis::input("plugin-socket", self)
                .hint("the directory must exist and be writable; it is a volume shared with repo-server"),
        }
    }
}

/// Serves until `stop` resolves, then lets running requests end. `ready` is called once clients can connect.
pub async fn serve(
    options: ServeOptions,
    engine: Engine,
    ready: impl FnOnce(&Path),
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let requests = options.keep.clone().map(Requests::open).transpose().map_err(ServeError::Keep)?;
    let exporter = Exporter::start(&options.otlp)?;
    let socket = Socket::bind(&options)?;
    let running = Running::default();
    let health = HealthReporter::new();
    let service = Service::new(Arc::new(engine), options.limits, running.clone(), requests, exporter.clone());
    let plugin = ConfigManagementPluginServiceServer::new(service)
        .max_decoding_message_size(options.message_bytes_max)
        .max_encoding_message_size(options.message_bytes_max);
    let services =
        Services { plugin, health: HealthServer::new(HealthService::from_health_reporter(health.clone())) };
    let (closing, _) = watch::channel(false);
    let mut connections = JoinSet::new();
    ready(&socket.path);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            stream = accept(&socket.listener) => {
                connections.spawn(serve_connection(stream, services.clone(), closing.subscribe()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
    // Nobody new gets in from here: the file goes with the socket, and a later plugin may take its place.
    drop(socket);
    health.set_service_status("", ServingStatus::NotServing).await;
    closing.send_replace(true);
    tokio::select! {
        () = async { while connections.join_next().await.is_some() {} } => {}
        () = drained(&running, options.drain) => {}
    }
    if let Some(exporter) = exporter {
        exporter.stop().await;
    }
    Ok(())
}

/// How many requests run.
#[derive(Debug, Clone)]
pub(crate) struct Running(watch::Sender<usize>);

impl Default for Running {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Running {
    /// Counts a request until the value is dropped.
    pub(crate) fn enter(&self) -> impl Drop + Send + use<> {
        self.0.send_modify(|count| *count += 1);
        RunningOne(self.0.clone())
    }
}

struct RunningOne(watch::Sender<usize>);

impl Drop for RunningOne {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// Resolves once no request runs any more, or `drain` is over. A client that connected and says nothing would hold up
/// the end of its connection for ever; only requests count here.
async fn drained(running: &Running, drain: Duration) {
    let mut count = running.0.subscribe();
    let none_left = async { drop(count.wait_for(|it| *it == 0).await) };
    if tokio::time::timeout(drain, none_left).await.is_ok() {
        tokio::time::sleep(LINGER).await;
    } else {
        let running = *running.0.borrow();
        tracing::warn!(running, "ended before the last requests had answers");
    }
}

async fn accept(listener: &UnixListener) -> UnixStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A listening socket that takes its file away when dropped, unless another process has put its own there.
struct Socket {
    listener: UnixListener,
    path: PathBuf,
    inode: u64,
}

impl Socket {
    fn bind(options: &ServeOptions) -> Result<Self, ServeError> {
        let name = &options.name;
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
            return Err(ServeError::Name(name.clone()));
        }
        let path = options.socket_directory.join(format!("{name}.sock"));
        check_free(&path)?;
        // Made under another name and moved: clients see it with its final mode, or the old one, never nothing.
        let fresh = options.socket_directory.join(format!(".{name}.{}", std::process::id()));
        let made = || {
            let _ = fs::remove_file(&fresh);
            let listener = UnixListener::bind(&fresh)?;
            fs::set_permissions(&fresh, fs::Permissions::from_mode(options.socket_mode))?;
            let inode = fs::symlink_metadata(&fresh)?.ino();
            fs::rename(&fresh, &path)?;
            Ok((listener, inode))
        };
        match made() {
            Ok((listener, inode)) => Ok(Self { listener, path, inode }),
            Err(error) => {
                let _ = fs::remove_file(&fresh);
                Err(ServeError::Listen { socket: path, source: error })
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|it| it.ino() == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Refuses a path where somebody serves or where no socket is. A socket that nobody listens on is left over.
fn check_free(path: &Path) -> Result<(), ServeError> {
    match fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(metadata) if !metadata.file_type().is_socket() => Err(ServeError::InTheWay(path.to_owned())),
        Ok(_) => match StdUnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            _ => Err(ServeError::Taken(path.to_owned())),
        },
    }
}
