use super::*;
use std::fs;
use std::os::unix::fs::symlink;

fn open(root: &Path) -> DiskFiles {
    DiskFiles::open(root, DiskLimits { file_bytes_max: 4, names_max: 10 }).unwrap()
}

fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    fs::create_dir_all(root.join("a/b")).unwrap();
    fs::write(dir.path().join("secret"), "s").unwrap();
    fs::write(root.join("a/x"), "x").unwrap();
    fs::write(root.join("a/large"), "12345").unwrap();
    symlink("a/b/../x", root.join("inside")).unwrap();
    symlink(root.join("a"), root.join("absolute")).unwrap();
    symlink("../secret", root.join("out")).unwrap();
    symlink("/etc/passwd", root.join("etc")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    symlink("a", root.join("directory")).unwrap();
    dir
}

#[test]
fn reads_lists_and_bounds() {
    let dir = tree();
    let files = open(&dir.path().join("root"));
    assert_eq!(&*files.read("a/x").unwrap(), b"x");
    assert_eq!(files.read("a/large"), Err(FileError::TooLarge("a/large".into(), 4)));
    assert_eq!(files.list("a").unwrap(), ["b", "large", "x"]);
    assert_eq!(files.read("a"), Err(FileError::WrongKind("a".into(), "a directory")));
    assert_eq!(files.list("a/x"), Err(FileError::WrongKind("a/x".into(), "a file")));
    assert_eq!(files.read("a/x/y"), Err(FileError::Missing("a/x/y".into())));
    assert_eq!(files.read("nothing"), Err(FileError::Missing("nothing".into())));
    assert_eq!(files.kind(""), Some(FileKind::Directory));
    assert_eq!(files.list("").unwrap(), files.list("").unwrap());
    assert_eq!(files.list("").unwrap().len(), 7);
    for name in 0..11 {
        fs::write(dir.path().join(format!("root/a/b/{name}")), "").unwrap();
    }
    assert!(matches!(files.list("a/b"), Err(FileError::Store(..))));
}

#[test]
fn reads_to_the_end_whatever_was_expected() {
    for bytes_expected in [0, 2, 3, 7] {
        assert_eq!(&*read_all(&b"abc"[..], bytes_expected).unwrap(), b"abc");
    }
}

#[test]
fn follows_links_inside_and_never_out() {
    let dir = tree();
    let files = open(&dir.path().join("root"));
    assert_eq!(&*files.read("inside").unwrap(), b"x");
    assert_eq!(files.real_path("inside").unwrap(), "a/x");
    assert_eq!(files.real_path("absolute/x").unwrap(), "a/x");
    // Asked again, when the directories are known.
    assert_eq!(files.real_path("directory/x").unwrap(), "a/x");
    assert_eq!(files.real_path("a/b/../x").unwrap(), "a/x");
    assert_eq!(files.real_path("a/b/../../directory/b").unwrap(), "a/b");
    assert_eq!(files.read("out"), Err(FileError::Outside("out".into())));
    assert_eq!(files.read("etc"), Err(FileError::Outside("etc".into())));
    assert_eq!(files.read("loop"), Err(FileError::Loop("loop".into())));
    assert_eq!(files.read("../secret"), Err(FileError::Outside("../secret".into())));
    assert_eq!(files.kind("out"), None);
}

#[test]
fn the_root_of_the_disk_holds_everything() {
    let dir = tree();
    let files = open(Path::new("/"));
    let path = dir.path().canonicalize().unwrap().join("root/out");
    assert_eq!(&*files.read(&path.to_str().unwrap()[1..]).unwrap(), b"s");
}

#[test]
fn a_pipe_is_no_file_and_does_not_block() {
    let dir = tree();
    let path = dir.path().join("root/pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, Mode::from(0o600), 0).unwrap();
    let files = open(&dir.path().join("root"));
    assert_eq!(files.read("pipe"), Err(FileError::WrongKind("pipe".into(), "no regular file")));
    assert_eq!(files.kind("pipe"), None);
}
