//! What a request is going through, and how long each part took.
//!
//! One clock for a whole request, shared between the protocol and the blocking work behind it: it is in one phase at a time,
//! and the errors and the log line of the request read it.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A part of a request's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Waiting for room to be received.
    Wait,
    /// Being received and unpacked.
    Receive,
    /// Waiting for a core.
    Queue,
    /// The lock is found and read.
    Resolve,
    /// Pinned commits are read and fetched; pauses before another try count here.
    Fetch,
    /// Being rendered.
    Render,
    /// The result is checked.
    Verify,
    /// The answer is written down.
    Respond,
}

impl Phase {
    /// Every phase, in the order of the way.
    pub const ALL: [Self; 8] = [
        Self::Wait,
        Self::Receive,
        Self::Queue,
        Self::Resolve,
        Self::Fetch,
        Self::Render,
        Self::Verify,
        Self::Respond,
    ];

    /// Its name in the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Receive => "receive",
            Self::Queue => "queue",
            Self::Resolve => "resolve",
            Self::Fetch => "fetch",
            Self::Render => "render",
            Self::Verify => "verify",
            Self::Respond => "respond",
        }
    }

    /// What the request was doing, as in "ran out while it was …".
    pub(crate) fn doing(self) -> &'static str {
        match self {
            Self::Wait => "queued to be received",
            Self::Receive => "being received",
            Self::Queue => "queued for a render",
            Self::Resolve => "looking for its lock",
            Self::Fetch => "fetching what the lock pins",
            Self::Render => "being rendered",
            Self::Verify => "being checked",
            Self::Respond => "being answered",
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

/// The clock of one request. Clones share it.
#[derive(Debug, Clone)]
pub struct Phases(Arc<Mutex<Clock>>);

#[derive(Debug)]
struct Clock {
    now: Phase,
    since: Instant,
    /// Of phases that were entered, without the time since `since`.
    spent: [Option<Duration>; Phase::ALL.len()],
}

impl Clock {
    fn enter(&mut self, phase: Phase) -> Phase {
        let now = Instant::now();
        let left = std::mem::replace(&mut self.now, phase);
        *self.spent[left.index()].get_or_insert_default() += now.duration_since(self.since);
        self.spent[phase.index()].get_or_insert_default();
        self.since = now;
        left
    }
}

impl Default for Phases {
    /// Begins in [`Phase::Wait`].
    fn default() -> Self {
        let mut spent = [None; Phase::ALL.len()];
        spent[Phase::Wait.index()] = Some(Duration::ZERO);
        Self(Arc::new(Mutex::new(Clock { now: Phase::Wait, since: Instant::now(), spent })))
    }
}

impl Phases {
    fn clock<T>(&self, look: impl FnOnce(&mut Clock) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Goes on to a phase.
    pub fn enter(&self, phase: Phase) {
        self.clock(|it| it.enter(phase));
    }

    /// Does something in a phase, then goes back to where it was. What fails ends in the phase: that is where it failed.
    pub(crate) fn through<T, E>(&self, phase: Phase, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let before = self.clock(|it| it.enter(phase));
        let done = work();
        if done.is_ok() {
            self.enter(before);
        }
        done
    }

    /// Where the request is.
    pub fn current(&self) -> Phase {
        self.clock(|it| it.now)
    }

    /// The time in a phase, if it was entered.
    pub fn spent(&self, phase: Phase) -> Option<Duration> {
        self.clock(|it| {
            let running = if it.now == phase { it.since.elapsed() } else { Duration::ZERO };
            it.spent[phase.index()].map(|spent| spent + running)
        })
    }

    /// What took time, in words: `receive 0.3 s, fetch 59.1 s`. Phases below a tenth of a second are left out.
    pub(crate) fn summary(&self) -> String {
        let mut text = String::new();
        for phase in Phase::ALL {
            let seconds = self.spent(phase).unwrap_or_default().as_secs_f64();
            if seconds >= 0.05 {
                let comma = if text.is_empty() { "" } else { ", " };
                let _ = write!(text, "{comma}{} {seconds:.1} s", phase.word());
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_at_their_place() {
        for (index, phase) in Phase::ALL.into_iter().enumerate() {
            assert_eq!(phase.index(), index);
        }
    }

    #[test]
    fn a_phase_inside_another_leads_back_to_it_unless_it_failed() {
        let phases = Phases::default();
        phases.enter(Phase::Render);
        let inside = phases.through(Phase::Fetch, || Ok::<_, ()>(phases.current()));
        assert_eq!((inside, phases.current()), (Ok(Phase::Fetch), Phase::Render));
        assert_eq!(phases.through(Phase::Fetch, || Err::<(), _>("no")), Err("no"));
        assert_eq!(phases.current(), Phase::Fetch);
        assert_eq!(phases.spent(Phase::Verify), None);
        assert_eq!(phases.summary(), "");
    }
}
