//! Connections that stay open during a conversation: git's own TCP protocol, and programs that talk over their pipes.
//!
//! Decides which programs are started, with which arguments and environment, and that they end in time. Source:
//! gitprotocol-pack(5), "Transports".

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::bounded::Deadline;
use super::{Remote, Service, packet};
use crate::git::{GitError, Scheme};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// What is kept of the words that a program writes to its stderr.
const WORDS_BYTES_MAX: u64 = 8 << 10;
/// The environment that programs get: nothing that could point git at another repository or run a program.
const ENVIRONMENT: &[&str] = &["PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "SSH_AUTH_SOCK", "SYSTEMROOT"];

/// An open connection.
pub(super) enum StreamWire {
    Tcp(TcpStream, Deadline),
    Program(Box<Program>),
}

impl StreamWire {
    /// Connects and asks for the service.
    pub(super) fn open(remote: &Remote, service: Service, deadline: Deadline) -> Result<Self, GitError> {
        let opened = match remote.url.scheme() {
            Scheme::Git => connect(remote, service, deadline),
            Scheme::Ssh => Program::start(&mut ssh(remote, service), deadline).map(Self::Program),
            _ => Program::start(&mut local(remote, service), deadline).map(Self::Program),
        };
        opened.map_err(|it| remote.unreachable(it.to_string()))
    }

    /// What the program at the other end wrote to its stderr, once it has ended.
    pub(super) fn last_words(&mut self) -> Option<String> {
        match self {
            Self::Tcp(..) => None,
            Self::Program(program) => program.last_words(),
        }
    }
}

impl Read for StreamWire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket, deadline) => {
                socket.set_read_timeout(Some(deadline.left()?))?;
                socket.read(buffer).map_err(timed_out)
            }
            Self::Program(program) => program.read(buffer),
        }
    }
}

impl Write for StreamWire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket, deadline) => {
                socket.set_write_timeout(Some(deadline.left()?))?;
                socket.write(bytes).map_err(timed_out)
            }
            Self::Program(program) => match &mut program.child.stdin {
                Some(stdin) => stdin.write(bytes),
                None => Err(io::ErrorKind::BrokenPipe.into()),
            },
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sockets say `WouldBlock` when their timeout is over.
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::Error::new(io::ErrorKind::TimedOut, "no answer in time"),
        _ => error,
    }
}

fn connect(remote: &Remote, service: Service, deadline: Deadline) -> io::Result<StreamWire> {
    let host = remote.url.host();
    let port = remote.url.port().unwrap_or(9418);
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in (name, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT.min(deadline.left()?)) {
            Ok(socket) => {
                socket.set_nodelay(true)?;
                let mut wire = StreamWire::Tcp(socket, deadline);
                let version = if service == Service::UploadPack { "\0version=2\0" } else { "" };
                let mut greeting = Vec::new();
                let words =
                    format!("{} {}\0host={host}:{port}\0{version}", service.name(), remote.url.path());
                packet::write_data(&mut greeting, words.as_bytes());
                wire.write_all(&greeting)?;
                return Ok(wire);
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn local(remote: &Remote, service: Service) -> Command {
    let mut command = Command::new("git");
    command.arg(service.subcommand()).arg(remote.url.path());
    if service == Service::UploadPack {
        command.env("GIT_PROTOCOL", "version=2");
    }
    command
}

fn ssh(remote: &Remote, service: Service) -> Command {
    let url = &remote.url;
    let mut command = Command::new("ssh");
    command.args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]);
    if service == Service::UploadPack {
        command.args(["-o", "SendEnv=GIT_PROTOCOL"]).env("GIT_PROTOCOL", "version=2");
    }
    if let Some(port) = url.port() {
        command.arg("-p").arg(port.to_string());
    }
    let host = url.host().trim_start_matches('[').trim_end_matches(']');
    command.arg(match url.user() {
        Some(user) => format!("{user}@{host}"),
        None => host.into(),
    });
    // The server's login shell reads this line, so the path is quoted for it as git does.
    let path = url.path().replace('\'', r"'\''").replace('!', r"'\!'");
    command.arg(format!("{} '{path}'", service.name()));
    command
}

/// A running program, ended at the deadline at the latest.
pub(super) struct Program {
    child: Child,
    words: Arc<Mutex<String>>,
    listener: Option<JoinHandle<()>>,
    watch: Arc<Watch>,
    deadline: Deadline,
}

/// Tells the watchdog that the program's id may no longer be used.
#[derive(Default)]
struct Watch {
    over: Mutex<bool>,
    changed: Condvar,
}

impl Program {
    fn start(command: &mut Command, deadline: Deadline) -> io::Result<Box<Self>> {
        let given: Vec<_> =
            command.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
        command.env_clear().env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0");
        command.envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.envs(given.into_iter().filter_map(|(name, value)| Some((name, value?))));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let left = deadline.left()?;
        let mut child = command.spawn()?;
        let words = Arc::new(Mutex::new(String::new()));
        let listener = child.stderr.take().map(|stderr| listen(stderr, words.clone()));
        let watch = Arc::new(Watch::default());
        guard(child.id(), left, watch.clone());
        Ok(Box::new(Self { child, words, listener, watch, deadline }))
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(stdout) = &mut self.child.stdout else {
            return Ok(0);
        };
        let taken = stdout.read(buffer)?;
        if taken == 0 {
            // The end of the output may be the watchdog's work.
            self.deadline.left()?;
        }
        Ok(taken)
    }

    fn last_words(&mut self) -> Option<String> {
        self.end();
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        words.lines().rfind(|it| !it.trim().is_empty()).map(|it| it.trim().to_owned())
    }

    /// Closes its input, lets it come to its end (a server may still have hooks to run), and reaps it.
    fn end(&mut self) {
        drop(self.child.stdin.take());
        drop(self.child.stdout.take());
        *self.watch.over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.watch.changed.notify_all();
        while self.deadline.left().is_ok() {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(1)),
                _ => return,
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
    }
}

/// Keeps the first words of a program's stderr and lets the rest go by, so that the program never waits for a reader.
fn listen(stderr: ChildStderr, words: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        let mut first = stderr.take(WORDS_BYTES_MAX);
        let _ = first.read_to_end(&mut kept);
        *words.lock().unwrap_or_else(PoisonError::into_inner) = String::from_utf8_lossy(&kept).into_owned();
        let _ = io::copy(&mut first.into_inner(), &mut io::sink());
    })
}

