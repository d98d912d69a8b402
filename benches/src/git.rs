//! Git: ours against the git command line doing the same, over http on loopback; and what a repository of 1 GB costs.
//!
//! Every subject is a whole process (for git: all of them in turn), so that processor time and memory are counted alike.
//! The server's share is in neither.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use promoter_controller::apply::git::{Change, Draft, NewCommit, NewFile, RefUpdate};
use promoter_core::{CommitId, UnixSeconds};
use promoter_kustomize::{FileKind, Files};
use promoter_sources::git::{Credentials, GitCache, Limits, Signature};
use promoter_testkit::git::{GitHttp, TestRepo};

use crate::measure::{Spent, middle, millis, spend};
use crate::tree;

const ROUNDS: usize = 11;
const FILES: usize = 1_500;
const BYTES: usize = 2_000_000;
/// The large repository: this many files of this size, which do not compress.
const LARGE_FILES: usize = 16_384;
const LARGE_FILE_BYTES: usize = 64 << 10;
const COMMITS: usize = 200;

/// The first argument that makes this program a subject.
pub(crate) const SUBJECT: &str = "git-subject";

/// What a subject does: `URL COMMIT DIRECTORY CACHE`, and for a change `BRANCH` too.
pub(crate) fn subject(arguments: &[&str]) -> Result<()> {
    let [url, commit, directory, cache, rest @ ..] = arguments else {
        anyhow::bail!("{SUBJECT} URL COMMIT DIRECTORY CACHE [BRANCH]");
    };
    promoter_sources::install_tls();
    // A busy machine is to be measured, not refused.
    let limits = Limits { deadline: Duration::from_secs(600), ..Limits::default() };
    let cache = GitCache::open(Path::new(cache), &url.parse()?, Credentials::None, limits)?;
    let commit: CommitId = commit.parse()?;
    let files = cache.tree(&commit, directory)?;
    anyhow::ensure!(read_all(&files)? > 0, "`{directory}` holds no files");
    if let [branch] = rest {
        change(&cache, &commit, directory, branch)?;
    }
    Ok(())
}

fn read_all(files: &dyn Files) -> Result<usize> {
    let mut bytes = 0;
    let mut open = vec![String::new()];
    while let Some(directory) = open.pop() {
        for name in files.list(&directory)? {
            let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
            match files.kind(&path) {
                Some(FileKind::Directory) => open.push(path),
                _ => bytes += files.read(&path)?.len(),
            }
        }
    }
    Ok(bytes)
}

fn change(cache: &GitCache, commit: &CommitId, directory: &str, branch: &str) -> Result<()> {
    let by = Signature {
        name: "bench".into(),
        email: "bench@example.com".into(),
        at: UnixSeconds(1_700_000_000),
        offset_minutes: 0,
    };
    let mut draft = Draft::new(cache);
    let file = NewFile { bytes: b"a: b\n".to_vec(), executable_if_new: false };
    let written = Change::File { path: format!("{directory}/changed.yaml"), file };
    let tree = draft.edit(Some(commit), &[written])?;
    let new = NewCommit {
        tree: &tree,
        parents: std::slice::from_ref(commit),
        author: &by,
        committer: &by,
        message: "x",
    };
    let to = draft.commit(&new)?;
    draft.push(&[RefUpdate { name: format!("refs/heads/{branch}"), expect: Some(commit.clone()), to }])?;
    Ok(())
}

/// Measures all of it, telling each part as it is done.
pub(crate) fn measure(tell: fn(&str) -> Result<()>) -> Result<()> {
    tell(&format!(
        "git over http, whole processes, a repository of {FILES} files ({} MB), median of {ROUNDS}",
        BYTES / 1_000_000
    ))?;
    tell(&head())?;
    for line in round_trip()? {
        tell(&line)?;
    }
    tell("")?;
    for line in large()? {
        tell(&line)?;
    }
    tell("")?;
    for line in successive()? {
        tell(&line)?;
    }
    tell("")
}

fn head() -> String {
    format!("{:<52} {:>11} {:>11} {:>10}", "what", "wall", "processor", "memory")
}

fn line(what: &str, spent: &Spent) -> String {
    format!(
        "{what:<52} {:>11} {:>11} {:>7.1} MB",
        millis(spent.wall),
        millis(spent.processor),
        spent.memory_bytes as f64 / 1e6
    )
}

