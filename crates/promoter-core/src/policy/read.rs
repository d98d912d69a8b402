//! Text to a policy, as strictly as a pipeline is read.

use super::{ImageRule, Pattern, Policy, Rule};
use crate::fields::{API_VERSION, FieldError, Fields};
use crate::pipeline::{Known, OnFailure, PipelineError, PromotionMode, Teams, read_gates};
use crate::signature::read_signer;
use crate::{Diagnosis, Place};
use promoter_yaml::{Dialect, Limits, Node, parse_all};

const LIMITS: Limits = Limits::DEFAULT.with_bytes(1 << 20).with_depth(32).with_nodes(100_000);

/// Why a policy file is refused. Nothing moves while it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PolicyError {
    message: String,
    hint: String,
    at: Place,
}

impl PolicyError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        Diagnosis::input("policy-wrong", self).at(&self.at).hint(self.hint.clone())
    }
}

impl From<FieldError> for PolicyError {
    fn from(error: FieldError) -> Self {
        Self { message: error.message(), hint: error.hint(), at: error.at }
    }
}

impl From<PipelineError> for PolicyError {
    fn from(error: PipelineError) -> Self {
        let said = error.diagnosis();
        let at = said.at.unwrap_or_else(|| Place::new("", 0));
        Self { message: said.cause, hint: said.hint.unwrap_or_default(), at }
    }
}

/// Reads a policy file; `path` is what messages call it.
pub fn read(path: &str, text: &str) -> Result<Policy, PolicyError> {
    let wrong = |message: String, line| PolicyError {
        message,
        hint: "a policy is one YAML document of `kind: Policy`".into(),
        at: Place::new(path, line),
    };
    let documents = parse_all(text, Dialect::Own, &LIMITS).map_err(|it| wrong(it.message, it.mark.line))?;
    let [document] = documents.as_slice() else {
        return Err(wrong(format!("the file holds {} documents", documents.len()), 0));
    };
    policy(document, path)
}

fn policy(node: &Node, path: &str) -> Result<Policy, PolicyError> {
    let root = Fields::open(node, "", &["apiVersion", "kind", "metadata", "spec"], path)?;
    root.node("apiVersion")?;
    root.word("apiVersion", &[(API_VERSION, ())])?;
    root.node("kind")?;
    root.word("kind", &[("Policy", ())])?;
    let metadata = Fields::open(root.node("metadata")?, "metadata", &["name"], path)?;
    let spec = Fields::open(root.node("spec")?, "spec", &["teams", "rules", "images"], path)?;
    let teams = Teams::read(&spec)?;
    let rules = spec.items("rules")?.iter().enumerate();
    let rules = rules.map(|(index, it)| rule(it, index, path, &teams)).collect::<Result<Vec<_>, _>>()?;
    Ok(Policy { name: metadata.require("name")?, rules, images: images(&spec, path)? })
}

fn images(spec: &Fields<'_>, path: &str) -> Result<Vec<ImageRule>, PolicyError> {
    if spec.get("images").is_none() {
        return Ok(Vec::new());
    }
    let images = spec.inner("images", &["requireSignature"])?;
    let items = images.items("requireSignature")?.iter().enumerate();
    items.map(|(index, it)| image_rule(it, index, path)).collect()
}

fn image_rule(node: &Node, index: usize, path: &str) -> Result<ImageRule, PolicyError> {
    let known = ["name", "match", "repositories", "key", "keyless"];
    let fields = Fields::open(node, format!("spec.images.requireSignature[{index}]"), &known, path)?;
    let (pipelines, environments) = about(&fields)?;
    let name = fields.require("name")?;
    fields.node("repositories")?;
    let repositories = patterns(&fields, "repositories")?;
    if let Some(short) = repositories.iter().map(ToString::to_string).find(|it| !it.contains(['/', '*'])) {
        let hint = format!("write the registry too, like `docker.io/library/{short}`");
        return Err(fields.wrong("repositories", format!("`{short}` fits no repository"), hint).into());
    }
    let signer = read_signer(&fields)?;
    Ok(ImageRule { name, at: fields.at(), repositories, pipelines, environments, signer })
}

/// Which pipelines and environments a rule is about.
fn about(fields: &Fields<'_>) -> Result<(Vec<Pattern>, Vec<Pattern>), PolicyError> {
    if fields.get("match").is_none() {
        return Ok((Vec::new(), Vec::new()));
    }
    let about = fields.inner("match", &["pipelines", "environments"])?;
    Ok((patterns(&about, "pipelines")?, patterns(&about, "environments")?))
}

fn rule(node: &Node, index: usize, path: &str, teams: &Teams) -> Result<Rule, PolicyError> {
    let known = ["name", "match", "gates", "promotion", "onFailure", "after", "verification", "render"];
    let fields = Fields::open(node, format!("spec.rules[{index}]"), &known, path)?;
    let (pipelines, environments) = about(&fields)?;
    let (allow_empty, allow_secrets) = match fields.get("render") {
        None => (true, true),
        Some(_) => {
            let render = fields.inner("render", &["allowEmpty", "allowSecrets"])?;
            (refusal(&render, "allowEmpty")?, refusal(&render, "allowSecrets")?)
        }
    };
    Ok(Rule {
        name: fields.require("name")?,
        at: fields.at(),
        pipelines,
        environments,
        gates: read_gates(&fields, true, &Known { teams, artifacts: None })?,
        promotion: fields.word("promotion", &PromotionMode::ALL.map(|it| (it.as_str(), it)))?,
        on_failure: on_failure(&fields)?,
        after: requirement(&fields, "after")?,
        verification: requirement(&fields, "verification")?,
        allow_empty,
        allow_secrets,
    })
}

fn patterns(fields: &Fields<'_>, key: &str) -> Result<Vec<Pattern>, PolicyError> {
    let texts = fields.texts(key)?;
    match texts.iter().any(|it| it.is_empty()) || (texts.is_empty() && fields.get(key).is_some()) {
        true => {
            Err(fields.wrong(key, "it names nothing", "leave it out, or name some, like `prod-*`").into())
        }
        false => Ok(texts.into_iter().map(Pattern::new).collect()),
    }
}

fn on_failure(fields: &Fields<'_>) -> Result<Vec<OnFailure>, PolicyError> {
    let one = |text: &str| {
        OnFailure::ALL.into_iter().find(|it| it.as_str() == text).ok_or_else(|| {
            fields.wrong(
                "onFailure",
                format!("`{text}` is unknown"),
                "write `none`, `hold`, `rollback` or `pause`",
            )
        })
    };
    Ok(fields.texts("onFailure")?.into_iter().map(one).collect::<Result<_, _>>()?)
}

/// `required`, or not there.
fn requirement(fields: &Fields<'_>, key: &str) -> Result<bool, FieldError> {
    Ok(fields.word(key, &[("required", ())])?.is_some())
}

/// `refused`, or not there; true when it is allowed.
fn refusal(fields: &Fields<'_>, key: &str) -> Result<bool, FieldError> {
    Ok(fields.word(key, &[("refused", ())])?.is_none())
}
