//! One client's connection: HTTP/2 over the mended byte stream, calls handed to the service that they name.

use std::convert::Infallible;

use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tonic::Status;
use tonic::body::Body;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::HealthService;
use tower::Service as _;

use crate::cmp::proto::config_management_plugin_service_server::ConfigManagementPluginServiceServer;
use crate::cmp::service::Service;
use crate::cmp::wire::AuthorityFilter;

/// Bytes that a sender may be ahead of us: enough for most archives whole, so that it need not wait for us.
const WINDOW_BYTES: u32 = 1 << 20;

/// The services that a connection reaches. Cloning shares them.
#[derive(Debug, Clone)]
pub(crate) struct Services {
    pub(crate) plugin: ConfigManagementPluginServiceServer<Service>,
    pub(crate) health: HealthServer<HealthService>,
}

impl Services {
    async fn call(mut self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let service = request.uri().path().split('/').nth(1).unwrap_or_default().to_owned();
        let request = request.map(Body::new);
        match service.as_str() {
            "plugin.ConfigManagementPluginService" => self.plugin.call(request).await,
            "grpc.health.v1.Health" => self.health.call(request).await,
            _ => Ok(Status::unimplemented(format!("there is no service `{service}` here")).into_http()),
        }
    }
}

/// Serves a connection to its end. Once `closing` is true, no new calls are taken and running ones end.
pub(crate) async fn serve_connection(
    stream: UnixStream,
    services: Services,
    mut closing: watch::Receiver<bool>,
) {
    let calls = service_fn(move |request| services.clone().call(request));
    let mut server = http2::Builder::new(TokioExecutor::new());
    server.initial_stream_window_size(WINDOW_BYTES).initial_connection_window_size(WINDOW_BYTES);
    let connection = server.serve_connection(TokioIo::new(AuthorityFilter::new(stream)), calls);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = async { drop(closing.wait_for(|it| *it).await) } => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}
