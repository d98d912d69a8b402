//! A time zone: what the wall clock shows, and when it jumps.
//!
//! The rules come from the database that is compiled in, so that all machines and versions of a system decide the same.

use crate::fields::is_slip;
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::fmt;

/// A time zone of the IANA database. Prints as its name.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

impl Zone {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self { name: "UTC".into(), rules: TimeZone::UTC }
    }

    /// The zone of an IANA name, such as `Europe/Berlin`; `Err` is the name that was probably meant.
    pub fn named(name: &str) -> Result<Self, Option<String>> {
        let zones = TimeZoneDatabase::bundled();
        match zones.get(name) {
            Ok(rules) => Ok(Self { name: rules.iana_name().unwrap_or(name).to_owned(), rules }),
            Err(_) => Err(zones.available().map(|it| it.to_string()).find(|it| is_slip(name, it))),
        }
    }

    /// What the wall clock shows, in seconds: the moment plus the zone's offset.
    pub(super) fn wall(&self, moment: i64) -> i64 {
        let offset = Timestamp::from_second(moment).map_or(0, |it| self.rules.to_offset(it).seconds());
        moment.saturating_add(i64::from(offset))
    }

    /// The next moment at which the wall clock may jump.
    pub(super) fn next_jump(&self, moment: i64) -> Option<i64> {
        let moment = Timestamp::from_second(moment).ok()?;
        self.rules.following(moment).next().map(|it| it.timestamp().as_second())
    }

    /// What the wall clock shows, for people: `Mon 2026-11-30 09:00`.
    pub(super) fn words(&self, moment: i64) -> String {
        Timestamp::from_second(moment).map_or_else(
            |_| format!("@{moment}"),
            |it| it.to_zoned(self.rules.clone()).strftime("%a %Y-%m-%d %H:%M").to_string(),
        )
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