/// Fetches a commit by its id, reads one directory of it, commits a change and pushes it.
fn round_trip() -> Result<Vec<String>> {
    let (repo, place) = (TestRepo::new(), tempfile::tempdir()?);
    let work = place.path().join("work");
    tree::write_app(&work)?;
    tree::write_neighbours(&work, FILES, BYTES)?;
    crate::pass::push(&work, &repo)?;
    let server = GitHttp::start(&repo);
    let (url, commit) = (server.url(), repo.id("main").context("no commit")?);
    let (mut ours, mut peers, mut warm) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        for branch in ["ours", "peer"] {
            repo.git(&["update-ref", &format!("refs/heads/{branch}"), &commit]);
        }
        let cache = place.path().join(format!("cache-{round}"));
        let us = us(&url, &commit, tree::APP, &cache)?;
        let our = spend(&mut with(us, &["ours"]))?;
        repo.git(&["update-ref", "refs/heads/ours", &commit]);
        let again = spend(&mut with(self::us(&url, &commit, tree::APP, &cache)?, &["ours"]))?;
        let peer = peer_round_trip(&url, &commit, &place.path().join(format!("peer-{round}")))?;
        if round > 0 {
            ours.push(our);
            warm.push(again);
            peers.push(peer);
        }
    }
    let (ours, warm, peers) = (middle(&ours), middle(&warm), middle(&peers));
    let times = |spent: &Spent| {
        format!(
            "{:<52} {:>11} {:>11}",
            "  git / promoter",
            format!("{:.1}", peers.wall.as_secs_f64() / spent.wall.as_secs_f64()),
            format!("{:.1}", peers.processor.as_secs_f64() / spent.processor.as_secs_f64())
        )
    };
    Ok(vec![
        line("git: init, fetch, archive, 5 to commit, push", &peers),
        line("promoter: fetch, read, commit, push", &ours),
        times(&ours),
        line("promoter: the same with the commit in its cache", &warm),
        times(&warm),
    ])
}

/// This program as a subject.
fn us(url: &str, commit: &str, directory: &str, cache: &Path) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([SUBJECT, url, commit, directory]).arg(cache);
    Ok(command)
}

fn with(mut command: Command, arguments: &[&str]) -> Command {
    command.args(arguments);
    command
}

/// The commands that one would type for it.
fn peer_round_trip(url: &str, commit: &str, place: &Path) -> Result<Spent> {
    let mut git = Git::init(place)?;
    git.run(&["fetch", "--quiet", "--depth=1", url, commit])?;
    git.run(&["archive", "--format=tar", "--output=out.tar", commit, tree::APP])?;
    std::fs::write(place.join("new"), "a: b\n")?;
    let file = git.run(&["hash-object", "-w", "new"])?;
    git.run(&["read-tree", commit])?;
    let entry = format!("100644,{file},{}/changed.yaml", tree::APP);
    git.run(&["update-index", "--add", "--cacheinfo", &entry])?;
    let tree = git.run(&["write-tree"])?;
    let to = git.run(&["commit-tree", &tree, "-p", commit, "-m", "x"])?;
    let lease = format!("--force-with-lease=refs/heads/peer:{commit}");
    git.run(&["push", "--quiet", &lease, url, &format!("{to}:refs/heads/peer")])?;
    Ok(git.spent)
}

/// The git program in a directory of its own, with what its processes spent so far.
struct Git {
    place: PathBuf,
    spent: Spent,
}

impl Git {
    fn init(place: &Path) -> Result<Self> {
        std::fs::create_dir_all(place)?;
        let mut git = Self { place: place.to_owned(), spent: Spent::default() };
        git.run(&["init", "--quiet", "--bare", "."])?;
        Ok(git)
    }

    /// Runs one command and gives what it printed.
    fn run(&mut self, arguments: &[&str]) -> Result<String> {
        let printed = self.place.join("printed");
        let mut command = Command::new("git");
        command.current_dir(&self.place).args(arguments).stdout(std::fs::File::create(&printed)?);
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", &self.place).stderr(Stdio::null());
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "bench");
            command.env(format!("GIT_{role}_EMAIL"), "bench@example.com");
        }
        let spent = spend(&mut command).with_context(|| format!("git {arguments:?}"))?;
        self.spent.wall += spent.wall;
        self.spent.processor += spent.processor;
        self.spent.memory_bytes = self.spent.memory_bytes.max(spent.memory_bytes);
        Ok(std::fs::read_to_string(printed)?.trim().to_owned())
    }
}

/// One directory of a commit in a repository of 1 GB.
fn large() -> Result<Vec<String>> {
    let repo = TestRepo::new();
    let started = Instant::now();
    let commit = write_large(&repo)?;
    let mut lines = vec![
        format!(
            "one directory out of a repository of {LARGE_FILES} files, {:.2} GB packed (made in {:.0} s), over http",
            (LARGE_FILES * LARGE_FILE_BYTES) as f64 / 1e9,
            started.elapsed().as_secs_f64()
        ),
        format!("{}   {:>10}", head(), "sent"),
    ];
    let server = GitHttp::start(&repo);
    let url = server.url();
    let mut tell = |what: &str, spent: &Spent| {
        lines.push(format!("{}   {:>7.1} MB", line(what, spent), server.take_sent() as f64 / 1e6));
    };
    let place = tempfile::tempdir()?;
    let cache = place.path().join("cache");
    tell("promoter, first", &spend(&mut us(&url, &commit, "apps/a7", &cache)?)?);
    tell("promoter, again", &spend(&mut us(&url, &commit, "apps/a7", &cache)?)?);
    tell("promoter, another directory", &spend(&mut us(&url, &commit, "apps/a8", &cache)?)?);
    let mut git = Git::init(&place.path().join("whole"))?;
    git.run(&["fetch", "--quiet", "--depth=1", &url, &commit])?;
    git.run(&["archive", "--format=tar", "--output=out.tar", &commit, "apps/a7"])?;
    tell("git: init, fetch, archive", &git.spent);
    drop(std::fs::remove_dir_all(place.path().join("whole")));
    repo.git(&["config", "uploadpack.allowFilter", "false"]);
    let cache = place.path().join("all");
    tell(
        "promoter, first, the server leaves nothing out",
        &spend(&mut us(&url, &commit, "apps/a7", &cache)?)?,
    );
    tell("promoter, again", &spend(&mut us(&url, &commit, "apps/a7", &cache)?)?);
    Ok(lines)
}

