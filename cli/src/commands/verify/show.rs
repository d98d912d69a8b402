//! What was found, as rows for people and for programs.

use crate::table::columns;
use promoter_core::{CommitId, Diagnosis, Fault, one_line};
use promoter_render::hydrate::{Checked, Difference, Wrong};
use serde::Serialize;

/// How a folder stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Proof {
    /// It is, byte for byte, what its lock renders to.
    Ok,
    /// It is something else.
    Differs,
    /// It cannot be told.
    Unproved,
}

/// One folder of one commit; without a folder, what the folders of a commit share.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    pub(super) branch: String,
    commit: String,
    /// From the root of the branch, `""` is the root itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pipeline: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    freight: Option<String>,
    pub(super) result: Proof,
    #[serde(skip_serializing_if = "Option::is_none")]
    objects: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    engine: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    differences: Vec<View>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip)]
    pub(super) fault: Option<Fault>,
    /// False in the layout `folders`: what is proved is that the lock renders to the same each time.
    #[serde(skip)]
    is_hydrated: bool,
}

/// One difference.
#[derive(Debug, Clone, Serialize)]
struct View {
    path: String,
    /// From 1; absent when it is about the whole file.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    /// `missing`, `extra`, `line` or `broken`.
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rendered: Option<String>,
    text: String,
}

impl View {
    fn of(it: &Difference) -> Self {
        let (kind, found, rendered) = match &it.what {
            Wrong::Missing => ("missing", None, None),
            Wrong::Extra => ("extra", None, None),
            Wrong::Line { found, rendered } => ("line", found.clone(), rendered.clone()),
            Wrong::Broken(_) => ("broken", None, None),
        };
        let line = Some(it.at.line).filter(|it| *it > 0);
        Self { path: it.at.path.clone(), line, kind, found, rendered, text: one_line(&it.to_string()) }
    }
}

impl Row {
    pub(super) fn new(branch: &str, commit: &CommitId, folder: Option<&str>) -> Self {
        Self {
            branch: branch.to_owned(),
            commit: commit.to_string(),
            folder: folder.map(str::to_owned),
            pipeline: None,
            environment: None,
            freight: None,
            result: Proof::Ok,
            objects: None,
            engine: None,
            differences: Vec::new(),
            why: None,
            fault: None,
            is_hydrated: true,
        }
    }

    /// As a folder that was checked.
    pub(super) fn proved(mut self, checked: &Checked) -> Self {
        self.is_hydrated = checked.is_hydrated();
        if let Some(lock) = &checked.lock {
            self.pipeline = Some(lock.pipeline.to_string());
            self.environment = Some(lock.environment.to_string());
            self.freight = Some(lock.freight.id().to_string());
            self.engine.clone_from(&lock.render.engine);
        }
        if checked.differences.is_empty() {
            return Self { objects: Some(checked.objects), ..self };
        }
        self.with(Proof::Differs, &checked.differences)
    }

    /// As one that could not be checked.
    pub(super) fn unproved(self, why: &Diagnosis) -> Self {
        let text = Some(one_line(&why.to_string()));
        Self { result: Proof::Unproved, why: text, fault: Some(why.fault), ..self }
    }

    /// With differences.
    pub(super) fn with(self, result: Proof, differences: &[Difference]) -> Self {
        Self { result, differences: differences.iter().map(View::of).collect(), ..self }
    }
}

/// A line for each row, and below it what differs with both lines.
pub(super) fn table(rows: &[Row]) -> String {
    let mut cells = vec![["BRANCH", "COMMIT", "FOLDER", "RESULT"].map(String::from).to_vec()];
    cells.extend(rows.iter().map(|it| {
        let result = match (it.result, it.objects, &it.why) {
            (Proof::Ok, objects, _) => {
                let count = objects.unwrap_or_default();
                let how = if it.is_hydrated { "byte for byte" } else { "the same at each render" };
                format!("ok, {count} object{}, {how}", if count == 1 { "" } else { "s" })
            }
            (Proof::Differs, _, _) => "differs".to_owned(),
            (Proof::Unproved, _, why) => format!("unproved, {}", why.as_deref().unwrap_or("no reason")),
        };
        let commit = it.commit.chars().take(10).collect();
        let folder = match it.folder.as_deref() {
            None => "-",
            Some("") => ".",
            Some(folder) => folder,
        };
        vec![it.branch.clone(), commit, folder.to_owned(), result]
    }));
    let shown = columns(&cells);
    let mut text = String::new();
    let mut lines = shown.lines();
    for line in lines.by_ref().take(1) {
        text.push_str(&format!("{line}\n"));
    }
    for (line, row) in lines.zip(rows) {
        text.push_str(&format!("{line}\n"));
        for it in &row.differences {
            text.push_str(&match it.kind {
                "line" => {
                    let line = |it: &Option<String>| it.clone().unwrap_or_else(|| "(end of file)".into());
                    let place = format!("{}:{}", it.path, it.line.unwrap_or_default());
                    format!(
                        "  {place}\n    found:    {}\n    rendered: {}\n",
                        line(&it.found),
                        line(&it.rendered)
                    )
                }
                _ => format!("  {}\n", it.text),
            });
        }
    }
    text
}
