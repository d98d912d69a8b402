//! Stories: what people and the world do, line by line, and what the controller does about it.
//!
//! A story is a promoter.yaml, a line `---`, and commands, one a line; `#` begins a remark that the transcript keeps.
//! Freight is called `a`, `b`, `c`… in the order in which it is recorded. [`COMMANDS`] lists what can be said. Every
//! command is judged by [`super::rules`].

mod commands;
mod error;
mod people;
mod player;
mod process;
mod says;
mod show;
mod words;

pub use commands::{COMMANDS, Command};
pub use error::{Slip, StoryError};
pub use player::{Hands, Player};

use crate::Place;
use crate::pipeline::{self, Pipeline};
use std::fmt;

/// A story that was played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// Its lines with what came of each.
    pub steps: Vec<Step>,
}

/// A line of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its line in the file, from 1.
    pub line: u32,
    /// The command; a remark or nothing.
    pub text: String,
    /// What came of it, lines with their ends; often nothing.
    pub answer: String,
}

impl Step {
    /// True for a command, false for a remark or an empty line.
    pub fn is_command(&self) -> bool {
        !self.text.is_empty() && !self.text.starts_with('#')
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| {
            let mark = if step.is_command() { "> " } else { "" };
            write!(f, "{mark}{}\n{}", step.text, step.answer)
        })
    }
}

/// Plays a story. `path` is the file's name for messages.
///
/// Errors: the first line that is wrong, with its place; a rule that did not hold.
pub fn play(path: &str, text: &str) -> Result<Transcript, StoryError> {
    let (pipeline, commands, first) = read(path, text)?;
    let mut player = Player::new(pipeline, Hands::default());
    let mut steps = Vec::new();
    for (line, text) in (first..).zip(commands.lines()) {
        let text = text.trim();
        let mut step = Step { line, text: text.to_owned(), answer: String::new() };
        if step.is_command() {
            let failed = |slip| StoryError::Line { slip, at: Place::new(path, line) };
            step.answer = player.play(text).map_err(failed)?;
        }
        steps.push(step);
    }
    Ok(Transcript { steps })
}

/// The pipeline of a story, its commands, and the line of the first.
fn read<'a>(path: &str, text: &'a str) -> Result<(Pipeline, &'a str, u32), StoryError> {
    let Some((promoter_yaml, commands)) = text.split_once("\n---\n") else {
        return Err(StoryError::Form { at: Place::new(path, 0) });
    };
    let placed = |error: pipeline::PipelineError| {
        let mut diagnosis = error.diagnosis();
        if let Some(at) = &mut diagnosis.at {
            path.clone_into(&mut at.path);
        }
        StoryError::Pipeline(Box::new(diagnosis))
    };
    let mut pipelines = pipeline::read("apps/shop/promoter.yaml", promoter_yaml).map_err(placed)?;
    let lines = promoter_yaml.lines().count() + 2;
    match pipelines.pop() {
        Some(pipeline) if pipelines.is_empty() => {
            Ok((pipeline, commands, u32::try_from(lines).unwrap_or(u32::MAX)))
        }
        _ => Err(StoryError::Form { at: Place::new(path, 0) }),
    }
}
