//! The bytes of a tree object, entry by entry.

use gix::ObjectId;

/// What an entry of a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A file (`100644`, or historic modes).
    File,
    /// An executable file (`100755`).
    Executable,
    /// A symbolic link (`120000`).
    Link,
    /// A directory (`40000`).
    Directory,
    /// A commit of another repository (`160000`).
    Submodule,
}

impl Mode {
    fn parse(digits: &[u8]) -> Option<Self> {
        let digits = std::str::from_utf8(digits).ok().filter(|it| it.len() <= 6)?;
        let mode = u32::from_str_radix(digits, 8).ok()?;
        match mode & 0o170_000 {
            0o040_000 => Some(Self::Directory),
            0o120_000 => Some(Self::Link),
            0o160_000 => Some(Self::Submodule),
            0o100_000 if mode & 0o100 != 0 => Some(Self::Executable),
            0o100_000 => Some(Self::File),
            _ => None,
        }
    }

    /// The digits in a tree object.
    pub fn digits(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Link => "120000",
            Self::Directory => "40000",
            Self::Submodule => "160000",
        }
    }
}

/// One entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// What it is.
    pub mode: Mode,
    /// Its name, one part of a path.
    pub name: &'a [u8],
    /// Its object.
    pub id: ObjectId,
}

/// A tree object that no git makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a directory holds an entry that git does not make")]
pub struct BadEntry;

/// The entries of a tree object in its order. Ends after the first bad one.
///
/// Names that would lead elsewhere (`.`, `..`, with `/`, empty) are bad: git refuses them too where it checks.
pub struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Entries<'a> {
    /// Reads the bytes of a tree object.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn take(&mut self) -> Option<Entry<'a>> {
        let space = self.rest.iter().position(|it| *it == b' ')?;
        let (mode, rest) = self.rest.split_at(space);
        let end = rest.iter().position(|it| *it == 0)?;
        let name = &rest[1..end];
        let (id, rest) = rest[end + 1..].split_at_checked(20)?;
        self.rest = rest;
        let named_well = !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/');
        let id = ObjectId::try_from(id).ok()?;
        Mode::parse(mode).filter(|_| named_well).map(|mode| Entry { mode, name, id })
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, BadEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = self.take().ok_or(BadEntry);
        if entry.is_err() {
            self.rest = &[];
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (mode, name) in entries {
            bytes.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            bytes.extend_from_slice(&[7; 20]);
        }
        bytes
    }

    #[test]
    fn entries_are_read_with_their_modes() {
        let modes = ["100644", "100755", "120000", "40000", "160000", "040000", "100664"];
        let tree = bytes(&modes.map(|it| (it, "name")));
        let found: Vec<Mode> = Entries::new(&tree).map(|it| it.unwrap().mode).collect();
        use Mode::{Directory, Executable, File, Link, Submodule};
        assert_eq!(found, [File, Executable, Link, Directory, Submodule, Directory, File]);
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["", ".", "..", "a/b", "/etc"] {
            let tree = bytes(&[("100644", name), ("100644", "after")]);
            assert_eq!(Entries::new(&tree).collect::<Vec<_>>(), [Err(BadEntry)], "{name}");
        }
        let whole = bytes(&[("100644", "a")]);
        for cut in 1..whole.len() {
            assert_eq!(Entries::new(&whole[..cut]).next(), Some(Err(BadEntry)), "{cut}");
        }
    }
}
