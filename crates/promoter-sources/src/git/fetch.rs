//! The question to a server that is read: give me these commits.
//!
//! Decides how it is put in protocol version 2 and, for servers without it, in version 0. One round: what we
//! have is offered at once and followed by `done`. Files are left out on servers of version 2 that can, because only there
//! they can be asked for by their ids later. Source: gitprotocol-v2(5), gitprotocol-pack(5), git-rev-list(1) "--filter".

use std::collections::BTreeSet;
use std::io::{self, Read};

use gix::ObjectId;
use promoter_core::CommitId;

use super::GitError;
use super::generation::Known;
use super::wire::packet::{Packet, PacketReader, Sideband, write_data, write_delimiter, write_flush};
use super::wire::{AGENT, Advertisement, Connection, Remote, Service, commit_id, next_line, server_says};

/// The beginning of a command of protocol version 2.
pub(super) fn command(advertisement: &Advertisement, name: &str) -> Vec<u8> {
    let mut message = Vec::new();
    write_data(&mut message, format!("command={name}\n").as_bytes());
    write_data(&mut message, format!("agent={AGENT}\n").as_bytes());
    if advertisement.can("object-format") {
        write_data(&mut message, b"object-format=sha1\n");
    }
    write_delimiter(&mut message);
    message
}

/// What is wanted and what is here already.
#[derive(Debug, Clone, Default)]
pub(super) struct Want {
    /// The commits to fetch.
    pub(super) commits: Vec<CommitId>,
    /// How much of their history: 1 for the commits alone, `None` for all of it.
    pub(super) depth: Option<u32>,
    /// What is here.
    pub(super) known: Known,
    /// Which files are left out, if the server can. `Some` says too that files of the commits in `known` may not be here.
    pub(super) without: Option<Filter>,
    /// True when nothing is to be asked of a server that cannot leave files out.
    pub(super) must_filter: bool,
    /// Beyond so many bytes the rest of the answer is not taken, if the server could leave files out.
    pub(super) budget: Option<u64>,
}

/// Which files are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    /// Those that are hardly manifests: larger than 128 KiB.
    LargeFiles,
    /// All of them.
    Files,
    /// All of them, and all directories.
    Directories,
}

impl Filter {
    fn words(self) -> &'static str {
        match self {
            Self::LargeFiles => "blob:limit=131072",
            Self::Files => "blob:none",
            Self::Directories => "tree:0",
        }
    }
}

/// What came of a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// The pack was taken; the ends of our histories move so.
    Taken(Moved),
    /// It was more than the budget, and nothing was taken.
    OverBudget,
    /// The server cannot leave files out, as was asked for; nothing was taken.
    CannotFilter,
}

/// How the ends of our histories move with a fetch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Moved {
    /// Commits whose parents did not come with them.
    pub(super) cut: BTreeSet<CommitId>,
    /// Commits that were ends before, whose parents came now.
    pub(super) uncut: BTreeSet<CommitId>,
}

/// Fetches commits, handing the pack to `take_pack`. Says how the ends of our histories move.
pub(super) fn fetch(
    remote: &Remote,
    want: &Want,
    take_pack: impl FnOnce(&mut dyn Read) -> Result<(), GitError>,
) -> Result<Answer, GitError> {
    let mut connection = remote.connect(Service::UploadPack)?;
    if want.must_filter && !can_filter(&connection.advertisement) {
        return Ok(Answer::CannotFilter);
    }
    let version = connection.advertisement.version;
    let message = match version {
        2 => message_v2(&connection.advertisement, want),
        _ => message_v0(&connection.advertisement, want),
    };
    let expect_boundaries = version < 2 && depth_words(&connection.advertisement, want).is_some();
    let budget = want.budget.filter(|_| can_filter(&connection.advertisement));
    let mut answer = connection.request(message)?;
    let head = match version {
        2 => head_v2(&mut answer),
        _ => head_v0(&mut answer, expect_boundaries),
    };
    let received = head.and_then(|moved| Ok((moved, receive(&mut answer, budget, take_pack)?)));
    drop(answer);
    match received {
        Ok((moved, Received::Taken(taken))) => taken.map(|()| Answer::Taken(moved)),
        Ok((_, Received::OverBudget)) => Ok(Answer::OverBudget),
        // Some servers leave files out, and not directories.
        Err(error) if want.must_filter && server_says(&error).is_some_and(|it| it.contains("filter")) => {
            Ok(Answer::CannotFilter)
        }
        Err(error) => Err(refused(&mut connection, remote, &want.commits, &error)),
    }
}

