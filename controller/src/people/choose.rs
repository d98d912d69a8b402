//! What a person means: pipelines, environments and freight by the words that people type.

use promoter_core::observation::{Observation, State, Tip};
use promoter_core::pipeline::{AssembleError, Environment, Pipeline};
use promoter_core::record::Records;
use promoter_core::{Artifact, CommitId, Diagnosis, Freight, FreightId, Name, PromotionLock, Setting};

use crate::observe::Seen;
use crate::repository::Repository;

/// The fewest digits of an id that are taken for one.
const ID_DIGITS_MIN: usize = 6;

/// An environment as a person names it. The pipeline may be left out where the environment says enough.
#[derive(Debug, Clone, Copy)]
pub struct Where<'a> {
    /// The pipeline.
    pub pipeline: Option<&'a Name>,
    /// The environment.
    pub environment: &'a Name,
}

/// A pipeline and one of its environments, with what was seen.
pub(super) struct Target<'a> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) environment: &'a Environment,
    pub(super) seen: &'a Observation,
    findings: &'a [Diagnosis],
}

impl Where<'_> {
    /// The pipeline and the environment that are meant.
    pub fn found<'a>(&self, seen: &'a Seen) -> Result<(&'a Pipeline, &'a Environment), Diagnosis> {
        self.find(seen).map(|it| (it.pipeline, it.environment))
    }

    /// Finds the one environment that is meant.
    pub(super) fn find<'a>(&self, seen: &'a Seen) -> Result<Target<'a>, Diagnosis> {
        if self.pipeline.is_some() {
            find_pipeline(seen, self.pipeline)?;
        }
        let wanted =
            seen.pipelines.iter().filter(|(it, _)| self.pipeline.is_none_or(|name| it.name == *name));
        let mut targets = wanted.clone().filter_map(|(pipeline, observation)| {
            let environment = pipeline.environment(self.environment)?;
            Some(Target { pipeline, environment, seen: observation, findings: &seen.findings })
        });
        match (targets.next(), targets.next()) {
            (Some(target), None) => Ok(target),
            (Some(_), Some(_)) => Err(Diagnosis::input(
                "environment-ambiguous",
                format!("several pipelines have an environment `{}`", self.environment),
            )
            .hint("say which with `--pipeline`")),
            (None, _) => {
                let mut known: Vec<&str> = Vec::new();
                for it in wanted.flat_map(|(it, _)| it.environments.iter().map(|it| it.name.as_str())) {
                    if !known.contains(&it) {
                        known.push(it);
                    }
                }
                let cause = format!("there is no environment `{}`", self.environment);
                let hint = (!known.is_empty()).then(|| format!("the environments are {}", known.join(", ")));
                Err(Diagnosis::input("environment-unknown", cause).hint(or_findings(hint, seen)))
            }
        }
    }
}

impl<'a> Target<'a> {
    fn tip(&self, proposed: bool) -> Result<Option<&'a Tip>, Diagnosis> {
        let Some(seen) = self.seen.environments.get(&self.environment.name) else {
            return Ok(None);
        };
        let tip = if proposed { &seen.proposed } else { &seen.active };
        tip.as_ref().map(Option::as_ref).map_err(|unread| Diagnosis::upstream("branch-unreadable", unread))
    }

    fn lock(&self, proposed: bool) -> Result<Option<(&'a CommitId, &'a PromotionLock)>, Diagnosis> {
        let Some(tip) = self.tip(proposed)? else {
            return Ok(None);
        };
        match &tip.lock {
            Ok(lock) => Ok(lock.as_ref().map(|lock| (&tip.commit, lock))),
            // What keeps it from being read is a finding of the same look, with a code and place of its own.
            Err(unread) => {
                let finding = self.findings.iter().find(|it| it.to_string() == unread.why);
                Err(finding.cloned().unwrap_or_else(|| Diagnosis::input("branch-unreadable", unread)))
            }
        }
    }

    /// The active head and its lock.
    pub(super) fn active(&self) -> Result<(&'a CommitId, &'a PromotionLock), Diagnosis> {
        self.lock(false)?.ok_or_else(|| {
            let name = &self.environment.name;
            Diagnosis::input("environment-empty", format!("nothing was promoted to `{name}` yet"))
                .hint("run the controller first")
        })
    }

    /// The freight that is proposed, if it is other than the active one or brings in apps that are missing there.
    fn proposed(&self) -> Result<Option<FreightId>, Diagnosis> {
        let active = self.lock(false)?.map(|(_, lock)| lock.freight.id());
        let is_without = |it: Option<&Tip>| it.is_some_and(|it| !it.apps.missing.is_empty());
        let brings = is_without(self.tip(false)?) && !is_without(self.tip(true)?);
        let proposed = self.lock(true)?.map(|(_, lock)| lock.freight.id());
        Ok(proposed.filter(|it| brings || active.as_ref() != Some(it)))
    }
}

