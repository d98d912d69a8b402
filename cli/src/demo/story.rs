//! The story: six steps, each with the real output of what it shows.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use promoter_controller::people::Where;
use promoter_controller::run::now;
use promoter_core::record::RequestAction;
use promoter_core::{Diagnosis, Digest, Name};

use super::app::{FOLDER, SOAK};
use super::stage::Stage;
use super::unprintable;

/// For each step.
const PATIENCE: Duration = Duration::from_secs(45);
const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "prod"];

/// The narrator: the stage, where the words go, and what was said already.
struct Teller<'a> {
    stage: &'a mut Stage,
    out: &'a mut dyn Write,
    said: BTreeSet<String>,
    /// Digests of the plugin's last answers.
    answers: BTreeMap<Name, Digest>,
}

/// Plays all steps.
pub(super) fn tell(stage: &mut Stage, out: &mut dyn Write) -> Result<(), Diagnosis> {
    let mut teller = Teller { stage, out, said: Default::default(), answers: Default::default() };
    let [dev, staging, prod] = ENVIRONMENTS.map(name);
    let (dev, staging, prod) = (dev?, staging?, prod?);

    let repo = teller.stage.repo.display().to_string();
    teller.title("A repository, a plugin, a controller")?;
    teller.say(&format!(
        "repository  {repo}, branch main: {FOLDER}/promoter.yaml, base/, envs/dev, envs/staging, envs/prod"
    ))?;
    teller.say("pipeline    dev (checked by HTTP) -> staging (soak) -> prod (one approval)")?;
    let socket = teller.stage.plugin.socket.display().to_string();
    teller.say(&format!("plugin      promoter-plugin serve, asked over {socket} as Argo CD asks"))?;

    teller.title("The first freight reaches dev, and an HTTP check verifies it")?;
    teller.until_it_runs(&dev)?;
    let asked = teller.stage.server.asked();
    teller.say(&format!("the app's server was asked for /healthz {asked} times so far"))?;
    teller.ask(&dev)?;

    teller.title(&format!("Soak: after {SOAK} in dev, staging takes it"))?;
    teller.until_it_runs(&staging)?;
    teller.ask(&staging)?;

    teller.title("prod waits for an approval")?;
    teller.until("prod waits", |line| line.starts_with("prod:") && line.contains("approv"))?;
    teller.approve(&prod)?;
    teller.until_it_runs(&prod)?;
    teller.ask(&prod)?;
    let before = teller.answers.get(&prod).cloned();

    teller.title("An edit of the base reaches dev only; staging and prod stay byte for byte")?;
    let deployment = format!("{FOLDER}/base/deployment.yaml");
    let address = teller.stage.server.address.clone();
    let base = super::app::files(&address).into_iter().find(|(path, _)| *path == deployment);
    let newer = base.map(|(_, text)| text.replace("nginx:1.19", "nginx:1.20")).unwrap_or_default();
    teller.type_("git commit -m 'Run nginx 1.20' apps/myapp/base/deployment.yaml; git push origin main")?;
    teller.stage.commit("Run nginx 1.20", &[(deployment, newer)])?;
    teller.until_it_runs(&dev)?;
    for environment in [&dev, &staging, &prod] {
        teller.ask(environment)?;
    }

    teller.title("It goes on: soak opens staging, an approval opens prod")?;
    teller.until("prod waits", |line| line.starts_with("prod:") && line.contains("approv"))?;
    teller.approve(&prod)?;
    teller.until_it_runs(&prod)?;
    teller.ask(&prod)?;

    teller.title("A rollback brings prod's old manifests back, and holds")?;
    teller.type_("promoter rollback prod --reason 'INC-42: errors since nginx 1.20'")?;
    let at = Where { pipeline: None, environment: &prod };
    let reason = "INC-42: errors since nginx 1.20";
    let text = teller.stage.person.request(&at, RequestAction::Rollback, None, reason, now())?;
    teller.say(&text)?;
    teller.until("prod is held", |line| line.starts_with("prod:") && line.contains("held"))?;
    teller.ask(&prod)?;
    if before.is_none() || teller.answers.get(&prod) != before.as_ref() {
        return Err(Diagnosis::bug("demo-rollback", "the rollback did not bring the old manifests back"));
    }
    teller.say("the answer is byte for byte the one from before nginx 1.20; prod stays until `promoter release prod`")
}

/// The last words: what to try next.
pub(super) fn what_next(stage: &Stage, kept: Option<&Path>, out: &mut dyn Write) -> Result<(), Diagnosis> {
    let mut lines = vec![String::new(), "What to try next".to_owned()];
    match kept {
        Some(_) => {
            let repo = stage.repo.display();
            lines.push(format!("  export PROMOTER_CACHE_DIR={}", stage.place.join("cache").display()));
            lines.push(format!("  promoter status --repo {repo}"));
            lines.push(format!("  promoter explain prod --repo {repo}"));
            lines.push(format!("  promoter log prod --repo {repo}"));
            lines.push(format!(
                "  promoter release prod --repo {repo}; promoter-controller --once --repo {repo}"
            ));
            lines.push(format!("  git -C {repo} log --graph --oneline environment/prod"));
        }
        None => {
            lines.push(
                "  promoter demo --keep DIR    leaves the repository in DIR and says how to go on with it"
                    .to_owned(),
            );
            lines.push("  promoter --help             what people type".to_owned());
        }
    }
    lines.push("  argocd/README.md            the plugin in Argo CD".to_owned());
    lines.iter().try_for_each(|line| writeln!(out, "{line}")).map_err(unprintable)
}

