//! The rules that always hold, said a second time and in other words than the planner's: a judge of single plans.
//!
//! Reads the observation directly and shares no code with the gates, so that one slip does not hide another.

use crate::{condition, wall};
use promoter_core::observation::{EnvironmentSeen, Observation};
use promoter_core::pipeline::{Check, Environment, GateRule, Quorum};
use promoter_core::plan::{Action, Kind, Merge, Plan, Propose, Subject};
use promoter_core::record::{
    BY_LOCK, BY_PROMOTER, EnvironmentRecords, Phase, Record, Records, Request, RequestAction, StatusPhase,
};
use promoter_core::sim::World;
use promoter_core::verification::{About, Answer, Measurement};
use promoter_core::{FreightId, Name, PromotionLock, UnixSeconds};
use std::collections::BTreeSet;

/// Judges one plan; panics with the rule that it breaks.
pub(crate) fn judge(world: &World, seen: &Observation, plan: &Plan) {
    every_environment_has_a_reason(world, plan);
    let Ok(state) = &seen.state else {
        assert!(plan.actions.is_empty(), "rule 6: acts without the state branch\n{plan}");
        return;
    };
    for action in &plan.actions {
        if let Action::Record(it) = action {
            it.write.iter().for_each(|it| measured(world, seen, it));
            it.write.iter().for_each(|it| goes_back(seen, &state.records, it));
        }
        let Some(name) = action.environment() else {
            continue;
        };
        let case = Case {
            world,
            plan,
            rules: world.pipeline.environment(name).unwrap(),
            seen: &seen.environments[name],
            records: &state.records,
            observation: seen,
        };
        case.judge(action);
    }
    one_proposal_each(plan);
}

struct Case<'a> {
    world: &'a World,
    plan: &'a Plan,
    rules: &'a Environment,
    seen: &'a EnvironmentSeen,
    records: &'a Records,
    observation: &'a Observation,
}

