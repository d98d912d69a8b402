//! Reads a tar as it is written to it, and keeps its files in memory.
//!
//! Knows USTAR, PAX names and GNU long names, as Go and GNU tar write them. Leaves gzip and checksum to `archive`.

use std::borrow::Cow;
use std::io;

use promoter_kustomize::normalise;
use tar::{EntryType, Header, PaxExtensions};

use super::archive::{ArchiveError, ArchiveLimits, Tree};

const BLOCK_BYTES: usize = 512;
/// Bytes of a PAX record or long name, far above what any file system can hold.
const NAME_RECORD_BYTES_MAX: u64 = 64 << 10;
const NAME_BYTES_MAX: usize = 4096;
const DEPTH_MAX: usize = 256;
/// Room that is made for a file before its bytes come, whatever its header promises.
const RESERVED_BYTES_MAX: u64 = 1 << 20;

/// A tar on its way in.
#[derive(Debug)]
pub(super) struct Untar {
    limits: ArchiveLimits,
    keep_git: bool,
    state: State,
    /// The part of a header that has come.
    header: Vec<u8>,
    /// What extension headers say about the next entry.
    names: Names,
    inflated_bytes: u64,
    entries: usize,
    files: usize,
    tree: Tree,
    /// Why the last write failed.
    pub(super) failed: Option<ArchiveError>,
}

/// What the next bytes are.
#[derive(Debug)]
enum State {
    Header,
    Body { purpose: Purpose, bytes: Vec<u8>, missing: u64, padding: u64 },
    Skip(u64),
    End,
}

/// What a body is for.
#[derive(Debug)]
enum Purpose {
    File { path: String },
    GitObject { path: String },
    Pax,
    LongName,
    LongLink,
}

#[derive(Debug, Default)]
struct Names {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
}

