//! A pipeline stands still by a person's word, and goes on by another: the switch for freezes.

use promoter_core::record::{Pause, Record, path};
use promoter_core::{Diagnosis, Name, UnixSeconds};

use super::choose::{find_pipeline, known_state};
use super::{Change, Person, no_reason, write};
use crate::observe::Observer;

impl Person {
    /// Pauses a pipeline: automation proposes and merges nothing, and promotions that people ask for wait; hotfixes and
    /// rollbacks go on. A pause that stands is replaced.
    ///
    /// Errors: no reason; an end that is not in the future.
    pub fn pause(
        &mut self,
        pipeline: Option<&Name>,
        reason: &str,
        until: Option<UnixSeconds>,
        now: UnixSeconds,
    ) -> Result<String, Diagnosis> {
        let paused = self.statement(reason, now);
        if paused.reason.is_empty() {
            return Err(no_reason("a pause"));
        }
        if let Some(until) = until.filter(|it| *it <= now) {
            return Err(Diagnosis::input("pause-until", format!("`{until}` is not in the future"))
                .hint("give a later time, or a span like `12h`"));
        }
        self.change_pipeline(pipeline, now, |name, _| {
            let pause = Pause { pipeline: name.clone(), paused: paused.clone(), until };
            let end = until.map_or_else(String::new, |it| format!(" until {it}"));
            Change::write(Record::Pause(pause), format!("{name}: paused{end} by {}", paused.by))
        })
    }

    /// Ends the pause of a pipeline.
    pub fn resume(&mut self, pipeline: Option<&Name>, now: UnixSeconds) -> Result<String, Diagnosis> {
        let by = self.by();
        self.change_pipeline(pipeline, now, |name, is_paused| match is_paused {
            true => Change::remove(path::paused(name), format!("{name}: resumed by {by}")),
            false => Change::none(format!("{name}: not paused")),
        })
    }

    /// The names of all pipelines.
    pub fn pipelines(&mut self) -> Result<Vec<Name>, Diagnosis> {
        let seen = self.observer.observe_unrendered()?;
        Ok(seen.pipelines.iter().map(|(it, _)| it.name.clone()).collect())
    }

    fn change_pipeline(
        &mut self,
        pipeline: Option<&Name>,
        now: UnixSeconds,
        decide: impl Fn(&Name, bool) -> Change,
    ) -> Result<String, Diagnosis> {
        self.until_written(Observer::observe_unrendered, |repository, seen| {
            let (pipeline, observation) = find_pipeline(seen, pipeline)?;
            let state = known_state(observation)?;
            let change = decide(&pipeline.name, state.records.pause.is_some());
            let (pipeline, expect_state) = (pipeline.clone(), state.head.clone());
            write(repository, &mut seen.refs, &pipeline, expect_state, change, now)
        })
    }
}
