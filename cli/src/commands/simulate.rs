//! `promoter simulate`: what a pipeline would do, played in a world without machines.

use crate::edge::{self, Outcome};
use crate::files::read_text;
use clap::{Args, ValueEnum};
use promoter_core::Diagnosis;
use promoter_core::sim::story::{COMMANDS, Step, Transcript, play};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Args)]
#[command(after_help = help())]
pub(crate) struct Arguments {
    /// A story: promoter.yaml, a line `---`, and commands; `-` reads stdin
    #[arg(value_name = "STORY")]
    story: PathBuf,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Form,
    /// Compare the transcript with a file instead of printing it; exit code 1 when it differs
    #[arg(long, value_name = "FILE", conflicts_with = "output")]
    check: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Form {
    /// The story with what comes of each line
    #[default]
    Text,
    /// The same for programs
    Json,
}

/// The commands, as the table of the player has them.
fn help() -> String {
    let width = COMMANDS.iter().map(|it| it.form().chars().count()).max().unwrap_or_default();
    let mut text =
        "Nothing is read or written but the story. Freight is called a, b, c… in the order in which it is \
                    recorded;\n`#` begins a remark.\n\nCommands of a story:\n"
            .to_owned();
    for command in COMMANDS {
        text.push_str(&format!("  {:width$}  {}\n", command.form(), command.does));
    }
    text.push_str(
        "\nExample:\n  (cat promoter.yaml; printf '%s\\n' --- run 'push prod' run show) | promoter simulate -",
    );
    text
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Diagnosis> {
    let text = read_text(&arguments.story)?;
    let name = match arguments.story.as_os_str() == "-" {
        true => "stdin".to_owned(),
        false => arguments.story.display().to_string(),
    };
    let transcript = play(&name, &text).map_err(|it| it.diagnosis())?;
    if let Some(file) = &arguments.check {
        return check(&transcript, file);
    }
    edge::result(&match arguments.output {
        Form::Text => transcript.to_string(),
        Form::Json => edge::json(&View::of(&transcript))?,
    })?;
    Ok(Outcome::Done)
}

/// Compares with what a file holds; the first line that differs is printed.
fn check(transcript: &Transcript, file: &Path) -> Result<Outcome, Diagnosis> {
    let (wanted, found) = (read_text(file)?, transcript.to_string());
    if wanted == found {
        return Ok(Outcome::Done);
    }
    let same = wanted.lines().zip(found.lines()).take_while(|(wanted, found)| wanted == found).count();
    let line = |text: &str| text.lines().nth(same).unwrap_or("(the end)").to_owned();
    let (number, file) = (same + 1, file.display());
    edge::result(&format!("{file}:{number}: - {}\n{file}:{number}: + {}\n", line(&wanted), line(&found)))?;
    Ok(Outcome::Found)
}

#[derive(Serialize)]
struct View<'a> {
    steps: Vec<StepView<'a>>,
}

#[derive(Serialize)]
struct StepView<'a> {
    line: u32,
    command: &'a str,
    answer: Vec<&'a str>,
}

impl<'a> View<'a> {
    fn of(transcript: &'a Transcript) -> Self {
        let commands = transcript.steps.iter().filter(|it| it.is_command());
        let view = |it: &'a Step| StepView {
            line: it.line,
            command: &it.text,
            answer: it.answer.lines().map(str::trim_start).collect(),
        };
        Self { steps: commands.map(view).collect() }
    }
}
