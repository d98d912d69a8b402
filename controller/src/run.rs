//! The loop: a pass, a line for what changed, and sleep until the next poll, the moment that the plan waits for, or the
//! news that something moved.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use promoter_core::plan::{Kind, Line, Plan};
use promoter_core::{Diagnosis, Fault, Name, UnixSeconds};
use tracing::{error, info, warn};

use crate::lease::Lease;
use crate::pass::{Controller, Pass};
use crate::signal::{Receiver, Signal};
use crate::watch::Watch;

/// The shortest sleep, so that a clock that stands or a wake-up in the past does not spin.
const SLEEP_MIN: Duration = Duration::from_millis(200);
/// The shortest time between the end of a pass and one that news asks for: however much news comes, passes are bounded.
const NEWS_MIN: Duration = Duration::from_secs(1);
/// The time between two looks whether the Lease has come.
const STAND_BY: Duration = Duration::from_secs(1);
/// The longest that `--once` goes on while checks are being measured.
const MEASURE_SECONDS_MAX: i64 = 15 * 60;
/// The longest that it goes on while they all say the same: what cannot be asked at all does not get better by waiting.
const STILL_SECONDS_MAX: i64 = 60;

/// The time now.
pub fn now() -> UnixSeconds {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    UnixSeconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// What was last said of each repository, so that only changes are said.
#[derive(Debug, Default)]
struct Said {
    plans: BTreeMap<Name, Arc<Plan>>,
    findings: Vec<String>,
}

/// One repository in the loop.
struct Looked {
    controller: Controller,
    said: Said,
    /// When the next pass is due.
    due: Instant,
    /// The end of the last pass, if there was one.
    passed: Option<Instant>,
}

/// Makes passes until a stop comes: over each repository once an interval at least, earlier when its plan waits for a
/// moment before that, at once when news names it. What came of them is told to `watch`. With a Lease nothing is done while
/// another controller holds it.
pub fn run(
    controllers: Vec<Controller>,
    interval: Duration,
    signals: &Receiver,
    watch: &Watch,
    lease: Option<&Lease>,
) {
    let looked = |controller| Looked { controller, said: Said::default(), due: Instant::now(), passed: None };
    let mut all: Vec<Looked> = controllers.into_iter().map(looked).collect();
    loop {
        let waits = lease.is_some_and(|it| !it.is_held());
        watch.stands_by(waits);
        if waits {
            // News is no more than an early look, and everything is looked at when the Lease comes.
            match signals.wait(STAND_BY) {
                Some(Signal::Stop) => return,
                Some(Signal::Look(_)) | None => continue,
            }
        }
        for it in &mut all {
            if signals.wait_for_stop(Duration::ZERO) {
                return;
            }
            if it.due <= Instant::now() {
                it.pass(interval, watch);
            }
        }
        let now = Instant::now();
        let due = all.iter().map(|it| it.due).min();
        match signals.wait(due.map_or(interval, |it| it.saturating_duration_since(now))) {
            None => {}
            Some(Signal::Stop) => return,
            Some(Signal::Look(sooner)) => {
                for it in all.iter_mut().filter_map(|it| it.controller.look_sooner(&sooner).then_some(it)) {
                    it.hurry();
                }
            }
        }
    }
}

impl Looked {
    fn pass(&mut self, interval: Duration, watch: &Watch) {
        let started = Instant::now();
        let result = self.controller.pass(now);
        watch.passed(&self.controller, &result, started.elapsed(), now());
        let wake = match &result {
            Ok(pass) => {
                say(pass, &mut self.said, &self.controller);
                wake_at(pass).into_iter().chain(self.controller.discovers_at()).min()
            }
            Err(diagnosis) => {
                complain(diagnosis, &mut self.said, &self.controller);
                diagnosis.not_before
            }
        };
        let sleep = until(wake).map_or(interval, |it| it.min(interval)).max(SLEEP_MIN);
        let ended = Instant::now();
        self.passed = Some(ended);
        self.due = ended + sleep;
    }

    /// Brings the next pass forward. Our own pushes come back as news too, so passes keep a distance.
    fn hurry(&mut self) {
        let soonest = self.passed.map_or_else(Instant::now, |it| it + NEWS_MIN);
        self.due = self.due.min(soonest);
    }
}

/// Makes passes until nothing is left that time alone does not bring, and reports the last state. Checks that are being
/// measured are measured to their end, since what was measured is forgotten with the process. A repository that cannot
/// be observed is a finding, and the others are done all the same.
pub fn once(controllers: &mut [Controller], signals: &Receiver) -> Vec<Pass> {
    let started = now();
    let mut passes = Vec::new();
    for controller in controllers {
        let mut said = Said::default();
        let mut standing = (started, Vec::new());
        loop {
            let pass = controller
                .pass(now)
                .unwrap_or_else(|diagnosis| Pass { findings: vec![diagnosis], ..Pass::default() });
            say(&pass, &mut said, controller);
            let lines = pass.plans.iter().flat_map(|it| &it.report).map(ToString::to_string);
            let lines: Vec<String> = lines.collect();
            if lines != standing.1 || !pass.events.is_empty() {
                standing = (now(), lines);
            }
            let again = until(pass.wake_at())
                .filter(|_| controller.is_measuring() && goes_on(started, standing.0, now()));
            let Some(sleep) = again else {
                passes.push(pass);
                break;
            };
            if signals.wait_for_stop(sleep.max(SLEEP_MIN)) {
                passes.push(pass);
                return passes;
            }
        }
    }
    passes
}

/// Whether `--once` goes on with checks that are being measured: it started at one time, and they say the same since another.
fn goes_on(started: UnixSeconds, same_since: UnixSeconds, now: UnixSeconds) -> bool {
    now.0 - started.0 < MEASURE_SECONDS_MAX && now.0 - same_since.0 < STILL_SECONDS_MAX
}

/// When to look again: when time alone changes something, and when a server that wanted to be left alone may be asked
/// (who asks it earlier gets the same answer, without a question to it).
fn wake_at(pass: &Pass) -> Option<UnixSeconds> {
    pass.findings.iter().filter_map(|it| it.not_before).chain(pass.wake_at()).min()
}

fn until(time: Option<UnixSeconds>) -> Option<Duration> {
    let time = time?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let then = Duration::from_secs(u64::try_from(time.0).unwrap_or(0));
    Some(then.saturating_sub(now))
}

fn say(pass: &Pass, said: &mut Said, controller: &Controller) {
    let repo = controller.repository().url.as_str();
    for event in &pass.events {
        info!(repo, pipeline = %event.pipeline, "{}", event.text);
    }
    for plan in &pass.plans {
        let before = said.plans.insert(plan.pipeline.clone(), plan.clone());
        if before.as_ref().is_some_and(|it| Arc::ptr_eq(it, plan)) {
            continue;
        }
        let before = before.map_or_else(Vec::new, |it| it.report.clone());
        for line in plan.report.iter().filter(|line| !before.iter().any(|it| says_the_same(it, line))) {
            info!(repo, pipeline = %plan.pipeline, subject = %line.subject, kind = line.kind.as_str(), "{line}");
        }
    }
    let findings: Vec<String> = pass.findings.iter().map(ToString::to_string).collect();
    if findings != said.findings {
        pass.findings.iter().for_each(|it| log(it, repo));
        said.findings = findings;
    }
}

/// True when nothing is new in a line: it is the same, or it waits for the same moment, which is only nearer.
fn says_the_same(before: &Line, line: &Line) -> bool {
    let waits = |it: &Line| it.kind == Kind::Waits && it.look.time().is_some();
    let same_wait = waits(before) && waits(line) && before.look == line.look;
    before.subject == line.subject && (before.text == line.text || same_wait)
}

fn complain(diagnosis: &Diagnosis, said: &mut Said, controller: &Controller) {
    let text = vec![diagnosis.to_string()];
    if said.findings != text {
        log(diagnosis, controller.repository().url.as_str());
        said.findings = text;
    }
}

fn log(diagnosis: &Diagnosis, repo: &str) {
    match diagnosis.fault {
        Fault::Upstream => warn!(repo, code = diagnosis.code, "{diagnosis}"),
        Fault::Input | Fault::Bug => error!(repo, code = diagnosis.code, "{diagnosis}"),
    }
}

#[cfg(test)]
mod tests {
    use promoter_core::plan::{Look, Subject};

    use super::*;

    #[test]
    fn a_server_that_wants_to_be_left_alone_is_asked_at_its_time() {
        let finding = |time| Diagnosis::upstream("git-later", "busy").not_before(UnixSeconds(time));
        let pass = |findings| Pass { findings, ..Pass::default() };
        assert_eq!(wake_at(&pass(vec![finding(30), finding(20)])), Some(UnixSeconds(20)));
        assert_eq!(wake_at(&pass(vec![Diagnosis::upstream("git-unreachable", "down")])), None);
    }

    #[test]
    fn once_goes_on_while_checks_say_something_new() {
        let at = UnixSeconds;
        assert!(goes_on(at(0), at(0), at(59)) && goes_on(at(0), at(800), at(859)));
        assert!(!goes_on(at(0), at(0), at(60)), "nothing new");
        assert!(!goes_on(at(0), at(899), at(900)), "too long");
    }

    #[test]
    fn a_wait_that_only_gets_shorter_is_said_once() {
        let line = |kind, text: &str, look| Line { subject: Subject::Freight, kind, text: text.into(), look };
        let (soon, later) = (Look::At(UnixSeconds(10)), Look::At(UnixSeconds(20)));
        let wait = line(Kind::Waits, "soaked 1m", soon);
        assert!(says_the_same(&wait, &line(Kind::Waits, "soaked 2m", soon)));
        assert!(!says_the_same(&wait, &line(Kind::Waits, "soaked 2m", later)));
        assert!(!says_the_same(&wait, &line(Kind::Moves, "merge", Look::Poll)));
        let runs = line(Kind::Is, "runs it", soon);
        assert!(says_the_same(&runs, &line(Kind::Is, "runs it", later)));
        assert!(!says_the_same(&runs, &line(Kind::Is, "runs it, failed", soon)));
    }
}
