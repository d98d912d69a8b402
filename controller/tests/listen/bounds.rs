//! What clients may cost: large, slow, many, fast, and never ending ones.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use promoter_controller::listen::{ListenLimits, Listening};
use promoter_controller::signal::signals;
use promoter_controller::watch::Watch;

use super::client::{Door, PATIENCE, SECRET, ask, connect, reply, request};

const SOON: Duration = Duration::from_millis(200);
/// A time that is not reached: what it bounds is not what the test is about.
const NEVER: Duration = Duration::from_secs(3600);

fn door(limits: ListenLimits) -> Door {
    Door::with(&["shop.generic"], limits)
}

#[test]
fn large_bodies_are_refused_before_they_come() {
    let door =
        door(ListenLimits { body_bytes_max: 1_000, request_timeout: NEVER, ..ListenLimits::default() });
    assert_eq!(door.post("shop", "generic", SECRET, &[], &[b' '; 1_000]).status, 202);
    assert_eq!(door.heard(), "everything");
    let mut stream = connect(&door.listening);
    // The body is announced and never sent.
    let head = "POST /webhook/shop HTTP/1.1\r\nhost: a\r\ncontent-length: 1001\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    // The same without an announcement.
    let mut stream = connect(&door.listening);
    let head = "POST /webhook/shop HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&[b' '; 1_001]).unwrap();
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    assert_eq!(door.heard(), "-");
    assert_eq!(door.counted("promoter_webhook_requests_total{type=\"unknown\",result=\"refused\"}"), 2);
}

#[test]
fn large_heads_are_refused() {
    let door = door(ListenLimits::default());
    let long = "x".repeat(64 << 10);
    let mut stream = connect(&door.listening);
    // It may close before it has read everything.
    let _ = stream.write_all(&request("GET", "/healthz", &[("x-long", &long)], b""));
    assert!(matches!(reply(&mut stream).status, 0 | 431));
    assert_eq!(ask(&door.listening, "GET", "/healthz", &[], b"").status, 200);
}

/// A client that says nothing, half a head, or half a body.
#[test]
fn slow_clients_are_dropped() {
    let limits = ListenLimits { head_timeout: SOON, connection_age_max: NEVER, ..ListenLimits::default() };
    let heads = door(limits);
    for begin in ["", "POST /webhook/shop HT", "POST /webhook/shop HTTP/1.1\r\nhost: a\r\n"] {
        let begun = Instant::now();
        let mut stream = connect(&heads.listening);
        stream.write_all(begin.as_bytes()).unwrap();
        assert!(matches!(reply(&mut stream).status, 0 | 408), "{begin:?}");
        assert!(begun.elapsed() < PATIENCE, "{begin:?} is not dropped");
    }
    let limits = ListenLimits { request_timeout: SOON, connection_age_max: NEVER, ..ListenLimits::default() };
    let bodies = door(limits);
    let begun = Instant::now();
    let mut stream = connect(&bodies.listening);
    stream.write_all(b"POST /webhook/shop HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc").unwrap();
    assert_eq!(reply(&mut stream).status, 408);
    assert!(begun.elapsed() < PATIENCE, "its connection stays");
    assert_eq!(bodies.heard(), "-");
}

/// Not even one that keeps asking, or that keeps a preface open, has its connection for ever.
#[test]
fn old_connections_are_closed() {
    let limits = ListenLimits {
        connection_age_max: SOON,
        request_timeout: SOON,
        head_timeout: SOON,
        ..ListenLimits::default()
    };
    let door = door(limits);
    for begin in
        ["GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n", "PRI * HTTP/2.0\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
    {
        let mut stream = connect(&door.listening);
        stream.write_all(begin.as_bytes()).unwrap();
        // The end comes, or the patience of the socket does.
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        assert_eq!(all.starts_with(b"HTTP/1.1 200"), begin.starts_with("GET"), "{begin:?}");
    }
}

#[test]
fn connections_are_counted_by_address() {
    let door = door(ListenLimits {
        connections_per_address_max: 2,
        head_timeout: NEVER,
        connection_age_max: NEVER,
        ..ListenLimits::default()
    });
    let mut held: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = connect(&door.listening);
            stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).unwrap();
            stream
        })
        .collect();
    assert_eq!(reply(&mut connect(&door.listening)).status, 0, "a third one is closed at once");
    drop(held.pop());
    // The place is free once the server has seen the end.
    let begun = Instant::now();
    let again = || {
        let mut stream = connect(&door.listening);
        let _ = stream.write_all(&request("GET", "/healthz", &[], b""));
        reply(&mut stream).status
    };
    while again() != 200 {
        assert!(begun.elapsed() < PATIENCE, "its place is not given free");
    }
}

#[test]
fn floods_are_refused_by_path() {
    let limits = ListenLimits { requests_per_second: 0, requests_burst: 3, ..ListenLimits::default() };
    let door = door(limits);
    let post = || door.post("shop", "generic", SECRET, &[], b"").status;
    let answers: Vec<u16> = (0..5).map(|_| post()).collect();
    assert_eq!(answers, [202, 202, 202, 429, 429]);
    assert_eq!([door.heard().as_str(), &door.heard()], ["everything", "-"], "what came is one signal");
    assert_eq!(ask(&door.listening, "GET", "/readyz", &[], b"").status, 200, "other paths are not concerned");
    let metrics = door.watch.metrics(promoter_core::UnixSeconds(0));
    assert!(metrics.contains("{type=\"unknown\",result=\"limited\"} 2"), "{metrics}");
}

/// The end waits for what runs, and no longer than it may.
#[test]
fn the_end_comes_while_a_request_hangs() {
    let limits =
        ListenLimits { request_timeout: NEVER, head_timeout: NEVER, drain: SOON, ..ListenLimits::default() };
    let door = door(limits);
    let mut hanging = connect(&door.listening);
    let head = "POST /webhook/shop HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 10\r\n\r\n";
    hanging.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 12];
    hanging.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100", "it waits for the body");
    let silent = connect(&door.listening);
    let begun = Instant::now();
    drop(door);
    assert!(begun.elapsed() < PATIENCE, "it ended");
    drop(silent);
}

#[test]
fn a_port_that_is_taken_is_said() {
    let door = door(ListenLimits::default());
    let watch = Watch::new([], NEVER);
    let (address, limits) = (door.listening.address(), ListenLimits::default());
    let error = Listening::start(address, None, limits, watch, signals().0).unwrap_err();
    assert_eq!(error.code, "listen-address");
}

#[test]
fn paths_and_methods() {
    let door = door(ListenLimits::default());
    let status = |method, path| ask(&door.listening, method, path, &[], b"").status;
    assert_eq!(status("GET", "/healthz"), 200);
    assert_eq!(status("HEAD", "/metrics"), 200);
    assert_eq!(status("POST", "/healthz"), 405);
    assert_eq!(status("GET", "/webhook/shop"), 405);
    assert_eq!(status("GET", "/"), 404);
    assert_eq!(status("POST", "/webhook"), 404);
    let limits = ListenLimits::default();
    let address = "127.0.0.1:0".parse().unwrap();
    let without = Listening::start(address, None, limits, door.watch.clone(), signals().0).unwrap();
    assert_eq!(ask(&without, "POST", "/webhook/shop", &[], b"").status, 404);
}
