//! The question to a server that is read: what are your refs?
//!
//! Decides how it is put in protocol version 2 and, for servers without it, how version 0's list is taken. Source:
//! gitprotocol-v2(5) "ls-refs".

use std::io::{self, Read};

use super::fetch::command;
use super::wire::packet::{PacketReader, write_data, write_flush};
use super::wire::{Advertisement, Remote, Service, TooManyRefs, commit_id, next_line};
use super::{GitError, RemoteRefs};

/// Asks for the refs whose full names begin with one of the prefixes, and for `HEAD`.
pub(super) fn ls_refs(remote: &Remote, prefixes: &[&str]) -> Result<RemoteRefs, GitError> {
    let mut connection = remote.connect(Service::UploadPack)?;
    let mut found = RemoteRefs::default();
    if connection.advertisement.version < 2 {
        return read_advertised(&connection.advertisement, prefixes).map_err(|it| connection.failed(&it));
    }
    let mut message = command(&connection.advertisement, "ls-refs");
    write_data(&mut message, b"symrefs\n");
    write_data(&mut message, b"peel\n");
    if connection.advertisement.values("ls-refs").any(|it| it.split(' ').any(|it| it == "unborn")) {
        write_data(&mut message, b"unborn\n");
    }
    for prefix in prefixes.iter().chain(&["HEAD"]) {
        write_data(&mut message, format!("ref-prefix {prefix}\n").as_bytes());
    }
    write_flush(&mut message);
    let mut answer = connection.request(message)?;
    let read = read_refs(&mut answer, &mut found, remote.limits.refs_max);
    drop(answer);
    read.map_err(|it| connection.failed(&it))?;
    keep_prefixes(&mut found, prefixes);
    Ok(found)
}

/// Lines like `<id> refs/tags/v1 peeled:<id>`, `<id> HEAD symref-target:refs/heads/main`, `unborn HEAD symref-target:…`.
fn read_refs<R: Read>(
    answer: &mut PacketReader<R>,
    found: &mut RemoteRefs,
    refs_max: usize,
) -> io::Result<()> {
    while let Some(line) = next_line(answer)? {
        let mut words = line.split(' ');
        let (Some(id), Some(name)) = (words.next(), words.next()) else {
            return Err(super::wire::packet::invalid("a line that is no ref"));
        };
        let mut tip = id;
        for word in words {
            if let Some(peeled) = word.strip_prefix("peeled:") {
                found.tag_objects.insert(name.into(), commit_id(id)?);
                tip = peeled;
            }
            if let (Some(target), "HEAD") = (word.strip_prefix("symref-target:"), name) {
                found.default_branch = Some(target.into());
            }
        }
        if tip != "unborn" {
            found.tips.insert(name.into(), commit_id(tip)?);
        }
        if found.tips.len() > refs_max {
            return Err(io::Error::other(TooManyRefs(refs_max)));
        }
    }
    Ok(())
}

/// Servers may list more than what was asked for.
fn keep_prefixes(found: &mut RemoteRefs, prefixes: &[&str]) {
    let kept = |name: &str| name == "HEAD" || prefixes.iter().any(|it| name.starts_with(it));
    found.tips.retain(|name, _| kept(name));
    found.tag_objects.retain(|name, _| kept(name));
}

fn read_advertised(advertisement: &Advertisement, prefixes: &[&str]) -> io::Result<RemoteRefs> {
    let mut found = RemoteRefs::default();
    for (name, id) in &advertisement.refs {
        // The peeled line comes after its tag and takes its place.
        let Some(tag) = name.strip_suffix("^{}") else {
            found.tips.insert(name.clone(), commit_id(id)?);
            continue;
        };
        if let Some(object) = found.tips.insert(tag.into(), commit_id(id)?) {
            found.tag_objects.insert(tag.into(), object);
        }
    }
    found.default_branch =
        advertisement.values("symref").find_map(|it| it.strip_prefix("HEAD:")).map(ToOwned::to_owned);
    keep_prefixes(&mut found, prefixes);
    Ok(found)
}
