//! Every example of `testdata/examples` that has a story, played with the real controller; and what they render to, beside
//! the real kustomize and helm.
//!
//! `story.txt` is a transcript: `$ rest` lets the controller work until nothing moves (an hour passes between two looks),
//! `$ pass` lets it look as often as it takes while no time passes, `$ approve ENV [PIPELINE]` and `$ freight PIPELINE NAME=ARTIFACT` are people's words,
//! `$ edit PATH OLD NEW` is a commit, `$ lint` is the built command over the example's folder, `$ ask` is Argo CD asking for every
//! Application that names the plugin, and `$ show APPLICATION` what one got.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails here fails the test")]

mod pages;
mod renders;
mod world;

use promoter_testkit::{golden_text, tool, words};
use world::World;

#[test]
fn examples_do_what_their_stories_say() {
    let Some(helm) = tool("helm-v4.2.4", "helm") else { return };
    golden_text("examples/*/story.txt", |path, story| {
        let mut world = World::of(path.parent().unwrap(), &helm);
        let mut answer = String::new();
        for line in story.lines() {
            answer.push_str(&format!("{line}\n"));
            let Some(command) = line.strip_prefix("$ ") else { continue };
            let words = words(command);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            answer.push_str(&match words.as_slice() {
                ["rest"] => world.rest(3_600),
                ["pass"] => world.rest(0),
                ["approve", environment] => world.approve(environment, None),
                ["approve", environment, pipeline] => world.approve(environment, Some(pipeline)),
                ["freight", pipeline, artifacts @ ..] => world.freight(pipeline, artifacts),
                ["edit", path, old, new] => world.edit(path, old, new),
                ["lint"] => world.lint(),
                ["ask"] => world.ask(),
                ["show", application] => world.show(application),
                other => panic!("a story does not know {other:?}"),
            });
        }
        answer
    });
}
