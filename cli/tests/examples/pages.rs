//! What the pages promise is there: commands and their flags, tests and files that are named, and the five minutes of the
//! README, which are run as they stand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;
use tempfile::TempDir;

/// Commands with commands of their own.
const FAMILIES: [&str; 4] = ["freight", "kustomize", "lock", "policy"];
/// Pages that name tests and files.
const NAMING: [&str; 4] =
    ["docs/comparison.md", "docs/lint.md", "docs/seeds.md", "testdata/examples/README.md"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Files below a directory that end so, with their texts.
fn texts(directory: &Path, end: &str) -> Vec<(PathBuf, String)> {
    let (mut found, mut directories) = (Vec::new(), vec![directory.to_owned()]);
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "target" && name != ".git" {
                    directories.push(path);
                }
            } else if name.ends_with(end) {
                found.push((path.clone(), std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    found
}

fn pages() -> Vec<(PathBuf, String)> {
    let root = root();
    let mut pages = texts(&root.join("docs"), ".md");
    for directory in ["argocd", "manifests", "testdata/examples"] {
        pages.extend(texts(&root.join(directory), ".md"));
    }
    pages.push((root.join("README.md"), std::fs::read_to_string(root.join("README.md")).unwrap()));
    // What stories print is no command.
    pages.retain(|(path, _)| !path.ends_with("docs/stories.md"));
    pages
}

/// The command lines of one of our programs on a page: in blocks, and in backticks.
fn lines<'a>(page: &'a str, program: &str) -> Vec<&'a str> {
    let start = format!("{program} ");
    let mut found = Vec::new();
    let mut in_block = false;
    for line in page.lines() {
        in_block ^= line.starts_with("```");
        let text = line.trim_start().trim_start_matches("$ ");
        if (in_block || line.starts_with("    ")) && text.starts_with(&start) {
            found.push(text);
        }
        found.extend(line.split('`').skip(1).step_by(2).filter(|it| it.starts_with(&start)));
    }
    found
}

/// What `--help` says of a command; `None` where there is no such command.
fn help(program: &Path, command: &[&str], known: &mut BTreeMap<String, Option<String>>) -> Option<String> {
    let key = format!("{} {}", program.display(), command.join(" "));
    let ask = || {
        let output = Command::new(program).args(command).arg("--help").output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    };
    known.entry(key).or_insert_with(ask).clone()
}

#[test]
fn commands_of_the_pages_exist_with_their_flags() {
    let promoter = Path::new(env!("CARGO_BIN_EXE_promoter"));
    let flag = Regex::new(r"--[a-z][a-z-]*").unwrap();
    let (mut known, mut wrong, mut checked) = (BTreeMap::new(), Vec::new(), 0);
    for (page, text) in pages() {
        for program in ["promoter", "promoter-controller", "promoter-plugin"] {
            let binary = promoter.with_file_name(program);
            if !binary.exists() {
                promoter_testkit::say_skipped(program);
                continue;
            }
            for line in lines(&text, program) {
                let line = line.split(" #").next().unwrap().replace('\\', "");
                let own = line.split(['|', ';', '&']).next().unwrap_or_default();
                let words: Vec<&str> = own.split_whitespace().skip(1).collect();
                let is_command = |it: &&&str| it.chars().all(|it| it.is_ascii_lowercase() || it == '-');
                let command: Vec<&str> = match (program, words.first()) {
                    ("promoter-controller", _) => Vec::new(),
                    (_, Some(first)) if FAMILIES.contains(first) => words.iter().copied().take(2).collect(),
                    _ => words
                        .first()
                        .filter(is_command)
                        .filter(|it| !it.starts_with('-'))
                        .copied()
                        .into_iter()
                        .collect(),
                };
                let Some(help) = help(&binary, &command, &mut known) else {
                    wrong.push(format!(
                        "{}: there is no `{program} {}`: {line}",
                        page.display(),
                        command.join(" ")
                    ));
                    continue;
                };
                checked += 1;
                let has = |it: &str| Regex::new(&format!("{it}([^a-z-]|$)")).unwrap().is_match(&help);
                for it in flag.find_iter(own).map(|it| it.as_str()).filter(|it| !has(it)) {
                    wrong.push(format!(
                        "{}: `{program} {}` has no {it}: {line}",
                        page.display(),
                        command.join(" ")
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 100, "only {checked} commands were found");
}

#[test]
fn tests_and_files_that_pages_name_are_there() {
    let root = root();
    let function = Regex::new(r"fn ([a-z0-9_]+)\(").unwrap();
    let mut functions = BTreeSet::new();
    for directory in ["cli", "controller", "crates", "plugin"] {
        for (_, text) in texts(&root.join(directory), ".rs") {
            functions.extend(function.captures_iter(&text).map(|it| it[1].to_owned()));
        }
    }
    let mut wrong = Vec::new();
    let mut named = 0;
    for page in NAMING {
        let text = std::fs::read_to_string(root.join(page)).unwrap();
        for word in text.split('`').skip(1).step_by(2) {
            let is_name = word.contains('_')
                && word.chars().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_');
            let is_path =
                ["testdata/", "cli/", "controller/", "crates/"].iter().any(|it| word.starts_with(it));
            named += usize::from(is_name || is_path);
            let is_there = !is_name || functions.contains(word);
            if !is_there || (is_path && !root.join(word).exists()) {
                wrong.push(format!("{page} names `{word}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(named > 60, "only {named} names were found");
}

#[test]
fn links_of_the_pages_lead_somewhere() {
    let link = Regex::new(r"\]\(([^)#:\s]*)(#[^)\s]*)?\)").unwrap();
    let mut wrong = Vec::new();
    for (page, text) in pages() {
        for found in link.captures_iter(&text) {
            let target = match &found[1] {
                "" => page.clone(),
                path => page.parent().unwrap().join(path),
            };
            if !target.exists() {
                wrong.push(format!("{}: {}", page.display(), &found[0]));
                continue;
            }
            let Some(anchor) = found.get(2).filter(|_| target.extension().is_some_and(|it| it == "md"))
            else {
                continue;
            };
            let target = std::fs::read_to_string(&target).unwrap();
            let headings = target.lines().filter(|it| it.starts_with('#')).map(anchor_of);
            if !headings.into_iter().any(|it| it == anchor.as_str()[1..]) {
                wrong.push(format!("{}: {}", page.display(), &found[0]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The anchor that forges give a heading.
fn anchor_of(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_'));
    kept.map(|it| if it == ' ' { '-' } else { it }).collect()
}

#[test]
fn the_five_minutes_of_the_readme_work_as_they_stand() {
    let promoter = Path::new(env!("CARGO_BIN_EXE_promoter"));
    if !promoter.with_file_name("promoter-controller").exists() {
        promoter_testkit::say_skipped("promoter-controller");
        return;
    }
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let script = readme.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let home = TempDir::new().unwrap();
    let directory = TempDir::new().unwrap();
    std::fs::write(home.path().join(".gitconfig"), "[user]\n\tname = Ada\n\temail = ada@example.com\n")
        .unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", promoter.parent().unwrap().display());
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", script]).current_dir(directory.path()).env_clear();
    shell.env("PATH", path).env("HOME", home.path()).env("GIT_CONFIG_NOSYSTEM", "1");
    let output = shell.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let mut last = said.lines().rev().map(|it| it.trim().trim_start_matches("- "));
    assert_eq!([last.next(), last.next()], [Some("image: nginx:1.28"), Some("image: nginx:1.29")], "{said}");
}
