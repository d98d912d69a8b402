//! Text to pipelines, strictly: what is not known is refused by name, line and, where it is a slip, the right word.

use super::check::check;
use super::environment::environment;
use super::freight::freight;
use super::gate;
use super::parts::apps;
use super::subscription::subscription;
use super::teams::Teams;
use super::{Beside, Layout, Pipeline, PipelineError, Subscription};
use crate::fields::{API_VERSION, FieldError, Fields};
use crate::{Name, Place};
use promoter_yaml::{Dialect, Limits, Node, parse_all};

/// A pipeline of thousands of environments fits; a bomb does not.
const LIMITS: Limits = Limits::DEFAULT.with_bytes(4 << 20).with_depth(32).with_nodes(400_000);

/// The dry branch of a file that was not read from a branch.
const DRY_BRANCH: &str = "main";

/// Reads a promoter.yaml that is at hand without its repository, as if its dry branch were `main`.
///
/// Otherwise as [`read_on`].
pub fn read(path: &str, text: &str) -> Result<Vec<Pipeline>, PipelineError> {
    read_on(DRY_BRANCH, path, text)
}

/// Reads a promoter.yaml whose other files are not at hand: a template of a check counts as one that cannot be read.
///
/// Otherwise as [`read_beside`].
pub fn read_on(dry_branch: &str, path: &str, text: &str) -> Result<Vec<Pipeline>, PipelineError> {
    read_beside(dry_branch, path, text, &|_| Err("is not at hand".into()))
}

/// Reads every pipeline of one promoter.yaml; one YAML document is one pipeline.
///
/// `beside` gives the other files of the branch. What is wrong with one of those is a check that waits, and no error.
/// `dry_branch` is the branch that holds it, without `refs/heads/`: in the layout `folders` every environment runs it.
/// `path` is the file's path from the root of that branch: messages name it, and `source` is relative to its directory.
/// Errors: the first thing that is wrong.
pub fn read_beside(
    dry_branch: &str,
    path: &str,
    text: &str,
    beside: &Beside<'_>,
) -> Result<Vec<Pipeline>, PipelineError> {
    let documents = parse_all(text, Dialect::Own, &LIMITS)
        .map_err(|it| PipelineError::Syntax { message: it.message, at: Place::new(path, it.mark.line) })?;
    if documents.is_empty() {
        return Err(PipelineError::Syntax { message: "the file is empty".into(), at: Place::new(path, 0) });
    }
    documents.iter().map(|it| pipeline(it, dry_branch, path, beside)).collect()
}

fn pipeline(
    node: &Node,
    dry_branch: &str,
    path: &str,
    beside: &Beside<'_>,
) -> Result<Pipeline, PipelineError> {
    version(node, path)?;
    let root = Fields::open(node, "", &["apiVersion", "kind", "metadata", "spec"], path)?;
    root.node("apiVersion")?;
    root.node("kind")?;
    root.word("kind", &[("Pipeline", ())])?;
    let metadata = Fields::open(root.node("metadata")?, "metadata", &["name"], path)?;
    let name: Name = metadata.require("name")?;

    let known = ["layout", "branches", "apps", "subscriptions", "freight", "teams", "environments"];
    let spec = Fields::open(root.node("spec")?, "spec", &known, path)?;
    let layouts = [("branches", Layout::Branches), ("folders", Layout::Folders)];
    let layout = spec.word("layout", &layouts)?.unwrap_or_default();
    let places = Places::read(&spec, layout, dry_branch, path)?.of(&name);
    let apps = apps(&spec)?;
    spec.node("subscriptions")?;
    let subscriptions = spec.items("subscriptions")?.iter().enumerate();
    let subscriptions = subscriptions.map(|(index, it)| subscription(it, index, path));
    let subscriptions = subscriptions.collect::<Result<Vec<_>, _>>()?;
    let artifacts: Vec<&str> = subscriptions.iter().map(|it: &Subscription| it.name.as_str()).collect();
    let freight = freight(&spec, &artifacts)?;
    let teams = Teams::read(&spec)?;
    let known = gate::Known { teams: &teams, artifacts: Some(artifacts) };
    spec.node("environments")?;
    let environments = spec.items("environments")?.iter().enumerate();
    let environments =
        environments.map(|(index, it)| environment(it, index, path, &places, &apps, &known, beside));
    let environments = environments.collect::<Result<Vec<_>, _>>()?;

    let pipeline = Pipeline { name, at: root.at(), layout, subscriptions, freight, environments };
    check(&pipeline)?;
    Ok(pipeline)
}

