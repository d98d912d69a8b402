//! The commands of a story: one line each.

use super::words::Words;
use super::{Player, Slip, people, process, says};

/// A command.
#[derive(Debug)]
pub struct Command {
    /// Its first word.
    pub name: &'static str,
    /// What stands behind it, for people; optional parts in brackets.
    pub takes: &'static str,
    /// What it does, one line.
    pub does: &'static str,
    pub(super) play: fn(&mut Player, &mut Words<'_>) -> Result<(), Slip>,
}

impl Command {
    /// How it is written: `tick SPAN | until TIME`.
    pub fn form(&self) -> String {
        format!("{} {}", self.name, self.takes).trim_end().to_owned()
    }

    /// The command of a name.
    pub fn called(name: &str) -> Option<&'static Self> {
        COMMANDS.iter().find(|it| it.name == name)
    }
}

macro_rules! commands {
    ($($name:literal $takes:literal $play:path: $does:literal)*) => {
        &[$(Command { name: $name, takes: $takes, does: $does, play: $play }),*]
    };
}

/// Every command, in the order in which people read of them. One line adds one.
pub const COMMANDS: &[Command] = commands! {
    // The world.
    "push" "[ENV…]" people::push: "commits to the dry branch; these environments render differently"
    "break" "ENV" people::broken: "commits to the dry branch; this environment does not render until the next push"
    "tag" "NAME VERSION…" people::tag: "a build makes freight of new images or charts: `tag web 1.5`"
    "publish" "NAME TAG [again]" people::publish: "a build pushes an image or chart to its registry, which is asked from then on: `publish web 1.5.0`"
    "unpublish" "NAME TAG" people::unpublish: "a tag vanishes from its registry"
    "tick" "SPAN | until TIME" people::tick: "time passes: `tick 10m`, `tick until 16:30`"
    "clock" "back|ahead SPAN" people::clock: "someone sets the clock"
    "sick" "ENV [FREIGHT]" people::sick: "freight fails its checks there, by default what runs"
    "fail" "ENV [FREIGHT]" people::sick: "the same"
    "well" "ENV" people::well: "checks pass there again"
    // People.
    "create" "NAME VERSION…" people::create: "a person makes freight: `create web 1.5 api 2.0`"
    "approve" "ENV FREIGHT [WHO]" people::approve: "a person agrees to freight"
    "reject" "ENV FREIGHT" people::reject: "a person refuses freight"
    "withdraw" "ENV FREIGHT" says::withdraw: "a person takes a rejection back"
    "report" "ENV NAME pending|success|failure" says::report: "CI reports a status of what is proposed: `report prod trivy success`"
    "promote" "ENV FREIGHT" people::promote: "a person asks for freight; rules and gates hold"
    "hotfix" "ENV FREIGHT" people::hotfix: "a person asks for freight without the environments before"
    "rollback" "ENV [FREIGHT]" people::rollback: "a person asks for earlier freight, by default what ran before"
    "cancel" "ENV" people::cancel: "a person takes back what was asked for"
    "reverify" "ENV" people::reverify: "a person has the checks of what runs start over"
    "hold" "ENV" people::hold: "a person holds an environment as it is"
    "release" "ENV" people::release: "a person releases it"
    "pause" "[SPAN]" says::pause: "a person stops the pipeline, for a time or until `resume`"
    "resume" "" says::resume: "a person lets it go on"
    "merge" "ENV" people::merge: "a person merges the proposal with git"
    "edit" "ENV FREIGHT | NAME VERSION" people::edit: "a person writes other freight into the lock that is active"
    "drop" "ENV" people::drop_proposed: "a person deletes the proposed branch"
    "damage" "lock ENV | KIND ENV FREIGHT" people::damage: "a lock or record cannot be read any more"
    "mend" "ENV" people::mend: "a person mends the damaged lock"
    // The controller.
    "run" "" process::run: "the controller works until it rests"
    "pass" "[1|2]" process::pass: "one controller looks, plans and acts once"
    "look" "[1|2]" process::look: "one controller looks and plans, and acts only at `act`"
    "act" "[1|2]" process::act: "it carries out what it planned then"
    "restart" "[1|2]" process::restart: "a new process takes its place"
    "crash" "[N]" process::crash: "the controller dies after N effects of the next pass"
    "miss" "[N]" process::miss: "the answer to the Nth effect of the next pass is lost, and the pass ends"
    "twice" "[N]" process::twice: "the Nth effect of the next pass is delivered twice"
    "lose" "dry|state|registry|ENV [proposed]" process::lose: "a reader fails until `find`"
    "find" "" process::find: "every reader answers again"
    "show" "" process::show: "prints what runs where"
};
