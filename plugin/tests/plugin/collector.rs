//! A collector of OpenTelemetry on the loopback, which takes spans, refuses them or never answers.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};

use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use promoter_testkit::git::Identity;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tonic::body::Body;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Response, Status};
use tower::Service as _;

use crate::common::PATIENCE;

/// What it does with a call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Manner {
    Takes,
    Refuses(Code),
    Holds,
}

/// One call that came.
pub(crate) struct Call {
    pub(crate) headers: MetadataMap,
    pub(crate) resource: Vec<(String, String)>,
    pub(crate) spans: Vec<Span>,
}

/// The collector, on a thread of its own. It ends with the value.
pub(crate) struct Collector {
    address: SocketAddr,
    calls: mpsc::Receiver<Call>,
    _over: oneshot::Sender<()>,
}

impl Collector {
    pub(crate) fn start(manner: Manner) -> Self {
        Self::start_behind(manner, None)
    }

    /// With a certificate it speaks TLS.
    pub(crate) fn start_behind(manner: Manner, certificate: Option<&Identity>) -> Self {
        let tls = certificate.map(|it| {
            let mut config = (*it.server(None)).clone();
            config.alpn_protocols.push(b"h2".to_vec());
            TlsAcceptor::from(Arc::new(config))
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, calls) = mpsc::channel();
        let (over, ended) = oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                let service = TraceServiceServer::new(Taking { manner, calls: sender });
                tokio::select! {
                    () = accept(listener, tls, service) => {}
                    _ = ended => {}
                }
            });
        });
        Self { address, calls, _over: over }
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// The next call.
    pub(crate) fn call(&self) -> Call {
        self.calls.recv_timeout(PATIENCE).expect("no call comes")
    }

    /// So many spans, in the order in which they came.
    pub(crate) fn spans(&self, count: usize) -> Vec<Span> {
        let mut spans = Vec::new();
        while spans.len() < count {
            spans.extend(self.call().spans);
        }
        spans
    }

    /// All spans that came and were not looked at. Whoever sent them must have ended.
    pub(crate) fn rest(&self) -> Vec<Span> {
        self.calls.try_iter().flat_map(|it| it.spans).collect()
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, service: TraceServiceServer<Taking>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(connection(stream, tls.clone(), service.clone()));
    }
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, service: TraceServiceServer<Taking>) {
    match tls {
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                calls(stream, service).await;
            }
        }
        None => calls(stream, service).await,
    }
}

async fn calls(stream: impl AsyncRead + AsyncWrite + Unpin, service: TraceServiceServer<Taking>) {
    let calls = service_fn(move |request: hyper::Request<Incoming>| {
        let mut service = service.clone();
        async move { Ok::<_, Infallible>(service.call(request.map(Body::new)).await.unwrap()) }
    });
    let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), calls).await;
}

struct Taking {
    manner: Manner,
    calls: mpsc::Sender<Call>,
}

#[tonic::async_trait]
impl TraceService for Taking {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let headers = request.metadata().clone();
        let all = request.into_inner().resource_spans;
        let resource =
            all.iter().filter_map(|it| it.resource.clone()).flat_map(|it| texts(&it.attributes)).collect();
        let spans = all.into_iter().flat_map(|it| it.scope_spans).flat_map(|it| it.spans).collect();
        let _ = self.calls.send(Call { headers, resource, spans });
        match self.manner {
            Manner::Takes => Ok(Response::new(ExportTraceServiceResponse::default())),
            Manner::Refuses(code) => Err(Status::new(code, "not today")),
            Manner::Holds => std::future::pending().await,
        }
    }
}

/// Attributes as texts, sorted.
pub(crate) fn texts(attributes: &[KeyValue]) -> Vec<(String, String)> {
    let text = |it: &KeyValue| {
        let value = match it.value.clone()?.value? {
            Value::StringValue(text) => text,
            Value::IntValue(number) => number.to_string(),
            other => format!("{other:?}"),
        };
        Some((it.key.clone(), value))
    };
    let mut texts: Vec<_> = attributes.iter().filter_map(text).collect();
    texts.sort();
    texts
}