/// Commits it by one stream, without looking for differences or compressing.
fn write_large(repo: &TestRepo) -> Result<String> {
    let mut command = Command::new("git");
    command.current_dir(repo.path()).args(["-c", "core.compression=0", "-c", "core.bigFileThreshold=1k"]);
    command.args(["fast-import", "--quiet", "--done"]).stdin(Stdio::piped());
    let mut child = command.spawn()?;
    let mut stream = std::io::BufWriter::with_capacity(1 << 20, child.stdin.take().context("no pipe")?);
    write_commit(&mut stream)?;
    drop(stream);
    anyhow::ensure!(child.wait()?.success(), "git fast-import failed");
    repo.id("main").context("no commit")
}

fn write_commit(stream: &mut impl std::io::Write) -> Result<()> {
    write!(stream, "commit refs/heads/main\ncommitter a <a@b> 1700000000 +0000\ndata 1\nx\n")?;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = vec![0; LARGE_FILE_BYTES];
    for number in 0..LARGE_FILES {
        for bytes in noise.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.copy_from_slice(&state.to_le_bytes());
        }
        write!(stream, "M 100644 inline teams/t{}/f{number}\ndata {LARGE_FILE_BYTES}\n", number / 32)?;
        stream.write_all(&noise)?;
        stream.write_all(b"\n")?;
    }
    for app in 0..20 {
        for file in 0..10 {
            let text = format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a{app}-{file}\ndata: {{ a: b }}\n"
            );
            write!(stream, "M 100644 inline apps/a{app}/f{file}.yaml\ndata {}\n{text}\n", text.len())?;
        }
    }
    Ok(write!(stream, "\ndone\n")?)
}

/// Many commits, fetched one after the other as a controller does.
fn successive() -> Result<Vec<String>> {
    let (repo, place) = (TestRepo::new(), tempfile::tempdir()?);
    let work = place.path().join("work");
    tree::write_app(&work)?;
    tree::write_neighbours(&work, FILES, BYTES)?;
    crate::pass::push(&work, &repo)?;
    let server = GitHttp::start(&repo);
    let root = place.path().join("cache");
    let cache = GitCache::open(&root, &server.url().parse()?, Credentials::None, Limits::default())?;
    let (mut fetches, mut reads, mut sent) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..COMMITS {
        let path = format!("{}/base/service-{}.yaml", tree::APP, number % 4);
        let id =
            repo.commit("main", &[(&path, &format!("kind: Service\nmetadata: {{ name: s{number} }}\n"))]);
        server.take_sent();
        let started = Instant::now();
        let files = cache.tree(&id.parse()?, tree::APP)?;
        fetches.push(started.elapsed());
        let started = Instant::now();
        read_all(&files)?;
        reads.push(started.elapsed());
        sent.push(server.take_sent());
    }
    let median = |times: &[Duration]| {
        let mut times = times.to_vec();
        times.sort();
        millis(times[times.len() / 2])
    };
    let line = |what: &str, times: &[Duration], sent: &[u64]| {
        let mut sent = sent.to_vec();
        sent.sort_unstable();
        format!("{what:<52} {:>11}   {:>7} bytes sent", median(times), sent[sent.len() / 2])
    };
    let (packs, bytes) = packs(&root)?;
    Ok(vec![
        format!(
            "{COMMITS} commits of one changed file each, fetched one after the other over http, {FILES} files"
        ),
        line("the first", &fetches[..1], &sent[..1]),
        line("the next 20, median", &fetches[1..21], &sent[1..21]),
        line("the last 20, median", &fetches[COMMITS - 20..], &sent[COMMITS - 20..]),
        format!("{:<52} {:>11}", "reading 13 files at the next 20", median(&reads[1..21])),
        format!("{:<52} {:>11}", "reading 13 files at the last 20", median(&reads[COMMITS - 20..])),
        format!("{:<52} {packs:>11} packs {:>7.1} MB", "in the cache at the end", bytes as f64 / 1e6),
    ])
}

fn packs(directory: &Path) -> Result<(usize, u64)> {
    let (mut packs, mut bytes) = (0, 0);
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            let (more, below) = self::packs(&path)?;
            packs += more;
            bytes += below;
        } else {
            bytes += path.metadata()?.len();
            packs += usize::from(path.extension().is_some_and(|it| it == "pack"));
        }
    }
    Ok((packs, bytes))
}
