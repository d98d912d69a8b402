//! What the subscriptions besides the dry branch bring, and a line for each that stands in the way, that of the dry branch
//! too where it has a rule.
//!
//! What could not be read, what fits no rule and what ranks lower changes nothing: the artifact of the newest freight stays.

use super::{Kind, Look, Subject};
use crate::discovery::{Candidate, Found, Provenance, Step, Why};
use crate::facts::Facts;
use crate::observation::{Fact, Observation};
use crate::pipeline::Subscription;
use crate::record::FreightRecord;
use crate::{Artifact, Content, Name};

/// What is new, and what is to be said.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Artifacts that take the place of those of the newest freight.
    pub(super) artifacts: Vec<Artifact>,
    /// Lines of subscriptions that stand in the way or were passed over.
    pub(super) lines: Vec<(Subject, Kind, String, Look)>,
}

/// Decides for each subscription between what was found and what the newest freight holds.
pub(super) fn take(facts: &Facts<'_>, seen: &Observation, newest: Option<&FreightRecord>) -> Taken {
    let mut taken = Taken::default();
    for own in &facts.pipeline.subscriptions {
        let held = newest.and_then(|it| it.freight.get(&own.name));
        let held = held.filter(|it| own.origin.gives(it, &seen.repository));
        let about = newest.and_then(|it| it.about.get(&own.name));
        if let Some(found) = seen.artifacts.get(&own.name) {
            let before = taken.artifacts.len();
            taken.one(own, held.map(|it| (it, about)), found);
            if own.origin.is_dry() {
                // Whoever looked has decided the same: it is the dry head. Here are the words for it.
                taken.artifacts.truncate(before);
            }
        }
    }
    taken
}

impl Taken {
    fn one(
        &mut self,
        own: &Subscription,
        held: Option<(&Content, Option<&Provenance>)>,
        found: &Fact<Found>,
    ) {
        let stays = held.map_or_else(String::new, |(content, about)| {
            format!("; {} stays", label(content, about.and_then(|it| it.tag.as_deref())))
        });
        let found = match found {
            Ok(found) => found,
            Err(unread) => {
                let look = unread.again.map_or(Look::Poll, Look::At);
                let until = unread.again.map_or_else(String::new, |it| format!(" until {it}"));
                return self.says(own, Kind::Waits, format!("wait{until}, {unread}{stays}"), look);
            }
        };
        match found.step(&own.origin, held) {
            Step::Take(candidate) => self.takes(own, candidate),
            Step::Same => {}
            Step::Nothing => {
                let notes = found.notes.iter().map(|it| format!(", {it}")).collect::<String>();
                self.says(own, Kind::Waits, format!("wait, nothing fits{notes}{stays}"), Look::Poll);
            }
            Step::Stay(candidate, why) => {
                let best = label(&candidate.content, candidate.about.tag.as_deref());
                let why = match why {
                    Why::Lower => "ranks lower",
                    Why::Unknown => "may be older: when what runs was built is not known",
                };
                let text = format!(
                    "the best that is there, {best}, {why}{stays} (by hand: `promoter freight create {}={best}`, or `promoter rollback`)",
                    own.name
                );
                self.says(own, Kind::Stays, text, Look::Poll);
            }
        }
        if !found.passed_over.is_empty() && found.chosen.is_some() {
            let text = format!("passed over {}", found.passed_over.join(", "));
            self.says(own, Kind::Stays, text, Look::Poll);
        }
    }

    fn takes(&mut self, own: &Subscription, candidate: &Candidate) {
        self.artifacts.push(Artifact { name: own.name.clone(), content: candidate.content.clone() });
    }

    fn says(&mut self, own: &Subscription, kind: Kind, text: String, look: Look) {
        self.lines.push((Subject::Subscription(own.name.clone()), kind, text, look));
    }
}

/// One change for people: `web 1.4.2 -> 1.5.0`.
pub(super) fn change(
    name: &Name,
    before: Option<(&Content, Option<&str>)>,
    after: (&Content, Option<&str>),
) -> String {
    let to = label(after.0, after.1);
    let Some((content, tag)) = before else {
        return format!("{name} {to}");
    };
    let from = label(content, tag);
    match from == to {
        false => format!("{name} {from} -> {to}"),
        // The same tag, pushed again.
        true => format!("{name} {to} again ({} -> {})", pin(content), pin(after.0)),
    }
}

/// How people call an artifact: its tag or version, else the first digits of its pin.
pub(super) fn label(content: &Content, tag: Option<&str>) -> String {
    match content {
        Content::Git { .. } => tag.map_or_else(|| pin(content), str::to_owned),
        Content::Image(image) => image.tag.as_ref().map_or_else(|| pin(content), ToString::to_string),
        Content::Chart { version, .. } => version.to_string(),
    }
}

/// The first digits of a pin.
fn pin(content: &Content) -> String {
    let short = |it: &str| {
        let digits = it.rsplit_once(':').map_or(it, |(_, digits)| digits);
        digits.chars().take(10).collect()
    };
    match content {
        Content::Git { commit, .. } => short(commit.as_str()),
        Content::Image(image) => short(image.digest.as_str()),
        Content::Chart { digest, .. } => short(digest.hex()),
    }
}
