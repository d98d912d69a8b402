//! Conversations with git servers: connects, reads what the server has and can, and exchanges messages.
//!
//! Moves frames between a server and a caller, within a deadline and a limit of bytes, and says what went wrong in
//! [`GitError`]s. Knows nothing of what a message asks for: fetching is next door, pushing is the controller's.

mod bounded;
mod client;
mod http;
pub mod packet;
mod program;
mod refusal;
mod stream;

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use promoter_core::CommitId;

use self::bounded::{Bounded, OverLimit};
use self::http::HttpWire;
use self::packet::{Packet, PacketReader, ServerSays};
use self::stream::StreamWire;
use super::{Credentials, GitError, Limits, RepoUrl, Scheme, Transport};
pub(crate) use bounded::Deadline;
pub(crate) use program::Program;

/// How we name ourselves. Some servers answer the smart protocol only to agents that begin with `git/`.
pub const AGENT: &str = concat!("git/promoter-", env!("CARGO_PKG_VERSION"));

/// What a conversation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Reading.
    UploadPack,
    /// Writing.
    ReceivePack,
}

impl Service {
    /// The name in the protocol.
    pub fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }

    fn subcommand(self) -> &'static str {
        match self {
            Self::UploadPack => "upload-pack",
            Self::ReceivePack => "receive-pack",
        }
    }
}

/// A repository, and what it takes to talk to it.
#[derive(Debug, Clone)]
pub struct Remote {
    /// Where it is.
    pub url: RepoUrl,
    /// Who asks.
    pub credentials: Credentials,
    /// What one conversation may cost.
    pub limits: Limits,
    /// How its server is reached and recognised.
    pub transport: Transport,
    /// How often its server was asked, by all clones of this value.
    requests: Arc<AtomicU64>,
}

impl Remote {
    /// A repository whose server is reached as the machine is set up for.
    pub fn new(url: &RepoUrl, credentials: Credentials, limits: Limits) -> Self {
        let (transport, requests) = (Transport::default(), Arc::default());
        Self { url: url.clone(), credentials, limits, transport, requests }
    }

    /// The same with servers reached and recognised in another way.
    #[must_use]
    pub fn over(self, transport: &Transport) -> Self {
        Self { transport: transport.clone(), ..self }
    }

    /// How many requests went to its server so far: each of HTTP's, and each conversation of another kind.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Begins a conversation.
    pub fn connect(&self, service: Service) -> Result<Connection<'_>, GitError> {
        let deadline = Deadline::after(self.limits.deadline);
        let (wire, advertisement) = match self.url.scheme() {
            Scheme::Https | Scheme::Http => {
                let (wire, body) = HttpWire::open(self, service, deadline)?;
                let advertisement = Advertisement::read(&mut PacketReader::new(body), self.limits.refs_max);
                (Wire::Http(wire), advertisement)
            }
            Scheme::Ssh | Scheme::Git | Scheme::File => {
                self.count_request();
                let mut stream = StreamWire::open(self, service, deadline)?;
                let body = Bounded::new(&mut stream, self.limits.answer_bytes_max, deadline);
                let advertisement = Advertisement::read(&mut PacketReader::new(body), self.limits.refs_max);
                (Wire::Stream(stream), advertisement)
            }
        };
        let mut connection =
            Connection { remote: self, wire, deadline, advertisement: Advertisement::default() };
        connection.advertisement = advertisement.map_err(|it| connection.failed(&it))?;
        let formats: Vec<&str> = connection.advertisement.values("object-format").collect();
        if !formats.is_empty() && !formats.contains(&"sha1") {
            let what = format!("names its objects by {}, and only SHA-1 is supported", formats.join(", "));
            return Err(GitError::Unsupported { url: self.url.to_string(), what });
        }
        Ok(connection)
    }

    pub(crate) fn unreachable(&self, why: impl Into<String>) -> GitError {
        GitError::Unreachable { url: self.url.to_string(), why: why.into() }
    }
}

/// What a server says first: the version of the protocol, what it can, and (before version 2) its refs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Advertisement {
    /// 0, 1 or 2.
    pub version: u8,
    /// `name` or `name=value`, as the server wrote them.
    pub capabilities: Vec<String>,
    /// Ref names and object ids in the server's order; peeled tags follow their tag with `^{}` behind the name.
    pub refs: Vec<(String, String)>,
}

