//! One history: played from a seed, played again from its story, made short.

use crate::random;
use promoter_core::pipeline::{self, Pipeline};
use promoter_core::sim::rules::Broken;
use promoter_core::sim::story::{Hands, Player, Slip};
use std::fmt;

/// Commands of a history. Then everything is found and mended, and it has to come to rest.
pub(crate) const STEPS: usize = 60;

/// A random history.
pub(crate) struct History {
    pub(crate) seed: u64,
    promoter_yaml: String,
    commands: Vec<String>,
    pub(crate) broken: Option<Broken>,
    pub(crate) counts: Counts,
}

/// A history that breaks a rule, as a person reads and plays it.
pub(crate) struct Story {
    pub(crate) text: String,
    seed: u64,
    broken: Broken,
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, seed, broken } = self;
        write!(f, "seed {seed} breaks {broken}\n\n{text}")
    }
}

impl History {
    /// Plays the history of a seed until it ends or a rule is broken.
    pub(crate) fn random(seed: u64, hands: Hands) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let promoter_yaml = random::pipeline(&mut rng);
        let mut player = Player::new(read(&promoter_yaml), hands);
        let mut it =
            Self { seed, promoter_yaml, commands: Vec::new(), broken: None, counts: Counts::default() };
        while it.broken.is_none() && it.commands.len() < STEPS {
            let commands = match it.commands.is_empty() {
                true => random::beginning(&mut rng, &player),
                false => random::commands(&mut rng, &player),
            };
            commands.into_iter().take_while(|command| it.step(&mut player, command)).count();
        }
        for command in ENDING {
            if it.broken.is_none() {
                it.step(&mut player, command);
            }
        }
        it
    }

    fn step(&mut self, player: &mut Player, command: &str) -> bool {
        self.commands.push(command.to_owned());
        self.counts.steps += 1;
        match player.play(command) {
            Ok(answer) => self.counts.answer(&answer),
            Err(Slip::Rule(broken)) => self.broken = Some(broken),
            Err(Slip::Command(_) | Slip::Word { .. }) => {
                self.counts.slips += 1;
                // A person would not have written it.
                self.commands.pop();
            }
        }
        self.broken.is_none()
    }

    /// Leaves out what the broken rule does not need: commands, then environments; passes in a row become one `run`.
    pub(crate) fn shrunk(&self, hands: Hands) -> Story {
        let broken = self.broken.clone().unwrap();
        let mut best = Shrinking {
            promoter_yaml: self.promoter_yaml.clone(),
            commands: self.commands.clone(),
            broken,
            hands,
        };
        best.leave_out_commands();
        best.leave_out_environments();
        best.run_at_once();
        best.leave_out_commands();
        let text = format!("{}---\n{}\n", best.promoter_yaml, best.commands.join("\n"));
        Story { text, seed: self.seed, broken: best.broken }
    }

    /// Plays the text of a story, slips and all.
    pub(crate) fn replayed(text: &str, hands: Hands) -> Option<Broken> {
        let (promoter_yaml, commands) = text.split_once("---\n").unwrap();
        let commands: Vec<String> = commands.lines().map(str::to_owned).collect();
        replay(&read(promoter_yaml), &commands, hands).map(|(_, it)| it)
    }
}

/// The shortest story so far that breaks the rule.
struct Shrinking {
    promoter_yaml: String,
    commands: Vec<String>,
    broken: Broken,
    hands: Hands,
}

impl Shrinking {
    /// Takes a smaller story if it breaks the same rule.
    fn takes(&mut self, promoter_yaml: &str, mut commands: Vec<String>) -> bool {
        let Ok(mut pipelines) = pipeline::read("promoter.yaml", promoter_yaml) else {
            return false;
        };
        let end = replay(&pipelines.remove(0), &commands, self.hands);
        let Some((end, broken)) = end.filter(|(_, it)| it.rule == self.broken.rule) else {
            return false;
        };
        commands.truncate(end);
        (self.promoter_yaml, self.commands, self.broken) = (promoter_yaml.to_owned(), commands, broken);
        true
    }

