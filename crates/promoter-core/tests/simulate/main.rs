//! Deterministic simulation: random pipelines, people and faults, and every step judged by the rules that always hold.
//!
//! A step is one command of a story. A history that breaks a rule is made short and printed as a story, which
//! `promoter simulate` plays. `PROMOTER_STEPS=n` plays n steps instead of the few of the tests (`make simulate`),
//! `PROMOTER_SEED=n` begins with another history.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap or a panic is a failed test")]

mod history;
mod mutants;
mod random;

use history::{Counts, History};
use promoter_core::sim::story::{Hands, play};
use std::sync::atomic::{AtomicBool, Ordering};

/// Steps of `make test`.
const STEPS: usize = 50_000;

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|it| it.parse().ok())
}

#[test]
fn rules_hold_after_every_step() {
    let steps = asked("PROMOTER_STEPS").map_or(STEPS, |it| usize::try_from(it).unwrap());
    let histories = (steps / history::STEPS) as u64;
    let first = asked("PROMOTER_SEED").unwrap_or(0);
    let threads = if steps > STEPS { std::thread::available_parallelism().map_or(1, usize::from) } else { 1 };
    let stop = AtomicBool::new(false);
    let one = |thread: usize| {
        let mut counts = Counts::default();
        for seed in (first..first + histories).skip(thread).step_by(threads) {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let history = History::random(seed, Hands::default());
            if history.broken.is_some() {
                stop.store(true, Ordering::Relaxed);
                panic!("{}", history.shrunk(Hands::default()));
            }
            counts.add(&history.counts);
        }
        counts
    };
    let counts = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|it| scope.spawn(move || one(it))).collect();
        threads.into_iter().fold(Counts::default(), |mut sum, it| {
            match it.join() {
                Ok(counts) => sum.add(&counts),
                Err(panic) => std::panic::resume_unwind(panic),
            }
            sum
        })
    });
    println!("{histories} histories: {counts:?}");
    // A generator that no longer reaches something makes its rules empty.
    assert!(counts.least() > histories as usize / 50, "{counts:?}");
    assert!(counts.slips * 10 < counts.steps, "most commands make sense: {counts:?}");
}

#[test]
fn a_failing_history_is_a_short_story_that_plays() {
    let mutant = mutants::MUTANTS.iter().find(|it| it.name == "ignores holds").unwrap();
    let history = mutant.found().unwrap();
    let story = history.shrunk(mutant.hands);
    let (_, commands) = story.text.split_once("\n---\n").unwrap();
    assert!(commands.lines().count() < 12, "{story}");
    assert_eq!(History::replayed(&story.text, mutant.hands).map(|it| it.rule), Some(4), "{story}");
    // It is no slip of the real planner.
    play("story.txt", &story.text).unwrap_or_else(|it| panic!("{}\n{story}", it.diagnosis()));
}
