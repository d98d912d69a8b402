//! Random pipelines and random steps of a history.

use promoter_core::pipeline::{self, Pipeline};
use promoter_core::record::RequestAction;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRng, TestRunner};
use std::fmt::{self, Write as _};

/// One environment of a random pipeline.
#[derive(Debug, Clone)]
struct Spec {
    after: Vec<bool>,
    any: bool,
    promotion: &'static str,
    select: &'static str,
    soak: Option<u32>,
    approvals: Option<u32>,
    checks: usize,
    count: u32,
    failure_limit: u32,
    on_failure: &'static str,
}

/// Runs the same histories every time; with `PROMOTER_HISTORIES=n`, n other ones.
pub(crate) fn runner(histories: u32) -> TestRunner {
    let asked = std::env::var("PROMOTER_HISTORIES").ok().and_then(|it| it.parse().ok());
    let cases = asked.unwrap_or(histories);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    match asked {
        Some(_) => TestRunner::new(config),
        None => {
            let rng = TestRng::deterministic_rng(config.rng_algorithm);
            TestRunner::new_with_rng(config, rng)
        }
    }
}

/// The text of a promoter.yaml; shows itself as it is when a law fails.
#[derive(Clone)]
pub(crate) struct Text(String);

impl Text {
    pub(crate) fn pipeline(&self) -> Pipeline {
        let read = pipeline::read("apps/shop/promoter.yaml", &self.0);
        read.unwrap_or_else(|error| panic!("{}\n{}", error.diagnosis(), self.0)).remove(0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{}", self.0)
    }
}

/// What random pipelines may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The most passes that a check needs.
    pub(crate) count: u32,
    /// The most failures that it bears.
    pub(crate) failure_limit: u32,
    /// What `onFailure` may be.
    pub(crate) on_failure: &'static [&'static str],
    /// True when checks may be gates.
    pub(crate) asks: bool,
    /// What `layout` may be.
    pub(crate) layouts: &'static [&'static str],
}

/// Pipelines of one to four environments with every rule.
pub(crate) fn pipelines(bounds: Bounds) -> impl Strategy<Value = Text> {
    let layout = prop::sample::select(bounds.layouts);
    (prop::collection::vec(spec(bounds), 1..=4), any::<bool>(), layout)
        .prop_map(move |(specs, image, layout)| Text(text(bounds, &specs, image, layout)))
}

fn spec(bounds: Bounds) -> impl Strategy<Value = Spec> {
    (
        prop::collection::vec(prop::bool::weighted(0.6), 3),
        prop::bool::weighted(0.3),
        prop::sample::select(vec!["auto", "auto", "auto", "autoMerge", "pullRequest"]),
        prop::sample::select(vec!["newest", "newest", "newest", "newest", "queue", "queue", "manual"]),
        prop::option::weighted(0.4, prop::sample::select(vec![60, 600])),
        prop::option::weighted(0.3, 1..=2_u32),
        0..=2_usize,
        1..=bounds.count,
        0..=bounds.failure_limit,
        prop::sample::select(bounds.on_failure),
    )
        .prop_map(
            |(after, any, promotion, select, soak, approvals, checks, count, failure_limit, on_failure)| {
                Spec {
                    after,
                    any,
                    promotion,
                    select,
                    soak,
                    approvals,
                    checks,
                    count,
                    failure_limit,
                    on_failure,
                }
            },
        )
}

fn text(bounds: Bounds, specs: &[Spec], image: bool, layout: &str) -> String {
    let mut out = format!(
        "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: shop }}\nspec:\n  layout: {layout}\n  subscriptions:\n    - {{ name: config, git: {{}} }}\n",
    );
    if image {
        out.push_str("    - { name: web, image: { repoURL: ghcr.io/acme/web } }\n");
    }
    out.push_str("  environments:\n");
    for (index, spec) in specs.iter().enumerate() {
        let after = (0..index).filter(|it| spec.after.get(*it) == Some(&true));
        let after: Vec<String> = after.map(|it| format!("e{it}")).collect();
        let _ = writeln!(
            out,
            "    - name: e{index}\n      source: envs/e{index}\n      promotion: {}\n      select: {}\n      onFailure: {}",
            spec.promotion, spec.select, spec.on_failure
        );
        if !after.is_empty() {
            let quorum = if spec.any { "any" } else { "all" };
            let _ = writeln!(out, "      after: {{ {quorum}: [{}] }}", after.join(", "));
        }
        let soak = spec.soak.filter(|_| !after.is_empty());
        let asks = bounds.asks && spec.checks == 2;
        if soak.is_some() || spec.approvals.is_some() || asks {
            out.push_str("      gates:\n");
        }
        if let Some(it) = soak {
            let _ = writeln!(out, "        - soak: {it}s");
        }
        if let Some(it) = spec.approvals {
            let _ = writeln!(out, "        - approvals: {{ required: {it} }}");
        }
        if asks {
            let _ = writeln!(out, "        - http: {{ url: \"http://gate{index}\", count: {} }}", spec.count);
        }
        if spec.checks > 0 {
            out.push_str("      verification:\n");
        }
        for _ in 0..spec.checks {
            let _ = writeln!(
                out,
                "        - http: {{ url: \"http://e{index}\", interval: 10s, count: {}, failureLimit: {} }}",
                spec.count, spec.failure_limit
            );
        }
    }
    out
}