/// Fetches files (or whatever else the ids name) that were left out of a commit. Of a directory comes what is below it
/// too, but for files, unless `alone`. `NoCommit` when the server does not give them by their ids.
pub(super) fn fetch_files(
    remote: &Remote,
    commit: &CommitId,
    files: &[ObjectId],
    alone: bool,
    take_pack: impl FnOnce(&mut dyn Read) -> Result<(), GitError>,
) -> Result<(), GitError> {
    let mut connection = remote.connect(Service::UploadPack)?;
    if !can_filter(&connection.advertisement) {
        let answer = "it does not give single files any more".into();
        return Err(GitError::NoCommit { commit: commit.clone(), url: remote.url.to_string(), answer });
    }
    let mut message = command(&connection.advertisement, "fetch");
    // What is named is sent whatever the filter says.
    let filter = if alone { "filter tree:0\n" } else { "filter blob:none\n" };
    for line in ["no-progress\n", "ofs-delta\n", filter] {
        write_data(&mut message, line.as_bytes());
    }
    for file in files {
        write_data(&mut message, format!("want {file}\n").as_bytes());
    }
    write_data(&mut message, b"done\n");
    write_flush(&mut message);
    let mut answer = connection.request(message)?;
    let received = head_v2(&mut answer).and_then(|_| receive(&mut answer, None, take_pack));
    drop(answer);
    match received {
        Ok(Received::Taken(taken)) => taken,
        Ok(Received::OverBudget) => Ok(()),
        Err(error) => Err(refused(&mut connection, remote, std::slice::from_ref(commit), &error)),
    }
}

/// How an answer ended that the connection did not break.
enum Received {
    /// With what became of the pack.
    Taken(Result<(), GitError>),
    OverBudget,
}

/// Hands the pack over. The error is the connection's.
fn receive<R: Read>(
    answer: &mut PacketReader<R>,
    budget: Option<u64>,
    take_pack: impl FnOnce(&mut dyn Read) -> Result<(), GitError>,
) -> io::Result<Received> {
    let mut ended = None;
    let mut reader = Sideband::new(answer);
    let mut reader = Watched { inner: &mut reader, left: budget.unwrap_or(u64::MAX), ended: &mut ended };
    let taken = take_pack(&mut reader);
    if taken.is_ok() {
        // An answer that was read to its end leaves a connection that can be used again.
        let _ = io::copy(&mut reader, &mut io::sink());
    }
    match ended {
        None => Ok(Received::Taken(taken)),
        Some(Ended::OverBudget) => Ok(Received::OverBudget),
        Some(Ended::Broken(error)) => Err(error),
    }
}

fn can_filter(advertisement: &Advertisement) -> bool {
    advertisement.version == 2
        && advertisement.values("fetch").any(|it| it.split(' ').any(|it| it == "filter"))
}

/// A refusal to give a commit by its id says so; everything else is explained as usual.
fn refused(
    connection: &mut Connection<'_>,
    remote: &Remote,
    commits: &[CommitId],
    error: &io::Error,
) -> GitError {
    const NOT_HERE: &[&str] =
        &["not our ref", "unadvertised object", "no such remote ref", "missing object", "bad object"];
    let said = server_says(error).map(ToOwned::to_owned);
    let Some(answer) = said.filter(|words| NOT_HERE.iter().any(|it| words.contains(it))) else {
        return connection.failed(error);
    };
    let named = commits.iter().find(|it| answer.contains(it.as_str()));
    match named.or(commits.first()) {
        Some(commit) => GitError::NoCommit { commit: commit.clone(), url: remote.url.to_string(), answer },
        None => connection.failed(error),
    }
}

fn message_v2(advertisement: &Advertisement, want: &Want) -> Vec<u8> {
    let mut message = command(advertisement, "fetch");
    for line in ["thin-pack\n", "no-progress\n", "ofs-delta\n"] {
        write_data(&mut message, line.as_bytes());
    }
    for commit in &want.commits {
        write_data(&mut message, format!("want {commit}\n").as_bytes());
    }
    if let Some(words) = depth_words(advertisement, want) {
        message.extend_from_slice(&words);
    }
    if let Some(filter) = want.without.filter(|_| can_filter(advertisement)) {
        write_data(&mut message, format!("filter {}\n", filter.words()).as_bytes());
    }
    for commit in haves(advertisement, want) {
        write_data(&mut message, format!("have {commit}\n").as_bytes());
    }
    write_data(&mut message, b"done\n");
    write_flush(&mut message);
    message
}

