//! Expectations: CEL expressions over what a server answered.

use promoter_core::Diagnosis;
use promoter_core::expression::{Expression, ExpressionError, Given};
use promoter_core::pipeline::Probe;
use promoter_core::verification::Answer;

/// An expression that gives a boolean.
pub struct Expectation {
    expression: Expression,
}

/// Why an expectation is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no expression that can be checked: {why}")]
pub struct ExpectationError {
    text: String,
    why: String,
    example: &'static str,
}

impl ExpectationError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        Diagnosis::input("verification-expect", self)
            .hint(format!("write a CEL expression over {}", self.example))
    }
}

impl Expectation {
    /// What a probe expects, where it has an expression.
    pub fn of(probe: &Probe) -> Option<Result<Self, ExpectationError>> {
        let example = match probe {
            Probe::Prometheus(_) => "`value`, `values` and `empty`, such as `empty || value < 0.05`",
            _ => "`status`, `headers` and `json`, such as `status == 200 && json.ready`",
        };
        let wrong = |error: ExpressionError| ExpectationError {
            why: format!("it {}", error.why),
            text: error.text,
            example,
        };
        let (text, known) = probe.expectation()?;
        Some(Expression::parse(text, known).map(|expression| Self { expression }).map_err(wrong))
    }

    /// True when it names a variable.
    pub(super) fn names(&self, variable: &str) -> bool {
        self.expression.names(variable)
    }

    /// Judges what is given; `seen` says for people what that is.
    pub(super) fn judge<'a>(&self, given: impl IntoIterator<Item = (&'a str, Given)>, seen: &str) -> Answer {
        match self.expression.judge(given) {
            Ok(true) => Answer::Passed,
            Ok(false) => Answer::Failed(format!("`{}` is false ({seen})", self.expression)),
            Err(why) => Answer::Failed(format!("`{}` {why} ({seen})", self.expression)),
        }
    }
}