impl Case<'_> {
    fn judge(&self, action: &Action) {
        let tip = self.seen.active.as_ref();
        let tip = tip.unwrap_or_else(|it| panic!("rule 6: acts on an unread branch ({it})\n{}", self.plan));
        let lock = tip.as_ref().map(|it| it.lock.as_ref());
        assert!(!matches!(lock, Some(Err(_))), "rule 6: acts on an unread lock\n{}", self.plan);
        let request = self.own().and_then(|it| it.request.as_ref());
        if matches!(action, Action::Propose(_) | Action::Merge(_) | Action::Withdraw(_)) {
            assert!(!matches!(request, Some(Err(_))), "rule 6: an unread request\n{}", self.plan);
            assert!(self.seen.proposed.is_ok(), "rule 6: an unread proposal\n{}", self.plan);
        }
        match action {
            Action::Propose(propose) => self.propose(propose),
            Action::Merge(merge) => self.merge(merge),
            Action::SetHold(hold) => {
                assert!(self.active().is_some_and(|it| it.hold.is_none()), "rule 4: changes a hold");
                assert_eq!(self.active().map(|it| it.freight.id()), Some(hold.expect_lock.clone()), "rule 2");
            }
            Action::Withdraw(_) | Action::Measure(_) | Action::Record(_) => {}
        }
    }

    fn own(&self) -> Option<&EnvironmentRecords> {
        self.records.environments.get(&self.rules.name)
    }

    fn active(&self) -> Option<&PromotionLock> {
        self.seen.active.as_ref().unwrap().as_ref()?.lock.as_ref().unwrap().as_ref()
    }

    fn request(&self, freight: &FreightId) -> Option<&Request> {
        self.own()?.request.as_ref()?.as_ref().ok().filter(|it| it.freight == *freight)
    }

    fn propose(&self, propose: &Propose) {
        let id = &propose.freight;
        assert_eq!(propose.lock.freight.id(), *id);
        assert_ne!(self.active().map(|it| it.freight.id()).as_ref(), Some(id), "rule 5: an empty diff");
        self.not_rejected(id);
        self.respects_hold(id);
        self.not_back(id, propose.by.is_some());
        let request = self.request(id);
        let rolls_back = request.is_some_and(|it| it.action == RequestAction::Rollback);
        if !rolls_back && request.is_none_or(|it| it.action == RequestAction::Promote) {
            self.verified(id, 0);
        }
        assert_eq!(
            propose.lock.hold.is_some(),
            rolls_back,
            "rule 8: a rollback and only that comes with a hold"
        );
    }

    fn merge(&self, merge: &Merge) {
        let id = &merge.freight;
        let proposed = self.seen.proposed.as_ref().unwrap().as_ref().unwrap();
        assert_eq!(proposed.commit, merge.expect_proposed, "rule 2: merges what was not judged");
        let lock = proposed.lock.as_ref().unwrap().as_ref().unwrap();
        assert_eq!(lock.freight.id(), *id, "rule 2: merges other freight");
        let active = self.seen.active.as_ref().unwrap().as_ref().unwrap();
        assert_eq!(active.commit, merge.expect_active, "rule 2: merges onto another head");
        self.not_rejected(id);
        self.respects_hold(id);
        self.not_back(id, merge.by.is_some());
        match self.request(id).filter(|_| merge.by.is_some()) {
            Some(request) if request.action == RequestAction::Rollback => {
                assert!(lock.hold.is_some(), "rule 8: a rollback without a hold");
                let log = self.world.log.iter().filter(|it| it.environment == self.rules.name);
                let mut ran = log.flat_map(|it| [&it.before, &it.after]).flatten();
                assert!(ran.any(|it| it.freight.id() == *id), "rule 8: rolls back to what never ran");
            }
            Some(request) if request.action == RequestAction::Hotfix => {
                assert!(!request.requested.by.is_empty() && !request.requested.reason.is_empty(), "rule 1");
                self.approved(id);
                self.gates(merge, true);
                self.answered(merge);
            }
            _ => {
                self.verified(id, self.soak());
                self.approved(id);
                self.gates(merge, false);
                self.answered(merge);
            }
        }
    }

    /// What the clock, CI and the freight itself say: nothing goes through a gate that one of them shuts.
    fn gates(&self, merge: &Merge, hotfix: bool) {
        for gate in &self.rules.gates {
            let hurry = hotfix && !gate.required;
            match &gate.rule {
                GateRule::Window(window) if !hurry => {
                    let open = wall::is_open(window, self.plan.now.0);
                    assert!(open, "gate: {} is entered outside {window}\n{}", self.rules.name, self.plan);
                }
                GateRule::CommitStatus(name) => {
                    let record = self.own().and_then(|it| it.statuses.get(&merge.expect_proposed));
                    let said =
                        record.and_then(|it| it.as_ref().ok()?.statuses.iter().find(|it| it.name == *name));
                    let good = said.is_some_and(|it| it.phase == StatusPhase::Success);
                    assert!(good, "gate: {} is entered without {name}\n{}", self.rules.name, self.plan);
                }
                GateRule::Expression(expression) if !hurry => {
                    let artifacts =
                        self.records.freight[&merge.freight].as_ref().unwrap().freight.artifacts();
                    let holds = condition::holds(&expression.to_string(), artifacts);
                    assert!(
                        holds,
                        "gate: {} is entered against {expression}\n{}",
                        self.rules.name, self.plan
                    );
                }
                _ => {}
            }
        }
    }

    /// Rule 2: every check among the gates passed often enough in a row about the very commit that is merged.
    fn answered(&self, merge: &Merge) {
        for gate in &self.rules.gates {
            let GateRule::Check(check) = &gate.rule else {
                continue;
            };
            let about = About::Proposal(merge.expect_proposed.clone());
            let of = |it: &&Measurement| it.of.check == check.id && it.of.about == about;
            let latest = self.seen.measurements.iter().rev().filter(of).take(check.pace.count as usize);
            let passes = latest.filter(|it| it.answer == Answer::Passed).count();
            assert_eq!(passes, check.pace.count as usize, "rule 2: unasked or refused\n{}", self.plan);
        }
    }

    fn soak(&self) -> i64 {
        let soak = self.rules.gates.iter().filter_map(|it| match &it.rule {
            GateRule::Soak(soak) => Some(i64::from(soak.0)),
            _ => None,
        });
        soak.max().unwrap_or(0)
    }

    /// Rule 1 and 3: the latest result of the environments before, and the time since.
    fn verified(&self, id: &FreightId, soak: i64) {
        let good = |name: &Name| {
            let own = self.records.environments.get(name);
            let record = own.and_then(|it| it.verified.get(id));
            let Some(Ok(record)) = record.filter(|it| it.as_ref().is_ok_and(|it| it.phase == Phase::Passed))
            else {
                return false;
            };
            let again = own.and_then(|it| it.reverify.get(id)?.as_ref().ok());
            if again.is_some_and(|it| record.at < it.requested.at) {
                return false;
            }
            // The end of the run is at most now, and now only while the freight stands there.
            let there = self.observation.environments[name].active.as_ref().is_ok_and(|it| {
                let lock = it.as_ref().and_then(|it| it.lock.as_ref().ok()?.as_ref());
                lock.is_some_and(|it| it.freight.id() == *id)
            });
            let end = if there { self.plan.now.0.max(record.at.0) } else { record.at.0 };
            end - record.since.0 >= soak
        };
        let after = &self.rules.after;
        let holds = match after.quorum {
            Quorum::All => after.environments.iter().all(good),
            Quorum::Any => after.environments.iter().any(good),
        };
        assert!(holds, "rule 1: {} enters {} unverified\n{}", id.alias(), self.rules.name, self.plan);
    }

    fn approved(&self, id: &FreightId) {
        let rules = self.rules.gates.iter().filter_map(|it| match &it.rule {
            GateRule::Approvals(rule) => Some(rule),
            _ => None,
        });
        for rule in rules {
            let record = self.own().and_then(|it| it.approved.get(id));
            let Some(Ok(record)) = record else {
                panic!("gate: {} enters {} without approvals\n{}", id.alias(), self.rules.name, self.plan);
            };
            let counts = |by: &str| {
                let named = rule.from.is_empty() || rule.people.contains(by);
                named && (rule.self_approval || !self.has_a_hand_in(id, by))
            };
            let people: BTreeSet<&str> = record.approvals.iter().map(|it| it.by.as_str()).collect();
            let people = people.into_iter().filter(|it| counts(it)).count();
            assert!(people >= rule.required as usize, "gate: too few approvals\n{}", self.plan);
        }
    }

    /// True for who made the freight, wrote its commit, or asks for it here.
    fn has_a_hand_in(&self, id: &FreightId, by: &str) -> bool {
        let record = self.records.freight[id].as_ref().unwrap();
        record.discovered.by == by
            || record.discovered.author.as_deref() == Some(by)
            || self.request(id).is_some_and(|it| it.requested.by == by)
    }

    fn not_rejected(&self, id: &FreightId) {
        let rejected = self.own().is_some_and(|it| it.rejected.contains_key(id));
        assert!(!rejected, "rule 4: brings rejected freight into {}\n{}", self.rules.name, self.plan);
    }

    /// Rule 4: what is held changes only by a rollback that a person asked for later.
    fn respects_hold(&self, id: &FreightId) {
        let Some(hold) = self.active().and_then(|it| it.hold.as_ref()) else {
            return;
        };
        let later = self.request(id).is_some_and(|it| {
            it.action == RequestAction::Rollback
                && it.requested.by != BY_PROMOTER
                && hold.at.is_some_and(|at| at <= it.requested.at)
        });
        assert!(later, "rule 4: changes the held {}\n{}", self.rules.name, self.plan);
    }

    /// Rule 4: automation goes only forward, and only to freight that was discovered.
    fn not_back(&self, id: &FreightId, asked: bool) {
        if asked {
            return;
        }
        let age = |id: &FreightId| {
            let record = self.records.freight.get(id).and_then(|it| it.as_ref().ok());
            record.map(|it| (it.discovered.at, it.discovered.by != BY_LOCK, id.clone()))
        };
        let next = age(id).unwrap_or_else(|| panic!("rule 4: freight without a record\n{}", self.plan));
        assert!(next.1, "rule 4: proposes what stands only in a lock\n{}", self.plan);
        if let Some(active) = self.active() {
            let now = age(&active.freight.id());
            let now =
                now.unwrap_or_else(|| panic!("rule 4: the age of the active is unknown\n{}", self.plan));
            assert!(now < next, "rule 4: {} goes back to {}\n{}", self.rules.name, id.alias(), self.plan);
        }
    }
}

