//! Unpacks a request's archive in memory while it arrives: checksum, gunzip and untar in one pass, no file on any disk.
//!
//! Decides what an archive may hold and how large it may be. Links are kept as they are and judged when a path that
//! uses them is asked for. Leaves the stream of messages to `service`.

use std::io::{self, Write as _};

use flate2::write::GzDecoder;
use promoter_core::Diagnosis;
use promoter_kustomize::{FileError, MemoryFiles};
use sha2::{Digest as _, Sha256};

use super::untar::Untar;

/// Bounds that a hostile archive meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// Bytes after inflating, headers included.
    pub inflated_bytes_max: u64,
    /// Entries of the archive, directories and links included.
    pub entries_max: usize,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self { inflated_bytes_max: 1 << 30, entries_max: 500_000 }
    }
}

/// Why an archive is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// The bytes that came are not those that were announced.
    #[error("the archive's checksum is `{got}`, announced was `{announced}`")]
    Checksum {
        /// SHA-256 of what came.
        got: String,
        /// What the metadata said.
        announced: String,
    },
    /// Not a whole gzip stream.
    #[error("the archive is not a whole gzip stream: {0}")]
    Gzip(String),
    /// Not a whole tar.
    #[error("the archive is not a whole tar: {0}")]
    Tar(&'static str),
    /// No file in it.
    #[error("the archive holds no file")]
    Empty,
    /// A name that leads out of the tree.
    #[error("archive entry `{0}` leaves the tree")]
    Escapes(String),
    /// Something that is neither file, directory nor symbolic link.
    #[error("archive entry `{0}` is {1}")]
    Kind(String, &'static str),
    /// A name deeper or longer than any file system holds.
    #[error("archive entry `{0}…` has too long a name")]
    Name(String),
    /// An entry that contradicts an earlier one.
    #[error("archive entry does not fit the others: {0}")]
    Contradiction(FileError),
    /// More bytes than allowed.
    #[error("the archive inflates to more than {0} bytes")]
    TooLarge(u64),
    /// More entries than allowed.
    #[error("the archive holds more than {0} entries")]
    TooMany(usize),
}

impl ArchiveError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Checksum { .. } => Diagnosis::upstream("archive-checksum", self)
                .hint("Argo CD sent something else than it packed; Hard Refresh tries again"),
            Self::Gzip(_) | Self::Tar(_) => Diagnosis::input("archive-broken", self),
            Self::Empty => Diagnosis::input("archive-empty", self)
                .hint("see whether `reposerver.plugin.tar.exclusions` leaves everything out"),
            Self::Escapes(_) | Self::Kind(..) | Self::Name(_) | Self::Contradiction(_) => {
                Diagnosis::input("archive-entry", self)
            }
            Self::TooLarge(_) => Diagnosis::input("archive-too-large", self).hint(
                "exclude `.git` with `reposerver.plugin.tar.exclusions`, or raise `--archive-bytes-max`",
            ),
            Self::TooMany(_) => Diagnosis::input("archive-too-large", self).hint(
                "exclude `.git` with `reposerver.plugin.tar.exclusions`, or raise `--archive-entries-max`",
            ),
        }
    }
}

/// The tree of one request.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// Everything but the repository's `.git`.
    pub files: MemoryFiles,
    /// The objects of the repository's `.git` (`.git/objects/…`), if they came and were wanted.
    pub git: Option<MemoryFiles>,
}

/// Takes an archive piece by piece.
#[derive(Debug)]
pub(crate) struct Unpacker {
    hash: Sha256,
    gunzip: GzDecoder<Untar>,
    failed: Option<ArchiveError>,
}

impl Unpacker {
    /// Starts an archive; `keep_git` says whether the objects of `.git` are wanted.
    pub(crate) fn new(limits: ArchiveLimits, keep_git: bool) -> Self {
        Self { hash: Sha256::new(), gunzip: GzDecoder::new(Untar::new(limits, keep_git)), failed: None }
    }

