//! Windows: the gate is open at some times and shut at others, by the wall clock of a time zone.

use super::Verdict;
use crate::UnixSeconds;
use crate::window::{Opening, Window};

pub(super) fn judge(window: &Window, now: UnixSeconds) -> Verdict {
    if window.is_open(now) {
        let until = window.shuts(now).map(|it| format!(" until {}", window.wall_words(it)));
        let until = until.unwrap_or_default();
        let how = match window.allowed() {
            [] => format!("is outside the excluded times {window}{until}"),
            _ => format!("is inside the window {window}{until}"),
        };
        return Verdict::Open { how };
    }
    let waits = match window.excluded_by(now) {
        Some(entry) => format!("waits in the excluded time {entry} of the window"),
        None => format!("waits for the window {window}"),
    };
    match window.opens(now) {
        Opening::At(until) => Verdict::Waiting {
            until: Some(until),
            what: format!("{waits}, open from {}", window.wall_words(until)),
        },
        Opening::NotBefore(until) => Verdict::Waiting { until: Some(until), what: waits },
        Opening::Never => {
            Verdict::Closed { why: format!("{waits}, which does not open again within five years") }
        }
    }
}
