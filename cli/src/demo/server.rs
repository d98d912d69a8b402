//! The app that dev "runs": an HTTP server on loopback whose `/healthz` is what the verification asks.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use promoter_core::Diagnosis;
use tokio::net::TcpListener;

/// A running server; it ends with the runtime.
pub(super) struct Server {
    /// `127.0.0.1:PORT`.
    pub(super) address: String,
    asked: Arc<AtomicUsize>,
}

impl Server {
    /// Starts it on a free port.
    pub(super) fn start(runtime: &tokio::runtime::Runtime) -> Result<Self, Diagnosis> {
        let broken = |error| {
            Diagnosis::upstream("demo-server", format!("no port of 127.0.0.1 can be listened on: {error}"))
        };
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).map_err(broken)?;
        let address = listener.local_addr().map_err(broken)?.to_string();
        let asked = Arc::new(AtomicUsize::new(0));
        runtime.spawn(serve(listener, asked.clone()));
        Ok(Self { address, asked })
    }

    /// How often it was asked so far.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, asked: Arc<AtomicUsize>) {
    while let Ok((stream, _)) = listener.accept().await {
        let asked = asked.clone();
        let answer = service_fn(move |request: Request<hyper::body::Incoming>| {
            let asked = asked.clone();
            async move {
                asked.fetch_add(1, Ordering::SeqCst);
                let status =
                    if request.uri().path() == "/healthz" { StatusCode::OK } else { StatusCode::NOT_FOUND };
                let mut response = Response::new(Full::new(Bytes::from_static(b"{\"ready\":true}\n")));
                *response.status_mut() = status;
                Ok::<_, Infallible>(response)
            }
        });
        tokio::spawn(async move {
            // A connection that breaks off is the asker's business.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
    }
}