/// The proposed commit, if something other than the active freight is proposed.
pub(super) fn proposed_head<'a>(target: &Target<'a>) -> Result<Option<&'a CommitId>, Diagnosis> {
    let is_open = target.proposed()?.is_some();
    Ok(target.lock(true)?.map(|(commit, _)| commit).filter(|_| is_open))
}

/// The pipeline of a name, or the only one.
pub(super) fn find_pipeline<'a>(
    seen: &'a Seen,
    name: Option<&Name>,
) -> Result<(&'a Pipeline, &'a Observation), Diagnosis> {
    let mut found = seen.pipelines.iter().filter(|(it, _)| name.is_none_or(|name| it.name == *name));
    let known = || seen.pipelines.iter().map(|(it, _)| it.name.as_str()).collect::<Vec<_>>().join(", ");
    match (found.next(), found.next()) {
        (Some((pipeline, observation)), None) => Ok((pipeline, observation)),
        (Some(_), Some(_)) => Err(Diagnosis::input("pipeline-ambiguous", "there are several pipelines")
            .hint(format!("say which with `--pipeline`: {}", known()))),
        (None, _) => {
            let cause = match name {
                Some(name) => format!("there is no pipeline `{name}`"),
                None => "there is no pipeline on the dry branch".to_owned(),
            };
            let hint = (!seen.pipelines.is_empty()).then(|| format!("the pipelines are {}", known()));
            Err(Diagnosis::input("pipeline-unknown", cause).hint(or_findings(hint, seen)))
        }
    }
}

/// What there is to choose from; where there is nothing, what is wrong with the files that should say.
fn or_findings(hint: Option<String>, seen: &Seen) -> String {
    let wrong = |it: &Diagnosis| {
        let at = it.at.as_ref().map_or_else(String::new, |at| format!(" ({at})"));
        format!("no pipeline can be read: {}{at}", it.cause)
    };
    hint.or_else(|| seen.findings.first().map(wrong)).unwrap_or_else(|| "commit a promoter.yaml".to_owned())
}

/// The state branch, or why a person's word cannot be added to it.
pub(super) fn known_state(seen: &Observation) -> Result<&State, Diagnosis> {
    seen.state.as_ref().map_err(|unread| Diagnosis::upstream("branch-unreadable", unread))
}

/// The records of the pipeline.
pub(super) fn records(seen: &Observation) -> Result<&Records, Diagnosis> {
    known_state(seen).map(|it| &it.records)
}

/// Freight by its id, the first digits of it, or its alias.
pub fn find_freight(records: &Records, text: &str) -> Result<FreightId, Diagnosis> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let is_digits = digits.len() >= ID_DIGITS_MIN && digits.bytes().all(|it| it.is_ascii_hexdigit());
    let mut found = records
        .freight
        .keys()
        .filter(|it| it.alias() == text || (is_digits && it.hex().starts_with(&digits.to_ascii_lowercase())));
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id.clone()),
        (Some(_), Some(_)) => {
            let cause = format!("several freights are called `{text}`");
            Err(Diagnosis::input("freight-ambiguous", cause).hint("give more digits of the id"))
        }
        (None, _) => Err(Diagnosis::input("freight-unknown", format!("there is no freight `{text}`"))
            .hint("`promoter freight list` shows what there is")),
    }
}

