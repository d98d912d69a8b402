//! The listener: probes, metrics, and webhooks that mean "look sooner".
//!
//! Decides where it listens and how it ends. It lives on a thread and a runtime of its own, so that a pass that works
//! does not keep probes waiting; all that it can do to the controller is to send it a signal.

mod answer;
mod connections;
mod rate;
mod webhook;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use promoter_core::Diagnosis;
use tokio::sync::watch as tokio_watch;

use crate::signal::Sender;
use crate::watch::Watch;
use answer::Answers;
pub use webhook::{KINDS, Receivers};

/// Where to listen, and for whom.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ListenOptions {
    /// Address and port to answer on: `/healthz`, `/readyz`, `/metrics` and `/webhook/NAME`; nothing is listened to unless
    /// given
    #[arg(long, value_name = "ADDR", env = "PROMOTER_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Directory with the secrets of webhooks, read anew at each request: the file `NAME.TYPE` makes `/webhook/NAME`
    #[arg(long, value_name = "DIR", env = "PROMOTER_WEBHOOK_SECRETS_DIR", requires = "listen")]
    pub webhook_secrets_dir: Option<PathBuf>,
}

/// What clients may cost. A client that wants more is refused or dropped.
#[derive(Debug, Clone)]
pub struct ListenLimits {
    /// Bytes of a request's head.
    pub head_bytes_max: usize,
    /// Bytes of a request's body.
    pub body_bytes_max: usize,
    /// From the first byte of a connection, or the end of the request before, until the head is there.
    pub head_timeout: Duration,
    /// From the head until the answer is ready; the body has to come in that time.
    pub request_timeout: Duration,
    /// Age of a connection, after which no new request is taken from it; so much longer it may take to end.
    pub connection_age_max: Duration,
    /// Connections at once.
    pub connections_max: usize,
    /// Connections at once from one address, so that one client does not keep others' probes out.
    pub connections_per_address_max: usize,
    /// Requests a second to one path.
    pub requests_per_second: u32,
    /// Requests to one path that may come at once.
    pub requests_burst: u32,
    /// How long requests that run are waited for at the end.
    pub drain: Duration,
}

impl Default for ListenLimits {
    fn default() -> Self {
        Self {
            head_bytes_max: 16 << 10,
            body_bytes_max: 1 << 20,
            head_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(10),
            connection_age_max: Duration::from_secs(60),
            connections_max: 256,
            connections_per_address_max: 128,
            requests_per_second: 20,
            requests_burst: 60,
            drain: Duration::from_secs(1),
        }
    }
}

/// A listener at work. Ends with the value.
#[derive(Debug)]
pub struct Listening {
    address: SocketAddr,
    stop: tokio_watch::Sender<bool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Listening {
    /// Begins to listen. Once this returns, clients can connect.
    ///
    /// Errors: the address cannot be listened on; there can be no thread or runtime.
    pub fn start(
        address: SocketAddr,
        receivers: Option<Receivers>,
        limits: ListenLimits,
        watch: Watch,
        signals: Sender,
    ) -> Result<Self, Diagnosis> {
        let unheard = |error: std::io::Error| {
            Diagnosis::input("listen-address", format!("cannot listen on `{address}`: {error}")).hint(
                "give a free port and an address of this machine with `--listen`, such as `0.0.0.0:8080`",
            )
        };
        let listener = TcpListener::bind(address).map_err(unheard)?;
        listener.set_nonblocking(true).map_err(unheard)?;
        let address = listener.local_addr().map_err(unheard)?;
        let broken = |error| Diagnosis::upstream("runtime", format!("nothing can listen: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(4)
            .build()
            .map_err(broken)?;
        let listener = {
            let _guard = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(unheard)?
        };
        let (stop, stopped) = tokio_watch::channel(false);
        let answers = Arc::new(Answers::new(receivers, limits.clone(), watch, signals));
        let work = move || {
            runtime.block_on(connections::serve(listener, &limits, &answers, stopped));
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("listen".into()).spawn(work).map_err(broken)?;
        Ok(Self { address, stop, thread: Some(thread) })
    }

    /// Where it listens, with the port that the system chose where 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listening {
    /// Takes no more connections, waits a bounded time for requests that run, and ends.
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so on its own.
            let _ = thread.join();
        }
    }
}
