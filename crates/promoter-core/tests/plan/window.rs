//! Windows over clocks that jump: open by the wall clock, and the opening is the first second that is open.

use crate::wall;
use promoter_core::window::{Entry, Opening, Window, Zone};
use promoter_core::{Seconds, UnixSeconds};
use proptest::prelude::*;

/// Zones with a moment near which their clocks jump: both hemispheres, by half an hour and by two, a day that was left
/// out, and none.
const JUMPS: [(&str, &str); 12] = [
    ("Europe/Berlin", "2026-03-29T01:00:00Z"),
    ("Europe/Berlin", "2026-10-25T01:00:00Z"),
    ("America/New_York", "2027-03-14T07:00:00Z"),
    ("America/New_York", "2026-11-01T06:00:00Z"),
    ("Australia/Sydney", "2026-04-04T16:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
    ("Australia/Lord_Howe", "2027-04-03T15:00:00Z"),
    ("Antarctica/Troll", "2027-03-28T01:00:00Z"),
    ("America/Santiago", "2026-09-06T04:00:00Z"),
    ("Pacific/Apia", "2011-12-30T10:00:00Z"),
    ("Asia/Kathmandu", "2026-06-01T00:00:00Z"),
    ("UTC", "2026-12-31T23:00:00Z"),
];

fn weekly() -> impl Strategy<Value = Entry> {
    let days = ["daily", "Mon-Fri", "Sat,Sun", "Fri-Mon", "Wed", "Mon,Wed-Thu"];
    let minutes = 0..96_u32;
    let entry = |(days, start, length): (&str, u32, u32)| {
        let clock = |quarter: u32| format!("{:02}:{:02}", quarter % 96 / 4, quarter % 4 * 15);
        format!("{days} {}-{}", clock(start), clock(start + length)).parse().unwrap()
    };
    (prop::sample::select(days.to_vec()), minutes, 1..95_u32).prop_map(entry)
}

fn dates() -> impl Strategy<Value = Entry> {
    let texts = [
        "2026-03-28/2026-03-29",
        "2026-10-25",
        "2026-12-20/2027-01-05",
        "2026-11-01",
        "2011-12-29/2011-12-30",
    ];
    prop::sample::select(texts.to_vec()).prop_map(|it| it.parse().unwrap())
}

fn cron() -> impl Strategy<Value = Entry> {
    let texts = ["30 2 * * *", "0 1 * * 0", "15 * * * *", "45 1 * * *", "0 9 1 * *", "* 2 * * *"];
    let spans = [60, 900, 5_400, 25_200, 86_400];
    (prop::sample::select(texts.to_vec()), prop::sample::select(spans.to_vec()))
        .prop_map(|(text, span)| Entry::cron(text, Seconds(span)).unwrap())
}

fn entries(most: usize) -> impl Strategy<Value = Vec<Entry>> {
    prop::collection::vec(prop_oneof![5 => weekly(), 1 => dates(), 2 => cron()], 0..=most)
}

fn windows() -> impl Strategy<Value = (Window, i64)> {
    let near = -4 * 86_400..86_400_i64;
    (entries(2), entries(2), prop::sample::select(JUMPS.to_vec()), near).prop_filter_map(
        "it never opens",
        |(allow, exclude, (zone, jump), near)| {
            let window = Window::new(allow, exclude, Zone::named(zone).unwrap())?;
            let jump: UnixSeconds = jump.parse().unwrap();
            Some((window, jump.0 + near))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// Open is what the wall clock says, at moments all around a jump of the clock.
    #[test]
    fn open_is_what_the_wall_clock_says((window, now) in windows(), steps in prop::collection::vec(0..3_000_i64, 24)) {
        let mut moment = now;
        for step in steps {
            moment += step * 7;
            let open = window.is_open(UnixSeconds(moment));
            prop_assert_eq!(open, wall::is_open(&window, moment), "{:?} at {}", window, UnixSeconds(moment));
        }
    }

    /// The opening is the first second at which it is open, and the closing the first at which it is not.
    #[test]
    fn the_opening_is_the_first_open_second((window, now) in windows()) {
        let is_open = |moment: i64| window.is_open(UnixSeconds(moment));
        // Every minute of a day after the start, and of some hours before the end.
        let minutes = |from: i64, to: i64| {
            let (first, last) = (from.div_euclid(60) + 1, (to - 1).div_euclid(60));
            let tail = (last - 240).max(first + 1_440)..=last;
            (first..=last.min(first + 1_440)).chain(tail).map(|it| it * 60)
        };
        match window.opens(UnixSeconds(now)) {
            Opening::At(UnixSeconds(start)) => {
                prop_assert!(is_open(start), "{:?} at {}", window, UnixSeconds(start));
                prop_assert!(start == now || !is_open(start - 1), "{:?} before {}", window, UnixSeconds(start));
                if let Some(sooner) = minutes(now, start).find(|it| is_open(*it)) {
                    prop_assert!(false, "{:?} opens at {}, not at {}", window, UnixSeconds(sooner), UnixSeconds(start));
                }
                if let Some(UnixSeconds(end)) = window.shuts(UnixSeconds(start)) {
                    prop_assert!(!is_open(end) && is_open(end - 1), "{:?} until {}", window, UnixSeconds(end));
                    if let Some(sooner) = minutes(start, end).find(|it| !is_open(*it)) {
                        prop_assert!(false, "{:?} shuts at {}, not at {}", window, UnixSeconds(sooner), UnixSeconds(end));
                    }
                }
            }
            Opening::Never => prop_assert!(!minutes(now, now + 30 * 86_400).any(is_open), "{:?}", window),
            Opening::NotBefore(later) => prop_assert!(false, "{:?} is looked at until {} only", window, later),
        }
    }
}
