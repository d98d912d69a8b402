//! A web server of files in memory, which answers conditional requests and can be made to misbehave.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// How a request goes wrong, or another way.
#[derive(Debug, Clone)]
pub enum WebFault {
    /// This status, with `Retry-After` if it is said.
    Status(u16, Option<&'static str>),
    /// The connection ends after so many bytes of the file.
    Cut(usize),
    /// Nothing says how long the file is, and the connection ends after so many bytes of it.
    Unmarked(usize),
    /// It is somewhere else.
    Moved(String),
}

/// The server. It ends with the value.
#[derive(Debug)]
pub struct WebServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// With a number that is another one for each content.
    files: BTreeMap<String, (Arc<Vec<u8>>, usize)>,
    puts: usize,
    faults: Vec<(String, WebFault)>,
    login: Option<String>,
    log: Vec<String>,
    is_over: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WebServer {
    /// Starts it on a free port of the loopback, without files.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let served = shared.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                if served.state().is_over {
                    return;
                }
                let shared = served.clone();
                if let Ok(connection) = connection {
                    // One that goes away is no affair of the server's.
                    std::thread::spawn(move || drop(answer(&connection, &shared)));
                }
            }
        });
        Self { address, shared }
    }

    /// `http://127.0.0.1:…`, without a slash behind it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Host and port.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Puts a file at a path that begins with a slash, in the place of another one.
    pub fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        let mut state = self.shared.state();
        state.puts += 1;
        let put = (Arc::new(bytes.into()), state.puts);
        state.files.insert(path.to_owned(), put);
    }

    /// Asks for user and password from now on.
    pub fn require_login(&self, user: &str, password: &str) {
        self.shared.state().login = Some(format!("Basic {}", BASE64.encode(format!("{user}:{password}"))));
    }

    /// Lets requests go wrong whose path contains a part.
    pub fn break_at(&self, part: &str, fault: WebFault) {
        self.shared.state().faults.push((part.to_owned(), fault));
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.shared.state().faults.clear();
    }

    /// The requests since the last call, like `GET /index.yaml 304`, with ` with login` behind them where one was sent.
    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.state().log)
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.shared.state().is_over = true;
        // Wakes the listener, so that it ends.
        let _ = TcpStream::connect(self.address);
    }
}

/// Answers one request and closes the connection.
fn answer(connection: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut lines = BufReader::new(connection.take(64 << 10)).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = BTreeMap::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let (head, body, log) = respond(&path, &headers, &mut shared.state());
    shared.state().log.push(log);
    let mut out = connection;
    out.write_all(format!("HTTP/1.1 {head}connection: close\r\n\r\n").as_bytes())?;
    out.write_all(&body)?;
    out.flush()
}

/// The head of the answer, its body, and the line of the log.
fn respond(path: &str, headers: &BTreeMap<String, String>, state: &mut State) -> (String, Vec<u8>, String) {
    let given = headers.get("authorization");
    let with = if given.is_some() { " with login" } else { "" };
    let line = |status: u16| format!("GET {path} {status}{with}");
    let empty = |status: u16, more: &str| {
        (format!("{status} -\r\n{more}content-length: 0\r\n"), Vec::new(), line(status))
    };
    let fault = state.faults.iter().find(|(part, _)| path.contains(part)).map(|(_, it)| it.clone());
    match &fault {
        Some(WebFault::Status(status, Some(later))) => {
            return empty(*status, &format!("retry-after: {later}\r\n"));
        }
        Some(WebFault::Status(status, None)) => return empty(*status, ""),
        Some(WebFault::Moved(to)) => return empty(302, &format!("location: {to}\r\n")),
        _ => {}
    }
    if state.login.is_some() && state.login.as_ref() != given {
        return empty(401, "www-authenticate: Basic realm=\"charts\"\r\n");
    }
    let Some((bytes, number)) = state.files.get(path) else {
        return empty(404, "");
    };
    let etag = format!("\"{number}\"");
    if fault.is_none() && headers.get("if-none-match") == Some(&etag) {
        return empty(304, &format!("etag: {etag}\r\n"));
    }
    let (sent, length) = match fault {
        Some(WebFault::Cut(at)) => (&bytes[..at.min(bytes.len())], true),
        Some(WebFault::Unmarked(at)) => (&bytes[..at.min(bytes.len())], false),
        _ => (&bytes[..], true),
    };
    let length = if length { format!("content-length: {}\r\n", bytes.len()) } else { String::new() };
    (format!("200 OK\r\netag: {etag}\r\n{length}"), sent.to_vec(), line(200))
}
