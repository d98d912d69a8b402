//! How each environment stands, in one word and one time, as metrics and pages count it.

use promoter_core::observation::{EnvironmentSeen, Observation};
use promoter_core::plan::{Kind, Plan, Subject};
use promoter_core::record::{Phase, Verified};
use promoter_core::{Name, PromotionLock, UnixSeconds};

/// How one environment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its pipeline.
    pub pipeline: Name,
    /// Its name.
    pub environment: Name,
    /// What comes next.
    pub state: State,
    /// When the freight that it runs was discovered; `None` where it runs none, or nobody recorded it.
    pub freight_since: Option<UnixSeconds>,
}

/// What comes next in an environment, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// What it runs failed its verification.
    Failed,
    /// A person holds it as it is.
    Held,
    /// It goes on when time passes, something is read, or a person acts.
    Waits,
    /// Something is being done.
    Moves,
    /// It runs the newest that it may.
    Stays,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Failed, Self::Held, Self::Waits, Self::Moves, Self::Stays];

    /// One word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Held => "held",
            Self::Waits => "waits",
            Self::Moves => "moves",
            Self::Stays => "stays",
        }
    }
}

/// How the environments of a pipeline stand.
pub fn standing<'a>(seen: &'a Observation, plan: &'a Plan) -> impl Iterator<Item = Standing> + 'a {
    seen.environments.iter().map(move |(name, environment)| {
        let lock = lock(environment);
        Standing {
            pipeline: plan.pipeline.clone(),
            environment: name.clone(),
            state: state(name, lock, seen, plan),
            freight_since: lock.and_then(|it| since(it, seen)),
        }
    })
}

fn lock(environment: &EnvironmentSeen) -> Option<&PromotionLock> {
    environment.active.as_ref().ok()?.as_ref()?.lock.as_ref().ok()?.as_ref()
}

fn state(name: &Name, lock: Option<&PromotionLock>, seen: &Observation, plan: &Plan) -> State {
    let records = seen.state.as_ref().ok().and_then(|it| it.records.environments.get(name));
    let verified = lock.zip(records).map(|(lock, records)| {
        matches!(records.verification(&lock.freight.id()), Verified::Known(it) if it.phase == Phase::Failed)
    });
    if verified == Some(true) {
        return State::Failed;
    }
    if lock.is_some_and(|it| it.hold.is_some()) {
        return State::Held;
    }
    let lines = plan.report.iter().filter(|it| matches!(&it.subject, Subject::Environment(of) if of == name));
    match lines.map(|it| it.kind).rfind(|it| *it != Kind::Is) {
        Some(Kind::Moves) => State::Moves,
        Some(Kind::Waits) => State::Waits,
        Some(Kind::Is | Kind::Stays) | None => State::Stays,
    }
}

fn since(lock: &PromotionLock, seen: &Observation) -> Option<UnixSeconds> {
    let records = &seen.state.as_ref().ok()?.records;
    Some(records.freight.get(&lock.freight.id())?.as_ref().ok()?.discovered.at)
}
