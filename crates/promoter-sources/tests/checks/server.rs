//! A server with one answer, which remembers what it was asked.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use promoter_testkit::git::Authority;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// One request.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// The server; it ends with the test's runtime.
pub(crate) struct Server {
    /// `127.0.0.1:PORT`, or a name that the certificate has.
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub(crate) async fn answering(status: u16, body: &str) -> Self {
        Self::start(status, body, None).await
    }

    pub(crate) async fn answering_over_tls(authority: &Authority, status: u16) -> Self {
        let config = authority.certify(&["127.0.0.1"]).server(None);
        Self::start(status, "", Some(TlsAcceptor::from(config))).await
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    async fn start(status: u16, body: &str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (body, seen) = (Bytes::from(body.to_owned()), asked.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (body, seen, tls) = (body.clone(), seen.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, status, body, seen).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, status, body, seen).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, asked }
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    status: u16,
    body: Bytes,
    seen: Arc<Mutex<Vec<Asked>>>,
) {
    let answer = |request: Request<Incoming>| {
        let (body, seen) = (body.clone(), seen.clone());
        async move {
            let line = format!("{} {}", request.method(), request.uri());
            let text = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
                (name.to_string(), value.to_str().unwrap().to_owned())
            };
            let headers = request.headers().iter().map(text).collect();
            let sent = request.into_body().collect().await.unwrap().to_bytes();
            seen.lock().unwrap().push(Asked {
                line,
                headers,
                body: String::from_utf8(sent.to_vec()).unwrap(),
            });
            let response = Response::builder().status(status).header("content-type", "application/json");
            Ok::<_, Infallible>(response.body(Full::new(body)).unwrap())
        }
    };
    // A checker that went away is not waited for.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .await;
}
