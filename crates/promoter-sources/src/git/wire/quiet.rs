//! Servers that asked to be left alone: nobody in this process asks them before their time.
//!
//! Decides how `Retry-After` is read and how long it binds. Source: RFC 9110 §10.2.3.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use promoter_core::UnixSeconds;

/// A server that wants to be left alone for longer is asked once a day: it may have meant another unit.
const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

static QUIET: Mutex<Quiet> = Mutex::new(Quiet { until: BTreeMap::new() });

/// Which servers are to be left alone, until when, and with which status they said so.
#[derive(Debug, Default)]
struct Quiet {
    until: BTreeMap<String, (SystemTime, String)>,
}

impl Quiet {
    fn note(&mut self, server: &str, until: SystemTime, answer: &str) {
        self.until.insert(server.into(), (until, answer.into()));
    }

    fn asked(&mut self, server: &str, now: SystemTime) -> Option<(SystemTime, String)> {
        self.until.retain(|_, (until, _)| now < *until);
        self.until.get(server).cloned()
    }
}

/// Until when a server wants to be left alone, and its words; `None` when it may be asked.
pub(super) fn asked(server: &str) -> Option<(UnixSeconds, String)> {
    let mut quiet = QUIET.lock().unwrap_or_else(PoisonError::into_inner);
    quiet.asked(server, SystemTime::now()).map(|(until, answer)| (seconds(until), answer))
}

/// Keeps in mind what a server wants by `Retry-After`. Gives the time; `None` for a header that says none.
pub(super) fn note(server: &str, retry_after: &str, answer: &str) -> Option<UnixSeconds> {
    let until = time(retry_after, SystemTime::now())?;
    QUIET.lock().unwrap_or_else(PoisonError::into_inner).note(server, until, answer);
    Some(seconds(until))
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
        quiet.note("a", at(100), "429");
        quiet.note("b", at(50), "503");
        assert_eq!(quiet.asked("a", at(99)), Some((at(100), "429".into())));
        assert_eq!(quiet.asked("a", at(100)), None);
        assert_eq!(quiet.until.len(), 0, "nothing is kept that is over");
        assert_eq!(quiet.asked("c", at(0)), None);
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
