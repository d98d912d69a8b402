//! One child process, bounded: its own process group, an environment of its own, a time and a size.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// Bytes kept of what a program complains.
const COMPLAINT_BYTES_MAX: usize = 64 << 10;

/// What is run, and how far it may go.
pub(crate) struct Child<'a> {
    pub(crate) program: &'a Path,
    pub(crate) arguments: &'a [OsString],
    /// Its home and working directory.
    pub(crate) home: &'a Path,
    /// The whole environment besides its home.
    pub(crate) variables: &'a [(&'a str, OsString)],
    pub(crate) timeout: Duration,
    pub(crate) output_bytes_max: usize,
}

/// How it ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Exit code 0, and what it wrote.
    Succeeded(Vec<u8>),
    /// Another end, and what it complained.
    Failed(String),
    /// Killed for its time.
    TimedOut,
    /// Killed for its output.
    TooLarge,
}

/// What the threads that read its two streams report.
enum Stream {
    Output(io::Result<Vec<u8>>),
    Complaint(io::Result<Vec<u8>>),
}

impl Child<'_> {
    /// Runs it to its end. Errors: it cannot be started or waited for.
    pub(crate) fn run(&self) -> io::Result<Outcome> {
        let deadline = Instant::now() + self.timeout;
        let mut child = Command::new(self.program)
            .args(self.arguments)
            .env_clear()
            .env("HOME", self.home)
            .env("TMPDIR", self.home)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.home)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let kill = || group.map(|it| kill_process_group(it, Signal::KILL));
        let (sender, streams) = mpsc::channel();
        let limits = (self.output_bytes_max, COMPLAINT_BYTES_MAX);
        if let Some(stdout) = child.stdout.take() {
            let sender = sender.clone();
            thread::spawn(move || sender.send(Stream::Output(read(stdout, limits.0))));
        }
        if let Some(stderr) = child.stderr.take() {
            thread::spawn(move || sender.send(Stream::Complaint(read_and_drain(stderr, limits.1))));
        }
        let (mut output, mut complaint) = (Vec::new(), Vec::new());
        // Both streams end when the child and whatever it started have ended, or closed them.
        let early = loop {
            match streams.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Stream::Output(bytes)) => output = bytes?,
                Ok(Stream::Complaint(bytes)) => complaint = bytes?,
                Err(mpsc::RecvTimeoutError::Disconnected) => break None,
                Err(mpsc::RecvTimeoutError::Timeout) => break Some(Outcome::TimedOut),
            }
            if output.len() > self.output_bytes_max {
                break Some(Outcome::TooLarge);
            }
        };
        if let Some(early) = early {
            kill();
            child.wait()?;
            return Ok(early);
        }
        // With both streams closed the end is near, if it has not come.
        while Instant::now() < deadline {
            match child.try_wait()? {
                Some(status) if status.success() => return Ok(Outcome::Succeeded(output)),
                Some(_) => return Ok(Outcome::Failed(String::from_utf8_lossy(&complaint).into_owned())),
                None => thread::sleep(Duration::from_millis(1)),
            }
        }
        kill();
        child.wait()?;
        Ok(Outcome::TimedOut)
    }
}

/// Reads the first bytes and lets the rest pass, so that a program that complains a lot is not stopped by it.
fn read_and_drain(mut stream: impl Read, bytes_max: usize) -> io::Result<Vec<u8>> {
    let bytes = read(&mut stream, bytes_max)?;
    io::copy(&mut stream, &mut io::sink())?;
    Ok(bytes)
}

/// Reads at most one byte more than allowed, so that the reader of the result sees that there was more.
fn read(stream: impl Read, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
