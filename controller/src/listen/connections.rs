//! Connections: how many, how slow, how long, and how they end.
//!
//! HTTP/1.1 and HTTP/2 in clear text, whichever the client begins with. What is answered is `answer`'s.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::ListenLimits;
use super::answer::Answers;

/// Pause after an accept that failed, which is mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The smallest buffer for a head that hyper takes.
const HEAD_BYTES_MIN: usize = 8 << 10;
/// Requests that one HTTP/2 connection may have under way.
const STREAMS_MAX: u32 = 32;

/// Serves until `stop` says so, then lets running requests end, for a bounded time.
pub(super) async fn serve(
    listener: TcpListener,
    limits: &ListenLimits,
    answers: &Arc<Answers>,
    mut stop: watch::Receiver<bool>,
) {
    let places = Places::default();
    let mut connections = JoinSet::new();
    loop {
        let (stream, address) = tokio::select! {
            _ = stop.wait_for(|it| *it) => break,
            accepted = accept(&listener) => accepted,
            Some(_) = connections.join_next() => continue,
        };
        // One that finds no place is closed at once: waiting would keep it from those that end sooner.
        if let Some(place) = places.take(address, limits) {
            let (limits, answers, stop) = (limits.clone(), answers.clone(), stop.clone());
            connections.spawn(async move {
                connection(stream, &limits, &answers, stop).await;
                drop(place);
            });
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(limits.drain, all).await.is_err() {
        tracing::warn!("the listener ended before the last requests had answers");
    }
}

async fn connection(
    stream: TcpStream,
    limits: &ListenLimits,
    answers: &Arc<Answers>,
    mut stop: watch::Receiver<bool>,
) {
    // Until the first bytes hyper waits as long as it takes. (That a stream is readable is no proof: it may only seem so.)
    let mut first = [0];
    let begins = async {
        let peeked = timeout(limits.head_timeout, stream.peek(&mut first)).await;
        peeked.is_ok_and(|it| it.is_ok_and(|bytes| bytes > 0))
    };
    let begins = tokio::select! {
        begins = begins => begins,
        _ = stop.wait_for(|it| *it) => false,
    };
    if !begins {
        return;
    }
    let service = service_fn(|request| {
        let answers = answers.clone();
        async move { Ok::<_, Infallible>(answers.answer(request).await) }
    });
    let builder = builder(limits);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        _ = stop.wait_for(|it| *it) => None,
        () = tokio::time::sleep(limits.connection_age_max) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            match timeout(limits.head_timeout + limits.request_timeout, connection).await {
                Ok(ended) => ended,
                Err(_) => return tracing::debug!("a connection was cut: its client was too slow"),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error, "a connection ended badly");
    }
}

fn builder(limits: &ListenLimits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(limits.head_bytes_max.max(HEAD_BYTES_MIN));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(limits.head_bytes_max).unwrap_or(u32::MAX))
        .keep_alive_interval(limits.head_timeout)
        .keep_alive_timeout(limits.head_timeout);
    builder
}

async fn accept(listener: &TcpListener) -> (TcpStream, IpAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => return (stream, address.ip()),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// How many connections each address has.
#[derive(Debug, Clone, Default)]
struct Places(Arc<Mutex<BTreeMap<IpAddr, usize>>>);

/// One connection, until the value is dropped.
#[derive(Debug)]
struct Place(Places, IpAddr);

impl Places {
    fn take(&self, address: IpAddr, limits: &ListenLimits) -> Option<Place> {
        let mut taken = self.taken();
        let all: usize = taken.values().sum();
        let here = taken.get(&address).copied().unwrap_or(0);
        if all >= limits.connections_max || here >= limits.connections_per_address_max {
            return None;
        }
        taken.insert(address, here + 1);
        Some(Place(self.clone(), address))
    }

    fn taken(&self) -> MutexGuard<'_, BTreeMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.0.taken();
        match taken.get_mut(&self.1) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.remove(&self.1)),
        }
    }
}