/// What is offered as present. A server that leaves nothing out must not count on files that are not here.
fn haves<'a>(advertisement: &Advertisement, want: &'a Want) -> &'a [CommitId] {
    if want.without.is_some() && !can_filter(advertisement) { &[] } else { &want.known.haves }
}

fn message_v0(advertisement: &Advertisement, want: &Want) -> Vec<u8> {
    const WANTED: &[&str] = &["side-band-64k", "thin-pack", "ofs-delta", "no-progress", "shallow"];
    let mut features: Vec<String> =
        WANTED.iter().filter(|it| advertisement.can(it)).map(|it| (*it).to_owned()).collect();
    features.push(format!("agent={AGENT}"));
    let mut message = Vec::new();
    for (place, commit) in want.commits.iter().enumerate() {
        let features = if place == 0 { format!(" {}", features.join(" ")) } else { String::new() };
        write_data(&mut message, format!("want {commit}{features}\n").as_bytes());
    }
    if let Some(words) = depth_words(advertisement, want) {
        message.extend_from_slice(&words);
    }
    write_flush(&mut message);
    for commit in haves(advertisement, want) {
        write_data(&mut message, format!("have {commit}\n").as_bytes());
    }
    write_data(&mut message, b"done\n");
    message
}

/// The lines that say where our history ends and how much is wanted; `None` when there is nothing to say, or the
/// server cannot cut histories (it then sends all of it, which is right, only slow).
fn depth_words(advertisement: &Advertisement, want: &Want) -> Option<Vec<u8>> {
    let cuts = match advertisement.version {
        2 => advertisement.values("fetch").any(|it| it.split(' ').any(|it| it == "shallow")),
        _ => advertisement.can("shallow"),
    };
    if !cuts || (want.known.boundaries.is_empty() && want.depth.is_none()) {
        return None;
    }
    let mut words = Vec::new();
    for commit in &want.known.boundaries {
        write_data(&mut words, format!("shallow {commit}\n").as_bytes());
    }
    // The largest depth means all of the history, and lifts boundaries, which leaving the line out would not.
    write_data(&mut words, format!("deepen {}\n", want.depth.unwrap_or(i32::MAX as u32)).as_bytes());
    Some(words)
}

fn head_v2<R: Read>(answer: &mut PacketReader<R>) -> io::Result<Moved> {
    let mut moved = Moved::default();
    loop {
        match next_line(answer)?.as_deref() {
            Some("packfile") => return Ok(moved),
            Some("shallow-info") => read_boundaries(answer, &mut moved)?,
            Some(_) => while !matches!(answer.next_packet()?, Packet::Delimiter) {},
            None => return Err(super::wire::packet::invalid("an answer without a pack")),
        }
    }
}

fn head_v0<R: Read>(answer: &mut PacketReader<R>, expect_boundaries: bool) -> io::Result<Moved> {
    let mut moved = Moved::default();
    if expect_boundaries {
        read_boundaries(answer, &mut moved)?;
    }
    loop {
        match answer.peek()?.text() {
            Some(text) if text == "NAK" || text.starts_with("ACK ") => answer.next_packet()?,
            Some(text) if text.starts_with("ERR ") => {
                next_line(answer)?;
                return Err(super::wire::packet::invalid("a refusal without words"));
            }
            _ => return Ok(moved),
        };
    }
}

/// Lines `shallow <id>` and `unshallow <id>` to the end of their section.
fn read_boundaries<R: Read>(answer: &mut PacketReader<R>, moved: &mut Moved) -> io::Result<()> {
    while let Some(line) = next_line(answer)? {
        if let Some(id) = line.strip_prefix("shallow ") {
            moved.cut.insert(commit_id(id)?);
        }
        if let Some(id) = line.strip_prefix("unshallow ") {
            moved.uncut.insert(commit_id(id)?);
        }
    }
    Ok(())
}

/// Why the pack was not read to its end.
enum Ended {
    Broken(io::Error),
    OverBudget,
}

/// Counts bytes, and keeps the error of the reader below, which the reader of packs above would hide behind its own.
struct Watched<'a> {
    inner: &'a mut dyn Read,
    left: u64,
    ended: &'a mut Option<Ended>,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let taken = self.inner.read(buffer).map_err(|error| {
            let shown = io::Error::new(error.kind(), error.to_string());
            *self.ended = Some(Ended::Broken(error));
            shown
        })?;
        match self.left.checked_sub(taken as u64) {
            Some(left) => self.left = left,
            None => {
                *self.ended = Some(Ended::OverBudget);
                return Err(io::Error::other("more than the budget"));
            }
        }
        Ok(taken)
    }
}