    /// Takes a piece. A fault is kept for [`Self::finish`]: the sender must be heard to the end either way.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.hash.update(piece);
        if self.failed.is_none()
            && let Err(error) = self.gunzip.write_all(piece)
        {
            self.failed = Some(self.fault(&error));
        }
    }

    /// Judges the whole: the checksum first, because a damaged archive explains every other fault.
    pub(crate) fn finish(mut self, announced: &str) -> Result<Tree, ArchiveError> {
        let got = hex(&self.hash.finalize_reset());
        if got != announced {
            return Err(ArchiveError::Checksum { got, announced: announced.chars().take(64).collect() });
        }
        if let Some(error) = self.failed {
            return Err(error);
        }
        if let Err(error) = self.gunzip.try_finish() {
            return Err(self.fault(&error));
        }
        let untar = std::mem::replace(self.gunzip.get_mut(), Untar::new(ArchiveLimits::default(), false));
        untar.finish()
    }

    /// The reason behind an error of the decoder: its own, or the one of the tar reader behind it.
    fn fault(&mut self, error: &io::Error) -> ArchiveError {
        self.gunzip.get_mut().failed.take().unwrap_or_else(|| ArchiveError::Gzip(error.to_string()))
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use promoter_kustomize::Files as _;
    use tar::{EntryType, Header};

    use super::*;

    /// One entry with exactly these bytes as its name, which a builder would refuse to write.
    fn entry(kind: EntryType, name: &[u8], link: &[u8], bytes: &[u8]) -> Vec<u8> {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        let fields = header.as_ustar_mut().unwrap();
        fields.name[..name.len()].copy_from_slice(name);
        fields.linkname[..link.len()].copy_from_slice(link);
        header.set_cksum();
        let padding = vec![0; bytes.len().next_multiple_of(512) - bytes.len()];
        [header.as_bytes().as_slice(), bytes, &padding].concat()
    }

    fn file(name: &str, bytes: &[u8]) -> Vec<u8> {
        entry(EntryType::Regular, name.as_bytes(), b"", bytes)
    }

    fn pax(records: &[(&str, &str)]) -> Vec<u8> {
        let record = |(key, value): &(&str, &str)| {
            let rest = format!(" {key}={value}\n");
            // The length counts its own digits; two or three of them do here.
            let length =
                (1..4).map(|digits| rest.len() + digits).find(|it| it.to_string().len() + rest.len() == *it);
            format!("{}{rest}", length.unwrap())
        };
        entry(EntryType::XHeader, b"pax", b"", records.iter().map(record).collect::<String>().as_bytes())
    }

    fn gzip(tar: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::new(6));
        gzip.write_all(tar).unwrap();
        gzip.finish().unwrap()
    }

    fn unpack_with(
        limits: ArchiveLimits,
        keep_git: bool,
        tgz: &[u8],
        piece: usize,
    ) -> Result<Tree, ArchiveError> {
        let mut unpacker = Unpacker::new(limits, keep_git);
        tgz.chunks(piece).for_each(|it| unpacker.push(it));
        unpacker.finish(&hex(&Sha256::digest(tgz)))
    }

    fn unpack(entries: &[Vec<u8>]) -> Result<Tree, ArchiveError> {
        unpack_with(ArchiveLimits::default(), false, &gzip(&entries.concat()), 1024)
    }

    #[test]
    fn an_archive_as_argo_cd_packs_it_is_a_tree_however_it_arrives() {
        let long = format!("deep/{}/ü.yaml", "n".repeat(120));
        let entries = [
            entry(EntryType::Directory, b".", b"", b""),
            entry(EntryType::Directory, b"apps", b"", b""),
            file("apps/a.yaml", &[b'a'; 700]),
            file("apps/empty", b""),
            entry(EntryType::Symlink, b"apps/link.yaml", b"a.yaml", b""),
            pax(&[("path", &long), ("mtime", "1.5")]),
            file("short", b"long name"),
            entry(EntryType::GNULongName, b"././@LongLink", b"", b"gnu/name.yaml\0"),
            file("gnu", b"gnu"),
            vec![0; 1024],
        ];
        let tgz = gzip(&entries.concat());
        for piece in [1, 3, 512, 1024, 1 << 20] {
            let tree = unpack_with(ArchiveLimits::default(), false, &tgz, piece).unwrap().files;
            assert_eq!(tree.list("").unwrap(), ["apps", "deep", "gnu"]);
            assert_eq!(tree.list("apps").unwrap(), ["a.yaml", "empty", "link.yaml"]);
            assert_eq!(&*tree.read("apps/link.yaml").unwrap(), [b'a'; 700]);
            assert_eq!(&*tree.read("apps/empty").unwrap(), b"");
            assert_eq!(&*tree.read(&long).unwrap(), b"long name");
            assert_eq!(&*tree.read("gnu/name.yaml").unwrap(), b"gnu");
        }
    }

    #[test]
    fn of_git_only_objects_are_kept_and_only_when_wanted() {
        let entries = [
            entry(EntryType::Directory, b".git", b"", b""),
            file(".git/config", b"[core]"),
            file(".git/objects/ab/cd", b"object"),
            file(".gitignore", b"x"),
            file("sub/.git", b"gitdir: elsewhere"),
        ];
        let tgz = gzip(&entries.concat());
        let tree = unpack_with(ArchiveLimits::default(), true, &tgz, 1024).unwrap();
        assert_eq!(tree.files.list("").unwrap(), [".gitignore", "sub"]);
        let git = tree.git.unwrap();
        assert_eq!(git.list(".git").unwrap(), ["objects"]);
        assert_eq!(&*git.read(".git/objects/ab/cd").unwrap(), b"object");
        assert!(unpack(&entries).unwrap().git.is_none());
    }

    #[test]
    fn entries_that_escape_are_refused_and_links_only_when_followed() {
        for name in ["../x", "/etc/passwd", "a/../../x", ".git/../../x"] {
            assert_eq!(
                unpack(&[file(name, b"x")]).unwrap_err(),
                ArchiveError::Escapes(name.into()),
                "{name}"
            );
        }
        assert!(matches!(
            unpack(&[pax(&[("path", "../x")]), file("x", b"x")]),
            Err(ArchiveError::Escapes(_))
        ));
        let links = [
            file("a", b"x"),
            entry(EntryType::Symlink, b"out", b"../etc/passwd", b""),
            entry(EntryType::Symlink, b"absolute", b"/etc/passwd", b""),
        ];
        let tree = unpack(&links).unwrap().files;
        assert_eq!(tree.read("out"), Err(FileError::Outside("out".into())));
        assert_eq!(tree.read("absolute"), Err(FileError::Outside("absolute".into())));
        let below_link = [entry(EntryType::Symlink, b"l", b"/etc", b""), file("l/passwd", b"x")];
        assert!(matches!(unpack(&below_link), Err(ArchiveError::Contradiction(_))));
    }

    #[test]
    fn only_files_directories_and_links_are_taken() {
        for (kind, word) in [
            (EntryType::Link, "a hard link"),
            (EntryType::Fifo, "a pipe"),
            (EntryType::Block, "a device"),
            (EntryType::GNUSparse, "of a kind that the plugin does not know"),
        ] {
            let refused = unpack(&[file("a", b"x"), entry(kind, b"b", b"a", b"")]).unwrap_err();
            assert_eq!(refused, ArchiveError::Kind("b".into(), word));
        }
    }

    #[test]
    fn bombs_meet_their_bounds() {
        let limits = ArchiveLimits { inflated_bytes_max: 1 << 20, entries_max: 10 };
        let bomb = gzip(&file("zeros", &vec![0; 4 << 20]));
        assert!(bomb.len() < 10_000);
        let refused = |tgz: &[u8]| unpack_with(limits, true, tgz, 1024).unwrap_err();
        assert_eq!(refused(&bomb), ArchiveError::TooLarge(1 << 20));
        // A size that nothing follows must not make room for it.
        let mut promise = Header::new_ustar();
        promise.set_size(1 << 32);
        promise.set_path("promise").unwrap();
        promise.set_cksum();
        assert_eq!(refused(&gzip(promise.as_bytes())), ArchiveError::TooLarge(1 << 20));
        let many: Vec<u8> = (0..11).flat_map(|it| file(&format!("f{it}"), b"")).collect();
        assert_eq!(refused(&gzip(&many)), ArchiveError::TooMany(10));
        let git: Vec<u8> = (0..11).flat_map(|it| file(&format!(".git/f{it}"), b"")).collect();
        assert_eq!(refused(&gzip(&git)), ArchiveError::TooMany(10));
        let deep = "d/".repeat(300);
        assert!(matches!(
            refused(&gzip(&[pax(&[("path", &deep)]), file("x", b"")].concat())),
            ArchiveError::Name(_)
        ));
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        let whole = gzip(&file("a", &(0..=255).cycle().take(5000).collect::<Vec<u8>>()));
        let refused = |tgz: &[u8]| unpack_with(ArchiveLimits::default(), true, tgz, 1024).unwrap_err();
        assert!(matches!(refused(b"not gzip at all"), ArchiveError::Gzip(_)));
        assert!(matches!(refused(b""), ArchiveError::Gzip(_)));
        for cut in [1, 5, 12, 100, whole.len() - 1] {
            let error = refused(&whole[..cut]);
            assert!(matches!(error, ArchiveError::Gzip(_) | ArchiveError::Tar(_)), "cut at {cut}: {error}");
        }
        assert!(matches!(refused(&[&whole[..], b"more"].concat()), ArchiveError::Gzip(_)));
        assert!(matches!(refused(&gzip(&file("a", &[1; 600])[..700])), ArchiveError::Tar(_)));
        assert!(matches!(refused(&gzip(&[b'x'; 512])), ArchiveError::Tar(_)));
    }

    #[test]
    fn an_empty_archive_and_one_of_links_hold_no_file() {
        assert_eq!(unpack(&[vec![0; 1024]]).unwrap_err(), ArchiveError::Empty);
        assert_eq!(unpack(&[]).unwrap_err(), ArchiveError::Empty);
        let link = entry(EntryType::Symlink, b"l", b"x", b"");
        assert_eq!(
            unpack(&[entry(EntryType::Directory, b".", b"", b""), link]).unwrap_err(),
            ArchiveError::Empty
        );
    }

    #[test]
    fn a_wrong_checksum_explains_everything_else() {
        let tgz = b"not gzip at all";
        let mut unpacker = Unpacker::new(ArchiveLimits::default(), false);
        unpacker.push(tgz);
        let error = unpacker.finish(&"0".repeat(64)).unwrap_err();
        assert!(matches!(error, ArchiveError::Checksum { .. }), "{error}");
    }
}
