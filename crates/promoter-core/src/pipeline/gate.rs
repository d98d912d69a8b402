//! The gates of one environment of a promoter.yaml.

use super::environment::each;
use super::teams::Teams;
use super::{Approvals, Gate, GateRule, PipelineError, checks};
use crate::expression::{Expression, ExpressionError};
use crate::fields::{FieldError, Fields, is_slip};
use crate::gate::{ARTIFACT_FIELDS, FREIGHT_FIELDS, VARIABLES};
use crate::signature::{ImageGate, Images, PREDICATE, Requirement, Wanted, read_predicate_type, read_signer};
use crate::window::{Entry, Window, Zone};
use crate::{Name, Seconds};
use promoter_yaml::{Data, Node};

/// The kinds of gate.
const KINDS: [&str; 8] =
    ["soak", "approvals", "window", "commitStatus", "expression", "attestation", "http", "prometheus"];

/// What of the rest of the file gates name.
pub(crate) struct Known<'a> {
    pub(crate) teams: &'a Teams,
    /// The artifacts that freight has; `None` where gates are for pipelines of many kinds.
    pub(crate) artifacts: Option<Vec<&'a str>>,
}

/// Reads `gates`; those that do not say whether they are `required` are as `required` says.
pub(crate) fn read_gates(
    fields: &Fields<'_>,
    required: bool,
    known: &Known<'_>,
) -> Result<Vec<Gate>, PipelineError> {
    let gates = each(fields, "gates", &["required", "name"], |item, kind| {
        let required = if item.get("required").is_some() { item.flag("required")? } else { required };
        if item.get("name").is_some() && !matches!(kind, "http" | "prometheus") {
            return Err(item.wrong("name", format!("a gate `{kind}` has no name"), "leave it out").into());
        }
        let gate = |rule| Gate { at: item.at(), rule, required, policy: None };
        Ok(rules(item, kind, known)?.into_iter().map(gate).collect::<Vec<_>>())
    });
    Ok(gates?.into_iter().flatten().collect())
}

/// The rules of one item: several where it names several statuses.
fn rules(item: &Fields<'_>, kind: &str, known: &Known<'_>) -> Result<Vec<GateRule>, PipelineError> {
    let rule = match kind {
        "soak" => soak(item)?,
        "approvals" => approvals(item, known.teams)?,
        "window" => window(item)?,
        "http" | "prometheus" => GateRule::Check(Box::new(checks::check(item, kind)?)),
        "commitStatus" => return Ok(commit_statuses(item)?),
        "expression" => expression(item, known)?,
        "attestation" => attestation(item, known)?,
        _ => return Err(item.unknown(kind, &KINDS).into()),
    };
    Ok(vec![rule])
}

fn soak(item: &Fields<'_>) -> Result<GateRule, FieldError> {
    let span: Seconds = item.require("soak")?;
    match span.0 {
        0 => Err(item.wrong("soak", "`0s` is no time", "leave the gate out")),
        _ => Ok(GateRule::Soak(span)),
    }
}

fn approvals(item: &Fields<'_>, teams: &Teams) -> Result<GateRule, FieldError> {
    let fields = item.inner("approvals", &["required", "from", "selfApproval"])?;
    let from = fields.texts("from")?;
    let people = teams.people(&from).map_err(|(reason, hint)| fields.wrong("from", reason, hint))?;
    let required = fields.number("required", 1, 100)?.unwrap_or(1);
    if !from.is_empty() && people.len() < usize::try_from(required).unwrap_or(usize::MAX) {
        let message = format!("`{required}` cannot be reached by {} people", people.len());
        return Err(fields.wrong("required", message, "name more people in `from`"));
    }
    let from = from.into_iter().map(str::to_owned).collect();
    Ok(GateRule::Approvals(Approvals { required, from, people, self_approval: fields.flag("selfApproval")? }))
}

fn window(item: &Fields<'_>) -> Result<GateRule, FieldError> {
    let fields = item.inner("window", &["allow", "exclude", "timezone"])?;
    let (allow, exclude) = (entries(&fields, "allow")?, entries(&fields, "exclude")?);
    if allow.is_empty() && exclude.is_empty() {
        let hint = "write `allow: \"Mon-Fri 09:00-16:00\"`, or `exclude`";
        return Err(item.wrong("window", "it names no time", hint));
    }
    let zone = match fields.text("timezone")? {
        None => Zone::utc(),
        Some(name) => Zone::named(name).map_err(|near| {
            let hint = near.map_or_else(
                || "write a name of the IANA database, like `Europe/Berlin`".into(),
                |near| format!("did you mean `{near}`"),
            );
            fields.wrong("timezone", format!("`{name}` is no time zone"), hint)
        })?,
    };
    let hint = "allow a time that `exclude` leaves";
    let never = || item.wrong("window", "the window never opens", hint);
    Window::new(allow, exclude, zone).map(GateRule::Window).ok_or_else(never)
}

/// One entry or several.
fn entries(fields: &Fields<'_>, key: &str) -> Result<Vec<Entry>, FieldError> {
    match fields.get(key) {
        None => Ok(Vec::new()),
        Some(node) => match &node.data {
            Data::Seq(_) => fields.items(key)?.iter().map(|it| entry(fields, key, it)).collect(),
            _ => entry(fields, key, node).map(|it| vec![it]),
        },
    }
}

