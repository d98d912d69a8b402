//! The pipeline, `promoter.yaml`: where artifacts come from, and how they move from environment to environment.
//!
//! Here is what a pipeline is. `read` turns text into it and refuses whatever it does not understand, naming file
//! and line. What happens next in an environment is the planner's decision.

mod analysis;
mod assemble;
mod check;
mod checks;
mod environment;
mod error;
mod freight;
mod gate;
mod job;
mod parts;
mod read;
mod subscription;
mod teams;

pub use analysis::{AnalysisProbe, Beside, BrokenProbe, Condition, JsonPath, Provider};
pub use assemble::AssembleError;
pub use check::check_together;
pub use checks::{
    ArgoCdProbe, Check, CheckId, CommandProbe, Counting, Endpoint, HttpProbe, Pace, Probe, PrometheusProbe,
    SecretHeader, SecretPath,
};
pub use error::PipelineError;
pub use freight::{Creation, FreightRules, Retention};
pub(crate) use gate::{Known, read_gates};
pub use job::JobProbe;
pub use parts::{Part, Parts};
pub use read::{read, read_beside, read_on};
pub use subscription::{
    COMMIT_FIELDS, ChartSubscription, GitRule, GitStrategy, GitSubscription, ImageStrategy,
    ImageSubscription, PathFilter, PathPattern, Pattern, Subscription, SubscriptionOrigin, TagFilter,
    VersionRule,
};
pub(crate) use teams::Teams;

use crate::expression::Expression;
use crate::signature::ImageGate;
use crate::window::Window;
use crate::{Name, Place, Seconds};
use std::collections::BTreeSet;
use std::fmt;

/// The file's name, anywhere on the dry branch.
pub const PIPELINE_FILE: &str = "promoter.yaml";

/// Subscriptions, environments and their rules for one app or a group of apps.
///
/// A value of this type is sound: names are unique, `after` names environments of the pipeline and has no cycle,
/// no two environments write to one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    /// Its name; also the folder on the state branch, and on the environments' branches where they have their own.
    pub name: Name,
    /// Where it stands.
    pub at: Place,
    /// Where its lockfiles lie.
    pub layout: Layout,
    /// Where artifacts are discovered, in the order of the file; exactly one is the dry branch.
    pub subscriptions: Vec<Subscription>,
    /// What becomes of what they find.
    pub freight: FreightRules,
    /// The environments in the order of the file.
    pub environments: Vec<Environment>,
}

impl Pipeline {
    /// The environment of a name.
    pub fn environment(&self, name: &Name) -> Option<&Environment> {
        self.environments.iter().find(|it| it.name == *name)
    }

    /// The subscription of a name.
    pub fn subscription(&self, name: &Name) -> Option<&Subscription> {
        self.subscriptions.iter().find(|it| it.name == *name)
    }

    /// The name under which freight carries the commit of the manifests.
    pub fn git_subscription(&self) -> Option<&Name> {
        self.subscriptions.iter().find(|it| it.origin.is_dry()).map(|it| &it.name)
    }
}

/// Where lockfiles lie, and with it what a proposal changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// On a branch for each environment, in the pipeline's folder beside the manifests that were rendered from them.
    #[default]
    Branches,
    /// On the dry branch, each in the directory that it renders. Nothing else is written.
    Folders,
}

/// A place with one freight, and the rules by which freight enters it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its name.
    pub name: Name,
    /// Where it stands.
    pub at: Place,
    /// What is rendered and where the locks lie: one part for each app of a group, else one alone.
    pub parts: Parts,
    /// Where freight has to be verified first; empty for a first environment.
    pub after: After,
    /// Who merges a proposal.
    pub promotion: PromotionMode,
    /// Which eligible freight is proposed.
    pub select: Select,
    /// Whether freight that soaks here for an environment after this one gives way to newer freight.
    pub soaking: Soaking,
    /// Rules that must be open before a proposal is merged.
    pub gates: Vec<Gate>,
    /// Checks after a merge; freight is verified when all pass. Empty: verified as soon as it is seen there.
    pub verification: Vec<Check>,
    /// What automation does when verification fails.
    pub on_failure: OnFailure,
    /// What a render may hold, copied into the lock.
    pub render: RenderOptions,
    /// The branch that the environment runs: its own, or the dry branch in the layout `folders`.
    pub active_branch: String,
    /// The branch that would replace it.
    pub proposed_branch: String,
}

impl Environment {
    /// The lockfile's path on both branches, that of the first part in a group.
    pub fn lock_path(&self) -> &str {
        &self.parts.first.lock_path
    }