/// The version comes first: what is unknown in a newer file is no slip.
fn version(node: &Node, path: &str) -> Result<(), PipelineError> {
    match node.get("apiVersion") {
        Some(version) if version.text() != Some(API_VERSION) => Err(PipelineError::Field {
            message: format!("`apiVersion` is `{}`", version.text().unwrap_or(version.type_name())),
            hint: format!("this promoter reads `{API_VERSION}`: write it, or upgrade promoter"),
            at: Place::new(path, version.mark.line),
        }),
        _ => Ok(()),
    }
}

/// Where the locks of a pipeline's environments lie: the names of their branches, and the paths there.
pub(super) struct Places {
    active: String,
    proposed: String,
    /// The pipeline's folder on its branches; absent where locks lie beside what they render.
    folder: Option<String>,
}

impl Places {
    fn read(spec: &Fields<'_>, layout: Layout, dry_branch: &str, path: &str) -> Result<Self, PipelineError> {
        let (active, folder) = match layout {
            Layout::Branches => ("environment/{environment}", Some("{pipeline}".to_owned())),
            Layout::Folders => (dry_branch, None),
        };
        let default = Self {
            active: active.into(),
            proposed: "environment/{environment}-next/{pipeline}".into(),
            folder,
        };
        let Some(node) = spec.get("branches") else {
            return Ok(default);
        };
        let fields = Fields::open(node, "spec.branches", &["active", "proposed"], path)?;
        if layout == Layout::Folders && fields.get("active").is_some() {
            let message = "in the layout `folders` every environment runs the dry branch";
            return Err(fields.wrong("active", message, "leave it out, or use `layout: branches`").into());
        }
        let template = |key: &str, default: String| -> Result<String, FieldError> {
            let Some(text) = fields.text(key)? else {
                return Ok(default);
            };
            let filled = text.replace("{environment}", "x").replace("{pipeline}", "x");
            match is_branch(&filled) {
                true => Ok(text.to_owned()),
                false => Err(fields.wrong(
                    key,
                    format!("`{text}` makes no branch name"),
                    "use letters, digits, `-`, `_`, `.`, `/` and the placeholders `{environment}` and `{pipeline}`",
                )),
            }
        };
        Ok(Self {
            active: template("active", default.active)?,
            proposed: template("proposed", default.proposed)?,
            folder: default.folder,
        })
    }

    /// The same with the pipeline filled in.
    fn of(&self, pipeline: &Name) -> Self {
        let fill = |it: &str| it.replace("{pipeline}", pipeline.as_str());
        Self {
            active: fill(&self.active),
            proposed: fill(&self.proposed),
            folder: self.folder.as_deref().map(fill),
        }
    }

    /// Active and proposed branch of an environment.
    pub(super) fn branches(&self, environment: &Name) -> (String, String) {
        let fill = |it: &str| it.replace("{environment}", environment.as_str());
        (fill(&self.active), fill(&self.proposed))
    }

    /// The folder of the lock of an app, or of a pipeline without apps, that renders `source`.
    pub(super) fn folder(&self, app: Option<&Name>, source: &str) -> String {
        match (&self.folder, app) {
            (Some(folder), Some(app)) => format!("{folder}/{app}"),
            (Some(folder), None) => folder.clone(),
            (None, _) => source.to_owned(),
        }
    }

    /// Where locks of an environment may lie if the pipeline had other apps, or none, before. `source` holds `{app}` in a
    /// group.
    pub(super) fn folders_besides(&self, source: &str, is_group: bool) -> Vec<String> {
        match &self.folder {
            Some(folder) => vec![folder.clone(), format!("{folder}/{{app}}")],
            None if is_group => vec![source.to_owned()],
            None => Vec::new(),
        }
    }
}

/// A strict subset of what git takes for a branch name.
pub(super) fn is_branch(text: &str) -> bool {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.');
    let is_part = |it: &str| {
        it.starts_with(|it: char| it.is_ascii_alphanumeric() || it == '_')
            && it.chars().all(is_plain)
            && !it.contains("..")
            && !it.ends_with('.')
            && !it.ends_with(".lock")
    };
    text.len() <= 200 && text.split('/').all(is_part)
}

impl From<FieldError> for PipelineError {
    fn from(error: FieldError) -> Self {
        Self::Field { message: error.message(), hint: error.hint(), at: error.at }
    }
}
