//! HTTP servers on the loopback, each on a thread of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// The body of an answer, which may break off.
pub(super) type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, std::io::Error>;
/// An answer, or a connection that is closed without one.
pub(super) type Passed = Result<Response<Body>, std::io::Error>;

/// A server's thread; it ends with the value.
pub(super) struct Running {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Running")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Serves answers that never fail.
pub(super) fn serve_http<F>(
    tls: Option<TlsAcceptor>,
    answer: impl Fn(Request<Incoming>) -> F + Send + Sync + 'static,
) -> (SocketAddr, Running)
where
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    serve_faulty(tls, move |request| {
        let answer = answer(request);
        async move { Ok(answer.await.map(|it| it.map_err(|never| match never {}).boxed_unsync())) }
    })
}

/// Serves answers that may be none.
pub(super) fn serve_faulty<F>(
    tls: Option<TlsAcceptor>,
    answer: impl Fn(Request<Incoming>) -> F + Send + Sync + 'static,
) -> (SocketAddr, Running)
where
    F: Future<Output = Passed> + Send + 'static,
{
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a listener for tokio");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel();
    let answer = Arc::new(answer);
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            let serving = async {
                loop {
                    let Ok((socket, _)) = listener.accept().await else { continue };
                    let _ = socket.set_nodelay(true);
                    let (tls, answer) = (tls.clone(), answer.clone());
                    tokio::spawn(async move {
                        match tls {
                            None => serve(socket, answer).await,
                            Some(tls) => {
                                if let Ok(socket) = tls.accept(socket).await {
                                    serve(socket, answer).await;
                                }
                            }
                        }
                    });
                }
            };
            tokio::select! { () = serving => {}, _ = stopped => {} }
        });
        runtime.shutdown_background();
    });
    (address, Running { stop: Some(stop), thread: Some(thread) })
}

async fn serve<S, A, F>(socket: S, answer: Arc<A>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    A: Fn(Request<Incoming>) -> F,
    F: Future<Output = Passed>,
{
    let service = service_fn(|request| answer(request));
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
}
