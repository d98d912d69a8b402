//! `git http-backend` behind an HTTP server on the loopback, with the faults that servers have.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::{Authority, Identity, TestRepo};

/// How long git may take for the next piece of an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What goes wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The server answers this status and does nothing.
    Status(u16),
    /// The same with a header and words in plain text.
    Says(u16, (&'static str, String), String),
    /// The server does its work, sends so many bytes of the body, and closes the connection.
    Cut(usize),
    /// The server does its work, and one bit of the body is another one on the way.
    Flip(usize),
    /// The server does its work and closes the connection without an answer.
    NoAnswer,
    /// The server does nothing and never answers.
    Hang,
    /// The server sends the client to the repository at another URL.
    Redirect(String),
    /// The server knows the first version of the protocol only.
    OldProtocol,
}

/// Who is let in, and how.
#[derive(Debug, Clone, Copy, Default)]
pub struct Door<'a> {
    /// The only `Authorization` header that is taken; without one everybody is let in.
    pub authorization: Option<&'a str>,
    /// What the server shows over https; without it the server speaks http.
    pub certificate: Option<&'a Identity>,
    /// Who must have signed the certificates of clients.
    pub clients: Option<&'a Authority>,
}

/// A server that serves one repository at `/repo.git`. Ends with the value.
pub struct GitHttp {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

struct Shared {
    root: PathBuf,
    login: Option<String>,
    /// The part of a request line that is hit, and the fault.
    fault: Mutex<Option<(String, Fault)>>,
    log: Mutex<Vec<String>>,
    /// Bytes of bodies that were handed to clients.
    sent: AtomicU64,
    logins: Mutex<Vec<String>>,
}

impl GitHttp {
    /// Starts it, open to everyone.
    pub fn start(repo: &TestRepo) -> Self {
        Self::start_behind(repo, Door::default())
    }

    /// Starts it, open to one user with basic authentication only.
    pub fn start_with_login(repo: &TestRepo, user: &str, password: &str) -> Self {
        let authorization = basic(user, password);
        Self::start_behind(repo, Door { authorization: Some(&authorization), ..Door::default() })
    }

    /// Starts it behind a door.
    pub fn start_behind(repo: &TestRepo, door: Door<'_>) -> Self {
        let shared = Arc::new(Shared {
            root: repo.parent().to_owned(),
            login: door.authorization.map(Into::into),
            fault: Mutex::default(),
            log: Mutex::default(),
            sent: AtomicU64::new(0),
            logins: Mutex::default(),
        });
        let tls = door.certificate.map(|it| TlsAcceptor::from(it.server(door.clients)));
        let scheme = if tls.is_some() { "https" } else { "http" };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener for tokio");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let serving = shared.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            let runtime = runtime.expect("a runtime");
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                tokio::select! { () = accept(listener, tls, serving) => {}, _ = stopped => {} }
            });
            runtime.shutdown_background();
        });
        Self { address, scheme, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// The URL of the repository, by the address of this machine.
    pub fn url(&self) -> String {
        format!("{}://{}/repo.git", self.scheme, self.address)
    }

    /// The URL of the repository by another name, or behind another port.
    pub fn url_at(&self, host: &str, port: u16) -> String {
        format!("{}://{host}:{port}/repo.git", self.scheme)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The `Authorization` headers that came since the last call.
    pub fn take_logins(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.logins.lock().expect("a lock"))
    }

    /// From now on, requests whose `METHOD path?query` contains `part` have the fault.
    pub fn break_at(&self, part: &str, fault: Fault) {
        *self.shared.fault.lock().expect("a lock") = Some((part.into(), fault));
    }

    /// Ends the fault.
    pub fn heal(&self) {
        *self.shared.fault.lock().expect("a lock") = None;
    }

    /// The requests since the last call, each as `METHOD path?query`.
    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.log.lock().expect("a lock"))
    }

    /// How many bytes of answers went out since the last call, without their heads.
    pub fn take_sent(&self) -> u64 {
        self.shared.sent.swap(0, Ordering::Relaxed)
    }
}

