//! A line between a client and a server that breaks or falls silent, whatever is spoken over it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

/// What a line does after so many bytes of the server's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// It is closed.
    Cut(usize),
    /// Nothing comes any more, and nobody says so.
    Silence(usize),
}

/// A port that leads to another one. Ends with the value.
#[derive(Debug)]
pub struct Line {
    address: SocketAddr,
    fault: Arc<Mutex<Option<Break>>>,
    once: Arc<Mutex<Option<Break>>>,
    open: Arc<Open>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// How many connections the server has not ended yet.
#[derive(Debug, Default)]
struct Open {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Open {
    fn add(&self) {
        *self.count.lock().expect("a lock") += 1;
    }

    fn remove(&self) {
        *self.count.lock().expect("a lock") -= 1;
        self.changed.notify_all();
    }
}

impl Line {
    /// A line to a port of this machine that does nothing to what it carries.
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (fault, over) = (Arc::<Mutex<Option<Break>>>::default(), Arc::new(AtomicBool::new(false)));
        let once = Arc::<Mutex<Option<Break>>>::default();
        let open = Arc::<Open>::default();
        let (faults, next, ended) = (fault.clone(), once.clone(), over.clone());
        let carried = open.clone();
        let thread = std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let fault = next.lock().expect("a lock").take().or(*faults.lock().expect("a lock"));
                carry(client, port, fault, carried.clone());
            }
        });
        Self { address, fault, once, open, over, thread: Some(thread) }
    }

    /// Its own port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Breaks the next connection, and none after it.
    pub fn break_once(&self, fault: Break) {
        *self.once.lock().expect("a lock") = Some(fault);
    }

    /// Waits until the server has ended every connection, those too of which the client saw the end before.
    pub fn settle(&self) {
        let count = self.open.count.lock().expect("a lock");
        drop(self.open.changed.wait_while(count, |it| *it > 0).expect("a lock"));
    }

    /// Breaks every connection that is made from now on.
    pub fn break_by(&self, fault: Option<Break>) {
        *self.fault.lock().expect("a lock") = fault;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn carry(client: TcpStream, port: u16, fault: Option<Break>, open: Arc<Open>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { return };
    let (mut from_client, mut to_server) =
        (client.try_clone().expect("a socket"), server.try_clone().expect("a socket"));
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    open.add();
    std::thread::spawn(move || {
        answer(&server, &client, fault);
        open.remove();
    });
}

fn answer(mut server: &TcpStream, mut client: &TcpStream, fault: Option<Break>) {
    let mut left = match fault {
        Some(Break::Cut(bytes) | Break::Silence(bytes)) => bytes,
        None => usize::MAX,
    };
    let mut buffer = [0; 4096];
    while let Ok(taken @ 1..) = server.read(&mut buffer) {
        let part = taken.min(left);
        if client.write_all(&buffer[..part]).is_err() {
            break;
        }
        left -= part;
        if left == 0 {
            break;
        }
    }
    if !matches!(fault, Some(Break::Silence(_))) {
        let _ = client.shutdown(Shutdown::Both);
    }
    // What the server still says is lost.
    while let Ok(1..) = server.read(&mut buffer) {}
    let _ = client.shutdown(Shutdown::Both);
}