/// Kills the program when the time is over, unless it was told before that the program is being reaped.
///
/// The lock is held during the kill, so that the id cannot belong to another process by then.
fn guard(process: u32, left: Duration, watch: Arc<Watch>) {
    std::thread::spawn(move || {
        let over = watch.over.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = watch.changed.wait_timeout_while(over, left, |over| !*over);
        let (over, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if *over {
            return;
        }
        if let Some(id) = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::{Credentials, Limits};

    fn remote(url: &str) -> Remote {
        Remote { url: url.parse().unwrap(), credentials: Credentials::None, limits: Limits::default() }
    }

    fn arguments(command: &Command) -> Vec<&str> {
        command.get_args().map(|it| it.to_str().unwrap()).collect()
    }

    #[test]
    fn ssh_gets_fixed_arguments_and_a_quoted_path() {
        let options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10"];
        let push = ssh(&remote("ssh://git@example.com:2222/a/it's.git"), Service::ReceivePack);
        let expected =
            [&options[..], &["-p", "2222", "git@example.com", r"git-receive-pack '/a/it'\''s.git'"]].concat();
        assert_eq!(arguments(&push), expected);
        let read = ssh(&remote("example.com:a.git"), Service::UploadPack);
        let expected =
            [&options[..], &["-o", "SendEnv=GIT_PROTOCOL", "example.com", "git-upload-pack 'a.git'"]]
                .concat();
        assert_eq!(arguments(&read), expected);
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let started = std::time::Instant::now();
        let deadline = Deadline::after(Duration::from_millis(100));
        let mut program = Program::start(Command::new("sleep").arg("60"), deadline).unwrap();
        let error = program.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(program);
        assert!(started.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_program_sees_no_git_settings_and_its_words_are_kept() {
        let deadline = Deadline::after(Duration::from_secs(20));
        let mut command = Command::new("git");
        command.args(["var", "GIT_NO_SUCH_VARIABLE"]);
        let mut program = Program::start(&mut command, deadline).unwrap();
        assert!(program.last_words().is_some_and(|it| it.contains("usage")), "git explains itself");
        let mut program = Program::start(&mut Command::new("env"), deadline).unwrap();
        let mut seen = vec![0; 64 << 10];
        let mut length = 0;
        while let Ok(taken @ 1..) = program.read(&mut seen[length..]) {
            length += taken;
        }
        let seen = String::from_utf8_lossy(&seen[..length]).into_owned();
        let names: Vec<&str> = seen.lines().filter_map(|it| it.split('=').next()).collect();
        let allowed =
            |name: &&str| ENVIRONMENT.contains(name) || ["LC_ALL", "GIT_TERMINAL_PROMPT"].contains(name);
        assert!(names.contains(&"PATH") && names.iter().all(allowed), "{names:?}");
    }
}