/// Rule 3: a new result comes of measurements of this stay, one of each check at least when it is a pass.
fn measured(world: &World, seen: &Observation, record: &Record) {
    let Record::Verification(it) = record else {
        return;
    };
    // A record that is later than its run began only closes the run.
    if it.at > it.since {
        return;
    }
    let environment = &seen.environments[&it.environment];
    let lock =
        environment.active.as_ref().unwrap().as_ref().unwrap().lock.as_ref().unwrap().as_ref().unwrap();
    assert_eq!(lock.freight.id(), it.freight);
    let stay = lock.promotion.as_ref().map_or(0, |it| it.at.0);
    let about = About::Stay { freight: it.freight.clone(), promoted_at: UnixSeconds(stay) };
    let asked = seen.state.as_ref().unwrap().records.environments.get(&it.environment);
    let asked = asked.and_then(|own| own.reverify.get(&it.freight)?.as_ref().ok());
    let of_stay = |check: &Check| {
        let mut all = environment.measurements.iter();
        let counts = |m: &Measurement| asked.is_none_or(|it| it.requested.at <= m.at);
        all.any(|m| m.of.check == check.id && m.of.about == about && counts(m))
    };
    let mut checks = world.pipeline.environment(&it.environment).unwrap().verification.iter();
    let enough = match it.phase {
        Phase::Passed => checks.all(of_stay),
        Phase::Failed => checks.any(of_stay),
    };
    assert!(enough, "rule 3: {} judges {} by an earlier stay", it.environment, it.freight.alias());
}

