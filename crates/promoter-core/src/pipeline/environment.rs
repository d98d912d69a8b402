//! One environment of a promoter.yaml.

use super::gate::{Known, read_gates};
use super::parts::parts;
use super::read::Places;
use super::{
    After, Beside, Environment, OnFailure, PipelineError, PromotionMode, Quorum, RenderOptions, Select,
    Soaking, checks,
};
use crate::Name;
use crate::fields::{FieldError, Fields};
use promoter_yaml::{Data, Node};

const KNOWN: [&str; 10] = [
    "name",
    "source",
    "after",
    "promotion",
    "select",
    "soaking",
    "gates",
    "verification",
    "onFailure",
    "render",
];

pub(super) fn environment(
    node: &Node,
    index: usize,
    path: &str,
    places: &Places,
    apps: &[Name],
    known: &Known<'_>,
    beside: &Beside<'_>,
) -> Result<Environment, PipelineError> {
    let fields = Fields::open(node, format!("spec.environments[{index}]"), &KNOWN, path)?;
    let name: Name = fields.require("name")?;
    let promotions = PromotionMode::ALL.map(|it| (it.as_str(), it));
    let selects = [("newest", Select::Newest), ("queue", Select::Queue), ("manual", Select::Manual)];
    let soaking = [("keep", Soaking::Keep), ("displace", Soaking::Displace)];
    let failures = OnFailure::ALL.map(|it| (it.as_str(), it));
    let (active_branch, proposed_branch) = places.branches(&name);
    Ok(Environment {
        at: fields.at(),
        parts: parts(&fields, path, places, apps)?,
        after: after(&fields, path)?,
        promotion: fields.word("promotion", &promotions)?.unwrap_or(PromotionMode::PullRequest),
        select: fields.word("select", &selects)?.unwrap_or(Select::Newest),
        soaking: fields.word("soaking", &soaking)?.unwrap_or_default(),
        gates: read_gates(&fields, false, known)?,
        verification: each(&fields, "verification", &["name"], |it, kind| checks::checks(it, kind, beside))?
            .into_iter()
            .flatten()
            .collect(),
        on_failure: fields.word("onFailure", &failures)?.unwrap_or_default(),
        render: render(&fields, path)?,
        active_branch,
        proposed_branch,
        name,
    })
}

fn after(fields: &Fields<'_>, path: &str) -> Result<After, PipelineError> {
    let Some(node) = fields.get("after") else {
        return Ok(After::default());
    };
    let names = |fields: &Fields<'_>, key: &str| -> Result<Vec<Name>, FieldError> {
        let wrong = |it| fields.wrong(key, it, "name environments of this pipeline");
        fields.texts(key)?.into_iter().map(|it| it.parse().map_err(wrong)).collect()
    };
    let hint = "write `after: [dev]` or `after: { any: [a, b] }`";
    match &node.data {
        Data::Seq(_) => return Ok(After { quorum: Quorum::All, environments: names(fields, "after")? }),
        Data::Map(_) => {}
        Data::Scalar(_) => {
            let message = format!("it must be a sequence or a mapping, not {}", node.type_name());
            return Err(fields.wrong("after", message, hint).into());
        }
    }
    let inner = Fields::open(node, fields.name("after"), &["all", "any"], path)?;
    let (quorum, key) = match (inner.get("all"), inner.get("any")) {
        (Some(_), None) => (Quorum::All, "all"),
        (None, Some(_)) => (Quorum::Any, "any"),
        _ => {
            let message = "must have exactly one of `all` and `any`";
            return Err(fields
                .wrong("after", message, "write `after: [dev]` or `after: { any: [a, b] }`")
                .into());
        }
    };
    let environments = names(&inner, key)?;
    match environments.is_empty() {
        true => {
            Err(inner.wrong(key, "names no environment", "leave `after` out for a first environment").into())
        }
        false => Ok(After { quorum, environments }),
    }
}

/// Reads a sequence of mappings with one key each: the kind, and what it holds. Keys of `besides` may stand with it.
pub(super) fn each<T>(
    fields: &Fields<'_>,
    key: &str,
    besides: &[&str],
    read: impl Fn(&Fields<'_>, &str) -> Result<T, PipelineError>,
) -> Result<Vec<T>, PipelineError> {
    let one = |(index, node): (usize, &Node)| {
        let name = format!("{}[{index}]", fields.name(key));
        let item = Fields::open_any(node, name, fields.path())?;
        let kinds: Vec<&str> = item.keys().into_iter().filter(|it| !besides.contains(it)).collect();
        match kinds.as_slice() {
            [kind] => read(&item, kind),
            _ => Err(PipelineError::Field {
                message: format!("`{}` must have exactly one key", item.name("").trim_end_matches('.')),
                hint: "start each with `- ` on a line of its own".into(),
                at: item.at(),
            }),
        }
    };
    fields.items(key)?.iter().enumerate().map(one).collect()
}

fn render(fields: &Fields<'_>, path: &str) -> Result<RenderOptions, PipelineError> {
    let Some(node) = fields.get("render") else {
        return Ok(RenderOptions::default());
    };
    let render = Fields::open(node, fields.name("render"), &["allowEmpty", "allowSecrets"], path)?;
    let mut allow_secrets: Vec<String> =
        render.texts("allowSecrets")?.into_iter().map(str::to_owned).collect();
    allow_secrets.sort();
    allow_secrets.dedup();
    Ok(RenderOptions { allow_empty: render.flag("allowEmpty")?, allow_secrets })
}
