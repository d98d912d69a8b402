//! Approvals: how many different people agreed to this freight in this environment.

use super::Verdict;
use crate::FreightId;
use crate::facts::Facts;
use crate::pipeline::Environment;
use std::collections::BTreeSet;

pub(super) fn judge(
    freight: &FreightId,
    environment: &Environment,
    required: u32,
    from: &[String],
    facts: &Facts<'_>,
) -> Verdict {
    let record = facts.records_of(&environment.name).and_then(|it| it.approved.get(freight));
    let people: BTreeSet<&str> = match record {
        Some(Err(unread)) => {
            return Verdict::Waiting { until: None, what: format!("cannot be judged: {unread}") };
        }
        None => BTreeSet::new(),
        Some(Ok(record)) => {
            let counts = |by: &&str| from.is_empty() || from.iter().any(|it| it == by);
            record.approvals.iter().map(|it| it.by.as_str()).filter(counts).collect()
        }
    };
    let names = people.iter().copied().collect::<Vec<_>>().join(", ");
    let names = if names.is_empty() { names } else { format!(" ({names})") };
    let words = format!("has {} of {required} approvals{names}", people.len());
    match u32::try_from(people.len()).is_ok_and(|it| it < required) {
        true => Verdict::Waiting { until: None, what: words },
        false => Verdict::Open { how: words },
    }
}