fn entry(fields: &Fields<'_>, key: &str, node: &Node) -> Result<Entry, FieldError> {
    let place = |error: FieldError| FieldError { at: fields.place(node.mark), ..error };
    if node.as_map().is_some() {
        let inner = Fields::open(node, fields.name(key), &["cron", "duration"], fields.path())?;
        let text: String = inner.require("cron")?;
        let duration: Seconds = inner.require("duration")?;
        if duration.0 == 0 || duration.0 > DURATION_MAX {
            return Err(inner.wrong(
                "duration",
                format!("`{duration}` is no span of a window"),
                "write `1s` to `366d`",
            ));
        }
        let hint = "write five fields: minute, hour, day, month, day of the week, like `0 9 * * 1-5`";
        return Entry::cron(&text, duration).map_err(|it| inner.wrong("cron", it, hint));
    }
    let text =
        node.text().ok_or_else(|| fields.wrong_type(key, "a time, or `{ cron: …, duration: … }`", node))?;
    let hint = "write `Mon-Fri 09:00-16:00`, `daily 22:00-02:00`, `2026-12-20/2027-01-05`, \
        or `{ cron: \"0 9 * * 1-5\", duration: 7h }`";
    text.parse().map_err(|it| place(fields.wrong(key, it, hint)))
}

/// The longest duration of a cron entry: a leap year.
const DURATION_MAX: u32 = 366 * 86_400;

fn commit_statuses(item: &Fields<'_>) -> Result<Vec<GateRule>, FieldError> {
    let fields = item.inner("commitStatus", &["name"])?;
    let node = fields.node("name")?;
    let names: Vec<Name> = match &node.data {
        Data::Seq(_) => {
            let wrong = |it| fields.wrong("name", it, "name it like `trivy`");
            fields.texts("name")?.into_iter().map(|it| it.parse().map_err(wrong)).collect::<Result<_, _>>()?
        }
        _ => vec![fields.require("name")?],
    };
    match names.is_empty() {
        true => Err(fields.wrong("name", "it names no status", "name one, like `trivy`")),
        false => Ok(names.into_iter().map(GateRule::CommitStatus).collect()),
    }
}

fn expression(item: &Fields<'_>, known: &Known<'_>) -> Result<GateRule, FieldError> {
    let hint = "write a CEL condition over `freight`, `artifacts`, `environment` and `pipeline`, like \
        `!artifacts.web.tag.contains(\"-\")`";
    condition(item, "expression", &VARIABLES, known.artifacts.as_deref(), hint).map(GateRule::Expression)
}

/// Reads a condition over freight: over some variables, `artifacts` (where they are known) with their fields among them.
pub(super) fn condition(
    fields: &Fields<'_>,
    key: &str,
    variables: &[&str],
    artifacts: Option<&[&str]>,
    hint: &str,
) -> Result<Expression, FieldError> {
    let text: String = fields.require(key)?;
    let wrong = |it: ExpressionError| {
        let hint = it.near.as_ref().map_or_else(|| hint.to_owned(), |near| format!("did you mean `{near}`"));
        fields.wrong(key, it, hint)
    };
    let expression = Expression::parse(&text, variables).map_err(wrong)?;
    for path in expression.paths() {
        check_path(&path, artifacts).map_err(|(reason, hint)| fields.wrong(key, reason, hint))?;
    }
    Ok(expression)
}

fn attestation(item: &Fields<'_>, known: &Known<'_>) -> Result<GateRule, PipelineError> {
    let fields = item.inner("attestation", &["artifact", "predicateType", "key", "keyless", "expression"])?;
    let artifact: Name = fields.require("artifact")?;
    if let Some(artifacts) = known.artifacts.as_ref().filter(|it| !it.contains(&artifact.as_str())) {
        let hint = match artifacts.iter().find(|it| is_slip(artifact.as_str(), it)) {
            Some(near) => format!("did you mean `{near}`"),
            None => "name a subscription of an image".into(),
        };
        return Err(fields.wrong("artifact", format!("`{artifact}` is unknown"), hint).into());
    }
    let hint = "write a CEL condition over `predicate`, like \
        `predicate.buildDefinition.buildType == \"https://actions.github.io/buildtypes/workflow/v1\"`";
    let wrong = |it: ExpressionError| {
        let hint = it.near.as_ref().map_or_else(|| hint.to_owned(), |near| format!("did you mean `{near}`"));
        fields.wrong("expression", it, hint)
    };
    let expression = fields.text("expression")?;
    let expression = expression.map(|it| Expression::parse(it, &[PREDICATE]).map_err(wrong)).transpose()?;
    let wanted = Wanted::Attestation { predicate_type: read_predicate_type(&fields)?, expression };
    let requirement = Requirement { wanted, signer: read_signer(&fields)? };
    Ok(GateRule::Image(Box::new(ImageGate { about: Images::Artifact(artifact), requirement })))
}

/// Checks the names that an expression selects, as far as they are known: `artifacts.web.tag`, `freight.alias`.
fn check_path(path: &[&str], artifacts: Option<&[&str]>) -> Result<(), (String, String)> {
    let is = |word: &str, known: &[&str], what: &str| {
        if known.contains(&word) {
            return Ok(());
        }
        let list = || known.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
        let hint = match known.iter().find(|it| is_slip(word, it)) {
            Some(near) => format!("did you mean `{near}`"),
            None => format!("known here: {}", list()),
        };
        Err((format!("`{}` names {what} `{word}`, which is unknown", path.join(".")), hint))
    };
    match path {
        ["artifacts", name, rest @ ..] => {
            artifacts.map_or(Ok(()), |artifacts| is(name, artifacts, "the artifact"))?;
            rest.first().map_or(Ok(()), |field| is(field, &ARTIFACT_FIELDS, "the field"))
        }
        ["freight", field, ..] => is(field, &FREIGHT_FIELDS, "the field"),
        _ => Ok(()),
    }
}
