//! Commit statuses: somebody, mostly CI, says of exactly the proposed commit that a named check succeeded.

use super::Verdict;
use crate::Name;
use crate::facts::Facts;
use crate::fields::is_slip;
use crate::pipeline::Environment;
use crate::record::{CommitStatus, StatusPhase};

pub(super) fn judge(name: &Name, environment: &Environment, facts: &Facts<'_>) -> Verdict {
    let waiting = |what: String| Verdict::Waiting { until: None, what };
    let proposed = match facts.environment(&environment.name).map(|it| &it.proposed) {
        Some(Ok(branch)) => branch.head,
        Some(Err(unread)) => return waiting(format!("cannot be judged: {unread}")),
        None => None,
    };
    let Some(commit) = proposed else {
        return waiting(format!("waits for the status `{name}` of a proposal"));
    };
    let short = &commit.as_str()[..10];
    let record = facts.records_of(&environment.name).and_then(|it| it.statuses.get(commit));
    let statuses: &[CommitStatus] = match record {
        Some(Err(unread)) => return waiting(format!("cannot be judged: {unread}")),
        Some(Ok(record)) => &record.statuses,
        None => &[],
    };
    let Some(status) = statuses.iter().find(|it| it.name == *name) else {
        return waiting(format!("waits for the status `{name}` of {short}{}", slip(name, statuses)));
    };
    let said = match status.description.as_str() {
        "" => String::new(),
        description => format!(": {description}"),
    };
    match status.phase {
        StatusPhase::Success => Verdict::Open { how: format!("has the status `{name}`{said}") },
        StatusPhase::Pending => waiting(format!("waits for the pending status `{name}` of {short}{said}")),
        StatusPhase::Failure => {
            Verdict::Closed { why: format!("fails the status `{name}` of {short}{said}") }
        }
    }
}

/// What others were reported while this one was not: one of them may be what was meant.
fn slip(name: &Name, statuses: &[CommitStatus]) -> String {
    let near = statuses.iter().find(|it| is_slip(it.name.as_str(), name.as_str()));
    match near {
        Some(near) => format!(": no status `{name}` was ever reported; `{}` was", near.name),
        None if statuses.is_empty() => String::new(),
        None => {
            let others: Vec<String> = statuses.iter().map(|it| format!("`{}`", it.name)).collect();
            format!(", reported so far: {}", others.join(", "))
        }
    }
}
