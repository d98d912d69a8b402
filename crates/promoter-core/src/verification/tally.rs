//! The latest unbroken run of one check.
//!
//! A check passes after `count` passes in a row and fails after more than `failureLimit` failures in a row. An answer
//! that waits ends a run of passes and takes nothing from a run of failures: who comes back from a failure has to pass.
//! Checks of templates count as Argo Rollouts does, among their last answers.

use super::{About, Answer, Asked, Measurement};
use crate::UnixSeconds;
use crate::pipeline::{Check, Counting};
use std::collections::VecDeque;

/// The run.
#[derive(Debug)]
pub struct Tally<'a> {
    check: &'a Check,
    latest: Option<&'a Measurement>,
    failure: &'a str,
    passes: u32,
    failures: u32,
    /// The last `count` answers that did not wait: true for a failure.
    last: VecDeque<bool>,
    since: UnixSeconds,
}

/// What a run says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Enough passes.
    Passed,
    /// Not enough of anything; the words say how far it is: `1 of 2 passes of smoke`.
    Counting(String),
    /// The same, and the last answer has words of its own: `smoke: it is progressing`.
    Waiting(String),
    /// Too many failures; the words are those of the last one.
    Failed(String),
}

impl<'a> Tally<'a> {
    /// Counts the measurements of a check about one thing that were taken since a time; `all` are oldest first.
    pub fn of(check: &'a Check, about: &About, since: UnixSeconds, all: &'a [Measurement]) -> Self {
        let mut tally =
            Self { check, latest: None, failure: "", passes: 0, failures: 0, last: VecDeque::new(), since };
        for it in all {
            if it.at < since || it.of.check != check.id || it.of.about != *about {
                continue;
            }
            match &it.answer {
                Answer::Passed => (tally.passes, tally.failures) = (tally.passes.saturating_add(1), 0),
                Answer::Waiting(_) => tally.passes = 0,
                Answer::Failed(why) => {
                    (tally.passes, tally.failures) = (0, tally.failures.saturating_add(1));
                    tally.failure = why;
                }
            }
            if !matches!(it.answer, Answer::Waiting(_)) {
                tally.last.push_back(matches!(it.answer, Answer::Failed(_)));
                if tally.last.len() > usize::try_from(check.pace.count).unwrap_or(usize::MAX) {
                    tally.last.pop_front();
                }
            }
            tally.latest = Some(it);
        }
        tally
    }

    /// What it says; `title` is what the words call the check.
    pub fn state(&self, title: &str) -> State {
        let pace = &self.check.pace;
        match pace.counting {
            Counting::InARow => {}
            Counting::OfLast => return self.of_last(title),
            Counting::Never if self.has_begun() => return State::Passed,
            Counting::Never => return State::Counting(format!("{title} is being measured")),
        }
        if self.failures > pace.failure_limit {
            return State::Failed(format!("{title}: {}", self.failure));
        }
        match self.latest.map(|it| &it.answer) {
            Some(Answer::Passed) if self.passes >= pace.count => State::Passed,
            Some(Answer::Waiting(what)) => State::Waiting(format!("{title}: {what}")),
            _ => State::Counting(format!("{} of {} passes of {title}", self.passes, pace.count)),
        }
    }

    fn of_last(&self, title: &str) -> State {
        let pace = &self.check.pace;
        let number = |it: usize| u32::try_from(it).unwrap_or(u32::MAX);
        let failures = number(self.last.iter().filter(|it| **it).count());
        if failures > pace.failure_limit {
            return State::Failed(format!(
                "{title}: {} ({failures} of {} fail)",
                self.failure,
                self.last.len()
            ));
        }
        match self.latest.map(|it| &it.answer) {
            Some(Answer::Waiting(what)) => State::Waiting(format!("{title}: {what}")),
            _ if number(self.last.len()) >= pace.count => State::Passed,
            _ => State::Counting(format!("{} of {} answers of {title}", self.last.len(), pace.count)),
        }
    }

    /// True when it was asked at least once.
    pub fn has_begun(&self) -> bool {
        self.latest.is_some()
    }

    /// When it is to be asked next: now, or later. `start` is when what it is asked about came to be.
    pub fn next(&self, start: UnixSeconds, now: UnixSeconds) -> UnixSeconds {
        // A measurement from the future comes of a clock that was set back: it does not put off the next one.
        match self.latest.filter(|it| it.at <= now) {
            Some(latest) => self.check.pace.interval.after(latest.at).max(now),
            None => {
                let pace = &self.check.pace;
                let delayed = pace.initial_delay.after(start);
                // The same for a start that is later than now.
                let first = if start <= now { delayed.max(now) } else { now };
                // What is measured earlier does not count.
                first.max(self.since)
            }
        }
    }

    /// What the latest answer says against it, whatever counts: that it was not asked yet, too.
    pub fn doubt(&self) -> Option<String> {
        match self.latest.map(|it| &it.answer) {
            None => Some("it is being measured".to_owned()),
            Some(Answer::Passed) => None,
            Some(Answer::Waiting(why) | Answer::Failed(why)) => Some(why.clone()),
        }
    }

    /// What it was asked about, for the next measurement.
    pub fn asks(&self, about: &About) -> Asked {
        Asked { check: self.check.id.clone(), about: about.clone() }
    }
}