impl io::Write for Untar {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = self.step(rest).map_err(|error| {
                self.failed = Some(error);
                io::ErrorKind::InvalidData
            })?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Untar {
    pub(super) fn new(limits: ArchiveLimits, keep_git: bool) -> Self {
        Self {
            limits,
            keep_git,
            state: State::Header,
            header: Vec::new(),
            names: Names::default(),
            inflated_bytes: 0,
            entries: 0,
            files: 0,
            tree: Tree::default(),
            failed: None,
        }
    }

    /// The tree, if the tar is whole. A tar without its closing blocks is taken, as by Go and GNU tar.
    pub(super) fn finish(self) -> Result<Tree, ArchiveError> {
        match self.state {
            State::End => {}
            State::Header if self.header.is_empty() => {}
            _ => return Err(ArchiveError::Tar("it ends in the middle of an entry")),
        }
        if self.files == 0 {
            return Err(ArchiveError::Empty);
        }
        Ok(self.tree)
    }

    /// Takes bytes up to the next border and returns the rest.
    fn step<'a>(&mut self, input: &'a [u8]) -> Result<&'a [u8], ArchiveError> {
        let wanted = match &self.state {
            State::Header => (BLOCK_BYTES - self.header.len()) as u64,
            State::Body { missing, .. } | State::Skip(missing) => *missing,
            State::End => input.len() as u64,
        };
        let (taken, rest) = input.split_at(input.len().min(usize::try_from(wanted).unwrap_or(usize::MAX)));
        self.inflated_bytes += taken.len() as u64;
        if self.inflated_bytes > self.limits.inflated_bytes_max {
            return Err(ArchiveError::TooLarge(self.limits.inflated_bytes_max));
        }
        match &mut self.state {
            State::End => {}
            State::Skip(missing) => {
                *missing -= taken.len() as u64;
                if *missing == 0 {
                    self.state = State::Header;
                }
            }
            State::Body { bytes, missing, .. } => {
                bytes.extend_from_slice(taken);
                *missing -= taken.len() as u64;
                if *missing == 0 {
                    self.end_body()?;
                }
            }
            State::Header => {
                self.header.extend_from_slice(taken);
                if self.header.len() == BLOCK_BYTES {
                    let header = std::mem::take(&mut self.header);
                    self.begin_entry(&header)?;
                }
            }
        }
        Ok(rest)
    }

    fn begin_entry(&mut self, block: &[u8]) -> Result<(), ArchiveError> {
        if block.iter().all(|it| *it == 0) {
            self.state = State::End;
            return Ok(());
        }
        let header = Header::from_byte_slice(block);
        check_sum(block, header)?;
        let written = header.entry_size().map_err(|_| ArchiveError::Tar("an entry has no size"))?;
        let size = self.names.size.unwrap_or(written);
        let purpose = match header.entry_type() {
            EntryType::XHeader => Some(Purpose::Pax),
            EntryType::GNULongName => Some(Purpose::LongName),
            EntryType::GNULongLink => Some(Purpose::LongLink),
            EntryType::XGlobalHeader => None,
            kind => {
                let names = std::mem::take(&mut self.names);
                self.entries += 1;
                if self.entries > self.limits.entries_max {
                    return Err(ArchiveError::TooMany(self.limits.entries_max));
                }
                self.begin_named(kind, header, names)?
            }
        };
        self.begin_body(purpose, size)
    }

    /// What the body of a named entry is for; `None` when nobody reads it.
    fn begin_named(
        &mut self,
        kind: EntryType,
        header: &Header,
        names: Names,
    ) -> Result<Option<Purpose>, ArchiveError> {
        let path = tree_path(&names.path.unwrap_or_else(|| header.path_bytes().into_owned()))?;
        if path == ".git" || path.starts_with(".git/") {
            return Ok(self.begin_git(kind, path));
        }
        match kind {
            EntryType::Regular | EntryType::Continuous => {
                self.files += 1;
                return Ok(Some(Purpose::File { path }));
            }
            EntryType::Directory => {
                self.tree.files.insert_directory(&path).map_err(ArchiveError::Contradiction)?;
            }
            EntryType::Symlink => {
                let target = names.link.or_else(|| header.link_name_bytes().map(Cow::into_owned));
                let target = String::from_utf8_lossy(&target.unwrap_or_default()).into_owned();
                self.tree.files.insert_link(&path, &target).map_err(ArchiveError::Contradiction)?;
            }
            EntryType::Link => return Err(ArchiveError::Kind(path, "a hard link")),
            EntryType::Fifo => return Err(ArchiveError::Kind(path, "a pipe")),
            EntryType::Char | EntryType::Block => return Err(ArchiveError::Kind(path, "a device")),
            _ => return Err(ArchiveError::Kind(path, "of a kind that the plugin does not know")),
        }
        Ok(None)
    }

    /// Of `.git` only the objects can matter to a render; the rest (index, logs, hooks, config) is never kept.
    fn begin_git(&mut self, kind: EntryType, path: String) -> Option<Purpose> {
        let wanted = self.keep_git && kind == EntryType::Regular && path.starts_with(".git/objects/");
        wanted.then_some(Purpose::GitObject { path })
    }

    fn begin_body(&mut self, purpose: Option<Purpose>, size: u64) -> Result<(), ArchiveError> {
        if size > self.limits.inflated_bytes_max {
            return Err(ArchiveError::TooLarge(self.limits.inflated_bytes_max));
        }
        let padding = size.next_multiple_of(BLOCK_BYTES as u64) - size;
        self.state = match purpose {
            None if size == 0 => State::Header,
            None => State::Skip(size + padding),
            Some(Purpose::Pax | Purpose::LongName | Purpose::LongLink) if size > NAME_RECORD_BYTES_MAX => {
                return Err(ArchiveError::Tar("a name record is too long"));
            }
            Some(purpose) => {
                let reserved = usize::try_from(size.min(RESERVED_BYTES_MAX)).unwrap_or(0);
                State::Body { purpose, bytes: Vec::with_capacity(reserved), missing: size, padding }
            }
        };
        if size == 0 { self.end_body() } else { Ok(()) }
    }

    fn end_body(&mut self) -> Result<(), ArchiveError> {
        let State::Body { purpose, bytes, padding, .. } = std::mem::replace(&mut self.state, State::Header)
        else {
            return Ok(());
        };
        if padding > 0 {
            self.state = State::Skip(padding);
        }
        match purpose {
            Purpose::File { path } => {
                self.tree.files.insert(&path, bytes).map_err(ArchiveError::Contradiction)?;
            }
            Purpose::GitObject { path } => {
                let git = self.tree.git.get_or_insert_default();
                git.insert(&path, bytes).map_err(ArchiveError::Contradiction)?;
            }
            Purpose::LongName => self.names.path = Some(until_nul(bytes)),
            Purpose::LongLink => self.names.link = Some(until_nul(bytes)),
            Purpose::Pax => self.read_pax(&bytes)?,
        }
        Ok(())
    }

    fn read_pax(&mut self, records: &[u8]) -> Result<(), ArchiveError> {
        for record in PaxExtensions::new(records) {
            let record = record.map_err(|_| ArchiveError::Tar("a PAX record is malformed"))?;
            let value = record.value_bytes();
            match record.key_bytes() {
                b"path" => self.names.path = Some(value.to_owned()),
                b"linkpath" => self.names.link = Some(value.to_owned()),
                b"size" => {
                    let size = std::str::from_utf8(value).ok().and_then(|it| it.parse().ok());
                    self.names.size = Some(size.ok_or(ArchiveError::Tar("a PAX size is no number"))?);
                }
                key if key.starts_with(b"GNU.sparse.") => {
                    return Err(ArchiveError::Tar("it holds a sparse file"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Holds the header to its own checksum, so that garbage is not taken for names and sizes.
fn check_sum(block: &[u8], header: &Header) -> Result<(), ArchiveError> {
    const FIELD: std::ops::Range<usize> = 148..156;
    let counted =
        |(at, byte): (usize, &u8)| if FIELD.contains(&at) { u32::from(b' ') } else { u32::from(*byte) };
    let sum: u32 = block.iter().enumerate().map(counted).sum();
    match header.cksum() {
        Ok(written) if written == sum => Ok(()),
        _ => Err(ArchiveError::Tar("a header's checksum is wrong")),
    }
}

/// The path in the tree of an entry's name. Names that are not UTF-8 are kept in a form that nothing can refer to.
fn tree_path(name: &[u8]) -> Result<String, ArchiveError> {
    let name = String::from_utf8_lossy(name);
    let shown = || name.chars().take(100).collect::<String>();
    if name.len() > NAME_BYTES_MAX {
        return Err(ArchiveError::Name(shown()));
    }
    let path = normalise("", &name).ok_or_else(|| ArchiveError::Escapes(shown()))?;
    if path.split('/').count() > DEPTH_MAX {
        return Err(ArchiveError::Name(shown()));
    }
    Ok(path)
}

fn until_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(end) = bytes.iter().position(|it| *it == 0) {
        bytes.truncate(end);
    }
    bytes
}