/// After a failure, automation goes back to what passed here and to nothing else: two failing freights never take turns.
fn goes_back(seen: &Observation, records: &Records, record: &Record) {
    let Record::Request(it) = record else {
        return;
    };
    assert_eq!((it.action, it.requested.by.as_str()), (RequestAction::Rollback, BY_PROMOTER));
    let known = records.environments.get(&it.environment).and_then(|own| own.verified.get(&it.freight));
    let passed = known.is_some_and(|it| it.as_ref().is_ok_and(|it| it.phase == Phase::Passed));
    assert!(passed, "rule 8: goes back to {}, which did not pass in {}", it.freight.alias(), it.environment);
    let active = seen.environments[&it.environment].active.as_ref().unwrap().as_ref().unwrap();
    let active = active.lock.as_ref().unwrap().as_ref().unwrap().freight.id();
    assert_ne!(active, it.freight, "rule 8: goes back to what fails");
}

fn one_proposal_each(plan: &Plan) {
    let mut seen = BTreeSet::new();
    for action in &plan.actions {
        if let Action::Propose(_) | Action::Withdraw(_) | Action::Merge(_) | Action::SetHold(_) = action {
            assert!(seen.insert(action.environment()), "rule 5: two moves of one environment\n{plan}");
        }
    }
}

/// Every environment that does not move says why, and every line says something.
fn every_environment_has_a_reason(world: &World, plan: &Plan) {
    assert!(plan.report.iter().all(|it| !it.text.trim().is_empty()), "an empty line\n{plan}");
    for rules in &world.pipeline.environments {
        let moves = plan.actions.iter().any(|it| {
            it.environment() == Some(&rules.name) && !matches!(it, Action::Measure(_) | Action::Record(_))
        });
        let says = plan
            .report
            .iter()
            .any(|it| it.subject == Subject::Environment(rules.name.clone()) && it.kind != Kind::Is);
        assert!(moves || says, "no reason for {}\n{plan}", rules.name);
        if let Some(next) = plan.wake_at() {
            assert!(next > plan.now, "looks again in the past: {next} at {}\n{plan}", plan.now);
        }
    }
}
