//! What a pipeline comes to under a policy. Where it asks for less than a rule, the rule holds, and a violation says
//! where; what no rule can put right by itself (a missing check, a missing `after`) shuts the environment.

use super::{Policy, Rule};
use crate::pipeline::{Environment, Gate, GateRule, Pipeline};
use crate::{Diagnosis, Name, Place};

/// A pipeline under a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The pipeline by which everything is decided.
    pub pipeline: Pipeline,
    /// Where it asks for less than it must.
    pub violations: Vec<Violation>,
}

/// A place where a pipeline asks for less than a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The environment.
    pub environment: Name,
    /// The field: `promotion`, `onFailure`, `after`, …
    pub field: &'static str,
    /// Where it stands.
    pub at: Place,
    /// What is there and what must be: `` `promotion: auto` is less than `pullRequest` ``.
    pub what: String,
    /// The rule.
    pub rule: Name,
    /// Where the rule stands.
    pub rule_at: Place,
    /// The next thing to do.
    pub hint: String,
}

impl Violation {
    /// The violation as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        let Self { environment, what, rule, rule_at, .. } = self;
        let cause = format!("`{environment}`: {what}, against policy `{rule}` ({rule_at})");
        Diagnosis::input("policy-violation", cause).at(&self.at).hint(self.hint.clone())
    }
}

impl Policy {
    /// Puts the policy over a pipeline.
    pub fn apply(&self, pipeline: &Pipeline) -> Effective {
        let mut effective = Effective { pipeline: pipeline.clone(), violations: Vec::new() };
        for environment in &mut effective.pipeline.environments {
            let name = environment.name.clone();
            for rule in self.rules.iter().filter(|it| it.is_about(&pipeline.name, &name)) {
                Under { rule, environment, violations: &mut effective.violations }.tighten();
            }
        }
        self.images.iter().for_each(|it| it.apply(&mut effective.pipeline));
        effective
    }
}

/// An environment under one rule.
struct Under<'a> {
    rule: &'a Rule,
    environment: &'a mut Environment,
    violations: &'a mut Vec<Violation>,
}

impl Under<'_> {
    fn tighten(&mut self) {
        self.promotion();
        self.on_failure();
        self.render();
        self.gates();
        if self.rule.after && self.environment.after.environments.is_empty() {
            self.shuts("after", "has no `after`", "name the environments that come before it");
        }
        if self.rule.verification && self.environment.verification.is_empty() {
            self.shuts("verification", "has no `verification`", "give it a check, such as `http`");
        }
    }

    fn violates(&mut self, field: &'static str, what: String, hint: &str) {
        self.violations.push(Violation {
            environment: self.environment.name.clone(),
            field,
            at: self.environment.at.clone(),
            what,
            rule: self.rule.name.clone(),
            rule_at: self.rule.at.clone(),
            hint: hint.into(),
        });
    }

    /// Nothing enters the environment until it is mended.
    fn shuts(&mut self, field: &'static str, what: &str, hint: &str) {
        let why = format!("{} {what}, against policy {}", self.environment.name, self.rule.name);
        let never = Gate {
            at: self.rule.at.clone(),
            rule: GateRule::Never { why },
            required: true,
            policy: Some(self.rule.name.clone()),
        };
        if !self.environment.gates.contains(&never) {
            self.violates(field, format!("it {what}"), hint);
            self.environment.gates.push(never);
        }
    }

    fn promotion(&mut self) {
        let found = self.environment.promotion;
        let Some(least) = self.rule.promotion.filter(|least| found < *least) else {
            return;
        };
        self.environment.promotion = least;
        let hint = format!("write `promotion: {}`, which holds already", least.as_str());
        self.violates(
            "promotion",
            format!("`promotion: {}` is less than `{}`", found.as_str(), least.as_str()),
            &hint,
        );
    }

    fn on_failure(&mut self) {
        let (found, allowed) = (self.environment.on_failure, &self.rule.on_failure);
        let Some(first) = allowed.first().filter(|_| !allowed.contains(&found)).copied() else {
            return;
        };
        self.environment.on_failure = first;
        let names = allowed.iter().map(|it| format!("`{}`", it.as_str())).collect::<Vec<_>>().join(", ");
        let hint = format!("write `onFailure: {}`, which holds already", first.as_str());
        self.violates("onFailure", format!("`onFailure: {}` is none of {names}", found.as_str()), &hint);
    }

    fn render(&mut self) {
        if !self.rule.allow_empty && std::mem::take(&mut self.environment.render.allow_empty) {
            self.violates(
                "render.allowEmpty",
                "`render.allowEmpty` is not allowed".into(),
                "leave it out; it does not hold",
            );
        }
        if !self.rule.allow_secrets && !self.environment.render.allow_secrets.is_empty() {
            self.environment.render.allow_secrets.clear();
            self.violates(
                "render.allowSecrets",
                "`render.allowSecrets` is not allowed".into(),
                "leave it out; it does not hold",
            );
        }
    }

    fn gates(&mut self) {
        for gate in &self.rule.gates {
            // Soak is time in the environments before.
            if matches!(gate.rule, GateRule::Soak(_)) && self.environment.after.environments.is_empty() {
                self.shuts(
                    "after",
                    "has no `after`, so nothing soaks",
                    "name the environments that come before it",
                );
                continue;
            }
            self.environment.gates.push(Gate { policy: Some(self.rule.name.clone()), ..gate.clone() });
        }
    }
}
