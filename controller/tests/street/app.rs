//! A server on the loopback in the place of the example app.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// The server that the example's check asks: answers every request with one status and body.
pub(crate) struct App {
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
    status: Arc<AtomicU16>,
    body: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl App {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let app = Self {
            address,
            status: Arc::new(AtomicU16::new(200)),
            body: Arc::default(),
            asked: Arc::default(),
            stop: Arc::default(),
        };
        let (status, asked, stop) = (app.status.clone(), app.asked.clone(), app.stop.clone());
        let body = app.body.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                asked.fetch_add(1, Ordering::SeqCst);
                answer(&stream.unwrap(), status.load(Ordering::SeqCst), &body.lock().unwrap());
            }
        });
        app
    }

    /// The status of every answer from now on.
    pub(crate) fn answers(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// The body of every answer from now on.
    pub(crate) fn says(&self, body: &str) {
        body.clone_into(&mut self.body.lock().unwrap());
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the listener, so that its thread ends.
        let _ = TcpStream::connect(&self.address);
    }
}

fn answer(mut stream: &TcpStream, status: u16, body: &str) {
    let head = BufReader::new(stream).lines().map_while(Result::ok).take_while(|it| !it.is_empty());
    head.for_each(drop);
    let text = format!(
        "HTTP/1.1 {status} Word\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    // A checker that has gone away is not waited for.
    let _ = stream.write_all(text.as_bytes());
}