fn name(text: &str) -> Result<Name, Diagnosis> {
    text.parse().map_err(|error| Diagnosis::bug("demo-environment", error))
}

impl Teller<'_> {
    fn title(&mut self, text: &str) -> Result<(), Diagnosis> {
        writeln!(self.out, "\n== {text}").map_err(unprintable)
    }

    fn say(&mut self, text: &str) -> Result<(), Diagnosis> {
        writeln!(self.out, "   {text}").map_err(unprintable)
    }

    /// What a person types.
    fn type_(&mut self, text: &str) -> Result<(), Diagnosis> {
        writeln!(self.out, " $ {text}").map_err(unprintable)
    }

    fn approve(&mut self, environment: &Name) -> Result<(), Diagnosis> {
        self.type_(&format!("promoter approve {environment}"))?;
        let at = Where { pipeline: None, environment };
        let text = self.stage.person.approve(&at, None, "", now())?;
        self.say(&text)
    }

    /// Lets the controller work until the newest freight is verified in an environment.
    fn until_it_runs(&mut self, environment: &Name) -> Result<(), Diagnosis> {
        let mut newest = String::new();
        let started = Instant::now();
        while newest.is_empty() {
            // The first look makes the freight that is waited for.
            self.advance()?;
            let records = self.stage.person.records(None)?;
            let record =
                records.newest().map_err(|unread| Diagnosis::upstream("record-unreadable", unread))?;
            newest = record.map(|it| it.freight.id().alias()).unwrap_or_default();
            if started.elapsed() > PATIENCE {
                break;
            }
        }
        let wanted = format!("{environment}: runs {newest}, verified since");
        self.until(&wanted, |line| line.starts_with(&wanted))
    }

    /// Lets the controller work until a line of its plan says what is waited for.
    fn until(&mut self, what: &str, holds: impl Fn(&str) -> bool) -> Result<(), Diagnosis> {
        let started = Instant::now();
        while !self.advance()?.iter().any(|it| holds(it)) {
            if started.elapsed() > PATIENCE {
                return Err(Diagnosis::bug("demo-stuck", format!("this did not come about in time: {what}")));
            }
            std::thread::sleep(Duration::from_millis(250));
        }
        Ok(())
    }

    /// One pass of the controller: says what happened and what is new in its plan, and returns the plan's lines.
    fn advance(&mut self) -> Result<Vec<String>, Diagnosis> {
        let pass = self.stage.pass()?;
        for event in &pass.events {
            self.say(&event.text)?;
        }
        if let Some(finding) = pass.findings.into_iter().next() {
            return Err(finding);
        }
        let lines: Vec<String> =
            pass.plans.iter().flat_map(|it| &it.report).map(ToString::to_string).collect();
        for line in &lines {
            // The same wait with another second on it is no news.
            if self.said.insert(line.replace(|it: char| it.is_ascii_digit(), "")) {
                self.say(line)?;
            }
        }
        Ok(lines)
    }

    /// Asks the plugin, and says what Argo CD would apply and whether it changed.
    fn ask(&mut self, environment: &Name) -> Result<(), Diagnosis> {
        let answer = self.stage.ask(environment)?;
        let digest = Digest::of(answer.manifests.join("\n").as_bytes());
        let word = match self.answers.insert(environment.clone(), digest.clone()) {
            Some(before) if before == digest => "unchanged",
            Some(_) => "changed",
            None => "first",
        };
        let objects: Vec<String> = answer.manifests.iter().map(|it| summary(it)).collect();
        self.say(&format!(
            "Argo CD asks for {:<8} {}  [{word}, sha256 {}, {:.1} ms]",
            environment.as_str(),
            objects.join("; "),
            &digest.hex()[..12],
            answer.took.as_secs_f64() * 1e3
        ))
    }
}

/// `Deployment dev/myapp, replicas 1, nginx:1.19`.
fn summary(manifest: &str) -> String {
    let object: serde_json::Value = serde_json::from_str(manifest).unwrap_or_default();
    let text = |pointer: &str| object.pointer(pointer).and_then(|it| it.as_str()).unwrap_or("?").to_owned();
    format!(
        "{} {}/{}, replicas {}, {}",
        text("/kind"),
        text("/metadata/namespace"),
        text("/metadata/name"),
        object.pointer("/spec/replicas").unwrap_or(&serde_json::Value::Null),
        text("/spec/template/spec/containers/0/image"),
    )
}
