//! Timing in a way that can be trusted on a busy machine: two subjects in turn, several rounds, medians and their ratio.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use wait4::Wait4 as _;

/// The times of one subject, sorted.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// The middle one.
    pub(crate) fn median(&self) -> Duration {
        self.0[self.0.len() / 2]
    }

    /// The shortest.
    pub(crate) fn least(&self) -> Duration {
        self.0[0]
    }
}

/// Runs `ours` and `peer` in turn, `rounds` times after one round that does not count.
pub(crate) fn in_turn(
    rounds: usize,
    mut ours: impl FnMut() -> Result<()>,
    mut peer: impl FnMut() -> Result<()>,
) -> Result<(Times, Times)> {
    let (mut our_times, mut peer_times) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let our_time = timed(&mut ours)?;
        let peer_time = timed(&mut peer)?;
        if round > 0 {
            our_times.push(our_time);
            peer_times.push(peer_time);
        }
    }
    our_times.sort();
    peer_times.sort();
    Ok((Times(our_times), Times(peer_times)))
}

/// Runs something `rounds` times after one round that does not count.
pub(crate) fn alone(rounds: usize, mut run: impl FnMut() -> Result<()>) -> Result<Times> {
    run()?;
    let mut times = (0..rounds).map(|_| timed(&mut run)).collect::<Result<Vec<_>>>()?;
    times.sort();
    Ok(Times(times))
}

fn timed(run: &mut impl FnMut() -> Result<()>) -> Result<Duration> {
    let started = Instant::now();
    run()?;
    Ok(started.elapsed())
}

/// Runs a program to its end and gives what it printed; a failure is an error with what it said.
pub(crate) fn output(program: &Path, arguments: &[&OsStr]) -> Result<Vec<u8>> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("{} cannot be started", program.display()))?;
    anyhow::ensure!(
        output.status.success(),
        "{} failed: {}",
        program.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output.stdout)
}

/// Runs a program to its end, throwing its output away, and gives the most memory that it held, in bytes.
pub(crate) fn run(program: &Path, arguments: &[&OsStr]) -> Result<u64> {
    let child = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("{} cannot be started", program.display()))?;
    let used = child.wait4()?;
    anyhow::ensure!(used.status.success(), "{} failed: {}", program.display(), used.status);
    Ok(used.rusage.maxrss)
}

/// What a process took from its start to its end, with the processes that it started and waited for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spent {
    pub(crate) wall: Duration,
    /// User and system time.
    pub(crate) processor: Duration,
    /// The most that it held at one time; pages of mapped files count.
    pub(crate) memory_bytes: u64,
}

/// Runs a command to its end and gives what it spent.
pub(crate) fn spend(command: &mut Command) -> Result<Spent> {
    let started = Instant::now();
    let used = command.spawn().context("it cannot be started")?.wait4()?;
    let wall = started.elapsed();
    anyhow::ensure!(used.status.success(), "it failed: {}", used.status);
    let processor = used.rusage.utime + used.rusage.stime;
    Ok(Spent { wall, processor, memory_bytes: used.rusage.maxrss })
}

/// The median of each part.
pub(crate) fn middle(rounds: &[Spent]) -> Spent {
    fn median<T: Ord>(parts: impl Iterator<Item = T>) -> Option<T> {
        let mut parts: Vec<T> = parts.collect();
        parts.sort();
        let middle = parts.len() / 2;
        parts.into_iter().nth(middle)
    }
    Spent {
        wall: median(rounds.iter().map(|it| it.wall)).unwrap_or_default(),
        processor: median(rounds.iter().map(|it| it.processor)).unwrap_or_default(),
        memory_bytes: median(rounds.iter().map(|it| it.memory_bytes)).unwrap_or_default(),
    }
}

/// One line of the report: both medians and how many times less ours is.
pub(crate) fn compare(what: &str, ours: &Times, peer: &Times, peer_name: &str) -> String {
    format!(
        "{what:<44} {:>9} (least {:>9})   {peer_name} {:>9}   {:>6.1} times less",
        millis(ours.median()),
        millis(ours.least()),
        millis(peer.median()),
        ratio(ours, peer),
    )
}

/// How many times less the median of ours is.
pub(crate) fn ratio(ours: &Times, peer: &Times) -> f64 {
    peer.median().as_secs_f64() / ours.median().as_secs_f64()
}

/// `12.34 ms`.
pub(crate) fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// The most memory that this process held, in megabytes; 0 where the system does not say.
pub(crate) fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"));
    line.and_then(|it| it.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1_024
}

/// Begins to count the most memory anew.
pub(crate) fn reset_peak() {
    // Without it the figure is that of the whole run, which is no less true.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}
