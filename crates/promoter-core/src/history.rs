//! What an environment ran, and the four figures by which teams compare deliveries (DORA): how often, how soon, how often
//! wrongly, and how long until it is mended.
//!
//! Computes figures of stays that were read from Git. Who reads them, and how they are shown, is the command line's
//! business.

use crate::{FreightId, Seconds, UnixSeconds};

/// Freight in an environment, from one promotion to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stay {
    /// When it came.
    pub at: UnixSeconds,
    /// What came.
    pub freight: FreightId,
    /// When its dry commit was made; `None` when that is not known.
    pub made_at: Option<UnixSeconds>,
    /// Since when its verification is known to have failed during this stay.
    pub failed_at: Option<UnixSeconds>,
    /// True when earlier freight was brought back.
    pub is_rollback: bool,
}

/// The figures of one environment over a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// The start of the time.
    pub from: UnixSeconds,
    /// Its end.
    pub to: UnixSeconds,
    /// Deployments: promotions that brought something new. Rollbacks are none.
    pub deployments: usize,
    /// From the dry commit to the environment, of each deployment of which that is known.
    pub lead_time: Option<Spread>,
    /// Deployments whose verification failed, or that were rolled back.
    pub failures: usize,
    /// From each failure to the next stay without one.
    pub restore: Option<Spread>,
    /// Failures that stand.
    pub unrestored: usize,
}

/// Several spans of time in two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// Half of them are shorter.
    pub median: Seconds,
    /// Nine of ten are shorter or as long.
    pub ninth: Seconds,
}

impl Figures {
    /// Computes the figures of stays, oldest first, that began after `from` and not after `to`.
    pub fn of(stays: &[Stay], from: UnixSeconds, to: UnixSeconds) -> Self {
        let mut figures =
            Self { from, to, deployments: 0, lead_time: None, failures: 0, restore: None, unrestored: 0 };
        let (mut leads, mut restores) = (Vec::new(), Vec::new());
        for (index, stay) in stays.iter().enumerate() {
            let is_within = from < stay.at && stay.at <= to;
            if !is_within || stay.is_rollback {
                continue;
            }
            figures.deployments += 1;
            leads.extend(stay.made_at.map(|it| Seconds::between(it, stay.at)));
            let after = &stays[index + 1..];
            let Some(failed_at) = failed_at(stay, after.first()) else {
                continue;
            };
            figures.failures += 1;
            let good = |(place, it): &(usize, &Stay)| self::failed_at(it, after.get(place + 1)).is_none();
            match after.iter().enumerate().find(good) {
                Some((_, good)) => restores.push(Seconds::between(failed_at, good.at)),
                None => figures.unrestored += 1,
            }
        }
        figures.lead_time = Spread::of(leads);
        figures.restore = Spread::of(restores);
        figures
    }

    /// Deployments a week.
    pub fn frequency(&self) -> f64 {
        let weeks = f64::from(Seconds::between(self.from, self.to).0) / 604_800.0;
        let deployments = u32::try_from(self.deployments).map_or(f64::MAX, f64::from);
        if weeks > 0.0 { deployments / weeks } else { 0.0 }
    }

    /// The share of deployments that failed, from 0 to 1; `None` without any.
    pub fn failure_rate(&self) -> Option<f64> {
        let number = |it: usize| u32::try_from(it).map_or(f64::MAX, f64::from);
        (self.deployments > 0).then(|| number(self.failures) / number(self.deployments))
    }
}

/// Since when a stay is a failure, if it is one: its verification failed, or it was rolled back.
fn failed_at(stay: &Stay, next: Option<&Stay>) -> Option<UnixSeconds> {
    let rolled_back = next.filter(|it| it.is_rollback).map(|it| it.at);
    stay.failed_at.or(rolled_back)
}

impl Spread {
    fn of(mut spans: Vec<Seconds>) -> Option<Self> {
        spans.sort_unstable();
        let at = |part: usize| spans.get((spans.len() * part).div_ceil(10).saturating_sub(1)).copied();
        Some(Self { median: at(5)?, ninth: at(9)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stay(at: i64, made: i64) -> Stay {
        let freight = format!("sha256:{at:064x}").parse().unwrap();
        Stay {
            at: UnixSeconds(at),
            freight,
            made_at: Some(UnixSeconds(made)),
            failed_at: None,
            is_rollback: false,
        }
    }

    #[test]
    fn figures_count_what_came_and_what_went_wrong() {
        let stays = [
            stay(100, 0),
            stay(200, 190),
            Stay { failed_at: Some(UnixSeconds(320)), ..stay(300, 280) },
            Stay { failed_at: Some(UnixSeconds(420)), ..stay(400, 390) },
            Stay { is_rollback: true, ..stay(500, 0) },
            stay(600, 570),
            Stay { is_rollback: true, ..stay(700, 0) },
            Stay { failed_at: Some(UnixSeconds(810)), ..stay(800, 760) },
        ];
        let figures = Figures::of(&stays, UnixSeconds(100), UnixSeconds(100 + 604_800));
        assert_eq!(figures.deployments, 5, "the first is before, two are rollbacks");
        assert_eq!(figures.lead_time, Some(Spread { median: Seconds(20), ninth: Seconds(40) }));
        assert_eq!(figures.failures, 4);
        // 320 and 420 until 500, 700 until itself: the rollback mends at once what it finds. 810 stands.
        assert_eq!(figures.restore, Some(Spread { median: Seconds(80), ninth: Seconds(180) }));
        assert_eq!(figures.unrestored, 1);
        assert!((figures.frequency() - 5.0).abs() < 1e-9);
        assert_eq!(figures.failure_rate(), Some(0.8));
    }

    #[test]
    fn nothing_gives_no_figures() {
        let figures = Figures::of(&[], UnixSeconds(0), UnixSeconds(0));
        assert_eq!((figures.lead_time, figures.restore, figures.failure_rate()), (None, None, None));
        assert!(figures.frequency().abs() < 1e-9);
    }
}