impl Drop for GitHttp {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: tokio::net::TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    loop {
        let Ok((socket, _)) = listener.accept().await else { continue };
        let _ = socket.set_nodelay(true);
        let (tls, shared) = (tls.clone(), shared.clone());
        tokio::spawn(async move {
            match tls {
                None => serve(socket, shared).await,
                Some(tls) => {
                    if let Ok(socket) = tls.accept(socket).await {
                        serve(socket, shared).await;
                    }
                }
            }
        });
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin + 'static>(socket: S, shared: Arc<Shared>) {
    let service = service_fn(move |request| answer(request, shared.clone()));
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
}

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, std::io::Error>;

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Body>, std::io::Error> {
    let line = format!("{} {}", request.method(), request.uri());
    shared.log.lock().expect("a lock").push(line.clone());
    let given = request.headers().get("authorization").and_then(|it| it.to_str().ok()).map(ToOwned::to_owned);
    shared.logins.lock().expect("a lock").extend(given.clone());
    let fault = shared.fault.lock().expect("a lock").clone();
    let fault = fault.filter(|(part, _)| line.contains(part)).map(|(_, fault)| fault);
    match fault {
        Some(Fault::Status(status)) => return Ok(status_only(status)),
        Some(Fault::Says(status, (name, value), words)) => {
            let mut response = status_only(status);
            response.headers_mut().insert("content-type", "text/plain".parse().expect("a header"));
            response.headers_mut().insert(name, value.parse().expect("a header"));
            *response.body_mut() = full(words.into());
            return Ok(response);
        }
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Redirect(base)) => {
            let uri = request.uri().to_string();
            let tail = uri.match_indices('/').nth(1).map_or("", |(at, _)| &uri[at..]);
            let target = format!("{base}{tail}");
            let mut response = status_only(302);
            response.headers_mut().insert("location", target.parse().expect("a header"));
            return Ok(response);
        }
        _ => {}
    }
    if shared.login.is_some() && shared.login != given {
        let mut response = status_only(401);
        response.headers_mut().insert("www-authenticate", "Basic realm=\"git\"".parse().expect("a header"));
        return Ok(response);
    }
    let response = backend(request, shared, fault == Some(Fault::OldProtocol)).await?;
    let closed = || std::io::Error::other("the connection is closed");
    match fault {
        Some(Fault::NoAnswer) => {
            // The work is done when the backend has said all.
            response.into_body().collect().await?;
            Err(closed())
        }
        Some(Fault::Cut(bytes)) => {
            let (head, body) = response.into_parts();
            let whole = body.collect().await?.to_bytes();
            let part = whole.slice(..bytes.min(whole.len()));
            let frames = [Ok(hyper::body::Frame::data(part)), Err(closed())];
            let body = http_body_util::StreamBody::new(futures::stream::iter(frames));
            Ok(Response::from_parts(head, BodyExt::boxed_unsync(body)))
        }
        Some(Fault::Flip(place)) => {
            let (head, body) = response.into_parts();
            let mut bytes = body.collect().await?.to_bytes().to_vec();
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1;
            }
            Ok(Response::from_parts(head, full(bytes.into())))
        }
        _ => Ok(response),
    }
}

fn status_only(status: u16) -> Response<Body> {
    let mut response = Response::new(full(Bytes::new()));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response
}

fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// Runs `git http-backend` as a web server runs a CGI program, passing its answer on as it comes.
async fn backend(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    old: bool,
) -> Result<Response<Body>, std::io::Error> {
    let header = |name: &str| {
        request.headers().get(name).and_then(|it| it.to_str().ok()).unwrap_or_default().to_owned()
    };
    let mut command = tokio::process::Command::new("git");
    command.arg("http-backend").env_clear();
    command
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", &shared.root)
        .env("GIT_PROJECT_ROOT", &shared.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REMOTE_USER", "test")
        .env("REQUEST_METHOD", request.method().as_str())
        .env("PATH_INFO", request.uri().path())
        .env("QUERY_STRING", request.uri().query().unwrap_or_default())
        .env("CONTENT_TYPE", header("content-type"))
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", if old { String::new() } else { header("git-protocol") });
    let body = request.into_body().collect().await.map_err(std::io::Error::other)?.to_bytes();
    command.env("CONTENT_LENGTH", body.len().to_string());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().expect("a pipe");
    let writer = tokio::spawn(async move { stdin.write_all(&body).await });
    let mut stdout = child.stdout.take().expect("a pipe");
    let mut head = Vec::new();
    let end = loop {
        if let Some(end) = head.windows(4).position(|it| it == b"\r\n\r\n") {
            break end;
        }
        if tokio::time::timeout(PATIENCE, stdout.read_buf(&mut head)).await?? == 0 {
            return Err(std::io::Error::other("git http-backend gave no headers"));
        }
    };
    // A program that does not read all of its input closes the pipe, which is no failure.
    drop(writer);
    let first = Bytes::copy_from_slice(&head[end + 4..]);
    shared.sent.fetch_add(first.len() as u64, Ordering::Relaxed);
    let rest = futures::stream::unfold((stdout, child, shared), |(mut stdout, child, shared)| async move {
        let mut bytes = Vec::with_capacity(64 << 10);
        match tokio::time::timeout(PATIENCE, stdout.read_buf(&mut bytes)).await {
            Ok(Ok(0)) => None,
            Ok(Ok(taken)) => {
                shared.sent.fetch_add(taken as u64, Ordering::Relaxed);
                Some((Ok(hyper::body::Frame::data(Bytes::from(bytes))), (stdout, child, shared)))
            }
            Ok(Err(error)) => Some((Err(error), (stdout, child, shared))),
            Err(error) => Some((Err(error.into()), (stdout, child, shared))),
        }
    });
    let first = futures::stream::iter([Ok(hyper::body::Frame::data(first))]);
    let body = http_body_util::StreamBody::new(futures::StreamExt::chain(first, rest));
    cgi_response(&head[..end], BodyExt::boxed_unsync(body))
}

fn cgi_response(head: &[u8], body: Body) -> Result<Response<Body>, std::io::Error> {
    let mut response = Response::new(body);
    for line in String::from_utf8_lossy(head).lines() {
        match line.split_once(": ") {
            Some(("Status", value)) => {
                let status = value.split(' ').next().and_then(|it| it.parse().ok()).expect("a status");
                *response.status_mut() = status;
            }
            Some((name, value)) => {
                let name: hyper::header::HeaderName = name.parse().expect("a header");
                response.headers_mut().insert(name, value.parse().expect("a header"));
            }
            None => {}
        }
    }
    Ok(response)
}

/// The header of basic authentication.
fn basic(user: &str, password: &str) -> String {
    let text = format!("{user}:{password}");
    format!("Basic {}", base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text))
}
