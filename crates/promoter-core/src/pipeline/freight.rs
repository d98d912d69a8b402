//! What becomes of what the subscriptions find: `spec.freight`.

use super::PipelineError;
use super::gate::condition;
use crate::Seconds;
use crate::expression::Expression;
use crate::fields::Fields;

/// How freight is made, and how long it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FreightRules {
    /// Who makes it.
    pub creation: Creation,
    /// What must hold of its artifacts: a condition over `artifacts`.
    pub criteria: Option<Expression>,
    /// How long its records are kept.
    pub retention: Retention,
}

/// Who makes freight of what is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Creation {
    /// Automation, of the newest of each.
    #[default]
    Automatic,
    /// A person: what is found is only shown.
    Manual,
}

/// How long records of freight are kept that nothing needs any more. What is kept is the longer of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The newest of them, whatever their age.
    pub keep: u32,
    /// What is not older than this.
    pub span: Seconds,
}

impl Default for Retention {
    fn default() -> Self {
        Self { keep: 20, span: Seconds(14 * 86_400) }
    }
}

/// The most freight that `retention.keep` may ask for; each is a file of the state branch.
const KEEP_MAX: u32 = 10_000;

pub(super) fn freight(spec: &Fields<'_>, artifacts: &[&str]) -> Result<FreightRules, PipelineError> {
    if spec.get("freight").is_none() {
        return Ok(FreightRules::default());
    }
    let fields = spec.inner("freight", &["creation", "criteria", "retention"])?;
    let creations = [("automatic", Creation::Automatic), ("manual", Creation::Manual)];
    let hint =
        "write a CEL condition over `artifacts`, like `artifacts.web.revision == artifacts.config.commit`";
    let criteria =
        fields.get("criteria").map(|_| condition(&fields, "criteria", &["artifacts"], Some(artifacts), hint));
    let default = Retention::default();
    let retention = match fields.get("retention") {
        None => default,
        Some(_) => {
            let fields = fields.inner("retention", &["keep", "for"])?;
            Retention {
                keep: fields.number("keep", 1, KEEP_MAX)?.unwrap_or(default.keep),
                span: fields.optional("for")?.unwrap_or(default.span),
            }
        }
    };
    Ok(FreightRules {
        creation: fields.word("creation", &creations)?.unwrap_or_default(),
        criteria: criteria.transpose()?,
        retention,
    })
}
