//! Moves refs on the server: compare-and-swap on each, all or none where the server can.
//!
//! Decides from the server's report what happened, and from its refs when there is no report. Source:
//! gitprotocol-pack(5), "Pushing Data To a Server".

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::Bound;

use promoter_core::CommitId;
use promoter_sources::git::GitError;
use promoter_sources::git::wire::packet::{PacketReader, Sideband, write_data, write_flush};
use promoter_sources::git::wire::{AGENT, Advertisement, Connection, Service};

use super::{Draft, PushError, pack};

const NOTHING: &str = "0000000000000000000000000000000000000000";

/// One ref to be moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefUpdate {
    /// Full name (`refs/heads/…`, `refs/notes/…`).
    pub name: String,
    /// What it must be now; `None` when it must not exist.
    pub expect: Option<CommitId>,
    /// What it is to be.
    pub to: CommitId,
}

/// How a push that succeeded was confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// By the server's report.
    Reported,
    /// The answer was lost; the refs were asked for and are where they should be.
    Found,
}

/// What the server says about one push.
#[derive(Debug, Default)]
struct Report {
    unpack: String,
    refused: Vec<(String, String)>,
    remarks: String,
}

impl Draft {
    /// Sends all objects of the draft and moves the refs.
    ///
    /// An error other than [`PushError::AnswerLost`] means that nothing was moved when we looked, if the server is able to
    /// move refs together (git's own is, and so are the large hosts); on one that is not, some of several refs may have
    /// moved. A server with which the connection broke may still finish. So the caller looks again in any case.
    pub fn push(self, updates: &[RefUpdate]) -> Result<Pushed, PushError> {
        self.send(updates, false)
    }

    /// The same, on a server that moves all refs or none; [`PushError::Apart`] on any other, before anything is sent.
    pub fn push_together(self, updates: &[RefUpdate]) -> Result<Pushed, PushError> {
        self.send(updates, true)
    }

    fn send(self, updates: &[RefUpdate], only_together: bool) -> Result<Pushed, PushError> {
        let remote = self.cache.remote().clone();
        let url = remote.url.to_string();
        let mut connection = remote.connect(Service::ReceivePack)?;
        if only_together && !connection.advertisement.can("atomic") {
            return Err(PushError::Apart { url });
        }
        check_expectations(&connection.advertisement, updates, &url)?;
        let broken =
            |it: io::Error| PushError::Git(GitError::Unreachable { url: url.clone(), why: it.to_string() });
        let mut message = commands(&connection.advertisement, updates);
        let pack = pack::write(&self.made).map_err(broken)?;
        message.extend_from_slice(&pack);
        let answer = exchange(&mut connection, message);
        drop(connection);
        let pushed = match answer {
            Ok(report) => self.judge(&report, updates, &url).map(|()| Pushed::Reported),
            // A refusal by status came before the server did anything.
            Err(error) if came_before(&error) => Err(error.into()),
            Err(error) => self.find_out(&error, updates, &url).map(|()| Pushed::Found),
        }?;
        self.keep(updates, &pack);
        Ok(pushed)
    }

    fn judge(&self, report: &Report, updates: &[RefUpdate], url: &str) -> Result<(), PushError> {
        if report.unpack != "ok" {
            let why = with_remarks(&report.unpack, &report.remarks);
            if let Some(first) = updates.first().filter(|_| why.contains("exceeds maximum allowed size")) {
                let why = format!("it could not unpack the objects: {why}");
                let refused = updates.iter().map(|it| it.name.clone()).collect();
                return Err(PushError::Rejected { url: url.into(), name: first.name.clone(), why, refused });
            }
            return Err(PushError::NotUnpacked { url: url.into(), why });
        }
        let Some((name, why)) = report.refused.iter().find(|(_, why)| !is_race(why)) else {
            let Some((name, why)) = report.refused.first() else {
                return Ok(());
            };
            // Somebody else was faster, or holds a lock at this moment.
            self.look_for_stale(updates, url)?;
            let why = format!("`{name}`: {}", with_remarks(why, &report.remarks));
            return Err(PushError::Git(GitError::Unreachable { url: url.into(), why }));
        };
        let refused = report.refused.iter().filter(|(_, why)| !is_race(why)).map(|(name, _)| name.clone());
        Err(PushError::Rejected {
            url: url.into(),
            name: name.clone(),
            why: with_remarks(why, &report.remarks),
            refused: refused.collect(),
        })
    }

    /// After a lost answer: the refs tell whether the push was done.
    fn find_out(&self, lost: &GitError, updates: &[RefUpdate], url: &str) -> Result<(), PushError> {
        let unknown = || PushError::AnswerLost { url: url.into(), why: lost.to_string() };
        let names: Vec<&str> = updates.iter().map(|it| it.name.as_str()).collect();
        let refs = self.cache.ls_refs(&names).map_err(|_| unknown())?;
        if updates.iter().all(|it| refs.tips.get(&it.name) == Some(&it.to)) {
            return Ok(());
        }
        if updates.iter().all(|it| refs.tips.get(&it.name) == it.expect.as_ref()) {
            return Err(PushError::Git(lost.clone()));
        }
        Err(unknown())
    }

    fn look_for_stale(&self, updates: &[RefUpdate], url: &str) -> Result<(), PushError> {
        let names: Vec<&str> = updates.iter().map(|it| it.name.as_str()).collect();
        let refs = self.cache.ls_refs(&names)?;
        for update in updates {
            stale_unless(update, refs.tips.get(&update.name), url)?;
        }
        Ok(())
    }

