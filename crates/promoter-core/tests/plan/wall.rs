//! Windows judged by looking at the wall clock, minute by minute: slow, and in other words than the planner's.

use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, tz};
use promoter_core::Seconds;
use promoter_core::window::{Entry, Window};

/// True when the wall clock of the window's zone shows a time that is allowed and not excluded.
pub(crate) fn is_open(window: &Window, moment: i64) -> bool {
    let zone = tz::TimeZoneDatabase::bundled().get(&window.zone().to_string()).unwrap();
    let covers = |it: &Entry| covers(&it.to_string(), &zone, moment);
    (window.allowed().is_empty() || window.allowed().iter().any(covers))
        && !window.excluded().iter().any(covers)
}

fn wall(zone: &tz::TimeZone, moment: i64) -> DateTime {
    zone.to_datetime(Timestamp::from_second(moment).unwrap())
}

/// `Mon-Fri 09:00-16:00`, `09:00-16:00`, `2026-12-20/2027-01-05`, `` `30 2 * * 1` for 7h``.
fn covers(text: &str, zone: &tz::TimeZone, moment: i64) -> bool {
    if let Some((cron, duration)) = text.trim_start_matches('`').split_once("` for ") {
        let duration: Seconds = duration.parse().unwrap();
        return started(cron, zone, moment - i64::from(duration.0), moment);
    }
    let shown = wall(zone, moment);
    if !text.contains(':') {
        let (first, last) = text.split_once('/').unwrap_or((text, text));
        let (first, last): (Date, Date) = (first.parse().unwrap(), last.parse().unwrap());
        return first <= shown.date() && shown.date() <= last;
    }
    let (days, span) = text.split_once(' ').unwrap_or(("daily", text));
    let (start, end) = span.split_once('-').unwrap();
    let clock = shown.strftime("%H:%M").to_string();
    let clock = clock.as_str();
    let today = is_day(days, shown.date());
    let yesterday = is_day(days, shown.date().yesterday().unwrap());
    match start < end {
        true => today && start <= clock && clock < end,
        false => (today && start <= clock) || (yesterday && clock < end),
    }
}

fn is_day(days: &str, date: Date) -> bool {
    if days == "daily" {
        return true;
    }
    let week = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let today = date.strftime("%a").to_string();
    days.split(',').any(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let mut run = week.iter().cycle().skip_while(|it| **it != first);
        let run: Vec<_> = run.by_ref().take_while(|it| **it != last).chain([&last]).collect();
        run.contains(&&today.as_str())
    })
}

/// True when a cron expression of plain numbers and stars named a minute that began after one moment and not after
/// another. Minutes that the clock skipped begin when it has skipped them.
fn started(cron: &str, zone: &tz::TimeZone, after: i64, until: i64) -> bool {
    let fields: Vec<&str> = cron.split(' ').collect();
    let is = |field: &str, value: i8| field == "*" || field.parse::<i8>().unwrap() == value;
    let named = |shown: DateTime| {
        is(fields[0], shown.minute())
            && is(fields[1], shown.hour())
            && is(fields[2], shown.day())
            && is(fields[3], shown.month())
            && is(fields[4], shown.weekday().to_sunday_zero_offset())
    };
    let minute = jiff::Span::new().minutes(1);
    let first = (after + 1).div_euclid(60) * 60 + if (after + 1).rem_euclid(60) == 0 { 0 } else { 60 };
    (first..=until).step_by(60).any(|moment| {
        let shown = wall(zone, moment);
        let mut skipped = wall(zone, moment - 60).checked_add(minute).unwrap();
        let mut found = named(shown);
        while !found && skipped < shown {
            found = named(skipped);
            skipped = skipped.checked_add(minute).unwrap();
        }
        found
    })
}