/// The freight that is named, else the one that is proposed.
pub(super) fn named_or_proposed(target: &Target<'_>, freight: Option<&str>) -> Result<FreightId, Diagnosis> {
    match freight {
        Some(text) => find_freight(records(target.seen)?, text),
        None => target.proposed()?.ok_or_else(|| {
            let name = &target.environment.name;
            Diagnosis::input("nothing-proposed", format!("nothing is proposed for `{name}`"))
                .hint("name the freight; `promoter freight list` shows what there is")
        }),
    }
}

/// The freight that an environment ran before the one it runs, for a rollback. After one rollback that is the freight
/// that was rolled back from: going there again has to be said.
pub(super) fn previous(target: &Target<'_>) -> Result<FreightId, Diagnosis> {
    let (_, lock) = target.active()?;
    let name = &target.environment.name;
    let hint = "name the freight with `--to`";
    let previous = lock.promotion.as_ref().and_then(|it| it.previous.clone()).ok_or_else(|| {
        Diagnosis::input("nothing-before", format!("`{name}` ran nothing before")).hint(hint)
    })?;
    let freight = &records(target.seen)?.freight;
    let age = |id| freight.get_key_value(id).and_then(|(id, it)| Some(it.as_ref().ok()?.age(id)));
    if age(&previous) > age(&lock.freight.id()) {
        let alias = previous.alias();
        let cause = format!("what `{name}` ran before, {alias}, is newer than what it runs");
        return Err(Diagnosis::input("nothing-before", cause).hint(hint));
    }
    Ok(previous)
}

/// Refuses freight that an environment is not known to have run: a rollback is no way around the environments before.
pub(super) fn check_ran(target: &Target<'_>, freight: &FreightId) -> Result<(), Diagnosis> {
    let (_, lock) = target.active()?;
    let name = &target.environment.name;
    let verified = records(target.seen)?.environments.get(name).and_then(|it| it.verified.get(freight));
    let previous = lock.promotion.as_ref().and_then(|it| it.previous.as_ref());
    if verified.is_some() || previous == Some(freight) || lock.freight.id() == *freight {
        return Ok(());
    }
    let cause = format!("{} is not known to have run in `{name}`", freight.alias());
    Err(Diagnosis::input("rollback-never-ran", cause).hint("`promoter promote --hotfix` brings it in"))
}

/// Freight out of the newest artifact of each subscription and the given ones.
pub(super) fn assemble(
    pipeline: &Pipeline,
    seen: &Observation,
    state: &State,
    settings: &[Setting],
    repository: &Repository,
) -> Result<Freight, Diagnosis> {
    let newest = state.records.newest().map_err(|unread| Diagnosis::upstream("record-unreadable", unread))?;
    let dry = seen.dry.as_ref().map_err(|unread| Diagnosis::upstream("branch-unreadable", unread))?;
    let given = settings.iter().map(|setting| {
        let own = pipeline.subscriptions.iter().find(|it| it.name == setting.name);
        let own = own.ok_or_else(|| AssembleError::Unknown(setting.name.clone()).diagnosis())?;
        // A tag or version that was discovered needs no digest.
        let found = seen.artifacts.get(&own.name).and_then(|it| it.as_ref().ok());
        if let Some(known) = found.and_then(|it| it.called(&setting.value)) {
            return Ok(Artifact { name: own.name.clone(), content: known.content.clone() });
        }
        let origin = own.origin.origin(&repository.url);
        setting.resolve(Some(&origin)).map_err(|error| error.diagnosis())
    });
    let given = given.collect::<Result<Vec<_>, _>>()?;
    pipeline.assemble(&repository.url, &dry.pin, newest, &given).map_err(|error| error.diagnosis())
}
