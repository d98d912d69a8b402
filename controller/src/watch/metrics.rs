//! The metrics: which series there are, and how many there can be.
//!
//! What happens is counted where it happens; what stands is taken from the last pass when somebody asks. No label is
//! made of anything that a stranger writes, and where an organisation's own names make labels, their number is bounded.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use promoter_core::{Diagnosis, UnixSeconds};

use super::{Standing, State};
use crate::pass::Pass;

/// So many environments have a series of their own, the first in the order of their names.
const ENVIRONMENTS_MAX: usize = 2_000;
/// Upper ends of the classes of pass times, in seconds.
const PASS_SECONDS: [f64; 9] = [0.05, 0.2, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0];

/// What came of a request to a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WebhookResult {
    /// It named what moved.
    Named,
    /// It did not say in words that are known here: everything is looked at.
    Everything,
    /// It was about something that is of no concern here, such as a pull or a ping.
    Nothing,
    /// It did not prove itself.
    Unauthorized,
    /// Its body was too large or did not come.
    Refused,
    /// There were too many.
    Limited,
}

impl WebhookResult {
    fn as_str(self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::Everything => "everything",
            Self::Nothing => "nothing",
            Self::Unauthorized => "unauthorized",
            Self::Refused => "refused",
            Self::Limited => "limited",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RepoLabels {
    repo: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PassLabels {
    repo: String,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FindingLabels {
    repo: String,
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    repo: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EnvironmentLabels {
    repo: String,
    pipeline: String,
    environment: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WebhookLabels {
    r#type: &'static str,
    result: &'static str,
}

#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    working: Gauge,
    passes: Family<PassLabels, Counter>,
    pass_seconds: Family<RepoLabels, Histogram, fn() -> Histogram>,
    last_success: Family<RepoLabels, Gauge>,
    promotions: Family<RepoLabels, Counter>,
    checks: Family<RepoLabels, Counter>,
    git_requests: Family<RepoLabels, Counter<u64, AtomicU64>>,
    findings: Family<FindingLabels, Gauge>,
    environments: Family<StateLabels, Gauge>,
    freight_age: Family<EnvironmentLabels, Gauge>,
    webhooks: Family<WebhookLabels, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(PASS_SECONDS);
        let mut metrics = Self {
            registry: Registry::with_prefix("promoter"),
            working: Gauge::default(),
            passes: Family::default(),
            pass_seconds: Family::new_with_constructor(histogram),
            last_success: Family::default(),
            promotions: Family::default(),
            checks: Family::default(),
            git_requests: Family::default(),
            findings: Family::default(),
            environments: Family::default(),
            freight_age: Family::default(),
            webhooks: Family::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program that runs", build);
        let help = "Whether this controller works; 0 while it waits for the Lease";
        registry.register("working", help, self.working.clone());
        registry.register("passes", "Passes over a repository", self.passes.clone());
        let help = "Time that passes took";
        registry.register_with_unit("pass_duration", help, Unit::Seconds, self.pass_seconds.clone());
        let help = "End of the last pass in which the repository could be observed, in Unix time";
        let last = self.last_success.clone();
        registry.register_with_unit("last_successful_pass_timestamp", help, Unit::Seconds, last);
        registry.register("promotions", "Merges into environments", self.promotions.clone());
        registry.register("checks_asked", "Checks that were asked once each", self.checks.clone());
        let help = "Requests to the repository's git server";
        registry.register("git_requests", help, self.git_requests.clone());
        registry.register("findings", "What the last pass found to be wrong", self.findings.clone());
        registry.register("environments", "Environments by what comes next", self.environments.clone());
        let help = "Time since the freight that an environment runs was discovered";
        registry.register_with_unit("freight_age", help, Unit::Seconds, self.freight_age.clone());
        registry.register("webhook_requests", "Requests to webhooks", self.webhooks.clone());
    }

    /// Counts a pass. `git_requests` is the number since the start.
    pub(super) fn passed(
        &self,
        repo: &str,
        result: &Result<Pass, Diagnosis>,
        took: Duration,
        git_requests: u64,
        now: UnixSeconds,
    ) {
        let of = RepoLabels { repo: repo.into() };
        let word = if result.is_ok() { "ok" } else { "failed" };
        self.passes.get_or_create(&PassLabels { repo: repo.into(), result: word }).inc();
        self.pass_seconds.get_or_create(&of).observe(took.as_secs_f64());
        // Only ever grows: one loop writes it.
        self.git_requests
            .get_or_create(&of)
            .inner()
            .store(git_requests, std::sync::atomic::Ordering::Relaxed);
        let (promotions, checks) = match result {
            Ok(pass) => (pass.promotions, pass.checks),
            Err(_) => (0, 0),
        };
        self.promotions.get_or_create(&of).inc_by(promotions);
        self.checks.get_or_create(&of).inc_by(checks);
        if result.is_ok() {
            self.last_success.get_or_create(&of).set(now.0);
        }
    }

    pub(super) fn webhook(&self, kind: &'static str, result: WebhookResult) {
        self.webhooks.get_or_create(&WebhookLabels { r#type: kind, result: result.as_str() }).inc();
    }

    /// The text, with whether the loop works and what stands by repository.
    pub(super) fn text<'a>(
        &self,
        works: bool,
        seen: impl Iterator<Item = (&'a str, &'a [&'static str], &'a [Standing])>,
        now: UnixSeconds,
    ) -> String {
        self.working.set(works.into());
        self.findings.clear();
        self.environments.clear();
        self.freight_age.clear();
        let mut left = ENVIRONMENTS_MAX;
        for (repo, findings, standing) in seen {
            for code in findings {
                self.findings.get_or_create(&FindingLabels { repo: repo.into(), code }).inc();
            }
            let mut states: BTreeMap<State, i64> = State::ALL.into_iter().map(|it| (it, 0)).collect();
            for it in standing {
                *states.entry(it.state).or_default() += 1;
            }
            for (state, count) in states {
                let labels = StateLabels { repo: repo.into(), state: state.as_str() };
                self.environments.get_or_create(&labels).set(count);
            }
            for (it, since) in standing.iter().filter_map(|it| Some((it, it.freight_since?))).take(left) {
                left -= 1;
                let labels = EnvironmentLabels {
                    repo: repo.into(),
                    pipeline: it.pipeline.to_string(),
                    environment: it.environment.to_string(),
                };
                self.freight_age.get_or_create(&labels).set(now.0.saturating_sub(since.0).max(0));
            }
        }
        let mut text = String::new();
        // Writing to memory does not fail; half a text would be no OpenMetrics, which its reader says.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_bounded() {
        let metrics = Metrics::default();
        let standing: Vec<Standing> = (0..ENVIRONMENTS_MAX + 10)
            .map(|number| Standing {
                pipeline: "shop".parse().unwrap(),
                environment: format!("env-{number}").parse().unwrap(),
                state: State::Held,
                freight_since: Some(UnixSeconds(40)),
            })
            .collect();
        let seen = [("https://git.example.com/a", &["git-unreachable"][..], &standing[..])];
        let text = metrics.text(true, seen.into_iter(), UnixSeconds(100));
        let ages = text.lines().filter(|it| it.starts_with("promoter_freight_age_seconds{"));
        assert!(ages.clone().all(|it| it.ends_with(" 60")), "{text}");
        assert_eq!(ages.count(), ENVIRONMENTS_MAX);
        let held = format!(
            "promoter_environments{{repo=\"https://git.example.com/a\",state=\"held\"}} {}",
            standing.len()
        );
        assert!(text.contains(&held), "{text}");
    }
}
