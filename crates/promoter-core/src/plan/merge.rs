//! Judges the gates of what is proposed, and merges exactly that.

use super::draft::Draft;
use super::environment::Target;
use super::here::Here;
use super::measure::Asking;
use super::propose::merged_by_person;
use super::{Action, JudgedGate, Look, Merge, renewal, request, verify};
use crate::facts::Branch;
use crate::gate::{Verdict, judge_after};
use crate::pipeline::{Gate, GateRule};
use crate::record::RequestAction;
use crate::verification::{About, State};
use crate::{Seconds, UnixSeconds};

pub(super) fn step(here: Here<'_, '_>, proposed: &Branch<'_>, target: Target<'_>, draft: &mut Draft) {
    let (Some(expect_active), Some(expect_proposed)) = (here.active.head, proposed.head) else {
        return;
    };
    let alias = target.known.id.alias();
    let asked = target.request.map_or_else(String::new, |it| format!("{}: ", request::words(it)));
    ask(here, proposed, target, draft);
    let verdicts = judge(here, target);
    let waits = Waits::of(&verdicts);
    if !waits.words.is_empty() {
        let what = format!("{asked}{alias} {}", waits.words.join(", "));
        return match waits.until {
            Some(until) => draft.waits(here.subject(), &what, Look::At(until)),
            None => {
                let look = waits.first.map_or(Look::Poll, Look::At);
                draft.says(here.subject(), super::Kind::Waits, format!("wait, {what}"), look);
            }
        };
    }
    let gates: Vec<JudgedGate> = verdicts.into_iter().filter_map(open).collect();
    let how: Vec<&str> = gates.iter().map(|it| it.description.as_str()).collect();
    let how = if how.is_empty() { String::new() } else { format!(", which {}", how.join(", ")) };
    if merged_by_person(here, target) {
        let branch = &here.rules().proposed_branch;
        let what = format!("{asked}a person merges {alias}{how}, from {branch}");
        return draft.waits(here.subject(), &what, Look::Poll);
    }
    if !renewal::is_one(here, target) {
        verify::leave(here, draft);
    }
    draft.moves(here.subject(), format!("{asked}merge {alias}{how}"));
    draft.act(Action::Merge(Merge {
        environment: here.rules().name.clone(),
        freight: target.known.id.clone(),
        expect_active: expect_active.clone(),
        expect_proposed: expect_proposed.clone(),
        expect_lock: here.locked().map(|it| it.id.clone()),
        gates,
        by: target.request.map(|it| it.requested.by.clone()),
        reason: target.request.map(|it| it.requested.reason.clone()),
    }));
}

/// A gate and its verdict.
pub(super) struct Judged<'a> {
    /// `None` for `after`, which is no gate of the list.
    pub(super) gate: Option<&'a Gate>,
    pub(super) verdict: Verdict,
}

impl Judged<'_> {
    pub(super) fn name(&self) -> String {
        self.gate.map_or_else(|| "after".into(), Gate::name)
    }
}

/// Asks what gates want to know of the proposed commit.
fn ask(here: Here<'_, '_>, proposed: &Branch<'_>, target: Target<'_>, draft: &mut Draft) {
    let (Some(commit), Some(locked)) = (proposed.head, &proposed.locked) else {
        return;
    };
    let asking = Asking {
        here,
        about: About::Proposal(commit.clone()),
        freight: &locked.id,
        commit,
        start: locked.promoted_at(),
        since: UnixSeconds(i64::MIN),
    };
    for gate in gates(here, target) {
        if let GateRule::Check(check) = &gate.rule {
            let tally = asking.ask(check, draft);
            if tally.has_begun()
                && matches!(tally.state(check.title()), State::Counting(_) | State::Waiting(_))
            {
                draft.is_measuring();
            }
        }
    }
}

/// The gates that hold for this way in: for a rollback none, for a hotfix those that it cannot skip.
fn gates<'a>(here: Here<'_, 'a>, target: Target<'_>) -> impl Iterator<Item = &'a Gate> {
    let none = target.is(RequestAction::Rollback);
    let is_hotfix = target.is(RequestAction::Hotfix);
    here.rules().gates.iter().filter(move |it| !none && (!is_hotfix || !it.is_skipped_by_hotfix()))
}

/// The verdicts of every gate that holds for this way in: a rollback has none, a hotfix those that it cannot skip.
pub(super) fn judge<'a>(here: Here<'_, 'a>, target: Target<'_>) -> Vec<Judged<'a>> {
    let (rules, id, facts, now) = (here.rules(), target.known.id, here.facts, here.now);
    let mut verdicts = Vec::new();
    if target.is(RequestAction::Rollback) {
        return verdicts;
    }
    let is_hotfix = target.is(RequestAction::Hotfix);
    if !is_hotfix && !rules.after.environments.is_empty() {
        verdicts.push(Judged { gate: None, verdict: judge_after(id, rules, Seconds(0), facts, now) });
    }
    for gate in gates(here, target) {
        verdicts.push(Judged { gate: Some(gate), verdict: gate.judge(id, rules, facts, now) });
    }
    verdicts
}

/// What keeps gates shut.
struct Waits {
    words: Vec<String>,
    /// When time alone opens all of them.
    until: Option<UnixSeconds>,
    /// When time alone opens the first of them.
    first: Option<UnixSeconds>,
}

impl Waits {
    fn of(verdicts: &[Judged<'_>]) -> Self {
        let mut words: Vec<String> = Vec::new();
        let mut times: Vec<Option<UnixSeconds>> = Vec::new();
        for judged in verdicts {
            let (what, until) = match &judged.verdict {
                Verdict::Open { .. } => continue,
                Verdict::Waiting { until, what } => (what, *until),
                Verdict::Closed { why } => (why, None),
            };
            times.push(until);
            if !words.contains(what) {
                words.push(what.clone());
            }
        }
        let all: Option<Vec<UnixSeconds>> = times.iter().copied().collect();
        Self {
            words,
            until: all.and_then(|it| it.into_iter().max()),
            first: times.into_iter().flatten().min(),
        }
    }
}

fn open(judged: Judged<'_>) -> Option<JudgedGate> {
    let gate = judged.name();
    match judged.verdict {
        Verdict::Open { how } => Some(JudgedGate { gate, description: how }),
        Verdict::Waiting { .. } | Verdict::Closed { .. } => None,
    }
}
