//! Makes freight: of the newest of each subscription, and for locks that people wrote.

use super::draft::Draft;
use super::found::{self, Taken, change};
use super::{Look, Subject};
use crate::discovery::{Provenance, known_about};
use crate::facts::Facts;
use crate::gate::satisfies;
use crate::observation::{Dry, DryRender, Fact, Observation};
use crate::pipeline::Creation;
use crate::record::{BY_GIT, BY_LOCK, Discovered, FreightRecord, Record};
use crate::{CommitId, Content, Freight, FreightId, Name};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn step(facts: &Facts<'_>, seen: &Observation, draft: &mut Draft) {
    let mut lines = Vec::new();
    let made = match both(&seen.dry, facts.records.newest()) {
        Ok((dry, newest)) => {
            let mut taken = found::take(facts, seen, newest);
            lines = std::mem::take(&mut taken.lines);
            New { facts, seen, dry, newest, taken }.step(draft)
        }
        Err(unread) => {
            draft.waits(Subject::Freight, &unread.to_string(), Look::Poll);
            None
        }
    };
    adopt(facts, made.as_ref(), draft);
    for (subject, kind, text, look) in lines {
        draft.says(subject, kind, text, look);
    }
}

/// What freight may be made of.
struct New<'a> {
    facts: &'a Facts<'a>,
    seen: &'a Observation,
    dry: &'a Dry,
    newest: Option<&'a FreightRecord>,
    taken: Taken,
}

impl New<'_> {
    /// Records freight of what is new, or says why not.
    fn step(&self, draft: &mut Draft) -> Option<FreightId> {
        let head = short(&self.dry.head);
        match &self.dry.render {
            DryRender::Same if self.taken.artifacts.is_empty() => {
                let like = self
                    .newest
                    .map_or_else(|| "before".into(), |it| format!("{} does", it.freight.id().alias()));
                draft.stays(Subject::Freight, format!("nothing new, {head} renders as {like}"));
                return None;
            }
            DryRender::Broken { environment, why } => {
                let what = format!("no freight is made of {head}: {environment} does not render: {why}");
                draft.waits(Subject::Freight, &what, Look::Poll);
                if self.taken.artifacts.is_empty() {
                    return None;
                }
            }
            DryRender::Same | DryRender::Differs => {}
        }
        let mut kept_out = None;
        for commit in self.commits() {
            let freight = self.facts.pipeline.assemble(
                &self.seen.repository,
                commit,
                self.newest,
                &self.taken.artifacts,
            );
            let freight = match freight {
                Ok(freight) => freight,
                Err(missing) => {
                    let what = format!("no freight is made of {head}: {missing}");
                    draft.waits(Subject::Freight, &what, Look::Poll);
                    return None;
                }
            };
            let about = known_about(&freight, &self.seen.artifacts, self.newest);
            let id = freight.id();
            if let Some(known) = self.facts.records.freight.get(&id) {
                let since = known
                    .as_ref()
                    .map_or_else(|_| String::new(), |it| format!(" since {}", it.discovered.at));
                let text = match self.taken.artifacts.is_empty() {
                    true => format!("nothing new, {head} gives {}, which is known", id.alias()),
                    false => {
                        format!(
                            "nothing new, {} gives {}, which is known{since}",
                            self.words(&freight, &about),
                            id.alias()
                        )
                    }
                };
                draft.stays(Subject::Freight, text);
                draft.knows(id);
                return None;
            }
            let criteria = self.facts.pipeline.freight.criteria.as_ref();
            match criteria.map_or(Ok(()), |it| satisfies(it, &freight, &about)) {
                Ok(()) => return self.make(commit, freight, about, draft),
                Err(why) => drop(kept_out.get_or_insert((self.words(&freight, &about), why))),
            }
        }
        if let Some((what, why)) = kept_out {
            draft.waits(Subject::Freight, &format!("no freight is made of {what}: {why}"), Look::Poll);
        }
        None
    }

    /// The commits of the dry branch that freight may pin, the first choice first. A head that renders the same is as good
    /// as the commit of the newest freight, and is taken where only with it the criteria hold.
    fn commits(&self) -> Vec<&CommitId> {
        let held = self.held();
        let mut commits = match &self.dry.render {
            DryRender::Differs => vec![&self.dry.pin],
            DryRender::Broken { .. } => held.into_iter().collect(),
            DryRender::Same if self.facts.pipeline.freight.criteria.is_none() => {
                vec![held.unwrap_or(&self.dry.pin)]
            }
            DryRender::Same => held.into_iter().chain([&self.dry.pin, &self.dry.head]).collect(),
        };
        commits.dedup();
        commits
    }

    /// The commit that the newest freight pins.
    fn held(&self) -> Option<&CommitId> {
        let own = self.facts.pipeline.subscriptions.iter().find(|it| it.origin.is_dry())?;
        match self.newest?.freight.get(&own.name)? {
            content @ Content::Git { commit, .. } if own.origin.gives(content, &self.seen.repository) => {
                Some(commit)
            }
            _ => None,
        }
    }

    fn make(
        &self,
        commit: &CommitId,
        freight: Freight,
        about: BTreeMap<Name, Provenance>,
        draft: &mut Draft,
    ) -> Option<FreightId> {
        let id = freight.id();
        let words = self.words(&freight, &about);
        if self.facts.pipeline.freight.creation == Creation::Manual {
            let settings = self.taken.artifacts.iter().map(|it| {
                let tag = about.get(&it.name).and_then(|it| it.tag.as_deref());
                format!(" {}={}", it.name, found::label(&it.content, tag))
            });
            let create = format!("promoter freight create{}", settings.collect::<String>());
            draft
                .stays(Subject::Freight, format!("a person may make {} of {words} (`{create}`)", id.alias()));
            return None;
        }
        let text = match (self.taken.artifacts.is_empty(), self.held() == Some(commit)) {
            (true, _) => format!("record {} from {}", id.alias(), short(commit)),
            (false, true) => format!("record {}: {words}", id.alias()),
            (false, false) => format!("record {} from {}: {words}", id.alias(), short(commit)),
        };
        draft.moves(Subject::Freight, text);
        let at = self.facts.records.next_discovery(draft.now());
        let author = match () {
            () if *commit == self.dry.pin => self.dry.author.clone(),
            () if self.held() == Some(commit) => self.newest.and_then(|it| it.discovered.author.clone()),
            () => None,
        };
        let discovered = Discovered { at, by: self.by(commit), author };
        let pipeline = self.facts.pipeline.name.clone();
        draft.record(Record::Freight(FreightRecord { pipeline, freight, discovered, about }));
        Some(id)
    }

    /// What brought it: `git`, or the subscriptions that something new comes from.
    fn by(&self, commit: &CommitId) -> String {
        if self.taken.artifacts.is_empty() {
            return BY_GIT.into();
        }
        let is_new = |name: &Name| self.taken.artifacts.iter().any(|it| it.name == *name);
        let own = self.facts.pipeline.subscriptions.iter();
        let own = own.filter(|it| match it.origin.is_dry() {
            true => self.held() != Some(commit),
            false => is_new(&it.name),
        });
        own.map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// What is new besides the commit, for people: `web 1.4.2 -> 1.5.0`; the commit where nothing else is.
    fn words(&self, freight: &Freight, about: &BTreeMap<Name, Provenance>) -> String {
        if self.taken.artifacts.is_empty() {
            return short(&self.dry.head).to_owned();
        }
        let changes = self.taken.artifacts.iter().map(|it| {
            let tag = |about: Option<&BTreeMap<Name, Provenance>>| about?.get(&it.name)?.tag.clone();
            let (was, is) = (tag(self.newest.map(|it| &it.about)), tag(Some(about)));
            let before = self.newest.and_then(|newest| newest.freight.get(&it.name));
            let after = freight.get(&it.name).unwrap_or(&it.content);
            change(&it.name, before.map(|it| (it, was.as_deref())), (after, is.as_deref()))
        });
        changes.collect::<Vec<_>>().join(", ")
    }
}