    /// How long freight has to soak in the environments before: the longest of the gates.
    pub fn soak(&self) -> Seconds {
        let soaks = self.gates.iter().filter_map(|gate| match &gate.rule {
            GateRule::Soak(soak) => Some(*soak),
            _ => None,
        });
        soaks.max().unwrap_or_default()
    }

    /// A check of `verification` or `gates`.
    pub fn check(&self, id: &CheckId) -> Option<&Check> {
        self.checks().find(|it| it.id == *id)
    }

    /// Every check: those of `verification`, then those of `gates`.
    pub fn checks(&self) -> impl Iterator<Item = &Check> {
        let in_gates = self.gates.iter().filter_map(|it| match &it.rule {
            GateRule::Check(check) => Some(&**check),
            _ => None,
        });
        self.verification.iter().chain(in_gates)
    }
}

impl fmt::Display for After {
    /// `dev, qa`, or `any of dev, qa`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.environments.iter().map(Name::as_str).collect();
        let any = if self.quorum == Quorum::Any { "any of " } else { "" };
        write!(f, "{any}{}", names.join(", "))
    }
}

/// The environments before one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct After {
    /// How many of them must have verified the freight.
    pub quorum: Quorum,
    /// Their names in the order of the file.
    pub environments: Vec<Name>,
}

/// How many of several must agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quorum {
    /// Every one.
    #[default]
    All,
    /// One is enough.
    Any,
}

/// Who merges a proposal once its gates are open. Ordered from the least strict to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PromotionMode {
    /// The controller, by push.
    Auto,
    /// The controller, through the forge's pull request where there is a forge.
    AutoMerge,
    /// A person.
    PullRequest,
}

/// Which of the eligible freight newer than the active one is proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Select {
    /// The newest.
    Newest,
    /// The oldest: every freight has its turn.
    Queue,
    /// None, unless a person asks for it.
    Manual,
}

/// What becomes of freight that soaks in an environment when newer freight comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Soaking {
    /// It stays until it has soaked, so that busy environments do not starve those after them.
    #[default]
    Keep,
    /// It gives way.
    Displace,
}

/// A rule that must be open before a proposal is merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// Where it stands.
    pub at: Place,
    /// What it asks for.
    pub rule: GateRule,
    /// True when it holds for hotfixes too, whatever it asks for.
    pub required: bool,
    /// The rule of the policy that it comes from; `None` for the pipeline's own.
    pub policy: Option<Name>,
}

/// The kinds of gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateRule {
    /// The time that freight has been verified in the environments before.
    Soak(Seconds),
    /// People who agreed to this freight in this environment.
    Approvals(Approvals),
    /// Something to ask about what is proposed.
    Check(Box<Check>),
    /// Times at which freight may enter.
    Window(Window),
    /// A named status of exactly the proposed commit.
    CommitStatus(Name),
    /// A condition over the freight.
    Expression(Expression),
    /// A signature or an attestation of images of the freight.
    Image(Box<ImageGate>),
    /// A policy that the environment does not meet: shut until somebody mends the pipeline.
    Never {
        /// What is missing.
        why: String,
    },
}

/// How many people have to agree, and who counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approvals {
    /// How many different ones.
    pub required: u32,
    /// Who counts, as the file names them, teams too; empty: everyone.
    pub from: Vec<String>,
    /// Who counts, as approvals name them: people of `from`, and the members of its teams.
    pub people: BTreeSet<String>,
    /// True when the word of whoever wrote or asked for the freight counts too.
    pub self_approval: bool,
}

impl Approvals {
    /// True when this person's word counts, for freight of others.
    pub fn counts(&self, person: &str) -> bool {
        self.from.is_empty() || self.people.contains(person)
    }
}

/// What automation does when verification of the active freight fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// Nothing: newer freight may mend it.
    #[default]
    None,
    /// Holds the environment as it is.
    Hold,
    /// Goes back to the freight before and holds.
    Rollback,
    /// Stops the line: pauses the whole pipeline until a person resumes it.
    Pause,
}

/// What a render may hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RenderOptions {
    /// A render without any object.
    pub allow_empty: bool,
    /// Secrets with data, by name, sorted.
    pub allow_secrets: Vec<String>,
}

impl PromotionMode {
    /// Every one, the least strict first.
    pub const ALL: [Self; 3] = [Self::Auto, Self::AutoMerge, Self::PullRequest];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::AutoMerge => "autoMerge",
            Self::PullRequest => "pullRequest",
        }
    }
}

impl OnFailure {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::None, Self::Hold, Self::Rollback, Self::Pause];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Hold => "hold",
            Self::Rollback => "rollback",
            Self::Pause => "pause",
        }
    }
}
