//! Who holds the Lease, by what was seen of it and when. Clocks of machines are not compared: a holder is gone when its Lease did
//! not change for so long as it said, by the clock of whoever looks.

use std::time::{Duration, Instant};

/// What a Lease says. Times are kept as they are written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Spec {
    /// Who holds it; empty or absent for nobody.
    pub(super) holder: Option<String>,
    /// How long the holder is believed to be there.
    pub(super) seconds: Option<u64>,
    /// When it was last renewed.
    pub(super) renewed: Option<String>,
    /// When the holder took it.
    pub(super) acquired: Option<String>,
    /// How often it changed hands.
    pub(super) transitions: i64,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// Somebody else holds it.
    Wait,
    /// Write this: it is renewed, or taken. `acquired` is absent where it is taken now.
    Hold(Spec),
}

/// One who stands for the Lease.
#[derive(Debug)]
pub(super) struct Election {
    identity: String,
    duration: Duration,
    /// What was seen last, and when it was first seen so.
    seen: Option<(Spec, Instant)>,
}

impl Election {
    pub(super) fn new(identity: &str, duration: Duration) -> Self {
        Self { identity: identity.to_owned(), duration, seen: None }
    }

    /// Who holds it, as was last seen.
    pub(super) fn holder(&self) -> Option<&str> {
        self.seen.as_ref()?.0.holder.as_deref().filter(|it| !it.is_empty())
    }

    /// Takes in what was seen at a moment; `None` where there is no Lease.
    pub(super) fn see(&mut self, found: Option<&Spec>, at: Instant) -> Act {
        let found = found.cloned().unwrap_or_default();
        let since = match &self.seen {
            Some((known, since)) if *known == found => *since,
            _ => at,
        };
        self.seen = Some((found.clone(), since));
        let is_own = found.holder.as_deref() == Some(&self.identity);
        let is_free = found.holder.as_deref().is_none_or(str::is_empty);
        let believed = Duration::from_secs(found.seconds.unwrap_or(self.duration.as_secs()));
        if !is_own && !is_free && at.saturating_duration_since(since) < believed {
            return Act::Wait;
        }
        Act::Hold(Spec {
            holder: Some(self.identity.clone()),
            seconds: Some(self.duration.as_secs()),
            renewed: None,
            acquired: found.acquired.filter(|_| is_own),
            transitions: found.transitions + i64::from(!is_own && found.renewed.is_some()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_taken_when_its_holder_says_nothing_any_more() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut one = Election::new("one", Duration::from_secs(15));
        let Act::Hold(mut taken) = one.see(None, start) else { panic!("nobody else is there") };
        assert_eq!((taken.holder.as_deref(), taken.seconds, taken.transitions), (Some("one"), Some(15), 0));

        taken.renewed = Some("2026-03-01T12:00:00.000000Z".into());
        let mut two = Election::new("two", Duration::from_secs(15));
        assert_eq!(two.see(Some(&taken), after(0)), Act::Wait);
        assert_eq!(two.see(Some(&taken), after(14)), Act::Wait);
        // Renewed: the time starts anew, whatever the clock of the other says.
        taken.renewed = Some("1999-01-01T00:00:00.000000Z".into());
        assert_eq!(two.see(Some(&taken), after(15)), Act::Wait);
        assert_eq!(two.see(Some(&taken), after(29)), Act::Wait);
        assert_eq!(two.holder(), Some("one"));
        let Act::Hold(stolen) = two.see(Some(&taken), after(30)) else { panic!("the other is gone") };
        assert_eq!((stolen.holder.as_deref(), stolen.transitions), (Some("two"), 1));

        // The first renews its own, and sees that it lost it.
        taken.acquired = Some("2026-03-01T12:00:00.000000Z".into());
        let Act::Hold(renewed) = one.see(Some(&taken), after(10)) else { panic!("its own") };
        assert_eq!((renewed.transitions, renewed.acquired), (0, taken.acquired.clone()));
        assert_eq!(one.see(Some(&stolen), after(31)), Act::Wait);
        // Given back, it is free at once.
        let free = Spec { holder: Some(String::new()), ..stolen };
        assert!(matches!(one.see(Some(&free), after(32)), Act::Hold(_)));
    }
}
