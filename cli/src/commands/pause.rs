//! `promoter pause` and `resume`: the switch by which people stop a pipeline, or all of them.

use super::repository::RepositoryOptions;
use super::signing::PersonSigning;
use crate::edge::{self, Outcome};
use clap::Args;
use promoter_controller::people::Person;
use promoter_controller::run::now;
use promoter_core::{Diagnosis, Name, Seconds, UnixSeconds};

#[derive(Args)]
pub(crate) struct PauseArguments {
    /// Why
    #[arg(long)]
    reason: String,
    /// When it ends by itself: a time like 2026-12-01T06:00:00Z, or a span like 12h
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[command(flatten)]
    which: Which,
}

#[derive(Args)]
pub(crate) struct ResumeArguments {
    #[command(flatten)]
    which: Which,
}

#[derive(Args)]
struct Which {
    /// Every pipeline of the repository
    #[arg(long, conflicts_with = "pipeline")]
    all: bool,
    #[command(flatten)]
    repository: RepositoryOptions,
    #[command(flatten)]
    signing: PersonSigning,
}

/// Stops pipelines.
pub(crate) fn pause(arguments: &PauseArguments) -> Result<Outcome, Diagnosis> {
    let until = arguments.until.as_deref().map(|it| time(it, now())).transpose()?;
    arguments.which.each(|person, name| person.pause(name, &arguments.reason, until, now()))
}

/// Lets pipelines go on.
pub(crate) fn resume(arguments: &ResumeArguments) -> Result<Outcome, Diagnosis> {
    arguments.which.each(|person, name| person.resume(name, now()))
}

impl Which {
    fn each(
        &self,
        say: impl Fn(&mut Person, Option<&Name>) -> Result<String, Diagnosis>,
    ) -> Result<Outcome, Diagnosis> {
        let mut person = self.repository.writer(&self.signing)?;
        if !self.all {
            edge::result(&format!("{}\n", say(&mut person, self.repository.pipeline.as_ref())?))?;
            return Ok(Outcome::Done);
        }
        for name in person.pipelines()? {
            edge::result(&format!("{}\n", say(&mut person, Some(&name))?))?;
        }
        Ok(Outcome::Done)
    }
}

/// A point in time, or how long from now.
fn time(text: &str, now: UnixSeconds) -> Result<UnixSeconds, Diagnosis> {
    let span = |text: &str| text.parse::<Seconds>().map(|it| it.after(now));
    text.parse().or_else(|_| span(text)).map_err(|_| {
        Diagnosis::input("pause-until", format!("`{text}` is no time"))
            .hint("write one like `2026-12-01T06:00:00Z`, or a span like `12h`")
    })
}
