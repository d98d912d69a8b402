//! Connections that stay open during a conversation: git's own TCP protocol, and programs that talk over their pipes.
//!
//! Decides which programs are started, with which arguments. Source: gitprotocol-pack(5), "Transports".

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use super::bounded::Deadline;
use super::program::Program;
use super::{Remote, Service, packet};
use crate::git::{GitError, Scheme};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

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
            Scheme::Ssh => {
                remote.transport.check_ssh_files()?;
                Program::start(&mut ssh(remote, service), deadline).map(Self::Program)
            }
            _ => Program::start(&mut local(remote, service), deadline).map(Self::Program),
        };
        let program = if remote.url.scheme() == Scheme::Ssh { "ssh" } else { "git" };
        opened.map_err(|it| match (it.kind(), remote.url.scheme()) {
            (io::ErrorKind::NotFound, Scheme::Ssh | Scheme::File) => GitError::Unsupported {
                url: remote.url.to_string(),
                what: format!("needs the program `{program}`, which is not installed"),
            },
            _ => remote.unreachable(it.to_string()),
        })
    }

    /// What the program at the other end wrote to its stderr, once it has ended.
    pub(super) fn words(&mut self) -> String {
        match self {
            Self::Tcp(..) => String::new(),
            Self::Program(program) => program.words(),
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
            Self::Program(program) => program.write(bytes).map(|()| bytes.len()),
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
    for address in addresses(name, port, deadline)? {
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

/// Looks the host up. The system's resolver knows no deadline, so it is left behind when it takes too long.
fn addresses(name: &str, port: u16, deadline: Deadline) -> io::Result<Vec<SocketAddr>> {
    let (sender, found) = mpsc::channel();
    let name = name.to_owned();
    std::thread::spawn(move || {
        let _ = sender.send((name.as_str(), port).to_socket_addrs().map(Iterator::collect));
    });
    let late = || io::Error::new(io::ErrorKind::TimedOut, "the host's address was not found in time");
    found.recv_timeout(CONNECT_TIMEOUT.min(deadline.left()?)).map_err(|_| late())?
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
    // A server that is not known is never believed, whatever ssh is set up for: nobody is there to say yes.
    command.args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "StrictHostKeyChecking=yes"]);
    if let Some(known) = &remote.transport.ssh_known_hosts_file {
        for (option, file) in
            [("UserKnownHostsFile", quoted(known)), ("GlobalKnownHostsFile", "/dev/null".into())]
        {
            command.arg("-o").arg(format!("{option}={file}"));
        }
    }
    if let Some(key) = &remote.transport.ssh_key_file {
        // An agent may still unlock this one.
        command.args(["-o", "IdentitiesOnly=yes"]).arg("-i").arg(key);
    }
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

/// A path as ssh's options take it, which may hold blanks and `%` signs.
fn quoted(path: &std::path::Path) -> String {
    format!("\"{}\"", path.display()).replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::{Credentials, Limits};

    fn remote(url: &str) -> Remote {
        Remote::new(&url.parse().unwrap(), Credentials::None, Limits::default())
    }

    fn arguments(command: &Command) -> Vec<&str> {
        command.get_args().map(|it| it.to_str().unwrap()).collect()
    }

    #[test]
    fn ssh_gets_fixed_arguments_and_a_quoted_path() {
        let options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "StrictHostKeyChecking=yes"];
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
}
