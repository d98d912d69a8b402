//! What a request is going through, and how long each part took.
//!
//! One clock for a whole request, shared between the protocol and the blocking work behind it: it is in one phase at a time,
//! and the errors, the log line and the spans of the request read it.

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

/// Intervals of one request that are kept one by one. A render that reads many pinned commits goes back and forth.
const INTERVALS_MAX: usize = 64;

/// A stretch of time in one phase, its ends counted from the start of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) phase: Phase,
    pub(crate) from: Duration,
    pub(crate) to: Duration,
}

/// What a clock showed at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Course {
    /// The time since its start.
    pub(crate) elapsed: Duration,
    /// The phases one after the other; the last one is where the request is.
    pub(crate) intervals: Vec<Interval>,
    /// How many more there were before the last one.
    pub(crate) left_out: usize,
}

/// The clock of one request. Clones share it.
#[derive(Debug, Clone)]
pub struct Phases(Arc<Mutex<Clock>>);

#[derive(Debug)]
struct Clock {
    begun: Instant,
    now: Phase,
    since: Instant,
    /// Of phases that were entered, without the time since `since`.
    spent: [Option<Duration>; Phase::ALL.len()],
    /// Those that are over.
    intervals: Vec<Interval>,
    left_out: usize,
}

impl Clock {
    fn new(now: Instant) -> Self {
        let mut spent = [None; Phase::ALL.len()];
        spent[Phase::Wait.index()] = Some(Duration::ZERO);
        Self { begun: now, now: Phase::Wait, since: now, spent, intervals: Vec::new(), left_out: 0 }
    }

    fn enter(&mut self, phase: Phase, now: Instant) -> Phase {
        if phase == self.now {
            return phase;
        }
        let interval = self.interval(now);
        // One place is left for the last one: it tells where the request ended.
        if self.intervals.len() < INTERVALS_MAX - 1 {
            self.intervals.push(interval);
        } else {
            self.left_out += 1;
        }
        *self.spent[self.now.index()].get_or_insert_default() += interval.to - interval.from;
        self.spent[phase.index()].get_or_insert_default();
        self.since = now;
        std::mem::replace(&mut self.now, phase)
    }

    /// The one that runs.
    fn interval(&self, now: Instant) -> Interval {
        let offset = |it: Instant| it.duration_since(self.begun);
        Interval { phase: self.now, from: offset(self.since), to: offset(now) }
    }

    fn course(&self, now: Instant) -> Course {
        let mut intervals = self.intervals.clone();
        intervals.push(self.interval(now));
        Course { elapsed: now.duration_since(self.begun), intervals, left_out: self.left_out }
    }
}

impl Default for Phases {
    /// Begins in [`Phase::Wait`].
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Clock::new(Instant::now()))))
    }
}

impl Phases {
    fn clock<T>(&self, look: impl FnOnce(&mut Clock) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Goes on to a phase.
    pub fn enter(&self, phase: Phase) {
        self.clock(|it| it.enter(phase, Instant::now()));
    }

    /// Does something in a phase, then goes back to where it was. What fails ends in the phase: that is where it failed.
    pub(crate) fn through<T, E>(&self, phase: Phase, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let before = self.clock(|it| it.enter(phase, Instant::now()));
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

    /// What it shows now.
    pub(crate) fn course(&self) -> Course {
        self.clock(|it| it.course(Instant::now()))
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

    #[test]
    fn intervals_follow_each_other_from_the_start_to_now() {
        let begun = Instant::now();
        let at = |milliseconds| begun + Duration::from_millis(milliseconds);
        let mut clock = Clock::new(begun);
        for (phase, milliseconds) in [
            (Phase::Receive, 1),
            (Phase::Render, 3),
            (Phase::Fetch, 4),
            (Phase::Fetch, 6),
            (Phase::Render, 9),
        ] {
            clock.enter(phase, at(milliseconds));
        }
        let course = clock.course(at(10));
        let shown: Vec<_> =
            course.intervals.iter().map(|it| (it.phase, it.from.as_millis(), it.to.as_millis())).collect();
        let wanted = [
            (Phase::Wait, 0, 1),
            (Phase::Receive, 1, 3),
            (Phase::Render, 3, 4),
            (Phase::Fetch, 4, 9),
            (Phase::Render, 9, 10),
        ];
        assert_eq!(shown, wanted);
        assert_eq!((course.elapsed.as_millis(), course.left_out), (10, 0));
        assert_eq!(clock.spent[Phase::Fetch.index()], Some(Duration::from_millis(5)));
    }

    #[test]
    fn however_often_it_changes_the_list_is_bounded_and_ends_where_the_request_is() {
        let begun = Instant::now();
        let mut clock = Clock::new(begun);
        for _ in 0..100 {
            clock.enter(Phase::Render, begun);
            clock.enter(Phase::Fetch, begun);
        }
        clock.enter(Phase::Verify, begun);
        let course = clock.course(begun);
        assert_eq!((course.intervals.len(), course.left_out), (INTERVALS_MAX, 201 - (INTERVALS_MAX - 1)));
        assert_eq!(course.intervals.last().map(|it| it.phase), Some(Phase::Verify));
    }
}
