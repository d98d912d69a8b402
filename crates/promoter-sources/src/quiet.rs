//! Servers that asked to be left alone: nobody in this process asks them before their time.
//!
//! Decides how `Retry-After` is read and how long it binds, and how long a server is left alone that is in trouble and
//! names no time. Source: RFC 9110 §10.2.3.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use promoter_core::UnixSeconds;

/// A server that wants to be left alone for longer is asked once a day: it may have meant another unit.
const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest time for which a server is left alone that names none.
const BACKOFF_MAX: Duration = Duration::from_secs(5 * 60);
/// Times that are over are thrown away beyond so many servers.
const SERVERS_MAX: usize = 1_000;

static QUIET: Mutex<Quiet> = Mutex::new(Quiet { until: BTreeMap::new() });

/// Which servers are to be left alone, until when, and with which status they said so.
#[derive(Debug, Default)]
struct Quiet {
    until: BTreeMap<String, (SystemTime, String)>,
}

impl Quiet {
    fn note(&mut self, server: &str, until: SystemTime, answer: &str, now: SystemTime) {
        if self.until.len() >= SERVERS_MAX {
            self.until.retain(|_, (until, _)| now < *until);
        }
        self.until.insert(server.into(), (until, answer.into()));
    }

    fn asked(&mut self, server: &str, now: SystemTime) -> Option<(SystemTime, String)> {
        let found = self.until.get(server)?.clone();
        if now < found.0 {
            return Some(found);
        }
        self.until.remove(server);
        None
    }
}

/// Until when a server wants to be left alone, and its words; `None` when it may be asked `now`.
pub(crate) fn asked(server: &str, now: SystemTime) -> Option<(UnixSeconds, String)> {
    let mut quiet = QUIET.lock().unwrap_or_else(PoisonError::into_inner);
    quiet.asked(server, now).map(|(until, answer)| (seconds(until), answer))
}

/// Keeps in mind what a server wants by `Retry-After`. Gives the time; `None` for a header that says none.
pub(crate) fn note(server: &str, retry_after: &str, answer: &str, now: SystemTime) -> Option<UnixSeconds> {
    let until = time(retry_after, now)?;
    QUIET.lock().unwrap_or_else(PoisonError::into_inner).note(server, until, answer, now);
    Some(seconds(until))
}

/// Leaves a server alone that is in trouble for the `times`-th time in a row (from 1) and names no time: a second, then
/// twice as long each time. Gives the time.
pub(crate) fn back_off(server: &str, times: u32, answer: &str, now: SystemTime) -> UnixSeconds {
    let wait = Duration::from_secs(1 << times.saturating_sub(1).min(16)).min(BACKOFF_MAX);
    let until = now.checked_add(wait).unwrap_or(now);
    QUIET.lock().unwrap_or_else(PoisonError::into_inner).note(server, until, answer, now);
    seconds(until)
}

/// A number of seconds, or a date.
fn time(retry_after: &str, now: SystemTime) -> Option<SystemTime> {
    let text = retry_after.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        // A date that is over asks for nothing.
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default(),
    };
    now.checked_add(wait.min(WAIT_MAX))
}

/// The next full second, so that the time is not over early.
fn seconds(time: SystemTime) -> UnixSeconds {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let full = since.as_secs() + u64::from(since.subsec_nanos() > 0);
    UnixSeconds(i64::try_from(full).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_server_is_left_alone_until_its_time() {
        let mut quiet = Quiet::default();
        quiet.note("a", at(100), "429", at(0));
        quiet.note("b", at(50), "503", at(0));
        assert_eq!(quiet.asked("a", at(99)), Some((at(100), "429".into())));
        assert_eq!(quiet.asked("a", at(100)), None);
        assert_eq!(quiet.until.len(), 1, "what is over is not kept");
        assert_eq!(quiet.asked("c", at(0)), None);
    }

    #[test]
    fn trouble_without_a_time_is_left_alone_ever_longer() {
        let waits = [1, 2, 3, 9, 100].map(|times| back_off("trouble", times, "503", at(1_000)).0 - 1_000);
        assert_eq!(waits, [1, 2, 4, 256, 300]);
        assert_eq!(asked("trouble", at(1_299)), Some((UnixSeconds(1_300), "503".into())));
    }

    #[test]
    fn seconds_and_dates_are_read() {
        let now = at(784_111_777 - 10);
        assert_eq!(time("120", now), Some(now + Duration::from_secs(120)));
        // RFC 9110 §5.6.7 gives this date.
        assert_eq!(time("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(now + Duration::from_secs(10)));
        assert_eq!(time("Sun, 06 Nov 1994 08:49:37 GMT", at(784_111_778)), Some(at(784_111_778)));
        assert_eq!(time("soon", now), None);
        assert_eq!(time("999999999999", now), Some(now + WAIT_MAX));
        assert_eq!(seconds(at(5) + Duration::from_millis(1)), UnixSeconds(6));
    }
}
