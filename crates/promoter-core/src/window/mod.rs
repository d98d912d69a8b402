//! Windows: when a gate is open by the wall clock of a time zone.
//!
//! An entry covers a moment when the wall clock shows a time that it names. So a time that the clock skips in spring is
//! never there, and one that it shows twice in autumn is there twice. What a window means for freight is the gate's
//! business; here are only moments, in seconds since 1970.

mod entry;
mod zone;

pub use entry::{Entry, NotAnEntry};
pub use zone::Zone;

use crate::UnixSeconds;
use std::fmt;

/// How far ahead an opening is looked for.
const HORIZON: i64 = 5 * 366 * 86_400;
/// How many changes are looked through. What changes more often than that is looked at again when they are over.
const STEPS_MAX: usize = 50_000;
/// How many changes of an open window are looked through for its end, which only people read.
const CLOSING_STEPS_MAX: usize = 1_000;

/// Times in a zone: those that `allow` covers (all without any) and no `exclude` does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Window {
    allow: Vec<Entry>,
    exclude: Vec<Entry>,
    zone: Zone,
}

/// When a window opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// From this moment on; the moment that was asked about when it is open then.
    At(UnixSeconds),
    /// Not before this moment. Its entries change too often to be looked through further.
    NotBefore(UnixSeconds),
    /// Not within five years.
    Never,
}

impl Window {
    /// Makes one. `None` when it would never open, wherever one starts to wait.
    pub fn new(allow: Vec<Entry>, exclude: Vec<Entry>, zone: Zone) -> Option<Self> {
        let window = Self { allow, exclude, zone };
        // Entries of dates are over at some time; everything else comes again and again. So it is enough to look from long
        // ago, from the end of every excluded time, and from the start of every allowed one.
        let starts = window.allow.iter().chain(&window.exclude).flat_map(Entry::dates);
        let starts: Vec<i64> = starts.chain([LONG_AGO]).collect();
        let opens = |start: &i64| matches!(window.opens(UnixSeconds(*start)), Opening::At(_));
        starts.iter().any(opens).then_some(window)
    }

    /// True when it is open at a moment.
    pub fn is_open(&self, moment: UnixSeconds) -> bool {
        let covers = |it: &Entry| it.covers(moment.0, &self.zone);
        (self.allow.is_empty() || self.allow.iter().any(covers)) && !self.exclude.iter().any(covers)
    }

    /// The entry of `exclude` that keeps it shut at a moment.
    pub fn excluded_by(&self, moment: UnixSeconds) -> Option<&Entry> {
        self.exclude.iter().find(|it| it.covers(moment.0, &self.zone))
    }

    /// The first moment from one on at which it is open.
    pub fn opens(&self, from: UnixSeconds) -> Opening {
        let end = from.0.saturating_add(HORIZON);
        let mut moment = from.0;
        for _ in 0..STEPS_MAX {
            let covers = |it: &&Entry| it.covers(moment, &self.zone);
            let edge = |it: &Entry| it.edge(moment, &self.zone);
            let excluded = self.exclude.iter().filter(covers).map(edge).max();
            let next = match excluded {
                Some(end) => end,
                None if self.allow.is_empty() || self.allow.iter().any(|it| covers(&it)) => {
                    return Opening::At(UnixSeconds(moment));
                }
                None => self.allow.iter().map(edge).min().unwrap_or(i64::MAX),
            };
            if next > end {
                return Opening::Never;
            }
            moment = next;
        }
        Opening::NotBefore(UnixSeconds(moment))
    }

    /// The moment at which it shuts, if it is open at one and shuts within reach.
    pub fn shuts(&self, from: UnixSeconds) -> Option<UnixSeconds> {
        let end = from.0.saturating_add(HORIZON);
        let mut moment = from;
        for _ in 0..CLOSING_STEPS_MAX {
            if !self.is_open(moment) {
                return Some(moment);
            }
            let edges = self.allow.iter().chain(&self.exclude).map(|it| it.edge(moment.0, &self.zone));
            moment = UnixSeconds(edges.min().filter(|it| *it <= end)?);
        }
        None
    }

    /// What the wall clock of its zone shows at a moment, for people: `Mon 2026-11-30 09:00`.
    pub fn wall_words(&self, moment: UnixSeconds) -> String {
        self.zone.words(moment.0)
    }

    /// The times that are allowed; none when all are that are not excluded.
    pub fn allowed(&self) -> &[Entry] {
        &self.allow
    }

    /// The times that are excluded.
    pub fn excluded(&self) -> &[Entry] {
        &self.exclude
    }

    /// Where the wall clock hangs.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }
}

/// 2000-01-01, as good as any.
const LONG_AGO: i64 = 946_684_800;

impl fmt::Display for Window {
    /// What is allowed, or else what is excluded, and where: `Mon-Fri 09:00-16:00 Europe/Berlin`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = if self.allow.is_empty() { &self.exclude } else { &self.allow };
        let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
        write!(f, "{} {}", entries.join(", "), self.zone)
    }
}
