//! Argo Rollouts' AnalysisTemplates: what a metric of one asks, and what an answer to it means.
//!
//! A template becomes checks when the pipeline is read (`read`), without Rollouts and without a cluster. Whatever is
//! not understood is refused there with its line, so that nothing here is guessed. The words are those of Rollouts:
//! `result` is what a measurement gave, a measurement without an answer is an error, and an error is waited for.

mod args;
mod condition;
mod path;
mod read;

pub use condition::Condition;
pub use path::JsonPath;
pub(super) use read::checks;

use super::{Endpoint, PipelineError};
use crate::expression::Given;
use crate::verification::Answer;

/// Gives the text of a file of the dry branch by its path from the root, or says for people why there is none.
pub type Beside<'a> = dyn Fn(&str) -> Result<String, String> + 'a;

/// One metric of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalysisProbe {
    /// Whom it asks, and for what.
    pub provider: Provider,
    /// When a measurement is a success; `None`: whenever it is no failure.
    pub success: Option<Condition>,
    /// When it is a failure; `None`: whenever it is no success.
    pub failure: Option<Condition>,
}

/// Who is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// A URL that answers in JSON.
    Web {
        /// Whom it asks.
        endpoint: Endpoint,
        /// `GET` by default.
        method: String,
        /// What is sent, with its media type where that is to be said.
        body: Option<(Option<String>, String)>,
        /// Where `result` lies in the answer.
        path: JsonPath,
    },
    /// A Prometheus server: `result` is a number for a scalar, and a list of numbers for a vector.
    Prometheus {
        /// The server: what stands before `/api/v1/query`.
        endpoint: Endpoint,
        /// PromQL.
        query: String,
    },
}

impl AnalysisProbe {
    /// What a measurement means; `seen` says for people what `result` is.
    pub fn judge(&self, result: &Given, seen: &str) -> Answer {
        let holds = |condition: &Option<Condition>| {
            let judged =
                condition.as_ref().map(|it| it.holds(result).map_err(|why| format!("`{it}` {why} ({seen})")));
            judged.transpose()
        };
        let (success, failure) = match (holds(&self.success), holds(&self.failure)) {
            (Ok(success), Ok(failure)) => (success, failure),
            (Err(why), _) | (_, Err(why)) => return Answer::Waiting(why),
        };
        match (success, failure) {
            (_, Some(true)) => Answer::Failed(format!("`{}` is true ({seen})", said(self.failure.as_ref()))),
            (Some(false), None) => {
                Answer::Failed(format!("`{}` is false ({seen})", said(self.success.as_ref())))
            }
            (Some(false), Some(false)) => {
                Answer::Waiting(format!("it is neither success nor failure ({seen})"))
            }
            (Some(true) | None, _) => Answer::Passed,
        }
    }
}

fn said(condition: Option<&Condition>) -> &str {
    condition.map_or("", Condition::as_str)
}

/// A check whose file cannot be used: its environment waits until somebody mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenProbe {
    /// The word for the check in promoter.yaml.
    pub kind: &'static str,
    /// What is wrong, with its place.
    pub why: PipelineError,
}
