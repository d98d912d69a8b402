//! Stories: what people and the world do, line by line, and what the controller does about it; and the page of them.

use promoter_core::sim::story::{COMMANDS, play};
use promoter_testkit::golden_text;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[test]
fn stories() {
    golden_text("story/*.txt", played);
}

/// The order of the stories on the page; others follow by name.
const PAGE: [&str; 17] = [
    "street",
    "image-updater",
    "config-updater",
    "grouped-services",
    "ordered-services",
    "fan-out",
    "fan-in",
    "gatekeeper",
    "person",
    "queue",
    "hotfix",
    "rollback",
    "failure",
    "freeze",
    "hand-edit",
    "unread",
    "crash",
];

/// What stands before the part of the page that is written here.
const MARK: &str = "<!-- from here on written by tests/plan/story.rs of promoter-core: make bless -->\n";

#[test]
fn the_page_of_stories_is_what_happens() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let file = root.join("docs/stories.md");
    let page = std::fs::read_to_string(&file).unwrap();
    let (by_hand, _) = page.split_once(MARK).unwrap();
    let mut wanted = format!("{by_hand}{MARK}\n{}", commands());
    for path in in_order(&root.join("testdata/story")) {
        section(&path, &mut wanted);
    }
    if std::env::var_os("PROMOTER_BLESS").is_some() {
        std::fs::write(&file, &wanted).unwrap();
    }
    let same = page == wanted || std::env::var_os("PROMOTER_BLESS").is_some();
    assert!(same, "docs/stories.md is not what happens: run `make bless`");
}

fn in_order(folder: &Path) -> Vec<PathBuf> {
    let all = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let mut all: Vec<PathBuf> = all.filter(|it| it.extension().is_some_and(|it| it == "txt")).collect();
    let place = |path: &PathBuf| PAGE.iter().position(|it| path.file_stem().is_some_and(|stem| stem == *it));
    all.sort_by_key(|it| (place(it).unwrap_or(PAGE.len()), it.clone()));
    all
}

fn played(path: &Path, text: &str) -> String {
    match play(&path.to_string_lossy(), text) {
        Ok(transcript) => transcript.to_string(),
        Err(error) => panic!("{}", error.diagnosis()),
    }
}

/// The table of commands.
fn commands() -> String {
    let mut out = "## Commands\n\n| Command | What it does |\n| --- | --- |\n".to_owned();
    for command in COMMANDS {
        let _ = writeln!(out, "| `{}` | {} |", command.form().replace('|', "\\|"), command.does);
    }
    out
}

/// A story: its first remark is title and words, then come the pipeline and the transcript.
fn section(path: &Path, out: &mut String) {
    let text = std::fs::read_to_string(path).unwrap();
    let (promoter_yaml, _) = text.split_once("\n---\n").unwrap();
    let (remark, pipeline): (Vec<&str>, Vec<&str>) =
        promoter_yaml.lines().partition(|it| it.starts_with('#'));
    let words: Vec<&str> = remark.iter().map(|it| it.trim_start_matches(['#', ' '])).collect();
    let words = words.join(" ");
    let (title, words) = words.split_once(": ").unwrap_or_else(|| panic!("{}: no title", path.display()));
    let words = first_upper(words).replacen(" Elsewhere: ", "\n\nElsewhere: ", 1);
    let _ = write!(
        out,
        "\n## {title}\n\n{words}\n\n```yaml\n{}\n```\n\n```console\n{}```\n",
        pipeline.join("\n"),
        played(path, &text),
    );
}

fn first_upper(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