impl Advertisement {
    /// True when the server listed the capability, with or without a value.
    pub fn can(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    /// The values of a capability (`""` for one without), in the server's order.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.capabilities.iter().filter_map(move |it| {
            let (found, value) = it.split_once('=').unwrap_or((it, ""));
            (found == name).then_some(value)
        })
    }

    fn read<R: Read>(packets: &mut PacketReader<R>, refs_max: usize) -> io::Result<Self> {
        let mut found = Self::default();
        let mut line = next_line(packets)?;
        if line.as_deref().is_some_and(|it| it.starts_with("# service=")) {
            if packets.next_packet()? != Packet::Flush {
                return Err(packet::invalid("no flush after the service"));
            }
            line = next_line(packets)?;
        }
        if let Some(version) = line.as_deref().and_then(|it| it.strip_prefix("version ")) {
            found.version = version.parse().map_err(|_| packet::invalid("an unknown version"))?;
            line = next_line(packets)?;
        }
        while let Some(text) = line {
            found.take_line(&text)?;
            if found.refs.len() > refs_max {
                return Err(io::Error::other(TooManyRefs(refs_max)));
            }
            line = next_line(packets)?;
        }
        Ok(found)
    }

    fn take_line(&mut self, text: &str) -> io::Result<()> {
        if self.version == 2 {
            self.capabilities.push(text.into());
            return Ok(());
        }
        let (text, capabilities) = text.split_once('\0').unwrap_or((text, ""));
        self.capabilities.extend(capabilities.split_whitespace().map(Into::into));
        match text.split_once(' ') {
            // A server that is shallow itself says where its history ends; that is the server's affair.
            Some(("shallow", _)) => {}
            // The place where an empty repository puts its capabilities.
            Some((_, "capabilities^{}")) => {}
            Some((id, name)) => self.refs.push((name.into(), id.into())),
            None => return Err(packet::invalid("a line that is no ref")),
        }
        Ok(())
    }
}

/// More refs than the limit.
#[derive(Debug, thiserror::Error)]
#[error("more than {0} refs")]
pub(crate) struct TooManyRefs(pub(crate) usize);

/// The next line, or `None` at a flush; a line that begins with `ERR` is the server's refusal.
pub(crate) fn next_line<R: Read>(packets: &mut PacketReader<R>) -> io::Result<Option<String>> {
    let text = packets.next_packet()?.text();
    match text.as_deref().and_then(|it| it.strip_prefix("ERR ")) {
        Some(words) => Err(io::Error::other(ServerSays(words.into()))),
        None => Ok(text),
    }
}

enum Wire {
    Http(HttpWire),
    Stream(StreamWire),
}

/// One conversation with one service of one repository.
pub struct Connection<'a> {
    remote: &'a Remote,
    wire: Wire,
    deadline: Deadline,
    /// What the server said first.
    pub advertisement: Advertisement,
}

impl Connection<'_> {
    /// Sends one message and gives the frames of the answer.
    ///
    /// On a connection that stays open the reader must be read to the end of the answer before the next message.
    pub fn request(&mut self, message: Vec<u8>) -> Result<PacketReader<Box<dyn Read + Send + '_>>, GitError> {
        let sent = match &mut self.wire {
            Wire::Http(_) => Ok(()),
            Wire::Stream(stream) => stream.write_all(&message),
        };
        match sent {
            // It stopped listening, and may have said why before.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(self.failed(&error)),
            _ => {}
        }
        let body: Box<dyn Read + Send> = match &mut self.wire {
            Wire::Http(wire) => wire.request(self.remote, message)?,
            Wire::Stream(stream) => {
                Box::new(Bounded::new(stream, self.remote.limits.answer_bytes_max, self.deadline))
            }
        };
        Ok(PacketReader::new(body))
    }

    /// Says what an error while reading means, with what the program at the other end said last.
    pub fn failed(&mut self, error: &io::Error) -> GitError {
        let words = match &mut self.wire {
            Wire::Http(_) => String::new(),
            Wire::Stream(stream) => stream.words(),
        };
        explain(self.remote, error, &words)
    }
}

/// Turns an error of reading or writing into who can mend it.
fn explain(remote: &Remote, error: &io::Error, words: &str) -> GitError {
    let url = remote.url.to_string();
    let inner = error.get_ref().map(|it| it as &(dyn std::error::Error + 'static));
    if let Some(OverLimit(limit)) = inner.and_then(|it| it.downcast_ref()) {
        return GitError::TooLarge { what: "an answer", url, limit: *limit };
    }
    if let Some(TooManyRefs(limit)) = inner.and_then(|it| it.downcast_ref()) {
        return GitError::TooLarge { what: "the number of refs", url, limit: *limit as u64 };
    }
    let said = match inner.and_then(|it| it.downcast_ref()) {
        Some(ServerSays(said)) => said.as_str(),
        None => words,
    };
    match (error.kind(), refusal::explain(&url, said)) {
        (io::ErrorKind::TimedOut, _) => GitError::Unreachable { url, why: "no answer in time".into() },
        (_, Some(refused)) => refused,
        (io::ErrorKind::InvalidData, None) => GitError::Protocol { url, why: error.to_string() },
        (io::ErrorKind::UnexpectedEof, None) => {
            GitError::Unreachable { url, why: "it closed the connection in the middle of its answer".into() }
        }
        _ => GitError::Unreachable { url, why: error.to_string() },
    }
}

/// The server's own words, if the error is its refusal.
pub(crate) fn server_says(error: &io::Error) -> Option<&str> {
    let says: &ServerSays = error.get_ref()?.downcast_ref()?;
    Some(&says.0)
}

/// Reads a full object id; anything else is no protocol.
pub(crate) fn commit_id(text: &str) -> io::Result<CommitId> {
    text.parse().map_err(|_| packet::invalid(format!("`{text}` where an object id belongs")))
}