    fn leave_out_commands(&mut self) {
        let mut size = self.commands.len() / 2;
        while size > 0 {
            let mut at = 0;
            while at < self.commands.len() {
                let mut fewer = self.commands.clone();
                fewer.drain(at..(at + size).min(fewer.len()));
                if !self.takes(&self.promoter_yaml.clone(), fewer) {
                    at += size;
                }
            }
            size /= 2;
        }
    }

    fn leave_out_environments(&mut self) {
        for index in (0..5).rev() {
            let mut parts: Vec<&str> = self.promoter_yaml.split("    - name: ").collect();
            let name = format!("e{index}\n");
            parts.retain(|it| !it.starts_with(&name));
            let fewer = parts.join("    - name: ");
            self.takes(&fewer, self.commands.clone());
        }
    }

    fn run_at_once(&mut self) {
        let mut at = 0;
        while at < self.commands.len() {
            let passes = self.commands[at..].iter().take_while(|it| it.starts_with("pass")).count();
            if passes > 0 {
                let mut fewer = self.commands.clone();
                fewer.splice(at..at + passes, ["run".to_owned()]);
                self.takes(&self.promoter_yaml.clone(), fewer);
            }
            at += passes.max(1);
        }
    }
}

/// Every history ends so: nothing is lost any more, and it comes to rest.
const ENDING: [&str; 3] = ["find", "restart 1", "run"];

/// The number of commands until a rule is broken, and which.
fn replay(pipeline: &Pipeline, commands: &[String], hands: Hands) -> Option<(usize, Broken)> {
    let mut player = Player::new(pipeline.clone(), hands);
    commands.iter().enumerate().find_map(|(index, command)| match player.play(command) {
        Err(Slip::Rule(broken)) => Some((index + 1, broken)),
        _ => None,
    })
}

fn read(promoter_yaml: &str) -> Pipeline {
    let read = pipeline::read("promoter.yaml", promoter_yaml);
    read.unwrap_or_else(|error| panic!("{}\n{promoter_yaml}", error.diagnosis())).remove(0)
}

/// What histories were about.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) steps: usize,
    pub(crate) slips: usize,
    merges: usize,
    proposals: usize,
    rollbacks: usize,
    hotfixes: usize,
    withdrawals: usize,
    holds: usize,
    failures: usize,
    deaths: usize,
    lost_answers: usize,
    discoveries: usize,
    forgotten: usize,
}

impl Counts {
    fn answer(&mut self, answer: &str) {
        for line in answer.lines().filter(|it| it.starts_with("  ")) {
            let has = |words: &str| usize::from(line.contains(words));
            self.merges += has("merge ");
            self.proposals += has("propos");
            self.rollbacks += has("rollback to");
            self.hotfixes += has("hotfix with");
            self.withdrawals += has("withdraw ");
            self.holds += has(": hold ");
            self.failures += has("status 503");
            self.deaths += has("the controller dies");
            self.lost_answers += has("an answer is lost");
            self.discoveries += has(": web ");
            self.forgotten += has("freight: forget ");
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        let Self {
            steps,
            slips,
            merges,
            proposals,
            rollbacks,
            hotfixes,
            withdrawals,
            holds,
            failures,
            deaths,
            lost_answers,
            discoveries,
            forgotten,
        } = other;
        self.steps += steps;
        self.slips += slips;
        self.merges += merges;
        self.proposals += proposals;
        self.rollbacks += rollbacks;
        self.hotfixes += hotfixes;
        self.withdrawals += withdrawals;
        self.holds += holds;
        self.failures += failures;
        self.deaths += deaths;
        self.lost_answers += lost_answers;
        self.discoveries += discoveries;
        self.forgotten += forgotten;
    }

    /// How often the rarest thing happened.
    pub(crate) fn least(&self) -> usize {
        let Self { steps: _, slips: _, merges, proposals, rollbacks, hotfixes, .. } = *self;
        let rest = [self.withdrawals, self.holds, self.failures, self.deaths, self.lost_answers];
        let rest = rest.into_iter().chain([self.discoveries, self.forgotten]);
        [merges, proposals, rollbacks, hotfixes].into_iter().chain(rest).min().unwrap_or_default()
    }
}
