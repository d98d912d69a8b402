//! Prometheus: one instant query, judged by an expression over its samples.
//!
//! Source: Prometheus HTTP API, "Instant queries". A server that does not answer is waited for: it says nothing about
//! what it measures.

use std::time::Duration;

use promoter_core::expression::Given;
use promoter_core::pipeline::PrometheusProbe;
use promoter_core::verification::Answer;
use serde_json::Value;

use super::http::{Request, Response, Unanswered, without};
use super::{Expectation, HttpChecker};

impl HttpChecker {
    /// Asks once and judges the samples.
    pub async fn prometheus(
        &self,
        probe: &PrometheusProbe,
        expectation: &Expectation,
        timeout: Duration,
    ) -> Answer {
        let url = format!("{}/api/v1/query", probe.endpoint.url.trim_end_matches('/'));
        let form = form(&probe.query);
        let request = Request {
            // By POST, so that a query may be as long as it likes.
            method: "POST",
            url: &url,
            endpoint: &probe.endpoint,
            body: Some((Some("application/x-www-form-urlencoded"), &form)),
            timeout,
        };
        let mut secrets = Vec::new();
        let answer = match self.ask(&request, &mut secrets).await {
            Ok(response) => match samples(&response) {
                Ok(samples) => judge(expectation, &samples),
                Err(why) => {
                    Answer::Waiting(format!("{} did not answer the query: {why}", probe.endpoint.url))
                }
            },
            Err(Unanswered::Unasked(why)) => Answer::Waiting(why),
            Err(Unanswered::Silent(why)) => {
                Answer::Waiting(format!("{} could not be read: {why}", probe.endpoint.url))
            }
        };
        without(&secrets, answer)
    }
}

/// A query as forms send it.
pub(super) fn form(query: &str) -> String {
    let mut url = reqwest::Url::parse("form:").ok();
    if let Some(url) = &mut url {
        url.query_pairs_mut().append_pair("query", query);
    }
    url.as_ref().and_then(|it| it.query()).unwrap_or_default().to_owned()
}

/// What a query gives.
pub(super) enum Numbers {
    /// A scalar.
    One(f64),
    /// The samples of a vector in the server's order.
    Several(Vec<f64>),
}

/// The values that count: what is no number (`NaN`, as a rate by nothing gives) is no sample, since it says nothing about
/// what is measured.
fn samples(response: &Response) -> Result<Vec<f64>, String> {
    let values = match numbers(response)? {
        Numbers::One(value) => vec![value],
        Numbers::Several(values) => values,
    };
    Ok(values.into_iter().filter(|it| !it.is_nan()).collect())
}

/// All values, with those that are no numbers.
pub(super) fn numbers(response: &Response) -> Result<Numbers, String> {
    let status = response.status;
    let answer: Value = serde_json::from_slice(&response.body)
        .map_err(|_| format!("it is no Prometheus (status {status})"))?;
    let text = |key: &str| answer[key].as_str().unwrap_or_default();
    if text("status") != "success" {
        let what = [text("errorType"), text("error")].join(": ");
        return Err(if what == ": " { format!("status {status}") } else { what });
    }
    let data = &answer["data"];
    // A sample is a time and a number, the number as text.
    let value = |sample: &Value| sample[1].as_str().and_then(|it| it.parse::<f64>().ok());
    let numbers = match data["resultType"].as_str() {
        Some("scalar") => value(&data["result"]).map(Numbers::One),
        Some("vector") => {
            let samples = data["result"].as_array();
            let values =
                samples.map(|it| it.iter().map(|it| value(&it["value"])).collect::<Option<Vec<f64>>>());
            values.flatten().map(Numbers::Several)
        }
        Some(kind) => return Err(format!("it gives a {kind}, and a vector or scalar is needed")),
        None => None,
    };
    numbers.ok_or_else(|| "the answer has another form than the API's".into())
}

/// An expectation sees `value` (the first sample), `values` (all) and `empty` (true without any; then `value` is null).
fn judge(expectation: &Expectation, samples: &[f64]) -> Answer {
    let first = samples.first().map_or(Given::Json(Value::Null), |it| Given::Float(*it));
    let given = [
        ("value", first),
        ("values", Given::Floats(samples.to_vec())),
        ("empty", Given::Json(Value::Bool(samples.is_empty()))),
    ];
    let seen = match samples {
        [] => "the query gives no samples".to_owned(),
        [one] => format!("value {one}"),
        [first, ..] => format!("value {first} of {} samples", samples.len()),
    };
    match expectation.judge(given, &seen) {
        // Nothing was counted, so nothing is wrong; what that means is for `expect` to say.
        Answer::Failed(_) if samples.is_empty() && !expectation.names("empty") => Answer::Waiting(
            "the query gives no samples; `expect` may say what that means with `empty`".into(),
        ),
        answer => answer,
    }
}
