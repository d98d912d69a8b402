//! Timing in a way that can be trusted on a busy machine: two subjects in turn, several rounds, medians and their ratio.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

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

fn timed(run: &mut impl FnMut() -> Result<()>) -> Result<Duration> {
    let started = Instant::now();
    run()?;
    Ok(started.elapsed())
}

/// Runs a program to its end, throwing its output away; a failure is an error with what it said.
pub(crate) fn run(program: &std::path::Path, arguments: &[&std::ffi::OsStr]) -> Result<()> {
    let output = std::process::Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("{} cannot be started", program.display()))?;
    anyhow::ensure!(
        output.status.success(),
        "{} failed: {}",
        program.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// One line of the report: both medians and how many times less ours is.
pub(crate) fn compare(what: &str, ours: &Times, peer: &Times, peer_name: &str) -> String {
    let ratio = peer.median().as_secs_f64() / ours.median().as_secs_f64();
    format!(
        "{what:<44} {:>9} (least {:>9})   {peer_name} {:>9}   {ratio:>6.1} times less",
        millis(ours.median()),
        millis(ours.least()),
        millis(peer.median()),
    )
}

/// `12.34 ms`.
pub(crate) fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
