//! A bare repository with the example app, the controller, and Ada at her terminal.

use std::path::Path;
use std::process::{Command, Output};

use promoter_controller::pass::Controller;
use promoter_controller::people::Person;
use promoter_controller::repository::Repository;
use promoter_controller::run::now;
use promoter_controller::settings::{Identity, PolicyPlace, Settings};
use promoter_core::FreightId;
use promoter_sources::git::{Credentials, Limits, Transport};
use promoter_testkit::git::TestRepo;
use promoter_testkit::{texts_below, words};
use regex::Regex;
use tempfile::TempDir;

const FOLDER: &str = "apps/myapp";

/// What makes git take the person at the terminal for Bob.
const BOB: [(&str, &str); 3] = [
    ("GIT_CONFIG_COUNT", "1"),
    ("GIT_CONFIG_KEY_0", "user.email"),
    ("GIT_CONFIG_VALUE_0", "bob@example.com"),
];

/// Everything that takes part in one transcript.
pub(crate) struct Stage {
    pub(crate) repo: TestRepo,
    /// Ada's home, with her name.
    pub(crate) home: TempDir,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let (repo, home) = (TestRepo::new(), TempDir::new().unwrap());
        let config = "[user]\n\tname = Ada\n\temail = ada@example.com\n";
        std::fs::write(home.path().join(".gitconfig"), config).unwrap();
        let files = example();
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
        repo.commit("main", &files);
        Self { repo, home }
    }

    /// What a line of a transcript answers.
    pub(crate) fn run(&self, command: &str) -> String {
        let words = words(command);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["pass"] => self.pass(),
            ["edit", branch, path, old, new] => self.edit(branch, path, old, new),
            ["write", branch, path, text] => self.write(branch, path, text),
            ["copy", from, to] => self.copy(from, to),
            ["promoter", arguments @ ..] => self.promoter(arguments, &[]),
            ["bob", "promoter", arguments @ ..] => self.promoter(arguments, &BOB),
            other => panic!("a transcript does not know {other:?}"),
        }
    }

    /// The built command in a directory, as Ada runs it.
    pub(crate) fn command(&self, directory: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_promoter"));
        command.current_dir(directory).env_clear().env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.home.path());
        command
    }

    /// Lets a controller work that has seen nothing yet; says what happened. Records of verification are left
    /// out: within one second, a stay that ends and one that begins need none.
    pub(crate) fn pass(&self) -> String {
        let mut controller = Controller::new(self.open()).unwrap();
        let pass = controller.pass(now).unwrap();
        let events = pass.events.iter().flat_map(|it| it.text.split("; "));
        let verification = Regex::new(r" (was verified until|verified \(|failed verification \()").unwrap();
        let lasting = events.filter(|it| !verification.is_match(it));
        let mut text: String = lasting.map(|it| format!("{it}\n")).collect();
        text.extend(pass.findings.iter().map(|it| format!("! {it}\n")));
        self.named(&text)
    }

    fn open(&self) -> Repository {
        let settings = Settings {
            url: self.repo.url().parse().unwrap(),
            credentials: Credentials::None,
            credentials_file: None,
            transport: Transport::default(),
            cache_root: self.home.path().join("controller"),
            dry_branch: None,
            identity: Identity::default(),
            helm: "helm".into(),
            registries: Default::default(),
            policy: PolicyPlace::default(),
            limits: Limits::default(),
        };
        Repository::open(settings).unwrap()
    }

    fn edit(&self, branch: &str, path: &str, old: &str, new: &str) -> String {
        let text = self.repo.try_git(&["cat-file", "blob", &format!("{branch}:{path}")], b"");
        let text = String::from_utf8(text.stdout).unwrap();
        assert!(text.contains(old), "{branch}:{path} holds no `{old}`");
        self.repo.commit(branch, &[(path, &text.replace(old, &new.replace("\\n", "\n")))]);
        String::new()
    }

    fn write(&self, branch: &str, path: &str, text: &str) -> String {
        self.repo.commit(branch, &[(path, &text.replace("\\n", "\n"))]);
        String::new()
    }

    /// Copies a folder of main; the pipeline in it is named after the new folder.
    fn copy(&self, from: &str, to: &str) -> String {
        let listed = self.repo.git(&["ls-tree", "-r", "--name-only", "main", from]);
        let name = to.rsplit('/').next().unwrap();
        for path in listed.lines() {
            let text = self.repo.git(&["cat-file", "blob", &format!("main:{path}")]);
            let text = format!("{text}\n").replace("name: myapp }", &format!("name: {name} }}"));
            self.repo.commit("main", &[(&path.replace(from, to), &text)]);
        }
        String::new()
    }

    fn promoter(&self, arguments: &[&str], environment: &[(&str, &str)]) -> String {
        let known = self.freight();
        let fill = |word: &str| {
            let mut word = word.to_owned();
            for (index, id) in known.iter().enumerate() {
                word = word.replace(&format!("{{{}}}", index + 1), &id.alias());
            }
            word
        };
        let mut command = self.command(self.home.path());
        command.args(arguments.iter().map(|it| fill(it))).env("PROMOTER_REPO", self.repo.url());
        command.envs(environment.iter().copied());
        self.answer(&command.output().unwrap())
    }

    /// What a command printed, with names for what differs from run to run.
    pub(crate) fn answer(&self, output: &Output) -> String {
        let mut answer = String::from_utf8(output.stdout.clone()).unwrap();
        for line in String::from_utf8(output.stderr.clone()).unwrap().lines() {
            answer.push_str(&format!("! {line}\n"));
        }
        if output.status.code() != Some(0) {
            answer.push_str(&format!("[{}]\n", output.status.code().unwrap()));
        }
        self.named(&answer)
    }

    /// Freight in the order in which it came.
    fn freight(&self) -> Vec<FreightId> {
        let Ok(seen) = Person::new(self.open()).observe() else {
            return Vec::new();
        };
        let records = seen.pipelines.iter().filter_map(|(_, it)| Some(&it.state.as_ref().ok()?.records));
        let all = records.flat_map(|it| &it.freight).filter_map(|(id, it)| Some((it.as_ref().ok()?, id)));
        let mut all: Vec<_> = all.map(|(it, id)| (it.discovered.at, id.clone())).collect();
        all.sort();
        all.dedup();
        all.into_iter().map(|(_, id)| id).collect()
    }

    fn named(&self, text: &str) -> String {
        let path = self.repo.path().display().to_string();
        let mut text = text.replace(&self.repo.url(), "REPO").replace(&path, "REPO");
        text = text.replace(path.trim_end_matches(".git"), "REPO");
        for (index, id) in self.freight().iter().enumerate() {
            let number = index + 1;
            text = text.replace(id.hex(), &format!("id-{number}"));
            text = text.replace(id.short(), &format!("id-{number}"));
            text = text.replace(&id.alias(), &format!("freight-{number}"));
        }
        for (pattern, name) in [
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
            (r"\b[0-9a-f]{64}\b", "DIGEST"),
            (r"\b[0-9a-f]{40}\b", "COMMIT"),
            (r"\b[0-9a-f]{10}\b", "COMMIT"),
            (r"record [a-z]+-[a-z]+ from", "record NEW from"),
            (r"TIME +\d+[smhd]\b", "TIME  AGE"),
            // Columns are as wide as what stands in them.
            (r"(\S)  +", "$1  "),
        ] {
            text = Regex::new(pattern).unwrap().replace_all(&text, name).into_owned();
        }
        text
    }
}

/// The example without its check and its soak.
fn example() -> Vec<(String, String)> {
    let waits =
        |line: &str| line.contains("verification:") || line.contains("- http:") || line.contains("soak:");
    let at_once =
        |text: &str| text.lines().filter(|it| !waits(it)).map(|it| format!("{it}\n")).collect::<String>();
    let files = texts_below("examples/myapp").into_iter();
    files.map(|(path, text)| (format!("{FOLDER}/{path}"), at_once(&text))).collect()
}
