//! Programs as checks: no shell, an environment of their own, bounded in time and output.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use promoter_core::pipeline::CommandProbe;
use promoter_core::verification::Answer;
use promoter_core::{CommitId, FreightId, Name};
use tokio::sync::Semaphore;

use crate::child::{Child, Outcome};

/// Programs that run at the same time.
const RUNNING_MAX: usize = 8;
/// The most that a program may write to its stdout.
const OUTPUT_BYTES_MAX: usize = 1 << 20;
/// The longest words that are taken from a program.
const WORDS_CHARS_MAX: usize = 300;

/// Runs programs, where that is allowed.
#[derive(Debug, Clone)]
pub struct Commands {
    running: Option<Arc<Semaphore>>,
}

/// What a program is told by its variables.
#[derive(Debug, Clone)]
pub struct CommandContext {
    /// `PROMOTER_PIPELINE`
    pub pipeline: Name,
    /// `PROMOTER_ENVIRONMENT`
    pub environment: Name,
    /// `PROMOTER_FREIGHT`
    pub freight: FreightId,
    /// `PROMOTER_COMMIT`: the head of the active branch.
    pub commit: CommitId,
}

impl Commands {
    /// `allowed` is the word of who started the controller: programs run with its rights, and promoter.yaml is written by
    /// others.
    pub fn new(allowed: bool) -> Self {
        Self { running: allowed.then(|| Arc::new(Semaphore::new(RUNNING_MAX))) }
    }

    /// Runs a program once. Exit code 0 passes; otherwise the last line of its stderr is the reason.
    pub async fn run(&self, probe: &CommandProbe, context: CommandContext, timeout: Duration) -> Answer {
        let Some(running) = &self.running else {
            return Answer::Waiting(
                "commands are not allowed: start the controller with `--allow-commands`".into(),
            );
        };
        let Ok(_turn) = running.acquire().await else {
            return Answer::Waiting("the controller ends".into());
        };
        let probe = probe.clone();
        let ended = tokio::task::spawn_blocking(move || run(&probe, &context, timeout));
        ended.await.unwrap_or_else(|_| Answer::Waiting("the program could not be watched".into()))
    }
}

fn run(probe: &CommandProbe, context: &CommandContext, timeout: Duration) -> Answer {
    let Some((program, arguments)) = probe.run.split_first() else {
        return Answer::Waiting("there is no program".into());
    };
    let unable = |error: std::io::Error| Answer::Waiting(format!("`{program}` cannot be run: {error}"));
    let home = match tempfile::tempdir() {
        Ok(home) => home,
        Err(error) => return unable(error),
    };
    let mut variables: Vec<(&str, OsString)> = vec![
        ("PROMOTER_PIPELINE", context.pipeline.as_str().into()),
        ("PROMOTER_ENVIRONMENT", context.environment.as_str().into()),
        ("PROMOTER_FREIGHT", context.freight.to_string().into()),
        ("PROMOTER_COMMIT", context.commit.as_str().into()),
    ];
    variables.extend(std::env::var_os("PATH").map(|it| ("PATH", it)));
    variables.extend(probe.variables.iter().map(|(name, value)| (name.as_str(), value.into())));
    let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    let child = Child {
        program: Path::new(program),
        arguments: &arguments,
        home: home.path(),
        variables: &variables,
        timeout,
        output_bytes_max: OUTPUT_BYTES_MAX,
    };
    match child.run() {
        Ok(Outcome::Succeeded(_)) => Answer::Passed,
        Ok(Outcome::Failed(complaint)) => Answer::Failed(format!("`{program}` {}", words(&complaint))),
        Ok(Outcome::TimedOut) => {
            Answer::Failed(format!("`{program}` did not end within {} s", timeout.as_secs_f32()))
        }
        Ok(Outcome::TooLarge) => Answer::Failed(format!("`{program}` writes more than 1 MiB")),
        Err(error) => unable(error),
    }
}

/// The last line that says something.
fn words(complaint: &str) -> String {
    let line = complaint.lines().map(str::trim).rfind(|it| !it.is_empty());
    let line: Option<String> =
        line.map(|it| it.chars().filter(|it| !it.is_control()).take(WORDS_CHARS_MAX).collect());
    line.map_or_else(|| "fails and says nothing".into(), |it| format!("fails: {it}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn run(run: &[&str], timeout_seconds: f32) -> Answer {
        let context = CommandContext {
            pipeline: "shop".parse().unwrap(),
            environment: "dev".parse().unwrap(),
            freight: promoter_core::Digest::of(b"").into(),
            commit: "1".repeat(40).parse().unwrap(),
        };
        let probe = CommandProbe {
            run: run.iter().map(|&it| it.into()).collect(),
            variables: vec![("GREETING".into(), "hello world".into())],
        };
        Commands::new(true).run(&probe, context, Duration::from_secs_f32(timeout_seconds)).await
    }

    #[tokio::test]
    async fn a_program_is_told_where_it_is_and_nothing_else() {
        let script = "env | cut -d= -f1 | sort | tr '\\n' ' ' >&2; exit 1";
        let Answer::Failed(why) = run(&["sh", "-c", script], 20.0).await else { panic!() };
        let own = ["_", "OLDPWD", "PWD", "SHLVL"];
        let names: Vec<&str> = why.split(' ').skip(2).filter(|it| !own.contains(it)).collect();
        let expected = "GREETING HOME PATH PROMOTER_COMMIT PROMOTER_ENVIRONMENT PROMOTER_FREIGHT PROMOTER_PIPELINE TMPDIR";
        assert_eq!(names.join(" "), expected);
        assert_eq!(
            run(&["sh", "-c", "test \"$PROMOTER_ENVIRONMENT $GREETING\" = 'dev hello world'"], 20.0).await,
            Answer::Passed
        );
    }

    #[tokio::test]
    async fn arguments_are_no_shells() {
        let answer = run(&["sh", "-c", "echo \"$0\" >&2; echo >&2; exit 3", "$(id); x"], 20.0).await;
        assert_eq!(answer, Answer::Failed("`sh` fails: $(id); x".into()));
    }

    #[tokio::test]
    async fn a_program_that_does_not_end_is_killed_with_its_children() {
        let directory = tempfile::tempdir().unwrap();
        let (pipe, path) = (directory.path().join("alive"), directory.path().join("alive"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        // The grandchild holds the pipe open for as long as it lives, so that reading it ends with it.
        let reader = std::thread::spawn(move || std::fs::read(path).unwrap());
        let script = format!("(exec >'{}'; sleep 600) & sleep 600", pipe.display());
        let Answer::Failed(why) = run(&["sh", "-c", &script], 1.0).await else { panic!() };
        assert_eq!(why, "`sh` did not end within 1 s");
        assert_eq!(reader.join().unwrap(), b"");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_or_not_allowed_is_waited_for() {
        let Answer::Waiting(why) = run(&["promoter-no-such-program"], 5.0).await else { panic!() };
        assert!(why.starts_with("`promoter-no-such-program` cannot be run: "), "{why}");
        let Answer::Failed(why) = run(&["sh", "-c", "head -c 2000000 /dev/zero"], 20.0).await else {
            panic!()
        };
        assert_eq!(why, "`sh` writes more than 1 MiB");
    }
}
