//! What people type against a repository that a controller looks after, as transcripts: `testdata/cli/people/*.txt`.
//!
//! The repository holds the example app with nothing to wait for but prod's approval. `$ pass` lets the controller work
//! until it rests; `$ edit BRANCH PATH OLD NEW` is a commit that replaces a text; `$ copy FROM TO` copies a folder of
//! main; `$ promoter …` is the built command as Ada types it (`$ bob promoter …`: as Bob does), with `{1}`, `{2}`, … for freight in the order in which it
//! came. In the answer stdout stands as it is, stderr behind `! `, and an exit code other than 0 in brackets.
//! What differs from run to run is named: `TIME`, `COMMIT`, `REPO`, `freight-1` and `id-1` for the first freight.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails here fails the test")]

mod demo;
mod dora;
mod here;
mod signing;
mod stage;
mod verify;

use promoter_testkit::golden_text;
use stage::Stage;

#[test]
fn people_are_told_what_their_transcripts_say() {
    golden_text("cli/people/*.txt", |_, case| {
        let stage = Stage::new();
        let mut answer = String::new();
        for line in case.lines() {
            answer.push_str(&format!("{line}\n"));
            if let Some(command) = line.strip_prefix("$ ") {
                answer.push_str(&stage.run(command));
            }
        }
        answer
    });
}
