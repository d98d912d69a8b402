//! Approvals: how many different people agreed to this freight in this environment.

use super::Verdict;
use crate::FreightId;
use crate::facts::Facts;
use crate::pipeline::{Approvals, Environment};
use crate::record::{BY_GIT, BY_LOCK, BY_PROMOTER, RequestAction};
use std::collections::BTreeSet;

pub(super) fn judge(
    freight: &FreightId,
    environment: &Environment,
    rule: &Approvals,
    facts: &Facts<'_>,
) -> Verdict {
    let record = facts.records_of(&environment.name).and_then(|it| it.approved.get(freight));
    let mut people: BTreeSet<&str> = match record {
        Some(Err(unread)) => {
            return Verdict::Waiting { until: None, what: format!("cannot be judged: {unread}") };
        }
        None => BTreeSet::new(),
        Some(Ok(record)) => {
            record.approvals.iter().map(|it| it.by.as_str()).filter(|it| rule.counts(it)).collect()
        }
    };
    let own: BTreeSet<&str> = match rule.self_approval {
        true => BTreeSet::new(),
        false => authors(freight, environment, facts).intersection(&people).copied().collect(),
    };
    people.retain(|it| !own.contains(it));
    let names = people.iter().copied().collect::<Vec<_>>().join(", ");
    let names = if names.is_empty() { names } else { format!(" ({names})") };
    let required = rule.required;
    let words = format!("has {} of {required} approvals{names}{}", people.len(), own_words(&own));
    match u32::try_from(people.len()).is_ok_and(|it| it < required) {
        true => Verdict::Waiting { until: None, what: words },
        false => Verdict::Open { how: words },
    }
}

/// Who wrote the freight or asked for it here: their own word is no second pair of eyes.
fn authors<'a>(freight: &FreightId, environment: &Environment, facts: &Facts<'a>) -> BTreeSet<&'a str> {
    let mut authors = BTreeSet::new();
    if let Some(known) = facts.known(freight) {
        let discovered = &known.record.discovered;
        authors
            .extend(Some(discovered.by.as_str()).filter(|it| ![BY_GIT, BY_LOCK, BY_PROMOTER].contains(it)));
        authors.extend(discovered.author.as_deref());
    }
    let request = facts.records_of(&environment.name).and_then(|it| it.request.as_ref()?.as_ref().ok());
    let request = request.filter(|it| it.freight == *freight && it.action != RequestAction::Rollback);
    authors.extend(request.map(|it| it.requested.by.as_str()));
    authors
}

fn own_words(own: &BTreeSet<&str>) -> String {
    let names: Vec<String> = own.iter().map(|it| format!("{it}'s")).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => format!(", {one} own does not count"),
        several => format!(", {} own do not count", several.join(" and ")),
    }
}