/// Records freight that stands in an active lock and nowhere else: someone wrote it there, or the records were lost.
///
/// It is younger than all that is recorded, so that automation does not go back behind it, and it is marked so that
/// automation proposes it nowhere else.
fn adopt(facts: &Facts<'_>, found: Option<&FreightId>, draft: &mut Draft) {
    let mut adopted: BTreeSet<&FreightId> = BTreeSet::new();
    for rules in &facts.pipeline.environments {
        let standing = facts.environment(&rules.name);
        let Some(locked) = standing.and_then(|it| it.active.as_ref().ok()?.locked.as_ref()) else {
            continue;
        };
        let known = facts.records.freight.contains_key(&locked.id) || found == Some(&locked.id);
        if known || !adopted.insert(&locked.id) {
            continue;
        }
        let at = facts.records.next_discovery(draft.now());
        let discovered = Discovered { at, by: BY_LOCK.into(), author: None };
        draft
            .moves(Subject::Freight, format!("record {} from the lock of {}", locked.id.alias(), rules.name));
        draft.record(Record::Freight(FreightRecord {
            pipeline: facts.pipeline.name.clone(),
            freight: locked.lock.freight.clone(),
            discovered,
            about: BTreeMap::new(),
        }));
    }
}

fn both<'a>(
    dry: &'a Fact<Dry>,
    newest: Fact<Option<&'a FreightRecord>>,
) -> Fact<(&'a Dry, Option<&'a FreightRecord>)> {
    Ok((dry.as_ref().map_err(Clone::clone)?, newest?))
}

/// The first digits of a commit, for people.
fn short(commit: &CommitId) -> &str {
    &commit.as_str()[..10]
}