/// What may happen. Numbers pick an environment, freight or commit modulo how many there are.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Commits to the dry branch; bits say which environments render differently, `broken` which not at all.
    Dry {
        changed: u8,
        broken: Option<u8>,
    },
    /// `promoter freight create web=…`.
    Image(u8),
    /// Lets time pass.
    Tick(u32),
    /// Sets the clock back.
    Back(u32),
    Approve(u8, u8, u8),
    Reject(u8, u8),
    Request(u8, u8, RequestAction),
    /// `promoter rollback` to the freight before.
    Previous(u8),
    TakeBack(u8),
    Hold(u8),
    Release(u8),
    /// Asks for another verification.
    Reverify(u8),
    /// Writes known freight into an active lock.
    Edit(u8, u8),
    /// Writes freight that nobody recorded into an active lock.
    EditNew(u8, u8),
    MergeByHand(u8),
    BreakLock(u8),
    /// Makes a record unreadable: kind, environment, freight.
    BreakRecord(u8, u8, u8),
    /// Makes freight fail its checks in an environment, or pass again.
    Sick(u8, u8),
    DropProposed(u8),
    /// A controller looks, plans and acts; bits are readers that fail; it may be killed after some effects.
    Pass {
        controller: u8,
        faults: u16,
        killed: Option<u8>,
    },
    /// A controller looks and plans, and acts only at a later `Late`.
    Plan(u8),
    Late(u8),
    /// A controller is replaced by a new process.
    Restart(u8),
}

pub(crate) fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..most)
}

/// Steps of people and of the world.
fn happening() -> impl Strategy<Value = Step> {
    let id = any::<u8>;
    let action =
        prop::sample::select(vec![RequestAction::Promote, RequestAction::Rollback, RequestAction::Hotfix]);
    prop_oneof![
        6 => (any::<u8>(), prop::option::weighted(0.1, id())).prop_map(|(changed, broken)| Step::Dry { changed, broken }),
        3 => id().prop_map(Step::Image),
        8 => prop::sample::select(vec![1, 10, 10, 30, 60, 300, 600, 4_000]).prop_map(Step::Tick),
        4 => (id(), id(), 0..3_u8).prop_map(|(e, f, p)| Step::Approve(e, f, p)),
        2 => (id(), id()).prop_map(|(e, f)| Step::Reject(e, f)),
        4 => (id(), id(), action).prop_map(|(e, f, a)| Step::Request(e, f, a)),
        3 => id().prop_map(Step::Previous),
        1 => id().prop_map(Step::TakeBack),
        1 => id().prop_map(Step::Hold),
        2 => id().prop_map(Step::Release),
        1 => id().prop_map(Step::Reverify),
        1 => (id(), id()).prop_map(|(e, f)| Step::Edit(e, f)),
        2 => id().prop_map(Step::MergeByHand),
        3 => (id(), id()).prop_map(|(e, f)| Step::Sick(e, f)),
        1 => id().prop_map(Step::DropProposed),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let id = any::<u8>;
    let pass = (0..2_u8, any::<u16>(), any::<u16>(), prop::option::weighted(0.15, 0..3_u8)).prop_map(
        // Two masks together: a reader fails in one pass of four.
        |(controller, a, b, killed)| Step::Pass { controller, faults: a & b, killed },
    );
    let calm = (0..2_u8).prop_map(|controller| Step::Pass { controller, faults: 0, killed: None });
    prop_oneof![
        48 => happening(),
        2 => (1..5_000_u32).prop_map(Step::Back),
        2 => (id(), id()).prop_map(|(e, f)| Step::EditNew(e, f)),
        1 => id().prop_map(Step::BreakLock),
        1 => (id(), id(), id()).prop_map(|(k, e, f)| Step::BreakRecord(k, e, f)),
        80 => calm,
        12 => pass,
        8 => (0..2_u8).prop_map(Step::Plan),
        8 => (0..2_u8).prop_map(Step::Late),
        2 => (0..2_u8).prop_map(Step::Restart),
    ]
}

/// Histories in which only people and the world act. Nobody writes unknown freight into a lock here: whether it is older
/// or newer than a dry commit of the same moment depends on which is seen first.
pub(crate) fn happenings(most: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(happening(), 1..most)
}