    /// Puts the pushed objects into the cache, so that the next reading need not fetch them.
    fn keep(&self, updates: &[RefUpdate], pack: &[u8]) {
        let commits: Vec<CommitId> = updates.iter().map(|it| it.to.clone()).collect();
        if let Err(error) = self.cache.keep(&commits, &self.made, pack) {
            // They are on the server, and are fetched from there when needed.
            tracing::warn!(%error, "pushed objects were not kept in the cache");
        }
    }
}

/// True for a refusal that came before the server looked at what was sent.
fn came_before(error: &GitError) -> bool {
    matches!(
        error,
        GitError::Denied { .. }
            | GitError::NoRepository { .. }
            | GitError::ClearText { .. }
            | GitError::Certificate { .. }
            | GitError::Proxy { .. }
            | GitError::Later { .. }
    )
}

fn stale_unless(update: &RefUpdate, found: Option<&CommitId>, url: &str) -> Result<(), PushError> {
    if found == update.expect.as_ref() {
        return Ok(());
    }
    Err(PushError::Stale {
        url: url.into(),
        name: update.name.clone(),
        expected: update.expect.clone(),
        found: found.cloned(),
    })
}

/// Compares with what the server lists, before anything is sent.
fn check_expectations(server: &Advertisement, updates: &[RefUpdate], url: &str) -> Result<(), PushError> {
    let there: BTreeMap<&str, &str> = server.refs.iter().map(|(name, id)| (&**name, &**id)).collect();
    let mut clashes = Vec::new();
    for update in updates {
        let found = there.get(&*update.name).and_then(|id| id.parse().ok());
        stale_unless(update, found.as_ref(), url)?;
        if let Some(other) = in_the_way(&there, &update.name).filter(|_| update.expect.is_none()) {
            clashes.push((&update.name, other));
        }
    }
    let Some((name, other)) = clashes.first() else {
        return Ok(());
    };
    Err(PushError::Rejected {
        url: url.into(),
        name: (*name).clone(),
        why: format!("`{other}` is there, and git has no ref below another one"),
        refused: clashes.iter().map(|(name, _)| (*name).clone()).collect(),
    })
}

/// The ref that keeps git from making a new one of this name.
fn in_the_way<'a>(there: &BTreeMap<&'a str, &str>, name: &str) -> Option<&'a str> {
    let below = format!("{name}/");
    let first_below = there
        .range::<str, _>((Bound::Included(&*below), Bound::Unbounded))
        .next()
        .filter(|(it, _)| it.starts_with(&below));
    let mut above = name.match_indices('/').map(|(end, _)| &name[..end]);
    let first_above = || above.find_map(|it| there.get_key_value(it));
    first_below.or_else(first_above).map(|(it, _)| *it)
}

/// Sends the message and reads the report.
fn exchange(connection: &mut Connection<'_>, message: Vec<u8>) -> Result<Report, GitError> {
    let banded = connection.advertisement.can("side-band-64k");
    let mut answer = connection.request(message)?;
    let report = if banded { read_banded(&mut answer) } else { read_report(&mut answer) };
    drop(answer);
    report.map_err(|it| connection.failed(&it))
}

fn commands(server: &Advertisement, updates: &[RefUpdate]) -> Vec<u8> {
    const WANTED: &[&str] = &["report-status", "side-band-64k", "atomic"];
    let mut features: Vec<String> =
        WANTED.iter().filter(|it| server.can(it)).map(|it| (*it).into()).collect();
    if server.can("object-format") {
        features.push("object-format=sha1".into());
    }
    features.push(format!("agent={AGENT}"));
    let mut message = Vec::new();
    for (place, update) in updates.iter().enumerate() {
        let old = update.expect.as_ref().map_or(NOTHING, CommitId::as_str);
        let features = if place == 0 { format!("\0 {}", features.join(" ")) } else { String::new() };
        write_data(&mut message, format!("{old} {} {}{features}", update.to, update.name).as_bytes());
    }
    write_flush(&mut message);
    message
}

fn read_banded<R: Read>(answer: &mut PacketReader<R>) -> io::Result<Report> {
    let mut band = Sideband::new(answer);
    let mut bytes = Vec::new();
    band.read_to_end(&mut bytes)?;
    let mut report = read_report(&mut PacketReader::new(bytes.as_slice()))?;
    report.remarks = band.remarks();
    Ok(report)
}

/// `unpack ok`, then `ok <ref>` or `ng <ref> <why>` for each.
fn read_report<R: Read>(packets: &mut PacketReader<R>) -> io::Result<Report> {
    let mut report = Report::default();
    while let Some(line) = packets.next_packet()?.text() {
        if let Some(result) = line.strip_prefix("unpack ") {
            report.unpack = result.into();
        } else if let Some(refused) = line.strip_prefix("ng ") {
            let (name, why) = refused.split_once(' ').unwrap_or((refused, "no reason given"));
            report.refused.push((name.into(), why.into()));
        } else if let Some(words) = line.strip_prefix("ERR ") {
            return Err(io::Error::other(words.to_owned()));
        }
    }
    Ok(report)
}

/// The words of git and of the large hosts for "somebody else was faster".
fn is_race(why: &str) -> bool {
    const RACES: &[&str] = &[
        "fetch first",
        "stale info",
        "failed to update ref",
        "failed to lock",
        "cannot lock ref",
        "incorrect old value",
        "reference already exists",
        "already exists",
        "transaction failed",
        "atomic push failed",
        "atomic push failure",
    ];
    RACES.iter().any(|it| why.contains(it))
}

/// The reason, with what hooks said, on one line.
fn with_remarks(why: &str, remarks: &str) -> String {
    let words: Vec<&str> = remarks.lines().map(str::trim).filter(|it| !it.is_empty()).collect();
    if words.is_empty() { why.into() } else { format!("{why} ({})", words.join("; ")) }
}
