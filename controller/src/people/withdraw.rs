//! What people said, taken back: a rejection, one's own approval, a request that is still open.

use promoter_core::record::{Approvals, Record, path};
use promoter_core::{Diagnosis, UnixSeconds};

use super::choose::{named_or_proposed, records};
use super::{Change, Person, Target, Where, find_freight};

/// A word that can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// What somebody asked for.
    Request,
    /// A rejection: the freight may be proposed again.
    Rejection,
    /// One's own approval.
    Approval,
}

impl Person {
    /// Takes back what was said about an environment. `freight` names it; without one, an approval is that of what is
    /// proposed, and a rejection the only one that there is.
    ///
    /// Errors: nothing of that kind was said.
    pub fn withdraw(
        &mut self,
        at: &Where<'_>,
        word: Word,
        freight: Option<&str>,
        now: UnixSeconds,
    ) -> Result<String, Diagnosis> {
        let by = self.by();
        self.change_at(at, now, |target| match word {
            Word::Request => request(target, &by),
            Word::Rejection => rejection(target, freight, &by),
            Word::Approval => approval(target, freight, &by),
        })
    }
}

fn request(target: &Target<'_>, by: &str) -> Result<Change, Diagnosis> {
    let name = &target.environment.name;
    let own = records(target.seen)?.environments.get(name);
    if own.is_none_or(|it| it.request.is_none()) {
        return Err(nothing(format!("nothing is asked for in `{name}`")));
    }
    let path = path::requested(&target.pipeline.name, name);
    Ok(Change::remove(path, format!("{name}: request taken back by {by}")))
}

fn rejection(target: &Target<'_>, freight: Option<&str>, by: &str) -> Result<Change, Diagnosis> {
    let name = &target.environment.name;
    let records = records(target.seen)?;
    let rejected: Vec<_> =
        records.environments.get(name).map(|it| it.rejected.keys().collect()).unwrap_or_default();
    let id = match (freight, rejected.as_slice()) {
        (Some(text), _) => find_freight(records, text)?,
        (None, [only]) => (*only).clone(),
        (None, []) => return Err(nothing(format!("nothing is rejected in `{name}`"))),
        (None, several) => {
            let names: Vec<String> = several.iter().map(|it| it.alias()).collect();
            let cause = format!("several freights are rejected in `{name}`");
            return Err(Diagnosis::input("freight-ambiguous", cause)
                .hint(format!("say which with `--freight`: {}", names.join(", "))));
        }
    };
    if !rejected.contains(&&id) {
        return Err(nothing(format!("{} is not rejected in `{name}`", id.alias())));
    }
    let path = path::rejected(&target.pipeline.name, name, &id);
    Ok(Change::remove(path, format!("{name}: rejection of {} {} taken back by {by}", id.alias(), id.short())))
}

fn approval(target: &Target<'_>, freight: Option<&str>, by: &str) -> Result<Change, Diagnosis> {
    let name = &target.environment.name;
    let id = named_or_proposed(target, freight)?;
    let known = records(target.seen)?.environments.get(name).and_then(|it| it.approved.get(&id));
    let known = match known {
        Some(Ok(known)) if known.approvals.iter().any(|it| it.by == by) => known,
        Some(Err(unread)) => return Err(Diagnosis::input("record-unreadable", unread)),
        _ => return Err(nothing(format!("{by} did not approve {} in `{name}`", id.alias()))),
    };
    let approvals: Vec<_> = known.approvals.iter().filter(|it| it.by != by).cloned().collect();
    let text = format!("{name}: {by} takes the approval of {} {} back", id.alias(), id.short());
    Ok(match approvals.is_empty() {
        true => Change::remove(path::approved(&target.pipeline.name, name, &id), text),
        false => Change::write(Record::Approvals(Approvals { approvals, ..known.clone() }), text),
    })
}

fn nothing(cause: String) -> Diagnosis {
    Diagnosis::input("nothing-to-withdraw", cause).hint("`promoter explain ENV` shows what was said")
}
