//! One entry of a window: days of the week with a span, dates, or a cron expression with a duration.

use super::Zone;
use crate::Seconds;
use croner::Cron;
use croner::parser::{CronParser, Seconds as SecondsField, Year};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use std::fmt;
use std::str::FromStr;

const DAY: i64 = 86_400;
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// How many jumps of a clock a cron expression is followed across: thirty years of summer times.
const JUMPS_MAX: usize = 64;
/// How many runs of a cron expression that follow each other without a break are taken together.
const RUNS_MAX: usize = 1_000;

/// Times that come again, or some days. Prints as it was written.
#[derive(Clone)]
pub struct Entry {
    text: String,
    shape: Shape,
}

#[derive(Clone)]
enum Shape {
    /// From `start` to `end`, seconds of the day, on days of the week (Monday first); into the next day when `end` is not
    /// after `start`.
    Weekly { days: [bool; 7], start: i64, end: i64 },
    /// Whole days since 1970, both included.
    Dates { first: i64, last: i64 },
    /// From each minute that it names, so many seconds.
    Cron { cron: Box<Cron>, seconds: i64 },
}

/// Why a text is no entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {why}")]
pub struct NotAnEntry {
    text: String,
    why: String,
}

impl NotAnEntry {
    fn new(text: &str, why: impl Into<String>) -> Self {
        Self { text: text.into(), why: why.into() }
    }
}

impl FromStr for Entry {
    type Err = NotAnEntry;

    /// Reads `Mon-Fri 09:00-16:00`, `daily 22:00-02:00`, `09:00-16:00`, `2026-12-20/2027-01-05` or `2026-12-24`.
    fn from_str(text: &str) -> Result<Self, NotAnEntry> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let shape = match *words.as_slice() {
            [days, span] => weekly(days, span),
            [word] if word.contains(':') => weekly("daily", word),
            [word] if word.starts_with(|it: char| it.is_ascii_digit()) => dates(word),
            _ => Err("is no time".into()),
        };
        let shape = shape.map_err(|why| NotAnEntry::new(text, why))?;
        Ok(Self { text: words.join(" "), shape })
    }
}

impl Entry {
    /// An entry that covers `duration` from each minute that a cron expression of five fields names.
    pub fn cron(text: &str, duration: Seconds) -> Result<Self, NotAnEntry> {
        let parser = CronParser::builder().seconds(SecondsField::Disallowed).year(Year::Disallowed).build();
        let wrong = |why: &str| NotAnEntry::new(text, why);
        let cron = parser.parse(text).map_err(|it| {
            let why = it.to_string();
            wrong(&format!("is no cron expression: {}", why.trim_end_matches('.')))
        })?;
        next_minute(&cron, 0, true).ok_or_else(|| wrong("names no time that ever comes"))?;
        let text = format!("`{text}` for {duration}");
        Ok(Self { text, shape: Shape::Cron { cron: Box::new(cron), seconds: i64::from(duration.0) } })
    }

    /// True when the wall clock shows a time of it.
    pub(super) fn covers(&self, moment: i64, zone: &Zone) -> bool {
        match &self.shape {
            Shape::Weekly { days, start, end } => {
                let wall = zone.wall(moment);
                let (day, second) = (wall.div_euclid(DAY), wall.rem_euclid(DAY));
                match start < end {
                    true => days[weekday(day)] && (*start..*end).contains(&second),
                    false => {
                        (days[weekday(day)] && second >= *start) || (days[weekday(day - 1)] && second < *end)
                    }
                }
            }
            Shape::Dates { first, last } => (*first..=*last).contains(&zone.wall(moment).div_euclid(DAY)),
            Shape::Cron { cron, seconds } => {
                next_run(cron, moment - seconds, zone).is_some_and(|it| it <= moment)
            }
        }
    }

    /// A moment after one until which it covers all, or nothing, as it does then. The far future when that is for ever.
    pub(super) fn edge(&self, moment: i64, zone: &Zone) -> i64 {
        let wall = zone.wall(moment);
        let midnight = wall - wall.rem_euclid(DAY);
        let next = match &self.shape {
            Shape::Cron { cron, seconds } => {
                return match next_run(cron, moment - seconds, zone) {
                    Some(run) if run <= moment => end_of_runs(cron, run, *seconds, zone),
                    run => run.unwrap_or(i64::MAX),
                };
            }
            Shape::Weekly { start, end, .. } => {
                let edges = [0, DAY].into_iter().flat_map(|day| [day + start, day + end]);
                edges.map(|it| midnight + it).find_next(wall)
            }
            Shape::Dates { first, last } => [first * DAY, (last + 1) * DAY].into_iter().find_next(wall),
        };
        // Until the clock jumps, it goes as time goes.
        let next = next.map_or(i64::MAX, |it| moment + (it - wall));
        zone.next_jump(moment).map_or(next, |jump| next.min(jump))
    }

    /// The moments about which its days begin and end, give or take a day; nothing for what comes again.
    pub(super) fn dates(&self) -> Vec<i64> {
        match self.shape {
            Shape::Dates { first, last } => vec![(first - 1) * DAY, (last + 2) * DAY],
            Shape::Weekly { .. } | Shape::Cron { .. } => Vec::new(),
        }
    }
}

