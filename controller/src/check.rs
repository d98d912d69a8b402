//! Takes measurements: asks each due check once, all at the same time.
//!
//! Decides nothing: whether measurements make a verification is the planner's judgement.

use std::time::Duration;

use promoter_core::observation::Measurement;
use promoter_core::pipeline::{Check, HttpCheck};
use promoter_core::plan::Measure;
use promoter_core::{Diagnosis, UnixSeconds};
use promoter_sources::http::{Answer, Expectation, HttpChecker, HttpRequest};

/// Asks checks. Needs a tokio runtime to run on, which it keeps for itself.
#[derive(Debug)]
pub struct Checker {
    runtime: tokio::runtime::Runtime,
    http: Option<HttpChecker>,
}

impl Checker {
    /// Makes one. The HTTP client is made with the first check that needs it.
    pub fn new() -> Result<Self, Diagnosis> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime
            .map_err(|error| Diagnosis::upstream("runtime", format!("no runtime can be started: {error}")))?;
        Ok(Self { runtime, http: None })
    }

    /// Asks every check once, at the same time, and answers in their order.
    pub fn measure(
        &mut self,
        due: &[(&Measure, &Check)],
        now: impl Fn() -> UnixSeconds,
    ) -> Result<Vec<Measurement>, Diagnosis> {
        let http = match &mut self.http {
            Some(http) => &*http,
            none => &*none.insert(HttpChecker::new()?),
        };
        let asked = due.iter().map(|(measure, check)| async {
            let answer = match check {
                Check::Http(check) => ask(http, check).await,
            };
            let result = match answer {
                Answer::Passed => Ok(()),
                Answer::Failed(why) => Err(why),
            };
            Measurement {
                check: measure.check,
                freight: measure.freight.clone(),
                promoted_at: measure.promoted_at,
                at: now(),
                result,
            }
        });
        Ok(self.runtime.block_on(futures::future::join_all(asked)))
    }
}

async fn ask(http: &HttpChecker, check: &HttpCheck) -> Answer {
    let expectation = match Expectation::parse(&check.expect) {
        Ok(expectation) => expectation,
        Err(error) => return Answer::Failed(error.to_string()),
    };
    let request = HttpRequest {
        method: check.method.clone(),
        url: check.url.clone(),
        headers: check.headers.clone(),
        timeout: Duration::from_secs(u64::from(check.timeout.0)),
    };
    http.check(&request, &expectation).await
}

/// Says which expectations of a pipeline are none, before anything is promoted by them.
pub fn findings(pipeline: &promoter_core::pipeline::Pipeline) -> Vec<Diagnosis> {
    let checks =
        pipeline.environments.iter().flat_map(|it| it.verification.iter().map(move |check| (it, check)));
    checks
        .filter_map(|(environment, check)| match check {
            Check::Http(check) => {
                Expectation::parse(&check.expect).err().map(|error| error.diagnosis().at(&environment.at))
            }
        })
        .collect()
}