trait FindNext {
    /// The least that is greater than another.
    fn find_next(self, than: i64) -> Option<i64>;
}

impl<T: Iterator<Item = i64>> FindNext for T {
    fn find_next(self, than: i64) -> Option<i64> {
        self.filter(|it| *it > than).min()
    }
}

/// The day of the week of a day since 1970, 0 for Monday.
fn weekday(day: i64) -> usize {
    // 1970-01-01 was a Thursday.
    usize::try_from((day + 3).rem_euclid(7)).unwrap_or(0)
}

fn weekly(days: &str, span: &str) -> Result<Shape, String> {
    let (start, end) = span.split_once('-').ok_or("has no span like `09:00-16:00`")?;
    let (start, end) = (time(start)?, time(end)?);
    if start == DAY || start == end {
        return Err(format!("starts and ends at the same time, at `{span}`; a whole day is `00:00-24:00`"));
    }
    Ok(Shape::Weekly { days: weekdays(days)?, start, end })
}

/// Seconds of the day of `09:00`; `24:00` is its end.
fn time(text: &str) -> Result<i64, String> {
    let wrong = || format!("has the time `{text}`; write hours and minutes like `09:00`");
    let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
    let number = |it: &str| it.parse::<i64>().ok().filter(|_| it.len() == 2 && it.as_bytes()[0] != b'+');
    let (hours, minutes) = number(hours).zip(number(minutes)).ok_or_else(wrong)?;
    match (hours, minutes) {
        (0..=23, 0..=59) | (24, 0) => Ok(hours * 3_600 + minutes * 60),
        _ => Err(wrong()),
    }
}

/// `daily`, or days and ranges of days with commas between: `Mon-Fri`, `Mon,Wed`, `Fri-Mon`.
fn weekdays(text: &str) -> Result<[bool; 7], String> {
    if text.eq_ignore_ascii_case("daily") {
        return Ok([true; 7]);
    }
    let one = |word: &str| {
        let short = word.to_ascii_lowercase();
        let found = WEEKDAYS.iter().position(|it| *it == short);
        found.ok_or_else(|| format!("has the day `{word}`; days are Mon, Tue, Wed, Thu, Fri, Sat, Sun"))
    };
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (one(first)?, one(last)?);
        let length = (last + 7 - first) % 7;
        (0..=length).for_each(|it| days[(first + it) % 7] = true);
    }
    Ok(days)
}

fn dates(text: &str) -> Result<Shape, String> {
    let (first, last) = text.split_once('/').unwrap_or((text, text));
    let one = |word: &str| {
        let date: Date =
            word.parse().map_err(|_| format!("has the date `{word}`; write it like `2026-12-20`"))?;
        let start = civil_second(date.to_datetime(jiff::civil::Time::midnight()));
        start
            .map(|it| it.div_euclid(DAY))
            .ok_or_else(|| format!("has the date `{word}`, which is too far away"))
    };
    let (first, last) = (one(first)?, one(last)?);
    match first <= last {
        true => Ok(Shape::Dates { first, last }),
        false => Err("ends before it begins".into()),
    }
}

/// The first run of a cron expression after a moment. A time that the clock skips runs when the clock has skipped it; one
/// that it shows twice runs twice.
fn next_run(cron: &Cron, after: i64, zone: &Zone) -> Option<i64> {
    let (mut moment, mut inclusive) = (after, false);
    for _ in 0..JUMPS_MAX {
        let wall = zone.wall(moment);
        let run = next_minute(cron, wall, inclusive).map(|it| moment + (it - wall));
        let Some(jump) = zone.next_jump(moment) else {
            return run;
        };
        if let Some(run) = run.filter(|it| *it < jump) {
            return Some(run);
        }
        let (before, after) = (wall + (jump - moment), zone.wall(jump));
        let skipped = next_minute(cron, before, true).is_some_and(|it| it < after);
        if skipped {
            return Some(jump);
        }
        (moment, inclusive) = (jump, true);
    }
    None
}

/// The end of runs that follow each other without a break.
fn end_of_runs(cron: &Cron, first: i64, seconds: i64, zone: &Zone) -> i64 {
    let mut last = first;
    for _ in 0..RUNS_MAX {
        match next_run(cron, last, zone) {
            Some(next) if next <= last + seconds => last = next,
            _ => break,
        }
    }
    last + seconds
}

/// The next minute that a cron expression names, in seconds of a wall clock that never jumps.
fn next_minute(cron: &Cron, wall: i64, inclusive: bool) -> Option<i64> {
    let wall = Timestamp::from_second(wall).ok()?;
    let next: DateTime = cron.find_next_occurrence(&Offset::UTC.to_datetime(wall), inclusive).ok()?;
    civil_second(next)
}

fn civil_second(time: DateTime) -> Option<i64> {
    Offset::UTC.to_timestamp(time).ok().map(Timestamp::as_second)
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Entry {
    /// The text says all.
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Entry {}
